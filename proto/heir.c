/* proto/heir.c - the text that the old key and the new one sign for a copy that goes on.
 * Promises: one text for one meaning; the old key alone names nobody, nor the new one. */
#include "proto/heir.h"

#include <string.h>

static const char HEIR_NAME[] = "sotay-heir/v1"; /* with its NUL */

void st_heir_sign_text(const st_heir_ask *ask, const st_id *log, const st_id *old,
                       uint8_t out[ST_HEIR_SIGN_BYTES])
{
    _Static_assert(sizeof HEIR_NAME == 14, "as in ST_HEIR_SIGN_BYTES");
    memcpy(out, HEIR_NAME, 14);
    memcpy(out + 14, log->b, 16);
    memcpy(out + 30, old->b, 16);
    memcpy(out + 46, ask->sign_key, 32);
    memcpy(out + 78, ask->cosign_key, 32);
}

bool st_heir_verify(const st_heir_ask *ask, const st_id *log, const uint8_t old_key[32])
{
    uint8_t text[ST_HEIR_SIGN_BYTES];
    st_id old = st_device_id(old_key);
    st_heir_sign_text(ask, log, &old, text);
    return memcmp(ask->sign_key, old_key, 32) != 0 &&
           st_sign_verify(ask->sign_key, text, sizeof text, ask->proof) &&
           st_sign_verify(old_key, text, sizeof text, ask->signature);
}
