/* tests/unit/both/test_unreadable.c
 * Change-sets that are kept on a phone and are missing or do not open any more, between phones and
 * the real server: each keeps no other from going. What nobody else has is said to be gone, by the
 * phone and in the office, and no sync ends for it. */
#include "tests/unit/both/meet.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

/* Of the phone as the office lists its device. */
static void must_list(world *w, const char *says)
{
    KIT_EXPECT(0, &w->book, "device", "list", "--json");
    if (strstr((char *)w->book.out.data, says) == NULL)
        fail_msg("no %s in %s", says, (char *)w->book.out.data);
}

/* It waits, and something is recorded behind it. */
static void test_one_that_waits(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        sotay_report report;
        world_make_with(&w, 1, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
        rows_seal(an);
        damage_own(an, 1, how);
        rows_seal(an); /* a file for others does without it too */
        for (int i = 0; i < 2; i++) { /* nothing behind it: it is said every time */
            sync_phone_well(&w, an, &report);
            assert_true(report.complete && report.needs_person);
            assert_int_equal(report.requests, 1);
        }
        assert_true(phone_status_says(an, "\"unreadable\":1"));
        assert_true(phone_status_says(an, "\"ready\":1"));
        assert_true(phone_status_says(an, "\"safe_to_wipe\":false"));
        sotay_id behind = phone_visit(an, "hai");
        (void)phone_visit(binh, "ba");
        sync_phone_well(&w, binh, NULL);
        sync_phone_well(&w, an, &report);
        assert_true(report.complete && report.needs_person);
        assert_int_equal(report.stored, 1);
        assert_int_equal(report.wanted, 1);
        assert_true(phone_status_says(an, "\"unreadable\":0"));
        assert_true(phone_status_says(an, "\"lost\":1"));
        assert_true(phone_status_says(an, "\"ready\":0"));
        must_list(&w, "\"gaps\":[{\"from\":2,\"to\":2,\"gone\":true}]");
        must_be_quiet(&w, an);
        assert_int_equal(phone_set(an, &visit, "place", "lại"), SOTAY_OK); /* it opens again */
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &behind, "\"hai\""));
        assert_true(phone_says(binh, sotay_show, &visit, "\"lại\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* Before it is sealed, in the middle: those around it go at once, and it is found to be gone. */
static void test_one_that_is_not_sealed(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        sotay_report report;
        world_make_with(&w, 6, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
        sotay_id behind = phone_visit(an, "hai");
        damage_unsealed(an, 3, how);
        sync_phone_well(&w, an, &report);
        assert_true(report.complete && report.needs_person);
        assert_int_equal(report.stored, 2);
        assert_int_equal(report.wanted, 1);
        assert_int_equal(rows_count(an, BOOK_CHANGE), 0);
        assert_true(phone_status_says(an, "\"lost\":1"));
        assert_true(phone_status_says(an, "\"ready\":0"));
        must_list(&w, "\"gaps\":[{\"from\":3,\"to\":3,\"gone\":true}]");
        must_be_quiet(&w, an);
        assert_int_equal(phone_set(an, &visit, "place", "lại"), SOTAY_OK); /* it opens again */
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &behind, "\"hai\""));
        assert_true(phone_says(binh, sotay_show, &visit, "\"bến\""));
        assert_true(phone_says(binh, sotay_show, &visit, "\"lại\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* The first of a device and the last one: nothing is in front, and nothing behind yet. */
static void test_first_and_last_that_are_not_sealed(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        sotay_report report;
        world_make_with(&w, 7, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id lost = phone_visit(an, "một"), visit = phone_visit(an, "hai");
        assert_int_equal(phone_set(an, &visit, "place", "ba"), SOTAY_OK);
        damage_unsealed(an, 1, how);
        damage_unsealed(an, 3, how);
        sync_phone_well(&w, an, &report);
        assert_int_equal(report.stored, 1);
        for (int i = 0; i < 2; i++) { /* nothing behind the last one: it is said every time */
            sync_phone_well(&w, an, &report);
            assert_true(report.complete && report.needs_person);
            assert_true(phone_status_says(an, "\"unreadable\":1"));
            assert_true(phone_status_says(an, "\"lost\":1"));
        }
        assert_true(is_listed(an, &lost));
        sotay_id behind = phone_visit(an, "bốn");
        sync_phone_well(&w, an, &report);
        assert_int_equal(report.stored, 1);
        assert_true(phone_status_says(an, "\"unreadable\":0"));
        assert_true(phone_status_says(an, "\"lost\":2"));
        must_list(&w, "{\"from\":1,\"to\":1,\"gone\":true},{\"from\":3,\"to\":3,\"gone\":true}");
        must_be_quiet(&w, an);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "\"hai\""));
        assert_true(phone_says(binh, sotay_show, &behind, "\"bốn\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* In front of it only the first set of the device, which names none before it. */
static void test_the_second_that_is_not_sealed(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    world_make_with(&w, 8, (world_how){ 1, false });
    phone *an = &w.phones[0];
    for (int i = 0; i < 3; i++)
        (void)phone_visit(an, "chợ");
    damage_unsealed(an, 2, SPOILT);
    sync_phone_well(&w, an, &report);
    assert_int_equal(report.stored, 2);
    assert_int_equal(report.wanted, 1);
    must_list(&w, "\"gaps\":[{\"from\":2,\"to\":2,\"gone\":true}]");
    must_be_quiet(&w, an);
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

/* Between each two something is kept: the server wants one gap after the other, and each that is
 * said is lost then and there. */
static void test_some_with_good_ones_between(void **state)
{
    enum { VISITS = 6 };
    (void)state;
    world w;
    sotay_report report;
    sotay_id visits[VISITS];
    world_make_with(&w, 9, (world_how){ 1, false });
    phone *an = &w.phones[0];
    for (int i = 0; i < VISITS; i++)
        visits[i] = phone_visit(an, "chợ");
    sync_phone_well(&w, an, NULL);
    for (int i = 0; i < VISITS; i++) {
        assert_int_equal(phone_set(an, &visits[i], "place", "mất"), SOTAY_OK);
        rows_seal(an);
        (void)phone_visit(an, "giữa");
        rows_seal(an);
    }
    for (size_t i = VISITS; i > 0; i--)
        damage_own(an, 2 * i - 1, SPOILT);
    for (int i = 0; i < 2; i++) {
        sync_phone_well(&w, an, &report);
        assert_true(report.complete && report.needs_person);
    }
    assert_true(phone_status_says(an, "\"lost\":6"));
    assert_true(phone_status_says(an, "\"unreadable\":0"));
    assert_true(phone_status_says(an, "\"ready\":0"));
    for (int i = 0; i < VISITS; i++)
        assert_true(phone_says(an, sotay_show, &visits[i], "\"chợ\""));
    must_be_quiet(&w, an);
    world_free(&w);
}

/* Said while nothing of its record has come back, and what made that does not open here either:
 * with the record itself it opens again, here as at others. */
static void test_one_that_is_lost_before_its_record_comes(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        world_make_with(&w, 10, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sync_phone_well(&w, an, NULL);
        sotay_id visit = phone_visit(an, "chợ");
        send_only(&w, an);
        assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
        rows_seal(an);
        (void)phone_visit(an, "cuối");
        rows_seal(an);
        damage_own(an, 1, how);
        damage_own(an, 0, how);
        send_only(&w, an);
        assert_true(phone_status_says(an, "\"lost\":1"));
        sync_phone_well(&w, an, NULL);
        assert_true(phone_says(an, sotay_show, &visit, "\"chợ\""));
        assert_false(phone_says(an, sotay_show, &visit, "\"unread\""));
        must_be_quiet(&w, an);
        assert_int_equal(phone_set(an, &visit, "place", "lại"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "\"lại\""));
        world_free(&w);
    }
}

/* A server of an older copy wants once more what was said to be gone: it is counted once. */
static void test_one_that_is_wanted_twice(void **state)
{
    (void)state;
    town t;
    town_make(&t, 1);
    phone *binh = &t.w.phones[1];
    for (int i = 0; i < 3; i++)
        sync_phone_well(&t.w, &t.w.phones[i], NULL);
    backup(&t);
    (void)phone_visit(binh, "một");
    rows_seal(binh);
    damage_own(binh, 0, SPOILT);
    (void)phone_visit(binh, "hai");
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_status_says(binh, "\"lost\":1"));
    restore(&t);
    sync_phone_well(&t.w, binh, NULL);
    must_list(&t.w, "\"gaps\":[{\"from\":1,\"to\":1,\"gone\":true}]");
    assert_true(phone_status_says(binh, "\"lost\":1"));
    town_free(&t);
}

/* A record that it alone made stays on the list, which is all that tells of it; what was written on
 * it later is held by the office. */
static void test_one_that_made_a_record(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    char *text = NULL;
    world_make_with(&w, 2, (world_how){ 2, false });
    phone *an = &w.phones[0];
    sotay_id visit = phone_visit(an, "một"), alone = phone_visit(an, "ba");
    rows_seal(an);
    assert_int_equal(phone_set(an, &visit, "place", "hai"), SOTAY_OK);
    rows_seal(an);
    damage_own(an, 0, SPOILT);
    sync_phone_well(&w, an, &report);
    assert_true(report.complete && report.needs_person);
    assert_int_equal(report.held, 1);
    must_list(&w, "\"gaps\":[{\"from\":1,\"to\":2,\"gone\":true}]");
    assert_true(phone_status_says(an, "\"lost\":2"));
    assert_true(phone_status_says(an, "\"ready\":0"));
    assert_true(phone_status_says(an, "\"no_record\""));
    assert_true(phone_says(an, sotay_show, &visit, "\"hai\""));
    assert_int_equal(sotay_show(an->client, &alone, SOTAY_JSON, &text, &an->error),
                     SOTAY_E_CORRUPT);
    assert_true(is_listed(an, &alone));
    must_be_quiet(&w, an);
    world_free(&w);
}

static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    int code; /* of every kept set; SOTAY_OK: that of the port */
} disk;

static int get_from_disk(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    const bool fails = disk.code != SOTAY_OK && *(const uint8_t *)key.data == BOOK_SET;
    if (fails && error != NULL)
        *error = (sotay_error){ (sotay_code)disk.code, "disk" };
    return fails ? disk.code : disk.get(context, key, out_value, error);
}

/* What the disk does not give may be there all the same: the sync ends, and nothing is said to be
 * gone. */
static void test_a_disk_that_fails_loses_nothing(void **state)
{
    static const int CODES[] = { SOTAY_E_STORAGE, SOTAY_E_CORRUPT };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world w;
        sotay_report report;
        world_make_with(&w, 3, (world_how){ 2, false });
        phone *an = &w.phones[0];
        (void)phone_visit(an, "một");
        rows_seal(an);
        disk.get = an->port.get;
        an->port.get = get_from_disk;
        disk.code = CODES[i];
        assert_int_equal(sync_phone(&w, an, 0, NULL), CODES[i]);
        disk.code = SOTAY_OK;
        assert_true(phone_status_says(an, "\"unreadable\":0"));
        sync_phone_well(&w, an, &report);
        assert_int_equal(report.stored, 1);
        assert_true(phone_status_says(an, "\"lost\":0"));
        an->port.get = disk.get;
        world_free(&w);
    }
}

/* It came by hand to somebody who brings it: then it is in the book, and comes back from there. */
static void test_one_that_somebody_else_has(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        sotay_report report;
        world_make_with(&w, 4, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sync_phone_well(&w, an, NULL);
        sotay_id visit = phone_visit(an, "một");
        meet_well(an, binh);
        damage_own(an, 0, how);
        (void)phone_visit(an, "hai");
        sync_phone_well(&w, binh, NULL);
        sync_phone_well(&w, an, &report);
        assert_true(report.complete);
        assert_true(phone_status_says(an, "\"lost\":0"));
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(an, "\"unreadable\":0"));
        assert_true(phone_status_says(an, "\"ready\":0"));
        assert_true(phone_says(an, sotay_show, &visit, "\"một\""));
        must_be_quiet(&w, an);
        world_free(&w);
    }
}

/* The office suspended the phone and lifts that: of two that were held, one does not open. */
static void test_one_that_was_held(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        sotay_report report;
        char device[33];
        world_make_with(&w, 5, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        st_id_format(&an->client->me.device, device);
        KIT_EXPECT(0, &w.book, "device", "suspend", device);
        assert_int_equal(phone_set(an, &visit, "general_note", "bến"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(an, &visit, "place", "hai"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        damage_own(an, 1, how);
        KIT_EXPECT(0, &w.book, "device", "suspend", device, "--lift");
        sync_phone_well(&w, an, &report);
        assert_true(report.complete);
        assert_true(phone_status_says(an, "\"held\":0"));
        assert_true(phone_status_says(an, "\"standing\":\"in_use\""));
        assert_true(phone_says(an, sotay_show, &visit, "\"bến\""));
        assert_true(phone_says(an, sotay_show, &visit, "\"hai\""));
        must_be_quiet(&w, an);
        sync_phone_well(&w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "\"bến\""));
        world_free(&w);
    }
}

/* The office goes on from an older copy: of somebody else's, or of the own ones that it lost, one
 * does not open. All else goes, and the phone is in the new epoch. */
static void test_an_older_book(void **state)
{
    (void)state;
    for (int how = 0; how < 2 * HOWS; how++) {
        town t;
        sotay_report report;
        bool is_own = how >= HOWS;
        town_make(&t, 1);
        world *w = &t.w;
        phone *an = &w->phones[0], *binh = &w->phones[1];
        for (int i = 0; i < 3; i++)
            sync_phone_well(w, &w->phones[i], NULL);
        backup(&t);
        sotay_id hers = phone_visit(an, "sau của an");
        (void)phone_visit(binh, "sau của bình");
        for (int i = 0; i < 6; i++)
            sync_phone_well(w, &w->phones[i % 3], NULL);
        book_key key = book_key_counter(BOOK_SET, &(is_own ? binh : an)->client->me.device, 1);
        damage(binh, &key, how % HOWS);
        restore(&t);
        sotay_id fresh = phone_visit(binh, "mới của bình");
        sync_phone_well(w, binh, &report);
        assert_true(report.complete && report.needs_person);
        assert_int_equal(binh->client->me.epochs, 2);
        assert_true(phone_status_says(binh, "\"ready\":0"));
        assert_true(phone_status_says(binh, is_own ? "\"lost\":1" : "\"lost\":0"));
        assert_true(phone_status_says(binh, "\"unreadable\":0"));
        must_be_quiet(w, binh);
        sync_phone_well(w, an, NULL);
        sync_phone_well(w, binh, NULL);
        assert_true(phone_says(an, sotay_show, &fresh, "mới của bình"));
        assert_true(phone_says(binh, sotay_show, &hers, "sau của an"));
        KIT_EXPECT(0, &w->book, "verify");
        town_free(&t);
    }
}

/* ---- what is carried for others ---- */

static void spoil_all(phone *p, book_table table)
{
    book_key prefix = book_key_of(table), keys[8];
    book_scan scan = book_scan_of(&prefix);
    size_t count = 0;
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    while (book_scan_next(&p->client->book, &scan, NULL, NULL, NULL) == ST_OK && count < 8)
        keys[count++] = scan.at;
    client_abort(p->client);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        rows_spoil(p, &keys[i]);
}

/* Read here, and not to be read any more: own work goes, the status says it, and it comes again
 * from whoever gave it, who has it still. */
static void test_one_that_is_carried(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    world_make_with(&w, 9, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    sotay_id visit = phone_visit(an, "một");
    meet_well(an, binh);
    spoil_all(binh, BOOK_TAKEN);
    (void)phone_visit(binh, "hai");
    sync_phone_well(&w, binh, &report);
    assert_true(report.complete);
    assert_int_equal(report.stored, 1);
    assert_true(phone_status_says(binh, "\"carried\":0"));
    assert_true(phone_status_says(binh, "\"carried_unreadable\":1"));
    meet_well(an, binh);
    assert_true(phone_status_says(binh, "\"carried\":1"));
    assert_true(phone_status_says(binh, "\"carried_unreadable\":0"));
    assert_true(phone_says(binh, sotay_show, &visit, "\"một\""));
    sync_phone_well(&w, binh, &report);
    assert_int_equal(report.stored, 1);
    assert_true(phone_status_says(binh, "\"carried\":0"));
    world_free(&w);
}

/* Its author brings it: with the page it is read, and nothing is damaged any more. */
static void test_one_that_its_author_brings(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 10, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    sotay_id visit = phone_visit(an, "một");
    meet_well(an, binh);
    spoil_all(binh, BOOK_TAKEN);
    sync_phone_well(&w, an, NULL);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, binh, NULL);
    assert_true(phone_status_says(binh, "\"carried_unreadable\":0"));
    assert_int_equal(rows_count(binh, BOOK_TAKEN), 0);
    assert_true(phone_says(binh, sotay_show, &visit, "\"flags\":[]"));
    must_be_quiet(&w, binh);
    world_free(&w);
}

/* What lies under a carried change does not open: it is carried all the same. What it was about may
 * be what the other is to read: all goes sealed to him. */
static void test_a_damaged_record_under_it(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    world_make_with(&w, 12, (world_how){ 2, false });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sotay_id visit = phone_visit(an, "một");
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, binh, NULL);
    const st_id id = phone_id(&visit);
    const book_key base = book_key_id(BOOK_BASE, &id);
    assert_int_equal(phone_set(an, &visit, "place", "hai"), SOTAY_OK);
    (void)phone_visit(binh, "ba");
    rows_spoil(binh, &base);
    meet_well(an, binh);
    assert_int_equal(rows_count(an, BOOK_TAKEN), 0);
    assert_int_equal(rows_count(an, BOOK_PARCEL), 1);
    assert_true(phone_status_says(binh, "\"carried\":1"));
    sync_phone_well(&w, binh, &report);
    assert_int_equal(report.stored, 2);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "\"hai\""));
    world_free(&w);
}

/* Sealed to the office, out of a file; and what the office said of others' work. */
static void test_sealed_ones_and_receipts(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    sotay_bundle_report bundled;
    sotay_bundle *bundle = NULL;
    sotay_slice file = { NULL, 0 };
    world_make_with(&w, 11, (world_how){ 3, false });
    phone *an = &w.phones[0], *binh = &w.phones[1], *carrier = &w.phones[2];
    for (int i = 0; i < 3; i++)
        sync_phone_well(&w, &w.phones[i], NULL);
    (void)phone_visit(an, "một");
    (void)phone_visit(binh, "hai");
    meet_well(binh, carrier);
    sync_phone_well(&w, carrier, NULL); /* it has the receipt now */
    assert_int_equal(sotay_bundle_begin(an->client, &bundle, &an->error), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &file, &bundled, &an->error), SOTAY_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sotay_bundle_import(carrier->client, file.data, file.len, &bundled,
                                             &carrier->error),
                         SOTAY_OK);
        assert_true(phone_status_says(carrier, "\"carried_unreadable\":0"));
        if (i > 0)
            break;
        spoil_all(carrier, BOOK_PARCEL);
        spoil_all(carrier, BOOK_RECEIPT);
        sync_phone_well(&w, carrier, &report);
        assert_true(report.complete);
        assert_true(phone_status_says(carrier, "\"carried_unreadable\":1"));
        meet_well(binh, carrier);
    }
    sotay_bundle_free(bundle);
    sync_phone_well(&w, carrier, &report);
    assert_int_equal(report.stored, 1);
    assert_true(phone_status_says(carrier, "\"carried\":0"));
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_waits),
        cmocka_unit_test(test_one_that_is_not_sealed),
        cmocka_unit_test(test_first_and_last_that_are_not_sealed),
        cmocka_unit_test(test_the_second_that_is_not_sealed),
        cmocka_unit_test(test_some_with_good_ones_between),
        cmocka_unit_test(test_one_that_is_lost_before_its_record_comes),
        cmocka_unit_test(test_one_that_is_wanted_twice),
        cmocka_unit_test(test_one_that_made_a_record),
        cmocka_unit_test(test_a_disk_that_fails_loses_nothing),
        cmocka_unit_test(test_one_that_somebody_else_has),
        cmocka_unit_test(test_one_that_was_held),
        cmocka_unit_test(test_an_older_book),
        cmocka_unit_test(test_one_that_is_carried),
        cmocka_unit_test(test_one_that_its_author_brings),
        cmocka_unit_test(test_a_damaged_record_under_it),
        cmocka_unit_test(test_sealed_ones_and_receipts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
