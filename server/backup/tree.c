/* server/backup/tree.c - files named by their content, to a backup and back.
 * Promises: a file that is there with its size is not copied again; a name is only made when its
 * bytes are on disk. */
#include "server/backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/dir.h"

#define TREE "chunks"

static bool has_file(const char *dir, const char *name, off_t bytes)
{
    char path[STORE_PATH_BYTES];
    struct stat st;
    return store_dir_path(dir, name, path, NULL) == ST_OK && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == bytes;
}

/* NAME of `from` to the same name of `to`; whole under its name or not there. */
static st_err copy_file(const char *from, const char *to, const char *name, st_error *error)
{
    char fresh[BACKUP_NAME_BYTES + 8], a[STORE_PATH_BYTES], b[STORE_PATH_BYTES];
    st_buffer bytes;
    st_buffer_init(&bytes, PIECE_FILE_BYTES);
    (void)snprintf(fresh, sizeof fresh, "%s.new", name);
    st_err err = backup_read_file(from, name, &bytes, error);
    if (err == ST_OK)
        err = backup_write_file(to, fresh, &bytes, error);
    if (err == ST_OK)
        err = store_dir_path(to, fresh, a, error);
    if (err == ST_OK)
        err = store_dir_path(to, name, b, error);
    if (err == ST_OK && rename(a, b) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", b, strerror(errno));
    st_buffer_free(&bytes);
    return err;
}

static st_err copy_one(const char *dir, piece_folder *folder, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES];
    struct stat st;
    st_err err = store_dir_path(dir, name, path, error);
    if (err != ST_OK)
        return err;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? ST_OK         /* collected in the meantime */
                               : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ST_OK;
    if (!has_file(folder->dir, name, st.st_size)) {
        err = copy_file(dir, folder->dir, name, error);
        folder->written += (uint64_t)st.st_size;
    }
    return err == ST_OK ? piece_note_file(folder, name, error) : err;
}

static st_err make_below(const char *dir, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    return err == ST_OK ? store_dir_make(path, error) : err;
}

typedef st_err (*copy_below)(const char *dir, piece_folder *folder, const char *name,
                             st_error *error);

/* What lies in NAME, whose folder is open. */
static st_err copy_names(const char *dir, piece_folder *folder, const char *name, DIR *open,
                         copy_below copy, st_error *error)
{
    char below[BACKUP_NAME_BYTES];
    const char *entry = NULL;
    st_err err = store_dir_next(open, name, &entry, error);
    while (err == ST_OK && entry != NULL) {
        (void)snprintf(below, sizeof below, "%.30s/%.64s", name, entry);
        if (strlen(entry) <= 64)
            err = copy(dir, folder, below, error);
        if (err == ST_OK)
            err = store_dir_next(open, name, &entry, error);
    }
    return err;
}

/* What lies in NAME of a data folder; one that is not there, or is none, has nothing. */
static st_err copy_each(const char *dir, piece_folder *folder, const char *name, copy_below copy,
                        st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    if (err != ST_OK)
        return err;
    DIR *open = opendir(path);
    if (open == NULL)
        return errno == ENOENT || errno == ENOTDIR
                   ? ST_OK
                   : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    err = make_below(folder->dir, name, error);
    if (err == ST_OK)
        err = copy_names(dir, folder, name, open, copy, error);
    (void)closedir(open);
    if (err == ST_OK)
        err = store_dir_path(folder->dir, name, path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
}

static st_err copy_counted(const char *dir, piece_folder *folder, const char *name,
                           st_error *error)
{
    st_err err = copy_one(dir, folder, name, error);
    progress_add(folder->progress, 1);
    return err;
}

static st_err copy_folder(const char *dir, piece_folder *folder, const char *name, st_error *error)
{
    return copy_each(dir, folder, name, copy_counted, error);
}

st_err backup_tree_copy(const char *dir, piece_folder *folder, st_error *error)
{
    return copy_each(dir, folder, TREE, copy_folder, error);
}

/* The folder of NAME below `to`, made when it is not there. */
static st_err make_parents(const char *to, const char *name, st_error *error)
{
    char parent[BACKUP_NAME_BYTES];
    st_err err = make_below(to, TREE, error);
    (void)snprintf(parent, sizeof parent, "%s", name);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    return err == ST_OK && strcmp(parent, TREE) != 0 ? make_below(to, parent, error) : err;
}

st_err backup_tree_restore(const char *from, const backup_manifest *manifest, const char *to,
                           progress *how, st_error *error)
{
    st_err err = ST_OK;
    progress_begin(how, PROGRESS_FILES, 0);
    for (size_t i = 0; err == ST_OK && i < manifest->files_count; i++) {
        const char *name = manifest->files[i].name;
        if (strncmp(name, TREE "/", strlen(TREE) + 1) != 0)
            continue;
        err = make_parents(to, name, error);
        if (err == ST_OK)
            err = copy_file(from, to, name, error);
        progress_add(how, 1);
    }
    return err;
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
    return false;
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
