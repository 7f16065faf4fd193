/* tests/unit/proto/test_note.c
 * What the book says of itself must be believed only when its own key signed it: each flipped bit
 * of a checkpoint, a cosignature or a proof file is seen, and lines of strangers are no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/leaf.h"
#include "proto/note.h"
#include "tests/unit/proto/make_set.h"

typedef struct {
    st_arena arena;
    st_buffer text;
    st_vkey log, phone;
    uint8_t log_secret[64];
    st_note_signer signer;
    st_checkpoint checkpoint;
} notes;

static notes make_notes(void)
{
    notes n;
    uint8_t seed[32];
    const st_id log = make_id(0x10, 0x10), phone = make_id(0xd1, 0xd1);
    memset(&n, 0, sizeof n);
    st_arena_init(&n.arena, 4u << 20);
    st_buffer_init(&n.text, ST_NOTE_BYTES_MAX);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, n.log.key, n.log_secret);
    memset(seed, 0x52, sizeof seed);
    st_sign_keypair(seed, n.signer.public_key, n.signer.secret);
    n.log.type = ST_KEY_LOG;
    st_origin("01477", &log, 1, n.log.name);
    n.phone.type = ST_KEY_WITNESS;
    st_witness_name("01477", &phone, n.phone.name);
    memcpy(n.phone.key, n.signer.public_key, 32);
    memcpy(n.signer.name, n.phone.name, sizeof n.signer.name);
    memcpy(n.checkpoint.origin, n.log.name, sizeof n.log.name);
    n.checkpoint.head.size = 70000;
    memset(n.checkpoint.head.root.b, 0x33, 32);
    assert_int_equal(st_checkpoint_sign(&n.checkpoint, n.log_secret, &n.text, NULL), ST_OK);
    return n;
}

static void add_cosignature(notes *n)
{
    st_note note;
    assert_int_equal(st_note_decode(n->text.data, n->text.len, &n->arena, &note, NULL), ST_OK);
    st_buffer line;
    st_buffer_init(&line, 512);
    assert_int_equal(st_cosign(&n->signer, &note, 1773282601, &line, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&n->text, line.data, line.len, NULL), ST_OK);
    st_buffer_free(&line);
}

static void free_notes(notes *n)
{
    st_buffer_free(&n->text);
    st_arena_reset(&n->arena);
}

static void test_checkpoint(void **state)
{
    (void)state;
    notes n = make_notes();
    st_opened back;
    bool good = false;
    uint64_t time_s = 0;
    assert_true(n.text.len < ST_CHECKPOINT_BYTES);
    add_cosignature(&n);
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &n.log, &n.arena, &back, NULL),
                     ST_OK);
    assert_string_equal(back.checkpoint.origin, "sotay/01477/10101010101010101010101010101010/1");
    assert_true(back.checkpoint.head.size == 70000);
    assert_memory_equal(back.checkpoint.head.root.b, n.checkpoint.head.root.b, 32);
    assert_int_equal(back.note.lines_count, 2);
    assert_non_null(st_note_by(&back.note, &n.phone, &good, &time_s));
    assert_true(good && time_s == 1773282601);
    /* The same key as another signer, another epoch, another log. */
    st_vkey other = n.phone;
    other.name[0] = 'S';
    assert_null(st_note_by(&back.note, &other, &good, NULL));
    assert_false(good);
    other = n.log;
    st_id log = make_id(0x10, 0x10);
    st_origin("01477", &log, 12, other.name);
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &other, &n.arena, &back, NULL),
                     ST_OK);
    log = make_id(0x11, 0x11);
    st_origin("01477", &log, 1, other.name);
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &other, &n.arena, &back, NULL),
                     ST_E_SIGNATURE);
    other = n.log;
    memcpy(other.key, n.phone.key, 32);
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &other, &n.arena, &back, NULL),
                     ST_E_SIGNATURE);
    free_notes(&n);
}

