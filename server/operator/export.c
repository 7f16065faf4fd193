/* server/operator/export.c - `export csv`: one row a record, for spreadsheets and programs
 * (RFC 4180, UTF-8 with a mark at its front, CRLF). Promises that different opinions stand in the
 * cell together and that no cell begins as a formula; must never choose one of two values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/act.h"

#define COLUMNS_MAX 4000u
#define CELL_BYTES_MAX (4u << 20)
static const char BETWEEN[] = " ≠ ";

/* One column behind the fixed ones. */
typedef struct {
    const st_group *group;         /* NULL: a field of the record */
    const st_field *field;         /* NULL: a listed group as a whole */
    st_code key;                   /* of a keyed group */
} column;

typedef struct {
    operator_work *work;
    const st_form *form;           /* newest version: its columns; records are read by their own */
    int64_t from, to;              /* days of the period */
    const st_field *date;          /* NULL: no period was asked for */
    sync_ids ids;
    column *columns;
    size_t columns_count, columns_capacity;
    st_buffer cell;
    size_t rows;
    sync_moments moments;
} sheet;

/* ---- cells ---- */

static void put_cell(sheet *s, const char *text, size_t len, bool is_last)
{
    operator_csv_cell(s->work, text, len, is_last);
}

static void put_text(sheet *s, const char *text)
{
    put_cell(s, text, strlen(text), false);
}

/* ---- what a path holds ---- */

static bool has_path(const st_op *op, const st_path *path)
{
    st_path bare = op->path;
    bare.element_len = 0;
    memset(bare.element, 0, sizeof bare.element);
    return st_path_cmp(&bare, path) == 0;
}

/* All different values of one path, parted by ≠ (a set: its elements, parted by commas). */
static st_err path_text(sheet *s, const st_record *record, const st_field *field,
                        const st_path *path, st_buffer *out)
{
    bool is_set = field->cls == ST_CLASS_SET;
    size_t first = st_record_seek(record, path), written = 0;
    st_err err = ST_OK;
    for (size_t i = first; i < record->lives_count && err == ST_OK; i++) {
        const st_op *op = &record->lives[i].op;
        if (!has_path(op, path))
            break;
        bool again = is_set && op->value.kind == ST_VALUE_NULL;
        for (size_t k = first; k < i && !again; k++) {
            const st_op *other = &record->lives[k].op;
            again = is_set ? st_path_cmp(&other->path, &op->path) == 0 &&
                                 other->value.kind != ST_VALUE_NULL
                           : st_value_equal(&other->value, &op->value);
        }
        if (again)
            continue;
        if (written++ > 0)
            err = st_buffer_append(out, is_set ? "," : BETWEEN, is_set ? 1 : strlen(BETWEEN),
                                   &s->work->error);
        st_value element = is_set ? st_element_value(field, &op->path) : op->value;
        if (err == ST_OK)
            err = st_value_text(field, &element, out, &s->work->error);
    }
    return err;
}

/* The items of a listed group that are there, as a JSON array of objects of texts. */
static st_err items_text(sheet *s, const st_record *record, const st_group *group)
{
    st_json json;
    st_buffer text;
    st_path path = { .kind = ST_PATH_ITEM, .group = group->no };
    bool any = false;
    st_err err = ST_OK;
    st_buffer_init(&text, CELL_BYTES_MAX);
    st_json_begin(&json, &s->cell, &s->work->error);
    for (size_t i = 0; i < record->lives_count && err == ST_OK; i++) {
        const st_path *at = &record->lives[i].op.path;
        bool same = any && path.place == at->place && st_dot_cmp(&path.item, &at->item) == 0;
        if (at->group != group->no || at->kind != ST_PATH_ITEM || same)
            continue;
        path.item = at->item;
        path.place = at->place;
        if (st_view_item(record, group->no, &at->item, at->place) == ST_ITEM_DROPPED)
            continue;
        if (!any)
            st_json_open(&json, '[');
        any = true;
        st_json_open(&json, '{');
        for (uint32_t f = 0; f < group->fields_count && err == ST_OK; f++) {
            st_path field_path = path;
            field_path.field = group->fields[f].no;
            st_buffer_clear(&text);
            if (group->fields[f].type == ST_TYPE_BYTES)
                continue; /* a picture is no text: `attachment get --thumbnail` */
            err = path_text(s, record, &group->fields[f], &field_path, &text);
            if (err != ST_OK || text.len == 0)
                continue;
            st_json_key(&json, group->fields[f].name);
            st_json_textn(&json, (const char *)text.data, text.len);
        }
        st_json_close(&json, '}');
    }
    if (any)
        st_json_close(&json, ']');
    st_buffer_free(&text);
    return err == ST_OK ? st_json_end(&json) : err;
}

