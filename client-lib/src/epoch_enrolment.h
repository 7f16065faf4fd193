/* client-lib/src/epoch_enrolment.h - the sets by which the server's devices enrolled this one.
 * Source: docs/protocol.md 7.9. */
#ifndef SOTAY_CLIENT_EPOCH_ENROLMENT_H
#define SOTAY_CLIENT_EPOCH_ENROLMENT_H

#include "client-lib/src/client.h"
#include "proto/message.h"

/* The next kept set (of BOOK_SET) by which the server's device once enrolled this one, or a device
 * that may be its own where a key of those is damaged: one of each life of the book that did.
 * ST_E_NOT_FOUND. */
ST_MUST_USE st_err epoch_next_enrolment(sotay_client *client, book_scan *scan, st_dot *out_set,
                                        st_error *error);
/* The first that made the record of the person whom that one names. ST_E_NOT_FOUND. */
ST_MUST_USE st_err epoch_its_person(sotay_client *client, const st_dot *enrolment, st_dot *out_set,
                                    st_error *error);
/* Keeps the set that came with the answer, before any page brings it: a book that is put back in
 * between does not know this device. One that the server's device did not sign, or that enrols
 * another device, is left. Inside the write transaction that takes the answer; client->next is the
 * new device. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err epoch_keep_enrolment(sotay_client *client, const st_enrol_answer *answer,
                                        st_error *error);
/* Did a device of the server's own that this store knows already sign, in the set that came with
 * the answer, that it enrols `device`? ST_E_SIGNATURE: no. Also ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err epoch_check_enrolment(sotay_client *client, const st_enrol_answer *answer,
                                         const st_id *device, st_error *error);
/* What enrolled this device, and those under which this store has own sets, is to be offered: the
 * server does not know one of them. ST_E_MEMORY, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err epoch_offer_enrolments(sotay_client *client, st_error *error);

#endif
