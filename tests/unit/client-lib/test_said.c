/* tests/unit/client-lib/test_said.c
 * What a server may say in one round, frame by frame: where it is from now on, which counters it
 * lacks, when to come again, what the time is. A phone believes of it what it can check, asks a
 * bounded number of times, and has its work afterwards. */
#include "proto/epoch.h"
#include "tests/unit/client-lib/answer.h"
#include "tests/unit/client-lib/rows.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
    edge *e;
    phone an;
    sotay_sync *sync;
    sotay_request request;
    sotay_report report;
    bool again;
} talk;

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* ---- one round ---- */

static void talk_open(talk *t)
{
    memset(t, 0, sizeof *t);
    t->e = phone_alone(&t->an);
}

static void talk_close(talk *t)
{
    sotay_sync_free(t->sync);
    t->sync = NULL;
    must(edge_sync(t->e, t->an.client, NULL, NULL)); /* an honest server finds all in order */
    assert_true(phone_status_says(&t->an, "\"ready\":0"));
    phone_part(t->e, &t->an, NULL);
}

static void ask(talk *t)
{
    if (t->sync == NULL)
        must(sotay_sync_begin(t->an.client, &t->sync, &t->an.error));
    must(sotay_sync_next(t->sync, &t->request, &t->an.error));
}

/* The answer to what was asked: these frames, and an end. */
static int hear(talk *t, const st_frame *frames, size_t count, const st_end *end)
{
    answer a;
    st_frame last = { .kind = ST_FRAME_END, .as.end = *end };
    answer_begin(&a);
    for (size_t i = 0; i < count; i++)
        answer_put(&a, &frames[i]);
    answer_put(&a, &last);
    int rc = answer_give(&a, t->sync, &t->again);
    sotay_sync_report(t->sync, &t->report);
    return rc;
}

/* A sync of one round. */
static int hear_once(talk *t, const st_frame *frames, size_t count, const st_end *end)
{
    ask(t);
    int rc = hear(t, frames, count, end);
    sotay_sync_free(t->sync);
    t->sync = NULL;
    return rc;
}

/* The end of an answer with which all is well. */
static st_end good_end(const talk *t)
{
    return (
        st_end){ .version = 1, .server_ms = t->e->now_ms, .position = t->an.client->me.position };
}

/* How many frames of a kind the request has; the first frame, by which it asks, in *out_ask. The
 * arena holds it. */
static size_t read_request(const talk *t, st_frame_kind kind, st_arena *arena, st_ask *out_ask)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0, count = 0;
    st_err bad = ST_OK;
    const uint8_t *stream = t->request.body + ST_HEAD_BYTES;
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, stream, t->request.body_bytes - ST_HEAD_BYTES, NULL),
                     ST_OK);
    for (bool is_first = true; st_frame_read(reader, &bytes, &len, &bad); is_first = false) {
        st_frame frame;
        bytes = st_arena_copy(arena, bytes, len);
        assert_non_null(bytes);
        assert_int_equal(st_frame_decode(bytes, len, arena, &frame, NULL), ST_OK);
        if (is_first)
            *out_ask = frame.as.ask;
        count += frame.kind == kind ? 1 : 0;
    }
    st_frame_reader_free(reader);
    return count;
}

static size_t frames_in(const talk *t, st_frame_kind kind)
{
    st_arena arena;
    st_ask ask_frame;
    st_arena_init(&arena, (size_t)1 << 24);
    size_t count = read_request(t, kind, &arena, &ask_frame);
    st_arena_reset(&arena);
    return count;
}

static void must_say_gone(const talk *t, uint64_t from, uint64_t to)
{
    st_arena arena;
    st_arena_init(&arena, (size_t)1 << 24);
    st_ask ask_frame;
    assert_int_equal(read_request(t, ST_FRAME_ASK, &arena, &ask_frame), 1);
    assert_int_equal(ask_frame.gone_count, 1);
    assert_int_equal(ask_frame.gone[0].from, from);
    assert_int_equal(ask_frame.gone[0].to, to);
    st_arena_reset(&arena);
}

/* ---- where the server is ---- */

static st_frame address_of(const talk *t, uint64_t n, const char *url)
{
    st_buffer text;
    st_frame frame = { .kind = ST_FRAME_ADDRESS };
    uint8_t public_key[32], secret[64];
    frame.as.address.n = n;
    strcpy(frame.as.address.url, url);
    st_buffer_init(&text, 4096);
    assert_int_equal(st_address_sign_text(&t->e->log, &frame.as.address, &text), ST_OK);
    st_sign_keypair(t->e->log_seed, public_key, secret);
    st_sign(secret, text.data, text.len, frame.as.address.signature);
    st_buffer_free(&text);
    return frame;
}

