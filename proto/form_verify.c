/* proto/form_verify.c - is a form definition sound?
 *
 * Promises: whoever holds a verified form may look up, evaluate and format by it without further
 * checks. Must not judge wording or who may write: that is the office's. */
#include "proto/form.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/expr.h"
#include "proto/text.h"

/* Where in the form we are, for messages. */
typedef struct {
    const st_form *form;
    const st_group *group;     /* NULL: the record itself */
    const st_field *field;
    st_arena *scratch;
    st_error *error;
} form_place;

static st_err place_wrong(const form_place *at, const char *why)
{
    return st_fail(at->error, ST_E_CORRUPT, "form '%.40s': %.40s%s%.40s: %s", at->form->name,
                   at->group == NULL ? "" : at->group->name, at->group == NULL ? "" : ".",
                   at->field == NULL ? "" : at->field->name, why);
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > ST_FORM_NAME_BYTES_MAX || name[0] < 'a' || name[0] > 'z')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool is_label(const char *text)
{
    if (text == NULL)
        return true;
    size_t len = strlen(text);
    return len <= ST_FORM_LABEL_BYTES_MAX && st_text_is_nfc(text, len);
}

static bool is_no(uint16_t no)
{
    return no >= 1 && no <= ST_FORM_NO_MAX;
}

/* ${path} as an expression of this place may write it: a field of the same group, a field of the
 * record, GROUP.KEY.FIELD of a keyed group; in count() also a group. */
static bool place_knows(void *context, const char *path, size_t len, bool is_group)
{
    const form_place *at = context;
    char text[ST_PATH_TEXT_BYTES];
    if (len >= sizeof text)
        return false;
    memcpy(text, path, len);
    text[len] = '\0';
    if (is_group && st_form_group(at->form, text) != NULL)
        return true;
    if (at->group != NULL && st_group_field(at->group, text) != NULL)
        return true;
    st_path found;
    return st_form_path_parse(at->form, text, &found, NULL) == ST_OK &&
           found.kind != ST_PATH_ITEM;
}

static st_err verify_expression(const form_place *at, const char *text)
{
    if (text == NULL)
        return ST_OK;
    const st_expr *expr;
    st_error why = { 0 };
    size_t len = strlen(text);
    if (!st_text_is_nfc(text, len))
        return place_wrong(at, "an expression is not NFC");
    st_err err = st_expr_compile(text, len, at->scratch, &expr, &why);
    if (err == ST_E_MEMORY)
        return st_fail(at->error, err, "form '%.40s': no memory", at->form->name);
    if (err != ST_OK)
        return place_wrong(at, why.detail);
    form_place place = *at;
    if (!st_expr_paths(expr, place_knows, &place))
        return place_wrong(at, "an expression names a path that the form does not have");
    st_arena_reset(at->scratch);
    return ST_OK;
}

static st_err verify_type(const form_place *at)
{
    const st_field *f = at->field;
    bool is_enum = f->type == ST_TYPE_ENUM;
    if ((unsigned)f->type >= ST_TYPE_COUNT || (unsigned)f->cls >= ST_CLASS_COUNT)
        return place_wrong(at, "unknown type or class");
    if (f->type == ST_TYPE_STR && (f->max_chars < 1 || f->max_chars > ST_FORM_STR_MAX))
        return place_wrong(at, "a str has a length of 1..16000 characters");
    if (f->scale > 9)
        return place_wrong(at, "a scale is 0..9");
    if (is_enum != (f->list != NULL))
        return place_wrong(at, "an enum, and nothing else, names a list");
    if (f->cls == ST_CLASS_SET && !is_enum && f->type != ST_TYPE_CODE && f->type != ST_TYPE_ID)
        return place_wrong(at, "a set has elements of type enum, code or id");
    if (f->cls == ST_CLASS_REMARK && (at->group == NULL || at->group->keyed))
        return place_wrong(at, "class remark is for items of a listed group");
    return ST_OK;
}

static st_err verify_field(const form_place *at)
{
    const st_field *f = at->field;
    if (!is_no(f->no))
        return place_wrong(at, "a number is 1..999");
    if (!is_name(f->name))
        return place_wrong(at, "a name is a-z, 0-9, _ and begins with a letter");
    if (!is_label(f->vi) || !is_label(f->en) || !is_label(f->message_vi) ||
        !is_label(f->message_en))
        return place_wrong(at, "a label is too long or not NFC");
    st_err err = verify_type(at);
    if (err == ST_OK)
        err = verify_expression(at, f->required_if);
    if (err == ST_OK)
        err = verify_expression(at, f->relevant);
    if (err == ST_OK)
        err = verify_expression(at, f->constraint);
    return err;
}

