/* tests/unit/both/test_erased.c
 * What the office erases goes from every phone: from what it shows, its history, the sets it keeps,
 * what it carries for others and the names it learned, and no sum has to be mended for it. What is
 * being typed, and every other value, stays as it is. */
#include "tests/unit/both/fetch.h"
#include "tests/unit/client-lib/rows.h"

#include "client-lib/src/client.h"

#define SECRET "bị bạo hành trong nhà"

static void erase(world *w, const sotay_id *record, const char *path)
{
    char id[33];
    sotay_id_format(record, id);
    KIT_EXPECT(0, &w->book, "erase", id, path, "--as", "admin", "--second", "head", "--basis",
               "đơn của người dân");
}

/* Two phones; an's visit says the secret, and binh's words beside it as well. */
static sotay_id town_make(world *w, uint64_t seed)
{
    world_make_with(w, seed, (world_how){ 2, false });
    KIT_EXPECT(0, &w->book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &w->book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    sotay_id visit = phone_visit(&w->phones[0], "xóm");
    assert_int_equal(phone_set(&w->phones[0], &visit, "general_note", SECRET), SOTAY_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(w, &w->phones[i], 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&w->phones[1], &visit, "general_note", SECRET " và con"), SOTAY_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(sync_phone(w, &w->phones[(i + 1) % 2], 0, NULL), SOTAY_OK);
    return visit;
}

static void must_be_gone(world *w, phone *p, const sotay_id *visit)
{
    sotay_report report;
    assert_false(rows_hold(p, SECRET));
    char *json = shown(p, visit);
    assert_null(strstr(json, SECRET));
    assert_non_null(strstr(json, "\"erased\":true"));
    assert_non_null(strstr(json, "xóm"));
    sotay_text_free(json);
    assert_int_equal(sotay_history(p->client, visit, SOTAY_TEXT, &json, &p->error), SOTAY_OK);
    assert_null(strstr(json, SECRET));
    sotay_text_free(json);
    assert_int_equal(sync_phone(w, p, 0, &report), SOTAY_OK);
    assert_int_equal(report.repaired_buckets, 0);
    assert_int_equal(report.requests, 1);
}

static void test_it_goes_from_every_phone(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 1);
    for (size_t i = 0; i < 2; i++)
        assert_true(rows_hold(&w.phones[i], SECRET));
    erase(&w, &visit, "general_note");
    for (size_t i = 0; i < 2; i++) {
        sotay_report report;
        assert_int_equal(sync_phone(&w, &w.phones[i], 0, &report), SOTAY_OK);
        assert_int_equal(report.repaired_buckets, 0);
        must_be_gone(&w, &w.phones[i], &visit);
    }
    /* it can be written again */
    assert_int_equal(phone_set(&w.phones[1], &visit, "general_note", "được viết lại"), SOTAY_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(&w, &w.phones[1 - i], 0, NULL), SOTAY_OK);
    assert_true(phone_says(&w.phones[0], sotay_show, &visit, "được viết lại"));
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

/* What is typed or waits to be sent is an edit like any other: it comes after the erasure, and
 * stays. */
static void test_what_is_being_written_stays(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 2);
    phone *binh = &w.phones[1];
    erase(&w, &visit, "general_note");
    assert_int_equal(phone_set(binh, &visit, "place", "chưa gửi"), SOTAY_OK);
    assert_int_equal(sotay_draft_put(binh->client, &visit, "general_note", "đang gõ", NULL),
                     SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_false(rows_hold(binh, SECRET));
    assert_true(phone_says(binh, sotay_show, &visit, "chưa gửi"));
    assert_true(phone_says(binh, sotay_show, &visit, "đang gõ")); /* a sync saves it */
    world_free(&w);
}

static int keep(phone *p, const sotay_id *visit, const char *dot)
{
    const sotay_resolution wish = { "general_note", dot, NULL, NULL, "theo biên bản" };
    return sotay_record_resolve(p->client, visit, &wish, &p->error);
}

/* Nobody can keep what is gone; another value of the same difference he can. */
static void test_it_cannot_be_kept(void **state)
{
    (void)state;
    world w;
    char gone[64], left[64], id[33];
    sotay_id visit = town_make(&w, 9);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    assert_int_equal(phone_set(an, &visit, "general_note", SECRET " lần nữa"), SOTAY_OK);
    assert_int_equal(phone_set(binh, &visit, "general_note", "lời của Bình"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    erase(&w, &visit, "general_note");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sync_phone(&w, &w.phones[(i + 1) % 2], 0, NULL), SOTAY_OK);
    char *json = shown(binh, &visit);
    find_dot(json, "\"erased\":true", gone);
    find_dot(json, "lời của Bình", left);
    sotay_text_free(json);
    assert_int_equal(keep(binh, &visit, gone), SOTAY_E_STATE);
    assert_non_null(strstr(binh->error.detail, "erased"));
    sotay_id_format(&visit, id);
    KIT_EXPECT(1, &w.book, "resolve", id, "general_note", "--keep", gone, "--as", "head",
               "--reason", "theo biên bản");
    assert_true(kit_says(KIT_ERR(&w.book), "was erased"));
    assert_int_equal(keep(binh, &visit, left), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    KIT_EXPECT(0, &w.book, "show", id);
    assert_true(kit_says(KIT_OUT(&w.book), "lời của Bình"));
    world_free(&w);
}

/* A line that is cut anywhere, and a program that ends: the erasure is taken whole, once. */
static void test_over_a_bad_line(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 3);
    erase(&w, &visit, "general_note");
    for (size_t i = 0; i < 2; i++) {
        for (int tries = 0; tries < 6; tries++) {
            (void)sync_phone(&w, &w.phones[i], 2, NULL);
            phone_crash(&w.phones[i], false);
        }
        assert_int_equal(sync_phone(&w, &w.phones[i], 0, NULL), SOTAY_OK);
        must_be_gone(&w, &w.phones[i], &visit);
    }
    world_free(&w);
}

/* The base of the record was damaged here before: the erasure takes what it finds, the sum says
 * the rest, and the repair brings the record without the value. */
static void test_a_damaged_base(void **state)
{
    (void)state;
    static const sotay_damage HOW[] = { SOTAY_DAMAGE_MISSING, SOTAY_DAMAGE_VALUE,
                                        SOTAY_DAMAGE_SUM };
    for (size_t i = 0; i < sizeof HOW / sizeof HOW[0]; i++) {
        world w;
        sotay_id visit = town_make(&w, 10 + i);
        phone *binh = &w.phones[1];
        assert_int_equal(sotay_debug_damage(binh->client, &visit, HOW[i], &binh->error), SOTAY_OK);
        erase(&w, &visit, "general_note");
        for (int round = 0; round < 3; round++)
            assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        must_be_gone(&w, binh, &visit);
        char *want = shown(&w.phones[0], &visit);
        sotay_text_free(want);
        assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
        char *one = shown(&w.phones[0], &visit), *other = shown(binh, &visit);
        assert_string_equal(one, other);
        sotay_text_free(one);
        sotay_text_free(other);
        world_free(&w);
    }
}

/* The base does not even open: the erasure is taken all the same, since the phone would never come
 * past it, and the repair does the rest. */
static void test_a_base_that_does_not_open(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 20);
    phone *binh = &w.phones[1];
    st_id id = phone_id(&visit);
    book_key key = book_key_id(BOOK_BASE, &id);
    assert_int_equal(client_begin(binh->client, true, NULL), ST_OK);
    assert_int_equal(book_put(&binh->client->book, &key, "half", 4, NULL), ST_OK);
    assert_int_equal(client_commit(binh->client, NULL), ST_OK);
    erase(&w, &visit, "general_note");
    for (int round = 0; round < 3; round++)
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    must_be_gone(&w, binh, &visit);
    world_free(&w);
}

/* Who is new gets it from the start as it is: nothing of the value, and nothing to mend. */
static void test_who_comes_later(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 4);
    erase(&w, &visit, "general_note");
    phone *chi = newcomer(&w, 2, "chi");
    assert_int_equal(sync_phone(&w, chi, 0, NULL), SOTAY_OK);
    must_be_gone(&w, chi, &visit);
    world_free(&w);
}

/* Another person's name: what the phone learned from the catalogue goes with it. */
static void test_a_name_that_was_learned(void **state)
{
    (void)state;
    world w;
    sotay_id visit = town_make(&w, 5), person;
    KIT_EXPECT(0, &w.book, "user", "add", "giang", "--name", "Nguyễn Thị Giang", "--role",
               "officer");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(&w, &w.phones[i], 0, NULL), SOTAY_OK);
    assert_true(rows_hold(&w.phones[0], "Nguyễn Thị Giang"));
    store_txn txn = { 0 };
    auth_person found;
    assert_int_equal(store_begin(w.book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_person_by_login(&txn, "giang", &found, NULL), ST_OK);
    store_end(&txn);
    memcpy(person.b, found.id.b, sizeof person.b);
    erase(&w, &person, "full_name");
    for (size_t i = 0; i < 2; i++) {
        sotay_report report;
        assert_int_equal(sync_phone(&w, &w.phones[i], 0, &report), SOTAY_OK);
        assert_int_equal(report.repaired_buckets, 0);
        assert_false(rows_hold(&w.phones[i], "Nguyễn Thị Giang"));
        assert_true(phone_says(&w.phones[i], sotay_show, &visit, SECRET)); /* not named by it */
    }
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

/* What was declined is in no book, but on the phone that wrote it: it goes from there as well. */
static void test_a_record_that_was_declined(void **state)
{
    (void)state;
    world w;
    char device[33];
    sotay_who who;
    (void)town_make(&w, 6);
    phone *an = &w.phones[0];
    sotay_whoami(an->client, &who);
    sotay_id_format(&who.device, device);
    sotay_id visit = phone_visit(an, "nhà ở đầu xóm");
    assert_int_equal(phone_set(an, &visit, "general_note", "chuyện nhà bà Mùi"), SOTAY_OK);
    KIT_EXPECT(0, &w.book, "device", "suspend", device);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    KIT_EXPECT(0, &w.book, "held", "decline", "1", "--as", "office", "--reason", "ghi nhầm");
    KIT_EXPECT(0, &w.book, "device", "suspend", device, "--lift");
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_true(phone_says(an, sotay_show, &visit, "bà Mùi"));
    erase(&w, &visit, "general_note");
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_false(rows_hold(an, "bà Mùi"));
    assert_false(phone_says(an, sotay_show, &visit, "bà Mùi"));
    assert_true(phone_says(an, sotay_show, &visit, "đầu xóm"));
    assert_false(phone_says(an, sotay_history, &visit, "bà Mùi"));
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    assert_false(rows_hold(&w.phones[1], "bà Mùi"));
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_goes_from_every_phone),
        cmocka_unit_test(test_what_is_being_written_stays),
        cmocka_unit_test(test_it_cannot_be_kept),
        cmocka_unit_test(test_over_a_bad_line),
        cmocka_unit_test(test_a_damaged_base),
        cmocka_unit_test(test_a_base_that_does_not_open),
        cmocka_unit_test(test_who_comes_later),
        cmocka_unit_test(test_a_name_that_was_learned),
        cmocka_unit_test(test_a_record_that_was_declined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
