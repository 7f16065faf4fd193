/* tests/unit/proto/test_message_limits.c
 * Whoever talks to us may say too much, the wrong length or half of something: it is refused by
 * name before memory is taken for it, nothing of it is handed out, and one less is still taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/limits.h"
#include "tests/unit/proto/make_frames.h"
#include "tests/unit/proto/wire_text.h"

#define ARENA_MAX (64u << 20)
#define LEN(a)    (sizeof(a) / sizeof((a)[0]))

typedef struct {
    st_arena arena;
    st_buffer bytes;
} desk;

static int setup(void **state)
{
    static desk d;
    st_arena_init(&d.arena, ARENA_MAX);
    st_buffer_init(&d.bytes, 2 * ST_FRAME_BYTES_MAX);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    desk *d = *state;
    st_arena_reset(&d->arena);
    st_buffer_free(&d->bytes);
    return 0;
}

/* What becomes of the bytes at hand; a frame that is refused is not handed out. */
static st_err read_back(desk *d)
{
    st_frame back = { .kind = (st_frame_kind)77 };
    st_err err = st_frame_decode(d->bytes.data, d->bytes.len, &d->arena, &back, NULL);
    assert_true(err == ST_OK || back.kind == (st_frame_kind)77);
    return err;
}

static st_err pass_on(desk *d, const st_frame *frame)
{
    st_buffer_clear(&d->bytes);
    assert_int_equal(st_frame_encode(frame, &d->bytes, NULL), ST_OK);
    return read_back(d);
}

/* ---- lengths and halves ---- */

