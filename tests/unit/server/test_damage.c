/* tests/unit/server/test_damage.c
 * A book whose pages were damaged - by a disk, by a hand - is never believed: whatever is asked of
 * it then, the server answers with what is whole, or says that something is damaged; it takes in
 * nothing on the strength of half a row, and `verify` finds the damage. Every table is damaged in
 * turn: rows cut short, and a row under a key that nobody writes. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/feed.h"
#include "server/sync/held.h"
#include "server/sync/read.h"
#include "server/sync/verify.h"

#define ROWS_MAX 64

typedef enum { CUT_IN_HALF, CUT_BY_ONE, STRANGE_KEY, WAYS } way;

typedef struct {
    rig r;
    rig_phone an;
    st_id visit;
    store_slice next;          /* a set that was not pushed yet */
    store_slice fork;          /* another branch that was not pushed yet */
} world;

static void push(world *w, store_slice set)
{
    sync_request request;
    assert_int_equal(rig_push(&w->an, &request, &set, 1), ST_OK);
    sync_request_free(&request);
}

/* The device asked for a repair and showed what it had: an incident. */
static void note_repair(world *w)
{
    static const uint8_t SHOWN[] = { 1, 2, 3 };
    const st_range all = { 0 };
    const st_repair_evidence shown = { w->visit, SHOWN, sizeof SHOWN };
    st_repair_ask ask = { .ranges = &all, .ranges_count = 1, .records = &w->visit,
                          .records_count = 1, .evidence = &shown, .evidence_count = 1 };
    const st_ask nothing = { .version = 1, .scope_rev = 1 };
    sync_request request;
    (void)strcpy(ask.bucket.s, RIG_BUCKET);
    sync_request_init(&request, 1u << 20);
    request.device.id = w->an.device;
    request.ask = &nothing;
    request.repairs[0] = &ask;
    request.repairs_count = 1;
    assert_int_equal(sync_request_submit(&request, w->r.srv.writer, NULL), ST_OK);
    assert_true(request.repairs_kept[0]);
    sync_request_free(&request);
}

/* A visit, something held, what waits behind it, a fork, a gap; and two sets still to come. */
static void world_open(world *w)
{
    memset(w, 0, sizeof *w);
    rig_open(&w->r);
    rig_enrol(&w->r, &w->an, "an");
    rig_begin(&w->an, RIG_BUCKET);
    w->visit = rig_visit(&w->an, "gốc");
    push(w, rig_seal(&w->an));
    static rig_phone copy;
    copy = w->an;
    rig_begin(&w->an, RIG_BUCKET);
    st_change *change = rig_change(&w->an, &w->visit);
    (void)rig_op(&w->an, change, "visit", "ratings.m1.accepted_rating", "dat");
    (void)rig_set(&w->an, &w->visit, "place", "sau", NULL);
    push(w, rig_seal(&w->an));
    uint64_t counter = w->an.request_counter;
    rig_begin(&copy, RIG_BUCKET);
    (void)rig_set(&copy, &w->visit, "place", "nhánh", NULL);
    copy.request_counter = counter;
    w->fork = rig_seal(&copy);
    rig_begin(&w->an, RIG_BUCKET);
    (void)rig_set(&w->an, &w->visit, "general_note", "mất", NULL);
    (void)rig_seal(&w->an);                    /* never pushed: a gap */
    rig_begin(&w->an, RIG_BUCKET);
    (void)rig_visit(&w->an, "khác");
    push(w, rig_seal(&w->an));
    rig_begin(&w->an, RIG_BUCKET);
    (void)rig_visit(&w->an, "nữa");
    (void)rig_set(&w->an, &w->visit, "general_note", "cuối", NULL);
    w->next = rig_seal(&w->an);
    note_repair(w);
}

/* Damages up to ROWS_MAX rows of a table; how many. */
static size_t damage(world *w, store_table table, way how)
{
    static struct { uint8_t key[512], value[70000]; size_t key_len, len; } rows[ROWS_MAX];
    size_t count = 0;
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_cursor_open(&txn, table, &cursor, NULL), ST_OK);
    st_err err = store_seek(&cursor, store_bytes("", 0), NULL);
    for (; err == ST_OK && cursor.is_valid && count < ROWS_MAX; err = store_next(&cursor, NULL)) {
        if (cursor.value.len < 2 || cursor.value.len > sizeof rows->value)
            continue;
        memcpy(rows[count].key, cursor.key.data, cursor.key.len);
        memcpy(rows[count].value, cursor.value.data, cursor.value.len);
        rows[count].key_len = cursor.key.len;
        rows[count++].len = cursor.value.len;
    }
    store_cursor_close(&cursor);
    for (size_t i = 0; i < count; i++) {
        size_t len = how == CUT_IN_HALF ? rows[i].len / 2 : rows[i].len - (how == CUT_BY_ONE);
        size_t key_len = rows[i].key_len - (how == STRANGE_KEY && rows[i].key_len > 1);
        assert_int_equal(store_put(&txn, table, store_bytes(rows[i].key, key_len),
                                   store_bytes(rows[i].value, len), NULL), ST_OK);
    }
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    return count;
}

/* ---- what is asked of it then ---- */

static bool nothing_more(void *context, const st_history_item *item)
{
    (void)context;
    return item->change != NULL;
}

