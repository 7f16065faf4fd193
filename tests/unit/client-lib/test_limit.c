/* tests/unit/client-lib/test_limit.c
 * What a sync may cost is kept, and what it did not get to comes with the next one; after a line
 * that broke less is offered at once; a server that is busy is not taken for damage. */
#include "tests/unit/client-lib/rows.h"

#include "client-lib/src/carried.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/exchange.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* Text that hardly gets smaller, another one for each n. */
static void add_noise(phone *p, uint64_t n)
{
    char note[2001];
    for (size_t i = 0; i < sizeof note - 1; i++) {
        n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        note[i] = (char)('0' + (n >> 33) % 75);
    }
    note[sizeof note - 1] = '\0';
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "general_note", note } };
    sotay_id id;
    must(sotay_record_new(p->client, "visit", EDGE_UNIT, (sotay_pairs){ list, 2 }, &id, &p->error));
}

static sotay_report sync_within(edge *e, phone *p, uint64_t budget)
{
    sotay_sync *sync = NULL;
    sotay_report report = { 0 };
    must(sotay_sync_begin(p->client, &sync, &p->error));
    sotay_sync_limit(sync, budget, false);
    must(edge_run(e, p->client, sync, NULL, &report));
    return report;
}

static void test_a_budget_ends_it_in_order(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    for (uint64_t n = 1; n <= 60; n++)
        add_noise(&an, n);
    uint64_t sent = 0;
    unsigned stops = 0;
    for (bool again = true; again;) {
        sotay_report report = sync_within(e, &an, 20000);
        assert_true(report.bytes_up + report.bytes_down < 20000 + 20000); /* and one set */
        assert_int_equal(report.is_spent, !report.complete);
        assert_true(report.sent_changes > 0 || report.complete);
        sent += report.sent_changes;
        stops += report.is_spent;
        again = report.is_spent;
        assert_true(stops < 60);
    }
    assert_int_equal(sent, 60);
    assert_true(stops >= 3);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* What the attempts before it took is not there any more, and is in the report. */
static void test_attempts_share_a_budget(void **state)
{
    phone an;
    sotay_sync *sync = NULL;
    sotay_report report = { 0 };
    const sotay_report before = { .bytes_up = 9000,
                                  .bytes_down = 2000,
                                  .sent_changes = 5,
                                  .requests = 3,
                                  .stored = 2,
                                  .is_spent = true };
    (void)state;
    edge *e = phone_alone(&an);
    add_noise(&an, 1);
    must(sotay_sync_begin(an.client, &sync, &an.error));
    sotay_sync_limit(sync, 10000, false);
    sotay_sync_continue(sync, &before);
    assert_true(sotay_sync_is_spent(sync));
    must(edge_run(e, an.client, sync, NULL, &report)); /* the first request goes all the same */
    assert_int_equal(report.sent_changes, 6);
    assert_int_equal(report.requests, 4);
    assert_int_equal(report.stored, 3);
    assert_true(report.bytes_up > 9000 + 1000 && report.bytes_down > 2000);
    assert_int_equal(report.is_spent, !report.complete);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* The size of the first request for 60 new changes. */
static size_t first_request(phone *p)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    must(sotay_sync_begin(p->client, &sync, &p->error));
    must(sotay_sync_next(sync, &request, &p->error));
    size_t bytes = request.body_bytes;
    sotay_sync_free(sync);
    return bytes;
}

static void test_less_at_once_after_a_line_that_broke(void **state)
{
    static const struct {
        sotay_why why;
        unsigned failures;
        size_t least, most;
    } CASES[] = {
        { SOTAY_WHY_NONE, 0, 80000, 200000 },
        { SOTAY_WHY_CONNECT, 6, 80000, 200000 }, /* nothing was sent: no fault of its size */
        { SOTAY_WHY_BUSY, 6, 80000, 200000 },
        { SOTAY_WHY_CUT, 1, 80000, 200000 },
        { SOTAY_WHY_CUT, 3, 8000, 40000 },
        { SOTAY_WHY_SEND, 30, 8000, 40000 },
        { SOTAY_WHY_ANSWER, 30, 8000, 40000 },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        edge *e = phone_alone(&an);
        const sotay_attempt attempt = { SOTAY_E_NETWORK, CASES[i].why, 0, NULL };
        for (unsigned n = 0; n < CASES[i].failures; n++)
            must(sotay_line_note(an.client, &attempt, &an.error));
        for (uint64_t n = 1; n <= 60; n++)
            add_noise(&an, n);
        size_t bytes = first_request(&an);
        print_message("  %s, %u times: %zu bytes\n", sotay_why_name(CASES[i].why),
                      CASES[i].failures, bytes);
        assert_true(bytes >= CASES[i].least && bytes <= CASES[i].most);
        sotay_report report = { 0 };
        must(edge_sync(e, an.client, NULL, &report)); /* and all goes, in more requests */
        assert_int_equal(report.sent_changes, 60);
        phone_part(e, &an, NULL);
    }
}

static st_buffer refusal_of(st_err code, uint32_t later_s, uint32_t busy)
{
    st_buffer bytes, out;
    st_frame_writer *writer = NULL;
    st_frame frame = { .kind = ST_FRAME_REFUSAL };
    frame.as.refusal = (st_refusal){ .code = code, .later_s = later_s, .detail = "vì sao",
                                       .why = busy };
    st_buffer_init(&bytes, 65536);
    st_buffer_init(&out, 65536);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, &out, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    st_buffer_free(&bytes);
    return out;
}

static void test_what_a_refusal_means_for_the_line(void **state)
{
    static const struct {
        st_err says;
        int status, want;
        uint32_t later_s;
        sotay_why why;
        uint32_t busy;
    } CASES[] = {
        { ST_E_BUSY, 503, SOTAY_E_NETWORK, 5, SOTAY_WHY_BUSY, 0 },
        { ST_E_BUSY, 503, SOTAY_E_NETWORK, 60, SOTAY_WHY_CLOCK, ST_BUSY_CLOCK },
        { ST_E_BUSY, 503, SOTAY_E_NETWORK, 5, SOTAY_WHY_BUSY, 77 }, /* of a later server */
        { ST_E_MEMORY, 503, SOTAY_E_SERVER, 5, SOTAY_WHY_REFUSED,
          ST_BUSY_CLOCK }, /* it is not ours that is full */
        { ST_E_STORAGE, 507, SOTAY_E_NETWORK, 300, SOTAY_WHY_REFUSED, 0 }, /* nor ours */
        { ST_E_SIGNATURE, 401, SOTAY_E_SIGNATURE, 0, SOTAY_WHY_REFUSED, 0 },
    };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_buffer body = refusal_of(CASES[i].says, CASES[i].later_s, CASES[i].busy);
        sotay_sync *sync = NULL;
        sotay_request request;
        sotay_report report;
        bool again = false;
        must(sotay_sync_begin(an.client, &sync, NULL));
        must(sotay_sync_next(sync, &request, NULL));
        assert_int_equal(sotay_sync_why(sync), SOTAY_WHY_NONE);
        must(sotay_sync_feed(sync, body.data, body.len, &an.error));
        assert_int_equal(sotay_sync_end(sync, CASES[i].status, &again, &an.error), CASES[i].want);
        assert_int_equal(sotay_sync_why(sync), CASES[i].why);
        sotay_sync_report(sync, &report);
        assert_int_equal(report.later_s, CASES[i].later_s);
        sotay_sync_free(sync);
        st_buffer_free(&body);
    }
    phone_part(e, &an, NULL);
}

