/* client-lib/src/outside.h - a record that is not in the book although this device has what was
 * written of it: the office declined the change that makes it. Read from the history; nothing of it
 * is kept besides, and with the history it goes. */
#ifndef SOTAY_CLIENT_OUTSIDE_H
#define SOTAY_CLIENT_OUTSIDE_H

#include "client-lib/src/overlay.h"

/* When neither the base nor work that waits makes the record of *view: the view becomes that of the
 * declined changes, as they would stand if they had been let in, with the office's reason;
 * view->has_own then says that the person of this store made it. Left as it is when there are none.
 * All memory in the arena; inside a transaction. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err outside_fold(sotay_client *client, overlay_view *view, st_arena *arena,
                                st_error *error);

/* Of the newest declined change that the person of this store made of a record: the office's
 * words, in the arena. */
typedef struct {
    bool is_here; /* what was written can be read here */
    const char *reason; /* NULL: not known here */
    size_t reason_len;
} outside_words;
/* ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err outside_reason(sotay_client *client, const st_id *record, st_arena *arena,
                                  outside_words *out_words, st_error *error);

#endif
