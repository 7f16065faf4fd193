/* client-lib/src/outbox.h - own changes on their way: grouped in runs, sealed, signed, kept until
 * the server answered, and after. */
#ifndef SOTAY_CLIENT_OUTBOX_H
#define SOTAY_CLIENT_OUTBOX_H

#include "client-lib/src/overlay.h"
#include "proto/changeset.h"
#include "proto/message.h"

/* What became of an own set (table OWN). No note of one is deleted. */
typedef enum {
    OUTBOX_UNSENT,
    OUTBOX_SENT,
    OUTBOX_HELD,
    OUTBOX_LOST /* its bytes do not open any more: the server was told so, or nobody can tell it */
} outbox_status;
typedef struct {
    st_id device; /* the present one, or one before a new enrolment */
    uint64_t first, last;
    outbox_status status;
    uint64_t position; /* log index; 0: none */
    st_hold hold;      /* OUTBOX_HELD: why nothing of it was taken in */
    bool is_closed;    /* its bytes are sealed, or gone when covered (closed.h) */
    bool is_asked;     /* of a name that was left, without a position: the server was asked in the
                        * book that is known, and did not say what it is */
} outbox_set;

ST_MUST_USE st_err outbox_put(book_db *book, const outbox_set *set, st_error *error);
/* ST_E_NOT_FOUND without *error. A note that does not open is told from the set: it waits. */
ST_MUST_USE st_err outbox_get(book_db *book, const st_id *device, uint64_t first,
                              outbox_set *out_set, st_error *error);
/* Is it still to be taken in? What was held without a place in the log was not; what was lost is,
 * should its bytes come back. */
bool outbox_waits(const outbox_set *set);
/* Is it known what the server has under its name? That it has another branch there, too. */
bool outbox_is_answered(const outbox_set *set);
/* The server was told that these counters exist no more: own sets there whose bytes are not here
 * are lost, and their records are shown without them. *out_lost: how many of the counters were not
 * lost before. Inside a transaction. */
ST_MUST_USE st_err outbox_lose(sotay_client *client, const st_id *device, const st_gone *span,
                               uint64_t *out_lost, st_error *error);
/* The bytes of an own set are here again: what was lost of it waits once more, and no more than it
 * says itself: what was noted together with it and lies behind it is still not here. Inside a
 * transaction. */
ST_MUST_USE st_err outbox_found(sotay_client *client, const st_set *set, st_error *error);
/* A set waits again that does not open: the notes of its changes say so, whatever was said of them.
 * Inside a transaction. */
ST_MUST_USE st_err outbox_wait_again(sotay_client *client, const outbox_set *set, st_error *error);
/* Before a sync: own sets that the server said are in its log, and that the book here is without,
 * though it was read past their place, wait again (docs/protocol.md 7.9). Makes its own
 * transactions; ST_PENDING: called again, it is done. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err outbox_offer_missed(sotay_client *client, st_error *error);
/* The server said once more that it has the set. Where that is at a place that was read past, no
 * page will speak of what is still noted over the base: the log is asked for its records (anew.h).
 * Inside a transaction. ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err outbox_is_there(sotay_client *client, const outbox_set *own, st_error *error);
/* What is noted of a set that is not here, and of its changes, goes, or of one that was not sealed:
 * it is of another branch, whose first one has or may have others of that name. Of a record that is
 * nowhere but there the row of the list stays. Inside a transaction. */
ST_MUST_USE st_err outbox_forget(sotay_client *client, const st_id *device, const st_gone *span,
                                 st_error *error);
/* The server hears that a set exists no more under the name that made it. Under one that was left
 * nobody can say so: what waits there and is not here is lost at once. *io_any is set when there
 * was one. Makes its own transaction; ST_PENDING: it is done when that is through. */
ST_MUST_USE st_err outbox_lose_left(sotay_client *client, bool *io_any, st_error *error);
/* The next own set that waits under a name that was left, and is not lost: the server may yet call
 * it another branch. uncovered: also one that was answered and of which no backup is known. Scan
 * from book_key_of(BOOK_OWN). ST_E_NOT_FOUND. */
ST_MUST_USE st_err outbox_next_left(sotay_client *client, bool uncovered, book_scan *scan,
                                    outbox_set *out_set, st_error *error);
/* The server was asked about the set and did not say what it is: that is noted, when it is one of a
 * name that was left. Inside a transaction. */
ST_MUST_USE st_err outbox_unsaid(sotay_client *client, const st_id *device, uint64_t first,
                                 st_error *error);
