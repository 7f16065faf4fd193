/* tests/unit/verify/test_verify.c
 * A reviewer trusts the key of the book and nothing else: whatever the server's owner does to the
 * log - and he holds that key - is found by the reviewer's program, by an older checkpoint, or by
 * the receipt that a phone kept. Every flipped bit of every file is found (all of them with
 * TEST_LONG=1, else one bit of each byte). */
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

static void make_phone(phone *p, uint8_t which)
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

static void sign_leaf(const owner *o, const phone *p, st_leaf *leaf)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_set_sign_text(&o->log, &leaf->device, &leaf->commit, text);
    st_sign(p->secret, text, sizeof text, leaf->dsig);
}

/* The next set of a phone: three changes. */
static void add_set(owner *o, phone *p)
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

static owner *make_owner(size_t sets)
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

static void drop_files(owner *o)
{
    for (size_t i = 0; i < o->files_count; i++)
        st_buffer_free(&o->files[i]);
    o->files_count = 0;
}

static void free_owner(owner *o)
{
    drop_files(o);
    free(o);
}

static st_buffer *new_file(owner *o, const char *name)
{
    assert_true(o->files_count < FILES_MAX);
    (void)strcpy(o->names[o->files_count], name);
    st_buffer_init(&o->files[o->files_count], 4u << 20);
    return &o->files[o->files_count++];
}

static st_buffer *file_of(owner *o, const char *name)
{
    for (size_t i = 0; i < o->files_count; i++)
        if (strcmp(o->names[i], name) == 0)
            return &o->files[i];
    return NULL;
}

static void write_devices(owner *o)
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

static void write_tiles(owner *o, const st_hash *hashes, const st_buffer *leaves,
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
static void publish(owner *o)
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

static st_err read_file(void *context, const char *name, st_buffer *out, st_error *error)
{
    const st_buffer *file = file_of(context, name);
    if (file == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "%s: none", name);
    return st_buffer_append(out, file->data, file->len, error);
}

static st_err check(owner *o, const st_buffer *old, st_error *error)
{
    verify_log log;
    verify_source source = { o, read_file };
    memset(&log, 0, sizeof log);
    log.is_strict = true;
    st_err err = verify_log_read(&log, &source, &o->vkey, error);
    if (err == ST_OK && old != NULL)
        err = verify_log_continues(&log, old->data, old->len, error);
    verify_log_free(&log);
    return err;
}

static void assert_good(owner *o)
{
    st_error error = { 0 };
    if (check(o, NULL, &error) != ST_OK)
        fail_msg("%s", error.detail);
}

/* Found, and the line says where. */
static void assert_found(owner *o, const st_buffer *old, const char *where)
{
    st_error error = { 0 };
    assert_int_not_equal(check(o, old, &error), ST_OK);
    if (strstr(error.detail, where) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.detail, where);
}

static void test_a_whole_log(void **state)
{
    (void)state;
    owner *o = make_owner(300);
    publish(o);
    assert_good(o);
    assert_non_null(file_of(o, "tile/1/000.p/1"));
    file_of(o, "tile/1/000.p/1")->data[5] ^= 1;
    assert_found(o, NULL, "tile 1/0");
    publish(o);
    o->files[0].len = 0;
    assert_found(o, NULL, "");
    free_owner(o);
}

/* ---- each bit ---- */

static void flip_all(owner *o, st_buffer *file, const char *name)
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

static void test_each_bit_of_each_file(void **state)
{
    (void)state;
    owner *o = make_owner(2);
    publish(o);
    st_buffer *note = file_of(o, "checkpoint");
    st_note opened;
    st_arena arena;
    st_buffer cosigned;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&cosigned, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_note_decode(note->data, note->len, &arena, &opened, NULL), ST_OK);
    assert_int_equal(st_cosign(&o->phones[0].witness, &opened, 1773282700, &cosigned, NULL), ST_OK);
    assert_int_equal(st_buffer_append(note, cosigned.data, cosigned.len, NULL), ST_OK);
    assert_good(o);
    for (size_t i = 0; i < o->files_count; i++)
        flip_all(o, &o->files[i], o->names[i]);
    assert_good(o);
    st_buffer_free(&cosigned);
    st_arena_reset(&arena);
    free_owner(o);
}

