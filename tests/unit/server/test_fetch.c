/* tests/unit/server/test_fetch.c
 * An officer who sees a thumbnail gets the photo itself, from the byte where the line broke; nobody
 * gets a byte of what he may not read, and what is damaged here is never given out. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/fetch.h"

#define PIECES 3u
#define LEN    ((size_t)40000)
#define ALL    (PIECES * LEN)

typedef struct {
    rig *r;
    rig_phone an;
    auth_device own;
    st_id visit;
    uint8_t file[ALL];
    st_hash hashes[PIECES];
    /* what an answer gave */
    uint8_t got[ALL];
    size_t got_len, parts;
    st_err fails_with; /* what taking a part answers */
    bool is_ended;
    uint32_t missing, unknown;
    st_hash first_missing;
} scene;

static auth_device device_of(rig *r, const rig_phone *phone)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    return device;
}

/* A visit of an's with a file, all of which the office has. */
static void set_scene(scene *s, rig *r)
{
    memset(s, 0, sizeof *s);
    s->r = r;
    for (size_t i = 0; i < ALL; i++)
        s->file[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < PIECES; i++)
        s->hashes[i] = st_sha256(s->file + i * LEN, LEN);
    rig_enrol(r, &s->an, "an");
    rig_begin(&s->an, RIG_BUCKET);
    s->visit = rig_visit(&s->an, NULL);
    st_change *change = rig_change(&s->an, &s->visit);
    st_op *op = rig_op(&s->an, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value =
        (st_value){ .kind = ST_VALUE_BYTES, .data = s->hashes[0].b, .len = sizeof s->hashes };
    assert_int_equal(rig_push_one(&s->an, rig_seal(&s->an), NULL), ST_VERDICT_STORED);
    s->own = device_of(r, &s->an);
    for (size_t i = 0; i < PIECES; i++) {
        chunks_piece piece = { "part-1", s->hashes[i], s->file + i * LEN, LEN };
        assert_int_equal(chunks_put(r->srv.dir, &piece, NULL), ST_OK);
    }
}

/* The parts of a piece follow one another, and every frame can be sent. */
static st_err put(void *context, const st_frame *frame, st_error *error)
{
    scene *s = context;
    const st_piece_bytes *part = &frame->as.piece_bytes;
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, error), ST_OK);
    st_buffer_free(&bytes);
    assert_false(s->is_ended);
    if (frame->kind == ST_FRAME_HAVE_ANSWER) {
        assert_memory_equal(frame->as.have_answer.record.b, s->visit.b, 16);
        s->is_ended = true;
        s->missing = frame->as.have_answer.missing_count;
        s->unknown = frame->as.have_answer.unknown_count;
        if (s->missing > 0)
            s->first_missing = frame->as.have_answer.missing[0];
        return ST_OK;
    }
    assert_int_equal(frame->kind, ST_FRAME_PIECE_BYTES);
    assert_true(part->len > 0 && part->len <= ST_PIECE_PART_BYTES_MAX);
    assert_true(part->size == LEN && part->from + part->len <= LEN);
    assert_true(s->got_len + part->len <= ALL);
    memcpy(s->got + s->got_len, part->bytes, part->len);
    s->got_len += part->len;
    s->parts++;
    return s->fails_with;
}

static st_err fetch_as(scene *s, const auth_device *device, const st_have_ask *ask)
{
    have_asker asker = { device, "part-2", &s->r->arena, NULL };
    fetch_out out = { s, put };
    s->got_len = s->parts = 0;
    s->is_ended = false;
    s->missing = s->unknown = 0;
    return sync_fetch(&s->r->srv.sync, &asker, ask, &out, NULL);
}

static void fetch(scene *s, uint32_t first, uint32_t skip, uint32_t most)
{
    st_have_ask ask = { .record = s->visit,
                        .hashes = s->hashes + first,
                        .hashes_count = PIECES - first,
                        .skip = skip,
                        .most = most };
    assert_int_equal(fetch_as(s, &s->own, &ask), ST_OK);
    assert_true(s->is_ended);
}

static void test_a_file_comes_whole(void **state)
{
    static scene s;
    set_scene(&s, *state);
    fetch(&s, 0, 0, 0);
    assert_int_equal(s.got_len, ALL);
    assert_memory_equal(s.got, s.file, ALL);
    assert_int_equal(s.parts, 3 * 10); /* a line that breaks costs little of a piece */
    assert_int_equal(s.missing + s.unknown, 0);
}

/* From any byte on, and in answers of any size, it is the same file. */
static void test_it_goes_on_at_the_byte(void **state)
{
    static const uint32_t MOST[] = { 1, 999, 16384, 16385, 40000, 70001 };
    static scene s;
    static uint8_t whole[ALL];
    set_scene(&s, *state);
    for (size_t i = 0; i < sizeof MOST / sizeof MOST[0]; i++) {
        size_t at = MOST[i] < 100 ? ALL - 50 : 0, first = at;
        while (at < ALL) {
            fetch(&s, (uint32_t)(at / LEN), (uint32_t)(at % LEN), MOST[i]);
            assert_true(s.got_len > 0 && s.got_len <= MOST[i]);
            memcpy(whole + at, s.got, s.got_len);
            at += s.got_len;
        }
        assert_memory_equal(whole + first, s.file + first, ALL - first);
    }
}

