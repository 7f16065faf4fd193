/* tools/fuzz/fuzz_begun.c - uploads whose line breaks anywhere, that go on at any place, of two
 * phones and with bytes that somebody else leaves in their names. What the server says that it kept
 * of a phone is what came last in its name, and bounded; a request that goes on is taken when what
 * was kept is byte for byte the beginning of what its phone signed, else it is refused as changed,
 * takes nothing in, and the same request comes through whole. */
#include <string.h>

#include "server/http/request.h"
#include "server/store/chunks.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/fuzz.h"

#define STEPS_MAX    16u
#define PHONES       2u
#define STREAMS      4u
#define STREAM_MAX   ((size_t)24 << 10)
#define FLOOD        (BEGUN_BYTES_MAX / BEGUN_ONE_BYTES_MAX + 1)
#define VERIFY_EVERY 64u

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* What came last in the name of a phone. */
typedef struct {
    uint8_t bytes[BEGUN_ONE_BYTES_MAX];
    size_t len, of;
} beginning;

typedef struct {
    book_world *book;
    http_server *http;
    begun *b;
    rig_phone *phones[PHONES];
    st_buffer streams[STREAMS];
    beginning last[PHONES];
    uint8_t body[ST_HEAD_BYTES_MAX + BEGUN_ONE_BYTES_MAX + 1];
} begun_world;

/* One step of an input. */
typedef struct {
    size_t phone, stream, skip, came;
    unsigned how;
    bool may_flood; /* which is dear: in one input of eight, once */
} step;

/* ---- the world ---- */

/* The pieces of the visit's file, then one of nobody's: `len` bytes, different in their last third
 * for each seed. */
static void make_stream(const book_world *book, uint8_t seed, size_t len, st_buffer *out)
{
    static uint8_t filler[STREAM_MAX];
    st_buffer encoded, frames;
    st_chunk chunks[BOOK_PIECES + 1];
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK };
    for (size_t i = 0; i < len; i++)
        filler[i] = (uint8_t)(i * 7 + (i > len / 3 * 2 ? seed : 0));
    memcpy(chunks, book->pieces, sizeof book->pieces);
    chunks[BOOK_PIECES] = (st_chunk){ filler, len };
    frame.as.have_ask = (st_have_ask){ .record = book->visit,
                                       .hashes = book->hashes,
                                       .hashes_count = BOOK_PIECES,
                                       .chunks = chunks,
                                       .chunks_count = BOOK_PIECES + 1 };
    st_buffer_init(&encoded, STREAM_MAX);
    st_buffer_init(&frames, STREAM_MAX);
    out->max = STREAM_MAX;
    FUZZ_MUST(st_frame_encode(&frame, &encoded, NULL) == ST_OK);
    fuzz_frame(encoded.data, encoded.len, &frames);
    fuzz_stream(frames.data, frames.len, out);
    st_buffer_free(&frames);
    st_buffer_free(&encoded);
}

static void make(begun_world *world)
{
    const http_config config = { .listen = "127.0.0.1:0", .threads = 2, .quiet = true };
    world->book = book_world_get();
    FUZZ_MUST(http_start(&world->book->r.srv, &config, TOKEN, &world->http, NULL) == ST_OK);
    world->b = http_server_begun(world->http);
    world->phones[0] = &world->book->an;
    world->phones[1] = &world->book->binh;
    for (uint8_t i = 0; i < STREAMS; i++)
        make_stream(world->book, i, i < 3 ? 3000 : 16000, &world->streams[i]);
}

static begun_world *world_get(void)
{
    static begun_world world;
    if (world.book == NULL)
        make(&world);
    return &world;
}

/* ---- what breaks ---- */

static size_t phone_of(const begun_world *world, const st_id *device)
{
    size_t i = 0;
    while (i < PHONES && st_id_cmp(&world->phones[i]->device, device) != 0)
        i++;
    return i;
}

