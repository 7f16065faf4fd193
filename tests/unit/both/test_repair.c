/* tests/unit/both/test_repair.c
 * A phone whose book went wrong is mended by its next sync: only what differs is made anew, unsent
 * work stays, what it held without a signature is shown to the office before, and every incident is
 * on the office's list. */
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/world.h"

#include "client-lib/src/evidence.h"
#include "tests/unit/client-lib/rows.h"

#define MANY 400

static void sync_well(world *w, phone *p, sotay_report *out_report)
{
    int rc = sync_phone(w, p, 0, out_report);
    if (rc != SOTAY_OK)
        print_message("  sync: %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
}

/* `count` visits of phone 0 that both phones hold; ids[i] in the order they were made. */
static void make_many(world *w, size_t count, sotay_id *ids)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", "nhà văn hóa" } };
    const sotay_pairs pairs = { list, 3 };
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sotay_record_new(w->phones[0].client, "visit", KIT_UNIT, pairs, &ids[i],
                                          &w->phones[0].error),
                         SOTAY_OK);
    sync_well(w, &w->phones[0], NULL);
    sync_well(w, &w->phones[1], NULL);
}

static void damage(phone *p, const sotay_id *id, sotay_damage how)
{
    assert_int_equal(sotay_debug_damage(p->client, id, how, &p->error), SOTAY_OK);
}

/* Phone 1 shows each record as phone 0, who made them, does. */
static void assert_same(world *w, const sotay_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *first = shown(&w->phones[0], &ids[i]);
        char *other = shown(&w->phones[1], &ids[i]);
        assert_string_equal(first, other);
        sotay_text_free(first);
        sotay_text_free(other);
    }
}

static void assert_quiet(world *w, phone *p)
{
    sotay_report report;
    sync_well(w, p, &report);
    assert_int_equal(report.repaired_buckets, 0);
    assert_int_equal(report.requests, 1);
    assert_true(phone_status_says(p, "\"repaired\":null"));
}

/* What the office holds, it held for another reason when it came. */
static void test_what_is_held_says_why(void **state)
{
    (void)state;
    sotay_id ids[1];
    sotay_report report;
    world w;
    world_make(&w, 1);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    make_many(&w, 1, ids);
    KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an));
    KIT_EXPECT(0, &w.book, "move", "2026", "locked", "--as", "office");
    assert_int_equal(phone_set(an, &ids[0], "place", "bến"), SOTAY_OK);
    sync_well(&w, an, NULL);
    sync_well(&w, binh, NULL);
    assert_true(phone_status_says(an, "\"reason\":\"suspended\""));
    assert_true(history_says(binh, &ids[0], "\"held\":\"suspended\""));
    KIT_EXPECT(0, &w.book, "device", "suspend", device_of(an), "--lift");
    sync_well(&w, an, NULL);
    sync_well(&w, binh, NULL);
    assert_true(phone_status_says(an, "\"reason\":\"late\""));
    assert_true(history_says(an, &ids[0], "\"held\":\"late\""));
    assert_true(history_says(binh, &ids[0], "\"held\":\"late\""));
    damage(an, &ids[0], SOTAY_DAMAGE_VALUE);
    sync_well(&w, an, &report);
    assert_int_equal(report.repaired_buckets, 1);
    assert_true(phone_status_says(an, "\"reason\":\"late\""));
    world_free(&w);
}

/* Five records among many: found in a few rounds of a few hundred bytes. */
static void test_only_what_differs_is_fetched(void **state)
{
    (void)state;
    static sotay_id ids[MANY];
    sotay_report report;
    world w;
    world_make(&w, 1);
    phone *p = &w.phones[1];
    make_many(&w, MANY, ids);
    assert_quiet(&w, p);
    for (size_t i = 0; i < 4; i++)
        damage(p, &ids[i * 90], SOTAY_DAMAGE_VALUE);
    damage(p, &ids[MANY - 1], SOTAY_DAMAGE_MISSING);
    assert_int_equal(phone_set(p, &ids[7], "general_note", "chưa gửi"), SOTAY_OK);
    sync_well(&w, p, &report);
    print_message("  %d records, 5 differ: %d requests, %d bytes up, %d down\n", MANY,
                  (int)report.requests, (int)report.bytes_up, (int)report.bytes_down);
    assert_int_equal(report.repaired_buckets, 1);
    assert_true(report.complete && report.needs_person);
    assert_true(phone_status_says(p, "\"repaired\":\"2"));
    assert_int_equal(report.sent_changes, 1);
    assert_true(report.bytes_up + report.bytes_down < 8000);
    sync_well(&w, &w.phones[0], NULL);
    assert_same(&w, ids, MANY);
    assert_quiet(&w, p);
    assert_int_equal(KIT_CALL(&w.book, "incidents", "--json"), 0);
    char hex[33];
    for (size_t i = 0; i < 4; i++) {
        sotay_id_format(&ids[i * 90], hex);
        assert_non_null(strstr((char *)w.book.out.data, hex));
    }
    sotay_id_format(&ids[1], hex);
    assert_null(strstr((char *)w.book.out.data, hex));
    assert_non_null(strstr((char *)w.book.out.data, "\"person\":\"binh\""));
    assert_int_equal(KIT_CALL(&w.book, "verify"), 0);
    world_free(&w);
}

