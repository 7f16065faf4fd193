/* tests/unit/server/test_rules.c
 * Each rule by which work waits for the office, alone: whose acts a record takes, what a phone
 * wrote knowing that the office had decided, what is somebody else's or of another commune - and
 * that the office is told why when it lets in what cannot be let in. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/held.h"
#include "server/sync/sets.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static st_hold push(rig_phone *phone)
{
    st_hold hold = ST_HOLD_NONE;
    (void)rig_push_one(phone, rig_seal(phone), &hold);
    return hold;
}

/* ---- acts ---- */

static void test_whose_acts_a_record_takes(void **state)
{
    rig *r = *state;
    static const struct {
        st_act_kind act;
        st_hold officer, auditor;
    } ACTS[] = {
        { ST_ACT_FINALISE, ST_HOLD_NONE, ST_HOLD_ROLE },
        { ST_ACT_WITHDRAW, ST_HOLD_NONE, ST_HOLD_ROLE },
        { ST_ACT_OPEN, ST_HOLD_NONE, ST_HOLD_ROLE },
        { ST_ACT_REVIEW, ST_HOLD_STATE, ST_HOLD_STATE },
        { ST_ACT_RETURN, ST_HOLD_STATE, ST_HOLD_STATE },
        { ST_ACT_APPROVE, ST_HOLD_STATE, ST_HOLD_STATE },
        { ST_ACT_VOID, ST_HOLD_STATE, ST_HOLD_STATE },
        { ST_ACT_LOCK, ST_HOLD_STATE, ST_HOLD_STATE },
    };
    static rig_phone an;
    rig_enrol(r, &an, "an");
    assert_int_equal(rig_edit(r, &an.person, NULL, "roles", "auditor"), ST_OK);
    for (size_t i = 0; i < 2 * LEN(ACTS); i++) {
        bool is_auditor = i >= LEN(ACTS);
        an.role = ST_ROLE_OFFICER;
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "x");
        assert_int_equal(push(&an), ST_HOLD_NONE);
        an.role = is_auditor ? ST_ROLE_AUDITOR : ST_ROLE_OFFICER;
        rig_begin(&an, RIG_BUCKET);
        (void)rig_act(&an, &visit, ACTS[i % LEN(ACTS)].act);
        print_message("  case: %s\n", st_act_name(ACTS[i % LEN(ACTS)].act));
        assert_int_equal(push(&an),
                         is_auditor ? ACTS[i % LEN(ACTS)].auditor : ACTS[i % LEN(ACTS)].officer);
    }
}

/* What has no life as a visit has is not finalised. */
static void test_what_is_not_finalised(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_change *difficulty = rig_change(&an, NULL);
    assert_true(st_code_set(&difficulty->form, "difficulty", 10));
    difficulty->form_version = 1;
    (void)rig_op(&an, difficulty, "difficulty", "unit_id", RIG_UNIT);
    const st_id id = difficulty->record;
    (void)rig_act(&an, &id, ST_ACT_FINALISE);
    sync_request request;
    store_slice set = rig_seal(&an);
    assert_int_equal(rig_push(&an, &request, &set, 1), ST_OK);
    const st_verdict *verdict = &request.items[0].verdict;
    assert_int_equal(verdict->held_count, 1);
    assert_int_equal(verdict->held[0].counter, 2);
    assert_int_equal(verdict->held[0].reason, ST_HOLD_STATE);
    sync_request_free(&request);
}

/* A period is locked, and opened again, by the office and the chair of the Council, and not from a
 * phone; it has no other acts. */
