/* tests/unit/both/test_backup.c
 * What is called a backup of this book, and covered by one, is so: two calls in one folder at once,
 * folders of another past or another book, what a check that was killed leaves behind. */
#include <unistd.h>

#include "server/backup/tree.h"
#include "tests/unit/both/town.h"

static uint64_t covered(town *t)
{
    unsigned long long index = 0;
    KIT_EXPECT(0, &t->w.book, "stat", "--json");
    const char *at = strstr(KIT_OUT(&t->w.book), "\"backed_up_to\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"backed_up_to\":%llu", &index), 1);
    return index;
}

static void write_and_sync(town *t)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "xóm" } };
    const sotay_pairs pairs = { list, 2 };
    sotay_id id;
    phone *p = &t->w.phones[0];
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_OK);
}

static bool is_there(const char *dir, const char *name)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* While one works in the folder no other does: a check would sign for what the other removes. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    town t;
    int taken = -1;
    town_make(&t, 1);
    backup(&t);
    assert_int_equal(backup_take_folder(t.backup, &taken, NULL), ST_OK);
    KIT_EXPECT(1, &t.w.book, "backup", "--check", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "another backup or check"));
    KIT_EXPECT(1, &t.w.book, "backup", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "another backup or check"));
    (void)close(taken);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    town_free(&t);
}

/* It would hold the book and its keys, also what is erased by now. */
static void test_what_a_killed_check_left(void **state)
{
    (void)state;
    town t;
    town_make(&t, 2);
    backup(&t);
    run_shell("mkdir -p %s/.check.aBcDeF/keys && echo x >%s/.check.aBcDeF/keys/log.key", t.backup,
              t.backup);
    backup(&t);
    assert_false(is_there(t.backup, ".check.aBcDeF"));
    run_shell("mkdir -p %s/.check.aBcDeF %s/.check.ghijkl", t.backup, t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    run_shell("test -z \"$(ls -d %s/.check.* 2>%s)\"", t.backup, "/dev/null");
    town_free(&t);
}

/* The newer folder is of a past that this log does not have: good, and no backup of this book, also
 * when the log is longer by now. */
static void test_a_lost_past_covers_nothing(void **state)
{
    (void)state;
    town t;
    town_make(&t, 3);
    backup(&t);
    write_and_sync(&t);
    KIT_EXPECT(0, &t.w.book, "backup", t.copy);
    restore(&t);
    for (int longer = 0; longer < 2; longer++) {
        uint64_t before = covered(&t);
        KIT_EXPECT(3, &t.w.book, "backup", "--check", t.copy);
        assert_true(kit_says(KIT_OUT(&t.w.book), "good"));
        assert_true(kit_says(KIT_OUT(&t.w.book), "nothing of this book is covered"));
        assert_int_equal(covered(&t), before);
        for (int i = 0; i < 4; i++)
            write_and_sync(&t);
    }
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":false"));
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":true"));
    town_free(&t);
}

/* What was checked stays so when more goes into the folder. */
static void test_a_further_backup_forgets_no_check(void **state)
{
    (void)state;
    town t;
    town_make(&t, 4);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    uint64_t checked = covered(&t);
    assert_true(checked > 0);
    for (int i = 0; i < 2; i++) {
        write_and_sync(&t);
        backup(&t);
        assert_int_equal(covered(&t), checked);
    }
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    assert_true(covered(&t) > checked);
    town_free(&t);
}

/* A folder with a book in it is in use, or not: it is none for a backup. */
static void test_a_book_is_no_place_for_a_backup(void **state)
{
    (void)state;
    town t;
    town_make(&t, 5);
    backup(&t);
    run_shell("cp -r %s %s", t.w.book.dir, t.copy);
    KIT_EXPECT(1, &t.w.book, "backup", t.copy);
    assert_true(kit_says(KIT_ERR(&t.w.book), "the data folder of a book"));
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_what_a_killed_check_left),
        cmocka_unit_test(test_a_lost_past_covers_nothing),
        cmocka_unit_test(test_a_further_backup_forgets_no_check),
        cmocka_unit_test(test_a_book_is_no_place_for_a_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
