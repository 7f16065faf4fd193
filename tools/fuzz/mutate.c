/* tools/fuzz/mutate.c - changes protobuf messages so that the lengths around the change still fit:
 * a mutation of plain bytes nearly always breaks them, and nothing behind the first check is
 * reached. Promises that the same seed makes the same change; must never write beyond size_max. */
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/fuzz.h"

#define DEPTH_MAX 10
#define ROOM      (1u << 20)

typedef struct {
    size_t at, payload, end; /* tag, behind tag and length, behind the field */
    unsigned wire;
} field;

typedef struct {
    uint64_t state;
} choice;

static uint32_t pick(choice *c, uint32_t below)
{
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(c->state >> 33) % below;
}

static bool read_varint(const uint8_t *data, size_t end, size_t *at, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = data[(*at)++];
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static size_t write_varint(uint64_t v, uint8_t *out)
{
    size_t len = 0;
    for (; v > 0x7f; v >>= 7)
        out[len++] = (uint8_t)(v | 0x80);
    out[len++] = (uint8_t)v;
    return len;
}

static bool read_field(const uint8_t *data, size_t end, size_t at, field *out)
{
    uint64_t tag, v = 0;
    out->at = at;
    if (!read_varint(data, end, &at, &tag) || tag < 8)
        return false;
    out->wire = (unsigned)(tag & 7);
    out->payload = at;
    if (out->wire == 0 && read_varint(data, end, &at, &v))
        out->end = at;
    else if (out->wire == 1 && end - at >= 8)
        out->end = at + 8;
    else if (out->wire == 5 && end - at >= 4)
        out->end = at + 4;
    else if (out->wire == 2 && read_varint(data, end, &at, &v) && v <= end - at) {
        out->payload = at;
        out->end = at + (size_t)v;
    } else
        return false;
    return true;
}

/* One of the fields of a message, or false when the bytes are none. */
static bool pick_field(const uint8_t *data, size_t from, size_t end, choice *c, field *out)
{
    field f = { from, from, from, 0 };
    uint32_t count = 0;
    for (size_t at = from; at < end; at = f.end) {
        if (!read_field(data, end, at, &f))
            return false;
        if (pick(c, ++count) == 0)
            *out = f;
    }
    return count > 0;
}

/* The new bytes of one field in `out` (ROOM bytes); returns their count. */
static size_t change_field(const uint8_t *data, const field *f, choice *c, uint8_t *out)
{
    static const uint64_t NUMBERS[] = { 0,        1,         2,         3,     127,
                                        128,      255,       65535,     65536, UINT32_MAX,
                                        1u << 31, INT64_MAX, UINT64_MAX };
    static uint8_t payload[ROOM];
    size_t tag_len = 1, len = f->end - f->payload;
    while ((data[f->at + tag_len - 1] & 0x80) != 0)
        tag_len++;
    memcpy(out, data + f->at, tag_len);
    if (pick(c, 12) == 0)
        out[0] = (uint8_t)((out[0] & 7) | (1 + pick(c, 15)) << 3);
    if (f->wire == 0) {
        uint64_t v = 0;
        size_t at = f->payload;
        (void)read_varint(data, f->end, &at, &v);
        uint32_t how = pick(c, 4);
        v = how == 0 ? v + 1 : how == 1 ? v - 1 : how == 2 ? pick(c, 32) : NUMBERS[pick(c, 13)];
        return tag_len + write_varint(v, out + tag_len);
    }
    memcpy(payload, data + f->payload, len);
    if (f->wire != 2) {
        (void)LLVMFuzzerMutate(payload, len, len);
        memcpy(out + tag_len, payload, len);
        return tag_len + len;
    }
    len = LLVMFuzzerMutate(payload, len, len + 64);
    size_t head = tag_len + write_varint(len, out + tag_len);
    memcpy(out + head, payload, len);
    return head + len;
}

/* A field that nobody asked for, or a copy of one from elsewhere in the input. */
static size_t new_field(const uint8_t *data, size_t size, choice *c, uint8_t *out)
{
    field f;
    if (pick(c, 2) == 0 && pick_field(data, 0, size, c, &f)) {
        memcpy(out, data + f.at, f.end - f.at);
        return f.end - f.at;
    }
    uint32_t number = 1 + pick(c, 20);
    bool is_bytes = pick(c, 2) == 0;
    size_t len = write_varint(number << 3 | (is_bytes ? 2u : 0), out);
    if (!is_bytes)
        return len + write_varint(pick(c, 300), out + len);
    uint32_t count = pick(c, 40);
    len += write_varint(count, out + len);
    for (uint32_t i = 0; i < count; i++)
        out[len++] = (uint8_t)pick(c, 256);
    return len;
}

typedef struct {
    uint8_t *data;
    size_t size, size_max;
    const field *around; /* outermost first */
    int depth;
} place;

/* Puts `with` in the place of data[from..to) and mends the lengths of the fields around it. Nothing
 * changes when there is no room. */
static size_t put_in(const place *p, size_t from, size_t to, const uint8_t *with, size_t with_len)
{
    static uint8_t a[ROOM], b[ROOM];
    uint8_t *now = a, *next = b;
    memcpy(now, with, with_len);
    for (int i = p->depth - 1; i >= 0; i--) {
        const field *f = &p->around[i];
        size_t before = from - f->payload, after = f->end - to, at = 1;
        size_t len = before + with_len + after;
        if (len + 16 > ROOM)
            return p->size;
        while ((p->data[f->at + at - 1] & 0x80) != 0)
            at++;
        memcpy(next, p->data + f->at, at);
        at += write_varint(len, next + at);
        memcpy(next + at, p->data + f->payload, before);
        memcpy(next + at + before, now, with_len);
        memcpy(next + at + before + with_len, p->data + to, after);
        with_len = at + len;
        from = f->at;
        to = f->end;
        uint8_t *swap = now;
        now = next;
        next = swap;
    }
    size_t size = p->size - (to - from) + with_len;
    if (size > p->size_max)
        return p->size;
    memmove(p->data + from + with_len, p->data + to, p->size - to);
    memcpy(p->data + from, now, with_len);
    return size;
}

size_t fuzz_mutate_message(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    static uint8_t out[ROOM];
    field around[DEPTH_MAX], f;
    choice c = { seed };
    place p = { data, size, size_max, around, 0 };
    if (size > ROOM / 4 || pick(&c, 10) == 0 || !pick_field(data, 0, size, &c, &f))
        return LLVMFuzzerMutate(data, size, size_max);
    while (f.wire == 2 && p.depth < DEPTH_MAX && pick(&c, 5) != 0) {
        field inner;
        if (!pick_field(data, f.payload, f.end, &c, &inner))
            break;
        around[p.depth++] = f;
        f = inner;
    }
    uint32_t how = pick(&c, 8);
    size_t len = 0;
    if (how == 0)
        return put_in(&p, f.at, f.end, out, 0);
    if (how == 1) {
        memcpy(out, data + f.at, f.end - f.at);
        return put_in(&p, f.end, f.end, out, f.end - f.at);
    }
    if (how == 2) {
        len = new_field(data, size, &c, out);
        return put_in(&p, f.end, f.end, out, len);
    }
    len = change_field(data, &f, &c, out);
    return put_in(&p, f.at, f.end, out, len);
}
