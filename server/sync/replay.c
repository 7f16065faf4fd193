/* server/sync/replay.c - the fold of the log, row by row.
 * Promises: gives byte for byte the tables that ingest and settle left, since it takes every
 * verdict from the row and never judges. Must never write to a base table. */
#include "server/sync/replay.h"

#include <string.h>

#include "proto/changeset.h"
#include "server/sync/erase.h"
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "server/sync/sets.h"

/* The recorded reason of a change; NONE when it took effect. */
static st_hold reason_of(const sync_row *row, uint64_t counter)
{
    for (uint32_t i = 0; i < row->held_count; i++)
        if (row->held[i].counter == counter)
            return row->held[i].reason;
    return ST_HOLD_NONE;
}

static st_err add_held(writer_turn *turn, uint64_t index, const sync_row *row,
                       const st_change *change, const st_held *one, st_error *error)
{
    sync_held held;
    memset(&held, 0, sizeof held);
    held.dot.device = row->device;
    held.dot.counter = one->counter;
    if (change != NULL)
        held.record = change->record;
    held.person = row->actor;
    held.bucket = row->bucket;
    held.index = index;
    held.received_ms = row->time_ms;
    held.reason = one->reason;
    return sync_held_add(turn, &held, error);
}

/* A fork, or a set that cannot be read: listed, not folded. */
static st_err replay_unfolded(writer_turn *turn, uint64_t index, const sync_row *row,
                              const st_set *set, st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        uint64_t at = row->held[i].counter - set->first;
        err = add_held(turn, index, row, at < set->changes_count ? &set->changes[at] : NULL,
                       &row->held[i], error);
    }
    if (err != ST_OK)
        return err;
    return row->kind == ST_ENTRY_FORK ? sets_add_fork(turn->txn, set, index, error)
                                      : sets_add(turn->txn, set, index, error);
}

static st_err replay_changes(writer_turn *turn, uint64_t index, const sync_row *row,
                             const st_set *set, st_error *error)
{
    sync_fold fold;
    st_arrival what;
    memset(&what, 0, sizeof what);
    what.actor = row->actor;
    what.role = set->role;
    what.via = set->via;
    what.received_ms = row->time_ms;
    what.log_index = index;
    what.carrier = row->carrier;
    st_err err = sync_fold_open(turn, &row->bucket, index, &fold, error);
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        fold_record *record = NULL;
        st_held one = { change->dot.counter, reason_of(row, change->dot.counter) };
        bool held = one.reason != ST_HOLD_NONE;
        err = sync_fold_record(&fold, &change->record, &record, error);
        if (err == ST_OK)
            err = sync_fold_change(&fold, record, change, &what,
                                   held ? ST_FOLD_HOLD : ST_FOLD_APPLY, error);
        if (err == ST_OK)
            err = sync_fold_history(&fold, change, ST_ENTRY_CHANGE, error);
        if (err == ST_OK && held)
            err = add_held(turn, index, row, change, &one, error);
    }
    if (err == ST_OK)
        err = sync_fold_close(&fold, error);
    if (err == ST_OK)
        err = sets_add(turn->txn, set, index, error);
    return err == ST_OK && row->kind == ST_ENTRY_ERASE && row->held_count == 0
               ? sync_erase_replay(turn, set, index, error)
               : err;
}

/* The held change that a decision names: held and change. */
typedef struct {
    free_sets sets;
    free_source *source;
    sync_held held;
    const st_change *change;
} decided;

static st_err find_decided(writer_turn *turn, const st_id *device, uint64_t counter,
                           decided *out, st_error *error)
{
    sync_held where;
    memset(&where, 0, sizeof where);
    where.dot.device = *device;
    where.dot.counter = counter;
    st_err err = sets_find(turn->txn, &where.dot, &where.index, error);
    if (err == ST_OK)
        err = free_sets_find(&out->sets, turn->txn, &where, &out->source, &out->change, error);
    if (err == ST_OK)
        err = sync_held_by_dot(turn->txn, &out->change->record, &where.dot, &out->held, error);
    return err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_CORRUPT, "log: a decision names change %llu, not held",
                         (unsigned long long)counter)
               : err;
}

