/* tests/unit/client-lib/test_snapshot_said.c
 * A server offers the records of a unit as a snapshot, and errs: in its list, in its answers, in
 * what the pieces hold. What is sound is taken, wherever the line breaks; of all else nothing
 * stays, and the phone asks for the entries one by one. The pieces are made by hand here. */
#include "client-lib/src/exchange.h"
#include "tests/unit/client-lib/answer.h"
#include "tests/unit/client-lib/handmade.h"

#define LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define PIECES      2u
#define CURSOR      77u
#define PIECE_BYTES (1u << 16)

/* A snapshot of two pieces with a record each, as a server would cut it. */
typedef struct {
    edge *e;
    phone an;
    handmade h[PIECES];
    st_buffer pieces[PIECES];
    st_snapshot_piece list[PIECES];
    st_snapshot snapshot;
    sotay_sync *sync;
    sotay_request request;
    bool again;
} desk;

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* ---- a snapshot ---- */

static void make_record(desk *d, unsigned i, const char *place)
{
    handmade *h = &d->h[i];
    handmade_open(h, (uint8_t)(0xa0 + i), EDGE_UNIT_BUCKET);
    handmade_begin(h);
    handmade_text(h, EDGE_PLACE, place);
    handmade_end(h, 5 + i);
    st_sum sum = st_record_sum(&h->record);
    st_sum_add(&d->snapshot.sum, &sum);
}

