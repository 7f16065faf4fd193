/* tests/unit/client-lib/test_moment.c
 * Beside a time that a phone claims stands what the server's clock says of it, as far as the phone
 * can know: of own work, in the run of the machine in which it met the server. Of nothing else is a
 * time made up. */
#include "client-lib/src/moment.h"
#include "tests/unit/client-lib/rows.h"

#define NULL_TIME "\"corrected_at\":null,\"corrected_within_ms\":null"

static char *shown(phone *p, const sotay_id *id)
{
    char *json = NULL;
    assert_int_equal(sotay_show(p->client, id, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    return json;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0, len = strlen(what);
    for (size_t i = 0; text[i] != '\0'; i++)
        count += strncmp(text + i, what, len) == 0 ? 1 : 0;
    return count;
}

/* How many values of the record have a time by the server's clock, and how many have none. */
static void must_know(phone *p, const sotay_id *id, size_t known, size_t unknown)
{
    char *json = shown(p, id);
    size_t all = count_of(json, "\"corrected_at\":");
    size_t none = count_of(json, NULL_TIME);
    if (all != known + unknown || none != unknown)
        fail_msg("%zu of %zu have none: %s", none, all, json);
    sotay_text_free(json);
}

/* The visit of phone_visit has four values: kind, date, place, and the code that it got. */
static size_t values_of(phone *p, const sotay_id *id)
{
    char *json = shown(p, id);
    size_t all = count_of(json, "\"claimed_at\":");
    sotay_text_free(json);
    assert_true(all >= 3);
    return all;
}

static void test_own_work(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_memory_clock(&an.port, PHONE_WALL_MS + INT64_C(86400000) * 365, 2000);
    sotay_id visit = phone_visit(&an, "chợ");
    size_t all = values_of(&an, &visit);
    must_know(&an, &visit, all, 0); /* not sent yet, and known all the same */
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_know(&an, &visit, all, 0);
    char *json = shown(&an, &visit);
    assert_non_null(strstr(json, "\"claimed_at\":\"2027-03-12"));
    assert_null(strstr(json, "\"corrected_at\":\"2027"));
    sotay_text_free(json);
    assert_int_equal(sotay_show(an.client, &visit, SOTAY_TEXT, &json, NULL), SOTAY_OK);
    assert_non_null(strstr(json, "[giờ máy chủ 12/03/2026"));
    sotay_text_free(json);
    phone_part(e, &an, NULL);
}

static void test_work_of_others(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    size_t all = values_of(&an, &visit);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    must_know(&binh, &visit, 0, all);
    assert_int_equal(phone_set(&binh, &visit, "general_note", "của bình"), SOTAY_OK);
    must_know(&binh, &visit, 1, all);
    phone_part(e, &an, &binh);
}

/* The counter of time began anew: of what was written before, the next exchange tells nothing. */
static void test_after_a_restart(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id before = phone_visit(&an, "chợ");
    size_t all = values_of(&an, &before);
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 60000, 5); /* another run of the machine */
    phone_reopen(&an);
    must_know(&an, &before, all, 0); /* the last exchange was in its run */
    sotay_id after = phone_visit(&an, "xóm");
    must_know(&an, &after, 0, values_of(&an, &after));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_know(&an, &before, 0, all);
    must_know(&an, &after, values_of(&an, &after), 0);
    phone_part(e, &an, NULL);
}

/* A change cannot have been written after the server had it. */
static void test_never_after_its_receipt(void **state)
{
    (void)state;
    phone an;
    st_written written;
    edge *e = phone_alone(&an);
    const identity *me = &an.client->me;
    st_set set;
    st_change change;
    memset(&set, 0, sizeof set);
    memset(&change, 0, sizeof change);
    set.device = me->device;
    memcpy(set.boot, me->clock.boot, sizeof set.boot);
    change.mono_ms = me->clock.got_mono_ms + 60000;
    assert_true(moment_of_change(an.client, &set, &change, 0, &written));
    int64_t at_ms = written.at_ms;
    assert_true(at_ms > me->clock.server_ms && written.within_ms > 0 && !written.rebooted);
    assert_true(moment_of_change(an.client, &set, &change, at_ms - 1, &written));
    assert_true(written.at_ms == at_ms - 1);
    assert_true(moment_of_change(an.client, &set, &change, at_ms + 1, &written));
    assert_true(written.at_ms == at_ms);
    set.boot[0] ^= 1;
    assert_false(moment_of_change(an.client, &set, &change, 0, &written));
    assert_true(written.at_ms == 0);
    set.boot[0] ^= 1;
    set.device.b[0] ^= 1;
    assert_false(moment_of_change(an.client, &set, &change, 0, &written));
    phone_part(e, &an, NULL);
}

static void spoil(phone *p, book_table table)
{
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    rows_begin(p);
    while (book_scan_next(&p->client->book, &scan, NULL, NULL, NULL) == ST_OK)
        assert_int_equal(book_put(&p->client->book, &scan.at, "x", 1, NULL), ST_OK);
    rows_commit(p);
}

/* Does it say, in the end, that this is not all? As JSON and to people. */
static bool says_unread(phone *p, phone_reader read, const sotay_id *id)
{
    static const char *const ENDS[] = { ",\"unread\":true}\n",
                                        "(có phần không đọc được trên máy này)\n" };
    size_t said = 0;
    for (size_t i = 0; i < 2; i++) {
        char *text = NULL;
        const sotay_format format = i == 0 ? SOTAY_JSON : SOTAY_TEXT;
        assert_int_equal(read(p->client, id, format, &text, NULL), SOTAY_OK);
        size_t len = strlen(text), end = strlen(ENDS[i]);
        said += len > end && strcmp(text + len - end, ENDS[i]) == 0 ? 1 : 0;
        sotay_text_free(text);
    }
    assert_int_not_equal(said, 1);
    return said == 2;
}

/* Rows that do not open: the value is shown, its time is not known, and that is said. */
static void test_damaged_rows(void **state)
{
    (void)state;
    static const book_table TABLES[] = { BOOK_HIST, BOOK_SET };
    for (size_t i = 0; i < 2; i++) {
        phone an;
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "chợ");
        size_t all = values_of(&an, &visit);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_false(says_unread(&an, sotay_show, &visit));
        spoil(&an, TABLES[i]);
        must_know(&an, &visit, 0, all);
        assert_true(says_unread(&an, sotay_show, &visit));
        phone_part(e, &an, NULL);
    }
}

/* The same of the names of people, in all that shows them. */
static void test_damaged_names(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_false(says_unread(&an, sotay_history, &visit));
    spoil(&an, BOOK_NAME);
    assert_true(says_unread(&an, sotay_show, &visit));
    assert_true(says_unread(&an, sotay_history, &visit));
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_work),        cmocka_unit_test(test_work_of_others),
        cmocka_unit_test(test_after_a_restart), cmocka_unit_test(test_never_after_its_receipt),
        cmocka_unit_test(test_damaged_rows),    cmocka_unit_test(test_damaged_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
