/* client-lib/src/epoch_offer.h - what others wrote and is kept here goes back to a book that lost
 * it. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_CLIENT_EPOCH_OFFER_H
#define SOTAY_CLIENT_EPOCH_OFFER_H

#include "client-lib/src/client.h"

typedef struct sotay_sync sotay_sync;

/* A kept set of another device, open or sealed, is to be offered: before the others when that is
 * one of the server's own, or may be, where a key of those is damaged. */
ST_MUST_USE st_err epoch_offer(sotay_client *client, const st_id *device, uint64_t first,
                               st_error *error);
/* A kept set of somebody else that is to be offered: the next one; scan from
 * book_key_of(BOOK_CARRY). *out_first: it goes before the others, as what the server's own devices
 * signed. ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err epoch_next_carried(sotay_client *client, book_scan *scan, st_dot *out_set,
                                      bool *out_first, st_error *error);
/* The server has it, or will never take it. */
ST_MUST_USE st_err epoch_carried(sotay_client *client, const st_id *device, uint64_t first,
                                 st_error *error);

/* The name of the next kept set; scan from book_key_of(BOOK_SET). ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err epoch_next_kept(sotay_client *client, book_scan *scan, st_dot *out_set,
                                   st_error *error);
/* Offers what is kept of others and came with an entry beyond `cut`, and that of which no history
 * says with which. Inside the open write transaction. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err epoch_offer_others(sotay_client *client, uint64_t cut, st_error *error);
/* Does this request bring what one of the server's devices signed? */
ST_MUST_USE st_err epoch_brings_papers(sotay_sync *sync, bool *out_brings, st_error *error);

#endif
