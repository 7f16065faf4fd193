/* client-lib/src/receipt.h - what the other files ask of receipts: which entry has the newest
 * change of a record, what the kept proof of it says, and which proofs a sync should fetch. */
#ifndef SOTAY_CLIENT_RECEIPT_H
#define SOTAY_CLIENT_RECEIPT_H

#include "client-lib/src/apply.h"
#include "proto/note.h"

/* What a receipt says when it holds. */
typedef struct {
    uint64_t entry;
    st_checkpoint checkpoint;
} receipt_says;
/* What the kept one of the record says, checked as if it came now. ST_E_NOT_FOUND without *error:
 * none that holds. Inside a transaction; what is read lies in the arena. */
ST_MUST_USE st_err receipt_get(sotay_client *client, const st_id *record, st_arena *arena,
                               receipt_says *out_says, st_error *error);

/* A line of the record's history came: of an own change, or in a record of which a receipt is kept,
 * the proof of its newest entry is due from then on. Inside the open write transaction. */
ST_MUST_USE st_err receipt_mark(sotay_client *client, const st_id *record, const apply_line *line,
                                st_error *error);

/* The entry with the newest change of the record that is known here, 0: none; and that of which a
 * receipt is kept, as it says itself, unchecked (0: none, or it does not open). Inside a
 * transaction. */
typedef struct {
    uint64_t newest, kept;
} receipt_entries;
ST_MUST_USE st_err receipt_entries_of(sotay_client *client, const st_id *record,
                                      receipt_entries *out_entries, st_error *error);

/* A write transaction for receipts. ST_E_BUSY during a sync. */
ST_MUST_USE st_err receipt_begin(sotay_client *client, st_error *error);
/* Checks and keeps one, as sotay_receipt_put does. Inside the open write transaction; when it is
 * refused, nothing was written. */
ST_MUST_USE st_err receipt_put(sotay_client *client, const st_id *record, sotay_slice proof,
                               sotay_slice leaf, st_error *error);

#endif
