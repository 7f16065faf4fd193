/* server/operator/held.c - what waits for the office: why, written between which moments, and what
 * to do. Promises that everything held is listed; must never decide. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/bounds.h"

#define BEFORE_BYTES (ST_REASON_CHARS_MAX * 4 + 300u)

typedef struct {
    operator_work *work;
    operator_list page;
    bool one_device;               /* --device: */
    st_id device;
    free_sets sets;
    st_err err;
} held_list;

static bool is_wanted(const held_list *list, const sync_held *held)
{
    return !list->one_device || st_id_cmp(&held->dot.device, &list->device) == 0;
}

/* "sentence — path: why"; the second part only when there is something to say. */
static void explain(held_list *list, const sync_held *held, char *text, size_t text_bytes)
{
    operator_work *work = list->work;
    char detail[ST_FORM_DETAIL_BYTES] = "";
    st_error why = { ST_OK, "" };
    st_err err = sync_held_detail(work->room, &work->txn, held, detail, &why);
    if (st_err_is_passing(err))
        sync_note_unread(&work->unread, err, &why);
    if (err != ST_OK)
        detail[0] = '\0';                   /* the reason alone still says it */
    (void)snprintf(text, text_bytes, "%s%s%s", st_hold_sentence(held->reason, work->call->lang),
                   detail[0] != '\0' ? " — " : "", detail);
}

/* What bounds the moment of writing: nothing, when its set cannot be read. */
static bool find_bounds(held_list *list, const sync_held *held, sync_bounds *out_bounds)
{
    st_error *error = &list->work->error;
    st_err err = sync_bounds_get(&list->work->txn, &list->sets, &held->dot, held->index,
                                 out_bounds, error);
    if (err == ST_OK)
        return true;
    memset(out_bounds, 0, sizeof *out_bounds);
    if (st_err_is_passing(err))
        list->err = err;
    return false;
}

static void bounds_json(held_list *list, const sync_held *held)
{
    st_json *json = &list->page.json;
    sync_bounds bounds;
    int offset = list->work->call->offset_minutes;
    bool is_read = find_bounds(list, held, &bounds);
    st_json_key(json, "claimed_at");
    if (is_read)
        st_json_when(json, bounds.claimed_ms, offset);
    else
        st_json_null(json);
    st_written written = { bounds.found.moment.at_ms, bounds.found.moment.within_ms,
                           bounds.found.rebooted };
    st_show_written_json(json, &written, &list->work->how);
    st_json_key_int(json, "seen_size", (int64_t)bounds.seen_size);
    st_json_key(json, "not_before");
    st_json_when(json, bounds.not_before_ms, offset);
}

static bool held_json(void *context, const sync_held *held)
{
    held_list *list = context;
    st_json *json = &list->page.json;
    char hex[33], why[600];
    if (!is_wanted(list, held))
        return true;
    explain(list, held, why, sizeof why);
    st_json_open(json, '{');
    st_json_key_int(json, "n", (int64_t)held->n);
    st_json_key_text(json, "reason", st_hold_name(held->reason));
    st_json_key_text(json, "person", operator_login(list->work, &held->person, hex));
    st_id_format(&held->dot.device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key(json, "received_at");
    st_json_when(json, held->received_ms, list->work->call->offset_minutes);
    st_json_key(json, "records");
    st_json_open(json, '[');
    st_id_format(&held->record, hex);
    st_json_text(json, hex);
    st_json_close(json, ']');
    st_json_key_text(json, "detail", why);
    st_json_key_text(json, "todo", st_hold_for_office(held->reason, list->work->call->lang));
    bounds_json(list, held);
    if (list->err == ST_OK)
        list->err = operator_before_json(list->work, held, json);
    st_json_key_int(json, "counter", (int64_t)held->dot.counter);
    st_json_key_int(json, "log_index", (int64_t)held->index);
    st_json_close(json, '}');
    return list->err == ST_OK;
}

/* "12/03/2026 09:30 ±2 s": by the server's clock where that is known, else what was claimed. */
static void written_cell(held_list *list, const sync_held *held)
{
    operator_work *work = list->work;
    sync_bounds bounds;
    char iso[40], text[96];
    if (!find_bounds(list, held, &bounds)) {
        operator_table_cell(work, &list->page.table, "-");
        return;
    }
    bool known = bounds.found.is_known;
    st_time_format(known ? bounds.found.moment.at_ms : bounds.claimed_ms,
                   work->call->offset_minutes, iso);
    if (known)
        (void)snprintf(text, sizeof text, "%.2s/%.2s/%.4s %.5s ±%lld s", iso + 8, iso + 5, iso,
                       iso + 11, (long long)((bounds.found.moment.within_ms + 999) / 1000));
    else
        (void)snprintf(text, sizeof text, "%.2s/%.2s/%.4s %.5s ?", iso + 8, iso + 5, iso, iso + 11);
    operator_table_cell(work, &list->page.table, text);
}

static bool held_row(void *context, const sync_held *held)
{
    held_list *list = context;
    operator_work *work = list->work;
    char hex[33], number[24], why[600], before[BEFORE_BYTES], all[1100 + BEFORE_BYTES];
    operator_before told;
    if (!is_wanted(list, held))
        return true;
    explain(list, held, why, sizeof why);
    list->err = operator_before_get(work, held, &told);
    operator_before_say(work, &told, before, sizeof before);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)held->n);
    operator_table_cell(work, &list->page.table, number);
    operator_table_cell(work, &list->page.table, st_hold_name(held->reason));
    operator_table_cell(work, &list->page.table, operator_login(work, &held->person, hex));
    written_cell(list, held);
    operator_table_when(work, &list->page.table, held->received_ms);
    st_id_format(&held->record, hex);
    operator_table_cell(work, &list->page.table, hex);
    (void)snprintf(all, sizeof all, "%s → %s%s", why,
                   st_hold_for_office(held->reason, work->call->lang), before);
    operator_table_cell(work, &list->page.table, all);
    return !work->out_failed && list->err == ST_OK;
}

