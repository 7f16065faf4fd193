/* client-lib/cli/file.c - files that the program writes: whole, and on disk, or not at all. Must
 * never leave half of one behind. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

#define PATH_BYTES    CLI_PATH_BYTES
#define MOVED_AT_ONCE 32768u

int cli_file_put(cli_file *file, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = write(file->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += n;
        len -= (size_t)n;
        file->bytes += (uint64_t)n;
    }
    return 0;
}

/* All of it, from or to this place. */
static int move_some(int fd, uint8_t *bytes, size_t len, uint64_t at, bool writes)
{
    while (len > 0) {
        ssize_t n = writes ? pwrite(fd, bytes, len, (off_t)at) : pread(fd, bytes, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        bytes += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* From the end, so that nothing is written over before it was moved. */
int cli_file_put_in_front(cli_file *file, sotay_slice front)
{
    uint8_t bytes[MOVED_AT_ONCE];
    uint64_t left = file->bytes;
    int why = 0;
    while (why == 0 && left > 0) {
        size_t len = left < sizeof bytes ? (size_t)left : sizeof bytes;
        left -= len;
        why = move_some(file->fd, bytes, len, left, false);
        if (why == 0)
            why = move_some(file->fd, bytes, len, left + front.len, true);
    }
    file->bytes += front.len;
    for (size_t at = 0; why == 0 && at < front.len; at += sizeof bytes) {
        size_t len = front.len - at < sizeof bytes ? front.len - at : sizeof bytes;
        memcpy(bytes, (const uint8_t *)front.data + at, len);
        why = move_some(file->fd, bytes, len, at, true);
    }
    return why;
}

/* The folder too: a stick is pulled out at once. */
static bool sync_folder(const char *path)
{
    char copy[PATH_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0 || errno == EINVAL;
    return close(fd) == 0 && done;
}

/* A file of that name stays as it is. */
static int give_name(const char *temporary, const char *path)
{
    struct stat st;
    if (link(temporary, path) == 0)
        return 0;
    /* a stick knows no links: then there is one moment between looking and naming */
    if (errno == EEXIST || lstat(path, &st) == 0)
        return EEXIST;
    return rename(temporary, path) == 0 ? 0 : errno;
}

int cli_file_begin(cli_file *file, const char *path)
{
    file->bytes = 0;
    file->fd = -1;
    int need = snprintf(file->temporary, sizeof file->temporary, "%s.XXXXXX", path);
    if (need < 0 || (size_t)need >= sizeof file->temporary)
        return ENAMETOOLONG;
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    return file->fd < 0 ? errno : 0;
}

void cli_file_drop(cli_file *file)
{
    if (file->fd < 0)
        return;
    (void)close(file->fd);
    (void)unlink(file->temporary);
    file->fd = -1;
}

int cli_file_end(cli_file *file, const char *path, bool replaces)
{
    int why = fsync(file->fd) == 0 ? 0 : errno;
    if (close(file->fd) != 0 && why == 0)
        why = errno;
    file->fd = -1;
    if (why == 0 && replaces)
        why = rename(file->temporary, path) == 0 ? 0 : errno;
    else if (why == 0)
        why = give_name(file->temporary, path);
    (void)unlink(file->temporary);
    if (why == 0 && !sync_folder(path))
        why = errno;
    return why;
}

int cli_write_file(const char *path, sotay_slice bytes, bool replaces)
{
    cli_file file;
    int why = cli_file_begin(&file, path);
    if (why == 0)
        why = cli_file_put(&file, bytes.data, bytes.len);
    if (why == 0)
        return cli_file_end(&file, path, replaces);
    cli_file_drop(&file);
    return why;
}

int cli_fail_file(cli_call *call, const char *path, int why)
{
    snprintf(call->error.detail, sizeof call->error.detail, "%.120s: %s", path, strerror(why));
    return cli_fail(call, why == EEXIST ? SOTAY_E_EXISTS : SOTAY_E_STORAGE);
}
