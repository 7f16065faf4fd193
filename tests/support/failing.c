/* tests/support/failing.c - promises that exactly one piece of memory is refused, the one that was
 * named, and that everything else comes from where it always comes from. */
#include "tests/support/failing.h"

#include <assert.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/arena.h"
#include "proto/bytes.h"

/* What makes a place where memory is asked for: the function of ours that was called, who called
 * it, and so on. Our helpers are put into the callers, so that this is so in every mode. */
#define PLACE_CALLS     3u
#define PLACE_CALLS_MAX 16u
#define PLACES_MAX      262144u
#define HELPER          static inline __attribute__((always_inline))

static _Thread_local struct {
    uint64_t left; /* pieces until the one that is refused, itself included; 0: none is */
    unsigned calls; /* that make a place */
    bool has_refused, is_paused, wants_new_place;
} failing;

/* Those that had their turn: a hash table of their hashes, 0 where it is free. */
static _Thread_local uint64_t places[PLACES_MAX];
static _Thread_local uint32_t places_count;

void failing_begin(uint64_t n)
{
    failing.left = n;
    failing.has_refused = failing.wants_new_place = false;
}

/* EACH_PLACE says of how many calls a place is made, for who has time for many. */
static unsigned calls_wanted(void)
{
    const char *wish = getenv("EACH_PLACE");
    unsigned long calls = wish == NULL ? 0 : strtoul(wish, NULL, 10);
    return calls < PLACE_CALLS       ? PLACE_CALLS
           : calls < PLACE_CALLS_MAX ? (unsigned)calls
                                     : PLACE_CALLS_MAX - 1;
}

void failing_begin_in_new_place(void)
{
    failing_begin(0);
    failing.wants_new_place = true;
    failing.calls = calls_wanted();
}

bool failing_end(void)
{
    failing.left = 0;
    failing.wants_new_place = false;
    return failing.has_refused;
}

void failing_pause(bool paused)
{
    failing.is_paused = paused;
}

/* Never 0. */
HELPER uint64_t place_hash(unsigned calls)
{
    void *callers[PLACE_CALLS_MAX];
    uint64_t hash = 14695981039346656037u;
    int count = backtrace(callers, (int)calls);
    for (int i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)callers[i]) * 1099511628211u;
    return hash == 0 ? 1 : hash;
}

HELPER bool has_its_turn(uint64_t hash)
{
    size_t at = (size_t)(hash >> 32) % PLACES_MAX;
    while (places[at] != 0 && places[at] != hash)
        at = (at + 1) % PLACES_MAX;
    if (places[at] == hash)
        return false;
    assert(places_count < PLACES_MAX / 2);
    places_count++;
    places[at] = hash;
    return true;
}

bool failing_is_new_place(unsigned calls)
{
    assert(calls < PLACE_CALLS_MAX);
    return !failing.is_paused && has_its_turn(place_hash(calls + 1));
}

HELPER bool is_refused(void)
{
    if (failing.is_paused)
        return false;
    if (failing.wants_new_place && !failing.has_refused)
        failing.has_refused = has_its_turn(place_hash(failing.calls));
    else if (failing.wants_new_place || failing.left == 0 || --failing.left > 0)
        return false;
    else
        failing.has_refused = true;
    return failing.has_refused;
}

/* The linker sends `f` to `__wrap_f`, and `__real_f` to f. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_st_arena_get(st_arena *arena, size_t bytes);
uint8_t *__real_st_arena_copy(st_arena *arena, const void *data, size_t bytes);
void *__real_st_arena_array(st_arena *arena, size_t count, size_t size);
void *__real_st_arena_grow(st_arena *arena, void *array, size_t count, size_t *capacity,
                           size_t size);
uint8_t *__real_st_buffer_reserve(st_buffer *buffer, size_t len);
st_err __real_st_buffer_append(st_buffer *buffer, const void *data, size_t len, st_error *error);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_st_arena_get(st_arena *arena, size_t bytes);
uint8_t *__wrap_st_arena_copy(st_arena *arena, const void *data, size_t bytes);
void *__wrap_st_arena_array(st_arena *arena, size_t count, size_t size);
void *__wrap_st_arena_grow(st_arena *arena, void *array, size_t count, size_t *capacity,
                           size_t size);
uint8_t *__wrap_st_buffer_reserve(st_buffer *buffer, size_t len);
st_err __wrap_st_buffer_append(st_buffer *buffer, const void *data, size_t len, st_error *error);
st_err __wrap_st_buffer_printf(st_buffer *buffer, st_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void *__wrap_malloc(size_t bytes)
{
    return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return is_refused() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_st_arena_get(st_arena *arena, size_t bytes)
{
    return is_refused() ? NULL : __real_st_arena_get(arena, bytes);
}

uint8_t *__wrap_st_arena_copy(st_arena *arena, const void *data, size_t bytes)
{
    return is_refused() ? NULL : __real_st_arena_copy(arena, data, bytes);
}

void *__wrap_st_arena_array(st_arena *arena, size_t count, size_t size)
{
    return is_refused() ? NULL : __real_st_arena_array(arena, count, size);
}

void *__wrap_st_arena_grow(st_arena *arena, void *array, size_t count, size_t *capacity,
                           size_t size)
{
    return is_refused() ? NULL : __real_st_arena_grow(arena, array, count, capacity, size);
}

uint8_t *__wrap_st_buffer_reserve(st_buffer *buffer, size_t len)
{
    return is_refused() ? NULL : __real_st_buffer_reserve(buffer, len);
}

st_err __wrap_st_buffer_append(st_buffer *buffer, const void *data, size_t len, st_error *error)
{
    if (is_refused())
        return st_fail(error, ST_E_MEMORY, "test: no memory for %zu bytes", len);
    return __real_st_buffer_append(buffer, data, len, error);
}

st_err __wrap_st_buffer_printf(st_buffer *buffer, st_error *error, const char *format, ...)
{
    if (is_refused())
        return st_fail(error, ST_E_MEMORY, "test: no memory for a line");
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int chars = vasprintf(&text, format, arguments);
    va_end(arguments);
    st_err err = chars < 0 ? st_fail(error, ST_E_VALUE, "test: cannot format")
                           : __real_st_buffer_append(buffer, text, (size_t)chars, error);
    free(chars < 0 ? NULL : text);
    return err;
}