static void must_be_at(phone *p, const char *url)
{
    sotay_who who;
    phone_reopen(p);
    sotay_whoami(p->client, &who);
    assert_string_equal(who.url, url);
}

static void test_a_new_address(void **state)
{
    (void)state;
    talk t;
    char longest[ST_ADDRESS_BYTES_MAX + 1] = "https://";
    talk_open(&t);
    must_be_at(&t.an, "http://127.0.0.1:8080");
    st_end end = good_end(&t);
    st_frame said = address_of(&t, 3, "https://so-tay.example");
    must(hear_once(&t, &said, 1, &end));
    must_be_at(&t.an, "https://so-tay.example");
    said = address_of(&t, 2, "https://cu.example"); /* an older notice, and the same again */
    must(hear_once(&t, &said, 1, &end));
    said = address_of(&t, 3, "https://cu.example");
    must(hear_once(&t, &said, 1, &end));
    must_be_at(&t.an, "https://so-tay.example");
    said = address_of(&t, 4, "https://ke-trom.example");
    said.as.address.signature[5] ^= 1;
    assert_int_equal(hear_once(&t, &said, 1, &end), SOTAY_E_SIGNATURE);
    must_be_at(&t.an, "https://so-tay.example");
    memset(longest + 8, 'a', sizeof longest - 9);
    said = address_of(&t, 4, longest);
    must(hear_once(&t, &said, 1, &end));
    must_be_at(&t.an, longest);
    talk_close(&t);
}

/* ---- what it lacks ---- */

/* Three visits, each in a set of its own, that the server has. */
static void three_sets(talk *t)
{
    for (int i = 0; i < 3; i++) {
        (void)phone_visit(&t->an, "chợ");
        must(edge_sync(t->e, t->an.client, NULL, NULL));
    }
}

/* What became of the own set from this counter on is not known any more. */
static void forget_set(talk *t, uint64_t first)
{
    book_key key = book_key_counter(BOOK_OWN, &t->an.client->me.device, first);
    rows_delete(&t->an, &key);
}

static st_frame want_of(uint64_t from, uint64_t to)
{
    st_frame frame = { .kind = ST_FRAME_WANT };
    frame.as.want.from = from;
    frame.as.want.to = to;
    return frame;
}

static void test_a_hole_in_the_middle(void **state)
{
    (void)state;
    talk t;
    talk_open(&t);
    three_sets(&t);
    forget_set(&t, 2);
    st_end end = good_end(&t);
    st_frame want = want_of(1, 3);
    ask(&t);
    must(hear(&t, &want, 1, &end));
    assert_true(t.again);
    assert_int_equal(t.report.wanted, 1);
    ask(&t);
    must_say_gone(&t, 2, 2);
    assert_int_equal(frames_in(&t, ST_FRAME_SET), 2); /* the other two go again */
    must(hear(&t, NULL, 0, &end));
    assert_int_equal(t.an.client->me.lost, 1);
    assert_int_equal(t.an.client->me.gone_from, 0);
    talk_close(&t);
}

/* More is asked for while what was asked for before is told to be gone: that comes next. */
static void test_a_hole_that_grows(void **state)
{
    (void)state;
    talk t;
    talk_open(&t);
    three_sets(&t);
    forget_set(&t, 2);
    forget_set(&t, 3);
    st_end end = good_end(&t);
    st_frame want = want_of(2, 2);
    ask(&t);
    must(hear(&t, &want, 1, &end));
    ask(&t);
    must_say_gone(&t, 2, 2);
    want = want_of(2, 3);
    must(hear(&t, &want, 1, &end));
    assert_int_equal(t.an.client->me.lost, 0); /* not said to its end */
    ask(&t);
    must_say_gone(&t, 2, 3);
    must(hear(&t, NULL, 0, &end));
    assert_int_equal(t.an.client->me.lost, 2);
    talk_close(&t);
}

/* Of a device that this is not nothing can be said to be gone. */
static void test_what_another_device_lacks(void **state)
{
    (void)state;
    talk t;
    talk_open(&t);
    three_sets(&t);
    st_end end = good_end(&t);
    st_frame want = want_of(1, 3);
    want.as.want.has_device = true;
    memset(want.as.want.device.b, 0x77, 16);
    must(hear_once(&t, &want, 1, &end));
    assert_false(t.again);
    assert_int_equal(t.an.client->me.gone_from, 0);
    assert_true(phone_status_says(&t.an, "\"ready\":0"));
    talk_close(&t);
}