static const struct {
    const char *why, *text;
    st_err want;
} FRAMES[] = {
    { "a want for half a device", "4:{ 1:*8,01 2:v1 3:v2 }", ST_E_CORRUPT },
    { "a want without end", "4:{ 2:v1 3:v9223372036854775808 }", ST_E_CORRUPT },
    { "the widest want", "4:{ 2:v1 3:v9223372036854775807 }", ST_OK },
    { "counters of nobody", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v16 9:x0405 } }",
      ST_E_CORRUPT },
    { "counter 0", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v16 5:*16,d1 9:x00 } }", ST_E_CORRUPT },
    { "a reason that is not NFC",
      "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v17 5:*16,d1 9:x05 11:x61cc80 } }", ST_E_CORRUPT },
    { "the longest reason", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v17 11:*1000,61 } }", ST_OK },
    { "a longer one", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v17 11:*1001,61 } }",
      ST_E_CORRUPT },
    { "half a carrier", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 4:\"x\" 8:*7,01 } }", ST_E_CORRUPT },
    { "half a sum", "6:{ 1:\"01477/council\" 2:v4 4:v1 5:*7,00 }", ST_E_CORRUPT },
    { "a vector before the end", "6:{ 1:\"01477/council\" 2:v4 6:{ 1:*16,01 2:v3 } }",
      ST_E_CORRUPT },
    { "half a device in a vector",
      "6:{ 1:\"01477/council\" 2:v4 4:v1 5:*16,00 6:{ 1:*15,01 2:v3 } }", ST_E_CORRUPT },
    { "a vector that falls",
      "6:{ 1:\"01477/council\" 2:v4 4:v1 5:*16,00 6:{ 1:*16,02 2:v3 } 6:{ 1:*16,01 2:v3 } }",
      ST_E_CORRUPT },
    { "a vector that rises",
      "6:{ 1:\"01477/council\" 2:v4 4:v1 5:*16,00 6:{ 1:*16,01 2:v3 } 6:{ 1:*16,02 2:v3 } }",
      ST_OK },
    { "an end of half an epoch", "7:{ 1:v1 2:*7,01 }", ST_E_CORRUPT },
    { "a tree of nothing", "7:{ 1:v1 17:{ 2:*32,01 3:*64,02 } }", ST_E_CORRUPT },
    { "a tree with half a hash", "7:{ 1:v1 17:{ 1:v9 2:*32,01 3:*64,02 5:*33,03 } }",
      ST_E_CORRUPT },
    { "a tree with too long a proof", "7:{ 1:v1 17:{ 1:v9 2:*32,01 3:*64,02 5:*2048,03 } }",
      ST_E_CORRUPT },
    { "a tree with the longest proof", "7:{ 1:v1 17:{ 1:v9 2:*32,01 3:*64,02 5:*2016,03 } }",
      ST_OK },
    { "a tree without its root", "7:{ 1:v1 17:{ 1:v9 3:*64,02 } }", ST_E_CORRUPT },
    { "a tree nobody signed", "7:{ 1:v1 17:{ 1:v9 2:*32,01 } }", ST_E_CORRUPT },
    { "a snapshot without pieces", "11:{ 1:\"01477/council\" 2:v4 3:*16,01 }", ST_E_CORRUPT },
    { "a snapshot with half a piece", "11:{ 1:\"01477/council\" 2:v4 3:*16,01 5:*37,01 }",
      ST_E_CORRUPT },
    { "a snapshot of one piece", "11:{ 1:\"01477/council\" 2:v4 3:*16,01 5:*36,00 }",
      ST_E_CORRUPT /* of no length */ },
    { "a snapshot of nothing", "11:{ 1:\"01477/council\" 3:*16,01 5:*36,00 }", ST_E_CORRUPT },
    { "a repair with half a vector", "12:{ 1:\"01477/council\" 3:*16,01 7:*7,01 }", ST_E_CORRUPT },
    { "a repair without sum", "12:{ 1:\"01477/council\" }", ST_E_CORRUPT },
    { "a range over the end of an id", "12:{ 1:\"01477/council\" 3:*16,01 4:x2100 }",
      ST_E_CORRUPT },
    { "a range without bytes", "12:{ 1:\"01477/council\" 3:*16,01 4:x02 }", ST_E_CORRUPT },
    { "a range of two spellings", "12:{ 1:\"01477/council\" 3:*16,01 4:x0112 }", ST_E_CORRUPT },
    { "a range", "12:{ 1:\"01477/council\" 3:*16,01 4:x0110 }", ST_OK },
    { "evidence of half a record", "12:{ 1:\"01477/council\" 3:*16,01 8:{ 1:*15,01 } }",
      ST_E_CORRUPT },
    { "records that do not rise", "12:{ 1:\"01477/council\" 3:*16,01 5:*16,02 5:*16,02 }",
      ST_E_CORRUPT },
    { "a list with half a record", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 3:*25,01 4:v1 } }",
      ST_E_CORRUPT },
    { "a list and parts", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 2:*128,02 3:*24,01 4:v1 } }",
      ST_E_CORRUPT },
    { "an empty list", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 4:v1 } }", ST_OK },
    { "a list of seventeen", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 3:*408,01 4:v1 } }",
      ST_E_CORRUPT },
    { "parts and a list", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 2:*128,02 3:*24,01 } }",
      ST_E_CORRUPT },
    { "parts of one id",
      "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x2000000000000000000000000000000000 2:*128,02 } }",
      ST_E_CORRUPT },
    { "too few parts", "13:{ 1:\"01477/council\" 3:*16,01 4:{ 1:x00 2:*120,02 } }", ST_E_CORRUPT },
    { "half a hash of a piece", "16:{ 1:*16,01 2:*33,01 }", ST_E_CORRUPT },
    { "an empty piece", "16:{ 1:*16,01 3:\"\" }", ST_E_CORRUPT },
    { "half a hash that is missing", "17:{ 1:*16,01 2:*31,01 }", ST_E_CORRUPT },
    { "half a hash that nobody knows", "17:{ 1:*16,01 3:*31,01 }", ST_E_CORRUPT },
    { "pieces of half a record", "17:{ 1:*15,01 }", ST_E_CORRUPT },
    { "a beginning without its check", "17:{ 1:*16,01 5:v5 6:v9 }", ST_E_CORRUPT },
    { "a beginning with half its check", "17:{ 1:*16,01 5:v5 6:v9 7:*7,01 }", ST_E_CORRUPT },
    { "a beginning of nothing", "17:{ 1:*16,01 6:v9 7:*8,01 }", ST_E_CORRUPT },
    { "a beginning that is all", "17:{ 1:*16,01 5:v9 6:v9 7:*8,01 }", ST_E_CORRUPT },
    { "a beginning without its whole", "17:{ 1:*16,01 5:v9 7:*8,01 }", ST_E_CORRUPT },
    { "a beginning", "17:{ 1:*16,01 5:v5 6:v9 7:*8,01 }", ST_OK },
    { "half a set that is known", "23:{ 7:*33,01 }", ST_E_CORRUPT },
    { "half a proof of a phone", "23:{ 5:*63,01 }", ST_E_CORRUPT },
    { "a bucket that is none", "23:{ 6:\"x\" }", ST_E_CORRUPT },
    { "an offer of nothing", "23:{ 8:v1 }", ST_OK },
    { "a parcel of a kind that has no byte", "21:{ 1:v256 2:*16,01 4:*32,02 5:*200,03 }",
      ST_E_CORRUPT },
    { "a parcel of a newer program", "21:{ 1:v255 2:*16,01 4:*32,02 5:*200,03 }", ST_OK },
    { "epochs of nothing", "15:{ 1:{ 2:*8,01 4:*32,02 5:*64,03 } }", ST_E_CORRUPT },
    { "a notice without number", "14:{ 2:\"https://a.example\" 3:*64,01 }", ST_E_CORRUPT },
    { "the longest address", "14:{ 1:v1 2:*255,61 3:*64,01 }", ST_OK },
    { "too long an address", "14:{ 1:v1 2:*256,61 3:*64,01 }", ST_E_CORRUPT },
    { "a notice that nobody signed", "14:{ 1:v1 2:\"https://a.example\" }", ST_E_CORRUPT },
    { "a purge of half a signature", "1:{ 1:v1 16:{ 1:\"01477/council\" 2:v3 6:*63,01 } }",
      ST_E_CORRUPT },
    { "a decision", "1:{ 1:v1 34:{ 1:*16,01 2:v3 3:*16,02 4:v17 } }", ST_OK },
    { "one of a newer program", "1:{ 1:v1 34:{ 1:*16,01 2:v3 3:*16,02 4:v99 } }", ST_OK },
    { "one on no change", "1:{ 1:v1 34:{ 1:*16,01 3:*16,02 4:v17 } }", ST_E_CORRUPT },
    { "one on half a device", "1:{ 1:v1 34:{ 1:*15,01 2:v3 3:*16,02 4:v17 } }", ST_E_CORRUPT },
    { "one on a set", "1:{ 1:v1 34:{ 1:*16,01 2:v3 3:*16,02 4:v17 7:*32,05 } }", ST_OK },
    { "one on half a set", "1:{ 1:v1 34:{ 1:*16,01 2:v3 3:*16,02 4:v17 7:*31,05 } }",
      ST_E_CORRUPT },
    { "one on no record", "1:{ 1:v1 34:{ 1:*16,01 2:v3 4:v17 } }", ST_E_CORRUPT },
    { "half a set to be renewed", "1:{ 1:v1 30:*55,01 }", ST_E_CORRUPT },
    { "one and a bit", "1:{ 1:v1 30:*57,01 }", ST_E_CORRUPT },
    { "one whole set to be renewed", "1:{ 1:v1 30:*56,01 }", ST_OK },
    { "an epoch that it was told of", "1:{ 1:v1 31:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } }", ST_OK },
    { "two of one number", "1:{ 1:v1 31:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } "
      "31:{ 1:v2 2:*8,04 4:*32,05 5:*64,06 } }", ST_OK },
    { "one behind a later one", "1:{ 1:v1 31:{ 1:v3 2:*8,01 4:*32,02 5:*64,03 } "
      "31:{ 1:v2 2:*8,04 4:*32,05 5:*64,06 } }", ST_E_CORRUPT },
    { "one that nobody signed", "1:{ 1:v1 31:{ 1:v2 2:*8,01 4:*32,02 } }", ST_E_CORRUPT },
    { "epochs that stand twice", "15:{ 1:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } "
      "1:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } }", ST_E_CORRUPT },
    { "a purge of no bucket", "1:{ 1:v1 16:{ 1:\"x\" 2:v3 6:*64,01 } }", ST_E_CORRUPT },
};

