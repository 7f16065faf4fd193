/* tests/unit/server/test_settle.c
 * The office may overrule a rule, never a fact: what no phone could fold is not let in, whatever it
 * is held for. And what a phone wrote about one record in two buckets is settled in both. A phone
 * that did not hear what was decided sends its set again, and is told. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/settle.h"

static void status(rig *r, const rig_phone *phone, const char *word)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", word), ST_OK);
}

static uint64_t number_of(rig *r, const st_id *record, const st_id *device, uint64_t counter)
{
    sync_held held;
    st_dot dot = { *device, counter };
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = sync_held_by_dot(&txn, record, &dot, &held, NULL);
    store_end(&txn);
    return err == ST_OK ? held.n : 0;
}

static st_err decide(rig *r, uint64_t n, bool accept)
{
    uint32_t count = 0;
    sync_decision decision = { n, accept, rig_person(r, "office"), "đã xem" };
    return sync_settle(r->srv.writer, &decision, &count, NULL);
}

static void test_facts_cannot_be_overruled(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_hold hold = ST_HOLD_NONE;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id full = rig_visit(&an, "0");
    for (int i = 1; i < 64; i++)
        (void)rig_set(&an, &full, "general_note", i % 2 == 0 ? "chẵn" : "lẻ", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    status(r, &binh, "revoked");
    st_id records[4];
    rig_begin(&binh, RIG_BUCKET);
    records[0] = rig_visit(&binh, "biểu mẫu lạ");
    binh.changes[0].form_version = 9;
    records[1] = full;
    (void)rig_set(&binh, &full, "general_note", "giá trị thứ 65", NULL);
    (void)rig_set(&binh, &full, "place", "sau đó", NULL);
    records[2] = rig_visit(&binh, "được");
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_REVOKED);
    rig_begin(&binh, "01477/catalogue");
    records[3] = rig_visit(&binh, NULL);       /* a visit does not live there */
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    const struct { size_t record; uint64_t counter; st_err err; } ROWS[] = {
        { 0, 1, ST_E_STATE },
        { 1, 2, ST_E_STATE },
        { 2, 4, ST_OK },
        { 3, 5, ST_E_STATE },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint64_t n = number_of(r, &records[ROWS[i].record], &binh.device, ROWS[i].counter);
        assert_int_not_equal(n, 0);
        assert_int_equal(decide(r, n, true), ROWS[i].err);
    }
    assert_string_equal(rig_value(r, &records[2], "general_note", NULL), "được");
}

/* Held for its 64 siblings, it may come in when somebody has settled the difference. */
static void test_a_full_path_has_room_again(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_dot dots[64];
    size_t values = 0;
    st_hold hold = ST_HOLD_NONE;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id full = rig_visit(&an, "0");
    dots[0] = (st_dot){ an.device, 1 };
    for (int i = 1; i < 64; i++)
        dots[i] = rig_set(&an, &full, "general_note", i % 2 == 0 ? "chẵn" : "lẻ", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    rig_begin(&binh, RIG_BUCKET);
    st_dot late = rig_set(&binh, &full, "general_note", "thứ 65", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_LIMIT);
    uint64_t n = number_of(r, &full, &late.device, late.counter);
    assert_int_equal(decide(r, n, true), ST_E_STATE);
    rig_begin(&an, RIG_BUCKET);
    st_change *settled = rig_change(&an, &full);
    st_op *op = rig_op(&an, settled, "visit", "general_note", "một");
    op->verb = ST_VERB_RESOLVE;
    op->replaces = dots;
    op->replaces_count = 64;
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_int_equal(decide(r, n, true), ST_OK);
    (void)rig_value(r, &full, "general_note", &values);
    assert_int_equal(values, 2);
}

/* ---- more files than a record may have ---- */

static void add_file(rig_phone *phone, const st_id *record, uint8_t letter)
{
    static uint8_t hashes[256][32];
    memset(hashes[letter], letter, sizeof hashes[letter]);
    st_change *change = rig_change(phone, record);
    st_op *op = rig_op(phone, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = hashes[letter], .len = 32 };
}

/* A visit of an's with as many files as it may have. */
static st_id visit_full_of_files(rig_phone *an)
{
    st_id visit = { { 0 } };
    for (uint32_t made = 0; made < ST_RECORD_FILES_MAX;) {
        rig_begin(an, RIG_BUCKET);
        if (made == 0)
            visit = rig_visit(an, "ảnh");
        for (uint32_t i = 0; i < 20 && made < ST_RECORD_FILES_MAX; i++)
            add_file(an, &visit, (uint8_t)made++);
        assert_int_equal(rig_push_one(an, rig_seal(an), NULL), ST_VERDICT_STORED);
    }
    return visit;
}

static void detail_of(rig *r, const st_id *record, const st_dot *dot,
                      char detail[ST_FORM_DETAIL_BYTES])
{
    sync_held held;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_by_dot(&txn, record, dot, &held, NULL), ST_OK);
    assert_int_equal(sync_held_detail(&r->srv.sync, &txn, &held, detail, NULL), ST_OK);
    store_end(&txn);
}

