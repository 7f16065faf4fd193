/* tests/unit/server/test_trail.c
 * What a reviewer reads: the root of the book at every size, the marks of a meeting, and what the
 * history says of them. */
#include "tests/unit/server/operator_kit.h"

#include <time.h>

#include "server/audit/root.h"
#include "server/audit/tree.h"
#include "server/store/pack.h"
#include "server/sync/fence.h"

static kit_book BOOK;

static int setup(void **state)
{
    kit_make(&BOOK, false);
    KIT_EXPECT(0, &BOOK, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &BOOK, "assign", "an", KIT_UNIT);
    KIT_EXPECT(0, &BOOK, "user", "add", "office", "--name", "Office", "--role", "office");
    KIT_EXPECT(0, &BOOK, "user", "add", "chair", "--name", "Chair", "--role", "council_chair");
    *state = &BOOK;
    return 0;
}

static int teardown(void **state)
{
    kit_remove(*state);
    return 0;
}

/* ---- the root ---- */

/* RFC 6962 2.1 level by level: a last one without a neighbour goes up as it is. */
static st_hash slow_root(const st_hash *leaves, size_t count)
{
    st_hash work[256];
    size_t width = count;
    if (count == 0)
        return st_sha256("", 0);
    assert_true(count <= 256);
    memcpy(work, leaves, count * sizeof *work);
    for (; width > 1; width = (width + 1) / 2)
        for (size_t i = 0; i < width; i += 2) {
            uint8_t node[65] = { 1 };
            if (i + 1 == width) {
                work[i / 2] = work[i];
                continue;
            }
            memcpy(node + 1, work[i].b, 32);
            memcpy(node + 33, work[i + 1].b, 32);
            work[i / 2] = st_sha256(node, sizeof node);
        }
    return work[0];
}

static size_t read_leaves(store_txn *txn, st_hash *out, size_t max)
{
    size_t count = 0;
    for (; count < max; count++) {
        store_slice row = { 0 };
        pack_key key = pack_u64(count + 1);
        if (store_get(txn, STORE_LEAF, pack_key_slice(&key), &row, NULL) != ST_OK)
            break;
        memcpy(out[count].b, row.data, 32);
    }
    return count;
}

static void test_the_root_is_that_of_the_rfc(void **state)
{
    kit_book *book = *state;
    store_txn txn = { 0 };
    st_hash leaves[256], root, before;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    size_t count = read_leaves(&txn, leaves, 256);
    assert_true(count > 20);
    memset(&before, 0, sizeof before);
    for (size_t size = 0; size <= count; size++) {
        st_hash want = slow_root(leaves, size);
        assert_int_equal(audit_root(&txn, size, &root, NULL), ST_OK);
        assert_memory_equal(root.b, want.b, sizeof root.b);
        assert_memory_not_equal(root.b, before.b, sizeof root.b);
        st_tree_head head;                     /* and that of the tree that proofs are made from */
        assert_int_equal(audit_tree_head(&txn, size, &head, NULL), ST_OK);
        assert_memory_equal(root.b, head.root.b, sizeof root.b);
        before = root;
    }
    assert_int_equal(audit_root(&txn, count + 1, &root, NULL), ST_E_CORRUPT);
    store_end(&txn);
}

/* ---- marks ---- */

static void test_a_meeting_has_one_mark_on_each_side(void **state)
{
    kit_book *book = *state;
    char meeting[33], visit[33];
    KIT_EXPECT(0, book, "new", "council_meeting", "-", "date=2026-03-20", "--as", "office");
    kit_take_id(book, meeting);
    KIT_EXPECT(0, book, "new", "visit", KIT_UNIT, "visit_kind=kiem_tra",
               "planned_date=2026-03-12", "--as", "office");
    kit_take_id(book, visit);
    KIT_EXPECT(1, book, "fence", "close", meeting, "--as", "chair");
    KIT_EXPECT(1, book, "fence", "open", visit, "--as", "chair");
    KIT_EXPECT(1, book, "fence", "open", "nothing", "--as", "chair");
    KIT_EXPECT(1, book, "fence", "open", meeting, "--as", "an");
    KIT_EXPECT(2, book, "fence", "open", meeting);
    KIT_EXPECT(0, book, "fence", "open", meeting, "--as", "chair");
    KIT_EXPECT(1, book, "fence", "open", meeting, "--as", "chair");
    KIT_EXPECT(0, book, "set", visit, "planned_date=2026-03-13", "--as", "office");
    book->lang = "vi";
    KIT_EXPECT(0, book, "fence", "close", meeting, "--as", "office");
    assert_true(kit_says(KIT_OUT(book), "Mốc kết thúc họp: sổ có "));
    KIT_EXPECT(0, book, "fence", "list");
    assert_true(kit_says(KIT_OUT(book), "2 mốc họp"));
    book->lang = "en";
    KIT_EXPECT(1, book, "fence", "close", meeting, "--as", "office");
    KIT_EXPECT(1, book, "fence", "open", meeting, "--as", "office");
    KIT_EXPECT(0, book, "set", visit, "planned_date=2026-03-14", "--as", "office");
    KIT_EXPECT(0, book, "history", visit, "--after", meeting);
    assert_true(kit_says(KIT_OUT(book), "14 March 2026"));
    assert_true(kit_says(KIT_OUT(book), "after the meeting closed"));
    assert_true(kit_says(KIT_OUT(book), "1 change\n"));
    assert_null(strstr(KIT_OUT(book), "13 March 2026"));
    KIT_EXPECT(0, book, "history", visit);
    assert_true(kit_says(KIT_OUT(book), "while the meeting was open"));
    KIT_EXPECT(0, book, "verify");
}

