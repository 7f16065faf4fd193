/* proto/carry.c - sealing and opening parcels, and the texts that are signed about what is carried.
 * Promises: what is sealed is one frame in one stream, whatever opens it is bounded.
 * Must never: trust what stands beside a parcel. */
#include "proto/carry.h"

#include <stdio.h>
#include <string.h>

#include "proto/frame.h"

#define LEVEL         9
#define INSIDE_EXTRA  4096u /* what a frame and its stream add to a set */

static const char RECEIPT_NAME[] = "sotay-receipt/v1"; /* with its NUL */
static const char BUNDLE_NAME[] = "sotay-bundle/v1";   /* with its NUL */
static const char CARRY_NAME[] = "sotay-carry/v1";     /* with its NUL */

/* ---- parcels ---- */

static st_err write_inside(const st_frame *inside, st_buffer *stream, st_error *error)
{
    st_frame_writer *writer = NULL;
    st_buffer bytes;
    st_buffer_init(&bytes, ST_PARCEL_BYTES_MAX);
    st_err err = st_frame_encode(inside, &bytes, error);
    if (err == ST_OK)
        err = st_frame_writer_new(LEVEL, stream, &writer, error);
    if (err == ST_OK)
        err = st_frame_write(writer, bytes.data, bytes.len, error);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, error);
    st_frame_writer_free(writer);
    st_buffer_free(&bytes);
    return err;
}

st_err st_parcel_seal(const uint8_t seal_key[32], const st_frame *inside, st_parcel *parcel,
                      st_buffer *out, st_error *error)
{
    st_buffer stream;
    uint8_t *room = NULL;
    st_buffer_init(&stream, ST_PARCEL_BYTES_MAX - ST_SEALED_BOX_EXTRA);
    st_buffer_clear(out);
    st_err err = write_inside(inside, &stream, error);
    if (err == ST_OK)
        err = st_buffer_room(out, stream.len + ST_SEALED_BOX_EXTRA, &room, error);
    if (err == ST_OK)
        err = st_box_seal(seal_key, stream.data, stream.len, room, error);
    if (err == ST_OK) {
        out->len = stream.len + ST_SEALED_BOX_EXTRA;
        parcel->sealed = out->data;
        parcel->sealed_len = out->len;
    }
    if (stream.len > 0)
        st_wipe(stream.data, stream.len);
    st_buffer_free(&stream);
    return err;
}

/* The one frame of a whole stream, copied into the arena. */
static st_err read_inside(const uint8_t *stream, size_t len, st_arena *arena, st_frame *out,
                          st_error *error)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame = NULL, *second = NULL;
    size_t frame_len = 0, second_len = 0;
    st_err bad = ST_OK;
    uint8_t *copy = NULL;
    st_err err = st_frame_reader_new(ST_PARCEL_BYTES_MAX + INSIDE_EXTRA, &reader, error);
    if (err == ST_OK)
        err = st_frame_feed(reader, stream, len, error);
    if (err == ST_OK && !st_frame_read(reader, &frame, &frame_len, &bad))
        err = st_fail(error, bad == ST_E_MEMORY ? bad : ST_E_CORRUPT, "parcel: it is damaged");
    if (err == ST_OK) {
        copy = st_arena_copy(arena, frame, frame_len);
        if (copy == NULL)
            err = st_fail(error, st_arena_refused(arena, frame_len), "parcel: no memory");
    }
    if (err == ST_OK && (st_frame_read(reader, &second, &second_len, &bad) ||
                         !st_frame_is_complete(reader)))
        err = st_fail(error, ST_E_CORRUPT, "parcel: it is not one thing");
    st_frame_reader_free(reader);
    return err == ST_OK ? st_frame_decode(copy, frame_len, arena, out, error) : err;
}

