/* client-lib/src/waiting.h - own changes that wait for the office where this device does not read
 * what becomes of them: in a bucket that it lost, or while it is not in use. Their sets are offered
 * again, since the answer to a known set says what still waits of it and what was declined. */
#ifndef SOTAY_CLIENT_WAITING_H
#define SOTAY_CLIENT_WAITING_H

#include "client-lib/src/exchange.h"

/* So much of them in one sync; which comes first goes round, so that each has its turn. */
#define WAITING_BYTES_MAX ((size_t)64 * 1024)
#define WAITING_SETS_MAX  512u

/* Looks for them, once in a sync. Inside a transaction. ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err waiting_find(sotay_sync *sync, st_error *error);
/* The next set to offer. ST_E_NOT_FOUND without *error: no more in this sync. */
ST_MUST_USE st_err waiting_next(sotay_sync *sync, outbox_set *out_set, st_error *error);
/* Was the set offered like this? */
bool waiting_has(const sotay_sync *sync, const st_id *device, uint64_t first);
/* As outbox_settle, of such a set, and of any that lies open here and of which the verdict says
 * that something was declined: that has no effect any more either, and a person has to see it.
 * Inside the open write transaction. */
ST_MUST_USE st_err waiting_settle(sotay_sync *sync, const outbox_set *own,
                                  const st_verdict *verdict, st_error *error);

/* A scope takes buckets away, and no page of theirs comes any more. What an answer of before said
 * to be in one of them, and no page brought, is offered once more: the store may have been put back
 * since then, and nothing else would tell. Before the scope is taken, inside the same transaction.
 * ST_E_MEMORY, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err waiting_doubt(sotay_sync *sync, const st_scope *scope, st_error *error);

#endif
