/* server/operator/device.c - the devices of the commune: list, revoke, suspend. Promises that a
 * revoked device stays revoked; must never take anything out of the book. */
#include <stdio.h>
#include <string.h>

#include "server/audit/news.h"
#include "server/operator/work.h"
#include "server/sync/quota.h"

static const char *status_name(auth_status status)
{
    static const char *const NAMES[] = { [AUTH_ACTIVE] = "active",
                                         [AUTH_SUSPENDED] = "suspended",
                                         [AUTH_REVOKED] = "revoked" };
    return (unsigned)status < sizeof NAMES / sizeof NAMES[0] ? NAMES[status] : "unknown";
}

static const char *status_label(auth_status status, bool vi)
{
    static const char *const LABELS[] = { [AUTH_ACTIVE] = "đang dùng",
                                          [AUTH_SUSPENDED] = "tạm khóa",
                                          [AUTH_REVOKED] = "thu hồi" };
    bool known = (unsigned)status < sizeof LABELS / sizeof LABELS[0];
    return vi && known ? LABELS[status] : status_name(status);
}

/* ---- list ---- */

typedef struct {
    operator_work *work;
    operator_list list;
    st_err err;
} device_page;

static void buckets_json(device_page *page, const sync_device *device)
{
    operator_work *work = page->work;
    st_arena arena;
    st_scope scope = { 0 };
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    if (device->device.status == AUTH_ACTIVE && page->err == ST_OK)
        page->err = auth_scope(&work->txn,
                               &(auth_scope_ask){ work->room->commune.s,
                                                  &device->device.person, UINT64_MAX },
                               &arena, &scope, &work->error);
    st_json_key(&page->list.json, "buckets");
    st_json_open(&page->list.json, '[');
    for (uint32_t i = 0; i < scope.buckets_count; i++)
        st_json_text(&page->list.json, scope.buckets[i].s);
    st_json_close(&page->list.json, ']');
    st_arena_reset(&arena);
}

/* Changes that are missing although later ones are here. */
static void gaps_json(st_json *json, const sync_device *device)
{
    st_json_key(json, "gaps");
    st_json_open(json, '[');
    for (uint32_t i = 0; i < device->gaps_count && i < SYNC_GAPS_SHOWN; i++) {
        st_json_open(json, '{');
        st_json_key_int(json, "from", (int64_t)device->gaps[i].from);
        st_json_key_int(json, "to", (int64_t)device->gaps[i].to);
        st_json_key_bool(json, "gone", device->gaps[i].is_gone);
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

/* A line of its own below the table: nobody overlooks it. */
static bool gap_lines(void *context, const sync_device *device)
{
    operator_work *work = ((device_page *)context)->work;
    char hex[33];
    st_id_format(&device->device.id, hex);
    for (uint32_t i = 0; i < device->gaps_count && i < SYNC_GAPS_SHOWN; i++) {
        const sets_gap *gap = &device->gaps[i];
        operator_say(work, work->vi ? "! %s (%s): thiếu thay đổi %llu–%llu: "
                                    : "! %s (%s): changes %llu-%llu are missing: ",
                     hex, device->login.s, (unsigned long long)gap->from,
                     (unsigned long long)gap->to);
        if (gap->is_gone)
            operator_say_in(work, "máy không còn chúng; hỏi người ghi về giấy tờ còn giữ\n",
                            "the device has them no more; ask its holder for papers\n");
        else
            operator_say_in(work, "máy được hỏi ở lần gửi tới\n",
                            "the device is asked at its next sync\n");
    }
    return !work->out_failed;
}

/* What it has brought of files, of which it may have so much here (files_per_device). */
static void files_json(device_page *page, const sync_device *device)
{
    uint64_t bytes = 0;
    if (page->err == ST_OK)
        page->err = quota_used(&page->work->txn, &device->device.id, &bytes, &page->work->error);
    st_json_key_int(&page->list.json, "attachment_bytes", (int64_t)bytes);
}

#define SECONDS_MAX (UINT64_C(1) << 40)

/* What it confirmed of the log, by its own word and by when that came. */
static void confirmed_json(device_page *page, const sync_device *device)
{
    st_json *json = &page->list.json;
    int offset = page->work->call->offset_minutes;
    audit_confirmation found = { .size = 0 };
    if (page->err == ST_OK)
        page->err = audit_confirmed(&page->work->txn, &device->device.id, &found,
                                    &page->work->error);
    st_json_key(json, "confirmed");
    if (found.size == 0) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_json_key_int(json, "size", (int64_t)found.size);
    st_json_key(json, "signed_at");
    found.signed_s = found.signed_s < SECONDS_MAX ? found.signed_s : SECONDS_MAX;
    st_json_when(json, (int64_t)found.signed_s * 1000, offset);
    st_json_key(json, "received_at");
    st_json_when(json, found.received_ms, offset);
    st_json_close(json, '}');
}

static bool device_json(void *context, const sync_device *device)
{
    device_page *page = context;
    st_json *json = &page->list.json;
    int offset = page->work->call->offset_minutes;
    char hex[33];
    st_id_format(&device->device.id, hex);
    st_json_open(json, '{');
    st_json_key_text(json, "device", hex);
    st_json_key_text(json, "person", device->login.s);
    st_json_key_text(json, "label", device->device.label);
    st_json_key_text(json, "status", status_name(device->device.status));
    st_json_key(json, "enrolled_at");
    st_json_when(json, device->device.enrolled_ms, offset);
    st_json_key(json, "revoked_at");
    st_json_when(json, device->device.revoked_ms, offset);
    st_json_key(json, "last_sync");
    st_json_when(json, device->contact.last_sync_ms, offset);
    st_json_key(json, "clock_offset_ms");
    if (device->contact.last_sync_ms != 0)
        st_json_int(json, device->contact.clock_offset_ms);
    else
        st_json_null(json);
    st_json_key_int(json, "counter", (int64_t)device->counter);
    st_json_key_int(json, "checkpoint_size", (int64_t)device->contact.seen_size);
    confirmed_json(page, device);
    files_json(page, device);
    gaps_json(json, device);
    buckets_json(page, device);
    st_json_close(json, '}');
    return page->err == ST_OK;
}

static bool device_row(void *context, const sync_device *device)
{
    device_page *page = context;
    operator_work *work = page->work;
    char hex[33], number[40];
    st_id_format(&device->device.id, hex);
    operator_table_cell(work, &page->list.table, hex);
    operator_table_cell(work, &page->list.table, device->login.s);
    operator_table_cell(work, &page->list.table, status_label(device->device.status, work->vi));
    operator_table_when(work, &page->list.table, device->device.enrolled_ms);
    operator_table_when(work, &page->list.table, device->contact.last_sync_ms);
    (void)snprintf(number, sizeof number, "%+lld s",
                   (long long)(device->contact.clock_offset_ms / 1000));
    operator_table_cell(work, &page->list.table, device->contact.last_sync_ms != 0 ? number : "-");
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)device->counter);
    operator_table_cell(work, &page->list.table, number);
    operator_table_cell(work, &page->list.table, device->device.label);
    return true;
}

