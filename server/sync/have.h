/* server/sync/have.h - attachments: which pieces does a record name, which are on disk. */
#ifndef SOTAY_SERVER_SYNC_HAVE_H
#define SOTAY_SERVER_SYNC_HAVE_H

#include "server/store/chunks.h"
#include "server/sync/read.h"
#include "server/sync/writer.h"

/* Hashes that a record names, ascending, each once. */
typedef struct {
    const st_hash *hashes;
    size_t count;
} have_named;

/* All pieces of all attachments of a record, dropped items too. Memory from the arena.
 * ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err have_named_by(sync_room *room, const st_record *record, st_arena *arena,
                                 have_named *out_named, st_error *error);

/* Answers one frame: stores the pieces that come with it and that the record names, then says what
 * is missing and unknown of the hashes asked, and whether something was left out because the device
 * has as much here as it may. part: a name of its own (server/store/chunks.h). Outside any
 * transaction. The answer lives in the arena. ST_E_STORAGE: nothing is acknowledged. */
typedef struct {
    const auth_device *device; /* who asks */
    const char *part;
    st_arena *arena;
    writer *writer;            /* for what comes; NULL: nothing does */
} have_asker;
/* See have_asker. */
ST_MUST_USE st_err sync_have(sync_room *room, const have_asker *asker, const st_have_ask *ask,
                             st_have_answer *out_answer, st_error *error);

/* What the asker may read now: nothing of a record that is not there, or whose bucket is not his.
 * The list lives in his arena. Outside any transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err have_readable(sync_room *room, const have_asker *asker, const st_id *record,
                                 have_named *out_named, st_error *error);
bool have_is_named(const have_named *named, const st_hash *hash);

/* Stores a piece that somebody carried, when its record names it, or a change of the record in the
 * log that is held or of another branch, and it fits into what the device that attached it may have
 * here: *out_taken. So is one that nothing names any more since it was destroyed, or since the
 * office declined what named it, but that one is thrown away: its carrier is to drop it. And
 * one whose bytes are here by another record: it may be that record's other name. Its hash is that
 * of its bytes. Outside any transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err have_keep_carried(writer *w, const st_id *record, const chunks_piece *piece,
                                     bool *out_taken, st_error *error);
/* Is the path, as st_path_encode writes it, that of the hashes of an attachment? form may be
 * NULL. */
bool have_is_hashes(const st_form *form, const uint8_t *path, size_t len);
/* Was the piece destroyed because what named it was erased? ST_E_STORAGE. */
ST_MUST_USE st_err have_is_gone(store_txn *txn, const st_hash *hash, bool *out_gone,
                                st_error *error);
/* Each piece that was destroyed because what named it was erased; it may have come again since.
 * ST_E_STORAGE, ST_E_CORRUPT. */
typedef void (*have_gone)(void *context, const st_hash *hash);
ST_MUST_USE st_err have_gone_each(store_txn *txn, have_gone each, void *context, st_error *error);
/* Removes the pieces that no record and no held change names, and notes that for backups: what
 * named them was erased. In the writer's turn, so that no record that names one comes meanwhile.
 * ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err have_forget(sync_room *room, store_txn *txn, const have_named *pieces,
                               st_error *error);

/* What is there of the attachments of the whole book. Wrong pieces are said, one line each
 * ("attachment of RECORD: ..."), until `say` returns false. Inside the caller's transaction. */
typedef struct {
    uint64_t attachments;      /* items that name pieces */
    uint64_t incomplete;       /* of these: a piece is not here yet */
    uint64_t wrong;            /* pieces on disk that are not what their name says */
} have_report;
typedef bool (*have_say)(void *context, const char *line);
/* See have_report. */
ST_MUST_USE st_err have_check(sync_room *room, store_txn *txn, have_say say, void *context,
                              have_report *out_report, st_error *error);

#endif
