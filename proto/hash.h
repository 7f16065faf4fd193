/* proto/hash.h - SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), SipHash-2-4-128 for sums. */
#ifndef SOTAY_PROTO_HASH_H
#define SOTAY_PROTO_HASH_H

#include "proto/id.h"

/* SHA-256 of one buffer. */
st_hash st_sha256(const void *data, size_t len);

/* Incremental SHA-256; caller's struct, big enough for libsodium's state (checked by hash.c). */
typedef struct { uint64_t opaque[16]; } st_sha256_state;
void st_sha256_init(st_sha256_state *state);
void st_sha256_update(st_sha256_state *state, const void *data, size_t len);
st_hash st_sha256_final(st_sha256_state *state);

/* HMAC-SHA-256 of data under key. */
st_hash st_hmac(const void *key, size_t key_len, const void *data, size_t len);

/* Detached values (docs/protocol.md 7): the key of value i is HMAC(seed, i as 4 bytes big-endian);
 * its commitment is HMAC(key_i, value). st_seed_init does the seed's key schedule once; the state
 * is as secret as the seed. st_value_key is both steps for a single value. */
typedef struct { uint64_t opaque[32]; } st_seed_state;
void st_seed_init(st_seed_state *state, const uint8_t seed[32]);
st_hash st_seed_key(const st_seed_state *state, uint32_t index);
st_hash st_value_key(const uint8_t seed[32], uint32_t index);
st_hash st_value_mac(const st_hash *key, const void *value, size_t len);

/* The commitments of values first..first+count-1 of a seed, several at a time: out_macs[i] is
 * st_value_mac(st_value_key(seed, first + i), texts[i]). */
typedef struct { const uint8_t *data; size_t len; } st_mac_text;
typedef struct { const st_mac_text *texts; uint32_t first, count; } st_mac_texts;
void st_value_macs(const uint8_t seed[32], st_mac_texts values, st_hash *out_macs);

/* 16-byte SipHash-2-4 under the fixed public key of this protocol: for additive state sums, never
 * for security. */
void st_siphash128(const void *data, size_t len, uint8_t out[16]);

#endif
