/* server/sync/purge.c - receipts for buckets that devices lost, and what is still owed.
 * Promises: a receipt that was acknowledged is on disk, with the device's signature. Must never
 * take a receipt for a loss that came after it. */
#include "server/sync/purge.h"

#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"

#define ROW_BYTES_MAX 256u

static pack_key key_of(const st_id *device, const st_bucket *bucket)
{
    pack_key key = pack_id(device);
    pack_key_text(&key, bucket->s);
    return key;
}

static st_err encode(const sync_purge *purge, st_buffer *row)
{
    st_err err = pack_put_u64(row, purge->purge.rev);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)purge->purge.wall_ms);
    if (err == ST_OK)
        err = pack_put_u64(row, purge->purge.records);
    if (err == ST_OK)
        err = pack_put_u64(row, purge->purge.kept);
    if (err == ST_OK)
        err = pack_put(row, purge->purge.signature, sizeof purge->purge.signature);
    return err == ST_OK ? pack_put_u64(row, (uint64_t)purge->received_ms) : err;
}

static st_err decode(store_slice key, store_slice row, sync_purge *out, st_error *error)
{
    sync_purge purge;
    memset(&purge, 0, sizeof purge);
    const char *bucket = (const char *)key.data + 16;
    if (key.len < 18 || !st_bucket_set(&purge.purge.bucket, bucket, key.len - 17))
        return st_fail(error, ST_E_CORRUPT, "store: a key of purge is damaged");
    memcpy(purge.device.b, key.data, 16);
    pack_reader reader = pack_read(row);
    purge.purge.rev = pack_get_u64(&reader);
    purge.purge.wall_ms = (int64_t)pack_get_u64(&reader);
    purge.purge.records = pack_get_u64(&reader);
    purge.purge.kept = pack_get_u64(&reader);
    pack_get(&reader, purge.purge.signature, sizeof purge.purge.signature);
    purge.received_ms = (int64_t)pack_get_u64(&reader);
    st_err err = pack_end(&reader, "purge", error);
    if (err == ST_OK)
        *out = purge;
    return err;
}

/* Zeroed when there is none. */
static st_err get(store_txn *txn, const st_id *device, const st_bucket *bucket, sync_purge *out,
                  st_error *error)
{
    store_slice row = { 0 };
    pack_key key = key_of(device, bucket);
    memset(out, 0, sizeof *out);
    st_err err = store_get(txn, STORE_PURGE, pack_key_slice(&key), &row, error);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    return err == ST_OK ? decode(pack_key_slice(&key), row, out, error) : err;
}

static bool is_signed(const sync_room *room, const auth_device *device, const st_purge *purge)
{
    uint8_t text[ST_PURGE_SIGN_BYTES_MAX];
    size_t len = st_purge_sign_text(&room->keys->log, &device->id, purge, text);
    return st_sign_verify(device->sign_key, text, len, purge->signature);
}

