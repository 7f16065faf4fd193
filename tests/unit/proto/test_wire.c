/* tests/unit/proto/test_wire.c
 * A message that was made to hurt (nested, bloated, spelled twice) is refused before it is
 * unpacked; one from a newer program, with fields nobody here knows, is read all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.pb-c.h"
#include "proto/limits.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A message type that holds itself and one field of each kind: sotay.proto has no such thing, and
 * must not, but the walk has to stand it. */
typedef struct knot {
    ProtobufCMessage base;
    struct knot *child;
    char *text;
    ProtobufCBinaryData bytes;
    uint32_t u32;
    protobuf_c_boolean flag;
    int32_t i32;
    uint64_t fixed64;
    uint32_t fixed32;
    size_t n_packed;
    uint64_t *packed;
    size_t n_fixed;
    uint32_t *fixed;
    size_t n_many;
    struct knot **many;
} knot;

extern const ProtobufCMessageDescriptor KNOT;

#define FIELD(no, what, label, type, many, member, of) \
    { what, no, PROTOBUF_C_LABEL_##label, PROTOBUF_C_TYPE_##type, many, offsetof(knot, member), \
      of, NULL, 0, 0, NULL, NULL }
static const ProtobufCFieldDescriptor KNOT_FIELDS[] = {
    FIELD(1, "child", NONE, MESSAGE, 0, child, &KNOT),
    FIELD(2, "text", NONE, STRING, 0, text, NULL),
    FIELD(3, "bytes", NONE, BYTES, 0, bytes, NULL),
    FIELD(4, "u32", NONE, UINT32, 0, u32, NULL),
    FIELD(5, "flag", NONE, BOOL, 0, flag, NULL),
    FIELD(6, "i32", NONE, INT32, 0, i32, NULL),
    FIELD(7, "fixed64", NONE, FIXED64, 0, fixed64, NULL),
    FIELD(8, "fixed32", NONE, FIXED32, 0, fixed32, NULL),
    FIELD(9, "packed", REPEATED, UINT64, offsetof(knot, n_packed), packed, NULL),
    FIELD(10, "fixed", REPEATED, FIXED32, offsetof(knot, n_fixed), fixed, NULL),
    FIELD(11, "many", REPEATED, MESSAGE, offsetof(knot, n_many), many, &KNOT),
};
static const unsigned KNOT_BY_NAME[] = { 2, 0, 9, 7, 6, 4, 5, 10, 8, 1, 3 };
static const ProtobufCIntRange KNOT_RANGES[] = { { 1, 0 }, { 0, LEN(KNOT_FIELDS) } };
const ProtobufCMessageDescriptor KNOT = {
    PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC, "knot", "Knot", "knot", "", sizeof(knot),
    LEN(KNOT_FIELDS), KNOT_FIELDS, KNOT_BY_NAME, 1, KNOT_RANGES, NULL, NULL, NULL, NULL,
};

