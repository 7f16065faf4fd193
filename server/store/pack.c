/* server/store/pack.c - rows and keys as bytes. Promises: same content, same bytes; a damaged row
 * is reported, never read past its end. Must never be used for what travels. */
#include "server/store/pack.h"

#include <assert.h>
#include <string.h>

static void key_append(pack_key *key, const void *data, size_t len)
{
    assert(key->len + len <= sizeof key->data);
    memcpy(key->data + key->len, data, len);
    key->len += len;
}

void pack_key_id(pack_key *key, const st_id *id)
{
    key_append(key, id->b, sizeof id->b);
}

void pack_key_hash(pack_key *key, const st_hash *hash)
{
    key_append(key, hash->b, sizeof hash->b);
}

void pack_key_u64(pack_key *key, uint64_t number)
{
    uint8_t bytes[8];
    st_put_u64(bytes, number);
    key_append(key, bytes, sizeof bytes);
}

void pack_key_text(pack_key *key, const char *text)
{
    key_append(key, text, strlen(text) + 1);
}

store_slice pack_key_slice(const pack_key *key)
{
    return store_bytes(key->data, key->len);
}

pack_key pack_id(const st_id *id)
{
    pack_key key;
    key.len = 0;
    pack_key_id(&key, id);
    return key;
}

pack_key pack_u64(uint64_t number)
{
    pack_key key;
    key.len = 0;
    pack_key_u64(&key, number);
    return key;
}

pack_key pack_text(const char *text)
{
    pack_key key;
    key.len = 0;
    pack_key_text(&key, text);
    return key;
}

st_err pack_put(st_buffer *row, const void *data, size_t len)
{
    return st_buffer_append(row, data, len, NULL);
}

st_err pack_put_u8(st_buffer *row, uint8_t number)
{
    return pack_put(row, &number, 1);
}

st_err pack_put_u64(st_buffer *row, uint64_t number)
{
    uint8_t bytes[8];
    st_put_u64(bytes, number);
    return pack_put(row, bytes, sizeof bytes);
}

st_err pack_put_string(st_buffer *row, const void *data, size_t len)
{
    uint8_t bytes[4];
    if (len > UINT32_MAX)
        return ST_E_TOO_LARGE;
    st_put_u32(bytes, (uint32_t)len);
    st_err err = pack_put(row, bytes, sizeof bytes);
    return err == ST_OK ? pack_put(row, data, len) : err;
}

st_err pack_done(st_err err, const char *what, st_error *error)
{
    return err == ST_OK ? ST_OK : st_fail(error, err, "%s: a row does not fit into memory", what);
}

pack_reader pack_read(store_slice row)
{
    pack_reader reader = { row.data, row.len, false };
    return reader;
}

void pack_get(pack_reader *reader, void *out, size_t len)
{
    if (reader->len < len) {
        reader->is_bad = true;
        reader->len = 0;
        memset(out, 0, len);
        return;
    }
    memcpy(out, reader->data, len);
    reader->data += len;
    reader->len -= len;
}

uint8_t pack_get_u8(pack_reader *reader)
{
    uint8_t number;
    pack_get(reader, &number, 1);
    return number;
}

uint64_t pack_get_u64(pack_reader *reader)
{
    uint8_t bytes[8];
    pack_get(reader, bytes, sizeof bytes);
    return st_get_u64(bytes);
}

store_slice pack_get_string(pack_reader *reader)
{
    uint8_t bytes[4];
    pack_get(reader, bytes, sizeof bytes);
    size_t len = st_get_u32(bytes);
    if (len > reader->len) {
        reader->is_bad = true;
        len = 0;
    }
    store_slice string = store_bytes(reader->data, len);
    reader->data += len;
    reader->len -= len;
    return string;
}

void pack_get_text(pack_reader *reader, char *out, size_t out_bytes)
{
    assert(out_bytes > 0);
    store_slice string = pack_get_string(reader);
    if (string.len >= out_bytes) {
        reader->is_bad = true;
        string.len = 0;
    }
    if (string.len > 0)
        memcpy(out, string.data, string.len);
    out[string.len] = '\0';
}

st_err pack_end(const pack_reader *reader, const char *what, st_error *error)
{
    if (reader->is_bad || reader->len > 0)
        return st_fail(error, ST_E_CORRUPT, "store: a row of %s is damaged", what);
    return ST_OK;
}
