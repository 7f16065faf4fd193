/* tools/fuzz/carry_peer.c - see carry_peer.h. */
#define _GNU_SOURCE
#include "tools/fuzz/carry_peer.h"

#include <string.h>

#include "proto/carry.h"
#include "tests/unit/client-lib/edge_log.h"
#include "tools/fuzz/parts.h"

#define ARENA_BYTES (16u << 20)
#define BYTES_MAX   (1u << 20)

/* The other phone: its device, its key, its half of every conversation. */
typedef struct {
    st_id device;
    uint8_t secret[64];
    st_kx_pair pair;
} peer_keys;

static const peer_keys *keys(void)
{
    static peer_keys own;
    static bool is_made;
    uint8_t seed[32] = { 0x5b }, public_key[32];
    if (!is_made) {
        st_sign_keypair(seed, public_key, own.secret);
        own.device = st_device_id(public_key);
        st_kx_keypair(seed, own.pair.public_key, own.pair.secret);
        is_made = true;
    }
    return &own;
}

const phone_world *carry_peer_world(void)
{
    static phone_world world;
    sotay_port port;
    sotay_client *client = NULL;
    uint8_t seed[32] = { 0x5b }, public_key[32], secret[64];
    if (world.e != NULL)
        return &world;
    const phone_world *before = phone_world_get();
    st_sign_keypair(seed, public_key, secret);
    edge_know_device(before->e, &keys()->device, public_key, &before->e->persons[1]);
    phone_world_open(before, &port, &client);
    FUZZ_MUST(edge_sync(before->e, client, NULL, NULL) == SOTAY_OK);
    sotay_id unsent;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", "trạm y tế" } };
    FUZZ_MUST(sotay_record_new(client, "visit", EDGE_UNIT, (sotay_pairs){ list, 3 }, &unsent,
                               NULL) == SOTAY_OK);
    sotay_close(client);
    world = *before;
    world.port = port;
    world.unsent = unsent;
    return &world;
}

/* Of the epoch that the phone knows, and signed, when the frame is a receipt. */
static void sign_receipt(const phone_world *world, uint8_t *bytes, size_t len, bool lies)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_arena arena;
    st_frame frame;
    st_arena_init(&arena, ARENA_BYTES);
    bool is_one = st_frame_decode(bytes, len, &arena, &frame, NULL) == ST_OK &&
                  frame.kind == ST_FRAME_RECEIPT;
    const st_receipt *receipt = &frame.as.receipt;
    uint8_t *epoch = is_one ? memmem(bytes, len, receipt->epoch, sizeof receipt->epoch) : NULL;
    if (epoch != NULL)
        memcpy(epoch, world->e->epoch, sizeof receipt->epoch);
    is_one = is_one && st_frame_decode(bytes, len, &arena, &frame, NULL) == ST_OK &&
             frame.kind == ST_FRAME_RECEIPT;
    if (is_one) {
        uint8_t *at = memmem(bytes, len, receipt->signature, sizeof receipt->signature);
        FUZZ_MUST(at != NULL);
        st_receipt_sign_text(&world->e->log, receipt, text);
        st_sign(lies ? keys()->secret : world->e->own_secret, text, sizeof text, at);
    }
    st_arena_reset(&arena);
}

void carry_peer_sign(const phone_world *world, uint8_t *bytes, size_t len, bool lies)
{
    const parts_signer server = { world->e->devices[0].id, world->e->log, world->e->own_secret };
    const parts_signer peer = { keys()->device, world->e->log, keys()->secret };
    parts_sign(bytes, len, &server);
    parts_sign(bytes, len, &peer);
    sign_receipt(world, bytes, len, lies);
}

/* ---- what it says ---- */

typedef struct {
    st_kx_keys keys;
    uint64_t sent;
    st_buffer hello; /* its own, without the length */
    st_buffer out;   /* messages with their lengths */
} talk;

static void put_len(st_buffer *out, size_t len)
{
    uint8_t bytes[4];
    st_put_u32(bytes, (uint32_t)len);
    fuzz_append(out, bytes, sizeof bytes);
}

static void make_hello(const phone_world *world, talk *t)
{
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry *hello = &frame.as.carry;
    hello->version = 1;
    hello->log = world->e->log;
    hello->device = keys()->device;
    memcpy(hello->key, keys()->pair.public_key, sizeof hello->key);
    FUZZ_MUST(st_frame_encode(&frame, &t->hello, NULL) == ST_OK);
}

/* Frames with their lengths become one sealed message. */
static void put_message(talk *t, const st_buffer *frames)
{
    static st_buffer stream;
    static uint8_t sealed[2 * BYTES_MAX];
    const uint8_t nonce[24] = { 7 };
    uint8_t number[8];
    stream.max = BYTES_MAX;
    st_buffer_clear(&stream);
    fuzz_stream(frames->data, frames->len, &stream);
    st_put_u64(number, t->sent++);
    st_aead_seal(t->keys.send, nonce, stream.data, stream.len, (st_ad){ number, sizeof number },
                 sealed);
    put_len(&t->out, stream.len + ST_AEAD_EXTRA);
    fuzz_append(&t->out, sealed, stream.len + ST_AEAD_EXTRA);
}

