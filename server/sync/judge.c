/* server/sync/judge.c - the rules by which a change waits for the office.
 * Promises: looks at the change, its author's rights, whether its record is there and its period
 * locked; never at clocks, constraints or the order of arrival beyond that; never refuses: a reason
 * means that it is kept and held. Must never write. */
#include "server/sync/judge.h"

#include <stdio.h>
#include <string.h>

#include "proto/files.h"
#include "server/sync/held.h"

st_id judge_actor(const st_set *set, const auth_device *device)
{
    return set->has_actor ? set->actor : device->person;
}

/* The part of a bucket name behind the commune; NULL when it is another commune's. */
static const char *bucket_part(const sync_room *room, const st_bucket *bucket)
{
    size_t len = strlen(room->commune.s);
    if (strncmp(bucket->s, room->commune.s, len) != 0 || bucket->s[len] != '/')
        return NULL;
    return bucket->s + len + 1;
}

/* Rights then or now: a set written before its author heard of a loss counts by what he knew. */
static st_err judge_rights(sync_judge *judge, st_error *error)
{
    auth_rights then, now;
    const st_set *set = judge->set;
    writer_turn *turn = judge->fold->turn;
    st_err err = auth_rights_get(turn->txn, &judge->actor, set->scope_rev, turn->arena, &then,
                                 error);
    if (err == ST_OK)
        err = auth_rights_get(turn->txn, &judge->actor, UINT64_MAX, turn->arena, &now, error);
    if (err != ST_OK)
        return err;
    uint32_t bit = set->role > ST_ROLE_NONE && set->role < ST_ROLE_COUNT
                       ? 1u << (unsigned)set->role
                       : 0;
    if (!auth_rights_has_bucket(&then, &set->bucket) && !auth_rights_has_bucket(&now, &set->bucket))
        judge->access = ST_HOLD_SCOPE;
    else if (((then.roles | now.roles) & bit) == 0)
        judge->access = ST_HOLD_ROLE;
    return ST_OK;
}

/* Nothing of a device takes effect, whatever it says; or NONE. */
static st_hold judge_device(const auth_device *device)
{
    return device->status == AUTH_REVOKED     ? ST_HOLD_REVOKED
           : device->status == AUTH_SUSPENDED ? ST_HOLD_SUSPENDED
                                              : ST_HOLD_NONE;
}

st_hold judge_behind(const auth_device *device)
{
    st_hold hold = judge_device(device);
    return hold == ST_HOLD_NONE ? ST_HOLD_WAITS : hold;
}

st_err judge_open(sync_fold *fold, const st_set *set, const auth_device *device,
                  sync_judge *out_judge, st_error *error)
{
    sync_room *room = fold->turn->room;
    memset(out_judge, 0, sizeof *out_judge);
    out_judge->fold = fold;
    out_judge->set = set;
    out_judge->device = device;
    out_judge->actor = judge_actor(set, device);
    bool is_server = device->is_server;
    out_judge->whole = judge_device(device);
    if (out_judge->whole == ST_HOLD_NONE && set->fold_version > SYNC_FOLD_VERSION)
        out_judge->whole = ST_HOLD_VERSION;    /* its author says that this program cannot */
    if (bucket_part(room, &set->bucket) == NULL)
        out_judge->access = ST_HOLD_BUCKET;
    else if ((set->via == ST_VIA_OPERATOR) != is_server)
        out_judge->access = ST_HOLD_ROLE;
    else if (!is_server && set->has_actor && st_id_cmp(&set->actor, &device->person) != 0)
        out_judge->access = ST_HOLD_ROLE;
    else if (!is_server || set->has_actor) {
        st_err err = judge_rights(out_judge, error);
        if (err != ST_OK)
            return err;
    }
    return sync_locks_load(fold->turn->txn, fold->turn->arena, &out_judge->locks, error);
}

