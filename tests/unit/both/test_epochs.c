/* tests/unit/both/test_epochs.c
 * Phones that are new around a restore: one that comes after it, and one that was reading its first
 * snapshot when it happened. And one that keeps what others wrote, and reads the book anew from a
 * snapshot after a restore: when the book is restored once more, it still brings that. */
#include "server/backup/backup.h"
#include "tests/unit/both/many_visits.h"

typedef struct {
    world *w;
    char backup[80];
} village;

static void run_shell(const char *format, const char *a)
{
    char command[200];
    (void)snprintf(command, sizeof command, format, a);
    assert_int_equal(system(command), 0);
}

static void backup(village *v)
{
    (void)snprintf(v->backup, sizeof v->backup, "%s.backup", v->w->book.dir);
    KIT_EXPECT(0, &v->w->book, "backup", v->backup);
}

static void restore(village *v)
{
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = v->w->book.dir };
    rooms_close(&v->w->book.rooms);
    run_shell("rm -rf %s", v->w->book.dir);
    if (backup_restore(v->backup, &how, &manifest, &error) != ST_OK ||
        rooms_open(&how, &v->w->book.rooms, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
}

/* The store as it is now, and later in the place of the one there is, with what lies beside it. */
static void copy_store(village *v, const char *command)
{
    st_error error = { 0 };
    rooms_how how = { .dir = v->w->book.dir };
    rooms_close(&v->w->book.rooms);
    run_shell(command, v->w->book.dir);
    if (rooms_open(&how, &v->w->book.rooms, &error) != ST_OK)
        fail_msg("open: %s", error.detail);
}

static void village_free(village *v)
{
    world_free(v->w);
    run_shell("rm -rf %s", v->backup);
}

/* The phone comes when the server's device has its second key: it believes what the first one
 * signed, which is how it knows everybody else. */
static void test_a_phone_that_is_new_after_a_restore(void **state)
{
    (void)state;
    village v = { .w = begin(1) };
    line whole = { 0 };
    backup(&v);
    restore(&v);
    sync_to_the_end(v.w, &v.w->phones[0], &whole);
    phone *by_snapshot = newcomer(v.w, 1, "binh"), *by_pages = newcomer(v.w, 2, "chi");
    sync_to_the_end(v.w, by_snapshot, &whole);
    assert_true(whole.gets > 0);
    for (int round = 0; round < 2; round++)
        assert_int_equal(sync_phone(v.w, by_pages, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&v.w->phones[0], &ids[1], "general_note", "sau đó"), SOTAY_OK);
    sync_to_the_end(v.w, &v.w->phones[0], &whole);
    sync_to_the_end(v.w, by_snapshot, &whole);
    assert_int_equal(sync_phone(v.w, by_pages, 0, NULL), SOTAY_OK);
    assert_alike(v.w, by_snapshot);
    assert_alike(v.w, by_pages);
    backup(&v);
    restore(&v); /* a third key */
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < PHONES; i++)
            sync_to_the_end(v.w, &v.w->phones[i], &whole);
    assert_alike(v.w, by_snapshot);
    assert_alike(v.w, by_pages);
    village_free(&v);
}

/* The line breaks in a phone's first snapshot, and the store is put back to before it was cut; the
 * files beside it stay. Another one is cut in its place: the phone does not go on with the one it
 * began, and the server does not give it out. */
static void test_half_a_snapshot_of_a_lost_epoch(void **state)
{
    (void)state;
    static world w;
    village v = { .w = &w };
    line broken = { .cut = 900 }, whole = { 0 };
    ids_count = 0;
    world_make_with(&w, 2, (world_how){ 1, false });
    phone *early = newcomer(&w, 1, "binh");
    copy_store(&v, "cd %s && cp store/data.mdb before");
    make_visits(&w, VISITS);
    assert_int_equal(sync_over(&w, early, &broken, NULL), SOTAY_E_NETWORK);
    copy_store(&v, "cd %s && mv before store/data.mdb");
    sync_to_the_end(&w, &w.phones[0], &whole);
    phone *other = newcomer(&w, 2, "chi");
    sync_to_the_end(&w, other, &whole);
    sync_to_the_end(&w, early, &whole);
    sync_to_the_end(&w, &w.phones[0], &whole);
    assert_alike(&w, other);
    assert_alike(&w, early);
    world_free(&w);
}

/* The backup has nothing of what an writes then, twice in one place, and her phone is lost when
 * that backup is restored once more. What binh keeps of it he read from pages, before the first
 * time. */
static void test_others_sets_after_a_snapshot(void **state)
{
    (void)state;
    village v = { .w = begin(3) };
    line whole = { 0 };
    phone *an = &v.w->phones[0], *binh = newcomer(v.w, 1, "binh");
    assert_int_equal(sync_phone(v.w, binh, 0, NULL), SOTAY_OK);
    backup(&v);
    const char *const places[] = { "bờ suối", "sườn đồi" };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(phone_set(an, &ids[1], "place", places[i]), SOTAY_OK);
        assert_int_equal(sync_phone(v.w, an, 0, NULL), SOTAY_OK);
        assert_int_equal(sync_phone(v.w, binh, 0, NULL), SOTAY_OK);
    }
    restore(&v);
    sync_to_the_end(v.w, an, &whole);
    sync_to_the_end(v.w, binh, &whole);
    assert_true(whole.gets > 0);
    assert_false(history_says(binh, &ids[1], places[0])); /* a snapshot tells of no entry */
    assert_true(phone_says(binh, sotay_show, &ids[1], places[1]));
    restore(&v);
    sync_to_the_end(v.w, binh, &whole);
    phone *chi = newcomer(v.w, 2, "chi");
    for (int round = 0; round < 2; round++)
        assert_int_equal(sync_phone(v.w, chi, 0, NULL), SOTAY_OK);
    assert_true(phone_says(chi, sotay_show, &ids[1], places[1]));
    assert_true(history_says(chi, &ids[1], places[0]));
    KIT_EXPECT(0, &v.w->book, "verify");
    village_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_phone_that_is_new_after_a_restore),
        cmocka_unit_test(test_half_a_snapshot_of_a_lost_epoch),
        cmocka_unit_test(test_others_sets_after_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
