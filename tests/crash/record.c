/* tests/crash/record.c - a library put in front of the real programs (LD_PRELOAD) that writes down,
 * in order, every call that changes a file below CRASH_ROOT, and what leaves through sockets, into
 * the file CRASH_LOG.
 * Promises: a plain write is noted after it was done, a durable one before and after, a sync before
 * and after: so nothing is taken for durable that may not be. What it cannot follow it notes as
 * such (OP_BLIND), and the replay refuses the log.
 * State: one table of descriptors, changed only where they are opened and closed. */
#undef _FILE_OFFSET_BITS /* both names of a call are ours, `open` and `open64` */
#undef _TIME_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/oplog.h"

#define SHOWN      __attribute__((visibility("default")))
#define FDS_MAX    4096
#define NAME_BYTES 1024
#define LOG_FD     3900
#define RUNS_MAX   1024

typedef struct {
    bool is_ours, is_folder, is_durable, is_appending, is_stream, is_lock;
    uint64_t inode, noted_bytes; /* noted_bytes: of a stdio stream */
    char name[NAME_BYTES];
} open_file;

static open_file *files;
static char root[NAME_BYTES];
static size_t root_len;
static atomic_uint next_id = 1;

/* ---- the log ---- */

static void put(oplog_head head, const char *name, const struct iovec *data, int count)
{
    struct iovec parts[RUNS_MAX + 2];
    size_t len = 0;
    if (files == NULL || count > RUNS_MAX)
        return;
    int errno_before = errno;
    head.magic = OPLOG_MAGIC;
    head.pid = (uint32_t)getpid();
    for (int i = 0; i < count; i++) {
        parts[i + 2] = data[i];
        len += data[i].iov_len;
    }
    head.data_len = (uint32_t)len;
    parts[0] = (struct iovec){ &head, sizeof head };
    parts[1] = (struct iovec){ (void *)(uintptr_t)name, head.name_len };
    size_t want = sizeof head + head.name_len + len;
    if ((size_t)syscall(SYS_writev, LOG_FD, parts, count + 2) != want)
        abort(); /* a log with a hole proves nothing */
    errno = errno_before;
}

static void put_name(oplog_kind kind, const char *name, uint64_t inode, uint64_t offset)
{
    put((oplog_head){ .kind = (uint16_t)kind,
                      .inode = inode,
                      .offset = offset,
                      .name_len = (uint32_t)strlen(name) },
        name, NULL, 0);
}

static void put_blind(const char *call)
{
    put_name(OP_BLIND, call, 0, 0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *wish = getenv("CRASH_ROOT"), *log = getenv("CRASH_LOG");
    if (wish == NULL || log == NULL || strlen(wish) >= sizeof root)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || syscall(SYS_dup3, fd, LOG_FD, O_CLOEXEC) < 0)
        abort();
    (void)syscall(SYS_close, fd);
    root_len = strlen(wish);
    memcpy(root, wish, root_len + 1);
    open_file *table = mmap(NULL, sizeof *table * FDS_MAX, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        abort();
    files = table;
    char line[4096];
    int from = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);
    ssize_t len = from >= 0 ? read(from, line, sizeof line) : 0;
    (void)syscall(SYS_close, from);
    struct iovec data = { line, len > 0 ? (size_t)len : 0 };
    put((oplog_head){ .kind = OP_START }, "", &data, 1);
}

/* ---- names and descriptors ---- */

