/* server/operator/erase.c - `erase`: two people destroy single values for a reason in law. Promises
 * that both are named in the book, that whoever confirms sees which values go, and says what is to
 * be done about copies that lie elsewhere. Must never erase for one person alone: without the
 * second one it is a request; nor what was written after that. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/erase.h"
#include "server/sync/snapshot.h"

typedef struct {
    sync_erase_wish wish;
    operator_ask ask;
    sync_erase_report report;      /* result */
} erase_call;

/* Who they are now, in the transaction that erases, or that keeps the request. */
static st_err run(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    erase_call *call = argument;
    operator_pair pair;
    st_err err = operator_two_people(work, turn, &pair, error);
    if (err != ST_OK)
        return err;
    call->wish.actor = pair.first.id;
    call->wish.second = pair.second.id;
    call->wish.role = operator_pair_role(&pair.first);
    call->wish.until = work->request;
    if (!operator_asks(work))
        return sync_erase(turn, &call->wish, &call->report, error);
    const sync_erase_view view = { turn->room, turn->txn, turn->arena };
    err = sync_erase_look(&view, &call->wish, &call->report, error);
    return err == ST_OK ? operator_second_ask(work, turn, &pair, &call->ask, error) : err;
}

/* A set that was made by a newer program, or damaged on its way, may speak of anything. */
static void say_unread(operator_work *work, const sync_erase_report *report)
{
    if (report->unread > 0)
        operator_say(work, work->vi ? "%u phần từ sổ thứ hai của cùng một máy không đọc được ở "
                                      "đây: điều gì trong đó nói về phiếu này thì vẫn còn\n"
                                    : "%u sets of other branches of a device cannot be read here: "
                                      "what they may say of the record stays\n",
                     report->unread);
}

static void say_done(operator_work *work, const sync_erase_report *report)
{
    operator_say(work, work->vi ? "Đã xóa %u giá trị; đường dẫn còn lại hiện \"đã xóa theo yêu "
                                  "cầu\"\n"
                                : "%u values erased; their paths show \"erased on request\"\n",
                 report->erased);
    if (report->standing > 0)
        operator_say(work, work->vi ? "%u số, ngày, lựa chọn ở đó là phần đã ký, không xóa được\n"
                                    : "%u numbers, dates or choices there are part of what was "
                                      "signed and stay\n",
                     report->standing);
    if (report->newer > 0)
        operator_say(work, work->vi ? "%u giá trị cùng chỗ được ghi sau khi đề nghị: còn nguyên, "
                                      "muốn xóa thì đề nghị lại\n"
                                    : "%u values there were written after it was asked: they stay, "
                                      "ask again for them\n",
                     report->newer);
    say_unread(work, report);
    operator_say_in(work,
                    "Việc còn lại: chạy `compact` khi máy chủ dừng; sao lưu lại vào từng thư mục "
                    "sao lưu; hủy các bản sao khác. Các máy xóa ở lần đồng bộ tới.\n",
                    "Left to do: run `compact` while the server is stopped; make a backup into "
                    "each backup folder again; destroy other copies. Devices erase at their next "
                    "sync.\n");
}

/* ---- what a request names ---- */

