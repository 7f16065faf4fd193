/* tests/unit/both/test_lines.c
 * A line of a history is lost on a phone, or does not open any more, and then the office decides on
 * that change: the phone reads on, and by the end of that sync it says of the change what every
 * other phone says, though its sums were right all the time. */
#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

#include "client-lib/src/apply.h"

typedef enum { SPOILT, LOST, CUT, HOWS } damage_how;

/* What an writes is held; binh's line of it is damaged, chi's is not. */
typedef struct {
    world w;
    phone *an, *binh, *chi;
    sotay_id visit;
} desk;

static void sync_all(desk *d)
{
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
    sync_phone_well(&d->w, d->chi, NULL);
}

/* Is the visit itself in the book, or only what was held of it? */
static void open_desk(desk *d, bool is_in_book)
{
    memset(d, 0, sizeof *d);
    world_make(&d->w, 1);
    d->an = &d->w.phones[0];
    d->binh = &d->w.phones[1];
    d->chi = &d->w.phones[2];
    if (is_in_book) {
        d->visit = phone_visit(d->an, "chợ");
        sync_all(d);
    }
    KIT_EXPECT(0, &d->w.book, "device", "suspend", device_of(d->an));
    if (is_in_book)
        assert_int_equal(phone_set(d->an, &d->visit, "general_note", "bến"), SOTAY_OK);
    else
        d->visit = phone_visit(d->an, "chợ");
    sync_all(d);
}

static void decide(desk *d, const char *how)
{
    KIT_EXPECT(0, &d->w.book, "held", "--json");
    const char *at = strstr(KIT_OUT(&d->w.book), "{\"n\":");
    assert_non_null(at);
    char n[24];
    (void)snprintf(n, sizeof n, "%.*s", (int)strcspn(at + 5, ","), at + 5);
    KIT_EXPECT(0, &d->w.book, "held", how, n, "--as", "office", "--reason", "đã hỏi");
}

static void damage_row(phone *p, const stored_row *row, damage_how how)
{
    if (how == SPOILT)
        rows_spoil(p, &row->key);
    if (how == LOST)
        rows_delete(p, &row->key);
    if (how == CUT)
        rows_put(p, &row->key, row->data, row->len / 2);
}

/* The first line of the visit that says this, on binh's phone. */
static void damage(desk *d, damage_how how, apply_verdict of)
{
    static stored_row row;
    bool found = false;
    for (size_t n = 0; !found && rows_get(d->binh, BOOK_HIST, n, &row); n++) {
        apply_line line;
        const book_value value = { row.data, row.len };
        assert_int_equal(apply_line_read(&row.key, &value, &line, NULL), ST_OK);
        found = memcmp(row.key.b + 1, d->visit.b, 16) == 0 && line.verdict == of;
    }
    assert_true(found);
    damage_row(d->binh, &row, how);
}

static char *history(phone *p, const sotay_id *id)
{
    char *json = NULL;
    if (sotay_history(p->client, id, SOTAY_JSON, &json, &p->error) != SOTAY_OK)
        fail_msg("history: %s", p->error.detail);
    drop_own_clock(json);
    return json;
}

static void assert_same_on(desk *d, phone *p)
{
    char *chi = history(d->chi, &d->visit), *its = history(p, &d->visit);
    assert_string_equal(chi, its);
    assert_null(strstr(its, "\"unread\""));
    sotay_text_free(chi);
    sotay_text_free(its);
}

static void assert_same(desk *d)
{
    assert_same_on(d, d->binh);
}

/* Nothing is wrong any more, and nothing is asked. */
static void assert_quiet(desk *d, phone *p)
{
    sotay_report report;
    sync_phone_well(&d->w, p, &report);
    assert_int_equal(report.repaired_buckets, 0);
    assert_int_equal(report.requests, 1);
    assert_int_equal(rows_count(p, BOOK_ANEW), 0);
}

static void test_a_line_comes_again(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * HOWS; i++) {
        desk d;
        sotay_report report;
        open_desk(&d, i % 2 == 0);
        damage(&d, i / 4, APPLY_HELD);
        decide(&d, i / 2 % 2 == 0 ? "accept" : "decline");
        sotay_id more = phone_visit(d.binh, "trạm"); /* and the phone is not stuck */
        sync_phone_well(&d.w, d.binh, &report);
        assert_int_equal(report.repaired_buckets, 1);
        assert_true(report.complete && report.needs_person);
        assert_int_equal(report.stored, 1);
        assert_int_equal(report.received_changes, 0); /* but for the decision all is here */
        assert_int_equal(report.requests, 2);
        sync_phone_well(&d.w, d.chi, NULL);
        assert_same(&d);
        char *shown_chi = shown(d.chi, &more), *shown_binh = shown(d.binh, &more);
        assert_string_equal(shown_chi, shown_binh);
        sotay_text_free(shown_chi);
        sotay_text_free(shown_binh);
        assert_quiet(&d, d.binh);
        KIT_EXPECT(0, &d.w.book, "verify");
        world_free(&d.w);
    }
}

