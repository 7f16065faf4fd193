/* tests/unit/server/test_writer.c
 * On a market day all phones sync at once: every one gets its answer after its work is on disk, one
 * that brings nonsense harms no other, and the server ends without losing what it answered. */
#include "tests/unit/server/server_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PHONES 8
#define ROUNDS 6

static rig shared;

static int setup(void **state)
{
    rig_open(&shared);
    *state = &shared;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;
    assert_int_equal(rig_verify(r), 0);
    rig_close(r);
    return 0;
}

/* One phone in its own thread: pushes prepared sets, reads while others write. */
typedef struct {
    pthread_t thread;
    rig *r;
    st_id device;
    store_slice sets[ROUNDS];
    size_t stored, wrong;
} pusher;

static st_err push(pusher *p, size_t round, uint64_t counter)
{
    sync_request request;
    store_txn txn = { 0 };
    sync_room *room = &p->r->srv.sync;
    sync_request_init(&request, (size_t)128 << 20);
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = auth_device_get(&txn, NULL, &p->device, &request.device, NULL);
    if (err == ST_OK)
        err = sync_request_add(&request, room, &txn, p->sets[round], NULL);
    store_end(&txn);
    request.has_counter = true;
    request.counter = counter;
    if (err == ST_OK)
        err = sync_request_submit(&request, p->r->srv.writer, NULL);
    if (err == ST_OK && request.items[0].verdict.kind == ST_VERDICT_STORED)
        p->stored++;
    sync_request_free(&request);
    return err;
}

static void *push_all(void *argument)
{
    pusher *p = argument;
    for (size_t i = 0; i < ROUNDS; i++) {
        if (push(p, i, i + 1) != ST_OK)
            p->wrong++;
        if (push(p, i, i + 1) != ST_E_AGAIN)   /* the same request again */
            p->wrong++;
    }
    return NULL;
}

static void prepare(pusher *p, rig *r)
{
    static rig_phone phone;
    memset(p, 0, sizeof *p);
    rig_enrol(r, &phone, "an");
    p->r = r;
    p->device = phone.device;
    for (size_t i = 0; i < ROUNDS; i++) {
        rig_begin(&phone, RIG_BUCKET);
        (void)rig_visit(&phone, "chợ phiên");
        p->sets[i] = rig_seal(&phone);
    }
}

static void test_many_phones_at_once(void **state)
{
    rig *r = *state;
    static pusher pushers[PHONES];
    uint64_t before = 0, after = 0;
    store_txn txn = { 0 };
    r->threaded = true;
    rig_reopen(r);
    for (size_t i = 0; i < PHONES; i++)
        prepare(&pushers[i], r);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &before, NULL), ST_OK);
    store_end(&txn);
    for (size_t i = 0; i < PHONES; i++)
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]), 0);
    for (size_t i = 0; i < PHONES; i++)
        assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
    for (size_t i = 0; i < PHONES; i++) {
        assert_int_equal(pushers[i].wrong, 0);
        assert_int_equal(pushers[i].stored, ROUNDS);
    }
    assert_int_equal(writer_waiting(r->srv.writer), 0);
    rig_reopen(r);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &after, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(after, before + PHONES * ROUNDS);
}

/* A job that writes and then fails. */
static st_err fail_late(writer_turn *turn, void *argument, st_error *error)
{
    st_err err = store_put(turn->txn, STORE_META, store_text("leftover"), store_text("x"), error);
    (void)argument;
    return err == ST_OK ? st_fail(error, ST_E_VALUE, "no") : err;
}

static void test_what_fails_leaves_nothing(void **state)
{
    rig *r = *state;
    store_txn txn = { 0 };
    store_slice value = { 0 };
    for (int threaded = 0; threaded < 2; threaded++) {
        writer_job job;
        st_error error = { 0 };
        memset(&job, 0, sizeof job);
        r->threaded = threaded == 1;
        rig_reopen(r);
        job.run = fail_late;
        assert_int_equal(writer_submit(r->srv.writer, &job, &error), ST_E_VALUE);
        assert_string_equal(error.detail, "no");
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(store_get(&txn, STORE_META, store_text("leftover"), &value, NULL),
                         ST_E_NOT_FOUND);
        store_end(&txn);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_many_phones_at_once), CASE(test_what_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
