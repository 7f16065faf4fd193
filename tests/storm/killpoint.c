/* tests/storm/killpoint.c - put in front of a real program (LD_PRELOAD), kills it with SIGKILL at a
 * named place: the n-th time that it comes there. The program itself knows nothing of it.
 *   STORM_KILL=NAME:N       where; N counts from 1
 *   STORM_FIRED=FILE        a line NAME is added to FILE just before the end
 *   STORM_MAP_BYTES=BYTES   the first map of a store is that small, so that it must grow under load
 * Promises: without these it changes nothing. Never: fails a call; a place is reached or not. */
#undef _FILE_OFFSET_BITS /* both names of a call are ours, `open` and `open64` */
#undef _TIME_BITS
#include <assert.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

#define SHOWN __attribute__((visibility("default")))

/* A page of a store is written whole; what is shorter is its root, which makes a commit count. */
#define PAGE_BYTES 4096u

/* X(name): every place, in the order in which a program comes there. */
#define POINTS(X)                                                                                  \
    X(folder_made)    /* mkdir was done */                                                         \
    X(file_made)      /* a new file is there, and empty */                                         \
    X(file_written)   /* a small file was written */                                               \
    X(file_synced)    /* fsync of a file or folder was done */                                     \
    X(before_rename)  /* the new file is whole, under its other name */                            \
    X(renamed)        /* it has its name */                                                        \
    X(store_opened)   /* the store's environment is open */                                        \
    X(listening)      /* the door is open */                                                       \
    X(connecting)     /* about to connect (phone) */                                               \
    X(accepted)       /* a connection was taken */                                                 \
    X(received)       /* a part of a request (server) or answer (phone) came */                    \
    X(unpacked)       /* a part of a body is decompressed */                                       \
    X(verified)       /* a signature was checked */                                                \
    X(signed_now)     /* something was signed */                                                   \
    X(begun)          /* a write transaction is open */                                            \
    X(before_put)     /* about to write a row */                                                   \
    X(put)            /* a row was written */                                                      \
    X(deleted)        /* a row was deleted */                                                      \
    X(cleared)        /* a whole table was emptied (rebuild) */                                    \
    X(before_commit)  /* all rows are in the transaction */                                        \
    X(before_pages)   /* about to write pages */                                                   \
    X(half_the_pages) /* half of a run of pages was written */                                     \
    X(before_sync)    /* pages are written, not synced */                                          \
    X(synced)         /* pages are synced, the root is not written */                              \
    X(before_root)    /* about to write the root */                                                \
    X(rooted)         /* the root is written: from here on it counts */                            \
    X(committed)      /* the commit came back; nobody was told */                                  \
    X(packed)         /* a part of the answer is compressed */                                     \
    X(before_send)    /* about to send */                                                          \
    X(first_byte)     /* one byte left */                                                          \
    X(half_sent)      /* half of a piece left */                                                   \
    X(sent)           /* a piece left */                                                           \
    X(put_aside)      /* the note of a server was put aside (stop; start after a kill) */          \
    X(closing)        /* the store is about to be closed */

typedef enum {
#define X(name) POINT_##name,
    POINTS(X)
#undef X
        POINT_COUNT
} point;

static const char *const NAMES[POINT_COUNT] = {
#define X(name) #name,
    POINTS(X)
#undef X
};

/* Set once, before main; only the counts change after that. */
static struct {
    point at; /* POINT_COUNT: nowhere */
    int fired_fd;
    atomic_long left; /* until it happens */
    atomic_size_t map_bytes;
} armed = { .at = POINT_COUNT, .fired_fd = -1 };

