/* tests/unit/both/test_unreadable_shown.c
 * What a person sees of records over which something does not open on his phone: all that can be
 * read, but nothing of a unit that he may not read any more; and what is here again is not lost. */
#include "tests/unit/both/meet.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

/* ---- what is carried for others ---- */

static void spoil_carried(phone *p)
{
    static stored_row row;
    assert_true(rows_get(p, BOOK_TAKEN, 0, &row));
    rows_spoil(p, &row.key);
}

/* Its unit is taken back from the carrier; the note of it may be damaged, too. */
static void test_a_carried_one_of_a_lost_unit(void **state)
{
    static stored_row note;
    (void)state;
    for (int damaged = 0; damaged < 3; damaged++) {
        world w;
        char *text = NULL;
        world_make_with(&w, 12, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        sotay_id visit = phone_visit(an, "lời kể");
        meet_well(an, binh);
        assert_true(is_listed(binh, &visit));
        assert_true(rows_get(binh, BOOK_OVER, 0, &note));
        if (damaged > 0)
            spoil_carried(binh);
        if (damaged > 1)
            rows_spoil(binh, &note.key);
        w.now_ms += 60000;
        KIT_EXPECT(0, &w.book, "unassign", "binh", KIT_UNIT);
        sync_phone_well(&w, binh, NULL);
        assert_false(is_listed(binh, &visit));
        assert_false(rows_hold(binh, "lời kể"));
        assert_int_equal(rows_count(binh, BOOK_OVER), 0);
        assert_int_equal(sotay_show(binh->client, &visit, SOTAY_JSON, &text, &binh->error),
                         SOTAY_E_NOT_FOUND);
        assert_true(phone_status_says(binh, damaged > 0 ? "\"carried_unreadable\":1"
                                                        : "\"carried_unreadable\":0"));
        world_free(&w);
    }
}

/* Over a record of the book; whoever gave it has lost his phone, and it never comes again. */
static void test_a_carried_one_over_the_book(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 12, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sotay_id visit = phone_visit(an, "một");
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    assert_int_equal(phone_set(an, &visit, "place", "hai"), SOTAY_OK);
    meet_well(an, binh);
    spoil_carried(binh);
    KIT_EXPECT(0, &w.book, "device", "revoke", device_of(an));
    sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "\"một\""));
    assert_true(phone_says(binh, sotay_show, &visit, "\"unread\":true"));
    assert_true(phone_says(binh, sotay_history, &visit, "\"unread\":true"));
    assert_int_equal(phone_set(binh, &visit, "general_note", "ba"), SOTAY_OK);
    sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "\"ba\""));
    assert_true(phone_status_says(binh, "\"carried_unreadable\":1"));
    world_free(&w);
}

/* ---- what is own and waits ---- */

/* Of a record that is in the book, or was made here and waits as well. */
typedef struct {
    bool is_in_book, is_sealed;
    int how;
} own_case;

static void an_own_one(own_case it)
{
    world w;
    world_make_with(&w, 5, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sotay_id visit = phone_visit(an, "chợ");
    rows_seal(an);
    if (it.is_in_book)
        sync_phone_well(&w, an, NULL);
    assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
    if (it.is_sealed) {
        rows_seal(an);
        damage_own(an, 1, it.how);
    } else {
        damage_unsealed(an, 2, it.how);
    }
    assert_true(phone_says(an, sotay_show, &visit, "\"chợ\""));
    assert_true(phone_says(an, sotay_show, &visit, "\"unread\":true"));
    assert_true(phone_says(an, sotay_history, &visit, "\"unread\":true"));
    assert_int_equal(phone_set(an, &visit, "place", "hai"), SOTAY_OK);
    assert_true(phone_says(an, sotay_show, &visit, "\"hai\""));
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, an, NULL);
    assert_false(phone_says(an, sotay_show, &visit, "\"unread\""));
    assert_true(phone_status_says(an, "\"lost\":1"));
    must_be_quiet(&w, an);
    sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "\"hai\""));
    assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

/* The record is shown without it, and written in, also before the next sync. */
static void test_own_ones_that_wait(void **state)
{
    (void)state;
    for (int at = 0; at < 4; at++)
        for (int how = 0; how < HOWS; how++)
            an_own_one((own_case){ (at & 1) != 0, (at & 2) != 0, how });
}

/* A receipt does not speak of it, and somebody else's record in which he wrote it stays open to him
 * when the lease is over. */