/* Fields of the record or of at->group: each sound, none doubled. */
static st_err verify_fields(form_place *at, const st_field *fields, uint32_t count)
{
    if (count > ST_FORM_FIELDS_MAX)
        return place_wrong(at, "too many fields");
    for (uint32_t i = 0; i < count; i++) {
        at->field = &fields[i];
        st_err err = verify_field(at);
        if (err != ST_OK)
            return err;
        for (uint32_t k = 0; k < i; k++)
            if (fields[k].no == fields[i].no || strcmp(fields[k].name, fields[i].name) == 0)
                return place_wrong(at, "its number or name stands twice");
    }
    at->field = NULL;
    return ST_OK;
}

static st_err verify_group(form_place *at, uint32_t index)
{
    const st_form *form = at->form;
    const st_group *g = at->group;
    if (!is_no(g->no) || !is_name(g->name) || !is_label(g->vi) || !is_label(g->en))
        return place_wrong(at, "a group has a number, a name and labels in bounds");
    if (g->keyed != (g->keys != NULL))
        return place_wrong(at, "a keyed group, and no other, says what its keys are");
    if (g->fields_count == 0)
        return place_wrong(at, "a group has at least one field");
    for (uint32_t k = 0; k < index; k++)
        if (form->groups[k].no == g->no || strcmp(form->groups[k].name, g->name) == 0)
            return place_wrong(at, "its number or name stands twice");
    for (uint32_t k = 0; k < form->fields_count; k++)
        if (form->fields[k].no == g->no || strcmp(form->fields[k].name, g->name) == 0)
            return place_wrong(at, "a field of the record has its number or name");
    return verify_fields(at, g->fields, g->fields_count);
}

static st_err verify_lists(const form_place *at)
{
    const st_form *form = at->form;
    if (form->lists_count > ST_FORM_OPTIONS_MAX)
        return place_wrong(at, "too many lists");
    for (uint32_t i = 0; i < form->lists_count; i++) {
        const st_list *list = &form->lists[i];
        if (!is_name(list->name) || list->count > ST_FORM_OPTIONS_MAX)
            return place_wrong(at, "a list has a name and at most 1000 options");
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(form->lists[k].name, list->name) == 0)
                return place_wrong(at, "a list stands twice");
        for (uint32_t k = 0; k < list->count; k++) {
            const st_option *o = &list->options[k];
            st_code code;
            if (!st_code_set(&code, o->id, strlen(o->id)) || !is_label(o->vi) ||
                !is_label(o->en))
                return place_wrong(at, "an option has an ASCII id and labels in bounds");
            for (uint32_t m = 0; m < k; m++)
                if (list->options[m].no == o->no || strcmp(list->options[m].id, o->id) == 0)
                    return place_wrong(at, "an option stands twice in its list");
        }
    }
    return ST_OK;
}

static st_err verify_all(form_place *at)
{
    const st_form *form = at->form;
    st_code code;
    if (!is_name(form->name) || !st_code_set(&code, form->name, strlen(form->name)) ||
        form->version == 0)
        return place_wrong(at, "a form has a name of at most 32 bytes and a version");
    if (!is_label(form->vi) || !is_label(form->en))
        return place_wrong(at, "a label is too long or not NFC");
    st_err err = verify_lists(at);
    if (err == ST_OK)
        err = verify_fields(at, form->fields, form->fields_count);
    if (err == ST_OK && form->groups_count > ST_FORM_FIELDS_MAX)
        err = place_wrong(at, "too many groups");
    for (uint32_t i = 0; err == ST_OK && i < form->groups_count; i++) {
        at->group = &form->groups[i];
        err = verify_group(at, i);
    }
    at->group = NULL;
    for (uint32_t i = 0; err == ST_OK && i < form->title_count; i++)
        if (st_form_field(form, form->title[i]) == NULL)
            err = place_wrong(at, "the title names a field that is not there");
    return err;
}

st_err st_form_verify(const st_form *form, st_error *error)
{
    assert(form != NULL);
    assert(form->name != NULL);
    st_arena scratch;
    st_arena_init(&scratch, 64 * 1024);
    form_place at = { .form = form, .scratch = &scratch, .error = error };
    st_err err = verify_all(&at);
    st_arena_reset(&scratch);
    return err;
}
