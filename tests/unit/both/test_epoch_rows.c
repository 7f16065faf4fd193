/* tests/unit/both/test_epoch_rows.c
 * A phone keeps the keys of former servers, from one epoch to the next: whose a device is hangs on
 * them, and every page in which one of those servers says something. Where such a row does not open
 * any more, the server tells it again with the next sync, and what hung on it comes back. */
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

enum { ROWS = 2, NAMES_MAX = 400 }; /* of the epochs; of all names */

typedef struct {
    town t;
    phone *an, *binh;
    stored_row *epochs, *names; /* while nothing is damaged */
    size_t names_count;
} desk;

static void sync_both(desk *d)
{
    for (int round = 0; round < 3; round++) {
        sync_phone_well(&d->t.w, d->an, NULL);
        sync_phone_well(&d->t.w, d->binh, NULL);
    }
}

static void lose_the_machine(desk *d)
{
    backup(&d->t);
    restore(&d->t);
    sync_both(d);
}

static void open_desk(desk *d)
{
    memset(d, 0, sizeof *d);
    world_make_with(&d->t.w, 1, (world_how){ 2, false });
    town_place(&d->t);
    d->an = &d->t.w.phones[0];
    d->binh = &d->t.w.phones[1];
    sync_both(d);
    lose_the_machine(d);
    d->epochs = calloc(ROWS, sizeof *d->epochs);
    d->names = calloc(NAMES_MAX, sizeof *d->names);
    assert_true(d->epochs != NULL && d->names != NULL);
    for (size_t n = 0; n < ROWS; n++)
        assert_true(rows_get(d->binh, BOOK_EPOCH, n, &d->epochs[n]));
    while (d->names_count < NAMES_MAX &&
           rows_get(d->binh, BOOK_NAME, d->names_count, &d->names[d->names_count]))
        d->names_count++;
    assert_true(d->names_count < NAMES_MAX);
}

static void close_desk(desk *d)
{
    free(d->epochs);
    free(d->names);
    town_free(&d->t);
}

static void assert_names(desk *d)
{
    static stored_row row;
    for (size_t n = 0; n < d->names_count; n++) {
        assert_true(rows_get(d->binh, BOOK_NAME, n, &row));
        assert_int_equal(row.len, d->names[n].len);
        assert_memory_equal(row.data, d->names[n].data, row.len);
    }
    assert_int_equal(rows_count(d->binh, BOOK_NAME), d->names_count);
}

/* Each begins with the key; that of the first server was not signed, since nobody had told it. */
static void assert_keys(desk *d)
{
    static stored_row row;
    for (size_t n = 0; n < ROWS; n++) {
        assert_true(rows_get(d->binh, BOOK_EPOCH, n, &row));
        assert_memory_equal(row.data, d->epochs[n].data, 32);
    }
    assert_int_equal(rows_count(d->binh, BOOK_EPOCH), ROWS);
}

/* All is as it was, after one sync; and pages with work of the other come. */
static void assert_found(desk *d)
{
    sotay_report report;
    sotay_id more = phone_visit(d->an, "bến");
    sync_phone_well(&d->t.w, d->an, NULL);
    sync_phone_well(&d->t.w, d->binh, NULL);
    assert_true(phone_says(d->binh, sotay_show, &more, "\"bến\""));
    assert_names(d);
    sync_phone_well(&d->t.w, d->binh, &report);
    assert_int_equal(report.requests, 1);
}

static void spoil_device(phone *p, const phone *whose)
{
    book_key key = book_key_text(BOOK_NAME, "device");
    book_key_bytes(&key, "", 1);
    book_key_bytes(&key, whose->client->me.device.b, sizeof whose->client->me.device.b);
    rows_spoil(p, &key);
}

static void test_each_row(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    for (size_t n = 0; n < ROWS; n++) {
        rows_spoil(d.binh, &d.epochs[n].key);
        assert_found(&d);
        assert_keys(&d);
    }
    close_desk(&d);
}

/* Whose a device is hangs on the key that is damaged as well. */
static void test_with_a_device(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    for (size_t n = 0; n < ROWS; n++) {
        rows_spoil(d.binh, &d.epochs[n].key);
        spoil_device(d.binh, d.an);
        assert_found(&d);
        assert_keys(&d);
    }
    close_desk(&d);
}

/* The book turns once more before a row is told again. */
static void test_and_another_epoch(void **state)
{
    (void)state;
    for (int with_a_device = 0; with_a_device < 2; with_a_device++) {
        desk d;
        open_desk(&d);
        for (size_t n = 0; n < ROWS; n++)
            rows_spoil(d.binh, &d.epochs[n].key);
        if (with_a_device)
            spoil_device(d.binh, d.an);
        lose_the_machine(&d);
        assert_found(&d);
        close_desk(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_with_a_device),
        cmocka_unit_test(test_and_another_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
