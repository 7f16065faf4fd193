/* tools/verify/folder.c - is each file of a folder one of the log's, as it must be?
 * Promises: nothing is written, links are not followed, no name is taken for granted. */
#include "tools/verify/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- one file ---- */

/* Read and checked as a whole before. */
static bool is_head(const char *name)
{
    static const char *const NAMES[] = { "checkpoint", "devices" };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(name, NAMES[i]) == 0)
            return true;
    return false;
}

/* The leaves of a tile, hash by hash: their bytes were read as those of the full one. */
static bool are_entries(const verify_log *log, const st_tile *tile, const st_buffer *bytes)
{
    size_t at = 0;
    uint64_t first = tile->place * ST_TILE_WIDTH;
    for (unsigned i = 0; i < tile->width; i++) {
        size_t len = bytes->len - at < 2 ? SIZE_MAX : st_get_u16(bytes->data + at);
        if (len == SIZE_MAX || bytes->len - at - 2 < len || first + i >= log->counts[0])
            return false;
        st_hash hash = st_leaf_hash(bytes->data + at + 2, len);
        if (memcmp(hash.b, log->nodes[0][first + i].b, sizeof hash.b) != 0)
            return false;
        at += 2 + len;
    }
    return at == bytes->len;
}

static bool is_tile(const verify_log *log, const st_tile *tile, const st_buffer *bytes)
{
    st_buffer want;
    if (tile->level == ST_TILE_ENTRIES)
        return are_entries(log, tile, bytes);
    st_buffer_init(&want, VERIFY_FILE_MAX);
    bool good = verify_log_tile(log, tile, &want, NULL) == ST_OK && want.len == bytes->len &&
                memcmp(want.data, bytes->data, want.len) == 0;
    st_buffer_free(&want);
    return good;
}

/* Of a listed device: it was read and checked. */
static bool is_witness(const verify_log *log, const char *name)
{
    st_id id;
    if (strncmp(name, "witness/", 8) != 0 || !st_id_parse(name + 8, &id))
        return false;
    for (size_t i = 0; i < log->devices_count; i++)
        if (st_id_cmp(&log->devices[i].id, &id) == 0)
            return log->devices[i].has_witness;
    return false;
}

/* vkey and policy follow from the checkpoint's origin, the key and the list of devices. */
static st_err put_follower(const verify_log *log, const char *name, st_buffer *out, st_error *error)
{
    st_vkey vkey = log->vkey;
    char text[ST_VKEY_BYTES], hex[33];
    memcpy(vkey.name, log->now.checkpoint.origin, sizeof vkey.name);
    st_vkey_format(&vkey, text);
    if (strcmp(name, "vkey") == 0)
        return st_buffer_printf(out, error, "%s\n", text);
    st_err err = st_buffer_printf(out, error, "log %s\n", text);
    for (size_t i = 0; err == ST_OK && i < log->devices_count; i++) {
        const verify_device *device = &log->devices[i];
        if (!device->has_witness)
            continue;
        st_id_format(&device->id, hex);
        st_vkey_format(&device->witness, text);
        err = st_buffer_printf(out, error, "witness %s %s\n", hex, text);
    }
    return err == ST_OK ? st_buffer_printf(out, error, "quorum none\n") : err;
}

static bool is_follower(const verify_log *log, const char *name, const st_buffer *bytes)
{
    st_buffer want;
    st_buffer_init(&want, VERIFY_FILE_MAX);
    bool good = put_follower(log, name, &want, NULL) == ST_OK && want.len == bytes->len &&
                memcmp(want.data, bytes->data, want.len) == 0;
    st_buffer_free(&want);
    return good;
}

static st_err check_file(const verify_log *log, const char *path, const char *name, st_error *error)
{
    st_tile tile;
    st_buffer bytes;
    bool is_keys = (log->has_keys && strcmp(name, "log-keys") == 0) ||
                   (log->has_given && strcmp(name, "given-up") == 0);
    if (is_head(name) || is_keys || is_witness(log, name))
        return ST_OK;
    bool follows = strcmp(name, "vkey") == 0 || strcmp(name, "policy") == 0;
    if (!follows && !st_tile_parse(name, &tile))
        return st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", name);
    st_buffer_init(&bytes, VERIFY_FILE_MAX);
    st_err err = verify_read_file(path, &bytes, error);
    if (err == ST_OK && !(follows ? is_follower(log, name, &bytes) : is_tile(log, &tile, &bytes)))
        err = st_fail(error, ST_E_CORRUPT, "%.120s: is not what the log has there", name);
    st_buffer_free(&bytes);
    return err;
}

