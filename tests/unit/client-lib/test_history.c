/* tests/unit/client-lib/test_history.c
 * The history of a record, where the phone has less than all of it: own work whose place in the log
 * is read anew, records that came as they stand, changes of another run of the machine, lines that
 * do not fit their sets. */
#include "client-lib/src/apply.h"
#include "tests/unit/client-lib/rows.h"

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

static size_t times_said(phone *p, const sotay_id *record, const char *text)
{
    char *json = NULL;
    size_t count = 0;
    must(sotay_history(p->client, record, SOTAY_JSON, &json, &p->error));
    for (const char *at = strstr(json, text); at != NULL; at = strstr(at + 1, text))
        count++;
    sotay_text_free(json);
    return count;
}

static void read_unit_anew(phone *p)
{
    st_bucket bucket;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    rows_begin(p);
    assert_int_equal(apply_forget(p->client, &bucket, NULL), ST_OK);
    rows_commit(p);
}

/* Until the log comes again, own work says of itself how far it got; several held changes of one
 * record are each told once. */
static void test_own_work_without_its_lines(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    must(edge_sync(e, an.client, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        e->hold_next = ST_HOLD_ROLE;
        must(phone_set(&an, &visit, "general_note", i == 0 ? "một" : "hai"));
        must(edge_sync(e, an.client, NULL, NULL));
    }
    e->hold_next = ST_HOLD_NONE;
    must(phone_set(&an, &visit, "place", "trạm"));
    for (int anew = 0; anew < 2; anew++) {
        assert_int_equal(times_said(&an, &visit, "\"verdict\":\"stored\""), 1);
        assert_int_equal(times_said(&an, &visit, "\"verdict\":\"held\""), 2);
        assert_int_equal(times_said(&an, &visit, "\"verdict\":\"unsent\""), 1);
        assert_int_equal(times_said(&an, &visit, "\"một\""), 1);
        if (anew == 0)
            read_unit_anew(&an);
    }
    phone_part(e, &an, NULL);
}

/* What is left of a record of somebody else's is own work on it; it is no record yet. */
static void test_own_work_on_what_is_not_here(void **state)
{
    phone an, binh;
    (void)state;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&binh, "chợ");
    must(edge_sync(e, binh.client, NULL, NULL));
    must(edge_sync(e, an.client, NULL, NULL));
    must(phone_set(&an, &visit, "place", "trạm"));
    read_unit_anew(&an);
    assert_int_equal(times_said(&an, &visit, "\"verdict\":\"unsent\""), 1);
    assert_int_equal(times_said(&an, &visit, "\"complete\":true"), 1);
    must(edge_sync(e, an.client, NULL, NULL));
    assert_int_equal(times_said(&an, &visit, "\"verdict\":\"stored\""), 2);
    phone_part(e, &an, &binh);
}

/* A record that came as it stands, in place of its entries: that is said, in either language. */
static void test_earlier_changes_are_not_here(void **state)
{
    static const struct {
        const char *lang, *says;
    } CASES[] = { { "vi", "các thay đổi trước đó không có" }, { "en", "earlier changes are not" } };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    must(edge_sync(e, an.client, NULL, NULL));
    rows_clear(&an, BOOK_HIST);
    assert_int_equal(times_said(&an, &visit, "\"complete\":false"), 1);
    for (size_t i = 0; i < 2; i++) {
        const sotay_open_how how = { NULL, false, CASES[i].lang, 420 };
        char *text = NULL;
        sotay_close(an.client);
        must(sotay_open(&an.port, &how, &an.client, NULL));
        must(sotay_history(an.client, &visit, SOTAY_TEXT, &text, NULL));
        assert_non_null(strstr(text, CASES[i].says));
        sotay_text_free(text);
    }
    phone_part(e, &an, NULL);
}

/* The server was met in this run of the machine: its time counts for work of this run, of no other
 * one. */
static void test_a_clock_of_another_run(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id before = phone_visit(&an, "trước");
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 5000, 10); /* it was switched off meanwhile */
    phone_reopen(&an);
    sotay_id after = phone_visit(&an, "sau");
    assert_int_equal(times_said(&an, &before, "\"corrected_at\":null"), 0);
    e->now_ms += 3600000;
    must(edge_sync(e, an.client, NULL, NULL));
    assert_int_equal(times_said(&an, &before, "\"corrected_at\":null"), 1);
    assert_int_equal(times_said(&an, &after, "\"corrected_at\":null"), 0);
    phone_part(e, &an, NULL);
}

/* Lines of what is told: a line that names a change its set does not have is damage, and is called
 * so; so is one that does not open, or is cut. The others are told. */
static void test_a_line_beside_its_set(void **state)
{
    static stored_row row;
    phone an;
    char *text = NULL;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    must(edge_sync(e, an.client, NULL, NULL));
    size_t n = 0;
    while (rows_get(&an, BOOK_HIST, n, &row) && memcmp(row.key.b + 1, visit.b, 16) != 0)
        n++;
    assert_memory_equal(row.key.b + 1, visit.b, 16);
    row.key.b[row.key.len - 1] ^= 64; /* the counter */
    rows_put(&an, &row.key, row.data, row.len);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            rows_put(&an, &row.key, row.data, row.len / 2);
        if (i == 2)
            rows_spoil(&an, &row.key);
        assert_int_equal(sotay_history(an.client, &visit, SOTAY_JSON, &text, &an.error), SOTAY_OK);
        assert_non_null(strstr(text, "],\"unread\":true}"));
        assert_non_null(strstr(text, "\"verdict\":\"stored\""));
        assert_non_null(strstr(text, "\"complete\":true"));
        sotay_text_free(text);
    }
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_work_without_its_lines),
        cmocka_unit_test(test_own_work_on_what_is_not_here),
        cmocka_unit_test(test_earlier_changes_are_not_here),
        cmocka_unit_test(test_a_clock_of_another_run),
        cmocka_unit_test(test_a_line_beside_its_set),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
