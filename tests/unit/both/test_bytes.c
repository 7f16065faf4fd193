/* tests/unit/both/test_bytes.c
 * What a sync costs on the line, counted in the bodies between phones and the real server, and when
 * a request leaves out what the server knows already (docs/protocol.md 6 and 9.1): nothing of it is
 * lost for that, and a server of before is asked as it understands. */
#include "tests/unit/both/world.h"

#include "client-lib/src/client.h"
#include "server/audit/news.h"

#define LOOKS_MAX 8u

/* One round of a sync. */
typedef struct {
    size_t up, down; /* bytes of the bodies */
    bool is_read;    /* its stream leans on nothing, so that the frames could be looked at: */
    bool has_clock, has_wall, has_short_root, has_root, has_cosigned;
    bool has_tree, short_roots;
} round_look;

typedef struct {
    round_look rounds[LOOKS_MAX];
    size_t count;
    bool is_old_server; /* it knows whole roots only */
} sync_look;

static void each_frame(const uint8_t *stream, size_t len,
                       void (*take)(const st_frame *, void *), void *context)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t frame_len = 0;
    st_err bad = ST_OK;
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, stream, len, NULL), ST_OK);
    while (st_frame_read(reader, &bytes, &frame_len, &bad)) {
        st_arena arena;
        st_frame frame;
        st_arena_init(&arena, ST_BODY_BYTES_MAX * 4);
        assert_int_equal(st_frame_decode(bytes, frame_len, &arena, &frame, NULL), ST_OK);
        take(&frame, context);
        st_arena_reset(&arena);
    }
    assert_int_equal(bad, ST_OK);
    st_frame_reader_free(reader);
}

static void look_at(const st_frame *frame, void *context)
{
    round_look *look = context;
    if (frame->kind == ST_FRAME_ASK) {
        look->is_read = true;
        look->has_clock = frame->as.ask.has_clock;
        look->has_wall = frame->as.ask.wall_ms != 0;
        look->has_root = frame->as.ask.seen_size > 0;
        look->has_short_root = frame->as.ask.has_short_root;
        look->has_cosigned = frame->as.ask.has_cosigned;
    } else if (frame->kind == ST_FRAME_END) {
        look->has_tree = frame->as.end.has_tree;
        look->short_roots = frame->as.end.short_roots;
    }
}

/* ---- a server of before ---- */

static void write_one(const st_frame *frame, st_frame_writer *stream)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_write(stream, bytes.data, bytes.len, NULL), ST_OK);
    st_buffer_free(&bytes);
}

/* As it would have said it: without a word of short roots. */
static void write_older(const st_frame *frame, void *context)
{
    st_frame older = *frame;
    if (older.kind == ST_FRAME_END)
        older.as.end.short_roots = false;
    write_one(&older, context);
}

static int answer_of_before(world *w, const sotay_request *request, st_buffer *out_reply)
{
    round_look asked = { 0 };
    st_buffer news;
    st_frame_writer *stream = NULL;
    int status = 400;
    const uint8_t *body = request->body;
    if (body[0] == 1)
        each_frame(body + ST_HEAD_BYTES, request->body_bytes - ST_HEAD_BYTES, look_at, &asked);
    st_buffer_init(out_reply, ST_BODY_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(3, out_reply, &stream, NULL), ST_OK);
    if (asked.has_short_root) {
        st_frame refusal = { .kind = ST_FRAME_REFUSAL };
        refusal.as.refusal.code = ST_E_CORRUPT;
        write_one(&refusal, stream);
    } else {
        status = answer(w, request, &news);
        each_frame(news.data, news.len, write_older, stream);
        st_buffer_free(&news);
    }
    assert_int_equal(st_frame_writer_end(stream, NULL), ST_OK);
    st_frame_writer_free(stream);
    return status;
}

/* ---- one sync, looked at ---- */

