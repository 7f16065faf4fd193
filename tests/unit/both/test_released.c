/* tests/unit/both/test_released.c
 * A suspended phone is lifted, and all that it wrote meanwhile is let in, or held for another
 * reason, at once: its author and the others take the page in that says so, however much it is. */
#include "tests/unit/both/world.h"

#include "tests/unit/client-lib/rows.h"

/* What an wrote while suspended, in one set: all of it comes, and both phones show the same. */
static void lift(world *w, const sotay_id *visit, const char *last)
{
    phone *an = &w->phones[0], *binh = &w->phones[1];
    rows_seal(an);
    sync_phone_well(w, an, NULL);
    KIT_EXPECT(0, &w->book, "device", "suspend", device_of(an), "--lift");
    sync_phone_well(w, an, NULL);
    sync_phone_well(w, binh, NULL);
    assert_true(phone_status_says(an, "\"held\":0"));
    assert_true(phone_says(an, sotay_show, visit, last));
    assert_true(phone_says(binh, sotay_show, visit, last));
    world_free(w);
}

static void suspend(world *w)
{
    world_make(w, 1);
    KIT_EXPECT(0, &w->book, "device", "suspend", device_of(&w->phones[0]));
}

static void test_many_records(void **state)
{
    (void)state;
    char place[32];
    sotay_id visit;
    world w;
    suspend(&w);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(place, sizeof place, "chợ %d.", i);
        visit = phone_visit(&w.phones[0], place);
    }
    lift(&w, &visit, "chợ 299.");
}

static void test_many_changes_of_a_record(void **state)
{
    (void)state;
    char note[1000];
    world w;
    suspend(&w);
    sotay_id visit = phone_visit(&w.phones[0], "chợ");
    memset(note, 'x', sizeof note);
    for (int i = 0; i < 350; i++) {
        (void)snprintf(note + 900, sizeof note - 900, "lần %d.", i);
        assert_int_equal(phone_set(&w.phones[0], &visit, "general_note", note), SOTAY_OK);
    }
    lift(&w, &visit, "lần 349.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_records),
        cmocka_unit_test(test_many_changes_of_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
