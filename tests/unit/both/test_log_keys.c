/* tests/unit/both/test_log_keys.c
 * The log gets another key while phones are away: each follows at its next sync, old receipts stay
 * good, who is enrolled later belongs to the same log. A server with an owner who signs a change
 * alone is found out. After a restore of a backup from before it the old key signs nothing. */
#include "server/audit/publish.h"
#include "server/sync/log_key.h"
#include "server/sync/row.h"
#include "tests/unit/both/town.h"

static void people(world *w)
{
    KIT_EXPECT(0, &w->book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &w->book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
}

static void change_key(world *w)
{
    KIT_EXPECT(0, &w->book, "log-key", "new", "--as", "admin", "--second", "head", "--reason",
               "thử");
}

static void new_epoch(world *w)
{
    KIT_EXPECT(0, &w->book, "epoch", "new", "--as", "admin", "--second", "head", "--reason",
               "thử");
}

static st_log_keys keys_of(world *w)
{
    store_txn txn = { 0 };
    st_log_keys keys;
    const sync_room *room = &w->book.rooms.sync;
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_keys_read(&txn, room, &keys, NULL), ST_OK);
    store_end(&txn);
    return keys;
}

/* A file of the log as anybody reads it. */
static st_buffer file_of(world *w, const char *name)
{
    store_txn txn = { 0 };
    st_buffer file;
    const sync_room *room = &w->book.rooms.sync;
    st_buffer_init(&file, 1u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(audit_file(&txn, room, name, &file, NULL), ST_OK);
    store_end(&txn);
    return file;
}

static void assert_quiet(world *w, phone *p)
{
    sotay_report report;
    sync_phone_well(w, p, &report);
    assert_false(report.has_log_alarm);
    assert_true(phone_status_says(p, "\"log_alarm\":null,\"log_key_alarm\":null"));
}

/* The phone holds the newest checkpoint of the book. */
static void assert_holds_newest(world *w, phone *p)
{
    char words[64];
    uint64_t size = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(w->book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &size, NULL), ST_OK);
    store_end(&txn);
    (void)snprintf(words, sizeof words, "\"checkpoint\":{\"size\":%u,", (unsigned)size);
    assert_true(phone_status_says(p, words));
}

