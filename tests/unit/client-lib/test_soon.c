/* tests/unit/client-lib/test_soon.c
 * An answer that only says that our sets are stored may be undone by a power cut: then it is as if
 * it had not come. Nothing recorded is lost or doubled by it, no request counter is used twice, and
 * nothing leaves the phone that rests on what may be undone. */
#include <stdio.h>

#include "client-lib/src/exchange.h"
#include "tests/unit/client-lib/phone.h"

/* A phone whose commits are counted. */
typedef struct {
    phone p;
    sotay_port inner;
    unsigned commits, soon;
} counted;

static int count_begin(void *context, bool write, sotay_error *error)
{
    counted *c = context;
    return c->inner.begin(c->inner.context, write, error);
}

static int count_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    counted *c = context;
    return c->inner.get(c->inner.context, key, out_value, error);
}

static int count_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    counted *c = context;
    return c->inner.put(c->inner.context, key, value, error);
}

static int count_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                      sotay_slice *out_value, sotay_error *error)
{
    counted *c = context;
    return c->inner.seek(c->inner.context, key, forward, out_key, out_value, error);
}

static int count_commit(void *context, sotay_error *error)
{
    counted *c = context;
    c->commits++;
    return c->inner.commit(c->inner.context, error);
}

static int count_soon(void *context, sotay_error *error)
{
    counted *c = context;
    c->soon++;
    return c->inner.commit_soon(c->inner.context, error);
}

static void count_abort(void *context)
{
    counted *c = context;
    c->inner.abort(c->inner.context);
}

static void count_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    counted *c = context;
    c->inner.now(c->inner.context, out_wall_ms, out_mono_ms);
}

static int count_place(void *context, uint8_t out_boot[8], uint8_t out_install[8],
                       sotay_error *error)
{
    counted *c = context;
    return c->inner.place(c->inner.context, out_boot, out_install, error);
}

static int count_random(void *context, void *data, size_t len, sotay_error *error)
{
    counted *c = context;
    return c->inner.random(c->inner.context, data, len, error);
}

static int count_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    counted *c = context;
    return c->inner.secret(c->inner.context, create, out_secret, error);
}

/* The same store behind a port that counts, from here on. Its client is closed first. */
static void count_from_here(counted *c)
{
    sotay_close(c->p.client);
    c->inner = c->p.port;
    c->commits = c->soon = 0;
    c->p.port = (sotay_port){
        .context = c,
        .begin = count_begin,
        .get = count_get,
        .put = count_put,
        .seek = count_seek,
        .commit = count_commit,
        .abort = count_abort,
        .now = count_now,
        .place = count_place,
        .random = count_random,
        .secret = count_secret,
        .commit_soon = count_soon,
    };
    phone_open(&c->p);
}

static void counted_free(edge *e, counted *c)
{
    sotay_close(c->p.client);
    sotay_port_close(&c->inner);
    edge_free(e);
}

/* The battery is taken out, and put in again. */
static void lose_power(phone *p)
{
    sotay_memory_cut(&p->port);
    phone_crash(p, false);
}

static int send_only(edge *e, phone *p, const edge_trouble *trouble, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_send_only(sync);
    return edge_run(e, p->client, sync, trouble, out_report);
}

/* ---- what is undone, and what follows ---- */

static void test_a_power_cut_undoes_the_verdict_and_it_is_said_again(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(send_only(e, &an, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    lose_power(&an);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    assert_true(phone_says(&an, sotay_show, &visit, "\"nhà văn hóa\""));
    uint64_t asked = e->devices[1].counter;
    assert_int_equal(send_only(e, &an, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 0);
    assert_int_equal(report.duplicate, 1);
    assert_int_equal(e->sets_taken, 1);
    assert_int_equal(e->duplicates, 1);
    assert_true(e->devices[1].counter > asked);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

static void test_the_end_of_the_program_undoes_nothing(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "nhà văn hóa");
    assert_int_equal(send_only(e, &an, NULL, NULL), SOTAY_OK);
    phone_crash(&an, false);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* The next save is durable, and with it all that came before. */
static void test_the_next_save_makes_it_durable(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(send_only(e, &an, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "A"), SOTAY_OK);
    lose_power(&an);
    assert_true(phone_status_says(&an, "\"ready\":1"));
    sotay_report report;
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.duplicate, 0);
    assert_true(phone_says(&an, sotay_show, &visit, "\"A\""));
    phone_part(e, &an, NULL);
}

/* A phone whose power goes after every sync ends as one that was never cut, whatever it recorded in
 * between; and each set is in the log once. */
static void test_power_that_goes_after_every_sync(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    st_id ids[6];
    for (int i = 0; i < 6; i++) {
        char place[32];
        (void)snprintf(place, sizeof place, "nhà %d", i);
        sotay_id visit = phone_visit(&an, place);
        ids[i] = phone_id(&visit);
        assert_int_equal(send_only(e, &an, NULL, NULL), SOTAY_OK);
        lose_power(&an);
        if (i % 2 == 0)
            continue;
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        lose_power(&an);
    }
    assert_int_equal(e->sets_taken, 6);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    for (int i = 0; i < 6; i++)
        assert_int_equal(edge_values(e, &ids[i], EDGE_PLACE), 1);
    phone_part(e, &an, NULL);
}

/* ---- what is not undone ---- */

static void test_what_was_fetched_stays(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    sotay_id own = phone_visit(&binh, "trạm y tế");
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    lose_power(&binh);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"nhà văn hóa\""));
    assert_true(phone_says(&binh, sotay_show, &own, "\"trạm y tế\""));
    assert_true(phone_status_says(&binh, "\"ready\":0"));
    phone_part(e, &an, &binh);
}

/* Also when the verdict came in a piece of the answer before the page. */
static void test_what_was_fetched_stays_in_any_pieces(void **state)
{
    (void)state;
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "nhà văn hóa");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    (void)phone_visit(&binh, "trạm y tế");
    const edge_trouble pieces = { .feed_bytes = 1 };
    assert_int_equal(edge_sync(e, binh.client, &pieces, NULL), SOTAY_OK);
    lose_power(&binh);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"nhà văn hóa\""));
    assert_true(phone_status_says(&binh, "\"ready\":0"));
    phone_part(e, &an, &binh);
}

