/* tests/unit/verify/test_restored.c
 * What of before does not fit a log, and what the reviewer's program says of it: each phone that
 * speaks of another log, and that a copy was put in the log's place when the log says so itself.
 * Such an entry explains what lay behind it, and nothing else. */
#include "tests/unit/verify/owner.h"

#include <stdio.h>

/* ---- what is wrong with one phone, and keeps nobody from the rest ---- */

/* Of each the first entry is named, in their order, and all the rest is looked at. */
static void test_each_phone_is_named_once(void **state)
{
    (void)state;
    verify_log log = { .is_strict = true };
    st_error error = { 0 };
    owner *o = make_owner(6);
    const verify_source source = { o, read_file };
    const st_tree_head now = head_now(o);
    st_tree_head other = now;
    st_buffer old = keep_checkpoint(o);
    other.root.b[0] ^= 1;
    add_seen(o, &o->phones[1], &now);
    add_seen(o, &o->phones[1], &other);
    add_seen(o, &o->phones[0], &now);
    add_seen(o, &o->phones[0], &other);
    add_seen(o, &o->phones[1], &other);
    publish(o);
    assert_found(o, NULL, "entry 8: its author had seen another log of 6 entries (device ");
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_E_CORRUPT);
    assert_true(log.was_read);
    assert_int_equal(log.doubts_count, 2);
    for (size_t i = 0; i < 2; i++) {
        char hex[33];
        const phone *p = &o->phones[1 - i];
        st_id_format(&p->id, hex);
        assert_int_equal(verify_say_doubt(&log, i, &error), ST_E_CORRUPT);
        assert_non_null(strstr(error.detail, hex));
        assert_non_null(strstr(error.detail, i == 0 ? "entry 8: " : "entry 10: "));
    }
    uint64_t size = 0;
    assert_int_equal(verify_log_continues(&log, old.data, old.len, &size, &error), ST_OK);
    assert_int_equal(size, 6);
    verify_log_free(&log);
    o->leaves[8].dsig[0] ^= 1; /* what is worse comes first, and nothing is asked after it */
    publish(o);
    memset(&log, 0, sizeof log);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_E_SIGNATURE);
    assert_false(log.was_read);
    verify_log_free(&log);
    st_buffer_free(&old);
    free_owner(o);
}

static void remove_leaf(owner *o, size_t at)
{
    memmove(&o->leaves[at], &o->leaves[at + 1], (o->count - at - 1) * sizeof o->leaves[0]);
    o->count--;
}

/* What says each doubt, and nothing else is wrong. */
static void assert_doubts(owner *o, const char *const *says, size_t count)
{
    verify_log log = { .is_strict = true };
    st_error error = { 0 };
    const verify_source source = { o, read_file };
    publish(o);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_E_CORRUPT);
    assert_true(log.was_read);
    assert_int_equal(log.doubts_count, count);
    assert_non_null(strstr(error.detail, says[0]));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(verify_say_doubt(&log, i, &error), ST_E_CORRUPT);
        assert_has_vietnamese(&error);
        bool same_restore = strstr(error.detail, "put back") == NULL ||
                            strstr(says[i], "put back") != NULL;
        if (strstr(error.detail, says[i]) == NULL || !same_restore)
            fail_msg("\"%s\" does not say \"%s\"", error.detail, says[i]);
    }
    verify_log_free(&log);
}

/* Each hole is named, also the second one of a phone; what a restore may have lost is said to be
 * that, and no hole that was there before it or came after. */