/* What is to be kept of a body of which `len` bytes came, as docs/protocol.md 7.11 has it. */
static void expect(begun_world *world, size_t len, size_t announced)
{
    st_head head;
    if (st_head_decode(world->body, len, &head, NULL) != ST_OK || head.has_base)
        return;
    size_t from = st_head_bytes(&head), phone = phone_of(world, &head.device);
    if (phone == PHONES || len == from || announced <= len)
        return;
    beginning *last = &world->last[phone];
    size_t whole = head.skip + (len - from), of = head.skip + (announced - from);
    if (head.skip > last->len || whole < BEGUN_ONE_BYTES_LEAST || whole > BEGUN_ONE_BYTES_MAX ||
        of > 2 * BEGUN_ONE_BYTES_MAX)
        return;
    memcpy(last->bytes + head.skip, world->body + from, len - from);
    last->len = whole;
    last->of = of;
}

static void must_be_kept(begun_world *world, size_t phone)
{
    const beginning *last = &world->last[phone];
    st_kept kept = begun_of(world->b, &world->phones[phone]->device, http_mono_ms());
    st_hash hash = st_sha256(last->bytes, last->len);
    FUZZ_MUST(kept.bytes == last->len && kept.of == last->of);
    FUZZ_MUST(last->len == 0 || memcmp(kept.check, hash.b, sizeof kept.check) == 0);
}

static void break_off(begun_world *world, size_t len, size_t announced)
{
    expect(world, len, announced);
    begun_keep(world->b, world->body, len, announced, http_mono_ms());
    for (size_t i = 0; i < PHONES; i++)
        must_be_kept(world, i);
}

/* A phone's own request, or with one bit of somebody else. */
static void break_stream(begun_world *world, const step *s, bool is_changed)
{
    const st_buffer *stream = &world->streams[s->stream];
    st_head head = { .device = world->phones[s->phone]->device,
                     .counter = 1,
                     .skip = (uint32_t)s->skip };
    size_t from = st_head_encode(&head, world->body);
    size_t rest = s->skip < stream->len ? stream->len - s->skip : 0;
    size_t came = s->came % (rest + 1);
    if (came == 0)
        return;
    memcpy(world->body + from, stream->data + s->skip, came);
    if (is_changed)
        world->body[from + s->came / 3 % came] ^= (uint8_t)(1u << s->came % 8);
    break_off(world, from + came, from + rest);
}

/* Any head before such bytes. */
static void break_any(begun_world *world, const step *s, fuzz_bytes *bytes)
{
    st_head head;
    const st_buffer *stream = &world->streams[s->stream];
    size_t from = 0, came = s->came % stream->len;
    const uint8_t *front = fuzz_take(bytes, ST_HEAD_BYTES_MAX, &from);
    memcpy(world->body, front, from);
    if (from > 17 && s->how % 2 == 0) /* version 1, device 16 */
        memcpy(world->body + 1, world->phones[s->phone]->device.b, 16);
    memcpy(world->body + from, stream->data, came);
    break_off(world, from + came, from + came + s->skip * 16);
    if (st_head_decode(world->body, from + came, &head, NULL) == ST_OK &&
        phone_of(world, &head.device) == PHONES)
        begun_drop(world->b, &head.device, http_mono_ms());
}

