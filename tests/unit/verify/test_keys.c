/* tests/unit/verify/test_keys.c
 * The log was given another key, and again: the reviewer holds one of them and is led to the
 * newest. What does not follow, is hidden, or signed late by the one before, is found; a receipt
 * holds by whichever key counted when it was made, and only in the log that it speaks of. */
#include "tests/unit/verify/owner.h"

/* The next key, with the entry that says so. */
static void change_key(owner *o)
{
    uint8_t seed[32], text[ST_LOG_KEY_SIGN_BYTES], secret[64];
    st_log_key *one = &o->keys.rows[o->keys.count];
    st_leaf *leaf = &o->leaves[o->count];
    memset(seed, 0x78 + (int)o->keys.count, sizeof seed);
    one->n = o->keys.count + 1;
    one->size = o->count;
    st_sign_keypair(seed, one->key, secret);
    st_log_key_sign_text(&o->log, st_log_keys_newest(&o->keys), one, text);
    st_sign(o->secret, text, sizeof text, one->by_old);
    st_sign(secret, text, sizeof text, one->by_new);
    memcpy(o->secret, secret, sizeof secret);
    o->keys.count++;
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_KEY;
    leaf->time_ms = o->leaves[o->count - 1].time_ms;
    leaf->device = o->phones[0].id;
    leaf->first = leaf->last = one->n;
    leaf->verdict = "-";
    leaf->via = ST_VIA_OPERATOR;
    leaf->has_commit = true;
    leaf->commit = st_log_key_commit(one);
    o->count++;
}

/* Two changes, with sets before, between and behind; the reviewer holds the first key. */
static owner *make_changed(size_t sets)
{
    owner *o = make_owner(sets);
    for (int i = 0; i < 2; i++) {
        change_key(o);
        add_set(o, &o->phones[i]);
    }
    publish(o);
    return o;
}

static void test_another_key_is_followed(void **state)
{
    (void)state;
    owner *o = make_owner(4);
    publish(o);
    st_buffer first = keep_checkpoint(o);
    change_key(o);
    add_set(o, &o->phones[0]);
    publish(o);
    assert_good(o);
    st_buffer second = keep_checkpoint(o);
    change_key(o);
    publish(o);
    st_error error = { 0 };
    for (uint64_t n = 0; n <= 2; n++) { /* whichever of them the reviewer holds */
        memcpy(o->vkey.key, st_log_keys_at(&o->keys, n), sizeof o->vkey.key);
        assert_good(o);
        assert_int_equal(check(o, &first, &error), ST_OK);
        assert_int_equal(check(o, &second, &error), ST_OK);
    }
    o->vkey.key[0] ^= 1;
    assert_found(o, NULL, "the key that was given is none of those that this export names");
    st_buffer_free(&first);
    st_buffer_free(&second);
    free_owner(o);
}

static void test_false_links_of_keys(void **state)
{
    (void)state;
    owner *o = make_changed(3);
    const st_log_keys good = o->keys;
    for (unsigned i = 0; i < 2; i++) {
        const char *const where[] = { "log-keys: change 1 is not", "log-keys: change 2 is not" };
        memcpy(o->keys.rows[i].by_old, good.rows[i].by_new, 64); /* by the new one alone */
        publish(o);
        assert_found(o, NULL, where[i]);
        o->keys = good;
        o->keys.rows[i].n += 1;
        publish(o);
        assert_found(o, NULL, where[i]);
        o->keys = good;
    }
    o->keys.first[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "log-keys: the first key is not that of this log");
    o->keys = good;
    o->keys.rows[0] = good.rows[1]; /* one left out */
    o->keys.count = 1;
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 is not");
    o->keys.count = 0;              /* all of them */
    publish(o);
    assert_found(o, NULL, "the log's key did not sign it");
    memcpy(o->vkey.key, good.rows[1].key, sizeof o->vkey.key);
    assert_found(o, NULL, "entry 4: a change of the log's key that log-keys does not name");
    free_owner(o);
}

