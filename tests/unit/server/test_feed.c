/* tests/unit/server/test_feed.c
 * A phone that folds what it is sent has what the office has, whether it asks every hour or once
 * a year, in one answer or in many; when nothing is new it gets nothing; and it never gets what it
 * may not read. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/held.h"
#include "server/sync/repair.h"

/* ---- a replica as small as it can be ---- */

typedef struct {
    st_bucket bucket;
    uint64_t cursor;
    st_vector vector;
    st_record *records[512];
    size_t count;
    st_set *sets[512];         /* all it ever got, to find what a decision names */
    size_t sets_count;
} shelf;

typedef struct {
    rig *r;
    rig_phone *phone;
    st_ask ask;
    st_bucket_ask asks[16];
    shelf shelves[16];
    size_t shelves_count;
    uint64_t scope_rev, position;
    size_t pages, entries, references, wants, verdicts, scopes, ends, repairs, epochs;
    st_repair_answer repair;
    bool more, reset, damaged, is_foreign;
    st_want want;
    const store_slice *kept;   /* own sets, for references */
    size_t kept_count;
} replica;

static shelf *shelf_of(replica *p, const st_bucket *bucket)
{
    for (size_t i = 0; i < p->shelves_count; i++)
        if (strcmp(p->shelves[i].bucket.s, bucket->s) == 0)
            return &p->shelves[i];
    assert_true(p->shelves_count < 16);
    shelf *s = &p->shelves[p->shelves_count++];
    memset(s, 0, sizeof *s);
    s->bucket = *bucket;
    st_vector_init(&s->vector, &p->r->arena);
    return s;
}

static st_record *record_of(replica *p, shelf *s, const st_id *id)
{
    for (size_t i = 0; i < s->count; i++)
        if (st_id_cmp(&s->records[i]->id, id) == 0)
            return s->records[i];
    assert_true(s->count < 512);
    st_record *record = st_arena_get(&p->r->arena, sizeof *record);
    assert_non_null(record);
    st_record_init(record, &p->r->arena, id, &s->bucket);
    s->records[s->count++] = record;
    return record;
}

static void fold(replica *p, shelf *s, const st_change *change, st_fold kind)
{
    st_arrival what;
    memset(&what, 0, sizeof what);
    assert_int_equal(st_merge_fold(&s->vector, record_of(p, s, &change->record), change, &what,
                                   (st_fold_how){ kind, true }), ST_OK);
}

static bool is_held(const st_entry *entry, uint64_t counter)
{
    for (uint32_t i = 0; i < entry->held_count; i++)
        if (entry->held[i].counter == counter)
            return true;
    return false;
}

static void fold_set(replica *p, shelf *s, const st_entry *entry, const uint8_t *bytes, size_t len)
{
    st_set *set = st_arena_get(&p->r->arena, sizeof *set);
    const uint8_t *copy = st_arena_copy(&p->r->arena, bytes, len);
    assert_int_equal(st_set_decode(copy, len, &p->r->arena, set, NULL), ST_OK);
    assert_true(s->sets_count < 512);
    s->sets[s->sets_count++] = set;
    for (uint32_t i = 0; i < set->changes_count && entry->kind != ST_ENTRY_FORK; i++)
        fold(p, s, &set->changes[i],
             is_held(entry, set->changes[i].dot.counter) ? ST_FOLD_HOLD : ST_FOLD_APPLY);
}

static void fold_decision(replica *p, shelf *s, const st_entry *entry)
{
    for (uint32_t c = 0; c < entry->counters_count; c++)
        for (size_t i = 0; i < s->sets_count; i++) {
            const st_set *set = s->sets[i];
            if (st_id_cmp(&set->device, &entry->device) == 0 && set->first <= entry->counters[c]
                && st_set_last(set) >= entry->counters[c])
                fold(p, s, &set->changes[entry->counters[c] - set->first],
                     entry->kind == ST_ENTRY_DECLINE ? ST_FOLD_DECLINE : ST_FOLD_APPLY);
        }
}

