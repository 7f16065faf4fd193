/* server/sync/lifted.c - a lift that comes back to a restored book.
 * Promises: what the office declined of a device does not go into the book because only the lift,
 * and not the decision, was kept by phones: the device is suspended anew, and the office lifts it
 * when it has looked. Must never touch what was lifted in this epoch. */
#include "server/sync/lifted.h"

#include <string.h>

#include "server/sync/author.h"
#include "server/sync/read.h"

#define STATUS_ACTIVE    1
#define STATUS_SUSPENDED 2

static const char WHY[] = "Sổ được khôi phục từ bản sao lưu: xem lại các thay đổi đang chờ của máy"
                          " này, rồi mở lại máy.";

bool sync_came_back(const writer_turn *turn, const sync_item *item)
{
    return item->is_servers && st_id_cmp(&item->set.device, &turn->room->keys->device) != 0;
}

static bool lifts(const st_form *form, const st_change *change)
{
    const st_field *status = st_form_field(form, "status");
    for (uint32_t i = 0; status != NULL && !change->creates && i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == status->no
            && change->ops[i].value.number == STATUS_ACTIVE)
            return true;
    return false;
}

/* Did the office say in this epoch that the device is active? */
static bool is_ours(const writer_turn *turn, const st_form *form, const st_record *record)
{
    const st_field *status = st_form_field(form, "status");
    for (size_t i = 0; status != NULL && i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        const st_id *by = &record->metas[live->meta].dot.device;
        if (live->op.path.kind == ST_PATH_FIELD && live->op.path.field == status->no
            && live->op.value.number == STATUS_ACTIVE
            && st_id_cmp(by, &turn->room->keys->device) == 0)
            return true;
    }
    return false;
}

st_err sync_suspend_again(writer_turn *turn, const st_id *record, const char *why,
                          st_error *error)
{
    const st_form *form = catalogue_newest(turn->room->catalogue, CATALOGUE_DEVICE);
    st_op ops[SYNC_EDIT_FIELDS_MAX];
    sync_edit edit = { .form = form, .ops = ops };
    st_value status = { .kind = ST_VALUE_INT, .number = STATUS_SUSPENDED };
    st_value reason = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)why,
                        .len = (uint32_t)strlen(why) };
    if (form == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "there is no form \"device\"");
    sync_edit_put(&edit, "status", status);
    sync_edit_put(&edit, "status_reason", reason);
    edit.form = NULL;
    edit.record = *record;
    return sync_author_one(turn, form, &edit, NULL, error);
}

/* Nothing to do for what is no device, or is not active after all. */
static st_err look_at(writer_turn *turn, const st_change *change, st_error *error)
{
    st_record record;
    st_arena arena;
    const st_form *form = catalogue_newest(turn->room->catalogue, CATALOGUE_DEVICE);
    if (form == NULL || !lifts(form, change))
        return ST_OK;
    st_arena_init(&arena, 16u * 1024u * 1024u);
    st_err err = sync_record_get(turn->txn, &change->record, &arena, &record, NULL, error);
    bool is_lifted = err == ST_OK && strcmp(record.form.s, CATALOGUE_DEVICE) == 0
                     && catalogue_value(form, &record, "status").number == STATUS_ACTIVE
                     && !is_ours(turn, form, &record);
    st_arena_reset(&arena);
    if (err == ST_E_NOT_FOUND || (err == ST_OK && !is_lifted))
        return ST_OK;
    return err == ST_OK ? sync_suspend_again(turn, &change->record, WHY, error) : err;
}

st_err sync_lift_again(writer_turn *turn, const sync_item *item, st_error *error)
{
    st_err err = ST_OK;
    if (item->verdict.kind != ST_VERDICT_STORED || !sync_came_back(turn, item))
        return ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < item->set.changes_count; i++)
        err = look_at(turn, &item->set.changes[i], error);
    return err;
}
