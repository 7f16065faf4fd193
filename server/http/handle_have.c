/* server/http/handle_have.c - POST /v1/have, PUT /v1/chunks and POST /v1/fetch: pieces of
 * attachments, in a lane of their own beside the data. Promises that a piece is on disk before it
 * is no longer missing, and that a request counter is taken before anything is stored. */
#include <stdio.h>
#include <string.h>

#include "server/http/stream.h"
#include "server/sync/fetch.h"
#include "server/sync/ingest.h"

#define ARENA_BYTES_MAX (8u << 20)        /* what every request may take without asking */
#define WORK_BYTES_MAX ((size_t)64 << 20) /* to look into one record */
#define ASKS_MAX 64u

typedef struct {
    server *rooms;
    sync_request sync;         /* for its counter only */
    st_arena arena;            /* frames, and copies of the pieces */
    st_have_ask asks[ASKS_MAX];
    size_t count;
    bool may_put, fetches;
    char part[64];
    st_chunk stream;           /* what follows the head */
    st_buffer joined;          /* the same, when its beginning came with an earlier request */
} pieces;

static st_err take_frame(void *context, const uint8_t *bytes, size_t len, st_error *error)
{
    pieces *p = context;
    st_frame frame;
    const uint8_t *copy = st_arena_copy(&p->arena, bytes, len);
    if (copy == NULL)
        return st_fail(error, st_arena_refused(&p->arena, len),
                       "body: more than can be taken in at once");
    st_err err = st_frame_decode(copy, len, &p->arena, &frame, error);
    if (err != ST_OK || frame.kind == ST_FRAME_NONE)
        return err;
    if (frame.kind != ST_FRAME_HAVE_ASK ||
        (frame.as.have_ask.chunks_count > 0 && !p->may_put))
        return st_fail(error, ST_E_CORRUPT, "body: a frame is out of place");
    if (p->fetches && p->count > 0)
        return st_fail(error, ST_E_CORRUPT, "body: one file is fetched at a time");
    if (p->count == ASKS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "body: more than %u records", ASKS_MAX);
    p->asks[p->count++] = frame.as.have_ask;
    return ST_OK;
}

/* The stream, of which the beginning may have been kept. */
static st_err find_stream(pieces *p, const http_request *request, const st_head *head,
                          st_error *error)
{
    size_t size = st_head_bytes(head);
    p->stream = (st_chunk){ request->body + size, request->body_len - size };
    if (head->has_base || (head->skip > 0 && !p->may_put))
        return st_fail(error, ST_E_CORRUPT, "request: these streams lean on nothing");
    if (head->skip == 0)
        return ST_OK;
    st_err err = begun_take(http_server_begun(request->server), &head->device, head->skip,
                            http_mono_ms(), &p->joined, error);
    if (err == ST_OK)
        err = st_buffer_append(&p->joined, p->stream.bytes, p->stream.len, error);
    p->stream = (st_chunk){ p->joined.data, p->joined.len };
    return err;
}

static st_err check_head(pieces *p, http_request *request, st_error *error)
{
    st_head head;
    store_txn txn = { 0 };
    char hex[33];
    st_err err = st_head_decode(request->body, request->body_len, &head, error);
    if (err == ST_OK)
        err = find_stream(p, request, &head, error);
    if (err != ST_OK)
        return err;
    st_id_format(&head.device, hex);
    memcpy(request->who, hex, 8);
    (void)snprintf(p->part, sizeof p->part, "%s-%llu", hex, (unsigned long long)head.counter);
    auth_request signed_request = { request->method, request->path, p->stream.bytes,
                                    p->stream.len };
    err = store_begin(p->rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = auth_head_check(&txn, &p->rooms->keys, &head, &signed_request, &p->sync.device,
                              error);
    store_end(&txn);
    p->sync.has_counter = true;
    p->sync.counter = head.counter;
    if (err == ST_E_SIGNATURE && head.skip > 0) /* somebody else's beginning: all of it, then */
        err = st_fail(error, ST_E_CHANGED, "request: what was kept is not its beginning");
    return err;
}

static st_err put_frame(void *context, const st_frame *frame, st_error *error)
{
    return http_stream_put(context, frame, error);
}

/* One answer for each frame, in their order. What is read of a record is given back after it. */
static st_err answer_all(pieces *p, http_request *request, st_error *error)
{
    http_stream stream = { 0 };
    st_arena work;
    st_arena_init(&work, WORK_BYTES_MAX);
    have_asker asker = { &p->sync.device, p->part, &work, p->rooms->writer };
    st_err err = http_stream_begin(&stream, request, error);
    fetch_out out = { &stream, put_frame };
    if (err == ST_OK && p->fetches && p->count == 1)
        err = sync_fetch(&p->rooms->sync, &asker, &p->asks[0], &out, error);
    for (size_t i = 0; err == ST_OK && !p->fetches && i < p->count; i++) {
        st_frame frame = { .kind = ST_FRAME_HAVE_ANSWER };
        err = sync_have(&p->rooms->sync, &asker, &p->asks[i], &frame.as.have_answer, error);
        if (err == ST_OK && i == 0 && !p->may_put)
            frame.as.have_answer.kept = begun_of(http_server_begun(request->server),
                                                 &p->sync.device.id, http_mono_ms());
        if (err == ST_OK)
            err = http_stream_put(&stream, &frame, error);
        st_arena_reset(&work);
    }
    if (err == ST_OK)
        err = http_stream_end(&stream, error);
    http_stream_free(&stream);
    st_arena_reset(&work);
    return err;
}

void http_handle_have(http_request *request)
{
    pieces p = { .rooms = request->rooms,
                 .may_put = strcmp(request->method, "PUT") == 0,
                 .fetches = strcmp(request->path, "/v1/fetch") == 0 };
    st_error error = { 0 };
    http_taker taker = { &p, take_frame };
    st_arena_init(&p.arena, ARENA_BYTES_MAX);
    st_buffer_init(&p.joined, 2 * BEGUN_ONE_BYTES_MAX);
    sync_request_init(&p.sync, ARENA_BYTES_MAX);
    st_err err = check_head(&p, request, &error);
    if (err == ST_OK)
        err = http_read_frames(p.stream.bytes, p.stream.len, NULL, &taker, &error);
    if (err == ST_OK && p.may_put)
        begun_drop(http_server_begun(request->server), &p.sync.device.id, http_mono_ms());
    if (err == ST_OK)
        err = sync_request_submit(&p.sync, request->rooms->writer, &error);
    if (err == ST_OK)
        err = answer_all(&p, request, &error);
    if (err != ST_OK)
        http_refuse(request, &error, p.sync.counter_highest);
    sync_request_free(&p.sync);
    st_arena_reset(&p.arena);
    st_buffer_free(&p.joined);
}
