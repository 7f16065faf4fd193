/* proto/wire.c - promises that nothing reaches protobuf-c's unpacking that nests deep, hides two
 * spellings of one thing, or costs more than its arena. protobuf-c itself accepts bad UTF-8, NUL
 * in strings, over-long varints and any depth, merges a message that comes twice, and cuts numbers
 * that do not fit: all of that is refused here first.
 * Must never recurse, never change the bytes, and never free what lies in the arena. */
#include "proto/wire.h"

#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/text.h"

#define FIELD_NUMBER_MAX 0x1fffffffu
#define SEEN_FIELDS_MAX  64u

typedef struct {
    const ProtobufCMessageDescriptor *descriptor;
    size_t end;    /* offset behind the last byte of this message */
    uint64_t seen; /* singular fields that came already, by index in the descriptor */
} level;

typedef struct {
    const uint8_t *bytes;
    size_t at;
    size_t fields, fields_max;
    uint32_t depth; /* of the innermost message, from 1 */
    level levels[ST_WIRE_DEPTH_MAX];
    st_error *error;
} scan;

static st_err corrupt(const scan *s, const char *what)
{
    const level *here = &s->levels[s->depth - 1];
    return st_fail(s->error, ST_E_CORRUPT, "%s: %s at byte %zu", here->descriptor->short_name, what,
                   s->at);
}

static st_err too_large(const scan *s, const char *what)
{
    return st_fail(s->error, ST_E_TOO_LARGE, "%s: %s at byte %zu",
                   s->levels[0].descriptor->short_name, what, s->at);
}

/* One varint before `end`, at most 64 bits, in its shortest form only. */
static st_err read_varint(scan *s, size_t end, uint64_t *out_number)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (s->at >= end)
            return corrupt(s, "a number is cut off");
        uint8_t byte = s->bytes[s->at++];
        if (shift == 63 && byte > 1)
            return corrupt(s, "a number is over 64 bits");
        number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) != 0)
            continue;
        if (byte == 0 && shift > 0)
            return corrupt(s, "a number is longer than it must be");
        *out_number = number;
        return ST_OK;
    }
    return corrupt(s, "a number is over 64 bits");
}

/* protobuf-c would cut a number that is too big for its field: one value, two spellings. */
static bool number_fits(ProtobufCType type, uint64_t number)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL: return number <= 1;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32: return number <= UINT32_MAX;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM: /* negative ones are written as 64 bits */
        return number <= INT32_MAX || number >= UINT64_MAX - INT32_MAX;
    default: return true;
    }
}

static ProtobufCWireType wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default: return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

static st_err scan_varint(scan *s, const ProtobufCFieldDescriptor *field, size_t end)
{
    uint64_t number = 0;
    st_err err = read_varint(s, end, &number);
    if (err == ST_OK && field != NULL && !number_fits(field->type, number))
        err = corrupt(s, "a number does not fit its field");
    return err;
}

static st_err scan_fixed(scan *s, size_t width)
{
    if (s->levels[s->depth - 1].end - s->at < width)
        return corrupt(s, "a number is cut off");
    s->at += width;
    return ST_OK;
}

/* Numbers of one repeated field, up to `end`. */
static st_err scan_packed(scan *s, const ProtobufCFieldDescriptor *field, size_t end)
{
    ProtobufCWireType type = wire_type_of(field->type);
    st_err err = ST_OK;
    if (type != PROTOBUF_C_WIRE_TYPE_VARINT) {
        size_t width = type == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
        if ((end - s->at) % width != 0)
            return corrupt(s, "packed numbers are cut off");
        s->at = end;
        return ST_OK;
    }
    while (err == ST_OK && s->at < end)
        err = scan_varint(s, field, end);
    return err;
}

static st_err enter_message(scan *s, const ProtobufCFieldDescriptor *field, size_t end)
{
    if (s->depth >= ST_WIRE_DEPTH_MAX)
        return too_large(s, "messages are nested too deep");
    s->levels[s->depth++] = (level){ .descriptor = field->descriptor, .end = end };
    return ST_OK;
}

