/* tools/fuzz/fuzz_bundle.c - `bundle import` on the server and any file: bytes of anybody, a bundle
 * truly signed by a phone of the book whose parts are whatever an input says (what can be sealed to
 * the server is), the same changed, cut or longer by something, one of a stranger, of another book.
 * It is refused whole, and the book is as it was; or it is taken, what it says it stored lies in
 * the log as entries that were not there, the book is what its log says, and the same file a second
 * time brings nothing more. Sets that a phone of the book honestly made are stored, whatever
 * other frames come behind them. */
#include <stdio.h>
#include <string.h>

#include "proto/carry.h"
#include "server/operator/operator.h"
#include "server/store/chunks.h"
#include "server/sync/sets.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/parts.h"

#define PARTS_MAX    64u
#define MANY         260u /* more than one turn of the writer takes */
#define BYTES_MAX    (4u << 20)
#define ARENA_BYTES  ((size_t)16 << 20)
#define VERIFY_EVERY 4u

/* What the first byte of an input says of the file. */
enum { FILE_ANY, FILE_CHANGED, FILE_LENGTH, FILE_FOREIGN, FILE_TRUE, FILE_HONEST, FILE_MANY = 7,
       FILE_HOWS };

typedef struct {
    book_world *world;
    unsigned how, more; /* more: where it is changed, what is foreign, ... */
    st_buffer frames, file;
    st_bundle_part parts[PARTS_MAX + MANY];
    uint32_t count;
    bool has_noise; /* a part of it is no frame */
    bool all_misnamed; /* nothing in it is what its parcel says */
    st_dot sets[PARTS_MAX]; /* of the sets that were sealed: the first change, each once */
    size_t sets_count;
} making;

typedef struct {
    unsigned long long stored, duplicate, held, unreadable, later, pieces, waiting;
} counts;

/* ---- making one ---- */

static void add_part(making *m, const uint8_t *bytes, size_t len)
{
    fuzz_append(&m->frames, bytes, len);
    m->parts[m->count++] = (st_bundle_part){ st_sha256(bytes, len), (uint32_t)len };
}

/* The clear part of what is sealed; false: it cannot be. */
static bool name_parcel(const st_frame *inside, st_arena *arena, st_parcel *out)
{
    st_set set = { 0 };
    const st_have_ask *have = &inside->as.have_ask;
    memset(out, 0, sizeof *out);
    if (inside->kind == ST_FRAME_HAVE_ASK && have->chunks_count == 1) {
        *out = (st_parcel){ .kind = ST_PARCEL_PIECE, .owner = have->record };
        out->name = st_sha256(have->chunks[0].bytes, have->chunks[0].len);
        return true;
    }
    if (inside->kind != ST_FRAME_SET)
        return false;
    (void)st_set_decode(inside->as.set.bytes, inside->as.set.len, arena, &set, NULL);
    *out = (st_parcel){ .kind = ST_PARCEL_SET, .owner = set.device, .first = set.first,
                        .name = set.hash };
    return true;
}

static void note_set(making *m, const st_parcel *parcel)
{
    const st_dot dot = { parcel->owner, parcel->first };
    for (size_t i = 0; i < m->sets_count; i++)
        if (st_dot_cmp(&m->sets[i], &dot) == 0)
            return;
    m->sets[m->sets_count++] = dot;
}

/* As a phone seals it, or under another name. */
static bool seal(making *m, const st_frame *inside, st_buffer *out)
{
    static st_buffer sealed;
    st_arena arena;
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    st_parcel *parcel = &frame.as.parcel;
    st_arena_init(&arena, ARENA_BYTES);
    sealed.max = BYTES_MAX;
    bool good = name_parcel(inside, &arena, parcel);
    if (good && parcel->kind == ST_PARCEL_SET)
        note_set(m, parcel);
    if (good && m->all_misnamed)
        parcel->name.b[m->more % sizeof parcel->name.b] ^= 1;
    const uint8_t *key = m->world->r.srv.keys.seal_public;
    good = good && st_parcel_seal(key, inside, parcel, &sealed, NULL) == ST_OK &&
           st_frame_encode(&frame, out, NULL) == ST_OK;
    st_arena_reset(&arena);
    return good;
}

/* One frame of the input: signed anew, sealed when that can be. */
static void put_frame(making *m, const uint8_t *bytes, size_t len)
{
    static st_buffer copy, out;
    const parts_signer signer = { m->world->an.device, m->world->r.srv.keys.log,
                                  m->world->an.secret };
    st_arena arena;
    st_frame frame;
    copy.max = out.max = BYTES_MAX;
    st_buffer_clear(&copy);
    st_buffer_clear(&out);
    fuzz_append(&copy, bytes, len);
    parts_sign(copy.data, len, &signer);
    st_arena_init(&arena, ARENA_BYTES);
    bool is_sealed = st_frame_decode(copy.data, len, &arena, &frame, NULL) == ST_OK &&
                     seal(m, &frame, &out);
    const st_buffer *part = is_sealed ? &out : &copy;
    add_part(m, part->data, part->len);
    bool is_frame = st_frame_decode(part->data, part->len, &arena, &frame, NULL) == ST_OK;
    m->has_noise = m->has_noise || !is_frame;
    st_arena_reset(&arena);
}

