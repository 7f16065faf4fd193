/* proto/merge.c - folds changes into a record and its bucket's vector: the rules of docs/merge.md
 * that decide what stays live. Promises the same record whatever the order, the carrier and the
 * repeats, as long as every device chains its changes truthfully.
 * Must never look at a clock, a form, a role or the order of arrival, and never refuse a change. */
#include "proto/merge.h"

#include <assert.h>
#include <string.h>

/* What one fold works on. */
typedef struct {
    const st_vector *vector;
    st_record *record;
    const st_change *change;
    uint32_t meta;             /* index of the change in record->metas */
    bool copy;
} folding;

/* ---- arrays ---- */

typedef struct { size_t count, more, size; } room_for;

/* Makes room for `more` elements of `size` bytes behind the `count` there are; the array may move.
 * NULL without memory. Doubles, so that a long history costs linear time. */
static void *reserve(st_arena *arena, void *array, size_t *capacity, room_for room)
{
    if (array != NULL && room.more <= *capacity - room.count)
        return array;
    size_t wanted = 2 * room.count + room.more;
    if (wanted < 4)
        wanted = 4;
    void *moved = st_arena_array(arena, wanted, room.size);
    if (moved == NULL)
        return NULL;
    if (room.count > 0)
        memcpy(moved, array, room.count * room.size);
    *capacity = wanted;
    return moved;
}

/* Opens or closes a gap of one element at `at` in an array of `count` (before the call). */
#define OPEN_GAP(array, count, at) \
    memmove((array) + (at) + 1, (array) + (at), ((count) - (at)) * sizeof *(array))
#define CLOSE_GAP(array, count, at) \
    memmove((array) + (at), (array) + (at) + 1, ((count) - (at) - 1) * sizeof *(array))

/* ---- the vector ---- */

