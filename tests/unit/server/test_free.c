/* tests/unit/server/test_free.c
 * What arrived before the record it is about takes effect when the record comes: however much it
 * is, whoever brought it, and in whatever order the devices are looked at. A set is never turned
 * away because of what waits for it. A change is found by its entry and its device. What stays is
 * held for what holds it now, and so are those behind it. */
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "server/sync/row.h"
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS RIG_CHANGES_MAX
#define SETS 10
#define NOTE_BYTES 3600

/* Ten full sets about records whose creating set was lost, and is sent again at last. */
static void test_a_thousand_changes_wait_for_one_set(void **state)
{
    rig *r = *state;
    static rig_phone an;
    st_id records[RECORDS];
    st_dot dots[RECORDS];
    store_slice sets[SETS];
    char note[NOTE_BYTES + 1];
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    for (size_t i = 0; i < RECORDS; i++)
        records[i] = rig_visit(&an, NULL);
    store_slice lost = rig_seal(&an);
    memset(note, 'x', NOTE_BYTES);
    note[NOTE_BYTES] = '\0';
    for (size_t k = 0; k < SETS; k++) {
        note[0] = (char)('a' + k);
        rig_begin(&an, RIG_BUCKET);
        for (size_t i = 0; i < RECORDS; i++)
            dots[i] = rig_set(&an, &records[i], "general_note", note, k == 0 ? NULL : &dots[i]);
        sets[k] = rig_seal(&an);
    }
    for (size_t k = 0; k < SETS; k++)
        assert_int_equal(rig_push_one(&an, sets[k], NULL), ST_VERDICT_HELD);
    assert_int_equal(rig_push_one(&an, lost, NULL), ST_VERDICT_STORED);
    assert_memory_equal(rig_value(r, &records[RECORDS - 1], "general_note", &values), note, 2);
    assert_int_equal(values, 1);
}

static st_id device_record(rig *r, const rig_phone *phone)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    return device.record;
}

/* A record was made on a suspended phone; another phone wrote in it. Lifting the suspension lets in
 * both, whichever device is listed first. */
static void test_one_device_waits_for_another(void **state)
{
    rig *r = *state;
    static rig_phone phones[2];
    rig_enrol(r, &phones[0], "an");
    rig_enrol(r, &phones[1], "binh");
    for (size_t k = 0; k < 2; k++) {
        rig_phone *maker = &phones[k], *other = &phones[1 - k];
        st_id device = device_record(r, maker);
        assert_int_equal(rig_edit(r, &device, NULL, "status", "suspended"), ST_OK);
        rig_begin(maker, RIG_BUCKET);
        st_id visit = rig_visit(maker, NULL);
        assert_int_equal(rig_push_one(maker, rig_seal(maker), NULL), ST_VERDICT_HELD);
        rig_begin(other, RIG_BUCKET);
        (void)rig_set(other, &visit, "general_note", "tiếp", NULL);
        assert_int_equal(rig_push_one(other, rig_seal(other), NULL), ST_VERDICT_HELD);
        assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
        assert_string_equal(rig_value(r, &visit, "place", NULL), "nhà văn hóa");
        assert_string_equal(rig_value(r, &visit, "general_note", NULL), "tiếp");
    }
}

/* The one held change of a new visit by a phone that is suspended. */
static sync_held hold_visit(rig *r, rig_phone *phone, store_txn *txn)
{
    sync_held *list = NULL;
    size_t count = 0;
    st_id device = device_record(r, phone);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "suspended"), ST_OK);
    rig_begin(phone, RIG_BUCKET);
    st_id visit = rig_visit(phone, NULL);
    assert_int_equal(rig_push_one(phone, rig_seal(phone), NULL), ST_VERDICT_HELD);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, txn, NULL), ST_OK);
    assert_int_equal(sync_held_of_record(txn, &visit, &r->arena, &list, &count, NULL), ST_OK);
    assert_int_equal(count, 1);
    store_end(txn);
    return list[0];
}

/* Both phones have a change with this counter, each in an entry of its own. A row that names the
 * one's change in the other's entry is damaged: what lies there is never taken for it, whether the
 * entry is read now or was read before. */
