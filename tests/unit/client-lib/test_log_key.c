/* tests/unit/client-lib/test_log_key.c
 * A phone follows the log to another key when the key that it has and the new one both say so, one
 * step after the other; it has the key on its disk before it believes what that one signed. What is
 * said by one of them alone, of another log, or leaves a step out, changes nothing and is kept. */
#include <stdio.h>

#include "client-lib/src/log_key.h"
#include "proto/note.h"
#include "tests/unit/client-lib/edge_log.h"
#include "tests/unit/client-lib/rows.h"

#define KEYS (ST_LOG_KEYS_MAX + 2u) /* one more than a log may have */

/* Key 0 is the one that the phone was enrolled with. */
typedef struct {
    phone an;
    edge *e;
    uint8_t key[KEYS][32], secret[KEYS][64];
} scene;

static void begin(scene *s)
{
    s->e = phone_alone(&s->an);
    st_sign_keypair(s->e->log_seed, s->key[0], s->secret[0]);
    for (unsigned i = 1; i < KEYS; i++) {
        uint8_t seed[32] = { 0x77, (uint8_t)i };
        st_sign_keypair(seed, s->key[i], s->secret[i]);
    }
}

static void end(scene *s)
{
    phone_part(s->e, &s->an, NULL);
}

/* Whom the notice is of, and what it says of itself. */
typedef struct {
    st_id log;
    unsigned before, after;
    uint64_t n;
} step;

static st_log_key signed_step(const scene *s, const step *how)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    st_log_key one = { .n = how->n, .size = 10 * how->n };
    memcpy(one.key, s->key[how->after], sizeof one.key);
    st_log_key_sign_text(&how->log, s->key[how->before], &one, text);
    st_sign(s->secret[how->before], text, sizeof text, one.by_old);
    st_sign(s->secret[how->after], text, sizeof text, one.by_new);
    return one;
}

/* The change from key n - 1 to key n. */
static st_log_key change(const scene *s, unsigned n)
{
    const step how = { s->e->log, n - 1, n, n };
    return signed_step(s, &how);
}

/* ---- what a server says ---- */

static void write_frame(st_frame_writer *writer, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    st_buffer_free(&bytes);
}

static st_frame notices(const st_log_key *rows, uint32_t count)
{
    st_frame frame = { .kind = ST_FRAME_LOG_KEYS };
    frame.as.log_keys = (st_log_keys_told){ .rows = rows, .count = count };
    return frame;
}

/* The end, with a checkpoint of one leaf that key n signed; without one: n = KEYS. */
static st_frame end_by(const scene *s, unsigned n)
{
    st_frame frame = { .kind = ST_FRAME_END };
    st_end *told = &frame.as.end;
    st_checkpoint checkpoint;
    st_buffer text;
    told->version = 1;
    told->server_ms = s->e->now_ms;
    if (n == KEYS)
        return frame;
    memset(&checkpoint, 0, sizeof checkpoint);
    st_origin(EDGE_COMMUNE, &s->e->log, 1, checkpoint.origin);
    checkpoint.head.size = 1;
    checkpoint.head.root = st_sha256("leaf", 4);
    st_buffer_init(&text, 1024);
    assert_int_equal(st_checkpoint_text(&checkpoint, &text, NULL), ST_OK);
    told->has_tree = true;
    told->tree.head = checkpoint.head;
    told->tree.epoch = 1;
    st_sign(s->secret[n], text.data, text.len, told->tree.signature);
    st_buffer_free(&text);
    return frame;
}

/* One round with these frames as its answer. */
static int say(scene *s, const st_frame *frames, size_t count, sotay_report *out_report,
               bool *out_again)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    st_frame_writer *writer = NULL;
    st_buffer body;
    st_buffer_init(&body, ST_BODY_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(3, &body, &writer, NULL), ST_OK);
    for (size_t i = 0; i < count; i++)
        write_frame(writer, &frames[i]);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    assert_int_equal(sotay_sync_begin(s->an.client, &sync, &s->an.error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &s->an.error), SOTAY_OK);
    *out_again = false;
    int rc = sotay_sync_feed(sync, body.data, body.len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, 200, out_again, NULL);
    sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    st_buffer_free(&body);
    return rc;
}

static bool says(scene *s, const char *words)
{
    return phone_status_says(&s->an, words);
}

