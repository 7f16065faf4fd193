/* tests/unit/server/test_lock.c
 * A year that was reported is closed: what comes for it later waits for the office, by the date of
 * a visit - the one it has or the one it is given - and by the period of a report; what is of
 * another time, or of none, goes in, and all of it again when the period is opened. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/pack.h"
#include "server/sync/lock.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
    rig r;
    rig_phone an, office;
} desk;

static int setup(void **state)
{
    static desk d;
    rig_open(&d.r);
    rig_enrol(&d.r, &d.an, "an");
    rig_enrol(&d.r, &d.office, "office");
    d.office.role = ST_ROLE_OFFICE;
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    desk *d = *state;
    assert_int_equal(rig_verify(&d->r), 0); /* the locks, too, are a fold of the log */
    rig_close(&d->r);
    return 0;
}

static st_hold push(rig_phone *phone)
{
    st_hold hold = ST_HOLD_NONE;
    (void)rig_push_one(phone, rig_seal(phone), &hold);
    return hold;
}

/* The office locks the period, or opens it. */
static void act_on(desk *d, const st_id *period, st_act_kind act)
{
    sync_edit edit = { .record = *period, .act = act };
    sync_draft draft = { .actor = d->office.person, .role = ST_ROLE_OFFICE, .edits = &edit,
                         .edits_count = 1 };
    sync_authored authored = { .records = NULL };
    assert_true(st_bucket_set(&draft.bucket, "01477/catalogue", 15));
    assert_int_equal(sync_author(d->r.srv.writer, &draft, &authored, NULL), ST_OK);
}

static st_id make_period(desk *d, const char *name, const char *kind, const char *from,
                         const char *to)
{
    const char *fields[] = {
        "period_id", name, "movement_id", "pt", "kind", kind, from != NULL ? "from" : NULL, from,
        "to",        to,   NULL
    };
    return rig_author(&d->r, "period", fields);
}

/* A visit of the day; "" : of none. */
static st_hold visit_of(desk *d, const char *day, st_id *out_visit)
{
    rig_begin(&d->an, RIG_BUCKET);
    st_change *change = rig_change(&d->an, NULL);
    assert_true(st_code_set(&change->form, "visit", 5));
    change->form_version = 1;
    (void)rig_op(&d->an, change, "visit", "unit_id", RIG_UNIT);
    (void)rig_op(&d->an, change, "visit", "visit_kind", "kiem_tra");
    if (day[0] != '\0')
        (void)rig_op(&d->an, change, "visit", "visit_date", day);
    *out_visit = change->record;
    return push(&d->an);
}

static st_hold report_of(desk *d, const char *form, const char *period)
{
    bool is_units = strcmp(form, "unit_report") == 0;
    rig_begin(&d->office, is_units ? RIG_BUCKET : "01477/council");
    st_change *change = rig_change(&d->office, NULL);
    assert_true(st_code_set(&change->form, form, strlen(form)));
    change->form_version = 1;
    (void)rig_op(&d->office, change, form, "unit_id", RIG_UNIT);
    (void)rig_op(&d->office, change, form, "period_id", period);
    return push(&d->office);
}

static void test_a_year_is_closed_by_its_days(void **state)
{
    desk *d = *state;
    static const struct {
        const char *day;
        st_hold want;
    } CASES[] = {
        { "2024-12-31", ST_HOLD_NONE }, { "2025-01-01", ST_HOLD_LATE },
        { "2025-07-01", ST_HOLD_LATE }, { "2025-12-31", ST_HOLD_LATE },
        { "2026-01-01", ST_HOLD_NONE }, { "", ST_HOLD_NONE },
    };
    st_id visits[LEN(CASES)], late;
    const st_id year = make_period(d, "2025", "year", "2025-01-01", "2025-12-31");
    for (size_t i = 0; i < LEN(CASES); i++)
        assert_int_equal(visit_of(d, CASES[i].day, &visits[i]), ST_HOLD_NONE);
    act_on(d, &year, ST_ACT_LOCK);
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: of '%s'\n", CASES[i].day);
        assert_int_equal(visit_of(d, CASES[i].day, &late), CASES[i].want);
        rig_begin(&d->an, RIG_BUCKET);
        (void)rig_set(&d->an, &visits[i], "place", "sau", NULL);
        assert_int_equal(push(&d->an), CASES[i].want);
        rig_begin(&d->an, RIG_BUCKET); /* and what is moved into it */
        (void)rig_set(&d->an, &visits[i], "visit_date", "2025-03-03", NULL);
        st_hold hold = push(&d->an);
        assert_true(hold == ST_HOLD_LATE || (hold == ST_HOLD_WAITS && CASES[i].want != 0));
    }
    act_on(d, &year, ST_ACT_OPEN);
    assert_int_equal(visit_of(d, "2025-07-01", &late), ST_HOLD_NONE);
}