/* First index in an array of extras or holes that is not below the dot. */
static size_t extra_seek(const st_extra *extras, size_t count, const st_dot *dot)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_dot_cmp(&extras[middle].dot, dot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool extra_has(const st_extra *extras, size_t count, const st_dot *dot)
{
    if (count == 0)
        return false;
    size_t at = extra_seek(extras, count, dot);
    return at < count && st_dot_cmp(&extras[at].dot, dot) == 0;
}

static size_t upto_seek(const st_vector *vector, const st_id *device)
{
    size_t low = 0, high = vector->upto_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_id_cmp(&vector->upto[middle].device, device) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t upto_of(const st_vector *vector, const st_id *device)
{
    size_t at = upto_seek(vector, device);
    if (at < vector->upto_count && st_id_cmp(&vector->upto[at].device, device) == 0)
        return vector->upto[at].counter;
    return 0;
}

bool st_vector_is_hole(const st_vector *vector, const st_dot *dot)
{
    assert(vector != NULL && dot != NULL);
    return extra_has(vector->holes, vector->holes_count, dot);
}

bool st_vector_has(const st_vector *vector, const st_dot *dot)
{
    assert(vector != NULL && dot != NULL);
    if (st_vector_is_hole(vector, dot))
        return false;
    return dot->counter <= upto_of(vector, &dot->device) ||
           extra_has(vector->extras, vector->extras_count, dot);
}

/* How many stand in the list, which ascends by dot. */
static size_t dots_of(const st_extra *list, size_t count, const st_id *device)
{
    st_dot first = { *device, 0 }, last = { *device, UINT64_MAX };
    return count == 0 ? 0 : extra_seek(list, count, &last) - extra_seek(list, count, &first);
}

bool st_vector_is_full(const st_vector *vector, const st_change *first, size_t count)
{
    assert(vector != NULL && first != NULL);
    const st_id *device = &first->dot.device;
    size_t own = dots_of(vector->holes, vector->holes_count, device), all = vector->holes_count;
    if (own > 0 && own + count > ST_VECTOR_DEVICE_HOLES_MAX)
        return true;
    if (first->prev != upto_of(vector, device)) { /* it stays single */
        own += dots_of(vector->extras, vector->extras_count, device);
        all += vector->extras_count;
    }
    return own > 0 && (own + count > ST_VECTOR_DEVICE_DOTS_MAX ||
                       (own + count > ST_VECTOR_DEVICE_DOTS_MIN &&
                        all + count > ST_VECTOR_DOTS_MAX));
}

static st_err upto_set(st_vector *vector, const st_id *device, uint64_t counter)
{
    size_t at = upto_seek(vector, device);
    if (at == vector->upto_count || st_id_cmp(&vector->upto[at].device, device) != 0) {
        st_upto *upto = reserve(vector->arena, vector->upto, &vector->upto_capacity,
                            (room_for){ vector->upto_count, 1, sizeof *upto });
        if (upto == NULL)
            return ST_E_MEMORY;
        vector->upto = upto;
        OPEN_GAP(upto, vector->upto_count, at);
        vector->upto_count++;
        upto[at].device = *device;
    }
    vector->upto[at].counter = counter;
    return ST_OK;
}

/* The gap behind `upto` may have closed: single dots that follow on it join it, one by one. */
static st_err upto_advance(st_vector *vector, const st_id *device, uint64_t upto)
{
    st_dot first = { *device, 0 };
    size_t begin = extra_seek(vector->extras, vector->extras_count, &first);
    size_t at = begin;
    /* Ascending counters with ascending `prev`: one pass closes every gap that can be closed. */
    while (at < vector->extras_count &&
           st_id_cmp(&vector->extras[at].dot.device, device) == 0) {
        if (vector->extras[at].prev != upto || vector->extras[at].dot.counter <= upto) {
            at++;
            continue;
        }
        upto = vector->extras[at].dot.counter;
        CLOSE_GAP(vector->extras, vector->extras_count, at);
        vector->extras_count--;
    }
    return upto_set(vector, device, upto);
}

/* The dot is known from now on. It advances along `prev` only; beyond a gap it stays single. */
static st_err vector_include(st_vector *vector, const st_change *change)
{
    uint64_t upto = upto_of(vector, &change->dot.device);
    if (change->dot.counter <= upto)
        return ST_OK;                       /* a held one that is decided on */
    if (change->prev == upto)
        return upto_advance(vector, &change->dot.device, change->dot.counter);
    size_t at = extra_seek(vector->extras, vector->extras_count, &change->dot);
    if (at < vector->extras_count && st_dot_cmp(&vector->extras[at].dot, &change->dot) == 0)
        return ST_OK;                       /* as above, beyond a gap */
    st_extra *extras = reserve(vector->arena, vector->extras, &vector->extras_capacity,
                            (room_for){ vector->extras_count, 1, sizeof *extras });
    if (extras == NULL)
        return ST_E_MEMORY;
    vector->extras = extras;
    OPEN_GAP(extras, vector->extras_count, at);
    vector->extras_count++;
    extras[at] = (st_extra){ change->dot, change->prev, change->record };
    return ST_OK;
}

static st_err hole_add(st_vector *vector, const st_change *change)
{
    size_t at = extra_seek(vector->holes, vector->holes_count, &change->dot);
    if (at < vector->holes_count && st_dot_cmp(&vector->holes[at].dot, &change->dot) == 0)
        return ST_OK;
    st_extra *holes = reserve(vector->arena, vector->holes, &vector->holes_capacity,
                            (room_for){ vector->holes_count, 1, sizeof *holes });
    if (holes == NULL)
        return ST_E_MEMORY;
    vector->holes = holes;
    OPEN_GAP(holes, vector->holes_count, at);
    vector->holes_count++;
    holes[at] = (st_extra){ change->dot, 0, change->record };
    return ST_OK;
}

static void hole_remove(st_vector *vector, const st_dot *dot)
{
    size_t at = extra_seek(vector->holes, vector->holes_count, dot);
    if (at == vector->holes_count || st_dot_cmp(&vector->holes[at].dot, dot) != 0)
        return;
    CLOSE_GAP(vector->holes, vector->holes_count, at);
    vector->holes_count--;
}

static st_err wrote_add(st_record *record, const st_id *device)
{
    size_t at = 0;
    while (at < record->wrote_count && st_id_cmp(&record->wrote[at], device) < 0)
        at++;
    if (at < record->wrote_count && st_id_cmp(&record->wrote[at], device) == 0)
        return ST_OK;
    st_id *wrote = reserve(record->arena, record->wrote, &record->wrote_capacity,
                            (room_for){ record->wrote_count, 1, sizeof *wrote });
    if (wrote == NULL)
        return ST_E_MEMORY;
    record->wrote = wrote;
    OPEN_GAP(wrote, record->wrote_count, at);
    record->wrote_count++;
    wrote[at] = *device;
    return ST_OK;
}

/* ---- dots that were replaced before they came ---- */

static int waiting_cmp(const st_waiting *waiting, const st_path *path, const st_dot *dot)
{
    int order = st_path_cmp(&waiting->path, path);
    return order != 0 ? order : st_dot_cmp(&waiting->dot, dot);
}

static size_t waiting_seek(const st_record *record, const st_path *path, const st_dot *dot)
{
    size_t low = 0, high = record->waitings_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (waiting_cmp(&record->waitings[middle], path, dot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool waiting_has(const st_record *record, const st_path *path, const st_dot *dot)
{
    if (record->waitings_count == 0)
        return false;
    size_t at = waiting_seek(record, path, dot);
    return at < record->waitings_count && waiting_cmp(&record->waitings[at], path, dot) == 0;
}

static st_err waiting_add(st_record *record, const st_path *path, const st_dot *dot)
{
    size_t at = waiting_seek(record, path, dot);
    if (at < record->waitings_count && waiting_cmp(&record->waitings[at], path, dot) == 0)
        return ST_OK;
    st_waiting *waitings = reserve(record->arena, record->waitings, &record->waitings_capacity,
                            (room_for){ record->waitings_count, 1, sizeof *waitings });
    if (waitings == NULL)
        return ST_E_MEMORY;
    record->waitings = waitings;
    OPEN_GAP(waitings, record->waitings_count, at);
    record->waitings_count++;
    waitings[at] = (st_waiting){ *path, *dot };
    return ST_OK;
}

/* The dot has come: nothing waits for it any more, on whatever path. */
static void waiting_forget(st_record *record, const st_dot *dot)
{
    size_t kept = 0;
    for (size_t i = 0; i < record->waitings_count; i++)
        if (st_dot_cmp(&record->waitings[i].dot, dot) != 0) {
            if (kept != i)
                record->waitings[kept] = record->waitings[i];
            kept++;
        }
    record->waitings_count = kept;
}

/* ---- what is remembered of a change ---- */

static bool copy_value(st_arena *arena, st_value *value)
{
    if (value->len == 0 || value->data == NULL)
        return true;
    value->data = st_arena_copy(arena, value->data, value->len);
    return value->data != NULL;
}

static const uint64_t *copy_counters(st_arena *arena, const uint64_t *counters, uint32_t count)
{
    uint64_t *copy = st_arena_array(arena, count, sizeof *copy);
    if (copy != NULL && count > 0)
        memcpy(copy, counters, count * sizeof *copy);
    return copy;
}

static bool copy_context(st_arena *arena, st_context *context)
{
    st_context_device *devices = st_arena_array(arena, context->count, sizeof *devices);
    if (devices == NULL)
        return false;
    for (uint32_t i = 0; i < context->count; i++) {
        devices[i] = context->devices[i];
        devices[i].singles = copy_counters(arena, devices[i].singles, devices[i].singles_count);
        devices[i].holes = copy_counters(arena, devices[i].holes, devices[i].holes_count);
        if (devices[i].singles == NULL || devices[i].holes == NULL)
            return false;
    }
    context->devices = devices;
    return true;
}

static bool copy_meta(st_arena *arena, st_meta *meta)
{
    if (meta->under_count > 0) {
        st_under *under = st_arena_array(arena, meta->under_count, sizeof *under);
        if (under == NULL)
            return false;
        memcpy(under, meta->under, meta->under_count * sizeof *under);
        meta->under = under;
    }
    if (meta->context.count > 0 && !copy_context(arena, &meta->context))
        return false;
    return copy_value(arena, &meta->reason);
}

/* Only acts, drops and keeps are judged by their context. */
static bool has_context(const st_change *change)
{
    bool has = change->act != ST_ACT_NONE;
    for (uint32_t i = 0; i < change->ops_count && !has; i++)
        has = change->ops[i].path.kind == ST_PATH_DROP;
    return has;
}

static void shift_metas(st_record *record, size_t from, int by)
{
    for (size_t i = 0; i < record->lives_count; i++)
        if (record->lives[i].meta >= from)
            record->lives[i].meta = (uint32_t)((int64_t)record->lives[i].meta + by);
    if (record->created && record->creator >= from)
        record->creator = (uint32_t)((int64_t)record->creator + by);
}

static st_err meta_add(folding *f, const st_arrival *arrival)
{
    st_record *record = f->record;
    const st_change *change = f->change;
    st_meta meta = {
        .dot = change->dot, .actor = arrival->actor, .role = arrival->role, .via = arrival->via,
        .hlc = change->hlc, .wall_ms = change->wall_ms, .received_ms = arrival->received_ms,
        .log_index = arrival->log_index, .carrier = arrival->carrier, .under = change->under,
        .under_count = change->under_count, .amend = change->amend, .act = change->act,
        .reason = change->reason,
    };
    if (has_context(change))
        meta.context = change->context;
    if (f->copy && !copy_meta(record->arena, &meta))
        return ST_E_MEMORY;
    st_meta *metas = reserve(record->arena, record->metas, &record->metas_capacity,
                            (room_for){ record->metas_count, 1, sizeof *metas });
    if (metas == NULL)
        return ST_E_MEMORY;
    record->metas = metas;
    size_t at = record->metas_count;
    while (at > 0 && st_dot_cmp(&metas[at - 1].dot, &change->dot) > 0)
        at--;
    if (at < record->metas_count)
        shift_metas(record, at, 1);
    OPEN_GAP(metas, record->metas_count, at);
    record->metas_count++;
    metas[at] = meta;
    f->meta = (uint32_t)at;
    return ST_OK;
}

/* Forgets the change at `at` unless it has a live operation, is an act or created the record. */
static bool meta_release(st_record *record, size_t at)
{
    const st_meta *meta = &record->metas[at];
    if (meta->live_ops > 0 || meta->act != ST_ACT_NONE ||
        (record->created && record->creator == at))
        return false;
    CLOSE_GAP(record->metas, record->metas_count, at);
    record->metas_count--;
    shift_metas(record, at, -1);
    return true;
}

/* ---- operations ---- */

/* Ends the live operation of `dot` in the span; false when it is not live there. */
static bool live_end(folding *f, st_span *span, const st_dot *dot)
{
    st_record *record = f->record;
    for (size_t i = span->first; i < span->first + span->count; i++) {
        uint32_t meta = record->lives[i].meta;
        if (st_dot_cmp(&record->metas[meta].dot, dot) != 0)
            continue;
        CLOSE_GAP(record->lives, record->lives_count, i);
        record->lives_count--;
        span->count--;
        record->metas[meta].live_ops--;
        if (meta_release(record, meta) && meta < f->meta)
            f->meta--;
        return true;
    }
    return false;
}

static st_err live_add(folding *f, st_span span, const st_op *op)
{
    st_record *record = f->record;
    size_t at = span.first;
    /* metas ascend by dot, so their indices order the operations of a path. */
    while (at < span.first + span.count && record->lives[at].meta < f->meta)
        at++;
    if (at < span.first + span.count && record->lives[at].meta == f->meta)
        return ST_OK;                       /* one change has one operation on a path */
    assert(record->lives_count < record->lives_capacity);
    OPEN_GAP(record->lives, record->lives_count, at);
    record->lives_count++;
    st_live *live = &record->lives[at];
    live->meta = f->meta;
    live->op = *op;
    live->op.replaces = NULL;
    live->op.replaces_count = 0;
    record->metas[f->meta].live_ops++;
    return !f->copy || copy_value(record->arena, &live->op.value) ? ST_OK : ST_E_MEMORY;
}

static st_err fold_op(folding *f, const st_op *op)
{
    st_span span = st_record_path(f->record, &op->path);
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        const st_dot *dot = &op->replaces[i];
        /* Not live and not here yet: it must find itself replaced when it comes. Not live and here:
         * somebody else replaced it, or it never wrote this path. */
        if (live_end(f, &span, dot) || st_vector_has(f->vector, dot))
            continue;
        if (waiting_add(f->record, &op->path, dot) != ST_OK)
            return ST_E_MEMORY;
    }
    if (waiting_has(f->record, &op->path, &f->change->dot))
        return ST_OK;                       /* it was replaced before it came */
    return live_add(f, span, op);
}

static st_err fold_apply(folding *f, const st_arrival *arrival)
{
    st_record *record = f->record;
    const st_change *change = f->change;
    st_live *lives = reserve(record->arena, record->lives, &record->lives_capacity,
                            (room_for){ record->lives_count, change->ops_count, sizeof *lives });
    if (lives == NULL)
        return ST_E_MEMORY;
    record->lives = lives;
    st_err err = meta_add(f, arrival);
    if (err != ST_OK)
        return err;
    if (change->creates && !record->created) {
        record->created = true;
        record->creator = f->meta;
        record->form = change->form;
        record->form_version = change->form_version;
    }
    /* An operation whose replaced values are all gone may be the only thing that holds its change:
     * it counts one while its operations are folded in. */
    record->metas[f->meta].live_ops++;
    for (uint32_t i = 0; i < change->ops_count && err == ST_OK; i++)
        err = fold_op(f, &change->ops[i]);
    record->metas[f->meta].live_ops--;
    (void)meta_release(record, f->meta);
    return err;
}

st_err st_merge_fold(st_vector *vector, st_record *record, const st_change *change,
                     const st_arrival *arrival, st_fold_how how)
{
    assert(vector != NULL && record != NULL && change != NULL && arrival != NULL);
    assert(st_id_cmp(&record->id, &change->record) == 0);
    if (st_vector_has(vector, &change->dot))
        return ST_OK;                       /* a repeat, from whatever carrier */
    st_err err = vector_include(vector, change);
    if (err != ST_OK)
        return err;
    if (how.kind == ST_FOLD_HOLD)
        return hole_add(vector, change);
    hole_remove(vector, &change->dot);
    err = wrote_add(record, &change->dot.device);
    if (err == ST_OK && how.kind == ST_FOLD_APPLY) {
        folding f = { vector, record, change, 0, how.copy };
        err = fold_apply(&f, arrival);
    }
    waiting_forget(record, &change->dot);
    return err;
}

/* How many stand side by side on the path once the operation is folded in. */
static size_t beside(const st_record *record, const st_op *op)
{
    st_span span = st_record_path(record, &op->path);
    size_t left = span.count;
    for (uint32_t r = 0; r < op->replaces_count; r++) {
        size_t meta = st_record_meta(record, &op->replaces[r]);
        for (size_t at = span.first; at < span.first + span.count; at++)
            left -= record->lives[at].meta == meta;
    }
    return left + 1;
}

/* Of the dots it replaces, those of which nothing is here; they may have come and gone. */
static size_t absent(const st_record *record, const st_op *op)
{
    size_t count = 0;
    for (uint32_t r = 0; r < op->replaces_count; r++)
        count += st_record_meta(record, &op->replaces[r]) == SIZE_MAX;
    return count;
}

bool st_merge_over_limit(const st_record *record, const st_change *change)
{
    assert(record != NULL && change != NULL);
    size_t waiting = record->waitings_count;
    bool over = record->lives_count + change->ops_count > ST_RECORD_VALUES_MAX;
    for (uint32_t i = 0; !over && i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        waiting += absent(record, op);
        over = waiting > ST_RECORD_WAITING_MAX ||
               (op->verb != ST_VERB_REMARK && !waiting_has(record, &op->path, &change->dot) &&
                beside(record, op) > ST_SIBLINGS_MAX);
    }
    return over;
}