/* Does it believe a checkpoint that this key signed? It is undone with the sync that it ends. */
static bool believes(scene *s, unsigned n)
{
    sotay_report report;
    bool again = false;
    const st_frame frame = end_by(s, n);
    int rc = say(s, &frame, 1, &report, &again);
    assert_true(rc == SOTAY_OK || rc == SOTAY_E_SIGNATURE);
    return rc == SOTAY_OK;
}

/* Told of these; how it takes them. */
static void tell(scene *s, const st_log_key *rows, uint32_t count, bool *out_alarm, bool *out_again)
{
    sotay_report report;
    const st_frame frames[] = { notices(rows, count), end_by(s, KEYS) };
    assert_int_equal(say(s, frames, 2, &report, out_again), SOTAY_OK);
    assert_true(!report.has_log_alarm || report.needs_person);
    *out_alarm = report.has_log_alarm;
}

/* ---- the tests ---- */

static void test_it_follows_and_asks_again(void **state)
{
    (void)state;
    scene s;
    bool alarm = true, again = false;
    begin(&s);
    assert_true(believes(&s, 0));
    assert_false(believes(&s, 1));
    const st_log_key first = change(&s, 1);
    tell(&s, &first, 1, &alarm, &again);
    assert_false(alarm);
    assert_true(again); /* for the checkpoint that it is shown now */
    phone_crash(&s.an, false);
    assert_true(believes(&s, 1));
    assert_false(believes(&s, 0)); /* who stole the old key signs nothing more */
    assert_true(says(&s, "\"log_key_alarm\":null"));
    end(&s);
}

static void test_it_takes_several_at_once(void **state)
{
    (void)state;
    scene s;
    bool alarm = true, again = false;
    begin(&s);
    const st_log_key rows[] = { change(&s, 1), change(&s, 2), change(&s, 3) };
    tell(&s, rows, 3, &alarm, &again);
    assert_false(alarm);
    phone_reopen(&s.an);
    assert_true(believes(&s, 3));
    for (unsigned n = 0; n < 3; n++)
        assert_false(believes(&s, n));
    end(&s);
}

/* In one answer: the notice, and a checkpoint that the new key signed behind it. */
static void test_both_in_one_answer(void **state)
{
    (void)state;
    scene s;
    sotay_report report;
    bool again = false;
    begin(&s);
    const st_log_key first = change(&s, 1);
    const st_frame good[] = { notices(&first, 1), end_by(&s, 1) };
    assert_int_equal(say(&s, good, 2, &report, &again), SOTAY_OK);
    assert_true(says(&s, "\"checkpoint\":{\"size\":1,"));
    end(&s);
}

typedef enum {
    BY_NEW_ALONE,
    BY_OLD_ALONE,
    BY_NEW_TWICE,
    OTHER_LOG,
    LEAVES_ONE_OUT,
    NUMBER_LEFT_OUT,
    NUMBER_AGAIN,
    SECOND_OF_A_NUMBER,
    OTHER_SIZE,
    FALSE_KINDS
} false_kind;

/* A notice that is none, for a phone that has the first change already. */
static st_log_key false_notice(const scene *s, false_kind kind)
{
    step how = { s->e->log, 1, 2, 2 };
    st_log_key one = change(s, 2);
    switch (kind) {
    case BY_NEW_ALONE: memset(one.by_old, 0x11, sizeof one.by_old); break;
    case BY_OLD_ALONE: memset(one.by_new, 0x11, sizeof one.by_new); break;
    case BY_NEW_TWICE: memcpy(one.by_old, one.by_new, sizeof one.by_old); break;
    case OTHER_LOG: how.log.b[0] ^= 1; return signed_step(s, &how);
    case NUMBER_LEFT_OUT: how.n = 3; return signed_step(s, &how);
    case NUMBER_AGAIN: how.n = 1; return signed_step(s, &how);
    case LEAVES_ONE_OUT: one = change(s, 3); break;
    case SECOND_OF_A_NUMBER: one = change(s, 1); break;
    default: one.size++; break;
    }
    return one;
}

