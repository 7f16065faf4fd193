/* tests/unit/both/test_evidence.c
 * The server goes on from an older copy of its book, and whoever signed what came after it is gone.
 * A phone that had it by snapshot, as a state without signatures, shows it to the office before it
 * lets go of it; what the log has after all is shown to nobody. */
#include "client-lib/src/client.h"
#include "server/backup/backup.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/client-lib/rows.h"

#define VISITS 70 /* so many that they come as a snapshot */

typedef struct {
    world w;
    char backup[80];
    sotay_id ids[VISITS];
    size_t count;
    const sotay_attachment *file; /* of the last visit; NULL: none */
    char item[SOTAY_ITEM_TEXT];
} town;

static void run_shell(const char *format, const char *dir)
{
    char command[200];
    (void)snprintf(command, sizeof command, format, dir);
    assert_int_equal(system(command), 0);
}

/* One sync by a program that can fetch; `lost`: this request's answer does not come. */
static int sync_fetching(world *w, phone *p, unsigned lost, sotay_report *out_report)
{
    line l = { .lost = lost };
    return sync_over(w, p, &l, out_report);
}

static void sync_well(town *t, size_t n)
{
    sotay_report report;
    int rc = sync_fetching(&t->w, &t->w.phones[n], 0, &report);
    if (rc != SOTAY_OK)
        print_message("  phone %zu: %s\n", n, t->w.phones[n].error.detail);
    assert_int_equal(rc, SOTAY_OK);
    assert_true(report.complete);
}

static void make_visits(town *t, size_t count, const char *place)
{
    phone *p = &t->w.phones[0];
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
    const sotay_pairs pairs = { list, 2 };
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &t->ids[t->count++], &p->error),
            SOTAY_OK);
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_OK);
}

/* Yesterday's backup has all visits but the last four, and not what was added to the first. Phone 1
 * has everything, as a snapshot. */
static void town_make_with(town *t, uint64_t seed, const sotay_attachment *file)
{
    memset(t, 0, sizeof *t);
    t->file = file;
    world_make_with(&t->w, seed, (world_how){ 1, false });
    (void)snprintf(t->backup, sizeof t->backup, "%s.backup", t->w.book.dir);
    KIT_EXPECT(0, &t->w.book, "user", "add", "binh", "--name", "Bình", "--role", "officer");
    KIT_EXPECT(0, &t->w.book, "assign", "binh", KIT_UNIT);
    phone_new(&t->w.phones[1], 1001);
    enrol(&t->w, &t->w.phones[1], "binh", true);
    make_visits(t, VISITS - 4, "trước sao lưu");
    KIT_EXPECT(0, &t->w.book, "backup", t->backup);
    assert_int_equal(phone_set(&t->w.phones[0], &t->ids[0], "place", "sửa sau sao lưu"), SOTAY_OK);
    make_visits(t, 4, "sau sao lưu");
    if (file != NULL) {
        assert_int_equal(sotay_attach(t->w.phones[0].client, &t->ids[t->count - 1], file, t->item,
                                      &t->w.phones[0].error),
                         SOTAY_OK);
        sync_well(t, 0);
    }
    sync_well(t, 1);
    char *json = NULL;
    assert_int_equal(sotay_history(t->w.phones[1].client, &t->ids[0], SOTAY_JSON, &json, NULL),
                     SOTAY_OK);
    assert_non_null(strstr(json, "\"complete\":false")); /* by snapshot */
    sotay_text_free(json);
}

static void town_make(town *t, uint64_t seed)
{
    town_make_with(t, seed, NULL);
}

static void town_free(town *t)
{
    world_free(&t->w);
    run_shell("rm -rf %s", t->backup);
}

