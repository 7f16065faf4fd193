/* server/sync/settle.c - the office decides on a held change.
 * Promises: what is let in takes effect as if it had arrived so; what is declined counts as
 * included with no effect, and takes along only what its own author wrote behind it on the same
 * record; the decision is an entry with its actor. Must never touch another person's change. */
#include <stdio.h>
#include <string.h>

#include "proto/files.h"
#include "proto/text.h"
#include "server/sync/decided.h"
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "server/sync/judge.h"

#define FILES_BYTES_MAX ((size_t)16 << 20) /* the list of the files of a record */

typedef struct {
    const sync_decision *decision;
    size_t of;                 /* 0: of as many as there are */
    uint32_t count;
} settle_job;

/* Which reasons a person can overrule; the others need another program, or are facts. */
static bool may_accept(st_hold reason)
{
    switch (reason) {
    case ST_HOLD_FROZEN:
    case ST_HOLD_VALUE:
    case ST_HOLD_ROLE:
    case ST_HOLD_SCOPE:
    case ST_HOLD_STATE:
    case ST_HOLD_REVOKED:
    case ST_HOLD_SUSPENDED:
    case ST_HOLD_LATE:
        return true;
    default:
        return false;
    }
}

/* Reasons that may be gone: form published, siblings settled, a newer program. */
static bool may_be_gone(st_hold reason)
{
    return reason == ST_HOLD_FORM || reason == ST_HOLD_LIMIT || reason == ST_HOLD_VERSION;
}

/* What the judge says of the held change now. out_may: can a person overrule it? */
static st_err judge_again(writer_turn *turn, free_sets *sets, const sync_held *held,
                          st_hold *out_hold, bool *out_may, st_error *error)
{
    sync_fold fold;
    sync_judge judge;
    auth_device device;
    free_source *source = NULL;
    fold_record *record = NULL;
    const st_change *change = NULL;
    st_err err = free_sets_find(sets, turn->txn, held, &source, &change, error);
    if (err == ST_OK)
        err = auth_device_get(turn->txn, turn->room->keys, &held->dot.device, &device, error);
    if (err == ST_OK)
        err = sync_fold_open(turn, &held->bucket, turn->next_index, &fold, error);
    if (err == ST_OK)
        err = judge_open(&fold, &source->set, &device, &judge, error);
    if (err == ST_OK)
        err = sync_fold_record(&fold, &held->record, &record, error);
    if (err == ST_OK)
        err = judge_change(&judge, change, record, out_hold, NULL, error);
    if (err == ST_OK)
        *out_may = *out_hold == ST_HOLD_NONE || may_accept(*out_hold) || judge.over_files;
    return err;
}

static st_err check_reason(writer_turn *turn, free_sets *sets, const sync_held *held,
                           st_error *error)
{
    st_hold now = held->reason;
    bool may = may_accept(now);
    st_err err = ST_OK;
    if (may_be_gone(held->reason))
        err = judge_again(turn, sets, held, &now, &may, error);
    if (err != ST_OK || may)
        return err;
    return st_fail(error, ST_E_STATE, "held: what is held as %s cannot be let in by hand",
                   st_hold_name(now));
}

static st_err check_actor(writer_turn *turn, const sync_decision *decision, st_error *error)
{
    auth_person person;
    const uint32_t may = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD;
    st_err err = auth_person_get(turn->txn, &decision->actor, &person, error);
    if (err == ST_OK && (person.roles & may) != 0)
        return ST_OK;
    return err == ST_OK || err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_DENIED, "held: only the office decides on held changes")
               : err;
}

/* A person overrules rules, not facts: whatever it is held for, it must be something that every
 * replica can fold. */
static st_err check_facts(sync_fold *fold, const st_set *set, const st_change *change,
                          st_error *error)
{
    fold_record *record = NULL;
    st_err err = sync_fold_record(fold, &change->record, &record, error);
    if (err != ST_OK)
        return err;
    st_hold hold = judge_fact(fold, set, change, record);
    if (hold == ST_HOLD_NO_RECORD)
        return st_fail(error, ST_E_STATE, "held: its record is not there");
    return hold == ST_HOLD_NONE ? ST_OK
                                : st_fail(error, ST_E_STATE, "held: it cannot be let in now (%s)",
                                          st_hold_name(hold));
}

