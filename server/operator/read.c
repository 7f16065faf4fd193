/* server/operator/read.c - the verbs that show records. Promises the shapes of docs/programs.md and
 * exit 0 whatever they show; must never write. */
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "server/operator/work.h"
#include "server/sync/held.h"
#include "server/sync/files.h"

/* ---- records, search ---- */

static const operator_noun CONFLICTS = { "ý kiến khác nhau", "open conflict",
                                         "open conflicts" };

typedef struct {
    operator_work *work;
    operator_table table;
    st_json json;
    st_buffer row;
    st_err err;
    uint64_t open;                 /* open conflicts of all rows */
} row_list;

static bool row_json(void *context, const st_row *row)
{
    row_list *list = context;
    st_buffer_clear(&list->row);
    list->err = st_row_json(row, list->work->call->offset_minutes, &list->row,
                            &list->work->error);
    if (list->err == ST_OK)
        st_json_raw(&list->json, (const char *)list->row.data, list->row.len);
    return list->err == ST_OK;
}

static bool row_table(void *context, const st_row *row)
{
    row_list *list = context;
    operator_work *work = list->work;
    char hex[33], open[24] = "";
    st_id_format(&row->id, hex);
    if (row->open_conflicts > 0)
        (void)snprintf(open, sizeof open, "≠%u", row->open_conflicts);
    list->open += row->open_conflicts;
    operator_table_cell(work, &list->table, hex);
    operator_table_cell(work, &list->table, row->form.s);
    operator_table_cell(work, &list->table, row->unit);
    operator_table_cell(work, &list->table, st_state_label(row->state, work->call->lang));
    operator_table_cell(work, &list->table, open);
    operator_table_when(work, &list->table, row->updated_ms);
    operator_table_cell(work, &list->table, row->title);
    return !work->out_failed;
}

static st_err list_json(row_list *list, const sync_filter *filter)
{
    operator_work *work = list->work;
    st_buffer_init(&list->row, 4u << 20);
    st_json_begin(&list->json, work->call->out, &work->error);
    st_json_open(&list->json, '{');
    st_json_key(&list->json, "records");
    st_json_open(&list->json, '[');
    st_err err = sync_row_each(&work->txn, filter, row_json, list, &work->error);
    st_json_close(&list->json, ']');
    st_json_close(&list->json, '}');
    st_buffer_free(&list->row);
    if (err == ST_OK)
        err = list->err != ST_OK ? list->err : st_json_end(&list->json);
    operator_say(work, "\n");
    return err;
}

static st_err list_table(row_list *list, const sync_filter *filter)
{
    static const char *const HEADS[2][7] = {
        { "ID", "FORM", "UNIT", "STATE", "≠", "UPDATED", "TITLE" },
        { "MÃ PHIẾU", "LOẠI", "ĐƠN VỊ", "TÌNH TRẠNG", "≠", "SỬA LÚC", "NỘI DUNG" } };
    operator_work *work = list->work;
    operator_table_begin(work, &list->table, HEADS[work->vi], 7);
    st_err err = sync_row_each(&work->txn, filter, row_table, list, &work->error);
    size_t rows = operator_table_print(work, &list->table);
    operator_say_count(work, rows, &(operator_noun){ "phiếu", "record", "records" });
    if (list->open > 0) {
        operator_say(work, ", ");
        operator_say_count(work, list->open, &CONFLICTS);
    }
    operator_say(work, "\n");
    return err;
}

