/* tests/unit/client-lib/test_page.c
 * Pages of a log, entry by entry, as they are folded into a phone's base: decisions on what never
 * came, references to what is not kept, own sets with other bytes. Each page is put together by
 * hand and taken in a transaction of its own, that ends as the library ends it. */
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "tests/unit/client-lib/page_bench.h"

/* ---- entries that bring nothing ---- */

static void test_entries_without_a_set(void **state)
{
    static const st_entry_kind KINDS[] = { ST_ENTRY_GAP, ST_ENTRY_INIT, ST_ENTRY_FORK,
                                           ST_ENTRY_CHANGE, ST_ENTRY_BACKUP, ST_ENTRY_NOTE };
    bench *b = *state;
    size_t rows = rows_count(&b->d->an, BOOK_BASE);
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        next_entry(b, KINDS[i]);
        if (i > 1) /* a gap and a beginning name counters, the others nothing */
            b->entry.first = b->entry.last = 0;
        must_take(b);
        assert_int_equal(b->report.received_changes, 0);
        assert_int_equal(rows_count(&b->d->an, BOOK_BASE), rows);
    }
}

/* What the phone has of the log already changes nothing when it comes again. */
static void test_an_entry_that_came_before(void **state)
{
    bench *b = *state;
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    assert_true(says(b, "\"chợ\""));
    size_t lines = rows_count(&b->d->an, BOOK_HIST);
    b->entry.kind = ST_ENTRY_DECLINE; /* of no counters, and it is not even looked at */
    memset(&b->report, 0, sizeof b->report);
    assert_int_equal(take(b), ST_OK);
    assert_false(b->report.moved);
    assert_int_equal(rows_count(&b->d->an, BOOK_HIST), lines);
}

static void test_what_is_not_kept_cannot_be_folded(void **state)
{
    bench *b = *state;
    next_entry(b, ST_ENTRY_CHANGE);
    must_refuse(b, ST_E_CORRUPT, "not kept here");
    assert_true(b->report.lost_reference);
    assert_false(says(b, "\"chợ\""));
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    assert_false(b->report.lost_reference);
    assert_true(says(b, "\"chợ\""));
    assert_int_equal(b->report.received_changes, 1);
    assert_int_equal(verdict_of(b), APPLY_STORED);
}

/* ---- decisions ---- */

static void test_decisions_on_what_never_came(void **state)
{
    static const uint64_t ONE = 1, NINE = 9;
    bench *b = *state;
    decide(b, ST_ENTRY_ACCEPT, &ONE);
    must_refuse(b, ST_E_CORRUPT, "it refers to is not kept");
    assert_true(b->report.lost_reference);
    handmade_keep_set(&b->h, &b->d->an);
    decide(b, ST_ENTRY_DECLINE, &NINE); /* a set is kept, but it has no such change */
    must_refuse(b, ST_E_CORRUPT, "it refers to is not kept");
    assert_int_equal(verdict_of(b), -1);
}

/* The line of a change is lost here with its record, and the set is kept: the page is read on, else
 * the phone would never come to the repair. */
static void test_decisions_whose_line_is_lost(void **state)
{
    static const uint64_t ONE = 1;
    bench *b = *state;
    handmade_keep_set(&b->h, &b->d->an);
    decide(b, ST_ENTRY_DECLINE, &ONE);
    must_take(b);
    assert_int_equal(verdict_of(b), APPLY_DECLINED);
    assert_false(says(b, "\"state\":\"draft\""));
    void *again = b;
    bench_close(&again);
    bench_open(&again);
    handmade_keep_set(&b->h, &b->d->an);
    decide(b, ST_ENTRY_ACCEPT, &ONE);
    must_take(b);
    assert_int_equal(verdict_of(b), APPLY_ACCEPTED);
    assert_true(says(b, "\"chợ\""));
    assert_true(b->report.has_lost); /* when it came, and in which entry, is owed */
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
}

