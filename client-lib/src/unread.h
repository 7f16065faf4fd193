/* client-lib/src/unread.h - what a printer asks for in the midst of its line, a name or a moment,
 * cannot answer with an error: it is noted here, and looked at before the answer is given. What
 * could not be read must not look like what is not there. */
#ifndef SOTAY_CLIENT_UNREAD_H
#define SOTAY_CLIENT_UNREAD_H

#include "client-lib/include/sotay.h"
#include "proto/bytes.h"

/* Zeroed: all was read. */
typedef struct {
    st_err failed; /* ST_E_STORAGE, ST_E_MEMORY: the next try may read it */
    bool damaged;  /* it does not open, or makes no sense: the rest is shown, and this is said */
} unread_note;

/* What is not in the store is nothing to note. */
void unread_add(unread_note *note, st_err err);
void unread_join(unread_note *note, const unread_note *other);
/* ST_OK, or that of a call that failed. */
ST_MUST_USE st_err unread_check(const unread_note *note, st_error *error);
/* The same; where something is damaged, says so at the end of a whole answer: the key `unread` of
 * the JSON object, or a line in "vi" or "en". */
ST_MUST_USE st_err unread_say(const unread_note *note, sotay_format format, const char *lang,
                              st_buffer *out, st_error *error);

#endif
