/* tests/unit/client-lib/test_record.c
 * What an officer types is on disk when the phone says so, what he may not write is refused in
 * words he understands, and a phone that dies in mid-sentence comes back with the text. */
#include <stdio.h>

#include "tests/unit/client-lib/bad_disk.h"
#include "tests/unit/client-lib/rows.h"

static void test_new_fills_what_the_phone_knows(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_true(phone_says(&an, sotay_show, &visit, "\"01477-x001\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"kh07\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"TK-001\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"state\":\"draft\""));
    sotay_id second = phone_visit(&an, "chợ");
    assert_true(phone_says(&an, sotay_show, &second, "\"TK-002\""));
    phone_part(e, &an, NULL);
}

static void test_refusals_write_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value;
        int want;
    } CASES[] = {
        { "no_such_field", "1", SOTAY_E_VALUE },
        { "visit_date", "2026-02-30", SOTAY_E_VALUE },
        { "place", "", SOTAY_E_VALUE },
        { "ratings.a1.rating", "khong_co", SOTAY_E_VALUE },
        { "ratings.zz.rating", "dat", SOTAY_E_VALUE },
        { "topics", "n1", SOTAY_E_VALUE },
        { "accepted_note", "x", SOTAY_E_DENIED },
        { "unit_id", "01477-x002", SOTAY_E_DENIED },
        { "findings.00000000000000000000000000000001:1:0.text", "x", SOTAY_E_VALUE },
        { "place", "\xff", SOTAY_E_VALUE },
    };
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa"), other;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s=%s\n", CASES[i].path, CASES[i].value);
        const sotay_pair list[] = { { "general_note", "không được ghi" },
                                    { CASES[i].path, CASES[i].value } };
        const sotay_pairs pairs = { list, 2 };
        assert_int_equal(sotay_record_set(an.client, &visit, pairs, &an.error), CASES[i].want);
        assert_true(strlen(an.error.detail) > 0);
    }
    const sotay_pairs none = { NULL, 0 };
    assert_int_equal(sotay_record_new(an.client, "khong", EDGE_UNIT, none, &other, NULL),
                     SOTAY_E_VALUE);
    assert_int_equal(sotay_record_new(an.client, "visit", "01477-x999", none, &other, NULL),
                     SOTAY_E_VALUE);
    assert_int_equal(sotay_record_new(an.client, "unit", "-", none, &other, NULL), SOTAY_E_DENIED);
    memset(&other, 7, sizeof other);
    assert_int_equal(phone_set(&an, &other, "place", "x"), SOTAY_E_NOT_FOUND);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    phone_part(e, &an, NULL);
}

static void test_a_save_survives_the_crash(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(phone_set(&an, &visit, "general_note", "mái dột"), SOTAY_OK);
    assert_int_equal(sotay_draft_put(an.client, &visit, "place", "đang gõ dở", NULL), SOTAY_OK);
    phone_crash(&an, false);
    assert_true(phone_says(&an, sotay_show, &visit, "\"mái dột\""));
    assert_true(phone_says(&an, sotay_draft_get, &visit, "\"place\":\"đang gõ dở\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"nhà văn hóa\""));
    assert_int_equal(sotay_draft_commit(an.client, &visit, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"đang gõ dở\""));
    assert_true(phone_says(&an, sotay_draft_get, &visit, "\"fields\":{}"));
    phone_part(e, &an, NULL);
}

/* A failure at any call of the store leaves the record and the counters as they were. */
static void test_every_failing_write_changes_nothing(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 0;
    for (n = 1; n < 50 && rc != SOTAY_OK; n++) {
        sotay_memory_fail(&an.port, n);
        rc = phone_set(&an, &visit, "general_note", "có ghi");
        sotay_memory_fail(&an.port, 0);
        if (rc != SOTAY_OK) {
            assert_int_equal(rc, SOTAY_E_STORAGE);
            assert_true(phone_status_says(&an, "\"ready\":1"));
        }
    }
    assert_true(n > 4);
    assert_true(phone_status_says(&an, "\"ready\":2"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    phone_part(e, &an, NULL);
}

static void test_items_remarks_sets(void **state)
{
    (void)state;
    phone an;
    char item[SOTAY_ITEM_TEXT], path[160];
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    const sotay_pair finding = { "text", "thiếu máy tính" };
    const sotay_pairs one = { &finding, 1 };
    assert_int_equal(sotay_item_new(an.client, &visit, "findings", one, item, &an.error), SOTAY_OK);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(&an, &visit, path, "thiếu hai máy tính"), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, item));
    assert_true(phone_says(&an, sotay_show, &visit, "\"thiếu hai máy tính\""));
    assert_int_equal(sotay_item_drop(an.client, &visit, "findings", item, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"dropped\":true"));
    assert_int_equal(sotay_item_keep(an.client, &visit, "findings", item, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"dropped\":false"));
    assert_int_equal(sotay_record_remark(an.client, &visit, "xã hẹn quay lại", NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"xã hẹn quay lại\""));
    assert_int_equal(sotay_record_add(an.client, &visit, "topics", "n1", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_add(an.client, &visit, "topics", "n5", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_remove(an.client, &visit, "topics", "n1", NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"n5\""));
    assert_false(phone_says(&an, sotay_show, &visit, "\"value\":\"n1\""));
    assert_int_equal(sotay_item_drop(an.client, &visit, "ratings", item, NULL), SOTAY_E_VALUE);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"thiếu hai máy tính\""));
    phone_part(e, &an, NULL);
}

