/* tests/unit/client-lib/test_declined.c
 * What the office declined of own work is said: once by the sync that hears of it, and for thirty
 * days by `status`, also when the base is read anew. Then nothing is left of the note. */
#include <stdio.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/declined.h"
#include "tests/unit/client-lib/rows.h"

#define DAY_MS INT64_C(86400000)

typedef struct {
    edge *e;
    phone an;
    sotay_id visit;
    char hex[33];
} desk;

static void sync_at(desk *d, int64_t later_ms, bool needs_person)
{
    sotay_report report;
    d->e->now_ms = PHONE_WALL_MS + later_ms;
    sotay_memory_clock(&d->an.port, PHONE_WALL_MS + later_ms, 1000 + (uint64_t)later_ms);
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.needs_person, needs_person);
}

/* A change that is held, and that the office decided on, an hour after. */
static void desk_open(desk *d, st_entry_kind kind)
{
    memset(d, 0, sizeof *d);
    d->e = phone_alone(&d->an);
    d->visit = phone_visit(&d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
    sync_at(d, 0, false);
    d->e->hold_next = ST_HOLD_SCOPE;
    assert_int_equal(phone_set(&d->an, &d->visit, "general_note", "giữ lại"), SOTAY_OK);
    sync_at(d, 1000, true);
    d->e->hold_next = ST_HOLD_NONE;
    d->e->now_ms += 3600000;
    edge_decide(d->e, &d->e->devices[1].id, 2, kind);
}

static void desk_close(desk *d)
{
    phone_part(d->e, &d->an, NULL);
}

static bool says(desk *d, const char *lang, const char *what)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    char *text = NULL;
    sotay_close(d->an.client);
    assert_int_equal(sotay_open(&d->an.port, &how, &d->an.client, NULL), SOTAY_OK);
    assert_int_equal(sotay_status(d->an.client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    bool found = strstr(text, what) != NULL && strstr(text, d->hex) != NULL;
    sotay_text_free(text);
    return found;
}

static void test_it_is_said_for_thirty_days(void **state)
{
    char want[120];
    desk d;
    (void)state;
    desk_open(&d, ST_ENTRY_DECLINE);
    assert_true(phone_status_says(&d.an, "\"declined\":[]"));
    sync_at(&d, 2 * 3600000, true);
    (void)snprintf(want, sizeof want,
                   "\"declined\":[{\"record\":\"%s\",\"at\":\"2026-03-12T16:00:01.000+07:00\","
                   "\"reason\":null}]",
                   d.hex);
    assert_true(phone_status_says(&d.an, want));
    assert_true(says(&d, "en", "! 12/03/2026 16:00: the office declined what was written here"));
    assert_true(says(&d, "vi", "! 12/03/2026 16:00: văn phòng không đưa vào sổ"));
    sync_at(&d, 3 * 3600000, false); /* told once */
    rows_begin(&d.an);
    assert_int_equal(apply_forget_all(d.an.client, NULL), ST_OK);
    rows_commit(&d.an);
    sync_at(&d, 29 * DAY_MS, false); /* the same decision, read again */
    assert_true(phone_status_says(&d.an, want));
    sotay_memory_clock(&d.an.port, PHONE_WALL_MS + 31 * DAY_MS, 1000 + 31 * (uint64_t)DAY_MS);
    assert_true(phone_status_says(&d.an, "\"declined\":[]"));
    assert_int_equal(rows_count(&d.an, BOOK_DECLINED), 1);
    sync_at(&d, 31 * DAY_MS, false);
    assert_int_equal(rows_count(&d.an, BOOK_DECLINED), 0);
    rows_begin(&d.an);
    assert_int_equal(apply_forget_all(d.an.client, NULL), ST_OK);
    rows_commit(&d.an);
    sync_at(&d, 32 * DAY_MS, false); /* no news any more */
    assert_int_equal(rows_count(&d.an, BOOK_DECLINED), 0);
    desk_close(&d);
}

static void test_what_was_let_in_is_none(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, ST_ENTRY_ACCEPT);
    sync_at(&d, 2 * 3600000, false);
    assert_true(phone_status_says(&d.an, "\"declined\":[]"));
    assert_false(says(&d, "en", "declined"));
    desk_close(&d);
}

/* Many, one newer than the other; a clock that stands before them forgets none. */
static void test_many_and_a_slow_clock(void **state)
{
    desk d;
    st_arena arena;
    declined_list all;
    (void)state;
    desk_open(&d, ST_ENTRY_ACCEPT);
    rows_begin(&d.an);
    for (uint8_t i = 0; i < 100; i++) {
        bool is_new = false;
        st_id record = { { i } };
        assert_int_equal(declined_note(d.an.client, &record, PHONE_WALL_MS + i, &is_new, NULL),
                         ST_OK);
        assert_true(is_new);
        is_new = false;
        assert_int_equal(declined_note(d.an.client, &record, PHONE_WALL_MS, &is_new, NULL), ST_OK);
        assert_false(is_new);
    }
    sotay_memory_clock(&d.an.port, 0, 5000);
    assert_int_equal(declined_prune(d.an.client, NULL), ST_OK);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(declined_read(d.an.client, &arena, &all, NULL), ST_OK);
    assert_int_equal(all.count, 100);
    for (uint8_t i = 0; i < 100; i++)
        assert_true(all.list[i].record.b[0] == i && all.list[i].at_ms == PHONE_WALL_MS + i);
    st_arena_reset(&arena);
    client_abort(d.an.client);
    desk_close(&d);
}

static void test_a_damaged_note(void **state)
{
    static const struct {
        size_t key_len, value_len;
    } CASES[] = { { 17, 7 }, { 17, 9 }, { 16, 8 }, { 18, 8 } };
    desk d;
    (void)state;
    desk_open(&d, ST_ENTRY_ACCEPT);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const uint8_t value[9] = { 0 };
        char *text = NULL;
        book_key key = book_key_of(BOOK_DECLINED);
        memset(key.b + 1, 'x', 17);
        key.len = CASES[i].key_len;
        rows_put(&d.an, &key, value, CASES[i].value_len);
        assert_int_equal(sotay_status(d.an.client, SOTAY_JSON, &text, &d.an.error),
                         SOTAY_E_CORRUPT);
        assert_non_null(strstr(d.an.error.detail, "what was declined is damaged"));
        rows_delete(&d.an, &key);
    }
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_said_for_thirty_days),
        cmocka_unit_test(test_what_was_let_in_is_none),
        cmocka_unit_test(test_many_and_a_slow_clock),
        cmocka_unit_test(test_a_damaged_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
