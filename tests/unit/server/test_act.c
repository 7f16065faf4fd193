/* tests/unit/server/test_act.c
 * Acts of the office have their own words in the log; refused logins are said at ten, a hundred, a
 * thousand within an hour and cost nothing between. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/act.h"
#include "server/sync/enrol.h"
#include "server/sync/row.h"

/* The last entry: its kind, and its note in `note`. */
static st_entry_kind last_entry(rig *r, char note[80])
{
    sync_row row;
    store_txn txn = { 0 };
    uint64_t size = rig_log_size(r);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_row_get(&txn, size, &r->arena, &row, NULL), ST_OK);
    assert_true(row.note.len < 80);
    if (row.note.len > 0)
        memcpy(note, row.note.data, row.note.len);
    note[row.note.len] = '\0';
    store_end(&txn);
    return row.kind;
}

static void refuse(rig *r, unsigned times)
{
    writer_turn turn = { .room = &r->srv.sync };
    for (unsigned i = 0; i < times; i++) {
        uint64_t count = act_count_refusal(&turn);
        if (count > 0)
            assert_int_equal(act_say_refused(r->srv.writer, count, NULL), ST_OK);
    }
}

static void test_refusals_are_said_at_ten_times_as_many(void **state)
{
    rig *r = *state;
    char note[80];
    uint64_t size = rig_log_size(r);
    refuse(r, 9);
    assert_int_equal(rig_log_size(r), size);
    refuse(r, 1);
    assert_int_equal(rig_log_size(r), size + 1);
    assert_int_equal(last_entry(r, note), ST_ENTRY_LOGIN);
    assert_string_equal(note, "10 refused within an hour");
    refuse(r, 89);
    assert_int_equal(rig_log_size(r), size + 1);
    refuse(r, 1);
    assert_int_equal(rig_log_size(r), size + 2);
    (void)last_entry(r, note);
    assert_string_equal(note, "100 refused within an hour");
    refuse(r, 899);
    assert_int_equal(rig_log_size(r), size + 2);
    refuse(r, 1);
    assert_int_equal(rig_log_size(r), size + 3);
}

static void test_an_hour_later_they_are_counted_anew(void **state)
{
    rig *r = *state;
    uint64_t size = rig_log_size(r);
    refuse(r, 9);
    r->now_ms += ACT_REFUSED_MS;
    refuse(r, 9);
    assert_int_equal(rig_log_size(r), size);
    refuse(r, 1);
    assert_int_equal(rig_log_size(r), size + 1);
    refuse(r, 9);
    r->now_ms -= 2 * ACT_REFUSED_MS; /* a clock that was set back begins a new hour, too */
    refuse(r, 9);
    assert_int_equal(rig_log_size(r), size + 1);
    refuse(r, 1);
    assert_int_equal(rig_log_size(r), size + 2);
}

/* A code that nobody gave out: a refusal is one for the count, whatever the phone. */
static void test_a_wrong_code_counts(void **state)
{
    rig *r = *state;
    char note[80];
    st_enrol_ask ask;
    st_enrol_answer answer;
    st_arena arena;
    uint8_t seed[32] = { 7 }, secret[64], text[ST_ENROL_SIGN_BYTES];
    uint64_t size = rig_log_size(r);
    memset(&ask, 0, sizeof ask);
    st_arena_init(&arena, 1u << 22);
    st_sign_keypair(seed, ask.sign_key, secret);
    for (unsigned i = 0; i < ACT_REFUSED_MIN; i++) {
        assert_int_equal(rig_log_size(r), size);
        ask.code[0] = (uint8_t)i;
        st_enrol_sign_text(&ask, r->srv.sync.keys->log_public, text);
        st_sign(secret, text, sizeof text, ask.proof);
        assert_int_equal(sync_enrol(r->srv.writer, &ask, &arena, &answer, NULL), ST_E_ENROL);
        st_arena_reset(&arena);
    }
    assert_int_equal(last_entry(r, note), ST_ENTRY_LOGIN);
    ask.proof[0] ^= 1; /* what its key did not sign is no guess at a code */
    size = rig_log_size(r);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(sync_enrol(r->srv.writer, &ask, &arena, &answer, NULL), ST_E_SIGNATURE);
    assert_int_equal(rig_log_size(r), size);
    st_arena_reset(&arena);
}

static void test_words(void **state)
{
    (void)state;
    for (int kind = ST_ENTRY_NONE; kind < ST_ENTRY_COUNT; kind++) {
        bool is_work = kind == ST_ENTRY_NONE || kind == ST_ENTRY_CHANGE ||
                       kind == ST_ENTRY_VERDICT || kind == ST_ENTRY_HOLD || kind == ST_ENTRY_GAP ||
                       kind == ST_ENTRY_FORK || kind == ST_ENTRY_ATTACHMENT ||
                       kind == ST_ENTRY_NOTE;
        assert_int_equal(act_is_listed((st_entry_kind)kind), !is_work);
    }
}

/* What people do on their own phones is recording, also when an operator could have done it. */
static void test_kinds_of_sets(void **state)
{
    rig *r = *state;
    char note[80];
    static rig_phone an;
    st_id binh = rig_person(r, "binh");
    assert_int_equal(last_entry(r, note), ST_ENTRY_ASSIGN);
    assert_int_equal(rig_edit(r, &binh, NULL, "full_name", "Bình"), ST_OK);
    assert_int_equal(last_entry(r, note), ST_ENTRY_USER);
    assert_int_equal(rig_edit(r, &binh, NULL, "roles", "office"), ST_OK);
    assert_int_equal(last_entry(r, note), ST_ENTRY_ROLE);
    rig_enrol(r, &an, "an");
    assert_int_equal(last_entry(r, note), ST_ENTRY_ENROL);
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "ghi");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_int_equal(last_entry(r, note), ST_ENTRY_CHANGE);
    rig_begin(&an, RIG_BUCKET);
    rig_change(&an, &visit)->act = ST_ACT_FINALISE;
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_int_equal(last_entry(r, note), ST_ENTRY_CHANGE);
    assert_int_equal(act_note(r->srv.writer, ST_ENTRY_EXPORT, "csv visit: 1", NULL), ST_OK);
    assert_int_equal(last_entry(r, note), ST_ENTRY_EXPORT);
    assert_string_equal(note, "csv visit: 1");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusals_are_said_at_ten_times_as_many),
        CASE(test_an_hour_later_they_are_counted_anew),
        CASE(test_a_wrong_code_counts),
        CASE(test_kinds_of_sets),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("act", tests, NULL, NULL);
}
