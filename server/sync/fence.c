/* server/sync/fence.c - sets and reads fences.
 * Promises: index and root are those of the very transaction that stores the fence; a meeting has
 * at most one on each side. Must never move one that is there, nor say of one from before a restore
 * what came after it. */
#include "server/sync/fence.h"

#include <stdlib.h>
#include <string.h>

#include "server/audit/root.h"
#include "server/audit/tree.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"

#define SIDE_OPEN 1
#define SIDE_CLOSE 2

/* ---- reading ---- */

static bool read_fence(const st_form *form, const st_record *record, sync_fence *out)
{
    const st_meta *made = &record->metas[record->creator];
    st_value meeting = catalogue_value(form, record, "meeting_id");
    st_value root = catalogue_value(form, record, "root");
    st_value side = catalogue_value(form, record, "side");
    st_value index = catalogue_value(form, record, "log_index");
    memset(out, 0, sizeof *out);
    if (meeting.len != sizeof out->meeting.b || root.len != sizeof out->root.b
        || side.kind != ST_VALUE_INT || index.kind != ST_VALUE_INT)
        return false;
    out->id = record->id;
    memcpy(out->meeting.b, meeting.data, meeting.len);
    memcpy(out->root.b, root.data, root.len);
    out->is_close = side.number == SIDE_CLOSE;
    out->index = (uint64_t)index.number;
    out->at_ms = catalogue_value(form, record, "at").number;
    out->actor = made->actor;
    out->entry = made->log_index;
    return true;
}

/* Has the log at that size the root that the meeting was told? Else it was put back since. */
static st_err find_log(store_txn *txn, sync_fence *fence, st_error *error)
{
    st_tree_head head;
    fence->is_of_before = true;
    if (fence->index >= fence->entry)
        return ST_OK;
    st_err err = audit_tree_head(txn, fence->index, &head, error);
    fence->is_unread = err == ST_E_CORRUPT;
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        return ST_OK;
    fence->is_of_before = memcmp(head.root.b, fence->root.b, sizeof head.root.b) != 0;
    return err;
}

/* What is not explained by a restore counts from the first entry on. */
static st_err find_cut(store_txn *txn, sync_fences *fences, st_error *error)
{
    bool has_lost = false;
    for (size_t i = 0; i < fences->count; i++)
        has_lost = has_lost || fences->list[i].is_of_before;
    fences->cut = UINT64_MAX;
    if (!has_lost)
        return ST_OK;
    st_err err = sync_epochs_first_cut(txn, &fences->cut, error);
    if (fences->cut == UINT64_MAX)
        fences->cut = 0;
    return err;
}

static int by_entry(const void *a, const void *b)
{
    const sync_fence *one = a, *two = b;
    return one->entry < two->entry ? -1 : one->entry > two->entry ? 1 : 0;
}

st_err sync_fences_read(sync_room *room, store_txn *txn, st_arena *arena,
                        sync_fences *out_fences, st_error *error)
{
    sync_ids ids = { NULL, 0, 0 };
    sync_filter filter = { .form = SYNC_FENCE_FORM };
    size_t count = 0;
    st_err err = sync_row_ids(txn, &filter, arena, &ids, error);
    sync_fence *list = st_arena_array(arena, ids.count, sizeof *list);
    if (err == ST_OK && list == NULL && ids.count > 0)
        err = st_fail(error, ST_E_MEMORY, "fences: out of memory");
    for (size_t i = 0; err == ST_OK && i < ids.count; i++) {
        st_record record;
        err = sync_record_get(txn, &ids.list[i], arena, &record, NULL, error);
        const st_form *form = err == ST_OK ? sync_record_form(room, &record) : NULL;
        if (form == NULL || !read_fence(form, &record, &list[count]))
            continue;
        err = find_log(txn, &list[count++], error);
    }
    if (err != ST_OK)
        return err;
    if (count > 1)
        qsort(list, count, sizeof *list, by_entry);
    out_fences->list = list;
    out_fences->count = count;
    return find_cut(txn, out_fences, error);
}

