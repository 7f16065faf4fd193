/* client-lib/src/book.c - seals and opens the phone's values on their way to the port.
 * Promises: no value but the vault's header is written unsealed; a value put under one key never
 * opens under another; a failed commit leaves the store as it was.
 * Never: a file or a lock of its own - those are the port's. */
#include "client-lib/src/book.h"

#include <assert.h>
#include <string.h>

#include "proto/sign.h"

#define SEALED_BYTES_MAX ((size_t)ST_FRAME_BYTES_MAX * 2)

book_key book_key_of(book_table table)
{
    book_key key = { .len = 1 };
    key.b[0] = (uint8_t)table;
    return key;
}

void book_key_bytes(book_key *key, const void *data, size_t len)
{
    assert(len <= sizeof key->b - key->len);
    if (len > 0)
        memcpy(key->b + key->len, data, len);
    key->len += len;
}

void book_key_u64(book_key *key, uint64_t v)
{
    uint8_t b[8];
    st_put_u64(b, v);
    book_key_bytes(key, b, sizeof b);
}

book_key book_key_id(book_table table, const st_id *id)
{
    book_key key = book_key_of(table);
    book_key_bytes(&key, id->b, sizeof id->b);
    return key;
}

book_key book_key_text(book_table table, const char *text)
{
    book_key key = book_key_of(table);
    book_key_bytes(&key, text, strlen(text));
    return key;
}

book_key book_key_counter(book_table table, const st_id *id, uint64_t counter)
{
    book_key key = book_key_id(table, id);
    book_key_u64(&key, counter);
    return key;
}

void book_init(book_db *book, const sotay_port *port)
{
    memset(book, 0, sizeof *book);
    book->port = port;
    st_buffer_init(&book->scratch, SEALED_BYTES_MAX + ST_AEAD_EXTRA);
}

void book_reset(book_db *book)
{
    book_abort(book);
    st_wipe(book->key, sizeof book->key);
    st_buffer_free(&book->scratch);
}

st_err book_begin(book_db *book, bool write, st_error *error)
{
    assert(!book->is_begun);
    sotay_error from = { SOTAY_OK, "" };
    int rc = book->port->begin(book->port->context, write, &from);
    if (rc != SOTAY_OK)
        return port_error(rc, &from, error);
    book->is_begun = true;
    book->is_write = write;
    book->failed = ST_OK;
    return ST_OK;
}

st_err book_commit(book_db *book, bool may_undo, st_error *error)
{
    assert(book->is_begun && book->is_write);
    const sotay_port *port = book->port;
    sotay_error from = { SOTAY_OK, "" };
    if (book->failed != ST_OK) {
        book_abort(book);
        return st_fail(error, book->failed, "store: a call of this transaction failed");
    }
    book->is_begun = false;
    bool is_soon = may_undo && port->commit_soon != NULL;
    int rc = is_soon ? port->commit_soon(port->context, &from) : port->commit(port->context, &from);
    if (rc == SOTAY_PENDING)
        return ST_PENDING;
    return port_error(rc, &from, error);
}

void book_abort(book_db *book)
{
    if (book->is_begun)
        book->port->abort(book->port->context);
    book->is_begun = false;
}

/* A call of the port failed: the transaction cannot be committed any more. */
static st_err call_failed(book_db *book, int rc, const sotay_error *from, st_error *error)
{
    st_err err = port_error(rc, from, error);
    if (book->failed == ST_OK)
        book->failed = err;
    return err;
}

/* A key that this program never wrote: what stands behind it must not seem to be missing. */
static st_err too_long(book_db *book, st_error *error)
{
    const sotay_error why = { SOTAY_E_CORRUPT, "store: a key is too long" };
    return call_failed(book, SOTAY_E_CORRUPT, &why, error);
}

static sotay_slice key_slice(const book_key *key)
{
    sotay_slice slice = { key->b, key->len };
    return slice;
}

static st_err open_value(book_db *book, const book_key *key, sotay_slice sealed, st_arena *arena,
                         book_value *out_value, st_error *error)
{
    if (sealed.len < ST_AEAD_EXTRA)
        return st_fail(error, ST_E_CORRUPT, "store: a value of table '%c' is cut", key->b[0]);
    size_t len = sealed.len - ST_AEAD_EXTRA;
    uint8_t *data = st_arena_get(arena, len);
    if (data == NULL)
        return st_fail(error, ST_E_MEMORY, "store: no memory for a value");
    st_ad ad = { key->b, key->len };
    if (st_aead_open(book->key, sealed.data, sealed.len, ad, data) != ST_OK)
        return st_fail(error, ST_E_CORRUPT, "store: a value of table '%c' does not open",
                       key->b[0]);
    out_value->data = data;
    out_value->len = len;
    return ST_OK;
}

st_err book_get_plain(book_db *book, const book_key *key, book_value *out_value, st_error *error)
{
    assert(book->is_begun);
    sotay_error from = { SOTAY_OK, "" };
    sotay_slice found = { NULL, 0 };
    int rc = book->port->get(book->port->context, key_slice(key), &found, &from);
    if (rc == SOTAY_E_NOT_FOUND)
        return ST_E_NOT_FOUND;
    if (rc != SOTAY_OK)
        return call_failed(book, rc, &from, error);
    out_value->data = found.data;
    out_value->len = found.len;
    return ST_OK;
}

