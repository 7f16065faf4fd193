/* client-lib/src/draft.h - the working copy: texts as typed, by path, one value per record. */
#ifndef SOTAY_CLIENT_DRAFT_H
#define SOTAY_CLIENT_DRAFT_H

#include "client-lib/src/edit.h"

typedef struct {
    sotay_pair *pairs; /* arena; an empty value clears its field */
    size_t count;
} draft_copy;

/* Empty when there is none. Inside a transaction. */
ST_MUST_USE st_err draft_get(book_db *book, const st_id *record, st_arena *arena,
                             draft_copy *out_copy, st_error *error);
/* Makes the working copy's fields operations of the change in the making; it goes with its save.
 * ST_E_VALUE names the path. */
ST_MUST_USE st_err draft_take(edit *e, st_error *error);
/* Commits every working copy that passes, one transaction each; leaves the others behind. Called
 * again after ST_PENDING goes on. */
ST_MUST_USE st_err draft_commit_all(sotay_client *client, st_error *error);
/* How many records have one. */
ST_MUST_USE st_err draft_count(book_db *book, uint64_t *out_count, st_error *error);

#endif
