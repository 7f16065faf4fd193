/* client-lib/src/report.c - what a sync did, and a working copy, as text or JSON.
 * Promises: the keys of docs/programs.md, always all of them.
 * Never: a number that was not counted. */
#include <string.h>

#include "client-lib/src/draft.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/witness.h"
#include "proto/show.h"

static void write_verdicts(st_json *json, const sotay_report *report)
{
    st_json_key(json, "verdicts");
    st_json_open(json, '{');
    st_json_key_int(json, "stored", (int64_t)report->stored);
    st_json_key_int(json, "duplicate", (int64_t)report->duplicate);
    st_json_key_int(json, "held", (int64_t)report->held);
    st_json_key_int(json, "later", (int64_t)report->later);
    st_json_close(json, '}');
}

static st_err write_json(const sotay_sync *sync, st_buffer *out, st_error *error)
{
    sotay_report all;
    const sotay_report *report = &all;
    char epoch[17];
    st_json json;
    sotay_sync_report(sync, &all);
    st_hex(sync->client->me.epoch, 8, epoch);
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    st_json_key_int(&json, "sent_changes", (int64_t)report->sent_changes);
    st_json_key_int(&json, "received_changes", (int64_t)report->received_changes);
    write_verdicts(&json, report);
    st_json_key_int(&json, "wanted", (int64_t)report->wanted);
    st_json_key_int(&json, "bytes_up", (int64_t)report->bytes_up);
    st_json_key_int(&json, "bytes_down", (int64_t)report->bytes_down);
    st_json_key_int(&json, "requests", (int64_t)report->requests);
    st_json_key(&json, "repaired_buckets");
    st_json_open(&json, '[');
    for (size_t i = 0; i < sync->repaired_count; i++)
        st_json_text(&json, sync->repaired[i].s);
    st_json_close(&json, ']');
    st_json_key(&json, "attachments");
    st_json_open(&json, '{');
    st_json_key_int(&json, "sent", (int64_t)report->attachments_sent);
    st_json_key_int(&json, "waiting", (int64_t)report->attachments_waiting);
    st_json_key_int(&json, "fetched", (int64_t)report->attachments_fetched);
    st_json_key_int(&json, "wanted", (int64_t)report->attachments_wanted);
    st_json_key_bool(&json, "full", report->attachments_full);
    st_json_close(&json, '}');
    witness_json(&sync->client->me, sync->client->offset_minutes, &json);
    log_key_json(&sync->client->me, sync->client->offset_minutes, &json);
    st_json_key_int(&json, "clock_offset_ms", report->clock_offset_ms);
    st_json_key_text(&json, "epoch", epoch);
    st_json_key_bool(&json, "complete", report->complete);
    st_json_key(&json, "stopped");
    if (report->is_spent)
        st_json_text(&json, "budget");
    else
        st_json_null(&json);
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

st_err report_standing(const sotay_client *client, st_buffer *out, st_error *error)
{
    static const char *const SENTENCES[][2] = {
        { NULL, NULL },
        { "Máy này đang bị tạm ngừng: việc gửi lên được giữ lại, máy không nhận gì về. Hãy hỏi"
          " văn phòng.",
          "This device is suspended: what it sends is held, and it gets nothing. Please ask the"
          " office." },
        { "Máy này đã bị thu hồi: việc gửi lên được giữ lại cho văn phòng xem, máy không nhận gì"
          " về. Hãy gặp văn phòng để đăng ký lại máy.",
          "This device was revoked: what it sends is held for the office, and it gets nothing."
          " Please see the office to enrol it again." },
        { "Người dùng của máy này không còn quyền trong sổ (tài khoản đã ngừng, hoặc thôi vai trò):"
          " máy không nhận gì về. Việc đã ghi không mất. Hãy hỏi văn phòng.",
          "The person of this device has no part in the book any more (the account was disabled, or"
          " the role ended): it gets nothing. What was recorded is not lost. Please ask the"
          " office." },
    };
    const identity *me = &client->me;
    bool is_out = me->standing == ST_STANDING_IN_USE && me->is_enrolled && me->roles_count == 0;
    size_t which = is_out ? ST_STANDING_REVOKED + 1 : (size_t)me->standing;
    const char *sentence = SENTENCES[which][strcmp(client->lang, "en") == 0];
    return sentence == NULL ? ST_OK : st_buffer_printf(out, error, "! %s\n", sentence);
}

static st_err write_alarm(const sotay_client *client, const char *const says[2], int64_t at_ms,
                          st_buffer *out, st_error *error)
{
    char at[40];
    st_time_short(at_ms, client->offset_minutes, at);
    return st_buffer_printf(out, error, "! %s: %s\n", at,
                            says[strcmp(client->lang, "en") == 0]);
}

st_err report_alarms(const sotay_client *client, st_buffer *out, st_error *error)
{
    static const char *const TWO_LOGS[] = {
        "máy chủ đưa ra một sổ không nối tiếp sổ mà máy này đã thấy: sổ có thể đã bị sửa hoặc cắt"
        " bớt. Hãy đưa máy cho lãnh đạo phòng thường trực hoặc người giám sát xem, đừng xóa máy."
        " Vẫn ghi và gửi nhận như thường.",
        "the server showed a log that does not continue the one this device had seen: it may have"
        " been changed or cut. Show this device to the office head or an auditor, and do not wipe"
        " it. Recording and syncing go on."
    };
    static const char *const OTHER_KEY[] = {
        "máy chủ đưa ra một khóa của sổ không tiếp theo khóa mà máy này đã biết: có thể có người"
        " lập sổ riêng. Hãy đưa máy cho lãnh đạo phòng thường trực hoặc người giám sát xem, đừng"
        " xóa máy. Vẫn ghi và gửi như thường.",
        "the server named a key of the log that does not follow from the one this device has:"
        " somebody may sign a log of their own. Show this device to the office head or an auditor,"
        " and do not wipe it. Recording and sending go on."
    };
    static const char *const TURNED[] = {
        "sổ ở văn phòng đã sang đời mới, thường là do phục hồi từ bản sao lưu. Không phải làm gì:"
        " máy này tự gửi lại những gì sổ còn thiếu. Dòng này hết sau lần gửi nhận trọn vẹn tới.",
        "the office's book began a new epoch, mostly because it was put back from a backup. Nothing"
        " is to be done: this device sends again by itself what the book lacks. This line goes away"
        " with the next whole sync."
    };
    static const char *const REPAIRED[] = {
        "phần lấy từ sổ chung trên máy này khác với sổ ở văn phòng; máy đã tự lấy lại, và văn phòng"
        " thấy việc này. Việc mình ghi không bị động đến. Nếu lần gửi nhận nào cũng báo như vậy,"
        " hãy gọi văn phòng. Dòng này hết sau lần gửi nhận trọn vẹn tới.",
        "what this device had of the book was not what the office has; it was fetched anew, and the"
        " office sees that. Own work is not touched. When every sync says so, call the office. This"
        " line goes away with the next whole sync."
    };
    const identity *me = &client->me;
    st_err err = ST_OK;
    if (me->has_alarm)
        err = write_alarm(client, TWO_LOGS, me->alarm_ms, out, error);
    if (err == ST_OK && me->has_key_alarm)
        err = write_alarm(client, OTHER_KEY, me->key_alarm_ms, out, error);
    if (err == ST_OK && me->turned_ms != 0)
        err = write_alarm(client, TURNED, me->turned_ms, out, error);
    if (err == ST_OK && me->repaired_ms != 0)
        err = write_alarm(client, REPAIRED, me->repaired_ms, out, error);
    return err;
}

st_err report_full(const sotay_client *client, uint64_t waiting, st_buffer *out, st_error *error)
{
    bool english = strcmp(client->lang, "en") == 0;
    if (!client->me.files_full || waiting == 0)
        return ST_OK;
    return st_buffer_printf(
        out, error, "! %s\n",
        english ? "The office takes no more bytes of files from this device: the rest stays here."
                  " Please ask the office to raise the limit, then sync again. Records are sent"
                  " all the same."
                : "Văn phòng đã nhận đủ dung lượng tệp của máy này: các tệp còn lại vẫn giữ trên"
                  " máy. Hãy đề nghị văn phòng tăng hạn mức rồi gửi nhận lại. Phiếu vẫn gửi bình"
                  " thường.");
}

static st_err write_text(const sotay_sync *sync, st_buffer *out, st_error *error)
{
    sotay_report all;
    const sotay_report *report = &all;
    bool english = strcmp(sync->client->lang, "en") == 0;
    sotay_sync_report(sync, &all);
    st_err err = st_buffer_printf(
        out, error,
        english ? "sent %llu change%s, received %llu (%llu bytes up, %llu down)\n"
                : "đã gửi %llu thay đổi%s, nhận %llu (%llu byte lên, %llu byte xuống)\n",
        (unsigned long long)report->sent_changes, english && report->sent_changes != 1 ? "s" : "",
        (unsigned long long)report->received_changes,
        (unsigned long long)report->bytes_up, (unsigned long long)report->bytes_down);
    if (err == ST_OK && report->attachments_sent + report->attachments_waiting > 0)
        err = st_buffer_printf(out, error,
                               english ? "files: %llu sent, %llu still here\n"
                                       : "tệp đính kèm: đã gửi %llu, còn chờ %llu\n",
                               (unsigned long long)report->attachments_sent,
                               (unsigned long long)report->attachments_waiting);
    if (err == ST_OK && report->attachments_fetched + report->attachments_wanted > 0)
        err = st_buffer_printf(out, error,
                               english ? "originals: %llu fetched, %llu still wanted\n"
                                       : "bản gốc: đã tải về %llu, còn chờ tải %llu\n",
                               (unsigned long long)report->attachments_fetched,
                               (unsigned long long)report->attachments_wanted);
    if (err == ST_OK && report->is_spent)
        err = st_buffer_printf(out, error, "%s\n",
                               english ? "the budget is used up; the next sync goes on"
                                       : "đã dùng hết hạn mức; phần còn lại gửi nhận lần sau");
    if (err == ST_OK && report->later > 0)
        err = st_buffer_printf(out, error,
                               english ? "not taken by the office yet: %llu; they stay here and go"
                                         " again later. If this comes again and again, call the"
                                         " office\n"
                                       : "văn phòng chưa nhận: %llu; vẫn giữ trên máy và gửi lại"
                                         " sau. Nếu lần nào cũng báo như vậy, hãy gọi văn phòng\n",
                               (unsigned long long)report->later);
    if (err == ST_OK && report->needs_person)
        err = st_buffer_printf(out, error, "%s\n",
                               english ? "something needs a person: see status"
                                       : "có việc cần người xem: xem tình trạng (status)");
    if (err == ST_OK)
        err = report_full(sync->client, report->attachments_waiting, out, error);
    if (err == ST_OK)
        err = report_standing(sync->client, out, error);
    if (err == ST_OK)
        err = heir_report(sync->client, out, error);
    if (err == ST_OK && sync->is_heir)
        err = st_buffer_printf(out, error, "%s\n",
                               english ? "the office confirmed the new key: sync again to send"
                                         " what waits"
                                       : "văn phòng đã xác nhận khóa mới: gửi nhận lần nữa để gửi"
                                         " việc đang chờ");
    const char *warning = sync->client->me.has_offset
                              ? st_clock_warning(report->clock_offset_ms, sync->client->lang)
                              : NULL;
    if (err == ST_OK && warning != NULL)
        err = st_buffer_printf(out, error, "! %s\n", warning);
    return err;
}

int sotay_sync_report_text(const sotay_sync *sync, sotay_format format, char **out_text,
                           sotay_error *error)
{
    st_buffer out;
    st_error inner = { ST_OK, "" };
    st_buffer_init(&out, CLIENT_TEXT_BYTES_MAX);
    st_err err =
        format == SOTAY_JSON ? write_json(sync, &out, &inner) : write_text(sync, &out, &inner);
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    st_buffer_free(&out);
    return port_give(err, &inner, error);
}

static st_err write_copy_json(const st_id *record, const draft_copy *copy, st_buffer *out,
                              st_error *error)
{
    char id[33];
    st_json json;
    st_id_format(record, id);
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    st_json_key_text(&json, "id", id);
    st_json_key(&json, "fields");
    st_json_open(&json, '{');
    for (size_t i = 0; i < copy->count; i++)
        st_json_key_text(&json, copy->pairs[i].path, copy->pairs[i].text);
    st_json_close(&json, '}');
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

static st_err write_copy_text(const draft_copy *copy, st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < copy->count; i++)
        err = st_buffer_printf(out, error, "%s=%s\n", copy->pairs[i].path, copy->pairs[i].text);
    return err;
}

static st_err read_copy(sotay_client *client, const sotay_id *record, sotay_format format,
                        st_buffer *out, st_error *error)
{
    st_arena arena;
    draft_copy copy = { NULL, 0, NULL, 0 };
    st_id id;
    bool there = false;
    st_err err = overlay_find(client, record, &id, error);
    book_key row = book_key_id(BOOK_ROW, &id), own = book_key_id(BOOK_DRAFT, &id);
    if (err == ST_OK)
        err = book_has(&client->book, &row, &there, error);
    if (err == ST_OK && !there)
        err = book_has(&client->book, &own, &there, error);
    if (err == ST_OK && !there)
        err = st_fail(error, ST_E_NOT_FOUND, "record: not on this device");
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    if (err == ST_OK)
        err = draft_get(&client->book, &id, &arena, &copy, error);
    if (err == ST_OK)
        err = format == SOTAY_JSON ? write_copy_json(&id, &copy, out, error)
                                   : write_copy_text(&copy, out, error);
    st_arena_reset(&arena);
    return err;
}

int sotay_draft_get(sotay_client *client, const sotay_id *record, sotay_format format,
                    char **out_text, sotay_error *error)
{
    st_buffer out;
    st_error inner = { ST_OK, "" };
    st_buffer_init(&out, CLIENT_TEXT_BYTES_MAX);
    st_err err = client_begin(client, false, &inner);
    if (err == ST_OK)
        err = read_copy(client, record, format, &out, &inner);
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    client_abort(client);
    st_buffer_free(&out);
    return port_give(err, &inner, error);
}
