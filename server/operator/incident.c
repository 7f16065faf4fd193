/* server/operator/incident.c - where a device's state was not the log's: what the office sees.
 * Promises that what a device held without a signature stays readable; must never mend anything. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/incident.h"

typedef struct {
    operator_work *work;
    operator_list page;
    bool one_device;               /* --device: those of this one alone */
    st_id device;
    st_err err;
} incident_list;

static void sum_hex(const st_sum *sum, char hex[33])
{
    st_hex(sum->b, sizeof sum->b, hex);
}

static bool is_wanted(const incident_list *list, const sync_incident *in)
{
    return !list->one_device || st_id_cmp(&list->device, &in->device) == 0;
}

/* What one device shows must not take the list from the others: half of the answer is for it. */
static bool has_room(const operator_work *work, const st_buffer *text)
{
    const st_buffer *out = work->call->out;
    return out->len + text->len < out->max / 2;
}

/* Evidence is what a device says, and may name any entry: the log knows no time of it. */
static bool no_moment(void *context, const st_meta *meta, st_written *out)
{
    (void)context;
    (void)meta;
    (void)out;
    return false;
}

/* The record as the device held it; what cannot be read is null, the bytes stay in the store. */
static st_err evidence_json(incident_list *list, const st_repair_evidence *evidence)
{
    operator_work *work = list->work;
    st_arena arena;
    st_record record;
    st_buffer text;
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    st_buffer_init(&text, 16u << 20);
    const st_form *form = NULL;
    st_error *error = &work->error;
    st_err err =
        st_record_decode(evidence->state, evidence->state_len, &arena, &record, error);
    if (err == ST_OK)
        form = sync_record_form(work->room, &record);
    if (form != NULL)
        err = st_show_json(form, &record, &work->how, &text, error);
    if (err == ST_OK && form != NULL && has_room(work, &text))
        st_json_raw(&list->page.json, (const char *)text.data, text.len);
    else if (!st_err_is_passing(err))
        st_json_raw(&list->page.json, "null", 4);
    st_buffer_free(&text);
    st_arena_reset(&arena);
    return st_err_is_passing(err) ? err : ST_OK;
}

static bool incident_json(void *context, const sync_incident *in)
{
    incident_list *list = context;
    st_json *json = &list->page.json;
    char hex[33];
    if (!is_wanted(list, in))
        return true;
    const char *login = operator_device_login(list->work, &in->device);
    st_json_open(json, '{');
    st_id_format(&in->device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key_int(json, "n", (int64_t)in->n);
    st_json_key_text(json, "person", login == NULL ? "" : login);
    st_json_key(json, "at");
    st_json_when(json, in->time_ms, list->work->call->offset_minutes);
    st_json_key_text(json, "bucket", in->bucket.s);
    st_json_key_int(json, "cursor", (int64_t)in->cursor);
    sum_hex(&in->theirs, hex);
    st_json_key_text(json, "device_sum", hex);
    sum_hex(&in->ours, hex);
    st_json_key_text(json, "server_sum", hex);
    st_json_key(json, "records");
    st_json_open(json, '[');
    for (uint32_t i = 0; i < in->records_count; i++) {
        st_id_format(&in->records[i], hex);
        st_json_text(json, hex);
    }
    st_json_close(json, ']');
    st_json_key(json, "evidence");
    st_json_open(json, '[');
    for (uint32_t i = 0; list->err == ST_OK && i < in->evidence_count; i++)
        list->err = evidence_json(list, &in->evidence[i]);
    st_json_close(json, ']');
    st_json_close(json, '}');
    return list->err == ST_OK;
}

static bool incident_row(void *context, const sync_incident *in)
{
    incident_list *list = context;
    operator_work *work = list->work;
    char hex[33], number[24];
    if (!is_wanted(list, in))
        return true;
    const char *login = operator_device_login(work, &in->device);
    operator_table_when(work, &list->page.table, in->time_ms);
    operator_table_cell(work, &list->page.table, login == NULL ? "-" : login);
    st_id_format(&in->device, hex);
    operator_table_cell(work, &list->page.table, hex);
    operator_table_cell(work, &list->page.table, in->bucket.s);
    (void)snprintf(number, sizeof number, "%u", in->records_count);
    operator_table_cell(work, &list->page.table, number);
    (void)snprintf(number, sizeof number, "%u", in->evidence_count);
    operator_table_cell(work, &list->page.table, number);
    sum_hex(&in->theirs, hex);
    operator_table_cell(work, &list->page.table, hex);
    sum_hex(&in->ours, hex);
    operator_table_cell(work, &list->page.table, hex);
    return !work->out_failed;
}

static st_err begin_device(incident_list *list)
{
    operator_work *work = list->work;
    auth_device device;
    list->one_device = work->options.device != NULL;
    if (!list->one_device)
        return ST_OK;
    st_err err = operator_device(work, &work->txn, work->options.device, &device, &work->error);
    if (err == ST_OK)
        list->device = device.id;
    return err;
}

int operator_incidents(operator_work *work)
{
    static const char *const HEADS[2][8] = {
        { "AT", "PERSON", "DEVICE", "SHARE", "RECORDS", "EVIDENCE", "SUM THERE", "SUM HERE" },
        { "LÚC", "NGƯỜI", "MÁY", "PHẦN VIỆC", "PHIẾU", "GIỮ LẠI", "TỔNG Ở MÁY", "TỔNG Ở SỔ" }
    };
    incident_list list = { .work = work };
    bool json = work->options.json;
    if (operator_read_begin(work) != ST_OK || begin_device(&list) != ST_OK)
        return operator_fail(work);
    operator_list_begin(work, &list.page, HEADS[work->vi], 8);
    operator_list_of(work, &list.page, "incidents");
    const st_moments moments = { NULL, no_moment };
    work->how.moments = &moments;
    st_err err =
        sync_incident_each(&work->txn, json ? incident_json : incident_row, &list, &work->error);
    work->how.moments = NULL;
    err = operator_list_end(work, &list.page, err == ST_OK ? list.err : err,
                            &(operator_noun){ "lần sổ trên máy lệch với sổ chung",
                                              "time a device's book was not this one",
                                              "times a device's book was not this one" });
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
