/* tests/unit/both/test_closed.c
 * What the server has of a unit that was taken back lies on the phone sealed to the server, so that
 * nobody reads it there; it comes back to a server that lost it, opens when the unit is given
 * again, and goes when it is covered. What waits for a person stays readable. */
#include "tests/unit/both/loss.h"

static void test_nobody_reads_it_there(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 1);
    assert_true(rows_with(l.binh, WORDS) > 0);
    lose(&l);
    assert_int_equal(rows_with(l.binh, WORDS), 0);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 2); /* her set and his */
    outbox_set own = own_set(l.binh);
    assert_true(own.is_closed && own.position > 0);
    assert_true(rows_count(l.binh, BOOK_SET) > 0); /* the catalogue is read as ever */
    sotay_report report;
    assert_int_equal(sync_phone(&l.t.w, l.binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.sent_changes, 0);
    phone_reopen(l.binh);
    sync_well(&l.t, 1);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 2);
    town_free(&l.t);
}

/* The server goes back to a day when it had neither: the phone that reads neither brings both. */
static void test_a_restored_server_gets_it_back(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 2);
    backup(&l.t);
    sotay_id more = phone_visit(l.binh, WORDS " sau sao lưu");
    sotay_id hers = phone_visit(l.an, WORDS " của An, sau");
    sync_well(&l.t, 1);
    sync_well(&l.t, 0);
    sync_well(&l.t, 1);
    lose(&l);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 2 + 2);
    restore(&l.t);
    char hex[33];
    sotay_id_format(&more, hex);
    KIT_EXPECT(1, &l.t.w.book, "show", hex);
    sync_well(&l.t, 1);
    sync_well(&l.t, 1);
    KIT_EXPECT(0, &l.t.w.book, "show", hex);
    sotay_id_format(&hers, hex);
    KIT_EXPECT(0, &l.t.w.book, "show", hex);
    KIT_EXPECT(0, &l.t.w.book, "verify");
    assert_int_equal(rows_with(l.binh, WORDS " sau"), 0);
    assert_int_equal(rows_count(l.binh, BOOK_CARRY), 0);
    sotay_report report;
    assert_int_equal(sync_phone(&l.t.w, l.binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1); /* nothing is offered twice */
    town_free(&l.t);
}

static void test_a_unit_given_again_opens_it(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 3);
    for (int round = 0; round < 2; round++) {
        lose(&l);
        scope(&l, "assign");
        sync_well(&l.t, 1);
        assert_int_equal(show(l.binh, &l.his), SOTAY_OK);
        assert_int_equal(show(l.binh, &l.hers), SOTAY_OK);
        assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 0);
        assert_false(own_set(l.binh).is_closed);
        assert_int_equal(phone_set(l.binh, &l.hers, "place", "sửa tiếp"), SOTAY_OK);
        sync_well(&l.t, 1);
        sync_well(&l.t, 0);
        assert_true(phone_says(l.an, sotay_show, &l.hers, "sửa tiếp"));
    }
    town_free(&l.t);
}

/* Covered before the loss: nothing stays. After it: it goes with the sync that hears of it; also a
 * gap that somebody wants to fill then is said to be gone. */
static void test_what_is_covered_goes(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 4);
    backup(&l.t);
    KIT_EXPECT(0, &l.t.w.book, "backup", "--check", l.t.backup);
    sync_well(&l.t, 1);
    sotay_id more = phone_visit(l.binh, WORDS " sau sao lưu");
    sync_well(&l.t, 1);
    lose(&l);
    assert_int_equal(show(l.binh, &more), SOTAY_E_NOT_FOUND);
    /* Of the others it is known only that they lie before what was read last. */
    assert_true(rows_count(l.binh, BOOK_CLOSED) <= 2);
    assert_true(own_set(l.binh).is_closed);
    backup(&l.t);
    KIT_EXPECT(0, &l.t.w.book, "backup", "--check", l.t.backup);
    sync_well(&l.t, 1);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 0);
    assert_true(phone_status_says(l.binh, "\"safe_to_wipe\":true"));
    bool kept = true;
    outbox_set own = own_set(l.binh);
    assert_int_equal(client_begin(l.binh->client, false, NULL), ST_OK);
    assert_int_equal(closed_is_kept(l.binh->client, &own, &kept, NULL), ST_OK);
    client_abort(l.binh->client);
    assert_false(kept);
    scope(&l, "assign"); /* the note of what is gone is right again when it came anew */
    sync_well(&l.t, 1);
    assert_false(own_set(l.binh).is_closed);
    assert_int_equal(show(l.binh, &l.his), SOTAY_OK);
    town_free(&l.t);
}