/* ---- a server that lies, with the key in its hand ---- */

static void remove_leaf(owner *o, size_t at)
{
    memmove(&o->leaves[at], &o->leaves[at + 1], (o->count - at - 1) * sizeof o->leaves[0]);
    o->count--;
}

/* A copy of the present checkpoint, as a phone or a paper keeps it. */
static st_buffer keep_checkpoint(owner *o)
{
    st_buffer kept;
    const st_buffer *note = file_of(o, "checkpoint");
    st_buffer_init(&kept, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_buffer_append(&kept, note->data, note->len, NULL), ST_OK);
    return kept;
}

static void test_lies_within_a_log(void **state)
{
    (void)state;
    owner *o = make_owner(12);
    st_leaf honest[12];
    memcpy(honest, o->leaves, sizeof honest);
    /* drops an entry that it acknowledged */
    remove_leaf(o, 4);
    publish(o);
    assert_found(o, NULL, "entry 6: changes 7 to 9");
    memcpy(o->leaves, honest, sizeof honest);
    o->count = 12;
    /* invents one in a device's name */
    add_set(o, &o->phones[0]);
    sign_leaf(o, &o->phones[1], &o->leaves[12]);
    publish(o);
    assert_found(o, NULL, "entry 13: its device did not sign it");
    o->count = 12;
    /* swaps what a device wrote */
    o->leaves[3].commit.b[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "entry 4: its device did not sign it");
    memcpy(o->leaves, honest, sizeof honest);
    /* back-dates */
    o->leaves[8].time_ms = o->leaves[2].time_ms;
    publish(o);
    assert_found(o, NULL, "entry 9: its time lies before");
    memcpy(o->leaves, honest, sizeof honest);
    /* takes one in twice */
    o->leaves[11] = o->leaves[10];
    o->leaves[11].time_ms++;
    publish(o);
    assert_found(o, NULL, "entry 12");
    memcpy(o->leaves, honest, sizeof honest);
    /* leaves a device out of the list */
    o->listed = 1;
    publish(o);
    assert_found(o, NULL, "entry 2: its device is not in the list");
    o->listed = PHONES;
    publish(o);
    assert_good(o);
    free_owner(o);
}

/* What the server noted with a word of its own is bound by its leaf, and no phone signs it; a set
 * whose signature was taken out does not pass for that. */
static void test_notes_of_the_server(void **state)
{
    (void)state;
    static const uint64_t COUNTERS[] = { 4, 5, 6 };
    owner *o = make_owner(6);
    st_leaf *leaf = &o->leaves[5];
    const st_leaf honest = *leaf;
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_ACCEPT;
    leaf->time_ms = honest.time_ms;
    leaf->device = honest.device;
    leaf->first = 4;
    leaf->last = 6;
    leaf->verdict = "accepted";
    leaf->counters = COUNTERS;
    leaf->counters_count = 3;
    leaf->via = ST_VIA_OPERATOR;
    leaf->has_commit = true;
    leaf->commit = st_hmac("key", 3, "reason", 6);
    publish(o);
    assert_good(o);
    leaf->verdict = "-";
    leaf->counters_count = 0;
    publish(o);
    assert_good(o);
    leaf->verdict = "stored";
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    leaf->verdict = "-";
    leaf->has_prev = true;
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    leaf->has_prev = false;
    leaf->hlc = 1;
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    *leaf = honest;
    memset(leaf->dsig, 0, sizeof leaf->dsig);
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    free_owner(o);
}

