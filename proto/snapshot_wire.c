/* proto/snapshot_wire.c - the frame that names a snapshot, and the parts its pieces are made of.
 * Promises: the list of pieces is bounded before memory is taken; a part has at most one frame's
 * bytes.
 * Must never: look inside a record. */
#include <string.h>

#include "proto/message_parts.h"
#include "proto/wire.h"

#define BUILD_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- the list ---- */

st_err message_get_snapshot(const Sotay__Snapshot *from, st_arena *arena, st_snapshot *out,
                            st_error *error)
{
    size_t count = from->pieces.len / ST_SNAPSHOT_LISTED_BYTES;
    if (!st_bucket_set(&out->bucket, from->bucket, strlen(from->bucket)) ||
        !message_bytes(&from->sum, out->sum.b, sizeof out->sum.b) || from->cursor == 0 ||
        from->pieces.len % ST_SNAPSHOT_LISTED_BYTES != 0 || count == 0)
        return message_corrupt(error, "bad snapshot");
    if (count > ST_SNAPSHOT_PIECES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more pieces than a snapshot may have");
    st_snapshot_piece *pieces = st_arena_array(arena, count, sizeof *pieces);
    if (pieces == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = from->pieces.data + i * ST_SNAPSHOT_LISTED_BYTES;
        memcpy(pieces[i].hash.b, at, sizeof pieces[i].hash.b);
        pieces[i].bytes = st_get_u32(at + 32);
        if (pieces[i].bytes == 0 || pieces[i].bytes > ST_BODY_BYTES_MAX)
            return message_corrupt(error, "bad length of a piece");
    }
    out->cursor = from->cursor;
    out->fold_version = from->fold_version;
    out->pieces = pieces;
    out->pieces_count = (uint32_t)count;
    return ST_OK;
}

void message_put_snapshot(message_builder *b, const st_snapshot *snapshot, Sotay__Snapshot *out)
{
    sotay__snapshot__init(out);
    out->bucket = message_string(snapshot->bucket.s);
    out->cursor = snapshot->cursor;
    out->sum = message_view(snapshot->sum.b, sizeof snapshot->sum.b);
    out->fold_version = snapshot->fold_version;
    uint8_t *bytes = message_make(b, snapshot->pieces_count, ST_SNAPSHOT_LISTED_BYTES);
    for (uint32_t i = 0; bytes != NULL && i < snapshot->pieces_count; i++) {
        uint8_t *at = bytes + i * ST_SNAPSHOT_LISTED_BYTES;
        memcpy(at, snapshot->pieces[i].hash.b, 32);
        st_put_u32(at + 32, snapshot->pieces[i].bytes);
    }
    out->pieces = message_view(bytes, (size_t)snapshot->pieces_count * ST_SNAPSHOT_LISTED_BYTES);
}

/* ---- a part of a piece ---- */

static void put_part(message_builder *b, const st_snapshot_part *part, Sotay__SnapshotPart *out)
{
    sotay__snapshot_part__init(out);
    out->records = message_make(b, part->records_count, sizeof *out->records);
    for (uint32_t i = 0; out->records != NULL && i < part->records_count; i++)
        out->records[i] = message_view(part->records[i].bytes, part->records[i].len);
    out->held = message_make(b, part->held_count, sizeof *out->held);
    Sotay__Entry *entries = message_make(b, part->held_count, sizeof *entries);
    for (uint32_t i = 0; !b->no_memory && i < part->held_count; i++) {
        message_put_entry(b, &part->held[i], &entries[i]);
        out->held[i] = &entries[i];
    }
    out->n_records = part->records_count;
    out->n_held = part->held_count;
    if (part->vector != NULL)
        out->vector = message_view(part->vector, part->vector_len);
}

st_err st_snapshot_part_encode(const st_snapshot_part *part, st_buffer *out, st_error *error)
{
    message_builder b = { .no_memory = false };
    Sotay__SnapshotPart message;
    uint8_t *room = NULL;
    st_arena_init(&b.arena, BUILD_BYTES_MAX);
    put_part(&b, part, &message);
    st_err err = b.no_memory ? message_no_memory(error) : ST_OK;
    size_t len = err == ST_OK ? sotay__snapshot_part__get_packed_size(&message) : 0;
    if (len > ST_FRAME_BYTES_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "snapshot: a part of %zu bytes", len);
    if (err == ST_OK)
        err = st_buffer_room(out, len, &room, error);
    if (err == ST_OK)
        out->len += sotay__snapshot_part__pack(&message, room);
    st_arena_reset(&b.arena);
    return err;
}

static st_err get_part(const Sotay__SnapshotPart *from, st_arena *arena, st_snapshot_part *out,
                       st_error *error)
{
    st_snapshot_record *records = st_arena_array(arena, from->n_records, sizeof *records);
    st_entry *held = st_arena_array(arena, from->n_held, sizeof *held);
    st_err err = records == NULL || held == NULL ? message_no_memory(error) : ST_OK;
    for (size_t i = 0; err == ST_OK && i < from->n_records; i++)
        records[i] = (st_snapshot_record){ from->records[i].data, from->records[i].len };
    for (size_t i = 0; err == ST_OK && i < from->n_held; i++) {
        err = message_entry(from->held[i], arena, &held[i], error);
        if (err == ST_OK && (held[i].set == NULL || held[i].index == 0 ||
                             held[i].counters_count > 0))
            err = message_corrupt(error, "an entry of a snapshot that is no set");
    }
    out->records = records;
    out->records_count = (uint32_t)from->n_records;
    out->held = held;
    out->held_count = (uint32_t)from->n_held;
    out->vector = from->vector.len > 0 ? from->vector.data : NULL;
    out->vector_len = from->vector.len;
    return err;
}

st_err st_snapshot_part_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                               st_snapshot_part *out_part, st_error *error)
{
    void *message = NULL;
    st_snapshot_part part;
    memset(&part, 0, sizeof part);
    st_err err =
        st_wire_unpack(bytes, len, &sotay__snapshot_part__descriptor, arena, &message, error);
    if (err == ST_OK)
        err = get_part(message, arena, &part, error);
    if (err == ST_OK)
        *out_part = part;
    return err;
}
