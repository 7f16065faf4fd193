/* tests/unit/server/test_own_clock.c
 * The clock of the office's machine: an old battery, somebody who sets it, a daemon that steers it.
 * Each step is one entry; a clock that lies more than a day before the book takes nothing in. */
#include "tests/unit/server/server_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/operator/again.h"
#include "server/store/pack.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"
#include "server/sync/row.h"
#include "server/sync/second.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define YEAR_MS (365 * DAY_MS)

static const char WORD_STEP[] = "server_step", WORD_START[] = "server_start";

static sync_row row_at(rig *r, uint64_t index)
{
    sync_row row;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_row_get(&txn, index, &r->arena, &row, NULL), ST_OK);
    const void *note = st_arena_copy(&r->arena, row.note.data, row.note.len);
    row.note.data = note;
    store_end(&txn);
    return row;
}

/* What the entry says of the clock. */
static own_clock_said said_at(rig *r, uint64_t index)
{
    sync_row row = row_at(r, index);
    own_clock_said said = { NULL, 0, 0, NULL, 0 };
    assert_true(own_clock_parse(&row, &said));
    return said;
}

static st_err nothing(writer_turn *turn, void *argument, st_error *error)
{
    (void)turn, (void)argument, (void)error;
    return ST_OK;
}

/* What the server does each second. */
static st_err tick(rig *r)
{
    writer_job job = { .run = nothing };
    return own_clock_look(r->srv.sync.clock) ? writer_submit(r->srv.writer, &job, NULL) : ST_OK;
}

static void pass(rig *r, int64_t ms, int64_t each_ms)
{
    for (int64_t gone = 0; gone < ms; gone += each_ms) {
        r->now_ms += each_ms;
        assert_int_equal(tick(r), ST_OK);
    }
}

/* ---- while it runs ---- */

static void test_each_step_is_one_entry(void **state)
{
    static const int64_t SKEWS[] = { 11000, -3 * HOUR_MS, 5 * YEAR_MS, -2 * DAY_MS };
    rig *r = *state;
    pass(r, 5 * MINUTE_MS, 1000);
    for (size_t i = 0; i < sizeof SKEWS / sizeof SKEWS[0]; i++) {
        uint64_t size = rig_log_size(r);
        int64_t before_ms = r->now_ms + r->skew_ms;
        r->skew_ms += SKEWS[i];
        pass(r, 3 * MINUTE_MS, 1000);
        assert_int_equal(rig_log_size(r), size + 1);
        own_clock_said said = said_at(r, size + 1);
        assert_string_equal(said.word, WORD_STEP);
        assert_int_equal(said.from_ms, before_ms + 1000);
        assert_int_equal(said.to_ms - said.from_ms, SKEWS[i]);
        assert_int_equal(said.words_len, 0);
    }
}

/* A daemon steers by a twelfth at most; a machine that slept has both clocks behind it. */
static void test_slow_steering_and_sleep_are_none(void **state)
{
    rig *r = *state;
    uint64_t size = rig_log_size(r);
    for (int i = 0; i < 3600; i++) {
        r->skew_ms += i < 1800 ? 83 : -83;
        pass(r, 1000, 1000);
    }
    r->now_ms += 30 * DAY_MS;
    pass(r, MINUTE_MS, 1000);
    r->skew_ms += 9000;
    pass(r, 3 * MINUTE_MS, 1000);
    assert_int_equal(rig_log_size(r), size);
}

/* Two programs that both set it: few entries, and all steps are counted. */
static void test_many_steps_are_few_entries(void **state)
{
    rig *r = *state;
    pass(r, 2 * HOUR_MS, MINUTE_MS);
    uint64_t size = rig_log_size(r);
    for (int i = 0; i < 1000; i++) {
        r->skew_ms += i % 2 == 0 ? HOUR_MS : -HOUR_MS;
        pass(r, 1000, 1000);
    }
    assert_int_equal(rig_log_size(r), size + OWN_CLOCK_NOTES_MAX);
    pass(r, HOUR_MS, MINUTE_MS);
    assert_int_equal(rig_log_size(r), size + OWN_CLOCK_NOTES_MAX + 1);
    own_clock_said said = said_at(r, rig_log_size(r));
    assert_int_equal(said.words_len, strlen("990 steps"));
    assert_memory_equal(said.words, "990 steps", said.words_len);
}

