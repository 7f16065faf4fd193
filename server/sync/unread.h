/* server/sync/unread.h - what a printer asks for in the midst of its line, a name or a moment,
 * cannot answer with an error. It is noted here, and whoever printed looks at it before the answer
 * is given: what could not be read must not look like what is not there. */
#ifndef SOTAY_SERVER_SYNC_UNREAD_H
#define SOTAY_SERVER_SYNC_UNREAD_H

#include "proto/err.h"

/* Zeroed: all was read. Of each kind the first is kept, with its words. */
typedef struct {
    st_error failed;           /* of a call: the next try may read it */
    st_error damaged;          /* it makes no sense: the rest is shown, and this is said */
} sync_unread;

/* Notes err with the words of *why. What is not in the book is nothing to note. */
void sync_note_unread(sync_unread *unread, st_err err, const st_error *why);
/* ST_OK, or that of a call that failed: "WHAT cannot be read: why". */
ST_MUST_USE st_err sync_check_unread(const sync_unread *unread, const char *what, st_error *error);

#endif
