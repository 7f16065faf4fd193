/* client-lib/src/renew.h - sets that lie sealed here as they were (closed.h), though a value of
 * them was erased since: the server gives what is left of them. Source: docs/protocol.md 7.16.
 *
 * RENEW     set_hash 32; of a set in CLOSED, until what is left of it has come */
#ifndef SOTAY_CLIENT_RENEW_H
#define SOTAY_CLIENT_RENEW_H

#include "client-lib/src/exchange.h"
#include "proto/erase.h"

/* An erasure names a value of this set: when it lies sealed here it is owed from now on, and
 * *out_owed is set. Inside the caller's write transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err renew_owe(sotay_client *client, const st_erasure *one, bool *out_owed,
                             st_error *error);
/* Names those that are owed in the request, as many as one may name, from behind those that the
 * last one named; without a role, of all that lie sealed. The list lives as long as the round.
 * Inside a transaction. */
ST_MUST_USE st_err renew_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* From now on nobody says what was erased: what lies sealed is asked for in this sync already.
 * Inside the open write transaction. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err renew_shut_out(sotay_sync *sync, st_error *error);
/* The answer is whole: the next request begins behind them. */
void renew_end(sotay_sync *sync);
/* What is left of one comes. What was not asked for, or is not kept under this name, is left alone.
 * Inside the open write transaction. */
ST_MUST_USE st_err renew_take(sotay_sync *sync, const st_parcel *parcel, st_error *error);
/* Is there more that the server is likely to give in this sync? */
bool renew_goes_on(const sotay_sync *sync);

#endif
