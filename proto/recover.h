/* proto/recover.h - what a phone whose PIN is forgotten hands to the office, and what it gets back:
 * two lines of text that can be read out, typed or photographed. Source: docs/protocol.md 8.1. */
#ifndef SOTAY_PROTO_RECOVER_H
#define SOTAY_PROTO_RECOVER_H

#include "proto/bytes.h"
#include "proto/sign.h"

/* The store key as it lies in a store, sealed to the commune's recovery key: with the device it
 * belongs to, or (stores of before) alone. */
#define ST_RECOVER_OPENED_MAX 48u /* key 32, device 16 */
#define ST_RECOVER_SEALED_MAX (ST_RECOVER_OPENED_MAX + ST_SEALED_BOX_EXTRA)

/* The phone's line: base64url of version 1, one-time key, sealed store key, check. */
typedef struct {
    uint8_t reply_key[32]; /* X25519: the answer is sealed to it */
    uint8_t sealed[ST_RECOVER_SEALED_MAX];
    size_t sealed_len; /* 80, or 96 */
} st_recover_ask;

/* The office's line: base64url of version 1, the store key sealed to reply_key, check. */
typedef struct {
    uint8_t sealed[32 + ST_SEALED_BOX_EXTRA];
} st_recover_answer;

#define ST_RECOVER_TEXT 192u /* bytes of either line with its NUL */

/* Writes the line of the phone; sealed_len is one of the two. */
void st_recover_ask_format(const st_recover_ask *ask, char text[ST_RECOVER_TEXT]);
/* Writes the line of the office. */
void st_recover_answer_format(const st_recover_answer *answer, char text[ST_RECOVER_TEXT]);
/* ST_E_VALUE: mistyped, cut, or something else; ST_E_VERSION: of a newer program. */
ST_MUST_USE st_err st_recover_ask_parse(const char *text, st_recover_ask *out_ask, st_error *error);
ST_MUST_USE st_err st_recover_answer_parse(const char *text, st_recover_answer *out_answer,
                                           st_error *error);

#endif