/* Strings, bytes, messages, packed numbers, and what an unknown field carries. */
static st_err scan_length(scan *s, const ProtobufCFieldDescriptor *field)
{
    uint64_t len = 0;
    size_t end = s->levels[s->depth - 1].end;
    st_err err = read_varint(s, end, &len);
    if (err != ST_OK)
        return err;
    if (len > end - s->at)
        return corrupt(s, "a length runs over the end");
    end = s->at + (size_t)len;
    if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter_message(s, field, end);
    if (field != NULL && wire_type_of(field->type) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return scan_packed(s, field, end);
    if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
        !st_text_is_utf8(s->bytes + s->at, (size_t)len))
        return corrupt(s, "a text is not UTF-8 or holds NUL");
    s->at = end;
    return ST_OK;
}

/* A singular field comes once, and a oneof has one member: the first of its members stands for all
 * of them in `seen`. */
static st_err mark_seen(scan *s, const ProtobufCFieldDescriptor *field)
{
    level *here = &s->levels[s->depth - 1];
    const ProtobufCFieldDescriptor *fields = here->descriptor->fields;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return ST_OK;
    size_t index = (size_t)(field - fields);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        index = 0;
        while ((fields[index].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
               fields[index].quantifier_offset != field->quantifier_offset)
            index++;
    }
    assert(index < SEEN_FIELDS_MAX && index < here->descriptor->n_fields);
    if ((here->seen >> index & 1) != 0)
        return corrupt(s, "a field comes twice");
    here->seen |= (uint64_t)1 << index;
    return ST_OK;
}

static bool type_matches(const ProtobufCFieldDescriptor *field, ProtobufCWireType type)
{
    ProtobufCWireType wanted = wire_type_of(field->type);
    return type == wanted || (type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
                              field->label == PROTOBUF_C_LABEL_REPEATED);
}

static st_err scan_field(scan *s)
{
    const level *here = &s->levels[s->depth - 1];
    uint64_t tag = 0;
    st_err err = read_varint(s, here->end, &tag);
    if (err != ST_OK)
        return err;
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
        return corrupt(s, "there is no such field number");
    if (++s->fields > s->fields_max)
        return too_large(s, "there are too many fields");
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(here->descriptor, (unsigned)(tag >> 3));
    ProtobufCWireType type = (ProtobufCWireType)(tag & 7);
    if (field != NULL && !type_matches(field, type))
        return corrupt(s, "a field has a foreign type");
    if (field != NULL)
        err = mark_seen(s, field);
    if (err != ST_OK)
        return err;
    switch (type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT: return scan_varint(s, field, here->end);
    case PROTOBUF_C_WIRE_TYPE_64BIT: return scan_fixed(s, 8);
    case PROTOBUF_C_WIRE_TYPE_32BIT: return scan_fixed(s, 4);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: return scan_length(s, field);
    default: return corrupt(s, "groups are not part of this protocol");
    }
}

static st_err look_over(const uint8_t *bytes, size_t len, const void *descriptor,
                        size_t fields_max, st_error *error)
{
    assert(bytes != NULL || len == 0);
    assert(descriptor != NULL);
    scan s = { .bytes = bytes, .error = error, .depth = 1, .fields_max = fields_max };
    s.levels[0] = (level){ .descriptor = descriptor, .end = len };
    st_err err = ST_OK;
    while (err == ST_OK && s.depth > 0) {
        if (s.at == s.levels[s.depth - 1].end)
            s.depth--;
        else
            err = scan_field(&s);
    }
    return err;
}

st_err st_wire_scan(const uint8_t *bytes, size_t len, const void *descriptor, st_error *error)
{
    return look_over(bytes, len, descriptor, ST_WIRE_FIELDS_MAX, error);
}

