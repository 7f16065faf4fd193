/* tests/unit/proto/test_epoch.c
 * A new epoch and a new address are believed for the signature of the log's key alone: any other
 * number, key or word in them, or another log, and they are not. An address is one that a phone can
 * call and nothing else; rows rise, and lengths are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/epoch.h"
#include "proto/hash.h"
#include "proto/message.h"
#include "tests/unit/proto/wire_text.h"

static const uint8_t SEED[32] = { 0xe0 }, OTHER_SEED[32] = { 0xe1 };

typedef struct {
    uint8_t key[32], secret[64], other_key[32], other_secret[64];
    st_id log;
} keys;

static keys make_keys(void)
{
    keys k;
    st_sign_keypair(SEED, k.key, k.secret);
    st_sign_keypair(OTHER_SEED, k.other_key, k.other_secret);
    k.log = st_log_id(k.key);
    return k;
}

static st_epoch signed_epoch(const keys *k)
{
    uint8_t text[ST_EPOCH_SIGN_BYTES];
    st_epoch one = { .n = 3, .epoch = { 1, 2, 3, 4, 5, 6, 7, 8 }, .cut = 812 };
    memset(one.server_key, 0x5a, sizeof one.server_key);
    st_epoch_sign_text(&k->log, &one, text);
    st_sign(k->secret, text, sizeof text, one.signature);
    return one;
}

static void test_what_an_epoch_says_is_signed(void **state)
{
    (void)state;
    const keys k = make_keys();
    const st_epoch good = signed_epoch(&k);
    uint8_t text[ST_EPOCH_SIGN_BYTES], other[ST_EPOCH_SIGN_BYTES];
    assert_true(st_epoch_verify(&k.log, &good, k.key));
    assert_false(st_epoch_verify(&k.log, &good, k.other_key));
    st_epoch_sign_text(&k.log, &good, text);
    assert_memory_equal(text, "sotay-epoch/v1", 15);
    for (int i = 0; i < 5; i++) {
        st_epoch bad = good;
        bad.n += i == 0;
        bad.epoch[7] ^= i == 1;
        bad.cut ^= i == 2;
        bad.server_key[31] ^= i == 3;
        bad.signature[0] ^= i == 4;
        assert_false(st_epoch_verify(&k.log, &bad, k.key));
        st_epoch_sign_text(&k.log, &bad, other);
        assert_int_equal(memcmp(text, other, sizeof text) != 0, i != 4);
    }
}

/* Any other word in a row, a row more or less, or another log: another list. */
static void test_a_list_has_a_mark(void **state)
{
    (void)state;
    const keys k = make_keys();
    const st_epoch rows[2] = { signed_epoch(&k), signed_epoch(&k) };
    const st_id other_log = st_log_id(k.other_key);
    uint8_t mark[ST_EPOCHS_MARK_BYTES], other[ST_EPOCHS_MARK_BYTES], text[2][ST_EPOCH_SIGN_BYTES];
    st_epochs_mark(&k.log, rows, 2, mark);
    for (size_t i = 0; i < 2; i++)
        st_epoch_sign_text(&k.log, &rows[i], text[i]);
    const st_hash hash = st_sha256(text, sizeof text);
    assert_memory_equal(mark, hash.b, sizeof mark);
    for (int i = 0; i < 7; i++) {
        st_epoch bad[2] = { rows[0], rows[1] };
        bad[1].n += i == 0;
        bad[1].epoch[7] ^= i == 1;
        bad[1].cut ^= i == 2;
        bad[1].server_key[31] ^= i == 3;
        bad[1].signature[0] ^= i == 4; /* by another key of the log */
        st_epochs_mark(i == 5 ? &other_log : &k.log, bad, i == 6 ? 1 : 2, other);
        assert_int_equal(memcmp(mark, other, sizeof mark) != 0, i != 4);
    }
}

static st_address signed_address(const keys *k, const char *url)
{
    st_buffer text;
    st_address one = { .n = 7 };
    (void)snprintf(one.url, sizeof one.url, "%s", url);
    st_buffer_init(&text, 1024);
    assert_int_equal(st_address_sign_text(&k->log, &one, &text), ST_OK);
    st_sign(k->secret, text.data, text.len, one.signature);
    st_buffer_free(&text);
    return one;
}

static void test_what_an_address_says_is_signed(void **state)
{
    (void)state;
    const keys k = make_keys();
    const st_address good = signed_address(&k, "https://so-tay.example:8443/xa");
    assert_true(st_address_verify(&k.log, &good, k.key));
    assert_false(st_address_verify(&k.log, &good, k.other_key));
    for (size_t i = 0; i < strlen(good.url); i++) {
        st_address bad = good;
        bad.url[i] = bad.url[i] == 'z' ? 'y' : 'z';
        assert_false(st_address_verify(&k.log, &bad, k.key));
    }
    for (int i = 0; i < 3; i++) {
        st_address bad = good;
        bad.n += i == 0;
        bad.signature[63] ^= i == 1;
        if (i == 2)
            bad.url[strlen(bad.url) - 1] = '\0'; /* one letter less */
        assert_false(st_address_verify(&k.log, &bad, k.key));
    }
    /* the log's key cannot make a phone call what is no address */
    const st_address file = signed_address(&k, "file:///etc/passwd");
    assert_false(st_address_verify(&k.log, &file, k.key));
}

