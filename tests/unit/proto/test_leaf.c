/* tests/unit/proto/test_leaf.c
 * An auditor reads each entry of the book as plain lines, and there is exactly one way to write it:
 * nobody can slip in a second spelling with another hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/leaf.h"
#include "tests/unit/proto/make_set.h"

static const st_held HELD[] = { { 12, ST_HOLD_FROZEN }, { 13, ST_HOLD_WAITS } };
static const uint64_t COUNTERS[] = { 12, 13, 900 };

static st_leaf make_leaf(int which)
{
    st_leaf leaf = { .kind = ST_ENTRY_CHANGE, .time_ms = 1773282601000, .first = 11, .last = 14,
                     .actor = make_id(0xaa, 0xaa), .device = make_id(0xd1, 0xd1),
                     .has_prev = true, .hlc = (st_hlc)1773282600999u << 16 | 3, .seen_size = 800,
                     .has_commit = true, .verdict = "stored" };
    memset(leaf.prev.b, 0x5a, 32);
    memset(leaf.seen_root.b, 0x33, 32);
    memset(leaf.commit.b, 0xcc, 32);
    memset(leaf.dsig, 0x64, sizeof leaf.dsig);
    (void)st_bucket_set(&leaf.bucket, "01477/unit/01477-x01", 20);
    if (which == 1) {
        leaf.verdict = "held";
        leaf.held = HELD;
        leaf.held_count = 2;
        leaf.has_carrier = true;
        leaf.carrier = make_id(0xd3, 0xd3);
        leaf.has_prev = false;
        leaf.seen_size = 0;
        leaf.via = ST_VIA_OPERATOR;
    } else if (which == 2) {
        leaf = (st_leaf){ .kind = ST_ENTRY_DECLINE, .time_ms = 5, .verdict = "declined",
                          .device = make_id(0xd1, 0xd1), .counters = COUNTERS,
                          .counters_count = 3 };
    } else if (which == 3) {
        leaf = (st_leaf){ .kind = ST_ENTRY_INIT, .time_ms = -1, .verdict = "-" };
    }
    return leaf;
}

static void test_lines(void **state)
{
    (void)state;
    static const char WANT[] =
        "sotay-audit/v1\nkind change\ntime 1773282601000\n"
        "actor aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ndev d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1\n"
        "first 11\nlast 14\nprev -\nhlc 1773282600999.3\nseen 0 -\n"
        "bucket 01477/unit/01477-x01\ncarrier d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3\n"
        "verdict held 12:frozen,13:waits\nvia operator\n"
        "commit zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMw=\n"
        "dsig ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRk"
        "ZA==\n";
    st_buffer out;
    st_buffer_init(&out, ST_LEAF_BYTES_MAX);
    st_leaf leaf = make_leaf(1);
    assert_int_equal(st_leaf_encode(&leaf, &out, NULL), ST_OK);
    assert_int_equal(out.len, sizeof WANT - 1);
    assert_memory_equal(out.data, WANT, sizeof WANT - 1);
    st_buffer_clear(&out);
    leaf = make_leaf(2);
    assert_int_equal(st_leaf_encode(&leaf, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    assert_non_null(strstr((char *)out.data, "\nverdict declined 12,13,900\n"));
    assert_non_null(strstr((char *)out.data, "\nbucket -\ncarrier -\n"));
    assert_non_null(strstr((char *)out.data, "\ncommit -\ndsig -\n"));
    st_buffer_free(&out);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        st_arena arena;
        st_buffer out, again;
        st_leaf back;
        st_error error = { 0 };
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&out, ST_LEAF_BYTES_MAX);
        st_buffer_init(&again, ST_LEAF_BYTES_MAX);
        st_leaf leaf = make_leaf(which);
        assert_int_equal(st_leaf_encode(&leaf, &out, NULL), ST_OK);
        if (st_leaf_decode(out.data, out.len, &arena, &back, &error) != ST_OK)
            fail_msg("leaf %d: %s", which, error.detail);
        assert_int_equal(back.kind, leaf.kind);
        assert_true(back.time_ms == leaf.time_ms && back.hlc == leaf.hlc);
        assert_int_equal(st_id_cmp(&back.actor, &leaf.actor), 0);
        assert_int_equal(st_id_cmp(&back.device, &leaf.device), 0);
        assert_int_equal(back.has_carrier, leaf.has_carrier);
        assert_int_equal(back.held_count, leaf.held_count);
        assert_int_equal(back.counters_count, leaf.counters_count);
        assert_string_equal(back.verdict, leaf.verdict);
        assert_memory_equal(back.dsig, leaf.dsig, sizeof leaf.dsig);
        assert_int_equal(st_leaf_encode(&back, &again, NULL), ST_OK);
        assert_memory_equal(out.data, again.data, out.len);
        st_buffer_free(&out);
        st_buffer_free(&again);
        st_arena_reset(&arena);
    }
}

/* Whatever decodes after a flip is another entry with bytes of its own: never the same entry. */
static void test_cut_and_flipped(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        st_arena arena;
        st_buffer out, again;
        st_leaf back;
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&out, ST_LEAF_BYTES_MAX);
        st_buffer_init(&again, ST_LEAF_BYTES_MAX);
        st_leaf leaf = make_leaf(which);
        assert_int_equal(st_leaf_encode(&leaf, &out, NULL), ST_OK);
        for (size_t len = 0; len < out.len; len++) {
            uint8_t *exact = malloc(len + 1);
            memcpy(exact, out.data, len);
            assert_int_equal(st_leaf_decode(exact, len, &arena, &back, NULL), ST_E_CORRUPT);
            free(exact);
            st_arena_reset(&arena);
        }
        for (size_t bit = 0; bit < out.len * 8; bit++) {
            out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (st_leaf_decode(out.data, out.len, &arena, &back, NULL) == ST_OK) {
                st_buffer_clear(&again);
                assert_int_equal(st_leaf_encode(&back, &again, NULL), ST_OK);
                assert_int_equal(again.len, out.len);
                assert_memory_equal(again.data, out.data, out.len);
            }
            out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            st_arena_reset(&arena);
        }
        st_buffer_free(&out);
        st_buffer_free(&again);
    }
}

