/* tests/sim/repairs.c - what a phone has of the book goes wrong, and its next sync mends it.
 * Promises that an answer about a wrong sum names nothing of another bucket, that what a phone
 * showed is on the server's disk before it is told how to repair, that nothing is called wrong
 * which nobody made wrong, and that in the end what phones have adds up to the server's sums. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/bucket.h"
#include "client-lib/src/overlay.h"
#include "proto/changeset.h"
#include "proto/frame.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/incident.h"
#include "server/sync/read.h"
#include "server/sync/row.h"

/* One that brought news of one bucket says nothing of the sums of the others; the next one does. */
#define QUIET_SYNCS 3u

/* ---- the step ---- */

/* What is wrong twice may be right again. */
static bool is_right(const sim_phone *p, uint32_t no, uint32_t unit, sotay_damage how)
{
    uint8_t is = p->spoilt.how[no];
    return how == SOTAY_DAMAGE_SUM ? !p->spoilt.sums[unit]
                                   : is == SPOILT_NOT || is == SPOILT_MENDED;
}

static void note_spoilt(sim_world *w, sim_phone *p, uint32_t no, sotay_damage how)
{
    sim_count(w, SIM_SPOILED);
    p->spoilt.any = p->spoilt.wrong = true;
    p->spoilt.quiet = 0;
    p->spoilt.unsigned_too = p->spoilt.unsigned_too || how == SOTAY_DAMAGE_UNSIGNED;
    if (how == SOTAY_DAMAGE_SUM)
        p->spoilt.sums[w->records[no].unit] = true;
    else
        p->spoilt.how[no] = SPOILT_WRONG;
}

/* What is held in a wrong bucket may be all that the store has of a record: its sum is then that of
 * the other bucket. */
static bool is_in_its_unit(const sim_world *w, sim_phone *p, uint32_t no)
{
    st_arena arena;
    st_record record;
    st_id id;
    memcpy(id.b, w->records[no].id.b, sizeof id.b);
    if (client_begin(p->client, false, NULL) != ST_OK)
        return false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    bool is = overlay_base_get(p->client, &id, &arena, &record, NULL) == ST_OK;
    const char *part = is ? strrchr(record.bucket.s, '/') : NULL;
    is = part != NULL && strcmp(part + 1, SIM_UNIT_NAMES[w->records[no].unit]) == 0;
    client_abort(p->client);
    st_arena_reset(&arena);
    return is;
}

/* What was in its records alone is nowhere any more when that is spoilt. */
static void lose_states(sim_world *w, sim_phone *p, const sim_holds *before)
{
    sim_holds now;
    sim_base_words(w, p, &now);
    for (size_t i = 0; i < sizeof now.bits; i++)
        p->states.bits[i] &= (uint8_t)(now.bits[i] | ~before->bits[i]);
}

/* One record that this store has from the server, looked for from any on. True: it is wrong now,
 * and of a unit that the server says something of. */
static bool spoil_one(sim_world *w, sim_phone *p, uint32_t first, sotay_damage how)
{
    static const char *const HOW[] = { "a value", "missing", "unsigned", "the sum" };
    sim_holds before;
    sim_base_words(w, p, &before);
    for (uint32_t i = 0; i < w->records_count; i++) {
        sotay_error error = { 0 };
        uint32_t no = (first + i) % (uint32_t)w->records_count;
        if (!is_right(p, no, w->records[no].unit, how) ||
            (how == SOTAY_DAMAGE_SUM && !is_in_its_unit(w, p, no)))
            continue;
        int rc = sotay_debug_damage(p->client, &w->records[no].id, how, &error);
        rc = sim_settle(w, p, rc);
        if (rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_STATE ||
            (rc == SOTAY_E_CORRUPT && p->spoilt.torn))
            continue;
        if (rc != SOTAY_OK && rc != SOTAY_E_STORAGE && rc != SOTAY_E_FULL)
            sim_fail(w, "phone %u: spoiling a record answers %s: %s", sim_phone_no(w, p),
                     sotay_code_name(rc), error.detail);
        bool is_done = sim_is_saved(p, rc);
        sim_say(w, " r%u %s%s", no, HOW[how], is_done ? "" : " (not)");
        if (is_done) {
            note_spoilt(w, p, no, how);
            lose_states(w, p, &before);
        }
        return is_done && !w->is_scope_unsure && w->may_read[p->person][w->records[no].unit];
    }
    return false;
}

bool sim_may_ask(sim_world *w, sim_phone *p)
{
    store_txn txn = { 0 };
    if (!w->is_up || p->is_branch || store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) !=
                                         ST_OK)
        return false;
    bool may = !sim_is_closed(&txn, p);
    store_end(&txn);
    return may;
}