/* A record that does not open is begun anew by what comes of it. When that replaces nothing the sum
 * is right, as if all of the record were there. */
static void test_a_damaged_record_that_grows(void **state)
{
    (void)state;
    sotay_id ids[3];
    sotay_report report;
    world w;
    world_make(&w, 1);
    make_many(&w, 3, ids);
    st_id id = phone_id(&ids[1]);
    book_key base = book_key_id(BOOK_BASE, &id);
    rows_spoil(&w.phones[1], &base);
    assert_int_equal(phone_set(&w.phones[0], &ids[1], "general_note", "thêm"), SOTAY_OK);
    sync_well(&w, &w.phones[0], NULL);
    sync_well(&w, &w.phones[1], &report);
    assert_int_equal(report.repaired_buckets, 1);
    assert_same(&w, ids, 3);
    assert_quiet(&w, &w.phones[1]);
    assert_int_equal(rows_count(&w.phones[1], BOOK_ANEW), 0);
    world_free(&w);
}

/* A bucket is read from its beginning, and an own record of it does not open: it comes as well. */
static void test_a_damaged_record_that_is_forgotten(void **state)
{
    (void)state;
    sotay_id ids[3];
    st_bucket bucket;
    world w;
    world_make(&w, 1);
    make_many(&w, 3, ids);
    phone *p = &w.phones[0];
    st_id id = phone_id(&ids[1]);
    book_key base = book_key_id(BOOK_BASE, &id);
    assert_true(st_bucket_set(&bucket, "01477/unit/" KIT_UNIT, strlen("01477/unit/" KIT_UNIT)));
    sync_well(&w, p, NULL);
    rows_spoil(p, &base);
    rows_begin(p);
    assert_int_equal(evidence_forget(p->client, &bucket, 0, NULL), ST_OK);
    rows_commit(p);
    sync_well(&w, p, NULL);
    assert_same(&w, ids, 3);
    assert_quiet(&w, p);
    world_free(&w);
}

/* The n-th set of an's that is kept here. */
static book_key set_of(world *w, phone *p, size_t n)
{
    static stored_row row;
    const st_id device = w->phones[0].client->me.device;
    for (size_t i = 0; rows_get(p, BOOK_SET, i, &row); i++)
        if (memcmp(row.key.b + 1, device.b, sizeof device.b) == 0 && n-- == 0)
            return row.key;
    fail_msg("there is no such set");
    return row.key;
}

/* A record is wrong, and of its kept sets one does not open, or is gone, on the phone of its author
 * or on another: they come with all their bytes, once. */
static void test_a_record_whose_set_is_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sotay_id ids[3];
        sotay_report report;
        world w;
        world_make(&w, 1);
        make_many(&w, 3, ids);
        phone *p = &w.phones[i / 2];
        assert_int_equal(phone_set(&w.phones[0], &ids[1], "general_note", "thêm"), SOTAY_OK);
        sync_well(&w, &w.phones[0], NULL);
        sync_well(&w, &w.phones[1], NULL);
        const book_key key = set_of(&w, p, 0);
        (i % 2 == 0 ? rows_spoil : rows_delete)(p, &key);
        damage(p, &ids[1], SOTAY_DAMAGE_VALUE);
        sync_well(&w, p, &report);
        assert_true(report.complete);
        assert_int_equal(report.repaired_buckets, 1);
        assert_same(&w, ids, 3);
        assert_quiet(&w, p);
        KIT_EXPECT(0, &w.book, "stat", "--json");
        assert_non_null(strstr(KIT_OUT(&w.book), "\"incidents\":1"));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* One bit of the sum: nothing is fetched, the sum is counted anew. */
static void test_a_wrong_sum_alone(void **state)
{
    (void)state;
    sotay_id ids[3];
    sotay_report report;
    world w;
    world_make(&w, 2);
    make_many(&w, 3, ids);
    damage(&w.phones[1], &ids[0], SOTAY_DAMAGE_SUM);
    sync_well(&w, &w.phones[1], &report);
    assert_int_equal(report.repaired_buckets, 1);
    assert_int_equal(report.received_changes, 0);
    assert_same(&w, ids, 3);
    assert_quiet(&w, &w.phones[1]);
    world_free(&w);
}

