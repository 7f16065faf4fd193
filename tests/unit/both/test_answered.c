/* tests/unit/both/test_answered.c
 * What was answered, and what waited through an answer, counts for the book that answered, and for
 * no word that came after it: where that book is put back meanwhile, nobody's value is replaced
 * unseen, and what it said it has is offered again. */
#include "tests/unit/both/broken.h"

/* One request of a sync; while its answer is on its way, something is written where `meanwhile`
 * says. */
static void one_request(town *t, phone *p, sotay_sync *sync, const sotay_id *meanwhile,
                        bool *out_again)
{
    sotay_request request;
    st_buffer reply;
    assert_int_equal(sotay_sync_next(sync, &request, &t->w.error), SOTAY_OK);
    const int status = answer(&t->w, &request, &reply);
    if (meanwhile != NULL)
        note(p, meanwhile, LAST);
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &t->w.error), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, status, out_again, &t->w.error), SOTAY_OK);
    st_buffer_free(&reply);
}

static void to_its_end(town *t, phone *p, sotay_sync *sync)
{
    bool again = true;
    for (int i = 0; again && i < 20; i++)
        one_request(t, p, sync, NULL, &again);
    assert_false(again);
    sotay_sync_free(sync);
}

/* A copy that goes on under another name, which the book has heard of before it is saved, or has
 * not; what the copy said under its old name is in the book after that. */
static void another_name(early *s, bool is_saved)
{
    town *t = &s->t;
    if (!is_saved) {
        early_begin(s, 47, HAS_ANOTHER_NAME, RESTORED);
        return;
    }
    town_make(t, 47);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    s->visit = phone_visit(s->an, "gốc");
    sync_phone_well(&t->w, s->an, NULL);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    note(s->image, &s->visit, LOST);
    rows_seal(s->image);
    enrol(&t->w, s->image, "an", true);
    save(t, RESTORED);
    sync_phone_well(&t->w, s->image, NULL);
}

/* All that it said before has answers, and in a new sync one more request has: the sync goes on. */
static sotay_sync *answered_once(early *s, bool is_saved)
{
    sotay_sync *sync = NULL;
    bool again = false;
    town *t = &s->t;
    another_name(s, is_saved);
    (void)phone_visit(s->image, "khác");
    assert_int_equal(sotay_sync_begin(s->image->client, &sync, NULL), SOTAY_OK);
    one_request(t, s->image, sync, NULL, &again);
    assert_true(again);
    return sync;
}

/* The restored book does not know the copy and refuses it; while it does, or while it says next
 * that it is another one, the copy writes over what it had said before. */
static void test_refused_within_a_sync(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        early s;
        bool again = false;
        sotay_sync *sync = answered_once(&s, false);
        early_turn(&s, RESTORED);
        one_request(&s.t, s.image, sync, late ? NULL : &s.visit, &again);
        one_request(&s.t, s.image, sync, late ? &s.visit : NULL, &again);
        to_its_end(&s.t, s.image, sync);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* The same, also where the restored book knows it; and nobody else has the number: what it wrote
 * over its own value still replaces that. */
static void test_its_own_value_within_a_sync(void **state)
{
    (void)state;
    for (int is_saved = 0; is_saved < 2; is_saved++) {
        early s;
        bool again = false;
        sotay_sync *sync = answered_once(&s, is_saved);
        lose(&s.t, RESTORED);
        if (!is_saved)
            one_request(&s.t, s.image, sync, NULL, &again); /* refused */
        one_request(&s.t, s.image, sync, &s.visit, &again);
        to_its_end(&s.t, s.image, sync);
        sync_phone_well(&s.t.w, s.image, NULL);
        sync_phone_well(&s.t.w, s.binh, NULL);
        assert_true(phone_says(s.binh, sotay_show, &s.visit, LAST));
        assert_true(phone_says(s.binh, sotay_show, &s.visit, "\"open_conflicts\":0"));
        town_free(&s.t);
    }
}

/* A set of the name before has no answer yet. What waited through one leans on it no more; what was
 * written since goes on waiting, and still replaces what is in that set. */
static void test_what_goes_on_waiting(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc"), other = phone_visit(an, "khác");
    sync_phone_well(&t.w, an, NULL);
    note(an, &visit, "một");
    rows_seal(an);
    const st_dot left = last_set(an);
    enrol(&t.w, an, "an", true);
    note(an, &other, "chờ");
    has_heard(an, 1, &left);
    note(an, &visit, "hai");
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.stored, 3);
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &other, "chờ"));
    assert_true(phone_says(binh, sotay_show, &visit, "hai"));
    assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
    town_free(&t);
}

