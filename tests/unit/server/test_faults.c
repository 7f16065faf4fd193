/* tests/unit/server/test_faults.c
 * Whatever breaks inside the server while it takes in an officer's work - a page of the book that
 * cannot be read or written, memory that is not there - the work is taken in whole or not at all,
 * never answered with "stored" when it is not, and goes in at the next try. Each scene is tried
 * with its first call failing, then its second, until none is left to fail. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/bounds.h"
#include "server/sync/held.h"
#include "server/sync/incident.h"
#include "server/sync/read.h"
#include "tests/unit/server/broken_book.h"

/* ---- trying a scene with every call failing once ---- */

typedef struct scene {
    rig *r;
    rig_phone an, copy;
    store_slice sets[4];
    size_t count;
    sync_decision decision;
    st_gone gone;
    st_ask ask;
    st_enrol_ask enrol;
    st_repair_ask repair;
    st_repair_evidence shown[2];
    st_range range;
    st_id record, visit, listed[2];
    void (*before)(struct scene *s);   /* makes it; NULL: there is nothing to make */
} scene;

typedef st_err (*act)(scene *s);

static int setup(void **state)
{
    static rig shared;
    memset(&trouble, 0, sizeof trouble);
    rig_open(&shared);
    *state = &shared;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;
    assert_int_equal(rig_verify(r), 0);        /* state == fold of the log, after all of it */
    rig_close(r);
    return 0;
}

static void again(scene *s)
{
    rig *r = s->r;
    void (*before)(scene *s) = s->before;
    if (before == NULL)
        return;
    memset(s, 0, sizeof *s);
    s->r = r;
    s->before = before;
    rig_enrol(r, &s->an, "an");
    before(s);
}

/* Returns at how many places it failed; steps over more and more of them when they are many. */
static uint64_t torment(scene *s, act what, fault kind, bool only_writes, uint64_t patience)
{
    uint64_t places = 0;
    for (uint64_t n = 1;; n += 1 + n / patience) {
        uint64_t size = rig_log_size(s->r);
        arm(kind, n, only_writes);
        st_err err = what(s);
        if (!disarm()) {
            assert_int_equal(err, ST_OK);
            return places;
        }
        places++;
        if (err == ST_OK && kind != BOOK) {    /* done in another way: the check after it counts */
            again(s);
            continue;
        }
        if (err == ST_OK)
            fail_msg("call %d failed and nobody noticed", (int)n);
        if (!is_fitting(kind, err))
            fail_msg("call %d failed, and is called %s", (int)n, st_err_name(err));
        assert_int_equal(rig_log_size(s->r), size);
    }
}

/* ---- what is tried ---- */

static st_err push(scene *s)
{
    sync_request request;
    store_txn txn = { 0 };
    sync_room *room = &s->r->srv.sync;
    sync_request_init(&request, 256u << 20);
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = auth_device_get(&txn, NULL, &s->an.device, &request.device, NULL);
    for (size_t i = 0; err == ST_OK && i < s->count; i++)
        err = sync_request_add(&request, room, &txn, s->sets[i], NULL);
    store_end(&txn);
    request.has_counter = true;
    request.counter = ++s->an.request_counter;
    request.received_ms = s->r->now_ms;
    if (err == ST_OK)
        err = sync_request_submit(&request, s->r->srv.writer, NULL);
    sync_request_free(&request);
    return err;
}

static st_err push_gone(scene *s)
{
    sync_request request;
    sync_request_init(&request, 1 << 20);
    request.device.id = s->an.device;
    request.ask = &s->ask;
    st_err err = sync_request_submit(&request, s->r->srv.writer, NULL);
    sync_request_free(&request);
    return err;
}

