/* tests/unit/verify/owner.h - a log as its owner makes it, with the key in his hand: phones,
 * leaves, the files made of them; and the reviewer's program over those files. */
#ifndef SOTAY_TESTS_VERIFY_OWNER_H
#define SOTAY_TESTS_VERIFY_OWNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/changeset.h"
#include "proto/hash.h"
#include "tests/unit/proto/make_set.h"
#include "tools/verify/log.h"
#include "tools/verify/text.h"

#define LEAVES_MAX 400u
#define FILES_MAX  16u
#define PHONES     2u

typedef struct {
    uint8_t secret[64], public_key[32];
    st_id id;
    uint64_t last;
    bool has_prev;
    st_hash prev;
    st_note_signer witness;
} phone;

/* The owner's side: leaves, the key, and the files made of them. */
typedef struct {
    uint8_t secret[64];
    st_vkey vkey;
    st_id log;
    phone phones[PHONES];
    st_leaf leaves[LEAVES_MAX];
    size_t count;
    uint64_t epoch_n;
    st_log_keys keys; /* the first, and what it was changed to: `secret` is the newest's */
    size_t listed; /* phones in the list of devices */
    char names[FILES_MAX][ST_TILE_PATH_BYTES];
    st_buffer files[FILES_MAX];
    size_t files_count;
} owner;

static inline void make_phone(phone *p, uint8_t which)
{
    uint8_t seed[32];
    memset(p, 0, sizeof *p);
    memset(seed, which, sizeof seed);
    st_sign_keypair(seed, p->public_key, p->secret);
    p->id = st_device_id(p->public_key);
    memset(seed, which + 0x40, sizeof seed);
    st_sign_keypair(seed, p->witness.public_key, p->witness.secret);
    st_witness_name("01477", &p->id, p->witness.name);
}

static inline void sign_leaf(const owner *o, const phone *p, st_leaf *leaf)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_set_sign_text(&o->log, &leaf->device, &leaf->commit, text);
    st_sign(p->secret, text, sizeof text, leaf->dsig);
}

/* The next set of a phone: three changes. */
static inline void add_set(owner *o, phone *p)
{
    st_leaf *leaf = &o->leaves[o->count];
    assert_true(o->count < LEAVES_MAX);
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_CHANGE;
    leaf->time_ms = 1773282601000 + (int64_t)o->count * 1000;
    leaf->actor = make_id(0xaa, 0xaa);
    leaf->device = p->id;
    leaf->first = p->last + 1;
    leaf->last = p->last + 3;
    leaf->has_prev = p->has_prev;
    leaf->prev = p->prev;
    leaf->verdict = "stored";
    leaf->has_commit = true;
    leaf->commit = st_sha256(&o->count, sizeof o->count);
    (void)st_bucket_set(&leaf->bucket, "01477/unit/01477-x01", 20);
    sign_leaf(o, p, leaf);
    p->last += 3;
    p->has_prev = true;
    p->prev = leaf->commit;
    o->count++;
}

/* The same set once more: only its place and the server's time are others. */
static inline void come_again(owner *o, phone *p, const st_leaf *set)
{
    st_leaf *leaf = &o->leaves[o->count];
    assert_true(o->count < LEAVES_MAX);
    *leaf = *set;
    leaf->time_ms = 1773282601000 + (int64_t)o->count * 1000;
    p->last = leaf->last;
    p->has_prev = true;
    p->prev = leaf->commit;
    o->count++;
}

/* A copy of the first `to` entries takes the place of the log, and says so with an entry. */
static inline void put_back(owner *o, size_t to)
{
    st_leaf *leaf = &o->leaves[to];
    for (size_t which = 0; which < PHONES; which++) {
        phone *p = &o->phones[which];
        p->last = 0;
        p->has_prev = false;
        for (size_t i = 0; i < to; i++)
            if (st_id_cmp(&o->leaves[i].device, &p->id) == 0) {
                p->last = o->leaves[i].last;
                p->has_prev = true;
                p->prev = o->leaves[i].commit;
            }
    }
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_EPOCH;
    leaf->time_ms = to == 0 ? 1773282601000 : o->leaves[to - 1].time_ms;
    leaf->verdict = "-";
    o->count = to + 1;
    o->epoch_n++;
}

