/* tests/unit/both/test_typed.c
 * A working copy replaces what its officer was shown when he began to type, however much later it
 * becomes a change: what came in between stands beside it as an open difference, and is nowhere
 * replaced by somebody who never saw it. */
#include "tests/unit/both/fetch.h"
#include "tests/unit/client-lib/rows.h"

#define FIELD "ratings.m1.rating" /* a decisive one */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

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
    d.visit = phone_visit(d.an, "chợ");
    sotay_id_format(&d.visit, d.hex);
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

static void type(desk *d, const char *path, const char *text)
{
    assert_int_equal(sotay_draft_put(d->an->client, &d->visit, path, text, &d->an->error),
                     SOTAY_OK);
}

static int save(desk *d)
{
    return sotay_draft_commit(d->an->client, &d->visit, &d->an->error);
}

/* Binh writes it and sends it. */
static void binh_says(desk *d, const char *value)
{
    assert_int_equal(phone_set(d->binh, &d->visit, FIELD, value), SOTAY_OK);
    sync_phone_well(&d->w, d->binh, NULL);
}

static bool has(phone *p, const sotay_id *visit, const char *text)
{
    char *json = shown(p, visit);
    bool is_there = strstr(json, text) != NULL;
    free(json);
    return is_there;
}

/* Everybody sees so many open differences, and each of these (or, with !, does not). */
static void must_end(desk *d, unsigned conflicts, const char *one, const char *two)
{
    char count[32];
    snprintf(count, sizeof count, "\"open_conflicts\":%u", conflicts);
    const char *const texts[] = { count, one, two };
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, NULL);
    KIT_EXPECT(0, &d->w.book, "show", d->hex, "--json");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool absent = texts[i][0] == '!';
        const char *text = texts[i] + (absent ? 1 : 0);
        if (has(d->an, &d->visit, text) == absent || has(d->binh, &d->visit, text) == absent ||
            (strstr(KIT_OUT(&d->w.book), text) != NULL) == absent)
            fail_msg("%s%s", text, absent ? " is there" : ": nobody says so");
    }
}

/* A field that does not pass keeps the working copy waiting over a sync that brings another's. */
static void test_typed_before_a_sync(void **state)
{
    desk *d = *state;
    type(d, FIELD, "vuot");
    type(d, "visit_date", "hôm qua");
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    type(d, "visit_date", "2026-03-12");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
}

/* The same, and the program ends in between; he types on in that field, too. */
static void test_typing_on_is_no_look(void **state)
{
    desk *d = *state;
    type(d, FIELD, "vu");
    type(d, "visit_date", "hôm qua");
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    phone_crash(d->an, false);
    type(d, FIELD, "vuot");
    phone_reopen(d->an);
    type(d, "visit_date", "2026-03-12");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
}

/* Taken out and typed anew: he has the record before him as it is now. */
static void test_typed_anew_is_a_look(void **state)
{
    desk *d = *state;
    type(d, FIELD, "vuot");
    type(d, "visit_date", "hôm qua");
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    type(d, FIELD, NULL);
    type(d, FIELD, "vuot");
    type(d, "visit_date", NULL);
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"vuot\"", "!\"dat\"");
}

/* One sync in which he types behind the request, and behind the answer. */
static void sync_typing(desk *d, const char *first, const char *then)
{
    sotay_sync *sync = NULL;
    bool again = true;
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, &d->w.error), SOTAY_OK);
    while (again) {
        sotay_request request;
        st_buffer reply;
        assert_int_equal(sotay_sync_next(sync, &request, &d->w.error), SOTAY_OK);
        int status = answer(&d->w, &request, &reply);
        if (first != NULL)
            type(d, FIELD, first);
        first = NULL;
        assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &d->w.error), SOTAY_OK);
        assert_int_equal(sotay_sync_end(sync, status, &again, &d->w.error), SOTAY_OK);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    if (then != NULL)
        type(d, FIELD, then);
}

/* The answer is on its way: what he has before him is not what it brings. */
static void test_typed_in_a_sync(void **state)
{
    desk *d = *state;
    binh_says(d, "dat");
    sync_typing(d, "vuot", NULL);
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
}

/* The sync saved what was typed so far, and brought another's, which is shown first: he types on
 * over his own. */
static void test_typed_on_over_a_sync(void **state)
{
    desk *d = *state;
    type(d, FIELD, "chua_dat");
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    d->binh->port.now(d->binh->port.context, &wall_ms, &mono_ms);
    sotay_memory_clock(&d->binh->port, wall_ms + 60000, mono_ms + 60000);
    binh_says(d, "dat");
    sync_typing(d, NULL, "vuot");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
    assert_false(has(d->an, &d->visit, "\"chua_dat\""));
}

