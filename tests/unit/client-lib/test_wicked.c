/* What must hold in the commune: a server that lies, or a stranger in its place, can keep things
 * from a phone, but it cannot make the phone lose what its officer wrote, put words into anybody's
 * mouth, or keep it asking for ever. */
#include "tests/unit/client-lib/answer.h"
#include "tests/unit/client-lib/edge_log.h"

#define ROUNDS_MAX 40u

/* A set of one change: `text` as the place of a record, signed with `secret`. */
typedef struct {
    st_id device, record;
    uint64_t first;
    const char *bucket, *text;
    const uint8_t *secret;
} forgery;

static void forge(const edge *e, const forgery *f, st_buffer *out)
{
    static const uint8_t SEED[32] = { 8 };
    uint8_t sign_text[ST_SET_SIGN_BYTES], signature[64];
    st_set set;
    st_op op;
    st_change change;
    st_unsigned_set built;
    memset(&set, 0, sizeof set);
    memset(&op, 0, sizeof op);
    memset(&change, 0, sizeof change);
    op.path.field = EDGE_PLACE;
    op.value.kind = ST_VALUE_TEXT;
    op.value.data = (const uint8_t *)f->text;
    op.value.len = (uint32_t)strlen(f->text);
    change.dot.device = set.device = f->device;
    change.dot.counter = set.first = f->first;
    change.record = f->record;
    change.ops = &op;
    change.ops_count = 1;
    set.format = 1;
    set.has_prev = f->first > 1;
    assert_true(st_bucket_set(&set.bucket, f->bucket, strlen(f->bucket)));
    set.role = ST_ROLE_OFFICER;
    set.fold_version = 1;
    set.changes = &change;
    set.changes_count = 1;
    assert_int_equal(st_set_build(&set, SEED, &built, NULL), ST_OK);
    st_set_sign_text(&e->log, &set.device, &built.hash, sign_text);
    st_sign(f->secret, sign_text, sizeof sign_text, signature);
    st_buffer_init(out, ST_SET_BYTES_MAX);
    assert_int_equal(st_set_finish(&set, &built, signature, out, NULL), ST_OK);
    st_unsigned_set_free(&built);
}

/* A page of the unit's bucket with one set, and the end. */
static void answer_with_set(answer *a, const edge *e, const st_buffer *set)
{
    st_frame frame;
    st_entry entry;
    memset(&frame, 0, sizeof frame);
    memset(&entry, 0, sizeof entry);
    entry.index = e->entries_count + 1;
    entry.time_ms = e->now_ms;
    entry.kind = ST_ENTRY_CHANGE;
    entry.set = set->data;
    entry.set_len = set->len;
    frame.kind = ST_FRAME_PAGE;
    frame.as.page.fold_version = 1;
    frame.as.page.cursor = entry.index;
    frame.as.page.entries = &entry;
    frame.as.page.entries_count = 1;
    assert_true(st_bucket_set(&frame.as.page.bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    answer_begin(a);
    answer_put(a, &frame);
    answer_end_frame(a, e->now_ms, true);
}

/* An unsent set of ours is never replaced by one that the server claims is ours. */
static void test_a_forged_set_in_our_name(void **state)
{
    (void)state;
    static const uint8_t SEED[32] = { 66 };
    uint8_t key[32], secret[64];
    phone an;
    answer a;
    bool again = false;
    sotay_who who;
    st_sign_keypair(SEED, key, secret);
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "cũ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "place", "chữ của tôi"), SOTAY_OK);
    size_t before = e->entries_count;
    uint64_t known = e->devices[1].known;
    sotay_whoami(an.client, &who);
    forgery f = { .record = phone_id(&visit),
                  .first = 2,
                  .bucket = EDGE_UNIT_BUCKET,
                  .text = "chữ của kẻ khác",
                  .secret = secret };
    memcpy(f.device.b, who.device.b, 16);
    st_buffer set;
    forge(e, &f, &set);
    answer_with_set(&a, e, &set);
    int rc = play(&an, &a, &again);
    st_buffer_free(&set);
    assert_int_not_equal(rc, SOTAY_OK);
    assert_int_equal(e->entries_count, before);
    assert_int_equal(e->devices[1].known, known);
    assert_true(phone_says(&an, sotay_show, &visit, "\"chữ của tôi\""));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 2);
    assert_true(phone_says(&an, sotay_show, &visit, "\"chữ của tôi\""));
    phone_part(e, &an, NULL);
}

/* Nobody's name can be borrowed: not the office's, not another officer's. */
static void test_a_forged_set_in_another_name(void **state)
{
    (void)state;
    static const uint8_t SEED[32] = { 66 };
    uint8_t key[32], secret[64];
    st_sign_keypair(SEED, key, secret);
    for (size_t i = 0; i < 2; i++) {
        phone an, binh;
        answer a;
        bool again = false;
        edge *e = phone_pair(&an, &binh);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        sotay_id visit = phone_visit(&an, "thật");
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        forgery f = { .device = e->devices[i == 0 ? 0 : 2].id,
                      .record = phone_id(&visit),
                      .first = 900,
                      .bucket = EDGE_UNIT_BUCKET,
                      .text = "giả",
                      .secret = secret };
        st_buffer set;
        forge(e, &f, &set);
        answer_with_set(&a, e, &set);
        assert_int_equal(play(&an, &a, &again), SOTAY_E_SIGNATURE);
        st_buffer_free(&set);
        assert_true(phone_says(&an, sotay_show, &visit, "\"thật\""));
        assert_false(phone_says(&an, sotay_show, &visit, "\"giả\""));
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        phone_part(e, &an, &binh);
    }
}

/* A set of one bucket in the page of another would let its author write where he may not. */
static void test_a_set_of_another_bucket(void **state)
{
    (void)state;
    phone an;
    answer a;
    bool again = false;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "thật");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    forgery f = { .device = e->devices[0].id,
                  .record = phone_id(&visit),
                  .first = 900,
                  .bucket = EDGE_COMMUNE "/council",
                  .text = "lạc",
                  .secret = e->own_secret };
    st_buffer set;
    forge(e, &f, &set);
    answer_with_set(&a, e, &set);
    assert_int_equal(play(&an, &a, &again), SOTAY_E_SIGNATURE);
    st_buffer_free(&set);
    assert_false(phone_says(&an, sotay_show, &visit, "\"lạc\""));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_part(e, &an, NULL);
}

