/* tests/unit/server/test_unit.c
 * Units get another name, go into another one, are divided: by a document and from a day on, all of
 * it or nothing, and said twice it is said once. Their ids and records stay. */
#include "tests/unit/server/operator_kit.h"

#define A "01477-x001"
#define B "01477-x002"
#define C "01477-x003"
#define BY "--document", "12/NQ-HĐND", "--from", "2026-07-01"

static int start(void **state)
{
    static kit_book book;
    kit_make(&book, false);
    *state = &book;
    return 0;
}

static int stop(void **state)
{
    kit_remove(*state);
    return 0;
}

static catalogue_unit unit_of(kit_book *book, const char *id)
{
    catalogue_unit unit;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(catalogue_unit_get(&txn, id, &unit, NULL), ST_OK);
    store_end(&txn);
    return unit;
}

/* What `show` says of the unit's record. */
static const char *shown(kit_book *book, const char *id)
{
    char hex[33];
    catalogue_unit unit = unit_of(book, id);
    st_id_format(&unit.record, hex);
    KIT_EXPECT(0, book, "show", hex, "--json");
    return KIT_OUT(book);
}

static size_t times(const char *text, const char *words)
{
    size_t count = 0;
    while ((text = strstr(text, words)) != NULL) {
        count++;
        text += strlen(words);
    }
    return count;
}

static void test_a_unit_goes_into_another(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "unit", "merge", A, B, A, C, BY);
    assert_string_equal(unit_of(book, A).successors, "," C ",");
    assert_string_equal(unit_of(book, B).successors, "," C ",");
    assert_string_equal(unit_of(book, C).successors, "");
    assert_non_null(strstr(KIT_OUT(book), "2 units"));
    const char *json = shown(book, A);
    assert_non_null(strstr(json, "2026-06-30")); /* its last day */
    assert_non_null(strstr(json, "2026-07-01"));
    assert_non_null(strstr(json, "12/NQ-HĐND"));
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(0, book, "unit", "merge", B, C, BY); /* known */
    assert_non_null(strstr(KIT_OUT(book), "0 units"));
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "verify");
}

static void test_what_is_refused_changes_nothing(void **state)
{
    kit_book *book = *state;
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "unit", "merge", A, "01477-nowhere", BY);
    KIT_EXPECT(1, book, "unit", "merge", A, "01477-nowhere", B, BY); /* the first one neither */
    KIT_EXPECT(2, book, "unit", "merge", A, A, BY);                  /* its own successor */
    KIT_EXPECT(2, book, "unit", "merge", A, BY);
    KIT_EXPECT(2, book, "unit", "merge", A, B, "--from", "2026-07-01");
    KIT_EXPECT(2, book, "unit", "merge", A, B, "--document", "12/NQ-HĐND");
    KIT_EXPECT(2, book, "unit", "split", A, B, BY); /* into one: that is a merger */
    static const char *const DATES[] = { "2026-02-30", "2026-7-1", "hôm nay", "2026-07-01x", "" };
    for (size_t i = 0; i < sizeof DATES / sizeof DATES[0]; i++)
        KIT_EXPECT(2, book, "unit", "merge", A, B, "--document", "12/NQ-HĐND", "--from", DATES[i]);
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "unit", "merge", A, B, BY);
    before = kit_log_size(book);
    KIT_EXPECT(1, book, "unit", "merge", B, A, BY); /* a ring */
    KIT_EXPECT(1, book, "unit", "merge", C, A, BY); /* A is no more */
    KIT_EXPECT(1, book, "unit", "merge", A, C, BY); /* it went into B */
    KIT_EXPECT(1, book, "unit", "split", A, B, C, BY);
    assert_int_equal(kit_log_size(book), before);
    assert_string_equal(unit_of(book, A).successors, "," B ",");
}

/* Over the turn of a year, and of a leap February. */
static void test_the_last_day(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "unit", "merge", A, C, "--document", "1", "--from", "2027-01-01");
    assert_non_null(strstr(shown(book, A), "2026-12-31"));
    KIT_EXPECT(0, book, "unit", "merge", B, C, "--document", "2", "--from", "2028-03-01");
    assert_non_null(strstr(shown(book, B), "2028-02-29"));
}

static void test_a_unit_is_divided(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "unit", "split", A, B, C, BY);
    catalogue_unit unit = unit_of(book, A);
    assert_non_null(strstr(unit.successors, "," B ","));
    assert_non_null(strstr(unit.successors, "," C ","));
    assert_int_equal(times(shown(book, A), "12/NQ-HĐND"), 2);
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(0, book, "unit", "split", A, C, B, BY);
    assert_int_equal(kit_log_size(book), before);
}

static void test_a_unit_gets_another_name(void **state)
{
    kit_book *book = *state;
    char old[sizeof unit_of(book, A).name];
    (void)strcpy(old, unit_of(book, A).name);
    KIT_EXPECT(2, book, "unit", "rename", A, BY);
    KIT_EXPECT(1, book, "unit", "rename", "01477-nowhere", "Xóm Mới", BY);
    KIT_EXPECT(1, book, "unit", "rename", A, "", BY);
    KIT_EXPECT(0, book, "unit", "rename", A, "Xóm Mới", BY);
    assert_string_equal(unit_of(book, A).name, "Xóm Mới");
    const char *json = shown(book, A);
    assert_non_null(strstr(json, old)); /* the one before stands among the names */
    assert_non_null(strstr(json, "12/NQ-HĐND"));
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(0, book, "unit", "rename", A, "Xóm Mới", BY);
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "unit", "rename", A, "Xóm Mới Hơn", "--document", "13", "--from",
               "2027-01-01");
    assert_string_equal(unit_of(book, A).name, "Xóm Mới Hơn");
    assert_int_equal(times(shown(book, A), old), 1); /* the first one is not said again */
    book->lang = "vi";
    KIT_EXPECT(0, book, "unit", "rename", A, "Xóm Cũ", BY);
    assert_non_null(strstr(KIT_OUT(book), "Đã đổi tên 1"));
    book->lang = "en";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_unit_goes_into_another, start, stop),
        cmocka_unit_test_setup_teardown(test_what_is_refused_changes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_the_last_day, start, stop),
        cmocka_unit_test_setup_teardown(test_a_unit_is_divided, start, stop),
        cmocka_unit_test_setup_teardown(test_a_unit_gets_another_name, start, stop),
    };
    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
