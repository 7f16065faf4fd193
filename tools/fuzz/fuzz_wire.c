/* tools/fuzz/fuzz_wire.c - the look over protobuf bytes before anything is unpacked. What it lets
 * through is unpacked, and packed again it is let through once more: nothing was merged or cut. */
#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "form.pb-c.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (16u << 20)
#define PACKED_MAX  (1u << 20)

static const ProtobufCMessageDescriptor *const KINDS[] = {
    &sotay__frame__descriptor,        &sotay__change_set__descriptor, &sotay__skeleton__descriptor,
    &sotay__record_state__descriptor, &sotay__page__descriptor,       &sotay__form__descriptor,
    &sotay__vector_state__descriptor, &sotay__enrol_ask__descriptor,
};

static void pack_again(const ProtobufCMessage *message, const ProtobufCMessageDescriptor *kind,
                       st_arena *arena)
{
    static uint8_t packed[PACKED_MAX], twice[PACKED_MAX];
    ProtobufCMessage *again = NULL;
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof packed)
        return;
    FUZZ_MUST(protobuf_c_message_pack(message, packed) == len);
    FUZZ_MUST(st_wire_unpack(packed, len, kind, arena, (void **)&again, NULL) == ST_OK);
    FUZZ_MUST(protobuf_c_message_get_packed_size(again) == len);
    FUZZ_MUST(protobuf_c_message_pack(again, twice) == len);
    FUZZ_MUST(len == 0 || memcmp(packed, twice, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_arena arena;
    fuzz_bytes bytes = { data, size };
    const ProtobufCMessageDescriptor *kind = KINDS[fuzz_below(&bytes, 8)];
    ProtobufCMessage *message = NULL;
    st_arena_init(&arena, ARENA_BYTES);
    st_err seen = st_wire_scan(bytes.data, bytes.len, kind, NULL);
    st_err err = st_wire_unpack(bytes.data, bytes.len, kind, &arena, (void **)&message, NULL);
    FUZZ_MUST(seen == ST_OK || seen == ST_E_CORRUPT || seen == ST_E_TOO_LARGE);
    FUZZ_MUST(err == seen || err == ST_E_TOO_LARGE);
    if (err == ST_OK)
        pack_again(message, kind, &arena);
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    return 1 + fuzz_mutate_message(data + 1, size - 1, size_max - 1, seed);
}
