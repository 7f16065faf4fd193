/* tests/unit/both/test_restore.c
 * The server is restored from yesterday's backup, or somebody puts an old folder back without a
 * word: what any phone holds comes back by itself, also what others wrote and who they are. */
#include <sys/stat.h>

#include "client-lib/src/client.h"
#include "server/store/chunks.h"
#include "server/sync/epoch.h"
#include "tests/unit/both/town.h"

static void sync_all(town *t, int rounds)
{
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < PHONES; i++) {
            phone *p = &t->w.phones[i];
            int rc = sync_phone(&t->w, p, 0, NULL);
            if (rc != SOTAY_OK)
                print_message("  phone %d: %s\n", (int)i, t->w.error.detail);
            assert_int_equal(rc, SOTAY_OK);
        }
}

/* A restore that is announced is no alarm, the same one twice neither. What each phone had seen
 * beyond the cut it keeps, and the office was shown it. */
static void assert_given_up(town *t, int each)
{
    const char *at = NULL;
    int shown = 0;
    for (size_t i = 0; i < PHONES; i++) {
        assert_true(phone_status_says(&t->w.phones[i], "\"log_alarm\":null"));
        assert_int_equal(t->w.phones[i].client->me.ends, each);
        assert_int_equal(t->w.phones[i].client->me.ends_told, each);
    }
    KIT_EXPECT(0, &t->w.book, "audit", "list", "epochs", "--json");
    for (at = KIT_OUT(&t->w.book); (at = strstr(at, "\"given_up\"")) != NULL; at++)
        shown++;
    assert_int_equal(shown, each * PHONES);
    assert_null(strstr(KIT_OUT(&t->w.book), "\"rewritten\""));
    KIT_EXPECT(0, &t->w.book, "alarms");
    assert_non_null(strstr(KIT_OUT(&t->w.book), "0 to look into"));
}

/* A day of work after the backup: of phone 0, of 1 that only 2 has received, of a new person. */
static void work_on(town *t, sotay_id *ids)
{
    world *w = &t->w;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "sau sao lưu" } };
    const sotay_pairs pairs = { list, 2 };
    for (size_t i = 0; i < PHONES; i++)
        assert_int_equal(sotay_record_new(w->phones[i].client, "visit", KIT_UNIT, pairs, &ids[i],
                                          &w->phones[i].error),
                         SOTAY_OK);
    sync_all(t, 2);
}

static void assert_everywhere(town *t, const sotay_id *ids)
{
    for (size_t r = 0; r < PHONES; r++) {
        char hex[33];
        sotay_id_format(&ids[r], hex);
        KIT_EXPECT(0, &t->w.book, "show", hex);
        for (size_t i = 0; i < PHONES; i++) {
            char *text = shown(&t->w.phones[i], &ids[r]);
            assert_non_null(strstr(text, "sau sao lưu"));
            sotay_text_free(text);
        }
    }
    KIT_EXPECT(0, &t->w.book, "verify");
}

