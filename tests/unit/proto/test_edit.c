/* tests/unit/proto/test_edit.c
 * What an officer saves replaces what was on the screen and nothing else, and says what he knew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/proto/merge_kit.h"

static void test_classes_have_names(void **state)
{
    (void)state;
    static const char *const NAMES[] = { "decisive", "plain", "set", "remark", "fixed", "state",
                                         "server" };
    assert_int_equal(sizeof NAMES / sizeof NAMES[0], ST_CLASS_COUNT);
    for (int i = 0; i < ST_CLASS_COUNT; i++) {
        st_class cls = ST_CLASS_COUNT;
        assert_string_equal(st_class_name((st_class)i), NAMES[i]);
        assert_true(st_class_parse(NAMES[i], &cls));
        assert_int_equal(cls, i);
    }
    st_class untouched = ST_CLASS_SET;
    assert_false(st_class_parse("Plain", &untouched));
    assert_false(st_class_parse("", &untouched));
    assert_int_equal(untouched, ST_CLASS_SET);
    assert_string_equal(st_class_name(ST_CLASS_COUNT), "unknown");
}

/* Three people wrote 1, 2 and 1 unaware of each other; the last stamp is that of the third. */
static void test_an_edit_replaces_what_was_shown(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        kit_path path;
        st_class cls;
        const char *want;
    } CASES[] = {
        { "decisive: the shown value, whoever wrote it", P_RATING, ST_CLASS_DECISIVE, "ac" },
        { "plain: all", P_RATING, ST_CLASS_PLAIN, "abc" },
        { "set: all", P_TAG, ST_CLASS_SET, "abc" },
        { "remark: none", P_RATING, ST_CLASS_REMARK, "" },
        { "fixed: none", P_FIXED, ST_CLASS_FIXED, "" },
        { "state, server: none", P_RATING, ST_CLASS_STATE, "" },
        { "drop: all drops and keeps, whatever the class", P_DROP, ST_CLASS_REMARK, "abc" },
    };
    static kit_world world;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *all = kit_new(), *nobody = kit_new();
        char got[8] = "";
        kit_open(&world);
        print_message("  case: %s\n", CASES[i].why);
        for (size_t a = 0; a < 3; a++) {
            st_change *change = kit_begin(&world, (char)('a' + a), 0, false);
            change->hlc = a;
            kit_edit(&world, nobody, change, CASES[i].path, a == 1 ? 2 : 1);
            kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
        }
        st_op op = { .path = KIT[CASES[i].path].path };
        kit_must(st_edit_replaces(&all->record[0], CASES[i].cls, &world.arena, &op, NULL));
        for (uint32_t r = 0; r < op.replaces_count; r++)
            got[r] = (char)op.replaces[r].device.b[0];
        assert_string_equal(got, CASES[i].want);
        op.path = KIT[P_NAME].path;                 /* nothing there yet */
        kit_must(st_edit_replaces(&all->record[0], CASES[i].cls, &world.arena, &op, NULL));
        assert_int_equal(op.replaces_count, 0);
        kit_close(&world);
        kit_free(nobody);
        kit_free(all);
    }
}

/* A withdraw, and a value that its author had not seen: an edit of that value is not made under the
 * withdraw, an edit of another path is; a change that does both is not. */
