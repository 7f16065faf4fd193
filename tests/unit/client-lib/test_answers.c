/* tests/unit/client-lib/test_answers.c
 * Whatever a server, a proxy or a dead connection answers, the officer reads what it means for his
 * work, the sync ends, and what he recorded goes out with the next one. And a program that calls
 * things in the wrong order is told so, and does no harm. */
#include "tests/unit/client-lib/rows.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* A stream of these frames. The caller frees it. */
static st_buffer stream_of(const st_frame *frames, size_t count)
{
    st_buffer bytes, out;
    st_frame_writer *writer = NULL;
    st_buffer_init(&bytes, 65536);
    st_buffer_init(&out, 65536);
    assert_int_equal(st_frame_writer_new(3, &out, &writer, NULL), ST_OK);
    for (size_t i = 0; i < count; i++) {
        st_buffer_clear(&bytes);
        assert_int_equal(st_frame_encode(&frames[i], &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    }
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    st_buffer_free(&bytes);
    return out;
}

/* One with one refusal in it. The caller frees it. */
static st_buffer refusal_of(st_err code, uint64_t counter)
{
    st_frame frame = { .kind = ST_FRAME_REFUSAL };
    frame.as.refusal = (st_refusal){ .code = code, .counter = counter, .detail = "vì sao" };
    return stream_of(&frame, 1);
}

/* One round with this answer; frees the sync. */
static int answered(phone *p, const st_buffer *body, int status, bool *again)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    *again = false;
    must(sotay_sync_begin(p->client, &sync, NULL));
    must(sotay_sync_next(sync, &request, NULL));
    int rc = SOTAY_OK;
    if (body != NULL)
        rc = sotay_sync_feed(sync, body->data, body->len, &p->error);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, status, again, &p->error);
    sotay_sync_free(sync);
    return rc;
}

static void test_an_answer_without_a_body(void **state)
{
    static const struct {
        int status, want;
    } CASES[] = {
        { 0, SOTAY_E_NETWORK },   { 502, SOTAY_E_NETWORK }, { 503, SOTAY_E_NETWORK },
        { 504, SOTAY_E_NETWORK }, { 429, SOTAY_E_NETWORK }, { 500, SOTAY_E_SERVER },
        { 507, SOTAY_E_SERVER },  { 400, SOTAY_E_SERVER },  { 413, SOTAY_E_SERVER },
        { 301, SOTAY_E_NETWORK }, { 302, SOTAY_E_NETWORK }, { 307, SOTAY_E_NETWORK },
        { 401, SOTAY_E_NETWORK }, { 403, SOTAY_E_NETWORK }, { 404, SOTAY_E_NETWORK },
        { 407, SOTAY_E_NETWORK }, { 511, SOTAY_E_NETWORK },
        { 200, SOTAY_E_NETWORK }, /* an answer that is not whole */
    };
    phone an;
    bool again = false;
    (void)state;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ");
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %d\n", CASES[i].status);
        assert_int_equal(answered(&an, NULL, CASES[i].status, &again), CASES[i].want);
        assert_true(strlen(an.error.detail) > 0);
        assert_true(phone_status_says(&an, "\"ready\":1"));
    }
    must(edge_sync(e, an.client, NULL, NULL));
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

static void test_a_refusal(void **state)
{
    static const struct {
        int code, status, want;
    } CASES[] = {
        { ST_E_SIGNATURE, 401, SOTAY_E_SIGNATURE },
        { ST_E_VERSION, 426, SOTAY_E_VERSION }, { ST_E_STORAGE, 507, SOTAY_E_NETWORK },
        { ST_PENDING, 202, SOTAY_E_SERVER },    { ST_ERR_COUNT, 500, SOTAY_E_SERVER },
        { 4000, 500, SOTAY_E_SERVER },
    };
    phone an;
    bool again = false;
    (void)state;
    edge *e = phone_alone(&an);
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_buffer body = refusal_of((st_err)CASES[i].code, 0);
        print_message("  case: %d\n", CASES[i].code);
        assert_int_equal(answered(&an, &body, CASES[i].status, &again), CASES[i].want);
        assert_non_null(strstr(an.error.detail, "vì sao"));
        st_buffer_free(&body);
    }
    phone_part(e, &an, NULL);
}

