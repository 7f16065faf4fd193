/* tests/unit/proto/test_log_key.c
 * A key of the log is followed by another when both say so, over the same words, in the log named
 * after the first one: any other number, size, key, log or signature, and it is not. A chain is
 * whole or names its first false link. The list has one spelling; what is no list is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/log_key.h"
#include "proto/message.h"
#include "proto/note.h"
#include "tests/unit/proto/wire_text.h"

#define KEYS 4u

typedef struct {
    uint8_t key[KEYS][32], secret[KEYS][64];
    st_id log;
} pairs;

static pairs make_pairs(void)
{
    pairs p;
    for (unsigned i = 0; i < KEYS; i++) {
        uint8_t seed[32] = { 0 };
        seed[0] = (uint8_t)(0xc0 + i);
        st_sign_keypair(seed, p.key[i], p.secret[i]);
    }
    p.log = st_log_id(p.key[0]);
    return p;
}

/* The change from key n - 1 to key n. */
static st_log_key change(const pairs *p, unsigned n)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    st_log_key one = { .n = n, .size = 100 * n };
    memcpy(one.key, p->key[n], sizeof one.key);
    st_log_key_sign_text(&p->log, p->key[n - 1], &one, text);
    st_sign(p->secret[n - 1], text, sizeof text, one.by_old);
    st_sign(p->secret[n], text, sizeof text, one.by_new);
    return one;
}

static st_log_keys chain(const pairs *p, uint32_t count)
{
    st_log_keys keys = { .count = count };
    memcpy(keys.first, p->key[0], sizeof keys.first);
    for (uint32_t i = 0; i < count; i++)
        keys.rows[i] = change(p, i + 1);
    return keys;
}

static void test_both_keys_have_to_say_so(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    const st_log_key good = change(&p, 1);
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    assert_true(st_log_key_verify(&p.log, p.key[0], &good));
    for (int i = 0; i < 6; i++) {
        st_log_key bad = good;
        bad.n += i == 0;
        bad.size ^= i == 1;
        bad.key[31] ^= i == 2;
        bad.by_old[0] ^= i == 3;
        bad.by_new[63] ^= i == 4;
        if (i == 5)
            memcpy(bad.by_old, good.by_new, sizeof bad.by_old); /* one key for both */
        assert_false(st_log_key_verify(&p.log, p.key[0], &bad));
    }
    st_id other = p.log;
    other.b[15] ^= 1;
    assert_false(st_log_key_verify(&other, p.key[0], &good));
    assert_false(st_log_key_verify(&p.log, p.key[2], &good));
    st_log_key_sign_text(&p.log, p.key[0], &good, text);
    assert_memory_equal(text, "sotay-logkey/v1", 16);
    assert_memory_equal(text + 16, p.log.b, 16);
    assert_int_equal(st_get_u64(text + 40), 100);
    assert_memory_equal(text + 80, p.key[1], 32);
}

/* Every single bit of a notice is signed. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    const st_log_key good = change(&p, 1);
    for (size_t bit = 0; bit < 8 * sizeof good.key; bit += 5) {
        st_log_key bad = good;
        bad.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(st_log_key_verify(&p.log, p.key[0], &bad));
        bad = good;
        bad.by_old[bit / 4] ^= (uint8_t)(1u << bit % 8);
        assert_false(st_log_key_verify(&p.log, p.key[0], &bad));
        bad = good;
        bad.by_new[bit / 4] ^= (uint8_t)(1u << bit % 8);
        assert_false(st_log_key_verify(&p.log, p.key[0], &bad));
    }
}

static void test_a_chain_names_its_first_false_link(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    st_log_keys keys = chain(&p, 3);
    assert_int_equal(st_log_keys_fault(&keys, &p.log), 0);
    for (uint32_t i = 0; i < 3; i++) {
        st_log_keys bad = keys;
        bad.rows[i].by_old[7] ^= 1;
        assert_int_equal(st_log_keys_fault(&bad, &p.log), i + 2);
        bad = keys;
        bad.rows[i].n++;
        assert_int_equal(st_log_keys_fault(&bad, &p.log), i + 2);
    }
    st_log_keys bad = keys;
    bad.first[0] ^= 1;
    assert_int_equal(st_log_keys_fault(&bad, &p.log), 1);
    bad = keys; /* the middle left out */
    bad.rows[1] = keys.rows[2];
    bad.count = 2;
    assert_int_equal(st_log_keys_fault(&bad, &p.log), 3);
    bad = chain(&p, 0);
    assert_int_equal(st_log_keys_fault(&bad, &p.log), 0);
}

