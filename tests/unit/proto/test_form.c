/* tests/unit/proto/test_form.c
 * A form is data that reads the same on every phone: what was published comes back as it was, a
 * damaged or contradictory one is refused whole, and a path on the command line is the path on the
 * wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/proto/make_form.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void test_lookup(void **state)
{
    (void)state;
    assert_int_equal(st_form_field(&FORM, "place")->no, F_PLACE);
    assert_null(st_form_field(&FORM, "ratings"));
    assert_null(st_form_field(&FORM, ""));
    assert_int_equal(st_form_group(&FORM, "findings")->no, G_FINDINGS);
    assert_null(st_form_group(&FORM, "place"));
    assert_int_equal(st_group_field(&GROUPS[0], "evidence")->no, 2);
    assert_null(st_group_field(&GROUPS[0], "text"));
    const st_group *group = &GROUPS[0];
    st_path path = make_field_path(F_PLACE);
    assert_ptr_equal(st_form_at(&FORM, &path, &group), st_form_field(&FORM, "place"));
    assert_null(group);
    path = make_key_path(G_RATINGS, "a3", 1);
    assert_ptr_equal(st_form_at(&FORM, &path, &group), &RATING_FIELDS[0]);
    assert_ptr_equal(group, &GROUPS[0]);
    path.kind = ST_PATH_ITEM;                     /* a keyed group has no items */
    assert_null(st_form_at(&FORM, &path, &group));
    assert_null(group);
    path = make_item_path(G_FINDINGS, make_form_dot(7, 1), 0);
    assert_null(st_form_at(&FORM, &path, &group));
    assert_ptr_equal(group, &GROUPS[1]);
    path = make_item_path(G_FINDINGS, make_form_dot(7, 1), 99);
    assert_null(st_form_at(&FORM, &path, NULL));
    path = make_field_path(G_FINDINGS);
    assert_null(st_form_at(&FORM, &path, NULL));
    path = make_field_path(F_PLACE);
    path.group = G_FINDINGS;
    assert_null(st_form_at(&FORM, &path, NULL));
}

static void test_paths_there_and_back(void **state)
{
    (void)state;
    static const char *const PATHS[] = {
        "place", "visit_date", "ratings.a3.rating", "ratings.x/1-2_3.evidence",
        "ratings.v1.2.rating",                     /* a key may hold a point */
        "findings.07070707070707070707070707070707:12:3.text",
        "remarks.ffffffffffffffffffffffffffffffff:9223372036854775807:65535.text",
    };
    for (size_t i = 0; i < LEN(PATHS); i++) {
        st_path path;
        st_error error = { 0 };
        char text[ST_PATH_TEXT_BYTES];
        print_message("  case: %s\n", PATHS[i]);
        assert_int_equal(st_form_path_parse(&FORM, PATHS[i], &path, &error), ST_OK);
        assert_non_null(st_form_at(&FORM, &path, NULL));
        st_form_path_format(&FORM, &path, text);
        assert_string_equal(text, PATHS[i]);
    }
}

