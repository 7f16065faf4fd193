/* proto/bytes.c - promises buffers that cannot outgrow the maximum they were born with, and texts
 * of bytes (hex, base64) that have exactly one spelling on the way in.
 * Must never read past a given length or accept a second spelling of the same bytes. */
#include "proto/bytes.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256u

void st_buffer_init(st_buffer *buffer, size_t max)
{
    assert(buffer != NULL);
    *buffer = (st_buffer){ .max = max };
}

void st_buffer_free(st_buffer *buffer)
{
    assert(buffer != NULL);
    free(buffer->data);
    *buffer = (st_buffer){ .max = buffer->max };
}

void st_buffer_clear(st_buffer *buffer)
{
    assert(buffer != NULL);
    buffer->len = 0;
}

/* True when `len` more bytes are allowed; says nothing about memory. */
static bool has_room(const st_buffer *buffer, size_t len)
{
    assert(buffer->len <= buffer->max);
    return len <= buffer->max - buffer->len;
}

uint8_t *st_buffer_reserve(st_buffer *buffer, size_t len)
{
    assert(buffer != NULL);
    if (!has_room(buffer, len))
        return NULL;
    size_t need = buffer->len + len;
    if (buffer->data != NULL && need <= buffer->capacity)
        return buffer->data + buffer->len;
    size_t capacity = buffer->capacity > buffer->max / 2 ? buffer->max : buffer->capacity * 2;
    if (capacity < FIRST_CAPACITY)
        capacity = buffer->max < FIRST_CAPACITY ? buffer->max : FIRST_CAPACITY;
    if (capacity < need)
        capacity = need;
    uint8_t *data = realloc(buffer->data, capacity > 0 ? capacity : 1);
    if (data == NULL)
        return NULL;
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->len;
}

st_err st_buffer_room(st_buffer *buffer, size_t len, uint8_t **out_at, st_error *error)
{
    if (!has_room(buffer, len))
        return st_fail(error, ST_E_TOO_LARGE, "buffer: %zu bytes and %zu more are over %zu",
                       buffer->len, len, buffer->max);
    uint8_t *at = st_buffer_reserve(buffer, len);
    if (at == NULL)
        return st_fail(error, ST_E_MEMORY, "buffer: no memory for %zu bytes", len);
    *out_at = at;
    return ST_OK;
}

st_err st_buffer_append(st_buffer *buffer, const void *data, size_t len, st_error *error)
{
    assert(buffer != NULL && (data != NULL || len == 0));
    uint8_t *at = NULL;
    st_err err = st_buffer_room(buffer, len, &at, error);
    if (err != ST_OK || len == 0)
        return err;
    memcpy(at, data, len);
    buffer->len += len;
    return ST_OK;
}

st_err st_buffer_printf(st_buffer *buffer, st_error *error, const char *format, ...)
{
    assert(buffer != NULL && format != NULL);
    char small[512];
    va_list arguments;
    va_start(arguments, format);
    int chars = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (chars < 0 || chars == INT_MAX)
        return st_fail(error, ST_E_VALUE, "buffer: the text cannot be formatted");
    size_t len = (size_t)chars;
    if (len < sizeof small)
        return st_buffer_append(buffer, small, len, error);
    if (!has_room(buffer, len))
        return st_fail(error, ST_E_TOO_LARGE, "buffer: %zu bytes and %zu more are over %zu",
                       buffer->len, len, buffer->max);
    /* vsnprintf writes a NUL that the maximum does not pay for, so a long text takes a detour. */
    char *text = malloc(len + 1);
    if (text == NULL)
        return st_fail(error, ST_E_MEMORY, "buffer: no memory for %zu bytes", len);
    va_start(arguments, format);
    (void)vsnprintf(text, len + 1, format, arguments);
    va_end(arguments);
    st_err err = st_buffer_append(buffer, text, len, error);
    free(text);
    return err;
}