/* Is the bucket the home of the form's records, and of the unit that the change names? */
static bool is_at_home(const sync_judge *judge, const st_form *form, const st_change *change)
{
    static const char *const PARTS[] = { NULL, "catalogue", "council", "review" };
    const char *part = bucket_part(judge->fold->turn->room, &judge->set->bucket);
    if (part == NULL)
        return false;
    if (form->home != ST_HOME_UNIT)
        return strcmp(part, PARTS[form->home]) == 0;
    if (strncmp(part, "unit/", 5) != 0)
        return false;
    const st_field *unit = st_form_field(form, "unit_id");
    for (uint32_t i = 0; unit != NULL && i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        if (op->path.kind == ST_PATH_FIELD && op->path.field == unit->no
            && (op->value.kind != ST_VALUE_CODE || op->value.len != strlen(part + 5)
                || memcmp(op->value.data, part + 5, op->value.len) != 0))
            return false;
    }
    return true;
}

/* No device locks a period, or takes a lock back: the latter is by a decision, which the office's
 * program asks for. */
static st_hold judge_period_act(const sync_judge *judge, const st_record *record,
                                const st_change *change, bool is_mover)
{
    bool is_kind = change->act == ST_ACT_LOCK || change->act == ST_ACT_OPEN
                   || change->act == ST_ACT_WITHDRAW;
    bool is_lock = change->act == ST_ACT_LOCK
                   || st_view_would_end(record, &change->context, ST_ACT_LOCK);
    if (is_kind && !is_mover)
        return ST_HOLD_ROLE;
    return !is_kind || (is_lock && judge->set->via != ST_VIA_OPERATOR) ? ST_HOLD_STATE
                                                                       : ST_HOLD_NONE;
}

static bool is_office(uint32_t who)
{
    return (who & (1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD)) != 0;
}

/* What a device wrote knowing that the office had the record in hand. Corrections may come while it
 * looks; nothing does once it has decided. */
static st_hold judge_hands(const sync_judge *judge, const st_change *change)
{
    if (judge->set->via == ST_VIA_OPERATOR)
        return ST_HOLD_NONE;
    for (uint32_t i = 0; i < change->under_count; i++) {
        st_act_kind kind = change->under[i].kind;
        bool is_decided = kind == ST_ACT_APPROVE || kind == ST_ACT_VOID;
        if (is_decided || (kind == ST_ACT_REVIEW && !change->amend))
            return change->act == ST_ACT_NONE ? ST_HOLD_FROZEN : ST_HOLD_STATE;
    }
    return ST_HOLD_NONE;
}

/* Which acts are an author's own to make; the office's other moves are not the phone's. */
static st_hold judge_act(const sync_judge *judge, const st_form *form, const st_record *record,
                         const st_change *change)
{
    uint32_t who = 1u << (unsigned)judge->set->role;
    if (judge->set->via == ST_VIA_OPERATOR)
        who |= ST_WRITE_OPERATOR;
    bool is_mover = (st_form_movers(form) & who) != 0;
    if (change->act != ST_ACT_NONE && strcmp(form->name, SYNC_FORM_PERIOD) == 0)
        return judge_period_act(judge, record, change, is_mover);
    switch (change->act) {
    case ST_ACT_NONE:
        return ST_HOLD_NONE;
    case ST_ACT_WITHDRAW:
    case ST_ACT_OPEN:
        return is_mover ? ST_HOLD_NONE : ST_HOLD_ROLE;
    case ST_ACT_FINALISE:
        if (form->life != ST_LIFE_VISIT)
            return ST_HOLD_STATE;
        return is_mover ? ST_HOLD_NONE : ST_HOLD_ROLE;
    case ST_ACT_REVIEW:
    case ST_ACT_RETURN:
    case ST_ACT_APPROVE:
    case ST_ACT_VOID:
        return form->life == ST_LIFE_VISIT && judge->set->via == ST_VIA_OPERATOR && is_office(who)
                   ? ST_HOLD_NONE
                   : ST_HOLD_STATE;
    default:
        return ST_HOLD_STATE;
    }
}

