/* server/backup/tree.c - files named by their content, to a backup and back; and who may work in
 * the folder of a backup.
 * Promises: what has a name here is what the name says, or is told of; a name is only made when its
 * bytes are on disk; a piece that one of the two folders has good is in the backup afterwards. */
#include "server/backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/chunks.h"
#include "server/store/dir.h"
#include "server/sync/have.h"

#define TREE "chunks"

/* ---- names: chunks/<2 hex>/<62 hex>, as in a data folder ---- */

static void name_of(const st_hash *hash, char name[BACKUP_NAME_BYTES])
{
    char hex[65];
    st_hex(hash->b, sizeof hash->b, hex);
    (void)snprintf(name, BACKUP_NAME_BYTES, TREE "/%.2s/%s", hex, hex + 2);
}

bool backup_tree_hash(const char *name, st_hash *out_hash)
{
    char hex[65] = "";
    const size_t head = strlen(TREE) + 1;
    if (strncmp(name, TREE "/", head) != 0 || strlen(name) != head + 65 || name[head + 2] != '/')
        return false;
    memcpy(hex, name + head, 2);
    memcpy(hex + 2, name + head + 3, 62);
    return st_unhex(hex, 64, out_hash->b, sizeof out_hash->b);
}

static st_err make_below(const char *dir, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    return err == ST_OK ? store_dir_make(path, error) : err;
}

/* The folder of NAME below `to`, made when it is not there. */
static st_err make_parents(const char *to, const char *name, st_error *error)
{
    char parent[BACKUP_NAME_BYTES];
    st_err err = make_below(to, TREE, error);
    (void)snprintf(parent, sizeof parent, "%.*s", (int)strlen(TREE) + 3, name);
    return err == ST_OK ? make_below(to, parent, error) : err;
}

