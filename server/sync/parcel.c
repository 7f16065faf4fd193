/* server/sync/parcel.c - opens what was carried, and signs what became of it.
 * Promises: a set that comes in a parcel is judged as one that comes in the open; whoever carries
 * learns of what is inside only whether it was taken. Must never believe what stands beside a
 * parcel. */
#include "server/sync/parcel.h"

#include <string.h>

#include "server/sync/have.h"

/* Nothing that can be kept: its carrier is told so, under the name that he knows. */
static st_err add_wrong(sync_request *request, const parcel_room *where, const st_parcel *parcel,
                        st_error *error)
{
    st_err err = sync_request_add(request, where->room, where->txn, store_bytes("", 0), error);
    if (err != ST_OK)
        return err;
    sync_item *item = &request->items[request->items_count - 1];
    item->set.device = parcel->owner;
    item->set.first = parcel->first;
    return ST_OK;
}

static bool is_named_rightly(const st_parcel *parcel, const st_set *set)
{
    return set->bytes != NULL && st_id_cmp(&set->device, &parcel->owner) == 0 &&
           set->first == parcel->first &&
           memcmp(set->hash.b, parcel->name.b, sizeof set->hash.b) == 0;
}

static st_err add_set(sync_request *request, const parcel_room *where, const st_parcel *parcel,
                      const st_frame *inside, st_error *error)
{
    store_slice bytes = store_bytes(inside->as.set.bytes, inside->as.set.len);
    st_err err = sync_request_add(request, where->room, where->txn, bytes, error);
    if (err != ST_OK)
        return err;
    if (is_named_rightly(parcel, &request->items[request->items_count - 1].set))
        return ST_OK;
    request->items_count--;
    return add_wrong(request, where, parcel, error);
}

/* One that is not what it says is left out: there is no verdict about pieces. */
static st_err add_piece(sync_request *request, const st_parcel *parcel, const st_frame *inside,
                        st_error *error)
{
    const st_have_ask *have = &inside->as.have_ask;
    const st_chunk *chunk = &have->chunks[0];
    st_hash hash = st_sha256(chunk->bytes, chunk->len);
    if (st_id_cmp(&have->record, &parcel->owner) != 0 ||
        memcmp(hash.b, parcel->name.b, sizeof hash.b) != 0)
        return ST_OK;
    sync_piece *pieces = request->pieces;
    if (request->pieces_count == request->pieces_capacity)
        pieces = st_arena_grow(&request->arena, pieces, request->pieces_count,
                               &request->pieces_capacity, sizeof *pieces);
    if (pieces == NULL)
        return st_fail(error, ST_E_MEMORY, "parcel: out of memory");
    request->pieces = pieces;
    pieces[request->pieces_count++] =
        (sync_piece){ have->record, hash, chunk->bytes, chunk->len, false };
    return ST_OK;
}

st_err parcel_add(sync_request *request, const parcel_room *where, const st_parcel *parcel,
                  st_error *error)
{
    const auth_keys *keys = where->room->keys;
    st_seal_pair pair = { keys->seal_public, keys->seal_secret };
    st_frame inside;
    if (parcel->kind != ST_PARCEL_SET && parcel->kind != ST_PARCEL_PIECE)
        return ST_OK;                          /* of a newer program */
    if (++request->parcels_count > SYNC_SETS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "sync: more than %u parcels", SYNC_SETS_MAX);
    st_err err = st_parcel_open(parcel, pair, where->arena, &inside, error);
    if (err == ST_E_MEMORY)
        return err;
    if (err != ST_OK && parcel->kind == ST_PARCEL_SET)
        return add_wrong(request, where, parcel, error);
    if (err != ST_OK)
        return ST_OK;
    return parcel->kind == ST_PARCEL_SET ? add_set(request, where, parcel, &inside, error)
                                         : add_piece(request, parcel, &inside, error);
}

st_err parcel_keep_pieces(sync_request *request, writer *w, const char *part,
                          st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < request->pieces_count; i++) {
        sync_piece *piece = &request->pieces[i];
        chunks_piece bytes = { part, piece->hash, piece->bytes, piece->len };
        err = have_keep_carried(w, &piece->record, &bytes, &piece->is_taken, error);
    }
    return err;
}

st_err parcel_receipt(const sync_room *room, const sync_item *item, st_receipt *out_receipt,
                      st_buffer *out, st_error *error)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    const st_set *set = &item->set;
    const st_verdict *verdict = &item->verdict;
    uint32_t changes = set->changes_count > 0 ? set->changes_count : 1;
    bool is_held = verdict->held_count >= changes;
    st_receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    receipt.device = set->device;
    receipt.first = set->first;
    receipt.last = set->first + changes - 1;
    receipt.hash = set->hash;
    receipt.kind = is_held ? ST_VERDICT_HELD : ST_VERDICT_STORED;
    receipt.position = verdict->position;
    receipt.held = verdict->held;
    receipt.held_count = verdict->held_count;
    memcpy(receipt.epoch, room->epoch, sizeof receipt.epoch);
    st_err err = st_receipt_make(&receipt, out, error);
    if (err != ST_OK)
        return err;
    st_receipt_sign_text(&room->keys->log, &receipt, text);
    st_sign(room->keys->device_secret, text, sizeof text, receipt.signature);
    *out_receipt = receipt;
    return ST_OK;
}
