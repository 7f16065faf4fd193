/* proto/have_wire.c - the frames about pieces of attachments, both directions.
 * Promises: lists and pieces are bounded before memory is taken; a piece is never empty.
 * Must never: look inside a piece, or say that it is the one of its name - who stores it does. */
#include <string.h>

#include "proto/message_parts.h"

_Static_assert(sizeof(st_hash) == 32, "hashes lie one behind the other");

/* ---- reading ---- */

static st_err get_hashes(const ProtobufCBinaryData *from, st_arena *arena, const st_hash **out,
                         uint32_t *out_count, st_error *error)
{
    size_t count = from->len / sizeof(st_hash);
    if (from->len % sizeof(st_hash) != 0)
        return message_corrupt(error, "bad hashes of pieces");
    if (count > ST_CHUNKS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than %u hashes", ST_CHUNKS_MAX);
    st_hash *hashes = st_arena_array(arena, count, sizeof *hashes);
    if (hashes == NULL)
        return message_no_memory(error);
    if (count > 0)
        memcpy(hashes, from->data, from->len);
    *out = hashes;
    *out_count = (uint32_t)count;
    return ST_OK;
}

st_err message_get_have_ask(const Sotay__HaveAsk *from, st_arena *arena, st_have_ask *out,
                            st_error *error)
{
    if (!message_bytes(&from->record, out->record.b, sizeof out->record.b))
        return message_corrupt(error, "bad record of pieces");
    if (from->n_chunks > ST_CHUNKS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than %u pieces", ST_CHUNKS_MAX);
    st_chunk *chunks = st_arena_array(arena, from->n_chunks, sizeof *chunks);
    if (chunks == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_chunks; i++) {
        if (from->chunks[i].len == 0)
            return message_corrupt(error, "an empty piece");
        if (from->chunks[i].len > ST_CHUNK_BYTES_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "frame: a piece over %u bytes",
                           ST_CHUNK_BYTES_MAX);
        chunks[i] = (st_chunk){ from->chunks[i].data, from->chunks[i].len };
    }
    out->chunks = chunks;
    out->chunks_count = (uint32_t)from->n_chunks;
    out->skip = from->skip;
    out->most = from->most;
    return get_hashes(&from->hashes, arena, &out->hashes, &out->hashes_count, error);
}

/* A beginning is shorter than the whole, and is never without its check. */
static st_err get_kept(const Sotay__HaveAnswer *from, st_kept *out, st_error *error)
{
    bool has_check = message_bytes(&from->kept_check, out->check, sizeof out->check);
    bool is_absent = from->kept == 0 && from->kept_of == 0 && from->kept_check.len == 0;
    if (!is_absent && (!has_check || from->kept == 0 || from->kept >= from->kept_of))
        return message_corrupt(error, "bad beginning of a stream");
    out->bytes = from->kept;
    out->of = from->kept_of;
    return ST_OK;
}

st_err message_get_have_answer(const Sotay__HaveAnswer *from, st_arena *arena, st_have_answer *out,
                               st_error *error)
{
    if (!message_bytes(&from->record, out->record.b, sizeof out->record.b))
        return message_corrupt(error, "bad record of pieces");
    out->full = from->full != 0;
    out->entries = from->entries;
    st_err err = get_hashes(&from->missing, arena, &out->missing, &out->missing_count, error);
    if (err == ST_OK)
        err = get_hashes(&from->unknown, arena, &out->unknown, &out->unknown_count, error);
    return err == ST_OK ? get_kept(from, &out->kept, error) : err;
}

st_err message_get_piece_bytes(const Sotay__PieceBytes *from, st_piece_bytes *out, st_error *error)
{
    if (!message_bytes(&from->hash, out->hash.b, sizeof out->hash.b) || from->bytes.len == 0)
        return message_corrupt(error, "bad bytes of a piece");
    if (from->bytes.len > ST_PIECE_PART_BYTES_MAX || from->size > ST_CHUNK_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: a piece over its limit");
    if (from->from > from->size || from->bytes.len > from->size - from->from)
        return message_corrupt(error, "bytes behind the end of a piece");
    out->size = from->size;
    out->from = from->from;
    out->bytes = from->bytes.data;
    out->len = (uint32_t)from->bytes.len;
    return ST_OK;
}

/* ---- writing ---- */

void message_put_have_ask(message_builder *b, const st_have_ask *ask, Sotay__HaveAsk *out)
{
    sotay__have_ask__init(out);
    out->record = message_view(ask->record.b, sizeof ask->record.b);
    out->hashes = message_view(ask->hashes, ask->hashes_count * sizeof *ask->hashes);
    out->chunks = message_make(b, ask->chunks_count, sizeof *out->chunks);
    for (uint32_t i = 0; !b->no_memory && i < ask->chunks_count; i++)
        out->chunks[i] = message_view(ask->chunks[i].bytes, ask->chunks[i].len);
    out->n_chunks = ask->chunks_count;
    out->skip = ask->skip;
    out->most = ask->most;
}

void message_put_have_answer(const st_have_answer *answer, Sotay__HaveAnswer *out)
{
    sotay__have_answer__init(out);
    out->record = message_view(answer->record.b, sizeof answer->record.b);
    out->missing = message_view(answer->missing, answer->missing_count * sizeof *answer->missing);
    out->unknown = message_view(answer->unknown, answer->unknown_count * sizeof *answer->unknown);
    out->full = answer->full;
    out->entries = answer->entries;
    if (answer->kept.bytes == 0)
        return;
    out->kept = answer->kept.bytes;
    out->kept_of = answer->kept.of;
    out->kept_check = message_view(answer->kept.check, sizeof answer->kept.check);
}

void message_put_piece_bytes(const st_piece_bytes *part, Sotay__PieceBytes *out)
{
    sotay__piece_bytes__init(out);
    out->hash = message_view(part->hash.b, sizeof part->hash.b);
    out->size = part->size;
    out->from = part->from;
    out->bytes = message_view(part->bytes, part->len);
}
