/* tools/fuzz/fuzz_export.c - a log as an owner may publish it who has its key: any leaves, sets of
 * two devices signed anew, any list of devices, any confirmation, under tiles, root and signature
 * that fit. The reviewer's program neither ends nor hangs; a log that it passes continues itself,
 * each of its entries has a proof that holds, and one changed byte of a file is found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/parts.h"
#include "tools/verify/log.h"
#include "tools/verify/text.h"

#define LEAVES_MAX  600u
#define FILES_MAX   16u
#define BYTES_MAX   (1u << 20)
#define ARENA_BYTES (4u << 20)
#define PHONES      2u
#define ORIGIN      "01477"

typedef struct {
    uint8_t secret[64];
    st_id id;
    st_note_signer witness;
    char line[400]; /* of the list of devices */
} phone;

typedef struct {
    uint8_t secret[64];
    st_vkey vkey;
    st_id log;
    phone phones[PHONES];
} owner;

/* The files of one log, by name. */
typedef struct {
    char names[FILES_MAX][ST_TILE_PATH_BYTES];
    st_buffer bytes[FILES_MAX];
    size_t count;
} folder;

static void make_phone(phone *p, uint8_t which)
{
    uint8_t seed[32], key[32];
    char hex[33], base[48], text[ST_VKEY_BYTES];
    st_vkey vkey = { .type = ST_KEY_WITNESS };
    memset(seed, which, sizeof seed);
    st_sign_keypair(seed, key, p->secret);
    p->id = st_device_id(key);
    memset(seed, which + 0x40, sizeof seed);
    st_sign_keypair(seed, p->witness.public_key, p->witness.secret);
    st_witness_name(ORIGIN, &p->id, p->witness.name);
    memcpy(vkey.name, p->witness.name, sizeof vkey.name);
    memcpy(vkey.key, p->witness.public_key, sizeof vkey.key);
    st_vkey_format(&vkey, text);
    st_id_format(&p->id, hex);
    st_base64(key, sizeof key, base);
    (void)snprintf(p->line, sizeof p->line, "%s %s %s\n", hex, base, text);
}

static const owner *owner_get(void)
{
    static owner o;
    uint8_t seed[32];
    if (o.vkey.type == ST_KEY_LOG)
        return &o;
    memset(seed, 0x77, sizeof seed);
    st_sign_keypair(seed, o.vkey.key, o.secret);
    o.vkey.type = ST_KEY_LOG;
    o.log = st_log_id(o.vkey.key);
    st_origin(ORIGIN, &o.log, 1, o.vkey.name);
    for (uint8_t i = 0; i < PHONES; i++)
        make_phone(&o.phones[i], (uint8_t)(0x21 + i));
    return &o;
}

/* ---- the files ---- */

static st_buffer *new_file(folder *f, const char *name)
{
    FUZZ_MUST(f->count < FILES_MAX);
    (void)snprintf(f->names[f->count], sizeof f->names[0], "%s", name);
    f->bytes[f->count].max = BYTES_MAX;
    st_buffer_clear(&f->bytes[f->count]);
    return &f->bytes[f->count++];
}

static st_err read_file(void *context, const char *name, st_buffer *out, st_error *error)
{
    const folder *f = context;
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->names[i], name) == 0)
            return st_buffer_append(out, f->bytes[i].data, f->bytes[i].len, error);
    return st_fail(error, ST_E_NOT_FOUND, "%s: none", name);
}

/* The leaf as it was given; a set of one of the phones is signed by it. */
static void put_leaf(const owner *o, const uint8_t *bytes, size_t len, st_buffer *out)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_arena arena;
    st_leaf leaf;
    size_t before = out->len;
    st_arena_init(&arena, ARENA_BYTES);
    if (st_leaf_decode(bytes, len, &arena, &leaf, NULL) == ST_OK)
        for (size_t i = 0; i < PHONES; i++)
            if (st_id_cmp(&leaf.device, &o->phones[i].id) == 0 && leaf.has_commit) {
                st_set_sign_text(&o->log, &leaf.device, &leaf.commit, text);
                st_sign(o->phones[i].secret, text, sizeof text, leaf.dsig);
                FUZZ_MUST(st_leaf_encode(&leaf, out, NULL) == ST_OK);
                break;
            }
    if (out->len == before && len > 0)
        fuzz_append(out, bytes, len);
    st_arena_reset(&arena);
}

typedef struct {
    st_buffer entries;
    st_hash hashes[LEAVES_MAX];
    size_t ends[LEAVES_MAX];
    size_t count;
    bool has_list, is_confirmed;
} leaves;

