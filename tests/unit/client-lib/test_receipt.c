/* tests/unit/client-lib/test_receipt.c
 * A phone keeps a receipt only of its own change-set, in the log that it knows. Even a server that
 * has the log's key in its hand cannot give it another. */
#include "tests/unit/client-lib/receipt_desk.h"
#include "tests/unit/client-lib/rows.h"

static void test_the_true_one_is_kept(void **state)
{
    (void)state;
    bench b;
    sotay_receipt receipt;
    st_tree_head head;
    char root[48], code[20];
    bench_open(&b);
    assert_int_equal(sotay_receipt_get(b.an.client, &b.visit, &receipt, NULL), SOTAY_E_NOT_FOUND);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, &head), SOTAY_OK);
    assert_true(kept(&b) == b.entry);
    phone_reopen(&b.an);
    assert_int_equal(sotay_receipt_get(b.an.client, &b.visit, &receipt, NULL), SOTAY_OK);
    st_base64(head.root.b, sizeof head.root.b, root);
    st_fingerprint(head.root.b, code);
    assert_string_equal(receipt.root, root);
    assert_string_equal(receipt.code, code);
    assert_true(receipt.entry == b.entry && receipt.size == head.size);
    assert_true(receipt.proof.len > 0 && receipt.leaf.len > 0);
    sotay_receipt_free(&receipt);
    assert_null(receipt.proof.data);
    bench_close(&b);
}

/* The log's key signed every one of these trees. */
static void test_another_change_is_refused(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    for (unsigned i = 0; i < 10; i++) {
        answer a = truth(&b);
        a.leaf.actor.b[15] ^= i == 9 ? 1 : 0;
        a.leaf.hlc += i == 7 ? 1 : 0;
        a.leaf.seen_size += i == 8 ? 1 : 0;
        a.leaf.commit.b[0] ^= i == 0 ? 1 : 0;
        a.leaf.dsig[63] ^= i == 1 ? 1 : 0;
        a.leaf.device.b[5] ^= i == 2 ? 1 : 0;
        a.leaf.last += i == 3 ? 1 : 0;
        a.place += i == 4 ? 1 : 0;
        a.place -= i == 5 ? 1 : 0;
        a.other_hash = i == 6;
        assert_int_equal(offer(&b, &a, NULL), SOTAY_E_CORRUPT);
        assert_true(kept(&b) == 0);
    }
    bench_close(&b);
}

static void test_another_log_is_refused(void **state)
{
    (void)state;
    bench b;
    st_tree_head head;
    bench_open(&b);
    answer a = truth(&b);
    a.other_key = true;
    assert_int_not_equal(offer(&b, &a, NULL), SOTAY_OK);
    a = truth(&b);
    a.other_commune = true;
    assert_int_not_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_true(kept(&b) == 0);
    /* What the phone has seen of that size decides, also over what is kept. */
    a = truth(&b);
    assert_int_equal(offer(&b, &a, &head), SOTAY_OK);
    b.an.client->me.tree.head = head;
    b.an.client->me.tree.epoch = 1;
    assert_true(kept(&b) == b.entry);
    a.other_leaves = true;
    assert_int_equal(offer(&b, &a, NULL), SOTAY_E_CORRUPT);
    assert_true(kept(&b) == b.entry);
    b.an.client->me.tree.head.root.b[0] ^= 1;
    assert_true(kept(&b) == 0);
    bench_close(&b);
}

static void test_when_there_is_nothing_to_keep(void **state)
{
    (void)state;
    bench b;
    sotay_sync *sync = NULL;
    sotay_receipt_state found = { 0 };
    bench_open(&b);
    answer a = truth(&b);
    const sotay_pair list[] = { { "place", "bến xe" } };
    const sotay_pairs pairs = { list, 1 };
    assert_int_equal(sotay_sync_begin(b.an.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_E_BUSY);
    sotay_sync_free(sync);
    assert_int_equal(sotay_record_set(b.an.client, &b.visit, pairs, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_OK);
    assert_true(found.has_unsent && found.entry == b.entry);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_OK);
    assert_true(!found.has_unsent && found.entry > b.entry && found.kept == b.entry);
    /* of the older entry there is one; no other is taken for the newest */
    assert_int_equal(offer(&b, &a, NULL), SOTAY_E_CORRUPT);
    b.visit.b[0] ^= 1;
    assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_E_NOT_FOUND);
    bench_close(&b);
}

