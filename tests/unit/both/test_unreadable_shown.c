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

/* Its unit is taken back from the carrier. */
static void test_a_carried_one_of_a_lost_unit(void **state)
{
    (void)state;
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        world w;
        char *text = NULL;
        world_make_with(&w, 12, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        sotay_id visit = phone_visit(an, "lời kể");
        meet_well(an, binh);
        assert_true(is_listed(binh, &visit));
        if (is_damaged)
            spoil_carried(binh);
        w.now_ms += 60000;
        KIT_EXPECT(0, &w.book, "unassign", "binh", KIT_UNIT);
        sync_phone_well(&w, binh, NULL);
        assert_false(is_listed(binh, &visit));
        assert_false(rows_hold(binh, "lời kể"));
        assert_int_equal(rows_count(binh, BOOK_OVER), 0);
        assert_int_equal(sotay_show(binh->client, &visit, SOTAY_JSON, &text, &binh->error),
                         SOTAY_E_NOT_FOUND);
        assert_true(phone_status_says(binh, is_damaged ? "\"carried_unreadable\":1"
                                                       : "\"carried_unreadable\":0"));
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_carried_one_of_a_lost_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
