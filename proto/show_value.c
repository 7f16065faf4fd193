/* proto/show_value.c - one path as people see it: distinct values, who wrote them, whether they
 * contradict each other. Must never choose for people: the order only says what stands first. */
#include "proto/show_value.h"

#include <stdio.h>
#include <string.h>

st_span st_show_span_at(const st_record *record, size_t from)
{
    st_span span = { from, 0 };
    while (from + span.count < record->lives_count &&
           st_path_cmp(&record->lives[from].op.path,
                       &record->lives[from + span.count].op.path) == 0)
        span.count++;
    return span;
}

static bool same_entry(const st_path *a, const st_path *b)
{
    return a->group == b->group && a->place == b->place &&
           strcmp(a->key.s, b->key.s) == 0 && st_dot_cmp(&a->item, &b->item) == 0;
}

st_span st_show_field_at(const st_record *record, size_t from)
{
    st_span span = { from, 0 };
    while (from + span.count < record->lives_count) {
        const st_path *a = &record->lives[from].op.path;
        const st_path *b = &record->lives[from + span.count].op.path;
        if (!same_entry(a, b) || a->field != b->field)
            break;
        span.count++;
    }
    return span;
}

st_span st_show_entry_at(const st_record *record, size_t from)
{
    st_span span = { from, 0 };
    while (from + span.count < record->lives_count &&
           same_entry(&record->lives[from].op.path, &record->lives[from + span.count].op.path))
        span.count++;
    return span;
}

bool st_show_has_element(const st_record *record, st_span span)
{
    for (size_t i = 0; i < span.count; i++)
        if (record->lives[span.first + i].op.value.kind == ST_VALUE_INT)
            return true;
    return false;
}

/* Which live operation of a span stands first. */
static size_t shown_of(const st_record *record, const st_field *field, st_span span)
{
    if (field != NULL && field->cls == ST_CLASS_FIXED) {
        for (size_t i = 0; i < span.count; i++) {
            const st_live *live = &record->lives[span.first + i];
            bool of_item = live->op.path.kind == ST_PATH_ITEM &&
                           st_dot_cmp(&record->metas[live->meta].dot, &live->op.path.item) == 0;
            if (of_item || (live->op.path.kind != ST_PATH_ITEM && record->created &&
                            live->meta == record->creator))
                return span.first + i;
        }
    }
    return st_view_shown(record, span);
}

static bool newer(const st_record *record, size_t a, size_t b)
{
    const st_meta *x = &record->metas[record->lives[a].meta];
    const st_meta *y = &record->metas[record->lives[b].meta];
    return x->hlc != y->hlc ? x->hlc > y->hlc : st_dot_cmp(&x->dot, &y->dot) > 0;
}

st_show_distinct st_show_distinct_of(const st_record *record, const st_field *field, st_span span)
{
    return (st_show_distinct){ record, span, shown_of(record, field, span), SIZE_MAX };
}

static bool is_equal(const st_show_distinct *walk, size_t a, size_t b)
{
    return st_value_equal(&walk->record->lives[a].op.value, &walk->record->lives[b].op.value);
}

/* Does it stand for a value that neither the shown one has nor one before it? */
static bool is_first(const st_show_distinct *walk, size_t at)
{
    for (size_t i = walk->span.first; i < at; i++)
        if (is_equal(walk, i, at))
            return false;
    return !is_equal(walk, walk->shown, at);
}

static size_t newest_equal(const st_show_distinct *walk, size_t first)
{
    size_t newest = first;
    for (size_t i = first + 1; i < walk->span.first + walk->span.count; i++)
        if (is_equal(walk, i, first) && newer(walk->record, i, newest))
            newest = i;
    return newest;
}

bool st_show_distinct_next(st_show_distinct *walk, st_group_of_equals *out)
{
    if (walk->shown == SIZE_MAX)
        return false;
    if (walk->at == SIZE_MAX) {
        walk->at = walk->span.first;
        *out = (st_group_of_equals){ walk->shown, true };
        return true;
    }
    while (walk->at < walk->span.first + walk->span.count) {
        const size_t at = walk->at++;
        if (!is_first(walk, at))
            continue;
        *out = (st_group_of_equals){ newest_equal(walk, at), false };
        return true;
    }
    return false;
}

bool st_show_in_conflict(const st_record *record, const st_field *field, st_span span)
{
    if (field == NULL || field->cls != ST_CLASS_DECISIVE)
        return false;
    for (size_t i = 1; i < span.count; i++)
        if (!st_value_equal(&record->lives[span.first].op.value,
                            &record->lives[span.first + i].op.value))
            return true;
    return false;
}

const char *st_show_person(const st_show_how *how, const st_id *person, char *buffer)
{
    const st_directory *directory = how->directory;
    const char *login = directory != NULL && directory->login != NULL
                            ? directory->login(directory->context, person) : NULL;
    if (login != NULL)
        return login;
    st_id_format(person, buffer);
    return buffer;
}

