/* tests/unit/proto/test_snapshot.c
 * The name of a snapshot changes with every byte of its pieces, its path has one spelling, and a
 * list or a part that breaks a rule is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/message.h"
#include "tests/unit/proto/make_frames.h"

#define ARENA_MAX (64u << 20)

static void test_name_and_path(void **state)
{
    (void)state;
    st_arena arena;
    char path[ST_SNAPSHOT_PATH_SIZE], other[ST_SNAPSHOT_PATH_SIZE];
    st_bucket bucket;
    st_hash back;
    st_arena_init(&arena, ARENA_MAX);
    st_frame frame = make_snapshot(&arena);
    st_snapshot *snapshot = &frame.as.snapshot;
    st_snapshot_piece *pieces = (st_snapshot_piece *)(uintptr_t)snapshot->pieces;
    st_hash name = st_snapshot_name(snapshot);
    assert_int_equal(st_snapshot_bytes(snapshot), 131072 + 517);
    st_snapshot_path(&snapshot->bucket, &name, path);
    assert_true(st_snapshot_path_parse(path, &bucket, &back));
    assert_string_equal(bucket.s, snapshot->bucket.s);
    assert_memory_equal(back.b, name.b, sizeof name.b);
    pieces[1].bytes++;
    back = st_snapshot_name(snapshot);
    assert_memory_not_equal(back.b, name.b, sizeof name.b);
    pieces[1].bytes--;
    pieces[0].hash.b[31] ^= 1;
    back = st_snapshot_name(snapshot);
    assert_memory_not_equal(back.b, name.b, sizeof name.b);
    memcpy(other, path, sizeof other);
    other[strlen(other) - 1] = '\0';                        /* too short */
    assert_false(st_snapshot_path_parse(other, &bucket, &back));
    memcpy(other, path, sizeof other);
    for (char *p = strrchr(other, '/'); *p != '\0'; p++)    /* in capitals */
        *p = *p >= 'a' && *p <= 'f' ? (char)(*p - 32) : *p;
    assert_false(st_snapshot_path_parse(other, &bucket, &back));
    assert_false(st_snapshot_path_parse("/v1/snapshot/", &bucket, &back));
    assert_false(st_snapshot_path_parse("/v1/sync", &bucket, &back));
    st_arena_reset(&arena);
}

static st_err pass_on(const st_frame *frame, st_arena *arena)
{
    st_buffer bytes;
    st_frame back;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    st_err err = st_frame_decode(bytes.data, bytes.len, arena, &back, NULL);
    st_buffer_free(&bytes);
    return err;
}

static void test_what_breaks_a_rule(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, ARENA_MAX);
    st_frame frame = make_snapshot(&arena);
    st_snapshot *snapshot = &frame.as.snapshot;
    st_snapshot_piece *pieces = (st_snapshot_piece *)(uintptr_t)snapshot->pieces;
    assert_int_equal(pass_on(&frame, &arena), ST_OK);
    pieces[1].bytes = 0;
    assert_int_equal(pass_on(&frame, &arena), ST_E_CORRUPT);
    pieces[1].bytes = ST_BODY_BYTES_MAX + 1;
    assert_int_equal(pass_on(&frame, &arena), ST_E_CORRUPT);
    pieces[1].bytes = ST_BODY_BYTES_MAX;
    snapshot->cursor = 0;
    assert_int_equal(pass_on(&frame, &arena), ST_E_CORRUPT);
    snapshot->cursor = 1;
    snapshot->pieces_count = 0;
    assert_int_equal(pass_on(&frame, &arena), ST_E_CORRUPT);
    st_arena_reset(&arena);
}

/* A set that waits must come with its bytes: what lets it in later only names it. */
static void test_held_needs_its_set(void **state)
{
    (void)state;
    st_arena arena;
    st_buffer bytes;
    st_snapshot_part back;
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_snapshot_part part = make_snapshot_part(&arena);
    st_entry *held = (st_entry *)(uintptr_t)part.held;
    assert_int_equal(st_snapshot_part_encode(&part, &bytes, NULL), ST_OK);
    assert_int_equal(st_snapshot_part_decode(bytes.data, bytes.len, &arena, &back, NULL), ST_OK);
    assert_int_equal(back.held[0].set_len, held[0].set_len);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        st_err err = st_snapshot_part_decode(bytes.data, cut, &arena, &back, NULL);
        assert_true(err == ST_OK || err == ST_E_CORRUPT);
    }
    held[0].set = NULL;
    held[0].set_len = 0;
    st_buffer_clear(&bytes);
    assert_int_equal(st_snapshot_part_encode(&part, &bytes, NULL), ST_OK);
    assert_int_equal(st_snapshot_part_decode(bytes.data, bytes.len, &arena, &back, NULL),
                     ST_E_CORRUPT);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_and_path),
        cmocka_unit_test(test_what_breaks_a_rule),
        cmocka_unit_test(test_held_needs_its_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