/* Folds list[0..count), all of one device, record and bucket, and writes the entry. */
static st_err settle_run(writer_turn *turn, const sync_held *list, size_t count,
                          const sync_decision *decision, st_error *error)
{
    sync_fold fold;
    free_sets sets;
    free_source *source = NULL;
    sync_row row;
    st_fold kind = decision->accept ? ST_FOLD_APPLY : ST_FOLD_DECLINE;
    memset(&sets, 0, sizeof sets);
    memset(&row, 0, sizeof row);
    row.kind = decision->accept ? ST_ENTRY_ACCEPT : ST_ENTRY_DECLINE;
    uint64_t *counters = st_arena_array(turn->arena, count, sizeof *counters);
    if (counters == NULL)
        return st_fail(error, ST_E_MEMORY, "settle: out of memory");
    st_err err = sync_fold_open(turn, &list[0].bucket, turn->next_index, &fold, error);
    fold.copies = true;                        /* a set may be given up before the fold is closed */
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        const st_change *change = NULL;
        fold_record *record = NULL;
        err = free_sets_find(&sets, turn->txn, &list[i], &source, &change, error);
        if (err == ST_OK && decision->accept)
            err = check_facts(&fold, &source->set, change, error);
        if (err == ST_OK)
            err = sync_held_remove(turn->txn, &list[i], error);
        if (err == ST_OK)
            err = sync_decided_forget(turn, &list[i].dot, error);
        if (err == ST_OK)
            err = sync_fold_record(&fold, &change->record, &record, error);
        if (err != ST_OK)
            break;
        st_arrival what = free_arrival(source);
        counters[i] = list[i].dot.counter;
        err = sync_fold_change(&fold, record, change, &what, kind, error);
        if (err == ST_OK)
            err = sync_fold_history(&fold, change, row.kind, error);
    }
    if (err == ST_OK)
        err = sync_fold_close(&fold, error);
    free_sets_end(&sets);
    row.actor = decision->actor;
    row.device = list[0].dot.device;
    row.first = counters[0];
    row.last = counters[count - 1];
    row.bucket = list[0].bucket;
    row.counters = counters;
    row.counters_count = (uint32_t)count;
    row.note = store_text(decision->reason == NULL ? "" : decision->reason);
    return err == ST_OK ? sync_log_append(turn, &row, NULL, error) : err;
}

/* One entry for each bucket, since a phone that errs may write to one record in two, and of as many
 * changes as one may name. */
static st_err settle_list(writer_turn *turn, const sync_held *list, size_t count,
                          const sync_decision *decision, st_error *error)
{
    st_err err = ST_OK;
    for (size_t at = 0, end = 0; err == ST_OK && at < count; at = end) {
        for (end = at + 1; end < count && end - at < ST_SET_CHANGES_MAX
                           && strcmp(list[end].bucket.s, list[at].bucket.s) == 0;)
            end++;
        err = settle_run(turn, list + at, end - at, decision, error);
    }
    return err;
}

/* The change and, when it is declined, its held followers: a part of *list. */
static st_err find_run(writer_turn *turn, const sync_held *held, bool accept, sync_held **list,
                       size_t *count, st_error *error)
{
    sync_held *all = NULL;
    size_t total = 0, first = 0, end = 0;
    st_err err = sync_held_of_record(turn->txn, &held->record, turn->arena, &all, &total, error);
    if (err != ST_OK)
        return err;
    while (first < total && st_dot_cmp(&all[first].dot, &held->dot) != 0)
        first++;
    if (first == total)
        return st_fail(error, ST_E_CORRUPT, "held: number %llu is not listed with its record",
                       (unsigned long long)held->n);
    if (first > 0 && st_id_cmp(&all[first - 1].dot.device, &held->dot.device) == 0)
        return st_fail(error, ST_E_STATE, "held: it waits behind number %llu, decide that first",
                       (unsigned long long)all[first - 1].n);
    for (end = first + 1; !accept && end < total
                          && st_id_cmp(&all[end].dot.device, &held->dot.device) == 0;)
        end++;
    *list = &all[first];
    *count = end - first;
    return ST_OK;
}

/* What was never folded is only taken off the list: its bytes stay in the log, and no replica has
 * to hear of it. */
static st_err dismiss(writer_turn *turn, const sync_held *held, const sync_decision *decision,
                      uint32_t *out_count, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_NOTE;
    row.actor = decision->actor;
    row.device = held->dot.device;
    row.first = row.last = held->dot.counter;
    row.note = store_text(decision->reason == NULL ? "" : decision->reason);
    st_err err = sync_held_dismiss(turn->txn, &held->dot, out_count, error);
    return err == ST_OK ? sync_log_append(turn, &row, NULL, error) : err;
}

