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

#define PATH_BYTES 4096

static bool write_all(int fd, sotay_slice bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0;
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

int cli_write_file(const char *path, sotay_slice bytes, bool replaces)
{
    char temporary[PATH_BYTES];
    int need = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (need < 0 || (size_t)need >= sizeof temporary)
        return ENAMETOOLONG;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return errno;
    int why = 0;
    if (!write_all(fd, bytes))
        why = errno != 0 ? errno : EIO;
    if (close(fd) != 0 && why == 0)
        why = errno;
    if (why == 0 && replaces)
        why = rename(temporary, path) == 0 ? 0 : errno;
    else if (why == 0)
        why = give_name(temporary, path);
    (void)unlink(temporary);
    if (why == 0 && !sync_folder(path))
        why = errno;
    return why;
}

int cli_fail_file(cli_call *call, const char *path, int why)
{
    snprintf(call->error.detail, sizeof call->error.detail, "%.120s: %s", path, strerror(why));
    return cli_fail(call, SOTAY_E_STORAGE);
}
