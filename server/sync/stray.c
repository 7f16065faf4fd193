/* server/sync/stray.c - finds pieces that nothing names, and removes them after 90 days; counts
 * those that are named and that no device has counted.
 * Promises: a piece that any set of the log names stays, whatever became of the set; what is named
 * while it looks stays too. Must never remove anything that it found for the first time. */
#include "server/sync/stray.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/store/chunks.h"
#include "server/sync/own_clock.h"
#include "server/sync/quota.h"
#include "server/sync/row.h"

#define ENTRY_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define NAMED_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define PREFIX          "stray/"
#define KEY_BYTES       (sizeof PREFIX + 64)

/* Hashes; sorted and each once after set_close. */
typedef struct {
    st_arena *arena;
    st_hash *hashes;
    size_t count, capacity;
} hash_set;

typedef struct {
    sync_room *room;
    st_arena arena; /* of the lists */
    store_txn txn; /* of the look */
    hash_set named;
    stray *strays; /* ascending by hash */
    size_t count, capacity;
    quota_piece *uncounted; /* named, on disk, and no device has it counted; ascending by hash */
    size_t uncounted_count, uncounted_capacity;
    uint64_t log_size; /* so far is looked through */
    int64_t now_ms, jump_ms;   /* of the server's clock */
    stray_count counted;
} search;

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(st_hash)); /* a stray begins with its hash */
}

static void set_close(hash_set *set)
{
    size_t kept = 0;
    if (set->count > 0)
        qsort(set->hashes, set->count, sizeof *set->hashes, compare);
    for (size_t i = 0; i < set->count; i++)
        if (kept == 0 || compare(&set->hashes[kept - 1], &set->hashes[i]) != 0)
            set->hashes[kept++] = set->hashes[i];
    set->count = kept;
}

static bool set_has(const hash_set *set, const st_hash *hash)
{
    return set->count > 0 && bsearch(hash, set->hashes, set->count, sizeof *hash, compare) != NULL;
}

/* ---- what the log names ---- */

typedef struct {
    /* Told of each hash that a set of the device names. */
    st_err (*each)(void *context, const st_id *device, const st_hash *hash, st_error *error);
    void *context;
    bool has_unread; /* a set was there that cannot be read */
} naming;

static st_err add_named(void *context, const st_id *device, const st_hash *hash, st_error *error)
{
    hash_set *set = context;
    (void)device;
    st_hash *hashes = set->hashes;
    if (set->count == set->capacity)
        hashes = st_arena_grow(set->arena, hashes, set->count, &set->capacity, sizeof *hashes);
    if (hashes == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    set->hashes = hashes;
    set->hashes[set->count++] = *hash;
    return ST_OK;
}

/* Any value that may be a list of hashes: the form of its record need not be known. */
static st_err walk_op(const naming *n, const st_id *device, const st_op *op, st_error *error)
{
    const st_value *value = &op->value;
    st_err err = ST_OK;
    size_t count = value->len / sizeof(st_hash);
    if (value->kind != ST_VALUE_BYTES || value->len % sizeof(st_hash) != 0)
        return ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        st_hash hash;
        memcpy(hash.b, value->data + i * sizeof hash, sizeof hash);
        err = n->each(n->context, device, &hash, error);
    }
    return err;
}

static st_err walk_set(naming *n, store_slice bytes, st_arena *work, st_error *error)
{
    st_set decoded;
    st_err err = st_set_decode(bytes.data, bytes.len, work, &decoded, error);
    if (err == ST_E_MEMORY)
        return err;
    n->has_unread = n->has_unread || err != ST_OK;
    if (err != ST_OK)
        return ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < decoded.changes_count; i++)
        for (uint32_t j = 0; err == ST_OK && j < decoded.changes[i].ops_count; j++)
            err = walk_op(n, &decoded.device, &decoded.changes[i].ops[j], error);
    return err;
}

