/* tests/unit/server/test_ingest.c
 * What an officer's phone signed is stored once, whatever happens on the way; nothing that the
 * server answered is lost; two branches of one phone never mix; what waits for another change takes
 * effect when that comes; and the book is always the fold of its log. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/leaf.h"
#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/sets.h"

/* The leaf of an entry, as an auditor reads it. */
static void leaf_at(rig *r, uint64_t index, st_arena *arena, st_leaf *out_leaf)
{
    store_txn txn = { 0 };
    store_slice row = { 0 };
    pack_key key = pack_u64(index);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, STORE_LEAF, pack_key_slice(&key), &row, NULL), ST_OK);
    assert_true(row.len > 32);
    const uint8_t *text = st_arena_copy(arena, (const uint8_t *)row.data + 32, row.len - 32);
    assert_non_null(text);
    assert_int_equal(st_leaf_decode(text, row.len - 32, arena, out_leaf, NULL), ST_OK);
    store_end(&txn);
}

static uint64_t held_count(rig *r)
{
    uint64_t count = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_held_count(&txn, &count, NULL), ST_OK);
    store_end(&txn);
    return count;
}

/* The number of the held change with this dot. */
static uint64_t held_number(rig *r, const st_id *record, const st_dot *dot)
{
    sync_held held;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = sync_held_by_dot(&txn, record, dot, &held, NULL);
    store_end(&txn);
    return err == ST_OK ? held.n : 0;
}

static void test_stored_once(void **state)
{
    rig *r = *state;
    rig_phone an;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice set = rig_seal(&an);
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
    uint64_t size = rig_log_size(r);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_DUPLICATE);
    rig_reopen(r);
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_DUPLICATE);
    assert_int_equal(rig_log_size(r), size);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "gốc");
    assert_int_equal(values, 1);
}

/* A phone that asks again long after hears where its set lies, not where the log ends. */
static void test_a_known_set_is_found_where_it_lies(void **state)
{
    rig *r = *state;
    rig_phone an;
    store_slice sets[3];
    sync_request request;
    rig_enrol(r, &an, "an");
    uint64_t before = rig_log_size(r);
    for (size_t i = 0; i < 3; i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "gốc");
        sets[i] = rig_seal(&an);
        assert_int_equal(rig_push_one(&an, sets[i], NULL), ST_VERDICT_STORED);
    }
    assert_int_equal(rig_push(&an, &request, sets, 3), ST_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(request.items[i].verdict.kind, ST_VERDICT_DUPLICATE);
        assert_int_equal(request.items[i].verdict.position, before + 1 + i);
    }
    sync_request_free(&request);
}

/* An auditor follows a phone's chain from leaf to leaf: each names the set before it. */
static void test_a_leaf_names_the_set_before_it(void **state)
{
    rig *r = *state;
    rig_phone an;
    st_arena arena;
    st_leaf first, second;
    rig_enrol(r, &an, "an");
    for (int i = 0; i < 2; i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "gốc");
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    }
    st_arena_init(&arena, 1 << 20);
    leaf_at(r, rig_log_size(r) - 1, &arena, &first);
    leaf_at(r, rig_log_size(r), &arena, &second);
    assert_false(first.has_prev);
    assert_true(second.has_prev && first.has_commit && second.has_commit);
    assert_memory_equal(second.prev.b, first.commit.b, sizeof first.commit.b);
    assert_memory_equal(second.commit.b, an.prev.b, sizeof an.prev.b);
    assert_int_equal(second.first, first.last + 1);
    st_arena_reset(&arena);
}

static void test_a_request_counter_is_used_once(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_request request;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "một");
    store_slice one = rig_seal(&an);
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "hai");
    store_slice two = rig_seal(&an);
    an.request_counter = 9;
    assert_int_equal(rig_push(&an, &request, &one, 1), ST_OK);
    sync_request_free(&request);
    uint64_t size = rig_log_size(r);
    an.request_counter = 9;                    /* the same counter, another body */
    assert_int_equal(rig_push(&an, &request, &two, 1), ST_E_AGAIN);
    assert_int_equal(request.counter_highest, 10);
    sync_request_free(&request);
    assert_int_equal(rig_log_size(r), size);
    an.request_counter = 4;                    /* an older one that was never used is fine */
    assert_int_equal(rig_push(&an, &request, &two, 1), ST_OK);
    sync_request_free(&request);
    assert_int_equal(rig_log_size(r), size + 1);
}

