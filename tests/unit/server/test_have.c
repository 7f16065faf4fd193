/* tests/unit/server/test_have.c
 * Only what a record names is kept, each piece once and whole; a damaged piece stops no other; who
 * may not read the record learns nothing and can leave nothing; what is said to be here is. No
 * device brings more bytes than it may, and none stands in another's way. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/chunks.h"
#include "server/store/pack.h"
#include "server/sync/have.h"
#include "server/sync/quota.h"
#include "server/sync/stray.h"
#include "server/sync/verify.h"

#define PIECES 4u

typedef struct {
    rig *r;
    rig_phone an;
    st_id visit;
    uint8_t bytes[PIECES][100];
    st_hash hashes[PIECES];
    st_chunk chunks[PIECES];
} scene;

/* One more change of the visit, which names these. */
static void name_pieces(scene *s, const st_hash *named, size_t count, st_verdict_kind want)
{
    st_change *change = rig_change(&s->an, &s->visit);
    st_op *op = rig_op(&s->an, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = named->b,
                            .len = (uint32_t)(count * sizeof *named) };
    assert_int_equal(rig_push_one(&s->an, rig_seal(&s->an), NULL), want);
}

/* A visit of an's that names PIECES pieces, the first of them twice. */
static void set_scene(scene *s, rig *r)
{
    st_hash named[PIECES + 1];
    memset(s, 0, sizeof *s);
    s->r = r;
    for (uint8_t i = 0; i < PIECES; i++) {
        memset(s->bytes[i], 'a' + i, sizeof s->bytes[i]);
        s->chunks[i] = (st_chunk){ s->bytes[i], sizeof s->bytes[i] };
        s->hashes[i] = named[i] = st_sha256(s->bytes[i], sizeof s->bytes[i]);
    }
    named[PIECES] = named[0];
    rig_enrol(r, &s->an, "an");
    rig_begin(&s->an, RIG_BUCKET);
    s->visit = rig_visit(&s->an, NULL);
    name_pieces(s, named, PIECES + 1, ST_VERDICT_STORED);
}

static auth_device device_of(rig *r, const rig_phone *phone)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    return device;
}

/* Asks of all pieces, bringing these. */
static st_have_answer ask(scene *s, const auth_device *device, const st_chunk *chunks,
                          uint32_t count)
{
    st_have_answer answer;
    have_asker asker = { device, "part-1", &s->r->arena, s->r->srv.writer };
    st_have_ask what = { .record = s->visit, .hashes = s->hashes, .hashes_count = PIECES,
                         .chunks = chunks, .chunks_count = count };
    assert_int_equal(sync_have(&s->r->srv.sync, &asker, &what, &answer, NULL), ST_OK);
    return answer;
}

static uint64_t bytes_kept(const scene *s)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(s->r->srv.dir, &bytes, NULL), ST_OK);
    return bytes;
}

static void test_pieces_in_any_order_once(void **state)
{
    scene s;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    assert_int_equal(ask(&s, &device, NULL, 0).missing_count, PIECES);
    st_chunk turned[] = { s.chunks[3], s.chunks[0], s.chunks[3] };
    st_have_answer answer = ask(&s, &device, turned, 3);
    assert_int_equal(answer.missing_count, 2);
    assert_int_equal(answer.unknown_count, 0);
    assert_memory_equal(answer.missing[0].b, s.hashes[1].b, 32);
    assert_int_equal(bytes_kept(&s), 200);
    assert_int_equal(ask(&s, &device, s.chunks, PIECES).missing_count, 0);
    assert_int_equal(ask(&s, &device, s.chunks, PIECES).missing_count, 0);
    assert_int_equal(bytes_kept(&s), 400);
    rig_reopen(s.r);
    assert_int_equal(ask(&s, &device, NULL, 0).missing_count, 0);
}

static void test_a_damaged_piece_stops_no_other(void **state)
{
    scene s;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    s.bytes[1][50] ^= 1;
    st_have_answer answer = ask(&s, &device, s.chunks, PIECES);
    assert_int_equal(answer.missing_count, 1);
    assert_memory_equal(answer.missing[0].b, s.hashes[1].b, 32);
    assert_int_equal(bytes_kept(&s), 300);     /* what nobody names is not kept */
}

