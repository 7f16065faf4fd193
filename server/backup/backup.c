/* server/backup/backup.c - makes a backup.
 * Promises: one moment of the book, taken while it works; what was in the folder stays good until
 * the new list of files has its name. Must never delete a file that the present list names. */
#include "server/backup/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/backup/pieces.h"
#include "server/backup/tree.h"
#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/sync/address.h"
#include "server/store/chunks.h"
#include "server/sync/erase.h"
#include "server/sync/have.h"

#define ARENA_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define KEY_FILES       8u

/* One backup on its way. */
typedef struct {
    server *srv;
    const char *to;
    int lock;
    st_arena arena;
    bool has_before;
    backup_manifest before, now;
    store_txn txn;
    piece_folder folder;
    char keys[40]; /* where they lie in the folder */
    st_err gone_err;           /* of the removing of erased files */
    st_error gone_error;
} backup_job;

/* ---- the folder ---- */

static st_err make_folder(const backup_job *job, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(job->to, name, path, error);
    return err == ST_OK ? store_dir_make(path, error) : err;
}

static st_err must_be_free(const char *to, st_error *error)
{
    bool is_free = false;
    st_err err = backup_is_unfinished(to, &is_free, error);
    return err != ST_OK || is_free
               ? err
               : st_fail(error, ST_E_EXISTS, "%s: holds something that is no backup", to);
}

static st_err make_folders(backup_job *job, st_error *error)
{
    if (store_dir_is_inside(job->to, job->srv->dir))
        return st_fail(error, ST_E_VALUE, "%s: lies in the folder of the book; what is lost with "
                       "the book is no backup of it", job->to);
    st_err err = store_dir_make(job->to, error);
    if (err == ST_OK)
        err = backup_take_folder(job->to, &job->lock, error);
    if (err == ST_OK)
        err = backup_manifest_read(job->to, &job->arena, &job->before, error);
    job->has_before = err == ST_OK;
    if (err == ST_E_NOT_FOUND)
        err = must_be_free(job->to, error);
    if (err == ST_OK)
        err = make_folder(job, "log", error);
    return err == ST_OK ? make_folder(job, "tables", error) : err;
}

/* The leaf hash of an entry; zero for entry 0. */
static st_err leaf_hash(store_txn *txn, uint64_t index, st_hash *out, st_error *error)
{
    store_slice row = { 0 };
    pack_key key = pack_u64(index);
    memset(out, 0, sizeof *out);
    if (index == 0)
        return ST_OK;
    st_err err = store_get(txn, STORE_LEAF, pack_key_slice(&key), &row, error);
    if (err == ST_E_NOT_FOUND || (err == ST_OK && row.len < sizeof out->b))
        return st_fail(error, ST_E_CORRUPT, "log: the leaf of entry %llu is not there",
                       (unsigned long long)index);
    if (err == ST_OK)
        memcpy(out->b, row.data, sizeof out->b);
    return err;
}

st_err backup_is_part(store_txn *txn, const backup_manifest *manifest, bool *out_is,
                      st_error *error)
{
    st_hash leaf;
    uint64_t entries = 0;
    *out_is = false;
    st_err err = sync_log_size(txn, &entries, error);
    if (err != ST_OK || manifest->entries > entries)
        return err;
    err = leaf_hash(txn, manifest->entries, &leaf, error);
    *out_is = err == ST_OK && memcmp(leaf.b, manifest->leaf.b, sizeof leaf.b) == 0;
    return err;
}

/* Are the entries that the folder holds the first ones of this log? */
static st_err check_before(backup_job *job, st_error *error)
{
    bool is_part = false;
    const backup_manifest *before = &job->before;
    if (!job->has_before)
        return ST_OK;
    if (st_id_cmp(&before->log, &job->srv->keys.log) != 0)
        return st_fail(error, ST_E_EXISTS, "%s: holds a backup of another book", job->to);
    st_err err = backup_is_part(&job->txn, before, &is_part, error);
    if (err != ST_OK)
        return err;
    if (!is_part)
        return st_fail(error, ST_E_EXISTS,
                       "%s: holds entries that this book does not have; keep it, and take another "
                       "folder", job->to);
    return ST_OK;
}

/* ---- what goes in ---- */