static void test_two_officers_differ(void **state)
{
    rig *r = *state;
    rig_phone an, binh;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    st_dot root = { an.device, 1 };
    store_slice first = rig_seal(&an);
    rig_begin(&an, RIG_BUCKET);
    st_dot a = rig_set(&an, &visit, "general_note", "A", &root);
    store_slice second = rig_seal(&an);
    rig_begin(&binh, RIG_BUCKET);
    st_dot b = rig_set(&binh, &visit, "general_note", "B", &root);
    store_slice third = rig_seal(&binh);
    assert_int_equal(rig_push_one(&an, first, NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push_one(&an, second, NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push_one(&binh, third, NULL), ST_VERDICT_STORED);
    (void)rig_value(r, &visit, "general_note", &values);
    assert_int_equal(values, 2);               /* both stay */
    rig_begin(&an, RIG_BUCKET);
    st_change *change = rig_change(&an, &visit);
    st_op *op = rig_op(&an, change, "visit", "general_note", "B");
    st_dot both[2] = { a, b };
    if (st_dot_cmp(&a, &b) > 0) {
        both[0] = b;
        both[1] = a;
    }
    op->replaces = both;
    op->replaces_count = 2;
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "B");
    assert_int_equal(values, 1);
}

/* A set of tomorrow's format, or one whose bytes were touched, or of nobody we know. */
static void test_what_nobody_signed_is_not_stored(void **state)
{
    rig *r = *state;
    rig_phone an, stranger;
    sync_request request;
    st_hold hold = ST_HOLD_NONE;
    uint8_t seed[32] = { 7 };
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "gốc");
    store_slice set = rig_seal(&an);
    uint64_t size = rig_log_size(r);
    uint8_t *bytes = st_arena_copy(&r->arena, set.data, set.len);
    size_t kinds[ST_HOLD_COUNT] = { 0 };
    for (size_t at = 0; at < set.len; at++) {
        bytes[at] ^= 0x20;
        store_slice bent = store_bytes(bytes, set.len);
        assert_int_equal(rig_push(&an, &request, &bent, 1), ST_OK);
        const st_verdict *verdict = &request.items[0].verdict;
        assert_int_equal(verdict->kind, ST_VERDICT_HELD);
        assert_int_equal(verdict->position, 0);
        kinds[verdict->held[0].reason]++;
        sync_request_free(&request);
        bytes[at] ^= 0x20;
    }
    assert_int_equal(rig_log_size(r), size);
    assert_true(kinds[ST_HOLD_SIGNATURE] > 0);
    assert_true(kinds[ST_HOLD_CORRUPT] > 0);
    assert_true(kinds[ST_HOLD_DEVICE] > 0);
    assert_int_equal(kinds[ST_HOLD_SIGNATURE] + kinds[ST_HOLD_CORRUPT] + kinds[ST_HOLD_DEVICE],
                     set.len);
    stranger = an;
    st_sign_keypair(seed, stranger.public_key, stranger.secret);
    stranger.device = st_device_id(stranger.public_key);
    stranger.last = 0;
    stranger.has_prev = false;
    stranger.here_count = 0;
    rig_begin(&stranger, RIG_BUCKET);
    (void)rig_visit(&stranger, "lạ");
    assert_int_equal(rig_push_one(&an, rig_seal(&stranger), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_DEVICE);
    assert_int_equal(rig_log_size(r), size);
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
}

static void test_order_of_arrival_does_not_matter(void **state)
{
    rig *r = *state;
    static const size_t ORDERS[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 },
                                        { 1, 3, 0, 2 } };
    for (size_t o = 0; o < sizeof ORDERS / sizeof ORDERS[0]; o++) {
        rig_phone an;
        store_slice sets[4];
        sync_request request;
        size_t values = 0;
        print_message("  order %zu %zu %zu %zu\n", ORDERS[o][0], ORDERS[o][1], ORDERS[o][2],
                      ORDERS[o][3]);
        rig_enrol(r, &an, "an");
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "0");
        st_dot before = { an.device, 1 };
        sets[0] = rig_seal(&an);
        for (size_t i = 1; i < 4; i++) {
            char text[2] = { (char)('0' + i), '\0' };
            rig_begin(&an, RIG_BUCKET);
            before = rig_set(&an, &visit, "general_note", text, &before);
            sets[i] = rig_seal(&an);
        }
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(rig_push(&an, &request, &sets[ORDERS[o][i]], 1), ST_OK);
            assert_true(request.items[0].verdict.position > 0);
            sync_request_free(&request);
        }
        assert_string_equal(rig_value(r, &visit, "general_note", &values), "3");
        assert_int_equal(values, 1);
        assert_int_equal(held_count(r), 0);    /* what waited for the record came in by itself */
    }
}

