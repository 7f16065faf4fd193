/* tools/fuzz/phone_stage.c - see phone_stage.h. What comes before the request in question is said
 * by the honest server once and kept: the same to every copy. */
#include "tools/fuzz/phone_stage.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/attach.h"
#include "client-lib/src/exchange.h"

#define ROUNDS_MAX 4u

static const sotay_open_how HOW = { NULL, true, "vi", 420 };

const st_chunk STAGE_FILE[STAGE_PIECES] = { { (const uint8_t *)"%PDF-1.7 the first", 18 },
                                            { (const uint8_t *)"the second piece", 16 } };

typedef struct {
    phone_world world;
    sotay_port ports[STAGES];
    st_buffer said[STAGES][ROUNDS_MAX]; /* before the request of the stage */
    char link[128];
    uint64_t entries; /* of the log, before anything was said */
} stages;

/* A file of the visit that was not sent yet: here, or wanted. */
static void put_file(sotay_client *client, const sotay_id *record, bool is_wanted)
{
    st_hash hashes[STAGE_PIECES];
    st_id id;
    attach_row row = { .kind = is_wanted ? ATTACH_WANTED : ATTACH_UNSENT, .hashes = hashes,
                       .count = STAGE_PIECES };
    memcpy(id.b, record->b, sizeof id.b);
    FUZZ_MUST(client_begin(client, true, NULL) == ST_OK);
    for (size_t i = 0; i < STAGE_PIECES; i++) {
        hashes[i] = st_sha256(STAGE_FILE[i].bytes, STAGE_FILE[i].len);
        book_key key = attach_piece_key(BOOK_CHUNK, &hashes[i]);
        if (!is_wanted)
            FUZZ_MUST(book_put(&client->book, &key, STAGE_FILE[i].bytes, STAGE_FILE[i].len,
                               NULL) == ST_OK);
    }
    book_key key = attach_key(&id, hashes, STAGE_PIECES);
    FUZZ_MUST(attach_put(&client->book, &key, &row, NULL) == ST_OK);
    FUZZ_MUST(client_commit(client, NULL) == ST_OK);
}

/* The records of the unit are to be read from the beginning. */
static void forget_unit(sotay_client *client)
{
    bucket_state state;
    st_bucket bucket = { EDGE_UNIT_BUCKET };
    memset(&state, 0, sizeof state);
    state.in_scope = true;
    FUZZ_MUST(client_begin(client, true, NULL) == ST_OK);
    FUZZ_MUST(bucket_put(&client->book, &bucket, &state, NULL) == ST_OK);
    FUZZ_MUST(client_commit(client, NULL) == ST_OK);
}

