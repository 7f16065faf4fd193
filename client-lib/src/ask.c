/* client-lib/src/ask.c - makes a request: drafts become changes, changes become sealed sets, and
 * all of it one signed body.
 * Promises: what is sent is on disk; a request counter is never used twice.
 * Never: more in memory than one request may carry. */
#include <string.h>

#include "client-lib/src/anew.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/decided.h"
#include "client-lib/src/draft.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/offered.h"
#include "client-lib/src/renew.h"
#include "client-lib/src/replay.h"
#include "client-lib/src/waiting.h"
#include "client-lib/src/witness.h"

#define LEVEL          9
#define WALL_STEP_MS   1000 /* a wall clock that went on otherwise by this much was set */
#define SETS_BYTES_MAX ((size_t)3 * 1024 * 1024) /* of sets in one request, before compression */
#define SETS_COUNT_MAX 1024u

static st_err write_frame(sotay_sync *sync, st_frame_writer *writer, const st_frame *frame,
                          st_error *error)
{
    st_buffer_clear(&sync->text);
    st_err err = st_frame_encode(frame, &sync->text, error);
    return err == ST_OK ? st_frame_write(writer, sync->text.data, sync->text.len, error) : err;
}

/* Buckets of the scope with what is known of each. */
typedef struct {
    st_bucket_ask *asks;
    st_bucket_sum *sums;
    size_t count, asks_capacity, sums_capacity;
    bool can_collapse;
} scope_asks;

static st_err read_scope(sotay_sync *sync, scope_asks *scope, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    scope->can_collapse = sync->client->me.position > 0;
    for (;;) {
        st_bucket bucket;
        bucket_state state;
        st_err err = bucket_next(&sync->client->book, &scan, &bucket, &state, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err != ST_OK)
            return err;
        if (!state.in_scope)
            continue;
        if (sync->names.asks_anew && bucket_is_catalogue(&bucket)) {
            state = (bucket_state){ .in_scope = true };
            scope->can_collapse = false;
        }
        /* Beyond the position: an answer came in parts, and this bucket is further than others. */
        if (state.too_new || state.cursor > sync->client->me.position)
            scope->can_collapse = false;
        st_bucket_ask *asks = scope->asks;
        st_bucket_sum *sums = scope->sums;
        if (scope->count == scope->asks_capacity) {
            asks = st_arena_grow(&sync->arena, asks, scope->count, &scope->asks_capacity,
                                 sizeof *asks);
            sums = st_arena_grow(&sync->arena, sums, scope->count, &scope->sums_capacity,
                                 sizeof *sums);
        }
        if (asks == NULL || sums == NULL)
            return st_fail(error, ST_E_MEMORY, "sync: no memory");
        scope->asks = asks;
        scope->sums = sums;
        st_bucket_ask ask = { bucket, state.cursor, state.sum };
        st_bucket_sum sum = { bucket, state.sum };
        scope->asks[scope->count] = ask;
        scope->sums[scope->count++] = sum;
    }
}

