/* proto/show.c - states, open conflicts and the `show` document. Promises the JSON shapes of
 * docs/programs.md; must never hide a value that somebody wrote. */
#include "proto/show.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/show_value.h"

/* ---- states ---- */

static const struct { const char *state, *vi, *en; } STATES[] = {
    { "assigned", "đã lên lịch", "planned" },
    { "draft", "bản nháp", "draft" },
    { "finalised", "đã chốt", "finalised" },
    { "received", "đã nhận", "received" },
    { "under_review", "đang rà soát", "under review" },
    { "returned", "đề nghị bổ sung", "to complete" },
    { "approved", "đã duyệt", "approved" },
    { "withdrawn", "rút lại", "withdrawn" },
    { "void", "không tính", "not counted" },
    { "locked", "khóa sổ", "locked" },
    { "reopened", "mở lại", "reopened" },
    { "held", "chờ văn phòng xem", "waits for the office" },
    { "recorded", "đã ghi", "recorded" },
    { "declined", "không đưa vào sổ", "declined" },
};

st_err st_state_check(const char *state, st_error *error)
{
    char all[sizeof ((st_error *)NULL)->detail] = "";
    for (size_t i = 0, len = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (strcmp(STATES[i].state, state) == 0)
            return ST_OK;
        (void)snprintf(all + len, sizeof all - len, " %s", STATES[i].state);
        len = strlen(all);
    }
    return st_fail(error, ST_E_USAGE, "--state: '%.20s' is none of%s", state, all);
}

const char *st_state_label(const char *state, const char *lang)
{
    bool vi = lang == NULL || strcmp(lang, "vi") == 0;
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++)
        if (strcmp(STATES[i].state, state) == 0)
            return vi ? STATES[i].vi : STATES[i].en;
    return state;
}

/* Taken back: a visit is a draft again; other records have no such state. */
static const char *opened_state(const st_form *form)
{
    if (form == NULL || form->life != ST_LIFE_NONE)
        return "draft";
    return strcmp(form->name, "period") == 0 ? "reopened" : "recorded";
}

static const char *state_of_act(const st_meta *meta, const st_show_how *how)
{
    static const char *const NAMES[ST_ACT_COUNT] = {
        [ST_ACT_NONE] = "draft", [ST_ACT_OPEN] = "draft", [ST_ACT_FINALISE] = "received",
        [ST_ACT_WITHDRAW] = "withdrawn", [ST_ACT_RETURN] = "returned",
        [ST_ACT_REVIEW] = "under_review", [ST_ACT_APPROVE] = "approved",
        [ST_ACT_VOID] = "void", [ST_ACT_LOCK] = "locked",
    };
    assert(meta->act < ST_ACT_COUNT);
    if (meta->act == ST_ACT_FINALISE && how->is_phone && meta->log_index == 0)
        return "finalised";
    return NAMES[meta->act];
}

/* Planned by the office and not yet written in by an officer. */
static bool is_only_planned(const st_record *record)
{
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].role == ST_ROLE_OFFICER)
            return false;
    return record->created;
}

const char *st_show_state(const st_form *form, const st_record *record, const st_acts_view *acts,
                          const st_show_how *how)
{
    const st_meta *top = NULL;
    for (size_t i = 0; i < acts->acts_count; i++) {
        const st_meta *meta = &record->metas[acts->acts[i]];
        if (top == NULL || meta->hlc > top->hlc ||
            (meta->hlc == top->hlc && st_dot_cmp(&meta->dot, &top->dot) > 0))
            top = meta;
    }
    if (how->outside != ST_OUTSIDE_NONE)
        return how->outside == ST_OUTSIDE_WAITS ? "held" : "declined";
    if (how->is_held && record->created && record->metas[record->creator].log_index == 0)
        return "held";
    if (top != NULL && top->act == ST_ACT_OPEN)
        return opened_state(form);
    if (top != NULL)
        return state_of_act(top, how);
    if (form == NULL || form->life == ST_LIFE_NONE)
        return "recorded";
    return is_only_planned(record) ? "assigned" : "draft";
}

/* ---- open conflicts ---- */

static bool is_dropped(const st_record *record, const st_path *path)
{
    return (path->kind == ST_PATH_ITEM || path->kind == ST_PATH_DROP) &&
           st_view_item(record, path->group, &path->item, path->place) == ST_ITEM_DROPPED;
}

/* The conflict that the field at `span` holds, if any. */
static bool conflict_at(const st_form *form, const st_record *record, st_span span,
                        st_conflict *out)
{
    const st_path *path = &record->lives[span.first].op.path;
    *out = (st_conflict){ .path = *path };
    if (path->kind == ST_PATH_DROP)
        return st_view_item(record, path->group, &path->item, path->place) == ST_ITEM_CONTESTED;
    if (is_dropped(record, path))
        return false;
    return st_show_in_conflict(record, st_form_at(form, path, NULL), span);
}

