/* tests/unit/proto/test_form_check.c
 * The server holds nothing that the phone let its officer save, and takes nothing that nobody may
 * write. A strange date, a missing answer or a broken rule is told, never held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/merge.h"
#include "tests/unit/proto/make_form.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define OWN 5                          /* counter of the change that is checked */

/* ---- one operation at a time ---- */

typedef enum { W_FIELD, W_KEY, W_ITEM_HERE, W_ITEM_THERE, W_DROP } where;

typedef struct {
    const char *why;
    where at;
    uint16_t group, field;
    st_verb verb;
    st_value value;
    st_role role;
    st_hold want;
    bool creates;
    st_via via;
    bool keeps;                        /* a resolution that keeps a value seen */
    const char *element;               /* bytes; element_len */
    uint8_t element_len;
    const char *key;
} op_case;

#define N(x) { .kind = ST_VALUE_INT, .number = (x) }
#define B(k, text) { .kind = (k), .data = (const uint8_t *)(text), .len = sizeof(text) - 1 }
#define T(text) B(ST_VALUE_TEXT, text)
#define C(text) B(ST_VALUE_CODE, text)
#define NONE { .kind = ST_VALUE_NULL }
#define ID16 "0123456789abcdef"
#define GEO(lat, lon) B(ST_VALUE_GEO, lat lon "\0\0\0\10" "\0\0\0\0\0\0\0\0")
#define O ST_ROLE_OFFICER
#define S ST_ROLE_OFFICE
#define OK ST_HOLD_NONE
#define BAD ST_HOLD_VALUE
#define EL(bytes) .element = (bytes), .element_len = sizeof(bytes) - 1

static const op_case VALUES[] = {
    { "a day", W_FIELD, 0, F_DATE, ST_VERB_SET, N(20524), O, .want = OK },
    { "a day of 1970", W_FIELD, 0, F_DATE, ST_VERB_SET, N(0), O, .want = OK },
    { "a day of 2062", W_FIELD, 0, F_DATE, ST_VERB_SET, N(33700), O, .want = OK },
    { "the first day", W_FIELD, 0, F_DATE, ST_VERB_SET, N(-719162), O, .want = OK },
    { "before the first day", W_FIELD, 0, F_DATE, ST_VERB_SET, N(-719163), O, .want = BAD },
    { "after the last day", W_FIELD, 0, F_DATE, ST_VERB_SET, N(2932897), O, .want = BAD },
    { "cleared", W_FIELD, 0, F_DATE, ST_VERB_SET, NONE, O, .want = OK },
    { "text for a date", W_FIELD, 0, F_DATE, ST_VERB_SET, T("nay"), O, .want = BAD },
    { "erased", W_FIELD, 0, F_DATE, ST_VERB_SET, { .kind = ST_VALUE_ERASED }, O, .want = BAD },
    { "twelve letters", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("Đông Ích ạạạ"), O, .want = OK },
    { "thirteen letters", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("Đông Ích ạạạạ"), O, .want = BAD },
    { "NFD", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("be\xcc\xa3\xcc\x82nh"), O, .want = BAD },
    { "not UTF-8", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("\xff"), O, .want = BAD },
    { "code for a text", W_FIELD, 0, F_PLACE, ST_VERB_SET, C("abc"), O, .want = BAD },
    { "minute", W_FIELD, 0, F_MIN, ST_VERB_SET, N(1439), O, .want = OK },
    { "24:00", W_FIELD, 0, F_MIN, ST_VERB_SET, N(1440), O, .want = BAD },
    { "minute -1", W_FIELD, 0, F_MIN, ST_VERB_SET, N(-1), O, .want = BAD },
    { "time", W_FIELD, 0, F_TS, ST_VERB_SET, N(INT64_C(4102444800000)), O, .want = OK },
    { "no time", W_FIELD, 0, F_TS, ST_VERB_SET, N(INT64_MAX), O, .want = BAD },
    { "255", W_FIELD, 0, F_COPIES, ST_VERB_SET, N(255), O, .want = OK },
    { "256", W_FIELD, 0, F_COPIES, ST_VERB_SET, N(256), O, .want = BAD },
    { "-1", W_FIELD, 0, F_COPIES, ST_VERB_SET, N(-1), O, .want = BAD },
    { "-5.0", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(-50), O, .want = OK },
    { "-5.1", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(-51), O, .want = BAD },
    { "10.1", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(101), O, .want = BAD },
    { "money", W_FIELD, 0, F_MONEY, ST_VERB_SET, N(INT64_C(9007199254740992)), O, .want = OK },
    { "too much money", W_FIELD, 0, F_MONEY, ST_VERB_SET, N(INT64_C(9007199254740993)),
      O, .want = BAD },
    { "money owed", W_FIELD, 0, F_MONEY, ST_VERB_SET, N(-1), O, .want = BAD },
    { "true", W_FIELD, 0, F_PAID, ST_VERB_SET, N(1), O, .want = OK },
    { "2 as truth", W_FIELD, 0, F_PAID, ST_VERB_SET, N(2), O, .want = BAD },
    { "hash", W_FIELD, 0, F_HASH, ST_VERB_SET, B(ST_VALUE_HASH, ID16 ID16), O, .want = OK },
    { "half a hash", W_FIELD, 0, F_HASH, ST_VERB_SET, B(ST_VALUE_HASH, ID16), O, .want = BAD },
    { "id", W_FIELD, 0, F_HEAD, ST_VERB_SET, B(ST_VALUE_ID, ID16), O, .want = OK },
    { "short id", W_FIELD, 0, F_HEAD, ST_VERB_SET, B(ST_VALUE_ID, "abc"), O, .want = BAD },
    { "bytes", W_FIELD, 0, F_BYTES, ST_VERB_SET, B(ST_VALUE_BYTES, "a\0b"), O, .want = OK },
    { "north pole", W_FIELD, 0, F_POSITION, ST_VERB_SET,
      GEO("\x35\xa4\xe9\x00", "\x00\x00\x00\x00"), O, .want = OK },
    { "beyond it", W_FIELD, 0, F_POSITION, ST_VERB_SET,
      GEO("\x35\xa4\xe9\x01", "\x00\x00\x00\x00"), O, .want = BAD },
    { "180 west", W_FIELD, 0, F_POSITION, ST_VERB_SET,
      GEO("\x00\x00\x00\x00", "\x94\xb6\x2e\x00"), O, .want = OK },
    { "beyond 180 west", W_FIELD, 0, F_POSITION, ST_VERB_SET,
      GEO("\x00\x00\x00\x00", "\x94\xb6\x2d\xff"), O, .want = BAD },
    { "half a position", W_FIELD, 0, F_POSITION, ST_VERB_SET, B(ST_VALUE_GEO, "12345678"),
      O, .want = BAD },
    { "rating", W_KEY, G_RATINGS, 1, ST_VERB_SET, N(9), O, .want = OK },
    { "rating 0", W_KEY, G_RATINGS, 1, ST_VERB_SET, N(0), O, .want = OK },
    { "rating that is not in the list", W_KEY, G_RATINGS, 1, ST_VERB_SET, N(5), O, .want = BAD },
    { "key with a blank", W_KEY, G_RATINGS, 1, ST_VERB_SET, N(9), O, .want = BAD, .key = "a 3" },
    { "no key", W_KEY, G_RATINGS, 1, ST_VERB_SET, N(9), O, .want = BAD, .key = "" },
};

