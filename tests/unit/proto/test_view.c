/* tests/unit/proto/test_view.c
 * The officer and the office see the same acts, the same open conflicts and the same first value,
 * and no clock decides between two people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/proto/merge_kit.h"

static void test_a_context_includes_what_it_says(void **state)
{
    (void)state;
    static const uint64_t SINGLES[] = { 12, 14, 20 }, HOLES[] = { 3, 14 };
    static const st_context_device DEVICES[] = {
        { .device = { "b" }, .upto = 9, .singles = SINGLES, .singles_count = 3, .holes = HOLES,
          .holes_count = 2 },
        { .device = { "d" }, .upto = 1 },
        { .device = { "f" }, .holes = HOLES, .holes_count = 1 },
    };
    static const st_context CONTEXT = { DEVICES, 3 };
    static const struct { const char *why; st_dot dot; bool want; } CASES[] = {
        { "up to", { { "b" }, 9 }, true },       { "the first", { { "b" }, 1 }, true },
        { "beyond", { { "b" }, 10 }, false },    { "a single beyond", { { "b" }, 12 }, true },
        { "the last single", { { "b" }, 20 }, true },
        { "a hole before", { { "b" }, 3 }, false },
        { "a hole wins over a single", { { "b" }, 14 }, false },
        { "another device", { { "d" }, 1 }, true },
        { "another device, beyond", { { "d" }, 2 }, false },
        { "a device that only has holes", { { "f" }, 3 }, false },
        { "a device that did not write", { { "c" }, 1 }, false },
        { "below all devices", { { "a" }, 1 }, false },
        { "above all devices", { { "g" }, 1 }, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_context_has(&CONTEXT, &CASES[i].dot), CASES[i].want);
    }
    assert_false(st_context_has(&(st_context){ NULL, 0 }, &CASES[0].dot));
}

static void test_late_is_neither_before_nor_after(void **state)
{
    (void)state;
    static const st_context_device SAW = { .device = { "a" }, .upto = 5 };
    static const st_under UNDER[] = { { { { "b" }, 2 }, ST_ACT_OPEN },
                                      { { { "c" }, 1 }, ST_ACT_FINALISE } };
    static const st_meta ACT = { .dot = { { "c" }, 1 }, .act = ST_ACT_FINALISE,
                                 .context = { &SAW, 1 } };
    static const struct { const char *why; st_meta meta; bool want; } CASES[] = {
        { "before", { .dot = { { "a" }, 5 } }, false },
        { "concurrent", { .dot = { { "a" }, 6 } }, true },
        { "after", { .dot = { { "a" }, 6 }, .under = UNDER, .under_count = 2 }, false },
        { "after another act only", { .dot = { { "a" }, 6 }, .under = UNDER, .under_count = 1 },
          true },
        { "itself", { .dot = { { "c" }, 1 } }, false },
        { "the same device, later, unaware", { .dot = { { "c" }, 2 } }, true },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_meta_is_late(&CASES[i].meta, &ACT), CASES[i].want);
    }
}

/* Of each kind: in force when one of the acts in force is of it. */
static void assert_kinds(const st_record *record, const st_acts_view *view)
{
    for (int kind = ST_ACT_NONE + 1; kind < ST_ACT_COUNT; kind++) {
        bool is = false;
        for (size_t i = 0; i < view->acts_count; i++)
            is = is || record->metas[view->acts[i]].act == (st_act_kind)kind;
        assert_int_equal(st_view_has_act(record, (st_act_kind)kind), is);
    }
}

/* What was taken back, and opened again by somebody who knew. */
static void test_an_act_that_was_ended(void **state)
{
    (void)state;
    static kit_world world;
    static const st_act_kind ACTS[] = { ST_ACT_WITHDRAW, ST_ACT_OPEN };
    static const st_context_device DEVICES[] = { { .device = { "a" }, .upto = 9 },
                                                 { .device = { "b" }, .upto = 9 } };
    static const st_context ALL = { DEVICES, 2 };
    kit_replica *all = kit_new();
    kit_open(&world);
    for (size_t a = 0; a < 2; a++) {
        st_arena arena;
        st_acts_view view;
        st_change *change = kit_begin(&world, (char)('a' + a), 0, false);
        change->act = ACTS[a];
        kit_fold(all, &world, kit_end(&world, all, change), ST_FOLD_APPLY);
        st_arena_init(&arena, 1u << 16);
        kit_must(st_view_acts(&all->record[0], &arena, &view, NULL));
        assert_int_equal(view.acts_count, 1);
        assert_kinds(&all->record[0], &view);
        assert_int_equal(st_view_has_act(&all->record[0], ST_ACT_WITHDRAW), a == 0);
        assert_int_equal(st_view_would_end(&all->record[0], &ALL, ST_ACT_WITHDRAW), a == 0);
        assert_int_equal(st_view_would_end(&all->record[0], &ALL, ST_ACT_OPEN), a == 1);
        assert_false(st_view_would_end(&all->record[0], &(st_context){ NULL, 0 }, ACTS[a]));
        for (size_t i = 0; i <= a; i++)
            assert_int_equal(st_view_may_hold(&all->record[0], &view, i), i == a);
        st_arena_reset(&arena);
    }
    kit_close(&world);
    kit_free(all);
}

