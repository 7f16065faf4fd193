/* tests/unit/both/test_meanwhile.c
 * A sync over a poor line takes an hour, and the officer goes on writing: wherever in a sync
 * something is recorded, it is kept, goes along in the same sync, before files that still wait,
 * and all end with the same book. */
#include <limits.h>

#include "tests/unit/both/fetch.h"

#define PIECE ((size_t)96)  /* of an answer, as it is taken in */

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
    unsigned steps, when; /* of this sync; the officer writes at step `when` */
    bool is_last;         /* the step was the last one: nothing comes behind it */
    unsigned writes_left; /* so many times the officer writes behind a request, besides */
    bool knows_no_files;  /* the server is an old one */
    char said[32];
} desk;

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    world_make(&d.w, 1);
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

static void attach(desk *d, size_t len)
{
    static uint8_t bytes[400u * 1024u];
    char item[SOTAY_ITEM_TEXT];
    assert_true(len <= sizeof bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(pick(&d->w, 256));
    memcpy(bytes, "%PDF-1.7\n", 9);
    const sotay_attachment file = { "a.pdf", bytes, len, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error), SOTAY_OK);
}

/* One more step of the sync: is it now? */
static void step(desk *d, bool is_last)
{
    if (d->steps++ != d->when)
        return;
    d->is_last = is_last;
    snprintf(d->said, sizeof d->said, "lúc %u", d->when);
    assert_int_equal(phone_set(d->an, &d->visit, "general_note", d->said), SOTAY_OK);
    assert_int_equal(sotay_draft_put(d->an->client, &d->visit, "place", d->said, &d->an->error),
                     SOTAY_OK);
    (void)phone_visit(d->an, d->said);
    if (d->when % 4 == 0)
        attach(d, 300);
}

static void write_once(desk *d)
{
    snprintf(d->said, sizeof d->said, "còn %u", d->writes_left);
    assert_int_equal(phone_set(d->an, &d->visit, "general_note", d->said), SOTAY_OK);
}

static void take(desk *d, sotay_sync *sync, const st_buffer *reply)
{
    for (size_t at = 0; at < reply->len; at += PIECE) {
        size_t len = reply->len - at < PIECE ? reply->len - at : PIECE;
        assert_int_equal(sotay_sync_feed(sync, reply->data + at, len, &d->w.error), SOTAY_OK);
        step(d, false);
    }
}

/* A sync of an in which the officer writes once; its requests, as their first letters behind
 * "/v1/", into paths: s(ync), h(ave), c(hunk). */
static void sync_writing(desk *d, char *paths, size_t room, sotay_report *report)
{
    sotay_sync *sync = NULL;
    bool again = true;
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, &d->w.error), SOTAY_OK);
    d->steps = 0;
    step(d, false);
    for (size_t i = 0; again; i++) {
        sotay_request request;
        st_buffer reply;
        assert_int_equal(sotay_sync_next(sync, &request, &d->w.error), SOTAY_OK);
        assert_true(i + 1 < room);
        paths[i] = request.method[1] == 'U' ? 'p' : request.path[4];
        paths[i + 1] = '\0';
        step(d, false);
        int status = answer(&d->w, &request, &reply);
        if (d->knows_no_files && paths[i] != 's') {
            st_buffer_clear(&reply);
            status = 404;
        }
        step(d, false);
        take(d, sync, &reply);
        if (d->writes_left > 0 && d->writes_left-- > 0)
            write_once(d);
        if (sotay_sync_end(sync, status, &again, &d->w.error) != SOTAY_OK)
            fail_msg("step %u: %s", d->when, d->w.error.detail);
        step(d, !again);
        st_buffer_free(&reply);
    }
    sotay_sync_report(sync, report);
    sotay_sync_free(sync);
}