static inline owner *make_owner(size_t sets)
{
    owner *o = calloc(1, sizeof *o);
    uint8_t seed[32];
    assert_non_null(o);
    memset(seed, 0x77, sizeof seed);
    st_sign_keypair(seed, o->vkey.key, o->secret);
    o->vkey.type = ST_KEY_LOG;
    o->log = st_log_id(o->vkey.key);
    memcpy(o->keys.first, o->vkey.key, sizeof o->keys.first);
    o->epoch_n = 1;
    st_origin("01477", &o->log, 1, o->vkey.name);
    for (uint8_t i = 0; i < PHONES; i++)
        make_phone(&o->phones[i], (uint8_t)(0x21 + i));
    o->listed = PHONES;
    for (size_t i = 0; i < sets; i++)
        add_set(o, &o->phones[i % PHONES]);
    return o;
}

static inline void drop_files(owner *o)
{
    for (size_t i = 0; i < o->files_count; i++)
        st_buffer_free(&o->files[i]);
    o->files_count = 0;
}

static inline void free_owner(owner *o)
{
    drop_files(o);
    free(o);
}

static inline st_buffer *new_file(owner *o, const char *name)
{
    assert_true(o->files_count < FILES_MAX);
    (void)strcpy(o->names[o->files_count], name);
    st_buffer_init(&o->files[o->files_count], 4u << 20);
    return &o->files[o->files_count++];
}

static inline st_buffer *file_of(owner *o, const char *name)
{
    for (size_t i = 0; i < o->files_count; i++)
        if (strcmp(o->names[i], name) == 0)
            return &o->files[i];
    return NULL;
}

static inline void write_devices(owner *o)
{
    st_buffer *file = new_file(o, "devices");
    assert_int_equal(st_buffer_printf(file, NULL, "sotay-devices/v1\n"), ST_OK);
    for (size_t i = 0; i < o->listed; i++) {
        const phone *p = &o->phones[i];
        st_vkey vkey = { .type = ST_KEY_WITNESS };
        char hex[33], key[48], text[ST_VKEY_BYTES];
        memcpy(vkey.name, p->witness.name, sizeof vkey.name);
        memcpy(vkey.key, p->witness.public_key, 32);
        st_vkey_format(&vkey, text);
        st_id_format(&p->id, hex);
        st_base64(p->public_key, 32, key);
        assert_int_equal(st_buffer_printf(file, NULL, "%s %s %s\n", hex, key, text), ST_OK);
    }
}

static inline void write_tiles(owner *o, const st_hash *hashes, const st_buffer *leaves,
                        const size_t *ends)
{
    for (uint64_t place = 0;; place++) {
        st_tile tile = { 0, place, st_tile_width(0, place, o->count) };
        char name[ST_TILE_PATH_BYTES];
        if (tile.width == 0)
            return;
        size_t first = (size_t)place * ST_TILE_WIDTH;
        st_tile_path(&tile, name);
        assert_int_equal(st_buffer_append(new_file(o, name), hashes + first, tile.width * 32, NULL),
                         ST_OK);
        tile.level = ST_TILE_ENTRIES;
        st_tile_path(&tile, name);
        size_t begin = first == 0 ? 0 : ends[first - 1];
        assert_int_equal(st_buffer_append(new_file(o, name), leaves->data + begin,
                                          ends[first + tile.width - 1] - begin, NULL),
                         ST_OK);
    }
}

