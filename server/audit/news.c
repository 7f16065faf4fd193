/* server/audit/news.c - shows phones the newest checkpoint, and keeps what they confirm.
 * Promises: what a phone is shown is on disk; a confirmation counts only for a checkpoint of this
 * very log. Must never sign anything new: only again what was signed, though by the
 * key of the log that counts now. */
#include "server/audit/news.h"

#include <string.h>

#include "server/audit/tree.h"
#include "server/store/pack.h"
#include "server/sync/log_key.h"

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

/* As much of the root as the asker says. */
static bool is_root_of(const st_ask *ask, const st_tree_head *head)
{
    size_t said = ask->has_short_root ? ST_SHORT_ROOT_BYTES : sizeof head->root.b;
    return memcmp(head->root.b, ask->seen_root.b, said) == 0;
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
    if (news.head.size == ask->seen_size && is_root_of(ask, &news.head))
        return ST_OK;
    err = add_proof(txn, ask, arena, &news, error);
    if (err != ST_OK)
        return err;
    end->has_tree = true;
    end->tree = news;
    return ST_OK;
}

/* ---- what phones confirm ---- */

#define WITNESS_BYTES (16u + ST_COSIGNED_BYTES) /* epoch 8, size 8, what it signed: time 8, ... */
#define WITNESS_ROW   (WITNESS_BYTES + 8u)      /* when it came 8; not in rows of before */

/* The checkpoint of this size, as the present epoch names it. */
static st_err at_size(store_txn *txn, const sync_room *room, uint64_t size, st_checkpoint *out,
                      st_error *error)
{
    st_vkey vkey;
    memset(out, 0, sizeof *out);
    st_err err = audit_vkey(txn, room, &vkey, error);
    if (err != ST_OK)
        return err;
    memcpy(out->origin, vkey.name, sizeof out->origin);
    return audit_tree_head(txn, size, &out->head, error);
}