static void an_own_one_counts(bool is_sealed, int how)
{
    world w;
    sotay_receipt_state receipt;
    world_make_with(&w, 5, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sotay_id visit = phone_visit(an, "chợ"), other = phone_visit(an, "bến");
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    assert_int_equal(sotay_receipt_find(binh->client, &visit, &receipt, &binh->error), SOTAY_OK);
    assert_false(receipt.has_unsent);
    assert_int_equal(phone_set(binh, &visit, "place", "một"), SOTAY_OK);
    if (is_sealed) {
        rows_seal(binh);
        damage_own(binh, 0, how);
    } else {
        damage_unsealed(binh, 1, how);
    }
    assert_int_equal(sotay_receipt_find(binh->client, &visit, &receipt, &binh->error), SOTAY_OK);
    assert_true(receipt.has_unsent);
    sotay_memory_clock(&binh->port, PHONE_WALL_MS, 1000 + (uint64_t)ST_LEASE_MS);
    assert_true(phone_says(binh, sotay_show, &visit, "\"chợ\""));
    assert_int_equal(phone_set(binh, &visit, "place", "hai"), SOTAY_OK);
    assert_int_equal(phone_set(binh, &other, "place", "hai"), SOTAY_E_DENIED);
    world_free(&w);
}

static void test_what_is_own_of_it(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        an_own_one_counts(false, how);
        an_own_one_counts(true, how);
    }
}

/* What the newest set says of the record is lost, here and with the book: the record is shown and
 * written in without it, and what comes behind it says that it is gone; also where what is noted of
 * that set does not open either. */
static void must_outlive_a_restore(town *t, const sotay_id *visit, bool with_note)
{
    phone *an = &t->w.phones[0];
    book_key note = set_of(an, &an->client->me.device, 1);
    damage_own(an, 1, SPOILT);
    note.b[0] = BOOK_OWN;
    if (with_note)
        rows_spoil(an, &note);
    restore(t);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t->w, an, NULL);
    assert_true(phone_says(an, sotay_show, visit, "\"chợ\""));
    assert_true(phone_status_says(an, "\"unreadable\":1"));
    assert_true(phone_status_says(an, "\"held\":0"));
    assert_int_equal(phone_set(an, visit, "place", "hai"), SOTAY_OK);
    sync_phone_well(&t->w, an, NULL);
    assert_true(phone_says(an, sotay_show, visit, "\"hai\""));
    assert_true(phone_status_says(an, "\"lost\":1"));
    must_be_quiet(&t->w, an);
    town_free(t);
}

/* It had gone, and the server that took it was put back: nobody has it, and nothing lies behind it
 * for which it would be asked. */
static void test_an_own_one_that_a_restore_lost(void **state)
{
    (void)state;
    for (int with_note = 0; with_note < 2; with_note++) {
        town t;
        town_make(&t, 5);
        phone *an = &t.w.phones[0];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&t.w, an, NULL);
        backup(&t);
        assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
        send_only(&t.w, an);
        must_outlive_a_restore(&t, &visit, with_note);
    }
}

/* The same when the office held it: the restored book does not know of it, and holds nothing. */
static void test_a_held_one_that_a_restore_lost(void **state)
{
    (void)state;
    for (int with_note = 0; with_note < 2; with_note++) {
        town t;
        town_make(&t, 5);
        phone *an = &t.w.phones[0];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&t.w, an, NULL);
        backup(&t);
        KIT_EXPECT(0, &t.w.book, "move", "2026", "locked", "--as", "office");
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        sync_phone_well(&t.w, an, NULL);
        assert_true(phone_status_says(an, "\"held\":1"));
        must_outlive_a_restore(&t, &visit, with_note);
    }
}

/* ---- what is gone, over what is here ---- */

/* The record was made by a set that the office holds: what opens of it is shown. */
static void test_a_lost_one_over_what_is_held(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 6, (world_how){ 2, false });
    phone *an = &w.phones[0];
    sync_phone_well(&w, an, NULL);
    KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an));
    sotay_id visit = phone_visit(an, "chợ");
    rows_seal(an);
    assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
    rows_seal(an);
    (void)phone_visit(an, "cuối");
    rows_seal(an);
    spoil_own(an, 2);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, an, NULL);
    assert_true(phone_status_says(an, "\"lost\":1"));
    assert_true(phone_says(an, sotay_show, &visit, "\"chợ\""));
    assert_false(phone_says(an, sotay_show, &visit, "\"unread\""));
    world_free(&w);
}

/* ---- what is held ---- */

static void must_hold(phone *p, uint64_t counter)
{
    char *json = NULL, dot[64];
    (void)snprintf(dot, sizeof dot, "%s:%d\"", device_of(p), (int)counter);
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    assert_non_null(strstr(strstr(json, "held_changes"), dot));
    sotay_text_free(json);
}

/* Its set comes again from the book, though nobody touches the record; to a phone that is suspended
 * nothing comes, and it asks for nothing. */