/* Of a record the change that made it is lost here, and a held set of another bucket names it: it
 * stays in the bucket that its value came from, and is forgotten with it. */
static void test_a_record_without_its_beginning(void **state)
{
    const st_held held = { 1, ST_HOLD_BUCKET };
    bench *b = *state;
    size_t rows = rows_count(&b->d->an, BOOK_BASE);
    handmade other;
    handmade_begin(&b->h);
    handmade_text(&b->h, EDGE_PLACE, "bến");
    handmade_end(&b->h, 0);
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.first = b->entry.last = 2;
    must_take(b);
    open_other(&other, &b->h);
    handmade_keep_set(&other, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.device = other.device;
    b->entry.held = &held;
    b->entry.held_count = 1;
    b->page.bucket = other.bucket;
    assert_int_equal(take(b), ST_OK);
    handmade_close(&other);
    rows_begin(&b->d->an);
    assert_int_equal(over(&b->d->an, apply_forget(b->d->an.client, &b->h.bucket, NULL)), ST_OK);
    assert_int_equal(rows_count(&b->d->an, BOOK_BASE), rows);
}

static void test_what_is_held_waits_for_its_decision(void **state)
{
    static const uint64_t ONE = 1;
    static const struct {
        st_entry_kind kind;
        int verdict;
        const char *shows;
    } CASES[] = { { ST_ENTRY_DECLINE, APPLY_DECLINED, "\"state\":\"declined\"" },
                  { ST_ENTRY_ACCEPT, APPLY_ACCEPTED, "\"state\":\"draft\"" } };
    bench *b = *state;
    const st_held held = { 1, ST_HOLD_SCOPE }, other = { 1, ST_HOLD_ROLE };
    for (size_t i = 0; i < 2; i++) {
        void *again = b;
        if (i > 0) {
            bench_close(&again);
            bench_open(&again);
        }
        handmade_keep_set(&b->h, &b->d->an);
        next_entry(b, ST_ENTRY_CHANGE);
        b->entry.held = &held;
        b->entry.held_count = 1;
        b->entry.has_carrier = true;
        b->entry.carrier = b->d->binh.client->me.device;
        must_take(b);
        assert_int_equal(verdict_of(b), APPLY_HELD);
        assert_false(says(b, "\"chợ\""));
        next_entry(b, ST_ENTRY_HOLD); /* for another reason: only its author is told */
        b->entry.held = &other;
        b->entry.held_count = 1;
        must_take(b);
        assert_int_equal(verdict_of(b), APPLY_HELD);
        decide(b, CASES[i].kind, &ONE);
        must_take(b);
        assert_int_equal(verdict_of(b), CASES[i].verdict);
        assert_true(says(b, "\"chợ\""));
        assert_true(says(b, CASES[i].shows));
    }
}

/* A foreign client signs under a person of zeros. That is its word, and nothing is damaged here. */
static void test_declined_of_a_person_of_zeros(void **state)
{
    static const uint64_t ONE = 1;
    const st_held held = { 1, ST_HOLD_ROLE };
    bench *b = *state;
    handmade_close(&b->h);
    handmade_open(&b->h, 0xd1, EDGE_UNIT_BUCKET);
    b->h.has_actor = true;
    handmade_begin(&b->h);
    handmade_text(&b->h, EDGE_PLACE, "chợ");
    handmade_end(&b->h, 0);
    assert_true(b->h.set.has_actor && st_id_is_zero(&b->h.set.actor));
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.held = &held;
    b->entry.held_count = 1;
    must_take(b);
    decide(b, ST_ENTRY_DECLINE, &ONE);
    must_take(b);
    assert_true(says(b, "\"chợ\""));
    assert_false(says(b, "\"unread\""));
    sotay_id id;
    memcpy(id.b, b->h.id.b, sizeof id.b);
    assert_false(phone_says(&b->d->an, sotay_history, &id, "\"unread\""));
}

/* Held for another reason: a set that nobody has here is nobody's to tell. */
static void test_a_reason_for_what_is_not_here(void **state)
{
    bench *b = *state;
    const st_held held[2] = { { 1, ST_HOLD_SCOPE }, { 2, ST_HOLD_ROLE } };
    next_entry(b, ST_ENTRY_HOLD);
    b->entry.held = held;
    b->entry.held_count = 2;
    must_take(b);
    assert_int_equal(verdict_of(b), -1);
}

/* ---- forks ---- */

static void test_a_fork_takes_what_was_carried(void **state)
{
    static const uint8_t NOISE[] = { 0xff, 0x01, 0x02 };
    bench *b = *state;
    assert_true(takes(b->d));
    must_hold(b->d, 1, 0);
    assert_true(shows(b->d));
    next_entry(b, ST_ENTRY_FORK); /* bytes that are no set: kept by the server, shown by nobody */
    b->entry.set = NOISE;
    b->entry.set_len = sizeof NOISE;
    must_take(b);
    must_hold(b->d, 1, 0);
    next_entry(b, ST_ENTRY_FORK);
    b->entry.set = b->d->bytes.data;
    b->entry.set_len = b->d->bytes.len;
    must_take(b);
    must_hold(b->d, 0, 0);
    assert_false(shows(b->d));
}

/* ---- sets that come along ---- */

static void bring(bench *b, const uint8_t *bytes, size_t len)
{
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.first = b->entry.last = 0;
    memset(&b->entry.device, 0, sizeof b->entry.device);
    b->entry.set = bytes;
    b->entry.set_len = len;
}

static void test_sets_that_cannot_be_believed(void **state)
{
    static const uint8_t NOISE[] = { 0xff, 0x01, 0x02 };
    static stored_row forged;
    bench *b = *state;
    bring(b, b->h.bytes.data, b->h.bytes.len);
    must_refuse(b, ST_E_SIGNATURE, "that the catalogue does not name");
    forged = b->d->bytes;
    forged.data[forged.len - 1] ^= 1;
    bring(b, forged.data, forged.len);
    must_refuse(b, ST_E_SIGNATURE, "that its author did not sign");
    bring(b, b->d->bytes.data, b->d->bytes.len);
    assert_true(st_bucket_set(&b->page.bucket, EDGE_COMMUNE "/catalogue",
                              strlen(EDGE_COMMUNE "/catalogue")));
    b->entry.index = b->page.cursor = 1000;
    must_refuse(b, ST_E_SIGNATURE, "a set of " EDGE_UNIT_BUCKET);
    bring(b, NOISE, sizeof NOISE); /* everybody holds it, nobody reads it */
    must_take(b);
    assert_int_equal(b->report.received_changes, 0);
    bring(b, b->d->bytes.data, b->d->bytes.len);
    must_take(b);
    assert_int_equal(b->report.received_changes, 1);
    assert_true(shows(b->d));
}

static void test_a_page_of_a_newer_program(void **state)
{
    bench *b = *state;
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->page.fold_version = 2;
    uint64_t before = cursor_of(b);
    assert_int_equal(take(b), ST_OK);
    assert_true(b->report.too_new);
    assert_int_equal(cursor_of(b), before);
    assert_int_equal(verdict_of(b), -1);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    assert_int_equal(verdict_of(b), APPLY_STORED);
}

/* ---- own sets ---- */

/* binh's own page: his sealed set under his own name. */
static st_err take_own(bench *b, const uint8_t *bytes, size_t len)
{
    phone *binh = &b->d->binh;
    bucket_state bucket;
    bring(b, bytes, len);
    rows_begin(binh);
    assert_int_equal(bucket_get(&binh->client->book, &b->h.bucket, &bucket, NULL), ST_OK);
    b->entry.index = b->page.cursor = bucket.cursor + 1;
    memset(&b->error, 0, sizeof b->error);
    return over(binh, apply_page(binh->client, &b->page, &b->report, &b->error));
}

static bool keeps(bench *b, const uint8_t *bytes, size_t len)
{
    static stored_row row;
    for (size_t n = 0; rows_get(&b->d->binh, BOOK_SET, n, &row); n++)
        if (row.key.len == b->d->bytes.key.len &&
            memcmp(row.key.b, b->d->bytes.key.b, row.key.len) == 0)
            return row.len == len && memcmp(row.data, bytes, len) == 0;
    return false;
}

/* binh's set once more, under the same counter, with another moment in it. */
static void make_other_branch(bench *b, st_buffer *out)
{
    st_set set = b->d->set;
    st_unsigned_set built;
    uint8_t text[ST_SET_SIGN_BYTES], signature[64], ours[32], secret[64];
    static const uint8_t SEED[32] = { 77 };
    sotay_client *binh = b->d->binh.client;
    st_change change = set.changes[0];
    change.wall_ms += 1;
    set.changes = &change;
    assert_int_equal(st_set_build(&set, SEED, &built, NULL), ST_OK);
    st_sign_keypair(binh->me.sign_seed, ours, secret);
    st_set_sign_text(&binh->me.log, &set.device, &built.hash, text);
    st_sign(secret, text, sizeof text, signature);
    assert_int_equal(st_set_finish(&set, &built, signature, out, NULL), ST_OK);
    st_unsigned_set_free(&built);
}

/* What the server said of the own set, if anything. */
static void settle_own(bench *b, outbox_status status, uint64_t position)
{
    outbox_set own;
    sotay_client *binh = b->d->binh.client;
    rows_begin(&b->d->binh);
    assert_int_equal(outbox_get(&binh->book, &b->d->set.device, b->d->set.first, &own, NULL),
                     ST_OK);
    own.status = status;
    own.position = position;
    assert_int_equal(outbox_settle(binh, &own, NULL, (outbox_helds){ NULL, 0 }, NULL), ST_OK);
    rows_commit(&b->d->binh);
}

/* Another branch of the same set: what was signed here stays. Where the server has not said what
 * ours is, the page says it; else that goes on. */
static void test_an_own_set_with_other_bytes_stays(void **state)
{
    bench *b = *state;
    st_buffer other;
    st_buffer_init(&other, ST_SET_BYTES_MAX);
    make_other_branch(b, &other);
    assert_true(keeps(b, b->d->bytes.data, b->d->bytes.len));
    settle_own(b, OUTBOX_UNSENT, 0);
    assert_int_equal(take_own(b, other.data, other.len), ST_E_CHANGED);
    assert_true(b->report.has_twin);
    assert_int_equal(st_id_cmp(&b->report.twin.device, &b->d->set.device), 0);
    assert_int_equal(b->report.twin.counter, b->d->set.first);
    memset(&b->report, 0, sizeof b->report);
    settle_own(b, OUTBOX_SENT, 5);
    assert_int_equal(take_own(b, other.data, other.len), ST_OK);
    assert_true(keeps(b, b->d->bytes.data, b->d->bytes.len));
    assert_int_equal(b->report.received_changes, 0);
    assert_int_equal(take_own(b, b->d->bytes.data, b->d->bytes.len), ST_OK);
    assert_true(keeps(b, b->d->bytes.data, b->d->bytes.len));
    st_buffer_free(&other);
}

/* An own set of which the office erased a value: what is left takes the place of the whole, since
 * it is the same set; one that was damaged here stays for the repair to see to. */
static void test_an_own_set_comes_back_without_a_value(void **state)
{
    bench *b = *state;
    const uint32_t place = 0;
    st_buffer left;
    st_buffer_init(&left, ST_SET_BYTES_MAX);
    assert_int_equal(st_set_erase(b->d->bytes.data, b->d->bytes.len,
                                  (st_set_places){ &place, 1 }, &left, NULL),
                     ST_OK);
    settle_own(b, OUTBOX_UNSENT, 0);
    rows_put(&b->d->binh, &b->d->bytes.key, "half a set", 10);
    assert_int_equal(take_own(b, left.data, left.len), ST_OK);
    assert_true(keeps(b, (const uint8_t *)"half a set", 10));
    rows_put(&b->d->binh, &b->d->bytes.key, b->d->bytes.data, b->d->bytes.len);
    assert_int_equal(take_own(b, left.data, left.len), ST_OK);
    assert_true(keeps(b, left.data, left.len));
    assert_int_equal(take_own(b, b->d->bytes.data, b->d->bytes.len), ST_OK);
    assert_true(keeps(b, left.data, left.len)); /* what is gone does not come back */
    st_buffer_free(&left);
}

/* Sealed when its bucket was lost, and now another branch comes in the open: ours stays sealed. */
static void test_an_own_sealed_set_and_another_branch(void **state)
{
    bench *b = *state;
    sotay_client *binh = b->d->binh.client;
    outbox_set own;
    rows_begin(&b->d->binh);
    assert_int_equal(outbox_get(&binh->book, &b->d->set.device, b->d->set.first, &own, NULL),
                     ST_OK);
    assert_int_equal(closed_own(binh, &own, NULL), ST_OK); /* nothing of it waits: it is sealed */
    rows_commit(&b->d->binh);
    if (rows_count(&b->d->binh, BOOK_CLOSED) == 0) { /* unsent: it has to stay readable */
        settle_own(b, OUTBOX_SENT, 5);
        rows_begin(&b->d->binh);
        assert_int_equal(outbox_get(&binh->book, &b->d->set.device, b->d->set.first, &own, NULL),
                         ST_OK);
        assert_int_equal(closed_own(binh, &own, NULL), ST_OK);
        rows_commit(&b->d->binh);
    }
    assert_int_equal(rows_count(&b->d->binh, BOOK_CLOSED), 1);
    st_buffer other;
    st_buffer_init(&other, ST_SET_BYTES_MAX);
    make_other_branch(b, &other);
    assert_int_equal(take_own(b, other.data, other.len), ST_OK);
    assert_int_equal(rows_count(&b->d->binh, BOOK_CLOSED), 1);
    assert_int_equal(b->report.received_changes, 0);
    assert_int_equal(take_own(b, b->d->bytes.data, b->d->bytes.len), ST_OK);
    assert_int_equal(rows_count(&b->d->binh, BOOK_CLOSED), 0);
    assert_true(keeps(b, b->d->bytes.data, b->d->bytes.len));
    st_buffer_free(&other);
}

/* A set under this name that this store never sealed: another store lives under it. */
static void test_a_twin_is_noticed(void **state)
{
    bench *b = *state;
    phone *binh = &b->d->binh;
    rows_begin(binh);
    binh->client->next.sealed = b->d->set.first - 1;
    binh->client->next.counter = b->d->set.first - 1;
    rows_commit(binh);
    assert_int_equal(take_own(b, b->d->bytes.data, b->d->bytes.len), ST_E_CHANGED);
    assert_true(b->report.has_twin);
    assert_int_equal(b->report.twin.counter, b->d->set.first);
}

/* ---- held sets of a snapshot ---- */

static st_err take_held(bench *b)
{
    rows_begin(&b->d->an);
    memset(&b->error, 0, sizeof b->error);
    return over(&b->d->an, apply_held(b->d->an.client, &b->h.bucket, &b->entry, 1, &b->error));
}

static void test_held_sets_of_a_snapshot(void **state)
{
    bench *b = *state;
    const st_held held = { b->d->set.first, ST_HOLD_SCOPE }, none = { 99, ST_HOLD_SCOPE };
    bring(b, b->d->bytes.data, b->d->bytes.len);
    b->entry.held = &none;
    b->entry.held_count = 1;
    assert_int_equal(take_held(b), ST_E_CORRUPT);
    assert_non_null(strstr(b->error.detail, "a change is not in its set"));
    size_t lines = rows_count(&b->d->an, BOOK_HIST);
    b->entry.held = &held;
    assert_int_equal(take_held(b), ST_OK);
    assert_int_equal(rows_count(&b->d->an, BOOK_HIST), lines + 1);
    assert_false(shows(b->d)); /* nothing is folded before it is let in */
    bring(b, (const uint8_t *)"no set", 6);
    b->entry.held = &held;
    b->entry.held_count = 1;
    assert_int_equal(take_held(b), ST_OK); /* unreadable: nobody has it */
    assert_int_equal(rows_count(&b->d->an, BOOK_HIST), lines + 1);
}

/* ---- what the office did ---- */

/* An act on all of the visit whose author had seen nothing but its making. */
static void fold_act(bench *b, st_act_kind act)
{
    const st_context_device seen = { .device = b->h.device, .upto = 1 };
    handmade_begin(&b->h);
    b->h.change.act = act;
    b->h.change.context = (st_context){ &seen, 1 };
    handmade_end(&b->h, 0);
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.first = b->entry.last = b->h.counter;
    must_take(b);
}

/* The visit, and an act on all of it, both folded. */
static void fold_visit_and_act(bench *b, st_act_kind act)
{
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    fold_act(b, act);
}

/* an writes in the visit; why: NULL, or what it is refused with. */
static void assert_written(bench *b, const char *why)
{
    sotay_id id;
    phone *an = &b->d->an;
    memcpy(id.b, b->h.id.b, sizeof id.b);
    int rc = phone_set(an, &id, "place", "trạm");
    assert_int_equal(rc, why == NULL ? SOTAY_OK : SOTAY_E_STATE);
    if (why != NULL)
        assert_non_null(strstr(an->error.detail, why));
    assert_int_equal(says(b, "\"trạm\""), why == NULL);
}

static void test_what_the_office_closed_is_not_written_in(void **state)
{
    static const struct {
        st_act_kind act;
        const char *why; /* NULL: it may be written in */
    } CASES[] = {
        { ST_ACT_WITHDRAW, "the record is withdrawn" },
        { ST_ACT_VOID, "the office does not count the record" },
        { ST_ACT_LOCK, "the period is locked" },
        { ST_ACT_APPROVE, "the record is approved" },
        { ST_ACT_REVIEW, "the office has the record in hand" },
        { ST_ACT_FINALISE, "the record is finalised" },
        { ST_ACT_OPEN, NULL },
    };
    void *under = *state;
    bench *b = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone *an = &b->d->an;
        print_message("  case: %s\n", CASES[i].why == NULL ? "open" : CASES[i].why);
        fold_visit_and_act(b, CASES[i].act);
        size_t changes = rows_count(an, BOOK_CHANGE);
        assert_written(b, CASES[i].why);
        assert_int_equal(rows_count(an, BOOK_CHANGE), changes + (CASES[i].why == NULL ? 1 : 0));
        bench_close(&under);
        bench_open(&under);
    }
}