/* What the phone has not brought yet, as it made it. */
static void put_honest(making *m)
{
    static st_buffer bytes;
    bytes.max = BYTES_MAX;
    for (size_t i = 0; i < BOOK_HONEST; i++) {
        const store_slice *set = &m->world->honest[i];
        const st_frame frame = { .kind = ST_FRAME_SET,
                                 .as.set = { .bytes = set->data, .len = set->len } };
        st_buffer_clear(&bytes);
        FUZZ_MUST(st_frame_encode(&frame, &bytes, NULL) == ST_OK);
        put_frame(m, bytes.data, bytes.len);
    }
}

/* The first part again and again, and at the end something that is no frame. */
static void put_many(making *m)
{
    static uint8_t bytes[ST_SET_BYTES_MAX];
    size_t len = m->count > 0 ? m->parts[0].bytes : 0;
    if (len == 0 || len > 8192)
        return;
    memcpy(bytes, m->frames.data, len);
    for (unsigned i = 0; i < MANY - 1; i++)
        add_part(m, bytes, len);
    add_part(m, (const uint8_t *)"\xff", 1);
}

static void sign_head(making *m)
{
    uint8_t seed[32] = { 0x6b }, public_key[32], secret[64], text[ST_BUNDLE_SIGN_BYTES];
    const rig_phone *an = &m->world->an;
    bool is_stranger = m->how == FILE_FOREIGN && m->more % 2 == 0;
    st_bundle_head head = { .log = m->world->r.srv.keys.log, .made_ms = RIG_T0, .parts = m->parts,
                            .parts_count = m->count };
    st_sign_keypair(seed, public_key, secret);
    if (m->how == FILE_FOREIGN && !is_stranger)
        head.log.b[m->more / 2 % sizeof head.log.b] ^= 1;
    memcpy(head.sign_key, is_stranger ? public_key : an->public_key, sizeof head.sign_key);
    head.device = st_device_id(head.sign_key);
    st_bundle_sign_text(&head, text);
    st_sign(is_stranger ? secret : an->secret, text, sizeof text, head.signature);
    FUZZ_MUST(st_bundle_head_put(&head, &m->file, NULL) == ST_OK);
}

/* False: it is as its maker left it. */
static bool spoil(making *m)
{
    static const uint8_t MORE[] = "more";
    if (m->how == FILE_CHANGED)
        m->file.data[m->more * 7 % m->file.len] ^= (uint8_t)(1u << m->more % 8);
    else if (m->how == FILE_LENGTH && m->more % 4 == 0)
        fuzz_append(&m->file, MORE, 1 + m->more / 4 % (sizeof MORE - 1));
    else if (m->how == FILE_LENGTH)
        m->file.len = m->more * 5 % m->file.len;
    return m->how <= FILE_FOREIGN;
}

/* Returns whether it has to be refused. */
static bool make_file(making *m, fuzz_bytes bytes)
{
    const uint8_t *frame;
    size_t len;
    if (m->how == FILE_ANY) {
        fuzz_append(&m->file, bytes.data, bytes.len);
        return true;
    }
    if (m->how == FILE_HONEST)
        put_honest(m);
    while (m->count < PARTS_MAX && parts_next(&bytes, &frame, &len))
        if (len > 0)
            put_frame(m, frame, len);
    if (m->how == FILE_MANY)
        put_many(m);
    sign_head(m);
    if (m->frames.len > 0)
        fuzz_append(&m->file, m->frames.data, m->frames.len);
    return spoil(m) || (m->how == FILE_MANY && m->count > MANY);
}

/* ---- bringing it ---- */

static void write_file(const making *m, const char *path)
{
    FILE *file = fopen(path, "wb");
    FUZZ_MUST(file != NULL);
    FUZZ_MUST(m->file.len == 0 || fwrite(m->file.data, m->file.len, 1, file) == 1);
    FUZZ_MUST(fclose(file) == 0);
}

/* Is it taken? */
static bool import(book_world *world, const char *path, counts *out)
{
    static st_buffer text, why;
    const char *const WORDS[] = { "bundle", "import", path, "--json" };
    text.max = OPERATOR_OUT_BYTES_MAX;
    why.max = 65536;
    st_buffer_clear(&text);
    st_buffer_clear(&why);
    operator_call call = { .rooms = &world->r.srv, .argv = WORDS, .argc = 4, .lang = "vi",
                           .offset_minutes = 420, .out = &text, .err = &why };
    int code = operator_run(&call);
    FUZZ_MUST(code == 0 || code == 1 || code == 3);
    if (code == 1) {
        FUZZ_MUST(why.len > 0 && text.len == 0);
        return false;
    }
    fuzz_must_be_json(text.data, text.len);
    FUZZ_MUST(st_buffer_append(&text, "", 1, NULL) == ST_OK);
    FUZZ_MUST(sscanf((const char *)text.data,
                     "{\"stored\":%llu,\"duplicate\":%llu,\"held\":%llu,\"unreadable\":%llu,"
                     "\"later\":%llu,\"pieces\":%llu,\"pieces_waiting\":%llu}",
                     &out->stored, &out->duplicate, &out->held, &out->unreadable, &out->later,
                     &out->pieces, &out->waiting) == 7);
    FUZZ_MUST(code == (out->held + out->unreadable + out->later > 0 ? 3 : 0));
    return true;
}