/* "More", and never anything. */
static void test_a_server_that_always_has_more(void **state)
{
    (void)state;
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    unsigned rounds = 0;
    bool again = true;
    int rc = SOTAY_OK;
    edge *e = phone_alone(&an);
    assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
    while (rc == SOTAY_OK && again && rounds < ROUNDS_MAX) {
        answer a;
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        answer_begin(&a);
        answer_end_frame(&a, e->now_ms, true);
        rc = answer_give(&a, sync, &again);
        rounds++;
    }
    sotay_sync_free(sync);
    assert_true(rounds < ROUNDS_MAX);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_part(e, &an, NULL);
}

/* What the request says of `gone`. */
static uint32_t gone_in(const sotay_request *request, uint64_t *out_to)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_arena arena;
    st_frame frame;
    st_arena_init(&arena, (size_t)1 << 24);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, request->body + ST_HEAD_BYTES,
                                   request->body_bytes - ST_HEAD_BYTES, NULL),
                     ST_OK);
    assert_true(st_frame_read(reader, &bytes, &len, &bad));
    assert_int_equal(st_frame_decode(bytes, len, &arena, &frame, NULL), ST_OK);
    uint32_t count = frame.as.ask.gone_count;
    if (count > 0)
        *out_to = frame.as.ask.gone[0].to;
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
    return count;
}

/* A counter that was never used is not gone: it is still to come. */
static void test_wanting_what_was_never_made(void **state)
{
    (void)state;
    phone an;
    answer a;
    st_frame frame;
    sotay_sync *sync = NULL;
    sotay_request request;
    bool again = false;
    uint64_t to = 0;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_WANT;
    frame.as.want.from = 2;
    frame.as.want.to = UINT64_MAX / 2;
    answer_begin(&a);
    answer_put(&a, &frame);
    answer_end_frame(&a, e->now_ms, false);
    int rc = answer_give(&a, sync, &again);
    if (rc == SOTAY_OK && again) {
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        assert_int_equal(gone_in(&request, &to), 0);
    }
    sotay_sync_free(sync);
    assert_int_equal(phone_set(&an, &visit, "place", "sau"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 2);
    phone_part(e, &an, NULL);
}

/* The second answer to one enrolment would take the keys away again. */
static void test_two_answers_to_an_enrolment(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone an;
    char link[128];
    sotay_sync *sync = NULL;
    sotay_request request;
    uint8_t *body = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    bool again = false;
    st_err bad = ST_OK;
    answer a;
    st_frame_reader *reader = NULL;
    phone_new(&an, 5);
    edge_link(e, 0, link);
    assert_int_equal(sotay_enrol_begin(an.client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(edge_answer(e, &request, &body, &len), 200);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, body, len, NULL), ST_OK);
    answer_begin(&a);
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        assert_int_equal(st_frame_write(a.writer, bytes, len, NULL), ST_OK);
        assert_int_equal(st_frame_write(a.writer, bytes, len, NULL), ST_OK);
    }
    (void)answer_give(&a, sync, &again);
    sotay_sync_free(sync);
    st_frame_reader_free(reader);
    free(body);
    phone_crash(&an, false);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    phone_free(&an);
    edge_free(e);
}

/* A sync given up while a signature is being made: that signature belongs to nothing else. */
static void test_a_late_signature(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    phone_new(&an, 6);
    sotay_memory_pending(&an.port, false, true);
    const edge_trouble trouble = { .pending = &an.port };
    assert_int_equal(edge_enrol(e, an.client, 0, &trouble), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, &trouble, NULL), SOTAY_OK);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_PENDING);
    sotay_sync_free(sync);
    assert_int_equal(sotay_memory_settle(&an.port, an.client, SOTAY_OK, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "thêm"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, &trouble, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 2);
    phone_free(&an);
    edge_free(e);
}

