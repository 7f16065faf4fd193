/* tests/unit/client-lib/test_restored_faults.c
 * What a phone keeps for a book that is put back, in whatever step it has no memory or its store
 * fails: the checkpoint that a new epoch gave up, what its office had decided, what was delivered
 * and no backup has; and its list of files, those that the office declined among them. Each time it
 * says so and the store is as before, or all of it is done. Rows that are damaged are said. */
#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/decided.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/forsaken.h"
#include "tests/unit/client-lib/edge_log.h"
#include "tests/unit/client-lib/trial.h"

#define LEN(x) (sizeof(x) / sizeof *(x))
#define CUT    100u /* entries of the log that the book was put back to */

struct bench {
    trial on;
    edge *e;
    phone an;
    sotay_id visit;
};

/* ---- the store ---- */

static const st_id DEVICE = { { 0xd1 } };

/* Epoch, entries and a byte of the root of what was signed. */
static witness_head head_of(uint64_t epoch, uint64_t size, uint8_t root)
{
    witness_head head = { .epoch = epoch, .head = { .size = size } };
    head.head.root.b[0] = root;
    return head;
}

static st_err keep_end(sotay_sync *sync, witness_head held, st_error *error)
{
    const witness_head shown = head_of(3, 40, 9);
    sync->client->next.tree = held;
    sync->client->next.cut = 50;
    return forsaken_keep(sync, &shown, error);
}

/* Each differs from the first in one thing; one is not beyond the cut. */
static void keep_ends(phone *p)
{
    const witness_head ends[] = { head_of(1, 60, 1), head_of(2, 60, 1), head_of(1, 45, 1) };
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    rows_begin(p);
    for (size_t i = 0; i < LEN(ends); i++)
        assert_int_equal(keep_end(sync, ends[i], NULL), ST_OK);
    p->client->next.epochs = 3;
    assert_int_equal(p->client->next.ends, LEN(ends));
    rows_commit(p);
    sotay_sync_free(sync);
}

/* Lines of a history: decided before the cut and behind it, by a person and by itself; one of
 * before, when a line did not say by what. */
static void keep_lines(phone *p, const sotay_id *visit)
{
    static const apply_line LINES[] = {
        { .verdict = APPLY_ACCEPTED, .decided = ST_ENTRY_ACCEPT, .decided_index = CUT + 5,
          .has_set = true },
        { .verdict = APPLY_DECLINED, .decided = ST_ENTRY_DECLINE, .decided_index = CUT + 6,
          .reason = "không đúng" },
        { .verdict = APPLY_ACCEPTED, .decided = ST_ENTRY_VERDICT, .decided_index = CUT + 7 },
        { .verdict = APPLY_DECLINED, .decided = ST_ENTRY_DECLINE, .decided_index = CUT - 1 },
        { .verdict = APPLY_DECLINED, .reason = "cũ" },
        { .verdict = APPLY_STORED },
    };
    rows_begin(p);
    for (size_t i = 0; i < LEN(LINES); i++) {
        apply_line line = LINES[i];
        st_id record;
        memcpy(record.b, visit->b, sizeof record.b);
        line.device = DEVICE;
        line.reason_len = line.reason != NULL ? strlen(line.reason) : 0;
        line.index = 10 + i;
        line.counter = line.first = 1 + i;
        assert_int_equal(apply_line_put(p->client, &record, &line, NULL), ST_OK);
    }
    rows_commit(p);
}

static book_key carried_key(book_table table, uint32_t n)
{
    uint8_t number[4];
    book_key key = book_key_of(table);
    st_put_u32(number, n);
    book_key_bytes(&key, DEVICE.b, sizeof DEVICE.b);
    book_key_bytes(&key, number, sizeof number);
    return key;
}

/* Delivered before the cut, behind it, and in an exchange that has not ended; evidence whose place
 * is taken, and a parcel that came again. */
static void keep_delivered(phone *p)
{
    static const uint64_t POSITIONS[] = { CUT - 10, CUT + 10, 0 };
    rows_begin(p);
    for (uint32_t i = 0; i < LEN(POSITIONS); i++) {
        for (int evidence = 0; evidence < 2; evidence++) {
            book_key key = carried_key(evidence ? BOOK_EVIDENCE : BOOK_PARCEL, evidence ? 0 : i);
            assert_int_equal(book_put(&p->client->book, &key, "delivered", 9, NULL), ST_OK);
            assert_int_equal(delivered_keep(p->client, &key, POSITIONS[i], NULL), ST_OK);
        }
    }
    const book_key again[] = { carried_key(BOOK_EVIDENCE, 0), carried_key(BOOK_PARCEL, 1) };
    for (size_t i = 0; i < LEN(again); i++)
        assert_int_equal(book_put(&p->client->book, &again[i], "newer", 5, NULL), ST_OK);
    rows_commit(p);
}

