/* server/http/handle_enrol.c - POST /v1/enrol: a new device against a one-time code. The code is
 * the only thing that lets it in; asking again with the same keys gives the same answer. */
#include "server/http/stream.h"

#define ARENA_BYTES_MAX (4u << 20)

typedef struct {
    st_arena arena;
    st_enrol_ask ask;
    bool has_ask;
} enrolment;

static st_err take_frame(void *context, const uint8_t *bytes, size_t len, st_error *error)
{
    enrolment *en = context;
    st_frame frame;
    const uint8_t *copy = st_arena_copy(&en->arena, bytes, len);
    if (copy == NULL)
        return st_fail(error, st_arena_refused(&en->arena, len),
                       "body: more than can be taken in at once");
    st_err err = st_frame_decode(copy, len, &en->arena, &frame, error);
    if (err == ST_OK && (frame.kind != ST_FRAME_ENROL_ASK || en->has_ask))
        err = st_fail(error, ST_E_CORRUPT, "body: not one enrolment");
    if (err == ST_OK) {
        en->ask = frame.as.enrol_ask;
        en->has_ask = true;
        err = http_check_version(en->ask.version, error);
    }
    return err;
}

void http_handle_enrol(http_request *request)
{
    enrolment en = { .has_ask = false };
    http_stream stream = { 0 };
    st_error error = { 0 };
    st_frame frame = { .kind = ST_FRAME_ENROL_ANSWER };
    http_taker taker = { &en, take_frame };
    st_arena_init(&en.arena, ARENA_BYTES_MAX);
    st_err err = http_read_frames(request->body, request->body_len, NULL, &taker, &error);
    if (err == ST_OK && !en.has_ask)
        err = st_fail(&error, ST_E_CORRUPT, "body: no enrolment");
    if (err == ST_OK)
        err = sync_enrol(request->rooms->writer, &en.ask, &en.arena, &frame.as.enrol_answer,
                         &error);
    if (err == ST_OK)
        err = http_stream_begin(&stream, request, &error);
    if (err == ST_OK)
        err = http_stream_put(&stream, &frame, &error);
    if (err == ST_OK)
        err = http_stream_end(&stream, &error);
    if (err != ST_OK)
        http_refuse(request, &error, 0);
    http_stream_free(&stream);
    st_arena_reset(&en.arena);
}