static void test_whose_period_it_is(void **state)
{
    rig *r = *state;
    static const struct {
        const char *login;
        st_role role;
        st_act_kind act;
        st_hold want;
    } CASES[] = {
        { "an", ST_ROLE_OFFICER, ST_ACT_LOCK, ST_HOLD_ROLE },
        { "an", ST_ROLE_OFFICER, ST_ACT_OPEN, ST_HOLD_ROLE },
        { "an", ST_ROLE_OFFICER, ST_ACT_FINALISE, ST_HOLD_STATE },
        { "office", ST_ROLE_OFFICE, ST_ACT_APPROVE, ST_HOLD_STATE },
        { "office", ST_ROLE_OFFICE, ST_ACT_LOCK, ST_HOLD_STATE },
        { "office", ST_ROLE_OFFICE, ST_ACT_WITHDRAW, ST_HOLD_NONE },
        { "office", ST_ROLE_OFFICE, ST_ACT_OPEN, ST_HOLD_NONE },
    };
    static const char *const PERIOD[] = { "period_id", "1999",    "movement_id", "pt",
                                          "kind",      "interim", NULL };
    const st_id period = rig_author(r, "period", PERIOD);
    for (size_t i = 0; i < LEN(CASES); i++) {
        static rig_phone phone;
        rig_enrol(r, &phone, CASES[i].login);
        phone.role = CASES[i].role;
        rig_begin(&phone, "01477/catalogue");
        (void)rig_act(&phone, &period, CASES[i].act);
        st_hold hold = push(&phone);
        if (hold != CASES[i].want)
            fail_msg("row %d: %s", (int)i, st_hold_name(hold));
    }
}

/* What would take a lock back that is in force waits, whatever the phone says of what it was made
 * under; who knows of none withdraws the period, and the lock stands all the same. */
static void test_a_phone_ends_no_lock(void **state)
{
    rig *r = *state;
    static const struct {
        st_act_kind before, act;
        bool knows;
        st_hold want;
    } CASES[] = {
        { ST_ACT_LOCK, ST_ACT_OPEN, true, ST_HOLD_STATE },
        { ST_ACT_LOCK, ST_ACT_WITHDRAW, true, ST_HOLD_STATE },
        { ST_ACT_LOCK, ST_ACT_WITHDRAW, false, ST_HOLD_NONE },
        { ST_ACT_OPEN, ST_ACT_WITHDRAW, true, ST_HOLD_NONE },
    };
    static const char *const PERIOD[] = { "period_id", "1998",    "movement_id", "pt",
                                          "kind",      "interim", NULL };
    const st_id period = rig_author(r, "period", PERIOD);
    for (size_t i = 0; i < LEN(CASES); i++) {
        static rig_phone phone;
        sync_edit edit = { .record = period, .act = CASES[i].before };
        sync_draft draft = { .role = ST_ROLE_OFFICE, .edits = &edit, .edits_count = 1 };
        sync_authored authored = { .records = NULL };
        rig_enrol(r, &phone, "office");
        phone.role = ST_ROLE_OFFICE;
        rig_begin(&phone, "01477/catalogue");
        draft.bucket = phone.bucket;
        draft.actor = phone.person;
        assert_int_equal(sync_author(r->srv.writer, &draft, &authored, NULL), ST_OK);
        st_change *change = rig_act(&phone, &period, CASES[i].act);
        const st_context_device seen = { .device = r->srv.sync.keys->device,
                                         .upto = CASES[i].knows ? INT64_MAX / 2 : 0 };
        change->context = (st_context){ &seen, 1 };
        st_hold hold = push(&phone);
        if (hold != CASES[i].want)
            fail_msg("row %d: %s", (int)i, st_hold_name(hold));
    }
}

/* ---- what the office had in hand ---- */

