/* tests/unit/server/test_kept.c
 * What an officer's phone signed is never turned away, even when this server cannot read it: a
 * newer program or a broken one wrote it, and the office must be able to see that it came, who sent
 * it, and the bytes themselves. What the same phone sends afterwards is not harmed. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/held.h"
#include "server/sync/row.h"

/* Where `part` begins in the bytes. */
static uint8_t *find(uint8_t *bytes, size_t len, const void *part, size_t part_len)
{
    for (size_t at = 0; at + part_len <= len; at++)
        if (memcmp(bytes + at, part, part_len) == 0)
            return bytes + at;
    fail_msg("%zu bytes are not in the set", part_len);
    return NULL;
}

/* What is written over what, inside the skeleton of a good set. */
typedef struct {
    const char *why;
    const char *from;
    size_t len;
    const char *to;
    st_err reads;
    st_hold want;
} twist;

static const twist TWISTS[] = {
    { "a format of next year", "\x08\x01\x10", 3, "\x08\x07\x10", ST_E_VERSION, ST_HOLD_VERSION },
    { "a bucket that is no text", RIG_BUCKET, 3, "\xff\xfe\xfd", ST_E_CORRUPT, ST_HOLD_CORRUPT },
};

/* The phone's set, twisted and signed again by the same phone. */
static store_slice twisted(rig_phone *phone, const twist *t)
{
    rig *r = phone->r;
    st_set set;
    uint8_t text[ST_SET_SIGN_BYTES], signature[64];
    store_slice good = rig_seal(phone);
    uint8_t *bytes = st_arena_copy(&r->arena, good.data, good.len);
    assert_int_equal(st_set_decode(bytes, good.len, &r->arena, &set, NULL), ST_OK);
    uint8_t *signed_at = find(bytes, good.len, set.signature, sizeof set.signature);
    memcpy(find(bytes, good.len, t->from, t->len), t->to, t->len);
    assert_int_equal(st_set_decode(bytes, good.len, &r->arena, &set, NULL), t->reads);
    assert_int_equal(set.changes_count, 0);
    st_set_sign_text(&r->srv.keys.log, &set.device, &set.hash, text);
    st_sign(phone->secret, text, sizeof text, signature);
    memcpy(signed_at, signature, sizeof signature);
    phone->prev = set.hash;
    return store_bytes(bytes, good.len);
}

static void test_what_cannot_be_read_is_kept(void **state)
{
    rig *r = *state;
    for (size_t i = 0; i < sizeof TWISTS / sizeof TWISTS[0]; i++) {
        rig_phone an;
        sync_request request;
        st_hold hold = ST_HOLD_NONE;
        print_message("  case: %s\n", TWISTS[i].why);
        rig_enrol(r, &an, "an");
        rig_begin(&an, RIG_BUCKET);
        st_id visit = rig_visit(&an, "gốc");
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "không đọc được");
        store_slice odd = twisted(&an, &TWISTS[i]);
        assert_int_equal(rig_push(&an, &request, &odd, 1), ST_OK);
        st_verdict verdict = request.items[0].verdict;
        assert_int_equal(verdict.kind, ST_VERDICT_HELD);
        assert_int_equal(verdict.held[0].reason, TWISTS[i].want);
        assert_true(verdict.position > 0);
        sync_request_free(&request);

        store_txn txn = { 0 };
        sync_row row;
        uint64_t held = 0;
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_row_get(&txn, verdict.position, &r->arena, &row, NULL), ST_OK);
        assert_int_equal(row.set.len, odd.len);
        assert_memory_equal(row.set.data, odd.data, odd.len);      /* byte for byte */
        assert_int_equal(sync_held_count(&txn, &held, NULL), ST_OK);
        assert_int_equal(held, i + 1);                             /* the office sees it */
        store_end(&txn);

        rig_reopen(r);
        assert_int_equal(rig_push_one(&an, odd, &hold), ST_VERDICT_DUPLICATE);
        assert_int_equal(hold, TWISTS[i].want);
        rig_begin(&an, RIG_BUCKET);            /* another record of the same phone */
        st_id after = rig_visit(&an, "sau");
        assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
        assert_string_equal(rig_value(r, &after, "general_note", NULL), "sau");
        assert_string_equal(rig_value(r, &visit, "general_note", NULL), "gốc");
    }
}

/* The office takes it off its list; the bytes stay in the log, and so does the answer. */
static void test_taken_off_the_list_it_is_still_there(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_request request;
    uint32_t settled = 0;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "không đọc được");
    store_slice odd = twisted(&an, &TWISTS[0]);
    assert_int_equal(rig_push(&an, &request, &odd, 1), ST_OK);
    uint64_t position = request.items[0].verdict.position;
    sync_request_free(&request);
    sync_decision decision = { 1, true, rig_person(r, "office"), "máy quá mới" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_STATE);
    decision.accept = false;
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
    assert_int_equal(settled, 1);
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_NOT_FOUND);
    assert_int_equal(rig_push(&an, &request, &odd, 1), ST_OK);
    assert_int_equal(request.items[0].verdict.kind, ST_VERDICT_DUPLICATE);
    assert_int_equal(request.items[0].verdict.position, position);
    sync_request_free(&request);
}

/* Who decides sees what was wrong, and may not give a reason that nobody could print. */
static void test_what_is_held_says_why(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_held held;
    uint32_t settled = 0;
    char detail[ST_FORM_DETAIL_BYTES], endless[8192];
    store_txn txn = { 0 };
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    st_change *change = rig_change(&an, &visit);
    (void)rig_op(&an, change, "visit", "ratings.m1.accepted_rating", "dat");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), NULL), ST_VERDICT_STORED);
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "không đọc được");
    store_slice odd = twisted(&an, &TWISTS[0]);
    assert_int_equal(rig_push_one(&an, odd, NULL), ST_VERDICT_HELD);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    for (uint64_t n = 1; n <= 2; n++) {
        assert_int_equal(sync_held_get(&txn, n, &held, NULL), ST_OK);
        assert_int_equal(sync_held_detail(&r->srv.sync, &txn, &held, detail, NULL), ST_OK);
        assert_int_equal(strstr(detail, "accepted_rating") != NULL, n == 1);
    }
    store_end(&txn);
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    static const char *const ODD[] = { "e\xcc\x81", "\xff", NULL };
    for (size_t i = 0; i < 3; i++) {
        sync_decision decision = { 1, true, rig_person(r, "office"),
                                   ODD[i] == NULL ? endless : ODD[i] };
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_VALUE);
    }
    st_id nobody = { { 7 } };
    sync_decision decision = { 1, true, nobody, "xem" };
    assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_E_DENIED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_cannot_be_read_is_kept),
        CASE(test_taken_off_the_list_it_is_still_there),
        CASE(test_what_is_held_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
