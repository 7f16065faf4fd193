/* tests/unit/both/test_review.c
 * Before a record is finalised an officer reads what keeps it from being so, all of it, in his own
 * language and as the form says it; what is missing and what breaks a rule are told apart. Nothing
 * of a record that this device may not read, or cannot, is guessed at. */
#include "tests/unit/both/world.h"

#include "client-lib/src/client.h"

#define DAY_MS UINT64_C(86400000)

static world w;

static int town_open(void **state)
{
    (void)state;
    world_make_with(&w, 1, (world_how){ 2, false });
    return 0;
}

static int town_close(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static void speak(phone *p, const char *lang)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    sotay_close(p->client);
    assert_int_equal(sotay_open(&p->port, &how, &p->client, &p->error), SOTAY_OK);
}

static sotay_id visit_of(phone *p, const sotay_pair *list, size_t count)
{
    sotay_id id;
    const sotay_pairs pairs = { list, count };
    int rc = sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error);
    if (rc != SOTAY_OK)
        print_message("  %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
    return id;
}

static void must_read(phone *p, const sotay_id *id, sotay_format format, const char *want)
{
    char *text = NULL;
    assert_int_equal(sotay_record_review(p->client, id, format, &text, &p->error), SOTAY_OK);
    assert_string_equal(text, want);
    sotay_text_free(text);
}

static const sotay_pair BACKWARDS[] = { { "visit_kind", "kiem_tra" },
                                        { "visit_date", "2026-03-12" },
                                        { "end_date", "2026-03-11" },
                                        { "started_at", "09:00" } };

static void test_what_is_missing(void **state)
{
    (void)state;
    static const sotay_pair KIND[] = { { "visit_kind", "kiem_tra" } };
    phone *an = &w.phones[0];
    sotay_id visit = visit_of(an, KIND, 1);
    must_read(an, &visit, SOTAY_TEXT, "visit_date (Ngày kiểm tra): cần ghi mục này\n");
    must_read(an, &visit, SOTAY_JSON,
              "{\"findings\":[{\"path\":\"visit_date\",\"required\":true,"
              "\"message\":\"cần ghi mục này\"}]}\n");
    assert_int_equal(sotay_record_finalise(an->client, &visit, &an->error), SOTAY_E_STATE);
    assert_string_equal(an->error.detail, "finalise: visit_date: it is needed (1 in all)");
    speak(an, "en");
    must_read(an, &visit, SOTAY_JSON,
              "{\"findings\":[{\"path\":\"visit_date\",\"required\":true,"
              "\"message\":\"it is needed\"}]}\n");
    speak(an, "vi");
    assert_int_equal(phone_set(an, &visit, "visit_date", "2026-03-12"), SOTAY_OK);
    must_read(an, &visit, SOTAY_TEXT, "");
    must_read(an, &visit, SOTAY_JSON, "{\"findings\":[]}\n");
    assert_int_equal(sotay_record_finalise(an->client, &visit, &an->error), SOTAY_OK);
}

