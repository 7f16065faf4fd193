/* tests/unit/client-lib/test_anew_faults.c
 * Records of which something is lost, looked for and noted, in whatever step the phone has no
 * memory or its store fails (docs/protocol.md 7.8): a set of ours that is held and does not open,
 * a record of which nothing says where it lies. Each time it says so and the store is as before, or
 * all of it is done. */
#include "client-lib/src/anew.h"
#include "client-lib/src/overlay.h"
#include "tests/unit/client-lib/trial.h"

struct bench {
    trial on;
    edge *e;
    phone an;
    sotay_id told, own;      /* visits: in the log; in a set that was never sent */
    outbox_set sent, unsent; /* own ones */
    st_bucket unit;
};

static void bench_note(bench *b, overlay_status status, st_hold hold)
{
    const st_id record = phone_id(&b->told);
    const overlay_entry entry = { .dot = { b->sent.device, b->sent.first },
                                  .first = b->sent.first,
                                  .status = status,
                                  .hold = hold };
    rows_begin(&b->an);
    assert_int_equal(overlay_put(&b->an.client->book, &record, &entry, NULL), ST_OK);
    rows_commit(&b->an);
}

/* The set that made a visit is held by the office, and does not open here any more. */
static int bench_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    b.e = phone_alone(&b.an);
    b.told = phone_visit(&b.an, "chợ");
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    b.own = phone_visit(&b.an, "trạm");
    rows_seal(&b.an);
    trial_find_own(&b.an, &b.sent, &b.unsent);
    assert_true(st_bucket_set(&b.unit, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    const book_key set = book_key_counter(BOOK_SET, &b.sent.device, b.sent.first);
    bench_note(&b, OVERLAY_HELD, ST_HOLD_SCOPE);
    rows_spoil(&b.an, &set);
    b.on.from = &b.an;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    phone_part(b->e, &b->an, NULL);
    return 0;
}

static st_err held_ones_are_looked_for(bench *b, st_error *error)
{
    return anew_find_held(b->on.copy.client, error);
}

static st_err a_page_is_about_one(bench *b, st_error *error)
{
    bool is_noted = false;
    const st_record record = { .id = phone_id(&b->told), .bucket = b->unit };
    st_err err = anew_note_held(b->on.copy.client, &record, &is_noted, error);
    if (err == ST_OK)
        assert_true(is_noted);
    return err;
}

/* Of one the bucket is not known and no set here makes it, of one it is read anew by itself. */
static st_err nothing_says_where(bench *b, st_error *error)
{
    anew_lost list[] = { { .record = { { 9 } } },
                         { .record = phone_id(&b->own), .home = &b->unit },
                         { .record = { { 8 } }, .home = &b->unit, .is_but_home = true } };
    return anew_note_found(b->on.copy.client, list, sizeof list / sizeof list[0], error);
}

static st_err the_bucket_is_read_anew(bench *b, st_error *error)
{
    return anew_forget(b->on.copy.client, &b->unit, error);
}

static st_err it_is_known_where(bench *b, st_error *error)
{
    bool is_found = false, has = false;
    const st_id record = phone_id(&b->told);
    st_err err = anew_is_found(b->on.copy.client, &record, &is_found, error);
    if (err == ST_OK)
        err = anew_has(b->on.copy.client, &record, &has, error);
    if (err == ST_OK)
        assert_true(has && !is_found);
    return err;
}

static void test_what_is_lost_is_noted(void **state)
{
    static const scene SCENES[] = {
        { .why = "held ones are looked for", .what = held_ones_are_looked_for, .is_alone = true },
        { .why = "a page is about one", .what = a_page_is_about_one },
        { .why = "nothing says where", .what = nothing_says_where },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* Before a note that does not open. */
static void test_notes_are_read_and_go(void **state)
{
    static const scene SCENES[] = {
        { .why = "it is known where", .what = it_is_known_where, .only_reads = true },
        { .why = "the bucket is read anew", .what = the_bucket_is_read_anew },
    };
    bench *b = *state;
    const st_id record = phone_id(&b->told);
    book_key key = book_key_id(BOOK_ANEW, &record);
    rows_begin(&b->an);
    assert_int_equal(anew_note(b->an.client, &record, &b->unit, NULL), ST_OK);
    rows_commit(&b->an);
    book_key_bytes(&key, "01477/unit/01477-x999", 21);
    rows_spoil(&b->an, &key);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
    rows_delete(&b->an, &key);
    rows_clear(&b->an, BOOK_ANEW);
}

/* How many are noted after all held ones were looked for. */
static size_t noted(bench *b)
{
    assert_int_equal(anew_find_held(b->an.client, NULL), ST_OK);
    size_t count = rows_count(&b->an, BOOK_ANEW);
    rows_clear(&b->an, BOOK_ANEW);
    return count;
}

/* Nothing would come of what is of another branch or of what nobody reads, of a bucket that is not
 * read here, and for a device that is given no pages. */
static void test_what_would_not_come_is_not_noted(void **state)
{
    bench *b = *state;
    bucket_state at;
    sotay_client *client = b->an.client;
    assert_int_equal(noted(b), 1);
    bench_note(b, OVERLAY_HELD, ST_HOLD_FORK);
    assert_int_equal(noted(b), 0);
    bench_note(b, OVERLAY_HELD, ST_HOLD_CORRUPT);
    assert_int_equal(noted(b), 0);
    bench_note(b, OVERLAY_HELD, ST_HOLD_SCOPE);
    client->me.standing = ST_STANDING_SUSPENDED;
    assert_int_equal(noted(b), 0);
    client->me.standing = ST_STANDING_IN_USE;
    for (int in_scope = 0; in_scope < 2; in_scope++) {
        rows_begin(&b->an);
        assert_int_equal(bucket_get(&client->book, &b->unit, &at, NULL), ST_OK);
        at.in_scope = in_scope;
        assert_int_equal(bucket_put(&client->book, &b->unit, &at, NULL), ST_OK);
        rows_commit(&b->an);
        assert_int_equal(noted(b), in_scope);
    }
}

/* A key that no program wrote. */
static void test_a_note_with_a_damaged_key(void **state)
{
    bench *b = *state;
    st_id record;
    st_bucket bucket;
    const book_key prefix = book_key_of(BOOK_ANEW);
    book_key key = prefix;
    book_key_bytes(&key, "short", 5);
    for (int i = 0; i < 2; i++) {
        book_scan scan = book_scan_of(&prefix);
        rows_put(&b->an, &key, "", 0);
        assert_int_equal(client_begin(b->an.client, false, NULL), ST_OK);
        assert_int_equal(anew_next(b->an.client, &scan, &record, &bucket, NULL), ST_E_CORRUPT);
        client_abort(b->an.client);
        rows_delete(&b->an, &key);
        key = book_key_id(BOOK_ANEW, &b->sent.device);
        book_key_bytes(&key, "no bucket", 9);
    }
}

/* One phone for all. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_lost_is_noted),
        cmocka_unit_test(test_notes_are_read_and_go),
        cmocka_unit_test(test_what_would_not_come_is_not_noted),
        cmocka_unit_test(test_a_note_with_a_damaged_key),
    };
    return cmocka_run_group_tests_name("anew faults", tests, bench_open, bench_close);
}