/* The note comes before what was taken in behind the step, in the same turn. */
static void test_the_note_comes_first(void **state)
{
    rig *r = *state;
    const char *fields[] = { "login", "dung", "full_name", "Dung", "roles", "officer",
                             "active", "true", NULL };
    pass(r, MINUTE_MS, 1000);
    uint64_t size = rig_log_size(r);
    r->skew_ms -= HOUR_MS;
    (void)rig_author(r, "person", fields);
    assert_int_equal(rig_log_size(r), size + 2);
    assert_string_equal(said_at(r, size + 1).word, WORD_STEP);
    assert_int_equal(row_at(r, size + 2).time_ms, row_at(r, size).time_ms);
}

static int64_t jump_of(rig *r)
{
    store_txn txn = { 0 };
    int64_t jump_ms = -1;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(own_clock_jump(&txn, &jump_ms, NULL), ST_OK);
    store_end(&txn);
    return jump_ms;
}

/* Its entry waits for the next hour, what grows old knows of it at once. */
static void test_a_jump_behind_many_steps_is_known(void **state)
{
    rig *r = *state;
    pass(r, 2 * HOUR_MS, MINUTE_MS);
    for (int i = 0; i < 12; i++) {
        r->skew_ms += i % 2 == 0 ? HOUR_MS : -HOUR_MS;
        pass(r, 1000, 1000);
    }
    uint64_t size = rig_log_size(r);
    for (int i = 0; i < 3; i++) {
        r->skew_ms += 100 * DAY_MS;
        pass(r, 1000, 1000);
        assert_int_equal(jump_of(r), r->now_ms + r->skew_ms);
        assert_false(own_clock_look(r->srv.sync.clock));
    }
    assert_int_equal(rig_log_size(r), size);
    pass(r, HOUR_MS, MINUTE_MS);
    assert_int_equal(rig_log_size(r), size + 1);
    own_clock_said said = said_at(r, size + 1);
    assert_memory_equal(said.words, "5 steps", said.words_len);
}

/* ---- at the start ---- */

static void test_less_than_a_day_back_goes_on(void **state)
{
    rig *r = *state;
    uint64_t size = rig_log_size(r);
    int64_t last_ms = row_at(r, size).time_ms;
    r->skew_ms = -23 * HOUR_MS;
    rig_reopen(r);
    assert_false(own_clock_waits(r->srv.sync.clock));
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size + 1);
    own_clock_said said = said_at(r, size + 1);
    assert_string_equal(said.word, WORD_START);
    assert_int_equal(said.from_ms, last_ms);
    assert_int_equal(row_at(r, size + 1).time_ms, last_ms);
    for (int i = 0; i < 5; i++) { /* started again and again: said once */
        rig_reopen(r);
        pass(r, 3000, 1000);
    }
    assert_int_equal(rig_log_size(r), size + 1);
}

/* While the clock catches up with the book it is set back once more, with the machine off. */
static void test_a_second_step_back_is_said_too(void **state)
{
    rig *r = *state;
    r->skew_ms = -20 * HOUR_MS;
    rig_reopen(r);
    pass(r, 10 * HOUR_MS, MINUTE_MS);
    (void)rig_assign(r, "chi", RIG_UNIT);
    uint64_t size = rig_log_size(r);
    rig_reopen(r);
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size);
    r->skew_ms -= 8 * HOUR_MS;
    rig_reopen(r);
    int64_t started_ms = r->now_ms + r->skew_ms;
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size + 1);
    assert_string_equal(said_at(r, size + 1).word, WORD_START);
    assert_int_equal(said_at(r, size + 1).to_ms, started_ms);
    r->skew_ms -= HOUR_MS; /* while it runs: a step, and no start to be said again */
    pass(r, 3 * MINUTE_MS, 1000);
    assert_int_equal(rig_log_size(r), size + 2);
    assert_string_equal(said_at(r, size + 2).word, WORD_STEP);
    rig_reopen(r);
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size + 2);
}