static void test_holes_are_named_and_the_rest_is_checked(void **state)
{
    (void)state;
    owner *o = make_owner(14);
    remove_leaf(o, 6);
    remove_leaf(o, 2); /* numbers 4 to 6 and 10 to 12 of the first phone */
    assert_doubts(o, (const char *[]){ "entry 4: changes 4 to 6 of device ",
                                       "entry 7: changes 10 to 12 of device " }, 2);
    const st_leaf lost = o->leaves[10]; /* 19 to 21 of the first */
    put_back(o, 8);                     /* which had 13 to 15 by then */
    come_again(o, &o->phones[0], &lost);
    for (size_t i = 0; i < 3; i++)
        add_set(o, &o->phones[1]);
    remove_leaf(o, 11);
    assert_doubts(o, (const char *[]){ "entry 4: changes 4 to 6 of device ",
                                       "entry 7: changes 10 to 12 of device ",
                                       "are missing before it; the book was put back in between, "
                                       "says entry 9",
                                       "entry 12: changes 19 to 21 of device " }, 4);
    free_owner(o);
}

/* ---- what the log says is gone ---- */

static void say_gone(owner *o, const phone *p, uint64_t from, uint64_t to)
{
    st_leaf *leaf = &o->leaves[o->count];
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_GAP;
    leaf->time_ms = o->leaves[o->count - 1].time_ms;
    leaf->device = p->id;
    leaf->first = from;
    leaf->last = to;
    leaf->verdict = "-";
    o->count++;
}

/* Nothing is wrong, and of the second phone these are gone: pairs, up to a 0. */
static void assert_gone(owner *o, const uint64_t *pairs)
{
    verify_log log = { .is_strict = true };
    st_error error = { 0 };
    const verify_source source = { o, read_file };
    publish(o);
    if (verify_log_read(&log, &source, &o->vkey, &error) != ST_OK)
        fail_msg("%s", error.detail);
    size_t count = 0;
    for (; pairs[2 * count] > 0; count++) {
        assert_true(count < log.gones_count);
        assert_int_equal(log.gones[count].from, pairs[2 * count]);
        assert_int_equal(log.gones[count].to, pairs[2 * count + 1]);
        assert_int_equal(log.gones[count].device, 1);
        assert_int_equal(o->leaves[log.gones[count].place].kind, ST_ENTRY_GAP);
    }
    assert_int_equal(log.gones_count, count);
    verify_log_free(&log);
}

/* What an entry says is gone is named, so that nobody drops a change and writes that in its place;
 * whichever part of it somebody brings later is there, and the rest is gone as before. */
static void test_what_is_gone_is_named_until_it_comes(void **state)
{
    (void)state;
    owner *o = make_owner(20);
    phone *p = &o->phones[1];
    st_leaf lost[3];
    for (size_t i = 0; i < 3; i++)
        lost[i] = o->leaves[5 + 2 * i]; /* 7 to 9, 10 to 12, 13 to 15 */
    for (size_t i = 3; i > 0; i--)
        remove_leaf(o, 3 + 2 * i);
    assert_doubts(o, (const char *[]){ "changes 7 to 15 of device " }, 1);
    say_gone(o, p, 7, 9);
    assert_doubts(o, (const char *[]){ "changes 10 to 15 of device " }, 1);
    say_gone(o, p, 7, 15);
    say_gone(o, p, 10, 12);
    assert_gone(o, (const uint64_t[]){ 7, 9, 10, 15, 0 });
    come_again(o, p, &lost[1]);
    assert_gone(o, (const uint64_t[]){ 7, 9, 13, 15, 0 });
    o->leaves[o->count - 1].prev.b[0] ^= 1; /* of what came before it nothing is here */
    assert_gone(o, (const uint64_t[]){ 7, 9, 13, 15, 0 });
    come_again(o, p, &lost[0]);
    publish(o);
    assert_found(o, NULL, "it does not continue the chain of device");
    o->leaves[o->count - 2].prev.b[0] ^= 1;
    assert_gone(o, (const uint64_t[]){ 13, 15, 0 });
    come_again(o, p, &lost[2]);
    assert_gone(o, (const uint64_t[]){ 0 });
    come_again(o, p, &lost[2]); /* twice: an entry between that is none hides nothing */
    publish(o);
    assert_found(o, NULL, "has these changes in another entry");
    o->count--;
    say_gone(o, p, 0, 3);
    publish(o);
    assert_found(o, NULL, "its changes have no number");
    o->count--;
    say_gone(o, p, 31, UINT64_MAX);
    assert_gone(o, (const uint64_t[]){ 31, UINT64_MAX, 0 });
    free_owner(o);
}