/* A value that nobody signed is with the office before it goes. */
static void test_what_nobody_signed_is_shown_first(void **state)
{
    (void)state;
    sotay_id ids[3];
    sotay_report report;
    char hex[33];
    world w;
    world_make(&w, 3);
    make_many(&w, 3, ids);
    damage(&w.phones[1], &ids[1], SOTAY_DAMAGE_UNSIGNED);
    sync_well(&w, &w.phones[1], &report);
    assert_true(report.complete);
    assert_same(&w, ids, 3);
    assert_quiet(&w, &w.phones[1]);
    assert_int_equal(KIT_CALL(&w.book, "incidents", "--json"), 0);
    const char *evidence = strstr((char *)w.book.out.data, "\"evidence\":[{");
    assert_non_null(evidence);
    sotay_id_format(&ids[1], hex);
    assert_non_null(strstr(evidence, hex));
    assert_non_null(strstr(evidence, "ffffffffffffffffffffffffffffffff:"));
    assert_int_equal(KIT_CALL(&w.book, "stat", "--json"), 0);
    assert_non_null(strstr((char *)w.book.out.data, "\"incidents\":1"));
    assert_int_equal(KIT_CALL(&w.book, "verify"), 0);
    world_free(&w);
}

/* The office was shown it, and the phone let go of it: many more incidents do not take it away. */
static void test_what_was_shown_stays(void **state)
{
    (void)state;
    sotay_id ids[2];
    world w;
    world_make(&w, 1);
    make_many(&w, 2, ids);
    for (int i = 0; i < 101; i++) {
        damage(&w.phones[1], &ids[i == 99], i == 99 ? SOTAY_DAMAGE_UNSIGNED : SOTAY_DAMAGE_VALUE);
        sync_well(&w, &w.phones[1], NULL);
    }
    KIT_EXPECT(0, &w.book, "incidents", "--json");
    assert_non_null(strstr(KIT_OUT(&w.book), "\"evidence\":[{"));
    world_free(&w);
}

/* The line breaks anywhere in it, again and again: it comes to an end all the same. */
static void test_lost_answers(void **state)
{
    (void)state;
    static sotay_id ids[60];
    world w;
    world_make(&w, 4);
    make_many(&w, 60, ids);
    for (size_t i = 0; i < 6; i++)
        damage(&w.phones[1], &ids[i * 9], i % 2 == 0 ? SOTAY_DAMAGE_MISSING : SOTAY_DAMAGE_VALUE);
    for (int i = 0; i < 30; i++)
        (void)!sync_phone(&w, &w.phones[1], 2, NULL);
    sync_well(&w, &w.phones[1], NULL);
    assert_same(&w, ids, 60);
    assert_quiet(&w, &w.phones[1]);
    world_free(&w);
}

/* So much is wrong that the bucket is read from the beginning. */
static void test_much_is_read_anew(void **state)
{
    (void)state;
    static sotay_id ids[MANY];
    sotay_report report;
    world w;
    world_make(&w, 5);
    make_many(&w, MANY, ids);
    for (size_t i = 0; i < ST_REPAIR_RECORDS_MAX + 20; i++)
        damage(&w.phones[1], &ids[i], SOTAY_DAMAGE_VALUE);
    sync_well(&w, &w.phones[1], &report);
    assert_true(report.complete);
    assert_same(&w, ids, MANY);
    assert_quiet(&w, &w.phones[1]);
    world_free(&w);
}

/* A repair while others write on, with held and declined changes and items in the record. */
static void test_while_others_write(void **state)
{
    (void)state;
    sotay_id ids[3];
    char item[SOTAY_ITEM_TEXT];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    world w;
    world_make(&w, 6);
    make_many(&w, 3, ids);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    assert_int_equal(sotay_item_new(an->client, &ids[0], "findings", one, item, NULL), SOTAY_OK);
    assert_int_equal(phone_set(an, &ids[0], "ratings.m1.rating", "dat"), SOTAY_OK);
    assert_int_equal(phone_set(binh, &ids[0], "ratings.m1.rating", "chua_dat"), SOTAY_OK);
    sync_well(&w, an, NULL);
    sync_well(&w, binh, NULL);
    assert_int_equal(sotay_record_finalise(an->client, &ids[0], NULL), SOTAY_OK);
    sync_well(&w, an, NULL);
    damage(binh, &ids[0], SOTAY_DAMAGE_MISSING);
    damage(binh, &ids[2], SOTAY_DAMAGE_VALUE);
    assert_int_equal(phone_set(an, &ids[2], "place", "chợ"), SOTAY_OK);
    sync_well(&w, an, NULL);
    sync_well(&w, binh, NULL);
    sync_well(&w, an, NULL);
    assert_same(&w, ids, 3);
    assert_quiet(&w, binh);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_held_says_why),
        cmocka_unit_test(test_only_what_differs_is_fetched),
        cmocka_unit_test(test_a_damaged_record_that_grows),
        cmocka_unit_test(test_a_damaged_record_that_is_forgotten),
        cmocka_unit_test(test_a_record_whose_set_is_damaged),
        cmocka_unit_test(test_a_wrong_sum_alone),
        cmocka_unit_test(test_what_nobody_signed_is_shown_first),
        cmocka_unit_test(test_what_was_shown_stays),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_much_is_read_anew),
        cmocka_unit_test(test_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