/* A set says which log its author had seen: one that was changed before it cannot carry it. */
static void test_what_was_seen_bounds_the_past(void **state)
{
    (void)state;
    owner *o = make_owner(6);
    st_arena arena;
    st_note note;
    st_checkpoint seen;
    st_arena_init(&arena, 1u << 20);
    publish(o);
    const st_buffer *file = file_of(o, "checkpoint");
    assert_int_equal(st_note_decode(file->data, file->len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &seen, NULL), ST_OK);
    add_set(o, &o->phones[0]);
    o->leaves[6].seen_size = seen.head.size;
    o->leaves[6].seen_root = seen.head.root;
    publish(o);
    assert_good(o);
    o->leaves[1].actor = make_id(0xbb, 0xbb); /* what no signature of a device covers */
    publish(o);
    assert_found(o, NULL, "entry 7: its author had seen another log of 6 entries");
    o->leaves[1].actor = make_id(0xaa, 0xaa);
    o->leaves[6].seen_size = 7; /* more than there was */
    publish(o);
    assert_found(o, NULL, "entry 7: its author had seen another log of 7 entries");
    st_arena_reset(&arena);
    free_owner(o);
}

/* The head of the log as it is published now. */
static st_tree_head head_now(owner *o)
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

static void add_seen(owner *o, phone *p, const st_tree_head *seen)
{
    add_set(o, p);
    o->leaves[o->count - 1].seen_size = seen->size;
    o->leaves[o->count - 1].seen_root = seen->root;
}

/* A new epoch excuses those who had seen what was lost, once; it is no leave to forge from then on:
 * who has seen the log behind it speaks of this log. */
static void test_an_epoch_excuses_nobody_for_ever(void **state)
{
    (void)state;
    owner *o = make_owner(6);
    add_set(o, &o->phones[0]);
    add_set(o, &o->phones[1]);
    const st_tree_head lost = head_now(o); /* of 8, two of which will be lost */
    o->count = 6;
    for (size_t i = 0; i < PHONES; i++) {
        o->phones[i].last = o->leaves[4 + i].last;
        o->phones[i].prev = o->leaves[4 + i].commit;
    }
    memset(&o->leaves[6], 0, sizeof o->leaves[6]);
    o->leaves[6].kind = ST_ENTRY_EPOCH;
    o->leaves[6].time_ms = o->leaves[5].time_ms;
    o->leaves[6].verdict = "-";
    o->count = 7;
    add_seen(o, &o->phones[0], &lost);
    publish(o);
    assert_good(o);
    st_tree_head now = head_now(o);
    add_seen(o, &o->phones[0], &now);
    publish(o);
    assert_good(o);
    now = head_now(o);
    add_seen(o, &o->phones[0], &now);
    publish(o);
    assert_good(o);
    const st_leaf honest = o->leaves[8];
    o->leaves[8].actor = make_id(0xbb, 0xbb); /* behind what phone 0 saw first, before the next */
    publish(o);
    assert_found(o, NULL, "entry 10: its author had seen another log of 9 entries");
    o->leaves[8] = honest;
    add_seen(o, &o->phones[0], &lost);        /* it knew better by then */
    publish(o);
    assert_found(o, NULL, "entry 11: its author had seen another log of 8 entries");
    o->count--;
    o->phones[0].last = o->leaves[9].last;
    o->phones[0].prev = o->leaves[9].commit;
    add_seen(o, &o->phones[1], &lost);        /* another phone had not heard of it yet */
    publish(o);
    assert_good(o);
    free_owner(o);
}

static void test_lies_against_what_somebody_holds(void **state)
{
    (void)state;
    owner *o = make_owner(12);
    publish(o);
    st_buffer old = keep_checkpoint(o);
    add_set(o, &o->phones[0]);
    publish(o);
    st_error error = { 0 };
    assert_int_equal(check(o, &old, &error), ST_OK);
    /* cuts the end off, also the last set of a device, which no chain misses */
    o->count = 11;
    publish(o);
    assert_good(o);
    assert_found(o, &old, "was cut off or put back");
    /* another history under the same name */
    o->count = 12;
    o->leaves[11].actor = make_id(0xbb, 0xbb);
    publish(o);
    assert_good(o);
    assert_found(o, &old, "two logs under one name");
    /* goes on from a backup, under the next epoch */
    o->count = 10;
    o->phones[0].last = o->leaves[8].last;
    o->phones[0].prev = o->leaves[8].commit;
    o->phones[1].last = o->leaves[9].last;
    o->phones[1].prev = o->leaves[9].commit;
    memset(&o->leaves[10], 0, sizeof o->leaves[10]);
    o->leaves[10].kind = ST_ENTRY_EPOCH;
    o->leaves[10].time_ms = o->leaves[9].time_ms;
    o->leaves[10].verdict = "-";
    o->count = 11;
    o->epoch_n = 2;
    add_set(o, &o->phones[1]);
    add_set(o, &o->phones[0]);
    publish(o);
    assert_good(o);
    assert_found(o, &old, "two logs under one name");
    st_buffer_free(&old);
    free_owner(o);
}