/* The functions behind ours. The cast from data to function is what dlsym asks for. */
#define REAL(result, name, ...)                                                                    \
    static result (*real_##name)(__VA_ARGS__);                                                     \
    static void find_##name(void)                                                                  \
    {                                                                                              \
        void *found = dlsym(RTLD_NEXT, #name);                                                     \
        memcpy(&real_##name, &found, sizeof found);                                                \
    }

REAL(int, mkdir, const char *, mode_t)
REAL(int, open, const char *, int, ...)
REAL(FILE *, fopen, const char *, const char *)
REAL(ssize_t, write, int, const void *, size_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, rename, const char *, const char *)
REAL(int, listen, int, int)
REAL(int, connect, int, const struct sockaddr *, socklen_t)
REAL(int, accept, int, struct sockaddr *, socklen_t *)
REAL(ssize_t, recv, int, void *, size_t, int)
REAL(ssize_t, send, int, const void *, size_t, int)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(size_t, ZSTD_decompressStream, ZSTD_DStream *, ZSTD_outBuffer *, ZSTD_inBuffer *)
REAL(size_t, ZSTD_compressStream2, ZSTD_CCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *,
     ZSTD_EndDirective)
REAL(int, crypto_sign_verify_detached, const unsigned char *, const unsigned char *,
     unsigned long long, const unsigned char *)
REAL(int, crypto_sign_detached, unsigned char *, unsigned long long *, const unsigned char *,
     unsigned long long, const unsigned char *)
REAL(int, mdb_env_open, MDB_env *, const char *, unsigned, mdb_mode_t)
REAL(int, mdb_env_set_mapsize, MDB_env *, size_t)
REAL(void, mdb_env_close, MDB_env *)
REAL(int, mdb_txn_begin, MDB_env *, MDB_txn *, unsigned, MDB_txn **)
REAL(int, mdb_txn_commit, MDB_txn *)
REAL(int, mdb_put, MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned)
REAL(int, mdb_del, MDB_txn *, MDB_dbi, MDB_val *, MDB_val *)
REAL(int, mdb_drop, MDB_txn *, MDB_dbi, int)

static void find_all(void)
{
    static void (*const FIND[])(void) = { find_mkdir,
                                          find_open,
                                          find_fopen,
                                          find_write,
                                          find_fsync,
                                          find_fdatasync,
                                          find_rename,
                                          find_listen,
                                          find_connect,
                                          find_accept,
                                          find_recv,
                                          find_send,
                                          find_pwrite,
                                          find_writev,
                                          find_ZSTD_decompressStream,
                                          find_ZSTD_compressStream2,
                                          find_crypto_sign_verify_detached,
                                          find_crypto_sign_detached,
                                          find_mdb_env_open,
                                          find_mdb_env_set_mapsize,
                                          find_mdb_env_close,
                                          find_mdb_txn_begin,
                                          find_mdb_txn_commit,
                                          find_mdb_put,
                                          find_mdb_del,
                                          find_mdb_drop };
    for (size_t i = 0; i < sizeof FIND / sizeof FIND[0]; i++)
        FIND[i]();
}

static void arm(const char *wish)
{
    const char *colon = strchr(wish, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - wish);
    for (int i = 0; i < POINT_COUNT && len > 0; i++)
        if (strlen(NAMES[i]) == len && memcmp(NAMES[i], wish, len) == 0)
            armed.at = (point)i;
    if (armed.at == POINT_COUNT) {
        fprintf(stderr, "killpoint: there is no place \"%s\"\n", wish);
        _exit(99);
    }
    atomic_store(&armed.left, strtol(colon + 1, NULL, 10));
}

__attribute__((constructor)) static void start(void)
{
    const char *wish = getenv("STORM_KILL"), *fired = getenv("STORM_FIRED");
    const char *map = getenv("STORM_MAP_BYTES");
    find_all();
    if (map != NULL)
        atomic_store(&armed.map_bytes, strtoul(map, NULL, 10));
    if (fired != NULL)
        armed.fired_fd = real_open(fired, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (wish != NULL)
        arm(wish);
}

/* Is it now? True once at most. */
static bool comes_to(point at)
{
    return armed.at == at && atomic_fetch_sub(&armed.left, 1) == 1;
}

static void die(void)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", NAMES[armed.at]);
    if (armed.fired_fd >= 0)
        (void)!real_write(armed.fired_fd, line, (size_t)len);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void reach(point at)
{
    if (comes_to(at))
        die();
}

/* ---- files ---- */

/* A sanitizer that is to write its report into a folder makes that before anybody's constructor. */
SHOWN int mkdir(const char *path, mode_t mode)
{
    if (real_mkdir == NULL)
        find_mkdir();
    int rc = real_mkdir(path, mode);
    reach(POINT_folder_made);
    return rc;
}

SHOWN int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    int fd = real_open(path, flags, mode);
    if (flags & O_CREAT)
        reach(POINT_file_made);
    return fd;
}

SHOWN FILE *fopen(const char *path, const char *how)
{
    FILE *file = real_fopen(path, how);
    if (how[0] == 'w')
        reach(POINT_file_made);
    return file;
}

SHOWN ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t done = real_write(fd, data, len);
    struct stat of;
    if (armed.at == POINT_file_written && fstat(fd, &of) == 0 && S_ISREG(of.st_mode))
        reach(POINT_file_written);
    return done;
}

SHOWN int fsync(int fd)
{
    int rc = real_fsync(fd);
    reach(POINT_file_synced);
    return rc;
}

SHOWN int rename(const char *from, const char *to)
{
    reach(POINT_before_rename);
    int rc = real_rename(from, to);
    reach(POINT_renamed);
    size_t len = strlen(to), end = strlen(".spare");
    if (rc == 0 && len >= end && strcmp(to + len - end, ".spare") == 0)
        reach(POINT_put_aside);
    return rc;
}

/* The other name of a call: programs built for large files use it. One offset has 64 bits. */
static_assert(sizeof(off_t) == 8, "a machine where the two names are two calls");
#define ALSO(name, other) SHOWN extern __typeof__(name) other __attribute__((alias(#name)))
ALSO(open, open64);
ALSO(fopen, fopen64);

/* ---- sockets ---- */

SHOWN int listen(int fd, int backlog)
{
    int rc = real_listen(fd, backlog);
    reach(POINT_listening);
    return rc;
}

SHOWN int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
    reach(POINT_connecting);
    return real_connect(fd, to.__sockaddr__, len);
}

SHOWN int accept(int fd, __SOCKADDR_ARG from, socklen_t *len)
{
    int rc = real_accept(fd, from.__sockaddr__, len);
    if (rc >= 0)
        reach(POINT_accepted);
    return rc;
}

SHOWN ssize_t recv(int fd, void *data, size_t len, int flags)
{
    ssize_t got = real_recv(fd, data, len, flags);
    if (got > 0)
        reach(POINT_received);
    return got;
}

SHOWN ssize_t send(int fd, const void *data, size_t len, int flags)
{
    reach(POINT_before_send);
    size_t part = comes_to(POINT_first_byte) ? 1 : comes_to(POINT_half_sent) ? len / 2 : 0;
    if (part > 0) {
        (void)real_send(fd, data, part, flags);
        die();
    }
    ssize_t done = real_send(fd, data, len, flags);
    reach(POINT_sent);
    return done;
}

/* ---- the store's file ---- */

/* What else is written at a place of its own is a small file: the note of a running server. */
static bool is_store(int fd)
{
    char link[64], path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0)
        return false;
    path[len] = '\0';
    return strstr(path, "/data.mdb") != NULL;
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (!is_store(fd)) {
        ssize_t written = real_pwrite(fd, data, len, at);
        reach(POINT_file_written);
        return written;
    }
    bool is_root = len < PAGE_BYTES;
    reach(is_root ? POINT_before_root : POINT_before_pages);
    if (!is_root && comes_to(POINT_half_the_pages)) {
        (void)!real_pwrite(fd, data, len / 2, at);
        die();
    }
    ssize_t done = real_pwrite(fd, data, len, at);
    if (is_root)
        reach(POINT_rooted);
    return done;
}

