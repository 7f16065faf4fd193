/* tests/unit/both/test_met_meanwhile.c
 * Whoever is met while the catalogue is being read anew here, and an answer ended before its end:
 * one whose own record did not come again yet is turned away, and until all came nothing goes to
 * anybody in the open. Nobody who is revoked is given anything that he could read; two members
 * carry for each other as soon as their records are here, and all is as before with the rest. */
#include "client-lib/src/exchange.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/meet.h"
#include "tests/unit/both/spoilt_names.h"
#include "tests/unit/both/town.h"

#define PIECE_BYTES 6000u /* of a sync */

/* What the meetings between the parts came to. */
typedef struct {
    unsigned turned_away, sealed;
    bool is_over; /* the last part came */
} meetings;

/* A sync that ends behind some of it. */
static bool read_some(world *w, phone *p)
{
    sotay_sync *sync = NULL;
    sotay_report report;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, PIECE_BYTES, true);
    assert_int_equal(run(w, sync, 0, &report), SOTAY_OK);
    return report.complete;
}

/* Until all came. A revocation that came again counts at once. */
static void meet_meanwhile(world *w, phone *binh, phone *other, meetings *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 200; i++) {
        out->is_over = read_some(w, binh);
        if (out->is_over)
            return;
        (void)phone_visit(binh, "sau đó");
        outcome o = meet(binh, other, NONE);
        if (o.codes[0] == SOTAY_OK) {
            out->sealed++;
            assert_true(rows_count(other, BOOK_PARCEL) > 0);
        } else if (o.codes[0] == SOTAY_E_STATE) {
            out->turned_away++;
            assert_int_equal(rows_count(other, BOOK_PARCEL), 0);
        } else {
            assert_int_equal(o.codes[0], SOTAY_E_DENIED);
        }
        assert_int_equal(rows_count(other, BOOK_TAKEN), 0);
    }
}

static void add_officers(world *w, const char *first)
{
    for (int i = 0; i < 30; i++) {
        char login[16];
        (void)snprintf(login, sizeof login, "%s%d", first, i);
        KIT_EXPECT(0, &w->book, "user", "add", login, "--name", login, "--role", "officer");
    }
}

/* Of an, whom no meeting of the test is about. */
static void lose_a_name(phone *p, const phone *an)
{
    spoil_device(p, an);
    spoil_record_of(p, an);
}

static void test_one_who_is_revoked(void **state)
{
    (void)state;
    world w;
    meetings m;
    memset(&w, 0, sizeof w);
    world_make_with(&w, 1, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1], *chi = newcomer(&w, 2, "chi");
    sync_phone_well(&w, chi, NULL);
    add_officers(&w, "a");
    KIT_EXPECT(0, &w.book, "device", "revoke", device_of(chi));
    sync_phone_well(&w, binh, NULL);
    assert_int_equal(meet(binh, chi, NONE).codes[0], SOTAY_E_DENIED);
    lose_a_name(binh, an);
    meet_meanwhile(&w, binh, chi, &m);
    assert_true(m.is_over && m.turned_away > 0 && m.sealed > 0);
    assert_int_equal(meet(binh, chi, NONE).codes[0], SOTAY_E_DENIED);
    world_free(&w);
}

/* With all of the catalogue there the other reads what he is given. */
static void must_give_openly(phone *giver, phone *taker)
{
    sotay_id visit = phone_visit(giver, "để chị đọc");
    meet_well(giver, taker);
    assert_true(phone_says(taker, sotay_show, &visit, "để chị đọc"));
}

static void test_two_members(void **state)
{
    (void)state;
    world w;
    meetings m;
    memset(&w, 0, sizeof w);
    world_make_with(&w, 1, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1], *chi = newcomer(&w, 2, "chi");
    sync_phone_well(&w, chi, NULL);
    add_officers(&w, "a");
    sync_phone_well(&w, binh, NULL);
    lose_a_name(binh, an);
    meet_meanwhile(&w, binh, chi, &m);
    assert_true(m.is_over && m.turned_away > 0 && m.sealed > 0);
    must_give_openly(binh, chi);
    world_free(&w);
}

/* A phone that never had all of it gives what it has to give. */
static void test_a_new_one(void **state)
{
    (void)state;
    world w;
    meetings m;
    memset(&w, 0, sizeof w);
    world_make_with(&w, 1, (world_how){ 1, false });
    phone *chi = newcomer(&w, 2, "chi"), *binh = newcomer(&w, 1, "binh");
    sync_phone_well(&w, chi, NULL);
    add_officers(&w, "a");
    add_officers(&w, "b");
    while (meet(binh, chi, NONE).codes[0] != SOTAY_OK) /* before anything of the other came */
        assert_false(read_some(&w, binh));
    meet_meanwhile(&w, binh, chi, &m);
    assert_true(m.is_over && m.turned_away == 0 && m.sealed > 0);
    must_give_openly(binh, chi);
    world_free(&w);
}

/* The book was put back to behind a revocation, and all of it is read anew. */
static void test_in_a_new_epoch(void **state)
{
    (void)state;
    town t;
    meetings m;
    town_make(&t, 1);
    phone *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    for (int i = 0; i < 3; i++)
        sync_phone_well(&t.w, &t.w.phones[i], NULL);
    add_officers(&t.w, "a");
    KIT_EXPECT(0, &t.w.book, "device", "revoke", device_of(chi));
    backup(&t);
    add_officers(&t.w, "b");
    sync_phone_well(&t.w, binh, NULL);
    restore(&t);
    assert_int_equal(meet(binh, chi, NONE).codes[0], SOTAY_E_DENIED);
    while (meet(binh, chi, NONE).codes[0] == SOTAY_E_DENIED) /* it hears of the epoch first */
        assert_false(read_some(&t.w, binh));
    meet_meanwhile(&t.w, binh, chi, &m);
    assert_true(m.is_over && m.turned_away > 0);
    assert_int_equal(meet(binh, chi, NONE).codes[0], SOTAY_E_DENIED);
    town_free(&t);
}

/* Of a store of before nobody noted whether the catalogue was read to its end. */
static void test_a_store_of_before(void **state)
{
    (void)state;
    static stored_row row;
    world w;
    memset(&w, 0, sizeof w);
    world_make_with(&w, 1, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    size_t buckets = rows_count(binh, BOOK_BUCKET);
    for (size_t i = 0; i < buckets; i++) {
        assert_true(rows_get(binh, BOOK_BUCKET, i, &row));
        rows_put(binh, &row.key, row.data, row.len - 1);
    }
    sotay_id visit = phone_visit(binh, "chợ");
    meet_well(binh, an);
    assert_true(phone_says(an, sotay_show, &visit, "chợ"));
    world_free(&w);
}

/* All is read, and no record says of the device that it is in use; or it is damaged. */
static void test_no_record_of_it(void **state)
{
    (void)state;
    world w;
    memset(&w, 0, sizeof w);
    world_make_with(&w, 1, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    (void)phone_visit(binh, "chợ");
    const book_key key = record_of(binh, an);
    rows_spoil(binh, &key);
    meet_well(binh, an);
    assert_int_equal(rows_count(an, BOOK_PARCEL), 1);
    assert_int_equal(rows_count(an, BOOK_TAKEN), 0);
    rows_delete(binh, &key);
    assert_int_equal(meet(binh, an, NONE).codes[0], SOTAY_E_DENIED);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_who_is_revoked), cmocka_unit_test(test_two_members),
        cmocka_unit_test(test_a_new_one),          cmocka_unit_test(test_in_a_new_epoch),
        cmocka_unit_test(test_a_store_of_before),  cmocka_unit_test(test_no_record_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
