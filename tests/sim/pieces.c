/* tests/sim/pieces.c - pieces of attachments on the simulated disk: server/store/chunks.h, linked
 * in the place of server/store/chunks.c. Promises that a piece is there whole or not at all when
 * the server is killed at it. The folder, its names and what a power cut leaves of them are
 * tests/crash's. */
#include "server/store/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk.h"

disk_piece *sim_disk_piece(sim_disk *disk, const st_hash *hash)
{
    for (size_t i = 0; i < disk->pieces_count; i++)
        if (memcmp(disk->pieces[i].hash.b, hash->b, sizeof hash->b) == 0)
            return &disk->pieces[i];
    return NULL;
}

void sim_disk_pieces_free(sim_disk *disk)
{
    for (size_t i = 0; i < disk->pieces_count; i++)
        free(disk->pieces[i].bytes);
    disk->pieces_count = 0;
}

/* NULL: it is not there. */
static const disk_piece *find(const st_hash *hash)
{
    const disk_piece *piece = sim_disk_piece(sim_disk_attached(), hash);
    return piece != NULL && piece->is_there ? piece : NULL;
}

static st_err gone(st_error *error)
{
    return st_fail(error, ST_E_STORAGE, "sim: the server was killed, or its disk is full");
}

st_err chunks_is_there(const char *dir, const st_hash *hash, bool *out_is, st_error *error)
{
    (void)dir;
    if (sim_disk_attached()->is_dead)
        return gone(error);
    *out_is = find(hash) != NULL;
    return ST_OK;
}

st_err chunks_has(const char *dir, const st_hash *hash, bool *out_has, st_error *error)
{
    return chunks_is_there(dir, hash, out_has, error);
}

/* A place for a piece that never was. */
static disk_piece *add(sim_disk *disk, const chunks_piece *piece)
{
    if (disk->pieces_count == DISK_PIECES_MAX)
        abort(); /* raise it: files.c makes more of them than that */
    disk_piece *to = &disk->pieces[disk->pieces_count++];
    *to = (disk_piece){ .hash = piece->hash, .bytes = malloc(piece->len + 1), .len = piece->len };
    if (to->bytes == NULL)
        abort();
    memcpy(to->bytes, piece->bytes, piece->len);
    return to;
}

st_err chunks_put(const char *dir, const chunks_piece *piece, st_error *error)
{
    sim_disk *disk = sim_disk_attached();
    disk_piece *to = sim_disk_piece(disk, &piece->hash);
    (void)dir;
    if (disk->is_dead || disk->is_full)
        return gone(error);
    if (to != NULL && to->is_there) {
        disk->pieces_again++;
        return ST_OK;
    }
    bool dies = disk->piece_kill_in > 0 && --disk->piece_kill_in == 0;
    if (!dies || disk->piece_kill_keeps) {
        to = to == NULL ? add(disk, piece) : to;
        to->is_there = true;
    }
    disk->is_dead = dies;
    return dies ? gone(error) : ST_OK;
}

st_err chunks_get(const char *dir, const st_hash *hash, st_buffer *out, st_error *error)
{
    const disk_piece *piece = find(hash);
    (void)dir;
    if (sim_disk_attached()->is_dead)
        return gone(error);
    if (piece == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "sim: no such piece");
    return st_buffer_append(out, piece->bytes, piece->len, error);
}

st_err chunks_remove(const char *dir, const st_hash *hash, st_error *error)
{
    disk_piece *piece = sim_disk_piece(sim_disk_attached(), hash);
    (void)dir;
    if (sim_disk_attached()->is_dead)
        return gone(error);
    if (piece != NULL)
        piece->is_there = false;
    return ST_OK;
}

st_err chunks_check(const char *dir, const st_hash *hash, chunks_state *out_state,
                    uint64_t *out_len, st_error *error)
{
    const disk_piece *piece = find(hash);
    (void)dir;
    (void)error;
    *out_len = piece == NULL ? 0 : piece->len;
    *out_state = CHUNKS_MISSING;
    if (piece == NULL)
        return ST_OK;
    st_hash found = st_sha256(piece->bytes, piece->len);
    *out_state = memcmp(found.b, hash->b, sizeof found.b) == 0 ? CHUNKS_WHOLE : CHUNKS_WRONG;
    return ST_OK;
}

st_err chunks_each(const char *dir, chunks_take each, void *context, st_error *error)
{
    const sim_disk *disk = sim_disk_attached();
    st_err err = disk->is_dead ? gone(error) : ST_OK;
    (void)dir;
    for (size_t i = 0; err == ST_OK && i < disk->pieces_count; i++)
        if (disk->pieces[i].is_there)
            err = each(context, &disk->pieces[i].hash, disk->pieces[i].len, error);
    return err;
}

st_err chunks_total(const char *dir, uint64_t *out_bytes, st_error *error)
{
    const sim_disk *disk = sim_disk_attached();
    (void)dir;
    (void)error;
    *out_bytes = 0;
    for (size_t i = 0; i < disk->pieces_count; i++)
        *out_bytes += disk->pieces[i].is_there ? disk->pieces[i].len : 0;
    return ST_OK;
}

st_err chunks_tidy(const char *dir, st_error *error)
{
    (void)dir;
    (void)error;
    return ST_OK;
}
