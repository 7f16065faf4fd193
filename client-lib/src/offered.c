/* client-lib/src/offered.c - how often carried pieces are offered that the server leaves.
 * Promises: each is offered for as long as it is here, and costs less each time it is left.
 * Never: holds back a change-set. */
#include "client-lib/src/offered.h"

#include <string.h>

#define LEFT_MAX 3u /* every eighth sync */

static bool is_piece(const book_key *key)
{
    return key->len > 1 && key->b[1] == ST_PARCEL_PIECE;
}

static book_key key_of(const book_key *parcel)
{
    book_key key = book_key_of(BOOK_OFFERED);
    book_key_bytes(&key, parcel->b, parcel->len);
    return key;
}

typedef struct {
    uint8_t times; /* that it was left; 0: never */
    uint8_t wait;  /* syncs in which it stays here */
} offered_row;

static st_err get(sotay_client *client, const book_key *key, offered_row *out, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4096);
    *out = (offered_row){ 0, 0 };
    st_err err = book_get(&client->book, key, &arena, &value, error);
    if (err == ST_OK && value.len == 2)
        *out = (offered_row){ value.data[0], value.data[1] };
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* In this request, or held back from it. */
static st_err note(sotay_sync *sync, const book_key *key, st_error *error)
{
    book_key *list = sync->offered;
    if (sync->offered_count == sync->offered_capacity)
        list = st_arena_grow(&sync->arena, list, sync->offered_count, &sync->offered_capacity,
                             sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->offered = list;
    sync->offered[sync->offered_count++] = *key;
    return ST_OK;
}

st_err offered_goes(sotay_sync *sync, const book_key *key, bool *out_goes, st_error *error)
{
    offered_row row;
    book_key at = key_of(key);
    bool is_set = !is_piece(key);
    *out_goes = is_set || !sync->is_metered;
    sync->brings_others = sync->brings_others || is_set;
    if (is_set || sync->is_metered || sync->brings_others)
        return ST_OK;
    st_err err = get(sync->client, &at, &row, error);
    *out_goes = err == ST_OK && row.wait == 0;
    return err == ST_OK && row.wait > 0 ? note(sync, key, error) : err;
}

st_err offered_sent(sotay_sync *sync, const book_key *key, st_error *error)
{
    return is_piece(key) ? note(sync, key, error) : ST_OK;
}

static st_err leave(sotay_client *client, const book_key *parcel, st_error *error)
{
    bool is_here = false;
    offered_row row;
    book_key key = key_of(parcel);
    st_err err = book_has(&client->book, parcel, &is_here, error);
    if (err != ST_OK || !is_here)
        return err;
    err = get(client, &key, &row, error);
    if (err != ST_OK)
        return err;
    bool was_held_back = row.wait > 0;
    if (!was_held_back && row.times < LEFT_MAX)
        row.times++;
    row.wait = (uint8_t)(was_held_back ? row.wait - 1u : (1u << row.times) - 1u);
    const uint8_t value[2] = { row.times, row.wait };
    return book_put(&client->book, &key, value, sizeof value, error);
}

st_err offered_end(sotay_sync *sync, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sync->offered_count; i++)
        err = leave(sync->client, &sync->offered[i], error);
    sync->offered_count = 0;
    return err;
}

st_err offered_forget(sotay_client *client, const book_key *key, st_error *error)
{
    book_key at = key_of(key);
    return book_delete(&client->book, &at, error);
}
