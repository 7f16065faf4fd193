/* client-lib/src/apply.h - takes in what the server sends: pages of log entries into the base, the
 * scope, and the clean-up of a bucket. All inside the caller's write transaction. */
#ifndef SOTAY_CLIENT_APPLY_H
#define SOTAY_CLIENT_APPLY_H

#include "client-lib/src/outbox.h"
#include "proto/limits.h"

#define APPLY_FOLD_VERSION 1u /* what this program can fold */

typedef struct {
    uint64_t received_changes;
    bool moved;          /* the cursor is further than before */
    st_hlc hlc_max;      /* newest stamp seen */
    bool lacks_author;   /* a set of a device that the catalogue does not name here */
    bool lost_reference; /* the server refers to a set that is not kept here: */
    bool is_behind;      /*   one that may have come long before the page */
    bool too_new;        /* a page needs a newer program: its bucket was left as it is */
    bool was_reset;      /* the server sends the bucket anew: its base was dropped before */
    bool wrong_sum;      /* the base is not what the server has (repair.h) */
    bool has_twin;       /* another store writes under a name of ours, from this change on */
    st_dot twin;
    bool has_declined;   /* the office declined an own change, which is news (declined.h) */
    bool owes_renewal;   /* it erases a value of a set that lies sealed here (renew.h) */
    bool has_lost;       /* it is about a record of which something is lost here that no sum tells
                            (anew.h) */
} apply_report;

/* Folds one page and moves its cursor. ST_E_CORRUPT also with lost_reference: then the transaction
 * must be aborted and the server asked for what is lost (missing_take). ST_E_CHANGED with has_twin:
 * the transaction must be aborted, and the branch of this store given another name (take_twin)
 * before anything of the other is folded in. */
ST_MUST_USE st_err apply_page(sotay_client *client, const st_page *page, apply_report *report,
                              st_error *error);
/* Buckets and roles that count from now on: new ones begin at cursor 0; what is readable of lost
 * ones goes, own unsent and held work stays. *out_lost: some were lost, receipts are owed. */
ST_MUST_USE st_err apply_scope(sotay_client *client, const st_scope *scope, bool *out_lost,
                               st_error *error);
/* Makes one record anew from all entries of the bucket that touch it, as a repair does: what the
 * base said of it before does not count, nor what its history said of sets of this bucket; lines of
 * others stay. The sum of the bucket follows, its cursor and vector stay. Sets that the entries
 * name must be kept here or come with them. An empty list drops the record. Of a record that is in
 * another bucket only the lines are made anew: nothing of this bucket was folded into it. */
typedef struct {
    st_bucket bucket;
    st_id record;
    const st_entry *entries;
    uint32_t entries_count;
} apply_anew;
ST_MUST_USE st_err apply_record_anew(sotay_client *client, const apply_anew *anew, bool *out_owes,
                                     st_error *error);
/* Keeps a set that came. An own one that is kept already stays as it was signed here, also where
 * the server has another branch. Another branch of somebody else goes on sealed. */
typedef enum {
    APPLY_KEPT,
    APPLY_OWN_DIFFERS, /* another one stays in its place */
    APPLY_OTHER_BRANCH /* the same: a set of which the server has not said yet what it is */
} apply_kept;
ST_MUST_USE st_err apply_keep_set(sotay_client *client, st_arena *arena, const st_set *set,
                                  const book_value *bytes, apply_kept *out_kept, st_error *error);
/* The bytes, in the arena, of the set that an entry refers to. A reference names a counter alone:
 * while an own set has no answer, the log may mean what another branch said under it, and that must
 * come in full. ST_E_NOT_FOUND without *error: it is not here, does not open, or may be another. */
ST_MUST_USE st_err apply_referred(sotay_client *client, const st_entry *entry, st_arena *arena,
                                  book_value *out_bytes, st_error *error);
/* The key that a device signs with: our own, the server's of any epoch, or what the catalogue says.
 * ST_E_NOT_FOUND without *error: the catalogue here does not name it. */
ST_MUST_USE st_err apply_author_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                                    st_error *error);
/* The catalogue needs a newer program, and the page has a set of somebody whom only that names: it
 * is left, and with it all that comes of its bucket in this answer, until a newer program reads
 * both. Inside a transaction. ST_E_MEMORY, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err apply_leaves(sotay_client *client, const st_page *page, bool *out_leaves,
                                st_error *error);
/* Keeps sets that wait, as they come with a snapshot: their changes are folded when an entry says
 * so, and are listed as held until then. The vector that has their holes is the caller's. */