#define CASE(why, bytes, want) { why, bytes, sizeof(bytes) - 1, want }
static const struct { const char *why, *bytes; size_t len; st_err want; } FIELDS[] = {
    CASE("nothing", "", ST_OK),
    CASE("a number", "\x20\x01", ST_OK),
    CASE("a number of two bytes", "\x20\x80\x01", ST_OK),
    CASE("the largest u32", "\x20\xff\xff\xff\xff\x0f", ST_OK),
    CASE("over u32", "\x20\x80\x80\x80\x80\x10", ST_E_CORRUPT),
    CASE("over-long 0", "\x20\x80\x00", ST_E_CORRUPT),
    CASE("over-long 1", "\x20\x81\x80\x00", ST_E_CORRUPT),
    CASE("a number is cut", "\x20\x80", ST_E_CORRUPT),
    CASE("a number is missing", "\x20", ST_E_CORRUPT),
    CASE("11 bytes of number", "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
         ST_E_CORRUPT),
    CASE("65 bits, unknown field", "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
         ST_E_CORRUPT),
    CASE("64 bits, unknown field", "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         ST_OK),
    CASE("true", "\x28\x01", ST_OK),
    CASE("more than true", "\x28\x02", ST_E_CORRUPT),
    CASE("-1", "\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ST_OK),
    CASE("-1 in five bytes", "\x30\xff\xff\xff\xff\x0f", ST_E_CORRUPT),
    CASE("the smallest i32", "\x30\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01", ST_OK),
    CASE("below i32", "\x30\xff\xff\xff\xff\xf7\xff\xff\xff\xff\x01", ST_E_CORRUPT),
    CASE("fixed64", "\x39" "12345678", ST_OK),
    CASE("fixed64 is cut", "\x39" "1234567", ST_E_CORRUPT),
    CASE("fixed32", "\x45" "1234", ST_OK),
    CASE("fixed32 is cut", "\x45" "123", ST_E_CORRUPT),
    CASE("text", "\x12\x06T\xe1\xbb\x95 3", ST_OK),
    CASE("text with NUL", "\x12\x03" "a\0b", ST_E_CORRUPT),
    CASE("text in Latin 1", "\x12\x03T\xf4 ", ST_E_CORRUPT),
    CASE("surrogate in text", "\x12\x03\xed\xa0\x80", ST_E_CORRUPT),
    CASE("bytes of any kind", "\x1a\x03\xed\0\x80", ST_OK),
    CASE("a length over the end", "\x1a\x04" "abc", ST_E_CORRUPT),
    CASE("the largest length", "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         ST_E_CORRUPT),
    CASE("a length is missing", "\x1a", ST_E_CORRUPT),
    CASE("an over-long length", "\x1a\x81\x00" "a", ST_E_CORRUPT),
    CASE("field 0", "\x00\x01", ST_E_CORRUPT),
    CASE("the largest field number", "\xf8\xff\xff\xff\x0f\x01", ST_OK),
    CASE("over the largest", "\x80\x80\x80\x80\x10\x01", ST_E_CORRUPT),
    CASE("an over-long tag", "\xa0\x00\x01", ST_E_CORRUPT),
    CASE("group begins", "\xa3\x06", ST_E_CORRUPT),
    CASE("group ends", "\xa4\x06", ST_E_CORRUPT),
    CASE("wire type 6", "\xa6\x06\x01", ST_E_CORRUPT),
    CASE("wire type 7", "\xa7\x06\x01", ST_E_CORRUPT),
    CASE("text as number", "\x10\x01", ST_E_CORRUPT),
    CASE("number as text", "\x22\x01" "a", ST_E_CORRUPT),
    CASE("number as fixed32", "\x25" "1234", ST_E_CORRUPT),
    CASE("packed", "\x4a\x03\x01\x80\x01", ST_OK),
    CASE("packed, empty", "\x4a\x00", ST_OK),
    CASE("packed, cut", "\x4a\x02\x01\x80", ST_E_CORRUPT),
    CASE("packed, over-long", "\x4a\x02\x80\x00", ST_E_CORRUPT),
    CASE("packed, one by one", "\x48\x01\x48\x02", ST_OK),
    CASE("packed fixed32", "\x52\x08" "12345678", ST_OK),
    CASE("packed fixed32, cut", "\x52\x07" "1234567", ST_E_CORRUPT),
    CASE("unknown number", "\xa0\x06\x05", ST_OK),
    CASE("unknown number, over-long", "\xa0\x06\x85\x00", ST_E_CORRUPT),
    CASE("unknown bytes", "\xa2\x06\x02\xff\x00", ST_OK),
    CASE("unknown fixed64", "\xa1\x06" "12345678", ST_OK),
    CASE("unknown fixed32 is cut", "\xa5\x06" "123", ST_E_CORRUPT),
    CASE("a number twice", "\x20\x01\x20\x01", ST_E_CORRUPT),
    CASE("a text twice", "\x12\x01" "a\x12\x01" "a", ST_E_CORRUPT),
    CASE("a message twice", "\x0a\x00\x0a\x00", ST_E_CORRUPT),
    CASE("once in each message", "\x0a\x02\x20\x01\x20\x01", ST_OK),
    CASE("many messages", "\x5a\x00\x5a\x02\x20\x01\x5a\x00", ST_OK),
    CASE("unknown twice", "\xa0\x06\x05\xa0\x06\x05", ST_OK),
    CASE("a message longer than its parent", "\x0a\x02\x0a\x01\x00", ST_E_CORRUPT),
    CASE("a field longer than its message", "\x0a\x02\x1a\x01" "a", ST_E_CORRUPT),
};
#undef CASE

static void test_bytes_of_a_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(FIELDS); i++) {
        st_error error = { 0 };
        print_message("  case: %s\n", FIELDS[i].why);
        /* On the heap and exactly as long as it is: reading over the end is found. */
        uint8_t *bytes = malloc(FIELDS[i].len + (FIELDS[i].len == 0));
        assert_non_null(bytes);
        memcpy(bytes, FIELDS[i].bytes, FIELDS[i].len);
        assert_int_equal(st_wire_scan(bytes, FIELDS[i].len, &KNOT, &error), FIELDS[i].want);
        assert_int_equal(error.code, FIELDS[i].want);
        assert_int_equal(st_wire_scan(bytes, FIELDS[i].len, &KNOT, NULL), FIELDS[i].want);
        /* What passes, protobuf-c can unpack. */
        st_arena arena;
        void *message = NULL;
        st_arena_init(&arena, 100000);
        assert_int_equal(st_wire_unpack(bytes, FIELDS[i].len, &KNOT, &arena, &message, NULL),
                         FIELDS[i].want);
        assert_int_equal(message != NULL, FIELDS[i].want == ST_OK);
        st_arena_reset(&arena);
        free(bytes);
    }
}

/* n messages, each in the one before, by field 11 (many) or 1 (child). */
static size_t nest(uint8_t *bytes, size_t n, uint8_t tag)
{
    size_t len = 0;
    for (size_t i = 0; i + 1 < n; i++) {        /* built from the inside: lengths under 128 only */
        memmove(bytes + 2, bytes, len);
        bytes[0] = tag;
        bytes[1] = (uint8_t)len;
        len += 2;
    }
    return len;
}

static void test_depth(void **state)
{
    (void)state;
    static const uint8_t TAGS[] = { 0x0a, 0x5a };
    uint8_t bytes[200];
    for (size_t t = 0; t < LEN(TAGS); t++) {
        for (size_t n = 1; n <= 60; n++) {
            size_t len = nest(bytes, n, TAGS[t]);
            assert_int_equal(st_wire_scan(bytes, len, &KNOT, NULL),
                             n <= ST_WIRE_DEPTH_MAX ? ST_OK : ST_E_TOO_LARGE);
        }
    }
    /* Unknown messages are bytes, however deep: nobody unpacks them. */
    size_t len = nest(bytes, 60, 0x62);
    assert_int_equal(st_wire_scan(bytes, len, &KNOT, NULL), ST_OK);
}

static void test_count_of_fields(void **state)
{
    (void)state;
    static const struct { const char *why; uint8_t tag, body; } CASES[] = {
        { "empty messages", 0x5a, 0 }, { "unknown numbers", 0x60, 1 }, { "numbers", 0x48, 1 },
    };
    size_t len = 2 * (size_t)ST_WIRE_FIELDS_MAX;
    uint8_t *bytes = malloc(len + 2);
    assert_non_null(bytes);
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        for (size_t at = 0; at < len + 2; at += 2) {
            bytes[at] = CASES[i].tag;
            bytes[at + 1] = CASES[i].body;
        }
        assert_int_equal(st_wire_scan(bytes, len, &KNOT, NULL), ST_OK);
        assert_int_equal(st_wire_scan(bytes, len + 2, &KNOT, NULL), ST_E_TOO_LARGE);
    }
    free(bytes);
}