st_err st_show_conflicts(const st_form *form, const st_record *record, st_arena *arena,
                         const st_conflict **out_conflicts, size_t *out_count, st_error *error)
{
    st_conflict *list = NULL, found;
    size_t count = 0, capacity = 0;
    st_acts_view acts;
    st_err err = st_view_acts(record, arena, &acts, error);
    if (err != ST_OK)
        return err;
    for (size_t at = 0; at <= record->lives_count;) {
        bool is_end = at == record->lives_count;
        st_span span = is_end ? (st_span){ at, 1 } : st_show_span_at(record, at);
        at += span.count;
        if (is_end)
            found = (st_conflict){ .is_state = true };
        if (is_end ? !acts.state_conflict : !conflict_at(form, record, span, &found))
            continue;
        st_conflict *grown = st_arena_grow(arena, list, count, &capacity, sizeof *list);
        if (grown == NULL)
            return st_fail(error, ST_E_MEMORY, "conflicts: no memory");
        list = grown;
        list[count++] = found;
    }
    *out_conflicts = list;
    *out_count = count;
    return ST_OK;
}

/* ---- the document ---- */

/* The fields of one span of lives that share key or item, as members of the object open now. */
static void entry_json(st_json *json, const st_form *form, const st_record *record, st_span span,
                       const st_show_how *how)
{
    for (size_t at = span.first; at < span.first + span.count;) {
        st_span field_span = st_show_field_at(record, at);
        const st_path *path = &record->lives[at].op.path;
        const st_field *field = st_form_at(form, path, NULL);
        at += field_span.count;
        if (field == NULL || path->kind == ST_PATH_DROP)
            continue;
        st_json_key(json, field->name);
        st_show_field_json(json, record, field, field_span, how);
    }
}

static void group_json(st_json *json, const st_form *form, const st_record *record, st_span span,
                       const st_show_how *how)
{
    for (size_t at = span.first; at < span.first + span.count;) {
        st_span entry = st_show_entry_at(record, at);
        const st_path *path = &record->lives[at].op.path;
        at += entry.count;
        char item[ST_ITEM_TEXT_BYTES];
        bool is_listed = path->kind == ST_PATH_ITEM || path->kind == ST_PATH_DROP;
        if (is_listed)
            st_item_format(&path->item, path->place, item);
        st_json_key(json, is_listed ? item : path->key.s);
        st_json_open(json, '{');
        entry_json(json, form, record, entry, how);
        if (is_listed) {
            st_item_state state = st_view_item(record, path->group, &path->item, path->place);
            st_json_key_bool(json, "dropped", state == ST_ITEM_DROPPED);
            st_json_key_bool(json, "contested", state == ST_ITEM_CONTESTED);
        }
        st_json_close(json, '}');
    }
}

/* Lives of one group number. */
static st_span group_span(const st_record *record, uint16_t group)
{
    st_span span = { 0, 0 };
    while (span.first < record->lives_count && record->lives[span.first].op.path.group < group)
        span.first++;
    while (span.first + span.count < record->lives_count &&
           record->lives[span.first + span.count].op.path.group == group)
        span.count++;
    return span;
}

static void groups_json(st_json *json, const st_form *form, const st_record *record,
                        const st_show_how *how)
{
    st_json_key(json, "groups");
    st_json_open(json, '{');
    for (uint32_t i = 0; i < form->groups_count; i++) {
        st_span span = group_span(record, form->groups[i].no);
        if (span.count == 0)
            continue;
        st_json_key(json, form->groups[i].name);
        st_json_open(json, '{');
        group_json(json, form, record, span, how);
        st_json_close(json, '}');
    }
    st_json_close(json, '}');
}

static void head_json(st_json *json, const st_form *form, const st_record *record)
{
    char hex[33], unit[ST_CODE_BYTES_MAX + 1];
    st_id_format(&record->id, hex);
    st_json_key_text(json, "id", hex);
    st_json_key_text(json, "form", form->name);
    st_json_key_int(json, "form_version", record->form_version);
    st_json_key_text(json, "unit", st_show_unit(form, record, unit));
    st_json_key_text(json, "bucket", record->bucket.s);
}

/* Acts in force, with author, time and reason; also what a conflict about the state is about. */
static void state_json(st_json *json, const st_form *form, const st_record *record,
                       const st_acts_view *acts, const st_show_how *how)
{
    st_json_key_text(json, "state", st_show_state(form, record, acts, how));
    st_json_key_bool(json, "changed_since", acts->changed_since);
    st_json_key_bool(json, "state_conflict", acts->state_conflict);
    st_json_key(json, "acts");
    st_show_acts_json(json, record, acts, how);
}

