/* proto/form_check.c - may this change be taken in as it stands? The same answer on the phone that
 * saves it and on the server that receives it, whatever the order of arrival.
 *
 * Promises: looks at the change and the form alone. Relevance, constraints, strange dates and other
 * values of the record are never a reason here: they are flags. Must never change the change. */
#include "proto/form_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Who writes, and what is being judged. */
typedef struct {
    const st_form *form;
    const st_change *change;
    st_role role;
    st_via via;
    const char *why;           /* filled when something is wrong */
} check_case;

static st_hold check_says(check_case *c, st_hold hold, const char *why)
{
    c->why = why;
    return hold;
}

static bool is_in(uint32_t bits, const check_case *c)
{
    return (bits & (1u << c->role)) != 0 ||
           (c->via == ST_VIA_OPERATOR && (bits & ST_WRITE_OPERATOR) != 0);
}

/* Is the thing that the path belongs to made by this same change: the record, or its item? */
static bool is_made_here(const check_case *c, const st_path *path)
{
    if (path->kind == ST_PATH_ITEM)
        return st_dot_cmp(&path->item, &c->change->dot) == 0;
    return c->change->creates;
}

static bool may_write(const check_case *c, const st_field *field, const st_op *op)
{
    if (is_in(field->write, c))
        return true;
    return (field->write & ST_WRITE_CREATOR) != 0 && is_made_here(c, &op->path) &&
           is_in(c->form->create, c);
}

/* The office may settle what it may not write, by keeping one of the values seen. */
static bool may_keep(const check_case *c, const st_op *op)
{
    return op->verb == ST_VERB_RESOLVE && !st_dot_is_zero(&op->kept) &&
           (c->role == ST_ROLE_OFFICE || c->role == ST_ROLE_OFFICE_HEAD);
}

static bool is_append_only(const st_group *group)
{
    for (uint32_t i = 0; i < group->fields_count; i++)
        if (group->fields[i].cls != ST_CLASS_REMARK)
            return false;
    return true;
}

static st_hold check_drop(check_case *c, const st_group *group, const st_op *op)
{
    bool may = false;
    for (uint32_t i = 0; i < group->fields_count && !may; i++)
        may = is_in(group->fields[i].write, c);
    if (!may)
        return check_says(c, ST_HOLD_ROLE, "this role may not drop or keep an item here");
    if (op->path.kind != ST_PATH_DROP)
        return check_says(c, ST_HOLD_VALUE, "drop and keep are for items");
    if (is_append_only(group))
        return check_says(c, ST_HOLD_VALUE, "these items only grow in number");
    return ST_HOLD_NONE;
}

static st_hold check_element(check_case *c, const st_field *field, const st_op *op)
{
    const char *fault = st_element_fault(field, &op->path);
    if (fault != NULL)
        return check_says(c, ST_HOLD_VALUE, fault);
    if (op->verb == ST_VERB_ITEM && !is_made_here(c, &op->path))
        return check_says(c, ST_HOLD_VALUE, "not an item of this change");
    bool removes = op->verb == ST_VERB_REMOVE;
    if (removes ? op->value.kind != ST_VALUE_NULL
                : op->value.kind != ST_VALUE_INT || op->value.number != 1)
        return check_says(c, ST_HOLD_VALUE, "an element is added or removed, nothing else");
    return ST_HOLD_NONE;
}

/* Does the verb fit the class of the field? NULL, or why not. */
static const char *verb_fault(const check_case *c, const st_field *field, const st_op *op)
{
    bool is_item_verb = op->verb == ST_VERB_REMARK || op->verb == ST_VERB_ITEM;
    bool own_item = op->path.kind == ST_PATH_ITEM && is_made_here(c, &op->path);
    if (is_item_verb && !own_item)
        return "not an item of this change";
    switch (op->verb) {
    case ST_VERB_SET:
    case ST_VERB_RESOLVE:
        return field->cls == ST_CLASS_REMARK ? "a remark is written once, with its item" : NULL;
    case ST_VERB_REMARK:
        return field->cls != ST_CLASS_REMARK ? "not a remark" : NULL;
    case ST_VERB_ITEM:
        return NULL;
    default:
        return "elements are for sets";
    }
}

