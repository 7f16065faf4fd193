/* client-lib/src/snapshot.h - the phone's half of a snapshot: what is being fetched, its request,
 * the bytes as they come, and the records in them. Source: docs/protocol.md 7.10. */
#ifndef SOTAY_CLIENT_SNAPSHOT_H
#define SOTAY_CLIENT_SNAPSHOT_H

#include "client-lib/src/bucket.h"
#include "proto/message.h"

#define SNAPSHOT_START_BYTES 2048u /* of an answer that may be a refusal */

/* What a sync knows of the snapshot that it fetches. */
typedef struct {
    bool can_fetch; /* the driver sends GET with headers */
    bool is_named;  /* the server named one in this sync: what is kept goes on */
    bool is_off;    /* no more of them in this sync: pages are asked for */
    bool is_open;   /* the next request, or the present one, is for the block below */
    bool drops;     /* what is loaded of it does not count */

    st_snapshot list; /* pieces in arena */
    st_arena arena;
    uint32_t piece; /* the one that is being fetched */
    uint64_t from;  /* bytes of those before it */
    st_sum sum;     /* of the records loaded */
    st_buffer bytes;        /* of the piece and behind it, not taken in yet */
    size_t bytes_before;    /* as many of them came with earlier answers */
    uint8_t start[SNAPSHOT_START_BYTES]; /* of the present answer */
    size_t start_len;
    bool is_wrong, has_moved; /* the present answer */
    unsigned wrongs;
    char path[ST_SNAPSHOT_PATH_SIZE], authorization[160];
    st_hlc hlc_max; /* newest stamp seen */
} snapshot_fetch;

typedef struct sotay_sync sotay_sync;

void snapshot_init(snapshot_fetch *fetch);
void snapshot_free(snapshot_fetch *fetch);

/* Takes the word that a bucket is to be had as a snapshot: it is noted, and fetched after this
 * answer. Inside the open write transaction. */
ST_MUST_USE st_err snapshot_take(sotay_sync *sync, const st_snapshot *snapshot, st_error *error);
/* Is there one to fetch now? Then fetch.is_open. ST_PENDING: called again, it goes on. */
ST_MUST_USE st_err snapshot_next(sotay_sync *sync, st_error *error);
/* Makes the request: path, authorization. ST_PENDING as above. */
ST_MUST_USE st_err snapshot_make(sotay_sync *sync, st_error *error);
/* From which byte on. */
uint64_t snapshot_from(const snapshot_fetch *fetch);
/* Takes bytes of the answer, whole pieces each in a transaction of its own. ST_PENDING: called
 * again with no bytes, it goes on. */
ST_MUST_USE st_err snapshot_feed(sotay_sync *sync, const void *data, size_t len, st_error *error);
/* The answer is over. *out_refused: it is a refusal, in sync->refusal. ST_E_NETWORK: the line broke
 * or moved nothing; what came is kept. */
ST_MUST_USE st_err snapshot_end(sotay_sync *sync, int status, bool *out_refused, st_error *error);

/* Is something of the bucket loaded that is not whole yet? */
ST_MUST_USE st_err snapshot_is_begun(book_db *book, const st_bucket *bucket, bool *out_begun,
                                     st_error *error);
/* Was the bucket read as far as this entry of the log, by pages or a whole snapshot? What came with
 * it is here then, and comes no more. */
ST_MUST_USE st_err snapshot_is_read_to(sotay_client *client, const st_bucket *bucket,
                                       uint64_t entry, bool *out_is, st_error *error);
/* Forgets how far the fetching of the bucket is; the records are the caller's. */
ST_MUST_USE st_err snapshot_clear(book_db *book, const st_bucket *bucket, st_error *error);

/* ---- between snapshot.c and snapshot_load.c ---- */

enum { SNAPSHOT_ROW, SNAPSHOT_VECTOR, SNAPSHOT_TAIL, SNAPSHOT_KINDS };
book_key snapshot_key(uint8_t kind, const st_bucket *bucket);
/* Folds the whole piece at the front of fetch->bytes into the base; after the last one the bucket
 * stands at the snapshot's cursor. Inside the open write transaction. ST_E_CORRUPT,
 * ST_E_SIGNATURE: the server's snapshot is not sound. */
ST_MUST_USE st_err snapshot_load(sotay_sync *sync, st_error *error);

#endif
