/* server/sync/judge.h - may a change take effect? By what it says itself, and by who wrote it. */
#ifndef SOTAY_SERVER_SYNC_JUDGE_H
#define SOTAY_SERVER_SYNC_JUDGE_H

#include "server/sync/fold.h"
#include "server/sync/lock.h"

/* One set before the judge: what holds for all its changes is worked out once. */
typedef struct {
    sync_fold *fold;
    const st_set *set;
    const auth_device *device;
    st_id actor;               /* the author */
    st_hold whole;             /* REVOKED, SUSPENDED: nothing of it takes effect; or NONE */
    st_hold access;            /* ROLE, SCOPE, BUCKET: by author, role and bucket; or NONE */
    const st_form *form;       /* of the change judged last */
    sync_locks locks;          /* the periods that are locked now */
    bool over_files;           /* the change judged last: LIMIT, for its files alone */
} sync_judge;

/* The author: the person the set names, else that of the device. */
st_id judge_actor(const st_set *set, const auth_device *device);
/* ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err judge_open(sync_fold *fold, const st_set *set, const auth_device *device,
                              sync_judge *out_judge, st_error *error);
/* *out_hold: NONE, or why the server holds the change; *detail (may be NULL, ST_FORM_DETAIL_BYTES)
 * "path: why". The rules in their order: docs/protocol.md 6.4. Errors as above. */
ST_MUST_USE st_err judge_change(sync_judge *judge, const st_change *change,
                                const fold_record *record, st_hold *out_hold, char *detail,
                                st_error *error);

/* Of a change with an earlier held one of its device on its record, without a look at it: REVOKED,
 * SUSPENDED or WAITS. Another reason it may have is found once nothing is in front of it. */
st_hold judge_behind(const auth_device *device);

/* Why not even the office can let the change in as things are: VERSION, NO_RECORD, FORM, BUCKET,
 * LIMIT; or NONE. What is held for another reason may hide one of these. */
st_hold judge_fact(sync_fold *fold, const st_set *set, const st_change *change,
                   const fold_record *record);

#endif
