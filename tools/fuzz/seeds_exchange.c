/* tools/fuzz/seeds_exchange.c - seeds of the fuzzers that have a phone or a book behind them: what
 * an honest server answers that phone, what an honest phone asks that server. */
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/unit/proto/make_frames.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/parts.h"
#include "tools/fuzz/phone_stage.h"
#include "tools/fuzz/seeder.h"

#define PARTS_MAX (1u << 20)

/* The frames of a stream as an input. */
static void put_stream(const uint8_t *stream, size_t len, st_buffer *out)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame;
    size_t frame_len;
    st_err bad = ST_OK;
    FUZZ_MUST(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) == ST_OK);
    FUZZ_MUST(st_frame_feed(reader, stream, len, NULL) == ST_OK);
    while (st_frame_read(reader, &frame, &frame_len, &bad))
        parts_put(frame, frame_len, out);
    FUZZ_MUST(bad == ST_OK);
    st_frame_reader_free(reader);
}

/* Some fuzzers choose by the length: bytes that belong to no frame are put behind them. */
static void save_sized(seeder *s, const char *fuzzer, st_buffer *parts, size_t of, size_t rest)
{
    while (parts->len % of != rest)
        fuzz_append(parts, "", 1);
    seeder_save(s, fuzzer, -1, parts->data, parts->len);
}

static void put_frame(const st_frame *frame, st_buffer *out)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    FUZZ_MUST(st_frame_encode(frame, &bytes, NULL) == ST_OK);
    parts_put(bytes.data, bytes.len, out);
    st_buffer_free(&bytes);
}

static void write_answers(seeder *s)
{
    phone_world *world = phone_world_get();
    st_buffer parts;
    sotay_port port;
    sotay_client *client = NULL;
    sotay_sync *sync = NULL;
    sotay_request request;
    uint8_t *body = NULL;
    size_t len = 0;
    st_buffer_init(&parts, PARTS_MAX);
    for (int scope = 0; scope < 2; scope++) {
        world->e->scope_rev += (uint64_t)scope;
        phone_world_open(world, &port, &client);
        FUZZ_MUST(sotay_sync_begin(client, &sync, NULL) == SOTAY_OK);
        FUZZ_MUST(sotay_sync_next(sync, &request, NULL) == SOTAY_OK);
        FUZZ_MUST(edge_answer(world->e, &request, &body, &len) == 200);
        st_buffer_clear(&parts);
        put_stream(body, len, &parts);
        seeder_save(s, "phone", -1, parts.data, parts.len);
        free(body);
        world->e->devices[1].counter = 0; /* the copies ask with the same counter */
        sotay_sync_free(sync);
        phone_world_close(&port, client);
    }
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_frame frame = make_frame(i, &s->arena);
        st_buffer_clear(&parts);
        put_frame(&frame, &parts);
        seeder_save(s, "phone", -1, parts.data, parts.len);
    }
    st_buffer_free(&parts);
}

/* Behind the frames: to which request they are the answer (fuzz_phone.c). */
static void save_answer(seeder *s, phone_stage stage, st_buffer *parts)
{
    const uint8_t tail[2] = { 0x10, (uint8_t)stage };
    fuzz_append(parts, tail, sizeof tail);
    seeder_save(s, "phone", -1, parts->data, parts->len);
    st_buffer_clear(parts);
}

/* It has what was sent, or not. */
static void put_have(const phone_world *world, bool is_missing, st_buffer *parts)
{
    st_hash hashes[STAGE_PIECES];
    st_frame frame = { .kind = ST_FRAME_HAVE_ANSWER };
    for (size_t i = 0; i < STAGE_PIECES; i++)
        hashes[i] = st_sha256(STAGE_FILE[i].bytes, STAGE_FILE[i].len);
    memcpy(frame.as.have_answer.record.b, world->unsent.b, sizeof world->unsent.b);
    frame.as.have_answer.missing = hashes;
    frame.as.have_answer.missing_count = is_missing ? STAGE_PIECES : 0;
    frame.as.have_answer.entries = 9;
    put_frame(&frame, parts);
}

/* bytes: as many as the piece has, its own or others under its name. */
static void put_piece(const st_chunk *piece, const uint8_t *bytes, st_buffer *parts)
{
    st_frame frame = { .kind = ST_FRAME_PIECE_BYTES };
    frame.as.piece_bytes = (st_piece_bytes){ .hash = st_sha256(piece->bytes, piece->len),
                                             .size = (uint32_t)piece->len,
                                             .bytes = bytes,
                                             .len = (uint32_t)piece->len };
    put_frame(&frame, parts);
}