/* A sync that comes to its end finds a sum that is wrong: here nobody stands between. Of a bucket
 * that is read anew for a set that was torn no sum is compared. */
static void sync_after(sim_world *w, sim_phone *p)
{
    bool may = sim_may_ask(w, p), finds = false, is_whole = true;
    for (uint32_t round = 0; round < QUIET_SYNCS && !finds && is_whole; round++) {
        sim_sync_whole(w, p, 0);
        is_whole = p->exists && p->last.complete;
        finds = p->last.repaired_buckets > 0;
    }
    if (may && is_whole && !finds && w->restores == 0 && !p->spoilt.torn)
        sim_fail(w, "phone %u: its store was made wrong, and its syncs say nothing of it",
                 sim_phone_no(w, p));
}

void sim_do_spoil(sim_world *w, sim_phone *p, sim_random *r)
{
    uint32_t count = sim_chance(r, 300) ? 2 + sim_pick(r, 4) : 1;
    bool is_older = sim_chance(r, 200), asks = sim_chance(r, 500);
    bool any = false;
    sim_phone_ready(w, p);
    for (uint32_t i = 0; i < count && !p->tap->is_dead; i++) {
        uint32_t first = sim_pick(r, SIM_RECORDS_MAX);
        any = spoil_one(w, p, first, (sotay_damage)sim_pick(r, 4)) || any;
    }
    sim_phone_look(w, p);
    if (is_older)
        p->unheard = 1 + sim_pick(r, 4);
    if (any && asks && !is_older)
        sync_after(w, p);
}

/* ---- the question ---- */

static void hear_frame(sim_heard *heard, const uint8_t *bytes, size_t len)
{
    st_frame frame;
    const uint8_t *copy = st_arena_copy(&heard->arena, bytes, len);
    if (copy == NULL)
        abort();
    if (st_frame_decode(copy, len, &heard->arena, &frame, NULL) != ST_OK)
        return;
    if (frame.kind == ST_FRAME_ASK)
        heard->ask = frame.as.ask;
    if (frame.kind == ST_FRAME_REPAIR_ASK && heard->count < SYNC_REPAIRS_MAX)
        heard->asks[heard->count++] = frame.as.repair_ask;
}

void sim_repairs_hear(sim_world *w, const net_message *request)
{
    sim_heard *heard = &w->heard;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_head head;
    st_buffer base;
    st_frame_reader *reader = NULL;
    st_arena_reset(&heard->arena);
    memset(heard, 0, sizeof *heard);
    st_arena_init(&heard->arena, 64u << 20);
    if (!plan_mends(w->plan->seed) || request->is_fetch ||
        strcmp(request->path, "/v1/sync") != 0 ||
        st_head_decode(request->bytes, request->len, &head, NULL) != ST_OK)
        return;
    size_t from = head.has_base ? ST_HEAD_BYTES_MAX : ST_HEAD_BYTES;
    st_buffer_init(&base, ST_BASE_BYTES_MAX + sizeof(st_hash));
    bool has_base = !head.has_base || sim_net_base(w, &head, &base);
    if (st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK)
        abort();
    if (has_base && from <= request->len &&
        (!head.has_base || st_frame_reader_base(reader, base.data, base.len, NULL) == ST_OK) &&
        st_frame_feed(reader, request->bytes + from, request->len - from, NULL) == ST_OK)
        while (st_frame_read(reader, &bytes, &len, &bad))
            hear_frame(heard, bytes, len);
    st_frame_reader_free(reader);
    st_buffer_free(&base);
}

/* ---- the answer ---- */

static void begin(sim_world *w, store_txn *txn)
{
    memset(txn, 0, sizeof *txn);
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, txn, NULL) != ST_OK)
        sim_fail(w, "the store cannot be read");
}

/* Ids say that a record is there: none of another bucket. */
static void check_range(sim_world *w, store_txn *txn, const st_bucket *bucket,
                        const st_repair_range *range)
{
    for (uint32_t i = 0; range->is_list && i < range->records_count; i++) {
        st_arena arena;
        st_record record;
        st_arena_init(&arena, 64u << 20);
        if (sync_record_get(txn, &range->records[i].id, &arena, &record, NULL, NULL) != ST_OK ||
            strcmp(record.bucket.s, bucket->s) != 0)
            sim_fail(w, "an answer about wrong sums of %s names a record that is not there",
                     bucket->s);
        st_arena_reset(&arena);
    }
}