/* Own records whose newest change has no receipt, each once; others' and unsent ones are none. */
static void test_what_is_due(void **state)
{
    (void)state;
    bench b;
    sotay_id due[8];
    size_t count = 9;
    bench_open(&b);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 8, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&due[0], &b.visit, sizeof due[0]);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 0, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 0);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 8, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 0);
    sotay_id second = phone_visit(&b.an, "đình"), third = phone_visit(&b.an, "xóm");
    assert_int_equal(sotay_receipt_due(b.an.client, due, 8, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 0); /* not sent */
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 8, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 2);
    bool is_ascending = memcmp(&due[0], &due[1], sizeof due[0]) < 0;
    bool has_both = (memcmp(&due[0], &second, sizeof second) == 0 &&
                     memcmp(&due[1], &third, sizeof third) == 0) ||
                    (memcmp(&due[1], &second, sizeof second) == 0 &&
                     memcmp(&due[0], &third, sizeof third) == 0);
    assert_true(is_ascending && has_both);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 1, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 1);
    /* One that does not open is fetched again. */
    book_key key = book_key_id(BOOK_PROOF, (const st_id *)&b.visit);
    assert_int_equal(client_begin(b.an.client, true, NULL), ST_OK);
    assert_int_equal(book_put(&b.an.client->book, &key, "x", 1, NULL), ST_OK);
    assert_int_equal(client_commit(b.an.client, NULL), ST_OK);
    assert_int_equal(sotay_receipt_due(b.an.client, due, 8, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 3);
    bench_close(&b);
}

/* ---- what cannot be read ---- */

/* What a server sent, as two files. */
static int offer_bytes(bench *b, const st_buffer *proof, size_t proof_len, const st_buffer *leaf,
                       size_t leaf_len)
{
    const sotay_slice files[2] = { { proof->data, proof_len }, { leaf->data, leaf_len } };
    return sotay_receipt_put(b->an.client, &b->visit, files[0], files[1], &b->an.error);
}

static void files_of(const bench *b, const answer *a, st_buffer *proof, st_buffer *leaf)
{
    st_tree_head head;
    st_buffer_init(proof, ST_NOTE_BYTES_MAX * 2);
    st_buffer_init(leaf, ST_LEAF_BYTES_MAX * 2);
    write_files(b, a, proof, leaf, &head);
}

static void test_what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    bench b;
    st_buffer proof, leaf;
    bench_open(&b);
    answer a = truth(&b);
    files_of(&b, &a, &proof, &leaf);
    size_t proof_len = proof.len, leaf_len = leaf.len;
    for (size_t len = 0; len < proof_len; len += 1 + len / 3)
        assert_int_not_equal(offer_bytes(&b, &proof, len, &leaf, leaf_len), SOTAY_OK);
    for (size_t len = 0; len < leaf_len; len += 1 + len / 3)
        assert_int_not_equal(offer_bytes(&b, &proof, proof_len, &leaf, len), SOTAY_OK);
    assert_true(kept(&b) == 0);
    assert_non_null(st_buffer_reserve(&proof, ST_NOTE_BYTES_MAX));
    assert_non_null(st_buffer_reserve(&leaf, ST_LEAF_BYTES_MAX));
    assert_int_equal(offer_bytes(&b, &proof, ST_NOTE_BYTES_MAX + 1, &leaf, leaf_len),
                     SOTAY_E_TOO_LARGE);
    assert_int_equal(offer_bytes(&b, &proof, proof_len, &leaf, ST_LEAF_BYTES_MAX + 1),
                     SOTAY_E_TOO_LARGE);
    a.leaf.first++;
    assert_int_equal(offer(&b, &a, NULL), SOTAY_E_CORRUPT);
    a = truth(&b);
    a.leaf.has_commit = false;
    a.leaf.commit = (st_hash){ { 0 } };
    assert_int_not_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_true(kept(&b) == 0);
    assert_int_equal(offer_bytes(&b, &proof, proof_len, &leaf, leaf_len), SOTAY_OK);
    assert_true(kept(&b) == b.entry);
    st_buffer_free(&proof);
    st_buffer_free(&leaf);
    bench_close(&b);
}

static void must_hold_none(bench *b)
{
    sotay_receipt receipt;
    assert_true(kept(b) == 0);
    assert_int_equal(sotay_receipt_get(b->an.client, &b->visit, &receipt, NULL),
                     SOTAY_E_NOT_FOUND);
}

