/* proto/heir.h - the new keys of a copy, signed by the old one. Two stores that hold one key cannot
 * both go on under it: the one that comes second asks for keys of its own. Source:
 * docs/protocol.md 8.2. */
#ifndef SOTAY_PROTO_HEIR_H
#define SOTAY_PROTO_HEIR_H

#include "proto/message.h"

/* What both keys sign: "sotay-heir/v1" NUL, log id 16, the old device 16, new signing key 32, new
 * cosigning key 32. */
#define ST_HEIR_SIGN_BYTES (14 + 16 + 16 + 32 + 32)
void st_heir_sign_text(const st_heir_ask *ask, const st_id *log, const st_id *old,
                       uint8_t out[ST_HEIR_SIGN_BYTES]);
/* Did both keys sign it? old_key: of the device `old`. */
bool st_heir_verify(const st_heir_ask *ask, const st_id *log, const uint8_t old_key[32]);

#endif
