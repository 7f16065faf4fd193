/* server/store/chunks.c - pieces of attachments on disk, each once, under the hash of its bytes.
 * Promises: what has a name is whole; what is acknowledged is on disk, name and bytes. Must never
 * change a piece that has its name, nor remove one but by chunks_remove. */
#include "server/store/chunks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bytes.h"
#include "proto/limits.h"
#include "server/store/dir.h"

#define READ_BYTES 8192u

/* The folder of a piece, and its file. */
typedef struct {
    char folder[STORE_PATH_BYTES], file[STORE_PATH_BYTES];
} place;

static st_err place_of(const char *dir, const st_hash *hash, place *out, st_error *error)
{
    char hex[65], name[96];
    st_hex(hash->b, sizeof hash->b, hex);
    (void)snprintf(name, sizeof name, "chunks/%.2s", hex);
    st_err err = store_dir_path(dir, name, out->folder, error);
    (void)snprintf(name, sizeof name, "chunks/%.2s/%s", hex, hex + 2);
    return err == ST_OK ? store_dir_path(dir, name, out->file, error) : err;
}

st_err chunks_has(const char *dir, const st_hash *hash, bool *out_has, st_error *error)
{
    struct stat st;
    place at;
    st_err err = place_of(dir, hash, &at, error);
    if (err != ST_OK)
        return err;
    bool is_there = stat(at.file, &st) == 0;
    if (!is_there && errno != ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: %s", at.file, strerror(errno));
    if (is_there)                              /* who wrote it may be about to say so himself */
        err = store_dir_sync(at.folder, error);
    if (err == ST_OK)
        *out_has = is_there;
    return err;
}

st_err chunks_is_there(const char *dir, const st_hash *hash, bool *out_is, st_error *error)
{
    struct stat st;
    place at;
    st_err err = place_of(dir, hash, &at, error);
    if (err != ST_OK)
        return err;
    *out_is = stat(at.file, &st) == 0;
    if (!*out_is && errno != ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: %s", at.file, strerror(errno));
    return ST_OK;
}

/* Appends at most a piece's bytes and one more, so that a longer file shows. */
static st_err read_piece(FILE *file, const place *at, st_buffer *out, st_error *error)
{
    uint8_t bytes[READ_BYTES];
    size_t n = 0, len = 0;
    st_err err = ST_OK;
    while (err == ST_OK && len <= ST_CHUNK_BYTES_MAX &&
           (n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        err = st_buffer_append(out, bytes, n, error);
        len += n;
    }
    if (err == ST_OK && ferror(file) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: it cannot be read", at->file);
    return err;
}

/* A machine without descriptors or memory says nothing of the piece. */
static st_err cannot_open(const place *at, int why, st_error *error)
{
    st_err err = why == ENOENT                                     ? ST_E_NOT_FOUND
                 : why == EMFILE || why == ENFILE || why == ENOMEM ? ST_E_MEMORY
                                                                   : ST_E_STORAGE;
    return st_fail(error, err, "%s: %s", at->file, strerror(why));
}

st_err chunks_get(const char *dir, const st_hash *hash, st_buffer *out, st_error *error)
{
    place at;
    size_t before = out->len;
    st_err err = place_of(dir, hash, &at, error);
    if (err != ST_OK)
        return err;
    FILE *file = fopen(at.file, "rbe");
    if (file == NULL)
        return cannot_open(&at, errno, error);
    err = read_piece(file, &at, out, error);
    (void)fclose(file);
    if (err != ST_OK)
        return err;
    st_hash found = st_sha256(out->data + before, out->len - before);
    if (memcmp(found.b, hash->b, sizeof found.b) == 0)
        return ST_OK;
    out->len = before;
    return st_fail(error, ST_E_CORRUPT, "%s: the file is not what its name says", at.file);
}

st_err chunks_remove(const char *dir, const st_hash *hash, st_error *error)
{
    place at;
    st_err err = place_of(dir, hash, &at, error);
    if (err == ST_OK && unlink(at.file) != 0)
        return errno == ENOENT ? ST_OK
                               : st_fail(error, ST_E_STORAGE, "%s: %s", at.file, strerror(errno));
    return err == ST_OK ? store_dir_sync(at.folder, error) : err;
}

static st_err write_part(const char *path, const chunks_piece *piece, st_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && store_write_all(fd, piece->bytes, piece->len) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good)
        return ST_OK;
    (void)unlink(path);
    return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(why));
}

/* The folders on the way to a piece, with their names on disk. */
static st_err make_folders(const char *dir, const place *at, st_error *error)
{
    char above[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "parts", above, error);
    if (err == ST_OK)
        err = store_dir_make(above, error);
    if (err == ST_OK)
        err = store_dir_path(dir, "chunks", above, error);
    if (err == ST_OK)
        err = store_dir_make(above, error);
    return err == ST_OK ? store_dir_make(at->folder, error) : err;
}

st_err chunks_put(const char *dir, const chunks_piece *piece, st_error *error)
{
    char name[96], part[STORE_PATH_BYTES];
    bool is_there = false;
    place at;
    st_err err = chunks_has(dir, &piece->hash, &is_there, error);
    if (err != ST_OK || is_there)
        return err;
    err = place_of(dir, &piece->hash, &at, error);
    (void)snprintf(name, sizeof name, "parts/%.80s", piece->part);
    if (err == ST_OK)
        err = store_dir_path(dir, name, part, error);
    if (err == ST_OK)
        err = make_folders(dir, &at, error);
    if (err == ST_OK)
        err = write_part(part, piece, error);
    if (err != ST_OK)
        return err;
    if (rename(part, at.file) != 0) {
        int why = errno;
        (void)unlink(part);
        return st_fail(error, ST_E_STORAGE, "%s: %s", at.file, strerror(why));
    }
    return store_dir_sync(at.folder, error);
}

st_err chunks_check(const char *dir, const st_hash *hash, chunks_state *out_state,
                    uint64_t *out_len, st_error *error)
{
    place at;
    uint8_t bytes[READ_BYTES];
    st_err err = place_of(dir, hash, &at, error);
    if (err != ST_OK)
        return err;
    *out_len = 0;
    *out_state = CHUNKS_MISSING;
    FILE *file = fopen(at.file, "rbe");
    if (file == NULL && errno == ENOENT)
        return ST_OK;
    if (file == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", at.file, strerror(errno));
    st_sha256_state state;
    st_sha256_init(&state);
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        st_sha256_update(&state, bytes, n);
        *out_len += n;
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return st_fail(error, ST_E_STORAGE, "%s: it cannot be read", at.file);
    st_hash found = st_sha256_final(&state);
    *out_state = memcmp(found.b, hash->b, sizeof found.b) == 0 ? CHUNKS_WHOLE : CHUNKS_WRONG;
    return ST_OK;
}

/* Calls each for every name of a folder but those with a dot in front; no folder: none. */
typedef struct {
    void *context;
    st_err (*each)(void *context, const char *path, st_error *error);
} lister;

static st_err list_folder(const char *path, const lister *list, st_error *error)
{
    char inner[STORE_PATH_BYTES];
    DIR *folder = opendir(path);
    if (folder == NULL && (errno == ENOENT || errno == ENOTDIR))
        return ST_OK; /* what somebody left among the folders is none of ours */
    if (folder == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    const char *name = NULL;
    st_err err = store_dir_next(folder, path, &name, error);
    while (err == ST_OK && name != NULL) {
        err = store_dir_path(path, name, inner, error);
        if (err == ST_OK)
            err = list->each(list->context, inner, error);
        if (err == ST_OK)
            err = store_dir_next(folder, path, &name, error);
    }
    (void)closedir(folder);
    return err;
}

typedef struct {
    chunks_take take;
    void *context;
} taker;

/* "…/chunks/<2 hex>/<62 hex>" */
static st_err take_file(void *context, const char *path, st_error *error)
{
    const taker *t = context;
    char hex[65] = "";
    st_hash hash;
    struct stat st;
    size_t len = strlen(path);
    if (len < 66 || path[len - 63] != '/' || path[len - 66] != '/')
        return ST_OK;
    memcpy(hex, path + len - 65, 2);
    memcpy(hex + 2, path + len - 62, 62);
    if (!st_unhex(hex, 64, hash.b, sizeof hash.b))
        return ST_OK;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: %s", path,
                                                 strerror(errno));
    return t->take(t->context, &hash, (uint64_t)st.st_size, error);
}

static st_err take_folder(void *context, const char *path, st_error *error)
{
    lister files = { context, take_file };
    return list_folder(path, &files, error);
}

st_err chunks_each(const char *dir, chunks_take each, void *context, st_error *error)
{
    char path[STORE_PATH_BYTES];
    taker t = { each, context };
    lister folders = { &t, take_folder };
    st_err err = store_dir_path(dir, "chunks", path, error);
    return err == ST_OK ? list_folder(path, &folders, error) : err;
}

static st_err add_file(void *context, const char *path, st_error *error)
{
    uint64_t *total = context;
    struct stat st;
    if (stat(path, &st) != 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    *total += (uint64_t)st.st_size;
    return ST_OK;
}

static st_err add_folder(void *context, const char *path, st_error *error)
{
    lister files = { context, add_file };
    return list_folder(path, &files, error);
}

st_err chunks_total(const char *dir, uint64_t *out_bytes, st_error *error)
{
    char path[STORE_PATH_BYTES];
    uint64_t total = 0;
    lister folders = { &total, add_folder };
    st_err err = store_dir_path(dir, "chunks", path, error);
    if (err == ST_OK)
        err = list_folder(path, &folders, error);
    if (err == ST_OK)
        *out_bytes = total;
    return err;
}

static st_err remove_part(void *context, const char *path, st_error *error)
{
    (void)context;
    if (unlink(path) == 0)
        return ST_OK;
    return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
}

st_err chunks_tidy(const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES];
    lister parts = { NULL, remove_part };
    st_err err = store_dir_path(dir, "parts", path, error);
    return err == ST_OK ? list_folder(path, &parts, error) : err;
}
