/* tests/fault/wrap_files.c - stands in front of the system's calls for files. Failing ones do
 * nothing, but for a short write, which writes its first half. */
#undef _FILE_OFFSET_BITS /* both names of a call are ours, `open` and `open64` */
#undef _TIME_BITS
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/fault/faults.h"

/* Declares `f`, a pointer to the library's own. */
#define REAL(name, type)                                                                           \
    type *f;                                                                                       \
    void *found = fault_real(#name);                                                               \
    memcpy(&f, &found, sizeof f)

/* Leaves with `result` when the call is to fail. */
#define MAY_FAIL(call, result)                                                                     \
    do {                                                                                           \
        int why = fault_hits(call);                                                                \
        if (why != 0) {                                                                            \
            errno = why == FAULT_SHORT ? ENOSPC : why;                                             \
            return result;                                                                         \
        }                                                                                          \
    } while (0)

typedef int open_type(const char *, int, ...);
typedef FILE *fopen_type(const char *, const char *);
typedef DIR *opendir_type(const char *);
typedef ssize_t read_type(int, void *, size_t);
typedef ssize_t pread_type(int, void *, size_t, off_t);
typedef size_t fread_type(void *, size_t, size_t, FILE *);
typedef ssize_t write_type(int, const void *, size_t);
typedef ssize_t pwrite_type(int, const void *, size_t, off_t);
typedef ssize_t writev_type(int, const struct iovec *, int);
typedef int fputs_type(const char *, FILE *);
typedef size_t fwrite_type(const void *, size_t, size_t, FILE *);
typedef char *fgets_type(char *, int, FILE *);
typedef struct dirent *readdir_type(DIR *);
typedef int fallocate_type(int, int, off_t, off_t);
typedef int path_type(const char *);
typedef int access_type(const char *, int);
typedef int fclose_type(FILE *);
typedef int fd_type(int);
typedef int fflush_type(FILE *);
typedef void *mmap_type(void *, size_t, int, int, int, off_t);
typedef int mkdir_type(const char *, mode_t);
typedef char *mkdtemp_type(char *);
typedef int rename_type(const char *, const char *);
typedef int stat_type(const char *, struct stat *);
typedef int fstat_type(int, struct stat *);
typedef int flock_type(int, int);
typedef int ftruncate_type(int, off_t);
typedef ssize_t random_type(void *, size_t, unsigned);
typedef void exit_type(int);
typedef int thread_type(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    MAY_FAIL(CALL_OPEN, -1);
    REAL(open, open_type);
    return f(path, flags, mode);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    MAY_FAIL(CALL_OPEN, NULL);
    REAL(fopen, fopen_type);
    return f(path, mode);
}

DIR *opendir(const char *path)
{
    MAY_FAIL(CALL_OPEN, NULL);
    REAL(opendir, opendir_type);
    return f(path);
}

ssize_t read(int fd, void *data, size_t len)
{
    MAY_FAIL(CALL_READ, -1);
    REAL(read, read_type);
    return f(fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    MAY_FAIL(CALL_READ, -1);
    REAL(pread, pread_type);
    return f(fd, data, len, at);
}

/* A stream that failed says so by ferror: its descriptor is put where nothing can be read. */
static void spoil(FILE *file)
{
    fault_pause();
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)dup2(folder, fileno(file));
    (void)close(folder);
    fault_resume();
}

size_t fread(void *restrict data, size_t size, size_t count, FILE *restrict file)
{
    REAL(fread, fread_type);
    if (fault_hits(CALL_READ) != 0)
        spoil(file);
    return f(data, size, count, file);
}

char *fgets(char *restrict line, int len, FILE *restrict file)
{
    REAL(fgets, fgets_type);
    if (fault_hits(CALL_READ) != 0)
        spoil(file);
    return f(line, len, file);
}

struct dirent *readdir(DIR *folder)
{
    MAY_FAIL(CALL_LOOK, NULL);
    REAL(readdir, readdir_type);
    return f(folder);
}

int access(const char *path, int how)
{
    MAY_FAIL(CALL_LOOK, -1);
    REAL(access, access_type);
    return f(path, how);
}

ssize_t write(int fd, const void *data, size_t len)
{
    REAL(write, write_type);
    int why = fault_hits(CALL_WRITE);
    if (why == FAULT_SHORT && len > 1)
        return f(fd, data, len / 2);
    if (why == 0)
        return f(fd, data, len);
    errno = why == FAULT_SHORT ? ENOSPC : why;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    REAL(pwrite, pwrite_type);
    int why = fault_hits(CALL_WRITE);
    if (why == FAULT_SHORT && len > 1)
        return f(fd, data, len / 2, at);
    if (why == 0)
        return f(fd, data, len, at);
    errno = why == FAULT_SHORT ? ENOSPC : why;
    return -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    REAL(writev, writev_type);
    int why = fault_hits(CALL_WRITE);
    if (why == FAULT_SHORT && count > 1)
        return f(fd, pieces, count / 2);
    if (why == FAULT_SHORT)
        return write(fd, pieces[0].iov_base, pieces[0].iov_len / 2);
    if (why == 0)
        return f(fd, pieces, count);
    errno = why;
    return -1;
}

int fputs(const char *restrict text, FILE *restrict file)
{
    MAY_FAIL(CALL_WRITE, EOF);
    REAL(fputs, fputs_type);
    return f(text, file);
}

size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict file)
{
    MAY_FAIL(CALL_WRITE, 0);
    REAL(fwrite, fwrite_type);
    return f(data, size, count, file);
}