static void test_what_is_no_change_is_evidence(void **state)
{
    (void)state;
    for (false_kind kind = 0; kind < FALSE_KINDS; kind++) {
        scene s;
        bool alarm = true, again = false;
        begin(&s);
        const st_log_key first = change(&s, 1), bad = false_notice(&s, kind);
        tell(&s, &first, 1, &alarm, &again);
        assert_false(alarm);
        tell(&s, &bad, 1, &alarm, &again);
        if (!alarm)
            fail_msg("kind %d: no alarm", (int)kind);
        phone_crash(&s.an, false);
        assert_true(says(&s, "\"log_key_alarm\":{\"at\":"));
        assert_true(believes(&s, 1));
        assert_false(believes(&s, 2));
        assert_false(believes(&s, 3));
        /* it goes on recording, and the right change is still taken; the evidence stays */
        (void)phone_visit(&s.an, "vẫn ghi được");
        const st_log_key good = change(&s, 2);
        tell(&s, &good, 1, &alarm, &again);
        assert_false(alarm);
        assert_true(believes(&s, 2));
        assert_true(says(&s, "\"log_key_alarm\":{\"at\":"));
        end(&s);
    }
}

/* What comes behind the false notice in the same answer is not signed by a key that counts: the
 * sync fails, and the evidence is on the disk all the same. */
static void test_the_evidence_outlives_the_answer(void **state)
{
    (void)state;
    scene s;
    sotay_report report;
    bool again = false;
    begin(&s);
    st_log_key bad = change(&s, 1);
    bad.by_old[0] ^= 1;
    const st_frame frames[] = { notices(&bad, 1), end_by(&s, 1) };
    assert_int_equal(say(&s, frames, 2, &report, &again), SOTAY_E_SIGNATURE);
    phone_crash(&s.an, false);
    assert_true(says(&s, "\"log_key_alarm\":{\"at\":"));
    assert_true(says(&s, "\"n\":1,\"size\":10,"));
    assert_true(says(&s, "\"checkpoint\":null"));
    assert_true(believes(&s, 0));
    end(&s);
}

/* The first false one is the evidence; another one is an alarm again and takes no place. */
static void test_the_first_is_kept(void **state)
{
    (void)state;
    scene s;
    bool alarm = false, again = false;
    begin(&s);
    const st_log_key far = change(&s, 3), near = change(&s, 2);
    tell(&s, &far, 1, &alarm, &again);
    assert_true(alarm);
    tell(&s, &near, 1, &alarm, &again);
    assert_true(alarm);
    assert_true(says(&s, "\"n\":3,\"size\":30,"));
    end(&s);
}

/* Epochs and the address are believed for the key that counts. */
static void test_an_address_by_the_new_key(void **state)
{
    (void)state;
    for (unsigned by = 0; by < 2; by++) {
        scene s;
        sotay_report report;
        st_buffer text;
        bool again = false;
        begin(&s);
        const st_log_key first = change(&s, 1);
        st_frame moved = { .kind = ST_FRAME_ADDRESS };
        moved.as.address = (st_address){ .n = 1, .url = "https://new.example" };
        st_buffer_init(&text, 1024);
        assert_int_equal(st_address_sign_text(&s.e->log, &moved.as.address, &text), ST_OK);
        st_sign(s.secret[by], text.data, text.len, moved.as.address.signature);
        st_buffer_free(&text);
        const st_frame frames[] = { notices(&first, 1), moved, end_by(&s, KEYS) };
        assert_int_equal(say(&s, frames, 3, &report, &again),
                         by == 1 ? SOTAY_OK : SOTAY_E_SIGNATURE);
        end(&s);
    }
}

/* As many as a log may have, all followed; one more is none. */
static void test_more_than_a_log_may_have(void **state)
{
    (void)state;
    static scene s;
    static st_log_key rows[ST_LOG_KEYS_MAX];
    bool alarm = true, again = false;
    begin(&s);
    for (unsigned n = 1; n <= ST_LOG_KEYS_MAX; n++)
        rows[n - 1] = change(&s, n);
    tell(&s, rows, ST_LOG_KEYS_MAX, &alarm, &again);
    assert_false(alarm);
    assert_true(believes(&s, ST_LOG_KEYS_MAX));
    const st_log_key more = change(&s, ST_LOG_KEYS_MAX + 1);
    tell(&s, &more, 1, &alarm, &again);
    assert_true(alarm);
    assert_true(believes(&s, ST_LOG_KEYS_MAX));
    assert_false(believes(&s, ST_LOG_KEYS_MAX + 1));
    end(&s);
}

/* ---- what is kept of them ---- */

