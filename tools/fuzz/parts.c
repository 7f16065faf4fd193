/* tools/fuzz/parts.c - see parts.h. */
#define _GNU_SOURCE
#include "tools/fuzz/parts.h"

#include <string.h>

#include "proto/message.h"

#define FRAME_TAG   0x0a
#define ARENA_BYTES (64u << 20)

bool parts_next(fuzz_bytes *bytes, const uint8_t **out_frame, size_t *out_len)
{
    size_t len = 0;
    if (bytes->len < 2 || fuzz_u8(bytes) != FRAME_TAG)
        return false;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = fuzz_u8(bytes);
        len |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    *out_frame = fuzz_take(bytes, len, out_len);
    return true;
}

void parts_put(const void *frame, size_t len, st_buffer *out)
{
    static const uint8_t TAG = FRAME_TAG;
    fuzz_append(out, &TAG, 1);
    fuzz_frame(frame, len, out);
}

/* The set lies in the frame; its signature is found by its bytes. */
static void sign_set(uint8_t *bytes, size_t len, const parts_signer *signer, st_arena *arena)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_set set;
    (void)st_set_decode(bytes, len, arena, &set, NULL);
    if (set.bytes == NULL || st_id_cmp(&set.device, &signer->device) != 0)
        return;
    uint8_t *at = memmem(bytes, len, set.signature, sizeof set.signature);
    FUZZ_MUST(at != NULL);
    st_set_sign_text(&signer->log, &set.device, &set.hash, text);
    st_sign(signer->secret, text, sizeof text, at);
}

void parts_sign(uint8_t *frame, size_t len, const parts_signer *signer)
{
    st_arena arena;
    st_frame decoded;
    st_arena_init(&arena, ARENA_BYTES);
    if (st_frame_decode(frame, len, &arena, &decoded, NULL) == ST_OK) {
        if (decoded.kind == ST_FRAME_SET)
            sign_set(memmem(frame, len, decoded.as.set.bytes, decoded.as.set.len),
                     decoded.as.set.len, signer, &arena);
        for (uint32_t i = 0; decoded.kind == ST_FRAME_PAGE && i < decoded.as.page.entries_count;
             i++) {
            const st_entry *entry = &decoded.as.page.entries[i];
            if (entry->set_len > 0)
                sign_set(memmem(frame, len, entry->set, entry->set_len), entry->set_len, signer,
                         &arena);
        }
    }
    st_arena_reset(&arena);
}
