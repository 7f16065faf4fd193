/* tests/unit/client-lib/test_purge.c
 * Receipts that are owed for buckets that went: how many a request brings, which of them go when
 * the server says that it has some, and rows that are damaged. */
#include "client-lib/src/purge.h"

#include <stdio.h>

#include "client-lib/src/exchange.h"
#include "tests/unit/client-lib/rows.h"

typedef struct {
    edge *e;
    phone an;
    sotay_sync *sync;
} desk;

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    d.e = phone_alone(&d.an);
    assert_int_equal(sotay_sync_begin(d.an.client, &d.sync, &d.an.error), SOTAY_OK);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    sotay_sync_free(d->sync);
    phone_part(d->e, &d->an, NULL);
    return 0;
}

static void owe(desk *d, unsigned n, uint64_t rev)
{
    char name[64];
    st_bucket bucket;
    const purge_owed owed = { rev, PHONE_WALL_MS, 10 + n, n };
    (void)snprintf(name, sizeof name, EDGE_COMMUNE "/unit/" EDGE_COMMUNE "-x%03u", n);
    assert_true(st_bucket_set(&bucket, name, strlen(name)));
    rows_begin(&d->an);
    assert_int_equal(purge_owe(d->an.client, &bucket, &owed, NULL), ST_OK);
    rows_commit(&d->an);
}

static st_err prepare(desk *d)
{
    st_error error = { ST_OK, "" };
    d->sync->has_purges = false;
    return purge_prepare(d->sync, &error);
}

static void noted(desk *d, uint32_t count, size_t left)
{
    rows_begin(&d->an);
    assert_int_equal(purge_noted(d->sync, count, NULL), ST_OK);
    rows_commit(&d->an);
    assert_int_equal(rows_count(&d->an, BOOK_PURGE), left);
}

static void test_what_is_owed_is_signed(void **state)
{
    desk *d = *state;
    uint8_t text[ST_PURGE_SIGN_BYTES_MAX];
    assert_int_equal(prepare(d), ST_OK);
    assert_int_equal(d->sync->purges_count, 0);
    owe(d, 2, 7);
    owe(d, 1, 6);
    assert_int_equal(prepare(d), ST_OK);
    assert_int_equal(d->sync->purges_count, 2);
    assert_int_equal(d->sync->purges_signed, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const st_purge *purge = &d->sync->purges[i];
        const identity *me = &d->an.client->me;
        size_t len = st_purge_sign_text(&me->log, &me->speaker, purge, text);
        assert_int_equal(purge->rev, 6 + i);
        assert_int_equal(purge->wall_ms, PHONE_WALL_MS);
        assert_int_equal(purge->records, 11 + i);
        assert_int_equal(purge->kept, 1 + i);
        assert_true(st_sign_verify(me->sign_key, text, len, purge->signature));
    }
}

/* More than one request brings: the others come in the next ones, and each goes once. */
static void test_more_than_one_request_brings(void **state)
{
    desk *d = *state;
    for (unsigned i = 0; i < ST_PURGES_MAX + 3; i++)
        owe(d, i, 5);
    assert_int_equal(prepare(d), ST_OK);
    assert_int_equal(d->sync->purges_count, ST_PURGES_MAX);
    noted(d, 0, ST_PURGES_MAX + 3);
    noted(d, 2, ST_PURGES_MAX + 1);
    noted(d, 2, ST_PURGES_MAX + 1);          /* said twice */
    noted(d, UINT32_MAX, 3);                 /* more than were brought */
    assert_int_equal(prepare(d), ST_OK);
    assert_int_equal(d->sync->purges_count, 3);
    noted(d, 3, 0);
}

/* The bucket came back and went again meanwhile: that is another receipt. */
static void test_one_that_was_written_anew(void **state)
{
    desk *d = *state;
    owe(d, 1, 5);
    owe(d, 2, 5);
    assert_int_equal(prepare(d), ST_OK);
    owe(d, 1, 9);
    noted(d, 2, 1);
    assert_int_equal(prepare(d), ST_OK);
    assert_int_equal(d->sync->purges_count, 1);
    assert_int_equal(d->sync->purges[0].rev, 9);
}

static void test_damaged_rows_are_said(void **state)
{
    static stored_row row;
    desk *d = *state;
    st_error error = { ST_OK, "" };
    owe(d, 1, 5);
    assert_int_equal(prepare(d), ST_OK);
    assert_true(rows_get(&d->an, BOOK_PURGE, 0, &row));
    const st_purge brought = d->sync->purges[0];
    for (size_t len = 0; len < row.len; len++) {
        rows_put(&d->an, &row.key, row.data, len);
        rows_begin(&d->an);
        d->sync->purges[0] = brought;
        d->sync->purges_count = 1;
        assert_int_equal(purge_noted(d->sync, 1, &error), ST_E_CORRUPT);
        client_abort(d->an.client);
        assert_int_equal(prepare(d), ST_E_CORRUPT);
    }
    rows_delete(&d->an, &row.key);
    const book_key key = book_key_text(BOOK_PURGE, "");
    rows_put(&d->an, &key, row.data, row.len);
    assert_int_equal(prepare(d), ST_E_CORRUPT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_owed_is_signed),
        CASE(test_more_than_one_request_brings),
        CASE(test_one_that_was_written_anew),
        CASE(test_damaged_rows_are_said),
    };
    return cmocka_run_group_tests_name("purge", tests, NULL, NULL);
}
