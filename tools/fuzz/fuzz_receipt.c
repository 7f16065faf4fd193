/* tools/fuzz/fuzz_receipt.c - a phone and any answer to its question for receipts: proofs and
 * leaves of a server that lies, with its own key, in one thing or another, or changed in one bit,
 * or bytes of nobody, in a stream that is whole or is not. Of each record it keeps what holds and
 * nothing else, gives it out as it came, and no later answer takes from it what it has. */
#include <string.h>

#include "proto/frame.h"
#include "tests/unit/client-lib/receipt_desk.h"
#include "tests/unit/client-lib/rows.h"
#include "tools/fuzz/fuzz.h"

#define RECORDS    2u
#define STREAM_MAX (256u << 10)

/* Two records of this phone: of the first it has the set, the second came as it stands. */
typedef struct {
    sotay_id id;
    uint64_t entry;
    answer truth;
} record;

typedef struct {
    bench desk;
    record records[RECORDS];
    sotay_receipt_ask ask;
} receipt_world;

/* What a server says otherwise, and of which record it holds all the same: what no set says, or
 * what cannot be compared without the set. */
enum { LIE_DEVICE = 1, LIE_FIRST, LIE_LAST, LIE_BUCKET, LIE_COMMIT, LIE_SIGNATURE, LIE_PLACE,
       LIE_KEY, LIE_COMMUNE, LIE_HASH, LIE_TIME, LIE_LEAVES, LIE_PREV, LIE_HLC, LIE_SEEN, LIE_VIA,
       LIES };
static const struct {
    bool first, second;
} HOLDS[LIES] = { [0] = { true, true },
                  [LIE_LAST] = { false, true },
                  [LIE_TIME] = { true, true },
                  [LIE_LEAVES] = { true, true },
                  [LIE_PREV] = { false, true },
                  [LIE_HLC] = { false, true },
                  [LIE_SEEN] = { false, true },
                  [LIE_VIA] = { false, true } };

/* What is done to the two files behind that. */
enum { FILES_LEFT, FILES_PROOF_CHANGED = 4, FILES_LEAF_CHANGED, FILES_OF_NOBODY, FILES_NONE,
       FILES_HOWS };

typedef struct {
    st_buffer proof, leaf;
    bool holds;
} pair;

/* ---- the world ---- */

/* As a snapshot leaves it: the state, and no line of its history. */
static void forget_lines(bench *b, const sotay_id *id)
{
    st_id visit = phone_id(id);
    book_key prefix = book_key_id(BOOK_HIST, &visit);
    book_scan scan = book_scan_of(&prefix);
    rows_begin(&b->an);
    while (book_scan_next(&b->an.client->book, &scan, NULL, NULL, NULL) == ST_OK)
        FUZZ_MUST(book_delete(&b->an.client->book, &scan.at, NULL) == ST_OK);
    rows_commit(&b->an);
}

static void note_record(bench *b, record *out)
{
    *out = (record){ b->visit, b->entry, truth(b) };
}

static void make(receipt_world *world)
{
    bench *b = &world->desk;
    bench_open(b);
    note_record(b, &world->records[0]);
    sotay_id second = phone_visit(&b->an, "đình");
    FUZZ_MUST(edge_sync(b->e, b->an.client, NULL, NULL) == SOTAY_OK);
    turn_to(b, &second);
    note_record(b, &world->records[1]);
    forget_lines(b, &second);
    world->ask.count = RECORDS;
    for (size_t i = 0; i < RECORDS; i++) {
        world->ask.records[i] = world->records[i].id;
        world->ask.entries[i] = world->records[i].entry;
    }
    FUZZ_MUST(world->records[0].entry != world->records[1].entry);
    sotay_close(b->an.client);
}

static receipt_world *world_get(void)
{
    static receipt_world world;
    if (world.ask.count == 0)
        make(&world);
    return &world;
}

/* ---- what the server answers ---- */

