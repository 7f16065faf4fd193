/* tests/fault/faults.c - the count and the plan. Promises: what is not armed is never touched, and
 * the same plan on the same work fails the same call. */
#include "tests/fault/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd_errors.h>

/* clang-format off */
static const fault_family FAMILIES[] = {
    { "memory",       CALL_MEMORY, ENOMEM,                       false, false },
    { "open",         CALL_OPEN,   EMFILE,                       false, false },
    { "read",         CALL_READ,   EIO,                          true,  true  },
    { "write-full",   CALL_WRITE,  ENOSPC,                       true,  false },
    { "write-broken", CALL_WRITE,  EIO,                          true,  false },
    { "write-short",  CALL_WRITE,  FAULT_SHORT,                  true,  false },
    { "sync",         CALL_SYNC,   EIO,                          true,  false },
    { "map",          CALL_MAP,    ENOMEM,                       true,  false },
    { "name",         CALL_NAME,   EIO,                          true,  false },
    { "look",         CALL_LOOK,   EIO,                          true,  false },
    { "remove",       CALL_REMOVE, EIO,                          true,  false },
    { "close",        CALL_CLOSE,  EIO,                          true,  false },
    { "lmdb-broken",  CALL_LMDB,   EIO,                          true,  false },
    { "lmdb-memory",  CALL_LMDB,   ENOMEM,                       false, false },
    { "lmdb-damaged", CALL_LMDB,   MDB_CORRUPTED,                true,  true  },
    { "lmdb-full",    CALL_PUT,    MDB_MAP_FULL,                 true,  false },
    { "zstd-memory",  CALL_ZSTD,   ZSTD_error_memory_allocation, false, false },
    { "curl",         CALL_CURL,   0,                            false, false },
    { "curl-lost",    CALL_CURL,   FAULT_LOST,                   false, false },
    { "sodium",       CALL_SODIUM, -1,                           false, false },
    { "random",       CALL_RANDOM, EIO,                          false, false },
    { "thread",       CALL_THREAD, EAGAIN,                       false, false },
    { NULL,           CALL_NONE,   0,                            false, false },
};
/* clang-format on */

static struct {
    const fault_family *family;
    uint64_t n;
    bool on, trace;
    atomic_bool everywhere, fired;
    _Atomic uint64_t calls[CALL_COUNT];
} plan;

static atomic_bool may_end;
static _Thread_local int armed, paused;

const fault_family *fault_families(void)
{
    return FAMILIES;
}

void fault_plan(const fault_family *family, uint64_t n, bool on)
{
    plan.family = family;
    plan.n = n;
    plan.on = on;
    plan.trace = getenv("TRACE") != NULL;
    atomic_store(&plan.fired, false);
    for (int i = 0; i < CALL_COUNT; i++)
        atomic_store(&plan.calls[i], 0);
}

bool fault_may_cut(void)
{
    return plan.family != NULL && plan.family->may_be_cut;
}

void fault_arm(bool everywhere)
{
    armed++;
    atomic_store(&plan.everywhere, everywhere);
}

void fault_disarm(void)
{
    armed--;
    atomic_store(&plan.everywhere, false);
}

void fault_pause(void)
{
    paused++;
}

void fault_resume(void)
{
    paused--;
}

uint64_t fault_calls(fault_call call)
{
    return atomic_load(&plan.calls[call]);
}

bool fault_fired(void)
{
    return atomic_load(&plan.fired);
}

void fault_may_end(bool may)
{
    atomic_store(&may_end, may);
}

bool fault_can_end(void)
{
    return atomic_load(&may_end);
}

/* Where it failed; `run` turns the addresses into lines. */
static void trace(void)
{
    void *frames[24];
    plan.trace = false;
    paused++;
    int count = backtrace(frames, 24);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    paused--;
}

int fault_hits(fault_call call)
{
    if (paused > 0 || (armed <= 0 && !atomic_load(&plan.everywhere)))
        return 0;
    uint64_t at = atomic_fetch_add(&plan.calls[call], 1) + 1;
    const fault_family *family = plan.family;
    if (family == NULL || family->call != call || at < plan.n || (at > plan.n && !plan.on))
        return 0;
    atomic_store(&plan.fired, true);
    if (plan.trace)
        trace();
    return family->code != 0 ? family->code : 1;
}

void *fault_real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        static const char WHY[] = "fault-rig: a library has no such function\n";
        (void)!write(STDERR_FILENO, WHY, sizeof WHY - 1);
        abort();
    }
    return found;
}