/* A log that is older than what was covered: what went cannot be offered, what lies sealed is, and
 * the sync does not stop at it. */
static void test_an_older_log_than_what_was_covered(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 5);
    backup(&l.t);
    run_shell("cp -r %s %s", l.t.backup, l.t.copy);
    (void)phone_visit(l.binh, WORDS " sau sao lưu");
    sync_well(&l.t, 1);
    backup(&l.t);
    KIT_EXPECT(0, &l.t.w.book, "backup", "--check", l.t.backup);
    sync_well(&l.t, 1);
    lose(&l);
    run_shell("rm -r %s %s", l.t.backup, "");
    run_shell("mv %s %s", l.t.copy, l.t.backup);
    restore(&l.t);
    for (int i = 0; i < 3; i++)
        sync_well(&l.t, 1);
    KIT_EXPECT(0, &l.t.w.book, "verify");
    sotay_report report;
    assert_int_equal(sync_phone(&l.t.w, l.binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    town_free(&l.t);
}

/* As for a log that lost everything. */
static st_err epoch_turn_all(phone *p)
{
    st_error error = { ST_OK, "" };
    outbox_helds none = { NULL, 0 };
    outbox_set own;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = outbox_next(&p->client->book, &scan, &own, &error);
    own.status = OUTBOX_UNSENT;
    own.position = 0;
    return err == ST_OK ? outbox_settle(p->client, &own, NULL, none, &error) : err;
}

static void mark_lost(phone *p)
{
    bucket_state bucket;
    st_bucket name;
    assert_true(st_bucket_set(&name, "01477/unit/" KIT_UNIT, strlen("01477/unit/" KIT_UNIT)));
    rows_begin(p);
    assert_int_equal(bucket_get(&p->client->book, &name, &bucket, NULL), ST_OK);
    bucket.in_scope = false;
    assert_int_equal(bucket_put(&p->client->book, &name, &bucket, NULL), ST_OK);
    rows_commit(p);
}

/* It went out in a later request than the one whose answer took the bucket. */
static void test_what_is_sent_after_the_loss(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 6);
    sotay_id late = phone_visit(l.binh, "gửi sau");
    scope(&l, "unassign");
    mark_lost(l.binh);
    assert_int_equal(show(l.binh, &late), SOTAY_OK); /* unsent: it stays readable */
    sync_well(&l.t, 1);
    assert_int_equal(show(l.binh, &late), SOTAY_E_NOT_FOUND);
    assert_int_equal(rows_with(l.binh, "gửi sau"), 0);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 1);
    sync_well(&l.t, 0);
    assert_int_equal(show(l.an, &late), SOTAY_OK);
    town_free(&l.t);
}

/* One change of a set is held: the person has to see it, so the set stays open. */
static void test_what_is_held_stays_readable(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 7);
    st_error error = { ST_OK, "" };
    outbox_set own = own_set(l.binh);
    const st_held held = { own.last, ST_HOLD_ROLE };
    const outbox_helds helds = { &held, 1 };
    rows_begin(l.binh);
    overlay_entry entry = { .dot = { own.device, own.last }, .first = own.first,
                            .status = OVERLAY_SENT };
    st_id record = phone_id(&l.his);
    assert_int_equal(overlay_put(&l.binh->client->book, &record, &entry, &error), ST_OK);
    assert_int_equal(outbox_settle(l.binh->client, &own, NULL, helds, &error), ST_OK);
    rows_commit(l.binh);
    scope(&l, "unassign");
    sync_well(&l.t, 1);
    assert_int_equal(show(l.binh, &l.his), SOTAY_OK);
    assert_int_equal(show(l.binh, &l.hers), SOTAY_E_NOT_FOUND);
    assert_false(own_set(l.binh).is_closed);
    assert_int_equal(rows_count(l.binh, BOOK_CLOSED), 1); /* hers */
    town_free(&l.t);
}