/* ---- all of them ---- */

/* Folders that were met and not read yet: their names within `dir`, each with its NUL. */
typedef struct {
    const verify_log *log;
    const char *dir;
    st_buffer folders;
    bool has_vkey, has_policy;
} folder_walk;

st_err verify_folder_is_whole(const char *dir, st_error *error)
{
    static const char *const LEFT[] = { "checkpoint.new", "next.new" };
    char path[VERIFY_PATH_BYTES];
    struct stat what;
    for (size_t i = 0; i < sizeof LEFT / sizeof LEFT[0]; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", dir, LEFT[i]);
        if (len > 0 && (size_t)len < sizeof path && lstat(path, &what) == 0)
            return st_fail(error, ST_E_CORRUPT, "%s: an export into this folder was cut off; have "
                           "it made again", LEFT[i]);
    }
    return ST_OK;
}

/* `name` lies in the folder that is walked through. */
static st_err take_name(folder_walk *walk, const char *name, st_error *error)
{
    char path[VERIFY_PATH_BYTES];
    struct stat what;
    int len = snprintf(path, sizeof path, "%s/%s", walk->dir, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", name);
    if (lstat(path, &what) != 0)
        return st_fail(error, ST_E_STORAGE, "%.120s: %s", name, strerror(errno));
    if (S_ISDIR(what.st_mode))
        return st_buffer_append(&walk->folders, name, strlen(name) + 1, error);
    walk->has_vkey = walk->has_vkey || strcmp(name, "vkey") == 0;
    walk->has_policy = walk->has_policy || strcmp(name, "policy") == 0;
    return S_ISREG(what.st_mode)
               ? check_file(walk->log, path, name, error)
               : st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", name);
}

static st_err take_entry(folder_walk *walk, const char *folder, const char *entry, st_error *error)
{
    char name[VERIFY_PATH_BYTES];
    if (strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0)
        return ST_OK;
    int len = snprintf(name, sizeof name, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", entry);
    if (len < 0 || (size_t)len >= sizeof name)
        return st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", folder);
    return take_name(walk, name, error);
}

static st_err take_folder(folder_walk *walk, const char *folder, st_error *error)
{
    char path[VERIFY_PATH_BYTES];
    st_err err = ST_OK;
    int len = snprintf(path, sizeof path, "%s/%s", walk->dir, folder);
    DIR *open = len < 0 || (size_t)len >= sizeof path ? NULL : opendir(path);
    if (open == NULL)
        return st_fail(error, ST_E_STORAGE, "%.120s/%.120s: cannot be listed", walk->dir, folder);
    errno = 0;
    for (struct dirent *at = readdir(open); err == ST_OK && at != NULL; at = readdir(open)) {
        err = take_entry(walk, folder, at->d_name, error);
        errno = 0;
    }
    if (err == ST_OK && errno != 0)
        err = st_fail(error, ST_E_STORAGE, "%.120s/%.120s: cannot be listed", walk->dir, folder);
    (void)closedir(open);
    return err;
}

st_err verify_folder(const verify_log *log, const char *dir, st_error *error)
{
    folder_walk walk = { .log = log, .dir = dir };
    char folder[VERIFY_PATH_BYTES];
    if (dir[0] == '\0')
        return st_fail(error, ST_E_USAGE, "the folder has no name");
    st_buffer_init(&walk.folders, VERIFY_FILE_MAX);
    st_err err = st_buffer_append(&walk.folders, "", 1, error);
    for (size_t at = 0; err == ST_OK && at < walk.folders.len; at += strlen(folder) + 1) {
        const char *next = (const char *)walk.folders.data + at;
        memcpy(folder, next, strlen(next) + 1); /* the list moves while it grows */
        err = take_folder(&walk, folder, error);
    }
    st_buffer_free(&walk.folders);
    if (err == ST_OK && (!walk.has_vkey || !walk.has_policy))
        err = st_fail(error, ST_E_CORRUPT, "%s: is missing in the folder",
                      walk.has_vkey ? "policy" : "vkey");
    return err;
}
