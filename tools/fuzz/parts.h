/* tools/fuzz/parts.h - an exchange as an input: a message whose field 1 repeats, each a frame
 * without its length; so the mutator knows where the frames are. */
#ifndef SOTAY_TOOLS_FUZZ_PARTS_H
#define SOTAY_TOOLS_FUZZ_PARTS_H

#include "tools/fuzz/fuzz.h"

/* Who signs: sets of the device get a true signature, whatever was changed in them. */
typedef struct {
    st_id device, log;
    const uint8_t *secret;
} parts_signer;

/* The next frame of an input; false at its end, or where it is none. */
bool parts_next(fuzz_bytes *bytes, const uint8_t **out_frame, size_t *out_len);
/* Appends a frame as the input has it. */
void parts_put(const void *frame, size_t len, st_buffer *out);
/* Signs every set of the device that stands in the frame (len bytes, changed in place). */
void parts_sign(uint8_t *frame, size_t len, const parts_signer *signer);

#endif
