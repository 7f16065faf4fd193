/* tests/unit/server/test_stray.c
 * A photo that any change-set names stays for ever, whatever became of the set; what nothing names
 * is kept for 90 days, and its going is told before it goes. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "server/store/chunks.h"
#include "server/sync/quota.h"
#include "server/sync/stray.h"

#define DAY_MS     (INT64_C(86400) * 1000)
#define TOLD_MAX   8u
#define STRAY_TEXT "nobody names this"

typedef struct {
    rig *r;
    rig_phone an;
    stray told[TOLD_MAX];
    size_t told_count;
    store_slice push;          /* a set that arrives while the strays are told */
    uint64_t stops_after;
} scene;

static st_hash put_piece(rig *r, const char *text)
{
    chunks_piece piece = { "part-1", st_sha256(text, strlen(text)), (const uint8_t *)text,
                           strlen(text) };
    assert_int_equal(chunks_put(r->srv.dir, &piece, NULL), ST_OK);
    return piece.hash;
}

static bool is_there(rig *r, const st_hash *hash)
{
    bool is = false;
    assert_int_equal(chunks_is_there(r->srv.dir, hash, &is, NULL), ST_OK);
    return is;
}

static void set_scene(scene *s, rig *r)
{
    memset(s, 0, sizeof *s);
    s->r = r;
    s->stops_after = UINT64_MAX;
    rig_enrol(r, &s->an, "an");
}

/* A set with a visit that names these pieces. */
static store_slice naming(rig_phone *phone, const st_hash *hashes, size_t count)
{
    rig_begin(phone, RIG_BUCKET);
    st_id visit = rig_visit(phone, NULL);
    st_change *change = rig_change(phone, &visit);
    st_op *op = rig_op(phone, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES,
                            .data = st_arena_copy(&phone->r->arena, hashes,
                                                  count * sizeof *hashes),
                            .len = (uint32_t)(count * sizeof *hashes) };
    return rig_seal(phone);
}

static bool tell(void *context, const stray *one)
{
    scene *s = context;
    assert_true(s->told_count < TOLD_MAX);
    if (s->told_count > 0)
        assert_true(memcmp(s->told[s->told_count - 1].hash.b, one->hash.b, 32) < 0);
    s->told[s->told_count++] = *one;
    if (s->push.len > 0)
        assert_int_equal(rig_push_one(&s->an, s->push, NULL), ST_VERDICT_STORED);
    s->push.len = 0;
    return s->told_count < s->stops_after;
}

static stray_count collect(scene *s, bool only_say)
{
    stray_count count = { 0 };
    s->told_count = 0;
    assert_int_equal(sync_stray_collect(s->r->srv.writer, only_say, tell, s, &count, NULL),
                     ST_OK);
    return count;
}

static uint64_t counted_for(rig *r, const st_id *device)
{
    store_txn txn = { 0 };
    uint64_t bytes = 0;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(quota_used(&txn, device, &bytes, NULL), ST_OK);
    store_end(&txn);
    return bytes;
}

/* Files from before there was a limit count for who named them first, once, and towards the limit
 * from then on; what is only said, or names nothing, counts for nobody. */
static void test_files_of_before_a_limit_are_counted(void **state)
{
    scene s;
    rig_phone binh;
    set_scene(&s, *state);
    rig_enrol(s.r, &binh, "binh");
    st_hash pieces[2] = { put_piece(s.r, "of both"), put_piece(s.r, "of Binh alone") };
    (void)put_piece(s.r, STRAY_TEXT);
    assert_int_equal(rig_push_one(&s.an, naming(&s.an, pieces, 1), NULL), ST_VERDICT_STORED);
    assert_int_equal(rig_push_one(&binh, naming(&binh, pieces, 2), NULL), ST_VERDICT_STORED);
    (void)collect(&s, true);
    assert_int_equal(counted_for(s.r, &s.an.device) + counted_for(s.r, &binh.device), 0);
    for (int i = 0; i < 2; i++) {
        (void)collect(&s, false);
        assert_int_equal(counted_for(s.r, &s.an.device), strlen("of both"));
        assert_int_equal(counted_for(s.r, &binh.device), strlen("of Binh alone"));
    }
    quota_piece more = { s.an.device, st_sha256("more", 4), 4, false };
    s.r->srv.sync.files_per_device = strlen("of both") + 3;
    assert_int_equal(quota_take(s.r->srv.writer, &more, 1, NULL), ST_OK);
    assert_false(more.is_taken);
    more.device = binh.device;
    s.r->srv.sync.files_per_device = strlen("of Binh alone") + 4;
    assert_int_equal(quota_take(s.r->srv.writer, &more, 1, NULL), ST_OK);
    assert_true(more.is_taken);
}

