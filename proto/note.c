/* proto/note.c - signed notes as text.
 * Promises: what decodes has one spelling; a signature counts only under the name, type and key
 * that are asked for; lines of others are passed over, as C2SP wants it.
 * Must never: believe a key that a note names itself. */
#include "proto/note.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/hash.h"
#include "proto/text.h"

#define DASH         "\xe2\x80\x94 " /* an em dash and a blank begin a signature line */
#define DASH_BYTES   4u
#define SIG_CHARS    105u                      /* 4 + 72 bytes in base64, with NUL */
#define COSIGN_BYTES (8u + ST_SIGNATURE_BYTES) /* of a cosignature: time, signature */
#define PROOF_FIRST  "c2sp.org/tlog-proof@v1\n"

/* ---- names and keys ---- */

bool st_note_name_is_good(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '+')
            return false;
    return len > 0 && len < ST_NOTE_NAME_BYTES;
}

uint32_t st_vkey_id(const st_vkey *vkey)
{
    const uint8_t middle[2] = { '\n', (uint8_t)vkey->type };
    st_sha256_state state;
    st_sha256_init(&state);
    st_sha256_update(&state, vkey->name, strlen(vkey->name));
    st_sha256_update(&state, middle, sizeof middle);
    st_sha256_update(&state, vkey->key, sizeof vkey->key);
    st_hash hash = st_sha256_final(&state);
    return st_get_u32(hash.b);
}

void st_vkey_format(const st_vkey *vkey, char text[ST_VKEY_BYTES])
{
    uint8_t key[1 + sizeof vkey->key];
    char base64[48];
    key[0] = (uint8_t)vkey->type;
    memcpy(key + 1, vkey->key, sizeof vkey->key);
    st_base64(key, sizeof key, base64);
    (void)snprintf(text, ST_VKEY_BYTES, "%s+%08" PRIx32 "+%s", vkey->name, st_vkey_id(vkey),
                   base64);
}

bool st_vkey_parse(const char *text, size_t len, st_vkey *out_vkey)
{
    st_vkey vkey = { .type = ST_KEY_LOG };
    char again[ST_VKEY_BYTES];
    uint8_t key[48];
    const char *plus = memchr(text, '+', len);
    size_t name_len = plus == NULL ? 0 : (size_t)(plus - text);
    if (plus == NULL || name_len >= sizeof vkey.name || len < name_len + 10 + 44 ||
        len - name_len - 10 >= 48 || text[name_len + 9] != '+')
        return false;
    memcpy(vkey.name, text, name_len);
    const char *base64 = text + name_len + 10;
    if (st_unbase64(base64, len - name_len - 10, key) != 1 + sizeof vkey.key ||
        (key[0] != ST_KEY_LOG && key[0] != ST_KEY_WITNESS) || !st_note_name_is_good(vkey.name))
        return false;
    vkey.type = (st_key_type)key[0];
    memcpy(vkey.key, key + 1, sizeof vkey.key);
    st_vkey_format(&vkey, again);
    if (strlen(again) != len || memcmp(again, text, len) != 0)
        return false;
    *out_vkey = vkey;
    return true;
}

void st_origin(const char *commune, const st_id *log, uint64_t epoch_n,
               char out[ST_NOTE_NAME_BYTES])
{
    char hex[33];
    st_id_format(log, hex);
    (void)snprintf(out, ST_NOTE_NAME_BYTES, "sotay/%.10s/%s/%" PRIu64, commune, hex, epoch_n);
}

void st_witness_name(const char *commune, const st_id *device, char out[ST_NOTE_NAME_BYTES])
{
    char hex[33];
    st_id_format(device, hex);
    (void)snprintf(out, ST_NOTE_NAME_BYTES, "sotay/%.10s/phone/%s", commune, hex);
}

/* Where the number at the end begins; the end of the text when there is none. */
static size_t epoch_at(const char *origin)
{
    size_t len = strlen(origin), at = len;
    while (at > 0 && origin[at - 1] >= '0' && origin[at - 1] <= '9')
        at--;
    bool good = at < len && at > 0 && origin[at - 1] == '/' && origin[at] != '0' && len - at < 19;
    return good ? at : len;
}

