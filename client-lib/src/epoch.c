/* client-lib/src/epoch.c - a new epoch of the book.
 * Promises: nothing that is kept here is given up; what the server's own device signed goes back
 * first, so that people and devices are known again before what they wrote comes.
 * Never: believes in an epoch that the key of the log has not signed. */
#include "client-lib/src/epoch.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/decided.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/lexicon.h"
#include "client-lib/src/purge.h"
#include "client-lib/src/witness.h"

enum { CARRY_SERVER, CARRY_OTHERS, CARRY_ORDERS };
enum { KEY_BYTES = 32, ROW_BYTES = KEY_BYTES + 8 + 8 + ST_SIGNATURE_BYTES };

/* ---- keys of the server's device ---- */

/* Two epochs may have the same number: one that was lost with its server, and the one after it. */
static book_key epoch_key(uint64_t n, const uint8_t server_key[32])
{
    book_key key = book_key_of(BOOK_EPOCH);
    book_key_u64(&key, n);
    book_key_bytes(&key, server_key, 8);
    return key;
}

st_err epoch_former_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                        st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    bool is_damaged = false;
    for (;;) {
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 4096);
        st_err err = book_scan_next(&client->book, &scan, &arena, &value, error);
        bool found = false;
        if (book_is_damage(&client->book, err)) {
            is_damaged = true; /* the one that is looked for, if no other is */
            err = ST_OK;
        }
        if (err == ST_E_NOT_FOUND && is_damaged)
            err = st_fail(error, ST_E_CORRUPT, "store: the key of a former server is damaged");
        if (err == ST_OK && (value.len == KEY_BYTES || value.len == ROW_BYTES)) {
            st_id id = st_device_id(value.data);
            found = st_id_cmp(&id, device) == 0;
            if (found)
                memcpy(out_key, value.data, KEY_BYTES);
        }
        st_arena_reset(&arena);
        if (err != ST_OK || found)
            return err;
    }
}

