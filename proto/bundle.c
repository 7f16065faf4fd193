/* proto/bundle.c - bundles: the head that is signed, and the parts behind it.
 * Promises: of a bundle no more is in memory than its list and one part, however large it is; a
 * part is given out only with the hash that its maker signed. Must never believe who the maker says
 * he is. */
#include <string.h>

#include "proto/carry.h"
#include "proto/frame.h"
#include "proto/message_parts.h"
#include "proto/wire.h"

#define LISTED_BYTES   36u
#define FRONT_BYTES    (ST_BUNDLE_MAGIC_BYTES + 4u)
#define HEAD_BYTES_MAX (ST_BUNDLE_PARTS_MAX * LISTED_BYTES + 4096u)

/* ---- the head ---- */

st_err st_bundle_head_put(const st_bundle_head *head, st_buffer *out, st_error *error)
{
    message_builder b = { .no_memory = false };
    Sotay__BundleHead message;
    uint8_t *room = NULL;
    st_arena_init(&b.arena, HEAD_BYTES_MAX);
    sotay__bundle_head__init(&message);
    message.version = 1;
    message.log = message_view(head->log.b, sizeof head->log.b);
    message.device = message_view(head->device.b, sizeof head->device.b);
    message.sign_key = message_view(head->sign_key, sizeof head->sign_key);
    message.made_ms = head->made_ms;
    message.signature = message_view(head->signature, sizeof head->signature);
    uint8_t *list = message_make(&b, head->parts_count, LISTED_BYTES);
    for (uint32_t i = 0; list != NULL && i < head->parts_count; i++) {
        memcpy(list + (size_t)i * LISTED_BYTES, head->parts[i].hash.b, 32);
        st_put_u32(list + (size_t)i * LISTED_BYTES + 32, head->parts[i].bytes);
    }
    message.parts = message_view(list, (size_t)head->parts_count * LISTED_BYTES);
    size_t len = sotay__bundle_head__get_packed_size(&message);
    st_err err = b.no_memory ? message_no_memory(error) : ST_OK;
    if (err == ST_OK)
        err = st_buffer_room(out, FRONT_BYTES + len, &room, error);
    if (err == ST_OK) {
        memcpy(room, ST_BUNDLE_MAGIC, ST_BUNDLE_MAGIC_BYTES);
        st_put_u32(room + ST_BUNDLE_MAGIC_BYTES, (uint32_t)len);
        out->len += FRONT_BYTES;
        out->len += sotay__bundle_head__pack(&message, room + FRONT_BYTES);
    }
    st_arena_reset(&b.arena);
    return err;
}

static st_err get_parts(const Sotay__BundleHead *from, st_arena *arena, st_bundle_head *out,
                        st_error *error)
{
    size_t count = from->parts.len / LISTED_BYTES;
    if (from->parts.len % LISTED_BYTES != 0)
        return st_fail(error, ST_E_CORRUPT, "bundle: its list is damaged");
    if (count > ST_BUNDLE_PARTS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "bundle: more parts than one may have");
    st_bundle_part *parts = st_arena_array(arena, count, sizeof *parts);
    if (parts == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        memcpy(parts[i].hash.b, from->parts.data + i * LISTED_BYTES, 32);
        parts[i].bytes = st_get_u32(from->parts.data + i * LISTED_BYTES + 32);
    }
    out->parts = parts;
    out->parts_count = (uint32_t)count;
    return ST_OK;
}

static st_err get_head(const uint8_t *bytes, size_t len, st_arena *arena, st_bundle_head *out,
                       st_error *error)
{
    void *message = NULL;
    st_err err =
        st_wire_unpack(bytes, len, &sotay__bundle_head__descriptor, arena, &message, error);
    if (err != ST_OK)
        return err;
    const Sotay__BundleHead *from = message;
    if (from->version != 1)
        return st_fail(error, ST_E_VERSION, "bundle: of a newer program");
    if (!message_bytes(&from->log, out->log.b, sizeof out->log.b) ||
        !message_bytes(&from->device, out->device.b, sizeof out->device.b) ||
        !message_bytes(&from->sign_key, out->sign_key, sizeof out->sign_key) ||
        !message_bytes(&from->signature, out->signature, sizeof out->signature))
        return st_fail(error, ST_E_CORRUPT, "bundle: its head is damaged");
    out->made_ms = from->made_ms;
    return get_parts(from, arena, out, error);
}

/* ---- reading ---- */

