/* client-lib/src/carried.c - keeps what is carried for others until the server has it.
 * Promises: nothing that was taken is given up before the server has it or will never take it; the
 * same thing is kept once; what came by hand is shown over the base and never becomes part of it.
 * Never: reads what is sealed; believes a receipt that the server's device has not signed. */
#include "client-lib/src/carried.h"

#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/offered.h"
#include "client-lib/src/slip.h"
#include "proto/changeset.h"

#define REFUSALS_MAX 3u /* a parcel that the server would not have so often is given up */
#define HEAD_BYTES   33u /* of a value: u8, hash */

/* ---- tables ---- */

static book_key parcel_key(const st_parcel *parcel)
{
    uint8_t kind = (uint8_t)parcel->kind;
    book_key key = book_key_of(BOOK_PARCEL);
    book_key_bytes(&key, &kind, 1);
    book_key_bytes(&key, parcel->owner.b, sizeof parcel->owner.b);
    book_key_u64(&key, parcel->first);
    book_key_bytes(&key, parcel->name.b, 8);
    return key;
}

/* All parcels of one kind that are called after this set or record. */
static book_key parcels_of(st_parcel_kind kind, const st_id *owner, uint64_t first)
{
    st_parcel name = { .kind = kind, .owner = *owner, .first = first };
    book_key key = parcel_key(&name);
    key.len -= 8;
    return key;
}

static st_err put_value(sotay_client *client, const book_key *key, uint8_t mark,
                        const st_hash *hash, book_value bytes, st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, ST_ERASED_SET_BYTES_MAX + HEAD_BYTES);
    st_err err = st_buffer_append(&out, &mark, 1, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, hash->b, sizeof hash->b, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, bytes.data, bytes.len, error);
    if (err == ST_OK)
        err = book_put(&client->book, key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

static st_err damaged(st_error *error)
{
    return st_fail(error, ST_E_CORRUPT, "store: what is carried for others is damaged");
}

static st_err read_name(const book_key *key, st_id *out_device, uint64_t *out_first,
                        st_error *error)
{
    if (key->len != 1 + 16 + 8)
        return damaged(error);
    memcpy(out_device->b, key->b + 1, sizeof out_device->b);
    *out_first = st_get_u64(key->b + 17);
    return ST_OK;
}

static st_err read_set(const book_key *key, const book_value *value, carried_set *out,
                       st_error *error)
{
    st_err err = read_name(key, &out->device, &out->first, error);
    if (err != ST_OK)
        return err;
    if (value->len <= HEAD_BYTES)
        return damaged(error);
    out->is_delivered = value->data[0] != 0;
    memcpy(out->hash.b, value->data + 1, sizeof out->hash.b);
    out->bytes = value->data + HEAD_BYTES;
    out->len = value->len - HEAD_BYTES;
    return ST_OK;
}

st_err carried_next_set(sotay_client *client, book_scan *scan, st_arena *arena,
                        carried_set *out_set, st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = book_scan_whole(&client->book, scan, arena, &value, error);
    return err == ST_OK ? read_set(&scan->at, &value, out_set, error) : err;
}

/* ST_E_NOT_FOUND also of one that does not open: it is in the way of nothing, and should it come
 * again, it takes the place. */
static st_err find_set(sotay_client *client, const st_id *device, uint64_t first, st_arena *arena,
                       carried_set *out_set, st_error *error)
{
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_TAKEN, device, first);
    st_err err = book_get_whole(&client->book, &key, arena, &value, error);
    return err == ST_OK ? read_set(&key, &value, out_set, error) : err;
}

static st_err read_parcel(const book_key *key, const book_value *value, st_parcel *out,
                          st_error *error)
{
    if (key->len != 1 + 1 + 16 + 8 + 8 || value->len <= HEAD_BYTES)
        return damaged(error);
    memset(out, 0, sizeof *out);
    out->kind = (st_parcel_kind)key->b[1];
    memcpy(out->owner.b, key->b + 2, sizeof out->owner.b);
    out->first = st_get_u64(key->b + 18);
    memcpy(out->name.b, value->data + 1, sizeof out->name.b);
    out->sealed = value->data + HEAD_BYTES;
    out->sealed_len = value->len - HEAD_BYTES;
    return ST_OK;
}

