/* tests/unit/both/test_begun.c
 * A request with pieces whose line broke goes on at the byte: what the server has of it is not sent
 * again, in one break or in several, in the next sync or, where the driver can, in the same. A
 * beginning that is not that of the phone's own stream, or that
 * is there no more, costs one request and nothing else. */
#include "tests/unit/both/fetch.h"

#include "server/http/begun.h"

#define FILE_BYTES ((size_t)40 * 1024) /* pieces of 16, 16 and 8 KiB */
#define REQUESTS   2u                  /* the second one has two pieces: the line is quick */
#define EXTRA      250u                /* of a request, beside its piece: at most */

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* What a run of requests with pieces was, and where the next ones break. */
typedef struct {
    size_t cuts[4];        /* after so many bytes of the body of this PUT; 0: it comes */
    unsigned turns;        /* the beginning that is kept is changed when this PUT comes (from 1) */
    bool drops;            /* ... or goes */
    bool can_resume;       /* the driver goes on after a break */
    unsigned loses;        /* the answer to this PUT does not come (from 1) */
    unsigned puts, skips, refused;
    size_t last_ask;       /* bytes of the last body of a question */
    size_t bytes;          /* of the bodies of PUT, as far as they came */
} road;

typedef struct {
    world w;
    phone *an;
    uint64_t seed;
} desk;

static int desk_open(void **state)
{
    static desk d;
    st_error error = { 0 };
    http_config config = { .listen = "127.0.0.1:0", .threads = 4, .quiet = true };
    memset(&d, 0, sizeof d);
    world_make_with(&d.w, 1, (world_how){ 1, false });
    if (http_start(&d.w.book.rooms, &config, TOKEN, &d.w.door, &error) != ST_OK)
        fail_msg("%s", error.detail);
    d.an = &d.w.phones[0];
    *state = &d;
    return 0;
}

/* Another file that waits, before each test. */
static int attach_one(void **state)
{
    static uint8_t bytes[FILE_BYTES];
    desk *d = *state;
    char item[SOTAY_ITEM_TEXT];
    for (size_t i = 0; i < FILE_BYTES; i++) {
        d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(d->seed >> 56);
    }
    memcpy(bytes, "%PDF-1.7\n", 9);
    sotay_id visit = phone_visit(d->an, "chợ");
    const sotay_attachment file = { "a.pdf", bytes, FILE_BYTES, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(d->an->client, &visit, &file, item, &d->an->error), SOTAY_OK);
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    assert_true(http_drain(d->w.door, 3000));
    http_stop(d->w.door);
    d->w.door = NULL;
    world_free(&d->w);
    return 0;
}

/* Somebody else leaves bytes under the phone's name: all but one bit of them are its own. */
static void change_kept(desk *d, const st_id *device)
{
    begun *b = http_server_begun(d->w.door);
    st_kept kept = begun_of(b, device, http_mono_ms());
    st_head head = { .device = *device, .counter = 1 };
    st_buffer body, bytes;
    uint8_t front[ST_HEAD_BYTES_MAX];
    st_buffer_init(&body, BEGUN_ONE_BYTES_MAX);
    st_buffer_init(&bytes, BEGUN_ONE_BYTES_MAX);
    assert_true(kept.bytes > 0);
    assert_int_equal(begun_take(b, device, kept.bytes, http_mono_ms(), &bytes, NULL), ST_OK);
    bytes.data[bytes.len - 9] ^= 1;
    size_t len = st_head_encode(&head, front);
    assert_int_equal(st_buffer_append(&body, front, len, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&body, bytes.data, bytes.len, NULL), ST_OK);
    begun_keep(b, body.data, body.len, len + kept.of, http_mono_ms());
    st_buffer_free(&body);
    st_buffer_free(&bytes);
}

/* A request with pieces comes, or its line breaks. False: it broke. */
static bool put(desk *d, road *r, const sotay_request *request)
{
    st_head head;
    begun *b = http_server_begun(d->w.door);
    size_t cut = r->puts < 4 ? r->cuts[r->puts] : 0;
    r->puts++;
    assert_int_equal(st_head_decode(request->body, request->body_bytes, &head, NULL), ST_OK);
    r->skips += head.skip > 0;
    r->bytes += cut > 0 ? cut : request->body_bytes;
    if (r->turns == r->puts && r->drops)
        begun_drop(b, &head.device, http_mono_ms());
    else if (r->turns == r->puts)
        change_kept(d, &head.device);
    if (cut > 0)
        begun_keep(b, request->body, cut, request->body_bytes, http_mono_ms());
    return cut == 0;
}

