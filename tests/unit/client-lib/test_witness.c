/* tests/unit/client-lib/test_witness.c
 * A server that forks its book, or puts an old one back, cannot do it unseen by a phone that synced
 * before: the phone keeps both signed statements, says so, and goes on recording. */
#include <stdio.h>

#include "client-lib/src/client.h"
#include "proto/leaf.h"
#include "proto/note.h"
#include "tests/unit/client-lib/edge_log.h"
#include "tests/unit/client-lib/phone.h"

#define LEAVES 40u

/* Two logs: `b` has another leaf at place 20. */
typedef struct {
    st_hash leaves[2][LEAVES];
} books;

static books make_books(void)
{
    books b;
    for (unsigned i = 0; i < LEAVES; i++) {
        char text[24];
        int len = snprintf(text, sizeof text, "leaf %u", i);
        b.leaves[0][i] = b.leaves[1][i] = st_leaf_hash(text, (size_t)len);
    }
    b.leaves[1][20] = st_leaf_hash("another", 7);
    return b;
}

static st_err node_of(void *context, unsigned level, uint64_t place, st_hash *out, st_error *error)
{
    const st_hash *leaves = context;
    st_tree_edge part;
    memset(&part, 0, sizeof part);
    (void)error;
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++)
        (void)st_tree_add(&part, &leaves[(place << level) + i]);
    *out = part.nodes[level];
    return ST_OK;
}

/* What the server shows: which log, how long, as the continuation of what; epoch_told: with it goes
 * the row of its epoch, cut there (0: it was told before, or is the first). */
typedef struct {
    st_hash *leaves;
    uint64_t from, size, epoch;
    bool is_unsigned, epoch_told;
    uint64_t cut;
} shown;

static void fill(const edge *e, const shown *s, st_proof *proof, st_end *end)
{
    st_checkpoint checkpoint;
    st_buffer text;
    uint8_t public_key[32], secret[64];
    st_tree_source source = { s->leaves, node_of };
    memset(&checkpoint, 0, sizeof checkpoint);
    st_buffer_init(&text, 1024);
    st_origin(EDGE_COMMUNE, &e->log, s->epoch, checkpoint.origin);
    checkpoint.head.size = s->size;
    assert_int_equal(st_tree_hash(&source, 0, s->size, &checkpoint.head.root, NULL), ST_OK);
    proof->count = 0;
    if (s->from > 0 && s->from < s->size)
        assert_int_equal(st_tree_consistency(&source, s->from, s->size, proof, NULL), ST_OK);
    assert_int_equal(st_checkpoint_text(&checkpoint, &text, NULL), ST_OK);
    st_sign_keypair(e->log_seed, public_key, secret);
    end->version = 1;
    end->server_ms = e->now_ms;
    end->has_tree = true;
    end->tree.head = checkpoint.head;
    end->tree.epoch = s->epoch;
    end->tree.proof = (const uint8_t *)proof->hashes;
    end->tree.proof_count = proof->count;
    st_sign(secret, text.data, text.len, end->tree.signature);
    end->tree.signature[5] ^= s->is_unsigned ? 1 : 0;
    st_buffer_free(&text);
}

/* Signed by the log's key, with a server device of its own. */
static void announce(const edge *e, const shown *s, st_epoch *row)
{
    uint8_t public_key[32], secret[64], text[ST_EPOCH_SIGN_BYTES], seed[32];
    memset(row, 0, sizeof *row);
    row->n = s->epoch;
    row->cut = s->cut;
    memset(row->epoch, (int)(0x40 + s->epoch), sizeof row->epoch);
    memset(seed, (int)s->epoch, sizeof seed);
    st_sign_keypair(seed, row->server_key, secret);
    st_epoch_sign_text(&e->log, row, text);
    st_sign_keypair(e->log_seed, public_key, secret);
    st_sign(secret, text, sizeof text, row->signature);
}

static void write_frame(st_frame_writer *writer, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    st_buffer_free(&bytes);
}

/* The answer: the epoch, when one is told, and the end. */
static void write_answer(const edge *e, const shown *s, st_buffer *body)
{
    st_frame_writer *writer = NULL;
    st_proof proof;
    st_epoch row;
    st_frame frame;
    assert_int_equal(st_frame_writer_new(3, body, &writer, NULL), ST_OK);
    memset(&frame, 0, sizeof frame);
    if (s->epoch_told) {
        announce(e, s, &row);
        frame.kind = ST_FRAME_EPOCHS;
        frame.as.epochs.rows = &row;
        frame.as.epochs.count = 1;
        write_frame(writer, &frame);
    }
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_END;
    fill(e, s, &proof, &frame.as.end);
    write_frame(writer, &frame);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
}