static void test_a_held_one_that_nobody_touches(void **state)
{
    (void)state;
    for (int how = 0; how < 2 * HOWS; how++) {
        world w;
        bool is_suspended = how >= HOWS;
        char *text = NULL;
        sotay_report report;
        world_make_with(&w, 5, (world_how){ 2, false });
        phone *an = &w.phones[0];
        sotay_id visit = phone_visit(an, "chợ"), other = phone_visit(an, "đình");
        sync_phone_well(&w, an, NULL);
        if (is_suspended)
            KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an));
        else
            KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        damage_own(an, 1, how % HOWS);
        sync_phone_well(&w, an, &report);
        assert_true(report.complete);
        if (is_suspended) {
            assert_int_equal(sotay_show(an->client, &visit, SOTAY_JSON, &text, &an->error),
                             SOTAY_E_CORRUPT);
            assert_int_equal(rows_count(an, BOOK_ANEW), 0);
        } else {
            assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
            must_be_quiet(&w, an);
        }
        must_hold(an, 3);
        assert_true(phone_says(an, sotay_show, &other, "\"đình\""));
        world_free(&w);
    }
}

/* Found to be damaged in the sync that hears of the suspension: what is here stays. */
static void test_a_held_one_of_who_is_suspended_now(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 5, (world_how){ 2, false });
    phone *an = &w.phones[0];
    sotay_id visit = phone_visit(an, "chợ"), other = phone_visit(an, "đình");
    sync_phone_well(&w, an, NULL);
    KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
    assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
    sync_phone_well(&w, an, NULL);
    damage_own(an, 1, SPOILT);
    KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an));
    size_t records = rows_count(an, BOOK_BASE);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, an, NULL);
    assert_int_equal(rows_count(an, BOOK_BASE), records);
    assert_true(phone_says(an, sotay_show, &other, "\"đình\""));
    KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an), "--lift");
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, an, NULL);
    assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
    must_be_quiet(&w, an);
    world_free(&w);
}

/* The office suspends the phone when the answer to the n-th request of the sync is given. */
static void sync_and_suspend(world *w, phone *p, unsigned n)
{
    sotay_sync *sync = NULL;
    bool again = true;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    for (unsigned asked = 1; again; asked++) {
        sotay_request request;
        st_buffer reply;
        assert_true(asked < 50);
        assert_int_equal(sotay_sync_next(sync, &request, &w->error), SOTAY_OK);
        int status = answer(w, &request, &reply);
        assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &w->error), SOTAY_OK);
        assert_int_equal(sotay_sync_end(sync, status, &again, &w->error), SOTAY_OK);
        st_buffer_free(&reply);
        if (asked == n)
            KIT_EXPECT(0, &w->book, "device", "suspend", device_of(p));
    }
    sotay_sync_free(sync);
}

/* The repair is begun, and what comes next is silence: nothing is forgotten, and the note stays. */
static void test_a_held_one_of_who_is_suspended_meanwhile(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        world w;
        world_make_with(&w, 5, (world_how){ 2, false });
        phone *an = &w.phones[0];
        sotay_id visit = phone_visit(an, "chợ"), other = phone_visit(an, "đình");
        sync_phone_well(&w, an, NULL);
        KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        damage_own(an, 1, SPOILT);
        size_t records = rows_count(an, BOOK_BASE);
        sync_and_suspend(&w, an, n);
        sync_phone_well(&w, an, NULL);
        assert_int_equal(rows_count(an, BOOK_BASE), records);
        assert_true(phone_says(an, sotay_show, &other, "\"đình\""));
        KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an), "--lift");
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, an, NULL);
        assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
        must_be_quiet(&w, an);
        world_free(&w);
    }
}

/* ---- what was said to be gone, and is here again ---- */

/* A neighbour brings it to the server: with the page nothing is lost any more. */
static void test_one_that_comes_back(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 4, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sotay_id visit = phone_visit(an, "một");
    meet_well(an, binh);
    spoil_own(an, 1);
    (void)phone_visit(an, "hai");
    sync_phone_well(&w, an, NULL);
    assert_true(phone_status_says(an, "\"lost\":1"));
    sync_phone_well(&w, binh, NULL);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, an, NULL);
    assert_true(phone_says(an, sotay_show, &visit, "\"một\""));
    assert_true(phone_status_says(an, "\"lost\":0"));
    must_be_quiet(&w, an);
    world_free(&w);
}

/* The office holds what comes back, while another set over the same record does not open. */
static void test_one_that_comes_back_and_is_held(void **state)
{
    (void)state;
    for (int with_other = 0; with_other < 2; with_other++) {
        world w;
        world_make_with(&w, 4, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        meet_well(an, binh);
        spoil_own(an, 2);
        (void)phone_visit(an, "hai");
        sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"lost\":1"));
        sync_phone_well(&w, binh, NULL);
        assert_int_equal(phone_set(an, &visit, "place", "ba"), SOTAY_OK);
        rows_seal(an);
        if (with_other)
            spoil_own(an, 4);
        for (int i = 0; i < 3; i++)
            sync_phone_well(&w, an, NULL);
        must_hold(an, 2);
        assert_true(phone_status_says(an, "\"lost\":0"));
        world_free(&w);
    }
}