/* Files of which the office declined two, one piece of one is here. */
static void keep_files(phone *p, const sotay_id *visit)
{
    st_hash pieces[2] = { { { 1 } }, { { 2 } } };
    st_id record;
    memcpy(record.b, visit->b, sizeof record.b);
    rows_begin(p);
    for (uint32_t count = 1; count <= 2; count++) {
        const attach_row row = { .kind = ATTACH_LEFT, .hashes = pieces, .count = count };
        book_key key = attach_key(&record, pieces, count);
        assert_int_equal(attach_put(&p->client->book, &key, &row, NULL), ST_OK);
    }
    book_key piece = attach_piece_key(BOOK_CHUNK, &pieces[0]);
    assert_int_equal(book_put(&p->client->book, &piece, "ảnh", 5, NULL), ST_OK);
    rows_commit(p);
}

static int bench_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    b.e = phone_alone(&b.an);
    b.visit = phone_visit(&b.an, "chợ");
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    keep_ends(&b.an);
    keep_lines(&b.an, &b.visit);
    keep_delivered(&b.an);
    keep_files(&b.an, &b.visit);
    b.on.from = &b.an;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    phone_part(b->e, &b->an, NULL);
    return 0;
}

/* ---- what was given up ---- */

static st_err an_end_is_kept(bench *b, st_error *error)
{
    st_err err = keep_end(b->on.sync, head_of(1, 60, 2), error);
    if (err == ST_OK)
        assert_int_equal(b->on.copy.client->next.ends, 4);
    return err;
}

static st_err an_end_is_here(bench *b, st_error *error)
{
    st_err err = keep_end(b->on.sync, head_of(1, 45, 1), error);
    assert_int_equal(b->on.copy.client->next.ends, 3);
    return err;
}

static st_err an_end_is_shown(bench *b, st_error *error)
{
    st_ask ask = { .version = 1 };
    st_err err = forsaken_ask(b->on.sync, &ask, error);
    if (err == ST_OK)
        assert_true(ask.has_held && ask.held.epoch == 1 && ask.held.head.size == 60);
    return err;
}

static st_err ends_are_read(bench *b, st_error *error)
{
    forsaken_ends ends;
    st_arena arena;
    st_buffer out;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&out, 1u << 16);
    st_err err = forsaken_read(b->on.copy.client, &arena, &ends, error);
    for (int english = 0; err == ST_OK && english < 2; english++) {
        (void)strcpy(b->on.copy.client->lang, english ? "en" : "vi");
        err = forsaken_text(b->on.copy.client, &ends, &out, error);
    }
    if (err == ST_OK)
        assert_int_equal(ends.count, 3);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return err;
}

static void test_what_was_given_up(void **state)
{
    static const scene SCENES[] = {
        { .why = "an end is kept", .what = an_end_is_kept, .in_sync = true },
        { .why = "an end is here", .what = an_end_is_here, .in_sync = true, .only_reads = true },
        { .why = "an end is shown", .what = an_end_is_shown, .in_sync = true, .only_reads = true },
        { .why = "ends are read", .what = ends_are_read, .only_reads = true },
    };
    trial_sweep(*state, SCENES, LEN(SCENES));
}

/* A new epoch of the same number says nothing: the office would take the end for one of its own. */
static void test_an_end_of_this_epoch_waits(void **state)
{
    bench *b = *state;
    sotay_sync *sync = NULL;
    st_ask ask = { .version = 1 };
    assert_int_equal(sotay_sync_begin(b->an.client, &sync, &b->an.error), SOTAY_OK);
    uint64_t epochs = b->an.client->me.epochs;
    assert_int_equal(client_begin(b->an.client, false, NULL), ST_OK);
    b->an.client->me.epochs = 1;
    assert_int_equal(forsaken_ask(sync, &ask, NULL), ST_OK);
    assert_false(ask.has_held);
    b->an.client->me.epochs = epochs;
    client_abort(b->an.client);
    sotay_sync_free(sync);
}

/* ---- what was decided ---- */

static st_err decisions_are_kept(bench *b, st_error *error)
{
    return decided_turn(b->on.copy.client, CUT, error);
}

static st_err decisions_are_told(bench *b, st_error *error)
{
    st_ask ask = { .version = 1 };
    sotay_sync *sync = b->on.sync;
    st_err err = decided_turn(b->on.copy.client, CUT, error);
    if (err == ST_OK)
        err = decided_ask(sync, &ask, error);
    if (err != ST_OK)
        return err;
    assert_int_equal(ask.decided_count, 3);
    assert_true(ask.decided[0].has_set && ask.decided[0].kind == ST_ENTRY_ACCEPT);
    assert_string_equal(ask.decided[1].reason, "không đúng");
    assert_string_equal(ask.decided[2].reason, "cũ");
    assert_false(decided_goes_on(sync));
    return decided_noted(sync, 2, error);
}

