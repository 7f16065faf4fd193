/* tests/unit/both/test_twice_back.c
 * Somebody puts an old folder back without a word, and when the server has noticed and begun a new
 * epoch, somebody puts the same old folder back again: that is noticed too, and what any phone
 * holds comes back by itself. */
#include "tests/unit/both/town.h"

static void keep_copy(town *t)
{
    rooms_close(&t->w.book.rooms);
    run_shell("cp -r %s %s", t->w.book.dir, t->copy);
    reopen(t);
}

static void put_copy_back(town *t)
{
    rooms_close(&t->w.book.rooms);
    run_shell("rm -rf %s %s", t->w.book.dir, "");
    run_shell("cp -r %s %s", t->copy, t->w.book.dir);
    reopen(t);
}

/* Everybody syncs; a server that ends itself is started again. How often it was. */
static int sync_all(town *t)
{
    int starts = 0;
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < PHONES; i++) {
            int rc = sync_phone(&t->w, &t->w.phones[i], 0, NULL);
            if (rc == SOTAY_OK)
                continue;
            assert_int_equal(rc, SOTAY_E_NETWORK);
            rooms_close(&t->w.book.rooms);
            reopen(t);
            starts++;
        }
    return starts;
}

static void assert_there(town *t, const sotay_id *id, const char *place)
{
    char hex[33];
    sotay_id_format(id, hex);
    KIT_EXPECT(0, &t->w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&t->w.book), place));
    for (size_t i = 0; i < PHONES; i++)
        assert_true(phone_says(&t->w.phones[i], sotay_show, id, place));
}

static void assert_person(town *t, const char *login)
{
    KIT_EXPECT(0, &t->w.book, "user", "list");
    assert_non_null(strstr(KIT_OUT(&t->w.book), login));
}

static void add_person(town *t, const char *login)
{
    KIT_EXPECT(0, &t->w.book, "user", "add", login, "--name", login, "--role", "officer");
}

/* `office_works`: the office, too, signs something in the epoch that is lost. `then`: the server
 * that was put back the second time goes on unnoticed, and its office signs what the lost one had
 * signed under the same counter. */
static void twice(uint64_t seed, bool office_works, bool then)
{
    town t;
    uint8_t epoch[8];
    town_make(&t, seed);
    keep_copy(&t);
    add_person(&t, "dung");
    const sotay_id first = phone_visit(&t.w.phones[0], "suối");
    sync_all(&t);
    put_copy_back(&t);
    assert_int_equal(sync_all(&t), 1);
    assert_person(&t, "dung");
    if (office_works)
        add_person(&t, "em");
    const sotay_id second = phone_visit(&t.w.phones[1], "đồi");
    assert_int_equal(sync_all(&t), 0);
    assert_there(&t, &first, "suối");
    assert_there(&t, &second, "đồi");
    memcpy(epoch, t.w.book.rooms.sync.epoch, 8);
    put_copy_back(&t);
    if (then)
        add_person(&t, "giang");
    assert_int_equal(sync_all(&t), 1);
    assert_there(&t, &first, "suối");
    assert_there(&t, &second, "đồi");
    assert_person(&t, then ? "giang" : "dung");
    if (office_works)
        assert_person(&t, "em");
    KIT_EXPECT(0, &t.w.book, "held"); /* one counter, signed twice: nothing of it is lost */
    assert_int_equal(strstr(KIT_OUT(&t.w.book), "fork") != NULL, then);
    assert_memory_not_equal(epoch, t.w.book.rooms.sync.epoch, 8);
    assert_int_equal(sync_all(&t), 0);
    for (size_t i = 0; i < PHONES; i++)
        assert_true(phone_status_says(&t.w.phones[i], "\"ready\":0"));
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_the_same_folder_twice(void **state)
{
    (void)state;
    twice(51, false, false);
}

static void test_the_office_worked_in_between(void **state)
{
    (void)state;
    twice(52, true, false);
}

static void test_it_goes_on_for_a_while(void **state)
{
    (void)state;
    twice(53, true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_folder_twice),
        cmocka_unit_test(test_the_office_worked_in_between),
        cmocka_unit_test(test_it_goes_on_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