/* The kept set that the office decides on is lost, or does not open: its bucket is read anew, and
 * it comes again with all its bytes. */
static void test_a_set_comes_again(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * CUT; i++) {
        static stored_row row;
        desk d;
        sotay_report report;
        open_desk(&d, i % 2 == 0);
        size_t held = SIZE_MAX; /* the last one of an's */
        const st_id device = d.an->client->me.device;
        for (size_t n = 0; rows_get(d.binh, BOOK_SET, n, &row); n++)
            if (memcmp(row.key.b + 1, device.b, sizeof device.b) == 0)
                held = n;
        assert_true(held != SIZE_MAX && rows_get(d.binh, BOOK_SET, held, &row));
        damage_row(d.binh, &row, i / 4);
        decide(&d, i / 2 % 2 == 0 ? "accept" : "decline");
        sotay_id more = phone_visit(d.binh, "trạm");
        sync_phone_well(&d.w, d.binh, &report);
        assert_true(report.complete);
        assert_int_equal(report.stored, 1);
        assert_true(phone_says(d.binh, sotay_show, &more, "trạm"));
        sync_phone_well(&d.w, d.chi, NULL);
        assert_same(&d);
        assert_quiet(&d, d.binh);
        world_free(&d.w);
    }
}

/* A visit of an's, or of binh's, what an wrote late in it, which is held, and a set behind that. */
static void open_late(desk *d, bool is_ans)
{
    memset(d, 0, sizeof *d);
    world_make(&d->w, 1);
    d->an = &d->w.phones[0];
    d->binh = &d->w.phones[1];
    d->chi = &d->w.phones[2];
    d->visit = phone_visit(is_ans ? d->an : d->binh, "chợ");
    sync_phone_well(&d->w, d->binh, NULL);
    sync_all(d);
    KIT_EXPECT(0, &d->w.book, "move", "2026", "locked", "--as", "office");
    assert_int_equal(phone_set(d->an, &d->visit, "general_note", "bến"), SOTAY_OK);
    sync_phone_well(&d->w, d->an, NULL);
    assert_true(phone_status_says(d->an, "\"held\":1"));
    KIT_EXPECT(0, &d->w.book, "move", "2026", "reopened", "--as", "office", "--decision", "7");
    (void)phone_visit(d->an, "khác");
    sync_all(d);
}

/* The set of what is held on the phone of its author. */
static void damage_held(desk *d, damage_how how)
{
    static stored_row row;
    size_t n = rows_count(d->an, BOOK_SET);
    const st_id device = d->an->client->me.device;
    for (int left = 2; left > 0; left -= memcmp(row.key.b + 1, device.b, sizeof device.b) == 0)
        assert_true(n > 0 && rows_get(d->an, BOOK_SET, --n, &row));
    damage_row(d->an, &row, how);
}

/* Of the author's own set, which is held, nothing can be read: a page about its record, or the
 * office's decision, has it come again. */
static void test_an_own_held_set_comes_again(void **state)
{
    (void)state;
    static const char *const DECISIONS[] = { NULL, "accept", "decline" };
    for (int i = 0; i < 3 * CUT; i++) {
        const char *decision = DECISIONS[i / CUT];
        desk d;
        sotay_report report;
        open_late(&d, true);
        damage_held(&d, i % CUT);
        char *json = NULL;
        assert_int_equal(sotay_show(d.an->client, &d.visit, SOTAY_JSON, &json, &d.an->error),
                         SOTAY_E_CORRUPT);
        if (decision == NULL)
            assert_int_equal(phone_set(d.binh, &d.visit, "place", "hai"), SOTAY_OK);
        else
            decide(&d, decision);
        sotay_id more = phone_visit(d.binh, "trạm");
        sync_phone_well(&d.w, d.binh, NULL);
        sync_phone_well(&d.w, d.an, &report);
        assert_true(report.complete);
        assert_int_equal(report.repaired_buckets, decision == NULL ? 1 : 0);
        assert_true(phone_says(d.an, sotay_show, &more, "trạm"));
        if (i < 2 * CUT) /* else it was declined */
            assert_true(phone_says(d.an, sotay_show, &d.visit, "bến"));
        assert_true(phone_status_says(d.an, decision == NULL ? "\"held\":1" : "\"held\":0"));
        sync_phone_well(&d.w, d.chi, NULL);
        assert_same_on(&d, d.an);
        assert_quiet(&d, d.an);
        KIT_EXPECT(0, &d.w.book, "verify");
        world_free(&d.w);
    }
}