static void test_a_change_has_its_entry(void **state)
{
    (void)state;
    owner *o = make_changed(3);
    const size_t at = 3; /* of the first change */
    const st_leaf good = o->leaves[at];
    assert_good(o);
    o->leaves[at].commit.b[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "entry 4: change 1 of the log's key is another one");
    o->leaves[at] = good;
    o->leaves[at].first = o->leaves[at].last = 2;
    publish(o);
    assert_found(o, NULL, "entry 4: a change of the log's key that log-keys does not name");
    o->leaves[at] = good;
    o->keys.rows[0].size++; /* is signed, so it cannot be moved */
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 is not");
    o->keys.rows[0].size--;
    o->leaves[at].first = o->leaves[at].last = 0; /* as if it were of a forgotten PIN */
    publish(o);
    assert_found(o, NULL, "log-keys does not name"); /* the second one is the first that is there */
    o->leaves[5].first = o->leaves[5].last = 0;
    publish(o);
    assert_found(o, NULL, "log-keys: change 1 has no entry in the log");
    free_owner(o);
}

/* Whoever has the old key signs the log as it became later. */
static void test_the_old_key_signs_no_more(void **state)
{
    (void)state;
    owner *o = make_owner(3);
    uint8_t old_secret[64];
    memcpy(old_secret, o->secret, sizeof old_secret);
    change_key(o);
    add_set(o, &o->phones[0]);
    publish(o);
    assert_good(o);
    st_buffer now = keep_checkpoint(o), forged;
    st_note note;
    st_checkpoint checkpoint;
    st_arena arena;
    st_error error = { 0 };
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&forged, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_note_decode(now.data, now.len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &checkpoint, NULL), ST_OK);
    assert_int_equal(st_checkpoint_sign(&checkpoint, old_secret, &forged, NULL), ST_OK);
    assert_int_equal(check(o, &now, &error), ST_OK);
    assert_found(o, &forged, "by a key that signed 3 at most");
    file_of(o, "checkpoint")->len = 0;
    assert_int_equal(st_buffer_append(file_of(o, "checkpoint"), forged.data, forged.len, NULL),
                     ST_OK);
    assert_found(o, NULL, "the log's key did not sign it");
    st_buffer_free(&forged);
    st_buffer_free(&now);
    st_arena_reset(&arena);
    free_owner(o);
}

static void test_each_bit_of_the_list_of_keys(void **state)
{
    (void)state;
    owner *o = make_changed(2);
    assert_good(o);
    flip_all(o, file_of(o, "log-keys"), "log-keys");
    assert_good(o);
    free_owner(o);
}

/* ---- receipts ---- */

static void test_receipts_of_each_key(void **state)
{
    (void)state;
    owner *o = make_owner(5);
    kept k[3];
    for (uint64_t i = 0; i < 3; i++) { /* of entry 3, by each key in its time */
        if (i > 0)
            change_key(o);
        add_set(o, &o->phones[0]);
        publish(o);
        k[i] = keep_receipt(o, 2);
    }
    for (uint64_t n = 0; n < 3; n++)
        for (size_t i = 0; i < 3; i++) {
            st_error error = { 0 };
            assert_int_equal(check_receipt(o, n, WITH_LIST, &k[i], &error), ST_OK);
            assert_int_equal(check_receipt(o, n, WITH_LOG, &k[i], &error), ST_OK);
            st_err alone = check_receipt(o, n, KEY_ALONE, &k[i], &error);
            assert_int_equal(alone, n == i ? ST_OK : ST_E_SIGNATURE);
            assert_true(n == i || strstr(error.detail, "name an export too") != NULL);
        }
    k[2].leaf.data[30] ^= 1;
    assert_refused(o, WITH_LIST, &k[2], "entry 3: this is not what the log has there");
    o->keys.count = 1; /* an export of before the newest key */
    assert_int_equal(st_log_keys_format(&o->keys, (drop_files(o), new_file(o, "log-keys")), NULL),
                     ST_OK);
    assert_refused(o, WITH_LIST, &k[2], "which this export does not list: it is older");
    for (size_t i = 0; i < 3; i++)
        drop(&k[i]);
    free_owner(o);
}

