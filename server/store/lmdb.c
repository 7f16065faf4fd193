/* server/store/lmdb.c - the store over LMDB 0.9: the only server file that knows it.
 * Promises: a commit that returned ST_OK is on disk (no NOSYNC, no WRITEMAP); after a failed one
 * nothing of it is there, and after one that the disk broke nothing more is written until a
 * restart. Keys are compared as bytes; no table has duplicate keys.
 * Never: two environments of one file in a process, a reader that outlives its transaction. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/page_tail.h"
#include "server/store/dir.h"
#include "server/store/store.h"

#define MIB ((size_t)1024 * 1024)
#define MAP_START (SIZE_MAX > 0xffffffffu ? 256 * MIB : 128 * MIB)
#define MAP_MAX (SIZE_MAX > 0xffffffffu ? 65536 * MIB : 1024 * MIB)
#define READERS_MAX 1100
#define TABLES_MAX (STORE_TABLE_COUNT + 16) /* with those of a newer program */
#define SLOTS_BYTES (READERS_MAX * 64 + 4096) /* a slot is a line of the cache */

enum { HEALTH_GOOD, HEALTH_FULL, HEALTH_BROKEN };

struct store {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLE_COUNT];
    int lock_fd;
    store_mode mode;
    size_t map_bytes;
    pthread_mutex_t mutex;     /* guards open_txns and growing */
    pthread_cond_t changed;
    unsigned open_txns;
    bool is_growing;
    atomic_bool is_map_full;   /* the last write needed a larger map */
    atomic_int health;
    char path[STORE_PATH_BYTES];
};

static const struct {
    const char *name;
    bool is_derived;
} TABLES[STORE_TABLE_COUNT] = {
#define X(id, text, derived) [id] = { text, derived },
    STORE_TABLES(X)
#undef X
};

/* Whether the map may become so large: LMDB gives the old one up before it asks for the new one,
 * and without any the next read would kill the process. */
static bool fits(size_t bytes)
{
    if (bytes > MAP_MAX)
        return false;
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at != MAP_FAILED && munmap(at, bytes) == 0;
}

/* An LMDB code as ours. What a commit cannot survive marks the store. */
static st_err fail_with(store *s, int rc, const char *what, st_error *error)
{
    if (rc == MDB_NOTFOUND)
        return ST_E_NOT_FOUND;
    if (rc == MDB_READERS_FULL)
        return st_fail(error, ST_E_BUSY, "store: %s: all reader slots are taken", what);
    if (rc == ENOMEM)
        return st_fail(error, ST_E_MEMORY, "store: %s: out of memory", what);
    if (rc == MDB_MAP_FULL && !fits(s->map_bytes * 2))
        return st_fail(error, ST_E_FULL, "store: %s: full at %zu MiB, all that this machine can "
                       "map", what, s->map_bytes / MIB);
    if (rc == MDB_MAP_FULL)
        atomic_store(&s->is_map_full, true);
    else if (rc == ENOSPC || rc == EDQUOT)
        atomic_store(&s->health, HEALTH_FULL);
    else if (rc == EIO || rc == MDB_PANIC || rc == EROFS)
        atomic_store(&s->health, HEALTH_BROKEN);
    return st_fail(error, ST_E_STORAGE, "store: %s: %s", what, mdb_strerror(rc));
}

/* Opens or makes every table. */
static int open_tables(store *s, bool create)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(s->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    for (int i = 0; rc == 0 && i < STORE_TABLE_COUNT; i++)
        rc = mdb_dbi_open(txn, TABLES[i].name, create ? MDB_CREATE : 0, &s->tables[i]);
    if (rc == 0)
        return mdb_txn_commit(txn);
    if (txn != NULL)
        mdb_txn_abort(txn);
    return rc;
}

static bool read_file(void *context, uint64_t offset, void *out, size_t len)
{
    const int *fd = context;
    return pread(*fd, out, len, (off_t)offset) == (ssize_t)len;
}

