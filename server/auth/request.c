/* server/auth/request.c - one-time codes, signed heads and their counters.
 * Promises: a code is stored as a hash only and makes one device; a request counter is taken once.
 * Must never tell why a code is wrong. */
#include <string.h>

#include "server/auth/auth.h"
#include "server/store/pack.h"

#define BITMAP_BITS 1024u
#define BITMAP_BYTES (BITMAP_BITS / 8)

/* ---- codes: person 16, expires 8, used 1, signing key 32 ---- */

typedef struct {
    st_id person;
    int64_t expires_ms;
    bool is_used;
    uint8_t sign_key[32];
} code_row;

static pack_key code_key(const uint8_t code[16])
{
    pack_key key;
    st_hash hash = st_sha256(code, 16);
    key.len = 0;
    pack_key_hash(&key, &hash);
    return key;
}

static st_err code_put(store_txn *txn, const pack_key *key, const code_row *code, st_error *error)
{
    uint8_t row[57];
    memcpy(row, code->person.b, 16);
    st_put_u64(row + 16, (uint64_t)code->expires_ms);
    row[24] = code->is_used ? 1 : 0;
    memcpy(row + 25, code->sign_key, 32);
    return store_put(txn, STORE_CODES, pack_key_slice(key), store_bytes(row, sizeof row), error);
}

static st_err code_get(store_txn *txn, const pack_key *key, code_row *out, st_error *error)
{
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_CODES, pack_key_slice(key), &row, error);
    if (err != ST_OK)
        return err;
    pack_reader reader = pack_read(row);
    pack_get(&reader, out->person.b, 16);
    out->expires_ms = (int64_t)pack_get_u64(&reader);
    out->is_used = pack_get_u8(&reader) != 0;
    pack_get(&reader, out->sign_key, 32);
    return pack_end(&reader, "codes", error);
}

st_err auth_code_make(store_txn *txn, const st_id *person, int64_t now_ms,
                      const server_port *port, uint8_t out_code[16], st_error *error)
{
    uint8_t code[16];
    code_row row;
    memset(&row, 0, sizeof row);
    port->random(port->context, code, sizeof code);
    row.person = *person;
    row.expires_ms = now_ms + AUTH_CODE_VALID_MS;
    pack_key key = code_key(code);
    st_err err = code_put(txn, &key, &row, error);
    if (err == ST_OK)
        memcpy(out_code, code, sizeof code);
    st_wipe(code, sizeof code);
    return err;
}

