/* proto/form_review.c - what a record still lacks: required fields without a value, constraints
 * that are broken. A gate at finalise on the phone, flags on the server.
 *
 * Promises: reads the values that are shown first and changes nothing; expressions see the record,
 * today's date as it was given, and no clock. Findings come in form order, keys and items in path
 * order. Must never be used to hold a change: the answer depends on what has arrived. */
#include "proto/form_parts.h"

#include <assert.h>
#include <string.h>

#include "proto/expr.h"

/* Enough for the expressions of one field and the hex ids they look at. */
#define SCRATCH_BYTES (256 * 1024)

/* What an expression is asked about: one field at one place of the record. */
typedef struct {
    const st_form *form;
    const st_record *record;
    const st_group *group;     /* NULL: a field of the record itself */
    const st_field *field;
    st_path path;              /* of the field */
    st_arena *scratch;
    int64_t today_days;
    bool (*say)(void *context, const st_finding *finding);
    void *context;
    bool stopped;
} review_place;

static bool same_place(const st_path *a, const st_path *b)
{
    return a->kind == b->kind && a->group == b->group && a->place == b->place &&
           strcmp(a->key.s, b->key.s) == 0 && st_dot_cmp(&a->item, &b->item) == 0;
}

/* Is a live operation the addition of an element? */
static bool is_element(const st_live *live)
{
    return live->op.path.element_len > 0 && live->op.value.kind == ST_VALUE_INT;
}

static bool same_element(const st_path *a, const st_path *b)
{
    return a->element_len == b->element_len &&
           memcmp(a->element, b->element, a->element_len) == 0;
}

/* How many elements a set has; with `wanted`, whether it has that one. */
static size_t count_elements(const st_record *record, const st_path *path, const st_path *wanted)
{
    const st_path *last = NULL;
    size_t count = 0;
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        const st_path *at = &live->op.path;
        if (!is_element(live) || at->field != path->field || !same_place(at, path))
            continue;
        if (wanted != NULL ? !same_element(at, wanted) : last != NULL && same_element(at, last))
            continue;
        last = at;
        count++;
    }
    return count;
}

/* Was it written by the change that made the record, or the item? */
static bool is_first_written(const st_record *record, const st_live *live)
{
    if (live->op.path.kind == ST_PATH_ITEM)
        return st_dot_cmp(&record->metas[live->meta].dot, &live->op.path.item) == 0;
    return record->created && live->meta == record->creator;
}

/* The shown value of a path that is no set; NULL kind when there is none. A fixed field shows what
 * it was made with, whatever came later. */
static st_value shown_value(const st_record *record, const st_field *field, const st_path *path)
{
    st_span span = st_record_path(record, path);
    for (size_t i = 0; field->cls == ST_CLASS_FIXED && i < span.count; i++)
        if (is_first_written(record, &record->lives[span.first + i]))
            return record->lives[span.first + i].op.value;
    size_t shown = st_view_shown(record, span);
    if (shown == SIZE_MAX)
        return (st_value){ .kind = ST_VALUE_NULL };
    return record->lives[shown].op.value;
}

/* ${path} as written in an expression of this place -> the field it means. */
static const st_field *find_path(const review_place *at, const char *text, size_t len,
                                 st_path *out_path)
{
    char name[ST_PATH_TEXT_BYTES];
    if (text == NULL) {
        *out_path = at->path;
        return at->field;
    }
    if (len >= sizeof name)
        return NULL;
    memcpy(name, text, len);
    name[len] = '\0';
    const st_field *sibling = at->group == NULL ? NULL : st_group_field(at->group, name);
    if (sibling != NULL) {
        *out_path = at->path;
        out_path->field = sibling->no;
        return sibling;
    }
    if (st_form_path_parse(at->form, name, out_path, NULL) != ST_OK)
        return NULL;
    return st_form_at(at->form, out_path, NULL);
}

static st_expr_value number_of(double number)
{
    return (st_expr_value){ .kind = ST_EXPR_NUMBER, .number = number };
}

static st_expr_value truth_of(bool is)
{
    return (st_expr_value){ .kind = ST_EXPR_BOOL, .number = is ? 1 : 0 };
}

