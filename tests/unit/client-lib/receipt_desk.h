/* tests/unit/client-lib/receipt_desk.h - a phone with a visit that the server has, and a server
 * that signs what a test tells it to: any leaf, at any place, in any tree. */
#ifndef SOTAY_TESTS_RECEIPT_DESK_H
#define SOTAY_TESTS_RECEIPT_DESK_H

#include <stdio.h>

#include "client-lib/src/overlay.h"
#include "proto/changeset.h"
#include "proto/leaf.h"
#include "proto/note.h"
#include "tests/unit/client-lib/phone.h"

#define RECEIPT_MORE   5u /* leaves behind the one in question */
#define RECEIPT_LEAVES 64u

/* A phone whose visit the server has, as entry `entry` with the set `set`. */
typedef struct {
    edge *e;
    phone an;
    sotay_id visit;
    uint64_t entry;
    st_arena arena;
    st_set set;
} bench;

/* What a lying server puts together. */
typedef struct {
    st_leaf leaf;
    uint64_t place;     /* that the proof speaks of */
    bool other_key;     /* signs with another one */
    bool other_commune; /* under another name */
    bool other_leaves;  /* all other leaves are others */
    bool other_hash;    /* the leaf is not the one in the tree */
    uint64_t epoch;     /* 0: the first */
} answer;

static inline bool has_change_of(const st_set *set, const sotay_id *record)
{
    for (uint32_t i = 0; i < set->changes_count; i++)
        if (memcmp(set->changes[i].record.b, record->b, sizeof record->b) == 0)
            return true;
    return false;
}

/* The set of this phone with the newest change of the visit. */
static inline void find_set(bench *b)
{
    st_set kept;
    book_key prefix = book_key_of(BOOK_SET);
    book_value value = { NULL, 0 };
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(b->an.client, false, NULL), ST_OK);
    b->set.bytes = NULL;
    while (book_scan_next(&b->an.client->book, &scan, &b->arena, &value, NULL) == ST_OK) {
        assert_int_equal(st_set_decode_kept(value.data, value.len, &b->arena, &kept, NULL), ST_OK);
        if (st_id_cmp(&kept.device, &b->an.client->me.device) == 0 &&
            has_change_of(&kept, &b->visit))
            assert_int_equal(
                st_set_decode(kept.bytes, kept.bytes_len, &b->arena, &b->set, NULL), ST_OK);
    }
    client_abort(b->an.client);
    assert_non_null(b->set.bytes);
}

/* From now on the desk is about that record, as it stands in the log. */
static inline void turn_to(bench *b, const sotay_id *record)
{
    sotay_receipt_state state = { 0 };
    assert_int_equal(sotay_receipt_find(b->an.client, record, &state, NULL), SOTAY_OK);
    b->visit = *record;
    b->entry = state.entry;
    find_set(b);
}

static inline void bench_open(bench *b)
{
    sotay_receipt_state state = { 0 };
    memset(b, 0, sizeof *b);
    st_arena_init(&b->arena, 1u << 22);
    b->e = phone_alone(&b->an);
    b->visit = phone_visit(&b->an, "chợ");
    assert_int_equal(sotay_receipt_find(b->an.client, &b->visit, &state, NULL), SOTAY_E_NOT_FOUND);
    assert_int_equal(edge_sync(b->e, b->an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_find(b->an.client, &b->visit, &state, NULL), SOTAY_OK);
    assert_true(state.entry > 0 && state.entry + RECEIPT_MORE < RECEIPT_LEAVES);
    assert_true(state.kept == 0 && !state.has_unsent);
    b->entry = state.entry;
    find_set(b);
}

static inline void bench_close(bench *b)
{
    st_arena_reset(&b->arena);
    phone_part(b->e, &b->an, NULL);
}

static inline uint64_t kept(bench *b)
{
    sotay_receipt_state state = { 0 };
    assert_int_equal(sotay_receipt_find(b->an.client, &b->visit, &state, NULL), SOTAY_OK);
    return state.kept;
}

static inline answer truth(const bench *b)
{
    answer a;
    memset(&a, 0, sizeof a);
    a.place = b->entry - 1;
    a.leaf.kind = ST_ENTRY_CHANGE;
    a.leaf.time_ms = b->e->now_ms;
    a.leaf.actor = b->an.client->me.person;
    a.leaf.device = b->set.device;
    a.leaf.first = b->set.first;
    a.leaf.last = st_set_last(&b->set);
    a.leaf.has_prev = b->set.has_prev;
    a.leaf.prev = b->set.prev;
    a.leaf.hlc = b->set.changes[b->set.changes_count - 1].hlc;
    a.leaf.seen_size = b->set.seen_size;
    a.leaf.seen_root = b->set.seen_root;
    a.leaf.bucket = b->set.bucket;
    a.leaf.verdict = "stored";
    a.leaf.has_commit = true;
    a.leaf.commit = b->set.hash;
    memcpy(a.leaf.dsig, b->set.signature, sizeof a.leaf.dsig);
    return a;
}

static inline st_err node_of(void *context, unsigned level, uint64_t place, st_hash *out,
                             st_error *error)
{
    const st_hash *leaves = context;
    st_tree_edge part;
    memset(&part, 0, sizeof part);
    (void)error;
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++)
        (void)st_tree_add(&part, &leaves[(place << level) + i]);
    *out = part.nodes[level];
    return ST_OK;
}