static void assert_quiet(town *t)
{
    for (size_t i = 0; i < PHONES; i++) {
        sotay_report report;
        assert_int_equal(sync_phone(&t->w, &t->w.phones[i], 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1);
        assert_int_equal(report.sent_changes + report.received_changes, 0);
        assert_true(phone_status_says(&t->w.phones[i], "\"ready\":0"));
    }
}

static void test_yesterdays_backup(void **state)
{
    (void)state;
    sotay_id before[PHONES], after[PHONES];
    uint8_t epoch[8];
    town t;
    town_make(&t, 1);
    work_on(&t, before);
    backup(&t);
    memcpy(epoch, t.w.book.rooms.sync.epoch, 8);
    work_on(&t, after);
    restore(&t);
    assert_memory_not_equal(epoch, t.w.book.rooms.sync.epoch, 8);
    sync_all(&t, 2);
    assert_everywhere(&t, before);
    assert_everywhere(&t, after);
    assert_quiet(&t);
    assert_given_up(&t, 1);
    restore(&t); /* the same backup a second time: another epoch */
    sync_all(&t, 2);
    assert_everywhere(&t, after);
    assert_quiet(&t);
    town_free(&t);
}

/* What the office did last comes back from phones, but not what no phone was given before it: that
 * is gone with the machine, and the reviewer's list says so. */
static void test_what_the_office_lost_is_a_gap(void **state)
{
    (void)state;
    char hex[33], line[160];
    town t;
    town_make(&t, 11);
    world *w = &t.w;
    st_id_format(&w->book.rooms.keys.device, hex);
    KIT_EXPECT(0, &w->book, "user", "add", "mai", "--name", "Mai", "--role", "office");
    backup(&t);
    KIT_EXPECT(0, &w->book, "new", "council_meeting", "-", "date=2026-03-20", "--as", "mai");
    KIT_EXPECT(0, &w->book, "user", "add", "lan", "--name", "Lan", "--role", "officer");
    sync_all(&t, 1);
    KIT_EXPECT(0, &w->book, "audit", "list", "gaps");
    assert_true(kit_says(KIT_OUT(&w->book), "0 to look at"));
    restore(&t);
    sync_all(&t, 2);
    KIT_EXPECT(0, &w->book, "user", "list");
    assert_true(kit_says(KIT_OUT(&w->book), "lan "));
    KIT_EXPECT(0, &w->book, "audit", "list", "gaps", "--json");
    (void)snprintf(line, sizeof line, "\"device\":\"%s\"", hex);
    assert_true(kit_says(KIT_OUT(&w->book), line));
    assert_true(kit_says(KIT_OUT(&w->book), "\"what\":\"missing\""));
    KIT_EXPECT(0, &w->book, "audit", "list", "silent");
    assert_null(strstr(KIT_OUT(&w->book), hex));
    town_free(&t);
}

/* Only phone 2 is left; it holds what 0 and 1 wrote. */
static void test_what_others_wrote_comes_back(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    town t;
    town_make(&t, 2);
    backup(&t);
    work_on(&t, ids);
    restore(&t);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_OK);
    for (size_t i = 0; i < PHONES; i++) {
        char hex[33];
        sotay_id_format(&ids[i], hex);
        KIT_EXPECT(0, &t.w.book, "show", hex);
    }
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    town_free(&t);
}

/* A person and her phone came after the backup: the phone presents its own enrolment. */
static void test_a_phone_that_the_backup_does_not_know(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    town t;
    world_make_with(&t.w, 3, (world_how){ 2, false });
    (void)snprintf(t.backup, sizeof t.backup, "%s.backup", t.w.book.dir);
    (void)snprintf(t.copy, sizeof t.copy, "%s.copy", t.w.book.dir);
    backup(&t);
    join(&t.w, 2, "chi");
    work_on(&t, ids);
    restore(&t);
    KIT_EXPECT(0, &t.w.book, "user", "list");
    assert_null(strstr(KIT_OUT(&t.w.book), "chi"));
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_OK);
    KIT_EXPECT(0, &t.w.book, "user", "list");
    assert_non_null(strstr(KIT_OUT(&t.w.book), "chi"));
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    town_free(&t);
}

static sotay_id visit_of(phone *p, const char *place)
{
    sotay_id id;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
    const sotay_pairs pairs = { list, 2 };
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    return id;
}

/* What was recorded is sealed, and the line breaks before anything leaves. */
static void seal_only(phone *p)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    sotay_sync_free(sync);
}

static void assert_in_the_book(town *t, const sotay_id *id, const char *place)
{
    char hex[33];
    sotay_id_format(id, hex);
    KIT_EXPECT(0, &t->w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&t->w.book), place));
    KIT_EXPECT(0, &t->w.book, "held");
    assert_null(strstr(KIT_OUT(&t->w.book), hex));
}

/* Its key is from after the backup, and it wrote before it read a page that says so: what it was
 * enrolled with came with the answer. When it is enrolled once more before it meets the restored
 * book, what the key in between signed comes in too. */