/* What only the set tells: its chain, its time, what its author had seen, how it was made. */
static void lie_of_set(st_leaf *leaf, unsigned what, uint8_t at)
{
    const bool has_seen = leaf->seen_size > 0;
    leaf->has_prev = leaf->has_prev || what == LIE_PREV;
    leaf->prev.b[at % 32] ^= what == LIE_PREV ? 1 : 0;
    leaf->hlc += what == LIE_HLC ? 1 + at : 0;
    leaf->seen_size += what == LIE_SEEN && (at % 2 == 0 || !has_seen) ? 1 + at : 0;
    leaf->seen_root.b[at % 32] ^= what == LIE_SEEN && at % 2 != 0 ? 1 : 0;
    if (what == LIE_VIA)
        leaf->via = leaf->via == ST_VIA_DEVICE ? ST_VIA_OPERATOR : ST_VIA_DEVICE;
}

static void lie(answer *a, unsigned what, uint8_t at)
{
    lie_of_set(&a->leaf, what, at);
    a->leaf.device.b[at % 16] ^= what == LIE_DEVICE ? 1 : 0;
    a->leaf.first += what == LIE_FIRST ? 1 + at : 0;
    a->leaf.last += what == LIE_LAST || what == LIE_FIRST ? 1 + at : 0;
    a->leaf.bucket.s[0] ^= what == LIE_BUCKET ? 1 : 0; /* of another commune */
    a->leaf.commit.b[at % 32] ^= what == LIE_COMMIT ? 1 : 0;
    a->leaf.dsig[at % 64] ^= what == LIE_SIGNATURE ? 1 : 0;
    a->place -= what == LIE_PLACE ? 1 : 0;
    a->other_key = what == LIE_KEY;
    a->other_commune = what == LIE_COMMUNE;
    a->other_hash = what == LIE_HASH;
    a->leaf.time_ms += what == LIE_TIME ? at : 0;
    a->other_leaves = what == LIE_LEAVES;
}

static void change(st_buffer *file, uint16_t at)
{
    if (file->len > 0)
        file->data[at / 8 % file->len] ^= (uint8_t)(1u << at % 8);
}

static void replace(st_buffer *file, fuzz_bytes *bytes)
{
    size_t len = 0;
    const uint8_t *some = fuzz_take(bytes, fuzz_u8(bytes), &len);
    st_buffer_clear(file);
    fuzz_append(file, some, len);
}

static void make_pair(receipt_world *world, size_t n, fuzz_bytes *bytes, pair *out)
{
    st_tree_head head;
    answer a = world->records[n].truth;
    unsigned what = fuzz_u8(bytes) % LIES, how = fuzz_u8(bytes) % FILES_HOWS;
    uint16_t at = fuzz_u16(bytes);
    st_buffer_init(&out->proof, ST_NOTE_BYTES_MAX);
    st_buffer_init(&out->leaf, ST_LEAF_BYTES_MAX);
    lie(&a, what, (uint8_t)at);
    world->desk.entry = world->records[n].entry;
    write_files(&world->desk, &a, &out->proof, &out->leaf, &head);
    out->holds = how < FILES_PROOF_CHANGED && (n == 0 ? HOLDS[what].first : HOLDS[what].second);
    if (how == FILES_PROOF_CHANGED)
        change(&out->proof, at);
    if (how == FILES_LEAF_CHANGED)
        change(&out->leaf, at);
    if (how >= FILES_OF_NOBODY)
        st_buffer_clear(&out->leaf);
    if (how == FILES_NONE)
        st_buffer_clear(&out->proof);
    if (how == FILES_OF_NOBODY && at % 2 == 0)
        replace(&out->proof, bytes);
    if (how == FILES_OF_NOBODY && at % 3 != 1)
        replace(&out->leaf, bytes);
}

/* Returns whether the stream is what the server's program makes of the two. */
static bool make_stream(const pair *pairs, fuzz_bytes *bytes, st_buffer *out)
{
    static st_buffer frames;
    frames.max = out->max = STREAM_MAX;
    st_buffer_clear(&frames);
    st_buffer_clear(out);
    uint8_t how = fuzz_u8(bytes) % 8;
    uint16_t at = fuzz_u16(bytes);
    for (size_t i = 0; i < RECORDS; i++) {
        fuzz_frame(pairs[i].proof.data, pairs[i].proof.len, &frames);
        fuzz_frame(pairs[i].leaf.data, pairs[i].leaf.len, &frames);
    }
    fuzz_stream(frames.data, frames.len, out);
    if (how == 5)
        out->len = at % out->len;
    if (how == 6)
        change(out, at);
    if (how == 7) {
        st_buffer_clear(out);
        fuzz_append(out, bytes->data, bytes->len);
    }
    return how < 5;
}

