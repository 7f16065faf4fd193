/* server/sync/replay.h - folds a log row again, obeying the verdicts it records. */
#ifndef SOTAY_SERVER_SYNC_REPLAY_H
#define SOTAY_SERVER_SYNC_REPLAY_H

#include "server/sync/fold.h"

/* Folds row `index` into the derived tables of turn->txn. out_set (may be NULL) gets the decoded
 * set when the row holds one. Judges nothing, reads no clock. ST_E_CORRUPT, ST_E_STORAGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err sync_replay_row(writer_turn *turn, uint64_t index, const sync_row *row,
                                   st_set *out_set, st_error *error);

#endif
