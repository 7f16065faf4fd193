/* tests/unit/client-lib/test_pending.c
 * In a browser neither a save nor a signature is done when the call returns: whatever answers
 * "pending" is finished later, or fails later, and the book is the same as if it had been at
 * once. */
#include "tests/unit/client-lib/phone.h"

static void test_everything_works_pending(void **state)
{
    (void)state;
    for (int sign_too = 0; sign_too <= 1; sign_too++) {
        edge *e = edge_new();
        phone an;
        sotay_report report;
        const edge_trouble trouble = { 0, 0, 50, &an.port };
        memset(&an, 0, sizeof an);
        assert_int_equal(sotay_memory_open(77, &an.port, NULL), SOTAY_OK);
        sotay_memory_clock(&an.port, PHONE_WALL_MS, 5);
        sotay_memory_pending(&an.port, true, sign_too != 0);
        phone_open(&an);
        assert_int_equal(edge_enrol(e, an.client, 0, &trouble), SOTAY_OK);
        assert_int_equal(edge_sync(e, an.client, &trouble, NULL), SOTAY_OK);
        const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "chợ" } };
        const sotay_pairs pairs = { list, 2 };
        sotay_id visit;
        int rc = sotay_record_new(an.client, "visit", EDGE_UNIT, pairs, &visit, &an.error);
        assert_int_equal(rc, SOTAY_PENDING);
        assert_int_equal(phone_set(&an, &visit, "place", "khác"), SOTAY_E_BUSY);
        assert_int_equal(edge_settle(&an.port, an.client, rc), SOTAY_OK);
        rc = sotay_draft_put(an.client, &visit, "general_note", "gõ dở", NULL);
        assert_int_equal(edge_settle(&an.port, an.client, rc), SOTAY_OK);
        assert_int_equal(edge_sync(e, an.client, &trouble, &report), SOTAY_OK);
        assert_int_equal(report.sent_changes, 2);
        st_id id = phone_id(&visit);
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        phone_free(&an);
        edge_free(e);
    }
}

static void test_a_save_that_fails_later_is_not_there(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    sotay_memory_pending(&an.port, true, false);
    assert_int_equal(phone_set(&an, &visit, "general_note", "mất"), SOTAY_PENDING);
    assert_int_equal(sotay_memory_settle(&an.port, an.client, SOTAY_E_STORAGE, &an.error),
                     SOTAY_E_STORAGE);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    assert_int_equal(phone_set(&an, &visit, "general_note", "còn"), SOTAY_PENDING);
    assert_int_equal(sotay_memory_settle(&an.port, an.client, SOTAY_OK, &an.error), SOTAY_OK);
    assert_int_equal(sotay_finish(an.client, SOTAY_OK, NULL, NULL), SOTAY_E_USAGE);
    sotay_memory_pending(&an.port, false, false);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"còn\""));
    assert_int_equal(e->devices[1].known, 2);
    phone_part(e, &an, NULL);
}

/* Killed between "pending" and the end of it: as if it had never been asked. */
static void test_a_crash_while_pending(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    sotay_memory_pending(&an.port, true, false);
    assert_int_equal(phone_set(&an, &visit, "general_note", "mất"), SOTAY_PENDING);
    phone_crash(&an, false);
    sotay_memory_pending(&an.port, false, false);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_part(e, &an, NULL);
}

/* A sync that fails at any call of the store can simply be begun again. */
static void test_a_sync_failing_anywhere_loses_nothing(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id theirs = phone_visit(&binh, "của bình");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    sotay_id mine = phone_visit(&an, "của an");
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 1;
    for (; n < 500 && rc != SOTAY_OK; n++) {
        sotay_memory_fail(&an.port, n);
        rc = edge_sync(e, an.client, NULL, NULL);
        sotay_memory_fail(&an.port, 0);
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_STORAGE);
        if (n % 3 == 0)
            phone_crash(&an, false);
    }
    print_message("  failed at %d places\n", (int)n - 2);
    assert_true(n > 20 && rc == SOTAY_OK);
    assert_int_equal(e->sets_taken, 2);
    assert_true(phone_says(&an, sotay_show, &theirs, "\"của bình\""));
    assert_true(phone_says(&an, sotay_show, &mine, "\"của an\""));
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, &binh);
}

/* Whoever says that a signature is made brings it; a result that is none counts as a failure. */
static void test_a_signature_that_is_missing(void **state)
{
    (void)state;
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    int rc;
    edge *e = edge_new();
    memset(&an, 0, sizeof an);
    assert_int_equal(sotay_memory_open(77, &an.port, NULL), SOTAY_OK);
    sotay_memory_clock(&an.port, PHONE_WALL_MS, 5);
    sotay_memory_pending(&an.port, false, true);
    const edge_trouble pending = { 0, 0, 0, &an.port };
    phone_open(&an);
    assert_int_equal(edge_enrol(e, an.client, 0, &pending), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, &pending, NULL), SOTAY_OK);
    for (int result = -1; result < 1; result++) {
        assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
        rc = sotay_sync_next(sync, &request, &an.error);
        assert_int_equal(rc, SOTAY_PENDING);
        assert_int_equal(sotay_finish(an.client, SOTAY_OK, NULL, &an.error), SOTAY_E_USAGE);
        if (result == 0) {
            rc = edge_settle(&an.port, an.client, rc);
            assert_int_equal(rc, SOTAY_OK);
            assert_int_equal(sotay_sync_next(sync, &request, &an.error), SOTAY_OK);
        } else {
            rc = sotay_finish(an.client, result, NULL, NULL);
            assert_int_equal(rc, SOTAY_E_STORAGE);
            assert_int_equal(sotay_sync_next(sync, &request, &an.error), SOTAY_E_STORAGE);
        }
        sotay_sync_free(sync);
    }
    phone_free(&an);
    edge_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_works_pending),
        cmocka_unit_test(test_a_save_that_fails_later_is_not_there),
        cmocka_unit_test(test_a_crash_while_pending),
        cmocka_unit_test(test_a_sync_failing_anywhere_loses_nothing),
        cmocka_unit_test(test_a_signature_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