/* It is not even known of which entry it was: to be fetched again. */
static void must_be_due(bench *b)
{
    sotay_id due[2];
    size_t count = 0;
    must_hold_none(b);
    assert_int_equal(sotay_receipt_due(b->an.client, due, 2, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 1);
}

/* A row that is not as it was written is no receipt, and the true one takes its place. */
static void test_a_damaged_row_is_none(void **state)
{
    static stored_row row;
    (void)state;
    bench b;
    bench_open(&b);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_true(rows_get(&b.an, BOOK_PROOF, 0, &row));
    for (size_t len = 0; len < row.len; len += 1 + len / 2) {
        rows_put(&b.an, &row.key, row.data, len);
        must_hold_none(&b);
    }
    static stored_row bad;
    bad = row;
    st_put_u32(bad.data, (uint32_t)bad.len - 3); /* longer than what follows the number */
    rows_put(&b.an, &bad.key, bad.data, bad.len);
    must_be_due(&b);
    st_put_u32(bad.data, UINT32_MAX);
    rows_put(&b.an, &bad.key, bad.data, bad.len);
    must_be_due(&b);
    rows_put(&b.an, &row.key, row.data, row.len);
    assert_true(kept(&b) == b.entry);
    bench_close(&b);
}

/* A receipt by another key than the log's, as if it had been put into the store. */
static void test_a_row_signed_by_another_key(void **state)
{
    (void)state;
    bench b;
    st_buffer proof, leaf, row;
    uint8_t number[4];
    book_key key;
    bench_open(&b);
    answer a = truth(&b);
    a.other_key = true;
    files_of(&b, &a, &proof, &leaf);
    st_buffer_init(&row, ROWS_BYTES_MAX);
    st_put_u32(number, (uint32_t)leaf.len);
    assert_int_equal(st_buffer_append(&row, number, sizeof number, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&row, leaf.data, leaf.len, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&row, proof.data, proof.len, NULL), ST_OK);
    key = book_key_id(BOOK_PROOF, (const st_id *)&b.visit);
    rows_put(&b.an, &key, row.data, row.len);
    sotay_receipt receipt;
    assert_true(kept(&b) == 0);
    assert_int_equal(sotay_receipt_get(b.an.client, &b.visit, &receipt, NULL), SOTAY_E_NOT_FOUND);
    st_buffer_free(&row);
    st_buffer_free(&proof);
    st_buffer_free(&leaf);
    bench_close(&b);
}

/* The book is put back and what the receipt speaks of is another there. It is no receipt of this
 * log; what the key of the log once signed stays here all the same, also beside a new one. */
static void test_what_was_put_back_is_kept_beside(void **state)
{
    (void)state;
    bench b;
    sotay_receipt before, now;
    bench_open(&b);
    identity *me = &b.an.client->me;
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, &me->tree.head), SOTAY_OK);
    assert_int_equal(sotay_receipt_before(b.an.client, &b.visit, &before, NULL),
                     SOTAY_E_NOT_FOUND); /* it still holds */
    me->tree.epoch = 1;
    me->tree.head.root.b[0] ^= 1;
    assert_true(kept(&b) == 0);
    assert_int_equal(sotay_receipt_before(b.an.client, &b.visit, &before, NULL),
                     SOTAY_E_NOT_FOUND); /* no epoch was announced */
    me->epochs = 2;
    assert_int_equal(sotay_receipt_before(b.an.client, &b.visit, &before, NULL), SOTAY_OK);
    assert_true(before.entry == b.entry && strcmp(strrchr(before.origin, '/'), "/1") == 0);
    a.epoch = 2;
    a.other_leaves = true;
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_int_equal(sotay_receipt_get(b.an.client, &b.visit, &now, NULL), SOTAY_OK);
    assert_string_equal(strrchr(now.origin, '/'), "/2");
    sotay_receipt_free(&now);
    assert_int_equal(sotay_receipt_before(b.an.client, &b.visit, &now, NULL), SOTAY_OK);
    assert_true(now.entry == b.entry && now.proof.len == before.proof.len);
    assert_memory_equal(now.proof.data, before.proof.data, now.proof.len);
    assert_memory_equal(now.leaf.data, before.leaf.data, now.leaf.len);
    sotay_receipt_free(&now);
    sotay_receipt_free(&before);
    bench_close(&b);
}

