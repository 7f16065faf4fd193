/* server/backup/restore.c - a backup to a data folder, and the check of one by doing just that.
 * Promises: nothing is loaded whose hash is not the one that was written; a folder is a store only
 * when everything is in it; a piece of a file that is lost stops nothing else. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/backup/backup.h"
#include "server/backup/pieces.h"
#include "server/backup/tree.h"
#include "server/store/dir.h"
#include "server/sync/address.h"
#include "server/sync/epoch.h"
#include "server/sync/log_key.h"

#define ARENA_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Every file but the pieces of files, read and hashed; those of tables and log also into the store
 * (NULL: only read). */
static st_err load_files(const char *from, const backup_manifest *manifest, store *s,
                         progress *how, st_error *error)
{
    st_buffer bytes;
    st_err err = ST_OK;
    st_buffer_init(&bytes, PIECE_FILE_BYTES);
    progress_begin(how, s == NULL ? PROGRESS_READ : PROGRESS_LOAD, manifest->files_count);
    for (size_t i = 0; err == ST_OK && i < manifest->files_count; i++) {
        const backup_file *file = &manifest->files[i];
        bool is_rows = strncmp(file->name, "log/", 4) == 0 ||
                       strncmp(file->name, "tables/", 7) == 0;
        st_hash hash;
        err = backup_tree_hash(file->name, &hash) ? ST_OK : piece_read(from, file, &bytes, error);
        if (err == ST_OK && is_rows && s != NULL)
            err = piece_load(s, &bytes, error);
        progress_add(how, 1);
    }
    if (bytes.data != NULL)
        st_wipe(bytes.data, bytes.len);
    st_buffer_free(&bytes);
    return err;
}

/* The first epoch's row of a book that was made before there was a list, with the key it had. */
static st_err keep_first_epoch(const char *from, server *srv, const backup_manifest *manifest,
                               st_error *error)
{
    store_txn txn = { 0 };
    auth_keys before;
    char keys[STORE_PATH_BYTES];
    st_err err = backup_manifest_keys(manifest, from, keys, error);
    if (err == ST_OK)
        err = auth_keys_read(keys, &before, error);
    if (err == ST_OK)
        err = store_begin(srv->sync.store, STORE_WRITE_TXN, &txn, error);
    memcpy(srv->sync.epoch, manifest->epoch, sizeof srv->sync.epoch);
    if (err == ST_OK)
        err = sync_epoch_first(&txn, &srv->sync, before.device_public, error);
    if (err == ST_OK)
        err = store_commit(&txn, error);
    store_end(&txn);
    auth_keys_wipe(&before);
    return err;
}

typedef struct {
    const char *from;
    const backup_manifest *manifest;
    backup_restore_how *how;
} restore_job;

/* The rows say which key came first: the log is named after that one. */
static st_err check_log(const restore_job *job, server *srv, st_error *error)
{
    store_txn txn = { 0 };
    st_log_keys keys;
    st_err err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_log_keys_settle(&txn, &srv->sync, &srv->keys, &keys, error);
    store_end(&txn);
    if (err == ST_OK && st_id_cmp(&srv->keys.log, &job->manifest->log) != 0)
        err = st_fail(error, ST_E_CORRUPT, "%s: the key is another log's", job->from);
    return err;
}

static void count_lost(void *context, const char *name)
{
    backup_restore_how *how = context;
    how->pieces_lost++;
    if (how->lost != NULL)
        how->lost(how->context, name);
}

static st_err fill(void *context, server *srv, st_error *error)
{
    const restore_job *job = context;
    const rooms_filler *last = job->how->last;
    const backup_tree_how tree = { srv->sync.progress, count_lost, job->how };
    uint64_t entries = 0;
    char keys[STORE_PATH_BYTES];
    st_err err = backup_manifest_keys(job->manifest, job->from, keys, error);
    if (err == ST_OK)
        err = auth_keys_inherit(keys, srv->dir, srv->sync.port, error);
    if (err == ST_OK)
        err = auth_keys_read(srv->dir, &srv->keys, error);
    if (err == ST_OK)
        err = load_files(job->from, job->manifest, srv->sync.store, srv->sync.progress, error);
    if (err == ST_OK)
        err = check_log(job, srv, error);
    if (err == ST_OK)
        err = keep_first_epoch(job->from, srv, job->manifest, error);
    if (err == ST_OK)
        err = rooms_fold(srv, &entries, error);
    if (err == ST_OK && entries != job->manifest->entries)
        err = st_fail(error, ST_E_CORRUPT, "%s: %llu entries instead of %llu", job->from,
                      (unsigned long long)entries, (unsigned long long)job->manifest->entries);
    if (err == ST_OK)
        err = backup_tree_restore(job->from, job->manifest, srv->dir, &tree, error);
    if (err == ST_OK)
        err = backup_manifest_note(srv->dir, job->manifest, error);
    if (err == ST_OK && last != NULL)
        err = last->fill(last->context, srv, error);
    progress_end(srv->sync.progress);
    return err;
}

