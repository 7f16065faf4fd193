/* tests/unit/both/test_lifted.c
 * The office declined what a suspended phone wrote, lifted it, and lost both in a restore: phones
 * bring back the lift, and nothing that was declined goes into the book with it. And a link of the
 * time before is void, since it may have been used. */
#include "server/store/chunks.h"
#include "tests/unit/both/town.h"

static void sync_rounds(town *t, int rounds)
{
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < PHONES; i++)
            sync_phone_well(&t->w, &t->w.phones[i], NULL);
}

static void new_visit(town *t, phone *p, const char *place, char hex[33])
{
    sotay_id id;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
    const sotay_pairs pairs = { list, 2 };
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    sotay_id_format(&id, hex);
    sync_phone_well(&t->w, p, NULL);
}

/* What waits of the record is declined or let in. */
static void decide(town *t, const char *how, const char *record)
{
    char n[24] = "";
    KIT_EXPECT(0, &t->w.book, "held", "--json");
    for (const char *at = KIT_OUT(&t->w.book); (at = strstr(at, "{\"n\":")) != NULL; at++) {
        const char *of = strstr(at, record), *end = strchr(at, '}');
        if (of != NULL && of < end && n[0] == '\0') /* the first: others wait behind it */
            (void)snprintf(n, sizeof n, "%.*s", (int)strcspn(at + 5, ","), at + 5);
    }
    KIT_EXPECT(0, &t->w.book, "held", how, n, "--as", "office", "--reason", "đã hỏi");
}

static bool is_in_book(town *t, const char *record)
{
    KIT_EXPECT(0, &t->w.book, "records", "--form", "visit", "--json");
    return strstr(KIT_OUT(&t->w.book), record) != NULL;
}

/* The office declined what a suspended phone wrote, then lifted it; a backup knows neither, or of
 * the suspension nothing at all. Phones bring the lift, and not the decision: nothing goes into the
 * book by itself, and the office decides once more. */
static void lift_after_a_decline(bool is_suspended_before)
{
    char declined[33], later[33];
    town t;
    town_make(&t, 13);
    phone *an = &t.w.phones[0];
    sync_rounds(&t, 1);
    if (!is_suspended_before)
        backup(&t);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an));
    new_visit(&t, an, "không nhận", declined);
    if (is_suspended_before)
        backup(&t);
    decide(&t, "decline", declined);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an), "--lift");
    sync_rounds(&t, 2);
    restore(&t);
    sync_rounds(&t, 3);
    assert_false(is_in_book(&t, declined));
    KIT_EXPECT(0, &t.w.book, "held", "--json");
    assert_true(kit_says(KIT_OUT(&t.w.book), declined));
    KIT_EXPECT(0, &t.w.book, "device", "list", "--json");
    assert_true(kit_says(KIT_OUT(&t.w.book), "\"suspended\""));
    decide(&t, "decline", declined);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an), "--lift");
    sync_rounds(&t, 2);
    assert_false(is_in_book(&t, declined));
    new_visit(&t, an, "sau khi mở lại", later);
    assert_true(is_in_book(&t, later));
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_a_lift_that_comes_back(void **state)
{
    (void)state;
    lift_after_a_decline(true);
}

static void test_a_suspension_and_a_lift_that_come_back(void **state)
{
    (void)state;
    lift_after_a_decline(false);
}

static void test_a_link_that_was_used_after_the_backup(void **state)
{
    (void)state;
    town t;
    phone thief;
    sotay_report report;
    town_make(&t, 14);
    phone_new(&thief, 2001);
    sotay_sync *later = begin_enrol(&t.w, &thief, "an");
    backup(&t);
    restore(&t);
    assert_int_equal(run(&t.w, later, 0, &report), SOTAY_E_ENROL);
    enrol(&t.w, &thief, "an", true); /* with a new link */
    phone_free(&thief);
    town_free(&t);
}

static uint64_t bytes_of_files(const town *t)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(t->w.book.dir, &bytes, NULL), ST_OK);
    return bytes;
}

/* A suspended phone heard from a verdict alone that what it wrote was declined. The backup does not
 * know that, or nothing of it at all: it waits once more, its author sees that, and when the office
 * lets it in, the file comes that hangs on it. */
static void let_in_after_a_decline(bool is_held_in_the_backup)
{
    static const uint8_t data[] = "%PDF-1.7\nbiên bản";
    const sotay_attachment file = { "a.pdf", data, sizeof data, NULL, "biên bản", 0 };
    char hex[33], item[SOTAY_ITEM_TEXT];
    sotay_id visit;
    town t;
    town_make(&t, 15);
    phone *an = &t.w.phones[0];
    sync_rounds(&t, 1);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an));
    sync_phone_well(&t.w, an, NULL);
    if (!is_held_in_the_backup)
        backup(&t);
    new_visit(&t, an, "suối", hex);
    assert_true(sotay_id_parse(hex, &visit));
    assert_int_equal(sotay_attach(an->client, &visit, &file, item, &an->error), SOTAY_OK);
    sync_phone_well(&t.w, an, NULL);
    if (is_held_in_the_backup)
        backup(&t);
    decide(&t, "decline", hex);
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_status_says(an, "\"held_changes\":[]"));
    assert_true(phone_status_says(an, "\"attachments_waiting\":0,"));
    restore(&t);
    for (int round = 0; round < 3; round++)
        sync_phone_well(&t.w, an, NULL);
    KIT_EXPECT(0, &t.w.book, "held", "--json");
    assert_true(kit_says(KIT_OUT(&t.w.book), hex));
    assert_true(phone_status_says(an, "\"held\":2,"));
    assert_true(phone_status_says(an, "\"attachments_waiting\":1,"));
    assert_true(phone_says(an, sotay_show, &visit, "\"suối\""));
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an), "--lift");
    sync_rounds(&t, 2);
    assert_true(is_in_book(&t, hex));
    assert_true(phone_status_says(an, "\"attachments_waiting\":0,"));
    assert_int_equal(bytes_of_files(&t), sizeof data);
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_a_decline_that_the_backup_does_not_know(void **state)
{
    (void)state;
    let_in_after_a_decline(true);
}

static void test_a_declined_change_that_the_backup_does_not_know(void **state)
{
    (void)state;
    let_in_after_a_decline(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_decline_that_the_backup_does_not_know),
        cmocka_unit_test(test_a_declined_change_that_the_backup_does_not_know),
        cmocka_unit_test(test_a_lift_that_comes_back),
        cmocka_unit_test(test_a_suspension_and_a_lift_that_come_back),
        cmocka_unit_test(test_a_link_that_was_used_after_the_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