static void fold_entry(replica *p, shelf *s, const st_entry *entry)
{
    p->entries++;
    if (entry->set != NULL) {
        fold_set(p, s, entry, entry->set, entry->set_len);
    } else if (entry->counters_count > 0) {
        fold_decision(p, s, entry);
    } else if (entry->kind == ST_ENTRY_CHANGE) {
        p->references++;
        st_set set;
        for (size_t i = 0; i < p->kept_count; i++)
            if (st_set_decode(p->kept[i].data, p->kept[i].len, &p->r->arena, &set, NULL) == ST_OK
                && set.first == entry->first)
                fold_set(p, s, entry, p->kept[i].data, p->kept[i].len);
    }
}

static st_sum sum_of(const shelf *s)
{
    st_sum sum;
    memset(&sum, 0, sizeof sum);
    for (size_t i = 0; i < s->count; i++) {
        st_sum one = st_record_sum(s->records[i]);
        st_sum_add(&sum, &one);
    }
    return sum;
}

static void take_page(replica *p, const st_page *page)
{
    shelf *s = shelf_of(p, &page->bucket);
    p->pages++;
    if (page->reset) {
        p->reset = true;
        s->count = s->sets_count = 0;
        s->cursor = 0;
        st_vector_init(&s->vector, &p->r->arena);
    }
    for (uint32_t i = 0; i < page->entries_count; i++) {
        assert_true(page->entries[i].index > s->cursor);
        s->cursor = page->entries[i].index;
        fold_entry(p, s, &page->entries[i]);
    }
    assert_true(page->cursor >= s->cursor);
    s->cursor = page->cursor;
    if (page->last) {
        st_sum sum = sum_of(s);
        p->damaged = memcmp(&sum, &page->sum, sizeof sum) != 0;
    }
}

/* Every frame goes over the wire form, as between the programs. */
static st_err take_frame(void *context, const st_frame *sent, st_error *error)
{
    replica *p = context;
    st_buffer bytes;
    st_frame frame;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(sent, &bytes, error), ST_OK);
    const uint8_t *copy = st_arena_copy(&p->r->arena, bytes.data, bytes.len);
    assert_int_equal(st_frame_decode(copy, bytes.len, &p->r->arena, &frame, error), ST_OK);
    st_buffer_free(&bytes);
    assert_int_equal(p->ends, 0);              /* nothing after the end */
    switch (frame.kind) {
    case ST_FRAME_VERDICT:
        p->verdicts++;
        break;
    case ST_FRAME_WANT:
        p->wants++;
        p->want = frame.as.want;
        break;
    case ST_FRAME_SCOPE:
        p->scopes++;
        p->scope_rev = frame.as.scope.rev;
        for (uint32_t i = 0; i < frame.as.scope.buckets_count; i++)
            (void)shelf_of(p, &frame.as.scope.buckets[i]);
        break;
    case ST_FRAME_PAGE:
        take_page(p, &frame.as.page);
        break;
    case ST_FRAME_EPOCHS:
        p->epochs = frame.as.epochs.count;
        break;
    case ST_FRAME_REPAIR_ANSWER:
        p->repairs++;
        p->repair = frame.as.repair_answer;
        break;
    default:
        assert_int_equal(frame.kind, ST_FRAME_END);
        p->ends++;
        p->more = frame.as.end.more;
        p->position = frame.as.end.position;
    }
    return ST_OK;
}

