/* tests/unit/both/test_settled.c
 * Acts that stand against each other are settled by who may take such a step, and by nobody who
 * only calls it settling: on a phone and at the office by the same rules. A locked period is opened
 * by a decision alone, and till then nothing changes in it. */
#include "tests/unit/both/acts.h"

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
    char hex[33];
} desk;

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    world_make_with(&d.w, 1, (world_how){ 2, false });
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    KIT_EXPECT(0, &d.w.book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

static void sync_both(desk *d)
{
    for (int i = 0; i < 2; i++) {
        sync_phone_well(&d->w, d->an, NULL);
        sync_phone_well(&d->w, d->binh, NULL);
    }
}

static void nothing_waits(desk *d)
{
    KIT_EXPECT(0, &d->w.book, "held", "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), "\"held\":[]"));
}

static void server_says(desk *d, const char *hex, const char *text)
{
    KIT_EXPECT(0, &d->w.book, "show", hex, "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), text));
}

static void finalised_visit(desk *d)
{
    d->visit = phone_visit(d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
    assert_int_equal(sotay_record_finalise(d->an->client, &d->visit, &d->an->error), SOTAY_OK);
    sync_both(d);
}

/* The office approves it while its author takes it back; both phones have heard of both. */
static void approved_and_withdrawn(desk *d)
{
    finalised_visit(d);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "under_review", "--as", "office");
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "approved", "--as", "office");
    assert_int_equal(sotay_record_withdraw(d->an->client, &d->visit, "nhầm", &d->an->error),
                     SOTAY_OK);
}

static int office_keeps(desk *d, st_act_kind kind, const char *login)
{
    char text[ST_DOT_TEXT_BYTES];
    const st_dot dot = act_of(d->an, &d->visit, kind);
    st_dot_format(&dot, text);
    return KIT_CALL(&d->w.book, "resolve", d->hex, "state", "--keep", text, "--as", login,
                    "--reason", "đã hỏi");
}

/* ---- a period ---- */

static void period_of_2026(desk *d, sotay_id *out, char hex[33])
{
    KIT_EXPECT(0, &d->w.book, "records", "--form", "period", "--state", "locked", "--json");
    const char *at = strstr(KIT_OUT(&d->w.book), "\"id\":\"");
    assert_non_null(at);
    (void)snprintf(hex, 33, "%.32s", at + strlen("\"id\":\""));
    assert_true(sotay_id_parse(hex, out));
}

/* Whoever has it, of whatever role: a phone takes no lock back and makes none. */
static void test_no_phone_unlocks_a_period(void **state)
{
    desk *d = *state;
    static const char *const ROLES[] = { "+office", "+council_chair" };
    static const st_act_kind KEPT[] = { ST_ACT_NONE, ST_ACT_LOCK };
    sotay_id period;
    char hex[33];
    KIT_EXPECT(0, &d->w.book, "move", "2026", "locked", "--as", "office");
    period_of_2026(d, &period, hex);
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        KIT_EXPECT(0, &d->w.book, "role", "an", ROLES[i]);
        sync_both(d);
        for (size_t k = 0; k < sizeof KEPT / sizeof KEPT[0]; k++) {
            const st_dot dot = act_of(d->an, &period, KEPT[k]);
            assert_int_equal(keep_state(d->an, &period, &dot), SOTAY_E_STATE);
            assert_non_null(strstr(d->an->error.detail, "the period is locked"));
        }
        assert_int_equal(sotay_record_withdraw(d->an->client, &period, "x", &d->an->error),
                         SOTAY_E_STATE);
        assert_int_equal(sotay_record_reopen(d->an->client, &period, "x", &d->an->error),
                         SOTAY_E_STATE);
    }
    server_says(d, hex, "\"state\":\"locked\"");
}

/* Withdrawn on a phone that had not heard of the lock: the office settles that by the lock, or
 * opens the period by a decision, and by nothing that is less. */
static void test_a_lock_is_not_settled_away(void **state)
{
    desk *d = *state;
    sotay_id period;
    KIT_EXPECT(0, &d->w.book, "role", "an", "+office");
    sync_both(d);
    KIT_EXPECT(0, &d->w.book, "move", "2026", "locked", "--as", "office");
    period_of_2026(d, &period, d->hex);
    d->visit = period;
    assert_int_equal(sotay_record_withdraw(d->an->client, &period, "nhầm năm", &d->an->error),
                     SOTAY_OK);
    sync_both(d);
    nothing_waits(d);
    server_says(d, d->hex, "\"state_conflict\":true");
    assert_int_equal(office_keeps(d, ST_ACT_WITHDRAW, "office"), 1);
    assert_true(kit_says(KIT_ERR(&d->w.book), "move PERIOD reopened --decision NO"));
    assert_int_equal(office_keeps(d, ST_ACT_NONE, "office"), 1);
    assert_int_equal(office_keeps(d, ST_ACT_LOCK, "office"), 0);
    server_says(d, d->hex, "\"state\":\"locked\"");
    server_says(d, d->hex, "\"state_conflict\":false");
}