/* protobuf-c turns 2 bytes into some hundred: the arena says how much of that we stand. */
static void test_memory_has_a_ceiling(void **state)
{
    (void)state;
    static const struct { const char *why; uint8_t tag, body; } CASES[] = {
        { "empty messages", 0x5a, 0 }, { "unknown fields", 0x60, 1 },
    };
    size_t len = 100000;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < LEN(CASES); i++) {
        for (size_t at = 0; at < len; at += 2) {
            bytes[at] = CASES[i].tag;
            bytes[at + 1] = CASES[i].body;
        }
        st_arena arena;
        st_error error = { 0 };
        void *message = NULL;
        st_arena_init(&arena, 1 << 20);
        assert_int_equal(st_wire_unpack(bytes, len, &KNOT, &arena, &message, &error),
                         ST_E_TOO_LARGE);
        assert_null(message);
        assert_int_equal(error.code, ST_E_TOO_LARGE);
        assert_true(arena.bytes_used <= 1 << 20);
        st_arena_reset(&arena);
        arena.bytes_max = 256u << 20;
        assert_int_equal(st_wire_unpack(bytes, len, &KNOT, &arena, &message, NULL), ST_OK);
        print_message("  case: %s: %zu bytes of memory for one of wire\n", CASES[i].why,
                      arena.bytes_used / len);
        assert_true(arena.bytes_used / len < 200);
        st_arena_reset(&arena);
    }
    free(bytes);
}