const sync_fence *sync_fence_before(const sync_fences *fences, uint64_t index, bool *out_unknown)
{
    const sync_fence *here = NULL, *lost = NULL;
    for (size_t i = 0; i < fences->count; i++) {
        const sync_fence *one = &fences->list[i];
        if (one->is_of_before)
            lost = one;
        else if (one->entry < index)
            here = one;
    }
    /* A meeting that met in this log behind the cut came after all that was lost. */
    bool is_later = here != NULL && here->entry > fences->cut;
    *out_unknown = lost != NULL && index > fences->cut && !is_later;
    return *out_unknown ? lost : here;
}

const sync_fence *sync_fence_of(const sync_fences *fences, const st_id *meeting, bool is_close)
{
    for (size_t i = 0; i < fences->count; i++)
        if (fences->list[i].is_close == is_close
            && st_id_cmp(&fences->list[i].meeting, meeting) == 0)
            return &fences->list[i];
    return NULL;
}

/* ---- setting ---- */

static st_err check_meeting(writer_turn *turn, const sync_fence_wish *wish, st_error *error)
{
    st_record record;
    sync_fences fences = { NULL, 0, 0 };
    st_err err = sync_record_get(turn->txn, &wish->meeting, turn->arena, &record, NULL, error);
    if (err == ST_E_NOT_FOUND
        || (err == ST_OK && strcmp(record.form.s, SYNC_MEETING_FORM) != 0))
        return st_fail(error, ST_E_NOT_FOUND, "this is no council meeting");
    if (err == ST_OK)
        err = sync_fences_read(turn->room, turn->txn, turn->arena, &fences, error);
    if (err != ST_OK)
        return err;
    if (sync_fence_of(&fences, &wish->meeting, true) != NULL)
        return st_fail(error, ST_E_STATE, "the meeting is closed already");
    bool is_open = sync_fence_of(&fences, &wish->meeting, false) != NULL;
    if (is_open && !wish->is_close)
        return st_fail(error, ST_E_STATE, "the meeting is open already");
    return is_open || !wish->is_close
               ? ST_OK
               : st_fail(error, ST_E_STATE, "the meeting was not opened");
}

static st_value number(int64_t n)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = n };
}

static st_err author(writer_turn *turn, const sync_fence_wish *wish, const st_form *form,
                     sync_fence *fence, st_error *error)
{
    st_op ops[SYNC_EDIT_FIELDS_MAX];
    sync_edit edit = { .form = form, .ops = ops };
    sync_draft draft = { .actor = wish->actor, .role = wish->role, .edits = &edit,
                         .edits_count = 1 };
    sync_authored authored = { .records = &fence->id };
    sync_edit_put(&edit, "meeting_id",
                  (st_value){ .kind = ST_VALUE_ID, .data = fence->meeting.b,
                              .len = sizeof fence->meeting.b });
    sync_edit_put(&edit, "side", number(wish->is_close ? SIDE_CLOSE : SIDE_OPEN));
    sync_edit_put(&edit, "log_index", number((int64_t)fence->index));
    sync_edit_put(&edit, "root",
                  (st_value){ .kind = ST_VALUE_HASH, .data = fence->root.b,
                              .len = sizeof fence->root.b });
    sync_edit_put(&edit, "at", number(fence->at_ms));
    if (!sync_bucket(turn->room, form->home, NULL, &draft.bucket))
        return st_fail(error, ST_E_SERVER, "the council has no bucket");
    st_err err = sync_author_turn(turn, &draft, &authored, error);
    fence->entry = authored.index;
    return err;
}

st_err sync_fence_set(writer_turn *turn, const sync_fence_wish *wish, sync_fence *out_fence,
                      st_error *error)
{
    sync_fence fence = { .meeting = wish->meeting, .is_close = wish->is_close,
                         .actor = wish->actor, .index = turn->next_index - 1,
                         .at_ms = sync_now(turn->room) };
    const st_form *form = catalogue_newest(turn->room->catalogue, SYNC_FENCE_FORM);
    if (form == NULL || form->home == ST_HOME_UNIT)
        return st_fail(error, ST_E_NOT_FOUND, "this book's catalogue has no form '%s'",
                       SYNC_FENCE_FORM);
    st_err err = check_meeting(turn, wish, error);
    if (err == ST_OK)
        err = audit_root(turn->txn, fence.index, &fence.root, error);
    if (err == ST_OK)
        err = author(turn, wish, form, &fence, error);
    if (err == ST_OK)
        *out_fence = fence;
    return err;
}
