/* tests/unit/both/test_twice_back.c
 * Somebody puts an old folder back without a word, and when the server has noticed and begun a new
 * epoch, somebody puts the same old folder back again: that is noticed too, and what any phone
 * holds comes back by itself. Whoever checks the log of such a book finds nothing wrong in it. */
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"
#include "tools/verify/source.h"

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

/* ---- a stranger checks the log ---- */

static void add_people(town *t, const char *prefix, int count)
{
    for (int i = 0; i < count; i++) {
        char login[16];
        (void)snprintf(login, sizeof login, "%s%d", prefix, i);
        add_person(t, login);
    }
}

static st_vkey vkey_of(const char *folder)
{
    char path[160];
    st_vkey vkey;
    st_buffer text;
    st_buffer_init(&text, 4096);
    (void)snprintf(path, sizeof path, "%s/vkey", folder);
    assert_int_equal(verify_read_file(path, &text, NULL), ST_OK);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    assert_true(st_vkey_parse((const char *)text.data, text.len, &vkey));
    st_buffer_free(&text);
    return vkey;
}

/* Nothing is wrong; *out_given: how many logs before an epoch phones had shown. */
static void assert_log_holds(town *t, size_t *out_given)
{
    char folder[120];
    verify_log log = { .is_strict = true };
    st_error error = { 0 };
    const verify_place place = { folder, false };
    const verify_source source = verify_source_of(&place);
    (void)snprintf(folder, sizeof folder, "%s.log", t->w.book.dir);
    KIT_EXPECT(0, &t->w.book, "audit", "export", folder);
    const st_vkey vkey = vkey_of(folder);
    if (verify_log_read(&log, &source, &vkey, &error) != ST_OK)
        fail_msg("%s", error.detail);
    *out_given = log.givens_count;
    verify_log_free(&log);
    run_shell("rm -rf %s %s", folder, "");
}

/* The same backup twice, and the second book grows beyond the lost one before phones return. */
static void test_the_second_one_grew_beyond_the_first(void **state)
{
    (void)state;
    town t;
    size_t given = 0;
    town_make(&t, 61);
    backup(&t);
    restore(&t);
    add_person(&t, "em");
    sync_all(&t);
    assert_log_holds(&t, &given);
    const size_t before = given;
    restore(&t);
    add_people(&t, "a", 9);
    sync_all(&t);
    sync_all(&t);
    assert_log_holds(&t, &given);
    assert_true(given > before); /* the phones showed the one that was lost */
    KIT_EXPECT(0, &t.w.book, "alarms");
    assert_null(strstr(KIT_OUT(&t.w.book), "rewritten"));
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* A phone that knows the lost log syncs before anybody notices that an old folder is back. */
static void test_noticed_late(void **state)
{
    (void)state;
    town t;
    size_t given = 0;
    town_make(&t, 62);
    sync_all(&t);
    keep_copy(&t);
    add_person(&t, "dung");
    (void)phone_visit(&t.w.phones[0], "suối");
    sync_all(&t);
    put_copy_back(&t);
    add_people(&t, "b", 9);
    (void)phone_visit(&t.w.phones[0], "đồi");
    sync_all(&t);
    sync_all(&t);
    KIT_EXPECT(0, &t.w.book, "verify");
    assert_log_holds(&t, &given);
    town_free(&t);
}

/* ---- the epoch has the name that it had ---- */

/* Its cursors stay where they are. */
static void send_only(town *t, phone *p)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(run(&t->w, sync, 0, NULL), SOTAY_OK);
}

/* A phone proves that the store was put back, and does not hear of the epoch that begins then. */
static void prove_it(town *t, phone *p)
{
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_E_NETWORK);
    rooms_close(&t->w.book.rooms);
    reopen(t);
}

/* The first phone was in the epoch that is lost now, and shows it to this one. */
static void show_the_lost_one(town *t)
{
    add_person(t, "em");
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t->w, &t->w.phones[0], NULL);
}