/* What the server holds for what its author knew of the office (protocol 7.6) is refused here too,
 * whatever stands against that; a withdrawal alone does not count then. */
static void test_what_stands_against_the_office(void **state)
{
    static const struct {
        st_act_kind act;
        const char *why; /* NULL: it may be written in */
    } CASES[] = {
        { ST_ACT_VOID, "the office does not count the record" },
        { ST_ACT_APPROVE, "the record is approved" },
        { ST_ACT_REVIEW, "the office has the record in hand" },
        { ST_ACT_OPEN, NULL },
    };
    void *under = *state;
    bench *b = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fold_visit_and_act(b, ST_ACT_WITHDRAW);
        fold_act(b, CASES[i].act);
        assert_true(says(b, "\"state_conflict\":true"));
        assert_written(b, CASES[i].why);
        bench_close(&under);
        bench_open(&under);
    }
}

/* The first role that may is the one that writes; who has none is told so. */
static void test_roles_that_may_and_may_not(void **state)
{
    static const struct {
        const char *why;
        uint32_t count;
        st_role roles[2];
        int rc;
    } CASES[] = {
        { "none", 0, { ST_ROLE_OFFICER, ST_ROLE_OFFICER }, SOTAY_E_DENIED },
        { "one that only reads", 1, { ST_ROLE_AUDITOR, ST_ROLE_AUDITOR }, SOTAY_E_DENIED },
        { "two that only read", 2, { ST_ROLE_AUDITOR, ST_ROLE_AUDITOR }, SOTAY_E_DENIED },
        { "the second one writes", 2, { ST_ROLE_AUDITOR, ST_ROLE_OFFICER }, SOTAY_OK },
        { "the first one writes", 2, { ST_ROLE_OFFICER, ST_ROLE_AUDITOR }, SOTAY_OK },
    };
    bench *b = *state;
    phone *an = &b->d->an;
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "chợ" } };
    const sotay_pairs pairs = { list, 2 };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        sotay_id id;
        print_message("  case: %s\n", CASES[i].why);
        rows_begin(an);
        an->client->next.roles_count = CASES[i].count;
        memcpy(an->client->next.roles, CASES[i].roles, sizeof CASES[i].roles);
        rows_commit(an);
        size_t changes = rows_count(an, BOOK_CHANGE);
        assert_int_equal(sotay_record_new(an->client, "visit", EDGE_UNIT, pairs, &id, &an->error),
                         CASES[i].rc);
        assert_int_equal(rows_count(an, BOOK_CHANGE), changes + (CASES[i].rc == SOTAY_OK ? 1 : 0));
        if (CASES[i].rc != SOTAY_OK)
            assert_string_not_equal(an->error.detail, "");
    }
}

