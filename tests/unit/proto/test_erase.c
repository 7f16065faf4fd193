/* tests/unit/proto/test_erase.c
 * A value that was destroyed is nowhere in what is left; everything else is, and is proved by the
 * same signature, in whichever order and in however many steps values went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/erase.h"
#include "proto/merge.h"
#include "tests/unit/proto/make_set.h"

#define ARENA_MAX (64u << 20)
#define VALUES_MAX 4096u

/* Each detached value of a set: where it stands, and what it is. */
typedef struct {
    st_set_value at;
    const st_value *value;
    uint32_t place;
} found;

static size_t find_all(const st_set *set, const st_buffer *bytes, found *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        for (uint32_t k = 0; k <= change->ops_count; k++) {
            bool is_reason = k == change->ops_count;
            found one = { { i, is_reason ? ST_PLACE_NONE : k },
                          is_reason ? &change->reason : &change->ops[k].value, 0 };
            assert_int_equal(st_set_place(bytes->data, bytes->len, one.at, &one.place, NULL),
                             ST_OK);
            bool is_one = st_value_is_detached(one.value->kind);
            assert_true(is_one == (one.place != ST_PLACE_NONE));
            if (is_one)
                out[count++] = one;
        }
    }
    return count;
}

static const st_value *value_at(const st_set *set, st_set_value at)
{
    const st_change *change = &set->changes[at.change];
    return at.op == ST_PLACE_NONE ? &change->reason : &change->ops[at.op].value;
}

static bool holds(const st_buffer *bytes, const st_value *value)
{
    return memmem(bytes->data, bytes->len, value->data, value->len) != NULL;
}

/* Does another value, which stayed, say the same? */
static bool is_said_elsewhere(const found *all, size_t count, const bool *gone,
                              const st_value *value)
{
    for (size_t i = 0; i < count; i++)
        if (!gone[i] && all[i].value->len > 0 &&
            memmem(all[i].value->data, all[i].value->len, value->data, value->len) != NULL)
            return true;
    return false;
}

static void check_left(const st_set *before, const st_buffer *left, const found *all, size_t count,
                       const bool *gone)
{
    st_arena arena;
    st_set after;
    const uint32_t *list = NULL;
    size_t told = 0, wanted = 0;
    st_arena_init(&arena, ARENA_MAX);
    assert_int_equal(st_set_decode(left->data, left->len, &arena, &after, NULL), ST_OK);
    assert_memory_equal(after.hash.b, before->hash.b, 32);
    assert_memory_equal(after.signature, before->signature, sizeof after.signature);
    for (size_t i = 0; i < count; i++) {
        const st_value *value = value_at(&after, all[i].at);
        if (gone[i]) {
            assert_int_equal(value->kind, ST_VALUE_ERASED);
            assert_true(all[i].value->len < 8 || !holds(left, all[i].value) ||
                        is_said_elsewhere(all, count, gone, all[i].value));
        } else {
            assert_true(st_value_equal(value, all[i].value));
        }
        wanted += gone[i] ? 1 : 0;
    }
    assert_int_equal(st_set_gone(left->data, left->len, &arena, &list, &told, NULL), ST_OK);
    assert_int_equal(told, wanted);
    st_arena_reset(&arena);
}