uint64_t st_origin_epoch(const char *origin)
{
    uint64_t n = 0;
    for (const char *at = origin + epoch_at(origin); *at != '\0'; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

bool st_origin_log(const char *origin, st_id *out_log)
{
    char hex[33];
    size_t end = epoch_at(origin);
    if (strncmp(origin, "sotay/", 6) != 0 || origin[end] == '\0' || end < 6 + 34)
        return false;
    memcpy(hex, origin + end - 33, 32);
    hex[32] = '\0';
    return origin[end - 34] == '/' && st_id_parse(hex, out_log);
}

bool st_origin_is_same_log(const char *a, const char *b)
{
    size_t at = epoch_at(a);
    return at == epoch_at(b) && strncmp(a, b, at) == 0 && (a[at] == '\0') == (b[at] == '\0');
}

/* ---- writing ---- */

st_err st_checkpoint_text(const st_checkpoint *checkpoint, st_buffer *out, st_error *error)
{
    char root[48];
    st_base64(checkpoint->head.root.b, sizeof checkpoint->head.root.b, root);
    return st_buffer_printf(out, error, "%s\n%" PRIu64 "\n%s\n", checkpoint->origin,
                            checkpoint->head.size, root);
}

static st_err put_line(const st_vkey *vkey, const uint8_t *signature, size_t len, st_buffer *out,
                       st_error *error)
{
    uint8_t bytes[4 + COSIGN_BYTES];
    char text[SIG_CHARS];
    st_put_u32(bytes, st_vkey_id(vkey));
    memcpy(bytes + 4, signature, len);
    st_base64(bytes, 4 + len, text);
    return st_buffer_printf(out, error, DASH "%s %s\n", vkey->name, text);
}

st_err st_checkpoint_sign(const st_checkpoint *checkpoint, const uint8_t secret[64], st_buffer *out,
                          st_error *error)
{
    st_vkey vkey = { .type = ST_KEY_LOG };
    uint8_t signature[ST_SIGNATURE_BYTES];
    size_t start = out->len;
    assert(st_note_name_is_good(checkpoint->origin));
    memcpy(vkey.name, checkpoint->origin, sizeof vkey.name);
    memcpy(vkey.key, secret + 32, sizeof vkey.key); /* libsodium: seed, then public key */
    st_err err = st_checkpoint_text(checkpoint, out, error);
    if (err != ST_OK)
        return err;
    st_sign(secret, out->data + start, out->len - start, signature);
    err = st_buffer_append(out, "\n", 1, error);
    if (err == ST_OK)
        err = put_line(&vkey, signature, sizeof signature, out, error);
    if (err != ST_OK)
        out->len = start;
    return err;
}

/* What a witness signs: "cosignature/v1", its time, the note. */
static st_err cosign_text(const st_note *note, uint64_t time_s, st_buffer *out, st_error *error)
{
    st_err err = st_buffer_printf(out, error, "cosignature/v1\ntime %" PRIu64 "\n", time_s);
    return err == ST_OK ? st_buffer_append(out, note->text, note->text_len, error) : err;
}

st_err st_cosign_bytes(const st_note_signer *signer, const st_note *note, uint64_t time_s,
                       uint8_t out[COSIGN_BYTES], st_error *error)
{
    st_buffer text;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    st_err err = cosign_text(note, time_s, &text, error);
    if (err == ST_OK) {
        st_put_u64(out, time_s);
        st_sign(signer->secret, text.data, text.len, out + 8);
    }
    st_buffer_free(&text);
    return err;
}

st_err st_cosign_line(const st_vkey *witness, const uint8_t bytes[COSIGN_BYTES], st_buffer *out,
                      st_error *error)
{
    return put_line(witness, bytes, COSIGN_BYTES, out, error);
}

bool st_cosign_holds(const uint8_t public_key[32], const st_note *note,
                     const uint8_t bytes[COSIGN_BYTES])
{
    st_buffer text;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    bool good = cosign_text(note, st_get_u64(bytes), &text, NULL) == ST_OK &&
                st_sign_verify(public_key, text.data, text.len, bytes + 8);
    st_buffer_free(&text);
    return good;
}

st_err st_cosign(const st_note_signer *signer, const st_note *note, uint64_t time_s, st_buffer *out,
                 st_error *error)
{
    st_vkey vkey = { .type = ST_KEY_WITNESS };
    uint8_t bytes[COSIGN_BYTES];
    memcpy(vkey.name, signer->name, sizeof vkey.name);
    memcpy(vkey.key, signer->public_key, sizeof vkey.key);
    st_err err = st_cosign_bytes(signer, note, time_s, bytes, error);
    return err == ST_OK ? st_cosign_line(&vkey, bytes, out, error) : err;
}

/* ---- reading ---- */

/* "— name base64" of len bytes, without its line end. */
static bool take_line(const char *line, size_t len, st_note_line *out)
{
    uint8_t bytes[SIG_CHARS];
    if (len < DASH_BYTES || memcmp(line, DASH, DASH_BYTES) != 0)
        return false;
    const char *name = line + DASH_BYTES;
    const char *blank = memchr(name, ' ', len - DASH_BYTES);
    if (blank == NULL || blank == name)
        return false;
    size_t chars = len - (size_t)(blank + 1 - line);
    out->name = name;
    out->name_len = (size_t)(blank - name);
    if (memchr(name, '+', out->name_len) != NULL || chars == 0)
        return false;
    if (chars >= SIG_CHARS) /* of a type that is not ours: longer keys */
        return memchr(blank + 1, ' ', chars) == NULL;
    size_t bytes_len = st_unbase64(blank + 1, chars, bytes);
    if (bytes_len == SIZE_MAX || bytes_len < 5)
        return false;
    out->key_id = st_get_u32(bytes);
    out->len = bytes_len - 4 < sizeof out->bytes ? bytes_len - 4 : sizeof out->bytes;
    memcpy(out->bytes, bytes + 4, out->len);
    return true;
}

/* Where the signatures begin: behind the last empty line; 0 when there is none. */
static size_t find_lines(const char *bytes, size_t len)
{
    for (size_t at = len; at >= 2; at--)
        if (bytes[at - 1] == '\n' && bytes[at - 2] == '\n')
            return at;
    return 0;
}

static bool is_plain(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((uint8_t)bytes[i] < 0x20 && bytes[i] != '\n') || bytes[i] == 0x7f)
            return false;
    return st_text_is_utf8(bytes, len);
}

st_err st_note_decode(const void *data, size_t len, st_arena *arena, st_note *out_note,
                      st_error *error)
{
    const char *bytes = data;
    st_note note = { .text = bytes };
    if (len < 4 || len > ST_NOTE_BYTES_MAX || bytes[len - 1] != '\n' || !is_plain(bytes, len))
        return st_fail(error, ST_E_CORRUPT, "note: not lines of text");
    size_t at = find_lines(bytes, len);
    if (at < 3 || at == len)
        return st_fail(error, ST_E_CORRUPT, "note: nobody signed it");
    note.text_len = at - 1;
    note.lines = st_arena_array(arena, ST_NOTE_LINES_MAX, sizeof *note.lines);
    if (note.lines == NULL)
        return st_fail(error, ST_E_MEMORY, "note: no memory");
    while (at < len) {
        const char *end = memchr(bytes + at, '\n', len - at);
        size_t line_len = (size_t)(end - (bytes + at));
        if (note.lines_count == ST_NOTE_LINES_MAX)
            return st_fail(error, ST_E_CORRUPT, "note: too many signatures");
        if (!take_line(bytes + at, line_len, &note.lines[note.lines_count++]))
            return st_fail(error, ST_E_CORRUPT, "note: signature %u cannot be read",
                           note.lines_count);
        at += line_len + 1;
    }
    *out_note = note;
    return ST_OK;
}

/* A number without a needless zero, up to `end`. */
static bool take_number(const char *at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    if (at == end || end - at > 19 || (*at == '0' && end - at > 1))
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *out = value;
    return true;
}

static bool take_hash(const char *at, size_t chars, st_hash *out)
{
    uint8_t bytes[48];
    if (chars != 44 || st_unbase64(at, chars, bytes) != sizeof out->b)
        return false;
    memcpy(out->b, bytes, sizeof out->b);
    return true;
}

st_err st_checkpoint_decode(const st_note *note, st_checkpoint *out_checkpoint, st_error *error)
{
    st_checkpoint checkpoint;
    const char *end = note->text + note->text_len;
    const char *origin_end = memchr(note->text, '\n', note->text_len);
    const char *size_end =
        origin_end == NULL ? NULL : memchr(origin_end + 1, '\n', (size_t)(end - origin_end - 1));
    memset(&checkpoint, 0, sizeof checkpoint);
    size_t len = origin_end == NULL ? 0 : (size_t)(origin_end - note->text);
    if (size_end == NULL || len >= sizeof checkpoint.origin)
        return st_fail(error, ST_E_CORRUPT, "checkpoint: not its three lines");
    memcpy(checkpoint.origin, note->text, len);
    if (!st_note_name_is_good(checkpoint.origin) ||
        !take_number(origin_end + 1, size_end, &checkpoint.head.size) || end - size_end < 2 ||
        !take_hash(size_end + 1, (size_t)(end - size_end) - 2, &checkpoint.head.root))
        return st_fail(error, ST_E_CORRUPT, "checkpoint: not its three lines");
    *out_checkpoint = checkpoint;
    return ST_OK;
}

static bool is_good_line(const st_note *note, const st_note_line *line, const st_vkey *vkey)
{
    if (vkey->type == ST_KEY_LOG)
        return line->len == ST_SIGNATURE_BYTES &&
               st_sign_verify(vkey->key, note->text, note->text_len, line->bytes);
    return line->len == COSIGN_BYTES && st_cosign_holds(vkey->key, note, line->bytes);
}

const st_note_line *st_note_by(const st_note *note, const st_vkey *vkey, bool *out_good,
                               uint64_t *out_time_s)
{
    uint32_t id = st_vkey_id(vkey);
    size_t len = strlen(vkey->name);
    for (uint32_t i = 0; i < note->lines_count; i++) {
        const st_note_line *line = &note->lines[i];
        if (line->key_id != id || line->name_len != len || memcmp(line->name, vkey->name, len) != 0)
            continue;
        *out_good = is_good_line(note, line, vkey);
        if (out_time_s != NULL)
            *out_time_s = vkey->type == ST_KEY_WITNESS && *out_good ? st_get_u64(line->bytes) : 0;
        return line;
    }
    *out_good = false;
    return NULL;
}

st_err st_checkpoint_open(const void *bytes, size_t len, const st_vkey *vkey, st_arena *arena,
                          st_opened *out_opened, st_error *error)
{
    st_note note;
    st_checkpoint checkpoint;
    st_vkey signer = *vkey;
    bool is_good = false;
    st_err err = st_note_decode(bytes, len, arena, &note, error);
    if (err == ST_OK)
        err = st_checkpoint_decode(&note, &checkpoint, error);
    if (err != ST_OK)
        return err;
    if (vkey->type != ST_KEY_LOG || !st_origin_is_same_log(checkpoint.origin, vkey->name))
        return st_fail(error, ST_E_SIGNATURE, "checkpoint: it is of %s", checkpoint.origin);
    memcpy(signer.name, checkpoint.origin, sizeof signer.name);
    (void)st_note_by(&note, &signer, &is_good, NULL);
    if (!is_good)
        return st_fail(error, ST_E_SIGNATURE, "checkpoint: the log's key did not sign it");
    *out_opened = (st_opened){ note, checkpoint };
    return ST_OK;
}

/* ---- proofs in files ---- */

st_err st_proof_file_encode(const st_proof_file *file, st_buffer *out, st_error *error)
{
    size_t start = out->len;
    st_err err = st_buffer_printf(out, error, PROOF_FIRST "index %" PRIu64 "\n", file->place);
    for (unsigned i = 0; err == ST_OK && i < file->proof.count; i++) {
        char text[48];
        st_base64(file->proof.hashes[i].b, sizeof file->proof.hashes[i].b, text);
        err = st_buffer_printf(out, error, "%s\n", text);
    }
    if (err == ST_OK)
        err = st_buffer_append(out, "\n", 1, error);
    if (err == ST_OK)
        err = st_buffer_append(out, file->checkpoint, file->checkpoint_len, error);
    if (err != ST_OK)
        out->len = start;
    return err;
}

/* Passes the line `extra <base64>`; false when it is not in its one spelling. */
static bool skip_extra(const char **at, const char *end)
{
    if (end - *at < 6 || memcmp(*at, "extra ", 6) != 0)
        return true;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    *at = stop == NULL ? end : stop + 1;
    return stop != NULL;
}

st_err st_proof_file_decode(const void *bytes, size_t len, st_proof_file *out_file, st_error *error)
{
    st_proof_file file = { .place = 0 };
    const size_t first = sizeof PROOF_FIRST - 1;
    const char *at = bytes, *end = at + len, *stop = NULL;
    if (len < first || memcmp(at, PROOF_FIRST, first) != 0)
        return st_fail(error, ST_E_CORRUPT, "proof: not a file of tlog-proof@v1");
    at += first;
    bool good = skip_extra(&at, end) && end - at > 6 && memcmp(at, "index ", 6) == 0;
    stop = good ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (stop == NULL || !take_number(at + 6, stop, &file.place))
        return st_fail(error, ST_E_CORRUPT, "proof: its index cannot be read");
    for (at = stop + 1; at < end && *at != '\n'; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL || file.proof.count == ST_PROOF_MAX ||
            !take_hash(at, (size_t)(stop - at), &file.proof.hashes[file.proof.count++]))
            return st_fail(error, ST_E_CORRUPT, "proof: a hash cannot be read");
    }
    if (end - at < 2)
        return st_fail(error, ST_E_CORRUPT, "proof: the checkpoint is missing");
    file.checkpoint = at + 1;
    file.checkpoint_len = (size_t)(end - at) - 1;
    *out_file = file;
    return ST_OK;
}
