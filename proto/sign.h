/* proto/sign.h - Ed25519 (RFC 8032) as libsodium does it, and X25519 sealed boxes. */
#ifndef SOTAY_PROTO_SIGN_H
#define SOTAY_PROTO_SIGN_H

#include "proto/err.h"
#include "proto/id.h"

#define ST_SIGN_PUBLIC_BYTES 32
#define ST_SIGN_SECRET_BYTES 64
#define ST_SIGNATURE_BYTES 64
#define ST_SEED_BYTES 32
#define ST_SEALED_BOX_EXTRA 48

/* A key pair from a 32-byte seed (RFC 8032 5.1.5). */
void st_sign_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[64]);
void st_sign(const uint8_t secret[64], const void *data, size_t len, uint8_t out_signature[64]);
bool st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                    const uint8_t signature[64]);

/* An X25519 pair for sealed boxes, from a seed. */
void st_box_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[32]);
/* Seals data to public_key; out holds len + ST_SEALED_BOX_EXTRA. Uses libsodium's randomness for
 * the ephemeral key: the one place in proto/ that is not a pure function. */
ST_MUST_USE st_err st_box_seal(const uint8_t public_key[32], const void *data, size_t len,
                               uint8_t *out, st_error *error);
/* Opens; out holds len - ST_SEALED_BOX_EXTRA. ST_E_CORRUPT when it does not open. */
ST_MUST_USE st_err st_box_open(const uint8_t public_key[32], const uint8_t secret[32],
                               const void *sealed, size_t len, uint8_t *out, st_error *error);

/* Keys for one conversation (libsodium's crypto_kx): a fresh X25519 pair, from a seed, and what
 * both sides make of theirs and the other's: one key to send with, one to receive with. false:
 * the other's key is none. */
void st_kx_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[32]);
typedef struct { uint8_t public_key[32], secret[32]; } st_kx_pair;
typedef struct { uint8_t receive[32], send[32]; } st_kx_keys;
bool st_kx_agree(bool serves, const st_kx_pair *ours, const uint8_t theirs[32],
                 st_kx_keys *out_keys);

/* XChaCha20-Poly1305: seals len bytes into out (len + ST_AEAD_EXTRA: nonce 24, tag 16). The caller
 * gives 24 fresh random bytes. ad = what the value is bound to (its key in the store). */
#define ST_AEAD_EXTRA 40
typedef struct { const void *ad; size_t ad_len; } st_ad;
void st_aead_seal(const uint8_t key[32], const uint8_t nonce[24], const void *data, size_t len,
                  st_ad ad, uint8_t *out);
/* Opens into out (len - ST_AEAD_EXTRA). ST_E_CORRUPT when key, bytes or ad are not the ones. */
ST_MUST_USE st_err st_aead_open(const uint8_t key[32], const void *sealed, size_t len, st_ad ad,
                                uint8_t *out);
/* Overwrites secrets so that the compiler cannot leave it out. */
void st_wipe(void *data, size_t len);

#endif
