/* tests/unit/proto/test_hash.c
 * An auditor with any other program gets the same hashes: published vectors, and values worked out
 * with another implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/hash_parts.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void assert_hash(const st_hash *hash, const char *wanted)
{
    char text[65];
    st_hex(hash->b, sizeof hash->b, text);
    assert_string_equal(text, wanted);
}

/* FIPS 180-4 examples (NIST), cut in every place. */
static void test_sha256(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hash;
    } CASES[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        size_t len = strlen(CASES[i].text);
        st_hash hash = st_sha256(CASES[i].text, len);
        print_message("  case: '%s'\n", CASES[i].text);
        assert_hash(&hash, CASES[i].hash);
        for (size_t cut = 0; cut <= len; cut++) {
            st_sha256_state hashing;
            st_sha256_init(&hashing);
            st_sha256_update(&hashing, CASES[i].text, cut);
            st_sha256_update(&hashing, CASES[i].text + cut, len - cut);
            hash = st_sha256_final(&hashing);
            assert_hash(&hash, CASES[i].hash);
        }
    }
    st_hash none = st_sha256(NULL, 0);
    assert_hash(&none, CASES[0].hash);
    uint8_t *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    st_hash hash = st_sha256(million, 1000000);
    free(million);
    assert_hash(&hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Whatever the processor can do, libsodium says the same: every length around the borders of
 * blocks, cut in two anywhere. */
static void test_sha256_is_libsodiums(void **state)
{
    (void)state;
    uint8_t text[300], wanted[32];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    for (size_t len = 0; len <= sizeof text; len++) {
        crypto_hash_sha256(wanted, text, len);
        for (size_t cut = 0; cut <= len; cut += 1 + cut % 13) {
            st_sha256_state hashing;
            st_sha256_init(&hashing);
            st_sha256_update(&hashing, text, cut);
            st_sha256_update(&hashing, text + cut, len - cut);
            st_hash hash = st_sha256_final(&hashing);
            assert_memory_equal(hash.b, wanted, sizeof wanted);
        }
    }
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block). */
static void test_hmac(void **state)
{
    (void)state;
    uint8_t key[131];
    memset(key, 0x0b, 20);
    st_hash mac = st_hmac(key, 20, "Hi There", 8);
    assert_hash(&mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    mac = st_hmac("Jefe", 4, "what do ya want for nothing?", 28);
    assert_hash(&mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    mac = st_hmac(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    assert_hash(&mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    mac = st_hmac(NULL, 0, NULL, 0);
    assert_hash(&mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_keys_of_detached_values(void **state)
{
    (void)state;
    uint8_t seed[32];
    for (uint8_t i = 0; i < 32; i++)
        seed[i] = i;
    st_hash key = st_value_key(seed, 0x01020304);
    assert_hash(&key, "e3ba74ad607691672b924220aa54ba7cf6cfc86988549ce31c60f9607923253f");
    st_hash mac = st_value_mac(&key, "Trùng Khánh", strlen("Trùng Khánh"));
    assert_hash(&mac, "07250eca2a238cba227db6a204bf8fcf7ff7ddecc6ceb33889ac6ef0e59cd93f");

    st_seed_state state_of_seed;
    st_seed_init(&state_of_seed, seed);
    for (uint32_t i = 0; i < 300; i++) { /* the state may be used again and again */
        uint8_t index[4];
        st_put_u32(index, i);
        st_hash slow = st_hmac(seed, sizeof seed, index, sizeof index);
        st_hash fast = st_seed_key(&state_of_seed, i);
        assert_memory_equal(&slow, &fast, sizeof slow);
        fast = st_value_key(seed, i);
        assert_memory_equal(&slow, &fast, sizeof slow);
    }
}

/* Many at a time give what one by one gives, for every length around the edges of blocks and every
 * number of values, full rounds of lanes or not, in each way that this processor knows. */
static void test_commitments_side_by_side(void **state)
{
    (void)state;
    enum { TEXTS = 700 };
    static uint8_t bytes[TEXTS];
    static st_mac_text texts[TEXTS];
    static st_hash wanted[TEXTS], macs[TEXTS + 1];
    uint8_t seed[32];
    for (uint8_t i = 0; i < 32; i++)
        seed[i] = (uint8_t)(200 - i);
    for (uint32_t i = 0; i < TEXTS; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
        texts[i] = (st_mac_text){ bytes, (i * 37) % TEXTS }; /* each length once, out of order */
    }
    texts[0] = (st_mac_text){ NULL, 0 };
    for (uint32_t i = 0; i < TEXTS; i++) {
        st_hash key = st_value_key(seed, 255 + i);
        wanted[i] = st_value_mac(&key, texts[i].data, texts[i].len);
    }
    for (unsigned way = ST_LANES_USUAL; way <= (unsigned)st_lanes_best(); way++) {
        for (uint32_t count = 0; count <= TEXTS; count += count < 20 ? 1 : 68) {
            memset(macs, 0x5a, sizeof macs);
            st_value_macs_by((st_lanes)way, seed, (st_mac_texts){ texts, 255, count }, macs);
            assert_memory_equal(wanted, macs, count * sizeof *macs);
            assert_int_equal(macs[count].b[0], 0x5a);
        }
    }
    memset(macs, 0x5a, sizeof macs);
    st_value_macs(seed, (st_mac_texts){ texts, 255, TEXTS }, macs);
    assert_memory_equal(wanted, macs, sizeof wanted);
}

/* The reference vector of SipHash-2-4-128 has another key than ours, so these come from a second
 * implementation that was checked against it. */
static void test_siphash(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sum;
    } CASES[] = {
        { "", "f445c1773c24564c0807c4037f83a500" },
        { "01477/unit/01477-x014", "62ac95ee81e442aceb3e676e98c20682" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        uint8_t sum[16];
        char text[33];
        st_siphash128(CASES[i].text, strlen(CASES[i].text), sum);
        st_hex(sum, sizeof sum, text);
        assert_string_equal(text, CASES[i].sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha256_is_libsodiums),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_keys_of_detached_values),
        cmocka_unit_test(test_commitments_side_by_side),
        cmocka_unit_test(test_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