static void test_which_key_signs_how_much(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    const st_log_keys keys = chain(&p, 2);
    assert_memory_equal(st_log_keys_newest(&keys), p.key[2], 32);
    for (uint64_t n = 0; n < 3; n++)
        assert_memory_equal(st_log_keys_at(&keys, n), p.key[n], 32);
    assert_null(st_log_keys_at(&keys, 3));
    assert_int_equal(st_log_keys_limit(&keys, 0), 100);
    assert_int_equal(st_log_keys_limit(&keys, 1), 200);
    assert_true(st_log_keys_limit(&keys, 2) == UINT64_MAX);
}

/* ---- as text ---- */

static st_buffer format(const st_log_keys *keys)
{
    st_buffer text;
    st_buffer_init(&text, ST_LOG_KEYS_TEXT_MAX);
    assert_int_equal(st_log_keys_format(keys, &text, NULL), ST_OK);
    return text;
}

static void test_the_list_comes_back(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    for (uint32_t count = 0; count <= 3; count++) {
        st_log_keys keys = chain(&p, count), back;
        st_buffer text = format(&keys);
        assert_int_equal(st_log_keys_parse(text.data, text.len, &back, NULL), ST_OK);
        assert_int_equal(back.count, count);
        assert_int_equal(st_log_keys_fault(&back, &p.log), 0);
        st_buffer_free(&text);
    }
}

static void test_a_full_list_fits(void **state)
{
    (void)state;
    st_log_keys keys = { .count = ST_LOG_KEYS_MAX }, back;
    for (uint32_t i = 0; i < keys.count; i++)
        keys.rows[i] = (st_log_key){ .n = UINT64_MAX, .size = UINT64_MAX };
    st_buffer text = format(&keys);
    assert_int_equal(st_log_keys_parse(text.data, text.len, &back, NULL), ST_OK);
    st_buffer more;
    st_buffer_init(&more, 1u << 16);
    const char *line = memchr(text.data, '\n', text.len);
    line = (const char *)memchr(line + 1, '\n', 60) + 1;
    size_t len = (size_t)(strchr(line, '\n') - line) + 1;
    assert_int_equal(st_buffer_append(&more, text.data, text.len, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&more, line, len, NULL), ST_OK);
    assert_int_equal(st_log_keys_parse(more.data, more.len, &back, NULL), ST_E_CORRUPT);
    st_buffer_free(&more);
    st_buffer_free(&text);
}

/* Whatever byte is another one: it is no list, or a list of something else - never the same. */
static void test_one_spelling(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    st_log_keys keys = chain(&p, 2), back;
    st_buffer text = format(&keys);
    for (size_t i = 0; i < text.len; i++) {
        static const uint8_t OTHERS[] = { 0x01, 0x10, 0x80 };
        for (size_t j = 0; j < sizeof OTHERS; j++) {
            text.data[i] ^= OTHERS[j];
            if (st_log_keys_parse(text.data, text.len, &back, NULL) == ST_OK)
                assert_int_not_equal(st_log_keys_fault(&back, &p.log), 0);
            text.data[i] ^= OTHERS[j];
        }
    }
    for (size_t len = 0; len < text.len; len++)
        if (st_log_keys_parse(text.data, len, &back, NULL) == ST_OK)
            assert_true(back.count < 2); /* whole lines alone */
    st_buffer_free(&text);
}

