/* tests/unit/proto/test_change.c
 * Officer and office read in their own language why something waits and what to do; a change made
 * after a record was finalised is recognised by everybody from the change alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/change.h"
#include "proto/text.h"

static void test_names(void **state)
{
    (void)state;
    for (int i = 1; i < ST_ROLE_COUNT; i++) {
        st_role back = ST_ROLE_NONE;
        assert_true(st_role_parse(st_role_name((st_role)i), &back));
        assert_int_equal(back, i);
    }
    st_role untouched = ST_ROLE_ADMIN;
    assert_false(st_role_parse("king", &untouched));
    assert_false(st_role_parse("none", &untouched));
    assert_false(st_role_parse("", &untouched));
    assert_int_equal(untouched, ST_ROLE_ADMIN);
    assert_string_equal(st_role_name(ST_ROLE_COUNCIL_CHAIR), "council_chair");
    assert_string_equal(st_role_name((st_role)99), "unknown");
    assert_string_equal(st_via_name(ST_VIA_OPERATOR), "operator");
    assert_string_equal(st_via_name((st_via)99), "unknown");
    assert_string_equal(st_verb_name(ST_VERB_RESOLVE), "resolve");
    assert_string_equal(st_verb_name((st_verb)99), "unknown");
    assert_string_equal(st_act_name(ST_ACT_FINALISE), "finalise");
    assert_string_equal(st_act_name(ST_ACT_LOCK), "lock");
    assert_string_equal(st_act_name((st_act_kind)99), "unknown");
    assert_string_equal(st_hold_name(ST_HOLD_NO_RECORD), "no_record");
    assert_string_equal(st_hold_name(ST_HOLD_CORRUPT), "corrupt");
    assert_string_equal(st_hold_name((st_hold)99), "unknown");
}

static void test_every_hold_says_what_to_do(void **state)
{
    (void)state;
    for (int i = 0; i <= ST_HOLD_COUNT; i++) {
        const char *vi = st_hold_sentence((st_hold)i, "vi");
        const char *en = st_hold_sentence((st_hold)i, "en");
        assert_string_equal(st_hold_sentence((st_hold)i, "fr"), en);
        assert_string_not_equal(vi, en);
        assert_true(st_text_is_nfc(vi, strlen(vi)));
        assert_int_equal(vi[strlen(vi) - 1], '.');
        assert_int_equal(en[strlen(en) - 1], '.');
        if (i == 0)
            continue;
        /* Each says that nothing is lost, or that the device still has it. */
        assert_true(strstr(en, "kept") != NULL || strstr(en, "device") != NULL);
        assert_true(strstr(vi, "giữ") != NULL || strstr(vi, "trên máy") != NULL);
        const char *office = st_hold_for_office((st_hold)i, "vi");
        assert_true(st_text_is_nfc(office, strlen(office)));
        assert_string_not_equal(office, st_hold_for_office((st_hold)i, "en"));
        for (int k = 1; k < i; k++)
            assert_string_not_equal(office, st_hold_for_office((st_hold)k, "vi"));
        for (int k = 1; k < i && i < ST_HOLD_COUNT; k++) {
            assert_string_not_equal(vi, st_hold_sentence((st_hold)k, "vi"));
            assert_string_not_equal(st_hold_name((st_hold)i), st_hold_name((st_hold)k));
        }
    }
}

static void test_frozen(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        st_act_kind under, act;
        bool amend, want;
    } CASES[] = {
        { "edit of a draft", ST_ACT_NONE, ST_ACT_NONE, false, false },
        { "edit under a finalise", ST_ACT_FINALISE, ST_ACT_NONE, false, true },
        { "edit under a lock", ST_ACT_LOCK, ST_ACT_NONE, false, true },
        { "amendment", ST_ACT_FINALISE, ST_ACT_NONE, true, false },
        { "act under a finalise", ST_ACT_FINALISE, ST_ACT_RETURN, false, false },
        { "edit under a return", ST_ACT_RETURN, ST_ACT_NONE, false, false },
        { "edit under a withdraw", ST_ACT_WITHDRAW, ST_ACT_NONE, false, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_under under[2] = { { { { { 1 } }, 1 }, ST_ACT_OPEN },
                              { { { { 2 } }, 2 }, CASES[i].under } };
        st_change change = { .under = under, .amend = CASES[i].amend, .act = CASES[i].act,
                             .under_count = CASES[i].under == ST_ACT_NONE ? 1 : 2 };
        if (st_change_is_frozen(&change) != CASES[i].want)
            fail_msg("%s", CASES[i].why);
    }
}

static void test_last(void **state)
{
    (void)state;
    st_set set = { .first = 7, .changes_count = 3 };
    assert_true(st_set_last(&set) == 9);
    set.changes_count = 0;                      /* a newer format: nothing is known behind first */
    assert_true(st_set_last(&set) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_hold_says_what_to_do),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
