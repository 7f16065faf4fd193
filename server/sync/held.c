/* server/sync/held.c - what waits for the office, and in which order.
 * Promises: a number names one held change for ever. Must never decide what is held. */
#include "server/sync/held.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/pack.h"

static pack_key by_key(const sync_held *held)
{
    pack_key key = pack_id(&held->dot.device);
    pack_key_id(&key, &held->record);
    pack_key_u64(&key, held->dot.counter);
    return key;
}

static pack_key record_key(const sync_held *held)
{
    pack_key key = pack_id(&held->record);
    pack_key_u64(&key, held->n);
    return key;
}

static st_err decode_held(uint64_t n, store_slice row, sync_held *out, st_error *error)
{
    sync_held held;
    memset(&held, 0, sizeof held);
    held.n = n;
    pack_reader reader = pack_read(row);
    pack_get(&reader, held.dot.device.b, 16);
    held.dot.counter = pack_get_u64(&reader);
    pack_get(&reader, held.record.b, 16);
    pack_get(&reader, held.person.b, 16);
    held.index = pack_get_u64(&reader);
    held.received_ms = (int64_t)pack_get_u64(&reader);
    held.reason = (st_hold)pack_get_u8(&reader);
    pack_get_text(&reader, held.bucket.s, sizeof held.bucket.s);
    st_err err = pack_end(&reader, "held", error);
    if (err == ST_OK)
        *out = held;
    return err;
}

st_err sync_held_change(store_txn *txn, const sync_held *held, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, 512);
    pack_key key = pack_u64(held->n);
    st_err err = pack_put(&row, held->dot.device.b, 16);
    if (err == ST_OK)
        err = pack_put_u64(&row, held->dot.counter);
    if (err == ST_OK)
        err = pack_put(&row, held->record.b, 16);
    if (err == ST_OK)
        err = pack_put(&row, held->person.b, 16);
    if (err == ST_OK)
        err = pack_put_u64(&row, held->index);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)held->received_ms);
    if (err == ST_OK)
        err = pack_put_u8(&row, (uint8_t)held->reason);
    if (err == ST_OK)
        err = pack_put_string(&row, held->bucket.s, strlen(held->bucket.s));
    err = pack_done(err, "held", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_HELD, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

bool sync_held_is_unfolded(const sync_held *held)
{
    return held->reason == ST_HOLD_FORK || st_id_is_zero(&held->record);
}

st_err sync_held_add(writer_turn *turn, const sync_held *held, st_error *error)
{
    sync_held added = *held;
    bool is_listed = !sync_held_is_unfolded(held);
    uint8_t number[8];
    added.n = turn->next_held++;
    st_put_u64(number, added.n);
    pack_key by = by_key(&added), of = record_key(&added);
    st_err err = sync_held_change(turn->txn, &added, error);
    if (err == ST_OK && is_listed)
        err = store_put(turn->txn, STORE_HELD_BY, pack_key_slice(&by), store_bytes(number, 8),
                        error);
    if (err == ST_OK && is_listed)
        err = store_put(turn->txn, STORE_HELD_RECORD, pack_key_slice(&of), store_bytes("", 0),
                        error);
    return err;
}

st_err sync_held_remove(store_txn *txn, const sync_held *held, st_error *error)
{
    pack_key key = pack_u64(held->n), by = by_key(held), of = record_key(held);
    st_err err = store_delete(txn, STORE_HELD, pack_key_slice(&key), error);
    if (err == ST_OK)
        err = store_delete(txn, STORE_HELD_BY, pack_key_slice(&by), error);
    if (err == ST_OK)
        err = store_delete(txn, STORE_HELD_RECORD, pack_key_slice(&of), error);
    return err;
}

st_err sync_held_get(store_txn *txn, uint64_t n, sync_held *out_held, st_error *error)
{
    pack_key key = pack_u64(n);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_HELD, pack_key_slice(&key), &row, error);
    return err == ST_OK ? decode_held(n, row, out_held, error) : err;
}