/* Erases every third value, then every second, in two steps; compares with both at once. */
static void check_set(uint64_t number)
{
    st_arena arena;
    st_buffer bytes, one, two, both;
    st_set set;
    found all[VALUES_MAX];
    bool gone[VALUES_MAX] = { false };
    uint32_t first[VALUES_MAX], second[2 * VALUES_MAX];
    size_t first_count = 0, second_count = 0;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&one, ST_ERASED_SET_BYTES_MAX);
    st_buffer_init(&two, ST_ERASED_SET_BYTES_MAX);
    st_buffer_init(&both, ST_ERASED_SET_BYTES_MAX);
    const st_set made = make_set(number, 1 + (uint32_t)(number % 7), 12, &arena);
    assert_int_equal(make_bytes(&made, &bytes, NULL), ST_OK);
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &set, NULL), ST_OK);
    size_t count = find_all(&set, &bytes, all);
    for (size_t i = count; i > 0; i--) {       /* backwards: no order is asked for */
        if (i % 3 == 0)
            first[first_count++] = all[i - 1].place;
        if (i % 2 == 0)
            second[second_count++] = all[i - 1].place;
        gone[i - 1] = i % 3 == 0;
    }
    st_set_places places = { first, first_count };
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &one, NULL), ST_OK);
    check_left(&set, &one, all, count, gone);
    places = (st_set_places){ second, second_count };
    assert_int_equal(st_set_erase(one.data, one.len, places, &two, NULL), ST_OK);
    for (size_t i = 0; i < count; i++)
        gone[i] = (i + 1) % 3 == 0 || (i + 1) % 2 == 0;
    check_left(&set, &two, all, count, gone);
    memcpy(second + second_count, first, first_count * sizeof *first);
    places.count = second_count + first_count;
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &both, NULL), ST_OK);
    assert_int_equal(both.len, two.len);
    assert_memory_equal(both.data, two.data, both.len);
    st_buffer_free(&bytes);
    st_buffer_free(&one);
    st_buffer_free(&two);
    st_buffer_free(&both);
    st_arena_reset(&arena);
}

static void test_what_goes_is_gone_and_the_rest_stands(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 120; number++)
        check_set(number);
}

static void test_what_is_no_value_is_refused(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes, out;
    uint32_t place = 0;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&out, ST_ERASED_SET_BYTES_MAX);
    const st_set set = make_set(3, 2, 4, &arena);
    assert_int_equal(make_bytes(&set, &bytes, NULL), ST_OK);
    const uint32_t far = 100000;
    const st_set_places places = { &far, 1 };
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &out, NULL), ST_E_VALUE);
    assert_int_equal(out.len, 0);
    assert_int_equal(st_set_erase(bytes.data, bytes.len - 3, places, &out, NULL), ST_E_CORRUPT);
    st_set_value at = { 2, 0 };
    assert_int_equal(st_set_place(bytes.data, bytes.len, at, &place, NULL), ST_E_CORRUPT);
    at = (st_set_value){ 0, 1000 };
    assert_int_equal(st_set_place(bytes.data, bytes.len, at, &place, NULL), ST_E_CORRUPT);
    assert_int_equal(st_set_place(bytes.data, 5, at, &place, NULL), ST_E_CORRUPT);
    st_buffer_free(&bytes);
    st_buffer_free(&out);
    st_arena_reset(&arena);
}

/* ---- the list ---- */

static st_erasure make_erasure(uint8_t fill, size_t path_len)
{
    st_erasure one = { .dot = { make_id(fill, fill), 9 }, .first = 4, .place = fill,
                       .path_len = path_len };
    memset(one.set.b, fill, sizeof one.set.b);
    memset(one.path, fill, path_len);
    return one;
}

static void test_the_list_travels_whole_or_not_at_all(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    const st_erasure *back = NULL;
    size_t count = 0;
    const st_erasure list[] = { make_erasure(1, 30), make_erasure(2, 0), make_erasure(3, 5) };
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, 65536);
    assert_int_equal(st_erasures_encode(list, 3, &bytes, NULL), ST_OK);
    assert_int_equal(st_erasures_decode(bytes.data, bytes.len, &arena, &back, &count, NULL),
                     ST_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&back[i], &list[i], sizeof list[i]);
    for (size_t len = 1; len < bytes.len; len++) {
        st_err err = st_erasures_decode(bytes.data, len, &arena, &back, &count, NULL);
        if (err == ST_OK)
            assert_true(count < 3);            /* cut between two of them */
        else
            assert_int_equal(err, ST_E_CORRUPT);
    }
    bytes.data[64] = bytes.data[65] = bytes.data[66] = bytes.data[67] = 0xff;
    assert_int_equal(st_erasures_decode(bytes.data, bytes.len, &arena, &back, &count, NULL),
                     ST_E_CORRUPT);
    st_buffer_clear(&bytes);
    assert_int_equal(st_erasures_encode(list, ST_ERASURES_MAX + 1, &bytes, NULL),
                     ST_E_TOO_LARGE);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* Each rule of one target, broken alone. */
