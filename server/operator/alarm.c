/* server/operator/alarm.c - what somebody in the office has to look into about devices: copies,
 * phones that were taken away and still send, those that speak of another log, units that left a
 * person and not yet the phone, and phones that nobody has heard of. Promises that each line says
 * what to do next; must never change anything. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "server/operator/work.h"
#include "server/sync/epoch.h"
#include "server/sync/own_clock.h"
#include "server/sync/purge.h"
#include "server/sync/seen.h"

typedef enum {
    ALARM_FORK,
    ALARM_REVOKED,
    ALARM_OTHER_LOG,
    ALARM_LEAVING,
    ALARM_SILENT,
    ALARM_REWRITTEN,
    ALARM_DECLINED
} alarm_kind;

#define DECLINED_SHOWN_MS (INT64_C(30) * 24 * 3600 * 1000)

/* One line. since_ms 0: unknown. */
typedef struct {
    alarm_kind kind;
    st_id device;
    const char *person; /* login */
    int64_t since_ms;
    uint64_t count;     /* changes that are held, or 1 */
    const char *bucket; /* LEAVING; else "" */
    const char *record; /* DECLINED: 32 digits; else NULL */
} alarm_line;

typedef struct {
    st_id device;
    uint64_t forks, revoked;
    int64_t fork_ms, revoked_ms; /* the first one */
} alarm_held;

typedef struct {
    operator_work *work;
    operator_list list;
    alarm_held *held;
    size_t held_count, held_capacity;
    bool no_memory;
    st_err err;
    const sync_device *device; /* being looked at */
    uint64_t lines, cut;
    st_dot declined; /* shown last */
    int64_t now_ms;
} alarm_page;

static const char *kind_name(alarm_kind kind)
{
    static const char *const NAMES[] = { "fork", "revoked", "other_log", "leaving",
                                         "silent", "rewritten", "declined" };
    return NAMES[kind];
}

static const char *kind_sentence(alarm_kind kind, bool vi)
{
    static const char *const SENTENCES[7][2] = {
        { "another copy of this phone's book went on writing: enrol that phone again, decline "
          "these in `held`",
          "một bản sao sổ của máy này đã ghi tiếp: đăng ký lại máy đó, rồi bỏ các mục này trong "
          "`held`" },
        { "was taken away and still sends: see `held`",
          "máy đã thu hồi mà vẫn gửi về: xem `held`" },
        { "says that it had seen another log than this one: it lies, or somebody showed it "
          "another; have the log checked (sotay-verify), enrol that phone again",
          "máy nói đã thấy một nhật ký khác: máy nói sai, hoặc đã có ai đưa cho nó nhật ký "
          "khác; cho kiểm tra nhật ký (sotay-verify), đăng ký lại máy đó" },
        { "may not be read any more, and the phone has not yet said that it is gone from it",
          "không còn được xem, nhưng máy chưa báo là đã xóa" },
        { "45 days without contact: others' records are locked on it; is it lost?",
          "45 ngày chưa gặp: máy đã khóa phiếu của người khác; có mất máy không?" },
        { "holds what this log's own key signed, and no new epoch explains why the log is another "
          "there now: somebody rewrote it; have it checked (sotay-verify), keep that phone",
          "máy giữ chữ ký của chính nhật ký này, mà nay nhật ký ở chỗ đó đã khác và không đời sổ "
          "mới nào giải thích được: có người đã sửa; cho kiểm tra (sotay-verify), giữ lại máy" },
        { "is in the book, though a phone says that the office had declined it before the restore: "
          "see `history` of the record, and put right what is wrong",
          "đang có trong sổ, mà một máy nói văn phòng đã không đưa vào sổ trước khi phục hồi: "
          "xem `history` của phiếu, điều gì sai thì sửa lại" },
    };
    return SENTENCES[kind][vi];
}

