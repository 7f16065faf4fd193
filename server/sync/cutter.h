/* server/sync/cutter.h - a thread that sees to it that phones find a snapshot ready. */
#ifndef SOTAY_SERVER_SYNC_CUTTER_H
#define SOTAY_SERVER_SYNC_CUTTER_H

#include <stdatomic.h>

#include "server/sync/sync.h"

typedef struct cutter cutter;

/* Begins: whenever nothing was added to the log for quiet_s seconds (at least 1), and at the latest
 * a hundred times as long after something was, all buckets are looked at (sync_snapshot_prepare).
 * The thread gives way to all others. The room must outlive it. ST_E_MEMORY, ST_E_SERVER. */
ST_MUST_USE st_err cutter_new(sync_room *room, unsigned quiet_s, cutter **out_cutter,
                              st_error *error);
/* Another time, as it is running. Of NULL: nothing. */
void cutter_configure(cutter *c, unsigned quiet_s);
/* One look at all buckets by the caller: what the thread does. Errors of sync_snapshot_prepare; one
 * that failed does not keep it from the others. */
ST_MUST_USE st_err cutter_look(sync_room *room, const atomic_bool *stop, st_error *error);
/* Ends within a part of a snapshot, which is tens of milliseconds. NULL is fine. */
void cutter_free(cutter *c);

#endif
