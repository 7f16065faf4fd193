/* server/operator/history.c - the history of one record or of one field: for people, as JSON, and
 * as CSV with the columns of ODK's audit.csv in front. Promises that no change is left out but by
 * the filter that was asked for; must never write. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/sign.h"
#include "server/operator/work.h"
#include "server/sync/fence.h"

#define HISTORY_ITEM_BYTES_MAX (64u << 20)

/* What a value said, so that a later line can name it as the old one. */
typedef struct {
    st_path path;
    st_dot dot;
    const char *text;
} said;

typedef struct {
    operator_work *work;
    const st_form *form;
    st_json json;
    st_buffer item;
    bool has_field;
    st_path field;
    bool has_span;
    int64_t from_ms, to_ms;
    bool has_after, is_put_back;   /* --after; the book was put back since its mark, */
    bool is_mark_unread;           /* or whether it was cannot be read */
    uint64_t after_entry;          /* of the mark, or where the book was cut */
    st_checkpoint signed_now;      /* size 0: nothing was signed yet */
    said *said;                    /* CSV only */
    size_t said_count, said_capacity;
    size_t count;
    st_err err;
} history_list;

/* ---- what was asked for ---- */

/* "2026-03-12" (the whole day), "2026-03-12T09:30", with or without seconds; local time of the
 * caller. is_end: the last millisecond of what the text names. */
static bool parse_moment(const char *text, size_t len, int offset_minutes, bool is_end,
                         int64_t *out_ms)
{
    char copy[24];
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    int64_t days, unit_ms = INT64_C(86400) * 1000;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (sscanf(copy, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10
        || !st_date_from_civil(year, month, day, &days))
        return false;
    if (len == 16 || len == 19) {
        int got = sscanf(copy + 10, "T%2d:%2d:%2d", &hour, &minute, &second);
        if (got != (len == 16 ? 2 : 3) || hour < 0 || hour > 23 || minute < 0 || minute > 59
            || second < 0 || second > 59)
            return false;
        unit_ms = len == 16 ? 60000 : 1000;
    } else if (len != 10) {
        return false;
    }
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second;
    *out_ms = (seconds - (int64_t)offset_minutes * 60) * 1000 + (is_end ? unit_ms - 1 : 0);
    return true;
}

static st_err read_span(history_list *list, st_error *error)
{
    const operator_work *work = list->work;
    const char *text = work->options.between;
    if (text == NULL)
        return ST_OK;
    size_t len = strcspn(text, ",");
    int offset = work->call->offset_minutes;
    list->has_span = true;
    if (text[len] == ',' && parse_moment(text, len, offset, false, &list->from_ms)
        && parse_moment(text + len + 1, strlen(text + len + 1), offset, true, &list->to_ms)
        && list->from_ms <= list->to_ms)
        return ST_OK;
    return st_fail(error, ST_E_USAGE, "--between: '%.60s' is not T1,T2 like 2026-03-12,2026-03-14 "
                   "or 2026-03-12T09:30,2026-03-12T11:00", text);
}

static st_err read_field(history_list *list, st_error *error)
{
    const char *text = list->work->options.field;
    if (text == NULL)
        return ST_OK;
    list->has_field = true;
    if (list->form == NULL)
        return st_fail(error, ST_E_VERSION, "--field: the form of the record is not known");
    return st_form_path_parse(list->form, text, &list->field, error);
}

/* Of each entry in it `audit proof` writes the proof. */
static st_err read_signed(history_list *list, st_error *error)
{
    st_buffer note;
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = audit_note(&list->work->txn, &note, &list->signed_now, error);
    st_buffer_free(&note);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The mark behind which the changes are wanted: the close, or while it is open the opening. */
static st_err read_after(history_list *list, st_error *error)
{
    operator_work *work = list->work;
    sync_fences fences = { NULL, 0, 0 };
    st_id meeting;
    if (work->options.after == NULL)
        return ST_OK;
    st_err err = operator_record_id(work->options.after, &meeting, error);
    if (err == ST_OK)
        err = operator_fences(work, &fences, error);
    if (err != ST_OK)
        return err;
    const sync_fence *fence = sync_fence_of(&fences, &meeting, true);
    if (fence == NULL)
        fence = sync_fence_of(&fences, &meeting, false);
    if (fence == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "--after: the meeting has no mark in the book");
    list->has_after = true;
    list->is_put_back = fence->is_of_before;
    list->is_mark_unread = fence->is_unread;
    list->after_entry = fence->is_of_before ? fences.cut : fence->entry;
    return ST_OK;
}

static bool touches_field(const st_history_item *item)
{
    for (uint32_t i = 0; i < item->change->ops_count; i++)
        if (st_history_shows(item, &item->change->ops[i]))
            return true;
    return item->only == NULL;
}

/* May it have been written between the two times? Not after its receipt; and not before the seal
 * that its author held came into being, else not before the device's clock, as the server's
 * corrects it, allows. What a device claims counts for nothing. */
static bool may_be_in_span(const history_list *list, const st_history_item *item)
{
    int64_t from_ms = item->not_before_ms;
    if (from_ms == 0 && item->corrected_ms != 0)
        from_ms = item->corrected_ms - item->within_ms;
    return !list->has_span || (from_ms <= list->to_ms && item->received_ms >= list->from_ms);
}

/* ---- CSV ---- */

/* event,node,start,end,old-value,new-value,user,change-reason as in ODK's audit.csv. */
static const char *const CSV_HEADS[] = {
    "event", "node", "start", "end", "latitude", "longitude", "accuracy", "old-value",
    "new-value", "user", "change-reason", "record", "dot", "op", "side", "role", "via", "device",
    "carrier", "claimed_at", "corrected_at", "corrected_within_s", "not_before", "received_at",
    "log_index", "verdict", "held", "after_meeting", "decided_by", "decided_at", "decision_entry",
    "decision_reason", "server_clock_at" };
#define CSV_COLUMNS (sizeof CSV_HEADS / sizeof CSV_HEADS[0])

static void csv_when(operator_work *work, int64_t ms)
{
    char iso[40] = "";
    if (ms != 0)
        st_time_format(ms, work->call->offset_minutes, iso);
    operator_csv_text(work, iso, false);
}

static void csv_id(operator_work *work, const st_id *id)
{
    char hex[33] = "";
    if (!st_id_is_zero(id))
        st_id_format(id, hex);
    operator_csv_text(work, hex, false);
}

static void csv_number(operator_work *work, int64_t n)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, n);
    operator_csv_text(work, text, false);
}

