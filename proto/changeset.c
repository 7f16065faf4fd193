/* proto/changeset.c - what is hashed and signed of a change-set, and how big a change may become.
 * Promises: the hash is over the skeleton bytes as they are, never over a re-encoding; the size
 * told at save is never smaller than what is sent later.
 * Must never: read or write protobuf (changeset_encode.c, changeset_decode.c do). */
#include "proto/changeset.h"

#include <assert.h>
#include <string.h>

#include "proto/changeset_parts.h"

static const char SIGN_CONTEXT[13] = "sotay-set/v1";    /* with its NUL */

void st_set_hash_begin(st_sha256_state *state, const void *skeleton, size_t len,
                       const st_hash *seed_hash, uint32_t macs_count)
{
    assert(state != NULL && skeleton != NULL && seed_hash != NULL);
    assert(len <= UINT32_MAX);
    uint8_t number[4];
    st_sha256_init(state);
    st_put_u32(number, (uint32_t)len);
    st_sha256_update(state, number, sizeof number);
    st_sha256_update(state, skeleton, len);
    st_sha256_update(state, seed_hash->b, sizeof seed_hash->b);
    st_put_u32(number, macs_count);
    st_sha256_update(state, number, sizeof number);
}

void st_set_hash_add(st_sha256_state *state, const st_hash *mac)
{
    assert(state != NULL && mac != NULL);
    st_sha256_update(state, mac->b, sizeof mac->b);
}

void st_set_sign_text(const st_id *log, const st_id *device, const st_hash *hash,
                      uint8_t out[ST_SET_SIGN_BYTES])
{
    assert(log != NULL && device != NULL && hash != NULL && out != NULL);
    memcpy(out, SIGN_CONTEXT, 13);
    memcpy(out + 13, log->b, 16);
    memcpy(out + 29, device->b, 16);
    memcpy(out + 45, hash->b, 32);
}

bool st_set_verify(const st_set *set, const st_id *log, const uint8_t sign_key[32])
{
    assert(set != NULL && log != NULL && sign_key != NULL);
    uint8_t text[ST_SET_SIGN_BYTES];
    st_set_sign_text(log, &set->device, &set->hash, text);
    return st_sign_verify(sign_key, text, sizeof text, set->signature);
}

void st_unsigned_set_free(st_unsigned_set *unsigned_set)
{
    if (unsigned_set == NULL)
        return;
    st_buffer_free(&unsigned_set->skeleton);
    st_wipe(unsigned_set->seed, sizeof unsigned_set->seed);
}

bool st_verb_is_bare(st_verb verb)
{
    return verb == ST_VERB_ADD || verb == ST_VERB_REMOVE || verb == ST_VERB_DROP
        || verb == ST_VERB_KEEP;
}

/* ---- sizes: upper bounds; a device index takes at most two bytes, a step at most eleven ---- */

static size_t varint_bytes(uint64_t v)
{
    size_t bytes = 1;
    while (v >= 0x80) {
        v >>= 7;
        bytes++;
    }
    return bytes;
}

static size_t dot_bytes(const st_dot *dot)
{
    return 3 + 1 + varint_bytes(dot->counter);
}

static size_t context_bytes(const st_context *context)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < context->count; i++) {
        const st_context_device *device = &context->devices[i];
        bytes += 5 + 3 + 11 + 2 * 6;        /* tag and length, device, upto, two packed heads */
        for (uint32_t k = 0; k < device->singles_count; k++)
            bytes += varint_bytes(device->singles[k]);
        for (uint32_t k = 0; k < device->holes_count; k++)
            bytes += varint_bytes(device->holes[k]);
    }
    return bytes;
}

static size_t op_bytes(const st_op *op)
{
    size_t bytes = 5 + 4 + 4 + 4 + 2 + 2;   /* head, group, field, place, verb, kind */
    if (op->path.key.s[0] != '\0')
        bytes += 2 + strlen(op->path.key.s);
    if (op->path.item.counter != 0)
        bytes += 2 + dot_bytes(&op->path.item);
    if (op->path.element_len > 0)
        bytes += 2 + op->path.element_len;
    if (op->replaces_count > 0)
        bytes += 5;
    for (uint32_t i = 0; i < op->replaces_count; i++)
        bytes += 2 + varint_bytes(op->replaces[i].counter);
    if (op->kept.counter != 0)
        bytes += 2 + dot_bytes(&op->kept) + 18;
    if (!st_verb_is_bare(op->verb)) {
        if (op->value.kind == ST_VALUE_INT)
            bytes += 11;
        else if (op->value.kind != ST_VALUE_NULL && op->value.kind != ST_VALUE_ERASED)
            bytes += 4 + (size_t)op->value.len;
    }
    return bytes;
}

size_t st_change_encoded_size(const st_change *change)
{
    assert(change != NULL);
    assert(change->ops != NULL || change->ops_count == 0);
    size_t bytes = 5 + 18 + 2 + 2 + 3 * 11; /* head, record, amend, has_reason, steps */
    if (change->creates)
        bytes += 2 + 2 + strlen(change->form.s) + 6 + 18;
    for (uint32_t i = 0; i < change->ops_count; i++)
        bytes += op_bytes(&change->ops[i]);
    if (change->act != ST_ACT_NONE)
        bytes += 5 + 2;
    bytes += context_bytes(&change->context);
    for (uint32_t i = 0; i < change->under_count; i++)
        bytes += 2 + 2 + dot_bytes(&change->under[i].dot) + 2;
    if (change->reason.kind == ST_VALUE_TEXT)
        bytes += 4 + (size_t)change->reason.len;
    return bytes;
}