static const op_case PLACES[] = {
    { "unknown field", W_FIELD, 0, 99, ST_VERB_SET, N(1), O, .want = ST_HOLD_FORM },
    { "unknown group", W_KEY, 99, 1, ST_VERB_SET, N(1), O, .want = ST_HOLD_FORM },
    { "unknown field of a group", W_KEY, G_RATINGS, 99, ST_VERB_SET, N(1),
      O, .want = ST_HOLD_FORM },
    { "item of a keyed group", W_ITEM_THERE, G_RATINGS, 1, ST_VERB_SET, N(1),
      O, .want = ST_HOLD_FORM },
    { "key of a listed group", W_KEY, G_FINDINGS, 1, ST_VERB_SET, T("a"), O, .want = ST_HOLD_FORM },
    { "drop in a keyed group", W_DROP, G_RATINGS, 0, ST_VERB_DROP, N(1), O, .want = ST_HOLD_FORM },
    { "drop in no group", W_DROP, 99, 0, ST_VERB_DROP, N(1), O, .want = ST_HOLD_FORM },
    { "drop of a field", W_FIELD, 0, F_PLACE, ST_VERB_DROP, N(1), O, .want = ST_HOLD_FORM },
    { "computed", W_FIELD, 0, F_REF, ST_VERB_SET, T("a"), O, .want = ST_HOLD_ROLE },
    { "state", W_FIELD, 0, F_STATE, ST_VERB_SET, C("draft"), S, .want = ST_HOLD_ROLE },
};

