/* server/sync/act.c - administrative acts in the log.
 * Promises: each act of the operator that concerns people, devices, rights, meetings, states and
 * settlements has its own word in the log. Must never write an entry for each wrong guess: whoever
 * guesses must not fill the disk. */
#include "server/sync/act.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/erase.h"
#include "server/sync/fence.h"

/* ---- kinds ---- */

static st_entry_kind kind_of_device(const st_form *form, const st_change *change)
{
    const st_field *status = form == NULL ? NULL : st_form_field(form, "status");
    if (change->creates)
        return ST_ENTRY_ENROL;
    for (uint32_t i = 0; status != NULL && i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD
            && change->ops[i].path.field == status->no)
            return change->ops[i].value.number > 2 ? ST_ENTRY_REVOKE : ST_ENTRY_SUSPEND;
    return ST_ENTRY_CHANGE;
}

static st_entry_kind kind_of_person(const st_form *form, const st_change *change)
{
    const st_field *roles = form == NULL ? NULL : st_form_field(form, "roles");
    for (uint32_t i = 0; !change->creates && roles != NULL && i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == roles->no)
            return ST_ENTRY_ROLE;
    return ST_ENTRY_USER;
}

/* Of a change of any form. */
static st_entry_kind kind_of_act(const st_change *change)
{
    if (change->act != ST_ACT_NONE)
        return ST_ENTRY_STATE;
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].verb == ST_VERB_RESOLVE)
            return ST_ENTRY_RESOLVE;
    return ST_ENTRY_CHANGE;
}

static const fold_record *record_of(const sync_fold *fold, const st_change *change)
{
    for (size_t i = 0; i < fold->count; i++)
        if (st_id_cmp(&fold->list[i]->record.id, &change->record) == 0)
            return fold->list[i];
    return NULL;
}

/* Kinds that say what is to be done with the set belong to sets of one change. */
static st_entry_kind kind_of_change(const fold_record *record, const st_change *change,
                                    bool is_alone)
{
    const char *form = record->record.form.s;
    if (strcmp(form, CATALOGUE_PERSON) == 0)
        return kind_of_person(record->form, change);
    if (strcmp(form, CATALOGUE_ASSIGNMENT) == 0)
        return ST_ENTRY_ASSIGN;
    if (strcmp(form, ST_ERASURE_FORM) == 0)
        return change->creates && is_alone ? ST_ENTRY_ERASE : ST_ENTRY_CHANGE;
    if (strcmp(form, SYNC_FENCE_FORM) == 0)
        return change->creates && is_alone ? ST_ENTRY_FENCE : ST_ENTRY_CHANGE;
    if (strcmp(form, CATALOGUE_DEVICE) == 0)
        return is_alone ? kind_of_device(record->form, change) : ST_ENTRY_CHANGE;
    return kind_of_act(change);
}

st_entry_kind act_kind_of(const st_set *set, const sync_fold *fold)
{
    st_entry_kind kind = ST_ENTRY_CHANGE;
    for (uint32_t i = 0; set->via == ST_VIA_OPERATOR && i < set->changes_count; i++) {
        const fold_record *record = record_of(fold, &set->changes[i]);
        if (record != NULL && kind == ST_ENTRY_CHANGE)
            kind = kind_of_change(record, &set->changes[i], set->changes_count == 1);
    }
    return kind;
}

bool act_is_listed(st_entry_kind kind)
{
    switch (kind) {
    case ST_ENTRY_NONE:
    case ST_ENTRY_CHANGE:
    case ST_ENTRY_VERDICT:
    case ST_ENTRY_HOLD:
    case ST_ENTRY_GAP:
    case ST_ENTRY_FORK:
    case ST_ENTRY_ATTACHMENT:
    case ST_ENTRY_NOTE:
    case ST_ENTRY_COUNT:
        return false;
    default:
        return true;
    }
}

/* ---- entries without a set ---- */

typedef struct {
    st_entry_kind kind;
    const char *note;
} note_job;

static st_err run_note(writer_turn *turn, void *argument, st_error *error)
{
    const note_job *job = argument;
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = job->kind;
    row.note = store_text(job->note);
    return sync_log_append(turn, &row, NULL, error);
}

st_err act_note(writer *w, st_entry_kind kind, const char *note, st_error *error)
{
    note_job act = { kind, note };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_note;
    job.argument = &act;
    return writer_submit(w, &job, error);
}

/* ---- refused logins ---- */

static bool is_time_to_say(uint64_t count)
{
    while (count > ACT_REFUSED_MIN && count % 10 == 0)
        count /= 10;
    return count == ACT_REFUSED_MIN;
}

uint64_t act_count_refusal(writer_turn *turn)
{
    sync_refusals *refusals = &turn->room->refusals;
    const server_port *port = turn->room->port;
    int64_t now_ms = port->now_ms(port->context);
    if (now_ms < refusals->since_ms || now_ms - refusals->since_ms >= ACT_REFUSED_MS)
        *refusals = (sync_refusals){ now_ms, 0 };
    refusals->count++;
    return is_time_to_say(refusals->count) ? refusals->count : 0;
}

st_err act_say_refused(writer *w, uint64_t count, st_error *error)
{
    char note[64];
    (void)snprintf(note, sizeof note, "%" PRIu64 " refused within an hour", count);
    return act_note(w, ST_ENTRY_LOGIN, note, error);
}
