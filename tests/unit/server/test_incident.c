/* tests/unit/server/test_incident.c - the list of what went wrong at a device has an end; what the
 * device showed, and was told that it is kept, has none. */
#include "server/sync/incident.h"
#include "tests/unit/server/erase_kit.h"

typedef struct {
    const kit_phone *phone;
    st_repair_ask ask;
    bool kept;
} showing;

static st_err run_show(writer_turn *turn, void *argument, st_error *error)
{
    showing *s = argument;
    return sync_incident_note(turn, &s->phone->device, &s->ask, &s->kept, error);
}

static bool note(const kit_phone *phone, st_repair_ask ask)
{
    showing s = { .phone = phone, .ask = ask };
    writer_job job = { .run = run_show, .argument = &s };
    s.ask.bucket = phone->bucket;
    assert_int_equal(writer_submit(phone->book->rooms.writer, &job, NULL), ST_OK);
    return s.kept;
}

/* An ordinary repair, the n-th. */
static void repair(const kit_phone *phone, uint64_t n)
{
    const st_range all = { 0 };
    assert_true(note(phone, (st_repair_ask){ .cursor = n, .ranges = &all, .ranges_count = 1 }));
}

/* What the device had of the n-th record, `bytes` of them; alone, or with the question for it. */
static bool show_so(const kit_phone *phone, uint64_t n, size_t bytes, bool asks)
{
    static uint8_t state[INCIDENT_EVIDENCE_BYTES];
    st_repair_evidence one = { .state = state, .state_len = bytes };
    assert_true(bytes <= sizeof state);
    st_put_u64(one.record.b, n);
    return note(phone, (st_repair_ask){ .cursor = n, .evidence = &one, .evidence_count = 1,
                                        .records = &one.record, .records_count = asks ? 1 : 0 });
}

static bool show(const kit_phone *phone, uint64_t n, size_t bytes)
{
    return show_so(phone, n, bytes, false);
}

typedef struct {
    size_t rows, shown;
    uint64_t newest;
} counted;

static bool count_one(void *context, const sync_incident *in)
{
    counted *count = context;
    count->rows++;
    count->shown += in->evidence_count;
    count->newest = in->cursor;
    return true;
}

static counted count_all(kit_book *book)
{
    counted count = { 0 };
    store_txn txn = { 0 };
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_incident_each(&txn, count_one, &count, NULL), ST_OK);
    store_end(&txn);
    return count;
}

/* The list keeps the newest, and whatever was shown. */
static void test_evidence_outlives_the_list(void **state)
{
    kit_book *book = *state;
    kit_phone phone, other;
    kit_enrol(book, "an", 9, &phone);
    other = phone;
    other.device.b[0] ^= 1;
    repair(&other, 1);
    for (uint64_t n = 1; n <= 3u * INCIDENTS_MAX; n++) {
        if (n % 50 == 0)
            assert_true(show(&phone, n, 9));
        else
            repair(&phone, n);
        counted count = count_all(book);
        assert_int_equal(count.shown, n / 50);
        assert_true(count.rows <= INCIDENTS_MAX + 1);
    }
    repair(&phone, 12345);
    counted count = count_all(book);
    assert_int_equal(count.rows, INCIDENTS_MAX + 1);
    assert_true(count.newest == 12345 || count.newest == 1); /* by device */
}

/* Where all hold evidence the last one takes more, and what it cannot take is not said to be kept;
 * a repair is answered all the same. */
static void test_a_list_full_of_evidence(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    kit_enrol(book, "an", 9, &phone);
    for (uint64_t n = 1; n <= INCIDENTS_MAX; n++)
        assert_true(show(&phone, n, 9));
    assert_true(show(&phone, 101, 9));
    repair(&phone, 102);
    assert_int_equal(count_all(book).shown, 101);
    assert_false(show(&phone, 103, INCIDENT_EVIDENCE_BYTES));
    assert_true(show(&phone, 101, 9));         /* again, since an answer was lost */
    assert_true(show(&phone, 104, 9));
    counted count = count_all(book);
    assert_int_equal(count.shown, 102);
    assert_int_equal(count.rows, INCIDENTS_MAX);
}

/* Two buckets of one device are mended at once, in rounds that ask about both. */
static void test_one_for_each_repair(void **state)
{
    kit_book *book = *state;
    kit_phone phone, there;
    kit_enrol(book, "an", 9, &phone);
    there = phone;
    (void)strcpy(there.bucket.s, "trung-khanh/2026/unit/khac");
    const kit_phone *both[] = { &phone, &there };
    for (uint64_t n = 1; n <= 2; n++) {
        st_range part = { 1, { 0 } };
        for (int again = 0; again < 2; again++) /* the answer is lost */
            for (int i = 0; i < 2; i++)
                repair(both[i], n);
        for (int i = 0; i < 6; i++)
            assert_true(note(both[i % 2], (st_repair_ask){ .cursor = n + 2, .ranges = &part,
                                                           .ranges_count = 1 }));
        assert_true(show(&phone, n + 2, 9));
        assert_true(show(&phone, n + 2, 9)); /* again, behind one of the other bucket */
        repair(&there, n);
        assert_true(show(&phone, n + 2, 9));
        assert_int_equal(count_all(book).rows, 3 * n);
        assert_int_equal(count_all(book).shown, n);
    }
}

/* The list has one row to spare, and the second repair takes that of the first: what the first
 * shows finds the incident of years ago, which is full, and is kept all the same. */
static void test_two_repairs_and_room_for_one(void **state)
{
    kit_book *book = *state;
    kit_phone phone, there, elsewhere;
    kit_enrol(book, "an", 9, &phone);
    there = elsewhere = phone;
    (void)strcpy(there.bucket.s, "trung-khanh/2026/unit/khac");
    (void)strcpy(elsewhere.bucket.s, "trung-khanh/2026/unit/nua");
    assert_true(show(&phone, 1, INCIDENT_EVIDENCE_BYTES));
    for (uint64_t n = 2; n < INCIDENTS_MAX; n++)
        assert_true(show(&elsewhere, n, 9));
    repair(&phone, 500);
    repair(&there, 500);
    assert_true(show_so(&phone, 501, 9, true));
    assert_true(show_so(&phone, 501, 9, true)); /* the answer was lost */
    assert_true(show_so(&there, 601, 9, true)); /* the list is full: the last one takes it */
    assert_true(show_so(&phone, 502, 9, true));
    counted count = count_all(book);
    assert_int_equal(count.rows, INCIDENTS_MAX);
    assert_int_equal(count.shown, INCIDENTS_MAX + 2);
}

/* A repair that shows more than one incident holds is several. */
static void test_a_repair_that_shows_much(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    kit_enrol(book, "an", 9, &phone);
    repair(&phone, 1);
    for (uint64_t n = 2; n < 10; n++)
        assert_true(show_so(&phone, n, INCIDENT_EVIDENCE_BYTES / 2, true));
    counted count = count_all(book);
    assert_int_equal(count.rows, 4);
    assert_int_equal(count.shown, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_evidence_outlives_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_list_full_of_evidence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_for_each_repair, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_repairs_and_room_for_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_repair_that_shows_much, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
