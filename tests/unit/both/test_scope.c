/* tests/unit/both/test_scope.c
 * A unit that is taken back goes from the phone, and the office has it in writing: whatever is lost
 * on the way, the receipt comes once, says what went, and is believed only with the device's
 * signature; what was not sent is never lost by it; a unit given in the middle of reading arrives
 * whole. */
#include "tests/unit/both/world.h"

#include "server/sync/purge.h"

typedef struct {
    size_t count;
    sync_purge last;
} receipts;

static bool take(void *context, const sync_purge *purge)
{
    receipts *r = context;
    r->count++;
    r->last = *purge;
    return true;
}

static receipts read_receipts(world *w)
{
    receipts r = { 0 };
    store_txn txn;
    assert_int_equal(store_begin(w->book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_purge_each(&txn, take, &r, NULL), ST_OK);
    store_end(&txn);
    return r;
}

static bool alarms_say(world *w, const char *text)
{
    assert_int_equal(KIT_CALL(&w->book, "alarms", "--json"), 0);
    return strstr(KIT_OUT(&w->book), text) != NULL;
}

static int show(phone *p, const sotay_id *record)
{
    char *text = NULL;
    int rc = sotay_show(p->client, record, SOTAY_TEXT, &text, &p->error);
    sotay_text_free(text);
    return rc;
}

/* Two phones of one unit with a visit of an's that both have. */
static sotay_id pair(world *w, uint64_t seed)
{
    world_make_with(w, seed, (world_how){ .phones = 2 });
    sotay_id visit = phone_visit(&w->phones[0], "cua an");
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(w, &w->phones[1], 0, NULL), SOTAY_OK);
    assert_int_equal(show(&w->phones[1], &visit), SOTAY_OK);
    return visit;
}

/* One step of the clock: receipts and losses have times of their own. */
static void later(world *w)
{
    w->now_ms += 60000;
    for (size_t i = 0; i < 2; i++)
        sotay_memory_clock(&w->phones[i].port, w->now_ms, (uint64_t)(w->now_ms - PHONE_WALL_MS));
}

static void test_a_receipt_comes_once(void **state)
{
    (void)state;
    world w;
    sotay_id visit = pair(&w, 1);
    phone *binh = &w.phones[1];
    later(&w);
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    assert_true(alarms_say(&w, "\"leaving\""));
    assert_int_equal(phone_set(binh, &visit, "place", "chua gui"), SOTAY_OK);
    for (int i = 0; i < 8; i++) /* every other answer is lost or cut */
        (void)sync_phone(&w, binh, 2, NULL);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(show(binh, &visit), SOTAY_E_NOT_FOUND);
    receipts r = read_receipts(&w);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.last.purge.bucket.s, "01477/unit/" KIT_UNIT);
    assert_int_equal(r.last.purge.records, 1);
    assert_int_equal(r.last.purge.kept, 1);
    assert_false(alarms_say(&w, "\"leaving\""));
    sotay_report report;
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1); /* nothing is owed any more */
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
    assert_true(phone_says(&w.phones[0], sotay_show, &visit, "chua gui"));
    world_free(&w);
}

/* Given back and lost again: the first receipt says nothing of the second loss. */
static void test_each_loss_has_its_own(void **state)
{
    (void)state;
    world w;
    sotay_id visit = pair(&w, 2);
    phone *binh = &w.phones[1];
    uint64_t rev = 0;
    for (int i = 0; i < 2; i++) {
        later(&w);
        assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
        assert_true(alarms_say(&w, "\"leaving\""));
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_false(alarms_say(&w, "\"leaving\""));
        receipts r = read_receipts(&w);
        assert_int_equal(r.count, 1);
        assert_true(r.last.purge.rev > rev);
        rev = r.last.purge.rev;
        assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0);
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(show(binh, &visit), SOTAY_OK);
    }
    world_free(&w);
}

typedef struct {
    st_id device;
    st_purge purge;
} forging;

static st_err run_forge(writer_turn *turn, void *argument, st_error *error)
{
    forging *f = argument;
    auth_device device;
    st_err err = auth_device_get(turn->txn, NULL, &f->device, &device, error);
    return err == ST_OK ? sync_purge_note(turn, &device, &f->purge, error) : err;
}

static void test_only_what_the_device_signed(void **state)
{
    (void)state;
    world w;
    (void)pair(&w, 3);
    phone *binh = &w.phones[1];
    sotay_who who;
    later(&w);
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    sotay_whoami(binh->client, &who);
    forging f = { .purge = { .rev = UINT64_C(1) << 40, .records = 1 } };
    memcpy(f.device.b, who.device.b, sizeof f.device.b);
    (void)strcpy(f.purge.bucket.s, "01477/unit/" KIT_UNIT);
    memset(f.purge.signature, 7, sizeof f.purge.signature);
    writer_job job = { .run = run_forge, .argument = &f };
    assert_int_equal(writer_submit(w.book.rooms.writer, &job, NULL), ST_OK);
    assert_int_equal(read_receipts(&w).count, 0);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    receipts r = read_receipts(&w);
    assert_int_equal(r.count, 1);
    f.purge = r.last.purge; /* a good one, bent */
    f.purge.rev++;
    memset(&job, 0, sizeof job);
    job.run = run_forge;
    job.argument = &f;
    assert_int_equal(writer_submit(w.book.rooms.writer, &job, NULL), ST_OK);
    assert_true(read_receipts(&w).last.purge.rev < f.purge.rev);
    world_free(&w);
}

/* The unit is given between the request and the next page: it comes whole, the rest goes on. */
static void test_a_grant_while_reading(void **state)
{
    (void)state;
    world w;
    sotay_id visit = pair(&w, 4);
    phone *binh = &w.phones[1];
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    for (int i = 0; i < 30; i++)
        (void)phone_visit(&w.phones[0], "them mot phieu");
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    assert_int_equal(sotay_sync_begin(binh->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0); /* it was asked already */
    assert_int_equal(answer(&w, &request, &reply), 200);
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, 200, &again, NULL), SOTAY_OK);
    st_buffer_free(&reply);
    if (again)
        assert_int_equal(run(&w, sync, 0, NULL), SOTAY_OK);
    else
        sotay_sync_free(sync);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(show(binh, &visit), SOTAY_OK);
    const sotay_filter visits = { "visit", NULL, NULL, "them mot phieu" };
    char *json = NULL;
    assert_int_equal(sotay_list(binh->client, &visits, SOTAY_JSON, &json, NULL), SOTAY_OK);
    size_t found = 0;
    for (const char *at = json; (at = strstr(at, "\"form\":\"visit\"")) != NULL; at++)
        found++;
    sotay_text_free(json);
    assert_int_equal(found, 30);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_receipt_comes_once),
        cmocka_unit_test(test_each_loss_has_its_own),
        cmocka_unit_test(test_only_what_the_device_signed),
        cmocka_unit_test(test_a_grant_while_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
