/* client-lib/src/log_key.h - the keys of the log: which one counts, and which ones came before.
 * Source: docs/protocol.md 9.3. */
#ifndef SOTAY_CLIENT_LOG_KEY_H
#define SOTAY_CLIENT_LOG_KEY_H

#include "client-lib/src/exchange.h"

/* Takes the changes that the server names: each the next one, and signed by the key that counts and
 * by the new one. One that is not changes nothing, is kept as evidence, and the report says that a
 * person is needed. Inside the open write transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err log_keys_take(sotay_sync *sync, const st_log_keys_told *told, st_error *error);
/* The log that the answer to an enrolment speaks of. ST_E_SIGNATURE: its key does not follow from
 * the one after which that log is named. */
ST_MUST_USE st_err log_keys_of(const st_enrol_answer *answer, st_id *out_log, st_error *error);
/* Does the answer have the newest key that `me` has of this log in its place: the same one, or one
 * before its own? Else it goes back behind a change that was followed, or names another one. */
bool log_keys_go_on(const st_enrol_answer *answer, const identity *me);
/* Keeps the keys of that answer, in client->next too. Inside the open write transaction. */
ST_MUST_USE st_err log_keys_begin(sotay_client *client, const st_enrol_answer *answer,
                                  st_error *error);
/* All that are known, in a transaction. ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err log_keys_get(sotay_client *client, st_log_keys *out_keys, st_error *error);
/* Writes "log_key_alarm" of sync and status. */
void log_key_json(const identity *me, int offset_minutes, st_json *json);

#endif
