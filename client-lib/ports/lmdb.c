/* client-lib/ports/lmdb.c - the phone's store in one LMDB environment. The only file of the client
 * that knows LMDB.
 * Promises: one process per folder (flock); a commit that returned is on disk (no NOSYNC, no
 * WRITEMAP); one that may be undone (commit_soon) has its pages on disk and waits for its meta page
 * alone, so that a power cut leaves the store as it was before it, whole, and every later commit
 * writes it out first; a full map grows and the caller never hears of it, until it is all that the
 * machine can map: then writing answers SOTAY_E_FULL and reading goes on.
 * Never: touches a store of another version or word size. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/ports/posix.h"
#include "proto/page_tail.h"

#define PATH_BYTES_MAX     4096
#define MAP_BYTES_START    ((size_t)64 * 1024 * 1024)
#define MAP_BYTES_STEP_MAX ((size_t)1024 * 1024 * 1024)
/* With 32 bits larger maps fail sooner or later, depending on what else the program holds. */
#define MAP_BYTES_MAX      (sizeof(void *) < 8 ? MAP_BYTES_STEP_MAX : SIZE_MAX / 4)
#define VERSION_TEXT_BYTES 64

typedef struct {
    char dir[PATH_BYTES_MAX];
    int lock_fd;
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn;
    MDB_cursor *cursor;    /* of txn, made at the first seek */
    size_t free_bytes_min; /* grow before a write transaction when less is left */
    bool has_put;          /* txn wrote something */
    bool is_owed;          /* the meta page of the last commit may not be on disk yet */
} lmdb_port;

static int lmdb_error(int rc, const char *what, sotay_error *error)
{
    if (rc == MDB_SUCCESS)
        return SOTAY_OK;
    sotay_code code = SOTAY_E_STORAGE;
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID)
        code = SOTAY_E_CORRUPT;
    if (rc == MDB_VERSION_MISMATCH)
        code = SOTAY_E_VERSION;
    if (rc == ENOMEM)
        code = SOTAY_E_MEMORY;
    return posix_fail(error, code, "store: %s: %s", what, mdb_strerror(rc));
}

/* The next size of a map: twice as much, by at most a GiB. 0: this machine has no room for it.
 * LMDB gives the old map up before it asks for the new one, and without any the next read would
 * kill the program: so the room is looked for first. */
