/* tests/unit/server/test_judge.c
 * What may not take effect is kept and held with the right reason, and harms nothing beside it: not
 * the office's fields by an officer, not another unit's records, not what the form does not know.
 * An officer who had not heard that his assignment ended loses no work. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What is wrong with the second change of a set; the first and third must come through. */
typedef enum {
    BAD_NOTHING, BAD_ROLE, BAD_VALUE, BAD_FORM, BAD_FIELD, BAD_UNIT, BAD_ACT, BAD_FROZEN, BAD_VERB,
    BAD_MISSING, BAD_KEY_ENUM, BAD_COUNT
} bad;

static const struct { const char *why; st_hold want; } CASES[BAD_COUNT] = {
    [BAD_NOTHING] = { "nothing is wrong", ST_HOLD_NONE },
    [BAD_ROLE] = { "an officer writes the office's field", ST_HOLD_ROLE },
    [BAD_VALUE] = { "a text where a date belongs", ST_HOLD_VALUE },
    [BAD_FORM] = { "a form version that nobody published", ST_HOLD_FORM },
    [BAD_FIELD] = { "a field that the form does not have", ST_HOLD_FORM },
    [BAD_UNIT] = { "a visit that says it is of another unit", ST_HOLD_BUCKET },
    [BAD_ACT] = { "a phone approves", ST_HOLD_STATE },
    [BAD_FROZEN] = { "an edit under a finalise, no amendment", ST_HOLD_FROZEN },
    [BAD_VERB] = { "a remark where a value belongs", ST_HOLD_VALUE },
    [BAD_MISSING] = { "a record that is not there", ST_HOLD_NO_RECORD },
    [BAD_KEY_ENUM] = { "an enum number out of the list", ST_HOLD_VALUE },
};

static st_id make_bad(rig_phone *an, const st_id *visit, bad kind)
{
    st_id missing = { { 9 } };
    st_change *change = NULL;
    st_op *op = NULL;
    if (kind == BAD_FORM || kind == BAD_UNIT) {
        (void)rig_visit(an, NULL);
        change = &an->changes[an->count - 1];
        if (kind == BAD_FORM)
            change->form_version = 99;
        op = (st_op *)(uintptr_t)&change->ops[0];
        if (kind == BAD_UNIT)
            op->value.data = (const uint8_t *)"01477-x002";
        return change->record;
    }
    change = rig_change(an, kind == BAD_MISSING ? &missing : visit);
    op = rig_op(an, change, "visit",
                kind == BAD_ROLE ? "ratings.m1.accepted_rating" : "visit_date",
                kind == BAD_ROLE ? "dat" : "2026-03-13");
    if (kind == BAD_VALUE) {
        op->value.kind = ST_VALUE_TEXT;
        op->value.data = (const uint8_t *)"mai";
        op->value.len = 3;
    }
    if (kind == BAD_FIELD)
        op->path.field = 899;
    if (kind == BAD_VERB)
        op->verb = ST_VERB_REMARK;
    if (kind == BAD_KEY_ENUM)
        op = rig_op(an, change, "visit", "ratings.m1.rating", "dat"), op->value.number = 900;
    if (kind == BAD_ACT) {
        change->ops_count = 0;
        change->act = ST_ACT_APPROVE;
    }
    if (kind == BAD_FROZEN) {
        static st_under under;
        under.dot.device = an->device;
        under.dot.counter = 1;
        under.kind = ST_ACT_FINALISE;
        change->under = &under;
        change->under_count = 1;
    }
    return change->record;
}

static void test_reasons(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    for (int i = 0; i < BAD_COUNT; i++) {
        sync_request request;
        size_t values = 0;
        print_message("  case: %s\n", CASES[i].why);
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "trước");
        (void)make_bad(&an, &visit, (bad)i);
        st_id after = rig_visit(&an, "sau");
        store_slice set = rig_seal(&an);
        assert_int_equal(rig_push(&an, &request, &set, 1), ST_OK);
        const st_verdict *verdict = &request.items[0].verdict;
        assert_int_equal(verdict->kind, ST_VERDICT_STORED);
        assert_int_equal(verdict->held_count, CASES[i].want == ST_HOLD_NONE ? 0 : 1);
        if (verdict->held_count == 1) {
            assert_int_equal(verdict->held[0].reason, CASES[i].want);
            assert_int_equal(verdict->held[0].counter, request.items[0].set.first + 1);
        }
        sync_request_free(&request);
        assert_string_equal(rig_value(r, &visit, "general_note", &values), "trước");
        assert_string_equal(rig_value(r, &after, "general_note", &values), "sau");
    }
}

