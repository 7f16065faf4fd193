/* proto/view.c - reads off a record what people see: which acts are in force, what is concurrent
 * with them, whether an item is there, which value is shown first. A pure function of the record.
 * Must never decide a conflict, and never let a clock do more than choose what is shown first. */
#include "proto/view.h"

#include <assert.h>

static bool counters_have(const uint64_t *counters, uint32_t count, uint64_t counter)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (counters[middle] == counter)
            return true;
        if (counters[middle] < counter)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool st_context_has(const st_context *context, const st_dot *dot)
{
    assert(context != NULL && dot != NULL);
    uint32_t low = 0, high = context->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const st_context_device *device = &context->devices[middle];
        int order = st_id_cmp(&device->device, &dot->device);
        if (order == 0)
            return !counters_have(device->holes, device->holes_count, dot->counter) &&
                   (dot->counter <= device->upto ||
                    counters_have(device->singles, device->singles_count, dot->counter));
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;                           /* the device had not written in the record */
}

static bool is_under(const st_meta *meta, const st_dot *act)
{
    uint32_t low = 0, high = meta->under_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = st_dot_cmp(&meta->under[middle].dot, act);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool st_meta_is_late(const st_meta *meta, const st_meta *act)
{
    assert(meta != NULL && act != NULL);
    return st_dot_cmp(&meta->dot, &act->dot) != 0 && !st_context_has(&act->context, &meta->dot) &&
           !is_under(meta, &act->dot);
}

/* An act ends exactly those acts that its context includes. */
static bool is_ended(const st_record *record, const st_meta *act)
{
    for (size_t i = 0; i < record->metas_count; i++) {
        const st_meta *other = &record->metas[i];
        if (other->act != ST_ACT_NONE && other != act &&
            st_context_has(&other->context, &act->dot))
            return true;
    }
    return false;
}

/* Is there a live operation that is concurrent with the act? */
static bool has_late(const st_record *record, const st_meta *act)
{
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].live_ops > 0 && st_meta_is_late(&record->metas[i], act))
            return true;
    return false;
}

static void judge(const st_record *record, st_acts_view *view)
{
    for (size_t i = 0; i < view->acts_count; i++) {
        const st_meta *act = &record->metas[view->acts[i]];
        if (act->act != record->metas[view->acts[0]].act)
            view->state_conflict = true;
        switch (act->act) {
        case ST_ACT_WITHDRAW:
            view->state_conflict = view->state_conflict || has_late(record, act);
            break;
        case ST_ACT_FINALISE:
        case ST_ACT_RETURN:
        case ST_ACT_LOCK:
            view->changed_since = view->changed_since || has_late(record, act);
            break;
        default:
            break;                          /* open and the office's moves take no offence */
        }
    }
}

st_err st_view_acts(const st_record *record, st_arena *arena, st_acts_view *out_view,
                    st_error *error)
{
    assert(record != NULL && arena != NULL && out_view != NULL);
    st_acts_view view = { 0 };
    size_t all = 0;
    for (size_t i = 0; i < record->metas_count; i++)
        all += record->metas[i].act != ST_ACT_NONE;
    if (all > 0) {
        view.acts = st_arena_array(arena, all, sizeof *view.acts);
        if (view.acts == NULL)
            return st_fail(error, ST_E_MEMORY, "view: no memory for %zu acts", all);
    }
    for (size_t i = 0; i < record->metas_count && all > 0; i++) {
        const st_meta *meta = &record->metas[i];
        if (meta->act != ST_ACT_NONE && !is_ended(record, meta))
            view.acts[view.acts_count++] = (uint32_t)i;
    }
    judge(record, &view);
    *out_view = view;
    return ST_OK;
}

bool st_view_has_act(const st_record *record, st_act_kind kind)
{
    assert(record != NULL && kind != ST_ACT_NONE);
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].act == kind && !is_ended(record, &record->metas[i]))
            return true;
    return false;
}

bool st_view_would_end(const st_record *record, const st_context *context, st_act_kind kind)
{
    assert(record != NULL && context != NULL && kind != ST_ACT_NONE);
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].act == kind && st_context_has(context, &record->metas[i].dot) &&
            !is_ended(record, &record->metas[i]))
            return true;
    return false;
}

bool st_view_may_hold(const st_record *record, const st_acts_view *acts, size_t meta)
{
    assert(record != NULL && acts != NULL && meta < record->metas_count);
    bool may = record->metas[meta].act == ST_ACT_NONE && record->metas[meta].live_ops > 0;
    for (size_t i = 0; i < acts->acts_count; i++)
        may = may || acts->acts[i] == meta;
    return may;
}

/* ---- items of a listed group ---- */

/* The operations of one item stand together in lives, its drop register first. */
static st_span item_span(const st_record *record, const st_path *item)
{
    st_span span = { st_record_seek(record, item), 0 };
    while (span.first + span.count < record->lives_count) {
        const st_path *path = &record->lives[span.first + span.count].op.path;
        if (path->group != item->group || path->place != item->place ||
            path->key.s[0] != 0 || st_dot_cmp(&path->item, &item->item) != 0)
            break;
        span.count++;
    }
    return span;
}

/* Had the author of the drop seen all live values of the item? What he wrote in the same change he
 * had, too. */
static bool drop_covers(const st_record *record, st_span span, const st_meta *drop)
{
    for (size_t i = span.first; i < span.first + span.count; i++) {
        const st_live *live = &record->lives[i];
        const st_meta *meta = &record->metas[live->meta];
        if (live->op.path.kind != ST_PATH_DROP && meta != drop &&
            !st_context_has(&drop->context, &meta->dot))
            return false;
    }
    return true;
}

st_item_state st_view_item(const st_record *record, uint16_t group, const st_dot *item,
                           uint16_t place)
{
    assert(record != NULL && item != NULL);
    st_path path = { .kind = ST_PATH_DROP, .group = group, .item = *item, .place = place };
    st_span span = item_span(record, &path);
    size_t drops = 0, keeps = 0;
    bool covered = false;
    for (size_t i = span.first; i < span.first + span.count; i++) {
        const st_live *live = &record->lives[i];
        if (live->op.path.kind != ST_PATH_DROP)
            break;
        if (live->op.value.kind == ST_VALUE_NULL) {
            keeps++;
            continue;
        }
        drops++;
        covered = covered || drop_covers(record, span, &record->metas[live->meta]);
    }
    if (drops == 0)
        return ST_ITEM_THERE;
    return keeps == 0 && covered ? ST_ITEM_DROPPED : ST_ITEM_CONTESTED;
}

size_t st_view_shown(const st_record *record, st_span span)
{
    assert(record != NULL);
    assert(span.first + span.count <= record->lives_count);
    size_t shown = SIZE_MAX;
    for (size_t i = span.first; i < span.first + span.count; i++) {
        /* The later index has the higher dot: it wins when the stamps are equal. */
        if (shown == SIZE_MAX || record->metas[record->lives[i].meta].hlc >=
                                 record->metas[record->lives[shown].meta].hlc)
            shown = i;
    }
    return shown;
}