/* Many at once: older ones go, and all together have no more than they may. */
static void flood(begun_world *world)
{
    size_t sum = 0;
    st_buffer one;
    int64_t now_ms = http_mono_ms();
    st_head head = { .device = { { 0xf1 } }, .counter = 1 };
    size_t from = st_head_encode(&head, world->body);
    st_buffer_init(&one, 1);
    memset(world->body + from, 7, BEGUN_ONE_BYTES_MAX);
    for (uint8_t i = 0; i < FLOOD; i++) {
        world->body[2] = i;
        begun_keep(world->b, world->body, from + BEGUN_ONE_BYTES_MAX,
                   from + BEGUN_ONE_BYTES_MAX + 9, now_ms);
    }
    for (size_t i = 0; i < PHONES; i++) {
        st_kept kept = begun_of(world->b, &world->phones[i]->device, now_ms);
        if (kept.bytes == 0)
            world->last[i].len = world->last[i].of = 0;
        must_be_kept(world, i);
        sum += kept.bytes;
    }
    for (uint8_t i = 0; i < FLOOD; i++) {
        head.device.b[1] = i;
        if (begun_take(world->b, &head.device, 1, now_ms, &one, NULL) == ST_OK)
            sum += BEGUN_ONE_BYTES_MAX; /* each was kept whole, or not at all */
        begun_drop(world->b, &head.device, now_ms);
    }
    st_buffer_free(&one);
    FUZZ_MUST(sum <= BEGUN_BYTES_MAX && sum > BEGUN_BYTES_MAX / 2);
}

/* ---- what is asked ---- */

static int ask(begun_world *world, const char *method, size_t len, st_buffer *reply)
{
    http_request request = { .rooms = &world->book->r.srv,
                             .server = world->http,
                             .method = method,
                             .path = strcmp(method, "PUT") == 0 ? "/v1/chunks" : "/v1/have",
                             .status = 200,
                             .who = "-",
                             .body = world->body,
                             .body_len = len };
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    http_handle_have(&request);
    *reply = request.reply;
    return request.status;
}

/* The pieces came, or none did; then they are gone again. */
static void must_have(const book_world *book, bool came)
{
    for (size_t i = 0; i < BOOK_PIECES; i++) {
        bool has = false;
        FUZZ_MUST(chunks_has(book->r.dir, &book->hashes[i], &has, NULL) == ST_OK);
        FUZZ_MUST(has == came);
        if (has)
            FUZZ_MUST(chunks_remove(book->r.dir, &book->hashes[i], NULL) == ST_OK);
    }
}

/* All of the stream behind its first `skip` bytes, signed as a whole. */
static int put(begun_world *world, const step *s, size_t skip)
{
    const st_buffer *stream = &world->streams[s->stream];
    st_head head = { .skip = (uint32_t)skip };
    st_buffer reply;
    book_world_sign(world->phones[s->phone], "PUT", "/v1/chunks", stream, &head);
    size_t from = st_head_encode(&head, world->body);
    size_t rest = skip < stream->len ? stream->len - skip : 0;
    memcpy(world->body + from, stream->data + stream->len - rest, rest);
    int status = ask(world, "PUT", from + rest, &reply);
    book_world_check(&reply, NULL, NULL);
    st_buffer_free(&reply);
    return status;
}

enum { WENT_ON, NOT_ITS, QUESTION };
static fuzz_goal goals[] = { [WENT_ON] = { "an upload goes on where it broke", 0 },
                             [NOT_ITS] = { "what does not fit what is kept is refused", 0 },
                             [QUESTION] = { "what is kept is told", 0 } };
FUZZ_MUST_REACH(goals);

static void go_on(begun_world *world, const step *s)
{
    const st_buffer *stream = &world->streams[s->stream];
    beginning *last = &world->last[s->phone];
    bool is_its = s->skip <= last->len && s->skip <= stream->len &&
                  memcmp(last->bytes, stream->data, s->skip) == 0;
    int status = put(world, s, s->skip);
    FUZZ_MUST(status == (is_its ? 200 : 409));
    goals[WENT_ON].times += is_its && s->skip > 0;
    goals[NOT_ITS].times += !is_its;
    must_have(world->book, is_its);
    if (!is_its) { /* its counter is not used up */
        must_be_kept(world, s->phone);
        world->phones[s->phone]->request_counter--;
        FUZZ_MUST(put(world, s, 0) == 200);
        must_have(world->book, true);
    }
    last->len = last->of = 0;
    must_be_kept(world, s->phone);
}