/* A repair goes along, with what the device shows of its base. */
static st_err push_repair(scene *s)
{
    sync_request request;
    store_txn txn = { 0 };
    sync_request_init(&request, 64u << 20);
    st_err err = store_begin(s->r->srv.sync.store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = auth_device_get(&txn, NULL, &s->an.device, &request.device, NULL);
    store_end(&txn);
    request.ask = &s->ask;
    request.repairs[0] = &s->repair;
    request.repairs_count = 1;
    request.received_ms = s->r->now_ms;
    if (err == ST_OK)
        err = sync_request_submit(&request, s->r->srv.writer, NULL);
    if (err == ST_OK)
        assert_true(request.repairs_kept[0]);
    sync_request_free(&request);
    return err;
}

static st_err settle(scene *s)
{
    uint32_t count = 0;
    return sync_settle(s->r->srv.writer, &s->decision, &count, NULL);
}

static st_err operate(scene *s)
{
    return rig_edit(s->r, &s->record, NULL, "status", "active");
}

static st_err enrol(scene *s)
{
    st_enrol_answer answer;
    return sync_enrol(s->r->srv.writer, &s->enrol, &s->r->arena, &answer, NULL);
}

static st_err make_code(scene *s)
{
    return sync_code_make(s->r->srv.writer, "an", s->enrol.code, NULL);
}

/* ---- what was before ---- */

static void begin(scene *s)
{
    rig_begin(&s->an, RIG_BUCKET);
}

static void seal(scene *s)
{
    s->sets[s->count++] = rig_seal(&s->an);
}

static void a_visit(scene *s)
{
    begin(s);
    s->visit = rig_visit(&s->an, "gốc");
    st_dot root = { s->an.device, s->an.last + 1 };
    (void)rig_set(&s->an, &s->visit, "general_note", "sửa", &root);
    (void)rig_visit(&s->an, "khác");
    seal(s);
}

/* The device asks for the whole bucket and a record, and shows what it has of that. */
static void prepare_repair(scene *s)
{
    (void)strcpy(s->repair.bucket.s, RIG_BUCKET);
    s->repair.cursor = rig_log_size(s->r);
    s->repair.ranges = &s->range;
    s->repair.ranges_count = 1;
    s->repair.has_vector = true;
    s->listed[0] = s->visit;
    s->repair.records = s->listed;
    s->repair.whole = s->listed;
    s->repair.records_count = s->repair.whole_count = 1;
    s->shown[0] = (st_repair_evidence){ s->visit, (const uint8_t *)"what stood here", 15 };
    s->repair.evidence = s->shown;
    s->repair.evidence_count = 1;
}

static void show_more(scene *s)
{
    s->range.count = 1;                        /* not the first question any more */
    s->shown[1] = (st_repair_evidence){ s->visit, (const uint8_t *)"and here", 8 };
    s->repair.evidence_count = 2;
}

static void a_wrong_base(scene *s)
{
    a_visit(s);
    assert_int_equal(push(s), ST_OK);
    prepare_repair(s);
}

/* It goes on: the incident that was begun has its list and its evidence already. */
static void a_base_that_is_still_wrong(scene *s)
{
    a_wrong_base(s);
    assert_int_equal(push_repair(s), ST_OK);
    show_more(s);
}

static void the_same_again(scene *s)
{
    a_visit(s);
    assert_int_equal(push(s), ST_OK);
}

static void a_record_that_comes_late(scene *s)
{
    begin(s);
    st_id visit = rig_visit(&s->an, "gốc");
    st_dot root = { s->an.device, s->an.last + 1 };
    store_slice first = rig_seal(&s->an);
    begin(s);
    (void)rig_set(&s->an, &visit, "general_note", "sửa", &root);
    (void)rig_set(&s->an, &visit, "place", "chợ", NULL);
    seal(s);
    assert_int_equal(push(s), ST_OK);
    s->sets[0] = first;
}

/* An officer writes the office's field, then his own; a third change is of another record. */
static void what_is_held(scene *s)
{
    a_visit(s);
    assert_int_equal(push(s), ST_OK);
    s->count = 0;
    begin(s);
    st_change *change = rig_change(&s->an, &s->visit);
    (void)rig_op(&s->an, change, "visit", "ratings.m1.accepted_rating", "dat");
    (void)rig_set(&s->an, &s->visit, "place", "sau", NULL);
    (void)rig_visit(&s->an, "tự do");
    seal(s);
}

/* Each try that fails takes a number of its own. */
#define HELD_MOST 10000u

static uint64_t first_held(rig *r)
{
    uint64_t n = 1;
    sync_held held;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    while (n < HELD_MOST && sync_held_get(&txn, n, &held, NULL) != ST_OK)
        n++;
    store_end(&txn);
    assert_true(n < HELD_MOST);
    return n;
}

static void decide(scene *s, bool accept)
{
    s->decision.n = first_held(s->r);
    s->decision.accept = accept;
    s->decision.actor = rig_person(s->r, "office");
    s->decision.reason = "đã xem";
}

static void an_accept(scene *s)
{
    what_is_held(s);
    assert_int_equal(push(s), ST_OK);
    decide(s, true);
}

/* A value too many waits until somebody has settled the difference; then it may go in. */
static void room_for_one_more(scene *s)
{
    static st_dot dots[ST_SIBLINGS_MAX];
    begin(s);
    s->visit = rig_visit(&s->an, "gốc");
    dots[0] = (st_dot){ s->an.device, s->an.last + 1 };
    for (size_t i = 1; i < ST_SIBLINGS_MAX; i++)
        dots[i] = rig_set(&s->an, &s->visit, "general_note", "nữa", NULL);
    seal(s);
    assert_int_equal(push(s), ST_OK);
    begin(s);
    (void)rig_set(&s->an, &s->visit, "general_note", "thứ 65", NULL);
    s->sets[0] = rig_seal(&s->an);
    assert_int_equal(push(s), ST_OK);
    decide(s, true);
    static rig_phone binh;
    rig_enrol(s->r, &binh, "binh");
    rig_begin(&binh, RIG_BUCKET);
    st_op *op = rig_op(&binh, rig_change(&binh, &s->visit), "visit", "general_note", "một");
    op->verb = ST_VERB_RESOLVE;
    op->replaces = dots;
    op->replaces_count = ST_SIBLINGS_MAX;
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
}

static void a_decline(scene *s)
{
    what_is_held(s);
    assert_int_equal(push(s), ST_OK);
    decide(s, false);
}

static void another_branch(scene *s)
{
    a_visit(s);
    assert_int_equal(push(s), ST_OK);
    s->copy = s->an;
    begin(s);
    (void)rig_set(&s->an, &s->visit, "place", "một", NULL);
    seal(s);
    assert_int_equal(push(s), ST_OK);
    uint64_t counter = s->an.request_counter;
    s->an = s->copy;
    s->an.request_counter = counter;
    s->count = 0;
    begin(s);
    (void)rig_set(&s->an, &s->visit, "place", "hai", NULL);
    seal(s);
}

static void the_branch_again(scene *s)
{
    another_branch(s);
    assert_int_equal(push(s), ST_OK);
}

static void a_branch_off_the_list(scene *s)
{
    the_branch_again(s);
    decide(s, false);
}

static void a_gap_given_up(scene *s)
{
    store_slice kept[2];
    for (size_t i = 0; i < 3; i++) {
        begin(s);
        (void)rig_visit(&s->an, "x");
        kept[i / 2] = rig_seal(&s->an);
        if (i != 1)
            s->sets[s->count++] = kept[i / 2];
    }
    assert_int_equal(push(s), ST_OK);
    s->gone.from = s->gone.to = s->an.last - 1;
    s->ask.gone = &s->gone;
    s->ask.gone_count = 1;
}

static void a_suspension_lifted(scene *s)
{
    auth_device device;
    store_txn txn = { 0 };
    store *book = s->r->srv.sync.store;
    assert_int_equal(store_begin(book, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &s->an.device, &device, NULL), ST_OK);
    store_end(&txn);
    s->record = device.record;
    assert_int_equal(rig_edit(s->r, &s->record, NULL, "status", "suspended"), ST_OK);
    a_visit(s);
    assert_int_equal(push(s), ST_OK);
}

static void a_code(scene *s)
{
    s->enrol.version = 1;
}

static void an_enrolment(scene *s)
{
    uint8_t seed[32], public_key[32], secret[64], text[ST_ENROL_SIGN_BYTES];
    rig_random(s->r, seed, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    a_code(s);
    memcpy(s->enrol.sign_key, public_key, 32);
    rig_random(s->r, s->enrol.cosign_key, 32);
    (void)strcpy(s->enrol.label, "máy mới");
    assert_int_equal(make_code(s), ST_OK);
    st_enrol_sign_text(&s->enrol, s->r->srv.keys.log_public, text);
    st_sign(secret, text, sizeof text, s->enrol.proof);
}

static const struct { const char *why; void (*before)(scene *s); act what; } SCENES[] = {
    { "a visit with an edit, and another one", a_visit, push },
    { "the same set again", the_same_again, push },
    { "a record after what was written on it", a_record_that_comes_late, push },
    { "what may not take effect, and what waits behind it", what_is_held, push },
    { "the office lets in", an_accept, settle },
    { "the office lets in what has room again", room_for_one_more, settle },
    { "the office declines", a_decline, settle },
    { "the other branch of a copied phone", another_branch, push },
    { "that branch again", the_branch_again, push },
    { "that branch taken off the list", a_branch_off_the_list, settle },
    { "a gap that is given up", a_gap_given_up, push_gone },
    { "a base that is wrong", a_wrong_base, push_repair },
    { "a base that is still wrong", a_base_that_is_still_wrong, push_repair },
    { "a suspension that is lifted", a_suspension_lifted, operate },
    { "a code for a new phone", a_code, make_code },
    { "a new phone", an_enrolment, enrol },
};

static void run_scenes(rig *r, fault kind, uint64_t patience)
{
    static scene s;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        s.r = r;
        s.before = SCENES[i].before;
        again(&s);
        bool only_writes = kind != PIECE || SCENES[i].what == operate;
        uint64_t places = torment(&s, SCENES[i].what, kind, only_writes, patience);
        print_message("  case: %s: failed at %d places\n", SCENES[i].why, (int)places);
        assert_true(places > 0 || kind != BOOK);
        if (SCENES[i].what == push && s.visit.b[0] != 0)
            assert_string_equal(rig_value(r, &s.visit, "visit_kind", NULL), "kiem_tra");
        /* One list of held changes for each scene. */
        for (int n = 0; n < 9 && SCENES[i].what != make_code; n++) {
            sync_decision decision = { 0, false, rig_person(r, "office"), NULL };
            uint32_t count = 0;
            for (decision.n = 1; decision.n < 100; decision.n++)
                (void)!sync_settle(r->srv.writer, &decision, &count, NULL);
        }
    }
}

static void test_a_book_that_fails_anywhere(void **state)
{
    run_scenes(*state, BOOK, 1000);
}

static void test_memory_that_is_not_there(void **state)
{
    if (MEMORY_IS_WATCHED)
        skip();
    run_scenes(*state, MEMORY, 1000);
}

static void test_a_piece_of_memory_that_is_refused(void **state)
{
    run_scenes(*state, PIECE, 100);
}

/* ---- reading ---- */

static st_err drop_frame(void *context, const st_frame *frame, st_error *error)
{
    size_t *frames = context;
    (*frames)++;
    return frame->kind == ST_FRAME_NONE ? st_fail(error, ST_E_CORRUPT, "test: no frame") : ST_OK;
}

static sync_request answered;

static st_err answer(scene *s)
{
    size_t frames = 0;
    feed_report report;
    const feed_sink sink = { &frames, drop_frame };
    return feed_answer(&s->r->srv.sync, &answered, &sink, &report, NULL);
}

/* The answer to a repair: the ranges of the bucket, and a record with and without its sets. */
static st_err answer_repair(scene *s)
{
    answered.repairs[0] = &s->repair;
    answered.repairs_kept[0] = true;
    answered.repairs_count = 1;
    st_err err = answer(s);
    answered.repairs_count = 0;
    return err;
}

static bool say_nothing(void *context, const char *line)
{
    (void)context;
    (void)line;
    return true;
}

/* What verify finds wrong only because it could not read is an answer too. */
static st_err verify(scene *s)
{
    verify_report report;
    st_err err = sync_verify(&s->r->srv.sync, say_nothing, NULL, &report, NULL);
    return err == ST_OK && report.wrong > 0 ? ST_E_CORRUPT : err;
}

static st_err rebuild(scene *s)
{
    uint64_t entries = 0;
    return sync_rebuild(&s->r->srv.sync, &entries, NULL);
}

/* What an operator or the office reads, in one transaction. */
typedef st_err (*look)(scene *s, store_txn *txn, st_arena *arena);

static st_err look_with(scene *s, look what)
{
    st_arena arena;
    store_txn txn = { 0 };
    st_arena_init(&arena, 64u << 20);
    st_err err = store_begin(s->r->srv.sync.store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = what(s, &txn, &arena);
    store_end(&txn);
    st_arena_reset(&arena);
    return err;
}

static bool one_incident(void *context, const sync_incident *incident)
{
    *(size_t *)context += incident->evidence_count;
    return true;
}

static st_err look_incidents(scene *s, store_txn *txn, st_arena *arena)
{
    size_t shown = 0;
    (void)s;
    (void)arena;
    st_err err = sync_incident_each(txn, one_incident, &shown, NULL);
    if (err == ST_OK)
        assert_int_equal(shown, 2);
    return err;
}

static st_err show_incidents(scene *s)
{
    return look_with(s, look_incidents);
}

/* A name or a moment that cannot be read is not one that is not there. */
static st_err look_record(scene *s, store_txn *txn, st_arena *arena)
{
    st_record record;
    st_vector vector;
    st_buffer out;
    sync_directory names;
    sync_moments moments;
    sync_unread unread = { .failed = { ST_OK, "" } };
    sync_directory_init(&names, &s->r->srv.sync, txn, arena, &unread);
    sync_moments_begin(&moments, txn, &unread);
    const st_show_how how = { .lang = "vi", .directory = &names.directory,
                              .moments = &moments.moments };
    st_buffer_init(&out, 1u << 20);
    st_err err = sync_record_get(txn, &s->visit, arena, &record, &vector, NULL);
    const st_form *form = err == ST_OK ? sync_record_form(&s->r->srv.sync, &record) : NULL;
    if (err == ST_OK)
        err = st_show_text(form, &record, &how, &out, NULL);
    if (err == ST_OK)
        err = st_show_json(form, &record, &how, &out, NULL);
    if (err == ST_OK)
        err = sync_check_unread(&unread, "a name or a moment", NULL);
    sync_moments_end(&moments);
    st_buffer_free(&out);
    return err;
}

static st_err show_record(scene *s)
{
    return look_with(s, look_record);
}

static bool one_line(void *context, const st_history_item *item)
{
    *(size_t *)context += item->change != NULL && item->verdict != NULL ? 1 : 0;
    return true;
}

static st_err look_history(scene *s, store_txn *txn, st_arena *arena)
{
    size_t count = 0;
    (void)arena;
    st_err err = sync_history_each(&s->r->srv.sync, txn, &s->visit, one_line, &count, NULL);
    if (err == ST_OK)
        assert_int_equal(count, 4);
    return err;
}

static st_err show_history(scene *s)
{
    return look_with(s, look_history);
}

static bool one_row(void *context, const st_row *row)
{
    *(size_t *)context += row->title != NULL ? 1 : 0;
    return true;
}

static bool one_device(void *context, const sync_device *device)
{
    *(size_t *)context += device->login.s[0] != '\0' ? 1 : 0;
    return true;
}

static st_err look_lists(scene *s, store_txn *txn, st_arena *arena)
{
    const sync_filter all = { NULL, NULL, NULL, NULL, false };
    sync_stat stat;
    size_t rows = 0, devices = 0;
    sync_unread unread = { .failed = { ST_OK, "" } };
    (void)s;
    (void)arena;
    st_err err = sync_row_each(txn, &all, one_row, &rows, NULL);
    if (err == ST_OK)
        err = sync_device_each(txn, one_device, &devices, &unread, NULL);
    if (err == ST_OK)
        err = sync_check_unread(&unread, "a login", NULL);
    if (err == ST_OK)
        err = sync_stat_get(txn, &stat, NULL);
    if (err == ST_OK)
        assert_true(rows == stat.records && devices > 0);
    return err;
}

static st_err show_lists(scene *s)
{
    return look_with(s, look_lists);
}

typedef struct {
    scene *s;
    store_txn *txn;
    st_err err;
} held_walk;

static bool one_held(void *context, const sync_held *held)
{
    held_walk *walk = context;
    char detail[ST_FORM_DETAIL_BYTES];
    walk->err = sync_held_detail(&walk->s->r->srv.sync, walk->txn, held, detail, NULL);
    return walk->err == ST_OK;
}

static st_err look_held(scene *s, store_txn *txn, st_arena *arena)
{
    held_walk walk = { s, txn, ST_OK };
    uint64_t count = 0;
    bool any = false;
    (void)arena;
    st_err err = sync_held_each(txn, one_held, &walk, NULL);
    if (err == ST_OK)
        err = walk.err;
    if (err == ST_OK)
        err = sync_held_any(txn, &s->visit, &any, NULL);
    if (err == ST_OK)
        err = sync_held_count(txn, &count, NULL);
    if (err == ST_OK)
        assert_true(any && count > 0);
    return err;
}

static st_err show_held(scene *s)
{
    return look_with(s, look_held);
}

/* The set that the device's next stream leans on. */
static st_err look_base(scene *s, store_txn *txn, st_arena *arena)
{
    st_buffer base;
    uint8_t check[4];
    (void)arena;
    st_buffer_init(&base, 2 * ST_BASE_BYTES_MAX);
    st_err err = sync_request_base(txn, &s->an.device, &base, check, NULL);
    if (err == ST_OK)
        assert_true(base.len > sizeof(st_hash));
    st_buffer_free(&base);
    return err;
}

static st_err show_base(scene *s)
{
    return look_with(s, look_base);
}

static void test_reading_fails_anywhere(void **state)
{
    static const struct { const char *why; act what; uint64_t patience; } CASES[] = {
        { "the feed", answer, 40 },       { "verify", verify, 6 },
        { "rebuild", rebuild, 10 },       { "a record", show_record, 100 },
        { "its history", show_history, 100 }, { "lists", show_lists, 20 },
        { "what is held", show_held, 100 }, { "what a stream leans on", show_base, 100 },
        { "a repair", answer_repair, 40 }, { "incidents", show_incidents, 100 },
    };
    static const fault KINDS[] = { BOOK, PIECE, MEMORY };
    static scene s;
    memset(&s, 0, sizeof s);
    s.r = *state;
    rig_enrol(s.r, &s.an, "an");
    what_is_held(&s);
    assert_int_equal(rig_push(&s.an, &answered, s.sets, s.count), ST_OK);
    prepare_repair(&s);
    assert_int_equal(push_repair(&s), ST_OK);
    show_more(&s);
    assert_int_equal(push_repair(&s), ST_OK);
    s.range.count = 0;
    s.ask.version = 1;
    s.ask.scope_rev = 1;
    answered.ask = &s.ask;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        for (int k = 0; k < (MEMORY_IS_WATCHED ? 2 : 3); k++) {
            uint64_t places = torment(&s, CASES[i].what, KINDS[k], false, CASES[i].patience);
            print_message("  case: %s: failed at %d places\n", CASES[i].why, (int)places);
            assert_true(places > 0 || KINDS[k] != BOOK);
        }
    sync_request_free(&answered);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_book_that_fails_anywhere),
        CASE(test_memory_that_is_not_there),
        CASE(test_a_piece_of_memory_that_is_refused),
        CASE(test_reading_fails_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