/* A server that was put back may not know this phone: it is asked once more, with the set by which
 * it once enrolled it; then its word counts. */
static void test_a_server_that_does_not_know_us(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_sync *sync = NULL;
    st_buffer body = refusal_of(ST_E_DENIED, 0);
    must(sotay_sync_begin(an.client, &sync, NULL));
    for (int round = 0; round < 2; round++) {
        sotay_request request;
        bool again = false;
        must(sotay_sync_next(sync, &request, NULL));
        must(sotay_sync_feed(sync, body.data, body.len, NULL));
        int rc = sotay_sync_end(sync, 403, &again, &an.error);
        assert_int_equal(again, round == 0);
        assert_int_equal(rc, round == 0 ? SOTAY_OK : SOTAY_E_DENIED);
    }
    assert_non_null(strstr(an.error.detail, "vì sao"));
    sotay_sync_free(sync);
    st_buffer_free(&body);
    phone_part(e, &an, NULL);
}

/* A verdict of a newer server is no word that the set is in the log: it goes again. */
static void test_an_unknown_verdict_is_not_sent(void **state)
{
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    sotay_report report;
    bool again = false;
    (void)state;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ");
    must(sotay_sync_begin(an.client, &sync, NULL));
    must(sotay_sync_next(sync, &request, NULL));
    st_frame frames[2] = { { .kind = ST_FRAME_VERDICT }, { .kind = ST_FRAME_END } };
    frames[0].as.verdict = (st_verdict){ .kind = (st_verdict_kind)(ST_VERDICT_LATER + 1),
                                         .first = an.client->me.counter };
    frames[1].as.end = (st_end){ .version = 1, .server_ms = PHONE_WALL_MS,
                                   .position = an.client->me.position };
    st_buffer body = stream_of(frames, 2);
    must(sotay_sync_feed(sync, body.data, body.len, NULL));
    must(sotay_sync_end(sync, 200, &again, NULL));
    sotay_sync_report(sync, &report);
    sotay_sync_free(sync);
    st_buffer_free(&body);
    assert_int_equal(report.sent_changes, 0);
    assert_true(report.needs_person);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    must(edge_sync(e, an.client, NULL, &report));
    assert_int_equal(report.sent_changes, 1);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* A server that refuses every counter is not asked for ever. */
static void test_a_server_that_wants_another_counter(void **state)
{
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    bool again = true;
    int rc = SOTAY_OK, rounds = 0;
    (void)state;
    edge *e = phone_alone(&an);
    st_buffer body = refusal_of(ST_E_AGAIN, 1);
    must(sotay_sync_begin(an.client, &sync, NULL));
    for (; rc == SOTAY_OK && again; rounds++) {
        assert_true(rounds < 100);
        must(sotay_sync_next(sync, &request, NULL));
        must(sotay_sync_feed(sync, body.data, body.len, NULL));
        rc = sotay_sync_end(sync, 409, &again, &an.error);
    }
    assert_int_equal(rc, SOTAY_E_AGAIN);
    assert_true(rounds > 1);
    sotay_sync_free(sync);
    st_buffer_free(&body);
    must(edge_sync(e, an.client, NULL, NULL));
    phone_part(e, &an, NULL);
}

/* One number of a server that errs must not use up all counters of the phone. */
static void test_a_counter_nobody_reached(void **state)
{
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    bool again = false;
    (void)state;
    edge *e = phone_alone(&an);
    static const uint64_t COUNTERS[] = { UINT64_MAX, UINT64_C(1) << 40 };
    for (size_t i = 0; i < sizeof COUNTERS / sizeof COUNTERS[0]; i++) {
        st_buffer body = refusal_of(ST_E_AGAIN, COUNTERS[i]);
        must(sotay_sync_begin(an.client, &sync, NULL));
        must(sotay_sync_next(sync, &request, NULL));
        must(sotay_sync_feed(sync, body.data, body.len, NULL));
        assert_int_equal(sotay_sync_end(sync, 409, &again, &an.error), SOTAY_E_SERVER);
        assert_false(again);
        sotay_sync_free(sync);
        st_buffer_free(&body);
        phone_reopen(&an);
    }
    must(edge_sync(e, an.client, NULL, NULL)); /* with the counters that it had */
    phone_part(e, &an, NULL);
}

/* What is put off is neither sent nor lost, and no sync with it is complete; where a later set is
 * taken meanwhile the server asks for it, and has all of it once. */
static void test_sets_that_are_put_off(void **state)
{
    phone an;
    sotay_report report;
    (void)state;
    edge *e = phone_alone(&an);
    for (int behind = 0; behind < 2; behind++) {
        const uint64_t taken = e->sets_taken;
        sotay_id first = phone_visit(&an, "chợ");
        e->later_next = 1;
        must(edge_sync(e, an.client, NULL, &report));
        assert_int_equal(report.later, 1);
        assert_int_equal(report.later_s, EDGE_LATER_S);
        assert_int_equal(report.stored + report.duplicate + report.held, 0);
        assert_int_equal(report.sent_changes, 0);
        assert_false(report.complete);
        assert_false(report.needs_person);
        assert_true(phone_status_says(&an, "\"ready\":1"));
        assert_int_equal(e->sets_taken, taken);
        if (behind > 0) { /* put off again; the one behind it is taken, and the gap is asked for */
            must(phone_set(&an, &first, "place", "đền"));
            e->later_next = 1;
            must(edge_sync(e, an.client, NULL, &report));
            assert_int_equal(report.later, 1);
            assert_int_equal(report.stored, 2);
            assert_int_equal(report.wanted, 1);
            assert_false(report.complete); /* a program looks once more: that costs nothing */
        }
        must(edge_sync(e, an.client, NULL, &report));
        assert_int_equal(report.later, 0);
        assert_int_equal(report.later_s, 0);
        assert_int_equal(report.stored, behind > 0 ? 0 : 1);
        assert_true(report.complete);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        assert_int_equal(e->sets_taken, taken + 1 + (uint64_t)behind);
    }
    phone_part(e, &an, NULL);
}

static void test_calls_in_the_wrong_order(void **state)
{
    phone an;
    sotay_sync *sync = NULL, *other = NULL;
    sotay_request request;
    bool again = false;
    char label[400];
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    sotay_sync_free(NULL);
    must(sotay_sync_begin(an.client, &sync, NULL));
    assert_int_equal(sotay_sync_feed(sync, "x", 1, &an.error), SOTAY_E_USAGE);
    assert_int_equal(sotay_sync_feed(sync, "x", 1, &an.error), SOTAY_E_USAGE); /* it is over */
    sotay_sync_free(sync);
    must(sotay_sync_begin(an.client, &sync, NULL));
    assert_int_equal(sotay_sync_end(sync, 200, &again, NULL), SOTAY_E_USAGE);
    sotay_sync_free(sync);
    must(sotay_sync_begin(an.client, &sync, NULL));
    assert_int_equal(sotay_sync_begin(an.client, &other, &an.error), SOTAY_E_BUSY);
    must(phone_set(&an, &visit, "place", "x"));
    must(sotay_draft_put(an.client, &visit, "place", "y", NULL));
    must(sotay_sync_next(sync, &request, NULL));
    const size_t len = request.body_bytes;
    must(sotay_sync_next(sync, &request, NULL)); /* asked again: the same request */
    assert_int_equal(request.body_bytes, len);
    sotay_sync_free(sync);
    sotay_memory_pending(&an.port, true, false);
    assert_int_equal(phone_set(&an, &visit, "place", "x"), SOTAY_PENDING);
    assert_int_equal(sotay_sync_begin(an.client, &other, NULL), SOTAY_E_BUSY);
    must(sotay_memory_settle(&an.port, an.client, SOTAY_OK, NULL));
    sotay_memory_pending(&an.port, false, false);
    memset(label, 'k', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    char link[128];
    edge_link(e, 0, link);
    assert_int_equal(sotay_enrol_begin(an.client, link, label, &other, NULL), SOTAY_E_VALUE);
    must(edge_sync(e, an.client, NULL, NULL));
    phone_part(e, &an, NULL);
}

/* ---- words ---- */

static int read_status(sotay_client *client, const sotay_id *record, sotay_format format,
                       char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_status(client, format, out_text, error);
}

static int read_conflicts(sotay_client *client, const sotay_id *record, sotay_format format,
                          char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_conflicts(client, format, out_text, error);
}

/* The text of a phone whose person reads `lang`, copied or not. */
static void must_read(const phone *p, phone_reader read, const sotay_id *record, const char *lang,
                      bool copied, const char *says)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    phone q;
    char *text = NULL;
    memset(&q, 0, sizeof q);
    must(sotay_memory_copy(&p->port, copied, &q.port, NULL));
    must(sotay_open(&q.port, &how, &q.client, NULL));
    must(read(q.client, record, SOTAY_TEXT, &text, NULL));
    if (strstr(text, says) == NULL)
        fail_msg("no '%s' in\n%s", says, text);
    sotay_text_free(text);
    phone_free(&q);
}

static void test_both_languages(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    const sotay_pair clear = { "visit_date", NULL };
    const sotay_pairs cleared = { &clear, 1 };
    must(sotay_record_set(an.client, &visit, cleared, NULL));
    must_read(&an, sotay_record_review, &visit, "vi", false, "visit_date (visit_date): cần ghi");
    must_read(&an, sotay_record_review, &visit, "en", false, "visit_date (visit_date): it is need");
    must_read(&an, sotay_show, &visit, "vi", false, "chợ");
    must_read(&an, sotay_show, &visit, NULL, false, "chợ");
    must_read(&an, sotay_history, &visit, "vi", false, "chưa gửi");
    must_read(&an, sotay_history, &visit, "en", false, "not sent yet");
    must_read(&an, read_conflicts, &visit, "en", false, "");
    must_read(&an, read_status, &visit, "vi", false, "chưa gửi: 2\n");
    must_read(&an, read_status, &visit, "en", false, "safe to wipe: no\n");
    must_read(&an, read_status, &visit, "en", true, "is a copy: enrol it again\n");
    must_read(&an, read_status, &visit, "vi", true, "cần đăng ký lại máy\n");
    phone_part(e, &an, NULL);
}

static void test_codes_have_names_and_sentences(void **state)
{
    sotay_id id = { { 1 } };
    char text[33];
    (void)state;
    int codes = 0;
    while (strcmp(sotay_code_name((sotay_code)codes), "SOTAY_E_UNKNOWN") != 0) {
        const sotay_code code = (sotay_code)codes++;
        assert_int_equal(strncmp(sotay_code_name(code), "SOTAY_", 6), 0);
        assert_true(strlen(sotay_code_sentence(code, "vi")) > 0);
        assert_string_equal(sotay_code_sentence(code, NULL), sotay_code_sentence(code, "en"));
    }
    assert_true(codes > SOTAY_PENDING);
    assert_string_equal(sotay_code_name(SOTAY_E_VALUE), "SOTAY_E_VALUE");
    assert_true(strlen(sotay_code_sentence((sotay_code)codes, "vi")) > 0);
    sotay_id_format(&id, text);
    assert_string_equal(text, "01000000000000000000000000000000");
    assert_true(sotay_id_parse(text, &id));
    assert_false(sotay_id_parse("01", &id));
    assert_false(sotay_id_parse("g1000000000000000000000000000000", &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_without_a_body),
        cmocka_unit_test(test_a_refusal),
        cmocka_unit_test(test_a_server_that_does_not_know_us),
        cmocka_unit_test(test_an_unknown_verdict_is_not_sent),
        cmocka_unit_test(test_a_server_that_wants_another_counter),
        cmocka_unit_test(test_a_counter_nobody_reached),
        cmocka_unit_test(test_sets_that_are_put_off),
        cmocka_unit_test(test_calls_in_the_wrong_order),
        cmocka_unit_test(test_both_languages),
        cmocka_unit_test(test_codes_have_names_and_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
