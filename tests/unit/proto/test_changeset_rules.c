/* tests/unit/proto/test_changeset_rules.c
 * The server takes in what keeps the rules of docs/protocol.md 4 and refuses the rest, whoever
 * wrote the bytes; what a newer program says is kept and waits; an erased value leaves a proof. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/changeset.h"
#include "tests/unit/proto/wire_text.h"

#define ARENA_MAX (64u << 20)

static const char HEADER[] = "1:v1 2:v11 3:*32,5a 4:v9 5:\"01477/unit/01477-x01\" 6:v99 7:v2"
                             " 8:v60000 9:*8,b0 14:v1 16:v1 ";

/* ---- sets written by hand ---- */

/* A whole ChangeSet: HEADER, then `skeleton`, then what `rest` says in place of seed and values. */
static void write_set(const char *skeleton, const char *rest, st_buffer *out)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "1:*16,d1 2:{ %s } 3:*32,5e 5:*64,00 %s", skeleton, rest);
    st_buffer_clear(out);
    wire_text(text, out);
}

static st_err decode_text(const char *skeleton, const char *rest, st_arena *arena, st_set *out_set,
                          st_error *error)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    write_set(skeleton, rest, &bytes);
    uint8_t *copy = st_arena_copy(arena, bytes.data, bytes.len);
    st_err err = st_set_decode(copy, bytes.len, arena, out_set, error);
    st_buffer_free(&bytes);
    return err;
}

#define REC "1:*16,42 "
#define DEVICE_A "17:*16,11 "
#define DEVICE_B "17:*16,12 "

typedef struct { const char *why, *change, *values; st_err want; } rule;

static const rule PATHS[] = {
    { "one plain edit", REC "3:{ 2:v4 9:v1 10:v6 }", "", ST_OK },
    { "nothing but a record", REC, "", ST_OK },
    { "no record and nothing before", "3:{ 2:v4 9:v1 10:v6 }", "", ST_E_CORRUPT },
    { "record of 15 bytes", "1:*15,42 3:{ 2:v4 }", "", ST_E_CORRUPT },
    { "record of zeros", "1:*16,00 3:{ 2:v4 }", "", ST_E_CORRUPT },
    { "created here", "2:{ 1:\"visit\" 2:v1 3:*16,09 }", "", ST_OK },
    { "created and named", REC "2:{ 1:\"visit\" 2:v1 3:*16,09 }", "", ST_E_CORRUPT },
    { "created without version", "2:{ 1:\"visit\" 3:*16,09 }", "", ST_E_CORRUPT },
    { "created without form", "2:{ 2:v1 3:*16,09 }", "", ST_E_CORRUPT },
    { "created with a bad form", "2:{ 1:\"vi sit\" 2:v1 3:*16,09 }", "", ST_E_CORRUPT },
    { "created with 15 random bytes", "2:{ 1:\"visit\" 2:v1 3:*15,09 }", "", ST_E_CORRUPT },
    { "field 0", REC "3:{ 9:v1 }", "", ST_E_CORRUPT },
    { "field over 65535", REC "3:{ 2:v65536 9:v1 }", "", ST_E_CORRUPT },
    { "group over 65535", REC "3:{ 1:v65536 2:v1 3:\"a\" }", "", ST_E_CORRUPT },
    { "place over 65535", REC "3:{ 1:v1 2:v1 4:{ 2:v2 } 5:v65536 }", "", ST_E_CORRUPT },
    { "key without group", REC "3:{ 2:v1 3:\"a3\" }", "", ST_E_CORRUPT },
    { "keyed", REC "3:{ 1:v3 2:v1 3:\"a3\" 9:v1 10:v2 }", "", ST_OK },
    { "key with a blank", REC "3:{ 1:v3 2:v1 3:\"a 3\" }", "", ST_E_CORRUPT },
    { "key and item", REC "3:{ 1:v3 2:v1 3:\"a3\" 4:{ 2:v2 } }", "", ST_E_CORRUPT },
    { "item of an earlier change", REC "3:{ 1:v4 2:v1 4:{ 2:v2 } }", "", ST_OK },
    { "item without counter", REC "3:{ 1:v4 2:v1 4:{ } }", "", ST_E_CORRUPT },
    { "item of a device not in the table", REC "3:{ 1:v4 2:v1 4:{ 1:v1 2:v2 } }", "",
      ST_E_CORRUPT },
    { "own item named in full", REC "3:{ 1:v4 2:v1 4:{ 2:v11 } 6:v4 }", "", ST_E_CORRUPT },
    { "own item edited, not made", REC "3:{ 1:v4 2:v1 }", "", ST_E_CORRUPT },
    { "own item", REC "3:{ 1:v4 2:v1 6:v4 9:v1 10:v2 }", "", ST_OK },
    { "two own items", REC "3:{ 1:v4 2:v1 6:v4 } 3:{ 1:v4 2:v1 5:v1 6:v4 }", "", ST_OK },
    { "own item with a set", REC "3:{ 1:v4 2:v1 6:v1 7:*8,01 }", "", ST_OK },
    { "places from 1", REC "3:{ 1:v4 2:v1 5:v1 6:v4 }", "", ST_E_CORRUPT },
    { "places with a hole", REC "3:{ 1:v4 2:v1 6:v4 } 3:{ 1:v4 2:v1 5:v2 6:v4 }", "",
      ST_E_CORRUPT },
    { "one place in two groups", REC "3:{ 1:v4 2:v1 6:v4 } 3:{ 1:v5 2:v1 6:v4 }", "",
      ST_E_CORRUPT },
    { "item verb on a field", REC "3:{ 2:v1 6:v4 }", "", ST_E_CORRUPT },
    { "item verb on another's item", REC "3:{ 1:v4 2:v1 4:{ 2:v2 } 6:v4 }", "", ST_E_CORRUPT },
};

