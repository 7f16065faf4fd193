/* server/sync/ingest.c - takes in one change-set: everything or nothing.
 * Promises: a set that its device signed is stored, whatever is in it, and answered; it is stored
 * once; what may not take effect is held with a reason and leaves a hole; record, vector, sum, log
 * entry and leaf change in one transaction. Must never acknowledge before the commit, and never
 * re-encode what was signed. */
#include "server/sync/ingest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/audit/news.h"
#include "server/sync/act.h"
#include "server/sync/epoch.h"
#include "server/sync/erase.h"
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "server/sync/judge.h"
#include "server/sync/lifted.h"
#include "server/sync/seen.h"
#include "server/sync/sets.h"

/* Somebody took a value out of a set that comes, and no erasure says so: it may come whole yet. Or
 * so much of the device waits in the bucket that the office has to decide first. */
#define LATER_S 3600u
/* What was lost with an older epoch comes first: the papers by which a set is judged, and what lies
 * in front of it, whose counters may be another branch's by now. The next request has them all. */
#define EARLY_S 1u

/* One set on its way in. */
typedef struct {
    writer_turn *turn;
    sync_item *item;
    const auth_device *device;
    sync_row row;
    st_held *held;             /* room for all changes of the set */
    uint32_t held_count;
} arrival;

/* ---- verdicts ---- */

static void say_not_stored(sync_item *item, st_held *one, st_hold reason)
{
    one->counter = item->set.first;
    one->reason = reason;
    item->verdict.kind = ST_VERDICT_HELD;
    item->verdict.position = 0;
    item->verdict.held = one;
    item->verdict.held_count = 1;
}

