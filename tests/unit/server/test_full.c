/* tests/unit/server/test_full.c - how much a device may leave behind in a bucket.
 * However much a phone sends that is held, lies beyond a gap or replaces what never comes: nobody
 * else is kept from writing and reading, the office can decide, and nothing that was acknowledged
 * is lost. What was written by a fold is read again. */
#include "server/store/pack.h"
#include "server/sync/feed.h"
#include "server/sync/fold.h"
#include "server/sync/held.h"
#include "server/sync/settle.h"
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT_ONCE   32
#define CATALOGUE "01477/catalogue"

static st_id device_record(rig *r, const rig_phone *phone)
{
    store_txn txn = { 0 };
    auth_device device;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    return device.record;
}

/* Sends such sets until the server says later; how many changes it took. All that come behind the
 * first `later` get it too. */
static size_t send_until_later(rig_phone *phone, const store_slice *sets, size_t count)
{
    sync_request request;
    size_t taken = 0;
    assert_int_equal(rig_push(phone, &request, sets, count), ST_OK);
    for (size_t i = 0; i < count; i++) {
        const st_verdict *verdict = &request.items[i].verdict;
        bool is_later = verdict->kind == ST_VERDICT_LATER;
        taken += is_later ? 0 : RIG_CHANGES_MAX;
        assert_true(!is_later || (verdict->position == 0 && verdict->later_s > 0));
        assert_true(is_later || (verdict->position > 0 && taken == (i + 1) * RIG_CHANGES_MAX));
    }
    sync_request_free(&request);
    return taken;
}

/* Edits of a record that nobody made, until no more of them are taken. */
static size_t flood(rig *r, rig_phone *phone, const char *bucket)
{
    static store_slice sets[AT_ONCE];
    st_id nothing;
    size_t all = 0, taken = AT_ONCE * RIG_CHANGES_MAX;
    rig_random(r, nothing.b, sizeof nothing.b);
    while (taken == AT_ONCE * RIG_CHANGES_MAX && all <= ST_VECTOR_DEVICE_HOLES_MAX) {
        for (size_t k = 0; k < AT_ONCE; k++) {
            rig_begin(phone, bucket);
            for (size_t i = 0; i < RIG_CHANGES_MAX; i++)
                (void)rig_set(phone, &nothing, "general_note", "a", NULL);
            sets[k] = rig_seal(phone);
        }
        taken = send_until_later(phone, sets, AT_ONCE);
        all += taken;
    }
    return all;
}

static st_err count_frame(void *context, const st_frame *frame, st_error *error)
{
    (void)error;
    (void)frame;
    ++*(size_t *)context;
    return ST_OK;
}

/* A phone that has nothing yet asks for all. */
static size_t ask_all(rig *r, const rig_phone *phone)
{
    static sync_request request;
    static st_ask ask;
    feed_report report;
    store_txn txn = { 0 };
    size_t frames = 0;
    memset(&ask, 0, sizeof ask);
    memset(&request, 0, sizeof request);
    ask.version = 1;
    request.ask = &ask;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &request.device, NULL), ST_OK);
    store_end(&txn);
    feed_sink sink = { .emit = count_frame, .context = &frames };
    assert_int_equal(feed_answer(&r->srv.sync, &request, &sink, &report, NULL), ST_OK);
    return frames;
}

static void write_visit(rig_phone *phone)
{
    rig_begin(phone, RIG_BUCKET);
    (void)rig_visit(phone, "một buổi");
    assert_int_equal(rig_push_one(phone, rig_seal(phone), NULL), ST_VERDICT_STORED);
}

/* The office settles all of it at once, since all are of one record; then there is room again. */
static void decline_all(rig *r, size_t count)
{
    uint32_t settled = 0;
    sync_decision decision = { 1, false, rig_person(r, "office"), "máy bị mất" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    assert_int_equal(settled, count);
}

static void flooded_by_a_revoked_one(rig *r, const char *bucket)
{
    static rig_phone an, binh;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    st_id device = device_record(r, &an);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "revoked"), ST_OK);
    assert_int_equal(flood(r, &an, bucket), ST_VECTOR_DEVICE_HOLES_MAX);
    write_visit(&binh);
    assert_true(ask_all(r, &binh) > 0);
    rig_reopen(r);
    decline_all(r, ST_VECTOR_DEVICE_HOLES_MAX);
}

static void test_a_unit(void **state)
{
    flooded_by_a_revoked_one(*state, RIG_BUCKET);
}

static void test_the_catalogue(void **state)
{
    flooded_by_a_revoked_one(*state, CATALOGUE);
}

