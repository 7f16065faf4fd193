/* tests/unit/proto/signed_acts.h - for test_faults.c: what is done with what somebody signed or
 * seals. Each does it whole or says why not, and leaves nothing half written behind. */
#ifndef SOTAY_TESTS_SIGNED_ACTS_H
#define SOTAY_TESTS_SIGNED_ACTS_H

#include <string.h>

#include "proto/carry.h"
#include "proto/note.h"

typedef struct things things; /* what the other acts are done with */

/* A checkpoint is signed, a phone signs it too, and both are believed. */
static inline st_err sign_checkpoint(things *t, st_arena *arena, st_buffer *out)
{
    const uint8_t seed[32] = { 7 };
    uint8_t secret[64];
    st_vkey log = { .type = ST_KEY_LOG };
    st_note_signer phone = { .name = "sotay/01477/phone/1" };
    st_checkpoint checkpoint = { .origin = "sotay/01477/1/1", .head = { .size = 7 } };
    st_opened opened;
    size_t start = out->len;
    bool good = false;
    (void)t;
    st_sign_keypair(seed, log.key, secret);
    memcpy(log.name, checkpoint.origin, sizeof log.name);
    st_sign_keypair(seed, phone.public_key, phone.secret);
    st_err err = st_checkpoint_sign(&checkpoint, secret, out, NULL);
    if (err != ST_OK)
        assert_int_equal(out->len, start);
    if (err == ST_OK)
        err = st_checkpoint_open(out->data + start, out->len - start, &log, arena, &opened, NULL);
    if (err == ST_OK)
        err = st_cosign(&phone, &opened.note, 1773282601, out, NULL);
    if (err == ST_OK)
        err = st_checkpoint_open(out->data + start, out->len - start, &log, arena, &opened, NULL);
    if (err != ST_OK)
        return err;
    st_vkey witness = { .type = ST_KEY_WITNESS };
    memcpy(witness.name, phone.name, sizeof witness.name);
    memcpy(witness.key, phone.public_key, sizeof witness.key);
    (void)st_note_by(&opened.note, &witness, &good, NULL);
    return good ? ST_OK : ST_E_MEMORY; /* without memory nothing is believed */
}

static inline st_err write_proof(things *t, st_arena *arena, st_buffer *out)
{
    st_proof_file file = { .place = 9, .checkpoint = "x", .checkpoint_len = 1 }, back;
    size_t start = out->len;
    (void)t;
    (void)arena;
    file.proof.count = 3;
    st_err err = st_proof_file_encode(&file, out, NULL);
    assert_true(err == ST_OK || out->len == start);
    return err == ST_OK ? st_proof_file_decode(out->data + start, out->len - start, &back, NULL)
                        : err;
}

/* A bundle of two parts, written and read. */
static inline st_err carry_bundle(things *t, st_arena *arena, st_buffer *out)
{
    static const char DATA[] = "one";
    const uint8_t seed[32] = { 7 };
    uint8_t secret[64], text[ST_BUNDLE_SIGN_BYTES];
    const st_bundle_part parts[] = { { st_sha256(DATA, 1), 1 }, { st_sha256(DATA + 1, 2), 2 } };
    st_bundle_head head = { .parts = parts, .parts_count = 2 }, back;
    size_t start = out->len;
    uint64_t at = 0;
    (void)t;
    st_sign_keypair(seed, head.sign_key, secret);
    head.device = st_device_id(head.sign_key);
    st_bundle_sign_text(&head, text);
    st_sign(secret, text, sizeof text, head.signature);
    st_err err = st_bundle_head_put(&head, out, NULL);
    assert_true(err == ST_OK || out->len == start);
    if (err == ST_OK)
        err = st_buffer_append(out, DATA, 3, NULL);
    if (err != ST_OK)
        return err;
    const st_bundle_source from = st_bundle_memory(out->data + start, out->len - start);
    return st_bundle_open(&from, arena, &back, &at, NULL);
}

static inline st_err make_body(things *t, st_arena *arena, st_buffer *out)
{
    static const st_held HELD[] = { { 12, ST_HOLD_FROZEN }, { 13, ST_HOLD_WAITS } };
    st_receipt receipt = { .first = 11, .last = 14, .position = 9, .held = HELD, .held_count = 2 };
    (void)t;
    (void)arena;
    return st_receipt_make(&receipt, out, NULL);
}

#endif