/* The name below the root; false: another place. */
static bool name_of(int dir_fd, const char *path, char name[NAME_BYTES])
{
    if (files == NULL || path == NULL)
        return false;
    if (path[0] != '/' && dir_fd != AT_FDCWD) {
        put_blind("a path relative to a folder's descriptor");
        return false;
    }
    char here[2 * NAME_BYTES] = "";
    if (path[0] != '/' && getcwd(here, NAME_BYTES) == NULL)
        return false;
    size_t len = strlen(here);
    if (len + strlen(path) + 2 > sizeof here)
        return false;
    (void)snprintf(here + len, sizeof here - len, "%s%s", path[0] == '/' ? "" : "/", path);
    if (strncmp(here, root, root_len) != 0 || (here[root_len] != '/' && here[root_len] != '\0'))
        return false;
    size_t out = 0;
    for (const char *at = here + root_len; *at != '\0' && out + 1 < NAME_BYTES; at++)
        if (*at != '/' || (out > 0 && at[1] != '/' && at[1] != '\0'))
            name[out++] = *at;
    name[out] = '\0';
    return true;
}

static open_file *file_of(int fd)
{
    if (files == NULL || fd < 0 || fd >= FDS_MAX || !files[fd].is_ours)
        return NULL;
    return &files[fd];
}

static void forget(int fd)
{
    if (files != NULL && fd >= 0 && fd < FDS_MAX)
        files[fd].is_ours = false;
}

static void note_open(int fd, const char *name, int flags, bool existed)
{
    struct stat info;
    if (fd >= FDS_MAX || fstat(fd, &info) != 0) {
        put_blind("a descriptor over the table's end");
        return;
    }
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (!existed && (flags & O_CREAT) != 0)
        put((oplog_head){ .kind = OP_CREATE,
                          .inode = info.st_ino,
                          .id = info.st_dev,
                          .offset = info.st_mode & 07777,
                          .name_len = (uint32_t)strlen(name) },
            name, NULL, 0);
    else if (S_ISREG(info.st_mode) && (flags & O_TRUNC) != 0)
        put_name(OP_TRUNCATE, name, info.st_ino, 0);
    forget(fd);
    if (!writes && !S_ISDIR(info.st_mode))
        return;
    open_file *file = &files[fd];
    size_t len = strlen(name);
    *file = (open_file){ .is_folder = S_ISDIR(info.st_mode),
                         .inode = info.st_ino,
                         .is_durable = (flags & O_DSYNC) != 0,
                         .is_appending = (flags & O_APPEND) != 0,
                         .is_lock = len >= 8 && strcmp(name + len - 8, "lock.mdb") == 0 };
    memcpy(file->name, name, len + 1);
    file->is_ours = true;
}

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
    char name[NAME_BYTES];
    bool inside = name_of(dir_fd, path, name);
    bool existed = inside && syscall(SYS_faccessat, dir_fd, path, F_OK) == 0;
    int fd = (int)syscall(SYS_openat, dir_fd, path, flags, mode);
    if (fd >= 0 && inside)
        note_open(fd, name, flags, existed);
    else if (fd >= 0)
        forget(fd);
    return fd;
}

#define MODE_OF(flags, last)                                                                       \
    mode_t mode = 0;                                                                               \
    if (((flags) & (O_CREAT | __O_TMPFILE)) != 0) {                                                \
        va_list list;                                                                              \
        va_start(list, last);                                                                      \
        mode = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }

SHOWN int open(const char *path, int flags, ...)
{
    MODE_OF(flags, flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

SHOWN int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, flags)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

SHOWN int openat(int dir_fd, const char *path, int flags, ...)
{
    MODE_OF(flags, flags)
    return open_at(dir_fd, path, flags, mode);
}

SHOWN int openat64(int dir_fd, const char *path, int flags, ...)
{
    MODE_OF(flags, flags)
    return open_at(dir_fd, path, flags | O_LARGEFILE, mode);
}

SHOWN int __open_2(const char *path, int flags);
SHOWN int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

SHOWN int __open64_2(const char *path, int flags);
SHOWN int __open64_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

SHOWN int creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

SHOWN int close(int fd)
{
    forget(fd);
    return (int)syscall(SYS_close, fd);
}

/* ---- streams of stdio write behind our back: their new end is noted at each flush ---- */

static void note_stream(int fd)
{
    open_file *file = file_of(fd);
    struct stat info;
    if (file == NULL || !file->is_stream || fstat(fd, &info) != 0)
        return;
    uint64_t size = (uint64_t)info.st_size;
    if (size <= file->noted_bytes)
        return;
    char path[64], *bytes = malloc(size - file->noted_bytes);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int from = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
    size_t want = size - file->noted_bytes;
    if (bytes == NULL || from < 0 ||
        pread(from, bytes, want, (off_t)file->noted_bytes) != (ssize_t)want)
        abort();
    (void)syscall(SYS_close, from);
    struct iovec data = { bytes, want };
    put((oplog_head){ .kind = OP_WRITE, .inode = file->inode, .offset = file->noted_bytes }, "",
        &data, 1);
    file->noted_bytes = size;
    free(bytes);
}

/* The next function of that name, as any pointer to a function. */
typedef void (*any_call)(void);
static any_call next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    any_call call;
    memcpy(&call, &found, sizeof call);
    return call;
}

