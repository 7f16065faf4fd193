/* What must hold in the commune: however much was written without signal, all of it gets out: the
 * outbox cuts it into sets that the frozen limits allow, and never stands still before one. */
#include <stdio.h>

#include "tests/unit/client-lib/phone.h"

static const char CODES[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* A visit with a topic for every pair of letters: few bytes, many fields. */
static sotay_id many_topics(phone *p)
{
    char *list = malloc(3 * 62 * 62 + 1);
    size_t len = 0;
    for (size_t i = 0; i < 62; i++) {
        for (size_t k = 0; k < 62; k++) {
            list[len++] = CODES[i];
            list[len++] = CODES[k];
            list[len++] = ',';
        }
    }
    list[len - 1] = '\0';
    const sotay_pair values[] = { { "visit_kind", "kiem_tra" }, { "topics", list } };
    const sotay_pairs pairs = { values, 2 };
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", EDGE_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    free(list);
    return id;
}

static void test_more_fields_than_a_set_may_have(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    for (int i = 0; i < 14; i++)
        (void)many_topics(&an);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 14);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* More changes than a set may have, in one sync. */
static void test_more_changes_than_a_set_may_have(void **state)
{
    (void)state;
    phone an;
    char text[32] = "";
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    for (int i = 0; i < 1100; i++) {
        if (i % 50 == 49)
            visit = phone_visit(&an, "chợ");
        (void)snprintf(text, sizeof text, "lần %d", i);
        assert_int_equal(phone_set(&an, &visit, "place", text), SOTAY_OK);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 1123);
    assert_true(e->sets_taken >= 2);
    assert_true(phone_says(&an, sotay_show, &visit, text));
    phone_part(e, &an, NULL);
}

/* Notes of the full length until no set holds two of them. */
static void test_large_values(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    char *note = malloc(4000 * 3 + 1);
    for (size_t i = 0; i < 4000; i++)
        memcpy(note + 3 * i, "ế", 3);
    note[12000] = '\0';
    for (int i = 0; i < 100; i++) {
        sotay_id visit = phone_visit(&an, "chợ");
        assert_int_equal(phone_set(&an, &visit, "general_note", note), SOTAY_OK);
        assert_int_equal(phone_set(&an, &visit, "ratings.a1.evidence", "ngắn"), SOTAY_OK);
    }
    free(note);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 300);
    phone_part(e, &an, NULL);
}

/* The clock jumps: back to 1970, on to 2199, back; the boot changes in the middle. */
static void test_jumping_clocks(void **state)
{
    (void)state;
    static const int64_t WALLS[] = { PHONE_WALL_MS, 0, INT64_C(7226582400000), -86400000,
                                     PHONE_WALL_MS };
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    char text[32] = "";
    for (size_t i = 0; i < 5; i++) {
        sotay_memory_clock(&an.port, WALLS[i], i == 2 ? 5 : 1000 + i);
        if (i % 2 == 1)
            phone_crash(&an, false);
        (void)snprintf(text, sizeof text, "lần %d", (int)i);
        assert_int_equal(phone_set(&an, &visit, "place", text), SOTAY_OK);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 6);
    st_hlc last = 0;
    for (size_t i = 0; i < e->entries_count; i++) {
        st_set set;
        if (st_id_cmp(&e->entries[i].device, &e->devices[1].id) != 0)
            continue;
        assert_int_equal(st_set_decode(e->entries[i].entry.set, e->entries[i].entry.set_len,
                                       &e->arena, &set, NULL),
                         ST_OK);
        for (uint32_t k = 0; k < set.changes_count; k++) {
            assert_true(set.changes[k].hlc > last);
            last = set.changes[k].hlc;
        }
    }
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "place", "của bình"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"value\":\"của bình\""));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"value\":\"của bình\""));
    phone_part(e, &an, &binh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_fields_than_a_set_may_have),
        cmocka_unit_test(test_more_changes_than_a_set_may_have),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_jumping_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