/* ---- forms and records of later ---- */

/* What a newer program packed is not read here, and nothing after it. */
static void test_a_set_of_a_newer_format(void **state)
{
    static stored_row newer;
    static const uint8_t FORMAT_1[] = { 0x08, 0x01 };
    st_set set;
    bench *b = *state;
    newer = b->d->bytes;
    uint8_t *at = memmem(newer.data, newer.len, FORMAT_1, sizeof FORMAT_1);
    st_err err = ST_OK;
    while (at != NULL && err != ST_E_VERSION) { /* the one that says the format */
        at[1] = 2;
        err = st_set_decode(newer.data, newer.len, &b->d->arena, &set, NULL);
        at[1] = err == ST_E_VERSION ? 2 : 1;
        size_t rest = newer.len - (size_t)(at + 1 - newer.data);
        at = memmem(at + 1, rest, FORMAT_1, sizeof FORMAT_1);
    }
    assert_int_equal(err, ST_E_VERSION);
    bring(b, newer.data, newer.len);
    uint64_t before = cursor_of(b);
    assert_int_equal(take(b), ST_E_VERSION);
    assert_true(b->report.too_new);
    assert_int_equal(cursor_of(b), before);
    bool is_new = false; /* by hand it is carried on, sealed: whom it is for can read it */
    assert_int_equal(take_set(b->d, newer.data, newer.len, &is_new), ST_OK);
    assert_true(is_new);
    must_hold(b->d, 0, 1);
}

