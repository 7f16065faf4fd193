/* tests/unit/both/test_epoch_lists.c
 * A book that was put back more than once has another list of epochs than a phone was told: fewer
 * rows, or other ones under the same numbers. The phone is told this book's list all the same, with
 * the keys of its servers, and offers all that this log does not have. */
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

/* The backups of one book, by name; restore() takes the one that was named last. */
static void use_backup(town *t, const char *name)
{
    (void)snprintf(t->backup, sizeof t->backup, "%s.%s", t->w.book.dir, name);
}

static void backup_as(town *t, const char *name)
{
    use_backup(t, name);
    backup(t);
}

static void end_town(town *t)
{
    run_shell("rm -rf %s.b*%s", t->w.book.dir, "");
    town_free(t);
}

static void sync_times(town *t, phone *p, int times)
{
    for (int i = 0; i < times; i++)
        sync_phone_well(&t->w, p, NULL);
}

static void add_people(town *t, int count)
{
    for (int i = 0; i < count; i++) {
        char login[16];
        (void)snprintf(login, sizeof login, "a%d", i);
        KIT_EXPECT(0, &t->w.book, "user", "add", login, "--name", login, "--role", "officer");
    }
}

static void join_late(town *t, phone *late, uint64_t seed)
{
    phone_free(late);
    phone_new(late, seed);
    enrol(&t->w, late, "chi", true);
    sync_phone_well(&t->w, late, NULL);
}

static void assert_knows_server(const town *t, const phone *p)
{
    assert_memory_equal(p->client->me.server_key, t->w.book.rooms.keys.device_public, 32);
}

static void assert_in_book(town *t, const sotay_id *id, const char *text)
{
    char hex[33];
    sotay_id_format(id, hex);
    KIT_EXPECT(0, &t->w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&t->w.book), text));
}

/* The book that is put back has fewer rows than the phone was told, or as many, and the last is
 * new: whom that server enrols, the phone can read. */
static void test_more_rows_than_the_book(void **state)
{
    (void)state;
    town t;
    town_make(&t, 77);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *late = &t.w.phones[2];
    backup_as(&t, "b1");
    restore(&t);
    sync_phone_well(&t.w, an, NULL); /* of this epoch An alone hears */
    restore(&t);
    sync_phone_well(&t.w, binh, NULL); /* and of this Bình */
    restore(&t);
    backup_as(&t, "b2");
    sync_times(&t, an, 2); /* the book learns the key of the one, and that of the other */
    sync_times(&t, binh, 2);
    sync_phone_well(&t.w, an, NULL);
    assert_int_equal(an->client->me.epochs, 6);
    restore(&t);
    sync_phone_well(&t.w, an, NULL);
    assert_knows_server(&t, an);
    join_late(&t, late, 2009);
    const sotay_id visit = phone_visit(late, "đồi");
    sync_phone_well(&t.w, late, NULL);
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_says(an, sotay_show, &visit, "đồi"));
    KIT_EXPECT(0, &t.w.book, "verify");
    end_town(&t);
}

/* The book that is put back does not know that a key was learned, and begins three epochs: the
 * first of these has the lowest cut, and the number of a row that the phone has. */
static void test_the_lowest_cut_has_a_number_that_is_known(void **state)
{
    (void)state;
    town t;
    town_make(&t, 78);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    backup_as(&t, "b1");
    restore(&t);
    sync_phone_well(&t.w, an, NULL);
    restore(&t);
    backup_as(&t, "b2");
    sync_times(&t, an, 2);
    assert_int_equal(an->client->me.epochs, 4);
    const sotay_id visit = phone_visit(binh, "suối");
    sync_phone_well(&t.w, binh, NULL);
    sync_times(&t, an, 2);
    assert_true(phone_says(an, sotay_show, &visit, "suối"));
    restore(&t);
    add_people(&t, 20);
    backup_as(&t, "b3");
    restore(&t);
    backup_as(&t, "b4");
    restore(&t);
    sync_times(&t, an, 3);
    assert_in_book(&t, &visit, "suối"); /* signed by Bình, and acknowledged: An has kept it */
    assert_true(phone_status_says(an, "\"log_alarm\":null"));
    KIT_EXPECT(0, &t.w.book, "verify");
    end_town(&t);
}