static const op_case CLASSES[] = {
    { "set of a set", W_FIELD, 0, F_CONTENTS, ST_VERB_SET, N(1), O, .want = BAD },
    { "resolution of a set", W_FIELD, 0, F_CONTENTS, ST_VERB_RESOLVE, N(1), O, .want = BAD },
    { "add", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(1), O, .want = OK, EL("\0\0\0\0\0\0\0\3") },
    { "add of no option", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(1), O, .want = BAD,
      EL("\0\0\0\0\0\0\0\4") },
    { "add of a huge option", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(1), O, .want = BAD,
      EL("\xff\0\0\0\0\0\0\3") },
    { "add of four bytes", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(1),
      O, .want = BAD, EL("\0\0\0\3") },
    { "add of nothing", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(1), O, .want = BAD },
    { "add with another value", W_FIELD, 0, F_CONTENTS, ST_VERB_ADD, N(2), O, .want = BAD,
      EL("\0\0\0\0\0\0\0\3") },
    { "remove", W_FIELD, 0, F_CONTENTS, ST_VERB_REMOVE, NONE,
      O, .want = OK, EL("\0\0\0\0\0\0\0\3") },
    { "remove with a value", W_FIELD, 0, F_CONTENTS, ST_VERB_REMOVE, N(1), O, .want = BAD,
      EL("\0\0\0\0\0\0\0\3") },
    { "add of an id", W_FIELD, 0, F_OBSERVERS, ST_VERB_ADD, N(1), O, .want = OK, EL(ID16) },
    { "add of half an id", W_FIELD, 0, F_OBSERVERS, ST_VERB_ADD, N(1),
      O, .want = BAD, EL("01234567") },
    { "add of a code", W_KEY, G_RATINGS, 3, ST_VERB_ADD, N(1), O, .want = OK, EL("i04") },
    { "add of no code", W_KEY, G_RATINGS, 3, ST_VERB_ADD, N(1), O, .want = BAD, EL("i 4") },
    { "add to no set", W_FIELD, 0, F_PLACE, ST_VERB_ADD, N(1), O, .want = BAD, EL("abc") },
    { "remove from no set", W_FIELD, 0, F_PLACE, ST_VERB_REMOVE, NONE, O, .want = BAD, EL("abc") },
    { "element of no set", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("a"), O, .want = BAD, EL("abc") },
    { "item", W_ITEM_HERE, G_FINDINGS, 1, ST_VERB_ITEM, T("tốt"), O, .want = OK },
    { "item made elsewhere", W_ITEM_THERE, G_FINDINGS, 1, ST_VERB_ITEM, T("tốt"), O, .want = BAD },
    { "item without a value", W_ITEM_HERE, G_FINDINGS, 1, ST_VERB_ITEM, NONE, O, .want = BAD },
    { "item with a set", W_ITEM_HERE, G_FINDINGS, 3, ST_VERB_ITEM, N(1), O, .want = OK,
      EL("\0\0\0\0\0\0\0\3") },
    { "item with a set, by adding", W_ITEM_HERE, G_FINDINGS, 3, ST_VERB_ADD, N(1), O, .want = OK,
      EL("\0\0\0\0\0\0\0\3") },
    { "item with a set, elsewhere", W_ITEM_THERE, G_FINDINGS, 3, ST_VERB_ITEM, N(1), O, .want = BAD,
      EL("\0\0\0\0\0\0\0\3") },
    { "edit of an item", W_ITEM_THERE, G_FINDINGS, 1, ST_VERB_SET, T("khá"), O, .want = OK },
    { "item verb on the record", W_FIELD, 0, F_PLACE, ST_VERB_ITEM, T("a"), O, .want = BAD },
    { "item verb on a key", W_KEY, G_RATINGS, 1, ST_VERB_ITEM, N(1), O, .want = BAD },
    { "remark", W_ITEM_HERE, G_REMARKS, 1, ST_VERB_REMARK, T("xem lại"), S, .want = OK },
    { "remark as an item", W_ITEM_HERE, G_REMARKS, 1, ST_VERB_ITEM, T("xem lại"), S, .want = OK },
    { "remark into another's item", W_ITEM_THERE, G_REMARKS, 1, ST_VERB_REMARK, T("a"),
      S, .want = BAD },
    { "remark rewritten", W_ITEM_THERE, G_REMARKS, 1, ST_VERB_SET, T("a"), S, .want = BAD },
    { "remark settled", W_ITEM_THERE, G_REMARKS, 1, ST_VERB_RESOLVE, T("a"), S, .want = BAD },
    { "remark cleared", W_ITEM_HERE, G_REMARKS, 1, ST_VERB_SET, NONE, S, .want = BAD },
    { "remark on what is none", W_ITEM_HERE, G_FINDINGS, 1, ST_VERB_REMARK, T("a"),
      O, .want = BAD },
    { "fixed, in its item", W_ITEM_HERE, G_FINDINGS, 2, ST_VERB_ITEM, C("x1"), O, .want = OK },
    { "fixed, later: evidence", W_ITEM_THERE, G_FINDINGS, 2, ST_VERB_SET, C("x1"), O, .want = OK },
    { "fixed, later, by a writer", W_FIELD, 0, F_UNIT, ST_VERB_SET, C("01477-x02"), O, .want = OK },
    { "fixed, created empty", W_FIELD, 0, F_KIND, ST_VERB_SET, NONE,
      O, .want = BAD, .creates = true },
    { "drop", W_DROP, G_FINDINGS, 0, ST_VERB_DROP, N(1), O, .want = OK },
    { "keep", W_DROP, G_FINDINGS, 0, ST_VERB_KEEP, NONE, O, .want = OK },
    { "drop of a remark", W_DROP, G_REMARKS, 0, ST_VERB_DROP, N(1), O, .want = BAD },
    { "drop with a field", W_ITEM_THERE, G_FINDINGS, 1, ST_VERB_DROP, N(1), O, .want = BAD },
    { "set of a drop", W_DROP, G_FINDINGS, 0, ST_VERB_SET, N(1), O, .want = BAD },
};