/* One set that cannot be judged, and a hundred behind it in the same request. */
static void test_a_held_set_stops_none_behind_it(void **state)
{
    enum { GOOD = 100 };
    rig *r = *state;
    static rig_phone an;
    static store_slice sets[GOOD + 1];
    static st_id visits[GOOD];
    sync_request request;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "trước");
    store_slice first = rig_seal(&an);
    assert_int_equal(rig_push_one(&an, first, NULL), ST_VERDICT_STORED);
    rig_begin(&an, RIG_BUCKET);
    (void)make_bad(&an, &visit, BAD_FIELD);
    sets[0] = rig_seal(&an);
    for (int i = 0; i < GOOD; i++) {
        char note[32];
        (void)snprintf(note, sizeof note, "phiếu %d", i);
        rig_begin(&an, RIG_BUCKET);
        visits[i] = rig_visit(&an, note);
        sets[i + 1] = rig_seal(&an);
    }
    assert_int_equal(rig_push(&an, &request, sets, GOOD + 1), ST_OK);
    assert_int_equal(request.items[0].verdict.kind, ST_VERDICT_HELD);
    for (int i = 0; i < GOOD; i++) {
        char note[32];
        (void)snprintf(note, sizeof note, "phiếu %d", i);
        assert_int_equal(request.items[i + 1].verdict.kind, ST_VERDICT_STORED);
        assert_int_equal(request.items[i + 1].verdict.held_count, 0);
        assert_string_equal(rig_value(r, &visits[i], "general_note", &values), note);
    }
    sync_request_free(&request);
}

static void test_whole_sets(void **state)
{
    rig *r = *state;
    static rig_phone an, chi;
    static const struct { const char *why, *bucket; st_role role; st_hold want; } SETS[] = {
        { "his unit", RIG_BUCKET, ST_ROLE_OFFICER, ST_HOLD_NONE },
        { "another unit", RIG_OTHER, ST_ROLE_OFFICER, ST_HOLD_SCOPE },
        { "a role he does not hold", RIG_BUCKET, ST_ROLE_OFFICE, ST_HOLD_ROLE },
        { "a visit in the catalogue", "01477/catalogue", ST_ROLE_OFFICER, ST_HOLD_BUCKET },
        { "the council's bucket", "01477/council", ST_ROLE_OFFICER, ST_HOLD_BUCKET },
        { "another commune", "09999/unit/01477-x001", ST_ROLE_OFFICER, ST_HOLD_BUCKET },
    };
    rig_enrol(r, &an, "an");
    rig_enrol(r, &chi, "chi");
    for (size_t i = 0; i < sizeof SETS / sizeof SETS[0]; i++) {
        st_hold hold = ST_HOLD_NONE;
        print_message("  case: %s\n", SETS[i].why);
        an.role = SETS[i].role;
        rig_begin(&an, SETS[i].bucket);
        st_id visit = rig_visit(&an, "x");
        (void)visit;
        if (strchr(SETS[i].bucket, 'x') == NULL)
            ((st_op *)(uintptr_t)an.changes[0].ops)[0].value.data = (const uint8_t *)"01477-x001",
            ((st_op *)(uintptr_t)an.changes[0].ops)[0].value.len = 10;
        st_verdict_kind kind = rig_push_one(&an, rig_seal(&an), &hold);
        assert_int_equal(hold, SETS[i].want);
        assert_int_equal(kind, hold == ST_HOLD_NONE ? ST_VERDICT_STORED : ST_VERDICT_HELD);
    }
    st_hold hold = ST_HOLD_NONE;
    rig_begin(&chi, RIG_BUCKET);
    (void)rig_visit(&chi, "không được phân công");
    assert_int_equal(rig_push_one(&chi, rig_seal(&chi), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_SCOPE);
}

static void test_rights_of_then_count(void **state)
{
    rig *r = *state;
    static rig_phone an;
    st_hold hold = ST_HOLD_NONE;
    st_id assignment = rig_assign(r, "an", RIG_OTHER_UNIT);
    rig_enrol(r, &an, "an");                   /* his phone knows of both units */
    assert_int_equal(rig_edit(r, &assignment, NULL, "active", "false"), ST_OK);
    rig_begin(&an, RIG_OTHER);
    (void)rig_visit(&an, "viết khi chưa biết");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_STORED);
    assert_int_equal(hold, ST_HOLD_NONE);
    an.scope_rev = 1000000;                    /* he heard of it */
    rig_begin(&an, RIG_OTHER);
    (void)rig_visit(&an, "viết sau khi biết");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_SCOPE);
    (void)rig_assign(r, "an", RIG_OTHER_UNIT);      /* assigned again: new work comes through */
    rig_begin(&an, RIG_OTHER);
    (void)rig_visit(&an, "lại được giao");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_STORED);
    assert_int_equal(hold, ST_HOLD_NONE);
}