ALSO(pwrite, pwrite64);

SHOWN ssize_t writev(int fd, const struct iovec *list, int count)
{
    reach(POINT_before_pages);
    if (comes_to(POINT_half_the_pages)) {
        (void)!real_writev(fd, list, count > 1 ? count / 2 : 1);
        die();
    }
    return real_writev(fd, list, count);
}

SHOWN int fdatasync(int fd)
{
    reach(POINT_before_sync);
    int rc = real_fdatasync(fd);
    reach(POINT_synced);
    return rc;
}

/* ---- the store ---- */

SHOWN int mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    int rc = real_mdb_env_open(env, path, flags, mode);
    reach(POINT_store_opened);
    return rc;
}

SHOWN int mdb_env_set_mapsize(MDB_env *env, size_t bytes)
{
    size_t small = atomic_exchange(&armed.map_bytes, 0);
    return real_mdb_env_set_mapsize(env, small > 0 ? small : bytes);
}

SHOWN void mdb_env_close(MDB_env *env)
{
    reach(POINT_closing);
    real_mdb_env_close(env);
}

SHOWN int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out_txn)
{
    int rc = real_mdb_txn_begin(env, parent, flags, out_txn);
    if (!(flags & MDB_RDONLY))
        reach(POINT_begun);
    return rc;
}

SHOWN int mdb_txn_commit(MDB_txn *txn)
{
    reach(POINT_before_commit);
    int rc = real_mdb_txn_commit(txn);
    reach(POINT_committed);
    return rc;
}

SHOWN int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags)
{
    reach(POINT_before_put);
    int rc = real_mdb_put(txn, dbi, key, value, flags);
    reach(POINT_put);
    return rc;
}

SHOWN int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value)
{
    int rc = real_mdb_del(txn, dbi, key, value);
    reach(POINT_deleted);
    return rc;
}

SHOWN int mdb_drop(MDB_txn *txn, MDB_dbi dbi, int whole)
{
    int rc = real_mdb_drop(txn, dbi, whole);
    reach(POINT_cleared);
    return rc;
}

/* ---- bodies and signatures ---- */

SHOWN size_t ZSTD_decompressStream(ZSTD_DStream *stream, ZSTD_outBuffer *out, ZSTD_inBuffer *in)
{
    size_t rc = real_ZSTD_decompressStream(stream, out, in);
    reach(POINT_unpacked);
    return rc;
}

SHOWN size_t ZSTD_compressStream2(ZSTD_CCtx *context, ZSTD_outBuffer *out, ZSTD_inBuffer *in,
                                  ZSTD_EndDirective end)
{
    size_t rc = real_ZSTD_compressStream2(context, out, in, end);
    reach(POINT_packed);
    return rc;
}

SHOWN int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
                                      unsigned long long len, const unsigned char *key)
{
    int rc = real_crypto_sign_verify_detached(signature, text, len, key);
    reach(POINT_verified);
    return rc;
}

SHOWN int crypto_sign_detached(unsigned char *signature, unsigned long long *out_len,
                               const unsigned char *text, unsigned long long len,
                               const unsigned char *key)
{
    int rc = real_crypto_sign_detached(signature, out_len, text, len, key);
    reach(POINT_signed_now);
    return rc;
}
