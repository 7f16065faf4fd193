/* tests/unit/server/test_begun.c
 * Of a request whose line broke its beginning is kept: joined when it broke again, of each device
 * the last, within bounds of bytes, devices and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/begun.h"

#define WHOLE ((size_t)20000)

/* One stream whose beginnings come. */
typedef struct {
    begun *b;
    uint8_t stream[BEGUN_ONE_BYTES_MAX + 1000];
    uint8_t body[BEGUN_ONE_BYTES_MAX + 2000];
} desk;

static int desk_open(void **state)
{
    static desk d;
    d.b = begun_new();
    assert_non_null(d.b);
    for (size_t i = 0; i < sizeof d.stream; i++)
        d.stream[i] = (uint8_t)(i * 31 + i / 256);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    begun_free(((desk *)*state)->b);
    return 0;
}

static st_id device_of(unsigned n)
{
    st_id device = { { 0xd1 } };
    memcpy(device.b + 4, &n, sizeof n);
    return device;
}

/* `len` bytes of the stream of `of` bytes came, behind those that the request skips. */
static void came(desk *d, unsigned device, uint32_t skip, size_t len, size_t of, int64_t now_ms)
{
    st_head head = { .device = device_of(device), .counter = 1, .skip = skip };
    size_t from = st_head_encode(&head, d->body);
    memcpy(d->body + from, d->stream + skip, len);
    begun_keep(d->b, d->body, from + len, from + of - skip, now_ms);
}

static uint32_t kept(desk *d, unsigned device, int64_t now_ms)
{
    st_id id = device_of(device);
    return begun_of(d->b, &id, now_ms).bytes;
}

static void test_what_came_is_kept(void **state)
{
    desk *d = *state;
    st_buffer out;
    st_id id = device_of(1);
    st_buffer_init(&out, WHOLE);
    assert_int_equal(kept(d, 1, 0), 0);
    came(d, 1, 0, 5000, WHOLE, 0);
    st_kept some = begun_of(d->b, &id, 0);
    assert_int_equal(some.bytes, 5000);
    assert_int_equal(some.of, WHOLE);
    st_hash hash = st_sha256(d->stream, 5000);
    assert_memory_equal(some.check, hash.b, sizeof some.check);
    assert_int_equal(begun_take(d->b, &id, 4000, 0, &out, NULL), ST_OK);
    assert_int_equal(out.len, 4000);
    assert_memory_equal(out.data, d->stream, 4000);
    assert_int_equal(begun_take(d->b, &id, 5001, 0, &out, NULL), ST_E_CHANGED);
    assert_int_equal(out.len, 0);
    assert_int_equal(kept(d, 2, 0), 0);
    /* it went on from there, and broke again */
    came(d, 1, 5000, 3000, WHOLE, 1);
    some = begun_of(d->b, &id, 1);
    hash = st_sha256(d->stream, 8000);
    assert_true(some.bytes == 8000 && some.of == WHOLE);
    assert_memory_equal(some.check, hash.b, sizeof some.check);
    /* another one takes its place */
    came(d, 1, 0, 2000, WHOLE, 2);
    assert_int_equal(kept(d, 1, 2), 2000);
    /* one that goes on from what is not here changes nothing */
    came(d, 1, 2001, 500, WHOLE, 2);
    assert_int_equal(kept(d, 1, 2), 2000);
    begun_drop(d->b, &id, 2);
    assert_int_equal(kept(d, 1, 2), 0);
    begun_drop(d->b, &id, 2);
    st_buffer_free(&out);
}

/* No beginning of a request with pieces, or one that is worth nothing. */
static void test_what_is_not_kept(void **state)
{
    desk *d = *state;
    st_head head = { .device = device_of(1), .counter = 1, .has_base = true };
    came(d, 1, 0, BEGUN_ONE_BYTES_LEAST - 1, WHOLE, 0);
    came(d, 1, 0, 5000, 5000, 0); /* all of it: another failure than a broken line */
    came(d, 1, 0, BEGUN_ONE_BYTES_MAX + 1, BEGUN_ONE_BYTES_MAX + 500, 0);
    came(d, 1, 0, 5000, 2 * BEGUN_ONE_BYTES_MAX + 1, 0);
    size_t from = st_head_encode(&head, d->body);
    begun_keep(d->b, d->body, from + 5000, from + WHOLE, 0);
    begun_keep(d->b, d->body, 50, WHOLE, 0); /* half a head */
    memset(d->body, 0xff, 5000);
    begun_keep(d->b, d->body, 5000, WHOLE, 0);
    assert_int_equal(kept(d, 1, 0), 0);
    came(d, 1, 0, BEGUN_ONE_BYTES_LEAST, WHOLE, 0);
    assert_int_equal(kept(d, 1, 0), BEGUN_ONE_BYTES_LEAST);
    came(d, 1, 0, BEGUN_ONE_BYTES_MAX, BEGUN_ONE_BYTES_MAX + 500, 0);
    assert_int_equal(kept(d, 1, 0), BEGUN_ONE_BYTES_MAX);
    came(d, 1, BEGUN_ONE_BYTES_MAX, 10, BEGUN_ONE_BYTES_MAX + 500, 0);
    assert_int_equal(kept(d, 1, 0), BEGUN_ONE_BYTES_MAX);
}

