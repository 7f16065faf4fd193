/* tests/unit/proto/test_changeset.c
 * What an officer signed in the field is read the same years later, by every program, to the last
 * dot; a single wrong bit is seen; and bytes from nowhere never harm the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "proto/changeset.h"
#include "tests/unit/proto/make_set.h"

#define ARENA_MAX (64u << 20)

/* ---- equal sets ---- */

static void same_value(const st_value *a, const st_value *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->number == b->number);
    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->data, b->data, a->len);
}

static void same_op(const st_op *a, const st_op *b)
{
    assert_int_equal(a->path.kind, b->path.kind);
    assert_int_equal(st_path_cmp(&a->path, &b->path), 0);
    assert_int_equal(a->verb, b->verb);
    same_value(&a->value, &b->value);
    assert_int_equal(a->replaces_count, b->replaces_count);
    for (uint32_t i = 0; i < a->replaces_count; i++)
        assert_int_equal(st_dot_cmp(&a->replaces[i], &b->replaces[i]), 0);
    assert_int_equal(st_dot_cmp(&a->kept, &b->kept), 0);
    assert_int_equal(st_id_cmp(&a->kept_actor, &b->kept_actor), 0);
}

static void same_context(const st_context *a, const st_context *b)
{
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        const st_context_device *x = &a->devices[i], *y = &b->devices[i];
        assert_int_equal(st_id_cmp(&x->device, &y->device), 0);
        assert_true(x->upto == y->upto);
        assert_int_equal(x->singles_count, y->singles_count);
        assert_int_equal(x->holes_count, y->holes_count);
        for (uint32_t k = 0; k < x->singles_count; k++)
            assert_true(x->singles[k] == y->singles[k]);
        for (uint32_t k = 0; k < x->holes_count; k++)
            assert_true(x->holes[k] == y->holes[k]);
    }
}

static void same_change(const st_change *a, const st_change *b)
{
    assert_int_equal(st_dot_cmp(&a->dot, &b->dot), 0);
    assert_true(a->prev == b->prev && a->hlc == b->hlc);
    assert_true(a->wall_ms == b->wall_ms && a->mono_ms == b->mono_ms);
    assert_int_equal(st_id_cmp(&a->record, &b->record), 0);
    assert_int_equal(a->creates, b->creates);
    assert_string_equal(a->form.s, b->form.s);
    assert_int_equal(a->form_version, b->form_version);
    assert_memory_equal(a->random, b->random, 16);
    assert_int_equal(a->ops_count, b->ops_count);
    for (uint32_t i = 0; i < a->ops_count; i++)
        same_op(&a->ops[i], &b->ops[i]);
    assert_int_equal(a->act, b->act);
    same_context(&a->context, &b->context);
    assert_int_equal(a->under_count, b->under_count);
    for (uint32_t i = 0; i < a->under_count; i++) {
        assert_int_equal(st_dot_cmp(&a->under[i].dot, &b->under[i].dot), 0);
        assert_int_equal(a->under[i].kind, b->under[i].kind);
    }
    assert_int_equal(a->amend, b->amend);
    assert_int_equal(a->unknown, b->unknown);
    same_value(&a->reason, &b->reason);
}

static void same_set(const st_set *a, const st_set *b)
{
    assert_int_equal(st_id_cmp(&a->device, &b->device), 0);
    assert_int_equal(a->format, b->format);
    assert_true(a->first == b->first && a->here == b->here && a->scope_rev == b->scope_rev);
    assert_int_equal(a->has_prev, b->has_prev);
    assert_memory_equal(a->prev.b, b->prev.b, 32);
    assert_string_equal(a->bucket.s, b->bucket.s);
    assert_memory_equal(a->boot, b->boot, 8);
    assert_true(a->seen_size == b->seen_size);
    assert_memory_equal(a->seen_root.b, b->seen_root.b, 32);
    assert_int_equal(a->has_actor, b->has_actor);
    assert_int_equal(st_id_cmp(&a->actor, &b->actor), 0);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->via, b->via);
    assert_int_equal(a->fold_version, b->fold_version);
    assert_int_equal(a->changes_count, b->changes_count);
    for (uint32_t i = 0; i < a->changes_count; i++)
        same_change(&a->changes[i], &b->changes[i]);
}

