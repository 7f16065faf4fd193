/* tests/unit/both/test_left_answers.c
 * Of what waits under a name that was left the server says what it is, or again and again that it
 * cannot say so yet. Neither keeps waiting for ever what is recorded under the new name, nor hides
 * what another phone wrote under the old one: also where the set lies sealed, of a unit that was
 * taken back, and where a sync ends behind its first request. */
#include "client-lib/src/closed.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

static size_t left_waiting(phone *p)
{
    outbox_set set;
    size_t count = 0;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    while (outbox_next_left(p->client, &scan, &set, NULL) == ST_OK)
        count++;
    client_abort(p->client);
    return count;
}

/* ---- sealed ---- */

/* Two sets of the old name lie sealed on a phone that has another name by now, since its unit was
 * taken back; a book that was put back takes another branch of that name first. */
typedef struct {
    town t;
    phone *an, *binh, *image;
    sotay_id visit;
} sealed;

static void sealed_make(sealed *s, uint64_t seed)
{
    town *t = &s->t;
    char first[3601]; /* no stream makes it short */
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof first - 1; i++) {
        x = x * 1103515245u + 12345u;
        first[i] = (char)('a' + (x >> 16) % 26);
    }
    first[sizeof first - 1] = '\0';
    town_make(t, seed);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    s->visit = phone_visit(s->an, "chợ");
    sync_phone_well(&t->w, s->an, NULL);
    backup(t);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    assert_int_equal(phone_set(s->image, &s->visit, "general_note", first), SOTAY_OK);
    sync_phone_well(&t->w, s->image, NULL);
    assert_int_equal(phone_set(s->image, &s->visit, "place", "bản ba"), SOTAY_OK);
    sync_phone_well(&t->w, s->image, NULL);
    enrol(&t->w, s->image, "an", true);
    sync_phone_well(&t->w, s->image, NULL);
    KIT_EXPECT(0, &t->w.book, "unassign", "an", KIT_UNIT);
    sync_phone_well(&t->w, s->image, NULL);
    assert_int_equal(rows_count(s->image, BOOK_CLOSED), 3); /* also that of the visit */
    restore(t);
    assert_int_equal(phone_set(s->an, &s->visit, "general_note", "của an"), SOTAY_OK);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t->w, s->an, NULL);
}

static void assign(sealed *s)
{
    KIT_EXPECT(0, &s->t.w.book, "assign", "an", KIT_UNIT);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&s->t.w, s->image, NULL);
}

static void test_a_sealed_branch_waits_no_more(void **state)
{
    (void)state;
    sealed s;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made = { 0 };
    sotay_slice bytes = { NULL, 0 };
    sealed_make(&s, 21);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&s.t.w, s.image, NULL);
    assert_int_equal(left_waiting(s.image), 0);
    assert_true(phone_status_says(s.image, "\"lost\":0"));
    assign(&s);
    assert_int_equal(phone_set(s.image, &s.visit, "general_note", "sửa"), SOTAY_OK);
    assert_int_equal(sotay_bundle_begin(s.image->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    sotay_bundle_free(bundle);
    assert_int_equal(made.sets, 1);
    assert_int_equal(made.unsealed, 0);
    town_free(&s.t);
}

static void test_a_sealed_branch_hides_nobody(void **state)
{
    (void)state;
    sealed s;
    sotay_report report;
    sealed_make(&s, 22);
    sync_phone_well(&s.t.w, s.image, NULL);
    assign(&s);
    sync_phone_well(&s.t.w, s.image, &report);
    assert_int_equal(report.repaired_buckets, 0);
    assert_false(report.needs_person);
    assert_true(phone_says(s.image, sotay_show, &s.visit, "\"của an\""));
    assert_int_equal(phone_set(s.image, &s.visit, "general_note", "sửa"), SOTAY_OK);
    sync_phone_well(&s.t.w, s.image, &report);
    sync_phone_well(&s.t.w, s.binh, NULL);
    assert_true(phone_says(s.binh, sotay_show, &s.visit, "\"sửa\""));
    assert_true(phone_says(s.binh, sotay_show, &s.visit, "\"open_conflicts\":0"));
    KIT_EXPECT(0, &s.t.w.book, "verify");
    town_free(&s.t);
}

static size_t forks(sealed *s)
{
    size_t count = 0;
    KIT_EXPECT(0, &s->t.w.book, "held", "--json");
    for (const char *at = KIT_OUT(&s->t.w.book); (at = strstr(at, "\"fork\"")) != NULL; at++)
        count++;
    return count;
}

/* The first one alone fits into a request, and breaks off behind its answer: what it says of that
 * one is said of no other. Nor does the phone let go of them before a backup has them. */
static void test_each_sealed_one_is_brought(void **state)
{
    (void)state;
    sealed s;
    sealed_make(&s, 23);
    for (int i = 0; forks(&s) == 0 && i < 8; i++) {
        sotay_sync *sync = NULL;
        assert_int_equal(sotay_sync_begin(s.image->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1600, true);
        assert_int_equal(run(&s.t.w, sync, 0, NULL), SOTAY_OK);
    }
    assert_int_equal(forks(&s), 1);
    assert_int_equal(left_waiting(s.image), 1);
    sync_phone_well(&s.t.w, s.image, NULL);
    assert_int_equal(forks(&s), 2);
    assert_int_equal(left_waiting(s.image), 0);
    assert_int_equal(rows_count(s.image, BOOK_CLOSED), 3);
    assert_true(phone_status_says(s.image, "\"safe_to_wipe\":false"));
    town_free(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sealed_branch_waits_no_more),
        cmocka_unit_test(test_a_sealed_branch_hides_nobody),
        cmocka_unit_test(test_each_sealed_one_is_brought),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