/* The phone is in use still when it fills the catalogue, which it may not write. */
static void test_it_can_be_revoked(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    st_id device = device_record(r, &an);
    assert_int_equal(flood(r, &an, CATALOGUE), ST_VECTOR_DEVICE_HOLES_MAX);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "revoked"), ST_OK);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
    decline_all(r, ST_VECTOR_DEVICE_HOLES_MAX);
    write_visit(&an);
}

/* Has the bucket so many single dots of the phone, in front of what it writes next. */
static void put_singles(rig *r, const rig_phone *phone, size_t count)
{
    store_txn txn = { 0 };
    st_vector vector;
    st_arena arena;
    st_buffer bytes;
    st_bucket bucket;
    pack_key key = pack_text(RIG_BUCKET);
    st_arena_init(&arena, (size_t)256 << 20);
    st_buffer_init(&bytes, (size_t)16 << 20);
    assert_true(st_bucket_set(&bucket, RIG_BUCKET, strlen(RIG_BUCKET)));
    assert_int_equal(store_begin(r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_vector_get(&txn, &bucket, &arena, &vector, NULL), ST_OK);
    st_extra *singles = st_arena_array(&arena, count, sizeof *singles);
    assert_int_equal(vector.extras_count, 0);
    for (size_t i = 0; i < count; i++)          /* beyond all that it wrote, and behind a gap */
        singles[i] = (st_extra){ { phone->device, 1000 + i }, 999 + i, { "r" } };
    vector.extras = singles;
    vector.extras_count = vector.extras_capacity = count;
    assert_int_equal(st_vector_encode(&vector, &bytes, NULL), ST_OK);
    assert_int_equal(store_put(&txn, STORE_VECTOR, pack_key_slice(&key),
                               store_bytes(bytes.data, bytes.len), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* One set of a phone is gone: all that it writes behind it lies beyond a gap. */
static void test_beyond_a_gap(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    static store_slice sets[3];
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    rig_begin(&an, RIG_BUCKET);
    st_dot last = rig_set(&an, &visit, "general_note", "mất", NULL);
    store_slice gone = rig_seal(&an);
    put_singles(r, &an, ST_VECTOR_DEVICE_DOTS_MAX - 2 * RIG_CHANGES_MAX);
    for (size_t k = 0; k < 3; k++) {
        rig_begin(&an, RIG_BUCKET);
        for (size_t i = 0; i < RIG_CHANGES_MAX; i++)
            last = rig_set(&an, &visit, "general_note", "a", &last);
        sets[k] = rig_seal(&an);
    }
    assert_int_equal(send_until_later(&an, sets, 3), 2 * RIG_CHANGES_MAX);
    write_visit(&binh);
    assert_true(ask_all(r, &binh) > 0);
    /* What was missing closes the gap, whenever it comes. */
    assert_int_equal(rig_push_one(&an, gone, NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push_one(&an, sets[2], NULL), ST_VERDICT_STORED);
}

/* A change may say of thousands of values that it replaced them, which nobody ever made. */
static void test_replaces_what_never_comes(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_hold hold = ST_HOLD_NONE;
    st_verdict_kind kind = ST_VERDICT_STORED;
    uint32_t sent = 0;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&binh, RIG_BUCKET);
    st_id visit = rig_visit(&binh, NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    for (; kind == ST_VERDICT_STORED; sent += ST_REPLACES_MAX) {
        rig_begin(&an, RIG_BUCKET);
        st_op *op = rig_op(&an, rig_change(&an, &visit), "visit", "general_note", "a");
        st_dot *dots = st_arena_array(&r->arena, ST_REPLACES_MAX, sizeof *dots);
        for (uint32_t i = 0; i < ST_REPLACES_MAX; i++)
            dots[i] = (st_dot){ binh.device, 1000000 - sent - ST_REPLACES_MAX + i };
        op->replaces = dots;
        op->replaces_count = ST_REPLACES_MAX;
        kind = rig_push_one(&an, rig_seal(&an), &hold);
    }
    assert_int_equal(kind, ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_LIMIT);
    assert_int_equal(sent - ST_REPLACES_MAX, ST_RECORD_WAITING_MAX);
    rig_begin(&binh, RIG_BUCKET);
    (void)rig_set(&binh, &visit, "place", "nhà", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
}

/* Of a book with dots that nobody wrote. */
static int close_rig(void **state)
{
    rig_close(*state);
    return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_unit),
        CASE(test_the_catalogue),
        CASE(test_it_can_be_revoked),
        cmocka_unit_test_setup_teardown(test_beyond_a_gap, rig_setup, close_rig),
        CASE(test_replaces_what_never_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