/* Is there something of others that may go along? Then what became of it is wanted. */
static st_err carries(sotay_sync *sync, bool *out_carries, st_error *error)
{
    book_scan taken = sync->taken, parcels = sync->parcels;
    st_err err = book_scan_next(&sync->client->book, &taken, NULL, NULL, error);
    if (err == ST_E_NOT_FOUND)
        err = book_scan_next(&sync->client->book, &parcels, NULL, NULL, error);
    *out_carries = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Is what the server heard of our clocks last still so? */
static bool is_told(const sotay_sync *sync)
{
    const identity *me = &sync->client->me;
    const identity_told *told = &me->told, *now = &sync->telling;
    int64_t moved_ms = st_ms_between(told->apart_ms, now->apart_ms);
    return told->is_there && memcmp(told->epoch, now->epoch, sizeof told->epoch) == 0 &&
           !st_clock_adds(&told->clock, &now->clock) && moved_ms < WALL_STEP_MS &&
           moved_ms > -WALL_STEP_MS;
}

/* The wall clock, and the last exchange in this run of the machine, when that is news. */
static void tell_clock(sotay_sync *sync, st_ask *ask)
{
    const identity *me = &sync->client->me;
    identity_told *now = &sync->telling;
    memset(now, 0, sizeof *now);
    now->is_there = me->has_clock && memcmp(me->clock.boot, sync->client->boot,
                                            sizeof me->clock.boot) == 0;
    memcpy(now->epoch, me->epoch, sizeof now->epoch);
    now->clock = me->clock;
    now->apart_ms = st_ms_between((int64_t)sync->asked_mono_ms, sync->asked_wall_ms);
    sync->tells_clock = !now->is_there || !is_told(sync);
    if (!sync->tells_clock)
        return;
    ask->wall_ms = sync->asked_wall_ms;
    ask->has_clock = now->is_there;
    ask->clock = me->clock;
}

static st_err write_ask(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    const identity *me = &sync->client->me;
    st_frame frame;
    scope_asks scope;
    memset(&frame, 0, sizeof frame);
    memset(&scope, 0, sizeof scope);
    st_err err = read_scope(sync, &scope, error);
    if (err != ST_OK)
        return err;
    frame.kind = ST_FRAME_ASK;
    st_ask *ask = &frame.as.ask;
    ask->version = 1;
    ask->has_epoch = true;
    memcpy(ask->epoch, me->epoch, sizeof ask->epoch);
    ask->position = me->position;
    ask->reach = me->reach > me->position ? me->reach : 0;
    ask->scope_rev = me->scope_rev;
    ask->is_collapsed = sync->asked_collapsed = scope.can_collapse;
    if (scope.can_collapse) {
        st_sync_collapse(scope.sums, scope.count, ask->collapsed);
    } else {
        ask->buckets = scope.asks;
        ask->buckets_count = (uint32_t)scope.count;
        ask->repairs = true;
    }
    sync->asked_whole = me->asks_whole;
    ask->kept_from = me->asks_whole || me->is_forked ? 0 : 1;
    ask->snapshots = sync->fetch.can_fetch && !sync->fetch.is_off && !sync->is_send_only &&
                     !sync->names.asks_anew; /* until it was fetched there would be none */
    tell_clock(sync, ask);
    if (err == ST_OK)
        err = carries(sync, &ask->carries, error);
    if (err == ST_OK)
        err = witness_ask(sync, ask, error);
    if (err == ST_OK && !sync->is_send_only)
        err = renew_ask(sync, ask, error);
    if (err == ST_OK)
        err = epoch_ask(sync, ask, error);
    if (err == ST_OK)
        err = decided_ask(sync, ask, error);
    ask->address = me->address;
    ask->log_keys = me->log_keys;
    ask->has_log_key_mark = me->log_keys > 0;
    st_log_key_mark(me->log_key, ask->log_key_mark);
    ask->answer_bytes_max = sync->budget > 0 ? limit_left(sync) : 0;
    if (sync->is_send_only || (sync->budget > 0 && ask->answer_bytes_max == 0))
        ask->answer_bytes_max = 1; /* no entry fits: verdicts alone */
    ask->purges = sync->purges;
    ask->purges_count = sync->purges_count;
    st_gone gone = { me->gone_from, me->gone_to };
    sync->asked_gone = gone;
    if (me->gone_from > 0) {
        ask->gone = &gone;
        ask->gone_count = 1;
    }
    return err == ST_OK ? write_frame(sync, writer, &frame, error) : err;
}

static st_err remember_sent(sotay_sync *sync, const outbox_set *set, st_error *error)
{
    exchange_sent *sent = sync->sent;
    if (sync->sent_count == sync->sent_capacity)
        sent =
            st_arena_grow(&sync->arena, sent, sync->sent_count, &sync->sent_capacity, sizeof *sent);
    if (sent == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->sent = sent;
    exchange_sent entry = { set->device, set->first, set->last - set->first + 1, false };
    sync->sent[sync->sent_count++] = entry;
    return ST_OK;
}

/* One that cannot be read keeps no other from going: a person is told, until the server is. */
static st_err write_set(sotay_sync *sync, st_frame_writer *writer, const outbox_set *set,
                        size_t *bytes, st_error *error)
{
    st_arena arena;
    st_frame frame;
    st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
    st_err err = closed_frame(sync->client, set, &arena, &frame, error);
    if (err == ST_OK) {
        *bytes += frame.kind == ST_FRAME_SET ? frame.as.set.len : frame.as.parcel.sealed_len;
        err = write_frame(sync, writer, &frame, error);
    }
    st_arena_reset(&arena);
    if (err == ST_OK)
        return remember_sent(sync, set, error);
    if (err == ST_E_NOT_FOUND && set->status != OUTBOX_LOST)
        sync->report.needs_person = true;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static bool has_no_room(const sotay_sync *sync, size_t bytes)
{
    return bytes >= limit_sets(sync, SETS_BYTES_MAX) ||
           sync->sent_count + sync->parcels_count >= SETS_COUNT_MAX;
}

/* The server looks at who signed before it takes anything in: what its own device signed, which may
 * name that author again, goes in a request before. */
static bool goes_after_papers(sotay_sync *sync, bool named, book_scan *scan,
                              const book_scan *before)
{
    if (!sync->brings_papers || named)
        return false;
    *scan = *before;
    sync->has_sets = true;
    return true;
}

/* Sets of others that the server lost, its own device's first; as many as one request carries. */
static st_err write_carried(sotay_sync *sync, st_frame_writer *writer, size_t *bytes,
                            st_error *error)
{
    for (;;) {
        outbox_set set;
        st_dot at;
        bool papers = false;
        book_scan before = sync->carried;
        st_err err = epoch_next_carried(sync->client, &sync->carried, &at, &papers, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err == ST_OK && has_no_room(sync, *bytes)) {
            sync->carried = before;
            sync->has_sets = true;
            return ST_OK;
        }
        memset(&set, 0, sizeof set);
        set.device = at.device;
        set.first = set.last = at.counter;
        if (err == ST_OK && goes_after_papers(sync, papers, &sync->carried, &before))
            return ST_OK;
        sync->brings_papers = sync->brings_papers || papers;
        if (err == ST_OK)
            err = write_set(sync, writer, &set, bytes, error);
        if (err != ST_OK)
            return err;
    }
}

/* A kept set of a device of the server's own. */
static st_err write_paper(sotay_sync *sync, st_frame_writer *writer, const st_dot *at,
                          size_t *bytes, st_error *error)
{
    outbox_set set;
    memset(&set, 0, sizeof set);
    set.device = at->device;
    set.first = set.last = at->counter;
    return write_set(sync, writer, &set, bytes, error);
}

/* Behind what made its person, where that is here. */
static st_err write_one_enrolment(sotay_sync *sync, st_frame_writer *writer, const st_dot *at,
                                  size_t *bytes, st_error *error)
{
    st_dot person;
    st_err err = epoch_its_person(sync->client, at, &person, error);
    if (err == ST_OK && st_dot_cmp(&person, at) != 0)
        err = write_paper(sync, writer, &person, bytes, error);
    return err == ST_OK || err == ST_E_NOT_FOUND ? write_paper(sync, writer, at, bytes, error)
                                                 : err;
}

/* The server does not know this device: what it once signed to enrol it goes in front, of every
 * life that is known here. Of one the person may be lost, or the book may not take its word. */
static st_err write_enrolments(sotay_sync *sync, st_frame_writer *writer, size_t *bytes,
                               st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK && sync->presents && !has_no_room(sync, *bytes)) {
        st_dot at;
        err = epoch_next_enrolment(sync->client, &scan, &at, error);
        if (err == ST_OK)
            err = write_one_enrolment(sync, writer, &at, bytes, error);
    }
    sync->papers_count = sync->sent_count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* No more for this request: it goes on behind `before` in the next one. */
static bool is_full(sotay_sync *sync, size_t bytes, book_scan *scan, const book_scan *before)
{
    if (!has_no_room(sync, bytes))
        return false;
    *scan = *before;
    sync->has_sets = true;
    return true;
}

/* What other phones gave us that can be read here and that the server is not known to have. */
static st_err write_taken(sotay_sync *sync, st_frame_writer *writer, size_t *bytes,
                          st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        carried_set taken;
        st_frame frame = { .kind = ST_FRAME_SET };
        book_scan before = sync->taken;
        st_arena_init(&arena, (size_t)ST_SET_BYTES_MAX * 2);
        err = carried_next_set(sync->client, &sync->taken, &arena, &taken, error);
        bool goes = err == ST_OK && !taken.is_delivered;
        bool full = goes && is_full(sync, *bytes, &sync->taken, &before);
        if (goes && !full) {
            outbox_set set = { .device = taken.device, .first = taken.first, .last = taken.first };
            frame.as.set.bytes = taken.bytes;
            frame.as.set.len = taken.len;
            *bytes += taken.len;
            sync->brings_others = true;
            err = write_frame(sync, writer, &frame, error);
            if (err == ST_OK)
                err = remember_sent(sync, &set, error);
        }
        st_arena_reset(&arena);
        if (full)
            return ST_OK;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What only the server opens. */
static st_err write_parcels(sotay_sync *sync, st_frame_writer *writer, size_t *bytes,
                            st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK && !sync->has_sets) {
        st_arena arena;
        st_frame frame = { .kind = ST_FRAME_PARCEL };
        book_scan before = sync->parcels;
        st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
        bool goes = false;
        err = carried_next_parcel(sync->client, &sync->parcels, &arena, &frame.as.parcel, error);
        if (err == ST_OK)
            err = offered_goes(sync, &sync->parcels.at, &goes, error);
        if (err == ST_OK && goes && !is_full(sync, *bytes, &sync->parcels, &before)) {
            *bytes += frame.as.parcel.sealed_len;
            sync->parcels_count++;
            err = write_frame(sync, writer, &frame, error);
            if (err == ST_OK)
                err = offered_sent(sync, &sync->parcels.at, error);
        }
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What goes of one device in a request. */
typedef struct {
    st_id device;
    bool has_sent, has_hole; /* a hole: a set behind those that is not here */
} own_row;

/* Is what goes in front of a hole of another branch, nothing behind it would say so: that goes when
 * the server has answered. */
static bool goes_after_answers(sotay_sync *sync, const own_row *row, book_scan *scan,
                               const book_scan *before)
{
    if (!row->has_hole)
        return false;
    *scan = *before;
    sync->has_sets = true;
    return true;
}

static st_err write_next(sotay_sync *sync, st_frame_writer *writer, const outbox_set *set,
                         own_row *row, size_t *bytes, st_error *error)
{
    size_t sent = sync->sent_count;
    st_err err = write_set(sync, writer, set, bytes, error);
    if (sync->sent_count > sent)
        row->has_sent = true;
    else
        row->has_hole = row->has_sent;
    return err;
}

/* At the end of the others, once: those of which the server did not say what they are. */
static bool turn_to_asked(sotay_sync *sync)
{
    book_key all = book_key_of(BOOK_OWN);
    if (!sync->has_asked || sync->asks_again)
        return false;
    sync->asks_again = true;
    sync->sets = book_scan_of(&all);
    return true;
}

/* Is it of those that are gone through now? */
static bool is_next(sotay_sync *sync, const outbox_set *set)
{
    if (!outbox_waits(set))
        return false;
    sync->has_asked = sync->has_asked || set->is_asked;
    return set->is_asked == sync->asks_again;
}

/* The next one that waits, and where the scan stood in front of it. ST_E_NOT_FOUND. */
static st_err next_own(sotay_sync *sync, book_scan *out_before, outbox_set *out_set,
                       st_error *error)
{
    for (;;) {
        *out_before = sync->sets;
        st_err err = outbox_next(&sync->client->book, &sync->sets, out_set, error);
        if (err == ST_E_NOT_FOUND && turn_to_asked(sync))
            continue;
        if (err != ST_OK || is_next(sync, out_set))
            return err;
    }
}

/* Unsent sets in order, as many as one request carries; the scan stays where it is. */
static st_err write_own(sotay_sync *sync, st_frame_writer *writer, size_t *bytes, st_error *error)
{
    st_err err = ST_OK;
    own_row row = { .has_sent = false };
    while (err == ST_OK && !sync->has_sets) {
        outbox_set set;
        book_scan before;
        err = next_own(sync, &before, &set, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err != ST_OK)
            continue;
        if (st_id_cmp(&row.device, &set.device) != 0)
            row = (own_row){ .device = set.device };
        bool named = st_id_cmp(&set.device, &sync->client->me.speaker) == 0;
        if (!is_full(sync, *bytes, &sync->sets, &before) &&
            !goes_after_papers(sync, named, &sync->sets, &before) &&
            !goes_after_answers(sync, &row, &sync->sets, &before))
            err = write_next(sync, writer, &set, &row, bytes, error);
    }
    return err;
}

/* Own sets whose verdict may have changed where this device does not read: said again, whatever
 * it is now. Nothing of them counts as sent anew. */
static st_err write_waiting(sotay_sync *sync, st_frame_writer *writer, size_t *bytes,
                            st_error *error)
{
    st_err err = waiting_find(sync, error);
    while (err == ST_OK && !sync->is_send_only) {
        outbox_set set;
        size_t before = *bytes, sent = sync->sent_count;
        err = waiting_next(sync, &set, error);
        if (err == ST_OK && has_no_room(sync, *bytes)) {
            sync->waiting_done--;
            sync->has_sets = true;
            return ST_OK;
        }
        if (err == ST_OK)
            err = write_set(sync, writer, &set, bytes, error);
        if (err == ST_OK && sync->sent_count > sent)
            sync->sent[sent].changes = 0;
        sync->waiting_bytes += *bytes - before;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err write_sets(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    size_t bytes = 0;
    sync->has_sets = sync->brings_papers = false;
    sync->parcels_count = sync->offered_count = 0;
    st_err err = write_enrolments(sync, writer, &bytes, error);
    if (err == ST_OK)
        err = write_carried(sync, writer, &bytes, error);
    if (err == ST_OK)
        err = write_own(sync, writer, &bytes, error);
    if (err == ST_OK && !sync->has_sets)
        err = write_waiting(sync, writer, &bytes, error);
    if (err == ST_OK && !sync->has_sets)
        err = write_taken(sync, writer, &bytes, error);
    return err == ST_OK ? write_parcels(sync, writer, &bytes, error) : err;
}

static st_err write_evidence(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    st_frame frame;
    st_arena arena;
    bool asks = false;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_REPAIR_ASK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = evidence_ask(sync, &arena, &frame.as.repair_ask, &asks, error);
    if (err == ST_OK && asks)
        err = write_frame(sync, writer, &frame, error);
    st_arena_reset(&arena);
    return err;
}

static st_err write_repairs(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sync->repairs_count; i++) {
        st_frame frame;
        st_arena arena;
        bool asks = false;
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_REPAIR_ASK;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = repair_ask(sync, i, &arena, &frame.as.repair_ask, &asks, error);
        if (err == ST_OK && asks)
            err = write_frame(sync, writer, &frame, error);
        st_arena_reset(&arena);
    }
    return err == ST_OK ? write_evidence(sync, writer, error) : err;
}

/* The last set that was sealed before this sync, when the server is known to have it: then it is
 * the last one that it has of this device. It only saves bytes: without it all of them go. */
static st_err find_base(sotay_sync *sync, st_head *head, st_error *error)
{
    sotay_client *client = sync->client;
    const identity *me = &client->me;
    outbox_set set;
    book_key at = book_key_counter(BOOK_OWN, &me->device, sync->last_sealed + 1), found;
    st_buffer_clear(&sync->base);
    head->has_base = false;
    bool may = me->dictionary == ST_DICTIONARY_LAST_SET && !sync->is_plain && !me->is_forked;
    if (!may || sync->last_sealed == 0 || me->sealed == sync->last_sealed ||
        sync->report.requests > 0 || st_id_cmp(&me->device, &me->speaker) != 0)
        return ST_OK;
    st_err err = book_before(&client->book, &at, 1 + sizeof me->device.b, &found, error);
    uint64_t first = err == ST_OK ? st_get_u64(found.b + 1 + sizeof me->device.b) : 0;
    if (err == ST_OK)
        err = outbox_get(&client->book, &me->device, first, &set, error);
    if (err != ST_OK || set.last != sync->last_sealed || set.status != OUTBOX_SENT)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &me->device, first);
    st_arena_init(&arena, (size_t)ST_SET_BYTES_MAX * 2);
    err = book_get_whole(&client->book, &key, &arena, &value, error);
    head->has_base = err == ST_OK;
    if (err == ST_OK)
        err = st_head_base(value.data, value.len, &sync->last_hash, &sync->base, head->base);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err write_heir(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_HEIR_ASK };
    frame.as.heir_ask = sync->heir;
    return heir_asks(sync) ? write_frame(sync, writer, &frame, error) : ST_OK;
}

static st_err build_stream(sotay_sync *sync, st_error *error)
{
    st_frame_writer *writer = NULL;
    client_now(sync->client, &sync->asked_wall_ms, &sync->asked_mono_ms);
    st_buffer_clear(&sync->stream);
    memset(&sync->head, 0, sizeof sync->head);
    st_err err = client_begin(sync->client, false, error);
    if (err == ST_OK)
        err = st_frame_writer_new(LEVEL, &sync->stream, &writer, error);
    if (err == ST_OK)
        err = find_base(sync, &sync->head, error);
    if (err == ST_OK && sync->head.has_base)
        err = st_frame_writer_base(writer, sync->base.data, sync->base.len, error);
    if (err == ST_OK)
        err = write_ask(sync, writer, error);
    if (err == ST_OK)
        err = write_heir(sync, writer, error);
    if (err == ST_OK && !sync->is_send_only)
        err = write_repairs(sync, writer, error);
    if (err == ST_OK)
        err = write_sets(sync, writer, error);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, error);
    st_frame_writer_free(writer);
    client_abort(sync->client);
    return err;
}

/* The head and what is signed of it. */
st_err ask_head(sotay_sync *sync, const char *method, const char *path, st_error *error)
{
    sotay_client *client = sync->client;
    sync->head.device = client->me.speaker;
    memcpy(sync->head.install, client->install, sizeof sync->head.install);
    sync->head.counter = sync->seal.counter_next++;
    st_hash body = st_sha256(sync->stream.data, sync->stream.len);
    st_buffer_clear(&sync->text);
    st_err err =
        st_head_sign_text(&sync->head, method, path, &body, &client->me.log, &sync->text);
    return err == ST_OK ? ST_OK : st_fail(error, err, "sync: no memory");
}

static st_err drafts(sotay_sync *sync, st_error *error)
{
    st_err err = draft_commit_all(sync->client, &sync->report.needs_person, error);
    sync->has_drafts_done = err == ST_OK;
    return err;
}

st_err ask_sign(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    sotay_slice text = { sync->text.data, sync->text.len };
    st_err err = client_sign(client, client->me.sign_key, text, sync->head.signature, error);
    if (err != ST_OK)
        return err;
    uint8_t head[ST_HEAD_BYTES_MAX];
    size_t head_bytes = st_head_encode(&sync->head, head);
    st_buffer_clear(&sync->body);
    err = st_buffer_append(&sync->body, head, head_bytes, error);
    if (err == ST_OK)
        err = st_buffer_append(&sync->body, sync->stream.data + sync->head.skip,
                               sync->stream.len - sync->head.skip, error);
    return err;
}

/* What is sealed now leans on nothing that the server was asked about and did not say. What goes on
 * waiting does. */
static st_err doubt(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    const bool all = sync->seal.is_answered;
    const bool leans = all || sync->seal.was_asked;
    const bool is_done = sync->doubted == client->me.counter && sync->has_doubted_all == all;
    if (!leans || outbox_unsealed(client) == 0 || is_done)
        return ST_OK;
    const uint64_t lost = client->me.lost;
    st_err err = replay_doubted(client, all ? UINT64_MAX : client->me.heard, error);
    if (err != ST_OK && err != ST_PENDING)
        return err;
    sync->doubted = client->next.counter;
    sync->has_doubted_all = all;
    sync->report.needs_person |= client->next.lost != lost; /* one does not open */
    return err;
}

/* What was written in this sync or before it, or put off until now. */
static st_err seal(sotay_sync *sync, st_error *error)
{
    bool was_put_off = sync->seal.is_put_off && sync->seal.is_answered;
    sync->seal.was_asked = false;
    st_err err = sync->report.requests == 0
                     ? outbox_was_asked(sync->client, &sync->seal.was_asked, error)
                     : ST_OK;
    if (err == ST_OK)
        err = doubt(sync, error);
    if (err != ST_OK)
        return err;
    limit_seal(sync);
    if (sync->written != sync->client->me.counter || was_put_off) {
        const st_id *device = &sync->client->me.device; /* those of the others went before */
        book_key own = was_put_off ? book_key_id(BOOK_OWN, device) : book_key_of(BOOK_OWN);
        sync->seal.is_over = false;
        sync->sets = book_scan_of(&own);
        sync->has_asked = sync->asks_again = false;
    }
    sync->written = sync->client->me.counter;
    return outbox_flush(&sync->seal, sync->client, error);
}

/* What the office holds and does not open here; what it was said to have, and no page brought. */
static st_err look_for_missed(sotay_client *client, st_error *error)
{
    st_err err = anew_find_held(client, error);
    if (err == ST_OK)
        err = outbox_offer_missed(client, error);
    if (err == ST_OK)
        err = carried_offer_missed(client, error);
    return err == ST_OK ? closed_offer_missed(client, error) : err;
}

st_err ask_make(sotay_sync *sync, st_error *error)
{
    st_err err = take_copied(sync->client, error);
    if (err == ST_OK && !sync->has_drafts_done) /* once in a sync */
        err = outbox_lose_left(sync->client, &sync->report.needs_person, error);
    if (err == ST_OK) /* once in a sync, and again when keys came on which names hang */
        err = relearn_damaged(sync->client, true, &sync->names, error);
    if (err == ST_OK && !sync->has_drafts_done)
        err = look_for_missed(sync->client, error);
    if (err == ST_OK && !sync->has_drafts_done)
        err = drafts(sync, error);
    if (err == ST_OK && !sync->body_is_built) {
        err = seal(sync, error);
        if (err == ST_OK)
            err = purge_prepare(sync, error);
        if (err == ST_OK)
            err = heir_prepare(sync, error);
        if (err == ST_OK)
            err = build_stream(sync, error);
        if (err == ST_OK)
            err = ask_head(sync, "POST", "/v1/sync", error);
        sync->body_is_built = err == ST_OK;
    }
    return err == ST_OK ? ask_sign(sync, error) : err;
}
