/* client-lib/src/delivered.h - what this phone gave to the server and nobody could bring again:
 * sets and pieces that it carried sealed, states that it showed to the office. Each row stays until
 * a backup has it; a server that was put back gets it once more. Source: docs/protocol.md 7.9.
 *
 * DELIVERED  position be64 (0: not said yet), the key it had -> the value it had */
#ifndef SOTAY_CLIENT_DELIVERED_H
#define SOTAY_CLIENT_DELIVERED_H

#include "client-lib/src/client.h"

/* All of them inside the caller's transaction. */

/* The row leaves its table and is kept here. `position`: a backup with so many entries has it;
 * 0: one with more entries than the log has when the next answer ends. No such row: nothing. */
ST_MUST_USE st_err delivered_keep(sotay_client *client, const book_key *key, uint64_t position,
                                  st_error *error);
/* An answer has ended, and the log had `entries` (0: not said). What is covered goes. */
ST_MUST_USE st_err delivered_end(sotay_client *client, uint64_t entries, st_error *error);
/* A new epoch: what lies beyond the cut is in its table again, but what a newer row stands for
 * there. */
ST_MUST_USE st_err delivered_turn(sotay_client *client, uint64_t cut, st_error *error);
/* One row, `at` in DELIVERED, the same. */
ST_MUST_USE st_err delivered_back(sotay_client *client, const book_key *at, st_error *error);
/* Those that no backup is known to have, but for receipts: they speak of this store alone. */
ST_MUST_USE st_err delivered_count(sotay_client *client, uint64_t *out_count, st_error *error);
/* The next row; scan from book_key_of(BOOK_DELIVERED), its key is scan->at. *out_key: the key it
 * had. ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err delivered_next(sotay_client *client, book_scan *scan, book_key *out_key,
                                  st_error *error);

#endif