st_err backup_restore_with(const char *from, const rooms_how *to, backup_restore_how *how,
                           backup_manifest *out_manifest, st_error *error)
{
    st_arena arena;
    backup_manifest manifest;
    memset(&manifest, 0, sizeof manifest);
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = backup_manifest_read(from, &arena, &manifest, error);
    if (err == ST_OK)
        err = load_files(from, &manifest, NULL, to->progress, error); /* before anything is made */
    restore_job job = { from, &manifest, how };
    how->pieces_lost = 0;
    rooms_filler filler = { &job, fill };
    if (err == ST_OK)
        err = rooms_make(to, &filler, error);
    if (err == ST_OK) {
        *out_manifest = manifest;
        out_manifest->files = NULL;
    }
    st_arena_reset(&arena);
    return err;
}

st_err backup_restore(const char *from, const rooms_how *to, backup_manifest *out_manifest,
                      st_error *error)
{
    backup_restore_how how = { .last = NULL };
    return backup_restore_with(from, to, &how, out_manifest, error);
}

/* ---- check ---- */

typedef struct {
    verify_say say;
    void *context;
    uint64_t wrong;
} check_voice;

static void say_lost(void *context, const char *name)
{
    char line[BACKUP_NAME_BYTES + 64];
    check_voice *voice = context;
    (void)snprintf(line, sizeof line, "%s: is missing, or is not what its name says", name);
    voice->wrong++;
    if (voice->say != NULL)
        (void)voice->say(voice->context, line);
}

static st_err verify_scratch(const char *from, const rooms_how *how, check_voice *voice,
                             st_error *error)
{
    backup_manifest manifest;
    server srv;
    verify_report report = { 0 };
    backup_restore_how restored = { .lost = say_lost, .context = voice };
    st_err err = backup_restore_with(from, how, &restored, &manifest, error);
    if (err == ST_OK)
        err = rooms_open(how, &srv, error);
    if (err != ST_OK)
        return err;
    err = sync_verify(&srv.sync, voice->say, voice->context, &report, error);
    rooms_close(&srv);
    voice->wrong += report.wrong;
    return err;
}

static st_err try_restore(server *srv, const char *from, check_voice *voice, st_error *error)
{
    char scratch[STORE_PATH_BYTES];
    st_err err = backup_make_scratch(from, scratch, error);
    if (err != ST_OK)
        return err;
    rooms_how how = { .dir = scratch, .port = srv->sync.port, .progress = srv->sync.progress };
    err = verify_scratch(from, &how, voice, error);
    backup_remove_scratch(scratch);
    return err;
}

/* Does it cover anything of this book? A good one may be of a time that this log left behind. */
static st_err compare(server *srv, const backup_manifest *manifest, backup_verdict *verdict,
                      st_error *error)
{
    store_txn txn = { 0 };
    bool is_part = false;
    verdict->is_other_book = st_id_cmp(&manifest->log, &srv->keys.log) != 0;
    if (verdict->is_other_book)
        return ST_OK;
    st_err err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = backup_is_part(&txn, manifest, &is_part, error);
    store_end(&txn);
    verdict->is_other_past = err == ST_OK && !is_part;
    return err;
}

/* In the folder that was checked, and in the log's figures when all of it is this book's. */
static st_err note_checked(server *srv, const char *from, backup_manifest *manifest,
                           backup_verdict *verdict, st_error *error)
{
    manifest->is_checked = true;
    st_err err = backup_manifest_write(from, manifest, error);
    if (err == ST_OK)
        err = compare(srv, manifest, verdict, error);
    if (err != ST_OK || verdict->is_other_book || verdict->is_other_past)
        return err;
    sync_backup note = { .index = manifest->entries, .is_checked = true };
    memcpy(note.id, manifest->id, sizeof note.id);
    return sync_backup_note(srv->writer, &note, error);
}

/* With the folder taken: what is read stays as it is until it is called good. */
static st_err check_taken(server *srv, const char *from, check_voice *voice,
                          backup_verdict *verdict, st_error *error)
{
    st_arena arena;
    backup_manifest manifest;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = backup_manifest_read(from, &arena, &manifest, error);
    if (err == ST_OK)
        err = try_restore(srv, from, voice, error);
    verdict->wrong = voice->wrong;
    if (err == ST_OK && voice->wrong == 0)
        err = note_checked(srv, from, &manifest, verdict, error);
    st_arena_reset(&arena);
    return err;
}

/* Before anything is made in a folder that is none of ours. */
static st_err must_be_backup(const char *from, st_error *error)
{
    st_arena arena;
    backup_manifest manifest;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = backup_manifest_read(from, &arena, &manifest, error);
    st_arena_reset(&arena);
    return err;
}

st_err backup_check(server *srv, const char *from, verify_say say, void *context,
                    backup_verdict *out_verdict, st_error *error)
{
    int lock = -1;
    check_voice voice = { say, context, 0 };
    backup_verdict verdict = { 0 };
    st_err err = must_be_backup(from, error);
    if (err == ST_OK)
        err = backup_take_folder(from, &lock, error);
    if (err == ST_OK)
        err = check_taken(srv, from, &voice, &verdict, error);
    if (lock >= 0)
        (void)close(lock);
    if (err == ST_OK)
        *out_verdict = verdict;
    return err;
}
