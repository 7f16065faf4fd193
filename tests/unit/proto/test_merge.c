/* tests/unit/proto/test_merge.c
 * A change counts once, from whatever stick it comes; what came out of order finds its place; what
 * the office holds back has no effect until it is let in; what was replaced stays replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/proto/merge_kit.h"

static const st_arrival NONE = { .log_index = 0 };

/* ---- the vector ---- */

typedef struct { uint64_t counter, prev; st_fold kind; } arrival_step;

#define APPLY ST_FOLD_APPLY
#define HOLD ST_FOLD_HOLD
#define DECLINE ST_FOLD_DECLINE

static void say_vector(const st_vector *vector, text *t)
{
    t->len = 0;
    for (size_t i = 0; i < vector->upto_count; i++)
        say(t, "%llu", (unsigned long long)vector->upto[i].counter);
    for (size_t i = 0; i < vector->extras_count; i++)
        say(t, " +%llu", (unsigned long long)vector->extras[i].dot.counter);
    for (size_t i = 0; i < vector->holes_count; i++)
        say(t, " -%llu", (unsigned long long)vector->holes[i].dot.counter);
}

static void test_the_vector_advances_along_the_chain_only(void **state)
{
    (void)state;
    static const struct { const char *why; arrival_step steps[6]; const char *want; } CASES[] = {
        { "in order", { { 1, 0, APPLY }, { 2, 1, APPLY } }, "2" },
        { "counters used in another bucket", { { 3, 0, APPLY }, { 7, 3, APPLY } }, "7" },
        { "a gap", { { 1, 0, APPLY }, { 3, 2, APPLY } }, "1 +3" },
        { "nothing but what is beyond a gap", { { 3, 2, APPLY } }, " +3" },
        { "a gap closes", { { 3, 2, APPLY }, { 1, 0, APPLY }, { 2, 1, APPLY } }, "3" },
        { "two gaps, one closes",
          { { 5, 4, APPLY }, { 3, 2, APPLY }, { 2, 1, APPLY }, { 1, 0, APPLY } }, "3 +5" },
        { "a repeat", { { 1, 0, APPLY }, { 1, 0, APPLY } }, "1" },
        { "a hold leaves a hole", { { 1, 0, HOLD }, { 2, 1, APPLY } }, "2 -1" },
        { "a hold beyond a gap is both", { { 4, 2, HOLD } }, " +4 -4" },
        { "a release fills it", { { 1, 0, HOLD }, { 1, 0, APPLY } }, "1" },
        { "a decline fills it", { { 1, 0, HOLD }, { 1, 0, DECLINE } }, "1" },
        { "a hold that comes late is no news", { { 1, 0, APPLY }, { 1, 0, HOLD } }, "1" },
        { "a hold twice", { { 1, 0, HOLD }, { 1, 0, HOLD } }, "1 -1" },
        { "a chain that points at itself moves nothing back",
          { { 5, 5, APPLY }, { 4, 0, APPLY }, { 6, 4, APPLY } }, "6 +5" },
    };
    static text seen;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *r = kit_new();
        print_message("  case: %s\n", CASES[i].why);
        for (size_t s = 0; s < 6 && CASES[i].steps[s].counter != 0; s++) {
            const arrival_step *step = &CASES[i].steps[s];
            st_change change = { .dot = { { "a" }, step->counter }, .prev = step->prev,
                                 .record = r->record[0].id };
            kit_must(st_merge_fold(&r->vector, &r->record[0], &change, &NONE,
                                   (st_fold_how){ step->kind, false }));
            assert_int_equal(st_vector_has(&r->vector, &change.dot),
                             !st_vector_is_hole(&r->vector, &change.dot));
        }
        seen.s[0] = 0;
        say_vector(&r->vector, &seen);
        assert_string_equal(seen.s, CASES[i].want);
        kit_free(r);
    }
}

/* ---- what a record remembers ---- */