/* One sync of one round in which the server shows this; the report says whether it is an alarm. */
static int show(phone *p, const edge *e, const shown *s, bool *out_alarm)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    sotay_report report;
    st_buffer body;
    bool again = false;
    st_buffer_init(&body, ST_BODY_BYTES_MAX);
    write_answer(e, s, &body);
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    int rc = sotay_sync_feed(sync, body.data, body.len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, 200, &again, NULL);
    sotay_sync_report(sync, &report);
    *out_alarm = report.has_log_alarm;
    assert_true(!report.has_log_alarm || report.needs_person);
    sotay_sync_free(sync);
    st_buffer_free(&body);
    return rc;
}

/* Does the status of the phone hold these words? */
static bool says(phone *p, const char *words)
{
    char *text = NULL;
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &text, &p->error), SOTAY_OK);
    bool has = strstr(text, words) != NULL;
    sotay_text_free(text);
    return has;
}

static void test_it_grows_by_proofs(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    books b = make_books();
    bool alarm = true;
    static const uint64_t SIZES[] = { 1, 2, 3, 16, 17, 33, 40 };
    uint64_t held = 0;
    assert_true(says(&an, "\"checkpoint\":null"));
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        char words[40];
        const shown s = { b.leaves[0], held, SIZES[i], 1, false, false, 0 };
        assert_int_equal(show(&an, e, &s, &alarm), SOTAY_OK);
        assert_false(alarm);
        held = SIZES[i];
        (void)snprintf(words, sizeof words, "\"checkpoint\":{\"size\":%u", (unsigned)held);
        phone_reopen(&an);
        assert_true(says(&an, words));
    }
    assert_true(says(&an, "\"log_alarm\":null"));
    phone_part(e, &an, NULL);
}

static void test_a_fork_is_evidence(void **state)
{
    (void)state;
    books b = make_books();
    const shown start = { b.leaves[0], 0, 30, 1, false, false, 0 };
    const shown lies[] = {
        { b.leaves[1], 30, 40, 1, false, false, 0 }, /* a proof of another log */
        { b.leaves[1], 30, 30, 1, false, false, 0 }, /* another root of the same size */
        { b.leaves[0], 30, 29, 1, false, false, 0 }, /* cut off */
        { b.leaves[0], 29, 40, 1, false, false, 0 }, /* a proof from elsewhere */
        { b.leaves[1], 30, 40, 2, false, false, 0 }, /* a new epoch that nobody announced */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        phone an;
        edge *e = phone_alone(&an);
        bool alarm = true;
        assert_int_equal(show(&an, e, &start, &alarm), SOTAY_OK);
        assert_false(alarm);
        assert_int_equal(show(&an, e, &lies[i], &alarm), SOTAY_OK);
        assert_true(alarm);
        phone_reopen(&an);
        assert_true(says(&an, "\"checkpoint\":{\"size\":30"));
        assert_false(says(&an, "\"log_alarm\":null"));
        assert_true(says(&an, "\"shown\":{\"size\":"));
        /* The officer goes on, and an honest server is believed again; the evidence stays. */
        const shown honest = { b.leaves[0], 30, 40, 1, false, false, 0 };
        assert_int_equal(show(&an, e, &honest, &alarm), SOTAY_OK);
        assert_false(alarm);
        assert_true(says(&an, "\"checkpoint\":{\"size\":40"));
        assert_false(says(&an, "\"log_alarm\":null"));
        phone_part(e, &an, NULL);
    }
}

/* Whoever holds the key of the log can announce an epoch. What the log had up to its cut it must
 * have still; only what lies behind it may be another. */
static void test_an_epoch_waives_no_proof(void **state)
{
    (void)state;
    books b = make_books();
    const shown start = { b.leaves[0], 0, 30, 1, false, false, 0 };
    static const struct {
        unsigned log;
        uint64_t from, cut;
        bool is_alarm, is_kept;
    } CASES[] = {
        { 1, 30, 40, true, true },   /* the place that is another, 21, lies before the cut */
        { 1, 30, 30, true, true },   /* as far as it had seen */
        { 0, 29, 35, true, true },   /* the proof is none */
        { 1, 30, 29, false, true },  /* it had seen beyond the cut */
        { 1, 30, 20, false, true },
        { 0, 30, 35, false, false }, /* nothing was put back */
        { 0, 30, 20, false, false }, /* nothing of what it had seen is another */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone an;
        edge *e = phone_alone(&an);
        bool alarm = true;
        const shown next = { b.leaves[CASES[i].log], CASES[i].from, 38,   2,
                             false,                  true,          CASES[i].cut };
        assert_int_equal(show(&an, e, &start, &alarm), SOTAY_OK);
        assert_int_equal(show(&an, e, &next, &alarm), SOTAY_OK);
        assert_int_equal(alarm, CASES[i].is_alarm);
        phone_reopen(&an);
        assert_int_equal(says(&an, "\"log_alarm\":null"), !CASES[i].is_alarm);
        assert_int_equal(says(&an, "\"forsaken\":[]"), !CASES[i].is_kept);
        assert_int_equal(says(&an, "\"checkpoint\":{\"size\":30"), CASES[i].is_alarm);
        assert_int_equal(says(&an, "\"checkpoint\":{\"size\":38"), !CASES[i].is_alarm);
        phone_part(e, &an, NULL);
    }
}