/* What a fork makes anew stands in front of a word that had waited through an answer, and did not
 * wait itself. */
static void test_made_anew_in_front(void **state)
{
    (void)state;
    early s;
    town *t = &s.t;
    phone third;
    memset(&third, 0, sizeof third);
    early_begin(&s, 47, STOPS, RESTORED);
    assert_int_equal(sotay_memory_copy(&s.image->port, false, &third.port, NULL), SOTAY_OK);
    phone_open(&third);
    note(&third, &s.visit, "nhánh ba");
    sync_phone_well(&t->w, &third, NULL);
    note(s.image, &s.visit, LAST);
    rows_seal(s.image);
    enrol(&t->w, s.image, "an", true);
    (void)phone_visit(s.image, "chờ");
    has_heard(s.image, 1, NULL);
    for (size_t len = 100; s.image->client->me.counter < 2 && len < 100000; len += 20)
        (void)broken_sync(t, s.image, NULL, len);
    assert_int_equal(s.image->client->me.counter, 2);
    early_turn(&s, RESTORED);
    sync_all(&s);
    sync_all(&s);
    assert_true(phone_says(s.an, sotay_show, &s.visit, OURS));
    assert_true(phone_says(s.an, sotay_show, &s.visit, LAST));
    phone_free(&third);
    check_book(&s);
}

/* The log is shorter than what the phone was told. */
static void test_a_verdict_beyond_the_log(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    const sotay_id visit = told_and_lost(&t, 0);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.stored, 1);
    sync_phone_well(&t.w, an, &report); /* once */
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.sent_changes, 0);
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "mất"));
    KIT_EXPECT(0, &t.w.book, "audit", "list", "gaps", "--json");
    assert_non_null(strstr(KIT_OUT(&t.w.book), "\"lines\":[]"));
    town_free(&t);
}

/* The log has grown past that place before the phone comes; or before it gets a page again, since
 * it was suspended meanwhile. */
static void test_a_verdict_in_a_log_that_grew(void **state)
{
    (void)state;
    for (int was_suspended = 0; was_suspended < 2; was_suspended++) {
        broken b;
        break_and_grow(&b, was_suspended);
        broken_close(&b);
    }
}

/* Its unit is taken from its author before he comes: no page will tell that it is not there. */
static void test_a_verdict_in_a_unit_that_is_lost(void **state)
{
    (void)state;
    for (int has_backup = 0; has_backup < 2; has_backup++) {
        broken b;
        break_in_lost_unit(&b, has_backup);
        broken_close(&b);
    }
}

/* It was somebody else's set, which the phone carried; its author has the receipt, and never comes
 * again. So too where the log has grown past it. */
static void test_a_verdict_on_what_is_carried(void **state)
{
    (void)state;
    for (int has_grown = 0; has_grown < 2; has_grown++) {
        broken b;
        break_carried(&b, has_grown);
        broken_close(&b);
    }
}

/* Who carried it lost the unit behind the verdict, before a page: what he carried stays his to
 * bring until a backup has it, in a log that is put back unnoticed and in a restored one. */
static void test_carried_in_a_unit_that_is_lost(void **state)
{
    (void)state;
    for (int is_restored = 0; is_restored < 2; is_restored++) {
        broken b;
        break_carried_in_lost_unit(&b, is_restored);
        broken_close(&b);
    }
}

/* Who brought it as a parcel reads nothing of the unit, and his answer broke off behind the
 * receipt: what a backup of the log has by now is not what he brought. */
static void test_a_receipt_on_a_parcel(void **state)
{
    (void)state;
    broken b;
    break_parcel(&b, false);
    broken_close(&b);
}

/* The phone does not say it in the open, and it came to the book. */
static void check_sealed(broken *b)
{
    const size_t shown = strcmp(b->text, LAST) == 0 ? 1 : 0; /* the catalogue's */
    for (int i = 0; i < 2; i++)
        sync_phone_well(&b->t.w, b->who, NULL);
    assert_int_equal(rows_with(b->who, b->text), shown);
    broken_close(b);
}

/* Its unit was lost before it was sent: it is sealed with its verdict, which came alone. */
static void test_a_verdict_that_sealed(void **state)
{
    (void)state;
    broken b;
    break_sealed(&b, false);
    check_sealed(&b);
}

/* Of the answer that had the pages only the end did not come; then the unit is lost, and with that
 * a backup is told of. His own, and another one's, whose author never comes again. */
static void test_pages_in_a_unit_that_is_lost(void **state)
{
    (void)state;
    for (int is_own = 0; is_own < 2; is_own++) {
        broken b;
        break_pages(&b, is_own);
        check_sealed(&b);
    }
}