static void make_ops(st_op *ops, uint32_t count, int64_t value)
{
    memset(ops, 0, count * sizeof *ops);
    for (uint32_t i = 0; i < count; i++) {
        ops[i].path.field = (uint16_t)(i + 1);
        ops[i].value = (st_value){ .kind = ST_VALUE_INT, .number = value };
    }
}

static void test_the_creating_change_is_kept_and_may_come_late(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    st_record *record = &r->record[0];
    const st_dot first = { { "a" }, 1 };
    st_op old[2], new[2];
    make_ops(old, 2, 1);
    make_ops(new, 2, 2);
    for (int i = 0; i < 2; i++) {
        new[i].replaces = &first;
        new[i].replaces_count = 1;
    }
    st_change create = { .dot = first, .record = record->id, .creates = true, .form = { "visit" },
                         .form_version = 3, .ops = old, .ops_count = 2 };
    st_change edit = { .dot = { { "b" }, 1 }, .record = record->id, .ops = new, .ops_count = 2 };
    const st_fold_how apply = { APPLY, false };
    kit_must(st_merge_fold(&r->vector, record, &edit, &NONE, apply));
    assert_false(record->created);
    assert_int_equal(record->waitings_count, 2);
    kit_must(st_merge_fold(&r->vector, record, &create, &NONE, apply));
    assert_true(record->created);
    assert_string_equal(record->form.s, "visit");
    assert_int_equal(record->form_version, 3);
    assert_int_equal(record->waitings_count, 0);
    assert_int_equal(record->lives_count, 2);
    assert_int_equal(record->metas_count, 2);          /* it has no live value, and is kept */
    assert_int_equal(record->creator, 0);
    assert_int_equal(record->metas[0].live_ops, 0);
    assert_int_equal(record->metas[record->lives[0].meta].dot.device.b[0], 'b');
    kit_free(r);
}

static void test_a_change_without_live_values_is_forgotten(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    kit_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    kit_open(world);
    for (int64_t i = 0; i < 20; i++) {
        st_change *change = kit_begin(world, 'a', 0, false);
        kit_edit(world, r, change, P_RATING, i);
        kit_edit(world, r, change, P_NOTE, i);
        kit_fold(r, world, kit_end(world, r, change), APPLY);
        assert_int_equal(r->record[0].metas_count, 1);
        assert_int_equal(r->record[0].lives_count, 2);
        assert_int_equal(r->record[0].metas[0].live_ops, 2);
    }
    assert_int_equal(r->record[0].wrote_count, 1);
    assert_true(kit_agrees(r, "twenty edits"));
    kit_close(world);
    free(world);
    kit_free(r);
}

static void test_a_copy_does_not_look_at_the_change_again(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    st_record *record = &r->record[0];
    uint8_t words[] = "nhà văn hoá", why[] = "sai tên";
    uint64_t singles[] = { 9 };
    st_context_device device = { .device = { "c" }, .upto = 4, .singles = singles,
                                 .singles_count = 1 };
    st_under under = { { { "c" }, 2 }, ST_ACT_RETURN };
    st_op op;
    make_ops(&op, 1, 0);
    op.value = (st_value){ .kind = ST_VALUE_TEXT, .data = words, .len = sizeof words - 1 };
    st_change change = { .dot = { { "a" }, 1 }, .record = record->id, .ops = &op, .ops_count = 1,
                         .act = ST_ACT_FINALISE, .context = { &device, 1 }, .under = &under,
                         .under_count = 1,
                         .reason = { .kind = ST_VALUE_TEXT, .data = why, .len = sizeof why - 1 } };
    kit_must(st_merge_fold(&r->vector, record, &change, &NONE, (st_fold_how){ APPLY, true }));
    memset(words, 'x', sizeof words);
    memset(why, 'x', sizeof why);
    memset(singles, 0, sizeof singles);
    memset(&device, 0, sizeof device);
    memset(&under, 0, sizeof under);
    memset(&op, 0, sizeof op);
    const st_meta *meta = &record->metas[0];
    assert_memory_equal(record->lives[0].op.value.data, "nhà văn hoá", sizeof words - 1);
    assert_memory_equal(meta->reason.data, "sai tên", sizeof why - 1);
    assert_int_equal(meta->under[0].kind, ST_ACT_RETURN);
    assert_true(st_context_has(&meta->context, &(st_dot){ { "c" }, 9 }));
    assert_true(st_context_has(&meta->context, &(st_dot){ { "c" }, 4 }));
    assert_false(st_context_has(&meta->context, &(st_dot){ { "c" }, 5 }));
    kit_free(r);
}