static void test_wrong_paths(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } CASES[] = {
        { "", "no field" }, { "nothing", "'visit' has no field 'nothing'" },
        { "ratings", "ratings.KEY.FIELD" }, { "findings", "findings.ITEM.FIELD" },
        { "ratings.a3", "a field is missing" }, { "place.a3.rating", "no group 'place'" },
        { "ratings.a3.nothing", "no field 'nothing'" }, { "ratings..rating", "no key" },
        { "ratings.a b.rating", "no key" }, { "ratings.a3.", "no field" },
        { "ratings.012345678901234567890123456789012.rating", "no key" },
        { "findings.1.text", "no item" }, { "findings.07:1:0.text", "no item" },
        { "findings.07070707070707070707070707070707:1.text", "no item" },
        { "findings.07070707070707070707070707070707:0:0.text", "no item" },
        { ".place", "no group" }, { "...", "no group" }, { "Place", "no field" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_path path = make_field_path(77);
        st_error error = { 0 };
        print_message("  case: %s\n", CASES[i].text);
        assert_int_equal(st_form_path_parse(&FORM, CASES[i].text, &path, &error), ST_E_VALUE);
        assert_non_null(strstr(error.detail, CASES[i].says));
        assert_int_equal(path.field, 77);
    }
    char long_text[2000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    st_path path;
    assert_int_equal(st_form_path_parse(&FORM, long_text, &path, NULL), ST_E_VALUE);
    long_text[500] = long_text[1000] = '.';
    assert_int_equal(st_form_path_parse(&FORM, long_text, &path, NULL), ST_E_VALUE);
}

static void test_formatting_what_is_unknown(void **state)
{
    (void)state;
    char text[ST_PATH_TEXT_BYTES];
    st_path path = make_field_path(998);
    st_form_path_format(&FORM, &path, text);
    assert_string_equal(text, "?");
    path = make_key_path(998, "a3", 1);
    st_form_path_format(&FORM, &path, text);
    assert_string_equal(text, "?.a3.?");
    path = make_item_path(G_FINDINGS, make_form_dot(7, 5), 0);
    st_form_path_format(&FORM, &path, text);
    assert_string_equal(text, "findings.07070707070707070707070707070707:5:0");
}

/* A form with one thing changed; the arena keeps copies. */
static st_form *copy_form(st_arena *arena)
{
    st_form *form = (st_form *)st_arena_copy(arena, &FORM, sizeof FORM);
    st_field *fields = (st_field *)st_arena_copy(arena, RECORD_FIELDS, sizeof RECORD_FIELDS);
    st_group *groups = (st_group *)st_arena_copy(arena, GROUPS, sizeof GROUPS);
    st_list *lists = (st_list *)st_arena_copy(arena, LISTS, sizeof LISTS);
    assert_non_null(form);
    assert_non_null(fields);
    assert_non_null(groups);
    assert_non_null(lists);
    form->fields = fields;
    form->groups = groups;
    form->lists = lists;
    return form;
}

static void assert_same_fields(const st_field *a, const st_field *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(a[i].no, b[i].no);
        assert_string_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].type, b[i].type);
        assert_int_equal(a[i].cls, b[i].cls);
        assert_int_equal(a[i].write, b[i].write);
        assert_int_equal(a[i].max_chars, b[i].max_chars);
        assert_int_equal(a[i].min, b[i].min);
        assert_int_equal(a[i].max, b[i].max);
        assert_int_equal(a[i].scale, b[i].scale);
        assert_int_equal(a[i].required, b[i].required);
        assert_int_equal(a[i].list == NULL, b[i].list == NULL);
        if (a[i].list != NULL)
            assert_string_equal(a[i].list->name, b[i].list->name);
        assert_int_equal(a[i].relevant == NULL, b[i].relevant == NULL);
        if (a[i].constraint != NULL)
            assert_string_equal(a[i].constraint, b[i].constraint);
    }
}

