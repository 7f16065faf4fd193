/* server/sync/ingest.h - takes in what one request brought: verdict for each set, everything or
 * nothing on disk. Workers prepare (decode, verify signatures), the writer judges and stores. */
#ifndef SOTAY_SERVER_SYNC_INGEST_H
#define SOTAY_SERVER_SYNC_INGEST_H

#include "server/sync/writer.h"

#define SYNC_SETS_MAX 4096u            /* sets in one request */
#define SYNC_REPAIRS_MAX 64u           /* buckets that one request may ask to repair */

/* One change-set of a request. */
typedef struct {
    st_set set;
    st_err decoded;            /* ST_OK, ST_E_VERSION, ST_E_CORRUPT, ST_E_TOO_LARGE */
    bool is_known;             /* its device is enrolled */
    bool is_signed;            /* by that device, for this log */
    bool is_servers;           /* which is the server's own, of this epoch or one before */
    st_verdict verdict;        /* result; held lives in the request's arena */
    bool has_want;
    st_want want;              /* result: a gap in front of it */
    char detail[ST_FORM_DETAIL_BYTES]; /* result: of the first held change, "path: why" */
} sync_item;

/* One piece of a file that came in a parcel (parcel.h). */
typedef struct {
    st_id record;
    st_hash hash;              /* of the bytes */
    const uint8_t *bytes;
    size_t len;
    bool is_taken;             /* result: it is on disk for good */
} sync_piece;

/* One request. Zero it, fill the first block, sync_prepare, sync_submit, read the results, free. */
typedef struct {
    auth_device device;        /* who asks: also the carrier of other devices' sets */
    bool has_counter;          /* false: not over HTTP (tests, sotayctl) */
    uint64_t counter;          /* of the signed head */
    uint8_t install[8];
    const st_ask *ask;         /* NULL: none; its gone ranges and clock are taken in */
    int64_t received_ms;
    const st_repair_ask *repairs[SYNC_REPAIRS_MAX]; /* of buckets whose sum is wrong there */
    bool repairs_kept[SYNC_REPAIRS_MAX];            /* result: its evidence is on disk */
    size_t repairs_count;
    const st_heir_ask *heir;   /* NULL: none */
    st_heir_answer heir_said;  /* result: what became of it (heir.h) */

    st_arena arena;
    sync_item *items;
    size_t items_count, items_capacity;
    sync_piece *pieces;
    size_t pieces_count, pieces_capacity;
    size_t parcels_count;      /* opened so far, also those in which nothing was */
    uint64_t counter_highest;  /* result with ST_E_AGAIN */
    writer_job job;
} sync_request;

/* arena_bytes_max: ceiling of what decoding may take; 64 MiB of it must be left for each set. */
void sync_request_init(sync_request *request, size_t arena_bytes_max);
void sync_request_free(sync_request *request);
/* Adds one ChangeSet message: decodes and verifies it in the worker. bytes must outlive the
 * request. A set that cannot be read is no error: it gets its verdict. ST_E_TOO_LARGE: more than
 * SYNC_SETS_MAX, or too little memory left for it; ST_E_MEMORY. */
ST_MUST_USE st_err sync_request_add(sync_request *request, sync_room *room, store_txn *txn,
                                    store_slice bytes, st_error *error);
/* What a stream of this device may lean on: its last stored set. out is replaced; out_check is
 * what the head must say. ST_E_NOT_FOUND: nothing of the device is stored; ST_E_MEMORY. */
ST_MUST_USE st_err sync_request_base(store_txn *txn, const st_id *device, st_buffer *out,
                                     uint8_t out_check[4], st_error *error);
/* Has the writer take it in; on ST_OK all verdicts are final and durable. ST_E_AGAIN (the counter;
 * nothing changed), ST_E_BUSY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_request_submit(sync_request *request, writer *w, st_error *error);
/* Was who asks shown more than the log has, which is `size` entries long? */
bool sync_asks_beyond(const st_ask *ask, uint64_t size);

/* Somebody brings what this server's own keys signed, and the log does not have it: the store is
 * older than what was shown. Notes it, with the place up to which the log that was lost is this one
 * for certain. holder: the device that held a checkpoint of that log; NULL: a set proves it, and
 * who brings that may have it from anybody. Never ST_OK: ST_E_STORAGE. */
ST_MUST_USE st_err sync_see_rollback(writer_turn *turn, const st_id *holder, st_error *error);

/* ---- parts used by author, settle and rebuild ---- */

/* Who brings a set. */
typedef struct {
    st_id device;              /* another than that of the set: its carrier */
    bool is_early;             /* it hears first that the log is another, and then brings all */
} sync_bringer;
/* Takes in one set inside a turn: verdict and want are filled. by: NULL, the server itself. */
ST_MUST_USE st_err sync_ingest_set(writer_turn *turn, sync_item *item, const sync_bringer *by,
                                   st_error *error);

#endif