/* One request with no sets; what came stands in *p. */
static void ask_once(replica *p, bool collapsed)
{
    sync_request request;
    store_txn txn = { 0 };
    feed_report report;
    st_bucket_sum sums[16];
    st_error error = { 0 };
    feed_sink sink = { p, take_frame };
    p->pages = p->entries = p->references = p->wants = p->verdicts = p->scopes = p->ends = 0;
    p->epochs = 0;
    p->reset = p->damaged = false;
    p->ask.version = 1;
    p->ask.has_epoch = true;
    memcpy(p->ask.epoch, p->r->srv.sync.epoch, 8);
    p->ask.epoch[0] ^= p->is_foreign ? 1 : 0;
    p->ask.scope_rev = p->scope_rev;
    p->ask.is_collapsed = collapsed;
    p->ask.buckets = p->asks;
    p->ask.buckets_count = collapsed ? 0 : (uint32_t)p->shelves_count;
    p->ask.position = collapsed ? p->position : 0;
    for (size_t i = 0; i < p->shelves_count; i++) {
        p->asks[i].bucket = sums[i].bucket = p->shelves[i].bucket;
        p->asks[i].cursor = p->shelves[i].cursor;
        p->asks[i].sum = sums[i].sum = sum_of(&p->shelves[i]);
    }
    for (size_t i = 0; i + 1 < p->shelves_count; i++)   /* two shelves at most are out of order */
        if (strcmp(sums[i].bucket.s, sums[i + 1].bucket.s) > 0) {
            st_bucket_sum swap = sums[i];
            sums[i] = sums[i + 1];
            sums[i + 1] = swap;
        }
    if (collapsed)
        st_sync_collapse(sums, p->shelves_count, p->ask.collapsed);
    sync_request_init(&request, (size_t)128 << 20);
    assert_int_equal(store_begin(p->r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &p->phone->device, &request.device, NULL),
                     ST_OK);
    store_end(&txn);
    request.ask = &p->ask;
    request.received_ms = p->r->now_ms;
    assert_int_equal(sync_request_submit(&request, p->r->srv.writer, &error), ST_OK);
    assert_int_equal(feed_answer(&p->r->srv.sync, &request, &sink, &report, &error), ST_OK);
    assert_int_equal(p->ends, 1);
    assert_int_equal(p->more, report.more);
    if (!p->more)                              /* all buckets stand there now */
        for (size_t i = 0; i < p->shelves_count; i++)
            p->shelves[i].cursor = p->position;
    sync_request_free(&request);
}

static void start_replica(replica *p, rig_phone *phone)
{
    memset(p, 0, sizeof *p);
    p->r = phone->r;
    p->phone = phone;
}

/* ---- tests ---- */

static rig shared;
static rig_phone an, binh;
static replica pa;

static int setup(void **state)
{
    rig_open(&shared);
    rig_enrol(&shared, &an, "an");
    rig_enrol(&shared, &binh, "binh");
    start_replica(&pa, &an);
    *state = &shared;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(rig_verify(*state), 0);
    rig_close(*state);
    return 0;
}

static st_id write_visit(rig_phone *phone, const char *note)
{
    rig_begin(phone, RIG_BUCKET);
    st_id visit = rig_visit(phone, note);
    assert_int_equal(rig_push_one(phone, rig_seal(phone), NULL), ST_VERDICT_STORED);
    return visit;
}

static void test_first_sync_and_nothing_new(void **state)
{
    (void)state;
    (void)write_visit(&binh, "gốc");
    ask_once(&pa, false);
    assert_int_equal(pa.scopes, 1);
    assert_false(pa.more);
    assert_false(pa.damaged);
    assert_int_equal(pa.shelves_count, 2);     /* catalogue and his unit, nothing else */
    assert_true(shelf_of(&pa, &pa.shelves[0].bucket)->count > 100);
    size_t frames = pa.pages;
    assert_true(frames >= 2);
    for (int i = 0; i < 2; i++) {
        ask_once(&pa, i == 0);                 /* collapsed or not: one end frame */
        assert_int_equal(pa.pages + pa.scopes + pa.verdicts + pa.wants, 0);
    }
    (void)write_visit(&binh, "hai");
    ask_once(&pa, true);
    assert_int_equal(pa.pages, 1);             /* only the bucket with news */
    assert_int_equal(pa.entries, 1);
    assert_false(pa.damaged);
    ask_once(&pa, true);
    assert_int_equal(pa.pages, 0);
}

static void test_own_sets_come_as_references(void **state)
{
    (void)state;
    store_slice kept[2];
    ask_once(&pa, false);
    for (size_t i = 0; i < 2; i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "của tôi");
        kept[i] = rig_seal(&an);
        assert_int_equal(rig_push_one(&an, kept[i], NULL), ST_VERDICT_STORED);
    }
    pa.kept = kept;
    pa.kept_count = 2;
    pa.ask.kept_from = 2;                      /* the first one was thrown away */
    ask_once(&pa, true);
    assert_int_equal(pa.entries, 2);
    assert_int_equal(pa.references, 1);
    assert_false(pa.damaged);
    ask_once(&pa, true);
    assert_int_equal(pa.pages, 0);
}