/* ---- an older checkpoint ---- */

/* 12 sets, of which the checkpoint is kept; a copy of 10 goes on, with one of the two again. */
static owner *make_restored(st_buffer *out_early, st_buffer *out_late, st_leaf out_lost[2])
{
    owner *o = make_owner(10);
    publish(o);
    *out_early = keep_checkpoint(o);
    add_set(o, &o->phones[0]);
    add_set(o, &o->phones[1]);
    publish(o);
    *out_late = keep_checkpoint(o);
    memcpy(out_lost, &o->leaves[10], 2 * sizeof *out_lost);
    put_back(o, 10);
    return o;
}

static void test_an_older_checkpoint_hears_of_the_restore(void **state)
{
    (void)state;
    static const char WHY[] = "the book was put back, says entry 11: of the older checkpoint's 12 "
                              "entries those from 11 on are gone or came again; one of at most 10 ";
    st_error error = { 0 };
    st_buffer early, late;
    st_leaf lost[2];
    owner *o = make_restored(&early, &late, lost);
    publish(o);
    assert_good(o);
    assert_found(o, &late, WHY); /* it is shorter still */
    come_again(o, &o->phones[1], &lost[1]);
    come_again(o, &o->phones[0], &lost[0]);
    publish(o);
    assert_good(o);
    assert_found(o, &late, WHY);
    assert_int_equal(check(o, &early, &error), ST_OK);
    st_buffer since = keep_checkpoint(o);
    o->leaves[3].actor = make_id(0xbb, 0xbb); /* it explains nothing that lies before it */
    publish(o);
    assert_found(o, &early, "the first 10 entries are not those of the older checkpoint: two logs "
                            "under one name, or one written on before the restore of entry 11");
    o->leaves[3].actor = make_id(0xaa, 0xaa);
    o->leaves[12].actor = make_id(0xbb, 0xbb); /* nor what came after it */
    publish(o);
    assert_found(o, &since, "the first 13 entries are not those of the older checkpoint: two logs "
                            "under one name");
    o->count = 12;
    publish(o);
    assert_found(o, &since, "has 13 entries, and here are 12: the log was cut off or put back");
    st_buffer_free(&since);
    st_buffer_free(&late);
    st_buffer_free(&early);
    free_owner(o);
}

/* A store that was put back unseen was written on before its epoch began: the entry says where the
 * two logs part, and must be right in that. One of before says nothing: then it is its place. */
static void test_an_epoch_says_from_where_it_goes_on(void **state)
{
    (void)state;
    owner *o = make_owner(8);
    const st_tree_head cut = head_now(o);
    add_set(o, &o->phones[0]);
    add_set(o, &o->phones[1]);
    const st_tree_head lost = head_now(o);
    st_buffer late = keep_checkpoint(o);
    put_back(o, 10);
    o->leaves[8].actor = make_id(0xbb, 0xbb); /* another entry than the lost one */
    o->leaves[10].seen_size = cut.size;
    o->leaves[10].seen_root = cut.root;
    add_seen(o, &o->phones[1], &lost);
    publish(o);
    assert_good(o);
    assert_found(o, &late, "the book was put back, says entry 11: of the older checkpoint's 10 "
                           "entries those from 9 on are gone or came again; one of at most 8 ");
    o->leaves[10].seen_size = 0;
    publish(o);
    assert_found(o, NULL, "entry 12: its author had seen another log of 10 entries");
    static const uint64_t WRONG[] = { 7, 9, 11 };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        char says[96];
        o->leaves[10].seen_size = WRONG[i];
        publish(o);
        (void)snprintf(says, sizeof says, "entry 11: the log that it says it goes on from, of %d "
                       "entries, is not this one", (int)WRONG[i]);
        assert_found(o, NULL, says);
    }
    st_buffer_free(&late);
    free_owner(o);
}

