/* tests/unit/both/test_period.c
 * A visit that is dated in no year of the catalogue is kept as it is and shown so, at the office
 * and on the phone: by the years as they stand there, and by every date that somebody gives it. */
#include "tests/unit/both/world.h"

#define FLAG "\"no_period\""

static sotay_id visit_of(world *w, const char *date)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", date } };
    const sotay_pairs pairs = { list, date != NULL ? 2 : 1 };
    phone *p = &w->phones[0];
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    return id;
}

static bool phone_flags(phone *p, const sotay_id *id)
{
    char *text = NULL;
    assert_int_equal(sotay_show(p->client, id, SOTAY_JSON, &text, &p->error), SOTAY_OK);
    bool is_flagged = strstr(text, FLAG) != NULL;
    sotay_text_free(text);
    return is_flagged;
}

/* The office says so, and the phone that has heard of everything says the same. */
static bool is_flagged(world *w, const sotay_id *id)
{
    char hex[33];
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    sotay_id_format(id, hex);
    KIT_EXPECT(0, &w->book, "show", hex, "--json");
    bool is_flagged = strstr(KIT_OUT(&w->book), FLAG) != NULL;
    assert_int_equal(phone_flags(&w->phones[0], id), is_flagged);
    return is_flagged;
}

/* The record of a period. */
static void period_id(world *w, const char *period, char hex[33])
{
    KIT_EXPECT(0, &w->book, "records", "--form", "period", "--json");
    for (const char *at = KIT_OUT(&w->book); (at = strstr(at, "{\"id\":\"")) != NULL; at++) {
        const char *end = strchr(at, '}'), *title = strstr(at, period);
        if (title == NULL || end == NULL || title > end)
            continue;
        memcpy(hex, at + strlen("{\"id\":\""), 32);
        hex[32] = '\0';
        return;
    }
    fail_msg("no period %s", period);
}

static void test_by_its_date(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        bool is_flagged;
    } ROWS[] = {
        { "2025-01-01", false }, { "2026-12-31", false }, { "2030-12-31", false },
        { "2024-12-31", true },  { "2031-01-01", true }, /* though the final review has no end */
        { "2062-05-01", true },  { "1970-01-01", true },  { NULL, false },
    };
    world w;
    world_make_with(&w, 1, (world_how){ .phones = 1 });
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        sotay_id id = visit_of(&w, ROWS[i].date);
        assert_int_equal(is_flagged(&w, &id), ROWS[i].is_flagged);
    }
    KIT_EXPECT(0, &w.book, "held", "--json");
    assert_null(strstr(KIT_OUT(&w.book), "\"n\":")); /* nothing waits for it */
    world_free(&w);
}

/* The office corrects a year, the officer a date. */
static void test_as_things_stand_now(void **state)
{
    (void)state;
    world w;
    char year[33];
    world_make_with(&w, 2, (world_how){ .phones = 2 });
    sotay_id id = visit_of(&w, "2026-09-01");
    assert_false(is_flagged(&w, &id));
    period_id(&w, "\"title\":\"2026", year);
    KIT_EXPECT(0, &w.book, "set", year, "to=2026-06-30", "--as", "office");
    assert_true(is_flagged(&w, &id));
    KIT_EXPECT(0, &w.book, "set", year, "to=2026-12-31", "--as", "office");
    assert_false(is_flagged(&w, &id));
    KIT_EXPECT(0, &w.book, "set", year, "kind=interim", "--as", "office");
    assert_true(is_flagged(&w, &id)); /* it is no year any more */
    KIT_EXPECT(0, &w.book, "set", year, "kind=year", "--as", "office");
    assert_false(is_flagged(&w, &id));
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    for (size_t i = 0; i < 2; i++) /* two dates stand against each other, one of them in no year */
        assert_int_equal(phone_set(&w.phones[i], &id, "visit_date",
                                   i == 0 ? "2026-09-02" : "2062-09-02"), SOTAY_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(&w, &w.phones[i], 0, NULL), SOTAY_OK);
    assert_true(is_flagged(&w, &id));
    world_free(&w);
}

static void test_people_are_told(void **state)
{
    (void)state;
    world w;
    char hex[33];
    world_make_with(&w, 3, (world_how){ .phones = 1 });
    sotay_id id = visit_of(&w, "2062-05-01");
    sotay_id_format(&id, hex);
    KIT_EXPECT(0, &w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&w.book), "in no year"));
    w.book.lang = "vi";
    KIT_EXPECT(0, &w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&w.book), "không thuộc năm nào"));
    char *text = NULL;
    assert_int_equal(sotay_show(w.phones[0].client, &id, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    assert_non_null(strstr(text, "không thuộc năm nào"));
    sotay_text_free(text);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_its_date),
        cmocka_unit_test(test_as_things_stand_now),
        cmocka_unit_test(test_people_are_told),
    };
    return cmocka_run_group_tests_name("period", tests, NULL, NULL);
}