static void test_what_was_decided(void **state)
{
    static const scene SCENES[] = {
        { .why = "decisions are kept", .what = decisions_are_kept },
        { .why = "decisions are told", .what = decisions_are_told, .in_sync = true },
    };
    trial_sweep(*state, SCENES, LEN(SCENES));
}

/* More than one request takes: the rest is told with the next, once these are noted. */
static void test_many_decisions(void **state)
{
    bench *b = *state;
    trial *t = &b->on;
    const scene plain = { .in_sync = true };
    st_ask ask = { .version = 1 };
    st_id record;
    trial_open(t, &plain);
    memcpy(record.b, b->visit.b, sizeof record.b);
    rows_begin(&t->copy);
    for (uint64_t i = 0; i < ST_DECIDED_MAX; i++) {
        const apply_line line = { .index = 200 + i, .counter = 200 + i, .first = 200 + i,
                                  .device = DEVICE, .verdict = APPLY_DECLINED };
        assert_int_equal(apply_line_put(t->copy.client, &record, &line, NULL), ST_OK);
    }
    assert_int_equal(decided_turn(t->copy.client, CUT, NULL), ST_OK);
    assert_int_equal(decided_ask(t->sync, &ask, NULL), ST_OK);
    assert_int_equal(ask.decided_count, ST_DECIDED_MAX);
    assert_false(decided_goes_on(t->sync)); /* the server has noted none */
    assert_int_equal(decided_noted(t->sync, ST_DECIDED_MAX + 9, NULL), ST_OK);
    assert_true(decided_goes_on(t->sync));
    assert_int_equal(decided_ask(t->sync, &ask, NULL), ST_OK);
    assert_int_equal(ask.decided_count, 3);
    assert_int_equal(decided_noted(t->sync, 3, NULL), ST_OK);
    assert_false(decided_goes_on(t->sync));
    rows_commit(&t->copy);
    trial_close(t);
}

/* ---- what was delivered ---- */

static st_err an_answer_ends(bench *b, st_error *error)
{
    b->on.copy.client->next.backed_up_to = CUT;
    return delivered_end(b->on.copy.client, CUT + 20, error);
}

static st_err all_is_offered_again(bench *b, st_error *error)
{
    uint64_t before = 0, left = 0;
    sotay_client *client = b->on.copy.client;
    st_err err = delivered_count(client, &before, error);
    if (err == ST_OK)
        err = delivered_turn(client, CUT, error);
    if (err == ST_OK)
        err = delivered_count(client, &left, error);
    if (err == ST_OK)
        assert_true(before == 6 && left == 2); /* those of before the cut */
    return err;
}

static void test_what_was_delivered(void **state)
{
    static const scene SCENES[] = {
        { .why = "an answer ends", .what = an_answer_ends },
        { .why = "all is offered again", .what = all_is_offered_again },
    };
    trial_sweep(*state, SCENES, LEN(SCENES));
}

/* Of two the newer one stays in its table; evidence takes the next free place beside the other. */
static void test_what_is_offered_again(void **state)
{
    bench *b = *state;
    trial *t = &b->on;
    const scene plain = { .in_sync = false };
    static const struct {
        book_table table;
        uint32_t n;
        const char *want;
    } ROWS[] = {
        { BOOK_EVIDENCE, 0, "newer" },  { BOOK_EVIDENCE, 1, "delivered" },
        { BOOK_EVIDENCE, 2, "delivered" }, { BOOK_PARCEL, 1, "newer" },
        { BOOK_PARCEL, 2, "delivered" },
    };
    trial_open(t, &plain);
    rows_begin(&t->copy);
    assert_int_equal(delivered_turn(t->copy.client, CUT, NULL), ST_OK);
    rows_commit(&t->copy);
    assert_int_equal(client_begin(t->copy.client, false, NULL), ST_OK);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        st_arena arena;
        book_value value = { NULL, 0 };
        book_key key = carried_key(ROWS[i].table, ROWS[i].n);
        st_arena_init(&arena, 4096);
        assert_int_equal(book_get(&t->copy.client->book, &key, &arena, &value, NULL), ST_OK);
        assert_int_equal(value.len, strlen(ROWS[i].want));
        assert_memory_equal(value.data, ROWS[i].want, value.len);
        st_arena_reset(&arena);
    }
    client_abort(t->copy.client);
    trial_close(t);
}

/* ---- files ---- */