static bool verifies(const st_set *set)
{
    uint8_t seed[32], public_key[32], secret[64];
    st_id log = make_id(0x10, 0x10);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    return st_set_verify(set, &log, public_key);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 400; number++) {
        st_arena arena;
        st_buffer bytes, again;
        st_error error = { 0 };
        st_set back;
        st_arena_init(&arena, ARENA_MAX);
        st_buffer_init(&bytes, ST_SET_BYTES_MAX);
        st_buffer_init(&again, ST_SET_BYTES_MAX);
        st_set set = make_set(number, 1 + (uint32_t)(number % 9), 12, &arena);
        if (make_bytes(&set, &bytes, &error) != ST_OK)
            fail_msg("set %u: %s", (unsigned)number, error.detail);
        assert_int_equal(make_bytes(&set, &again, &error), ST_OK);
        assert_int_equal(bytes.len, again.len);
        assert_memory_equal(bytes.data, again.data, bytes.len);
        if (st_set_decode(bytes.data, bytes.len, &arena, &back, &error) != ST_OK)
            fail_msg("set %u: %s", (unsigned)number, error.detail);
        same_set(&set, &back);
        assert_true(verifies(&back));
        assert_ptr_equal(back.bytes, bytes.data);
        size_t room = 400;
        for (uint32_t i = 0; i < set.changes_count; i++)
            room += st_change_encoded_size(&set.changes[i]);
        assert_true(room + 18u * 9u >= bytes.len);
        st_buffer_free(&bytes);
        st_buffer_free(&again);
        st_arena_reset(&arena);
    }
}

/* The size told at save is never smaller than what is sent, set by set of one change. */
static void test_size_is_an_upper_bound(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 200; number++) {
        st_arena arena;
        st_buffer with, without;
        st_arena_init(&arena, ARENA_MAX);
        st_buffer_init(&with, ST_SET_BYTES_MAX);
        st_buffer_init(&without, ST_SET_BYTES_MAX);
        st_set set = make_set(number, 2, 20, &arena);
        assert_int_equal(make_bytes(&set, &with, NULL), ST_OK);
        size_t size = st_change_encoded_size(&set.changes[1]);
        set.changes_count = 1;
        assert_int_equal(make_bytes(&set, &without, NULL), ST_OK);
        assert_true(with.len - without.len <= size + 9u * 18u);
        st_buffer_free(&with);
        st_buffer_free(&without);
        st_arena_reset(&arena);
    }
}

