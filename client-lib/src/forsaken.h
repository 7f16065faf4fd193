/* client-lib/src/forsaken.h - checkpoints that this phone held and that the log of a new epoch does
 * not go on from: signed by the log's key, so they are evidence, kept for good. A restore that is
 * honest leaves one as well. Source: docs/protocol.md 9.1.
 *
 * FORSAKEN  n be64, from 0 -> what was held, what came instead, cut be64, ms since 1970 be64 */
#ifndef SOTAY_CLIENT_FORSAKEN_H
#define SOTAY_CLIENT_FORSAKEN_H

#include "client-lib/src/exchange.h"

/* cut: up to there the new epoch says that the log is the same. A size that is not beyond it is
 * a log that was rewritten. */
typedef struct {
    witness_head held, shown;
    uint64_t cut;
    int64_t at_ms; /* when, by our clock */
} forsaken_end;

/* In an arena, from the first. */
typedef struct {
    forsaken_end *list;
    size_t count;
} forsaken_ends;

/* Keeps the checkpoint of client->next, and what is shown instead; once, however often it is shown.
 * Inside the open write transaction. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err forsaken_keep(sotay_sync *sync, const witness_head *shown, st_error *error);
/* Shows the next one that the office has not seen in this epoch. Inside a transaction. Errors as
 * above. */
ST_MUST_USE st_err forsaken_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* All of them, inside a transaction. Errors as above. */
ST_MUST_USE st_err forsaken_read(sotay_client *client, st_arena *arena, forsaken_ends *out,
                                 st_error *error);

/* Key of `status`: "forsaken":[...]. */
void forsaken_json(const forsaken_ends *all, int offset_minutes, st_json *json);
/* Lines of `status`, one for each. */
ST_MUST_USE st_err forsaken_text(const sotay_client *client, const forsaken_ends *all,
                                 st_buffer *out, st_error *error);

#endif