/* In the very turn that notes the start, and before it. */
static void test_a_step_behind_the_start_is_noted_too(void **state)
{
    rig *r = *state;
    own_clock_step step;
    r->skew_ms = -3 * HOUR_MS;
    rig_reopen(r);
    uint64_t size = rig_log_size(r);
    assert_true(own_clock_due(r->srv.sync.clock, &step));
    r->skew_ms -= HOUR_MS;
    assert_true(own_clock_look(r->srv.sync.clock));
    own_clock_noted(r->srv.sync.clock, &step);
    assert_int_equal(tick(r), ST_OK);
    assert_int_equal(rig_log_size(r), size + 1);
    own_clock_said said = said_at(r, size + 1);
    assert_string_equal(said.word, WORD_STEP);
    assert_int_equal(said.to_ms - said.from_ms, -HOUR_MS);
    rig_reopen(r);
    r->skew_ms += 4 * HOUR_MS;
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size + 3);
    assert_string_equal(said_at(r, size + 2).word, WORD_START);
    assert_string_equal(said_at(r, size + 3).word, WORD_STEP);
    assert_int_equal(said_at(r, size + 3).to_ms - said_at(r, size + 3).from_ms, 4 * HOUR_MS);
}

static void no_words(const char *words)
{
    (void)words;
    fail();
}

static void test_more_than_a_day_back_waits(void **state)
{
    rig *r = *state;
    writer_job job = { .run = nothing };
    uint64_t size = rig_log_size(r);
    r->skew_ms = -2 * DAY_MS;
    rig_reopen(r);
    assert_true(own_clock_waits(r->srv.sync.clock));
    assert_false(own_clock_is_right(r->srv.sync.clock));
    pass(r, 3 * MINUTE_MS, 1000);
    assert_int_equal(writer_submit(r->srv.writer, &job, NULL), ST_E_BUSY);
    r->skew_ms = 0; /* the network's time has come */
    pass(r, 3000, 1000);
    assert_true(own_clock_is_right(r->srv.sync.clock));
    assert_int_equal(writer_submit(r->srv.writer, &job, NULL), ST_E_BUSY);
    assert_int_equal(rig_log_size(r), size);
    assert_int_equal(operator_begin(&r->srv, "en", no_words, NULL), ST_OK);
    assert_int_equal(operator_begin(&r->srv, "en", no_words, NULL), ST_OK);
    assert_false(own_clock_waits(r->srv.sync.clock));
    pass(r, 3000, 1000);
    assert_int_equal(rig_log_size(r), size + 1);
    assert_int_equal(said_at(r, size + 1).to_ms - said_at(r, size + 1).from_ms, 2 * DAY_MS);
}

typedef struct {
    st_id person;
} accept_call;

static st_err run_accept(writer_turn *turn, void *argument, st_error *error)
{
    const accept_call *call = argument;
    return own_clock_accept(turn, &call->person, "the battery was new", error);
}

static st_err accept(rig *r)
{
    accept_call call = { rig_person(r, "office") };
    writer_job job = { .run = run_accept, .argument = &call };
    if (!own_clock_begin(r->srv.sync.clock))
        return writer_submit(r->srv.writer, &job, NULL);
    st_err err = rooms_begin(&r->srv, NULL);
    if (err == ST_OK)
        err = writer_submit(r->srv.writer, &job, NULL);
    own_clock_began(r->srv.sync.clock, err == ST_OK);
    return err;
}