/* ---- a record of a locked period ---- */

/* What comes late and is let in may stand against an approval. It stands so till the period is
 * opened again, whoever wants to settle it, and each is told that. */
static void test_a_locked_period_is_opened_first(void **state)
{
    desk *d = *state;
    static const st_act_kind KEPT[] = { ST_ACT_APPROVE, ST_ACT_WITHDRAW, ST_ACT_NONE };
    kit_book *book = &d->w.book;
    approved_and_withdrawn(d);
    KIT_EXPECT(0, book, "move", "2026", "locked", "--as", "office");
    sync_both(d);
    KIT_EXPECT(0, book, "held", "accept", "1", "--as", "office", "--reason", "đúng là nhầm");
    sync_both(d);
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        const st_dot dot = act_of(d->an, &d->visit, KEPT[i]);
        assert_int_equal(keep_state(d->an, &d->visit, &dot), SOTAY_E_STATE);
        assert_non_null(strstr(d->an->error.detail, "ask the office"));
        assert_int_equal(office_keeps(d, KEPT[i], "head"), 1);
        assert_true(kit_says(KIT_ERR(book), "move PERIOD reopened --decision NO"));
    }
    book->lang = "vi";
    assert_int_equal(office_keeps(d, ST_ACT_APPROVE, "head"), 1);
    assert_true(kit_says(KIT_ERR(book), "mở lại kỳ: `move KỲ reopened --decision SỐ`"));
    KIT_EXPECT(1, book, "move", d->hex, "void", "--as", "office", "--reason", "x");
    assert_true(kit_says(KIT_ERR(book), "mở lại kỳ trước"));
    book->lang = "en";
    KIT_EXPECT(1, book, "move", d->hex, "void", "--as", "office", "--reason", "x");
    assert_true(kit_says(KIT_ERR(book), "open that again before"));
    KIT_EXPECT(0, book, "move", "2026", "reopened", "--as", "office", "--decision", "7/QĐ-HĐ");
    assert_int_equal(office_keeps(d, ST_ACT_APPROVE, "office"), 0);
    KIT_EXPECT(0, book, "move", "2026", "locked", "--as", "office");
    sync_both(d);
    server_says(d, d->hex, "\"state\":\"approved\"");
    server_says(d, d->hex, "\"state_conflict\":false");
    nothing_waits(d);
}

/* ---- what the office decided ---- */

/* Back from an approval leads office_head's way alone, and by no act that was ended. */
static void test_an_approval_is_not_settled_away(void **state)
{
    desk *d = *state;
    approved_and_withdrawn(d);
    sync_both(d);
    assert_int_equal(office_keeps(d, ST_ACT_REVIEW, "head"), 1); /* it was ended */
    assert_true(kit_says(KIT_ERR(&d->w.book), "Not found"));
    assert_int_equal(office_keeps(d, ST_ACT_FINALISE, "head"), 1);
    assert_int_equal(office_keeps(d, ST_ACT_WITHDRAW, "office"), 1);
    assert_true(kit_says(KIT_ERR(&d->w.book), "may let that hold"));
    assert_int_equal(office_keeps(d, ST_ACT_NONE, "office"), 1);
    server_says(d, d->hex, "\"state_conflict\":true");
    assert_int_equal(office_keeps(d, ST_ACT_WITHDRAW, "head"), 0);
    server_says(d, d->hex, "\"state\":\"withdrawn\"");
}

static void test_the_office_keeps_its_approval(void **state)
{
    desk *d = *state;
    KIT_EXPECT(0, &d->w.book, "user", "add", "chair", "--name", "Chair", "--role",
               "council_chair");
    approved_and_withdrawn(d);
    sync_both(d);
    assert_int_equal(office_keeps(d, ST_ACT_APPROVE, "chair"), 1);
    assert_int_equal(office_keeps(d, ST_ACT_APPROVE, "office"), 0);
    server_says(d, d->hex, "\"state\":\"approved\"");
}

/* ---- on a phone ---- */

/* Where nothing stands against anything, settling is no way round what a phone may not do. */
static void test_nothing_to_settle(void **state)
{
    desk *d = *state;
    static const st_act_kind KEPT[] = { ST_ACT_NONE, ST_ACT_FINALISE };
    finalised_visit(d);
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        const st_dot dot = act_of(d->binh, &d->visit, KEPT[i]);
        assert_int_equal(keep_state(d->binh, &d->visit, &dot), SOTAY_E_STATE);
        assert_non_null(strstr(d->binh->error.detail, "no different opinions"));
        assert_int_equal(office_keeps(d, KEPT[i], "head"), 1);
        assert_true(kit_says(KIT_ERR(&d->w.book), "no different opinions"));
    }
    assert_true(phone_status_says(d->binh, "\"ready\":0"));
}

