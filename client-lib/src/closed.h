/* client-lib/src/closed.h - change-sets of buckets that are not read here any more: sealed to the
 * key of the server, which alone opens them, and kept until they are covered. Source:
 * docs/protocol.md 7.13.
 *
 * CLOSED    u64 log index that it lies at or before (0: not known to be there), set_hash 32, sealed
 *
 * All of it inside the caller's transaction. */
#ifndef SOTAY_CLIENT_CLOSED_H
#define SOTAY_CLIENT_CLOSED_H

#include "client-lib/src/outbox.h"
#include "proto/carry.h"

/* The bucket is lost, and its base is gone already: what the server has of it, own sets and those
 * of others, is sealed; what is covered goes. Own work that waits or is held stays as it is.
 * read_to: the log was read so far here. *out_kept: so many own sets of it stay. */
ST_MUST_USE st_err closed_bucket(sotay_client *client, const st_bucket *bucket, uint64_t read_to,
                                 uint64_t *out_kept, st_error *error);
/* The same for one own set that the server took in after the bucket was lost; *own is written. */
ST_MUST_USE st_err closed_own(sotay_client *client, outbox_set *own, st_error *error);

/* The sealed one; memory in the arena. ST_E_NOT_FOUND without *error: not sealed, or not kept. */
ST_MUST_USE st_err closed_get(sotay_client *client, const st_id *device, uint64_t first,
                              st_arena *arena, st_parcel *out_parcel, st_error *error);
/* An own set as it goes to the server: in the open, or sealed; memory in the arena.
 * ST_E_NOT_FOUND without *error: it is not here, or does not open. */
ST_MUST_USE st_err closed_frame(sotay_client *client, const outbox_set *own, st_arena *arena,
                                st_frame *out_frame, st_error *error);
/* Is there one? */
ST_MUST_USE st_err closed_is_kept(sotay_client *client, const outbox_set *own, bool *out_kept,
                                  st_error *error);

/* Did the server say of it that it is of another branch, and where it has it? Then it waits no
 * more, and its name is the other branch's; it stays until it is covered. */
bool closed_is_fork(const outbox_set *own);

/* What is left of it after an erasure comes in its place. *out_done false: none is sealed under
 * this name. */
ST_MUST_USE st_err closed_renew(sotay_client *client, const st_parcel *parcel, bool *out_done,
                                st_error *error);
/* The server has it, at this log index. Nothing happens when none is sealed under this name. */
ST_MUST_USE st_err closed_settle(sotay_client *client, const st_id *device, uint64_t first,
                                 uint64_t position, st_error *error);
/* The bucket is read again, and its set came in the open. */
ST_MUST_USE st_err closed_open(sotay_client *client, const st_id *device, uint64_t first,
                               st_error *error);
/* The log ends at the cut: what lies beyond it is not known to be there. Sets of others are offered
 * again; own ones the caller sees to. */
ST_MUST_USE st_err closed_turn(sotay_client *client, uint64_t cut, st_error *error);
/* What the server said to be there in an answer without its end is offered once more. Makes its own
 * transactions. ST_PENDING: called again, it is done. ST_E_MEMORY, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err closed_offer_missed(sotay_client *client, st_error *error);
/* What is covered by now goes. */
ST_MUST_USE st_err closed_cover(sotay_client *client, st_error *error);

#endif