static void test_gaps_are_asked_for_and_given_up(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_request request;
    store_slice sets[3];
    sets_head head;
    store_txn txn = { 0 };
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < 3; i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "x");
        sets[i] = rig_seal(&an);
    }
    assert_int_equal(rig_push_one(&an, sets[0], NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push(&an, &request, &sets[2], 1), ST_OK);
    assert_int_equal(request.items[0].verdict.kind, ST_VERDICT_STORED);
    assert_true(request.items[0].has_want);
    assert_int_equal(request.items[0].want.from, 2);
    assert_int_equal(request.items[0].want.to, 2);
    sync_request_free(&request);
    /* The phone no longer has it: an entry, and no more questions; said twice, one entry. */
    st_gone gone = { 2, 2 };
    st_ask ask;
    memset(&ask, 0, sizeof ask);
    ask.gone = &gone;
    ask.gone_count = 1;
    for (int i = 0; i < 2; i++) {
        sync_request_init(&request, 1 << 20);
        request.device.id = an.device;
        request.ask = &ask;
        assert_int_equal(sync_request_submit(&request, r->srv.writer, NULL), ST_OK);
        sync_request_free(&request);
    }
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sets_head_get(&txn, &an.device, &head, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(head.known, 3);
    uint64_t size = rig_log_size(r);
    assert_int_equal(rig_push_one(&an, sets[1], NULL), ST_VERDICT_STORED);  /* found after all */
    assert_int_equal(rig_log_size(r), size + 1);
}

static void test_the_first_branch_counts(void **state)
{
    rig *r = *state;
    rig_phone an, copy;
    st_hold hold = ST_HOLD_NONE;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    copy = an;                                 /* the phone was restored from a copy */
    st_dot root = { an.device, 1 };
    rig_begin(&an, RIG_BUCKET);
    (void)rig_set(&an, &visit, "general_note", "một", &root);
    store_slice one = rig_seal(&an);
    rig_begin(&copy, RIG_BUCKET);
    (void)rig_set(&copy, &visit, "general_note", "hai", &root);
    store_slice two = rig_seal(&copy);
    rig_begin(&copy, RIG_BUCKET);
    (void)rig_set(&copy, &visit, "place", "khác", NULL);
    store_slice three = rig_seal(&copy);
    assert_int_equal(rig_push_one(&an, one, NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push_one(&an, two, &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_FORK);
    assert_int_equal(rig_push_one(&an, three, &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_FORK);      /* its chain hangs on the other branch */
    assert_int_equal(rig_push_one(&an, two, &hold), ST_VERDICT_DUPLICATE);
    assert_int_equal(hold, ST_HOLD_FORK);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "một");
    assert_int_equal(values, 1);
    uint64_t n = 0;
    uint32_t settled = 0;
    st_dot forked = { an.device, 2 };
    for (uint64_t i = 1; i < 10 && n == 0; i++) {
        sync_held held;
        store_txn txn = { 0 };
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        if (sync_held_get(&txn, i, &held, NULL) == ST_OK
            && st_dot_cmp(&held.dot, &forked) == 0)
            n = i;
        store_end(&txn);
    }
    sync_decision decision = { n, true, rig_person(r, "office"), "máy phục hồi từ bản sao" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_STATE);
    decision.accept = false;
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    assert_int_equal(held_count(r), 1);        /* the third set's change still waits */
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "một");
    rig_begin(&an, RIG_BUCKET);                /* the first branch goes on */
    (void)rig_set(&an, &visit, "place", "đây", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
}

/* Between the branches lies a gap, so that no hash tells them apart; but one says that its device
 * wrote nothing before in this unit, and the other comes with something. Folding would pass over
 * it. */
static void test_a_branch_behind_a_gap(void **state)
{
    rig *r = *state;
    rig_phone an, copy;
    st_hold hold = ST_HOLD_NONE;
    (void)rig_assign(r, "an", "01477-x002");
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    copy = an;
    rig_begin(&an, RIG_BUCKET);
    (void)rig_set(&an, &visit, "place", "một", NULL);
    (void)rig_set(&an, &visit, "general_note", "hai", NULL);
    store_slice between = rig_seal(&an);
    rig_begin(&an, RIG_OTHER);
    (void)rig_visit(&an, "nhánh một");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    rig_begin(&copy, RIG_OTHER);
    (void)rig_visit(&copy, "nhánh hai");
    assert_int_equal(rig_push_one(&an, rig_seal(&copy), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_FORK);
    assert_int_equal(rig_push_one(&an, between, NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_verify(r), 0);
}

/* The verdict of a set that comes with this ask. */
static st_verdict_kind push_asking(rig_phone *phone, store_slice set, const st_ask *ask)
{
    rig *r = phone->r;
    store_txn txn = { 0 };
    sync_request request;
    sync_request_init(&request, (size_t)128 << 20);
    request.device.id = phone->device;
    request.ask = ask;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_request_add(&request, &r->srv.sync, &txn, set, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(sync_request_submit(&request, r->srv.writer, NULL), ST_OK);
    st_verdict_kind kind = request.items[0].verdict.kind;
    assert_int_equal(request.items[0].verdict.position == 0, kind == ST_VERDICT_LATER);
    sync_request_free(&request);
    return kind;
}

/* Who asks in another epoch brings what was lost when it has heard of this one: until then nothing
 * of it goes in, whatever is here. What comes again is answered as ever; what names no epoch (a
 * bundle) goes in. */
static void test_asked_in_another_epoch(void **state)
{
    rig *r = *state;
    rig_phone an, copy;
    store_slice sets[2];
    st_ask old = { .version = 1, .has_epoch = true }, now = old, none = { .version = 1 };
    memcpy(now.epoch, r->srv.sync.epoch, sizeof now.epoch);
    memcpy(old.epoch, now.epoch, sizeof old.epoch);
    old.epoch[0] ^= 1;
    rig_enrol(r, &an, "an");
    for (size_t i = 0; i < 2; i++) {
        copy = an;
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "x");
        sets[i] = rig_seal(&an);
    }
    rig_begin(&copy, RIG_BUCKET);
    (void)rig_visit(&copy, "y");
    const store_slice other = rig_seal(&copy);
    assert_int_equal(push_asking(&an, sets[0], &old), ST_VERDICT_LATER);
    assert_int_equal(push_asking(&an, sets[0], &now), ST_VERDICT_STORED);
    assert_int_equal(push_asking(&an, sets[1], &old), ST_VERDICT_LATER);
    assert_int_equal(push_asking(&an, sets[1], &none), ST_VERDICT_STORED);
    assert_int_equal(push_asking(&an, sets[1], &old), ST_VERDICT_DUPLICATE);
    assert_int_equal(push_asking(&an, other, &old), ST_VERDICT_LATER); /* of another branch */
    assert_int_equal(push_asking(&an, other, NULL), ST_VERDICT_HELD);
    assert_int_equal(push_asking(&an, other, &old), ST_VERDICT_DUPLICATE);
    assert_int_equal(rig_verify(r), 0);
}

/* The same where he was shown more than this log has, by the position that stands for all or by
 * that of one bucket. */
static void test_asked_from_beyond_the_log(void **state)
{
    rig *r = *state;
    rig_phone an;
    st_bucket_ask bucket = { 0 };
    st_ask by_all = { .version = 1, .has_epoch = true }, by_one = by_all;
    by_one.buckets = &bucket;
    by_one.buckets_count = 1;
    rig_enrol(r, &an, "an");
    memcpy(by_all.epoch, r->srv.sync.epoch, sizeof by_all.epoch);
    memcpy(by_one.epoch, by_all.epoch, sizeof by_one.epoch);
    for (int i = 0; i < 3; i++) {
        uint64_t *const fields[] = { &by_all.position, &bucket.cursor, &by_all.reach };
        st_ask *ask = i == 1 ? &by_one : &by_all;
        uint64_t *said = fields[i];
        by_all.position = 0;
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "x");
        const store_slice set = rig_seal(&an);
        const uint64_t size = rig_log_size(r);
        *said = size + 1;
        assert_int_equal(push_asking(&an, set, ask), ST_VERDICT_LATER);
        *said = size;
        assert_int_equal(push_asking(&an, set, ask), ST_VERDICT_STORED);
        *said = size + 1000;
        assert_int_equal(push_asking(&an, set, ask), ST_VERDICT_DUPLICATE);
    }
    assert_int_equal(rig_verify(r), 0);
}

static void test_held_changes_wait_in_line(void **state)
{
    rig *r = *state;
    rig_phone an;
    st_hold hold = ST_HOLD_NONE;
    uint32_t settled = 0;
    size_t values = 0;
    static const struct { const char *why; bool accept; const char *want; } CASES[] = {
        { "accepted: the follower comes in too", true, "sau" },
        { "declined: the follower goes along", false, "gốc" },
    };
    for (size_t i = 0; i < 2; i++) {
        print_message("  case: %s\n", CASES[i].why);
        rig_enrol(r, &an, "an");
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "gốc");
        st_id other = rig_visit(&an, "khác");
        st_dot root = { an.device, 1 };
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
        rig_begin(&an, RIG_BUCKET);            /* an officer writes the office's field */
        st_change *change = rig_change(&an, &visit);
        (void)rig_op(&an, change, "visit", "ratings.m1.accepted_rating", "dat");
        st_dot first = change->dot;
        st_dot second = rig_set(&an, &visit, "general_note", "sau", &root);
        st_dot third = rig_set(&an, &other, "general_note", "tự do", NULL);
        assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_STORED);
        assert_int_equal(hold, ST_HOLD_ROLE);
        assert_int_equal(held_count(r), 2);
        assert_int_equal(held_number(r, &other, &third), 0);
        uint64_t n = held_number(r, &visit, &first), later = held_number(r, &visit, &second);
        assert_true(n > 0 && later > n);
        sync_decision decision = { later, true, rig_person(r, "office"), "xem" };
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_STATE);
        decision.n = n;
        decision.actor = an.person;
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_DENIED);
        decision.actor = rig_person(r, "office");
        decision.accept = CASES[i].accept;
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
        assert_int_equal(settled, CASES[i].accept ? 1 : 2);
        assert_int_equal(held_count(r), 0);
        assert_string_equal(rig_value(r, &visit, "general_note", &values), CASES[i].want);
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_NOT_FOUND);
    }
}