/* Until somebody noticed that an old store was back, it took in what a phone wrote that knew the
 * lost one: that is no other log. What lies before the cut is told all the same. */
static void test_an_epoch_noticed_late_excuses_what_came_before_it(void **state)
{
    (void)state;
    owner *o = make_owner(8);
    const st_tree_head cut = head_now(o);
    add_set(o, &o->phones[0]);
    add_set(o, &o->phones[1]);
    const st_tree_head lost = head_now(o);
    put_back(o, 8);
    o->count = 8; /* unseen: no entry says so */
    o->epoch_n--;
    add_set(o, &o->phones[1]);
    add_seen(o, &o->phones[0], &lost);
    put_back(o, 10);
    o->leaves[10].seen_size = cut.size;
    o->leaves[10].seen_root = cut.root;
    publish(o);
    assert_good(o);
    o->leaves[7].seen_size = lost.size; /* taken in before the cut */
    o->leaves[10].seen_size = 0; /* of which the entry of a log of before says its place alone */
    publish(o);
    assert_found(o, NULL, "entry 8: its author had seen another log of 10 entries");
    free_owner(o);
}

/* The list of logs given up, with one line; by another key when it is another's. */
static void give_up(owner *o, const st_tree_head *head, bool by_another)
{
    uint8_t seed[32] = { 0x66 }, public_key[32], secret[64], signature[64];
    char hex[33], root[48], text[96];
    st_checkpoint checkpoint = { .head = *head };
    st_buffer signed_text;
    st_buffer_init(&signed_text, 1024);
    publish(o);
    st_sign_keypair(seed, public_key, secret);
    st_origin("01477", &o->log, 1, checkpoint.origin);
    assert_int_equal(st_checkpoint_text(&checkpoint, &signed_text, NULL), ST_OK);
    st_sign(by_another ? secret : o->secret, signed_text.data, signed_text.len, signature);
    st_id_format(&o->phones[0].id, hex);
    st_base64(head->root.b, sizeof head->root.b, root);
    st_base64(signature, sizeof signature, text);
    assert_int_equal(st_buffer_printf(new_file(o, "given-up"), NULL,
                                      "sotay-given-up/v1\n%s 1 %llu %s %s\n", hex,
                                      (unsigned long long)head->size, root, text), ST_OK);
    st_buffer_free(&signed_text);
}

/* What a phone showed of the log before an epoch: explained by its cut, or another past. */
static void test_what_was_given_up_is_compared(void **state)
{
    (void)state;
    verify_log log = { .is_strict = true };
    st_error error = { 0 };
    owner *o = make_owner(12);
    const verify_source source = { o, read_file };
    st_tree_head lost = head_now(o);
    put_back(o, 10);
    give_up(o, &lost, false);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_OK);
    assert_true(log.has_given && log.givens_count == 1);
    assert_true(log.givens[0].size == 12 && log.givens[0].put_back == 11);
    verify_log_free(&log);
    static const char *const WHY[] = {
        "given-up: line 2: no key of the log signed it",
        "given-up: line 2: the log's key signed another log of 9 entries, and no new epoch",
        "given-up: line 2: that is this log, and was not given up",
    };
    for (int i = 0; i < 3; i++) {
        st_tree_head head = i == 2 ? head_now(o) : lost;
        head.size = i == 1 ? 9 : head.size;
        give_up(o, &head, i == 0);
        assert_int_equal(check(o, NULL, &error), i == 0 ? ST_E_SIGNATURE : ST_E_CORRUPT);
        assert_has_vietnamese(&error);
        if (strstr(error.detail, WHY[i]) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.detail, WHY[i]);
    }
    free_owner(o);
}

/* ---- receipts ---- */