static size_t next_size(size_t bytes)
{
    size_t next = bytes + (bytes < MAP_BYTES_STEP_MAX ? bytes : MAP_BYTES_STEP_MAX);
    if (next > MAP_BYTES_MAX)
        return 0;
    void *at = mmap(NULL, next, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at != MAP_FAILED && munmap(at, next) == 0 ? next : 0;
}

/* What a call said that wrote: MDB_MAP_FULL is final where the map cannot grow. */
static int write_error(const lmdb_port *port, int rc, const char *what, sotay_error *error)
{
    MDB_envinfo info;
    if (rc == MDB_MAP_FULL && mdb_env_info(port->env, &info) == MDB_SUCCESS &&
        next_size(info.me_mapsize) == 0)
        return posix_fail(error, SOTAY_E_FULL,
                          "store '%.80s': full at %zu MiB, all that this machine can map",
                          port->dir, info.me_mapsize / (1024 * 1024));
    return lmdb_error(rc, what, error);
}

/* Room enough for a transaction that writes every page anew: what does not fit fails, and would
 * fail again in the next process. Free pages inside the file count for nothing here. */
static int make_room(lmdb_port *port, sotay_error *error)
{
    for (int round = 0; round < 16; round++) {
        MDB_envinfo info;
        MDB_stat stat;
        int rc = mdb_env_info(port->env, &info);
        if (rc == MDB_SUCCESS)
            rc = mdb_env_stat(port->env, &stat);
        if (rc != MDB_SUCCESS)
            return lmdb_error(rc, "look", error);
        size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
        size_t need = used > port->free_bytes_min ? used : port->free_bytes_min;
        if (info.me_mapsize > used && info.me_mapsize - used >= need)
            return SOTAY_OK;
        size_t next = next_size(info.me_mapsize);
        if (next == 0)
            return SOTAY_OK; /* what is left may do */
        rc = mdb_env_set_mapsize(port->env, next);
        if (rc != MDB_SUCCESS)
            return lmdb_error(rc, "grow", error);
    }
    return posix_fail(error, SOTAY_E_STORAGE, "store: the map cannot grow further");
}

static int port_begin(void *context, bool write, sotay_error *error)
{
    lmdb_port *port = context;
    if (write) {
        int rc = make_room(port, error);
        if (rc != SOTAY_OK)
            return rc;
    }
    port->has_put = false;
    return lmdb_error(mdb_txn_begin(port->env, NULL, write ? 0 : MDB_RDONLY, &port->txn), "begin",
                      error);
}

static void close_cursor(lmdb_port *port)
{
    if (port->cursor != NULL)
        mdb_cursor_close(port->cursor);
    port->cursor = NULL;
}

static void port_abort(void *context)
{
    lmdb_port *port = context;
    close_cursor(port);
    if (port->txn != NULL)
        mdb_txn_abort(port->txn);
    port->txn = NULL;
}

static int end_txn(lmdb_port *port)
{
    close_cursor(port);
    int rc = mdb_txn_commit(port->txn); /* frees the handle even when it fails */
    port->txn = NULL;
    return rc;
}

/* LMDB syncs the whole file before it writes a meta page: what was owed is on disk by then. Of a
 * transaction that wrote nothing it syncs nothing. */
static int port_commit(void *context, sotay_error *error)
{
    lmdb_port *port = context;
    bool has_put = port->has_put;
    int rc = end_txn(port);
    if (rc == MDB_SUCCESS && port->is_owed && !has_put)
        rc = mdb_env_sync(port->env, 1);
    if (rc == MDB_SUCCESS)
        port->is_owed = false;
    return write_error(port, rc, "commit", error);
}

/* LMDB never writes over a page of the last two states, so that the one before this is whole until
 * the next commit has synced. The flag holds for this commit alone. */
static int port_commit_soon(void *context, sotay_error *error)
{
    lmdb_port *port = context;
    int rc = mdb_env_set_flags(port->env, MDB_NOMETASYNC, 1);
    if (rc != MDB_SUCCESS) {
        port_abort(port);
        return lmdb_error(rc, "commit", error);
    }
    port->is_owed = port->is_owed || port->has_put;
    rc = end_txn(port);
    (void)mdb_env_set_flags(port->env, MDB_NOMETASYNC, 0);
    return write_error(port, rc, "commit", error);
}

/* LMDB does not write through the pointers we give it. */
static MDB_val val_of(sotay_slice slice)
{
    union {
        const void *in;
        void *out;
    } data = { slice.data };
    MDB_val val = { slice.len, data.out };
    return val;
}

static int port_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    lmdb_port *port = context;
    MDB_val name = val_of(key), data;
    int rc = mdb_get(port->txn, port->dbi, &name, &data);
    if (rc == MDB_NOTFOUND)
        return SOTAY_E_NOT_FOUND;
    if (rc != MDB_SUCCESS)
        return lmdb_error(rc, "get", error);
    out_value->data = data.mv_data;
    out_value->len = data.mv_size;
    return SOTAY_OK;
}

static int port_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    lmdb_port *port = context;
    close_cursor(port);
    port->has_put = true;
    MDB_val name = val_of(key), data = val_of(value);
    if (value.data == NULL) {
        int rc = mdb_del(port->txn, port->dbi, &name, NULL);
        return rc == MDB_NOTFOUND ? SOTAY_OK : write_error(port, rc, "delete", error);
    }
    int rc = mdb_put(port->txn, port->dbi, &name, &data, 0);
    if (rc == MDB_MAP_FULL)
        port->free_bytes_min *= 2; /* the next transaction begins with more room */
    return write_error(port, rc, "put", error);
}

static int port_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                     sotay_slice *out_value, sotay_error *error)
{
    lmdb_port *port = context;
    int rc = MDB_SUCCESS;
    if (port->cursor == NULL)
        rc = mdb_cursor_open(port->txn, port->dbi, &port->cursor);
    if (rc != MDB_SUCCESS)
        return lmdb_error(rc, "seek", error);
    MDB_val name = val_of(key), data;
    rc = mdb_cursor_get(port->cursor, &name, &data, MDB_SET_RANGE);
    if (!forward && (rc == MDB_SUCCESS || rc == MDB_NOTFOUND))
        rc = mdb_cursor_get(port->cursor, &name, &data, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    if (rc == MDB_NOTFOUND)
        return SOTAY_E_NOT_FOUND;
    if (rc != MDB_SUCCESS)
        return lmdb_error(rc, "seek", error);
    out_key->data = name.mv_data;
    out_key->len = name.mv_size;
    out_value->data = data.mv_data;
    out_value->len = data.mv_size;
    return SOTAY_OK;
}

static int port_place(void *context, uint8_t out_boot[8], uint8_t out_install[8],
                      sotay_error *error)
{
    const lmdb_port *port = context;
    int rc = posix_boot(out_boot, error);
    return rc == SOTAY_OK ? posix_install(port->dir, out_install, error) : rc;
}

static int port_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    const lmdb_port *port = context;
    return posix_secret(port->dir, create, out_secret, error);
}