/* The bytes of a piece: one frame with one part. `vector` may be NULL. */
static void write_piece(desk *d, unsigned i, const st_buffer *vector)
{
    st_buffer record, part_bytes;
    st_frame_writer *writer = NULL;
    st_buffer_init(&record, PIECE_BYTES);
    st_buffer_init(&part_bytes, PIECE_BYTES);
    st_buffer_init(&d->pieces[i], PIECE_BYTES);
    assert_int_equal(st_record_encode(&d->h[i].record, &record, NULL), ST_OK);
    const st_snapshot_record one = { record.data, record.len };
    const st_snapshot_part part = { .vector = vector == NULL ? NULL : vector->data,
                                    .vector_len = vector == NULL ? 0 : vector->len,
                                    .records = &one,
                                    .records_count = 1 };
    assert_int_equal(st_snapshot_part_encode(&part, &part_bytes, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, &d->pieces[i], &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, part_bytes.data, part_bytes.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    st_buffer_free(&part_bytes);
    st_buffer_free(&record);
}

/* The list as the pieces are now. */
static void list_pieces(desk *d)
{
    for (unsigned i = 0; i < PIECES; i++)
        d->list[i] = (st_snapshot_piece){ st_sha256(d->pieces[i].data, d->pieces[i].len),
                                          (uint32_t)d->pieces[i].len };
    d->snapshot.pieces = d->list;
    d->snapshot.pieces_count = PIECES;
}

/* vector: what the bucket has, or NULL for the one of the records. */
static void cut(desk *d, const st_vector *vector)
{
    st_buffer bytes;
    st_upto upto[PIECES];
    st_vector whole;
    st_vector_init(&whole, &d->h[0].arena);
    for (unsigned i = 0; i < PIECES; i++)
        upto[i] = (st_upto){ d->h[i].device, 1 };
    whole.upto = upto;
    whole.upto_count = PIECES;
    st_buffer_init(&bytes, PIECE_BYTES);
    assert_int_equal(st_vector_encode(vector == NULL ? &whole : vector, &bytes, NULL), ST_OK);
    for (unsigned i = 0; i < PIECES; i++) {
        st_buffer_free(&d->pieces[i]);
        write_piece(d, i, i == 0 ? &bytes : NULL);
    }
    st_buffer_free(&bytes);
    list_pieces(d);
}

static void desk_open(desk *d)
{
    memset(d, 0, sizeof *d);
    d->e = phone_alone(&d->an);
    (void)strcpy(d->snapshot.bucket.s, EDGE_UNIT_BUCKET);
    d->snapshot.cursor = CURSOR;
    d->snapshot.fold_version = 1;
    make_record(d, 0, "đền");
    make_record(d, 1, "bến");
    for (unsigned i = 0; i < PIECES; i++)
        st_buffer_init(&d->pieces[i], PIECE_BYTES);
    cut(d, NULL);
}

static void end_sync(desk *d)
{
    sotay_sync_free(d->sync);
    d->sync = NULL;
}

static void desk_close(desk *d)
{
    end_sync(d);
    must(edge_sync(d->e, d->an.client, NULL, NULL)); /* whatever was: the phone syncs */
    for (unsigned i = 0; i < PIECES; i++) {
        st_buffer_free(&d->pieces[i]);
        handmade_close(&d->h[i]);
    }
    phone_part(d->e, &d->an, NULL);
}

/* ---- the talk ---- */

static void begin(desk *d, bool can_fetch)
{
    must(sotay_sync_begin(d->an.client, &d->sync, NULL));
    if (can_fetch)
        sotay_sync_can_fetch(d->sync);
}

/* The answer to a POST: the snapshot is to be had; `more`: after it there is more to be asked. */
static void say_offer(desk *d, bool more)
{
    answer a;
    const st_frame named = { .kind = ST_FRAME_SNAPSHOT, .as.snapshot = d->snapshot };
    must(sotay_sync_next(d->sync, &d->request, NULL));
    assert_string_equal(d->request.method, "POST");
    answer_begin(&a);
    answer_put(&a, &named);
    answer_end_frame(&a, d->e->now_ms, more);
    must(answer_give(&a, d->sync, &d->again));
}

static void offer(desk *d)
{
    say_offer(d, true);
}

/* The next request, which is for bytes; from which one on. */
static uint64_t wants_bytes(desk *d)
{
    must(sotay_sync_next(d->sync, &d->request, NULL));
    assert_string_equal(d->request.method, "GET");
    assert_non_null(strstr(d->request.path, EDGE_UNIT_BUCKET));
    assert_non_null(d->request.authorization);
    return d->request.range_from;
}

static bool asks_for_entries(desk *d)
{
    must(sotay_sync_next(d->sync, &d->request, NULL));
    return strcmp(d->request.method, "POST") == 0;
}

static void begin_fetch(desk *d)
{
    begin(d, true);
    offer(d);
    assert_true(d->again);
    assert_true(wants_bytes(d) == 0);
}

static int feed(desk *d, const void *data, size_t len)
{
    return sotay_sync_feed(d->sync, data, len, &d->an.error);
}

static int feed_piece(desk *d, unsigned i)
{
    return feed(d, d->pieces[i].data, d->pieces[i].len);
}

static int end(desk *d, int status)
{
    return sotay_sync_end(d->sync, status, &d->again, &d->an.error);
}

static bool is_here(desk *d, unsigned i)
{
    sotay_id id;
    char *json = NULL;
    memcpy(id.b, d->h[i].id.b, sizeof id.b);
    int rc = sotay_show(d->an.client, &id, SOTAY_JSON, &json, NULL);
    sotay_text_free(json);
    assert_true(rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND);
    return rc == SOTAY_OK;
}

/* Nothing of it is here, and nothing is noted of it. */
static void must_be_dropped(desk *d)
{
    assert_false(is_here(d, 0) || is_here(d, 1));
    assert_int_equal(rows_count(&d->an, BOOK_SNAPSHOT), 0);
}

static void fetch_all(desk *d)
{
    begin_fetch(d);
    must(feed_piece(d, 0));
    must(feed_piece(d, 1));
    must(end(d, 206));
    end_sync(d);
}

static void forget_all(desk *d)
{
    rows_begin(&d->an);
    must((int)apply_forget(d->an.client, &d->snapshot.bucket, NULL));
    rows_commit(&d->an);
}

/* ---- what is sound ---- */

static void test_it_is_taken_piece_by_piece(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    must(feed(&d, d.pieces[0].data, 10));
    must(feed(&d, d.pieces[0].data + 10, 0));
    must(feed(&d, d.pieces[0].data + 10, d.pieces[0].len - 10));
    assert_true(is_here(&d, 0) && !is_here(&d, 1));
    must(feed_piece(&d, 1));
    assert_true(is_here(&d, 1));
    must(end(&d, 206));
    assert_true(d.again && asks_for_entries(&d)); /* from the cursor on */
    assert_int_equal(rows_count(&d.an, BOOK_SNAPSHOT), 0);
    desk_close(&d);
}

/* The line breaks: what came of a piece is kept, and the next sync goes on at the byte. */
static void test_a_line_that_breaks(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    must(feed_piece(&d, 0));
    must(feed(&d, d.pieces[1].data, 9));
    assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
    end_sync(&d);
    phone_crash(&d.an, false);
    for (int i = 0; i < 2; i++) { /* once more without a byte: nothing is lost of it */
        begin(&d, true);
        offer(&d);
        assert_true(wants_bytes(&d) == d.pieces[0].len + 9);
        assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
        end_sync(&d);
    }
    begin(&d, true);
    offer(&d);
    assert_true(wants_bytes(&d) == d.pieces[0].len + 9);
    must(feed(&d, d.pieces[1].data + 9, d.pieces[1].len - 9));
    assert_int_equal(end(&d, 0), SOTAY_E_NETWORK); /* it broke behind the last byte */
    assert_true(is_here(&d, 0) && is_here(&d, 1));
    assert_int_equal(rows_count(&d.an, BOOK_SNAPSHOT), 0);
    desk_close(&d);
}

/* ---- offers that are not taken up ---- */

static void set_cursor(desk *d, uint64_t cursor, bool in_scope)
{
    bucket_state state;
    book_db *book = &d->an.client->book;
    rows_begin(&d->an);
    must((int)bucket_get(book, &d->snapshot.bucket, &state, NULL));
    state.cursor = cursor;
    state.in_scope = in_scope;
    must((int)bucket_put(book, &d->snapshot.bucket, &state, NULL));
    rows_commit(&d->an);
}

static void test_offers_that_are_passed_over(void **state)
{
    static const struct {
        bool can_fetch, in_scope;
        uint64_t cursor;
        uint32_t fold_version;
        bool asks_again; /* for the pages */
    } CASES[] = {
        { false, true, 0, 1, true },  /* a driver that knows POST alone */
        { true, true, 0, 2, true },   /* of a newer server */
        { true, false, 0, 1, false }, /* of a unit that is not read here */
        { true, true, 3, 1, false },  /* of one that was read already */
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        desk d;
        desk_open(&d);
        set_cursor(&d, CASES[i].cursor, CASES[i].in_scope);
        d.snapshot.fold_version = CASES[i].fold_version;
        begin(&d, CASES[i].can_fetch);
        say_offer(&d, false);
        assert_int_equal(d.again, CASES[i].asks_again);
        if (d.again)
            assert_true(asks_for_entries(&d));
        must_be_dropped(&d);
        end_sync(&d);
        set_cursor(&d, 0, true);
        desk_close(&d);
    }
}

/* ---- answers that are no bytes ---- */

static void test_statuses(void **state)
{
    static const struct {
        int status, want;
    } CASES[] = { { 404, SOTAY_OK },        { 200, SOTAY_OK },        { 400, SOTAY_OK },
                  { 416, SOTAY_OK },        { 500, SOTAY_E_NETWORK }, { 502, SOTAY_E_NETWORK },
                  { 206, SOTAY_E_NETWORK }, { 0, SOTAY_E_NETWORK } };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        desk d;
        desk_open(&d);
        begin_fetch(&d);
        if (CASES[i].status != 206 && CASES[i].status != 0)
            must(feed(&d, "no piece", 8));
        assert_int_equal(end(&d, CASES[i].status), CASES[i].want);
        if (CASES[i].want == SOTAY_OK) {
            assert_true(d.again && asks_for_entries(&d));
            must_be_dropped(&d);
        }
        desk_close(&d);
    }
}

/* What the body says decides, when it says anything. */
static void test_refusals(void **state)
{
    static const struct {
        st_err code;
        int status, want;
        bool drops;
    } CASES[] = {
        { ST_E_AGAIN, 409, SOTAY_OK, false },
        { ST_E_SIGNATURE, 401, SOTAY_E_SIGNATURE, false },
        { ST_E_BUSY, 503, SOTAY_E_NETWORK, false },
        { ST_E_STORAGE, 507, SOTAY_E_NETWORK, false },
        { ST_E_MEMORY, 503, SOTAY_E_SERVER, false },
        { ST_E_SERVER, 500, SOTAY_E_SERVER, false },
        { ST_E_DENIED, 403, SOTAY_OK, true },
        { ST_E_VERSION, 426, SOTAY_OK, true },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        desk d;
        answer a;
        st_frame no = { .kind = ST_FRAME_REFUSAL };
        desk_open(&d);
        begin_fetch(&d);
        no.as.refusal.code = CASES[i].code;
        no.as.refusal.counter = d.an.client->me.requests + 3;
        answer_begin(&a);
        answer_put(&a, &no);
        must(st_frame_writer_end(a.writer, NULL) == ST_OK ? SOTAY_OK : SOTAY_E_MEMORY);
        must(feed(&d, a.out.data, a.out.len));
        st_frame_writer_free(a.writer);
        st_buffer_free(&a.out);
        int rc = end(&d, CASES[i].status);
        if (rc != CASES[i].want)
            fail_msg("%s: %s", sotay_code_name((sotay_code)CASES[i].code),
                     sotay_code_name((sotay_code)rc));
        if (CASES[i].drops) {
            assert_true(d.again && asks_for_entries(&d));
            must_be_dropped(&d);
        } else if (rc == SOTAY_OK) {
            assert_true(d.again && wants_bytes(&d) == 0); /* the same once more */
        }
        desk_close(&d);
    }
}

/* A body that is no refusal: whoever it was, the snapshot is not given up for it. */
static void test_bodies_that_are_no_refusal(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        desk d;
        answer a;
        const st_frame other = { .kind = ST_FRAME_END, .as.end = { .version = 1 } };
        desk_open(&d);
        begin_fetch(&d);
        answer_begin(&a);
        if (how == 1)
            assert_int_equal(st_frame_write(a.writer, (const uint8_t *)"\xff\xff\xff", 3, NULL),
                             ST_OK);
        else
            answer_put(&a, &other);
        assert_int_equal(st_frame_writer_end(a.writer, NULL), ST_OK);
        if (how == 0)
            must(feed(&d, "<html>", 6));
        else
            must(feed(&d, a.out.data, how == 2 ? a.out.len / 2 : a.out.len));
        st_frame_writer_free(a.writer);
        st_buffer_free(&a.out);
        assert_int_equal(end(&d, 500), SOTAY_E_NETWORK);
        assert_int_equal(rows_count(&d.an, BOOK_SNAPSHOT), 1);
        desk_close(&d);
    }
}