static void test_the_same_counter_of_another_device(void **state)
{
    rig *r = *state;
    static rig_phone phones[2];
    static free_sets sets;
    sync_held held[2], strayed[2];
    free_source *source = NULL;
    store_txn txn = { 0 };
    rig_enrol(r, &phones[0], "an");
    rig_enrol(r, &phones[1], "binh");
    for (size_t k = 0; k < 2; k++)
        strayed[k] = held[k] = hold_visit(r, &phones[k], &txn);
    assert_int_equal(held[0].dot.counter, held[1].dot.counter);
    assert_int_not_equal(held[0].index, held[1].index);
    strayed[0].index = held[1].index;
    strayed[1].index = held[0].index;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    for (size_t turn = 0; turn < 2; turn++)
        for (size_t k = 0; k < 2; k++) {
            const st_change *change = NULL;
            assert_int_equal(free_sets_find(&sets, &txn, &strayed[k], &source, &change, NULL),
                             ST_E_CORRUPT);
            assert_null(change);
            assert_int_equal(free_sets_find(&sets, &txn, &held[k], &source, &change, NULL),
                             ST_OK);
            assert_memory_equal(&change->record, &held[k].record, sizeof change->record);
            assert_memory_equal(&change->dot, &held[k].dot, sizeof change->dot);
            assert_memory_equal(&source->row.device, &phones[k].device, sizeof(st_id));
        }
    store_end(&txn);
    free_sets_end(&sets);
}

/* What is held on the record, all of one device: the first for one reason, the rest for another. */
static void check_reasons(rig *r, const st_id *record, size_t want, st_hold first, st_hold behind)
{
    sync_held *list = NULL;
    size_t count = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_of_record(&txn, record, &r->arena, &list, &count, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(count, want);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i].reason, i == 0 ? first : behind);
}

static sync_row read_row(rig *r, uint64_t index)
{
    sync_row row;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = sync_row_get(&txn, index, &r->arena, &row, NULL);
    store_end(&txn);
    assert_int_equal(err, ST_OK);
    return row;
}

/* The entry says of so many changes that they are held for another reason. */
static void check_entry(rig *r, uint64_t index, uint32_t want, st_hold first, st_hold behind)
{
    sync_row row = read_row(r, index);
    assert_int_equal(row.kind, ST_ENTRY_HOLD);
    assert_int_equal(row.held_count, want);
    for (uint32_t i = 0; i < want; i++)
        assert_int_equal(row.held[i].reason, i == 0 ? first : behind);
    assert_int_equal(row.first, row.held[0].counter);
    assert_int_equal(row.last, row.held[want - 1].counter);
}

