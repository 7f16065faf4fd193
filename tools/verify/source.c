/* tools/verify/source.c - reads the files of a log.
 * Promises: nothing is written; what is fetched is bounded. Must never follow a name out of the
 * folder: names come from this program, not from the log. */
#include "tools/verify/source.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES   4096
#define FILE_MAX     (32u << 20)
#define CURL_MISSING 22 /* curl -f: the server said 4xx or 5xx */

/* ---- a folder ---- */

static st_err read_all(int fd, st_buffer *out, st_error *error)
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
    st_err err = read_all(fd, out, error);
    (void)close(fd);
    return err;
}

/* ---- an address ---- */

static void become_curl(const char *url, int to)
{
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%u", FILE_MAX);
    if (dup2(to, STDOUT_FILENO) < 0)
        _exit(127);
    (void)execlp("curl", "curl", "-fsS", "--max-time", "60", "--max-filesize", limit, "--proto",
                 "=http,https", "--", url, (char *)NULL);
    _exit(127);
}

static st_err fetch(const char *url, st_buffer *out, st_error *error)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return st_fail(error, ST_E_SERVER, "pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become_curl(url, ends[1]);
    (void)close(ends[1]);
    st_err err = child < 0 ? st_fail(error, ST_E_SERVER, "fork: %s", strerror(errno))
                           : read_all(ends[0], out, error);
    (void)close(ends[0]);
    if (child > 0 && waitpid(child, &status, 0) != child)
        status = -1;
    if (err != ST_OK || status == 0)
        return err;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == CURL_MISSING)
        return st_fail(error, ST_E_NOT_FOUND, "%s: is not there", url);
    return st_fail(error, ST_E_NETWORK, "%s: %s", url,
                   code == 127 ? "the program curl is missing" : "cannot be fetched");
}

static st_err read_named(void *context, const char *name, st_buffer *out, st_error *error)
{
    const verify_place *place = context;
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", place->where, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return st_fail(error, ST_E_USAGE, "the name is too long");
    return place->is_url ? fetch(path, out, error) : verify_read_file(path, out, error);
}

verify_source verify_source_of(const verify_place *place)
{
    return (verify_source){ (void *)(uintptr_t)place, read_named };
}

/* ---- each file of a folder ---- */

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
    st_buffer_init(&want, FILE_MAX);
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
    st_buffer_init(&want, FILE_MAX);
    bool good = put_follower(log, name, &want, NULL) == ST_OK && want.len == bytes->len &&
                memcmp(want.data, bytes->data, want.len) == 0;
    st_buffer_free(&want);
    return good;
}

static st_err check_file(const verify_log *log, const char *path, const char *name, st_error *error)
{
    st_tile tile;
    st_buffer bytes;
    if (is_head(name) || is_witness(log, name))
        return ST_OK;
    bool follows = strcmp(name, "vkey") == 0 || strcmp(name, "policy") == 0;
    if (!follows && !st_tile_parse(name, &tile))
        return st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", name);
    st_buffer_init(&bytes, FILE_MAX);
    st_err err = verify_read_file(path, &bytes, error);
    if (err == ST_OK && !(follows ? is_follower(log, name, &bytes) : is_tile(log, &tile, &bytes)))
        err = st_fail(error, ST_E_CORRUPT, "%.120s: is not what the log has there", name);
    st_buffer_free(&bytes);
    return err;
}

st_err verify_folder(const verify_log *log, const char *dir, st_error *error)
{
    char root[PATH_BYTES];
    char *paths[] = { root, NULL };
    st_err err = ST_OK;
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (len == 0 || len >= sizeof root)
        return st_fail(error, ST_E_USAGE, "the name is too long");
    memcpy(root, dir, len);
    root[len] = '\0';
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be listed", dir);
    for (FTSENT *at = fts_read(walk); err == ST_OK && at != NULL; at = fts_read(walk)) {
        if (at->fts_info == FTS_D || at->fts_info == FTS_DP)
            continue;
        err = at->fts_info == FTS_F
                  ? check_file(log, at->fts_path, at->fts_path + len + 1, error)
                  : st_fail(error, ST_E_CORRUPT, "%.120s: is no file of the log", at->fts_path);
    }
    (void)fts_close(walk);
    return err;
}