static void fill_head(backup_job *job)
{
    server *srv = job->srv;
    backup_manifest *now = &job->now;
    const server_port *port = srv->sync.port;
    if (job->has_before)
        memcpy(now->id, job->before.id, sizeof now->id);
    else
        port->random(port->context, now->id, sizeof now->id);
    now->log = srv->keys.log;
    now->commune = srv->sync.commune;
    memcpy(now->epoch, srv->sync.epoch, sizeof now->epoch);
    now->is_practice = srv->is_practice;
    now->time_ms = port->now_ms(port->context);
}

/* Was something erased in the piece since it was written? */
static st_err is_spoiled(backup_job *job, const char *name, uint64_t span[2], bool *out_spoiled,
                         st_error *error)
{
    *out_spoiled = false;
    if (sscanf(name, "log/%" SCNu64 "-%" SCNu64, &span[0], &span[1]) != 2)
        return st_fail(error, ST_E_CORRUPT, "%s: '%.60s' is no name of a piece", job->to, name);
    return sync_erased_in(&job->txn, span[0], span[1], job->before.entries, out_spoiled, error);
}

/* Pieces of the log that the folder holds already go on into the new list, but for those in which
 * something was erased: they are written anew under another name. */
static st_err keep_pieces(backup_job *job, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < job->before.files_count; i++) {
        const backup_file *file = &job->before.files[i];
        uint64_t span[2] = { 0, 0 };
        bool spoiled = false;
        if (strncmp(file->name, "log/", 4) != 0)
            continue;
        err = is_spoiled(job, file->name, span, &spoiled, error);
        if (err == ST_OK && !spoiled)
            err = backup_manifest_add(&job->now, &job->arena, file, error);
        job->folder.again = job->now.entries;
        if (err == ST_OK && spoiled)
            err = piece_write_log(&job->folder, &job->txn, span[0], span[1], error);
        job->folder.again = 0;
    }
    return err;
}

static const backup_file *find_file(const backup_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->files_count; i++)
        if (strcmp(manifest->files[i].name, name) == 0)
            return &manifest->files[i];
    return NULL;
}

/* One key's file: as the list before has it when that is the same, else written anew. `before` is
 * NULL in a folder that was not there. */
static st_err copy_key(backup_job *job, const char *from, const char *name,
                       const backup_file *before, st_error *error)
{
    st_buffer bytes, there;
    st_buffer_init(&bytes, 4096);
    st_buffer_init(&there, 4096);
    st_err err = backup_read_file(job->srv->dir, from, &bytes, error);
    bool same = err == ST_OK && before != NULL &&
                piece_read(job->to, before, &there, NULL) == ST_OK;
    if (err == ST_OK && !same)
        err = backup_write_file(job->to, name, &bytes, error);
    if (err == ST_OK)
        err = piece_note_file(&job->folder, name, error);
    if (bytes.data != NULL)
        st_wipe(bytes.data, bytes.len);
    if (there.data != NULL)
        st_wipe(there.data, there.len);
    st_buffer_free(&bytes);
    st_buffer_free(&there);
    return err;
}

static const char *const KEY_NAMES[KEY_FILES / 2] = { "log", "device", "seal", "recovery" };

static void key_name(unsigned i, const char *below, char name[BACKUP_NAME_BYTES])
{
    (void)snprintf(name, BACKUP_NAME_BYTES, "%.30skeys/%s.%s", below, KEY_NAMES[i / 2],
                   i % 2 == 0 ? "key" : "pub");
}

/* A secret that the service manager lends lies in no folder, and comes into no backup. */
static bool is_lent(const backup_job *job, unsigned i)
{
    return i % 2 == 0 && auth_key_is_lent(job->srv->dir, KEY_NAMES[i / 2]);
}

