/* tests/unit/server/test_sets.c
 * Which sets of a device are here decides what is asked of it and what counts: the first branch
 * stands whatever comes later, a hole is asked for until the device says that it is gone, and a row
 * that was damaged is said to be so, never taken for a hole. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/sets.h"

#define CHANGES_MAX 8

static const st_id DEVICE = { { 0xd1, 1 } }, OTHER = { { 0xd1, 2 } };

typedef struct {
    rig r;
    store_txn txn; /* nothing of it is kept: the book is as it was */
    st_change changes[CHANGES_MAX];
} desk;

static int open_book(void **state)
{
    static desk d;
    rig_open(&d.r);
    *state = &d;
    return 0;
}

static int close_book(void **state)
{
    desk *d = *state;
    assert_int_equal(rig_verify(&d->r), 0);
    rig_close(&d->r);
    return 0;
}

static int setup(void **state)
{
    desk *d = *state;
    assert_int_equal(store_begin(d->r.srv.sync.store, STORE_WRITE_TXN, &d->txn, NULL), ST_OK);
    return 0;
}

static int teardown(void **state)
{
    desk *d = *state;
    store_end(&d->txn);
    return 0;
}

static st_hash hash_of(uint8_t fill)
{
    st_hash hash;
    memset(hash.b, fill, sizeof hash.b);
    return hash;
}

/* A set with `count` changes (0: it cannot be read); prev 0: it begins the chain. */
static st_set set_of(desk *d, uint64_t first, uint32_t count, uint8_t hash, uint8_t prev)
{
    st_set set = { .device = DEVICE,
                   .first = first,
                   .hash = hash_of(hash),
                   .has_prev = prev != 0,
                   .prev = hash_of(prev),
                   .changes = d->changes,
                   .changes_count = count };
    assert_true(count <= CHANGES_MAX);
    for (uint32_t i = 0; i < count; i++)
        d->changes[i].dot = (st_dot){ DEVICE, first + i };
    assert_true(st_bucket_set(&set.bucket, RIG_BUCKET, strlen(RIG_BUCKET)));
    return set;
}

static void add(desk *d, uint64_t first, uint32_t count, uint8_t hash, uint8_t prev)
{
    const st_set set = set_of(d, first, count, hash, prev);
    assert_int_equal(sets_add(&d->txn, &set, 100 + first, NULL), ST_OK);
}

/* 1..3, then a hole, then 6..8. */
static void add_two(desk *d)
{
    add(d, 1, 3, 1, 0);
    add(d, 6, 3, 3, 2);
}

static sets_head head_of(desk *d)
{
    sets_head head;
    assert_int_equal(sets_head_get(&d->txn, &DEVICE, &head, NULL), ST_OK);
    return head;
}

static void put_row(desk *d, store_table table, pack_key key, size_t len)
{
    static const uint8_t NOTHING[8];
    assert_true(len <= sizeof NOTHING);
    assert_int_equal(
        store_put(&d->txn, table, pack_key_slice(&key), store_bytes(NOTHING, len), NULL), ST_OK);
}

static pack_key key_of(uint64_t counter)
{
    pack_key key = pack_id(&DEVICE);
    pack_key_u64(&key, counter);
    return key;
}

/* ---- new, known, or another branch ---- */

static void test_branches(void **state)
{
    desk *d = *state;
    static const struct {
        const char *why;
        uint64_t first;
        uint32_t count;
        uint8_t hash, prev;
        sets_kind want;
    } CASES[] = {
        { "the first again", 1, 3, 1, 0, SETS_DUPLICATE },
        { "another first", 1, 3, 9, 0, SETS_FORK },
        { "inside the first", 2, 1, 9, 1, SETS_FORK },
        { "its end", 3, 1, 9, 1, SETS_FORK },
        { "what is missing", 4, 2, 2, 1, SETS_NEW },
        { "over what follows", 4, 3, 2, 1, SETS_FORK },
        { "does not go on from what is here", 4, 2, 2, 7, SETS_FORK },
        { "says that nothing was before", 4, 2, 2, 0, SETS_FORK },
        { "is not what the next one goes on from", 4, 2, 9, 1, SETS_FORK },
        { "half of what is missing", 4, 1, 9, 1, SETS_NEW },
        { "the other half", 5, 1, 2, 9, SETS_NEW },
        { "the other half of another branch", 5, 1, 8, 9, SETS_FORK },
        { "the next one", 9, 1, 4, 3, SETS_NEW },
        { "beyond the next one", 20, 1, 4, 77, SETS_NEW },
        { "cannot be read, and begins where nothing is", 4, 0, 9, 7, SETS_NEW },
        { "cannot be read, and begins where another one is", 2, 0, 9, 7, SETS_FORK },
    };
    add_two(d);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const st_set set = set_of(d, CASES[i].first, CASES[i].count, CASES[i].hash, CASES[i].prev);
        sets_kind kind = SETS_DUPLICATE;
        uint64_t index = 0;
        assert_int_equal(sets_look(&d->txn, &set, &kind, &index, NULL), ST_OK);
        if (kind != CASES[i].want || (kind == SETS_DUPLICATE && index != 101))
            fail_msg("%s: %d", CASES[i].why, (int)kind);
    }
}

