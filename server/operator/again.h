/* server/operator/again.h - what took rights away is said again in a new epoch: after a restore, or
 * when the store was put back. Source: docs/operations.md. */
#ifndef SOTAY_SERVER_OPERATOR_AGAIN_H
#define SOTAY_SERVER_OPERATOR_AGAIN_H

#include "server/rooms.h"

/* Looks through DIR/side/words.again: what this log has already is only kept, the rest is said as
 * on a command line, and `said` is told of it. To be called before phones are let in; without
 * such a file it does nothing. Said is nothing but `device revoke`, `device suspend`,
 * `user disable` and `role LOGIN -ROLE`, whoever wrote the file. What is not said, or does not
 * apply (nobody here has that login), is kept for later; what is so already is noted as known to
 * this log. Nothing while the clock waits.
 * When some fail the others are said, and the file stays: it is looked through again at the next
 * start, and what was said by then is not said once more. Until then no phone is let in, and
 * nothing runs but what operator_call.words_wait lets through. The first error of the verbs, all
 * but ST_E_NOT_FOUND, ST_E_STATE, ST_E_VALUE and ST_E_USAGE, which are answers. */
ST_MUST_USE st_err operator_say_again(server *rooms, const char *lang,
                                      void (*said)(const char *words), st_error *error);

/* The clock does not wait any more: what rooms_open left is done, then this, then phones are let in
 * (clock.c). Nothing when it did not wait, or somebody else has begun. Errors of both. */
ST_MUST_USE st_err operator_begin(server *rooms, const char *lang,
                                  void (*said)(const char *words), st_error *error);

#endif