st_err epoch_is_servers(sotay_client *client, const st_id *device, bool *out_is, st_error *error)
{
    uint8_t key[32];
    *out_is = st_id_cmp(device, &client->next.server_device) == 0;
    st_err err = *out_is ? ST_OK : epoch_former_key(client, device, key, error);
    *out_is = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The same where it decides what is offered, and what goes first, and nothing is believed for it: a
 * damaged key may be that of any device of which nothing here says whose it is. */
static st_err may_be_servers(sotay_client *client, const st_id *device, bool *out_may,
                             st_error *error)
{
    st_id person;
    st_err err = epoch_is_servers(client, device, out_may, error);
    if (!book_is_damage(&client->book, err))
        return err;
    err = lexicon_person(client, device, &person, error);
    *out_may = err == ST_E_NOT_FOUND;
    return *out_may || book_is_damage(&client->book, err) ? ST_OK : err;
}

/* How many rows do not open? Such are dropped, if they are to be, and none is left. */
static st_err look_through(sotay_client *client, bool drops, size_t *out_left, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_left = 0;
    while (err == ST_OK) {
        bool opens = true;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = book_opens(&client->book, &scan.at, &opens, error);
        if (err == ST_OK && !opens && drops)
            err = book_delete(&client->book, &scan.at, error);
        *out_left += opens || drops ? 0 : 1;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- what others wrote and we keep ---- */

static book_key carry_key(uint8_t order, const st_id *device, uint64_t first)
{
    book_key key = book_key_of(BOOK_CARRY);
    book_key_bytes(&key, &order, 1);
    book_key_bytes(&key, device->b, sizeof device->b);
    book_key_u64(&key, first);
    return key;
}

st_err epoch_next_carried(sotay_client *client, book_scan *scan, st_dot *out_set, bool *out_first,
                          st_error *error)
{
    st_err err = book_scan_next(&client->book, scan, NULL, NULL, error);
    if (err == ST_OK && scan->at.len != 1 + 1 + 16 + 8)
        return st_fail(error, ST_E_CORRUPT, "store: a note of a carried set is damaged");
    if (err != ST_OK)
        return err;
    *out_first = scan->at.b[1] == CARRY_SERVER;
    memcpy(out_set->device.b, scan->at.b + 2, sizeof out_set->device.b);
    out_set->counter = st_get_u64(scan->at.b + 18);
    return ST_OK;
}

st_err epoch_carried(sotay_client *client, const st_id *device, uint64_t first, st_error *error)
{
    st_err err = ST_OK;
    for (uint8_t order = 0; err == ST_OK && order < CARRY_ORDERS; order++) {
        book_key key = carry_key(order, device, first);
        err = book_delete(&client->book, &key, error);
    }
    return err;
}

st_err epoch_offer(sotay_client *client, const st_id *device, uint64_t first, st_error *error)
{
    bool servers = false;
    const uint8_t here = 1;
    st_err err = may_be_servers(client, device, &servers, error);
    book_key key = carry_key(servers ? CARRY_SERVER : CARRY_OTHERS, device, first);
    return err == ST_OK ? book_put(&client->book, &key, &here, sizeof here, error) : err;
}

static st_err offer_one(sotay_client *client, const st_dot *set, st_error *error)
{
    st_arena arena;
    bool own = false;
    book_value kept = { NULL, 0 };
    book_key key = book_key_counter(BOOK_OWN, &set->device, set->counter);
    st_err err = book_has(&client->book, &key, &own, error);
    if (err != ST_OK || own)
        return err;
    key.b[0] = BOOK_SET;
    st_arena_init(&arena, (size_t)ST_SET_BYTES_MAX * 2);
    err = book_get_whole(&client->book, &key, &arena, &kept, error);
    if (err == ST_OK)
        err = epoch_offer(client, &set->device, set->counter, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err; /* its record goes as evidence */
}

/* The sets that histories name. */
typedef struct {
    st_arena arena;
    st_dot *sets;
    size_t count, capacity;
} named_sets;

static st_err add_named(named_sets *named, const st_dot *set, st_error *error)
{
    st_dot *sets = named->sets;
    if (named->count == named->capacity)
        sets = st_arena_grow(&named->arena, sets, named->count, &named->capacity, sizeof *sets);
    if (sets == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    named->sets = sets;
    named->sets[named->count++] = *set;
    return ST_OK;
}

/* Every line of a history tells which set came with which entry. */
static st_err offer_beyond(sotay_client *client, uint64_t cut, named_sets *named, st_error *error)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        apply_line line;
        st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
        err = apply_line_next_whole(client, &scan, &arena, &line, error);
        const st_dot set = { line.device, line.first };
        if (err == ST_OK)
            err = add_named(named, &set, error);
        if (err == ST_OK && line.index > cut)
            err = offer_one(client, &set, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The name of the next kept set; scan from book_key_of(BOOK_SET). ST_E_NOT_FOUND at the end. */
static st_err next_kept(sotay_client *client, book_scan *scan, st_dot *out_set, st_error *error)
{
    st_err err = book_scan_next(&client->book, scan, NULL, NULL, error);
    if (err != ST_OK)
        return err;
    memcpy(out_set->device.b, scan->at.b + 1, sizeof out_set->device.b);
    out_set->counter = st_get_u64(scan->at.b + 17);
    return ST_OK;
}

static int compare_dots(const void *a, const void *b)
{
    return st_dot_cmp(a, b);
}

/* A bucket that was read anew from a snapshot has no lines: what is kept of it may lie anywhere. */
static st_err offer_unnamed(sotay_client *client, const named_sets *named, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_dot set;
        err = next_kept(client, &scan, &set, error);
        if (err == ST_OK &&
            (named->count == 0 ||
             bsearch(&set, named->sets, named->count, sizeof set, compare_dots) == NULL))
            err = offer_one(client, &set, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err offer_others(sotay_client *client, uint64_t cut, st_error *error)
{
    named_sets named;
    memset(&named, 0, sizeof named);
    st_arena_init(&named.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = offer_beyond(client, cut, &named, error);
    if (err == ST_OK && named.count > 0)
        qsort(named.sets, named.count, sizeof *named.sets, compare_dots);
    if (err == ST_OK)
        err = offer_unnamed(client, &named, error);
    st_arena_reset(&named.arena);
    return err;
}

/* ---- a server that does not know us any more ---- */

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
        err = next_kept(client, scan, out_at, error);
        if (err != ST_OK)
            break;
        err = may_be_servers(client, &out_at->device, &servers, error);
    }
    if (err != ST_OK)
        return err;
    err = overlay_set_get(client, out_at, out_at->counter, arena, out_set, error);
    if (err == ST_OK || st_err_is_passing(err))
        return err;
    memset(out_set, 0, sizeof *out_set);
    return ST_OK;
}

st_err epoch_own_enrolment(sotay_client *client, st_dot *out_set, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        st_arena arena;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        st_err err = next_of_server(client, &scan, &arena, out_set, &set, error);
        bool found = false;
        for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
            found = found || enrols(&set.changes[i], &client->me.speaker);
        st_arena_reset(&arena);
        if (found || err != ST_OK)
            return err;
    }
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

st_err epoch_keep_enrolment(sotay_client *client, const st_enrol_answer *answer, st_error *error)
{
    st_arena arena;
    st_set set;
    const identity *next = &client->next;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_enrolment(answer, &arena, &set);
    bool found = err == ST_OK && st_id_cmp(&set.device, &answer->server_device) == 0 &&
                 enrols_by(&set, next, &next->device, answer->server_key);
    if (found) {
        book_key key = book_key_counter(BOOK_SET, &set.device, set.first);
        err = book_put(&client->book, &key, answer->enrolment, answer->enrolment_len, error);
    }
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

/* ---- the turn ---- */

/* Were its bytes let go because a backup had them? */
static st_err was_covered(sotay_client *client, const outbox_set *own, bool *out_was,
                          st_error *error)
{
    bool is_here = true;
    book_key key = book_key_counter(BOOK_CLOSED, &own->device, own->first);
    st_err err = own->is_closed ? book_has(&client->book, &key, &is_here, error) : ST_OK;
    *out_was = !is_here;
    return err;
}

/* One that lies beyond the cut; and one of which a verdict said that something was declined, since
 * nobody knows where: no page did, which would be read anew. That is shown again. */
static st_err offer_one_own(sotay_client *client, outbox_set *set, uint64_t cut,
                            apply_vector *io_read, st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    bool was_told = false;
    st_err err =
        set->is_closed ? ST_OK : apply_show_told(client, set, io_read, &was_told, error);
    if (err != ST_OK || (set->position > 0 && set->position <= cut && !was_told))
        return err;
    set->status = OUTBOX_UNSENT;
    set->position = 0;
    set->is_asked = false;
    set->hold = ST_HOLD_NONE;
    return outbox_settle(client, set, NULL, none, error);
}

/* That this book did not say what it is, before it was asked in its own epoch, says nothing. */
static st_err ask_anew(sotay_client *client, outbox_set *set, st_error *error)
{
    const bool was_asked = set->is_asked;
    set->is_asked = false;
    return was_asked ? outbox_put(&client->book, set, error) : ST_OK;
}

/* One that does not open waits like the others: it is said that it cannot go. */
static st_err offer_own(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    apply_vector read;
    st_err err = ST_OK;
    memset(&read, 0, sizeof read);
    st_arena_init(&read.arena, CLIENT_WORK_BYTES_MAX);
    while (err == ST_OK) {
        outbox_set set;
        bool is_gone = false;
        err = outbox_next(&client->book, &scan, &set, error);
        if (err == ST_OK)
            err = was_covered(client, &set, &is_gone, error);
        if (err != ST_OK || is_gone)
            continue;
        err = set.status == OUTBOX_UNSENT || set.status == OUTBOX_LOST
                  ? ask_anew(client, &set, error)
                  : offer_one_own(client, &set, cut, &read, error);
    }
    st_arena_reset(&read.arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Those that are read beyond the cut. Also of which a snapshot was loaded that is not whole yet, of
 * which no cursor speaks. */
static st_err find_beyond(sotay_client *client, uint64_t cut, st_arena *arena,
                          bucket_list *out_list, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_bucket *names = NULL;
    size_t count = 0, capacity = 0;
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        bool is_begun = false;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK)
            err = snapshot_is_begun(&client->book, &bucket, &is_begun, error);
        if (err != ST_OK || (state.cursor <= cut && !is_begun))
            continue;
        if (count == capacity)
            names = st_arena_grow(arena, names, count, &capacity, sizeof *names);
        if (names == NULL)
            return st_fail(error, ST_E_MEMORY, "sync: no memory");
        names[count++] = bucket;
    }
    *out_list = (bucket_list){ names, count };
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* All in one walk: there may be many. */
static st_err forget_beyond(sotay_client *client, uint64_t cut, st_error *error)
{
    st_arena arena;
    bucket_list list = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_beyond(client, cut, &arena, &list, error);
    if (err == ST_OK && list.count > 0)
        err = evidence_forget_these(client, list, cut, error);
    st_arena_reset(&arena);
    return err;
}

st_err epoch_turn(sotay_sync *sync, uint64_t cut, st_error *error)
{
    sotay_client *client = sync->client;
    st_err err = offer_own(client, cut, error);
    if (err == ST_OK)
        err = offer_others(client, cut, error);
    if (err == ST_OK) /* no history speaks of one that came with no page yet */
        err = epoch_offer_enrolments(client, error);
    if (err == ST_OK)
        err = closed_turn(client, cut, error);
    if (err == ST_OK)
        err = carried_turn(client, error);
    if (err == ST_OK)
        err = delivered_turn(client, cut, error);
    if (err == ST_OK)
        err = purge_turn(client, cut, error);
    if (err == ST_OK)
        err = decided_turn(client, cut, error);
    if (err == ST_OK)
        err = forget_beyond(client, cut, error);
    if (client->next.position > cut)
        client->next.position = 0;
    if (client->next.scope_rev > cut) /* another revision may have the number there */
        client->next.scope_rev = 0;
    if (client->next.backed_up_to > cut)
        client->next.backed_up_to = cut;
    client->next.heard = sync->hears = 0; /* of another book */
    client->next.turned_ms = sync->asked_wall_ms;
    sync->has_turned = true;
    sync->wants_again = true;
    sync->report.needs_person = true;
    return err;
}

/* The key that counted until now stays known. */
static st_err keep_key(sotay_client *client, uint64_t n, const uint8_t server_key[32],
                       st_error *error)
{
    bool known = false;
    book_key key = epoch_key(n, server_key);
    st_err err = book_has(&client->book, &key, &known, error);
    return err == ST_OK && !known ? book_put(&client->book, &key, server_key, KEY_BYTES, error)
                                  : err;
}

/* The row too, as the key of the log signed it: a server that lost the epoch believes it. */
static st_err keep_row(sotay_client *client, const st_epoch *row, st_error *error)
{
    uint8_t value[ROW_BYTES];
    book_key key = epoch_key(row->n, row->server_key);
    memcpy(value, row->server_key, KEY_BYTES);
    memcpy(value + KEY_BYTES, row->epoch, 8);
    st_put_u64(value + KEY_BYTES + 8, row->cut);
    memcpy(value + KEY_BYTES + 16, row->signature, sizeof row->signature);
    return book_put(&client->book, &key, value, sizeof value, error);
}

st_err epoch_keep_told(sotay_client *client, const st_enrol_answer *answer, st_error *error)
{
    const identity *next = &client->next;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < answer->epochs_count; i++)
        if (st_epoch_verify(&next->log, &answer->epochs[i], next->log_key))
            err = keep_row(client, &answer->epochs[i], error);
    return err;
}

static void read_row(const book_key *key, const book_value *value, st_epoch *out)
{
    out->n = st_get_u64(key->b + 1);
    memcpy(out->server_key, value->data, KEY_BYTES);
    memcpy(out->epoch, value->data + KEY_BYTES, 8);
    out->cut = st_get_u64(value->data + KEY_BYTES + 8);
    memcpy(out->signature, value->data + KEY_BYTES + 16, sizeof out->signature);
}

/* The next one that opens and was signed; scan from book_key_of(BOOK_EPOCH), ascending by n.
 * ST_E_NOT_FOUND at the end. */
static st_err next_row(sotay_client *client, book_scan *scan, st_arena *arena, st_epoch *out,
                       st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = ST_OK;
    do {
        err = book_scan_whole(&client->book, scan, arena, &value, error);
    } while (err == ST_OK && (value.len != ROW_BYTES || scan->at.len != 1 + 8 + 8));
    if (err == ST_OK)
        read_row(&scan->at, &value, out);
    return err;
}

/* Does this request bring what one of the server's devices signed? */
static st_err brings_papers(sotay_sync *sync, bool *out_brings, st_error *error)
{
    const uint8_t order = CARRY_SERVER;
    book_key prefix = book_key_of(BOOK_CARRY);
    book_key_bytes(&prefix, &order, 1);
    book_scan scan = book_scan_of(&prefix);
    st_err err = sync->presents ? ST_OK
                                : book_scan_next(&sync->client->book, &scan, NULL, NULL, error);
    *out_brings = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Where a row is damaged, or not all were told, as if none were known: all are told again. What the
 * disk does not give is not mended so, and in nobody's way here. */
static void say_known(sotay_sync *sync, st_ask *ask)
{
    const identity *me = &sync->client->me;
    size_t damaged = 0;
    st_err err = look_through(sync->client, false, &damaged, NULL);
    ask->has_epochs_mark =
        me->epochs > 1 && me->has_epochs_mark && (err != ST_OK || damaged == 0);
    ask->epochs = ask->has_epochs_mark ? me->epochs : 0;
    memcpy(ask->epochs_mark, me->epochs_mark, sizeof ask->epochs_mark);
}

/* The newest of them: those that a book knows again, as a rule, are the oldest. */
static void show_row(st_epoch *rows, uint32_t *io_count, const st_epoch *row)
{
    if (*io_count == ST_EPOCHS_SHOWN_MAX)
        memmove(rows, rows + 1, --*io_count * sizeof *rows);
    rows[(*io_count)++] = *row;
}

st_err epoch_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    bool brings = false;
    st_arena *arena = &sync->arena;
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    say_known(sync, ask);
    st_err err = brings_papers(sync, &brings, error);
    if (err != ST_OK || !brings)
        return err;
    st_epoch *rows = st_arena_array(arena, ST_EPOCHS_SHOWN_MAX, sizeof *rows);
    if (rows == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    ask->seen = rows;
    while (err == ST_OK) {
        st_epoch row;
        err = next_row(sync->client, &scan, arena, &row, error);
        if (err == ST_OK)
            show_row(rows, &ask->seen_count, &row);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The log of an epoch that was lost is this one no further than up to where that, or one before it,
 * began: the lowest cut of all that we were told of; where one of these does not open, nowhere. */
static st_err lower_to_kept(sotay_client *client, uint64_t *io_cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    size_t damaged = 0;
    st_err err = look_through(client, false, &damaged, error);
    if (damaged > 0)
        *io_cut = 0;
    while (err == ST_OK) {
        st_arena arena;
        st_epoch row;
        st_arena_init(&arena, 4096);
        err = next_row(client, &scan, &arena, &row, error);
        if (err == ST_OK && row.n > 1 && row.cut < *io_cut)
            *io_cut = row.cut;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Rows of the log as it is told; *out_cut is the lowest cut of those behind our own epoch, which is
 * number `known`; where that is not among all of them, of those of before too. */
static st_err keep_rows(sotay_client *client, const st_epoch *rows, uint32_t count, uint64_t known,
                        uint64_t *out_cut, st_error *error)
{
    const identity *next = &client->next;
    uint64_t cut = UINT64_MAX;
    bool is_lost = rows[0].n <= 2;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < count; i++) {
        if (!st_epoch_verify(&next->log, &rows[i], next->log_key))
            return st_fail(error, ST_E_SIGNATURE, "epoch: the key of the log has not signed it");
        bool is_ours = memcmp(rows[i].epoch, next->epoch, sizeof next->epoch) == 0;
        is_lost = is_lost && !is_ours;
        if (is_ours && rows[i].n <= known)
            cut = UINT64_MAX; /* nothing up to here is new */
        else if (rows[i].cut < cut)
            cut = rows[i].cut;
        err = keep_row(client, &rows[i], error);
    }
    if (err == ST_OK && is_lost)
        err = lower_to_kept(client, &cut, error);
    *out_cut = cut;
    return err;
}

/* Told again: names may hang on the keys, and are learned before the rest of the book comes. */
static void go_on_with_keys(sotay_sync *sync)
{
    memset(&sync->names, 0, sizeof sync->names);
    sync->wants_again = true;
    sync->reads = READS_NOTHING;
}

/* Of a list that begins behind the first row no mark is known; it is asked for again, whole. */
static void note_list(identity *next, const st_epoch *rows, uint32_t count)
{
    next->has_epochs_mark = rows[0].n == 1;
    st_epochs_mark(&next->log, rows, count, next->epochs_mark);
}

/* Is it the very list that was told last? */
static bool has_list(const identity *next, const st_epoch *rows, uint32_t count)
{
    uint8_t mark[ST_EPOCHS_MARK_BYTES];
    st_epochs_mark(&next->log, rows, count, mark);
    return next->has_epochs_mark && memcmp(mark, next->epochs_mark, sizeof mark) == 0;
}

st_err epoch_take(sotay_sync *sync, const st_epoch *rows, uint32_t count, st_error *error)
{
    identity *next = &sync->client->next;
    uint64_t known = next->epochs > 0 ? next->epochs : 1, cut = UINT64_MAX;
    size_t damaged = 0, left = 0;
    st_err err = look_through(sync->client, false, &damaged, error);
    if (err != ST_OK || count == 0)
        return err;
    const st_epoch *last = &rows[count - 1];
    bool is_same = memcmp(next->epoch, last->epoch, sizeof next->epoch) == 0;
    if (is_same && damaged == 0 && has_list(next, rows, count))
        return ST_OK;
    err = keep_key(sync->client, known, next->server_key, error);
    if (err == ST_OK)
        err = keep_rows(sync->client, rows, count, known, &cut, error);
    if (err == ST_OK) /* what is damaged and not among all of them is gone */
        err = look_through(sync->client, rows[0].n == 1, &left, error);
    if (err != ST_OK)
        return err;
    next->epochs = last->n;
    note_list(next, rows, count);
    memcpy(next->server_key, last->server_key, sizeof next->server_key);
    next->server_device = st_device_id(last->server_key);
    if (left < damaged)
        go_on_with_keys(sync);
    if (is_same)
        return ST_OK;
    memcpy(next->epoch, last->epoch, sizeof next->epoch);
    witness_turn(next, cut);
    return epoch_turn(sync, cut, error);
}

/* How far we were shown it: where an answer came in parts, a bucket is further than the others. */
static st_err farthest(sotay_client *client, uint64_t *out_cursor, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_cursor = client->next.position;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK && state.in_scope && state.cursor > *out_cursor)
            *out_cursor = state.cursor;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err epoch_check_end(sotay_sync *sync, const st_end *end, st_error *error)
{
    uint64_t cursor = 0;
    if (end->more || end->has_epoch || end->position == 0 || sync->has_turned)
        return ST_OK;
    st_err err = farthest(sync->client, &cursor, error);
    if (err != ST_OK || cursor <= end->position)
        return err;
    return epoch_turn(sync, end->position, error);
}
