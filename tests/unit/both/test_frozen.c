/* tests/unit/both/test_frozen.c
 * A client that is not ours writes on in a record that was finalised. Nobody shows that: not the
 * phone that has it by hand before any verdict, not its own, not the server, not who reads what the
 * office declined. Only the office can let it in. */
#include "tests/unit/both/acts.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/meet.h"

#define FROZEN "viết sau khi xong"

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
    char hex[33], device[33]; /* device: an's */
} desk;

static int desk_open(void **state)
{
    static desk d;
    sotay_who who;
    memset(&d, 0, sizeof d);
    world_make_with(&d.w, 1, (world_how){ 2, false });
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    sync_phone_well(&d.w, d.an, NULL); /* they know of each other */
    sotay_whoami(d.an->client, &who);
    sotay_id_format(&who.device, d.device);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

/* The change that an saved last, as that other client would have saved it: the same value, under
 * the same finalise, and no amendment. */
static void unamend_last(phone *p)
{
    st_arena arena;
    st_set set;
    st_error error = { ST_OK, "" };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    const st_dot dot = { p->client->me.device, p->client->me.counter };
    assert_int_equal(overlay_set_get(p->client, &dot, 0, &arena, &set, &error), ST_OK);
    assert_true(set.changes[0].amend);
    set.changes[0].amend = false;
    set.changes[0].ops_count = 1; /* the value, without the item that says why */
    assert_true(st_change_is_frozen(&set.changes[0]));
    assert_int_equal(edit_change_put(p->client, &set, &error), ST_OK);
    assert_int_equal(overlay_row_refresh(p->client, &set.changes[0].record, &error), ST_OK);
    assert_int_equal(client_commit(p->client, &error), ST_OK);
    st_arena_reset(&arena);
}

static void finalise_and_write(desk *d)
{
    const sotay_pair value = { "place", FROZEN };
    const sotay_pairs pairs = { &value, 1 };
    assert_int_equal(sotay_record_finalise(d->an->client, &d->visit, &d->an->error), SOTAY_OK);
    assert_int_equal(sotay_record_amend(d->an->client, &d->visit, pairs, "đã hỏi", &d->an->error),
                     SOTAY_OK);
    unamend_last(d->an);
}

static void make_record(desk *d)
{
    d->visit = phone_visit(d->an, "chợ");
    sotay_id_format(&d->visit, d->hex);
}

/* In the record, and in the list that is searched. */
static bool has(phone *p, const sotay_id *visit, const char *text)
{
    char *json = shown(p, visit), *list = NULL;
    const sotay_filter words = { .text = text };
    bool is_shown = strstr(json, text) != NULL;
    sotay_text_free(json);
    assert_int_equal(sotay_list(p->client, &words, SOTAY_JSON, &list, &p->error), SOTAY_OK);
    bool is_listed = strstr(list, "\"id\":") != NULL;
    sotay_text_free(list);
    if (is_shown != is_listed)
        fail_msg("'%s': shown %d, listed %d", text, is_shown, is_listed);
    return is_shown;
}

static bool server_has(desk *d, const char *text)
{
    KIT_EXPECT(0, &d->w.book, "show", d->hex, "--json");
    return strstr(KIT_OUT(&d->w.book), text) != NULL;
}

/* What binh was given by hand is read at once, and of it what may be read. */
static void check_carried(desk *d)
{
    finalise_and_write(d);
    assert_true(has(d->an, &d->visit, "chợ") && !has(d->an, &d->visit, FROZEN));
    meet_well(d->an, d->binh);
    assert_true(phone_says(d->binh, sotay_history, &d->visit, FROZEN)); /* it is here */
    assert_true(has(d->binh, &d->visit, "chợ") && !has(d->binh, &d->visit, FROZEN));
    sync_phone_well(&d->w, d->binh, NULL); /* he brings it: it is held */
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(server_has(d, "chợ") && !server_has(d, FROZEN));
    assert_false(has(d->binh, &d->visit, FROZEN) || has(d->an, &d->visit, FROZEN));
    KIT_EXPECT(0, &d->w.book, "held", "--json");
    assert_non_null(strstr(KIT_OUT(&d->w.book), "\"reason\":\"frozen\""));
}

static void test_carried_with_its_record(void **state)
{
    desk *d = *state;
    make_record(d);
    check_carried(d);
}

static void test_carried_to_who_has_the_record(void **state)
{
    desk *d = *state;
    make_record(d);
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    check_carried(d);
}

static void test_the_office_lets_it_in(void **state)
{
    desk *d = *state;
    make_record(d);
    check_carried(d);
    KIT_EXPECT(0, &d->w.book, "held", "accept", "1", "--as", "office", "--reason", "đúng vậy");
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(server_has(d, FROZEN));
    assert_true(has(d->binh, &d->visit, FROZEN) && has(d->an, &d->visit, FROZEN));
}

/* A record that waits whole, and is declined whole, is read outside the book: without it, too. */
static void test_outside_the_book(void **state)
{
    desk *d = *state;
    make_record(d);
    KIT_EXPECT(0, &d->w.book, "device", "suspend", d->device);
    finalise_and_write(d);
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(server_has(d, "\"state\":\"held\"") && server_has(d, "chợ"));
    assert_false(server_has(d, FROZEN));
    assert_true(has(d->an, &d->visit, "chợ") && !has(d->an, &d->visit, FROZEN));
    KIT_EXPECT(0, &d->w.book, "held", "decline", "--device", d->device, "--as", "office",
               "--reason", "không phải");
    KIT_EXPECT(0, &d->w.book, "device", "suspend", d->device, "--lift");
    assert_true(server_has(d, "\"state\":\"declined\"") && server_has(d, "chợ"));
    assert_false(server_has(d, FROZEN));
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(phone_says(d->an, sotay_show, &d->visit, "\"state\":\"declined\""));
    assert_true(has(d->an, &d->visit, "chợ") && !has(d->an, &d->visit, FROZEN));
    assert_true(phone_says(d->an, sotay_history, &d->visit, FROZEN)); /* what he wrote, he reads */
}

/* The author finalises it, and the office begins to look at it. */
static void take_up(desk *d)
{
    make_record(d);
    assert_int_equal(sotay_record_finalise(d->an->client, &d->visit, &d->an->error), SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "under_review", "--as", "office");
}

/* The office has approved it while its author took it back: who has both is told that it is
 * approved, and writes nothing that would wait for the office. */
static void test_approved_against_a_withdrawal(void **state)
{
    desk *d = *state;
    take_up(d);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "approved", "--as", "office");
    assert_int_equal(sotay_record_withdraw(d->an->client, &d->visit, "nhầm xóm", &d->an->error),
                     SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    assert_true(phone_says(d->binh, sotay_show, &d->visit, "\"state_conflict\":true"));
    assert_int_equal(phone_set(d->binh, &d->visit, "place", "bến"), SOTAY_E_STATE);
    assert_non_null(strstr(d->binh->error.detail, "approved"));
    assert_true(phone_status_says(d->binh, "\"ready\":0"));
}

/* What the office has decided nobody settles on a phone: the server would hold each of these. */
static void test_the_office_settles_it(void **state)
{
    desk *d = *state;
    static const st_act_kind KEPT[] = { ST_ACT_APPROVE, ST_ACT_WITHDRAW, ST_ACT_NONE };
    test_approved_against_a_withdrawal(state);
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        const st_dot dot = act_of(d->binh, &d->visit, KEPT[i]);
        assert_int_equal(keep_state(d->binh, &d->visit, &dot), SOTAY_E_STATE);
        assert_non_null(strstr(d->binh->error.detail, "approved; ask the office"));
    }
    assert_true(phone_status_says(d->binh, "\"ready\":0"));
}

/* It gave the record back, and its author withdrew it meanwhile: he may keep that, and cannot give
 * it back himself. */
static void test_returned_against_a_withdrawal(void **state)
{
    desk *d = *state;
    take_up(d);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "returned", "--as", "office", "--reason", "thiếu");
    assert_int_equal(sotay_record_withdraw(d->an->client, &d->visit, "nhầm xóm", &d->an->error),
                     SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    st_dot dot = act_of(d->an, &d->visit, ST_ACT_RETURN);
    assert_int_equal(keep_state(d->an, &d->visit, &dot), SOTAY_E_STATE);
    assert_non_null(strstr(d->an->error.detail, "the office's"));
    dot = act_of(d->an, &d->visit, ST_ACT_WITHDRAW);
    assert_int_equal(keep_state(d->an, &d->visit, &dot), SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(phone_status_says(d->an, "\"held\":0"));
}

#define DESK(test) cmocka_unit_test_setup_teardown(test, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK(test_carried_with_its_record),
        DESK(test_carried_to_who_has_the_record),
        DESK(test_the_office_lets_it_in),
        DESK(test_outside_the_book),
        DESK(test_approved_against_a_withdrawal),
        DESK(test_the_office_settles_it),
        DESK(test_returned_against_a_withdrawal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
