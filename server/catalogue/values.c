/* server/catalogue/values.c - single fields of catalogue records, read by name.
 * Promises: what the form does not know or the record does not hold reads as empty, never as an
 * error: the catalogue is data, and an older form may lack a field. */
#include <assert.h>
#include <string.h>

#include "proto/view.h"
#include "server/catalogue/catalogue.h"

static st_path field_path(const st_field *field)
{
    st_path path;
    memset(&path, 0, sizeof path);
    path.kind = ST_PATH_FIELD;
    path.field = field->no;
    return path;
}

st_value catalogue_value(const st_form *form, const st_record *record, const char *field)
{
    st_value none;
    memset(&none, 0, sizeof none);
    const st_field *f = st_form_field(form, field);
    if (f == NULL || f->cls == ST_CLASS_SET)
        return none;
    st_path path = field_path(f);
    size_t shown = st_view_shown(record, st_record_path(record, &path));
    return shown == SIZE_MAX ? none : record->lives[shown].op.value;
}

/* Cuts text to bytes-1 without cutting a character in two. */
static void copy_text(const uint8_t *data, size_t len, char *text, size_t bytes)
{
    if (len >= bytes) {
        len = bytes - 1;
        while (len > 0 && (data[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
}

void catalogue_text(const st_form *form, const st_record *record, const char *field, char *text,
                    size_t text_bytes)
{
    assert(text_bytes > 0);
    st_value value = catalogue_value(form, record, field);
    text[0] = '\0';
    if (value.kind == ST_VALUE_TEXT || value.kind == ST_VALUE_CODE)
        copy_text(value.data, value.len, text, text_bytes);
}

const char *catalogue_option(const st_list *list, int64_t number)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
        if (list->options[i].no == number)
            return list->options[i].id;
    return NULL;
}

bool catalogue_is_withdrawn(const st_record *record)
{
    return st_view_has_act(record, ST_ACT_WITHDRAW);
}

void catalogue_each_element(const st_form *form, const st_record *record, const char *field,
                            bool (*each)(void *context, st_value element), void *context)
{
    const st_field *f = st_form_field(form, field);
    if (f == NULL || f->cls != ST_CLASS_SET)
        return;
    const st_path *before = NULL;
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (op->path.kind != ST_PATH_FIELD || op->path.field != f->no || op->verb != ST_VERB_ADD)
            continue;
        if (before != NULL && st_path_cmp(before, &op->path) == 0)
            continue;                          /* added twice, one element */
        before = &op->path;
        if (!each(context, st_element_value(f, &op->path)))
            return;
    }
}
