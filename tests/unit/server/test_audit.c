/* tests/unit/server/test_audit.c
 * What the book signs of itself continues what it signed before: each entry has a proof to the
 * signed root, and a server whose leaves, tree or note were touched signs nothing more and takes in
 * nothing more, until a rebuild finds the root that was signed. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/changeset.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "server/audit/leaf.h"
#include "server/audit/news.h"
#include "server/audit/publish.h"
#include "server/audit/tree.h"
#include "server/store/pack.h"
#include "server/sync/row.h"
#include "server/sync/side.h"
#include "server/sync/verify.h"

#define SETS 280u /* so that a node one tile up is complete */

typedef struct {
    rig r;
    rig_phone an;
} world;

static st_err push_more(world *w, size_t count)
{
    store_slice sets[70];
    sync_request request;
    for (size_t i = 0; i < count; i++) {
        rig_begin(&w->an, RIG_BUCKET);
        (void)rig_visit(&w->an, "ghi");
        sets[i] = rig_seal(&w->an);
    }
    st_err err = rig_push(&w->an, &request, sets, count);
    sync_request_free(&request);
    return err;
}

static void world_open(world *w)
{
    memset(w, 0, sizeof *w);
    rig_open(&w->r);
    rig_enrol(&w->r, &w->an, "an");
    for (size_t i = 0; i < SETS / 70; i++)
        assert_int_equal(push_more(w, 70), ST_OK);
}

static void world_close(world *w)
{
    rig_close(&w->r);
}

static st_checkpoint signed_now(world *w)
{
    store_txn txn = { 0 };
    st_buffer note;
    st_arena arena;
    st_vkey vkey;
    st_opened opened;
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(audit_note(&txn, &note, NULL, NULL), ST_OK);
    assert_int_equal(audit_vkey(&txn, &w->r.srv.sync, &vkey, NULL), ST_OK);
    assert_int_equal(st_checkpoint_open(note.data, note.len, &vkey, &arena, &opened, NULL), ST_OK);
    assert_string_equal(opened.checkpoint.origin, vkey.name);
    store_end(&txn);
    st_arena_reset(&arena);
    st_buffer_free(&note);
    return opened.checkpoint;
}

/* Many in one stream: the same files, two frames for each entry. */
static void check_stream(world *w, store_txn *txn, const uint64_t *entries, unsigned count,
                         const char *name)
{
    st_buffer out;
    st_frame_reader *reader = NULL;
    const uint8_t *frame = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_buffer_init(&out, 1u << 20);
    assert_int_equal(audit_file(txn, &w->r.srv.sync, name, &out, NULL), ST_OK);
    assert_int_equal(st_frame_reader_new(1u << 22, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, out.data, out.len, NULL), ST_OK);
    for (unsigned i = 0; i < count; i++) {
        st_buffer files[2];
        st_buffer_init(&files[0], ST_NOTE_BYTES_MAX);
        st_buffer_init(&files[1], ST_NOTE_BYTES_MAX);
        st_err err = audit_proof(txn, entries[i], &files[0], &files[1], NULL);
        assert_true(err == ST_OK || (err == ST_E_NOT_FOUND && files[0].len == 0));
        for (unsigned n = 0; n < 2; n++) {
            assert_true(st_frame_read(reader, &frame, &len, &bad));
            assert_int_equal(len, files[n].len);
            assert_true(len == 0 || memcmp(frame, files[n].data, len) == 0);
            st_buffer_free(&files[n]);
        }
    }
    assert_false(st_frame_read(reader, &frame, &len, &bad));
    assert_true(bad == ST_OK && st_frame_is_complete(reader));
    st_frame_reader_free(reader);
    st_buffer_free(&out);
}

#define LIST_MOST 32u