static void port_close(void *context)
{
    lmdb_port *port = context;
    port_abort(port);
    if (port->env != NULL)
        mdb_env_close(port->env);
    if (port->lock_fd >= 0)
        (void)close(port->lock_fd);
    free(port);
}

static int path_in(const lmdb_port *port, const char *name, char path[PATH_BYTES_MAX],
                   sotay_error *error)
{
    int len = snprintf(path, PATH_BYTES_MAX, "%s/%s", port->dir, name);
    if (len < 0 || len >= PATH_BYTES_MAX)
        return posix_fail(error, SOTAY_E_USAGE, "store: the folder's name is too long");
    return SOTAY_OK;
}

/* A new name in the folder `path` survives a power cut. */
static int sync_folder(const char *path, sotay_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    return good ? SOTAY_OK
                : posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(why));
}

/* Makes the folder, durable: all that will be synced in it is lost with its name. One that somebody
 * else made where we may not read is his to keep. */
static int make_folder(const char *dir, sotay_error *error)
{
    char above[PATH_BYTES_MAX];
    size_t len = strlen(dir);
    bool is_made = mkdir(dir, 0700) == 0;
    if (!is_made && errno != EEXIST)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", dir, strerror(errno));
    while (len > 1 && dir[len - 1] == '/')
        len--;
    while (len > 0 && dir[len - 1] != '/')
        len--;
    (void)snprintf(above, sizeof above, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : dir);
    if (!is_made && access(above, R_OK) != 0)
        return SOTAY_OK;
    return sync_folder(above, error);
}