/* A record of a form that does not open, or is not there, is kept: its row waits for the form. */
static void test_a_form_that_does_not_open(void **state)
{
    static stored_row row;
    bench *b = *state;
    size_t n = 0;
    while (rows_get(&b->d->an, BOOK_FORM, n, &row) &&
           memmem(row.key.b, row.key.len, "visit", 5) == NULL)
        n++;
    assert_true(memmem(row.key.b, row.key.len, "visit", 5) != NULL);
    rows_put(&b->d->an, &row.key, "no form", 7);
    phone_reopen(&b->d->an); /* it was read already */
    size_t records = rows_count(&b->d->an, BOOK_BASE);
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    assert_int_equal(rows_count(&b->d->an, BOOK_BASE), records + 1);
}

/* ---- what the office erases ---- */

/* As the server's own device says it in the catalogue: that the visit's place is erased. */
static void rule(bench *b, handmade *r, bool is_damaged)
{
    st_buffer targets;
    st_erasure one;
    const st_set *set = &b->h.set;
    memset(&one, 0, sizeof one);
    one.dot = set->changes[0].dot;
    one.first = set->first;
    one.set = set->hash;
    assert_int_equal(st_set_place(b->h.bytes.data, b->h.bytes.len, (st_set_value){ 0, 0 },
                                  &one.place, NULL),
                     ST_OK);
    one.path_len = st_path_encode(&set->changes[0].ops[0].path, one.path);
    st_buffer_init(&targets, 65536);
    assert_int_equal(st_erasures_encode(&one, 1, &targets, NULL), ST_OK);
    handmade_begin(r);
    assert_true(st_code_set(&r->change.form, ST_ERASURE_FORM, strlen(ST_ERASURE_FORM)));
    r->change.creates = true;
    handmade_value(r, ST_ERASURE_ABOUT, ST_VALUE_ID, b->h.id.b, sizeof b->h.id.b);
    handmade_value(r, ST_ERASURE_TARGETS, ST_VALUE_BYTES, targets.data,
                   targets.len - (is_damaged ? 1 : 0));
    handmade_end(r, 0);
    handmade_keep_set(r, &b->d->an);
    st_buffer_free(&targets);
}