static void test_each_bit(void **state)
{
    (void)state;
    notes n = make_notes();
    size_t own = n.text.len;
    add_cosignature(&n);
    for (size_t bit = 0; bit < n.text.len * 8; bit++) {
        st_opened back;
        bool good = false;
        n.text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        st_err err = st_checkpoint_open(n.text.data, n.text.len, &n.log, &n.arena, &back, NULL);
        if (err == ST_OK && bit / 8 >= own)
            (void)st_note_by(&back.note, &n.phone, &good, NULL);
        if (err == ST_OK && (bit / 8 < own || good))
            fail_msg("bit %zu of byte %zu was not seen", bit % 8, bit / 8);
        n.text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        st_arena_reset(&n.arena);
    }
    for (size_t len = 0; len < own; len++) {
        st_opened back;
        assert_int_not_equal(st_checkpoint_open(n.text.data, len, &n.log, &n.arena, &back, NULL),
                             ST_OK);
        st_arena_reset(&n.arena);
    }
    free_notes(&n);
}

/* C2SP: lines of unknown names, keys and types are ignored. */
static void test_strangers(void **state)
{
    (void)state;
    static const char LONG_LINE[] =
        "\xe2\x80\x94 ml-dsa.example "
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
        "\xe2\x80\x94 x\xc3\xa3 AAAAAAE=\n";
    static const char *const BAD[] = { "\xe2\x80\x94 a\n",
                                       "\xe2\x80\x94  AAAAAAE=\n",
                                       "\xe2\x80\x94 a+b AAAAAAE=\n",
                                       "- a AAAAAAE=\n",
                                       "\xe2\x80\x94 a AAAAAAF=\n",
                                       "\xe2\x80\x94 a AAAAAA==\n",
                                       "\n",
                                       "\xe2\x80\x94 a AAAAAAE=\r\n",
                                       "\xe2\x80\x94 \xff AAAAAAE=\n" };
    notes n = make_notes();
    st_opened back;
    size_t own = n.text.len;
    assert_int_equal(st_buffer_append(&n.text, LONG_LINE, sizeof LONG_LINE - 1, NULL), ST_OK);
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &n.log, &n.arena, &back, NULL),
                     ST_OK);
    assert_int_equal(back.note.lines_count, 3);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        n.text.len = own;
        assert_int_equal(st_buffer_append(&n.text, BAD[i], strlen(BAD[i]), NULL), ST_OK);
        assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &n.log, &n.arena, &back, NULL),
                         ST_E_CORRUPT);
    }
    free_notes(&n);
}

/* Signed by the right key, and still no checkpoint. */
static void test_other_texts(void **state)
{
    (void)state;
    static const char *const SIZES[] = { "07", "-1", "", "1x", "99999999999999999999" };
    notes n = make_notes();
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        st_note note = { .text = (const char *)n.text.data };
        st_checkpoint back;
        st_buffer_clear(&n.text);
        assert_int_equal(st_buffer_printf(&n.text, NULL, "a\n%s\n%s\n", SIZES[i],
                                          "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="),
                         ST_OK);
        note.text_len = n.text.len;
        assert_int_equal(st_checkpoint_decode(&note, &back, NULL), ST_E_CORRUPT);
    }
    free_notes(&n);
}