/* What is typed is no change yet: the next sync makes it one. */
static void check_same(desk *d)
{
    sotay_report report;
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, &report);
    assert_int_equal(report.repaired_buckets, 0);
    char *one = shown(d->an, &d->visit), *two = shown(d->binh, &d->visit);
    drop_own_clock(one);
    drop_own_clock(two);
    assert_string_equal(one, two);
    free(one);
    free(two);
}

/* Another one has written too, a file waits: each step of the sync once. */
static void test_wherever_it_is_written(void **state)
{
    desk *d = *state;
    char paths[64];
    bool was_reached = true;
    d->visit = phone_visit(d->an, "chợ");
    for (d->when = 0; was_reached; d->when++) {
        sotay_report report;
        sync_phone_well(&d->w, d->an, NULL);
        sync_phone_well(&d->w, d->binh, NULL);
        assert_int_equal(phone_set(d->binh, &d->visit, "general_note", "của bình"), SOTAY_OK);
        sync_phone_well(&d->w, d->binh, NULL);
        (void)phone_visit(d->an, "trước");
        attach(d, 20000);
        sync_writing(d, paths, sizeof paths, &report);
        was_reached = d->steps > d->when;
        assert_true(report.complete);
        if (was_reached && !d->is_last) {
            assert_true(phone_status_says(d->an, "\"ready\":0"));
            assert_int_equal(report.attachments_waiting, 0);
        }
        check_same(d);
        if (was_reached)
            assert_true(phone_says(d->an, sotay_show, &d->visit, d->said));
    }
    assert_true(d->when > 20);
}

/* Words first: the file goes on where it was. */
static void test_words_go_before_what_is_left_of_a_file(void **state)
{
    desk *d = *state;
    char paths[64];
    sotay_report report;
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    attach(d, 400u * 1024u);
    d->when = UINT_MAX;
    sync_writing(d, paths, sizeof paths, &report);
    const char *first = strchr(paths, 'p');
    assert_non_null(first);
    assert_non_null(strchr(first + 1, 'p')); /* it takes more than one request */
    assert_null(strchr(first, 's'));
    attach(d, 400u * 1024u);
    unsigned seen = 0;
    for (d->when = 1; seen == 0; d->when++) { /* the first step in which a piece is on its way */
        sync_writing(d, paths, sizeof paths, &report);
        first = strchr(paths, 'p');
        const char *words = first == NULL ? NULL : strchr(first, 's');
        if (words == NULL || strchr(words, 'p') == NULL) {
            attach(d, 400u * 1024u);
            continue;
        }
        assert_ptr_equal(words, first + 1); /* not one more piece before it */
        assert_int_equal(report.attachments_waiting, 0);
        assert_true(phone_status_says(d->an, "\"ready\":0"));
        seen++;
    }
    check_same(d);
}

/* A step that is pending is finished before anything else is: how it ended is not lost. */
static void test_a_step_that_is_pending(void **state)
{
    desk *d = *state;
    sotay_sync *sync = NULL;
    sotay_request request;
    d->visit = phone_visit(d->an, "chợ");
    sotay_memory_pending(&d->an->port, true, false);
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, &d->w.error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &d->w.error), SOTAY_PENDING);
    assert_int_equal(phone_set(d->an, &d->visit, "place", "x"), SOTAY_E_BUSY);
    assert_int_equal(
        sotay_memory_settle(&d->an->port, d->an->client, SOTAY_E_STORAGE, &d->an->error),
        SOTAY_E_STORAGE);
    sotay_memory_pending(&d->an->port, false, false);
    assert_int_equal(phone_set(d->an, &d->visit, "place", "x"), SOTAY_E_BUSY);
    assert_int_equal(sotay_sync_next(sync, &request, &d->w.error), SOTAY_E_STORAGE);
    sotay_sync_free(sync);
    assert_int_equal(phone_set(d->an, &d->visit, "place", "x"), SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    check_same(d);
}

