/* proto/recover.c - the two lines of a recovery as text.
 * Promises: a mistyped line is told from a good one before any key is tried.
 * Never: reads beyond the text or takes a line of one kind for the other. */
#include "proto/recover.h"

#include <string.h>

#include "proto/hash.h"

#define VERSION     1u
#define CHECK_BYTES 4u /* the first of SHA-256 of what stands before */
#define LINE_MAX    (1u + 32u + ST_RECOVER_SEALED_MAX + CHECK_BYTES)
_Static_assert(4 * ((LINE_MAX + 2) / 3) + 1 <= ST_RECOVER_TEXT, "a line fits its text");

/* `line` holds LINE_MAX; len bytes of it are there. */
static void put_line(uint8_t *line, size_t len, char text[ST_RECOVER_TEXT])
{
    st_hash check = st_sha256(line, len);
    memcpy(line + len, check.b, CHECK_BYTES);
    st_base64url(line, len + CHECK_BYTES, text);
}

/* Bytes of the line without its check; 0: it is none. */
static size_t get_line(const char *text, uint8_t line[LINE_MAX + 3])
{
    size_t chars = strlen(text);
    if (chars >= ST_RECOVER_TEXT || chars * 3 / 4 > LINE_MAX)
        return 0;
    size_t len = st_unbase64url(text, chars, line);
    if (len == SIZE_MAX || len <= 1 + CHECK_BYTES)
        return 0;
    len -= CHECK_BYTES;
    st_hash check = st_sha256(line, len);
    return memcmp(check.b, line + len, CHECK_BYTES) == 0 ? len : 0;
}

static st_err check_version(const uint8_t *line, size_t len, st_error *error)
{
    if (len > 0 && line[0] != VERSION)
        return st_fail(error, ST_E_VERSION, "recover: a line of another version");
    return ST_OK;
}

void st_recover_ask_format(const st_recover_ask *ask, char text[ST_RECOVER_TEXT])
{
    uint8_t line[LINE_MAX] = { VERSION };
    memcpy(line + 1, ask->reply_key, sizeof ask->reply_key);
    memcpy(line + 33, ask->sealed, ask->sealed_len);
    put_line(line, 33 + ask->sealed_len, text);
}

void st_recover_answer_format(const st_recover_answer *answer, char text[ST_RECOVER_TEXT])
{
    uint8_t line[LINE_MAX] = { VERSION };
    memcpy(line + 1, answer->sealed, sizeof answer->sealed);
    put_line(line, 1 + sizeof answer->sealed, text);
}

st_err st_recover_ask_parse(const char *text, st_recover_ask *out_ask, st_error *error)
{
    uint8_t line[LINE_MAX + 3];
    st_recover_ask ask;
    size_t len = get_line(text, line);
    st_err err = check_version(line, len, error);
    if (err != ST_OK)
        return err;
    memset(&ask, 0, sizeof ask);
    ask.sealed_len = len < 33 ? 0 : len - 33;
    if (ask.sealed_len != 32 + ST_SEALED_BOX_EXTRA && ask.sealed_len != ST_RECOVER_SEALED_MAX)
        return st_fail(error, ST_E_VALUE, "recover: this is not the line that the phone shows");
    memcpy(ask.reply_key, line + 1, sizeof ask.reply_key);
    memcpy(ask.sealed, line + 33, ask.sealed_len);
    *out_ask = ask;
    return ST_OK;
}

st_err st_recover_answer_parse(const char *text, st_recover_answer *out_answer, st_error *error)
{
    uint8_t line[LINE_MAX + 3];
    size_t len = get_line(text, line);
    st_err err = check_version(line, len, error);
    if (err != ST_OK)
        return err;
    if (len != 1 + sizeof out_answer->sealed)
        return st_fail(error, ST_E_VALUE, "recover: this is not the line that the office gave");
    memcpy(out_answer->sealed, line + 1, sizeof out_answer->sealed);
    return ST_OK;
}