static void test_codec(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    st_buffer bytes, again;
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    st_buffer_init(&again, ST_FORM_BYTES_MAX);
    st_error error = { 0 };
    assert_int_equal(st_form_encode(&FORM, &bytes, &error), ST_OK);
    const st_form *form = NULL;
    if (st_form_decode(bytes.data, bytes.len, &arena, &form, &error) != ST_OK)
        fail_msg("%s", error.detail);
    assert_string_equal(form->name, "visit");
    assert_string_equal(form->vi, "Lần kiểm tra");
    assert_int_equal(form->version, 1);
    assert_int_equal(form->home, ST_HOME_UNIT);
    assert_int_equal(form->life, ST_LIFE_VISIT);
    assert_int_equal(form->create, FORM.create);
    assert_int_equal(form->fields_count, FORM.fields_count);
    assert_same_fields(form->fields, FORM.fields, FORM.fields_count);
    assert_int_equal(form->groups_count, 3);
    for (uint32_t g = 0; g < 3; g++) {
        assert_int_equal(form->groups[g].keyed, GROUPS[g].keyed);
        assert_int_equal(form->groups[g].no, GROUPS[g].no);
        assert_same_fields(form->groups[g].fields, GROUPS[g].fields, GROUPS[g].fields_count);
    }
    assert_string_equal(form->groups[0].keys, "criterion");
    assert_null(form->groups[1].keys);
    assert_int_equal(form->lists_count, 3);
    assert_int_equal(form->lists[1].options[3].no, 9);
    assert_string_equal(form->lists[1].options[3].vi, "không áp dụng");
    assert_int_equal(form->title_count, 3);
    assert_string_equal(form->title[2], "place");
    assert_int_equal(st_form_encode(form, &again, &error), ST_OK);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    st_buffer tight;
    st_buffer_init(&tight, 100);
    assert_int_equal(st_form_encode(&FORM, &tight, NULL), ST_E_TOO_LARGE);
    assert_int_equal(tight.len, 0);
    st_buffer_free(&tight);
    st_buffer_free(&bytes);
    st_buffer_free(&again);
    st_arena_reset(&arena);
}

/* Every cut and every flipped bit: a form, or a clean refusal. */
static void test_damaged_bytes(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(&FORM, &bytes, NULL), ST_OK);
    unsigned refused = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        const st_form *form = NULL;
        st_err err = st_form_decode(bytes.data, i, &arena, &form, NULL);
        assert_true(err == ST_OK || form == NULL);
        st_arena_reset(&arena);
        uint8_t kept = bytes.data[i];
        bytes.data[i] ^= (uint8_t)(1u << (i % 8));
        form = NULL;
        err = st_form_decode(bytes.data, bytes.len, &arena, &form, NULL);
        assert_true((err == ST_OK) == (form != NULL));
        refused += err != ST_OK;
        bytes.data[i] = kept;
        st_arena_reset(&arena);
    }
    assert_true(refused > 100);
    st_arena small;
    for (size_t room = 0; room < 60000; room += 1500) {
        st_arena_init(&small, room);
        const st_form *form = NULL;
        st_err err = st_form_decode(bytes.data, bytes.len, &small, &form, NULL);
        assert_int_equal(err == ST_OK, form != NULL);
        assert_true(err == ST_OK || err == ST_E_MEMORY || err == ST_E_TOO_LARGE);
        st_arena_reset(&small);
    }
    const st_form *form = NULL;
    uint8_t *large = calloc(1, ST_FORM_BYTES_MAX + 1);
    assert_non_null(large);
    assert_int_equal(st_form_decode(large, ST_FORM_BYTES_MAX + 1, &arena, &form, NULL),
                     ST_E_TOO_LARGE);
    free(large);
    static const uint8_t NEWER[] = { 0x08, 0x02 };
    assert_int_equal(st_form_decode(NEWER, sizeof NEWER, &arena, &form, NULL), ST_E_VERSION);
    assert_int_equal(st_form_decode(NEWER, 0, &arena, &form, NULL), ST_E_CORRUPT);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

typedef enum {
    SOUND, NO_ZERO, NO_1000, NO_TWICE, NAME_TWICE, NAME_UPPER, NAME_EMPTY, NAME_LONG, NO_LIST,
    LIST_ON_CODE, SET_OF_DATES, REMARK_ON_TOP, REMARK_KEYED, STR_ZERO, STR_16001, SCALE_10,
    BAD_EXPRESSION, UNKNOWN_PATH, PATH_OF_ITEM, SIBLING_PATH, GROUP_PATH, GROUP_AS_VALUE,
    GROUP_NO_OF_FIELD, GROUP_NAME_OF_FIELD, GROUP_TWICE, GROUP_EMPTY, KEYS_MISSING, KEYS_EXTRA,
    OPTION_TWICE, OPTION_ID, LIST_TWICE, TITLE_UNKNOWN, VERSION_ZERO, LABEL_NFD, TYPE_UNKNOWN,
    CLASS_UNKNOWN, EN_NFD, MESSAGE_VI_NFD, MESSAGE_EN_NFD, LABEL_LONG, EXPRESSION_NFD,
    GROUP_LABEL_NFD, GROUP_EN_NFD, GROUP_NAME_TWICE, OPTION_LABEL_NFD, OPTION_EN_NFD,
    OPTION_ID_TWICE, LIST_NAME, FORM_LABEL_NFD, FORM_EN_NFD, FORM_NAME_LONG,
    FAULTS
} fault;

