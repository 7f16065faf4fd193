/* server/sync/epoch.c - the list of epochs and how one begins.
 * Promises: each row is signed with the key of the log; a new epoch is a row and an entry in one
 * transaction. Must never change what a row that is there says. */
#include "server/sync/epoch.h"

#include <stdlib.h>
#include <string.h>

#include "server/audit/root.h"
#include "server/auth/auth.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"

#define EPOCHS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define LEARNED_MAX      (ST_EPOCHS_MAX / 2) /* the others are left to stores that are restored */

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

/* cut: of the entry `epoch`; of another one 0. */
static st_err append(writer_turn *turn, st_entry_kind kind, const sync_epoch_wish *wish,
                     uint64_t cut, st_error *error)
{
    sync_row entry;
    memset(&entry, 0, sizeof entry);
    entry.cut_size = cut;
    if (cut > 0) {
        st_err err = audit_root(turn->txn, cut, &entry.cut_root, error);
        if (err != ST_OK)
            return err;
    }
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
    if (wish->has_cut && wish->cut < row.cut)
        row.cut = wish->cut;
    room->port->random(room->port->context, row.epoch, sizeof row.epoch);
    memcpy(row.server_key, room->keys->device_public, sizeof row.server_key);
    err = put(turn->txn, room, &row, error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text("epoch"),
                        store_bytes(row.epoch, sizeof row.epoch), error);
    if (err == ST_OK)
        err = append(turn, ST_ENTRY_EPOCH, wish, row.cut, error);
    if (err == ST_OK && wish->from_backup)
        err = append(turn, ST_ENTRY_RESTORE, wish, 0, error);
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
    st_err err = sync_epoch_write(turn, job->wish, job->epoch, error);
    return err == ST_OK ? auth_codes_void(turn->txn, error) : err;
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

/* ---- epochs that were lost ---- */

typedef struct {
    const st_ask *ask;
    auth_keys *keys;           /* of the room */
    const st_epoch **found;    /* of the ask: not known here, and of this log */
    uint32_t count;
} learn_job;

/* By any key that the log has had: it may have been lost with one of them. */
static bool is_ours(const sync_room *room, const st_log_keys *log_keys, const st_epoch *row)
{
    bool is = st_epoch_verify(&room->keys->log, row, log_keys->first);
    for (uint32_t i = 0; i < log_keys->count && !is; i++)
        is = st_epoch_verify(&room->keys->log, row, log_keys->rows[i].key);
    return is;
}

/* ST_E_NOT_FOUND: it is new here. */
static st_err find_known(const sync_room *room, store_txn *txn, const learn_job *job,
                         const st_epoch *row, st_error *error)
{
    auth_device device;
    for (uint32_t i = 0; i < job->count; i++)
        if (memcmp(job->found[i]->server_key, row->server_key, sizeof row->server_key) == 0)
            return ST_OK;
    const st_id id = st_device_id(row->server_key);
    return auth_device_get(txn, room->keys, &id, &device, error);
}

/* Most asks name what is known: no turn for these, and no signature is looked at. */
static st_err find_lost(store_txn *txn, const sync_room *room, learn_job *job, st_error *error)
{
    st_log_keys log_keys;
    st_err err = ST_OK;
    job->count = 0;
    for (uint32_t i = 0; err == ST_OK && i < job->ask->seen_count; i++) {
        const st_epoch *row = &job->ask->seen[i];
        err = find_known(room, txn, job, row, error);
        if (err != ST_E_NOT_FOUND)
            continue;
        err = sync_log_keys_read(txn, room, &log_keys, error);
        if (err == ST_OK && is_ours(room, &log_keys, row))
            job->found[job->count++] = row;
    }
    return err;
}

static const sync_epoch_wish LEARNED = { .reason = "an epoch that this store lost is known again" };

/* A new row with its entry. */
static st_err add_row(writer_turn *turn, st_epoch *row, st_error *error)
{
    st_err err = put(turn->txn, turn->room, row, error);
    return err == ST_OK ? append(turn, ST_ENTRY_EPOCH, &LEARNED, row->cut, error) : err;
}

/* The first row of an epoch; one that was added since, behind lost ones, came later. `count`: it
 * has none. */
static uint32_t first_row(const st_epoch *rows, uint32_t count, const uint8_t epoch[8])
{
    uint32_t i = 0;
    while (i < count && memcmp(rows[i].epoch, epoch, sizeof rows[i].epoch) != 0)
        i++;
    return i;
}

/* May one of the lost ones have come after this epoch? Then the store was put back into it. */
static bool is_put_back(const learn_job *job, const st_epoch *present)
{
    bool is = false;
    for (uint32_t i = 0; i < job->count; i++)
        is = is || job->found[i]->n > present->n;
    return is;
}

/* What phones hold under the name of the present epoch may be lost: only up to where that began it
 * is in this log for certain. */
static st_err leave_present(writer_turn *turn, const st_epoch *present, uint64_t cut,
                            st_error *error)
{
    uint8_t epoch[8];
    sync_epoch_wish wish = LEARNED;
    wish.has_cut = true;
    wish.cut = present->cut < cut ? present->cut : cut;
    if (wish.cut == 0)
        wish.cut = 1; /* every log of this key begins with it */
    st_err err = sync_epoch_write(turn, &wish, epoch, error);
    return err == ST_OK ? auth_codes_void(turn->txn, error) : err;
}

/* The names of the lost ones are not taken over: positions of theirs say nothing here. Nor is this
 * log theirs beyond where they began: the lowest of these is the cut of each row, since whoever
 * speaks of a lost one names it by a number that a later row may have here. */
static st_err run_learn(writer_turn *turn, void *argument, st_error *error)
{
    learn_job *job = argument;
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    const sync_room *room = turn->room;
    st_err err = sync_epochs_read(turn->txn, turn->arena, &rows, &count, error);
    if (err == ST_OK)
        err = find_lost(turn->txn, room, job, error);
    if (err != ST_OK || job->count == 0)
        return err;
    if (count == 0 || count + job->count + 1 > LEARNED_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "epochs: no lost ones go behind %u", LEARNED_MAX);
    st_epoch row = { .n = rows[count - 1].n, .cut = turn->next_index - 1 };
    for (uint32_t i = 0; i < job->count; i++)
        row.cut = job->found[i]->cut < row.cut ? job->found[i]->cut : row.cut;
    for (uint32_t i = 0; err == ST_OK && i < job->count; i++) {
        row.n++;
        room->port->random(room->port->context, row.epoch, sizeof row.epoch);
        memcpy(row.server_key, job->found[i]->server_key, sizeof row.server_key);
        err = add_row(turn, &row, error);
    }
    const st_epoch *present = &rows[first_row(rows, count, rows[count - 1].epoch)];
    if (err == ST_OK && is_put_back(job, present))
        return leave_present(turn, present, row.cut, error);
    row.n++;
    memcpy(row.epoch, present->epoch, sizeof row.epoch);
    memcpy(row.server_key, room->keys->device_public, sizeof row.server_key);
    return err == ST_OK ? add_row(turn, &row, error) : err;
}

/* In a turn of its own, when the rows are on disk: one thread changes keys and name. */
static st_err run_know(writer_turn *turn, void *argument, st_error *error)
{
    learn_job *job = argument;
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    st_err err = sync_epochs_read(turn->txn, turn->arena, &rows, &count, error);
    if (err != ST_OK)
        return err;
    memcpy(turn->room->epoch, rows[count - 1].epoch, sizeof turn->room->epoch);
    for (uint32_t i = 0; i < job->count; i++)
        auth_keys_add_former(job->keys, job->found[i]->server_key);
    return ST_OK;
}

static st_err learn(writer *w, learn_job *learn, st_error *error)
{
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_learn;
    job.argument = learn;
    st_err err = writer_submit(w, &job, error);
    if (err != ST_OK || learn->count == 0)
        return err == ST_E_TOO_LARGE ? ST_OK : err; /* what they signed stays where it is */
    memset(&job, 0, sizeof job);
    job.run = run_know;
    job.argument = learn;
    return writer_submit(w, &job, error);
}

st_err sync_epochs_learn(writer *w, auth_keys *keys, const st_ask *ask, st_error *error)
{
    store_txn txn = { 0 };
    const sync_room *room = writer_room(w);
    learn_job job = { .ask = ask, .keys = keys };
    if (ask->seen_count == 0)
        return ST_OK;
    job.found = calloc(ask->seen_count, sizeof *job.found);
    if (job.found == NULL)
        return st_fail(error, ST_E_MEMORY, "epochs: out of memory");
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = find_lost(&txn, room, &job, error);
    store_end(&txn);
    if (err == ST_OK && job.count > 0)
        err = learn(w, &job, error);
    free(job.found);
    return err;
}

st_err sync_epoch_begun(store_txn *txn, const sync_room *room, st_arena *arena,
                        uint64_t *out_size, st_error *error)
{
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    st_err err = sync_epochs_read(txn, arena, &rows, &count, error);
    const uint32_t i = err == ST_OK ? first_row(rows, count, room->epoch) : 0;
    *out_size = err == ST_OK && i < count ? rows[i].cut : 0;
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

st_err sync_epochs_first_cut(store_txn *txn, uint64_t *out_size, st_error *error)
{
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    st_arena arena;
    *out_size = UINT64_MAX;
    st_arena_init(&arena, EPOCHS_BYTES_MAX);
    st_err err = sync_epochs_read(txn, &arena, &rows, &count, error);
    for (uint32_t i = 0; err == ST_OK && i < count; i++)
        if (rows[i].n > 1 && rows[i].cut < *out_size)
            *out_size = rows[i].cut;
    st_arena_reset(&arena);
    return err;
}
