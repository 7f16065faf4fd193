/* proto/record.c - promises one record and one vector as plain sorted arrays: empty, copied,
 * searched and summed. The sum is the same for whoever holds the same live operations and acts,
 * however they came; it depends on nothing else (not on times, persons, carriers).
 * Must never take memory outside the record's arena and never change what a copy shares. */
#include "proto/record.h"

#include <assert.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash.h"

/* Values longer than this enter a sum by their own hash, so that the text that is hashed for one
 * operation stays small and on the stack. */
#define SUM_VALUE_BYTES 32u
#define DOT_BYTES 24u
#define SUM_TEXT_BYTES (16u + ST_PATH_BYTES_MAX + DOT_BYTES + 1u + 4u + SUM_VALUE_BYTES)

void st_record_init(st_record *record, st_arena *arena, const st_id *id, const st_bucket *bucket)
{
    assert(record != NULL && arena != NULL);
    assert(id != NULL && bucket != NULL);
    *record = (st_record){ .arena = arena, .id = *id, .bucket = *bucket };
}

void st_vector_init(st_vector *vector, st_arena *arena)
{
    assert(vector != NULL && arena != NULL);
    *vector = (st_vector){ .arena = arena };
}

/* One array of a copy; *capacity becomes what it has room for. */
static void *copy_array(st_arena *arena, const void *array, size_t count, size_t size,
                        size_t *capacity)
{
    *capacity = count;
    if (count == 0)
        return NULL;
    void *copy = st_arena_array(arena, count, size);
    if (copy != NULL)
        memcpy(copy, array, count * size);
    return copy;
}

st_err st_record_copy(const st_record *record, st_arena *arena, st_record *out_record,
                      st_error *error)
{
    assert(record != NULL && arena != NULL && out_record != NULL);
    st_record copy = *record;
    copy.arena = arena;
    copy.metas = copy_array(arena, record->metas, record->metas_count, sizeof *record->metas,
                            &copy.metas_capacity);
    copy.lives = copy_array(arena, record->lives, record->lives_count, sizeof *record->lives,
                            &copy.lives_capacity);
    copy.waitings = copy_array(arena, record->waitings, record->waitings_count,
                               sizeof *record->waitings, &copy.waitings_capacity);
    copy.wrote = copy_array(arena, record->wrote, record->wrote_count, sizeof *record->wrote,
                            &copy.wrote_capacity);
    if ((copy.metas == NULL && copy.metas_count > 0) ||
        (copy.lives == NULL && copy.lives_count > 0) ||
        (copy.waitings == NULL && copy.waitings_count > 0) ||
        (copy.wrote == NULL && copy.wrote_count > 0))
        return st_fail(error, ST_E_MEMORY, "record: no memory for a copy");
    *out_record = copy;
    return ST_OK;
}

st_err st_vector_copy(const st_vector *vector, st_arena *arena, st_vector *out_vector,
                      st_error *error)
{
    assert(vector != NULL && arena != NULL && out_vector != NULL);
    st_vector copy = *vector;
    copy.arena = arena;
    copy.upto = copy_array(arena, vector->upto, vector->upto_count, sizeof *vector->upto,
                           &copy.upto_capacity);
    copy.extras = copy_array(arena, vector->extras, vector->extras_count, sizeof *vector->extras,
                             &copy.extras_capacity);
    copy.holes = copy_array(arena, vector->holes, vector->holes_count, sizeof *vector->holes,
                            &copy.holes_capacity);
    if ((copy.upto == NULL && copy.upto_count > 0) ||
        (copy.extras == NULL && copy.extras_count > 0) ||
        (copy.holes == NULL && copy.holes_count > 0))
        return st_fail(error, ST_E_MEMORY, "vector: no memory for a copy");
    *out_vector = copy;
    return ST_OK;
}