static st_err replay_decision(writer_turn *turn, uint64_t index, const sync_row *row,
                              st_error *error)
{
    sync_fold fold;
    decided one;
    memset(&one, 0, sizeof one);
    st_fold kind = row->kind == ST_ENTRY_DECLINE ? ST_FOLD_DECLINE : ST_FOLD_APPLY;
    st_err err = sync_fold_open(turn, &row->bucket, index, &fold, error);
    fold.copies = true;                        /* a set may be given up before the fold is closed */
    for (uint32_t i = 0; err == ST_OK && i < row->counters_count; i++) {
        fold_record *record = NULL;
        err = find_decided(turn, &row->device, row->counters[i], &one, error);
        if (err == ST_OK)
            err = sync_held_remove(turn->txn, &one.held, error);
        if (err == ST_OK)
            err = sync_fold_record(&fold, &one.change->record, &record, error);
        if (err != ST_OK)
            break;
        st_arrival what = free_arrival(one.source);
        err = sync_fold_change(&fold, record, one.change, &what, kind, error);
        if (err == ST_OK)
            err = sync_fold_history(&fold, one.change, row->kind, error);
    }
    if (err == ST_OK)
        err = sync_fold_close(&fold, error);
    free_sets_end(&one.sets);
    return err;
}

static st_err replay_reason(writer_turn *turn, const sync_row *row, st_error *error)
{
    decided one;
    memset(&one, 0, sizeof one);
    st_err err = row->held_count > 0
                     ? ST_OK
                     : st_fail(error, ST_E_CORRUPT, "log: a hold without a change");
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        err = find_decided(turn, &row->device, row->held[i].counter, &one, error);
        one.held.reason = row->held[i].reason;
        if (err == ST_OK)
            err = sync_held_change(turn->txn, &one.held, error);
    }
    free_sets_end(&one.sets);
    return err;
}

static st_err replay_set(writer_turn *turn, uint64_t index, const sync_row *row, st_set *set,
                         st_error *error)
{
    st_err err = st_set_decode(row->set.data, row->set.len, turn->arena, set, error);
    if (err == ST_E_MEMORY || (err != ST_OK && set->bytes == NULL))
        return err;                            /* else: kept although it cannot be read */
    return row->kind == ST_ENTRY_FORK || set->changes_count == 0
               ? replay_unfolded(turn, index, row, set, error)
               : replay_changes(turn, index, row, set, error);
}

st_err sync_replay_row(writer_turn *turn, uint64_t index, const sync_row *row, st_set *out_set,
                       st_error *error)
{
    st_set set;
    st_err err = ST_OK;
    bool added = false;
    uint32_t dismissed = 0;
    st_gone gone = { row->first, row->last };
    memset(&set, 0, sizeof set);
    switch (row->kind) {
    case ST_ENTRY_VERDICT:
    case ST_ENTRY_ACCEPT:
    case ST_ENTRY_DECLINE:
        err = replay_decision(turn, index, row, error);
        break;
    case ST_ENTRY_HOLD:
        err = replay_reason(turn, row, error);
        break;
    case ST_ENTRY_NOTE:
        err = sync_held_dismiss(turn->txn, &(st_dot){ row->device, row->first }, &dismissed,
                                error);
        break;
    case ST_ENTRY_GAP:
        err = sets_add_gap(turn->txn, &row->device, &gone, &added, error);
        break;
    default:
        if (row->set.len > 0)
            err = replay_set(turn, index, row, &set, error);
    }
    if (err == ST_OK && row->bucket.s[0] != '\0')
        err = sync_feed_add(turn->txn, &row->bucket, index, error);
    if (err == ST_OK && out_set != NULL)
        *out_set = set;
    return err;
}
