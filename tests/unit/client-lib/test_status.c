/* tests/unit/client-lib/test_status.c
 * What a person reads about his phone and his sync: how much waits and where, whether it may be
 * wiped, and everything that he has to do something about, in his own language; nothing is said
 * that is not so. */
#include "tests/unit/client-lib/phone.h"

#include <stdio.h>

#include "client-lib/src/client.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static const char *const LANGS[] = { "vi", "en" };

static void speak(phone *p, const char *lang)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    sotay_close(p->client);
    assert_int_equal(sotay_open(&p->port, &how, &p->client, &p->error), SOTAY_OK);
}

/* The status says these two texts, each in its language; or neither, with `says` false. */
static void must_say(phone *p, const char *vi, const char *en, bool says)
{
    for (size_t i = 0; i < 2; i++) {
        const char *want = i == 0 ? vi : en;
        char *text = NULL;
        speak(p, LANGS[i]);
        assert_int_equal(sotay_status(p->client, SOTAY_TEXT, &text, &p->error), SOTAY_OK);
        if ((strstr(text, want) != NULL) != says)
            fail_msg("'%s' is%s in:\n%s", want, says ? " not" : "", text);
        sotay_text_free(text);
    }
    speak(p, "vi");
}

static void test_a_new_store(void **state)
{
    (void)state;
    phone p;
    phone_new(&p, 1);
    must_say(&p, "bản nháp: 0\nchưa gửi: 0\n", "drafts: 0\nnot sent: 0\n", true);
    must_say(&p, "lần gửi cuối: -\n", "last sync: -\n", true);
    must_say(&p, "có thể xóa máy: có", "safe to wipe: yes", true);
    must_say(&p, "khóa", "locked", false);
    must_say(&p, "!", "!", false);
    assert_true(phone_status_says(&p, "\"clock_offset_ms\":null"));
    assert_true(phone_status_says(&p, "\"last_sync\":null"));
    phone_free(&p);
}

static void test_what_waits(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    must_say(&an, "có thể xóa máy: có", "safe to wipe: yes", true);
    sotay_id visit = phone_visit(&an, "chợ");
    must_say(&an, "bản nháp: 1\nchưa gửi: 1\n", "drafts: 1\nnot sent: 1\n", true);
    must_say(&an, "chưa gửi từ: 12/03/2026 ", "oldest not sent: 12/03/2026 ", true);
    must_say(&an, "có thể xóa máy: không", "safe to wipe: no", true);
    must_say(&an, "đang gõ dở", "still being typed", false);
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "đang gõ", NULL), SOTAY_OK);
    must_say(&an, "phiếu đang gõ dở", "still being typed", true);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "chưa gửi: 0\nđã gửi: 2\n", "not sent: 0\nsent: 2\n", true);
    must_say(&an, "đang gõ dở", "still being typed", false);
    phone_part(e, &an, NULL);
}

/* Held changes are listed one by one, with the reason as a sentence. */
static void test_what_is_held(void **state)
{
    (void)state;
    static const st_hold HOLDS[] = { ST_HOLD_ROLE, ST_HOLD_SCOPE, ST_HOLD_FROZEN };
    for (size_t i = 0; i < sizeof HOLDS / sizeof HOLDS[0]; i++) {
        phone an;
        char id[33], vi[300], en[300];
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "chợ");
        e->hold_next = HOLDS[i];
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        sotay_id_format(&visit, id);
        (void)snprintf(vi, sizeof vi, "  %s: %s\n", id, st_hold_sentence(HOLDS[i], "vi"));
        (void)snprintf(en, sizeof en, "  %s: %s\n", id, st_hold_sentence(HOLDS[i], "en"));
        must_say(&an, vi, en, true);
        must_say(&an, "chờ văn phòng: 1", "held by the office: 1", true);
        assert_true(phone_status_says(&an, id));
        phone_part(e, &an, NULL);
    }
}

/* Within a week of the lock a person reads how long it is; then that it is so. */
static void test_how_long_others_records_stay(void **state)
{
    (void)state;
    static const struct {
        uint64_t days;
        const char *vi, *en;
    } CASES[] = {
        { 39, "khóa sau: 6 ngày", "locked in: 6 days" },
        { 44, "khóa sau: 1 ngày", "locked in: 1 days" },
        { 45, "45 ngày chưa gặp máy chủ", "45 days without the server" },
        { 60, "45 ngày chưa gặp máy chủ", "45 days without the server" },
    };
    phone an;
    edge *e = phone_alone(&an);
    must_say(&an, "khóa", "locked", false);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        sotay_memory_clock(&an.port, PHONE_WALL_MS, 1000 + CASES[i].days * DAY_MS);
        must_say(&an, CASES[i].vi, CASES[i].en, true);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "khóa", "locked", false);
    phone_part(e, &an, NULL);
}