static void test_lengths_and_halves(void **state)
{
    desk *d = *state;
    for (size_t i = 0; i < LEN(FRAMES); i++) {
        st_buffer_clear(&d->bytes);
        wire_text(FRAMES[i].text, &d->bytes);
        st_err err = read_back(d);
        if (err != FRAMES[i].want)
            fail_msg("%s: %s", FRAMES[i].why, st_err_name(err));
        st_arena_reset(&d->arena);
    }
}

/* ---- words of an enrolment ---- */

static void test_words_of_an_enrolment(void **state)
{
    desk *d = *state;
    st_frame ask = make_enrol_ask();
    memset(ask.as.enrol_ask.label, 'a', 80);
    ask.as.enrol_ask.label[80] = '\0';
    assert_int_equal(pass_on(d, &ask), ST_OK);
    ask.as.enrol_ask.label[80] = 'a';
    ask.as.enrol_ask.label[81] = '\0';
    assert_int_equal(pass_on(d, &ask), ST_E_CORRUPT);
    memcpy(ask.as.enrol_ask.label, "a\xcc\x81", 4); /* not in its one spelling */
    assert_int_equal(pass_on(d, &ask), ST_E_CORRUPT);
    st_frame answer = make_enrol_answer(&d->arena);
    assert_int_equal(pass_on(d, &answer), ST_OK);
    st_frame bad = answer;
    memcpy(bad.as.enrol_answer.letters, "a\xcc\x81", 4);
    assert_int_equal(pass_on(d, &bad), ST_E_CORRUPT);
    bad = answer;
    memcpy(bad.as.enrol_answer.fingerprint, "a\xcc\x81", 4);
    assert_int_equal(pass_on(d, &bad), ST_E_CORRUPT);
    bad = answer;
    bad.as.enrol_answer.login.s[0] = '\0';
    assert_int_equal(pass_on(d, &bad), ST_E_CORRUPT);
    bad = answer;
    bad.as.enrol_answer.commune.s[0] = '\0';
    assert_int_equal(pass_on(d, &bad), ST_E_CORRUPT);
    bad = answer;
    bad.as.enrol_answer.version = 0;
    assert_int_equal(pass_on(d, &bad), ST_E_CORRUPT);
}