static void geo_json(st_json *json, const st_value *value)
{
    char text[96];
    int32_t lat = (int32_t)st_get_u32(value->data), lon = (int32_t)st_get_u32(value->data + 4);
    int len = snprintf(text, sizeof text, "{\"lat\":%.7f,\"lon\":%.7f,\"accuracy_m\":%u}",
                       lat / 1e7, lon / 1e7, st_get_u32(value->data + 8));
    st_json_raw(json, text, (size_t)len);
}

void st_show_value_json(st_json *json, const st_field *field, const st_value *value)
{
    if (value->kind == ST_VALUE_NULL || value->kind == ST_VALUE_ERASED) {
        st_json_null(json);
    } else if (value->kind == ST_VALUE_TEXT || value->kind == ST_VALUE_CODE) {
        st_json_textn(json, (const char *)value->data, value->len);
    } else if (value->kind == ST_VALUE_GEO) {
        geo_json(json, value);
    } else {
        st_buffer text;
        st_buffer_init(&text, 4 * ST_VALUE_BYTES_MAX);
        if (json->err == ST_OK)
            json->err = st_value_text(field, value, &text, json->error);
        bool plain = field->type == ST_TYPE_UINT || field->type == ST_TYPE_DEC ||
                     field->type == ST_TYPE_MONEY || field->type == ST_TYPE_BOOL;
        if (plain && value->kind == ST_VALUE_INT) /* another client may write what is no number */
            st_json_raw(json, (const char *)text.data, text.len);
        else
            st_json_textn(json, (const char *)text.data, text.len);
        st_buffer_free(&text);
    }
}

/* The office hears of all devices' exchanges, a phone knows its own: of others it says null. */
static void written_json(st_json *json, const st_meta *meta, const st_show_how *how)
{
    st_written written = st_show_written(how, meta);
    if (how->moments != NULL)
        st_show_written_json(json, &written, how);
}

