/* tests/fault/live.c - which memory was taken and not given back. Takes none itself: it stands
 * between everybody and the allocator. */
#include <dlfcn.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fault/faults.h"

#define SLOTS   (1u << 17)
#define DEPTH   10
#define REMOVED ((void *)1)

typedef struct {
    void *piece, *taker;
    size_t len;
} live_slot;

static live_slot slots[SLOTS];
static void *frames[SLOTS][DEPTH]; /* of each slot's taker, only when they are asked for */
static bool want_frames;
static size_t used, pieces; /* slots ever taken since start, and pieces that live now */
static atomic_bool on;
static _Thread_local bool walking; /* the first walk of the stack takes memory itself */
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void enter(void)
{
    while (atomic_flag_test_and_set(&lock))
        continue;
}

static void leave(void)
{
    atomic_flag_clear(&lock);
}

static size_t first_of(const void *piece)
{
    return (size_t)(((uintptr_t)piece >> 4) * 0x9e3779b97f4a7c15u >> 40) % SLOTS;
}

void live_start(void)
{
    if (used > 0)
        memset(slots, 0, sizeof slots);
    want_frames = getenv("TRACE") != NULL;
    used = pieces = 0;
    atomic_store(&on, true);
}

void live_stop(void)
{
    atomic_store(&on, false);
}

void live_add(void *piece, size_t len, void *taker)
{
    if (piece == NULL || walking || !atomic_load(&on))
        return;
    enter();
    size_t at = first_of(piece);
    while (slots[at].piece != NULL && slots[at].piece != REMOVED)
        at = (at + 1) % SLOTS;
    if (slots[at].piece == NULL)
        used++;
    slots[at] = (live_slot){ piece, taker, len };
    pieces++;
    if (want_frames) {
        walking = true;
        memset(frames[at], 0, sizeof frames[at]);
        (void)backtrace(frames[at], DEPTH);
        walking = false;
    }
    if (used > SLOTS - SLOTS / 8) /* the table itself ran full: say nothing rather than lie */
        atomic_store(&on, false);
    leave();
}

void live_drop(void *piece)
{
    if (piece == NULL || walking || !atomic_load(&on))
        return;
    enter();
    for (size_t at = first_of(piece); slots[at].piece != NULL; at = (at + 1) % SLOTS) {
        if (slots[at].piece != piece)
            continue;
        slots[at].piece = REMOVED;
        pieces--;
        break;
    }
    leave();
}

/* What the loader takes for a thread is kept with its stack, for the next one. CivetWeb 1.15 keeps
 * what it took when it could not start all its threads; sotayd ends then. */
static bool is_foreign(const live_slot *slot)
{
    Dl_info info;
    return dladdr(slot->taker, &info) != 0 && (strstr(info.dli_fname, "/ld-linux") != NULL ||
                                               strstr(info.dli_fname, "/libcivetweb") != NULL);
}

static bool is_piece(const live_slot *slot)
{
    return slot->piece != NULL && slot->piece != REMOVED && !is_foreign(slot);
}

size_t live_count(bool say)
{
    if (!atomic_load(&on))
        return 0;
    size_t count = 0;
    for (size_t i = 0; pieces > 0 && i < SLOTS; i++) {
        if (!is_piece(&slots[i]) || ++count > 5 || !say)
            continue;
        static const char WHAT[] = "  not given back, taken at:\n";
        (void)!write(STDERR_FILENO, WHAT, sizeof WHAT - 1);
        if (want_frames)
            backtrace_symbols_fd(frames[i], DEPTH, STDERR_FILENO);
        else
            backtrace_symbols_fd(&slots[i].taker, 1, STDERR_FILENO);
    }
    return count;
}