static st_err put_witness(store_txn *txn, const st_id *device, const st_checkpoint *seen,
                          const st_ask *ask, int64_t received_ms, st_error *error)
{
    uint8_t row[WITNESS_ROW];
    pack_key key = pack_id(device);
    st_put_u64(row, st_origin_epoch(seen->origin));
    st_put_u64(row + 8, seen->head.size);
    memcpy(row + 16, ask->cosigned, sizeof ask->cosigned);
    st_put_u64(row + WITNESS_BYTES, (uint64_t)received_ms);
    return store_put(txn, STORE_WITNESS, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

st_err audit_cosigned(store_txn *txn, const sync_room *room, const auth_device *device,
                      const st_ask *ask, int64_t received_ms, st_error *error)
{
    st_checkpoint seen;
    st_tree_edge edge;
    st_buffer text;
    if (!ask->has_cosigned || ask->seen_size == 0)
        return ST_OK;
    st_err err = audit_edge_get(txn, &edge, error);
    if (err != ST_OK || ask->seen_size > edge.size)
        return err;
    err = at_size(txn, room, ask->seen_size, &seen, error);
    if (err != ST_OK || !is_root_of(ask, &seen.head))
        return err;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    err = st_checkpoint_text(&seen, &text, error);
    st_note note = { .text = (const char *)text.data, .text_len = text.len };
    if (err == ST_OK && st_cosign_holds(device->cosign_key, &note, ask->cosigned))
        err = put_witness(txn, &device->id, &seen, ask, received_ms, error);
    st_buffer_free(&text);
    return err;
}

/* By any key that the log has had. */
static st_err is_signed(store_txn *txn, const sync_room *room, const st_checkpoint *seen,
                        const uint8_t signature[ST_SIGNATURE_BYTES], bool *out_is, st_error *error)
{
    st_log_keys keys;
    st_buffer text;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    st_err err = sync_log_keys_read(txn, room, &keys, error);
    if (err == ST_OK)
        err = st_checkpoint_text(seen, &text, error);
    *out_is = err == ST_OK && st_sign_verify(keys.first, text.data, text.len, signature);
    for (uint32_t i = 0; err == ST_OK && !*out_is && i < keys.count; i++)
        *out_is = st_sign_verify(keys.rows[i].key, text.data, text.len, signature);
    st_buffer_free(&text);
    return err;
}

/* Did the log's own key sign it in the epoch that it names, and is it not of this log? */
static st_err is_of_another(store_txn *txn, const sync_room *room, const st_tree_news *held,
                            bool *out_is, st_error *error)
{
    st_tree_edge edge;
    st_tree_head ours;
    st_checkpoint seen = { .head = held->head };
    bool is_ours = false;
    *out_is = false;
    st_origin(room->commune.s, &room->keys->log, held->epoch, seen.origin);
    st_err err = is_signed(txn, room, &seen, held->signature, &is_ours, error);
    if (err == ST_OK)
        err = audit_edge_get(txn, &edge, error);
    if (err != ST_OK || !is_ours)
        return err;
    *out_is = seen.head.size > edge.size;
    if (*out_is)
        return ST_OK;
    err = audit_tree_head(txn, seen.head.size, &ours, error);
    *out_is = err == ST_OK && memcmp(ours.root.b, seen.head.root.b, sizeof ours.root.b) != 0;
    return err;
}

/* The number of the present epoch. */
static st_err present_epoch(store_txn *txn, const sync_room *room, uint64_t *out_n,
                            st_error *error)
{
    st_vkey vkey;
    st_err err = audit_vkey(txn, room, &vkey, error);
    *out_n = err == ST_OK ? st_origin_epoch(vkey.name) : 0;
    return err;
}

st_err audit_is_forsaken(store_txn *txn, const sync_room *room, const st_ask *ask, bool *out_is,
                         st_error *error)
{
    uint64_t present = 0;
    *out_is = false;
    if (!ask->has_held || !ask->has_epoch || memcmp(ask->epoch, room->epoch, 8) != 0)
        return ST_OK;
    st_err err = present_epoch(txn, room, &present, error);
    if (err != ST_OK || present != ask->held.epoch)
        return err;
    return is_of_another(txn, room, &ask->held, out_is, error);
}

st_err audit_was_given_up(store_txn *txn, const sync_room *room, const st_ask *ask, bool *out_is,
                          st_error *error)
{
    uint64_t present = 0;
    *out_is = false;
    if (!ask->has_held || ask->held.head.size == 0)
        return ST_OK;
    st_err err = present_epoch(txn, room, &present, error);
    if (err != ST_OK || ask->held.epoch >= present)
        return err;
    return is_of_another(txn, room, &ask->held, out_is, error);
}

static st_err get_witness(store_txn *txn, const st_id *device, uint8_t out_row[WITNESS_ROW],
                          st_error *error)
{
    store_slice row = { 0 };
    pack_key key = pack_id(device);
    st_err err = store_get(txn, STORE_WITNESS, pack_key_slice(&key), &row, error);
    if (err == ST_OK && row.len != WITNESS_BYTES && row.len != WITNESS_ROW)
        err = st_fail(error, ST_E_CORRUPT, "store: a row of witness is damaged");
    memset(out_row, 0, WITNESS_ROW);
    if (err == ST_OK)
        memcpy(out_row, row.data, row.len);
    return err;
}

st_err audit_confirmed(store_txn *txn, const st_id *device, audit_confirmation *out,
                       st_error *error)
{
    uint8_t row[WITNESS_ROW];
    st_err err = get_witness(txn, device, row, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out = (audit_confirmation){ st_get_u64(row + 8), st_get_u64(row + 16),
                                 (int64_t)st_get_u64(row + WITNESS_BYTES) };
    return ST_OK;
}

st_err audit_witness(store_txn *txn, const sync_room *room, const st_id *device, st_buffer *out,
                     st_error *error)
{
    uint8_t row[WITNESS_ROW];
    st_vkey witness = { .type = ST_KEY_WITNESS };
    auth_device known;
    st_checkpoint seen;
    const uint8_t *secret = NULL;
    st_err err = get_witness(txn, device, row, error);
    if (err != ST_OK)
        return err;
    uint64_t epoch = st_get_u64(row);
    err = at_size(txn, room, st_get_u64(row + 8), &seen, error);
    if (err == ST_OK)
        err = auth_device_get(txn, room->keys, device, &known, error);
    if (err != ST_OK)
        return err;
    st_origin(room->commune.s, &room->keys->log, epoch, seen.origin);
    st_witness_name(room->commune.s, device, witness.name);
    memcpy(witness.key, known.cosign_key, sizeof witness.key);
    err = sync_log_secret(txn, room, &secret, error);
    if (err == ST_OK)
        err = st_checkpoint_sign(&seen, secret, out, error);
    return err == ST_OK ? st_cosign_line(&witness, row + 16, out, error) : err;
}
