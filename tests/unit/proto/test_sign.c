/* tests/unit/proto/test_sign.c
 * Nobody can put a line into the book in another's name, and what is sealed on a phone is read only
 * by whom it is for; a single changed bit is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/sign.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void unhex(const char *text, uint8_t *out, size_t bytes)
{
    assert_true(st_unhex(text, strlen(text), out, bytes));
}

/* RFC 8032 7.1, tests 1 to 3. */
static void test_ed25519_vectors(void **state)
{
    (void)state;
    static const struct { const char *seed, *public_key, *message, *signature; } CASES[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
          "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
        { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
        { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
          "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
          "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
          "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        uint8_t seed[32], wanted[64], public_key[32], secret[64], signature[64], message[2];
        size_t len = strlen(CASES[i].message) / 2;
        print_message("  case: %zu\n", i + 1);
        unhex(CASES[i].seed, seed, 32);
        unhex(CASES[i].message, message, len);
        st_sign_keypair(seed, public_key, secret);
        unhex(CASES[i].public_key, wanted, 32);
        assert_memory_equal(public_key, wanted, 32);
        st_sign(secret, message, len, signature);
        unhex(CASES[i].signature, wanted, 64);
        assert_memory_equal(signature, wanted, 64);
        assert_true(st_sign_verify(public_key, message, len, signature));
    }
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    uint8_t seed[32] = { 1 }, public_key[32], secret[64], signature[64];
    uint8_t message[20] = "01477/unit/01477-x0";
    st_sign_keypair(seed, public_key, secret);
    st_sign(secret, message, sizeof message, signature);
    const struct { const char *what; uint8_t *bytes; size_t len; } PARTS[] = {
        { "signature", signature, sizeof signature }, { "message", message, sizeof message },
        { "key", public_key, sizeof public_key },
    };
    for (size_t i = 0; i < LEN(PARTS); i++) {
        print_message("  case: %s\n", PARTS[i].what);
        for (size_t bit = 0; bit < PARTS[i].len * 8; bit++) {
            PARTS[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(st_sign_verify(public_key, message, sizeof message, signature));
            PARTS[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(st_sign_verify(public_key, message, sizeof message, signature));
    assert_false(st_sign_verify(public_key, message, sizeof message - 1, signature));
    uint8_t zeros[64] = { 0 };                  /* the key and signature that fit any message */
    assert_false(st_sign_verify(zeros, message, sizeof message, zeros));
}

static void test_sealed_box(void **state)
{
    (void)state;
    static const size_t SIZES[] = { 0, 1, 1000 };
    uint8_t seed[32] = { 2 }, public_key[32], secret[32], other_public[32], other_secret[32];
    uint8_t plain[1000], again[1000], sealed[1000 + ST_SEALED_BOX_EXTRA], twice[sizeof sealed];
    st_box_keypair(seed, public_key, secret);
    seed[0] = 3;
    st_box_keypair(seed, other_public, other_secret);
    memset(plain, 'p', sizeof plain);
    for (size_t i = 0; i < LEN(SIZES); i++) {
        size_t len = SIZES[i], sealed_len = len + ST_SEALED_BOX_EXTRA;
        st_error error = { 0 };
        print_message("  case: %zu bytes\n", len);
        assert_int_equal(st_box_seal(public_key, plain, len, sealed, NULL), ST_OK);
        assert_int_equal(st_box_seal(public_key, plain, len, twice, NULL), ST_OK);
        assert_memory_not_equal(sealed, twice, sealed_len);     /* an ephemeral key each */
        assert_int_equal(st_box_open(public_key, secret, sealed, sealed_len, again, NULL), ST_OK);
        assert_memory_equal(again, plain, len);
        assert_int_equal(st_box_open(other_public, other_secret, sealed, sealed_len, again,
                                     &error), ST_E_CORRUPT);
        assert_int_equal(error.code, ST_E_CORRUPT);
        assert_int_equal(st_box_open(public_key, secret, sealed, sealed_len - 1, again, NULL),
                         ST_E_CORRUPT);
        sealed[sealed_len / 2] ^= 1;
        assert_int_equal(st_box_open(public_key, secret, sealed, sealed_len, again, NULL),
                         ST_E_CORRUPT);
    }
    assert_int_equal(st_box_open(public_key, secret, sealed, ST_SEALED_BOX_EXTRA - 1, again, NULL),
                     ST_E_CORRUPT);
    assert_int_equal(st_box_open(public_key, secret, NULL, 0, again, NULL), ST_E_CORRUPT);
    uint8_t no_key[32] = { 0 };                 /* a point of low order: anyone could read it */
    assert_int_equal(st_box_seal(no_key, plain, 1, sealed, NULL), ST_E_VALUE);
}

static void test_sealed_at_rest(void **state)
{
    (void)state;
    static const size_t SIZES[] = { 0, 1, 16, 400 };
    uint8_t key[32] = { 4 }, nonce[24] = { 5 }, plain[400], again[400];
    uint8_t sealed[400 + ST_AEAD_EXTRA];
    const st_ad ad = { "visit/1", 7 }, other_ad = { "visit/2", 7 }, no_ad = { NULL, 0 };
    memset(plain, 'q', sizeof plain);
    for (size_t i = 0; i < LEN(SIZES); i++) {
        size_t len = SIZES[i], sealed_len = len + ST_AEAD_EXTRA;
        print_message("  case: %zu bytes\n", len);
        st_aead_seal(key, nonce, plain, len, ad, sealed);
        assert_memory_equal(sealed, nonce, sizeof nonce);
        assert_int_equal(st_aead_open(key, sealed, sealed_len, ad, again), ST_OK);
        assert_memory_equal(again, plain, len);
        assert_int_equal(st_aead_open(key, sealed, sealed_len, other_ad, again), ST_E_CORRUPT);
        assert_int_equal(st_aead_open(key, sealed, sealed_len, no_ad, again), ST_E_CORRUPT);
        for (size_t bit = 0; bit < sealed_len * 8; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(st_aead_open(key, sealed, sealed_len, ad, again), ST_E_CORRUPT);
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < sealed_len; cut++)
            assert_int_equal(st_aead_open(key, sealed, cut, ad, again), ST_E_CORRUPT);
        key[0] ^= 1;
        assert_int_equal(st_aead_open(key, sealed, sealed_len, ad, again), ST_E_CORRUPT);
        key[0] ^= 1;
        st_aead_seal(key, nonce, plain, len, no_ad, sealed);
        assert_int_equal(st_aead_open(key, sealed, sealed_len, no_ad, again), ST_OK);
    }
}

/* draft-irtf-cfrg-xchacha-03 A.3.1, cut into our layout: nonce in front. */
static void test_xchacha_vector(void **state)
{
    (void)state;
    static const char PLAIN[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    uint8_t key[32], nonce[24], ad[12], tag[16], out[sizeof PLAIN - 1 + ST_AEAD_EXTRA];
    for (uint8_t i = 0; i < 32; i++)
        key[i] = (uint8_t)(0x80 + i);
    for (uint8_t i = 0; i < 24; i++)
        nonce[i] = (uint8_t)(0x40 + i);
    unhex("50515253c0c1c2c3c4c5c6c7", ad, sizeof ad);
    unhex("c0875924c1c7987947deafd8780acf49", tag, sizeof tag);
    st_aead_seal(key, nonce, PLAIN, sizeof PLAIN - 1, (st_ad){ ad, sizeof ad }, out);
    assert_memory_equal(out, nonce, sizeof nonce);
    assert_memory_equal(out + 24, "\xbd\x6d\x17\x9d\x3e\x83\xd4\x3b", 8);
    assert_memory_equal(out + sizeof out - 16, tag, sizeof tag);
}

static void test_wipe(void **state)
{
    (void)state;
    uint8_t secret[33];
    memset(secret, 0xff, sizeof secret);
    st_wipe(secret, 32);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(secret[i], 0);
    assert_int_equal(secret[32], 0xff);
    st_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed25519_vectors),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_sealed_box),
        cmocka_unit_test(test_sealed_at_rest),
        cmocka_unit_test(test_xchacha_vector),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
