/* server/sync/snapshot.c - which snapshot of a bucket is given out, and when it is cut anew.
 * Promises: a name that was given out is a whole file on the disk; a list that cannot be read is
 * no list; what is cut ahead takes no place before it is packed, while the one given out is good
 * for who asks. Must never fail a sync because there is no room for a snapshot. */
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
/* The entries behind one may take so much of its size: while somebody waits, and while nobody does
 * and each byte that is saved is saved for many. */
#define TAIL_ASKED 2u
#define TAIL_AHEAD 8u

/* What DIR/snapshots/<bucket>.list says. */
#define LIST_HAS_BEFORE 1u
#define LIST_IS_QUICK   2u
#define LIST_HAS_OLDER  4u
#define LIST_FORMER     2u
typedef struct {
    uint8_t epoch[8];
    bool is_quick;             /* cut while somebody waited: larger than it has to be */
    st_hash former[LIST_FORMER]; /* names of those before it, the latest first */
    uint32_t former_count;
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

/* epoch 8, LIST_ 1, the one before 32 (zeros: none), the one before that 32 if there is one, the
 * frame. ST_E_NOT_FOUND: none, or not to be read. */
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
    uint8_t said = pack_get_u8(&reader);
    out->is_quick = (said & LIST_IS_QUICK) != 0;
    out->former_count = (said & LIST_HAS_BEFORE) == 0 ? 0 : (said & LIST_HAS_OLDER) == 0 ? 1 : 2;
    pack_get(&reader, out->former[0].b, sizeof out->former[0].b);
    if (out->former_count > 1)
        pack_get(&reader, out->former[1].b, sizeof out->former[1].b);
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
    unsigned said = (list->is_quick ? LIST_IS_QUICK : 0u) |
                    (list->former_count > 0 ? LIST_HAS_BEFORE : 0u) |
                    (list->former_count > 1 ? LIST_HAS_OLDER : 0u);
    uint32_t names = list->former_count > 1 ? 2 : 1;
    st_err err = pack_put(out, list->epoch, sizeof list->epoch);
    if (err == ST_OK)
        err = pack_put_u8(out, (uint8_t)said);
    for (uint32_t i = 0; err == ST_OK && i < names; i++)
        err = pack_put(out, list->former[i].b, sizeof list->former[i].b);
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

/* Have the entries behind it grown to more than this part of its size? Looks at no more of them
 * than that. */
static st_err is_outgrown(store_txn *txn, const st_snapshot *snapshot, unsigned part,
                          bool *out_outgrown, st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t room = st_snapshot_bytes(snapshot) / part, tail = 0;
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

/* What is asked for, and where. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    const st_bucket *bucket;
    st_arena *arena;
    unsigned tail_part;        /* one is good while the entries behind it are at most size / this */
    bool is_ahead;             /* nobody waits */
} wish;

/* What there is. */
typedef struct {
    snapshot_list list;        /* the one given out */
    bool has_next;             /* its tail is too long to go on with: */
    st_snapshot next;          /* this one was cut, in the file `next`, that nobody is told of */
} offered;

/* Of this epoch, on the disk with all its bytes, and with a short tail. */
static st_err is_good(const wish *w, const snapshot_list *list, bool *out_good, st_error *error)
{
    const sync_room *room = w->room;
    char path[STORE_PATH_BYTES];
    struct stat about;
    uint64_t size = 0;
    bool outgrown = false;
    st_hash name = st_snapshot_name(&list->snapshot);
    *out_good = false;
    st_err err = sync_log_size(w->txn, &size, error);
    if (err == ST_OK)
        err = data_path(room, &name, path, error);
    if (err != ST_OK || memcmp(list->epoch, room->epoch, sizeof list->epoch) != 0 ||
        list->snapshot.cursor > size || list->snapshot.fold_version != SYNC_FOLD_VERSION ||
        stat(path, &about) != 0 ||
        (uint64_t)about.st_size != st_snapshot_bytes(&list->snapshot))
        return err;
    err = is_outgrown(w->txn, &list->snapshot, w->tail_part, &outgrown, error);
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

static bool names(const snapshot_list *list, const st_hash *name)
{
    const st_hash newest = st_snapshot_name(&list->snapshot);
    bool is = memcmp(newest.b, name->b, sizeof name->b) == 0;
    for (uint32_t i = 0; i < list->former_count; i++)
        is = is || memcmp(list->former[i].b, name->b, sizeof name->b) == 0;
    return is;
}

static void add_former(snapshot_list *list, const st_hash *name)
{
    if (list->former_count < LIST_FORMER && !names(list, name))
        list->former[list->former_count++] = *name;
}

/* The new one's data at `fresh`, then the list that names it: who was told a name finds a whole
 * file. old: the one whose place it takes, or NULL. */
static st_err install(const wish *w, const char *fresh, snapshot_list *list,
                      const snapshot_list *old, st_error *error)
{
    const sync_room *room = w->room;
    char path[STORE_PATH_BYTES], folder[STORE_PATH_BYTES];
    st_hash name = st_snapshot_name(&list->snapshot);
    memcpy(list->epoch, room->epoch, sizeof list->epoch);
    list->former_count = 0;
    if (old != NULL) {
        const st_hash former = st_snapshot_name(&old->snapshot);
        add_former(list, &former);
        for (uint32_t i = 0; i < old->former_count; i++)
            add_former(list, &old->former[i]);
    }
    st_err err = store_dir_path(room->dir, "snapshots", folder, error);
    if (err == ST_OK)
        err = data_path(room, &name, path, error);
    if (err == ST_OK && rename(fresh, path) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
    if (err == ST_OK)
        err = write_list(room, list, error);
    if (err == ST_OK)
        err = store_dir_sync(folder, error);
    for (uint32_t i = 0; err == ST_OK && old != NULL && i < old->former_count; i++)
        if (!names(list, &old->former[i]))
            drop_data(room, &old->former[i]);
    return err;
}

static st_err cut_anew(const wish *w, const snapshot_list *old, snapshot_list *out,
                       st_error *error)
{
    char fresh[STORE_PATH_BYTES];
    snapshot_list list;
    memset(&list, 0, sizeof list);
    list.is_quick = true;
    st_err err = path_of(w->room, "new", ".zst", fresh, error);
    if (err == ST_OK)
        err = snapshot_cut(w->txn, w->bucket, fresh, w->arena, &list.snapshot, error);
    if (err == ST_OK)
        err = install(w, fresh, &list, old, error);
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
    for (uint32_t i = 0; i < list->former_count; i++)
        drop_data(room, &list->former[i]);
}

/* The one there is, of this epoch and of which nothing was erased. ST_E_NOT_FOUND. */
static st_err find_list(const wish *w, snapshot_list *out, st_error *error)
{
    bool stale = false;
    memset(out, 0, sizeof *out);
    st_err err = read_list(w->room, w->bucket, w->arena, out, error);
    if (err == ST_OK)
        err = is_stale(w->txn, out, &stale, error);
    /* Of a life that the log has forgotten, with all that were before it? */
    if (err == ST_OK && memcmp(out->epoch, w->room->epoch, sizeof out->epoch) != 0)
        stale = true;
    if (err != ST_OK || !stale)
        return err;
    drop_list(w->room, out);
    return ST_E_NOT_FOUND;
}

/* The one given out is dense, and good for who asks: cut in a moment, the next would be larger. So
 * it is cut beside it, to be packed first. */
static st_err cut_next(const wish *w, const snapshot_list *list, offered *out, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = path_of(w->room, "next", ".zst", path, error);
    if (err != ST_OK)
        return err;
    err = snapshot_cut(w->txn, w->bucket, path, w->arena, &out->next, error);
    out->list = *list;
    out->has_next = err == ST_OK;
    if (err != ST_OK)
        (void)unlink(path);
    return err;
}

/* The one there is, if it is good; else one that is cut now. */
static st_err offer_list(const wish *w, offered *out, st_error *error)
{
    snapshot_list list;
    bool good = false, stays = false;
    wish asked = *w;
    asked.tail_part = TAIL_ASKED;
    out->has_next = false;
    st_err err = find_list(w, &list, error);
    bool has = err == ST_OK;
    if (err == ST_E_NOT_FOUND)
        err = ST_OK;
    if (err == ST_OK && has)
        err = is_good(w, &list, &good, error);
    if (err == ST_OK && has && !good && w->is_ahead && !list.is_quick)
        err = is_good(&asked, &list, &stays, error);
    if (err == ST_OK && stays)
        return cut_next(w, &list, out, error);
    if (err == ST_OK && good)
        out->list = list;
    return err != ST_OK || good ? err : cut_anew(w, has ? &list : NULL, &out->list, error);
}

static bool is_catalogue(const st_bucket *bucket)
{
    const char *name = strchr(bucket->s, '/');
    return name == NULL || strcmp(name, "/catalogue") == 0;
}

static st_err is_cut(const wish *w, bool *out_is, st_error *error)
{
    sync_bucket_row row;
    st_err err = sync_bucket_get(w->txn, w->bucket->s, &row, error);
    *out_is = err == ST_OK && !is_catalogue(w->bucket) &&
              row.records >= SYNC_SNAPSHOT_RECORDS_MIN;
    return err;
}

/* One thread at a time: the others find what it made. -1: there is no place for it. Closing the
 * descriptor unlocks. */
static int lock_folder(const sync_room *room)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(room->dir, "snapshots", path, NULL);
    if (err == ST_OK)
        err = store_dir_make(path, NULL);
    if (err == ST_OK)
        err = path_of(room, "lock", "", path, NULL);
    int fd = err == ST_OK ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    int locked = fd < 0 ? -1 : 0;
    if (fd >= 0) {
        do {
            locked = flock(fd, LOCK_EX);
        } while (locked != 0 && errno == EINTR);
    }
    if (fd >= 0 && locked != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* What was being written when a server died, or is by one that packs, has the values too. */
static void drop_unnamed(const sync_room *room)
{
    static const char *const NAMES[] = { "new", "next", "dense" };
    char path[STORE_PATH_BYTES];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (path_of(room, NAMES[i], ".zst", path, NULL) == ST_OK)
            (void)unlink(path);
}

/* Ends what lock_folder began. */
static void end_drop(const sync_room *room, int fd)
{
    char folder[STORE_PATH_BYTES];
    drop_unnamed(room);
    if (fd >= 0 && store_dir_path(room->dir, "snapshots", folder, NULL) == ST_OK)
        (void)!store_dir_sync(folder, NULL);   /* a cut brings no erased value back */
    if (fd >= 0)
        (void)close(fd);
}

/* What is dropped: all that was cut of a bucket, or (txn) what was before something was erased. */
typedef struct {
    const sync_room *room;
    store_txn *txn;            /* NULL: all */
} dropping;

static void drop_of(void *context, const st_bucket *bucket)
{
    const dropping *what = context;
    st_arena arena;
    snapshot_list list;
    bool goes = true;
    st_arena_init(&arena, (size_t)LIST_BYTES_MAX * 4);
    st_err err = read_list(what->room, bucket, &arena, &list, NULL);
    if (err == ST_OK && what->txn != NULL)
        err = is_stale(what->txn, &list, &goes, NULL);
    if (err == ST_OK && goes)
        drop_list(what->room, &list);
    st_arena_reset(&arena);
}

void sync_snapshot_drop(const sync_room *room, const st_bucket *bucket)
{
    dropping what = { room, NULL };
    int fd = lock_folder(room);
    drop_of(&what, bucket);
    end_drop(room, fd);
}

void sync_snapshot_drop_erased(const sync_room *room)
{
    store_txn txn = { 0 };
    dropping what = { room, &txn };
    int fd = lock_folder(room);
    if (store_begin(room->store, STORE_READ_TXN, &txn, NULL) == ST_OK)
        (void)!sync_erased_each(&txn, drop_of, &what, NULL);
    store_end(&txn);
    end_drop(room, fd);
}

/* ST_E_NOT_FOUND without *error: none is made of this bucket, or there is no room for it. */
static st_err offer(const wish *w, offered *out, st_error *error)
{
    bool is = false;
    st_err err = is_cut(w, &is, error);
    if (err != ST_OK || !is)
        return err == ST_OK ? ST_E_NOT_FOUND : err;
    int fd = lock_folder(w->room);
    if (fd < 0)
        return ST_E_NOT_FOUND; /* no place for it: the entries are there all the same */
    err = offer_list(w, out, error);
    (void)close(fd);
    /* A full disk, or a record that is too large for a frame. */
    return err == ST_E_STORAGE || err == ST_E_TOO_LARGE ? ST_E_NOT_FOUND : err;
}

st_err sync_snapshot_offer(sync_room *room, store_txn *txn, const st_bucket *bucket,
                           st_arena *arena, st_snapshot *out_snapshot, st_error *error)
{
    offered found;
    const wish w = { room, txn, bucket, arena, TAIL_ASKED, false };
    st_err err = offer(&w, &found, error);
    if (err == ST_OK)
        *out_snapshot = found.list.snapshot;
    return err;
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
    bool stale = false, named = false;
    if (err == ST_OK)
        err = is_stale_now(room, &list, &stale, error);
    if (err == ST_OK && !stale)
        named = names(&list, name);
    st_arena_reset(&arena);
    if (st_err_is_passing(err) || err == ST_E_BUSY)
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

/* ---- ahead of who asks ---- */

/* What there is to give out, in a transaction that is over afterwards: packing takes long. */
static st_err offer_now(wish *w, offered *out, st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(w->room->store, STORE_READ_TXN, &txn, error);
    w->txn = &txn;
    if (err == ST_OK)
        err = offer(w, out, error);
    store_end(&txn);
    w->txn = NULL;
    return err;
}

/* A snapshot in a file of no name yet. */
typedef struct {
    char path[STORE_PATH_BYTES];
    st_snapshot snapshot;
} unnamed;

/* Packing made it no larger than it was: a small one may be as short as it is. */
static bool is_shorter(const unnamed *dense, const st_snapshot *before)
{
    return st_snapshot_bytes(&dense->snapshot) < st_snapshot_bytes(before);
}

/* The packed one is given out from now on, or the one it was made of where that is as short; unless
 * what was given out when packing began no longer is. next: NULL when it was that one. */
static st_err replace(const wish *w, const offered *old, const unnamed *dense, const unnamed *next,
                      st_error *error)
{
    snapshot_list now, list;
    memset(&now, 0, sizeof now);
    memset(&list, 0, sizeof list);
    int fd = lock_folder(w->room);
    if (fd < 0)
        return ST_OK;
    st_err err = read_list(w->room, w->bucket, w->arena, &now, error);
    st_hash name = st_snapshot_name(&old->list.snapshot), found = { { 0 } };
    if (err == ST_OK)
        found = st_snapshot_name(&now.snapshot);
    bool is_same = err == ST_OK && memcmp(name.b, found.b, sizeof name.b) == 0;
    const unnamed *best =
        is_shorter(dense, next != NULL ? &next->snapshot : &now.snapshot) ? dense : next;
    now.is_quick = false;
    if (is_same && best != NULL) {
        list.snapshot = best->snapshot;
        err = install(w, best->path, &list, &now, error);
    } else if (is_same) {
        err = write_list(w->room, &now, error);
    }
    (void)close(fd);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err pack(const wish *w, const offered *old, const atomic_bool *stop, st_error *error)
{
    unnamed dense, source = { .snapshot = old->has_next ? old->next : old->list.snapshot };
    st_hash name = st_snapshot_name(&old->list.snapshot);
    const snapshot_source from = { source.path, &source.snapshot, stop };
    st_err err = old->has_next ? path_of(w->room, "next", ".zst", source.path, error)
                               : data_path(w->room, &name, source.path, error);
    if (err == ST_OK)
        err = path_of(w->room, "dense", ".zst", dense.path, error);
    if (err != ST_OK)
        return err;
    err = snapshot_pack(&from, dense.path, w->arena, &dense.snapshot, error);
    if (err == ST_E_CORRUPT && !old->has_next)
        sync_snapshot_drop(w->room, w->bucket);
    if (err == ST_OK)
        err = replace(w, old, &dense, old->has_next ? &source : NULL, error);
    /* They have their names by now, or nobody needs them. */
    (void)unlink(dense.path);
    if (old->has_next)
        (void)unlink(source.path);
    return err;
}

st_err sync_snapshot_prepare(sync_room *room, const st_bucket *bucket, const atomic_bool *stop,
                             st_error *error)
{
    st_arena arena;
    offered found;
    st_arena_init(&arena, (size_t)LIST_BYTES_MAX * 8);
    wish w = { room, NULL, bucket, &arena, TAIL_AHEAD, true };
    st_err err = offer_now(&w, &found, error);
    if (err == ST_OK && (found.has_next || found.list.is_quick))
        err = pack(&w, &found, stop, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
