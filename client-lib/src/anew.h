/* client-lib/src/anew.h - records of which something is lost here that no sum tells, as a line of
 * a history, or a base that does not open: each is made anew from the log, whatever the sums say
 * (repair.h). One row for each bucket in which something of it is lost (table ANEW): empty, or "+"
 * where all buckets were looked for.
 * Source: docs/protocol.md 7.8. */
#ifndef SOTAY_CLIENT_ANEW_H
#define SOTAY_CLIENT_ANEW_H

#include "client-lib/src/bucket.h"
#include "client-lib/src/client.h"

ST_MUST_USE st_err anew_note(sotay_client *client, const st_id *record, const st_bucket *bucket,
                             st_error *error);
/* What is lost does not say in which bucket: in that of the record, and in each of which a kept set
 * names it; where that is not known and none of these makes it, in all that are read here. All kept
 * sets are opened once, however many records it are; the list is put in order. Not to be done of
 * what is found already (anew_is_found). */
typedef struct {
    st_id record;
    const st_bucket *home; /* that of the record; NULL: not known */
    bool is_but_home;      /* that is not noted: it is read anew by itself */
    bool is_made;          /* by a kept set; false before */
} anew_lost;
ST_MUST_USE st_err anew_note_found(sotay_client *client, anew_lost *list, size_t count,
                                   st_error *error);
/* Was that done for the record, and is it still to be made anew? */
ST_MUST_USE st_err anew_is_found(sotay_client *client, const st_id *record, bool *out_is,
                                 st_error *error);
/* Something of ours over the record does not open. Where that is a set that is held, its bucket, as
 * is the record's here, has it. *out_noted: it is one, and is read here. */
ST_MUST_USE st_err anew_note_held(sotay_client *client, const st_record *record, bool *out_noted,
                                  st_error *error);
/* The same of all that are held, whether a page is about them or not: before a sync. A device that
 * is given no pages does not look. Begins and ends transactions. ST_PENDING: called again, it is
 * done. */
ST_MUST_USE st_err anew_find_held(sotay_client *client, st_error *error);
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