static void add_leaf(const owner *o, const uint8_t *bytes, size_t len, leaves *l)
{
    const uint8_t blank[2] = { 0, 0 };
    size_t start = l->entries.len;
    if (l->count == LEAVES_MAX || start + len + 4096 > BYTES_MAX)
        return;
    fuzz_append(&l->entries, blank, sizeof blank);
    put_leaf(o, bytes, len, &l->entries);
    size_t leaf_len = l->entries.len - start - 2;
    st_put_u16(l->entries.data + start, (uint16_t)leaf_len);
    l->hashes[l->count] = st_leaf_hash(l->entries.data + start + 2, leaf_len);
    l->ends[l->count++] = l->entries.len;
}

static void write_tiles(const leaves *l, folder *f)
{
    for (uint64_t place = 0;; place++) {
        st_tile tile = { 0, place, st_tile_width(0, place, l->count) };
        char name[ST_TILE_PATH_BYTES];
        size_t first = (size_t)place * ST_TILE_WIDTH;
        if (tile.width == 0)
            return;
        st_tile_path(&tile, name);
        fuzz_append(new_file(f, name), l->hashes + first, tile.width * sizeof(st_hash));
        tile.level = ST_TILE_ENTRIES;
        st_tile_path(&tile, name);
        size_t begin = first == 0 ? 0 : l->ends[first - 1];
        fuzz_append(new_file(f, name), l->entries.data + begin,
                    l->ends[first + tile.width - 1] - begin);
    }
}

/* Level 1, root and checkpoint; and what phone 0 confirmed of it, if it did. */
static void write_heads(const owner *o, const leaves *l, folder *f)
{
    char name[48] = "witness/";
    st_tree_edge edge = { .size = 0 };
    st_checkpoint checkpoint;
    st_buffer *level = l->count < ST_TILE_WIDTH ? NULL : new_file(f, "");
    st_tile tile = { 1, 0, st_tile_width(1, 0, l->count) };
    if (level != NULL)
        st_tile_path(&tile, f->names[f->count - 1]);
    for (size_t i = 0; i < l->count; i++)
        if (st_tree_add(&edge, &l->hashes[i]) >= 8 && level != NULL)
            fuzz_append(level, edge.nodes[8].b, sizeof(st_hash));
    memcpy(checkpoint.origin, o->vkey.name, sizeof checkpoint.origin);
    checkpoint.head = (st_tree_head){ l->count, st_tree_root(&edge) };
    st_buffer *note = new_file(f, "checkpoint");
    FUZZ_MUST(st_checkpoint_sign(&checkpoint, o->secret, note, NULL) == ST_OK);
    if (!l->is_confirmed)
        return;
    st_arena arena;
    st_note taken;
    st_arena_init(&arena, ARENA_BYTES);
    FUZZ_MUST(st_note_decode(note->data, note->len, &arena, &taken, NULL) == ST_OK);
    st_id_format(&o->phones[0].id, name + 8);
    st_buffer *confirmed = new_file(f, name);
    fuzz_append(confirmed, note->data, note->len);
    FUZZ_MUST(st_cosign(&o->phones[0].witness, &taken, 1773282700, confirmed, NULL) == ST_OK);
    st_arena_reset(&arena);
}

/* Parts of an input: "d..." is a list of devices, "w" a confirmation, "r..." repeats what follows,
 * anything else is a leaf. */
static void take_part(const owner *o, const uint8_t *part, size_t len, leaves *l, folder *f)
{
    if (len > 0 && part[0] == 'd' && !l->has_list) {
        l->has_list = true;
        if (len > 1)
            fuzz_append(new_file(f, "devices"), part + 1, len - 1);
        else
            (void)new_file(f, "devices");
    } else if (len > 0 && part[0] == 'w') {
        l->is_confirmed = true;
    } else {
        size_t times = len > 1 && part[0] == 'r' ? 1 + part[1] : 1;
        size_t skip = times > 1 ? 2 : 0;
        for (size_t i = 0; i < times; i++)
            add_leaf(o, part + skip, len - skip, l);
    }
}

static void publish(const owner *o, fuzz_bytes bytes, folder *f)
{
    static leaves l;
    const uint8_t *part;
    size_t len;
    l.entries.max = BYTES_MAX;
    st_buffer_clear(&l.entries);
    l.count = 0;
    l.has_list = l.is_confirmed = false;
    while (parts_next(&bytes, &part, &len))
        take_part(o, part, len, &l, f);
    if (!l.has_list) {
        st_buffer *list = new_file(f, "devices");
        FUZZ_MUST(st_buffer_printf(list, NULL, "sotay-devices/v1\n") == ST_OK);
        for (size_t i = 0; i < PHONES; i++)
            fuzz_append(list, o->phones[i].line, strlen(o->phones[i].line));
    }
    write_tiles(&l, f);
    write_heads(o, &l, f);
}

/* ---- the reviewer ---- */

