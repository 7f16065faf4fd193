/* server/sync/snapshot.c - which snapshot of a bucket is given out, and when it is cut anew.
 * Promises: a name that was given out is a whole file on the disk; a list that cannot be read is
 * no list. Must never fail a sync because there is no room for a snapshot. */
#include "server/sync/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/hash.h"
#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/sync/erase.h"
#include "server/sync/snapshot_cut.h"

#define LIST_BYTES_MAX (4u * 1024u * 1024u)

/* What DIR/snapshots/<bucket>.list says. */
typedef struct {
    uint8_t epoch[8];
    bool has_before;
    st_hash before;            /* the name of the one that this one took the place of */
    st_snapshot snapshot;
} snapshot_list;

static st_err path_of(const sync_room *room, const char *name, const char *ending,
                      char path[STORE_PATH_BYTES], st_error *error)
{
    char file[96];
    (void)snprintf(file, sizeof file, "snapshots/%s%s", name, ending);
    return store_dir_path(room->dir, file, path, error);
}

static st_err list_path(const sync_room *room, const st_bucket *bucket,
                        char path[STORE_PATH_BYTES], st_error *error)
{
    char hex[33];
    st_hash hash = st_sha256(bucket->s, strlen(bucket->s));
    st_hex(hash.b, 16, hex);
    return path_of(room, hex, ".list", path, error);
}

static st_err data_path(const sync_room *room, const st_hash *name, char path[STORE_PATH_BYTES],
                        st_error *error)
{
    char hex[65];
    st_hex(name->b, sizeof name->b, hex);
    return path_of(room, hex, ".zst", path, error);
}

/* ---- the list ---- */

static st_err read_file(const char *path, st_arena *arena, store_slice *out, st_error *error)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ST_E_NOT_FOUND : st_fail(error, ST_E_STORAGE, "%s", path);
    bool good = fstat(fd, &about) == 0 && about.st_size >= 0 && about.st_size < LIST_BYTES_MAX;
    size_t len = good ? (size_t)about.st_size : 0;
    uint8_t *bytes = st_arena_get(arena, len);
    st_err err = bytes == NULL ? st_fail(error, ST_E_MEMORY, "snapshot: out of memory") : ST_OK;
    if (err == ST_OK && (!good || read(fd, bytes, len) != (ssize_t)len))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    (void)close(fd);
    *out = store_bytes(bytes, len);
    return err;
}

/* epoch 8, has_before 1, before 32, the frame. ST_E_NOT_FOUND: none, or not to be read. */
static st_err read_list(const sync_room *room, const st_bucket *bucket, st_arena *arena,
                        snapshot_list *out, st_error *error)
{
    char path[STORE_PATH_BYTES];
    store_slice bytes = { 0 };
    st_frame frame;
    st_err err = list_path(room, bucket, path, error);
    if (err == ST_OK)
        err = read_file(path, arena, &bytes, NULL);
    if (err == ST_E_MEMORY)
        return st_fail(error, err, "snapshot: out of memory");
    if (err != ST_OK)
        return ST_E_NOT_FOUND;
    pack_reader reader = pack_read(bytes);
    pack_get(&reader, out->epoch, sizeof out->epoch);
    out->has_before = pack_get_u8(&reader) != 0;
    pack_get(&reader, out->before.b, sizeof out->before.b);
    if (reader.is_bad ||
        st_frame_decode(reader.data, reader.len, arena, &frame, NULL) != ST_OK ||
        frame.kind != ST_FRAME_SNAPSHOT ||
        strcmp(frame.as.snapshot.bucket.s, bucket->s) != 0)
        return ST_E_NOT_FOUND;
    out->snapshot = frame.as.snapshot;
    return ST_OK;
}

static st_err encode_list(const snapshot_list *list, st_buffer *out, st_error *error)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_SNAPSHOT;
    frame.as.snapshot = list->snapshot;
    st_err err = pack_put(out, list->epoch, sizeof list->epoch);
    if (err == ST_OK)
        err = pack_put_u8(out, list->has_before ? 1 : 0);
    if (err == ST_OK)
        err = pack_put(out, list->before.b, sizeof list->before.b);
    err = pack_done(err, "snapshot", error);
    return err == ST_OK ? st_frame_encode(&frame, out, error) : err;
}

