/* tests/unit/client-lib/test_carried_damage.c
 * Rows of what is carried for others that are cut, or lie under a key that is none: whoever reads
 * one says so, and nobody takes half of a thing for a whole one. */
#include "tests/unit/client-lib/carried_desk.h"

typedef st_err (*reader)(desk *d, st_error *error);

static st_err read_next_set(desk *d, st_error *error)
{
    carried_set set;
    book_key prefix = book_key_of(BOOK_TAKEN);
    book_scan scan = book_scan_of(&prefix);
    return carried_next_set(d->an.client, &scan, &d->arena, &set, error);
}

static st_err read_one_set(desk *d, st_error *error)
{
    st_set set;
    return carried_get(d->an.client, &d->set.device, d->set.first, &d->arena, &set, error);
}

static st_err read_count(desk *d, st_error *error)
{
    carried_counts counts;
    return carried_count(d->an.client, &counts, error);
}

static st_err read_in_log(desk *d, st_error *error)
{
    return carried_in_log(d->an.client, &d->set, error);
}

static st_err read_turn(desk *d, st_error *error)
{
    return carried_turn(d->an.client, UINT64_MAX, error);
}

static st_err read_close(desk *d, st_error *error)
{
    return carried_close_bucket(d->an.client, &d->set.bucket, error);
}

static st_err read_verdict(desk *d, st_error *error)
{
    const st_verdict stored = { .first = d->set.first, .kind = ST_VERDICT_STORED, .position = 9 };
    return carried_verdict(d->an.client, &d->set.device, &stored, error);
}

static st_err read_again(desk *d, st_error *error)
{
    bool is_new = false;
    return carried_take_set(d->an.client, d->bytes.data, d->bytes.len, &is_new, error);
}

static st_err read_next_parcel(desk *d, st_error *error)
{
    st_parcel parcel;
    book_key prefix = book_key_of(BOOK_PARCEL);
    book_scan scan = book_scan_of(&prefix);
    return carried_next_parcel(d->an.client, &scan, &d->arena, &parcel, error);
}

static st_err read_refusal(desk *d, st_error *error)
{
    const st_held held = { d->set.first, ST_HOLD_CORRUPT };
    const st_verdict wrong = { .first = d->set.first, .kind = ST_VERDICT_HELD, .held = &held,
                               .held_count = 1 };
    return carried_verdict(d->an.client, &d->set.device, &wrong, error);
}

/* Told from where the change lies, when the note itself does not open. */
static st_err read_note(desk *d, st_error *error)
{
    overlay_entry entry;
    const st_change *change = &d->set.changes[0];
    return overlay_get(&d->an.client->book, &change->record, &change->dot, &entry, error);
}

static st_err read_it(desk *d, reader read)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    st_err err = read(d, &error);
    client_abort(d->an.client);
    if (err == ST_E_CORRUPT)
        assert_int_equal(error.code, ST_E_CORRUPT); /* with a reason */
    return err;
}

static void test_damaged_sets_are_said(void **state)
{
    static const struct {
        const char *why;
        reader read;
        bool looks_inside; /* also at the set itself */
    } CASES[] = {
        { "the next one", read_next_set, false }, { "one by its name", read_one_set, true },
        { "the log brings it", read_in_log, true }, { "a new epoch", read_turn, false },
        { "its bucket closes", read_close, true },  { "it is delivered", read_verdict, true },
        { "it comes again", read_again, false },
    };
    static stored_row row;
    desk *d = *state;
    assert_true(takes(d));
    assert_true(rows_get(&d->an, BOOK_TAKEN, 0, &row));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  %s\n", CASES[i].why);
        rows_put(&d->an, &row.key, row.data, row.len);
        assert_int_equal(read_it(d, CASES[i].read), ST_OK);
        for (size_t len = 0; len <= 33; len++) {
            rows_put(&d->an, &row.key, row.data, len);
            assert_int_equal(read_it(d, CASES[i].read), ST_E_CORRUPT);
        }
        rows_put(&d->an, &row.key, row.data, row.len - 1);
        assert_int_equal(read_it(d, CASES[i].read), CASES[i].looks_inside ? ST_E_CORRUPT : ST_OK);
    }
}

static void test_damaged_parcels_are_said(void **state)
{
    static stored_row row;
    desk *d = *state;
    set_scope(d, false);
    assert_true(takes(d));
    assert_true(rows_get(&d->an, BOOK_PARCEL, 0, &row));
    assert_int_equal(read_it(d, read_next_parcel), ST_OK);
    for (size_t len = 0; len <= 33; len++) {
        rows_put(&d->an, &row.key, row.data, len);
        assert_int_equal(read_it(d, read_next_parcel), ST_E_CORRUPT);
        assert_int_equal(read_it(d, read_refusal), ST_E_CORRUPT);
        assert_int_equal(read_it(d, read_count), ST_OK); /* it opens */
    }
    rows_delete(&d->an, &row.key);
    row.key.len -= 3; /* a key that is no parcel's */
    rows_put(&d->an, &row.key, row.data, row.len);
    assert_int_equal(read_it(d, read_next_parcel), ST_E_CORRUPT);
}

static void test_a_key_that_is_no_sets(void **state)
{
    static const size_t LENS[] = { 1, 9, 17, 18, 23, 24, 26, 90 };
    static stored_row row, note;
    desk *d = *state;
    assert_true(takes(d));
    assert_true(rows_get(&d->an, BOOK_TAKEN, 0, &row));
    assert_true(rows_get(&d->an, BOOK_OVER, 0, &note));
    rows_spoil(&d->an, &note.key);
    assert_int_equal(read_it(d, read_note), ST_OK);
    rows_delete(&d->an, &row.key);
    memset(row.key.b + row.key.len, 0, sizeof row.key.b - row.key.len);
    for (size_t i = 0; i < sizeof LENS / sizeof LENS[0]; i++) {
        row.key.len = LENS[i];
        rows_put(&d->an, &row.key, row.data, row.len);
        assert_int_equal(read_it(d, read_next_set), ST_E_CORRUPT);
        assert_int_equal(read_it(d, read_turn), ST_E_CORRUPT);
        assert_int_equal(read_it(d, read_close), ST_E_CORRUPT);
        assert_int_equal(read_it(d, read_note), LENS[i] < 17 ? ST_OK : ST_E_CORRUPT);
        rows_delete(&d->an, &row.key);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_damaged_sets_are_said),
        CASE(test_damaged_parcels_are_said),
        CASE(test_a_key_that_is_no_sets),
    };
    return cmocka_run_group_tests_name("carried damage", tests, NULL, NULL);
}