static const rule VERBS[] = {
    { "drop", REC "3:{ 1:v4 4:{ 2:v2 } 6:v5 } 11:{ 2:v8 }", "", ST_OK },
    { "keep", REC "3:{ 1:v4 4:{ 2:v2 } 6:v6 8:x0005 } 11:{ 2:v8 }", "", ST_OK },
    { "drop with a value", REC "3:{ 1:v4 4:{ 2:v2 } 6:v5 9:v1 10:v2 }", "", ST_E_CORRUPT },
    { "drop of a field", REC "3:{ 1:v4 2:v3 4:{ 2:v2 } 6:v5 }", "", ST_E_CORRUPT },
    { "drop of an own item", REC "3:{ 1:v4 6:v5 }", "", ST_E_CORRUPT },
    { "context without a drop", REC "3:{ 2:v1 9:v1 } 11:{ 2:v8 }", "", ST_E_CORRUPT },
    { "add", REC "3:{ 2:v9 6:v1 7:*8,01 }", "", ST_OK },
    { "add without element", REC "3:{ 2:v9 6:v1 }", "", ST_E_CORRUPT },
    { "add of 33 bytes", REC "3:{ 2:v9 6:v1 7:*33,01 }", "", ST_E_CORRUPT },
    { "add with a number", REC "3:{ 2:v9 6:v1 7:*8,01 10:v2 }", "", ST_E_CORRUPT },
    { "remove with bytes", REC "3:{ 2:v9 6:v2 7:*8,01 11:x01 }", "", ST_E_CORRUPT },
    { "set of an element", REC "3:{ 2:v9 7:*8,01 9:v1 }", "", ST_E_CORRUPT },
    { "remark", REC "3:{ 2:v9 6:v3 9:v2 }", "4:\"x\"", ST_OK },
    { "empty remark", REC "3:{ 2:v9 6:v3 }", "", ST_E_CORRUPT },
    { "remark that replaces", REC "3:{ 2:v9 6:v3 8:x0005 9:v2 }", "4:\"x\"", ST_E_CORRUPT },
    { "replaces own dots", REC "3:{ 2:v1 8:x00050006 9:v1 }", "", ST_OK },
    { "replaced dots descending", REC "3:{ 2:v1 8:x00060005 9:v1 }", "", ST_E_CORRUPT },
    { "replaced dot twice", REC "3:{ 2:v1 8:x00050005 9:v1 }", "", ST_E_CORRUPT },
    { "half a replaced dot", REC "3:{ 2:v1 8:x000500 9:v1 }", "", ST_E_CORRUPT },
    { "replaces counter 0", REC "3:{ 2:v1 8:x0000 9:v1 }", "", ST_E_CORRUPT },
    { "replaces itself", REC "3:{ 2:v1 8:x000b 9:v1 }", "", ST_E_CORRUPT },
    { "replaces of an unknown device", REC "3:{ 2:v1 8:x0105 9:v1 }", "", ST_E_CORRUPT },
    { "resolution", REC "3:{ 2:v1 6:v7 8:x0005 9:v1 12:{ 2:v5 } 13:*16,77 }", "", ST_OK },
    { "resolution of nothing", REC "3:{ 2:v1 6:v7 9:v1 }", "", ST_E_CORRUPT },
    { "kept, not settled", REC "3:{ 2:v1 6:v7 8:x0005 9:v1 12:{ 2:v6 } 13:*16,77 }", "",
      ST_E_CORRUPT },
    { "kept without author", REC "3:{ 2:v1 6:v7 8:x0005 9:v1 12:{ 2:v5 } }", "",
      ST_E_CORRUPT },
    { "author without kept", REC "3:{ 2:v1 6:v7 8:x0005 9:v1 13:*16,77 }", "", ST_E_CORRUPT },
    { "kept by an edit", REC "3:{ 2:v1 8:x0005 9:v1 12:{ 2:v5 } 13:*16,77 }", "",
      ST_E_CORRUPT },
};