/* How far the corrected time may be off, in seconds; empty when there is none. */
static void csv_within(operator_work *work, const st_history_item *item)
{
    char text[24] = "";
    if (item->corrected_ms != 0)
        (void)snprintf(text, sizeof text, "%" PRId64, (item->within_ms + 999) / 1000);
    operator_csv_text(work, text, false);
}

/* The value of an operation as a person writes it, in the arena of the call. */
static const char *value_text(history_list *list, const st_op *op)
{
    operator_work *work = list->work;
    const st_field *field =
        list->form != NULL ? st_form_at(list->form, &op->path, NULL) : NULL;
    if (op->value.kind == ST_VALUE_ERASED)
        return work->vi ? "(đã xóa theo yêu cầu)" : "(erased on request)";
    if (field == NULL || op->verb == ST_VERB_DROP || op->verb == ST_VERB_KEEP)
        return "";
    st_buffer_clear(&list->item);
    st_value value = op->path.element_len > 0 ? st_element_value(field, &op->path) : op->value;
    st_err err = value.kind == ST_VALUE_NULL
                     ? ST_OK
                     : st_value_text(field, &value, &list->item, &work->error);
    if (err == ST_OK)
        err = st_buffer_append(&list->item, "", 1, &work->error);
    const char *copy = err != ST_OK ? NULL
                                    : (const char *)st_arena_copy(&work->arena, list->item.data,
                                                                  list->item.len);
    if (copy == NULL)
        list->err = err != ST_OK ? err : st_fail(&work->error, ST_E_MEMORY, "no memory");
    return copy == NULL ? "" : copy;
}

static void remember(history_list *list, const st_op *op, const st_dot *dot, const char *text)
{
    said *grown = st_arena_grow(&list->work->arena, list->said, list->said_count,
                                &list->said_capacity, sizeof *grown);
    if (grown == NULL) {
        list->err = st_fail(&list->work->error, ST_E_MEMORY, "no memory");
        return;
    }
    list->said = grown;
    list->said[list->said_count++] = (said){ op->path, *dot, text };
}

