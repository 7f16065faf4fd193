/* tests/unit/both/test_faults.c
 * A phone that runs out of memory or room in the middle of a repair says so, and the repair comes
 * to its end at another sync: the base is what the server has then, and what nobody signed was
 * shown to the office before it was dropped. Each try begins with the same damage, and with the
 * first piece of memory refused, then the second, and with each call of the store failing once; the
 * server in the same program always gets its answer through. */
#include "tests/unit/both/world.h"

#include "tests/unit/client-lib/stumble.h"

#define VISITS 5

typedef struct {
    world w;
    sotay_id ids[VISITS];
    char *want[VISITS]; /* as phone 0 shows them, who made them */
} bench;

static void bench_open(bench *b)
{
    memset(b, 0, sizeof *b);
    world_make(&b->w, 1);
    phone *an = &b->w.phones[0], *binh = &b->w.phones[1];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    char item[SOTAY_ITEM_TEXT];
    for (size_t i = 0; i < VISITS; i++) {
        make_visit(&b->w, an);
        b->ids[i] = b->w.records[i];
    }
    assert_int_equal(sotay_item_new(an->client, &b->ids[0], "findings", one, item, NULL), SOTAY_OK);
    assert_int_equal(phone_set(an, &b->ids[1], "place", "chợ"), SOTAY_OK);
    assert_int_equal(sync_phone(&b->w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&b->w, binh, 0, NULL), SOTAY_OK);
    for (size_t i = 0; i < VISITS; i++)
        b->want[i] = shown(an, &b->ids[i]);
}

static void bench_close(bench *b)
{
    for (size_t i = 0; i < VISITS; i++)
        sotay_text_free(b->want[i]);
    world_free(&b->w);
}

/* A copy of phone 1 whose book goes wrong: one record is not there, one says something else, one
 * holds what nobody signed. */
static void spoil(const bench *b, phone *p)
{
    static const sotay_damage HOW[] = { SOTAY_DAMAGE_MISSING, SOTAY_DAMAGE_VALUE,
                                        SOTAY_DAMAGE_UNSIGNED };
    memset(p, 0, sizeof *p);
    assert_int_equal(sotay_memory_copy(&b->w.phones[1].port, false, &p->port, NULL), SOTAY_OK);
    phone_open(p);
    for (size_t i = 0; i < sizeof HOW / sizeof HOW[0]; i++)
        assert_int_equal(sotay_debug_damage(p->client, &b->ids[i], HOW[i], &p->error), SOTAY_OK);
}

/* One sync whose server is not tormented. */
static int sync_alone(bench *b, phone *p, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    bool again = true;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        rc = sotay_sync_next(sync, &request, &p->error);
        if (rc != SOTAY_OK)
            break;
        failing_pause(true);
        int status = answer(&b->w, &request, &reply);
        failing_pause(false);
        rc = sotay_sync_feed(sync, reply.data, reply.len, &p->error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &p->error);
        failing_pause(true);
        st_buffer_free(&reply);
        failing_pause(false);
    }
    if (rc == SOTAY_OK)
        sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

static void must_be_well(bench *b, phone *p)
{
    sotay_report report = { 0 };
    assert_int_equal(sync_alone(b, p, &report), SOTAY_OK);
    assert_int_equal(report.repaired_buckets, 0);
    for (size_t i = 0; i < VISITS; i++) {
        char *now = shown(p, &b->ids[i]);
        assert_string_equal(now, b->want[i]);
        sotay_text_free(now);
    }
    assert_true(phone_status_says(p, "\"ready\":0"));
}

/* False: there was no n-th to fail. */
static bool try_repair(bench *b, stumble_way how, uint64_t n)
{
    phone p;
    sotay_report report = { 0 };
    spoil(b, &p);
    stumble_arm(how, &p, n);
    int rc = sync_alone(b, &p, &report);
    bool refused = stumble_disarm(&p);
    if (rc != SOTAY_OK && !stumble_may(rc))
        fail_msg("%d of %s: called %s: %s", (int)n, STUMBLE_NAMES[how], sotay_code_name(rc),
                 p.error.detail);
    if (rc != SOTAY_OK && n % 2 == 0)
        phone_crash(&p, false);
    if (rc != SOTAY_OK)
        assert_int_equal(sync_alone(b, &p, &report), SOTAY_OK);
    must_be_well(b, &p);
    phone_free(&p);
    return rc != SOTAY_OK || refused;
}

static void test_a_repair_may_fail_anywhere(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
        uint64_t n = 1, places = 0;
        while (try_repair(&b, how, n))
            n += 1 + n / stumble_patience(4);
        while (stumble_has_time() && try_repair(&b, how, STUMBLE_IN_NEW_PLACE))
            places++;
        print_message("  %s failed up to %d, in %d new places\n", STUMBLE_NAMES[how], (int)n,
                      (int)places);
        assert_true(n > 5);
    }
    assert_int_equal(KIT_CALL(&b.w.book, "incidents", "--json"), 0);
    assert_non_null(strstr(KIT_OUT(&b.w.book), "ffffffffffffffffffffffffffffffff:"));
    KIT_EXPECT(0, &b.w.book, "verify");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_repair_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