static void test_oneof_has_one_member(void **state)
{
    (void)state;
    /* Frame: set = 2 (bytes), want = 4 (message), end = 7 (message). */
    static const struct { const char *why, *bytes; size_t len; st_err want; } CASES[] = {
        { "a set", "\x12\x01" "a", 3, ST_OK },
        { "an end", "\x3a\x00", 2, ST_OK },
        { "a set and an end", "\x12\x01" "a\x3a\x00", 5, ST_E_CORRUPT },
        { "an end and a want", "\x3a\x00\x22\x00", 4, ST_E_CORRUPT },
        { "two sets", "\x12\x01" "a\x12\x01" "b", 6, ST_E_CORRUPT },
        { "a set and something new", "\x12\x01" "a\xa2\x06\x00", 6, ST_OK },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_wire_scan((const uint8_t *)CASES[i].bytes, CASES[i].len,
                                      &sotay__frame__descriptor, NULL), CASES[i].want);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    Sotay__Frame frame = SOTAY__FRAME__INIT;
    Sotay__SyncAsk ask = SOTAY__SYNC_ASK__INIT;
    Sotay__BucketAsk bucket = SOTAY__BUCKET_ASK__INIT;
    Sotay__BucketAsk *buckets[] = { &bucket };
    uint8_t epoch[8] = { 1, 2, 3 }, bytes[200];
    bucket.bucket = (char *)(uintptr_t)"01477/unit/01477-x014";
    bucket.cursor = UINT64_MAX;
    ask.version = 1;
    ask.epoch = (ProtobufCBinaryData){ sizeof epoch, epoch };
    ask.wall_ms = INT64_MIN;
    ask.buckets = buckets;
    ask.n_buckets = 1;
    frame.body_case = SOTAY__FRAME__BODY_ASK;
    frame.ask = &ask;
    size_t len = sotay__frame__pack(&frame, bytes);
    assert_true(len < sizeof bytes);

    st_arena arena;
    void *message = NULL;
    st_arena_init(&arena, 20000);
    assert_int_equal(st_wire_unpack(bytes, len, &sotay__frame__descriptor, &arena, &message, NULL),
                     ST_OK);
    const Sotay__Frame *back = message;
    memset(bytes, 0xff, sizeof bytes);          /* the message does not need the bytes any more */
    assert_int_equal(back->body_case, SOTAY__FRAME__BODY_ASK);
    assert_int_equal(back->ask->n_buckets, 1);
    assert_string_equal(back->ask->buckets[0]->bucket, "01477/unit/01477-x014");
    assert_true(back->ask->buckets[0]->cursor == UINT64_MAX);
    assert_true(back->ask->wall_ms == INT64_MIN);
    assert_int_equal(back->ask->epoch.len, sizeof epoch);
    assert_memory_equal(back->ask->epoch.data, epoch, sizeof epoch);
    st_arena_reset(&arena);
    assert_int_equal(st_wire_unpack(NULL, 0, &sotay__frame__descriptor, &arena, &message, NULL),
                     ST_OK);
    st_arena_reset(&arena);
}

