/* tests/unit/both/test_put_back.c
 * A store of which there are two, or that gets another name, while not all of its own changes open
 * any more: the other branch is heard of, the rest goes on under the new name, and nothing stands
 * twice. */
#include "tests/unit/both/meet.h"
#include "tests/unit/client-lib/rows.h"

enum { WHOLE, UNSEALED, SEALED, HOWS };

static void spoil_change(phone *p, uint64_t counter)
{
    book_key key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, counter);
    rows_spoil(p, &key);
}

static void spoil_set(phone *p, uint64_t first)
{
    book_key key = book_key_counter(BOOK_SET, &p->client->me.device, first);
    rows_spoil(p, &key);
}

static void spoil(phone *p, uint64_t counter, int how)
{
    if (how == UNSEALED)
        spoil_change(p, counter);
    if (how == SEALED)
        spoil_set(p, counter);
}

static size_t times_listed(phone *p, const char *words)
{
    size_t times = 0;
    char *json = NULL;
    assert_int_equal(sotay_list(p->client, NULL, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    for (const char *at = json; (at = strstr(at, words)) != NULL; at++)
        times++;
    sotay_text_free(json);
    return times;
}

/* The store of one phone as it is now, in another one: on another machine, or in its place. */
static void copy_into(phone *from, phone *to, bool is_elsewhere)
{
    phone_free(to);
    assert_int_equal(sotay_memory_copy(&from->port, is_elsewhere, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

/* The image is of before the first phone's second change; of the image's own three the middle one
 * does not open. The server hears of the branch all the same: the first phone keeps its name. */
static void test_an_image_with_a_hole(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        world_make(&w, 3);
        phone *an = &w.phones[0], *binh = &w.phones[1], *image = &w.phones[2];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        copy_into(an, image, false);
        assert_int_equal(phone_set(an, &visit, "general_note", "của an"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(image, &visit, "place", "của ảnh"), SOTAY_OK);
        if (how == SEALED)
            rows_seal(image);
        (void)phone_visit(image, "trạm ba");
        if (how == SEALED)
            rows_seal(image);
        (void)phone_visit(image, "trạm bốn");
        spoil(image, 3, how);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, image, NULL);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(image, "\"copied\":true"));
        assert_true(phone_status_says(an, "\"copied\":false"));
        enrol(&w, image, "an", true);
        for (int i = 0; i < 3; i++)
            for (size_t k = 0; k < PHONES; k++)
                sync_phone_well(&w, &w.phones[k], NULL);
        assert_true(phone_status_says(an, "\"copied\":false"));
        assert_int_equal(times_listed(binh, "trạm bốn"), 1);
        assert_int_equal(times_listed(binh, "trạm ba"), how == WHOLE ? 1 : 0);
        assert_true(phone_says(binh, sotay_show, &visit, "\"của ảnh\""));
        assert_true(phone_says(binh, sotay_show, &visit, "\"của an\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_image_with_a_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