static void test_no_room_for_the_text(void **state)
{
    (void)state;
    const keys k = make_keys();
    const st_address good = signed_address(&k, "http://10.0.0.1");
    for (size_t room = 1; room < 17 + 24 + 15; room++) {
        st_buffer text;
        st_buffer_init(&text, room);
        assert_int_not_equal(st_address_sign_text(&k.log, &good, &text), ST_OK);
        st_buffer_free(&text);
    }
}

static void test_addresses_that_can_be_called(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool good;
    } CASES[] = {
        { "http://127.0.0.1:8080", true },
        { "https://so-tay.example", true },
        { "https://[fe80::1]:7000", true },
        { "https://x/trung-khanh", true },
        { "", false },
        { "http://", false },
        { "https://", false },
        { "http:/x", false },
        { "ftp://x", false },
        { "HTTP://x", false },
        { "so-tay.example", false },
        { "https://x/", false },
        { "https:///x", false },
        { "https://:80", false },
        { "https://a b", false },
        { "https://a\tb", false },
        { "https://a\x7f", false },
        { "https://xã", false },
        { "https://me@x", false },
        { "https://x?q=1", false },
        { "https://x#f", false },
        { "https://<x>", false },
        { "https://\"x\"", false },
        { "https://{x}", false },
        { "https://x|y", false },
        { "https://x\\y", false },
        { "https://x^y", false },
        { "https://`x`", false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (st_address_is_good(CASES[i].url) != CASES[i].good)
            fail_msg("'%s' is %sgood", CASES[i].url, CASES[i].good ? "not " : "");
    }
    char longest[ST_ADDRESS_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "http://", 7);
    longest[ST_ADDRESS_BYTES_MAX + 1] = '\0';
    assert_false(st_address_is_good(longest));
    longest[ST_ADDRESS_BYTES_MAX] = '\0';
    assert_true(st_address_is_good(longest));
}

/* ---- as they travel ---- */

static st_err decode(const char *text, st_arena *arena, st_frame *out)
{
    st_buffer bytes;
    st_buffer_init(&bytes, 1u << 20);
    wire_text(text, &bytes);
    uint8_t *kept = st_arena_copy(arena, bytes.data, bytes.len);
    size_t len = bytes.len;
    st_buffer_free(&bytes);
    assert_non_null(kept);
    return st_frame_decode(kept, len, arena, out, NULL);
}

static void test_frames_that_break_a_rule(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        st_err want;
    } CASES[] = {
        { "no epoch at all", "15:{ }", ST_OK },
        { "one", "15:{ 1:{ 1:v1 2:*8,01 3:v4 4:*32,02 5:*64,03 } }", ST_OK },
        { "number 0", "15:{ 1:{ 2:*8,01 3:v4 4:*32,02 5:*64,03 } }", ST_E_CORRUPT },
        { "not rising",
          "15:{ 1:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } 1:{ 1:v2 2:*8,01 4:*32,02 5:*64,03 } }",
          ST_E_CORRUPT },
        { "half an epoch", "15:{ 1:{ 1:v1 2:*7,01 4:*32,02 5:*64,03 } }", ST_E_CORRUPT },
        { "half a key", "15:{ 1:{ 1:v1 2:*8,01 4:*31,02 5:*64,03 } }", ST_E_CORRUPT },
        { "half a signature", "15:{ 1:{ 1:v1 2:*8,01 4:*32,02 5:*63,03 } }", ST_E_CORRUPT },
        { "an address", "14:{ 1:v1 2:\"http://x\" 3:*64,03 }", ST_OK },
        { "notice 0", "14:{ 2:\"http://x\" 3:*64,03 }", ST_E_CORRUPT },
        { "not signed", "14:{ 1:v1 2:\"http://x\" }", ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_arena arena;
        st_frame frame;
        bool is_epochs = CASES[i].text[1] == '5';
        st_arena_init(&arena, 1u << 20);
        st_err err = decode(CASES[i].text, &arena, &frame);
        if (err != CASES[i].want)
            fail_msg("%s: %s", CASES[i].why, st_err_name(err));
        if (err == ST_OK)
            assert_int_equal(frame.kind, is_epochs ? ST_FRAME_EPOCHS : ST_FRAME_ADDRESS);
        st_arena_reset(&arena);
    }
}

static void test_more_epochs_than_a_log_has(void **state)
{
    (void)state;
    static st_epoch rows[ST_EPOCHS_MAX + 1];
    for (uint32_t count = 0; count <= ST_EPOCHS_MAX + 1; count += 13) {
        st_arena arena;
        st_buffer bytes;
        st_frame frame, back;
        memset(&frame, 0, sizeof frame);
        for (uint32_t i = 0; i < count; i++)
            rows[i].n = i + 1;
        frame.kind = ST_FRAME_EPOCHS;
        frame.as.epochs.rows = rows;
        frame.as.epochs.count = count;
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&bytes, 1u << 20);
        assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL),
                         count > ST_EPOCHS_MAX ? ST_E_TOO_LARGE : ST_OK);
        if (count <= ST_EPOCHS_MAX)
            assert_int_equal(back.as.epochs.count, count);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_epoch_says_is_signed),
        cmocka_unit_test(test_a_list_has_a_mark),
        cmocka_unit_test(test_what_an_address_says_is_signed),
        cmocka_unit_test(test_no_room_for_the_text),
        cmocka_unit_test(test_addresses_that_can_be_called),
        cmocka_unit_test(test_frames_that_break_a_rule),
        cmocka_unit_test(test_more_epochs_than_a_log_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