static void test_phones_follow(void **state)
{
    (void)state;
    static world w;
    world_make(&w, 1);
    people(&w);
    const st_id log = w.book.rooms.keys.log;
    change_key(&w);
    assert_quiet(&w, &w.phones[0]);
    assert_holds_newest(&w, &w.phones[0]);
    change_key(&w);
    change_key(&w);
    for (size_t i = 0; i < PHONES; i++) { /* one step, and three at once */
        assert_quiet(&w, &w.phones[i]);
        assert_holds_newest(&w, &w.phones[i]);
        make_visit(&w, &w.phones[i]);
    }
    assert_memory_equal(w.book.rooms.keys.log.b, log.b, sizeof log.b);
    const st_log_keys keys = keys_of(&w);
    assert_int_equal(keys.count, 3);
    assert_int_equal(st_log_keys_fault(&keys, &log), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* What the server says beside the log is signed by the key that counts: of before and of after. */
static void test_epochs_and_address_by_the_new_key(void **state)
{
    (void)state;
    static world w;
    world_make(&w, 2);
    people(&w);
    KIT_EXPECT(0, &w.book, "address", "http://127.0.0.1:2");
    new_epoch(&w);
    change_key(&w);
    for (size_t i = 0; i < PHONES; i++)
        assert_quiet(&w, &w.phones[i]);
    new_epoch(&w);
    KIT_EXPECT(0, &w.book, "address", "http://127.0.0.1:3");
    for (size_t i = 0; i < PHONES; i++) {
        assert_quiet(&w, &w.phones[i]);
        assert_holds_newest(&w, &w.phones[i]);
        phone_reopen(&w.phones[i]); /* who looks after that sync still reads of the epoch */
        assert_true(phone_status_says(&w.phones[i], "\"turned\":\"2"));
        assert_quiet(&w, &w.phones[i]);
        assert_true(phone_status_says(&w.phones[i], "\"turned\":null"));
    }
    meet_and_compare(&w);
    world_free(&w);
}

/* A link of before is void; one of after leads into the same log. So it does when the device was
 * enrolled by the first and only the answer was lost: it is told to ask for another. */
static void test_who_comes_after_the_change(void **state)
{
    (void)state;
    static world w;
    sotay_sync *sync = NULL;
    char old[400];
    world_make_with(&w, 3, (world_how){ 1, false });
    people(&w);
    assert_int_equal(KIT_CALL(&w.book, "user", "add", "binh", "--name", "b", "--role", "officer"),
                     0);
    KIT_EXPECT(0, &w.book, "enrol", "binh");
    const char *link = strstr(KIT_OUT(&w.book), "http");
    (void)snprintf(old, sizeof old, "%.*s", (int)strcspn(link, "\n"), link);
    change_key(&w);
    change_key(&w);
    phone_new(&w.phones[1], 77);
    assert_int_equal(sotay_enrol_begin(w.phones[1].client, old, NULL, &sync, &w.phones[1].error),
                     SOTAY_OK);
    assert_int_equal(run(&w, sync, 0, NULL), SOTAY_E_ENROL);
    assert_non_null(strstr(sotay_code_sentence(SOTAY_E_ENROL, "en"), "ask for a new link"));
    assert_non_null(strstr(sotay_code_sentence(SOTAY_E_ENROL, "vi"), "xin đường dẫn mới"));
    phone_free(&w.phones[1]);
    memset(&w.phones[1], 0, sizeof w.phones[1]);
    KIT_EXPECT(0, &w.book, "assign", "binh", KIT_UNIT);
    phone_new(&w.phones[1], 78);
    enrol(&w, &w.phones[1], "binh", true);
    assert_quiet(&w, &w.phones[1]);
    join(&w, 2, "chi");
    make_visit(&w, &w.phones[1]);
    make_visit(&w, &w.phones[2]);
    enrol(&w, &w.phones[0], "an", true); /* it has not heard of them yet */
    change_key(&w); /* and they follow from where they came in */
    for (size_t i = 0; i < PHONES; i++)
        assert_quiet(&w, &w.phones[i]);
    meet_and_compare(&w);
    world_free(&w);
}

static void test_a_lost_answer_and_another_key(void **state)
{
    (void)state;
    static world w;
    sotay_sync *sync = NULL;
    sotay_who who;
    char link[400];
    world_make_with(&w, 10, (world_how){ 1, false });
    people(&w);
    phone *an = &w.phones[0];
    make_visit(&w, an);
    enrol(&w, an, "an", false);
    (void)snprintf(link, sizeof link, "%s", strstr(KIT_OUT(&w.book), "http"));
    change_key(&w);
    assert_int_equal(sotay_enrol_begin(an->client, link, NULL, &sync, &an->error), SOTAY_OK);
    assert_int_equal(run(&w, sync, 0, NULL), SOTAY_E_ENROL);
    assert_quiet(&w, an); /* as the device that it was, it goes on and follows */
    sync = begin_enrol(&w, an, "an");
    assert_int_equal(run(&w, sync, 0, NULL), SOTAY_OK);
    make_visit(&w, an);
    assert_quiet(&w, an);
    sotay_whoami(an->client, &who);
    assert_string_equal(who.login, "an");
    assert_true(phone_status_says(an, "\"ready\":0"));
    world_free(&w);
}

/* ---- receipts ---- */

/* Which entry the newest change of the record has, 0 without. */
static uint64_t entry_of(phone *p, const sotay_id *record, bool *out_kept)
{
    sotay_receipt_state found;
    assert_int_equal(sotay_receipt_find(p->client, record, &found, &p->error), SOTAY_OK);
    *out_kept = found.kept > 0;
    return found.entry;
}

static int put_receipt(world *w, phone *p, const sotay_id *record)
{
    char name[32];
    bool kept = false;
    uint64_t entry = entry_of(p, record, &kept);
    (void)snprintf(name, sizeof name, "proof/%u", (unsigned)entry);
    st_buffer proof = file_of(w, name);
    (void)snprintf(name, sizeof name, "leaf/%u", (unsigned)entry);
    st_buffer leaf = file_of(w, name);
    const sotay_slice proof_bytes = { proof.data, proof.len }, leaf_bytes = { leaf.data, leaf.len };
    int rc = sotay_receipt_put(p->client, record, proof_bytes, leaf_bytes, &p->error);
    st_buffer_free(&proof);
    st_buffer_free(&leaf);
    return rc;
}

static void test_receipts_of_before_and_after(void **state)
{
    (void)state;
    static world w;
    bool kept = false;
    world_make_with(&w, 4, (world_how){ 1, false });
    people(&w);
    phone *an = &w.phones[0];
    make_visit(&w, an);
    make_visit(&w, an);
    for (int round = 0; round < 2; round++)
        assert_quiet(&w, an);
    assert_int_equal(put_receipt(&w, an, &w.records[0]), SOTAY_OK);
    change_key(&w);
    assert_int_equal(put_receipt(&w, an, &w.records[1]), SOTAY_E_SIGNATURE); /* not known yet */
    assert_quiet(&w, an);
    (void)entry_of(an, &w.records[0], &kept);
    assert_true(kept);
    assert_int_equal(put_receipt(&w, an, &w.records[1]), SOTAY_OK);
    change_key(&w);
    assert_quiet(&w, an);
    phone_reopen(an);
    for (size_t i = 0; i < 2; i++) { /* two keys ago, and one */
        (void)entry_of(an, &w.records[i], &kept);
        assert_true(kept);
    }
    world_free(&w);
}

/* Who stole the old key signs a longer log with it: no receipt. */
static void test_the_old_key_proves_nothing_new(void **state)
{
    (void)state;
    static world w;
    char name[32];
    bool kept = false;
    uint8_t old_secret[64];
    world_make_with(&w, 5, (world_how){ 1, false });
    people(&w);
    phone *an = &w.phones[0];
    memcpy(old_secret, w.book.rooms.keys.log_secret, sizeof old_secret);
    change_key(&w);
    make_visit(&w, an);
    for (int round = 0; round < 2; round++)
        assert_quiet(&w, an);
    (void)snprintf(name, sizeof name, "proof/%u", (unsigned)entry_of(an, &w.records[0], &kept));
    st_buffer proof = file_of(&w, name), forged, again, leaf;
    st_proof_file file;
    st_note note;
    st_checkpoint checkpoint;
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_proof_file_decode(proof.data, proof.len, &file, NULL), ST_OK);
    assert_int_equal(st_note_decode(file.checkpoint, file.checkpoint_len, &arena, &note, NULL),
                     ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &checkpoint, NULL), ST_OK);
    st_buffer_init(&again, 1u << 16);
    st_buffer_init(&forged, 1u << 16);
    assert_int_equal(st_checkpoint_sign(&checkpoint, old_secret, &again, NULL), ST_OK);
    file.checkpoint = (const char *)again.data;
    file.checkpoint_len = again.len;
    assert_int_equal(st_proof_file_encode(&file, &forged, NULL), ST_OK);
    memcpy(name, "leaf/", 5);
    (void)snprintf(name, sizeof name, "leaf/%u", (unsigned)file.place + 1);
    leaf = file_of(&w, name);
    const sotay_slice proof_bytes = { forged.data, forged.len },
                      leaf_bytes = { leaf.data, leaf.len };
    assert_int_equal(
        sotay_receipt_put(an->client, &w.records[0], proof_bytes, leaf_bytes, &an->error),
        SOTAY_E_SIGNATURE);
    st_buffer_free(&proof);
    st_buffer_free(&forged);
    st_buffer_free(&again);
    st_buffer_free(&leaf);
    st_arena_reset(&arena);
    world_free(&w);
}