static const op_case WRITERS[] = {
    { "officer's field by the office", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(10),
      S, .want = ST_HOLD_ROLE },
    { "office's field by an officer", W_FIELD, 0, F_ACCEPTED, ST_VERB_SET, N(10), O,
      .want = ST_HOLD_ROLE },
    { "office's field by the office", W_FIELD, 0, F_ACCEPTED, ST_VERB_SET, N(10), S, .want = OK },
    { "by an auditor", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("a"),
      ST_ROLE_AUDITOR, .want = ST_HOLD_ROLE },
    { "by nobody", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("a"), ST_ROLE_NONE, .want = ST_HOLD_ROLE },
    { "by a role of tomorrow", W_FIELD, 0, F_PLACE, ST_VERB_SET, T("a"), ST_ROLE_COUNT,
      .want = ST_HOLD_ROLE },
    { "creator", W_FIELD, 0, F_KIND, ST_VERB_SET, N(1), S, .want = OK, .creates = true },
    { "creator, later", W_FIELD, 0, F_KIND, ST_VERB_SET, N(1), S, .want = ST_HOLD_ROLE },
    { "one who may not create", W_FIELD, 0, F_KIND, ST_VERB_SET, N(1), ST_ROLE_DECIDER,
      .want = ST_HOLD_ROLE, .creates = true },
    { "operator's field by the operator", W_FIELD, 0, F_SETTING, ST_VERB_SET, C("a"), S, .want = OK,
      .via = ST_VIA_OPERATOR },
    { "operator's field by a phone", W_FIELD, 0, F_SETTING, ST_VERB_SET, C("a"), S,
      .want = ST_HOLD_ROLE },
    { "officer's field by the operator", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(1),
      S, .want = ST_HOLD_ROLE,
      .via = ST_VIA_OPERATOR },
    { "office keeps a value seen", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, N(10), S, .want = OK,
      .keeps = true },
    { "head of office keeps", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, N(10),
      ST_ROLE_OFFICE_HEAD, .want = OK,
      .keeps = true },
    { "office settles with a new value", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, N(10), S,
      .want = ST_HOLD_ROLE },
    { "office keeps by an ordinary edit", W_FIELD, 0, F_SCORE, ST_VERB_SET, N(10),
      S, .want = ST_HOLD_ROLE,
      .keeps = true },
    { "auditor keeps", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, N(10),
      ST_ROLE_AUDITOR, .want = ST_HOLD_ROLE,
      .keeps = true },
    { "officer settles", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, N(10), O, .want = OK },
    { "officer settles as empty", W_FIELD, 0, F_SCORE, ST_VERB_RESOLVE, NONE, O, .want = OK },
    { "drop by the office", W_DROP, G_FINDINGS, 0, ST_VERB_DROP, N(1), S, .want = ST_HOLD_ROLE },
};

static st_path case_path(const op_case *c)
{
    st_path path = make_field_path(c->field);
    st_dot here = make_form_dot(7, OWN), there = make_form_dot(7, 2);
    switch (c->at) {
    case W_FIELD: break;
    case W_KEY: path = make_key_path(c->group, c->key == NULL ? "a3" : c->key, c->field); break;
    case W_ITEM_HERE: path = make_item_path(c->group, here, c->field); break;
    case W_ITEM_THERE: path = make_item_path(c->group, there, c->field); break;
    case W_DROP: path = make_item_path(c->group, there, 0); break;
    }
    if (c->element_len > 0)
        memcpy(path.element, c->element, c->element_len);
    path.element_len = c->element_len;
    return path;
}

static void check_cases(const op_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const op_case *c = &cases[i];
        st_op ops[2] = {
            { .path = make_field_path(F_HEAD), .verb = ST_VERB_SET,
              .value = B(ST_VALUE_ID, ID16) },
            { .path = case_path(c), .verb = c->verb, .value = c->value },
        };
        if (c->keeps)
            ops[1].kept = make_form_dot(9, 3);
        st_change change = { .dot = make_form_dot(7, OWN), .creates = c->creates, .ops = ops + 1,
                             .ops_count = 1 };
        char detail[ST_FORM_DETAIL_BYTES];
        print_message("  case: %s\n", c->why);
        st_hold hold = st_form_check(&FORM, &change, c->role, c->via, detail);
        assert_int_equal(hold, c->want);
        assert_int_equal(hold == ST_HOLD_NONE, detail[0] == '\0');
        assert_int_equal(st_form_check(&FORM, &change, c->role, c->via, NULL), c->want);
        change.ops = ops;              /* the same after one that is right */
        change.ops_count = 2;
        if (c->role == O || c->role == S)
            assert_int_equal(st_form_check(&FORM, &change, c->role, c->via, NULL), c->want);
    }
}

