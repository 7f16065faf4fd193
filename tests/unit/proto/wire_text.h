/* tests/unit/proto/wire_text.h - protobuf bytes from a line of text, so that cases can be read:
 * `1:v300` varint, `2:*16,d1` 16 bytes 0xd1, `3:"text"`, `4:x0a0b` hex, `5:{ ... }` a message. */
#ifndef SOTAY_TESTS_WIRE_TEXT_H
#define SOTAY_TESTS_WIRE_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"

#define WIRE_TEXT_DEPTH 16

static inline void wire_put(st_buffer *out, const void *data, size_t len)
{
    if (st_buffer_append(out, data, len, NULL) != ST_OK)
        abort();
}

static inline void wire_put_varint(st_buffer *out, uint64_t v)
{
    uint8_t bytes[10];
    size_t len = 0;
    do {
        bytes[len] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80u : 0));
        len++;
        v >>= 7;
    } while (v > 0);
    wire_put(out, bytes, len);
}

static inline void wire_put_bytes(st_buffer *out, uint64_t field, const void *data, size_t len)
{
    wire_put_varint(out, field << 3 | 2);
    wire_put_varint(out, len);
    if (len > 0)
        wire_put(out, data, len);
}

/* One scalar at *at behind "N:"; moves *at behind it. */
static inline void wire_put_scalar(st_buffer *out, uint64_t field, const char **at)
{
    uint8_t data[32768];
    const char *text = *at;
    char *end = NULL;
    if (*text == 'v') {
        uint64_t v = strtoull(text + 1, &end, 10);
        wire_put_varint(out, field << 3);
        wire_put_varint(out, v);
    } else if (*text == '*') {
        size_t count = strtoul(text + 1, &end, 10);
        int fill = (int)strtoul(end + 1, &end, 16);
        if (count > sizeof data)
            abort();
        memset(data, fill, count);
        wire_put_bytes(out, field, data, count);
    } else if (*text == 'x') {
        size_t chars = strcspn(text + 1, " ");
        if (chars > 2 * sizeof data || !st_unhex(text + 1, chars, data, chars / 2))
            abort();
        wire_put_bytes(out, field, data, chars / 2);
        end = (char *)(uintptr_t)(text + 1 + chars);
    } else if (*text == '"') {
        size_t len = strcspn(text + 1, "\"");
        wire_put_bytes(out, field, text + 1, len);
        end = (char *)(uintptr_t)(text + len + 2);
    } else {
        abort();
    }
    *at = end;
}

static inline void wire_text(const char *text, st_buffer *out)
{
    st_buffer levels[WIRE_TEXT_DEPTH];
    uint64_t fields[WIRE_TEXT_DEPTH];
    size_t depth = 0;
    st_buffer_init(&levels[0], 1u << 20);
    for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
        if (*at == '}') {
            wire_put_bytes(&levels[depth - 1], fields[depth], levels[depth].data,
                           levels[depth].len);
            st_buffer_free(&levels[depth]);
            depth--;
            at++;
            continue;
        }
        char *end = NULL;
        uint64_t field = strtoull(at, &end, 10);
        if (*end != ':')
            abort();
        at = end + 1;
        if (*at == '{') {
            depth++;
            if (depth == WIRE_TEXT_DEPTH)
                abort();
            fields[depth] = field;
            st_buffer_init(&levels[depth], 1u << 20);
            at++;
        } else {
            wire_put_scalar(&levels[depth], field, &at);
        }
    }
    if (depth != 0)
        abort();
    if (levels[0].len > 0)
        wire_put(out, levels[0].data, levels[0].len);
    st_buffer_free(&levels[0]);
}

#endif
