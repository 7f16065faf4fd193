/* tools/fuzz/fuzz_sync.c - a server and any body of a request by a true device: the head and the
 * device's sets are signed anew after each change of them. Whatever came, the answer is one, and
 * the book is what its log says. */
#include <string.h>

#include "server/http/request.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/parts.h"

#define BODY_MAX (4u << 20)

enum { ANSWERED, STORED, ALL_STORED, ENROLMENT };
static fuzz_goal goals[] = { [ANSWERED] = { "a request is answered", 0 },
                             [STORED] = { "a set is stored", 0 },
                             [ALL_STORED] = { "three sets of one request are stored", 0 },
                             [ENROLMENT] = { "an enrolment is answered", 0 } };
FUZZ_MUST_REACH(goals);

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
    book_world_check(&request.reply, NULL, NULL);
    st_buffer_free(&request.reply);
    return request.status;
}

static void note(bool enrols, int status, uint64_t stored)
{
    goals[ANSWERED].times += !enrols && status == 200;
    goals[STORED].times += stored > 0;
    goals[ALL_STORED].times += stored >= 3;
    goals[ENROLMENT].times += enrols;
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
        book_world_head(world, "POST", "/v1/sync", &stream, head);
        fuzz_append(&body, head, sizeof head);
    }
    fuzz_append(&body, stream.data, stream.len);
    int status = ask(world, enrols, &body);
    uint64_t stored = book_world_entries(world) - world->entries;
    note(enrols, status, stored);
    if (stored > 0)
        FUZZ_MUST(rig_verify(&world->r) == 0);
    (void)book_world_restore(world);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