/* ---- pieces that are not what the list says ---- */

/* Fetched again from the first byte, a few times; then the entries are asked for. */
static void test_a_wrong_hash(void **state)
{
    static uint8_t noise[5000];
    desk d;
    unsigned tries = 0;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    for (bool fetches = true; fetches; tries++) {
        assert_true(tries < 10);
        must(feed(&d, noise, sizeof noise));
        must(feed(&d, noise, sizeof noise)); /* whatever follows it is not looked at */
        must(end(&d, 206));
        assert_true(d.again);
        fetches = !asks_for_entries(&d);
        if (fetches)
            assert_true(d.request.range_from == 0);
    }
    assert_true(tries > 1);
    must_be_dropped(&d);
    desk_close(&d);
}

static void test_a_wrong_hash_and_a_broken_line(void **state)
{
    static uint8_t noise[5000];
    desk d;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    must(feed(&d, noise, sizeof noise));
    assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
    end_sync(&d);
    begin(&d, true);
    offer(&d);
    assert_true(wants_bytes(&d) == 0);
    desk_close(&d);
}

/* ---- pieces that have their hash and are not sound ---- */

static void take_unsound(desk *d)
{
    begin_fetch(d);
    must(feed_piece(d, 0));
    if (is_here(d, 0))
        must(feed_piece(d, 1));
    must(end(d, 206));
    assert_true(d->again && asks_for_entries(d));
    must_be_dropped(d);
}

