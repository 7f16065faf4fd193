/* server/sync/log.c - the log: one dense row of entries, each with its leaf.
 * Promises: indices start at 1 and have no holes; entry times never go back; row, leaf and feed are
 * written in the caller's transaction or not at all. Must never change a row that is there. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/leaf.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"

#define ROW_BYTES_MAX (ST_ERASED_SET_BYTES_MAX + 1024u * 1024u)

static st_err last_key(store_txn *txn, store_table table, uint64_t *out_last, store_slice *value,
                       st_error *error)
{
    store_cursor cursor = { 0 };
    *out_last = 0;
    st_err err = store_cursor_open(txn, table, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, store_text(""), error);
    if (err == ST_OK && cursor.is_valid) {
        if (cursor.key.len == 8)
            *out_last = st_get_u64(cursor.key.data);
        else
            err = st_fail(error, ST_E_CORRUPT, "store: a key of %s is damaged",
                          store_table_name(table));
        if (value != NULL)
            *value = cursor.value;
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_log_size(store_txn *txn, uint64_t *out_size, st_error *error)
{
    return last_key(txn, STORE_LOG, out_size, NULL, error);
}

st_err sync_turn_begin(writer_turn *turn, st_error *error)
{
    uint64_t last = 0;
    store_slice row = { 0 };
    turn->last_time_ms = 0;
    turn->next_held = 1;
    st_err err = last_key(turn->txn, STORE_LOG, &last, &row, error);
    turn->next_index = last + 1;
    if (err == ST_OK && last > 0) {
        pack_reader reader = pack_read(row);
        (void)pack_get_u8(&reader);
        turn->last_time_ms = (int64_t)pack_get_u64(&reader);
        if (reader.is_bad)
            err = st_fail(error, ST_E_CORRUPT, "log: row %llu is damaged",
                          (unsigned long long)last);
    }
    if (err != ST_OK)
        return err;
    err = store_get(turn->txn, STORE_META, store_text("held_next"), &row, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    if (row.len != 8)                          /* from 1 again, it would take others' numbers */
        return st_fail(error, ST_E_CORRUPT, "store: the number of held changes is damaged");
    turn->next_held = st_get_u64(row.data);
    return ST_OK;
}

st_err sync_turn_end(writer_turn *turn, st_error *error)
{
    uint8_t number[8];
    st_put_u64(number, turn->next_held);
    return store_put(turn->txn, STORE_META, store_text("held_next"), store_bytes(number, 8),
                     error);
}

int64_t sync_now(const sync_room *room)
{
    return room->port->now_ms(room->port->context);
}

int64_t sync_log_time(const writer_turn *turn)
{
    int64_t now = sync_now(turn->room);
    return now > turn->last_time_ms ? now : turn->last_time_ms;
}

void sync_log_stamp(const writer_turn *turn, sync_row *row)
{
    int64_t now_ms = sync_now(turn->room);
    bool is_behind = st_ms_between(now_ms, turn->last_time_ms) >= OWN_CLOCK_STEP_MS;
    row->time_ms = now_ms > turn->last_time_ms ? now_ms : turn->last_time_ms;
    row->wall_ms = is_behind ? now_ms : 0;
}

/* What the server noted itself is bound by its leaf, as what a phone wrote is by its set's. */
static void hide_note(const writer_turn *turn, sync_row *row, const st_set *set)
{
    const server_port *port = turn->room->port;
    if (set != NULL || row->note.len == 0 || row->has_note_key)
        return;
    port->random(port->context, row->note_key, sizeof row->note_key);
    row->has_note_key = true;
}

st_err sync_log_append(writer_turn *turn, sync_row *row, const st_set *set, st_error *error)
{
    assert(turn->next_index > 0);
    assert(set == NULL || row->set.len > 0);
    st_buffer bytes;
    if (row->time_ms == 0)
        sync_log_stamp(turn, row);
    hide_note(turn, row, set);
    st_buffer_init(&bytes, ROW_BYTES_MAX);
    pack_key key = pack_u64(turn->next_index);
    st_leaf leaf = sync_row_leaf(row, set);
    st_err err = sync_row_encode(row, &bytes, error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_LOG, pack_key_slice(&key),
                        store_bytes(bytes.data, bytes.len), error);
    if (err == ST_OK)
        err = audit_leaf_append(turn->txn, turn->next_index, &leaf, error);
    if (err == ST_OK && row->bucket.s[0] != '\0')
        err = sync_feed_add(turn->txn, &row->bucket, turn->next_index, error);
    st_buffer_free(&bytes);
    if (err != ST_OK)
        return err;
    turn->last_time_ms = row->time_ms;
    turn->next_index++;
    return ST_OK;
}

bool sync_bucket(const sync_room *room, st_home home, const char *unit, st_bucket *out_bucket)
{
    char text[2 * ST_BUCKET_BYTES_MAX];
    static const char *const PARTS[] = { "unit/", "catalogue", "council", "review" };
    if ((size_t)home >= sizeof PARTS / sizeof PARTS[0])
        return false;
    int len = snprintf(text, sizeof text, "%s/%s%s", room->commune.s, PARTS[home],
                       home == ST_HOME_UNIT ? unit : "");
    return len > 0 && (size_t)len < sizeof text && st_bucket_set(out_bucket, text, (size_t)len);
}