static void sync_looked(world *w, phone *p, sync_look *look)
{
    sotay_sync *sync = NULL;
    bool again = true;
    look->count = 0;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    while (again) {
        sotay_request request;
        st_buffer reply;
        assert_true(look->count < LOOKS_MAX);
        round_look *one = &look->rounds[look->count++];
        memset(one, 0, sizeof *one);
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        const uint8_t *body = request.body;
        if (body[0] == 1)
            each_frame(body + ST_HEAD_BYTES, request.body_bytes - ST_HEAD_BYTES, look_at, one);
        int status = look->is_old_server ? answer_of_before(w, &request, &reply)
                                         : answer(w, &request, &reply);
        if (status == 200)
            each_frame(reply.data, reply.len, look_at, one);
        one->up = request.body_bytes;
        one->down = reply.len;
        again = false;
        assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, NULL), SOTAY_OK);
        assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
}

/* The same, of one round. */
static round_look sync_once(world *w, phone *p)
{
    sync_look look = { .count = 0 };
    sync_looked(w, p, &look);
    assert_int_equal(look.count, 1);
    return look.rounds[0];
}

/* Until nothing is owed to the server any more. */
static void settle(world *w, phone *p)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
}

/* The server's clock goes along with the phones': else it would look as if it had been set. */
static int64_t server_later_ms;

static int64_t now_later_ms(void *context)
{
    (void)context;
    const server_port *real = server_port_system();
    return real->now_ms(real->context) + server_later_ms;
}

static void keep_pace(world *w)
{
    static server_port port;
    port = *w->book.rooms.sync.port;
    port.now_ms = now_later_ms;
    server_later_ms = 0;
    w->book.rooms.sync.port = &port;
}

static void set_clocks(phone *p, int64_t later_ms, int64_t wall_off_ms)
{
    sotay_memory_clock(&p->port, PHONE_WALL_MS + later_ms + wall_off_ms,
                       (uint64_t)(1000 + later_ms));
}

static void test_nothing_new(void **state)
{
    (void)state;
    world w;
    size_t first = 0;
    world_make_with(&w, 1, (world_how){ 1, false });
    phone *an = &w.phones[0];
    static const int VISITS[] = { 1, 40 };
    for (size_t i = 0; i < sizeof VISITS / sizeof VISITS[0]; i++) {
        w.records_count = 0;
        for (int n = 0; n < VISITS[i]; n++) {
            w.records_count = 0;
            make_visit(&w, an);
        }
        settle(&w, an);
        round_look idle = sync_once(&w, an);
        print_message("  nothing new: %zu up, %zu down\n", idle.up, idle.down);
        assert_true(idle.is_read && !idle.has_clock && !idle.has_wall && !idle.has_cosigned);
        assert_true(idle.has_short_root && !idle.has_tree && !idle.short_roots);
        assert_true(idle.up <= 150 && idle.down <= 28);
        if (i == 0)
            first = idle.up + idle.down;
        assert_true(idle.up + idle.down <= first + 4); /* numbers get longer, nothing else does */
        round_look same = sync_once(&w, an);
        assert_int_equal(same.up, idle.up);
        assert_int_equal(same.down, idle.down);
    }
    world_free(&w);
}

static void test_an_edit(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 2, (world_how){ 1, false });
    phone *an = &w.phones[0];
    make_visit(&w, an);
    settle(&w, an);
    static const char *const WORDS[] = { "chợ", "đình" };
    size_t up[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(phone_set(an, &w.records[0], "place", WORDS[i]), SOTAY_OK);
        up[i] = sync_once(&w, an).up; /* the second one confirms what the first was shown */
    }
    print_message("  one field: %zu up, %zu with a confirmation\n", up[0], up[1]);
    assert_true(up[0] <= 360);
    assert_true(up[1] <= up[0] + 80);
    world_free(&w);
}

/* ---- the share of the signed log ---- */

/* In a stream, with the length in front of it. */
static size_t size_of(const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    size_t len = bytes.len + (bytes.len > 0x7f ? 2 : 1);
    st_buffer_free(&bytes);
    return len;
}

/* Of a book with 70,000 entries: the longest proof there is has one hash for each level of the tree
 * and one more. Hashes and signatures do not compress, so the bytes of the frames are those of the
 * line. */