static void test_sixty_five_siblings_are_one_too_many(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    st_record *record = &r->record[0];
    st_op op;
    make_ops(&op, 1, 1);
    st_change change = { .record = record->id, .ops = &op, .ops_count = 1 };
    for (uint8_t i = 0; i < ST_SIBLINGS_MAX; i++) {
        change.dot = (st_dot){ { { 'A', i } }, 1 };
        assert_false(st_merge_over_limit(record, &change));
        kit_must(st_merge_fold(&r->vector, record, &change, &NONE,
                               (st_fold_how){ APPLY, true }));
    }
    assert_int_equal(record->lives_count, ST_SIBLINGS_MAX);
    const st_dot one = { { { 'A', 5 } }, 1 }, none = { { { 'A', 99 } }, 1 };
    change.dot = (st_dot){ { "b" }, 1 };
    assert_true(st_merge_over_limit(record, &change));
    op.replaces_count = 1;
    op.replaces = &one;
    assert_false(st_merge_over_limit(record, &change));
    op.replaces = &none;                               /* replaces something that is not live */
    assert_true(st_merge_over_limit(record, &change));
    op.verb = ST_VERB_REMARK;
    assert_false(st_merge_over_limit(record, &change));
    kit_free(r);
}

/* With less and less memory the fold fails cleanly, and never pretends. */
static void test_no_memory_is_said(void **state)
{
    (void)state;
    static uint8_t words[6000];
    st_op ops[8];
    make_ops(ops, 8, 1);
    const st_dot gone = { { "q" }, 9 };
    ops[3].replaces = &gone;
    ops[3].replaces_count = 1;
    ops[7].value = (st_value){ .kind = ST_VALUE_BYTES, .data = words, .len = sizeof words };
    st_change change = { .dot = { { "a" }, 1 }, .prev = 0, .record = { "r" }, .ops = ops,
                         .ops_count = 8 };
    size_t failed = 0;
    bool passed = false;
    for (size_t bytes = 0; bytes < 64000 && !passed; bytes += 16) {
        st_arena arena;
        st_vector vector;
        st_record record;
        st_arena_init(&arena, bytes);
        st_vector_init(&vector, &arena);
        st_record_init(&record, &arena, &change.record, &(st_bucket){ "x" });
        st_err err = st_merge_fold(&vector, &record, &change, &NONE, (st_fold_how){ APPLY, true });
        assert_true(err == ST_OK || err == ST_E_MEMORY);
        failed += err == ST_E_MEMORY;
        passed = err == ST_OK;
        if (passed)
            assert_int_equal(record.lives_count, 8);
        st_arena_reset(&arena);
    }
    assert_true(passed && failed > 3);
}

/* ---- changes of several operations, several records, any exchange ---- */

typedef struct { uint64_t s; } dice;

static size_t roll(dice *d, size_t below)
{
    d->s ^= d->s << 13;
    d->s ^= d->s >> 7;
    d->s ^= d->s << 17;
    return (size_t)((d->s >> 11) % below);
}