/* What stood there before: the values that it replaced, parted by ≠. */
static void old_value(history_list *list, const st_op *op)
{
    operator_work *work = list->work;
    size_t found = 0;
    st_buffer_clear(&list->item);
    for (uint32_t i = 0; i < op->replaces_count; i++)
        for (size_t k = 0; k < list->said_count; k++) {
            const said *old = &list->said[k];
            if (st_dot_cmp(&old->dot, &op->replaces[i]) != 0
                || st_path_cmp(&old->path, &op->path) != 0)
                continue;
            if (st_buffer_printf(&list->item, &work->error, "%s%s", found++ > 0 ? " ≠ " : "",
                                 old->text) != ST_OK)
                list->err = work->error.code;
        }
    operator_csv_cell(work, (const char *)list->item.data, list->item.len, false);
}

/* By the login, else by the id; nobody is empty. */
static void csv_person(operator_work *work, const st_id *person)
{
    const char *login = work->how.directory->login(work->how.directory->context, person);
    if (login != NULL)
        operator_csv_text(work, login, false);
    else
        csv_id(work, person);
}

static void csv_who(history_list *list, const st_history_item *item)
{
    operator_work *work = list->work;
    csv_person(work, &item->actor);
    const st_value *reason = &item->change->reason;
    bool has_reason = reason->kind == ST_VALUE_TEXT;
    operator_csv_cell(work, has_reason ? (const char *)reason->data : "",
                      has_reason ? reason->len : 0, false);
}

/* Who let it in or declined it, and why; empty when nobody had to. */
static void csv_decision(history_list *list, const st_history_item *item)
{
    operator_work *work = list->work;
    char entry[24] = "", iso[40] = "";
    if (item->decision_index > 0)
        (void)snprintf(entry, sizeof entry, "%" PRIu64, item->decision_index);
    if (item->server_ms != 0)
        st_time_format(item->server_ms, work->call->offset_minutes, iso);
    csv_person(work, &item->decision_actor);
    csv_when(work, item->decision_ms);
    operator_csv_text(work, entry, false);
    operator_csv_cell(work, item->decision_reason_len > 0 ? item->decision_reason : "",
                      item->decision_reason_len, false);
    operator_csv_text(work, iso, true);
}

static void csv_trail(history_list *list, const st_history_item *item)
{
    operator_work *work = list->work;
    char hex[33] = "";
    operator_csv_text(work, st_role_name(item->role), false);
    operator_csv_text(work, st_via_name(item->via), false);
    csv_id(work, &item->change->dot.device);
    csv_id(work, &item->carrier);
    csv_when(work, item->change->wall_ms);
    csv_when(work, item->corrected_ms);
    csv_within(work, item);
    csv_when(work, item->not_before_ms);
    csv_when(work, item->received_ms);
    csv_number(work, (int64_t)item->log_index);
    operator_csv_text(work, item->verdict, false);
    operator_csv_text(work, item->hold != ST_HOLD_NONE ? st_hold_name(item->hold) : "", false);
    if (item->has_fence && item->fence_is_close)
        st_id_format(&item->fence_meeting, hex);
    operator_csv_text(work, item->fence_is_unknown ? "unknown" : hex, false);
    csv_decision(list, item);
}

/* op: NULL for the act of the change. */
static void csv_line(history_list *list, const st_history_item *item, const st_op *op)
{
    operator_work *work = list->work;
    char node[ST_PATH_TEXT_BYTES] = "state", dot[ST_DOT_TEXT_BYTES];
    if (op != NULL && list->form != NULL)
        st_form_path_format(list->form, &op->path, node);
    const char *text = op != NULL ? value_text(list, op) : st_act_name(item->change->act);
    operator_csv_text(work, op != NULL ? "question" : "form finalize", false);
    operator_csv_text(work, node, false);
    csv_number(work, item->change->wall_ms);
    csv_number(work, item->change->wall_ms);
    for (int i = 0; i < 3; i++)
        operator_csv_text(work, "", false);    /* no position is taken while a form is filled in */
    if (op != NULL)
        old_value(list, op);
    else
        operator_csv_text(work, "", false);
    operator_csv_text(work, text, false);
    csv_who(list, item);
    operator_csv_text(work, work->operands[0], false);
    st_dot_format(&item->change->dot, dot);
    operator_csv_text(work, dot, false);
    operator_csv_text(work, op != NULL ? st_verb_name(op->verb) : "state", false);
    operator_csv_text(work, op != NULL ? st_history_side(list->form, op) : "observed", false);
    csv_trail(list, item);
    if (op != NULL)
        remember(list, op, &item->change->dot, text);
}

