/* tests/unit/both/test_early.c
 * A phone asks a restored book of which it has not heard yet, or one that was put back and does not
 * know it. What it wrote last does not go into the book ahead of what was lost: not before the
 * papers by which it is judged, nor, where it is of a copy, before what lies in front of it, whose
 * numbers the first phone has used meanwhile: it would be of the first phone's branch there. */
#include "tests/unit/both/early.h"

/* What the copy said last replaces what it said before, not what the first phone said. */
static void test_a_value_over_the_lost_one(void **state)
{
    (void)state;
    for (loss how = RESTORED; how < LOSSES; how++) {
        early s;
        sotay_report report;
        early_make_with(&s, 42, GOES_ON, how);
        note(s.image, &s.visit, LAST);
        sync_first(&s.t, s.image, how, &report);
        assert_int_equal(report.later, 0); /* it came with the same sync */
        enrol(&s.t.w, s.image, "an", true);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* A record stands in the book once. */
static void test_a_record_behind_the_lost_ones(void **state)
{
    (void)state;
    early s;
    early_make(&s, 41);
    (void)phone_visit(s.image, "cuối");
    sync_phone_well(&s.t.w, s.image, NULL);
    enrol(&s.t.w, s.image, "an", true);
    sync_all(&s);
    assert_int_equal(found(s.binh, "cuối"), 1);
    assert_int_equal(found(s.binh, "giữa"), 1);
    check_book(&s);
}

/* The copy has another name by then, and goes on over what waits under the old one. */
static void test_under_a_name_that_was_left(void **state)
{
    (void)state;
    early s;
    early_make(&s, 43);
    note(s.image, &s.visit, LAST);
    rows_seal(s.image);
    enrol(&s.t.w, s.image, "an", true);
    note(s.image, &s.visit, "hai bốn");
    sync_all(&s);
    check_both_said(&s, "hai bốn");
    check_book(&s);
}

/* All that it said under the old name was sent, to the book that is lost: it has another one by
 * then, or gets it in the new book, and goes on over that. */
static void test_under_a_name_that_had_its_answers(void **state)
{
    (void)state;
    for (copy_does then = GOES_ON; then <= HAS_ANOTHER_NAME; then++) {
        early s;
        early_make_with(&s, 47, then, RESTORED);
        if (then != HAS_ANOTHER_NAME)
            enrol(&s.t.w, s.image, "an", true);
        note(s.image, &s.visit, LAST);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* Who read the copy's value wrote over it before he heard of the restore: nothing in his set says
 * that he did not see the first phone's. The office has all of it. */
static void test_what_is_not_seen(void **state)
{
    (void)state;
    early s;
    char hex[33];
    early_make_with(&s, 49, STOPS, RESTORED);
    sotay_id_format(&s.visit, hex);
    note(s.binh, &s.visit, LAST);
    sync_all(&s);
    enrol(&s.t.w, s.image, "an", true);
    sync_all(&s);
    assert_true(phone_says(s.an, sotay_show, &s.visit, LAST));
    assert_false(phone_says(s.an, sotay_show, &s.visit, OURS)); /* should it be, mend 7.9 too */
    assert_true(phone_says(s.an, sotay_show, &s.visit, LOST));
    KIT_EXPECT(0, &s.t.w.book, "held");
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), "fork"));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), hex));
    KIT_EXPECT(0, &s.t.w.book, "history", hex);
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), OURS));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), LOST));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), LAST));
    check_book(&s);
}

/* The same book goes on: what is written over that waits for no more than one answer, over syncs of
 * a single request too; and for none once a backup has what it is written over, nor in a bundle. */
static void test_the_same_book_is_asked_once(void **state)
{
    (void)state;
    town t;
    sotay_sync *sync = NULL;
    sotay_report report;
    town_make(&t, 48);
    phone *an = &t.w.phones[0];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    enrol(&t.w, an, "an", true);
    sync_phone_well(&t.w, an, NULL);
    note(an, &visit, "một");
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 2);
    assert_int_equal(report.stored, 1);
    sync_phone_well(&t.w, an, &report); /* nothing waits */
    assert_int_equal(report.requests, 1);
    note(an, &visit, "hai");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sotay_sync_begin(an->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1100, true);
        assert_int_equal(run(&t.w, sync, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1);
        assert_int_equal(report.stored, i);
    }
    sync_phone_well(&t.w, an, NULL); /* what these had no room for */
    note(an, &visit, "ba");
    rows_seal(an);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.stored, 1);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", t.copy); /* one alone may lie on the same disk */
    sync_phone_well(&t.w, an, NULL);
    note(an, &visit, "bốn");
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.stored, 1);
    town_free(&t);
}