/* Of a file that is shorter than its last page. */
static bool is_whole(const char *file, uint64_t bytes, size_t page_bytes)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    const st_page_file pages = { read_file, &fd, bytes, page_bytes };
    bool whole = fd >= 0 && st_page_tail_is_free(&pages);
    if (fd >= 0)
        (void)close(fd);
    return whole;
}

/* A file that was cut off would kill the process when a page of the rest is read. */
static st_err check_length(store *s, const char *path, st_error *error)
{
    char file[STORE_PATH_BYTES];
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat st;
    st_err err = store_dir_path(path, "data.mdb", file, error);
    if (err != ST_OK)
        return err;
    if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat_of) != 0
        || stat(file, &st) != 0)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be examined", file);
    uint64_t need = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
    if (info.me_last_pgno > 1 && (uint64_t)st.st_size < need
        && !is_whole(file, (uint64_t)st.st_size, stat_of.ms_psize))
        return st_fail(error, ST_E_CORRUPT, "%s: cut off: %llu of %llu bytes", file,
                       (unsigned long long)st.st_size, (unsigned long long)need);
    s->map_bytes = info.me_mapsize;
    return ST_OK;
}

static void close_env(store *s)
{
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
}

/* LMDB maps the file with the slots of its readers and writes there: on a full disk a page that it
 * did not get yet would kill the process, and with it the server that made a scratch store. So all
 * of it is taken first; where the file system cannot, nothing is said. */
static st_err reserve_slots(const char *path, st_error *error)
{
    char file[STORE_PATH_BYTES];
    struct stat st;
    st_err err = store_dir_path(path, "lock.mdb", file, error);
    int fd = err == ST_OK ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return err; /* LMDB will say why */
    bool is_new = fstat(fd, &st) == 0 && st.st_size == 0;
    int rc = fallocate(fd, is_new ? 0 : FALLOC_FL_KEEP_SIZE, 0, is_new ? SLOTS_BYTES : st.st_size);
    if (rc != 0 && (errno == ENOSPC || errno == EDQUOT))
        err = st_fail(error, ST_E_STORAGE, "%s: %s", file, strerror(errno));
    (void)close(fd);
    return err;
}

/* May leave an environment that is not open. */
static st_err try_open_env(store *s, const char *path, st_error *error)
{
    if (reserve_slots(path, error) != ST_OK)
        return ST_E_STORAGE;
    int rc = mdb_env_create(&s->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    struct stat st;
    char file[STORE_PATH_BYTES];
    st_err err = store_dir_path(path, "data.mdb", file, error);
    if (err != ST_OK)
        return err;
    size_t map = MAP_START;
    while (stat(file, &st) == 0 && (uint64_t)st.st_size > map - map / 8 && map < MAP_MAX)
        map *= 2;
    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, map);
    unsigned flags = MDB_NOTLS | (s->mode == STORE_READ ? MDB_RDONLY : 0);
    if (rc == 0)
        rc = mdb_env_open(s->env, path, flags, 0600);
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH || rc == MDB_CORRUPTED)
        return st_fail(error, ST_E_CORRUPT, "%s: not a store of this machine: %s", path,
                       mdb_strerror(rc));
    if (rc != 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, mdb_strerror(rc));
    err = check_length(s, path, error);
    if (err != ST_OK)
        return err;
    int dead = 0;
    (void)mdb_reader_check(s->env, &dead);
    rc = open_tables(s, s->mode != STORE_READ);
    if (rc != 0)
        return st_fail(error, ST_E_STORAGE, "%s: tables: %s", path, mdb_strerror(rc));
    return ST_OK;
}

static st_err open_env(store *s, const char *path, st_error *error)
{
    st_err err = try_open_env(s, path, error);
    if (err != ST_OK)
        close_env(s);
    return err;
}

/* After it could not be opened again (store_compact). */
static st_err not_open(st_error *error)
{
    return st_fail(error, ST_E_STORAGE, "store: it could not be opened again; start anew");
}