st_err sync_held_each(store_txn *txn, bool (*each)(void *context, const sync_held *held),
                      void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    sync_held held;
    bool more = true;
    st_err err = store_cursor_open(txn, STORE_HELD, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && more && cursor.is_valid) {
        err = cursor.key.len == 8
                  ? decode_held(st_get_u64(cursor.key.data), cursor.value, &held, error)
                  : st_fail(error, ST_E_CORRUPT, "store: a key of held is damaged");
        if (err == ST_OK)
            more = each(context, &held);
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

typedef struct {
    const st_dot *dot;
    uint64_t n;                /* 0: none found */
} unfolded_search;

static bool is_wanted(void *context, const sync_held *held)
{
    unfolded_search *search = context;
    if (sync_held_is_unfolded(held) && st_dot_cmp(&held->dot, search->dot) == 0)
        search->n = held->n;
    return search->n == 0;
}

st_err sync_held_dismiss(store_txn *txn, const st_dot *dot, uint32_t *out_count, st_error *error)
{
    st_err err = ST_OK;
    unfolded_search search = { dot, 1 };
    *out_count = 0;
    while (err == ST_OK && search.n != 0) {
        search.n = 0;
        err = sync_held_each(txn, is_wanted, &search, error);
        if (err == ST_OK && search.n != 0) {
            pack_key key = pack_u64(search.n);
            err = store_delete(txn, STORE_HELD, pack_key_slice(&key), error);
            (*out_count)++;
        }
    }
    return err;
}

st_err sync_held_any(store_txn *txn, const st_id *record, bool *out_any, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(record->b, sizeof record->b);
    st_err err = store_cursor_open(txn, STORE_HELD_RECORD, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    if (err == ST_OK)
        *out_any = store_has_prefix(&cursor, prefix);
    store_cursor_close(&cursor);
    return err;
}

st_err sync_held_count(store_txn *txn, uint64_t *out_count, st_error *error)
{
    store_stats stats;
    st_err err = store_stat(txn, &stats, error);
    if (err == ST_OK)
        *out_count = stats.rows[STORE_HELD];
    return err;
}

st_err sync_held_by_dot(store_txn *txn, const st_id *record, const st_dot *dot,
                        sync_held *out_held, st_error *error)
{
    sync_held wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.dot = *dot;
    wanted.record = *record;
    pack_key key = by_key(&wanted);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_HELD_BY, pack_key_slice(&key), &row, error);
    if (err != ST_OK)
        return err;
    if (row.len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: a row of held_by is damaged");
    return sync_held_get(txn, st_get_u64(row.data), out_held, error);
}

st_err sync_held_now(store_txn *txn, const st_id *record, const st_id *device, st_held *held,
                     st_error *error)
{
    sync_held now;
    const st_dot dot = { *device, held->counter };
    const st_err err = sync_held_by_dot(txn, record, &dot, &now, error);
    if (err == ST_OK)
        held->reason = now.reason;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err sync_held_waits(store_txn *txn, const st_id *record, const st_dot *dot, bool *out_waits,
                       st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key key = pack_id(&dot->device);
    pack_key_id(&key, record);
    store_slice prefix = pack_key_slice(&key);
    *out_waits = false;
    st_err err = store_cursor_open(txn, STORE_HELD_BY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    if (err == ST_OK && store_has_prefix(&cursor, prefix) && cursor.key.len == key.len + 8)
        *out_waits = st_get_u64((const uint8_t *)cursor.key.data + key.len) < dot->counter;
    store_cursor_close(&cursor);
    return err;
}

static int by_dot(const void *a, const void *b)
{
    return st_dot_cmp(&((const sync_held *)a)->dot, &((const sync_held *)b)->dot);
}

st_err sync_held_of_record(store_txn *txn, const st_id *record, st_arena *arena,
                           sync_held **out_list, size_t *out_count, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(record->b, sizeof record->b);
    sync_held *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = store_cursor_open(txn, STORE_HELD_RECORD, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix) && cursor.key.len == 24) {
        sync_held *grown = list;
        if (count == capacity)
            grown = st_arena_grow(arena, list, count, &capacity, sizeof *grown);
        if (grown == NULL) {
            err = st_fail(error, ST_E_MEMORY, "held: out of memory");
            break;
        }
        list = grown;
        err = sync_held_get(txn, st_get_u64((const uint8_t *)cursor.key.data + 16), &list[count],
                            error);
        if (err == ST_OK) {
            count++;
            err = store_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND
                   ? st_fail(error, ST_E_CORRUPT, "store: held_record names no held change")
                   : err;
    if (count > 0)
        qsort(list, count, sizeof *list, by_dot);
    *out_list = list;
    *out_count = count;
    return ST_OK;
}

static int by_record(const void *a, const void *b)
{
    const sync_settled *left = a, *right = b;
    int order = st_id_cmp(&left->record, &right->record);
    return order != 0 ? order : (left->counter > right->counter) - (left->counter < right->counter);
}

/* Notes what the row of the history says of one of list[0..count), all of one record; 1: that was
 * not known yet. */
static size_t note_decision(const store_cursor *cursor, const st_id *device, sync_settled *list,
                            size_t count)
{
    const uint8_t *key = cursor->key.data, *row = cursor->value.data;
    sync_settled wanted = { .record = list[0].record, .counter = st_get_u64(key + 24) };
    if (row[0] == ST_ENTRY_CHANGE || memcmp(row + 1, device->b, sizeof device->b) != 0)
        return 0;
    sync_settled *one = bsearch(&wanted, list, count, sizeof *list, by_record);
    if (one == NULL || one->is_found)
        return 0;
    one->is_found = true;
    one->is_declined = row[0] == ST_ENTRY_DECLINE;
    return 1;
}

/* list[0..count): of one record. */
static st_err look_through(store_txn *txn, const st_id *device, uint64_t index,
                           sync_settled *list, size_t count, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key from = pack_id(&list[0].record);
    pack_key_u64(&from, index);
    store_slice prefix = store_bytes(list[0].record.b, sizeof list[0].record.b);
    size_t found = 0;
    st_err err = store_cursor_open(txn, STORE_HISTORY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&from), error);
    while (err == ST_OK && found < count && store_has_prefix(&cursor, prefix)) {
        if (cursor.key.len != 32 || cursor.value.len != 17) {
            err = st_fail(error, ST_E_CORRUPT, "history: a row is damaged");
            break;
        }
        found += note_decision(&cursor, device, list, count);
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_held_was_declined(store_txn *txn, const st_id *device, uint64_t index,
                              sync_settled *list, size_t count, st_error *error)
{
    st_err err = ST_OK;
    if (count > 0)
        qsort(list, count, sizeof *list, by_record);
    for (size_t at = 0, end = 0; err == ST_OK && at < count; at = end) {
        for (end = at + 1; end < count && st_id_cmp(&list[end].record, &list[at].record) == 0;)
            end++;
        err = look_through(txn, device, index, list + at, end - at, error);
    }
    return err;
}
