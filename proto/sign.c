/* proto/sign.c - promises libsodium's signatures, sealed boxes and authenticated encryption behind
 * plain byte arrays. Key pairs and signatures are pure functions of their arguments; only a sealed
 * box draws its own randomness.
 * Must never write a nonce of its own, keep a key, or give out bytes that did not authenticate. */
#include "proto/sign.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_sign_PUBLICKEYBYTES == ST_SIGN_PUBLIC_BYTES, "Ed25519 public key");
_Static_assert(crypto_sign_SECRETKEYBYTES == ST_SIGN_SECRET_BYTES, "Ed25519 secret key");
_Static_assert(crypto_sign_BYTES == ST_SIGNATURE_BYTES, "Ed25519 signature");
_Static_assert(crypto_sign_SEEDBYTES == ST_SEED_BYTES, "Ed25519 seed");
_Static_assert(crypto_box_SEALBYTES == ST_SEALED_BOX_EXTRA, "sealed box");
_Static_assert(crypto_box_SEEDBYTES == ST_SEED_BYTES, "X25519 seed");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
                       crypto_aead_xchacha20poly1305_ietf_ABYTES ==
                   ST_AEAD_EXTRA,
               "nonce and tag");

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

/* libsodium asks for a pointer even when there is nothing to read. */
static const uint8_t NOTHING[1] = { 0 };

static const uint8_t *readable(const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    return data != NULL ? data : NOTHING;
}

void st_sign_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[64])
{
    assert(seed != NULL && out_public != NULL && out_secret != NULL);
    (void)crypto_sign_seed_keypair(out_public, out_secret, seed);
}

void st_sign(const uint8_t secret[64], const void *data, size_t len, uint8_t out_signature[64])
{
    assert(secret != NULL && out_signature != NULL);
    (void)crypto_sign_detached(out_signature, NULL, readable(data, len), len, secret);
}

bool st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                    const uint8_t signature[64])
{
    assert(public_key != NULL && signature != NULL);
    return crypto_sign_verify_detached(signature, readable(data, len), len, public_key) == 0;
}

void st_box_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[32])
{
    assert(seed != NULL && out_public != NULL && out_secret != NULL);
    (void)crypto_box_seed_keypair(out_public, out_secret, seed);
}

st_err st_box_seal(const uint8_t public_key[32], const void *data, size_t len, uint8_t *out,
                   st_error *error)
{
    assert(public_key != NULL && out != NULL);
    /* Idempotent and cheap; without it the first random bytes are not safe among threads. */
    if (sodium_init() < 0)
        return st_fail(error, ST_E_SERVER, "seal: this machine gives no randomness");
    if (crypto_box_seal(out, readable(data, len), len, public_key) != 0)
        return st_fail(error, ST_E_VALUE, "seal: the public key is none");
    return ST_OK;
}

st_err st_box_open(const uint8_t public_key[32], const uint8_t secret[32], const void *sealed,
                   size_t len, uint8_t *out, st_error *error)
{
    assert(public_key != NULL && secret != NULL && out != NULL);
    if (len < ST_SEALED_BOX_EXTRA ||
        crypto_box_seal_open(out, readable(sealed, len), len, public_key, secret) != 0)
        return st_fail(error, ST_E_CORRUPT, "seal: %zu bytes do not open", len);
    return ST_OK;
}

void st_kx_keypair(const uint8_t seed[32], uint8_t out_public[32], uint8_t out_secret[32])
{
    assert(seed != NULL && out_public != NULL && out_secret != NULL);
    (void)crypto_kx_seed_keypair(out_public, out_secret, seed);
}

bool st_kx_agree(bool serves, const st_kx_pair *ours, const uint8_t theirs[32],
                 st_kx_keys *out_keys)
{
    assert(ours != NULL && theirs != NULL && out_keys != NULL);
    int rc = serves ? crypto_kx_server_session_keys(out_keys->receive, out_keys->send,
                                                    ours->public_key, ours->secret, theirs)
                    : crypto_kx_client_session_keys(out_keys->receive, out_keys->send,
                                                    ours->public_key, ours->secret, theirs);
    return rc == 0;
}

/* Picks the fast code for this processor; without it the result is the same, only slower, so a
 * failure does not matter. */
static void pick_code(void)
{
    int rc = sodium_init();
    (void)rc;
}

void st_aead_seal(const uint8_t key[32], const uint8_t nonce[24], const void *data, size_t len,
                  st_ad ad, uint8_t *out)
{
    assert(key != NULL && nonce != NULL && out != NULL);
    pick_code();
    memcpy(out, nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, readable(data, len),
                                                     len, readable(ad.ad, ad.ad_len), ad.ad_len,
                                                     NULL, nonce, key);
}

st_err st_aead_open(const uint8_t key[32], const void *sealed, size_t len, st_ad ad, uint8_t *out)
{
    assert(key != NULL && out != NULL);
    if (len < ST_AEAD_EXTRA)
        return ST_E_CORRUPT;
    pick_code();
    const uint8_t *bytes = readable(sealed, len);
    int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, bytes + NONCE_BYTES, len - NONCE_BYTES, readable(ad.ad, ad.ad_len),
        ad.ad_len, bytes, key);
    return rc == 0 ? ST_OK : ST_E_CORRUPT;
}

void st_wipe(void *data, size_t len)
{
    assert(data != NULL || len == 0);
    if (len > 0)
        sodium_memzero(data, len);
}