/* Has the list before every key as it is now, and no other? */
static st_err has_keys(backup_job *job, const char *below, bool *out_has, st_error *error)
{
    char from[BACKUP_NAME_BYTES], name[BACKUP_NAME_BYTES];
    st_buffer bytes;
    st_err err = ST_OK;
    *out_has = true;
    st_buffer_init(&bytes, 4096);
    for (unsigned i = 0; err == ST_OK && *out_has && i < KEY_FILES; i++) {
        key_name(i, "", from);
        key_name(i, below, name);
        st_buffer_clear(&bytes);
        const backup_file *before = find_file(&job->before, name);
        if (is_lent(job, i)) {
            *out_has = before == NULL;
            continue;
        }
        err = backup_read_file(job->srv->dir, from, &bytes, error);
        st_hash hash = st_sha256(bytes.data == NULL ? (const void *)"" : bytes.data, bytes.len);
        *out_has = before != NULL && memcmp(hash.b, before->hash.b, sizeof hash.b) == 0;
    }
    if (bytes.data != NULL)
        st_wipe(bytes.data, bytes.len);
    st_buffer_free(&bytes);
    return err;
}

/* In keys/. A book that has another key since (a new epoch) gets a folder of its own: the list
 * before goes on naming the old ones until the new one has its name. */
static st_err copy_keys(backup_job *job, st_error *error)
{
    char dir[STORE_PATH_BYTES], from[BACKUP_NAME_BYTES], name[BACKUP_NAME_BYTES];
    char below[32] = "";
    bool has = false;
    st_err err = ST_OK;
    if (job->has_before) {
        err = backup_manifest_keys(&job->before, job->to, dir, error);
        if (err == ST_OK && strlen(dir) > strlen(job->to))
            (void)snprintf(below, sizeof below, "%.30s/", dir + strlen(job->to) + 1);
        if (err == ST_OK)
            err = has_keys(job, below, &has, error);
    }
    if (err == ST_OK && job->has_before && !has) {
        (void)snprintf(below, sizeof below, "k%012llu", (unsigned long long)job->now.entries);
        err = make_folder(job, below, error);
        (void)strcat(below, "/");
    }
    (void)snprintf(job->keys, sizeof job->keys, "%skeys", below);
    if (err == ST_OK)
        err = make_folder(job, job->keys, error);
    for (unsigned i = 0; err == ST_OK && i < KEY_FILES; i++) {
        key_name(i, "", from);
        key_name(i, below, name);
        if (is_lent(job, i))
            continue;
        err = copy_key(job, from, name, has ? find_file(&job->before, name) : NULL, error);
    }
    return err;
}

static st_err sync_folders(backup_job *job, st_error *error)
{
    const char *const NAMES[] = { "log", "tables", job->keys };
    char path[STORE_PATH_BYTES];
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        err = store_dir_path(job->to, NAMES[i], path, error);
        if (err == ST_OK)
            err = store_dir_sync(path, error);
    }
    return err;
}

/* The highest number of a file of tables at this size of the log that the list before names. */
static unsigned tables_so_far(const backup_job *job)
{
    unsigned highest = 0;
    for (size_t i = 0; i < job->before.files_count; i++) {
        unsigned long long entries = 0;
        unsigned number = 0;
        if (sscanf(job->before.files[i].name, "tables/%llu-%u", &entries, &number) == 2 &&
            entries == job->now.entries && number > highest)
            highest = number;
    }
    return highest;
}

/* Everything that the new list names, on disk before the list is. */
static st_err write_all(backup_job *job, st_error *error)
{
    uint64_t from = job->has_before ? job->before.entries + 1 : 1;
    const backup_source source = { job->srv->dir, &job->before, &job->txn };
    job->folder = (piece_folder){ .dir = job->to, .manifest = &job->now, .arena = &job->arena,
                                  .progress = job->srv->sync.progress };
    progress_begin(job->folder.progress, PROGRESS_LOG, job->now.entries + 1 - from);
    st_err err = keep_pieces(job, error);
    if (err == ST_OK)
        err = piece_write_log(&job->folder, &job->txn, from, job->now.entries, error);
    if (err == ST_OK)
        err = piece_write_tables(&job->folder, &job->txn, tables_so_far(job), error);
    if (err == ST_OK)
        err = copy_keys(job, error);
    progress_begin(job->folder.progress, PROGRESS_FILES, 0);
    if (err == ST_OK)
        err = backup_tree_copy(&source, &job->folder, error);
    if (err == ST_OK)
        err = sync_folders(job, error);
    return err == ST_OK ? backup_manifest_write(job->to, &job->now, error) : err;
}

