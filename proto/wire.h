/* proto/wire.h - looks over protobuf bytes before they are unpacked: depth, count of fields,
 * over-long varints, groups, truncation. And the bounded allocator that unpacking uses. */
#ifndef SOTAY_PROTO_WIRE_H
#define SOTAY_PROTO_WIRE_H

#include <stdbool.h>

#include "proto/arena.h"

/* Walks the bytes as the message `descriptor` (a ProtobufCMessageDescriptor) says, without
 * recursion. ST_E_CORRUPT: truncated, over-long or non-minimal varint, group, field number 0 or
 * over 2^29-1, wrong wire type of a known field, a number that does not fit its field, a singular
 * field (or two members of a oneof) twice, a proto3 string that is not UTF-8 or holds NUL;
 * ST_E_TOO_LARGE: deeper than ST_WIRE_DEPTH_MAX messages or more than ST_WIRE_FIELDS_MAX fields
 * (unknown ones count; packed numbers do not: they cost at most 8 bytes for one). Unknown fields
 * and unknown enum values are no error. A message type has at most 64 fields. */
ST_MUST_USE st_err st_wire_scan(const uint8_t *bytes, size_t len, const void *descriptor,
                                st_error *error);
/* scan + protobuf_c_message_unpack through the arena; NULL in *out_message never happens on ST_OK.
 * The message lives in the arena and must not be freed. Errors of the scan; ST_E_TOO_LARGE at the
 * arena's ceiling, ST_E_MEMORY when the machine has no more. */
ST_MUST_USE st_err st_wire_unpack(const uint8_t *bytes, size_t len, const void *descriptor,
                                  st_arena *arena, void **out_message, st_error *error);
/* The same two for what a fold made, here or on the server: it has as many fields as it needs, and
 * its bytes and the arena alone bound it. What was written must be read again. */
ST_MUST_USE st_err st_wire_scan_state(const uint8_t *bytes, size_t len, const void *descriptor,
                                      st_error *error);
ST_MUST_USE st_err st_wire_unpack_state(const uint8_t *bytes, size_t len, const void *descriptor,
                                        st_arena *arena, void **out_message, st_error *error);

/* Fields one after another, of bytes that st_wire_scan let pass as the message they are: for what
 * comes by the hundred and need not be copied. An embedded message is walked like its parent. */
typedef struct {
    const uint8_t *at, *end;
} st_wire_walk;
typedef struct {
    uint32_t no;
    uint64_t number; /* of a varint, as it is written */
    const uint8_t *data; /* of all that has a length; NULL when that is 0, and with other kinds */
    size_t len;
} st_wire_field;
/* False at the end. Numbers of fixed width are passed over: read their bytes before walk->at. */
bool st_wire_next(st_wire_walk *walk, st_wire_field *out_field);

#endif
