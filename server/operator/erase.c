/* server/operator/erase.c - `erase`: two people destroy single values for a reason in law. Promises
 * that both are named in the book, and says what is to be done about copies that lie elsewhere.
 * Must never erase for one person alone. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/erase.h"
#include "server/sync/snapshot.h"

typedef struct {
    sync_erase_wish wish;
    sync_erase_report report;      /* result */
} erase_call;

/* Who they are now, in the transaction that erases. */
static st_err find_people(operator_work *work, writer_turn *turn, sync_erase_wish *wish,
                          st_error *error)
{
    static const uint32_t MAY = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD |
                                1u << ST_ROLE_ADMIN;
    auth_person first, second;
    const char *as = work->options.as;
    st_err err = operator_actor(work, turn->txn, &first, error);
    work->options.as = work->options.second;
    if (err == ST_OK)
        err = operator_actor(work, turn->txn, &second, error);
    work->options.as = as;
    if (err != ST_OK)
        return err;
    wish->actor = first.id;
    wish->second = second.id;
    wish->role = operator_role_of(&first, MAY);
    return ST_OK;
}

static st_err run(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    erase_call *call = argument;
    st_err err = find_people(work, turn, &call->wish, error);
    return err == ST_OK ? sync_erase(turn, &call->wish, &call->report, error) : err;
}

static st_err check_people(operator_work *work)
{
    st_id first;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_two_people(work, &first, &work->error);
    operator_read_end(work);
    return err;
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
    st_err err = operator_record_id(work->operands[0], &call.wish.record, &work->error);
    call.wish.paths = work->operands + 1;
    call.wish.paths_count = work->operands_count - 1;
    work->options.reason = work->options.basis;
    if (err == ST_OK)
        err = operator_reason(work, &call.wish.basis, &work->error);
    if (err == ST_OK)
        err = check_people(work);
    if (err == ST_OK)
        err = operator_write(work, run, &call);
    if (err != ST_OK)
        return operator_fail(work);
    sync_snapshot_drop(work->room, &call.report.bucket);
    say_done(work, &call.report);
    return 0;
}
