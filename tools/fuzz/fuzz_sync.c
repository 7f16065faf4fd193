/* tools/fuzz/fuzz_sync.c - a server and any body of a request by a true device: the head and the
 * device's sets are signed anew after each change of them. Whatever came, the answer is one, and
 * the book is what its log says. */
#include <string.h>

#include "proto/frame.h"
#include "server/http/request.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/parts.h"

#define BODY_MAX     (4u << 20)
#define VERIFY_EVERY 8u

/* The zstd stream of the input's frames. */
static void make_stream(const book_world *world, fuzz_bytes bytes, st_buffer *out)
{
    static st_buffer frames, copy;
    const parts_signer signer = { world->an.device, world->r.srv.keys.log, world->an.secret };
    const uint8_t *frame;
    size_t len;
    frames.max = copy.max = BODY_MAX;
    st_buffer_clear(&frames);
    while (parts_next(&bytes, &frame, &len)) {
        st_buffer_clear(&copy);
        fuzz_append(&copy, frame, len);
        if (len > 0)
            parts_sign(copy.data, len, &signer);
        fuzz_frame(copy.data, len, &frames);
    }
    fuzz_stream(frames.data, frames.len, out);
}

static void make_head(book_world *world, const st_buffer *stream, uint8_t out[ST_HEAD_BYTES])
{
    static st_buffer text;
    st_head head = { .device = world->an.device, .counter = ++world->an.request_counter };
    st_hash body = st_sha256(stream->data, stream->len);
    text.max = 4096;
    st_buffer_clear(&text);
    FUZZ_MUST(st_head_sign_text(&head, "POST", "/v1/sync", &body, &world->r.srv.keys.log, &text) ==
              ST_OK);
    st_sign(world->an.secret, text.data, text.len, head.signature);
    st_head_encode(&head, out);
}

/* An answer is a whole stream of frames, of which each can be read. */
static void check_reply(const st_buffer *reply)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes;
    size_t len;
    st_err bad = ST_OK;
    FUZZ_MUST(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) == ST_OK);
    FUZZ_MUST(st_frame_feed(reader, reply->data, reply->len, NULL) == ST_OK);
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        st_arena arena;
        st_frame frame;
        st_arena_init(&arena, (size_t)64 << 20);
        FUZZ_MUST(st_frame_decode(bytes, len, &arena, &frame, NULL) == ST_OK);
        FUZZ_MUST(frame.kind != ST_FRAME_NONE);
        st_arena_reset(&arena);
    }
    FUZZ_MUST(bad == ST_OK && st_frame_is_complete(reader));
    st_frame_reader_free(reader);
}

static int ask(book_world *world, bool enrols, const st_buffer *body)
{
    http_request request = { .rooms = &world->r.srv,
                             .method = "POST",
                             .path = enrols ? "/v1/enrol" : "/v1/sync",
                             .status = 200,
                             .who = "-",
                             .body = body->data,
                             .body_len = body->len };
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    if (enrols)
        http_handle_enrol(&request);
    else
        http_handle_sync(&request);
    FUZZ_MUST(request.status == 200 || (request.status >= 400 && request.status < 500));
    check_reply(&request.reply);
    st_buffer_free(&request.reply);
    return request.status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer stream, body;
    book_world *world = book_world_get();
    fuzz_bytes bytes = { data, size };
    bool enrols = size >= 3 && data[0] == 0x0a && size % 64 == 63;
    stream.max = body.max = BODY_MAX;
    st_buffer_clear(&stream);
    st_buffer_clear(&body);
    make_stream(world, bytes, &stream);
    uint8_t head[ST_HEAD_BYTES];
    if (!enrols) {
        make_head(world, &stream, head);
        fuzz_append(&body, head, sizeof head);
    }
    fuzz_append(&body, stream.data, stream.len);
    (void)ask(world, enrols, &body);
    if (size % VERIFY_EVERY == 0 && book_world_entries(world) != world->entries)
        FUZZ_MUST(rig_verify(&world->r) == 0);
    (void)book_world_restore(world);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