static st_err files_are_listed(bench *b, st_error *error)
{
    (void)error;
    st_err err = ST_OK;
    for (int text = 0; err == ST_OK && text < 2; text++) {
        char *said = NULL;
        err = (st_err)sotay_attachment_list(b->on.copy.client, &b->visit,
                                            text ? SOTAY_TEXT : SOTAY_JSON, &said, NULL);
        if (err == ST_OK)
            assert_non_null(strstr(said, "declined-"));
        sotay_text_free(said);
    }
    return err;
}

static void test_files_that_were_declined(void **state)
{
    static const scene SCENES[] = {
        { .why = "files are listed", .what = files_are_listed, .is_alone = true,
          .only_reads = true },
    };
    trial_sweep(*state, SCENES, LEN(SCENES));
}

/* ---- damage ---- */

static st_err ask_decisions(bench *b)
{
    st_ask ask = { .version = 1 };
    return decided_ask(b->on.sync, &ask, NULL);
}

static st_err read_ends(bench *b)
{
    forsaken_ends ends;
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = forsaken_read(b->on.copy.client, &arena, &ends, NULL);
    st_arena_reset(&arena);
    return err;
}

/* A row of another length than any that is written is said, not passed over. */
static void test_rows_of_another_length(void **state)
{
    static const struct {
        const char *why;
        book_table table;
        size_t key_len, value_len;
        st_err (*ask)(bench *b);
    } CASES[] = {
        { "half a decision", BOOK_DECIDED, 24, 20, ask_decisions },
        { "a decision and more", BOOK_DECIDED, 24, 16 + 1 + 8 + 4 + 32 + 1, ask_decisions },
        { "a decision of no counter", BOOK_DECIDED, 16, 16 + 1 + 8 + 4 + 32, ask_decisions },
        { "half an end", BOOK_FORSAKEN, 8, 60, read_ends },
        { "an end and more", BOOK_FORSAKEN, 8, 1000, read_ends },
    };
    static const uint8_t zeros[1000];
    const scene in_sync = { .in_sync = true };
    bench *b = *state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        book_key key = book_key_of(CASES[i].table);
        book_key_bytes(&key, zeros, CASES[i].key_len);
        trial_open(&b->on, &in_sync);
        rows_put(&b->on.copy, &key, zeros, CASES[i].value_len);
        assert_int_equal(client_begin(b->on.copy.client, false, NULL), ST_OK);
        if (CASES[i].ask(b) != ST_E_CORRUPT)
            fail_msg("%s", CASES[i].why);
        client_abort(b->on.copy.client);
        trial_close(&b->on);
    }
}

static void test_an_end_that_is_missing(void **state)
{
    bench *b = *state;
    const scene plain = { .in_sync = false };
    book_key key = book_key_of(BOOK_FORSAKEN);
    book_key_u64(&key, 1);
    trial_open(&b->on, &plain);
    rows_delete(&b->on.copy, &key);
    assert_int_equal(client_begin(b->on.copy.client, false, NULL), ST_OK);
    assert_int_equal(read_ends(b), ST_E_CORRUPT);
    client_abort(b->on.copy.client);
    trial_close(&b->on);
}

/* What was delivered and opens no more cannot be offered again; it stops nothing. */
static void test_delivered_that_does_not_open(void **state)
{
    bench *b = *state;
    phone *p = &b->on.copy;
    const scene plain = { .in_sync = false };
    book_key at = book_key_of(BOOK_DELIVERED), short_one = at;
    const book_key key = carried_key(BOOK_PARCEL, 2);
    book_key_u64(&at, 0);
    book_key_bytes(&at, key.b, key.len);
    book_key_bytes(&short_one, "short", 5);
    trial_open(&b->on, &plain);
    rows_spoil(p, &at);
    rows_put(p, &short_one, "of nobody", 9);
    size_t before = rows_count(p, BOOK_DELIVERED), parcels = rows_count(p, BOOK_PARCEL);
    rows_begin(p);
    assert_int_equal(delivered_turn(p->client, CUT, NULL), ST_OK);
    rows_commit(p);
    assert_int_equal(rows_count(p, BOOK_PARCEL), parcels);
    assert_int_equal(before - rows_count(p, BOOK_DELIVERED), 4);
    trial_close(&b->on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_given_up),
        cmocka_unit_test(test_an_end_of_this_epoch_waits),
        cmocka_unit_test(test_what_was_decided),
        cmocka_unit_test(test_many_decisions),
        cmocka_unit_test(test_what_was_delivered),
        cmocka_unit_test(test_what_is_offered_again),
        cmocka_unit_test(test_files_that_were_declined),
        cmocka_unit_test(test_rows_of_another_length),
        cmocka_unit_test(test_an_end_that_is_missing),
        cmocka_unit_test(test_delivered_that_does_not_open),
    };
    return cmocka_run_group_tests_name("restored faults", tests, bench_open, bench_close);
}
