/* tools/fuzz/fuzz_range.c - a wish for bytes of a snapshot: any path, Range and signed head, of a
 * device that may read it, of one that may not, of nobody. A true wish gets the very bytes that
 * lie on the disk, no more than one answer holds, or hears that there are none so far back; any
 * other gets none, nor does who asks the same and may not. The same head is good once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/snapshot.h"
#include "server/http/request.h"
#include "server/sync/snapshot.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/fuzz.h"

#define ANSWER_MAX ((uint64_t)2 << 20)
#define LONG_BYTES ((size_t)(2 << 20) + 1000) /* more than one answer */
#define CUTS       3u

/* One that was cut. an and binh may read the first two. */
typedef struct {
    char path[ST_SNAPSHOT_PATH_SIZE];
    uint8_t *bytes;
    size_t len;
} cut;

typedef struct {
    book_world *book;
    rig_phone chi, nobody;
    cut cuts[CUTS];
} range_world;

/* How the head is not what it should be. */
enum { HEAD_TRUE = 4, HEAD_OF_ANOTHER = 4, HEAD_CHANGED, HEAD_OF_THE_INPUT, HEAD_NONE, HEAD_HOWS };

typedef struct {
    range_world *world;
    rig_phone *phone;
    char path[ST_SNAPSHOT_PATH_SIZE], range[128], words[256];
    char head[4 * ((ST_HEAD_BYTES + 2) / 3) + 1];
    unsigned head_how;
    uint16_t head_choice;
} wish;

/* ---- the world ---- */

static void push_visits(rig_phone *phone, const char *bucket)
{
    rig_begin(phone, bucket);
    for (unsigned i = 0; i < 2 * SYNC_SNAPSHOT_RECORDS_MIN; i++)
        (void)rig_visit(phone, "một ghi chú");
    FUZZ_MUST(rig_push_one(phone, rig_seal(phone), NULL) == ST_VERDICT_STORED);
}

static void read_cut(const range_world *world, cut *out)
{
    char file[sizeof world->book->r.dir + 96];
    (void)snprintf(file, sizeof file, "%s/snapshots/%s.zst", world->book->r.dir,
                   strrchr(out->path, '/') + 1);
    FILE *from = fopen(file, "rb");
    out->bytes = malloc(LONG_BYTES);
    FUZZ_MUST(from != NULL && out->bytes != NULL);
    out->len = fread(out->bytes, 1, LONG_BYTES, from);
    FUZZ_MUST(out->len > 100 && fclose(from) == 0);
}

/* As long as those of large communes. */
static void make_long(const range_world *world, cut *c)
{
    char file[sizeof world->book->r.dir + 96];
    (void)snprintf(file, sizeof file, "%s/snapshots/%s.zst", world->book->r.dir,
                   strrchr(c->path, '/') + 1);
    for (size_t i = c->len; i < LONG_BYTES; i++)
        c->bytes[i] = (uint8_t)(i * 31 + i / 256);
    c->len = LONG_BYTES;
    FILE *to = fopen(file, "wb");
    FUZZ_MUST(to != NULL && fwrite(c->bytes, c->len, 1, to) == 1 && fclose(to) == 0);
}

static void make_cut(range_world *world, const char *name, cut *out)
{
    st_bucket bucket;
    st_snapshot snapshot;
    st_arena arena;
    store_txn txn = { 0 };
    sync_room *room = &world->book->r.srv.sync;
    FUZZ_MUST(st_bucket_set(&bucket, name, strlen(name)));
    FUZZ_MUST(sync_snapshot_prepare(room, &bucket, NULL, NULL) == ST_OK);
    st_arena_init(&arena, (size_t)64 << 20);
    FUZZ_MUST(store_begin(room->store, STORE_READ_TXN, &txn, NULL) == ST_OK);
    FUZZ_MUST(sync_snapshot_offer(room, &txn, &bucket, &arena, &snapshot, NULL) == ST_OK);
    store_end(&txn);
    st_hash hash = st_snapshot_name(&snapshot);
    st_snapshot_path(&bucket, &hash, out->path);
    st_arena_reset(&arena);
    read_cut(world, out);
}

static void make(range_world *world)
{
    rig *r = &(world->book = book_world_get())->r;
    (void)rig_assign(r, "chi", RIG_OTHER_UNIT);
    rig_enrol(r, &world->chi, "chi");
    world->nobody = world->chi;
    world->nobody.device.b[0] ^= 1;
    push_visits(&world->book->an, RIG_BUCKET);
    make_cut(world, RIG_BUCKET, &world->cuts[1]);
    push_visits(&world->book->an, RIG_BUCKET);
    make_cut(world, RIG_BUCKET, &world->cuts[0]);
    push_visits(&world->chi, RIG_OTHER);
    make_cut(world, RIG_OTHER, &world->cuts[2]);
    FUZZ_MUST(strcmp(world->cuts[0].path, world->cuts[1].path) != 0);
    make_long(world, &world->cuts[1]);
}

static range_world *world_get(void)
{
    static range_world world;
    if (world.book == NULL)
        make(&world);
    return &world;
}

/* ---- what is wished ---- */

/* Of two wishes one is for something that is there. */
static void read_path(wish *w, fuzz_bytes *bytes)
{
    uint8_t how = fuzz_u8(bytes), at = fuzz_u8(bytes), to = fuzz_u8(bytes);
    (void)snprintf(w->path, sizeof w->path, "%s", w->world->cuts[how % CUTS].path);
    if (how / CUTS % 4 == 2 && to != 0)
        w->path[at % strlen(w->path)] = (char)to;
    if (how / CUTS % 4 == 3)
        (void)snprintf(w->path, sizeof w->path, "%.*s", (int)sizeof w->path - 1, w->words);
}

