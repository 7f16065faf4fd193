/* tools/fuzz/fuzz_carry.c - what somebody else carries to a phone with a book. A bundle on a stick:
 * any frames under a head that is signed truly, or any bytes at all. Another phone of the book: the
 * true handshake, and any frames in it. Either is taken whole or not at all, a bundle taken again
 * changes nothing, one changed byte of it is found, who cannot prove who he is gives nothing, a
 * receipt that the server did not sign is none, and what the officer wrote stays. What can be
 * sealed opens again as it was. */
#include <stdlib.h>
#include <string.h>

#include "proto/carry.h"
#include "tools/fuzz/carry_peer.h"
#include "tools/fuzz/parts.h"

#define PARTS_MAX   64u
#define BYTES_MAX   (1u << 20)
#define ARENA_BYTES (16u << 20)

typedef struct {
    uint8_t public_key[32], secret[64];
} pair;

/* The maker of every bundle: a device that this phone has not heard of. */
static const pair *maker(void)
{
    static pair keys;
    uint8_t seed[32] = { 0x6b };
    if (keys.secret[0] == 0 && keys.secret[1] == 0)
        st_sign_keypair(seed, keys.public_key, keys.secret);
    return &keys;
}

/* Sealed to the server and opened by it, a set or a piece is the same. */
static void check_seal(const uint8_t *bytes, size_t len)
{
    static st_buffer sealed, first, second;
    const uint8_t seed[32] = { 0x5e };
    uint8_t public_key[32], secret[32];
    st_arena arena;
    st_frame frame, inside;
    first.max = second.max = sealed.max = BYTES_MAX;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_frame_decode(bytes, len, &arena, &frame, NULL);
    bool is_set = err == ST_OK && frame.kind == ST_FRAME_SET;
    bool is_piece =
        err == ST_OK && frame.kind == ST_FRAME_HAVE_ASK && frame.as.have_ask.chunks_count == 1;
    if (is_set || is_piece) {
        st_parcel parcel = { .kind = is_set ? ST_PARCEL_SET : ST_PARCEL_PIECE };
        st_box_keypair(seed, public_key, secret);
        const st_seal_pair keys = { public_key, secret };
        FUZZ_MUST(st_parcel_seal(public_key, &frame, &parcel, &sealed, NULL) == ST_OK);
        FUZZ_MUST(st_parcel_open(&parcel, keys, &arena, &inside, NULL) == ST_OK);
        FUZZ_MUST(st_frame_encode(&frame, &first, NULL) == ST_OK);
        FUZZ_MUST(st_frame_encode(&inside, &second, NULL) == ST_OK);
        fuzz_must_be_same(&first, &second);
        parcel.kind = is_set ? ST_PARCEL_PIECE : ST_PARCEL_SET;
        FUZZ_MUST(st_parcel_open(&parcel, keys, &arena, &inside, NULL) == ST_E_CORRUPT);
    }
    st_arena_reset(&arena);
}

/* The whole file: head, signed, and the frames. lies: its receipts are not the server's. False: no
 * bundle can be made of this. */
static bool make_bundle(const phone_world *world, fuzz_bytes bytes, bool lies, st_buffer *out)
{
    static st_buffer frames;
    st_bundle_part parts[PARTS_MAX];
    st_bundle_head head = { .log = world->e->log, .made_ms = 1773302400000, .parts = parts };
    const pair *keys = maker();
    uint8_t text[ST_BUNDLE_SIGN_BYTES];
    const uint8_t *frame;
    size_t len;
    frames.max = out->max = BYTES_MAX;
    st_buffer_clear(&frames);
    st_buffer_clear(out);
    while (head.parts_count < PARTS_MAX && parts_next(&bytes, &frame, &len)) {
        if (len == 0)
            continue;
        check_seal(frame, len);
        fuzz_append(&frames, frame, len);
        uint8_t *at = frames.data + frames.len - len;
        carry_peer_sign(world, at, len, lies);
        parts[head.parts_count++] = (st_bundle_part){ st_sha256(at, len), (uint32_t)len };
    }
    head.device = st_device_id(keys->public_key);
    memcpy(head.sign_key, keys->public_key, sizeof head.sign_key);
    st_bundle_sign_text(&head, text);
    st_sign(keys->secret, text, sizeof text, head.signature);
    if (st_bundle_head_put(&head, out, NULL) != ST_OK)
        return false;
    if (frames.len > 0)
        fuzz_append(out, frames.data, frames.len);
    return true;
}

/* What is here, as the status tells it. free() */
static char *status(sotay_client *client)
{
    char *text = NULL;
    FUZZ_MUST(sotay_status(client, SOTAY_JSON, &text, NULL) == SOTAY_OK);
    fuzz_must_be_json(text, strlen(text));
    char *copy = strdup(text);
    FUZZ_MUST(copy != NULL);
    sotay_text_free(text);
    return copy;
}

/* Refused, and nothing of it is here. */
static void must_refuse(sotay_client *client, const uint8_t *data, size_t len)
{
    sotay_bundle_report report;
    char *before = status(client);
    int rc = sotay_bundle_import(client, data, len, &report, NULL);
    FUZZ_MUST(rc == SOTAY_E_CORRUPT || rc == SOTAY_E_VERSION || rc == SOTAY_E_SIGNATURE ||
              rc == SOTAY_E_DENIED || rc == SOTAY_E_TOO_LARGE);
    char *after = status(client);
    FUZZ_MUST(strcmp(before, after) == 0);
    free(before);
    free(after);
}

