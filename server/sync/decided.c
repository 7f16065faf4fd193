/* server/sync/decided.c - decisions of the office that only phones still know.
 * Promises: what was acknowledged is on disk, under the name of the phone that said it. Must never
 * let a change in or out by a phone's word. */
#include "server/sync/decided.h"

#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/held.h"

/* ---- META: "decided", device and counter of the change, teller -> a row ---- */

#define DECIDED "decided"
#define TOLD    "decided_of" /* teller -> how many rows */
#define KEY_BYTES (sizeof DECIDED + 16u + 8u + 16u)

static pack_key prefix_of(const st_dot *dot)
{
    pack_key key = pack_text(DECIDED);
    if (dot != NULL) {
        pack_key_id(&key, &dot->device);
        pack_key_u64(&key, dot->counter);
    }
    return key;
}

static st_err encode(const st_decided *told, int64_t received_ms, st_buffer *row)
{
    const char *reason = told->reason == NULL ? "" : told->reason;
    st_err err = pack_put(row, told->record.b, sizeof told->record.b);
    if (err == ST_OK)
        err = pack_put_u8(row, told->kind == ST_ENTRY_DECLINE);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)told->time_ms);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)received_ms);
    return err == ST_OK ? pack_put_string(row, reason, strlen(reason)) : err;
}

static st_err decode(store_slice key, store_slice row, sync_decided *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    const uint8_t *at = (const uint8_t *)key.data + sizeof DECIDED;
    memset(out, 0, sizeof *out);
    if (key.len != KEY_BYTES)
        return st_fail(error, ST_E_CORRUPT, "store: a key of decided is damaged");
    memcpy(out->dot.device.b, at, sizeof out->dot.device.b);
    out->dot.counter = st_get_u64(at + 16);
    memcpy(out->teller.b, at + 24, sizeof out->teller.b);
    pack_get(&reader, out->record.b, sizeof out->record.b);
    out->declined = pack_get_u8(&reader) != 0;
    out->time_ms = (int64_t)pack_get_u64(&reader);
    out->received_ms = (int64_t)pack_get_u64(&reader);
    pack_get_text(&reader, out->reason, sizeof out->reason);
    return pack_end(&reader, DECIDED, error);
}

st_err sync_decided_each(store_txn *txn, const st_dot *dot,
                         bool (*each)(void *context, const sync_decided *one), void *context,
                         st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key key = prefix_of(dot);
    const store_slice prefix = pack_key_slice(&key);
    bool goes_on = true;
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && goes_on && store_has_prefix(&cursor, prefix)) {
        sync_decided one;
        err = decode(cursor.key, cursor.value, &one, error);
        goes_on = err == ST_OK && each(context, &one);
        if (goes_on)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* ---- what this log says ---- */

/* The history of the record has a line for each entry that speaks of the change. */
static st_err read_history(store_txn *txn, const st_id *record, const st_dot *dot,
                           sync_decided_state *out_state, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(record->b, sizeof record->b);
    st_err err = store_cursor_open(txn, STORE_HISTORY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        const uint8_t *key = cursor.key.data, *row = cursor.value.data;
        if (cursor.key.len != 32 || cursor.value.len != 17)
            err = st_fail(error, ST_E_CORRUPT, "history: a row is damaged");
        else if (st_get_u64(key + 24) == dot->counter && memcmp(row + 1, dot->device.b, 16) == 0)
            *out_state = row[0] == ST_ENTRY_DECLINE ? SYNC_DECIDED_OUT : SYNC_DECIDED_IN;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_decided_state_of(store_txn *txn, const st_id *record, const st_dot *dot,
                             sync_decided_state *out_state, st_error *error)
{
    sync_held held;
    st_err err = sync_held_by_dot(txn, record, dot, &held, error);
    *out_state = err == ST_OK ? SYNC_DECIDED_HELD : SYNC_DECIDED_UNKNOWN;
    return err == ST_E_NOT_FOUND ? read_history(txn, record, dot, out_state, error) : err;
}

/* ---- noting ---- */

/* Nothing to do when it stands here as it was decided there. */
static st_err is_news(writer_turn *turn, const st_decided *told, bool *out_news, st_error *error)
{
    sync_decided_state state;
    bool declined = told->kind == ST_ENTRY_DECLINE;
    *out_news = false;
    if (!declined && told->kind != ST_ENTRY_ACCEPT)
        return ST_OK;
    st_err err = sync_decided_state_of(turn->txn, &told->record, &told->dot, &state, error);
    *out_news = err == ST_OK && state != (declined ? SYNC_DECIDED_OUT : SYNC_DECIDED_IN);
    return err;
}

/* One row more of this device, unless it has as many as it may. */
static st_err count(writer_turn *turn, const st_id *teller, bool *out_may, st_error *error)
{
    uint8_t number[8];
    store_slice row = { 0 };
    pack_key key = pack_text(TOLD);
    pack_key_id(&key, teller);
    st_err err = store_get(turn->txn, STORE_META, pack_key_slice(&key), &row, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    uint64_t rows = err == ST_OK && row.len == 8 ? st_get_u64(row.data) : 0;
    *out_may = rows < SYNC_DECIDED_PER_DEVICE_MAX;
    if (!*out_may)
        return ST_OK;
    st_put_u64(number, rows + 1);
    return store_put(turn->txn, STORE_META, pack_key_slice(&key), store_bytes(number, 8), error);
}

st_err sync_decided_note(writer_turn *turn, const st_id *teller, const st_decided *told,
                         st_error *error)
{
    st_buffer row;
    store_slice there = { 0 };
    bool goes_in = false;
    st_err err = is_news(turn, told, &goes_in, error);
    if (err != ST_OK || !goes_in)
        return err;
    pack_key key = prefix_of(&told->dot);
    pack_key_id(&key, teller);
    err = store_get(turn->txn, STORE_META, pack_key_slice(&key), &there, error);
    if (err == ST_E_NOT_FOUND)
        err = count(turn, teller, &goes_in, error);
    if (err != ST_OK || !goes_in)
        return err;
    st_buffer_init(&row, sizeof(sync_decided) + 64);
    err = encode(told, sync_log_time(turn), &row);
    err = err != ST_OK ? st_fail(error, err, "decided: out of memory")
                       : store_put(turn->txn, STORE_META, pack_key_slice(&key),
                                   store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    return err;
}