typedef struct {
    const beginning *last;
    unsigned answers;
} asked;

static void look(void *context, const st_frame *frame)
{
    asked *a = context;
    FUZZ_MUST(frame->kind == ST_FRAME_HAVE_ANSWER && a->answers++ == 0);
    const st_kept *kept = &frame->as.have_answer.kept;
    st_hash hash = st_sha256(a->last->bytes, a->last->len);
    FUZZ_MUST(kept->bytes == a->last->len && kept->of == a->last->of);
    goals[QUESTION].times += kept->bytes > 0;
    FUZZ_MUST(kept->bytes == 0 || memcmp(kept->check, hash.b, sizeof kept->check) == 0);
}

/* What the server says that it kept. */
static void question(begun_world *world, const step *s)
{
    static st_buffer frames, stream;
    st_buffer encoded, reply;
    asked a = { &world->last[s->phone], 0 };
    st_head head = { 0 };
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK };
    frame.as.have_ask = (st_have_ask){ .record = world->book->visit,
                                       .hashes = world->book->hashes,
                                       .hashes_count = BOOK_PIECES };
    frames.max = stream.max = STREAM_MAX;
    st_buffer_clear(&frames);
    st_buffer_clear(&stream);
    st_buffer_init(&encoded, STREAM_MAX);
    FUZZ_MUST(st_frame_encode(&frame, &encoded, NULL) == ST_OK);
    fuzz_frame(encoded.data, encoded.len, &frames);
    fuzz_stream(frames.data, frames.len, &stream);
    st_buffer_free(&encoded);
    book_world_sign(world->phones[s->phone], "POST", "/v1/have", &stream, &head);
    size_t from = st_head_encode(&head, world->body);
    memcpy(world->body + from, stream.data, stream.len);
    FUZZ_MUST(ask(world, "POST", from + stream.len, &reply) == 200);
    book_world_check(&reply, look, &a);
    FUZZ_MUST(a.answers == 1);
    st_buffer_free(&reply);
}

/* ---- the steps ---- */

static step read_step(const begun_world *world, fuzz_bytes *bytes)
{
    uint8_t what = fuzz_u8(bytes), how = fuzz_u8(bytes);
    uint16_t skip = fuzz_u16(bytes), came = fuzz_u16(bytes);
    step s = { what % PHONES, what / PHONES % STREAMS, skip, came, how, false };
    if (what / 8 % 4 == 0)
        s.skip = 0;
    else if (what / 8 % 4 < 3) /* as the phone was told */
        s.skip = world->last[s.phone].len;
    return s;
}

static void take_step(begun_world *world, const step *s, fuzz_bytes *bytes)
{
    switch (s->how / 2 % 8) {
    case 0:
    case 1:
    case 2:
        break_stream(world, s, false);
        break;
    case 3:
        break_stream(world, s, true);
        break;
    case 4:
        break_any(world, s, bytes);
        break;
    case 5:
        question(world, s);
        break;
    default:
        if (s->may_flood)
            flood(world);
        else
            go_on(world, s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begun_world *world = world_get();
    fuzz_bytes bytes = { data, size };
    bool flooded = false;
    for (size_t i = 0; i < PHONES; i++) {
        begun_drop(world->b, &world->phones[i]->device, http_mono_ms());
        world->last[i].len = world->last[i].of = 0;
    }
    for (size_t i = 0; i < STEPS_MAX && bytes.len > 0; i++) {
        step s = read_step(world, &bytes);
        s.may_flood = size % 8 == 0 && s.how == 255 && !flooded;
        flooded = flooded || s.may_flood;
        take_step(world, &s, &bytes);
    }
    FUZZ_MUST(book_world_entries(world->book) == world->book->entries);
    if (size % VERIFY_EVERY == 0)
        FUZZ_MUST(rig_verify(&world->book->r) == 0);
    return 0;
}