static void test_what_was_held_stays_held(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_report report;
    (void)phone_visit(&an, "nhà văn hóa");
    e->hold_next = ST_HOLD_ROLE;
    assert_int_equal(send_only(e, &an, NULL, &report), SOTAY_OK);
    assert_true(report.needs_person);
    lose_power(&an);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

static void test_an_enrolment_stays(void **state)
{
    (void)state;
    phone an;
    sotay_who who;
    edge *e = edge_new();
    phone_new(&an, 7);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    lose_power(&an);
    sotay_whoami(an.client, &who);
    assert_true(who.is_enrolled);
    phone_part(e, &an, NULL);
}

/* ---- nothing leaves that rests on it ---- */

/* One round of a sync that goes on: the request is answered, its answer taken. */
static bool one_round(edge *e, phone *p, sotay_sync *sync)
{
    sotay_request request = { 0 };
    uint8_t *body = NULL;
    size_t len = 0;
    bool again = false;
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    int status = edge_answer(e, &request, &body, &len);
    assert_int_equal(sotay_sync_feed(sync, body, len, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, status, &again, &p->error), SOTAY_OK);
    free(body);
    return again;
}

/* A sync that needs several requests for what this phone recorded. */
static sotay_sync *long_push(phone *p)
{
    char note[400];
    sotay_sync *sync = NULL;
    memset(note, 'a', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        sotay_id visit = phone_visit(p, "nhà văn hóa");
        assert_int_equal(phone_set(p, &visit, "general_note", note), SOTAY_OK);
    }
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_send_only(sync);
    sync->sets_bytes = 4096; /* as on a line that broke often */
    return sync;
}

/* The first answer may be undone until the second request is made; then it may not. */
static void test_it_is_durable_before_the_next_request(void **state)
{
    (void)state;
    counted c;
    sotay_request request = { 0 };
    edge *e = phone_alone(&c.p);
    count_from_here(&c);
    sotay_sync *sync = long_push(&c.p);
    assert_true(one_round(e, &c.p, sync));
    assert_int_equal(c.soon, 1);
    assert_true(c.p.client->is_owed);
    unsigned commits = c.commits;
    assert_int_equal(sotay_sync_next(sync, &request, &c.p.error), SOTAY_OK);
    assert_int_equal(c.commits, commits + 1);
    assert_false(c.p.client->is_owed);
    sotay_memory_cut(&c.inner);
    sotay_sync_free(sync);
    phone_reopen(&c.p);
    sotay_report report;
    assert_int_equal(send_only(e, &c.p, NULL, &report), SOTAY_OK);
    assert_int_equal(report.duplicate, 0);
    counted_free(e, &c);
}

/* The counter of the first request is reserved for good, and that is all that it waits for. */
static void test_a_sync_waits_once(void **state)
{
    (void)state;
    counted c;
    edge *e = phone_alone(&c.p);
    (void)phone_visit(&c.p, "nhà văn hóa");
    count_from_here(&c);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(send_only(e, &c.p, NULL, NULL), SOTAY_OK);
        assert_int_equal(c.commits, i);
        assert_int_equal(c.soon, i);
    }
    counted_free(e, &c);
}