static st_expr_value string_of(const void *text, size_t len)
{
    return (st_expr_value){ .kind = ST_EXPR_STRING, .text = text, .len = len };
}

/* What has no text or number of its own but is there: not empty, and like no id. */
static st_expr_value something(void)
{
    return string_of("*", 1);
}

static st_expr_value hex_of(const review_place *at, const st_value *value)
{
    char *text = st_arena_get(at->scratch, 2 * (size_t)value->len + 1);
    if (text == NULL)
        return something();
    st_hex(value->data, value->len, text);
    return string_of(text, 2 * (size_t)value->len);
}

static st_expr_value number_value(const st_field *field, int64_t number)
{
    const st_option *option;
    switch (field->type) {
    case ST_TYPE_ENUM:
        option = st_field_option(field, number);
        return option == NULL ? number_of((double)number)
                              : string_of(option->id, strlen(option->id));
    case ST_TYPE_BOOL:
        return truth_of(number != 0);
    case ST_TYPE_DEC:
        return number_of((double)number / (double)st_scale_unit(field->scale));
    default:
        return number_of((double)number);
    }
}

static st_expr_value review_get(void *context, const char *text, size_t len)
{
    const review_place *at = context;
    st_path path;
    const st_field *field = find_path(at, text, len, &path);
    if (field == NULL)
        return (st_expr_value){ .kind = ST_EXPR_EMPTY };
    if (field->cls == ST_CLASS_SET)
        return count_elements(at->record, &path, NULL) > 0
                   ? something() : (st_expr_value){ .kind = ST_EXPR_EMPTY };
    st_value value = shown_value(at->record, field, &path);
    switch (value.kind) {
    case ST_VALUE_NULL:
        return (st_expr_value){ .kind = ST_EXPR_EMPTY };
    case ST_VALUE_INT:
        return number_value(field, value.number);
    case ST_VALUE_TEXT:
    case ST_VALUE_CODE:
        return value.len == 0 ? (st_expr_value){ .kind = ST_EXPR_EMPTY }
                              : string_of(value.data, value.len);
    case ST_VALUE_ID:
    case ST_VALUE_HASH:
        return hex_of(at, &value);
    default:
        return something();            /* a position, bytes, or erased: it was answered */
    }
}

static bool review_selected(void *context, const char *text, size_t len, const char *id,
                            size_t id_len)
{
    const review_place *at = context;
    st_path path, wanted;
    const st_field *field = find_path(at, text, len, &path);
    char name[ST_PATH_TEXT_BYTES];
    if (field == NULL || id_len >= sizeof name)
        return false;
    memcpy(name, id, id_len);
    name[id_len] = '\0';
    if (field->cls != ST_CLASS_SET) {
        st_expr_value value = review_get(context, text, len);
        return value.kind == ST_EXPR_STRING && value.len == id_len &&
               memcmp(value.text, id, id_len) == 0;
    }
    wanted = path;
    return st_element_parse(field, name, &wanted, NULL) == ST_OK &&
           count_elements(at->record, &path, &wanted) > 0;
}

/* Is a live operation one of this group that makes its key or item exist? */
static bool is_entry(const review_place *at, const st_group *group, const st_live *live)
{
    const st_path *path = &live->op.path;
    if (path->group != group->no)
        return false;
    if (group->keyed)
        return path->kind == ST_PATH_KEYED && live->op.value.kind != ST_VALUE_NULL;
    return path->kind == ST_PATH_ITEM &&
           st_view_item(at->record, group->no, &path->item, path->place) != ST_ITEM_DROPPED;
}

/* The next key or item of the group from lives[*index] on; NULL when there is none. */
static const st_path *next_entry(const review_place *at, const st_group *group, size_t *index,
                                 const st_path *last)
{
    while (*index < at->record->lives_count) {
        const st_live *live = &at->record->lives[(*index)++];
        if (last != NULL && same_place(&live->op.path, last))
            continue;
        if (is_entry(at, group, live))
            return &live->op.path;
    }
    return NULL;
}