st_err carried_next_parcel(sotay_client *client, book_scan *scan, st_arena *arena,
                           st_parcel *out_parcel, st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = book_scan_whole(&client->book, scan, arena, &value, error);
    return err == ST_OK ? read_parcel(&scan->at, &value, out_parcel, error) : err;
}

st_err carried_get(sotay_client *client, const st_id *device, uint64_t first, st_arena *arena,
                   st_set *out_set, st_error *error)
{
    carried_set set;
    st_err err = find_set(client, device, first, arena, &set, error);
    if (err == ST_OK)
        err = st_set_decode_kept(set.bytes, set.len, arena, out_set, error);
    if (err == ST_OK)
        out_set->hash = set.hash;
    return err;
}

/* ---- what is shown ---- */

static st_err show_set(sotay_client *client, const st_set *set, st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        overlay_entry entry = { .dot = change->dot, .first = set->first,
                                .status = OVERLAY_CARRIED };
        err = overlay_put(&client->book, &change->record, &entry, error);
    }
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        if (i == 0 || st_id_cmp(&set->changes[i].record, &set->changes[i - 1].record) != 0)
            err = overlay_row_settle(client, &set->changes[i].record, error);
    return err;
}

/* Takes a set out of the overlay and out of the table. is_lost: its bucket is not read any more, so
 * what is damaged leaves the list too. */