/* ---- columns ---- */

static st_err add_column(sheet *s, const column *add)
{
    for (size_t i = 0; i < s->columns_count; i++)
        if (s->columns[i].group == add->group && s->columns[i].field == add->field &&
            strcmp(s->columns[i].key.s, add->key.s) == 0)
            return ST_OK;
    column *grown = s->columns_count < COLUMNS_MAX
                        ? st_arena_grow(&s->work->arena, s->columns, s->columns_count,
                                        &s->columns_capacity, sizeof *grown)
                        : NULL;
    if (grown == NULL)
        return st_fail(&s->work->error, ST_E_TOO_LARGE, "more than %u columns", COLUMNS_MAX);
    s->columns = grown;
    s->columns[s->columns_count++] = *add;
    return ST_OK;
}

/* The columns that a record needs: each path that holds a value. */
static st_err note_columns(sheet *s, const st_record *record)
{
    st_err err = ST_OK;
    for (size_t i = 0; i < record->lives_count && err == ST_OK; i++) {
        const st_path *path = &record->lives[i].op.path;
        const st_group *group = NULL;
        const st_field *field = st_form_at(s->form, path, &group);
        column add = { .group = group, .field = field };
        if (path->kind == ST_PATH_DROP || field == NULL)
            continue;
        if (path->kind == ST_PATH_KEYED)
            add.key = path->key;
        if (path->kind == ST_PATH_ITEM)
            add.field = NULL;
        err = add_column(s, &add);
    }
    return err;
}

/* Form order; keys of one group by their names, a2 before a10. */
static int compare_columns(const void *left, const void *right)
{
    const column *a = left, *b = right;
    uint16_t a_place = a->group != NULL ? a->group->no : a->field->no;
    uint16_t b_place = b->group != NULL ? b->group->no : b->field->no;
    if ((a->group == NULL) != (b->group == NULL))
        return a->group == NULL ? -1 : 1;
    if (a_place != b_place)
        return a_place < b_place ? -1 : 1;
    size_t a_len = strlen(a->key.s), b_len = strlen(b->key.s);
    int by_key = a_len != b_len && a->key.s[0] == b->key.s[0] ? (a_len < b_len ? -1 : 1)
                                                              : strcmp(a->key.s, b->key.s);
    if (by_key != 0 || a->field == NULL || b->field == NULL)
        return by_key;
    return a->field->no < b->field->no ? -1 : a->field->no > b->field->no;
}

static void put_head(sheet *s)
{
    static const char *const FIXED[] = { "id", "form", "form_version", "unit", "unit_name",
                                         "state", "open_conflicts" };
    char text[ST_PATH_TEXT_BYTES];
    operator_say(s->work, "\xEF\xBB\xBF");
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++)
        put_text(s, FIXED[i]);
    for (size_t i = 0; i < s->columns_count; i++) {
        const column *c = &s->columns[i];
        if (c->group == NULL)
            (void)snprintf(text, sizeof text, "%s", c->field->name);
        else if (c->field == NULL)
            (void)snprintf(text, sizeof text, "%s", c->group->name);
        else
            (void)snprintf(text, sizeof text, "%s.%s.%s", c->group->name, c->key.s,
                           c->field->name);
        put_text(s, text);
    }
    put_text(s, "created_by");
    put_text(s, "created_at");
    put_text(s, "corrected_at");
    put_cell(s, "corrected_within_s", 18, true);
}

