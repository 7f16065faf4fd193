/* tests/unit/client-lib/test_keep.c
 * What an officer recorded stays on his phone until others have it: when his unit is taken away,
 * when the office holds it, when the server was restored from a backup. And no request is ever
 * mistaken for an older one, however often the phone dies. */
#include "tests/unit/client-lib/phone.h"

#include <stdio.h>

/* A phone that dies after every request goes on with counters that nobody has seen. */
static void test_a_request_counter_is_never_used_twice(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    const edge_trouble lost = { 1, 0, 0, NULL };
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(edge_sync(e, an.client, &lost, NULL), SOTAY_E_NETWORK);
        uint64_t used = e->devices[1].counter;
        phone_crash(&an, false);
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1); /* the server had nothing to object to */
        assert_true(e->devices[1].counter > used);
        assert_int_equal(phone_set(&an, &visit, "general_note", i % 2 ? "một" : "hai"), SOTAY_OK);
    }
    phone_part(e, &an, NULL);
}

/* Does a list (a search for `text`, unless NULL) say this? */
static bool found(phone *p, const char *text, const char *what)
{
    const sotay_filter filter = { NULL, NULL, NULL, text };
    char *json = NULL;
    assert_int_equal(sotay_list(p->client, &filter, SOTAY_JSON, &json, NULL), SOTAY_OK);
    bool yes = strstr(json, what) != NULL;
    sotay_text_free(json);
    return yes;
}

/* An edit on another person's record, while the unit is lost: the edit stays, and takes effect. */
static void test_a_lost_unit_takes_no_edit_along(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id theirs = phone_visit(&binh, "của bình");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &theirs, "general_note", "lời của an"), SOTAY_OK);
    e->lost_unit = true;
    e->scope_rev++;
    e->hold_next = ST_HOLD_SCOPE;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"held\":1"));
    phone_crash(&an, false);
    assert_true(phone_status_says(&an, "\"held\":1"));
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":false"));
    /* own words stay readable, others' are gone: from the record, the list, the search */
    assert_true(phone_says(&an, sotay_show, &theirs, "\"lời của an\""));
    assert_false(phone_says(&an, sotay_show, &theirs, "của bình"));
    assert_false(found(&an, NULL, "của bình"));
    assert_false(found(&an, "cua binh", "\"id\""));
    assert_true(found(&an, "loi cua an", "\"id\""));
    assert_int_equal(phone_set(&an, &theirs, "place", "mù"), SOTAY_E_NOT_FOUND);
    e->lost_unit = false;
    e->scope_rev++;
    e->hold_next = ST_HOLD_NONE;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &theirs, "\"của bình\""));
    assert_true(phone_says(&an, sotay_show, &theirs, "\"lời của an\""));
    edge_decide(e, &e->devices[1].id, 1, ST_ENTRY_ACCEPT);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &theirs, "\"lời của an\""));
    assert_true(phone_status_says(&an, "\"held\":0"));
    phone_part(e, &an, &binh);
}

/* The office holds a set, then its server is restored: the phone offers all of it again. */
static void test_what_is_held_is_kept_and_offered_again(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "bị giữ"), SOTAY_OK);
    e->hold_next = ST_HOLD_ROLE;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.held, 1);
    e->hold_next = ST_HOLD_NONE;
    e->epoch[0]++;
    phone_crash(&an, false);
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(report.duplicate + report.held >= 2);
    assert_true(phone_says(&an, sotay_show, &visit, "\"bị giữ\""));
    assert_true(phone_status_says(&an, "\"held\":1"));
    phone_part(e, &an, NULL);
}

/* What came in between is another value, not an error and not the old one overwritten. */
static void test_a_plain_edit_replaces_what_was_shown(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(phone_set(&an, &visit, "general_note", "gốc"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "A"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "general_note", "B"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2);
    assert_int_equal(phone_set(&an, &visit, "general_note", "C"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2); /* C, and the one that was not shown */
    assert_true(phone_says(&an, sotay_show, &visit, "\"open_conflicts\":1"));
    phone_part(e, &an, &binh);
}

/* A store that fails anywhere in a sync, and a phone that dies of it: the next sync goes on from
 * what is on disk. A cursor that were ahead of what was read would show as a sum that is wrong. */
static void test_the_cursor_is_never_ahead_of_the_page(void **state)
{
    (void)state;
    phone an, binh;
    sotay_report report;
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 1;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&binh, "chợ");
    for (; n < 500 && rc != SOTAY_OK; n++) {
        char text[16];
        (void)snprintf(text, sizeof text, "lần %d", (int)n);
        assert_int_equal(phone_set(&binh, &visit, "general_note", text), SOTAY_OK);
        assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
        sotay_memory_fail(&an.port, n);
        rc = edge_sync(e, an.client, NULL, NULL);
        sotay_memory_fail(&an.port, 0);
        phone_crash(&an, false);
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        assert_int_equal(report.repaired_buckets, 0);
        assert_true(phone_says(&an, sotay_show, &visit, text));
    }
    print_message("  failed at %d places\n", (int)n - 2);
    assert_true(n > 15 && rc == SOTAY_OK);
    phone_part(e, &an, &binh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_counter_is_never_used_twice),
        cmocka_unit_test(test_a_lost_unit_takes_no_edit_along),
        cmocka_unit_test(test_what_is_held_is_kept_and_offered_again),
        cmocka_unit_test(test_a_plain_edit_replaces_what_was_shown),
        cmocka_unit_test(test_the_cursor_is_never_ahead_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