static const struct { const char *why; st_err want; } FAULT_CASES[FAULTS] = {
    [SOUND] = { "nothing is wrong", ST_OK },
    [NO_ZERO] = { "number 0", ST_E_CORRUPT }, [NO_1000] = { "number 1000", ST_E_CORRUPT },
    [NO_TWICE] = { "number twice", ST_E_CORRUPT }, [NAME_TWICE] = { "name twice", ST_E_CORRUPT },
    [NAME_UPPER] = { "name in capitals", ST_E_CORRUPT },
    [NAME_EMPTY] = { "no name", ST_E_CORRUPT }, [NAME_LONG] = { "65 bytes", ST_E_CORRUPT },
    [NO_LIST] = { "enum without list", ST_E_CORRUPT },
    [LIST_ON_CODE] = { "list on a code", ST_E_CORRUPT },
    [SET_OF_DATES] = { "set of dates", ST_E_CORRUPT },
    [REMARK_ON_TOP] = { "remark of the record", ST_E_CORRUPT },
    [REMARK_KEYED] = { "remark in a keyed group", ST_E_CORRUPT },
    [STR_ZERO] = { "text of no length", ST_E_CORRUPT },
    [STR_16001] = { "text of 16001", ST_E_CORRUPT }, [SCALE_10] = { "scale 10", ST_E_CORRUPT },
    [BAD_EXPRESSION] = { "expression that does not compile", ST_E_CORRUPT },
    [UNKNOWN_PATH] = { "expression about nothing", ST_E_CORRUPT },
    [PATH_OF_ITEM] = { "expression about an item", ST_E_CORRUPT },
    [SIBLING_PATH] = { "expression about a sibling", ST_OK },
    [GROUP_PATH] = { "count of a group", ST_OK },
    [GROUP_AS_VALUE] = { "group as a value", ST_E_CORRUPT },
    [GROUP_NO_OF_FIELD] = { "group with a field's number", ST_E_CORRUPT },
    [GROUP_NAME_OF_FIELD] = { "group with a field's name", ST_E_CORRUPT },
    [GROUP_TWICE] = { "group number twice", ST_E_CORRUPT },
    [GROUP_EMPTY] = { "group without fields", ST_E_CORRUPT },
    [KEYS_MISSING] = { "keyed without keys", ST_E_CORRUPT },
    [KEYS_EXTRA] = { "listed with keys", ST_E_CORRUPT },
    [OPTION_TWICE] = { "option twice", ST_E_CORRUPT },
    [OPTION_ID] = { "option id with a mark", ST_E_CORRUPT },
    [LIST_TWICE] = { "list twice", ST_E_CORRUPT },
    [TITLE_UNKNOWN] = { "title of nothing", ST_E_CORRUPT },
    [VERSION_ZERO] = { "version 0", ST_E_CORRUPT },
    [LABEL_NFD] = { "label in NFD", ST_E_CORRUPT },
    [TYPE_UNKNOWN] = { "unknown type", ST_E_CORRUPT },
    [CLASS_UNKNOWN] = { "unknown class", ST_E_CORRUPT },
    [EN_NFD] = { "English label in NFD", ST_E_CORRUPT },
    [MESSAGE_VI_NFD] = { "message in NFD", ST_E_CORRUPT },
    [MESSAGE_EN_NFD] = { "English message in NFD", ST_E_CORRUPT },
    [LABEL_LONG] = { "label of 1001 bytes", ST_E_CORRUPT },
    [EXPRESSION_NFD] = { "expression in NFD", ST_E_CORRUPT },
    [GROUP_LABEL_NFD] = { "label of a group in NFD", ST_E_CORRUPT },
    [GROUP_EN_NFD] = { "English label of a group in NFD", ST_E_CORRUPT },
    [GROUP_NAME_TWICE] = { "group name twice", ST_E_CORRUPT },
    [OPTION_LABEL_NFD] = { "label of an option in NFD", ST_E_CORRUPT },
    [OPTION_EN_NFD] = { "English label of an option in NFD", ST_E_CORRUPT },
    [OPTION_ID_TWICE] = { "option id twice", ST_E_CORRUPT },
    [LIST_NAME] = { "name of a list in capitals", ST_E_CORRUPT },
    [FORM_LABEL_NFD] = { "label of the form in NFD", ST_E_CORRUPT },
    [FORM_EN_NFD] = { "English label of the form in NFD", ST_E_CORRUPT },
    [FORM_NAME_LONG] = { "name of the form over a code", ST_E_CORRUPT },
};