/* A clock was five years ahead, and is put right: from then on the book is held against it. */
static void test_an_accepted_clock_counts(void **state)
{
    rig *r = *state;
    r->skew_ms = 5 * YEAR_MS;
    (void)rig_assign(r, "chi", RIG_UNIT);
    uint64_t size = rig_log_size(r);
    int64_t last_ms = row_at(r, size).time_ms;
    r->skew_ms = 0;
    rig_reopen(r);
    assert_true(own_clock_waits(r->srv.sync.clock));
    assert_int_equal(accept(r), ST_OK);
    assert_false(own_clock_waits(r->srv.sync.clock));
    assert_int_equal(accept(r), ST_E_STATE);
    own_clock_said said = said_at(r, rig_log_size(r));
    assert_string_equal(said.word, "server_accept");
    assert_int_equal(said.from_ms, last_ms);
    assert_int_equal(said.to_ms, r->now_ms);
    assert_memory_equal(said.words, "the battery was new", said.words_len);
    r->now_ms += 3 * DAY_MS;
    (void)rig_assign(r, "chi", RIG_OTHER_UNIT);
    assert_int_equal(row_at(r, rig_log_size(r)).time_ms, last_ms);
    rig_reopen(r);
    assert_false(own_clock_waits(r->srv.sync.clock)); /* it is not asked at each start */
    r->skew_ms = -2 * DAY_MS;
    rig_reopen(r);
    assert_true(own_clock_waits(r->srv.sync.clock)); /* but two days back it is again */
    r->skew_ms = 0;
    r->now_ms += 6 * YEAR_MS;
    rig_reopen(r);
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    assert_int_equal(row_at(r, rig_log_size(r)).time_ms, r->now_ms);
    r->skew_ms = -2 * DAY_MS;
    rig_reopen(r);
    assert_true(own_clock_waits(r->srv.sync.clock)); /* it has caught up: the entries count again */
    r->skew_ms = 0;
    rig_reopen(r);
}

/* A store that was put back, on a machine whose clock is wrong: the epoch waits too, and comes
 * before the word of the operator. */
static void test_an_epoch_waits_too(void **state)
{
    rig *r = *state;
    uint64_t size = rig_log_size(r);
    assert_int_equal(side_set_size(r->srv.sync.side, size + 10, NULL), ST_OK);
    r->skew_ms = -2 * DAY_MS;
    rig_reopen(r);
    assert_int_equal(rig_log_size(r), size);
    assert_int_equal(accept(r), ST_OK);
    assert_int_equal(rig_log_size(r), size + 2);
    assert_int_equal(row_at(r, size + 1).kind, ST_ENTRY_EPOCH);
    assert_string_equal(said_at(r, size + 2).word, "server_accept");
}

static void *write_of_another(void *argument)
{
    rig *r = argument;
    writer_job job = { .run = nothing };
    return (void *)(intptr_t)writer_submit(r->srv.writer, &job, NULL);
}

static st_err another_writes(rig *r)
{
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, write_of_another, r), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return (st_err)(intptr_t)result;
}

static uint64_t newest_cut(rig *r)
{
    store_txn txn = { 0 };
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_epochs_read(&txn, &r->arena, &rows, &count, NULL), ST_OK);
    store_end(&txn);
    assert_true(count > 1);
    return rows[count - 1].cut;
}

/* An operator who tries it again and again gets no entry in before the new epoch, whose cut would
 * cover it; nor does the mark of a store that was put back keep the epoch out. */
static void test_nobody_writes_before_the_epoch(void **state)
{
    rig *r = *state;
    uint64_t size = rig_log_size(r);
    assert_int_equal(side_set_size(r->srv.sync.side, size + 10, NULL), ST_OK);
    assert_int_equal(side_mark(r->srv.sync.side, size, NULL), ST_OK);
    r->skew_ms = -2 * DAY_MS;
    r->threaded = true;
    rig_reopen(r);
    r->skew_ms = 0;
    assert_int_equal(another_writes(r), ST_E_BUSY);
    assert_true(own_clock_begin(r->srv.sync.clock));
    assert_int_equal(another_writes(r), ST_E_BUSY);
    assert_int_equal(rooms_begin(&r->srv, NULL), ST_OK);
    assert_int_equal(another_writes(r), ST_E_BUSY);
    own_clock_began(r->srv.sync.clock, true);
    assert_int_equal(another_writes(r), ST_OK);
    assert_int_equal(row_at(r, size + 1).kind, ST_ENTRY_EPOCH);
    assert_int_equal(newest_cut(r), size);
    assert_false(side_is_rolled_back(r->srv.sync.side));
}

/* ---- ages ---- */

static st_err run_ask(writer_turn *turn, void *argument, st_error *error)
{
    const char *words[] = { "epoch" };
    uint64_t *index = argument;
    const sync_second wish = { .person = turn->room->keys->device, .words = words,
                               .words_count = 1, .reason = "r" };
    return sync_second_ask(turn, &wish, index, error);
}

