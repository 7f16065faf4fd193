/* tests/unit/proto/test_message.c
 * Phone and server mean the same by every frame; a broken, cut or foreign one is refused without
 * harm; what a newer server says besides is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/message.h"
#include "tests/unit/proto/make_frames.h"
#include "tests/unit/proto/wire_text.h"

#define ARENA_MAX (32u << 20)

static void encode(const st_frame *frame, st_buffer *out)
{
    st_error error = { 0 };
    st_buffer_init(out, ST_FRAME_BYTES_MAX);
    if (st_frame_encode(frame, out, &error) != ST_OK)
        fail_msg("kind %d: %s", (int)frame->kind, error.detail);
}

/* Encoding what was decoded gives the same bytes again: nothing is lost on the way. */
static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_arena arena;
        st_buffer bytes, again;
        st_frame back;
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        st_frame frame = make_frame(i, &arena);
        encode(&frame, &bytes);
        if (st_frame_decode(bytes.data, bytes.len, &arena, &back, &error) != ST_OK)
            fail_msg("frame %u: %s", (unsigned)i, error.detail);
        assert_int_equal(back.kind, frame.kind);
        encode(&back, &again);
        assert_int_equal(bytes.len, again.len);
        assert_memory_equal(bytes.data, again.data, bytes.len);
        st_buffer_free(&bytes);
        st_buffer_free(&again);
        st_arena_reset(&arena);
    }
}