static st_err run_settle(writer_turn *turn, void *argument, st_error *error)
{
    settle_job *job = argument;
    const sync_decision *decision = job->decision;
    sync_held held, *list = NULL;
    size_t count = 0;
    free_work work;
    memset(&work, 0, sizeof work);
    st_err err = check_actor(turn, decision, error);
    if (err == ST_OK)
        err = sync_held_get(turn->txn, decision->n, &held, error);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_NOT_FOUND, "held: no number %llu in the list",
                      (unsigned long long)decision->n);
    if (err == ST_OK && sync_held_is_unfolded(&held) && decision->accept)
        err = st_fail(error, ST_E_STATE, "held: what is held as %s cannot be let in by hand",
                      st_hold_name(held.reason));
    if (err == ST_OK && sync_held_is_unfolded(&held))
        return dismiss(turn, &held, decision, &job->count, error);
    if (err == ST_OK)
        err = find_run(turn, &held, decision->accept, &list, &count, error);
    if (err == ST_OK && job->of != 0 && job->of != count)
        err = st_fail(error, ST_E_STATE, "held: others wait behind it now");
    if (err == ST_OK && decision->accept)
        err = check_reason(turn, &work.sets, &held, error);
    if (err == ST_OK)
        err = settle_list(turn, list, count, decision, error);
    job->count = (uint32_t)count;
    if (err == ST_OK)
        err = sync_free_record(turn, &work, &held.record, error);
    return sync_free_end(turn, &work, err, error);
}

st_err sync_settle(writer *w, const sync_decision *decision, uint32_t *out_count,
                   st_error *error)
{
    return sync_settle_exactly(w, decision, 0, out_count, error);
}

st_err sync_settle_exactly(writer *w, const sync_decision *decision, size_t of,
                           uint32_t *out_count, st_error *error)
{
    settle_job settle = { decision, of, 0 };
    writer_job job;
    memset(&job, 0, sizeof job);
    if (decision->reason != NULL
        && (!st_text_is_nfc(decision->reason, strlen(decision->reason))
            || st_text_chars(decision->reason, strlen(decision->reason))
                   > ST_REASON_CHARS_MAX))
        return st_fail(error, ST_E_VALUE, "held: the reason is too long or no clean text");
    job.run = run_settle;
    job.argument = &settle;
    st_err err = writer_submit(w, &job, error);
    if (err == ST_OK)
        *out_count = settle.count;
    return err;
}

/* What the form says of it, or the files of the record. */
static st_err explain(const st_form *form, const free_source *source, const st_change *change,
                      const st_record *record, char *detail, st_error *error)
{
    st_arena arena;
    const char *why = NULL;
    st_hold hold = st_form_check(form, change, source->set.role, source->set.via, detail);
    if (hold != ST_HOLD_NONE || record == NULL)
        return ST_OK;
    st_arena_init(&arena, FILES_BYTES_MAX);
    st_err err = st_files_check(form, record, change, &arena, &why, error);
    if (why != NULL)
        (void)snprintf(detail, ST_FORM_DETAIL_BYTES, "%s", why);
    st_arena_reset(&arena);
    return err;
}

st_err sync_held_detail(sync_room *room, store_txn *txn, const sync_held *held, char *detail,
                        st_error *error)
{
    st_arena arena;
    free_source source;
    st_record record;
    const st_change *change = NULL;
    const st_form *form = NULL;
    memset(&source, 0, sizeof source);
    detail[0] = '\0';
    if (held->reason != ST_HOLD_VALUE && held->reason != ST_HOLD_ROLE
        && held->reason != ST_HOLD_LIMIT && held->reason != ST_HOLD_FORM)
        return ST_OK;
    st_arena_init(&arena, 64u * 1024u * 1024u);
    st_err err = free_find(txn, &arena, &source, held, &change, error);
    bool creates = err == ST_OK && change->creates;
    if (creates) {
        form = catalogue_form(room->catalogue, change->form.s, change->form_version);
    } else if (err == ST_OK) {
        err = sync_record_get(txn, &held->record, &arena, &record, NULL, error);
        if (err == ST_OK)
            form = sync_record_form(room, &record);
        if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    if (err == ST_E_CORRUPT || err == ST_E_TOO_LARGE)
        err = ST_OK;                           /* its set cannot be read: the reason says all */
    if (err == ST_OK && form != NULL)
        err = explain(form, &source, change, creates ? NULL : &record, detail, error);
    st_arena_reset(&arena);
    return err;
}
