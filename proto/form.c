/* proto/form.c - finding one's way in a form: names, numbers, paths.
 *
 * Promises: lookups that never fail but by NULL, and paths whose text reads back as the same path.
 * Must not know values (form_value.c) or judge changes (form_check.c). */
#include "proto/form.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const st_field *field_by_name(const st_field *fields, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static const st_field *field_by_no(const st_field *fields, uint32_t count, uint16_t no)
{
    if (no > 0 && no <= count && fields[no - 1].no == no)
        return &fields[no - 1];         /* most forms are numbered in order */
    for (uint32_t i = 0; i < count; i++)
        if (fields[i].no == no)
            return &fields[i];
    return NULL;
}

static const st_group *group_by_no(const st_form *form, uint16_t no)
{
    for (uint32_t i = 0; i < form->groups_count; i++)
        if (form->groups[i].no == no)
            return &form->groups[i];
    return NULL;
}

const st_field *st_form_field(const st_form *form, const char *name)
{
    assert(form != NULL && name != NULL);
    return field_by_name(form->fields, form->fields_count, name);
}

const st_group *st_form_group(const st_form *form, const char *name)
{
    assert(form != NULL && name != NULL);
    for (uint32_t i = 0; i < form->groups_count; i++)
        if (strcmp(form->groups[i].name, name) == 0)
            return &form->groups[i];
    return NULL;
}

const st_field *st_group_field(const st_group *group, const char *name)
{
    assert(group != NULL && name != NULL);
    return field_by_name(group->fields, group->fields_count, name);
}

const st_field *st_form_at(const st_form *form, const st_path *path, const st_group **out_group)
{
    assert(form != NULL && path != NULL);
    const st_group *group = NULL;
    const st_field *field = NULL;
    if (path->kind == ST_PATH_FIELD) {
        if (path->group == 0)
            field = field_by_no(form->fields, form->fields_count, path->field);
    } else {
        group = group_by_no(form, path->group);
        if (group != NULL && group->keyed != (path->kind == ST_PATH_KEYED))
            group = NULL;
        if (group != NULL && path->kind != ST_PATH_DROP)
            field = field_by_no(group->fields, group->fields_count, path->field);
    }
    if (out_group != NULL)
        *out_group = group;
    return field;
}

/* Copies a part of a path to be looked up or shown; longer than any name: cut, so unknown. */
static void part_copy(char part[ST_PATH_TEXT_BYTES], const char *text, size_t len)
{
    if (len >= ST_PATH_TEXT_BYTES)
        len = ST_PATH_TEXT_BYTES - 1;
    memcpy(part, text, len);
    part[len] = '\0';
}

static st_err path_parse_key(const st_group *group, const char *key, st_path *path,
                             st_error *error)
{
    if (group->keyed) {
        path->kind = ST_PATH_KEYED;
        if (!st_code_set(&path->key, key, strlen(key)))
            return st_fail(error, ST_E_VALUE, "path: '%.40s' is no key of '%s'", key,
                           group->name);
        return ST_OK;
    }
    path->kind = ST_PATH_ITEM;
    if (!st_item_parse(key, &path->item, &path->place))
        return st_fail(error, ST_E_VALUE,
                       "path: '%.40s' is no item of '%s' (DEVICE:COUNTER:PLACE)", key,
                       group->name);
    return ST_OK;
}

st_err st_form_path_parse(const st_form *form, const char *text, st_path *out_path,
                          st_error *error)
{
    assert(form != NULL && text != NULL);
    assert(out_path != NULL);
    st_path path;
    char part[ST_PATH_TEXT_BYTES];
    memset(&path, 0, sizeof path);
    const char *first = strchr(text, '.'), *last = strrchr(text, '.');
    part_copy(part, text, first == NULL ? strlen(text) : (size_t)(first - text));
    const st_group *group = st_form_group(form, part);
    if (first == NULL) {
        const st_field *field = st_form_field(form, part);
        if (field == NULL && group != NULL)
            return st_fail(error, ST_E_VALUE, "path: '%s' is a group: %s.%s.FIELD", group->name,
                           group->name, group->keyed ? "KEY" : "ITEM");
        if (field == NULL)
            return st_fail(error, ST_E_VALUE, "path: '%s' has no field '%.60s'", form->name, part);
        path.field = field->no;
        *out_path = path;
        return ST_OK;
    }
    if (group == NULL)
        return st_fail(error, ST_E_VALUE, "path: '%s' has no group '%.60s'", form->name, part);
    if (first == last)
        return st_fail(error, ST_E_VALUE, "path: a field is missing: %s.%s.FIELD", group->name,
                       group->keyed ? "KEY" : "ITEM");
    const st_field *field = st_group_field(group, last + 1);
    if (field == NULL)
        return st_fail(error, ST_E_VALUE, "path: group '%s' has no field '%.60s'", group->name,
                       last + 1);
    part_copy(part, first + 1, (size_t)(last - first - 1));
    path.group = group->no;
    path.field = field->no;
    st_err err = path_parse_key(group, part, &path, error);
    if (err == ST_OK)
        *out_path = path;
    return err;
}

void st_form_path_format(const st_form *form, const st_path *path, char *text)
{
    assert(form != NULL && path != NULL);
    assert(text != NULL);
    const st_group *group;
    const st_field *field = st_form_at(form, path, &group);
    const char *field_name = field == NULL ? "?" : field->name;
    const char *group_name = group == NULL ? "?" : group->name;
    char item[ST_ITEM_TEXT_BYTES];
    int written = 0;
    switch (path->kind) {
    case ST_PATH_FIELD:
        written = snprintf(text, ST_PATH_TEXT_BYTES, "%s", field_name);
        break;
    case ST_PATH_KEYED:
        written = snprintf(text, ST_PATH_TEXT_BYTES, "%s.%s.%s", group_name, path->key.s,
                           field_name);
        break;
    case ST_PATH_ITEM:
        st_item_format(&path->item, path->place, item);
        written = snprintf(text, ST_PATH_TEXT_BYTES, "%s.%s.%s", group_name, item, field_name);
        break;
    case ST_PATH_DROP:
        st_item_format(&path->item, path->place, item);
        written = snprintf(text, ST_PATH_TEXT_BYTES, "%s.%s", group_name, item);
        break;
    }
    if (written < 0)
        text[0] = '\0';
}