static void test_keys(void **state)
{
    (void)state;
    /* As Go's note package prints it. */
    static const char KNOWN[] =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    st_vkey vkey;
    char text[ST_VKEY_BYTES];
    assert_true(st_vkey_parse(KNOWN, sizeof KNOWN - 1, &vkey));
    assert_string_equal(vkey.name, "PeterNeumann");
    assert_int_equal(vkey.type, ST_KEY_LOG);
    st_vkey_format(&vkey, text);
    assert_string_equal(text, KNOWN);
    for (size_t i = 0; i < sizeof KNOWN - 1; i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(text, KNOWN, sizeof KNOWN);
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_false(st_vkey_parse(text, sizeof KNOWN - 1, &vkey));
        }
    for (size_t len = 0; len < sizeof KNOWN - 1; len++)
        assert_false(st_vkey_parse(KNOWN, len, &vkey));
    assert_int_equal(st_origin_epoch("sotay/01477/10/12"), 12);
    assert_int_equal(st_origin_epoch("sotay/01477/10/0"), 0);
    assert_int_equal(st_origin_epoch("sotay"), 0);
    assert_true(st_origin_is_same_log("sotay/1/a/1", "sotay/1/a/22"));
    assert_false(st_origin_is_same_log("sotay/1/a/1", "sotay/1/b/1"));
    assert_false(st_origin_is_same_log("sotay/1/a/1", "sotay/1/a/x"));
}

