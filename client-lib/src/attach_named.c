/* client-lib/src/attach_named.c - what names a file on this phone, whether the office declined it,
 * and whether others may carry it.
 * Promises: a file is called declined only where what named it is here, was answered, and something
 * of its record was declined; what cannot be read may name any file. */
#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/outbox.h"

#include <string.h>

/* Has the record's history a change that came out like this? */
static st_err has_verdict(sotay_client *client, const st_id *record, apply_verdict verdict,
                          bool *out_has, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    while (err == ST_OK && !*out_has) {
        apply_line line;
        err = apply_line_next(client, &scan, &arena, &line, error);
        if (err == ST_OK)
            *out_has = line.verdict == verdict;
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Lies something of ours sealed? It cannot be read here any more, and may name any file: also of
 * what is in the log a suspended device is told nothing. */
static st_err has_closed(sotay_client *client, bool *out_has, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK && !*out_has) {
        outbox_set own;
        err = outbox_next(&client->book, &scan, &own, error);
        if (err == ST_OK)
            *out_has = own.is_closed;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Is the value the list of hashes after which the row is called? */
static bool is_list_of(const st_value *value, const book_key *key)
{
    if (value->kind != ST_VALUE_BYTES || value->len == 0 || value->len % sizeof(st_hash) != 0)
        return false;
    const st_id any = { { 0 } };
    const book_key named =
        attach_key(&any, (const st_hash *)value->data, value->len / sizeof(st_hash));
    return memcmp(named.b + 17, key->b + 17, 16) == 0;
}

static bool change_names(const st_change *change, const book_key *key)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (is_list_of(&change->ops[i].value, key))
            return true;
    return false;
}

/* By any value that is such a list: of a record whose beginning is not here, as a suspended device
 * has it after a restore, the form is not known. */
static st_err base_names(sotay_client *client, const st_id *id, const book_key *key,
                         bool *out_named, st_error *error)
{
    st_arena arena;
    st_record record;
    book_value value = { NULL, 0 };
    const book_key base = book_key_id(BOOK_BASE, id);
    memset(&record, 0, sizeof record);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, &base, &arena, &value, error);
    if (err == ST_OK)
        err = st_record_decode(value.data, value.len, &arena, &record, error);
    for (size_t i = 0; err == ST_OK && !*out_named && i < record.lives_count; i++)
        *out_named = is_list_of(&record.lives[i].op.value, key);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What waits of a record, as it matters to one of its files. */
typedef struct {
    bool is_named;  /* by a change */
    bool is_sealed; /* by one that lies in a set */
    bool is_made;   /* the record, by a change that may yet be made anew (replay.h) */
} waiting_work;

/* The server may call it another branch. */
static bool is_unanswered(const overlay_entry *entry)
{
    return entry->status == OVERLAY_UNSEALED || entry->status == OVERLAY_SEALED;
}

/* Also a change that no fold shows: while its note is here, nobody has declined it. */
static st_err look_at_waiting(sotay_client *client, const st_id *id, const book_key *key,
                              waiting_work *out, st_error *error)
{
    st_arena arena;
    overlay_walk walk;
    st_err err = ST_OK;
    memset(out, 0, sizeof *out);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    overlay_walk_begin(&walk, client, id, &arena);
    while (err == ST_OK) {
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        if (err != ST_OK)
            break;
        bool names = change_names(change, key);
        out->is_named = out->is_named || names;
        out->is_sealed = out->is_sealed || (names && entry.first != 0);
        out->is_made = out->is_made || (change->creates && is_unanswered(&entry));
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err waiting_names(sotay_client *client, const st_id *id, const book_key *key,
                            bool *out_named, st_error *error)
{
    waiting_work work = { false, false, false };
    st_err err = *out_named ? ST_OK : look_at_waiting(client, id, key, &work, error);
    *out_named = *out_named || work.is_named;
    return err;
}

st_err attach_is_named(sotay_client *client, const st_id *record, const book_key *key,
                       bool *out_named, st_error *error)
{
    *out_named = false;
    st_err err = base_names(client, record, key, out_named, error);
    if (err == ST_OK)
        err = waiting_names(client, record, key, out_named, error);
    if (err == ST_OK)
        err = has_verdict(client, record, APPLY_HELD, out_named, error);
    if (err == ST_OK)
        err = has_closed(client, out_named, error);
    if (err == ST_OK || st_err_is_passing(err))
        return err;
    *out_named = true; /* what cannot be read may name it */
    return ST_OK;
}

st_err attach_is_given(sotay_client *client, const st_id *record, const book_key *key,
                       bool *out_is, st_error *error)
{
    waiting_work work = { false, false, false };
    st_err err = outbox_unsealed(client) == 0
                     ? ST_OK
                     : look_at_waiting(client, record, key, &work, error);
    *out_is = err != ST_OK || !(work.is_made && work.is_named && !work.is_sealed);
    return st_err_is_passing(err) ? err : ST_OK;
}

/* Did the office decline something of the record? */
static st_err has_declined(sotay_client *client, const st_id *record, bool *out_has,
                           st_error *error)
{
    const book_key note = book_key_id(BOOK_DECLINED, record);
    *out_has = false;
    st_err err = book_has(&client->book, &note, out_has, error);
    if (err == ST_OK)
        err = has_verdict(client, record, APPLY_DECLINED, out_has, error);
    return err;
}

/* Does a change of the set name the file of the row, on that record? A set that is not here, or
 * does not open, does not. */
static st_err set_names(sotay_client *client, const outbox_set *own, const st_id *record,
                        const book_key *key, bool *out_named, st_error *error)
{
    st_set set;
    st_arena arena;
    const st_dot at = { own->device, own->first };
    memset(&set, 0, sizeof set);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        if (st_id_cmp(&set.changes[i].record, record) == 0)
            *out_named = *out_named || change_names(&set.changes[i], key);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND || book_is_damage(&client->book, err) ? ST_OK : err;
}

st_err attach_is_declined(sotay_client *client, const st_id *record, const book_key *key,
                          bool *out_is, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    bool has_any = false;
    *out_is = false;
    st_err err = has_declined(client, record, &has_any, error);
    while (err == ST_OK && has_any && !*out_is) {
        outbox_set own;
        err = outbox_next(&client->book, &scan, &own, error);
        if (err == ST_OK && !outbox_waits(&own) && own.status != OUTBOX_LOST)
            err = set_names(client, &own, record, key, out_is, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