static void write_change(dice *d, kit_world *world, kit_replica *r, char device)
{
    st_change *change = kit_begin(world, device, roll(d, KIT_RECORDS), roll(d, 2) == 0);
    change->hlc = roll(d, 5);
    if (roll(d, 5) == 0)
        change->act = (st_act_kind)(1 + roll(d, ST_ACT_COUNT - 1));
    for (size_t p = roll(d, 3); p < P_COUNT && change->act == ST_ACT_NONE; p += 1 + roll(d, 4))
        kit_edit(world, r, change, (kit_path)p, roll(d, 4) == 0 ? CLEAR : (int64_t)roll(d, 3));
    (void)kit_end(world, r, change);
}

/* What the office decides about each change: mostly it comes in; what is frozen never does. */
static st_fold final_fold(dice *d, const st_change *change)
{
    if (kit_frozen(change))
        return roll(d, 2) == 0 ? HOLD : DECLINE;
    size_t n = roll(d, 20);
    return n == 0 ? HOLD : n == 1 ? DECLINE : APPLY;
}

#define PHONES 3u
#define DAY_STEPS 90u

static void play_day(uint64_t seed)
{
    static kit_world world;
    static st_fold fates[KIT_CHANGES];
    kit_replica *phones[PHONES];
    char why[32];
    dice d = { seed * 0x9e3779b97f4a7c15u + 1 };
    (void)snprintf(why, sizeof why, "seed %llu", (unsigned long long)seed);
    kit_open(&world);
    for (size_t i = 0; i < PHONES; i++)
        phones[i] = kit_new();
    for (size_t s = 0; s < DAY_STEPS; s++) {
        size_t i = roll(&d, PHONES);
        size_t n = world.count > 0 ? roll(&d, world.count) : 0;
        if (world.count == 0 || roll(&d, 3) == 0) {
            world.counter['a' + i] += roll(&d, 4) == 0;      /* a change in another bucket */
            write_change(&d, &world, phones[i], (char)('a' + i));
            n = world.count - 1;
            fates[n] = final_fold(&d, &world.changes[n]);
        }
        if (roll(&d, 6) == 0)
            kit_fold(phones[i], &world, n, HOLD);            /* and decided some time later */
        else
            kit_fold(phones[i], &world, n, fates[n]);
        assert_true(kit_agrees(phones[i], why));
    }
    st_buffer bytes[PHONES];
    for (size_t i = 0; i < PHONES; i++) {
        size_t from = roll(&d, world.count);
        for (size_t n = 0; n < world.count; n++) {
            size_t which = (from + n * (i + 1)) % world.count;
            kit_fold(phones[i], &world, which, fates[which]);
        }
        for (size_t n = world.count; n > 0; n--)
            kit_fold(phones[i], &world, n - 1, fates[n - 1]);
        assert_true(kit_agrees(phones[i], why));
        kit_encode(phones[i], &bytes[i]);
        assert_int_equal(bytes[i].len, bytes[0].len);
        assert_memory_equal(bytes[i].data, bytes[0].data, bytes[0].len);
    }
    for (size_t i = 0; i < PHONES; i++) {
        st_buffer_free(&bytes[i]);
        kit_free(phones[i]);
    }
    kit_close(&world);
}

static void test_random_days_agree_with_the_definition(void **state)
{
    (void)state;
    const char *asked = getenv("SEEDS");
    uint64_t days = asked == NULL ? 300 : strtoull(asked, NULL, 10);
    for (uint64_t seed = 1; seed <= days; seed++)
        play_day(seed);
    print_message("  %u days of %u steps\n", (unsigned)days, DAY_STEPS);
    assert_true(days > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vector_advances_along_the_chain_only),
        cmocka_unit_test(test_the_creating_change_is_kept_and_may_come_late),
        cmocka_unit_test(test_a_change_without_live_values_is_forgotten),
        cmocka_unit_test(test_a_copy_does_not_look_at_the_change_again),
        cmocka_unit_test(test_sixty_five_siblings_are_one_too_many),
        cmocka_unit_test(test_no_memory_is_said),
        cmocka_unit_test(test_random_days_agree_with_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
