/* server/sync/writer.c - the one writer: group commit.
 * Promises: a job's owner wakes after the commit that holds its work, or with the reason why there
 * is none; one job that fails takes nothing of the others with it. Must never wait for the network
 * or hold its lock while it writes. */
#include "server/sync/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "server/audit/sign.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"

#define TURN_BYTES_MAX ((size_t)512 * 1024 * 1024)

struct writer {
    sync_room *room;
    bool is_threaded, is_stopping;
    pthread_t thread;
    pthread_mutex_t mutex;     /* guards queue and flags */
    pthread_cond_t arrived, done;
    writer_job *first, **last;
    size_t waiting;
    pthread_mutex_t inline_mutex; /* without a thread: one job at a time */
    st_arena arena;
};

/* What begins a new epoch writes while the mark stands, and takes it away; nothing of others comes
 * before it. */
static st_err may_write(const sync_room *room, const writer_job *job, st_error *error)
{
    st_err err = own_clock_may_write(room->clock, job->begins, error);
    if (err == ST_OK && !job->begins && room->side != NULL && side_is_rolled_back(room->side))
        err = st_fail(error, ST_E_STORAGE, SYNC_ROLLED_BACK);
    return err;
}

/* Runs jobs list[0..count) in one transaction. */
static st_err attempt(writer *w, writer_job **list, size_t count, st_error *error)
{
    store_txn txn = { 0 };
    writer_turn turn = { 0 };
    store *s = w->room->store;
    if (store_failure(s) != NULL)
        (void)store_probe(s);                  /* room may have been made on the disk */
    turn.room = w->room;
    turn.txn = &txn;
    turn.arena = &w->arena;
    own_clock_step step;
    bool is_set = own_clock_due(w->room->clock, &step);
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = may_write(w->room, list[i], error);
    if (err != ST_OK)
        return err;
    err = store_begin(s, STORE_WRITE_TXN, &txn, error);
    if (err != ST_OK)
        return err;
    err = sync_turn_begin(&turn, error);
    uint64_t before = turn.next_index - 1;
    if (err == ST_OK && is_set)
        err = own_clock_note(&turn, &step, error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        err = list[i]->run(&turn, list[i]->argument, error);
        st_arena_reset(&w->arena);
    }
    if (err == ST_OK)
        err = own_clock_keep(&turn, error);
    if (err == ST_OK)
        err = sync_turn_end(&turn, error);
    if (err == ST_OK)
        err = audit_sign(&txn, w->room, before, turn.next_index - 1, error);
    if (err == ST_OK)
        err = store_commit(&txn, error);
    if (err == ST_OK && w->room->side != NULL)
        side_note_size(w->room->side, turn.next_index - 1);
    store_end(&txn);
    if (err == ST_OK && is_set)
        own_clock_noted(w->room->clock, &step);
    catalogue_settle(w->room->catalogue, err == ST_OK);
    return err;
}

static st_err attempt_with_room(writer *w, writer_job **list, size_t count, st_error *error)
{
    st_err err = attempt(w, list, count, error);
    while (err == ST_E_STORAGE && store_grow(w->room->store))
        err = attempt(w, list, count, error);
    return err;
}

static void run_batch(writer *w, writer_job **list, size_t count)
{
    st_error error = { 0 };
    st_err err = attempt_with_room(w, list, count, &error);
    for (size_t i = 0; i < count; i++) {
        if (err != ST_OK && count > 1) {       /* one of them is bad: each for itself */
            st_error own = { 0 };
            list[i]->result = attempt_with_room(w, &list[i], 1, &own);
            list[i]->error = own;
        } else {
            list[i]->result = err;
            list[i]->error = error;
        }
    }
}

/* Under the lock: takes what waits, at most WRITER_BATCH_MAX. */
static size_t take_batch(writer *w, writer_job *list[WRITER_BATCH_MAX])
{
    size_t count = 0;
    while (w->first != NULL && count < WRITER_BATCH_MAX) {
        list[count++] = w->first;
        w->first = w->first->next;
    }
    if (w->first == NULL)
        w->last = &w->first;
    w->waiting -= count;
    return count;
}

static void *writer_main(void *argument)
{
    writer *w = argument;
    writer_job *list[WRITER_BATCH_MAX];
    (void)pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (w->first == NULL && !w->is_stopping)
            (void)pthread_cond_wait(&w->arrived, &w->mutex);
        size_t count = take_batch(w, list);
        if (count == 0)
            break;
        (void)pthread_mutex_unlock(&w->mutex);
        run_batch(w, list, count);
        (void)pthread_mutex_lock(&w->mutex);
        for (size_t i = 0; i < count; i++)
            list[i]->is_done = true;
        (void)pthread_cond_broadcast(&w->done);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return NULL;
}

st_err writer_new(sync_room *room, bool threaded, writer **out_writer, st_error *error)
{
    writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return st_fail(error, ST_E_MEMORY, "writer: out of memory");
    w->room = room;
    w->last = &w->first;
    st_arena_init(&w->arena, TURN_BYTES_MAX);
    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_mutex_init(&w->inline_mutex, NULL);
    (void)pthread_cond_init(&w->arrived, NULL);
    (void)pthread_cond_init(&w->done, NULL);
    if (threaded && pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        writer_free(w);
        return st_fail(error, ST_E_SERVER, "writer: no thread");
    }
    w->is_threaded = threaded;
    *out_writer = w;
    return ST_OK;
}

void writer_free(writer *w)
{
    if (w == NULL)
        return;
    if (w->is_threaded) {
        (void)pthread_mutex_lock(&w->mutex);
        w->is_stopping = true;
        (void)pthread_cond_signal(&w->arrived);
        (void)pthread_mutex_unlock(&w->mutex);
        (void)pthread_join(w->thread, NULL);
    }
    st_arena_reset(&w->arena);
    (void)pthread_cond_destroy(&w->done);
    (void)pthread_cond_destroy(&w->arrived);
    (void)pthread_mutex_destroy(&w->inline_mutex);
    (void)pthread_mutex_destroy(&w->mutex);
    free(w);
}

static st_err submit_inline(writer *w, writer_job *job)
{
    (void)pthread_mutex_lock(&w->inline_mutex);
    run_batch(w, &job, 1);
    (void)pthread_mutex_unlock(&w->inline_mutex);
    return job->result;
}

st_err writer_submit(writer *w, writer_job *job, st_error *error)
{
    assert(job->run != NULL);
    job->is_done = false;
    job->begins = own_clock_begins_here(w->room->clock);
    job->next = NULL;
    if (!w->is_threaded) {
        st_err err = submit_inline(w, job);
        if (err != ST_OK && error != NULL)
            *error = job->error;
        return err;
    }
    (void)pthread_mutex_lock(&w->mutex);
    if (w->is_stopping || w->waiting >= WRITER_QUEUE_MAX) {
        (void)pthread_mutex_unlock(&w->mutex);
        return st_fail(error, ST_E_BUSY, "writer: too many requests wait");
    }
    *w->last = job;
    w->last = &job->next;
    w->waiting++;
    (void)pthread_cond_signal(&w->arrived);
    while (!job->is_done)
        (void)pthread_cond_wait(&w->done, &w->mutex);
    (void)pthread_mutex_unlock(&w->mutex);
    if (job->result != ST_OK && error != NULL)
        *error = job->error;
    return job->result;
}

sync_room *writer_room(const writer *w)
{
    return w->room;
}

size_t writer_waiting(writer *w)
{
    (void)pthread_mutex_lock(&w->mutex);
    size_t waiting = w->waiting;
    (void)pthread_mutex_unlock(&w->mutex);
    return waiting;
}