static bool write_whole(const char *path, const st_buffer *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static st_err write_list(const sync_room *room, const snapshot_list *list, st_error *error)
{
    char path[STORE_PATH_BYTES], fresh[STORE_PATH_BYTES];
    st_buffer bytes;
    st_buffer_init(&bytes, LIST_BYTES_MAX);
    st_err err = list_path(room, &list->snapshot.bucket, path, error);
    if (err == ST_OK)
        err = path_of(room, "new", ".list", fresh, error);
    if (err == ST_OK)
        err = encode_list(list, &bytes, error);
    if (err == ST_OK && (!write_whole(fresh, &bytes) || rename(fresh, path) != 0))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
    st_buffer_free(&bytes);
    return err;
}

/* ---- is it still good? ---- */

/* Have the entries behind it grown to half its size? Looks at no more of them than that. */
static st_err is_outgrown(store_txn *txn, const st_snapshot *snapshot, bool *out_outgrown,
                          st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t room = st_snapshot_bytes(snapshot) / 2, tail = 0;
    pack_key prefix = pack_text(snapshot->bucket.s), from = prefix;
    pack_key_u64(&from, snapshot->cursor + 1);
    st_err err = store_cursor_open(txn, STORE_FEED, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&from), error);
    while (err == ST_OK && tail <= room && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        store_slice row = { 0 };
        pack_key key = pack_u64(st_get_u64((const uint8_t *)cursor.key.data + prefix.len));
        err = store_get(txn, STORE_LOG, pack_key_slice(&key), &row, error);
        tail += row.len;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    *out_outgrown = tail > room;
    return err == ST_E_NOT_FOUND ? st_fail(error, ST_E_CORRUPT, "feed: an entry is not there")
                                 : err;
}

/* Of this epoch, on the disk with all its bytes, and with a short tail. */
static st_err is_good(sync_room *room, store_txn *txn, const snapshot_list *list, bool *out_good,
                      st_error *error)
{
    char path[STORE_PATH_BYTES];
    struct stat about;
    uint64_t size = 0;
    bool outgrown = false;
    st_hash name = st_snapshot_name(&list->snapshot);
    *out_good = false;
    st_err err = sync_log_size(txn, &size, error);
    if (err == ST_OK)
        err = data_path(room, &name, path, error);
    if (err != ST_OK || memcmp(list->epoch, room->epoch, sizeof list->epoch) != 0 ||
        list->snapshot.cursor > size || list->snapshot.fold_version != SYNC_FOLD_VERSION ||
        stat(path, &about) != 0 ||
        (uint64_t)about.st_size != st_snapshot_bytes(&list->snapshot))
        return err;
    err = is_outgrown(txn, &list->snapshot, &outgrown, error);
    *out_good = !outgrown;
    return err;
}

/* ---- cutting ---- */

static void drop_data(const sync_room *room, const st_hash *name)
{
    char path[STORE_PATH_BYTES];
    if (data_path(room, name, path, NULL) == ST_OK)
        (void)unlink(path);
}

/* What is asked for, and where. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    const st_bucket *bucket;
    st_arena *arena;
} wish;

/* The new one's data, then the list that names it: who was told a name finds a whole file. */
static st_err cut_anew(const wish *w, const snapshot_list *old, snapshot_list *out,
                       st_error *error)
{
    const sync_room *room = w->room;
    char fresh[STORE_PATH_BYTES], path[STORE_PATH_BYTES], folder[STORE_PATH_BYTES];
    snapshot_list list;
    memset(&list, 0, sizeof list);
    memcpy(list.epoch, room->epoch, sizeof list.epoch);
    st_err err = path_of(room, "new", ".zst", fresh, error);
    if (err == ST_OK)
        err = store_dir_path(room->dir, "snapshots", folder, error);
    if (err == ST_OK)
        err = snapshot_cut(w->txn, w->bucket, fresh, w->arena, &list.snapshot, error);
    if (err != ST_OK)
        return err;
    st_hash name = st_snapshot_name(&list.snapshot), former = { { 0 } };
    if (old != NULL) {
        former = st_snapshot_name(&old->snapshot);
        list.has_before = memcmp(former.b, name.b, sizeof name.b) != 0;
        list.before = former;
    }
    err = data_path(room, &name, path, error);
    if (err == ST_OK && rename(fresh, path) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
    if (err == ST_OK)
        err = write_list(room, &list, error);
    if (err == ST_OK)
        err = store_dir_sync(folder, error);
    if (err == ST_OK && old != NULL && old->has_before &&
        memcmp(old->before.b, name.b, sizeof name.b) != 0)
        drop_data(room, &old->before);
    if (err == ST_OK)
        *out = list;
    return err;
}

/* Was something of the bucket erased after it was cut? Then nobody may have it any more. */
static st_err is_stale(store_txn *txn, const snapshot_list *list, bool *out_stale,
                       st_error *error)
{
    uint64_t erased = 0;
    st_err err = sync_erased_at(txn, &list->snapshot.bucket, &erased, error);
    *out_stale = erased > list->snapshot.cursor;
    return err;
}

static void drop_list(const sync_room *room, const snapshot_list *list)
{
    char path[STORE_PATH_BYTES];
    st_hash name = st_snapshot_name(&list->snapshot);
    if (list_path(room, &list->snapshot.bucket, path, NULL) == ST_OK)
        (void)unlink(path);
    drop_data(room, &name);
    if (list->has_before)
        drop_data(room, &list->before);
}

void sync_snapshot_drop(const sync_room *room, const st_bucket *bucket)
{
    st_arena arena;
    snapshot_list list;
    st_arena_init(&arena, (size_t)LIST_BYTES_MAX * 4);
    if (read_list(room, bucket, &arena, &list, NULL) == ST_OK)
        drop_list(room, &list);
    st_arena_reset(&arena);
}

/* One thread at a time: the others find what it made. */
static st_err offer_locked(const wish *w, st_snapshot *out, st_error *error)
{
    snapshot_list list, fresh;
    bool good = false;
    memset(&list, 0, sizeof list);
    st_err err = read_list(w->room, w->bucket, w->arena, &list, error);
    bool has = err == ST_OK, stale = false;
    if (err == ST_E_NOT_FOUND)
        err = ST_OK;
    if (err == ST_OK && has)
        err = is_stale(w->txn, &list, &stale, error);
    if (err == ST_OK && stale) {
        drop_list(w->room, &list);
        has = false;
    }
    if (err == ST_OK && has)
        err = is_good(w->room, w->txn, &list, &good, error);
    if (err == ST_OK && good)
        *out = list.snapshot;
    if (err != ST_OK || good)
        return err;
    err = cut_anew(w, has ? &list : NULL, &fresh, error);
    if (err == ST_OK)
        *out = fresh.snapshot;
    return err;
}

static bool is_catalogue(const st_bucket *bucket)
{
    const char *name = strchr(bucket->s, '/');
    return name == NULL || strcmp(name, "/catalogue") == 0;
}

static st_err offer(const wish *w, st_snapshot *out, bool *out_has, st_error *error)
{
    char path[STORE_PATH_BYTES];
    sync_bucket_row row;
    const sync_room *room = w->room;
    st_err err = sync_bucket_get(w->txn, w->bucket->s, &row, error);
    if (err != ST_OK || is_catalogue(w->bucket) || row.records < SYNC_SNAPSHOT_RECORDS_MIN)
        return err;
    err = store_dir_path(room->dir, "snapshots", path, error);
    if (err == ST_OK)
        err = store_dir_make(path, NULL);
    if (err == ST_OK)
        err = path_of(room, "lock", "", path, error);
    int fd = err == ST_OK ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return ST_OK;          /* no place for it: the entries are there all the same */
    int locked;
    do {
        locked = flock(fd, LOCK_EX);
    } while (locked != 0 && errno == EINTR);
    err = locked == 0 ? offer_locked(w, out, error) : ST_E_STORAGE;
    (void)close(fd);
    *out_has = err == ST_OK;
    /* A full disk, or a record that is too large for a frame. */
    return err == ST_E_STORAGE || err == ST_E_TOO_LARGE ? ST_OK : err;
}

st_err sync_snapshot_offer(sync_room *room, store_txn *txn, const st_bucket *bucket,
                           st_arena *arena, st_snapshot *out_snapshot, st_error *error)
{
    bool has = false;
    const wish w = { room, txn, bucket, arena };
    st_err err = offer(&w, out_snapshot, &has, error);
    return err == ST_OK && !has ? ST_E_NOT_FOUND : err;
}

static st_err is_stale_now(const sync_room *room, const snapshot_list *list, bool *out_stale,
                           st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = is_stale(&txn, list, out_stale, error);
    store_end(&txn);
    return err;
}

st_err sync_snapshot_open(const sync_room *room, const st_bucket *bucket, const st_hash *name,
                          int *out_fd, uint64_t *out_bytes, st_error *error)
{
    char path[STORE_PATH_BYTES];
    snapshot_list list;
    struct stat about;
    st_arena arena;
    memset(&list, 0, sizeof list);
    st_arena_init(&arena, (size_t)LIST_BYTES_MAX * 4);
    st_err err = read_list(room, bucket, &arena, &list, error);
    st_hash newest = { { 0 } };
    bool stale = false;
    if (err == ST_OK)
        newest = st_snapshot_name(&list.snapshot);
    if (err == ST_OK)
        err = is_stale_now(room, &list, &stale, error);
    st_arena_reset(&arena);
    if (stale)
        err = ST_E_NOT_FOUND;
    bool named = err == ST_OK && (memcmp(newest.b, name->b, sizeof name->b) == 0 ||
                                  (list.has_before &&
                                   memcmp(list.before.b, name->b, sizeof name->b) == 0));
    if (err == ST_E_MEMORY || err == ST_E_STORAGE || err == ST_E_BUSY)
        return err;
    if (named && memcmp(list.epoch, room->epoch, sizeof list.epoch) != 0)
        named = false;         /* of a life that the log has forgotten */
    int fd = -1;
    if (named && data_path(room, name, path, NULL) == ST_OK)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return st_fail(error, ST_E_NOT_FOUND, "snapshot: there is none of this name");
    if (fstat(fd, &about) != 0) {
        (void)close(fd);
        return st_fail(error, ST_E_STORAGE, "snapshot: cannot be read");
    }
    *out_fd = fd;
    *out_bytes = (uint64_t)about.st_size;
    return ST_OK;
}