ST_MUST_USE st_err apply_held(sotay_client *client, const st_bucket *bucket,
                              const st_entry *entries, uint32_t count, st_error *error);
/* Forgets the base of one record of the bucket, and what its history says of sets of the bucket or
 * does not open, which other buckets are to bring if it was theirs (anew.h); its row shows what is
 * left of own work. The sum of the bucket is the caller's. */
ST_MUST_USE st_err apply_forget_record(sotay_client *client, const st_id *record,
                                       const st_bucket *bucket, st_error *error);
/* What the base had of an own set of this bucket is ours to show again, until the server sends it
 * anew: to be called where the base forgets it. A set of another bucket is left as it is. */
ST_MUST_USE st_err apply_show_set(sotay_client *client, const outbox_set *own,
                                  const st_bucket *bucket, st_error *error);
/* What the base of a bucket has, read once for sets that follow one another there. Zeroed but for
 * the arena, which is the caller's to give back. */
typedef struct {
    st_arena arena;
    st_bucket bucket;
    st_vector vector;
} apply_vector;
/* What neither the base nor a note has of an own set that lies open here is ours to show again: a
 * verdict said that it was declined, and no page has. *out_any: there was some. One that does not
 * open has none. Inside a transaction. */
ST_MUST_USE st_err apply_show_told(sotay_client *client, const outbox_set *own,
                                   apply_vector *io_read, bool *out_any, st_error *error);
/* Forgets the base of a bucket (records, vector, sum, cursor, what its sets are in histories); own
 * changes stay. */
ST_MUST_USE st_err apply_forget(sotay_client *client, const st_bucket *bucket, st_error *error);
/* The same for several at once. */
ST_MUST_USE st_err apply_forget_these(sotay_client *client, bucket_list list, st_error *error);
/* The same for every bucket known. */
ST_MUST_USE st_err apply_forget_all(sotay_client *client, st_error *error);

/* One line of a record's history (table HIST), as it is stored. */
#define APPLY_LINE_BYTES_MAX ((size_t)ST_REASON_CHARS_MAX * 4 + 256)
typedef struct {
    uint64_t index, counter;
    st_id device;
    uint64_t first; /* of its set */
    int64_t time_ms;
    uint8_t verdict; /* apply_verdict */
    st_hold hold;
    bool has_carrier;
    st_id carrier;
    const char *reason; /* of a decline, in the office's words, without NUL; of older rows none */
    size_t reason_len;
    st_entry_kind decided; /* by which entry, when and where; NONE: not decided, or an older row */
    int64_t decided_ms;
    uint64_t decided_index;
    bool has_set; /* else an older row, or not decided: */
    st_hash set;  /* set_hash of the set that was decided on */
} apply_line;
typedef enum { APPLY_STORED, APPLY_HELD, APPLY_ACCEPTED, APPLY_DECLINED } apply_verdict;
/* Writes one, and marks what a receipt is due of. */
ST_MUST_USE st_err apply_line_put(sotay_client *client, const st_id *record,
                                  const apply_line *line, st_error *error);
/* Reads the value of a HIST key, into which the line points. ST_E_CORRUPT. */
ST_MUST_USE st_err apply_line_read(const book_key *key, const book_value *value,
                                   apply_line *out_line, st_error *error);
/* The next line of a scan over HIST; it lives in the arena. ST_E_NOT_FOUND at the end, without
 * *error; ST_E_CORRUPT. */
ST_MUST_USE st_err apply_line_next(sotay_client *client, book_scan *scan, st_arena *arena,
                                   apply_line *out_line, st_error *error);
/* Is a line of the record's history damaged? */
ST_MUST_USE st_err apply_line_damaged(sotay_client *client, const st_id *record, bool *out_is,
                                      st_error *error);
/* As apply_line_next, past lines that are damaged: one must not be in the way of all others. */
ST_MUST_USE st_err apply_line_next_whole(sotay_client *client, book_scan *scan, st_arena *arena,
                                         apply_line *out_line, st_error *error);
/* The line of a change that came before: when, in which entry and by whom, without the words of a
 * decline. index: the entry in which it may be; 0: not known. ST_E_NOT_FOUND without *error: there
 * is none that opens. */
ST_MUST_USE st_err apply_line_find(sotay_client *client, const st_change *change, uint64_t index,
                                   apply_line *out_line, st_error *error);

#endif
