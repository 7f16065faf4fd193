/* tests/unit/proto/test_repair.c
 * Two replicas of a bucket find exactly the records in which they differ, whatever they hold and in
 * few messages; ranges have one spelling, and what is broken is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/hash.h"
#include "proto/message.h"
#include "tests/unit/proto/make_frames.h"

#define ARENA_MAX (256u << 20)
#define DIFFER_MAX 64u

typedef struct { st_record_total *list; size_t count; } replica;

static int by_id(const void *a, const void *b)
{
    return st_id_cmp(&((const st_record_total *)a)->id, &((const st_record_total *)b)->id);
}

static st_record_total total_of(uint64_t number)
{
    st_record_total total;
    uint8_t bytes[8];
    st_put_u64(bytes, number);
    st_hash hash = st_sha256(bytes, sizeof bytes);
    memcpy(total.id.b, hash.b, 16);
    memcpy(total.sum.b, hash.b + 16, 16);
    return total;
}

static replica make_replica(size_t count)
{
    replica r = { calloc(count + DIFFER_MAX, sizeof *r.list), count };
    for (size_t i = 0; i < count; i++)
        r.list[i] = total_of(i);
    qsort(r.list, count, sizeof *r.list, by_id);
    return r;
}

static replica copy_of(const replica *from)
{
    replica r = { calloc(from->count + DIFFER_MAX, sizeof *r.list), from->count };
    memcpy(r.list, from->list, from->count * sizeof *r.list);
    return r;
}

static void remove_at(replica *r, size_t at)
{
    memmove(&r->list[at], &r->list[at + 1], (--r->count - at) * sizeof *r->list);
}

typedef struct {
    st_range asked[4096];
    size_t asked_count;
    st_id found[256];
    size_t found_count, messages, bytes;
} search;

static void compare_list(search *s, const replica *mine, const st_repair_range *theirs)
{
    size_t at = 0, end = 0;
    uint32_t its = 0;
    st_range_find(&theirs->range, mine->list, mine->count, &at, &end);
    while (at < end || its < theirs->records_count) {
        int order = at == end ? 1
                    : its == theirs->records_count
                        ? -1
                        : st_id_cmp(&mine->list[at].id, &theirs->records[its].id);
        st_brief here = { { 0 } };
        if (order <= 0)
            here = st_sum_brief(&mine->list[at].sum);
        bool same = order == 0 && memcmp(&here, &theirs->records[its].sum, sizeof here) == 0;
        if (!same)
            s->found[s->found_count++] =
                order <= 0 ? mine->list[at].id : theirs->records[its].id;
        at += order <= 0;
        its += order >= 0;
    }
    s->bytes += 24 * theirs->records_count;
}

/* One message: the ranges of s->asked, described by `theirs`, compared with `mine`. */
static void one_round(search *s, const replica *mine, const replica *theirs)
{
    static st_range next[4096];
    size_t count = 0;
    st_arena arena;
    st_arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < s->asked_count; i++) {
        st_repair_range there, here;
        assert_int_equal(st_repair_describe(&s->asked[i], theirs->list, theirs->count, &arena,
                                            &there, NULL), ST_OK);
        if (there.is_list) {
            compare_list(s, mine, &there);
            continue;
        }
        s->bytes += sizeof there.parts;
        assert_int_equal(st_repair_describe(&s->asked[i], mine->list, mine->count, &arena, &here,
                                            NULL), ST_OK);
        st_sum sums[ST_REPAIR_PARTS] = { { { 0 } } };
        for (size_t j = 0; j < mine->count; j++)
            if (st_range_has(&s->asked[i], &mine->list[j].id))
                st_sum_add(&sums[st_range_part_of(&s->asked[i], &mine->list[j].id)],
                           &mine->list[j].sum);
        for (unsigned part = 0; part < ST_REPAIR_PARTS; part++) {
            st_brief brief = st_sum_brief(&sums[part]);
            if (!here.is_list)
                assert_memory_equal(&brief, &here.parts[part], sizeof brief);
            if (memcmp(&brief, &there.parts[part], sizeof brief) != 0)
                next[count++] = st_range_part(&s->asked[i], part);
        }
    }
    memcpy(s->asked, next, count * sizeof *next);
    s->asked_count = count;
    s->messages++;
    st_arena_reset(&arena);
}

