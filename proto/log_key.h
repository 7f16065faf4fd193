/* proto/log_key.h - how the key of the log is changed: notices, each signed by the key before it
 * and by the new one. The id of the log stays that of its first. Source: docs/protocol.md 9.3. */
#ifndef SOTAY_PROTO_LOG_KEY_H
#define SOTAY_PROTO_LOG_KEY_H

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/sign.h"

#define ST_LOG_KEYS_MAX      32u  /* changes of one log */
#define ST_LOG_KEY_LINE_MAX  320u /* of a notice as a line, with NUL */
#define ST_LOG_KEYS_TEXT_MAX (64u + 48u + ST_LOG_KEYS_MAX * ST_LOG_KEY_LINE_MAX)

/* The n-th change, from 1. Checkpoints of more than `size` entries are signed by `key`. */
typedef struct {
    uint64_t n, size;
    uint8_t key[32];
    uint8_t by_old[ST_SIGNATURE_BYTES], by_new[ST_SIGNATURE_BYTES];
} st_log_key;

/* What both sign: "sotay-logkey/v1" NUL, log id 16, n, size, key before 32, key 32. */
#define ST_LOG_KEY_SIGN_BYTES (16 + 16 + 8 + 8 + 32 + 32)
void st_log_key_sign_text(const st_id *log, const uint8_t before[32], const st_log_key *notice,
                          uint8_t out[ST_LOG_KEY_SIGN_BYTES]);
/* Both signatures hold, over the key before. */
bool st_log_key_verify(const st_id *log, const uint8_t before[32], const st_log_key *notice);

/* By which a key is told from another of the same number: the beginning of its SHA-256. */
#define ST_LOG_KEY_MARK_BYTES 8u
void st_log_key_mark(const uint8_t key[32], uint8_t out[ST_LOG_KEY_MARK_BYTES]);

/* "log-key <n> <size> <key> <by the key before> <by the new key>", the last three in base64,
 * without a line end: what the entry `key` of the log notes. */
void st_log_key_line(const st_log_key *notice, char out[ST_LOG_KEY_LINE_MAX]);
/* The `commit` of its leaf: HMAC(key, line). Anybody can compute it. */
st_hash st_log_key_commit(const st_log_key *notice);

/* All keys of a log, from the first on. */
typedef struct {
    uint8_t first[32];
    st_log_key rows[ST_LOG_KEYS_MAX];
    uint32_t count; /* 0: the first one is the only one */
} st_log_keys;
/* The newest one; the one of number n (0: the first), NULL when there is none. */
const uint8_t *st_log_keys_newest(const st_log_keys *keys);
const uint8_t *st_log_keys_at(const st_log_keys *keys, uint64_t n);
/* How many entries a checkpoint may have that the key of number n signed. UINT64_MAX: any. */
uint64_t st_log_keys_limit(const st_log_keys *keys, uint64_t n);
/* Does each follow from the one before, from the key that the log is named after? 0, or the number
 * of the first notice that does not, plus 1 (1: the first key is another log's). */
uint32_t st_log_keys_fault(const st_log_keys *keys, const st_id *log);

/* The file: "sotay-log-keys/v1", the first key in base64, then a line for each notice. Appends.
 * ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_log_keys_format(const st_log_keys *keys, st_buffer *out, st_error *error);
/* Strict: only what st_log_keys_format writes; signatures are not looked at. ST_E_CORRUPT. */
ST_MUST_USE st_err st_log_keys_parse(const void *text, size_t len, st_log_keys *out_keys,
                                     st_error *error);

#endif
