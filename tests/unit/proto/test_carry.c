/* tests/unit/proto/test_carry.c
 * A stick, a friend's phone and a chat program may carry what an officer wrote: none of them can
 * read it, change it or leave half of it out without being noticed, and nobody but the server can
 * say that it has arrived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/carry.h"
#include "proto/frame.h"
#include "tests/unit/proto/make_frames.h"
#include "tests/unit/proto/wire_text.h"

#define ARENA_MAX (64u << 20)

static const uint8_t SEAL_SEED[32] = { 0x5e };
static const uint8_t SIGN_SEED[32] = { 0x51 };

typedef struct {
    uint8_t seal_key[32], seal_secret[32];
    st_arena arena;
    st_buffer bytes;
} bench;

static int setup(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    st_box_keypair(SEAL_SEED, b.seal_key, b.seal_secret);
    st_arena_init(&b.arena, ARENA_MAX);
    st_buffer_init(&b.bytes, ST_BUNDLE_BYTES_MAX);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    st_arena_reset(&b->arena);
    st_buffer_free(&b->bytes);
    return 0;
}

static st_frame inside_set(void)
{
    st_frame frame = { .kind = ST_FRAME_SET };
    frame.as.set.bytes = (const uint8_t *)"a change-set, signed by its author";
    frame.as.set.len = 34;
    return frame;
}

static void test_only_the_server_opens(void **state)
{
    bench *b = *state;
    st_frame set = inside_set(), back;
    st_parcel parcel = { .kind = ST_PARCEL_SET, .first = 7 };
    uint8_t other_key[32], other_secret[32];
    const uint8_t seed[32] = { 9 };
    assert_int_equal(st_parcel_seal(b->seal_key, &set, &parcel, &b->bytes, NULL), ST_OK);
    for (size_t i = 0; i + 34 <= b->bytes.len; i++)
        assert_memory_not_equal(b->bytes.data + i, set.as.set.bytes, 34);
    st_seal_pair keys = { b->seal_key, b->seal_secret };
    assert_int_equal(st_parcel_open(&parcel, keys, &b->arena, &back, NULL), ST_OK);
    assert_int_equal(back.kind, ST_FRAME_SET);
    assert_int_equal(back.as.set.len, 34);
    assert_memory_equal(back.as.set.bytes, set.as.set.bytes, 34);
    st_box_keypair(seed, other_key, other_secret);
    st_seal_pair others = { other_key, other_secret };
    assert_int_equal(st_parcel_open(&parcel, others, &b->arena, &back, NULL), ST_E_CORRUPT);
    b->bytes.data[b->bytes.len / 2] ^= 1;
    assert_int_equal(st_parcel_open(&parcel, keys, &b->arena, &back, NULL), ST_E_CORRUPT);
}

/* A parcel that is said to be one thing and holds another is refused. */
static void test_what_is_inside(void **state)
{
    bench *b = *state;
    st_seal_pair keys = { b->seal_key, b->seal_secret };
    st_frame have = make_have_ask(&b->arena), set = inside_set(), end = make_carry_end(), back;
    st_chunk one = { (const uint8_t *)"piece", 5 };
    have.as.have_ask.chunks = &one;
    have.as.have_ask.chunks_count = 1;
    const struct {
        st_parcel_kind kind;
        const st_frame *inside;
        st_err want;
    } CASES[] = {
        { ST_PARCEL_SET, &set, ST_OK },            { ST_PARCEL_PIECE, &have, ST_OK },
        { ST_PARCEL_SET, &have, ST_E_CORRUPT },    { ST_PARCEL_PIECE, &set, ST_E_CORRUPT },
        { ST_PARCEL_SET, &end, ST_E_CORRUPT },     { ST_PARCEL_NONE, &set, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_parcel parcel = { .kind = CASES[i].kind };
        st_err err = st_parcel_seal(b->seal_key, CASES[i].inside, &parcel, &b->bytes, NULL);
        assert_int_equal(err, ST_OK);
        assert_int_equal(st_parcel_open(&parcel, keys, &b->arena, &back, NULL), CASES[i].want);
    }
    have.as.have_ask.chunks_count = 0;
    st_parcel empty = { .kind = ST_PARCEL_PIECE };
    assert_int_equal(st_parcel_seal(b->seal_key, &have, &empty, &b->bytes, NULL), ST_OK);
    assert_int_equal(st_parcel_open(&empty, keys, &b->arena, &back, NULL), ST_E_CORRUPT);
}

static void test_the_largest_set_fits(void **state)
{
    bench *b = *state;
    uint8_t *noise = malloc(ST_SET_BYTES_MAX);
    uint64_t x = 88172645463325252u;
    assert_non_null(noise);
    for (size_t i = 0; i < ST_SET_BYTES_MAX; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        noise[i] = (uint8_t)x;
    }
    st_frame frame = { .kind = ST_FRAME_SET }, back;
    frame.as.set.bytes = noise;
    frame.as.set.len = ST_SET_BYTES_MAX;
    st_parcel parcel = { .kind = ST_PARCEL_SET, .first = 1 };
    st_seal_pair keys = { b->seal_key, b->seal_secret };
    assert_int_equal(st_parcel_seal(b->seal_key, &frame, &parcel, &b->bytes, NULL), ST_OK);
    assert_int_equal(st_parcel_open(&parcel, keys, &b->arena, &back, NULL), ST_OK);
    assert_int_equal(back.as.set.len, ST_SET_BYTES_MAX);
    free(noise);
}

/* Every bit of a receipt is signed, and only the server's key signs. */
static void test_receipts(void **state)
{
    bench *b = *state;
    uint8_t key[32], secret[64];
    const uint8_t seed[32] = { 0x5d };
    const st_id log = make_id(0x10, 0x06), other = make_id(0x11, 0x06);
    st_frame frame = make_receipt(&b->arena), back;
    st_sign_keypair(seed, key, secret);
    assert_int_equal(st_frame_encode(&frame, &b->bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(b->bytes.data, b->bytes.len, &b->arena, &back, NULL), ST_OK);
    st_receipt *receipt = &back.as.receipt;
    assert_true(st_receipt_verify(receipt, &log, key));
    assert_false(st_receipt_verify(receipt, &other, key));
    assert_true(receipt->first == 41 && receipt->last == 43 && receipt->position == 816);
    assert_true(receipt->kind == ST_VERDICT_STORED && receipt->held_count == 1);
    assert_true(receipt->held[0].counter == 42 && receipt->held[0].reason == ST_HOLD_FROZEN);
    uint8_t *body = st_arena_copy(&b->arena, receipt->body, receipt->body_len);
    receipt->body = body;
    for (size_t bit = 0; bit < receipt->body_len * 8; bit++) {
        body[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(st_receipt_verify(receipt, &log, key));
        body[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    key[0] ^= 1;
    assert_false(st_receipt_verify(receipt, &log, key));
}

static void make_bundle(bench *b, const char *const *parts, uint32_t count)
{
    uint8_t secret[64], text[ST_BUNDLE_SIGN_BYTES];
    st_bundle_head head = { .log = make_id(0x10, 0x06), .made_ms = 1773282600500 };
    st_bundle_part list[4];
    for (uint32_t i = 0; i < count; i++)
        list[i] = (st_bundle_part){ st_sha256(parts[i], strlen(parts[i])),
                                    (uint32_t)strlen(parts[i]) };
    st_sign_keypair(SIGN_SEED, head.sign_key, secret);
    head.device = st_device_id(head.sign_key);
    head.parts = list;
    head.parts_count = count;
    st_bundle_sign_text(&head, text);
    st_sign(secret, text, sizeof text, head.signature);
    st_buffer_clear(&b->bytes);
    assert_int_equal(st_bundle_head_put(&head, &b->bytes, NULL), ST_OK);
    for (uint32_t i = 0; i < count; i++)
        wire_put(&b->bytes, parts[i], strlen(parts[i]));
}

static st_err open_bundle(bench *b, const void *bytes, size_t len, st_bundle_head *out_head,
                          uint64_t *out_at)
{
    const st_bundle_source from = st_bundle_memory(bytes, len);
    return st_bundle_open(&from, &b->arena, out_head, out_at, NULL);
}

/* The head of a bundle with this list, signed as it should be. */
static void put_head(bench *b, const st_bundle_part *list, uint32_t count)
{
    uint8_t secret[64], text[ST_BUNDLE_SIGN_BYTES];
    st_bundle_head head = { .log = make_id(0x10, 0x06), .parts = list, .parts_count = count };
    st_sign_keypair(SIGN_SEED, head.sign_key, secret);
    head.device = st_device_id(head.sign_key);
    st_bundle_sign_text(&head, text);
    st_sign(secret, text, sizeof text, head.signature);
    st_buffer_clear(&b->bytes);
    assert_int_equal(st_bundle_head_put(&head, &b->bytes, NULL), ST_OK);
}

static st_err read_bundle(bench *b)
{
    st_bundle_head head;
    uint64_t at = 77;
    st_err err = open_bundle(b, b->bytes.data, b->bytes.len, &head, &at);
    assert_true(err == ST_OK || at == 77);
    st_arena_reset(&b->arena);
    return err;
}

/* What somebody signed is not taken for that alone: parts of no length, of more than a frame, or
 * beyond the end are refused before they are looked at. */
static void test_signed_nonsense(void **state)
{
    bench *b = *state;
    static const uint32_t BYTES[] = { 4, 0, ST_FRAME_BYTES_MAX + 1u, 5, UINT32_MAX };
    for (size_t i = 0; i < sizeof BYTES / sizeof BYTES[0]; i++) {
        const st_bundle_part part = { st_sha256("data", 4), BYTES[i] };
        put_head(b, &part, 1);
        wire_put(&b->bytes, "data", 4);
        assert_int_equal(read_bundle(b), i == 0 ? ST_OK : ST_E_CORRUPT);
    }
    const st_bundle_part other = { st_sha256("DATA", 4), 4 };
    put_head(b, &other, 1);
    wire_put(&b->bytes, "data", 4);
    assert_int_equal(read_bundle(b), ST_E_CORRUPT);
}

/* Limits hold before memory is taken, and before a signature is looked at. */
static void test_bundles_over_their_limits(void **state)
{
    bench *b = *state;
    st_bundle_part *list = calloc(ST_BUNDLE_PARTS_MAX + 1u, sizeof *list);
    assert_non_null(list);
    put_head(b, list, ST_BUNDLE_PARTS_MAX + 1u);
    assert_int_equal(read_bundle(b), ST_E_TOO_LARGE);
    put_head(b, list, ST_BUNDLE_PARTS_MAX);
    assert_int_equal(read_bundle(b), ST_E_CORRUPT); /* parts of no length */
    free(list);
    st_buffer whole;
    st_buffer_init(&whole, 1024);
    wire_text("1:v1 2:*16,01 3:*16,02 4:*32,03 6:*35,04 7:*64,05", &whole);
    uint8_t len[4];
    st_put_u32(len, (uint32_t)whole.len);
    st_buffer_clear(&b->bytes);
    wire_put(&b->bytes, ST_BUNDLE_MAGIC, ST_BUNDLE_MAGIC_BYTES);
    wire_put(&b->bytes, len, sizeof len);
    wire_put(&b->bytes, whole.data, whole.len);
    assert_int_equal(read_bundle(b), ST_E_CORRUPT); /* half a part in its list */
    st_buffer_free(&whole);
    uint8_t *large = calloc(1, (size_t)ST_BUNDLE_BYTES_MAX + 1);
    assert_non_null(large);
    memcpy(large, ST_BUNDLE_MAGIC, ST_BUNDLE_MAGIC_BYTES);
    st_bundle_head head;
    uint64_t at = 0;
    assert_int_equal(open_bundle(b, large, (size_t)ST_BUNDLE_BYTES_MAX + 1, &head, &at),
                     ST_E_TOO_LARGE);
    free(large);
}

/* Seals what is no single frame in one stream: one cut off, two of them, one and half another. */
static void test_streams_that_are_not_one_thing(void **state)
{
    bench *b = *state;
    st_seal_pair keys = { b->seal_key, b->seal_secret };
    st_frame set = inside_set(), back;
    st_buffer frame, stream;
    st_buffer_init(&frame, 4096);
    st_buffer_init(&stream, 4096);
    assert_int_equal(st_frame_encode(&set, &frame, NULL), ST_OK);
    for (unsigned times = 0; times <= 2; times++)
        for (size_t cut = 0; cut <= 4; cut += 4) {
            st_frame_writer *writer = NULL;
            st_buffer_clear(&stream);
            assert_int_equal(st_frame_writer_new(3, &stream, &writer, NULL), ST_OK);
            for (unsigned i = 0; i < times; i++)
                assert_int_equal(st_frame_write(writer, frame.data, frame.len, NULL), ST_OK);
            assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
            st_frame_writer_free(writer);
            size_t len = stream.len - cut;
            uint8_t *box = malloc(len + ST_SEALED_BOX_EXTRA);
            assert_non_null(box);
            assert_int_equal(st_box_seal(b->seal_key, stream.data, len, box, NULL), ST_OK);
            const st_parcel parcel = { .kind = ST_PARCEL_SET, .sealed = box,
                                       .sealed_len = len + ST_SEALED_BOX_EXTRA };
            assert_int_equal(st_parcel_open(&parcel, keys, &b->arena, &back, NULL),
                             times == 1 && cut == 0 ? ST_OK : ST_E_CORRUPT);
            free(box);
        }
    /* No length that a parcel has. */
    st_parcel none = { .kind = ST_PARCEL_SET, .sealed = stream.data,
                       .sealed_len = ST_SEALED_BOX_EXTRA };
    assert_int_equal(st_parcel_open(&none, keys, &b->arena, &back, NULL), ST_E_CORRUPT);
    none.sealed_len = ST_PARCEL_BYTES_MAX + 1u;
    assert_int_equal(st_parcel_open(&none, keys, &b->arena, &back, NULL), ST_E_CORRUPT);
    st_buffer_free(&frame);
    st_buffer_free(&stream);
}

static const char *const PARTS[] = { "the first part", "the second", "x" };

static void test_a_bundle_is_whole_or_nothing(void **state)
{
    bench *b = *state;
    st_bundle_head head;
    uint64_t at = 0;
    make_bundle(b, PARTS, 3);
    assert_int_equal(open_bundle(b, b->bytes.data, b->bytes.len, &head, &at), ST_OK);
    assert_int_equal(head.parts_count, 3);
    assert_int_equal(at, b->bytes.len - 25);
    for (size_t len = 0; len < b->bytes.len; len++) {
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, b->bytes.data, len);
        assert_int_not_equal(open_bundle(b, exact, len, &head, &at), ST_OK);
        free(exact);
    }
    for (size_t bit = 0; bit < b->bytes.len * 8; bit++) {
        b->bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        st_err err = open_bundle(b, b->bytes.data, b->bytes.len, &head, &at);
        if (err == ST_OK)
            fail_msg("bit %u was turned and nobody noticed", (unsigned)bit);
        b->bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        st_arena_reset(&b->arena);
    }
    wire_put(&b->bytes, "more", 4);
    assert_int_equal(open_bundle(b, b->bytes.data, b->bytes.len, &head, &at), ST_E_CORRUPT);
    make_bundle(b, PARTS, 0);
    assert_int_equal(open_bundle(b, b->bytes.data, b->bytes.len, &head, &at), ST_OK);
    assert_int_equal(at, b->bytes.len);
}

/* Parts in another order, or one twice, are another bundle, which nobody signed. */
static void test_parts_keep_their_places(void **state)
{
    bench *b = *state;
    st_bundle_head head;
    uint64_t at = 0;
    make_bundle(b, PARTS, 2);
    uint8_t swapped[24];
    size_t from = b->bytes.len - 24;
    memcpy(swapped, PARTS[1], 10);
    memcpy(swapped + 10, PARTS[0], 14);
    memcpy(b->bytes.data + from, swapped, 24);
    assert_int_equal(open_bundle(b, b->bytes.data, b->bytes.len, &head, &at), ST_E_CORRUPT);
}

/* What is read from elsewhere: never more than one part at a time, nothing beyond the end, and what
 * cannot be read, or is another byte the second time, is not given out. */
typedef struct {
    const uint8_t *bytes;
    size_t len, most;
    unsigned reads, fails_at;  /* 0: never */
} shelf;

static st_err read_shelf(void *context, uint64_t at, uint8_t *bytes, size_t len, st_error *error)
{
    shelf *s = context;
    assert_true(at <= s->len && len <= s->len - at);
    if (++s->reads == s->fails_at)
        return st_fail(error, ST_E_STORAGE, "the stick was pulled out");
    if (len > s->most)
        s->most = len;
    memcpy(bytes, s->bytes + at, len);
    return ST_OK;
}

static void test_a_bundle_is_read_part_by_part(void **state)
{
    bench *b = *state;
    st_bundle_head head;
    st_buffer part;
    uint64_t at = 0;
    make_bundle(b, PARTS, 3);
    shelf s = { .bytes = b->bytes.data, .len = b->bytes.len };
    const st_bundle_source from = { &s, read_shelf, s.len };
    assert_int_equal(st_bundle_open(&from, &b->arena, &head, &at, NULL), ST_OK);
    assert_int_equal(s.reads, 2 + 3); /* front, head, parts */
    assert_int_equal(s.most, b->bytes.len - 25 - ST_BUNDLE_MAGIC_BYTES - 4);
    const unsigned reads = s.reads;
    for (s.fails_at = 1; s.fails_at <= reads; s.fails_at++) {
        uint64_t unchanged = 7;
        s.reads = 0;
        assert_int_equal(st_bundle_open(&from, &b->arena, &head, &unchanged, NULL), ST_E_STORAGE);
        assert_int_equal(unchanged, 7);
    }
    s.fails_at = 0;
    assert_int_equal(st_bundle_open(&from, &b->arena, &head, &at, NULL), ST_OK);
    st_buffer_init(&part, ST_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(st_bundle_part_read(&from, at, &head.parts[i], &part, NULL), ST_OK);
        assert_int_equal(part.len, strlen(PARTS[i]));
        assert_memory_equal(part.data, PARTS[i], part.len);
        b->bytes.data[at] ^= 1; /* it changed since it was opened */
        assert_int_equal(st_bundle_part_read(&from, at, &head.parts[i], &part, NULL),
                         ST_E_CORRUPT);
        b->bytes.data[at] ^= 1;
        at += head.parts[i].bytes;
    }
    assert_int_equal(st_bundle_part_read(&from, at, &head.parts[0], &part, NULL), ST_E_CORRUPT);
    st_buffer_free(&part);
}

/* A length that no list can have takes no memory. */
static void test_a_head_is_bounded(void **state)
{
    bench *b = *state;
    st_bundle_head head;
    uint64_t at = 0;
    make_bundle(b, PARTS, 1);
    shelf s = { .bytes = b->bytes.data, .len = b->bytes.len };
    const st_bundle_source from = { &s, read_shelf, ST_BUNDLE_BYTES_MAX };
    st_put_u32(b->bytes.data + ST_BUNDLE_MAGIC_BYTES, ST_BUNDLE_BYTES_MAX / 2);
    assert_int_equal(st_bundle_open(&from, &b->arena, &head, &at, NULL), ST_E_TOO_LARGE);
    assert_int_equal(s.reads, 1);
    const st_bundle_source larger = { &s, read_shelf, (uint64_t)ST_BUNDLE_BYTES_MAX + 1 };
    assert_int_equal(st_bundle_open(&larger, &b->arena, &head, &at, NULL), ST_E_TOO_LARGE);
}

static void test_two_phones_agree(void **state)
{
    (void)state;
    const uint8_t one[32] = { 1 }, two[32] = { 2 };
    const uint8_t zero[32] = { 0 };
    st_kx_pair a, b;
    st_kx_keys of_a, of_b;
    st_kx_keypair(one, a.public_key, a.secret);
    st_kx_keypair(two, b.public_key, b.secret);
    assert_true(st_kx_agree(true, &a, b.public_key, &of_a));
    assert_true(st_kx_agree(false, &b, a.public_key, &of_b));
    assert_memory_equal(of_a.send, of_b.receive, 32);
    assert_memory_equal(of_a.receive, of_b.send, 32);
    assert_memory_not_equal(of_a.send, of_a.receive, 32);
    assert_false(st_kx_agree(true, &a, zero, &of_a));
    char code[8], other[8];
    const st_mac_text x = { one, 32 }, y = { two, 32 };
    st_hash ab = st_carry_transcript(x, y), ba = st_carry_transcript(y, x);
    st_carry_code(&ab, code);
    st_carry_code(&ba, other);
    assert_string_not_equal(code, other);
    assert_int_equal(strlen(code), 7);
    uint8_t serves[ST_CARRY_SIGN_BYTES], fetches[ST_CARRY_SIGN_BYTES];
    st_id log = make_id(0x10, 0x06);
    st_carry_sign_text(&log, false, &ab, serves);
    st_carry_sign_text(&log, true, &ab, fetches);
    assert_memory_not_equal(serves, fetches, sizeof serves);
}

/* Frames that break a rule. */
static st_err pass_on(const st_frame *frame, st_arena *arena)
{
    st_buffer bytes;
    st_frame back;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    st_err err = st_frame_decode(bytes.data, bytes.len, arena, &back, NULL);
    st_buffer_free(&bytes);
    return err;
}

static void test_what_breaks_a_rule(void **state)
{
    bench *b = *state;
    st_frame parcel = make_parcel(ST_PARCEL_SET);
    parcel.as.parcel.first = 0;
    assert_int_equal(pass_on(&parcel, &b->arena), ST_E_CORRUPT);
    parcel = make_parcel(ST_PARCEL_PIECE);
    parcel.as.parcel.first = 1;
    assert_int_equal(pass_on(&parcel, &b->arena), ST_E_CORRUPT);
    parcel.as.parcel.kind = (st_parcel_kind)9; /* of a newer program */
    assert_int_equal(pass_on(&parcel, &b->arena), ST_OK);
    parcel.as.parcel.sealed_len = ST_SEALED_BOX_EXTRA;
    assert_int_equal(pass_on(&parcel, &b->arena), ST_E_CORRUPT);
    uint8_t *large = st_arena_array(&b->arena, ST_PARCEL_BYTES_MAX + 1u, 1);
    assert_non_null(large);
    parcel.as.parcel.sealed = large;
    parcel.as.parcel.sealed_len = ST_PARCEL_BYTES_MAX + 1u;
    assert_int_equal(pass_on(&parcel, &b->arena), ST_E_TOO_LARGE);
    st_frame offer = make_carry_offer(&b->arena);
    offer.as.carry.known_count = ST_CARRY_KNOWN_MAX + 1u;
    st_carry_known *known =
        st_arena_array(&b->arena, offer.as.carry.known_count, sizeof *known);
    assert_non_null(known);
    offer.as.carry.known = known;
    assert_int_equal(pass_on(&offer, &b->arena), ST_E_TOO_LARGE);
    offer.as.carry.known_count--;
    assert_int_equal(pass_on(&offer, &b->arena), ST_OK);
    offer.as.carry.known_sealed = offer.as.carry.known_count;
    assert_int_equal(pass_on(&offer, &b->arena), ST_OK);
    offer.as.carry.known_sealed++;
    assert_int_equal(pass_on(&offer, &b->arena), ST_E_CORRUPT);
    st_frame receipt = make_receipt(&b->arena);
    receipt.as.receipt.body_len = 0;
    assert_int_equal(pass_on(&receipt, &b->arena), ST_E_CORRUPT);
    receipt = make_receipt(&b->arena);
    receipt.as.receipt.position = 0;
    st_buffer body;
    st_buffer_init(&body, 4096);
    assert_int_equal(st_receipt_make(&receipt.as.receipt, &body, NULL), ST_OK);
    assert_int_equal(pass_on(&receipt, &b->arena), ST_E_CORRUPT);
    st_buffer_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_the_server_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_largest_set_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_bundle_is_whole_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_keep_their_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_bundle_is_read_part_by_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_head_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed_nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundles_over_their_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streams_that_are_not_one_thing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_phones_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_breaks_a_rule, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