static void test_what_is_no_list(void **state)
{
    (void)state;
    static const char KEY[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    static const char *const CASES[] = {
        "",
        "sotay-log-keys/v1",
        "sotay-log-keys/v1\n",
        "sotay-log-keys/v2\n%s\n",
        "sotay-log-keys/v1\n%s",
        "sotay-log-keys/v1\n%s\n\n",
        "sotay-log-keys/v1\n%s\nlog-key 1\n",
        "sotay-log-keys/v1\n%s \n",
        "sotay-log-keys/v1\n%s\nlog-key 1 2 %s %s %s\n",
        "sotay-log-keys/v1\r\n%s\n",
        " sotay-log-keys/v1\n%s\n",
    };
    st_log_keys keys;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[512] = "";
        const char *from = CASES[i];
        for (size_t len = 0; *from != '\0'; from++) {
            bool is_key = strncmp(from, "%s", 2) == 0;
            len += (size_t)snprintf(text + len, sizeof text - len, "%.*s", is_key ? 44 : 1,
                                    is_key ? KEY : from);
            from += is_key ? 1 : 0;
        }
        if (st_log_keys_parse(text, strlen(text), &keys, NULL) != ST_E_CORRUPT)
            fail_msg("taken: %s", text);
    }
    char hidden[80];
    (void)snprintf(hidden, sizeof hidden, "sotay-log-keys/v1\n%s\n", KEY);
    size_t len = strlen(hidden);
    assert_int_equal(st_log_keys_parse(hidden, len, &keys, NULL), ST_OK);
    assert_int_equal(st_log_keys_parse(hidden, len + 1, &keys, NULL), ST_E_CORRUPT); /* a NUL */
}

static void test_the_leaf_is_bound_to_the_line(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    const st_log_key good = change(&p, 1);
    char line[ST_LOG_KEY_LINE_MAX];
    st_log_key_line(&good, line);
    assert_int_equal(strncmp(line, "log-key 1 100 ", 14), 0);
    const st_hash commit = st_log_key_commit(&good);
    st_hash want = st_hmac(good.key, 32, line, strlen(line));
    assert_memory_equal(commit.b, want.b, sizeof want.b);
    st_log_key other = good;
    other.by_new[0] ^= 1;
    want = st_log_key_commit(&other);
    assert_memory_not_equal(commit.b, want.b, sizeof want.b);
}

static void test_the_log_in_a_name(void **state)
{
    (void)state;
    const pairs p = make_pairs();
    char origin[ST_NOTE_NAME_BYTES];
    st_id back;
    st_origin("01477", &p.log, 12, origin);
    assert_true(st_origin_log(origin, &back));
    assert_memory_equal(back.b, p.log.b, sizeof back.b);
    static const char *const NONE[] = {
        "",
        "sotay/",
        "sotay/x/1",
        "sotay/01477/phone/00112233445566778899aabbccddeeff",
        "sotay/01477/00112233445566778899aabbccddee/1",
        "sotax/01477/00112233445566778899aabbccddeeff/1",
        "sotay/00112233445566778899aabbccddeeff/",
        "sotay/0112233445566778899aabbccddeeff/1",
    };
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        if (st_origin_log(NONE[i], &back))
            fail_msg("taken: %s", NONE[i]);
}

/* ---- as it travels ---- */

