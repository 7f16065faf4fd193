/* tests/unit/server/test_have.c
 * Only what a record names is kept, each piece once and whole; a damaged piece stops no other; who
 * may not read the record learns nothing and can leave nothing; what is said to be here is. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/chunks.h"
#include "server/sync/have.h"

#define PIECES 4u

typedef struct {
    rig *r;
    rig_phone an;
    st_id visit;
    uint8_t bytes[PIECES][100];
    st_hash hashes[PIECES];
    st_chunk chunks[PIECES];
} scene;

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
    st_change *change = rig_change(&s->an, &s->visit);
    st_op *op = rig_op(&s->an, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = named[0].b, .len = sizeof named };
    st_hold hold = ST_HOLD_NONE;
    assert_int_equal(rig_push_one(&s->an, rig_seal(&s->an), &hold), ST_VERDICT_STORED);
    assert_int_equal(hold, ST_HOLD_NONE);
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
    have_asker asker = { device, "part-1", &s->r->arena };
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

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_pieces_in_any_order_once),
        CASE(test_a_damaged_piece_stops_no_other),
        CASE(test_strangers_learn_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