/* One act after another by people who knew nothing of each other. */
static void test_acts_in_force(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        st_act_kind acts[3];
        bool edit;                    /* and somebody edited, unaware of them all */
        bool conflict, since;
    } CASES[] = {
        { "none", { ST_ACT_NONE }, true, false, false },
        { "finalise", { ST_ACT_FINALISE }, false, false, false },
        { "finalise, edit", { ST_ACT_FINALISE }, true, false, true },
        { "return, edit", { ST_ACT_RETURN }, true, false, true },
        { "lock, edit", { ST_ACT_LOCK }, true, false, true },
        { "withdraw, edit", { ST_ACT_WITHDRAW }, true, true, false },
        { "open, edit", { ST_ACT_OPEN }, true, false, false },
        { "approve, edit", { ST_ACT_APPROVE }, true, false, false },
        { "twice the same", { ST_ACT_LOCK, ST_ACT_LOCK }, false, false, false },
        { "two kinds", { ST_ACT_LOCK, ST_ACT_OPEN }, false, true, false },
        { "three, two kinds", { ST_ACT_OPEN, ST_ACT_OPEN, ST_ACT_VOID }, false, true, false },
    };
    static kit_world world;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *all = kit_new(), *nobody = kit_new();
        st_arena arena;
        st_acts_view view;
        size_t acts = 0;
        kit_open(&world);
        print_message("  case: %s\n", CASES[i].why);
        for (size_t a = 0; a < 3 && CASES[i].acts[a] != ST_ACT_NONE; a++) {
            st_change *change = kit_begin(&world, (char)('a' + a), 0, false);
            change->act = CASES[i].acts[a];
            kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
            acts++;
        }
        if (CASES[i].edit) {
            st_change *change = kit_begin(&world, 'e', 0, false);
            kit_edit(&world, nobody, change, P_NOTE, 1);
            kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
        }
        st_arena_init(&arena, 1u << 16);
        kit_must(st_view_acts(&all->record[0], &arena, &view, NULL));
        assert_int_equal(view.acts_count, acts);
        assert_kinds(&all->record[0], &view);
        assert_int_equal(view.state_conflict, CASES[i].conflict);
        assert_int_equal(view.changed_since, CASES[i].since);
        assert_true(kit_agrees(all, CASES[i].why));
        st_arena_reset(&arena);
        kit_close(&world);
        kit_free(nobody);
        kit_free(all);
    }
}

static void test_the_highest_stamp_is_shown_first(void **state)
{
    (void)state;
    static const struct { st_hlc stamps[3]; uint8_t want; } CASES[] = {
        { { 5, 9, 7 }, 'b' }, { { 9, 5, 7 }, 'a' }, { { 7, 7, 7 }, 'c' }, { { 7, 7, 1 }, 'b' },
        { { UINT64_MAX, 1, 1 }, 'a' },
    };
    static kit_world world;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *all = kit_new(), *nobody = kit_new();
        kit_open(&world);
        for (size_t a = 0; a < 3; a++) {
            st_change *change = kit_begin(&world, (char)('a' + a), 0, false);
            change->hlc = CASES[i].stamps[a];
            kit_edit(&world, nobody, change, P_RATING, (int64_t)a);
            kit_fold(all, &world, kit_end(&world, nobody, change), ST_FOLD_APPLY);
        }
        st_span span = st_record_path(&all->record[0], &KIT[P_RATING].path);
        assert_int_equal(span.count, 3);
        size_t shown = st_view_shown(&all->record[0], span);
        uint32_t meta = all->record[0].lives[shown].meta;
        assert_int_equal(all->record[0].metas[meta].dot.device.b[0], CASES[i].want);
        assert_true(st_view_shown(&all->record[0], (st_span){ 0, 0 }) == SIZE_MAX);
        kit_close(&world);
        kit_free(nobody);
        kit_free(all);
    }
}

/* A drop in the same change as a value of the item: its author had both before him. */
static void test_an_item_written_and_dropped_at_once_is_dropped(void **state)
{
    (void)state;
    static kit_world world;
    kit_replica *r = kit_new();
    const st_path *item = &KIT[P_DROP].path;
    kit_open(&world);
    assert_int_equal(st_view_item(&r->record[0], item->group, &item->item, item->place),
                     ST_ITEM_THERE);
    st_change *change = kit_begin(&world, 'a', 0, false);
    kit_edit(&world, r, change, P_NAME, 1);
    kit_edit(&world, r, change, P_DROP, 1);
    kit_fold(r, &world, kit_end(&world, r, change), ST_FOLD_APPLY);
    assert_int_equal(st_view_item(&r->record[0], item->group, &item->item, item->place),
                     ST_ITEM_DROPPED);
    assert_int_equal(st_view_item(&r->record[0], item->group, &item->item, 1), ST_ITEM_THERE);
    assert_true(kit_agrees(r, "written and dropped at once"));
    change = kit_begin(&world, 'b', 0, false);
    kit_edit(&world, r, change, P_TEXT, 1);
    kit_fold(r, &world, kit_end(&world, r, change), ST_FOLD_APPLY);
    assert_int_equal(st_view_item(&r->record[0], item->group, &item->item, item->place),
                     ST_ITEM_CONTESTED);
    assert_true(kit_agrees(r, "and edited again"));
    kit_close(&world);
    kit_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_context_includes_what_it_says),
        cmocka_unit_test(test_late_is_neither_before_nor_after),
        cmocka_unit_test(test_an_act_that_was_ended),
        cmocka_unit_test(test_acts_in_force),
        cmocka_unit_test(test_the_highest_stamp_is_shown_first),
        cmocka_unit_test(test_an_item_written_and_dropped_at_once_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