/* binh writes what an has withdrawn meanwhile; both know it now. */
static void withdrawn_and_written(desk *d, const char *path, const char *value)
{
    assert_int_equal(sotay_record_withdraw(d->an->client, &d->visit, "nhầm", &d->an->error),
                     SOTAY_OK);
    assert_int_equal(phone_set(d->binh, &d->visit, path, value), SOTAY_OK);
    sync_both(d);
    assert_true(phone_says(d->binh, sotay_show, &d->visit, "\"state_conflict\":true"));
}

/* Only what is in force can hold, and a value that is live; and where somebody settled it first,
 * who comes second is told so, and loses nothing. */
static void test_what_can_hold(void **state)
{
    desk *d = *state;
    d->visit = phone_visit(d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
    sync_both(d);
    assert_int_equal(phone_set(d->binh, &d->visit, "place", "bến"), SOTAY_OK);
    const st_dot replaced = last_of(d->binh);
    sync_both(d);
    assert_int_equal(phone_set(d->an, &d->visit, "place", "trạm"), SOTAY_OK);
    sync_both(d);
    withdrawn_and_written(d, "general_note", "còn thiếu");
    const st_dot note = last_of(d->binh);
    assert_int_equal(keep_state(d->binh, &d->visit, &replaced), SOTAY_E_NOT_FOUND);
    const st_dot withdrawal = act_of(d->binh, &d->visit, ST_ACT_WITHDRAW);
    assert_int_equal(keep_state(d->binh, &d->visit, &note), SOTAY_OK);
    assert_int_equal(keep_state(d->an, &d->visit, &withdrawal), SOTAY_OK); /* neither knows */
    sync_both(d);
    nothing_waits(d);
    server_says(d, d->hex, "\"state_conflict\":true"); /* nobody overwrites the other */
    assert_int_equal(keep_state(d->an, &d->visit, &withdrawal), SOTAY_E_NOT_FOUND); /* ended */
    const st_dot open = act_of(d->an, &d->visit, ST_ACT_OPEN);
    assert_int_equal(keep_state(d->an, &d->visit, &open), SOTAY_OK);
    sync_both(d);
    assert_int_equal(keep_state(d->binh, &d->visit, &open), SOTAY_E_STATE); /* settled */
    server_says(d, d->hex, "\"state\":\"draft\"");
    nothing_waits(d);
}

/* Who keeps a finalise makes one: what lacks keeps him from it. */
static void test_the_gate_of_a_finalise(void **state)
{
    desk *d = *state;
    d->visit = phone_visit(d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
    sync_both(d);
    assert_int_equal(sotay_record_finalise(d->binh->client, &d->visit, &d->binh->error), SOTAY_OK);
    assert_int_equal(phone_set(d->an, &d->visit, "visit_date", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_withdraw(d->an->client, &d->visit, "nhầm", &d->an->error),
                     SOTAY_OK);
    sync_both(d);
    const st_dot finalise = act_of(d->an, &d->visit, ST_ACT_FINALISE);
    assert_int_equal(keep_state(d->an, &d->visit, &finalise), SOTAY_E_STATE);
    assert_non_null(strstr(d->an->error.detail, "visit_date: it is needed"));
    const sotay_pair value = { "visit_date", "2026-11-01" };
    const sotay_pairs pairs = { &value, 1 };
    assert_int_equal(sotay_record_amend(d->an->client, &d->visit, pairs, "quên", &d->an->error),
                     SOTAY_OK);
    assert_int_equal(keep_state(d->an, &d->visit, &finalise), SOTAY_OK);
    sync_both(d);
    server_says(d, d->hex, "\"state\":\"received\"");
    server_says(d, d->hex, "\"state_conflict\":false");
    nothing_waits(d);
}

/* ---- roles ---- */

/* An act goes in the first role that may make it, and where there is none its author hears it. */
static void test_the_role_of_an_act(void **state)
{
    desk *d = *state;
    static const sotay_pair LIST[] = { { "period_id", "2026" } };
    const sotay_pairs pairs = { LIST, 1 };
    sotay_id report, unit;
    KIT_EXPECT(0, &d->w.book, "role", "an", "+office");
    sync_both(d);
    assert_int_equal(sotay_record_new(d->an->client, "unit_report", KIT_UNIT, pairs, &report,
                                      &d->an->error), SOTAY_OK);
    assert_int_equal(sotay_record_withdraw(d->an->client, &report, "x", &d->an->error), SOTAY_OK);
    sync_both(d);
    nothing_waits(d);
    sotay_id_format(&report, d->hex);
    server_says(d, d->hex, "\"state\":\"withdrawn\"");
    KIT_EXPECT(0, &d->w.book, "records", "--form", "unit", "--json");
    const char *at = strstr(KIT_OUT(&d->w.book), "\"id\":\"");
    (void)snprintf(d->hex, sizeof d->hex, "%.32s", at + strlen("\"id\":\""));
    assert_true(sotay_id_parse(d->hex, &unit));
    assert_int_equal(sotay_record_withdraw(d->binh->client, &unit, "x", &d->binh->error),
                     SOTAY_E_DENIED); /* an officer makes no units */
    assert_non_null(strstr(d->binh->error.detail, "this role"));
    finalised_visit(d);
    KIT_EXPECT(0, &d->w.book, "role", "binh", "+auditor", "-officer");
    sync_both(d);
    assert_int_equal(sotay_record_withdraw(d->binh->client, &d->visit, "x", &d->binh->error),
                     SOTAY_E_DENIED);
    assert_true(phone_status_says(d->binh, "\"ready\":0"));
}

#define DESK(test) cmocka_unit_test_setup_teardown(test, desk_open, desk_close)

/* ---- a value ---- */

static int keep_value(phone *p, const sotay_id *record, const char *path, const char *keep)
{
    const sotay_resolution wish = { path, keep, keep == NULL ? "khac" : NULL, NULL, "đã hỏi" };
    return sotay_record_resolve(p->client, record, &wish, &p->error);
}

/* Where one value stands there is nothing to settle: it is written by `set`, by who may. */
static void test_a_value_that_nobody_disputes(void **state)
{
    desk *d = *state;
    static const char *const PATHS[] = { "general_note", "place" };
    char dot[64], *json;
    d->visit = phone_visit(d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
    assert_int_equal(phone_set(d->an, &d->visit, "general_note", "một"), SOTAY_OK);
    sync_both(d);
    json = shown(d->an, &d->visit);
    find_dot(json, "\"một\"", dot);
    sotay_text_free(json);
    for (int keeps = 0; keeps < 2; keeps++) {
        for (size_t i = 0; i < (keeps ? 1 : 2); i++) {
            assert_int_equal(keep_value(d->an, &d->visit, PATHS[i], keeps ? dot : NULL),
                             SOTAY_E_STATE);
            assert_non_null(strstr(d->an->error.detail, ": there are no different opinions"));
        }
    }
    KIT_EXPECT(1, &d->w.book, "resolve", d->hex, "general_note", "--keep", dot, "--as", "office",
               "--reason", "đã hỏi");
    assert_true(kit_says(KIT_ERR(&d->w.book), "there are no different opinions"));
    json = shown(d->an, &d->visit);
    assert_null(strstr(json, "settlements"));
    sotay_text_free(json);
}

/* Two corrected a finalised record without knowing of each other: the office settles that. Who
 * tries it on a phone is told so, and not that he adds or drops something. */
static void test_two_amendments(void **state)
{
    desk *d = *state;
    static const char *const NOTES[] = { "của An", "của Bình" };
    char dot[64], *json;
    finalised_visit(d);
    for (int i = 0; i < 2; i++) {
        phone *p = i == 0 ? d->an : d->binh;
        const sotay_pair note = { "general_note", NOTES[i] };
        const sotay_pairs pairs = { &note, 1 };
        assert_int_equal(sotay_record_amend(p->client, &d->visit, pairs, "quên", &p->error),
                         SOTAY_OK);
    }
    sync_both(d);
    json = shown(d->an, &d->visit);
    find_dot(json, "\"của An\"", dot);
    sotay_text_free(json);
    for (int keeps = 0; keeps < 2; keeps++) {
        assert_int_equal(keep_value(d->an, &d->visit, "general_note", keeps ? dot : NULL),
                         SOTAY_E_STATE);
        assert_string_equal(d->an->error.detail,
                            "the record is finalised; ask the office to settle it");
    }
    KIT_EXPECT(0, &d->w.book, "resolve", d->hex, "general_note", "--keep", dot, "--as", "office",
               "--reason", "đã hỏi");
    sync_both(d);
    assert_true(phone_says(d->an, sotay_show, &d->visit, "\"open_conflicts\":0"));
    nothing_waits(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK(test_no_phone_unlocks_a_period),
        DESK(test_a_lock_is_not_settled_away),
        DESK(test_a_locked_period_is_opened_first),
        DESK(test_an_approval_is_not_settled_away),
        DESK(test_the_office_keeps_its_approval),
        DESK(test_nothing_to_settle),
        DESK(test_what_can_hold),
        DESK(test_the_gate_of_a_finalise),
        DESK(test_the_role_of_an_act),
        DESK(test_a_value_that_nobody_disputes),
        DESK(test_two_amendments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