/* Two changes came in the wrong order, and before their record: nothing was in front of either. */
static void test_the_record_comes_and_something_else_holds_them(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    static const struct {
        const char *why, *status, *path;
        bool is_frozen;
        st_hold first, behind;
        uint64_t at;                           /* the entry that says so, behind those of before */
    } CASES[] = {
        { "suspended before it comes, which says so", "suspended", "general_note", false,
          ST_HOLD_SUSPENDED, ST_HOLD_SUSPENDED, 2 },
        { "revoked before it comes", "revoked", "general_note", false, ST_HOLD_REVOKED,
          ST_HOLD_REVOKED, 3 },
        { "the first is the office's to write", NULL, "ratings.m1.accepted_rating", false,
          ST_HOLD_ROLE, ST_HOLD_WAITS, 2 },
        { "the first is frozen, and not judged again", NULL, "general_note", true,
          ST_HOLD_FROZEN, ST_HOLD_WAITS, 2 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s\n", CASES[i].why);
        rig_enrol(r, &an, "an");
        rig_enrol(r, &binh, "binh");
        st_under under = { .dot = { binh.device, 1 }, .kind = ST_ACT_FINALISE };
        rig_begin(&binh, RIG_BUCKET);
        st_id visit = rig_visit(&binh, NULL);
        store_slice made = rig_seal(&binh);
        rig_begin(&an, RIG_BUCKET);
        st_change *change = rig_change(&an, &visit);
        (void)rig_op(&an, change, "visit", CASES[i].path, "dat");
        change->under = CASES[i].is_frozen ? &under : NULL;
        change->under_count = CASES[i].is_frozen ? 1 : 0;
        store_slice first = rig_seal(&an);
        rig_begin(&an, RIG_BUCKET);
        (void)rig_set(&an, &visit, "place", "sau", NULL);
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
        assert_int_equal(rig_push_one(&an, first, NULL), ST_VERDICT_HELD);
        check_reasons(r, &visit, 2, CASES[i].is_frozen ? ST_HOLD_FROZEN : ST_HOLD_NO_RECORD,
                      ST_HOLD_NO_RECORD);
        uint64_t before = rig_log_size(r);
        st_id device = device_record(r, &an);
        if (CASES[i].status != NULL)
            assert_int_equal(rig_edit(r, &device, NULL, "status", CASES[i].status), ST_OK);
        assert_int_equal(rig_push_one(&binh, made, NULL), ST_VERDICT_STORED);
        check_reasons(r, &visit, 2, CASES[i].first, CASES[i].behind);
        assert_int_equal(rig_log_size(r), before + (CASES[i].status == NULL ? 2 : 3));
        if (CASES[i].is_frozen)
            check_entry(r, before + CASES[i].at, 1, CASES[i].behind, CASES[i].behind);
        else
            check_entry(r, before + CASES[i].at, 2, CASES[i].first, CASES[i].behind);
    }
}

/* A suspended phone writes one change for the office, where it is asked to, and then so many; in
 * sets of 120. Returns the first of them. */
static st_dot write_many(rig *r, rig_phone *phone, const st_id *visit, size_t many, bool is_bad)
{
    st_id device = device_record(r, phone);
    st_dot first = { 0 }, last = { 0 };
    assert_int_equal(rig_edit(r, &device, NULL, "status", "suspended"), ST_OK);
    rig_begin(phone, RIG_BUCKET);
    st_change *change = rig_change(phone, visit);
    (void)rig_op(phone, change, "visit", is_bad ? "ratings.m1.accepted_rating" : "place", "dat");
    first = change->dot;
    assert_int_equal(rig_push_one(phone, rig_seal(phone), NULL), ST_VERDICT_HELD);
    for (size_t i = 0; i < many; i++) {
        if (i % 120 == 0)
            rig_begin(phone, RIG_BUCKET);
        last = rig_set(phone, visit, "general_note", "sau", i == 0 ? NULL : &last);
        if (i % 120 == 119)
            assert_int_equal(rig_push_one(phone, rig_seal(phone), NULL), ST_VERDICT_HELD);
    }
    check_reasons(r, visit, many + 1, ST_HOLD_SUSPENDED, ST_HOLD_SUSPENDED);
    return first;
}

static st_err decide(rig *r, const st_id *visit, const st_dot *dot, bool accept, uint32_t *settled)
{
    sync_held held;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_by_dot(&txn, visit, dot, &held, NULL), ST_OK);
    store_end(&txn);
    sync_decision decision = { held.n, accept, rig_person(r, "office"), "xem" };
    return sync_settle(r->srv.writer, &decision, settled, NULL);
}

#define MANY 1080

/* More than one entry may name wait behind one that the office has to see; none is judged again
 * until it has, and then they come in. */
static void test_a_suspension_is_lifted_and_the_first_stays(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    uint32_t settled = 0;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&binh, RIG_BUCKET);
    st_id visit = rig_visit(&binh, NULL), device = device_record(r, &an);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    st_dot first = write_many(r, &an, &visit, MANY, true);
    uint64_t before = rig_log_size(r);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
    check_reasons(r, &visit, MANY + 1, ST_HOLD_ROLE, ST_HOLD_WAITS);
    assert_int_equal(rig_log_size(r), before + 3);
    check_entry(r, before + 2, ST_SET_CHANGES_MAX, ST_HOLD_ROLE, ST_HOLD_WAITS);
    check_entry(r, before + 3, MANY + 1 - ST_SET_CHANGES_MAX, ST_HOLD_WAITS, ST_HOLD_WAITS);
    assert_int_equal(rig_verify(r), 0);
    assert_int_equal(decide(r, &visit, &first, true, &settled), ST_OK);
    check_reasons(r, &visit, 0, ST_HOLD_NONE, ST_HOLD_NONE);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "sau");
    assert_int_equal(values, 1);
}

/* The last entries name so many changes in all, each so few that its leaf can be read. */
static void check_decisions(rig *r, uint64_t from, st_entry_kind kind, size_t want)
{
    size_t named = 0;
    for (uint64_t index = from; index <= rig_log_size(r); index++) {
        sync_row row = read_row(r, index);
        st_leaf back, leaf = sync_row_leaf(&row, NULL);
        st_buffer bytes;
        assert_int_equal(row.kind, kind);
        named += row.counters_count;
        st_buffer_init(&bytes, ST_LEAF_BYTES_MAX);
        assert_int_equal(st_leaf_encode(&leaf, &bytes, NULL), ST_OK);
        assert_int_equal(st_leaf_decode(bytes.data, bytes.len, &r->arena, &back, NULL), ST_OK);
        st_buffer_free(&bytes);
    }
    assert_int_equal(named, want);
}

#define TOO_MANY 2160