/* It wants the same in every answer: it is asked again a few times, then a person looks. */
static void test_a_server_that_always_wants(void **state)
{
    (void)state;
    talk t;
    unsigned rounds = 0;
    talk_open(&t);
    three_sets(&t);
    st_end end = good_end(&t);
    const st_frame want = want_of(1, 3);
    for (t.again = true; t.again; rounds++) {
        assert_true(rounds < 40);
        ask(&t);
        must(hear(&t, &want, 1, &end));
    }
    assert_true(rounds > 1 && t.report.needs_person);
    talk_close(&t);
}

/* ---- later, and times ---- */

static void test_the_longest_wait_counts(void **state)
{
    (void)state;
    static const uint32_t WAITS[] = { 30, 90, 60 };
    talk t;
    st_frame frames[LEN(WAITS)];
    talk_open(&t);
    memset(frames, 0, sizeof frames);
    for (size_t i = 0; i < LEN(WAITS); i++) {
        frames[i].kind = ST_FRAME_VERDICT;
        frames[i].as.verdict.kind = ST_VERDICT_LATER;
        frames[i].as.verdict.first = 1 + i;
        frames[i].as.verdict.later_s = WAITS[i];
    }
    st_end end = good_end(&t);
    must(hear_once(&t, frames, LEN(WAITS), &end));
    assert_int_equal(t.report.later, 3);
    assert_int_equal(t.report.later_s, 90);
    assert_false(t.report.complete);
    talk_close(&t);
}

/* A clock that stands at the end of its range says nothing of the server's, nor the reverse. */
static void test_clocks_at_the_end(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms, server_ms;
    } CASES[] = {
        { INT64_MAX, PHONE_WALL_MS },
        { INT64_MIN, PHONE_WALL_MS },
        { PHONE_WALL_MS, -1 },
        { PHONE_WALL_MS, (INT64_C(1) << 47) + 1 },
    };
    talk t;
    talk_open(&t);
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_end end = good_end(&t);
        end.server_ms = PHONE_WALL_MS + 5000;
        sotay_memory_clock(&t.an.port, PHONE_WALL_MS, 2000);
        must(hear_once(&t, NULL, 0, &end));
        assert_int_equal(t.report.clock_offset_ms, 5000);
        end.server_ms = CASES[i].server_ms;
        sotay_memory_clock(&t.an.port, CASES[i].wall_ms, 3000);
        must(hear_once(&t, NULL, 0, &end));
        assert_int_equal(t.an.client->me.clock_offset_ms, 5000);
    }
    sotay_memory_clock(&t.an.port, PHONE_WALL_MS, 4000);
    talk_close(&t);
}

/* ---- frames out of place ---- */

static void test_what_does_not_belong_in_an_answer(void **state)
{
    (void)state;
    talk t;
    answer a;
    char link[128];
    talk_open(&t);
    st_end end = good_end(&t);
    st_frame frames[2] = { { .kind = ST_FRAME_ENROL_ANSWER }, { .kind = ST_FRAME_END } };
    frames[1].as.end = end;
    strcpy(frames[0].as.enrol_answer.login.s, "an");
    assert_int_equal(hear_once(&t, frames, 1, &end), SOTAY_E_CORRUPT);
    edge_link(t.e, 0, link);
    must(sotay_enrol_begin(t.an.client, link, NULL, &t.sync, NULL));
    ask(&t);
    answer_begin(&a);
    answer_put(&a, &frames[1]);
    assert_int_equal(answer_give(&a, t.sync, &t.again), SOTAY_E_CORRUPT);
    assert_int_equal(sotay_sync_next(t.sync, &t.request, NULL), SOTAY_E_CORRUPT); /* it is over */
    assert_int_equal(sotay_sync_end(t.sync, 200, &t.again, NULL), SOTAY_E_CORRUPT);
    talk_close(&t);
}

/* A stream that is whole, and says nothing of an end. */
static void test_an_answer_without_an_end(void **state)
{
    (void)state;
    talk t;
    answer a;
    talk_open(&t);
    const st_frame want = want_of(5000, 5000);
    ask(&t);
    answer_begin(&a);
    answer_put(&a, &want);
    assert_int_equal(answer_give(&a, t.sync, &t.again), SOTAY_E_NETWORK);
    talk_close(&t);
}