/* A state that is none, a reason that is too long, or spelled otherwise, and no version. */
static void test_a_copy_asks(void **state)
{
    desk *d = *state;
    st_frame ask = make_heir_ask(), said = make_heir_declined();
    st_frame enrolled = make_heir_enrolled(&d->arena);
    assert_int_equal(pass_on(d, &ask), ST_OK);
    assert_int_equal(pass_on(d, &said), ST_OK);
    assert_int_equal(pass_on(d, &enrolled), ST_OK);
    ask.as.heir_ask.version = 0;
    assert_int_equal(pass_on(d, &ask), ST_E_CORRUPT);
    memset(said.as.heir_answer.reason, 'a', ST_HEIR_REASON_CHARS);
    assert_int_equal(pass_on(d, &said), ST_OK);
    said.as.heir_answer.reason[ST_HEIR_REASON_CHARS] = 'a';
    assert_int_equal(pass_on(d, &said), ST_E_CORRUPT);
    memcpy(said.as.heir_answer.reason, "a\xcc\x81", 4);
    assert_int_equal(pass_on(d, &said), ST_E_CORRUPT);
    memcpy(said.as.heir_answer.reason, "a", 2);
    said.as.heir_answer.state = (st_heir_state)9; /* of a newer server: nothing to act on */
    assert_int_equal(pass_on(d, &said), ST_OK);
    said.as.heir_answer.version = 0;
    assert_int_equal(pass_on(d, &said), ST_E_CORRUPT);
    enrolled.as.heir_answer.enrolled.version = 0;
    assert_int_equal(pass_on(d, &enrolled), ST_E_CORRUPT);
}