/* A log that was put back has another tree of the same size: that is no contradiction. */
static void test_a_log_of_another_epoch(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, &b.an.client->me.tree.head), SOTAY_OK);
    b.an.client->me.tree.head.root.b[0] ^= 1;
    b.an.client->me.tree.epoch = 2;
    assert_true(kept(&b) == b.entry);
    b.an.client->me.tree.epoch = 1;
    assert_true(kept(&b) == 0);
    bench_close(&b);
}

static void test_a_phone_that_was_not_enrolled(void **state)
{
    (void)state;
    phone p;
    sotay_id id = { { 1 } }, due[1];
    sotay_receipt receipt;
    sotay_receipt_state found = { 0 };
    size_t count = 7;
    const sotay_slice bytes = { (const uint8_t *)"x", 1 };
    phone_new(&p, 5);
    assert_int_equal(sotay_receipt_find(p.client, &id, &found, NULL), SOTAY_E_STATE);
    assert_int_equal(sotay_receipt_get(p.client, &id, &receipt, NULL), SOTAY_E_STATE);
    assert_null(receipt.proof.data);
    assert_int_equal(sotay_receipt_put(p.client, &id, bytes, bytes, NULL), SOTAY_E_STATE);
    assert_int_equal(sotay_receipt_due(p.client, due, 1, &count, NULL), SOTAY_E_STATE);
    assert_int_equal(count, 0);
    phone_free(&p);
}

/* ---- which entry ---- */

/* A change that was held and then decided on is in the log where it came in, not where it was
 * decided on; until a newer one comes the receipt is of that entry. */
static void test_what_the_office_decided_on(void **state)
{
    static const st_entry_kind KINDS[] = { ST_ENTRY_ACCEPT, ST_ENTRY_DECLINE };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bench b;
        sotay_id due[4];
        size_t count = 0;
        sotay_receipt_state found = { 0 };
        bench_open(&b);
        answer a = truth(&b);
        assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
        b.e->hold_next = ST_HOLD_ROLE;
        assert_int_equal(phone_set(&b.an, &b.visit, "place", "bị giữ"), SOTAY_OK);
        assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
        b.e->hold_next = ST_HOLD_NONE;
        uint64_t held = b.e->entries_count;
        assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_OK);
        assert_true(found.entry == held && found.kept == b.entry);
        edge_decide(b.e, &b.an.client->me.device, b.e->entries[held - 1].first, KINDS[i]);
        assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_OK);
        assert_true(found.entry == held && found.kept == b.entry && !found.has_unsent);
        assert_int_equal(sotay_receipt_due(b.an.client, due, 4, &count, NULL), SOTAY_OK);
        assert_int_equal(count, 1);
        assert_int_equal(offer(&b, &a, NULL), SOTAY_E_CORRUPT); /* the older one again */
        bench_close(&b);
    }
}

/* A record is own when any entry of it is; one that others alone wrote is not fetched for. */
static void test_records_of_others(void **state)
{
    (void)state;
    bench b;
    phone binh;
    sotay_id due[4];
    size_t count = 0;
    bench_open(&b);
    phone_make(&binh, b.e, 1);
    sotay_id theirs = phone_visit(&binh, "của bình");
    assert_int_equal(phone_set(&binh, &b.visit, "place", "bến"), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&b.an, sotay_show, &theirs, "của bình"));
    assert_int_equal(sotay_receipt_due(b.an.client, due, 4, &count, NULL), SOTAY_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&due[0], &b.visit, sizeof due[0]);
    phone_free(&binh);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_true_one_is_kept),
        cmocka_unit_test(test_another_change_is_refused),
        cmocka_unit_test(test_another_log_is_refused),
        cmocka_unit_test(test_when_there_is_nothing_to_keep),
        cmocka_unit_test(test_what_is_due),
        cmocka_unit_test(test_what_cannot_be_read_is_refused),
        cmocka_unit_test(test_a_damaged_row_is_none),
        cmocka_unit_test(test_a_row_signed_by_another_key),
        cmocka_unit_test(test_what_was_put_back_is_kept_beside),
        cmocka_unit_test(test_a_log_of_another_epoch),
        cmocka_unit_test(test_a_phone_that_was_not_enrolled),
        cmocka_unit_test(test_what_the_office_decided_on),
        cmocka_unit_test(test_records_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