/* ---- another key of the log ---- */

/* The next key, with the entry that says so. */
static void change_key(owner *o)
{
    uint8_t seed[32], text[ST_LOG_KEY_SIGN_BYTES], secret[64];
    st_log_key *one = &o->keys.rows[o->keys.count];
    st_leaf *leaf = &o->leaves[o->count];
    memset(seed, 0x78 + (int)o->keys.count, sizeof seed);
    one->n = o->keys.count + 1;
    one->size = o->count;
    st_sign_keypair(seed, one->key, secret);
    st_log_key_sign_text(&o->log, st_log_keys_newest(&o->keys), one, text);
    st_sign(o->secret, text, sizeof text, one->by_old);
    st_sign(secret, text, sizeof text, one->by_new);
    memcpy(o->secret, secret, sizeof secret);
    o->keys.count++;
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_KEY;
    leaf->time_ms = o->leaves[o->count - 1].time_ms;
    leaf->device = o->phones[0].id;
    leaf->first = leaf->last = one->n;
    leaf->verdict = "-";
    leaf->via = ST_VIA_OPERATOR;
    leaf->has_commit = true;
    leaf->commit = st_log_key_commit(one);
    o->count++;
}

/* Two changes, with sets before, between and behind; the reviewer holds the first key. */
static owner *make_changed(size_t sets)
{
    owner *o = make_owner(sets);
    for (int i = 0; i < 2; i++) {
        change_key(o);
        add_set(o, &o->phones[i]);
    }
    publish(o);
    return o;
}

static void test_another_key_is_followed(void **state)
{
    (void)state;
    owner *o = make_owner(4);
    publish(o);
    st_buffer first = keep_checkpoint(o);
    change_key(o);
    add_set(o, &o->phones[0]);
    publish(o);
    assert_good(o);
    st_buffer second = keep_checkpoint(o);
    change_key(o);
    publish(o);
    st_error error = { 0 };
    for (uint64_t n = 0; n <= 2; n++) { /* whichever of them the reviewer holds */
        memcpy(o->vkey.key, st_log_keys_at(&o->keys, n), sizeof o->vkey.key);
        assert_good(o);
        assert_int_equal(check(o, &first, &error), ST_OK);
        assert_int_equal(check(o, &second, &error), ST_OK);
    }
    o->vkey.key[0] ^= 1;
    assert_found(o, NULL, "the key that was given is none of this log");
    st_buffer_free(&first);
    st_buffer_free(&second);
    free_owner(o);
}

static void test_false_links_of_keys(void **state)
{
    (void)state;
    owner *o = make_changed(3);
    const st_log_keys good = o->keys;
    for (unsigned i = 0; i < 2; i++) {
        const char *const where[] = { "log-keys: change 1 is not", "log-keys: change 2 is not" };
        memcpy(o->keys.rows[i].by_old, good.rows[i].by_new, 64); /* by the new one alone */
        publish(o);
        assert_found(o, NULL, where[i]);
        o->keys = good;
        o->keys.rows[i].n += 1;
        publish(o);
        assert_found(o, NULL, where[i]);
        o->keys = good;
    }
    o->keys.first[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "log-keys: the first key is not that of this log");
    o->keys = good;
    o->keys.rows[0] = good.rows[1]; /* one left out */
    o->keys.count = 1;
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 is not");
    o->keys.count = 0;              /* all of them */
    publish(o);
    assert_found(o, NULL, "the log's key did not sign it");
    memcpy(o->vkey.key, good.rows[1].key, sizeof o->vkey.key);
    assert_found(o, NULL, "entry 4: a change of the log's key that log-keys does not name");
    free_owner(o);
}

