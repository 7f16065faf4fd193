/* server/sync/renew.c - seals what is left of a set, for a device that keeps the whole one sealed.
 * Promises: what goes out can be read by this server alone, and has nothing in it that was erased.
 * Must never give out a set in which nothing was erased: who asks for it has it. */
#include "server/sync/renew.h"

#include <string.h>

#include "proto/changeset.h"
#include "proto/erase.h"
#include "server/sync/row.h"
#include "server/sync/sets.h"

#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024)

static bool is_it(const sync_row *row, const st_renew *ask, st_arena *arena)
{
    st_set set;
    return st_set_decode(row->set.data, row->set.len, arena, &set, NULL) == ST_OK &&
           memcmp(set.hash.b, ask->set.b, sizeof set.hash.b) == 0;
}

/* Its row in the log: as the set under its counters, else as a fork. */
static st_err find(store_txn *txn, const st_renew *ask, st_arena *arena, sync_row *out_row,
                   st_error *error)
{
    uint64_t index = 0;
    const st_dot dot = { ask->device, ask->first };
    st_err err = sets_find(txn, &dot, &index, error);
    if (err == ST_OK)
        err = sync_row_get(txn, index, arena, out_row, error);
    if (err != ST_E_NOT_FOUND && (err != ST_OK || is_it(out_row, ask, arena)))
        return err;
    err = sets_find_fork(txn, &ask->device, &ask->set, &index, error);
    return err == ST_OK ? sync_row_get(txn, index, arena, out_row, error) : err;
}

static st_err seal(const sync_room *room, const sync_row *row, const st_renew *ask,
                   st_parcel *out_parcel, st_buffer *out, st_error *error)
{
    st_frame inside = { .kind = ST_FRAME_SET };
    st_error why = { ST_OK, "" };
    *out_parcel = (st_parcel){ .kind = ST_PARCEL_SET, .owner = ask->device, .first = ask->first,
                               .name = ask->set };
    inside.as.set.bytes = row->set.data;
    inside.as.set.len = row->set.len;
    st_err err = st_parcel_seal(room->keys->seal_public, &inside, out_parcel, out, &why);
    if (err == ST_E_TOO_LARGE)
        return ST_E_NOT_FOUND;
    return err == ST_OK ? ST_OK : st_fail(error, err, "renew: %s", why.detail);
}

st_err sync_renew(const sync_room *room, store_txn *txn, const st_renew *ask,
                  st_parcel *out_parcel, st_buffer *out, st_error *error)
{
    st_arena arena;
    sync_row row;
    const uint32_t *gone = NULL;
    size_t count = 0;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = find(txn, ask, &arena, &row, error);
    if (err == ST_OK)
        err = st_set_gone(row.set.data, row.set.len, &arena, &gone, &count, error);
    if (err == ST_OK)
        err = count == 0 ? ST_E_NOT_FOUND : seal(room, &row, ask, out_parcel, out, error);
    st_arena_reset(&arena);
    return err;
}
