/* tests/unit/proto/test_changeset_limits.c
 * What is exactly as large as docs/protocol.md 10 allows is taken in, by every program for ever;
 * one more is refused, when it is built and when it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/changeset.h"
#include "tests/unit/proto/make_set.h"
#include "tests/unit/proto/wire_text.h"

#define ROOM (4u << 20)

static uint8_t letters[ST_VALUE_BYTES_MAX + 1];

static void put_change(st_buffer *skeleton, const st_buffer *change)
{
    wire_put_bytes(skeleton, 18, change->data, change->len);
}

static void put_record(st_buffer *change)
{
    wire_text("1:*16,42", change);
}

/* ---- what is written by hand: one of each, `count` times what is limited ---- */

static void write_changes(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change;
    (void)values;
    st_buffer_init(&change, ROOM);
    put_record(&change);
    for (uint32_t i = 0; i < count; i++)
        put_change(skeleton, &change);
    st_buffer_free(&change);
}

static void write_ops(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change, op;
    (void)values;
    st_buffer_init(&change, ROOM);
    st_buffer_init(&op, ROOM);
    put_record(&change);
    for (uint32_t i = 0; i < count; i++) {
        st_buffer_clear(&op);
        wire_put_varint(&op, 2 << 3);
        wire_put_varint(&op, i + 1);
        wire_put_bytes(&change, 3, op.data, op.len);
    }
    put_change(skeleton, &change);
    st_buffer_free(&change);
    st_buffer_free(&op);
}

static void write_replaces(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change, op, dots;
    (void)values;
    st_buffer_init(&change, ROOM);
    st_buffer_init(&op, ROOM);
    st_buffer_init(&dots, ROOM);
    put_record(&change);
    wire_text("2:v1", &op);
    for (uint32_t i = 0; i < count; i++) {
        wire_put_varint(&dots, 1);
        wire_put_varint(&dots, i + 1);
    }
    wire_put_bytes(&op, 8, dots.data, dots.len);
    wire_put_bytes(&change, 3, op.data, op.len);
    wire_text("17:*16,11", skeleton);
    put_change(skeleton, &change);
    st_buffer_free(&change);
    st_buffer_free(&op);
    st_buffer_free(&dots);
}

static void write_devices(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change, op, dots;
    (void)values;
    st_buffer_init(&change, ROOM);
    st_buffer_init(&op, ROOM);
    st_buffer_init(&dots, ROOM);
    put_record(&change);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t device[16] = { 1, (uint8_t)(i >> 8), (uint8_t)i };
        wire_put_bytes(skeleton, 17, device, sizeof device);
    }
    for (uint32_t i = 0; i < count; i += 4096) {
        st_buffer_clear(&op);
        st_buffer_clear(&dots);
        for (uint32_t k = i; k < count && k < i + 4096; k++) {
            wire_put_varint(&dots, k + 1);
            wire_put_varint(&dots, 1);
        }
        wire_text(i == 0 ? "2:v1" : "2:v2", &op);
        wire_put_bytes(&op, 8, dots.data, dots.len);
        wire_put_bytes(&change, 3, op.data, op.len);
    }
    put_change(skeleton, &change);
    st_buffer_free(&change);
    st_buffer_free(&op);
    st_buffer_free(&dots);
}

static void write_under(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change;
    (void)values;
    st_buffer_init(&change, ROOM);
    put_record(&change);
    for (uint32_t i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "5:{ 1:{ 1:v1 2:v%u } 2:v2 }", i + 1);
        wire_text(text, &change);
    }
    wire_text("17:*16,11", skeleton);
    put_change(skeleton, &change);
    st_buffer_free(&change);
}