/* More than there is of a piece: whoever says so has something else, and gets all of it. */
static void test_a_skip_that_lies(void **state)
{
    static const uint32_t SKIPS[] = { LEN, LEN + 1, UINT32_MAX };
    static scene s;
    set_scene(&s, *state);
    for (size_t i = 0; i < sizeof SKIPS / sizeof SKIPS[0]; i++) {
        fetch(&s, 0, SKIPS[i], 0);
        assert_int_equal(s.got_len, ALL);
    }
    fetch(&s, 1, 39999, UINT32_MAX); /* the most a server gives is its own to say */
    assert_int_equal(s.got_len, LEN + 1);
}

static void spoil(scene *s, size_t which)
{
    char hex[65], path[1200];
    st_hex(s->hashes[which].b, 32, hex);
    (void)snprintf(path, sizeof path, "%s/chunks/%.2s/%s", s->r->srv.dir, hex, hex + 2);
    FILE *file = fopen(path, "r+be");
    assert_non_null(file);
    assert_int_equal(fputc(~s->file[which * LEN], file) == EOF, 0);
    assert_int_equal(fclose(file), 0);
}

static void test_what_is_damaged_or_gone_stops_no_other(void **state)
{
    static scene s;
    set_scene(&s, *state);
    spoil(&s, 0);
    fetch(&s, 0, 0, 0);
    assert_int_equal(s.got_len, ALL - LEN);
    assert_memory_equal(s.got, s.file + LEN, ALL - LEN);
    assert_int_equal(s.missing, 1);
    assert_memory_equal(s.first_missing.b, s.hashes[0].b, 32);
    assert_int_equal(chunks_remove(s.r->srv.dir, &s.hashes[1], NULL), ST_OK);
    fetch(&s, 0, 100, 0);
    assert_int_equal(s.got_len, LEN);
    assert_memory_equal(s.got, s.file + 2 * LEN, LEN);
    assert_int_equal(s.missing, 2);
    assert_int_equal(chunks_remove(s.r->srv.dir, &s.hashes[0], NULL), ST_OK); /* verify says so */
}

static void test_nobody_reads_what_is_not_his(void **state)
{
    static scene s;
    rig_phone binh, chi;
    set_scene(&s, *state);
    rig_enrol(s.r, &binh, "binh"); /* of the same unit */
    rig_enrol(s.r, &chi, "chi");   /* of none */
    auth_device stranger = device_of(s.r, &chi), colleague = device_of(s.r, &binh);
    st_have_ask ask = { .record = s.visit, .hashes = s.hashes, .hashes_count = PIECES };
    assert_int_equal(fetch_as(&s, &colleague, &ask), ST_OK);
    assert_int_equal(s.got_len, ALL);
    assert_int_equal(fetch_as(&s, &stranger, &ask), ST_OK);
    assert_int_equal(s.got_len, 0);
    assert_int_equal(s.unknown, PIECES);
    colleague.status = AUTH_SUSPENDED;
    assert_int_equal(fetch_as(&s, &colleague, &ask), ST_OK);
    assert_int_equal(s.got_len, 0);
    st_hash other = st_sha256("other", 5); /* a piece that another record names */
    chunks_piece piece = { "part-1", other, (const uint8_t *)"other", 5 };
    assert_int_equal(chunks_put(s.r->srv.dir, &piece, NULL), ST_OK);
    ask.hashes = &other;
    ask.hashes_count = 1;
    assert_int_equal(fetch_as(&s, &s.own, &ask), ST_OK);
    assert_int_equal(s.got_len, 0);
    assert_int_equal(s.unknown, 1);
}

/* Having written in a record once is not a right to its photos for ever. */
static void test_who_lost_the_unit_gets_no_photo(void **state)
{
    static scene s;
    rig_phone chi;
    set_scene(&s, *state);
    st_have_ask ask = { .record = s.visit, .hashes = s.hashes, .hashes_count = PIECES };
    st_id assignment = rig_assign(s.r, "chi", RIG_UNIT);
    st_have_answer answer;
    rig_enrol(s.r, &chi, "chi");
    rig_begin(&chi, RIG_BUCKET);
    rig_set(&chi, &s.visit, "place", "bản", NULL);
    assert_int_equal(rig_push_one(&chi, rig_seal(&chi), NULL), ST_VERDICT_STORED);
    s.own = device_of(s.r, &chi);
    assert_int_equal(fetch_as(&s, &s.own, &ask), ST_OK);
    assert_int_equal(s.got_len, ALL);
    assert_int_equal(rig_edit(s.r, &assignment, NULL, "active", "false"), ST_OK);
    have_asker asker = { &s.own, "part-3", &s.r->arena, s.r->srv.writer };
    assert_int_equal(sync_have(&s.r->srv.sync, &asker, &ask, &answer, NULL), ST_OK);
    assert_int_equal(answer.unknown_count, 0); /* it may still bring what is missing */
    assert_int_equal(fetch_as(&s, &s.own, &ask), ST_OK);
    assert_int_equal(s.got_len, 0);
    assert_int_equal(s.unknown, PIECES);
}

static void test_the_answer_ends_when_it_cannot_be_sent(void **state)
{
    static scene s;
    set_scene(&s, *state);
    st_have_ask ask = { .record = s.visit, .hashes = s.hashes, .hashes_count = PIECES };
    s.fails_with = ST_E_MEMORY;
    assert_int_equal(fetch_as(&s, &s.own, &ask), ST_E_MEMORY);
    assert_int_equal(s.parts, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_a_file_comes_whole),
        CASE(test_it_goes_on_at_the_byte),
        CASE(test_a_skip_that_lies),
        CASE(test_what_is_damaged_or_gone_stops_no_other),
        CASE(test_nobody_reads_what_is_not_his),
        CASE(test_who_lost_the_unit_gets_no_photo),
        CASE(test_the_answer_ends_when_it_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