static st_err find_request(rig *r, uint64_t index, size_t *out_listed, st_error *error)
{
    store_txn txn = { 0 };
    sync_second found, *list = NULL;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    const second_view view = { &txn, r->now_ms + r->skew_ms, &r->arena };
    assert_int_equal(sync_second_list(&view, false, &list, out_listed, NULL), ST_OK);
    st_err err = sync_second_find(&view, index, &found, error);
    store_end(&txn);
    return err;
}

/* The times of the log stand still for five years: by the clock a request lapses all the same, it
 * is said to have, and what is long over is not looked through for ever. */
static void test_a_request_lapses_where_times_stand_still(void **state)
{
    rig *r = *state;
    st_error error = { 0 };
    uint64_t index = 0;
    size_t listed = 0;
    writer_job job = { .run = run_ask, .argument = &index };
    r->skew_ms = 5 * YEAR_MS;
    (void)rig_assign(r, "chi", RIG_UNIT);
    r->skew_ms = 0;
    rig_reopen(r);
    assert_int_equal(accept(r), ST_OK);
    r->now_ms += HOUR_MS;
    assert_int_equal(writer_submit(r->srv.writer, &job, NULL), ST_OK);
    r->now_ms += 3 * DAY_MS - 1;
    assert_int_equal(find_request(r, index, &listed, &error), ST_OK);
    r->now_ms += 1;
    assert_int_equal(find_request(r, index, &listed, &error), ST_E_STATE);
    assert_non_null(strstr(error.detail, "lapsed"));
    r->now_ms += DAY_MS;
    assert_int_equal(find_request(r, index, &listed, &error), ST_E_STATE);
    assert_non_null(strstr(error.detail, "lapsed"));
    assert_int_equal(listed, 0);
}

static void test_nothing_grows_old_by_a_jump(void **state)
{
    static const struct { int64_t since, now, jump, age; } CASES[] = {
        { 100, 350, 0, 250 },     { 350, 100, 0, 0 },    { 100, 350, 300, 50 },
        { 100, 350, 100, 250 },   { 320, 350, 300, 30 }, { 900, 350, 300, 50 },
        { 900, 350, 400, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(own_clock_age(CASES[i].since, CASES[i].now, CASES[i].jump),
                         CASES[i].age);
}

static void test_only_a_day_and_more_is_a_jump(void **state)
{
    rig *r = *state;
    pass(r, MINUTE_MS, 1000);
    r->skew_ms += 20 * HOUR_MS;
    pass(r, 1000, 1000);
    assert_int_equal(jump_of(r), 0);
    r->skew_ms += 2 * DAY_MS;
    pass(r, 1000, 1000);
    assert_int_equal(jump_of(r), r->now_ms + r->skew_ms);
}

static void test_other_notes_are_none_of_the_clock(void **state)
{
    static const char *const NOTES[] = { "", "clock", "clock step\n", "clock step 1 x\n",
                                         "ask epoch\nclock step 1 2\n", "clock step 1 2",
                                         "clock stop 1 2\n" };
    (void)state;
    for (size_t i = 0; i < sizeof NOTES / sizeof NOTES[0]; i++) {
        own_clock_said said;
        sync_row row;
        memset(&row, 0, sizeof row);
        row.kind = ST_ENTRY_NOTE;
        row.note = store_text(NOTES[i]);
        assert_false(own_clock_parse(&row, &said));
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_step_is_one_entry),
        CASE(test_slow_steering_and_sleep_are_none),
        CASE(test_many_steps_are_few_entries),
        CASE(test_the_note_comes_first),
        CASE(test_a_jump_behind_many_steps_is_known),
        CASE(test_less_than_a_day_back_goes_on),
        CASE(test_a_second_step_back_is_said_too),
        CASE(test_a_step_behind_the_start_is_noted_too),
        CASE(test_more_than_a_day_back_waits),
        CASE(test_an_accepted_clock_counts),
        CASE(test_an_epoch_waits_too),
        CASE(test_nobody_writes_before_the_epoch),
        cmocka_unit_test(test_nothing_grows_old_by_a_jump),
        CASE(test_a_request_lapses_where_times_stand_still),
        CASE(test_only_a_day_and_more_is_a_jump),
        cmocka_unit_test(test_other_notes_are_none_of_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
