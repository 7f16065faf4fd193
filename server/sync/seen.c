/* server/sync/seen.c - devices that speak of another log.
 * Promises: what is said of the part that all epochs share is compared with it, root for root. Must
 * never keep a set from being stored, nor name a device for what a restore explains. */
#include "server/sync/seen.h"

#include <string.h>

#include "server/audit/news.h"
#include "server/audit/tree.h"
#include "server/store/pack.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"

/* ---- META: "other_log", device -> index 8, time 8, size 8, count 8 ---- */

static pack_key key_of(const st_id *device)
{
    pack_key key = pack_text("other_log");
    pack_key_id(&key, device);
    return key;
}

static st_err get(store_txn *txn, const st_id *device, sync_other_log *out, st_error *error)
{
    store_slice row = { 0 };
    pack_key key = key_of(device);
    st_err err = store_get(txn, STORE_META, pack_key_slice(&key), &row, error);
    if (err != ST_OK)
        return err;
    pack_reader reader = pack_read(row);
    out->index = pack_get_u64(&reader);
    out->time_ms = (int64_t)pack_get_u64(&reader);
    out->size = pack_get_u64(&reader);
    out->count = pack_get_u64(&reader);
    return pack_end(&reader, "other_log", error);
}

static st_err put(store_txn *txn, const st_id *device, const sync_other_log *other,
                  st_error *error)
{
    uint8_t row[32];
    pack_key key = key_of(device);
    st_put_u64(row, other->index);
    st_put_u64(row + 8, (uint64_t)other->time_ms);
    st_put_u64(row + 16, other->size);
    st_put_u64(row + 24, other->count);
    return store_put(txn, STORE_META, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

/* ---- the comparison ---- */

static bool is_root(const st_hash *root, const st_set *set)
{
    return memcmp(root->b, set->seen_root.b, sizeof root->b) == 0;
}

/* Is it the root of the first entries of this log? A tree that cannot be read names nobody. */
static st_err is_this_log(const writer_turn *turn, const st_set *set, uint64_t index,
                          bool *out_same, st_error *error)
{
    st_tree_head head;
    *out_same = false;
    if (set->seen_size >= index)
        return ST_OK;
    st_err err = audit_tree_head(turn->txn, set->seen_size, &head, error);
    *out_same = err == ST_E_CORRUPT || err == ST_E_NOT_FOUND
                || (err == ST_OK && is_root(&head.root, set));
    return err == ST_E_CORRUPT || err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err note(writer_turn *turn, const st_set *set, uint64_t index, st_error *error)
{
    sync_other_log other;
    st_err err = get(turn->txn, &set->device, &other, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_E_NOT_FOUND)
        other = (sync_other_log){ index, sync_log_time(turn), set->seen_size, 0 };
    if (set->seen_size < other.size)
        other.size = set->seen_size;
    other.count++;
    return put(turn->txn, &set->device, &other, error);
}

st_err sync_seen_check(writer_turn *turn, const st_set *set, uint64_t index, st_error *error)
{
    sync_seen *last = &turn->room->seen;
    uint64_t cut = UINT64_MAX;
    bool is_same = false;
    if (set->seen_size == 0 || (last->size == set->seen_size && is_root(&last->root, set)))
        return ST_OK;
    st_err err = is_this_log(turn, set, index, &is_same, error);
    if (err == ST_OK && !is_same)
        err = sync_epochs_first_cut(turn->txn, &cut, error);
    if (err != ST_OK)
        return err;
    if (!is_same && set->seen_size <= cut)
        return note(turn, set, index, error);
    *last = (sync_seen){ set->seen_size, set->seen_root };
    return ST_OK;
}

st_err sync_other_log_get(store_txn *txn, const st_id *device, sync_other_log *out,
                          st_error *error)
{
    uint64_t cut = 0;
    st_err err = get(txn, device, out, error);
    if (err == ST_OK)
        err = sync_epochs_first_cut(txn, &cut, error);
    return err == ST_OK && out->size > cut ? ST_E_NOT_FOUND : err;
}

/* ---- META: "given_up", device, epoch -> time 8, size 8, root 32, signature 64 ---- */

#define GIVEN_UP "given_up"

st_err sync_given_up_note(writer_turn *turn, const st_id *device, const st_ask *ask,
                          int64_t time_ms, st_error *error)
{
    store_slice there = { 0 };
    uint8_t row[8 + 8 + 32 + ST_SIGNATURE_BYTES];
    bool is = false;
    pack_key key = pack_text(GIVEN_UP);
    st_err err = audit_was_given_up(turn->txn, turn->room, ask, &is, error);
    if (err != ST_OK || !is)
        return err;
    pack_key_id(&key, device);
    pack_key_u64(&key, ask->held.epoch);
    err = store_get(turn->txn, STORE_META, pack_key_slice(&key), &there, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    st_put_u64(row, (uint64_t)time_ms);
    st_put_u64(row + 8, ask->held.head.size);
    memcpy(row + 16, ask->held.head.root.b, 32);
    memcpy(row + 48, ask->held.signature, ST_SIGNATURE_BYTES);
    return store_put(turn->txn, STORE_META, pack_key_slice(&key), store_bytes(row, sizeof row),
                     error);
}

static st_err read_given_up(store_slice key, store_slice row, sync_given_up *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    const size_t name = sizeof GIVEN_UP; /* and a 0 byte */
    memset(out, 0, sizeof *out);
    if (key.len != name + sizeof out->device.b + 8)
        return st_fail(error, ST_E_CORRUPT, "store: a key of given_up is damaged");
    memcpy(out->device.b, (const uint8_t *)key.data + name, sizeof out->device.b);
    out->epoch = st_get_u64((const uint8_t *)key.data + name + sizeof out->device.b);
    out->time_ms = (int64_t)pack_get_u64(&reader);
    out->head.size = pack_get_u64(&reader);
    pack_get(&reader, out->head.root.b, sizeof out->head.root.b);
    pack_get(&reader, out->signature, sizeof out->signature);
    return pack_end(&reader, GIVEN_UP, error);
}

st_err sync_given_up_each(store_txn *txn, bool (*each)(void *, const sync_given_up *),
                          void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    const store_slice prefix = store_bytes(GIVEN_UP, sizeof GIVEN_UP);
    bool goes_on = true;
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && goes_on && cursor.is_valid && cursor.key.len > prefix.len
           && memcmp(cursor.key.data, prefix.data, prefix.len) == 0) {
        sync_given_up one;
        err = read_given_up(cursor.key, cursor.value, &one, error);
        goes_on = err == ST_OK && each(context, &one);
        if (goes_on)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}
