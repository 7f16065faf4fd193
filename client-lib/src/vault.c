/* client-lib/src/vault.c - wraps and unwraps the store key.
 * Promises: without the port's secret, and the PIN when one was set, no value of the store opens;
 * the cost of one try is in the header, so that it can rise later.
 * Never: keeps the PIN, or tells a wrong PIN from a damaged wrap by anything but the words. */
#include "client-lib/src/vault.h"

#include <sodium.h>
#include <string.h>

#include "proto/hash.h"
#include "proto/recover.h"
#include "proto/sign.h"
#include "proto/text.h"

#define VAULT_VERSION          1u
#define VAULT_FILE             0u /* the secret alone */
#define VAULT_PIN              1u /* Argon2id of the PIN, mixed with the secret */
#define PIN_BYTES_MAX          4096u
#define VAULT_OPS              3u
#define VAULT_MEMORY_BYTES     (32u * 1024u * 1024u)
#define VAULT_MEMORY_BYTES_MAX (256u * 1024u * 1024u)
#define VAULT_OPS_MAX          16u
#define HEAD_BYTES             (2u + 16u + 4u + 4u) /* version, how, salt, passes, memory */
#define VAULT_BYTES            (HEAD_BYTES + 32u + ST_AEAD_EXTRA)

/* One PIN, one key, however the keyboard puts marks together. What is no text stays as it is. */
static st_err stretch(const char *pin, const uint8_t head[HEAD_BYTES], uint8_t out[32],
                      st_error *error)
{
    st_buffer clean;
    st_buffer_init(&clean, PIN_BYTES_MAX);
    st_err err = st_text_clean(pin, strlen(pin), &clean, error);
    if (err == ST_E_MEMORY)
        return err; /* else another key, that no PIN opens when there is memory again */
    bool good = err == ST_OK;
    const char *text = good ? (const char *)clean.data : pin;
    int rc =
        crypto_pwhash(out, 32, text, good ? clean.len : strlen(pin), head + 2,
                      st_get_u32(head + 18), st_get_u32(head + 22), crypto_pwhash_ALG_ARGON2ID13);
    if (clean.data != NULL)
        st_wipe(clean.data, clean.capacity);
    st_buffer_free(&clean);
    return rc == 0 ? ST_OK : st_fail(error, ST_E_MEMORY, "store: no memory to try the PIN");
}

/* The key that wraps the store key. */
static st_err wrap_key(const book_db *book, const uint8_t head[HEAD_BYTES], const char *pin,
                       bool create, uint8_t out_key[32], st_error *error)
{
    uint8_t secret[32], stretched[32];
    sotay_error from = { SOTAY_OK, "" };
    int rc = book->port->secret(book->port->context, create, secret, &from);
    if (rc == SOTAY_E_NOT_FOUND)
        return st_fail(error, ST_E_CORRUPT, "store: its key file is missing");
    if (rc != SOTAY_OK)
        return port_error(rc, &from, error);
    st_err err = ST_OK;
    st_hash key;
    if (head[1] == VAULT_FILE) {
        key = st_hmac(secret, sizeof secret, "sotay-vault/v1 file", 19);
    } else {
        err = stretch(pin, head, stretched, error);
        if (err == ST_OK)
            key = st_hmac(secret, sizeof secret, stretched, sizeof stretched);
    }
    if (err == ST_OK) {
        memcpy(out_key, key.b, sizeof key.b);
        st_wipe(&key, sizeof key);
    }
    st_wipe(secret, sizeof secret);
    st_wipe(stretched, sizeof stretched);
    return err;
}

/* Writes the header that opens with this PIN; the store key is there. */
static st_err put_vault(book_db *book, const char *pin, st_error *error)
{
    uint8_t vault[VAULT_BYTES], wrap[32], nonce[24];
    vault[0] = VAULT_VERSION;
    vault[1] = (uint8_t)(pin == NULL ? VAULT_FILE : VAULT_PIN);
    st_put_u32(vault + 18, VAULT_OPS);
    st_put_u32(vault + 22, VAULT_MEMORY_BYTES);
    st_err err = port_random(book->port, vault + 2, 16, error);
    if (err == ST_OK)
        err = port_random(book->port, nonce, sizeof nonce, error);
    if (err == ST_OK)
        err = wrap_key(book, vault, pin, true, wrap, error);
    if (err != ST_OK)
        return err;
    st_ad ad = { vault, HEAD_BYTES };
    st_aead_seal(wrap, nonce, book->key, sizeof book->key, ad, vault + HEAD_BYTES);
    st_wipe(wrap, sizeof wrap);
    book_key key = book_key_text(BOOK_META, "vault");
    return book_put_plain(book, &key, vault, sizeof vault, error);
}