static void test_finalise_amend_withdraw(void **state)
{
    (void)state;
    phone an;
    char *text = NULL;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    const sotay_pair clear = { "visit_date", NULL };
    const sotay_pairs cleared = { &clear, 1 };
    assert_int_equal(sotay_record_set(an.client, &visit, cleared, NULL), SOTAY_OK);
    assert_int_equal(sotay_record_finalise(an.client, &visit, &an.error), SOTAY_E_STATE);
    assert_non_null(strstr(an.error.detail, "visit_date"));
    assert_int_equal(sotay_record_review(an.client, &visit, SOTAY_JSON, &text, NULL), SOTAY_OK);
    assert_non_null(strstr(text, "\"path\":\"visit_date\",\"required\":true"));
    sotay_text_free(text);
    assert_int_equal(sotay_draft_put(an.client, &visit, "visit_date", "2026-03-11", NULL),
                     SOTAY_OK);
    assert_int_equal(sotay_record_finalise(an.client, &visit, &an.error), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"2026-03-11\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"state\":\"finalised\""));
    assert_int_equal(sotay_record_finalise(an.client, &visit, NULL), SOTAY_E_STATE);
    assert_int_equal(phone_set(&an, &visit, "place", "khác"), SOTAY_E_STATE);
    assert_non_null(strstr(an.error.detail, "amend"));
    const sotay_pair place = { "place", "trạm y tế" };
    const sotay_pairs amended = { &place, 1 };
    assert_int_equal(sotay_record_amend(an.client, &visit, amended, "", NULL), SOTAY_E_VALUE);
    assert_int_equal(sotay_record_amend(an.client, &visit, amended, "ghi nhầm", NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"trạm y tế\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"ghi nhầm\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"nhà văn hóa\""));
    sotay_id wrong = phone_visit(&an, "nhầm xóm");
    assert_int_equal(sotay_record_amend(an.client, &wrong, amended, "x", NULL), SOTAY_E_STATE);
    assert_int_equal(sotay_record_withdraw(an.client, &wrong, NULL, NULL), SOTAY_E_VALUE);
    assert_int_equal(sotay_record_withdraw(an.client, &wrong, "nhầm", NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &wrong, "\"state\":\"withdrawn\""));
    assert_int_equal(phone_set(&an, &wrong, "place", "x"), SOTAY_E_STATE);
    assert_int_equal(sotay_record_reopen(an.client, &wrong, "không nhầm", NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &wrong, "place", "x"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_part(e, &an, NULL);
}

/* Takes the dot of a value out of the JSON of a record. */
static void dot_of(phone *p, const sotay_id *visit, const char *value, char dot[64])
{
    char *json = NULL, want[64];
    assert_int_equal(sotay_show(p->client, visit, SOTAY_JSON, &json, NULL), SOTAY_OK);
    (void)snprintf(want, sizeof want, "\"value\":\"%s\"", value);
    const char *at = strstr(json, want);
    assert_non_null(at);
    at = strstr(at, "\"dot\":\"");
    assert_non_null(at);
    size_t len = strcspn(at + 7, "\"");
    memcpy(dot, at + 7, len);
    dot[len] = '\0';
    sotay_text_free(json);
}

static void test_resolve_keeps_one_of_the_seen(void **state)
{
    (void)state;
    phone an, binh;
    char a[64], b[64];
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "A"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "general_note", "B"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    dot_of(&an, &visit, "A", a);
    dot_of(&an, &visit, "B", b);
    sotay_resolution wish = { "general_note", b, NULL, a, "theo biên bản" };
    assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, &an.error), SOTAY_E_CHANGED);
    assert_non_null(strstr(an.error.detail, b));
    wish.seen = NULL;
    wish.reason = NULL;
    assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, NULL), SOTAY_E_VALUE);
    wish.reason = "theo biên bản";
    wish.keep = "00000000000000000000000000000001:9";
    assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, NULL), SOTAY_E_NOT_FOUND);
    wish.keep = b;
    assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"open_conflicts\":0"));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"kept\""));
    assert_true(phone_says(&binh, sotay_history, &visit, "\"theo biên bản\""));
    phone_part(e, &an, &binh);
}