st_err st_wire_scan_state(const uint8_t *bytes, size_t len, const void *descriptor,
                          st_error *error)
{
    return look_over(bytes, len, descriptor, SIZE_MAX, error);
}

typedef struct {
    st_arena *arena;
    bool at_ceiling; /* the ceiling, not the machine, refused */
} unpack_memory;

static void *take(void *data, size_t bytes)
{
    unpack_memory *memory = data;
    void *taken = st_arena_get(memory->arena, bytes);
    if (taken == NULL)
        memory->at_ceiling = bytes + 128 > memory->arena->bytes_max - memory->arena->bytes_used;
    return taken;
}

static void keep(void *data, void *pointer)
{
    (void)data; /* the arena gives everything back at once */
    (void)pointer;
}

/* Of bytes that were looked over. */
static st_err unpack(const uint8_t *bytes, size_t len, const void *descriptor, st_arena *arena,
                     void **out_message, st_error *error)
{
    static const uint8_t NOTHING[1] = { 0 };
    assert(arena != NULL && out_message != NULL);
    unpack_memory memory = { .arena = arena, .at_ceiling = false };
    ProtobufCAllocator allocator = { .alloc = take, .free = keep, .allocator_data = &memory };
    size_t before = arena->bytes_used;
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, len, bytes != NULL ? bytes : NOTHING);
    if (message != NULL) {
        *out_message = message;
        return ST_OK;
    }
    const char *name = ((const ProtobufCMessageDescriptor *)descriptor)->short_name;
    if (memory.at_ceiling)
        return st_fail(error, ST_E_TOO_LARGE, "%s: %zu bytes need more than %zu in memory", name,
                       len, arena->bytes_max - before);
    return st_fail(error, ST_E_MEMORY, "%s: no memory to unpack %zu bytes", name, len);
}

st_err st_wire_unpack(const uint8_t *bytes, size_t len, const void *descriptor, st_arena *arena,
                      void **out_message, st_error *error)
{
    st_err err = st_wire_scan(bytes, len, descriptor, error);
    return err == ST_OK ? unpack(bytes, len, descriptor, arena, out_message, error) : err;
}

st_err st_wire_unpack_state(const uint8_t *bytes, size_t len, const void *descriptor,
                            st_arena *arena, void **out_message, st_error *error)
{
    st_err err = st_wire_scan_state(bytes, len, descriptor, error);
    return err == ST_OK ? unpack(bytes, len, descriptor, arena, out_message, error) : err;
}

/* ---- walking what was looked over ---- */

static uint64_t walk_varint(st_wire_walk *walk)
{
    uint64_t number = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; shift < 64 && walk->at < walk->end && (byte & 0x80) != 0; shift += 7) {
        byte = *walk->at++;
        number |= (uint64_t)(byte & 0x7f) << shift;
    }
    return number;
}

/* Stays inside whatever the bytes say: a scan that lets something wrong pass is not made worse. */
static size_t walk_length(st_wire_walk *walk, uint64_t len)
{
    size_t left = (size_t)(walk->end - walk->at);
    return len < left ? (size_t)len : left;
}

bool st_wire_next(st_wire_walk *walk, st_wire_field *out_field)
{
    assert(walk != NULL && out_field != NULL);
    if (walk->at >= walk->end)
        return false;
    uint64_t tag = walk_varint(walk);
    *out_field = (st_wire_field){ .no = (uint32_t)(tag >> 3) };
    switch ((ProtobufCWireType)(tag & 7)) {
    case PROTOBUF_C_WIRE_TYPE_VARINT: out_field->number = walk_varint(walk); break;
    case PROTOBUF_C_WIRE_TYPE_64BIT: walk->at += walk_length(walk, 8); break;
    case PROTOBUF_C_WIRE_TYPE_32BIT: walk->at += walk_length(walk, 4); break;
    default:
        out_field->len = walk_length(walk, walk_varint(walk));
        out_field->data = out_field->len > 0 ? walk->at : NULL;
        walk->at += out_field->len;
        break;
    }
    return true;
}