st_err st_parcel_open(const st_parcel *parcel, st_seal_pair keys, st_arena *arena,
                      st_frame *out_inside, st_error *error)
{
    st_frame inside;
    if (parcel->sealed_len <= ST_SEALED_BOX_EXTRA || parcel->sealed_len > ST_PARCEL_BYTES_MAX)
        return st_fail(error, ST_E_CORRUPT, "parcel: of no length that one has");
    size_t len = parcel->sealed_len - ST_SEALED_BOX_EXTRA;
    uint8_t *stream = st_arena_array(arena, len, 1);
    if (stream == NULL)
        return st_fail(error, st_arena_refused(arena, len), "parcel: no memory");
    st_err err = st_box_open(keys.public_key, keys.secret, parcel->sealed, parcel->sealed_len,
                             stream, error);
    if (err == ST_OK)
        err = read_inside(stream, len, arena, &inside, error);
    if (err != ST_OK)
        return err;
    bool is_set = parcel->kind == ST_PARCEL_SET && inside.kind == ST_FRAME_SET;
    bool is_piece = parcel->kind == ST_PARCEL_PIECE && inside.kind == ST_FRAME_HAVE_ASK &&
                    inside.as.have_ask.chunks_count == 1;
    if (!is_set && !is_piece)
        return st_fail(error, ST_E_CORRUPT, "parcel: something else is inside");
    *out_inside = inside;
    return ST_OK;
}

/* ---- what is signed ---- */

void st_receipt_sign_text(const st_id *log, const st_receipt *receipt,
                          uint8_t out[ST_RECEIPT_SIGN_BYTES])
{
    _Static_assert(sizeof RECEIPT_NAME == 17, "as in ST_RECEIPT_SIGN_BYTES");
    st_hash hash = st_sha256(receipt->body, receipt->body_len);
    memcpy(out, RECEIPT_NAME, 17);
    memcpy(out + 17, log->b, 16);
    memcpy(out + 33, hash.b, 32);
}

bool st_receipt_verify(const st_receipt *receipt, const st_id *log, const uint8_t server_key[32])
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_receipt_sign_text(log, receipt, text);
    return st_sign_verify(server_key, text, sizeof text, receipt->signature);
}

void st_bundle_sign_text(const st_bundle_head *head, uint8_t out[ST_BUNDLE_SIGN_BYTES])
{
    _Static_assert(sizeof BUNDLE_NAME == 16, "as in ST_BUNDLE_SIGN_BYTES");
    st_sha256_state state;
    st_sha256_init(&state);
    for (uint32_t i = 0; i < head->parts_count; i++) {
        uint8_t bytes[4];
        st_put_u32(bytes, head->parts[i].bytes);
        st_sha256_update(&state, head->parts[i].hash.b, sizeof head->parts[i].hash.b);
        st_sha256_update(&state, bytes, sizeof bytes);
    }
    st_hash list = st_sha256_final(&state);
    memcpy(out, BUNDLE_NAME, 16);
    memcpy(out + 16, head->log.b, 16);
    memcpy(out + 32, head->device.b, 16);
    st_put_u64(out + 48, (uint64_t)head->made_ms);
    memcpy(out + 56, list.b, 32);
}

st_hash st_carry_transcript(st_mac_text serves, st_mac_text fetches)
{
    st_sha256_state state;
    uint8_t bytes[4];
    st_sha256_init(&state);
    st_put_u32(bytes, (uint32_t)serves.len);
    st_sha256_update(&state, bytes, sizeof bytes);
    st_sha256_update(&state, serves.data, serves.len);
    st_put_u32(bytes, (uint32_t)fetches.len);
    st_sha256_update(&state, bytes, sizeof bytes);
    st_sha256_update(&state, fetches.data, fetches.len);
    return st_sha256_final(&state);
}

void st_carry_sign_text(const st_id *log, bool fetches, const st_hash *transcript,
                        uint8_t out[ST_CARRY_SIGN_BYTES])
{
    _Static_assert(sizeof CARRY_NAME == 15, "as in ST_CARRY_SIGN_BYTES");
    memcpy(out, CARRY_NAME, 15);
    memcpy(out + 15, log->b, 16);
    out[31] = fetches ? 1 : 0;
    memcpy(out + 32, transcript->b, 32);
}

void st_carry_code(const st_hash *transcript, char *text)
{
    st_hash hash = st_sha256(transcript->b, sizeof transcript->b);
    uint32_t code = st_get_u32(hash.b) % 1000000u;
    (void)snprintf(text, 8, "%03u %03u", code / 1000u, code % 1000u);
}