static void test_written_under_a_decision(void **state)
{
    rig *r = *state;
    static const struct {
        st_act_kind under, act;
        bool amend;
        st_hold want;
    } CASES[] = {
        { ST_ACT_APPROVE, ST_ACT_NONE, false, ST_HOLD_FROZEN },
        { ST_ACT_APPROVE, ST_ACT_NONE, true, ST_HOLD_FROZEN },
        { ST_ACT_APPROVE, ST_ACT_WITHDRAW, false, ST_HOLD_STATE },
        { ST_ACT_VOID, ST_ACT_NONE, true, ST_HOLD_FROZEN },
        { ST_ACT_REVIEW, ST_ACT_NONE, false, ST_HOLD_FROZEN },
        { ST_ACT_REVIEW, ST_ACT_NONE, true, ST_HOLD_NONE },
        { ST_ACT_REVIEW, ST_ACT_WITHDRAW, false, ST_HOLD_STATE },
        { ST_ACT_RETURN, ST_ACT_NONE, false, ST_HOLD_NONE },
        { ST_ACT_FINALISE, ST_ACT_NONE, false, ST_HOLD_FROZEN },
        { ST_ACT_FINALISE, ST_ACT_NONE, true, ST_HOLD_NONE },
        { ST_ACT_LOCK, ST_ACT_NONE, false, ST_HOLD_FROZEN },
    };
    static rig_phone an;
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < LEN(CASES); i++) {
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "x");
        assert_int_equal(push(&an), ST_HOLD_NONE);
        const st_under under = { { an.device, an.last }, CASES[i].under };
        rig_begin(&an, RIG_BUCKET);
        st_change *change = CASES[i].act != ST_ACT_NONE ? rig_act(&an, &visit, CASES[i].act)
                                                        : rig_change(&an, &visit);
        if (CASES[i].act == ST_ACT_NONE)
            (void)rig_op(&an, change, "visit", "place", "sau");
        change->amend = CASES[i].amend;
        if (change->amend)
            change->reason =
                (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"s", .len = 1 };
        change->under = &under;
        change->under_count = 1;
        st_hold hold = push(&an);
        if (hold != CASES[i].want)
            fail_msg("row %d: %s", (int)i, st_hold_name(hold));
    }
}

/* ---- whose it is ---- */

static void test_whose_it_is(void **state)
{
    rig *r = *state;
    static const struct {
        const char *why, *bucket;
        st_role role;
        st_hold want;
    } CASES[] = {
        { "his own", RIG_BUCKET, ST_ROLE_OFFICER, ST_HOLD_NONE },
        { "in no role", RIG_BUCKET, ST_ROLE_NONE, ST_HOLD_ROLE },
        { "of a commune whose name is longer", "014770/unit/01477-x001", ST_ROLE_OFFICER,
          ST_HOLD_BUCKET },
        { "of the catalogue", "01477/catalogue", ST_ROLE_OFFICER, ST_HOLD_BUCKET },
    };
    static rig_phone an;
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < LEN(CASES); i++) {
        an.role = CASES[i].role;
        rig_begin(&an, CASES[i].bucket);
        (void)rig_visit(&an, NULL);
        st_op *unit = (st_op *)(uintptr_t)an.changes[0].ops;
        unit->value.data = (const uint8_t *)RIG_UNIT;
        unit->value.len = (uint32_t)strlen(RIG_UNIT);
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(push(&an), CASES[i].want);
    }
}

/* The unit that a visit names is the one whose bucket it lies in: the same word, no other, and a
 * word it is. */
static void test_the_unit_a_visit_names(void **state)
{
    rig *r = *state;
    static const struct {
        const char *unit;
        st_value_kind kind;
        st_hold want;
    } CASES[] = {
        { RIG_UNIT, ST_VALUE_CODE, ST_HOLD_NONE },
        { "01477-x00", ST_VALUE_CODE, ST_HOLD_BUCKET },
        { "01477-x0011", ST_VALUE_CODE, ST_HOLD_BUCKET },
        { "01477-x003", ST_VALUE_CODE, ST_HOLD_BUCKET },
        { RIG_UNIT, ST_VALUE_TEXT, ST_HOLD_BUCKET },
    };
    static rig_phone an;
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < LEN(CASES); i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, NULL);
        st_op *unit = (st_op *)(uintptr_t)an.changes[0].ops;
        unit->value = (st_value){ .kind = CASES[i].kind,
                                  .data = (const uint8_t *)CASES[i].unit,
                                  .len = (uint32_t)strlen(CASES[i].unit) };
        st_hold hold = push(&an);
        if (hold != CASES[i].want)
            fail_msg("row %d: %s", (int)i, st_hold_name(hold));
    }
}

/* ---- what the office may let in ---- */

static void status(rig *r, const rig_phone *phone, const char *word)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", word), ST_OK);
}

static st_err let_in(rig *r, const st_id *record, const st_dot *dot, const char *login)
{
    sync_held held;
    uint32_t count = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_by_dot(&txn, record, dot, &held, NULL), ST_OK);
    store_end(&txn);
    const sync_decision decision = { held.n, true, rig_person(r, login), NULL };
    return sync_settle(r->srv.writer, &decision, &count, NULL);
}

