/* tests/unit/server/test_bits.c
 * What a phone signed and what the server noted of it is kept as it came: each turned bit of a
 * stored entry and of its leaf is found by the book's own check (all bits with TEST_LONG=1, else
 * some dozens: a check folds the whole log), and each turned bit of what a phone sends is found
 * before it is taken in. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/changeset.h"
#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/row.h"
#include "server/sync/settle.h"
#include "server/sync/verify.h"

#define ROW_BYTES_MAX 8192u

/* A row of the book, held in the hand. */
typedef struct {
    rig *r;
    store_table table;
    pack_key key;
    uint8_t bytes[ROW_BYTES_MAX];
    size_t len;
} held_row;

static held_row *take_row(rig *r, store_table table, uint64_t index)
{
    held_row *row = calloc(1, sizeof *row);
    store_txn txn = { 0 };
    store_slice found = { 0 };
    assert_non_null(row);
    row->r = r;
    row->table = table;
    row->key = pack_u64(index);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, table, pack_key_slice(&row->key), &found, NULL), ST_OK);
    assert_true(found.len > 0 && found.len <= sizeof row->bytes);
    memcpy(row->bytes, found.data, found.len);
    row->len = found.len;
    store_end(&txn);
    return row;
}

static void put_row(const held_row *row)
{
    store_txn txn = { 0 };
    assert_int_equal(store_begin(row->r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_put(&txn, row->table, pack_key_slice(&row->key),
                               store_bytes(row->bytes, row->len), NULL),
                     ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
}

static void turn_bit(held_row *row, size_t bit)
{
    row->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    put_row(row);
}

static size_t step(size_t bits, size_t wanted)
{
    const char *is_long = getenv("TEST_LONG");
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        return 1;
    size_t every = bits / wanted;
    return every % 8 == 0 ? every + 1 : every; /* not the same bit of each byte */
}

static uint64_t wrong_now(rig *r)
{
    verify_report report;
    assert_int_equal(sync_verify(&r->srv.sync, NULL, NULL, &report, NULL), ST_OK);
    return report.wrong;
}

/* The book is whole, is not with one bit turned, and is again with it turned back. */
static void turn_all(rig *r, store_table table, uint64_t index)
{
    held_row *row = take_row(r, table, index);
    size_t bits = row->len * 8;
    assert_int_equal(rig_verify(r), 0);
    for (size_t bit = 0; bit < bits; bit += step(bits, 8)) {
        turn_bit(row, bit);
        if (wrong_now(r) == 0)
            fail_msg("%s: bit %zu of byte %zu of %zu was not seen", store_table_name(table),
                     bit % 8, bit / 8, row->len);
        turn_bit(row, bit);
    }
    assert_int_equal(rig_verify(r), 0);
    free(row);
}

static size_t place_of(const held_row *row, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at + len <= row->len; at++)
        if (memcmp(row->bytes + at, text, len) == 0)
            return at;
    fail_msg("the row holds no \"%s\"", text);
    return 0;
}

/* The same of each byte of a text in a row of the log. */
static void turn_text(rig *r, uint64_t index, const char *text)
{
    held_row *row = take_row(r, STORE_LOG, index);
    size_t first = place_of(row, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        turn_bit(row, (first + i) * 8 + i % 8);
        if (wrong_now(r) == 0)
            fail_msg("byte %zu of \"%s\" was not seen", i, text);
        turn_bit(row, (first + i) * 8 + i % 8);
    }
    assert_int_equal(rig_verify(r), 0);
    free(row);
}

static void test_a_stored_set(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "ghi");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    turn_all(r, STORE_LOG, rig_log_size(r));
    turn_all(r, STORE_LEAF, rig_log_size(r));
}

/* A decision is the server's word alone: no phone's signature covers it. */
static void test_a_decision(void **state)
{
    rig *r = *state;
    static rig_phone chi;
    uint32_t count = 0;
    rig_enrol(r, &chi, "chi");
    rig_begin(&chi, RIG_BUCKET);
    (void)rig_visit(&chi, "ghi"); /* has no unit: waits */
    assert_int_equal(rig_push_one(&chi, rig_seal(&chi), NULL), ST_VERDICT_HELD);
    turn_all(r, STORE_LOG, rig_log_size(r));
    sync_decision decision = { 1, true, rig_person(r, "office"), "đã xem" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &count, NULL), ST_OK);
    assert_int_equal(count, 1);
    turn_text(r, rig_log_size(r), decision.reason);
    turn_all(r, STORE_LOG, rig_log_size(r));
    turn_all(r, STORE_LEAF, rig_log_size(r));
}