st_err sync_purge_note(writer_turn *turn, const auth_device *device, const st_purge *purge,
                       st_error *error)
{
    sync_row entry;
    st_buffer row;
    sync_purge before;
    st_err err = get(turn->txn, &device->id, &purge->bucket, &before, error);
    if (err != ST_OK || before.purge.rev >= purge->rev || !is_signed(turn->room, device, purge))
        return err;
    sync_purge now = { device->id, *purge, sync_log_time(turn) };
    pack_key key = key_of(&device->id, &purge->bucket);
    st_buffer_init(&row, ROW_BYTES_MAX);
    err = encode(&now, &row);
    err = err != ST_OK ? st_fail(error, err, "purge: out of memory")
                       : store_put(turn->txn, STORE_PURGE, pack_key_slice(&key),
                                   store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    if (err != ST_OK)
        return err;
    memset(&entry, 0, sizeof entry);
    entry.kind = ST_ENTRY_NOTE;
    entry.device = device->id;
    entry.actor = device->person;
    return sync_log_append(turn, &entry, NULL, error);
}

st_err sync_purge_each(store_txn *txn, bool (*each)(void *context, const sync_purge *purge),
                       void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    bool goes_on = true;
    st_err err = store_cursor_open(txn, STORE_PURGE, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid && goes_on) {
        sync_purge purge;
        err = decode(cursor.key, cursor.value, &purge, error);
        if (err == ST_OK)
            goes_on = each(context, &purge);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* ---- what is owed ---- */

typedef struct {
    sync_leaving *list;
    size_t count, capacity;
    st_arena *arena;
} leaving_list;

static bool scope_has(const st_scope *scope, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < scope->buckets_count; i++)
        if (strcmp(scope->buckets[i].s, bucket->s) == 0)
            return true;
    return false;
}

static st_err add_lost(leaving_list *lost, const st_bucket *bucket, uint64_t rev, st_error *error)
{
    sync_leaving *list = lost->list;
    if (lost->count == lost->capacity)
        list = st_arena_grow(lost->arena, list, lost->count, &lost->capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "purge: out of memory");
    lost->list = list;
    lost->list[lost->count++] = (sync_leaving){ *bucket, rev, 0 };
    return ST_OK;
}

/* From one revision of the rights to the next: what went is lost, what came back is not. */
static st_err step(leaving_list *lost, const st_scope *before, const st_scope *now, st_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < lost->count; i++)
        if (!scope_has(now, &lost->list[i].bucket))
            lost->list[kept++] = lost->list[i];
    lost->count = kept;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < before->buckets_count; i++)
        if (!scope_has(now, &before->buckets[i]))
            err = add_lost(lost, &before->buckets[i], now->rev, error);
    return err;
}

/* All revisions of a person's rights in turn. */
static st_err walk_rights(const sync_room *room, store_txn *txn, const st_id *person,
                          leaving_list *lost, st_error *error)
{
    st_scope before = { 0 }, now = { 0 };
    uint64_t rev = 0;
    st_err err = auth_rights_next(txn, person, &rev, error);
    while (err == ST_OK) {
        auth_scope_ask ask = { room->commune.s, person, rev };
        err = auth_scope(txn, &ask, lost->arena, &now, error);
        if (err == ST_OK)
            err = step(lost, &before, &now, error);
        before = now;
        if (err == ST_OK)
            err = auth_rights_next(txn, person, &rev, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Is it owed by this device? *out_since_ms: since when. */
static st_err is_owed(store_txn *txn, const auth_device *device, const sync_leaving *leaving,
                      bool *out_owed, int64_t *out_since_ms, st_error *error)
{
    sync_row row;
    st_arena arena;
    sync_purge receipt;
    st_arena_init(&arena, 4u << 20);
    st_err err = sync_row_get(txn, leaving->rev, &arena, &row, error);
    if (err == ST_OK)
        *out_since_ms = row.time_ms;
    st_arena_reset(&arena);
    if (err == ST_OK)
        err = get(txn, &device->id, &leaving->bucket, &receipt, error);
    *out_owed = err == ST_OK && *out_since_ms >= device->enrolled_ms &&
                receipt.purge.rev < leaving->rev;
    return err;
}

st_err sync_leaving_each(const sync_room *room, store_txn *txn, const auth_device *device,
                         st_arena *arena, const sync_leaving_sink *sink, st_error *error)
{
    leaving_list lost = { .arena = arena };
    st_err err = walk_rights(room, txn, &device->person, &lost, error);
    bool goes_on = true;
    for (size_t i = 0; err == ST_OK && goes_on && i < lost.count; i++) {
        bool owed = false;
        err = is_owed(txn, device, &lost.list[i], &owed, &lost.list[i].since_ms, error);
        if (err == ST_OK && owed)
            goes_on = sink->each(sink->context, &lost.list[i]);
    }
    return err;
}
