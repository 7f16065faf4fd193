/* server/sync/verify.c - checks the store against its log, and folds the log again.
 * Promises: verify changes nothing; it folds into a scratch store and compares every derived table
 * byte for byte. rebuild replaces them in one transaction. Must never judge again. */
#include "server/sync/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/changeset.h"
#include "server/audit/check.h"
#include "server/audit/leaf.h"
#include "server/audit/root.h"
#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/sync/epoch.h"
#include "server/sync/have.h"
#include "server/sync/incident.h"
#include "server/sync/judge.h"
#include "server/sync/quota.h"
#include "server/sync/replay.h"
#include "server/sync/sets.h"

#define TURN_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ROWS_A_COMMIT 500u

typedef struct {
    sync_room *room;           /* the real one */
    store_txn real;            /* read */
    sync_room scratch_room;
    store *scratch;
    char scratch_dir[STORE_PATH_BYTES];
    st_arena arena;
    verify_say say;
    void *context;
    verify_report report;
    int64_t last_time_ms;
    bool stopped;
    audit_check tree;          /* of the leaves as they should be */
} verifier;

static void wrong(verifier *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(verifier *v, const char *format, ...)
{
    char line[256];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    v->report.wrong++;
    if (v->say != NULL && !v->stopped)
        v->stopped = !v->say(v->context, line);
}

static void say_audit(void *context, const char *line)
{
    wrong(context, "%s", line);
}

/* ---- one entry ---- */

/* Nothing is known about the book when there is no memory, or its disk cannot be read. */
static bool is_unknown(st_err err)
{
    return st_err_is_passing(err) || err == ST_E_FULL;
}

static st_err check_chain(verifier *v, store_txn *scratch, uint64_t index, const sync_row *row)
{
    sets_kind kind = SETS_NEW;
    uint64_t known = 0;
    auth_device device = { .id = row->device };
    st_set set;
    st_err err = st_set_decode(row->set.data, row->set.len, &v->arena, &set, NULL);
    if (is_unknown(err))
        return err;
    if (err != ST_OK && set.bytes == NULL) {
        wrong(v, "entry %" PRIu64 ": its change-set cannot be read", index);
        return ST_OK;
    }
    if (st_id_cmp(&set.device, &row->device) != 0 || set.first != row->first)
        wrong(v, "entry %" PRIu64 ": its change-set is another one", index);
    err = auth_device_get(scratch, v->room->keys, &set.device, &device, NULL);
    if (is_unknown(err))
        return err;
    if (err != ST_OK)
        wrong(v, "entry %" PRIu64 ": its device was not enrolled before it", index);
    else if (!st_set_verify(&set, &v->room->keys->log, device.sign_key))
        wrong(v, "entry %" PRIu64 ": the signature is not the device's", index);
    const st_id author = judge_actor(&set, &device);
    if (err == ST_OK && st_id_cmp(&row->actor, &author) != 0)
        wrong(v, "entry %" PRIu64 ": its author is another one", index);
    err = sets_look(scratch, &set, &kind, &known, NULL);
    if (is_unknown(err))
        return err;
    if (err != ST_OK || kind != (row->kind == ST_ENTRY_FORK ? SETS_FORK : SETS_NEW))
        wrong(v, "entry %" PRIu64 ": it does not fit into the chain of its device", index);
    return ST_OK;
}

/* An entry `epoch` says what the log had in common with the one of before. */
static st_err check_cut(verifier *v, uint64_t index, const sync_row *row)
{
    st_hash root;
    if (row->cut_size == 0)
        return ST_OK;
    memset(&root, 0, sizeof root);
    st_err err = row->cut_size < index ? audit_root(&v->real, row->cut_size, &root, NULL) : ST_OK;
    if (is_unknown(err))
        return err;
    if (memcmp(root.b, row->cut_root.b, sizeof root.b) != 0)
        wrong(v, "entry %" PRIu64 ": the log does not go on from where it says", index);
    return ST_OK;
}

static st_err check_leaf(verifier *v, uint64_t index, const sync_row *row, const st_set *set)
{
    st_buffer made;
    store_slice stored = { 0 };
    pack_key key = pack_u64(index);
    st_leaf leaf = sync_row_leaf(row, row->set.len > 0 ? set : NULL);
    st_buffer_init(&made, ST_LEAF_BYTES_MAX + 64u);
    st_err err = audit_leaf_row(&leaf, &made, NULL);
    if (err == ST_OK)
        err = store_get(&v->real, STORE_LEAF, pack_key_slice(&key), &stored, NULL);
    bool same = err == ST_OK && stored.len == made.len
                && memcmp(stored.data, made.data, made.len) == 0;
    if (!same && !is_unknown(err))
        wrong(v, "entry %" PRIu64 ": its leaf is not that of the entry", index);
    if (!is_unknown(err)) {
        st_hash hash;
        const audit_sayer sayer = { v, say_audit };
        memset(&hash, 0, sizeof hash);
        if (made.len > sizeof hash.b)
            memcpy(hash.b, made.data, sizeof hash.b);
        err = audit_check_leaf(&v->tree, &v->real, &hash, &sayer, NULL);
    }
    st_buffer_free(&made);
    if (!is_unknown(err))
        err = check_cut(v, index, row);
    if (row->time_ms < v->last_time_ms)
        wrong(v, "entry %" PRIu64 ": its time lies before that of the one before it", index);
    v->last_time_ms = row->time_ms;
    return is_unknown(err) ? err : ST_OK;
}

/* Checks the entry and folds it into the scratch store. */
static st_err check_entry(verifier *v, writer_turn *turn, uint64_t index, store_slice bytes,
                          st_error *error)
{
    sync_row row;
    st_set set;
    st_error why = { 0 };
    memset(&set, 0, sizeof set);
    pack_key key = pack_u64(index);
    st_err err = store_put(turn->txn, STORE_LOG, pack_key_slice(&key), bytes, error);
    if (err != ST_OK)
        return err;
    err = sync_row_decode(bytes, &v->arena, &row, &why);
    if (err == ST_OK && row.set.len > 0)
        err = check_chain(v, turn->txn, index, &row);
    if (err == ST_OK)
        err = sync_replay_row(turn, index, &row, &set, &why);
    if (err == ST_OK)
        err = check_leaf(v, index, &row, &set);
    if (err == ST_E_CORRUPT) {
        wrong(v, "entry %" PRIu64 ": %.150s", index, why.detail);
        err = ST_OK;
    } else if (err != ST_OK) {
        err = st_fail(error, err, "verify: entry %" PRIu64 ": %.120s", index, why.detail);
    }
    st_arena_reset(&v->arena);
    return err;
}

/* Entries from *index on, at most ROWS_A_COMMIT; *index is the next one afterwards. */
static st_err check_some(verifier *v, uint64_t *index, bool *out_more, st_error *error)
{
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    writer_turn turn;
    uint64_t at = *index;
    memset(&turn, 0, sizeof turn);
    turn.room = &v->scratch_room;
    turn.txn = &txn;
    turn.arena = &v->arena;
    st_err err = store_begin(v->scratch, STORE_WRITE_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_turn_begin(&turn, error);
    if (err == ST_OK)
        err = store_cursor_open(&v->real, STORE_LOG, &cursor, error);
    pack_key key = pack_u64(at);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&key), error);
    while (err == ST_OK && cursor.is_valid && at < *index + ROWS_A_COMMIT) {
        uint64_t found = cursor.key.len == 8 ? st_get_u64(cursor.key.data) : 0;
        if (found != at) {
            wrong(v, "entry %" PRIu64 ": it is not there", at);
            at = found > at ? found : at;
        }
        turn.next_index = at;
        err = check_entry(v, &turn, at, cursor.value, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
        at++;
    }
    bool more = cursor.is_valid;
    store_cursor_close(&cursor);
    if (err == ST_OK)
        err = sync_turn_end(&turn, error);
    if (err == ST_OK)
        err = store_commit(&txn, error);
    store_end(&txn);
    if (err == ST_OK) { /* else the same entries come again */
        *index = at;
        *out_more = more;
    }
    return err;
}

/* ---- tables ---- */

static bool same_slice(store_slice a, store_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void say_row(verifier *v, store_table table, const store_cursor *at)
{
    char hex[33];
    size_t len = at->is_valid ? (at->key.len < 16 ? at->key.len : 16) : 0;
    st_hex(len > 0 ? at->key.data : "", len, hex);
    wrong(v, "table %s: the row at %s is not the fold of the log", store_table_name(table), hex);
}

static st_err compare_table(verifier *v, store_txn *scratch, store_table table, st_error *error)
{
    store_cursor real = { 0 }, folded = { 0 };
    bool same = true;
    st_err err = store_cursor_open(&v->real, table, &real, error);
    if (err == ST_OK)
        err = store_cursor_open(scratch, table, &folded, error);
    if (err == ST_OK)
        err = store_seek(&real, store_text(""), error);
    if (err == ST_OK)
        err = store_seek(&folded, store_text(""), error);
    while (err == ST_OK && same && (real.is_valid || folded.is_valid)) {
        same = real.is_valid && folded.is_valid && same_slice(real.key, folded.key)
               && same_slice(real.value, folded.value);
        if (!same)
            say_row(v, table, real.is_valid ? &real : &folded);
        v->report.records += table == STORE_REC ? 1 : 0;
        if (same)
            err = store_next(&real, error);
        if (same && err == ST_OK)
            err = store_next(&folded, error);
    }
    store_cursor_close(&folded);
    store_cursor_close(&real);
    return err;
}

/* Nothing lies in the log beside its entries, and no leaf is without one. */
static st_err check_counts(verifier *v, uint64_t entries, st_error *error)
{
    static const store_table TABLES[] = { STORE_LOG, STORE_LEAF };
    store_stats stats;
    st_err err = store_stat(&v->real, &stats, error);
    for (size_t i = 0; err == ST_OK && i < sizeof TABLES / sizeof TABLES[0]; i++)
        if (stats.rows[TABLES[i]] > entries)
            wrong(v, "table %s: %" PRIu64 " rows, and %" PRIu64 " entries",
                  store_table_name(TABLES[i]), stats.rows[TABLES[i]], entries);
    return err;
}

static st_err compare_all(verifier *v, st_error *error)
{
    store_txn scratch = { 0 };
    progress_begin(v->room->progress, PROGRESS_COMPARE, STORE_TABLE_COUNT);
    st_err err = store_begin(v->scratch, STORE_READ_TXN, &scratch, error);
    for (int table = 0; err == ST_OK && table < STORE_TABLE_COUNT; table++) {
        if (store_is_derived((store_table)table))
            err = compare_table(v, &scratch, (store_table)table, error);
        progress_add(v->room->progress, 1);
    }
    store_end(&scratch);
    return err;
}

static st_err check_attachments(verifier *v, st_error *error)
{
    have_report have = { 0 };
    have_say say = v->stopped ? NULL : v->say;
    progress_begin(v->room->progress, PROGRESS_FILES, v->report.records);
    st_err err = have_check(v->room, &v->real, say, v->context, &have, error);
    v->report.attachments = have.attachments;
    v->report.incomplete = have.incomplete;
    v->report.wrong += have.wrong;
    return err;
}

static void wrong_quota(void *context, const st_id *device, uint64_t noted, uint64_t counted)
{
    char id[33];
    st_id_format(device, id);
    wrong(context, "device %s: %" PRIu64 " bytes of attachments noted, its pieces have %" PRIu64,
          id, noted, counted);
}

/* The bytes of each device are those of its pieces. */
static st_err check_quota(verifier *v, st_error *error)
{
    st_err err = quota_check(&v->real, wrong_quota, v, error);
    if (err == ST_OK || is_unknown(err))
        return err;
    wrong(v, "table %s: a row of the bytes of attachments cannot be read",
          store_table_name(STORE_META));
    return ST_OK;
}

static bool next_incident(void *context, const sync_incident *incident)
{
    (void)context;
    return incident != NULL;
}

/* What the log cannot be folded to, and must be readable all the same: epochs and incidents. */
static st_err check_notes(verifier *v, st_error *error)
{
    st_arena arena;
    const st_epoch *epochs = NULL;
    uint32_t count = 0;
    st_arena_init(&arena, TURN_BYTES_MAX);
    st_err err = sync_epochs_read(&v->real, &arena, &epochs, &count, error);
    st_arena_reset(&arena);
    if (err != ST_OK && !is_unknown(err))
        wrong(v, "table %s: a row cannot be read", store_table_name(STORE_EPOCH));
    if (is_unknown(err))
        return err;
    err = sync_incident_each(&v->real, next_incident, NULL, error);
    if (err != ST_OK && !is_unknown(err))
        wrong(v, "table %s: a row cannot be read", store_table_name(STORE_INCIDENT));
    return is_unknown(err) ? err : ST_OK;
}

/* ---- the scratch store ---- */

/* What folding needs of the real room. The rest stays zero: others write there meanwhile. */
static void copy_room(verifier *v)
{
    const sync_room *room = v->room;
    v->scratch_room.dir = room->dir;
    v->scratch_room.store = v->scratch;
    v->scratch_room.catalogue = room->catalogue;
    v->scratch_room.keys = room->keys;
    v->scratch_room.port = room->port;
    v->scratch_room.commune = room->commune;
    memcpy(v->scratch_room.epoch, room->epoch, sizeof v->scratch_room.epoch);
    memcpy(v->scratch_room.boot, room->boot, sizeof v->scratch_room.boot);
}

static st_err open_scratch(verifier *v, st_error *error)
{
    st_err err = store_dir_path(v->room->dir, "verify.XXXXXX", v->scratch_dir, error);
    if (err != ST_OK)
        return err;
    if (mkdtemp(v->scratch_dir) == NULL) {
        v->scratch_dir[0] = '\0';
        return st_fail(error, ST_E_STORAGE, "%s: no scratch folder can be made", v->room->dir);
    }
    err = store_open(v->scratch_dir, STORE_CREATE, &v->scratch, error);
    copy_room(v);
    return err;
}

static void close_scratch(verifier *v)
{
    static const char *const FILES[] = { "store/data.mdb", "store/lock.mdb", "lock" };
    char path[STORE_PATH_BYTES];
    store_close(v->scratch);
    if (v->scratch_dir[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        if (store_dir_path(v->scratch_dir, FILES[i], path, NULL) == ST_OK)
            (void)unlink(path);
    if (store_dir_path(v->scratch_dir, "store", path, NULL) == ST_OK)
        (void)rmdir(path);
    (void)rmdir(v->scratch_dir);
}

st_err sync_verify(sync_room *room, verify_say say, void *context, verify_report *out_report,
                   st_error *error)
{
    verifier v;
    uint64_t index = 1, size = 0;
    bool more = true;
    const audit_sayer sayer = { &v, say_audit };
    memset(&v, 0, sizeof v);
    v.room = room;
    v.say = say;
    v.context = context;
    v.last_time_ms = INT64_MIN;
    st_arena_init(&v.arena, TURN_BYTES_MAX);
    st_err err = open_scratch(&v, error);
    if (err == ST_OK)
        err = store_begin(room->store, STORE_READ_TXN, &v.real, error);
    if (err == ST_OK)
        err = sync_log_size(&v.real, &size, error);
    progress_begin(room->progress, PROGRESS_FOLD, size);
    if (err == ST_OK)
        err = audit_check_begin(&v.tree, &v.real, room, &sayer, error);
    while (err == ST_OK && more) {
        uint64_t wrong_before = v.report.wrong;
        audit_check tree_before = v.tree;
        int64_t time_before_ms = v.last_time_ms;
        err = check_some(&v, &index, &more, error);
        if (err == ST_E_STORAGE && store_grow(v.scratch)) {
            v.report.wrong = wrong_before;
            v.tree = tree_before;
            v.last_time_ms = time_before_ms;
            err = ST_OK;
        }
        progress_set(room->progress, index - 1);
    }
    if (err == ST_OK)
        err = compare_all(&v, error);
    if (err == ST_OK)
        err = check_counts(&v, index - 1, error);
    if (err == ST_OK)
        err = audit_check_end(&v.tree, &v.real, &sayer, error);
    if (err == ST_OK)
        err = check_attachments(&v, error);
    if (err == ST_OK)
        err = check_quota(&v, error);
    if (err == ST_OK)
        err = check_notes(&v, error);
    v.report.entries = index - 1;
    store_end(&v.real);
    st_arena_reset(&v.arena);
    close_scratch(&v);
    progress_end(room->progress);
    if (err == ST_OK)
        *out_report = v.report;
    return err;
}

/* ---- rebuild ---- */

static st_err clear_derived(store_txn *txn, st_error *error)
{
    st_err err = ST_OK;
    for (int table = 0; err == ST_OK && table < STORE_TABLE_COUNT; table++)
        if (store_is_derived((store_table)table))
            err = store_clear(txn, (store_table)table, error);
    return err;
}

static st_err rebuild_once(sync_room *room, uint64_t *out_entries, st_error *error)
{
    store_txn txn = { 0 };
    writer_turn turn;
    st_arena arena;
    uint64_t index = 1, end = 0;
    memset(&turn, 0, sizeof turn);
    st_arena_init(&arena, TURN_BYTES_MAX);
    turn.room = room;
    turn.txn = &txn;
    turn.arena = &arena;
    st_err err = store_begin(room->store, STORE_WRITE_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_turn_begin(&turn, error);
    end = turn.next_index;
    turn.next_held = 1;
    progress_begin(room->progress, PROGRESS_FOLD, end - 1);
    if (err == ST_OK)
        err = clear_derived(&txn, error);
    for (; err == ST_OK && index < end; index++) {
        sync_row row;
        turn.next_index = index;
        err = sync_row_get(&txn, index, &arena, &row, error);
        if (err == ST_E_NOT_FOUND)
            err = st_fail(error, ST_E_CORRUPT, "log: entry %" PRIu64 " is not there", index);
        if (err == ST_OK)
            err = sync_replay_row(&turn, index, &row, NULL, error);
        st_arena_reset(&arena);
        progress_add(room->progress, 1);
    }
    if (err == ST_OK)
        err = sync_turn_end(&turn, error);
    if (err == ST_OK)
        err = audit_tree_again(&txn, error);
    if (err == ST_OK)
        err = quota_recount(&txn, error);
    if (err == ST_OK)
        err = store_commit(&txn, error);
    store_end(&txn);
    st_arena_reset(&arena);
    catalogue_settle(room->catalogue, err == ST_OK);
    if (err == ST_OK)
        *out_entries = end - 1;
    return err;
}

st_err sync_rebuild(sync_room *room, uint64_t *out_entries, st_error *error)
{
    st_err err = rebuild_once(room, out_entries, error);
    while (err == ST_E_STORAGE && store_grow(room->store))
        err = rebuild_once(room, out_entries, error);
    progress_end(room->progress);
    return err;
}