static void test_a_clock_that_is_off(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    must_say(&an, "đồng hồ", "clock", false);
    for (int i = 0; i < 2; i++) {
        int64_t off_ms = i == 0 ? -3600000 : 3600000;
        sotay_report report;
        sotay_memory_clock(&an.port, e->now_ms + off_ms, 5000 + (uint64_t)i);
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        must_say(&an, i == 0 ? "đồng hồ máy chậm" : "đồng hồ máy nhanh",
                 i == 0 ? "clock is slow" : "clock is fast", true);
        must_say(&an, i == 0 ? "(-3600 s)" : "(+3600 s)", i == 0 ? "(-3600 s)" : "(+3600 s)", true);
    }
    sotay_memory_clock(&an.port, e->now_ms, 6000);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "đồng hồ", "clock", false);
    phone_part(e, &an, NULL);
}

static void test_a_copy_and_what_is_lost(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "không còn", "exist no more", false);
    book_key own = book_key_counter(BOOK_OWN, &an.client->me.device, 1);
    assert_int_equal(client_begin(an.client, true, NULL), ST_OK);
    assert_int_equal(book_delete(&an.client->book, &own, NULL), ST_OK);
    assert_int_equal(client_commit(an.client, NULL), ST_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "a"), SOTAY_OK);
    e->devices[1].known = 0;
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "! 1 thay đổi cũ của máy này không còn",
             "! 1 older changes of this device exist no more", true);
    must_say(&an, "bản sao", "is a copy", false);
    phone_crash(&an, true);
    must_say(&an, "sổ trên máy này là bản sao", "the store on this device is a copy", true);
    phone_part(e, &an, NULL);
}

/* What asks a person to look: one line each, and none without a cause. */
static void test_alarms_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *vi, *en;
    } LINES[] = {
        { "! 12/03/2026 15:01: máy chủ đưa ra một sổ không nối tiếp",
          "! 12/03/2026 15:01: the server showed a log that does not continue" },
        { "! 12/03/2026 15:02: máy chủ đưa ra một khóa của sổ không tiếp theo",
          "! 12/03/2026 15:02: the server named a key of the log that does not" },
        { "! 12/03/2026 15:03: sổ ở văn phòng đã sang đời mới",
          "! 12/03/2026 15:03: the office's book began a new epoch" },
        { "! 12/03/2026 15:04: phần lấy từ sổ chung trên máy này khác",
          "! 12/03/2026 15:04: what this device had of the book was not what the office has" },
    };
    phone an;
    edge *e = phone_alone(&an);
    must_say(&an, "!", "!", false);
    for (size_t which = 0; which < 4; which++) {
        assert_int_equal(client_begin(an.client, true, NULL), ST_OK);
        identity *next = &an.client->next;
        next->has_alarm = which == 0;
        next->alarm_ms = PHONE_WALL_MS + 60000;
        next->has_key_alarm = which == 1;
        next->key_alarm_ms = PHONE_WALL_MS + 120000;
        next->turned_ms = which >= 2 ? PHONE_WALL_MS + 180000 : 0;
        next->repaired_ms = which == 3 ? PHONE_WALL_MS + 240000 : 0;
        assert_int_equal(client_commit(an.client, NULL), ST_OK);
        phone_reopen(&an);
        for (size_t i = 0; i < 4; i++)
            must_say(&an, LINES[i].vi, LINES[i].en, i == which || (which == 3 && i == 2));
    }
    assert_true(phone_status_says(&an, "\"turned\":\"2026-03-12T15:03:00.000+07:00\""));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    must_say(&an, "đời mới", "new epoch", false);
    must_say(&an, "sổ chung", "had of the book", false);
    assert_true(phone_status_says(&an, "\"turned\":null,\"repaired\":null"));
    phone_part(e, &an, NULL);
}

/* ---- what a sync says ---- */

/* One sync to its end; what its report says in a language and a format. */
static char *report_of(edge *e, phone *p, const char *lang, sotay_format format, uint64_t budget)
{
    sotay_sync *sync = NULL;
    bool again = true;
    char *text = NULL;
    speak(p, lang);
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_limit(sync, budget, false);
    for (int rc = SOTAY_OK; rc == SOTAY_OK && again;) {
        sotay_request request;
        uint8_t *body = NULL;
        size_t len = 0;
        again = false;
        assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
        int status = edge_answer(e, &request, &body, &len);
        assert_int_equal(sotay_sync_feed(sync, body, len, &p->error), SOTAY_OK);
        rc = sotay_sync_end(sync, status, &again, &p->error);
        assert_int_equal(rc, SOTAY_OK);
        free(body);
    }
    assert_int_equal(sotay_sync_report_text(sync, format, &text, &p->error), SOTAY_OK);
    sotay_sync_free(sync);
    return text;
}