static void test_a_change_has_its_entry(void **state)
{
    (void)state;
    owner *o = make_changed(3);
    const size_t at = 3; /* of the first change */
    const st_leaf good = o->leaves[at];
    assert_good(o);
    o->leaves[at].commit.b[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "entry 4: change 1 of the log's key is another one");
    o->leaves[at] = good;
    o->leaves[at].first = o->leaves[at].last = 2;
    publish(o);
    assert_found(o, NULL, "entry 4: a change of the log's key that log-keys does not name");
    o->leaves[at] = good;
    o->keys.rows[0].size++; /* is signed, so it cannot be moved */
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 is not");
    o->keys.rows[0].size--;
    o->leaves[at].first = o->leaves[at].last = 0; /* as if it were of a forgotten PIN */
    publish(o);
    assert_found(o, NULL, "log-keys does not name"); /* the second one is the first that is there */
    o->leaves[5].first = o->leaves[5].last = 0;
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 has no entry in the log");
    free_owner(o);
}

/* Whoever has the old key signs the log as it became later. */
static void test_the_old_key_signs_no_more(void **state)
{
    (void)state;
    owner *o = make_owner(3);
    uint8_t old_secret[64];
    memcpy(old_secret, o->secret, sizeof old_secret);
    change_key(o);
    add_set(o, &o->phones[0]);
    publish(o);
    assert_good(o);
    st_buffer now = keep_checkpoint(o), forged;
    st_note note;
    st_checkpoint checkpoint;
    st_arena arena;
    st_error error = { 0 };
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&forged, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_note_decode(now.data, now.len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &checkpoint, NULL), ST_OK);
    assert_int_equal(st_checkpoint_sign(&checkpoint, old_secret, &forged, NULL), ST_OK);
    assert_int_equal(check(o, &now, &error), ST_OK);
    assert_found(o, &forged, "by a key that signed 3 at most");
    file_of(o, "checkpoint")->len = 0;
    assert_int_equal(st_buffer_append(file_of(o, "checkpoint"), forged.data, forged.len, NULL),
                     ST_OK);
    assert_found(o, NULL, "the log's key did not sign it");
    st_buffer_free(&forged);
    st_buffer_free(&now);
    st_arena_reset(&arena);
    free_owner(o);
}

static void test_each_bit_of_the_list_of_keys(void **state)
{
    (void)state;
    owner *o = make_changed(2);
    assert_good(o);
    flip_all(o, file_of(o, "log-keys"), "log-keys");
    assert_good(o);
    free_owner(o);
}

static void test_a_strangers_signature(void **state)
{
    (void)state;
    owner *o = make_owner(2);
    st_error error = { 0 };
    publish(o);
    st_buffer *note = file_of(o, "checkpoint");
    static const char LINE[] = "\xe2\x80\x94 somebody AAAAAAE=\n";
    assert_int_equal(st_buffer_append(note, LINE, sizeof LINE - 1, NULL), ST_OK);
    assert_found(o, NULL, "a signature of nobody listed");
    verify_log log;
    verify_source source = { o, read_file };
    memset(&log, 0, sizeof log);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_OK); /* served */
    verify_log_free(&log);
    /* the right words, another key */
    o->vkey.key[0] ^= 1;
    assert_found(o, NULL, "the log's key did not sign it");
    free_owner(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_log),
        cmocka_unit_test(test_each_bit_of_each_file),
        cmocka_unit_test(test_lies_within_a_log),
        cmocka_unit_test(test_notes_of_the_server),
        cmocka_unit_test(test_what_was_seen_bounds_the_past),
        cmocka_unit_test(test_an_epoch_excuses_nobody_for_ever),
        cmocka_unit_test(test_lies_against_what_somebody_holds),
        cmocka_unit_test(test_another_key_is_followed),
        cmocka_unit_test(test_false_links_of_keys),
        cmocka_unit_test(test_a_change_has_its_entry),
        cmocka_unit_test(test_the_old_key_signs_no_more),
        cmocka_unit_test(test_each_bit_of_the_list_of_keys),
        cmocka_unit_test(test_a_strangers_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
