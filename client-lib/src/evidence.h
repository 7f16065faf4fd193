/* client-lib/src/evidence.h - what this phone holds as a state only, without the signed change
 * behind it: set aside when its base has to go, until the log turns out to have it after all or
 * the office has it before its eyes. Source: docs/protocol.md 7.8 and 7.9. */
#ifndef SOTAY_CLIENT_EVIDENCE_H
#define SOTAY_CLIENT_EVIDENCE_H

#include "client-lib/src/bucket.h"
#include "proto/message.h"

typedef struct sotay_sync sotay_sync;

/* How far one sync is with showing it. Keys live in the arena of the round. */
typedef struct {
    bool goes_on;     /* the next request shows some */
    bool has_asked;   /* some was shown in this sync before */
    bool has_moved;   /* the server took some in this round */
    st_bucket bucket; /* of what the present request shows */
    book_key *rows;
    size_t rows_count;
} evidence_lane;

/* Forgets the base of a bucket (apply_forget), with a copy set aside of each record that holds a
 * change beyond the entry `cut` of which no signed set is kept here. Inside the open write
 * transaction, like all that write. */
ST_MUST_USE st_err evidence_forget(sotay_client *client, const st_bucket *bucket, uint64_t cut,
                                   st_error *error);
/* The same for several at once. */
ST_MUST_USE st_err evidence_forget_these(sotay_client *client, bucket_list list, uint64_t cut,
                                         st_error *error);
/* The copy of one record of the bucket, as above; its base stays. */
ST_MUST_USE st_err evidence_set_aside(sotay_client *client, const st_id *record,
                                      const st_bucket *bucket, uint64_t cut, st_error *error);
/* At the end of a round after which nothing else has to be asked: copies of which the log has every
 * change go; when some are left that can be shown, lane.goes_on. */
ST_MUST_USE st_err evidence_end_round(sotay_sync *sync, st_error *error);
/* Fills what the next request shows, all of one bucket; false: nothing. Lives in the arena. */
ST_MUST_USE st_err evidence_ask(sotay_sync *sync, st_arena *arena, st_repair_ask *out_ask,
                                bool *out_asks, st_error *error);
/* An answer about the bucket: what was shown of it is on the server's disk, and stays here until a
 * backup has it (delivered.h); of a bucket that is not read here any more it goes. */
ST_MUST_USE st_err evidence_take(sotay_sync *sync, const st_bucket *bucket, st_error *error);
/* The bucket is not read here any more: copies that the server has go at once. */
ST_MUST_USE st_err evidence_close_bucket(sotay_client *client, const st_bucket *bucket,
                                         st_error *error);
/* How many copies wait. */
ST_MUST_USE st_err evidence_count(sotay_client *client, uint64_t *out_count, st_error *error);

#endif