/* Sixty-five values: the last one waits until some are settled; then the office may let it in. */
static void test_a_reason_that_is_gone(void **state)
{
    rig *r = *state;
    static rig_phone an;
    static st_dot dots[64];
    uint32_t settled = 0;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "0");
    dots[0].device = an.device;
    dots[0].counter = 1;
    for (int i = 1; i < 64; i++)
        dots[i] = rig_set(&an, &visit, "general_note", "nữa", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    rig_begin(&an, RIG_BUCKET);
    st_dot late = rig_set(&an, &visit, "general_note", "quá", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
    sync_decision decision = { held_number(r, &visit, &late), true, rig_person(r, "office"),
                               "đã thống nhất" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_STATE);
    static rig_phone binh;
    rig_enrol(r, &binh, "binh");
    rig_begin(&binh, RIG_BUCKET);
    st_change *change = rig_change(&binh, &visit);
    st_op *op = rig_op(&binh, change, "visit", "general_note", "chung");
    op->replaces = dots;
    op->replaces_count = 64;
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    (void)rig_value(r, &visit, "general_note", &values);
    assert_int_equal(values, 1);
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    (void)rig_value(r, &visit, "general_note", &values);
    assert_int_equal(values, 2);
}

/* More sets than are kept decoded at once, all let in or declined by one decision. */
static void test_a_long_line(void **state)
{
    rig *r = *state;
    rig_phone an;
    uint32_t settled = 0;
    size_t values = 0;
    for (int accept = 0; accept < 2; accept++) {
        rig_enrol(r, &an, "an");
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "gốc");
        st_dot before = { an.device, 1 };
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
        rig_begin(&an, RIG_BUCKET);
        st_change *change = rig_change(&an, &visit);
        (void)rig_op(&an, change, "visit", "ratings.m1.accepted_rating", "dat");
        st_dot first = change->dot;
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
        for (int i = 0; i < 40; i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "lần %d", i);
            rig_begin(&an, RIG_BUCKET);
            before = rig_set(&an, &visit, "general_note", text, &before);
            (void)rig_set(&an, &visit, "place", text, NULL);
            assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
        }
        sync_decision decision = { held_number(r, &visit, &first), accept == 1,
                                   rig_person(r, "office"), "xem" };
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
        assert_int_equal(held_count(r), 0);
        assert_string_equal(rig_value(r, &visit, "general_note", &values),
                            accept == 1 ? "lần 39" : "gốc");
        (void)rig_value(r, &visit, "place", &values);
        assert_int_equal(values, accept == 1 ? 41 : 1);
    }
}

