/* proto/record_live.c - the live operations of a record as stored bytes, written field by field.
 * A record has hundreds of them and little else: through messages and a packer they cost several
 * times as much. Promises the bytes that protobuf-c's packer makes of the same StoredLive: fields
 * in ascending order, each number as short as it can be, nothing that says zero.
 * Must never write a field that sotay.proto does not name there. */
#include <string.h>

#include "proto/record_parts.h"

#define LIVES_NO      9u  /* in RecordState */
#define VARINT_BYTES  10u /* at most, with 64 bits */
#define DOT_BYTES     (2u + 2u * (1u + VARINT_BYTES))
/* Tags, numbers and lengths of a StoredLive and its Op: all but what stands behind pointers. */
#define FIXED_BYTES   (2u * DOT_BYTES + 12u * (1u + VARINT_BYTES) + sizeof(st_id))
/* Tag and length of the live, its meta, tag and length of its op: written when the op's length is
 * known, in front of it. */
#define HEAD_BYTES    (3u * (1u + VARINT_BYTES))

static uint8_t *put_varint(uint8_t *at, uint64_t number)
{
    while (number >= 0x80) {
        *at++ = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *put_number(uint8_t *at, uint32_t no, uint64_t number)
{
    if (number == 0)
        return at;
    *at++ = (uint8_t)(no << 3);
    return put_varint(at, number);
}

static uint8_t *put_length(uint8_t *at, uint32_t no, size_t len)
{
    *at++ = (uint8_t)((no << 3) | 2u);
    return put_varint(at, len);
}

static uint8_t *put_bytes(uint8_t *at, uint32_t no, const void *data, size_t len)
{
    if (len == 0)
        return at;
    at = put_length(at, no, len);
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_dot(uint8_t *at, uint32_t no, uint32_t device, const st_dot *dot)
{
    uint8_t inside[DOT_BYTES];
    if (device == 0)
        return at;
    uint8_t *end = put_number(put_number(inside, 1, device), 2, dot->counter);
    return put_bytes(at, no, inside, (size_t)(end - inside));
}

/* Values of these kinds lie in the operation, the others beside it. */
static bool is_inline(st_value_kind kind)
{
    return kind == ST_VALUE_CODE || kind == ST_VALUE_ID;
}

static bool is_beside(st_value_kind kind)
{
    return !is_inline(kind) && kind != ST_VALUE_INT && kind != ST_VALUE_NULL &&
           kind != ST_VALUE_ERASED;
}

static uint8_t *put_op(uint8_t *at, const st_op *op, uint32_t item, uint32_t kept)
{
    const st_path *path = &op->path;
    const st_value *value = &op->value;
    at = put_number(at, 1, path->group);
    at = put_number(at, 2, path->field);
    at = put_bytes(at, 3, path->key.s, strlen(path->key.s));
    at = put_dot(at, 4, item, &path->item);
    at = put_number(at, 5, path->place);
    at = put_number(at, 6, (uint64_t)op->verb);
    at = put_bytes(at, 7, path->element, path->element_len);
    at = put_number(at, 9, (uint64_t)value->kind);
    if (value->kind == ST_VALUE_INT)
        at = put_number(at, 10,
                        ((uint64_t)value->number << 1) ^ (value->number < 0 ? UINT64_MAX : 0));
    if (is_inline(value->kind))
        at = put_bytes(at, 11, value->data, value->len);
    at = put_dot(at, 12, kept, &op->kept);
    if (!st_id_is_zero(&op->kept_actor))
        at = put_bytes(at, 13, op->kept_actor.b, sizeof op->kept_actor.b);
    return at;
}

st_err st_record_put_live(const st_live *live, uint32_t item, uint32_t kept, st_buffer *out,
                          st_error *error)
{
    const st_value *value = &live->op.value;
    size_t data_len = is_beside(value->kind) ? value->len : 0;
    size_t inline_len = is_inline(value->kind) ? value->len : 0;
    uint8_t *start = NULL, front[HEAD_BYTES];
    st_err err = st_buffer_room(out, HEAD_BYTES + FIXED_BYTES + sizeof live->op.path.key.s +
                                         sizeof live->op.path.element + inline_len + data_len,
                                &start, error);
    if (err != ST_OK)
        return err;
    uint8_t *op = start + HEAD_BYTES;
    size_t op_len = (size_t)(put_op(op, &live->op, item, kept) - op);
    uint8_t *end = put_length(put_number(front, 1, live->meta), 2, op_len);
    size_t front_len = (size_t)(end - front);
    uint8_t tail[1 + VARINT_BYTES];
    size_t tail_len = data_len == 0 ? 0 : (size_t)(put_length(tail, 3, data_len) - tail);
    uint8_t *at = put_length(start, LIVES_NO, front_len + op_len + tail_len + data_len);
    memcpy(at, front, front_len);
    memmove(at + front_len, op, op_len);
    at = put_bytes(at + front_len + op_len, 3, value->data, data_len);
    out->len = (size_t)(at - out->data);
    return ST_OK;
}