static void show_line(alarm_page *page, const alarm_line *line)
{
    operator_work *work = page->work;
    char hex[33], number[24];
    st_id_format(&line->device, hex);
    page->lines++;
    if (!work->options.json) {
        (void)snprintf(number, sizeof number, "%" PRIu64, line->count);
        operator_table_cell(work, &page->list.table, kind_name(line->kind));
        operator_table_cell(work, &page->list.table, hex);
        operator_table_cell(work, &page->list.table, line->person);
        operator_table_when(work, &page->list.table, line->since_ms);
        operator_table_cell(work, &page->list.table, number);
        operator_table_cell(work, &page->list.table,
                            line->record != NULL ? line->record : line->bucket);
        operator_table_cell(work, &page->list.table, kind_sentence(line->kind, work->vi));
        return;
    }
    st_json *json = &page->list.json;
    st_json_open(json, '{');
    st_json_key_text(json, "kind", kind_name(line->kind));
    st_json_key_text(json, "device", hex);
    st_json_key_text(json, "person", line->person);
    st_json_key(json, "since");
    st_json_when(json, line->since_ms, work->call->offset_minutes);
    st_json_key_int(json, "count", (int64_t)line->count);
    st_json_key_text(json, "bucket", line->bucket);
    if (line->record != NULL)
        st_json_key_text(json, "record", line->record);
    st_json_key_text(json, "detail", kind_sentence(line->kind, work->vi));
    st_json_close(json, '}');
}

/* ---- held changes by device ---- */

static alarm_held *held_of(alarm_page *page, const st_id *device)
{
    for (size_t i = 0; i < page->held_count; i++)
        if (st_id_cmp(&page->held[i].device, device) == 0)
            return &page->held[i];
    alarm_held *list = page->held;
    if (page->held_count == page->held_capacity)
        list = st_arena_grow(&page->work->arena, list, page->held_count, &page->held_capacity,
                             sizeof *list);
    if (list == NULL)
        return NULL;
    page->held = list;
    list[page->held_count] = (alarm_held){ .device = *device };
    return &list[page->held_count++];
}

static bool count_held(void *context, const sync_held *held)
{
    alarm_page *page = context;
    if (held->reason != ST_HOLD_FORK && held->reason != ST_HOLD_REVOKED)
        return true;
    alarm_held *of = held_of(page, &held->dot.device);
    page->no_memory = of == NULL;
    if (of == NULL)
        return false;
    uint64_t *count = held->reason == ST_HOLD_FORK ? &of->forks : &of->revoked;
    int64_t *first = held->reason == ST_HOLD_FORK ? &of->fork_ms : &of->revoked_ms;
    if ((*count)++ == 0 || held->received_ms < *first)
        *first = held->received_ms;
    return true;
}

/* ---- devices ---- */

static bool show_leaving(void *context, const sync_leaving *leaving)
{
    alarm_page *page = context;
    alarm_line line = { ALARM_LEAVING, page->device->device.id, page->device->login.s,
                        leaving->since_ms, 1, leaving->bucket.s, NULL };
    show_line(page, &line);
    return !page->work->out_failed;
}

/* Sets whose author speaks of another log. */
static void show_other_log(alarm_page *page)
{
    const sync_device *device = page->device;
    operator_work *work = page->work;
    sync_other_log other = { .index = 0 };
    page->err = sync_other_log_get(&work->txn, &device->device.id, &other, &work->error);
    alarm_line line = { ALARM_OTHER_LOG, device->device.id, device->login.s, other.time_ms,
                        other.count, "", NULL };
    if (page->err == ST_OK)
        show_line(page, &line);
    if (page->err == ST_E_NOT_FOUND)
        page->err = ST_OK;
}

static void show_silent(alarm_page *page)
{
    int64_t jump_ms = 0;
    const sync_device *device = page->device;
    int64_t seen_ms = device->contact.last_sync_ms;
    if (seen_ms == 0)
        seen_ms = device->device.enrolled_ms;
    alarm_line line = { ALARM_SILENT, device->device.id, device->login.s, seen_ms, 1, "", NULL };
    page->err = own_clock_jump(&page->work->txn, &jump_ms, &page->work->error);
    if (own_clock_age(seen_ms, sync_now(page->work->room), jump_ms) >= ST_LEASE_MS)
        show_line(page, &line);
}