static void test_a_decline_takes_nobody_else_along(void **state)
{
    rig *r = *state;
    rig_phone an, binh;
    uint32_t settled = 0;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    st_dot root = { an.device, 1 };
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_edit(r, &visit, "office", "general_note", "x"), ST_E_DENIED);
    rig_begin(&an, RIG_BUCKET);
    an.role = ST_ROLE_OFFICE;                  /* not his role: held */
    st_dot bad = rig_set(&an, &visit, "general_note", "giả", &root);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_HELD);
    rig_begin(&binh, RIG_BUCKET);              /* another phone carried it and wrote on top of it */
    (void)rig_set(&binh, &visit, "general_note", "Bình", &bad);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    sync_decision decision = { held_number(r, &visit, &bad), false, rig_person(r, "office"),
                               "không đúng vai" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    assert_int_equal(settled, 1);
    (void)rig_value(r, &visit, "general_note", &values);
    assert_int_equal(values, 2);               /* "gốc", and Bình's beside it */
}

static void test_a_carried_set(void **state)
{
    rig *r = *state;
    rig_phone an, binh;
    sync_request request;
    rig_enrol(r, &an, "an");
    rig_enrol(r, &binh, "binh");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice set = rig_seal(&an);
    assert_int_equal(rig_push(&binh, &request, &set, 1), ST_OK);
    assert_int_equal(request.items[0].verdict.kind, ST_VERDICT_STORED);
    assert_true(request.items[0].verdict.has_device);
    sync_request_free(&request);
    store_txn txn = { 0 };
    st_record record;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_record_get(&txn, &visit, &r->arena, &record, NULL, NULL), ST_OK);
    assert_int_equal(st_id_cmp(&record.metas[record.creator].carrier, &binh.device), 0);
    assert_int_equal(st_id_cmp(&record.metas[record.creator].actor, &an.person), 0);
    store_end(&txn);
}

