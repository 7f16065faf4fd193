/* tests/unit/both/test_renew.c
 * What the office erases goes out of what lies sealed on a phone that may not read it any more, in
 * the sync that brings the erasure, and nothing is lost by it: whichever of the two a phone has, a
 * server that lost the set gets all of it but the value. */
#include "client-lib/src/renew.h"
#include "proto/carry.h"
#include "tests/unit/both/loss.h"

#define ARENA_MAX ((size_t)64 << 20)

static void erase(loss *l, const sotay_id *record)
{
    char id[33];
    sotay_id_format(record, id);
    KIT_EXPECT(0, &l->t.w.book, "erase", id, "place", "--as", "admin", "--second", "head",
               "--basis", "đơn của người dân");
}

static loss *loss_open(uint64_t seed)
{
    static loss l;
    loss_make(&l, seed);
    KIT_EXPECT(0, &l.t.w.book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &l.t.w.book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    return &l;
}

/* Parcels of a table in which the words stand, opened with the key of the server. */
static size_t sealed_with(loss *l, phone *p, book_table table, const char *words)
{
    const auth_keys *keys = &l->t.w.book.rooms.keys;
    const st_seal_pair pair = { keys->seal_public, keys->seal_secret };
    const size_t name_at = table == BOOK_CLOSED ? 8 : 1;
    st_error error = { ST_OK, "" };
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    size_t found = 0;
    st_arena_init(&arena, ARENA_MAX);
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    while (book_scan_next(&p->client->book, &scan, &arena, &value, &error) == ST_OK) {
        st_frame inside;
        st_parcel parcel = { .kind = ST_PARCEL_SET, .sealed = value.data + name_at + 32,
                             .sealed_len = value.len - name_at - 32 };
        assert_int_equal(st_parcel_open(&parcel, pair, &arena, &inside, &error), ST_OK);
        found += holds(inside.as.set.bytes, inside.as.set.len, words);
    }
    client_abort(p->client);
    st_arena_reset(&arena);
    return found;
}

static void must_be_shown(loss *l, const sotay_id *record, const char *words, bool is_there)
{
    char id[33];
    sotay_id_format(record, id);
    KIT_EXPECT(0, &l->t.w.book, "show", id);
    assert_true((strstr(KIT_OUT(&l->t.w.book), words) != NULL) == is_there);
}

/* Both sets are of the lost unit, hers and his own; only her words are destroyed. */
static void test_it_goes_with_the_sync_that_says_so(void **state)
{
    (void)state;
    loss *l = loss_open(1);
    sotay_report report;
    lose(l);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 2);
    erase(l, &l->hers);
    assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
    assert_true(report.complete && !report.needs_person);
    assert_int_equal(report.requests, 2);
    assert_int_equal(rows_count(l->binh, BOOK_CLOSED), 2);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), 0);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của Bình"), 1);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    erase(l, &l->his); /* his own set, kept under his name */
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 0);
    assert_true(own_set(l->binh).is_closed && own_set(l->binh).position > 0);
    assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1); /* nothing is asked for any more */
    town_free(&l->t);
}

/* What came in the place of the whole set is what a server that lost both gets. */
static void test_a_restored_server_gets_what_is_left(void **state)
{
    (void)state;
    loss *l = loss_open(2);
    backup(&l->t);
    sotay_id hers = phone_visit(l->an, WORDS " của An, sau");
    sync_well(&l->t, 0);
    sync_well(&l->t, 1);
    lose(l);
    erase(l, &hers);
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An, sau"), 0);
    restore(&l->t);
    for (int round = 0; round < 3; round++)
        sync_well(&l->t, 1);
    must_be_shown(l, &hers, WORDS, false);
    must_be_shown(l, &hers, "12/03/2026", true);
    KIT_EXPECT(0, &l->t.w.book, "verify");
    sync_well(&l->t, 0); /* she has it whole; it does not come back by her either */
    must_be_shown(l, &hers, WORDS, false);
    assert_int_equal(rows_with(l->an, WORDS " của An, sau"), 0);
    town_free(&l->t);
}

/* The machine ends after the answer with the erasure: the set is whole here, and the server goes
 * back to a day before it had either. */
