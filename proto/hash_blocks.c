/* proto/hash_blocks.c - SHA-256 of one long message by the processor's own instructions, where it
 * has them: a request of a hundred visits is hashed three times over, and libsodium does not use
 * them. Promises what libsodium gives, which the tests hold it to.
 * Must never be called where st_sha256_has_blocks says no. Source: FIPS 180-4; Intel, "SHA
 * Extensions" (the builtins of GCC stand for the instructions). */
#include "proto/hash_parts.h"

const uint32_t st_sha256_initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
const uint32_t st_sha256_round[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <string.h>

#define WITH_SHA __attribute__((target("sha,sse4.1")))

typedef int four __attribute__((vector_size(16))); /* what the instructions take */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

bool st_sha256_has_blocks(void)
{
    return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
}

/* The state as the instructions want it, lowest lane first: f e b a, and h g d c. */
typedef struct { four abef, cdgh; } ni_state;

WITH_SHA static inline ni_state load_state(const uint32_t s[8])
{
    return (ni_state){ { (int)s[5], (int)s[4], (int)s[1], (int)s[0] },
                       { (int)s[7], (int)s[6], (int)s[3], (int)s[2] } };
}

WITH_SHA static inline void store_state(ni_state from, uint32_t s[8])
{
    for (unsigned i = 0; i < 2; i++) {
        s[i] = (uint32_t)from.abef[3 - i];
        s[4 + i] = (uint32_t)from.abef[1 - i];
        s[2 + i] = (uint32_t)from.cdgh[3 - i];
        s[6 + i] = (uint32_t)from.cdgh[1 - i];
    }
}

typedef struct { four w[4]; } ni_words;

/* Sixteen words, highest byte first. */
WITH_SHA static inline ni_words load_words(const uint8_t *data)
{
    const bytes16 turned = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12 };
    ni_words words;
    for (unsigned i = 0; i < 4; i++) {
        bytes16 some;
        memcpy(&some, data + 16 * i, sizeof some);
        words.w[i] = (four)__builtin_shuffle(some, turned);
    }
    return words;
}

/* Adds as unsigned numbers: they run over. */
WITH_SHA static inline four plus(four a, four b)
{
    typedef uint32_t unsigned_four __attribute__((vector_size(16)));
    return (four)((unsigned_four)a + (unsigned_four)b);
}

/* Rounds 4i to 4i + 3, and the words for four rounds that come later. */
WITH_SHA static inline __attribute__((always_inline)) void four_rounds(ni_state *state,
                                                                       ni_words *words, unsigned i)
{
    four *w = words->w, k;
    memcpy(&k, &st_sha256_round[4 * i], sizeof k);
    four text = plus(w[i & 3], k);
    state->cdgh = __builtin_ia32_sha256rnds2(state->cdgh, state->abef, text);
    text = __builtin_shuffle(text, (four){ 2, 3, 0, 0 });
    state->abef = __builtin_ia32_sha256rnds2(state->abef, state->cdgh, text);
    if (i >= 12)
        return;
    four last = w[(i + 3) & 3];
    four next = __builtin_ia32_sha256msg1(w[i & 3], w[(i + 1) & 3]);
    next = plus(next, __builtin_shuffle(w[(i + 2) & 3], last, (four){ 1, 2, 3, 4 }));
    w[i & 3] = __builtin_ia32_sha256msg2(next, last);
}

WITH_SHA void st_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
    ni_state at = load_state(state);
    for (size_t block = 0; block < count; block++) {
        const ni_state before = at;
        ni_words words = load_words(data + block * ST_SHA256_BLOCK_BYTES);
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            four_rounds(&at, &words, i);
        at.abef = plus(at.abef, before.abef);
        at.cdgh = plus(at.cdgh, before.cdgh);
    }
    store_state(at, state);
}

#else

bool st_sha256_has_blocks(void)
{
    return false;
}

void st_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
    (void)state;
    (void)data;
    (void)count;
}

#endif