/* The server's clock at the ends of what a number can hold. */
static void test_impossible_times(void **state)
{
    (void)state;
    static const int64_t TIMES[] = { INT64_MIN, INT64_MAX, -1, 0, INT64_C(1) << 47 };
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        phone an;
        answer a;
        bool again = false;
        edge *e = phone_alone(&an);
        answer_begin(&a);
        answer_end_frame(&a, TIMES[i], false);
        (void)play(&an, &a, &again);
        sotay_id visit = phone_visit(&an, "chợ");
        assert_int_equal(phone_set(&an, &visit, "place", "nhà"), SOTAY_OK);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_true(phone_says(&an, sotay_show, &visit, "\"nhà\""));
        assert_true(phone_says(&an, sotay_history, &visit, "\"nhà\""));
        assert_true(phone_status_says(&an, "\"ready\":0"));
        phone_part(e, &an, NULL);
    }
}

/* A set that was not taken in, for a signature or a device the server did not know, is offered
 * again: only what has a place in the log is done with. */
static void test_held_but_not_stored_is_offered_again(void **state)
{
    (void)state;
    static const st_hold REASONS[] = { ST_HOLD_SIGNATURE, ST_HOLD_DEVICE };
    for (size_t i = 0; i < 2; i++) {
        phone an;
        answer a;
        st_frame frame;
        st_held held = { 1, REASONS[i] };
        bool again = false;
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "chợ");
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_VERDICT;
        frame.as.verdict.kind = ST_VERDICT_HELD;
        frame.as.verdict.first = 1;
        frame.as.verdict.held = &held;
        frame.as.verdict.held_count = 1;
        answer_begin(&a);
        answer_put(&a, &frame);
        answer_end_frame(&a, e->now_ms, false);
        assert_int_equal(play(&an, &a, &again), SOTAY_OK);
        assert_false(again);
        assert_true(phone_status_says(&an, "\"held\":1"));
        assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\""));
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(e->devices[1].known, 1);
        assert_true(phone_status_says(&an, "\"held\":0"));
        phone_part(e, &an, NULL);
    }
}

/* Every frame of a true answer, with bytes changed at random. (Not the kind: a frame of an unknown
 * kind is skipped, and what it should have brought shows in the sums of the next request, which
 * this edge does not compare.) */
static void test_changed_bytes(void **state)
{
    (void)state;
    uint32_t random = 12345;
    const char *asked = getenv("SEEDS");
    unsigned long runs = asked == NULL ? 150 : strtoul(asked, NULL, 10);
    for (unsigned long run = 0; run < runs; run++) {
        phone an, binh;
        sotay_sync *sync = NULL;
        sotay_request request;
        uint8_t *body = NULL, copy[65536];
        const uint8_t *bytes = NULL;
        size_t len = 0;
        bool again = false;
        st_err bad = ST_OK;
        answer a;
        st_frame_reader *reader = NULL;
        edge *e = phone_pair(&an, &binh);
        sotay_id theirs = phone_visit(&binh, "của bình");
        assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
        sotay_id mine = phone_visit(&an, "của an");
        assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        assert_int_equal(edge_answer(e, &request, &body, &len), 200);
        assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
        assert_int_equal(st_frame_feed(reader, body, len, NULL), ST_OK);
        answer_begin(&a);
        while (st_frame_read(reader, &bytes, &len, &bad)) {
            assert_true(len <= sizeof copy);
            memcpy(copy, bytes, len);
            for (int k = 0; k < 2; k++) {
                random = random * 1664525u + 1013904223u;
                if (len > 1 && (random >> 28) < 6)
                    copy[1 + (random >> 8) % (len - 1)] ^= (uint8_t)(1u << (random >> 5 & 7));
            }
            assert_int_equal(st_frame_write(a.writer, copy, len, NULL), ST_OK);
        }
        (void)answer_give(&a, sync, &again);
        sotay_sync_free(sync);
        st_frame_reader_free(reader);
        free(body);
        if (run % 2 == 0)
            phone_crash(&an, false);
        int rc = edge_sync(e, an.client, NULL, NULL);
        if (rc == SOTAY_OK)
            rc = edge_sync(e, an.client, NULL, NULL);
        if (rc != SOTAY_OK)
            print_message("  run %lu: %d\n", run, rc);
        assert_int_equal(rc, SOTAY_OK);
        assert_true(phone_says(&an, sotay_show, &mine, "\"của an\""));
        assert_true(phone_says(&an, sotay_show, &theirs, "\"của bình\""));
        st_id id = phone_id(&mine);
        assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
        phone_part(e, &an, &binh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_forged_set_in_our_name),
        cmocka_unit_test(test_a_forged_set_in_another_name),
        cmocka_unit_test(test_a_set_of_another_bucket),
        cmocka_unit_test(test_a_server_that_always_has_more),
        cmocka_unit_test(test_wanting_what_was_never_made),
        cmocka_unit_test(test_two_answers_to_an_enrolment),
        cmocka_unit_test(test_a_late_signature),
        cmocka_unit_test(test_impossible_times),
        cmocka_unit_test(test_held_but_not_stored_is_offered_again),
        cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
