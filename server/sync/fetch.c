/* server/sync/fetch.c - gives pieces of files out to devices.
 * Promises: only to who may read the record now; what goes out has the hash it is asked by; an
 * answer is bounded, whatever is asked. Must never let one damaged piece stop the others. */
#include "server/sync/fetch.h"

#include <string.h>

#define PART_BYTES ((size_t)4096) /* so much is lost with a line, at most */

typedef struct {
    const fetch_out *out;
    const st_have_ask *ask;
    st_have_answer answer;
    st_hash *missing, *unknown; /* of the answer */
    st_buffer piece;
    size_t left; /* bytes that may still go */
} fetch;

/* As much of the piece as may still go, from that byte on. */
static st_err put_piece(fetch *f, const st_hash *hash, size_t from, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_PIECE_BYTES };
    st_err err = ST_OK;
    while (err == ST_OK && from < f->piece.len && f->left > 0) {
        size_t len = f->piece.len - from;
        if (len > PART_BYTES)
            len = PART_BYTES;
        if (len > f->left)
            len = f->left;
        frame.as.piece_bytes = (st_piece_bytes){ .hash = *hash,
                                                 .size = (uint32_t)f->piece.len,
                                                 .from = (uint32_t)from,
                                                 .bytes = f->piece.data + from,
                                                 .len = (uint32_t)len };
        err = f->out->put(f->out->context, &frame, error);
        from += len;
        f->left -= len;
    }
    return err;
}

static st_err give_piece(fetch *f, sync_room *room, uint32_t which, st_error *error)
{
    const st_hash *hash = &f->ask->hashes[which];
    size_t skip = which == 0 ? f->ask->skip : 0;
    st_buffer_clear(&f->piece);
    st_err err = chunks_get(room->dir, hash, &f->piece, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT) {
        f->missing[f->answer.missing_count++] = *hash;
        return ST_OK;
    }
    return err == ST_OK ? put_piece(f, hash, skip < f->piece.len ? skip : 0, error) : err;
}

static st_err give_all(fetch *f, sync_room *room, const have_named *named, st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < f->ask->hashes_count && f->left > 0; i++) {
        if (have_is_named(named, &f->ask->hashes[i]))
            err = give_piece(f, room, i, error);
        else
            f->unknown[f->answer.unknown_count++] = f->ask->hashes[i];
    }
    return err;
}

st_err sync_fetch(sync_room *room, const have_asker *asker, const st_have_ask *ask,
                  const fetch_out *out, st_error *error)
{
    have_named named;
    st_frame frame = { .kind = ST_FRAME_HAVE_ANSWER };
    size_t wanted = ask->most > 0 && ask->most < FETCH_BYTES_MAX ? ask->most : FETCH_BYTES_MAX;
    fetch f = { .out = out, .ask = ask, .left = wanted };
    st_buffer_init(&f.piece, ST_CHUNK_BYTES_MAX + 8192u);
    f.missing = st_arena_array(asker->arena, ask->hashes_count + 1u, sizeof *f.missing);
    f.unknown = st_arena_array(asker->arena, ask->hashes_count + 1u, sizeof *f.unknown);
    st_err err = f.missing == NULL || f.unknown == NULL
                     ? st_fail(error, ST_E_MEMORY, "attachments: no memory")
                     : have_readable(room, asker, &ask->record, &named, error);
    if (err == ST_OK)
        err = give_all(&f, room, &named, error);
    f.answer.record = ask->record;
    f.answer.missing = f.missing;
    f.answer.unknown = f.unknown;
    frame.as.have_answer = f.answer;
    if (err == ST_OK)
        err = out->put(out->context, &frame, error);
    st_buffer_free(&f.piece);
    return err;
}
