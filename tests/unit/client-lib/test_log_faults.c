/* tests/unit/client-lib/test_log_faults.c
 * What the log brings and what becomes of a bucket that is lost, in whatever step the phone has no
 * memory or its store fails: pages with changes, decisions, reasons, erasures and forks; a record
 * made anew; a new epoch; sets that are sealed and opened again. Each time it says so and the store
 * is as before, or all of it is done. */
#include "client-lib/src/apply.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/exchange.h"
#include "proto/epoch.h"
#include "tests/unit/client-lib/handmade.h"
#include "tests/unit/client-lib/trial.h"

#define CATALOGUE   EDGE_COMMUNE "/catalogue"
#define ENTRIES_MAX 4u
#define FAR         UINT64_C(1000) /* an entry beyond all that the edge has */
#define FEW         16u            /* of many, until there is time */

struct bench {
    trial on;
    edge *e;
    phone an, binh;
    sotay_id visit;    /* an's, in the log; a change of it is held, another one in no page */
    handmade h;        /* a visit of nobody's phone: its set is kept, nothing is folded */
    handmade ruling;   /* the server's own: an erasure of what h says */
    stored_row theirs; /* binh's newest set, that never was sent */
    st_set theirs_set;
    outbox_set sent, told; /* own ones: in the log, and said to be held there; no page had that */
    st_arena arena;
    st_entry entries[ENTRIES_MAX];
};

/* ---- the store ---- */

static void take_theirs(bench *b)
{
    static stored_row row;
    const uint8_t *device = b->binh.client->me.device.b;
    uint64_t newest = 0;
    rows_seal(&b->binh);
    for (size_t i = 0; rows_get(&b->binh, BOOK_SET, i, &row); i++)
        if (memcmp(row.key.b + 1, device, 16) == 0 && st_get_u64(row.key.b + 17) > newest) {
            newest = st_get_u64(row.key.b + 17);
            b->theirs = row;
        }
    assert_int_equal(st_set_decode(b->theirs.data, b->theirs.len, &b->arena, &b->theirs_set, NULL),
                     ST_OK);
}

static void make_visit(bench *b)
{
    handmade_open(&b->h, 0xd1, EDGE_UNIT_BUCKET);
    handmade_begin(&b->h);
    handmade_text(&b->h, EDGE_NOTE, "bí mật");
    handmade_end(&b->h, 0);
    handmade_keep_set(&b->h, &b->an);
}

/* As the server's own device says it, in the catalogue. */
static void make_ruling(bench *b)
{
    handmade *r = &b->ruling;
    static st_buffer targets;
    st_erasure one;
    memset(&one, 0, sizeof one);
    one.dot = b->h.set.changes[0].dot;
    one.first = b->h.set.first;
    one.set = b->h.set.hash;
    assert_int_equal(
        st_set_place(b->h.bytes.data, b->h.bytes.len, (st_set_value){ 0, 0 }, &one.place, NULL),
        ST_OK);
    one.path_len = st_path_encode(&b->h.set.changes[0].ops[0].path, one.path);
    handmade_open(r, 0, CATALOGUE);
    r->device = b->an.client->me.server_device;
    st_buffer_init(&targets, 65536);
    assert_int_equal(st_erasures_encode(&one, 1, &targets, NULL), ST_OK);
    handmade_begin(r);
    r->change.record = r->id;
    assert_true(st_code_set(&r->change.form, ST_ERASURE_FORM, strlen(ST_ERASURE_FORM)));
    handmade_value(r, ST_ERASURE_ABOUT, ST_VALUE_ID, b->h.id.b, sizeof b->h.id.b);
    handmade_value(r, ST_ERASURE_TARGETS, ST_VALUE_BYTES, targets.data, targets.len);
    handmade_end(r, 0);
    handmade_keep_set(r, &b->an);
    st_buffer_free(&targets);
}

/* The verdict on an own set comes before its page. */
static void hear_of(phone *p, outbox_set *own)
{
    const outbox_helds all = { NULL, 0 };
    own->status = OUTBOX_HELD;
    own->position = 1;
    own->hold = ST_HOLD_SCOPE;
    assert_int_equal(client_begin(p->client, true, NULL), ST_OK);
    assert_int_equal(outbox_settle(p->client, own, NULL, all, NULL), ST_OK);
    assert_int_equal(client_commit(p->client, NULL), ST_OK);
}