int operator_device_list(operator_work *work)
{
    static const char *const HEADS[2][8] = {
        { "DEVICE", "LOGIN", "STATUS", "ENROLLED", "LAST SYNC", "CLOCK", "CHANGES", "LABEL" },
        { "MÁY", "NGƯỜI", "TÌNH TRẠNG", "ĐĂNG KÝ", "GẶP LẦN CUỐI", "ĐỒNG HỒ", "THAY ĐỔI",
          "TÊN MÁY" } };
    device_page page = { .work = work };
    bool json = work->options.json;
    if (operator_read_begin(work) != ST_OK)
        return operator_fail(work);
    operator_list_begin(work, &page.list, HEADS[work->vi], 8);
    operator_list_of(work, &page.list, "devices");
    st_err err = sync_device_each(&work->txn, json ? device_json : device_row, &page, &work->unread,
                                  &work->error);
    if (err == ST_OK)
        err = page.err;
    operator_list_of(work, &page.list, "copies");
    if (err == ST_OK && json)
        err = operator_heirs_say(work, &page.list.json);
    err = operator_list_end(work, &page.list, err,
                            &(operator_noun){ "máy", "device", "devices" });
    if (err == ST_OK && !json) {
        err = sync_device_each(&work->txn, gap_lines, &page, &work->unread, &work->error);
        if (err == ST_OK)
            err = operator_heirs_say(work, NULL);
    }
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- revoke, suspend ---- */

typedef struct {
    auth_status to;
    const char *option;            /* of the field `status` */
    char hex[33];                  /* result: the device */
} status_wish;

/* NULL, or why the device cannot go there. */
static const char *status_fault(auth_status from, auth_status to)
{
    if (from == AUTH_REVOKED)
        return to == AUTH_REVOKED ? "revoked already" : "revoked: that stays";
    if (from == to)
        return to == AUTH_ACTIVE ? "not suspended" : "suspended already";
    return NULL;
}

static st_err change_status(operator_work *work, writer_turn *turn, void *argument,
                            st_error *error)
{
    status_wish *wish = argument;
    auth_device device;
    operator_ops ops = { .arena = turn->arena };
    st_err err = operator_device(work, turn->txn, work->operands[0], &device, error);
    if (err != ST_OK)
        return err;
    st_id_format(&device.id, wish->hex);
    const char *fault = status_fault(device.status, wish->to);
    if (fault != NULL)
        return st_fail(error, ST_E_STATE, "device %s is %s", wish->hex, fault);
    err = operator_form(work, CATALOGUE_DEVICE, &ops.form, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "status", wish->option, error);
    if (err == ST_OK && work->options.reason != NULL)
        err = operator_ops_put(&ops, "status_reason", work->options.reason, error);
    sync_edit edit = { .record = device.record, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    operator_edits edits = { ops.form, &edit, 1 };
    return err == ST_OK ? operator_author_nameless(turn, &edits, NULL, error) : err;
}

static int move_device(operator_work *work, status_wish *wish, const char *vi, const char *en)
{
    char words[80];
    if (operator_write(work, change_status, wish) != ST_OK)
        return operator_fail(work);
    (void)snprintf(words, sizeof words, "device %s %s%s",
                   wish->to == AUTH_REVOKED ? "revoke" : "suspend", wish->hex,
                   wish->to == AUTH_ACTIVE ? " --lift" : "");
    operator_note_aside(work, "%s", words);
    operator_say_in(work, vi, en);
    operator_say(work, " %s\n", wish->hex);
    return 0;
}

int operator_device_revoke(operator_work *work)
{
    status_wish wish = { AUTH_REVOKED, "revoked", "" };
    return move_device(work, &wish, "Đã thu hồi máy", "Revoked device");
}

int operator_device_suspend(operator_work *work)
{
    status_wish suspend = { AUTH_SUSPENDED, "suspended", "" }, lift = { AUTH_ACTIVE, "active", "" };
    if (work->options.lift)
        return move_device(work, &lift, "Đã mở lại máy", "Lifted for device");
    return move_device(work, &suspend, "Đã tạm khóa máy", "Suspended device");
}