/* Only the server's device erases, only in the catalogue, and only what it names. */
static void test_who_may_erase(void **state)
{
    enum { DAMAGED, OF_SOMEBODY, GOOD, CASES };
    bench *b = *state;
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    for (int i = 0; i < CASES; i++) {
        handmade r;
        handmade_open(&r, 0, EDGE_COMMUNE "/catalogue");
        r.device = i == OF_SOMEBODY ? b->h.device : b->d->an.client->me.server_device;
        r.device.b[15] ^= i == OF_SOMEBODY ? 1 : 0;
        assert_true(says(b, "\"chợ\""));
        rule(b, &r, i == DAMAGED);
        next_entry(b, ST_ENTRY_CHANGE);
        b->page.bucket = r.bucket;
        b->entry.device = r.device;
        b->entry.index = b->page.cursor = 1000 + (uint64_t)i;
        assert_int_equal(take(b), ST_OK);
        assert_int_equal(says(b, "\"chợ\""), i != GOOD);
        handmade_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_entries_without_a_set),
        CASE(test_an_entry_that_came_before),
        CASE(test_what_is_not_kept_cannot_be_folded),
        CASE(test_decisions_on_what_never_came),
        CASE(test_decisions_whose_line_is_lost),
        CASE(test_a_record_without_its_beginning),
        CASE(test_what_is_held_waits_for_its_decision),
        CASE(test_declined_of_a_person_of_zeros),
        CASE(test_a_reason_for_what_is_not_here),
        CASE(test_a_fork_takes_what_was_carried),
        CASE(test_sets_that_cannot_be_believed),
        CASE(test_a_page_of_a_newer_program),
        CASE(test_an_own_set_with_other_bytes_stays),
        CASE(test_an_own_set_comes_back_without_a_value),
        CASE(test_an_own_sealed_set_and_another_branch),
        CASE(test_a_twin_is_noticed),
        CASE(test_held_sets_of_a_snapshot),
        CASE(test_what_the_office_closed_is_not_written_in),
        CASE(test_what_stands_against_the_office),
        CASE(test_roles_that_may_and_may_not),
        CASE(test_a_set_of_a_newer_format),
        CASE(test_a_form_that_does_not_open),
        CASE(test_who_may_erase),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
