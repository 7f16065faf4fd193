/* server/operator/care.c - is the book what its log says, make it so again, and how large is it. */
#include <string.h>

#include "server/operator/work.h"
#include "server/store/chunks.h"
#include "server/sync/files.h"
#include "server/sync/own_clock.h"

#define LINES_MAX 1000u            /* of what is wrong; the rest is counted only */

typedef struct {
    operator_work *work;
    st_json json;
    size_t lines;
} verify_list;

static bool say_wrong(void *context, const char *line)
{
    verify_list *list = context;
    if (++list->lines > LINES_MAX)
        return true;
    if (list->work->options.json)
        st_json_text(&list->json, line);
    else
        operator_say(list->work, "%s\n", line);
    return true;
}

int operator_verify(operator_work *work)
{
    verify_list list = { .work = work };
    verify_report report = { 0 };
    bool json = work->options.json;
    st_json_begin(&list.json, work->call->out, &work->error);
    if (json) {
        st_json_open(&list.json, '{');
        st_json_key(&list.json, "wrong");
        st_json_open(&list.json, '[');
    }
    if (sync_verify(work->room, say_wrong, &list, &report, &work->error) != ST_OK)
        return operator_fail(work);
    if (json) {
        st_json_close(&list.json, ']');
        st_json_key_int(&list.json, "entries", (int64_t)report.entries);
        st_json_key_int(&list.json, "records", (int64_t)report.records);
        st_json_key_int(&list.json, "wrong_count", (int64_t)report.wrong);
        st_json_key_int(&list.json, "attachments", (int64_t)report.attachments);
        st_json_key_int(&list.json, "attachments_missing", (int64_t)report.incomplete);
        st_json_close(&list.json, '}');
        if (st_json_end(&list.json) != ST_OK)
            return operator_fail(work);
        operator_say(work, "\n");
    } else {
        operator_say(work, work->vi ? "%s: %llu mục nhật ký, %llu phiếu, %llu chỗ sai\n"
                                    : "%s: %llu log entries, %llu records, %llu wrong\n",
                     report.wrong == 0 ? "OK" : work->vi ? "SAI" : "WRONG",
                     (unsigned long long)report.entries, (unsigned long long)report.records,
                     (unsigned long long)report.wrong);
        operator_say(work, work->vi ? "%llu tệp đính kèm, %llu tệp chưa về đủ\n"
                                    : "%llu attachments, %llu not all here yet\n",
                     (unsigned long long)report.attachments,
                     (unsigned long long)report.incomplete);
    }
    return report.wrong == 0 ? 0 : 3;
}

int operator_rebuild(operator_work *work)
{
    uint64_t entries = 0;
    if (work->call->public_url != NULL)
        return operator_refuse(work, work->vi ? "hãy dừng máy chủ trước"
                                              : "stop the server first");
    if (sync_rebuild(work->room, &entries, &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã dựng lại sổ từ %llu mục nhật ký\n"
                                : "Built the store again from %llu log entries\n",
                 (unsigned long long)entries);
    return 0;
}

int operator_stat(operator_work *work)
{
    sync_stat stat = { 0 };
    uint64_t attachment_bytes = 0;
    files_count files = { 0 };
    char epoch[17];
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = sync_stat_get(&work->txn, &stat, &work->error);
    if (err == ST_OK)
        err = files_count_all(work->room, &work->txn, &files, &work->error);
    sync_note_unread(&work->unread, files.damaged.code, &files.damaged);
    operator_read_end(work);
    if (err == ST_OK)
        err = chunks_total(work->room->dir, &attachment_bytes, &work->error);
    if (err != ST_OK)
        return operator_fail(work);
    st_hex(work->room->epoch, sizeof work->room->epoch, epoch);
    const struct { const char *key, *vi, *en; uint64_t value; } ROWS[] = {
        { "records", "phiếu", "records", stat.records },
        { "log_entries", "mục nhật ký", "log entries", stat.log_entries },
        { "devices", "máy", "devices", stat.devices },
        { "open_conflicts", "ý kiến khác nhau", "open conflicts", stat.open_conflicts },
        { "held", "chờ xem", "held", stat.held },
        { "gaps", "chỗ thiếu thay đổi", "gaps of missing changes", stat.gaps },
        { "incidents", "lần lệch sổ", "incidents", stat.incidents },
        { "store_bytes", "byte trên đĩa", "bytes of store", stat.store_bytes },
        { "backed_up_to", "mục nhật ký đã sao lưu chắc", "log entries safely backed up",
          stat.backed_up_to },
        { "attachment_bytes", "byte tệp đính kèm", "bytes of attachments", attachment_bytes },
        { "attachments", "tệp đính kèm", "attachments", files.files },
        { "attachments_missing", "tệp chưa về đủ", "attachments not all here yet",
          files.missing },
        { "attachments_lost", "tệp ghi nhận đã mất", "attachments declared lost", files.lost },
    };
    st_json json;
    st_json_begin(&json, work->call->out, &work->error);
    if (work->options.json)
        st_json_open(&json, '{');
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (work->options.json)
            st_json_key_int(&json, ROWS[i].key, (int64_t)ROWS[i].value);
        else
            operator_say(work, "%14llu  %s\n", (unsigned long long)ROWS[i].value,
                         work->vi ? ROWS[i].vi : ROWS[i].en);
    }
    if (work->options.json) {
        st_json_key_text(&json, "epoch", epoch);
        st_json_key_bool(&json, "practice", work->rooms->is_practice);
        st_json_key_bool(&json, "clock_waits", own_clock_waits(work->room->clock));
        st_json_close(&json, '}');
        if (st_json_end(&json) != ST_OK)
            return operator_fail(work);
        operator_say(work, "\n");
    } else {
        operator_say(work, work->vi ? "đời sổ %s%s\n" : "epoch %s%s\n", epoch,
                     work->rooms->is_practice ? (work->vi ? ", sổ tập" : ", practice") : "");
        if (own_clock_waits(work->room->clock))
            operator_say_in(work,
                            "Máy chủ đang chờ vì đồng hồ, chưa nhận gì: xem `sotayctl clock`\n",
                            "The server waits for its clock and takes nothing in: see `sotayctl "
                            "clock`\n");
    }
    return 0;
}

int operator_progress(operator_work *work)
{
    progress_now now = progress_get(work->room->progress);
    unsigned long long done = now.done, total = now.total;
    if (work->options.json)
        operator_say(work, "{\"stage\":\"%s\",\"done\":%llu,\"total\":%llu}\n",
                     progress_word(now.stage), done, total);
    else if (now.stage == PROGRESS_NONE)
        operator_say(work, "%s\n", progress_label(now.stage, work->vi));
    else
        operator_say(work, total > 0 ? "%s: %llu/%llu\n" : "%s: %llu\n",
                     progress_label(now.stage, work->vi), done, total);
    return 0;
}