/* The tree with that leaf at the place, its root, and the path to it. */
static inline void plant(const bench *b, const answer *a, const st_buffer *leaf,
                         st_proof *out_proof, st_tree_head *out_head)
{
    st_hash leaves[RECEIPT_LEAVES];
    st_tree_source source = { leaves, node_of };
    out_head->size = b->entry + RECEIPT_MORE;
    for (unsigned i = 0; i < out_head->size; i++) {
        char text[24];
        int len = snprintf(text, sizeof text, "%s %u", a->other_leaves ? "other" : "leaf", i);
        leaves[i] = st_leaf_hash(text, (size_t)len);
    }
    leaves[a->place] = a->other_hash ? leaves[a->place] : st_leaf_hash(leaf->data, leaf->len);
    assert_int_equal(st_tree_hash(&source, 0, out_head->size, &out_head->root, NULL), ST_OK);
    assert_int_equal(st_tree_inclusion(&source, a->place, out_head->size, out_proof, NULL), ST_OK);
}

/* Both files, signed. */
static inline void write_files(const bench *b, const answer *a, st_buffer *proof, st_buffer *leaf,
                               st_tree_head *out_head)
{
    st_checkpoint now;
    st_buffer note;
    st_proof_file file = { .place = a->place };
    uint8_t seed[32], public_key[32], secret[64];
    memset(&now, 0, sizeof now);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_leaf_encode(&a->leaf, leaf, NULL), ST_OK);
    plant(b, a, leaf, &file.proof, &now.head);
    st_origin(a->other_commune ? "01478" : EDGE_COMMUNE, &b->e->log,
              a->epoch == 0 ? 1 : a->epoch, now.origin);
    memcpy(seed, b->e->log_seed, sizeof seed);
    seed[3] ^= a->other_key ? 1 : 0;
    st_sign_keypair(seed, public_key, secret);
    assert_int_equal(st_checkpoint_sign(&now, secret, &note, NULL), ST_OK);
    file.checkpoint = (const char *)note.data;
    file.checkpoint_len = note.len;
    assert_int_equal(st_proof_file_encode(&file, proof, NULL), ST_OK);
    *out_head = now.head;
    st_buffer_free(&note);
}

/* What the phone says to it. `out_head` may be NULL. */
static inline int offer(bench *b, const answer *a, st_tree_head *out_head)
{
    st_buffer proof, leaf;
    st_tree_head head;
    st_buffer_init(&proof, ST_NOTE_BYTES_MAX);
    st_buffer_init(&leaf, ST_LEAF_BYTES_MAX);
    write_files(b, a, &proof, &leaf, &head);
    sotay_slice files[2] = { { proof.data, proof.len }, { leaf.data, leaf.len } };
    int rc = sotay_receipt_put(b->an.client, &b->visit, files[0], files[1], &b->an.error);
    rc = edge_settle(&b->an.port, b->an.client, rc);
    if (out_head != NULL)
        *out_head = head;
    st_buffer_free(&leaf);
    st_buffer_free(&proof);
    return rc;
}

#endif