size_t st_record_seek(const st_record *record, const st_path *path)
{
    assert(record != NULL && path != NULL);
    size_t low = 0, high = record->lives_count;
    /* Operations of one change come in path order: most often the place is the end. */
    if (high == 0 || st_path_cmp(&record->lives[high - 1].op.path, path) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_path_cmp(&record->lives[middle].op.path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

st_span st_record_path(const st_record *record, const st_path *path)
{
    st_span span = { st_record_seek(record, path), 0 };
    while (span.first + span.count < record->lives_count &&
           st_path_cmp(&record->lives[span.first + span.count].op.path, path) == 0)
        span.count++;
    return span;
}

size_t st_record_meta(const st_record *record, const st_dot *dot)
{
    assert(record != NULL && dot != NULL);
    size_t low = 0, high = record->metas_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = st_dot_cmp(&record->metas[middle].dot, dot);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static uint8_t *put_dot(uint8_t *p, const st_dot *dot)
{
    memcpy(p, dot->device.b, sizeof dot->device.b);
    st_put_u64(p + sizeof dot->device.b, dot->counter);
    return p + DOT_BYTES;
}

size_t st_path_encode(const st_path *path, uint8_t out[ST_PATH_BYTES_MAX])
{
    assert(path != NULL && out != NULL);
    assert(path->element_len <= sizeof path->element);
    uint8_t *p = out;
    size_t key_len = strlen(path->key.s);
    *p++ = (uint8_t)path->kind;
    st_put_u16(p, path->group);
    st_put_u16(p + 2, path->field);
    p += 4;
    *p++ = (uint8_t)key_len;
    memcpy(p, path->key.s, key_len);
    p = put_dot(p + key_len, &path->item);
    st_put_u16(p, path->place);
    p += 2;
    *p++ = path->element_len;
    memcpy(p, path->element, path->element_len);
    return (size_t)(p - out) + path->element_len;
}

static uint8_t *put_value(uint8_t *p, const st_value *value)
{
    *p++ = (uint8_t)value->kind;
    switch (value->kind) {
    case ST_VALUE_NULL:
    case ST_VALUE_ERASED:
        return p;
    case ST_VALUE_INT:
        st_put_u64(p, (uint64_t)value->number);
        return p + 8;
    default:
        break;
    }
    st_put_u32(p, value->len);
    p += 4;
    if (value->len > SUM_VALUE_BYTES) {
        st_siphash128(value->data, value->len, p);
        return p + 16;
    }
    if (value->len > 0)
        memcpy(p, value->data, value->len);
    return p + value->len;
}

/* *sum += the hash of text, modulo 2^128. */
static void sum_text(st_sum *sum, const uint8_t *text, const uint8_t *end)
{
    st_sum one;
    st_siphash128(text, (size_t)(end - text), one.b);
    st_sum_add(sum, &one);
}

st_sum st_record_sum(const st_record *record)
{
    assert(record != NULL);
    st_sum sum = { { 0 } };
    uint8_t text[SUM_TEXT_BYTES];
    uint8_t *after_id = text + sizeof record->id.b;
    memcpy(text, record->id.b, sizeof record->id.b);
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        uint8_t *p = after_id + st_path_encode(&live->op.path, after_id);
        p = put_dot(p, &record->metas[live->meta].dot);
        sum_text(&sum, text, put_value(p, &live->op.value));
    }
    for (size_t i = 0; i < record->metas_count; i++) {
        const st_meta *meta = &record->metas[i];
        if (meta->act == ST_ACT_NONE)
            continue;
        memcpy(after_id, "act", 3);          /* a path begins with its kind, which is no letter */
        uint8_t *p = put_dot(after_id + 3, &meta->dot);
        *p++ = (uint8_t)meta->act;
        sum_text(&sum, text, p);
    }
    return sum;
}

void st_sum_add(st_sum *sum, const st_sum *other)
{
    assert(sum != NULL && other != NULL);
    uint64_t low = st_get_u64(sum->b + 8), high = st_get_u64(sum->b);
    uint64_t total = low + st_get_u64(other->b + 8);
    st_put_u64(sum->b + 8, total);
    st_put_u64(sum->b, high + st_get_u64(other->b) + (total < low));
}

void st_sum_subtract(st_sum *sum, const st_sum *other)
{
    assert(sum != NULL && other != NULL);
    uint64_t low = st_get_u64(sum->b + 8), high = st_get_u64(sum->b);
    uint64_t take = st_get_u64(other->b + 8);
    st_put_u64(sum->b + 8, low - take);
    st_put_u64(sum->b, high - st_get_u64(other->b) - (low < take));
}
