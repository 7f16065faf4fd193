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

/* A time that lies ahead is nobody's. An accept has no words of its own. */
static st_err encode(const st_decided *told, int64_t received_ms, const sync_room *room,
                     st_buffer *row)
{
    bool declined = told->kind == ST_ENTRY_DECLINE;
    const char *reason = told->reason == NULL || !declined ? "" : told->reason;
    int64_t time_ms = told->time_ms > received_ms ? 0 : told->time_ms;
    st_err err = pack_put(row, told->record.b, sizeof told->record.b);
    if (err == ST_OK)
        err = pack_put_u8(row, declined);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)time_ms);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)received_ms);
    if (err == ST_OK)
        err = pack_put_string(row, reason, strlen(reason));
    if (err == ST_OK)
        err = pack_put(row, room->epoch, sizeof room->epoch);
    if (err == ST_OK)
        err = pack_put_u8(row, told->has_set);
    return err == ST_OK ? pack_put(row, told->set.b, sizeof told->set.b) : err;
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
    if (reader.len == 0)
        return pack_end(&reader, DECIDED, error); /* of before: told in no epoch that is known */
    pack_get(&reader, out->epoch, sizeof out->epoch);
    out->has_set = pack_get_u8(&reader) != 0;
    pack_get(&reader, out->set.b, sizeof out->set.b);
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
            *out_state = row[0] == ST_ENTRY_DECLINE  ? SYNC_DECIDED_OUT
                         : row[0] == ST_ENTRY_ACCEPT ? SYNC_DECIDED_ACCEPTED
                                                     : SYNC_DECIDED_IN;
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

/* Nothing to do when it stands here as it was decided there, or the office has decided anew. */
static st_err is_news(writer_turn *turn, const st_decided *told, bool *out_news, st_error *error)
{
    sync_decided_state state;
    st_err err = sync_decided_state_of(turn->txn, &told->record, &told->dot, &state, error);
    *out_news = err == ST_OK && state != SYNC_DECIDED_OUT && state != SYNC_DECIDED_ACCEPTED
                && (told->kind == ST_ENTRY_DECLINE || state != SYNC_DECIDED_IN);
    return err;
}

/* How many rows this device has. */
static st_err count_get(store_txn *txn, const st_id *teller, uint64_t *out_rows, st_error *error)
{
    store_slice row = { 0 };
    pack_key key = pack_text(TOLD);
    pack_key_id(&key, teller);
    st_err err = store_get(txn, STORE_META, pack_key_slice(&key), &row, error);
    *out_rows = err == ST_OK && row.len == 8 ? st_get_u64(row.data) : 0;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err count_put(store_txn *txn, const st_id *teller, uint64_t rows, st_error *error)
{
    uint8_t number[8];
    pack_key key = pack_text(TOLD);
    pack_key_id(&key, teller);
    st_put_u64(number, rows);
    return store_put(txn, STORE_META, pack_key_slice(&key), store_bytes(number, 8), error);
}

static st_err put_row(writer_turn *turn, const pack_key *key, const st_decided *told,
                      st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, sizeof(sync_decided) + 64);
    st_err err = encode(told, sync_log_time(turn), turn->room, &row);
    err = err != ST_OK ? st_fail(error, err, "decided: out of memory")
                       : store_put(turn->txn, STORE_META, pack_key_slice(key),
                                   store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    return err;
}

/* Takes one row away, and it counts no more against its device. */
static st_err drop_row(writer_turn *turn, const st_dot *dot, const st_id *teller, st_error *error)
{
    uint64_t rows = 0;
    pack_key key = prefix_of(dot);
    pack_key_id(&key, teller);
    st_err err = store_delete(turn->txn, STORE_META, pack_key_slice(&key), error);
    if (err == ST_OK)
        err = count_get(turn->txn, teller, &rows, error);
    return err == ST_OK && rows > 0 ? count_put(turn->txn, teller, rows - 1, error) : err;
}

st_err sync_decided_note(writer_turn *turn, const st_id *teller, const st_decided *told,
                         st_error *error)
{
    store_slice there = { 0 };
    uint64_t rows = 0;
    bool is_in = false, goes_in = false;
    if (told->kind != ST_ENTRY_DECLINE && told->kind != ST_ENTRY_ACCEPT)
        return ST_OK;
    pack_key key = prefix_of(&told->dot);
    pack_key_id(&key, teller);
    st_err err = is_news(turn, told, &goes_in, error);
    if (err != ST_OK)
        return err;
    err = store_get(turn->txn, STORE_META, pack_key_slice(&key), &there, error);
    is_in = err == ST_OK;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (!goes_in)
        return is_in ? drop_row(turn, &told->dot, teller, error) : ST_OK;
    if (is_in)
        return put_row(turn, &key, told, error);
    err = count_get(turn->txn, teller, &rows, error);
    if (err != ST_OK || rows >= SYNC_DECIDED_PER_DEVICE_MAX)
        return err;                            /* one row more only as long as it may */
    err = count_put(turn->txn, teller, rows + 1, error);
    return err == ST_OK ? put_row(turn, &key, told, error) : err;
}

/* The first device that tells of the change. ST_E_NOT_FOUND without *error. */
static st_err first_teller(store_txn *txn, const st_dot *dot, st_id *out_teller, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key key = prefix_of(dot);
    const store_slice prefix = pack_key_slice(&key);
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    bool is_there = err == ST_OK && store_has_prefix(&cursor, prefix);
    if (is_there && cursor.key.len == KEY_BYTES)
        memcpy(out_teller->b, (const uint8_t *)cursor.key.data + prefix.len, sizeof out_teller->b);
    else if (is_there)
        err = st_fail(error, ST_E_CORRUPT, "store: a key of decided is damaged");
    store_cursor_close(&cursor);
    return err == ST_OK && !is_there ? ST_E_NOT_FOUND : err;
}

st_err sync_decided_forget(writer_turn *turn, const st_dot *dot, st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id teller;
        err = first_teller(turn->txn, dot, &teller, error);
        if (err == ST_OK)
            err = drop_row(turn, dot, &teller, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
