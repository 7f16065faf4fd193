/* tests/unit/both/test_epoch_rows.c
 * A phone keeps the keys of former servers, from one epoch to the next: whose a device is hangs on
 * them, and every page in which one of those servers says something. Where such a row does not open
 * any more, the server tells it again with the next sync, and what hung on it comes back. Until
 * then it is in the way of no request, and of nothing that the phone gives back. */
#include "tests/unit/both/spoilt_names.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/bad_page.h"

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

static void open_town(desk *d)
{
    memset(d, 0, sizeof *d);
    world_make_with(&d->t.w, 1, (world_how){ 2, false });
    town_place(&d->t);
    d->an = &d->t.w.phones[0];
    d->binh = &d->t.w.phones[1];
    sync_both(d);
}

static void open_desk(desk *d)
{
    open_town(d);
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

/* ---- before it is told again ---- */

static void spoil_epoch(phone *p, size_t n)
{
    static stored_row row;
    assert_true(rows_get(p, BOOK_EPOCH, n, &row));
    rows_spoil(p, &row.key);
}

/* One answer is read, and then the line breaks. */
static void sync_one_round(desk *d, phone *p)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    int status = answer(&d->t.w, &request, &reply);
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, status, &again, &p->error), SOTAY_OK);
    assert_true(again);
    st_buffer_free(&reply);
    sotay_sync_free(sync);
}

static void sync_to_send(desk *d, phone *p)
{
    sotay_sync *sync = NULL;
    sotay_report report;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(run(&d->t.w, sync, 0, &report), SOTAY_OK);
    assert_true(report.stored > 0);
}

/* All rows open again, and both read what the other writes. */
static void assert_sound(desk *d)
{
    static stored_row row;
    sotay_id one = phone_visit(d->an, "bến"), other = phone_visit(d->binh, "trạm");
    sync_both(d);
    assert_true(phone_says(d->binh, sotay_show, &one, "\"bến\""));
    assert_true(phone_says(d->an, sotay_show, &other, "\"trạm\""));
    for (size_t n = 0; n < rows_count(d->binh, BOOK_EPOCH); n++)
        assert_true(rows_get(d->binh, BOOK_EPOCH, n, &row));
}

static void test_a_page_that_cannot_be_read(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    for (size_t n = 0; n < ROWS; n++) {
        bad_page.code = SOTAY_E_STORAGE;
        bad_page_lose(d.binh, &d.epochs[n].key);
        assert_found(&d);
        assert_true(bad_page.hits > 0);
        d.binh->port.get = bad_page.get;
        assert_keys(&d);
    }
    close_desk(&d);
}

/* The book turned, and sets of the other, and of a server, are to be given back. */
static void test_with_sets_to_offer(void **state)
{
    (void)state;
    for (size_t n = 0; n < ROWS; n++) {
        desk d;
        open_town(&d);
        backup(&d.t);
        sotay_id theirs = phone_visit(d.an, "chợ");
        sync_both(&d);
        restore(&d.t);
        sync_one_round(&d, d.binh);
        assert_true(rows_count(d.binh, BOOK_CARRY) > 1);
        spoil_epoch(d.binh, n);
        (void)phone_visit(d.binh, "bến");
        sync_to_send(&d, d.binh);
        sync_phone_well(&d.t.w, d.binh, NULL);
        assert_int_equal(rows_count(d.binh, BOOK_CARRY), 0);
        assert_true(phone_says(d.binh, sotay_show, &theirs, "\"chợ\""));
        assert_sound(&d);
        town_free(&d.t);
    }
}

/* A server that never heard of the phone, and tells it nothing before it has shown who let it in:
 * the former server whose key is damaged, or another. */
static void test_not_known_to_the_server(void **state)
{
    (void)state;
    for (size_t n = 0, rows = 1; n < rows; n++) {
        desk d;
        char before[sizeof d.t.backup];
        open_town(&d);
        lose_the_machine(&d);
        KIT_EXPECT(0, &d.t.w.book, "user", "add", "chi", "--name", "chi", "--role", "officer");
        KIT_EXPECT(0, &d.t.w.book, "assign", "chi", KIT_UNIT);
        run_shell("rm -rf %s %s", d.t.backup, "");
        backup(&d.t);
        phone *chi = &d.t.w.phones[2];
        phone_new(chi, 1002);
        enrol(&d.t.w, chi, "chi", true);
        (void)snprintf(before, sizeof before, "%s.before", d.t.w.book.dir);
        run_shell("mv %s %s", d.t.backup, before);
        lose_the_machine(&d); /* the third */
        sync_phone_well(&d.t.w, chi, NULL);
        run_shell("rm -rf %s %s", d.t.backup, "");
        run_shell("mv %s %s", before, d.t.backup);
        restore(&d.t);
        rows = rows_count(chi, BOOK_EPOCH);
        spoil_epoch(chi, n);
        sotay_id own = phone_visit(chi, "cầu");
        sync_phone_well(&d.t.w, chi, NULL);
        sync_both(&d);
        assert_true(phone_says(d.an, sotay_show, &own, "\"cầu\""));
        town_free(&d.t);
    }
}

/* The same backup once more: the epoch of the phone is not in the list, and rows behind the first
 * alone are told; that of the first is damaged. */
static void test_in_an_epoch_that_was_lost(void **state)
{
    (void)state;
    desk d;
    open_town(&d);
    backup(&d.t);
    (void)phone_visit(d.an, "chợ");
    sync_both(&d);
    restore(&d.t);
    sync_both(&d);
    (void)phone_visit(d.an, "trạm");
    sync_both(&d);
    restore(&d.t);
    spoil_epoch(d.binh, 0);
    sync_phone_well(&d.t.w, d.binh, NULL);
    assert_sound(&d);
    town_free(&d.t);
}

/* The folder is put back to before the epoch, and no new one begins: nobody tells a row. */
static void test_put_back_by_hand(void **state)
{
    (void)state;
    for (size_t n = 0; n < ROWS; n++) {
        desk d;
        open_town(&d);
        keep_copy(&d.t);
        (void)phone_visit(d.an, "chợ");
        sync_both(&d);
        lose_the_machine(&d);
        put_copy_back(&d.t);
        spoil_epoch(d.binh, n);
        (void)phone_visit(d.binh, "bến");
        sync_phone_well(&d.t.w, d.binh, NULL);
        sync_both(&d);
        rooms_close(&d.t.w.book.rooms);
        reopen(&d.t); /* it finds out, and begins one */
        sync_both(&d);
        assert_sound(&d);
        town_free(&d.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_with_a_device),
        cmocka_unit_test(test_and_another_epoch),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_with_sets_to_offer),
        cmocka_unit_test(test_not_known_to_the_server),
        cmocka_unit_test(test_in_an_epoch_that_was_lost),
        cmocka_unit_test(test_put_back_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