static st_err read_keys(scene *s, st_log_keys *out)
{
    assert_int_equal(client_begin(s->an.client, false, NULL), ST_OK);
    st_err err = log_keys_get(s->an.client, out, NULL);
    client_abort(s->an.client);
    return err;
}

/* The row of a key that is cut, longer, or not there is never taken for a key. */
static void test_damaged_rows(void **state)
{
    (void)state;
    static scene s;
    static stored_row row;
    st_log_keys keys;
    bool alarm = true, again = false;
    begin(&s);
    assert_int_equal(read_keys(&s, &keys), ST_OK);
    assert_int_equal(keys.count, 0);
    const st_log_key told[] = { change(&s, 1), change(&s, 2) };
    tell(&s, told, 2, &alarm, &again);
    for (size_t n = 0; n <= 2; n++) {
        assert_true(rows_get(&s.an, BOOK_LOG_KEY, n, &row));
        const size_t cuts[] = { 0, 31, row.len - 1, row.len + 1 };
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            rows_put(&s.an, &row.key, row.data, cuts[i]);
            assert_int_equal(read_keys(&s, &keys), ST_E_CORRUPT);
        }
        rows_delete(&s.an, &row.key);
        assert_int_equal(read_keys(&s, &keys), ST_E_CORRUPT);
        rows_put(&s.an, &row.key, row.data, row.len);
        assert_int_equal(read_keys(&s, &keys), ST_OK);
        assert_int_equal(st_log_keys_fault(&keys, &s.e->log), 0);
    }
    rows_begin(&s.an); /* a store that says it has more of them than there can be */
    s.an.client->next.log_keys = ST_LOG_KEYS_MAX + 1;
    rows_commit(&s.an);
    phone_reopen(&s.an);
    assert_int_equal(read_keys(&s, &keys), ST_E_CORRUPT);
    end(&s);
}

/* ---- with an enrolment ---- */

/* The log is named after its first key, and the newest one is the one that signs. */
static void test_what_an_enrolment_may_say(void **state)
{
    (void)state;
    static scene s;
    static st_log_key rows[ST_LOG_KEYS_MAX + 1];
    st_id log;
    begin(&s);
    for (unsigned n = 1; n <= ST_LOG_KEYS_MAX + 1; n++)
        rows[n - 1] = change(&s, n);
    st_enrol_answer good = { .log_keys = { .has_first = true, .rows = rows, .count = 2 } };
    memcpy(good.log_keys.first, s.key[0], sizeof good.log_keys.first);
    memcpy(good.log_key, s.key[2], sizeof good.log_key);
    assert_int_equal(log_keys_of(&good, &log, NULL), ST_OK);
    assert_true(st_id_cmp(&log, &s.e->log) == 0);

    st_enrol_answer bad = good; /* the key that signs is another one */
    memcpy(bad.log_key, s.key[1], sizeof bad.log_key);
    assert_int_equal(log_keys_of(&bad, &log, NULL), ST_E_SIGNATURE);
    bad = good; /* the first one is left out: the log has the name of another key */
    bad.log_keys.has_first = false;
    assert_int_equal(log_keys_of(&bad, &log, NULL), ST_E_SIGNATURE);
    bad = good;
    bad.log_keys.rows = rows + 1;
    assert_int_equal(log_keys_of(&bad, &log, NULL), ST_E_SIGNATURE);
    bad = good;
    bad.log_keys.count = ST_LOG_KEYS_MAX + 1;
    memcpy(bad.log_key, s.key[ST_LOG_KEYS_MAX + 1], sizeof bad.log_key);
    assert_int_equal(log_keys_of(&bad, &log, NULL), ST_E_SIGNATURE);
    bad.log_keys.count = ST_LOG_KEYS_MAX;
    memcpy(bad.log_key, s.key[ST_LOG_KEYS_MAX], sizeof bad.log_key);
    assert_int_equal(log_keys_of(&bad, &log, NULL), ST_OK);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_follows_and_asks_again),
        cmocka_unit_test(test_it_takes_several_at_once),
        cmocka_unit_test(test_both_in_one_answer),
        cmocka_unit_test(test_what_is_no_change_is_evidence),
        cmocka_unit_test(test_the_evidence_outlives_the_answer),
        cmocka_unit_test(test_the_first_is_kept),
        cmocka_unit_test(test_an_address_by_the_new_key),
        cmocka_unit_test(test_more_than_a_log_may_have),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_what_an_enrolment_may_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