static void test_what_the_log_adds(void **state)
{
    (void)state;
    static const uint8_t PROOF[18 * 32] = { 1 };
    st_frame ask = { .kind = ST_FRAME_ASK }, end = { .kind = ST_FRAME_END };
    ask.as.ask.version = end.as.end.version = 1;
    size_t without = size_of(&ask), end_without = size_of(&end);
    ask.as.ask.checkpoints = ask.as.ask.has_short_root = true;
    ask.as.ask.seen_size = 69990;
    memset(ask.as.ask.seen_root.b, 0x33, ST_SHORT_ROOT_BYTES);
    size_t asked = size_of(&ask) - without;
    end.as.end.has_tree = true;
    end.as.end.tree = (st_tree_news){ .head = { .size = 70000 }, .epoch = 1, .proof = PROOF,
                                      .proof_count = 18 };
    memset(end.as.end.tree.head.root.b, 0x44, 32);
    size_t told = size_of(&end) - end_without;
    print_message("  the log: %zu of nothing new, at most %zu of something\n", asked, asked + told);
    assert_true(asked <= 40);
    assert_true(asked + told <= 700);
}

/* ---- what is left out, and when it is said again ---- */

static void test_clocks_are_told_when_they_are_news(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 3, (world_how){ 1, false });
    phone *an = &w.phones[0];
    keep_pace(&w);
    settle(&w, an);
    static const struct {
        const char *why;
        int64_t later_ms, wall_off_ms;
        bool is_told;
    } STEPS[] = {
        { "at once again", 0, 0, false },
        { "some minutes later", 600000, 0, false },
        { "the wall clock crept", 700000, 900, false },
        { "the wall clock was set", 800000, 61000, true },
        { "and stays so", 900000, 61000, false },
        { "set back", 910000, 0, true },
        { "half an hour", 2700000, 0, false },
        { "an hour after what was told", 4600000, 0, false },
        { "the exchange of then is an hour away", 4700000, 0, true },
        { "not again", 4800000, 0, false },
    };
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        server_later_ms = STEPS[i].later_ms;
        set_clocks(an, STEPS[i].later_ms, STEPS[i].wall_off_ms);
        round_look one = sync_once(&w, an);
        if (one.has_clock != STEPS[i].is_told || one.has_wall != STEPS[i].is_told)
            fail_msg("%s: clock %d, wall %d", STEPS[i].why, one.has_clock, one.has_wall);
    }
    /* A machine that started anew has had no exchange yet; then it tells the first one. */
    sotay_memory_clock(&an->port, PHONE_WALL_MS + 5000000, 10);
    phone_reopen(an);
    round_look one = sync_once(&w, an);
    assert_true(one.has_wall && !one.has_clock);
    one = sync_once(&w, an);
    assert_true(one.has_wall && one.has_clock);
    one = sync_once(&w, an);
    assert_true(!one.has_wall && !one.has_clock);
    world_free(&w);
}