/* Where the body says nothing, the status does. */
static void test_statuses_without_a_refusal(void **state)
{
    static const struct {
        int status;
        sotay_why why;
    } CASES[] = {
        { 0, SOTAY_WHY_CUT },       { 503, SOTAY_WHY_BUSY },    { 429, SOTAY_WHY_BUSY },
        { 502, SOTAY_WHY_GATEWAY }, { 504, SOTAY_WHY_GATEWAY }, { 500, SOTAY_WHY_REFUSED },
        { 200, SOTAY_WHY_CUT },
    };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    for (size_t i = 0; i < LEN(CASES); i++) {
        sotay_sync *sync = NULL;
        sotay_request request;
        bool again = false;
        must(sotay_sync_begin(an.client, &sync, NULL));
        must(sotay_sync_next(sync, &request, NULL));
        assert_int_not_equal(sotay_sync_end(sync, CASES[i].status, &again, NULL), SOTAY_OK);
        assert_int_equal(sotay_sync_why(sync), CASES[i].why);
        sotay_sync_free(sync);
    }
    phone_part(e, &an, NULL);
}

/* A transport that sends each request twice and brings the second answer: the server knows its
 * counter. However long the sync is, it comes through. */
static void test_many_requests_may_be_repeated(void **state)
{
    phone an, binh;
    (void)state;
    edge *e = phone_pair(&an, &binh);
    for (uint64_t n = 1; n <= 12; n++) {
        add_noise(&binh, n);
        must(edge_sync(e, binh.client, NULL, NULL)); /* each an entry of its own */
    }
    e->page_per_entry = true;
    sotay_sync *sync = NULL;
    sotay_report report;
    bool again = true;
    unsigned refused = 0;
    must(sotay_sync_begin(an.client, &sync, NULL));
    for (unsigned round = 0; again; round++) {
        sotay_request request;
        uint8_t *body = NULL;
        size_t len = 0;
        must(sotay_sync_next(sync, &request, NULL));
        int status = edge_answer(e, &request, &body, &len);
        if (round % 2 == 0) { /* once more: this answer is the one that comes */
            free(body);
            status = edge_answer(e, &request, &body, &len);
            refused += status != 200;
        }
        must(sotay_sync_feed(sync, body, len, &an.error));
        must(sotay_sync_end(sync, status, &again, &an.error));
        free(body);
        assert_true(round < 100);
    }
    sotay_sync_report(sync, &report);
    sotay_sync_free(sync);
    assert_true(refused > 8 && report.complete);
    assert_true(report.received_changes >= 12);
    phone_part(e, &an, &binh);
}