static const rule WHOLE[] = {
    { "a path twice", REC "3:{ 2:v4 9:v1 } 3:{ 2:v5 9:v1 } 3:{ 2:v4 9:v1 }", "",
      ST_E_CORRUPT },
    { "paths in any order", REC "3:{ 2:v4 9:v1 } 3:{ 2:v5 9:v1 } 3:{ 2:v3 9:v1 }", "", ST_OK },
    { "act", REC "4:{ 1:v2 2:{ 2:v8 } }", "", ST_OK },
    { "act without kind", REC "4:{ 2:{ 2:v8 } }", "", ST_E_CORRUPT },
    { "act with operations", REC "3:{ 2:v1 9:v1 } 4:{ 1:v2 }", "", ST_E_CORRUPT },
    { "act with a drop's context", REC "4:{ 1:v2 } 11:{ 2:v8 }", "", ST_E_CORRUPT },
    { "device of a context twice", REC "4:{ 1:v2 2:{ 2:v8 } 2:{ 2:v8 } }", "", ST_E_CORRUPT },
    { "singles descending", REC "4:{ 1:v2 2:{ 2:v1 3:x0908 } }", "", ST_E_CORRUPT },
    { "hole 0", REC "4:{ 1:v2 2:{ 2:v1 4:x00 } }", "", ST_E_CORRUPT },
    { "under", REC "5:{ 1:{ 2:v3 } 2:v2 }", "", ST_OK },
    { "under without dot", REC "5:{ 2:v2 }", "", ST_E_CORRUPT },
    { "under without kind", REC "5:{ 1:{ 2:v3 } }", "", ST_E_CORRUPT },
    { "under descending", REC "5:{ 1:{ 2:v3 } 2:v2 } 5:{ 1:{ 2:v2 } 2:v2 }", "",
      ST_E_CORRUPT },
    { "under itself", REC "5:{ 1:{ 2:v11 } 2:v2 }", "", ST_E_CORRUPT },
    { "wall clock runs over", REC "8:v18446744073709551614 3:{ 2:v1 9:v1 }", "", ST_E_CORRUPT },
    { "mono below 0", REC "9:v200001 3:{ 2:v1 9:v1 }", "", ST_E_CORRUPT },
    { "hlc below 0", REC "10:v1001 3:{ 2:v1 9:v1 }", "", ST_E_CORRUPT },
    { "hlc steps back", REC "10:v11 3:{ 2:v1 9:v1 }", "", ST_OK },
};

