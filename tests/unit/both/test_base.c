/* tests/unit/both/test_base.c
 * Streams that lean on the last set (docs/protocol.md 7.3), between phones and the real server:
 * they are shorter and say the same; where the two sides do not hold the same set, the phone sends
 * all of it once more, and nothing is lost or doubled. */
#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

typedef struct {
    uint8_t version;  /* of the head of the first request */
    size_t bytes;     /* of that request */
    bool spoils;      /* one bit of what the head says of the set */
    bool loses_reply; /* of the first request */
} seen;

/* One sync, looked at. */
static int sync_and_look(world *w, phone *p, seen *look, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    bool again = true, is_first = true;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        again = false;
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        uint8_t *body = malloc(request.body_bytes);
        assert_non_null(body);
        memcpy(body, request.body, request.body_bytes);
        request.body = body;
        if (is_first) {
            look->version = body[0];
            look->bytes = request.body_bytes;
        }
        if (is_first && look->spoils)
            body[ST_HEAD_BYTES] ^= 1;
        int status = answer(w, &request, &reply);
        if (is_first && look->loses_reply)
            status = 0;
        else
            rc = sotay_sync_feed(sync, reply.data, reply.len, NULL);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, NULL);
        is_first = false;
        st_buffer_free(&reply);
        free(body);
    }
    sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

static void test_an_edit_leans_on_the_set_before(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    seen look = { 0 };
    world_make(&w, 1);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    make_visit(&w, an);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(look.version, 1); /* nothing to lean on yet */
    assert_int_equal(phone_set(an, &w.records[0], "place", "chợ"), SOTAY_OK);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(look.version, 2);
    print_message("  one field: %zu\n", look.bytes);
    assert_true(look.bytes < 440); /* 490 and more without; it confirms a checkpoint too */
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.requests, 1);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(look.version, 1); /* nothing new: nothing to shorten */
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_true(phone_says(binh, sotay_show, &w.records[0], "\"chợ\""));
    world_free(&w);
}

static void test_a_lost_answer_is_asked_for_plainly(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    seen look = { 0 };
    world_make(&w, 2);
    phone *an = &w.phones[0];
    make_visit(&w, an);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(phone_set(an, &w.records[0], "place", "chợ"), SOTAY_OK);
    look.loses_reply = true;
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_E_NETWORK);
    assert_int_equal(look.version, 2);
    look.loses_reply = false;
    assert_int_equal(phone_set(an, &w.records[0], "general_note", "vắng"), SOTAY_OK);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(look.version, 1); /* which set the server has last is not known */
    assert_int_equal(report.duplicate, 1);
    assert_int_equal(report.stored, 1);
    meet_and_compare(&w);
    world_free(&w);
}

static void test_another_set_is_refused_and_all_is_sent(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    seen look = { 0 };
    world_make(&w, 3);
    phone *an = &w.phones[0];
    make_visit(&w, an);
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(phone_set(an, &w.records[0], "place", "chợ"), SOTAY_OK);
    look.spoils = true;
    assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
    assert_int_equal(look.version, 2);
    assert_int_equal(report.requests, 2);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.duplicate, 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* The set that it would lean on does not open, or is not there: all of it goes. */
static void test_a_set_that_is_damaged_is_leant_on_by_nothing(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        world w;
        sotay_report report;
        seen look = { 0 };
        world_make(&w, 4);
        phone *an = &w.phones[0];
        make_visit(&w, an);
        assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
        book_key last = book_key_counter(BOOK_SET, &an->client->me.device, 1);
        how == 0 ? rows_spoil(an, &last) : rows_delete(an, &last);
        assert_int_equal(phone_set(an, &w.records[0], "place", "chợ"), SOTAY_OK);
        assert_int_equal(sync_and_look(&w, an, &look, &report), SOTAY_OK);
        assert_int_equal(look.version, 1);
        assert_int_equal(report.requests, 1);
        assert_int_equal(report.stored, 1);
        assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
        assert_true(phone_says(&w.phones[1], sotay_show, &w.records[0], "\"chợ\""));
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_edit_leans_on_the_set_before),
        cmocka_unit_test(test_a_lost_answer_is_asked_for_plainly),
        cmocka_unit_test(test_another_set_is_refused_and_all_is_sent),
        cmocka_unit_test(test_a_set_that_is_damaged_is_leant_on_by_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