/* Everything anew from the leaves, signed with the true key: what the owner can do. */
static inline void publish(owner *o)
{
    static st_hash hashes[LEAVES_MAX];
    static size_t ends[LEAVES_MAX];
    st_tree_edge edge = { .size = 0 };
    st_checkpoint checkpoint;
    st_buffer leaves;
    drop_files(o);
    st_buffer_init(&leaves, 4u << 20);
    for (size_t i = 0; i < o->count; i++) {
        const uint8_t blank[2] = { 0, 0 };
        size_t start = leaves.len;
        assert_int_equal(st_buffer_append(&leaves, blank, 2, NULL), ST_OK);
        assert_int_equal(st_leaf_encode(&o->leaves[i], &leaves, NULL), ST_OK);
        size_t len = leaves.len - start - 2;
        st_put_u16(leaves.data + start, (uint16_t)len);
        hashes[i] = st_leaf_hash(leaves.data + start + 2, len);
        ends[i] = leaves.len;
        unsigned levels = st_tree_add(&edge, &hashes[i]);
        if (levels == 8)
            assert_int_equal(
                st_buffer_append(new_file(o, "tile/1/000.p/1"), edge.nodes[8].b, 32, NULL), ST_OK);
    }
    write_tiles(o, hashes, &leaves, ends);
    write_devices(o);
    if (o->keys.count > 0)
        assert_int_equal(st_log_keys_format(&o->keys, new_file(o, "log-keys"), NULL), ST_OK);
    st_origin("01477", &o->log, o->epoch_n, checkpoint.origin);
    checkpoint.head = (st_tree_head){ o->count, st_tree_root(&edge) };
    assert_int_equal(st_checkpoint_sign(&checkpoint, o->secret, new_file(o, "checkpoint"), NULL),
                     ST_OK);
    st_buffer_free(&leaves);
}

static inline st_err read_file(void *context, const char *name, st_buffer *out, st_error *error)
{
    const st_buffer *file = file_of(context, name);
    if (file == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "%s: none", name);
    return st_buffer_append(out, file->data, file->len, error);
}

/* Whatever is found to be wrong has its sentence in Vietnamese. */
static inline void assert_has_vietnamese(const st_error *error)
{
    st_buffer vi;
    bool is_known = false;
    st_buffer_init(&vi, 4096);
    assert_int_equal(verify_text_vi(error->detail, &vi, &is_known), ST_OK);
    if (!is_known)
        fail_msg("no Vietnamese for \"%s\"", error->detail);
    st_buffer_free(&vi);
}

static inline st_err check(owner *o, const st_buffer *old, st_error *error)
{
    verify_log log;
    verify_source source = { o, read_file };
    st_error why = { 0 };
    memset(&log, 0, sizeof log);
    log.is_strict = true;
    st_err err = verify_log_read(&log, &source, &o->vkey, &why);
    if (err == ST_OK && old != NULL)
        err = verify_log_continues(&log, old->data, old->len, NULL, &why);
    verify_log_free(&log);
    if (err != ST_OK)
        assert_has_vietnamese(&why);
    if (error != NULL)
        *error = why;
    return err;
}

static inline void assert_good(owner *o)
{
    st_error error = { 0 };
    if (check(o, NULL, &error) != ST_OK)
        fail_msg("%s", error.detail);
}

/* Found, and the line says where. */
static inline void assert_found(owner *o, const st_buffer *old, const char *where)
{
    st_error error = { 0 };
    assert_int_not_equal(check(o, old, &error), ST_OK);
    if (strstr(error.detail, where) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.detail, where);
}