static void test_a_suspended_phone_waits(void **state)
{
    rig *r = *state;
    rig_phone an;
    st_hold hold = ST_HOLD_NONE;
    size_t values = 0;
    auth_device device;
    store_txn txn = { 0 };
    rig_enrol(r, &an, "an");
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &an.device, &device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", "suspended"), ST_OK);
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    st_dot root = { an.device, 1 };
    (void)rig_set(&an, &visit, "general_note", "sau", &root);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_SUSPENDED);
    assert_int_equal(held_count(r), 2);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "");
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", "active"), ST_OK);
    assert_int_equal(held_count(r), 0);        /* lifted: all of it comes in */
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "sau");
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", "revoked"), ST_OK);
    rig_begin(&an, RIG_BUCKET);
    (void)rig_set(&an, &visit, "place", "sau khi mất", NULL);
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_REVOKED);
}

static void test_rebuild_gives_the_same_book(void **state)
{
    rig *r = *state;
    rig_phone an;
    uint64_t entries = 0;
    uint32_t settled = 0;
    size_t values = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    st_change *change = rig_change(&an, &visit);
    (void)rig_op(&an, change, "visit", "ratings.m1.accepted_rating", "dat");
    st_dot bad = change->dot;
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    sync_decision decision = { held_number(r, &visit, &bad), true, rig_person(r, "office"), NULL };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    assert_int_equal(rig_verify(r), 0);
    assert_int_equal(sync_rebuild(&r->srv.sync, &entries, NULL), ST_OK);
    assert_int_equal(entries, rig_log_size(r));
    assert_int_equal(rig_verify(r), 0);
    rig_reopen(r);
    assert_string_equal(rig_value(r, &visit, "general_note", &values), "gốc");
    assert_string_equal(rig_value(r, &visit, "ratings.m1.accepted_rating", &values), "dat");
}