static void test_frames_that_break_a_rule(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        st_err want;
    } CASES[] = {
        { "none at all", "30:{ }", ST_OK },
        { "one", "30:{ 2:{ 1:v1 2:v9 3:*32,02 4:*64,03 5:*64,04 } }", ST_OK },
        { "from the first on", "30:{ 1:*32,01 2:{ 1:v1 3:*32,02 4:*64,03 5:*64,04 } }", ST_OK },
        { "one left out is the phone's to find", "30:{ 2:{ 1:v3 3:*32,02 4:*64,03 5:*64,04 } }",
          ST_OK },
        { "number 0", "30:{ 2:{ 2:v9 3:*32,02 4:*64,03 5:*64,04 } }", ST_E_CORRUPT },
        { "not rising",
          "30:{ 2:{ 1:v1 3:*32,02 4:*64,03 5:*64,04 } 2:{ 1:v1 3:*32,02 4:*64,03 5:*64,04 } }",
          ST_E_CORRUPT },
        { "half a key", "30:{ 2:{ 1:v1 3:*31,02 4:*64,03 5:*64,04 } }", ST_E_CORRUPT },
        { "half a first key", "30:{ 1:*31,01 }", ST_E_CORRUPT },
        { "by the old one alone", "30:{ 2:{ 1:v1 3:*32,02 4:*64,03 } }", ST_E_CORRUPT },
        { "by the new one alone", "30:{ 2:{ 1:v1 3:*32,02 5:*64,04 } }", ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_arena arena;
        st_buffer bytes;
        st_frame frame;
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&bytes, 1u << 20);
        wire_text(CASES[i].text, &bytes);
        st_err err = st_frame_decode(bytes.data, bytes.len, &arena, &frame, NULL);
        if (err != CASES[i].want)
            fail_msg("%s: %s", CASES[i].why, st_err_name(err));
        if (err == ST_OK)
            assert_int_equal(frame.kind, ST_FRAME_LOG_KEYS);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

static void test_more_keys_than_a_log_has(void **state)
{
    (void)state;
    static st_log_key rows[ST_LOG_KEYS_MAX + 1];
    for (uint32_t count = 0; count <= ST_LOG_KEYS_MAX + 1; count += 11) {
        st_arena arena;
        st_buffer bytes;
        st_frame back;
        for (uint32_t i = 0; i < count; i++)
            rows[i].n = i + 1;
        st_frame frame = { .kind = ST_FRAME_LOG_KEYS };
        frame.as.log_keys = (st_log_keys_told){ .rows = rows, .count = count };
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&bytes, 1u << 20);
        assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL),
                         count > ST_LOG_KEYS_MAX ? ST_E_TOO_LARGE : ST_OK);
        if (count <= ST_LOG_KEYS_MAX)
            assert_int_equal(back.as.log_keys.count, count);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

/* What a request says of the key goes over as it is, or not at all. */
static void test_mark_in_a_request(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        st_arena arena;
        st_buffer bytes;
        st_frame read, frame;
        const uint8_t key[32] = { 1 };
        st_arena_init(&arena, 1 << 16);
        st_buffer_init(&bytes, 1 << 16);
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_ASK;
        frame.as.ask.version = 1;
        frame.as.ask.log_keys = 1;
        frame.as.ask.has_log_key_mark = with == 1;
        st_log_key_mark(key, frame.as.ask.log_key_mark);
        assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &read, NULL), ST_OK);
        assert_int_equal(read.as.ask.has_log_key_mark, with);
        if (with == 1)
            assert_memory_equal(read.as.ask.log_key_mark, frame.as.ask.log_key_mark,
                                ST_LOG_KEY_MARK_BYTES);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark_in_a_request),
        cmocka_unit_test(test_both_keys_have_to_say_so),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_a_chain_names_its_first_false_link),
        cmocka_unit_test(test_which_key_signs_how_much),
        cmocka_unit_test(test_the_list_comes_back),
        cmocka_unit_test(test_a_full_list_fits),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_what_is_no_list),
        cmocka_unit_test(test_the_leaf_is_bound_to_the_line),
        cmocka_unit_test(test_the_log_in_a_name),
        cmocka_unit_test(test_frames_that_break_a_rule),
        cmocka_unit_test(test_more_keys_than_a_log_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
