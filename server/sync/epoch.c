/* server/sync/epoch.c - the list of epochs and how one begins.
 * Promises: each row is signed with the key of the log; a new epoch is a row and an entry in one
 * transaction. Must never change what a row that is there says. */
#include "server/sync/epoch.h"

#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"

static st_err decode(store_slice key, store_slice row, st_epoch *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    memset(out, 0, sizeof *out);
    if (key.len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: a key of epoch is damaged");
    out->n = st_get_u64(key.data);
    pack_get(&reader, out->epoch, sizeof out->epoch);
    out->cut = pack_get_u64(&reader);
    pack_get(&reader, out->server_key, sizeof out->server_key);
    pack_get(&reader, out->signature, sizeof out->signature);
    return pack_end(&reader, "epoch", error);
}

st_err sync_epochs_read(store_txn *txn, st_arena *arena, const st_epoch **out_rows,
                        uint32_t *out_count, st_error *error)
{
    store_cursor cursor = { 0 };
    st_epoch *rows = st_arena_array(arena, ST_EPOCHS_MAX, sizeof *rows);
    uint32_t count = 0;
    if (rows == NULL)
        return st_fail(error, ST_E_MEMORY, "epochs: out of memory");
    st_err err = store_cursor_open(txn, STORE_EPOCH, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid && count < ST_EPOCHS_MAX) {
        err = decode(cursor.key, cursor.value, &rows[count++], error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    *out_rows = rows;
    *out_count = count;
    return err;
}

static st_err put(store_txn *txn, const sync_room *room, st_epoch *row, st_error *error)
{
    uint8_t text[ST_EPOCH_SIGN_BYTES];
    st_buffer bytes;
    st_buffer_init(&bytes, 256);
    st_epoch_sign_text(&room->keys->log, row, text);
    st_err err = sync_log_sign(txn, room, (sync_log_text){ text, sizeof text }, row->signature,
                               error);
    if (err != ST_OK)
        return err;
    err = pack_put(&bytes, row->epoch, sizeof row->epoch);
    if (err == ST_OK)
        err = pack_put_u64(&bytes, row->cut);
    if (err == ST_OK)
        err = pack_put(&bytes, row->server_key, sizeof row->server_key);
    if (err == ST_OK)
        err = pack_put(&bytes, row->signature, sizeof row->signature);
    err = pack_done(err, "epoch", error);
    pack_key key = pack_u64(row->n);
    if (err == ST_OK)
        err = store_put(txn, STORE_EPOCH, pack_key_slice(&key), store_bytes(bytes.data, bytes.len),
                        error);
    st_buffer_free(&bytes);
    return err;
}

st_err sync_epochs_sign(store_txn *txn, const sync_room *room, st_arena *arena, st_error *error)
{
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    st_err err = sync_epochs_read(txn, arena, &rows, &count, error);
    for (uint32_t i = 0; err == ST_OK && i < count; i++) {
        st_epoch row = rows[i];
        err = put(txn, room, &row, error);
    }
    return err;
}

st_err sync_epoch_first(store_txn *txn, const sync_room *room, const uint8_t device_public[32],
                        st_error *error)
{
    st_epoch row = { .n = 1 };
    store_slice there = { 0 };
    pack_key key = pack_u64(1);
    st_err err = store_get(txn, STORE_EPOCH, pack_key_slice(&key), &there, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    memcpy(row.epoch, room->epoch, sizeof row.epoch);
    memcpy(row.server_key, device_public, sizeof row.server_key);
    return put(txn, room, &row, error);
}

static st_err append(writer_turn *turn, st_entry_kind kind, const sync_epoch_wish *wish,
                     st_error *error)
{
    sync_row entry;
    memset(&entry, 0, sizeof entry);
    entry.kind = kind;
    entry.device = turn->room->keys->device;
    entry.actor = wish->actor;
    entry.note = store_text(wish->reason);
    return sync_log_append(turn, &entry, NULL, error);
}

st_err sync_epoch_write(writer_turn *turn, const sync_epoch_wish *wish, uint8_t out_epoch[8],
                        st_error *error)
{
    const st_epoch *rows = NULL;
    st_epoch row;
    uint32_t count = 0;
    const sync_room *room = turn->room;
    st_err err = sync_epochs_read(turn->txn, turn->arena, &rows, &count, error);
    if (err == ST_OK && count >= ST_EPOCHS_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "epochs: a log has at most %u", ST_EPOCHS_MAX);
    if (err != ST_OK)
        return err;
    memset(&row, 0, sizeof row);
    row.n = count == 0 ? 1 : rows[count - 1].n + 1;
    row.cut = turn->next_index - 1;
    room->port->random(room->port->context, row.epoch, sizeof row.epoch);
    memcpy(row.server_key, room->keys->device_public, sizeof row.server_key);
    err = put(turn->txn, room, &row, error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text("epoch"),
                        store_bytes(row.epoch, sizeof row.epoch), error);
    if (err == ST_OK)
        err = append(turn, ST_ENTRY_EPOCH, wish, error);
    if (err == ST_OK && wish->from_backup)
        err = append(turn, ST_ENTRY_RESTORE, wish, error);
    memcpy(out_epoch, row.epoch, sizeof row.epoch);
    return err;
}

typedef struct {
    const sync_epoch_wish *wish;
    uint8_t epoch[8];
} epoch_job;

static st_err run_begin(writer_turn *turn, void *argument, st_error *error)
{
    epoch_job *job = argument;
    return sync_epoch_write(turn, job->wish, job->epoch, error);
}

st_err sync_epoch_begin(writer *w, sync_room *room, const sync_epoch_wish *wish, st_error *error)
{
    epoch_job begin = { .wish = wish };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_begin;
    job.argument = &begin;
    st_err err = writer_submit(w, &job, error);
    if (err == ST_OK)
        memcpy(room->epoch, begin.epoch, sizeof room->epoch);
    return err;
}

uint64_t sync_epoch_cut(const st_epoch *rows, uint32_t count, const uint8_t epoch[8])
{
    uint64_t cut = UINT64_MAX;
    for (uint32_t i = count; i > 0; i--) {
        if (memcmp(rows[i - 1].epoch, epoch, sizeof rows[i - 1].epoch) == 0)
            return cut;
        if (rows[i - 1].cut < cut)
            cut = rows[i - 1].cut;
    }
    return 0;
}