static void check_rules(const rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char skeleton[2048];
        st_arena arena;
        st_set set = { 0 };
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton, "%s 18:{ %s }", HEADER, rules[i].change);
        st_err err = decode_text(skeleton, rules[i].values, &arena, &set, &error);
        if (err != rules[i].want)
            fail_msg("%s: %s (%s)", rules[i].why, st_err_name(err), error.detail);
        if (err == ST_OK)
            assert_false(set.changes[0].unknown);
        st_arena_reset(&arena);
    }
}

static void test_paths(void **state)
{
    (void)state;
    check_rules(PATHS, sizeof PATHS / sizeof PATHS[0]);
}

static void test_verbs(void **state)
{
    (void)state;
    check_rules(VERBS, sizeof VERBS / sizeof VERBS[0]);
}

static void test_whole_changes(void **state)
{
    (void)state;
    check_rules(WHOLE, sizeof WHOLE / sizeof WHOLE[0]);
}

static void test_values(void **state)
{
    (void)state;
    static const struct { const char *why, *op, *rest; st_err want; } CASES[] = {
        { "text", "9:v2", "4:\"Xóm\"", ST_OK },
        { "empty text", "9:v2", "4:\"\"", ST_OK },
        { "text missing", "9:v2", "", ST_E_CORRUPT },
        { "one text too many", "9:v2", "4:\"a\" 4:\"b\"", ST_E_CORRUPT },
        { "text of bad UTF-8", "9:v2", "4:xc328", ST_E_CORRUPT },
        { "text with NUL", "9:v2", "4:x610062", ST_E_CORRUPT },
        { "text in NFD", "9:v2", "4:x6fcc81", ST_E_CORRUPT },
        { "surrogate", "9:v2", "4:xeda080", ST_E_CORRUPT },
        { "text and number", "9:v2 10:v2", "4:\"a\"", ST_E_CORRUPT },
        { "text and inline", "9:v2 11:x61", "4:\"a\"", ST_E_CORRUPT },
        { "code", "9:v3 11:x6133", "", ST_OK },
        { "code with a blank", "9:v3 11:x6120", "", ST_E_CORRUPT },
        { "code without bytes", "9:v3", "", ST_E_CORRUPT },
        { "code of 33 bytes", "9:v3 11:*33,61", "", ST_E_CORRUPT },
        { "id", "9:v4 11:*16,01", "", ST_OK },
        { "id of 15 bytes", "9:v4 11:*15,01", "", ST_E_CORRUPT },
        { "hash inline", "9:v5 11:*32,01", "", ST_OK },
        { "hash inline of 31 bytes", "9:v5 11:*31,01", "", ST_E_CORRUPT },
        { "hash detached", "9:v5", "4:*32,01", ST_OK },
        { "hash detached of 33 bytes", "9:v5", "4:*33,01", ST_E_CORRUPT },
        { "position", "9:v6", "4:*20,01", ST_OK },
        { "position of 19 bytes", "9:v6", "4:*19,01", ST_E_CORRUPT },
        { "position inline", "9:v6 11:*20,01", "4:*20,01", ST_E_CORRUPT },
        { "bytes", "9:v7", "4:x00ff", ST_OK },
        { "erased on the wire", "9:v8", "", ST_E_CORRUPT },
        { "null", "", "", ST_OK },
        { "null with a number", "10:v2", "", ST_E_CORRUPT },
        { "int", "9:v1 10:v18446744073709551615", "", ST_OK },
        { "int with bytes", "9:v1 11:x00", "", ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char skeleton[1024];
        st_arena arena;
        st_set set = { 0 };
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton, "%s 18:{ " REC "3:{ 2:v4 %s } }", HEADER,
                       CASES[i].op);
        st_err err = decode_text(skeleton, CASES[i].rest, &arena, &set, &error);
        if (err != CASES[i].want)
            fail_msg("%s: %s (%s)", CASES[i].why, st_err_name(err), error.detail);
        st_arena_reset(&arena);
    }
}