/* Nothing came: one value after another. And what others agree on is no difference. */
static void test_nothing_came(void **state)
{
    desk *d = *state;
    for (size_t i = 0; i < 2; i++) {
        type(d, FIELD, i == 0 ? "chua_dat" : "vuot");
        type(d, "general_note", i == 0 ? "một" : "hai");
        assert_int_equal(save(d), SOTAY_OK);
    }
    must_end(d, 0, "\"vuot\"", "!\"chua_dat\"");
    assert_false(has(d->binh, &d->visit, "\"một\""));
    type(d, FIELD, "dat");
    type(d, "visit_date", "hôm qua");
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    type(d, "visit_date", "");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"dat\"", "!\"vuot\"");
}

/* Whoever wrote over what he saw, before his own came, leaves one difference and not two. */
static void test_what_he_saw_was_replaced(void **state)
{
    desk *d = *state;
    assert_int_equal(phone_set(d->an, &d->visit, FIELD, "chua_dat"), SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    type(d, FIELD, "vuot");
    type(d, "visit_date", "hôm qua");
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    type(d, "visit_date", "2026-03-12");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
    assert_false(has(d->binh, &d->visit, "\"chua_dat\""));
}

/* Finished meanwhile: it stays a working copy. The office gives the record back: it becomes a
 * change that was not made under that. */
static void test_a_return_that_came_later(void **state)
{
    desk *d = *state;
    binh_says(d, "dat");
    assert_int_equal(sotay_record_finalise(d->binh->client, &d->visit, &d->binh->error), SOTAY_OK);
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, NULL);
    type(d, FIELD, "chua_dat");
    assert_int_equal(save(d), SOTAY_E_STATE);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "under_review", "--as", "office");
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "returned", "--as", "office", "--reason", "xem lại");
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(has(d->an, &d->visit, "\"changed_since\":false"));
    assert_true(phone_says(d->an, sotay_draft_get, &d->visit, "chua_dat"));
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"chua_dat\"", "\"changed_since\":true");
    type(d, FIELD, "vuot"); /* and what he types now replaces that, and is */
    assert_int_equal(save(d), SOTAY_OK);
    assert_int_equal(sotay_record_finalise(d->an->client, &d->visit, &d->an->error), SOTAY_OK);
    must_end(d, 0, "\"vuot\"", "\"changed_since\":false");
}

static void finish_and_return(desk *d)
{
    assert_int_equal(sotay_record_finalise(d->binh->client, &d->visit, &d->binh->error), SOTAY_OK);
    sync_phone_well(&d->w, d->binh, NULL);
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "under_review", "--as", "office");
    KIT_EXPECT(0, &d->w.book, "move", d->hex, "returned", "--as", "office", "--reason", "xem lại");
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, NULL);
}

/* Both fields were typed under the same acts: so is the change that is made of them. */
static void test_two_fields_after_a_return(void **state)
{
    desk *d = *state;
    binh_says(d, "dat");
    finish_and_return(d);
    type(d, FIELD, "vuot");
    type(d, "place", "xóm");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"vuot\"", "\"changed_since\":false");
    assert_true(has(d->binh, &d->visit, "\"xóm\""));
}

/* One was typed before a second return came, the other after it: the change stands under the first
 * alone, as the first of them does. */
static void test_two_fields_around_a_return(void **state)
{
    desk *d = *state;
    binh_says(d, "dat");
    finish_and_return(d);
    type(d, FIELD, "vuot");
    type(d, "visit_date", "hôm qua"); /* which keeps it waiting over a sync */
    finish_and_return(d);
    type(d, "place", "xóm");
    type(d, "visit_date", "2026-03-12");
    assert_true(has(d->an, &d->visit, "\"changed_since\":false"));
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"vuot\"", "\"changed_since\":true");
}

/* Both sides of a difference are his own, for he wrote beside his working copy: what he types then
 * goes on from the newer one. */
static void test_two_of_his_own(void **state)
{
    desk *d = *state;
    type(d, FIELD, "chua_dat");
    type(d, "visit_date", "hôm qua");
    assert_int_equal(phone_set(d->an, &d->visit, FIELD, "dat"), SOTAY_OK);
    type(d, "visit_date", "2026-03-12");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"dat\"", "\"chua_dat\"");
    type(d, FIELD, "vuot");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "!\"chua_dat\"");
    assert_true(has(d->binh, &d->visit, "\"dat\""));
}

