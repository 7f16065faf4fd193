/* client-lib/src/witness.h - this phone as a witness of the log: it keeps the newest checkpoint,
 * moves on only when the next continues it, and confirms what it saw with a key of its own. */
#ifndef SOTAY_CLIENT_WITNESS_H
#define SOTAY_CLIENT_WITNESS_H

#include "client-lib/src/exchange.h"

/* What a request says of it: the checkpoint that is held, and once for each that it was seen.
 * ST_E_MEMORY. */
ST_MUST_USE st_err witness_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* The log of the same epoch does not go on from what its key signed: the server may have been put
 * back without knowing it. What is held proves it to him. */
bool witness_is_forsaken(const identity *me);
/* Since the one that is held was taken, a log that does not go on from it was shown, in that epoch
 * or a later one: how far the log goes that answers now, it does not say. */
bool witness_is_of_another(const identity *me);
/* Does the entry lie behind the checkpoint that is held? Then what said that it is there came in an
 * answer without its end, and the store may have been put back since. */
bool witness_is_beyond(const identity *me, uint64_t entry);
/* A new epoch was announced: up to the entry `cut` the log is said to be the one of before. */
void witness_turn(identity *next, uint64_t cut);
/* Takes the checkpoint of an answer. One that does not continue what is held is kept beside it, as
 * evidence, and the report says that a person is needed; all else goes on. ST_E_SIGNATURE: the
 * log's key has not signed it. */
ST_MUST_USE st_err witness_take(sotay_sync *sync, const st_end *end, st_error *error);
/* One checkpoint, with the log's signature. */
void witness_head_json(const witness_head *head, st_json *json);
/* Writes "checkpoint" and "log_alarm" of sync and status. */
void witness_json(const identity *me, int offset_minutes, st_json *json);

#endif