/* ---- what the phone makes of it ---- */

enum { KEPT, LIED };
static fuzz_goal goals[] = { [KEPT] = { "a receipt is kept", 0 },
                             [LIED] = { "one that does not hold comes whole", 0 } };
FUZZ_MUST_REACH(goals);

static void must_give_out(sotay_client *client, const sotay_id *id, const pair *p)
{
    sotay_receipt got;
    FUZZ_MUST(sotay_receipt_get(client, id, &got, NULL) == SOTAY_OK);
    FUZZ_MUST(got.proof.len == p->proof.len && got.leaf.len == p->leaf.len);
    FUZZ_MUST(memcmp(got.proof.data, p->proof.data, p->proof.len) == 0);
    FUZZ_MUST(memcmp(got.leaf.data, p->leaf.data, p->leaf.len) == 0);
    sotay_receipt_free(&got);
}

/* Returns how many of them are kept now; `had`: those that were, before. */
static size_t look(const receipt_world *world, sotay_client *client, const pair *pairs, bool *had)
{
    size_t kept = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        sotay_receipt_state state = { 0 };
        const record *r = &world->records[i];
        FUZZ_MUST(sotay_receipt_find(client, &r->id, &state, NULL) == SOTAY_OK);
        FUZZ_MUST(state.entry == r->entry && (state.kept == 0 || state.kept == r->entry));
        FUZZ_MUST(state.kept == 0 || pairs[i].holds || had[i]);
        FUZZ_MUST(state.kept != 0 || !had[i]);
        if (state.kept != 0 && !had[i])
            must_give_out(client, &r->id, &pairs[i]);
        kept += state.kept != 0 && !had[i];
        had[i] = state.kept != 0;
    }
    return kept;
}

static void take(const receipt_world *world, sotay_client *client, fuzz_bytes *bytes, bool *had)
{
    static st_buffer stream;
    pair pairs[RECORDS];
    size_t came = 0, expected = 0;
    bool again = had[0] || had[1];
    for (size_t i = 0; i < RECORDS; i++) {
        make_pair(world_get(), i, bytes, &pairs[i]);
        expected += pairs[i].holds;
    }
    bool is_whole = make_stream(pairs, bytes, &stream);
    sotay_slice all = { stream.data, stream.len };
    int rc = sotay_receipts_take(client, &world->ask, all, &came, NULL);
    FUZZ_MUST(rc == SOTAY_OK || rc == SOTAY_E_CORRUPT || rc == SOTAY_E_SIGNATURE ||
              rc == SOTAY_E_TOO_LARGE || rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_VERSION);
    size_t kept = look(world, client, pairs, had);
    goals[KEPT].times += kept;
    goals[LIED].times += is_whole && expected < RECORDS;
    FUZZ_MUST(is_whole ? came == expected : came <= expected);
    FUZZ_MUST(again || kept == came);
    for (size_t i = 0; i < RECORDS; i++) {
        st_buffer_free(&pairs[i].proof);
        st_buffer_free(&pairs[i].leaf);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sotay_open_how HOW = { NULL, true, "vi", 420 };
    const receipt_world *world = world_get();
    fuzz_bytes bytes = { data, size };
    bool had[RECORDS] = { false, false };
    sotay_port port;
    sotay_client *client = NULL;
    FUZZ_MUST(sotay_memory_copy(&world->desk.an.port, false, &port, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_open(&port, &HOW, &client, NULL) == SOTAY_OK);
    take(world, client, &bytes, had);
    if (bytes.len > 0)
        take(world, client, &bytes, had);
    sotay_close(client);
    sotay_port_close(&port);
    return 0;
}