static void spoil_all(phone *p, book_table table)
{
    stored_row row;
    for (size_t n = rows_count(p, table); n-- > 0;)
        if (rows_get(p, table, n, &row))
            rows_spoil(p, &row.key);
}

/* What does not open any more can't be offered, and stands in nobody's way. */
static void test_what_does_not_open(void **state)
{
    static const struct {
        void (*build)(broken *b, bool how);
        bool how;
        book_table table;
    } CASES[] = {
        { break_and_grow, false, BOOK_SET },
        { break_in_lost_unit, false, BOOK_SET },
        { break_carried, true, BOOK_TAKEN },
        { break_carried, true, BOOK_SET },
        { break_carried_in_lost_unit, false, BOOK_TAKEN },
        { break_carried_in_lost_unit, false, BOOK_SET },
        { break_sealed, false, BOOK_CLOSED },
        { break_pages, true, BOOK_SET },
        { break_pages, false, BOOK_SET },
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        broken b;
        sotay_report report;
        CASES[i].build(&b, CASES[i].how);
        spoil_all(b.who, CASES[i].table);
        assert_true(rows_count(b.who, CASES[i].table) > 0);
        for (int n = 0; n < 3; n++)
            sync_phone_well(&b.t.w, b.who, &report);
        assert_int_equal(report.requests, 1);
        town_free(&b.t);
    }
}

/* The log of a new epoch does not go on from what the carrier was shown, and is longer: of where a
 * receipt lies his checkpoint says nothing. He brings a parcel once, and keeps it. */
static void test_a_parcel_to_another_log(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    KIT_EXPECT(0, &t.w.book, "unassign", "chi", KIT_UNIT);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < PHONES; k++)
            sync_phone_well(&t.w, &t.w.phones[k], NULL);
    keep_copy(&t);
    (void)phone_visit(an, "mất");
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, chi, NULL);
    put_copy_back(&t);
    for (int i = 0; i < 4; i++) {
        (void)phone_visit(binh, "sau");
        sync_phone_well(&t.w, binh, NULL);
    }
    backup(&t);
    restore(&t);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t.w, chi, &report);
    assert_true(report.has_log_alarm);
    (void)phone_visit(an, "mang");
    meet_well(an, chi);
    sync_phone_well(&t.w, chi, &report);
    assert_int_equal(report.stored, 1);
    sync_phone_well(&t.w, chi, &report);
    assert_int_equal(report.duplicate, 0);
    assert_int_equal(rows_count(chi, BOOK_DELIVERED), 2); /* with what it owed of the lost unit */
    town_free(&t);
}

/* Whoever was revoked meanwhile gets no page: what was acknowledged comes to the office, which
 * decides on it. */
static void test_a_verdict_on_what_is_revoked(void **state)
{
    (void)state;
    town t;
    char hex[33];
    const sotay_id visit = told_and_lost(&t, 3); /* so that the log is shorter when it is revoked */
    phone *an = &t.w.phones[0];
    KIT_EXPECT(0, &t.w.book, "device", "revoke", device_of(an));
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t.w, an, NULL);
    sotay_id_format(&visit, hex);
    KIT_EXPECT(0, &t.w.book, "audit", "list", "holds", "--json");
    assert_non_null(strstr(KIT_OUT(&t.w.book), hex));
    town_free(&t);
}

/* The office held it, and the log has grown past that place: the office sees it again, once. */
static void test_a_held_one_in_a_log_that_grew(void **state)
{
    (void)state;
    town t;
    char hex[33];
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    KIT_EXPECT(0, &t.w.book, "move", "2026", "locked", "--as", "office");
    keep_copy(&t);
    note(an, &visit, "mất");
    (void)broken_sync(&t, an, NULL, VERDICTS_ALONE);
    assert_true(phone_status_says(an, "\"held\":1"));
    put_copy_back(&t);
    for (int i = 0; i < 4; i++) {
        (void)phone_visit(binh, "sau");
        sync_phone_well(&t.w, binh, NULL);
    }
    for (int i = 0; i < 3; i++)
        sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.sent_changes, 0);
    assert_true(phone_status_says(an, "\"held\":1"));
    sotay_id_format(&visit, hex);
    KIT_EXPECT(0, &t.w.book, "audit", "list", "holds", "--json");
    assert_non_null(strstr(KIT_OUT(&t.w.book), hex));
    town_free(&t);
}

/* Who carried it for its author has brought it to the book meanwhile, to a place that the author
 * had read past: no page brings it. It is offered once; so too where he is suspended meanwhile. */
