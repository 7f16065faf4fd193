/* tests/unit/client-lib/test_sync.c
 * Two officers record without signal and sync when they can: both phones and the log then hold the
 * same values, nothing is lost when a reply is, and what the office holds or declines is seen. */
#include <stdio.h>

#include "client-lib/src/client.h"
#include "tests/unit/client-lib/phone.h"

static void test_two_phones_meet(void **state)
{
    (void)state;
    phone an, binh;
    sotay_report report;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.sent_changes, 1);
    assert_int_equal(report.requests, 1);
    assert_true(report.complete);
    assert_int_equal(edge_sync(e, binh.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.received_changes, 1);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"nhà văn hóa\""));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"author\":\"an\""));

    assert_int_equal(phone_set(&an, &visit, "general_note", "A"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "general_note", "B"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "ratings.a1.rating", "dat"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.received_changes, 2);
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2);
    assert_true(phone_says(&an, sotay_show, &visit, "\"open_conflicts\":1"));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"open_conflicts\":1"));
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.received_changes + report.sent_changes, 0);
    assert_int_equal(report.requests, 1);
    phone_part(e, &an, &binh);
}

/* Over a weak link an officer's work goes first: it is stored, nothing is fetched, and the next
 * sync fetches what was left. */
static void test_work_goes_out_before_anything_comes_in(void **state)
{
    (void)state;
    phone an, binh;
    sotay_report report;
    sotay_sync *sync = NULL;
    edge *e = phone_pair(&an, &binh);
    sotay_id theirs = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    sotay_id own = phone_visit(&binh, "trạm y tế");
    assert_int_equal(sotay_sync_begin(binh.client, &sync, NULL), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(edge_run(e, binh.client, sync, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.received_changes, 0);
    assert_false(report.complete);
    assert_true(phone_status_says(&binh, "\"ready\":0"));
    st_id id = phone_id(&own);
    assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
    assert_int_equal(edge_sync(e, binh.client, NULL, &report), SOTAY_OK);
    assert_true(report.complete);
    assert_int_equal(report.sent_changes, 0);
    assert_true(phone_says(&binh, sotay_show, &theirs, "\"nhà văn hóa\""));
    phone_part(e, &an, &binh);
}

static void test_a_lost_or_cut_reply_doubles_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        edge_trouble trouble;
        bool is_lost;
    } CASES[] = {
        { "the reply is lost", { 1, 0, 0, NULL }, true },
        { "the reply is cut early", { 0, 1, 0, NULL }, true },
        { "the reply is cut in the middle", { 0, 40, 0, NULL }, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone an;
        sotay_report report;
        print_message("  case: %s\n", CASES[i].why);
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "trạm y tế");
        assert_int_equal(edge_sync(e, an.client, &CASES[i].trouble, NULL), SOTAY_E_NETWORK);
        if (CASES[i].is_lost)
            assert_true(phone_status_says(&an, "\"ready\":1"));
        phone_crash(&an, false);
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        if (CASES[i].is_lost)
            assert_int_equal(report.duplicate, 1);
        assert_int_equal(e->sets_taken, 1);
        st_id id = phone_id(&visit);
        assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        assert_true(phone_status_says(&an, "\"sent\":1"));
        phone_part(e, &an, NULL);
    }
}

static void test_any_cut_of_the_bytes_gives_the_same(void **state)
{
    (void)state;
    static const size_t PIECES[] = { 1, 7, 100 };
    for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) {
        phone an, binh;
        edge_trouble trouble = { 0, 0, PIECES[i], NULL };
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "trường");
        assert_int_equal(edge_sync(e, an.client, &trouble, NULL), SOTAY_OK);
        phone_new(&binh, 9);
        e->page_per_entry = true;
        assert_int_equal(edge_enrol(e, binh.client, 1, &trouble), SOTAY_OK);
        assert_int_equal(edge_sync(e, binh.client, &trouble, NULL), SOTAY_OK);
        assert_true(phone_says(&binh, sotay_show, &visit, "\"trường\""));
        phone_part(e, &an, &binh);
    }
}