static bool touches(const st_set *set, const st_id *record)
{
    for (uint32_t i = 0; i < set->changes_count; i++)
        if (st_id_cmp(&set->changes[i].record, record) == 0)
            return true;
    return false;
}

/* The entries are those of this record, not of its neighbours. */
static void check_record(sim_world *w, store_txn *txn, const st_repair_record *said)
{
    for (uint32_t i = 0; i < said->entries_count; i++) {
        st_arena arena;
        sync_row row;
        st_set set;
        st_arena_init(&arena, 64u << 20);
        if (sync_row_get(txn, said->entries[i].index, &arena, &row, NULL) != ST_OK)
            sim_fail(w, "an answer about a wrong record names an entry that is not there");
        if (row.set.len > 0 &&
            st_set_decode(row.set.data, row.set.len, &arena, &set, NULL) == ST_OK &&
            !touches(&set, &said->record))
            sim_fail(w, "an answer about a wrong record brings a set of another one");
        st_arena_reset(&arena);
    }
}

static void note_answered(sim_world *w, sim_phone *p, const st_id *record)
{
    for (uint32_t no = 0; no < w->records_count; no++)
        if (memcmp(w->records[no].id.b, record->b, sizeof record->b) == 0 &&
            p->spoilt.how[no] == SPOILT_WRONG)
            p->spoilt.how[no] = SPOILT_ANSWERED;
}

/* From now on the office has it. */
static void note_shown(sim_world *w, const st_id *device, const st_repair_ask *ask)
{
    for (uint32_t i = 0; i < ask->evidence_count; i++) {
        const st_repair_evidence *one = &ask->evidence[i];
        if (w->shown_count == w->shown_capacity) {
            w->shown_capacity = w->shown_capacity == 0 ? 16 : w->shown_capacity * 2;
            w->shown = sim_must(realloc(w->shown, w->shown_capacity * sizeof *w->shown));
        }
        w->shown[w->shown_count++] =
            (sim_shown){ *device, one->record, st_sha256(one->state, one->state_len) };
        sim_count(w, SIM_EVIDENCE);
    }
}

void sim_repairs_answer(sim_world *w, const net_message *request, const st_id *device,
                        const st_repair_answer *answer)
{
    store_txn txn;
    sim_heard *heard = &w->heard;
    begin(w, &txn);
    for (uint32_t i = 0; i < answer->ranges_count; i++)
        check_range(w, &txn, &answer->bucket, &answer->ranges[i]);
    for (uint32_t i = 0; i < answer->records_count; i++) {
        check_record(w, &txn, &answer->records[i]);
        if (!request->is_copy)
            note_answered(w, &w->phones[request->phone], &answer->records[i].record);
    }
    for (size_t i = 0; i < heard->count; i++) {
        st_repair_ask *ask = &heard->asks[i];
        if (strcmp(ask->bucket.s, answer->bucket.s) != 0)
            continue;
        if (ask->ranges_count > 0)
            sim_count(w, SIM_REPAIR_ASKED);
        note_shown(w, device, ask);
        ask->evidence_count = ask->ranges_count = 0; /* counted, whatever more comes of it */
    }
    sim_check_shown(w, &txn);
    store_end(&txn);
}

void sim_repairs_page(sim_world *w, const net_message *request, const st_bucket *bucket)
{
    const st_ask *ask = &w->heard.ask;
    if (request->phone == UINT32_MAX || request->is_copy ||
        !w->phones[request->phone].spoilt.any)
        return;
    for (uint32_t i = 0; i < ask->buckets_count; i++)
        if (strcmp(ask->buckets[i].bucket.s, bucket->s) == 0 && ask->buckets[i].cursor == 0)
            sim_count(w, SIM_READ_ANEW);
}

/* ---- a server of before ---- */

/* The stream without what it says of repairs. True: there was something. */
static bool leave_out(st_frame_reader *from, st_frame_writer *to)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    bool any = false;
    while (st_frame_read(from, &bytes, &len, &bad)) {
        st_frame frame;
        st_arena arena;
        st_arena_init(&arena, 64u << 20);
        if (st_frame_decode(bytes, len, &arena, &frame, NULL) != ST_OK)
            abort();
        any = any || frame.kind == ST_FRAME_REPAIR_ANSWER;
        if (frame.kind != ST_FRAME_REPAIR_ANSWER)
            sim_put_frame(to, &frame);
        st_arena_reset(&arena);
    }
    return any;
}