static FILE *open_stream(const char *path, const char *mode)
{
    char name[NAME_BYTES];
    FILE *(*real)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) next_of("fopen");
    bool inside = name_of(AT_FDCWD, path, name);
    bool existed = inside && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    FILE *stream = real(path, mode);
    if (stream == NULL || files == NULL)
        return stream;
    forget(fileno(stream));
    if (inside && (strchr(mode, '+') != NULL || mode[0] == 'a'))
        put_blind("a stream that does more than write anew");
    if (!inside || mode[0] == 'r')
        return stream;
    note_open(fileno(stream), name, O_WRONLY | O_CREAT | O_TRUNC, existed);
    files[fileno(stream)].is_stream = true;
    return stream;
}

SHOWN FILE *fopen(const char *path, const char *mode)
{
    return open_stream(path, mode);
}

SHOWN FILE *fopen64(const char *path, const char *mode)
{
    return open_stream(path, mode);
}

SHOWN int fflush(FILE *stream)
{
    int (*real)(FILE *) = (int (*)(FILE *))next_of("fflush");
    int rc = real(stream);
    if (stream != NULL)
        note_stream(fileno(stream));
    return rc;
}

SHOWN int fclose(FILE *stream)
{
    int (*real)(FILE *) = (int (*)(FILE *))next_of("fclose");
    int fd = fileno(stream);
    if (file_of(fd) != NULL)
        (void)fflush(stream);
    forget(fd);
    return real(stream);
}

/* ---- data ---- */

static void note_write(const open_file *file, const struct iovec *runs, int count, uint64_t at)
{
    put((oplog_head){ .kind = OP_WRITE, .inode = file->inode, .offset = at }, "", runs, count);
}

/* Writes and notes; durable writes are noted whole before they are done, which a partial one
 * would make untrue. */
static ssize_t write_runs(int fd, const struct iovec *runs, int count, off_t at, bool moves)
{
    open_file *file = file_of(fd);
    size_t want = 0;
    uint64_t id = atomic_fetch_add(&next_id, 1);
    id |= (uint64_t)getpid() << 32;
    for (int i = 0; i < count; i++)
        want += runs[i].iov_len;
    if (file != NULL && moves)
        at = lseek(fd, 0, file->is_appending ? SEEK_END : SEEK_CUR);
    if (file != NULL && file->is_durable)
        put((oplog_head){ .kind = OP_WRITE,
                          .flags = FLAG_DURABLE,
                          .inode = file->inode,
                          .offset = (uint64_t)at,
                          .id = id },
            "", runs, count);
    ssize_t n =
        moves ? syscall(SYS_writev, fd, runs, count) : syscall(SYS_pwritev, fd, runs, count, at, 0);
    if (file == NULL)
        return n;
    if (n >= 0 && n != (ssize_t)want)
        put_blind("a write that did not write all");
    else if (n >= 0 && file->is_durable)
        put((oplog_head){ .kind = OP_DONE, .inode = file->inode, .id = id }, "", NULL, 0);
    else if (n >= 0)
        note_write(file, runs, count, (uint64_t)at);
    return n;
}