/* A phone that was away for long reads what happened in parts, and a part that came stays: when the
 * connection breaks after each, every sync gets it further. */
static void test_what_was_missed_comes_in_parts(void **state)
{
    (void)state;
    static const edge_trouble TROUBLES[] = { { 0, 0, 0, NULL }, { 2, 0, 0, NULL } };
    for (size_t i = 0; i < 2; i++) {
        phone an, binh;
        char text[32];
        int rc = SOTAY_E_NETWORK;
        edge *e = phone_pair(&an, &binh);
        sotay_id visit = phone_visit(&an, "chợ");
        for (int n = 0; n < 8; n++) {
            (void)snprintf(text, sizeof text, "lần %d", n);
            assert_int_equal(phone_set(&an, &visit, "general_note", text), SOTAY_OK);
            assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        }
        e->page_per_entry = true;
        for (int n = 0; n < 12 && rc == SOTAY_E_NETWORK; n++)
            rc = edge_sync(e, binh.client, &TROUBLES[i], NULL);
        assert_int_equal(rc, SOTAY_OK);
        assert_true(phone_says(&binh, sotay_show, &visit, "\"lần 7\""));
        phone_part(e, &an, &binh);
    }
}

static void test_a_wrong_sum_is_read_anew(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(phone_set(&an, &visit, "general_note", "đã xem"), SOTAY_OK);
    e->corrupt_sum = 1;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.repaired_buckets, 1);
    assert_true(report.needs_person);
    assert_true(phone_says(&an, sotay_show, &visit, "\"đã xem\""));
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.repaired_buckets, 0);
    assert_false(report.needs_person);
    phone_part(e, &an, NULL);
}

static void test_held_accepted_declined(void **state)
{
    (void)state;
    static const struct {
        st_entry_kind kind;
        const char *verdict, *value;
        size_t live;
    } CASES[] = {
        { ST_ENTRY_ACCEPT, "\"verdict\":\"accepted\"", "\"giữ lại\"", 1 },
        { ST_ENTRY_DECLINE, "\"verdict\":\"declined\"", "\"fields\"", 0 },
    };
    for (size_t i = 0; i < 2; i++) {
        phone an, binh;
        sotay_report report;
        edge *e = phone_pair(&an, &binh);
        sotay_id visit = phone_visit(&an, "chợ");
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(phone_set(&an, &visit, "general_note", "giữ lại"), SOTAY_OK);
        e->hold_next = ST_HOLD_SCOPE;
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        e->hold_next = ST_HOLD_NONE;
        assert_int_equal(report.held, 1);
        assert_true(report.needs_person && report.complete);
        assert_true(phone_status_says(&an, "\"held\":1"));
        assert_true(phone_says(&an, sotay_show, &visit, "\"giữ lại\""));
        assert_true(phone_says(&an, sotay_history, &visit, "\"verdict\":\"held\""));
        assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
        st_id id = phone_id(&visit);
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), 0);
        edge_decide(e, &e->devices[1].id, 2, CASES[i].kind);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), CASES[i].live);
        assert_true(phone_says(&binh, sotay_show, &visit, CASES[i].value));
        assert_true(phone_says(&an, sotay_show, &visit, CASES[i].value));
        assert_true(phone_says(&an, sotay_history, &visit, CASES[i].verdict));
        assert_true(phone_status_says(&an, "\"held\":0"));
        phone_part(e, &an, &binh);
    }
}

static void test_a_used_counter_is_jumped(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    e->devices[1].counter = 5000;
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.requests, 2);
    assert_int_equal(report.stored, 1);
    assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\""));
    phone_part(e, &an, NULL);
}

