/* server/sync/free.c - releases that nobody has to decide.
 * Promises: a change that only waited takes effect as soon as what it waited for is there, in the
 * order of its device, and never before a held one in front of it. Each release is an entry.
 * Must never let in what another rule holds. */
#include "server/sync/free.h"

#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/judge.h"

#define SET_BYTES_DECODED ((size_t)64 * 1024 * 1024)  /* what the largest set may take in memory */

st_err free_find(store_txn *txn, st_arena *arena, free_source *source, const sync_held *held,
                 const st_change **out_change, st_error *error)
{
    if (source->index != held->index) {
        source->index = 0;
        st_err err = sync_row_get(txn, held->index, arena, &source->row, error);
        if (err == ST_OK)                      /* its hash was checked when it came */
            err = st_set_decode_kept(source->row.set.data, source->row.set.len, arena,
                                     &source->set, error);
        if (err != ST_OK)
            return err;
        source->index = held->index;
    }
    const st_set *set = &source->set;
    if (st_id_cmp(&held->dot.device, &set->device) != 0
        || held->dot.counter < set->first || set->changes_count == 0
        || held->dot.counter > st_set_last(set))
        return st_fail(error, ST_E_CORRUPT, "held: entry %llu has no such change",
                       (unsigned long long)held->index);
    *out_change = &set->changes[held->dot.counter - set->first];
    return ST_OK;
}

st_arrival free_arrival(const free_source *source)
{
    st_arrival what;
    memset(&what, 0, sizeof what);
    what.actor = source->row.actor;
    what.role = source->set.role;
    what.via = source->set.via;
    what.received_ms = source->row.time_ms;
    what.log_index = source->index;
    what.carrier = source->row.carrier;
    return what;
}

st_err free_sets_find(free_sets *sets, store_txn *txn, const sync_held *held,
                      free_source **out_source, const st_change **out_change, st_error *error)
{
    size_t at = 0;
    while (at < FREE_SETS && sets->list[at].index != held->index)
        at++;
    if (at == FREE_SETS) {
        at = sets->next;
        sets->next = (at + 1) % FREE_SETS;
        sets->list[at].index = 0;
        if (sets->arenas[at].bytes_max == 0)
            st_arena_init(&sets->arenas[at], SET_BYTES_DECODED);
        st_arena_reset(&sets->arenas[at]);
    }
    *out_source = &sets->list[at];
    return free_find(txn, &sets->arenas[at], &sets->list[at], held, out_change, error);
}

void free_sets_end(free_sets *sets)
{
    for (size_t i = 0; i < FREE_SETS; i++)
        st_arena_reset(&sets->arenas[i]);
    memset(sets, 0, sizeof *sets);
}

/* The held changes of one device on the record, while they are let in one by one. */
typedef struct {
    writer_turn *turn;
    free_work *work;
    sync_fold fold;
    auth_device device;
    uint64_t *counters;
    uint32_t freed;
    const sync_held *held;     /* ascending by counter */
    size_t held_count;
} run;

/* Judges held[0]. *out_hold: NONE, and it is let in; or what it is held for now. */
static st_err try_one(run *r, st_hold *out_hold, st_error *error)
{
    sync_judge judge;
    fold_record *record = NULL;
    const st_change *change = NULL;
    free_source *source = NULL;
    const sync_held *held = &r->held[0];
    *out_hold = held->reason;
    if (held->reason != ST_HOLD_WAITS && held->reason != ST_HOLD_NO_RECORD
        && held->reason != ST_HOLD_SUSPENDED)
        return ST_OK;
    st_err err = free_sets_find(&r->work->sets, r->turn->txn, held, &source, &change, error);
    if (err == ST_OK)
        err = sync_fold_record(&r->fold, &held->record, &record, error);
    if (err == ST_OK)
        err = judge_open(&r->fold, &source->set, &r->device, &judge, error);
    if (err == ST_OK)
        err = judge_change(&judge, change, record, out_hold, NULL, error);
    if (err != ST_OK || *out_hold != ST_HOLD_NONE)
        return err;
    st_arrival what = free_arrival(source);
    err = sync_held_remove(r->turn->txn, held, error);
    if (err == ST_OK)
        err = sync_fold_change(&r->fold, record, change, &what, ST_FOLD_APPLY, error);
    if (err == ST_OK)
        err = sync_fold_history(&r->fold, change, ST_ENTRY_VERDICT, error);
    r->counters[r->freed++] = held->dot.counter;
    return err;
}

static st_err append_verdict(run *r, const st_bucket *bucket, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_VERDICT;
    row.device = r->device.id;
    row.bucket = *bucket;
    row.counters = r->counters;
    row.counters_count = r->freed;
    row.first = r->counters[0];
    row.last = r->counters[r->freed - 1];
    return sync_log_append(r->turn, &row, NULL, error);
}

/* Those of held[at..end), all of one bucket, that are held for another reason now: an entry. */
static st_err append_reasons(run *r, size_t at, size_t end, st_hold first, st_error *error)
{
    sync_row row;
    st_err err = ST_OK;
    st_held *list = st_arena_array(r->turn->arena, end - at, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "free: out of memory");
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_HOLD;
    row.device = r->device.id;
    row.bucket = r->held[at].bucket;
    row.held = list;
    for (size_t i = at; err == ST_OK && i < end; i++) {
        sync_held now = r->held[i];
        if (i == 0)
            now.reason = first;
        else if (now.reason == ST_HOLD_NO_RECORD || now.reason == ST_HOLD_SUSPENDED)
            now.reason = judge_behind(&r->device);
        if (now.reason == r->held[i].reason)
            continue;
        list[row.held_count++] = (st_held){ now.dot.counter, now.reason };
        err = sync_held_change(r->turn->txn, &now, error);
    }
    if (err != ST_OK || row.held_count == 0)
        return err;
    row.first = list[0].counter;
    row.last = list[row.held_count - 1].counter;
    return sync_log_append(r->turn, &row, NULL, error);
}