/* Pages without DIR/store.version: a program that made a store here was broken off. */
static st_err check_unused(const char *dir, const char *path, st_error *error)
{
    char file[STORE_PATH_BYTES];
    st_err err = store_dir_path(path, "data.mdb", file, error);
    if (err == ST_OK && access(file, F_OK) == 0)
        err = st_fail(error, ST_E_EXISTS, "remove the whole folder %s and begin anew: it is left "
                      "over from an init or a restore that was broken off, and was never used",
                      dir);
    return err;
}

st_err store_open(const char *dir, store_mode mode, store **out_store, st_error *error)
{
    assert(dir != NULL);
    assert(out_store != NULL);
    store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return st_fail(error, ST_E_MEMORY, "store: out of memory");
    s->lock_fd = -1;
    s->mode = mode;
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "store", path, error);
    if (err == ST_OK && mode != STORE_CREATE)
        err = store_dir_check_version(dir, error);
    if (err == ST_OK && mode == STORE_CREATE)
        err = store_dir_make(dir, error);
    if (err == ST_OK && mode != STORE_READ)
        err = store_dir_lock(dir, &s->lock_fd, error);
    if (err == ST_OK && mode == STORE_CREATE && store_dir_check_version(dir, NULL) == ST_OK)
        err = st_fail(error, ST_E_EXISTS, "%s: a sotay store is here already", dir);
    if (err == ST_OK && mode == STORE_CREATE)
        err = store_dir_make(path, error);
    if (err == ST_OK && mode == STORE_CREATE)
        err = check_unused(dir, path, error);
    if (err == ST_OK)
        memcpy(s->path, path, sizeof s->path);
    if (err == ST_OK)
        err = open_env(s, path, error);
    if (err == ST_OK && mode == STORE_CREATE)  /* the pages are of no use without their name */
        err = store_dir_sync(path, error);
    if (err != ST_OK) {
        store_close(s);
        return err;
    }
    *out_store = s;
    return ST_OK;
}