/* What was told in a request whose answer never came is told again. */
static void test_a_lost_answer_tells_nothing(void **state)
{
    (void)state;
    world w;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    world_make_with(&w, 4, (world_how){ 1, false });
    phone *an = &w.phones[0];
    settle(&w, an);
    set_clocks(an, 1000, 90000);
    assert_int_equal(sotay_sync_begin(an->client, &sync, &an->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(answer(&w, &request, &reply), 200);
    st_buffer_free(&reply);
    assert_int_equal(sotay_sync_end(sync, 0, &again, NULL), SOTAY_E_NETWORK);
    sotay_sync_free(sync);
    assert_true(sync_once(&w, an).has_wall);
    assert_false(sync_once(&w, an).has_wall);
    world_free(&w);
}

/* Each checkpoint is confirmed once, with the next request, whole or short. */
static void test_confirmations(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 5, (world_how){ 1, false });
    phone *an = &w.phones[0];
    settle(&w, an);
    make_visit(&w, an);
    assert_true(sync_once(&w, an).has_tree);
    round_look next = sync_once(&w, an);
    assert_true(next.has_cosigned && next.has_short_root && !next.has_tree);
    assert_false(sync_once(&w, an).has_cosigned);
    st_buffer note;
    st_error error = { 0 };
    store_txn txn;
    st_id device = phone_id((const sotay_id *)&an->client->me.device);
    st_buffer_init(&note, 1 << 16);
    assert_int_equal(store_begin(w.book.rooms.sync.store, STORE_READ_TXN, &txn, &error), ST_OK);
    assert_int_equal(audit_witness(&txn, &w.book.rooms.sync, &device, &note, &error), ST_OK);
    store_end(&txn);
    char line[40];
    (void)snprintf(line, sizeof line, "\n%llu\n",
                   (unsigned long long)an->client->me.tree.head.size);
    assert_non_null(memmem(note.data, note.len, line, strlen(line)));
    assert_non_null(memmem(note.data, note.len, "/phone/", 7));
    st_buffer_free(&note);
    world_free(&w);
}

/* The beginning is enough to see that the phone holds another root: it is shown the log's. When it
 * first sees that, it asks once more, with what it holds. */
static void test_another_root_is_seen(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 8, (world_how){ 1, false });
    phone *an = &w.phones[0];
    for (size_t at = 0; at < ST_SHORT_ROOT_BYTES; at++) {
        settle(&w, an);
        assert_int_equal(client_begin(an->client, true, NULL), ST_OK);
        an->client->next.tree.head.root.b[at] ^= 1;
        assert_int_equal(client_commit(an->client, NULL), ST_OK);
        sync_look look = { .count = 0 };
        sync_looked(&w, an, &look);
        assert_int_equal(look.count, at == 0 ? 2 : 1);
        assert_true(look.rounds[0].has_short_root && look.rounds[0].has_tree);
        assert_false(phone_status_says(an, "\"log_alarm\":null"));
        assert_int_equal(client_begin(an->client, true, NULL), ST_OK);
        an->client->next.tree.head.root.b[at] ^= 1;
        assert_int_equal(client_commit(an->client, NULL), ST_OK);
        assert_false(sync_once(&w, an).has_tree);
    }
    world_free(&w);
}

/* The server was put back to a version that knows whole roots only: one request more, once. */
static void test_a_server_of_before(void **state)
{
    (void)state;
    world w;
    sync_look look = { .is_old_server = true };
    world_make_with(&w, 6, (world_how){ 1, false });
    phone *an = &w.phones[0];
    settle(&w, an);
    assert_true(sync_once(&w, an).has_short_root);
    sync_looked(&w, an, &look);
    assert_int_equal(look.count, 2);
    assert_true(look.rounds[0].has_short_root);
    assert_true(look.rounds[1].has_root && !look.rounds[1].has_short_root);
    sync_looked(&w, an, &look);
    assert_int_equal(look.count, 1);
    assert_true(look.rounds[0].has_root && !look.rounds[0].has_short_root);
    /* The newer one is back, and says so. */
    round_look one = sync_once(&w, an);
    assert_true(one.has_root && !one.has_short_root && one.short_roots);
    one = sync_once(&w, an);
    assert_true(one.has_short_root && !one.short_roots);
    world_free(&w);
}

/* A clock that needs more than 32 bits of seconds says all of them, and is believed no less. */
static void test_a_clock_beyond_2106(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 7, (world_how){ 1, false });
    phone *an = &w.phones[0];
    settle(&w, an);
    an->client->me.has_offset = an->client->next.has_offset = false;
    sotay_memory_clock(&an->port, INT64_C(4294967296000), 5000);
    round_look far = sync_once(&w, an);
    assert_true(far.has_root && !far.has_short_root);
    assert_true(sync_once(&w, an).has_short_root); /* by the server's clock it is earlier */
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_new),
        cmocka_unit_test(test_an_edit),
        cmocka_unit_test(test_what_the_log_adds),
        cmocka_unit_test(test_clocks_are_told_when_they_are_news),
        cmocka_unit_test(test_a_lost_answer_tells_nothing),
        cmocka_unit_test(test_confirmations),
        cmocka_unit_test(test_another_root_is_seen),
        cmocka_unit_test(test_a_server_of_before),
        cmocka_unit_test(test_a_clock_beyond_2106),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
