/* tools/fuzz/fuzz_export.c - a log as an owner may publish it who has its key: any leaves, sets of
 * two devices signed anew, any list of devices, any confirmation, changes of the key and logs given
 * up, each true or with one lie, under tiles, root and signature that fit. The reviewer's program
 * neither ends nor hangs; a lie never passes; a log that it passes continues itself, is the same by
 * each of its keys, each of its entries has a proof that holds, and one changed byte of a file is
 * found. */
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
#define KEYS        6u /* of the log, one after the other */
#define TIME_MS     INT64_C(1773282600000)
#define ORIGIN      "01477"

typedef struct {
    uint8_t secret[64];
    st_id id;
    st_note_signer witness;
    char line[400]; /* of the list of devices */
} phone;

typedef struct {
    uint8_t secrets[KEYS][64], keys[KEYS][32];
    st_vkey vkey; /* the first */
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
    for (uint8_t n = 0; n < KEYS; n++) {
        memset(seed, 0x77 + n, sizeof seed);
        st_sign_keypair(seed, o.keys[n], o.secrets[n]);
    }
    memcpy(o.vkey.key, o.keys[0], sizeof o.vkey.key);
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

typedef struct {
    st_buffer entries, given; /* given: lines of logs given up */
    st_hash hashes[LEAVES_MAX];
    size_t ends[LEAVES_MAX];
    size_t count, givens;
    int64_t time_ms; /* of the newest leaf */
    st_log_keys keys;
    bool has_list, is_confirmed, has_epoch, by_first_key, has_texts;
    bool is_lie; /* it has to be refused */
} leaves;

/* The leaf as it was given; a set of one of the phones is signed by it. */
static void put_leaf(const owner *o, const uint8_t *bytes, size_t len, leaves *l)
{
    st_buffer *out = &l->entries;
    uint8_t text[ST_SET_SIGN_BYTES];
    st_arena arena;
    st_leaf leaf;
    size_t before = out->len;
    st_arena_init(&arena, ARENA_BYTES);
    bool is_leaf = st_leaf_decode(bytes, len, &arena, &leaf, NULL) == ST_OK;
    if (is_leaf) {
        l->time_ms = leaf.time_ms;
        l->has_epoch = l->has_epoch || leaf.kind == ST_ENTRY_EPOCH;
    }
    for (size_t i = 0; is_leaf && i < PHONES; i++)
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

static void add_leaf(const owner *o, const uint8_t *bytes, size_t len, leaves *l)
{
    const uint8_t blank[2] = { 0, 0 };
    size_t start = l->entries.len;
    if (l->count == LEAVES_MAX || start + len + 4096 > BYTES_MAX)
        return;
    fuzz_append(&l->entries, blank, sizeof blank);
    put_leaf(o, bytes, len, l);
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

/* ---- changes of the key, logs given up ---- */

static void add_note(const owner *o, const st_leaf *leaf, leaves *l)
{
    static st_buffer bytes;
    bytes.max = ST_LEAF_BYTES_MAX;
    st_buffer_clear(&bytes);
    FUZZ_MUST(st_leaf_encode(leaf, &bytes, NULL) == ST_OK);
    add_leaf(o, bytes.data, bytes.len, l);
}

/* What is wrong about a change of the key. */
enum { KEY_TRUE, KEY_NOT_BY_OLD, KEY_NOT_BY_NEW, KEY_SIZE, KEY_NUMBER, KEY_NO_ENTRY,
       KEY_OTHER_ENTRY, KEY_HOWS };

/* The key changes here. */
static void change_key(const owner *o, unsigned how, leaves *l)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    uint32_t n = l->keys.count + 1;
    if (n == KEYS || l->count == LEAVES_MAX)
        return;
    st_log_key *notice = &l->keys.rows[l->keys.count++];
    memcpy(l->keys.first, o->keys[0], sizeof l->keys.first);
    *notice = (st_log_key){ .n = n + (how == KEY_NUMBER), .size = l->count + (how == KEY_SIZE) };
    memcpy(notice->key, o->keys[n], sizeof notice->key);
    st_log_key_sign_text(&o->log, o->keys[n - 1], notice, text);
    st_sign(o->secrets[how == KEY_NOT_BY_OLD ? n : n - 1], text, sizeof text, notice->by_old);
    st_sign(o->secrets[how == KEY_NOT_BY_NEW ? n - 1 : n], text, sizeof text, notice->by_new);
    st_leaf leaf = { .kind = ST_ENTRY_KEY, .verdict = "-", .time_ms = l->time_ms, .first = n,
                     .last = n, .has_commit = true, .commit = st_log_key_commit(notice) };
    leaf.commit.b[0] ^= how == KEY_OTHER_ENTRY ? 1 : 0;
    /* After a restore the entry may stand elsewhere. */
    l->is_lie = l->is_lie || (how != KEY_TRUE && (how != KEY_SIZE || !l->has_epoch));
    if (how != KEY_NO_ENTRY)
        add_note(o, &leaf, l);
}

/* What is wrong about a log given up. */
enum { GIVEN_TRUE, GIVEN_BY_PHONE, GIVEN_STRANGER, GIVEN_THIS, GIVEN_SPELLING, GIVEN_HOWS };

/* A phone was shown another log, of so many entries. Whether an epoch explains it, the reviewer
 * says. */
static void give_up(const owner *o, unsigned how, unsigned size, leaves *l)
{
    static st_buffer text;
    char hex[33], root[48], sign[96];
    uint8_t signature[ST_SIGNATURE_BYTES];
    const phone *p = &o->phones[size % PHONES];
    st_tree_edge edge = { .size = 0 };
    st_checkpoint was = { .head = { 1 + size, st_sha256(&size, sizeof size) } };
    for (size_t i = 0; i < l->count; i++)
        (void)st_tree_add(&edge, &l->hashes[i]);
    if (how == GIVEN_THIS && l->count > 0)
        was.head = (st_tree_head){ l->count, st_tree_root(&edge) };
    st_origin(ORIGIN, &o->log, 1, was.origin);
    text.max = ST_NOTE_BYTES_MAX;
    st_buffer_clear(&text);
    FUZZ_MUST(st_checkpoint_text(&was, &text, NULL) == ST_OK);
    st_sign(how == GIVEN_BY_PHONE ? p->secret : o->secrets[l->keys.count], text.data, text.len,
            signature);
    st_id_format(how == GIVEN_STRANGER ? &o->log : &p->id, hex);
    st_base64(was.head.root.b, sizeof was.head.root.b, root);
    st_base64(signature, sizeof signature, sign);
    if (l->given.len > BYTES_MAX / 2)
        return;
    FUZZ_MUST(st_buffer_printf(&l->given, NULL, "%s%s %s%u %u %s %s\n",
                               l->given.len == 0 ? "sotay-given-up/v1\n" : "", hex,
                               how == GIVEN_SPELLING ? "0" : "", 1u, (unsigned)was.head.size, root,
                               sign) == ST_OK);
    l->givens++;
    l->is_lie = l->is_lie || (how != GIVEN_TRUE && (how != GIVEN_THIS || l->count > 0));
}

static void write_lists(const leaves *l, folder *f)
{
    if (l->has_texts)
        return;
    if (l->keys.count > 0)
        FUZZ_MUST(st_log_keys_format(&l->keys, new_file(f, "log-keys"), NULL) == ST_OK);
    if (l->given.len > 0)
        fuzz_append(new_file(f, "given-up"), l->given.data, l->given.len);
}

/* Level 1, root and checkpoint; and what phone 0 confirmed of it, if it did. */
static void write_heads(const owner *o, const leaves *l, folder *f)
{
    char name[48] = "witness/";
    st_tree_edge edge = { .size = 0 };
    st_checkpoint checkpoint;
    const uint8_t *secret = o->secrets[l->by_first_key ? 0 : l->keys.count];
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
    FUZZ_MUST(st_checkpoint_sign(&checkpoint, secret, note, NULL) == ST_OK);
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

/* A list as its bytes stand there, and then no other. */
static void put_text(const uint8_t *part, size_t len, leaves *l, folder *f)
{
    if (!l->has_texts && len > 1)
        fuzz_append(new_file(f, part[0] == 'K' ? "log-keys" : "given-up"), part + 1, len - 1);
    l->has_texts = true;
}

static void put_list(const uint8_t *part, size_t len, leaves *l, folder *f)
{
    if (l->has_list)
        return;
    l->has_list = true;
    st_buffer *list = new_file(f, "devices");
    if (len > 1)
        fuzz_append(list, part + 1, len - 1);
}

static void put_leaves(const owner *o, const uint8_t *part, size_t len, leaves *l)
{
    size_t times = len > 1 && part[0] == 'r' ? 1 + part[1] : 1;
    size_t skip = times > 1 ? 2 : 0;
    for (size_t i = 0; i < times; i++)
        add_leaf(o, part + skip, len - skip, l);
}

/* Parts of an input: "d..." is a list of devices, "w" a confirmation, "k." a change of the key,
 * "o" a checkpoint signed by the first one all the same, "g.." a log given up, "e" a new epoch,
 * "K..." and "G..." the lists of keys and of logs as text, "r..." repeats what follows, anything
 * else is a leaf. */
static void take_part(const owner *o, const uint8_t *part, size_t len, leaves *l, folder *f)
{
    const st_leaf epoch = { .kind = ST_ENTRY_EPOCH, .verdict = "-", .time_ms = l->time_ms };
    const uint8_t what = len > 0 ? part[0] : 0;
    if (what == 'd')
        put_list(part, len, l, f);
    else if (what == 'w')
        l->is_confirmed = true;
    else if (what == 'k' && len > 1)
        change_key(o, part[1] % KEY_HOWS, l);
    else if (what == 'o')
        l->by_first_key = true;
    else if (what == 'g' && len > 2)
        give_up(o, part[1] % GIVEN_HOWS, part[2], l);
    else if (what == 'e')
        add_note(o, &epoch, l);
    else if (what == 'K' || what == 'G')
        put_text(part, len, l, f);
    else
        put_leaves(o, part, len, l);
}

static leaves *no_leaves(void)
{
    static leaves l;
    st_buffer entries = l.entries, given = l.given;
    memset(&l, 0, sizeof l);
    l.entries = entries;
    l.given = given;
    l.entries.max = l.given.max = BYTES_MAX;
    l.time_ms = TIME_MS;
    st_buffer_clear(&l.entries);
    st_buffer_clear(&l.given);
    return &l;
}

/* Returns what stands in it. */
static const leaves *publish(const owner *o, fuzz_bytes bytes, folder *f)
{
    leaves *l = no_leaves();
    const uint8_t *part;
    size_t len;
    while (parts_next(&bytes, &part, &len))
        take_part(o, part, len, l, f);
    if (!l->has_list) {
        st_buffer *list = new_file(f, "devices");
        FUZZ_MUST(st_buffer_printf(list, NULL, "sotay-devices/v1\n") == ST_OK);
        for (size_t i = 0; i < PHONES; i++)
            fuzz_append(list, o->phones[i].line, strlen(o->phones[i].line));
    }
    l->is_lie = (l->is_lie && !l->has_texts) || (l->by_first_key && l->keys.count > 0);
    write_lists(l, f);
    write_tiles(l, f);
    write_heads(o, l, f);
    return l;
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

static st_err review(const st_vkey *given, folder *f, verify_log *log)
{
    const verify_source source = { f, read_file };
    st_error error = { .detail = "" };
    memset(log, 0, sizeof *log);
    log->is_strict = true;
    st_err err = verify_log_read(log, &source, given, &error);
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
static void check_entry(const verify_log *log, const folder *f, uint64_t place)
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
    const verify_log alone = { .vkey = log->vkey, .id = log->id, .keys = log->keys,
                               .has_keys = log->has_keys };
    const verify_receipt good = { file.data, leaf, file.len, len };
    const verify_receipt bad = { file.data, leaf, file.len, len - 1 };
    verify_held held = { .entry = 0 };
    FUZZ_MUST(verify_proof(&alone, &good, &held, NULL) == ST_OK && held.entry == place + 1);
    FUZZ_MUST(verify_proof(log, &good, &held, NULL) == ST_OK && held.entry == place + 1);
    FUZZ_MUST(verify_proof(&alone, &bad, &held, NULL) == ST_E_CORRUPT);
}

static void check_passed(const verify_log *log, const folder *f, uint32_t which)
{
    const st_buffer *note = file_of(f, "checkpoint");
    uint64_t first = log->counts[0] < ST_TILE_WIDTH ? log->counts[0] : ST_TILE_WIDTH;
    FUZZ_MUST(verify_log_continues(log, note->data, note->len, NULL, NULL) == ST_OK);
    if (first > 0)
        check_entry(log, f, which % first);
}

/* Whichever key of the log is given, it is the same log; no other key will do. */
static void check_keys(const owner *o, const leaves *l, folder *f, uint32_t which)
{
    const uint32_t n = which % KEYS;
    verify_log log;
    st_vkey vkey = o->vkey;
    if (l->has_texts)
        return;
    memcpy(vkey.key, o->keys[n], sizeof vkey.key);
    FUZZ_MUST((review(&vkey, f, &log) == ST_OK) == (n <= l->keys.count));
    verify_log_free(&log);
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
        FUZZ_MUST(review(&o->vkey, f, &log) != ST_OK);
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
    const leaves *l = publish(o, bytes, &f);
    bool passed = review(&o->vkey, &f, &log) == ST_OK;
    FUZZ_MUST(!(passed && l->is_lie));
    if (passed) {
        FUZZ_MUST(l->has_texts || log.givens_count == l->givens);
        FUZZ_MUST(l->has_texts || log.keys_noted == l->keys.count);
        check_passed(&log, &f, which);
    }
    bool is_confirmed = log.confirmed > 0;
    verify_log_free(&log);
    if (passed)
        check_keys(o, l, &f, which);
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