static void spoil_sum(desk *d)
{
    d->snapshot.sum.b[3] ^= 1;
}

static void spoil_bytes(desk *d)
{
    d->pieces[1].data[d->pieces[1].len / 2] ^= 0x55;
    list_pieces(d);
}

static void spoil_end(desk *d)
{
    d->pieces[1].len -= 3;
    list_pieces(d);
}

static void spoil_bucket(desk *d)
{
    (void)strcpy(d->h[1].record.bucket.s, EDGE_COMMUNE "/unit/other");
    cut(d, NULL);
}

/* The second piece first: one without a vector, where one belongs. */
static void spoil_order(desk *d)
{
    st_buffer first = d->pieces[0];
    d->pieces[0] = d->pieces[1];
    d->pieces[1] = first;
    list_pieces(d);
}

static void spoil_second_vector(desk *d)
{
    st_buffer_free(&d->pieces[1]);
    st_buffer_init(&d->pieces[1], PIECE_BYTES);
    assert_int_equal(st_buffer_append(&d->pieces[1], d->pieces[0].data, d->pieces[0].len, NULL),
                     ST_OK);
    list_pieces(d);
}

/* Counters under our own name that were never sealed here. */
static void name_twin(desk *d, int where)
{
    st_vector vector;
    const st_id *me = &d->an.client->me.device;
    st_upto upto = { *me, 1000 };
    st_extra extra = { { *me, 1000 }, 999, d->h[0].id };
    st_vector_init(&vector, &d->h[0].arena);
    vector.upto = &upto;
    vector.upto_count = where == 0 ? 1 : 0;
    vector.extras = &extra;
    vector.extras_count = where == 1 ? 1 : 0;
    vector.holes = &extra;
    vector.holes_count = where == 2 ? 1 : 0;
    cut(d, &vector);
}

