/* client-lib/src/epoch_row.h - the epochs of the book that this store was told of, and the keys of
 * the server's devices in them. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_CLIENT_EPOCH_ROW_H
#define SOTAY_CLIENT_EPOCH_ROW_H

#include "client-lib/src/client.h"
#include "proto/message.h"

/* The key of a device of the server's own in an earlier epoch. ST_E_NOT_FOUND without *error;
 * ST_E_CORRUPT: it may be one that does not open, which the next sync is told again. */
ST_MUST_USE st_err epoch_former_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                                    st_error *error);
/* Is it the server's own device, now or in an earlier epoch? */
ST_MUST_USE st_err epoch_is_servers(sotay_client *client, const st_id *device, bool *out_is,
                                    st_error *error);
/* The same where it decides what is offered, and what goes first, and nothing is believed for it: a
 * damaged key may be that of any device of which nothing here says whose it is. */
ST_MUST_USE st_err epoch_may_be_servers(sotay_client *client, const st_id *device, bool *out_may,
                                        st_error *error);

/* The next one that opens and was signed; scan from book_key_of(BOOK_EPOCH), ascending by n.
 * ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err epoch_row_next(sotay_client *client, book_scan *scan, st_arena *arena,
                                  st_epoch *out, st_error *error);
/* How many rows do not open? Such are dropped, if they are to be, and none is left. */
ST_MUST_USE st_err epoch_rows_look_through(sotay_client *client, bool drops, size_t *out_left,
                                           st_error *error);
/* The key that counted until now stays known. Inside the open write transaction. ST_E_STORAGE. */
ST_MUST_USE st_err epoch_key_keep(sotay_client *client, uint64_t n, const uint8_t server_key[32],
                                  st_error *error);
/* The row too, as the key of the log signed it, which the caller has verified: a server that lost
 * the epoch believes it. Inside the open write transaction. ST_E_STORAGE. */
ST_MUST_USE st_err epoch_row_keep(sotay_client *client, const st_epoch *row, st_error *error);
/* Keeps the epochs that came with the answer: of one that the book loses before the first sync
 * nobody else may tell it. What the key of the log has not signed is left. Inside the same
 * transaction. ST_E_STORAGE. */
ST_MUST_USE st_err epoch_keep_told(sotay_client *client, const st_enrol_answer *answer,
                                   st_error *error);

#endif
