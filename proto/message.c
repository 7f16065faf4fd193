/* proto/message.c - what stands around the frames: the signed head of a request, the collapsed sum,
 * the texts of enrolment and the names of log entries.
 * Promises: fixed layouts, byte for byte as docs/protocol.md says; what is parsed was written by
 * the formatter beside it.
 * Must never: sign or check signatures itself, or know frames (message_*.c). */
#include "proto/message.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_VERSION 1u
#define HEAD_VERSION_BASE 2u
#define HEAD_VERSION_SKIP 3u
#define LOG_KEY_BYTES 32u

static const char *const KINDS[ST_ENTRY_COUNT] = {
    "unknown", "change", "init", "verdict", "enrol", "revoke", "suspend", "login", "user", "role",
    "assign", "export", "state", "resolve", "join", "hold", "accept", "decline", "erase", "gap",
    "fork", "epoch", "fence", "backup", "restore", "key", "address", "attachment", "note"
};

const char *st_entry_kind_name(st_entry_kind kind)
{
    return (size_t)kind < ST_ENTRY_COUNT ? KINDS[kind] : KINDS[0];
}

bool st_entry_kind_parse(const char *name, st_entry_kind *out_kind)
{
    assert(name != NULL && out_kind != NULL);
    for (size_t i = 1; i < ST_ENTRY_COUNT; i++) {
        if (strcmp(name, KINDS[i]) == 0) {
            *out_kind = (st_entry_kind)i;
            return true;
        }
    }
    return false;
}

size_t st_head_encode(const st_head *head, uint8_t *out)
{
    assert(head != NULL && out != NULL);
    assert(!head->has_base || head->skip == 0);
    out[0] = head->has_base ? HEAD_VERSION_BASE
             : head->skip > 0 ? HEAD_VERSION_SKIP
                              : HEAD_VERSION;
    memcpy(out + 1, head->device.b, 16);
    memcpy(out + 17, head->install, 8);
    st_put_u64(out + 25, head->counter);
    memcpy(out + 33, head->signature, ST_SIGNATURE_BYTES);
    if (head->has_base)
        memcpy(out + ST_HEAD_BYTES, head->base, sizeof head->base);
    else if (head->skip > 0)
        st_put_u32(out + ST_HEAD_BYTES, head->skip);
    return st_head_bytes(head);
}

size_t st_head_bytes(const st_head *head)
{
    return head->has_base || head->skip > 0 ? ST_HEAD_BYTES_MAX : ST_HEAD_BYTES;
}

st_err st_head_decode(const uint8_t *bytes, size_t len, st_head *out_head, st_error *error)
{
    assert((bytes != NULL || len == 0) && out_head != NULL);
    if (len > 0 && bytes[0] > HEAD_VERSION_SKIP)
        return st_fail(error, ST_E_VERSION, "request head: version %u", bytes[0]);
    bool has_base = len > 0 && bytes[0] == HEAD_VERSION_BASE;
    bool has_skip = len > 0 && bytes[0] == HEAD_VERSION_SKIP;
    size_t size = has_base || has_skip ? ST_HEAD_BYTES_MAX : ST_HEAD_BYTES;
    if (len < size || bytes[0] == 0)
        return st_fail(error, ST_E_CORRUPT, "request head: truncated or without version");
    if (st_get_u64(bytes + 25) == 0)
        return st_fail(error, ST_E_CORRUPT, "request head: counter 0");
    if (has_skip && st_get_u32(bytes + ST_HEAD_BYTES) == 0)
        return st_fail(error, ST_E_CORRUPT, "request head: it skips nothing");
    memset(out_head, 0, sizeof *out_head);
    memcpy(out_head->device.b, bytes + 1, 16);
    memcpy(out_head->install, bytes + 17, 8);
    out_head->counter = st_get_u64(bytes + 25);
    memcpy(out_head->signature, bytes + 33, ST_SIGNATURE_BYTES);
    out_head->has_base = has_base;
    if (has_base)
        memcpy(out_head->base, bytes + ST_HEAD_BYTES, sizeof out_head->base);
    if (has_skip)
        out_head->skip = st_get_u32(bytes + ST_HEAD_BYTES);
    return ST_OK;
}

st_err st_head_base(const void *set, size_t len, const st_hash *hash, st_buffer *out,
                    uint8_t out_check[ST_BASE_CHECK_BYTES])
{
    assert((set != NULL || len == 0) && hash != NULL && out != NULL);
    st_buffer_clear(out);
    st_err err = st_buffer_append(out, set, len < ST_BASE_BYTES_MAX ? len : ST_BASE_BYTES_MAX,
                                  NULL);
    if (err == ST_OK)
        err = st_buffer_append(out, hash->b, sizeof hash->b, NULL);
    if (err != ST_OK)
        return err;
    st_hash sum = st_sha256(out->data, out->len);
    memcpy(out_check, sum.b, ST_BASE_CHECK_BYTES);
    return ST_OK;
}

st_err st_head_sign_text(const st_head *head, const char *method, const char *path,
                         const st_hash *body, const st_id *log, st_buffer *out)
{
    assert(head != NULL && method != NULL && path != NULL);
    assert(body != NULL && log != NULL && out != NULL);
    uint8_t tail[32 + 16 + 16 + 8 + 8];
    size_t start = out->len;
    memcpy(tail, body->b, 32);
    memcpy(tail + 32, log->b, 16);
    memcpy(tail + 48, head->device.b, 16);
    memcpy(tail + 64, head->install, 8);
    st_put_u64(tail + 72, head->counter);
    st_err err = st_buffer_printf(out, NULL, "sotay-req/v1\n%s\n%s\n", method, path);
    if (err == ST_OK)
        err = st_buffer_append(out, tail, sizeof tail, NULL);
    if (err != ST_OK)
        out->len = start;
    return err;
}