static bool any_row(void *context, const st_row *row)
{
    (void)context;
    return row->title != NULL;
}

static bool any_device(void *context, const sync_device *device)
{
    (void)context;
    return device->counter < UINT64_MAX;
}

static bool any_held(void *context, const sync_held *held)
{
    world *w = context;
    char detail[ST_FORM_DETAIL_BYTES];
    store_txn txn = { 0 };
    assert_int_equal(store_begin(w->r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    (void)!sync_held_detail(&w->r.srv.sync, &txn, held, detail, NULL);
    store_end(&txn);
    return true;
}

static st_err drop_frame(void *context, const st_frame *frame, st_error *error)
{
    (void)context;
    (void)error;
    return frame->kind == ST_FRAME_NONE ? ST_E_CORRUPT : ST_OK;
}

/* Is it an answer that a server may give about a damaged book? */
static void must_be_said(const char *what, st_err err)
{
    if (err != ST_OK && err != ST_E_CORRUPT && err != ST_E_NOT_FOUND && err != ST_E_STATE
        && err != ST_E_VERSION && err != ST_E_DENIED && err != ST_E_TOO_LARGE && err != ST_E_AGAIN
        && err != ST_E_STORAGE)
        fail_msg("%s: %s", what, st_err_name(err));
}

static void read_all(world *w)
{
    static const sync_filter ALL = { NULL, NULL, NULL, NULL, false };
    sync_room *room = &w->r.srv.sync;
    st_arena arena;
    st_record record;
    st_vector vector;
    sync_stat stat;
    store_txn txn = { 0 };
    sync_unread unread = { .failed = { ST_OK, "" } };
    st_arena_init(&arena, 64u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    must_be_said("record", sync_record_get(&txn, &w->visit, &arena, &record, &vector, NULL));
    must_be_said("history", sync_history_each(room, &txn, &w->visit, nothing_more, NULL, NULL));
    must_be_said("rows", sync_row_each(&txn, &ALL, any_row, NULL, NULL));
    must_be_said("devices", sync_device_each(&txn, any_device, NULL, &unread, NULL));
    must_be_said("figures", sync_stat_get(&txn, &stat, NULL));
    store_end(&txn);
    store_txn again = { 0 };
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &again, NULL), ST_OK);
    must_be_said("held", sync_held_each(&again, any_held, w, NULL));
    store_end(&again);
    st_arena_reset(&arena);
}

/* Pushes a set and asks for what is new. */
static void exchange(world *w, const store_slice *set)
{
    sync_room *room = &w->r.srv.sync;
    sync_request request;
    store_txn txn = { 0 };
    st_ask ask = { .version = 1, .scope_rev = 1 };
    feed_report report;
    const feed_sink sink = { NULL, drop_frame };
    sync_request_init(&request, 256u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = auth_device_get(&txn, NULL, &w->an.device, &request.device, NULL);
    if (err == ST_OK && set != NULL)
        err = sync_request_add(&request, room, &txn, *set, NULL);
    store_end(&txn);
    st_gone gone = { 4, 4 };
    ask.gone = &gone;
    ask.gone_count = set == NULL ? 1 : 0;
    request.ask = &ask;
    request.has_counter = true;
    request.counter = ++w->an.request_counter;
    request.received_ms = w->r.now_ms;
    if (err == ST_OK)
        err = sync_request_submit(&request, w->r.srv.writer, NULL);
    must_be_said("push", err);
    if (err == ST_OK)
        must_be_said("feed", feed_answer(room, &request, &sink, &report, NULL));
    sync_request_free(&request);
}

static bool say_nothing(void *context, const char *line)
{
    (void)context;
    return line != NULL;
}

/* Whose rows `verify` folds again and compares, or reads. */
static bool is_verified(store_table table)
{
    return table != STORE_META && table != STORE_CODES && table != STORE_REQUEST
           && table != STORE_CONTACT && table != STORE_CLOCK;
}

static void test_a_damaged_book_is_never_believed(void **state)
{
    static world w;
    static const char *const NAMES[] = {
#define X(name, text, derived) text,
        STORE_TABLES(X)
#undef X
    };
    (void)state;
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        for (int how = 0; how < WAYS; how++) {
            if (table == STORE_META)           /* read when it is opened: test_store */
                continue;
            world_open(&w);
            size_t count = damage(&w, (store_table)table, (way)how);
            verify_report report = { 0 };
            st_err err = sync_verify(&w.r.srv.sync, say_nothing, NULL, &report, NULL);
            bool found = err != ST_OK || report.wrong > 0;
            if (count > 0 && is_verified((store_table)table) && !found)
                fail_msg("verify does not see %d damaged rows of %s (%d)", (int)count,
                         NAMES[table], how);
            read_all(&w);
            sync_decision decision = { 1, how == CUT_IN_HALF, { { 0 } }, "đã xem" };
            uint32_t settled = 0;
            for (; decision.n < 4; decision.n++)
                must_be_said("settle", sync_settle(w.r.srv.writer, &decision, &settled, NULL));
            exchange(&w, &w.next);
            exchange(&w, &w.fork);
            exchange(&w, NULL);
            rig_close(&w.r);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_damaged_book_is_never_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