static bool is_asked(phone *p, const st_dot *first)
{
    outbox_set set;
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    book_db *book = &p->client->book;
    assert_int_equal(outbox_get(book, &first->device, first->counter, &set, NULL), ST_OK);
    client_abort(p->client);
    return set.is_asked;
}

/* What the copy wrote before it goes on over what it had sent. */
typedef enum {
    WAITED_THROUGH,       /* an answer, in a sync of a single request */
    WRITTEN_AT_AN_ANSWER, /* which was on its way: over it, too */
    WAITED_ON_A_SET,      /* of the name before: the server was asked, and did not say */
    DOES_NOT_OPEN,        /* the same, so that what is behind it gets its counter */
    WAYS
} written_before;

static void write_before(early *s, const sotay_id *other, written_before how)
{
    sotay_sync *sync = NULL;
    town *t = &s->t;
    if (how >= WAITED_ON_A_SET) {
        (void)phone_visit(s->image, "giữa");
        rows_seal(s->image);
    }
    const st_dot left = last_set(s->image);
    enrol(&t->w, s->image, "an", true);
    if (how == WRITTEN_AT_AN_ANSWER)
        note(s->image, other, "trước");
    if (how < WAITED_ON_A_SET)
        sync_phone_well(&t->w, s->image, NULL);
    if (how == WRITTEN_AT_AN_ANSWER) {
        (void)broken_sync(t, s->image, &s->visit, SIZE_MAX);
        return;
    }
    note(s->image, other, "chờ");
    if (how == WAITED_THROUGH) {
        assert_int_equal(sotay_sync_begin(s->image->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1100, true);
        assert_int_equal(run(&t->w, sync, 0, NULL), SOTAY_OK);
        return;
    }
    has_heard(s->image, 1, &left);
    if (how == DOES_NOT_OPEN)
        damage_unsealed(s->image, 1, SPOILT);
}

/* That something is unsealed still which waited long enough lets nothing go that was written since:
 * the book may have turned. */
static void test_each_waits_for_its_answer(void **state)
{
    (void)state;
    for (written_before how = 0; how < WAYS; how++) {
        early s;
        print_message("  case %d\n", (int)how);
        early_begin(&s, 47, STOPS, RESTORED);
        const sotay_id other = phone_visit(s.image, "khác");
        sync_phone_well(&s.t.w, s.image, NULL);
        write_before(&s, &other, how);
        early_turn(&s, RESTORED);
        note(s.image, &s.visit, LAST);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* What waited goes though each answer breaks off before its end, once something has come that the
 * same book alone says. */
static void test_no_answer_comes_whole(void **state)
{
    (void)state;
    early s;
    early_begin(&s, 50, HAS_ANOTHER_NAME, RESTORED);
    note(s.image, &s.visit, LAST);
    for (int i = 0; i < 3; i++) {
        (void)phone_visit(s.binh, "suối");
        sync_phone_well(&s.t.w, s.binh, NULL);
        (void)broken_sync(&s.t, s.image, NULL, WHOLE_BUT_ITS_END);
    }
    sync_phone_well(&s.t.w, s.binh, NULL);
    assert_true(phone_says(s.binh, sotay_show, &s.visit, LAST));
    check_book(&s);
}

/* A sync that only sends brings it as well; so does the one after a sync of a single request. */
static void test_a_sync_that_only_sends(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        early s;
        sotay_sync *sync = NULL;
        sotay_report report;
        early_make(&s, 44);
        restore(&s.t); /* the first phone brings its own again, as any phone */
        (void)phone_visit(s.an, "cuối");
        assert_int_equal(sotay_sync_begin(s.an->client, &sync, NULL), SOTAY_OK);
        sotay_sync_send_only(sync);
        sotay_sync_limit(sync, i == 0 ? 0 : 1100, true);
        assert_int_equal(run(&s.t.w, sync, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests == 1, i == 1);
        assert_int_equal(phone_status_says(s.an, "\"ready\":0"), i == 0);
        sync_phone_well(&s.t.w, s.an, &report);
        assert_true(report.complete);
        sync_phone_well(&s.t.w, s.binh, NULL);
        assert_int_equal(found(s.binh, "cuối"), 1);
        assert_true(phone_says(s.binh, sotay_show, &s.visit, OURS));
        check_book(&s);
    }
}

/* A person came, or was given the unit, after the backup: that is lost with it, and comes again
 * before what he wrote is judged, whether he had sent it or not. */
static void test_what_lets_him_write_comes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        town t;
        sotay_report report;
        const bool is_new = i % 2 == 1, was_sent = i / 2 % 2 == 1;
        const loss how = i < 4 ? RESTORED : PUT_BACK;
        const char *login = is_new ? "dung" : "an";
        print_message("  case: %s, %s, %s\n", how == RESTORED ? "restored" : "put back", login,
                      was_sent ? "sent" : "unsent");
        town_make(&t, 45);
        phone *p = &t.w.phones[is_new ? 2 : 0];
        if (!is_new)
            KIT_EXPECT(0, &t.w.book, "unassign", login, KIT_UNIT);
        save(&t, how);
        if (is_new) {
            KIT_EXPECT(0, &t.w.book, "user", "add", login, "--name", login, "--role", "officer");
            phone_free(p);
            phone_new(p, 451);
        }
        KIT_EXPECT(0, &t.w.book, "assign", login, KIT_UNIT);
        if (is_new)
            enrol(&t.w, p, login, true);
        sync_phone_well(&t.w, p, NULL);
        (void)phone_visit(p, "suối");
        if (was_sent)
            sync_phone_well(&t.w, p, NULL);
        lose(&t, how);
        sync_first(&t, p, how, &report);
        assert_true(report.complete);
        assert_int_equal(report.held, 0);
        assert_true(phone_status_says(p, "\"ready\":0"));
        KIT_EXPECT(0, &t.w.book, "held");
        assert_non_null(strstr(KIT_OUT(&t.w.book), "0 changes wait"));
        town_free(&t);
    }
}

/* The server that turns says of nothing what it is: that is no answer for which words waited. */
static void test_the_turn_is_no_answer(void **state)
{
    (void)state;
    town t;
    sotay_sync *sync = NULL;
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    backup(&t);
    note(an, &visit, "một");
    rows_seal(an);
    const st_dot left = last_set(an);
    restore(&t);
    enrol(&t.w, an, "an", true);
    note(an, &visit, "hai");
    has_heard(an, 0, &left); /* of the old book, nothing */
    assert_int_equal(sotay_sync_begin(an->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 1100, true);
    assert_int_equal(run(&t.w, sync, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    assert_false(is_asked(an, &left));
    assert_int_equal(an->client->me.heard, 0);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "hai"));
    assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
    town_free(&t);
}

/* Nor does it where the answer breaks off before it says that the book turned. */
static void test_the_turn_is_cut_off(void **state)
{
    (void)state;
    bool is_whole = false;
    for (size_t len = 41; !is_whole; len += 40) {
        town t;
        town_make(&t, 46);
        phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
        const sotay_id visit = phone_visit(an, "gốc");
        sync_phone_well(&t.w, an, NULL);
        backup(&t);
        note(an, &visit, "một");
        rows_seal(an);
        restore(&t);
        enrol(&t.w, an, "an", true);
        note(an, &visit, "hai");
        has_heard(an, 1, NULL);
        is_whole = broken_sync(&t, an, NULL, len);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&t.w, an, NULL);
        sync_phone_well(&t.w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "hai"));
        assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
        town_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_over_the_lost_one),
        cmocka_unit_test(test_a_record_behind_the_lost_ones),
        cmocka_unit_test(test_under_a_name_that_was_left),
        cmocka_unit_test(test_under_a_name_that_had_its_answers),
        cmocka_unit_test(test_what_is_not_seen),
        cmocka_unit_test(test_the_same_book_is_asked_once),
        cmocka_unit_test(test_a_sync_that_only_sends),
        cmocka_unit_test(test_what_lets_him_write_comes_first),
        cmocka_unit_test(test_the_turn_is_no_answer),
        cmocka_unit_test(test_the_turn_is_cut_off),
        cmocka_unit_test(test_each_waits_for_its_answer),
        cmocka_unit_test(test_no_answer_comes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
