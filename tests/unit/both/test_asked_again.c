/* tests/unit/both/test_asked_again.c
 * Pieces of files lie in no log. A phone lets a file go when a backup of the server should have it,
 * and the server, asked once more after that, still has all of it; what was lost meanwhile, in a
 * store that was put back without a word, is sent again. */
#include "client-lib/src/attach.h"
#include "tests/unit/both/early.h"
#include "tests/unit/both/fetch.h"

static const uint8_t DATA[] = "%PDF-1.7\nbản gốc";

static void attach(phone *p, const sotay_id *visit, char item[SOTAY_ITEM_TEXT])
{
    const sotay_attachment file = { "a.pdf", DATA, sizeof DATA, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(p->client, visit, &file, item, &p->error), SOTAY_OK);
}

/* So many files go. */
static void assert_clears(phone *p, uint64_t files)
{
    sotay_cleared cleared;
    assert_int_equal(sotay_attachment_clear(p->client, false, &cleared, &p->error), SOTAY_OK);
    assert_int_equal(cleared.files, files);
}

static void assert_had_again(town *t, phone *p, const sotay_id *visit, const char *item)
{
    bool is_here = true;
    sotay_file file;
    assert_int_equal(sotay_attachment_want(p->client, visit, item, &is_here, &p->error), SOTAY_OK);
    assert_false(is_here);
    sync_phone_well(&t->w, p, NULL);
    assert_int_equal(sotay_attachment_get(p->client, visit, item, false, &file, &p->error),
                     SOTAY_OK);
    assert_int_equal(file.len, sizeof DATA);
    assert_memory_equal(file.data, DATA, sizeof DATA);
    free(file.data);
}

/* The words came before the copy, the pieces after it; then backups cover the place. */
static void test_pieces_gone_without_a_word(void **state)
{
    (void)state;
    town t;
    char item[SOTAY_ITEM_TEXT];
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    attach(an, &visit, item);
    (void)broken_sync(&t, an, NULL, SIZE_MAX);
    keep_copy(&t);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(report.attachments_waiting, 0);
    grown_unnoticed(&t, binh);
    covered_by_a_backup(&t);
    assert_clears(an, 0);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.attachments_sent, 1); /* once more */
    assert_clears(an, 0);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":false"));
    (void)phone_visit(binh, "sau");
    sync_phone_well(&t.w, binh, NULL);
    covered_by_a_backup(&t);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.attachments_sent, 0);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":true"));
    assert_clears(an, 1);
    assert_had_again(&t, an, &visit, item);
    town_free(&t);
}

/* It is asked about once, and not in each sync. */
static void test_asked_once(void **state)
{
    (void)state;
    town t;
    char item[SOTAY_ITEM_TEXT];
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0];
    const sotay_id visit = phone_visit(an, "gốc");
    attach(an, &visit, item);
    sync_phone_well(&t.w, an, NULL);
    (void)phone_visit(an, "sau");
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":false"));
    covered_by_a_backup(&t);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 2);
    assert_int_equal(report.attachments_sent, 0);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":true"));
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 1);
    assert_clears(an, 1);
    town_free(&t);
}

/* What the office has lost waits again, and so it is shown, also where the line breaks. */
static void test_lost_pieces_wait(void **state)
{
    (void)state;
    town t;
    char item[SOTAY_ITEM_TEXT];
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc");
    attach(an, &visit, item);
    (void)broken_sync(&t, an, NULL, SIZE_MAX);
    keep_copy(&t);
    sync_phone_well(&t.w, an, NULL);
    grown_unnoticed(&t, binh);
    covered_by_a_backup(&t);
    line l = { .lost = 3 }; /* of the pieces, behind the data and the question */
    (void)sync_over(&t.w, an, &l, NULL);
    assert_true(phone_status_says(an, "\"attachments_waiting\":1,"));
    assert_clears(an, 0);
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_status_says(an, "\"attachments_waiting\":0,"));
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_gone_without_a_word),
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_lost_pieces_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
