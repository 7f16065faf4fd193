/* server/audit/sign.c - signs checkpoints.
 * Promises: what is signed continues what was signed before, leaf by leaf as they are stored; it is
 * on disk with them, and shown to nobody before. Must never sign a log that became smaller. */
#include "server/audit/sign.h"

#include <inttypes.h>
#include <string.h>

#include "server/audit/tree.h"
#include "server/store/pack.h"
#include "server/sync/log_key.h"

#define NOTE "audit_note"

st_err audit_vkey(store_txn *txn, const sync_room *room, st_vkey *out_vkey, st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t n = 1;
    st_err err = store_cursor_open(txn, STORE_EPOCH, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, store_text(""), error);
    if (err == ST_OK && cursor.is_valid && cursor.key.len == 8)
        n = st_get_u64(cursor.key.data);
    store_cursor_close(&cursor);
    if (err != ST_OK)
        return err;
    memset(out_vkey, 0, sizeof *out_vkey);
    out_vkey->type = ST_KEY_LOG;
    st_origin(room->commune.s, &room->keys->log, n, out_vkey->name);
    return sync_log_key(txn, room, out_vkey->key, error);
}

st_err audit_note(store_txn *txn, st_buffer *out, st_checkpoint *out_checkpoint, st_error *error)
{
    store_slice row = { 0 };
    st_arena arena;
    st_note note;
    st_err err = store_get(txn, STORE_META, store_text(NOTE), &row, error);
    if (err != ST_OK)
        return err;
    st_arena_init(&arena, 1u << 20);
    err = st_note_decode(row.data, row.len, &arena, &note, error);
    if (err == ST_OK && out_checkpoint != NULL)
        err = st_checkpoint_decode(&note, out_checkpoint, error);
    st_arena_reset(&arena);
    return err == ST_OK ? st_buffer_append(out, row.data, row.len, error) : err;
}

/* Is the edge the one whose root was signed, and no longer than the log? */
static st_err check_before(store_txn *txn, const st_tree_edge *edge, uint64_t size, st_error *error)
{
    st_checkpoint before;
    st_buffer bytes;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    st_err err = audit_note(txn, &bytes, &before, error);
    st_buffer_free(&bytes);
    if (err == ST_E_NOT_FOUND && edge->size == 0)
        return ST_OK;
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_CORRUPT, "checkpoint: the one before is missing");
    if (err != ST_OK)
        return err;
    st_hash root = st_tree_root(edge);
    if (before.head.size > size)
        return st_fail(error, ST_E_CORRUPT,
                       "checkpoint: %" PRIu64 " entries were signed, and there are %" PRIu64
                       "; nothing more is signed",
                       before.head.size, size);
    if (before.head.size != edge->size || memcmp(before.head.root.b, root.b, sizeof root.b) != 0)
        return st_fail(error, ST_E_CORRUPT,
                       "checkpoint: the first %" PRIu64 " entries are not those that were signed",
                       before.head.size);
    return ST_OK;
}

static st_err sign(store_txn *txn, const sync_room *room, const st_tree_edge *edge, st_error *error)
{
    st_checkpoint checkpoint;
    st_vkey vkey;
    st_buffer note;
    const uint8_t *secret = NULL;
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = audit_vkey(txn, room, &vkey, error);
    if (err == ST_OK)
        err = sync_log_secret(txn, room, &secret, error);
    if (err == ST_OK) {
        memcpy(checkpoint.origin, vkey.name, sizeof checkpoint.origin);
        checkpoint.head = (st_tree_head){ edge->size, st_tree_root(edge) };
        err = st_checkpoint_sign(&checkpoint, secret, &note, error);
    }
    if (err == ST_OK)
        err = store_put(txn, STORE_META, store_text(NOTE), store_bytes(note.data, note.len), error);
    st_buffer_free(&note);
    return err;
}

st_err audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                  st_error *error)
{
    st_tree_edge edge;
    if (size == before)
        return ST_OK;
    st_err err = audit_edge_get(txn, &edge, error);
    if (err == ST_OK)
        err = check_before(txn, &edge, before, error);
    if (err == ST_OK)
        err = audit_tree_grow(txn, &edge, size, error);
    return err == ST_OK ? sign(txn, room, &edge, error) : err;
}