/* "" when nobody is known. */
static const char *login_of(operator_work *work, const st_id *id)
{
    const char *login = operator_device_login(work, id);
    return login == NULL ? "" : login;
}

/* Up to the first cut all epochs have the same entries. */
static bool show_rewritten(void *context, const sync_given_up *one)
{
    alarm_page *page = context;
    alarm_line line = { ALARM_REWRITTEN, one->device, login_of(page->work, &one->device),
                        one->time_ms, 1, "", NULL };
    if (one->head.size <= page->cut)
        show_line(page, &line);
    return !page->work->out_failed;
}

static st_err show_all_rewritten(alarm_page *page)
{
    operator_work *work = page->work;
    st_err err = sync_epochs_first_cut(&work->txn, &page->cut, &work->error);
    return err == ST_OK ? sync_given_up_each(&work->txn, show_rewritten, page, &work->error) : err;
}

/* What the office had declined before a restore, and came in since without being asked. For thirty
 * days: afterwards it has been looked at, or never will be. */
static bool show_declined(void *context, const sync_decided *one)
{
    alarm_page *page = context;
    operator_work *work = page->work;
    sync_decided_state state;
    char hex[33];
    bool is_shown = st_dot_cmp(&page->declined, &one->dot) == 0;
    if (is_shown || !one->declined || page->now_ms - one->received_ms > DECLINED_SHOWN_MS)
        return true;
    page->err = sync_decided_state_of(&work->txn, &one->record, &one->dot, &state, &work->error);
    if (page->err != ST_OK || state != SYNC_DECIDED_IN)
        return page->err == ST_OK;
    st_id_format(&one->record, hex);
    alarm_line line = { .kind = ALARM_DECLINED, .device = one->dot.device, .count = 1,
                        .person = login_of(work, &one->dot.device),
                        .since_ms = one->received_ms, .bucket = "", .record = hex };
    show_line(page, &line);
    page->declined = one->dot;
    return !work->out_failed;
}

static st_err show_all_declined(alarm_page *page)
{
    const server_port *port = page->work->room->port;
    page->now_ms = port->now_ms(port->context);
    st_err err =
        sync_decided_each(&page->work->txn, NULL, show_declined, page, &page->work->error);
    return err == ST_OK ? page->err : err;
}

static bool look_at(void *context, const sync_device *device)
{
    alarm_page *page = context;
    operator_work *work = page->work;
    page->device = device;
    for (size_t i = 0; i < page->held_count; i++) {
        const alarm_held *of = &page->held[i];
        if (st_id_cmp(&of->device, &device->device.id) != 0)
            continue;
        alarm_line line = { ALARM_FORK, of->device, device->login.s, of->fork_ms, of->forks, "",
                            NULL };
        if (of->forks > 0)
            show_line(page, &line);
        line = (alarm_line){ ALARM_REVOKED, of->device, device->login.s, of->revoked_ms,
                             of->revoked, "", NULL };
        if (of->revoked > 0)
            show_line(page, &line);
    }
    if (device->device.status == AUTH_REVOKED)
        return !work->out_failed;
    show_other_log(page);
    if (page->err != ST_OK)
        return false;
    st_arena arena;
    sync_leaving_sink sink = { show_leaving, page };
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    page->err = sync_leaving_each(work->room, &work->txn, &device->device, &arena, &sink,
                                  &work->error);
    st_arena_reset(&arena);
    if (page->err == ST_OK)
        show_silent(page);
    return page->err == ST_OK && !work->out_failed;
}

static void begin(alarm_page *page, const char *key, const char *const *heads, size_t columns)
{
    operator_list_begin(page->work, &page->list, heads, columns);
    operator_list_of(page->work, &page->list, key);
}