/* What is asked and answered with one key of a wrong length is not believed by the others. */
static void test_an_enrolment_lacks_a_key(void **state)
{
    desk *d = *state;
    static const char ANSWER[] = "9:{ 1:v1 2:*32,01 %s 4:*32,03 5:*16,04 6:\"an\" 7:\"01477\" "
                                 "8:*8,05 9:\"AN\" %s 12:\"1234\" 13:*16,06 14:*32,07 }";
    static const char *const SEALS[] = { "3:*32,02", "3:*31,02", "" };
    static const char *const SCOPES[] = { "10:{ 1:v1 }", "" };
    for (size_t i = 0; i < LEN(SEALS) * LEN(SCOPES); i++) {
        char text[256];
        bool is_whole = i == 0;
        (void)snprintf(text, sizeof text, ANSWER, SEALS[i % LEN(SEALS)], SCOPES[i / LEN(SEALS)]);
        st_buffer_clear(&d->bytes);
        wire_text(text, &d->bytes);
        assert_int_equal(read_back(d), is_whole ? ST_OK : ST_E_CORRUPT);
    }
}

/* ---- more than may be ---- */

static void test_more_pieces_than_one_frame_names(void **state)
{
    desk *d = *state;
    st_frame ask = make_have_ask(&d->arena), answer = make_have_answer(&d->arena);
    st_hash *hashes = st_arena_array(&d->arena, ST_CHUNKS_MAX + 1u, sizeof *hashes);
    st_chunk *chunks = st_arena_array(&d->arena, ST_CHUNKS_MAX + 1u, sizeof *chunks);
    uint8_t *large = st_arena_array(&d->arena, ST_CHUNK_BYTES_MAX + 1u, 1);
    assert_true(hashes != NULL && chunks != NULL && large != NULL);
    for (size_t i = 0; i <= ST_CHUNKS_MAX; i++)
        chunks[i] = (st_chunk){ large, 1 };
    ask.as.have_ask.hashes = hashes;
    ask.as.have_ask.chunks = chunks;
    ask.as.have_ask.chunks_count = ST_CHUNKS_MAX;
    ask.as.have_ask.hashes_count = ST_CHUNKS_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    ask.as.have_ask.hashes_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
    ask.as.have_ask.hashes_count--;
    ask.as.have_ask.chunks_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
    ask.as.have_ask.chunks_count = 1;
    chunks[0].len = ST_CHUNK_BYTES_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    chunks[0].len++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
    answer.as.have_answer.missing = hashes;
    answer.as.have_answer.missing_count = ST_CHUNKS_MAX + 1u;
    assert_int_equal(pass_on(d, &answer), ST_E_TOO_LARGE);
}

/* Ids that rise. */
static st_id *rising_ids(desk *d, uint32_t count)
{
    st_id *ids = st_arena_array(&d->arena, count, sizeof *ids);
    assert_non_null(ids);
    for (uint32_t i = 0; i < count; i++)
        st_put_u32(ids[i].b, i + 1);
    return ids;
}

static void test_more_than_a_repair_asks(void **state)
{
    desk *d = *state;
    const st_frame ask = make_repair_ask(&d->arena);
    const st_id *ids = rising_ids(d, ST_REPAIR_RECORDS_MAX + 1u);
    st_range *ranges = st_arena_array(&d->arena, ST_REPAIR_RANGES_MAX + 1u, sizeof *ranges);
    st_repair_evidence *proof =
        st_arena_array(&d->arena, ST_REPAIR_RECORDS_MAX + 1u, sizeof *proof);
    uint8_t *large = st_arena_array(&d->arena, ST_REPAIR_STATE_MAX + 1u, 1);
    assert_true(ranges != NULL && proof != NULL && large != NULL);
    for (unsigned more = 0; more <= 1; more++) {
        st_err want = more == 0 ? ST_OK : ST_E_TOO_LARGE;
        st_frame some = ask;
        some.as.repair_ask.ranges = ranges;
        some.as.repair_ask.ranges_count = ST_REPAIR_RANGES_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
        some = ask;
        some.as.repair_ask.records = ids;
        some.as.repair_ask.records_count = ST_REPAIR_RECORDS_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
        some = ask;
        some.as.repair_ask.whole = ids;
        some.as.repair_ask.whole_count = ST_REPAIR_RECORDS_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
        some = ask;
        some.as.repair_ask.evidence = proof;
        some.as.repair_ask.evidence_count = ST_REPAIR_RECORDS_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
        proof[0].state = large;
        proof[0].state_len = ST_REPAIR_STATE_MAX + more;
        some.as.repair_ask.evidence_count = 1;
        assert_int_equal(pass_on(d, &some), more == 0 ? ST_OK : ST_E_CORRUPT);
        proof[0].state_len = 0;
    }
}