/* A set that begins a chain has nothing before it, whatever comes and says that it was. */
static void test_nothing_before_the_first(void **state)
{
    desk *d = *state;
    sets_kind kind = SETS_NEW;
    uint64_t index = 0;
    add(d, 6, 1, 3, 0);
    st_set set = set_of(d, 5, 1, 2, 0);
    assert_int_equal(sets_look(&d->txn, &set, &kind, &index, NULL), ST_OK);
    assert_int_equal(kind, SETS_FORK);
    set = set_of(d, 4, 1, 2, 0);
    assert_int_equal(sets_look(&d->txn, &set, &kind, &index, NULL), ST_OK);
    assert_int_equal(kind, SETS_NEW);
    set.device = OTHER;
    set.first = 6;
    assert_int_equal(sets_look(&d->txn, &set, &kind, &index, NULL), ST_OK);
    assert_int_equal(kind, SETS_NEW);
}

/* What was put beside is known by its hash, and so is what goes on from it. */
static void test_forks_are_known(void **state)
{
    desk *d = *state;
    sets_kind kind = SETS_NEW;
    uint64_t index = 0;
    add_two(d);
    const st_set fork = set_of(d, 2, 1, 9, 1);
    assert_int_equal(sets_add_fork(&d->txn, &fork, 777, NULL), ST_OK);
    assert_int_equal(sets_look(&d->txn, &fork, &kind, &index, NULL), ST_OK);
    assert_true(kind == SETS_DUPLICATE && index == 777);
    const st_set next = set_of(d, 20, 1, 10, 9);
    assert_int_equal(sets_look(&d->txn, &next, &kind, &index, NULL), ST_OK);
    assert_int_equal(kind, SETS_FORK);
    assert_int_equal(sets_find_fork(&d->txn, &DEVICE, &next.hash, &index, NULL), ST_E_NOT_FOUND);
    index = 0;
    assert_int_equal(sets_find_fork(&d->txn, &DEVICE, &fork.hash, &index, NULL), ST_OK);
    assert_int_equal(index, 777);
}

/* ---- how far it is known ---- */

static void test_the_head_moves_over_what_has_no_hole(void **state)
{
    desk *d = *state;
    assert_true(head_of(d).known == 0 && head_of(d).last == 0);
    add_two(d);
    assert_true(head_of(d).known == 3 && head_of(d).last == 8);
    add(d, 4, 2, 2, 1);
    assert_true(head_of(d).known == 8 && head_of(d).last == 8);
    const st_hash last = head_of(d).last_hash, want = hash_of(3);
    assert_memory_equal(last.b, want.b, sizeof want.b);
}

/* One that cannot be read ends where the chain of the next one says, in either order. */
static void test_what_cannot_be_read_ends_before_the_next(void **state)
{
    desk *d = *state;
    uint64_t index = 0;
    const st_dot inside = { DEVICE, 5 };
    for (int order = 0; order < 2; order++) {
        add(d, 1, 1, 1, 0);
        if (order == 0)
            add(d, 2, 0, 2, 0);
        add(d, 9, 1, 3, 2);
        if (order == 1)
            add(d, 2, 0, 2, 0);
        assert_true(head_of(d).known == 9 && head_of(d).last == 9);
        assert_int_equal(sets_find(&d->txn, &inside, &index, NULL), ST_OK);
        assert_int_equal(index, 102);
        store_end(&d->txn);
        assert_int_equal(store_begin(d->r.srv.sync.store, STORE_WRITE_TXN, &d->txn, NULL), ST_OK);
    }
    add(d, 2, 0, 2, 0); /* the next one goes on from another one: nothing is known of between */
    add(d, 9, 1, 3, 7);
    assert_int_equal(sets_find(&d->txn, &inside, &index, NULL), ST_E_NOT_FOUND);
}

