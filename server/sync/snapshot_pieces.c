/* server/sync/snapshot_pieces.c - compresses the parts of a snapshot and names the pieces.
 * Promises: where a piece ends depends on its parts only, so that one that is packed anew has the
 * same parts in the same pieces; one piece is in memory at a time. */
#include "server/sync/snapshot_pieces.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/hash.h"
#include "server/store/dir.h"

/* Read over weak lines by everybody: two thirds of a second of the processor for each megabyte save
 * an eighth of what the quick level gives, which takes a fortieth of that. A bucket so large that
 * it would take half a minute has its later pieces at a level between. */
#define LEVEL_QUICK     10
#define LEVEL           19
#define LEVEL_LATER     12
#define PIECES_DENSE    8u
#define PIECE_BYTES     ((size_t)3072 * 1024) /* of parts, before they are compressed */

st_err snapshot_pieces_open(snapshot_pieces *p, const char *path, st_error *error)
{
    st_buffer_init(&p->piece, ST_BODY_BYTES_MAX);
    p->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    p->is_open = p->fd >= 0;
    return p->is_open ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
}

static st_err close_piece(snapshot_pieces *p, st_error *error)
{
    if (p->stream == NULL)
        return ST_OK;
    st_err err = st_frame_writer_end(p->stream, error);
    st_frame_writer_free(p->stream);
    p->stream = NULL;
    if (err == ST_OK && !store_write_all(p->fd, p->piece.data, p->piece.len))
        err = st_fail(error, ST_E_STORAGE, "snapshot: cannot be written");
    if (err == ST_OK && p->count == ST_SNAPSHOT_PIECES_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "snapshot: more pieces than a list may have");
    st_snapshot_piece *list = p->list;
    if (err == ST_OK && p->count == p->capacity) {
        list = st_arena_grow(p->lasting, list, p->count, &p->capacity, sizeof *list);
        if (list == NULL)
            err = st_fail(error, ST_E_MEMORY, "snapshot: out of memory");
    }
    if (err != ST_OK)
        return err;
    p->list = list;
    p->list[p->count].hash = st_sha256(p->piece.data, p->piece.len);
    p->list[p->count++].bytes = (uint32_t)p->piece.len;
    return ST_OK;
}

static int level_of(const snapshot_pieces *p)
{
    if (p->density == SNAPSHOT_QUICK)
        return LEVEL_QUICK;
    return p->count < PIECES_DENSE ? LEVEL : LEVEL_LATER;
}

static st_err begin_piece(snapshot_pieces *p, st_error *error)
{
    st_buffer_clear(&p->piece);
    p->piece_bytes = 0;
    st_err err = st_frame_writer_new(level_of(p), &p->piece, &p->stream, error);
    return err == ST_OK ? st_frame_writer_widen(p->stream, error) : err;
}

st_err snapshot_pieces_put(snapshot_pieces *p, const uint8_t *frame, size_t len, st_error *error)
{
    if (p->stop != NULL && atomic_load(p->stop))
        return st_fail(error, ST_E_BUSY, "snapshot: the server stops");
    st_err err = p->stream == NULL ? begin_piece(p, error) : ST_OK;
    if (err == ST_OK)
        err = st_frame_write(p->stream, frame, len, error);
    p->piece_bytes += len;
    size_t most = p->is_one ? PIECE_BYTES * 2 : PIECE_BYTES;
    return err == ST_OK && p->piece_bytes >= most ? close_piece(p, error) : err;
}

st_err snapshot_pieces_end(snapshot_pieces *p, st_error *error)
{
    st_err err = close_piece(p, error);
    if (err == ST_OK && fsync(p->fd) != 0)
        err = st_fail(error, ST_E_STORAGE, "snapshot: cannot be made durable");
    return err;
}

void snapshot_pieces_free(snapshot_pieces *p)
{
    if (p->is_open)
        (void)close(p->fd);
    p->is_open = false;
    st_frame_writer_free(p->stream);
    p->stream = NULL;
    st_buffer_free(&p->piece);
}