void st_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void st_put_u32(uint8_t *p, uint32_t v)
{
    st_put_u16(p, (uint16_t)(v >> 16));
    st_put_u16(p + 2, (uint16_t)v);
}

void st_put_u64(uint8_t *p, uint64_t v)
{
    st_put_u32(p, (uint32_t)(v >> 32));
    st_put_u32(p + 4, (uint32_t)v);
}

uint16_t st_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t st_get_u32(const uint8_t *p)
{
    return (uint32_t)st_get_u16(p) << 16 | st_get_u16(p + 2);
}

uint64_t st_get_u64(const uint8_t *p)
{
    return (uint64_t)st_get_u32(p) << 32 | st_get_u32(p + 4);
}

void st_hex(const void *data, size_t bytes, char *text)
{
    static const char DIGITS[] = "0123456789abcdef";
    const uint8_t *p = data;
    assert(text != NULL && (data != NULL || bytes == 0));
    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = DIGITS[p[i] >> 4];
        text[2 * i + 1] = DIGITS[p[i] & 15];
    }
    text[2 * bytes] = '\0';
}

/* 0..15, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool st_unhex(const char *text, size_t chars, void *out, size_t bytes)
{
    assert(text != NULL && out != NULL);
    if (chars / 2 != bytes || chars % 2 != 0)
        return false;
    for (size_t i = 0; i < chars; i++) {
        if (hex_digit(text[i]) < 0)
            return false;
    }
    uint8_t *p = out;
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return true;
}

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Writes the digits without padding and without NUL; returns how many. */
static size_t encode64(const char *alphabet, const uint8_t *p, size_t bytes, char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i += 3) {
        size_t here = bytes - i < 3 ? bytes - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16;
        if (here > 1)
            bits |= (uint32_t)p[i + 1] << 8;
        if (here > 2)
            bits |= p[i + 2];
        for (size_t k = 0; k <= here; k++)
            text[n++] = alphabet[bits >> (18 - 6 * k) & 63];
    }
    return n;
}

static int digit64(const char *alphabet, char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? -1 : (int)(at - alphabet);
}

/* Decodes digits without padding. The unused low bits of the last digit must be 0: else the same
 * bytes would have several spellings. */
static size_t decode64(const char *alphabet, const char *text, size_t chars, uint8_t *out)
{
    size_t n = 0;
    if (chars % 4 == 1)
        return SIZE_MAX;
    uint32_t bits = 0;
    for (size_t i = 0; i < chars; i++) {
        int digit = digit64(alphabet, text[i]);
        if (digit < 0)
            return SIZE_MAX;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 == 0)
            continue;
        unsigned spare = 6 - 2 * (unsigned)(i % 4); /* bits that belong to the next byte */
        out[n++] = (uint8_t)(bits >> spare);
        bits &= (1u << spare) - 1;
    }
    return bits == 0 ? n : SIZE_MAX;
}

void st_base64(const void *data, size_t bytes, char *text)
{
    assert(text != NULL && (data != NULL || bytes == 0));
    size_t n = encode64(STANDARD, data, bytes, text);
    while (n % 4 != 0)
        text[n++] = '=';
    text[n] = '\0';
}

size_t st_unbase64(const char *text, size_t chars, uint8_t *out)
{
    assert(text != NULL || chars == 0);
    if (chars % 4 != 0)
        return SIZE_MAX;
    if (chars > 0 && text[chars - 1] == '=')
        chars -= text[chars - 2] == '=' ? 2 : 1;
    return decode64(STANDARD, text, chars, out);
}

void st_base64url(const void *data, size_t bytes, char *text)
{
    assert(text != NULL && (data != NULL || bytes == 0));
    text[encode64(URL, data, bytes, text)] = '\0';
}

size_t st_unbase64url(const char *text, size_t chars, uint8_t *out)
{
    assert(text != NULL || chars == 0);
    return decode64(URL, text, chars, out);
}