/* The old key, stolen after the change, signs what came later. */
static void test_a_receipt_by_the_old_key_of_later(void **state)
{
    (void)state;
    owner *o = make_owner(5);
    uint8_t old_secret[64], new_secret[64];
    memcpy(old_secret, o->secret, sizeof old_secret);
    change_key(o);
    add_set(o, &o->phones[0]);
    publish(o);
    memcpy(new_secret, o->secret, sizeof new_secret);
    memcpy(o->secret, old_secret, sizeof old_secret);
    publish(o); /* all as it is, under the old key */
    st_buffer forged = keep_checkpoint(o);
    memcpy(o->secret, new_secret, sizeof new_secret);
    publish(o);
    kept k = keep_receipt(o, 6);
    st_proof_file file;
    st_buffer again;
    st_buffer_init(&again, 1u << 16);
    assert_int_equal(st_proof_file_decode(k.proof.data, k.proof.len, &file, NULL), ST_OK);
    file.checkpoint = (const char *)forged.data;
    file.checkpoint_len = forged.len;
    assert_int_equal(st_proof_file_encode(&file, &again, NULL), ST_OK);
    st_buffer_free(&k.proof);
    k.proof = again;
    assert_refused(o, WITH_LIST, &k, "of 7 entries, by a key that signed 5 at most");
    assert_refused(o, WITH_LOG, &k, "of 7 entries, by a key that signed 5 at most");
    assert_int_equal(check_receipt(o, 0, KEY_ALONE, &k, NULL), ST_OK); /* nobody told it */
    st_buffer_free(&forged);
    drop(&k);
    free_owner(o);
}

/* Signed by the right key, and in a log that is not the one at hand. */
static void test_a_receipt_of_another_log(void **state)
{
    (void)state;
    owner *o = make_owner(6);
    publish(o);
    kept k = keep_receipt(o, 5);
    st_error error = { 0 };
    assert_int_equal(check_receipt(o, 0, WITH_LOG, &k, &error), ST_OK);
    kept of_before = keep_receipt(o, 1);
    o->count = 4;
    publish(o);
    assert_refused(o, WITH_LOG, &k, "entry 6: here are 4 entries");
    assert_int_equal(check_receipt(o, 0, WITH_LOG, &of_before, &error), ST_OK); /* the younger */
    o->count = 0;
    publish(o);
    assert_refused(o, WITH_LOG, &k, "entry 6: here are 0 entries");
    o->count = 4;
    o->phones[0].last = o->leaves[2].last;
    o->phones[0].prev = o->leaves[2].commit;
    add_set(o, &o->phones[0]);
    o->leaves[4].actor = make_id(0xbb, 0xbb);
    o->phones[1].last = o->leaves[3].last;
    o->phones[1].prev = o->leaves[3].commit;
    add_set(o, &o->phones[1]);
    publish(o);
    assert_good(o);
    assert_refused(o, WITH_LOG, &of_before, "the first 6 entries are not those");
    assert_int_equal(check_receipt(o, 0, WITH_LOG, &k, &error), ST_E_CORRUPT);
    o->leaves[5].actor = make_id(0xcc, 0xcc);
    publish(o);
    assert_refused(o, WITH_LOG, &k, "entry 6: this log has another one there");
    assert_int_equal(check_receipt(o, 0, KEY_ALONE, &k, &error), ST_OK);
    drop(&of_before);
    drop(&k);
    free_owner(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_key_is_followed),
        cmocka_unit_test(test_false_links_of_keys),
        cmocka_unit_test(test_a_change_has_its_entry),
        cmocka_unit_test(test_the_old_key_signs_no_more),
        cmocka_unit_test(test_each_bit_of_the_list_of_keys),
        cmocka_unit_test(test_receipts_of_each_key),
        cmocka_unit_test(test_a_receipt_by_the_old_key_of_later),
        cmocka_unit_test(test_a_receipt_of_another_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