static st_err drop_set(sotay_client *client, const carried_set *taken, bool is_lost,
                       st_arena *arena, st_error *error)
{
    st_set set;
    book_key key = book_key_counter(BOOK_TAKEN, &taken->device, taken->first);
    memset(&set, 0, sizeof set);
    st_err err = st_set_decode_kept(taken->bytes, taken->len, arena, &set, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        err = overlay_delete(&client->book, &set.changes[i].record, &set.changes[i].dot, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &key, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        if (i == 0 || st_id_cmp(&set.changes[i].record, &set.changes[i - 1].record) != 0)
            err = is_lost ? overlay_row_renew(client, &set.changes[i].record, error)
                          : overlay_row_settle(client, &set.changes[i].record, error);
    return err;
}

/* ---- taking ---- */

static bool is_ours(const sotay_client *client, const st_id *device)
{
    return st_id_cmp(device, &client->next.device) == 0 ||
           st_id_cmp(device, &client->next.speaker) == 0;
}

/* Own, or taken already, or in the log as far as it is read here. */
static st_err is_known(sotay_client *client, const st_id *device, uint64_t first,
                       const st_hash *hash, bool *out_known, st_error *error)
{
    st_arena arena;
    st_set set;
    carried_set taken;
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_OWN, device, first);
    *out_known = is_ours(client, device);
    if (*out_known)
        return ST_OK;
    st_err err = book_has(&client->book, &key, out_known, error);
    if (err != ST_OK || *out_known)
        return err;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    err = find_set(client, device, first, &arena, &taken, error);
    *out_known = err == ST_OK && memcmp(taken.hash.b, hash->b, sizeof hash->b) == 0;
    if (err == ST_E_NOT_FOUND) {
        key.b[0] = BOOK_SET;
        err = book_get_whole(&client->book, &key, &arena, &value, error);
        if (err == ST_OK) {
            st_err read = st_set_decode(value.data, value.len, &arena, &set, NULL);
            *out_known = read == ST_OK && memcmp(set.hash.b, hash->b, sizeof hash->b) == 0;
        }
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err keep_parcel(sotay_client *client, const st_parcel *parcel, bool *out_new,
                          st_error *error)
{
    bool is_here = false;
    book_key key = parcel_key(parcel);
    book_value bytes = { parcel->sealed, parcel->sealed_len };
    st_err err = book_opens(&client->book, &key, &is_here, error);
    *out_new = err == ST_OK && !is_here;
    return *out_new ? put_value(client, &key, 0, &parcel->name, bytes, error) : err;
}

st_err carried_take_parcel(sotay_client *client, const st_parcel *parcel, bool *out_new,
                           st_error *error)
{
    bool is_here = false;
    st_err err = ST_OK;
    *out_new = false;
    if (parcel->kind == ST_PARCEL_SET)
        err = is_known(client, &parcel->owner, parcel->first, &parcel->name, &is_here, error);
    if (err == ST_OK && parcel->kind == ST_PARCEL_PIECE) {
        book_key chunk = book_key_of(BOOK_CHUNK);
        book_key_bytes(&chunk, parcel->name.b, sizeof parcel->name.b);
        err = book_has(&client->book, &chunk, &is_here, error);
    }
    return err == ST_OK && !is_here ? keep_parcel(client, parcel, out_new, error) : err;
}

/* Nobody reads it here: it goes on for the server alone. */
static st_err seal_set(sotay_client *client, const st_set *set, bool *out_new, st_error *error)
{
    st_buffer sealed;
    st_frame inside = { .kind = ST_FRAME_SET };
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = set->device, .first = set->first,
                         .name = set->hash };
    inside.as.set.bytes = set->bytes;
    inside.as.set.len = set->bytes_len;
    st_buffer_init(&sealed, ST_PARCEL_BYTES_MAX);
    st_err err = st_parcel_seal(client->next.seal_key, &inside, &parcel, &sealed, error);
    if (err == ST_OK)
        err = keep_parcel(client, &parcel, out_new, error);
    st_buffer_free(&sealed);
    return err;
}

/* The log has another branch: this one goes on for the server alone. What became too long for a
 * parcel by an erasure is left. */
static st_err put_aside(sotay_client *client, const st_set *set, st_error *error)
{
    bool is_new = false;
    st_err err = seal_set(client, set, &is_new, error);
    return err == ST_E_TOO_LARGE ? ST_OK : err;
}

static st_err put_kept_aside(sotay_client *client, const book_value *kept, const st_set *in_log,
                             st_arena *arena, st_error *error)
{
    st_set set;
    if (kept->len == in_log->bytes_len && memcmp(kept->data, in_log->bytes, kept->len) == 0)
        return ST_OK;
    memset(&set, 0, sizeof set);
    st_err err = st_set_decode(kept->data, kept->len, arena, &set, error);
    if (err == ST_E_MEMORY)
        return err;
    bool is_other = set.bytes != NULL && memcmp(set.hash.b, in_log->hash.b, sizeof set.hash.b) != 0;
    return is_other ? put_aside(client, &set, error) : ST_OK;
}

st_err carried_put_aside(sotay_client *client, const st_set *in_log, st_error *error)
{
    st_arena arena;
    st_parcel sealed;
    bool is_new = false;
    book_value kept = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &in_log->device, in_log->first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, &key, &arena, &kept, error);
    bool is_nothing = err == ST_E_NOT_FOUND ||
                      book_is_damage(&client->book, err); /* does not open */
    if (err == ST_OK)
        err = put_kept_aside(client, &kept, in_log, &arena, error);
    if (err == ST_OK || is_nothing)
        err = closed_get(client, &in_log->device, in_log->first, &arena, &sealed, error);
    if (err == ST_OK && memcmp(sealed.name.b, in_log->hash.b, sizeof sealed.name.b) != 0)
        err = keep_parcel(client, &sealed, &is_new, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Can it be shown here: of a bucket that is read, signed by a device that is known, and no other
 * one of this name was taken. */
static st_err can_show(sotay_client *client, const st_set *set, bool *out_can, st_error *error)
{
    uint8_t sign_key[32];
    bucket_state bucket;
    bool is_taken = false;
    book_key key = book_key_counter(BOOK_TAKEN, &set->device, set->first);
    *out_can = false;
    st_err err = apply_author_key(client, &set->device, sign_key, error);
    if (err == ST_E_NOT_FOUND || book_is_damage(&client->book, err))
        return ST_OK; /* it may be known after the next sync */
    if (err == ST_OK && !st_set_verify(set, &client->next.log, sign_key))
        return st_fail(error, ST_E_SIGNATURE, "carried: a set that its author did not sign");
    if (err == ST_OK)
        err = bucket_get(&client->book, &set->bucket, &bucket, error);
    if (err == ST_OK)
        err = book_opens(&client->book, &key, &is_taken, error);
    *out_can = err == ST_OK && bucket.in_scope && !is_taken && set->fold_version <= 1;
    return err;
}

static st_err take_decoded(sotay_client *client, const st_set *set, bool *out_new, st_error *error)
{
    bool can = false, is_here = false;
    st_err err = is_known(client, &set->device, set->first, &set->hash, &is_here, error);
    if (err == ST_OK && !is_here)
        err = can_show(client, set, &can, error);
    if (err != ST_OK || is_here)
        return err;
    if (!can)
        return seal_set(client, set, out_new, error);
    book_key key = book_key_counter(BOOK_TAKEN, &set->device, set->first);
    book_value bytes = { set->bytes, set->bytes_len };
    const st_parcel same = { .kind = ST_PARCEL_SET, .owner = set->device, .first = set->first,
                             .name = set->hash };
    book_key sealed = parcel_key(&same);
    err = put_value(client, &key, 0, &set->hash, bytes, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &sealed, error); /* it goes on in the open */
    if (err == ST_OK)
        err = show_set(client, set, error);
    *out_new = err == ST_OK;
    return err;
}

st_err carried_take_set(sotay_client *client, const uint8_t *bytes, size_t len, bool *out_new,
                        st_error *error)
{
    st_arena arena;
    st_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    *out_new = false;
    st_err err = st_set_decode(bytes, len, &arena, &set, error);
    bool is_newer = err == ST_E_VERSION && set.bytes != NULL; /* it is carried all the same */
    if (err == ST_OK)
        err = take_decoded(client, &set, out_new, error);
    else if (is_newer)
        err = seal_set(client, &set, out_new, error);
    st_arena_reset(&arena);
    return err;
}

/* ---- the server has it ---- */

/* Is something of it shown over the base? Not what a snapshot brought already. */
static st_err is_shown(sotay_client *client, const carried_set *taken, bool *out_shown,
                       st_error *error)
{
    st_arena arena;
    st_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    *out_shown = false;
    memset(&set, 0, sizeof set);
    st_err err = st_set_decode_kept(taken->bytes, taken->len, &arena, &set, error);
    for (uint32_t i = 0; err == ST_OK && !*out_shown && i < set.changes_count; i++) {
        overlay_entry entry;
        err = overlay_get(&client->book, &set.changes[i].record, &set.changes[i].dot, &entry,
                          error);
        *out_shown = err == ST_OK;
        err = err == ST_E_NOT_FOUND ? ST_OK : err;
    }
    st_arena_reset(&arena);
    return err;
}

/* Its changes stay in the overlay until the log brings them. */
static st_err mark_delivered(sotay_client *client, const carried_set *taken, bool is_delivered,
                             st_error *error)
{
    bool shows = true;
    st_err err = is_delivered ? is_shown(client, taken, &shows, error) : ST_OK;
    if (err != ST_OK)
        return err;
    book_key key = book_key_counter(BOOK_TAKEN, &taken->device, taken->first);
    book_value bytes = { taken->bytes, taken->len };
    return shows ? put_value(client, &key, is_delivered ? 1 : 0, &taken->hash, bytes, error)
                 : book_delete(&client->book, &key, error);
}

static bool is_fork(const st_held *held, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (held[i].reason == ST_HOLD_FORK)
            return true;
    return false;
}

static st_err settle_taken(sotay_client *client, const st_receipt *receipt, st_error *error)
{
    st_arena arena;
    carried_set taken;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_set(client, &receipt->device, receipt->first, &arena, &taken, error);
    bool is_it = err == ST_OK && memcmp(taken.hash.b, receipt->hash.b, sizeof taken.hash.b) == 0;
    if (is_it && is_fork(receipt->held, receipt->held_count))
        err = drop_set(client, &taken, false, &arena, error);
    else if (is_it)
        err = mark_delivered(client, &taken, true, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* In the log it stays here until a backup has it: its author's phone may be lost by then. */
static st_err drop_parcel(sotay_client *client, const st_receipt *receipt, st_error *error)
{
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = receipt->device, .first = receipt->first,
                         .name = receipt->hash };
    book_key key = parcel_key(&parcel);
    return receipt->position > 0 ? delivered_keep(client, &key, receipt->position, error)
                                 : book_delete(&client->book, &key, error);
}

/* ---- receipts ---- */

static book_key receipt_key(const st_receipt *receipt)
{
    book_key key = book_key_of(BOOK_RECEIPT);
    book_key_u64(&key, receipt->position);
    book_key_bytes(&key, receipt->device.b, sizeof receipt->device.b);
    book_key_u64(&key, receipt->first);
    return key;
}

/* Not more than there is use for: those of the oldest entries go. */
static st_err make_room(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_RECEIPT);
    book_scan scan = book_scan_of(&prefix);
    book_key oldest = prefix;
    size_t count = 0;
    for (;;) {
        st_err err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err != ST_OK)
            return err != ST_E_NOT_FOUND             ? err
                   : count >= CARRIED_RECEIPTS_MAX ? book_delete(&client->book, &oldest, error)
                                                    : ST_OK;
        if (count++ == 0)
            oldest = scan.at;
    }
}

static st_err keep_receipt(sotay_client *client, const st_receipt *receipt, bool *out_new,
                           st_error *error)
{
    st_buffer out;
    bool is_here = false;
    book_key key = receipt_key(receipt);
    st_err err = book_opens(&client->book, &key, &is_here, error);
    if (err == ST_OK && !is_here)
        err = make_room(client, error);
    if (err != ST_OK || is_here)
        return err;
    st_buffer_init(&out, ST_FRAME_BYTES_MAX);
    err = st_buffer_append(&out, receipt->signature, sizeof receipt->signature, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, receipt->body, receipt->body_len, error);
    if (err == ST_OK)
        err = book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    *out_new = err == ST_OK;
    return err;
}

/* Is it the own set that the receipt means? */
static st_err is_meant(sotay_client *client, const st_receipt *receipt, bool is_closed,
                       bool *out_is, st_error *error)
{
    st_arena arena;
    st_set kept;
    st_parcel parcel;
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &receipt->device, receipt->first);
    const st_hash *hash = is_closed ? &parcel.name : &kept.hash;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = is_closed ? closed_get(client, &receipt->device, receipt->first, &arena, &parcel,
                                        error)
                           : book_get_whole(&client->book, &key, &arena, &value, error);
    if (err == ST_OK && !is_closed)
        err = st_set_decode(value.data, value.len, &arena, &kept, error);
    *out_is = err == ST_OK && memcmp(hash->b, receipt->hash.b, sizeof hash->b) == 0;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* An own set: the receipt is its verdict. That it is a fork the server says itself. */
static st_err settle_own(sotay_client *client, const st_receipt *receipt, bool *out_new,
                         st_error *error)
{
    outbox_set own;
    bool is_it = false;
    st_err err = outbox_get(&client->book, &receipt->device, receipt->first, &own, error);
    if (err != ST_OK || own.status == OUTBOX_SENT || own.position > 0 ||
        receipt->kind == ST_VERDICT_UNKNOWN || is_fork(receipt->held, receipt->held_count))
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    err = is_meant(client, receipt, own.is_closed, &is_it, error);
    if (err != ST_OK || !is_it)
        return err;
    own.status = receipt->kind == ST_VERDICT_HELD ? OUTBOX_HELD : OUTBOX_SENT;
    own.position = receipt->position;
    own.hold = receipt->kind == ST_VERDICT_HELD && receipt->held_count > 0
                   ? receipt->held[0].reason
                   : ST_HOLD_NONE;
    outbox_helds helds = { receipt->held, receipt->held_count };
    *out_new = true;
    return outbox_settle(client, &own, NULL, helds, error);
}

st_err carried_take_receipt(sotay_client *client, const st_receipt *receipt, bool *out_new,
                            st_error *error)
{
    identity *me = &client->next;
    bool own = false;
    book_key key = book_key_counter(BOOK_OWN, &receipt->device, receipt->first);
    *out_new = false;
    if (memcmp(receipt->epoch, me->epoch, sizeof me->epoch) != 0 ||
        !st_receipt_verify(receipt, &me->log, me->server_key))
        return ST_OK;
    identity_reach(me, receipt->position);
    st_err err = book_has(&client->book, &key, &own, error);
    if (err != ST_OK || own)
        return err == ST_OK ? settle_own(client, receipt, out_new, error) : err;
    err = settle_taken(client, receipt, error);
    if (err == ST_OK)
        err = carried_pass(client, receipt, error);
    if (err == ST_OK)
        err = drop_parcel(client, receipt, error);
    return err == ST_OK ? keep_receipt(client, receipt, out_new, error) : err;
}

st_err carried_next_receipt(sotay_client *client, book_scan *scan, st_arena *arena,
                            st_receipt *out_receipt, st_error *error)
{
    for (;;) {
        book_value value = { NULL, 0 };
        st_frame frame = { .kind = ST_FRAME_RECEIPT }, back;
        st_buffer bytes;
        st_err err = book_scan_whole(&client->book, scan, arena, &value, error);
        if (err != ST_OK)
            return err;
        if (value.len <= ST_SIGNATURE_BYTES)
            return damaged(error);
        memcpy(frame.as.receipt.signature, value.data, ST_SIGNATURE_BYTES);
        frame.as.receipt.body = value.data + ST_SIGNATURE_BYTES;
        frame.as.receipt.body_len = value.len - ST_SIGNATURE_BYTES;
        st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
        err = st_frame_encode(&frame, &bytes, error);
        const uint8_t *copy = err == ST_OK ? st_arena_copy(arena, bytes.data, bytes.len) : NULL;
        if (err == ST_OK && copy == NULL)
            err = st_fail(error, ST_E_MEMORY, "carried: no memory");
        if (err == ST_OK)
            err = st_frame_decode(copy, bytes.len, arena, &back, error);
        st_buffer_free(&bytes);
        if (err != ST_OK)
            return err;
        if (memcmp(back.as.receipt.epoch, client->next.epoch, 8) != 0)
            continue; /* of a book that is not this one any more */
        *out_receipt = back.as.receipt;
        return ST_OK;
    }
}

/* ---- what a sync says ---- */

/* Somebody made it up, or it was damaged before it was sealed: not for ever. */
static st_err count_refusal(sotay_client *client, const st_id *device, uint64_t first,
                            st_error *error)
{
    book_key prefix = parcels_of(ST_PARCEL_SET, device, first);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_parcel parcel;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = book_scan_whole(&client->book, &scan, &arena, &value, error);
        if (err == ST_OK)
            err = read_parcel(&scan.at, &value, &parcel, error);
        book_value sealed = { parcel.sealed, parcel.sealed_len };
        if (err == ST_OK && value.data[0] + 1u >= REFUSALS_MAX)
            err = book_delete(&client->book, &scan.at, error);
        else if (err == ST_OK)
            err = put_value(client, &scan.at, (uint8_t)(value.data[0] + 1u), &parcel.name, sealed,
                            error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Of the answer no more may come than this: the receipt behind it would say the same. */
static st_err hear_delivered(sotay_client *client, const carried_set *taken, uint64_t position,
                             st_error *error)
{
    const st_receipt said = { .device = taken->device, .first = taken->first,
                              .hash = taken->hash, .position = position };
    st_err err = mark_delivered(client, taken, true, error);
    return err == ST_OK ? carried_pass(client, &said, error) : err;
}

/* Which parcel it means the receipt says, which names the hash. */
st_err carried_verdict(sotay_client *client, const st_id *device, const st_verdict *verdict,
                       st_error *error)
{
    st_arena arena;
    carried_set taken;
    bool is_wrong = verdict->position == 0 && verdict->held_count > 0 &&
                    (verdict->held[0].reason == ST_HOLD_CORRUPT ||
                     verdict->held[0].reason == ST_HOLD_SIGNATURE);
    if (is_wrong)
        return count_refusal(client, device, verdict->first, error);
    if (verdict->position == 0)
        return ST_OK; /* not in the log: offered again */
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_set(client, device, verdict->first, &arena, &taken, error);
    if (err == ST_OK && is_fork(verdict->held, verdict->held_count))
        err = drop_set(client, &taken, false, &arena, error);
    else if (err == ST_OK && !taken.is_delivered)
        err = hear_delivered(client, &taken, verdict->position, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err carried_piece_taken(sotay_client *client, const st_piece_taken *taken, st_error *error)
{
    st_parcel parcel = { .kind = ST_PARCEL_PIECE, .owner = taken->record, .name = taken->hash };
    book_key key = parcel_key(&parcel);
    st_err err = offered_forget(client, &key, error);
    return err == ST_OK ? delivered_keep(client, &key, 0, error) : err;
}

/* What does not open is taken for the set that the log has under its name. */
static st_err drop_damaged(sotay_client *client, const st_set *set, st_error *error)
{
    st_arena arena;
    bool is_here = false;
    book_key key = book_key_counter(BOOK_TAKEN, &set->device, set->first);
    const carried_set taken = { .device = set->device, .first = set->first, .hash = set->hash,
                                .bytes = set->bytes, .len = set->bytes_len };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_has(&client->book, &key, &is_here, error);
    if (err == ST_OK && is_here)
        err = drop_set(client, &taken, false, &arena, error);
    st_arena_reset(&arena);
    return err;
}

st_err carried_in_log(sotay_client *client, const st_set *set, st_error *error)
{
    st_arena arena;
    carried_set taken;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_set(client, &set->device, set->first, &arena, &taken, error);
    if (err == ST_OK && memcmp(taken.hash.b, set->hash.b, sizeof taken.hash.b) != 0) {
        const st_set other = { .device = taken.device, .first = taken.first, .hash = taken.hash,
                               .bytes = taken.bytes, .bytes_len = taken.len };
        err = put_aside(client, &other, error);
    }
    if (err == ST_OK)
        err = drop_set(client, &taken, false, &arena, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? drop_damaged(client, set, error) : err;
}

st_err carried_drop(sotay_client *client, const st_set *set, st_error *error)
{
    st_held held = { set->first, ST_HOLD_FORK };
    st_receipt receipt = { .device = set->device, .first = set->first, .hash = set->hash,
                           .held = &held, .held_count = 1 };
    st_err err = settle_taken(client, &receipt, error);
    return err == ST_OK ? drop_parcel(client, &receipt, error) : err;
}

st_err carried_erase(sotay_client *client, const st_erasure *one, st_error *error)
{
    st_arena arena;
    st_buffer left;
    carried_set taken;
    const st_set_places places = { &one->place, 1 };
    book_key key = book_key_counter(BOOK_TAKEN, &one->dot.device, one->first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    st_err err = find_set(client, &one->dot.device, one->first, &arena, &taken, error);
    bool is_it = err == ST_OK && memcmp(taken.hash.b, one->set.b, sizeof taken.hash.b) == 0;
    if (is_it)
        err = st_set_erase(taken.bytes, taken.len, places, &left, error);
    if (is_it && err == ST_OK)
        err = put_value(client, &key, taken.is_delivered ? 1 : 0, &taken.hash,
                        (book_value){ left.data, left.len }, error);
    st_buffer_free(&left);
    st_arena_reset(&arena);
    return st_err_is_passing(err) ? err : ST_OK;
}

/* ---- all of them ---- */

/* One that the server was said to have, and no page brought, waits for a backup as a parcel. */
static st_err close_set(sotay_client *client, const carried_set *taken, const st_bucket *bucket,
                        st_arena *arena, st_error *error)
{
    st_set set;
    bool is_new = false;
    st_err err = st_set_decode(taken->bytes, taken->len, arena, &set, error);
    if (err != ST_OK || strcmp(set.bucket.s, bucket->s) != 0)
        return err;
    err = seal_set(client, &set, &is_new, error);
    const book_key key = parcel_key(&(st_parcel){ .kind = ST_PARCEL_SET, .owner = set.device,
                                                  .first = set.first, .name = set.hash });
    if (err == ST_OK && taken->is_delivered)
        err = delivered_keep(client, &key, 0, error);
    return err == ST_OK ? drop_set(client, taken, true, arena, error) : err;
}

static st_err sweep_set(sotay_client *client, const st_id *device, uint64_t first,
                        const st_bucket *closed, st_error *error)
{
    st_arena arena;
    carried_set taken;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_set(client, device, first, &arena, &taken, error);
    if (err == ST_E_NOT_FOUND)
        err = closed != NULL ? overlay_hide_carried(client, device, first, error) : ST_OK;
    else if (err == ST_OK && closed != NULL)
        err = close_set(client, &taken, closed, &arena, error);
    else if (err == ST_OK && taken.is_delivered)
        err = mark_delivered(client, &taken, false, error);
    st_arena_reset(&arena);
    return err;
}

/* closed NULL: a new epoch. */
static st_err sweep_sets(sotay_client *client, const st_bucket *closed, st_error *error)
{
    book_key prefix = book_key_of(BOOK_TAKEN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id device;
        uint64_t first = 0;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = read_name(&scan.at, &device, &first, error);
        if (err == ST_OK)
            err = sweep_set(client, &device, first, closed, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err carried_close_bucket(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    return sweep_sets(client, bucket, error);
}

/* What they say is not so in this book: who is given one would take the book for put back again. */
static st_err drop_receipts(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_RECEIPT);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK && st_get_u64(scan.at.b + 1) > cut)
            err = book_delete(&client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err carried_turn(sotay_client *client, uint64_t cut, st_error *error)
{
    st_err err = sweep_sets(client, NULL, error);
    return err == ST_OK ? drop_receipts(client, cut, error) : err;
}
