/* server/audit/news.c - shows phones the newest checkpoint.
 * Promises: what a phone is shown is on disk. Must never sign: it gives what was signed. */
#include "server/audit/news.h"

#include <string.h>

#include "server/audit/tree.h"

/* The log's own line of the note. */
static st_err read_signed(store_txn *txn, st_tree_news *out, st_error *error)
{
    st_buffer bytes;
    st_arena arena;
    st_note note;
    st_checkpoint now;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    st_arena_init(&arena, 1u << 20);
    st_err err = audit_note(txn, &bytes, &now, error);
    if (err == ST_OK)
        err = st_note_decode(bytes.data, bytes.len, &arena, &note, error);
    if (err == ST_OK && (note.lines_count == 0 || note.lines[0].len != sizeof out->signature))
        err = st_fail(error, ST_E_CORRUPT, "checkpoint: it is not signed");
    if (err == ST_OK) {
        out->head = now.head;
        out->epoch = st_origin_epoch(now.origin);
        memcpy(out->signature, note.lines[0].bytes, sizeof out->signature);
    }
    st_arena_reset(&arena);
    st_buffer_free(&bytes);
    return err;
}

static st_err add_proof(store_txn *txn, const st_ask *ask, st_arena *arena, st_tree_news *news,
                        st_error *error)
{
    st_proof proof;
    st_tree_source source = audit_tree_source(txn);
    if (ask->seen_size == 0 || ask->seen_size >= news->head.size)
        return ST_OK;
    st_err err = st_tree_consistency(&source, ask->seen_size, news->head.size, &proof, error);
    if (err != ST_OK)
        return err;
    news->proof = st_arena_copy(arena, proof.hashes, proof.count * sizeof proof.hashes[0]);
    news->proof_count = proof.count;
    return news->proof == NULL ? st_fail(error, ST_E_MEMORY, "checkpoint: no memory") : ST_OK;
}

st_err audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end, st_error *error)
{
    st_tree_news news;
    memset(&news, 0, sizeof news);
    if (!ask->checkpoints)
        return ST_OK;
    st_err err = read_signed(txn, &news, error);
    if (err == ST_E_NOT_FOUND) /* nothing was written since checkpoints are made */
        return ST_OK;
    if (err != ST_OK)
        return err;
    if (news.head.size == ask->seen_size &&
        memcmp(news.head.root.b, ask->seen_root.b, sizeof news.head.root.b) == 0)
        return ST_OK;
    err = add_proof(txn, ask, arena, &news, error);
    if (err != ST_OK)
        return err;
    end->has_tree = true;
    end->tree = news;
    return ST_OK;
}