/* The kept set of another is lost, and somebody gives it again by hand. The office holds it, and no
 * page brings it a second time: it is kept again, and shown no longer than until that is heard. */
static void test_a_held_one_is_given_again(void **state)
{
    (void)state;
    world w;
    world_make(&w, 5);
    phone *an = &w.phones[0], *binh = &w.phones[1], *chi = &w.phones[2];
    const sotay_id visit = phone_visit(an, "chợ");
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    sync_phone_well(&w, chi, NULL);
    KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
    assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
    meet_well(an, chi);
    sync_phone_well(&w, an, NULL);
    assert_true(phone_status_says(an, "\"held\":1"));
    sync_phone_well(&w, binh, NULL);
    const book_key kept = set_of(binh, &an->client->me.device, 1);
    rows_delete(binh, &kept);
    meet_well(chi, binh);
    assert_true(phone_says(binh, sotay_show, &visit, "bến"));
    sync_phone_well(&w, binh, NULL);
    assert_false(phone_says(binh, sotay_show, &visit, "bến"));
    assert_int_equal(rows_count(binh, BOOK_TAKEN), 0);
    const book_key again = set_of(binh, &an->client->me.device, 1);
    assert_memory_equal(kept.b, again.b, kept.len);
    must_be_quiet(&w, binh);
    sync_phone_well(&w, chi, NULL);
    assert_false(phone_says(chi, sotay_show, &visit, "bến"));
    world_free(&w);
}

/* ---- the notes of what is own ---- */

/* A change and its set: each is sent, nothing is called lost, and all is quiet again. */
static void test_a_note(void **state)
{
    static const book_table TABLES[] = { BOOK_OVER, BOOK_OVER, BOOK_OWN, BOOK_OWN };
    static stored_row row;
    (void)state;
    for (int how = 0; how < 4; how++) {
        world w;
        sotay_report report;
        world_make_with(&w, 4, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sync_phone_well(&w, an, NULL);
        sotay_id visit = phone_visit(an, "một");
        if (how != 0)
            rows_seal(an);
        assert_true(rows_get(an, TABLES[how], 0, &row));
        rows_spoil(an, &row.key);
        if (how == 3) { /* both */
            assert_true(rows_get(an, BOOK_OVER, 0, &row));
            rows_spoil(an, &row.key);
        }
        assert_true(phone_says(an, sotay_show, &visit, "\"một\""));
        assert_true(phone_status_says(an, "\"ready\":1"));
        (void)phone_visit(an, "hai");
        sync_phone_well(&w, an, &report);
        assert_int_equal(report.stored, how == 0 ? 1 : 2); /* sets */
        assert_true(phone_status_says(an, "\"ready\":0"));
        assert_true(phone_status_says(an, "\"lost\":0"));
        must_be_quiet(&w, an);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "\"một\""));
        world_free(&w);
    }
}

/* It waits for the office, which decides on it later. */
static void test_a_note_of_what_is_held(void **state)
{
    static stored_row row;
    (void)state;
    for (int how = 0; how < 2; how++) {
        world w;
        world_make_with(&w, 5, (world_how){ 2, false });
        phone *an = &w.phones[0];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an));
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"held\":1"));
        assert_true(rows_get(an, how == 0 ? BOOK_OVER : BOOK_OWN, how == 0 ? 0 : 1, &row));
        rows_spoil(an, &row.key);
        sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"held\":1"));
        must_hold(an, 2);
        assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
        KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an), "--lift");
        sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"held\":0"));
        assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
        must_be_quiet(&w, an);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_carried_one_of_a_lost_unit),
        cmocka_unit_test(test_a_carried_one_over_the_book),
        cmocka_unit_test(test_own_ones_that_wait),
        cmocka_unit_test(test_what_is_own_of_it),
        cmocka_unit_test(test_an_own_one_that_a_restore_lost),
        cmocka_unit_test(test_a_held_one_that_a_restore_lost),
        cmocka_unit_test(test_a_lost_one_over_what_is_held),
        cmocka_unit_test(test_a_held_one_that_nobody_touches),
        cmocka_unit_test(test_a_held_one_of_who_is_suspended_now),
        cmocka_unit_test(test_a_held_one_of_who_is_suspended_meanwhile),
        cmocka_unit_test(test_one_that_comes_back),
        cmocka_unit_test(test_one_that_comes_back_and_is_held),
        cmocka_unit_test(test_a_held_one_is_given_again),
        cmocka_unit_test(test_a_note),
        cmocka_unit_test(test_a_note_of_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
