/* tests/unit/both/test_asked_again.c
 * Pieces of files lie in no log. A phone lets a file go when a backup of the server should have it,
 * and the server, asked once more after that, still has all of it; what was lost meanwhile, in a
 * store that was put back without a word, is sent again. */
#include "tests/unit/both/broken.h"
#include "tests/unit/both/fetch.h"

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
    assert_int_equal(file.len, sizeof BROKEN_PDF);
    assert_memory_equal(file.data, BROKEN_PDF, sizeof BROKEN_PDF);
    free(file.data);
}

/* The words came before the copy, the pieces after it; then backups cover the place. */
static void test_pieces_gone_without_a_word(void **state)
{
    (void)state;
    broken b;
    char item[SOTAY_ITEM_TEXT];
    sotay_report report;
    break_file(&b, item);
    town *t = &b.t;
    phone *an = b.who, *binh = &t->w.phones[1];
    assert_clears(an, 0);
    sync_phone_well(&t->w, an, &report);
    assert_int_equal(report.attachments_sent, 1); /* once more */
    assert_clears(an, 0);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":false"));
    (void)phone_visit(binh, "sau");
    sync_phone_well(&t->w, binh, NULL);
    covered_by_a_backup(t);
    sync_phone_well(&t->w, an, &report);
    assert_int_equal(report.attachments_sent, 0);
    assert_true(phone_status_says(an, "\"safe_to_wipe\":true"));
    assert_clears(an, 1);
    assert_had_again(t, an, &b.visit, item);
    broken_close(&b);
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
    (void)visit_with_file(an, item);
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
    broken b;
    char item[SOTAY_ITEM_TEXT];
    line l = { .lost = 3 }; /* of the pieces, behind the data and the question */
    break_file(&b, item);
    (void)sync_over(&b.t.w, b.who, &l, NULL);
    assert_true(phone_status_says(b.who, "\"attachments_waiting\":1,"));
    assert_clears(b.who, 0);
    sync_phone_well(&b.t.w, b.who, NULL);
    assert_true(phone_status_says(b.who, "\"attachments_waiting\":0,"));
    broken_close(&b);
}

/* A phone that was enrolled again knows its file under the name that it has now, also when that is
 * out of use: what a backup should have is asked about once, and then it may be wiped. */
static void test_out_of_use_under_a_new_name(void **state)
{
    (void)state;
    for (int revoked = 0; revoked < 2; revoked++) {
        town t;
        char item[SOTAY_ITEM_TEXT];
        sotay_report report;
        town_make(&t, 46);
        phone *an = &t.w.phones[0];
        (void)visit_with_file(an, item);
        sync_phone_well(&t.w, an, NULL);
        enrol(&t.w, an, "an", true);
        sync_phone_well(&t.w, an, NULL);
        KIT_EXPECT(0, &t.w.book, "device", revoked ? "revoke" : "suspend", device_of(an));
        sync_phone_well(&t.w, an, NULL);
        covered_by_a_backup(&t);
        sync_phone_well(&t.w, an, NULL);
        sync_phone_well(&t.w, an, &report);
        assert_int_equal(report.requests, 1);
        assert_true(phone_status_says(an, "\"safe_to_wipe\":true"));
        assert_clears(an, 1);
        town_free(&t);
    }
}

/* The same where the words came under the name before, and the pieces had not. */
static void test_sent_under_a_new_name(void **state)
{
    (void)state;
    town t;
    char item[SOTAY_ITEM_TEXT];
    town_make(&t, 46);
    phone *an = &t.w.phones[0];
    (void)visit_with_file(an, item);
    (void)broken_sync(&t, an, NULL, SIZE_MAX);
    enrol(&t.w, an, "an", true);
    KIT_EXPECT(0, &t.w.book, "device", "revoke", device_of(an));
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_status_says(an, "\"attachments_waiting\":0,"));
    KIT_EXPECT(0, &t.w.book, "verify", "--json");
    assert_true(kit_says(KIT_OUT(&t.w.book), "\"attachments_missing\":0"));
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_gone_without_a_word),
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_lost_pieces_wait),
        cmocka_unit_test(test_out_of_use_under_a_new_name),
        cmocka_unit_test(test_sent_under_a_new_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