/* Waiting, frozen, unknown, or the record is not there. */
static st_err judge_first(sync_judge *judge, const st_change *change, const fold_record *record,
                          st_hold *out_hold, st_error *error)
{
    bool waits = false;
    st_err err = sync_held_waits(judge->fold->turn->txn, &change->record, &change->dot, &waits,
                                 error);
    if (err != ST_OK)
        return err;
    *out_hold = waits                         ? ST_HOLD_WAITS
                : st_change_is_frozen(change) ? ST_HOLD_FROZEN
                : change->unknown             ? ST_HOLD_VERSION
                : !record->record.created && !change->creates ? ST_HOLD_NO_RECORD
                                                              : ST_HOLD_NONE;
    return ST_OK;
}

static const st_form *form_of(const sync_judge *judge, const st_change *change,
                              const fold_record *record)
{
    const st_form *form = judge->form;         /* runs of creations are of one form, mostly */
    if (record->record.created)
        return record->form;
    if (form != NULL && strcmp(form->name, change->form.s) == 0
        && form->version == change->form_version)
        return form;
    return catalogue_form(judge->fold->turn->room->catalogue, change->form.s,
                          change->form_version);
}

/* So many files, or so large ones: nothing that a replica could not fold, but more than phones
 * have room for. */
static st_err judge_files(sync_judge *judge, const st_change *change, const fold_record *record,
                          st_hold *hold, char *detail, st_error *error)
{
    const char *why = NULL;
    st_err err = st_files_check(judge->form, &record->record, change, judge->fold->turn->arena,
                                &why, error);
    judge->over_files = why != NULL;
    if (why != NULL)
        *hold = ST_HOLD_LIMIT;
    if (why != NULL && detail != NULL)
        (void)snprintf(detail, ST_FORM_DETAIL_BYTES, "%s", why);
    return err;
}

st_hold judge_fact(sync_fold *fold, const st_set *set, const st_change *change,
                   const fold_record *record)
{
    sync_judge judge;
    memset(&judge, 0, sizeof judge);
    judge.fold = fold;
    judge.set = set;
    if (change->unknown || set->fold_version > SYNC_FOLD_VERSION)
        return ST_HOLD_VERSION;
    if (!record->record.created && !change->creates)
        return ST_HOLD_NO_RECORD;
    const st_form *form = form_of(&judge, change, record);
    if (form == NULL)
        return ST_HOLD_FORM;
    if (strcmp(record->record.bucket.s, set->bucket.s) != 0 || !is_at_home(&judge, form, change))
        return ST_HOLD_BUCKET;
    return st_merge_over_limit(&record->record, change) ? ST_HOLD_LIMIT : ST_HOLD_NONE;
}

st_err judge_change(sync_judge *judge, const st_change *change, const fold_record *record,
                    st_hold *out_hold, char *detail, st_error *error)
{
    st_hold hold = judge->whole;
    judge->over_files = false;
    if (detail != NULL)
        detail[0] = '\0';
    st_err err = hold == ST_HOLD_NONE ? judge_first(judge, change, record, &hold, error) : ST_OK;
    if (err != ST_OK)
        return err;
    if (hold != ST_HOLD_NONE) {
        *out_hold = hold;
        return ST_OK;
    }
    const st_form *form = form_of(judge, change, record);
    judge->form = form;
    if (form == NULL)
        hold = ST_HOLD_FORM;
    else if (strcmp(record->record.bucket.s, judge->set->bucket.s) != 0
             || !is_at_home(judge, form, change))
        hold = ST_HOLD_BUCKET;
    else if (judge->access != ST_HOLD_NONE)
        hold = judge->access;
    if (hold == ST_HOLD_NONE)
        hold = st_form_check(form, change, judge->set->role, judge->set->via, detail);
    if (hold == ST_HOLD_NONE && st_merge_over_limit(&record->record, change))
        hold = ST_HOLD_LIMIT;
    if (hold == ST_HOLD_NONE)
        hold = judge_act(judge, form, &record->record, change);
    if (hold == ST_HOLD_NONE
        && sync_locks_have(&judge->locks, form, &record->record, change))
        hold = ST_HOLD_LATE;
    if (hold == ST_HOLD_NONE)
        hold = judge_hands(judge, change);
    if (hold == ST_HOLD_NONE)
        err = judge_files(judge, change, record, &hold, detail, error);
    *out_hold = hold;
    return err;
}
