/* client-lib/src/carried.h - what this phone carries for others: sets that it may read, shown over
 * the base until the log brings them; parcels that only the server opens; and what the server said
 * of sets that were carried. Source: docs/protocol.md 7.12.
 *
 * TAKEN     u8 the server has it, set_hash 32, ChangeSet bytes
 * PARCEL    u8 how often the server would not have it, name 32, the sealed bytes
 * RECEIPT   signature 64, body */
#ifndef SOTAY_CLIENT_CARRIED_H
#define SOTAY_CLIENT_CARRIED_H

#include "client-lib/src/overlay.h"
#include "proto/carry.h"
#include "proto/erase.h"

#define CARRIED_RECEIPTS_MAX 4096u

/* All of them inside the caller's transaction. */

/* Takes a set of another device that came in the open. One of a device whose key the catalogue here
 * does not know, or that stands beside another of the same counters, or of a bucket that is not
 * read here, goes on as a parcel. *out_new: it was not known. ST_E_SIGNATURE: its author has not
 * signed it; ST_E_CORRUPT. */
ST_MUST_USE st_err carried_take_set(sotay_client *client, const uint8_t *bytes, size_t len,
                                    bool *out_new, st_error *error);
/* Keeps a parcel, but one of an own set, or of a set that is known here. */
ST_MUST_USE st_err carried_take_parcel(sotay_client *client, const st_parcel *parcel,
                                       bool *out_new, st_error *error);
/* What the server said of a set: of an own one it counts as the verdict; of another one it ends the
 * carrying and is kept for its author. One of another epoch, or that the server's device has not
 * signed, is left. */
ST_MUST_USE st_err carried_take_receipt(sotay_client *client, const st_receipt *receipt,
                                        bool *out_new, st_error *error);

/* What the receipt, or a verdict, is for was taken by hand. Was its bucket read past its place
 * already, no page will bring it: it is kept as if one had (docs/protocol.md 7.12). Inside the
 * write transaction. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err carried_pass(sotay_client *client, const st_receipt *receipt, st_error *error);

/* The server's verdict about a set of another device: it has it, or will never take it. */
ST_MUST_USE st_err carried_verdict(sotay_client *client, const st_id *device,
                                   const st_verdict *verdict, st_error *error);
/* The server has the piece on disk: it is offered no more, and stays until a backup has it. */
ST_MUST_USE st_err carried_piece_taken(sotay_client *client, const st_piece_taken *taken,
                                       st_error *error);
/* The log brings this set: what was taken by hand under its name leaves the overlay. Another branch
 * goes on as a parcel, so that the server gets it and the office sees the fork. */
ST_MUST_USE st_err carried_in_log(sotay_client *client, const st_set *set, st_error *error);
/* The same for what is kept under its name, open or sealed, of a log that a new epoch lost: before
 * the set takes its place. Not for own sets. What does not open is left. ST_E_STORAGE, ST_E_MEMORY,
 * ST_E_CORRUPT. */
ST_MUST_USE st_err carried_put_aside(sotay_client *client, const st_set *in_log, st_error *error);
/* The feed calls this very set a fork: it is carried no further. */
ST_MUST_USE st_err carried_drop(sotay_client *client, const st_set *set, st_error *error);
/* Takes an erased value out of the set that was taken under this name, delivered or not: what is
 * left of it is shown, and offered again to a server that lost it. What is not here, gone already
 * or damaged is no error. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err carried_erase(sotay_client *client, const st_erasure *one, st_error *error);
/* A bucket is not read here any more: its sets go on as parcels. Nor is what does not open, which
 * may be of it: nothing of that is shown until it comes again. */
ST_MUST_USE st_err carried_close_bucket(sotay_client *client, const st_bucket *bucket,
                                        st_error *error);
/* A new epoch: what the server was said to have is offered again; receipts of entries beyond the
 * cut go. */
ST_MUST_USE st_err carried_turn(sotay_client *client, uint64_t cut, st_error *error);

/* Before a sync: what the server said that it has, in an answer that broke off, and that nothing
 * shows to be there, is offered again (docs/protocol.md 7.12). Makes its own transactions;
 * ST_PENDING: called again, it is done. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err carried_offer_missed(sotay_client *client, st_error *error);

/* A set that was taken, under its key in TAKEN: the server is not said to have it any more. */
ST_MUST_USE st_err carried_offer_again(sotay_client *client, const book_key *key, st_error *error);

/* A set taken in the open. Memory of bytes in the arena. */
typedef struct {
    st_id device;
    uint64_t first;
    bool is_delivered; /* the server has it */
    st_hash hash;
    const uint8_t *bytes;
    size_t len;
} carried_set;
/* The next one that opens; scan from book_key_of(BOOK_TAKEN). ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err carried_next_set(sotay_client *client, book_scan *scan, st_arena *arena,
                                    carried_set *out_set, st_error *error);
/* The next parcel that opens; scan from book_key_of(BOOK_PARCEL). ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err carried_next_parcel(sotay_client *client, book_scan *scan, st_arena *arena,
                                       st_parcel *out_parcel, st_error *error);
/* The next receipt of the present epoch; scan from book_key_of(BOOK_RECEIPT). ST_E_NOT_FOUND. */
ST_MUST_USE st_err carried_next_receipt(sotay_client *client, book_scan *scan, st_arena *arena,
                                        st_receipt *out_receipt, st_error *error);
/* One by its name, decoded, for the overlay. ST_E_NOT_FOUND without *error. */
ST_MUST_USE st_err carried_get(sotay_client *client, const st_id *device, uint64_t first,
                               st_arena *arena, st_set *out_set, st_error *error);
/* Sets and parcels. One that does not open any more stays until it comes again, from whoever gave
 * it or with the log. */
typedef struct {
    uint64_t waiting;    /* that the server is not known to have */
    uint64_t unreadable; /* that do not open */
} carried_counts;
ST_MUST_USE st_err carried_count(sotay_client *client, carried_counts *out_counts,
                                 st_error *error);

#endif
