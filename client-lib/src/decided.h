/* client-lib/src/decided.h - what the office had decided on held changes, in a part of the log that
 * a new epoch lost: told to it, so that it can decide the same again. docs/protocol.md 7.9.
 *
 * DECIDED  device, counter be64 of the change -> record 16, kind 1, ms since 1970 be64, reason */
#ifndef SOTAY_CLIENT_DECIDED_H
#define SOTAY_CLIENT_DECIDED_H

#include "client-lib/src/exchange.h"

/* All of them inside the caller's transaction. */

/* A new epoch: decisions that the history here has beyond the cut are to be told. Before the
 * history goes. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err decided_turn(sotay_client *client, uint64_t cut, st_error *error);
/* As many as one request tells. The same errors. */
ST_MUST_USE st_err decided_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* The server has noted so many of them: they stay until a backup has them (delivered.h). */
ST_MUST_USE st_err decided_noted(sotay_sync *sync, uint32_t count, st_error *error);
/* More are to be told, and the server takes them. */
bool decided_goes_on(const sotay_sync *sync);

#endif