static void test_targets_that_are_none(void **state)
{
    (void)state;
    enum { WHOLE, NO_PLACE, NO_FIRST, BEFORE_ITS_SET, LONG_PATH, CASES };
    st_arena arena;
    st_buffer bytes;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, 65536);
    for (int i = 0; i < CASES; i++) {
        const st_erasure *back = NULL;
        size_t count = 77;
        st_erasure one = make_erasure(5, ST_PATH_BYTES_MAX);
        one.place = i == NO_PLACE ? ST_PLACE_NONE : one.place;
        one.first = i == NO_FIRST ? 0 : i == BEFORE_ITS_SET ? one.dot.counter + 1 : one.first;
        st_buffer_clear(&bytes);
        assert_int_equal(st_erasures_encode(&one, 1, &bytes, NULL), ST_OK);
        uint8_t more[256] = { 0 };
        assert_int_equal(st_buffer_append(&bytes, more, i == LONG_PATH ? sizeof more : 0, NULL),
                         ST_OK);
        if (i == LONG_PATH)
            bytes.data[68] = ST_PATH_BYTES_MAX + 1;
        st_err err = st_erasures_decode(bytes.data, bytes.len, &arena, &back, &count, NULL);
        assert_int_equal(err, i == WHOLE ? ST_OK : ST_E_CORRUPT);
        assert_int_equal(count, i == WHOLE ? 1 : 77);
    }
    /* More than one list may name: refused, however many bytes there are. */
    st_buffer_clear(&bytes);
    const st_erasure one = make_erasure(5, 0);
    for (unsigned i = 0; i <= ST_ERASURES_MAX; i++)
        assert_int_equal(st_erasures_encode(&one, 1, &bytes, NULL), ST_OK);
    const st_erasure *back = NULL;
    size_t count = 0, all = bytes.len, each = all / (ST_ERASURES_MAX + 1u);
    assert_int_equal(st_erasures_decode(bytes.data, all, &arena, &back, &count, NULL),
                     ST_E_CORRUPT);
    assert_int_equal(st_erasures_decode(bytes.data, all - each, &arena, &back, &count, NULL),
                     ST_OK);
    assert_int_equal(count, ST_ERASURES_MAX);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* A change is an erasure when its form says so and both of its values are what they should be;
 * anything else is a record like others, never an error. */
static void test_what_an_erasure_is(void **state)
{
    (void)state;
    enum { WHOLE, NOT_CREATED, OTHER_FORM, NO_ABOUT, ABOUT_TEXT, ABOUT_SHORT, NO_TARGETS,
           TARGETS_TEXT, TARGETS_DAMAGED, ABOUT_OF_A_KEY, CASES };
    st_arena arena, none;
    st_buffer bytes;
    const st_id about = make_id(8, 8);
    const st_erasure one = make_erasure(5, 3);
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, 65536);
    assert_int_equal(st_erasures_encode(&one, 1, &bytes, NULL), ST_OK);
    for (int i = 0; i < CASES; i++) {
        st_op ops[3] = {
            { .path = { .kind = ST_PATH_FIELD, .field = 900 } },
            { .path = { .kind = i == ABOUT_OF_A_KEY ? ST_PATH_KEYED : ST_PATH_FIELD,
                        .field = i == NO_ABOUT ? 901 : ST_ERASURE_ABOUT },
              .value = { .kind = i == ABOUT_TEXT ? ST_VALUE_TEXT : ST_VALUE_ID,
                         .data = about.b, .len = i == ABOUT_SHORT ? 15 : 16 } },
            { .path = { .kind = ST_PATH_FIELD,
                        .field = i == NO_TARGETS ? 901 : ST_ERASURE_TARGETS },
              .value = { .kind = i == TARGETS_TEXT ? ST_VALUE_TEXT : ST_VALUE_BYTES,
                         .data = bytes.data,
                         .len = (uint32_t)bytes.len - (i == TARGETS_DAMAGED ? 1 : 0) } } };
        st_change change = { .creates = i != NOT_CREATED, .ops = ops, .ops_count = 3 };
        const char *form = i == OTHER_FORM ? "visit" : ST_ERASURE_FORM;
        assert_true(st_code_set(&change.form, form, strlen(form)));
        bool is = i != WHOLE;
        st_id told;
        const st_erasure *list = NULL;
        size_t count = 0;
        assert_int_equal(st_erasure_read(&change, &arena, &is, &told, &list, &count), ST_OK);
        assert_true(is == (i == WHOLE));
        if (is)
            assert_true(st_id_cmp(&told, &about) == 0 && count == 1 && list[0].place == 5);
        st_arena_init(&none, 0); /* without memory nobody says that it is no erasure */
        is = true;
        st_err err = st_erasure_read(&change, &none, &is, &told, &list, &count);
        bool reads_list = i == WHOLE || i == TARGETS_DAMAGED;
        assert_int_equal(err, reads_list ? ST_E_MEMORY : ST_OK);
        assert_false(is);
        st_arena_reset(&none);
    }
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* ---- the record ---- */

