/* client-lib/src/delivered.c - keeps what was delivered until a backup has it.
 * Promises: what the server took goes only when a backup that has it is known; a new epoch offers
 * the rest again, and none of it takes the place of another row. */
#include "client-lib/src/delivered.h"

#include <string.h>

#define HEAD (1u + 8u) /* of a key: the table, the position */

static uint64_t position_of(const book_key *at)
{
    return st_get_u64(at->b + 1);
}

static book_key key_at(uint64_t position, const book_key *key)
{
    book_key at = book_key_of(BOOK_DELIVERED);
    book_key_u64(&at, position);
    book_key_bytes(&at, key->b, key->len);
    return at;
}

static st_err move(sotay_client *client, const book_key *from, const book_key *to, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, from, &arena, &value, error);
    if (err == ST_OK)
        err = book_put(&client->book, to, value.data, value.len, error);
    bool is_nothing = book_is_damage(&client->book, err); /* it does not open */
    if (err == ST_OK || is_nothing)
        err = book_delete(&client->book, from, error);
    st_arena_reset(&arena);
    return err;
}

st_err delivered_keep(sotay_client *client, const book_key *key, uint64_t position,
                      st_error *error)
{
    book_key at = key_at(position, key);
    st_err err = move(client, key, &at, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err delivered_next(sotay_client *client, book_scan *scan, book_key *out_key, st_error *error)
{
    st_err err = ST_OK;
    do /* a key that is too short is nobody's */
        err = book_scan_next(&client->book, scan, NULL, NULL, error);
    while (err == ST_OK && scan->at.len <= HEAD);
    if (err != ST_OK)
        return err;
    memset(out_key, 0, sizeof *out_key);
    out_key->len = scan->at.len - HEAD;
    memcpy(out_key->b, scan->at.b + HEAD, out_key->len);
    return ST_OK;
}

/* Without a position they stand in front. */
static st_err date(sotay_client *client, uint64_t position, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_key_u64(&prefix, 0);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        err = delivered_next(client, &scan, &key, error);
        if (err != ST_OK)
            break;
        book_key at = key_at(position, &key);
        err = move(client, &scan.at, &at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err delivered_end(sotay_client *client, uint64_t entries, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = entries > 0 ? date(client, entries + 1, error) : ST_OK;
    while (err == ST_OK) {
        err = delivered_next(client, &scan, &key, error);
        if (err == ST_OK && position_of(&scan.at) > client->next.backed_up_to)
            break;
        if (err == ST_OK && position_of(&scan.at) > 0)
            err = book_delete(&client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Another state of the record may stand there by now. */
static st_err find_room(sotay_client *client, book_key *key, st_error *error)
{
    bool is_taken = key->b[0] == BOOK_EVIDENCE && key->len > 4;
    st_err err = ST_OK;
    while (err == ST_OK && is_taken) {
        err = book_has(&client->book, key, &is_taken, error);
        uint8_t *n = key->b + key->len - 4;
        if (err == ST_OK && is_taken)
            st_put_u32(n, st_get_u32(n) + 1);
    }
    return err;
}

static bool is_beyond(uint64_t position, uint64_t cut)
{
    return position == 0 || position > cut;
}

/* What stands in its table already came after what was delivered. */
static st_err drop_older(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        bool is_there = false;
        err = delivered_next(client, &scan, &key, error);
        if (err != ST_OK || !is_beyond(position_of(&scan.at), cut) || key.b[0] == BOOK_EVIDENCE)
            continue;
        err = book_has(&client->book, &key, &is_there, error);
        if (err == ST_OK && is_there)
            err = book_delete(&client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Older ones first, so that of two the newer one stays: those without a position are the newest. */
static st_err bring_back(sotay_client *client, uint64_t cut, bool has_position, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        err = delivered_next(client, &scan, &key, error);
        uint64_t position = err == ST_OK ? position_of(&scan.at) : 0;
        if (err != ST_OK || has_position != (position > 0) || !is_beyond(position, cut))
            continue;
        err = find_room(client, &key, error);
        if (err == ST_OK)
            err = move(client, &scan.at, &key, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err delivered_turn(sotay_client *client, uint64_t cut, st_error *error)
{
    st_err err = drop_older(client, cut, error);
    if (err == ST_OK)
        err = bring_back(client, cut, true, error);
    return err == ST_OK ? bring_back(client, cut, false, error) : err;
}

st_err delivered_back(sotay_client *client, const book_key *at, st_error *error)
{
    bool is_there = false;
    book_key key;
    memset(&key, 0, sizeof key);
    key.len = at->len - HEAD;
    memcpy(key.b, at->b + HEAD, key.len);
    st_err err = book_has(&client->book, &key, &is_there, error);
    if (err != ST_OK)
        return err;
    return is_there ? book_delete(&client->book, at, error) : move(client, at, &key, error);
}

st_err delivered_count(sotay_client *client, uint64_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_count = 0;
    while (err == ST_OK) {
        err = delivered_next(client, &scan, &key, error);
        bool is_work = err == ST_OK && key.b[0] != BOOK_PURGE;
        *out_count += is_work ? 1 : 0;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
