/* tests/unit/both/broken.h - answers that broke off, and a store that was put back without a word
 * before the phone comes again: what it was told of is not there, and it does not know that. */
#ifndef SOTAY_TESTS_BROKEN_H
#define SOTAY_TESTS_BROKEN_H

#include "tests/unit/both/early.h"
#include "tests/unit/both/meet.h"

#define FAR "kể ở xa" /* stands nowhere else */

typedef struct {
    town t;
    phone *who;       /* whose answer broke off: he comes next */
    sotay_id visit;   /* which the book has to show in the end */
    const char *text; /* in it */
} broken;

/* In the end the book has it, and of him nothing comes any more. */
static inline void broken_check(broken *b)
{
    char hex[33];
    for (int i = 0; i < 3; i++)
        sync_phone_well(&b->t.w, b->who, NULL);
    must_be_quiet(&b->t.w, b->who);
    sotay_id_format(&b->visit, hex);
    KIT_EXPECT(0, &b->t.w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&b->t.w.book), b->text));
    KIT_EXPECT(0, &b->t.w.book, "verify", "--json");
    assert_true(kit_says(KIT_OUT(&b->t.w.book), "\"attachments_missing\":0"));
}

static inline void broken_close(broken *b)
{
    broken_check(b);
    town_free(&b->t);
}

static inline void all_sync(town *t)
{
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < PHONES; k++)
            sync_phone_well(&t->w, &t->w.phones[k], NULL);
}

/* Others go on. */
static inline void grow(town *t, phone *other)
{
    for (int i = 0; i < 4; i++) {
        (void)phone_visit(other, "sau");
        sync_phone_well(&t->w, other, NULL);
    }
}

/* A set was stored behind as many others, its verdict came, and the rest of the answer did not;
 * then the store was put back to before it, which nobody noticed. */
static inline sotay_id told_and_lost(town *t, int others)
{
    town_make(t, 46);
    phone *an = &t->w.phones[0], *binh = &t->w.phones[1];
    (void)phone_visit(binh, "một");
    sync_phone_well(&t->w, binh, NULL);
    sync_phone_well(&t->w, an, NULL);
    (void)phone_visit(binh, "hai");
    sync_phone_well(&t->w, binh, NULL);
    keep_copy(t);
    for (int i = 0; i < others; i++) {
        (void)phone_visit(an, "khác");
        rows_seal(an);
    }
    const sotay_id visit = phone_visit(an, "mất");
    (void)broken_sync(t, an, NULL, VERDICTS_ALONE);
    assert_true(phone_status_says(an, "\"ready\":0"));
    put_copy_back(t);
    return visit;
}

/* A verdict, and a log that has grown past it; he was suspended for a while, and asked then. */
static inline void break_and_grow(broken *b, bool was_suspended)
{
    b->visit = told_and_lost(&b->t, 0);
    b->who = &b->t.w.phones[0];
    b->text = "mất";
    if (was_suspended) {
        KIT_EXPECT(0, &b->t.w.book, "device", "suspend", device_of(b->who));
        sync_phone_well(&b->t.w, b->who, NULL);
    }
    grow(&b->t, &b->t.w.phones[1]);
    if (was_suspended)
        KIT_EXPECT(0, &b->t.w.book, "device", "suspend", device_of(b->who), "--lift");
}

/* The same, in a unit that he has not any more. */
static inline void break_in_lost_unit(broken *b, bool has_backup)
{
    break_and_grow(b, false);
    KIT_EXPECT(0, &b->t.w.book, "unassign", "an", KIT_UNIT);
    if (has_backup)
        covered_by_a_backup(&b->t);
}

/* A verdict on what he carried. */
static inline void break_carried(broken *b, bool has_grown)
{
    town *t = &b->t;
    town_make(t, 46);
    phone *an = &t->w.phones[0], *binh = &t->w.phones[1];
    (void)phone_visit(binh, "một");
    all_sync(t);
    keep_copy(t);
    b->visit = phone_visit(an, "mất");
    b->who = binh;
    b->text = "mất";
    meet_well(an, binh);
    (void)broken_sync(t, binh, NULL, VERDICTS_ALONE);
    meet_well(binh, an);
    assert_true(phone_status_says(an, "\"ready\":0"));
    put_copy_back(t);
    if (has_grown)
        grow(t, &t->w.phones[2]);
}

