/* server/sync/trail.h - the lists that a reviewer goes through: what is missing, late, changed
 * after it was final, taken back, held, from a wrong clock, from a lost device. Read off the log
 * and the state; nothing is kept for them. */
#ifndef SOTAY_SERVER_SYNC_TRAIL_H
#define SOTAY_SERVER_SYNC_TRAIL_H

#include "server/sync/read.h"

#define TRAIL_LATE_MS (INT64_C(30) * 86400 * 1000)    /* written so long before it arrived */
#define TRAIL_SILENT_MS (INT64_C(30) * 86400 * 1000)  /* a device not heard of for so long */
#define TRAIL_CLOCK_MS (INT64_C(2) * 60 * 1000)       /* a clock that is wrong by more */

/* X(enum, word) */
#define TRAIL_KINDS(X) \
    X(TRAIL_GAPS, "gaps")             /* counters of a device that nobody brought */ \
    X(TRAIL_FORKS, "forks")           /* a second book of one device */ \
    X(TRAIL_LATE, "late")             /* arrived long after, or for a locked period */ \
    X(TRAIL_CHANGED, "changed")       /* after a finalise, return or lock; amendments */ \
    X(TRAIL_WITHDRAWN, "withdrawn")   /* withdrawn, void, dropped */ \
    X(TRAIL_HOLDS, "holds")           /* each held change and what became of it */ \
    X(TRAIL_CLOCKS, "clocks")         /* the claimed time is not the corrected one */ \
    X(TRAIL_SILENT, "silent")         /* devices not heard of any more */ \
    X(TRAIL_REVOKED, "revoked")       /* what came from a revoked or suspended device */ \
    X(TRAIL_EPOCHS, "epochs")         /* epochs, restores, backups */ \
    X(TRAIL_ERASURES, "erasures")     /* what was destroyed by law */ \
    X(TRAIL_REQUESTS, "requests")     /* what waited for a second person, and its outcome */ \
    X(TRAIL_ACTS, "acts")             /* whatever the office did beside recording */

#define X(name, word) name,
typedef enum { TRAIL_KINDS(X) TRAIL_KIND_COUNT } trail_kind;
#undef X

/* One line. What does not belong to a list is zero, NULL or "". */
typedef struct {
    uint64_t index;            /* log entry */
    int64_t received_ms, claimed_ms;
    st_id person, device, record;
    st_id second;              /* who confirmed it, took it back (erasures, requests, keys),
                                * or decided about it (what was held) */
    uint64_t first, last;      /* counters of the device */
    const char *what;          /* a word: of a hold, an act, "gone", "came_later"… */
    const char *outcome;       /* a word: "waiting", "accepted"… */
    uint64_t came_index;       /* gaps: what was gone came after all, as this entry, */
    int64_t came_ms;           /* and when */
    int64_t off_ms;            /* late: how long; clocks: claimed minus corrected */
    char path[ST_PATH_TEXT_BYTES];
    const char *note;          /* a person's words, not NUL-terminated */
    size_t note_len;
    bool note_erased;          /* there were words, destroyed by law */
    int64_t until_ms;          /* of a request that waits: when it lapses; else 0 */
} trail_line;

typedef bool (*trail_each)(void *context, const trail_line *line);

/* The kind of a word, or TRAIL_KIND_COUNT; and its word. */
trail_kind sync_trail_kind(const char *word);
const char *sync_trail_word(trail_kind kind);
/* What is asked for. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    trail_kind kind;
    sync_unread *unread;       /* why a line has no person who may be in the book */
} trail_ask;
/* Every line of a list, in the order of the log (of devices, of records), until `each` returns
 * false. A line lives during the call only. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_trail_each(const trail_ask *ask, trail_each each, void *context,
                                   st_error *error);

/* ---- parts: of the log (trail_log.c), of records and devices (trail_state.c) ---- */

typedef struct {
    sync_room *room;
    store_txn *txn;
    trail_kind kind;
    sync_unread *unread;
    trail_each each;
    void *context;
    bool stopped;
} trail_walk;
/* The words of the line: the reason that was given with a change. */
void sync_trail_reason(trail_line *line, const st_value *reason);
/* Hands a line on, unless the list was stopped. */
void sync_trail_say(trail_walk *walk, const trail_line *line);
/* Errors of sync_trail_each, also below. */
ST_MUST_USE st_err sync_trail_log(trail_walk *walk, st_error *error);
/* Of records as they stand. */
ST_MUST_USE st_err sync_trail_records(trail_walk *walk, st_error *error);
/* Of requests that waited for a second person. */
ST_MUST_USE st_err sync_trail_requests(trail_walk *walk, st_error *error);
/* Of checkpoints that a new epoch gave up, as phones showed them. */
ST_MUST_USE st_err sync_trail_given_up(trail_walk *walk, st_error *error);
/* Of enrolled devices. */
ST_MUST_USE st_err sync_trail_devices(trail_walk *walk, st_error *error);

#endif