/* Whole under its name or not there; instead of what has the name. Its name is not durable yet. */
static st_err write_piece(const char *to, const char *name, const st_buffer *bytes,
                          st_error *error)
{
    char fresh[BACKUP_NAME_BYTES + 8], a[STORE_PATH_BYTES], b[STORE_PATH_BYTES];
    (void)snprintf(fresh, sizeof fresh, "%s.new", name);
    st_err err = make_parents(to, name, error);
    if (err == ST_OK)
        err = backup_write_file(to, fresh, bytes, error);
    if (err == ST_OK)
        err = store_dir_path(to, fresh, a, error);
    if (err == ST_OK)
        err = store_dir_path(to, name, b, error);
    if (err == ST_OK && rename(a, b) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", b, strerror(errno));
    return err;
}

/* ---- to a backup ---- */

typedef struct {
    const backup_source *source;
    piece_folder *folder;
    int below;                 /* first byte of the names whose folder is not durable yet; -1 */
} tree_copy;

/* The names in the folder that was under way; also those that a backup left that was cut off. */
static st_err sync_below(tree_copy *copy, st_error *error)
{
    char name[BACKUP_NAME_BYTES], path[STORE_PATH_BYTES];
    if (copy->below < 0)
        return ST_OK;
    (void)snprintf(name, sizeof name, TREE "/%02x", (unsigned)copy->below);
    copy->below = -1;
    st_err err = store_dir_path(copy->folder->dir, name, path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
}

static st_err list_piece(piece_folder *folder, const st_hash *hash, uint64_t bytes,
                         st_error *error)
{
    backup_file file;
    memset(&file, 0, sizeof file);
    file.hash = *hash;
    file.bytes = bytes;
    name_of(hash, file.name);
    return backup_manifest_add(folder->manifest, folder->arena, &file, error);
}

/* From the data folder into the backup, where it is not good. */
static st_err copy_piece(tree_copy *copy, const st_hash *hash, st_buffer *bytes, st_error *error)
{
    char name[BACKUP_NAME_BYTES];
    name_of(hash, name);
    st_err err = chunks_get(copy->source->dir, hash, bytes, error);
    if (err == ST_OK)
        err = write_piece(copy->folder->dir, name, bytes, error);
    if (err == ST_OK)
        copy->folder->written += bytes->len;
    return err;
}

/* A piece of the data folder: what is good in the backup stays. One that is good nowhere is in the
 * list all the same, so that a check says so. */
static st_err take_piece(void *context, const st_hash *hash, uint64_t bytes, st_error *error)
{
    tree_copy *copy = context;
    st_buffer piece;
    st_err err = copy->below == hash->b[0] ? ST_OK : sync_below(copy, error);
    st_buffer_init(&piece, PIECE_FILE_BYTES);
    if (err == ST_OK)
        err = chunks_get(copy->folder->dir, hash, &piece, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        err = copy_piece(copy, hash, &piece, error);
    if (err == ST_OK)
        copy->below = hash->b[0];
    bool is_gone = err == ST_E_NOT_FOUND;      /* collected in the meantime */
    bool is_bad = err == ST_E_CORRUPT;
    copy->folder->bad += is_bad;
    if (err == ST_OK || is_bad)
        err = list_piece(copy->folder, hash, is_bad ? bytes : piece.len, error);
    st_buffer_free(&piece);
    progress_add(copy->folder->progress, 1);
    return is_gone ? ST_OK : err;
}

/* A piece that the list before names and that is not in the data folder: erased, or lost there. */
static st_err keep_piece(tree_copy *copy, const st_hash *hash, st_error *error)
{
    bool is_there = true, is_gone = false;
    chunks_state state = CHUNKS_MISSING;
    uint64_t len = 0;
    st_err err = chunks_is_there(copy->source->dir, hash, &is_there, error);
    if (err == ST_OK && !is_there)
        err = have_is_gone(copy->source->txn, hash, &is_gone, error);
    if (err != ST_OK || is_there || is_gone)
        return err;
    err = chunks_check(copy->folder->dir, hash, &state, &len, error);
    if (err == ST_OK && state == CHUNKS_WHOLE)
        return list_piece(copy->folder, hash, len, error);
    copy->folder->bad += err == ST_OK;
    return err;
}

st_err backup_tree_copy(const backup_source *source, piece_folder *folder, st_error *error)
{
    tree_copy copy = { source, folder, -1 };
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < source->before->files_count; i++) {
        st_hash hash;
        if (backup_tree_hash(source->before->files[i].name, &hash))
            err = keep_piece(&copy, &hash, error);
    }
    if (err == ST_OK)
        err = chunks_each(source->dir, take_piece, &copy, error);
    return err == ST_OK ? sync_below(&copy, error) : err;
}

/* ---- and back ---- */

/* out_lost: it is not in the backup, or is not what its name says, or its disk does not give it. Of
 * a machine that has no descriptor or memory left none of that is known: that is an error. */
static st_err restore_piece(const char *from, const st_hash *hash, const char *to, bool *out_lost,
                            st_error *error)
{
    char name[BACKUP_NAME_BYTES];
    st_buffer bytes;
    name_of(hash, name);
    st_buffer_init(&bytes, PIECE_FILE_BYTES);
    st_err err = chunks_get(from, hash, &bytes, error);
    *out_lost = err == ST_E_NOT_FOUND || err == ST_E_CORRUPT || err == ST_E_STORAGE;
    if (err == ST_OK)
        err = write_piece(to, name, &bytes, error);
    st_buffer_free(&bytes);
    return *out_lost ? ST_OK : err;
}

/* Every folder that may have got a name. */
static st_err sync_tree(const char *to, st_error *error)
{
    char name[BACKUP_NAME_BYTES], path[STORE_PATH_BYTES];
    st_err err = ST_OK;
    for (unsigned i = 0; err == ST_OK && i < 256; i++) {
        (void)snprintf(name, sizeof name, TREE "/%02x", i);
        err = store_dir_path(to, name, path, error);
        if (err == ST_OK && access(path, F_OK) == 0)
            err = store_dir_sync(path, error);
    }
    return err;
}

st_err backup_tree_restore(const char *from, const backup_manifest *manifest, const char *to,
                           const backup_tree_how *how, st_error *error)
{
    st_err err = ST_OK;
    progress_begin(how->progress, PROGRESS_FILES, 0);
    for (size_t i = 0; err == ST_OK && i < manifest->files_count; i++) {
        st_hash hash;
        bool is_lost = false;
        if (!backup_tree_hash(manifest->files[i].name, &hash))
            continue;
        err = restore_piece(from, &hash, to, &is_lost, error);
        if (err == ST_OK && is_lost)
            how->lost(how->context, manifest->files[i].name);
        progress_add(how->progress, 1);
    }
    return err == ST_OK ? sync_tree(to, error) : err;
}

/* ---- the folder ---- */

#define SCRATCH ".check."

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

st_err backup_make_scratch(const char *dir, char out_path[STORE_PATH_BYTES], st_error *error)
{
    st_err err = store_dir_path(dir, SCRATCH "XXXXXX", out_path, error);
    if (err == ST_OK && mkdtemp(out_path) == NULL)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", out_path, strerror(errno));
    return err;
}

void backup_remove_scratch(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static st_err remove_left(const char *dir, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    if (err == ST_OK && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        err = st_fail(error, ST_E_STORAGE,
                      "%s: of a check that was cut off; it holds the book and its keys, and cannot "
                      "be removed: %s", path, strerror(errno));
    return err;
}

/* What checks that were killed left. */
static st_err remove_all_left(const char *dir, st_error *error)
{
    st_err err = ST_OK;
    struct dirent *entry = NULL;
    DIR *open = opendir(dir);
    if (open == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", dir, strerror(errno));
    do {
        errno = 0;
        entry = readdir(open);
        if (entry != NULL && strncmp(entry->d_name, SCRATCH, strlen(SCRATCH)) == 0)
            err = remove_left(dir, entry->d_name, error);
    } while (err == ST_OK && entry != NULL);
    if (err == ST_OK && errno != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", dir, strerror(errno));
    (void)closedir(open);
    return err;
}

st_err backup_take_folder(const char *dir, int *out_fd, st_error *error)
{
    char version[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "store.version", version, error);
    if (err == ST_OK && access(version, F_OK) == 0)
        return st_fail(error, ST_E_EXISTS, "%s: is the data folder of a book", dir);
    if (err == ST_OK)
        err = store_dir_lock(dir, out_fd, error);
    if (err == ST_E_BUSY)
        return st_fail(error, ST_E_BUSY, "%s: another backup or check works in it", dir);
    if (err == ST_OK)
        err = remove_all_left(dir, error);
    return err;
}

static bool is_ours(const char *name)
{
    static const char *const OURS[] = { "lock",   "log", "tables", "keys", "chunks",
                                        "backup.txt.new" };
    for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++)
        if (strcmp(name, OURS[i]) == 0)
            return true;
    return name[0] == 'k' && strlen(name) == 13 && strspn(name + 1, "0123456789") == 12;
}

st_err backup_is_unfinished(const char *dir, bool *out_is, st_error *error)
{
    const char *name = NULL;
    bool ours = true;
    DIR *open = opendir(dir);
    if (open == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", dir, strerror(errno));
    st_err err = ST_OK;
    do {
        err = store_dir_next(open, dir, &name, error);
        ours = err == ST_OK && (name == NULL || is_ours(name));
    } while (ours && name != NULL);
    (void)closedir(open);
    *out_is = ours;
    return err;
}