#define NFD "Nguye\xcc\x82n"

static const char *label_of_1001(void)
{
    static char text[1002];
    memset(text, 'a', 1001);
    return text;
}

static void spoil_words(fault what, st_form *form, st_field *place, st_group *group)
{
    static const st_option WORDS[] = { { 1, "a", NFD, "a" } };
    static const st_option EN_WORDS[] = { { 1, "a", "a", NFD } };
    static const st_option IDS[] = { { 1, "a", "a", "a" }, { 2, "a", "b", "b" } };
    st_list *lists = (st_list *)(uintptr_t)form->lists;
    switch (what) {
    case CLASS_UNKNOWN: place->cls = ST_CLASS_COUNT; break;
    case EN_NFD: place->en = NFD; break;
    case MESSAGE_VI_NFD: place->message_vi = NFD; break;
    case MESSAGE_EN_NFD: place->message_en = NFD; break;
    case LABEL_LONG: place->vi = label_of_1001(); break;
    case EXPRESSION_NFD: place->relevant = "'" NFD "' = 'x'"; break;
    case GROUP_LABEL_NFD: group->vi = NFD; break;
    case GROUP_EN_NFD: group->en = NFD; break;
    case GROUP_NAME_TWICE: group->name = "findings"; break;
    case OPTION_LABEL_NFD: lists[0] = (st_list){ "visit_kind", WORDS, 1 }; break;
    case OPTION_EN_NFD: lists[0] = (st_list){ "visit_kind", EN_WORDS, 1 }; break;
    case OPTION_ID_TWICE: lists[0] = (st_list){ "visit_kind", IDS, 2 }; break;
    case LIST_NAME: lists[0].name = "Kind"; break;
    case FORM_LABEL_NFD: form->vi = NFD; break;
    case FORM_EN_NFD: form->en = NFD; break;
    case FORM_NAME_LONG: form->name = "a23456789012345678901234567890123456789"; break;
    default: break;
    }
}

