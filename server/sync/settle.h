/* server/sync/settle.h - held changes: the list, letting them in, declining them. */
#ifndef SOTAY_SERVER_SYNC_SETTLE_H
#define SOTAY_SERVER_SYNC_SETTLE_H

#include "server/sync/ingest.h"

typedef struct {
    uint64_t n;                /* its number in the list, never used again */
    st_dot dot;
    st_id record;
    st_id person;
    st_bucket bucket;
    uint64_t index;            /* log index of its set */
    int64_t received_ms;
    st_hold reason;
} sync_held;

/* "path: why" of a held change, looked at again now; "" when there is nothing to add to the reason.
 * detail holds ST_FORM_DETAIL_BYTES. ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_held_detail(sync_room *room, store_txn *txn, const sync_held *held,
                                    char *detail, st_error *error);

/* ST_E_NOT_FOUND, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_held_get(store_txn *txn, uint64_t n, sync_held *out_held,
                                 st_error *error);
/* Every held change, ascending by n, until `each` returns false. */
ST_MUST_USE st_err sync_held_each(store_txn *txn,
                                  bool (*each)(void *context, const sync_held *held),
                                  void *context, st_error *error);
/* Is some change of the record held? */
ST_MUST_USE st_err sync_held_any(store_txn *txn, const st_id *record, bool *out_any,
                                 st_error *error);
ST_MUST_USE st_err sync_held_count(store_txn *txn, uint64_t *out_count, st_error *error);

typedef struct {
    uint64_t n;
    bool accept;               /* else decline */
    st_id actor;
    const char *reason;        /* at most ST_REASON_CHARS_MAX characters; kept with the entry */
} sync_decision;
/* The office decides on a held change that waits for no other. accept lets in what waited behind it
 * as far as it only waited; decline takes its followers (same device, same record) along. What was
 * never folded (fork, corrupt, a newer format) is only taken off the list, by a decline.
 * *out_count: how many changes were settled.
 * ST_E_STATE: it waits, or its reason is not one that a person can overrule (no_record, waits,
 * bucket, fork, corrupt; form, version and limit as long as they stand), or one of these hides
 * behind the reason it is held for; ST_E_DENIED: the actor is not of the office; ST_E_NOT_FOUND: no
 * such number; ST_E_VALUE: the reason; ST_E_STORAGE. */
ST_MUST_USE st_err sync_settle(writer *w, const sync_decision *decision, uint32_t *out_count,
                               st_error *error);
/* The same, but of exactly `of` changes, itself and its followers: else ST_E_STATE. */
ST_MUST_USE st_err sync_settle_exactly(writer *w, const sync_decision *decision, size_t of,
                                       uint32_t *out_count, st_error *error);

#endif