/* Of a plain field, too, another's value may stand beside his: he saw both, and replaces both. */
static void test_a_plain_field(void **state)
{
    desk *d = *state;
    assert_int_equal(phone_set(d->an, &d->visit, "place", "bến"), SOTAY_OK);
    assert_int_equal(phone_set(d->binh, &d->visit, "place", "xóm"), SOTAY_OK);
    sync_phone_well(&d->w, d->binh, NULL);
    must_end(d, 0, "\"bến\"", "\"xóm\"");
    type(d, "place", "đình");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 0, "\"đình\"", "!\"bến\"");
    assert_false(has(d->binh, &d->visit, "\"xóm\""));
}

/* What was shown cannot be read: that is said, and nothing is kept as if it had been nothing. */
static void test_a_record_that_cannot_be_read(void **state)
{
    desk *d = *state;
    st_id id = phone_id(&d->visit);
    book_key base = book_key_id(BOOK_BASE, &id);
    rows_spoil(d->an, &base);
    assert_int_equal(sotay_draft_put(d->an->client, &d->visit, FIELD, "vuot", &d->an->error),
                     SOTAY_E_CORRUPT);
    assert_false(phone_says(d->an, sotay_draft_get, &d->visit, "vuot"));
}

/* Another visit goes out in a sync that leaves so many working copies behind, for a person. */
static void must_send_all_but(desk *d, const char *place, size_t left)
{
    sotay_report report = { 0 };
    (void)phone_visit(d->an, place);
    sync_phone_well(&d->w, d->an, &report);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.needs_person, left > 0);
    assert_int_equal(rows_count(d->an, BOOK_DRAFT), left);
}

/* The record under it is damaged: all else is sent, and once it was mended what is typed as well.
 * By then it is a difference, as ever. */
static void test_what_lies_under_it_is_damaged(void **state)
{
    desk *d = *state;
    st_id id = phone_id(&d->visit);
    book_key base = book_key_id(BOOK_BASE, &id);
    binh_says(d, "chua_dat");
    sync_phone_well(&d->w, d->an, NULL);
    type(d, FIELD, "vuot");
    rows_spoil(d->an, &base);
    must_send_all_but(d, "trạm", 1);
    must_send_all_but(d, "trường", 1);
    binh_says(d, "dat");
    must_send_all_but(d, "bến", 1); /* brings it anew */
    assert_true(phone_says(d->an, sotay_draft_get, &d->visit, "vuot"));
    must_end(d, 1, "\"vuot\"", "\"dat\"");
    must_send_all_but(d, "bản", 0);
}

/* One that is damaged itself keeps no other, and neither does one of a record of which nobody can
 * say any more what it became. */
static void test_one_of_them_is_damaged(void **state)
{
    desk *d = *state;
    sotay_id other = phone_visit(d->an, "chợ mới"), gone = { { 1 } };
    st_id id = phone_id(&other), named = phone_id(&gone);
    book_key key = book_key_id(BOOK_DRAFT, &id), of_gone = book_key_id(BOOK_DRAFT, &named);
    book_key alias = book_key_id(BOOK_ALIAS, &named);
    static stored_row row;
    sync_phone_well(&d->w, d->an, NULL);
    assert_int_equal(sotay_draft_put(d->an->client, &other, FIELD, "vuot", NULL), SOTAY_OK);
    assert_true(rows_get(d->an, BOOK_DRAFT, 0, &row));
    rows_put(d->an, &of_gone, row.data, row.len);
    rows_spoil(d->an, &alias);
    rows_spoil(d->an, &key);
    type(d, FIELD, "vuot");
    must_send_all_but(d, "trạm", 2);
    must_end(d, 0, "\"vuot\"", "!\"dat\"");
    rows_seal(d->an);
    assert_int_equal(rows_count(d->an, BOOK_DRAFT), 2);
}

/* What is typed in a copy of the store goes along under its new name, but for what is damaged. */
static void test_a_damaged_one_in_a_copy(void **state)
{
    desk *d = *state;
    sotay_id more = phone_visit(d->an, "trạm");
    st_id id = phone_id(&more);
    book_key key = book_key_id(BOOK_DRAFT, &id);
    assert_int_equal(sotay_draft_put(d->an->client, &more, FIELD, "vuot", NULL), SOTAY_OK);
    rows_spoil(d->an, &key);
    phone_crash(d->an, true);
    sotay_report report = { 0 };
    sync_phone_well(&d->w, d->an, &report);
    assert_true(report.needs_person);
    assert_int_equal(rows_count(d->an, BOOK_DRAFT), 1);
    assert_true(has(d->an, &more, "\"trạm\""));
}