static int bench_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    st_arena_init(&b.arena, (size_t)64 << 20);
    b.e = phone_pair(&b.an, &b.binh);
    b.visit = phone_visit(&b.an, "chợ");
    (void)phone_visit(&b.binh, "trạm");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(edge_sync(b.e, b.binh.client, NULL, NULL), SOTAY_OK);
    }
    b.e->hold_next = ST_HOLD_ROLE;
    assert_int_equal(phone_set(&b.an, &b.visit, "general_note", "bị giữ"), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    b.e->hold_next = ST_HOLD_NONE;
    assert_int_equal(phone_set(&b.an, &b.visit, "place", "chưa gửi"), SOTAY_OK);
    rows_seal(&b.an);
    (void)phone_visit(&b.binh, "chưa gửi");
    take_theirs(&b);
    make_visit(&b);
    make_ruling(&b);
    trial_find_own(&b.an, &b.sent, &b.told);
    hear_of(&b.an, &b.told);
    b.on.from = &b.an;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    handmade_close(&b->h);
    handmade_close(&b->ruling);
    phone_part(b->e, &b->an, &b->binh);
    st_arena_reset(&b->arena);
    return 0;
}

/* ---- pages ---- */

/* The n-th entry of the page, about a set that is kept here. */
static st_entry *entry_of(bench *b, uint32_t n, st_entry_kind kind, const st_set *set)
{
    st_entry *entry = &b->entries[n];
    memset(entry, 0, sizeof *entry);
    entry->kind = kind;
    entry->index = FAR + n;
    entry->time_ms = PHONE_WALL_MS;
    entry->device = set->device;
    entry->first = set->first;
    entry->last = st_set_last(set);
    return entry;
}

/* The same with the set beside it. */
static st_entry *bring(bench *b, uint32_t n, st_entry_kind kind)
{
    st_entry *entry = entry_of(b, n, kind, &b->theirs_set);
    memset(&entry->device, 0, sizeof entry->device);
    entry->first = entry->last = 0;
    entry->set = b->theirs.data;
    entry->set_len = b->theirs.len;
    return entry;
}

static st_page page_of(bench *b, const char *bucket, uint32_t count)
{
    st_page page;
    memset(&page, 0, sizeof page);
    assert_true(st_bucket_set(&page.bucket, bucket, strlen(bucket)));
    page.entries = b->entries;
    page.entries_count = count;
    page.cursor = FAR + count;
    page.fold_version = 1;
    return page;
}

static st_err take_page(bench *b, const st_page *page, st_error *error)
{
    apply_report report;
    memset(&report, 0, sizeof report);
    st_err err = apply_page(b->on.copy.client, page, &report, error);
    if (err == ST_OK)
        assert_true(report.moved != (page->fold_version > 1));
    return err;
}

static st_err a_set_comes(bench *b, st_error *error)
{
    st_entry *entry = bring(b, 0, ST_ENTRY_CHANGE);
    const st_page page = page_of(b, EDGE_UNIT_BUCKET, 1);
    entry->has_carrier = true;
    entry->carrier = b->e->devices[1].id;
    return take_page(b, &page, error);
}

/* It is held, for another reason, and let in. */
static st_err it_is_decided(bench *b, st_entry_kind decision, st_error *error)
{
    const st_held scope = { 1, ST_HOLD_SCOPE }, role = { 1, ST_HOLD_ROLE };
    static const uint64_t ONE = 1;
    st_entry *entry = entry_of(b, 0, ST_ENTRY_CHANGE, &b->h.set);
    entry->held = &scope;
    entry->held_count = 1;
    entry = entry_of(b, 1, ST_ENTRY_HOLD, &b->h.set);
    entry->held = &role;
    entry->held_count = 1;
    entry = entry_of(b, 2, decision, &b->h.set);
    entry->counters = &ONE;
    entry->counters_count = 1;
    const st_page page = page_of(b, EDGE_UNIT_BUCKET, 3);
    return take_page(b, &page, error);
}

static st_err it_is_accepted(bench *b, st_error *error)
{
    return it_is_decided(b, ST_ENTRY_ACCEPT, error);
}

static st_err it_is_declined(bench *b, st_error *error)
{
    return it_is_decided(b, ST_ENTRY_DECLINE, error);
}