static void test_a_held_one_that_was_brought(void **state)
{
    (void)state;
    for (int is_suspended = 0; is_suspended < 2; is_suspended++) {
        town t;
        sotay_report report;
        town_make(&t, 46);
        phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
        const sotay_id visit = phone_visit(an, "gốc");
        sync_phone_well(&t.w, an, NULL);
        KIT_EXPECT(0, &t.w.book, "move", "2026", "locked", "--as", "office");
        sync_phone_well(&t.w, an, NULL);
        sync_phone_well(&t.w, chi, NULL);
        keep_copy(&t);
        for (int i = 0; i < 3; i++) {
            (void)phone_visit(binh, "khác");
            sync_phone_well(&t.w, binh, NULL);
        }
        (void)broken_sync(&t, an, NULL, WHOLE_BUT_ITS_END);
        note(an, &visit, "mất");
        meet_well(an, chi);
        (void)broken_sync(&t, an, NULL, VERDICTS_ALONE);
        put_copy_back(&t);
        for (int i = 0; i < 6; i++) {
            sync_phone_well(&t.w, chi, NULL);
            (void)phone_visit(chi, "sau");
        }
        if (is_suspended)
            KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an));
        for (int i = 0; i < 3; i++)
            sync_phone_well(&t.w, an, &report);
        assert_int_equal(report.sent_changes, 0);
        if (is_suspended)
            KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an), "--lift");
        for (int i = 0; i < 2; i++)
            sync_phone_well(&t.w, an, NULL);
        must_be_quiet(&t.w, an);
        assert_true(phone_status_says(an, "\"held\":1"));
        town_free(&t);
    }
}

/* The office lets in what it held while its author gets no page: what he was told is enough. */
static void test_let_in_while_nothing_is_read(void **state)
{
    (void)state;
    for (int is_revoked = 0; is_revoked < 2; is_revoked++) {
        town t;
        sotay_report report;
        town_make(&t, 46);
        phone *an = &t.w.phones[0];
        const sotay_id visit = phone_visit(an, "gốc");
        sync_phone_well(&t.w, an, NULL);
        KIT_EXPECT(0, &t.w.book, "move", "2026", "locked", "--as", "office");
        note(an, &visit, "sau");
        sync_phone_well(&t.w, an, NULL);
        KIT_EXPECT(0, &t.w.book, "device", is_revoked ? "revoke" : "suspend", device_of(an));
        sync_phone_well(&t.w, an, NULL);
        KIT_EXPECT(0, &t.w.book, "held", "accept", "1", "--as", "office", "--reason", "đã xem");
        sync_phone_well(&t.w, an, &report);
        assert_int_equal(report.duplicate, 1);
        assert_true(phone_status_says(an, "\"held\":0"));
        sync_phone_well(&t.w, an, &report);
        assert_int_equal(report.duplicate, 0);
        assert_int_equal(report.sent_changes, 0);
        town_free(&t);
    }
}

/* A receipt of the life that was lost says more than the log has: whoever is given it hears once
 * that the book was put back, and not with each meeting. */
static void test_receipts_of_a_lost_life(void **state)
{
    (void)state;
    town t;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    for (int i = 0; i < 2; i++) {
        sync_phone_well(&t.w, binh, NULL);
        sync_phone_well(&t.w, an, NULL);
    }
    keep_copy(&t);
    for (int i = 0; i < 3; i++) {
        (void)phone_visit(chi, "khác");
        sync_phone_well(&t.w, chi, NULL);
    }
    (void)phone_visit(an, "mất");
    meet_well(an, binh);
    (void)broken_sync(&t, binh, NULL, VERDICTS_ALONE);
    put_copy_back(&t);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t.w, binh, NULL);
    must_be_quiet(&t.w, binh);
    for (int i = 0; i < 2; i++) {
        meet_well(binh, an);
        sync_phone_well(&t.w, an, NULL);
        must_be_quiet(&t.w, an);
    }
    meet_well(binh, an);
    must_be_quiet(&t.w, an);
    town_free(&t);
}

/* The kept set of another is lost, somebody gives it again, and of the answer about it only the
 * verdict comes. */
static void test_given_again_with_no_receipt(void **state)
{
    (void)state;
    town t;
    town_make(&t, 5);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    const sotay_id visit = phone_visit(an, "chợ");
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, binh, NULL);
    sync_phone_well(&t.w, chi, NULL);
    KIT_EXPECT(0, &t.w.book, "move", "2026", "locked", "--as", "office");
    note(an, &visit, "bến");
    meet_well(an, chi);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, binh, NULL);
    const book_key kept = set_of(binh, &an->client->me.device, 1);
    rows_delete(binh, &kept);
    meet_well(chi, binh);
    assert_true(phone_says(binh, sotay_show, &visit, "bến"));
    (void)broken_sync(&t, binh, NULL, NO_RECEIPT);
    assert_false(phone_says(binh, sotay_show, &visit, "bến"));
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t.w, binh, NULL);
    assert_false(phone_says(binh, sotay_show, &visit, "bến"));
    assert_int_equal(rows_count(binh, BOOK_TAKEN), 0);
    town_free(&t);
}