static void find_all(search *s, const replica *mine, const replica *theirs)
{
    memset(s, 0, sizeof *s);
    s->asked_count = 1;
    while (s->asked_count > 0 && s->messages < 33)
        one_round(s, mine, theirs);
}

static void test_exactly_the_different_ones(void **state)
{
    (void)state;
    static search s;
    static const size_t SIZES[] = { 0, 1, 16, 17, 300, 5000 };
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        replica theirs = make_replica(SIZES[i]);
        replica mine = copy_of(&theirs);
        find_all(&s, &mine, &theirs);
        assert_int_equal(s.found_count, 0);
        size_t expected = 0;
        for (size_t j = 0; j < SIZES[i] && expected < 20; j += 1 + SIZES[i] / 20, expected++)
            mine.list[j].sum = total_of(2000000 + j).sum;
        if (mine.count > 40) {
            remove_at(&mine, mine.count - 2);  /* it lacks one, and has one more */
            mine.list[mine.count++] = total_of(1000000);
            qsort(mine.list, mine.count, sizeof *mine.list, by_id);
            expected += 2;
        }
        find_all(&s, &mine, &theirs);
        assert_int_equal(s.found_count, expected);
        free(mine.list);
        free(theirs.list);
    }
}

/* 5 among 50,000: what is said of ranges and lists, before it is compressed. */
static void test_it_is_short(void **state)
{
    (void)state;
    static search s;
    replica theirs = make_replica(50000);
    replica mine = copy_of(&theirs);
    for (size_t i = 0; i < 5; i++)
        mine.list[i * 9999].sum.b[3] ^= 0x80;
    find_all(&s, &mine, &theirs);
    print_message("  5 of 50,000 in %d messages, %d bytes\n", (int)s.messages, (int)s.bytes);
    assert_int_equal(s.found_count, 5);
    assert_true(s.messages <= 5 && s.bytes <= 3500);
    free(mine.list);
    free(theirs.list);
}

static void test_ranges_part(void **state)
{
    (void)state;
    st_range range = { 0, { 0 } };
    st_id id = total_of(7).id;
    for (unsigned depth = 0; depth < 32; depth++) {
        assert_true(st_range_has(&range, &id));
        unsigned part = st_range_part_of(&range, &id);
        for (unsigned other = 0; other < ST_REPAIR_PARTS; other++) {
            st_range below = st_range_part(&range, other);
            assert_int_equal(st_range_has(&below, &id), other == part);
        }
        range = st_range_part(&range, part);
    }
    assert_memory_equal(range.b, id.b, 16);
    assert_true(st_range_has(&range, &id));
}

/* Asks and answers that no honest side makes. */
static void test_what_breaks_a_rule(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_frame back;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_frame frame = make_repair_ask(&arena);
    st_repair_ask *ask = &frame.as.repair_ask;
    st_range *ranges = (st_range *)(uintptr_t)ask->ranges;
    st_id *records = (st_id *)(uintptr_t)ask->records;
    ranges[1] = (st_range){ 3, { 0xa0, 0x01 } };           /* a half-byte behind the prefix */
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_E_CORRUPT);
    ranges[1] = (st_range){ 33, { 0 } };                    /* longer than an id */
    st_buffer_clear(&bytes);
    ask->ranges_count = 2;
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_E_CORRUPT);
    ask->ranges_count = 1;
    st_id first = records[0];
    records[0] = records[1];                                /* a record twice */
    st_buffer_clear(&bytes);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_E_CORRUPT);
    records[0] = first;
    st_range *many = st_arena_array(&arena, ST_REPAIR_RANGES_MAX + 1, sizeof *many);
    ask->ranges = many;
    ask->ranges_count = ST_REPAIR_RANGES_MAX + 1;
    st_buffer_clear(&bytes);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_E_TOO_LARGE);
    st_frame answer = make_repair_answer(&arena);
    st_repair_range *parts = (st_repair_range *)(uintptr_t)answer.as.repair_answer.ranges;
    parts[1].range = (st_range){ 1, { 0xb0 } };             /* a list of another range's records */
    st_buffer_clear(&bytes);
    assert_int_equal(st_frame_encode(&answer, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_E_CORRUPT);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_the_different_ones),
        cmocka_unit_test(test_it_is_short),
        cmocka_unit_test(test_ranges_part),
        cmocka_unit_test(test_what_breaks_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
