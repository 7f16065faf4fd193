/* tests/unit/proto/test_changeset_check.c
 * A change that breaks a rule is refused before it is signed, by the same code that refuses it when
 * it comes from a stranger: a mistake of a program never becomes a signed entry of the book that
 * nobody can fold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/changeset_parts.h"
#include "tests/unit/proto/make_form.h"

#define LEN(a)   (sizeof(a) / sizeof((a)[0]))
#define TOO_HIGH ((uint64_t)1 << 63)
#define SELF                                                                                       \
    {                                                                                              \
        { { 7 } }, 5                                                                               \
    }
#define OTHER                                                                                      \
    {                                                                                              \
        { { 8 } }, 3                                                                               \
    }
#define LATER                                                                                      \
    {                                                                                              \
        { { 8 } }, 4                                                                               \
    }

static const st_dot OWN = SELF;

static st_change change_of(const st_op *ops, uint32_t count)
{
    st_change change = { .dot = OWN, .prev = 4, .ops = ops, .ops_count = count };
    memset(change.record.b, 0x42, sizeof change.record.b);
    return change;
}

static st_err checked(const st_change *change)
{
    st_arena arena;
    st_error error = { 0 };
    st_arena_init(&arena, 64u << 20);
    st_err err = st_change_check(change, &arena, &error);
    if (err != ST_OK)
        assert_true(strlen(error.detail) > 0);
    st_arena_reset(&arena);
    return err;
}

static void test_a_path_is_one_of_four_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        st_path path;
        st_err want;
    } CASES[] = {
        { "a field", { .kind = ST_PATH_FIELD, .field = 1 }, ST_OK },
        { "no field", { .kind = ST_PATH_FIELD }, ST_E_CORRUPT },
        { "a field in a group", { .kind = ST_PATH_FIELD, .field = 1, .group = 3 }, ST_E_CORRUPT },
        { "a field with a key",
          { .kind = ST_PATH_FIELD, .field = 1, .key = { "a" } },
          ST_E_CORRUPT },
        { "a field with an item",
          { .kind = ST_PATH_FIELD, .field = 1, .item = OTHER },
          ST_E_CORRUPT },
        { "a field with a place", { .kind = ST_PATH_FIELD, .field = 1, .place = 2 }, ST_E_CORRUPT },
        { "a key", { .kind = ST_PATH_KEYED, .group = 3, .field = 1, .key = { "a3" } }, ST_OK },
        { "a key in no group",
          { .kind = ST_PATH_KEYED, .field = 1, .key = { "a3" } },
          ST_E_CORRUPT },
        { "a key of no field",
          { .kind = ST_PATH_KEYED, .group = 3, .key = { "a3" } },
          ST_E_CORRUPT },
        { "no key", { .kind = ST_PATH_KEYED, .group = 3, .field = 1 }, ST_E_CORRUPT },
        { "a key and an item",
          { .kind = ST_PATH_KEYED, .group = 3, .field = 1, .key = { "a3" }, .item = OTHER },
          ST_E_CORRUPT },
        { "a key with a place",
          { .kind = ST_PATH_KEYED, .group = 3, .field = 1, .key = { "a3" }, .place = 1 },
          ST_E_CORRUPT },
        { "an item", { .kind = ST_PATH_ITEM, .group = 4, .field = 1, .item = OTHER }, ST_OK },
        { "an item in no group",
          { .kind = ST_PATH_ITEM, .field = 1, .item = OTHER },
          ST_E_CORRUPT },
        { "an item of no field",
          { .kind = ST_PATH_ITEM, .group = 4, .item = OTHER },
          ST_E_CORRUPT },
        { "an item with a key",
          { .kind = ST_PATH_ITEM, .group = 4, .field = 1, .item = OTHER, .key = { "a" } },
          ST_E_CORRUPT },
        { "no item", { .kind = ST_PATH_ITEM, .group = 4, .field = 1 }, ST_E_CORRUPT },
        { "an item of a counter too high",
          { .kind = ST_PATH_ITEM, .group = 4, .field = 1, .item = { { { 8 } }, TOO_HIGH } },
          ST_E_CORRUPT },
        { "an unknown kind", { .kind = (st_path_kind)9, .field = 1 }, ST_E_CORRUPT },
        { "an element that is too long",
          { .kind = ST_PATH_FIELD, .field = 1, .element_len = ST_CODE_BYTES_MAX + 1 },
          ST_E_CORRUPT },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_op op = { .path = CASES[i].path, .value = make_number(1) };
        const st_change change = change_of(&op, 1);
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(checked(&change), CASES[i].want);
    }
}

static void test_a_drop_names_an_item_alone(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        st_path path;
        st_err want;
    } CASES[] = {
        { "an item", { .kind = ST_PATH_DROP, .group = 4, .item = OTHER }, ST_OK },
        { "in no group", { .kind = ST_PATH_DROP, .item = OTHER }, ST_E_CORRUPT },
        { "with a field",
          { .kind = ST_PATH_DROP, .group = 4, .field = 1, .item = OTHER },
          ST_E_CORRUPT },
        { "with a key",
          { .kind = ST_PATH_DROP, .group = 4, .item = OTHER, .key = { "a" } },
          ST_E_CORRUPT },
        { "no item", { .kind = ST_PATH_DROP, .group = 4 }, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_op op = { .path = CASES[i].path, .verb = ST_VERB_DROP, .value = make_number(1) };
        const st_change change = change_of(&op, 1);
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(checked(&change), CASES[i].want);
    }
}

static const st_dot TWO[] = { OTHER, LATER }, TURNED[] = { LATER, OTHER },
                    TWICE[] = { OTHER, OTHER }, ITSELF[] = { SELF }, NONE[] = { { { { 8 } }, 0 } },
                    HIGHER[] = { { { { 8 } }, TOO_HIGH } };
#define FIELD_1                                                                                    \
    {                                                                                              \
        .kind = ST_PATH_FIELD, .field = 1                                                          \
    }
#define ELEMENT_1                                                                                  \
    {                                                                                              \
        .kind = ST_PATH_FIELD, .field = 1, .element_len = 1                                        \
    }
#define ONE                                                                                        \
    {                                                                                              \
        .kind = ST_VALUE_INT, .number = 1                                                          \
    }
#define X_TEXT                                                                                     \
    {                                                                                              \
        .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"x", .len = 1                              \
    }
static const struct {
    const char *why;
    st_op op;
    st_err want;
} OPS[] = {
    { "replaces two", { .path = FIELD_1, .replaces = TWO, .replaces_count = 2 }, ST_OK },
    { "replaces them turned",
      { .path = FIELD_1, .replaces = TURNED, .replaces_count = 2 },
      ST_E_CORRUPT },
    { "replaces one twice",
      { .path = FIELD_1, .replaces = TWICE, .replaces_count = 2 },
      ST_E_CORRUPT },
    { "replaces itself",
      { .path = FIELD_1, .replaces = ITSELF, .replaces_count = 1 },
      ST_E_CORRUPT },
    { "replaces nothing's dot",
      { .path = FIELD_1, .replaces = NONE, .replaces_count = 1 },
      ST_E_CORRUPT },
    { "replaces a counter too high",
      { .path = FIELD_1, .replaces = HIGHER, .replaces_count = 1 },
      ST_E_CORRUPT },
    { "adds", { .path = ELEMENT_1, .verb = ST_VERB_ADD, .value = ONE }, ST_OK },
    { "adds two of it",
      { .path = ELEMENT_1, .verb = ST_VERB_ADD, .value = { .kind = ST_VALUE_INT, .number = 2 } },
      ST_E_CORRUPT },
    { "adds a text", { .path = ELEMENT_1, .verb = ST_VERB_ADD, .value = X_TEXT }, ST_E_CORRUPT },
    { "removes",
      { .path = ELEMENT_1, .verb = ST_VERB_REMOVE, .value = { .kind = ST_VALUE_NULL } },
      ST_OK },
    { "removes something",
      { .path = ELEMENT_1, .verb = ST_VERB_REMOVE, .value = ONE },
      ST_E_CORRUPT },
    { "settles and keeps",
      { .path = FIELD_1,
        .verb = ST_VERB_RESOLVE,
        .replaces = TWO,
        .replaces_count = 2,
        .kept = OTHER,
        .kept_actor = { { 2 } } },
      ST_OK },
    { "settles and keeps another one",
      { .path = FIELD_1,
        .verb = ST_VERB_RESOLVE,
        .replaces = TWO,
        .replaces_count = 1,
        .kept = LATER,
        .kept_actor = { { 2 } } },
      ST_E_CORRUPT },
    { "settles nothing", { .path = FIELD_1, .verb = ST_VERB_RESOLVE }, ST_E_CORRUPT },
    { "keeps without settling",
      { .path = FIELD_1,
        .replaces = TWO,
        .replaces_count = 2,
        .kept = OTHER,
        .kept_actor = { { 2 } } },
      ST_E_CORRUPT },
    { "keeps nobody's value",
      { .path = FIELD_1,
        .verb = ST_VERB_RESOLVE,
        .replaces = TWO,
        .replaces_count = 2,
        .kept = OTHER },
      ST_E_CORRUPT },
    { "keeps somebody's nothing",
      { .path = FIELD_1,
        .verb = ST_VERB_RESOLVE,
        .replaces = TWO,
        .replaces_count = 2,
        .kept_actor = { { 2 } } },
      ST_E_CORRUPT },
    { "an empty remark", { .path = FIELD_1, .verb = ST_VERB_REMARK }, ST_E_CORRUPT },
    { "a remark that replaces",
      { .path = FIELD_1,
        .verb = ST_VERB_REMARK,
        .value = X_TEXT,
        .replaces = TWO,
        .replaces_count = 2 },
      ST_E_CORRUPT },
};

static void test_dots_values_and_what_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(OPS); i++) {
        const st_change change = change_of(&OPS[i].op, 1);
        print_message("  case: %s\n", OPS[i].why);
        assert_int_equal(checked(&change), OPS[i].want);
    }
}

static void test_acts_contexts_and_under(void **state)
{
    (void)state;
    static const uint64_t RISING[] = { 3, 5 }, FALLING[] = { 5, 3 }, ZERO[] = { 0 },
                          HIGH[] = { TOO_HIGH };
    static const struct {
        const char *why;
        st_context_device device;
        st_err want;
    } DEVICES[] = {
        { "seen so far", { .upto = 9, .singles = RISING, .singles_count = 2 }, ST_OK },
        { "holes", { .upto = 9, .holes = RISING, .holes_count = 2 }, ST_OK },
        { "a counter too high", { .upto = TOO_HIGH }, ST_E_CORRUPT },
        { "single dots that fall", { .singles = FALLING, .singles_count = 2 }, ST_E_CORRUPT },
        { "a single dot of nothing", { .singles = ZERO, .singles_count = 1 }, ST_E_CORRUPT },
        { "a single dot too high", { .singles = HIGH, .singles_count = 1 }, ST_E_CORRUPT },
        { "holes that fall", { .holes = FALLING, .holes_count = 2 }, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < LEN(DEVICES); i++) {
        st_change change = change_of(NULL, 0);
        change.act = ST_ACT_FINALISE;
        change.context = (st_context){ &DEVICES[i].device, 1 };
        print_message("  case: %s\n", DEVICES[i].why);
        assert_int_equal(checked(&change), DEVICES[i].want);
    }
    static const struct {
        const char *why;
        st_under under[2];
        uint32_t count;
        st_err want;
    } UNDERS[] = {
        { "two acts", { { OTHER, ST_ACT_FINALISE }, { LATER, ST_ACT_LOCK } }, 2, ST_OK },
        { "turned", { { LATER, ST_ACT_FINALISE }, { OTHER, ST_ACT_LOCK } }, 2, ST_E_CORRUPT },
        { "itself", { { SELF, ST_ACT_FINALISE } }, 1, ST_E_CORRUPT },
        { "no act", { { OTHER, ST_ACT_NONE } }, 1, ST_E_CORRUPT },
        { "an unknown act", { { OTHER, ST_ACT_COUNT } }, 1, ST_E_CORRUPT },
        { "a dot of nothing", { { { { { 8 } }, 0 }, ST_ACT_LOCK } }, 1, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < LEN(UNDERS); i++) {
        st_change change = change_of(NULL, 0);
        change.under = UNDERS[i].under;
        change.under_count = UNDERS[i].count;
        print_message("  case: under %s\n", UNDERS[i].why);
        assert_int_equal(checked(&change), UNDERS[i].want);
    }
}

static void test_the_whole_of_a_change(void **state)
{
    (void)state;
    const st_op op = { .path = make_field_path(1), .value = make_number(1) };
    static const st_context_device DEVICE = { .upto = 1 };
    static st_op many[ST_OPS_MAX + 1];
    st_change changes[9];
    static const struct {
        const char *why;
        st_err want;
    } CASES[] = {
        { "an act that is none", ST_E_CORRUPT },
        { "an act with operations", ST_E_CORRUPT },
        { "a context of an edit", ST_E_CORRUPT },
        { "a number for a reason", ST_E_CORRUPT },
        { "an erased reason", ST_OK },
        { "made without a form", ST_E_CORRUPT },
        { "made without a version", ST_E_CORRUPT },
        { "of no record", ST_E_CORRUPT },
        { "more operations than there may be", ST_E_TOO_LARGE },
    };
    for (size_t i = 0; i < LEN(changes); i++)
        changes[i] = change_of(&op, 1);
    changes[0].act = ST_ACT_COUNT;
    changes[1].act = ST_ACT_LOCK;
    changes[2].context = (st_context){ &DEVICE, 1 };
    changes[3].reason = make_number(1);
    changes[4].reason.kind = ST_VALUE_ERASED;
    changes[5].creates = true;
    changes[5].form_version = 1;
    changes[6].creates = true;
    assert_true(st_code_set(&changes[6].form, "visit", 5));
    memset(&changes[7].record, 0, sizeof changes[7].record);
    for (size_t i = 0; i < LEN(many); i++)
        many[i] = op;
    changes[8].ops = many;
    changes[8].ops_count = ST_OPS_MAX + 1;
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(checked(&changes[i]), CASES[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_one_of_four_kinds),
        cmocka_unit_test(test_a_drop_names_an_item_alone),
        cmocka_unit_test(test_dots_values_and_what_is_kept),
        cmocka_unit_test(test_acts_contexts_and_under),
        cmocka_unit_test(test_the_whole_of_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
