/* tests/unit/both/test_anew.c - what is made anew where something goes wrong beside it
 * (docs/protocol.md 7.5): damage, many of it, two of one number. */
#include "client-lib/src/overlay.h"
#include "client-lib/src/replay.h"
#include "tests/unit/both/branch.h"

/* Two names were left, a set of the same number waits under each, and a value over both. */
static void test_two_names_one_number(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "bản hai"), SOTAY_OK); /* A:2 */
    rows_seal(&an);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "một"), SOTAY_OK); /* B:1 */
    assert_int_equal(phone_set(&an, &visit, "place", "ba"), SOTAY_OK);         /* B:2 */
    e->later_next = 9;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(an.client->me.sealed, 2);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "bốn"), SOTAY_OK); /* over both */
    for (int i = 0; i < 3; i++) {
        e->later_next = 2;
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        assert_int_equal(an.client->me.sealed, 1);
    }
    e->later_next = 0;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* The same with no server in it: a set of the old name is lost, and a change under the new one that
 * has its number; a third one replaced both. */
static void test_two_lost_of_one_number(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ"); /* A:1 */
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    const st_id old = an.client->me.device;
    book_key key = book_key_counter(BOOK_SET, &old, 2);
    assert_int_equal(sotay_draft_put(an.client, &visit, "place", "gõ trước", NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "bản hai"), SOTAY_OK); /* A:2 */
    static outbox_seal seal; /* alone: a bundle would take what is typed along */
    outbox_seal_init(&seal);
    assert_int_equal(outbox_flush(&seal, an.client, NULL), ST_OK);
    outbox_seal_free(&seal);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "một"), SOTAY_OK);    /* C:1 */
    assert_int_equal(sotay_draft_commit(an.client, &visit, &an.error), SOTAY_OK); /* C:2 */
    assert_int_equal(phone_set(&an, &visit, "place", "bốn"), SOTAY_OK);           /* C:3 */
    rows_spoil(&an, &key);
    key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, 2);
    rows_spoil(&an, &key);
    for (int i = 0; i < 2; i++)
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"lost\":2"));
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* All that was unsealed under the new name is damaged when the branch comes. */
static void test_here(void **state)
{
    (void)state;
    phone an, image;
    sotay_report report;
    st_arena arena;
    st_set set;
    sotay_id visit;
    edge *e = branch_make(&an, &image, &visit);
    book_key key = book_key_of(BOOK_CHANGE);
    seal_note(&image, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, image.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&image, &visit, "general_note", "ba"), SOTAY_OK); /* 1 */
    branch_put_off(e, &image, &report);
    assert_int_equal(image.client->me.sealed, 1);
    assert_int_equal(phone_set(&image, &visit, "place", "hai"), SOTAY_OK); /* 2 */
    book_key_u64(&key, 2);
    rows_spoil(&image, &key);
    for (int i = 0; i < 2; i++)
        assert_int_equal(edge_sync(e, image.client, NULL, &report), SOTAY_OK);
    assert_int_equal(image.client->me.sealed, 2);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(client_begin(image.client, false, NULL), ST_OK);
    const st_dot at = { image.client->me.device, 2 };
    assert_int_equal(overlay_set_get(image.client, &at, 2, &arena, &set, NULL), ST_OK);
    client_abort(image.client);
    assert_int_equal(set.here, 1);
    st_arena_reset(&arena);
    phone_part(e, &an, &image);
}

/* One request and its answer. */
static bool round_here(edge *e, sotay_sync *sync)
{
    sotay_request request;
    uint8_t *body = NULL;
    size_t len = 0;
    bool again = false;
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    int status = edge_answer(e, &request, &body, &len);
    assert_int_equal(sotay_sync_feed(sync, body, len, NULL), SOTAY_OK);
    free(body);
    assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
    return again;
}

