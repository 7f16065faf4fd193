/* tools/fuzz/fuzz_leaf.c - leaves of the audit tree, and the texts that stand for it outside:
 * signed notes, checkpoints, keys, proofs in files. What decodes is what would be written, letter
 * for letter, so nothing has two spellings and two hashes. */
#include <string.h>

#include "proto/leaf.h"
#include "proto/log_key.h"
#include "proto/note.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

static void check_leaf(const st_buffer *given, st_arena *arena)
{
    static st_buffer again;
    st_leaf leaf;
    again.max = ST_LEAF_BYTES_MAX;
    st_buffer_clear(&again);
    st_err err = st_leaf_decode(given->data, given->len, arena, &leaf, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err == ST_OK) {
        FUZZ_MUST(st_leaf_encode(&leaf, &again, NULL) == ST_OK);
        fuzz_must_be_same(given, &again);
    }
}

static void check_vkey(const st_buffer *given)
{
    char text[ST_VKEY_BYTES];
    st_vkey vkey;
    if (!st_vkey_parse((const char *)given->data, given->len, &vkey))
        return;
    FUZZ_MUST(st_note_name_is_good(vkey.name));
    st_vkey_format(&vkey, text);
    FUZZ_MUST(strlen(text) == given->len && memcmp(text, given->data, given->len) == 0);
}

/* Signed by somebody, it opens for him and says the same. */
static void check_signed(const st_checkpoint *checkpoint, st_arena *arena)
{
    static st_buffer note;
    const uint8_t seed[32] = { 0x77 };
    uint8_t secret[64];
    st_vkey vkey = { .type = ST_KEY_LOG };
    st_opened opened;
    note.max = ST_NOTE_BYTES_MAX;
    st_buffer_clear(&note);
    st_sign_keypair(seed, vkey.key, secret);
    memcpy(vkey.name, checkpoint->origin, sizeof vkey.name);
    FUZZ_MUST(st_checkpoint_sign(checkpoint, secret, &note, NULL) == ST_OK);
    FUZZ_MUST(st_checkpoint_open(note.data, note.len, &vkey, arena, &opened, NULL) == ST_OK);
    FUZZ_MUST(strcmp(opened.checkpoint.origin, checkpoint->origin) == 0);
    FUZZ_MUST(opened.checkpoint.head.size == checkpoint->head.size);
    vkey.key[0] ^= 1;
    FUZZ_MUST(st_checkpoint_open(note.data, note.len, &vkey, arena, &opened, NULL) != ST_OK);
}

static void check_note(const st_buffer *given, st_arena *arena)
{
    static st_buffer again;
    st_checkpoint checkpoint;
    st_note note;
    st_err err = st_note_decode(given->data, given->len, arena, &note, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err != ST_OK)
        return;
    FUZZ_MUST(note.text == (const char *)given->data && note.text_len < given->len);
    FUZZ_MUST(note.lines_count >= 1 && note.lines_count <= ST_NOTE_LINES_MAX);
    FUZZ_MUST(note.text[note.text_len - 1] == '\n');
    if (st_checkpoint_decode(&note, &checkpoint, NULL) != ST_OK)
        return;
    again.max = ST_NOTE_BYTES_MAX;
    st_buffer_clear(&again);
    FUZZ_MUST(st_checkpoint_text(&checkpoint, &again, NULL) == ST_OK);
    FUZZ_MUST(again.len == note.text_len && memcmp(again.data, note.text, again.len) == 0);
    check_signed(&checkpoint, arena);
}

static void check_proof(const st_buffer *given)
{
    static st_buffer first, second;
    st_proof_file file, again;
    st_err err = st_proof_file_decode(given->data, given->len, &file, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err != ST_OK)
        return;
    first.max = second.max = ST_NOTE_BYTES_MAX * 2;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    FUZZ_MUST(st_proof_file_encode(&file, &first, NULL) == ST_OK);
    FUZZ_MUST(st_proof_file_decode(first.data, first.len, &again, NULL) == ST_OK);
    FUZZ_MUST(again.place == file.place && again.proof.count == file.proof.count);
    FUZZ_MUST(st_proof_file_encode(&again, &second, NULL) == ST_OK);
    fuzz_must_be_same(&first, &second);
}

/* What is taken is written as it was; a chain that holds has the name of its first key. */
static void check_keys(const st_buffer *given)
{
    static st_buffer text;
    static st_log_keys keys;
    st_err err = st_log_keys_parse(given->data, given->len, &keys, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err != ST_OK)
        return;
    text.max = ST_LOG_KEYS_TEXT_MAX;
    st_buffer_clear(&text);
    FUZZ_MUST(st_log_keys_format(&keys, &text, NULL) == ST_OK);
    fuzz_must_be_same(&text, given);
    st_id log = st_log_id(keys.first), other = log;
    other.b[0] ^= 1;
    FUZZ_MUST(st_log_keys_fault(&keys, &other) == 1);
    FUZZ_MUST(st_log_keys_fault(&keys, &log) != 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const st_buffer given = { (uint8_t *)(uintptr_t)data, size, size, size };
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES);
    check_leaf(&given, &arena);
    check_vkey(&given);
    check_note(&given, &arena);
    check_proof(&given);
    check_keys(&given);
    st_arena_reset(&arena);
    return 0;
}