static bool may_go(const backup_job *job, const char *name)
{
    return (strncmp(name, "tables/", 7) == 0 || strncmp(name, "log/", 4) == 0 ||
            strstr(name, "keys/") != NULL) &&
           find_file(&job->now, name) == NULL;
}

static st_err remove_unnamed(const char *path, st_error *error)
{
    return unlink(path) == 0 || errno == ENOENT
               ? ST_OK
               : st_fail(error, ST_E_STORAGE, "%s: an old piece stays: %s", path, strerror(errno));
}

/* Tables, keys and pieces of the log of the backup before are not named any more: those held
 * what was erased. One that stays is said: the backup has failed then. A cut must bring none back:
 * no later list names it, so that nobody would remove it. */
static st_err remove_old(const backup_job *job, st_error *error)
{
    char path[STORE_PATH_BYTES], folder[STORE_PATH_BYTES], under_way[STORE_PATH_BYTES] = "";
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < job->before.files_count; i++) {
        const char *name = job->before.files[i].name;
        if (!may_go(job, name))
            continue;
        err = store_dir_path(job->to, name, path, error);
        if (err != ST_OK)
            break;
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        if (under_way[0] != '\0' && strcmp(folder, under_way) != 0)
            err = store_dir_sync(under_way, error);
        memcpy(under_way, folder, sizeof folder);
        if (err == ST_OK)
            err = remove_unnamed(path, error);
    }
    return err == ST_OK && under_way[0] != '\0' ? store_dir_sync(under_way, error) : err;
}

/* A piece of a file that was erased, unless somebody attached it anew. */
static void remove_gone(void *context, const st_hash *hash)
{
    backup_job *job = context;
    bool is_there = true;
    if (chunks_is_there(job->srv->dir, hash, &is_there, &job->gone_error) != ST_OK)
        job->gone_err = ST_E_STORAGE;
    else if (!is_there && chunks_remove(job->to, hash, &job->gone_error) != ST_OK)
        job->gone_err = ST_E_STORAGE;
}

/* When the new list, which does not name them, is on disk. A backup that still held one would not
 * be what the law wants: it has failed. */
static st_err remove_erased(backup_job *job, st_error *error)
{
    st_err err = have_gone_each(&job->txn, remove_gone, job, error);
    return err == ST_OK && job->gone_err != ST_OK
               ? st_fail(error, job->gone_err, "%s", job->gone_error.detail)
               : err;
}

static st_err run(backup_job *job, st_error *error)
{
    st_err err = make_folders(job, error);
    if (err == ST_OK)
        err = store_begin(job->srv->sync.store, STORE_READ_TXN, &job->txn, error);
    if (err == ST_OK)
        err = sync_log_size(&job->txn, &job->now.entries, error);
    if (err == ST_OK)
        err = leaf_hash(&job->txn, job->now.entries, &job->now.leaf, error);
    if (err == ST_OK)
        err = check_before(job, error);
    fill_head(job);
    if (err == ST_OK)
        err = write_all(job, error);
    if (err == ST_OK)
        err = remove_erased(job, error);
    store_end(&job->txn);
    return err == ST_OK ? remove_old(job, error) : err;
}

st_err backup_make(server *srv, const char *to, backup_report *out_report, st_error *error)
{
    backup_job job;
    memset(&job, 0, sizeof job);
    job.srv = srv;
    job.to = to;
    job.lock = -1;
    st_arena_init(&job.arena, ARENA_BYTES_MAX);
    st_err err = run(&job, error);
    if (err == ST_OK && job.folder.bad == 0) { /* else phones go on keeping what they have */
        sync_backup note = { .index = job.now.entries };
        memcpy(note.id, job.now.id, sizeof note.id);
        err = sync_backup_note(srv->writer, &note, error);
    }
    if (err == ST_OK) {
        out_report->manifest = job.now;
        out_report->manifest.files = NULL;
        out_report->entries_new = job.now.entries - (job.has_before ? job.before.entries : 0);
        out_report->bytes_new = job.folder.written;
        out_report->pieces_bad = job.folder.bad;
    }
    progress_end(srv->sync.progress);
    if (job.lock >= 0)
        (void)close(job.lock);
    st_arena_reset(&job.arena);
    return err;
}