/* What is complained of has foreign words in it, and is said in Vietnamese too. */
static void complain(const char *said)
{
    static st_buffer vi;
    bool is_known = false;
    vi.max = BYTES_MAX;
    st_buffer_clear(&vi);
    FUZZ_MUST(verify_text_vi(said, &vi, &is_known) == ST_OK && vi.len > 0);
}

static st_err review(const owner *o, folder *f, verify_log *log)
{
    const verify_source source = { f, read_file };
    st_error error = { .detail = "" };
    memset(log, 0, sizeof *log);
    log->is_strict = true;
    st_err err = verify_log_read(log, &source, &o->vkey, &error);
    if (err != ST_OK)
        complain(error.detail);
    for (size_t i = 0; i < log->doubts_count; i++) {
        (void)verify_say_doubt(log, i, &error);
        complain(error.detail);
    }
    return err;
}

static const st_buffer *file_of(const folder *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->names[i], name) == 0)
            return &f->bytes[i];
    return NULL;
}

/* The proof of one entry in a file, against the entry and against another. */
static void check_entry(const owner *o, const verify_log *log, const folder *f, uint64_t place)
{
    static st_buffer file;
    st_proof_file proof = { .place = place };
    st_tree_source source = verify_log_source(log);
    const st_buffer *note = file_of(f, "checkpoint"), *entries;
    st_tile tile = { ST_TILE_ENTRIES, 0, st_tile_width(ST_TILE_ENTRIES, 0, log->counts[0]) };
    char name[ST_TILE_PATH_BYTES];
    size_t at = 0;
    st_tile_path(&tile, name);
    entries = file_of(f, name);
    FUZZ_MUST(note != NULL && entries != NULL);
    for (uint64_t i = 0; i < place; i++)
        at += 2u + st_get_u16(entries->data + at);
    FUZZ_MUST(st_tree_inclusion(&source, place, log->counts[0], &proof.proof, NULL) == ST_OK);
    proof.checkpoint = (const char *)note->data;
    proof.checkpoint_len = note->len;
    file.max = BYTES_MAX;
    st_buffer_clear(&file);
    FUZZ_MUST(st_proof_file_encode(&proof, &file, NULL) == ST_OK);
    const uint8_t *leaf = entries->data + at + 2;
    size_t len = st_get_u16(entries->data + at);
    const verify_log alone = { .vkey = o->vkey };
    const verify_receipt good = { file.data, leaf, file.len, len };
    const verify_receipt bad = { file.data, leaf, file.len, len - 1 };
    verify_held held = { .entry = 0 };
    FUZZ_MUST(verify_proof(&alone, &good, &held, NULL) == ST_OK && held.entry == place + 1);
    FUZZ_MUST(verify_proof(log, &good, &held, NULL) == ST_OK && held.entry == place + 1);
    FUZZ_MUST(verify_proof(&alone, &bad, &held, NULL) == ST_E_CORRUPT);
}

static void check_passed(const owner *o, const verify_log *log, const folder *f, uint32_t which)
{
    const st_buffer *note = file_of(f, "checkpoint");
    uint64_t first = log->counts[0] < ST_TILE_WIDTH ? log->counts[0] : ST_TILE_WIDTH;
    FUZZ_MUST(verify_log_continues(log, note->data, note->len, NULL, NULL) == ST_OK);
    if (first > 0)
        check_entry(o, log, f, which % first);
}

/* One changed byte of the file is found, at its ends and at a place of the input's choice; it is
 * put right again. */
static void check_changed(const owner *o, folder *f, size_t at, uint32_t which, bool is_confirmed)
{
    st_buffer *file = &f->bytes[at];
    verify_log log;
    /* What a phone confirmed that is not in the list is no file of the log, and not read. */
    if (file->len == 0 || (strncmp(f->names[at], "witness/", 8) == 0 && !is_confirmed))
        return;
    const size_t places[] = { 0, which * 31u % file->len, file->len - 1 };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const uint8_t bit = (uint8_t)(1u << which % 8);
        file->data[places[i]] ^= bit;
        FUZZ_MUST(review(o, f, &log) != ST_OK);
        verify_log_free(&log);
        file->data[places[i]] ^= bit;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static folder f;
    const owner *o = owner_get();
    verify_log log;
    fuzz_bytes bytes = { data, size };
    uint32_t which = fuzz_u16(&bytes);
    f.count = 0;
    publish(o, bytes, &f);
    bool passed = review(o, &f, &log) == ST_OK;
    if (passed)
        check_passed(o, &log, &f, which);
    bool is_confirmed = log.confirmed > 0;
    verify_log_free(&log);
    for (size_t i = 0; passed && i < f.count; i++)
        check_changed(o, &f, i, which, is_confirmed);
    return 0;
}

/* The choice stays in front; the parts behind it are mutated one by one. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 2 || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    return 2 + fuzz_mutate_message(data + 2, size - 2, size_max - 2, seed);
}