static void test_a_lost_unit_leaves_own_work(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id theirs = phone_visit(&binh, "của bình");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    sotay_id mine = phone_visit(&an, "của an");
    e->lost_unit = true;
    e->scope_rev++;
    e->hold_next = ST_HOLD_SCOPE;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &mine, "\"của an\""));
    char *text = NULL;
    assert_int_equal(sotay_show(an.client, &theirs, SOTAY_JSON, &text, NULL), SOTAY_E_NOT_FOUND);
    sotay_id none;
    const sotay_pairs no_pairs = { NULL, 0 };
    assert_int_equal(sotay_record_new(an.client, "visit", EDGE_UNIT, no_pairs, &none, NULL),
                     SOTAY_E_DENIED);
    e->lost_unit = false;
    e->scope_rev++;
    e->hold_next = ST_HOLD_NONE;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &theirs, "\"của bình\""));
    phone_part(e, &an, &binh);
}

/* The server was restored, and the signal went before it took our work again: until then only this
 * phone has it, so it shows it, and counts it as waiting. */
static void test_a_new_epoch_without_signal_hides_nothing(void **state)
{
    (void)state;
    static const edge_trouble LOST = { .lose_reply_of = 2 };
    edge *e = edge_new();
    phone an;
    phone_make(&an, e, 0);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "nhà"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    e->epoch[0]++;
    assert_int_not_equal(edge_sync(e, an.client, &LOST, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"nhà\""));
    assert_true(phone_status_says(&an, "\"ready\":2"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"nhà\""));
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_free(&an);
    edge_free(e);
}

static void test_a_new_epoch_offers_all_again(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    e->epoch[0]++;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(report.duplicate >= 1); /* the own one, and what others wrote and is kept here */
    assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\""));
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.duplicate + report.stored, 0);
    phone_part(e, &an, NULL);
}

/* A page that only a newer program can read: its bucket stays as it is, pushing goes on, and the
 * renewed server or program brings what was missed. */
static void test_a_page_too_new(void **state)
{
    (void)state;
    phone an, binh;
    sotay_report report;
    char *text = NULL;
    edge *e = phone_pair(&an, &binh);
    sotay_id theirs = phone_visit(&binh, "của bình");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    e->fold_version = 2;
    sotay_id mine = phone_visit(&an, "của an");
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_int_equal(sotay_show(an.client, &theirs, SOTAY_JSON, &text, NULL), SOTAY_E_NOT_FOUND);
    assert_true(phone_says(&an, sotay_show, &mine, "\"của an\""));
    e->fold_version = 0;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &theirs, "\"của bình\""));
    phone_part(e, &an, &binh);
}

/* Hundreds of changes travel in few sets and few requests, and arrive in order. */
static void test_a_long_day(void **state)
{
    (void)state;
    phone an, binh;
    sotay_report report;
    char text[32];
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text, sizeof text, "lần %d", i);
        sotay_memory_clock(&an.port, PHONE_WALL_MS + i, 2000 + (uint64_t)i);
        assert_int_equal(phone_set(&an, &visit, "general_note", text), SOTAY_OK);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.sent_changes, 301);
    assert_int_equal(report.stored, 1);
    assert_int_equal(edge_sync(e, binh.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.received_changes, 301);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"lần 299\""));
    sotay_memory_clock(&an.port, PHONE_WALL_MS, 1); /* a restart: another boot, another set */
    assert_int_equal(phone_set(&an, &visit, "place", "a"), SOTAY_OK);
    sotay_memory_clock(&an.port, PHONE_WALL_MS, 0);
    phone_crash(&an, false);
    assert_int_equal(phone_set(&an, &visit, "place", "b"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 2);
    phone_part(e, &an, &binh);
}