static void test_restored_before_it_was_renewed(void **state)
{
    (void)state;
    loss *l = loss_open(3);
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    backup(&l->t);
    sotay_id hers = phone_visit(l->an, WORDS " của An, sau");
    sync_well(&l->t, 0);
    sync_well(&l->t, 1);
    lose(l);
    erase(l, &hers);
    assert_int_equal(sotay_sync_begin(l->binh->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    int status = answer(&l->t.w, &request, &reply);
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
    st_buffer_free(&reply);
    sotay_sync_free(sync);
    assert_true(again);
    phone_crash(l->binh, false);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An, sau"), 1);
    restore(&l->t);
    for (int round = 0; round < 3; round++)
        sync_well(&l->t, 1);
    must_be_shown(l, &hers, WORDS, false);
    must_be_shown(l, &hers, "12/03/2026", true);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An, sau"), 0);
    KIT_EXPECT(0, &l->t.w.book, "verify");
    town_free(&l->t);
}

static void test_over_a_bad_line(void **state)
{
    (void)state;
    loss *l = loss_open(4);
    lose(l);
    erase(l, &l->hers);
    erase(l, &l->his);
    for (int tries = 0; tries < 8; tries++) {
        (void)(sync_phone(&l->t.w, l->binh, 2, NULL) == SOTAY_OK);
        phone_crash(l->binh, false);
        assert_int_equal(rows_count(l->binh, BOOK_CLOSED), 2); /* one of the two, always */
    }
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 0);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    town_free(&l->t);
}

/* More than one request may name: all of them go in the same sync. */
static void test_more_than_one_request_names(void **state)
{
    (void)state;
    loss *l = loss_open(5);
    sotay_id many[ST_RENEWS_MAX + 6];
    const size_t count = sizeof many / sizeof many[0];
    sotay_report report;
    for (size_t i = 0; i < count; i++) {
        many[i] = phone_visit(l->an, WORDS " của An");
        sync_well(&l->t, 0);
    }
    sync_well(&l->t, 1);
    lose(l);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), count + 1);
    for (size_t i = 0; i < count; i++)
        erase(l, &many[i]);
    assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 3);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), 1);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    town_free(&l->t);
}

/* The note that it is owed goes with the set: when the unit is given back, and when it is covered
 * before the server was asked. */
static void test_the_note_goes_with_the_set(void **state)
{
    (void)state;
    for (int is_covered = 0; is_covered < 2; is_covered++) {
        loss *l = loss_open(6);
        stored_row row;
        lose(l);
        for (size_t n = 0; n < 2; n++) {
            assert_true(rows_get(l->binh, BOOK_CLOSED, n, &row));
            row.key.b[0] = BOOK_RENEW;
            rows_begin(l->binh);
            assert_int_equal(book_put(&l->binh->client->book, &row.key, row.data + 8, 32, NULL),
                             ST_OK);
            rows_commit(l->binh);
        }
        assert_int_equal(rows_count(l->binh, BOOK_RENEW), 2);
        if (is_covered) {
            backup(&l->t);
            KIT_EXPECT(0, &l->t.w.book, "backup", "--check", l->t.backup);
        } else {
            scope(l, "assign");
        }
        sync_well(&l->t, 1);
        assert_int_equal(rows_count(l->binh, BOOK_CLOSED), 0);
        assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
        town_free(&l->t);
    }
}

/* Nothing was erased in them: whoever asks all the same gets nothing, and what he has stays. */
static void test_what_is_whole_is_not_given(void **state)
{
    (void)state;
    loss *l = loss_open(7);
    sotay_report report;
    stored_row row;
    lose(l);
    assert_true(rows_get(l->binh, BOOK_CLOSED, 0, &row));
    row.key.b[0] = BOOK_RENEW;
    rows_begin(l->binh);
    assert_int_equal(book_put(&l->binh->client->book, &row.key, row.data + 8, 32, NULL), ST_OK);
    rows_commit(l->binh);
    assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
    assert_true(report.complete);
    assert_int_equal(report.requests, 1);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 1); /* it asks again another time */
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 2);
    town_free(&l->t);
}