/* The exit code. */
static int end(alarm_page *page, st_err err, const operator_noun *noun)
{
    operator_work *work = page->work;
    err = operator_list_end(work, &page->list, err, noun);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

int operator_alarms(operator_work *work)
{
    static const char *const HEADS[2][7] = {
        { "KIND", "DEVICE", "PERSON", "SINCE", "CHANGES", "SHARE", "WHAT TO DO" },
        { "LOẠI", "MÁY", "NGƯỜI", "TỪ LÚC", "THAY ĐỔI", "PHẦN VIỆC", "CẦN LÀM" } };
    alarm_page page = { .work = work };
    if (operator_read_begin(work) != ST_OK)
        return operator_fail(work);
    begin(&page, "alarms", HEADS[work->vi], 7);
    st_err err = sync_held_each(&work->txn, count_held, &page, &work->error);
    if (err == ST_OK && page.no_memory)
        err = st_fail(&work->error, ST_E_MEMORY, "alarms: out of memory");
    if (err == ST_OK)
        err = sync_device_each(&work->txn, look_at, &page, &work->unread, &work->error);
    if (err == ST_OK)
        err = page.err;
    if (err == ST_OK)
        err = show_all_rewritten(&page);
    if (err == ST_OK)
        err = show_all_declined(&page);
    return end(&page, err, &(operator_noun){ "việc cần xem", "to look into", "to look into" });
}

/* ---- receipts ---- */

static bool receipt(void *context, const sync_purge *purge)
{
    alarm_page *page = context;
    operator_work *work = page->work;
    char hex[33], records[24], kept[24];
    const char *login = login_of(work, &purge->device);
    st_id_format(&purge->device, hex);
    if (!work->options.json) {
        (void)snprintf(records, sizeof records, "%" PRIu64, purge->purge.records);
        (void)snprintf(kept, sizeof kept, "%" PRIu64, purge->purge.kept);
        operator_table_cell(work, &page->list.table, hex);
        operator_table_cell(work, &page->list.table, login);
        operator_table_cell(work, &page->list.table, purge->purge.bucket.s);
        operator_table_when(work, &page->list.table, purge->received_ms);
        operator_table_cell(work, &page->list.table, records);
        operator_table_cell(work, &page->list.table, kept);
        return !work->out_failed;
    }
    char signature[2 * ST_SIGNATURE_BYTES + 1];
    st_json *json = &page->list.json;
    st_hex(purge->purge.signature, sizeof purge->purge.signature, signature);
    st_json_open(json, '{');
    st_json_key_text(json, "device", hex);
    st_json_key_text(json, "person", login);
    st_json_key_text(json, "bucket", purge->purge.bucket.s);
    st_json_key_int(json, "scope_rev", (int64_t)purge->purge.rev);
    st_json_key_int(json, "records", (int64_t)purge->purge.records);
    st_json_key_int(json, "kept_sets", (int64_t)purge->purge.kept);
    st_json_key(json, "claimed_at");
    st_json_when(json, purge->purge.wall_ms, work->call->offset_minutes);
    st_json_key(json, "received_at");
    st_json_when(json, purge->received_ms, work->call->offset_minutes);
    st_json_key_text(json, "signature", signature);
    st_json_close(json, '}');
    return !work->out_failed;
}

int operator_receipts(operator_work *work)
{
    static const char *const HEADS[2][6] = {
        { "DEVICE", "PERSON", "SHARE", "RECEIVED", "RECORDS GONE", "SETS KEPT SEALED" },
        { "MÁY", "NGƯỜI", "PHẦN VIỆC", "NHẬN LÚC", "PHIẾU ĐÃ XÓA", "GÓI CÒN GIỮ" } };
    alarm_page page = { .work = work };
    if (operator_read_begin(work) != ST_OK)
        return operator_fail(work);
    begin(&page, "receipts", HEADS[work->vi], 6);
    st_err err = sync_purge_each(&work->txn, receipt, &page, &work->error);
    return end(&page, err, &(operator_noun){ "giấy báo đã xóa", "receipt", "receipts" });
}