/* What the phone no longer has is said to be gone; what it has is sent when it is wanted. */
static void test_wanted_sets_are_sent_again(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "a"), SOTAY_OK);
    e->devices[1].known = 0; /* the server asks for what it has in fact */
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.wanted, 1);
    assert_int_equal(report.duplicate, 1);
    assert_int_equal(report.stored, 1);
    assert_true(report.complete);
    phone_part(e, &an, NULL);
}

/* What was asked for and is kept no more stays visible on the phone. */
static void test_what_is_gone_is_said(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"lost\":0"));
    book_key own = book_key_counter(BOOK_OWN, &an.client->me.device, 1);
    assert_int_equal(client_begin(an.client, true, NULL), ST_OK);
    assert_int_equal(book_delete(&an.client->book, &own, NULL), ST_OK);
    assert_int_equal(client_commit(an.client, NULL), ST_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "a"), SOTAY_OK);
    e->devices[1].known = 0; /* a server that does not have it either */
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.wanted, 1);
    phone_crash(&an, false);
    assert_true(phone_status_says(&an, "\"lost\":1"));
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"lost\":1"));
    phone_part(e, &an, NULL);
}

static void test_wipe_is_safe_only_when_covered(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":true"));
    sotay_id visit = phone_visit(&an, "chợ");
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":false"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":false"));
    e->backed_up_to = e->entries_count;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":true"));
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "đang gõ", NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"safe_to_wipe\":false"));
    phone_part(e, &an, NULL);
}

/* Gives `text` as the answer to a sync, in pieces, with this status. */
static int answered_with(phone *p, const char *text, size_t times, int status)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    bool again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    int rc = SOTAY_OK;
    for (size_t i = 0; rc == SOTAY_OK && i < times; i++)
        rc = sotay_sync_feed(sync, text, strlen(text), &p->error);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, status, &again, &p->error);
    assert_false(again);
    assert_int_equal(sotay_sync_why(sync), status == 503 ? SOTAY_WHY_BUSY : SOTAY_WHY_GATEWAY);
    sotay_sync_free(sync);
    return rc;
}

/* A server that stops, a gateway, a door of the hotel: no signal, not damaged data. */
static void test_an_answer_of_somebody_else_is_no_signal(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone p;
    sotay_report report;
    phone_make(&p, e, 0);
    (void)phone_visit(&p, "chợ");
    assert_int_equal(answered_with(&p, "stopping\n", 1, 503), SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "<html>bad gateway</html>\n", 2, 502), SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "no such address\n", 1, 404), SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "<html>moved</html>", 1, 302), SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "<html>log in</html>", 1, 511), SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "<html>pay for the network</html>", 3, 200),
                     SOTAY_E_NETWORK);
    assert_int_equal(answered_with(&p, "<p>without end</p>", 100000, 200), SOTAY_E_NETWORK);
    assert_int_equal(edge_sync(e, p.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    phone_free(&p);
    edge_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_phones_meet),
        cmocka_unit_test(test_work_goes_out_before_anything_comes_in),
        cmocka_unit_test(test_a_lost_or_cut_reply_doubles_nothing),
        cmocka_unit_test(test_any_cut_of_the_bytes_gives_the_same),
        cmocka_unit_test(test_what_was_missed_comes_in_parts),
        cmocka_unit_test(test_a_wrong_sum_is_read_anew),
        cmocka_unit_test(test_held_accepted_declined),
        cmocka_unit_test(test_a_used_counter_is_jumped),
        cmocka_unit_test(test_a_lost_unit_leaves_own_work),
        cmocka_unit_test(test_a_new_epoch_offers_all_again),
        cmocka_unit_test(test_a_new_epoch_without_signal_hides_nothing),
        cmocka_unit_test(test_a_page_too_new),
        cmocka_unit_test(test_a_long_day),
        cmocka_unit_test(test_wanted_sets_are_sent_again),
        cmocka_unit_test(test_what_is_gone_is_said),
        cmocka_unit_test(test_wipe_is_safe_only_when_covered),
        cmocka_unit_test(test_an_answer_of_somebody_else_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