static void spoil_field(fault what, st_field *f)
{
    static const char LONG_NAME[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    st_field *place = &f[3], *score = &f[7];
    switch (what) {
    case NO_ZERO: place->no = 0; break;
    case NO_1000: place->no = 1000; break;
    case NO_TWICE: place->no = F_DATE; break;
    case NAME_TWICE: place->name = "visit_date"; break;
    case NAME_UPPER: score->name = "Score"; break;
    case NAME_EMPTY: score->name = ""; break;
    case NAME_LONG: score->name = LONG_NAME; break;
    case NO_LIST: f[0].list = NULL; break;
    case LIST_ON_CODE: f[1].list = &LISTS[0]; break;
    case SET_OF_DATES: f[2].cls = ST_CLASS_SET; break;
    case REMARK_ON_TOP: place->cls = ST_CLASS_REMARK; break;
    case STR_ZERO: place->max_chars = 0; break;
    case STR_16001: place->max_chars = 16001; break;
    case SCALE_10: score->scale = 10; break;
    case BAD_EXPRESSION: place->relevant = "1 +"; break;
    case UNKNOWN_PATH: place->required_if = "${nothing} = 1"; break;
    case PATH_OF_ITEM: place->required_if = "${findings.1.text} = 1"; break;
    case GROUP_PATH: place->required_if = "count(${findings}) > 1"; break;
    case GROUP_AS_VALUE: place->required_if = "${findings} = 1"; break;
    case LABEL_NFD: place->vi = "Nguye\xcc\x82n"; break;
    case TYPE_UNKNOWN: place->type = ST_TYPE_COUNT; break;
    default: break;
    }
}

static void spoil_group(fault what, st_group *g, st_field *rating)
{
    switch (what) {
    case REMARK_KEYED: rating[1].cls = ST_CLASS_REMARK; break;
    case SIBLING_PATH:
        rating[1].relevant = "${rating} = 'dat' and ${ratings.a3.rating} = 'dat'";
        break;
    case GROUP_NO_OF_FIELD: g[0].no = F_PLACE; break;
    case GROUP_NAME_OF_FIELD: g[0].name = "place"; break;
    case GROUP_TWICE: g[0].no = G_FINDINGS; break;
    case GROUP_EMPTY: g[0].fields_count = 0; break;
    case KEYS_MISSING: g[0].keys = NULL; break;
    case KEYS_EXTRA: g[1].keys = "criterion"; break;
    default: break;
    }
}

static void test_unsound_forms(void **state)
{
    (void)state;
    static const st_option TWICE[] = { { 1, "a", "a", "a" }, { 1, "b", "b", "b" } };
    static const st_option MARKED[] = { { 1, "đạt", "a", "a" } };
    static const char *const NO_TITLE[] = { "nothing" };
    for (fault what = SOUND; what < FAULTS; what++) {
        st_arena arena;
        st_arena_init(&arena, 1 << 20);
        st_form *form = copy_form(&arena);
        st_field *rating = (st_field *)st_arena_copy(&arena, RATING_FIELDS, sizeof RATING_FIELDS);
        assert_non_null(rating);
        ((st_group *)(uintptr_t)form->groups)[0].fields = rating;
        spoil_field(what, (st_field *)(uintptr_t)form->fields);
        spoil_group(what, (st_group *)(uintptr_t)form->groups, rating);
        spoil_words(what, form, (st_field *)(uintptr_t)form->fields + 3,
                    (st_group *)(uintptr_t)form->groups);
        st_list *lists = (st_list *)(uintptr_t)form->lists;
        if (what == OPTION_TWICE)
            lists[0] = (st_list){ "visit_kind", TWICE, 2 };
        if (what == OPTION_ID)
            lists[0] = (st_list){ "visit_kind", MARKED, 1 };
        if (what == LIST_TWICE)
            lists[1].name = "visit_kind";
        if (what == TITLE_UNKNOWN) {
            form->title = NO_TITLE;
            form->title_count = 1;
        }
        if (what == VERSION_ZERO)
            form->version = 0;
        st_error error = { 0 };
        print_message("  case: %s\n", FAULT_CASES[what].why);
        assert_int_equal(st_form_verify(form, &error), FAULT_CASES[what].want);
        if (FAULT_CASES[what].want != ST_OK)
            assert_non_null(strstr(error.detail, "form '"));
        st_arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup), cmocka_unit_test(test_paths_there_and_back),
        cmocka_unit_test(test_wrong_paths), cmocka_unit_test(test_formatting_what_is_unknown),
        cmocka_unit_test(test_codec), cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_unsound_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