void sim_repairs_drop(sim_world *w, sim_phone *p, net_message *reply)
{
    st_frame_reader *reader = NULL;
    st_frame_writer *stream = NULL;
    st_buffer out;
    if (p->unheard == 0 || reply->status != 200 || strcmp(reply->path, "/v1/sync") != 0)
        return;
    st_buffer_init(&out, ST_BODY_BYTES_MAX);
    if (st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK ||
        st_frame_feed(reader, reply->bytes, reply->len, NULL) != ST_OK ||
        st_frame_writer_new(1, &out, &stream, NULL) != ST_OK)
        abort();
    bool any = leave_out(reader, stream);
    if (st_frame_writer_end(stream, NULL) != ST_OK)
        abort();
    if (any) {
        free(reply->bytes);
        reply->bytes = sim_must(malloc(out.len));
        memcpy(reply->bytes, out.data, out.len);
        reply->len = out.len;
        p->unheard--;
        sim_count(w, SIM_REPAIR_UNHEARD);
    }
    st_frame_writer_free(stream);
    st_frame_reader_free(reader);
    st_buffer_free(&out);
}

/* ---- what was found ---- */

void sim_repairs_report(sim_world *w, sim_phone *p)
{
    bool finds = p->last.repaired_buckets > 0;
    if (finds && !p->spoilt.wrong && !p->spoilt.torn)
        sim_fail(w, "phone %u: a sum was wrong", sim_phone_no(w, p));
    if (finds && !p->spoilt.wrong)
        sim_count(w, SIM_TORN_REPAIR);
    bool has_news = p->last.sent_changes > 0 || p->last.received_changes > 0; /* of one bucket */
    bool is_told = p->spoilt.wrong && p->last.complete && !has_news && sim_may_ask(w, p);
    p->spoilt.quiet = finds ? 0 : p->spoilt.quiet + (is_told ? 1 : 0);
    if (p->spoilt.quiet >= QUIET_SYNCS)
        p->spoilt.wrong = false;
    for (uint32_t no = 0; p->last.complete && no < w->records_count; no++)
        if (p->spoilt.how[no] == SPOILT_ANSWERED)
            p->spoilt.how[no] = SPOILT_MENDED;
}

typedef struct {
    const sim_world *w;
    const sim_shown *shown;
    bool may_be_less; /* the office erased something of it: that may be out of what was shown */
    bool found;
} shown_search;

static bool look_for(void *context, const sync_incident *incident)
{
    shown_search *search = context;
    if (st_id_cmp(&incident->device, &search->shown->device) != 0)
        return true;
    for (uint32_t i = 0; i < incident->evidence_count && !search->found; i++) {
        const st_repair_evidence *one = &incident->evidence[i];
        st_hash state = st_sha256(one->state, one->state_len);
        search->found = st_id_cmp(&one->record, &search->shown->record) == 0 &&
                        (search->may_be_less ||
                         memcmp(state.b, search->shown->state.b, sizeof state.b) == 0);
    }
    return !search->found;
}

/* Was something erased that stood in this record? */
static bool is_less(const sim_world *w, const st_id *record)
{
    for (uint32_t i = 0; i < w->records_count; i++)
        if (w->records[i].is_less &&
            memcmp(w->records[i].id.b, record->b, sizeof record->b) == 0)
            return true;
    return false;
}

void sim_check_shown(sim_world *w, store_txn *txn)
{
    for (size_t i = 0; i < w->shown_count; i++) {
        shown_search search = { w, &w->shown[i], is_less(w, &w->shown[i].record), false };
        if (sync_incident_each(txn, look_for, &search, NULL) != ST_OK || !search.found)
            sim_fail(w, "what a phone showed of a record was answered, and the office has it not");
    }
}

typedef struct {
    const sim_world *w;
    uint32_t mark;
    bool found;
} word_search;

static bool look_for_word(void *context, const sync_incident *incident)
{
    word_search *search = context;
    for (uint32_t i = 0; i < incident->evidence_count; i++) {
        const st_repair_evidence *one = &incident->evidence[i];
        sim_holds words;
        memset(&words, 0, sizeof words);
        sim_words_of(search->w, one->state, one->state_len, &words);
        search->found = search->found || sim_holds_has(&words, search->mark);
    }
    return !search->found;
}

bool sim_was_shown(sim_world *w, store_txn *txn, uint32_t mark)
{
    word_search search = { w, mark, false };
    if (sync_incident_each(txn, look_for_word, &search, NULL) != ST_OK)
        sim_fail(w, "incidents cannot be read");
    return search.found;
}

bool sim_is_nobodys(const sim_phone *p, int table)
{
    return p->spoilt.unsigned_too && (table == BOOK_EVIDENCE || table == BOOK_DELIVERED);
}