void store_close(store *s)
{
    if (s == NULL)
        return;
    assert(s->open_txns == 0);
    close_env(s);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* The map may only be moved while no transaction is open: count them. */
static void count_in(store *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    while (s->is_growing)
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    s->open_txns++;
    (void)pthread_mutex_unlock(&s->mutex);
}

static void count_out(store *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    assert(s->open_txns > 0);
    if (--s->open_txns == 0)
        (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

st_err store_begin(store *s, store_txn_kind kind, store_txn *out_txn, st_error *error)
{
    assert(s != NULL);
    assert(kind == STORE_READ_TXN || s->mode != STORE_READ);
    if (kind == STORE_WRITE_TXN && store_failure(s) != NULL)
        return st_fail(error, ST_E_STORAGE, "store: %s", store_failure(s));
    if (s->env == NULL)
        return not_open(error);
    MDB_txn *txn = NULL;
    count_in(s);
    int rc = mdb_txn_begin(s->env, NULL, kind == STORE_READ_TXN ? MDB_RDONLY : 0, &txn);
    if (rc != 0) {
        count_out(s);
        return fail_with(s, rc, "begin", error);
    }
    out_txn->owner = s;
    out_txn->handle = txn;
    out_txn->is_write = kind == STORE_WRITE_TXN;
    return ST_OK;
}

/* Commits; frees the handle even when it fails. LMDB says EIO also when the disk took a part of a
 * write: no call failed then, the disk is full, and the book on it is as it was. */
static int commit(MDB_txn *txn)
{
    errno = 0;
    int rc = mdb_txn_commit(txn);
    return rc == EIO && errno != EIO ? ENOSPC : rc;
}

st_err store_commit(store_txn *txn, st_error *error)
{
    assert(txn->handle != NULL);
    assert(txn->is_write);
    int rc = commit(txn->handle);
    txn->handle = NULL;
    count_out(txn->owner);
    return rc == 0 ? ST_OK : fail_with(txn->owner, rc, "commit", error);
}

void store_end(store_txn *txn)
{
    if (txn->handle == NULL)
        return;
    mdb_txn_abort(txn->handle);
    txn->handle = NULL;
    count_out(txn->owner);
}

bool store_grow(store *s)
{
    if (!atomic_exchange(&s->is_map_full, false))
        return false;
    (void)pthread_mutex_lock(&s->mutex);
    s->is_growing = true;
    while (s->open_txns > 0)
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    int rc = mdb_env_set_mapsize(s->env, s->map_bytes * 2);
    if (rc == 0)
        s->map_bytes *= 2;
    s->is_growing = false;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
    return rc == 0;
}

/* ---- the copy of a compact ---- */

/* Row by row into a file of its own. LMDB's own copy takes pages as they are, with what was deleted
 * from them and behind what is shorter now; here no byte comes along that is in no row. */
typedef struct {
    MDB_env *env;              /* of the new file */
    MDB_txn *from, *to;
    size_t bytes;              /* since the last commit */
} copying;

#define COPY_COMMIT_BYTES (16 * MIB)

static int open_copy(copying *c, const store *s, const char *fresh)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    int rc = mdb_env_info(s->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(s->env, &stat_of);
    if (rc == 0)
        rc = mdb_env_create(&c->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(c->env, TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(c->env, (info.me_last_pgno + 1) * stat_of.ms_psize + 4 * MIB);
    if (rc == 0)
        rc = mdb_env_open(c->env, fresh, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NOTLS, 0600);
    if (rc == 0)
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &c->from);
    return rc == 0 ? mdb_txn_begin(c->env, NULL, 0, &c->to) : rc;
}

static int commit_copy(copying *c)
{
    int rc = commit(c->to);
    c->to = NULL;
    c->bytes = 0;
    return rc == 0 ? mdb_txn_begin(c->env, NULL, 0, &c->to) : rc;
}

static int copy_rows(copying *c, MDB_cursor *cursor, MDB_dbi to)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0) {
        rc = mdb_put(c->to, to, &key, &value, MDB_APPEND);
        c->bytes += key.mv_size + value.mv_size;
        if (rc == 0 && c->bytes > COPY_COMMIT_BYTES)
            rc = commit_copy(c);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Also one that this program has no name for. */
static int copy_table(copying *c, const char *name)
{
    MDB_dbi from, to;
    MDB_cursor *cursor = NULL;
    int rc = mdb_dbi_open(c->from, name, 0, &from);
    if (rc == 0)
        rc = mdb_dbi_open(c->to, name, MDB_CREATE, &to);
    if (rc == 0)
        rc = mdb_cursor_open(c->from, from, &cursor);
    if (rc != 0)
        return rc;
    rc = copy_rows(c, cursor, to);
    mdb_cursor_close(cursor);
    return rc;
}

/* The rows of the main table are the names of the others. */
static int copy_tables(copying *c)
{
    MDB_dbi names;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = mdb_dbi_open(c->from, NULL, 0, &names);
    if (rc == 0)
        rc = mdb_cursor_open(c->from, names, &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0) {
        char name[STORE_PATH_BYTES];
        int len = snprintf(name, sizeof name, "%.*s", (int)key.mv_size, (char *)key.mv_data);
        rc = len >= 0 && (size_t)len < sizeof name ? copy_table(c, name) : MDB_CORRUPTED;
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int copy_store(const store *s, const char *fresh)
{
    copying c = { .env = NULL };
    int rc = open_copy(&c, s, fresh);
    if (rc == 0)
        rc = copy_tables(&c);
    if (c.from != NULL)
        mdb_txn_abort(c.from);
    if (c.to != NULL && rc == 0)
        rc = commit(c.to);
    else if (c.to != NULL)
        mdb_txn_abort(c.to);
    if (c.env != NULL)
        mdb_env_close(c.env);
    return rc;
}

/* A copy without holes beside the file, durable. ENOSPC and the like leave nothing behind. */
static st_err write_compact(store *s, const char *fresh, st_error *error)
{
    (void)unlink(fresh);                       /* of a compact that was broken off */
    int rc = copy_store(s, fresh);
    int fd = rc == 0 ? open(fresh, O_WRONLY | O_CLOEXEC) : -1;
    if (rc == 0 && (fd < 0 || fsync(fd) != 0))
        rc = errno;
    if (fd >= 0 && close(fd) != 0 && rc == 0)
        rc = errno;
    if (rc == 0)
        return ST_OK;
    (void)unlink(fresh);
    return st_fail(error, ST_E_STORAGE, "%s: %s; the book is as it was", fresh, mdb_strerror(rc));
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

st_err store_compact(store *s, uint64_t *out_before, uint64_t *out_after, st_error *error)
{
    assert(s->mode == STORE_WRITE && s->open_txns == 0);
    if (s->env == NULL)
        return not_open(error);
    char file[STORE_PATH_BYTES], fresh[STORE_PATH_BYTES];
    st_err err = store_dir_path(s->path, "data.mdb", file, error);
    if (err == ST_OK)
        err = store_dir_path(s->path, "data.mdb.new", fresh, error);
    if (err == ST_OK)
        err = write_compact(s, fresh, error);
    if (err != ST_OK)
        return err;
    *out_before = file_bytes(file);
    close_env(s);
    if (rename(fresh, file) != 0) {
        err = st_fail(error, ST_E_STORAGE, "%s: %s; the book is as it was", file, strerror(errno));
        (void)unlink(fresh);
    }
    if (err == ST_OK)
        err = store_dir_sync(s->path, error);
    if (err == ST_OK)
        err = open_env(s, s->path, error);
    if (err != ST_OK && s->env == NULL) /* either file is the whole book */
        (void)!open_env(s, s->path, NULL);
    *out_after = file_bytes(file);
    return err;
}

const char *store_failure(const store *s)
{
    switch (atomic_load(&s->health)) {
    case HEALTH_GOOD:
        return NULL;
    case HEALTH_FULL:
        return "the disk is full";
    default:
        return "the disk failed; restart the server and run verify";
    }
}

bool store_probe(store *s)
{
    if (atomic_load(&s->health) != HEALTH_FULL)
        return atomic_load(&s->health) == HEALTH_GOOD;
    MDB_txn *txn = NULL;
    MDB_val key = { 5, "probe" }, value = { 1, "" };
    count_in(s);
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc == 0) {
        rc = mdb_put(txn, s->tables[STORE_META], &key, &value, 0);
        if (rc == 0)
            rc = commit(txn);
        else
            mdb_txn_abort(txn);
    }
    count_out(s);
    if (rc == 0)
        atomic_store(&s->health, HEALTH_GOOD);
    else
        (void)fail_with(s, rc, "probe", NULL);
    return rc == 0;
}

void store_tidy(store *s)
{
    int dead = 0;
    (void)mdb_reader_check(s->env, &dead);
}

st_err store_stat(store_txn *txn, store_stats *out_stats, st_error *error)
{
    store *s = txn->owner;
    store_stats stats = { 0 };
    MDB_envinfo info;
    MDB_stat of;
    int rc = mdb_env_info(s->env, &info);
    for (int i = 0; rc == 0 && i < STORE_TABLE_COUNT; i++) {
        rc = mdb_stat(txn->handle, s->tables[i], &of);
        if (rc == 0)
            stats.rows[i] = of.ms_entries;
    }
    if (rc != 0)
        return fail_with(s, rc, "stat", error);
    stats.bytes_map = info.me_mapsize;
    stats.bytes_used = ((uint64_t)info.me_last_pgno + 1) * of.ms_psize;
    *out_stats = stats;
    return ST_OK;
}

/* LMDB's parameter is not const, but keys and values that go in are only read. */
static MDB_val to_val(store_slice slice)
{
    MDB_val val;
    val.mv_size = slice.len;
    memcpy(&val.mv_data, &slice.data, sizeof val.mv_data);
    return val;
}

static store_slice from_val(const MDB_val *val)
{
    return store_bytes(val->mv_data, val->mv_size);
}

st_err store_get(store_txn *txn, store_table table, store_slice key, store_slice *out_value,
                 st_error *error)
{
    assert(key.len > 0);
    assert(key.len <= STORE_KEY_BYTES_MAX);
    MDB_val k = to_val(key), v;
    int rc = mdb_get(txn->handle, txn->owner->tables[table], &k, &v);
    if (rc == MDB_NOTFOUND)
        return ST_E_NOT_FOUND;
    if (rc != 0)
        return fail_with(txn->owner, rc, "get", error);
    *out_value = from_val(&v);
    return ST_OK;
}

st_err store_put(store_txn *txn, store_table table, store_slice key, store_slice value,
                 st_error *error)
{
    assert(txn->is_write);
    assert(key.len > 0 && key.len <= STORE_KEY_BYTES_MAX);
    MDB_val k = to_val(key), v = to_val(value);
    int rc = mdb_put(txn->handle, txn->owner->tables[table], &k, &v, 0);
    return rc == 0 ? ST_OK : fail_with(txn->owner, rc, "put", error);
}

st_err store_delete(store_txn *txn, store_table table, store_slice key, st_error *error)
{
    assert(txn->is_write);
    assert(key.len > 0 && key.len <= STORE_KEY_BYTES_MAX);
    MDB_val k = to_val(key);
    int rc = mdb_del(txn->handle, txn->owner->tables[table], &k, NULL);
    if (rc == 0 || rc == MDB_NOTFOUND)
        return ST_OK;
    return fail_with(txn->owner, rc, "delete", error);
}

st_err store_clear(store_txn *txn, store_table table, st_error *error)
{
    assert(txn->is_write);
    int rc = mdb_drop(txn->handle, txn->owner->tables[table], 0);
    return rc == 0 ? ST_OK : fail_with(txn->owner, rc, "clear", error);
}

bool store_is_derived(store_table table)
{
    assert(table < STORE_TABLE_COUNT);
    return TABLES[table].is_derived;
}

const char *store_table_name(store_table table)
{
    assert(table < STORE_TABLE_COUNT);
    return TABLES[table].name;
}

st_err store_cursor_open(store_txn *txn, store_table table, store_cursor *out_cursor,
                         st_error *error)
{
    assert(txn->handle != NULL);
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn->handle, txn->owner->tables[table], &cursor);
    if (rc != 0)
        return fail_with(txn->owner, rc, "cursor", error);
    memset(out_cursor, 0, sizeof *out_cursor);
    out_cursor->handle = cursor;
    return ST_OK;
}

void store_cursor_close(store_cursor *cursor)
{
    if (cursor->handle != NULL)
        mdb_cursor_close(cursor->handle);
    cursor->handle = NULL;
    cursor->is_valid = false;
}

/* Moves; the end of the table is no error. */
static st_err move(store_cursor *cursor, MDB_val *key, MDB_cursor_op op, st_error *error)
{
    assert(cursor->handle != NULL);
    MDB_val value;
    int rc = mdb_cursor_get(cursor->handle, key, &value, op);
    cursor->is_valid = rc == 0;
    if (rc == MDB_NOTFOUND)
        return ST_OK;
    if (rc != 0)
        return st_fail(error, ST_E_STORAGE, "store: cursor: %s", mdb_strerror(rc));
    cursor->key = from_val(key);
    cursor->value = from_val(&value);
    return ST_OK;
}

st_err store_seek(store_cursor *cursor, store_slice key, st_error *error)
{
    assert(key.len <= STORE_KEY_BYTES_MAX);
    MDB_val k = to_val(key);
    return move(cursor, &k, key.len == 0 ? MDB_FIRST : MDB_SET_RANGE, error);
}

st_err store_seek_before(store_cursor *cursor, store_slice key, st_error *error)
{
    MDB_val k = to_val(key);
    if (key.len == 0)
        return move(cursor, &k, MDB_LAST, error);
    st_err err = move(cursor, &k, MDB_SET_RANGE, error);
    if (err == ST_OK)
        err = move(cursor, &k, cursor->is_valid ? MDB_PREV : MDB_LAST, error);
    return err;
}

st_err store_next(store_cursor *cursor, st_error *error)
{
    assert(cursor->is_valid);
    MDB_val k;
    return move(cursor, &k, MDB_NEXT, error);
}

st_err store_previous(store_cursor *cursor, st_error *error)
{
    assert(cursor->is_valid);
    MDB_val k;
    return move(cursor, &k, MDB_PREV, error);
}