static void test_strangers_learn_and_leave_nothing(void **state)
{
    scene s;
    rig_phone binh, chi;
    set_scene(&s, *state);
    rig_enrol(s.r, &binh, "binh");             /* of the same unit */
    rig_enrol(s.r, &chi, "chi");               /* of none */
    auth_device stranger = device_of(s.r, &chi), colleague = device_of(s.r, &binh);
    assert_int_equal(ask(&s, &stranger, s.chunks, PIECES).unknown_count, PIECES);
    assert_int_equal(bytes_kept(&s), 0);
    assert_int_equal(ask(&s, &colleague, s.chunks, PIECES).missing_count, 0);
    assert_int_equal(bytes_kept(&s), 400);
    colleague.status = AUTH_REVOKED;
    assert_int_equal(ask(&s, &colleague, NULL, 0).unknown_count, PIECES);
    s.visit.b[0] ^= 1;                         /* a record that is not there */
    auth_device own = device_of(s.r, &s.an);
    assert_int_equal(ask(&s, &own, NULL, 0).unknown_count, PIECES);
}

/* ---- how much one device may bring ---- */

static uint64_t used_by(scene *s, const st_id *device)
{
    store_txn txn = { 0 };
    uint64_t bytes = 0;
    assert_int_equal(store_begin(s->r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(quota_used(&txn, device, &bytes, NULL), ST_OK);
    store_end(&txn);
    return bytes;
}

static void test_what_fits_is_taken(void **state)
{
    scene s;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    s.r->srv.sync.files_per_device = 250;
    st_have_answer answer = ask(&s, &device, s.chunks, PIECES);
    assert_true(answer.full);
    assert_int_equal(answer.missing_count, 2);
    assert_int_equal(bytes_kept(&s), 200);
    assert_int_equal(used_by(&s, &device.id), 200);
    assert_false(ask(&s, &device, NULL, 0).full);   /* a question brings nothing */
    assert_true(ask(&s, &device, &s.chunks[3], 1).full);
    s.r->srv.sync.files_per_device = 100;           /* less than it has: that stays */
    answer = ask(&s, &device, s.chunks, 2);
    assert_true(!answer.full && answer.missing_count == 2);
    s.r->srv.sync.files_per_device = 400;
    answer = ask(&s, &device, s.chunks, PIECES);
    assert_true(!answer.full && answer.missing_count == 0);
    assert_int_equal(used_by(&s, &device.id), 400);
    rig_reopen(s.r);
    assert_int_equal(used_by(&s, &device.id), 400);
}

static void test_a_full_device_stands_in_nobodys_way(void **state)
{
    scene s;
    rig_phone binh;
    bool is_taken = true;
    set_scene(&s, *state);
    rig_enrol(s.r, &binh, "binh");
    auth_device an = device_of(s.r, &s.an), colleague = device_of(s.r, &binh);
    s.r->srv.sync.files_per_device = 150;
    assert_int_equal(ask(&s, &an, s.chunks, PIECES).missing_count, 3);
    assert_int_equal(ask(&s, &colleague, s.chunks, PIECES).missing_count, 2);
    assert_int_equal(used_by(&s, &an.id), 100);
    assert_int_equal(used_by(&s, &colleague.id), 100);
    /* who carries a piece is not asked to answer for it, but who attached it */
    const chunks_piece piece = { "part-2", s.hashes[3], s.bytes[3], sizeof s.bytes[3] };
    assert_int_equal(have_keep_carried(s.r->srv.writer, &s.visit, &piece, &is_taken, NULL), ST_OK);
    assert_false(is_taken);
    s.r->srv.sync.files_per_device = 200;
    assert_int_equal(have_keep_carried(s.r->srv.writer, &s.visit, &piece, &is_taken, NULL), ST_OK);
    assert_true(is_taken);
    assert_int_equal(used_by(&s, &an.id), 200);
    assert_int_equal(used_by(&s, &colleague.id), 100);
    assert_int_equal(bytes_kept(&s), 300);
}

/* Under the name that its record had before its device got another key: it came under the new one,
 * and nobody carries it for ever. */
static void test_what_came_another_way_is_carried_no_further(void **state)
{
    scene s;
    bool is_taken = true;
    set_scene(&s, *state);
    auth_device an = device_of(s.r, &s.an);
    st_id other = s.visit;
    other.b[0] ^= 1;
    const chunks_piece piece = { "part-2", s.hashes[0], s.bytes[0], sizeof s.bytes[0] };
    assert_int_equal(have_keep_carried(s.r->srv.writer, &other, &piece, &is_taken, NULL), ST_OK);
    assert_false(is_taken);
    assert_int_equal(bytes_kept(&s), 0);
    (void)ask(&s, &an, s.chunks, 1);
    const uint64_t kept = bytes_kept(&s);
    assert_true(kept > 0);
    assert_int_equal(have_keep_carried(s.r->srv.writer, &other, &piece, &is_taken, NULL), ST_OK);
    assert_true(is_taken);
    assert_int_equal(bytes_kept(&s), kept);
    assert_int_equal(used_by(&s, &an.id), kept);
}

/* A piece that only a change speaks of which waits for the office, and nobody reads: it counts for
 * its author as if it were let in. */
static void test_what_waits_counts_for_its_author(void **state)
{
    scene s;
    bool is_taken = true;
    uint8_t late[100];
    set_scene(&s, *state);
    auth_device an = device_of(s.r, &s.an);
    memset(late, 'z', sizeof late);
    const chunks_piece piece = { "part-2", st_sha256(late, sizeof late), late, sizeof late };
    assert_int_equal(have_keep_carried(s.r->srv.writer, &s.visit, &piece, &is_taken, NULL), ST_OK);
    assert_false(is_taken);                    /* nothing speaks of it yet */
    assert_int_equal(rig_edit(s.r, &an.record, NULL, "status", "suspended"), ST_OK);
    rig_begin(&s.an, RIG_BUCKET);
    name_pieces(&s, &piece.hash, 1, ST_VERDICT_HELD);
    s.r->srv.sync.files_per_device = 99;
    assert_int_equal(have_keep_carried(s.r->srv.writer, &s.visit, &piece, &is_taken, NULL), ST_OK);
    assert_true(!is_taken && bytes_kept(&s) == 0);
    s.r->srv.sync.files_per_device = 100;
    assert_int_equal(have_keep_carried(s.r->srv.writer, &s.visit, &piece, &is_taken, NULL), ST_OK);
    assert_true(is_taken && bytes_kept(&s) == 100);
    assert_int_equal(used_by(&s, &an.id), 100);
    st_have_ask what = { .record = s.visit, .hashes = &piece.hash, .hashes_count = 1 };
    have_asker asker = { &an, "part-1", &s.r->arena, s.r->srv.writer };
    st_have_answer answer;
    assert_int_equal(sync_have(&s.r->srv.sync, &asker, &what, &answer, NULL), ST_OK);
    assert_int_equal(answer.unknown_count, 1);
}

/* The power fails between the count and the file; another file was there before all counts. */
static void test_a_piece_counts_once(void **state)
{
    scene s;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    quota_piece counted = { .device = device.id, .hash = s.hashes[0], .bytes = 100 };
    const chunks_piece older = { "part-3", s.hashes[1], s.bytes[1], sizeof s.bytes[1] };
    assert_int_equal(quota_take(s.r->srv.writer, &counted, 1, NULL), ST_OK);
    assert_int_equal(chunks_put(s.r->srv.dir, &older, NULL), ST_OK);
    assert_int_equal(ask(&s, &device, s.chunks, PIECES).missing_count, 0);
    assert_int_equal(used_by(&s, &device.id), 300);
    assert_int_equal(bytes_kept(&s), 400);
}

static bool pass_over(void *context, const stray *one)
{
    (void)context;
    return one != NULL;
}

/* 50 bytes that the device brought, and all that it named besides. */
static st_hash put_stray(scene *s, const auth_device *device)
{
    uint8_t odd[50] = "nobody names this";
    quota_piece counted = { .device = device->id, .hash = st_sha256(odd, sizeof odd),
                            .bytes = sizeof odd };
    const chunks_piece piece = { "part-4", counted.hash, odd, sizeof odd };
    assert_int_equal(quota_take(s->r->srv.writer, &counted, 1, NULL), ST_OK);
    assert_int_equal(chunks_put(s->r->srv.dir, &piece, NULL), ST_OK);
    (void)ask(s, device, s->chunks, PIECES);
    assert_int_equal(used_by(s, &device->id), 450);
    return piece.hash;
}

static void test_what_is_removed_counts_no_more(void **state)
{
    scene s;
    stray_count count;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    (void)put_stray(&s, &device);
    for (int i = 0; i < 2; i++) {              /* found, then removed */
        assert_int_equal(used_by(&s, &device.id), 450);
        assert_int_equal(sync_stray_collect(s.r->srv.writer, false, pass_over, NULL, &count, NULL),
                         ST_OK);
        s.r->now_ms += STRAY_KEPT_MS;
    }
    assert_int_equal(count.due, 1);
    assert_int_equal(used_by(&s, &device.id), 400);
}

/* The power went between a stray and the commit of the turn that removed it. */
static void test_what_went_with_the_power_counts_no_more(void **state)
{
    scene s;
    stray_count count;
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    st_hash odd = put_stray(&s, &device);
    assert_int_equal(sync_stray_collect(s.r->srv.writer, false, pass_over, NULL, &count, NULL),
                     ST_OK);
    assert_int_equal(chunks_remove(s.r->srv.dir, &odd, NULL), ST_OK);
    assert_int_equal(used_by(&s, &device.id), 450);
    assert_int_equal(sync_stray_collect(s.r->srv.writer, false, pass_over, NULL, &count, NULL),
                     ST_OK);
    assert_int_equal(count.strays, 0);
    assert_int_equal(used_by(&s, &device.id), 400);
    assert_int_equal(chunks_remove(s.r->srv.dir, &s.hashes[0], NULL), ST_OK); /* never a stray */
    assert_int_equal(sync_stray_collect(s.r->srv.writer, false, pass_over, NULL, &count, NULL),
                     ST_OK);
    assert_int_equal(used_by(&s, &device.id), 400);
}

static void put_meta(scene *s, const char *name, const st_id *id, store_slice value)
{
    store_txn txn = { 0 };
    uint8_t key[64];
    size_t len = strlen(name);
    memcpy(key, name, len);
    memcpy(key + len, id->b, sizeof id->b);
    assert_int_equal(store_begin(s->r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_put(&txn, STORE_META, store_bytes(key, len + sizeof id->b), value,
                               NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
}

static bool hear(void *context, const char *line)
{
    if (strstr(line, context) == NULL)
        fail_msg("%s", line);
    return true;
}

static uint64_t wrongs(scene *s, char *says)
{
    verify_report report = { 0 };
    assert_int_equal(sync_verify(&s->r->srv.sync, hear, says, &report, NULL), ST_OK);
    return report.wrong;
}

static void test_the_sum_is_that_of_the_pieces(void **state)
{
    scene s;
    uint64_t entries = 0;
    uint8_t sum[8];
    char says[] = "7 bytes of attachments noted, its pieces have ", unread[] = "cannot be read";
    set_scene(&s, *state);
    auth_device device = device_of(s.r, &s.an);
    st_id stranger = { { 0x77 } };
    (void)ask(&s, &device, s.chunks, PIECES);
    assert_int_equal(wrongs(&s, says), 0);
    st_put_u64(sum, 7);
    put_meta(&s, "quota/device/", &device.id, store_bytes(sum, sizeof sum));
    put_meta(&s, "quota/device/", &stranger, store_bytes(sum, sizeof sum));
    assert_int_equal(wrongs(&s, says), 2);
    assert_int_equal(sync_rebuild(&s.r->srv.sync, &entries, NULL), ST_OK);
    assert_int_equal(wrongs(&s, says), 0);
    assert_int_equal(used_by(&s, &device.id), 400);
    assert_int_equal(used_by(&s, &stranger), 0);
    put_meta(&s, "quota/device/", &stranger, store_bytes(sum, 5));
    assert_int_equal(wrongs(&s, unread), 1);
    put_meta(&s, "quota/device/", &stranger, store_bytes("\0\0\0\0\0\0\0", 8));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_pieces_in_any_order_once),
        CASE(test_a_damaged_piece_stops_no_other),
        CASE(test_strangers_learn_and_leave_nothing),
        CASE(test_what_fits_is_taken),
        CASE(test_a_full_device_stands_in_nobodys_way),
        CASE(test_what_waits_counts_for_its_author),
        CASE(test_what_came_another_way_is_carried_no_further),
        CASE(test_a_piece_counts_once),
        CASE(test_what_is_removed_counts_no_more),
        CASE(test_what_went_with_the_power_counts_no_more),
        CASE(test_the_sum_is_that_of_the_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