static void report_says(edge *e, phone *p, sotay_format format, uint64_t budget, const char *vi,
                        const char *en)
{
    for (size_t i = 0; i < 2; i++) {
        const char *want = i == 0 ? vi : en;
        sotay_id visit = phone_visit(p, "chợ"); /* something to send */
        (void)visit;
        char *text = report_of(e, p, LANGS[i], format, budget);
        if (strstr(text, want) == NULL)
            fail_msg("no '%s' in: %s", want, text);
        sotay_text_free(text);
    }
}

static void test_what_a_sync_says(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    report_says(e, &an, SOTAY_TEXT, 0, "đã gửi 1 thay đổi, nhận 0", "sent 1 change, received 0");
    report_says(e, &an, SOTAY_JSON, 0, "\"stopped\":null", "\"stopped\":null");
    report_says(e, &an, SOTAY_JSON, 0, "\"verdicts\":{\"stored\":1,\"duplicate\":0",
                "\"sent_changes\":1,");
    e->page_per_entry = true; /* many answers, more than a budget of one byte has room for */
    report_says(e, &an, SOTAY_TEXT, 1, "đã dùng hết hạn mức", "the budget is used up");
    report_says(e, &an, SOTAY_JSON, 1, "\"stopped\":\"budget\"", "\"stopped\":\"budget\"");
    e->page_per_entry = false;
    sotay_memory_clock(&an.port, e->now_ms - 3600000, 9000);
    report_says(e, &an, SOTAY_TEXT, 0, "! đồng hồ máy chậm", "! this device's clock is slow");
    phone_part(e, &an, NULL);
}

static void test_a_sync_that_needs_a_person(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    phone_crash(&an, true); /* a copy: somebody has to enrol it again */
    for (size_t i = 0; i < 2; i++) {
        char *text = report_of(e, &an, LANGS[i], SOTAY_TEXT, 0);
        if (strstr(text, i == 0 ? "có việc cần người xem" : "something needs a person") == NULL)
            fail_msg("%s", text);
        sotay_text_free(text);
    }
    phone_part(e, &an, NULL);
}

/* What the office puts off is said: that it stays, and whom to ask. */
static void test_a_sync_that_was_put_off(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    e->later_next = 1;
    report_says(e, &an, SOTAY_TEXT, 0, "văn phòng chưa nhận: 1;", "sent 2 changes");
    e->later_next = 100;
    report_says(e, &an, SOTAY_TEXT, 0, "văn phòng chưa nhận: 1;",
                "not taken by the office yet: 2;");
    phone_part(e, &an, NULL);
}

/* Damage that a sync mended is named. */
static void test_a_sync_that_mended(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    st_id record = phone_id(&visit);
    edge_write(e, &record, EDGE_NOTE, "của văn phòng");
    e->corrupt_sum = 1; /* what came does not add up to what the server says */
    char *text = report_of(e, &an, "vi", SOTAY_JSON, 0);
    if (strstr(text, "\"repaired_buckets\":[\"" EDGE_UNIT_BUCKET "\"]") == NULL)
        fail_msg("%s", text);
    sotay_text_free(text);
    phone_part(e, &an, NULL);
}

/* ---- a working copy ---- */

static void test_a_working_copy_is_read(void **state)
{
    (void)state;
    static const sotay_id NOWHERE = { { 7 } };
    phone an;
    char *text = NULL, id[33], want[200];
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    sotay_id_format(&visit, id);
    assert_int_equal(sotay_draft_get(an.client, &NOWHERE, SOTAY_TEXT, &text, &an.error),
                     SOTAY_E_NOT_FOUND);
    (void)snprintf(want, sizeof want, "{\"id\":\"%s\",\"fields\":{}}\n", id);
    assert_int_equal(sotay_draft_get(an.client, &visit, SOTAY_JSON, &text, &an.error), SOTAY_OK);
    assert_string_equal(text, want);
    sotay_text_free(text);
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "đang gõ", NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_put(an.client, &visit, "place", "xóm", NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_get(an.client, &visit, SOTAY_TEXT, &text, &an.error), SOTAY_OK);
    assert_string_equal(text, "general_note=đang gõ\nplace=xóm\n");
    sotay_text_free(text);
    assert_int_equal(sotay_draft_get(an.client, &visit, SOTAY_JSON, &text, &an.error), SOTAY_OK);
    assert_non_null(strstr(text, "{\"general_note\":\"đang gõ\",\"place\":\"xóm\"}"));
    sotay_text_free(text);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_store),
        cmocka_unit_test(test_what_waits),
        cmocka_unit_test(test_what_is_held),
        cmocka_unit_test(test_how_long_others_records_stay),
        cmocka_unit_test(test_a_clock_that_is_off),
        cmocka_unit_test(test_a_copy_and_what_is_lost),
        cmocka_unit_test(test_alarms_are_said),
        cmocka_unit_test(test_what_a_sync_says),
        cmocka_unit_test(test_a_sync_that_needs_a_person),
        cmocka_unit_test(test_a_sync_that_was_put_off),
        cmocka_unit_test(test_a_sync_that_mended),
        cmocka_unit_test(test_a_working_copy_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