/* An own set, held first, then for another reason, then let in: its author is told. */
static st_err an_own_set_is_decided(bench *b, st_error *error)
{
    const uint64_t counter = b->told.first;
    const st_held scope = { counter, ST_HOLD_SCOPE }, role = { counter, ST_HOLD_ROLE };
    const st_set own = { .device = b->told.device, .first = counter, .changes_count = 1 };
    st_entry *entry = entry_of(b, 0, ST_ENTRY_CHANGE, &own);
    entry->held = &scope;
    entry->held_count = 1;
    entry = entry_of(b, 1, ST_ENTRY_HOLD, &own);
    entry->held = &role;
    entry->held_count = 1;
    entry = entry_of(b, 2, ST_ENTRY_VERDICT, &own);
    entry->counters = &counter;
    entry->counters_count = 1;
    const st_page page = page_of(b, EDGE_UNIT_BUCKET, 3);
    return take_page(b, &page, error);
}

/* What is carried by hand, and then called a fork. */
static st_err a_fork(bench *b, st_error *error)
{
    bool is_new = false;
    (void)bring(b, 0, ST_ENTRY_FORK);
    const st_page page = page_of(b, EDGE_UNIT_BUCKET, 1);
    st_err err = carried_take_set(b->on.copy.client, b->theirs.data, b->theirs.len, &is_new, error);
    return err == ST_OK ? take_page(b, &page, error) : err;
}

static st_err an_erasure(bench *b, st_error *error)
{
    (void)entry_of(b, 0, ST_ENTRY_CHANGE, &b->ruling.set);
    const st_page page = page_of(b, CATALOGUE, 1);
    return take_page(b, &page, error);
}

static st_err the_bucket_begins_anew(bench *b, st_error *error)
{
    (void)entry_of(b, 0, ST_ENTRY_CHANGE, &b->h.set);
    st_page page = page_of(b, EDGE_UNIT_BUCKET, 1);
    page.reset = true;
    return take_page(b, &page, error);
}

static st_err a_page_too_new(bench *b, st_error *error)
{
    st_page page = page_of(b, EDGE_UNIT_BUCKET, 0);
    page.fold_version = 2;
    return take_page(b, &page, error);
}

/* The catalogue waits for a newer program, and only there the author of the last set is named. */
static st_err a_page_is_left(bench *b, st_error *error)
{
    st_bucket catalogue;
    bucket_state at;
    bool leaves = false;
    sotay_client *client = b->on.copy.client;
    st_page page = page_of(b, EDGE_UNIT_BUCKET, 4);
    (void)entry_of(b, 0, ST_ENTRY_HOLD, &b->theirs_set);
    (void)bring(b, 1, ST_ENTRY_CHANGE);
    for (uint32_t i = 2; i < 4; i++)
        (void)entry_of(b, i, ST_ENTRY_CHANGE, &b->h.set);
    b->entries[2].set = b->h.bytes.data; /* not all of it: that is found out elsewhere */
    b->entries[2].set_len = b->h.bytes.len - 1;
    b->entries[3].set = b->h.bytes.data;
    b->entries[3].set_len = b->h.bytes.len;
    bucket_catalogue(client, &catalogue);
    st_err err = bucket_get(&client->book, &catalogue, &at, error);
    at.too_new = true;
    if (err == ST_OK)
        err = bucket_put(&client->book, &catalogue, &at, error);
    if (err == ST_OK)
        err = apply_leaves(client, &page, &leaves, error);
    if (err == ST_OK)
        assert_true(leaves);
    return err;
}