static void test_minutes(void **state)
{
    desk *d = *state;
    came(d, 1, 0, 5000, WHOLE, 1000);
    came(d, 2, 0, 5000, WHOLE, 2000);
    assert_int_equal(kept(d, 1, 1000 + BEGUN_MS), 5000);
    assert_int_equal(kept(d, 1, 1001 + BEGUN_MS), 0);
    assert_int_equal(kept(d, 2, 1001 + BEGUN_MS), 5000);
    assert_int_equal(kept(d, 1, 1000), 0);
}

/* The oldest go, by bytes and by devices. */
static void test_bounds(void **state)
{
    desk *d = *state;
    unsigned most = (unsigned)(BEGUN_BYTES_MAX / BEGUN_ONE_BYTES_MAX);
    for (unsigned i = 0; i <= most; i++)
        came(d, i, 0, BEGUN_ONE_BYTES_MAX, BEGUN_ONE_BYTES_MAX + 500, i);
    assert_int_equal(kept(d, 0, 100), 0);
    for (unsigned i = 1; i <= most; i++)
        assert_int_equal(kept(d, i, 100), BEGUN_ONE_BYTES_MAX);
    for (unsigned i = 0; i <= BEGUN_ROWS; i++)
        came(d, 1000 + i, 0, 2000, WHOLE, 200 + i);
    assert_int_equal(kept(d, 1, 1000), 0);
    assert_int_equal(kept(d, 1000, 1000), 0);
    for (unsigned i = 1; i <= BEGUN_ROWS; i++)
        assert_int_equal(kept(d, 1000 + i, 1000), 2000);
}

/* Requests break at the same time: each device finds its own, or nothing. */
static void *one_of_many(void *context)
{
    static atomic_uint numbers;
    desk *mine = malloc(sizeof *mine);
    begun *b = context;
    unsigned device = atomic_fetch_add(&numbers, 1);
    st_id id = device_of(device);
    st_buffer out;
    st_buffer_init(&out, WHOLE);
    uintptr_t wrong = mine == NULL;
    for (int64_t i = 0; mine != NULL && i < 300; i++) {
        mine->b = b;
        memset(mine->stream, (int)device + 1, 3000);
        came(mine, device, 0, 2000, WHOLE, i);
        came(mine, device, 2000, 1000, WHOLE, i);
        if (begun_take(b, &id, 3000, i, &out, NULL) == ST_OK)
            wrong += memcmp(out.data, mine->stream, 3000) != 0;
        else
            wrong++;
        if (i % 3 == 0)
            begun_drop(b, &id, i);
    }
    free(mine);
    st_buffer_free(&out);
    return (void *)wrong;
}

static void test_many_at_once(void **state)
{
    desk *d = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, d->b), 0);
    for (size_t i = 0; i < 4; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

/* Without memory for it nothing is kept, and all goes on. */
static void test_nothing_to_keep_it_in(void **state)
{
    desk *d = *state;
    st_buffer out;
    st_id id = device_of(1);
    st_buffer_init(&out, WHOLE);
    begun *b = d->b;
    d->b = NULL;
    came(d, 1, 0, 5000, WHOLE, 0);
    assert_int_equal(kept(d, 1, 0), 0);
    assert_int_equal(begun_take(NULL, &id, 1, 0, &out, NULL), ST_E_CHANGED);
    begun_drop(NULL, &id, 0);
    begun_free(NULL);
    d->b = b;
    st_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_came_is_kept, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_minutes, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_bounds, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_many_at_once, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_nothing_to_keep_it_in, desk_open, desk_close),
    };
    return cmocka_run_group_tests_name("unit/server/test_begun", tests, NULL, NULL);
}