static void test_long_answers_come_in_pieces(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        (void)write_visit(&binh, "một ghi chú dài vừa phải để mỗi phiếu có chút sức nặng");
    pa.ask.answer_bytes_max = 2000;
    size_t rounds = 0, entries = 0;
    do {
        ask_once(&pa, false);
        entries += pa.entries;
        rounds++;
        assert_true(rounds < 200);
        assert_true(pa.entries > 0 || !pa.more);   /* each answer gets somewhere */
    } while (pa.more);
    assert_true(rounds > 5);
    assert_true(entries >= 20);
    assert_false(pa.damaged);
    ask_once(&pa, true);
    assert_int_equal(pa.pages, 0);
}

static void test_damage_is_repaired(void **state)
{
    (void)state;
    (void)write_visit(&binh, "gốc");
    ask_once(&pa, false);
    assert_false(pa.damaged);
    for (int collapsed = 0; collapsed < 2; collapsed++) {
        shelf *s = &pa.shelves[1];
        assert_true(s->records[0]->lives_count > 0);
        s->records[0]->lives_count--;          /* a bit fell over */
        ask_once(&pa, collapsed == 1);
        if (collapsed == 1) {                  /* the sums say which bucket; then it asks anew */
            assert_int_equal(pa.pages, 2);
            assert_int_equal(pa.entries, 0);
            ask_once(&pa, false);
        }
        assert_true(pa.reset);
        assert_false(pa.damaged);
        ask_once(&pa, true);
        assert_int_equal(pa.pages, 0);
    }
}

static void test_scope_comes_and_goes(void **state)
{
    rig *r = *state;
    ask_once(&pa, false);
    uint64_t rev = pa.scope_rev;
    st_id assignment = rig_assign(r, "an", RIG_OTHER_UNIT);
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    binh.scope_rev = UINT64_MAX >> 1;
    rig_begin(&binh, RIG_OTHER);
    (void)rig_visit(&binh, "ở đơn vị khác");
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    ask_once(&pa, true);                       /* collapsed: the server knows which is new */
    assert_int_equal(pa.scopes, 1);
    assert_true(pa.scope_rev > rev);
    assert_int_equal(pa.shelves_count, 3);
    assert_int_equal(pa.shelves[2].count, 1);
    assert_false(pa.damaged);
    assert_int_equal(rig_edit(r, &assignment, NULL, "active", "false"), ST_OK);
    rig_begin(&binh, RIG_OTHER);
    (void)rig_visit(&binh, "không còn của An");
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    ask_once(&pa, false);
    assert_int_equal(pa.scopes, 1);
    assert_int_equal(pa.shelves[2].count, 1);  /* nothing more of it */
}

static void test_a_revoked_phone_gets_verdicts_only(void **state)
{
    rig *r = *state;
    auth_device device;
    store_txn txn = { 0 };
    ask_once(&pa, false);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &an.device, &device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(rig_edit(r, &device.record, NULL, "status", "revoked"), ST_OK);
    (void)write_visit(&binh, "không cho máy bị thu hồi");
    ask_once(&pa, false);
    assert_int_equal(pa.pages + pa.scopes, 0);
    assert_int_equal(pa.position, 0);
    pa.shelves[0].cursor = rig_log_size(r) + 1; /* it hears all the same that the log is shorter */
    ask_once(&pa, false);
    assert_int_equal(pa.pages + pa.scopes, 0);
    assert_int_equal(pa.position, rig_log_size(r));
}

/* A device that knows more than the log has gives first: its base is left as it is until then. */
static void test_what_was_shown_before_comes_first(void **state)
{
    (void)state;
    (void)write_visit(&binh, "gốc");
    ask_once(&pa, false);
    uint64_t position = pa.position;
    for (int i = 0; i < 2; i++) {
        pa.position = i == 0 ? position + 1000 : position; /* beyond a log put back unannounced */
        pa.is_foreign = i == 1;                            /* or of an epoch that is not known */
        ask_once(&pa, true);
        assert_int_equal(pa.pages + pa.scopes, 0);
        assert_int_equal(pa.more, i == 1);
        assert_int_equal(pa.epochs, i);                    /* there is one, and it is told */
    }
    pa.is_foreign = false;
    pa.shelves_count = 0;                                  /* it has given, and begins anew */
    ask_once(&pa, false);
    assert_false(pa.damaged);
    assert_true(pa.shelves[1].count > 0);
}

