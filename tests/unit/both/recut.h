/* tests/unit/both/recut.h - takes the server's one snapshot apart and cuts it anew: in as many
 * pieces as a test wants (the server cuts one for each 3 MiB), and with what a server that errs
 * would put in. The names and hashes fit whatever is in it. */
#ifndef SOTAY_TESTS_RECUT_H
#define SOTAY_TESTS_RECUT_H

#include "tests/unit/both/fetch.h"

#include "proto/hash.h"

#define RECUT_RECORDS 512u
#define RECUT_PIECES  64u
#define RECUT_FRONT   41u /* of a list: epoch 8, whether there was one before 1, its name 32 */

typedef struct {
    uint8_t front[RECUT_FRONT];
    st_snapshot list; /* as it was told; the pieces are made anew */
    st_snapshot_record records[RECUT_RECORDS];
    uint32_t records_count;
    const st_entry *held;
    uint32_t held_count;
    const uint8_t *vector;
    size_t vector_len;
    st_arena arena; /* of all of it */
    char old_data[256], list_path[256];
} recut_book;

typedef struct {
    uint32_t records_a_part, parts_a_piece; /* 0: all */
    bool no_vector, vector_twice;
    int spoil_part;     /* this part's bytes are none (0: the first); -1: all are as they are */
    size_t shorter;     /* every piece ends so many bytes too early */
    const void *behind; /* text behind each piece's stream */
} recut_how;

static inline const uint8_t *recut_read(st_arena *arena, const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t len = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = st_arena_get(arena, len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, len, file), len);
    (void)fclose(file);
    *out_len = len;
    return bytes;
}

static inline void recut_write(const char *path, const st_buffer *bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->len, file), bytes->len);
    assert_int_equal(fclose(file), 0);
}

static inline void recut_take_part(recut_book *r, const uint8_t *frame, size_t len)
{
    st_snapshot_part part;
    const uint8_t *kept = st_arena_copy(&r->arena, frame, len);
    assert_int_equal(st_snapshot_part_decode(kept, len, &r->arena, &part, NULL), ST_OK);
    assert_true(r->records_count + part.records_count <= RECUT_RECORDS);
    for (uint32_t i = 0; i < part.records_count; i++)
        r->records[r->records_count++] = part.records[i];
    if (part.vector != NULL) {
        r->vector = part.vector;
        r->vector_len = part.vector_len;
    }
    if (part.held_count > 0) {
        assert_int_equal(r->held_count, 0);
        r->held = part.held;
        r->held_count = part.held_count;
    }
}

/* Reads what the server gives out now. */
static inline void recut_open(world *w, recut_book *r)
{
    st_frame frame;
    size_t len = 0, at = 0;
    memset(r, 0, sizeof *r);
    st_arena_init(&r->arena, (size_t)256 << 20);
    snapshot_file(w, "list", r->list_path);
    const uint8_t *bytes = recut_read(&r->arena, r->list_path, &len);
    assert_true(len > RECUT_FRONT);
    memcpy(r->front, bytes, RECUT_FRONT);
    assert_int_equal(
        st_frame_decode(bytes + RECUT_FRONT, len - RECUT_FRONT, &r->arena, &frame, NULL), ST_OK);
    r->list = frame.as.snapshot;
    snapshot_file(w, "zst", r->old_data);
    bytes = recut_read(&r->arena, r->old_data, &len);
    for (uint32_t i = 0; i < r->list.pieces_count; i++) {
        st_frame_reader *reader = NULL;
        const uint8_t *part = NULL;
        size_t part_len = 0;
        st_err bad = ST_OK;
        assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
        assert_int_equal(st_frame_feed(reader, bytes + at, r->list.pieces[i].bytes, NULL), ST_OK);
        while (st_frame_read(reader, &part, &part_len, &bad))
            recut_take_part(r, part, part_len);
        assert_int_equal(bad, ST_OK);
        st_frame_reader_free(reader);
        at += r->list.pieces[i].bytes;
    }
    assert_int_equal(at, len);
}

static inline void recut_close(recut_book *r)
{
    st_arena_reset(&r->arena);
}

/* One part into the stream: the n-th of all, with the records from `at` on. */
static inline void recut_part(const recut_book *r, const recut_how *how, uint32_t n, uint32_t *at,
                              st_frame_writer *stream)
{
    uint32_t most = how->records_a_part > 0 ? how->records_a_part : r->records_count;
    uint32_t left = r->records_count - *at;
    st_snapshot_part part;
    st_buffer out;
    memset(&part, 0, sizeof part);
    part.records = r->records + *at;
    part.records_count = left < most ? left : most;
    *at += part.records_count;
    bool is_last = *at == r->records_count;
    if ((n == 0 && !how->no_vector) || (n > 0 && how->vector_twice)) {
        part.vector = r->vector;
        part.vector_len = r->vector_len;
    }
    if (is_last) {
        part.held = r->held;
        part.held_count = r->held_count;
    }
    st_buffer_init(&out, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_snapshot_part_encode(&part, &out, NULL), ST_OK);
    if (how->spoil_part == (int)n)
        memset(out.data, 0xff, out.len);
    assert_int_equal(st_frame_write(stream, out.data, out.len, NULL), ST_OK);
    st_buffer_free(&out);
}

/* Writes it, cut `how`; the server gives it out from now on. */
static inline void recut_put(world *w, recut_book *r, const recut_how *how)
{
    static st_snapshot_piece pieces[RECUT_PIECES];
    uint32_t parts = 0, at = 0;
    char hex[65], path[256];
    st_buffer data, list;
    st_frame frame;
    st_buffer_init(&data, (size_t)64 << 20);
    st_buffer_init(&list, (size_t)1 << 20);
    r->list.pieces_count = 0;
    while (at < r->records_count) {
        st_frame_writer *stream = NULL;
        size_t from = data.len;
        assert_true(r->list.pieces_count < RECUT_PIECES);
        assert_int_equal(st_frame_writer_new(1, &data, &stream, NULL), ST_OK);
        for (uint32_t i = 0;
             at < r->records_count && (how->parts_a_piece == 0 || i < how->parts_a_piece); i++)
            recut_part(r, how, parts++, &at, stream);
        assert_int_equal(st_frame_writer_end(stream, NULL), ST_OK);
        st_frame_writer_free(stream);
        data.len -= how->shorter;
        if (how->behind != NULL)
            assert_int_equal(st_buffer_append(&data, how->behind, strlen(how->behind), NULL),
                             ST_OK);
        st_snapshot_piece *piece = &pieces[r->list.pieces_count++];
        piece->bytes = (uint32_t)(data.len - from);
        piece->hash = st_sha256(data.data + from, data.len - from);
    }
    r->list.pieces = pieces;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_SNAPSHOT;
    frame.as.snapshot = r->list;
    assert_int_equal(st_buffer_append(&list, r->front, sizeof r->front, NULL), ST_OK);
    assert_int_equal(st_frame_encode(&frame, &list, NULL), ST_OK);
    st_hash name = st_snapshot_name(&r->list);
    st_hex(name.b, sizeof name.b, hex);
    (void)snprintf(path, sizeof path, "%s/snapshots/%s.zst", w->book.dir, hex);
    (void)remove(r->old_data);
    (void)snprintf(r->old_data, sizeof r->old_data, "%s", path);
    recut_write(path, &data);
    recut_write(r->list_path, &list);
    st_buffer_free(&data);
    st_buffer_free(&list);
}

#endif
