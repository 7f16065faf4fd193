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

static st_err times_left(sotay_client *client, const book_key *key, uint8_t *out_times,
                         st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4096);
    *out_times = 0;
    st_err err = book_get(&client->book, key, &arena, &value, error);
    if (err == ST_OK && value.len == 1)
        *out_times = value.data[0];
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Spread over the syncs by the counter of the request, so that none is left out for ever. */
static bool is_its_turn(const sotay_sync *sync, const book_key *key, uint8_t times)
{
    uint64_t mixed = sync->seal.counter_next + key->b[key->len - 1];
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return mixed >> (64u - (times < LEFT_MAX ? times : LEFT_MAX)) == 0;
}

st_err offered_goes(sotay_sync *sync, const book_key *key, bool *out_goes, st_error *error)
{
    uint8_t times = 0;
    book_key at = key_of(key);
    bool is_set = !is_piece(key);
    *out_goes = is_set || !sync->is_metered;
    sync->brings_others = sync->brings_others || is_set;
    if (is_set || sync->is_metered || sync->brings_others)
        return ST_OK;
    st_err err = times_left(sync->client, &at, &times, error);
    if (err == ST_OK && times > 0)
        *out_goes = is_its_turn(sync, key, times);
    return err;
}

st_err offered_sent(sotay_sync *sync, const book_key *key, st_error *error)
{
    book_key *list = sync->offered;
    if (!is_piece(key))
        return ST_OK;
    if (sync->offered_count == sync->offered_capacity)
        list = st_arena_grow(&sync->arena, list, sync->offered_count, &sync->offered_capacity,
                             sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->offered = list;
    sync->offered[sync->offered_count++] = *key;
    return ST_OK;
}

static st_err leave(sotay_client *client, const book_key *parcel, st_error *error)
{
    bool is_here = false;
    uint8_t times = 0;
    book_key key = key_of(parcel);
    st_err err = book_has(&client->book, parcel, &is_here, error);
    if (err != ST_OK || !is_here)
        return err;
    err = times_left(client, &key, &times, error);
    if (err != ST_OK || times >= LEFT_MAX)
        return err;
    times++;
    return book_put(&client->book, &key, &times, sizeof times, error);
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