/* Held changes and the office's decisions reach the phone as the office has them. */
static void test_decisions_travel(void **state)
{
    rig *r = *state;
    uint32_t settled = 0;
    sync_held held;
    store_txn txn = { 0 };
    ask_once(&pa, false);
    for (int accept = 0; accept < 2; accept++) {
        st_id visit = write_visit(&binh, "gốc");
        rig_begin(&binh, RIG_BUCKET);
        st_change *change = rig_change(&binh, &visit);
        (void)rig_op(&binh, change, "visit", "ratings.m1.accepted_rating", "dat");
        st_dot bad = change->dot;
        (void)rig_set(&binh, &visit, "place", "chờ", NULL);
        assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_HELD);
        ask_once(&pa, true);
        assert_false(pa.damaged);
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(sync_held_by_dot(&txn, &visit, &bad, &held, NULL), ST_OK);
        store_end(&txn);
        sync_decision decision = { held.n, accept == 1, rig_person(r, "office"), "xem" };
        assert_int_equal(sync_settle(r->srv.writer, &decision, &settled, NULL), ST_OK);
        ask_once(&pa, true);
        assert_true(pa.entries > 0);
        assert_false(pa.damaged);
        ask_once(&pa, true);
        assert_int_equal(pa.pages, 0);
    }
}

static void test_wants_are_as_of_now(void **state)
{
    rig *r = *state;
    store_slice sets[3];
    sync_request request;
    feed_report report;
    feed_sink sink = { &pa, take_frame };
    for (size_t i = 0; i < 3; i++) {
        rig_begin(&an, RIG_BUCKET);
        (void)rig_visit(&an, "x");
        sets[i] = rig_seal(&an);
    }
    store_slice pushed[2] = { sets[2], sets[0] };
    assert_int_equal(rig_push(&an, &request, pushed, 2), ST_OK);
    pa.ask.version = 1;
    request.ask = &pa.ask;
    pa.ask.answer_bytes_max = 1;               /* it only wants to get its work out */
    assert_int_equal(feed_answer(&r->srv.sync, &request, &sink, &report, NULL), ST_OK);
    assert_int_equal(pa.verdicts, 2);
    assert_int_equal(pa.wants, 1);
    assert_int_equal(pa.want.from, 2);
    assert_int_equal(pa.want.to, 2);
    assert_int_equal(pa.pages, 0);
    assert_true(pa.more);
    sync_request_free(&request);
    pa.wants = pa.ends = 0;                    /* it is asked again when it brings nothing */
    assert_int_equal(rig_push(&an, &request, NULL, 0), ST_OK);
    request.ask = &pa.ask;
    assert_int_equal(feed_answer(&r->srv.sync, &request, &sink, &report, NULL), ST_OK);
    assert_int_equal(pa.wants, 1);
    assert_int_equal(pa.want.from, 2);
    assert_int_equal(pa.want.to, 2);
    sync_request_free(&request);
}

/* Every set that is said of a record is of the bucket that was asked about. */
static st_err count_sets(void *context, const st_frame *frame, st_error *error)
{
    size_t *count = context;
    const st_repair_answer *answer = &frame->as.repair_answer;
    (void)error;
    for (uint32_t i = 0; i < answer->records_count; i++)
        for (uint32_t j = 0; j < answer->records[i].entries_count; j++) {
            st_set set;
            const st_entry *entry = &answer->records[i].entries[j];
            assert_non_null(entry->set);
            assert_int_equal(
                st_set_decode(entry->set, entry->set_len, &shared.arena, &set, NULL), ST_OK);
            assert_string_equal(set.bucket.s, RIG_BUCKET);
            ++*count;
        }
    return ST_OK;
}

