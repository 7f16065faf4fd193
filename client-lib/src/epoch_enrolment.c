/* client-lib/src/epoch_enrolment.c - the sets by which the server's devices enrolled this one: a
 * book that was put back may have lost them, and does not know us any more.
 * Promises: what enrols this device is kept from the answer on, and offered where it is asked for.
 * Never: believes an enrolment that none of the server's devices signed. */
#include "client-lib/src/epoch_enrolment.h"

#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/overlay.h"
#include "proto/changeset.h"

static bool enrols(const st_change *change, const st_id *device)
{
    if (!change->creates || strcmp(change->form.s, "device") != 0)
        return false;
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].value.kind == ST_VALUE_ID && change->ops[i].value.len == 16 &&
            memcmp(change->ops[i].value.data, device->b, 16) == 0)
            return true;
    return false;
}

/* The next kept set of a device of the server's own. One that does not open has no changes. */
static st_err next_of_server(sotay_client *client, book_scan *scan, st_arena *arena, st_dot *out_at,
                             st_set *out_set, st_error *error)
{
    bool servers = false;
    st_err err = ST_OK;
    memset(out_set, 0, sizeof *out_set);
    while (err == ST_OK && !servers) {
        err = epoch_next_kept(client, scan, out_at, error);
        if (err != ST_OK)
            break;
        err = epoch_may_be_servers(client, &out_at->device, &servers, error);
    }
    if (err != ST_OK)
        return err;
    err = overlay_set_get(client, out_at, out_at->counter, arena, out_set, error);
    if (err == ST_OK || st_err_is_passing(err))
        return err;
    memset(out_set, 0, sizeof *out_set);
    return ST_OK;
}

static bool makes(const st_change *change, const st_id *record)
{
    return change->creates && st_id_cmp(&change->record, record) == 0;
}

/* What a set is looked for by: a change that is such a one, of the device or record. */
typedef struct {
    bool (*is)(const st_change *change, const st_id *of);
    const st_id *of;
} looked_for;

/* The next kept set of a device of the server's own that has such a change. ST_E_NOT_FOUND. */
static st_err next_paper(sotay_client *client, book_scan *scan, const looked_for *what,
                         st_dot *out_set, st_error *error)
{
    for (;;) {
        st_arena arena;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        st_err err = next_of_server(client, scan, &arena, out_set, &set, error);
        bool found = false;
        for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
            found = found || what->is(&set.changes[i], what->of);
        st_arena_reset(&arena);
        if (found || err != ST_OK)
            return err;
    }
}

st_err epoch_next_enrolment(sotay_client *client, book_scan *scan, st_dot *out_set,
                            st_error *error)
{
    const looked_for ours = { enrols, &client->me.speaker };
    return next_paper(client, scan, &ours, out_set, error);
}

/* Whose the device is by what enrols it: the other id in that. Zero: nobody's. */
static st_id person_of(const st_change *change, const st_id *device)
{
    st_id person = { { 0 } };
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_value *value = &change->ops[i].value;
        if (value->kind == ST_VALUE_ID && value->len == sizeof person.b &&
            memcmp(value->data, device->b, sizeof device->b) != 0)
            memcpy(person.b, value->data, sizeof person.b);
    }
    return person;
}

/* Not whom this store names: another life of the book had another record of him. */
st_err epoch_its_person(sotay_client *client, const st_dot *enrolment, st_dot *out_set,
                        st_error *error)
{
    st_arena arena;
    st_set set;
    st_id person = { { 0 } };
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    const looked_for his = { makes, &person };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, enrolment, enrolment->counter, &arena, &set, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        if (enrols(&set.changes[i], &client->me.speaker))
            person = person_of(&set.changes[i], &client->me.speaker);
    st_arena_reset(&arena);
    return err == ST_OK ? next_paper(client, &scan, &his, out_set, error) : err;
}

/* Is this the set in which the holder of `key` enrolled the device? */
static bool enrols_by(const st_set *set, const identity *next, const st_id *device,
                      const uint8_t key[32])
{
    bool found = false;
    for (uint32_t i = 0; i < set->changes_count; i++)
        found = found || enrols(&set->changes[i], device);
    return found && st_set_verify(set, &next->log, key);
}

/* The set that came with the answer. ST_E_CORRUPT also: none came. */
static st_err read_enrolment(const st_enrol_answer *answer, st_arena *arena, st_set *out_set)
{
    if (answer->enrolment == NULL)
        return ST_E_CORRUPT;
    return st_set_decode(answer->enrolment, answer->enrolment_len, arena, out_set, NULL);
}

/* Of a life that is lost this store may have another one under that name. */
static st_err put_as_told(sotay_client *client, const st_set *set, st_error *error)
{
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    st_err err = carried_put_aside(client, set, error);
    return err == ST_OK ? book_put(&client->book, &key, set->bytes, set->bytes_len, error) : err;
}

st_err epoch_keep_enrolment(sotay_client *client, const st_enrol_answer *answer, st_error *error)
{
    st_arena arena;
    st_set set;
    const identity *next = &client->next;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_enrolment(answer, &arena, &set);
    bool found = err == ST_OK && st_id_cmp(&set.device, &answer->server_device) == 0 &&
                 enrols_by(&set, next, &next->device, answer->server_key);
    if (found)
        err = put_as_told(client, &set, error);
    st_arena_reset(&arena);
    return found || err == ST_E_MEMORY ? err : ST_OK;
}

st_err epoch_check_enrolment(sotay_client *client, const st_enrol_answer *answer,
                             const st_id *device, st_error *error)
{
    st_arena arena;
    st_set set;
    uint8_t key[32];
    const identity *next = &client->next;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_enrolment(answer, &arena, &set);
    if (err == ST_OK && st_id_cmp(&set.device, &next->server_device) == 0)
        memcpy(key, next->server_key, sizeof key);
    else if (err == ST_OK)
        err = epoch_former_key(client, &set.device, key, error);
    bool good = err == ST_OK && enrols_by(&set, next, device, key);
    st_arena_reset(&arena);
    if (st_err_is_passing(err))
        return st_fail(error, err, "sync: what enrols this copy could not be looked at");
    return good ? ST_OK : st_fail(error, ST_E_SIGNATURE,
                                  "sync: the server has not signed that it knows this copy");
}

/* Did this store write under the device that the change enrols? */
static st_err enrols_ours(sotay_client *client, const st_change *change, bool *out_ours,
                          st_error *error)
{
    st_err err = ST_OK;
    *out_ours = enrols(change, &client->next.speaker);
    for (uint32_t i = 0; err == ST_OK && !*out_ours && i < change->ops_count; i++) {
        const st_value *value = &change->ops[i].value;
        st_id id;
        if (value->kind != ST_VALUE_ID || value->len != sizeof id.b)
            continue;
        memcpy(id.b, value->data, sizeof id.b);
        book_key prefix = book_key_id(BOOK_OWN, &id);
        book_scan scan = book_scan_of(&prefix);
        err = enrols(change, &id) ? book_scan_next(&client->book, &scan, NULL, NULL, error)
                                  : ST_E_NOT_FOUND;
        *out_ours = err == ST_OK;
        if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    return err;
}

st_err epoch_offer_enrolments(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_set set;
        st_dot at;
        bool ours = false;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = next_of_server(client, &scan, &arena, &at, &set, error);
        for (uint32_t i = 0; err == ST_OK && !ours && i < set.changes_count; i++)
            err = enrols_ours(client, &set.changes[i], &ours, error);
        if (err == ST_OK && ours)
            err = epoch_offer(client, &at.device, at.counter, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
