/* server/operator/write.c - what the office writes: new records, and values that are its own.
 * Promises that what an officer saw is never written by another hand; must never write a part of
 * what was asked for. */
#include "server/operator/write.h"

#include <stdio.h>
#include <string.h>

/* ---- roles ---- */

/* Role bits that may write the path of an operation. */
static uint32_t writers_of(const operator_wish *wish, const st_op *op)
{
    const st_field *field = st_form_at(wish->form, &op->path, NULL);
    if (field == NULL || field->cls == ST_CLASS_SERVER || field->cls == ST_CLASS_STATE)
        return 0;
    uint32_t bits = field->write;
    if (wish->creates && (bits & ST_WRITE_CREATOR) != 0)
        bits |= wish->form->create;
    return bits & ~(ST_WRITE_CREATOR | ST_WRITE_OPERATOR | 1u << ST_ROLE_OFFICER);
}

/* Why the operation cannot be written by anybody of these roles. */
static st_err explain(operator_work *work, const auth_person *person, const operator_wish *wish,
                      const st_op *op, st_error *error)
{
    const st_group *group;
    const st_field *field = st_form_at(wish->form, &op->path, &group);
    char path[ST_PATH_TEXT_BYTES], accepted[ST_FORM_NAME_BYTES_MAX + 16];
    st_form_path_format(wish->form, &op->path, path);
    if (field->cls == ST_CLASS_SERVER || field->cls == ST_CLASS_STATE)
        return st_fail(error, ST_E_DENIED, "%.80s: the server computes this", path);
    if ((field->write & ST_WRITE_CREATOR) != 0 && !wish->creates)
        return st_fail(error, ST_E_DENIED, "%.80s: set once, when the record is made", path);
    if ((field->write & 1u << ST_ROLE_OFFICER) == 0)
        return st_fail(error, ST_E_DENIED, "%.60s: no role of '%.32s' may write it", path,
                       person->login.s);
    (void)snprintf(accepted, sizeof accepted, "accepted_%.64s", field->name);
    bool has_accepted = group != NULL ? st_group_field(group, accepted) != NULL
                                      : st_form_field(wish->form, accepted) != NULL;
    return st_fail(error, ST_E_DENIED,
                   work->vi ? "%.60s: do cán bộ kiểm tra ghi; gửi lại cho cán bộ%s%s"
                            : "%.60s: the officer writes it; give it back to the officer%s%s",
                   path, !has_accepted ? "" : work->vi ? " hoặc ghi vào " : " or write ",
                   has_accepted ? accepted : "");
}

st_err operator_choose_role(operator_work *work, const auth_person *person,
                            const operator_wish *wish, st_role *out_role, st_error *error)
{
    uint32_t roles = wish->creates ? wish->form->create : UINT32_MAX;
    if (wish->creates && operator_role_of(person, roles) == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "no role of '%.32s' makes records of '%.40s' here",
                       person->login.s, wish->form->name);
    if (operator_role_of(person, roles) == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "'%.32s' has no role of the office", person->login.s);
    for (size_t i = 0; i < wish->ops->count; i++) {
        uint32_t writers = writers_of(wish, &wish->ops->ops[i]);
        if (operator_role_of(person, writers) == ST_ROLE_NONE)
            return explain(work, person, wish, &wish->ops->ops[i], error);
        roles &= writers;
    }
    *out_role = operator_role_of(person, roles);
    if (*out_role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "no one role of '%.32s' may write all of this at once",
                       person->login.s);
    return ST_OK;
}

st_err operator_is_final(const st_record *record, st_arena *arena, bool *out_final,
                         st_error *error)
{
    st_acts_view acts;
    st_err err = st_view_acts(record, arena, &acts, error);
    *out_final = false;
    for (size_t i = 0; err == ST_OK && i < acts.acts_count; i++)
        if (record->metas[acts.acts[i]].act == ST_ACT_FINALISE)
            *out_final = true;
    return err;
}

st_err operator_reason_value(operator_work *work, st_value *out_value, st_error *error)
{
    const char *reason;
    *out_value = (st_value){ .kind = ST_VALUE_NULL };
    if (work->options.reason == NULL)
        return ST_OK;
    st_err err = operator_reason(work, &reason, error);
    if (err == ST_OK)
        *out_value = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)reason,
                                 .len = (uint32_t)strlen(reason) };
    return err;
}

/* ---- new ---- */

/* Kinds of records that have verbs of their own. */
static const char *other_verb(const char *form)
{
    static const struct { const char *form, *verb; } OTHERS[] = {
        { CATALOGUE_PERSON, "user add" }, { CATALOGUE_DEVICE, "enrol" },
        { CATALOGUE_ASSIGNMENT, "assign" }, { CATALOGUE_FORM, "init --catalogue" } };
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        if (strcmp(OTHERS[i].form, form) == 0)
            return OTHERS[i].verb;
    return NULL;
}