static void test_a_report_is_closed_by_its_period(void **state)
{
    desk *d = *state;
    static const char *const FORMS[] = { "unit_report", "assessment" };
    const st_id one = make_period(d, "2023", "year", "2023-01-01", "2023-12-31");
    const st_id two = make_period(d, "2023-sk", "interim", "2023-01-01", "2023-06-30");
    act_on(d, &one, ST_ACT_LOCK);
    act_on(d, &two, ST_ACT_LOCK);
    for (size_t i = 0; i < LEN(FORMS); i++) {
        assert_int_equal(report_of(d, FORMS[i], "2023"), ST_HOLD_LATE);
        assert_int_equal(report_of(d, FORMS[i], "2023-sk"), ST_HOLD_LATE);
        assert_int_equal(report_of(d, FORMS[i], "2023-sx"), ST_HOLD_NONE);
        assert_int_equal(report_of(d, FORMS[i], "2024"), ST_HOLD_NONE);
    }
    act_on(d, &two, ST_ACT_OPEN);
    assert_int_equal(report_of(d, FORMS[0], "2023-sk"), ST_HOLD_NONE);
    assert_int_equal(report_of(d, FORMS[0], "2023"), ST_HOLD_LATE);
}

/* An interim review, and a year that lacks a day, close reports and no visits. */
static void test_a_period_without_days_closes_no_visit(void **state)
{
    desk *d = *state;
    st_id visit;
    const st_id interim = make_period(d, "2022-sk", "interim", "2022-01-01", "2022-06-30");
    const st_id no_begin = make_period(d, "2022", "year", NULL, NULL);
    const char *fields[] = { "period_id", "2021", "movement_id", "pt", "kind",
                             "year",      "from", "2021-01-01",  NULL };
    const st_id no_end = rig_author(&d->r, "period", fields);
    act_on(d, &interim, ST_ACT_LOCK);
    act_on(d, &no_begin, ST_ACT_LOCK);
    act_on(d, &no_end, ST_ACT_LOCK);
    assert_int_equal(visit_of(d, "2022-03-03", &visit), ST_HOLD_NONE);
    assert_int_equal(visit_of(d, "2021-03-03", &visit), ST_HOLD_NONE);
    assert_int_equal(report_of(d, "unit_report", "2022"), ST_HOLD_LATE);
    assert_int_equal(report_of(d, "unit_report", "2021"), ST_HOLD_LATE);
}

/* A record that is of no period may always be written. */
static void test_what_is_of_no_period(void **state)
{
    desk *d = *state;
    const st_id year = make_period(d, "2020", "year", "2020-01-01", "2030-12-31");
    act_on(d, &year, ST_ACT_LOCK);
    rig_begin(&d->an, RIG_BUCKET);
    st_change *change = rig_change(&d->an, NULL);
    assert_true(st_code_set(&change->form, "difficulty", 10));
    change->form_version = 1;
    (void)rig_op(&d->an, change, "difficulty", "unit_id", RIG_UNIT);
    assert_int_equal(push(&d->an), ST_HOLD_NONE);
    act_on(d, &year, ST_ACT_OPEN);
}

/* A damaged row says so: nothing is let in on the strength of half of it. */
static void test_a_damaged_lock_is_said(void **state)
{
    desk *d = *state;
    st_arena arena;
    sync_locks locks;
    store_txn txn = { 0 };
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(store_begin(d->r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_locks_load(&txn, &arena, &locks, NULL), ST_OK);
    assert_true(locks.count > 0);
    assert_int_equal(
        store_put(&txn, STORE_LOCK, store_text("\xff"), store_text("half a row"), NULL), ST_OK);
    assert_int_equal(sync_locks_load(&txn, &arena, &locks, NULL), ST_E_CORRUPT);
    store_end(&txn);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_year_is_closed_by_its_days),
        cmocka_unit_test(test_a_report_is_closed_by_its_period),
        cmocka_unit_test(test_a_period_without_days_closes_no_visit),
        cmocka_unit_test(test_what_is_of_no_period),
        cmocka_unit_test(test_a_damaged_lock_is_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