/* Phone 1 keeps one of the values that it shows. */
static void settle(loss *l, const char *value)
{
    char dot[64];
    phone *p = l->binh;
    char *json = shown(p, &l->hers);
    find_dot(json, value, dot);
    sotay_text_free(json);
    const sotay_resolution wish = { "general_note", dot, NULL, NULL, "theo biên bản" };
    assert_int_equal(sotay_record_resolve(p->client, &l->hers, &wish, &p->error), SOTAY_OK);
}

/* Phone 1 settles a difference when its key is revoked already, and loses the unit. */
static void settle_too_late(loss *l)
{
    char device[33];
    sotay_who who;
    assert_int_equal(phone_set(l->an, &l->hers, "general_note", "lời An giữ"), SOTAY_OK);
    assert_int_equal(phone_set(l->binh, &l->hers, "general_note", "lời Bình bỏ"), SOTAY_OK);
    sync_well(&l->t, 0);
    sync_well(&l->t, 1);
    sotay_whoami(l->binh->client, &who);
    sotay_id_format(&who.device, device);
    KIT_EXPECT(0, &l->t.w.book, "device", "revoke", device);
    settle(l, "lời An giữ");
    sync_well(&l->t, 1);
    scope(l, "unassign");
    enrol(&l->t.w, l->binh, "binh", true);
    sync_well(&l->t, 1);
}

/* A resolution repeats the value that it keeps, whoever wrote it: as long as it is held, that is
 * read with it. Nothing else of the record is, and not that when it was let in. */
static void test_what_a_held_resolution_keeps(void **state)
{
    (void)state;
    loss l;
    loss_make(&l, 8);
    settle_too_late(&l);
    assert_true(phone_says(l.binh, sotay_show, &l.hers, "lời An giữ"));
    assert_int_equal(rows_with(l.binh, "lời An giữ"), 1); /* his set */
    assert_int_equal(rows_with(l.binh, "loi an giu"), 1); /* its search text */
    assert_int_equal(rows_with(l.binh, WORDS), 0);
    assert_int_equal(rows_with(l.binh, "lời Bình bỏ"), 0);
    KIT_EXPECT(0, &l.t.w.book, "held", "accept", "1", "--as", "office", "--reason", "đã xem");
    sync_well(&l.t, 1);
    assert_int_equal(show(l.binh, &l.hers), SOTAY_E_NOT_FOUND);
    assert_int_equal(rows_with(l.binh, "lời An giữ"), 0);
    assert_int_equal(rows_with(l.binh, "loi an giu"), 0);
    town_free(&l.t);
}

/* Before it is offered to a server that lost it, it goes by hand: sealed as it is, and the receipt
 * that comes back is its verdict. */