static void test_the_last_mark_before_an_entry_is_found(void **state)
{
    (void)state;
    const sync_fence list[] = { { .entry = 5, .index = 4 }, { .entry = 9, .index = 8 } };
    const sync_fences fences = { list, 2, UINT64_MAX }, none = { NULL, 0, UINT64_MAX };
    static const struct { uint64_t at; int want; } CASES[] = {
        { 0, -1 }, { 4, -1 }, { 5, -1 }, { 6, 0 }, { 9, 0 }, { 10, 1 }, { UINT64_MAX, 1 } };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool is_unknown = true;
        const sync_fence *found = sync_fence_before(&fences, CASES[i].at, &is_unknown);
        assert_int_equal(found == NULL ? -1 : (int)(found - list), CASES[i].want);
        assert_false(is_unknown);
        assert_null(sync_fence_before(&none, CASES[i].at, &is_unknown));
    }
}

/* A mark in the backup, one that a restore lost and a phone brought again, one set since: behind
 * the cut nobody knows what the second one knew, until the third. */
static void test_marks_of_a_log_that_was_put_back(void **state)
{
    (void)state;
    const sync_fence list[] = { { .entry = 5, .index = 4 },
                                { .entry = 14, .index = 30, .is_of_before = true },
                                { .entry = 20, .index = 19 } };
    const sync_fences fences = { list, 3, 10 };
    static const struct { uint64_t at; int want; bool is_unknown; } CASES[] = {
        { 5, -1, false }, { 6, 0, false }, { 10, 0, false }, { 11, 1, true }, { 13, 1, true },
        { 15, 1, true }, { 20, 1, true }, { 21, 2, false }, { UINT64_MAX, 2, false } };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool is_unknown = !CASES[i].is_unknown;
        const sync_fence *found = sync_fence_before(&fences, CASES[i].at, &is_unknown);
        assert_int_equal(found == NULL ? -1 : (int)(found - list), CASES[i].want);
        assert_int_equal(is_unknown, CASES[i].is_unknown);
    }
}

/* ---- lists ---- */

/* A visit that the phone makes; the random bytes tell one from the other. */
static st_verdict_kind send_visit(kit_phone *phone, uint8_t random, st_arena *arena)
{
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_op ops[3];
    st_change change = { .creates = true, .form_version = form->version, .ops = ops,
                         .ops_count = 3 };
    assert_true(st_code_set(&change.form, "visit", 5));
    memset(change.random, random, sizeof change.random);
    ops[0] = kit_op(form, "unit_id", KIT_UNIT, arena);
    ops[1] = kit_op(form, "visit_kind", "kiem_tra", arena);
    ops[2] = kit_op(form, "visit_date", "2026-03-12", arena);
    return kit_send(phone, &change);
}

static void test_lists_say_what_is_missing_and_what_is_twice(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    kit_enrol(book, "an", 7, &phone);
    phone.ms = ((int64_t)time(NULL) - 40 * 86400) * 1000;   /* it was far away for long */
    assert_int_equal(send_visit(&phone, 1, &arena), ST_VERDICT_STORED);
    const kit_phone copy = phone;
    assert_int_equal(send_visit(&phone, 2, &arena), ST_VERDICT_STORED);
    phone.next += 3;
    assert_int_equal(send_visit(&phone, 3, &arena), ST_VERDICT_STORED);
    phone.next += 2;
    assert_int_equal(send_visit(&phone, 5, &arena), ST_VERDICT_STORED);
    kit_phone other = copy;
    assert_int_equal(send_visit(&other, 4, &arena), ST_VERDICT_HELD);
    static const struct { const char *list, *says; } CASES[] = {
        { "gaps", "3-5" },          { "gaps", "not brought yet" },
        { "gaps", "7-8" },          { "gaps", "2 to look at" },
        { "forks", "waits for the office" }, { "holds", "two books of one device" },
        { "late", "by the device's clock" }, { "silent", "never heard of" },
        { "epochs", "book made" },  { "revoked", "0 to look at" },
        { "changed", "0 to look at" }, { "withdrawn", "0 to look at" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        KIT_EXPECT(0, book, "audit", "list", CASES[i].list);
        assert_true(kit_says(KIT_OUT(book), CASES[i].says));
    }
    book->lang = "vi";
    KIT_EXPECT(0, book, "audit", "list", "gaps");
    assert_true(kit_says(KIT_OUT(book), "chưa ai gửi đến"));
    book->lang = "en";
    KIT_EXPECT(0, book, "held", "decline", "1", "--as", "office", "--reason", "a copy");
    KIT_EXPECT(0, book, "audit", "list", "forks");
    assert_true(kit_says(KIT_OUT(book), "looked at, off the list"));
    assert_true(kit_says(KIT_OUT(book), "a copy"));
    KIT_EXPECT(2, book, "audit", "list", "everything");
    KIT_EXPECT(1, book, "audit", "list", "gaps", "--csv", "--json");
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_root_is_that_of_the_rfc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_meeting_has_one_mark_on_each_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_say_what_is_missing_and_what_is_twice, setup,
                                        teardown),
        cmocka_unit_test(test_the_last_mark_before_an_entry_is_found),
        cmocka_unit_test(test_marks_of_a_log_that_was_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