static void test_truncated_at_every_byte(void **state)
{
    (void)state;
    st_arena arena, scratch;
    st_buffer bytes;
    st_arena_init(&arena, ARENA_MAX);
    st_arena_init(&scratch, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_set set = make_set(7, 4, 8, &arena);
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *exact = malloc(len + 1);       /* so that a sanitizer sees every read beyond */
        st_set back = { .scope_rev = 123 };
        memcpy(exact, bytes.data, len);
        st_err err = st_set_decode(exact, len, &scratch, &back, NULL);
        assert_int_equal(err, ST_E_CORRUPT);
        assert_true(back.scope_rev == 0 && back.changes_count == 0 && back.bytes == NULL);
        free(exact);
        st_arena_reset(&scratch);
    }
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

static void test_every_flipped_bit_is_seen(void **state)
{
    (void)state;
    st_arena arena, scratch;
    st_buffer bytes;
    size_t read = 0;
    st_arena_init(&arena, ARENA_MAX);
    st_arena_init(&scratch, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_set set = make_set(12, 3, 5, &arena);
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        st_set back;
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        st_err err = st_set_decode(bytes.data, bytes.len, &scratch, &back, NULL);
        if (err == ST_OK || err == ST_E_VERSION) {
            read++;
            if (verifies(&back))
                fail_msg("bit %u is not covered by the signature", (unsigned)bit);
        } else {
            assert_true(err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
        }
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        st_arena_reset(&scratch);
    }
    assert_true(read > 100);                    /* else nothing was tried */
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

static void test_bad_wire(void **state)
{
    (void)state;
    static const struct { const char *why, *hex; } CASES[] = {
        { "nothing", "" },
        { "over-long varint", "0a9080808080808080808000" },
        { "not minimal length", "0a9000d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1" },
        { "group", "0b0c" },
        { "length beyond the end", "12ff01" },
        { "field 0", "0200" },
        { "device as a number", "0801" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t bytes[64];
        size_t len = strlen(CASES[i].hex) / 2;
        st_arena arena;
        st_set set;
        st_arena_init(&arena, ARENA_MAX);
        assert_true(st_unhex(CASES[i].hex, 2 * len, bytes, len));
        st_err err = st_set_decode(bytes, len, &arena, &set, NULL);
        if (err != ST_E_CORRUPT)
            fail_msg("%s: %s", CASES[i].why, st_err_name(err));
        st_arena_reset(&arena);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t large[ST_SET_BYTES_MAX + 1];
    st_arena arena;
    st_buffer bytes;
    st_set back;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, 2 * ST_SET_BYTES_MAX);
    assert_int_equal(st_set_decode(large, sizeof large, &arena, &back, NULL), ST_E_TOO_LARGE);

    memset(large, 'a', sizeof large);
    st_set set = make_set(3, 1, 0, &arena);
    st_op op = { .path = { .kind = ST_PATH_FIELD, .field = 1 },
                 .value = { ST_VALUE_TEXT, 0, large, ST_VALUE_BYTES_MAX } };
    set.changes[0] = (st_change){ .dot = set.changes[0].dot, .prev = set.here, .ops = &op,
                                  .ops_count = 1, .record = make_id(1, 1) };
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    st_buffer_clear(&bytes);
    op.value.len = ST_VALUE_BYTES_MAX + 1;
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_E_TOO_LARGE);
    assert_int_equal(bytes.len, 0);

    st_set many = make_set(4, 1, 0, &arena);
    st_change *changes = st_arena_array(&arena, ST_SET_CHANGES_MAX + 1, sizeof *changes);
    for (uint32_t i = 0; i <= ST_SET_CHANGES_MAX; i++)
        changes[i] = (st_change){ .dot = { many.device, many.first + i }, .record = make_id(1, 1),
                                  .prev = i == 0 ? many.here : many.first + i - 1 };
    many.changes = changes;
    many.changes_count = ST_SET_CHANGES_MAX;
    assert_int_equal(make_bytes(&many, &bytes, NULL), ST_OK);
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    many.changes_count++;
    assert_int_equal(make_bytes(&many, &bytes, NULL), ST_E_TOO_LARGE);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* Our own mistakes are refused before anybody signs them. */
static void test_build_refuses(void **state)
{
    (void)state;
    for (int what = 0; what < 9; what++) {
        st_arena arena;
        st_buffer bytes;
        st_error error = { 0 };
        st_arena_init(&arena, ARENA_MAX);
        st_buffer_init(&bytes, ST_SET_BYTES_MAX);
        st_set set = make_set(5, 3, 4, &arena);
        st_op op = { .path = { .kind = ST_PATH_FIELD, .field = 1 } };
        switch (what) {
        case 0: set.changes[1].dot.counter++; break;
        case 1: set.changes[2].prev--; break;
        case 2: set.changes[0].dot.device.b[5] ^= 1; break;
        case 3: set.changes_count = 0; break;
        case 4: set.bucket.s[0] = '\0'; break;
        case 5: set.changes[1].unknown = true; break;
        case 6: set.changes[1].reason.kind = ST_VALUE_ERASED; break;
        case 7:
            set.changes[1].act = ST_ACT_FINALISE;
            set.changes[1].ops = &op;
            set.changes[1].ops_count = 1;
            break;
        default: set.changes[1].wall_ms = INT64_MIN; break;
        }
        assert_int_equal(make_bytes(&set, &bytes, &error), ST_E_USAGE);
        assert_int_equal(error.code, ST_E_USAGE);
        assert_int_equal(bytes.len, 0);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    st_arena arena, small;
    st_buffer bytes;
    st_set back;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_set set = make_set(21, 20, 20, &arena);
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    size_t refused = 0;
    for (size_t most = 0; most < 400000; most += 1500) {
        st_arena_init(&small, most);
        st_err err = st_set_decode(bytes.data, bytes.len, &small, &back, NULL);
        assert_true(err == ST_OK || err == ST_E_MEMORY || err == ST_E_TOO_LARGE);
        refused += err != ST_OK ? 1 : 0;
        st_arena_reset(&small);
    }
    assert_true(refused > 3);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* 100 changes of 60 operations are read in a few milliseconds; the bound is generous for a busy
 * machine and for sanitizers. */
static void test_large_set_is_fast(void **state)
{
    (void)state;
    st_arena arena, scratch;
    st_buffer bytes;
    st_set set;
    st_arena_init(&arena, ARENA_MAX);
    st_arena_init(&scratch, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    set = make_set(1, 100, 0, &arena);
    for (uint32_t i = 0; i < 100; i++) {
        st_op *ops = st_arena_array(&arena, 60, sizeof *ops);
        for (uint16_t k = 0; k < 60; k++)
            ops[k] = (st_op){ .path = { .kind = ST_PATH_FIELD, .field = (uint16_t)(60 - k) },
                              .value = { .kind = ST_VALUE_INT, .number = k } };
        set.changes[i] = (st_change){ .dot = { set.device, set.first + i }, .ops = ops,
                                      .record = make_id(1, 1), .ops_count = 60,
                                      .prev = i == 0 ? set.here : set.first + i - 1 };
    }
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    clock_t start = clock();
    for (int i = 0; i < 5; i++) {
        st_set back;
        assert_int_equal(st_set_decode(bytes.data, bytes.len, &scratch, &back, NULL), ST_OK);
        assert_int_equal(back.changes_count, 100);
        st_arena_reset(&scratch);
    }
    double each_ms = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC / 5;
    print_message("  %u bytes, %.2f ms\n", (unsigned)bytes.len, each_ms);
    assert_true(each_ms < 100);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_size_is_an_upper_bound),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_every_flipped_bit_is_seen),
        cmocka_unit_test(test_bad_wire),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_build_refuses),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_large_set_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
