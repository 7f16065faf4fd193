/* proto/hash_lanes.c - the commitments of many values at a time. A set of visits has thousands of
 * them, each worth six blocks of SHA-256, and every side computes them all: eight run side by side
 * in the lanes of vector registers (SSE2, AVX2, AVX-512, NEON or none: the compiler's vectors).
 * Promises what st_value_key and st_value_mac give one by one, which the tests hold it to for every
 * length. Must never branch on a secret, nor leave a key on the stack. Source: FIPS 180-4,
 * RFC 2104. */
#include <assert.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/hash_parts.h"
#include "proto/sign.h"

#define LANES     8u
#define INNER_PAD 0x36u
#define OUTER_PAD 0x5cu

typedef uint32_t lane __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef struct {
    lane h[8];
} lane_state;
typedef struct {
    lane w[16];
} lane_block;

/* ---- the compression function, eight messages at once ---- */

#define TURN(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static inline __attribute__((always_inline)) void compress(lane_state *state,
                                                           const lane_block *block)
{
    lane w[16], s[8];
    memcpy(w, block->w, sizeof w);
    memcpy(s, state->h, sizeof s);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 64; i++) {
        if (i >= 16) {
            lane a = w[(i + 1) & 15], b = w[(i + 14) & 15];
            w[i & 15] += (TURN(a, 7) ^ TURN(a, 18) ^ (a >> 3)) + w[(i + 9) & 15] +
                         (TURN(b, 17) ^ TURN(b, 19) ^ (b >> 10));
        }
        lane one = s[7] + (TURN(s[4], 6) ^ TURN(s[4], 11) ^ TURN(s[4], 25)) +
                   (s[6] ^ (s[4] & (s[5] ^ s[6]))) + st_sha256_round[i] + w[i & 15];
        lane two = (TURN(s[0], 2) ^ TURN(s[0], 13) ^ TURN(s[0], 22)) +
                   ((s[0] & s[1]) | (s[2] & (s[0] | s[1])));
        s[7] = s[6];
        s[6] = s[5];
        s[5] = s[4];
        s[4] = s[3] + one;
        s[3] = s[2];
        s[2] = s[1];
        s[1] = s[0];
        s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++)
        state->h[i] += s[i];
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) static void compress_wide(lane_state *state,
                                                          const lane_block *block)
{
    compress(state, block);
}
#define HAS_WIDE() __builtin_cpu_supports("avx2")
/* As wide, with turns in one instruction and registers for all of a block. */
__attribute__((target("avx512f,avx512vl"))) static void compress_turning(lane_state *state,
                                                                         const lane_block *block)
{
    compress(state, block);
}
#define HAS_TURNING() (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
#else
#define compress_wide    compress_usual
#define compress_turning compress_usual
#define HAS_WIDE()       0
#define HAS_TURNING()    0
#endif

static void compress_usual(lane_state *state, const lane_block *block)
{
    compress(state, block);
}

st_lanes st_lanes_best(void)
{
    if (HAS_TURNING())
        return ST_LANES_TURNING;
    return HAS_WIDE() ? ST_LANES_WIDE : ST_LANES_USUAL;
}

static void compress_by(st_lanes way, lane_state *state, const lane_block *block)
{
    if (way == ST_LANES_TURNING)
        compress_turning(state, block);
    else if (way == ST_LANES_WIDE)
        compress_wide(state, block);
    else
        compress_usual(state, block);
}

/* ---- blocks ---- */

static void set_word(lane_block *block, unsigned lane_no, unsigned at, const uint8_t bytes[4])
{
    block->w[at][lane_no] = st_get_u32(bytes);
}

/* A key of 32 bytes, as HMAC begins with it. */
static void pad_block(const lane_state *key, uint32_t pad, lane_block *out)
{
    const uint32_t word = pad * 0x01010101u;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < 8; i++)
        out->w[i] = key->h[i] ^ word;
    for (unsigned i = 8; i < 16; i++)
        out->w[i] += word;
}

/* What follows one whole block: `words` words of a digest or number, then the end of a message. */
static void end_block(const lane *words, unsigned count, lane_block *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->w, words, count * sizeof *words);
    out->w[count] += 0x80000000u;
    out->w[15] += (uint32_t)(8 * (ST_SHA256_BLOCK_BYTES + 4 * count));
}

static void start(lane_state *state)
{
    memset(state, 0, sizeof *state);
    for (unsigned i = 0; i < 8; i++)
        state->h[i] += st_sha256_initial[i];
}

/* Both halves of an HMAC with this key, up to where the message begins. */
static void key_schedule(st_lanes way, const lane_state *key, lane_state *inner,
                         lane_state *outer)
{
    lane_block block;
    pad_block(key, INNER_PAD, &block);
    start(inner);
    compress_by(way, inner, &block);
    pad_block(key, OUTER_PAD, &block);
    start(outer);
    compress_by(way, outer, &block);
    st_wipe(&block, sizeof block);
}

