/* tools/verify/source.c - reads the files of a log.
 * Promises: nothing is written. Must never follow a name out of the folder: names come from this
 * program, not from the log. */
#include "tools/verify/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a folder ---- */

st_err verify_read_all(int fd, st_buffer *out, st_error *error)
{
    uint8_t piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return st_fail(error, ST_E_STORAGE, "cannot be read: %s", strerror(errno));
        if (n == 0)
            return ST_OK;
        st_err err = st_buffer_append(out, piece, (size_t)n, error);
        if (err != ST_OK)
            return err;
    }
}

st_err verify_read_file(const char *path, st_buffer *out, st_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return st_fail(error, errno == ENOENT || errno == ENOTDIR ? ST_E_NOT_FOUND : ST_E_STORAGE,
                       "%s: %s", path, strerror(errno));
    st_err err = verify_read_all(fd, out, error);
    (void)close(fd);
    return err;
}

/* ---- by name ---- */

/* What stands there under the name of a file must be one: a pipe would be waited for for ever. */
static st_err read_of_folder(const char *path, const char *name, st_buffer *out, st_error *error)
{
    struct stat what;
    if (stat(path, &what) == 0 && !S_ISREG(what.st_mode))
        return st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", name);
    return verify_read_file(path, out, error);
}

static st_err read_named(void *context, const char *name, st_buffer *out, st_error *error)
{
    const verify_place *place = context;
    char path[VERIFY_PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", place->where, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return st_fail(error, ST_E_USAGE, "the name is too long");
    return place->is_url ? verify_fetch(path, out, error)
                         : read_of_folder(path, name, out, error);
}

verify_source verify_source_of(const verify_place *place)
{
    return (verify_source){ (void *)(uintptr_t)place, read_named };
}