/* ---- an owner who changes the key alone ---- */

/* In the store the signature of the key before is another one. */
static void spoil_notice(world *w)
{
    store_txn txn = { 0 };
    store_slice row = { 0 };
    uint8_t bytes[32 + 8 + 128], key[8];
    st_put_u64(key, 1);
    assert_int_equal(store_begin(w->book.rooms.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, STORE_LOG_KEY, store_bytes(key, 8), &row, NULL), ST_OK);
    assert_int_equal(row.len, sizeof bytes);
    memcpy(bytes, row.data, sizeof bytes);
    memset(bytes + 40, 0x5a, 64);
    assert_int_equal(
        store_put(&txn, STORE_LOG_KEY, store_bytes(key, 8), store_bytes(bytes, sizeof bytes), NULL),
        ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
}

static void test_a_change_by_one_key_is_found(void **state)
{
    (void)state;
    static world w;
    sotay_report report;
    world_make_with(&w, 6, (world_how){ 2, false });
    people(&w);
    change_key(&w);
    spoil_notice(&w);
    make_visit(&w, &w.phones[0]);
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, &report), SOTAY_OK);
    assert_true(report.has_log_alarm && report.needs_person);
    assert_int_equal(report.sent_changes, 1); /* the work goes on */
    assert_true(phone_status_says(&w.phones[0], "\"log_key_alarm\":{\"at\":"));
    make_visit(&w, &w.phones[0]);
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, &report), SOTAY_OK);
    assert_int_equal(report.sent_changes, 1);
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, &report), SOTAY_OK);
    assert_true(report.has_log_alarm);
    world_free(&w);
}

