/* tools/bench/log_clock.c - linked around the log of sotayd (the linker's --wrap): counts what it
 * costs of the processor. LOG_CLOCK names a file of 8 bytes: nanoseconds so far, of all threads.
 * LOG_LESS=1: leaves and checkpoints are not made at all, to see what a push costs without. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "server/audit/leaf.h"
#include "server/audit/news.h"

static struct {
    pthread_once_t once;
    _Atomic uint64_t *ns;
    bool is_less;
} counted = { .once = PTHREAD_ONCE_INIT };

st_err __real_audit_leaf_append(store_txn *txn, uint64_t index, const st_leaf *leaf,
                                st_error *error);
st_err __wrap_audit_leaf_append(store_txn *txn, uint64_t index, const st_leaf *leaf,
                                st_error *error);
st_err __real_audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                         st_error *error);
st_err __wrap_audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                         st_error *error);
st_err __real_audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end,
                         st_error *error);
st_err __wrap_audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end,
                         st_error *error);
st_err __real_audit_cosigned(store_txn *txn, const sync_room *room, const auth_device *device,
                             const st_ask *ask, st_error *error);
st_err __wrap_audit_cosigned(store_txn *txn, const sync_room *room, const auth_device *device,
                             const st_ask *ask, st_error *error);

static void open_clock(void)
{
    const char *path = getenv("LOG_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    counted.is_less = getenv("LOG_LESS") != NULL;
    if (fd < 0 || ftruncate(fd, sizeof(uint64_t)) != 0)
        abort();
    void *page = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        abort();
    counted.ns = page;
    (void)close(fd);
}

static uint64_t start(void)
{
    struct timespec used;
    (void)pthread_once(&counted.once, open_clock);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static st_err stop(uint64_t from, st_err err)
{
    atomic_fetch_add(counted.ns, start() - from);
    return err;
}

st_err __wrap_audit_leaf_append(store_txn *txn, uint64_t index, const st_leaf *leaf,
                                st_error *error)
{
    uint64_t from = start();
    return counted.is_less ? ST_OK
                           : stop(from, __real_audit_leaf_append(txn, index, leaf, error));
}

st_err __wrap_audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                         st_error *error)
{
    uint64_t from = start();
    return counted.is_less ? ST_OK : stop(from, __real_audit_sign(txn, room, before, size, error));
}

st_err __wrap_audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end,
                         st_error *error)
{
    uint64_t from = start();
    return stop(from, __real_audit_news(txn, ask, arena, end, error));
}

st_err __wrap_audit_cosigned(store_txn *txn, const sync_room *room, const auth_device *device,
                             const st_ask *ask, st_error *error)
{
    uint64_t from = start();
    return stop(from, __real_audit_cosigned(txn, room, device, ask, error));
}