static void test_values(void **state)
{
    (void)state;
    check_cases(VALUES, LEN(VALUES));
}

static void test_places(void **state)
{
    (void)state;
    check_cases(PLACES, LEN(PLACES));
}

static void test_classes(void **state)
{
    (void)state;
    check_cases(CLASSES, LEN(CLASSES));
}

static void test_writers(void **state)
{
    (void)state;
    check_cases(WRITERS, LEN(WRITERS));
}

static void test_whole_changes(void **state)
{
    (void)state;
    char detail[ST_FORM_DETAIL_BYTES];
    st_op ops[2] = {
        { .path = make_key_path(G_RATINGS, "a3", 1), .verb = ST_VERB_SET, .value = N(77) },
        { .path = make_field_path(99), .verb = ST_VERB_SET, .value = N(1) },
    };
    st_change change = { .dot = make_form_dot(7, OWN), .ops = ops, .ops_count = 2 };
    assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, detail), ST_HOLD_VALUE);
    assert_string_equal(detail, "ratings.a3.rating: an option of its list");
    change.unknown = true;
    assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, detail), ST_HOLD_VERSION);
    st_change act = { .dot = make_form_dot(7, OWN), .act = ST_ACT_FINALISE };
    assert_int_equal(st_form_check(&FORM, &act, O, ST_VIA_DEVICE, detail), ST_HOLD_NONE);
    st_change create = { .dot = make_form_dot(7, OWN), .creates = true };
    assert_int_equal(st_form_check(&FORM, &create, O, ST_VIA_DEVICE, detail), ST_HOLD_NONE);
    assert_int_equal(st_form_check(&FORM, &create, ST_ROLE_ADMIN, ST_VIA_DEVICE, detail),
                     ST_HOLD_ROLE);
    st_form by_operator = FORM;
    by_operator.create = ST_WRITE_OPERATOR;
    assert_int_equal(st_form_check(&by_operator, &create, S, ST_VIA_OPERATOR, NULL), ST_HOLD_NONE);
    assert_int_equal(st_form_check(&by_operator, &create, S, ST_VIA_DEVICE, NULL), ST_HOLD_ROLE);
    uint8_t *large = calloc(1, ST_VALUE_BYTES_MAX + 1);
    assert_non_null(large);
    ops[0] = (st_op){ .path = make_field_path(F_BYTES), .verb = ST_VERB_SET,
                      .value = make_bytes(ST_VALUE_BYTES, large, ST_VALUE_BYTES_MAX + 1) };
    change = (st_change){ .dot = make_form_dot(7, OWN), .ops = ops, .ops_count = 1 };
    assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, NULL), ST_HOLD_LIMIT);
    ops[0].value.len = ST_VALUE_BYTES_MAX;
    assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, NULL), ST_HOLD_NONE);
    change.ops_count = ST_OPS_MAX + 1;  /* refused before any of them is looked at */
    assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, NULL), ST_HOLD_LIMIT);
    free(large);
}

/* What a person can type is never held, and what is held cannot be typed. */
static void test_parse_and_check_agree(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "kiem_tra", "2026-03-12", "0001-01-01", "09:30", "2026-03-12T09:30+07:00", "0", "255",
        "256", "7.5", "10.1", "-5", "true", "22.8312,106.5221,8", "90,180", ID16 ID16,
        ID16 ID16 ID16 ID16, "YWJj", "01477-x01", "Trùng Khánh", "Tru\xcc\x80ng", "",
    };
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    for (uint32_t f = 0; f < FORM.fields_count; f++) {
        const st_field *field = &FORM.fields[f];
        if ((field->write & OFFICER) == 0 || field->cls == ST_CLASS_SET)
            continue;
        for (size_t i = 0; i < LEN(TEXTS); i++) {
            st_op op = { .path = make_field_path(field->no), .verb = ST_VERB_SET };
            st_change change = { .dot = make_form_dot(7, OWN), .ops = &op, .ops_count = 1 };
            if (st_value_parse(field, TEXTS[i], &arena, &op.value, NULL) != ST_OK)
                continue;
            print_message("  case: %s='%s'\n", field->name, TEXTS[i]);
            assert_int_equal(st_form_check(&FORM, &change, O, ST_VIA_DEVICE, NULL),
                             ST_HOLD_NONE);
        }
    }
    st_arena_reset(&arena);
}

/* ---- a record and what it lacks ---- */

#define TODAY 20530
#define NOTED 1000

typedef struct {
    st_arena arena;
    st_vector vector;
    st_record record;
    uint64_t counter;
    char noted[NOTED];                 /* findings, "path! " for required, "path? " for broken */
    unsigned stop_after;
    const st_form *form;
} review_kit;

static void kit_open(review_kit *kit)
{
    static const st_bucket BUCKET = { "01477/unit/01477-x01" };
    memset(kit, 0, sizeof *kit);
    kit->form = &FORM;
    st_arena_init(&kit->arena, 1 << 22);
    st_vector_init(&kit->vector, &kit->arena);
    st_dot first = make_form_dot(7, 1);
    uint8_t random[16] = { 1 };
    st_id id = st_record_id(&first, random);
    st_record_init(&kit->record, &kit->arena, &id, &BUCKET);
}