static void key_after_the_backup(uint64_t seed, bool once_more)
{
    town t;
    town_make(&t, seed);
    phone *chi = &t.w.phones[2];
    backup(&t);
    enrol(&t.w, chi, "chi", true);
    const sotay_id id = visit_of(chi, "khóa mới");
    seal_only(chi);
    restore(&t);
    if (once_more)
        enrol(&t.w, chi, "chi", true);
    assert_int_equal(sync_phone(&t.w, chi, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(chi, "\"ready\":0"));
    assert_in_the_book(&t, &id, "khóa mới");
    sync_all(&t, 2);
    assert_quiet(&t);
    town_free(&t);
}

static void test_a_key_that_the_backup_does_not_know(void **state)
{
    (void)state;
    key_after_the_backup(12, false);
}

static void test_a_key_in_between(void **state)
{
    (void)state;
    key_after_the_backup(13, true);
}

/* What was taken away after the backup is not given back to the one it was taken from. */
static void test_a_revoked_phone_is_not_let_in_again(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    sotay_who who;
    char hex[33];
    town t;
    world_make_with(&t.w, 4, (world_how){ 2, false });
    (void)snprintf(t.backup, sizeof t.backup, "%s.backup", t.w.book.dir);
    (void)snprintf(t.copy, sizeof t.copy, "%s.copy", t.w.book.dir);
    backup(&t);
    join(&t.w, 2, "chi");
    work_on(&t, ids);
    sotay_whoami(t.w.phones[2].client, &who);
    sotay_id_format(&who.device, hex);
    KIT_EXPECT(0, &t.w.book, "device", "revoke", hex);
    run_shell("cp -r %s %s", t.w.book.dir, t.copy);
    restore(&t);
    run_shell("cp -r %s/side/words %s/side/words", t.copy, t.w.book.dir);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_E_DENIED);
    KIT_EXPECT(0, &t.w.book, "device", "list");
    assert_null(strstr(KIT_OUT(&t.w.book), hex));
    town_free(&t);
}

static void suspend(town *t, phone *p, const char *lifts)
{
    sotay_who who;
    char hex[33];
    sotay_whoami(p->client, &who);
    sotay_id_format(&who.device, hex);
    KIT_EXPECT(0, &t->w.book, "device", "suspend", hex, lifts);
}

static uint64_t bytes_of_files(const town *t)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(t->w.book.dir, &bytes, NULL), ST_OK);
    return bytes;
}

/* The office has lost the file, what names it and the record that it hangs on; others brought
 * these, and the phone that has the file is suspended by then: of the record it is told nothing,
 * not even its form. What it wrote waits, and the file with it. */
static void test_a_file_of_who_is_suspended(void **state)
{
    (void)state;
    static const uint8_t data[] = "%PDF-1.7\nbiên bản";
    const sotay_attachment file = { "a.pdf", data, sizeof data, NULL, "biên bản", 0 };
    char item[SOTAY_ITEM_TEXT];
    town t;
    town_make(&t, 23);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1], *chi = &t.w.phones[2];
    sync_all(&t, 1);
    backup(&t);
    sotay_id visit = phone_visit(an, "chợ");
    sync_all(&t, 2);
    assert_int_equal(sotay_attach(chi->client, &visit, &file, item, &chi->error), SOTAY_OK);
    sync_all(&t, 2);
    assert_int_equal(bytes_of_files(&t), sizeof data);
    suspend(&t, chi, NULL);
    sync_phone_well(&t.w, binh, NULL);
    restore(&t);
    sync_phone_well(&t.w, binh, NULL);
    sync_phone_well(&t.w, chi, NULL);
    assert_true(phone_status_says(chi, "\"attachments_waiting\":1,"));
    assert_int_equal(bytes_of_files(&t), 0);
    suspend(&t, chi, "--lift");
    sync_all(&t, 2);
    assert_true(phone_status_says(chi, "\"attachments_waiting\":0,"));
    assert_int_equal(bytes_of_files(&t), sizeof data);
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void assert_all_go_to(town *t, const char *url)
{
    for (size_t i = 0; i < PHONES; i++) {
        sotay_who who;
        sotay_whoami(t->w.phones[i].client, &who);
        assert_string_equal(who.url, url);
    }
}

/* Phones heard of an address that the backup does not know: the one that is said after the restore
 * is followed all the same. */