/* Why the office declined it. */
static void outside_json(st_json *json, const st_show_how *how)
{
    if (how->outside != ST_OUTSIDE_DECLINED || how->decision_reason == NULL)
        return;
    st_json_key(json, "decision_reason");
    st_json_textn(json, how->decision_reason, how->decision_reason_len);
}

/* The changes that wait: for programs, and the sentence for people. */
static void helds_json(st_json *json, const st_show_how *how)
{
    char dot[ST_DOT_TEXT_BYTES];
    if (how->helds_count == 0)
        return;
    st_json_key(json, "held");
    st_json_open(json, '[');
    for (size_t i = 0; i < how->helds_count; i++) {
        st_dot_format(&how->helds[i].dot, dot);
        st_json_open(json, '{');
        st_json_key_text(json, "dot", dot);
        st_json_key_text(json, "reason", st_hold_name(how->helds[i].reason));
        st_json_key_text(json, "what",
                         st_hold_sentence(how->helds[i].reason, how->lang ? how->lang : "vi"));
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

st_err st_show_json(const st_form *form, const st_record *record, const st_show_how *how,
                    st_buffer *out, st_error *error)
{
    assert(form != NULL);
    assert(record != NULL);
    st_arena arena;
    st_arena_init(&arena, 4u << 20);
    st_acts_view acts;
    const st_conflict *conflicts;
    size_t count = 0;
    st_err err = st_view_acts(record, &arena, &acts, error);
    if (err == ST_OK)
        err = st_show_conflicts(form, record, &arena, &conflicts, &count, error);
    if (err == ST_OK) {
        st_json json;
        st_json_begin(&json, out, error);
        st_json_open(&json, '{');
        head_json(&json, form, record);
        state_json(&json, form, record, &acts, how);
        st_json_key_int(&json, "open_conflicts", (int64_t)count);
        st_json_key(&json, "flags");
        st_json_open(&json, '[');
        uint32_t flags = st_show_flags(form, record, how);
        for (uint32_t i = 0; i < ST_FLAG_COUNT; i++)
            if ((flags & 1u << i) != 0)
                st_json_text(&json, st_flag_name((st_flag)i));
        st_json_close(&json, ']');
        outside_json(&json, how);
        helds_json(&json, how);
        if (how->files > 0) {
            st_json_key_int(&json, "attachments", how->files);
            st_json_key_int(&json, "attachments_missing", how->files_missing);
        }
        st_json_key(&json, "fields");
        st_json_open(&json, '{');
        entry_json(&json, form, record, group_span(record, 0), how);
        st_json_close(&json, '}');
        groups_json(&json, form, record, how);
        st_json_key(&json, "duplicate_of");
        st_json_null(&json);
        st_json_key(&json, "joined");
        st_json_open(&json, '[');
        st_json_close(&json, ']');
        st_json_close(&json, '}');
        err = st_json_end(&json);
    }
    st_arena_reset(&arena);
    return err;
}

/* Text of a conflict's path: `place`, `findings.<item>`, `state`. */
static void conflict_path(const st_form *form, const st_conflict *conflict, char *text)
{
    if (conflict->is_state) {
        memcpy(text, "state", sizeof "state");
        return;
    }
    st_form_path_format(form, &conflict->path, text);
}

st_err st_conflict_json(const st_form *form, const st_record *record, const st_conflict *conflict,
                        const st_show_how *how, st_buffer *out, st_error *error)
{
    char hex[33], unit[ST_CODE_BYTES_MAX + 1], path[ST_PATH_TEXT_BYTES];
    st_arena arena;
    st_arena_init(&arena, 4u << 20);
    st_acts_view acts;
    st_err err = st_view_acts(record, &arena, &acts, error);
    if (err == ST_OK) {
        st_json json;
        st_json_begin(&json, out, error);
        st_json_open(&json, '{');
        st_id_format(&record->id, hex);
        st_json_key_text(&json, "id", hex);
        st_json_key_text(&json, "form", form->name);
        st_json_key_text(&json, "unit", st_show_unit(form, record, unit));
        conflict_path(form, conflict, path);
        st_json_key_text(&json, "path", path);
        st_json_key(&json, "values");
        if (conflict->is_state)
            st_show_acts_json(&json, record, &acts, how);
        else if (conflict->path.kind == ST_PATH_DROP)
            st_show_drops_json(&json, record, st_record_path(record, &conflict->path), how);
        else
            st_show_values_json(&json, record, st_form_at(form, &conflict->path, NULL),
                                st_record_path(record, &conflict->path), how);
        st_json_close(&json, '}');
        err = st_json_end(&json);
    }
    st_arena_reset(&arena);
    return err;
}