/* The next bytes, into a buffer that is made empty. */
static st_err read_some(const st_bundle_source *from, uint64_t at, size_t len, st_buffer *out,
                        st_error *error)
{
    uint8_t *room = NULL;
    st_buffer_clear(out);
    st_err err = st_buffer_room(out, len, &room, error);
    if (err == ST_OK)
        err = from->read(from->context, at, room, len, error);
    if (err == ST_OK)
        out->len = len;
    return err;
}

st_err st_bundle_part_read(const st_bundle_source *from, uint64_t at, const st_bundle_part *part,
                           st_buffer *out, st_error *error)
{
    if (part->bytes == 0 || part->bytes > ST_FRAME_BYTES_MAX || part->bytes > from->len - at)
        return st_fail(error, ST_E_CORRUPT, "bundle: it is cut");
    st_err err = read_some(from, at, part->bytes, out, error);
    if (err != ST_OK)
        return err;
    st_hash hash = st_sha256(out->data, out->len);
    if (memcmp(hash.b, part->hash.b, sizeof hash.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "bundle: it was changed on its way");
    return ST_OK;
}

/* Where the list says, each with its hash, and nothing behind the last. */
static st_err check_parts(const st_bundle_source *from, uint64_t at, const st_bundle_head *head,
                          st_error *error)
{
    st_buffer bytes;
    st_err err = ST_OK;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    for (uint32_t i = 0; err == ST_OK && i < head->parts_count; i++) {
        err = st_bundle_part_read(from, at, &head->parts[i], &bytes, error);
        at += head->parts[i].bytes;
    }
    st_buffer_free(&bytes);
    if (err == ST_OK && at != from->len)
        err = st_fail(error, ST_E_CORRUPT, "bundle: something lies behind it");
    return err;
}

static st_err check_signature(const st_bundle_head *head, st_error *error)
{
    uint8_t text[ST_BUNDLE_SIGN_BYTES];
    st_id device = st_device_id(head->sign_key);
    st_bundle_sign_text(head, text);
    return st_id_cmp(&device, &head->device) == 0 &&
                   st_sign_verify(head->sign_key, text, sizeof text, head->signature)
               ? ST_OK
               : st_fail(error, ST_E_SIGNATURE, "bundle: it was changed on its way");
}

/* The head's bytes, behind magic and length. */
static st_err read_head(const st_bundle_source *from, st_buffer *out, st_error *error)
{
    uint8_t front[FRONT_BYTES];
    st_err err = ST_OK;
    if (from->len >= sizeof front)
        err = from->read(from->context, 0, front, sizeof front, error);
    if (err != ST_OK)
        return err;
    if (from->len < sizeof front || memcmp(front, ST_BUNDLE_MAGIC, ST_BUNDLE_MAGIC_BYTES) != 0)
        return st_fail(error, ST_E_CORRUPT, "bundle: this file is none");
    if (from->len > ST_BUNDLE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "bundle: over %u bytes", ST_BUNDLE_BYTES_MAX);
    size_t len = st_get_u32(front + ST_BUNDLE_MAGIC_BYTES);
    if (len > from->len - sizeof front)
        return st_fail(error, ST_E_CORRUPT, "bundle: it is cut");
    if (len > HEAD_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "bundle: more parts than one may have");
    return read_some(from, sizeof front, len, out, error);
}

st_err st_bundle_open(const st_bundle_source *from, st_arena *arena, st_bundle_head *out_head,
                      uint64_t *out_at, st_error *error)
{
    st_buffer bytes;
    st_bundle_head head;
    memset(&head, 0, sizeof head);
    st_buffer_init(&bytes, HEAD_BYTES_MAX);
    st_err err = read_head(from, &bytes, error);
    uint64_t at = FRONT_BYTES + bytes.len;
    if (err == ST_OK)
        err = get_head(bytes.data, bytes.len, arena, &head, error);
    st_buffer_free(&bytes);
    if (err == ST_OK)
        err = check_signature(&head, error);
    if (err == ST_OK)
        err = check_parts(from, at, &head, error);
    if (err == ST_OK) {
        *out_head = head;
        *out_at = at;
    }
    return err;
}

/* ---- one that lies in memory ---- */

static st_err copy_some(void *context, uint64_t at, uint8_t *bytes, size_t len, st_error *error)
{
    (void)error;
    memcpy(bytes, (const uint8_t *)context + at, len);
    return ST_OK;
}

st_bundle_source st_bundle_memory(const void *bytes, size_t len)
{
    /* It is only read; a source's context is not const since others' are not. */
    return (st_bundle_source){ (void *)(uintptr_t)bytes, copy_some, len };
}
