/* client-lib/src/renew.c - has the erased value go from sets that only the server opens.
 * Promises: the whole set lies here until what is left of it is in its place, so that a server that
 * lost it gets it back either way; asks in the sync that brought the erasure, and in each one after
 * it until it is done. Who has no role, or a device that is suspended or revoked, reads of no
 * erasure: then it asks by and by for all that lies sealed.
 * Never: takes a parcel that it did not ask for. */
#include "client-lib/src/renew.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/bucket.h"
#include "client-lib/src/closed.h"

#define RENEW_BLIND_MAX 16u /* of those nobody says anything of; with every request */

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

/* ---- the request ---- */

/* Without any role it gets no catalogue, suspended or revoked no page at all: then it hears of no
 * erasure of what it keeps. */
static st_err hears_nothing(sotay_client *client, bool *out_is, st_error *error)
{
    st_bucket catalogue;
    bucket_state state;
    bucket_catalogue(client, &catalogue);
    st_err err = bucket_get(&client->book, &catalogue, &state, error);
    *out_is = err == ST_OK &&
              (!state.in_scope || client->me.standing != ST_STANDING_IN_USE);
    return err;
}

/* A row of RENEW, or of CLOSED: the same name, and the hash. */
static st_err unpack(const book_key *key, const book_value *value, st_renew *out, st_error *error)
{
    const size_t hash_at = key->b[0] == BOOK_CLOSED ? 8 : 0;
    bool whole = hash_at == 0 ? value->len == sizeof out->set.b
                              : value->len > hash_at + sizeof out->set.b;
    if (key->len != 1 + sizeof out->device.b + 8 || !whole)
        return st_fail(error, ST_E_CORRUPT, "store: the note of an erased set is damaged");
    memcpy(out->device.b, key->b + 1, sizeof out->device.b);
    out->first = st_get_u64(key->b + 1 + sizeof out->device.b);
    memcpy(out->set.b, value->data + hash_at, sizeof out->set.b);
    return ST_OK;
}

/* Adds rows from where the scan stands, as long as there is room, to the end or (until not NULL)
 * to that one. */
static st_err add_rows(sotay_sync *sync, book_scan *scan, const book_key *until, st_error *error)
{
    exchange_renews *renews = &sync->renews;
    book_value value = { NULL, 0 };
    st_err err = ST_OK;
    while (err == ST_OK && renews->asked < renews->most) {
        st_arena arena;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = book_scan_next(&sync->client->book, scan, &arena, &value, error);
        bool is_past = err == ST_OK && until != NULL && scan->at.len == until->len &&
                       memcmp(scan->at.b, until->b, until->len) > 0;
        if (err == ST_OK && !is_past)
            err = unpack(&scan->at, &value, &renews->list[renews->asked], error);
        renews->asked += err == ST_OK && !is_past;
        st_arena_reset(&arena);
        if (is_past)
            break;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err renew_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    exchange_renews *renews = &sync->renews;
    const st_dot *last = &sync->client->me.renewed;
    *renews = (exchange_renews){ .asked = 0 };
    st_err err = hears_nothing(sync->client, &renews->is_blind, error);
    if (err != ST_OK)
        return err;
    book_table table = renews->is_blind ? BOOK_CLOSED : BOOK_RENEW;
    book_key prefix = book_key_of(table), from = book_key_counter(table, &last->device,
                                                                  last->counter);
    book_scan behind = book_scan_of(&prefix), start = behind;
    behind.at = from; /* behind the last one that was asked for; then from the start, to that one */
    behind.is_begun = true;
    renews->most = renews->is_blind ? RENEW_BLIND_MAX : ST_RENEWS_MAX;
    renews->list = st_arena_array(&sync->arena, renews->most, sizeof *renews->list);
    if (renews->list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    err = add_rows(sync, &behind, NULL, error);
    if (err == ST_OK)
        err = add_rows(sync, &start, &from, error);
    ask->renews = renews->list;
    ask->renews_count = renews->asked;
    return err;
}

st_err renew_shut_out(sotay_sync *sync, st_error *error)
{
    book_key prefix = book_key_of(BOOK_CLOSED);
    book_scan scan = book_scan_of(&prefix);
    st_err err = book_scan_next(&sync->client->book, &scan, NULL, NULL, error);
    sync->renews.are_new = sync->renews.are_new || err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

void renew_end(sotay_sync *sync)
{
    const exchange_renews *renews = &sync->renews;
    st_dot *last = &sync->client->next.renewed;
    if (renews->asked == 0 || renews->asked < renews->most)
        return; /* none stand behind them */
    last->device = renews->list[renews->asked - 1].device;
    last->counter = renews->list[renews->asked - 1].first;
}

/* ---- the answer ---- */

/* Was it asked for in this round? Who hears nothing has no note of it. */
static bool is_asked(const exchange_renews *renews, const st_parcel *parcel)
{
    for (uint32_t i = 0; i < renews->asked; i++)
        if (renews->list[i].first == parcel->first &&
            st_id_cmp(&renews->list[i].device, &parcel->owner) == 0)
            return parcel->kind == ST_PARCEL_SET;
    return false;
}

st_err renew_take(sotay_sync *sync, const st_parcel *parcel, st_error *error)
{
    sotay_client *client = sync->client;
    bool done = false;
    book_key key = book_key_counter(BOOK_RENEW, &parcel->owner, parcel->first);
    if (!is_asked(&sync->renews, parcel))
        return ST_OK;
    st_err err = closed_renew(client, parcel, &done, error);
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
    bool wants = renews->are_new || (!renews->is_blind && renews->taken > 0 && has_left);
    return wants && !sync->is_send_only; /* which asks for none: the next sync does */
}