/* The unit is taken back meanwhile: what was read of it goes, and with it the row, which could not
 * be made without. */
static void test_a_damaged_held_set_of_a_lost_unit(void **state)
{
    (void)state;
    desk d;
    sotay_report report;
    open_late(&d, false);
    assert_int_equal(phone_set(d.binh, &d.visit, "place", "cầu treo"), SOTAY_OK);
    sync_phone_well(&d.w, d.binh, NULL);
    sync_phone_well(&d.w, d.an, NULL);
    damage_held(&d, SPOILT);
    assert_true(rows_hold(d.an, "cầu treo"));
    KIT_EXPECT(0, &d.w.book, "unassign", "an", KIT_UNIT);
    sync_phone_well(&d.w, d.an, &report);
    assert_true(report.complete);
    assert_false(rows_hold(d.an, "cầu treo"));
    KIT_EXPECT(0, &d.w.book, "assign", "an", KIT_UNIT);
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.chi, NULL);
    assert_true(phone_says(d.an, sotay_show, &d.visit, "bến"));
    assert_same_on(&d, d.an);
    world_free(&d.w);
}

/* The answers are cut, again and again: what is to be made anew is not forgotten, and until then no
 * receipt is asked of it. */
static void test_a_broken_line_forgets_nothing(void **state)
{
    (void)state;
    desk d;
    open_desk(&d, true);
    damage(&d, LOST, APPLY_HELD);
    decide(&d, "decline");
    size_t was_noted = 0;
    for (int i = 0; i < 40 && was_noted == 0; i++) {
        (void)!sync_phone(&d.w, d.binh, 2, NULL);
        was_noted = rows_count(d.binh, BOOK_ANEW);
    }
    assert_int_equal(was_noted, 1);
    sotay_receipt_state receipt;
    assert_int_equal(sotay_receipt_find(d.binh->client, &d.visit, &receipt, NULL),
                     SOTAY_E_NOT_FOUND);
    phone_reopen(d.binh);
    sync_phone_well(&d.w, d.binh, NULL);
    sync_phone_well(&d.w, d.chi, NULL);
    assert_same(&d);
    assert_quiet(&d, d.binh);
    assert_int_equal(sotay_receipt_find(d.binh->client, &d.visit, &receipt, NULL), SOTAY_OK);
    world_free(&d.w);
}

/* Of what is stored no decision comes any more: the history is told without that line, and says so.
 * The next page about the record finds it. */
static void test_a_line_of_what_is_stored(void **state)
{
    (void)state;
    for (damage_how how = SPOILT; how < HOWS; how++) {
        desk d;
        sotay_report report;
        if (how == LOST)
            continue; /* it is not known that there was one */
        memset(&d, 0, sizeof d);
        world_make(&d.w, 1);
        d.an = &d.w.phones[0];
        d.binh = &d.w.phones[1];
        d.chi = &d.w.phones[2];
        d.visit = phone_visit(d.an, "chợ");
        sync_all(&d);
        assert_int_equal(phone_set(d.an, &d.visit, "general_note", "bến"), SOTAY_OK);
        sync_all(&d);
        damage(&d, how, APPLY_STORED);
        char *told = history(d.binh, &d.visit);
        assert_non_null(strstr(told, "\"unread\":true"));
        assert_non_null(strstr(told, "bến"));
        sotay_text_free(told);
        assert_int_equal(phone_set(d.an, &d.visit, "general_note", "trạm"), SOTAY_OK);
        sync_phone_well(&d.w, d.an, NULL);
        sync_phone_well(&d.w, d.binh, &report);
        sync_phone_well(&d.w, d.chi, NULL);
        assert_int_equal(report.repaired_buckets, 1);
        assert_int_equal(report.received_changes, 1); /* the others are here, and stay */
        assert_int_equal(report.requests, 2);
        assert_true(report.complete && report.needs_person);
        assert_same(&d);
        assert_quiet(&d, d.binh);
        world_free(&d.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_comes_again),
        cmocka_unit_test(test_a_line_of_what_is_stored),
        cmocka_unit_test(test_a_set_comes_again),
        cmocka_unit_test(test_an_own_held_set_comes_again),
        cmocka_unit_test(test_a_damaged_held_set_of_a_lost_unit),
        cmocka_unit_test(test_a_broken_line_forgets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