/* Where the record will live, and its unit as the first operation. */
static st_err place(operator_work *work, store_txn *txn, operator_ops *ops, st_bucket *out_bucket,
                    st_error *error)
{
    const char *unit = work->operands[1];
    bool has_unit = strcmp(unit, "-") != 0;
    bool knows_unit = st_form_field(ops->form, "unit_id") != NULL;
    bool is_at_unit = ops->form->home == ST_HOME_UNIT;
    catalogue_unit found;
    st_err err = ST_OK;
    if (has_unit != (is_at_unit || knows_unit))
        return st_fail(error, ST_E_USAGE, has_unit ? "'%.40s' belongs to no unit: write - for UNIT"
                                                   : "'%.40s' belongs to a unit", ops->form->name);
    bool is_new_unit = strcmp(ops->form->name, CATALOGUE_UNIT) == 0;
    if (has_unit)
        err = catalogue_unit_get(txn, unit, &found, error);
    if (is_new_unit && err == ST_OK)
        return st_fail(error, ST_E_EXISTS, "unit '%.40s' exists", unit);
    if (err == ST_E_NOT_FOUND && !is_new_unit)
        return st_fail(error, ST_E_NOT_FOUND, "no unit '%.40s'", unit);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (!sync_bucket(work->room, ops->form->home, is_at_unit ? unit : NULL, out_bucket))
        return st_fail(error, ST_E_VALUE, "'%.40s' is no unit", unit);
    return knows_unit ? operator_ops_put(ops, "unit_id", unit, error) : ST_OK;
}

typedef struct {
    st_id record;
} new_result;

static st_err make_record(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    new_result *result = argument;
    auth_person person;
    sync_draft draft = { .edits_count = 1, .lang = work->call->lang };
    operator_ops ops = { .arena = turn->arena };
    const char *verb = other_verb(work->operands[0]);
    if (verb != NULL)
        return st_fail(error, ST_E_USAGE, "'%.40s' is made by `%s`", work->operands[0], verb);
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = operator_form(work, work->operands[0], &ops.form, error);
    if (err == ST_OK)
        err = place(work, turn->txn, &ops, &draft.bucket, error);
    for (size_t i = 2; i < work->operands_count && err == ST_OK; i++)
        err = operator_ops_parse(&ops, NULL, work->operands[i], error);
    operator_wish wish = { ops.form, &ops, true };
    if (err == ST_OK)
        err = operator_choose_role(work, &person, &wish, &draft.role, error);
    sync_edit edit = { .form = ops.form, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    if (err == ST_OK)
        err = operator_reason_value(work, &edit.reason, error);
    if (err != ST_OK)
        return err;
    draft.actor = person.id;
    draft.edits = &edit;
    sync_authored authored = { .records = &result->record };
    return sync_author_turn(turn, &draft, &authored, error);
}

int operator_new(operator_work *work)
{
    new_result result;
    char hex[33];
    if (operator_write(work, make_record, &result) != ST_OK)
        return operator_fail(work);
    st_id_format(&result.record, hex);
    operator_say(work, "%s\n", hex);
    return 0;
}

/* ---- set ---- */

static st_err set_values(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    (void)argument;
    auth_person person;
    operator_record got = { .form = NULL };
    operator_ops ops = { .arena = turn->arena };
    sync_draft draft = { .edits_count = 1, .lang = work->call->lang };
    sync_edit edit = { .act = ST_ACT_NONE };
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = operator_record_get(work, turn->txn, turn->arena, &got, error);
    ops.form = got.form;
    for (size_t i = 1; i < work->operands_count && err == ST_OK; i++)
        err = operator_ops_parse(&ops, &got.record, work->operands[i], error);
    operator_wish wish = { got.form, &ops, false };
    if (err == ST_OK)
        err = operator_choose_role(work, &person, &wish, &draft.role, error);
    if (err == ST_OK)
        err = operator_reason_value(work, &edit.reason, error);
    if (err == ST_OK)
        err = operator_is_final(&got.record, turn->arena, &edit.amend, error);
    if (err != ST_OK || ops.count == 0)
        return err;
    edit.record = got.record.id;
    edit.ops = ops.ops;
    edit.ops_count = (uint32_t)ops.count;
    draft.bucket = got.record.bucket;
    draft.actor = person.id;
    draft.edits = &edit;
    sync_authored authored = { .records = NULL };
    return sync_author_turn(turn, &draft, &authored, error);
}

int operator_set(operator_work *work)
{
    return operator_write(work, set_values, NULL) == ST_OK ? 0 : operator_fail(work);
}