/* Folds one change of one operation; the first creates the record. */
static void kit_put(review_kit *kit, st_path path, st_verb verb, st_value value)
{
    st_op op = { .path = path, .verb = verb, .value = value };
    st_change change = { .dot = make_form_dot(7, ++kit->counter), .record = kit->record.id,
                         .ops = &op, .ops_count = 1, .hlc = kit->counter << 16 };
    change.prev = kit->counter - 1;
    change.creates = kit->counter == 1;
    if (change.creates) {
        memcpy(change.form.s, "visit", 6);
        change.form_version = 1;
        change.random[0] = 1;
    }
    if (verb == ST_VERB_SET || verb == ST_VERB_REMOVE)
        assert_int_equal(st_edit_replaces(&kit->record, ST_CLASS_PLAIN, &kit->arena, &op, NULL),
                         ST_OK);
    if (verb == ST_VERB_DROP)
        assert_int_equal(st_edit_context(&kit->record, &kit->vector, &kit->arena, &change.context,
                                         NULL), ST_OK);
    st_arrival arrival = { .role = ST_ROLE_OFFICER };
    st_fold_how how = { .kind = ST_FOLD_APPLY, .copy = true };
    assert_int_equal(st_merge_fold(&kit->vector, &kit->record, &change, &arrival, how), ST_OK);
}

static void kit_put_field(review_kit *kit, uint16_t field, st_value value)
{
    kit_put(kit, make_field_path(field), ST_VERB_SET, value);
}

/* An item with a text; its dot. */
static st_dot kit_put_item(review_kit *kit, const char *text)
{
    st_dot item = make_form_dot(7, kit->counter + 1);
    kit_put(kit, make_item_path(G_FINDINGS, item, 1), ST_VERB_ITEM, make_text(text));
    return item;
}

static bool kit_note(void *context, const st_finding *finding)
{
    review_kit *kit = context;
    char path[ST_PATH_TEXT_BYTES];
    st_form_path_format(kit->form, &finding->path, path);
    assert_ptr_equal(st_form_at(kit->form, &finding->path, NULL), finding->field);
    char *device = strstr(path, "07070707070707070707070707070707:");
    if (device != NULL)                /* the counter is enough to read */
        memmove(device, device + 33, strlen(device + 33) + 1);
    size_t used = strlen(kit->noted);
    (void)snprintf(kit->noted + used, sizeof kit->noted - used, "%s%s ", path,
                   finding->is_required ? "!" : "?");
    return kit->stop_after == 0 || --kit->stop_after > 0;
}

static void kit_says(review_kit *kit, const char *want)
{
    kit->noted[0] = '\0';
    assert_int_equal(st_form_review(&FORM, &kit->record, TODAY, kit_note, kit), ST_OK);
    if (strcmp(kit->noted, want) != 0)
        fail_msg("'%s' is not '%s'", kit->noted, want);
}

static void test_review_of_the_record(void **state)
{
    (void)state;
    review_kit kit;
    kit_open(&kit);
    kit_says(&kit, "visit_kind! visit_date! ");
    kit_put_field(&kit, F_KIND, make_number(2));
    kit_says(&kit, "visit_date! ");             /* paid is not asked of a supervision */
    kit_put_field(&kit, F_DATE, make_number(TODAY + 1));
    kit_says(&kit, "visit_date? ");             /* told, not held */
    kit_put_field(&kit, F_DATE, make_number(TODAY));
    kit_says(&kit, "");
    kit_put_field(&kit, F_END, make_number(TODAY - 1));
    kit_says(&kit, "end_date? ");
    kit_put_field(&kit, F_END, (st_value){ .kind = ST_VALUE_NULL });
    kit_says(&kit, "");                         /* a constraint is not asked of an empty value */
    kit_put_field(&kit, F_DATE, (st_value){ .kind = ST_VALUE_NULL });
    kit_says(&kit, "visit_date! ");
    kit_put_field(&kit, F_DATE, (st_value){ .kind = ST_VALUE_ERASED });
    kit_says(&kit, "");                         /* it was answered, and cannot be put right */
    st_arena_reset(&kit.arena);
}

static void test_review_reads_what_is_fixed(void **state)
{
    (void)state;
    review_kit kit;
    kit_open(&kit);
    kit_put_field(&kit, F_KIND, make_number(1));
    kit_put_field(&kit, F_DATE, make_number(TODAY));
    kit_says(&kit, "paid! ");
    st_op op = { .path = make_field_path(F_KIND), .verb = ST_VERB_SET, .value = make_number(2) };
    st_change later = { .dot = make_form_dot(8, 1), .record = kit.record.id, .ops = &op,
                        .ops_count = 1, .hlc = UINT64_C(99) << 16 };
    st_arrival arrival = { .role = ST_ROLE_OFFICER };
    st_fold_how how = { .kind = ST_FOLD_APPLY, .copy = true };
    assert_int_equal(st_merge_fold(&kit.vector, &kit.record, &later, &arrival, how), ST_OK);
    kit_says(&kit, "paid! ");                   /* a second value of visit_kind is only evidence */
    kit_put_field(&kit, F_PAID, make_number(0));
    kit_says(&kit, "");                         /* no is an answer */
    st_arena_reset(&kit.arena);
}