/* The digest of `inner` goes through `outer`, which becomes the MAC. */
static void finish(st_lanes way, const lane_state *inner, lane_state *outer)
{
    lane_block block;
    end_block(inner->h, 8, &block);
    compress_by(way, outer, &block);
}

/* ---- texts of different lengths ---- */

static size_t blocks_of(size_t len)
{
    return (len + 9 + ST_SHA256_BLOCK_BYTES - 1) / ST_SHA256_BLOCK_BYTES;
}

/* Block `at` of a text with its end, which follows one block of key. */
static void text_block(const st_mac_text *text, size_t at, uint8_t out[ST_SHA256_BLOCK_BYTES])
{
    size_t from = at * ST_SHA256_BLOCK_BYTES;
    size_t here = from < text->len ? text->len - from : 0;
    memset(out, 0, ST_SHA256_BLOCK_BYTES);
    if (here > ST_SHA256_BLOCK_BYTES)
        here = ST_SHA256_BLOCK_BYTES;
    if (here > 0)
        memcpy(out, text->data + from, here);
    if (text->len >= from && text->len - from < ST_SHA256_BLOCK_BYTES)
        out[text->len - from] = 0x80;
    if (at + 1 == blocks_of(text->len))
        st_put_u64(out + ST_SHA256_BLOCK_BYTES - 8,
                   (uint64_t)(ST_SHA256_BLOCK_BYTES + text->len) * 8);
}

/* Takes the texts into `inner`; a lane that is at its end keeps its state. */
static void take_texts(st_lanes way, const st_mac_text *texts, uint32_t count,
                       lane_state *inner)
{
    size_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = blocks_of(texts[i].len) > most ? blocks_of(texts[i].len) : most;
    for (size_t at = 0; at < most; at++) {
        lane_block block;
        lane_state next = *inner;
        lane live = { 0 };
        memset(&block, 0, sizeof block);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t bytes[ST_SHA256_BLOCK_BYTES];
            if (at >= blocks_of(texts[i].len))
                continue;
            live[i] = UINT32_MAX;
            text_block(&texts[i], at, bytes);
            for (unsigned k = 0; k < 16; k++)
                set_word(&block, i, k, bytes + 4 * k);
        }
        compress_by(way, &next, &block);
        for (unsigned k = 0; k < 8; k++)
            inner->h[k] = (next.h[k] & live) | (inner->h[k] & ~live);
    }
}

/* ---- commitments ---- */

/* Up to LANES of them. */
static void macs_of(st_lanes way, const lane_state *seed_inner, const lane_state *seed_outer,
                    const st_mac_texts *values, st_hash *out_macs)
{
    lane_state key = *seed_outer, inner = *seed_inner, outer;
    lane_block block;
    lane number = { 0 };
    for (uint32_t i = 0; i < LANES; i++)
        number[i] = values->first + i;
    end_block(&number, 1, &block);
    compress_by(way, &inner, &block);
    finish(way, &inner, &key);
    key_schedule(way, &key, &inner, &outer);
    take_texts(way, values->texts, values->count, &inner);
    finish(way, &inner, &outer);
    for (uint32_t i = 0; i < values->count; i++)
        for (unsigned k = 0; k < 8; k++)
            st_put_u32(out_macs[i].b + 4 * k, outer.h[k][i]);
    st_wipe(&key, sizeof key);
    st_wipe(&inner, sizeof inner);
}

void st_value_macs_by(st_lanes way, const uint8_t seed[32], st_mac_texts values, st_hash *out_macs)
{
    assert(seed != NULL);
    assert(values.count == 0 || (values.texts != NULL && out_macs != NULL));
    lane_state key, inner, outer;
    start(&key);
    for (unsigned k = 0; k < 8; k++) {
        memset(&key.h[k], 0, sizeof key.h[k]);
        key.h[k] += st_get_u32(seed + 4 * k);
    }
    key_schedule(way, &key, &inner, &outer);
    for (uint32_t at = 0; at < values.count; at += LANES) {
        st_mac_texts some = { values.texts + at, values.first + at, values.count - at };
        if (some.count > LANES)
            some.count = LANES;
        macs_of(way, &inner, &outer, &some, out_macs + at);
    }
    st_wipe(&key, sizeof key);
    st_wipe(&inner, sizeof inner);
    st_wipe(&outer, sizeof outer);
}

void st_value_macs(const uint8_t seed[32], st_mac_texts values, st_hash *out_macs)
{
    st_value_macs_by(st_lanes_best(), seed, values, out_macs);
}
