/* server/store/store.c - the parts of a store that are not a database: the data folder, its lock
 * and its version file.
 * Promises: one DIR is written by one process; a store of another version, word size or byte order
 * is refused before a database file is touched. Never deletes anything. */
#include "server/store/dir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/store.h"

/* What DIR/store.version must say on this machine. */
static void version_line(char line[64])
{
    const uint16_t probe = 1;
    uint8_t first = 0;
    memcpy(&first, &probe, 1);
    (void)snprintf(line, 64, "sotay-store 1 %zu %s\n", sizeof(void *) * CHAR_BIT,
                   first == 1 ? "le" : "be");
}

st_err store_dir_path(const char *dir, const char *name, char path[STORE_PATH_BYTES],
                      st_error *error)
{
    int len = snprintf(path, STORE_PATH_BYTES, "%s/%s", dir, name);
    if (len < 0 || len >= STORE_PATH_BYTES)
        return st_fail(error, ST_E_STORAGE, "%s: the path is too long", dir);
    return ST_OK;
}

/* The folder in which `path` lies, or will. */
static st_err folder_above(const char *path, char above[STORE_PATH_BYTES], st_error *error)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len >= STORE_PATH_BYTES)
        return st_fail(error, ST_E_STORAGE, "%s: the path is too long", path);
    (void)snprintf(above, STORE_PATH_BYTES, "%.*s", len == 0 ? 1 : (int)len,
                   len == 0 ? "." : path);
    return ST_OK;
}

static st_err make_folder(const char *path, mode_t mode, st_error *error)
{
    char above[STORE_PATH_BYTES];
    st_err err = folder_above(path, above, error);
    if (err != ST_OK)
        return err;
    bool is_made = mkdir(path, mode) == 0;
    if (!is_made && errno == ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: there is no folder %s; make that first, or name "
                       "another place", path, above);
    if (!is_made && errno != EEXIST)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    /* One that may be entered but not read can be made durable by its owner only. */
    return !is_made && access(above, R_OK) != 0 ? ST_OK : store_dir_sync(above, error);
}

st_err store_dir_make(const char *path, st_error *error)
{
    return make_folder(path, 0700, error);
}

st_err store_dir_make_open(const char *path, st_error *error)
{
    return make_folder(path, 0755, error);
}

bool store_write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

st_err store_dir_next(DIR *folder, const char *path, const char **out_name, st_error *error)
{
    const struct dirent *entry = NULL;
    do {
        errno = 0;
        entry = readdir(folder);
    } while (entry != NULL && entry->d_name[0] == '.');
    *out_name = entry != NULL ? entry->d_name : NULL;
    return entry != NULL || errno == 0 ? ST_OK
                                       : st_fail(error, ST_E_STORAGE, "%s: %s", path,
                                                 strerror(errno));
}

st_err store_dir_lock(const char *dir, int *out_fd, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "lock", path, error);
    if (err != ST_OK)
        return err;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        (void)close(fd);
        if (why == EWOULDBLOCK)
            return st_fail(error, ST_E_BUSY, "%s: data folder already in use", dir);
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(why));
    }
    *out_fd = fd;
    return ST_OK;
}

st_err store_dir_check_version(const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES], want[64], have[64] = "";
    st_err err = store_dir_path(dir, "store.version", path, error);
    if (err != ST_OK)
        return err;
    FILE *file = fopen(path, "rbe");
    if (file == NULL && errno == ENOENT)
        return st_fail(error, ST_E_NOT_FOUND, "%s: no sotay store here", dir);
    if (file == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    size_t len = fread(have, 1, sizeof have - 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    have[len] = '\0';
    version_line(want);
    if (strcmp(have, want) == 0)
        return ST_OK;
    have[strcspn(have, "\n")] = '\0';
    want[strcspn(want, "\n")] = '\0';
    return st_fail(error, ST_E_VERSION, "%s: made by \"%s\", this program reads \"%s\"", path,
                   have, want);
}

st_err store_dir_sync(const char *path, st_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
}

/* Under another name first: half a line would be a store of an unknown version. */
st_err store_dir_write_version(const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES], fresh[STORE_PATH_BYTES], line[64];
    st_err err = store_dir_path(dir, "store.version", path, error);
    if (err == ST_OK)
        err = store_dir_path(dir, "store.version.new", fresh, error);
    if (err != ST_OK)
        return err;
    if (access(path, F_OK) == 0)
        return st_fail(error, ST_E_EXISTS, "%s: a sotay store is here already", dir);
    version_line(line);
    FILE *file = fopen(fresh, "wbe");
    if (file == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", fresh, strerror(errno));
    bool good = fputs(line, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    if (!good || rename(fresh, path) != 0)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
    err = store_dir_sync(dir, error);
    if (err != ST_OK)
        (void)rename(path, fresh);             /* what is called unfinished is not a store */
    return err;
}

store_slice store_bytes(const void *data, size_t len)
{
    store_slice slice = { data, len };
    return slice;
}

store_slice store_text(const char *text)
{
    return store_bytes(text, strlen(text));
}

bool store_has_prefix(const store_cursor *cursor, store_slice prefix)
{
    return cursor->is_valid && cursor->key.len >= prefix.len
           && memcmp(cursor->key.data, prefix.data, prefix.len) == 0;
}

/* ---- what must not lie in it ---- */

/* The folder that is there already on the way to `to`: itself, or the one that it would be made in.
 * False: the path is too long. */
static bool nearest(const char *to, char path[STORE_PATH_BYTES])
{
    struct stat st;
    size_t len = strlen(to);
    if (len == 0 || len >= STORE_PATH_BYTES)
        return false;
    memcpy(path, to, len + 1);
    while (stat(path, &st) != 0 && strcmp(path, "/") != 0) {
        while (len > 1 && path[len - 1] == '/')
            len--;
        while (len > 0 && path[len - 1] != '/')
            len--;
        if (len == 0) {
            memcpy(path, ".", 2);
            return true;
        }
        path[len > 1 ? len - 1 : 1] = '\0';
        len = strlen(path);
    }
    return true;
}

bool store_dir_is_inside(const char *to, const char *data)
{
    char path[STORE_PATH_BYTES];
    struct stat book, here = { 0 }, below;
    if (!nearest(to, path) || stat(data, &book) != 0)
        return false;
    do {
        below = here;
        if (stat(path, &here) != 0)
            return false;                      /* who makes it says why it cannot be */
        if (here.st_dev == book.st_dev && here.st_ino == book.st_ino)
            return true;
        size_t len = strlen(path);
        if (len + 4 > sizeof path)
            return false;
        memcpy(path + len, "/..", 4);
    } while (here.st_dev != below.st_dev || here.st_ino != below.st_ino);
    return false;
}