static void test_a_sync_with_nothing_new_waits_once(void **state)
{
    (void)state;
    counted c;
    edge *e = phone_alone(&c.p);
    assert_int_equal(edge_sync(e, c.p.client, NULL, NULL), SOTAY_OK);
    count_from_here(&c);
    assert_int_equal(edge_sync(e, c.p.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(c.commits, 1);
    assert_int_equal(c.soon, 1);
    counted_free(e, &c);
}

/* A port without it is asked for what it has. */
static void test_a_port_that_has_only_commit(void **state)
{
    (void)state;
    counted c;
    edge *e = phone_alone(&c.p);
    (void)phone_visit(&c.p, "nhà văn hóa");
    count_from_here(&c);
    c.p.port.commit_soon = NULL;
    assert_int_equal(send_only(e, &c.p, NULL, NULL), SOTAY_OK);
    assert_int_equal(c.commits, 2);
    sotay_memory_cut(&c.inner);
    phone_reopen(&c.p);
    assert_true(phone_status_says(&c.p, "\"ready\":0"));
    counted_free(e, &c);
}

/* ---- commits that wait for somebody, and that fail ---- */

static void test_commits_that_are_pending(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_memory_pending(&an.port, true, false);
    const edge_trouble trouble = { .pending = &an.port };
    sotay_id id;
    const sotay_pair pairs[] = { { "visit_kind", "kiem_tra" }, { "place", "nhà văn hóa" } };
    int rc = sotay_record_new(an.client, "visit", EDGE_UNIT, (sotay_pairs){ pairs, 2 }, &id,
                              &an.error);
    assert_int_equal(edge_settle(&an.port, an.client, rc), SOTAY_OK);
    sotay_report report;
    assert_int_equal(send_only(e, &an, &trouble, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_true(an.client->is_owed);
    assert_int_equal(send_only(e, &an, &trouble, &report), SOTAY_OK);
    assert_int_equal(report.duplicate, 0);
    phone_part(e, &an, NULL);
}

/* In a sync of several requests what is owed is settled in between, also when that is pending. */
static void test_several_requests_with_pending_commits(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_sync *sync = long_push(&an);
    sotay_memory_pending(&an.port, true, false);
    const edge_trouble trouble = { .pending = &an.port };
    assert_int_equal(edge_run(e, an.client, sync, &trouble, &report), SOTAY_OK);
    assert_true(report.requests > 1);
    assert_int_equal(report.duplicate, 0);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* A settling commit that fails ends the sync; what is owed stays owed, and the next sync sees to
 * it. */
static void test_a_settling_commit_that_fails(void **state)
{
    (void)state;
    phone an;
    sotay_request request = { 0 };
    edge *e = phone_alone(&an);
    sotay_sync *sync = long_push(&an);
    assert_true(one_round(e, &an, sync));
    sotay_memory_fail(&an.port, 2);
    assert_int_equal(sotay_sync_next(sync, &request, &an.error), SOTAY_E_STORAGE);
    assert_true(an.client->is_owed);
    sotay_sync_free(sync);
    sotay_report report;
    assert_int_equal(send_only(e, &an, NULL, &report), SOTAY_OK);
    assert_int_equal(report.duplicate, 0);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* The verdict that cannot be written ends the sync; the set is offered again. */
static void test_a_verdict_that_cannot_be_written(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "nhà văn hóa");
    unsigned failed = 0;
    for (uint64_t n = 1; n < 60; n++) {
        sotay_sync *sync = NULL;
        sotay_memory_fail(&an.port, n);
        int rc = sotay_sync_begin(an.client, &sync, NULL);
        if (rc == SOTAY_OK) {
            sotay_sync_send_only(sync);
            rc = edge_run(e, an.client, sync, NULL, NULL);
        }
        sotay_memory_fail(&an.port, 0);
        if (rc == SOTAY_OK)
            break;
        assert_int_equal(rc, SOTAY_E_STORAGE);
        failed++;
    }
    assert_true(failed > 3);
    assert_int_equal(e->sets_taken, 1);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_power_cut_undoes_the_verdict_and_it_is_said_again),
        cmocka_unit_test(test_the_end_of_the_program_undoes_nothing),
        cmocka_unit_test(test_the_next_save_makes_it_durable),
        cmocka_unit_test(test_power_that_goes_after_every_sync),
        cmocka_unit_test(test_what_was_fetched_stays),
        cmocka_unit_test(test_what_was_fetched_stays_in_any_pieces),
        cmocka_unit_test(test_what_was_held_stays_held),
        cmocka_unit_test(test_an_enrolment_stays),
        cmocka_unit_test(test_it_is_durable_before_the_next_request),
        cmocka_unit_test(test_a_sync_waits_once),
        cmocka_unit_test(test_a_sync_with_nothing_new_waits_once),
        cmocka_unit_test(test_a_port_that_has_only_commit),
        cmocka_unit_test(test_commits_that_are_pending),
        cmocka_unit_test(test_several_requests_with_pending_commits),
        cmocka_unit_test(test_a_settling_commit_that_fails),
        cmocka_unit_test(test_a_verdict_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