/* Who, when, from where: the keys that every value and act has. */
static void meta_json(st_json *json, const st_meta *meta, const st_show_how *how)
{
    char text[ST_DOT_TEXT_BYTES], hex[33];
    st_dot_format(&meta->dot, text);
    st_json_key_text(json, "dot", text);
    st_json_key_text(json, "author", st_show_person(how, &meta->actor, hex));
    st_id_format(&meta->dot.device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key_text(json, "role", st_role_name(meta->role));
    st_json_key(json, "claimed_at");
    st_json_when(json, meta->wall_ms, how->offset_minutes);
    written_json(json, meta, how);
    st_json_key(json, "received_at");
    st_json_when(json, meta->received_ms, how->offset_minutes);
    st_json_key(json, "log_index");
    if (meta->log_index == 0)
        st_json_null(json);
    else
        st_json_int(json, (int64_t)meta->log_index);
    char clock[32];
    st_hlc_format(meta->hlc, clock);
    st_json_key_text(json, "hlc", clock);
    st_json_key_text(json, "via", meta->via == ST_VIA_DEVICE ? NULL : st_via_name(meta->via));
}

/* The others who wrote the same value. */
static void others_json(st_json *json, const st_record *record, st_span span,
                        st_group_of_equals group, const st_show_how *how)
{
    bool open = false;
    const st_value *value = &record->lives[group.live].op.value;
    for (size_t i = span.first; i < span.first + span.count; i++) {
        if (i == group.live || !st_value_equal(value, &record->lives[i].op.value))
            continue;
        if (!open) {
            st_json_key(json, "also");
            st_json_open(json, '[');
            open = true;
        }
        const st_meta *meta = &record->metas[record->lives[i].meta];
        char text[ST_DOT_TEXT_BYTES], hex[33];
        st_json_open(json, '{');
        st_dot_format(&meta->dot, text);
        st_json_key_text(json, "dot", text);
        st_json_key_text(json, "author", st_show_person(how, &meta->actor, hex));
        st_id_format(&meta->dot.device, hex);
        st_json_key_text(json, "device", hex);
        st_json_key_text(json, "role", st_role_name(meta->role));
        st_json_key(json, "claimed_at");
        st_json_when(json, meta->wall_ms, how->offset_minutes);
        written_json(json, meta, how);
        st_json_close(json, '}');
    }
    if (open)
        st_json_close(json, ']');
}

static void kept_json(st_json *json, const st_op *op, const st_show_how *how)
{
    if (op->kept.counter == 0)
        return;
    char text[ST_DOT_TEXT_BYTES], hex[33];
    st_dot_format(&op->kept, text);
    st_json_key(json, "kept");
    st_json_open(json, '{');
    st_json_key_text(json, "dot", text);
    st_json_key_text(json, "author", st_show_person(how, &op->kept_actor, hex));
    st_json_close(json, '}');
}

typedef struct {
    const st_record *record;
    const st_field *field;
    st_span span;
    const st_show_how *how;
} field_view;

static void group_json(st_json *json, const field_view *view, st_group_of_equals group)
{
    const st_live *live = &view->record->lives[group.live];
    st_json_open(json, '{');
    st_json_key(json, "value");
    if (live->op.path.element_len > 0) {
        st_value element = st_element_value(view->field, &live->op.path);
        st_show_value_json(json, view->field, &element);
    } else {
        st_show_value_json(json, view->field, &live->op.value);
    }
    if (live->op.value.kind == ST_VALUE_ERASED)
        st_json_key_bool(json, "erased", true);
    meta_json(json, &view->record->metas[live->meta], view->how);
    st_json_key_bool(json, "shown", group.shown);
    if (view->field->cls == ST_CLASS_FIXED && !group.shown)
        st_json_key_bool(json, "evidence", true);
    kept_json(json, &live->op, view->how);
    const st_value *reason = &view->record->metas[live->meta].reason;
    if (reason->kind == ST_VALUE_TEXT) {
        st_json_key(json, "reason");
        st_json_textn(json, (const char *)reason->data, reason->len);
    }
    others_json(json, view->record, view->span, group, view->how);
    st_json_close(json, '}');
}

/* The elements of a set: each that is there, represented by its newest add. */
static void elements_json(st_json *json, const field_view *view)
{
    size_t end = view->span.first + view->span.count;
    for (size_t at = view->span.first; at < end;) {
        st_span span = st_show_span_at(view->record, at);
        at += span.count;
        if (!st_show_has_element(view->record, span))
            continue;
        size_t best = SIZE_MAX;
        for (size_t i = span.first; i < span.first + span.count; i++)
            if (view->record->lives[i].op.value.kind == ST_VALUE_INT &&
                (best == SIZE_MAX || newer(view->record, i, best)))
                best = i;
        field_view element = *view;
        element.span = span;
        group_json(json, &element, (st_group_of_equals){ best, true });
    }
}

void st_show_values_json(st_json *json, const st_record *record, const st_field *field,
                         st_span span, const st_show_how *how)
{
    field_view view = { record, field, span, how };
    st_json_open(json, '[');
    if (field->cls == ST_CLASS_SET) {
        elements_json(json, &view);
    } else {
        st_group_of_equals group;
        st_show_distinct walk = st_show_distinct_of(record, field, span);
        while (st_show_distinct_next(&walk, &group))
            group_json(json, &view, group);
    }
    st_json_close(json, ']');
}

void st_show_field_json(st_json *json, const st_record *record, const st_field *field,
                        st_span span, const st_show_how *how)
{
    st_json_open(json, '{');
    st_json_key_text(json, "class", st_class_name(field->cls));
    st_json_key_bool(json, "conflict", st_show_in_conflict(record, field, span));
    st_json_key(json, "values");
    st_show_values_json(json, record, field, span, how);
    st_json_close(json, '}');
}

/* What a drop or a keep of an item says, as the values of a contested item. */
void st_show_drops_json(st_json *json, const st_record *record, st_span span,
                        const st_show_how *how)
{
    st_json_open(json, '[');
    for (size_t i = span.first; i < span.first + span.count; i++) {
        const st_live *live = &record->lives[i];
        st_json_open(json, '{');
        st_json_key_text(json, "value", live->op.value.kind == ST_VALUE_INT ? "drop" : "keep");
        meta_json(json, &record->metas[live->meta], how);
        st_json_key_bool(json, "shown", i == span.first);
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

void st_show_acts_json(st_json *json, const st_record *record, const st_acts_view *acts,
                       const st_show_how *how)
{
    st_json_open(json, '[');
    for (size_t i = 0; i < acts->acts_count; i++) {
        const st_meta *meta = &record->metas[acts->acts[i]];
        st_json_open(json, '{');
        st_json_key_text(json, "value", st_act_name(meta->act));
        meta_json(json, meta, how);
        st_json_key_bool(json, "shown", i == 0);
        st_json_key(json, "reason");
        if (meta->reason.kind == ST_VALUE_TEXT)
            st_json_textn(json, (const char *)meta->reason.data, meta->reason.len);
        else
            st_json_null(json);
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

const char *st_show_unit(const st_form *form, const st_record *record, char *buffer)
{
    if (form == NULL || form->home == ST_HOME_UNIT) {
        const char *slash = strrchr(record->bucket.s, '/');
        return slash != NULL && strstr(record->bucket.s, "/unit/") != NULL ? slash + 1 : "";
    }
    const st_field *field = st_form_field(form, "unit_id");
    if (field == NULL)
        return "";
    st_path path = { .kind = ST_PATH_FIELD, .field = field->no };
    size_t at = st_view_shown(record, st_record_path(record, &path));
    if (at == SIZE_MAX || record->lives[at].op.value.kind != ST_VALUE_CODE)
        return "";
    const st_value *value = &record->lives[at].op.value;
    size_t len = value->len < ST_CODE_BYTES_MAX ? value->len : ST_CODE_BYTES_MAX;
    memcpy(buffer, value->data, len);
    buffer[len] = '\0';
    return buffer;
}