static void sign(wish *w)
{
    const uint16_t choice = w->head_choice;
    static const st_buffer EMPTY;
    st_head head = { 0 };
    uint8_t bytes[ST_HEAD_BYTES_MAX];
    bool is_of_another = w->head_how == HEAD_OF_ANOTHER;
    const char *path = is_of_another && choice % 2 == 0 ? "/v1/snapshot/" : w->path;
    book_world_sign(w->phone, path == w->path && is_of_another ? "POST" : "GET", path, &EMPTY,
                    &head);
    FUZZ_MUST(st_head_encode(&head, bytes) == ST_HEAD_BYTES);
    if (w->head_how == HEAD_CHANGED)
        bytes[choice / 8 % ST_HEAD_BYTES] ^= (uint8_t)(1u << choice % 8);
    st_base64url(bytes, ST_HEAD_BYTES, w->head);
}

static void read_wish(wish *w, fuzz_bytes bytes)
{
    rig_phone *const PHONES[] = { &w->world->book->an, &w->world->book->binh, &w->world->chi,
                                  &w->world->nobody };
    uint8_t who = fuzz_u8(&bytes);
    w->head_choice = fuzz_u16(&bytes);
    fuzz_bytes path = { fuzz_take(&bytes, 3, &path.len), path.len };
    w->phone = PHONES[who % 4];
    w->head_how = who / 4 % HEAD_HOWS;
    fuzz_text(&bytes, w->range, sizeof w->range);
    fuzz_text(&bytes, w->words, sizeof w->words);
    read_path(w, &path);
}

/* ---- what it should get ---- */

/* What it may read; NULL: nothing of this path. */
static const cut *cut_of(const wish *w)
{
    const range_world *world = w->world;
    const cut *found = NULL;
    for (size_t i = 0; i < CUTS; i++)
        if (strcmp(world->cuts[i].path, w->path) == 0)
            found = &world->cuts[i];
    bool is_of_chi = found == &world->cuts[2];
    bool may = w->phone != &world->nobody && (w->phone == &world->chi) == is_of_chi;
    return may && w->head_how < HEAD_TRUE ? found : NULL;
}

/* Behind the digits; NULL: there are none, or they are too many. */
static const char *number(const char *at, uint64_t *out)
{
    const char *from = at;
    for (*out = 0; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*out > (UINT64_MAX - digit) / 10)
            return NULL;
        *out = *out * 10 + digit;
    }
    return at > from ? at : NULL;
}

static bool reads_range(const char *text, uint64_t *from, uint64_t *to)
{
    *to = UINT64_MAX;
    const char *at = strncmp(text, "bytes=", 6) == 0 ? number(text + 6, from) : NULL;
    if (at == NULL || *at++ != '-')
        return false;
    return (*at == '\0' || ((at = number(at, to)) != NULL && *at == '\0')) && *from <= *to;
}

enum { GIVEN, BEYOND, REFUSED };
static fuzz_goal goals[] = { [GIVEN] = { "bytes of a snapshot are given", 0 },
                             [BEYOND] = { "a wish beyond its end is answered", 0 },
                             [REFUSED] = { "a wish is refused", 0 } };
FUZZ_MUST_REACH(goals);

static void must_give(const cut *c, uint64_t from, uint64_t to, const http_request *request)
{
    char said[sizeof request->content_range];
    if (from >= c->len) {
        (void)snprintf(said, sizeof said, "bytes */%zu", c->len);
        goals[BEYOND].times++;
        FUZZ_MUST(request->status == 416 && request->reply.len == 0);
        FUZZ_MUST(strcmp(request->content_range, said) == 0);
        return;
    }
    goals[GIVEN].times++;
    uint64_t last = to < c->len - 1 ? to : c->len - 1;
    if (last - from >= ANSWER_MAX)
        last = from + ANSWER_MAX - 1;
    (void)snprintf(said, sizeof said, "bytes %" PRIu64 "-%" PRIu64 "/%zu", from, last, c->len);
    FUZZ_MUST(request->status == 206 && request->reply.len == last - from + 1);
    FUZZ_MUST(memcmp(request->reply.data, c->bytes + from, request->reply.len) == 0);
    FUZZ_MUST(strcmp(request->content_range, said) == 0);
}

static void must_refuse(const http_request *request)
{
    goals[REFUSED].times++;
    FUZZ_MUST(request->status >= 400 && request->status < 500 && request->status != 416);
    FUZZ_MUST(request->content_range[0] == '\0');
    book_world_check(&request->reply, NULL, NULL);
}

/* ---- asking ---- */

static void ask(const wish *w, bool is_second)
{
    const char *heads[] = { w->head, w->words, NULL };
    uint64_t from = 0, to = 0;
    const cut *found = cut_of(w);
    http_request request = { .rooms = &w->world->book->r.srv,
                             .method = "GET",
                             .path = w->path,
                             .status = 200,
                             .who = "-",
                             .range = w->range[0] == '!' ? NULL : w->range,
                             .signed_head = heads[w->head_how == HEAD_OF_THE_INPUT ? 1
                                                  : w->head_how == HEAD_NONE       ? 2
                                                                                   : 0] };
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    http_handle_snapshot(&request);
    if (found != NULL && !is_second && reads_range(w->range, &from, &to))
        must_give(found, from, to, &request);
    else
        must_refuse(&request);
    st_buffer_free(&request.reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wish w = { .world = world_get() };
    read_wish(&w, (fuzz_bytes){ data, size });
    sign(&w);
    ask(&w, false);
    if (size % 4 == 0) {
        ask(&w, true);
        return 0;
    }
    w.phone = w.phone == &w.world->chi ? &w.world->book->an : &w.world->chi;
    sign(&w);
    ask(&w, false);
    return 0;
}