/* A kept set of somebody else's goes on by itself where the line takes no more; so it comes to the
 * server in as many requests as there are sets. */
static void test_what_is_carried_goes_in_parts(void **state)
{
    static stored_row row;
    phone an, binh;
    sotay_sync *sync = NULL;
    sotay_report report = { 0 };
    (void)state;
    edge *e = phone_pair(&an, &binh);
    must(edge_sync(e, an.client, NULL, NULL));
    for (uint64_t n = 1; n <= 3; n++) {
        add_noise(&binh, n);
        rows_seal(&binh);
    }
    rows_begin(&an); /* binh met an, who goes to the office */
    for (size_t i = 0; rows_get(&binh, BOOK_SET, i, &row); i++) {
        bool is_new = false;
        if (memcmp(row.key.b + 1, binh.client->me.device.b, 16) == 0)
            assert_int_equal(carried_take_set(an.client, row.data, row.len, &is_new, NULL), ST_OK);
    }
    rows_commit(&an);
    assert_int_equal(rows_count(&an, BOOK_TAKEN), 3);
    must(sotay_sync_begin(an.client, &sync, &an.error));
    sync->sets_bytes = 100;
    must(edge_run(e, an.client, sync, NULL, &report));
    assert_true(report.requests >= 2);
    assert_int_equal(e->devices[2].known, 3);
    assert_true(phone_status_says(&an, "\"carried\":0"));
    /* the server lost them, and says so */
    for (size_t i = 0; rows_get(&an, BOOK_SET, i, &row); i++)
        if (memcmp(row.key.b + 1, binh.client->me.device.b, 16) == 0) {
            st_id device;
            memcpy(device.b, row.key.b + 1, sizeof device.b);
            rows_begin(&an);
            assert_int_equal(epoch_offer(an.client, &device, st_get_u64(row.key.b + 17), NULL),
                             ST_OK);
            rows_commit(&an);
        }
    assert_int_equal(rows_count(&an, BOOK_CARRY), 3);
    must(sotay_sync_begin(an.client, &sync, &an.error));
    sync->sets_bytes = 100;
    must(edge_run(e, an.client, sync, NULL, &report));
    assert_true(report.requests >= 2);
    assert_int_equal(rows_count(&an, BOOK_CARRY), 0);
    phone_part(e, &an, &binh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_budget_ends_it_in_order),
        cmocka_unit_test(test_attempts_share_a_budget),
        cmocka_unit_test(test_less_at_once_after_a_line_that_broke),
        cmocka_unit_test(test_what_a_refusal_means_for_the_line),
        cmocka_unit_test(test_statuses_without_a_refusal),
        cmocka_unit_test(test_many_requests_may_be_repeated),
        cmocka_unit_test(test_what_is_carried_goes_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
