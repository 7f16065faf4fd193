/* proto/id.c - promises that ids, dots and paths have one order and one spelling everywhere.
 * Must never depend on the machine's byte order or on bytes behind a NUL; a text that is not
 * exactly what the formatter writes is no id. */
#include "proto/id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash.h"

#define ID_CHARS 32u

static int cmp_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int st_id_cmp(const st_id *a, const st_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

int st_dot_cmp(const st_dot *a, const st_dot *b)
{
    int order = st_id_cmp(&a->device, &b->device);
    return order != 0 ? order : cmp_u64(a->counter, b->counter);
}

static int element_cmp(const st_path *a, const st_path *b)
{
    assert(a->element_len <= sizeof a->element && b->element_len <= sizeof b->element);
    size_t shorter = a->element_len < b->element_len ? a->element_len : b->element_len;
    int order = memcmp(a->element, b->element, shorter);
    return order != 0 ? order : cmp_u64(a->element_len, b->element_len);
}

int st_path_cmp(const st_path *a, const st_path *b)
{
    int order = cmp_u64(a->group, b->group);
    if (order == 0)
        order = strcmp(a->key.s, b->key.s);
    if (order == 0)
        order = st_dot_cmp(&a->item, &b->item);
    if (order == 0)
        order = cmp_u64(a->place, b->place);
    if (order == 0)
        order = cmp_u64(a->field, b->field);
    if (order == 0)
        order = element_cmp(a, b);
    return order;
}

bool st_id_is_zero(const st_id *id)
{
    static const st_id ZERO = { { 0 } };
    return st_id_cmp(id, &ZERO) == 0;
}

bool st_dot_is_zero(const st_dot *dot)
{
    return dot->counter == 0;
}

void st_id_format(const st_id *id, char *text)
{
    assert(id != NULL && text != NULL);
    st_hex(id->b, sizeof id->b, text);
}

/* 32 lower-case hex digits at text; what follows is the caller's business. */
static bool parse_id(const char *text, st_id *out_id)
{
    for (size_t i = 0; i < ID_CHARS; i++) {
        /* Also ends the loop at a NUL. */
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return st_unhex(text, ID_CHARS, out_id->b, sizeof out_id->b);
}

/* A decimal number up to max without leading zeros; *end is the first character behind it. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out_number, const char **out_end)
{
    const char *p = text;
    uint64_t number = 0;
    if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (p == text)
        return false;
    *out_number = number;
    *out_end = p;
    return true;
}

bool st_id_parse(const char *text, st_id *out_id)
{
    assert(text != NULL && out_id != NULL);
    st_id id;
    if (!parse_id(text, &id) || text[ID_CHARS] != '\0')
        return false;
    *out_id = id;
    return true;
}

void st_dot_format(const st_dot *dot, char *text)
{
    assert(dot != NULL && text != NULL);
    st_id_format(&dot->device, text);
    (void)snprintf(text + ID_CHARS, ST_DOT_TEXT_BYTES - ID_CHARS, ":%" PRIu64, dot->counter);
}

/* "<32 hex>:<counter>"; *end is behind it. */
static bool parse_dot(const char *text, st_dot *out_dot, const char **out_end)
{
    return parse_id(text, &out_dot->device) && text[ID_CHARS] == ':' &&
           parse_number(text + ID_CHARS + 1, INT64_MAX, &out_dot->counter, out_end) &&
           out_dot->counter > 0;
}

bool st_dot_parse(const char *text, st_dot *out_dot)
{
    assert(text != NULL && out_dot != NULL);
    st_dot dot;
    const char *end = NULL;
    if (!parse_dot(text, &dot, &end) || *end != '\0')
        return false;
    *out_dot = dot;
    return true;
}

void st_item_format(const st_dot *item, uint16_t place, char *text)
{
    st_dot_format(item, text);
    size_t len = strlen(text);
    (void)snprintf(text + len, ST_ITEM_TEXT_BYTES - len, ":%u", (unsigned)place);
}

bool st_item_parse(const char *text, st_dot *out_item, uint16_t *out_place)
{
    assert(text != NULL && out_item != NULL && out_place != NULL);
    st_dot item;
    uint64_t place = 0;
    const char *end = NULL;
    if (!parse_dot(text, &item, &end) || *end != ':' ||
        !parse_number(end + 1, UINT16_MAX, &place, &end) || *end != '\0')
        return false;
    *out_item = item;
    *out_place = (uint16_t)place;
    return true;
}

/* Letters, digits, '_', '.', '-': what a part between slashes is made of. */
static bool is_part_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

bool st_code_set(st_code *out_code, const char *text, size_t len)
{
    assert(out_code != NULL && (text != NULL || len == 0));
    if (len == 0 || len > ST_CODE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_part_char(text[i]) && text[i] != '/')
            return false;
    }
    st_code code = { { 0 } };
    memcpy(code.s, text, len);
    *out_code = code;
    return true;
}

/* Length of the part that begins at text: 1..ST_CODE_BYTES_MAX, else 0. */
static size_t part_len(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && is_part_char(text[n]))
        n++;
    return n <= ST_CODE_BYTES_MAX ? n : 0;
}

bool st_bucket_set(st_bucket *out_bucket, const char *text, size_t len)
{
    static const char *const KINDS[] = { "catalogue", "council", "review" };
    static const char UNIT[] = "unit/";
    assert(out_bucket != NULL && (text != NULL || len == 0));
    if (len == 0 || len > ST_BUCKET_BYTES_MAX)
        return false;
    size_t commune = part_len(text, len);
    if (commune == 0 || commune == len || text[commune] != '/')
        return false;
    const char *rest = text + commune + 1;
    size_t rest_len = len - commune - 1;
    bool known = false;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        known |= rest_len == strlen(KINDS[i]) && memcmp(rest, KINDS[i], rest_len) == 0;
    size_t unit = sizeof UNIT - 1;
    if (!known && rest_len > unit && memcmp(rest, UNIT, unit) == 0)
        known = part_len(rest + unit, rest_len - unit) == rest_len - unit;
    if (!known)
        return false;
    st_bucket bucket = { { 0 } };
    memcpy(bucket.s, text, len);
    *out_bucket = bucket;
    return true;
}

/* The leading 16 bytes of a hash, as ids are made. */
static st_id id_of_hash(const st_hash *hash)
{
    st_id id;
    memcpy(id.b, hash->b, sizeof id.b);
    return id;
}

st_id st_record_id(const st_dot *creating, const uint8_t random[16])
{
    assert(creating != NULL && random != NULL);
    uint8_t text[16 + 8 + 16];
    memcpy(text, creating->device.b, 16);
    st_put_u64(text + 16, creating->counter);
    memcpy(text + 24, random, 16);
    st_hash hash = st_sha256(text, sizeof text);
    return id_of_hash(&hash);
}

st_id st_device_id(const uint8_t sign_key[32])
{
    st_hash hash = st_sha256(sign_key, 32);
    return id_of_hash(&hash);
}

st_id st_log_id(const uint8_t log_key[32])
{
    st_hash hash = st_sha256(log_key, 32);
    return id_of_hash(&hash);
}