/* A checkpoint has one spelling of each of its lines; what is none is named so. */
static void test_lines_of_a_checkpoint(void **state)
{
    (void)state;
#define ROOT "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="
    static const struct {
        const char *text;
        st_err want;
    } CASES[] = {
        { "a/1\n0\n" ROOT "\n", ST_OK },
        { "a/1\n70000\n" ROOT "\n", ST_OK },
        { "a/1\n9999999999999999999\n" ROOT "\n", ST_OK },
        { "a/1\n10000000000000000000\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1\n\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1\n07\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1\n7a\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1\n7/\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1\n7\n", ST_E_CORRUPT },
        { "a/1\n7\nMzMz\n", ST_E_CORRUPT },
        { "a/1\n7\n!zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM=\n", ST_E_CORRUPT },
        { "a/1\n7\n" ROOT "\nmore\n", ST_E_CORRUPT },
        { "a 1\n7\n" ROOT "\n", ST_E_CORRUPT },
        { "a+1\n7\n" ROOT "\n", ST_E_CORRUPT },
        { "\n7\n" ROOT "\n", ST_E_CORRUPT },
        { "a/1", ST_E_CORRUPT },
        { "a/1\n7", ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const st_note note = { .text = CASES[i].text, .text_len = strlen(CASES[i].text) };
        st_checkpoint out = { .head.size = 5 };
        st_err err = st_checkpoint_decode(&note, &out, NULL);
        if (err != CASES[i].want || (err != ST_OK && out.head.size != 5))
            fail_msg("%s: %s", CASES[i].text, st_err_name(err));
    }
    char text[2 * ST_NOTE_NAME_BYTES];
    for (size_t len = ST_NOTE_NAME_BYTES - 1; len <= ST_NOTE_NAME_BYTES; len++) {
        memset(text, 'a', len);
        memcpy(text + len, "\n7\n" ROOT "\n", sizeof "\n7\n" ROOT "\n");
        const st_note note = { .text = text, .text_len = strlen(text) };
        st_checkpoint out;
        assert_int_equal(st_checkpoint_decode(&note, &out, NULL),
                         len < ST_NOTE_NAME_BYTES ? ST_OK : ST_E_CORRUPT);
    }
#undef ROOT
}

/* Names that would read as something else on a line. */
static void test_names_and_origins(void **state)
{
    (void)state;
    static const char *const BAD[] = { "", "a b", "a+b", "a\nb", "x\xc3\xa3", "\x7f" };
    char name[ST_NOTE_NAME_BYTES + 1];
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(st_note_name_is_good(BAD[i]));
    assert_true(st_note_name_is_good("sotay/01477/~!"));
    memset(name, 'a', sizeof name);
    name[ST_NOTE_NAME_BYTES] = '\0';
    assert_false(st_note_name_is_good(name));
    name[ST_NOTE_NAME_BYTES - 1] = '\0';
    assert_true(st_note_name_is_good(name));
    static const struct {
        const char *origin;
        uint64_t epoch;
    } ORIGINS[] = {
        { "", 0 },   { "7", 0 },    { "/7", 7 },   { "a7", 0 },
        { "a/", 0 }, { "a/07", 0 }, { "a/:7", 0 }, { "a/123456789012345678", 123456789012345678 },
        { "a/1234567890123456789", 0 },
    };
    for (size_t i = 0; i < sizeof ORIGINS / sizeof ORIGINS[0]; i++)
        if (st_origin_epoch(ORIGINS[i].origin) != ORIGINS[i].epoch)
            fail_msg("'%s'", ORIGINS[i].origin);
    assert_false(st_origin_is_same_log("a/", "a/1"));
    assert_false(st_origin_is_same_log("a/1", "a/"));
    assert_true(st_origin_is_same_log("a", "a"));
}

/* More signatures than anybody looks at, one without bytes, and one with a NUL. */
static void test_how_many_sign(void **state)
{
    (void)state;
    static const char LINE[] = "\xe2\x80\x94 a AAAAAAE=\n";
    notes n = make_notes();
    st_note note;
    size_t own = n.text.len;
    for (unsigned i = 1; i < ST_NOTE_LINES_MAX; i++)
        assert_int_equal(st_buffer_append(&n.text, LINE, sizeof LINE - 1, NULL), ST_OK);
    assert_int_equal(st_note_decode(n.text.data, n.text.len, &n.arena, &note, NULL), ST_OK);
    assert_int_equal(note.lines_count, ST_NOTE_LINES_MAX);
    assert_int_equal(st_buffer_append(&n.text, LINE, sizeof LINE - 1, NULL), ST_OK);
    assert_int_equal(st_note_decode(n.text.data, n.text.len, &n.arena, &note, NULL),
                     ST_E_CORRUPT);
    static const struct {
        const char *line;
        size_t len;
    } BAD[] = {
        { "\xe2\x80\x94 a \n", 7 },        { "\xe2\x80\n", 3 },
        { "\xe2\x80\x94 a AAAA\0E=\n", 15 }, { "\xe2\x80\x94 a AAAA\x7f===\n", 15 },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        n.text.len = own;
        assert_int_equal(st_buffer_append(&n.text, BAD[i].line, BAD[i].len, NULL), ST_OK);
        assert_int_equal(st_note_decode(n.text.data, n.text.len, &n.arena, &note, NULL),
                         ST_E_CORRUPT);
    }
    uint8_t *large = calloc(1, ST_NOTE_BYTES_MAX + 1u);
    assert_non_null(large);
    memset(large, '\n', ST_NOTE_BYTES_MAX + 1u);
    assert_int_equal(st_note_decode(large, ST_NOTE_BYTES_MAX + 1u, &n.arena, &note, NULL),
                     ST_E_CORRUPT);
    assert_int_equal(st_note_decode("\n\n\n\n", 4, &n.arena, &note, NULL), ST_E_CORRUPT);
    free(large);
    free_notes(&n);
}

/* A key is believed for what it signs: a phone's opens no checkpoint, a line of another length is
 * no signature, and a verdict is asked for without its time. */
static void test_what_a_key_is_for(void **state)
{
    (void)state;
    notes n = make_notes();
    st_opened back;
    st_note note;
    bool good = true;
    uint64_t time_s = 7;
    st_vkey other = n.log;
    other.type = ST_KEY_WITNESS;
    assert_int_equal(st_checkpoint_open(n.text.data, n.text.len, &other, &n.arena, &back, NULL),
                     ST_E_SIGNATURE);
    add_cosignature(&n);
    assert_int_equal(st_note_decode(n.text.data, n.text.len, &n.arena, &note, NULL), ST_OK);
    assert_non_null(st_note_by(&note, &n.log, &good, &time_s));
    assert_true(good && time_s == 0);
    assert_non_null(st_note_by(&note, &n.phone, &good, NULL));
    assert_true(good);
    st_note_line lines[2] = { note.lines[0], note.lines[1] };
    note.lines = lines;
    for (size_t i = 0; i < 2; i++) {
        const st_vkey *key = i == 0 ? &n.log : &n.phone;
        lines[i].len--;
        assert_non_null(st_note_by(&note, key, &good, &time_s));
        assert_true(!good && time_s == 0);
        lines[i].len++;
        lines[i].name_len--;
        assert_null(st_note_by(&note, key, &good, &time_s));
        lines[i].name_len++;
    }
    free_notes(&n);
}

static void test_proof_files(void **state)
{
    (void)state;
    notes n = make_notes();
    st_hash leaf = st_leaf_hash("a", 1), other = st_leaf_hash("b", 1);
    st_buffer out;
    st_buffer_init(&out, ST_NOTE_BYTES_MAX);
    st_buffer_clear(&n.text);
    n.checkpoint.head = (st_tree_head){ 2, st_tree_node(&other, &leaf) };
    assert_int_equal(st_checkpoint_sign(&n.checkpoint, n.log_secret, &n.text, NULL), ST_OK);
    st_proof_file file = { .place = 1,
                           .checkpoint = (const char *)n.text.data,
                           .checkpoint_len = n.text.len };
    file.proof.hashes[0] = other;
    file.proof.count = 1;
    assert_int_equal(st_proof_file_encode(&file, &out, NULL), ST_OK);
    for (size_t bit = 0; bit <= out.len * 8; bit++) {
        bool spoilt = bit < out.len * 8;
        st_opened back;
        if (spoilt)
            out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        st_err err = st_proof_file_decode(out.data, out.len, &file, NULL);
        if (err == ST_OK)
            err = st_checkpoint_open(file.checkpoint, file.checkpoint_len, &n.log, &n.arena, &back,
                                     NULL);
        bool holds = err == ST_OK &&
                     st_inclusion_holds(&leaf, file.place, &file.proof, &back.checkpoint.head);
        if (holds != !spoilt)
            fail_msg("bit %zu of byte %zu was not seen", bit % 8, bit / 8);
        if (spoilt)
            out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        st_arena_reset(&n.arena);
    }
    static const char EXTRA[] = "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nx";
    assert_int_equal(st_proof_file_decode(EXTRA, sizeof EXTRA - 1, &file, NULL), ST_OK);
    assert_true(file.place == 0 && file.proof.count == 0 && file.checkpoint_len == 1);
    for (size_t len = 0; len < sizeof EXTRA - 1; len++)
        assert_int_equal(st_proof_file_decode(EXTRA, len, &file, NULL), ST_E_CORRUPT);
    /* As many hashes as a proof has, and one more. */
    static const char HASH[] = "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM=\n";
    for (unsigned more = 0; more <= 1; more++) {
        st_buffer_clear(&out);
        assert_int_equal(st_buffer_append(&out, EXTRA, sizeof EXTRA - 3, NULL), ST_OK);
        for (unsigned i = 0; i < ST_PROOF_MAX + more; i++)
            assert_int_equal(st_buffer_append(&out, HASH, sizeof HASH - 1, NULL), ST_OK);
        assert_int_equal(st_buffer_append(&out, "\nx", 2, NULL), ST_OK);
        assert_int_equal(st_proof_file_decode(out.data, out.len, &file, NULL),
                         more == 0 ? ST_OK : ST_E_CORRUPT);
    }
    assert_int_equal(file.proof.count, ST_PROOF_MAX);
    st_buffer_free(&out);
    free_notes(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint), cmocka_unit_test(test_each_bit),
        cmocka_unit_test(test_strangers),  cmocka_unit_test(test_other_texts),
        cmocka_unit_test(test_keys),       cmocka_unit_test(test_lines_of_a_checkpoint),
        cmocka_unit_test(test_names_and_origins), cmocka_unit_test(test_how_many_sign),
        cmocka_unit_test(test_what_a_key_is_for), cmocka_unit_test(test_proof_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