/* A phone that was revoked: what it wrote stands on nothing, or lies in a wrong place, whoever
 * lets it in. */
static void test_what_no_replica_could_fold(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    const st_id nothing = { { 9 } };
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    assert_int_equal(push(&an), ST_HOLD_NONE);
    status(r, &binh, "revoked");
    rig_begin(&binh, RIG_BUCKET);
    st_dot lost = rig_set(&binh, &nothing, "place", "đâu", NULL);
    assert_int_equal(push(&binh), ST_HOLD_REVOKED);
    rig_begin(&binh, RIG_OTHER);
    st_dot strayed = rig_set(&binh, &visit, "place", "chỗ khác", NULL);
    assert_int_equal(push(&binh), ST_HOLD_REVOKED);
    assert_int_equal(let_in(r, &nothing, &lost, "office"), ST_E_STATE);
    assert_int_equal(let_in(r, &visit, &strayed, "office"), ST_E_STATE);
    rig_begin(&binh, RIG_BUCKET);
    st_id good = rig_visit(&binh, "được");
    st_dot dot = { binh.device, binh.changes[0].dot.counter };
    assert_int_equal(push(&binh), ST_HOLD_REVOKED);
    assert_int_equal(let_in(r, &good, &dot, "an"), ST_E_DENIED);
    assert_int_equal(let_in(r, &good, &dot, "office"), ST_OK);
    assert_string_equal(rig_value(r, &good, "general_note", NULL), "được");
}

/* What no person can overrule is said to be so, and why. */
static void test_what_the_office_cannot_let_in(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id unknown = rig_visit(&an, "biểu mẫu lạ");
    an.changes[0].form_version = 99;
    const st_dot form = an.changes[0].dot;
    (void)rig_set(&an, &unknown, "place", "sau", NULL);
    assert_int_equal(push(&an), ST_HOLD_FORM);
    assert_int_equal(let_in(r, &unknown, &form, "office"), ST_E_STATE);
    const st_dot behind = { an.device, form.counter + 1 };
    assert_int_equal(let_in(r, &unknown, &behind, "office"), ST_E_STATE);
    rig_begin(&an, "01477/catalogue");
    st_id strayed = rig_visit(&an, NULL);
    const st_dot bucket = an.changes[0].dot;
    assert_int_equal(push(&an), ST_HOLD_BUCKET);
    assert_int_equal(let_in(r, &strayed, &bucket, "office"), ST_E_STATE);
}

/* Two changes of a device wait for one record, each in another bucket: the first goes in when the
 * record comes, the other is found to lie in a wrong place. */
static void test_what_waits_in_two_buckets(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    sync_held held;
    store_txn txn = { 0 };
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice later = rig_seal(&an);
    rig_begin(&binh, RIG_BUCKET);
    (void)rig_set(&binh, &visit, "place", "một", NULL);
    assert_int_equal(push(&binh), ST_HOLD_NO_RECORD);
    rig_begin(&binh, RIG_OTHER);
    const st_dot second = rig_set(&binh, &visit, "general_note", "hai", NULL);
    assert_int_equal(push(&binh), ST_HOLD_WAITS);
    assert_int_equal(rig_push_one(&an, later, NULL), ST_VERDICT_STORED);
    size_t places = 0;
    (void)rig_value(r, &visit, "place", &places);
    assert_int_equal(places, 2); /* his, and the one that waited for it */
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_by_dot(&txn, &visit, &second, &held, NULL), ST_OK);
    assert_int_equal(held.reason, ST_HOLD_BUCKET);
    store_end(&txn);
    assert_string_equal(rig_value(r, &visit, "general_note", NULL), "gốc");
}

/* ---- more than one request may bring ---- */

/* More sets than one request has, or too little memory for the next one: said, and what was added
 * stays as it is. Of what a device says is gone, the first sixty-four count. */
