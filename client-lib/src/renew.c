/* client-lib/src/renew.c - has the erased value go from sets that only the server opens.
 * Promises: the whole set lies here until what is left of it is in its place, so that a server that
 * lost it gets it back either way; asks in the sync that brought the erasure, and in each one after
 * it until it is done. Never: takes a parcel that it is not owed. */
#include "client-lib/src/renew.h"

#include <string.h>

#include "client-lib/src/closed.h"

st_err renew_owe(sotay_client *client, const st_erasure *one, bool *out_owed, st_error *error)
{
    st_arena arena;
    st_parcel sealed;
    const st_id *device = &one->dot.device;
    book_key key = book_key_counter(BOOK_RENEW, device, one->first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = closed_get(client, device, one->first, &arena, &sealed, error);
    if (err == ST_OK && memcmp(sealed.name.b, one->set.b, sizeof sealed.name.b) == 0) {
        err = book_put(&client->book, &key, one->set.b, sizeof one->set.b, error);
        *out_owed = true;
    }
    st_arena_reset(&arena);
    /* One that does not open keeps the value from everybody here as well. */
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err;
}

static st_err unpack(const book_key *key, const book_value *value, st_renew *out, st_error *error)
{
    if (key->len != 1 + sizeof out->device.b + 8 || value->len != sizeof out->set.b)
        return st_fail(error, ST_E_CORRUPT, "store: the note of an erased set is damaged");
    memcpy(out->device.b, key->b + 1, sizeof out->device.b);
    out->first = st_get_u64(key->b + 1 + sizeof out->device.b);
    memcpy(out->set.b, value->data, sizeof out->set.b);
    return ST_OK;
}

st_err renew_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    book_key prefix = book_key_of(BOOK_RENEW);
    book_scan scan = book_scan_of(&prefix);
    book_value value = { NULL, 0 };
    st_renew *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = ST_OK;
    sync->renews = (exchange_renews){ .asked = 0 };
    while (err == ST_OK && count < ST_RENEWS_MAX) {
        err = book_scan_next(&sync->client->book, &scan, &sync->arena, &value, error);
        if (err == ST_OK && count == capacity)
            list = st_arena_grow(&sync->arena, list, count, &capacity, sizeof *list);
        if (err == ST_OK && list == NULL)
            err = st_fail(error, ST_E_MEMORY, "sync: no memory");
        if (err == ST_OK)
            err = unpack(&scan.at, &value, &list[count], error);
        count += err == ST_OK;
    }
    ask->renews = list;
    ask->renews_count = sync->renews.asked = (uint32_t)count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err renew_take(sotay_sync *sync, const st_parcel *parcel, st_error *error)
{
    sotay_client *client = sync->client;
    bool owed = false, done = false;
    book_key key = book_key_counter(BOOK_RENEW, &parcel->owner, parcel->first);
    bool is_set = parcel->kind == ST_PARCEL_SET;
    st_err err = is_set ? book_has(&client->book, &key, &owed, error) : ST_OK;
    if (err == ST_OK && owed)
        err = closed_renew(client, parcel, &done, error);
    if (err == ST_OK && done) {
        err = book_delete(&client->book, &key, error);
        sync->renews.taken++;
    }
    return err;
}

bool renew_goes_on(const sotay_sync *sync)
{
    const exchange_renews *renews = &sync->renews;
    bool has_left = renews->asked == ST_RENEWS_MAX || renews->taken < renews->asked;
    return renews->are_new || (renews->taken > 0 && has_left);
}
