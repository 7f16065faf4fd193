/* server/operator/backup.c - backup, backup --check, compact, address, epoch new. Promises that the
 * server works on while a backup is made; must never write into a folder that is none of ours. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/backup/backup.h"
#include "server/operator/work.h"
#include "server/sync/address.h"
#include "server/sync/epoch.h"

static bool say_wrong(void *context, const char *line)
{
    operator_say(context, "%s\n", line);
    return true;
}

static int check(operator_work *work, const char *dir)
{
    backup_verdict verdict = { 0 };
    if (backup_check(work->rooms, dir, say_wrong, work, &verdict, &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work, "%s: %s\n", dir,
                 verdict.wrong > 0 ? (work->vi ? "SAI" : "WRONG")
                                   : (work->vi ? "tốt, đã đọc lại và dựng thử"
                                               : "good: read again and restored for a trial"));
    if (verdict.is_other_book)
        operator_say(work, work->vi ? "Đó là bản sao lưu của một sổ khác: sổ này không có gì được "
                                      "sao lưu ở đó\n"
                                    : "It is a backup of another book: nothing of this one is "
                                      "covered by it\n");
    if (verdict.is_other_past)
        operator_say(work, work->vi ? "Bản này có những mục nhật ký mà sổ hiện nay không có: nó "
                                      "không được tính là bản sao lưu của sổ này; hãy giữ lại\n"
                                    : "It holds log entries that this book does not have: nothing "
                                      "of this book is covered by it; keep it\n");
    return verdict.wrong == 0 && !verdict.is_other_past ? 0 : 3;
}

int operator_backup(operator_work *work)
{
    backup_report report;
    const char *dir = work->operands[0];
    memset(&report, 0, sizeof report);
    if (work->options.check)
        return check(work, dir);
    if (backup_make(work->rooms, dir, &report, &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work,
                 work->vi ? "%s: đủ %" PRIu64 " mục nhật ký, %" PRIu64 " mục mới, %" PRIu64
                            " byte\n"
                          : "%s: %" PRIu64 " log entries, %" PRIu64 " new, %" PRIu64 " bytes\n",
                 dir, report.manifest.entries, report.entries_new, report.bytes_new);
    if (report.pieces_bad == 0)
        return 0;
    operator_say(work,
                 work->vi ? "Mảnh của tệp đính kèm hỏng hoặc mất trong sổ, mà bản sao lưu này cũng "
                            "không có: %" PRIu64 ". Xem verify và attachment list. Bản này không "
                            "được tính, để các máy còn giữ tệp chưa xóa đi\n"
                          : "Pieces of files that are damaged or lost in the book, and not in this "
                            "backup either: %" PRIu64 ". See verify and attachment list. It is not "
                            "counted, so that phones that have the files go on keeping them\n",
                 report.pieces_bad);
    return 3;
}

int operator_compact(operator_work *work)
{
    uint64_t before = 0, after = 0;
    if (work->call->public_url != NULL)
        return operator_refuse(work, work->vi ? "hãy dừng máy chủ trước"
                                              : "stop the server first");
    progress_begin(work->room->progress, PROGRESS_COMPACT, 0);
    st_err err = store_compact(work->room->store, &before, &after, &work->error);
    progress_end(work->room->progress);
    if (err != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "%" PRIu64 " byte, trước đó %" PRIu64 "\n"
                                : "%" PRIu64 " bytes, before %" PRIu64 "\n", after, before);
    return 0;
}

int operator_address(operator_work *work)
{
    if (sync_address_set(work->rooms->writer, work->operands[0], &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Các máy sẽ tìm về %s sau lần đồng bộ tới\n"
                                : "Devices go to %s after their next sync\n", work->operands[0]);
    return 0;
}

typedef struct {
    sync_epoch_wish wish;
    operator_ask ask;
    uint8_t epoch[8];              /* result */
} epoch_call;

/* The request ends in the turn that begins the epoch: neither is without the other. */
static st_err run_epoch(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    epoch_call *call = argument;
    operator_pair pair;
    st_err err = operator_two_people(work, turn, &pair, error);
    if (err != ST_OK)
        return err;
    call->wish.actor = pair.first.id;
    return operator_asks(work) ? operator_second_ask(work, turn, &pair, &call->ask, error)
                               : sync_epoch_write(turn, &call->wish, call->epoch, error);
}

int operator_epoch_new(operator_work *work)
{
    epoch_call call = { .ask = { .what = "epoch" } };
    char epoch[17];
    st_err err = operator_reason(work, &call.wish.reason, &work->error);
    call.ask.reason = call.wish.reason;
    if (err == ST_OK)
        err = operator_write(work, run_epoch, &call);
    if (err != ST_OK)
        return operator_fail(work);
    if (operator_asks(work))
        return operator_second_said(work, &call.ask);
    memcpy(work->room->epoch, call.epoch, sizeof work->room->epoch);
    st_hex(call.epoch, sizeof call.epoch, epoch);
    operator_say(work, work->vi ? "Đời sổ mới %s\n" : "New epoch %s\n", epoch);
    return 0;
}