/* ---- gaps ---- */

typedef struct {
    sets_gap list[8];
    size_t count, most;
} gap_list;

static bool take_gap(void *context, const sets_gap *gap)
{
    gap_list *list = context;
    assert_true(list->count < list->most);
    list->list[list->count++] = *gap;
    return list->count < list->most;
}

static gap_list gaps_of(desk *d, size_t most)
{
    gap_list list = { .most = most };
    assert_int_equal(sets_gap_each(&d->txn, &DEVICE, take_gap, &list, NULL), ST_OK);
    return list;
}

static bool add_gap(desk *d, uint64_t from, uint64_t to)
{
    const st_gone gone = { from, to };
    bool added = true;
    assert_int_equal(sets_add_gap(&d->txn, &DEVICE, &gone, &added, NULL), ST_OK);
    return added;
}

static bool no_run(void *context, const sets_run *run)
{
    (void)context;
    fail_msg("%llu", (unsigned long long)run->from);
    return false;
}

static void test_what_is_no_gap_is_not_noted(void **state)
{
    desk *d = *state;
    static const uint64_t NONE[][2] = {
        { 0, 5 },          { 5, 4 }, { 4, (uint64_t)INT64_MAX + 1 },
        { 4, UINT64_MAX }, { 3, 5 }, { 4, 6 },
        { 2, 2 },          { 9, 9 }, { 7, 12 },
    };
    add_two(d);
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        if (add_gap(d, NONE[i][0], NONE[i][1]))
            fail_msg("row %d was noted", (int)i);
    assert_int_equal(head_of(d).known, 3);
    assert_true(add_gap(d, 4, 5));
    assert_false(add_gap(d, 4, 5));
    assert_int_equal(head_of(d).known, 8);
}

static void test_gaps_are_listed(void **state)
{
    desk *d = *state;
    assert_int_equal(gaps_of(d, 8).count, 0);
    add_two(d);
    add(d, 12, 1, 5, 4);
    add(d, 20, 1, 7, 6);
    gap_list list = gaps_of(d, 8);
    assert_int_equal(list.count, 3);
    assert_true(list.list[0].from == 4 && list.list[0].to == 5 && !list.list[0].is_gone);
    assert_true(list.list[2].from == 13 && list.list[2].to == 19 && !list.list[2].is_gone);
    assert_true(add_gap(d, 9, 11));
    list = gaps_of(d, 8);
    assert_int_equal(list.count, 3);
    assert_true(list.list[0].from == 9 && list.list[0].to == 11 && list.list[0].is_gone);
    assert_true(list.list[1].from == 4 && list.list[2].from == 13);
    for (size_t most = 1; most <= 3; most++)
        assert_int_equal(gaps_of(d, most).count, most);
}

/* What was said to be gone and came after all is no gap, and the rest of it is still one. */
static void test_what_came_after_all_is_no_gap(void **state)
{
    desk *d = *state;
    add_two(d);
    add(d, 20, 1, 7, 6);
    assert_true(add_gap(d, 9, 19));
    add(d, 11, 2, 12, 11);
    gap_list list = gaps_of(d, 8);
    assert_int_equal(list.count, 3);
    assert_true(list.list[0].from == 9 && list.list[0].to == 10 && list.list[0].is_gone);
    assert_true(list.list[1].from == 13 && list.list[1].to == 19 && list.list[1].is_gone);
    assert_true(list.list[2].from == 4 && list.list[2].to == 5 && !list.list[2].is_gone);
    assert_int_equal(list.list[2].behind, 106);
    const st_gone endless = { 9, UINT64_MAX };
    gap_list none = { .most = 8 };
    assert_int_equal(sets_run_each(&d->txn, &DEVICE, &endless, no_run, &none, NULL),
                     ST_E_CORRUPT);
}

/* ---- damage ---- */