static void test_a_stray_is_kept_for_ninety_days(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash named = put_piece(s.r, "of a visit"), lost = put_piece(s.r, STRAY_TEXT);
    assert_int_equal(rig_push_one(&s.an, naming(&s.an, &named, 1), NULL), ST_VERDICT_STORED);
    s.r->now_ms += 400 * DAY_MS;               /* its age does not count, but since it was found */
    int64_t found_ms = s.r->now_ms;
    stray_count count = collect(&s, false);
    assert_true(count.pieces == 2 && count.strays == 1 && count.due == 0);
    assert_int_equal(count.bytes, strlen(STRAY_TEXT));
    assert_memory_equal(s.told[0].hash.b, lost.b, 32);
    s.r->now_ms = found_ms + STRAY_KEPT_MS - 1;
    count = collect(&s, false);
    assert_true(count.strays == 1 && count.due == 0 && !s.told[0].is_due);
    assert_int_equal(s.told[0].since_ms, found_ms);
    assert_true(is_there(s.r, &lost));
    s.r->now_ms++;
    rig_reopen(s.r);                           /* what is noted lies in the store */
    count = collect(&s, true);
    assert_true(count.due == 1 && count.due_bytes == strlen(STRAY_TEXT) && s.told[0].is_due);
    assert_true(is_there(s.r, &lost));         /* it was only said */
    count = collect(&s, false);
    assert_true(count.due == 1 && s.told_count == 1);
    assert_false(is_there(s.r, &lost));
    assert_true(is_there(s.r, &named));
    count = collect(&s, false);
    assert_true(count.pieces == 1 && count.strays == 0 && s.told_count == 0);
}

static void test_saying_notes_nothing(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash lost = put_piece(s.r, STRAY_TEXT);
    (void)collect(&s, true);
    s.r->now_ms += STRAY_KEPT_MS;
    assert_int_equal(collect(&s, true).due, 0);
    assert_int_equal(collect(&s, false).due, 0);
    assert_true(is_there(s.r, &lost));
}

