/* tools/fuzz/fuzz_have.c - a server and any questions about pieces of files, pieces that come, and
 * wishes to have some, under a head that a true device signed. Whatever came, the answer is whole
 * and in order; what is said to be here lies on the disk under its hash, what nothing names does
 * not; the log is as it was. */
#include <string.h>

#include "server/http/request.h"
#include "server/store/chunks.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/parts.h"

#define BODY_MAX     (4u << 20)
#define ANSWERS_MAX  64u
#define VERIFY_EVERY 16u

enum { ANSWERED, KEPT, GIVEN };
static fuzz_goal goals[] = { [ANSWERED] = { "a question is answered", 0 },
                             [KEPT] = { "a piece is kept", 0 },
                             [GIVEN] = { "a piece is given", 0 } };
FUZZ_MUST_REACH(goals);

/* What was asked, in order, and how far the answer is. */
typedef struct {
    book_world *world;
    st_arena arena;
    st_have_ask asks[ANSWERS_MAX];
    size_t count, answered;
} asked;

static void note_ask(asked *a, const uint8_t *bytes, size_t len)
{
    st_frame frame;
    const uint8_t *copy = st_arena_copy(&a->arena, bytes, len);
    FUZZ_MUST(copy != NULL);
    if (a->count < ANSWERS_MAX && st_frame_decode(copy, len, &a->arena, &frame, NULL) == ST_OK &&
        frame.kind == ST_FRAME_HAVE_ASK)
        a->asks[a->count++] = frame.as.have_ask;
}

static void make_stream(asked *a, fuzz_bytes bytes, st_buffer *out)
{
    static st_buffer frames;
    const uint8_t *frame;
    size_t len;
    frames.max = BODY_MAX;
    st_buffer_clear(&frames);
    while (parts_next(&bytes, &frame, &len)) {
        note_ask(a, frame, len);
        fuzz_frame(frame, len, &frames);
    }
    fuzz_stream(frames.data, frames.len, out);
}

static bool lists(const st_hash *hashes, uint32_t count, const st_hash *hash)
{
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(hashes[i].b, hash->b, sizeof hash->b) == 0)
            return true;
    return false;
}

/* Is a hash neither missing nor unknown? Then the file of a record that an may read has it. */
static void must_be_here(const asked *a, const st_have_ask *ask, const st_have_answer *answer)
{
    for (uint32_t i = 0; i < ask->hashes_count; i++) {
        chunks_state state = CHUNKS_MISSING;
        uint64_t len = 0;
        const st_hash *hash = &ask->hashes[i];
        if (lists(answer->missing, answer->missing_count, hash) ||
            lists(answer->unknown, answer->unknown_count, hash))
            continue;
        FUZZ_MUST(chunks_check(a->world->r.dir, hash, &state, &len, NULL) == ST_OK);
        FUZZ_MUST(state == CHUNKS_WHOLE && lists(a->world->hashes, BOOK_PIECES, hash));
    }
}

static void look(void *context, const st_frame *frame)
{
    asked *a = context;
    goals[ANSWERED].times += frame->kind == ST_FRAME_HAVE_ANSWER;
    goals[GIVEN].times += frame->kind == ST_FRAME_PIECE_BYTES;
    if (frame->kind == ST_FRAME_PIECE_BYTES)
        FUZZ_MUST(lists(a->world->hashes, BOOK_PIECES, &frame->as.piece_bytes.hash));
    if (frame->kind != ST_FRAME_HAVE_ANSWER)
        return;
    FUZZ_MUST(a->answered < a->count);
    const st_have_ask *ask = &a->asks[a->answered++];
    FUZZ_MUST(st_id_cmp(&frame->as.have_answer.record, &ask->record) == 0);
    if (ask->most == 0 && ask->skip == 0)
        must_be_here(a, ask, &frame->as.have_answer);
}

static void ask(asked *a, const char *method, const char *path, const st_buffer *body)
{
    http_request request = { .rooms = &a->world->r.srv,
                             .method = method,
                             .path = path,
                             .status = 200,
                             .who = "-",
                             .body = body->data,
                             .body_len = body->len };
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    http_handle_have(&request);
    FUZZ_MUST(request.status == 200 || (request.status >= 400 && request.status < 500));
    book_world_check(&request.reply, look, a);
    st_buffer_free(&request.reply);
}

/* Only what the record names was kept; then the disk is as it was. */
static void clean(book_world *world, bool was_put)
{
    uint64_t bytes = 0, named = 0;
    for (size_t i = 0; i < BOOK_PIECES; i++) {
        bool has = false;
        FUZZ_MUST(chunks_has(world->r.dir, &world->hashes[i], &has, NULL) == ST_OK);
        named += has ? world->pieces[i].len : 0;
    }
    goals[KEPT].times += was_put && named > 0;
    FUZZ_MUST(chunks_total(world->r.dir, &bytes, NULL) == ST_OK && bytes == named);
    for (size_t i = 0; i < BOOK_PIECES; i++)
        FUZZ_MUST(chunks_remove(world->r.dir, &world->hashes[i], NULL) == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const METHODS[] = { "POST", "PUT", "POST" };
    static const char *const PATHS[] = { "/v1/have", "/v1/chunks", "/v1/fetch" };
    static st_buffer stream, body;
    uint8_t head[ST_HEAD_BYTES];
    asked a = { .world = book_world_get() };
    size_t which = size % 3;
    stream.max = body.max = BODY_MAX;
    st_buffer_clear(&stream);
    st_buffer_clear(&body);
    st_arena_init(&a.arena, (size_t)64 << 20);
    if (which == 2) /* there is something to be had */
        FUZZ_MUST(chunks_put(a.world->r.dir,
                             &(chunks_piece){ "seed", a.world->hashes[0], a.world->pieces[0].bytes,
                                              a.world->pieces[0].len },
                             NULL) == ST_OK);
    make_stream(&a, (fuzz_bytes){ data, size }, &stream);
    book_world_head(a.world, METHODS[which], PATHS[which], &stream, head);
    fuzz_append(&body, head, sizeof head);
    fuzz_append(&body, stream.data, stream.len);
    ask(&a, METHODS[which], PATHS[which], &body);
    clean(a.world, which == 1);
    FUZZ_MUST(book_world_entries(a.world) == a.world->entries);
    if (size % VERIFY_EVERY == 0)
        FUZZ_MUST(rig_verify(&a.world->r) == 0);
    st_arena_reset(&a.arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