static void test_other_spellings(void **state)
{
    (void)state;
    static const struct { const char *why, *from, *to; } CASES[] = {
        { "leading zero", "first 11\n", "first 011\n" },
        { "plus sign", "first 11\n", "first +11\n" },
        { "minus zero", "time 1773282601000\n", "time -0\n" },
        { "number too large", "last 14\n", "last 18446744073709551616\n" },
        { "upper-case hex", "dev d1d1", "dev D1d1" },
        { "two blanks", "kind change\n", "kind  change\n" },
        { "blank at the end", "kind change\n", "kind change \n" },
        { "carriage return", "kind change\n", "kind change\r\n" },
        { "unknown kind", "kind change\n", "kind chance\n" },
        { "unknown version", "sotay-audit/v1\n", "sotay-audit/v2\n" },
        { "line missing", "via device\n", "" },
        { "line twice", "via device\n", "via device\nvia device\n" },
        { "lines swapped", "first 11\nlast 14\n", "last 14\nfirst 11\n" },
        { "unknown via", "via device\n", "via mail\n" },
        { "unknown verdict", "verdict stored\n", "verdict lost\n" },
        { "stored with a list", "verdict stored\n", "verdict stored 5\n" },
        { "held without a list", "verdict stored\n", "verdict held\n" },
        { "held for an unknown reason", "verdict stored\n", "verdict held 5:mood\n" },
        { "held in the wrong order", "verdict stored\n", "verdict held 6:role,5:role\n" },
        { "comma at the end", "verdict stored\n", "verdict held 5:role,\n" },
        { "prev not canonical", "WlpaWlo=\n", "WlpaWlp=\n" },
        { "bad bucket", "bucket 01477/unit/01477-x01\n", "bucket somewhere\n" },
        { "seen without root", "seen 800 ", "seen 0 " },
        { "hlc of 17 bits", "hlc 1773282600999.3\n", "hlc 1773282600999.65536\n" },
        { "text behind the end", "\ndsig ", "\nmore x\ndsig " },
    };
    st_buffer out;
    st_leaf leaf = make_leaf(0);
    st_buffer_init(&out, ST_LEAF_BYTES_MAX);
    assert_int_equal(st_leaf_encode(&leaf, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    const char *good = (const char *)out.data;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[2048];
        st_arena arena;
        st_leaf back;
        const char *at = strstr(good, CASES[i].from);
        if (at == NULL)
            fail_msg("%s: no such text", CASES[i].why);
        size_t before = (size_t)(at - good);
        memcpy(text, good, before);
        strcpy(text + before, CASES[i].to);
        strcat(text, at + strlen(CASES[i].from));
        st_arena_init(&arena, 1u << 20);
        if (st_leaf_decode((const uint8_t *)text, strlen(text), &arena, &back, NULL)
            != ST_E_CORRUPT)
            fail_msg("%s: taken", CASES[i].why);
        st_arena_reset(&arena);
    }
    st_buffer_free(&out);
}

static void test_refused(void **state)
{
    (void)state;
    static const st_held BAD[] = { { 5, ST_HOLD_NONE } };
    static const st_held ODD[] = { { 5, (st_hold)99 } };
    static const uint64_t DOWN[] = { 5, 5 };
    st_leaf leaves[8];
    for (size_t i = 0; i < 8; i++)
        leaves[i] = make_leaf(0);
    leaves[0].kind = ST_ENTRY_NONE;
    leaves[1].kind = (st_entry_kind)99;
    leaves[2].verdict = "perhaps";
    leaves[3].verdict = "held";
    leaves[4] = make_leaf(1);
    leaves[4].held = BAD;
    leaves[4].held_count = 1;
    leaves[5] = make_leaf(1);
    leaves[5].held = ODD;
    leaves[5].held_count = 1;
    leaves[6] = make_leaf(2);
    leaves[6].counters = DOWN;
    leaves[6].counters_count = 2;
    leaves[7].via = (st_via)7;
    for (size_t i = 0; i < 8; i++) {
        st_buffer out;
        st_buffer_init(&out, ST_LEAF_BYTES_MAX);
        assert_int_equal(st_leaf_encode(&leaves[i], &out, NULL), ST_E_USAGE);
        assert_int_equal(out.len, 0);
        st_buffer_free(&out);
    }
}

static void test_hash(void **state)
{
    (void)state;
    /* RFC 6962 2.1: SHA-256 of one zero byte is the hash of the empty leaf. */
    st_hash hash = st_leaf_hash("", 0);
    char text[65];
    st_hex(hash.b, 32, text);
    assert_string_equal(text, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

/* What a set says of itself, a leaf may not say otherwise, in whichever line. */
static void test_of_which_set(void **state)
{
    (void)state;
    const st_leaf leaf = make_leaf(0);
    st_change changes[4];
    memset(changes, 0, sizeof changes);
    changes[3].hlc = leaf.hlc;
    st_set set = { .device = leaf.device, .first = leaf.first, .has_prev = true,
                   .prev = leaf.prev, .seen_size = leaf.seen_size, .seen_root = leaf.seen_root,
                   .bucket = leaf.bucket, .hash = leaf.commit, .via = leaf.via,
                   .changes = changes, .changes_count = 4 };
    memcpy(set.signature, leaf.dsig, sizeof set.signature);
    for (uint32_t i = 0; i < 4; i++)
        changes[i].dot = (st_dot){ leaf.device, leaf.first + i };
    assert_true(st_leaf_is_of(&leaf, &set, &leaf.actor));
    st_leaf others[13];
    for (size_t i = 0; i < 13; i++)
        others[i] = leaf;
    others[0].device.b[0] ^= 1;
    others[1].first++;
    others[2].last++;
    others[3].has_prev = false;
    others[4].prev.b[31] ^= 1;
    others[5].hlc++;
    others[6].seen_size = 0;
    others[7].seen_root.b[31] ^= 1;
    others[8].bucket.s[0] ^= 1;
    others[9].via = ST_VIA_OPERATOR;
    others[10].commit.b[0] ^= 1;
    others[11].dsig[63] ^= 1;
    others[12].actor.b[15] ^= 1;
    for (size_t i = 0; i < 13; i++)
        if (st_leaf_is_of(&others[i], &set, &leaf.actor))
            fail_msg("line %d", (int)i);
}

/* The author: whom the set names, else the person of its device, as far as he is known; what the
 * office's own device signed for nobody is nobody's. */
static void test_by_whom(void **state)
{
    (void)state;
    const st_id nobody = { { 0 } }, other = { { 7 } };
    st_leaf leaf = make_leaf(0);
    const st_id author = leaf.actor;
    st_set set = { .device = leaf.device, .first = 1, .hash = leaf.commit };
    leaf.first = leaf.last = 1;
    st_change change = { .dot = { leaf.device, 1 }, .hlc = leaf.hlc };
    leaf.has_prev = false;
    leaf.seen_size = 0;
    set.via = leaf.via = ST_VIA_DEVICE;
    set.bucket = leaf.bucket;
    set.changes = &change;
    set.changes_count = 1;
    memcpy(set.signature, leaf.dsig, sizeof set.signature);
    assert_true(st_leaf_is_of(&leaf, &set, &author));
    assert_true(st_leaf_is_of(&leaf, &set, &nobody));
    assert_false(st_leaf_is_of(&leaf, &set, &other));
    set.has_actor = true;
    set.actor = author;
    assert_true(st_leaf_is_of(&leaf, &set, &other));
    set.actor = other;
    assert_false(st_leaf_is_of(&leaf, &set, &author));
    set.has_actor = false;
    set.via = leaf.via = ST_VIA_OPERATOR;
    assert_false(st_leaf_is_of(&leaf, &set, &nobody));
    leaf.actor = nobody;
    assert_true(st_leaf_is_of(&leaf, &set, &nobody));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_other_spellings),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_of_which_set),
        cmocka_unit_test(test_by_whom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