/* A log whose epoch was announced in a sync that broke off, or before it was shown. */
static void test_the_cut_is_remembered(void **state)
{
    (void)state;
    books b = make_books();
    phone an;
    edge *e = phone_alone(&an);
    bool alarm = true;
    const shown start = { b.leaves[0], 0, 30, 1, false, false, 0 };
    const shown old = { b.leaves[0], 30, 31, 1, false, false, 0 };
    shown told = { b.leaves[0], 31, 30, 2, false, true, 35 };
    const shown later = { b.leaves[1], 31, 38, 2, false, false, 0 };
    assert_int_equal(show(&an, e, &start, &alarm), SOTAY_OK);
    assert_int_equal(show(&an, e, &old, &alarm), SOTAY_OK);
    assert_int_equal(show(&an, e, &told, &alarm), SOTAY_OK); /* shorter than what it had seen */
    assert_true(alarm);
    phone_reopen(&an);
    assert_int_equal(show(&an, e, &later, &alarm), SOTAY_OK);
    assert_true(alarm);
    told = (shown){ b.leaves[1], 31, 40, 3, false, true, 12 };
    assert_int_equal(show(&an, e, &told, &alarm), SOTAY_OK);
    assert_false(alarm);
    assert_true(says(&an, "\"checkpoint\":{\"size\":40"));
    phone_part(e, &an, NULL);
}

/* What is kept stays, each once, and the office is shown each in each epoch. */
static void test_what_was_given_up_is_kept(void **state)
{
    (void)state;
    books b = make_books();
    phone an;
    edge *e = phone_alone(&an);
    bool alarm = true;
    char *text = NULL;
    const shown list[] = {
        { b.leaves[0], 0, 30, 1, false, false, 0 }, { b.leaves[1], 30, 33, 2, false, true, 20 },
        { b.leaves[1], 33, 33, 2, false, false, 0 }, { b.leaves[0], 33, 35, 3, false, true, 20 },
        { b.leaves[0], 35, 35, 3, false, false, 0 }, { b.leaves[0], 35, 36, 3, false, false, 0 },
    };
    static const uint64_t KEPT[][2] = { /* and how many of them were shown */
                                        { 0, 0 }, { 1, 0 }, { 1, 1 }, { 2, 0 }, { 2, 1 }, { 2, 2 }
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        assert_int_equal(show(&an, e, &list[i], &alarm), SOTAY_OK);
        assert_false(alarm);
        phone_reopen(&an);
        assert_int_equal(an.client->me.ends, KEPT[i][0]);
        assert_int_equal(an.client->me.ends_told, KEPT[i][1]);
    }
    assert_true(says(&an, "\"held\":{\"size\":30,"));
    assert_true(says(&an, "\"cut\":20,\"held\":{\"size\":33,"));
    assert_int_equal(sotay_status(an.client, SOTAY_TEXT, &text, &an.error), SOTAY_OK);
    assert_non_null(strstr(text, "giữ làm bằng chứng: máy này đã thấy sổ có 30 mục"));
    assert_non_null(strstr(text, "giữ làm bằng chứng: máy này đã thấy sổ có 33 mục"));
    sotay_text_free(text);
    phone_part(e, &an, NULL);
}

static void test_unsigned_is_nothing(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    books b = make_books();
    bool alarm = true;
    const shown s = { b.leaves[0], 0, 30, 1, true, false, 0 };
    assert_int_equal(show(&an, e, &s, &alarm), SOTAY_E_SIGNATURE);
    assert_true(says(&an, "\"checkpoint\":null"));
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_by_proofs),
        cmocka_unit_test(test_a_fork_is_evidence),
        cmocka_unit_test(test_an_epoch_waives_no_proof),
        cmocka_unit_test(test_the_cut_is_remembered),
        cmocka_unit_test(test_what_was_given_up_is_kept),
        cmocka_unit_test(test_unsigned_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