/* Cut anywhere, flipped anywhere: an answer, never a crash. */
static void test_damage(void **state)
{
    (void)state;
    static const uint8_t SEED[] = {
        0x0a, 0x0b, 0x12, 0x03, 'T', 0xc3, 0xb4, 0x20, 0x07, 0x4a, 0x02, 0x01, 0x02,
        0x5a, 0x06, 0x1a, 0x02, 0x00, 0xff, 0x28, 0x01, 0x39, 1, 2, 3, 4, 5, 6, 7, 8,
        0xa2, 0x06, 0x01, 0x00,
    };
    for (size_t len = 0; len <= sizeof SEED; len++) {
        for (size_t bit = 0; bit < (len > 0 ? len * 8 : 1); bit++) {
            uint8_t *bytes = malloc(len + (len == 0));
            assert_non_null(bytes);
            memcpy(bytes, SEED, len);
            if (len > 0)
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            st_arena arena;
            void *message = NULL;
            st_arena_init(&arena, 20000);
            st_err err = st_wire_unpack(bytes, len, &KNOT, &arena, &message, NULL);
            assert_true(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
            assert_int_equal(message != NULL, err == ST_OK);
            st_arena_reset(&arena);
            free(bytes);
        }
    }
    assert_int_equal(st_wire_scan(SEED, sizeof SEED, &KNOT, NULL), ST_OK);
}

static void test_walking_gives_each_field(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = { 0x20, 0x80, 0x01, 0x12, 2, 'h', 'i', 0x39, 1, 2, 3, 4, 5, 6, 7,
                                     8, 0x45, 1, 2, 3, 4, 0x1a, 0, 0xf8, 0x7f, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x0a, 2, 0x20, 5 };
    static const struct {
        uint32_t no;
        uint64_t number;
        size_t len, at;        /* of its data, and where the next field begins */
    } WANT[] = { { 4, 128, 0, 3 }, { 2, 0, 2, 7 }, { 7, 0, 0, 16 }, { 8, 0, 0, 21 },
                 { 3, 0, 0, 23 }, { 2047, UINT64_MAX, 0, 35 }, { 1, 0, 2, 39 } };
    st_wire_walk walk = { BYTES, BYTES + sizeof BYTES };
    st_wire_field field;
    assert_int_equal(st_wire_scan(BYTES, sizeof BYTES, &KNOT, NULL), ST_OK);
    for (size_t i = 0; i < LEN(WANT); i++) {
        assert_true(st_wire_next(&walk, &field));
        assert_int_equal(field.no, WANT[i].no);
        assert_true(field.number == WANT[i].number);
        assert_int_equal(field.len, WANT[i].len);
        assert_int_equal(field.data == NULL, WANT[i].len == 0);
        assert_int_equal(walk.at - BYTES, WANT[i].at);
    }
    assert_false(st_wire_next(&walk, &field));
    walk = (st_wire_walk){ field.data, field.data + field.len };
    assert_true(st_wire_next(&walk, &field));           /* inside the last one */
    assert_true(field.no == 4 && field.number == 5);
    assert_false(st_wire_next(&walk, &field));
    walk = (st_wire_walk){ NULL, NULL };
    assert_false(st_wire_next(&walk, &field));
}

/* Bytes that no scan let pass: it ends, and looks at nothing beyond them. */
static void test_walking_stays_inside(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second += 3) {
            uint8_t *bytes = malloc(4);
            assert_non_null(bytes);
            memcpy(bytes, (uint8_t[]){ (uint8_t)first, (uint8_t)second, 0xff, 0xff }, 4);
            st_wire_walk walk = { bytes, bytes + 4 };
            st_wire_field field;
            unsigned steps = 0;
            while (st_wire_next(&walk, &field)) {
                assert_true(++steps <= 4);
                assert_true(field.len == 0 || field.data + field.len <= bytes + 4);
            }
            assert_ptr_equal(walk.at, bytes + 4);
            free(bytes);
        }
    }
}

/* The rule that makes the walk's small stack enough. */
static void test_our_messages_stay_flat_and_small(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *seen[256] = {
        &sotay__frame__descriptor, &sotay__change_set__descriptor, &sotay__skeleton__descriptor,
        &sotay__record_state__descriptor, &sotay__vector_state__descriptor,
        &sotay__form__descriptor,
    };
    size_t depth[LEN(seen)] = { 1, 1, 1, 1, 1, 1 };
    size_t count = 6;
    for (size_t i = 0; i < count; i++) {
        assert_true(seen[i]->n_fields <= 64);
        assert_true(depth[i] <= ST_WIRE_DEPTH_MAX);     /* a loop of types would end here */
        for (unsigned f = 0; f < seen[i]->n_fields; f++) {
            if (seen[i]->fields[f].type != PROTOBUF_C_TYPE_MESSAGE)
                continue;
            assert_true(count < LEN(seen));
            seen[count] = seen[i]->fields[f].descriptor;
            depth[count++] = depth[i] + 1;
        }
    }
    print_message("  %u messages\n", (unsigned)count);
    assert_true(count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_a_field),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_count_of_fields),
        cmocka_unit_test(test_memory_has_a_ceiling),
        cmocka_unit_test(test_oneof_has_one_member),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_walking_gives_each_field),
        cmocka_unit_test(test_walking_stays_inside),
        cmocka_unit_test(test_our_messages_stay_flat_and_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
