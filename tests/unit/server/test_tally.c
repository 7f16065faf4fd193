/* tests/unit/server/test_tally.c
 * Who is in the room is counted right, whoever comes and goes in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "server/http/tally.h"

#define ROOM 16
#define EACH 3

typedef struct {
    uint8_t b[TALLY_KEY_BYTES];
} tally_key;

static tally_key key_of(unsigned n)
{
    tally_key key = { { 0 } };
    memcpy(key.b, &n, sizeof n);
    return key;
}

static bool enter(tally *t, unsigned n)
{
    return tally_enter(t, key_of(n).b);
}

static void leave(tally *t, unsigned n)
{
    tally_leave(t, key_of(n).b);
}

static void test_each_has_its_share(void **state)
{
    (void)state;
    tally *t = tally_new(ROOM, EACH);
    assert_non_null(t);
    for (int i = 0; i < EACH; i++)
        assert_true(enter(t, 1));
    assert_false(enter(t, 1));
    assert_true(enter(t, 2));
    leave(t, 1);
    assert_true(enter(t, 1));
    assert_false(enter(t, 1));
    tally_clear(t);
    for (int i = 0; i < EACH; i++)
        assert_true(enter(t, 1));
    assert_false(enter(t, 1));
    tally_free(t);
    tally_free(NULL);
}

static void test_a_room_has_an_end(void **state)
{
    (void)state;
    tally *t = tally_new(ROOM, EACH);
    assert_non_null(t);
    for (unsigned i = 0; i < ROOM; i++)
        assert_true(enter(t, i));
    assert_false(enter(t, ROOM));              /* nobody is put out for a new one */
    leave(t, 5);
    assert_true(enter(t, ROOM));
    assert_false(enter(t, 5));
    assert_true(enter(t, 0));                  /* who is in may be in again */
    tally_free(t);
}

/* A plain list of counts says the same after every step. */
static void test_random_comings_and_goings(void **state)
{
    (void)state;
    enum { KEYS = 24, STEPS = 20000 };
    unsigned counts[KEYS] = { 0 }, in = 0;
    uint64_t random = 7;
    tally *t = tally_new(ROOM, EACH);
    assert_non_null(t);
    for (int i = 0; i < STEPS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned n = (unsigned)(random >> 33) % KEYS;
        if ((random >> 60) % 2 == 0 && counts[n] > 0) {
            leave(t, n);
            in -= --counts[n] == 0;
            continue;
        }
        bool fits = counts[n] > 0 ? counts[n] < EACH : in < ROOM;
        assert_int_equal(enter(t, n), fits);
        if (fits)
            in += counts[n]++ == 0;
    }
    tally_free(t);
}

typedef struct {
    tally *t;
    atomic_uint inside, most;
} crowd;

static void *come_and_go(void *argument)
{
    crowd *c = argument;
    for (int i = 0; i < 5000; i++) {
        if (!enter(c->t, 1))
            continue;
        unsigned now = atomic_fetch_add(&c->inside, 1) + 1, most = atomic_load(&c->most);
        while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
            continue;
        atomic_fetch_sub(&c->inside, 1);
        leave(c->t, 1);
    }
    return NULL;
}

static void test_many_threads_at_once(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    crowd c = { .t = tally_new(ROOM, EACH) };
    assert_non_null(c.t);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(atomic_load(&c.most), 1, EACH);
    for (int i = 0; i < EACH; i++)             /* all of them have left */
        assert_true(enter(c.t, 1));
    assert_false(enter(c.t, 1));
    tally_free(c.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_share),
        cmocka_unit_test(test_a_room_has_an_end),
        cmocka_unit_test(test_random_comings_and_goings),
        cmocka_unit_test(test_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
