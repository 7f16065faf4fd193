/* client-lib/src/repair.h - when the base of a bucket is not what the server has: finds the records
 * that differ, round by round, and makes only those anew. Source: docs/protocol.md 7.8. */
#ifndef SOTAY_CLIENT_REPAIR_H
#define SOTAY_CLIENT_REPAIR_H

#include "client-lib/src/client.h"
#include "proto/message.h"

/* A record that differs, and what is asked about it next. */
typedef enum {
    REPAIR_ASK,      /* its entries, as references */
    REPAIR_ASK_SETS, /* with the bytes: a set they name is not kept here, or is another one */
    REPAIR_MENDED
} repair_stage;
typedef struct {
    st_id id;
    repair_stage stage;
    bool shows; /* it holds what no signed change says: that goes along as evidence */
    bool has_sum;
    st_brief sum; /* what the log says it adds up to */
} repair_record;

/* One bucket on its way. Lists live in the arena it was begun with. */
typedef struct {
    st_bucket bucket;
    bool is_open;
    bool is_kept;       /* given up without a change: the office has to look */
    bool has_answer;    /* to what this round asked */
    bool has_progress;  /* and it told something new */
    bool asks_evidence; /* some went along in this round */
    unsigned rounds;
    st_range *ranges; /* to be described next */
    size_t ranges_count, ranges_capacity;
    repair_record *records;
    size_t records_count, records_capacity;
    bool has_totals; /* of the base as it is */
    st_record_total *totals;
    size_t totals_count, totals_capacity;
} repair;

typedef struct sotay_sync sotay_sync;

/* The page said that the sum of the bucket is wrong: from the next round on it is looked into.
 * Inside the open write transaction, like all of these. */
ST_MUST_USE st_err repair_begin(sotay_sync *sync, const st_bucket *bucket, st_error *error);
/* The server sends the bucket anew, or its base changed: what was found so far does not count. */
void repair_forget(sotay_sync *sync, const st_bucket *bucket, bool is_over);
/* Fills what to ask for the i-th repair (of sync->repairs); false: nothing. Lives in the arena. */
ST_MUST_USE st_err repair_ask(sotay_sync *sync, size_t i, st_arena *arena, st_repair_ask *out_ask,
                              bool *out_asks, st_error *error);
/* Takes what the server says: ranges are compared, records made anew. */
ST_MUST_USE st_err repair_take(sotay_sync *sync, const st_repair_answer *answer, st_error *error);
/* At the end of an answer: sync->repairs_go_on tells whether more has to be asked. A repair that
 * found nothing more has its sum counted anew; one that does not come to an end, or that the server
 * does not know, has the bucket read from the beginning (sync->wants_again). */
ST_MUST_USE st_err repair_end_round(sotay_sync *sync, st_error *error);

#endif