/* ---- two first changes ---- */

/* Takes the copied book into the place of the one there is, and the other way round. */
static void swap_books(town *t)
{
    rooms_close(&t->w.book.rooms);
    run_shell("mv %s %s.away", t->w.book.dir, t->w.book.dir);
    run_shell("mv %s %s", t->copy, t->w.book.dir);
    run_shell("mv %s.away %s", t->w.book.dir, t->copy);
    reopen(t);
}

static void assert_says_both_keys(phone *p, const st_log_key *shown, const st_log_key *held)
{
    char words[120], key[48];
    st_base64(shown->key, sizeof shown->key, key);
    (void)snprintf(words, sizeof words, "\"n\":2,\"size\":%u,\"key\":\"%s\"",
                   (unsigned)shown->size, key);
    assert_true(phone_status_says(p, words));
    st_base64(held->key, sizeof held->key, key);
    (void)snprintf(words, sizeof words, "\"held\":{\"n\":2,\"size\":%u,\"key\":\"%s\"",
                   (unsigned)held->size, key);
    assert_true(phone_status_says(p, words));
}

/* A thief with a copy of the folder changes the key there and a phone follows: at the office's own
 * change it is shown both, says so each time, and its work arrives all the same. */
static void test_two_changes_of_one_number(void **state)
{
    (void)state;
    static town t;
    sotay_report report;
    world_make_with(&t.w, 11, (world_how){ 2, false });
    town_place(&t);
    people(&t.w);
    phone *an = &t.w.phones[0];
    change_key(&t.w); /* one that both books have */
    assert_quiet(&t.w, an);
    rooms_close(&t.w.book.rooms);
    run_shell("cp -r %s %s", t.w.book.dir, t.copy);
    reopen(&t);
    change_key(&t.w);
    KIT_EXPECT(0, &t.w.book, "address", "http://127.0.0.1:2");
    const st_log_key thiefs = keys_of(&t.w).rows[1];
    assert_quiet(&t.w, an);
    swap_books(&t);
    change_key(&t.w);
    KIT_EXPECT(0, &t.w.book, "address", "http://127.0.0.1:3");
    KIT_EXPECT(0, &t.w.book, "address", "http://127.0.0.1:4");
    const st_log_key offices = keys_of(&t.w).rows[1];
    assert_memory_not_equal(thiefs.key, offices.key, sizeof offices.key);
    for (int round = 0; round < 2; round++) {
        make_visit(&t.w, an);
        sync_phone_well(&t.w, an, &report);
        assert_true(report.has_log_alarm && report.needs_person);
        assert_int_equal(report.sent_changes, 1);
        phone_reopen(an);
        assert_says_both_keys(an, &offices, &thiefs);
        assert_true(phone_status_says(an, "\"ready\":0"));
    }
    assert_quiet(&t.w, &t.w.phones[1]); /* who was not there follows */
    assert_holds_newest(&t.w, &t.w.phones[1]);
    sotay_sync *sync = begin_enrol(&t.w, an, "an");
    sotay_enrol_older_key(sync); /* the office's word */
    assert_int_equal(run(&t.w, sync, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&t.w, an, 0, &report), SOTAY_OK);
    assert_says_both_keys(an, &offices, &thiefs); /* the evidence stays */
    assert_true(phone_status_says(an, "\"log_alarm\":{\"at\":")); /* and two logs are shown */
    town_free(&t);
}