SHOWN ssize_t write(int fd, const void *data, size_t len)
{
    struct iovec run = { (void *)(uintptr_t)data, len };
    return file_of(fd) == NULL ? syscall(SYS_write, fd, data, len)
                               : write_runs(fd, &run, 1, 0, true);
}

SHOWN ssize_t writev(int fd, const struct iovec *runs, int count)
{
    return write_runs(fd, runs, count, 0, true);
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    struct iovec run = { (void *)(uintptr_t)data, len };
    return write_runs(fd, &run, 1, at, false);
}

SHOWN ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return pwrite(fd, data, len, at);
}

SHOWN ssize_t pwritev(int fd, const struct iovec *runs, int count, off_t at)
{
    return write_runs(fd, runs, count, at, false);
}

SHOWN ssize_t pwritev64(int fd, const struct iovec *runs, int count, off64_t at)
{
    return pwritev(fd, runs, count, at);
}

SHOWN int ftruncate(int fd, off_t size)
{
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    if (rc == 0 && file_of(fd) != NULL)
        put_name(OP_TRUNCATE, "", file_of(fd)->inode, (uint64_t)size);
    return rc;
}

SHOWN int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/* ---- syncs ---- */

static int sync_fd(int fd, long call, unsigned flags)
{
    open_file *file = file_of(fd);
    note_stream(fd);
    uint64_t id = atomic_fetch_add(&next_id, 1);
    id |= (uint64_t)getpid() << 32;
    oplog_head head = { .kind = OP_SYNC_BEGIN, .id = id };
    if (file != NULL) {
        head.flags = (uint16_t)(flags | (file->is_folder ? FLAG_FOLDER : 0));
        head.inode = file->inode;
        head.name_len = (uint32_t)strlen(file->name);
        put(head, file->name, NULL, 0);
    }
    int rc = (int)syscall(call, fd);
    head.kind = OP_SYNC_END;
    if (file != NULL && rc == 0)
        put(head, file->name, NULL, 0);
    return rc;
}

SHOWN int fsync(int fd)
{
    return sync_fd(fd, SYS_fsync, 0);
}

SHOWN int fdatasync(int fd)
{
    return sync_fd(fd, SYS_fdatasync, FLAG_DATA_ONLY);
}

/* ---- a program that dies at a place, not at a moment ---- */