st_err vault_make(book_db *book, const char *pin, st_error *error)
{
    st_err err = port_random(book->port, book->key, sizeof book->key, error);
    return err == ST_OK ? put_vault(book, pin, error) : err;
}

st_err vault_renew(book_db *book, const char *pin, st_error *error)
{
    book_key key = book_key_text(BOOK_META, "vault");
    book_value vault = { NULL, 0 };
    st_err err = book_get_plain(book, &key, &vault, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (pin == NULL && err == ST_OK && vault.len > 1 && vault.data[1] == VAULT_PIN)
        return st_fail(error, ST_E_PIN, "store: it had a PIN, give it a new one");
    return put_vault(book, pin, error);
}

/* Foreign numbers are bounded before they cost memory or minutes. */
static st_err check_head(const book_value *vault, const char *pin, st_error *error)
{
    if (vault->len < 1 || vault->data[0] != VAULT_VERSION)
        return st_fail(error, ST_E_VERSION, "store: made by another version");
    if (vault->len != VAULT_BYTES || vault->data[1] > VAULT_PIN)
        return st_fail(error, ST_E_CORRUPT, "store: the vault's header is damaged");
    uint32_t ops = st_get_u32(vault->data + 18), memory = st_get_u32(vault->data + 22);
    if (ops < 1 || ops > VAULT_OPS_MAX || memory < 8192 || memory > VAULT_MEMORY_BYTES_MAX)
        return st_fail(error, ST_E_CORRUPT, "store: the vault's header is damaged");
    if (vault->data[1] == VAULT_PIN && pin == NULL)
        return st_fail(error, ST_E_PIN, "store: it needs a PIN");
    if (vault->data[1] == VAULT_FILE && pin != NULL)
        return st_fail(error, ST_E_PIN, "store: no PIN was set for it");
    return ST_OK;
}

st_err vault_open(book_db *book, const char *pin, st_error *error)
{
    book_key key = book_key_text(BOOK_META, "vault");
    book_value vault = { NULL, 0 };
    st_err err = book_get_plain(book, &key, &vault, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "store: there is none here yet");
    if (err == ST_OK)
        err = check_head(&vault, pin, error);
    if (err != ST_OK)
        return err;
    uint8_t copy[VAULT_BYTES], wrap[32];
    memcpy(copy, vault.data, sizeof copy);
    err = wrap_key(book, copy, pin, false, wrap, error);
    if (err != ST_OK)
        return err;
    st_ad ad = { copy, HEAD_BYTES };
    err = st_aead_open(wrap, copy + HEAD_BYTES, sizeof copy - HEAD_BYTES, ad, book->key);
    st_wipe(wrap, sizeof wrap);
    if (err == ST_OK)
        return ST_OK;
    if (copy[1] == VAULT_PIN)
        return st_fail(error, ST_E_PIN, "store: the PIN is wrong");
    return st_fail(error, ST_E_CORRUPT, "store: its key file is not the one it was made with");
}

st_err vault_seal_recovery(book_db *book, const uint8_t recovery_key[32], const st_id *device,
                           st_error *error)
{
    uint8_t open[ST_RECOVER_OPENED_MAX], sealed[ST_RECOVER_SEALED_MAX];
    memcpy(open, book->key, sizeof book->key);
    memcpy(open + sizeof book->key, device->b, sizeof device->b);
    st_err err = st_box_seal(recovery_key, open, sizeof open, sealed, error);
    st_wipe(open, sizeof open);
    if (err != ST_OK)
        return err;
    book_key key = book_key_text(BOOK_META, "recovery");
    return book_put_plain(book, &key, sealed, sizeof sealed, error);
}