/* Why the set cannot even be stored; NONE when it can. Nobody signed it, or it shows nothing. */
static st_hold not_storable(const sync_item *item)
{
    if (item->set.bytes == NULL)
        return ST_HOLD_CORRUPT;
    if (!item->is_known)
        return ST_HOLD_DEVICE;
    return item->is_signed ? ST_HOLD_NONE : ST_HOLD_SIGNATURE;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Changes of a known set that wait no more: their author may not read where that was said. */
static st_err note_declined(arrival *a, uint64_t index, sync_settled *list, size_t count,
                            st_error *error)
{
    st_verdict *verdict = &a->item->verdict;
    uint64_t *declined = st_arena_array(a->turn->arena, count, sizeof *declined);
    if (declined == NULL)
        return st_fail(error, ST_E_MEMORY, "ingest: out of memory");
    st_err err = sync_held_was_declined(a->turn->txn, &a->item->set.device, index, list, count,
                                        error);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        if (list[i].is_declined)
            declined[verdict->declined_count++] = list[i].counter;
    qsort(declined, verdict->declined_count, sizeof *declined, by_number);
    verdict->declined = declined;
    return err;
}

/* A known set: the answer of then, with what is still held of it. */
static st_err answer_known(arrival *a, uint64_t index, st_error *error)
{
    sync_row row;
    sync_held held;
    size_t settled_count = 0;
    const st_set *set = &a->item->set;
    st_err err = sync_row_get(a->turn->txn, index, a->turn->arena, &row, error);
    if (err != ST_OK)
        return err;
    /* A program that read more of the set, or less, may have stored it. */
    a->held = st_arena_array(a->turn->arena, row.held_count + 1u, sizeof *a->held);
    sync_settled *settled = st_arena_array(a->turn->arena, row.held_count, sizeof *settled);
    if (a->held == NULL || settled == NULL)
        return st_fail(error, ST_E_MEMORY, "ingest: out of memory");
    for (uint32_t i = 0; err == ST_OK && i < row.held_count; i++) {
        st_hold reason = row.held[i].reason;
        uint64_t counter = row.held[i].counter;
        if (row.kind != ST_ENTRY_FORK && set->changes_count > 0 && counter >= set->first
            && counter <= st_set_last(set)) {
            const st_change *change = &set->changes[counter - set->first];
            st_err found = sync_held_by_dot(a->turn->txn, &change->record, &change->dot, &held,
                                            error);
            if (found == ST_E_NOT_FOUND) {
                settled[settled_count++] = (sync_settled){ .record = change->record,
                                                           .counter = counter };
                continue;
            }
            err = found;
            reason = held.reason;
        }
        a->held[a->held_count].counter = counter;
        a->held[a->held_count++].reason = reason;
    }
    a->item->verdict.kind = ST_VERDICT_DUPLICATE;
    a->item->verdict.position = index;
    a->item->verdict.held = a->held;
    a->item->verdict.held_count = a->held_count;
    return err == ST_OK ? note_declined(a, index, settled, settled_count, error) : err;
}

static void answer_stored(arrival *a, uint64_t index)
{
    st_verdict *verdict = &a->item->verdict;
    bool all = a->held_count > 0 && a->held_count >= a->item->set.changes_count;
    verdict->kind = all ? ST_VERDICT_HELD : ST_VERDICT_STORED;
    verdict->position = index;
    verdict->held = a->held;
    verdict->held_count = a->held_count;
}

/* ---- holding ---- */

static st_err hold_one(arrival *a, const st_change *change, uint64_t counter, st_hold reason,
                       st_error *error)
{
    sync_held held;
    memset(&held, 0, sizeof held);
    held.dot.device = a->item->set.device;
    held.dot.counter = counter;
    if (change != NULL)
        held.record = change->record;
    held.person = a->row.actor;
    held.bucket = a->row.bucket;
    held.index = a->turn->next_index;
    held.received_ms = a->row.time_ms;
    held.reason = reason;
    a->held[a->held_count].counter = counter;
    a->held[a->held_count++].reason = reason;
    return sync_held_add(a->turn, &held, error);
}

/* All of it for one reason, without folding: another branch, or nothing that can be read. */
static st_err hold_all(arrival *a, st_hold reason, st_error *error)
{
    const st_set *set = &a->item->set;
    st_err err = ST_OK;
    if (set->changes_count == 0)
        err = hold_one(a, NULL, set->first, reason, error);
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        err = hold_one(a, &set->changes[i], set->changes[i].dot.counter, reason, error);
    return err;
}

/* ---- folding ---- */

static st_err take_change(arrival *a, sync_judge *judge, const st_change *change,
                          const st_arrival *what, st_error *error)
{
    fold_record *record = NULL;
    st_hold hold = ST_HOLD_NONE;
    char *detail = a->held_count == 0 ? a->item->detail : NULL;
    st_err err = sync_fold_record(judge->fold, &change->record, &record, error);
    if (err == ST_OK)
        err = judge_change(judge, change, record, &hold, detail, error);
    if (err == ST_OK)
        err = sync_fold_change(judge->fold, record, change, what,
                               hold == ST_HOLD_NONE ? ST_FOLD_APPLY : ST_FOLD_HOLD, error);
    if (err == ST_OK)
        err = sync_fold_history(judge->fold, change, ST_ENTRY_CHANGE, error);
    if (err == ST_OK && hold != ST_HOLD_NONE)
        err = hold_one(a, change, change->dot.counter, hold, error);
    return err;
}

/* Of a fold that is open. */
static st_err take_changes(arrival *a, sync_fold *fold, st_error *error)
{
    const st_set *set = &a->item->set;
    sync_judge judge;
    st_arrival what;
    memset(&what, 0, sizeof what);
    what.actor = a->row.actor;
    what.role = set->role;
    what.via = set->via;
    what.received_ms = a->row.time_ms;
    what.log_index = a->turn->next_index;
    what.carrier = a->row.carrier;
    st_err err = judge_open(fold, set, a->device, &judge, error);
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        err = take_change(a, &judge, &set->changes[i], &what, error);
    if (err == ST_OK)
        err = sync_fold_close(fold, error);
    return err;
}

/* Lifting a suspension lets in what it held. One that a phone brings back to a book that lost it
 * does not: what the office declined in between is lost with it, and would go into the book. */
static st_err free_lifted(arrival *a, const sync_fold *fold, st_error *error)
{
    if (a->row.kind != ST_ENTRY_SUSPEND || fold->list[0]->form == NULL
        || sync_came_back(a->turn, a->item))
        return ST_OK;
    st_value key = catalogue_value(fold->list[0]->form, &fold->list[0]->record, "sign_key");
    if (key.kind != ST_VALUE_HASH || key.len != ST_SIGN_PUBLIC_BYTES)
        return ST_OK;
    st_id device = st_device_id(key.data);
    return sync_free_device(a->turn, &device, error);
}

/* Records that came into being may let in what waited for them. */
static st_err free_waiting(writer_turn *turn, const sync_fold *fold, st_error *error)
{
    free_work work;
    st_err err = ST_OK;
    memset(&work, 0, sizeof work);
    for (size_t i = 0; err == ST_OK && i < fold->count; i++) {
        const fold_record *record = fold->list[i];
        if (record->record.created && !record->was_created && record->has_held)
            err = sync_free_record(turn, &work, &record->record.id, error);
    }
    return sync_free_end(turn, &work, err, error);
}

/* ---- one set ---- */

static void fill_row(arrival *a, const sync_bringer *by)
{
    const st_set *set = &a->item->set;
    sync_row *row = &a->row;
    row->kind = ST_ENTRY_CHANGE;
    sync_log_stamp(a->turn, row);
    row->actor = judge_actor(set, a->device);
    row->device = set->device;
    row->first = set->first;
    row->last = set->changes_count == 0 ? set->first : st_set_last(set);
    if (by != NULL && st_id_cmp(&by->device, &set->device) != 0)
        row->carrier = by->device;
    row->bucket = set->bucket;
    row->set = store_bytes(set->bytes, set->bytes_len);
}

/* What lies between the set and what is known before it. */
static st_err find_gap(arrival *a, st_error *error)
{
    sets_head head;
    st_err err = sets_head_get(a->turn->txn, &a->item->set.device, &head, error);
    if (err == ST_OK && head.known + 1 < a->item->set.first) {
        a->item->has_want = true;
        a->item->want.has_device = true;
        a->item->want.device = a->item->set.device;
        a->item->want.from = head.known + 1;
        a->item->want.to = a->item->set.first - 1;
    }
    return err;
}

/* Why a signed set is kept although its changes cannot be read. */
static st_hold unreadable(const sync_item *item)
{
    switch (item->decoded) {
    case ST_E_VERSION:
        return ST_HOLD_VERSION;
    case ST_E_TOO_LARGE:
        return ST_HOLD_LIMIT;
    default:
        return ST_HOLD_CORRUPT;
    }
}

static void say_later(sync_item *item, uint32_t later_s)
{
    item->verdict.kind = ST_VERDICT_LATER;
    item->verdict.later_s = later_s;
}

static st_err take_new(arrival *a, st_error *error)
{
    const st_set *set = &a->item->set;
    uint64_t index = a->turn->next_index;
    sync_fold fold;
    memset(&fold, 0, sizeof fold);
    bool is_full = false;
    st_err err = ST_OK;
    if (set->changes_count > 0)
        err = sync_fold_open(a->turn, &set->bucket, index, &fold, error);
    if (err == ST_OK && set->changes_count > 0)
        err = sync_fold_is_full(&fold, set, &is_full, error);
    if (err == ST_OK && is_full)
        say_later(a->item, LATER_S);
    if (err != ST_OK || is_full)
        return err;
    err = set->changes_count == 0 ? hold_all(a, unreadable(a->item), error)
                                  : take_changes(a, &fold, error);
    if (err == ST_OK)
        err = sets_add(a->turn->txn, set, index, error);
    a->row.kind = act_kind_of(set, &fold);
    a->row.held = a->held;
    a->row.held_count = a->held_count;
    if (err == ST_OK)
        err = sync_log_append(a->turn, &a->row, set, error);
    if (err == ST_OK)
        err = find_gap(a, error);
    if (err == ST_OK)
        answer_stored(a, index);
    if (err == ST_OK && a->row.kind == ST_ENTRY_ERASE && a->held_count == 0)
        err = sync_erase_apply(a->turn, set, index, error);
    if (err == ST_OK)
        err = free_waiting(a->turn, &fold, error);
    return err == ST_OK ? free_lifted(a, &fold, error) : err;
}

static st_err take_fork(arrival *a, st_error *error)
{
    uint64_t index = a->turn->next_index;
    st_err err = hold_all(a, ST_HOLD_FORK, error);
    if (err == ST_OK)
        err = sets_add_fork(a->turn->txn, &a->item->set, index, error);
    a->row.kind = ST_ENTRY_FORK;
    a->row.held = a->held;
    a->row.held_count = a->held_count;
    if (err == ST_OK)
        err = sync_log_append(a->turn, &a->row, &a->item->set, error);
    if (err == ST_OK)
        answer_stored(a, index);
    return err;
}

/* Both logs have this epoch's beginning, and what the holder confirmed of this one before it went
 * on with the other: checkpoints that it takes continue each other. When this program began says
 * nothing: others may have written here since the store was put back. What cannot be read bounds
 * nothing: entry 1 is in both. */
static uint64_t find_common(writer_turn *turn, const st_id *holder)
{
    uint64_t begun = 0;
    audit_confirmation confirmed = { .size = 0 };
    if (sync_epoch_begun(turn->txn, turn->room, turn->arena, &begun, NULL) != ST_OK)
        begun = 0;
    if (holder != NULL && audit_confirmed(turn->txn, holder, &confirmed, NULL) != ST_OK)
        confirmed.size = 0;
    const uint64_t common = confirmed.size > begun ? confirmed.size : begun;
    return common > 0 ? common : 1;
}

/* Nothing is acknowledged from here on. */
st_err sync_see_rollback(writer_turn *turn, const st_id *holder, st_error *error)
{
    if (turn->room->side != NULL) {
        st_err err = side_mark(turn->room->side, find_common(turn, holder), error);
        if (err != ST_OK)
            return err;
    }
    return st_fail(error, ST_E_STORAGE, SYNC_ROLLED_BACK);
}

st_err sync_ingest_set(writer_turn *turn, sync_item *item, const sync_bringer *by,
                       st_error *error)
{
    assert(turn->txn->is_write);
    arrival a;
    auth_device device;
    sets_kind kind = SETS_NEW;
    uint64_t index = 0;
    memset(&a, 0, sizeof a);
    item->has_want = false;
    item->detail[0] = '\0';
    a.turn = turn;
    a.item = item;
    a.device = &device;
    a.held = st_arena_array(turn->arena, item->set.changes_count + 1u, sizeof *a.held);
    if (a.held == NULL)
        return st_fail(error, ST_E_MEMORY, "ingest: out of memory");
    memset(&item->verdict, 0, sizeof item->verdict);
    item->verdict.has_device = true;
    item->verdict.device = item->set.device;
    item->verdict.first = item->set.first;
    st_hold refused = not_storable(item);
    if (refused != ST_HOLD_NONE) {
        say_not_stored(item, a.held, refused);
        return ST_OK;
    }
    st_err err = auth_device_get(turn->txn, turn->room->keys, &item->set.device, &device, error);
    if (err == ST_OK)
        err = sets_look(turn->txn, &item->set, &kind, &index, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? st_fail(error, ST_E_CORRUPT, "ingest: the device vanished")
                                     : err;
    if (kind != SETS_DUPLICATE && by != NULL
        && st_id_cmp(&device.id, &turn->room->keys->device) == 0)
        return sync_see_rollback(turn, NULL, error);
    if (kind == SETS_DUPLICATE) {              /* the answer that asked for the gap may be lost */
        err = find_gap(&a, error);
        return err == ST_OK ? answer_known(&a, index, error) : err;
    }
    if (by != NULL && by->is_early) {
        say_later(item, EARLY_S);
        return ST_OK;
    }
    const sync_item given = *item;
    bool refused_for_now = false;
    err = sync_erase_admit(turn, &given.set, &item->set, &refused_for_now, error);
    if (err == ST_OK && refused_for_now) {
        say_later(item, LATER_S);
        return ST_OK;
    }
    fill_row(&a, by);
    if (err == ST_OK)
        err = kind == SETS_FORK ? take_fork(&a, error) : take_new(&a, error);
    if (err == ST_OK && item->verdict.kind != ST_VERDICT_LATER)
        err = sync_seen_check(turn, &given.set, item->verdict.position, error);
    item->set = given.set;                     /* the turn's memory ends with it */
    return err;
}