/* The device of --device, and what the office knows of it. */
static st_err begin_device(held_list *list, auth_device *out_device, auth_contact *out_contact)
{
    operator_work *work = list->work;
    list->one_device = work->options.device != NULL;
    if (!list->one_device)
        return ST_OK;
    st_err err = operator_device(work, &work->txn, work->options.device, out_device, &work->error);
    list->device = out_device->id;
    return err == ST_OK ? auth_contact_get(&work->txn, &list->device, out_contact, &work->error)
                        : err;
}

static void say_when(operator_work *work, const char *vi, const char *en, int64_t ms)
{
    char iso[40];
    if (ms == 0)
        return;
    st_time_format(ms, work->call->offset_minutes, iso);
    operator_say_in(work, vi, en);
    operator_say(work, " %.2s/%.2s/%.4s %.5s", iso + 8, iso + 5, iso, iso + 11);
}

static void say_device(held_list *list, const auth_device *device, const auth_contact *contact)
{
    operator_work *work = list->work;
    char hex[33], login[33];
    st_id_format(&device->id, hex);
    operator_say(work, "%s  %s", hex, operator_login(work, &device->person, login));
    say_when(work, "  ·  thu hồi", "  ·  revoked", device->revoked_ms);
    say_when(work, "  ·  gặp lần cuối", "  ·  last sync", contact->last_sync_ms);
    if (contact->last_sync_ms != 0)
        operator_say(work, work->vi ? "  ·  đồng hồ %+lld s" : "  ·  clock %+lld s",
                     (long long)(contact->clock_offset_ms / 1000));
    operator_say(work, "\n");
}

static void json_device(held_list *list, const auth_device *device, const auth_contact *contact)
{
    st_json *json = &list->page.json;
    int offset = list->work->call->offset_minutes;
    char hex[33];
    st_id_format(&device->id, hex);
    st_json_key_text(json, "device", hex);
    st_json_key(json, "revoked_at");
    st_json_when(json, device->revoked_ms, offset);
    st_json_key(json, "last_sync");
    st_json_when(json, contact->last_sync_ms, offset);
    st_json_key(json, "clock_offset_ms");
    if (contact->last_sync_ms != 0)
        st_json_int(json, contact->clock_offset_ms);
    else
        st_json_null(json);
    st_json_key_int(json, "checkpoint_size", (int64_t)contact->seen_size);
}

int operator_held(operator_work *work)
{
    static const char *const HEADS[2][7] = {
        { "N", "REASON", "PERSON", "WRITTEN", "RECEIVED", "RECORD", "WHY → WHAT TO DO" },
        { "SỐ", "LÝ DO", "NGƯỜI", "GHI LÚC", "NHẬN LÚC", "PHIẾU", "GIẢI THÍCH → VIỆC CẦN LÀM" }
    };
    held_list list = { .work = work };
    auth_device device = { .revoked_ms = 0 };
    auth_contact contact = { .last_sync_ms = 0 };
    bool json = work->options.json;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = begin_device(&list, &device, &contact);
    if (err != ST_OK)
        return operator_fail(work);
    if (!json && list.one_device)
        say_device(&list, &device, &contact);
    operator_list_begin(work, &list.page, HEADS[work->vi], 7);
    if (json && list.one_device)
        json_device(&list, &device, &contact);
    operator_list_of(work, &list.page, "held");
    err = sync_held_each(&work->txn, json ? held_json : held_row, &list, &work->error);
    err = operator_list_end(work, &list.page, err == ST_OK ? list.err : err,
                            &(operator_noun){ "thay đổi chờ xem", "change waits",
                                              "changes wait" });
    free_sets_end(&list.sets);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