static void test_the_record_forgets_the_value_and_nothing_else(void **state)
{
    (void)state;
    st_arena arena;
    st_record record, other;
    st_vector vector;
    const st_id device = make_id(7, 7), id = make_id(8, 8);
    st_bucket bucket;
    st_op ops[2] = {
        { .path = { .kind = ST_PATH_FIELD, .field = 1 },
          .value = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"abc", .len = 3 } },
        { .path = { .kind = ST_PATH_FIELD, .field = 2 },
          .value = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"def", .len = 3 } } };
    st_change change = { .dot = { device, 1 }, .record = id, .ops = ops, .ops_count = 2,
                         .reason = ops[1].value };
    const st_arrival arrival = { .log_index = 1 };
    const st_fold_how how = { ST_FOLD_APPLY, true };
    st_arena_init(&arena, ARENA_MAX);
    assert_true(st_bucket_set(&bucket, "01477/unit/u", 12));
    st_record_init(&record, &arena, &id, &bucket);
    st_vector_init(&vector, &arena);
    assert_int_equal(st_merge_fold(&vector, &record, &change, &arrival, how), ST_OK);
    st_erasure one = { .dot = change.dot, .first = 1 };
    one.path_len = st_path_encode(&ops[0].path, one.path);
    const st_sum before = st_record_sum(&record);
    assert_true(st_record_erase(&record, &one, 1));
    assert_false(st_record_erase(&record, &one, 1));
    assert_int_equal(record.lives[0].op.value.kind, ST_VALUE_ERASED);
    assert_true(st_value_equal(&record.lives[1].op.value, &ops[1].value));
    assert_int_equal(record.metas[0].reason.kind, ST_VALUE_TEXT);
    const st_erasure reason = { .dot = change.dot, .first = 1 };
    assert_true(st_record_erase(&record, &reason, 1));
    assert_int_equal(record.metas[0].reason.kind, ST_VALUE_ERASED);
    /* Folding what is left of the set gives the same record, to the sum. */
    ops[0].value = (st_value){ .kind = ST_VALUE_ERASED };
    change.reason = ops[0].value;
    st_record_init(&other, &arena, &id, &bucket);
    st_vector_init(&vector, &arena);
    assert_int_equal(st_merge_fold(&vector, &other, &change, &arrival, how), ST_OK);
    const st_sum left = st_record_sum(&record), folded = st_record_sum(&other);
    assert_memory_equal(left.b, folded.b, sizeof left.b);
    assert_memory_not_equal(left.b, before.b, sizeof left.b);
    one.dot.counter = 2;
    assert_false(st_record_erase(&record, &one, 1));
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_is_gone_and_the_rest_stands),
        cmocka_unit_test(test_what_is_no_value_is_refused),
        cmocka_unit_test(test_the_list_travels_whole_or_not_at_all),
        cmocka_unit_test(test_targets_that_are_none),
        cmocka_unit_test(test_what_an_erasure_is),
        cmocka_unit_test(test_the_record_forgets_the_value_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
