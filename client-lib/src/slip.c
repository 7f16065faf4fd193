/* client-lib/src/slip.c - writes and reads the store's own small values.
 * Promises: reading never runs over the end, whatever the bytes say; writing fails as a whole.
 * Never: anything that leaves the device (that is proto/'s work). */
#include "client-lib/src/slip.h"

#include <string.h>

void slip_bytes(slip_writer *slip, const void *data, size_t len)
{
    if (slip->err == ST_OK && len > 0)
        slip->err = st_buffer_append(slip->out, data, len, NULL);
}

void slip_u8(slip_writer *slip, uint8_t v)
{
    slip_bytes(slip, &v, 1);
}

void slip_u64(slip_writer *slip, uint64_t v)
{
    uint8_t b[8];
    st_put_u64(b, v);
    slip_bytes(slip, b, sizeof b);
}

void slip_blob(slip_writer *slip, const void *data, size_t len)
{
    if (len > UINT32_MAX) {
        slip->err = ST_E_TOO_LARGE;
        return;
    }
    uint8_t b[4];
    st_put_u32(b, (uint32_t)len);
    slip_bytes(slip, b, sizeof b);
    slip_bytes(slip, data, len);
}

void slip_text(slip_writer *slip, const char *text)
{
    slip_blob(slip, text, strlen(text));
}

void slip_get_bytes(slip_reader *slip, void *out, size_t len)
{
    if (slip->bad || len > slip->len - slip->at) {
        slip->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, slip->data + slip->at, len);
    slip->at += len;
}

uint8_t slip_get_u8(slip_reader *slip)
{
    uint8_t v = 0;
    slip_get_bytes(slip, &v, 1);
    return v;
}

uint64_t slip_get_u64(slip_reader *slip)
{
    uint8_t b[8];
    slip_get_bytes(slip, b, sizeof b);
    return st_get_u64(b);
}

const uint8_t *slip_get_blob(slip_reader *slip, size_t *out_len)
{
    uint8_t b[4];
    slip_get_bytes(slip, b, sizeof b);
    size_t len = st_get_u32(b);
    *out_len = 0;
    if (slip->bad || len > slip->len - slip->at) {
        slip->bad = true;
        return NULL;
    }
    const uint8_t *data = slip->data + slip->at;
    slip->at += len;
    *out_len = len;
    return data;
}

void slip_get_text(slip_reader *slip, char *out, size_t size)
{
    size_t len = 0;
    const uint8_t *data = slip_get_blob(slip, &len);
    out[0] = '\0';
    if (data == NULL || len >= size || memchr(data, '\0', len) != NULL) {
        slip->bad = slip->bad || data == NULL || len > 0;
        return;
    }
    memcpy(out, data, len);
    out[len] = '\0';
}