/* More than a leaf may name go in, or are declined with the first: in several entries. */
static void test_more_than_an_entry_may_name(void **state)
{
    rig *r = *state;
    static rig_phone an, binh;
    uint32_t settled = 0;
    rig_enrol(r, &binh, "binh");
    rig_begin(&binh, RIG_BUCKET);
    st_id visit = rig_visit(&binh, NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    rig_enrol(r, &an, "an");
    st_id device = device_record(r, &an);
    (void)write_many(r, &an, &visit, TOO_MANY, false);
    uint64_t before = rig_log_size(r);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
    check_reasons(r, &visit, 0, ST_HOLD_NONE, ST_HOLD_NONE);
    check_decisions(r, before + 2, ST_ENTRY_VERDICT, TOO_MANY + 1);
    st_dot first = write_many(r, &an, &visit, TOO_MANY, true);
    before = rig_log_size(r);
    assert_int_equal(decide(r, &visit, &first, false, &settled), ST_OK);
    assert_int_equal(settled, TOO_MANY + 1);
    check_reasons(r, &visit, 0, ST_HOLD_NONE, ST_HOLD_NONE);
    check_decisions(r, before + 1, ST_ENTRY_DECLINE, TOO_MANY + 1);
}

/* So many visits in full sets of the bucket. */
static void write_visits(rig_phone *phone, const char *bucket, size_t many, st_hold want)
{
    st_hold reason = ST_HOLD_NONE;
    for (size_t i = 1; i <= many; i++) {
        if (i % RIG_CHANGES_MAX == 1)
            rig_begin(phone, bucket);
        (void)rig_visit(phone, NULL);
        if (i % RIG_CHANGES_MAX != 0 && i < many)
            continue;
        (void)rig_push_one(phone, rig_seal(phone), &reason);
        assert_int_equal(reason, want);
    }
}

static uint64_t count_held(rig *r)
{
    uint64_t count = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_count(&txn, &count, NULL), ST_OK);
    store_end(&txn);
    return count;
}

#define UNITS (FOLD_VECTORS + 3)

/* More units than vectors are kept at a time: each is saved, as the book is verified at the end. */
static void test_lifted_in_many_units(void **state)
{
    rig *r = *state;
    static rig_phone an;
    char bucket[64];
    for (size_t i = 1; i <= UNITS; i++) {
        (void)snprintf(bucket, sizeof bucket, "01477-x%03zu", i);
        (void)rig_assign(r, "an", bucket);
    }
    rig_enrol(r, &an, "an");
    st_id device = device_record(r, &an);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "suspended"), ST_OK);
    for (size_t i = 0; i < 2 * UNITS; i++) {
        (void)snprintf(bucket, sizeof bucket, "01477/unit/01477-x%03zu", i % UNITS + 1);
        write_visits(&an, bucket, 4, ST_HOLD_SUSPENDED);
    }
    assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
    assert_int_equal(count_held(r), 0);
}

/* What the book is the fold of is looked at by the others: that takes as long as the log is. */
static int close_rig(void **state)
{
    rig_close(*state);
    return 0;
}

#define MANY_RECORDS 8192

/* Where the vector of the unit was read for each record of a suspended phone, this took minutes. */
static void test_so_many_records_of_one_device(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    st_id device = device_record(r, &an);
    for (size_t i = 0; i < MANY_RECORDS; i++) {
        st_id record;
        if (i % RIG_CHANGES_MAX == 0)
            rig_begin(&an, RIG_BUCKET);
        rig_random(r, record.b, sizeof record.b);
        (void)rig_set(&an, &record, "general_note", "a", NULL);
        if (i % RIG_CHANGES_MAX == RIG_CHANGES_MAX - 1)
            assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
    }
    assert_int_equal(rig_edit(r, &device, NULL, "status", "suspended"), ST_OK);
    write_visits(&an, RIG_BUCKET, MANY_RECORDS, ST_HOLD_SUSPENDED);
    assert_int_equal(count_held(r), 2 * MANY_RECORDS);
    assert_int_equal(rig_edit(r, &device, NULL, "status", "active"), ST_OK);
    assert_int_equal(count_held(r), MANY_RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_thousand_changes_wait_for_one_set, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_device_waits_for_another, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_same_counter_of_another_device, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_record_comes_and_something_else_holds_them,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_suspension_is_lifted_and_the_first_stays, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_more_than_an_entry_may_name, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lifted_in_many_units, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_so_many_records_of_one_device, rig_setup,
                                        close_rig),
    };
    return cmocka_run_group_tests_name("free", tests, NULL, NULL);
}