static void write_file_answers(seeder *s)
{
    const phone_world *world = phone_world_get();
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    for (phone_stage stage = STAGE_HAVE; stage <= STAGE_CHUNKS; stage++)
        for (int missing = 0; missing < 2; missing++) {
            put_have(world, missing == 1, &parts);
            save_answer(s, stage, &parts);
        }
    for (size_t count = 0; count <= STAGE_PIECES; count++) {
        for (size_t i = 0; i < count; i++)
            put_piece(&STAGE_FILE[i], STAGE_FILE[i].bytes, &parts);
        put_have(world, false, &parts);
        save_answer(s, STAGE_FETCH, &parts);
    }
    put_piece(&STAGE_FILE[0], (const uint8_t *)"%PDF-1.7 not that!", &parts);
    put_have(world, false, &parts);
    save_answer(s, STAGE_FETCH, &parts);
    st_buffer_free(&parts);
}

/* The records of the unit as they stand, each in a frame. */
static void write_snapshot(seeder *s)
{
    const edge *e = phone_world_get()->e;
    st_buffer parts, bytes, vector;
    st_buffer_init(&parts, PARTS_MAX);
    st_buffer_init(&bytes, PARTS_MAX);
    st_buffer_init(&vector, PARTS_MAX);
    for (size_t i = 0; i < e->buckets_count; i++)
        if (strcmp(e->buckets[i].name.s, EDGE_UNIT_BUCKET) == 0)
            FUZZ_MUST(st_vector_encode(&e->buckets[i].vector, &vector, NULL) == ST_OK);
    for (size_t i = 0; i < e->records_count; i++) {
        if (strcmp(e->records[i].bucket.s, EDGE_UNIT_BUCKET) != 0)
            continue;
        st_buffer_clear(&bytes);
        FUZZ_MUST(st_record_encode(&e->records[i], &bytes, NULL) == ST_OK);
        const st_snapshot_record record = { bytes.data, bytes.len };
        const st_snapshot_part part = { .records = &record,
                                        .records_count = 1,
                                        .vector = parts.len == 0 ? vector.data : NULL,
                                        .vector_len = parts.len == 0 ? vector.len : 0 };
        st_buffer frame;
        st_buffer_init(&frame, PARTS_MAX);
        FUZZ_MUST(st_snapshot_part_encode(&part, &frame, NULL) == ST_OK);
        parts_put(frame.data, frame.len, &parts);
        seeder_save(s, "snapshot", -1, frame.data, frame.len);
        st_buffer_free(&frame);
    }
    save_answer(s, STAGE_SNAPSHOT, &parts);
    st_buffer_free(&parts);
    st_buffer_free(&bytes);
    st_buffer_free(&vector);
}

static void write_enrolment(seeder *s)
{
    phone_ask ask;
    uint8_t *body = NULL;
    size_t len = 0;
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    phone_stage_open(STAGE_ENROL, NULL, NULL, &ask);
    FUZZ_MUST(edge_answer(ask.world->e, &ask.request, &body, &len) == 200);
    put_stream(body, len, &parts);
    save_answer(s, STAGE_ENROL, &parts);
    phone_stage_close(&ask);
    st_buffer_free(&parts);
    free(body);
}

/* Files of every kind (fuzz_bundle.c), each with so many sets and pieces. */
static void write_brought(seeder *s)
{
    book_world *world = book_world_get();
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    for (uint8_t i = 0; i < 24; i++) {
        uint8_t front[3] = { i % 8, 0, i < 8 ? 0 : i };
        st_buffer_clear(&parts);
        fuzz_append(&parts, front, sizeof front);
        for (size_t n = 0; n < 1u + i % 3; n++) {
            st_frame set = { .kind = ST_FRAME_SET };
            set.as.set.bytes = world->honest[n].data;
            set.as.set.len = world->honest[n].len;
            put_frame(&set, &parts);
        }
        st_frame piece = { .kind = ST_FRAME_HAVE_ASK };
        piece.as.have_ask = (st_have_ask){ .record = world->visit, .hashes = world->hashes,
                                           .hashes_count = 1, .chunks = world->pieces,
                                           .chunks_count = 1 };
        if (i % 2 == 0)
            put_frame(&piece, &parts);
        seeder_save(s, "bundle", -1, parts.data, parts.len);
    }
    st_buffer_free(&parts);
}

/* A question, and the first so many sets of the world. */
static void write_request(seeder *s, const st_frame *ask, size_t sets, st_buffer *parts)
{
    const book_world *world = book_world_get();
    st_buffer_clear(parts);
    put_frame(ask, parts);
    for (size_t i = 0; i < sets; i++) {
        st_frame set = { .kind = ST_FRAME_SET };
        set.as.set.bytes = world->honest[i].data;
        set.as.set.len = world->honest[i].len;
        put_frame(&set, parts);
    }
    seeder_save(s, "sync", -1, parts->data, parts->len);
}

