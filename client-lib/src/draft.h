/* client-lib/src/draft.h - the working copy: texts as typed, by path, one value per record,
 * with what the record showed when they were begun. */
#ifndef SOTAY_CLIENT_DRAFT_H
#define SOTAY_CLIENT_DRAFT_H

#include "client-lib/src/edit.h"

/* One field, and what its path showed when the officer began to type: the dots that an edit then
 * replaced, ascending. They stay while he types on; taking the field out forgets them. */
typedef struct {
    const char *path;
    const char *text; /* an empty one clears the field */
    const st_dot *shown;
    uint32_t shown_count;
} draft_pair;

/* All of it lives in the arena. A row of an older store says of no field what was shown: then it
 * replaces nothing, and what stands there is shown beside it. */
typedef struct {
    draft_pair *pairs;
    size_t count;
    const st_under *under; /* the acts that were in force when each field was begun */
    uint32_t under_count;
} draft_copy;

/* Empty when there is none. Inside a transaction. */
ST_MUST_USE st_err draft_get(book_db *book, const st_id *record, st_arena *arena,
                             draft_copy *out_copy, st_error *error);
/* An empty one goes. Inside a transaction. ST_E_TOO_LARGE. */
ST_MUST_USE st_err draft_keep(book_db *book, const st_id *record, const draft_copy *copy,
                              st_error *error);
/* Makes the working copy's fields operations of the change in the making; it goes with its save.
 * ST_E_VALUE names the path. */
ST_MUST_USE st_err draft_take(edit *e, st_error *error);
/* Commits every working copy that passes, one transaction each; leaves the others behind. Called
 * again after ST_PENDING goes on. *out_damaged is set when one of them, or what lies under it, is
 * damaged, and never cleared: it stays as it is, and is tried again the next time. ST_E_STORAGE,
 * ST_E_MEMORY, ST_E_FULL. */
ST_MUST_USE st_err draft_commit_all(sotay_client *client, bool *out_damaged, st_error *error);
/* How many records have one. */
ST_MUST_USE st_err draft_count(book_db *book, uint64_t *out_count, st_error *error);

#endif