static void value_json(operator_work *work, st_json *json, const sync_erase_value *value)
{
    char hex[33];
    int offset = work->call->offset_minutes;
    st_json_open(json, '{');
    st_json_key_text(json, "path", value->path);
    st_json_key_bool(json, "copy", value->is_copy);
    st_json_key_text(json, "person", operator_login(work, &value->actor, hex));
    st_id_format(&value->dot.device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key_int(json, "counter", (int64_t)value->dot.counter);
    st_json_key(json, "claimed_at");
    st_json_when(json, value->claimed_ms, offset);
    st_json_key(json, "received_at");
    st_json_when(json, value->received_ms, offset);
    st_json_key_int(json, "log_index", (int64_t)value->index);
    st_json_key_bool(json, "newer", value->is_newer);
    st_json_close(json, '}');
}

static const char *fate_of(const operator_work *work, const sync_erase_value *value)
{
    if (value->is_newer)
        return work->vi ? "ghi sau, giữ lại" : "newer, stays";
    if (value->is_copy)
        return work->vi ? "xóa (bản chép lại)" : "goes (a copy)";
    return work->vi ? "xóa" : "goes";
}

static void value_row(operator_work *work, operator_table *table, const sync_erase_value *value)
{
    char text[33];
    operator_table_cell(work, table, fate_of(work, value));
    (void)snprintf(text, sizeof text, "%" PRIu64, value->index);
    operator_table_cell(work, table, text);
    operator_table_cell(work, table, operator_login(work, &value->actor, text));
    operator_table_when(work, table, value->claimed_ms);
    operator_table_when(work, table, value->received_ms);
    operator_table_cell(work, table, value->path);
}

st_err operator_erase_show(operator_work *work, const sync_second *request, st_json *json)
{
    static const char *const HEADS[2][6] = {
        { "BECOMES", "ENTRY", "PERSON", "WRITTEN", "RECEIVED", "PATH" },
        { "SẼ", "MỤC", "NGƯỜI GHI", "GHI LÚC", "NHẬN LÚC", "CHỖ" } };
    const sync_erase_view view = { work->room, &work->txn, &work->arena };
    sync_erase_wish wish = { .paths = request->words + 2, .until = request->index };
    sync_erase_report report = { .erased = 0 };
    operator_table table;
    wish.paths_count = request->words_count - 2;
    st_err err = operator_record_id(request->words[1], &wish.record, &work->error);
    if (err == ST_OK)
        err = sync_erase_look(&view, &wish, &report, &work->error);
    if (err != ST_OK)
        return err;
    if (json == NULL)
        operator_table_begin(work, &table, HEADS[work->vi], 6);
    for (size_t i = 0; i < report.values_count; i++) {
        if (json != NULL)
            value_json(work, json, &report.values[i]);
        else
            value_row(work, &table, &report.values[i]);
    }
    if (json != NULL)
        return ST_OK;
    (void)operator_table_print(work, &table);
    operator_say(work, work->vi ? "Xóa %u giá trị; giữ lại %u giá trị được ghi sau khi đề nghị và "
                                  "%u số, ngày, lựa chọn đã ký\n"
                                : "%u values go; %u that were written after it was asked stay, and "
                                  "%u numbers, dates or choices that were signed\n",
                 report.erased, report.newer, report.standing);
    say_unread(work, &report);
    return ST_OK;
}

/* ---- the verb ---- */

static int said_what_it_names(operator_work *work, const erase_call *call)
{
    int code = operator_second_said(work, &call->ask);
    operator_say(work, work->vi ? "Đề nghị này xóa %u giá trị đang có trong sổ, không xóa gì ghi "
                                  "về sau: `sotayctl request show %" PRIu64 "`\n"
                                : "It is about %u values that are in the book now, and nothing "
                                  "that is written later: `sotayctl request show %" PRIu64 "`\n",
                 call->report.erased, call->ask.index);
    return code;
}

int operator_erase(operator_work *work)
{
    erase_call call;
    memset(&call, 0, sizeof call);
    call.ask.what = "erase";
    st_err err = operator_record_id(work->operands[0], &call.wish.record, &work->error);
    call.wish.paths = work->operands + 1;
    call.wish.paths_count = work->operands_count - 1;
    work->options.reason = work->options.basis;
    if (err == ST_OK)
        err = operator_reason(work, &call.wish.basis, &work->error);
    call.ask.reason = call.wish.basis;
    if (err == ST_OK)
        err = operator_write(work, run, &call);
    if (err != ST_OK)
        return operator_fail(work);
    if (operator_asks(work))
        return said_what_it_names(work, &call);
    sync_snapshot_drop_erased(work->room);
    say_done(work, &call.report);
    return 0;
}
