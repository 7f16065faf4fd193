/* proto/edit.c - fills in what a new change says about what its author knew: the dots it replaces,
 * the acts it was made under, the context of an act or a drop. Everything is read off the record as
 * it was shown to the author.
 * Must never replace a value that the author was not shown, and never settle a conflict between a
 * value and an act by a plain edit. */
#include "proto/edit.h"

#include <assert.h>
#include <string.h>

#include "proto/view.h"

static const char *const CLASS_NAMES[ST_CLASS_COUNT] = {
    [ST_CLASS_DECISIVE] = "decisive", [ST_CLASS_PLAIN] = "plain", [ST_CLASS_SET] = "set",
    [ST_CLASS_REMARK] = "remark", [ST_CLASS_FIXED] = "fixed", [ST_CLASS_STATE] = "state",
    [ST_CLASS_SERVER] = "server",
};

const char *st_class_name(st_class cls)
{
    return (unsigned)cls < ST_CLASS_COUNT ? CLASS_NAMES[cls] : "unknown";
}

bool st_class_parse(const char *name, st_class *out_class)
{
    assert(name != NULL && out_class != NULL);
    for (unsigned i = 0; i < ST_CLASS_COUNT; i++) {
        if (strcmp(CLASS_NAMES[i], name) != 0)
            continue;
        *out_class = (st_class)i;
        return true;
    }
    return false;
}

/* Does an ordinary edit of the class replace the live operation at `at`, when the one at `shown` is
 * what the author saw? */
static bool replaces(const st_record *record, st_class cls, size_t shown, size_t at)
{
    const st_op *op = &record->lives[at].op;
    if (op->path.kind == ST_PATH_DROP)
        return true;
    switch (cls) {
    case ST_CLASS_DECISIVE:
        return st_value_equal(&op->value, &record->lives[shown].op.value);
    case ST_CLASS_PLAIN:
    case ST_CLASS_SET:
        return true;
    default:
        return false;                       /* remark, fixed: nothing is ever replaced */
    }
}

st_err st_edit_replaces(const st_record *record, st_class cls, st_arena *arena, st_op *op,
                        st_error *error)
{
    assert(record != NULL && arena != NULL && op != NULL);
    st_span span = st_record_path(record, &op->path);
    size_t shown = st_view_shown(record, span);
    st_dot *dots = NULL;
    uint32_t count = 0;
    if (span.count > 0) {
        dots = st_arena_array(arena, span.count, sizeof *dots);
        if (dots == NULL)
            return st_fail(error, ST_E_MEMORY, "edit: no memory for %zu dots", span.count);
    }
    /* Live operations of a path ascend by dot, and so do the replaced dots. */
    for (size_t i = span.first; i < span.first + span.count; i++)
        if (replaces(record, cls, shown, i))
            dots[count++] = record->metas[record->lives[i].meta].dot;
    op->replaces = dots;
    op->replaces_count = count;
    return ST_OK;
}

/* Does the change replace a value that stands in conflict with the act? */
static bool replaces_late(const st_record *record, const st_change *change, const st_meta *act)
{
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        if (op->replaces_count == 0)
            continue;
        st_span span = st_record_path(record, &op->path);
        for (uint32_t r = 0; r < op->replaces_count; r++) {
            size_t meta = st_record_meta(record, &op->replaces[r]);
            for (size_t at = span.first; at < span.first + span.count; at++)
                if (record->lives[at].meta == meta && st_meta_is_late(&record->metas[meta], act))
                    return true;
        }
    }
    return false;
}

st_err st_edit_under(const st_record *record, st_arena *arena, st_change *change, st_error *error)
{
    assert(record != NULL && arena != NULL && change != NULL);
    st_acts_view view;
    st_err err = st_view_acts(record, arena, &view, error);
    if (err != ST_OK)
        return err;
    st_under *under = NULL;
    uint32_t count = 0;
    if (view.acts_count > 0) {
        under = st_arena_array(arena, view.acts_count, sizeof *under);
        if (under == NULL)
            return st_fail(error, ST_E_MEMORY, "edit: no memory for %zu acts", view.acts_count);
    }
    for (size_t i = 0; i < view.acts_count; i++) {
        const st_meta *act = &record->metas[view.acts[i]];
        if (!replaces_late(record, change, act))
            under[count++] = (st_under){ act->dot, act->act };
    }
    change->under = under;
    change->under_count = count;
    return ST_OK;
}

/* ---- context ---- */

/* First of the dots of the device in an array of extras or holes, which ascend by dot. */
static size_t first_of(const st_extra *extras, size_t count, const st_id *device)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_id_cmp(&extras[middle].dot.device, device) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The counters of the device's dots that concern the record, ascending; NULL without memory.
 * `wanted` names device and record. */
static const uint64_t *counters_of(const st_extra *extras, size_t extras_count,
                                   const st_extra *wanted, st_arena *arena, uint32_t *out_count)
{
    size_t from = first_of(extras, extras_count, &wanted->dot.device);
    size_t to = from;
    while (to < extras_count && st_id_cmp(&extras[to].dot.device, &wanted->dot.device) == 0)
        to++;
    uint64_t *counters = st_arena_array(arena, to - from, sizeof *counters);
    if (counters == NULL)
        return NULL;
    uint32_t count = 0;
    for (size_t i = from; i < to; i++)
        if (st_id_cmp(&extras[i].record, &wanted->record) == 0)
            counters[count++] = extras[i].dot.counter;
    *out_count = count;
    return counters;
}

st_err st_edit_context(const st_record *record, const st_vector *vector, st_arena *arena,
                       st_context *out_context, st_error *error)
{
    assert(record != NULL && vector != NULL);
    assert(arena != NULL && out_context != NULL);
    st_context_device *devices = st_arena_array(arena, record->wrote_count, sizeof *devices);
    st_err err = devices != NULL ? ST_OK : ST_E_MEMORY;
    for (size_t i = 0; i < record->wrote_count && err == ST_OK; i++) {
        st_context_device *device = &devices[i];
        const st_extra wanted = { { record->wrote[i], 0 }, 0, record->id };
        device->device = record->wrote[i];
        for (size_t u = 0; u < vector->upto_count; u++)
            if (st_id_cmp(&vector->upto[u].device, &device->device) == 0)
                device->upto = vector->upto[u].counter;
        device->singles = counters_of(vector->extras, vector->extras_count, &wanted, arena,
                                      &device->singles_count);
        device->holes = counters_of(vector->holes, vector->holes_count, &wanted, arena,
                                    &device->holes_count);
        if (device->singles == NULL || device->holes == NULL)
            err = ST_E_MEMORY;
    }
    if (err != ST_OK)
        return st_fail(error, ST_E_MEMORY, "edit: no memory for a context");
    *out_context = (st_context){ devices, (uint32_t)record->wrote_count };
    return ST_OK;
}
