/* tests/unit/both/test_taken_name.c
 * A verdict said that the server has a set; the book is put back unnoticed, a copy of the phone
 * sends another one under that name, and the log grows past it. What the phone had said is not
 * taken for what the log has: it is shown on, offered, and the other one stands beside it. */
#include "client-lib/src/apply.h"
#include "tests/unit/both/early.h"
#include "tests/unit/both/many_visits.h"
#include "tests/unit/both/unreadable.h"

/* As after a repair that came to nothing. */
static void read_anew(phone *p)
{
    st_bucket unit;
    (void)snprintf(unit.s, sizeof unit.s, "01477/unit/%s", KIT_UNIT);
    rows_begin(p);
    assert_int_equal(apply_forget(p->client, &unit, NULL), ST_OK);
    p->client->next.position = 0;
    rows_commit(p);
}

static void begin_town(early *s)
{
    town *t = &s->t;
    town_make(t, 3);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    ids_count = 0;
    make_visits(&t->w, VISITS);
    s->visit = ids[1];
    sync_phone_well(&t->w, s->binh, NULL);
    sync_phone_well(&t->w, s->an, NULL);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    keep_copy(t);
}

static void take_name(early *s)
{
    town *t = &s->t;
    begin_town(s);
    note(s->an, &s->visit, LAST);
    (void)broken_sync(t, s->an, NULL, VERDICTS_ALONE);
    assert_true(phone_status_says(s->an, "\"ready\":0"));
    put_copy_back(t);
    note(s->image, &s->visit, OURS);
    sync_phone_well(&t->w, s->image, NULL);
    for (int i = 0; i < 4; i++) {
        (void)phone_visit(s->binh, "sau");
        sync_phone_well(&t->w, s->binh, NULL);
    }
}

static void must_have_both(early *s)
{
    sotay_report report;
    town *t = &s->t;
    assert_true(phone_says(s->an, sotay_show, &s->visit, LAST));
    assert_true(phone_says(s->an, sotay_show, &s->visit, OURS));
    enrol(&t->w, s->an, "an", true);
    sync_phone_well(&t->w, s->an, NULL);
    sync_phone_well(&t->w, s->an, &report); /* once */
    assert_int_equal(report.sent_changes, 0);
    assert_int_equal(report.repaired_buckets, 0);
    sync_phone_well(&t->w, s->binh, NULL);
    assert_true(phone_says(s->binh, sotay_show, &s->visit, LAST));
    assert_true(phone_says(s->binh, sotay_show, &s->visit, OURS));
    KIT_EXPECT(0, &t->w.book, "verify");
    town_free(t);
}

/* The log refers to the set by its name, and the record does not add up. */
static void test_referred_to(void **state)
{
    (void)state;
    early s;
    take_name(&s);
    sync_phone_well(&s.t.w, s.an, NULL);
    must_have_both(&s);
}

/* The bucket is read anew, and comes in full, or as a snapshot that says which counters it has. */
static void test_read_anew(void **state)
{
    (void)state;
    for (int fetches = 0; fetches < 2; fetches++) {
        early s;
        line l = { 0 };
        take_name(&s);
        read_anew(s.an);
        for (int i = 0; i < 2; i++) {
            if (fetches)
                sync_over_well(&s.t.w, s.an, &l, NULL);
            else
                sync_phone_well(&s.t.w, s.an, NULL);
        }
        assert_int_equal(l.gets > 0, fetches);
        must_have_both(&s);
    }
}

/* The book is the one that said it: a snapshot of it has the set, which is asked about once. */
static void test_it_is_there(void **state)
{
    (void)state;
    early s;
    line l = { 0 };
    sotay_report report;
    begin_town(&s);
    note(s.an, &s.visit, LAST);
    (void)broken_sync(&s.t, s.an, NULL, VERDICTS_ALONE);
    read_anew(s.an);
    for (int i = 0; i < 2; i++)
        sync_over_well(&s.t.w, s.an, &l, NULL);
    assert_true(l.gets > 0);
    sync_over_well(&s.t.w, s.an, &l, &report);
    assert_int_equal(report.sent_changes, 0);
    assert_int_equal(report.requests, 1);
    assert_true(phone_says(s.an, sotay_show, &s.visit, LAST));
    assert_true(phone_status_says(s.an, "\"ready\":0"));
    town_free(&s.t);
}

/* The same of a set that does not open here any more, of the name that the phone has or of one
 * before: it cannot be offered, and nobody is told for ever that it waits, or that it is lost. */
static void test_what_does_not_open_is_there(void **state)
{
    (void)state;
    for (int how = 0; how < 2 * HOWS; how++) {
        early s;
        line l = { 0 };
        begin_town(&s);
        note(s.an, &s.visit, LAST);
        (void)broken_sync(&s.t, s.an, NULL, VERDICTS_ALONE);
        const st_dot own = last_set(s.an);
        const book_key key = book_key_counter(BOOK_SET, &own.device, own.counter);
        damage(s.an, &key, how % HOWS);
        if (how >= HOWS)
            enrol(&s.t.w, s.an, "an", true);
        read_anew(s.an);
        for (int i = 0; i < 2; i++)
            sync_over_well(&s.t.w, s.an, &l, NULL);
        assert_true(l.gets > 0);
        assert_int_equal(s.an->client->me.lost, 0);
        must_be_quiet(&s.t.w, s.an);
        assert_true(phone_says(s.an, sotay_show, &s.visit, LAST));
        assert_true(phone_status_says(s.an, "\"ready\":0"));
        town_free(&s.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_referred_to),
        cmocka_unit_test(test_read_anew),
        cmocka_unit_test(test_it_is_there),
        cmocka_unit_test(test_what_does_not_open_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
