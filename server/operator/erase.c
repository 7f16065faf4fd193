/* server/operator/erase.c - `erase`: two people destroy single values for a reason in law. Promises
 * that both are named in the book, and says what is to be done about copies that lie elsewhere.
 * Must never erase for one person alone: without the second one it is a request. */
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
    if (!operator_asks(work))
        return sync_erase(turn, &call->wish, &call->report, error);
    err = sync_erase_check(turn, &call->wish, &call->report, error);
    return err == ST_OK ? operator_second_ask(work, turn, &pair, &call->ask, error) : err;
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
    operator_say_in(work,
                    "Việc còn lại: chạy `compact` khi máy chủ dừng; sao lưu lại vào từng thư mục "
                    "sao lưu; hủy các bản sao khác. Các máy xóa ở lần đồng bộ tới.\n",
                    "Left to do: run `compact` while the server is stopped; make a backup into "
                    "each backup folder again; destroy other copies. Devices erase at their next "
                    "sync.\n");
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
        return operator_second_said(work, &call.ask);
    sync_snapshot_drop(work->room, &call.report.bucket);
    say_done(work, &call.report);
    return 0;
}
