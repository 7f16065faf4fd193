/* proto/carry_wire.c - the frames about what others carry, both ways.
 * Promises: lists are bounded before memory is taken; lengths are exact.
 * Must never: look into a parcel, or believe a receipt - who reads it checks. */
#include <string.h>

#include "proto/carry.h"
#include "proto/message_parts.h"
#include "proto/wire.h"

#define KNOWN_BYTES 32u

/* ---- reading ---- */

st_err message_get_parcel(const Sotay__Parcel *from, st_parcel *out, st_error *error)
{
    if (!message_bytes(&from->owner, out->owner.b, sizeof out->owner.b) ||
        !message_bytes(&from->name, out->name.b, sizeof out->name.b) ||
        from->sealed.len <= ST_SEALED_BOX_EXTRA)
        return message_corrupt(error, "bad parcel");
    if (from->sealed.len > ST_PARCEL_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: a parcel is over its limit");
    if ((from->kind == SOTAY__PARCEL_KIND__PARCEL_SET && from->first == 0) ||
        (from->kind == SOTAY__PARCEL_KIND__PARCEL_PIECE && from->first != 0))
        return message_corrupt(error, "bad counter of a parcel");
    if ((unsigned)from->kind > UINT8_MAX)
        return message_corrupt(error, "bad kind of a parcel");
    out->kind = (st_parcel_kind)from->kind; /* of a newer program: it is carried all the same */
    out->first = from->first;
    out->sealed = from->sealed.data;
    out->sealed_len = from->sealed.len;
    return ST_OK;
}

st_err message_get_renews(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out, st_error *error)
{
    size_t count = from->renew.len / ST_RENEW_BYTES;
    if (from->renew.len % ST_RENEW_BYTES != 0)
        return message_corrupt(error, "bad list of sets to be renewed");
    if (count > ST_RENEWS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than %u sets to be renewed",
                       ST_RENEWS_MAX);
    st_renew *renews = st_arena_array(arena, count, sizeof *renews);
    if (renews == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *one = from->renew.data + i * ST_RENEW_BYTES;
        memcpy(renews[i].device.b, one, sizeof renews[i].device.b);
        renews[i].first = st_get_u64(one + 16);
        memcpy(renews[i].set.b, one + 24, sizeof renews[i].set.b);
        if (renews[i].first == 0)
            return message_corrupt(error, "bad counter of a set to be renewed");
    }
    out->renews = renews;
    out->renews_count = (uint32_t)count;
    return ST_OK;
}

static st_err get_body(const Sotay__ReceiptBody *from, st_arena *arena, st_receipt *out,
                       st_error *error)
{
    bool is_known = from->kind == SOTAY__VERDICT_KIND__VERDICT_STORED ||
                    from->kind == SOTAY__VERDICT_KIND__VERDICT_HELD;
    if (!message_bytes(&from->device, out->device.b, sizeof out->device.b) ||
        !message_bytes(&from->hash, out->hash.b, sizeof out->hash.b) ||
        !message_bytes(&from->epoch, out->epoch, sizeof out->epoch) || from->first == 0 ||
        from->last < from->first || from->position == 0)
        return message_corrupt(error, "bad receipt");
    out->first = from->first;
    out->last = from->last;
    out->kind = is_known ? (st_verdict_kind)from->kind : ST_VERDICT_UNKNOWN;
    out->position = from->position;
    out->held_count = (uint32_t)from->n_held;
    return message_held(from->held, from->n_held, arena, &out->held, error);
}

st_err message_get_receipt(const Sotay__Receipt *from, st_arena *arena, st_receipt *out,
                           st_error *error)
{
    void *body = NULL;
    if (!message_bytes(&from->signature, out->signature, sizeof out->signature) ||
        from->body.len == 0)
        return message_corrupt(error, "bad signature of a receipt");
    st_err err = st_wire_unpack(from->body.data, from->body.len, &sotay__receipt_body__descriptor,
                                arena, &body, error);
    out->body = from->body.data;
    out->body_len = from->body.len;
    return err == ST_OK ? get_body(body, arena, out, error) : err;
}

static st_err get_lists(const Sotay__Carry *from, st_arena *arena, st_carry *out, st_error *error)
{
    size_t count = from->known.len / KNOWN_BYTES;
    if (from->known.len % KNOWN_BYTES != 0)
        return message_corrupt(error, "bad list of known sets");
    if (from->known_sealed > count)
        return message_corrupt(error, "more sealed sets than known ones");
    if (count > ST_CARRY_KNOWN_MAX || from->n_buckets > ST_CARRY_BUCKETS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: an offer is over its limit");
    st_carry_known *known = st_arena_array(arena, count, sizeof *known);
    st_bucket *buckets = st_arena_array(arena, from->n_buckets, sizeof *buckets);
    if (known == NULL || buckets == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = from->known.data + i * KNOWN_BYTES;
        memcpy(known[i].device.b, at, sizeof known[i].device.b);
        known[i].first = st_get_u64(at + 16);
        memcpy(known[i].start, at + 24, sizeof known[i].start);
    }
    for (size_t i = 0; i < from->n_buckets; i++)
        if (!st_bucket_set(&buckets[i], from->buckets[i], strlen(from->buckets[i])))
            return message_corrupt(error, "bad bucket of an offer");
    out->known = known;
    out->known_count = (uint32_t)count;
    out->known_sealed = from->known_sealed;
    out->buckets = buckets;
    out->buckets_count = (uint32_t)from->n_buckets;
    return ST_OK;
}

st_err message_get_carry(const Sotay__Carry *from, st_arena *arena, st_carry *out, st_error *error)
{
    bool is_hello = from->version > 0;
    if (is_hello && (!message_bytes(&from->log, out->log.b, sizeof out->log.b) ||
                     !message_bytes(&from->device, out->device.b, sizeof out->device.b) ||
                     !message_bytes(&from->key, out->key, sizeof out->key)))
        return message_corrupt(error, "bad hello");
    if (!message_optional(&from->signature, out->signature, sizeof out->signature,
                          &out->has_signature))
        return message_corrupt(error, "bad proof of a phone");
    out->version = from->version;
    out->end = from->end;
    out->more = from->more;
    out->taken = from->taken;
    return get_lists(from, arena, out, error);
}

st_err message_get_piece_taken(const Sotay__PieceTaken *from, st_piece_taken *out, st_error *error)
{
    if (!message_bytes(&from->record, out->record.b, sizeof out->record.b) ||
        !message_bytes(&from->hash, out->hash.b, sizeof out->hash.b))
        return message_corrupt(error, "bad name of a piece");
    return ST_OK;
}

/* ---- writing ---- */

void message_put_renews(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    size_t len = (size_t)ask->renews_count * ST_RENEW_BYTES;
    uint8_t *bytes = message_make(b, ask->renews_count, ST_RENEW_BYTES);
    if (b->no_memory || ask->renews_count == 0)
        return;
    for (uint32_t i = 0; i < ask->renews_count; i++) {
        const st_renew *renew = &ask->renews[i];
        uint8_t *one = bytes + (size_t)i * ST_RENEW_BYTES;
        memcpy(one, renew->device.b, sizeof renew->device.b);
        st_put_u64(one + 16, renew->first);
        memcpy(one + 24, renew->set.b, sizeof renew->set.b);
    }
    out->renew = message_view(bytes, len);
}

void message_put_parcel(const st_parcel *parcel, Sotay__Parcel *out)
{
    sotay__parcel__init(out);
    out->kind = (Sotay__ParcelKind)parcel->kind;
    out->owner = message_view(parcel->owner.b, sizeof parcel->owner.b);
    out->first = parcel->first;
    out->name = message_view(parcel->name.b, sizeof parcel->name.b);
    out->sealed = message_view(parcel->sealed, parcel->sealed_len);
}

void message_put_receipt(const st_receipt *receipt, Sotay__Receipt *out)
{
    sotay__receipt__init(out);
    out->body = message_view(receipt->body, receipt->body_len);
    out->signature = message_view(receipt->signature, sizeof receipt->signature);
}

void message_put_carry(message_builder *b, const st_carry *carry, Sotay__Carry *out)
{
    sotay__carry__init(out);
    out->version = carry->version;
    if (carry->version > 0) {
        out->log = message_view(carry->log.b, sizeof carry->log.b);
        out->device = message_view(carry->device.b, sizeof carry->device.b);
        out->key = message_view(carry->key, sizeof carry->key);
    }
    if (carry->has_signature)
        out->signature = message_view(carry->signature, sizeof carry->signature);
    uint8_t *known = message_make(b, carry->known_count, KNOWN_BYTES);
    for (uint32_t i = 0; known != NULL && i < carry->known_count; i++) {
        uint8_t *at = known + (size_t)i * KNOWN_BYTES;
        memcpy(at, carry->known[i].device.b, sizeof carry->known[i].device.b);
        st_put_u64(at + 16, carry->known[i].first);
        memcpy(at + 24, carry->known[i].start, sizeof carry->known[i].start);
    }
    out->known = message_view(known, (size_t)carry->known_count * KNOWN_BYTES);
    out->known_sealed = carry->known_sealed;
    out->buckets = message_make(b, carry->buckets_count, sizeof *out->buckets);
    for (uint32_t i = 0; out->buckets != NULL && i < carry->buckets_count; i++)
        out->buckets[i] = message_string(carry->buckets[i].s);
    out->n_buckets = carry->buckets_count;
    out->end = carry->end;
    out->more = carry->more;
    out->taken = carry->taken;
}

void message_put_piece_taken(const st_piece_taken *taken, Sotay__PieceTaken *out)
{
    sotay__piece_taken__init(out);
    out->record = message_view(taken->record.b, sizeof taken->record.b);
    out->hash = message_view(taken->hash.b, sizeof taken->hash.b);
}

st_err st_receipt_make(st_receipt *receipt, st_buffer *out, st_error *error)
{
    message_builder b = { .no_memory = false };
    Sotay__ReceiptBody message;
    uint8_t *room = NULL;
    st_arena_init(&b.arena, ST_FRAME_BYTES_MAX);
    sotay__receipt_body__init(&message);
    message.device = message_view(receipt->device.b, sizeof receipt->device.b);
    message.first = receipt->first;
    message.last = receipt->last;
    message.hash = message_view(receipt->hash.b, sizeof receipt->hash.b);
    message.kind = (Sotay__VerdictKind)receipt->kind;
    message.position = receipt->position;
    message.held = message_put_held(&b, receipt->held, receipt->held_count);
    message.n_held = receipt->held_count;
    message.epoch = message_view(receipt->epoch, sizeof receipt->epoch);
    st_err err = b.no_memory ? message_no_memory(error) : ST_OK;
    st_buffer_clear(out);
    if (err == ST_OK)
        err = st_buffer_room(out, sotay__receipt_body__get_packed_size(&message), &room, error);
    if (err == ST_OK)
        out->len = sotay__receipt_body__pack(&message, room);
    receipt->body = out->data;
    receipt->body_len = out->len;
    st_arena_reset(&b.arena);
    return err;
}