static void test_it_goes_by_hand(void **state)
{
    (void)state;
    loss l;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report, taken;
    sotay_slice bytes = { NULL, 0 };
    loss_make(&l, 8);
    lose(&l);
    rows_begin(l.binh);
    assert_int_equal(epoch_turn_all(l.binh), ST_OK);
    rows_commit(l.binh);
    assert_int_equal(own_set(l.binh).status, OUTBOX_UNSENT);
    assert_int_equal(sotay_bundle_begin(l.binh->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    assert_int_equal(report.sets, 1);
    assert_false(holds(bytes.data, bytes.len, WORDS));
    assert_int_equal(sotay_bundle_import(l.an->client, bytes.data, bytes.len, &taken, NULL),
                     SOTAY_OK);
    assert_int_equal(taken.sets + taken.known, 1);
    sotay_bundle_free(bundle);
    sync_well(&l.t, 0);
    assert_int_equal(rows_count(l.an, BOOK_PARCEL), 0);
    sync_well(&l.t, 1);
    assert_int_equal(own_set(l.binh).status, OUTBOX_SENT);
    assert_true(own_set(l.binh).is_closed && own_set(l.binh).position > 0);
    town_free(&l.t);
}

static bool alarms_say(loss *l, const char *text)
{
    KIT_EXPECT(0, &l->t.w.book, "alarms", "--json");
    return strstr(KIT_OUT(&l->t.w.book), text) != NULL;
}

/* The office had it in writing, and its book is put back to before it: to before the unit was taken
 * back, or to between that and the receipt. It has it in writing again, once. */
static void test_the_receipt_of_a_restored_book(void **state)
{
    (void)state;
    for (int taken_back = 0; taken_back < 2; taken_back++) {
        loss l;
        sotay_report report;
        loss_make(&l, 40 + (uint64_t)taken_back);
        if (taken_back == 0)
            backup(&l.t);
        scope(&l, "unassign");
        if (taken_back == 1)
            backup(&l.t);
        sync_well(&l.t, 1);
        assert_false(alarms_say(&l, "leaving"));
        for (int times = 0; times < 2; times++) { /* the same backup twice */
            restore(&l.t);
            if (taken_back == 1)
                assert_true(alarms_say(&l, "leaving"));
            sync_well(&l.t, 0);
            sync_well(&l.t, 1);
            sync_well(&l.t, 1);
            assert_false(alarms_say(&l, "leaving"));
            KIT_EXPECT(0, &l.t.w.book, "receipts", "--json");
            assert_non_null(strstr(KIT_OUT(&l.t.w.book), "\"bucket\":\"01477/unit/" KIT_UNIT));
        }
        assert_int_equal(sync_phone(&l.t.w, l.binh, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1);
        assert_int_equal(show(l.binh, &l.his), SOTAY_E_NOT_FOUND);
        town_free(&l.t);
    }
}

/* The store was put back without a word, and has grown past what the phone was told: what its
 * backups have by now is not what the phone has sealed, and nothing of that goes. */
static void test_a_log_that_grew_covers_nothing_of_it(void **state)
{
    (void)state;
    char hex[33];
    loss l;
    loss_make(&l, 12);
    keep_copy(&l.t);
    const sotay_id more = phone_visit(l.binh, WORDS " sau");
    sync_well(&l.t, 1);
    lose(&l);
    put_copy_back(&l.t);
    for (int i = 0; i < 8; i++) {
        (void)phone_visit(l.an, "khác");
        sync_well(&l.t, 0);
    }
    scope(&l, "unassign");
    backup(&l.t);
    KIT_EXPECT(0, &l.t.w.book, "backup", "--check", l.t.backup);
    for (int i = 0; i < 4; i++)
        if (sync_phone(&l.t.w, l.binh, 0, NULL) == SOTAY_E_NETWORK) {
            rooms_close(&l.t.w.book.rooms);
            reopen(&l.t);
        }
    sotay_id_format(&more, hex);
    KIT_EXPECT(0, &l.t.w.book, "show", hex);
    KIT_EXPECT(0, &l.t.w.book, "verify");
    town_free(&l.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_reads_it_there),
        cmocka_unit_test(test_a_restored_server_gets_it_back),
        cmocka_unit_test(test_a_unit_given_again_opens_it),
        cmocka_unit_test(test_what_is_covered_goes),
        cmocka_unit_test(test_an_older_log_than_what_was_covered),
        cmocka_unit_test(test_a_log_that_grew_covers_nothing_of_it),
        cmocka_unit_test(test_what_is_sent_after_the_loss),
        cmocka_unit_test(test_what_is_held_stays_readable),
        cmocka_unit_test(test_what_a_held_resolution_keeps),
        cmocka_unit_test(test_it_goes_by_hand),
        cmocka_unit_test(test_the_receipt_of_a_restored_book),
    };
    return cmocka_run_group_tests_name("closed", tests, NULL, NULL);
}