static void assert_held(owner *o, const kept *k, verify_held want)
{
    verify_held held;
    st_error error = { 0 };
    if (hold_receipt(o, 0, WITH_LOG, k, &held, &error) != ST_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(held.entry, want.entry);
    assert_int_equal(held.was, want.was);
    assert_int_equal(held.size, want.size);
    assert_int_equal(held.put_back, want.put_back);
}

static void test_a_receipt_finds_its_set_again(void **state)
{
    (void)state;
    st_leaf lost[2];
    owner *o = make_owner(12);
    publish(o);
    kept before = keep_receipt(o, 3), first = keep_receipt(o, 10), second = keep_receipt(o, 11);
    memcpy(lost, &o->leaves[10], sizeof lost);
    assert_held(o, &first, (verify_held){ 11, 11, 12, 0 });
    put_back(o, 10);
    come_again(o, &o->phones[1], &lost[1]);
    publish(o);
    assert_good(o);
    assert_held(o, &before, (verify_held){ 4, 4, 12, 11 });
    assert_held(o, &second, (verify_held){ 12, 12, 12, 11 });
    assert_refused(o, WITH_LOG, &first,
                   "entry 11: gone since the book was put back, of which entry 11 speaks");
    come_again(o, &o->phones[0], &lost[0]);
    publish(o);
    assert_held(o, &first, (verify_held){ 13, 11, 12, 11 });
    const st_leaf honest = o->leaves[3]; /* before the restore nothing may be another one */
    o->leaves[3].actor = make_id(0xbb, 0xbb);
    publish(o);
    assert_refused(o, WITH_LOG, &before, "entry 4: this log has another one there: two logs");
    o->leaves[3] = honest;
    publish(o);
    kept since = keep_receipt(o, 12);
    assert_held(o, &since, (verify_held){ 13, 13, 13, 0 });
    drop(&since);
    drop(&second);
    drop(&first);
    drop(&before);
    free_owner(o);
}

/* ---- in Vietnamese ---- */

static void assert_vietnamese(const char *said, const char *want, bool known)
{
    st_buffer vi;
    bool is_known = !known;
    st_buffer_init(&vi, 4096);
    assert_int_equal(verify_text_vi(said, &vi, &is_known), ST_OK);
    assert_int_equal(is_known, known);
    assert_int_equal(st_buffer_append(&vi, "", 1, NULL), ST_OK);
    assert_string_equal((const char *)vi.data, want);
    st_buffer_free(&vi);
}

static void test_complaints_in_vietnamese(void **state)
{
    (void)state;
    assert_vietnamese("entry 7: changes 4 to 6 of device 0a1b are missing before it",
                      "mục 7: thiếu các thay đổi từ 4 đến 6 của máy 0a1b ở trước mục này", true);
    assert_vietnamese("witness/0a1b: note: nobody signed it",
                      "witness/0a1b: bản ký: không ai ký", true);
    assert_vietnamese("../before/vkey: No such file or directory",
                      "../before/vkey: không có tệp hoặc thư mục này", true);
    assert_vietnamese("my folder: 2/vkey: is missing", "my folder: 2/vkey: thiếu", true);
    assert_vietnamese("entry 7: % of it", "mục 7: % of it", false);
    assert_vietnamese("its author had seen another log of  entries (device )",
                      "its author had seen another log of  entries (device )", false);
    assert_vietnamese("", "", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_phone_is_named_once),
        cmocka_unit_test(test_holes_are_named_and_the_rest_is_checked),
        cmocka_unit_test(test_what_is_gone_is_named_until_it_comes),
        cmocka_unit_test(test_an_older_checkpoint_hears_of_the_restore),
        cmocka_unit_test(test_an_epoch_says_from_where_it_goes_on),
        cmocka_unit_test(test_an_epoch_noticed_late_excuses_what_came_before_it),
        cmocka_unit_test(test_what_was_given_up_is_compared),
        cmocka_unit_test(test_a_receipt_finds_its_set_again),
        cmocka_unit_test(test_complaints_in_vietnamese),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
