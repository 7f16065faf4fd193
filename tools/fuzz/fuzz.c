/* tools/fuzz/fuzz.c - see fuzz.h. Nothing here may depend on anything but the input. */
#include "tools/fuzz/fuzz.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

#define ZSTD_MAGIC_BYTES 4
#define ZSTD_BLOCK_BYTES 65536u

void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* ---- what must be reached ---- */

static const fuzz_goal *all_goals;
static size_t goals_count;

static void say_goals(void)
{
    for (size_t i = 0; i < goals_count; i++)
        if (all_goals[i].what != NULL)
            fprintf(stderr, "reached: %lu %s\n", all_goals[i].times, all_goals[i].what);
}

void fuzz_must_reach(const fuzz_goal *goals, size_t count)
{
    FUZZ_MUST(all_goals == NULL);
    all_goals = goals;
    goals_count = count;
    FUZZ_MUST(atexit(say_goals) == 0);
}

unsigned long fuzz_reached(void)
{
    unsigned long times = 0;
    for (size_t i = 0; i < goals_count; i++)
        times += all_goals[i].times;
    return times;
}

/* ---- choices ---- */

uint8_t fuzz_u8(fuzz_bytes *bytes)
{
    if (bytes->len == 0)
        return 0;
    bytes->len--;
    return *bytes->data++;
}

uint16_t fuzz_u16(fuzz_bytes *bytes)
{
    uint16_t high = fuzz_u8(bytes);
    return (uint16_t)(high << 8 | fuzz_u8(bytes));
}

uint64_t fuzz_u64(fuzz_bytes *bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | fuzz_u8(bytes);
    return v;
}

uint32_t fuzz_below(fuzz_bytes *bytes, uint32_t below)
{
    return (below > 256 ? fuzz_u16(bytes) : fuzz_u8(bytes)) % below;
}

const uint8_t *fuzz_take(fuzz_bytes *bytes, size_t len, size_t *out_len)
{
    const uint8_t *at = bytes->data;
    if (len > bytes->len)
        len = bytes->len;
    bytes->data += len;
    bytes->len -= len;
    *out_len = len;
    return at;
}

void fuzz_text(fuzz_bytes *bytes, char *out, size_t size)
{
    size_t len = 0;
    while (bytes->len > 0) {
        char c = (char)fuzz_u8(bytes);
        if (c == '\0')
            break;
        if (len + 1 < size)
            out[len++] = c;
    }
    out[len] = '\0';
}

/* ---- what must hold ---- */

void fuzz_must_be_json(const void *text, size_t len)
{
    const char *at = text, *end = NULL;
    if (len > 0 && at[len - 1] == '\n')
        len--;
    FUZZ_MUST(st_text_is_utf8(at, len));
    for (size_t i = 0; i < len; i++)
        FUZZ_MUST((uint8_t)at[i] >= ' ');
    cJSON *json = cJSON_ParseWithLengthOpts(at, len, &end, false);
    FUZZ_MUST(json != NULL && end == at + len);
    cJSON_Delete(json);
}

void fuzz_must_be_same(const st_buffer *a, const st_buffer *b)
{
    FUZZ_MUST(a->len == b->len);
    FUZZ_MUST(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* ---- streams ---- */

void fuzz_append(st_buffer *out, const void *data, size_t len)
{
    if (len > 0)
        FUZZ_MUST(st_buffer_append(out, data, len, NULL) == ST_OK);
}

void fuzz_frame(const void *frame, size_t len, st_buffer *out)
{
    uint8_t head[10];
    size_t count = 0;
    for (size_t left = len; count == 0 || left > 0; left >>= 7)
        head[count++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80u : 0));
    fuzz_append(out, head, count);
    fuzz_append(out, frame, len);
}

/* RFC 8878: magic, a window of 64 KiB, then raw blocks: last 1 bit, type 2 bits, size 21 bits. */
void fuzz_stream(const void *data, size_t len, st_buffer *out)
{
    static const uint8_t HEAD[ZSTD_MAGIC_BYTES + 2] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 6 << 3 };
    const uint8_t *at = data;
    bool last = false;
    fuzz_append(out, HEAD, sizeof HEAD);
    while (!last) {
        size_t size = len < ZSTD_BLOCK_BYTES ? len : ZSTD_BLOCK_BYTES;
        last = size == len;
        uint32_t head = (uint32_t)size << 3 | (last ? 1u : 0);
        uint8_t bytes[3] = { (uint8_t)head, (uint8_t)(head >> 8), (uint8_t)(head >> 16) };
        fuzz_append(out, bytes, sizeof bytes);
        fuzz_append(out, at, size);
        at = last ? at : at + size;
        len -= size;
    }
}