static void test_an_address_after_a_restore(void **state)
{
    (void)state;
    town t;
    town_make(&t, 12);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "address", "http://first.example");
    sync_all(&t, 1);
    assert_all_go_to(&t, "http://first.example");
    restore(&t);
    KIT_EXPECT(0, &t.w.book, "address", "http://second.example");
    sync_all(&t, 1);
    assert_all_go_to(&t, "http://second.example");
    KIT_EXPECT(0, &t.w.book, "address", "http://third.example");
    sync_all(&t, 1);
    assert_all_go_to(&t, "http://third.example");
    town_free(&t);
}

static void restart(town *t)
{
    rooms_close(&t->w.book.rooms);
    reopen(t);
}

/* Somebody puts yesterday's folder back and says nothing. The notes beside the store tell at once;
 * when they were put back too, the first phone that brings what the server signed proves it. */
static void put_back(bool with_side)
{
    sotay_id ids[PHONES];
    uint8_t epoch[8];
    town t;
    town_make(&t, 5);
    keep_copy(&t);
    memcpy(epoch, t.w.book.rooms.sync.epoch, 8);
    KIT_EXPECT(0, &t.w.book, "user", "add", "dung", "--name", "Dung", "--role", "officer");
    work_on(&t, ids);
    restart(&t); /* its notes are on disk */
    if (with_side)
        run_shell("cp %s/side/size %s/side/size", t.w.book.dir, t.copy);
    put_copy_back(&t);
    bool knows = memcmp(epoch, t.w.book.rooms.sync.epoch, 8) != 0;
    assert_int_equal(knows, with_side);
    if (!knows) {
        assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_E_NETWORK);
        assert_int_equal(sync_phone(&t.w, &t.w.phones[1], 0, NULL), SOTAY_E_NETWORK);
        restart(&t);
        assert_memory_not_equal(epoch, t.w.book.rooms.sync.epoch, 8);
    }
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    KIT_EXPECT(0, &t.w.book, "user", "list");
    assert_non_null(strstr(KIT_OUT(&t.w.book), "dung"));
    town_free(&t);
}

static void test_an_old_folder_put_back(void **state)
{
    (void)state;
    put_back(true);
}

static void test_an_old_folder_with_its_notes(void **state)
{
    (void)state;
    put_back(false);
}

static void add_person(town *t, const char *login)
{
    KIT_EXPECT(0, &t->w.book, "user", "add", login, "--name", login, "--role", "officer");
}

/* Nobody notices for a while: the server is started anew and the office writes, until the log is
 * longer than the one that was lost. What a phone holds of that one counts only up to where both
 * are the same for certain: it is offered again by whoever has received it. And what was given back
 * before is not taken away again. */
static void test_a_restart_before_it_is_noticed(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    sotay_who who;
    char hex[33];
    town t;
    town_make(&t, 16);
    sync_all(&t, 2);
    sotay_whoami(t.w.phones[1].client, &who);
    sotay_id_format(&who.device, hex);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", hex);
    KIT_EXPECT(0, &t.w.book, "device", "suspend", hex, "--lift");
    keep_copy(&t);
    ids[0] = visit_of(&t.w.phones[0], "sau sao lưu");
    assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(&t.w.phones[0], "\"ready\":0"));
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_OK);
    put_copy_back(&t);
    for (int i = 0; i < 3; i++) {
        static const char *const LOGINS[] = { "hoa", "lan", "mai" };
        add_person(&t, LOGINS[i]);
        restart(&t);
    }
    ids[1] = visit_of(&t.w.phones[1], "sau sao lưu");
    assert_int_equal(sync_phone(&t.w, &t.w.phones[1], 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_E_NETWORK);
    restart(&t);
    ids[2] = visit_of(&t.w.phones[2], "sau sao lưu");
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_OK);
    sotay_id_format(&ids[0], hex); /* its author has not come yet */
    KIT_EXPECT(0, &t.w.book, "show", hex);
    sync_all(&t, 3);
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    KIT_EXPECT(0, &t.w.book, "device", "list");
    assert_null(strstr(KIT_OUT(&t.w.book), "suspended"));
    town_free(&t);
}

/* ---- more than one epoch ---- */

static void assert_person(town *t, const char *login)
{
    KIT_EXPECT(0, &t->w.book, "user", "list");
    assert_non_null(strstr(KIT_OUT(&t->w.book), login));
}