/* held[0] stays, for the reason `first`, and all that are behind it: what they waited for may be
 * there. One entry for each bucket, of as many changes as one may name. */
static st_err note_reasons(run *r, st_hold first, st_error *error)
{
    st_err err = ST_OK;
    for (size_t at = 0, end = 0; err == ST_OK && at < r->held_count; at = end) {
        for (end = at + 1; end < r->held_count && end - at < ST_SET_CHANGES_MAX
                           && strcmp(r->held[end].bucket.s, r->held[at].bucket.s) == 0;)
            end++;
        err = append_reasons(r, at, end, first, error);
    }
    return err;
}

/* The changes of one device: held[0..count); as many as one entry may name. */
static st_err free_run(run *r, const st_bucket *bucket, st_error *error)
{
    st_hold hold = ST_HOLD_NONE;
    r->counters = st_arena_array(r->turn->arena, r->held_count, sizeof *r->counters);
    if (r->counters == NULL)
        return st_fail(error, ST_E_MEMORY, "free: out of memory");
    st_err err = auth_device_get(r->turn->txn, r->turn->room->keys, &r->held[0].dot.device,
                                 &r->device, error);
    if (err == ST_OK)
        err = sync_fold_open(r->turn, bucket, r->turn->next_index, &r->fold, error);
    r->fold.copies = true;                     /* a set may be given up before the fold is closed */
    r->fold.kept = &r->work->vectors;
    while (err == ST_OK && r->held_count > 0 && r->freed < ST_SET_CHANGES_MAX
           && strcmp(r->held[0].bucket.s, bucket->s) == 0) {
        err = try_one(r, &hold, error);
        if (err != ST_OK || hold != ST_HOLD_NONE)
            break;
        r->held++;
        r->held_count--;
    }
    if (err == ST_OK && r->freed > 0) {
        err = sync_fold_close(&r->fold, error);
        if (err == ST_OK)
            err = append_verdict(r, bucket, error);
    }
    return err == ST_OK && hold != ST_HOLD_NONE ? note_reasons(r, hold, error) : err;
}

/* A record, and the first change of a device that is held on it. */
typedef struct {
    st_id record;
    uint64_t counter;
} first_held;

static int by_counter(const void *a, const void *b)
{
    const uint64_t left = ((const first_held *)a)->counter;
    const uint64_t right = ((const first_held *)b)->counter;
    return left < right ? -1 : left > right;
}

/* In the order of the device, so that each of its sets is decoded once. In the turn's arena. */
static st_err list_records(writer_turn *turn, const st_id *device, first_held **out_list,
                           size_t *out_count, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(device->b, sizeof device->b);
    first_held *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = store_cursor_open(turn->txn, STORE_HELD_BY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix) && cursor.key.len == 40) {
        const uint8_t *key = cursor.key.data;
        if (count == 0 || memcmp(list[count - 1].record.b, key + 16, 16) != 0) {
            first_held *grown =
                st_arena_grow(turn->arena, list, count, &capacity, sizeof *grown);
            if (grown == NULL) {
                err = st_fail(error, ST_E_MEMORY, "free: out of memory");
                break;
            }
            list = grown;
            memcpy(list[count].record.b, key + 16, 16);
            list[count++].counter = st_get_u64(key + 32);
        }
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (count > 0)
        qsort(list, count, sizeof *list, by_counter);
    *out_list = list;
    *out_count = count;
    return err;
}

st_err sync_free_device(writer_turn *turn, const st_id *device, st_error *error)
{
    free_work work;
    first_held *list = NULL;
    size_t count = 0;
    memset(&work, 0, sizeof work);
    st_err err = list_records(turn, device, &list, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = sync_free_record(turn, &work, &list[i].record, error);
    return sync_free_end(turn, &work, err, error);
}

/* One look at all that is held on the record. *out_freed: how many were let in. */
static st_err free_pass(writer_turn *turn, free_work *work, const st_id *record,
                        size_t *out_freed, st_error *error)
{
    sync_held *list = NULL;
    size_t count = 0;
    st_err err = sync_held_of_record(turn->txn, record, turn->arena, &list, &count, error);
    for (size_t at = 0, end = 0; err == ST_OK && at < count; at = end) {
        run r;
        memset(&r, 0, sizeof r);
        for (end = at + 1; end < count
                           && st_id_cmp(&list[end].dot.device, &list[at].dot.device) == 0;)
            end++;
        r.turn = turn;
        r.work = work;
        r.held = &list[at];
        r.held_count = end - at;
        err = free_run(&r, &list[at].bucket, error);
        *out_freed += r.freed;
    }
    return err;
}

/* In memory of its own: a set may create a thousand records, each with something that waits. What
 * one device's change lets in, another one's may have waited for: until nothing moves. */
st_err sync_free_record(writer_turn *turn, free_work *work, const st_id *record,
                        st_error *error)
{
    st_arena pass, *outer = turn->arena;
    size_t freed = 1;
    st_err err = ST_OK;
    st_arena_init(&pass, outer->bytes_max);
    turn->arena = &pass;
    while (err == ST_OK && freed > 0) {
        freed = 0;
        err = free_pass(turn, work, record, &freed, error);
        st_arena_reset(&pass);
    }
    turn->arena = outer;
    return err;
}

st_err sync_free_end(writer_turn *turn, free_work *work, st_err err, st_error *error)
{
    if (err == ST_OK)
        err = fold_vectors_save(&work->vectors, turn->txn, error);
    fold_vectors_end(&work->vectors);
    free_sets_end(&work->sets);
    return err;
}
