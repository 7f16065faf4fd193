/* proto/vector_wire.c - the vector of a bucket as stored bytes (VectorState) and back. Promises the
 * same bytes for the same content, and that what decodes is sorted as the fold relies on.
 * Must never keep a pointer into the bytes it read. */
#include <assert.h>
#include <string.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

#define SCRATCH_BYTES_MAX (256u * 1024u * 1024u)

static ProtobufCBinaryData id_bytes(const st_id *id)
{
    union { const uint8_t *in; uint8_t *out; } cast = { id->b };  /* the packer only reads */
    return (ProtobufCBinaryData){ sizeof id->b, cast.out };
}

/* NULL without memory. */
static Sotay__StoredExtra **make_extras(st_arena *arena, const st_extra *extras, size_t count)
{
    Sotay__StoredExtra **list = st_arena_array(arena, count, sizeof *list);
    Sotay__StoredExtra *each = st_arena_array(arena, count, sizeof *each);
    if (list == NULL || each == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        sotay__stored_extra__init(&each[i]);
        each[i].device = id_bytes(&extras[i].dot.device);
        each[i].counter = extras[i].dot.counter;
        each[i].prev = extras[i].prev;
        each[i].record = id_bytes(&extras[i].record);
        list[i] = &each[i];
    }
    return list;
}

static bool fill(st_arena *arena, Sotay__VectorState *out, const st_vector *vector)
{
    sotay__vector_state__init(out);
    out->n_upto = vector->upto_count;
    out->upto = st_arena_array(arena, vector->upto_count, sizeof *out->upto);
    Sotay__Upto *each = st_arena_array(arena, vector->upto_count, sizeof *each);
    out->n_extras = vector->extras_count;
    out->extras = make_extras(arena, vector->extras, vector->extras_count);
    out->n_holes = vector->holes_count;
    out->holes = make_extras(arena, vector->holes, vector->holes_count);
    if (out->upto == NULL || each == NULL || out->extras == NULL || out->holes == NULL)
        return false;
    for (size_t i = 0; i < vector->upto_count; i++) {
        sotay__upto__init(&each[i]);
        each[i].device = id_bytes(&vector->upto[i].device);
        each[i].counter = vector->upto[i].counter;
        out->upto[i] = &each[i];
    }
    return true;
}

st_err st_vector_encode(const st_vector *vector, st_buffer *out, st_error *error)
{
    assert(vector != NULL && out != NULL);
    st_err err = ST_OK;
    st_arena arena;
    Sotay__VectorState message;
    st_arena_init(&arena, SCRATCH_BYTES_MAX);
    uint8_t *to = NULL;
    size_t len = 0;
    if (!fill(&arena, &message, vector)) {
        err = st_fail(error, ST_E_MEMORY, "vector: no memory to encode");
        goto done;
    }
    len = sotay__vector_state__get_packed_size(&message);
    if (len > out->max - out->len) {
        err = st_fail(error, ST_E_TOO_LARGE, "vector: %zu bytes to store", len);
        goto done;
    }
    to = st_buffer_reserve(out, len);
    if (to == NULL)
        err = st_fail(error, ST_E_MEMORY, "vector: no memory for %zu bytes", len);
    else
        out->len += sotay__vector_state__pack(&message, to);
done:
    st_arena_reset(&arena);
    return err;
}

static bool read_id(const ProtobufCBinaryData *bytes, st_id *out)
{
    if (bytes->len != sizeof out->b)
        return false;
    memcpy(out->b, bytes->data, sizeof out->b);
    return true;
}

static bool read_extras(Sotay__StoredExtra *const *in, size_t count, st_extra *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i].dot.counter = in[i]->counter;
        out[i].prev = in[i]->prev;
        if (in[i]->counter == 0 || in[i]->prev >= in[i]->counter ||
            !read_id(&in[i]->device, &out[i].dot.device) ||
            !read_id(&in[i]->record, &out[i].record) ||
            (i > 0 && st_dot_cmp(&out[i - 1].dot, &out[i].dot) >= 0))
            return false;
    }
    return true;
}

static bool read_upto(const Sotay__VectorState *in, st_upto *out)
{
    for (size_t i = 0; i < in->n_upto; i++) {
        out[i].counter = in->upto[i]->counter;
        if (!read_id(&in->upto[i]->device, &out[i].device) ||
            (i > 0 && st_id_cmp(&out[i - 1].device, &out[i].device) >= 0))
            return false;
    }
    return true;
}

st_err st_vector_decode(const uint8_t *bytes, size_t len, st_arena *arena, st_vector *out_vector,
                        st_error *error)
{
    assert(arena != NULL && out_vector != NULL);
    void *message = NULL;
    st_err err = st_wire_unpack_state(bytes, len, &sotay__vector_state__descriptor, arena,
                                      &message, error);
    if (err != ST_OK)
        return err;
    const Sotay__VectorState *in = message;
    st_vector vector = { .arena = arena };
    vector.upto = st_arena_array(arena, in->n_upto, sizeof *vector.upto);
    vector.extras = st_arena_array(arena, in->n_extras, sizeof *vector.extras);
    vector.holes = st_arena_array(arena, in->n_holes, sizeof *vector.holes);
    if (vector.upto == NULL || vector.extras == NULL || vector.holes == NULL)
        return st_fail(error, ST_E_MEMORY, "vector: no memory to decode");
    if (!read_upto(in, vector.upto) || !read_extras(in->extras, in->n_extras, vector.extras) ||
        !read_extras(in->holes, in->n_holes, vector.holes))
        return st_fail(error, ST_E_CORRUPT, "vector: stored state is damaged or out of order");
    vector.upto_count = vector.upto_capacity = in->n_upto;
    vector.extras_count = vector.extras_capacity = in->n_extras;
    vector.holes_count = vector.holes_capacity = in->n_holes;
    *out_vector = vector;
    return ST_OK;
}