/* A phone is enrolled again before its first sync with the restored server: it still goes back to
 * where the two books part, reads on from there, and gives back what it holds. */
static void test_a_phone_that_is_enrolled_again_first(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    town t;
    town_make(&t, 9);
    backup(&t);
    work_on(&t, ids);
    add_person(&t, "dung");
    sync_all(&t, 1);
    restore(&t);
    enrol(&t.w, &t.w.phones[2], "chi", true);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, NULL), SOTAY_OK);
    assert_person(&t, "dung");
    for (size_t i = 0; i < PHONES; i++) {
        char hex[33];
        sotay_id_format(&ids[i], hex);
        KIT_EXPECT(0, &t.w.book, "show", hex);
    }
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    town_free(&t);
}

/* The same backup is restored once more, after a day of the office's work in the epoch that is now
 * lost. The epoch after it has the same number: phones follow it all the same, and what officers
 * wrote comes back. */
static void test_an_epoch_that_was_lost(void **state)
{
    (void)state;
    sotay_id before[PHONES], after[PHONES];
    town t;
    town_make(&t, 10);
    backup(&t);
    work_on(&t, before);
    restore(&t);
    sync_all(&t, 2);
    add_person(&t, "dung");
    work_on(&t, after);
    restore(&t);
    add_person(&t, "em"); /* signed by a key that stands in the place of the lost one */
    sync_all(&t, 3);
    char hex[33];
    sotay_id_format(&after[0], hex);
    KIT_EXPECT(0, &t.w.book, "set", hex, "ratings.m1.accepted_rating=dat", "--as", "office",
               "--reason", "theo hồ sơ");
    sync_all(&t, 1);
    assert_everywhere(&t, before);
    assert_everywhere(&t, after);
    assert_person(&t, "dung"); /* whom the office had added in it */
    assert_given_up(&t, 2);    /* both restores were announced, to each of them */
    for (size_t i = 0; i < PHONES; i++) {
        assert_true(phone_status_says(&t.w.phones[i], "\"ready\":0"));
        assert_true(phone_says(&t.w.phones[i], sotay_show, &after[0], "accepted_rating"));
    }
    town_free(&t);
}

/* What the office signed in the lost epoch comes back, when the first phone of it comes, by phones
 * that were enrolled in it too, and is believed by one that never heard of it; a server that is
 * started again, and a book that is made again from its log, know it as well. */
static void test_what_was_signed_in_a_lost_epoch(void **state)
{
    (void)state;
    sotay_who who;
    char hex[33];
    sotay_report report;
    town t;
    world_make_with(&t.w, 13, (world_how){ .phones = 1 });
    town_place(&t);
    backup(&t);
    restore(&t);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_OK);
    add_person(&t, "dung");
    join(&t.w, 1, "chi");
    sotay_id visit = phone_visit(&t.w.phones[1], "của Chi");
    assert_int_equal(sync_phone(&t.w, &t.w.phones[1], 0, NULL), SOTAY_OK);
    sotay_whoami(t.w.phones[1].client, &who);
    restore(&t);
    join(&t.w, 2, "em");
    uint8_t epoch[8];
    memcpy(epoch, t.w.book.rooms.sync.epoch, 8);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[1], 0, NULL), SOTAY_OK);
    assert_memory_equal(epoch, t.w.book.rooms.sync.epoch, 8); /* nobody else has to go back */
    assert_person(&t, "dung");
    assert_int_equal(sync_phone(&t.w, &t.w.phones[2], 0, &report), SOTAY_OK);
    assert_false(report.needs_person);
    sync_all(&t, 2);
    sotay_id_format(&who.device, hex);
    KIT_EXPECT(0, &t.w.book, "device", "list");
    assert_non_null(strstr(KIT_OUT(&t.w.book), hex));
    for (size_t i = 0; i < PHONES; i++)
        assert_true(phone_says(&t.w.phones[i], sotay_show, &visit, "của Chi"));
    assert_quiet(&t);
    restart(&t);
    KIT_EXPECT(0, &t.w.book, "verify");
    uint64_t entries = 0;
    assert_int_equal(sync_rebuild(&t.w.book.rooms.sync, &entries, NULL), ST_OK);
    KIT_EXPECT(0, &t.w.book, "verify");
    assert_person(&t, "dung");
    add_person(&t, "giang");
    sync_all(&t, 1);
    assert_quiet(&t);
    backup(&t);
    restore(&t); /* and in the next epoch */
    sync_all(&t, 2);
    assert_person(&t, "giang");
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* The same backup, three times: epochs of one number are lost with it, and none of them is. */
static void test_one_backup_thrice(void **state)
{
    (void)state;
    static const char *const LOGINS[] = { "mot", "hai", "ba" };
    town t;
    world_make_with(&t.w, 14, (world_how){ .phones = 1 });
    town_place(&t);
    phone *an = &t.w.phones[0];
    backup(&t);
    for (size_t i = 0; i < 3; i++) {
        restore(&t);
        assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_OK);
        add_person(&t, LOGINS[i]);
        for (int round = 0; round < 2; round++)
            assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_OK);
        for (size_t k = 0; k <= i; k++)
            assert_person(&t, LOGINS[k]);
        KIT_EXPECT(0, &t.w.book, "verify");
    }
    town_free(&t);
}