/* Held, declined or a fork: the log keeps the set, so its photos stay. */
static void test_what_became_of_a_set_is_no_matter(void **state)
{
    scene s;
    rig_phone binh;
    st_hold hold = ST_HOLD_NONE;
    set_scene(&s, *state);
    st_hash held = put_piece(s.r, "held"), fork = put_piece(s.r, "fork");
    rig_enrol(s.r, &binh, "binh");
    rig_begin(&binh, RIG_OTHER);               /* a unit that is not his */
    st_id visit = rig_visit(&binh, NULL);
    st_change *change = rig_change(&binh, &visit);
    st_op *op = rig_op(&binh, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = held.b, .len = sizeof held };
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_not_equal(hold, ST_HOLD_NONE);
    rig_phone copy = s.an;                     /* two stores under one key */
    rig_begin(&s.an, RIG_BUCKET);
    (void)rig_visit(&s.an, "one");
    assert_int_equal(rig_push_one(&s.an, rig_seal(&s.an), NULL), ST_VERDICT_STORED);
    copy.request_counter = s.an.request_counter;
    assert_int_equal(rig_push_one(&copy, naming(&copy, &fork, 1), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_FORK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(collect(&s, false).strays, 0);
        s.r->now_ms += STRAY_KEPT_MS;
    }
    assert_true(is_there(s.r, &held) && is_there(s.r, &fork));
}

/* A phone brings the record at last, when its photo was a stray for months: the days are over. */
static void test_a_stray_that_is_named_begins_anew(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash piece = put_piece(s.r, STRAY_TEXT);
    assert_int_equal(collect(&s, false).strays, 1);
    s.r->now_ms += 80 * DAY_MS;
    assert_int_equal(rig_push_one(&s.an, naming(&s.an, &piece, 1), NULL), ST_VERDICT_STORED);
    s.r->now_ms += 80 * DAY_MS;
    assert_int_equal(collect(&s, false).strays, 0);
    assert_true(is_there(s.r, &piece));
}

/* The set arrives after the log was looked through, before anything is removed. */
static void test_what_is_named_meanwhile_stays(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash pieces[2] = { put_piece(s.r, "late"), put_piece(s.r, STRAY_TEXT) };
    assert_int_equal(collect(&s, false).strays, 2);
    s.r->now_ms += STRAY_KEPT_MS;
    s.push = naming(&s.an, pieces, 1);
    stray_count count = collect(&s, false);
    assert_int_equal(s.told_count, 2);         /* both were strays when they were told */
    assert_int_equal(count.due, 1);
    assert_int_equal(count.due_bytes, strlen(STRAY_TEXT));
    assert_true(is_there(s.r, &pieces[0]));
    assert_false(is_there(s.r, &pieces[1]));
    s.r->now_ms += STRAY_KEPT_MS;
    assert_int_equal(collect(&s, false).strays, 0);
    assert_true(is_there(s.r, &pieces[0]));
}

/* A server whose clock was wrong once removes nothing early, and keeps nothing for ever. */
static void test_a_clock_that_was_wrong(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash piece = put_piece(s.r, STRAY_TEXT);
    int64_t right_ms = s.r->now_ms;
    s.r->now_ms += 3650 * DAY_MS;
    (void)collect(&s, false);
    s.r->now_ms = right_ms;
    (void)collect(&s, false);
    assert_int_equal(s.told[0].since_ms, right_ms);
    s.r->now_ms += STRAY_KEPT_MS - 1;
    assert_int_equal(collect(&s, false).due, 0);
    s.r->now_ms++;
    assert_int_equal(collect(&s, false).due, 1);
    assert_false(is_there(s.r, &piece));
}

/* The clock is set three months ahead while the server runs, and back again a month later: nothing
 * is due for that, and everything is in the end. */
static void test_a_clock_that_jumps_makes_nothing_due(void **state)
{
    scene s;
    set_scene(&s, *state);
    st_hash piece = put_piece(s.r, STRAY_TEXT);
    (void)collect(&s, false);
    s.r->now_ms += DAY_MS;
    s.r->skew_ms = STRAY_KEPT_MS;
    assert_int_equal(collect(&s, false).due, 0);
    s.r->now_ms += 30 * DAY_MS;
    assert_int_equal(collect(&s, false).due, 0);
    s.r->skew_ms = 0;
    assert_int_equal(collect(&s, false).due, 0);
    assert_true(is_there(s.r, &piece));
    s.r->now_ms += STRAY_KEPT_MS;
    assert_int_equal(collect(&s, false).due, 1);
    assert_false(is_there(s.r, &piece));
}

/* Of a set of next year's program nobody here knows what it names. */
static void test_what_cannot_be_read_stops_it(void **state)
{
    scene s;
    st_set set;
    stray_count count = { 0 };
    uint8_t text[ST_SET_SIGN_BYTES], signature[64];
    static const uint8_t FORMAT[] = { 0x08, 0x01, 0x10 };
    set_scene(&s, *state);
    st_hash piece = put_piece(s.r, STRAY_TEXT);
    (void)collect(&s, false);
    store_slice good = naming(&s.an, &piece, 1);
    uint8_t *bytes = st_arena_copy(&s.r->arena, good.data, good.len);
    uint8_t *format = memmem(bytes, good.len, FORMAT, sizeof FORMAT);
    assert_int_equal(st_set_decode(good.data, good.len, &s.r->arena, &set, NULL), ST_OK);
    uint8_t *signed_at = memmem(bytes, good.len, set.signature, sizeof set.signature);
    assert_true(format != NULL && signed_at != NULL);
    format[1] = 7;
    assert_int_equal(st_set_decode(bytes, good.len, &s.r->arena, &set, NULL), ST_E_VERSION);
    st_set_sign_text(&s.r->srv.keys.log, &set.device, &set.hash, text);
    st_sign(s.an.secret, text, sizeof text, signature);
    memcpy(signed_at, signature, sizeof signature);
    assert_int_equal(rig_push_one(&s.an, store_bytes(bytes, good.len), NULL), ST_VERDICT_HELD);
    s.r->now_ms += 2 * STRAY_KEPT_MS;
    assert_int_equal(sync_stray_collect(s.r->srv.writer, false, tell, &s, &count, NULL),
                     ST_E_VERSION);
    assert_true(is_there(s.r, &piece));
}

/* Neither folders nor files that are no pieces are touched, and a list may be cut short. */
static void test_what_lies_among_them(void **state)
{
    static const char *const OTHERS[] = { "chunks/notes.txt", "chunks/ab", "chunks/ab/short",
                                          "chunks/zz" };
    scene s;
    char path[1200];
    struct stat st;
    set_scene(&s, *state);
    st_hash pieces[3] = { put_piece(s.r, "1"), put_piece(s.r, "2"), put_piece(s.r, "3") };
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s.r->srv.dir, OTHERS[i]);
        if (strchr(OTHERS[i], '.') == NULL && strstr(OTHERS[i], "short") == NULL) {
            (void)mkdir(path, 0700);
            continue;
        }
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    s.stops_after = 1;
    stray_count count = collect(&s, false);
    assert_true(s.told_count == 1 && count.strays == 3 && count.pieces == 3);
    s.r->now_ms += STRAY_KEPT_MS;
    assert_int_equal(collect(&s, false).due, 3);
    for (size_t i = 0; i < 3; i++)
        assert_false(is_there(s.r, &pieces[i]));
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s.r->srv.dir, OTHERS[i]);
        assert_int_equal(stat(path, &st), 0);
    }
}

static void test_a_book_without_files(void **state)
{
    scene s;
    set_scene(&s, *state);
    stray_count count = collect(&s, false);
    assert_true(count.pieces == 0 && count.strays == 0 && count.due == 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_files_of_before_a_limit_are_counted),
        CASE(test_a_stray_is_kept_for_ninety_days),
        CASE(test_saying_notes_nothing),
        CASE(test_what_became_of_a_set_is_no_matter),
        CASE(test_a_stray_that_is_named_begins_anew),
        CASE(test_what_is_named_meanwhile_stays),
        CASE(test_a_clock_that_was_wrong),
        CASE(test_a_clock_that_jumps_makes_nothing_due),
        CASE(test_what_cannot_be_read_stops_it),
        CASE(test_what_lies_among_them),
        CASE(test_a_book_without_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