/* Half of them singles, the rest holes. */
static void write_context(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change, dots, context, act;
    (void)values;
    st_buffer_init(&change, ROOM);
    st_buffer_init(&dots, ROOM);
    st_buffer_init(&context, ROOM);
    st_buffer_init(&act, ROOM);
    put_record(&change);
    for (uint32_t i = 0; i < count / 2; i++)
        wire_put_varint(&dots, i + 1);
    wire_put_bytes(&context, 3, dots.data, dots.len);
    st_buffer_clear(&dots);
    for (uint32_t i = 0; i < count - count / 2; i++)
        wire_put_varint(&dots, i + 1);
    wire_put_bytes(&context, 4, dots.data, dots.len);
    wire_text("1:v2", &act);
    wire_put_bytes(&act, 2, context.data, context.len);
    wire_put_bytes(&change, 4, act.data, act.len);
    put_change(skeleton, &change);
    st_buffer_free(&change);
    st_buffer_free(&dots);
    st_buffer_free(&context);
    st_buffer_free(&act);
}

static void write_value(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    wire_text("18:{ 1:*16,42 3:{ 2:v1 9:v2 } }", skeleton);
    wire_put_bytes(values, 4, letters, count);
}

static void write_reason(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    wire_text("18:{ 1:*16,42 7:v1 }", skeleton);
    wire_put_bytes(values, 4, letters, count);
}

/* A change of `count` bytes: its message has 48, the rest are five values. */
static void write_change_bytes(st_buffer *skeleton, st_buffer *values, uint32_t count)
{
    st_buffer change;
    st_buffer_init(&change, ROOM);
    wire_text("1:*16,42 3:{ 2:v1 9:v2 } 3:{ 2:v2 9:v2 } 3:{ 2:v3 9:v2 } 3:{ 2:v4 9:v2 }"
              " 3:{ 2:v5 9:v2 }", &change);
    assert_int_equal(change.len, 48);
    put_change(skeleton, &change);
    uint32_t left = count - (uint32_t)change.len;
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t len = left / (5 - i);
        wire_put_bytes(values, 4, letters, len);
        left -= len;
    }
    st_buffer_free(&change);
}

static const struct {
    const char *why;
    void (*write)(st_buffer *skeleton, st_buffer *values, uint32_t count);
    uint32_t most;
} LIMITS[] = {
    { "changes in a set", write_changes, ST_SET_CHANGES_MAX },
    { "operations of a change", write_ops, ST_OPS_MAX },
    { "replaced dots", write_replaces, ST_REPLACES_MAX },
    { "devices", write_devices, ST_DEVICES_MAX },
    { "acts in under", write_under, ST_UNDER_MAX },
    { "dots of a context", write_context, ST_CONTEXT_DOTS_MAX },
    { "bytes of a value", write_value, ST_VALUE_BYTES_MAX },
    { "characters of a reason", write_reason, ST_REASON_CHARS_MAX },
    { "bytes of a change", write_change_bytes, ST_CHANGE_BYTES_MAX },
};

static st_err decode_with(size_t limit, uint32_t count, st_error *error)
{
    st_arena arena;
    st_buffer skeleton, values, set;
    st_set back;
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    st_buffer_init(&skeleton, ROOM);
    st_buffer_init(&values, ROOM);
    st_buffer_init(&set, ROOM);
    wire_text("1:v1 2:v9000 3:*32,5a 5:\"01477/council\" 9:*8,b0 16:v1", &skeleton);
    LIMITS[limit].write(&skeleton, &values, count);
    wire_text("1:*16,d1", &set);
    wire_put_bytes(&set, 2, skeleton.data, skeleton.len);
    wire_text("3:*32,5e", &set);
    if (values.len > 0)
        wire_put(&set, values.data, values.len);
    wire_text("5:*64,00", &set);
    st_err err = st_set_decode(set.data, set.len, &arena, &back, error);
    st_buffer_free(&skeleton);
    st_buffer_free(&values);
    st_buffer_free(&set);
    st_arena_reset(&arena);
    return err;
}

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        st_error error = { 0 };
        if (decode_with(i, LIMITS[i].most, &error) != ST_OK)
            fail_msg("%s at the limit: %s", LIMITS[i].why, error.detail);
        if (decode_with(i, LIMITS[i].most + 1, &error) != ST_E_TOO_LARGE)
            fail_msg("%s over the limit: %s", LIMITS[i].why, error.detail);
    }
}

/* ---- what is built ---- */