/* A row that the key of this log has not signed says nothing, whoever shows it. */
static void test_epochs_of_nobody(void **state)
{
    (void)state;
    static const uint8_t SEED[32] = { 7 };
    uint8_t secret[64], public_key[32], text[ST_EPOCH_SIGN_BYTES];
    st_epoch rows[3] = { { .n = 2 }, { .n = 2, .cut = 3 }, { .n = 3, .cut = 4 } };
    const st_ask ask = { .version = 1, .seen = rows, .seen_count = 3 };
    town t;
    world_make_with(&t.w, 15, (world_how){ .phones = 0 });
    town_place(&t);
    server *rooms = &t.w.book.rooms;
    st_sign_keypair(SEED, public_key, secret);
    for (size_t i = 0; i < 3; i++) {
        memset(rows[i].server_key, 0x20 + (int)i, sizeof rows[i].server_key);
        st_epoch_sign_text(&rooms->keys.log, &rows[i], text);
        st_sign(i == 0 ? secret : rooms->keys.log_secret, text, sizeof text, rows[i].signature);
    }
    rows[1].signature[5] ^= 1;
    rows[2].cut++;
    uint64_t before = rooms->keys.former_count;
    assert_int_equal(sync_epochs_learn(rooms->writer, &rooms->keys, &ask, NULL), ST_OK);
    assert_int_equal(rooms->keys.former_count, before);
    rows[2].cut--; /* as it was signed, and shown twice in one ask, by two phones */
    rows[1] = rows[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sync_epochs_learn(rooms->writer, &rooms->keys, &ask, NULL), ST_OK);
        assert_int_equal(rooms->keys.former_count, before + 1);
    }
    restart(&t);
    assert_int_equal(rooms->keys.former_count, before + 1);
    town_free(&t);
}

/* A store from before the epoch that the machine is in: its device signed in that epoch, and so it
 * signs nothing more, here as in an epoch that the store knows. */
static void test_a_store_from_before_the_epoch(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    town t;
    town_make(&t, 11);
    backup(&t);
    keep_copy(&t);
    restore(&t);
    add_person(&t, "dung");
    work_on(&t, ids);
    rooms_close(&t.w.book.rooms);
    run_shell("cp %s/store/data.mdb %s/store/", t.copy, t.w.book.dir);
    reopen(&t);
    sync_all(&t, 3);
    assert_person(&t, "dung");
    assert_everywhere(&t, ids);
    assert_quiet(&t);
    town_free(&t);
}