static int count_of(const char *text, const char *what)
{
    int count = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
        count++;
    return count;
}

static void test_lists_and_search(void **state)
{
    (void)state;
    static const struct {
        sotay_filter filter;
        int want;
    } CASES[] = {
        { { NULL, NULL, NULL, NULL }, 3 },          { { "visit", NULL, NULL, NULL }, 3 },
        { { "unit", NULL, NULL, NULL }, 1 },        { { NULL, "01477-x001", "draft", NULL }, 3 },
        { { NULL, NULL, "withdrawn", NULL }, 0 },   { { NULL, "01477-x002", NULL, NULL }, 0 },
        { { NULL, NULL, NULL, "trung khanh" }, 2 }, { { NULL, NULL, NULL, "Trùng Khánh" }, 2 },
        { { NULL, NULL, NULL, "doong" }, 1 },       { { NULL, NULL, NULL, "khong co" }, 0 },
    };
    phone an;
    char *json = NULL;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ Trùng Khánh");
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 1000, 2000);
    (void)phone_visit(&an, "Trung khánh cũ");
    (void)phone_visit(&an, "Đoỏng Luông");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(sotay_list(an.client, &CASES[i].filter, SOTAY_JSON, &json, NULL),
                         SOTAY_OK);
        print_message("  case %zu: %s", i, json);
        assert_int_equal(count_of(json, "\"id\""), CASES[i].want);
        sotay_text_free(json);
    }
    assert_int_equal(sotay_list(an.client, &CASES[7].filter, SOTAY_TEXT, &json, NULL), SOTAY_OK);
    assert_true(strstr(json, "chợ Trùng Khánh") < strstr(json, "Trung khánh cũ"));
    sotay_text_free(json);
    const sotay_filter nothing = { NULL, NULL, NULL, "?!" };
    assert_int_equal(sotay_list(an.client, &nothing, SOTAY_JSON, &json, NULL), SOTAY_E_VALUE);
    phone_part(e, &an, NULL);
}

static void test_conflicts_are_listed(void **state)
{
    (void)state;
    phone an, binh;
    char *json = NULL;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "ratings.a1.rating", "dat"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "ratings.a1.rating", "chua_dat"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_conflicts(binh.client, SOTAY_JSON, &json, NULL), SOTAY_OK);
    assert_int_equal(count_of(json, "\"path\":\"ratings.a1.rating\""), 1);
    assert_int_equal(count_of(json, "\"value\":"), 2);
    sotay_text_free(json);
    assert_int_equal(sotay_conflicts(binh.client, SOTAY_TEXT, &json, NULL), SOTAY_OK);
    assert_int_equal(count_of(json, "an: "), 1);
    sotay_text_free(json);
    phone_part(e, &an, &binh);
}

/* A record that has another name since its making was replayed. What it became cannot be read: it
 * is not said to be "not on this device". */
static void test_what_a_record_became(void **state)
{
    (void)state;
    phone an;
    char *text = NULL;
    edge *e = phone_alone(&an);
    const sotay_id visit = phone_visit(&an, "chợ"), before = { { 7 } };
    const st_id name = { { 7 } };
    const book_key alias = book_key_id(BOOK_ALIAS, &name);
    rows_put(&an, &alias, visit.b, sizeof visit.b);
    assert_true(phone_says(&an, sotay_show, &before, "\"chợ\""));
    bad_disk_under(&an.port);
    for (unsigned n = 1; n <= 2; n++) { /* is it here itself, and what it became */
        bad_disk.left = n;
        assert_int_equal(sotay_show(an.client, &before, SOTAY_JSON, &text, &an.error),
                         SOTAY_E_CORRUPT);
    }
    bad_disk.left = 0;
    rows_put(&an, &alias, visit.b, 3);
    assert_int_equal(sotay_show(an.client, &before, SOTAY_JSON, &text, &an.error),
                     SOTAY_E_CORRUPT);
    rows_spoil(&an, &alias);
    assert_int_equal(sotay_history(an.client, &before, SOTAY_JSON, &text, &an.error),
                     SOTAY_E_CORRUPT);
    assert_int_equal(phone_set(&an, &before, "place", "bến"), SOTAY_E_CORRUPT);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_fills_what_the_phone_knows),
        cmocka_unit_test(test_refusals_write_nothing),
        cmocka_unit_test(test_a_save_survives_the_crash),
        cmocka_unit_test(test_every_failing_write_changes_nothing),
        cmocka_unit_test(test_items_remarks_sets),
        cmocka_unit_test(test_finalise_amend_withdraw),
        cmocka_unit_test(test_resolve_keeps_one_of_the_seen),
        cmocka_unit_test(test_lists_and_search),
        cmocka_unit_test(test_conflicts_are_listed),
        cmocka_unit_test(test_what_a_record_became),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