/* ---- rows ---- */

static st_err column_text(sheet *s, const st_record *record, const column *c)
{
    if (c->field == NULL)
        return items_text(s, record, c->group);
    st_path path = { .kind = c->group != NULL ? ST_PATH_KEYED : ST_PATH_FIELD,
                     .group = c->group != NULL ? c->group->no : 0, .field = c->field->no,
                     .key = c->key };
    return path_text(s, record, c->field, &path, &s->cell);
}

static void put_fixed(sheet *s, const st_record *record, const st_acts_view *acts,
                      size_t conflicts)
{
    char text[40];
    const char *slash = strrchr(record->bucket.s, '/');
    char unit[ST_CODE_BYTES_MAX + 1] = "";
    const st_directory *names = s->work->how.directory;
    if (s->form->home == ST_HOME_UNIT)
        (void)snprintf(unit, sizeof unit, "%.32s", slash != NULL ? slash + 1 : "");
    else
        catalogue_text(s->form, record, "unit_id", unit, sizeof unit);
    const char *name = unit[0] != '\0' ? names->unit_name(names->context, unit) : NULL;
    st_id_format(&record->id, text);
    put_text(s, text);
    put_text(s, s->form->name);
    (void)snprintf(text, sizeof text, "%u", record->form_version);
    put_text(s, text);
    put_text(s, unit);
    put_text(s, name != NULL ? name : "");
    put_text(s, st_show_state(s->form, record, acts, &s->work->how));
    (void)snprintf(text, sizeof text, "%zu", conflicts);
    put_text(s, text);
}

/* Who made the record, when by the device's word, when by the server's clock, within what. */
static void put_creator(sheet *s, const st_record *record)
{
    const st_meta *meta = &record->metas[record->creator];
    const st_directory *names = s->work->how.directory;
    const char *login = names->login(names->context, &meta->actor);
    char text[40];
    st_written written;
    put_text(s, login != NULL ? login : "");
    st_time_format(meta->wall_ms, s->work->call->offset_minutes, text);
    put_text(s, text);
    bool known = s->moments.moments.of(s->moments.moments.context, meta, &written);
    text[0] = '\0';
    if (known)
        st_time_format(written.at_ms, s->work->call->offset_minutes, text);
    put_text(s, text);
    text[0] = '\0';
    if (known)
        (void)snprintf(text, sizeof text, "%lld", (long long)((written.within_ms + 999) / 1000));
    put_cell(s, text, strlen(text), true);
}

static st_err put_row(sheet *s, const st_record *record, st_arena *arena)
{
    operator_work *work = s->work;
    st_acts_view acts;
    const st_conflict *conflicts;
    size_t count = 0;
    st_err err = st_view_acts(record, arena, &acts, &work->error);
    if (err == ST_OK)
        err = st_show_conflicts(s->form, record, arena, &conflicts, &count, &work->error);
    if (err == ST_OK)
        put_fixed(s, record, &acts, count);
    for (size_t i = 0; i < s->columns_count && err == ST_OK; i++) {
        st_buffer_clear(&s->cell);
        err = column_text(s, record, &s->columns[i]);
        if (err == ST_OK)
            put_cell(s, s->cell.len > 0 ? (const char *)s->cell.data : "", s->cell.len, false);
    }
    put_creator(s, record);
    s->rows++;
    return err;
}

/* Is one of the dates of the record within the period? All opinions count. */
static bool is_in_period(const sheet *s, const st_record *record)
{
    if (s->date == NULL)
        return true;
    st_path path = { .kind = ST_PATH_FIELD, .field = s->date->no };
    st_span span = st_record_path(record, &path);
    for (size_t i = span.first; i < span.first + span.count; i++) {
        const st_value *value = &record->lives[i].op.value;
        if (value->kind == ST_VALUE_INT && value->number >= s->from && value->number <= s->to)
            return true;
    }
    return false;
}