/* One too many waits for the office with its followers, says why, and is let in as it is: a rule,
 * not a fact. What others write meanwhile is not stopped. */
static void test_the_office_lets_one_file_more_in(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    char detail[ST_FORM_DETAIL_BYTES];
    st_hold hold = ST_HOLD_NONE;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    st_id visit = visit_full_of_files(&an);
    rig_begin(&binh, RIG_BUCKET);
    add_file(&binh, &visit, 200);
    st_dot late = binh.changes[0].dot;
    (void)rig_set(&binh, &visit, "general_note", "theo sau", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_LIMIT);
    detail_of(r, &visit, &late, detail);
    assert_string_equal(detail, "attachments: the record would have more than 100 files");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_set(&an, &visit, "general_note", "trong khi chờ", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_int_equal(decide(r, number_of(r, &visit, &late.device, late.counter), true), ST_OK);
    assert_int_equal(number_of(r, &visit, &late.device, late.counter + 1), 0); /* it came along */
    assert_int_equal(rig_verify(r), 0);
}

/* Declined, it stays in the log and has no effect; the next one waits as well. */
static void test_one_file_more_is_declined(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_hold hold = ST_HOLD_NONE;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    st_id visit = visit_full_of_files(&an);
    for (uint8_t letter = 201; letter < 203; letter++) {
        rig_begin(&binh, RIG_BUCKET);
        add_file(&binh, &visit, letter);
        st_dot late = binh.changes[0].dot;
        assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
        assert_int_equal(hold, ST_HOLD_LIMIT);
        assert_int_equal(decide(r, number_of(r, &visit, &late.device, late.counter), false),
                         ST_OK);
    }
    rig_begin(&binh, RIG_BUCKET);
    (void)rig_set(&binh, &visit, "general_note", "không kèm tệp", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_STORED);
    assert_int_equal(rig_verify(r), 0);
}

/* binh is assigned to two units and writes about a record of the one in the other. */
static void test_one_record_in_two_buckets(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_hold hold = ST_HOLD_NONE;
    bool any = true;
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice later = rig_seal(&an);
    rig_begin(&binh, RIG_OTHER);
    (void)rig_set(&binh, &visit, "place", "một", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_NO_RECORD);
    rig_begin(&binh, RIG_BUCKET);
    (void)rig_set(&binh, &visit, "place", "hai", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_WAITS);
    assert_int_equal(rig_push_one(&an, later, NULL), ST_VERDICT_STORED);
    sync_held held;
    store_txn txn = { 0 };
    st_dot first = { binh.device, 1 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_by_dot(&txn, &visit, &first, &held, NULL), ST_OK);
    assert_int_equal(held.reason, ST_HOLD_BUCKET);    /* the record came, and is not there */
    store_end(&txn);
    assert_int_equal(decide(r, held.n, false), ST_OK);
    const char *const BUCKETS[] = { RIG_BUCKET, RIG_OTHER };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_any(&txn, &visit, &any, NULL), ST_OK);
    assert_false(any);
    for (size_t i = 0; i < 2; i++) {           /* no hole is left in either */
        st_vector vector;
        store_slice row = { 0 };
        pack_key key = pack_text(BUCKETS[i]);
        assert_int_equal(store_get(&txn, STORE_VECTOR, pack_key_slice(&key), &row, NULL), ST_OK);
        assert_int_equal(st_vector_decode(row.data, row.len, &r->arena, &vector, NULL), ST_OK);
        assert_int_equal(vector.holes_count, 0);
    }
    store_end(&txn);
}

