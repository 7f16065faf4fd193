/* tests/unit/both/test_scope.c
 * A unit that is taken back goes from the phone, and the office has it in writing: whatever is lost
 * on the way, the receipt comes once, says what went, and is believed only with the device's
 * signature; what was not sent is never lost by it; a unit given in the middle of reading arrives
 * whole. And a phone that is shut out, of a unit or of everything, says so and hears what became of
 * the work that it sent all the same. */
#include "tests/unit/both/world.h"

#include "server/sync/purge.h"
#include "tests/unit/client-lib/rows.h"

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

/* An area, or a class, that is given and taken back moves each of its units as one that is named
 * does: what is unsent goes out first, then nothing of them is read, and each is in writing. */
static void test_an_area_comes_and_goes(void **state)
{
    (void)state;
    static const char *const WHAT[] = { "ar-01477", "x" };
    for (size_t i = 0; i < 2; i++) {
        world w;
        sotay_id visit = pair(&w, 20 + i);
        phone *binh = &w.phones[1];
        later(&w);
        KIT_EXPECT(0, &w.book, "unassign", "binh", KIT_UNIT);
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(show(binh, &visit), SOTAY_E_NOT_FOUND);
        later(&w);
        KIT_EXPECT(0, &w.book, "assign", "binh", WHAT[i]);
        KIT_EXPECT(0, &w.book, "assign", "binh", WHAT[i]); /* twice is once */
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(show(binh, &visit), SOTAY_OK);
        assert_int_equal(phone_set(binh, &visit, "place", "chưa gửi"), SOTAY_OK);
        later(&w);
        KIT_EXPECT(0, &w.book, "unassign", "binh", WHAT[i]);
        KIT_EXPECT(1, &w.book, "unassign", "binh", WHAT[i]);
        assert_true(alarms_say(&w, "\"leaving\""));
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(show(binh, &visit), SOTAY_E_NOT_FOUND);
        assert_true(rows_count(binh, BOOK_CLOSED) > 0); /* until it is covered */
        assert_false(alarms_say(&w, "\"leaving\""));
        sotay_report report;
        assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1);           /* nothing is owed any more */
        receipts r = read_receipts(&w);
        assert_true(r.count > 16);                      /* more than one request brings */
        assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
        assert_true(phone_says(&w.phones[0], sotay_show, &visit, "chưa gửi"));
        world_free(&w);
    }
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

/* ---- what becomes of the work of a phone that reads nothing ---- */

static void suspend(world *w, phone *p, bool lift)
{
    KIT_EXPECT(0, &w->book, "device", "suspend", device_of(p), lift ? "--lift" : NULL);
}

/* binh lost the unit and was suspended, and two saves of his came in since. */
static sotay_id shut_out(world *w, uint64_t seed)
{
    sotay_report report;
    sotay_id visit = pair(w, seed);
    phone *binh = &w->phones[1];
    KIT_EXPECT(0, &w->book, "unassign", "binh", KIT_UNIT);
    suspend(w, binh, false);
    assert_int_equal(phone_set(binh, &visit, "place", "khi bi ngung"), SOTAY_OK);
    assert_int_equal(phone_set(binh, &visit, "general_note", "lan hai"), SOTAY_OK);
    assert_int_equal(sync_phone(w, binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.sent_changes, 2);
    assert_true(report.needs_person);
    assert_true(phone_status_says(binh, "\"held\":2"));
    assert_true(phone_status_says(binh, "\"standing\":\"suspended\""));
    return visit;
}

/* Asks the office for all that it holds of the phone. */
static void decide(world *w, phone *p, const char *how)
{
    KIT_EXPECT(0, &w->book, "held", how, "--device", device_of(p), "--as", "office",
               "--reason", "da xem");
}

/* Nothing waits on the phone, and its next sync is one short request. */
static void assert_at_rest(world *w, phone *p)
{
    sotay_report report;
    assert_true(phone_status_says(p, "\"held\":0"));
    assert_int_equal(sync_phone(w, p, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.sent_changes + report.duplicate + report.held, 0);
}

static void test_a_lifted_suspension_frees_what_it_held(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    sotay_id visit = shut_out(&w, 5);
    phone *binh = &w.phones[1];
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK); /* nobody has decided */
    assert_int_equal(report.sent_changes, 0);
    assert_true(report.duplicate > 0);
    assert_true(phone_status_says(binh, "\"held\":2"));
    suspend(&w, binh, true);
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.sent_changes, 0);
    assert_false(report.needs_person);
    assert_true(phone_status_says(binh, "\"standing\":\"in_use\""));
    assert_at_rest(&w, binh);
    assert_int_equal(show(binh, &visit), SOTAY_E_NOT_FOUND);
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
    assert_true(phone_says(&w.phones[0], sotay_show, &visit, "khi bi ngung"));
    assert_true(phone_says(&w.phones[0], sotay_show, &visit, "lan hai"));
    world_free(&w);
}

