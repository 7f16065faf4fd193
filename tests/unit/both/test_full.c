/* tests/unit/both/test_full.c
 * More than one meeting, one bundle or one list holds: what had no room goes the next time, and
 * nothing of it is lost or given twice. The amounts are those of the protocol, so most of it runs
 * only where there is time (TEST_LONG or EACH_PLACE). */
#include "tests/unit/both/world.h"

#include "client-lib/src/carried.h"
#include "tests/unit/client-lib/meeting.h"
#include "tests/unit/client-lib/rows.h"

#define LARGE ((size_t)600000)
#define MANY  60u /* large ones: more than ST_CARRY_BYTES_MAX, less than two of it */

static world w;

static int world_open(void **state)
{
    world_make_with(&w, 1, (world_how){ 2, false });
    /* each knows the other's device */
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
    *state = &w;
    return 0;
}

static int world_close(void **state)
{
    world_free(*state);
    return 0;
}

static bool has_time(void)
{
    return getenv("TEST_LONG") != NULL || getenv("EACH_PLACE") != NULL;
}

/* Parcels of devices that nobody knows, as they come by hand. */
static void take_parcels(phone *p, uint8_t owner, size_t count, size_t len)
{
    uint8_t *noise = malloc(len);
    uint64_t seed = owner;
    assert_non_null(noise);
    rows_begin(p);
    for (size_t i = 0; i < count; i++) {
        bool is_new = false;
        for (size_t k = 0; k < len; k += 8) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            memcpy(noise + k, &seed, len - k < 8 ? len - k : 8);
        }
        st_parcel parcel = { .kind = ST_PARCEL_SET,
                             .first = i + 1,
                             .name = { { owner } },
                             .sealed = noise,
                             .sealed_len = len };
        memset(parcel.owner.b, owner, sizeof parcel.owner.b);
        assert_int_equal(carried_take_parcel(p->client, &parcel, &is_new, NULL), ST_OK);
        assert_true(is_new);
    }
    rows_commit(p);
    free(noise);
}

static meeting meet(void)
{
    meeting m = { .who = { &w.phones[0], &w.phones[1] } };
    assert_int_equal(meeting_run(&m), SOTAY_OK);
    assert_true(m.reports[0].done && m.reports[1].done);
    return m;
}

/* Where there is room, all goes at once, and no more is said to be there. */
static void test_two_phones_with_room(void **state)
{
    (void)state;
    take_parcels(&w.phones[0], 1, 3, 5000);
    take_parcels(&w.phones[1], 2, 4, 5000);
    meeting m = meet();
    assert_true(!m.reports[0].more && !m.reports[1].more);
    assert_int_equal(m.reports[0].sets_taken, 4);
    assert_int_equal(m.reports[1].sets_taken, 3);
}

/* Both have more than one meeting takes: both say so, and the next meeting brings the rest. */
static void test_two_full_phones(void **state)
{
    (void)state;
    if (!has_time())
        skip();
    take_parcels(&w.phones[0], 1, MANY, LARGE);
    take_parcels(&w.phones[1], 2, MANY, LARGE);
    meeting m = meet();
    for (int i = 0; i < 2; i++) {
        assert_true(m.reports[i].more);
        assert_in_range(m.reports[i].sets_given, 50, MANY - 1);
        assert_int_equal(m.reports[i].sets_given, m.reports[1 - i].sets_taken);
    }
    uint64_t before[2] = { m.reports[0].sets_taken, m.reports[1].sets_taken };
    m = meet();
    for (size_t i = 0; i < 2; i++) {
        assert_false(m.reports[i].more);
        assert_int_equal(before[i] + m.reports[i].sets_taken, MANY);
        assert_int_equal(rows_count(&w.phones[i], BOOK_PARCEL), 2 * MANY);
    }
    m = meet(); /* and nothing goes a second time */
    assert_int_equal(m.reports[0].sets_taken + m.reports[1].sets_taken, 0);
}

/* A list that names no more is no harm: what it does not name comes again, and is known. */
static void test_more_than_a_list_names(void **state)
{
    (void)state;
    if (!has_time())
        skip();
    take_parcels(&w.phones[0], 3, ST_CARRY_KNOWN_MAX + 8, 60);
    meeting m = meet();
    assert_int_equal(m.reports[1].sets_taken, ST_CARRY_KNOWN_MAX + 8);
    m = meet();
    assert_in_range(m.reports[0].sets_given, 1, 64);
    assert_int_equal(m.reports[1].sets_taken, 0);
    assert_int_equal(rows_count(&w.phones[1], BOOK_PARCEL), ST_CARRY_KNOWN_MAX + 8);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_two_phones_with_room),
        CASE(test_two_full_phones),
        CASE(test_more_than_a_list_names),
    };
    return cmocka_run_group_tests_name("full", tests, NULL, NULL);
}