static void make_port(stages *all, phone_stage stage)
{
    sotay_client *client = NULL;
    if (stage == STAGE_ENROL) {
        FUZZ_MUST(sotay_memory_open(202, &all->ports[stage], NULL) == SOTAY_OK);
        sotay_memory_clock(&all->ports[stage], INT64_C(1773302400000), 1000);
        return;
    }
    FUZZ_MUST(sotay_memory_copy(&all->world.port, false, &all->ports[stage], NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_open(&all->ports[stage], &HOW, &client, NULL) == SOTAY_OK);
    if (stage == STAGE_SNAPSHOT)
        forget_unit(client);
    else if (stage != STAGE_SYNC)
        put_file(client, &all->world.unsent, stage == STAGE_FETCH);
    sotay_close(client);
}

static stages *stages_get(void)
{
    static stages all;
    if (all.world.e != NULL)
        return &all;
    phone_world_make(&all.world);
    edge_link(all.world.e, 1, all.link);
    all.entries = all.world.e->entries_count;
    for (phone_stage stage = 0; stage < STAGES; stage++)
        make_port(&all, stage);
    return &all;
}

/* ---- what the honest server says before ---- */

static void put_frame(const st_frame *frame, st_buffer *stream)
{
    st_buffer bytes, frames;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_buffer_init(&frames, ST_FRAME_BYTES_MAX);
    FUZZ_MUST(st_frame_encode(frame, &bytes, NULL) == ST_OK);
    fuzz_frame(bytes.data, bytes.len, &frames);
    fuzz_append(stream, frames.data, frames.len);
    st_buffer_free(&bytes);
    st_buffer_free(&frames);
}

/* The server has nothing of the file. */
static void say_missing(const phone_world *world, st_buffer *out)
{
    st_hash hashes[STAGE_PIECES];
    st_buffer frames;
    st_frame frame = { .kind = ST_FRAME_HAVE_ANSWER };
    for (size_t i = 0; i < STAGE_PIECES; i++)
        hashes[i] = st_sha256(STAGE_FILE[i].bytes, STAGE_FILE[i].len);
    memcpy(frame.as.have_answer.record.b, world->unsent.b, sizeof world->unsent.b);
    frame.as.have_answer.missing = hashes;
    frame.as.have_answer.missing_count = STAGE_PIECES;
    st_buffer_init(&frames, ST_FRAME_BYTES_MAX);
    put_frame(&frame, &frames);
    fuzz_stream(frames.data, frames.len, out);
    st_buffer_free(&frames);
}

/* A snapshot of one piece, as the log stands. */
static void say_snapshot(uint64_t entries, const st_buffer *piece, const st_sum *sum,
                         st_buffer *out)
{
    const st_snapshot_piece one = { .hash = st_sha256(piece->data, piece->len),
                                    .bytes = (uint32_t)piece->len };
    st_buffer frames;
    st_frame frame = { .kind = ST_FRAME_SNAPSHOT };
    frame.as.snapshot = (st_snapshot){ .bucket = { EDGE_UNIT_BUCKET }, .cursor = entries,
                                       .sum = *sum,
                                       .fold_version = 1,
                                       .pieces = &one, .pieces_count = 1 };
    st_buffer_init(&frames, ST_FRAME_BYTES_MAX);
    put_frame(&frame, &frames);
    frame = (st_frame){ .kind = ST_FRAME_END };
    frame.as.end = (st_end){ .version = 1, .server_ms = INT64_C(1773302401000),
                             .position = entries, .more = true };
    put_frame(&frame, &frames);
    fuzz_stream(frames.data, frames.len, out);
    st_buffer_free(&frames);
}

static void say(stages *all, const phone_ask *ask, st_buffer *out)
{
    uint8_t *body = NULL;
    size_t len = 0;
    st_buffer_init(out, ST_BODY_BYTES_MAX);
    if (strcmp(ask->request.path, "/v1/have") == 0) {
        say_missing(&all->world, out);
        return;
    }
    all->world.e->devices[1].counter = 0; /* the copies ask with the same counter */
    FUZZ_MUST(edge_answer(all->world.e, &ask->request, &body, &len) == 200);
    fuzz_append(out, body, len);
    free(body);
}

static void answer(phone_ask *ask, const st_buffer *said)
{
    bool again = false;
    FUZZ_MUST(sotay_sync_feed(ask->sync, said->data, said->len, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_sync_end(ask->sync, 200, &again, NULL) == SOTAY_OK && again);
    FUZZ_MUST(sotay_sync_next(ask->sync, &ask->request, NULL) == SOTAY_OK);
}

static void go_to(stages *all, phone_ask *ask, const char *path)
{
    for (size_t round = 0; strcmp(ask->request.path, path) != 0; round++) {
        FUZZ_MUST(round < ROUNDS_MAX);
        st_buffer *said = &all->said[ask->stage][round];
        if (said->len == 0)
            say(all, ask, said);
        answer(ask, said);
    }
}

static void go_to_snapshot(phone_ask *ask, const st_buffer *piece, const st_sum *sum)
{
    st_buffer said;
    st_buffer_init(&said, ST_BODY_BYTES_MAX);
    say_snapshot(stages_get()->entries, piece, sum, &said);
    answer(ask, &said);
    st_buffer_free(&said);
    FUZZ_MUST(strcmp(ask->request.method, "GET") == 0);
}

void phone_stage_open(phone_stage stage, const st_buffer *snapshot, const st_sum *sum,
                      phone_ask *out)
{
    static const char *const PATHS[] = { "/v1/sync",   "/v1/enrol", "/v1/have",
                                         "/v1/chunks", "/v1/fetch", "/v1/sync" };
    stages *all = stages_get();
    *out = (phone_ask){ .stage = stage, .world = &all->world };
    FUZZ_MUST(sotay_memory_copy(&all->ports[stage], false, &out->port, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_open(&out->port, &HOW, &out->client, NULL) == SOTAY_OK);
    if (stage == STAGE_ENROL)
        FUZZ_MUST(sotay_enrol_begin(out->client, all->link, "phone", &out->sync, NULL) == SOTAY_OK);
    else
        FUZZ_MUST(sotay_sync_begin(out->client, &out->sync, NULL) == SOTAY_OK);
    sotay_sync_can_fetch(out->sync);
    FUZZ_MUST(sotay_sync_next(out->sync, &out->request, NULL) == SOTAY_OK);
    go_to(all, out, PATHS[stage]);
    if (stage == STAGE_SNAPSHOT)
        go_to_snapshot(out, snapshot, sum);
}

void phone_stage_close(phone_ask *ask)
{
    sotay_sync_free(ask->sync);
    sotay_close(ask->client);
    sotay_port_close(&ask->port);
}