static void test_what_breaks_a_rule(void **state)
{
    (void)state;
    phone *an = &w.phones[0];
    sotay_id visit = visit_of(an, BACKWARDS, 4);
    char *text = NULL;
    assert_int_equal(sotay_record_review(an->client, &visit, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    assert_non_null(strstr(text, "Ngày kết thúc không được trước ngày kiểm tra."));
    sotay_text_free(text);
    assert_int_equal(sotay_record_finalise(an->client, &visit, &an->error), SOTAY_E_STATE);
    assert_non_null(strstr(an->error.detail, "end_date: it does not fit the rule"));
    speak(an, "en");
    must_read(an, &visit, SOTAY_JSON,
              "{\"findings\":[{\"path\":\"end_date\",\"required\":false,"
              "\"message\":\"The end date must not be before the visit date.\"}]}\n");
    /* two of them, and all are listed */
    assert_int_equal(phone_set(an, &visit, "end_date", "2026-03-12"), SOTAY_OK);
    assert_int_equal(phone_set(an, &visit, "ended_at", "08:00"), SOTAY_OK);
    assert_int_equal(phone_set(an, &visit, "visit_date", "2026-03-13"), SOTAY_OK);
    assert_int_equal(sotay_record_review(an->client, &visit, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    assert_non_null(strstr(text, "end_date ("));
    assert_non_null(strstr(text, "ended_at ("));
    sotay_text_free(text);
    assert_int_equal(sotay_record_finalise(an->client, &visit, &an->error), SOTAY_E_STATE);
    assert_non_null(strstr(an->error.detail, "(2 in all)"));
    speak(an, "vi");
}

/* A phone without a battery wakes up before 1970: rules with today in them are read all the
 * same. */
static void test_a_clock_that_began_again(void **state)
{
    (void)state;
    phone *an = &w.phones[0];
    sotay_id visit = visit_of(an, BACKWARDS, 2);
    sotay_memory_clock(&an->port, -(int64_t)DAY_MS * 3 - 5, 2000);
    must_read(an, &visit, SOTAY_JSON, "{\"findings\":[]}\n");
    sotay_memory_clock(&an->port, PHONE_WALL_MS, 3000);
    must_read(an, &visit, SOTAY_JSON, "{\"findings\":[]}\n");
}

static void test_what_cannot_be_read_here(void **state)
{
    (void)state;
    static const sotay_id NOWHERE = { { 9, 9, 9 } };
    phone *an = &w.phones[0], *binh = &w.phones[1];
    char *text = NULL;
    assert_int_equal(sotay_record_review(an->client, &NOWHERE, SOTAY_TEXT, &text, &an->error),
                     SOTAY_E_NOT_FOUND);
    assert_null(text);
    /* of somebody else, by a phone that has not met the server for too long */
    sotay_id theirs = visit_of(binh, BACKWARDS, 2);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    must_read(an, &theirs, SOTAY_TEXT, "");
    sotay_memory_clock(&an->port, PHONE_WALL_MS + (int64_t)DAY_MS * 46, 3000 + DAY_MS * 46);
    assert_int_equal(sotay_record_review(an->client, &theirs, SOTAY_TEXT, &text, &an->error),
                     SOTAY_E_DENIED);
    assert_non_null(strstr(an->error.detail, "45 days"));
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    must_read(an, &theirs, SOTAY_TEXT, "");
}

/* Its form is gone from the store, or not there yet. */
static void test_a_form_that_is_not_here(void **state)
{
    (void)state;
    phone *an = &w.phones[0];
    sotay_id visit = visit_of(an, BACKWARDS, 2);
    char *text = NULL;
    st_error error = { 0 };
    assert_int_equal(client_begin(an->client, true, &error), ST_OK);
    book_key prefix = book_key_text(BOOK_FORM, "visit");
    book_scan scan = book_scan_of(&prefix);
    while (book_scan_next(&an->client->book, &scan, NULL, NULL, &error) == ST_OK)
        assert_int_equal(book_delete(&an->client->book, &scan.at, &error), ST_OK);
    assert_int_equal(client_commit(an->client, &error), ST_OK);
    phone_reopen(an);
    assert_int_equal(sotay_record_review(an->client, &visit, SOTAY_TEXT, &text, &an->error),
                     SOTAY_E_NOT_FOUND);
    assert_non_null(strstr(an->error.detail, "not on this device yet"));
    assert_int_equal(sotay_record_finalise(an->client, &visit, &an->error), SOTAY_E_NOT_FOUND);
    assert_int_equal(phone_set(an, &visit, "place", "x"), SOTAY_E_NOT_FOUND);
    assert_int_equal(sotay_show(an->client, &visit, SOTAY_TEXT, &text, &an->error),
                     SOTAY_E_NOT_FOUND);
    assert_non_null(strstr(an->error.detail, "not on this device yet"));
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK); /* what was written goes out */
    assert_true(phone_status_says(an, "\"ready\":0"));
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    must_read(&w.phones[1], &visit, SOTAY_TEXT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_what_breaks_a_rule),
        cmocka_unit_test(test_a_clock_that_began_again),
        cmocka_unit_test(test_what_cannot_be_read_here),
        cmocka_unit_test(test_a_form_that_is_not_here),
    };
    return cmocka_run_group_tests(tests, town_open, town_close);
}