int fallocate(int fd, int how, off_t at, off_t len)
{
    MAY_FAIL(CALL_WRITE, -1);
    REAL(fallocate, fallocate_type);
    return f(fd, how, at, len);
}

int fsync(int fd)
{
    MAY_FAIL(CALL_SYNC, -1);
    REAL(fsync, fd_type);
    return f(fd);
}

int fdatasync(int fd)
{
    MAY_FAIL(CALL_SYNC, -1);
    REAL(fdatasync, fd_type);
    return f(fd);
}

int fflush(FILE *file)
{
    MAY_FAIL(CALL_SYNC, EOF);
    REAL(fflush, fflush_type);
    return f(file);
}

/* Closed it is in any case: what fails is the last writing. */
static int closed(int rc)
{
    MAY_FAIL(CALL_CLOSE, -1);
    return rc;
}

int close(int fd)
{
    REAL(close, fd_type);
    return closed(f(fd));
}

int fclose(FILE *file)
{
    REAL(fclose, fclose_type);
    return closed(f(file));
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    MAY_FAIL(CALL_MAP, MAP_FAILED);
    REAL(mmap, mmap_type);
    return f(at, len, protection, flags, fd, offset);
}

int mkdir(const char *path, mode_t mode)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(mkdir, mkdir_type);
    return f(path, mode);
}

char *mkdtemp(char *path)
{
    MAY_FAIL(CALL_NAME, NULL);
    REAL(mkdtemp, mkdtemp_type);
    return f(path);
}

int rename(const char *from, const char *to)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(rename, rename_type);
    return f(from, to);
}

int unlink(const char *path)
{
    MAY_FAIL(CALL_REMOVE, -1);
    REAL(unlink, path_type);
    return f(path);
}

int rmdir(const char *path)
{
    MAY_FAIL(CALL_REMOVE, -1);
    REAL(rmdir, path_type);
    return f(path);
}

int remove(const char *path)
{
    MAY_FAIL(CALL_REMOVE, -1);
    REAL(remove, path_type);
    return f(path);
}

int stat(const char *restrict path, struct stat *restrict out)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(stat, stat_type);
    return f(path, out);
}

int fstat(int fd, struct stat *out)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(fstat, fstat_type);
    return f(fd, out);
}

int flock(int fd, int how)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(flock, flock_type);
    return f(fd, how);
}

int ftruncate(int fd, off_t len)
{
    MAY_FAIL(CALL_NAME, -1);
    REAL(ftruncate, ftruncate_type);
    return f(fd, len);
}

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    MAY_FAIL(CALL_RANDOM, -1);
    REAL(getrandom, random_type);
    return f(data, len, flags);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
                   void *(*run)(void *), void *restrict argument)
{
    int why = fault_hits(CALL_THREAD);
    if (why != 0)
        return why;
    REAL(pthread_create, thread_type);
    return f(thread, how, run, argument);
}

/* A server that hangs while it stops ends its process; nobody else does. */
void _exit(int code)
{
    REAL(_exit, exit_type);
    f(code == 0 && fault_can_end() ? FAULT_ENDED : code);
    abort(); /* it does not come back */
}

/* The other name of a call: programs built for large files use it. One offset has 64 bits. */
static_assert(sizeof(off_t) == 8, "a machine where the two names are two calls");
#define ALSO(name, other) extern __typeof__(name) other __attribute__((alias(#name)))
ALSO(open, open64);
ALSO(fopen, fopen64);
ALSO(pread, pread64);
ALSO(pwrite, pwrite64);
ALSO(mmap, mmap64);
ALSO(ftruncate, ftruncate64);
ALSO(fallocate, fallocate64);

struct dirent64 *readdir64(DIR *folder)
{
    return (struct dirent64 *)readdir(folder);
}

int stat64(const char *restrict path, struct stat64 *restrict out)
{
    return stat(path, (struct stat *)out);
}

int fstat64(int fd, struct stat64 *out)
{
    return fstat(fd, (struct stat *)out);
}