/* CRASH_DIES: the end of a name. Whoever would give that name to a file is killed instead. */
static void die_before(const char *to)
{
    const char *wish = getenv("CRASH_DIES");
    size_t len = wish == NULL ? 0 : strlen(wish), to_len = strlen(to);
    if (len == 0 || to_len < len || strcmp(to + to_len - len, wish) != 0)
        return;
    (void)syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* ---- names ---- */

SHOWN int mkdir(const char *path, mode_t mode)
{
    char name[NAME_BYTES];
    int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (rc == 0 && name_of(AT_FDCWD, path, name))
        put_name(OP_MKDIR, name, 0, mode);
    return rc;
}

SHOWN int rename(const char *from, const char *to)
{
    char name[2 * NAME_BYTES], second[NAME_BYTES];
    die_before(to);
    int rc = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    bool a = name_of(AT_FDCWD, from, name), b = name_of(AT_FDCWD, to, second);
    if (rc != 0 || (!a && !b))
        return rc;
    if (a != b) {
        put_blind("a rename into or out of the folder");
        return rc;
    }
    size_t first_len = strlen(name) + 1, second_len = strlen(second);
    memcpy(name + first_len, second, second_len + 1);
    put((oplog_head){ .kind = OP_RENAME, .name_len = (uint32_t)(first_len + second_len) }, name,
        NULL, 0);
    return rc;
}

static int remove_name(const char *path, int flags)
{
    char name[NAME_BYTES];
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    if (rc == 0 && name_of(AT_FDCWD, path, name))
        put_name(OP_UNLINK, name, 0, 0);
    return rc;
}

SHOWN int unlink(const char *path)
{
    return remove_name(path, 0);
}

SHOWN int rmdir(const char *path)
{
    return remove_name(path, AT_REMOVEDIR);
}

/* Within glibc these go past the names above. */
SHOWN int remove(const char *path)
{
    int rc = remove_name(path, 0);
    return rc != 0 && errno == EISDIR ? remove_name(path, AT_REMOVEDIR) : rc;
}

/* glibc opens these itself. */
static int made_temporary(int fd, const char *path, int flags)
{
    char name[NAME_BYTES];
    if (fd >= 0)
        forget(fd);
    if (fd >= 0 && name_of(AT_FDCWD, path, name))
        note_open(fd, name, flags | O_RDWR | O_CREAT, false);
    return fd;
}

SHOWN int mkostemp(char *path, int flags)
{
    int (*real)(char *, int) = (int (*)(char *, int))next_of("mkostemp");
    return made_temporary(real(path, flags), path, flags);
}

SHOWN int mkostemp64(char *path, int flags)
{
    return mkostemp(path, flags);
}

SHOWN int mkstemp64(char *path)
{
    return mkstemp(path);
}

SHOWN int mkstemp(char *path)
{
    int (*real)(char *) = (int (*)(char *))next_of("mkstemp");
    return made_temporary(real(path), path, 0);
}

SHOWN char *mkdtemp(char *path)
{
    char name[NAME_BYTES];
    char *(*real)(char *) = (char *(*)(char *))next_of("mkdtemp");
    char *made = real(path);
    if (made != NULL && name_of(AT_FDCWD, made, name))
        put_name(OP_MKDIR, name, 0, 0700);
    return made;
}

/* ---- what leaves, and what cannot be followed ---- */

SHOWN ssize_t send(int fd, const void *data, size_t len, int flags)
{
    struct iovec run = { (void *)(uintptr_t)data, len };
    put((oplog_head){ .kind = OP_SEND, .fd = fd }, "", &run, 1);
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

SHOWN void *mmap(void *at, size_t len, int protect, int flags, int fd, off_t from)
{
    if ((protect & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 && file_of(fd) != NULL &&
        !file_of(fd)->is_lock)
        put_blind("a map that is written through");
    /* The lock file of LMDB says nothing after a restart: nobody had it open. */
    return (void *)(uintptr_t)syscall(SYS_mmap, at, len, protect, flags, fd, from);
}

SHOWN void *mmap64(void *at, size_t len, int protect, int flags, int fd, off64_t from)
{
    return mmap(at, len, protect, flags, fd, from);
}

SHOWN int fallocate(int fd, int mode, off_t at, off_t len)
{
    if (file_of(fd) != NULL && !file_of(fd)->is_lock)
        put_blind("fallocate");
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

SHOWN int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    return fallocate(fd, mode, at, len);
}

SHOWN ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
                              unsigned flags)
{
    if (file_of(to) != NULL)
        put_blind("copy_file_range");
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, len, flags);
}

/* A second name is nothing that a stick has: who wants one does without. */
SHOWN int link(const char *from, const char *to)
{
    char name[NAME_BYTES];
    if (name_of(AT_FDCWD, to, name)) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

SHOWN int symlink(const char *from, const char *to)
{
    char name[NAME_BYTES];
    if (name_of(AT_FDCWD, to, name))
        put_blind("symlink");
    return (int)syscall(SYS_symlinkat, from, AT_FDCWD, to);
}

SHOWN int truncate(const char *path, off_t size)
{
    char name[NAME_BYTES];
    if (name_of(AT_FDCWD, path, name))
        put_blind("truncate");
    return (int)syscall(SYS_truncate, path, size);
}

SHOWN int truncate64(const char *path, off64_t size)
{
    return truncate(path, size);
}
