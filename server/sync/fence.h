/* server/sync/fence.h - where the book stood when a council meeting opened and when it closed. A
 * fence is a record of form `fence` in the council's bucket, signed by the server's device. */
#ifndef SOTAY_SERVER_SYNC_FENCE_H
#define SOTAY_SERVER_SYNC_FENCE_H

#include "server/sync/author.h"
#include "server/sync/read.h"

#define SYNC_FENCE_FORM "fence"
#define SYNC_MEETING_FORM "council_meeting"

typedef struct {
    st_id id, meeting;
    bool is_close;
    uint64_t index;            /* the meeting knew entries 1..index */
    st_hash root;              /* of the log at that size */
    int64_t at_ms;
    st_id actor;
    uint64_t entry;            /* the fence's own */
    bool is_of_before;         /* the log was put back since: it came again as this entry */
    bool is_unread;            /* whether it was cannot be read; is_of_before is true then, since
                                  nothing is known of the order */
} sync_fence;

typedef struct {
    const sync_fence *list;    /* ascending by entry */
    size_t count;
    uint64_t cut;              /* behind it nothing is known of the order to those of before */
} sync_fences;

/* All of them, in the arena. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_fences_read(sync_room *room, store_txn *txn, st_arena *arena,
                                    sync_fences *out_fences, st_error *error);
/* The last fence that stands before the entry; NULL when there is none: the one look-up that says
 * whether something came after a meeting. *out_unknown: the book was put back since a meeting, and
 * what phones brought again got new places, so it cannot be told; then it is a fence of before. */
const sync_fence *sync_fence_before(const sync_fences *fences, uint64_t index,
                                    bool *out_unknown);
/* The fence of the meeting on that side, or NULL. */
const sync_fence *sync_fence_of(const sync_fences *fences, const st_id *meeting, bool is_close);

typedef struct {
    st_id meeting;
    bool is_close;
    st_id actor;               /* holds the role */
    st_role role;
} sync_fence_wish;
/* Sets it, inside a turn of the writer. ST_E_NOT_FOUND: no such meeting, or this book's catalogue
 * does not know the form; ST_E_STATE: opened or closed already, or closed without an opening;
 * errors of sync_author_turn. */
ST_MUST_USE st_err sync_fence_set(writer_turn *turn, const sync_fence_wish *wish,
                                  sync_fence *out_fence, st_error *error);

#endif