/* Twice over the records: which columns there are, then the rows. */
static st_err each_record(sheet *s, bool writes)
{
    st_err err = ST_OK;
    for (size_t i = 0; i < s->ids.count && err == ST_OK; i++) {
        st_arena arena;
        st_record record;
        st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
        err = sync_record_get(&s->work->txn, &s->ids.list[i], &arena, &record, NULL,
                              &s->work->error);
        if (err == ST_OK && is_in_period(s, &record))
            err = writes ? put_row(s, &record, &arena) : note_columns(s, &record);
        st_arena_reset(&arena);
    }
    return err;
}

/* ---- the period ---- */

static st_err read_period(sheet *s)
{
    operator_work *work = s->work;
    const st_form *form = NULL;
    sync_ids periods = { NULL, 0, 0 };
    sync_filter filter = { .form = "period" };
    bool found = false;
    s->date = st_form_field(s->form, "visit_date");
    if (s->date == NULL)
        return st_fail(&work->error, ST_E_USAGE, "--period is for visits");
    st_err err = operator_form(work, "period", &form, &work->error);
    if (err == ST_OK)
        err = sync_row_ids(&work->txn, &filter, &work->arena, &periods, &work->error);
    for (size_t i = 0; i < periods.count && err == ST_OK && !found; i++) {
        st_record record;
        char id[ST_CODE_BYTES_MAX + 1];
        err = sync_record_get(&work->txn, &periods.list[i], &work->arena, &record, NULL,
                              &work->error);
        if (err != ST_OK)
            break;
        catalogue_text(form, &record, "period_id", id, sizeof id);
        st_value from = catalogue_value(form, &record, "from");
        st_value to = catalogue_value(form, &record, "to");
        found = strcmp(id, work->options.period) == 0;
        s->from = from.kind == ST_VALUE_INT ? from.number : INT64_MIN;
        s->to = to.kind == ST_VALUE_INT ? to.number : INT64_MAX;
    }
    if (err == ST_OK && !found)
        return st_fail(&work->error, ST_E_NOT_FOUND, "no period '%.40s'", work->options.period);
    return err;
}

static st_err write_sheet(sheet *s)
{
    operator_work *work = s->work;
    sync_filter filter = { .form = work->options.form };
    if (filter.form == NULL)
        filter.form = "visit";
    st_err err = operator_form(work, filter.form, &s->form, &work->error);
    if (err == ST_OK && work->options.period != NULL)
        err = read_period(s);
    if (err == ST_OK)
        err = sync_row_ids(&work->txn, &filter, &work->arena, &s->ids, &work->error);
    if (err == ST_OK)
        err = each_record(s, false);
    if (err != ST_OK)
        return err;
    if (s->columns_count > 0)
        qsort(s->columns, s->columns_count, sizeof s->columns[0], compare_columns);
    put_head(s);
    return each_record(s, true);
}

/* Data left the office: that is written down before they do. */
static st_err note_export(sheet *s)
{
    const operator_options *options = &s->work->options;
    char note[160];
    (void)snprintf(note, sizeof note, "csv %.64s%s%.40s: %zu", s->form->name,
                   options->period != NULL ? " " : "",
                   options->period != NULL ? options->period : "", s->rows);
    return act_note(s->work->rooms->writer, ST_ENTRY_EXPORT, note, &s->work->error);
}

int operator_export_csv(operator_work *work)
{
    sheet s = { .work = work };
    st_buffer_init(&s.cell, CELL_BYTES_MAX);
    st_err err = operator_read_begin(work);
    sync_moments_begin(&s.moments, &work->txn, &work->unread);
    if (err == ST_OK)
        err = write_sheet(&s);
    sync_moments_end(&s.moments);
    operator_read_end(work);
    st_buffer_free(&s.cell);
    if (err == ST_OK)
        err = operator_unread_check(work);     /* no note of a sheet that nobody gets */
    if (err == ST_OK)
        err = note_export(&s);
    return err == ST_OK ? 0 : operator_fail(work);
}