/* ---- restored ---- */

/* From a backup of before the change; beside it what the lost machine had, with or without its key.
 * Does it open? */
static bool restore_beside(town *t, bool has_key, uint8_t out_epoch[8])
{
    st_error error = { 0 };
    backup_manifest manifest;
    st_log_keys keys;
    kit_book *book = &t->w.book;
    rooms_how how = { .dir = book->dir };
    rooms_close(&book->rooms);
    run_shell("mv %s %s", book->dir, t->copy);
    assert_int_equal(backup_restore(t->backup, &how, &manifest, &error), ST_OK);
    assert_int_equal(side_get_log_keys(t->copy, &keys, &error), ST_OK);
    assert_int_equal(side_put_log_keys(book->dir, &keys, &error), ST_OK);
    if (has_key)
        assert_int_equal(auth_log_bring(t->copy, book->dir, st_log_keys_newest(&keys), &error),
                         ST_OK);
    st_err err = rooms_open(&how, &book->rooms, &error);
    if (err != ST_OK) {
        assert_int_equal(err, ST_E_NOT_FOUND);
        assert_non_null(strstr(error.detail, "an older key of the log"));
        return false;
    }
    memcpy(out_epoch, book->rooms.sync.epoch, 8);
    return true;
}

/* `log-key list` names for each change the entry of this log that says so. */
static void assert_list_names_entries(world *w, uint32_t changes)
{
    char words[40];
    KIT_EXPECT(0, &w->book, "log-key", "list", "--json");
    for (uint32_t n = 1; n <= changes; n++) {
        store_txn txn = { 0 };
        st_arena arena;
        sync_row row;
        (void)snprintf(words, sizeof words, "{\"n\":%u,\"from\":", n);
        const char *at = strstr(KIT_OUT(&w->book), words);
        assert_non_null(at);
        const char *rest = at + strlen(words);
        st_arena_init(&arena, 1u << 20);
        assert_int_equal(store_begin(w->book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_row_get(&txn, strtoull(rest, NULL, 10), &arena, &row, NULL), ST_OK);
        store_end(&txn);
        assert_int_equal(row.kind, ST_ENTRY_KEY);
        assert_int_equal(row.first, n);
        assert_null(strstr(rest, "\"at\":null"));
        st_arena_reset(&arena);
    }
}

static void test_a_backup_of_before_the_change(void **state)
{
    (void)state;
    static town t;
    uint8_t epoch[8];
    town_make(&t, 7);
    people(&t.w);
    make_visit(&t.w, &t.w.phones[0]);
    assert_quiet(&t.w, &t.w.phones[0]);
    backup(&t);
    change_key(&t.w);
    change_key(&t.w);
    make_visit(&t.w, &t.w.phones[1]);
    for (size_t i = 0; i < PHONES; i++)
        assert_quiet(&t.w, &t.w.phones[i]);
    const st_log_keys before = keys_of(&t.w);
    assert_true(restore_beside(&t, true, epoch));
    const st_log_keys after = keys_of(&t.w);
    assert_memory_equal(&before, &after, sizeof before);
    assert_list_names_entries(&t.w, 2);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < PHONES; i++)
            assert_quiet(&t.w, &t.w.phones[i]);
    meet_and_compare(&t.w);
    rooms_close(&t.w.book.rooms);
    reopen(&t); /* nothing is told a second time */
    const st_log_keys again = keys_of(&t.w);
    assert_memory_equal(&before, &again, sizeof before);
    KIT_EXPECT(0, &t.w.book, "verify");
    for (size_t i = 0; i < PHONES; i++)
        assert_holds_newest(&t.w, &t.w.phones[i]);
    town_free(&t);
}

