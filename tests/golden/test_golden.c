/* tests/golden/test_golden.c
 * A phone that lay in a drawer for two years must be understood: the bytes of change-sets, frames,
 * leaves, signed texts and hashes are what they were when they were frozen.
 * GOLDEN_WRITE=1 writes the files anew; only a new format of the wire is a reason to do that
 * (docs/protocol.md "Versions"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/erase.h"
#include "proto/heir.h"
#include "proto/hash.h"
#include "proto/leaf.h"
#include "proto/note.h"
#include "tests/golden/golden_sets.h"
#include "tests/unit/proto/make_frames.h"
#include "tests/unit/proto/wire_text.h"

#define FOLDER "tests/golden/"
#define LINE_BYTES 32
#define FILE_BYTES_MAX (1u << 20)

static bool writing(void)
{
    const char *mode = getenv("GOLDEN_WRITE");
    return mode != NULL && strcmp(mode, "1") == 0;
}

static FILE *open_golden(const char *name, const char *mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, FOLDER "%s.hex", name);
    FILE *file = fopen(path, mode);
    if (file == NULL)
        fail_msg("%s: cannot be opened; run from the top of the tree", path);
    return file;
}

static void write_golden(const char *name, const uint8_t *data, size_t len)
{
    FILE *file = open_golden(name, "wb");
    for (size_t at = 0; at < len; at += LINE_BYTES) {
        char text[2 * LINE_BYTES + 1];
        st_hex(data + at, len - at < LINE_BYTES ? len - at : LINE_BYTES, text);
        (void)fprintf(file, "%s\n", text);
    }
    assert_int_equal(fclose(file), 0);
}

/* The bytes of a frozen file, appended to out. */
static void read_golden(const char *name, st_buffer *out)
{
    char line[2 * LINE_BYTES + 4];
    uint8_t bytes[LINE_BYTES];
    FILE *file = open_golden(name, "rb");
    while (fgets(line, sizeof line, file) != NULL) {
        size_t chars = strcspn(line, "\n");
        if (!st_unhex(line, chars, bytes, chars / 2))
            fail_msg("%s: not hex", name);
        wire_put(out, bytes, chars / 2);
    }
    (void)fclose(file);
}

static void check(const char *name, const void *data, size_t len)
{
    st_buffer frozen;
    if (writing()) {
        write_golden(name, data, len);
        return;
    }
    st_buffer_init(&frozen, FILE_BYTES_MAX);
    read_golden(name, &frozen);
    size_t same = 0;
    while (same < len && same < frozen.len && frozen.data[same] == ((const uint8_t *)data)[same])
        same++;
    if (same != len || same != frozen.len)
        fail_msg("%s: %u bytes, frozen %u, different from byte %u on", name, (unsigned)len,
                 (unsigned)frozen.len, (unsigned)same);
    st_buffer_free(&frozen);
}

