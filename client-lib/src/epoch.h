/* client-lib/src/epoch.h - when the server goes on from an older copy of its book: what of ours
 * still counts, and giving back to it what it lost. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_CLIENT_EPOCH_H
#define SOTAY_CLIENT_EPOCH_H

#include "client-lib/src/client.h"
#include "proto/message.h"

typedef struct sotay_sync sotay_sync;

/* Takes the epochs that the server names: their signatures, the keys of its device, and, when the
 * present one is not ours, the turn below. Where that mended a row of them that was damaged here,
 * nothing more of this answer is taken, since names hang on the keys. ST_E_SIGNATURE. Inside the
 * open write transaction. */
ST_MUST_USE st_err epoch_take(sotay_sync *sync, const st_epoch *rows, uint32_t count,
                              st_error *error);
/* With what a device of the server's own signed goes which epoch that device was of: the log may
 * have lost it. Says too how many epochs are known: none, where a row of them is damaged, so that
 * all are told again. The list lives as long as the round. Inside a transaction. ST_E_MEMORY,
 * ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err epoch_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* What lies beyond the entry `cut` is not in the server's book (any more): own sets become unsent,
 * those of others that are kept here are offered too, as are those of which nothing here says where
 * they lie, and buckets that stood beyond it are read from the beginning. */
ST_MUST_USE st_err epoch_turn(sotay_sync *sync, uint64_t cut, st_error *error);
/* The server's log is shorter than what it showed us in this same epoch. */
ST_MUST_USE st_err epoch_check_end(sotay_sync *sync, const st_end *end, st_error *error);

/* The key of a device of the server's own in an earlier epoch. ST_E_NOT_FOUND without *error;
 * ST_E_CORRUPT: it may be one that does not open, which the next sync is told again. */
ST_MUST_USE st_err epoch_former_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                                    st_error *error);
/* Is it the server's own device, now or in an earlier epoch? */
ST_MUST_USE st_err epoch_is_servers(sotay_client *client, const st_id *device, bool *out_is,
                                    st_error *error);
/* A kept set of somebody else that is to be offered: the next one; scan from
 * book_key_of(BOOK_CARRY). *out_first: it goes before the others, as what the server's own devices
 * signed. ST_E_NOT_FOUND at the end. */
ST_MUST_USE st_err epoch_next_carried(sotay_client *client, book_scan *scan, st_dot *out_set,
                                      bool *out_first, st_error *error);
/* A kept set of another device, open or sealed, is to be offered: before the others when that is
 * one of the server's own, or may be, where a key of those is damaged. */
ST_MUST_USE st_err epoch_offer(sotay_client *client, const st_id *device, uint64_t first,
                               st_error *error);
/* The server has it, or will never take it. */
ST_MUST_USE st_err epoch_carried(sotay_client *client, const st_id *device, uint64_t first,
                                 st_error *error);
/* The kept set by which the server's device once enrolled this one, or a device that may be its own
 * where a key of those is damaged. ST_E_NOT_FOUND. */
ST_MUST_USE st_err epoch_own_enrolment(sotay_client *client, st_dot *out_set, st_error *error);
/* Keeps the set that came with the answer, before any page brings it: a book that is put back in
 * between does not know this device. One that the server's device did not sign, or that enrols
 * another device, is left. Inside the write transaction that takes the answer; client->next is the
 * new device. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err epoch_keep_enrolment(sotay_client *client, const st_enrol_answer *answer,
                                        st_error *error);
/* Keeps the epochs that came with the answer: of one that the book loses before the first sync
 * nobody else may tell it. What the key of the log has not signed is left. Inside the same
 * transaction. ST_E_STORAGE. */
ST_MUST_USE st_err epoch_keep_told(sotay_client *client, const st_enrol_answer *answer,
                                   st_error *error);
/* What enrolled this device, and those under which this store has own sets, is to be offered: the
 * server does not know one of them. ST_E_MEMORY, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err epoch_offer_enrolments(sotay_client *client, st_error *error);
/* Did a device of the server's own that this store knows already sign, in the set that came with
 * the answer, that it enrols `device`? ST_E_SIGNATURE: no. Also ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err epoch_check_enrolment(sotay_client *client, const st_enrol_answer *answer,
                                         const st_id *device, st_error *error);

#endif