/* The folder is put back, unnoticed, into the epoch that goes on, and learns another lost key under
 * the number that one had before. Nobody has to turn, and each is told what he lacks. */
static void test_another_row_of_that_number(void **state)
{
    (void)state;
    town t;
    town_make(&t, 79);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *late = &t.w.phones[2];
    backup_as(&t, "b1");
    restore(&t);
    sync_phone_well(&t.w, binh, NULL);
    join_late(&t, late, 2010);
    sync_phone_well(&t.w, binh, NULL);
    restore(&t);
    sync_phone_well(&t.w, an, NULL);
    restore(&t);
    keep_copy(&t);
    sync_times(&t, an, 2); /* row 3 is that of An's lost epoch */
    assert_int_equal(an->client->me.epochs, 4);
    put_copy_back(&t);
    sync_times(&t, binh, 2); /* and here of Bình's, in which the late one was enrolled */
    assert_int_equal(binh->client->me.epochs, 4);
    sync_phone_well(&t.w, late, NULL);
    const sotay_id visit = phone_visit(late, "đồi");
    sync_phone_well(&t.w, late, NULL);
    int rc = sync_phone(&t.w, an, 0, NULL);
    if (rc == SOTAY_E_NETWORK) { /* it shows what was signed since the copy: the book turns */
        rooms_close(&t.w.book.rooms);
        reopen(&t);
    } else {
        assert_int_equal(rc, SOTAY_OK);
    }
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < PHONES; i++)
            sync_phone_well(&t.w, &t.w.phones[i], NULL);
    for (size_t i = 0; i < PHONES; i++)
        assert_true(phone_says(&t.w.phones[i], sotay_show, &visit, "đồi"));
    KIT_EXPECT(0, &t.w.book, "verify");
    end_town(&t);
}

/* First an old backup is put back, and then a newer one: the log of the epoch between left this one
 * where the old one ends, though the cut of the present epoch is higher. */
static void test_where_the_lost_epoch_began(void **state)
{
    (void)state;
    town t;
    town_make(&t, 80);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    backup_as(&t, "b1");
    add_people(&t, 20);
    backup_as(&t, "b2");
    use_backup(&t, "b1");
    restore(&t);
    sync_phone_well(&t.w, an, NULL);
    const sotay_id visit = phone_visit(an, "suối"), other = phone_visit(binh, "đồi");
    sync_times(&t, binh, 2);
    sync_times(&t, an, 2);
    assert_true(phone_says(an, sotay_show, &other, "đồi"));
    use_backup(&t, "b2");
    restore(&t);
    sync_times(&t, an, 3);
    assert_in_book(&t, &visit, "suối");
    assert_in_book(&t, &other, "đồi");
    assert_true(phone_status_says(an, "\"log_alarm\":null"));
    KIT_EXPECT(0, &t.w.book, "verify");
    end_town(&t);
}

/* One that was enrolled in an epoch that is lost, and read nothing in it, is told also the key of
 * the first server: it reads what that had signed. */
static void test_the_first_key_after_a_lost_epoch(void **state)
{
    (void)state;
    char hex[33];
    town t;
    town_make(&t, 81);
    phone *an = &t.w.phones[0], *late = &t.w.phones[2];
    const sotay_id visit = phone_visit(an, "suối");
    sync_phone_well(&t.w, an, NULL);
    sotay_id_format(&visit, hex);
    KIT_EXPECT(0, &t.w.book, "set", hex, "ratings.m1.accepted_rating=dat", "--as", "office",
               "--reason", "theo hồ sơ");
    backup_as(&t, "b1");
    restore(&t);
    phone_free(late);
    phone_new(late, 2011);
    enrol(&t.w, late, "chi", true);
    restore(&t);
    sync_phone_well(&t.w, late, NULL);
    assert_true(phone_says(late, sotay_show, &visit, "accepted_rating"));
    end_town(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_rows_than_the_book),
        cmocka_unit_test(test_the_lowest_cut_has_a_number_that_is_known),
        cmocka_unit_test(test_another_row_of_that_number),
        cmocka_unit_test(test_where_the_lost_epoch_began),
        cmocka_unit_test(test_the_first_key_after_a_lost_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