static void test_many_proofs_in_one_stream(void **state)
{
    (void)state;
    static const char *const NONE[] = { "receipts/",     "receipts/0",  "receipts/1,",
                                        "receipts/,1",   "receipts/x",  "receipts/1,,2",
                                        "receipts/01",   "receipts/-1", "receipts/1,2,3 ",
                                        "receipts/1234567890123456789" };
    static world w;
    world_open(&w);
    store_txn txn = { 0 };
    st_buffer out;
    char name[16 + LIST_MOST * 4] = "receipts/";
    uint64_t entries[LIST_MOST];
    st_buffer_init(&out, 1u << 20);
    assert_int_equal(store_begin(w.r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    check_stream(&w, &txn, (const uint64_t[]){ 7 }, 1, "receipts/7");
    check_stream(&w, &txn, (const uint64_t[]){ 3, 999999, 1, 3 }, 4, "receipts/3,999999,1,3");
    for (unsigned i = 0; i < LIST_MOST; i++) {
        entries[i] = 100 + i;
        (void)snprintf(name + strlen(name), 8, "%s%u", i > 0 ? "," : "", 100 + i);
    }
    check_stream(&w, &txn, entries, LIST_MOST, name);
    (void)snprintf(name + strlen(name), 8, ",%u", 200);
    assert_int_equal(audit_file(&txn, &w.r.srv.sync, name, &out, NULL), ST_E_NOT_FOUND);
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        assert_int_equal(audit_file(&txn, &w.r.srv.sync, NONE[i], &out, NULL), ST_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
    store_end(&txn);
    st_buffer_free(&out);
    world_close(&w);
}

/* By name the same two files are served. */
static void check_served(world *w, store_txn *txn, uint64_t index, const st_buffer *proof,
                         const st_buffer *leaf)
{
    const struct {
        const char *folder;
        const st_buffer *want;
    } files[] = { { "proof", proof }, { "leaf", leaf } };
    for (size_t i = 0; i < 2; i++) {
        char name[48];
        st_buffer got;
        st_buffer_init(&got, ST_NOTE_BYTES_MAX);
        (void)snprintf(name, sizeof name, "%s/%llu", files[i].folder, (unsigned long long)index);
        assert_int_equal(audit_file(txn, &w->r.srv.sync, name, &got, NULL), ST_OK);
        assert_int_equal(got.len, files[i].want->len);
        assert_memory_equal(got.data, files[i].want->data, got.len);
        st_buffer_free(&got);
    }
}

static void test_each_entry_has_a_proof(void **state)
{
    (void)state;
    static world w;
    world_open(&w);
    st_checkpoint now = signed_now(&w);
    store_txn txn = { 0 };
    st_buffer file, leaf;
    st_buffer_init(&file, ST_NOTE_BYTES_MAX);
    st_buffer_init(&leaf, ST_NOTE_BYTES_MAX);
    assert_true(now.head.size > ST_TILE_WIDTH);
    assert_int_equal(store_begin(w.r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    for (uint64_t index = 1; index <= now.head.size; index++) {
        st_proof_file proof;
        st_buffer_clear(&file);
        st_buffer_clear(&leaf);
        assert_int_equal(audit_proof(&txn, index, &file, &leaf, NULL), ST_OK);
        assert_int_equal(st_proof_file_decode(file.data, file.len, &proof, NULL), ST_OK);
        st_hash hash = st_leaf_hash(leaf.data, leaf.len);
        assert_true(st_inclusion_holds(&hash, proof.place, &proof.proof, &now.head));
        assert_true(proof.place + 1 == index);
        check_served(&w, &txn, index, &file, &leaf);
    }
    assert_int_equal(audit_proof(&txn, 0, &file, &leaf, NULL), ST_E_NOT_FOUND);
    assert_int_equal(audit_proof(&txn, now.head.size + 1, &file, &leaf, NULL), ST_E_NOT_FOUND);
    /* Of each older root there is a proof that it is the beginning of this one. */
    st_tree_source source = audit_tree_source(&txn);
    for (uint64_t size = 1; size <= now.head.size; size++) {
        st_tree_head old;
        st_proof proof;
        assert_int_equal(audit_tree_head(&txn, size, &old, NULL), ST_OK);
        assert_int_equal(st_tree_consistency(&source, size, now.head.size, &proof, NULL), ST_OK);
        assert_true(st_consistency_holds(&old, &now.head, &proof));
    }
    store_end(&txn);
    st_buffer_free(&leaf);
    st_buffer_free(&file);
    world_close(&w);
}

static void test_files(void **state)
{
    (void)state;
    static const char *const NONE[] = { "",
                                        "keys",
                                        "tile/0/005",
                                        "tile/1/000",
                                        "checkpoint/",
                                        "../keys/log.key",
                                        "tile/3/000.p/1",
                                        "tile/0/001.p/255" };
    static world w;
    world_open(&w);
    st_checkpoint now = signed_now(&w);
    store_txn txn = { 0 };
    st_buffer out;
    char name[ST_TILE_PATH_BYTES];
    st_buffer_init(&out, 1u << 20);
    assert_int_equal(store_begin(w.r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        assert_int_equal(audit_file(&txn, &w.r.srv.sync, NONE[i], &out, NULL), ST_E_NOT_FOUND);
    /* A partial tile is there for every size that was ever signed. */
    for (unsigned width = 1; width <= ST_TILE_WIDTH; width++) {
        st_tile tile = { 0, 0, width };
        st_tile_path(&tile, name);
        st_buffer_clear(&out);
        assert_int_equal(audit_file(&txn, &w.r.srv.sync, name, &out, NULL), ST_OK);
        assert_int_equal(out.len, width * 32);
    }
    st_tree_edge edge = { .size = 0 };
    for (unsigned i = 0; i < ST_TILE_WIDTH; i++)
        (void)st_tree_add(&edge, (const st_hash *)(const void *)(out.data + i * 32));
    st_buffer_clear(&out);
    assert_int_equal(audit_file(&txn, &w.r.srv.sync, "tile/1/000.p/1", &out, NULL), ST_OK);
    assert_memory_equal(out.data, edge.nodes[8].b, 32);
    st_buffer_clear(&out);
    assert_int_equal(audit_file(&txn, &w.r.srv.sync, "checkpoint", &out, NULL), ST_OK);
    assert_non_null(strstr((const char *)out.data, now.origin));
    store_end(&txn);
    st_buffer_free(&out);
    world_close(&w);
}

/* ---- touched by a hand ---- */

typedef struct {
    store_table table;
    const char *meta; /* name of a row of meta, else the first row of the table */
    size_t byte;      /* which is changed */
} touch;

static void flip(world *w, const touch *t)
{
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    uint8_t row[65600], key[64];
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_cursor_open(&txn, t->table, &cursor, NULL), ST_OK);
    assert_int_equal(store_seek(&cursor, store_text(t->meta != NULL ? t->meta : ""), NULL), ST_OK);
    assert_true(cursor.is_valid && cursor.value.len < sizeof row && cursor.key.len < sizeof key);
    size_t len = cursor.value.len, key_len = cursor.key.len;
    memcpy(row, cursor.value.data, len);
    memcpy(key, cursor.key.data, key_len);
    store_cursor_close(&cursor);
    row[t->byte < len ? t->byte : len - 1] ^= 1;
    assert_int_equal(
        store_put(&txn, t->table, store_bytes(key, key_len), store_bytes(row, len), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
}

static bool count_line(void *context, const char *line)
{
    unsigned *count = context;
    (void)line;
    (*count)++;
    return true;
}

static uint64_t wrong_now(world *w)
{
    verify_report report;
    unsigned lines = 0;
    assert_int_equal(sync_verify(&w->r.srv.sync, count_line, &lines, &report, NULL), ST_OK);
    assert_true(lines == report.wrong);
    return report.wrong;
}

static void test_a_touched_tree_is_seen(void **state)
{
    (void)state;
    static const touch TOUCHES[] = { { STORE_TREE, NULL, 0 },
                                     { STORE_META, "audit_edge", 7 },
                                     { STORE_META, "audit_edge", 100 },
                                     { STORE_META, "audit_note", 70 } };
    static world w;
    uint64_t entries = 0;
    world_open(&w);
    assert_true(wrong_now(&w) == 0);
    for (size_t i = 0; i < sizeof TOUCHES / sizeof TOUCHES[0]; i++) {
        flip(&w, &TOUCHES[i]);
        assert_true(wrong_now(&w) > 0);
        if (TOUCHES[i].table == STORE_META)
            assert_int_equal(push_more(&w, 1), ST_E_CORRUPT);
        if (i + 1 == sizeof TOUCHES / sizeof TOUCHES[0])
            flip(&w, &TOUCHES[i]); /* what was signed cannot be made anew */
        else
            assert_int_equal(sync_rebuild(&w.r.srv.sync, &entries, NULL), ST_OK);
        assert_true(wrong_now(&w) == 0);
    }
    world_close(&w);
}

typedef struct {
    const char *text;
    unsigned found;
} wanted_line;

static bool find_line(void *context, const char *line)
{
    wanted_line *wanted = context;
    wanted->found += strstr(line, wanted->text) != NULL ? 1 : 0;
    return true;
}

/* The newest entry of a device is somebody else's now, and so says its leaf. */
static void give_to_another(world *w)
{
    store_txn txn = { 0 };
    sync_row row = { .kind = ST_ENTRY_NONE };
    st_set set;
    st_arena arena;
    st_buffer log, leaf;
    uint64_t at = 0;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&log, 1u << 20);
    st_buffer_init(&leaf, 1u << 20);
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &at, NULL), ST_OK);
    assert_int_equal(sync_row_get(&txn, at, &arena, &row, NULL), ST_OK);
    assert_int_equal(st_set_decode(row.set.data, row.set.len, &arena, &set, NULL), ST_OK);
    row.actor.b[15] ^= 1;
    const st_leaf made = sync_row_leaf(&row, &set);
    const pack_key key = pack_u64(at);
    assert_int_equal(sync_row_encode(&row, &log, NULL), ST_OK);
    assert_int_equal(audit_leaf_row(&made, &leaf, NULL), ST_OK);
    assert_int_equal(store_put(&txn, STORE_LOG, pack_key_slice(&key),
                               store_bytes(log.data, log.len), NULL), ST_OK);
    assert_int_equal(store_put(&txn, STORE_LEAF, pack_key_slice(&key),
                               store_bytes(leaf.data, leaf.len), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
    st_buffer_free(&log);
    st_buffer_free(&leaf);
    st_arena_reset(&arena);
}

/* Entry and leaf agree on an author who did not write it: the set says whose it is. */
static void test_an_author_who_did_not_write_it_is_seen(void **state)
{
    (void)state;
    static world w;
    verify_report report;
    wanted_line wanted = { "its author is another one", 0 };
    world_open(&w);
    assert_int_equal(sync_verify(&w.r.srv.sync, find_line, &wanted, &report, NULL), ST_OK);
    assert_int_equal(wanted.found, 0);
    give_to_another(&w);
    assert_int_equal(sync_verify(&w.r.srv.sync, find_line, &wanted, &report, NULL), ST_OK);
    assert_int_equal(wanted.found, 1);
    world_close(&w);
}

/* Another first leaf, with its own hash: the log as it was signed is not there any more. */
static void test_a_changed_leaf_is_not_signed_over(void **state)
{
    (void)state;
    static const touch LEAF = { STORE_LEAF, NULL, 60 };
    static world w;
    uint64_t entries = 0;
    world_open(&w);
    flip(&w, &LEAF);
    assert_true(wrong_now(&w) > 0);
    assert_int_equal(sync_rebuild(&w.r.srv.sync, &entries, NULL), ST_E_CORRUPT);
    flip(&w, &LEAF);
    assert_true(wrong_now(&w) == 0);
    world_close(&w);
}

static void drop_entry(world *w, uint64_t index)
{
    store_txn txn = { 0 };
    pack_key key = pack_u64(index);
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_LOG, pack_key_slice(&key), NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_LEAF, pack_key_slice(&key), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
}

/* The last two entries are gone: one more would make the log shorter than what was signed. */
static void test_a_shorter_log_is_not_signed(void **state)
{
    (void)state;
    static world w;
    world_open(&w);
    st_checkpoint before = signed_now(&w);
    drop_entry(&w, before.head.size);
    drop_entry(&w, before.head.size - 1);
    assert_int_equal(push_more(&w, 1), ST_E_CORRUPT);
    /* Nor one with as many as before, or more, of which the last are others. */
    assert_int_equal(push_more(&w, 2), ST_E_CORRUPT);
    assert_int_equal(push_more(&w, 3), ST_E_CORRUPT);
    st_checkpoint after = signed_now(&w);
    assert_true(after.head.size == before.head.size);
    world_close(&w);
}

/* A store that was made before there were trees: its first write signs all that is there. */
static void test_an_older_store_is_filled(void **state)
{
    (void)state;
    static world w;
    world_open(&w);
    st_checkpoint before = signed_now(&w);
    store_txn txn = { 0 };
    assert_int_equal(store_begin(w.r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_clear(&txn, STORE_TREE, NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_META, store_text("audit_edge"), NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_META, store_text("audit_note"), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
    assert_true(wrong_now(&w) == 0);
    rig_reopen(&w.r);
    assert_int_equal(push_more(&w, 1), ST_OK);
    st_checkpoint after = signed_now(&w);
    assert_true(after.head.size == before.head.size + 1);
    assert_true(wrong_now(&w) == 0);
    assert_int_equal(store_begin(w.r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_tree_head again;
    assert_int_equal(audit_tree_head(&txn, before.head.size, &again, NULL), ST_OK);
    assert_memory_equal(again.root.b, before.head.root.b, 32);
    store_end(&txn);
    world_close(&w);
}

/* ---- what a phone holds that this log forsook ---- */

typedef struct {
    const char *why;
    uint64_t more;             /* entries beyond those of this log */
    bool other_root, other_key, later_epoch, asks_otherwise, is_left_out;
    bool proves;
} held_case;

/* What a phone says that holds the checkpoint of the case. */
static st_ask held_ask(rig *r, const st_vkey *vkey, const st_tree_head *now, const held_case *what)
{
    st_buffer text;
    st_checkpoint seen = { .head = *now };
    st_ask ask = { .has_epoch = true, .has_held = !what->is_left_out };
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    memcpy(seen.origin, vkey->name, sizeof seen.origin);
    seen.head.size += what->more;
    seen.head.root.b[31] ^= what->other_root ? 1 : 0;
    memcpy(ask.epoch, r->srv.sync.epoch, sizeof ask.epoch);
    ask.epoch[0] ^= what->asks_otherwise ? 1 : 0;
    ask.held.head = seen.head;
    ask.held.epoch = st_origin_epoch(vkey->name) + (what->later_epoch ? 1 : 0);
    assert_int_equal(st_checkpoint_text(&seen, &text, NULL), ST_OK);
    st_sign(what->other_key ? r->srv.keys.device_secret : r->srv.keys.log_secret, text.data,
            text.len, ask.held.signature);
    st_buffer_free(&text);
    return ask;
}

static st_err bring(rig *r, rig_phone *an, const st_ask *ask)
{
    sync_request request;
    rig_begin(an, RIG_BUCKET);
    (void)rig_visit(an, "ghi");
    sync_request_init(&request, 128u << 20);
    request.ask = ask;
    store_txn txn = { 0 };
    const store_slice set = rig_seal(an);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &an->device, &request.device, NULL), ST_OK);
    assert_int_equal(sync_request_add(&request, &r->srv.sync, &txn, set, NULL), ST_OK);
    store_end(&txn);
    st_err err = sync_request_submit(&request, r->srv.writer, NULL);
    sync_request_free(&request);
    return err;
}

/* Only what the log's key signed in this epoch, and this log is not, proves that the store was put
 * back; then nothing more is acknowledged. Nobody brings the server there by his own word. */
static void test_what_a_held_checkpoint_proves(void **state)
{
    static const held_case CASES[] = {
        { .why = "of this log" },
        { .why = "nothing is held", .more = 1, .is_left_out = true },
        { .why = "longer, not signed", .more = 1, .other_key = true },
        { .why = "another root, not signed", .other_root = true, .other_key = true },
        { .why = "of another epoch", .more = 1, .later_epoch = true },
        { .why = "who asks is of another epoch", .more = 1, .asks_otherwise = true },
        { .why = "another root", .other_root = true, .proves = true },
        { .why = "longer", .more = 1, .proves = true },
    };
    static rig r;
    rig_phone an;
    (void)state;
    rig_open(&r);
    rig_enrol(&r, &an, "an");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        store_txn txn = { 0 };
        st_vkey vkey;
        st_tree_edge edge;
        st_tree_head now;
        bool proves = !CASES[i].proves;
        assert_int_equal(store_begin(r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(audit_vkey(&txn, &r.srv.sync, &vkey, NULL), ST_OK);
        assert_int_equal(audit_edge_get(&txn, &edge, NULL), ST_OK);
        assert_int_equal(audit_tree_head(&txn, edge.size, &now, NULL), ST_OK);
        st_ask ask = held_ask(&r, &vkey, &now, &CASES[i]);
        assert_int_equal(audit_is_forsaken(&txn, &r.srv.sync, &ask, &proves, NULL), ST_OK);
        store_end(&txn);
        if (proves != CASES[i].proves)
            fail_msg("%s: %d", CASES[i].why, proves);
        bool is_last = i + 1 == sizeof CASES / sizeof CASES[0];
        if (!proves || is_last) /* a store that was put back goes on at its next start */
            assert_int_equal(bring(&r, &an, &ask), proves ? ST_E_STORAGE : ST_OK);
        assert_int_equal(side_is_rolled_back(r.srv.sync.side), proves && is_last);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_entry_has_a_proof),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_many_proofs_in_one_stream),
        cmocka_unit_test(test_a_touched_tree_is_seen),
        cmocka_unit_test(test_an_author_who_did_not_write_it_is_seen),
        cmocka_unit_test(test_a_changed_leaf_is_not_signed_over),
        cmocka_unit_test(test_a_shorter_log_is_not_signed),
        cmocka_unit_test(test_an_older_store_is_filled),
        cmocka_unit_test(test_what_a_held_checkpoint_proves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
