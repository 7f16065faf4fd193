/* server/sync/unread.h - what a printer asks for in the midst of its line, a name or a moment,
 * cannot answer with an error. The first one is kept, and whoever printed looks at it before the
 * answer is given: what could not be read must not look like what is not there. */
#ifndef SOTAY_SERVER_SYNC_UNREAD_H
#define SOTAY_SERVER_SYNC_UNREAD_H

#include <stdbool.h>

#include "proto/err.h"

/* Is it that of a call that failed, so that the next try may read what this one did not? Any other
 * error of a reader says what it read: damage, or what this program does not know. */
static inline bool sync_has_failed(st_err err)
{
    return err == ST_E_STORAGE || err == ST_E_MEMORY;
}

/* Keeps err in *unread, with the words of *why, unless it has one. What is not in the book is no
 * such error. */
void sync_note_unread(st_error *unread, st_err err, const st_error *why);
/* ST_OK, or what was kept: "WHAT cannot be read: why". */
ST_MUST_USE st_err sync_say_unread(const st_error *unread, const char *what, st_error *error);

#endif