static int compare_sums(const void *a, const void *b)
{
    const st_bucket_sum *const *left = a;
    const st_bucket_sum *const *right = b;
    return strcmp((*left)->bucket.s, (*right)->bucket.s);
}

static void collapse_one(st_sha256_state *state, const st_bucket_sum *sum)
{
    uint8_t len = (uint8_t)strlen(sum->bucket.s);
    st_sha256_update(state, &len, 1);
    st_sha256_update(state, sum->bucket.s, len);
    st_sha256_update(state, sum->sum.b, sizeof sum->sum.b);
}

/* The smallest bucket name after `last` (NULL: of all): used when there is no memory to sort. */
static const st_bucket_sum *next_after(const st_bucket_sum *buckets, size_t count,
                                       const st_bucket_sum *last)
{
    const st_bucket_sum *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const st_bucket_sum *one = &buckets[i];
        if (last != NULL && strcmp(one->bucket.s, last->bucket.s) <= 0)
            continue;
        if (best == NULL || strcmp(one->bucket.s, best->bucket.s) < 0)
            best = one;
    }
    return best;
}

void st_sync_collapse(const st_bucket_sum *buckets, size_t count, uint8_t out[8])
{
    assert((buckets != NULL || count == 0) && out != NULL);
    st_sha256_state state;
    st_sha256_init(&state);
    const st_bucket_sum **order = malloc((count + 1) * sizeof *order);
    if (order == NULL) {
        const st_bucket_sum *one = next_after(buckets, count, NULL);
        for (; one != NULL; one = next_after(buckets, count, one))
            collapse_one(&state, one);
    } else {
        for (size_t i = 0; i < count; i++)
            order[i] = &buckets[i];
        if (count > 1)
            qsort(order, count, sizeof *order, compare_sums);
        for (size_t i = 0; i < count; i++)
            collapse_one(&state, order[i]);
    }
    free(order);
    st_hash hash = st_sha256_final(&state);
    memcpy(out, hash.b, 8);
}

void st_enrol_sign_text(const st_enrol_ask *ask, const uint8_t log_key[32],
                        uint8_t out[ST_ENROL_SIGN_BYTES])
{
    assert(ask != NULL && log_key != NULL && out != NULL);
    memcpy(out, "sotay-enrol/v1", 15);          /* with its NUL */
    memcpy(out + 15, ask->code, 16);
    memcpy(out + 31, log_key, 32);
    memcpy(out + 63, ask->sign_key, 32);
    memcpy(out + 95, ask->cosign_key, 32);
}

void st_enrol_code_format(const uint8_t code[16], const uint8_t log_key[32], char *text)
{
    assert(code != NULL && log_key != NULL && text != NULL);
    uint8_t bytes[16 + LOG_KEY_BYTES];
    memcpy(bytes, code, 16);
    memcpy(bytes + 16, log_key, LOG_KEY_BYTES);
    st_base64url(bytes, sizeof bytes, text);
}

bool st_enrol_code_parse(const char *text, uint8_t out_code[16], uint8_t out_log_key[32])
{
    assert(text != NULL && out_code != NULL && out_log_key != NULL);
    uint8_t bytes[16 + LOG_KEY_BYTES];
    if (strlen(text) != ST_ENROL_CODE_TEXT - 1)
        return false;
    if (st_unbase64url(text, ST_ENROL_CODE_TEXT - 1, bytes) != sizeof bytes)
        return false;
    memcpy(out_code, bytes, 16);
    memcpy(out_log_key, bytes + 16, LOG_KEY_BYTES);
    return true;
}

void st_fingerprint(const uint8_t sign_key[32], char *text)
{
    assert(sign_key != NULL && text != NULL);
    st_hash hash = st_sha256(sign_key, 32);
    uint64_t number = st_get_u64(hash.b);
    unsigned groups[4];
    for (size_t i = 4; i > 0; i--) {
        groups[i - 1] = (unsigned)(number % 10000);
        number /= 10000;
    }
    (void)snprintf(text, 20, "%04u %04u %04u %04u", groups[0], groups[1], groups[2], groups[3]);
}

bool st_fingerprint_parse(const char *text, char out[20])
{
    size_t digits = 0, len = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        if (digits == 16)
            return false;
        if (digits > 0 && digits % 4 == 0)
            out[len++] = ' ';
        out[len++] = *text;
        digits++;
    }
    out[len] = '\0';
    return digits == 16;
}

bool st_paper_parse(const char *text, st_paper *out)
{
    char hex[2 * sizeof out->root.b + 1];
    size_t len = 0;
    for (const char *at = text; *at != '\0' && len < sizeof hex; at++)
        if (*at != ' ' && *at != '-')
            hex[len++] = *at >= 'A' && *at <= 'F' ? (char)(*at - 'A' + 'a') : *at;
    out->has_root = len == sizeof hex - 1 && st_unhex(hex, len, out->root.b, sizeof out->root.b);
    return out->has_root || st_fingerprint_parse(text, out->digits);
}

bool st_paper_is(const st_paper *paper, const st_hash *root)
{
    char text[20];
    if (paper->has_root)
        return memcmp(root->b, paper->root.b, sizeof root->b) == 0;
    st_fingerprint(root->b, text);
    return strcmp(text, paper->digits) == 0;
}