static void check_set(size_t number, st_buffer *hashes)
{
    st_arena arena;
    st_buffer bytes;
    st_error error = { 0 };
    const char *name = NULL;
    st_set back;
    uint8_t seed[32], public_key[32], secret[64];
    const st_id log = make_id(0x10, 0x10);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_set set = golden_number(number, &name, &arena);
    if (make_bytes(&set, &bytes, &error) != ST_OK)
        fail_msg("%s: %s", name, error.detail);
    check(name, bytes.data, bytes.len);
    /* What is frozen is also read, and its signature holds. */
    st_buffer_clear(&bytes);
    read_golden(name, &bytes);
    if (st_set_decode(bytes.data, bytes.len, &arena, &back, &error) != ST_OK)
        fail_msg("%s: %s", name, error.detail);
    assert_true(st_set_verify(&back, &log, public_key));
    wire_put(hashes, back.hash.b, sizeof back.hash.b);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

static void test_sets(void **state)
{
    (void)state;
    st_buffer hashes;
    st_buffer_init(&hashes, FILE_BYTES_MAX);
    for (size_t i = 0; i < GOLDEN_SETS; i++)
        check_set(i, &hashes);
    check("set-hashes", hashes.data, hashes.len);
    st_buffer_free(&hashes);
}

/* `set-resolve` after its reason was erased: another message, the same hash and signature. */
static void test_erased_set(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer skeleton, erased;
    st_unsigned_set made;
    const char *name = NULL;
    uint8_t seed[32], public_key[32], secret[64], text[ST_SET_SIGN_BYTES], signature[64];
    const st_id log = make_id(0x10, 0x10);
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    st_buffer_init(&skeleton, ST_SET_BYTES_MAX);
    st_buffer_init(&erased, ST_SET_BYTES_MAX);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    memset(seed, 0x5e, sizeof seed);
    st_set set = golden_number(5, &name, &arena);
    assert_int_equal(st_set_build(&set, seed, &made, NULL), ST_OK);
    st_set_sign_text(&log, &set.device, &made.hash, text);
    st_sign(secret, text, sizeof text, signature);
    st_hash seed_hash = st_sha256(seed, sizeof seed);
    st_hash key = st_value_key(seed, 0);
    st_hash mac = st_value_mac(&key, set.changes[0].reason.data, set.changes[0].reason.len);
    wire_put_bytes(&skeleton, 3, mac.b, sizeof mac.b);
    wire_put_bytes(&erased, 1, set.device.b, 16);
    wire_put_bytes(&erased, 2, made.skeleton.data, made.skeleton.len);
    wire_put_bytes(&erased, 5, signature, sizeof signature);
    wire_put_bytes(&erased, 6, seed_hash.b, sizeof seed_hash.b);
    wire_put_bytes(&erased, 7, skeleton.data, skeleton.len);
    check("set-erased", erased.data, erased.len);
    /* What the programs make of the whole set is the same. */
    st_buffer whole, left;
    const uint32_t place = 0;
    st_buffer_init(&whole, ST_SET_BYTES_MAX);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    assert_int_equal(st_set_finish(&set, &made, signature, &whole, NULL), ST_OK);
    assert_int_equal(st_set_erase(whole.data, whole.len, (st_set_places){ &place, 1 }, &left,
                                  NULL), ST_OK);
    check("set-erased", left.data, left.len);
    st_buffer_free(&whole);
    st_buffer_free(&left);
    st_set back;
    assert_int_equal(st_set_decode(erased.data, erased.len, &arena, &back, NULL), ST_OK);
    assert_memory_equal(back.hash.b, made.hash.b, sizeof made.hash.b);
    assert_true(st_set_verify(&back, &log, public_key));
    assert_int_equal(back.changes[0].reason.kind, ST_VALUE_ERASED);
    st_unsigned_set_free(&made);
    st_buffer_free(&skeleton);
    st_buffer_free(&erased);
    st_arena_reset(&arena);
}

/* The values that an erasure names: one of an operation, one reason. */
static void test_erasures(void **state)
{
    (void)state;
    st_buffer bytes;
    const st_path path = { .kind = ST_PATH_KEYED, .group = 40, .field = 3, .key = { "a3" } };
    st_erasure list[2] = {
        { .dot = { make_id(0x20, 0x21), 12 }, .first = 10, .place = 4 },
        { .dot = { make_id(0x20, 0x21), 13 }, .first = 10, .place = 7 } };
    memset(list[0].set.b, 0x33, sizeof list[0].set.b);
    memset(list[1].set.b, 0x33, sizeof list[1].set.b);
    list[0].path_len = st_path_encode(&path, list[0].path);
    st_buffer_init(&bytes, FILE_BYTES_MAX);
    assert_int_equal(st_erasures_encode(list, 2, &bytes, NULL), ST_OK);
    check("erasures", bytes.data, bytes.len);
    st_buffer_free(&bytes);
}

static void test_frames(void **state)
{
    (void)state;
    static const char *const NAMES[MAKE_FRAMES] = {
        "frame-ask-collapsed", "frame-ask", "frame-verdict-stored", "frame-verdict-held",
        "frame-verdict-later", "frame-page", "frame-enrol-ask", "frame-enrol-answer",
        "frame-scope", "frame-want", "frame-end", "frame-refusal", "frame-repair-ask",
        "frame-repair-answer", "frame-epochs", "frame-address", "frame-snapshot",
        "frame-have-ask", "frame-have-answer", "frame-ask-clock", "frame-ask-carries",
        "frame-parcel-set", "frame-parcel-piece", "frame-receipt", "frame-carry-hello",
        "frame-carry-offer", "frame-carry-end", "frame-piece-taken",
        "frame-ask-purges", "frame-end-purges",
        "frame-ask-cosigned", "frame-end-tree", "frame-have-ask-fetch", "frame-piece-bytes",
        "frame-ask-short", "frame-end-short",
        "frame-verdict-declined", "frame-end-revoked",
        "frame-enrol-answer-set",
        "frame-log-keys", "frame-ask-log-keys", "frame-enrol-answer-keys", "frame-ask-renew",
        "frame-heir-ask", "frame-heir-declined", "frame-heir-enrolled",
        "frame-have-answer-full", "frame-ask-epochs", "frame-carry-offer-sealed",
        "frame-enrol-ask-again", "frame-ask-log-key-mark", "frame-ask-held",
        "frame-have-answer-kept", "frame-page-declined", "frame-have-answer-entries",
        "frame-enrol-ask-person", "frame-ask-decided", "frame-end-decided",
        "frame-ask-decided-set", "frame-enrol-answer-epochs", "frame-ask-epochs-mark",
        "frame-ask-reach"
    };
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_arena arena;
        st_buffer bytes;
        st_frame back;
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
        st_frame frame = make_frame(i, &arena);
        assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
        check(NAMES[i], bytes.data, bytes.len);
        st_buffer_clear(&bytes);
        read_golden(NAMES[i], &bytes);
        assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
        assert_int_equal(back.kind, frame.kind);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

/* What lies in a piece of a snapshot, and what one is called. */
static void test_snapshots(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_snapshot_part back;
    char path[ST_SNAPSHOT_PATH_SIZE];
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_snapshot_part part = make_snapshot_part(&arena);
    assert_int_equal(st_snapshot_part_encode(&part, &bytes, NULL), ST_OK);
    check("snapshot-part", bytes.data, bytes.len);
    st_buffer_clear(&bytes);
    read_golden("snapshot-part", &bytes);
    assert_int_equal(st_snapshot_part_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    assert_int_equal(back.records_count, part.records_count);
    assert_int_equal(back.held_count, part.held_count);
    assert_int_equal(back.vector_len, part.vector_len);
    st_frame frame = make_snapshot(&arena);
    st_hash name = st_snapshot_name(&frame.as.snapshot);
    st_snapshot_path(&frame.as.snapshot.bucket, &name, path);
    check("snapshot-path", path, strlen(path));
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* A bundle with two parts, and what is signed about what is carried. */
static void test_carried(void **state)
{
    (void)state;
    static const uint8_t SEED[32] = { 0xb1 };
    const st_id log = make_id(0x10, 0x06);
    st_arena arena;
    st_buffer bytes;
    st_bundle_part parts[2];
    st_bundle_head head = { .log = log, .made_ms = 1773282600500, .parts = parts,
                            .parts_count = 2 }, back;
    uint8_t secret[64], text[ST_BUNDLE_SIGN_BYTES], receipt_text[ST_RECEIPT_SIGN_BYTES];
    uint8_t carry_text[ST_CARRY_SIGN_BYTES];
    char code[8];
    uint64_t at = 0;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&bytes, ST_BUNDLE_BYTES_MAX);
    st_sign_keypair(SEED, head.sign_key, secret);
    head.device = st_device_id(head.sign_key);
    parts[0] = (st_bundle_part){ st_sha256("part one", 8), 8 };
    parts[1] = (st_bundle_part){ st_sha256("part two!", 9), 9 };
    st_bundle_sign_text(&head, text);
    check("bundle-text", text, sizeof text);
    st_sign(secret, text, sizeof text, head.signature);
    assert_int_equal(st_bundle_head_put(&head, &bytes, NULL), ST_OK);
    wire_put(&bytes, "part onepart two!", 17);
    check("bundle", bytes.data, bytes.len);
    st_buffer_clear(&bytes);
    read_golden("bundle", &bytes);
    const st_bundle_source read = st_bundle_memory(bytes.data, bytes.len);
    assert_int_equal(st_bundle_open(&read, &arena, &back, &at, NULL), ST_OK);
    assert_int_equal(at, bytes.len - 17);
    st_frame receipt = make_receipt(&arena);
    st_receipt_sign_text(&log, &receipt.as.receipt, receipt_text);
    check("receipt-text", receipt_text, sizeof receipt_text);
    const st_mac_text serves = { (const uint8_t *)"serves", 6 };
    const st_mac_text fetches = { (const uint8_t *)"fetches", 7 };
    st_hash transcript = st_carry_transcript(serves, fetches);
    st_carry_sign_text(&log, true, &transcript, carry_text);
    check("carry-text", carry_text, sizeof carry_text);
    st_carry_code(&transcript, code);
    check("carry-code", code, strlen(code));
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

static void test_leaves(void **state)
{
    (void)state;
    static const st_held HELD[] = { { 12, ST_HOLD_FROZEN }, { 13, ST_HOLD_WAITS } };
    st_leaf leaf = { .kind = ST_ENTRY_CHANGE, .time_ms = 1773282601000, .first = 11, .last = 14,
                     .actor = make_id(0xaa, 0xaa), .device = make_id(0xd1, 0xd1),
                     .has_prev = true, .hlc = (st_hlc)1773282600999u << 16 | 3, .seen_size = 800,
                     .has_commit = true, .verdict = "held", .held = HELD, .held_count = 2,
                     .has_carrier = true, .carrier = make_id(0xd3, 0xd3) };
    st_buffer bytes;
    memset(leaf.prev.b, 0x5a, 32);
    memset(leaf.seen_root.b, 0x33, 32);
    memset(leaf.commit.b, 0xcc, 32);
    memset(leaf.dsig, 0x64, sizeof leaf.dsig);
    (void)st_bucket_set(&leaf.bucket, "01477/unit/01477-x01", 20);
    st_buffer_init(&bytes, ST_LEAF_BYTES_MAX);
    assert_int_equal(st_leaf_encode(&leaf, &bytes, NULL), ST_OK);
    check("leaf", bytes.data, bytes.len);
    st_hash hash = st_leaf_hash(bytes.data, bytes.len);
    check("leaf-hash", hash.b, sizeof hash.b);
    /* a decision of the office, with the commitment to its reason */
    static const uint64_t COUNTERS[] = { 12, 13 };
    const uint8_t KEY[ST_SEED_BYTES] = { 0x11, 0x22 };
    st_leaf decision = { .kind = ST_ENTRY_ACCEPT, .time_ms = 1773282601000, .first = 12,
                         .last = 13, .actor = leaf.actor, .device = leaf.device,
                         .bucket = leaf.bucket, .verdict = "accepted", .counters = COUNTERS,
                         .counters_count = 2, .via = ST_VIA_OPERATOR, .has_commit = true,
                         .commit = st_hmac(KEY, sizeof KEY, "đã hỏi an", strlen("đã hỏi an")) };
    st_buffer_clear(&bytes);
    assert_int_equal(st_leaf_encode(&decision, &bytes, NULL), ST_OK);
    check("leaf-decision", bytes.data, bytes.len);
    st_buffer_free(&bytes);
}

/* What is said of the log in public: checkpoint, cosignature, key, proof, path of a tile. */
static void test_audit(void **state)
{
    (void)state;
    static const st_tile TILE = { 1, 1234067, 12 };
    const st_id log = make_id(0x10, 0x10), phone = make_id(0xd1, 0xd1);
    st_checkpoint checkpoint = { .head.size = 70000 };
    st_note_signer signer;
    st_vkey vkey = { .type = ST_KEY_WITNESS };
    uint8_t seed[32], public_key[32], secret[64];
    char text[ST_VKEY_BYTES], path[ST_TILE_PATH_BYTES];
    st_buffer note, file;
    st_arena arena;
    st_note back;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_buffer_init(&file, ST_NOTE_BYTES_MAX);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    memset(seed, 0x52, sizeof seed);
    st_sign_keypair(seed, signer.public_key, signer.secret);
    st_origin("01477", &log, 1, checkpoint.origin);
    memset(checkpoint.head.root.b, 0x33, 32);
    assert_int_equal(st_checkpoint_sign(&checkpoint, secret, &note, NULL), ST_OK);
    assert_int_equal(st_note_decode(note.data, note.len, &arena, &back, NULL), ST_OK);
    st_witness_name("01477", &phone, signer.name);
    assert_int_equal(st_cosign(&signer, &back, 1773282601, &file, NULL), ST_OK);
    check("cosignature", file.data, file.len);
    check("checkpoint", note.data, note.len);
    memcpy(vkey.name, signer.name, sizeof vkey.name);
    memcpy(vkey.key, signer.public_key, sizeof vkey.key);
    st_vkey_format(&vkey, text);
    check("vkey", text, strlen(text));
    st_proof_file proof = { .place = 41, .checkpoint = (const char *)note.data,
                            .checkpoint_len = note.len };
    memset(proof.proof.hashes, 0x44, 2 * sizeof proof.proof.hashes[0]);
    proof.proof.count = 2;
    st_buffer_clear(&file);
    assert_int_equal(st_proof_file_encode(&proof, &file, NULL), ST_OK);
    check("proof-file", file.data, file.len);
    st_tile_path(&TILE, path);
    check("tile-path", path, strlen(path));
    st_buffer_free(&file);
    st_buffer_free(&note);
    st_arena_reset(&arena);
}

static void test_head(void **state)
{
    (void)state;
    st_head head = { .device = make_id(0xd1, 0xd1), .counter = 4097 };
    const st_hash body = st_sha256("body", 4);
    const st_id log = make_id(0x10, 0x10);
    uint8_t seed[32], public_key[32], secret[64], bytes[ST_HEAD_BYTES_MAX];
    st_buffer text;
    memset(head.install, 0x0f, sizeof head.install);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    st_buffer_init(&text, 1024);
    assert_int_equal(st_head_sign_text(&head, "POST", "/v1/sync", &body, &log, &text), ST_OK);
    check("head-text", text.data, text.len);
    st_sign(secret, text.data, text.len, head.signature);
    assert_int_equal(st_head_encode(&head, bytes), ST_HEAD_BYTES);
    check("head", bytes, ST_HEAD_BYTES);
    const st_hash hash = st_sha256("hash of the last set", 20);
    assert_int_equal(st_head_base("the last set", 12, &hash, &text, head.base), ST_OK);
    head.has_base = true;
    check("head-base", bytes, st_head_encode(&head, bytes));
    head.has_base = false;
    head.skip = 5000;
    check("head-skip", bytes, st_head_encode(&head, bytes));
    st_buffer_free(&text);
}

/* What both keys sign of a change of the log's key, and the list of two changes. */
static void check_log_key(const st_id *log)
{
    st_arena arena;
    st_buffer list;
    st_log_keys keys = { .count = 2 };
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    st_arena_init(&arena, 1u << 20);
    st_log_keys_told told = make_told_keys(&arena);
    memset(keys.first, 0x15, sizeof keys.first);
    memcpy(keys.rows, told.rows, 2 * sizeof keys.rows[0]);
    st_log_key_sign_text(log, keys.first, &keys.rows[0], text);
    check("log-key-text", text, sizeof text);
    st_buffer_init(&list, FILE_BYTES_MAX);
    assert_int_equal(st_log_keys_format(&keys, &list, NULL), ST_OK);
    check("log-keys", list.data, list.len);
    st_hash commit = st_log_key_commit(&keys.rows[0]);
    check("log-key-commit", commit.b, sizeof commit.b);
    st_buffer_free(&list);
    st_arena_reset(&arena);
}

static void test_ids_and_texts(void **state)
{
    (void)state;
    const st_dot dot = { make_id(0xd1, 0xd1), 258 };
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    st_frame frame = make_enrol_ask();
    uint8_t key[32], random[16], text[ST_ENROL_SIGN_BYTES], collapsed[8];
    char code[ST_ENROL_CODE_TEXT], print[20];
    st_bucket_sum sums[2] = { { make_bucket("01477/unit/01477-x01"), make_sum(1) },
                              { make_bucket("01477/catalogue"), make_sum(2) } };
    memset(key, 0x11, sizeof key);
    memset(random, 0x9d, sizeof random);
    st_id id = st_record_id(&dot, random);
    check("id-record", id.b, sizeof id.b);
    id = st_device_id(key);
    check("id-device", id.b, sizeof id.b);
    id = st_log_id(key);
    check("id-log", id.b, sizeof id.b);
    st_enrol_sign_text(&frame.as.enrol_ask, key, text);
    check("enrol-text", text, sizeof text);
    st_enrol_code_format(frame.as.enrol_ask.code, key, code);
    check("enrol-code", code, strlen(code));
    st_frame epochs = make_epochs(&arena), address = make_address();
    uint8_t epoch_text[ST_EPOCH_SIGN_BYTES];
    const st_id log = make_id(0x10, 0x10);
    st_frame heir = make_heir_ask();
    uint8_t heir_text[ST_HEIR_SIGN_BYTES];
    st_heir_sign_text(&heir.as.heir_ask, &log, &id, heir_text);
    check("heir-text", heir_text, sizeof heir_text);
    st_buffer address_text;
    st_epoch_sign_text(&log, &epochs.as.epochs.rows[0], epoch_text);
    check("epoch-text", epoch_text, sizeof epoch_text);
    st_buffer_init(&address_text, 1024);
    assert_int_equal(st_address_sign_text(&log, &address.as.address, &address_text), ST_OK);
    check("address-text", address_text.data, address_text.len);
    st_buffer_free(&address_text);
    check_log_key(&log);
    uint8_t purge_text[ST_PURGE_SIGN_BYTES_MAX];
    st_frame purges = make_ask_purges(&arena);
    st_id purger = st_device_id(key);
    size_t purge_len = st_purge_sign_text(&log, &purger, purges.as.ask.purges, purge_text);
    check("purge-text", purge_text, purge_len);
    st_arena_reset(&arena);
    st_fingerprint(key, print);
    check("fingerprint", print, strlen(print));
    st_sync_collapse(sums, 2, collapsed);
    check("collapse", collapsed, sizeof collapsed);
    uint8_t sip[16];
    st_siphash128("sotay", 5, sip);
    check("siphash", sip, sizeof sip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_erased_set),
        cmocka_unit_test(test_erasures),
        cmocka_unit_test(test_frames), cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_carried),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_audit),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_ids_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