st_err auth_code_check(store_txn *txn, const st_enrol_ask *ask, int64_t now_ms,
                       st_id *out_person, bool *out_used, st_error *error)
{
    code_row row;
    pack_key key = code_key(ask->code);
    st_err err = code_get(txn, &key, &row, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    bool mine = err == ST_OK && row.is_used && memcmp(row.sign_key, ask->sign_key, 32) == 0;
    /* by a clock that was far ahead, it would be good for years */
    bool is_over = err == ST_OK && (now_ms > row.expires_ms ||
                                    row.expires_ms - now_ms > 2 * AUTH_CODE_VALID_MS);
    if (err == ST_E_NOT_FOUND || (row.is_used && !mine) || (!mine && is_over))
        return st_fail(error, ST_E_ENROL, "enrol: the code is unknown, used or expired");
    *out_person = row.person;
    *out_used = mine;
    return ST_OK;
}

st_err auth_code_use(store_txn *txn, const st_enrol_ask *ask, st_error *error)
{
    code_row row;
    pack_key key = code_key(ask->code);
    st_err err = code_get(txn, &key, &row, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_ENROL, "enrol: the code is unknown, used or expired");
    if (err != ST_OK)
        return err;
    row.is_used = true;
    memcpy(row.sign_key, ask->sign_key, 32);
    return code_put(txn, &key, &row, error);
}

/* The first code from *key on that nobody used. */
static st_err next_unused(store_txn *txn, pack_key *key, bool *out_found, st_error *error)
{
    code_row row;
    store_cursor cursor = { 0 };
    *out_found = false;
    st_err err = store_cursor_open(txn, STORE_CODES, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(key), error);
    while (err == ST_OK && cursor.is_valid && !*out_found) {
        st_hash hash;
        if (cursor.key.len != sizeof hash.b) {
            err = st_fail(error, ST_E_CORRUPT, "store: a key of codes is damaged");
            break;
        }
        memcpy(hash.b, cursor.key.data, sizeof hash.b);
        key->len = 0;
        pack_key_hash(key, &hash);
        err = code_get(txn, key, &row, error);
        *out_found = err == ST_OK && !row.is_used;
        if (err == ST_OK && !*out_found)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err auth_codes_void(store_txn *txn, st_error *error)
{
    pack_key key = { .len = 0 };
    bool found = true;
    st_err err = ST_OK;
    while (err == ST_OK && found) {
        err = next_unused(txn, &key, &found, error);
        if (err == ST_OK && found)
            err = store_delete(txn, STORE_CODES, pack_key_slice(&key), error);
    }
    return err;
}

/* ---- signed heads ---- */

st_err auth_head_check(store_txn *txn, const auth_keys *keys, const st_head *head,
                       const auth_request *request, auth_device *out_device, st_error *error)
{
    auth_device device;
    st_err err = auth_device_get(txn, NULL, &head->device, &device, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_DENIED, "request: this book has no such device");
    if (err != ST_OK)
        return err;
    st_buffer text;
    st_buffer_init(&text, 4096);
    st_hash body = st_sha256(request->body, request->body_len);
    err = st_head_sign_text(head, request->method, request->path, &body, &keys->log, &text);
    if (err != ST_OK)
        err = st_fail(error, err, "request: cannot be checked");
    else if (!st_sign_verify(device.sign_key, text.data, text.len, head->signature))
        err = st_fail(error, ST_E_SIGNATURE, "request: the signature is not the device's");
    st_buffer_free(&text);
    if (err == ST_OK)
        *out_device = device;
    return err;
}

/* Moves the bitmap by `by` bits: bit k stands for the counter highest - k. */
static void shift(uint8_t bitmap[BITMAP_BYTES], uint64_t by)
{
    uint8_t moved[BITMAP_BYTES] = { 0 };
    for (uint64_t k = by; k < BITMAP_BITS; k++)
        if ((bitmap[(k - by) / 8] >> ((k - by) % 8) & 1) != 0)
            moved[k / 8] = (uint8_t)(moved[k / 8] | 1u << (k % 8));
    memcpy(bitmap, moved, BITMAP_BYTES);
}

st_err auth_counter_take(store_txn *txn, const st_id *device, uint64_t counter,
                         uint64_t *out_highest, st_error *error)
{
    uint8_t row[8 + BITMAP_BYTES] = { 0 };
    uint8_t *bitmap = row + 8;
    pack_key key = pack_id(device);
    store_slice old = { 0 };
    st_err err = store_get(txn, STORE_REQUEST, pack_key_slice(&key), &old, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_OK && old.len != sizeof row)
        return st_fail(error, ST_E_CORRUPT, "store: a row of request is damaged");
    if (err == ST_OK)
        memcpy(row, old.data, sizeof row);
    uint64_t highest = st_get_u64(row);
    *out_highest = highest;
    uint64_t back = counter > highest ? 0 : highest - counter;
    if (counter > highest && counter - highest > ST_COUNTER_AHEAD_MAX)
        return st_fail(error, ST_E_VALUE, "request: the counter is too far ahead");
    if (counter > highest) {
        shift(bitmap, counter - highest);
        *out_highest = counter;
    } else if (counter == 0 || back >= BITMAP_BITS
               || (bitmap[back / 8] >> (back % 8) & 1) != 0) {
        return st_fail(error, ST_E_AGAIN, "request: the counter was used before");
    }
    bitmap[back / 8] = (uint8_t)(bitmap[back / 8] | 1u << (back % 8));
    st_put_u64(row, *out_highest);
    return store_put(txn, STORE_REQUEST, pack_key_slice(&key), store_bytes(row, sizeof row),
                     error);
}