static void twin_upto(desk *d)
{
    name_twin(d, 0);
}

static void twin_beyond(desk *d)
{
    name_twin(d, 1);
}

static void twin_hole(desk *d)
{
    name_twin(d, 2);
}

static void test_what_is_not_sound(void **state)
{
    static const struct {
        const char *why;
        void (*spoil)(desk *d);
    } CASES[] = {
        { "another sum", spoil_sum },
        { "damaged bytes", spoil_bytes },
        { "cut", spoil_end },
        { "a record of another unit", spoil_bucket },
        { "the pieces changed", spoil_order },
        { "two vectors", spoil_second_vector },
        { "a twin", twin_upto },
        { "a twin beyond a gap", twin_beyond },
        { "a twin in a hole", twin_hole },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        desk d;
        print_message("  case: %s\n", CASES[i].why);
        desk_open(&d);
        CASES[i].spoil(&d);
        take_unsound(&d);
        desk_close(&d);
    }
}

/* What is said of us up to where we sealed is no twin, and of others it is none at all. */
static void test_a_vector_that_names_us(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    st_vector vector;
    st_upto upto[2] = { { d.h[0].device, 1 }, { d.h[1].device, 1 } };
    const st_id *me = &d.an.client->me.device;
    st_extra own = { { *me, 1 }, 0, d.h[0].id },
             other = { { d.e->devices[0].id, 90 }, 89, d.h[0].id };
    d.an.client->me.sealed = d.an.client->next.sealed = 1;
    for (int i = 0; i < 2; i++) {
        st_vector_init(&vector, &d.h[0].arena);
        vector.upto = upto;
        vector.upto_count = 2;
        vector.extras = i == 0 ? &own : &other;
        vector.holes = i == 0 ? &other : &own;
        vector.extras_count = vector.holes_count = 1;
        cut(&d, &vector);
        fetch_all(&d);
        assert_true(is_here(&d, 0) && is_here(&d, 1));
        forget_all(&d);
    }
    desk_close(&d);
}

/* ---- what is noted of it ---- */

/* The vector that came with the first piece is gone when the second one needs it. */
static void test_a_vector_that_is_gone(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    must(feed_piece(&d, 0));
    book_key key = snapshot_key(SNAPSHOT_VECTOR, &d.snapshot.bucket);
    rows_delete(&d.an, &key);
    must(feed_piece(&d, 1));
    must(end(&d, 206));
    assert_true(d.again && asks_for_entries(&d));
    must_be_dropped(&d);
    desk_close(&d);
}

/* A note of how far it is that is damaged is said; it is not fetched by guessing. */
static void test_a_damaged_note(void **state)
{
    static stored_row row;
    (void)state;
    for (int how = 0; how < 3; how++) {
        desk d;
        desk_open(&d);
        begin_fetch(&d);
        assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
        end_sync(&d);
        assert_true(rows_get(&d.an, BOOK_SNAPSHOT, 0, &row));
        if (how == 0)
            row.len = 20;
        if (how == 1)
            st_put_u32(row.data, PIECES); /* behind the last one */
        if (how == 2)
            row.len -= 2;
        rows_put(&d.an, &row.key, row.data, row.len);
        begin(&d, true);
        offer(&d);
        assert_int_equal(sotay_sync_next(d.sync, &d.request, &d.an.error), SOTAY_E_CORRUPT);
        end_sync(&d);
        rows_delete(&d.an, &row.key);
        desk_close(&d);
    }
}

