/* server/sync/sync.h - the room that takes in change-sets and gives out the feed: what it needs of
 * the rooms below it, in one struct; server/rooms.h opens it. */
#ifndef SOTAY_SERVER_SYNC_SYNC_H
#define SOTAY_SERVER_SYNC_SYNC_H

#include <stdatomic.h>

#include "server/auth/auth.h"
#include "server/progress.h"
#include "server/sync/side.h"

/* Why nothing is acknowledged any more once a phone has shown an entry that is missing here. */
#define SYNC_ROLLED_BACK \
    "the store was put back: phones hold entries that are missing here; start the server again"
#define SYNC_FOLD_VERSION 1u          /* what this program can fold; a set that needs more waits */

/* Who asked to be let in and was refused since then; the writer's own. */
typedef struct {
    int64_t since_ms;
    uint64_t count;
} sync_refusals;

/* What a set said of the log last, and nothing was the matter with it; the writer's own. */
typedef struct {
    uint64_t size;
    st_hash root;
} sync_seen;

typedef struct {
    const char *dir;           /* the data folder */
    store *store;
    catalogue *catalogue;
    const auth_keys *keys;
    const server_port *port;
    st_code commune;
    uint8_t epoch[8];
    uint8_t boot[8];           /* of this process, for sets that the operator signs */
    sync_refusals refusals;
    sync_seen seen;
    progress *progress;        /* of long work; NULL: nobody wants to know */
    _Atomic uint64_t files_per_device; /* bytes of attachments at most; 0: any (sync/quota.h) */
    sync_side *side;           /* notes beside the store; NULL while a store is being made */
    struct own_clock *clock;   /* is its clock right? (sync/own_clock.h); NULL: nobody looks */
} sync_room;

/* What the server's clock says now: for waits and ages. Entries have times of their own. */
int64_t sync_now(const sync_room *room);
/* Log entries so far: the index of the last one. */
ST_MUST_USE st_err sync_log_size(store_txn *txn, uint64_t *out_size, st_error *error);
/* The bucket of a home: `<commune>/catalogue`, `/council`, `/review`; for units `/unit/<unit>`. */
bool sync_bucket(const sync_room *room, st_home home, const char *unit, st_bucket *out_bucket);

#endif