/* The same, in a unit that he has not any more; or the book was restored since. */
static inline void break_carried_in_lost_unit(broken *b, bool is_restored)
{
    town *t = &b->t;
    town_make(t, 46);
    phone *an = &t->w.phones[0], *binh = &t->w.phones[1];
    all_sync(t);
    save(t, is_restored ? RESTORED : PUT_BACK);
    b->visit = phone_visit(an, "mất");
    b->who = binh;
    b->text = "mất";
    meet_well(an, binh);
    (void)broken_sync(t, binh, NULL, VERDICTS_ALONE);
    if (is_restored) {
        KIT_EXPECT(0, &t->w.book, "unassign", "binh", KIT_UNIT);
        sync_phone_well(&t->w, binh, NULL);
        restore(t);
    } else {
        put_copy_back(t);
        grow(t, &t->w.phones[2]);
        KIT_EXPECT(0, &t->w.book, "unassign", "binh", KIT_UNIT);
    }
}

/* A receipt on a parcel that he brought. */
static inline void break_parcel(broken *b, bool nothing)
{
    town *t = &b->t;
    town_make(t, 46);
    phone *an = &t->w.phones[0], *chi = &t->w.phones[2];
    (void)nothing;
    KIT_EXPECT(0, &t->w.book, "unassign", "chi", KIT_UNIT);
    all_sync(t);
    keep_copy(t);
    b->visit = phone_visit(an, "mất");
    b->who = chi;
    b->text = "mất";
    meet_well(an, chi);
    assert_int_equal(rows_count(chi, BOOK_PARCEL), 1);
    (void)broken_sync(t, chi, NULL, VERDICTS_ALONE);
    assert_int_equal(rows_count(chi, BOOK_PARCEL), 0);
    put_copy_back(t);
    grow(t, &t->w.phones[1]);
    covered_by_a_backup(t);
}

/* A verdict with which his set was sealed, since its unit was lost before it was sent. */
static inline void break_sealed(broken *b, bool nothing)
{
    town *t = &b->t;
    town_make(t, 46);
    phone *an = &t->w.phones[0];
    (void)nothing;
    b->visit = phone_visit(an, "gốc");
    b->who = an;
    b->text = LAST;
    all_sync(t);
    KIT_EXPECT(0, &t->w.book, "unassign", "an", KIT_UNIT);
    (void)broken_sync(t, an, &b->visit, SIZE_MAX); /* written while its answer is on its way */
    keep_copy(t);
    (void)broken_sync(t, an, NULL, VERDICTS_ALONE);
    assert_true(phone_status_says(an, "\"ready\":0"));
    assert_int_equal(rows_with(an, LAST), 1); /* of the catalogue */
    grown_unnoticed(t, &t->w.phones[1]);
    covered_by_a_backup(t);
}

/* Pages without an end, with his own set or another one's, in a unit that is lost then. */
static inline void break_pages(broken *b, bool is_own)
{
    town *t = &b->t;
    town_make(t, 46);
    phone *an = &t->w.phones[0], *chi = &t->w.phones[2];
    (void)phone_visit(an, "gốc");
    all_sync(t);
    keep_copy(t);
    b->visit = phone_visit(is_own ? an : chi, FAR);
    b->who = an;
    b->text = FAR;
    if (!is_own)
        sync_phone_well(&t->w, chi, NULL);
    (void)broken_sync(t, an, NULL, WHOLE_BUT_ITS_END);
    assert_true(phone_says(an, sotay_show, &b->visit, FAR));
    grown_unnoticed(t, &t->w.phones[1]);
    KIT_EXPECT(0, &t->w.book, "unassign", "an", KIT_UNIT);
    covered_by_a_backup(t);
}

static const uint8_t BROKEN_PDF[] = "%PDF-1.7\nbản gốc";

/* A visit with a file, which out_item tells: neither is sent. */
static inline sotay_id visit_with_file(phone *p, char out_item[SOTAY_ITEM_TEXT])
{
    const sotay_attachment file = { "a.pdf", BROKEN_PDF, sizeof BROKEN_PDF, NULL, NULL, 0 };
    const sotay_id visit = phone_visit(p, "gốc");
    assert_int_equal(sotay_attach(p->client, &visit, &file, out_item, &p->error), SOTAY_OK);
    return visit;
}

/* The pieces of a file, whose words had come before: out_item tells which. */
static inline void break_file(broken *b, char out_item[SOTAY_ITEM_TEXT])
{
    town *t = &b->t;
    sotay_report report;
    town_make(t, 46);
    phone *an = &t->w.phones[0];
    b->who = an;
    b->text = "a.pdf";
    sync_phone_well(&t->w, an, NULL);
    b->visit = visit_with_file(an, out_item);
    (void)broken_sync(t, an, NULL, SIZE_MAX);
    keep_copy(t);
    sync_phone_well(&t->w, an, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(report.attachments_waiting, 0);
    grown_unnoticed(t, &t->w.phones[1]);
    covered_by_a_backup(t);
}

#endif