static void test_acts_of_a_phone(void **state)
{
    rig *r = *state;
    static rig_phone an;
    static const st_act_kind ACTS[] = { ST_ACT_FINALISE, ST_ACT_OPEN, ST_ACT_WITHDRAW };
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < 3; i++) {
        st_hold hold = ST_HOLD_NONE;
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "x");
        st_change *change = rig_change(&an, &visit);
        st_context_device seen = { an.device, change->dot.counter - 1, NULL, 0, NULL, 0 };
        change->act = ACTS[i];
        change->context.devices = &seen;
        change->context.count = 1;
        print_message("  case: %s\n", st_act_name(ACTS[i]));
        assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_STORED);
        assert_int_equal(hold, ST_HOLD_NONE);
    }
}

/* Sixty-four values stand side by side; the next one waits. */
static void test_siblings_have_a_limit(void **state)
{
    rig *r = *state;
    static rig_phone an;
    st_hold hold = ST_HOLD_NONE;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "0");
    for (int i = 1; i < 64; i++)
        (void)rig_set(&an, &visit, "general_note", "nữa", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_STORED);
    assert_int_equal(hold, ST_HOLD_NONE);
    rig_begin(&an, RIG_BUCKET);
    (void)rig_set(&an, &visit, "general_note", "quá", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_LIMIT);
    (void)rig_value(r, &visit, "general_note", &values);
    assert_int_equal(values, 64);
}

/* The operator is told no at once, and nothing is left behind. */
static void test_the_operator_is_refused(void **state)
{
    rig *r = *state;
    static rig_phone an;
    static const struct { const char *why, *login, *field, *value; st_err want; } EDITS[] = {
        { "the office, an officer's field", "office", "general_note", "x", ST_E_DENIED },
        { "an officer without the unit", "chi", "general_note", "x", ST_E_DENIED },
        { "an officer, his own field", "an", "general_note", "x", ST_OK },
        { "what is fixed at creation", "an", "visit_kind", "giam_sat", ST_E_DENIED },
    };
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "x");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    for (size_t i = 0; i < sizeof EDITS / sizeof EDITS[0]; i++) {
        uint64_t before = 0, after = 0;
        store_txn txn = { 0 };
        print_message("  case: %s\n", EDITS[i].why);
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_log_size(&txn, &before, NULL), ST_OK);
        store_end(&txn);
        assert_int_equal(rig_edit(r, &visit, EDITS[i].login, EDITS[i].field, EDITS[i].value),
                         EDITS[i].want);
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_log_size(&txn, &after, NULL), ST_OK);
        store_end(&txn);
        assert_int_equal(after, before + (EDITS[i].want == ST_OK ? 1 : 0));
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reasons),          CASE(test_whole_sets),
        CASE(test_a_held_set_stops_none_behind_it),
        CASE(test_rights_of_then_count), CASE(test_acts_of_a_phone),
        CASE(test_siblings_have_a_limit), CASE(test_the_operator_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
