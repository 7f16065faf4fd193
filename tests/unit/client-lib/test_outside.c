/* tests/unit/client-lib/test_outside.c
 * A record that the office declined whole: its author goes on reading what he wrote, sees why it is
 * not in the book and what to do, and is told so when he goes on writing; while it waits, the list
 * says so. Nobody who does not read
 * the bucket hears a word of it. */
#include <stdio.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/declined.h"
#include "tests/unit/client-lib/rows.h"

#define WHY "ghi nhầm nhà văn hóa xóm bên"

typedef struct {
    edge *e;
    phone an, binh;
    sotay_id visit;
    char hex[33];
} desk;

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

static void sync_both(desk *d)
{
    must(edge_sync(d->e, d->an.client, NULL, NULL));
    must(edge_sync(d->e, d->binh.client, NULL, NULL));
}

/* A new visit of an's, with a follower, both held; the office declines both. */
static void desk_open(desk *d, const char *reason)
{
    memset(d, 0, sizeof *d);
    d->e = phone_pair(&d->an, &d->binh);
    d->e->hold_next = ST_HOLD_SCOPE;
    d->visit = phone_visit(&d->an, "chợ Trùng Khánh");
    sotay_id_format(&d->visit, d->hex);
    must(phone_set(&d->an, &d->visit, "general_note", "mái dột"));
    sync_both(d);
    d->e->hold_next = ST_HOLD_NONE;
    d->e->reason = reason;
    edge_decide(d->e, &d->e->devices[1].id, 1, ST_ENTRY_DECLINE);
    edge_decide(d->e, &d->e->devices[1].id, 2, ST_ENTRY_DECLINE);
}

static void desk_close(desk *d)
{
    phone_part(d->e, &d->an, &d->binh);
}

/* What the phone lists: NULL, all; else in that state. */
static bool lists(desk *d, phone *p, const char *state)
{
    const sotay_filter filter = { .state = state };
    char *text = NULL;
    must(sotay_list(p->client, state == NULL ? NULL : &filter, SOTAY_JSON, &text, &p->error));
    bool found = strstr(text, d->hex) != NULL;
    sotay_text_free(text);
    return found;
}

/* In text, as `read` of the visit or the status has it (read NULL). */
static bool tells(desk *d, const char *lang, phone_reader read, const char *what)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    char *text = NULL;
    sotay_close(d->an.client);
    must(sotay_open(&d->an.port, &how, &d->an.client, NULL));
    must(read == NULL ? sotay_status(d->an.client, SOTAY_TEXT, &text, NULL)
                      : read(d->an.client, &d->visit, SOTAY_TEXT, &text, NULL));
    bool found = strstr(text, what) != NULL;
    if (!found)
        print_message("  no '%s' in %s", what, text);
    sotay_text_free(text);
    return found;
}

static void reads_all(desk *d)
{
    assert_true(phone_says(&d->an, sotay_show, &d->visit, "\"state\":\"declined\""));
    assert_true(phone_says(&d->an, sotay_show, &d->visit, "\"chợ Trùng Khánh\""));
    assert_true(phone_says(&d->an, sotay_show, &d->visit, "\"mái dột\""));
    assert_true(phone_says(&d->an, sotay_show, &d->visit, "\"author\":\"an\""));
    assert_true(lists(d, &d->an, NULL));
    assert_true(lists(d, &d->an, "declined"));
    assert_false(lists(d, &d->an, "draft"));
    assert_true(phone_status_says(&d->an, "\"drafts\":0"));
}

/* A device that is suspended gets verdicts and no pages: the list says what they said. */
static void test_the_list_says_what_waits(void **state)
{
    desk d;
    (void)state;
    memset(&d, 0, sizeof d);
    d.e = phone_pair(&d.an, &d.binh);
    d.e->devices[1].is_revoked = true;
    d.e->hold_next = ST_HOLD_SUSPENDED;
    d.visit = phone_visit(&d.an, "chợ");
    sotay_id_format(&d.visit, d.hex);
    assert_true(lists(&d, &d.an, "draft"));
    sync_both(&d);
    assert_true(lists(&d, &d.an, "held"));
    assert_true(phone_status_says(&d.an, "\"drafts\":0"));
    assert_true(phone_says(&d.an, sotay_show, &d.visit, "\"state\":\"held\""));
    desk_close(&d);
}

static void test_its_author_reads_it_on(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, WHY);
    assert_true(lists(&d, &d.an, "held"));
    sync_both(&d);
    reads_all(&d);
    phone_reopen(&d.an);
    reads_all(&d);
    rows_begin(&d.an);                         /* the same when the log is read anew */
    assert_int_equal(apply_forget_all(d.an.client, NULL), ST_OK);
    d.an.client->next.position = 0;
    rows_commit(&d.an);
    assert_false(lists(&d, &d.an, "declined"));
    sync_both(&d);
    reads_all(&d);
    char *found = NULL;
    const sotay_filter words = { .text = "trung khanh" };
    must(sotay_list(d.an.client, &words, SOTAY_JSON, &found, NULL));
    assert_non_null(strstr(found, d.hex));
    sotay_text_free(found);
    desk_close(&d);
}

