/* client-lib/src/epoch_offer.c - what others wrote and is kept here goes back to a book that lost
 * it.
 * Promises: what the server's own device signed goes first, so that people and devices are known
 * again before what they wrote comes.
 * Never: offers a set of which this store has no bytes. */
#include "client-lib/src/epoch_offer.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/exchange.h"

enum { CARRY_SERVER, CARRY_OTHERS, CARRY_ORDERS };

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
    st_err err = epoch_may_be_servers(client, device, &servers, error);
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

st_err epoch_next_kept(sotay_client *client, book_scan *scan, st_dot *out_set, st_error *error)
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
        err = epoch_next_kept(client, &scan, &set, error);
        if (err == ST_OK &&
            (named->count == 0 ||
             bsearch(&set, named->sets, named->count, sizeof set, compare_dots) == NULL))
            err = offer_one(client, &set, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err epoch_offer_others(sotay_client *client, uint64_t cut, st_error *error)
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

st_err epoch_brings_papers(sotay_sync *sync, bool *out_brings, st_error *error)
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
