/* server/sync/repair.h - answers a device that looks for the records in which its bucket differs
 * from the log. Source: docs/protocol.md 7.8. */
#ifndef SOTAY_SERVER_SYNC_REPAIR_H
#define SOTAY_SERVER_SYNC_REPAIR_H

#include "server/sync/feed.h"

/* Does it ask for something, or only show evidence? */
bool sync_repair_asks(const st_repair_ask *ask);
/* Answers one ask inside the feed's transaction: a frame with the ranges (and the vector when it
 * differs), then one frame for each record. What holds at `position`, the head of the log there.
 * A record whose entries do not fit into a frame is left out: the device then reads the bucket
 * anew. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY, or what emit returned. */
ST_MUST_USE st_err sync_repair_answer(store_txn *txn, const st_repair_ask *ask, uint64_t position,
                                      const feed_sink *sink, st_error *error);
/* The evidence of a bucket that the device does not read is kept: the name that it said itself, and
 * nothing else. */
ST_MUST_USE st_err sync_repair_kept(const st_repair_ask *ask, const feed_sink *sink,
                                    st_error *error);

#endif