/* Pieces on the disk that the record names, which then are gone; of others there are none. */
static size_t take_pieces(const book_world *world)
{
    uint64_t bytes = 0;
    size_t found = 0;
    for (size_t i = 0; i < BOOK_PIECES; i++) {
        bool has = false;
        FUZZ_MUST(chunks_has(world->r.dir, &world->hashes[i], &has, NULL) == ST_OK);
        if (has)
            FUZZ_MUST(chunks_remove(world->r.dir, &world->hashes[i], NULL) == ST_OK);
        found += has;
    }
    FUZZ_MUST(chunks_total(world->r.dir, &bytes, NULL) == ST_OK && bytes == 0);
    return found;
}

/* How many of its sets are entries now that the log did not have. */
static size_t sets_added(const making *m)
{
    store_txn txn = { 0 };
    size_t added = 0;
    FUZZ_MUST(store_begin(m->world->r.srv.sync.store, STORE_READ_TXN, &txn, NULL) == ST_OK);
    for (size_t i = 0; i < m->sets_count; i++) {
        uint64_t index = 0;
        st_err err = sets_find(&txn, &m->sets[i], &index, NULL);
        FUZZ_MUST(err == ST_OK || err == ST_E_NOT_FOUND);
        added += err == ST_OK && index > m->world->entries;
    }
    store_end(&txn);
    return added;
}

/* What was said to be stored is. */
static void look_for_sets(const making *m, const counts *said, uint64_t entries)
{
    const size_t added = sets_added(m);
    FUZZ_MUST(said->stored <= added && added <= entries - m->world->entries);
    if (m->how == FILE_HONEST)
        FUZZ_MUST(said->stored > 0 && added >= BOOK_HONEST);
}

static void take(const making *m, const char *path, const counts *first)
{
    counts again = { 0 };
    book_world *world = m->world;
    const uint64_t entries = book_world_entries(world);
    size_t pieces = take_pieces(world);
    look_for_sets(m, first, entries);
    FUZZ_MUST(first->pieces >= pieces && (pieces > 0 || first->pieces == 0));
    if (m->all_misnamed)
        FUZZ_MUST(entries == world->entries && pieces == 0);
    FUZZ_MUST(import(world, path, &again) && again.stored == 0);
    FUZZ_MUST(book_world_entries(world) == entries);
    (void)take_pieces(world);
    if (entries != world->entries && m->file.len % VERIFY_EVERY == 0)
        FUZZ_MUST(rig_verify(&world->r) == 0);
}

static making making_of(fuzz_bytes *bytes)
{
    making m = { .world = book_world_get() };
    m.how = fuzz_u8(bytes) % FILE_HOWS;
    m.more = fuzz_u16(bytes);
    m.all_misnamed = m.how == FILE_TRUE && m.more % 4 == 3;
    st_buffer_init(&m.frames, BYTES_MAX);
    st_buffer_init(&m.file, 2 * BYTES_MAX);
    return m;
}

enum { TAKEN, STORED, PIECES, REFUSED };
static fuzz_goal goals[] = { [TAKEN] = { "a file is taken", 0 },
                             [STORED] = { "a set of a file is stored", 0 },
                             [PIECES] = { "a piece of a file is kept", 0 },
                             [REFUSED] = { "a file that was spoilt is refused", 0 } };
FUZZ_MUST_REACH(goals);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    counts first = { 0 };
    fuzz_bytes bytes = { data, size };
    making m = making_of(&bytes);
    book_world *world = m.world;
    bool is_spoilt = make_file(&m, bytes);
    (void)snprintf(path, sizeof path, "%s.bundle", world->r.dir);
    write_file(&m, path);
    bool taken = import(world, path, &first);
    FUZZ_MUST(!(taken && is_spoilt));
    goals[TAKEN].times += taken;
    goals[STORED].times += first.stored > 0;
    goals[PIECES].times += first.pieces > 0;
    goals[REFUSED].times += is_spoilt;
    if (taken)
        take(&m, path, &first);
    FUZZ_MUST(taken || m.how != FILE_HONEST || m.has_noise);
    if (!taken)
        FUZZ_MUST(book_world_entries(world) == world->entries && take_pieces(world) == 0);
    (void)book_world_restore(world);
    st_buffer_free(&m.frames);
    st_buffer_free(&m.file);
    return 0;
}

/* The choice stays in front; the frames behind it are mutated field by field. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 3 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    return 3 + fuzz_mutate_message(data + 3, size - 3, size_max - 3, seed);
}