/* A damaged or missing file is named; nothing is made of such a backup. */
static void test_a_damaged_backup(void **state)
{
    (void)state;
    town t;
    st_error error = { 0 };
    backup_manifest manifest;
    town_make(&t, 6);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    KIT_EXPECT(0, &t.w.book, "stat", "--json");
    assert_null(strstr(KIT_OUT(&t.w.book), "\"backed_up_to\":0"));
    rooms_how how = { .dir = t.copy };
    run_shell("f=$(ls %s/log/* | head -1); %s (head -c 200 $f; tail -c +201 $f | "
              "LC_ALL=C tr '\\000-\\377' '\\001-\\377\\000') >$f.new && mv $f.new $f",
              t.backup, "");
    assert_int_equal(backup_restore(t.backup, &how, &manifest, &error), ST_E_CORRUPT);
    assert_non_null(strstr(error.detail, "/log/"));
    assert_int_equal(access(t.copy, F_OK), -1);
    KIT_EXPECT(1, &t.w.book, "backup", "--check", t.backup);
    run_shell("rm %s/tables/* %s", t.backup, "");
    assert_int_equal(backup_restore(t.backup, &how, &manifest, &error), ST_E_CORRUPT);
    KIT_EXPECT(1, &t.w.book, "backup", "/tmp");
    town_free(&t);
}

/* Only what is new is added; what was cut off is no backup; two folders, or one check, cover. */
static void test_a_backup_grows(void **state)
{
    (void)state;
    sotay_id ids[PHONES];
    backup_report report;
    town t;
    town_make(&t, 7);
    backup(&t);
    work_on(&t, ids);
    memset(&report, 0, sizeof report);
    assert_int_equal(backup_make(&t.w.book.rooms, t.backup, &report, NULL), ST_OK);
    assert_true(report.entries_new > 0 && report.entries_new < report.manifest.entries);
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":false"));
    KIT_EXPECT(0, &t.w.book, "backup", t.copy);
    sync_all(&t, 1);
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":true"));
    restore(&t);
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    town_free(&t);
}

/* Everything of the next backup is written but its list: the one before is whole, also when the
 * book has other keys by now, or nothing new in its log. */
static void test_a_backup_that_is_cut_off(void **state)
{
    (void)state;
    backup_report report;
    backup_manifest manifest;
    sotay_id ids[PHONES];
    town t;
    town_make(&t, 8);
    backup(&t);
    for (int n = 0; n < 3; n++) {
        st_error error = { 0 };
        rooms_how how = { .dir = t.copy };
        if (n == 1)
            work_on(&t, ids);
        if (n == 2)
            restore(&t); /* a new epoch: the server's device has another key */
        run_shell("mkdir %s/backup.txt.new %s", t.backup, "");
        assert_int_equal(backup_make(&t.w.book.rooms, t.backup, &report, &error), ST_E_STORAGE);
        run_shell("rmdir %s/backup.txt.new %s", t.backup, "");
        if (backup_restore(t.backup, &how, &manifest, &error) != ST_OK)
            fail_msg("%d: the backup before: %s", n, error.detail);
        run_shell("rm -rf %s %s", t.copy, "");
        backup(&t); /* and this time to its end */
        KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    }
    restore(&t);
    sync_all(&t, 2);
    assert_everywhere(&t, ids);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yesterdays_backup),
        cmocka_unit_test(test_what_the_office_lost_is_a_gap),
        cmocka_unit_test(test_what_others_wrote_comes_back),
        cmocka_unit_test(test_a_phone_that_the_backup_does_not_know),
        cmocka_unit_test(test_a_key_that_the_backup_does_not_know),
        cmocka_unit_test(test_a_key_in_between),
        cmocka_unit_test(test_a_revoked_phone_is_not_let_in_again),
        cmocka_unit_test(test_a_file_of_who_is_suspended),
        cmocka_unit_test(test_an_address_after_a_restore),
        cmocka_unit_test(test_a_phone_that_is_enrolled_again_first),
        cmocka_unit_test(test_an_epoch_that_was_lost),
        cmocka_unit_test(test_what_was_signed_in_a_lost_epoch),
        cmocka_unit_test(test_one_backup_thrice),
        cmocka_unit_test(test_epochs_of_nobody),
        cmocka_unit_test(test_a_store_from_before_the_epoch),
        cmocka_unit_test(test_an_old_folder_put_back),
        cmocka_unit_test(test_an_old_folder_with_its_notes),
        cmocka_unit_test(test_a_restart_before_it_is_noticed),
        cmocka_unit_test(test_a_damaged_backup),
        cmocka_unit_test(test_a_backup_grows),
        cmocka_unit_test(test_a_backup_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