/* What the entries from an index on name, each with memory of its own. */
static st_err walk_log(naming *n, store_txn *txn, uint64_t from, st_error *error)
{
    store_cursor cursor = { 0 };
    uint8_t key[8];
    st_arena work;
    st_arena_init(&work, ENTRY_BYTES_MAX);
    st_put_u64(key, from);
    st_err err = store_cursor_open(txn, STORE_LOG, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_bytes(key, sizeof key), error);
    while (err == ST_OK && cursor.is_valid) {
        sync_row row;
        err = sync_row_decode(cursor.value, &work, &row, error);
        if (err == ST_OK && row.set.len > 0)
            err = walk_set(n, row.set, &work, error);
        st_arena_reset(&work);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* All of them, closed. ST_E_VERSION: a set cannot be read. */
static st_err find_named(hash_set *set, store_txn *txn, uint64_t from, st_error *error)
{
    naming n = { add_named, set, false };
    st_err err = walk_log(&n, txn, from, error);
    set_close(set);
    if (err == ST_OK && n.has_unread)
        err = st_fail(error, ST_E_VERSION,
                      "attachments: a change-set of a newer program is kept "
                      "here, and what it names is not known");
    return err;
}

/* ---- what no device has counted ---- */

/* One that was taken in before there was a limit. */
static st_err look_for_count(search *s, const st_hash *hash, uint64_t bytes, st_error *error)
{
    bool is_counted = false;
    st_err err = quota_is_counted(&s->txn, hash, &is_counted, error);
    if (err != ST_OK || is_counted)
        return err;
    quota_piece *grown = st_arena_grow(&s->arena, s->uncounted, s->uncounted_count,
                                       &s->uncounted_capacity, sizeof *grown);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    s->uncounted = grown;
    s->uncounted[s->uncounted_count++] = (quota_piece){ .hash = *hash, .bytes = bytes };
    return ST_OK;
}

static int compare_pieces(const void *a, const void *b)
{
    const quota_piece *one = a, *two = b;
    return compare(&one->hash, &two->hash);
}

/* The first that named it attached it. */
static st_err note_owner(void *context, const st_id *device, const st_hash *hash, st_error *error)
{
    search *s = context;
    const quota_piece wanted = { .hash = *hash };
    quota_piece *piece = bsearch(&wanted, s->uncounted, s->uncounted_count, sizeof wanted,
                                 compare_pieces);
    (void)error;
    if (piece != NULL && st_id_is_zero(&piece->device))
        piece->device = *device;
    return ST_OK;
}

static st_err find_owners(search *s, st_error *error)
{
    naming n = { note_owner, s, false };
    if (s->uncounted_count == 0)
        return ST_OK;
    qsort(s->uncounted, s->uncounted_count, sizeof *s->uncounted, compare_pieces);
    return walk_log(&n, &s->txn, 0, error);
}

/* ---- what is on disk ---- */

static st_err take_piece(void *context, const st_hash *hash, uint64_t bytes, st_error *error)
{
    search *s = context;
    s->counted.pieces++;
    if (set_has(&s->named, hash))
        return look_for_count(s, hash, bytes, error);
    stray *grown = st_arena_grow(&s->arena, s->strays, s->count, &s->capacity, sizeof *grown);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    s->strays = grown;
    s->strays[s->count++] = (stray){ .hash = *hash, .bytes = bytes, .since_ms = s->now_ms };
    return ST_OK;
}

/* ---- since when ---- */

static store_slice key_of(const st_hash *hash, char text[KEY_BYTES])
{
    memcpy(text, PREFIX, sizeof PREFIX);
    st_hex(hash->b, sizeof hash->b, text + sizeof PREFIX - 1);
    return store_text(text);
}

/* A note of a time that has not come yet was made by a wrong clock: it counts from now on. One of
 * before the clock jumped counts from there. */
static st_err read_since(search *s, store_txn *txn, stray *one, bool *out_noted, st_error *error)
{
    char text[KEY_BYTES];
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_META, key_of(&one->hash, text), &row, error);
    int64_t since_ms = err == ST_OK && row.len == 8 ? (int64_t)st_get_u64(row.data) : s->now_ms;
    *out_noted = err == ST_OK && row.len == 8 && since_ms <= s->now_ms;
    one->since_ms = *out_noted ? s->now_ms - own_clock_age(since_ms, s->now_ms, s->jump_ms)
                               : s->now_ms;
    one->is_due = s->now_ms - one->since_ms >= STRAY_KEPT_MS;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err look(search *s, st_error *error)
{
    st_err err = store_begin(s->room->store, STORE_READ_TXN, &s->txn, error);
    if (err == ST_OK)
        err = sync_log_size(&s->txn, &s->log_size, error);
    if (err == ST_OK)
        err = own_clock_jump(&s->txn, &s->jump_ms, error);
    if (err == ST_OK)
        err = find_named(&s->named, &s->txn, 0, error);
    if (err == ST_OK)
        err = chunks_each(s->room->dir, take_piece, s, error);
    if (err == ST_OK && s->count > 0)
        qsort(s->strays, s->count, sizeof *s->strays, compare);
    for (size_t i = 0; err == ST_OK && i < s->count; i++) {
        bool is_noted = false;
        err = read_since(s, &s->txn, &s->strays[i], &is_noted, error);
    }
    if (err == ST_OK)
        err = find_owners(s, error);
    store_end(&s->txn);
    return err;
}

/* ---- noting and removing ---- */

/* One that went, and then the power before the turn that removed it was on the disk: it counts for
 * its device no longer. */
static st_err drop_count(const search *s, store_txn *txn, const st_hash *hash, st_error *error)
{
    bool is_there = true;
    st_err err = chunks_is_there(s->room->dir, hash, &is_there, error);
    return err == ST_OK && !is_there ? quota_drop(txn, hash, error) : err;
}

/* Notes of pieces that are named by now, or gone, go. */
static st_err drop_notes(search *s, store_txn *txn, const hash_set *late, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_text(PREFIX);
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        stray wanted = { .bytes = 0 };
        char text[KEY_BYTES] = "";
        size_t len = cursor.key.len < sizeof text ? cursor.key.len : sizeof text - 1;
        memcpy(text, cursor.key.data, len);
        bool is_hash = len == sizeof PREFIX - 1 + 64 &&
                       st_unhex(text + sizeof PREFIX - 1, 64, wanted.hash.b, 32);
        bool stays = is_hash && s->count > 0 && !set_has(late, &wanted.hash) &&
                     bsearch(&wanted, s->strays, s->count, sizeof wanted, compare) != NULL;
        err = store_next(&cursor, error);
        if (err == ST_OK && !stays)
            err = store_delete(txn, STORE_META, store_text(text), error);
        if (err == ST_OK && !stays && is_hash)
            err = drop_count(s, txn, &wanted.hash, error);
        if (err == ST_OK && !stays)
            err = store_seek(&cursor, store_text(text), error);
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err settle(search *s, store_txn *txn, const stray *one, st_error *error)
{
    char text[KEY_BYTES];
    uint8_t since[8];
    bool is_noted = false;
    stray now = *one;
    st_err err = read_since(s, txn, &now, &is_noted, error);
    st_put_u64(since, (uint64_t)now.since_ms);
    if (err == ST_OK && now.is_due && one->is_due) {
        s->counted.due++;
        s->counted.due_bytes += one->bytes;
        err = quota_drop(txn, &one->hash, error);
        if (err == ST_OK)
            err = chunks_remove(s->room->dir, &one->hash, error);
        return err == ST_OK ? store_delete(txn, STORE_META, key_of(&one->hash, text), error) : err;
    }
    return err == ST_OK && !is_noted ? store_put(txn, STORE_META, key_of(&one->hash, text),
                                                 store_bytes(since, sizeof since), error)
                                     : err;
}

/* In the writer's turn, so that no set that names one comes meanwhile; what came since the look is
 * looked through first. May be run more than once. */
static st_err run(writer_turn *turn, void *argument, st_error *error)
{
    search *s = argument;
    hash_set late = { .arena = &s->arena };
    s->counted.due = s->counted.due_bytes = 0;
    st_err err = own_clock_jump(turn->txn, &s->jump_ms, error); /* it may be noted in this turn */
    if (err == ST_OK)
        err = find_named(&late, turn->txn, s->log_size, error);
    if (err == ST_OK)
        err = drop_notes(s, turn->txn, &late, error);
    for (size_t i = 0; err == ST_OK && i < s->uncounted_count; i++)
        err = quota_count(turn, &s->uncounted[i], error);
    for (size_t i = 0; err == ST_OK && i < s->count; i++)
        if (!set_has(&late, &s->strays[i].hash))
            err = settle(s, turn->txn, &s->strays[i], error);
    return err;
}

static void count_and_say(search *s, stray_say say, void *context)
{
    bool goes_on = true;
    for (size_t i = 0; i < s->count; i++) {
        s->counted.strays++;
        s->counted.bytes += s->strays[i].bytes;
        s->counted.due += s->strays[i].is_due;
        s->counted.due_bytes += s->strays[i].is_due ? s->strays[i].bytes : 0;
        goes_on = goes_on && say(context, &s->strays[i]);
    }
}

st_err sync_stray_collect(writer *w, bool only_say, stray_say say, void *context,
                          stray_count *out_count, st_error *error)
{
    sync_room *room = writer_room(w);
    search s = { .room = room, .now_ms = room->port->now_ms(room->port->context) };
    st_arena_init(&s.arena, NAMED_BYTES_MAX);
    s.named.arena = &s.arena;
    st_err err = look(&s, error);
    if (err == ST_OK)
        count_and_say(&s, say, context);
    writer_job job = { .run = run, .argument = &s };
    if (err == ST_OK && !only_say)
        err = writer_submit(w, &job, error);
    if (err == ST_OK)
        *out_count = s.counted;
    st_arena_reset(&s.arena);
    return err;
}
