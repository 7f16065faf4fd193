/* tests/unit/server/broken_files.h - stands between our code and the calls for files and folders:
 * the one that was named fails with EIO, as a stick that is pulled out. LMDB goes by other names
 * of the C library, so that the book is not touched. See broken_book.h. */
#ifndef SOTAY_TESTS_BROKEN_FILES_H
#define SOTAY_TESTS_BROKEN_FILES_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/server/broken_book.h"

static bool file_fails(void)
{
    bool is_bad = fails(FILES);
    if (is_bad)
        errno = EIO;
    return is_bad;
}

/* open: the mode is read whether it was given or not, as the C library does. */
int broken_open(const char *path, int flags, ...) __asm__("open64");
int broken_open(const char *path, int flags, ...)
{
    typedef int open_call(const char *, int, ...);
    REAL(open64, open_call);
    va_list rest;
    va_start(rest, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
    va_end(rest);
    return file_fails() ? -1 : f(path, flags, mode);
}

FILE *broken_fopen(const char *path, const char *mode) __asm__("fopen64");
FILE *broken_fopen(const char *path, const char *mode)
{
    typedef FILE *fopen_call(const char *, const char *);
    REAL(fopen64, fopen_call);
    return file_fails() ? NULL : f(path, mode);
}

DIR *broken_opendir(const char *path) __asm__("opendir");
DIR *broken_opendir(const char *path)
{
    typedef DIR *opendir_call(const char *);
    REAL(opendir, opendir_call);
    return file_fails() ? NULL : f(path);
}

struct dirent *broken_readdir(DIR *dir) __asm__("readdir64");
struct dirent *broken_readdir(DIR *dir)
{
    typedef struct dirent *readdir_call(DIR *);
    REAL(readdir64, readdir_call);
    return file_fails() ? NULL : f(dir);
}

ssize_t broken_write(int fd, const void *bytes, size_t len) __asm__("write");
ssize_t broken_write(int fd, const void *bytes, size_t len)
{
    typedef ssize_t write_call(int, const void *, size_t);
    REAL(write, write_call);
    return file_fails() ? -1 : f(fd, bytes, len);
}

size_t broken_fread(void *bytes, size_t size, size_t count, FILE *file) __asm__("fread");
size_t broken_fread(void *bytes, size_t size, size_t count, FILE *file)
{
    typedef size_t fread_call(void *, size_t, size_t, FILE *);
    REAL(fread, fread_call);
    if (!file_fails())
        return f(bytes, size, count, file);
    /* What ferror says afterwards is the file's own: it is made to read where it cannot. */
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    (void)dup2(fd, fileno(file));
    (void)close(fd);
    return f(bytes, size, count, file);
}

ssize_t broken_read(int fd, void *bytes, size_t len) __asm__("read");
ssize_t broken_read(int fd, void *bytes, size_t len)
{
    typedef ssize_t read_call(int, void *, size_t);
    REAL(read, read_call);
    return file_fails() ? -1 : f(fd, bytes, len);
}

int broken_fsync(int fd) __asm__("fsync");
int broken_fsync(int fd)
{
    typedef int fsync_call(int);
    REAL(fsync, fsync_call);
    return file_fails() ? -1 : f(fd);
}

int broken_rename(const char *from, const char *to) __asm__("rename");
int broken_rename(const char *from, const char *to)
{
    typedef int rename_call(const char *, const char *);
    REAL(rename, rename_call);
    return file_fails() ? -1 : f(from, to);
}

int broken_mkdir(const char *path, mode_t mode) __asm__("mkdir");
int broken_mkdir(const char *path, mode_t mode)
{
    typedef int mkdir_call(const char *, mode_t);
    REAL(mkdir, mkdir_call);
    return file_fails() ? -1 : f(path, mode);
}

int broken_unlink(const char *path) __asm__("unlink");
int broken_unlink(const char *path)
{
    typedef int unlink_call(const char *);
    REAL(unlink, unlink_call);
    return file_fails() ? -1 : f(path);
}

#endif
