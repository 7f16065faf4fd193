/* tests/unit/both/test_comes_back.c
 * Own changes that were lost before they were sent, and of which a backup of the phone brings some,
 * in other sets than they were noted in: those count no more as lost, and the others do. */
#include "client-lib/src/outbox.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

enum { UNSEALED, SEALED, WAYS };

static void spoil_change(phone *p, uint64_t counter)
{
    book_key key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, counter);
    rows_spoil(p, &key);
}

/* The store of one phone as it is now, in another one. */
static void back_up(phone *from, phone *to)
{
    phone_free(to);
    assert_int_equal(sotay_memory_copy(&from->port, false, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

typedef struct {
    town t;
    phone *an, *binh, *backup;
    sotay_id visit;
} village;

/* Changes 2 to 4 of an do not open; sealed they are one set. The backup is of when an had made as
 * many changes: not all, since what lies right in front of the next set is known by its name. */
static void village_make(village *v, int way, uint64_t backed_up)
{
    town_make(&v->t, 4);
    v->an = &v->t.w.phones[0];
    v->binh = &v->t.w.phones[1];
    v->backup = &v->t.w.phones[2];
    v->visit = phone_visit(v->an, "chợ");
    for (int i = 0; i < 3; i++)
        sync_phone_well(&v->t.w, &v->t.w.phones[i], NULL);
    backup(&v->t);
    assert_int_equal(phone_set(v->an, &v->visit, "place", "hai"), SOTAY_OK);
    if (backed_up == 2)
        back_up(v->an, v->backup);
    assert_int_equal(phone_set(v->an, &v->visit, "general_note", "ba"), SOTAY_OK);
    if (backed_up == 3)
        back_up(v->an, v->backup);
    assert_int_equal(phone_set(v->an, &v->visit, "general_note", "bốn"), SOTAY_OK);
    if (way == SEALED) {
        rows_seal(v->an);
        spoil_own(v->an, 2);
    } else {
        for (uint64_t counter = 2; counter <= 4; counter++)
            spoil_change(v->an, counter);
    }
    (void)phone_visit(v->an, "trạm năm");
}

/* All sets of the backup are stored, and the phone has read them. */
static void bring_back(village *v, uint64_t sets)
{
    sotay_report report;
    assert_int_equal(sync_phone(&v->t.w, v->backup, 0, &report), SOTAY_OK);
    assert_int_equal(report.stored, sets);
    assert_int_equal(report.held, 0);
}

/* No sync is without end, nor asks for a person; also where the server lost it all once more. */
static void must_settle(village *v, const char *lost, bool has_place, bool has_note)
{
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            sync_phone_well(&v->t.w, v->an, NULL);
        must_be_quiet(&v->t.w, v->an);
        assert_true(phone_status_says(v->an, lost));
        assert_true(phone_status_says(v->an, "\"unreadable\":0"));
        assert_true(phone_status_says(v->an, "\"ready\":0"));
        sync_phone_well(&v->t.w, v->binh, NULL);
        phone *both[] = { v->an, v->binh };
        for (int i = 0; i < 2; i++) {
            assert_true(phone_says(both[i], sotay_show, &v->visit, "\"hai\"") == has_place);
            assert_true(phone_says(both[i], sotay_show, &v->visit, "\"ba\"") == has_note);
        }
        KIT_EXPECT(0, &v->t.w.book, "verify");
        if (round == 0)
            restore(&v->t);
    }
}

static void test_the_first(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        village v;
        village_make(&v, way, 2);
        sync_phone_well(&v.t.w, v.an, NULL);
        assert_true(phone_status_says(v.an, "\"lost\":3"));
        bring_back(&v, 1);
        must_settle(&v, "\"lost\":2", true, false);
        town_free(&v.t);
    }
}

/* It is in the book before the phone knows that all are lost. */
static void test_the_first_at_once(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        village v;
        village_make(&v, way, 2);
        bring_back(&v, 1);
        must_settle(&v, "\"lost\":2", true, false);
        town_free(&v.t);
    }
}