/* A save whose commit is pending stops no sync: the call comes again behind it. */
static void test_an_edit_that_is_pending(void **state)
{
    desk *d = *state;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = true;
    d->visit = phone_visit(d->an, "chợ");
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, &d->w.error), SOTAY_OK);
    for (int round = 0; again; round++) {
        int status = 0;
        for (int call = 0; call < 3; call++) {
            for (int waits = round < 2 ? 1 : 0; waits >= 0; waits--) {
                sotay_memory_pending(&d->an->port, waits != 0, false);
                if (waits != 0)
                    assert_int_equal(phone_set(d->an, &d->visit, "place", "x"), SOTAY_PENDING);
                int rc = call == 0   ? sotay_sync_next(sync, &request, &d->w.error)
                         : call == 1 ? sotay_sync_feed(sync, reply.data, reply.len, &d->w.error)
                                     : sotay_sync_end(sync, status, &again, &d->w.error);
                assert_int_equal(rc, waits != 0 ? SOTAY_E_BUSY : SOTAY_OK);
                if (waits != 0)
                    assert_int_equal(sotay_memory_settle(&d->an->port, d->an->client, SOTAY_OK,
                                                         &d->an->error), SOTAY_OK);
            }
            if (call == 0)
                status = answer(&d->w, &request, &reply);
        }
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    assert_true(phone_status_says(d->an, "\"ready\":0"));
    check_same(d);
}

/* The new key may sort before the old ones: what it wrote goes along all the same. */
static void test_a_phone_with_another_key(void **state)
{
    desk *d = *state;
    char paths[64];
    sotay_report report;
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    for (int i = 0; i < 8; i++) {
        enrol(&d->w, d->an, "an", true);
        assert_int_equal(phone_set(d->an, &d->visit, "place", "khóa mới"), SOTAY_OK);
        sync_phone_well(&d->w, d->an, NULL);
        d->when = 2;
        sync_writing(d, paths, sizeof paths, &report);
        assert_true(phone_status_says(d->an, "\"ready\":0"));
    }
    check_same(d);
}

/* Words do not wait for a server that takes no files. */
static void test_a_server_without_files(void **state)
{
    desk *d = *state;
    char paths[64];
    sotay_report report;
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    d->knows_no_files = true;
    for (d->when = 0; d->when == 0 || d->steps >= d->when; d->when++) {
        attach(d, 2000);
        sync_writing(d, paths, sizeof paths, &report);
        assert_true(d->is_last || phone_status_says(d->an, "\"ready\":0"));
        sync_phone_well(&d->w, d->an, NULL);
    }
    d->knows_no_files = false;
    check_same(d);
}

/* Who writes all the time: between two words at least one request with pieces goes. */
static void test_files_are_not_starved(void **state)
{
    desk *d = *state;
    char paths[256];
    sotay_report report;
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    attach(d, 400u * 1024u);
    d->when = UINT_MAX;
    d->writes_left = 80;
    sync_writing(d, paths, sizeof paths, &report);
    assert_int_equal(report.attachments_waiting, 0);
    assert_int_equal(strspn(paths, "s"), 4); /* neither do words keep each other going */
    assert_non_null(strstr(paths, "hpssshp"));
    assert_null(strstr(paths, "hs"));
    check_same(d);
}

/* An office that has as many files of this device as it may have is sent pieces no oftener because
 * somebody writes. */
static void test_an_office_that_takes_no_more(void **state)
{
    desk *d = *state;
    char paths[256];
    sotay_report report;
    size_t puts = 0;
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    d->w.book.rooms.sync.files_per_device = 10;
    attach(d, 100u * 1024u);
    d->when = UINT_MAX;
    d->writes_left = 6;
    sync_writing(d, paths, sizeof paths, &report);
    for (const char *at = paths; *at != '\0'; at++)
        puts += *at == 'p';
    assert_int_equal(puts, 1);
    assert_true(report.attachments_full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wherever_it_is_written, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_words_go_before_what_is_left_of_a_file, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(test_a_step_that_is_pending, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_an_edit_that_is_pending, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_a_phone_with_another_key, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_a_server_without_files, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_files_are_not_starved, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_an_office_that_takes_no_more, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