/* A tail that is as long as the piece is none: it is fetched from its first byte on. */
static void test_a_tail_that_is_too_long(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    begin_fetch(&d);
    must(feed(&d, d.pieces[0].data, 9));
    assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
    end_sync(&d);
    book_key key = snapshot_key(SNAPSHOT_TAIL, &d.snapshot.bucket);
    rows_put(&d.an, &key, d.pieces[0].data, d.pieces[0].len);
    begin(&d, true);
    offer(&d);
    assert_true(wants_bytes(&d) == 0);
    must(feed_piece(&d, 0));
    must(feed_piece(&d, 1));
    must(end(&d, 206));
    assert_true(is_here(&d, 0) && is_here(&d, 1));
    desk_close(&d);
}

/* A verdict of this sync says that the log has the own set that waits. */
static void tell_own(desk *d)
{
    outbox_set own;
    const outbox_helds none = { NULL, 0 };
    const st_id *device = &d->an.client->me.device;
    rows_begin(&d->an);
    must(outbox_get(&d->an.client->book, device, 1, &own, NULL));
    own.status = OUTBOX_SENT;
    own.position = 1000;
    must(outbox_settle(d->an.client, &own, NULL, none, NULL));
    rows_commit(&d->an);
}

/* Own work on a record of it leaves the overlay when the snapshot has it, and only then. Where the
 * server has not said so, its counter may be another one's there: it stays until that. */
static void test_own_work_on_it(void **state)
{
    (void)state;
    for (int has = 0; has < 3; has++) {
        desk d;
        sotay_id id;
        desk_open(&d);
        memcpy(id.b, d.h[0].id.b, sizeof id.b);
        fetch_all(&d);
        must(phone_set(&d.an, &id, "general_note", "của an"));
        assert_int_equal(rows_count(&d.an, BOOK_OVER), 1);
        forget_all(&d);
        st_upto upto[3] = { { d.h[0].device, 1 },
                            { d.h[1].device, 1 },
                            { d.an.client->me.device, 1 } };
        st_vector vector;
        st_vector_init(&vector, &d.h[0].arena);
        vector.upto = upto;
        vector.upto_count = has ? 3 : 2;
        cut(&d, &vector);
        begin_fetch(&d);
        if (has == 1)
            tell_own(&d);
        must(feed_piece(&d, 0));
        assert_int_equal(rows_count(&d.an, BOOK_OVER), has == 1 ? 0 : 1);
        must(feed_piece(&d, 1));
        must(end(&d, 206));
        assert_true(phone_says(&d.an, sotay_show, &id, "đền"));
        if (!has)
            assert_true(phone_says(&d.an, sotay_show, &id, "của an"));
        end_sync(&d);
        forget_all(&d);
        rows_clear(&d.an, BOOK_OVER);
        desk_close(&d);
    }
}

/* Half of it is loaded when the server sends the entries after all: those count, and nothing of
 * the half stays. */
static void test_entries_after_all(void **state)
{
    desk d;
    phone binh;
    (void)state;
    desk_open(&d);
    phone_make(&binh, d.e, 1);
    begin_fetch(&d);
    must(feed_piece(&d, 0));
    assert_int_equal(end(&d, 0), SOTAY_E_NETWORK);
    end_sync(&d);
    assert_true(is_here(&d, 0));
    sotay_id theirs = phone_visit(&binh, "của bình");
    must(edge_sync(d.e, binh.client, NULL, NULL));
    must(edge_sync(d.e, d.an.client, NULL, NULL));
    must_be_dropped(&d);
    assert_true(phone_says(&d.an, sotay_show, &theirs, "của bình"));
    phone_free(&binh);
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_taken_piece_by_piece),
        cmocka_unit_test(test_a_line_that_breaks),
        cmocka_unit_test(test_offers_that_are_passed_over),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bodies_that_are_no_refusal),
        cmocka_unit_test(test_a_wrong_hash),
        cmocka_unit_test(test_a_wrong_hash_and_a_broken_line),
        cmocka_unit_test(test_what_is_not_sound),
        cmocka_unit_test(test_a_vector_that_names_us),
        cmocka_unit_test(test_a_vector_that_is_gone),
        cmocka_unit_test(test_a_damaged_note),
        cmocka_unit_test(test_a_tail_that_is_too_long),
        cmocka_unit_test(test_own_work_on_it),
        cmocka_unit_test(test_entries_after_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
