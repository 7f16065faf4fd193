/* proto/log_key.c - the chain of keys of a log: what is signed, and the text it is written in.
 * Promises: a key counts when the one before it and it itself say so; one text for one meaning.
 * Must never take the id of the log from a key other than the first. */
#include "proto/log_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/id.h"

static const char NAME[] = "sotay-logkey/v1"; /* with its NUL */
static const char HEAD[] = "sotay-log-keys/v1\n";

#define KEY_CHARS  44u /* 32 bytes in base64 */
#define SIGN_CHARS 88u /* 64 bytes */

void st_log_key_sign_text(const st_id *log, const uint8_t before[32], const st_log_key *notice,
                          uint8_t out[ST_LOG_KEY_SIGN_BYTES])
{
    _Static_assert(sizeof NAME == 16, "as in ST_LOG_KEY_SIGN_BYTES");
    memcpy(out, NAME, 16);
    memcpy(out + 16, log->b, 16);
    st_put_u64(out + 32, notice->n);
    st_put_u64(out + 40, notice->size);
    memcpy(out + 48, before, 32);
    memcpy(out + 80, notice->key, 32);
}

bool st_log_key_verify(const st_id *log, const uint8_t before[32], const st_log_key *notice)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    st_log_key_sign_text(log, before, notice, text);
    return st_sign_verify(before, text, sizeof text, notice->by_old) &&
           st_sign_verify(notice->key, text, sizeof text, notice->by_new);
}

void st_log_key_mark(const uint8_t key[32], uint8_t out[ST_LOG_KEY_MARK_BYTES])
{
    st_hash hash = st_sha256(key, 32);
    memcpy(out, hash.b, ST_LOG_KEY_MARK_BYTES);
}

void st_log_key_line(const st_log_key *notice, char out[ST_LOG_KEY_LINE_MAX])
{
    char key[KEY_CHARS + 4], by_old[SIGN_CHARS + 4], by_new[SIGN_CHARS + 4];
    st_base64(notice->key, sizeof notice->key, key);
    st_base64(notice->by_old, sizeof notice->by_old, by_old);
    st_base64(notice->by_new, sizeof notice->by_new, by_new);
    (void)snprintf(out, ST_LOG_KEY_LINE_MAX, "log-key %" PRIu64 " %" PRIu64 " %s %s %s", notice->n,
                   notice->size, key, by_old, by_new);
}

st_hash st_log_key_commit(const st_log_key *notice)
{
    char line[ST_LOG_KEY_LINE_MAX];
    st_log_key_line(notice, line);
    return st_hmac(notice->key, sizeof notice->key, line, strlen(line));
}

/* ---- all of them ---- */

const uint8_t *st_log_keys_at(const st_log_keys *keys, uint64_t n)
{
    if (n > keys->count)
        return NULL;
    return n == 0 ? keys->first : keys->rows[n - 1].key;
}

const uint8_t *st_log_keys_newest(const st_log_keys *keys)
{
    return st_log_keys_at(keys, keys->count);
}

uint64_t st_log_keys_limit(const st_log_keys *keys, uint64_t n)
{
    return n < keys->count ? keys->rows[n].size : UINT64_MAX;
}

uint32_t st_log_keys_fault(const st_log_keys *keys, const st_id *log)
{
    st_id first = st_log_id(keys->first);
    if (st_id_cmp(&first, log) != 0)
        return 1;
    for (uint32_t i = 0; i < keys->count; i++)
        if (keys->rows[i].n != i + 1 ||
            !st_log_key_verify(log, st_log_keys_at(keys, i), &keys->rows[i]))
            return i + 2;
    return 0;
}

/* ---- as text ---- */

st_err st_log_keys_format(const st_log_keys *keys, st_buffer *out, st_error *error)
{
    char line[ST_LOG_KEY_LINE_MAX], first[KEY_CHARS + 4];
    st_base64(keys->first, sizeof keys->first, first);
    st_err err = st_buffer_printf(out, error, "%s%s\n", HEAD, first);
    for (uint32_t i = 0; err == ST_OK && i < keys->count; i++) {
        st_log_key_line(&keys->rows[i], line);
        err = st_buffer_printf(out, error, "%s\n", line);
    }
    return err;
}

/* Reads the line; whether it is the one spelling, its caller sees by writing it again. */
static bool parse_line(const char *line, st_log_key *out)
{
    uint8_t bytes[SIGN_CHARS];
    char key[KEY_CHARS + 1], by_old[SIGN_CHARS + 1], by_new[SIGN_CHARS + 1];
    if (sscanf(line, "log-key %20" SCNu64 " %20" SCNu64 " %44s %88s %88s", &out->n, &out->size, key,
               by_old, by_new) != 5)
        return false;
    if (st_unbase64(key, strlen(key), bytes) != sizeof out->key)
        return false;
    memcpy(out->key, bytes, sizeof out->key);
    if (st_unbase64(by_old, strlen(by_old), bytes) != sizeof out->by_old)
        return false;
    memcpy(out->by_old, bytes, sizeof out->by_old);
    if (st_unbase64(by_new, strlen(by_new), bytes) != sizeof out->by_new)
        return false;
    memcpy(out->by_new, bytes, sizeof out->by_new);
    return true;
}

static bool parse(char *at, st_log_keys *out)
{
    uint8_t bytes[KEY_CHARS];
    memset(out, 0, sizeof *out);
    if (strncmp(at, HEAD, strlen(HEAD)) != 0)
        return false;
    at += strlen(HEAD);
    size_t len = strcspn(at, "\n");
    if (len != KEY_CHARS || at[len] != '\n' || st_unbase64(at, len, bytes) != sizeof out->first)
        return false;
    memcpy(out->first, bytes, sizeof out->first);
    for (at += len + 1; *at != '\0'; at += len + 1) {
        len = strcspn(at, "\n");
        if (at[len] != '\n' || out->count == ST_LOG_KEYS_MAX)
            return false;
        at[len] = '\0';
        if (!parse_line(at, &out->rows[out->count++]))
            return false;
    }
    return true;
}

st_err st_log_keys_parse(const void *text, size_t len, st_log_keys *out_keys, st_error *error)
{
    char copy[ST_LOG_KEYS_TEXT_MAX + 1];
    st_buffer again;
    st_buffer_init(&again, sizeof copy);
    if (len == 0 || len > ST_LOG_KEYS_TEXT_MAX || memchr(text, '\0', len) != NULL)
        return st_fail(error, ST_E_CORRUPT, "log-keys: not a list of keys");
    memcpy(copy, text, len);
    copy[len] = '\0';
    bool good = parse(copy, out_keys);
    st_err err = good ? st_log_keys_format(out_keys, &again, error) : ST_OK;
    if (err == ST_OK && (!good || again.len != len || memcmp(again.data, text, len) != 0))
        err = st_fail(error, ST_E_CORRUPT, "log-keys: not a list of keys");
    st_buffer_free(&again);
    return err;
}