static void test_pages(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set comes with a carrier's name", .what = a_set_comes, .patience = FEW },
        { .why = "what is held is accepted", .what = it_is_accepted, .patience = FEW },
        { .why = "what is held is declined", .what = it_is_declined, .patience = FEW },
        { .why = "an own set is decided on", .what = an_own_set_is_decided, .patience = FEW },
        { .why = "what was carried is a fork", .what = a_fork, .patience = FEW },
        { .why = "a value is erased", .what = an_erasure, .patience = FEW },
        { .why = "a bucket begins anew", .what = the_bucket_begins_anew, .patience = FEW },
        { .why = "a page is too new", .what = a_page_too_new, .patience = FEW },
        { .why = "a page is left", .what = a_page_is_left, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- one record, sets that wait, the scope ---- */

static st_err anew(bench *b, const st_id *record, uint32_t entries, st_error *error)
{
    apply_anew wish = { .record = *record, .entries = b->entries, .entries_count = entries };
    assert_true(st_bucket_set(&wish.bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    bool owes = false;
    return apply_record_anew(b->on.copy.client, &wish, &owes, error);
}

/* With entries about other records among its own: a change, a reason, a decision. */
static st_err a_record_is_made_anew(bench *b, st_error *error)
{
    const uint64_t counter = b->told.first;
    const st_held role = { counter, ST_HOLD_ROLE };
    const st_set own = { .device = b->told.device, .first = counter, .changes_count = 1 };
    (void)entry_of(b, 0, ST_ENTRY_CHANGE, &b->h.set);
    (void)bring(b, 1, ST_ENTRY_CHANGE);
    st_entry *entry = entry_of(b, 2, ST_ENTRY_HOLD, &own);
    entry->held = &role;
    entry->held_count = 1;
    entry = entry_of(b, 3, ST_ENTRY_ACCEPT, &own);
    entry->counters = &counter;
    entry->counters_count = 1;
    return anew(b, &b->h.id, 4, error);
}

static st_err a_record_is_dropped(bench *b, st_error *error)
{
    st_id id = phone_id(&b->visit);
    return anew(b, &id, 0, error);
}

static st_err sets_wait_in_a_snapshot(bench *b, st_error *error)
{
    const st_held theirs = { b->theirs_set.first, ST_HOLD_SCOPE };
    const st_held own = { b->told.first, ST_HOLD_ROLE };
    const st_set told = { .device = b->told.device,
                          .first = b->told.first,
                          .changes_count = 1 };
    st_bucket bucket;
    st_entry *entry = bring(b, 0, ST_ENTRY_CHANGE);
    entry->held = &theirs;
    entry->held_count = 1;
    entry = entry_of(b, 1, ST_ENTRY_CHANGE, &told);
    entry->held = &own;
    entry->held_count = 1;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    return apply_held(b->on.copy.client, &bucket, b->entries, 2, error);
}

/* The unit goes, another one comes. */
static st_err the_scope_changes(bench *b, st_error *error)
{
    static const char *const NAMES[] = { CATALOGUE, EDGE_COMMUNE "/unit/b" };
    st_bucket buckets[2];
    const st_role role = ST_ROLE_OFFICER;
    bool lost = false;
    for (size_t i = 0; i < 2; i++)
        assert_true(st_bucket_set(&buckets[i], NAMES[i], strlen(NAMES[i])));
    const st_scope scope = {
        .rev = 77, .buckets = buckets, .buckets_count = 2, .roles = &role, .roles_count = 1
    };
    st_err err = apply_scope(b->on.copy.client, &scope, &lost, error);
    if (err == ST_OK)
        assert_true(lost);
    return err;
}

static st_err all_is_read_anew(bench *b, st_error *error)
{
    return apply_forget_all(b->on.copy.client, error);
}

static void test_records_sets_and_the_scope(void **state)
{
    static const scene SCENES[] = {
        { .why = "a record is made anew", .what = a_record_is_made_anew, .patience = FEW },
        { .why = "a record is dropped", .what = a_record_is_dropped, .patience = FEW },
        { .why = "sets wait in a snapshot", .what = sets_wait_in_a_snapshot, .patience = FEW },
        { .why = "the scope changes", .what = the_scope_changes, .patience = FEW },
        { .why = "all is read anew", .what = all_is_read_anew, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- what only a state says ---- */

/* A record that is too large to travel, of which the log has all but the last words. */
static void put_large(bench *b)
{
    static uint8_t bytes[60000];
    memset(bytes, 7, sizeof bytes);
    for (uint16_t i = 0; i < 6; i++) {
        if (i % 3 == 0)
            handmade_begin(&b->h);
        handmade_value(&b->h, (uint16_t)(200 + i), ST_VALUE_BYTES, bytes, sizeof bytes);
        if (i % 3 == 2)
            handmade_end(&b->h, 2);
    }
    handmade_begin(&b->h);
    handmade_text(&b->h, EDGE_NOTE, "chỉ còn ở đây");
    handmade_end(&b->h, 90);
    for (size_t i = 0; i + 1 < b->h.record.metas_count; i++)
        b->h.record.metas[i].log_index = 2 + i;
    handmade_put_base(&b->h, &b->an);
}

static st_err a_large_record_is_set_aside(bench *b, st_error *error)
{
    return evidence_set_aside(b->on.copy.client, &b->h.id, &b->h.bucket, 50, error);
}

static void test_what_only_a_state_says(void **state)
{
    static const scene SCENES[] = {
        { .why = "a large record is set aside", .what = a_large_record_is_set_aside,
          .patience = FEW },
    };
    bench *b = *state;
    put_large(b);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- sealed sets, epochs ---- */

static st_err close_unit(bench *b, st_error *error)
{
    st_bucket bucket;
    uint64_t kept = 0;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    st_err err = apply_forget(b->on.copy.client, &bucket, error);
    if (err == ST_OK)
        err = closed_bucket(b->on.copy.client, &bucket, FAR, &kept, error);
    if (err == ST_OK)
        assert_int_equal(kept, 1);
    return err;
}

/* Sealed, told where it lies, not known to be there any more, and read again. */
static st_err a_set_is_sealed_and_opened(bench *b, st_error *error)
{
    sotay_client *client = b->on.copy.client;
    const outbox_set *own = &b->sent;
    st_err err = close_unit(b, error);
    if (err == ST_OK)
        err = closed_settle(client, &own->device, own->first, own->position + 1, error);
    if (err == ST_OK)
        err = closed_turn(client, own->position, error);
    return err == ST_OK ? closed_open(client, &own->device, own->first, error) : err;
}

/* Nothing sealed is left, once a backup has it. */
static st_err sealed_sets_are_covered(bench *b, st_error *error)
{
    sotay_client *client = b->on.copy.client;
    st_err err = close_unit(b, error);
    client->next.backed_up_to = 2 * FAR;
    return err == ST_OK ? closed_cover(client, error) : err;
}

static st_err a_set_is_sealed_late(bench *b, st_error *error)
{
    outbox_set own = b->sent;
    return closed_own(b->on.copy.client, &own, error);
}

/* The log ends long before all that was read; what was sealed before is offered again, too. */
static st_err a_new_epoch(bench *b, st_error *error)
{
    uint8_t secret[64], key[32], text[ST_EPOCH_SIGN_BYTES];
    st_epoch rows[2] = { { .n = 2, .epoch = { 1 }, .cut = 3, .server_key = { 1 } },
                         { .n = 3, .epoch = { 2 }, .cut = 1, .server_key = { 2 } } };
    st_sign_keypair(b->e->log_seed, key, secret);
    for (size_t i = 0; i < 2; i++) {
        st_epoch_sign_text(&b->e->log, &rows[i], text);
        st_sign(secret, text, sizeof text, rows[i].signature);
    }
    st_err err = a_set_is_sealed_late(b, error);
    if (err == ST_OK)
        err = epoch_take(b->on.sync, rows, 2, error);
    if (err == ST_OK)
        assert_true(b->on.sync->wants_again);
    return err;
}

static st_err the_log_is_shorter(bench *b, st_error *error)
{
    const st_end end = { .position = 2 };
    b->on.sync->has_turned = false;
    b->on.copy.client->next.position = 0; /* what each bucket says counts */
    return epoch_check_end(b->on.sync, &end, error);
}

static st_err the_enrolment_is_looked_up(bench *b, st_error *error)
{
    st_dot at;
    const book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = epoch_next_enrolment(b->on.copy.client, &scan, &at, error);
    if (err == ST_OK)
        assert_memory_equal(at.device.b, b->e->devices[0].id.b, sizeof at.device.b);
    return err;
}

static void test_sealed_sets_and_epochs(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set is sealed and opened again",
          .what = a_set_is_sealed_and_opened,
          .patience = FEW },
        { .why = "sealed sets are covered", .what = sealed_sets_are_covered, .patience = FEW },
        { .why = "a set is sealed late", .what = a_set_is_sealed_late, .patience = FEW },
        { .why = "a new epoch", .what = a_new_epoch, .patience = FEW, .in_sync = true },
        { .why = "a log that is shorter",
          .what = the_log_is_shorter,
          .patience = FEW,
          .in_sync = true },
        { .why = "the own enrolment",
          .what = the_enrolment_is_looked_up,
          .patience = FEW,
          .only_reads = true },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pages),
        CASE(test_records_sets_and_the_scope),
        CASE(test_what_only_a_state_says),
        CASE(test_sealed_sets_and_epochs),
    };
    return cmocka_run_group_tests_name("log faults", tests, NULL, NULL);
}