static void restore(town *t)
{
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = t->w.book.dir };
    rooms_close(&t->w.book.rooms);
    run_shell("rm -rf %s", t->w.book.dir);
    if (backup_restore(t->backup, &how, &manifest, &error) != ST_OK ||
        rooms_open(&how, &t->w.book.rooms, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
        n++;
    return n;
}

static const char *incidents(town *t)
{
    KIT_EXPECT(0, &t->w.book, "incidents", "--json");
    return KIT_OUT(&t->w.book);
}

static void assert_nothing_waits(town *t)
{
    sotay_report report;
    assert_true(phone_status_says(&t->w.phones[1], "\"evidence_waiting\":0"));
    assert_int_equal(sync_fetching(&t->w, &t->w.phones[1], 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    KIT_EXPECT(0, &t->w.book, "verify");
}

/* The author's phone lies in the river: what only the other one's state says is with the office. */
static void test_what_only_a_state_says(void **state)
{
    (void)state;
    town t;
    town_make(&t, 1);
    restore(&t);
    sync_well(&t, 1);
    const char *list = incidents(&t);
    assert_int_equal(times(list, "\"cursor\":"), 1);
    assert_int_equal(times(list, "\"sau sao lưu\""), 4);
    assert_int_equal(times(list, "\"sửa sau sao lưu\""), 1);
    assert_int_equal(times(list, "trước sao lưu"), 0);
    assert_nothing_waits(&t);
    assert_int_equal(times(incidents(&t), "\"cursor\":"), 1);
    town_free(&t);
}

/* The author brings it back first: then there is nothing to show. */
static void test_what_came_back_is_not_shown(void **state)
{
    (void)state;
    town t;
    town_make(&t, 2);
    restore(&t);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_OK);
    sync_well(&t, 1);
    assert_int_equal(times(incidents(&t), "\"cursor\":"), 0);
    for (size_t i = 0; i < t.count; i++) {
        char *first = shown(&t.w.phones[0], &t.ids[i]), *other = shown(&t.w.phones[1], &t.ids[i]);
        assert_string_equal(first, other);
        sotay_text_free(first);
        sotay_text_free(other);
    }
    assert_nothing_waits(&t);
    town_free(&t);
}

/* Whichever answer is lost, the phone keeps what the office has not got for sure, is not to be
 * wiped until then, and the office sees it once. */
static void test_a_lost_answer(void **state)
{
    (void)state;
    bool lost_one = true;
    for (unsigned lost = 1; lost_one; lost++) {
        sotay_report report;
        town t;
        town_make(&t, 3);
        restore(&t);
        int rc = sync_fetching(&t.w, &t.w.phones[1], lost, &report);
        lost_one = rc == SOTAY_E_NETWORK;
        assert_true(lost_one || rc == SOTAY_OK);
        bool waits = phone_status_says(&t.w.phones[1], "\"evidence_waiting\":5");
        if (lost_one && lost > 1) /* the first one brings the epoch */
            assert_true(waits && phone_status_says(&t.w.phones[1], "\"safe_to_wipe\":false"));
        phone_reopen(&t.w.phones[1]);
        sync_well(&t, 1);
        const char *list = incidents(&t);
        assert_int_equal(times(list, "\"cursor\":"), 1);
        assert_int_equal(times(list, "sau sao lưu"), 5);
        assert_nothing_waits(&t);
        town_free(&t);
        assert_true(lost < 20);
    }
}

/* Put back a second time before anybody came: what was set aside the first time stays. */
static void test_twice(void **state)
{
    (void)state;
    sotay_report report;
    town t;
    town_make(&t, 4);
    restore(&t);
    assert_int_equal(sync_fetching(&t.w, &t.w.phones[1], 2, &report), SOTAY_E_NETWORK);
    restore(&t);
    sync_well(&t, 1);
    const char *list = incidents(&t);
    assert_int_equal(times(list, "\"sau sao lưu\""), 4);
    assert_int_equal(times(list, "\"sửa sau sao lưu\""), 1);
    assert_nothing_waits(&t);
    town_free(&t);
}

/* The machine is lost once more, before a backup has what the office was shown: it is shown again.
 * A backup that has it ends that. */
static void test_shown_until_a_backup_has_it(void **state)
{
    (void)state;
    town t;
    town_make(&t, 5);
    phone *p = &t.w.phones[1];
    for (int again = 0; again < 3; again++) {
        restore(&t);
        sync_well(&t, 1);
        const char *list = incidents(&t);
        assert_int_equal(times(list, "\"cursor\":"), 1);
        assert_int_equal(times(list, "\"sau sao lưu\""), 4);
        assert_int_equal(times(list, "\"sửa sau sao lưu\""), 1);
        assert_true(phone_status_says(p, "\"evidence_waiting\":0"));
        assert_true(phone_status_says(p, "\"safe_to_wipe\":false"));
        phone_reopen(p);
    }
    KIT_EXPECT(0, &t.w.book, "user", "add", "chi", "--name", "Chi", "--role", "officer");
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    sync_well(&t, 1);
    assert_true(phone_status_says(p, "\"safe_to_wipe\":true"));
    restore(&t);
    assert_int_equal(times(incidents(&t), "\"sau sao lưu\""), 4);
    sync_well(&t, 1);
    assert_int_equal(times(incidents(&t), "\"cursor\":"), 1);
    town_free(&t);
}

/* His unit is taken from him before he could show it: nothing is left to compare with, so the
 * office is shown all of it, and nothing stays with him, not even until a backup has it. */
static void lose_before_it_is_shown(town *t, unsigned lost)
{
    sotay_report report;
    phone *p = &t->w.phones[1];
    assert_true(rows_with(p, "sau sao lưu") > 0);
    restore(t);
    KIT_EXPECT(0, &t->w.book, "unassign", "binh", KIT_UNIT);
    int rc = sync_fetching(&t->w, p, lost, &report);
    assert_int_equal(rc, lost > 0 ? SOTAY_E_NETWORK : SOTAY_OK);
    phone_reopen(p);
}

static void test_of_a_lost_unit(void **state)
{
    (void)state;
    town t;
    town_make(&t, 6);
    phone *p = &t.w.phones[1];
    lose_before_it_is_shown(&t, 0);
    const char *list = incidents(&t);
    assert_int_equal(times(list, "\"cursor\":"), 1);
    assert_int_equal(times(list, "\"sau sao lưu\""), 4);
    assert_int_equal(times(list, "\"sửa sau sao lưu\""), 1);
    assert_int_equal(rows_with(p, "sau sao lưu"), 0);
    assert_nothing_waits(&t);
    assert_int_equal(times(incidents(&t), "\"cursor\":"), 1);
    town_free(&t);
}

/* Whichever answer is lost, the office has it once, and the phone no more. */
static void test_of_a_lost_unit_and_a_lost_answer(void **state)
{
    (void)state;
    for (unsigned lost = 1; lost <= 4; lost++) {
        town t;
        town_make(&t, 7);
        lose_before_it_is_shown(&t, lost);
        sync_well(&t, 1);
        const char *list = incidents(&t);
        assert_int_equal(times(list, "\"cursor\":"), 1);
        assert_int_equal(times(list, "sau sao lưu\""), 5);
        assert_int_equal(rows_with(&t.w.phones[1], "sau sao lưu"), 0);
        assert_nothing_waits(&t);
        town_free(&t);
    }
}

/* A photo of such a record: the office cannot take it yet, nobody declined it, and it stays. */
static void test_its_file_stays(void **state)
{
    (void)state;
    static const char PDF[] = "%PDF-1.7\nbiên bản";
    const sotay_attachment file = { "a.pdf", PDF, sizeof PDF - 1, NULL, NULL, 0 };
    bool is_here = true;
    sotay_cleared cleared;
    town t;
    town_make_with(&t, 9, &file);
    phone *p = &t.w.phones[1];
    assert_int_equal(sotay_attachment_want(p->client, &t.ids[t.count - 1], t.item, &is_here, NULL),
                     SOTAY_OK);
    sync_well(&t, 1);
    restore(&t);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sync_fetching(&t.w, p, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(p, "\"attachments_waiting\":1"));
    assert_true(phone_status_says(p, "\"safe_to_wipe\":false"));
    p->client->me.backed_up_to = UINT64_MAX;
    assert_int_equal(sotay_attachment_clear(p->client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files + cleared.declined_files, 0);
    assert_int_equal(cleared.kept_files, 1);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_only_a_state_says),
        cmocka_unit_test(test_its_file_stays),
        cmocka_unit_test(test_what_came_back_is_not_shown),
        cmocka_unit_test(test_a_lost_answer),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_shown_until_a_backup_has_it),
        cmocka_unit_test(test_of_a_lost_unit),
        cmocka_unit_test(test_of_a_lost_unit_and_a_lost_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