/* Typed between the two requests; one of those put off is damaged, so that the others move up. */
static void test_typed_meanwhile(void **state)
{
    (void)state;
    phone an;
    sotay_sync *sync = NULL;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    book_key key = book_key_of(BOOK_CHANGE);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    seal_note(&an, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    (void)phone_visit(&an, "xóm");                                            /* 1 */
    assert_int_equal(phone_set(&an, &visit, "general_note", "ba"), SOTAY_OK); /* 2 */
    book_key_u64(&key, 1);
    rows_spoil(&an, &key);
    e->later_next = 1;
    assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
    assert_true(round_here(e, sync));
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "bốn", NULL), SOTAY_OK);
    while (round_here(e, sync))
        ;
    sotay_sync_free(sync);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    const st_id id = phone_id(&visit);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    assert_true(phone_status_says(&an, "\"working_copies\":0"));
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2); /* "hai", and "bốn" over "ba" */
    phone_part(e, &an, NULL);
}

/* A change that does not open when it is to be sealed is lost, which a person has to see. */
static void test_lost_in_doubt(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    book_key key = book_key_of(BOOK_CHANGE);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    seal_note(&an, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "một"), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "ba"), SOTAY_OK);
    book_key_u64(&key, 1);
    rows_spoil(&an, &key);
    e->later_next = 1;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"lost\":1"));
    assert_true(report.needs_person);
    phone_part(e, &an, NULL);
}

/* So many changes wait behind one set of the old name that what is kept of each must not grow with
 * their number. */
static void test_many(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    seal_note(&an, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    for (int i = 0; i < 6000; i++)
        (void)phone_visit(&an, "xóm");
    assert_int_equal(replay_doubted(an.client, UINT64_MAX, NULL), ST_OK);
    phone_part(e, &an, NULL);
}

/* One set of many changes is called a fork: all of them are made anew. */
static void test_a_big_fork(void **state)
{
    (void)state;
    phone an, image;
    sotay_id visit;
    edge *e = branch_make(&an, &image, &visit);
    for (int i = 0; i < 400; i++)
        (void)phone_visit(&image, "xóm");
    rows_seal(&image);
    assert_int_equal(edge_enrol(e, image.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, image.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(image.client->me.sealed, 400);
    assert_true(phone_status_says(&image, "\"ready\":0"));
    phone_part(e, &an, &image);
}

/* Such a set does not open: its changes are lost, each of them once. */
static void test_a_big_fork_that_is_damaged(void **state)
{
    (void)state;
    phone an, image;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&an.port, false, &image.port, NULL), SOTAY_OK);
    phone_open(&image);
    for (int i = 0; i < 20; i++)
        assert_int_equal(phone_set(&an, &visit, "general_note", "của an"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    const st_id old = image.client->me.device;
    for (int i = 0; i < 20; i++)
        assert_int_equal(phone_set(&image, &visit, "general_note", "bản hai"), SOTAY_OK);
    rows_seal(&image);
    sotay_sync *sync = NULL;
    sotay_request request;
    uint8_t *body = NULL;
    size_t len = 0;
    bool again = false;
    assert_int_equal(sotay_sync_begin(image.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    const int status = edge_answer(e, &request, &body, &len);
    book_key key = book_key_counter(BOOK_SET, &old, 2);
    rows_spoil(&image, &key); /* it was sent, and the answer calls it a fork */
    assert_int_equal(sotay_sync_feed(sync, body, len, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
    free(body);
    sotay_sync_free(sync);
    assert_true(phone_status_says(&image, "\"lost\":20"));
    assert_true(phone_status_says(&image, "\"ready\":0"));
    phone_part(e, &an, &image);
}

/* Several sets of the old name are lost, each for itself; a change waits that names the last. */
static void test_several_lost(void **state)
{
    (void)state;
    phone an;
    bool any = false;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    const st_id old = an.client->me.device;
    for (int i = 0; i < 5; i++)
        seal_note(&an, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "ba"), SOTAY_OK);
    for (uint64_t counter = 2; counter <= 6; counter += 2) {
        book_key key = book_key_counter(BOOK_SET, &old, counter);
        rows_spoil(&an, &key);
    }
    assert_int_equal(outbox_lose_left(an.client, &any, NULL), ST_OK);
    assert_true(any);
    assert_true(phone_status_says(&an, "\"lost\":3"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_names_one_number),
        cmocka_unit_test(test_two_lost_of_one_number),
        cmocka_unit_test(test_here),
        cmocka_unit_test(test_typed_meanwhile),
        cmocka_unit_test(test_lost_in_doubt),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_a_big_fork),
        cmocka_unit_test(test_a_big_fork_that_is_damaged),
        cmocka_unit_test(test_several_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