static void test_review_of_keys(void **state)
{
    (void)state;
    review_kit kit;
    kit_open(&kit);
    kit_put_field(&kit, F_KIND, make_number(2));
    kit_put_field(&kit, F_DATE, make_number(TODAY));
    kit_put(&kit, make_key_path(G_RATINGS, "a3", 1), ST_VERB_SET, make_number(3));
    kit_says(&kit, "");
    kit_put(&kit, make_key_path(G_RATINGS, "a1", 1), ST_VERB_SET, make_number(1));
    kit_says(&kit, "ratings.a1.evidence! ");    /* of the same key's rating */
    kit_put(&kit, make_key_path(G_RATINGS, "a1", 2), ST_VERB_SET, make_text("thiếu"));
    kit_says(&kit, "");
    kit_put(&kit, make_key_path(G_RATINGS, "b1", 2), ST_VERB_SET, make_text("có"));
    kit_says(&kit, "ratings.b1.rating! ");
    kit_put(&kit, make_key_path(G_RATINGS, "b1", 2), ST_VERB_SET,
            (st_value){ .kind = ST_VALUE_NULL });
    kit_says(&kit, "");                         /* nothing is left of that key */
    st_arena_reset(&kit.arena);
}

static void test_review_of_items(void **state)
{
    (void)state;
    review_kit kit;
    kit_open(&kit);
    kit_put_field(&kit, F_KIND, make_number(2));
    kit_put_field(&kit, F_DATE, make_number(TODAY));
    st_dot first = kit_put_item(&kit, "một");   /* 3 */
    kit_says(&kit, "");
    st_dot second = kit_put_item(&kit, "hai");  /* 4 */
    kit_says(&kit, "contents! ");               /* count(${findings}) > 1 */
    st_path element = make_item_path(G_FINDINGS, first, 3);
    assert_int_equal(st_element_parse(&FINDING_FIELDS[2], "n3", &element, NULL), ST_OK);
    kit_put(&kit, element, ST_VERB_ADD, make_number(1));
    kit_says(&kit, "contents! findings.3:0.contents? ");
    kit_put(&kit, element, ST_VERB_REMOVE, (st_value){ .kind = ST_VALUE_NULL });
    kit_says(&kit, "contents! ");
    element = make_field_path(F_CONTENTS);
    assert_int_equal(st_element_parse(st_form_field(&FORM, "contents"), "n1", &element, NULL),
                     ST_OK);
    kit_put(&kit, element, ST_VERB_ADD, make_number(1));
    kit_says(&kit, "");
    kit_put(&kit, make_item_path(G_FINDINGS, first, 1), ST_VERB_SET,
            (st_value){ .kind = ST_VALUE_NULL });
    kit_put(&kit, make_item_path(G_FINDINGS, second, 1), ST_VERB_SET,
            (st_value){ .kind = ST_VALUE_NULL });
    kit_says(&kit, "findings.3:0.text! findings.4:0.text! ");
    kit.stop_after = 1;
    kit_says(&kit, "findings.3:0.text! ");      /* whoever has heard enough stops it */
    kit_put(&kit, make_item_path(G_FINDINGS, first, 0), ST_VERB_DROP, make_number(1));
    kit_says(&kit, "findings.4:0.text! ");
    st_arena_reset(&kit.arena);
}

