/* proto/repair.c - ranges of record ids and what is said of them.
 * Promises: both sides cut a bucket in the same way, whatever order they hold it in. */
#include "proto/repair.h"

#include <assert.h>
#include <string.h>

#include "proto/hash.h"

#define VECTOR_BYTES_MAX (16u * 1024u * 1024u)

static unsigned nibble_of(const uint8_t b[16], unsigned at)
{
    return at % 2 == 0 ? b[at / 2] >> 4 : b[at / 2] & 15u;
}

st_range st_range_part(const st_range *range, unsigned nibble)
{
    assert(range->count < 32 && nibble < ST_REPAIR_PARTS);
    st_range part = *range;
    part.b[part.count / 2] =
        (uint8_t)(part.b[part.count / 2] | (part.count % 2 == 0 ? nibble << 4 : nibble));
    part.count++;
    return part;
}

/* -1: the id comes before the range, 0: it is in it, 1: behind it. */
static int place(const st_range *range, const st_id *id)
{
    int order = memcmp(id->b, range->b, range->count / 2);
    if (order != 0 || range->count % 2 == 0)
        return order < 0 ? -1 : order > 0;
    unsigned mine = nibble_of(id->b, range->count - 1u);
    unsigned its = nibble_of(range->b, range->count - 1u);
    return mine < its ? -1 : mine > its;
}

bool st_range_has(const st_range *range, const st_id *id)
{
    return place(range, id) == 0;
}

unsigned st_range_part_of(const st_range *range, const st_id *id)
{
    assert(range->count < 32);
    return nibble_of(id->b, range->count);
}

st_brief st_sum_brief(const st_sum *sum)
{
    st_brief brief;
    memcpy(brief.b, sum->b, sizeof brief.b);
    return brief;
}

st_err st_vector_hash(const st_vector *vector, uint8_t out[8], st_error *error)
{
    st_buffer bytes;
    st_buffer_init(&bytes, VECTOR_BYTES_MAX);
    st_err err = st_vector_encode(vector, &bytes, error);
    if (err == ST_OK) {
        st_hash hash = st_sha256(bytes.data, bytes.len);
        memcpy(out, hash.b, 8);
    }
    st_buffer_free(&bytes);
    return err;
}

void st_range_find(const st_range *range, const st_record_total *totals, size_t count,
                   size_t *out_first, size_t *out_end)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place(range, &totals[middle].id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_first = low;
    high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place(range, &totals[middle].id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_end = low;
}

st_err st_repair_describe(const st_range *range, const st_record_total *totals, size_t count,
                          st_arena *arena, st_repair_range *out_range, st_error *error)
{
    size_t first = 0, end = 0;
    st_sum sums[ST_REPAIR_PARTS];
    memset(out_range, 0, sizeof *out_range);
    out_range->range = *range;
    st_range_find(range, totals, count, &first, &end);
    if (end - first <= ST_REPAIR_LIST_MAX || range->count >= 32) {
        st_record_brief *list = st_arena_array(arena, end - first, sizeof *list);
        if (list == NULL)
            return st_fail(error, ST_E_MEMORY, "repair: out of memory");
        for (size_t i = first; i < end; i++)
            list[i - first] = (st_record_brief){ totals[i].id, st_sum_brief(&totals[i].sum) };
        out_range->is_list = true;
        out_range->records = list;
        out_range->records_count = (uint32_t)(end - first);
        return ST_OK;
    }
    memset(sums, 0, sizeof sums);
    for (size_t i = first; i < end; i++)
        st_sum_add(&sums[st_range_part_of(range, &totals[i].id)], &totals[i].sum);
    for (unsigned i = 0; i < ST_REPAIR_PARTS; i++)
        out_range->parts[i] = st_sum_brief(&sums[i]);
    return ST_OK;
}