static void put_word(const st_carry *word, st_buffer *frames)
{
    static st_buffer bytes;
    st_frame frame = { .kind = ST_FRAME_CARRY, .as.carry = *word };
    bytes.max = BYTES_MAX;
    st_buffer_clear(&bytes);
    FUZZ_MUST(st_frame_encode(&frame, &bytes, NULL) == ST_OK);
    fuzz_frame(bytes.data, bytes.len, frames);
}

/* Proof; an offer that asks for the unit, unless the input has one; the input; the end. */
static void say_all(const phone_world *world, talk *t, const st_hash *transcript,
                    carry_peer_how how, fuzz_bytes input)
{
    static st_buffer frames, copy;
    const uint8_t *frame;
    size_t len;
    st_bucket unit;
    uint8_t text[ST_CARRY_SIGN_BYTES];
    st_carry proof = { .has_signature = true }, offer = { .buckets = &unit, .buckets_count = 1 };
    FUZZ_MUST(st_bucket_set(&unit, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    frames.max = copy.max = BYTES_MAX;
    st_buffer_clear(&frames);
    st_carry_sign_text(&world->e->log, !how.phone_fetches, transcript, text);
    st_sign(keys()->secret, text, sizeof text, proof.signature);
    proof.signature[9] ^= how.is_liar ? 4 : 0;
    put_word(&proof, &frames);
    if (how.phone_fetches)
        put_word(&offer, &frames);
    put_message(t, &frames);
    st_buffer_clear(&frames);
    while (parts_next(&input, &frame, &len)) {
        st_buffer_clear(&copy);
        fuzz_append(&copy, frame, len);
        if (len > 0)
            carry_peer_sign(world, copy.data, len, false);
        fuzz_frame(copy.data, len, &frames);
    }
    put_message(t, &frames);
    if (!how.says_end)
        return;
    const st_carry end = { .end = true, .taken = true };
    st_buffer_clear(&frames);
    put_word(&end, &frames);
    put_message(t, &frames);
}

/* ---- the meeting ---- */

/* The phone's hello is the first message of what it sends; from both hellos follow the keys. */
static void agree(talk *t, sotay_slice said, carry_peer_how how, st_hash *out_transcript)
{
    const uint8_t *bytes = said.data;
    st_arena arena;
    st_frame frame;
    FUZZ_MUST(said.len > 4 && st_get_u32(bytes) <= said.len - 4);
    const st_mac_text phone = { bytes + 4, st_get_u32(bytes) };
    const st_mac_text own = { t->hello.data, t->hello.len };
    st_arena_init(&arena, ARENA_BYTES);
    FUZZ_MUST(st_frame_decode(phone.data, phone.len, &arena, &frame, NULL) == ST_OK);
    FUZZ_MUST(frame.kind == ST_FRAME_CARRY);
    FUZZ_MUST(st_kx_agree(how.phone_fetches, &keys()->pair, frame.as.carry.key, &t->keys));
    *out_transcript =
        how.phone_fetches ? st_carry_transcript(own, phone) : st_carry_transcript(phone, own);
    st_arena_reset(&arena);
}

int carry_peer_meet(const phone_world *world, sotay_client *client, carry_peer_how how,
                    fuzz_bytes frames, sotay_carry_report *out_report)
{
    static talk t;
    sotay_carry *carry = NULL;
    sotay_slice said = { NULL, 0 };
    st_hash transcript;
    bool done = false;
    t.sent = 0;
    t.hello.max = t.out.max = 4 * BYTES_MAX;
    st_buffer_clear(&t.hello);
    st_buffer_clear(&t.out);
    make_hello(world, &t);
    put_len(&t.out, t.hello.len);
    fuzz_append(&t.out, t.hello.data, t.hello.len);
    FUZZ_MUST(sotay_carry_begin(client, how.phone_fetches, &carry, NULL) == SOTAY_OK);
    if (!how.phone_fetches)
        FUZZ_MUST(sotay_carry_feed(carry, t.out.data, t.out.len, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_carry_next(carry, &said, &done, NULL) == SOTAY_OK && !done);
    agree(&t, said, how, &transcript);
    if (!how.phone_fetches)
        st_buffer_clear(&t.out);
    say_all(world, &t, &transcript, how, frames);
    int rc = sotay_carry_feed(carry, t.out.data, t.out.len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_carry_next(carry, &said, &done, NULL);
    sotay_carry_report_get(carry, out_report);
    FUZZ_MUST(out_report->done == (rc == SOTAY_OK && done));
    sotay_carry_free(carry);
    return rc;
}