/* A record with a value of every kind, and one element or item of each sort. */
static void kit_fill(review_kit *kit)
{
    static const uint8_t POSITION[20] = { 0 };
    kit_open(kit);
    kit_put_field(kit, F_KIND, make_number(1));
    kit_put_field(kit, F_UNIT, make_bytes(ST_VALUE_CODE, "01477-x01", 9));
    kit_put_field(kit, F_DATE, make_number(20524));
    kit_put_field(kit, F_PLACE, make_text("Nà Sơn"));
    kit_put_field(kit, F_MIN, make_number(570));
    kit_put_field(kit, F_SCORE, make_number(75));
    kit_put_field(kit, F_PAID, make_number(0));
    kit_put_field(kit, F_POSITION, make_bytes(ST_VALUE_GEO, POSITION, sizeof POSITION));
    kit_put_field(kit, F_HEAD, make_bytes(ST_VALUE_ID, "abcdefghijklmnop", 16));
    kit_put_field(kit, F_ACCEPTED, (st_value){ .kind = ST_VALUE_ERASED });
    kit_put_field(kit, F_END, (st_value){ .kind = ST_VALUE_NULL });
    kit_put_field(kit, F_SETTING, make_text(""));
    kit_put(kit, make_key_path(G_RATINGS, "a3", 1), ST_VERB_SET, make_number(3));
    kit_put(kit, make_key_path(G_RATINGS, "a3", 2), ST_VERB_SET, make_text("có"));
    kit_put(kit, make_key_path(G_RATINGS, "b1", 1), ST_VERB_SET, make_number(99));
    static const char *const OPTIONS[] = { "n1", "n3" };
    for (size_t i = 0; i < LEN(OPTIONS); i++) {
        st_path path = make_field_path(F_CONTENTS);
        assert_int_equal(st_element_parse(st_form_field(&FORM, "contents"), OPTIONS[i], &path,
                                          NULL), ST_OK);
        kit_put(kit, path, ST_VERB_ADD, make_number(1));
    }
    st_path path = make_field_path(F_OBSERVERS);
    assert_int_equal(st_element_parse(st_form_field(&FORM, "observed_by"),
                                      "0123456789abcdef0123456789abcdef", &path, NULL), ST_OK);
    kit_put(kit, path, ST_VERB_ADD, make_number(1));
    (void)kit_put_item(kit, "một");
    (void)kit_put_item(kit, "hai");
}

static void test_what_expressions_see(void **state)
{
    (void)state;
    static const struct { const char *text; bool holds; } CASES[] = {
        { ". = 'Nà Sơn'", true }, { ". = 'Nà'", false },
        { "${visit_kind} = 'kiem_tra'", true }, { "${visit_kind} = 1", false },
        { "${unit_id} = '01477-x01'", true }, { "${visit_date} = '2026-03-12'", true },
        { "${visit_date} + 6 = today()", true }, { "${started_at} = 9 * 60 + 30", true },
        { "${score} = 7.5", true }, { "${paid} = false()", true }, { "${paid} = true()", false },
        { "${paid} != ''", true }, { "${position} != ''", true }, { "${position} = 1", false },
        { "${head} = '6162636465666768696a6b6c6d6e6f70'", true },
        { "${accepted_score} != ''", true }, { "${accepted_score} > 0", false },
        { "${end_date} = ''", true }, { "${setting} = ''", true }, { "${money} = ''", true },
        { "${state} = ''", true },
        { "${ratings.a3.rating} = 'dat'", true }, { "${ratings.a3.evidence} = 'có'", true },
        { "${ratings.b1.rating} = 99", true }, { "${ratings.c1.rating} = ''", true },
        { "selected(${contents}, 'n1')", true }, { "selected(${contents}, 'n2')", false },
        { "selected(${contents}, 'n9')", false }, { "${contents} != ''", true },
        { "${contents} = 'n1'", false },
        { "selected(${observed_by}, '0123456789abcdef0123456789abcdef')", true },
        { "selected(${observed_by}, '1123456789abcdef0123456789abcdef')", false },
        { "selected(${visit_kind}, 'kiem_tra')", true },
        { "selected(${visit_kind}, 'giam_sat')", false }, { "selected(., 'Nà Sơn')", true },
        { "selected(${money}, 'x')", false }, { "selected(${nothing}, 'x')", false },
        { "count(${contents}) = 2", true }, { "count(${findings}) = 2", true },
        { "count(${ratings}) = 2", true }, { "count(${remarks}) = 0", true },
        { "count(${place}) = 1", true }, { "count(${money}) = 0", true },
        { "count(${nothing}) = 0", true }, { "${nothing} = ''", true },
        { "${ratings.a3.nothing} = ''", true }, { "${findings} = ''", true },
    };
    review_kit kit;
    kit_fill(&kit);
    st_field fields[LEN(RECORD_FIELDS)];
    memcpy(fields, RECORD_FIELDS, sizeof fields);
    st_form form = FORM;
    form.fields = fields;
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].text);
        for (size_t f = 0; f < LEN(fields); f++)
            fields[f].constraint = fields[f].no == F_PLACE ? CASES[i].text : NULL;
        kit.noted[0] = '\0';
        kit.form = &form;
        assert_int_equal(st_form_review(&form, &kit.record, TODAY, kit_note, &kit), ST_OK);
        assert_string_equal(kit.noted, CASES[i].holds ? "" : "place? ");
    }
    fields[3].constraint = "1 +";
    assert_int_equal(st_form_review(&form, &kit.record, TODAY, kit_note, &kit), ST_E_CORRUPT);
    st_arena_reset(&kit.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_expressions_see),
        cmocka_unit_test(test_values), cmocka_unit_test(test_places),
        cmocka_unit_test(test_classes), cmocka_unit_test(test_writers),
        cmocka_unit_test(test_whole_changes), cmocka_unit_test(test_parse_and_check_agree),
        cmocka_unit_test(test_review_of_the_record),
        cmocka_unit_test(test_review_reads_what_is_fixed), cmocka_unit_test(test_review_of_keys),
        cmocka_unit_test(test_review_of_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
