/* tools/fuzz/fuzz_picture.c - pictures as cameras, other phones and the office give them, before
 * the port that makes them small: what comes out is within what was asked, and is a JPEG that the
 * same port reads; what is refused leaves nothing. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "tools/fuzz/fuzz.h"

static void check(const sotay_picture *picture, const sotay_picture_ask *ask)
{
    static const uint8_t BEGIN[3] = { 0xff, 0xd8, 0xff }, END[2] = { 0xff, 0xd9 };
    const uint8_t *bytes = picture->data;
    sotay_picture again = { 0 };
    FUZZ_MUST(picture->width >= 1 && picture->width <= ask->longest);
    FUZZ_MUST(picture->height >= 1 && picture->height <= ask->longest);
    FUZZ_MUST(picture->len >= 5 && picture->len <= ask->bytes_max);
    FUZZ_MUST(memcmp(bytes, BEGIN, sizeof BEGIN) == 0);
    FUZZ_MUST(memcmp(bytes + picture->len - 2, END, sizeof END) == 0);
    const sotay_picture_ask same = { bytes, picture->len, 1, ask->longest, 1u << 24 };
    FUZZ_MUST(sotay_picture_fit(NULL, &same, &again, NULL) == SOTAY_OK);
    FUZZ_MUST(again.width == picture->width && again.height == picture->height);
    free(again.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    sotay_error error = { SOTAY_OK, "" };
    sotay_picture picture = { 0 };
    sotay_picture_ask ask = { .orientation = fuzz_below(&bytes, 10) };
    ask.longest = 1 + fuzz_below(&bytes, 255) * 2;
    ask.bytes_max = 600 + (size_t)fuzz_u8(&bytes) * 64;
    ask.data = bytes.data;
    ask.len = bytes.len;
    int rc = sotay_picture_fit(NULL, &ask, &picture, &error);
    FUZZ_MUST((rc == SOTAY_OK) == (picture.data != NULL));
    FUZZ_MUST((rc == SOTAY_OK) == (error.detail[0] == '\0'));
    FUZZ_MUST(rc == SOTAY_OK || rc == SOTAY_E_VALUE || rc == SOTAY_E_TOO_LARGE);
    if (rc == SOTAY_OK)
        check(&picture, &ask);
    free(picture.data);
    return 0;
}