static void test_header_rules(void **state)
{
    (void)state;
    static const char CHANGE[] = " 18:{ " REC "3:{ 2:v4 9:v1 10:v6 } }";
    static const struct { const char *why, *header; st_err want; } CASES[] = {
        { "no format", "2:v11 4:v9 5:\"01477/council\" 9:*8,b0 16:v1", ST_E_CORRUPT },
        { "first set of a device", "1:v1 2:v1 5:\"01477/council\" 9:*8,b0 16:v1", ST_OK },
        { "first set with a chain", "1:v1 2:v1 3:*32,01 5:\"01477/council\" 9:*8,b0 16:v1",
          ST_E_CORRUPT },
        { "here not before first", "1:v1 2:v11 3:*32,01 4:v11 5:\"01477/council\" 9:*8,b0 16:v1",
          ST_E_CORRUPT },
        { "counter 0", "1:v1 5:\"01477/council\" 9:*8,b0 16:v1", ST_E_CORRUPT },
        { "counter too high", "1:v1 2:v9223372036854775807 5:\"01477/council\" 9:*8,b0 16:v1",
          ST_E_CORRUPT },
        { "chain of 31 bytes", "1:v1 2:v11 3:*31,01 5:\"01477/council\" 9:*8,b0 16:v1",
          ST_E_CORRUPT },
        { "no bucket", "1:v1 2:v11 9:*8,b0 16:v1", ST_E_CORRUPT },
        { "bad bucket", "1:v1 2:v11 5:\"01477/elsewhere\" 9:*8,b0 16:v1", ST_E_CORRUPT },
        { "boot of 7 bytes", "1:v1 2:v11 5:\"01477/council\" 9:*7,b0 16:v1", ST_E_CORRUPT },
        { "seen without root", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 11:v3 16:v1",
          ST_E_CORRUPT },
        { "root without seen", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 12:*32,01 16:v1",
          ST_E_CORRUPT },
        { "seen", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 11:v3 12:*32,01 16:v1", ST_OK },
        { "actor of 15 bytes", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 13:*15,01 16:v1",
          ST_E_CORRUPT },
        { "no fold version", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0", ST_E_CORRUPT },
        { "table names its own device", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 17:*16,d1",
          ST_E_CORRUPT },
        { "table names an unused device", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 17:*16,11",
          ST_E_CORRUPT },
        { "device of 15 bytes", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 17:*15,11",
          ST_E_CORRUPT },
        { "an unknown field", "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 77:\"later\"", ST_OK },
        { "format twice", "1:v1 1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1", ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char skeleton[1024];
        st_arena arena;
        st_set set = { 0 };
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton, "%s%s", CASES[i].header, CHANGE);
        st_err err = decode_text(skeleton, "", &arena, &set, &error);
        if (err != CASES[i].want)
            fail_msg("%s: %s (%s)", CASES[i].why, st_err_name(err), error.detail);
        st_arena_reset(&arena);
    }
}

static void test_device_table(void **state)
{
    (void)state;
    static const char OPS[] = " 18:{ " REC "3:{ 2:v4 8:x01050207 9:v1 } }";
    static const struct { const char *why, *table; st_err want; } CASES[] = {
        { "two devices", DEVICE_A DEVICE_B, ST_OK },
        { "not ascending", DEVICE_B DEVICE_A, ST_E_CORRUPT },
        { "doubled", DEVICE_A DEVICE_A, ST_E_CORRUPT },
        { "one too many", DEVICE_A DEVICE_B "17:*16,13", ST_E_CORRUPT },
        { "one too few", DEVICE_A, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char skeleton[1024];
        st_arena arena;
        st_set set = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton, "%s%s%s", HEADER, CASES[i].table, OPS);
        st_err err = decode_text(skeleton, "", &arena, &set, NULL);
        if (err != CASES[i].want)
            fail_msg("%s: %s", CASES[i].why, st_err_name(err));
        if (err == ST_OK) {
            assert_int_equal(set.changes[0].ops[0].replaces_count, 2);
            assert_int_equal(set.changes[0].ops[0].replaces[1].device.b[0], 0x12);
            assert_true(set.changes[0].ops[0].replaces[1].counter == 7);
        }
        st_arena_reset(&arena);
    }
}

static void test_envelope(void **state)
{
    (void)state;
    static const char SKELETON[] = " 2:{ 1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 "
                                   "18:{ " REC "3:{ 2:v4 9:v2 } } } ";
    static const struct { const char *why, *rest; st_err want; } CASES[] = {
        { "seed and value", "1:*16,d1 3:*32,5e 4:\"a\" 5:*64,00", ST_OK },
        { "no device", "3:*32,5e 4:\"a\" 5:*64,00", ST_E_CORRUPT },
        { "seed of 31 bytes", "1:*16,d1 3:*31,5e 4:\"a\" 5:*64,00", ST_E_CORRUPT },
        { "no seed", "1:*16,d1 4:\"a\" 5:*64,00", ST_E_CORRUPT },
        { "signature of 63 bytes", "1:*16,d1 3:*32,5e 4:\"a\" 5:*63,00", ST_E_CORRUPT },
        { "seed and its hash", "1:*16,d1 3:*32,5e 4:\"a\" 5:*64,00 6:*32,01", ST_E_CORRUPT },
        { "erased", "1:*16,d1 5:*64,00 6:*32,01 7:{ 3:*32,09 }", ST_OK },
        { "key and value", "1:*16,d1 5:*64,00 6:*32,01 7:{ 1:*32,09 2:\"a\" }", ST_OK },
        { "key, value and commitment", "1:*16,d1 5:*64,00 6:*32,01 7:{ 1:*32,09 2:\"a\" 3:*32,09 }",
          ST_E_CORRUPT },
        { "neither", "1:*16,d1 5:*64,00 6:*32,01 7:{ }", ST_E_CORRUPT },
        { "value without key", "1:*16,d1 5:*64,00 6:*32,01 7:{ 2:\"a\" 3:*32,09 }", ST_E_CORRUPT },
        { "plain values after an erasure", "1:*16,d1 4:\"a\" 5:*64,00 6:*32,01", ST_E_CORRUPT },
        { "an unknown field", "1:*16,d1 3:*32,5e 4:\"a\" 5:*64,00 99:v1", ST_OK },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[1024];
        st_arena arena;
        st_buffer bytes;
        st_set set = { 0 };
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        st_buffer_init(&bytes, ST_SET_BYTES_MAX);
        (void)snprintf(text, sizeof text, "%s%s", SKELETON, CASES[i].rest);
        wire_text(text, &bytes);
        st_err err = st_set_decode(bytes.data, bytes.len, &arena, &set, &error);
        if (err != CASES[i].want)
            fail_msg("%s: %s (%s)", CASES[i].why, st_err_name(err), error.detail);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

static void test_unknown_is_kept(void **state)
{
    (void)state;
    static const struct { const char *why, *changes, *values; bool first, second; } CASES[] = {
        { "verb", "18:{ " REC "3:{ 2:v4 6:v99 } } 18:{ 3:{ 2:v4 9:v1 } }", "", true, false },
        { "act", "18:{ " REC "4:{ 1:v99 } } 18:{ 3:{ 2:v4 9:v1 } }", "", true, false },
        { "act in under", "18:{ " REC "5:{ 1:{ 2:v3 } 2:v99 } } 18:{ 3:{ 2:v4 9:v1 } }", "", true,
          false },
        { "value kind without a value", "18:{ " REC "3:{ 2:v4 9:v99 } } 18:{ 3:{ 2:v4 9:v2 } }",
          "4:\"a\"", true, false },
        { "value kind with a value", "18:{ " REC "3:{ 2:v4 9:v99 } } 18:{ 3:{ 2:v4 9:v2 } }",
          "4:\"a\" 4:\"b\"", true, true },
        { "fewer values than known ones", "18:{ " REC "3:{ 2:v4 6:v99 9:v2 } } 18:{ 3:{ 2:v4 } }",
          "", true, true },
        { "role", "14:v99 18:{ " REC "3:{ 2:v4 9:v1 } } 18:{ 3:{ 2:v5 9:v1 } }", "", true, true },
        { "way", "15:v99 18:{ " REC "3:{ 2:v4 9:v1 } } 18:{ 3:{ 2:v5 9:v1 } }", "", true, true },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char skeleton[1024];
        st_arena arena;
        st_set set = { 0 };
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton,
                       "1:v1 2:v11 5:\"01477/council\" 9:*8,b0 16:v1 %s", CASES[i].changes);
        st_err err = decode_text(skeleton, CASES[i].values, &arena, &set, &error);
        if (err != ST_OK)
            fail_msg("%s: %s (%s)", CASES[i].why, st_err_name(err), error.detail);
        assert_int_equal(set.changes_count, 2);
        assert_int_equal(set.changes[0].unknown, CASES[i].first);
        assert_int_equal(set.changes[1].unknown, CASES[i].second);
        assert_int_equal(set.changes[0].ops_count, 0);
        assert_int_equal(set.changes[1].record.b[0], 0x42);
        st_arena_reset(&arena);
    }
}

static void test_newer_format(void **state)
{
    (void)state;
    st_arena arena;
    st_set set = { 0 };
    st_arena_init(&arena, ARENA_MAX);
    /* Fields 3.. have another meaning there; only format, first, hash and signature are read. */
    assert_int_equal(decode_text("1:v2 2:v11 3:v5 18:v7", "4:\"a\"", &arena, &set, NULL),
                     ST_E_VERSION);
    assert_int_equal(set.format, 2);
    assert_true(set.first == 11);
    assert_int_equal(set.changes_count, 0);
    assert_int_equal(set.device.b[3], 0xd1);
    assert_non_null(set.bytes);
    st_hash zero = { { 0 } };
    assert_memory_not_equal(set.hash.b, zero.b, 32);
    st_arena_reset(&arena);
}

/* What is signed but cannot be read is kept under its name: hash and signature are told. */
static void test_signed_but_unreadable(void **state)
{
    (void)state;
    st_arena arena;
    st_set set = { 0 };
    char text[1024];
    st_arena_init(&arena, ARENA_MAX);
    (void)snprintf(text, sizeof text, "%s 18:{ " REC "3:{ 9:v1 } }", HEADER);
    assert_int_equal(decode_text(text, "", &arena, &set, NULL), ST_E_CORRUPT);
    st_buffer skeleton;
    uint8_t seed[32];
    st_buffer_init(&skeleton, 4096);
    wire_text(text, &skeleton);
    memset(seed, 0x5e, sizeof seed);
    st_hash seed_hash = st_sha256(seed, sizeof seed);
    uint8_t number[4];
    st_sha256_state hash;
    st_sha256_init(&hash);
    st_put_u32(number, (uint32_t)skeleton.len);
    st_sha256_update(&hash, number, 4);
    st_sha256_update(&hash, skeleton.data, skeleton.len);
    st_sha256_update(&hash, seed_hash.b, 32);
    st_put_u32(number, 0);
    st_sha256_update(&hash, number, 4);
    st_hash want = st_sha256_final(&hash);
    assert_memory_equal(set.hash.b, want.b, 32);
    assert_int_equal(set.device.b[0], 0xd1);
    assert_true(set.first == 11 && set.changes_count == 0 && set.bytes != NULL);
    assert_null(set.changes);
    st_buffer_free(&skeleton);
    st_arena_reset(&arena);
}

/* Unknown fields stay in the bytes: two sets that differ in one of them have different hashes. */
static void test_unknown_fields_are_signed(void **state)
{
    (void)state;
    static const char *const EXTRA[] = { "", "9999:v1", "9999:v2" };
    st_hash hashes[3];
    for (size_t i = 0; i < 3; i++) {
        char skeleton[1024];
        st_arena arena;
        st_set set = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        (void)snprintf(skeleton, sizeof skeleton, "%s 18:{ " REC "3:{ 2:v4 9:v1 %s } }", HEADER,
                       EXTRA[i]);
        assert_int_equal(decode_text(skeleton, "", &arena, &set, NULL), ST_OK);
        assert_false(set.changes[0].unknown);
        hashes[i] = set.hash;
        st_arena_reset(&arena);
    }
    assert_memory_not_equal(hashes[0].b, hashes[1].b, 32);
    assert_memory_not_equal(hashes[1].b, hashes[2].b, 32);
}

/* The hash is the same before and after an erasure, and the other values stay readable. */
static void test_erasure_keeps_the_hash(void **state)
{
    (void)state;
    st_arena arena;
    st_set whole = { 0 }, erased = { 0 };
    st_buffer skeleton, bytes;
    char text[1024];
    uint8_t seed[32];
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&skeleton, 4096);
    st_buffer_init(&bytes, 4096);
    memset(seed, 0x5e, sizeof seed);
    (void)snprintf(text, sizeof text, "%s 18:{ " REC "3:{ 2:v4 9:v2 } 3:{ 2:v5 9:v2 } 7:v1 }",
                   HEADER);
    assert_int_equal(decode_text(text, "4:\"gone\" 4:\"stays\" 4:\"why\"", &arena, &whole, NULL),
                     ST_OK);
    wire_text(text, &skeleton);
    st_hash seed_hash = st_sha256(seed, sizeof seed);
    st_hash keys[3], mac;
    for (uint32_t i = 0; i < 3; i++)
        keys[i] = st_value_key(seed, i);
    mac = st_value_mac(&keys[0], "gone", 4);
    wire_text("1:*16,d1", &bytes);
    wire_put_bytes(&bytes, 2, skeleton.data, skeleton.len);
    wire_text("5:*64,00", &bytes);
    wire_put_bytes(&bytes, 6, seed_hash.b, 32);
    st_buffer_clear(&skeleton);
    wire_put_bytes(&skeleton, 3, mac.b, 32);
    wire_put_bytes(&bytes, 7, skeleton.data, skeleton.len);
    for (uint32_t i = 1; i < 3; i++) {
        st_buffer_clear(&skeleton);
        wire_put_bytes(&skeleton, 1, keys[i].b, 32);
        wire_put_bytes(&skeleton, 2, i == 1 ? "stays" : "why", i == 1 ? 5 : 3);
        wire_put_bytes(&bytes, 7, skeleton.data, skeleton.len);
    }
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &erased, NULL), ST_OK);
    assert_memory_equal(whole.hash.b, erased.hash.b, 32);
    assert_int_equal(erased.changes[0].ops[0].value.kind, ST_VALUE_ERASED);
    assert_int_equal(erased.changes[0].ops[0].value.len, 0);
    assert_int_equal(erased.changes[0].ops[1].value.kind, ST_VALUE_TEXT);
    assert_memory_equal(erased.changes[0].reason.data, "why", 3);
    st_buffer_free(&skeleton);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_whole_changes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_header_rules),
        cmocka_unit_test(test_device_table),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_unknown_is_kept),
        cmocka_unit_test(test_newer_format),
        cmocka_unit_test(test_signed_but_unreadable),
        cmocka_unit_test(test_unknown_fields_are_signed),
        cmocka_unit_test(test_erasure_keeps_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