/* One sync; SOTAY_E_NETWORK: its line broke. */
static int sync_on(desk *d, road *r)
{
    sotay_sync *sync = NULL;
    bool again = true;
    int rc = sotay_sync_begin(d->an->client, &sync, NULL);
    if (r->can_resume)
        sotay_sync_can_resume(sync);
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        int status = 0;
        again = false;
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        st_buffer_init(&reply, ST_BODY_BYTES_MAX);
        bool puts = strcmp(request.method, "PUT") == 0;
        if (!puts || put(d, r, &request))
            status = answer(&d->w, &request, &reply);
        r->refused += puts && status == 409;
        if (!puts)
            r->last_ask = request.body_bytes;
        if (puts && r->puts == r->loses) {
            st_buffer_clear(&reply);
            status = 0;
        }
        if (reply.len > 0)
            rc = sotay_sync_feed(sync, reply.data, reply.len, NULL);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &d->an->error);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    return rc;
}

/* Syncs until one goes through: as many as there are cuts, and one more. */
static void sync_all(desk *d, road *r, unsigned cuts)
{
    for (unsigned i = 0; i < cuts; i++)
        assert_int_equal(sync_on(d, r), SOTAY_E_NETWORK);
    assert_int_equal(sync_on(d, r), SOTAY_OK);
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":0"));
    KIT_EXPECT(0, &d->w.book, "verify", "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), "\"attachments_missing\":0"));
}

static void test_it_goes_on_at_the_byte(void **state)
{
    road r = { .cuts = { 10000 } };
    sync_all(*state, &r, 1);
    assert_int_equal(r.puts, REQUESTS + 1);
    assert_int_equal(r.skips, 1);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 1) * EXTRA);
}

static void test_it_breaks_again_and_again(void **state)
{
    road r = { .cuts = { 6000, 4000, 101, 5000 } };
    sync_all(*state, &r, 4);
    assert_int_equal(r.puts, REQUESTS + 4);
    assert_int_equal(r.skips, 4);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 4) * EXTRA);
}

/* The driver goes on by itself: the server is asked about that request alone. */
static void test_it_goes_on_in_the_same_sync(void **state)
{
    road r = { .cuts = { 0, 10000 }, .can_resume = true };
    sync_all(*state, &r, 0);
    assert_int_equal(r.puts, REQUESTS + 1);
    assert_int_equal(r.skips, 1);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 1) * EXTRA);
    assert_in_range(r.last_ask, 100, 97 + 120); /* two hashes of three */
}

/* A line that breaks again before anything came through is none to go on over. */
static void test_it_goes_on_once(void **state)
{
    road r = { .cuts = { 5000, 5000 }, .can_resume = true };
    sync_all(*state, &r, 1);
    assert_int_equal(r.skips, 2);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 2) * EXTRA);
}

/* All of it came, and nobody heard so: nothing of it goes again. */
static void test_an_answer_that_is_lost(void **state)
{
    road r = { .loses = 1, .can_resume = true };
    sync_all(*state, &r, 0);
    assert_int_equal(r.skips, 0);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 1) * EXTRA);
}

/* A good line has several pieces in a request: as many are made again. */
static void test_a_large_request(void **state)
{
    road r = { .cuts = { 0, 20000 } };
    sync_all(*state, &r, 1);
    assert_int_equal(r.puts, REQUESTS + 1);
    assert_int_equal(r.skips, 1);
    assert_in_range(r.bytes, FILE_BYTES, FILE_BYTES + (REQUESTS + 1) * EXTRA);
}

/* It is not like the beginning of the stream: the phone sees it, and sends all. */
static void test_another_beginning(void **state)
{
    desk *d = *state;
    st_id device = id_of_device(d->an);
    road r = { .cuts = { 10000 } };
    assert_int_equal(sync_on(d, &r), SOTAY_E_NETWORK);
    change_kept(d, &device);
    sync_all(d, &r, 0);
    assert_int_equal(r.skips, 0);
    assert_int_equal(r.refused, 0);
}

/* It changes, or goes, when the phone relies on it: nobody signed that, and all of it comes. */
static void test_it_changes_in_between(void **state)
{
    road r = { .cuts = { 10000 }, .turns = 2 };
    sync_all(*state, &r, 1);
    assert_int_equal(r.skips, 1);
    assert_int_equal(r.refused, 1);
}

static void test_it_is_gone(void **state)
{
    road r = { .cuts = { 10000 }, .turns = 2, .drops = true };
    sync_all(*state, &r, 1);
    assert_int_equal(r.skips, 1);
    assert_int_equal(r.refused, 1);
}

/* What came whole needs no beginning any more. */
static void test_it_is_dropped(void **state)
{
    desk *d = *state;
    st_id device = id_of_device(d->an);
    road r = { .cuts = { 10000 } };
    sync_all(d, &r, 1);
    assert_int_equal(begun_of(http_server_begun(d->w.door), &device, http_mono_ms()).bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, attach_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_goes_on_at_the_byte), TEST(test_it_breaks_again_and_again),
        TEST(test_a_large_request),        TEST(test_another_beginning),
        TEST(test_it_changes_in_between),  TEST(test_it_is_gone),
        TEST(test_it_is_dropped),          TEST(test_it_goes_on_in_the_same_sync),
        TEST(test_it_goes_on_once),        TEST(test_an_answer_that_is_lost),
    };
    return cmocka_run_group_tests_name("unit/both/test_begun", tests, desk_open, desk_close);
}