/* A copy wrote under the same number in the life that was lost, and what it wrote, with a receipt
 * of then, comes to somebody who has read what the log has there now. */
static void test_a_receipt_of_another_branch(void **state)
{
    (void)state;
    town t;
    phone image;
    memset(&image, 0, sizeof image);
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    const sotay_id visit = phone_visit(an, "gốc");
    for (int i = 0; i < 3; i++)
        sync_phone_well(&t.w, &t.w.phones[i], NULL);
    assert_int_equal(sotay_memory_copy(&an->port, false, &image.port, NULL), SOTAY_OK);
    phone_open(&image);
    keep_copy(&t);
    note(&image, &visit, LOST);
    meet_well(&image, binh);
    (void)broken_sync(&t, binh, NULL, VERDICTS_ALONE);
    meet_well(binh, chi); /* a receipt goes along */
    put_copy_back(&t);
    note(an, &visit, OURS);
    for (int i = 0; i < 4; i++) { /* nothing tells the others */
        sync_phone_well(&t.w, an, NULL);
        (void)phone_visit(an, "sau");
    }
    for (int i = 0; i < 2; i++) {
        sync_phone_well(&t.w, chi, NULL);
        sync_phone_well(&t.w, binh, NULL);
    }
    assert_true(rows_with(binh, OURS) > 0);
    meet_well(&image, binh);
    meet_well(chi, binh);
    assert_true(phone_says(binh, sotay_history, &visit, OURS));
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_history, &visit, OURS));
    assert_true(phone_says(binh, sotay_show, &visit, OURS));
    phone_free(&image);
    town_free(&t);
}

/* Who is suspended gives up what lies beyond the cut like the others, and has it again when he is
 * not: what he wrote himself and sent again is in view all the time. */
static void test_one_who_is_suspended(void **state)
{
    (void)state;
    town t;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    sync_phone_well(&t.w, an, NULL);
    backup(&t);
    const sotay_id own = phone_visit(an, "của an"), others = phone_visit(binh, "của bình");
    sync_phone_well(&t.w, binh, NULL);
    sync_phone_well(&t.w, an, NULL);
    restore(&t);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an));
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&t.w, an, NULL);
        sync_phone_well(&t.w, binh, NULL);
    }
    char *json = NULL;
    assert_true(phone_says(an, sotay_show, &own, "của an"));
    assert_int_equal(sotay_show(an->client, &others, SOTAY_JSON, &json, &an->error),
                     SOTAY_E_NOT_FOUND);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(an), "--lift");
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t.w, an, NULL);
    assert_true(phone_says(an, sotay_show, &own, "của an"));
    assert_true(phone_says(an, sotay_show, &others, "của bình"));
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_within_a_sync),
        cmocka_unit_test(test_its_own_value_within_a_sync),
        cmocka_unit_test(test_what_goes_on_waiting),
        cmocka_unit_test(test_made_anew_in_front),
        cmocka_unit_test(test_a_verdict_beyond_the_log),
        cmocka_unit_test(test_a_verdict_in_a_log_that_grew),
        cmocka_unit_test(test_a_verdict_in_a_unit_that_is_lost),
        cmocka_unit_test(test_a_verdict_on_what_is_carried),
        cmocka_unit_test(test_carried_in_a_unit_that_is_lost),
        cmocka_unit_test(test_a_receipt_on_a_parcel),
        cmocka_unit_test(test_a_verdict_that_sealed),
        cmocka_unit_test(test_pages_in_a_unit_that_is_lost),
        cmocka_unit_test(test_what_does_not_open),
        cmocka_unit_test(test_a_parcel_to_another_log),
        cmocka_unit_test(test_a_verdict_on_what_is_revoked),
        cmocka_unit_test(test_a_held_one_in_a_log_that_grew),
        cmocka_unit_test(test_a_held_one_that_was_brought),
        cmocka_unit_test(test_let_in_while_nothing_is_read),
        cmocka_unit_test(test_receipts_of_a_lost_life),
        cmocka_unit_test(test_given_again_with_no_receipt),
        cmocka_unit_test(test_a_receipt_of_another_branch),
        cmocka_unit_test(test_one_who_is_suspended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
