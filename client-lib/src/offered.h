/* client-lib/src/offered.h - pieces of files that are carried for others, and that the server did
 * not take when they were offered: they wait for what names them, and are not sent whole in every
 * sync.
 *
 * OFFERED  the key of the parcel -> how often it was left u8, syncs until it goes again u8 */
#ifndef SOTAY_CLIENT_OFFERED_H
#define SOTAY_CLIENT_OFFERED_H

#include "client-lib/src/exchange.h"

/* All of them inside the caller's transaction; `key` is that of a row of PARCEL. ST_E_STORAGE,
 * ST_E_MEMORY, ST_E_CORRUPT. */

/* Does it go along with this request? Sets do, pieces never over a metered line; one that was left
 * once, twice, more often goes with every second, fourth, eighth sync, and with sets of others,
 * which may name it. */
ST_MUST_USE st_err offered_goes(sotay_sync *sync, const book_key *key, bool *out_goes,
                                st_error *error);
/* It is in this request. */
ST_MUST_USE st_err offered_sent(sotay_sync *sync, const book_key *key, st_error *error);
/* The answer has ended: what the request brought and is here still was left, and what was held back
 * is a sync nearer to its turn. */
ST_MUST_USE st_err offered_end(sotay_sync *sync, st_error *error);
/* It was taken. */
ST_MUST_USE st_err offered_forget(sotay_client *client, const book_key *key, st_error *error);

#endif
