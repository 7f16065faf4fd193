/* tests/unit/client-lib/test_lease.c
 * After 45 days without the server a phone shows no more what others wrote, until it meets it
 * again; own and unsent work stays readable, recording goes on, nothing is dropped, and no wall
 * clock opens or closes it. */
#include "tests/unit/client-lib/phone.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static void set_clock(phone *p, int64_t wall_days, uint64_t mono_ms)
{
    sotay_memory_clock(&p->port, PHONE_WALL_MS + wall_days * (int64_t)DAY_MS, mono_ms);
}

static int show(phone *p, const sotay_id *record)
{
    char *text = NULL;
    int rc = sotay_show(p->client, record, SOTAY_TEXT, &text, &p->error);
    sotay_text_free(text);
    return rc;
}

static bool lists(phone *p, const char *words, const sotay_id *record)
{
    const sotay_filter filter = { "visit", NULL, NULL, words };
    char *json = NULL, id[33];
    sotay_id_format(record, id);
    assert_int_equal(sotay_list(p->client, &filter, SOTAY_JSON, &json, NULL), SOTAY_OK);
    bool found = strstr(json, id) != NULL;
    sotay_text_free(json);
    return found;
}

/* Binh's phone with a visit of an, met the server now. */
static edge *pair(phone *an, phone *binh, sotay_id *out_theirs)
{
    edge *e = phone_pair(an, binh);
    *out_theirs = phone_visit(an, "cua an");
    assert_int_equal(edge_sync(e, an->client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh->client, NULL, NULL), SOTAY_OK);
    assert_int_equal(show(binh, out_theirs), SOTAY_OK);
    return e;
}

static void test_locked_with_unsent_work(void **state)
{
    (void)state;
    phone an, binh;
    sotay_id theirs;
    sotay_who who;
    char *text = NULL;
    edge *e = pair(&an, &binh, &theirs);
    sotay_id own = phone_visit(&binh, "cua binh");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    sotay_id unsent = phone_visit(&binh, "chua gui");
    set_clock(&binh, 44, 1000 + 44 * DAY_MS);
    assert_int_equal(show(&binh, &theirs), SOTAY_OK);
    set_clock(&binh, 45, 1000 + 45 * DAY_MS);
    sotay_whoami(binh.client, &who);
    assert_true(who.is_locked);
    assert_true(phone_status_says(&binh, "\"locked\":true"));
    assert_int_equal(show(&binh, &theirs), SOTAY_E_DENIED);
    assert_int_equal(sotay_history(binh.client, &theirs, SOTAY_TEXT, &text, NULL), SOTAY_E_DENIED);
    assert_int_equal(sotay_record_review(binh.client, &theirs, SOTAY_TEXT, &text, NULL),
                     SOTAY_E_DENIED);
    assert_int_equal(phone_set(&binh, &theirs, "place", "x"), SOTAY_E_DENIED);
    assert_false(lists(&binh, NULL, &theirs));
    assert_false(lists(&binh, "cua an", &theirs));
    assert_int_equal(show(&binh, &own), SOTAY_OK);
    assert_int_equal(show(&binh, &unsent), SOTAY_OK);
    assert_true(lists(&binh, NULL, &own) && lists(&binh, NULL, &unsent));
    assert_int_equal(phone_set(&binh, &unsent, "place", "ghi khi khoa"), SOTAY_OK);
    sotay_id fresh = phone_visit(&binh, "lap khi khoa");
    assert_int_equal(show(&binh, &fresh), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(show(&binh, &theirs), SOTAY_OK); /* as it was: nothing was dropped */
    assert_true(phone_says(&binh, sotay_show, &theirs, "cua an"));
    assert_true(lists(&binh, NULL, &theirs));
    st_id id = phone_id(&unsent);
    assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
    phone_part(e, &an, &binh);
}

/* Runs of the machine add up, as far as something was written in them. */
static void test_a_reboot_does_not_begin_anew(void **state)
{
    (void)state;
    phone an, binh;
    sotay_id theirs;
    edge *e = pair(&an, &binh, &theirs);
    set_clock(&binh, 30, 1000 + 30 * DAY_MS);
    sotay_id own = phone_visit(&binh, "ngay 30");
    set_clock(&binh, 31, 500); /* another boot */
    phone_reopen(&binh);
    assert_int_equal(show(&binh, &theirs), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &own, "place", "ngay 31"), SOTAY_OK);
    set_clock(&binh, 44, 500 + 14 * DAY_MS);
    assert_int_equal(show(&binh, &theirs), SOTAY_OK);
    set_clock(&binh, 46, 500 + 15 * DAY_MS);
    assert_int_equal(show(&binh, &theirs), SOTAY_E_DENIED);
    phone_crash(&binh, false);
    assert_int_equal(show(&binh, &theirs), SOTAY_E_DENIED);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(show(&binh, &theirs), SOTAY_OK);
    phone_part(e, &an, &binh);
}

static void test_no_wall_clock_decides(void **state)
{
    (void)state;
    static const int64_t DAYS[] = { -20000, -46, 46, 60000 };
    phone an, binh;
    sotay_id theirs;
    edge *e = pair(&an, &binh, &theirs);
    for (size_t i = 0; i < sizeof DAYS / sizeof DAYS[0]; i++) {
        set_clock(&binh, DAYS[i], 2000 + i);
        assert_int_equal(show(&binh, &theirs), SOTAY_OK);
        (void)phone_visit(&binh, "mot phieu");
        set_clock(&binh, DAYS[i], 3000 + i);
        assert_int_equal(show(&binh, &theirs), SOTAY_OK);
    }
    set_clock(&binh, 0, 5000 + 45 * DAY_MS); /* the wall clock was put back */
    assert_int_equal(show(&binh, &theirs), SOTAY_E_DENIED);
    phone_part(e, &an, &binh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locked_with_unsent_work),
        cmocka_unit_test(test_a_reboot_does_not_begin_anew),
        cmocka_unit_test(test_no_wall_clock_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