/* Rows that were written before notes were bound have no key: they are read, and their leaf is what
 * it was; a key that was cut is damage. */
static void test_a_row_of_before(void **state)
{
    rig *r = *state;
    st_buffer bytes;
    sync_row row = { .kind = ST_ENTRY_ADDRESS, .time_ms = 5, .note = store_text("http://h") };
    sync_row back;
    st_buffer_init(&bytes, 4096);
    assert_int_equal(sync_row_encode(&row, &bytes, NULL), ST_OK);
    size_t before = bytes.len;
    assert_int_equal(sync_row_decode(store_bytes(bytes.data, before), &r->arena, &back, NULL),
                     ST_OK);
    assert_false(back.has_note_key);
    assert_false(sync_row_leaf(&back, NULL).has_commit);
    row.has_note_key = true;
    memset(row.note_key, 7, sizeof row.note_key);
    st_buffer_clear(&bytes);
    assert_int_equal(sync_row_encode(&row, &bytes, NULL), ST_OK);
    assert_int_equal(bytes.len, before + sizeof row.note_key);
    for (size_t len = before + 1; len < bytes.len; len++)
        assert_int_equal(sync_row_decode(store_bytes(bytes.data, len), &r->arena, &back, NULL),
                         ST_E_CORRUPT);
    assert_int_equal(sync_row_decode(store_bytes(bytes.data, bytes.len), &r->arena, &back, NULL),
                     ST_OK);
    st_hash bound = sync_row_leaf(&back, NULL).commit;
    assert_true(sync_row_leaf(&back, NULL).has_commit);
    row.wall_ms = 4;                           /* and the server's clock, behind it */
    size_t with_key = bytes.len;
    st_buffer_clear(&bytes);
    assert_int_equal(sync_row_encode(&row, &bytes, NULL), ST_OK);
    for (size_t len = with_key + 1; len < bytes.len; len++)
        assert_int_equal(sync_row_decode(store_bytes(bytes.data, len), &r->arena, &back, NULL),
                         ST_E_CORRUPT);
    assert_int_equal(sync_row_decode(store_bytes(bytes.data, bytes.len), &r->arena, &back, NULL),
                     ST_OK);
    assert_int_equal(back.wall_ms, 4);
    assert_int_equal(sync_row_when(&back), 4);
    assert_int_equal(sync_row_leaf(&back, NULL).time_ms, 5);
    back.note_key[0] ^= 1;
    st_hash other = sync_row_leaf(&back, NULL).commit;
    assert_memory_not_equal(bound.b, other.b, sizeof bound.b);
    st_buffer_free(&bytes);
}

/* ---- on the way ---- */

static bool is_whole(rig_phone *phone, store_slice set)
{
    st_set read;
    st_arena arena;
    memset(&read, 0, sizeof read);
    st_arena_init(&arena, 1u << 22);
    st_err err = st_set_decode(set.data, set.len, &arena, &read, NULL);
    bool is_good = (err == ST_OK || read.bytes != NULL) &&
                   st_set_verify(&read, &phone->r->srv.sync.keys->log, phone->public_key);
    st_arena_reset(&arena);
    return is_good;
}

static void test_a_set_on_its_way(void **state)
{
    rig *r = *state;
    static rig_phone an;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "ghi");
    (void)rig_set(&an, &visit, "place", "xóm", NULL);
    store_slice set = rig_seal(&an);
    uint8_t *bytes = st_arena_copy(&r->arena, set.data, set.len);
    assert_non_null(bytes);
    store_slice copy = store_bytes(bytes, set.len);
    assert_true(is_whole(&an, copy));
    for (size_t bit = 0; bit < set.len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (is_whole(&an, copy))
            fail_msg("bit %zu of byte %zu of %zu was not seen", bit % 8, bit / 8, set.len);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(is_whole(&an, copy));
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_stored_set),
        CASE(test_a_decision),
        CASE(test_a_row_of_before),
        CASE(test_a_set_on_its_way),
    };
    return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