/* A change in a wrong bucket that came before its record, and was declined, claims nothing. */
static void test_a_declined_change_claims_no_bucket(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice later = rig_seal(&an);
    rig_begin(&binh, RIG_OTHER);
    (void)rig_set(&binh, &visit, "place", "một", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_HELD);
    assert_int_equal(decide(r, number_of(r, &visit, &binh.device, 1), false), ST_OK);
    assert_int_equal(rig_push_one(&an, later, NULL), ST_VERDICT_STORED);
    assert_string_equal(rig_value(r, &visit, "general_note", NULL), "gốc");
}

/* ---- sent again ---- */

static void decide_at(rig *r, const st_id *record, const st_dot *dot, bool accept)
{
    assert_int_equal(decide(r, number_of(r, record, &dot->device, dot->counter), accept), ST_OK);
}

/* The answer that said so may be lost: of each change of a set it is said what was decided on it,
 * by number, whatever record it is about and whoever wrote there since. */
static void test_a_set_with_all_answers_is_sent_again(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    st_id visits[3];
    st_dot dots[9];
    sync_request request;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    for (size_t i = 0; i < 3; i++)
        visits[i] = rig_visit(&an, NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    status(r, &binh, "revoked");
    rig_begin(&binh, RIG_BUCKET);
    for (size_t i = 0; i < 9; i++)
        dots[i] = rig_set(&binh, &visits[2 - i % 3], "place", "đó", NULL);
    store_slice set = rig_seal(&binh);
    assert_int_equal(rig_push_one(&binh, set, NULL), ST_VERDICT_HELD);
    rig_begin(&binh, RIG_BUCKET);
    (void)rig_set(&binh, &visits[2], "place", "của tập khác", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_HELD);
    decide_at(r, &visits[1], &dots[1], false); /* and 4 and 7, behind it */
    decide_at(r, &visits[2], &dots[0], true);
    rig_begin(&an, RIG_BUCKET);                /* numbers as those of the other phone */
    for (size_t i = 0; i < 3; i++)
        (void)rig_set(&an, &visits[2 - i], "general_note", "đây", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    decide_at(r, &visits[2], &dots[3], false); /* and 6 */
    assert_int_equal(rig_push(&binh, &request, &set, 1), ST_OK);
    const st_verdict *verdict = &request.items[0].verdict;
    assert_int_equal(verdict->kind, ST_VERDICT_DUPLICATE);
    const size_t DECLINED[] = { 1, 3, 4, 6, 7 }, HELD[] = { 2, 5, 8 };
    assert_int_equal(verdict->declined_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(verdict->declined[i], dots[DECLINED[i]].counter);
    assert_int_equal(verdict->held_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(verdict->held[i].counter, dots[HELD[i]].counter);
    sync_request_free(&request);
}

#define AGAIN_SETS 128

/* Where the history of the record was read for each of them, this took a minute. */
static void test_so_many_declined_are_sent_again(void **state)
{
    rig *r = *state;
    static rig_phone an;
    static store_slice sets[AGAIN_SETS];
    sync_request request;
    st_id record;
    rig_enrol(r, &an, "an");
    rig_random(r, record.b, sizeof record.b);
    for (size_t k = 0; k < AGAIN_SETS; k++) {
        rig_begin(&an, RIG_BUCKET);
        for (size_t i = 0; i < RIG_CHANGES_MAX; i++)
            (void)rig_set(&an, &record, "general_note", "a", NULL);
        sets[k] = rig_seal(&an);
    }
    assert_int_equal(rig_push(&an, &request, sets, AGAIN_SETS), ST_OK);
    sync_request_free(&request);
    decide_at(r, &record, &(st_dot){ an.device, 1 }, false);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(rig_push(&an, &request, sets, AGAIN_SETS), ST_OK);
        for (size_t k = 0; k < AGAIN_SETS; k++)
            assert_int_equal(request.items[k].verdict.declined_count, RIG_CHANGES_MAX);
        sync_request_free(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_facts_cannot_be_overruled, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_path_has_room_again, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_office_lets_one_file_more_in, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_file_more_is_declined, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_record_in_two_buckets, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_declined_change_claims_no_bucket, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_set_with_all_answers_is_sent_again, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_so_many_declined_are_sent_again, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
