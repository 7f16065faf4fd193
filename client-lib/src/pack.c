/* client-lib/src/pack.c - writes and reads the store's own small values.
 * Promises: reading never runs over the end, whatever the bytes say; writing fails as a whole.
 * Never: anything that leaves the device (that is proto/'s work). */
#include "client-lib/src/pack.h"

#include <string.h>

void pack_bytes(pack_writer *pack, const void *data, size_t len)
{
    if (pack->err == ST_OK && len > 0)
        pack->err = st_buffer_append(pack->out, data, len, NULL);
}

void pack_u8(pack_writer *pack, uint8_t v)
{
    pack_bytes(pack, &v, 1);
}

void pack_u64(pack_writer *pack, uint64_t v)
{
    uint8_t b[8];
    st_put_u64(b, v);
    pack_bytes(pack, b, sizeof b);
}

void pack_blob(pack_writer *pack, const void *data, size_t len)
{
    if (len > UINT32_MAX) {
        pack->err = ST_E_TOO_LARGE;
        return;
    }
    uint8_t b[4];
    st_put_u32(b, (uint32_t)len);
    pack_bytes(pack, b, sizeof b);
    pack_bytes(pack, data, len);
}

void pack_text(pack_writer *pack, const char *text)
{
    pack_blob(pack, text, strlen(text));
}

void pack_get_bytes(pack_reader *pack, void *out, size_t len)
{
    if (pack->bad || len > pack->len - pack->at) {
        pack->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, pack->data + pack->at, len);
    pack->at += len;
}

uint8_t pack_get_u8(pack_reader *pack)
{
    uint8_t v = 0;
    pack_get_bytes(pack, &v, 1);
    return v;
}

uint64_t pack_get_u64(pack_reader *pack)
{
    uint8_t b[8];
    pack_get_bytes(pack, b, sizeof b);
    return st_get_u64(b);
}

const uint8_t *pack_get_blob(pack_reader *pack, size_t *out_len)
{
    uint8_t b[4];
    pack_get_bytes(pack, b, sizeof b);
    size_t len = st_get_u32(b);
    *out_len = 0;
    if (pack->bad || len > pack->len - pack->at) {
        pack->bad = true;
        return NULL;
    }
    const uint8_t *data = pack->data + pack->at;
    pack->at += len;
    *out_len = len;
    return data;
}

void pack_get_text(pack_reader *pack, char *out, size_t size)
{
    size_t len = 0;
    const uint8_t *data = pack_get_blob(pack, &len);
    out[0] = '\0';
    if (data == NULL || len >= size || memchr(data, '\0', len) != NULL) {
        pack->bad = pack->bad || data == NULL || len > 0;
        return;
    }
    memcpy(out, data, len);
    out[len] = '\0';
}