static void test_more_than_a_repair_answers(void **state)
{
    desk *d = *state;
    const st_frame answer = make_repair_answer(&d->arena);
    st_repair_range *ranges = st_arena_array(&d->arena, ST_REPAIR_RANGES_MAX + 1u, sizeof *ranges);
    st_repair_record *records =
        st_arena_array(&d->arena, 2u * ST_REPAIR_RECORDS_MAX + 1u, sizeof *records);
    assert_true(ranges != NULL && records != NULL);
    for (unsigned more = 0; more <= 1; more++) {
        st_err want = more == 0 ? ST_OK : ST_E_TOO_LARGE;
        st_frame some = answer;
        some.as.repair_answer.ranges = ranges;
        some.as.repair_answer.ranges_count = ST_REPAIR_RANGES_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
        some = answer;
        some.as.repair_answer.records = records;
        some.as.repair_answer.records_count = 2u * ST_REPAIR_RECORDS_MAX + more;
        assert_int_equal(pass_on(d, &some), want);
    }
    /* An entry of a record that is said to lie nowhere in the log. */
    st_entry none = { .kind = ST_ENTRY_CHANGE, .set = (const uint8_t *)"x", .set_len = 1 };
    records[0].entries = &none;
    records[0].entries_count = 1;
    st_frame some = answer;
    some.as.repair_answer.records = records;
    some.as.repair_answer.records_count = 1;
    assert_int_equal(pass_on(d, &some), ST_E_CORRUPT);
    none.index = 7;
    assert_int_equal(pass_on(d, &some), ST_OK);
}

static void test_more_than_an_offer_names(void **state)
{
    desk *d = *state;
    st_frame offer = make_carry_offer(&d->arena);
    st_bucket *buckets = st_arena_array(&d->arena, ST_CARRY_BUCKETS_MAX + 1u, sizeof *buckets);
    assert_non_null(buckets);
    for (size_t i = 0; i <= ST_CARRY_BUCKETS_MAX; i++)
        buckets[i] = make_bucket("01477/council");
    offer.as.carry.buckets = buckets;
    offer.as.carry.buckets_count = ST_CARRY_BUCKETS_MAX;
    assert_int_equal(pass_on(d, &offer), ST_OK);
    offer.as.carry.buckets_count++;
    assert_int_equal(pass_on(d, &offer), ST_E_TOO_LARGE);
}

static void test_more_purges_than_one_request_notes(void **state)
{
    desk *d = *state;
    st_frame ask = make_ask_purges(&d->arena);
    st_purge list[ST_PURGES_MAX + 1u];
    for (size_t i = 0; i < LEN(list); i++)
        list[i] = ask.as.ask.purges[0];
    ask.as.ask.purges = list;
    ask.as.ask.purges_count = ST_PURGES_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    ask.as.ask.purges_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
}