static void test_fields_arrive(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_frame back, frame;
    st_arena_init(&arena, ARENA_MAX);
    frame = make_page(&arena);
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    const st_page *page = &back.as.page;
    assert_string_equal(page->bucket.s, "01477/unit/01477-x01");
    assert_true(page->cursor == 816 && page->last && page->reset && page->fold_version == 1);
    assert_int_equal(page->sum.b[15], 0x77);
    assert_int_equal(page->entries_count, 3);
    assert_int_equal(page->entries[0].set_len, 12);
    assert_memory_equal(page->entries[0].set, "a change-set", 12);
    assert_true(page->entries[0].has_carrier && page->entries[0].held[0].counter == 12);
    assert_null(page->entries[1].set);
    assert_true(page->entries[1].first == 20 && page->entries[1].last == 24);
    assert_int_equal(page->entries[1].device.b[0], 0xd1);
    assert_int_equal(page->entries[2].kind, ST_ENTRY_ACCEPT);
    assert_true(page->entries[2].counters[1] == 13);
    assert_true(page->vector[0].counter == 13);
    assert_null(page->entries[2].reason);
    st_buffer_free(&bytes);

    frame = make_page_declined(&arena);
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    assert_string_equal(page->entries[0].reason, "ghi nhầm nhà văn hóa xóm bên");
    st_buffer_free(&bytes);

    frame = make_ask(&arena, false);
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    const st_ask *ask = &back.as.ask;
    assert_true(ask->has_epoch && !ask->is_collapsed && ask->position == 812);
    assert_int_equal(ask->buckets_count, 2);
    assert_true(ask->buckets[1].cursor == 812 && ask->buckets[1].sum.b[0] == 0x9a);
    assert_true(ask->gone_count == 1 && ask->gone[0].from == 3 && ask->gone[0].to == 9);
    assert_true(ask->kept_from == 40 && ask->seen_size == 800 && ask->seen_root.b[3] == 0x33);
    assert_false(ask->has_held || ask->has_log_key_mark || ask->has_epochs_mark);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* What a phone says of a key and of a checkpoint of the log that the server may not have. */
static void test_what_is_said_of_the_log(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_frame back, frames[4];
    st_arena_init(&arena, ARENA_MAX);
    frames[0] = make_ask_log_key_mark(&arena);
    frames[1] = make_ask_held(&arena);
    frames[2] = make_ask_epochs_mark(&arena);
    frames[3] = make_ask_reach(&arena);
    for (size_t i = 0; i < 4; i++) {
        const st_ask *said = &frames[i].as.ask, *ask = &back.as.ask;
        encode(&frames[i], &bytes);
        assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
        assert_int_equal(ask->has_log_key_mark, i == 0);
        assert_int_equal(ask->has_held, i == 1);
        assert_int_equal(ask->has_epochs_mark, i == 2);
        assert_int_equal(ask->epochs, said->epochs);
        assert_int_equal(ask->reach, said->reach);
        assert_memory_equal(ask->epochs_mark, said->epochs_mark, sizeof ask->epochs_mark);
        assert_memory_equal(ask->log_key_mark, said->log_key_mark, sizeof ask->log_key_mark);
        assert_int_equal(ask->held.head.size, said->held.head.size);
        assert_int_equal(ask->held.epoch, said->held.epoch);
        assert_memory_equal(ask->held.head.root.b, said->held.head.root.b, 32);
        assert_memory_equal(ask->held.signature, said->held.signature, ST_SIGNATURE_BYTES);
        st_buffer_free(&bytes);
    }
    st_arena_reset(&arena);
}

/* The beginning of a root stands for a wish to see checkpoints and for a short time; the rest of
 * what was asked is not made up. */
static void test_short_roots(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes, whole;
    st_frame back;
    st_arena_init(&arena, ARENA_MAX);
    st_frame frame = make_ask_short(&arena);
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    const st_ask *ask = &back.as.ask;
    assert_true(ask->has_short_root && ask->checkpoints && ask->has_cosigned);
    assert_true(ask->seen_size == 800 && ask->wall_ms == 0);
    assert_memory_equal(ask->seen_root.b, frame.as.ask.seen_root.b, 32);
    assert_memory_equal(ask->cosigned, frame.as.ask.cosigned, sizeof ask->cosigned);
    frame = make_ask_cosigned(&arena);
    encode(&frame, &whole);
    assert_int_equal(st_frame_decode(whole.data, whole.len, &arena, &back, NULL), ST_OK);
    assert_true(!back.as.ask.has_short_root && back.as.ask.seen_root.b[31] == 0x33);
    assert_true(whole.len - bytes.len >= 29 + 3 + 4); /* root, wish, half of a time */
    st_buffer_free(&bytes);
    st_buffer_free(&whole);
    st_arena_reset(&arena);
}

static void test_truncated_and_flipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_arena arena, scratch;
        st_buffer bytes;
        st_frame back;
        size_t whole = 0;
        st_arena_init(&arena, ARENA_MAX);
        st_arena_init(&scratch, ARENA_MAX);
        st_frame frame = make_frame(i, &arena);
        encode(&frame, &bytes);
        for (size_t len = 1; len < bytes.len; len++) {
            uint8_t *exact = malloc(len);
            memcpy(exact, bytes.data, len);
            assert_int_equal(st_frame_decode(exact, len, &scratch, &back, NULL), ST_E_CORRUPT);
            free(exact);
            st_arena_reset(&scratch);
        }
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            st_err err = st_frame_decode(bytes.data, bytes.len, &scratch, &back, NULL);
            assert_true(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
            whole += err == ST_OK ? 1 : 0;
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            st_arena_reset(&scratch);
        }
        assert_true(whole > 0);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

static const struct { const char *why, *text; st_err want; st_frame_kind kind; } FRAMES[] = {
    { "nothing in it", "", ST_OK, ST_FRAME_NONE },
    { "a kind of a later version", "77:{ 1:v1 }", ST_OK, ST_FRAME_NONE },
    { "ask", "1:{ 1:v1 }", ST_OK, ST_FRAME_ASK },
    { "ask with an unknown field", "1:{ 1:v1 99:\"x\" }", ST_OK, ST_FRAME_ASK },
    { "ask without version", "1:{ 3:v1 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "epoch of 7 bytes", "1:{ 1:v1 2:*7,01 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "a short root", "1:{ 1:v1 11:v9 12:*3,01 27:*68,02 }", ST_OK, ST_FRAME_ASK },
    { "a root of 4 bytes", "1:{ 1:v1 11:v9 12:*4,01 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "a root of nothing", "1:{ 1:v1 12:*3,01 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "a checkpoint without root", "1:{ 1:v1 11:v9 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "a long time with a short root", "1:{ 1:v1 11:v9 12:*3,01 27:*72,02 }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "a short time with a whole root", "1:{ 1:v1 11:v9 12:*32,01 27:*68,02 }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "collapsed and not", "1:{ 1:v1 5:*8,01 6:{ 1:\"01477/council\" 3:*16,00 } }",
      ST_E_CORRUPT, ST_FRAME_NONE },
    { "bucket without sum", "1:{ 1:v1 6:{ 1:\"01477/council\" } }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "bad bucket", "1:{ 1:v1 6:{ 1:\"x\" 3:*16,00 } }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "gone backwards", "1:{ 1:v1 10:{ 1:v5 2:v4 } }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "gone from 0", "1:{ 1:v1 10:{ 2:v4 } }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "seen without root", "1:{ 1:v1 11:v4 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "two bodies", "1:{ 1:v1 } 4:{ 2:v1 3:v2 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "empty set", "2:\"\"", ST_E_CORRUPT, ST_FRAME_NONE },
    { "set", "2:\"x\"", ST_OK, ST_FRAME_SET },
    { "verdict of a later version", "3:{ 2:v1 3:v99 }", ST_OK, ST_FRAME_VERDICT },
    { "verdict on what cannot be read", "3:{ 3:v3 5:{ 2:v18 } }", ST_OK, ST_FRAME_VERDICT },
    { "verdict for half a device", "3:{ 1:*8,01 2:v1 3:v1 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "held for no reason", "3:{ 2:v1 3:v1 5:{ 1:v1 } }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "held for a new reason", "3:{ 2:v1 3:v1 5:{ 1:v1 2:v99 } }", ST_OK, ST_FRAME_VERDICT },
    { "held twice", "3:{ 2:v1 3:v1 5:{ 1:v1 2:v2 } 5:{ 1:v1 2:v2 } }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "want backwards", "4:{ 2:v3 3:v2 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "scope with a new kind of bucket", "5:{ 1:v1 2:\"01477/sky\" 3:x0163 }", ST_OK,
      ST_FRAME_SCOPE },
    { "page without bucket", "6:{ 2:v4 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "last page without sum", "6:{ 1:\"01477/council\" 2:v4 4:v1 }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "sum before the end", "6:{ 1:\"01477/council\" 2:v4 5:*16,00 }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "entry beyond the cursor", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v5 3:v1 4:\"x\" } }",
      ST_E_CORRUPT, ST_FRAME_NONE },
    { "entries not rising",
      "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 4:\"x\" } 3:{ 1:v3 4:\"x\" } }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "entry 0", "6:{ 1:\"01477/council\" 2:v4 3:{ 4:\"x\" } }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "reference without device", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v1 6:v3 10:v4 } }",
      ST_E_CORRUPT, ST_FRAME_NONE },
    { "the device of nobody", "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v1 5:*16,00 6:v3 10:v4 } }",
      ST_E_CORRUPT, ST_FRAME_NONE },
    { "a decision beside a set",
      "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v16 4:\"x\" 5:*16,d1 9:x04 } }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "counters not rising",
      "6:{ 1:\"01477/council\" 2:v4 3:{ 1:v3 3:v16 5:*16,d1 9:x0504 } }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "end without version", "7:{ 4:v4 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "enrolment without keys", "8:{ 1:v1 2:*16,0c }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "bytes of a piece", "25:{ 1:*32,01 2:v9 3:v5 4:\"iece\" }", ST_OK, ST_FRAME_PIECE_BYTES },
    { "no bytes of a piece", "25:{ 1:*32,01 2:v9 3:v5 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "bytes of no piece", "25:{ 2:v9 3:v5 4:\"iece\" }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "bytes of half a name", "25:{ 1:*16,01 2:v9 4:\"iece\" }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "bytes over the end of a piece", "25:{ 1:*32,01 2:v8 3:v5 4:\"iece\" }", ST_E_CORRUPT,
      ST_FRAME_NONE },
    { "bytes behind the end of a piece", "25:{ 1:*32,01 2:v8 3:v4294967295 4:\"iece\" }",
      ST_E_CORRUPT, ST_FRAME_NONE },
    { "a piece over its limit", "25:{ 1:*32,01 2:v262145 4:\"iece\" }", ST_E_TOO_LARGE,
      ST_FRAME_NONE },
    { "too many bytes of a piece", "25:{ 1:*32,01 2:v262144 4:*16385,07 }", ST_E_TOO_LARGE,
      ST_FRAME_NONE },
    { "as many as may be", "25:{ 1:*32,01 2:v262144 3:v245760 4:*16384,07 }", ST_OK,
      ST_FRAME_PIECE_BYTES },
    { "refusal for nothing", "10:{ 3:\"x\" }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "refusal with bad UTF-8", "10:{ 1:v2 3:xff }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "refusal in NFD", "10:{ 1:v2 3:x6fcc81 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "refusal with NUL", "10:{ 1:v2 3:x610062 }", ST_E_CORRUPT, ST_FRAME_NONE },
    { "refusal of a later version", "10:{ 1:v999 }", ST_OK, ST_FRAME_REFUSAL },
};

static void test_bad_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FRAMES / sizeof FRAMES[0]; i++) {
        st_arena arena;
        st_buffer bytes;
        st_error error = { 0 };
        st_frame frame = { .kind = ST_FRAME_NONE };
        st_arena_init(&arena, ARENA_MAX);
        st_buffer_init(&bytes, 32768);
        wire_text(FRAMES[i].text, &bytes);
        st_err err = st_frame_decode(bytes.data, bytes.len, &arena, &frame, &error);
        if (err != FRAMES[i].want || frame.kind != FRAMES[i].kind)
            fail_msg("%s: %s, kind %d (%s)", FRAMES[i].why, st_err_name(err), (int)frame.kind,
                     error.detail);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

static void test_unknown_words(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_frame frame;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, 4096);
    wire_text("3:{ 2:v1 3:v99 5:{ 1:v7 2:v88 } }", &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.as.verdict.kind, ST_VERDICT_UNKNOWN);
    assert_string_equal(st_hold_name(frame.as.verdict.held[0].reason), "unknown");
    st_buffer_clear(&bytes);
    wire_text("5:{ 1:v1 2:\"01477/sky\" 2:\"01477/council\" 3:x0163 }", &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.as.scope.buckets_count, 1);
    assert_string_equal(frame.as.scope.buckets[0].s, "01477/council");
    assert_int_equal(frame.as.scope.roles_count, 1);
    st_buffer_clear(&bytes);
    wire_text("10:{ 1:v999 }", &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.as.refusal.code, ST_E_SERVER);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

static void test_too_large(void **state)
{
    (void)state;
    static uint8_t large[ST_FRAME_BYTES_MAX + 1];
    st_arena arena;
    st_buffer out;
    st_frame frame = { .kind = ST_FRAME_SET };
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&out, 2 * ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_decode(large, sizeof large, &arena, &frame, NULL), ST_E_TOO_LARGE);
    frame.as.set.bytes = large;
    frame.as.set.len = ST_FRAME_BYTES_MAX;
    assert_int_equal(st_frame_encode(&frame, &out, NULL), ST_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    frame.as.set.len = ST_SET_BYTES_MAX + 1;
    assert_int_equal(st_frame_encode(&frame, &out, NULL), ST_OK);
    assert_int_equal(st_frame_decode(out.data, out.len, &arena, &frame, NULL), ST_E_TOO_LARGE);
    frame.kind = ST_FRAME_NONE;
    assert_int_equal(st_frame_encode(&frame, &out, NULL), ST_E_USAGE);
    frame.kind = (st_frame_kind)99;
    assert_int_equal(st_frame_encode(&frame, &out, NULL), ST_E_USAGE);
    st_buffer_free(&out);
    st_arena_reset(&arena);
}

/* A Vietnamese detail cut by its buffer still arrives. */
static void test_cut_detail(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_frame back, frame = { .kind = ST_FRAME_REFUSAL, .as.refusal.code = ST_E_VALUE };
    st_arena_init(&arena, ARENA_MAX);
    char *detail = frame.as.refusal.detail;
    memset(detail, 'a', sizeof frame.as.refusal.detail - 1);
    memcpy(detail + 198, "\xe1\xbb", 2);        /* the first two bytes of a letter of three */
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    assert_int_equal(strlen(back.as.refusal.detail), 198);
    st_buffer_free(&bytes);
    memset(detail, 0xff, 200);
    encode(&frame, &bytes);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    assert_string_equal(back.as.refusal.detail, "");
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* The numbers of refusals are on the wire: new ones only at the end. */
static void test_numbers_are_frozen(void **state)
{
    (void)state;
    static const st_err CODES[] = {
        ST_OK, ST_E_NOT_FOUND, ST_E_USAGE, ST_E_VALUE, ST_E_DENIED, ST_E_STATE, ST_E_CHANGED,
        ST_E_TOO_LARGE, ST_E_CORRUPT, ST_E_VERSION, ST_E_SIGNATURE, ST_E_AGAIN, ST_E_ENROL,
        ST_E_BUSY, ST_E_EXISTS, ST_E_PIN, ST_E_STORAGE, ST_E_MEMORY, ST_E_NETWORK, ST_E_SERVER,
        ST_PENDING
    };
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++)
        assert_int_equal(CODES[i], i);
}

static void test_entry_kinds(void **state)
{
    (void)state;
    for (int i = 1; i < ST_ENTRY_COUNT; i++) {
        st_entry_kind back = ST_ENTRY_NONE;
        assert_true(st_entry_kind_parse(st_entry_kind_name((st_entry_kind)i), &back));
        assert_int_equal(back, i);
    }
    st_entry_kind kind = ST_ENTRY_INIT;
    assert_false(st_entry_kind_parse("unknown", &kind));
    assert_false(st_entry_kind_parse("", &kind));
    assert_int_equal(kind, ST_ENTRY_INIT);
    assert_string_equal(st_entry_kind_name((st_entry_kind)99), "unknown");
    assert_string_equal(st_entry_kind_name(ST_ENTRY_ATTACHMENT), "attachment");
    assert_string_equal(st_entry_kind_name(ST_ENTRY_GAP), "gap");
}

static void test_head(void **state)
{
    (void)state;
    st_head head = { .device = make_id(0xd1, 0xd1), .counter = 0x0102030405060708u }, back;
    uint8_t bytes[ST_HEAD_BYTES_MAX];
    memset(head.install, 0x0f, sizeof head.install);
    memset(head.signature, 0x51, sizeof head.signature);
    assert_int_equal(st_head_encode(&head, bytes), ST_HEAD_BYTES);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[25], 1);
    assert_int_equal(bytes[32], 8);
    assert_int_equal(st_head_decode(bytes, ST_HEAD_BYTES, &back, NULL), ST_OK);
    assert_true(back.counter == head.counter && !back.has_base);
    assert_memory_equal(back.device.b, head.device.b, 16);
    assert_memory_equal(back.install, head.install, 8);
    assert_memory_equal(back.signature, head.signature, 64);
    for (size_t len = 0; len < ST_HEAD_BYTES; len++)
        assert_int_equal(st_head_decode(bytes, len, &back, NULL), ST_E_CORRUPT);
    bytes[0] = 4;
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_E_VERSION);
    bytes[0] = 0;
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_E_CORRUPT);
    bytes[0] = 1;
    memset(bytes + 25, 0, 8);
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_E_CORRUPT);
}

/* A stream of which the server has the beginning says how much of it is left out. */
static void test_head_of_a_rest(void **state)
{
    (void)state;
    st_head head = { .device = make_id(0xd1, 0xd1), .counter = 7, .skip = 0x01020304 }, back;
    uint8_t bytes[ST_HEAD_BYTES_MAX];
    assert_int_equal(st_head_bytes(&head), ST_HEAD_BYTES_MAX);
    assert_int_equal(st_head_encode(&head, bytes), ST_HEAD_BYTES_MAX);
    assert_int_equal(bytes[0], 3);
    assert_int_equal(bytes[ST_HEAD_BYTES], 1);
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(st_head_decode(bytes, len, &back, NULL), ST_E_CORRUPT);
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_OK);
    assert_true(back.skip == head.skip && !back.has_base && back.counter == 7);
    memset(bytes + ST_HEAD_BYTES, 0, 4);
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_E_CORRUPT);
}

/* A stream that leans on a set says on which. */
static void test_head_with_a_base(void **state)
{
    (void)state;
    static uint8_t set[ST_BASE_BYTES_MAX + 1];
    st_head head = { .device = make_id(0xd1, 0xd1), .counter = 7, .has_base = true }, back;
    const st_hash hash = st_sha256("set", 3);
    uint8_t bytes[ST_HEAD_BYTES_MAX], other[ST_BASE_CHECK_BYTES];
    st_buffer base;
    st_buffer_init(&base, 2 * ST_BASE_BYTES_MAX);
    assert_int_equal(st_head_base(set, sizeof set, &hash, &base, head.base), ST_OK);
    assert_int_equal(base.len, ST_BASE_BYTES_MAX + sizeof hash.b);
    assert_memory_equal(base.data + ST_BASE_BYTES_MAX, hash.b, sizeof hash.b);
    set[ST_BASE_BYTES_MAX - 1] = 1;
    assert_int_equal(st_head_base(set, sizeof set, &hash, &base, other), ST_OK);
    assert_memory_not_equal(other, head.base, sizeof other);
    assert_int_equal(st_head_encode(&head, bytes), ST_HEAD_BYTES_MAX);
    assert_int_equal(bytes[0], 2);
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(st_head_decode(bytes, len, &back, NULL), ST_E_CORRUPT);
    assert_int_equal(st_head_decode(bytes, sizeof bytes, &back, NULL), ST_OK);
    assert_true(back.has_base && back.counter == 7);
    assert_memory_equal(back.base, head.base, sizeof back.base);
    st_buffer_free(&base);
}

/* Each part of a request is in what is signed: another method, path, body, log, device, install or
 * counter is another text. */
static void test_head_text_covers_all(void **state)
{
    (void)state;
    st_head head = { .device = make_id(0xd1, 0xd1), .counter = 7 };
    st_hash body = st_sha256("body", 4);
    st_id log = make_id(0x10, 0x10);
    st_buffer first, other;
    st_buffer_init(&first, 1024);
    st_buffer_init(&other, 1024);
    assert_int_equal(st_head_sign_text(&head, "POST", "/v1/sync", &body, &log, &first), ST_OK);
    static const char START[] = "sotay-req/v1\nPOST\n/v1/sync\n";
    assert_int_equal(first.len, sizeof START - 1 + 80);
    assert_memory_equal(first.data, START, sizeof START - 1);
    for (int what = 0; what < 7; what++) {
        st_head h = head;
        st_hash b = body;
        st_id l = log;
        const char *method = what == 0 ? "PUT" : "POST";
        const char *path = what == 1 ? "/v1/sink" : "/v1/sync";
        b.b[0] ^= what == 2;
        l.b[0] ^= what == 3;
        h.device.b[0] ^= what == 4;
        h.install[0] ^= what == 5;
        h.counter += what == 6;
        st_buffer_clear(&other);
        assert_int_equal(st_head_sign_text(&h, method, path, &b, &l, &other), ST_OK);
        assert_true(other.len != first.len || memcmp(other.data, first.data, first.len) != 0);
    }
    st_buffer_free(&other);
    st_buffer_init(&other, 40);
    assert_int_equal(st_head_sign_text(&head, "POST", "/v1/sync", &body, &log, &other),
                     ST_E_TOO_LARGE);
    assert_int_equal(other.len, 0);
    st_buffer_free(&first);
    st_buffer_free(&other);
}

static void test_collapse(void **state)
{
    (void)state;
    st_bucket_sum sums[3] = { { make_bucket("01477/unit/01477-x01"), make_sum(1) },
                              { make_bucket("01477/catalogue"), make_sum(2) },
                              { make_bucket("01477/council"), make_sum(3) } };
    uint8_t first[8], other[8], by_hand[8];
    st_sync_collapse(sums, 3, first);
    st_bucket_sum swap = sums[0];
    sums[0] = sums[2];
    sums[2] = swap;
    st_sync_collapse(sums, 3, other);
    assert_memory_equal(first, other, 8);       /* whatever order they come in */
    st_sha256_state hash;
    static const size_t ORDER[] = { 1, 0, 2 };
    st_sha256_init(&hash);
    for (size_t i = 0; i < 3; i++) {
        const st_bucket_sum *one = &sums[ORDER[i]];
        uint8_t len = (uint8_t)strlen(one->bucket.s);
        st_sha256_update(&hash, &len, 1);
        st_sha256_update(&hash, one->bucket.s, len);
        st_sha256_update(&hash, one->sum.b, 16);
    }
    st_hash whole = st_sha256_final(&hash);
    memcpy(by_hand, whole.b, 8);
    assert_memory_equal(first, by_hand, 8);
    sums[1].sum.b[15] ^= 1;
    st_sync_collapse(sums, 3, other);
    assert_memory_not_equal(first, other, 8);
    st_sync_collapse(sums, 2, other);
    assert_memory_not_equal(first, other, 8);
    st_sync_collapse(NULL, 0, other);
    assert_memory_not_equal(first, other, 8);
}

static void test_enrolment_texts(void **state)
{
    (void)state;
    st_frame frame = make_enrol_ask();
    uint8_t key[32], text[ST_ENROL_SIGN_BYTES], code[16], log_key[32];
    char link[ST_ENROL_CODE_TEXT], print[20];
    memset(key, 0x11, sizeof key);
    st_enrol_sign_text(&frame.as.enrol_ask, key, text);
    assert_memory_equal(text, "sotay-enrol/v1", 15);
    assert_int_equal(text[15], 0x0c);
    assert_int_equal(text[31], 0x11);
    assert_int_equal(text[63], 0x01);
    assert_int_equal(text[126], 0x02);
    st_enrol_code_format(frame.as.enrol_ask.code, key, link);
    assert_int_equal(strlen(link), 64);
    assert_true(st_enrol_code_parse(link, code, log_key));
    assert_memory_equal(code, frame.as.enrol_ask.code, 16);
    assert_memory_equal(log_key, key, 32);
    static const char *const BAD[] = { "", "AAAA", "!", "=" };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(st_enrol_code_parse(BAD[i], code, log_key));
    link[10] = '+';
    assert_false(st_enrol_code_parse(link, code, log_key));
    link[10] = '\0';
    assert_false(st_enrol_code_parse(link, code, log_key));
    st_fingerprint(key, print);
    assert_int_equal(strlen(print), 19);
    for (size_t i = 0; i < 19; i++)
        assert_true(i % 5 == 4 ? print[i] == ' ' : print[i] >= '0' && print[i] <= '9');
    char other[20];
    key[31] ^= 1;
    st_fingerprint(key, other);
    assert_string_not_equal(print, other);
    static const char *const TYPED[] = { "1234 5678 9012 3456", "1234567890123456",
                                         " 1234-5678  9012.3456\n" };
    for (size_t i = 0; i < sizeof TYPED / sizeof TYPED[0]; i++) {
        assert_true(st_fingerprint_parse(TYPED[i], other));
        assert_string_equal(other, TYPED[0]);
    }
    assert_false(st_fingerprint_parse("", other));
    assert_false(st_fingerprint_parse("123456789012345", other));
    assert_false(st_fingerprint_parse("1234 5678 9012 3456 7", other));
}

/* A code or a whole root, however it was typed off the paper; neither is taken for the other. */
static void test_what_stands_on_paper(void **state)
{
    (void)state;
    const st_hash root = st_sha256("book", 4), another = st_sha256("look", 4);
    char code[20], hex[65], typed[4][80];
    st_paper paper;
    st_fingerprint(root.b, code);
    st_hex(root.b, sizeof root.b, hex);
    (void)snprintf(typed[0], sizeof typed[0], "%s", code);
    (void)snprintf(typed[1], sizeof typed[1], " %.4s-%.4s-%.4s-%.4s\n", code, code + 5, code + 10,
                   code + 15);
    (void)snprintf(typed[2], sizeof typed[2], "%s", hex);
    (void)snprintf(typed[3], sizeof typed[3], " %.32s - %s", hex, hex + 32);
    for (char *at = typed[3]; *at != '\0'; at++)
        *at = *at >= 'a' && *at <= 'f' ? (char)(*at - 'a' + 'A') : *at;
    for (size_t i = 0; i < 4; i++) {
        assert_true(st_paper_parse(typed[i], &paper));
        assert_true(paper.has_root == (i > 1));
        assert_true(st_paper_is(&paper, &root));
        assert_false(st_paper_is(&paper, &another));
    }
    hex[63] = '\0';
    assert_false(st_paper_parse(hex, &paper));
    assert_false(st_paper_parse("", &paper));
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    st_arena arena, small;
    st_buffer bytes;
    st_frame back;
    size_t refused = 0;
    st_arena_init(&arena, ARENA_MAX);
    st_frame frame = make_page(&arena);
    encode(&frame, &bytes);
    for (size_t most = 0; most < 6000; most += 50) {
        st_arena_init(&small, most);
        st_err err = st_frame_decode(bytes.data, bytes.len, &small, &back, NULL);
        assert_true(err == ST_OK || err == ST_E_MEMORY || err == ST_E_TOO_LARGE);
        refused += err != ST_OK ? 1 : 0;
        st_arena_reset(&small);
    }
    assert_true(refused > 3);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_short_roots),
        cmocka_unit_test(test_fields_arrive), cmocka_unit_test(test_what_is_said_of_the_log),
        cmocka_unit_test(test_truncated_and_flipped),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_unknown_words),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_cut_detail),
        cmocka_unit_test(test_numbers_are_frozen),
        cmocka_unit_test(test_entry_kinds),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_of_a_rest),
        cmocka_unit_test(test_head_with_a_base),
        cmocka_unit_test(test_head_text_covers_all),
        cmocka_unit_test(test_collapse),
        cmocka_unit_test(test_enrolment_texts),
        cmocka_unit_test(test_what_stands_on_paper),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