/* An enrolment that is refused is not tried with another counter, nor with papers. */
static void test_a_refused_enrolment(void **state)
{
    (void)state;
    static const struct {
        st_err code;
        int status, want;
    } CASES[] = { { ST_E_AGAIN, 409, SOTAY_E_AGAIN },
                  { ST_E_DENIED, 403, SOTAY_E_DENIED },
                  { ST_E_CHANGED, 409, SOTAY_E_CHANGED } };
    talk t;
    char link[128];
    talk_open(&t);
    for (size_t i = 0; i < LEN(CASES); i++) {
        answer a;
        st_frame no = { .kind = ST_FRAME_REFUSAL };
        no.as.refusal.code = CASES[i].code;
        no.as.refusal.counter = 9;
        edge_link(t.e, 0, link);
        must(sotay_enrol_begin(t.an.client, link, NULL, &t.sync, NULL));
        ask(&t);
        answer_begin(&a);
        answer_put(&a, &no);
        assert_int_equal(st_frame_writer_end(a.writer, NULL), ST_OK);
        must(sotay_sync_feed(t.sync, a.out.data, a.out.len, NULL));
        assert_int_equal(sotay_sync_end(t.sync, CASES[i].status, &t.again, NULL), CASES[i].want);
        st_frame_writer_free(a.writer);
        st_buffer_free(&a.out);
        sotay_sync_free(t.sync);
        t.sync = NULL;
    }
    talk_close(&t);
}

/* ---- another store under the same name ---- */

/* A phone that was set back to yesterday, while the one of today lives on: what that one wrote is
 * not taken for its own. It goes on under another name, and its unsent work with it. */
static void test_a_page_of_the_other_store(void **state)
{
    (void)state;
    talk t;
    phone yesterday;
    sotay_who who;
    sotay_report report;
    talk_open(&t);
    memset(&yesterday, 0, sizeof yesterday);
    must(sotay_memory_copy(&t.an.port, false, &yesterday.port, NULL));
    phone_open(&yesterday);
    sotay_id today = phone_visit(&t.an, "hôm nay");
    must(edge_sync(t.e, t.an.client, NULL, NULL));
    must(edge_sync(t.e, yesterday.client, NULL, &report));
    assert_true(report.needs_person);
    sotay_whoami(yesterday.client, &who);
    assert_true(who.is_copied);
    assert_true(phone_says(&yesterday, sotay_show, &today, "hôm nay"));
    (void)phone_visit(&yesterday, "hôm qua");
    phone_crash(&yesterday, false);
    must(edge_enrol(t.e, yesterday.client, 0, NULL));
    must(edge_sync(t.e, yesterday.client, NULL, NULL));
    must(edge_sync(t.e, t.an.client, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        char *list = NULL;
        phone *p = i == 0 ? &t.an : &yesterday;
        must(sotay_list(p->client, NULL, SOTAY_TEXT, &list, NULL));
        assert_true(strstr(list, "hôm nay") != NULL && strstr(list, "hôm qua") != NULL);
        sotay_text_free(list);
    }
    phone_free(&yesterday);
    talk_close(&t);
}

/* ---- steps that are finished later ---- */

/* The jump to a counter that the server names is written later, as in a browser. */
static void test_a_jump_that_is_pending(void **state)
{
    (void)state;
    static const int RESULTS[] = { SOTAY_OK, SOTAY_E_STORAGE };
    for (size_t i = 0; i < LEN(RESULTS); i++) {
        talk t;
        answer a;
        st_frame no = { .kind = ST_FRAME_REFUSAL };
        talk_open(&t);
        no.as.refusal.code = ST_E_AGAIN;
        no.as.refusal.counter = 700;
        ask(&t);
        answer_begin(&a);
        answer_put(&a, &no);
        assert_int_equal(st_frame_writer_end(a.writer, NULL), ST_OK);
        must(sotay_sync_feed(t.sync, a.out.data, a.out.len, NULL));
        sotay_memory_pending(&t.an.port, true, false);
        assert_int_equal(sotay_sync_end(t.sync, 409, &t.again, NULL), SOTAY_PENDING);
        assert_int_equal(sotay_sync_end(t.sync, 409, &t.again, NULL), SOTAY_E_BUSY);
        sotay_sync_free(t.sync);
        t.sync = NULL;
        (void)sotay_memory_settle(&t.an.port, t.an.client, RESULTS[i], NULL);
        sotay_memory_pending(&t.an.port, false, false);
        st_frame_writer_free(a.writer);
        st_buffer_free(&a.out);
        assert_true(RESULTS[i] == SOTAY_OK ? t.an.client->me.requests >= 700
                                           : t.an.client->me.requests < 700);
        talk_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_address),
        cmocka_unit_test(test_a_hole_in_the_middle),
        cmocka_unit_test(test_a_hole_that_grows),
        cmocka_unit_test(test_what_another_device_lacks),
        cmocka_unit_test(test_a_server_that_always_wants),
        cmocka_unit_test(test_the_longest_wait_counts),
        cmocka_unit_test(test_clocks_at_the_end),
        cmocka_unit_test(test_what_does_not_belong_in_an_answer),
        cmocka_unit_test(test_an_answer_without_an_end),
        cmocka_unit_test(test_a_refused_enrolment),
        cmocka_unit_test(test_a_page_of_the_other_store),
        cmocka_unit_test(test_a_jump_that_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