static void test_an_edit_does_not_settle_an_act(void **state)
{
    (void)state;
    static kit_world world;
    kit_replica *all = kit_new(), *nobody = kit_new();
    kit_open(&world);
    st_change *change = kit_begin(&world, 'a', 0, false);
    kit_edit(&world, nobody, change, P_NOTE, 1);
    kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
    change = kit_begin(&world, 'b', 0, false);
    change->act = ST_ACT_WITHDRAW;
    kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
    static const struct { kit_path paths[2]; size_t count; uint32_t under; } CASES[] = {
        { { P_NOTE }, 1, 0 }, { { P_RATING }, 1, 1 }, { { P_RATING, P_NOTE }, 2, 0 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_change *edit = kit_begin(&world, 'c', 0, false);
        for (size_t p = 0; p < CASES[i].count; p++)
            kit_edit(&world, all, edit, CASES[i].paths[p], 2);
        (void)kit_end(&world, all, edit);
        assert_int_equal(edit->under_count, CASES[i].under);
        if (edit->under_count > 0)
            assert_int_equal(edit->under[0].kind, ST_ACT_WITHDRAW);
    }
    st_change *act = kit_begin(&world, 'd', 0, false);
    act->act = ST_ACT_OPEN;                         /* an act replaces nothing: it is under all */
    (void)kit_end(&world, all, act);
    assert_int_equal(act->under_count, 1);
    kit_close(&world);
    kit_free(nobody);
    kit_free(all);
}

static void fold_bare(kit_replica *r, size_t record, st_dot dot, uint64_t prev, st_fold kind)
{
    static const st_arrival NONE = { .log_index = 0 };
    st_change change = { .dot = dot, .prev = prev, .record = r->record[record].id };
    kit_must(st_merge_fold(&r->vector, &r->record[record], &change, &NONE,
                           (st_fold_how){ kind, false }));
}

static void test_a_context_says_what_reached_the_author(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    st_arena arena;
    st_context context;
    fold_bare(r, 0, (st_dot){ { "b" }, 1 }, 0, ST_FOLD_APPLY);
    fold_bare(r, 0, (st_dot){ { "b" }, 2 }, 1, ST_FOLD_HOLD);
    fold_bare(r, 1, (st_dot){ { "b" }, 3 }, 2, ST_FOLD_APPLY);  /* the other record */
    fold_bare(r, 1, (st_dot){ { "b" }, 7 }, 6, ST_FOLD_APPLY);  /* beyond a gap, other record */
    fold_bare(r, 0, (st_dot){ { "b" }, 8 }, 7, ST_FOLD_APPLY);  /* beyond a gap */
    fold_bare(r, 0, (st_dot){ { "b" }, 9 }, 8, ST_FOLD_HOLD);   /* beyond a gap, held */
    fold_bare(r, 0, (st_dot){ { "d" }, 1 }, 0, ST_FOLD_DECLINE);
    fold_bare(r, 1, (st_dot){ { "c" }, 1 }, 0, ST_FOLD_APPLY);  /* never wrote in the record */
    fold_bare(r, 0, (st_dot){ { "e" }, 1 }, 0, ST_FOLD_HOLD);   /* nothing of it counts yet */
    st_arena_init(&arena, 1u << 16);
    kit_must(st_edit_context(&r->record[0], &r->vector, &arena, &context, NULL));
    assert_int_equal(context.count, 2);
    const st_context_device *b = &context.devices[0], *d = &context.devices[1];
    assert_int_equal(b->device.b[0], 'b');
    assert_int_equal(b->upto, 3);
    assert_int_equal(b->singles_count, 2);
    assert_int_equal(b->singles[0], 8);
    assert_int_equal(b->singles[1], 9);
    assert_int_equal(b->holes_count, 2);
    assert_int_equal(b->holes[0], 2);
    assert_int_equal(b->holes[1], 9);
    assert_int_equal(d->device.b[0], 'd');
    assert_int_equal(d->upto, 1);
    static const struct { st_dot dot; bool want; } CASES[] = {
        { { { "b" }, 1 }, true },  { { { "b" }, 2 }, false }, { { { "b" }, 8 }, true },
        { { { "b" }, 9 }, false }, { { { "d" }, 1 }, true },  { { { "e" }, 1 }, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(st_context_has(&context, &CASES[i].dot), CASES[i].want);
    st_arena_reset(&arena);
    kit_free(r);
}

static void test_no_memory_is_said(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    static kit_world world;
    kit_open(&world);
    st_change *change = kit_begin(&world, 'a', 0, false);
    kit_edit(&world, r, change, P_NOTE, 1);
    kit_fold(r, &world, kit_end(&world, r, change), ST_FOLD_APPLY);
    change = kit_begin(&world, 'a', 0, false);
    change->act = ST_ACT_OPEN;
    kit_fold(r, &world, kit_end(&world, r, change), ST_FOLD_APPLY);
    st_arena none;
    st_acts_view view;
    st_context context;
    st_op op = { .path = KIT[P_NOTE].path };
    st_arena_init(&none, 0);
    const st_record *record = &r->record[0];
    assert_int_equal(st_view_acts(record, &none, &view, NULL), ST_E_MEMORY);
    assert_int_equal(st_edit_replaces(record, ST_CLASS_PLAIN, &none, &op, NULL), ST_E_MEMORY);
    assert_int_equal(st_edit_under(record, &none, change, NULL), ST_E_MEMORY);
    assert_int_equal(st_edit_context(record, &r->vector, &none, &context, NULL), ST_E_MEMORY);
    kit_close(&world);
    kit_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_have_names),
        cmocka_unit_test(test_an_edit_replaces_what_was_shown),
        cmocka_unit_test(test_an_edit_does_not_settle_an_act),
        cmocka_unit_test(test_a_context_says_what_reached_the_author),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