/* A parcel that nobody asked for, of another set, or of a set that is not kept, changes nothing. */
static void test_what_is_not_owed_is_left_alone(void **state)
{
    (void)state;
    static const uint8_t NOISE[100] = { 0x5a };
    loss *l = loss_open(8);
    stored_row row;
    lose(l);
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(l->binh->client, &sync, NULL), SOTAY_OK);
    assert_true(rows_get(l->binh, BOOK_CLOSED, 0, &row));
    st_parcel parcel = { .kind = ST_PARCEL_SET, .first = st_get_u64(row.key.b + 17),
                         .sealed = NOISE, .sealed_len = sizeof NOISE };
    memcpy(parcel.owner.b, row.key.b + 1, 16);
    memcpy(parcel.name.b, row.data + 8, 32);
    for (int how = 0; how < 4; how++) {
        st_parcel other = parcel;
        book_key owed = row.key;
        owed.b[0] = BOOK_RENEW;
        rows_begin(l->binh);
        if (how > 0)
            assert_int_equal(book_put(&l->binh->client->book, &owed, parcel.name.b, 32, NULL),
                             ST_OK);
        other.name.b[0] ^= how == 1;
        other.kind = how == 2 ? ST_PARCEL_PIECE : ST_PARCEL_SET;
        other.first += how == 3 ? 1000 : 0;
        assert_int_equal(renew_take(sync, &other, NULL), ST_OK);
        rows_commit(l->binh);
        assert_false(renew_goes_on(sync));
        assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 2);
        assert_int_equal(rows_count(l->binh, BOOK_RENEW), how > 0);
    }
    sotay_sync_free(sync);
    town_free(&l->t);
}

/* A file from before the erasure, on another phone: it goes with the sync after it was taken, and
 * the office reads nothing of it. */
static void test_a_bundle_from_before(void **state)
{
    (void)state;
    loss *l = loss_open(9);
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report, taken;
    sotay_slice bytes = { NULL, 0 };
    scope(l, "unassign");
    sync_well(&l->t, 1);
    sotay_id hers = phone_visit(l->an, WORDS " của An, mang tay");
    assert_int_equal(sotay_bundle_begin(l->an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    assert_int_equal(report.sets, 1);
    uint8_t *file = malloc(bytes.len);
    assert_non_null(file);
    memcpy(file, bytes.data, bytes.len);
    sotay_bundle_free(bundle);
    sync_well(&l->t, 0);
    erase(l, &hers);
    sync_well(&l->t, 0);
    assert_int_equal(rows_with(l->an, WORDS " của An, mang tay"), 0);
    assert_int_equal(sotay_bundle_import(l->binh->client, file, bytes.len, &taken, NULL),
                     SOTAY_OK);
    free(file);
    assert_int_equal(sealed_with(l, l->binh, BOOK_PARCEL, WORDS " của An, mang tay"), 1);
    sync_well(&l->t, 1);
    assert_int_equal(rows_count(l->binh, BOOK_PARCEL), 0);
    must_be_shown(l, &hers, WORDS, false);
    KIT_EXPECT(0, &l->t.w.book, "verify");
    town_free(&l->t);
}

/* ---- nobody says that a value was erased ---- */

/* Has no role any more, so reads no catalogue either: it hears of no erasure, and still the value
 * goes, of sets that lie there in any number. */
static void test_without_any_role(void **state)
{
    (void)state;
    loss *l = loss_open(10);
    sotay_report report;
    sotay_id many[20];
    const size_t count = sizeof many / sizeof many[0];
    for (size_t i = 0; i < count; i++) {
        many[i] = phone_visit(l->an, WORDS " của An");
        rows_seal(l->an);
    }
    sync_well(&l->t, 0);
    sync_well(&l->t, 1);
    scope(l, "unassign");
    KIT_EXPECT(0, &l->t.w.book, "role", "binh", "-officer");
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), count + 1);
    for (size_t i = 0; i < count; i += 5)
        erase(l, &many[i]);
    const size_t sealed = rows_count(l->binh, BOOK_CLOSED); /* those of the catalogue too */
    for (size_t i = 0; i < sealed / 16 + 1; i++) {
        assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1); /* a few with each */
        assert_true(report.complete);
    }
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"),
                     count + 1 - (count + 4) / 5);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    KIT_EXPECT(0, &l->t.w.book, "role", "binh", "+officer"); /* and by the catalogue again */
    erase(l, &many[1]);
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"),
                     count - (count + 4) / 5);
    town_free(&l->t);
}

static void standing(loss *l, const char *verb)
{
    char hex[33];
    sotay_who who;
    sotay_whoami(l->binh->client, &who);
    sotay_id_format(&who.device, hex);
    KIT_EXPECT(0, &l->t.w.book, "device", verb, hex);
}

/* Nothing of the book comes to such a device; what lies sealed on it goes all the same. */
static void test_suspended_or_revoked(void **state)
{
    (void)state;
    loss *l = loss_open(11);
    lose(l);
    standing(l, "suspend");
    erase(l, &l->hers);
    sync_well(&l->t, 1);                       /* is told that it is suspended, and asks at once */
    assert_true(phone_status_says(l->binh, "\"standing\":\"suspended\""));
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), 0);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của Bình"), 1);
    standing(l, "revoke");
    erase(l, &l->his);
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS), 0);
    KIT_EXPECT(0, &l->t.w.book, "verify");
    town_free(&l->t);
}