static void test_what_the_office_decides_is_heard_without_reading(void **state)
{
    static const char *const HOW[] = { "accept", "decline" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world w;
        sotay_report report;
        char *json = NULL;
        bool declined = i == 1;
        sotay_id visit = shut_out(&w, 6 + i);
        phone *binh = &w.phones[1];
        decide(&w, binh, HOW[i]);
        assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
        assert_true(report.needs_person); /* it is suspended still */
        assert_true(phone_status_says(binh, "\"standing\":\"suspended\""));
        assert_at_rest(&w, binh);
        assert_int_equal(sotay_show(binh->client, &visit, SOTAY_JSON, &json, NULL), SOTAY_OK);
        assert_int_equal(strstr(json, "lan hai") == NULL, declined);
        sotay_text_free(json);
        suspend(&w, binh, true);
        assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
        assert_int_equal(show(binh, &visit), SOTAY_E_NOT_FOUND);
        assert_at_rest(&w, binh);
        assert_int_equal(sync_phone(&w, &w.phones[0], 0, NULL), SOTAY_OK);
        json = shown(&w.phones[0], &visit);
        assert_int_equal(strstr(json, "lan hai") == NULL, declined);
        sotay_text_free(json);
        world_free(&w);
    }
}

/* The first of the two saves is accepted, the other one goes on waiting and is declined. */
static void test_each_change_has_its_own_verdict(void **state)
{
    (void)state;
    world w;
    (void)shut_out(&w, 8);
    phone *binh = &w.phones[1];
    KIT_EXPECT(0, &w.book, "held", "--json");
    const char *n = strstr(KIT_OUT(&w.book), "\"n\":");
    char number[24];
    assert_non_null(n);
    (void)snprintf(number, sizeof number, "%ld", strtol(n + 4, NULL, 10));
    KIT_EXPECT(0, &w.book, "held", "accept", number, "--as", "office", "--reason", "dung");
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(binh, "\"held\":1"));
    decide(&w, binh, "decline");
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_at_rest(&w, binh);
    world_free(&w);
}

/* A suspension that is confirmed: the phone says that, and is enrolled again under a new name; what
 * the old one had sent is decided later, and heard of. */
static void test_an_enrolment_brings_the_verdicts_of_before(void **state)
{
    (void)state;
    world w;
    (void)shut_out(&w, 9);
    phone *binh = &w.phones[1];
    char before[33];
    (void)snprintf(before, sizeof before, "%s", device_of(binh));
    KIT_EXPECT(0, &w.book, "device", "revoke", before);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(binh, "\"standing\":\"revoked\""));
    enrol(&w, binh, "binh", true);
    assert_true(phone_status_says(binh, "\"standing\":\"in_use\""));
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(binh, "\"held\":2"));
    KIT_EXPECT(0, &w.book, "held", "accept", "--device", before, "--as", "office", "--reason",
               "dung");
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_at_rest(&w, binh);
    world_free(&w);
}

static void test_a_phone_out_of_use_says_so(void **state)
{
    static const struct {
        const char *lang, *says;
    } CASES[] = { { "vi", "Máy này đang bị tạm ngừng" }, { "en", "This device is suspended" } };
    (void)state;
    world w;
    (void)shut_out(&w, 10);
    phone *binh = &w.phones[1];
    for (size_t i = 0; i < 2; i++) {
        const sotay_open_how how = { NULL, true, CASES[i].lang, 420 };
        char *text = NULL;
        sotay_close(binh->client);
        assert_int_equal(sotay_open(&binh->port, &how, &binh->client, NULL), SOTAY_OK);
        assert_int_equal(sotay_status(binh->client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
        assert_non_null(strstr(text, CASES[i].says));
        sotay_text_free(text);
    }
    suspend(&w, binh, true);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    char *text = NULL;
    assert_int_equal(sotay_status(binh->client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    assert_null(strstr(text, CASES[1].says));
    sotay_text_free(text);
    world_free(&w);
}

/* The book is gone from the phone of a person who was disabled: the sync says so, and the status
 * says why and what to do. */
static void test_a_person_without_a_part_is_told(void **state)
{
    static const char *const SAYS[] = { "không còn quyền trong sổ", "no part in the book" };
    (void)state;
    world w;
    char *text = NULL;
    sotay_report report;
    world_make(&w, 20);
    phone *binh = &w.phones[1];
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
    assert_false(report.needs_person);
    assert_int_equal(sotay_status(binh->client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
    assert_null(strstr(text, SAYS[0]));
    sotay_text_free(text);
    KIT_EXPECT(0, &w.book, "user", "disable", "binh");
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
    assert_true(report.needs_person);
    for (size_t n = 0; n < 2; n++) {
        const sotay_open_how how = { NULL, true, n == 0 ? "vi" : "en", 420 };
        sotay_close(binh->client);
        assert_int_equal(sotay_open(&binh->port, &how, &binh->client, NULL), SOTAY_OK);
        assert_int_equal(sotay_status(binh->client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
        assert_non_null(strstr(text, SAYS[n]));
        sotay_text_free(text);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_receipt_comes_once),
        cmocka_unit_test(test_an_area_comes_and_goes),
        cmocka_unit_test(test_each_loss_has_its_own),
        cmocka_unit_test(test_only_what_the_device_signed),
        cmocka_unit_test(test_a_grant_while_reading),
        cmocka_unit_test(test_a_lifted_suspension_frees_what_it_held),
        cmocka_unit_test(test_what_the_office_decides_is_heard_without_reading),
        cmocka_unit_test(test_each_change_has_its_own_verdict),
        cmocka_unit_test(test_an_enrolment_brings_the_verdicts_of_before),
        cmocka_unit_test(test_a_phone_out_of_use_says_so),
        cmocka_unit_test(test_a_person_without_a_part_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