/* verify must be able to say no. */
static void test_verify_sees_damage(void **state)
{
    rig *r = *state;
    static const store_table TABLES[] = { STORE_STATE, STORE_VECTOR, STORE_BUCKET, STORE_LEAF,
                                          STORE_ROWS, STORE_RIGHTS, STORE_FEED };
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        store_txn txn = { 0 };
        store_cursor cursor = { 0 };
        uint8_t key[STORE_KEY_BYTES_MAX], value[65536];
        print_message("  table %s\n", store_table_name(TABLES[i]));
        assert_int_equal(store_begin(r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
        assert_int_equal(store_cursor_open(&txn, TABLES[i], &cursor, NULL), ST_OK);
        assert_int_equal(store_seek_before(&cursor, store_text(""), NULL), ST_OK);
        assert_true(cursor.is_valid);
        size_t key_len = cursor.key.len, len = cursor.value.len;
        assert_true(len <= sizeof value);
        memcpy(key, cursor.key.data, key_len);
        memcpy(value, cursor.value.data, len);
        store_cursor_close(&cursor);
        store_slice where = store_bytes(key, key_len);
        if (len == 0)
            assert_int_equal(store_delete(&txn, TABLES[i], where, NULL), ST_OK);
        else
            value[len - 1] ^= 1;
        if (len > 0)
            assert_int_equal(store_put(&txn, TABLES[i], where, store_bytes(value, len), NULL),
                             ST_OK);
        assert_int_equal(store_commit(&txn, NULL), ST_OK);
        assert_true(rig_verify(r) > 0);
        if (len > 0)
            value[len - 1] ^= 1;
        assert_int_equal(store_begin(r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
        assert_int_equal(store_put(&txn, TABLES[i], where, store_bytes(value, len), NULL), ST_OK);
        assert_int_equal(store_commit(&txn, NULL), ST_OK);
        assert_int_equal(rig_verify(r), 0);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_stored_once),
        CASE(test_a_known_set_is_found_where_it_lies),
        CASE(test_a_leaf_names_the_set_before_it),
        CASE(test_a_request_counter_is_used_once),
        CASE(test_two_officers_differ),
        CASE(test_what_nobody_signed_is_not_stored),
        CASE(test_order_of_arrival_does_not_matter),
        CASE(test_gaps_are_asked_for_and_given_up),
        CASE(test_the_first_branch_counts),
        CASE(test_a_branch_behind_a_gap),
        CASE(test_asked_in_another_epoch),
        CASE(test_asked_from_beyond_the_log),
        CASE(test_held_changes_wait_in_line),
        CASE(test_a_long_line),
        CASE(test_a_reason_that_is_gone),
        CASE(test_a_decline_takes_nobody_else_along),
        CASE(test_a_carried_set),
        CASE(test_a_suspended_phone_waits),
        CASE(test_rebuild_gives_the_same_book),
        CASE(test_verify_sees_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
