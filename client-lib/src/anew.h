/* client-lib/src/anew.h - records of which something is lost here that no sum tells, as a line of
 * a history, or a base that does not open: each is made anew from the log, whatever the sums say
 * (repair.h). One row for each bucket in which something of it is lost (table ANEW).
 * Source: docs/protocol.md 7.8. */
#ifndef SOTAY_CLIENT_ANEW_H
#define SOTAY_CLIENT_ANEW_H

#include "client-lib/src/bucket.h"
#include "client-lib/src/client.h"

ST_MUST_USE st_err anew_note(sotay_client *client, const st_id *record, const st_bucket *bucket,
                             st_error *error);
/* What is lost does not say in which bucket: in each of which a kept set names the record; where
 * none of these makes it, in all that are read here. but: not in this one; then it is known to be
 * the record's. NULL: nothing is known. */
ST_MUST_USE st_err anew_note_found(sotay_client *client, const st_id *record, const st_bucket *but,
                                   st_error *error);
/* Something of ours over the record does not open. Where that is a set that is held, its bucket, as
 * is the record's here, has it. *out_noted: it is one, and is read here. */
ST_MUST_USE st_err anew_note_held(sotay_client *client, const st_record *record, bool *out_noted,
                                  st_error *error);
/* It was made anew. */
ST_MUST_USE st_err anew_done(sotay_client *client, const st_id *record, const st_bucket *bucket,
                             st_error *error);
/* All of the bucket: it is read from its beginning, or not any more. */
ST_MUST_USE st_err anew_forget(sotay_client *client, const st_bucket *bucket, st_error *error);
/* Is the record to be made anew in any bucket? */
ST_MUST_USE st_err anew_has(sotay_client *client, const st_id *record, bool *out_has,
                            st_error *error);
/* The next one of a scan over ANEW. ST_E_NOT_FOUND at the end, without *error; ST_E_CORRUPT. */
ST_MUST_USE st_err anew_next(sotay_client *client, book_scan *scan, st_id *out_record,
                             st_bucket *out_bucket, st_error *error);

#endif