/* ---- at rest ---- */

/* Sum of the records that the phone has of a bucket. */
static st_sum base_sum(sim_world *w, sim_phone *p, const st_bucket *bucket)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_sum sum;
    st_err err = ST_OK;
    memset(&sum, 0, sizeof sum);
    while (err == ST_OK) {
        st_arena arena;
        st_record record;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 64u << 20);
        err = book_scan_next(&p->client->book, &scan, &arena, &value, NULL);
        st_error error = { 0 };
        if (err == ST_OK &&
            st_record_decode(value.data, value.len, &arena, &record, &error) != ST_OK)
            sim_fail(w, "phone %u: what it has of a record cannot be read: %s", sim_phone_no(w, p),
                     error.detail);
        if (err == ST_OK && strcmp(record.bucket.s, bucket->s) == 0) {
            st_sum one = st_record_sum(&record);
            st_sum_add(&sum, &one);
        }
        st_arena_reset(&arena);
    }
    return sum;
}

static void check_base(sim_world *w, sim_phone *p, const st_bucket *bucket, const st_sum *theirs)
{
    bucket_state state;
    if (client_begin(p->client, false, NULL) != ST_OK ||
        bucket_get(&p->client->book, bucket, &state, NULL) != ST_OK)
        sim_fail(w, "phone %u: its store cannot be read", sim_phone_no(w, p));
    if (memcmp(&state.sum, theirs, sizeof state.sum) != 0)
        sim_fail(w, "phone %u: its sum of %s is not the server's", sim_phone_no(w, p), bucket->s);
    st_sum sum = base_sum(w, p, bucket);
    if (memcmp(&sum, theirs, sizeof sum) != 0)
        sim_fail(w, "phone %u: its records of %s do not add up to their sum", sim_phone_no(w, p),
                 bucket->s);
    client_abort(p->client);
}

/* ---- incidents and notes ---- */

typedef struct {
    sim_world *w;
    store_txn *txn;
} incident_check;

/* Each is an entry of its device. */
static bool check_incident(void *context, const sync_incident *incident)
{
    incident_check *check = context;
    uint64_t notes = 0;
    for (uint64_t index = 1; index <= check->w->leaves_count; index++) {
        st_arena arena;
        sync_row row;
        st_arena_init(&arena, 64u << 20);
        if (sync_row_get(check->txn, index, &arena, &row, NULL) == ST_OK)
            notes += row.kind == ST_ENTRY_NOTE && st_id_cmp(&row.device, &incident->device) == 0;
        st_arena_reset(&arena);
    }
    if (notes < incident->n)
        sim_fail(check->w, "a device had %llu incidents, and the log notes %llu",
                 (unsigned long long)incident->n, (unsigned long long)notes);
    return true;
}

static void check_list(sim_world *w)
{
    if (w->shown_count > 0 && SIM_CTL(w, "incidents", "--json") != 0)
        sim_fail(w, "incidents are not listed");
    for (size_t i = 0; i < w->shown_count; i++) {
        char hex[33];
        st_id_format(&w->shown[i].device, hex);
        if (strstr(SIM_OUT(w), hex) == NULL)
            sim_fail(w, "incidents of a device are not listed");
    }
}

void sim_check_bases(sim_world *w, store_txn *txn)
{
    incident_check check = { w, txn };
    for (uint32_t unit = 0; unit < SIM_UNITS; unit++) {
        st_bucket bucket;
        sync_bucket_row row;
        memset(&bucket, 0, sizeof bucket);
        (void)snprintf(bucket.s, sizeof bucket.s, "01477/unit/%s", SIM_UNIT_NAMES[unit]);
        if (sync_bucket_get(txn, bucket.s, &row, NULL) != ST_OK)
            sim_fail(w, "the row of %s cannot be read", bucket.s);
        for (size_t n = 0; n < w->phones_count; n++)
            if (w->phones[n].exists && w->may_read[w->phones[n].person][unit] &&
                !sim_is_closed(txn, &w->phones[n]))
                check_base(w, &w->phones[n], &bucket, &row.sum);
    }
    sim_check_shown(w, txn);
    if (!plan_mends(w->plan->seed))
        return;
    if (sync_incident_each(txn, check_incident, &check, NULL) != ST_OK)
        sim_fail(w, "incidents cannot be read");
    check_list(w);
}

void sim_repairs_same(sim_world *w, sim_phone *p, uint32_t record)
{
    if (p->spoilt.how[record] >= SPOILT_ANSWERED)
        sim_count(w, SIM_REPAIRED);
}