static void test_two_in_one_set(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        village v;
        village_make(&v, way, 3);
        sync_phone_well(&v.t.w, v.an, NULL);
        assert_true(phone_status_says(v.an, "\"lost\":3"));
        bring_back(&v, 1);
        must_settle(&v, "\"lost\":1", true, true);
        town_free(&v.t);
    }
}

static void test_two_in_two_sets(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        village v;
        village_make(&v, way, 2);
        sync_phone_well(&v.t.w, v.an, NULL);
        rows_seal(v.backup);
        assert_int_equal(phone_set(v.backup, &v.visit, "general_note", "ba"), SOTAY_OK);
        bring_back(&v, 2);
        must_settle(&v, "\"lost\":1", true, true);
        town_free(&v.t);
    }
}

/* The backup does not open all of it either: they were no set, and each counts for itself. */
static void test_the_second_alone(void **state)
{
    (void)state;
    village v;
    village_make(&v, UNSEALED, 3);
    sync_phone_well(&v.t.w, v.an, NULL);
    spoil_change(v.backup, 2);
    bring_back(&v, 1);
    must_settle(&v, "\"lost\":2", false, true);
    town_free(&v.t);
}

/* They were lost together with the visit that they are on, which nothing else makes: what is noted
 * over it is found under the set that brings it. */
static void test_what_made_the_record(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        world w;
        world_make(&w, 4);
        phone *an = &w.phones[0], *backup = &w.phones[2];
        sync_phone_well(&w, an, NULL);
        sotay_id visit = phone_visit(an, "chợ");
        if (!whole)
            back_up(an, backup);
        assert_int_equal(phone_set(an, &visit, "general_note", "hai"), SOTAY_OK);
        if (whole)
            back_up(an, backup);
        assert_int_equal(phone_set(an, &visit, "place", "ba"), SOTAY_OK);
        for (uint64_t counter = 1; counter <= 3; counter++)
            spoil_change(an, counter);
        (void)phone_visit(an, "trạm bốn");
        sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"lost\":3"));
        sync_phone_well(&w, backup, NULL);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, an, NULL);
        must_be_quiet(&w, an);
        assert_true(phone_says(an, sotay_show, &visit, "\"chợ\""));
        assert_true(phone_says(an, sotay_show, &visit, "\"hai\"") == (whole == 1));
        assert_true(phone_status_says(an, whole ? "\"lost\":1" : "\"lost\":2"));
        world_free(&w);
    }
}

/* Nothing of it opens, neither the note of the set nor its bytes: it reaches to the next one, the
 * last one to the last counter that is sealed. */
static void test_where_a_set_ends(void **state)
{
    (void)state;
    world w;
    world_make(&w, 2);
    phone *an = &w.phones[0];
    sync_phone_well(&w, an, NULL);
    for (uint64_t first = 1; first <= 3; first += 2) {
        sotay_id visit = phone_visit(an, "chợ");
        assert_int_equal(phone_set(an, &visit, "general_note", "ghi"), SOTAY_OK);
        rows_seal(an);
    }
    for (uint64_t first = 1; first <= 3; first += 2) {
        outbox_set own;
        const st_id device = an->client->me.device;
        book_key note = book_key_counter(BOOK_OWN, &device, first);
        spoil_own(an, first);
        rows_spoil(an, &note);
        assert_int_equal(client_begin(an->client, false, NULL), ST_OK);
        assert_int_equal(outbox_get(&an->client->book, &device, first, &own, NULL), ST_OK);
        client_abort(an->client);
        assert_int_equal(own.last, first + 1);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first),
        cmocka_unit_test(test_the_first_at_once),
        cmocka_unit_test(test_two_in_one_set),
        cmocka_unit_test(test_two_in_two_sets),
        cmocka_unit_test(test_the_second_alone),
        cmocka_unit_test(test_what_made_the_record),
        cmocka_unit_test(test_where_a_set_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
