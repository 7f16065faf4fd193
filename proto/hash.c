/* proto/hash.c - promises the three hash functions of the protocol and nothing of libsodium's
 * types. Must never be used to compare secrets (memcmp of a commitment is fine: both sides are
 * public once the value is known), and SipHash here must never guard anything: its key is public.
 */
#include "proto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash_parts.h"
#include "proto/sign.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(st_sha256_state), "SHA-256 state");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(st_sha256_state), "SHA-256 state");
_Static_assert(sizeof(crypto_auth_hmacsha256_state) <= sizeof(st_seed_state), "HMAC state");
_Static_assert(_Alignof(crypto_auth_hmacsha256_state) <= _Alignof(st_seed_state), "HMAC state");
_Static_assert(crypto_hash_sha256_BYTES == sizeof(st_hash), "hash size");
_Static_assert(crypto_auth_hmacsha256_BYTES == sizeof(st_hash), "hash size");
_Static_assert(crypto_shorthash_siphashx24_BYTES == 16, "sum size");

/* libsodium asks for a pointer even when there is nothing to read. */
static const uint8_t NOTHING[1] = { 0 };

static const uint8_t *readable(const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    return data != NULL ? data : NOTHING;
}

st_hash st_sha256(const void *data, size_t len)
{
    st_sha256_state state;
    st_sha256_init(&state);
    st_sha256_update(&state, data, len);
    return st_sha256_final(&state);
}

/* The processor's way: what came but fills no block yet is kept in `part`. */
typedef struct {
    uint32_t h[8];
    uint64_t len;
    uint8_t part[ST_SHA256_BLOCK_BYTES];
} own_state;
_Static_assert(sizeof(own_state) <= sizeof(st_sha256_state), "SHA-256 state");

static void own_init(own_state *state)
{
    memset(state, 0, sizeof *state);
    memcpy(state->h, st_sha256_initial, sizeof state->h);
}

static void own_update(own_state *state, const uint8_t *data, size_t len)
{
    size_t kept = (size_t)(state->len % ST_SHA256_BLOCK_BYTES);
    state->len += len;
    if (kept > 0) {
        size_t room = ST_SHA256_BLOCK_BYTES - kept;
        size_t some = len < room ? len : room;
        memcpy(state->part + kept, data, some);
        if (some < room)
            return;
        st_sha256_blocks(state->h, state->part, 1);
        data += some;
        len -= some;
    }
    size_t count = len / ST_SHA256_BLOCK_BYTES;
    if (count > 0)
        st_sha256_blocks(state->h, data, count);
    size_t rest = len % ST_SHA256_BLOCK_BYTES;
    if (rest > 0)
        memcpy(state->part, data + (len - rest), rest);
}

static void own_final(own_state *state, uint8_t out[32])
{
    static const uint8_t END[ST_SHA256_BLOCK_BYTES] = { 0x80 };
    uint8_t bits[8];
    st_put_u64(bits, state->len * 8);
    size_t kept = (size_t)(state->len % ST_SHA256_BLOCK_BYTES);
    own_update(state, END, (kept < 56 ? 56 : 120) - kept);
    own_update(state, bits, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        st_put_u32(out + 4 * i, state->h[i]);
}

void st_sha256_init(st_sha256_state *state)
{
    if (st_sha256_has_blocks())
        own_init((own_state *)(void *)state);
    else
        (void)crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)state);
}

void st_sha256_update(st_sha256_state *state, const void *data, size_t len)
{
    if (st_sha256_has_blocks())
        own_update((own_state *)(void *)state, readable(data, len), len);
    else
        (void)crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)state,
                                        readable(data, len), len);
}

st_hash st_sha256_final(st_sha256_state *state)
{
    st_hash hash;
    if (st_sha256_has_blocks())
        own_final((own_state *)(void *)state, hash.b);
    else
        (void)crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)state, hash.b);
    st_wipe(state, sizeof *state); /* seeds go through it too */
    return hash;
}

st_hash st_hmac(const void *key, size_t key_len, const void *data, size_t len)
{
    st_hash mac;
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, readable(key, key_len), key_len);
    (void)crypto_auth_hmacsha256_update(&state, readable(data, len), len);
    (void)crypto_auth_hmacsha256_final(&state, mac.b);
    return mac;
}

void st_seed_init(st_seed_state *state, const uint8_t seed[32])
{
    assert(state != NULL && seed != NULL);
    (void)crypto_auth_hmacsha256_init((crypto_auth_hmacsha256_state *)(void *)state, seed, 32);
}

st_hash st_seed_key(const st_seed_state *state, uint32_t index)
{
    assert(state != NULL);
    st_hash key;
    uint8_t text[4];
    crypto_auth_hmacsha256_state copy;
    memcpy(&copy, state, sizeof copy);
    st_put_u32(text, index);
    (void)crypto_auth_hmacsha256_update(&copy, text, sizeof text);
    (void)crypto_auth_hmacsha256_final(&copy, key.b);
    return key;
}

st_hash st_value_key(const uint8_t seed[32], uint32_t index)
{
    st_seed_state state;
    st_seed_init(&state, seed);
    return st_seed_key(&state, index);
}

st_hash st_value_mac(const st_hash *key, const void *value, size_t len)
{
    assert(key != NULL);
    return st_hmac(key->b, sizeof key->b, value, len);
}

void st_siphash128(const void *data, size_t len, uint8_t out[16])
{
    static const uint8_t KEY[crypto_shorthash_siphashx24_KEYBYTES] = "sotay-sum/v1";
    (void)crypto_shorthash_siphashx24(out, readable(data, len), len, KEY);
}
