/* client-lib/src/attach_named.c - what names a file on this phone, and whether the office declined
 * it.
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

/* Also a change that no fold shows: while its note is here, nobody has declined it. */
static st_err waiting_names(sotay_client *client, const st_id *id, const book_key *key,
                            bool *out_named, st_error *error)
{
    st_arena arena;
    overlay_walk walk;
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    overlay_walk_begin(&walk, client, id, &arena);
    while (err == ST_OK && !*out_named) {
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        *out_named = err == ST_OK && change_names(change, key);
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
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
