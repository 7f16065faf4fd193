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
    uint64_t wrong = 0;
    if (backup_check(work->rooms, dir, say_wrong, work, &wrong, &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "%s: %s\n" : "%s: %s\n", dir,
                 wrong > 0 ? (work->vi ? "SAI" : "WRONG")
                           : (work->vi ? "tốt, đã đọc lại và dựng thử"
                                       : "good: read again and restored for a trial"));
    return wrong == 0 ? 0 : 3;
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
    return 0;
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

st_err operator_two_people(operator_work *work, st_id *out_first, st_error *error)
{
    static const uint32_t MAY = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD |
                                1u << ST_ROLE_ADMIN;
    auth_person first = { .is_active = false }, second = { .is_active = false };
    st_err err = operator_actor(work, &work->txn, &first, error);
    const char *as = work->options.as;
    work->options.as = work->options.second;
    if (err == ST_OK)
        err = operator_actor(work, &work->txn, &second, error);
    work->options.as = as;
    if (err == ST_OK && st_id_cmp(&first.id, &second.id) == 0)
        err = st_fail(error, ST_E_DENIED, "two different people are needed");
    if (err == ST_OK && (operator_role_of(&first, MAY) == ST_ROLE_NONE ||
                         operator_role_of(&second, MAY) == ST_ROLE_NONE))
        err = st_fail(error, ST_E_DENIED, "both must be of the office");
    *out_first = first.id;
    return err;
}

int operator_epoch_new(operator_work *work)
{
    sync_epoch_wish wish = { .reason = NULL };
    char epoch[17];
    st_err err = operator_reason(work, &wish.reason, &work->error);
    if (err == ST_OK)
        err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_two_people(work, &wish.actor, &work->error);
    operator_read_end(work);
    if (err == ST_OK)
        err = sync_epoch_begin(work->rooms->writer, work->room, &wish, &work->error);
    if (err != ST_OK)
        return operator_fail(work);
    st_hex(work->room->epoch, sizeof work->room->epoch, epoch);
    operator_say(work, work->vi ? "Đời sổ mới %s\n" : "New epoch %s\n", epoch);
    return 0;
}
