/* tools/verify/given.c - logs that phones were shown and a new epoch gave up.
 * Promises: each is signed by the log's own key, and none is this log; one that a cut of an epoch
 * does not explain is said to be another past. Must never take the list to be whole: it is the
 * server's, and what he leaves out lies on the phones. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/verify/log.h"

#define NAME       "given-up"
#define FIRST      "sotay-given-up/v1\n"
#define LINE_BYTES 256u

typedef struct {
    st_id device;
    st_checkpoint checkpoint;
    uint64_t epoch;
    uint8_t signature[ST_SIGNATURE_BYTES];
} given_line;

/* The one spelling of the line. */
static void write_line(const given_line *line, char out[LINE_BYTES])
{
    char hex[33], root[48], signature[96];
    const st_tree_head *head = &line->checkpoint.head;
    st_id_format(&line->device, hex);
    st_base64(head->root.b, sizeof head->root.b, root);
    st_base64(line->signature, sizeof line->signature, signature);
    (void)snprintf(out, LINE_BYTES, "%s %" PRIu64 " %" PRIu64 " %s %s\n", hex, line->epoch,
                   head->size, root, signature);
}

/* The origin of this log in that epoch. */
static void name_origin(const verify_log *log, uint64_t epoch, char out[ST_NOTE_NAME_BYTES])
{
    const char *now = log->now.checkpoint.origin, *end = strrchr(now, '/');
    int len = end == NULL ? 0 : (int)(end - now);
    (void)snprintf(out, ST_NOTE_NAME_BYTES, "%.*s/%" PRIu64, len, now, epoch);
}

static bool is_listed(const verify_log *log, const st_id *device)
{
    for (size_t i = 0; i < log->devices_count; i++)
        if (st_id_cmp(&log->devices[i].id, device) == 0)
            return true;
    return false;
}

static bool take_line(const verify_log *log, const char *text, size_t len, given_line *out)
{
    char copy[LINE_BYTES], again[LINE_BYTES], hex[33] = "", root[48] = "", signature[96] = "";
    uint8_t bytes[96];
    memset(out, 0, sizeof *out);
    st_tree_head *head = &out->checkpoint.head;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (sscanf(copy, "%32s %" SCNu64 " %" SCNu64 " %47s %95s", hex, &out->epoch, &head->size, root,
               signature) != 5 ||
        !st_id_parse(hex, &out->device) || st_unbase64(root, strlen(root), bytes) != 32)
        return false;
    memcpy(head->root.b, bytes, sizeof head->root.b);
    if (st_unbase64(signature, strlen(signature), bytes) != sizeof out->signature)
        return false;
    memcpy(out->signature, bytes, sizeof out->signature);
    name_origin(log, out->epoch, out->checkpoint.origin);
    write_line(out, again);
    return is_listed(log, &out->device) && head->size > 0 && out->epoch > 0 &&
           strlen(again) == len && memcmp(again, text, len) == 0;
}

/* By whichever key of the log: the one that counted then may be of the log that was given up. */
static st_err check_signature(const verify_log *log, const given_line *line, size_t line_no,
                              st_error *error)
{
    st_buffer text;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    st_err err = st_checkpoint_text(&line->checkpoint, &text, error);
    bool is_good = err == ST_OK && st_sign_verify(log->vkey.key, text.data, text.len,
                                                  line->signature);
    for (uint32_t n = 0; err == ST_OK && !is_good && n < log->keys.count; n++)
        is_good = st_sign_verify(st_log_keys_at(&log->keys, n), text.data, text.len,
                                 line->signature);
    st_buffer_free(&text);
    if (err == ST_OK && !is_good)
        err = st_fail(error, ST_E_SIGNATURE, NAME ": line %zu: no key of the log signed it",
                      line_no);
    return err;
}

static st_err note_given(verify_log *log, const given_line *line, uint64_t put_back,
                         st_error *error)
{
    verify_given *grown =
        verify_grow(log->givens, log->givens_count, &log->givens_room, sizeof *log->givens);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->givens = grown;
    log->givens[log->givens_count++] =
        (verify_given){ line->device, line->checkpoint.head.size, put_back };
    return ST_OK;
}

static st_err check_line(verify_log *log, const given_line *line, size_t line_no, st_error *error)
{
    bool is_this = false;
    const verify_cut *cut = verify_log_cut(log, &line->checkpoint, &is_this);
    st_err err = check_signature(log, line, line_no, error);
    if (err != ST_OK)
        return err;
    if (!log->is_strict && line->epoch >= st_origin_epoch(log->now.checkpoint.origin))
        return ST_OK; /* a log that is served went on while it was read: the next run compares it */
    if (is_this)
        return st_fail(error, ST_E_CORRUPT,
                       NAME ": line %zu: that is this log, and was not given up", line_no);
    if (cut == NULL || cut->size >= line->checkpoint.head.size)
        return st_fail(error, ST_E_CORRUPT,
                       NAME ": line %zu: the log's key signed another log of %" PRIu64
                            " entries, and no new epoch explains it",
                       line_no, line->checkpoint.head.size);
    return note_given(log, line, cut->place + 1, error);
}

static st_err check_lines(verify_log *log, const char *text, size_t len, st_error *error)
{
    const size_t first = sizeof FIRST - 1;
    st_err err = ST_OK;
    size_t line_no = 2;
    if (len <= first || memcmp(text, FIRST, first) != 0 || text[len - 1] != '\n')
        return st_fail(error, ST_E_CORRUPT, NAME ": not a list of logs given up");
    for (size_t at = first; err == ST_OK && at < len; line_no++) {
        given_line line;
        size_t line_len = (size_t)((const char *)memchr(text + at, '\n', len - at) - (text + at));
        if (!take_line(log, text + at, line_len + 1, &line))
            return st_fail(error, ST_E_CORRUPT, NAME ": line %zu: not that of a log given up",
                           line_no);
        err = check_line(log, &line, line_no, error);
        at += line_len + 1;
    }
    return err;
}

st_err verify_given_read(verify_log *log, const verify_source *source, st_error *error)
{
    st_buffer bytes;
    st_buffer_init(&bytes, (size_t)16 << 20);
    st_err err = source->read(source->context, NAME, &bytes, error);
    log->has_given = err == ST_OK;
    if (err == ST_OK)
        err = check_lines(log, (const char *)bytes.data, bytes.len, error);
    st_buffer_free(&bytes);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