static void test_why_and_what_to_do(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    assert_true(phone_says(&d.an, sotay_show, &d.visit, "\"decision_reason\":\"" WHY "\""));
    assert_true(phone_says(&d.an, sotay_history, &d.visit,
                           "\"verdict\":\"declined\",\"decision_reason\":\"" WHY "\""));
    assert_true(phone_status_says(&d.an, "\"reason\":\"" WHY "\"}]"));
    assert_true(tells(&d, "vi", NULL, ". Lý do: “" WHY "”. Nội dung vẫn còn trên máy"));
    assert_true(tells(&d, "vi", sotay_show, "! Lý do của văn phòng: " WHY "\n"));
    assert_true(tells(&d, "vi", sotay_show, "lập phiếu mới"));
    assert_true(tells(&d, "vi", sotay_history, "văn phòng không đưa vào sổ vì: " WHY "\n"));
    assert_true(tells(&d, "en", NULL, "Its reason: “" WHY "”. What was written stays here"));
    assert_true(tells(&d, "en", sotay_show, "! The office's reason: " WHY "\n"));
    assert_true(tells(&d, "en", sotay_history, "the office declined it because: " WHY "\n"));
    desk_close(&d);
}

/* The office gave none, or its server is an older one. */
static void test_without_a_reason(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, NULL);
    sync_both(&d);
    reads_all(&d);
    assert_true(phone_status_says(&d.an, "\"reason\":null}]"));
    assert_true(tells(&d, "vi", NULL, "hỏi văn phòng lý do"));
    assert_true(tells(&d, "en", NULL, "ask the office why"));
    assert_true(tells(&d, "en", sotay_show, "declined it; below is what was sent\n! It cannot"));
    desk_close(&d);
}

static void test_it_cannot_be_written_on(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    assert_int_equal(phone_set(&d.an, &d.visit, "place", "trạm"), SOTAY_E_STATE);
    assert_non_null(strstr(d.an.error.detail, "lập phiếu mới"));
    assert_int_equal(sotay_record_finalise(d.an.client, &d.visit, &d.an.error), SOTAY_E_STATE);
    assert_true(phone_status_says(&d.an, "\"ready\":0"));
    desk_close(&d);
}

/* Who reads the bucket can look it up; it is in nobody else's list. */
static void test_others_do_not_list_it(void **state)
{
    desk d;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    assert_true(phone_says(&d.binh, sotay_show, &d.visit, "\"state\":\"declined\""));
    assert_false(lists(&d, &d.binh, NULL));
    assert_true(phone_status_says(&d.binh, "\"declined\":[]"));
    desk_close(&d);
}

/* The unit is not an's any more: words and reason go, that there was something stays. */
static void test_it_goes_with_the_unit(void **state)
{
    desk d;
    char *text = NULL;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    d.e->lost_unit = true;
    d.e->scope_rev++;
    sync_both(&d);
    assert_int_equal(sotay_show(d.an.client, &d.visit, SOTAY_JSON, &text, NULL),
                     SOTAY_E_NOT_FOUND);
    assert_false(lists(&d, &d.an, NULL));
    assert_true(phone_status_says(&d.an, "\"reason\":null}]"));
    assert_true(tells(&d, "vi", NULL, "hiện không đọc được phiếu ấy: hãy hỏi văn phòng"));
    assert_true(tells(&d, "en", NULL, "does not read that record now: ask the office"));
    desk_close(&d);
}

/* A line whose reason is longer than it is: the history says so, the status goes on without. */
static void test_a_damaged_line(void **state)
{
    static stored_row row;
    desk d;
    char *text = NULL;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    for (size_t n = 0; rows_get(&d.an, BOOK_HIST, n, &row); n++)
        if (memcmp(row.key.b + 1, d.visit.b, sizeof d.visit.b) == 0)
            rows_put(&d.an, &row.key, row.data, row.len - 1);
    assert_true(phone_says(&d.an, sotay_history, &d.visit, "\"unread\":true"));
    assert_int_equal(sotay_show(d.an.client, &d.visit, SOTAY_JSON, &text, &d.an.error),
                     SOTAY_E_CORRUPT);
    assert_true(phone_status_says(&d.an, "\"reason\":null}]"));
    desk_close(&d);
}

/* Whose the device is that wrote it, is damaged: it is shown all the same, and that this is not all
 * of it is said. */
static void test_an_author_that_is_damaged(void **state)
{
    static stored_row row;
    const char *const unread = "\"unread\":true";
    desk d;
    (void)state;
    desk_open(&d, WHY);
    sync_both(&d);
    const st_id an = d.an.client->me.device;
    for (size_t n = 0; rows_get(&d.binh, BOOK_NAME, n, &row); n++)
        if (row.key.len > 16 && memcmp(row.key.b + row.key.len - 16, an.b, 16) == 0)
            break;
    rows_spoil(&d.binh, &row.key);
    assert_true(phone_says(&d.binh, sotay_show, &d.visit, "\"chợ Trùng Khánh\""));
    assert_true(phone_says(&d.binh, sotay_show, &d.visit, "\"state\":\"declined\""));
    assert_true(phone_says(&d.binh, sotay_show, &d.visit, unread));
    assert_true(phone_says(&d.binh, sotay_history, &d.visit, unread));
    rows_put(&d.binh, &row.key, an.b, 8); /* it opens, and is too short for a person */
    assert_true(phone_says(&d.binh, sotay_show, &d.visit, unread));
    assert_true(phone_says(&d.binh, sotay_history, &d.visit, unread));
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_says_what_waits),
        cmocka_unit_test(test_its_author_reads_it_on),
        cmocka_unit_test(test_why_and_what_to_do),
        cmocka_unit_test(test_without_a_reason),
        cmocka_unit_test(test_it_cannot_be_written_on),
        cmocka_unit_test(test_others_do_not_list_it),
        cmocka_unit_test(test_it_goes_with_the_unit),
        cmocka_unit_test(test_a_damaged_line),
        cmocka_unit_test(test_an_author_that_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
