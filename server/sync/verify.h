/* server/sync/verify.h - is the store what its log says? And: make it so again. */
#ifndef SOTAY_SERVER_SYNC_VERIFY_H
#define SOTAY_SERVER_SYNC_VERIFY_H

#include "server/sync/writer.h"

/* Called with one line for each thing that is wrong ("entry 41: the signature is not the
 * device's"); false stops. */
typedef bool (*verify_say)(void *context, const char *line);

typedef struct {
    uint64_t entries, records, wrong;
    uint64_t attachments, incomplete; /* of all records; of these: not all pieces are here */
} verify_report;

/* Checks the dense log, leaves (recomputed bytes and hashes, times that never go back), chains and
 * signatures of all sets, and that records, vectors and sums are byte for byte the fold of the log,
 * obeying the recorded verdicts, and that the pieces of attachments are what their names say (one
 * that has not come yet is counted, not wrong). Writes nothing: folds in a scratch store beside
 * the real one.
 * ST_OK also when things are wrong: see out_report->wrong. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_verify(sync_room *room, verify_say say, void *context,
                               verify_report *out_report, st_error *error);
/* Drops every derived table and folds the log again, in one transaction. No other job may run. */
ST_MUST_USE st_err sync_rebuild(sync_room *room, uint64_t *out_entries, st_error *error);

#endif