/* The folder is there and ours alone. */
static int take_folder(lmdb_port *port, bool create, sotay_error *error)
{
    char path[PATH_BYTES_MAX];
    int rc = path_in(port, "lock", path, error);
    if (rc != SOTAY_OK)
        return rc;
    if (create)
        rc = make_folder(port->dir, error);
    if (rc != SOTAY_OK)
        return rc;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    port->lock_fd = open(path, flags, 0600);
    if (port->lock_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return posix_fail(error, SOTAY_E_NOT_FOUND, "store '%s': there is none", port->dir);
    if (port->lock_fd < 0)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", port->dir, strerror(errno));
    if (flock(port->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return posix_fail(error, SOTAY_E_BUSY, "store '%s': another program has it open",
                          port->dir);
    return SOTAY_OK;
}

/* The file under another name first: it is whole or not there. */
static int write_version(const lmdb_port *port, const char *path, const char *want,
                         sotay_error *error)
{
    char fresh[PATH_BYTES_MAX];
    int rc = path_in(port, "store.version.new", fresh, error);
    if (rc != SOTAY_OK)
        return rc;
    FILE *file = fopen(fresh, "wbe");
    bool good =
        file != NULL && fputs(want, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    if (!good || rename(fresh, path) != 0)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
    return SOTAY_OK;
}

/* `store.version` says what made the folder; it is written before the first page. An empty one
 * without a page is that of a program killed on the way. */
static int check_version(const lmdb_port *port, sotay_error *error)
{
    char path[PATH_BYTES_MAX], data[PATH_BYTES_MAX];
    char want[VERSION_TEXT_BYTES], have[VERSION_TEXT_BYTES] = "";
    int rc = path_in(port, "store.version", path, error);
    if (rc == SOTAY_OK)
        rc = path_in(port, "data.mdb", data, error);
    if (rc != SOTAY_OK)
        return rc;
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;
    (void)snprintf(want, sizeof want, "sotay-phone 1 %zu %s\n", sizeof(void *) * 8,
                   little ? "le" : "be");
    FILE *file = fopen(path, "rbe");
    if (file == NULL && errno != ENOENT)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
    if (file != NULL) {
        size_t len = fread(have, 1, sizeof have - 1, file);
        bool is_read = ferror(file) == 0;
        have[len] = '\0';
        (void)fclose(file);
        if (!is_read)
            return posix_fail(error, SOTAY_E_STORAGE, "store '%s': cannot be read", path);
        if (strcmp(have, want) == 0)
            return SOTAY_OK;
    }
    if (file == NULL || (have[0] == '\0' && access(data, F_OK) != 0))
        return write_version(port, path, want, error);
    have[strcspn(have, "\n")] = '\0';
    return posix_fail(error, SOTAY_E_VERSION,
                      "store '%s': it is '%.40s', this program reads "
                      "'%.*s'; it was not touched",
                      port->dir, have, (int)strcspn(want, "\n"), want);
}

static bool read_file(void *context, uint64_t offset, void *out, size_t len)
{
    const int *fd = context;
    return pread(*fd, out, len, (off_t)offset) == (ssize_t)len;
}

/* A file that was cut would be read beyond its end, and the program killed for it. */
static int check_length(const lmdb_port *port, sotay_error *error)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    int fd = -1;
    int rc = mdb_env_info(port->env, &info);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_stat(port->env, &stat);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_get_fd(port->env, &fd);
    if (rc != MDB_SUCCESS)
        return lmdb_error(rc, "look", error);
    if (fstat(fd, &file) != 0)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", port->dir, strerror(errno));
    const st_page_file pages = { read_file, &fd, (uint64_t)file.st_size, stat.ms_psize };
    if (pages.bytes < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize &&
        !st_page_tail_is_free(&pages))
        return posix_fail(error, SOTAY_E_CORRUPT, "store '%s': its data file was cut off",
                          port->dir);
    return SOTAY_OK;
}

/* A new data file gets its name when its first pages are on disk: one that was cut in the middle of
 * them could never be opened, nor made again. */
static int make_data(const lmdb_port *port, const char *path, sotay_error *error)
{
    char fresh[PATH_BYTES_MAX];
    MDB_env *env = NULL;
    int rc = path_in(port, "data.mdb.new", fresh, error);
    if (rc != SOTAY_OK)
        return rc;
    (void)unlink(fresh);
    int mdb = mdb_env_create(&env);
    if (mdb == MDB_SUCCESS)
        mdb = mdb_env_open(env, fresh, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (mdb == MDB_SUCCESS)
        mdb = mdb_env_sync(env, 1);
    if (env != NULL)
        mdb_env_close(env);
    if (mdb != MDB_SUCCESS)
        return lmdb_error(mdb, "make", error);
    if (rename(fresh, path) != 0)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
    return sync_folder(port->dir, error);
}

static int open_env(lmdb_port *port, sotay_error *error)
{
    char path[PATH_BYTES_MAX];
    int rc = path_in(port, "data.mdb", path, error);
    if (rc == SOTAY_OK && access(path, F_OK) != 0 && errno == ENOENT)
        rc = make_data(port, path, error);
    if (rc != SOTAY_OK)
        return rc;
    MDB_txn *txn = NULL;
    int mdb = mdb_env_create(&port->env);
    if (mdb == MDB_SUCCESS)
        mdb = mdb_env_set_mapsize(port->env, MAP_BYTES_START);
    if (mdb == MDB_SUCCESS) /* the flock above keeps others out: no lock file needed */
        mdb = mdb_env_open(port->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD,
                           0600);
    if (mdb == MDB_SUCCESS) {
        rc = check_length(port, error);
        if (rc != SOTAY_OK)
            return rc;
    }
    if (mdb == MDB_SUCCESS)
        mdb = mdb_txn_begin(port->env, NULL, 0, &txn);
    if (mdb == MDB_SUCCESS)
        mdb = mdb_dbi_open(txn, NULL, 0, &port->dbi);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_txn_commit(txn);
        txn = NULL;
    }
    if (txn != NULL)
        mdb_txn_abort(txn);
    if (mdb == MDB_INVALID || mdb == MDB_VERSION_MISMATCH)
        return posix_fail(error, SOTAY_E_VERSION, "store '%s': not a store of this version",
                          port->dir);
    return lmdb_error(mdb, "open", error);
}

int sotay_lmdb_open(const char *dir, bool create, sotay_port *out_port, sotay_error *error)
{
    size_t len = strlen(dir);
    if (len == 0 || len >= PATH_BYTES_MAX - 32)
        return posix_fail(error, SOTAY_E_USAGE, "store: '%.60s' is not the name of a folder", dir);
    lmdb_port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return posix_fail(error, SOTAY_E_MEMORY, "store: no memory");
    memcpy(port->dir, dir, len + 1);
    port->lock_fd = -1;
    port->free_bytes_min = MAP_BYTES_START / 2;
    int rc = take_folder(port, create, error);
    if (rc == SOTAY_OK)
        rc = check_version(port, error);
    if (rc == SOTAY_OK)
        rc = open_env(port, error);
    if (rc != SOTAY_OK) {
        port_close(port);
        return rc;
    }
    sotay_port made = {
        .context = port,
        .begin = port_begin,
        .get = port_get,
        .put = port_put,
        .seek = port_seek,
        .commit = port_commit,
        .abort = port_abort,
        .now = posix_now,
        .place = port_place,
        .random = posix_random,
        .secret = port_secret,
        .close = port_close,
        .commit_soon = port_commit_soon,
    };
    *out_port = made;
    return SOTAY_OK;
}