static st_hold check_plain_value(check_case *c, const st_field *field, const st_op *op)
{
    const char *fault = verb_fault(c, field, op);
    if (fault == NULL && op->path.element_len > 0)
        fault = "elements are for sets";
    if (fault != NULL)
        return check_says(c, ST_HOLD_VALUE, fault);
    bool may_be_erased = field->type == ST_TYPE_STR || field->type == ST_TYPE_GEO
                         || field->type == ST_TYPE_HASH || field->type == ST_TYPE_BYTES;
    if (op->value.kind == ST_VALUE_ERASED && may_be_erased)
        return ST_HOLD_NONE;
    if (op->value.kind == ST_VALUE_NULL) {
        bool may_clear = op->verb == ST_VERB_SET || op->verb == ST_VERB_RESOLVE;
        if (may_clear && !(field->cls == ST_CLASS_FIXED && is_made_here(c, &op->path)))
            return ST_HOLD_NONE;
        return check_says(c, ST_HOLD_VALUE, "may not be empty");
    }
    fault = st_value_fault(field, &op->value);
    return fault == NULL ? ST_HOLD_NONE : check_says(c, ST_HOLD_VALUE, fault);
}

static bool is_code(const st_code *code)
{
    st_code copy;
    const char *end = memchr(code->s, '\0', sizeof code->s);
    return end != NULL && st_code_set(&copy, code->s, (size_t)(end - code->s));
}

static st_hold check_op(check_case *c, const st_op *op)
{
    const st_group *group;
    const st_field *field = st_form_at(c->form, &op->path, &group);
    if (op->path.kind == ST_PATH_KEYED && !is_code(&op->path.key))
        return check_says(c, ST_HOLD_VALUE, "the key is no ASCII id");
    bool drops = op->verb == ST_VERB_DROP || op->verb == ST_VERB_KEEP;
    if (drops || op->path.kind == ST_PATH_DROP) {
        if (group == NULL || group->keyed)
            return check_says(c, ST_HOLD_FORM, "no such group of items");
        return drops ? check_drop(c, group, op)
                     : check_says(c, ST_HOLD_VALUE, "an item is dropped or kept, nothing else");
    }
    if (field == NULL)
        return check_says(c, ST_HOLD_FORM, "no such field in this form");
    if (op->value.len > ST_VALUE_BYTES_MAX)
        return check_says(c, ST_HOLD_LIMIT, "over 64 KiB");
    if (field->cls == ST_CLASS_SERVER || field->cls == ST_CLASS_STATE)
        return check_says(c, ST_HOLD_ROLE, "the server computes this");
    if (!may_write(c, field, op) && !may_keep(c, op))
        return check_says(c, ST_HOLD_ROLE, "this role may not write it");
    bool of_set = op->verb == ST_VERB_ADD || op->verb == ST_VERB_REMOVE ||
                  (op->verb == ST_VERB_ITEM && op->path.element_len > 0);
    if (field->cls == ST_CLASS_SET && !of_set)
        return check_says(c, ST_HOLD_VALUE, "a set grows and shrinks by elements");
    return field->cls == ST_CLASS_SET ? check_element(c, field, op)
                                      : check_plain_value(c, field, op);
}

static void check_detail(const check_case *c, const st_op *op, char *detail)
{
    char path[ST_PATH_TEXT_BYTES] = "record";
    if (detail == NULL)
        return;
    if (op != NULL)
        st_form_path_format(c->form, &op->path, path);
    if (snprintf(detail, ST_FORM_DETAIL_BYTES, "%.100s: %s", path, c->why) < 0)
        detail[0] = '\0';
}

st_hold st_form_check(const st_form *form, const st_change *change, st_role role, st_via via,
                      char *detail)
{
    assert(form != NULL);
    assert(change != NULL && (change->ops != NULL || change->ops_count == 0));
    check_case c = { .form = form, .change = change, .role = role, .via = via, .why = "" };
    st_hold hold = ST_HOLD_NONE;
    if (detail != NULL)
        detail[0] = '\0';
    if (role <= ST_ROLE_NONE || role >= ST_ROLE_COUNT)
        hold = check_says(&c, ST_HOLD_ROLE, "no role");
    else if (change->unknown)
        hold = check_says(&c, ST_HOLD_VERSION, "an operation that this version does not know");
    else if (change->ops_count > ST_OPS_MAX)
        hold = check_says(&c, ST_HOLD_LIMIT, "too many operations");
    else if (change->creates && !is_in(form->create, &c))
        hold = check_says(&c, ST_HOLD_ROLE, "this role may not create such a record");
    if (hold != ST_HOLD_NONE) {
        check_detail(&c, NULL, detail);
        return hold;
    }
    for (uint32_t i = 0; i < change->ops_count && hold == ST_HOLD_NONE; i++) {
        hold = check_op(&c, &change->ops[i]);
        if (hold != ST_HOLD_NONE)
            check_detail(&c, &change->ops[i], detail);
    }
    return hold;
}

uint32_t st_form_movers(const st_form *form)
{
    assert(form != NULL);
    return strcmp(form->name, "period") != 0
               ? form->create
               : 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD | 1u << ST_ROLE_COUNCIL_CHAIR;
}