st_err book_get(book_db *book, const book_key *key, st_arena *arena, book_value *out_value,
                st_error *error)
{
    book_value sealed = { NULL, 0 };
    st_err err = book_get_plain(book, key, &sealed, error);
    if (err != ST_OK)
        return err;
    sotay_slice slice = { sealed.data, sealed.len };
    return open_value(book, key, slice, arena, out_value, error);
}

bool book_is_damage(const book_db *book, st_err err)
{
    return err == ST_E_CORRUPT && book->failed == ST_OK;
}

st_err book_get_whole(book_db *book, const book_key *key, st_arena *arena, book_value *out_value,
                      st_error *error)
{
    st_err err = book_get(book, key, arena, out_value, error);
    return book_is_damage(book, err) ? ST_E_NOT_FOUND : err;
}

st_err book_has(book_db *book, const book_key *key, bool *out_has, st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = book_get_plain(book, key, &value, error);
    if (err == ST_OK || err == ST_E_NOT_FOUND)
        *out_has = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err book_opens(book_db *book, const book_key *key, bool *out_opens, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, SEALED_BYTES_MAX);
    st_err err = book_get_whole(book, key, &arena, &value, error);
    *out_opens = err == ST_OK;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err book_put_plain(book_db *book, const book_key *key, const void *data, size_t len,
                      st_error *error)
{
    assert(book->is_begun && book->is_write);
    sotay_error from = { SOTAY_OK, "" };
    sotay_slice value = { data, len };
    int rc = book->port->put(book->port->context, key_slice(key), value, &from);
    return rc == SOTAY_OK ? ST_OK : call_failed(book, rc, &from, error);
}

st_err book_put(book_db *book, const book_key *key, const void *data, size_t len, st_error *error)
{
    uint8_t nonce[24];
    st_err err = port_random(book->port, nonce, sizeof nonce, error);
    if (err != ST_OK)
        return err;
    if (len > SEALED_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "store: a value of %zu bytes", len);
    st_buffer_clear(&book->scratch);
    uint8_t *sealed = st_buffer_reserve(&book->scratch, len + ST_AEAD_EXTRA);
    if (sealed == NULL)
        return st_fail(error, ST_E_MEMORY, "store: no memory to seal a value");
    st_ad ad = { key->b, key->len };
    st_aead_seal(book->key, nonce, data, len, ad, sealed);
    return book_put_plain(book, key, sealed, len + ST_AEAD_EXTRA, error);
}

st_err book_delete(book_db *book, const book_key *key, st_error *error)
{
    return book_put_plain(book, key, NULL, 0, error);
}

book_scan book_scan_of(const book_key *prefix)
{
    book_scan scan = { .prefix_len = prefix->len, .at = *prefix };
    return scan;
}

st_err book_scan_next(book_db *book, book_scan *scan, st_arena *arena, book_value *out_value,
                      st_error *error)
{
    assert(book->is_begun);
    book_key from_key = scan->at;
    if (scan->is_begun)
        book_key_bytes(&from_key, "", 1); /* the smallest key after the last one */
    scan->is_begun = true;
    sotay_error from = { SOTAY_OK, "" };
    sotay_slice key = { NULL, 0 }, value = { NULL, 0 };
    int rc = book->port->seek(book->port->context, key_slice(&from_key), true, &key, &value, &from);
    if (rc == SOTAY_E_NOT_FOUND)
        return ST_E_NOT_FOUND;
    if (rc != SOTAY_OK)
        return call_failed(book, rc, &from, error);
    if (key.len < scan->prefix_len || memcmp(key.data, scan->at.b, scan->prefix_len) != 0)
        return ST_E_NOT_FOUND;
    if (key.len >= sizeof scan->at.b)
        return too_long(book, error);
    memcpy(scan->at.b, key.data, key.len);
    scan->at.len = key.len;
    if (out_value == NULL)
        return ST_OK;
    return open_value(book, &scan->at, value, arena, out_value, error);
}

st_err book_scan_whole(book_db *book, book_scan *scan, st_arena *arena, book_value *out_value,
                       st_error *error)
{
    for (;;) {
        st_err err = book_scan_next(book, scan, NULL, NULL, error);
        if (err != ST_OK)
            return err;
        err = book_get_whole(book, &scan->at, arena, out_value, error);
        if (err != ST_E_NOT_FOUND)
            return err;
    }
}

st_err book_before(book_db *book, const book_key *key, size_t prefix_len, book_key *out_key,
                   st_error *error)
{
    sotay_error from = { SOTAY_OK, "" };
    sotay_slice found = { NULL, 0 }, value = { NULL, 0 };
    int rc = book->port->seek(book->port->context, key_slice(key), false, &found, &value, &from);
    if (rc == SOTAY_E_NOT_FOUND)
        return ST_E_NOT_FOUND;
    if (rc != SOTAY_OK)
        return call_failed(book, rc, &from, error);
    if (found.len < prefix_len || memcmp(found.data, key->b, prefix_len) != 0)
        return ST_E_NOT_FOUND;
    if (found.len >= sizeof out_key->b)
        return too_long(book, error);
    memcpy(out_key->b, found.data, found.len);
    out_key->len = found.len;
    return ST_OK;
}
