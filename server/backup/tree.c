/* server/backup/tree.c - files named by their content, to a backup and back.
 * Promises: a file that is there with its size is not copied again; a name is only made when its
 * bytes are on disk. */
#include "server/backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/dir.h"

#define TREE "chunks"

static bool is_plain(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) <= 64;
}

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
    if (err != ST_OK || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return err;                            /* collected in the meantime */
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

static st_err copy_folder(const char *dir, piece_folder *folder, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES], below[BACKUP_NAME_BYTES];
    const struct dirent *entry = NULL;
    st_err err = store_dir_path(dir, name, path, error);
    DIR *open = err == ST_OK ? opendir(path) : NULL;
    if (open == NULL)
        return err;
    err = make_below(folder->dir, name, error);
    while (err == ST_OK && (entry = readdir(open)) != NULL) {
        if (!is_plain(entry))
            continue;
        (void)snprintf(below, sizeof below, "%.30s/%.64s", name, entry->d_name);
        err = copy_one(dir, folder, below, error);
        progress_add(folder->progress, 1);
    }
    (void)closedir(open);
    if (err == ST_OK)
        err = store_dir_path(folder->dir, name, path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
}

st_err backup_tree_copy(const char *dir, piece_folder *folder, st_error *error)
{
    char path[STORE_PATH_BYTES], below[BACKUP_NAME_BYTES];
    const struct dirent *entry = NULL;
    st_err err = store_dir_path(dir, TREE, path, error);
    DIR *open = err == ST_OK ? opendir(path) : NULL;
    if (open == NULL)
        return err;
    err = make_below(folder->dir, TREE, error);
    while (err == ST_OK && (entry = readdir(open)) != NULL) {
        if (!is_plain(entry))
            continue;
        (void)snprintf(below, sizeof below, TREE "/%.20s", entry->d_name);
        err = copy_folder(dir, folder, below, error);
    }
    (void)closedir(open);
    if (err == ST_OK)
        err = store_dir_path(folder->dir, TREE, path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
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

bool backup_is_unfinished(const char *dir)
{
    static const char *const OURS[] = { "lock",   "log", "tables", "keys", "chunks",
                                        "backup.txt.new" };
    const struct dirent *entry = NULL;
    DIR *open = opendir(dir);
    bool ours = open != NULL;
    while (ours && (entry = readdir(open)) != NULL) {
        bool known = entry->d_name[0] == '.';
        for (size_t i = 0; i < sizeof OURS / sizeof OURS[0] && !known; i++)
            known = strcmp(entry->d_name, OURS[i]) == 0;
        ours = known;
    }
    if (open != NULL)
        (void)closedir(open);
    return ours;
}