/* `copied`: the phone that lost its work is a copy of the first one. */
static void name_comes_back(uint64_t seed, bool copied)
{
    town t;
    town_make(&t, seed);
    phone *first = &t.w.phones[0], *late = &t.w.phones[2];
    const sotay_id visit = phone_visit(first, "gốc");
    sync_phone_well(&t.w, first, NULL);
    if (copied) {
        phone_free(late);
        assert_int_equal(sotay_memory_copy(&first->port, false, &late->port, NULL), SOTAY_OK);
        phone_open(late);
    }
    sync_phone_well(&t.w, late, NULL);
    keep_copy(&t);
    assert_int_equal(phone_set(late, &visit, "general_note", "suối"), SOTAY_OK);
    for (int i = 0; i < 2; i++)
        send_only(&t, late);
    put_copy_back(&t);
    prove_it(&t, late);
    show_the_lost_one(&t);
    put_copy_back(&t);
    assert_int_equal(phone_set(first, &visit, "general_note", "đồi"), SOTAY_OK);
    sync_all(&t);
    KIT_EXPECT(0, &t.w.book, "held");
    assert_int_equal(strstr(KIT_OUT(&t.w.book), "fork") != NULL, copied);
    if (copied)
        enrol(&t.w, late, "an", true);
    assert_int_equal(sync_all(&t), 0);
    for (size_t i = 0; i < PHONES; i++) {
        assert_true(phone_says(&t.w.phones[i], sotay_show, &visit, "suối"));
        assert_true(phone_says(&t.w.phones[i], sotay_show, &visit, "đồi"));
    }
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_a_name_that_comes_back(void **state)
{
    (void)state;
    name_comes_back(63, false);
}

static void test_a_name_that_comes_back_to_a_copy(void **state)
{
    (void)state;
    name_comes_back(64, true);
}

/* The second time it is an older folder, which has grown beyond the cut of the lost epoch; who
 * shows that has read nothing of what is lost. */
static void test_an_older_folder_the_second_time(void **state)
{
    (void)state;
    town t;
    town_make(&t, 65);
    phone *late = &t.w.phones[2];
    char older[sizeof t.copy];
    sync_all(&t);
    keep_copy(&t);
    const sotay_id first = phone_visit(&t.w.phones[1], "suối");
    sync_phone_well(&t.w, &t.w.phones[1], NULL);
    for (int i = 0; i < 2; i++) /* and says what it has seen */
        sync_phone_well(&t.w, late, NULL);
    memcpy(older, t.copy, sizeof older);
    (void)snprintf(t.copy, sizeof t.copy, "%s.newer", t.w.book.dir);
    keep_copy(&t);
    const sotay_id second = phone_visit(late, "đồi");
    send_only(&t, late);
    put_copy_back(&t);
    prove_it(&t, late);
    enrol(&t.w, &t.w.phones[0], "an", true);
    run_shell("rm -rf %s %s", t.copy, "");
    memcpy(t.copy, older, sizeof older);
    put_copy_back(&t);
    add_people(&t, "c", 9);
    for (size_t i = 0; i < PHONES; i++) {
        sotay_report report;
        sync_phone_well(&t.w, &t.w.phones[i], &report);
        assert_int_equal(report.repaired_buckets, 0); /* each knows by itself what is lost */
    }
    assert_int_equal(sync_all(&t), 0);
    assert_there(&t, &first, "suối");
    assert_there(&t, &second, "đồi");
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* ---- enrolled in an epoch that is lost ---- */

/* Another epoch, which the folder that was kept does not know: the first phone proves that. */
static void begin_an_epoch(town *t)
{
    phone *an = &t->w.phones[0];
    keep_copy(t);
    (void)phone_visit(an, "suối");
    sync_phone_well(&t->w, an, NULL);
    put_copy_back(t);
    prove_it(t, an);
}

/* The folder is put back when a device was enrolled, and before it syncs. What it sealed comes in;
 * `again`: when it is enrolled once more, without a sync before. */
static void enrolled_in_a_lost_epoch(uint64_t seed, bool again)
{
    town t;
    town_make(&t, seed);
    phone *late = &t.w.phones[2];
    begin_an_epoch(&t);
    enrol(&t.w, late, "chi", true);
    const sotay_id visit = phone_visit(late, "đồi");
    rows_seal(late);
    put_copy_back(&t);
    if (again)
        enrol(&t.w, late, "chi", true);
    for (int i = 0; i < 3; i++)
        sync_phone_well(&t.w, late, NULL);
    assert_true(phone_status_says(late, "\"ready\":0"));
    assert_true(phone_status_says(late, "\"held\":0")); /* and the first phone proved nothing yet */
    sync_all(&t);
    assert_there(&t, &visit, "đồi");
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_enrolled_in_a_lost_epoch(void **state)
{
    (void)state;
    enrolled_in_a_lost_epoch(66, false);
}

static void test_enrolled_again_after_a_lost_epoch(void **state)
{
    (void)state;
    enrolled_in_a_lost_epoch(67, true);
}

/* Twice the same phone alone can tell, by the checkpoint that it holds. */
static void test_noticed_late_twice(void **state)
{
    (void)state;
    town t;
    town_make(&t, 69);
    phone *an = &t.w.phones[0];
    for (int times = 0; times < 2; times++) {
        char prefix[2] = { (char)('p' + times), '\0' };
        sync_all(&t);
        run_shell("rm -rf %s %s", t.copy, "");
        keep_copy(&t);
        const sotay_id visit = phone_visit(an, times == 0 ? "suối" : "đồi");
        for (int i = 0; i < 2; i++)
            sync_phone_well(&t.w, an, NULL);
        put_copy_back(&t);
        add_people(&t, prefix, 9);
        prove_it(&t, an);
        sync_all(&t);
        assert_there(&t, &visit, times == 0 ? "suối" : "đồi");
    }
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* It has read nothing yet, and needs no other link. */
static void test_a_new_phone_of_a_lost_epoch(void **state)
{
    (void)state;
    town t;
    town_make(&t, 68);
    phone *late = &t.w.phones[2];
    begin_an_epoch(&t);
    phone_free(late);
    phone_new(late, 1009);
    enrol(&t.w, late, "chi", true);
    put_copy_back(&t);
    sync_phone_well(&t.w, late, NULL);
    const sotay_id visit = phone_visit(late, "đồi");
    sync_all(&t);
    assert_there(&t, &visit, "đồi");
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_folder_twice),
        cmocka_unit_test(test_the_office_worked_in_between),
        cmocka_unit_test(test_it_goes_on_for_a_while),
        cmocka_unit_test(test_the_second_one_grew_beyond_the_first),
        cmocka_unit_test(test_noticed_late),
        cmocka_unit_test(test_a_name_that_comes_back),
        cmocka_unit_test(test_a_name_that_comes_back_to_a_copy),
        cmocka_unit_test(test_an_older_folder_the_second_time),
        cmocka_unit_test(test_enrolled_in_a_lost_epoch),
        cmocka_unit_test(test_enrolled_again_after_a_lost_epoch),
        cmocka_unit_test(test_a_new_phone_of_a_lost_epoch),
        cmocka_unit_test(test_noticed_late_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
