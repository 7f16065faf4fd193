/* server/sync/cutter.c - snapshots ahead of those who ask.
 * Promises: no request waits for it, no transaction is open while it compresses; it ends soon when
 * told to. Must never fail a server because a snapshot could not be made: who asks is served
 * anyway, and the next look tries again. */
#include "server/sync/cutter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"
#include "server/sync/snapshot.h"

#define NAMES_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define LATEST          100u   /* times quiet_s: a log that is never quiet has snapshots too */
#define NICE            19     /* the last in the queue for the processor */

struct cutter {
    sync_room *room;
    pthread_t thread;
    pthread_mutex_t mutex;     /* for the waiting only */
    pthread_cond_t wake;
    atomic_bool stop;
    atomic_uint quiet_s;
    uint64_t seen;             /* size of the log when it was looked at last */
    unsigned quiet, waited;    /* seconds: since it grew; since it grew first after a look */
    bool has_news;             /* something came that no look has seen; true at first */
};

/* ---- one look ---- */

typedef struct {
    st_bucket *list;
    size_t count, capacity;
} bucket_names;

static st_err add_name(bucket_names *names, st_arena *arena, store_slice key, st_error *error)
{
    if (names->count == names->capacity) {
        st_bucket *list = st_arena_grow(arena, names->list, names->count, &names->capacity,
                                        sizeof *list);
        if (list == NULL)
            return st_fail(error, ST_E_MEMORY, "snapshot: out of memory");
        names->list = list;
    }
    st_bucket *bucket = &names->list[names->count];
    memset(bucket, 0, sizeof *bucket);
    /* Keys end with the zero of pack_text. */
    if (key.len == 0 || key.len > sizeof bucket->s)
        return ST_OK;
    memcpy(bucket->s, key.data, key.len);
    bucket->s[sizeof bucket->s - 1] = 0;
    names->count++;
    return ST_OK;
}

static st_err read_names(sync_room *room, st_arena *arena, bucket_names *names, st_error *error)
{
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = store_cursor_open(&txn, STORE_BUCKET, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = add_name(names, arena, cursor.key, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    store_end(&txn);
    return err;
}

st_err cutter_look(sync_room *room, const atomic_bool *stop, st_error *error)
{
    st_arena arena;
    bucket_names names = { 0 };
    st_arena_init(&arena, NAMES_BYTES_MAX);
    st_err first = read_names(room, &arena, &names, error);
    for (size_t i = 0; i < names.count; i++) {
        st_error own = { 0 };
        st_err err = sync_snapshot_prepare(room, &names.list[i], stop, &own);
        if (err != ST_OK && first == ST_OK) {
            first = err;
            if (error != NULL)
                *error = own;
        }
        if (err == ST_E_BUSY)
            break;
    }
    st_arena_reset(&arena);
    return first;
}

/* ---- the thread ---- */

static st_err log_size(sync_room *room, uint64_t *out_size)
{
    store_txn txn = { 0 };
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = sync_log_size(&txn, out_size, NULL);
    store_end(&txn);
    return err;
}

/* Called each second. Is it time for a look? */
static bool is_time(cutter *c)
{
    uint64_t size = c->seen;
    unsigned quiet_s = atomic_load(&c->quiet_s);
    if (quiet_s == 0 || own_clock_waits(c->room->clock) || log_size(c->room, &size) != ST_OK)
        return false;
    c->quiet = size == c->seen ? c->quiet + 1 : 0;
    c->has_news = c->has_news || size != c->seen;
    c->waited = c->has_news ? c->waited + 1 : 0;
    c->seen = size;
    return c->has_news && (c->quiet >= quiet_s || c->waited >= quiet_s * LATEST);
}

static void wait_a_second(cutter *c)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    (void)pthread_mutex_lock(&c->mutex);
    if (!atomic_load(&c->stop))
        (void)pthread_cond_timedwait(&c->wake, &c->mutex, &until);
    (void)pthread_mutex_unlock(&c->mutex);
}

static void *cutter_main(void *argument)
{
    cutter *c = argument;
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread alone */
    while (!atomic_load(&c->stop)) {
        wait_a_second(c);
        if (atomic_load(&c->stop) || !is_time(c))
            continue;
        c->has_news = false;
        c->waited = 0;
        st_error error = { 0 };
        st_err err = cutter_look(c->room, &c->stop, &error);
        if (err != ST_OK && err != ST_E_BUSY) /* tried again when something comes */
            (void)fprintf(stderr, "sotay: snapshots are not ready: %s\n", error.detail);
    }
    return NULL;
}

st_err cutter_new(sync_room *room, unsigned quiet_s, cutter **out_cutter, st_error *error)
{
    pthread_condattr_t how;
    cutter *c = calloc(1, sizeof *c);
    if (c == NULL)
        return st_fail(error, ST_E_MEMORY, "cutter: out of memory");
    c->room = room;
    c->has_news = true;
    atomic_store(&c->quiet_s, quiet_s);
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_condattr_init(&how);
    (void)pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&c->wake, &how);
    (void)pthread_condattr_destroy(&how);
    if (pthread_create(&c->thread, NULL, cutter_main, c) != 0) {
        (void)pthread_cond_destroy(&c->wake);
        (void)pthread_mutex_destroy(&c->mutex);
        free(c);
        return st_fail(error, ST_E_SERVER, "cutter: no thread");
    }
    *out_cutter = c;
    return ST_OK;
}

void cutter_configure(cutter *c, unsigned quiet_s)
{
    if (c != NULL)
        atomic_store(&c->quiet_s, quiet_s);
}

void cutter_free(cutter *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->mutex);
    atomic_store(&c->stop, true);
    (void)pthread_cond_signal(&c->wake);
    (void)pthread_mutex_unlock(&c->mutex);
    (void)pthread_join(c->thread, NULL);
    (void)pthread_cond_destroy(&c->wake);
    (void)pthread_mutex_destroy(&c->mutex);
    free(c);
}