/* Of who knows another book, which lets none of them in yet, and of who knows this one. */
static void write_requests(seeder *s)
{
    book_world *world = book_world_get();
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    for (size_t sets = 0; sets <= 3; sets++) {
        st_frame frame = make_ask(&s->arena, sets % 2 == 1);
        write_request(s, &frame, sets, &parts);
        frame.as.ask.has_epoch = false;
        frame.as.ask.position = 0;
        frame.as.ask.buckets_count = 0;
        write_request(s, &frame, sets, &parts);
    }
    st_buffer_clear(&parts);
    st_frame enrol = make_enrol_ask();
    put_frame(&enrol, &parts);
    seeder_save(s, "sync", -1, parts.data, parts.len);
    save_sized(s, "sync", &parts, 64, 63);
    st_buffer_free(&parts);
    rig_close(&world->r);
}

/* Of the file of the visit: questions, its pieces, wishes for them; each by every route. */
static void write_files(seeder *s)
{
    book_world *world = book_world_get();
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK };
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    for (uint32_t pieces = 0; pieces <= BOOK_PIECES; pieces++) {
        frame.as.have_ask = (st_have_ask){ .record = world->visit,
                                           .hashes = world->hashes,
                                           .hashes_count = BOOK_PIECES - pieces / 2,
                                           .chunks = world->pieces,
                                           .chunks_count = pieces };
        for (size_t route = 0; route < 3; route++) {
            st_buffer_clear(&parts);
            put_frame(&frame, &parts);
            if (pieces % 2 == 1)
                put_frame(&frame, &parts);
            save_sized(s, "have", &parts, 3, route);
        }
    }
    st_buffer_free(&parts);
}

/* Who, what of the head and of the path (fuzz_range.c), then what range. */
static void write_ranges(seeder *s)
{
    static const char *const RANGES[] = { "bytes=0-",          "bytes=100-",
                                          "bytes=0-99",        "bytes=2097000-",
                                          "bytes=1000-1000",   "bytes=7-18446744073709551615",
                                          "bytes=1000000000-", "bytes=-5",
                                          "!",                 "bytes=9-8" };
    for (uint8_t i = 0; i < 40; i++) {
        const char *range = RANGES[i % 10];
        bool is_true = i < 20;
        uint8_t input[64] = { is_true ? i % 2 : i, 0, i, is_true ? i % 3 : i % 12, i, 'x' };
        size_t len = strlen(range) + 1;
        memcpy(input + 6, range, len);
        seeder_save(s, "range", -1, input, 6 + len);
    }
}

/* Steps of fuzz_begun.c, six bytes each: of which phone, stream and place, what, where, how far. */
static void write_begun(seeder *s)
{
    static const struct {
        uint8_t steps[4][6];
    } LIVES[] = {
        { { { 0, 0, 0, 0, 8, 0 }, { 8, 12, 0, 0, 0, 0 } } },   /* it goes on */
        { { { 0, 0, 0, 0, 8, 0 }, { 0, 10, 0, 0, 0, 0 }, { 8, 0, 0, 0, 1, 0 }, { 8, 12 } } },
        { { { 0, 0, 0, 0, 8, 0 }, { 8, 6, 0, 0, 3, 7 }, { 8, 12 } } }, /* not its own */
        { { { 0, 0, 0, 0, 11, 0 }, { 10, 12 } } },             /* another of the same phone */
        { { { 0, 0, 0, 0, 5, 0 }, { 10, 12 } } },              /* the same so far */
        { { { 1, 0, 0, 0, 8, 0 }, { 8, 12 }, { 9, 12 } } },    /* of another phone */
        { { { 6, 0, 0, 0, 62, 0 }, { 30, 12, 0, 9, 0, 0 }, { 1, 0, 0, 0, 9, 0 } } },
        { { { 0, 0, 0, 0, 8, 0 }, { 0, 255, 0, 0, 0, 255 }, { 8, 12 } } }, /* a flood */
    };
    for (size_t i = 0; i < sizeof LIVES / sizeof LIVES[0]; i++)
        seeder_save(s, "begun", -1, LIVES[i].steps, sizeof LIVES[i].steps);
    for (uint8_t version = 1; version <= 3; version++) { /* any head */
        uint8_t input[6 + ST_HEAD_BYTES_MAX] = { 0, 8, 0, 60, 9, 0, version };
        input[6 + 1 + 16 + 8 + 7] = 1;
        seeder_save(s, "begun", -1, input, sizeof input);
    }
}

/* Two answers about two records (fuzz_receipt.c): each true, or with one lie, or spoilt. */
static void write_receipts(seeder *s)
{
    for (uint8_t i = 0; i < 34; i++) {
        uint8_t lie = i < 17 ? i : 0, files = i < 17 ? 0 : i % 8, stream = i < 28 ? 0 : i % 8;
        uint8_t input[22] = { lie, files, 0, i, lie, files, 0, i, stream, 0, 99 };
        seeder_save(s, "receipt", -1, input, i % 2 == 0 ? 11 : sizeof input);
    }
}

void seeder_write_exchanges(seeder *s)
{
    write_receipts(s);
    write_begun(s);
    write_ranges(s);
    write_file_answers(s);
    write_snapshot(s);
    write_enrolment(s);
    write_answers(s);
    write_files(s);
    write_brought(s);
    write_requests(s);
}