/* Did it say so of all that wait under such a name, and did something that is unsealed wait through
 * an answer? False: nothing does. Makes its own transaction. */
ST_MUST_USE st_err outbox_was_asked(sotay_client *client, bool *out_was, st_error *error);
/* Of the notes of a record those go whose set is lost. *out_any: there was one. */
ST_MUST_USE st_err outbox_drop_lost(sotay_client *client, const st_id *record, bool *out_any,
                                    st_error *error);
/* Unsealed changes of a device that are missing or do not open: each counter counts as that of a
 * set whose bytes are not here, which is found to be gone like any other; a backup of the phone may
 * have it in any set. Inside a transaction. */
ST_MUST_USE st_err outbox_pass_over(sotay_client *client, const st_id *device, const st_gone *span,
                                    st_error *error);
/* Does the change lie in a set that is lost? */
ST_MUST_USE st_err outbox_is_lost(book_db *book, const overlay_entry *entry, bool *out_is,
                                  st_error *error);
/* The next own set, by device and first; scan from book_key_of(BOOK_OWN). ST_E_NOT_FOUND. */
ST_MUST_USE st_err outbox_next(book_db *book, book_scan *scan, outbox_set *out_set,
                               st_error *error);

/* Seals unsealed changes: runs of consecutive counters of one bucket, role, boot and scope revision
 * become sets, each signed and durable before anything is sent. One that is missing or does not
 * open is passed over. */
typedef struct {
    st_gone passed; /* from 0: it is a set; else counters that are passed over, and no set */
    st_set set;
    st_unsigned_set built;
    bool is_signed;
    uint8_t signature[ST_SIGNATURE_BYTES];
} outbox_run;
/* Which records the changes of a set sealed in this sync are on, in the order of the changes. */
typedef struct {
    st_id device;
    uint64_t first;
    uint32_t count;
    const st_id *records;
    st_bucket bucket;
} outbox_note;
/* A set is stored and acknowledged whole: small enough that a poor line carries it before it
 * breaks, large enough that its header and signature cost nothing. */
#define OUTBOX_RUN_BYTES ((size_t)128 * 1024)
typedef struct {
    st_arena arena;
    st_arena lasting;   /* of the notes: until the sync is over */
    outbox_note *notes; /* so that a verdict need not read the set again */
    size_t notes_count, notes_capacity;
    outbox_run *runs;
    size_t count, capacity;
    bool is_built, is_over; /* over: every unsealed change was taken */
    bool is_sync;     /* it goes to the server, which may say first that its book is an older one */
    bool is_put_off;  /* some were not: the server has not said yet what waits under a name that
                       * was left, or whether it still has what it said of it, and they may name
                       * it */
    bool is_answered; /* all that waits so was sent in this sync, to the book that is known, and
                       * what that has not said of it now it need not say: nothing is put off */
    bool was_asked;   /* so it was before this sync (outbox_was_asked): what waited through an
                       * answer is not put off */
    uint32_t changes_max;   /* of a run; less where fields or names, not bytes, are too many */
    size_t bytes_max;       /* of a run of more than one change */
    uint8_t text[ST_SET_SIGN_BYTES];
    uint64_t counter_next, counter_end; /* request counters reserved: [next, end) */
} outbox_seal;
void outbox_seal_init(outbox_seal *seal);
void outbox_seal_free(outbox_seal *seal);
/* Seals all there is, unless that is put off, and sees to it that a request counter is at hand, in
 * as few transactions as there may be. ST_PENDING: called again, it goes on. */
ST_MUST_USE st_err outbox_flush(outbox_seal *seal, sotay_client *client, st_error *error);

/* Own changes that are in no set: they wait until they may be sealed. */
uint64_t outbox_unsealed(const sotay_client *client);

/* What is noted of a set; NULL: it was not sealed in this sync. */
const outbox_note *outbox_note_of(const outbox_seal *seal, const st_id *device, uint64_t first);

/* Writes what the server said of an own set: its status, and that of its changes. `held` names the
 * changes of it that are held; with OUTBOX_HELD all are, the others for set->hold. `note` is that
 * of the set; with NULL the set is read, and where it does not open its changes stay as they are
 * noted. What the server has of a bucket that was lost is sealed (closed.h). Inside a transaction.
 */
typedef struct {
    const st_held *held;
    uint32_t count;
} outbox_helds;
ST_MUST_USE st_err outbox_settle(sotay_client *client, const outbox_set *set,
                                 const outbox_note *note, outbox_helds helds, st_error *error);

#endif