/* A disk that does not give a record for a moment is asked again before anything is sent; one that
 * never will stops nothing. */
static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    book_key key;
    int code;
} bad_page;

static int get_around(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    if (key.len != bad_page.key.len || memcmp(key.data, bad_page.key.b, key.len) != 0)
        return bad_page.get(context, key, out_value, error);
    *error = (sotay_error){ bad_page.code, "store: this page cannot be read" };
    return bad_page.code;
}

static void test_a_page_under_it_cannot_be_read(void **state)
{
    desk *d = *state;
    st_id id = phone_id(&d->visit);
    type(d, FIELD, "vuot");
    (void)phone_visit(d->an, "bến");
    bad_page.get = d->an->port.get;
    bad_page.key = book_key_id(BOOK_BASE, &id);
    bad_page.code = SOTAY_E_STORAGE;
    d->an->port.get = get_around;
    assert_int_equal(sync_phone(&d->w, d->an, 0, NULL), SOTAY_E_STORAGE);
    bad_page.code = SOTAY_E_CORRUPT;
    sotay_report report = { 0 };
    sync_phone_well(&d->w, d->an, &report);
    assert_int_equal(report.stored, 1);
    assert_true(report.needs_person);
    assert_int_equal(rows_count(d->an, BOOK_DRAFT), 1);
    d->an->port.get = bad_page.get;
    must_end(d, 0, "\"vuot\"", "!\"dat\"");
}

/* A record that is not shown, for the server was not met for long: nothing was typed over. */
static void test_typed_while_locked(void **state)
{
    desk *d = *state;
    sotay_id visit = phone_visit(d->binh, "bản");
    assert_int_equal(phone_set(d->binh, &visit, FIELD, "dat"), SOTAY_OK);
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->an, NULL);
    d->visit = visit;
    sotay_id_format(&d->visit, d->hex);
    sotay_memory_clock(&d->an->port, PHONE_WALL_MS + 46 * DAY_MS, 1000 + 46 * (uint64_t)DAY_MS);
    type(d, FIELD, "vuot");
    assert_int_equal(save(d), SOTAY_E_DENIED);
    sync_phone_well(&d->w, d->an, NULL);
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
}

/* A working copy of an older store says nothing of what was shown: it replaces nothing. What is
 * typed beside it is told as ever. */
static void test_a_row_of_an_older_store(void **state)
{
    desk *d = *state;
    st_buffer old;
    st_id id = phone_id(&d->visit);
    book_key key = book_key_id(BOOK_DRAFT, &id);
    binh_says(d, "dat");
    sync_phone_well(&d->w, d->an, NULL);
    static const uint8_t ROW[] = "\0\0\0\x11" FIELD "\0\0\0\x04vuot";
    st_buffer_init(&old, 256);
    assert_int_equal(st_buffer_append(&old, ROW, sizeof ROW - 1, NULL), ST_OK);
    rows_put(d->an, &key, old.data, old.len);
    st_buffer_free(&old);
    assert_true(phone_says(d->an, sotay_draft_get, &d->visit, "\"" FIELD "\":\"vuot\""));
    type(d, "place", "xóm");
    assert_int_equal(save(d), SOTAY_OK);
    must_end(d, 1, "\"vuot\"", "\"dat\"");
    assert_false(has(d->an, &d->visit, "\"chợ\""));
}

#define DESK(test) cmocka_unit_test_setup_teardown(test, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK(test_typed_before_a_sync),  DESK(test_typing_on_is_no_look),
        DESK(test_typed_anew_is_a_look), DESK(test_typed_in_a_sync),
        DESK(test_typed_on_over_a_sync), DESK(test_nothing_came),
        DESK(test_what_he_saw_was_replaced), DESK(test_a_return_that_came_later),
        DESK(test_two_fields_after_a_return),
        DESK(test_two_fields_around_a_return),
        DESK(test_two_of_his_own),
        DESK(test_a_plain_field),
        DESK(test_a_record_that_cannot_be_read),
        DESK(test_what_lies_under_it_is_damaged),
        DESK(test_one_of_them_is_damaged),
        DESK(test_a_damaged_one_in_a_copy),
        DESK(test_a_page_under_it_cannot_be_read),
        DESK(test_typed_while_locked),   DESK(test_a_row_of_an_older_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