/* A link takes nobody back behind a change that was followed; what was there is there. */
static void assert_link_is_refused(world *w, phone *p)
{
    sotay_sync *sync = begin_enrol(w, p, "an");
    sotay_who before, after;
    sotay_whoami(p->client, &before);
    assert_int_equal(run(w, sync, 0, NULL), SOTAY_E_SIGNATURE);
    assert_non_null(strstr(w->error.detail, "--older-key"));
    sotay_whoami(p->client, &after);
    assert_string_equal(before.fingerprint, after.fingerprint);
    assert_true(phone_status_says(p, "\"ready\":1"));
}

static void test_without_the_newest_secret_it_does_not_start(void **state)
{
    (void)state;
    static town t;
    uint8_t epoch[8];
    world_make_with(&t.w, 8, (world_how){ 1, false });
    town_place(&t);
    people(&t.w);
    backup(&t);
    change_key(&t.w);
    assert_quiet(&t.w, &t.w.phones[0]);
    assert_false(restore_beside(&t, false, epoch));
    /* The list is taken away: the old key signs, phones that know better refuse, until they are
     * enrolled again. */
    run_shell("rm %s/side/log-keys%s", t.w.book.dir, "");
    reopen(&t);
    assert_int_equal(keys_of(&t.w).count, 0);
    phone *an = &t.w.phones[0];
    make_visit(&t.w, an);
    assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_E_SIGNATURE);
    assert_non_null(strstr(t.w.error.detail, "signed it"));
    assert_link_is_refused(&t.w, an);
    change_key(&t.w); /* another one in the place of the one that it knows */
    assert_link_is_refused(&t.w, an);
    phone_reopen(an);
    sotay_sync *sync = begin_enrol(&t.w, an, "an");
    sotay_enrol_older_key(sync);
    assert_int_equal(run(&t.w, sync, 0, NULL), SOTAY_OK);
    for (int round = 0; round < 2; round++)
        assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(an, "\"ready\":0"));
    assert_holds_newest(&t.w, an);
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* A backup of after the change needs nothing beside it. */
static void test_a_backup_of_after_the_change(void **state)
{
    (void)state;
    static town t;
    town_make(&t, 9);
    people(&t.w);
    backup(&t);
    change_key(&t.w);
    backup(&t); /* into the same folder: the keys are others */
    for (size_t i = 0; i < PHONES; i++)
        assert_quiet(&t.w, &t.w.phones[i]);
    restore(&t);
    assert_int_equal(keys_of(&t.w).count, 1);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < PHONES; i++)
            assert_quiet(&t.w, &t.w.phones[i]);
    meet_and_compare(&t.w);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phones_follow),
        cmocka_unit_test(test_epochs_and_address_by_the_new_key),
        cmocka_unit_test(test_who_comes_after_the_change),
        cmocka_unit_test(test_a_lost_answer_and_another_key),
        cmocka_unit_test(test_receipts_of_before_and_after),
        cmocka_unit_test(test_the_old_key_proves_nothing_new),
        cmocka_unit_test(test_a_change_by_one_key_is_found),
        cmocka_unit_test(test_two_changes_of_one_number),
        cmocka_unit_test(test_a_backup_of_before_the_change),
        cmocka_unit_test(test_without_the_newest_secret_it_does_not_start),
        cmocka_unit_test(test_a_backup_of_after_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