static st_err build_change(const st_change *change, uint32_t copies)
{
    st_arena arena;
    st_buffer out;
    st_arena_init(&arena, ROOM);
    st_buffer_init(&out, ROOM);
    st_set set = make_set(1, copies, 0, &arena);
    for (uint32_t i = 0; i < copies; i++) {
        st_dot dot = set.changes[i].dot;
        uint64_t prev = set.changes[i].prev;
        set.changes[i] = *change;
        set.changes[i].dot = dot;
        set.changes[i].prev = prev;
        set.changes[i].record = make_id(1, 1);
    }
    st_err err = make_bytes(&set, &out, NULL);
    if (err == ST_OK)
        assert_true(out.len <= ST_SET_BYTES_MAX);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return err;
}

static void test_build_values(void **state)
{
    (void)state;
    st_op ops[5];
    for (uint16_t i = 0; i < 5; i++)
        ops[i] = (st_op){ .path = { .kind = ST_PATH_FIELD, .field = (uint16_t)(i + 1) },
                          .value = { ST_VALUE_TEXT, 0, letters, 60000 } };
    st_change change = { .ops = ops, .ops_count = 4 };
    assert_int_equal(build_change(&change, 1), ST_OK);
    assert_int_equal(build_change(&change, 2), ST_OK);      /* 480,000 bytes */
    assert_int_equal(build_change(&change, 3), ST_E_TOO_LARGE);
    change.ops_count = 5;                                   /* 300,000 bytes in one change */
    assert_int_equal(build_change(&change, 1), ST_E_TOO_LARGE);
    change.ops_count = 1;
    ops[0].value.len = ST_VALUE_BYTES_MAX;
    assert_int_equal(build_change(&change, 1), ST_OK);
    ops[0].value.len++;
    assert_int_equal(build_change(&change, 1), ST_E_TOO_LARGE);
    change.ops_count = 0;
    change.reason = (st_value){ ST_VALUE_TEXT, 0, letters, ST_REASON_CHARS_MAX };
    assert_int_equal(build_change(&change, 1), ST_OK);
    change.reason.len++;
    assert_int_equal(build_change(&change, 1), ST_E_TOO_LARGE);
}

static void test_build_lists(void **state)
{
    (void)state;
    st_dot *dots = calloc(ST_REPLACES_MAX + 1, sizeof *dots);
    st_under *under = calloc(ST_UNDER_MAX + 1, sizeof *under);
    uint64_t *counters = calloc(ST_CONTEXT_DOTS_MAX, sizeof *counters);
    for (uint32_t i = 0; i <= ST_REPLACES_MAX; i++)
        dots[i] = (st_dot){ make_id(0x10, 7), i + 1 };
    for (uint32_t i = 0; i <= ST_UNDER_MAX; i++)
        under[i] = (st_under){ dots[i], ST_ACT_OPEN };
    for (uint32_t i = 0; i < ST_CONTEXT_DOTS_MAX; i++)
        counters[i] = i + 1;
    st_op op = { .path = { .kind = ST_PATH_FIELD, .field = 1 }, .replaces = dots,
                 .replaces_count = ST_REPLACES_MAX };
    st_change edit = { .ops = &op, .ops_count = 1, .under = under, .under_count = ST_UNDER_MAX };
    assert_int_equal(build_change(&edit, 1), ST_OK);
    edit.under_count++;
    assert_int_equal(build_change(&edit, 1), ST_E_TOO_LARGE);
    edit.under_count = 0;
    op.replaces_count++;
    assert_int_equal(build_change(&edit, 1), ST_E_TOO_LARGE);
    st_context_device device = { .device = make_id(0x10, 7), .singles = counters,
                                 .singles_count = ST_CONTEXT_DOTS_MAX - 1, .holes = counters,
                                 .holes_count = 1 };
    st_change act = { .act = ST_ACT_FINALISE, .context = { &device, 1 } };
    assert_int_equal(build_change(&act, 1), ST_OK);
    device.holes_count = 2;
    assert_int_equal(build_change(&act, 1), ST_E_TOO_LARGE);
    free(dots);
    free(under);
    free(counters);
}

static int set_up(void **state)
{
    (void)state;
    memset(letters, 'a', sizeof letters);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_build_values),
        cmocka_unit_test(test_build_lists),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
