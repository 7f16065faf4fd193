/* client-lib/src/purge.h - receipts that are owed: what was readable of a bucket that this device
 * lost is gone from it, and the office is to have that in writing. */
#ifndef SOTAY_CLIENT_PURGE_H
#define SOTAY_CLIENT_PURGE_H

#include "client-lib/src/client.h"

/* What is written down when the bucket goes (table PURGE); it is signed when it is sent. */
typedef struct {
    uint64_t rev;           /* of the scope without the bucket; 0: what the new epoch says of it */
    int64_t wall_ms;        /* this device's clock then */
    uint64_t records, kept; /* records that were readable; own sets that stay */
} purge_owed;

/* In the place of an older one of the bucket. Inside the transaction that drops it. */
ST_MUST_USE st_err purge_owe(sotay_client *client, const st_bucket *bucket, const purge_owed *owed,
                             st_error *error);
/* A new epoch: what it lost is owed again, under a revision that the next scope says. After
 * delivered_turn, in the same transaction. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err purge_turn(sotay_client *client, uint64_t cut, st_error *error);
/* That scope came: what is in it again owes nothing. The same errors. */
ST_MUST_USE st_err purge_scope(sotay_client *client, const st_scope *scope, st_error *error);

#endif
