/* What must hold in the commune: at whichever step of a day a phone dies, or its store or key says
 * no, the day can be gone through again, and the book has everything once. The steps are counted:
 * each of them fails once, and each is once the last one before the battery is empty. */
#include "tests/unit/client-lib/phone.h"

typedef enum { WAY_STORE, WAY_KEY, WAY_CRASH } sweep_way;
typedef struct {
    edge *e;
    phone *p;
    unsigned left; /* pending steps until the one that goes wrong; 0: none does */
    sweep_way way;
    bool is_over; /* it went wrong */
} sweep;

/* Waits out what is pending; the step that is to go wrong does. */
static int wait_out(sweep *s, int rc)
{
    if (rc != SOTAY_PENDING)
        return rc;
    if (s->left > 0 && --s->left == 0) {
        s->is_over = true;
        if (s->way == WAY_CRASH)
            return SOTAY_E_NETWORK; /* whoever calls gives up; the store is as it was */
        return sotay_memory_settle(&s->p->port, s->p->client, SOTAY_E_STORAGE, NULL);
    }
    return sotay_memory_settle(&s->p->port, s->p->client, SOTAY_OK, NULL);
}

static int run(sweep *s, sotay_sync *sync)
{
    sotay_request request;
    bool again = true;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && again) {
        uint8_t *body = NULL;
        size_t len = 0;
        while ((rc = sotay_sync_next(sync, &request, NULL)) == SOTAY_PENDING) {
            rc = wait_out(s, rc);
            if (rc != SOTAY_OK)
                break;
        }
        if (rc != SOTAY_OK)
            break;
        int status = edge_answer(s->e, &request, &body, &len);
        rc = sotay_sync_feed(sync, body, len, NULL);
        while (rc == SOTAY_PENDING) {
            rc = wait_out(s, rc);
            if (rc == SOTAY_OK)
                rc = sotay_sync_feed(sync, NULL, 0, NULL);
        }
        free(body);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, NULL);
        while (rc == SOTAY_PENDING) {
            rc = wait_out(s, rc);
            if (rc == SOTAY_OK)
                rc = sotay_sync_end(sync, status, &again, NULL);
        }
    }
    sotay_sync_free(sync);
    return rc;
}

/* Enrols, records, syncs; goes on from where a day before stopped. */
static int day(sweep *s, const char *link, sotay_id *visit, int *done)
{
    sotay_sync *sync = NULL;
    sotay_who who;
    phone *p = s->p;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "chợ" } };
    const sotay_pairs pairs = { list, 2 };
    int rc = SOTAY_OK;
    sotay_whoami(p->client, &who);
    if (!who.is_enrolled) {
        rc = sotay_enrol_begin(p->client, link, NULL, &sync, NULL);
        rc = rc == SOTAY_OK ? run(s, sync) : rc;
    }
    if (rc == SOTAY_OK && *done == 0) {
        rc = sotay_sync_begin(p->client, &sync, NULL);
        rc = rc == SOTAY_OK ? run(s, sync) : rc;
    }
    if (rc == SOTAY_OK && *done == 0) {
        rc = wait_out(s, sotay_record_new(p->client, "visit", EDGE_UNIT, pairs, visit, NULL));
        *done += rc == SOTAY_OK ? 1 : 0;
    }
    if (rc == SOTAY_OK && *done == 1) {
        rc = wait_out(s, phone_set(p, visit, "general_note", "đường lầy"));
        *done += rc == SOTAY_OK ? 1 : 0;
    }
    if (rc == SOTAY_OK && *done == 2) {
        rc = wait_out(s, sotay_draft_put(p->client, visit, "place", "gõ dở", NULL));
        *done += rc == SOTAY_OK ? 1 : 0;
    }
    if (rc == SOTAY_OK) {
        rc = sotay_sync_begin(p->client, &sync, NULL);
        rc = rc == SOTAY_OK ? run(s, sync) : rc;
    }
    return rc;
}

static void test_every_pending_step_goes_wrong_once(void **state)
{
    (void)state;
    static const char *const WAYS[] = { "the store says no", "the key says no", "a crash" };
    for (int way = 0; way < 3; way++) {
        unsigned at = 1;
        for (bool more = true; more; at++) {
            edge *e = edge_new();
            phone an;
            char link[128];
            sotay_id visit;
            int done = 0;
            sweep s = { e, &an, at, (sweep_way)way, false };
            phone_new(&an, at);
            edge_link(e, 0, link);
            sotay_memory_pending(&an.port, way != WAY_KEY, true);
            int rc = day(&s, link, &visit, &done);
            more = s.is_over;
            if (s.is_over) {
                assert_int_not_equal(rc, SOTAY_OK);
                if (way == WAY_CRASH) {
                    phone_crash(&an, false);
                    sotay_memory_pending(&an.port, true, true);
                }
                rc = day(&s, link, &visit, &done);
            }
            assert_int_equal(rc, SOTAY_OK);
            sotay_memory_pending(&an.port, false, false);
            st_id id = phone_id(&visit);
            assert_int_equal(e->devices_count, 2);
            assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
            assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
            assert_int_equal(e->devices[1].known, 3);
            assert_true(phone_says(&an, sotay_show, &visit, "\"gõ dở\""));
            assert_true(phone_says(&an, sotay_show, &visit, "\"đường lầy\""));
            assert_true(phone_status_says(&an, "\"ready\":0"));
            assert_true(phone_status_says(&an, "\"working_copies\":0"));
            phone_free(&an);
            edge_free(e);
        }
        print_message("  %s: at %u steps\n", WAYS[way], at - 2);
        assert_true(at > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pending_step_goes_wrong_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