static st_err list_gaps(desk *d)
{
    gap_list list = { .most = 8 };
    return sets_gap_each(&d->txn, &DEVICE, take_gap, &list, NULL);
}

/* A row that says that it ends before it begins moves nothing, and nobody walks in a circle. */
static void test_the_head_does_not_go_back(void **state)
{
    desk *d = *state;
    add_two(d);
    add(d, 20, 1, 7, 6);
    const st_set far = set_of(d, 30, 1, 9, 8);
    put_row(d, STORE_SETS, key_of(4), 8); /* as long as a row of gaps, and all zero */
    assert_int_equal(sets_add(&d->txn, &far, 130, NULL), ST_E_CORRUPT);
    pack_key key = key_of(4);
    assert_int_equal(store_delete(&d->txn, STORE_SETS, pack_key_slice(&key), NULL), ST_OK);
    put_row(d, STORE_GAPS, key_of(4), 8);
    assert_int_equal(sets_add(&d->txn, &far, 130, NULL), ST_E_CORRUPT);
    uint8_t end[8];
    memset(end, 0xff, sizeof end); /* behind it the counters begin again */
    assert_int_equal(
        store_put(&d->txn, STORE_GAPS, pack_key_slice(&key), store_bytes(end, sizeof end), NULL),
        ST_OK);
    assert_int_equal(sets_add(&d->txn, &far, 130, NULL), ST_E_CORRUPT);
    assert_int_equal(list_gaps(d), ST_E_CORRUPT);
    assert_int_equal(head_of(d).known, 3);
}

/* A set, or a gap, that does not say where it ends is no hole that somebody is asked for. */
static void test_damage_is_no_hole(void **state)
{
    desk *d = *state;
    add_two(d);
    add(d, 12, 1, 5, 4);
    put_row(d, STORE_SETS, key_of(9), 8);
    assert_int_equal(list_gaps(d), ST_E_CORRUPT);
}

/* A key that nobody writes is no counter. */
static void test_damaged_keys_are_said(void **state)
{
    desk *d = *state;
    sets_kind kind = SETS_NEW;
    uint64_t index = 0;
    add_two(d);
    pack_key key = pack_id(&DEVICE);
    pack_key_text(&key, "\xff\xff");
    put_row(d, STORE_GAPS, key, 8);
    assert_int_equal(list_gaps(d), ST_E_CORRUPT);
    put_row(d, STORE_SETS, key, 8);
    const st_set next = set_of(d, 9, 1, 4, 3);
    assert_int_equal(sets_look(&d->txn, &next, &kind, &index, NULL), ST_E_CORRUPT);
}

/* The end of the log and the number of the next held change: damaged, nothing is written on. */
static void test_a_damaged_end_of_the_log(void **state)
{
    desk *d = *state;
    writer_turn turn = { .room = &d->r.srv.sync, .txn = &d->txn };
    uint64_t size = 0;
    assert_int_equal(sync_turn_begin(&turn, NULL), ST_OK);
    assert_true(turn.next_index > 1 && turn.last_time_ms > 0);
    assert_int_equal(
        store_put(&d->txn, STORE_META, store_text("held_next"), store_text("1234567"), NULL),
        ST_OK);
    assert_int_equal(sync_turn_begin(&turn, NULL), ST_E_CORRUPT);
    put_row(d, STORE_LOG, pack_u64(turn.next_index), 5); /* no whole time in it */
    assert_int_equal(sync_turn_begin(&turn, NULL), ST_E_CORRUPT);
    assert_int_equal(sync_log_size(&d->txn, &size, NULL), ST_OK);
    put_row(d, STORE_LOG, pack_text("\xff\xff"), 8);
    assert_int_equal(sync_turn_begin(&turn, NULL), ST_E_CORRUPT);
    assert_int_equal(sync_log_size(&d->txn, &size, NULL), ST_E_CORRUPT);
}

/* ---- names of buckets ---- */