static double review_count(void *context, const char *text, size_t len)
{
    const review_place *at = context;
    char name[ST_PATH_TEXT_BYTES];
    if (text != NULL && len < sizeof name) {
        memcpy(name, text, len);
        name[len] = '\0';
        const st_group *group = st_form_group(at->form, name);
        const st_path *entry = NULL;
        size_t index = 0, count = 0;
        while (group != NULL && (entry = next_entry(at, group, &index, entry)) != NULL)
            count++;
        if (group != NULL)
            return (double)count;
    }
    st_path path;
    const st_field *field = find_path(at, text, len, &path);
    if (field == NULL)
        return 0;
    if (field->cls == ST_CLASS_SET)
        return (double)count_elements(at->record, &path, NULL);
    return shown_value(at->record, field, &path).kind == ST_VALUE_NULL ? 0 : 1;
}

/* An expression's truth at this place; `otherwise` when the field has none. */
static st_err ask(review_place *at, const char *text, bool otherwise, bool *out_true)
{
    if (text == NULL) {
        *out_true = otherwise;
        return ST_OK;
    }
    const st_expr *expr;
    st_err err = st_expr_compile(text, strlen(text), at->scratch, &expr, NULL);
    if (err != ST_OK)
        return err == ST_E_MEMORY ? err : ST_E_CORRUPT;
    st_expr_source source = { .context = at, .get = review_get, .selected = review_selected,
                              .count = review_count, .today_days = at->today_days };
    *out_true = st_expr_true(st_expr_eval(expr, &source));
    return ST_OK;
}

static void report(review_place *at, bool is_required)
{
    st_finding finding = { .field = at->field, .path = at->path, .is_required = is_required };
    if (!at->say(at->context, &finding))
        at->stopped = true;
}

static st_err review_field(review_place *at)
{
    const st_field *field = at->field;
    bool relevant = false, required = field->required, holds = true;
    if (field->cls == ST_CLASS_SERVER || field->cls == ST_CLASS_STATE)
        return ST_OK;
    st_arena_reset(at->scratch);
    st_err err = ask(at, field->relevant, true, &relevant);
    if (err != ST_OK || !relevant)
        return err;
    st_expr_value value = review_get(at, NULL, 0);
    if (value.kind == ST_EXPR_EMPTY) {
        if (!required)
            err = ask(at, field->required_if, false, &required);
        if (err == ST_OK && required)
            report(at, true);
        return err;
    }
    if (field->cls != ST_CLASS_SET &&
        shown_value(at->record, field, &at->path).kind == ST_VALUE_ERASED)
        return ST_OK;                  /* what is gone cannot be put right */
    err = ask(at, field->constraint, true, &holds);
    if (err == ST_OK && !holds)
        report(at, false);
    return err;
}

/* Fields of the record, or of the key or item that at->path names. */
static st_err review_fields(review_place *at, const st_field *fields, uint32_t count)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && !at->stopped && i < count; i++) {
        at->field = &fields[i];
        at->path.field = fields[i].no;
        at->path.element_len = 0;
        memset(at->path.element, 0, sizeof at->path.element);
        err = review_field(at);
    }
    return err;
}

static st_err review_group(review_place *at, const st_group *group)
{
    st_err err = ST_OK;
    const st_path *entry = NULL;
    size_t index = 0;
    at->group = group;
    while (err == ST_OK && !at->stopped &&
           (entry = next_entry(at, group, &index, entry)) != NULL) {
        at->path = *entry;
        err = review_fields(at, group->fields, group->fields_count);
    }
    return err;
}

st_err st_form_review(const st_form *form, const st_record *record, int64_t today_days,
                      bool (*say)(void *context, const st_finding *finding), void *context)
{
    assert(form != NULL && record != NULL);
    assert(say != NULL);
    st_arena scratch;
    st_arena_init(&scratch, SCRATCH_BYTES);
    review_place at = { .form = form, .record = record, .scratch = &scratch,
                        .today_days = today_days, .say = say, .context = context };
    memset(&at.path, 0, sizeof at.path);
    st_err err = review_fields(&at, form->fields, form->fields_count);
    for (uint32_t i = 0; err == ST_OK && !at.stopped && i < form->groups_count; i++)
        err = review_group(&at, &form->groups[i]);
    st_arena_reset(&scratch);
    return err;
}
