/* tests/unit/server/test_free.c
 * What arrived before the record it is about takes effect when the record comes: however much it
 * is, whoever brought it, and in whatever order the devices are looked at. A set is never turned
 * away because of what waits for it. A change is found by its entry and its device. */
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_thousand_changes_wait_for_one_set, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_device_waits_for_another, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_same_counter_of_another_device, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests_name("free", tests, NULL, NULL);
}