/* One changed bit anywhere in the file is found: all of them with TEST_LONG=1. */
static inline void flip_all(owner *o, st_buffer *file, const char *name)
{
    const char *is_long = getenv("TEST_LONG");
    size_t step = is_long != NULL && strcmp(is_long, "1") == 0 ? 1 : 7;
    for (size_t bit = 0; bit < file->len * 8; bit += step) {
        file->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (check(o, NULL, NULL) == ST_OK)
            fail_msg("%s: bit %zu of byte %zu was not found", name, bit % 8, bit / 8);
        file->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* A copy of the present checkpoint, as a phone or a paper keeps it. */
static inline st_buffer keep_checkpoint(owner *o)
{
    st_buffer kept;
    const st_buffer *note = file_of(o, "checkpoint");
    st_buffer_init(&kept, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_buffer_append(&kept, note->data, note->len, NULL), ST_OK);
    return kept;
}

/* The head of the log as it is published now. */
static inline st_tree_head head_now(owner *o)
{
    st_arena arena;
    st_note note;
    st_checkpoint now;
    publish(o);
    const st_buffer *file = file_of(o, "checkpoint");
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_note_decode(file->data, file->len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &now, NULL), ST_OK);
    st_arena_reset(&arena);
    return now.head;
}

static inline void add_seen(owner *o, phone *p, const st_tree_head *seen)
{
    add_set(o, p);
    o->leaves[o->count - 1].seen_size = seen->size;
    o->leaves[o->count - 1].seen_root = seen->root;
}

/* ---- receipts ---- */

/* What a phone kept of one entry: the proof in the present log, and the entry. */
typedef struct {
    st_buffer proof, leaf;
} kept;

static inline kept keep_receipt(owner *o, uint64_t place)
{
    verify_log log;
    kept k;
    st_proof_file file = { .place = place };
    const verify_source source = { o, read_file };
    const st_buffer *note = file_of(o, "checkpoint");
    memset(&log, 0, sizeof log);
    st_buffer_init(&k.proof, 1u << 16);
    st_buffer_init(&k.leaf, 1u << 16);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, NULL), ST_OK);
    const st_tree_source tree = verify_log_source(&log);
    assert_int_equal(st_tree_inclusion(&tree, place, log.counts[0], &file.proof, NULL), ST_OK);
    file.checkpoint = (const char *)note->data;
    file.checkpoint_len = note->len;
    assert_int_equal(st_proof_file_encode(&file, &k.proof, NULL), ST_OK);
    assert_int_equal(st_leaf_encode(&o->leaves[place], &k.leaf, NULL), ST_OK);
    verify_log_free(&log);
    return k;
}

static inline void drop(kept *k)
{
    st_buffer_free(&k->proof);
    st_buffer_free(&k->leaf);
}

typedef enum { KEY_ALONE, WITH_LIST, WITH_LOG } at_hand;

/* The reviewer holds key n, and beside it nothing, the list, or all of the log. out_held may be
 * NULL. */
static inline st_err hold_receipt(owner *o, uint64_t n, at_hand has, const kept *k,
                                  verify_held *out_held, st_error *error)
{
    verify_log log;
    st_vkey vkey = o->vkey;
    verify_held held = { .entry = 0 };
    const verify_source source = { o, read_file };
    const verify_receipt receipt = { k->proof.data, k->leaf.data, k->proof.len, k->leaf.len };
    st_err err = ST_OK;
    memset(&log, 0, sizeof log);
    memcpy(vkey.key, st_log_keys_at(&o->keys, n), sizeof vkey.key);
    if (has == WITH_LOG)
        err = verify_log_read(&log, &source, &vkey, error);
    else if (has == WITH_LIST)
        err = verify_keys_read(&log, &source, &vkey, error);
    else
        log.vkey = vkey;
    assert_int_equal(err, ST_OK);
    err = verify_proof(&log, &receipt, &held, error);
    assert_true((err == ST_OK) == (held.entry > 0) && held.size >= held.was);
    verify_log_free(&log);
    if (err != ST_OK && error != NULL)
        assert_has_vietnamese(error);
    if (out_held != NULL)
        *out_held = held;
    return err;
}

static inline st_err check_receipt(owner *o, uint64_t n, at_hand has, const kept *k,
                                   st_error *error)
{
    return hold_receipt(o, n, has, k, NULL, error);
}

static inline void assert_refused(owner *o, at_hand has, const kept *k, const char *why)
{
    st_error error = { 0 };
    assert_int_not_equal(check_receipt(o, 0, has, k, &error), ST_OK);
    if (strstr(error.detail, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.detail, why);
}

#endif
