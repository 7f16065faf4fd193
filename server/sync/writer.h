/* server/sync/writer.h - the one writer. Jobs queue up; the writer thread takes all that wait (at
 * most WRITER_BATCH_MAX), runs them in one transaction, commits once, and wakes their owners: an
 * acknowledgement leaves only after the commit. Without a thread (sotayctl, tests, simulator) a
 * submitted job runs at once in the caller. */
#ifndef SOTAY_SERVER_SYNC_WRITER_H
#define SOTAY_SERVER_SYNC_WRITER_H

#include "server/sync/sync.h"

#define WRITER_BATCH_MAX 64u
#define WRITER_QUEUE_MAX 1024u

typedef struct writer writer;

/* What a job sees while it runs. The log counters are those of the open transaction. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    uint64_t next_index;       /* of the next log entry */
    int64_t last_time_ms;      /* of the last entry */
    uint64_t next_held;        /* number of the next held change */
    st_arena *arena;           /* for one job; reset after it */
} writer_turn;

/* One piece of work. `run` may be called more than once (a full map, another job of the batch that
 * failed): it must leave nothing behind but what it writes through turn->txn and, at the end, its
 * own results. When it returns an error, nothing that it wrote is kept. */
typedef struct writer_job {
    st_err (*run)(writer_turn *turn, void *argument, st_error *error);
    void *argument;
    st_err result;             /* of run, or ST_E_STORAGE of the commit */
    st_error error;
    bool is_done;              /* the writer's own */
    bool begins;               /* the same: of the thread that does what the start left */
    struct writer_job *next;   /* the writer's own */
} writer_job;

/* threaded: start the writer thread. ST_E_MEMORY, ST_E_SERVER. */
ST_MUST_USE st_err writer_new(sync_room *room, bool threaded, writer **out_writer,
                              st_error *error);
/* Finishes what is queued, then stops. */
void writer_free(writer *w);
/* Runs the job and returns its result after the commit. ST_E_BUSY: the queue is full (later), the
 * server waits for its clock, or another thread does what the start left (own_clock_begin).
 * Thread-safe; must not be called from within a job. */
ST_MUST_USE st_err writer_submit(writer *w, writer_job *job, st_error *error);
/* The room it writes for. */
sync_room *writer_room(const writer *w);
/* Jobs that wait now, for /metrics. */
size_t writer_waiting(writer *w);

#endif
