/* tests/unit/server/test_pieces.c
 * Where a piece of a snapshot ends: a small bucket is one, a large one many of the size that a
 * phone has room for, and no frame is lost or told twice between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/hash.h"
#include "proto/limits.h"
#include "server/sync/snapshot_pieces.h"

#define FRAME_BYTES 65536u
#define PIECE_MOST  (3072u * 1024u)

static char path[64];

static int make_path(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/sotay-pieces-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* Each says its number, again and again. */
static const uint8_t *frame_of(uint32_t n)
{
    static uint8_t frame[FRAME_BYTES];
    for (size_t i = 0; i < sizeof frame; i += sizeof n)
        memcpy(frame + i, &n, sizeof n);
    return frame;
}

static void write_pieces(snapshot_pieces *p, uint32_t frames)
{
    assert_int_equal(snapshot_pieces_open(p, path, NULL), ST_OK);
    for (uint32_t n = 0; n < frames; n++)
        assert_int_equal(snapshot_pieces_put(p, frame_of(n), FRAME_BYTES, NULL), ST_OK);
    assert_int_equal(snapshot_pieces_end(p, NULL), ST_OK);
    snapshot_pieces_free(p);
}

/* How many frames the piece has; the first of them is `first`. */
static uint32_t read_piece(const uint8_t *bytes, size_t len, uint32_t first)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame = NULL;
    size_t frame_len = 0;
    st_err bad = ST_OK;
    uint32_t count = 0;
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, bytes, len, NULL), ST_OK);
    while (st_frame_read(reader, &frame, &frame_len, &bad)) {
        assert_int_equal(frame_len, FRAME_BYTES);
        assert_memory_equal(frame, frame_of(first + count), FRAME_BYTES);
        count++;
    }
    assert_int_equal(bad, ST_OK);
    assert_true(st_frame_is_complete(reader));
    st_frame_reader_free(reader);
    return count;
}

/* The pieces of the file are those of the list, and hold these frames. */
static void must_hold(const snapshot_pieces *p, uint32_t frames, const uint32_t *each, size_t count)
{
    static uint8_t bytes[1u << 20];
    int fd = open(path, O_RDONLY);
    uint32_t seen = 0;
    assert_true(fd >= 0);
    assert_int_equal(p->count, count);
    for (size_t i = 0; i < count; i++) {
        size_t len = p->list[i].bytes;
        assert_true(len <= sizeof bytes);
        assert_int_equal(read(fd, bytes, len), len);
        st_hash hash = st_sha256(bytes, len);
        assert_memory_equal(hash.b, p->list[i].hash.b, sizeof hash.b);
        uint32_t found = read_piece(bytes, len, seen);
        assert_int_equal(found, each[i]);
        seen += found;
    }
    assert_int_equal(seen, frames);
    assert_int_equal(read(fd, bytes, 1), 0);
    (void)close(fd);
}

static void test_where_a_piece_ends(void **state)
{
    (void)state;
    const uint32_t one = PIECE_MOST / FRAME_BYTES;
    const struct {
        const char *why;
        bool is_one;
        uint32_t frames, each[3];
        size_t count;
    } CASES[] = {
        { "a little", false, 3, { 3 }, 1 },
        { "as much as a piece holds", false, one, { one }, 1 },
        { "one frame more", false, one + 1, { one, 1 }, 2 },
        { "a large bucket", false, 2 * one + 5, { one, one, 5 }, 3 },
        { "all at once", true, one + one / 2, { one + one / 2 }, 1 },
        { "so much that it cannot be all at once", true, 2 * one + 7, { 2 * one, 7 }, 2 },
        { "nothing", true, 0, { 0 }, 0 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_arena arena;
        st_arena_init(&arena, 1u << 20);
        snapshot_pieces p = { .lasting = &arena, .is_one = CASES[i].is_one };
        print_message("  case: %s\n", CASES[i].why);
        write_pieces(&p, CASES[i].frames);
        must_hold(&p, CASES[i].frames, CASES[i].each, CASES[i].count);
        st_arena_reset(&arena);
    }
    /* All that is cut in one is one: the records, and what is said around them. */
    assert_true(SNAPSHOT_ONE_BYTES + 8 * (size_t)FRAME_BYTES <= 2 * (size_t)PIECE_MOST);
}

static void test_it_ends_when_told_to(void **state)
{
    (void)state;
    st_arena arena;
    st_error error;
    atomic_bool stop = false;
    st_arena_init(&arena, 1u << 20);
    snapshot_pieces p = { .lasting = &arena, .stop = &stop };
    assert_int_equal(snapshot_pieces_open(&p, path, &error), ST_OK);
    assert_int_equal(snapshot_pieces_put(&p, frame_of(0), FRAME_BYTES, &error), ST_OK);
    atomic_store(&stop, true);
    assert_int_equal(snapshot_pieces_put(&p, frame_of(1), FRAME_BYTES, &error), ST_E_BUSY);
    snapshot_pieces_free(&p);
    snapshot_pieces_free(&p); /* always safe */
    st_arena_reset(&arena);
}

static void test_a_place_that_is_not_there(void **state)
{
    (void)state;
    st_error error;
    snapshot_pieces p = { .lasting = NULL };
    assert_int_equal(snapshot_pieces_open(&p, "/nonexistent/a/b", &error), ST_E_STORAGE);
    assert_non_null(strstr(error.detail, "/nonexistent/a/b"));
    snapshot_pieces_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_a_piece_ends, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_it_ends_when_told_to, make_path, remove_path),
        cmocka_unit_test(test_a_place_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