static void test_more_decisions_than_one_request_notes(void **state)
{
    desk *d = *state;
    st_frame ask = make_ask_decided(&d->arena);
    st_decided list[ST_DECIDED_MAX + 1u];
    for (size_t i = 0; i < LEN(list); i++)
        list[i] = ask.as.ask.decided[0];
    ask.as.ask.decided = list;
    ask.as.ask.decided_count = ST_DECIDED_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    ask.as.ask.decided_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
    char words[ST_REASON_CHARS_MAX + 2u];
    memset(words, 'a', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    list[0].reason = words;
    ask.as.ask.decided_count = 1;
    assert_int_equal(pass_on(d, &ask), ST_E_CORRUPT);
    words[ST_REASON_CHARS_MAX] = '\0';
    assert_int_equal(pass_on(d, &ask), ST_OK);
}

static void test_epochs_that_it_was_told_of(void **state)
{
    desk *d = *state;
    st_frame ask = make_ask(&d->arena, true), back;
    st_epoch list[ST_EPOCHS_MAX + 1u];
    memset(list, 0x5a, sizeof list);
    for (size_t i = 0; i < LEN(list); i++)
        list[i].n = 2 + i / 2;
    ask.as.ask.seen = list;
    ask.as.ask.seen_count = ST_EPOCHS_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    assert_int_equal(st_frame_decode(d->bytes.data, d->bytes.len, &d->arena, &back, NULL), ST_OK);
    assert_int_equal(back.as.ask.seen_count, ST_EPOCHS_MAX);
    for (size_t i = 0; i < ST_EPOCHS_MAX; i++) {
        const st_epoch *one = &back.as.ask.seen[i];
        assert_true(one->n == list[i].n && one->cut == list[i].cut);
        assert_memory_equal(one->epoch, list[i].epoch, sizeof one->epoch);
        assert_memory_equal(one->server_key, list[i].server_key, sizeof one->server_key);
        assert_memory_equal(one->signature, list[i].signature, sizeof one->signature);
    }
    ask.as.ask.seen_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
}

static void test_epochs_that_an_enrolment_tells(void **state)
{
    desk *d = *state;
    st_frame said = make_enrol_answer_epochs(&d->arena), back;
    const st_epoch *made = said.as.enrol_answer.epochs;
    st_epoch list[ST_EPOCHS_MAX + 1u] = { made[1], made[1] };
    assert_int_equal(pass_on(d, &said), ST_OK);
    assert_int_equal(st_frame_decode(d->bytes.data, d->bytes.len, &d->arena, &back, NULL), ST_OK);
    assert_int_equal(back.as.enrol_answer.epochs_count, 2);
    assert_memory_equal(back.as.enrol_answer.epochs, made, 2 * sizeof *made);
    said.as.enrol_answer.epochs = list;
    assert_int_equal(pass_on(d, &said), ST_E_CORRUPT); /* one of them twice */
    for (size_t i = 0; i < LEN(list); i++) {
        list[i] = made[0];
        list[i].n = 2 + i;
    }
    said.as.enrol_answer.epochs_count = ST_EPOCHS_MAX;
    assert_int_equal(pass_on(d, &said), ST_OK);
    said.as.enrol_answer.epochs_count++;
    assert_int_equal(pass_on(d, &said), ST_E_TOO_LARGE);
}

static void test_more_sets_than_one_request_renews(void **state)
{
    desk *d = *state;
    st_frame ask = make_ask_renew(&d->arena);
    st_renew list[ST_RENEWS_MAX + 1u];
    for (size_t i = 0; i < LEN(list); i++)
        list[i] = ask.as.ask.renews[i % 2];
    ask.as.ask.renews = list;
    ask.as.ask.renews_count = ST_RENEWS_MAX;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    ask.as.ask.renews_count++;
    assert_int_equal(pass_on(d, &ask), ST_E_TOO_LARGE);
    ask.as.ask.renews_count = 1;
    st_frame back;
    assert_int_equal(pass_on(d, &ask), ST_OK);
    assert_int_equal(st_frame_decode(d->bytes.data, d->bytes.len, &d->arena, &back, NULL), ST_OK);
    assert_int_equal(back.as.ask.renews_count, 1);
    assert_memory_equal(&back.as.ask.renews[0], &list[0], sizeof list[0]);
    list[0].first = 0;                         /* counters begin at 1 */
    assert_int_equal(pass_on(d, &ask), ST_E_CORRUPT);
}

static void test_more_pieces_than_a_snapshot_has(void **state)
{
    desk *d = *state;
    st_frame frame = make_snapshot(&d->arena);
    st_snapshot_piece *pieces =
        st_arena_array(&d->arena, ST_SNAPSHOT_PIECES_MAX + 1u, sizeof *pieces);
    assert_non_null(pieces);
    for (size_t i = 0; i <= ST_SNAPSHOT_PIECES_MAX; i++)
        pieces[i].bytes = 9;
    frame.as.snapshot.pieces = pieces;
    frame.as.snapshot.pieces_count = ST_SNAPSHOT_PIECES_MAX;
    assert_int_equal(pass_on(d, &frame), ST_OK);
    frame.as.snapshot.pieces_count++;
    assert_int_equal(pass_on(d, &frame), ST_E_TOO_LARGE);
}

/* What a snapshot's part may hold, and that a part is a frame's length at most. */
static void test_parts_of_a_snapshot(void **state)
{
    desk *d = *state;
    static const struct {
        const char *why, *text;
        st_err want;
    } PARTS[] = {
        { "nothing", "", ST_OK },
        { "a set that waits", "2:{ 1:v3 3:v1 4:\"x\" }", ST_OK },
        { "a reference", "2:{ 1:v3 3:v1 5:*16,d1 6:v2 10:v3 }", ST_E_CORRUPT },
        { "a set of no entry", "2:{ 3:v1 4:\"x\" }", ST_E_CORRUPT },
        { "a decision", "2:{ 1:v3 3:v16 4:\"x\" 5:*16,d1 9:x04 }", ST_E_CORRUPT },
    };
    st_snapshot_part part;
    for (size_t i = 0; i < LEN(PARTS); i++) {
        st_buffer_clear(&d->bytes);
        wire_text(PARTS[i].text, &d->bytes);
        st_err err = st_snapshot_part_decode(d->bytes.data, d->bytes.len, &d->arena, &part, NULL);
        if (err != PARTS[i].want)
            fail_msg("%s: %s", PARTS[i].why, st_err_name(err));
    }
    uint8_t *large = st_arena_array(&d->arena, ST_FRAME_BYTES_MAX, 1);
    assert_non_null(large);
    const st_snapshot_record whole = { large, ST_FRAME_BYTES_MAX };
    part = (st_snapshot_part){ .records = &whole, .records_count = 1 };
    st_buffer_clear(&d->bytes);
    assert_int_equal(st_snapshot_part_encode(&part, &d->bytes, NULL), ST_E_TOO_LARGE);
    assert_int_equal(d->bytes.len, 0);
}

/* A set over its limit is refused as an entry, too. */
static void test_a_set_over_its_limit_in_a_page(void **state)
{
    desk *d = *state;
    uint8_t *large = st_arena_array(&d->arena, ST_ERASED_SET_BYTES_MAX + 1u, 1);
    assert_non_null(large);
    st_entry entry = { .index = 3, .kind = ST_ENTRY_CHANGE, .set = large };
    st_frame frame = { .kind = ST_FRAME_PAGE };
    frame.as.page = (st_page){
        .bucket = make_bucket("01477/council"), .cursor = 3, .entries = &entry, .entries_count = 1
    };
    entry.set_len = ST_SET_BYTES_MAX;
    assert_int_equal(pass_on(d, &frame), ST_OK);
    entry.set_len = ST_SET_BYTES_MAX + 1u; /* and nothing in it says that a value was erased */
    assert_int_equal(pass_on(d, &frame), ST_E_TOO_LARGE);
    memset(large, 0, 8);
    entry.set_len = ST_ERASED_SET_BYTES_MAX + 1u;
    assert_int_equal(pass_on(d, &frame), ST_E_TOO_LARGE);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lengths_and_halves),
        CASE(test_words_of_an_enrolment),
        CASE(test_a_copy_asks),
        CASE(test_an_enrolment_lacks_a_key),
        CASE(test_more_pieces_than_one_frame_names),
        CASE(test_more_than_a_repair_asks),
        CASE(test_more_than_a_repair_answers),
        CASE(test_more_than_an_offer_names),
        CASE(test_more_purges_than_one_request_notes),
        CASE(test_more_decisions_than_one_request_notes),
        CASE(test_more_sets_than_one_request_renews),
        CASE(test_epochs_that_it_was_told_of),
        CASE(test_epochs_that_an_enrolment_tells),
        CASE(test_more_pieces_than_a_snapshot_has),
        CASE(test_parts_of_a_snapshot),
        CASE(test_a_set_over_its_limit_in_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