enum { SETS, PIECES, RECEIPTS, REFUSED, MET };
static fuzz_goal goals[] = { [SETS] = { "a set of a bundle is taken", 0 },
                             [PIECES] = { "a piece of a bundle is taken", 0 },
                             [RECEIPTS] = { "a receipt of a bundle is taken", 0 },
                             [REFUSED] = { "a bundle is refused", 0 },
                             [MET] = { "a meeting comes to its end", 0 } };
FUZZ_MUST_REACH(goals);

static void take_true(sotay_client *client, st_buffer *file, bool lies)
{
    sotay_bundle_report first = { 0 }, second = { 0 };
    char *before = status(client);
    int rc = sotay_bundle_import(client, file->data, file->len, &first, NULL);
    FUZZ_MUST(rc == SOTAY_OK || rc == SOTAY_E_CORRUPT || rc == SOTAY_E_TOO_LARGE);
    char *after = status(client);
    FUZZ_MUST(!lies || first.receipts == 0);
    goals[SETS].times += first.sets > 0;
    goals[PIECES].times += first.pieces > 0;
    goals[RECEIPTS].times += first.receipts > 0;
    goals[REFUSED].times += rc != SOTAY_OK;
    if (rc == SOTAY_OK) {
        uint64_t all = first.sets + first.pieces + first.receipts + first.known;
        FUZZ_MUST(sotay_bundle_import(client, file->data, file->len, &second, NULL) == SOTAY_OK);
        FUZZ_MUST(second.pieces + second.receipts == 0 && second.sets + second.known == all);
        /* What a receipt of the same file settles is taken and settled once more. */
        FUZZ_MUST(second.sets == 0 || first.receipts > 0);
        char *again = status(client);
        FUZZ_MUST(strcmp(after, again) == 0);
        free(again);
        file->data[file->len - 1] ^= 1; /* of its last part: nothing else may hold what is in it */
        must_refuse(client, file->data, file->len);
    } else {
        FUZZ_MUST(strcmp(before, after) == 0);
    }
    free(before);
    free(after);
}

/* Somebody says that he is the other phone and has not its key. */
static void meet_liar(const phone_world *world, sotay_client *client, bool phone_fetches)
{
    const carry_peer_how how = { phone_fetches, true, true };
    const fuzz_bytes nothing = { (const uint8_t *)"", 0 };
    sotay_carry_report report;
    FUZZ_MUST(carry_peer_meet(world, client, how, nothing, &report) == SOTAY_E_SIGNATURE);
    FUZZ_MUST(!report.has_peer);
}

static void meet(const phone_world *world, sotay_client *client, uint32_t which, fuzz_bytes frames)
{
    const carry_peer_how how = { which / 4 % 2 == 0, which / 8 % 8 == 7, which / 64 % 4 != 3 };
    sotay_carry_report report;
    char *before = status(client);
    meet_liar(world, client, how.phone_fetches);
    int rc = carry_peer_meet(world, client, how, frames, &report);
    FUZZ_MUST(rc == SOTAY_OK || rc == SOTAY_E_CORRUPT || rc == SOTAY_E_TOO_LARGE ||
              rc == SOTAY_E_SIGNATURE || rc == SOTAY_E_DENIED || rc == SOTAY_E_VERSION);
    goals[MET].times += report.done;
    FUZZ_MUST(!how.is_liar || (rc == SOTAY_E_SIGNATURE && !report.has_peer));
    char *after = status(client);
    if (!report.done && report.sets_taken + report.pieces_taken + report.receipts_taken == 0)
        FUZZ_MUST(strcmp(before, after) == 0);
    free(before);
    free(after);
}

static void try_bundle(const phone_world *world, sotay_client *client, uint32_t which,
                       fuzz_bytes bytes)
{
    static st_buffer file;
    bool lies = which / 4 % 8 == 5;
    if (!make_bundle(world, bytes, lies, &file))
        return;
    if (which % 4 == 0) {
        must_refuse(client, bytes.data, bytes.len);
    } else if (which % 4 == 1) {
        file.data[which / 4 * 7 % file.len] ^= (uint8_t)(1u << which / 4 % 8);
        must_refuse(client, file.data, file.len);
    } else {
        take_true(client, &file, lies);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const phone_world *world = carry_peer_world();
    sotay_port port;
    sotay_client *client = NULL;
    char *text = NULL;
    fuzz_bytes bytes = { data, size };
    uint32_t which = fuzz_u16(&bytes);
    phone_world_open(world, &port, &client);
    if (which % 4 == 3)
        meet(world, client, which, bytes);
    else
        try_bundle(world, client, which, bytes);
    FUZZ_MUST(sotay_show(client, &world->unsent, SOTAY_JSON, &text, NULL) == SOTAY_OK);
    FUZZ_MUST(strstr(text, "trạm y tế") != NULL);
    sotay_text_free(text);
    phone_world_close(&port, client);
    return 0;
}

/* The choice stays in front; the frames behind it are mutated field by field. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 2 || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    return 2 + fuzz_mutate_message(data + 2, size - 2, size_max - 2, seed);
}