static void test_buckets_have_names(void **state)
{
    desk *d = *state;
    const sync_room *room = &d->r.srv.sync;
    st_bucket bucket;
    char unit[3 * ST_BUCKET_BYTES_MAX];
    assert_true(sync_bucket(room, ST_HOME_UNIT, RIG_UNIT, &bucket));
    assert_string_equal(bucket.s, RIG_BUCKET);
    assert_true(sync_bucket(room, ST_HOME_REVIEW, RIG_UNIT, &bucket));
    assert_string_equal(bucket.s, "01477/review");
    memset(unit, 'x', sizeof unit);
    for (size_t len = sizeof unit - 1; len > ST_BUCKET_BYTES_MAX; len -= ST_BUCKET_BYTES_MAX) {
        unit[len] = '\0';
        assert_false(sync_bucket(room, ST_HOME_UNIT, unit, &bucket));
    }
    assert_false(sync_bucket(room, ST_HOME_UNIT, "a b", &bucket));
    assert_false(sync_bucket(room, ST_HOME_UNIT, "", &bucket));
    assert_false(sync_bucket(room, (st_home)(ST_HOME_REVIEW + 1), RIG_UNIT, &bucket));
    assert_string_equal(bucket.s, "01477/review");
}

static void test_damaged_rows_are_said(void **state)
{
    desk *d = *state;
    sets_kind kind = SETS_NEW;
    uint64_t index = 0;
    bool added = false;
    const st_gone gone = { 4, 5 };
    add_two(d);
    const st_set next = set_of(d, 9, 1, 4, 3), fork = set_of(d, 2, 1, 9, 1);
    pack_key fork_key = pack_id(&DEVICE);
    pack_key_hash(&fork_key, &fork.hash);
    put_row(d, STORE_FORKS, fork_key, 7);
    assert_int_equal(sets_look(&d->txn, &fork, &kind, &index, NULL), ST_E_CORRUPT);
    assert_int_equal(sets_find_fork(&d->txn, &DEVICE, &fork.hash, &index, NULL), ST_E_CORRUPT);
    put_row(d, STORE_GAPS, key_of(4), 7);
    assert_int_equal(list_gaps(d), ST_E_CORRUPT);
    assert_int_equal(sets_add(&d->txn, &next, 109, NULL), ST_E_CORRUPT);
    put_row(d, STORE_HEAD, pack_id(&DEVICE), 7);
    assert_int_equal(sets_add(&d->txn, &next, 109, NULL), ST_E_CORRUPT);
    assert_int_equal(list_gaps(d), ST_E_CORRUPT);
    put_row(d, STORE_SETS, key_of(6), 7);
    const st_set inside = set_of(d, 7, 1, 4, 3);
    assert_int_equal(sets_look(&d->txn, &inside, &kind, &index, NULL), ST_E_CORRUPT);
    assert_int_equal(sets_add_gap(&d->txn, &DEVICE, &gone, &added, NULL), ST_E_CORRUPT);
    assert_false(added);
}

static bool count_fork(void *context, uint64_t index)
{
    size_t *count = context;
    (*count)++;
    return index != 1;
}

static void test_every_fork_is_listed(void **state)
{
    desk *d = *state;
    size_t count = 0;
    for (uint8_t i = 0; i < 3; i++) {
        const st_set fork = set_of(d, 2, 1, (uint8_t)(9 + i), 1);
        assert_int_equal(sets_add_fork(&d->txn, &fork, i, NULL), ST_OK);
    }
    assert_int_equal(sets_each_fork(&d->txn, count_fork, &count, NULL), ST_OK);
    assert_int_equal(count, 2); /* it was told that this is enough */
    pack_key key = pack_id(&DEVICE);
    const st_hash first = hash_of(9);
    pack_key_hash(&key, &first);
    put_row(d, STORE_FORKS, key, 7);
    assert_int_equal(sets_each_fork(&d->txn, count_fork, &count, NULL), ST_E_CORRUPT);
    assert_int_equal(count, 2);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_branches),
        CASE(test_nothing_before_the_first),
        CASE(test_forks_are_known),
        CASE(test_the_head_moves_over_what_has_no_hole),
        CASE(test_what_cannot_be_read_ends_before_the_next),
        CASE(test_what_is_no_gap_is_not_noted),
        CASE(test_gaps_are_listed),
        CASE(test_what_came_after_all_is_no_gap),
        CASE(test_the_head_does_not_go_back),
        CASE(test_damage_is_no_hole),
        CASE(test_damaged_keys_are_said),
        CASE(test_a_damaged_end_of_the_log),
        CASE(test_buckets_have_names),
        CASE(test_damaged_rows_are_said),
        CASE(test_every_fork_is_listed),
    };
    return cmocka_run_group_tests(tests, open_book, close_book);
}