static void test_more_than_one_request_brings(void **state)
{
    rig *r = *state;
    static rig_phone an;
    static st_gone gone[66];
    sync_request request;
    store_txn txn = { 0 };
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "x");
    store_slice set = rig_seal(&an);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    sync_request_init(&request, (size_t)64 << 20);
    assert_int_equal(sync_request_add(&request, &r->srv.sync, &txn, set, NULL), ST_OK);
    assert_int_equal(sync_request_add(&request, &r->srv.sync, &txn, set, NULL), ST_E_TOO_LARGE);
    assert_int_equal(request.items_count, 1);
    request.items_count = SYNC_SETS_MAX;
    assert_int_equal(sync_request_add(&request, &r->srv.sync, &txn, set, NULL), ST_E_TOO_LARGE);
    request.items_count = 1;
    store_end(&txn);
    sync_request_free(&request);
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
    uint64_t before = an.last;
    for (size_t i = 0; i < LEN(gone); i++) /* every other one is lost, and told */
        gone[i].from = gone[i].to = before + 1 + 2 * i;
    static store_slice kept[LEN(gone)];
    for (size_t i = 0; i < LEN(gone); i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, NULL);
        (void)rig_seal(&an);
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, NULL);
        kept[i] = rig_seal(&an);
    }
    assert_int_equal(rig_push(&an, &request, kept, LEN(gone)), ST_OK);
    sync_request_free(&request);
    const st_ask ask = { .version = 1, .gone = gone, .gone_count = LEN(gone) };
    sync_request_init(&request, 1u << 20);
    request.device.id = an.device;
    request.ask = &ask;
    assert_int_equal(sync_request_submit(&request, r->srv.writer, NULL), ST_OK);
    sync_request_free(&request);
    sets_head head;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sets_head_get(&txn, &an.device, &head, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(head.known, before + 128);
    assert_int_equal(head.last, before + 2 * LEN(gone));
}

/* What is said of a held change beside its reason: what of the form it broke. */
static void test_what_the_office_is_told(void **state)
{
    rig *r = *state;
    static rig_phone an;
    char detail[ST_FORM_DETAIL_BYTES];
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    assert_int_equal(push(&an), ST_HOLD_NONE);
    static const struct {
        const char *why;
        st_hold want;
        bool has_detail;
    } CASES[] = {
        { "an office's field", ST_HOLD_ROLE, true },
        { "a text for a date", ST_HOLD_VALUE, true },
        { "a field that is none", ST_HOLD_FORM, true },
        { "a form that nobody published", ST_HOLD_FORM, false },
        { "a record that is not there", ST_HOLD_NO_RECORD, false },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_id nothing = { { 9 } };
        rig_begin(&an, RIG_BUCKET);
        st_id id = visit;
        if (i == 3) {
            id = rig_visit(&an, NULL);
            an.changes[0].form_version = 99;
        } else {
            id = i == 4 ? nothing : visit;
            st_change *change = rig_change(&an, &id);
            st_op *op =
                rig_op(&an, change, "visit", i == 0 ? "ratings.m1.accepted_rating" : "visit_date",
                       i == 0 ? "dat" : "2026-03-13");
            if (i == 1)
                op->value =
                    (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"mai", .len = 3 };
            if (i == 2)
                op->path.field = 899;
        }
        const st_dot dot = an.changes[0].dot;
        st_hold hold = push(&an);
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(hold == ST_HOLD_WAITS ? CASES[i].want : hold, CASES[i].want);
        sync_held held;
        store_txn txn = { 0 };
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_held_by_dot(&txn, &id, &dot, &held, NULL), ST_OK);
        held.reason = CASES[i].want;
        assert_int_equal(sync_held_detail(&r->srv.sync, &txn, &held, detail, NULL), ST_OK);
        assert_true((detail[0] != '\0') == CASES[i].has_detail);
        store_end(&txn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_acts_a_record_takes),
        cmocka_unit_test(test_what_is_not_finalised),
        cmocka_unit_test(test_written_under_a_decision),
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_the_unit_a_visit_names),
        cmocka_unit_test(test_what_no_replica_could_fold),
        cmocka_unit_test(test_what_the_office_is_told),
        cmocka_unit_test(test_whose_period_it_is),
        cmocka_unit_test(test_a_phone_ends_no_lock),
        cmocka_unit_test(test_what_the_office_cannot_let_in),
        cmocka_unit_test(test_what_waits_in_two_buckets),
        cmocka_unit_test(test_more_than_one_request_brings),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