static void csv_item(history_list *list, const st_history_item *item, bool is_shown)
{
    const st_change *change = item->change;
    for (uint32_t i = 0; i < change->ops_count && list->err == ST_OK; i++) {
        const st_op *op = &change->ops[i];
        if (is_shown && st_history_shows(item, op))
            csv_line(list, item, op);
        else
            remember(list, op, &change->dot, value_text(list, op));
    }
    if (is_shown && change->act != ST_ACT_NONE && item->only == NULL && list->err == ST_OK)
        csv_line(list, item, NULL);
}

/* ---- one change ---- */

static void json_item(history_list *list, const st_history_item *item)
{
    operator_work *work = list->work;
    st_buffer_clear(&list->item);
    list->err = st_history_json(list->form, item, &work->how, &list->item, &work->error);
    if (list->err == ST_OK)
        st_json_raw(&list->json, (const char *)list->item.data, list->item.len);
}

static bool history_item(void *context, const st_history_item *found)
{
    history_list *list = context;
    operator_work *work = list->work;
    st_history_item item = *found;
    item.only = list->has_field ? &list->field : NULL;
    if (item.log_index > 0 && item.log_index <= list->signed_now.head.size) {
        item.proof_size = list->signed_now.head.size;
        item.proof_root = list->signed_now.head.root;
    }
    bool is_shown = touches_field(&item) && may_be_in_span(list, &item)
                    && (!list->has_after || item.log_index > list->after_entry);
    list->count += is_shown ? 1 : 0;
    if (work->options.csv)
        csv_item(list, &item, is_shown);
    else if (is_shown && work->options.json)
        json_item(list, &item);
    else if (is_shown)
        list->err = st_history_text(list->form, &item, &work->how, work->call->out, &work->error);
    return list->err == ST_OK;
}

/* ---- the verb ---- */

static void begin(history_list *list)
{
    operator_work *work = list->work;
    if (work->options.csv)
        operator_csv_heads(work, CSV_HEADS, CSV_COLUMNS);
    if (!work->options.json)
        return;
    st_json_open(&list->json, '{');
    st_json_key_text(&list->json, "id", work->operands[0]);
    st_json_key_bool(&list->json, "complete", true);
    if (list->has_after)
        st_json_key_bool(&list->json, "after_known", !list->is_put_back);
    st_json_key(&list->json, "changes");
    st_json_open(&list->json, '[');
}

static st_err end(history_list *list)
{
    operator_work *work = list->work;
    if (work->options.json) {
        st_json_close(&list->json, ']');
        st_json_close(&list->json, '}');
        st_err err = st_json_end(&list->json);
        operator_say(work, "\n");
        return err;
    }
    if (!work->options.csv) {
        operator_say_count(work, list->count, &(operator_noun){ "lần ghi", "change", "changes" });
        operator_say(work, "\n");
    }
    if (!work->options.csv && list->is_put_back && !list->is_mark_unread)
        operator_say(work, "%s",
                     work->vi ? "Sổ đã được đặt lại sau cuộc họp này: các lần ghi trên trước hay "
                                "sau cuộc họp thì không biết chắc.\n"
                              : "The book was put back since this meeting: whether these came "
                                "before or after it cannot be told.\n");
    return ST_OK;
}

static st_err run(history_list *list, const st_id *id, st_error *error)
{
    operator_work *work = list->work;
    st_err err = sync_form_of(work->room, &work->txn, id, &list->form, error);
    if (err == ST_OK)
        err = read_field(list, error);
    if (err == ST_OK)
        err = read_span(list, error);
    if (err == ST_OK)
        err = read_after(list, error);
    if (err == ST_OK)
        err = read_signed(list, error);
    if (err != ST_OK)
        return err;
    begin(list);
    err = sync_history_each(work->room, &work->txn, id, history_item, list, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "no record %s", work->operands[0]);
    if (err == ST_OK)
        err = list->err;
    return err == ST_OK ? end(list) : err;
}

int operator_history(operator_work *work)
{
    st_id id;
    history_list list = { .work = work };
    if (work->options.csv && work->options.json)
        return operator_refuse(work, work->vi ? "chọn --json hoặc --csv" : "--json or --csv");
    st_buffer_init(&list.item, HISTORY_ITEM_BYTES_MAX);
    st_json_begin(&list.json, work->call->out, &work->error);
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_record_id(work->operands[0], &id, &work->error);
    if (err == ST_OK)
        err = run(&list, &id, &work->error);
    operator_read_end(work);
    st_buffer_free(&list.item);
    return err == ST_OK ? 0 : operator_fail(work);
}
