/* client-lib/src/recover.c - a store that its PIN does not open any more: asks the office for the
 * store key, takes it, sets a new PIN.
 * Promises: nothing but the vault's header changes, and only when the key that came opens what the
 * store holds; asked twice, the first answer is still good.
 * Never: writes the store key, or the half that opens the answer, in the clear. */
#include <string.h>

#include "client-lib/src/identity.h"
#include "client-lib/src/vault.h"
#include "proto/hash.h"
#include "proto/recover.h"

#define SEED_BYTES 32u

static book_key meta(const char *name)
{
    return book_key_text(BOOK_META, name);
}

/* The key under which the seed of the one-time key lies in the store: the port's secret alone. */
static st_err seed_wrap(const book_db *book, bool create, uint8_t out_key[32], st_error *error)
{
    uint8_t secret[32];
    sotay_error from = { SOTAY_OK, "" };
    int rc = book->port->secret(book->port->context, create, secret, &from);
    if (rc == SOTAY_E_NOT_FOUND)
        return st_fail(error, ST_E_VALUE, "recover: nothing was asked for yet");
    if (rc != SOTAY_OK)
        return port_error(rc, &from, error);
    st_hash key = st_hmac(secret, sizeof secret, "sotay-vault/v1 recover", 22);
    memcpy(out_key, key.b, sizeof key.b);
    st_wipe(&key, sizeof key);
    st_wipe(secret, sizeof secret);
    return ST_OK;
}

/* The seed of the line that was shown. ST_E_NOT_FOUND: none, or of a key file that is gone. */
static st_err read_seed(book_db *book, const uint8_t wrap[32], uint8_t seed[SEED_BYTES],
                        st_error *error)
{
    book_key key = meta("recover");
    book_value value = { NULL, 0 };
    st_err err = book_get_plain(book, &key, &value, error);
    if (err != ST_OK)
        return err;
    st_ad ad = { "recover", 7 };
    bool opens = value.len == SEED_BYTES + ST_AEAD_EXTRA &&
                 st_aead_open(wrap, value.data, value.len, ad, seed) == ST_OK;
    return opens ? ST_OK : ST_E_NOT_FOUND;
}

static st_err make_seed(book_db *book, const uint8_t wrap[32], uint8_t seed[SEED_BYTES],
                        st_error *error)
{
    uint8_t sealed[SEED_BYTES + ST_AEAD_EXTRA], nonce[24];
    book_key key = meta("recover");
    st_err err = port_random(book->port, seed, SEED_BYTES, error);
    if (err == ST_OK)
        err = port_random(book->port, nonce, sizeof nonce, error);
    if (err != ST_OK)
        return err;
    st_ad ad = { "recover", 7 };
    st_aead_seal(wrap, nonce, seed, SEED_BYTES, ad, sealed);
    return book_put_plain(book, &key, sealed, sizeof sealed, error);
}

/* ---- asking ---- */

static st_err read_sealed(book_db *book, st_recover_ask *ask, st_error *error)
{
    book_key key = meta("recovery");
    book_value value = { NULL, 0 };
    st_err err = book_get_plain(book, &key, &value, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "recover: no store here, or one that was never enrolled");
    if (err != ST_OK)
        return err;
    if (value.len != 32 + ST_SEALED_BOX_EXTRA && value.len != sizeof ask->sealed)
        return st_fail(error, ST_E_CORRUPT, "store: the sealed key is damaged");
    memcpy(ask->sealed, value.data, value.len);
    ask->sealed_len = value.len;
    return ST_OK;
}

static st_err fill_ask(book_db *book, st_recover_ask *ask, st_error *error)
{
    uint8_t wrap[32], seed[SEED_BYTES], secret[32];
    st_err err = read_sealed(book, ask, error);
    if (err != ST_OK)
        return err;
    err = seed_wrap(book, true, wrap, error);
    if (err != ST_OK)
        return err;
    err = read_seed(book, wrap, seed, error);
    if (err == ST_E_NOT_FOUND)
        err = make_seed(book, wrap, seed, error);
    if (err == ST_OK)
        st_box_keypair(seed, ask->reply_key, secret);
    st_wipe(wrap, sizeof wrap);
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

int sotay_recover_ask(const sotay_port *port, char **out_text, sotay_error *error)
{
    book_db book;
    st_recover_ask ask;
    st_buffer out;
    char text[ST_RECOVER_TEXT];
    st_error inner = { ST_OK, "" };
    book_init(&book, port);
    st_buffer_init(&out, ST_RECOVER_TEXT + 2);
    st_err err = book_begin(&book, true, &inner);
    if (err == ST_OK)
        err = fill_ask(&book, &ask, &inner);
    if (err == ST_OK) {
        st_recover_ask_format(&ask, text);
        err = st_buffer_printf(&out, &inner, "%s\n", text);
    }
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    if (err == ST_OK) {
        err = book_commit(&book, false, &inner);
        if (err != ST_OK && err != ST_PENDING) {
            sotay_text_free(*out_text);
            *out_text = NULL;
        }
    }
    st_buffer_free(&out);
    book_reset(&book);
    return port_give(err, &inner, error);
}

/* ---- the answer ---- */

/* The store key that the office sealed for the line shown here, into the book. */
static st_err open_answer(book_db *book, const st_recover_answer *answer, st_error *error)
{
    uint8_t wrap[32], seed[SEED_BYTES], public_key[32], secret[32];
    st_err err = seed_wrap(book, false, wrap, error);
    if (err != ST_OK)
        return err;
    err = read_seed(book, wrap, seed, error);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_VALUE, "recover: nothing was asked for yet");
    if (err == ST_OK) {
        st_box_keypair(seed, public_key, secret);
        err = st_box_open(public_key, secret, answer->sealed, sizeof answer->sealed, book->key,
                          error);
        if (err == ST_E_CORRUPT)
            err = st_fail(error, ST_E_VALUE, "recover: this answers another line");
    }
    st_wipe(wrap, sizeof wrap);
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

/* Does the key open what the store holds? */
static st_err try_key(book_db *book, st_error *error)
{
    identity me;
    st_err err = identity_get(book, &me, error);
    bool was_read = book->failed == ST_OK;    /* else it is the disk, and not the key */
    if ((err == ST_E_CORRUPT && was_read) || err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_VALUE, "recover: the key that came opens another store");
    st_wipe(&me, sizeof me);
    return err;
}

int sotay_recover_take(const sotay_port *port, const char *answer, const char *pin,
                       sotay_error *error)
{
    book_db book;
    st_recover_answer line;
    st_error inner = { ST_OK, "" };
    book_key asked = meta("recover");
    book_init(&book, port);
    st_err err = st_recover_answer_parse(answer, &line, &inner);
    if (err == ST_OK)
        err = book_begin(&book, true, &inner);
    if (err == ST_OK)
        err = open_answer(&book, &line, &inner);
    if (err == ST_OK)
        err = try_key(&book, &inner);
    if (err == ST_OK)
        err = vault_renew(&book, pin, &inner);
    if (err == ST_OK)
        err = book_delete(&book, &asked, &inner);
    if (err == ST_OK)
        err = book_commit(&book, false, &inner);
    book_reset(&book);
    return port_give(err, &inner, error);
}