/* A client that is not ours names a record of this unit in a set of another one. It is held there,
 * and who reads this unit alone is told nothing of it. */
static void test_a_repair_brings_nothing_of_another_unit(void **state)
{
    rig *r = *state;
    const st_range all = { 0 };
    size_t count = 0;
    st_hold hold = ST_HOLD_NONE;
    store_txn txn = { 0 };
    feed_sink sink = { &count, count_sets };
    rig_begin(&binh, RIG_BUCKET);
    st_id visit = rig_visit(&binh, "gốc");
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    rig_begin(&binh, RIG_OTHER);
    (void)rig_set(&binh, &visit, "place", "của đơn vị khác", NULL);
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), &hold), ST_VERDICT_HELD);
    assert_int_not_equal(hold, ST_HOLD_NONE);
    st_repair_ask ask = { .ranges = &all, .ranges_count = 1, .whole = &visit, .whole_count = 1 };
    (void)strcpy(ask.bucket.s, RIG_BUCKET);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_repair_answer(&txn, &ask, rig_log_size(r), &sink, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(count, 1);
}

/* What a device shows of a unit that it may not read: the name comes back when it is kept, and
 * nothing that the log says of the unit. Who asks for something there hears nothing. */
static void show_other_unit(const st_repair_ask *ask, bool is_kept, size_t answers)
{
    static const st_sum NONE;
    rig *r = pa.r;
    sync_request request;
    feed_report report;
    feed_sink sink = { &pa, take_frame };
    pa.repairs = pa.ends = 0;
    assert_int_equal(rig_push(&an, &request, NULL, 0), ST_OK);
    request.ask = &pa.ask;
    request.repairs[request.repairs_count] = ask;
    request.repairs_kept[request.repairs_count++] = is_kept;
    assert_int_equal(feed_answer(&r->srv.sync, &request, &sink, &report, NULL), ST_OK);
    assert_int_equal(pa.ends, 1);
    assert_int_equal(pa.repairs, answers);
    if (answers > 0) {
        assert_string_equal(pa.repair.bucket.s, RIG_OTHER);
        assert_int_equal(pa.repair.cursor, 0);
        assert_memory_equal(&pa.repair.sum, &NONE, sizeof NONE);
        assert_int_equal(pa.repair.ranges_count + pa.repair.records_count, 0);
        assert_int_equal(pa.repair.vector_len, 0);
    }
    sync_request_free(&request);
}

static void test_evidence_of_a_unit_that_is_not_read(void **state)
{
    rig *r = *state;
    const st_range all = { 0 };
    (void)rig_assign(r, "binh", RIG_OTHER_UNIT);
    binh.scope_rev = UINT64_MAX >> 1;
    rig_begin(&binh, RIG_OTHER);
    st_id visit = rig_visit(&binh, "của đơn vị khác");
    assert_int_equal(rig_push_one(&binh, rig_seal(&binh), NULL), ST_VERDICT_STORED);
    ask_once(&pa, false);
    ask_once(&pa, false); /* it stands where the log ends */
    const st_repair_evidence shown = { visit, (const uint8_t *)"x", 1 };
    st_repair_ask ask = { .has_vector = true, .evidence = &shown, .evidence_count = 1 };
    (void)strcpy(ask.bucket.s, RIG_OTHER);
    show_other_unit(&ask, true, 1);
    show_other_unit(&ask, false, 0);
    ask.ranges = &all;
    ask.ranges_count = 1;
    show_other_unit(&ask, true, 0);
    ask.ranges_count = 0;
    ask.whole = &visit;
    ask.whole_count = 1;
    show_other_unit(&ask, true, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_first_sync_and_nothing_new),  CASE(test_own_sets_come_as_references),
        CASE(test_long_answers_come_in_pieces), CASE(test_damage_is_repaired),
        CASE(test_scope_comes_and_goes),        CASE(test_a_revoked_phone_gets_verdicts_only),
        CASE(test_what_was_shown_before_comes_first),   CASE(test_decisions_travel),
        CASE(test_wants_are_as_of_now), CASE(test_a_repair_brings_nothing_of_another_unit),
        CASE(test_evidence_of_a_unit_that_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
