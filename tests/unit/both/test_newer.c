/* tests/unit/both/test_newer.c
 * The server folds the catalogue in a way that a phone does not know, and a page of the unit has a
 * set of a device that only that catalogue names. The phone says so; its own work gets out, and it
 * hears that it did. */
#include "client-lib/src/apply.h"
#include "client-lib/src/snapshot.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/many_visits.h"
#include "tests/unit/client-lib/rows.h"

/* The answer as a newer server gives it. */
static void make_newer(st_buffer *reply)
{
    st_frame_reader *reader = NULL;
    st_frame frames[64];
    st_arena arena;
    const uint8_t *bytes = NULL;
    size_t len = 0, count = 0;
    st_err bad = ST_OK;
    st_arena_init(&arena, 1u << 24);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, reply->data, reply->len, NULL), ST_OK);
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        const uint8_t *copy = st_arena_copy(&arena, bytes, len);
        assert_true(copy != NULL && count < 64);
        assert_int_equal(st_frame_decode(copy, len, &arena, &frames[count], NULL), ST_OK);
        st_page *page = &frames[count].as.page;
        if (frames[count].kind == ST_FRAME_PAGE && strstr(page->bucket.s, "/catalogue") != NULL)
            page->fold_version = APPLY_FOLD_VERSION + 1;
        count++;
    }
    st_frame_reader_free(reader);
    line_answer(frames, count, reply);
    st_arena_reset(&arena);
}

static int sync_newer(world *w, phone *p)
{
    sotay_sync *sync = NULL;
    bool again = true;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    for (int n = 0; rc == SOTAY_OK && again; n++) {
        sotay_request request;
        st_buffer reply;
        assert_true(n < 40);
        rc = sotay_sync_next(sync, &request, &p->error);
        if (rc != SOTAY_OK)
            break;
        const int status = answer(w, &request, &reply);
        if (strcmp(request.path, "/v1/sync") == 0)
            make_newer(&reply);
        rc = sotay_sync_feed(sync, reply.data, reply.len, &p->error);
        again = false;
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &p->error);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    return rc;
}

static void test_own_work_gets_out(void **state)
{
    (void)state;
    world w;
    char *json = NULL;
    world_make(&w, 7);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    enrol(&w, binh, "binh", true);
    const sotay_id his = phone_visit(binh, "đền");
    sync_phone_well(&w, binh, NULL);
    const sotay_id visit = phone_visit(an, "chợ");
    for (int i = 0; i < 3; i++)
        assert_int_equal(sync_newer(&w, an), SOTAY_OK);
    assert_true(phone_status_says(an, "\"ready\":0"));
    sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "chợ"));
    assert_int_equal(sotay_show(an->client, &his, SOTAY_JSON, &json, NULL), SOTAY_E_NOT_FOUND);
    sync_phone_well(&w, an, NULL); /* a newer program reads it all */
    assert_true(phone_says(an, sotay_show, &his, "đền"));
    world_free(&w);
}

/* A newer program reads the unit as a snapshot: nothing is said to want a newer one then. */
static void test_a_snapshot_of_what_was_left(void **state)
{
    (void)state;
    world w;
    line l = { 0 };
    st_bucket unit;
    bool is_read = false;
    world_make(&w, 7);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    ids_count = 0;
    make_visits(&w, VISITS);
    sync_phone_well(&w, an, NULL);
    enrol(&w, binh, "binh", true);
    (void)phone_visit(binh, "đền");
    sync_phone_well(&w, binh, NULL);
    (void)snprintf(unit.s, sizeof unit.s, "01477/unit/%s", KIT_UNIT);
    rows_begin(an);
    assert_int_equal(apply_forget(an->client, &unit, NULL), ST_OK);
    rows_commit(an);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sync_newer(&w, an), SOTAY_OK);
    for (int i = 0; i < 2; i++)
        sync_over_well(&w, an, &l, NULL);
    assert_true(l.gets > 0);
    rows_begin(an);
    assert_int_equal(snapshot_is_read_to(an->client, &unit, 1, &is_read, NULL), ST_OK);
    rows_commit(an);
    assert_true(is_read);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_work_gets_out),
        cmocka_unit_test(test_a_snapshot_of_what_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