/* A sync that only sends asks for nothing, and the one in which such a device hears where it stands
 * comes to its end: the next one asks. */
static void test_shut_out_in_a_sync_that_only_sends(void **state)
{
    (void)state;
    sotay_sync *sync = NULL;
    sotay_report report;
    loss *l = loss_open(12);
    phone *p = l->binh;
    lose(l);
    standing(l, "suspend");
    erase(l, &l->hers);
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(run(&l->t.w, sync, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    assert_true(phone_status_says(p, "\"standing\":\"suspended\""));
    sync_well(&l->t, 1);
    assert_int_equal(sealed_with(l, p, BOOK_CLOSED, WORDS " của An"), 0);
    town_free(&l->t);
}

/* More than a request may name are owed and never given, since nothing was erased in them here:
 * they do not stand before one that is given, whichever it is. */
static void test_what_is_not_given_blocks_nobody(void **state)
{
    (void)state;
    loss *l = loss_open(11);
    sotay_id many[ST_RENEWS_MAX + 2];
    const size_t count = sizeof many / sizeof many[0];
    for (size_t i = 0; i < count; i++) {
        many[i] = phone_visit(l->an, WORDS " của An");
        rows_seal(l->an); /* a set of its own */
    }
    sync_well(&l->t, 0);
    sync_well(&l->t, 1);
    lose(l);
    static stored_row row;
    for (size_t n = 0; rows_get(l->binh, BOOK_CLOSED, n, &row); n++) {
        row.key.b[0] = BOOK_RENEW;
        rows_put(l->binh, &row.key, row.data + 8, 32);
    }
    assert_true(rows_count(l->binh, BOOK_RENEW) > count);
    static const size_t SOME[] = { 0, ST_RENEWS_MAX / 2, ST_RENEWS_MAX + 1 };
    for (size_t i = 0; i < sizeof SOME / sizeof SOME[0]; i++) {
        erase(l, &many[SOME[i]]);
        for (int round = 0; round < 2; round++)
            sync_well(&l->t, 1);
        assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), count - i);
    }
    town_free(&l->t);
}

static uint64_t log_size(loss *l)
{
    uint64_t size = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(l->t.w.book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &size, NULL), ST_OK);
    store_end(&txn);
    return size;
}

/* The erasure comes by a repair, since the phone's catalogue passed it over. */
static void test_an_erasure_that_a_repair_brings(void **state)
{
    (void)state;
    loss *l = loss_open(12);
    st_error error = { ST_OK, "" };
    st_bucket of;
    bucket_state passed;
    sotay_report report;
    lose(l);
    erase(l, &l->hers);
    book_db *book = &l->binh->client->book;
    assert_true(st_bucket_set(&of, "01477/catalogue", strlen("01477/catalogue")));
    rows_begin(l->binh);
    assert_int_equal(bucket_get(book, &of, &passed, &error), ST_OK);
    passed.cursor = log_size(l);
    assert_int_equal(bucket_put(book, &of, &passed, &error), ST_OK);
    l->binh->client->next.position = 0;
    rows_commit(l->binh);
    assert_int_equal(sync_phone(&l->t.w, l->binh, 0, &report), SOTAY_OK);
    assert_true(report.complete);
    assert_int_equal(report.repaired_buckets, 1);
    assert_int_equal(sealed_with(l, l->binh, BOOK_CLOSED, WORDS " của An"), 0);
    assert_int_equal(rows_count(l->binh, BOOK_RENEW), 0);
    town_free(&l->t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_goes_with_the_sync_that_says_so),
        cmocka_unit_test(test_a_restored_server_gets_what_is_left),
        cmocka_unit_test(test_restored_before_it_was_renewed),
        cmocka_unit_test(test_over_a_bad_line),
        cmocka_unit_test(test_more_than_one_request_names),
        cmocka_unit_test(test_the_note_goes_with_the_set),
        cmocka_unit_test(test_what_is_whole_is_not_given),
        cmocka_unit_test(test_what_is_not_owed_is_left_alone),
        cmocka_unit_test(test_a_bundle_from_before),
        cmocka_unit_test(test_without_any_role),
        cmocka_unit_test(test_suspended_or_revoked),
        cmocka_unit_test(test_shut_out_in_a_sync_that_only_sends),
        cmocka_unit_test(test_what_is_not_given_blocks_nobody),
        cmocka_unit_test(test_an_erasure_that_a_repair_brings),
    };
    return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