static int list_rows(operator_work *work, const char *folded)
{
    row_list list = { .work = work };
    sync_filter filter = { .form = work->options.form, .unit = work->options.unit,
                           .state = work->options.state, .folded = folded };
    if (filter.state != NULL && st_state_check(filter.state, &work->error) != ST_OK)
        return operator_fail(work);
    if (operator_read_begin(work) != ST_OK)
        return operator_fail(work);
    st_err err = work->options.json ? list_json(&list, &filter) : list_table(&list, &filter);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

int operator_records(operator_work *work)
{
    return list_rows(work, NULL);
}

int operator_search(operator_work *work)
{
    st_buffer folded;
    const char *text = work->operands[0];
    st_buffer_init(&folded, ST_TEXT_BYTES_MAX);
    st_err err = st_text_fold(text, strlen(text), &folded, &work->error);
    if (err == ST_OK)
        err = st_buffer_append(&folded, "", 1, &work->error);
    int code = err == ST_OK ? list_rows(work, (const char *)folded.data) : operator_fail(work);
    st_buffer_free(&folded);
    return code;
}

/* ---- show ---- */

static st_err find_helds(operator_work *work, const st_id *record)
{
    sync_held *list = NULL;
    size_t count = 0;
    st_err err = sync_held_of_record(&work->txn, record, &work->arena, &list, &count,
                                     &work->error);
    if (err != ST_OK || count == 0)
        return err;
    st_show_held *helds = st_arena_array(&work->arena, count, sizeof *helds);
    if (helds == NULL)
        return st_fail(&work->error, ST_E_MEMORY, "show: out of memory");
    for (size_t i = 0; i < count; i++)
        helds[i] = (st_show_held){ list[i].dot, list[i].reason };
    work->how.helds = helds;
    work->how.helds_count = count;
    return ST_OK;
}

static st_err count_files(operator_work *work, const st_record *record)
{
    st_file *items = NULL;
    size_t count = 0;
    st_err err = files_of(work->room, record, &work->arena, &items, &count, &work->error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        work->how.files += items[i].is_dropped ? 0 : 1;
        work->how.files_missing += st_file_waits(&items[i]) ? 1 : 0;
    }
    return err;
}

/* The record of the book; or one of which only what waits, or was declined, speaks. */
static st_err get_shown(operator_work *work, operator_record *got)
{
    st_id id;
    st_error *error = &work->error;
    st_err err = operator_record_get(work, &work->txn, &work->arena, got, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    err = operator_record_id(work->operands[0], &id, error);
    if (err == ST_OK)
        err = sync_record_outside(&work->txn, &id, &work->arena, &got->record,
                                  &work->how.outside, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND
                   ? st_fail(error, err, "no record %s", work->operands[0]) : err;
    got->form = sync_record_form(work->room, &got->record);
    return got->form != NULL ? ST_OK
                             : st_fail(error, ST_E_VERSION, "form %s version %u is not known here",
                                       got->record.form.s, got->record.form_version);
}

int operator_show(operator_work *work)
{
    operator_record got = { .form = NULL };
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = get_shown(work, &got);
    if (err == ST_OK)
        err = sync_held_any(&work->txn, &got.record.id, &work->how.is_held, &work->error);
    if (work->how.outside == ST_OUTSIDE_WAITS)
        work->how.is_held = true;              /* one of another branch is in no such list */
    if (err == ST_OK)
        err = find_helds(work, &got.record.id);
    if (err == ST_OK)
        err = count_files(work, &got.record);
    if (err == ST_OK)
        err = operator_years(work, got.form);
    sync_moments moments;
    sync_moments_begin(&moments, &work->txn, &work->unread);
    work->how.moments = &moments.moments;
    if (err == ST_OK && work->options.json) {
        err = st_show_json(got.form, &got.record, &work->how, work->call->out, &work->error);
        operator_say(work, "\n");
    } else if (err == ST_OK) {
        err = st_show_text(got.form, &got.record, &work->how, work->call->out, &work->error);
    }
    work->how.moments = NULL;
    sync_moments_end(&moments);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- conflicts ---- */

static st_err say_value(operator_work *work, const st_form *form, const st_record *record,
                        size_t at)
{
    const st_op *op = &record->lives[at].op;
    const st_meta *meta = &record->metas[record->lives[at].meta];
    const st_field *field = st_form_at(form, &op->path, NULL);
    char dot[ST_DOT_TEXT_BYTES], when[40], hex[33];
    const char *login = work->how.directory->login(work->how.directory->context, &meta->actor);
    st_id_format(&meta->actor, hex);
    st_dot_format(&meta->dot, dot);
    st_time_format(meta->wall_ms, work->call->offset_minutes, when);
    operator_say(work, "    ");
    st_err err = ST_OK;
    if (op->path.kind == ST_PATH_DROP)
        operator_say_in(work, op->value.kind == ST_VALUE_INT ? "bỏ" : "giữ",
                        op->value.kind == ST_VALUE_INT ? "drop" : "keep");
    else if (op->value.kind == ST_VALUE_NULL)
        operator_say_in(work, "(để trống)", "(cleared)");
    else
        err = st_value_label(field, &op->value, work->call->lang, work->call->out, &work->error);
    operator_say(work, " — %s, %.2s/%.2s/%.4s %.5s%s", login != NULL ? login : hex, when + 8,
                 when + 5, when, when + 11, meta->via == ST_VIA_OPERATOR ? " (via=operator)" : "");
    if (err == ST_OK)
        err = st_show_moment_text(meta, &work->how, work->call->out, &work->error);
    operator_say(work, "\n        --keep %s\n", dot);
    return err;
}

static st_err say_conflict(operator_work *work, const st_form *form, const st_record *record,
                           const st_conflict *conflict)
{
    char path[ST_PATH_TEXT_BYTES] = "state", hex[33];
    const char *slash = strrchr(record->bucket.s, '/');
    if (!conflict->is_state)
        st_form_path_format(form, &conflict->path, path);
    st_id_format(&record->id, hex);
    operator_say(work, "%s %s %s %s\n", hex, form->name, slash != NULL ? slash + 1 : "", path);
    if (conflict->is_state) {
        operator_say_in(work, "    (việc chốt, rút lại đứng cạnh nhau; xem `show`)\n",
                        "    (acts stand against each other; see `show`)\n");
        return ST_OK;
    }
    st_span span = st_record_path(record, &conflict->path);
    st_err err = ST_OK;
    for (size_t i = span.first; i < span.first + span.count && err == ST_OK; i++)
        err = say_value(work, form, record, i);
    return err;
}

static st_err one_record(operator_work *work, const st_id *id, st_json *json, size_t *count)
{
    st_arena arena;
    st_record record;
    const st_conflict *conflicts;
    size_t found = 0;
    st_buffer text;
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    st_buffer_init(&text, 16u << 20);
    st_err err = sync_record_get(&work->txn, id, &arena, &record, NULL, &work->error);
    const st_form *form = err == ST_OK ? sync_record_form(work->room, &record) : NULL;
    if (form != NULL)
        err = st_show_conflicts(form, &record, &arena, &conflicts, &found, &work->error);
    for (size_t i = 0; i < found && err == ST_OK; i++) {
        st_buffer_clear(&text);
        err = work->options.json ? st_conflict_json(form, &record, &conflicts[i], &work->how,
                                                    &text, &work->error)
                                 : say_conflict(work, form, &record, &conflicts[i]);
        if (err == ST_OK && work->options.json)
            st_json_raw(json, (const char *)text.data, text.len);
    }
    *count += found;
    st_buffer_free(&text);
    st_arena_reset(&arena);
    return err;
}

int operator_conflicts(operator_work *work)
{
    sync_ids ids = { NULL, 0, 0 };
    sync_filter filter = { .conflicts_only = true };
    st_json json;
    size_t count = 0;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = sync_row_ids(&work->txn, &filter, &work->arena, &ids, &work->error);
    st_json_begin(&json, work->call->out, &work->error);
    if (work->options.json) {
        st_json_open(&json, '{');
        st_json_key(&json, "conflicts");
        st_json_open(&json, '[');
    }
    sync_moments moments;
    sync_moments_begin(&moments, &work->txn, &work->unread);
    work->how.moments = &moments.moments;
    for (size_t i = 0; i < ids.count && err == ST_OK; i++)
        err = one_record(work, &ids.list[i], &json, &count);
    work->how.moments = NULL;
    sync_moments_end(&moments);
    operator_read_end(work);
    if (err == ST_OK && work->options.json) {
        st_json_close(&json, ']');
        st_json_close(&json, '}');
        err = st_json_end(&json);
        operator_say(work, "\n");
    } else if (err == ST_OK) {
        operator_say_count(work, count, &CONFLICTS);
        operator_say(work, "\n");
    }
    return err == ST_OK ? 0 : operator_fail(work);
}
