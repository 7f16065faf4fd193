/* proto/changeset_check.c - the rules that a single change keeps, whoever made it and whenever it
 * comes: the same code refuses foreign bytes and our own mistakes before they are signed.
 * Promises: a change that passes can be folded, shown and sent again; bounded work, n log n.
 * Must never: know a form, a record or who may write (form.c, the server's ingest do). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset_parts.h"
#include "proto/text.h"

static st_err corrupt(st_error *error, const st_change *change, const char *why)
{
    return st_fail(error, ST_E_CORRUPT, "change %llu: %s", (unsigned long long)change->dot.counter,
                   why);
}

static st_err too_large(st_error *error, const st_change *change, const char *why)
{
    return st_fail(error, ST_E_TOO_LARGE, "change %llu: %s",
                   (unsigned long long)change->dot.counter, why);
}

static bool dot_is_good(const st_dot *dot)
{
    return dot->counter >= 1 && dot->counter <= ST_COUNTER_MAX;
}

/* Ascending, no doubles, and never the change itself. */
static bool dots_are_good(const st_dot *dots, uint32_t count, const st_dot *own)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!dot_is_good(&dots[i]) || st_dot_cmp(&dots[i], own) == 0)
            return false;
        if (i > 0 && st_dot_cmp(&dots[i - 1], &dots[i]) >= 0)
            return false;
    }
    return true;
}

/* NULL, or what is wrong with the address. */
static const char *path_fault(const st_path *path)
{
    bool key = path->key.s[0] != '\0';
    bool item = path->item.counter != 0;
    if (path->element_len > ST_CODE_BYTES_MAX)
        return "element is too long";
    switch (path->kind) {
    case ST_PATH_FIELD:
        if (path->group != 0 || path->field == 0 || key || item || path->place != 0)
            return "bad path of a field";
        return NULL;
    case ST_PATH_KEYED:
        if (path->group == 0 || path->field == 0 || !key || item || path->place != 0)
            return "bad path of a keyed group";
        return NULL;
    case ST_PATH_ITEM:
        if (path->group == 0 || path->field == 0 || key || !dot_is_good(&path->item))
            return "bad path of an item";
        return NULL;
    case ST_PATH_DROP:
        if (path->group == 0 || path->field != 0 || key || !dot_is_good(&path->item))
            return "bad path of a drop";
        return NULL;
    default:
        return "bad kind of path";
    }
}

/* NULL, or why the verb does not fit the path. An item of this very change is only made: its values
 * come with ITEM, the elements of its sets with ADD, its remarks with REMARK. */
static const char *verb_fault(const st_change *change, const st_op *op)
{
    bool drops = op->verb == ST_VERB_DROP || op->verb == ST_VERB_KEEP;
    bool element = op->verb == ST_VERB_ADD || op->verb == ST_VERB_REMOVE;
    bool makes = op->verb == ST_VERB_ITEM || op->verb == ST_VERB_ADD || op->verb == ST_VERB_REMARK;
    bool own = op->path.item.counter != 0 && st_dot_cmp(&op->path.item, &change->dot) == 0;
    if (drops != (op->path.kind == ST_PATH_DROP))
        return "drop and keep, and only they, name an item alone";
    if (element != (op->path.element_len > 0))
        return "add and remove, and only they, name an element";
    if (op->verb == ST_VERB_ITEM && !own)
        return "an item's first values belong to the change that makes it";
    if (own && !makes)
        return "an item made by this change is not edited in it";
    if (op->replaces_count > 0 && (op->verb == ST_VERB_ITEM || op->verb == ST_VERB_REMARK))
        return "a first value or a remark replaces nothing";
    return NULL;
}

static bool replaces_dot(const st_op *op, const st_dot *dot)
{
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        if (st_dot_cmp(&op->replaces[i], dot) == 0)
            return true;
    }
    return false;
}

static st_err check_op(const st_change *change, const st_op *op, st_error *error)
{
    const char *why = path_fault(&op->path);
    if (why == NULL)
        why = verb_fault(change, op);
    if (why == NULL)
        why = st_value_malformed(&op->value);
    if (why != NULL)
        return corrupt(error, change, why);
    bool one = op->verb == ST_VERB_ADD || op->verb == ST_VERB_DROP;
    if (st_verb_is_bare(op->verb)
        && (one ? op->value.kind != ST_VALUE_INT || op->value.number != 1
                : op->value.kind != ST_VALUE_NULL))
        return corrupt(error, change, "the value of this verb is fixed");
    if (op->verb == ST_VERB_REMARK && op->value.kind == ST_VALUE_NULL)
        return corrupt(error, change, "a remark is not empty");
    if (op->value.len > ST_VALUE_BYTES_MAX)
        return too_large(error, change, "value is over its limit");
    if (op->replaces_count > ST_REPLACES_MAX)
        return too_large(error, change, "too many replaced dots");
    if (!dots_are_good(op->replaces, op->replaces_count, &change->dot))
        return corrupt(error, change, "replaced dots are not ascending");
    if (op->verb == ST_VERB_RESOLVE && op->replaces_count == 0)
        return corrupt(error, change, "a resolution settles at least one value");
    bool kept = op->kept.counter != 0;
    if (kept != !st_id_is_zero(&op->kept_actor))
        return corrupt(error, change, "a kept value has a dot and an author");
    if (kept && (op->verb != ST_VERB_RESOLVE || !replaces_dot(op, &op->kept)))
        return corrupt(error, change, "only a resolution keeps one of the values it settles");
    return ST_OK;
}

/* Items of this change: places from 0 rising by one, all values of one item together. */
static bool items_are_good(const st_change *change)
{
    uint32_t next = 0;
    uint16_t group = 0;
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_path *path = &change->ops[i].path;
        if (path->kind != ST_PATH_ITEM || st_dot_cmp(&path->item, &change->dot) != 0)
            continue;
        if (path->place == next) {
            next++;
            group = path->group;
        } else if (next == 0 || path->place != next - 1 || path->group != group) {
            return false;
        }
    }
    return true;
}

static int compare_ops(const void *a, const void *b)
{
    const st_op *const *left = a;
    const st_op *const *right = b;
    return st_path_cmp(&(*left)->path, &(*right)->path);
}

static st_err check_doubles(const st_change *change, st_arena *arena, st_error *error)
{
    bool sorted = true;
    for (uint32_t i = 1; i < change->ops_count && sorted; i++)
        sorted = st_path_cmp(&change->ops[i - 1].path, &change->ops[i].path) < 0;
    if (sorted)
        return ST_OK;
    const st_op **order = st_arena_array(arena, change->ops_count, sizeof *order);
    if (order == NULL)
        return st_fail(error, ST_E_MEMORY, "change: no memory to compare paths");
    for (uint32_t i = 0; i < change->ops_count; i++)
        order[i] = &change->ops[i];
    qsort(order, change->ops_count, sizeof *order, compare_ops);
    for (uint32_t i = 1; i < change->ops_count; i++) {
        if (st_path_cmp(&order[i - 1]->path, &order[i]->path) == 0)
            return corrupt(error, change, "a path stands twice");
    }
    return ST_OK;
}

static bool counters_are_good(const uint64_t *counters, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (counters[i] == 0 || counters[i] > ST_COUNTER_MAX)
            return false;
        if (i > 0 && counters[i - 1] >= counters[i])
            return false;
    }
    return true;
}

static st_err check_context(const st_change *change, st_error *error)
{
    const st_context *context = &change->context;
    size_t dots = 0;
    if (context->count > ST_DEVICES_MAX)
        return too_large(error, change, "too many devices in a context");
    for (uint32_t i = 0; i < context->count; i++) {
        const st_context_device *device = &context->devices[i];
        if (i > 0 && st_id_cmp(&context->devices[i - 1].device, &device->device) >= 0)
            return corrupt(error, change, "devices of a context are not ascending");
        if (device->upto > ST_COUNTER_MAX
            || !counters_are_good(device->singles, device->singles_count)
            || !counters_are_good(device->holes, device->holes_count))
            return corrupt(error, change, "counters of a context are not ascending");
        dots += (size_t)device->singles_count + device->holes_count;
    }
    if (dots > ST_CONTEXT_DOTS_MAX)
        return too_large(error, change, "too many dots in a context");
    return ST_OK;
}

static st_err check_under(const st_change *change, st_error *error)
{
    if (change->under_count > ST_UNDER_MAX)
        return too_large(error, change, "too many acts in under");
    for (uint32_t i = 0; i < change->under_count; i++) {
        const st_under *under = &change->under[i];
        if (!dot_is_good(&under->dot) || st_dot_cmp(&under->dot, &change->dot) == 0)
            return corrupt(error, change, "bad dot in under");
        if (under->kind <= ST_ACT_NONE || under->kind >= ST_ACT_COUNT)
            return corrupt(error, change, "bad act in under");
        if (i > 0 && st_dot_cmp(&change->under[i - 1].dot, &under->dot) >= 0)
            return corrupt(error, change, "acts in under are not ascending");
    }
    return ST_OK;
}

static st_err check_whole(const st_change *change, st_error *error)
{
    bool drops = false;
    for (uint32_t i = 0; i < change->ops_count; i++)
        drops = drops || change->ops[i].path.kind == ST_PATH_DROP;
    if (change->act < ST_ACT_NONE || change->act >= ST_ACT_COUNT)
        return corrupt(error, change, "bad act");
    if (change->act != ST_ACT_NONE && change->ops_count > 0)
        return corrupt(error, change, "an act has no operations");
    if (change->act == ST_ACT_NONE && !drops && change->context.count > 0)
        return corrupt(error, change, "a context without an act, a drop or a keep");
    if (change->reason.kind != ST_VALUE_NULL && change->reason.kind != ST_VALUE_ERASED
        && change->reason.kind != ST_VALUE_TEXT)
        return corrupt(error, change, "a reason is text");
    if (change->reason.kind == ST_VALUE_TEXT) {
        if (!st_text_is_nfc(change->reason.data, change->reason.len))
            return corrupt(error, change, "reason is not clean NFC");
        if (st_text_chars(change->reason.data, change->reason.len) > ST_REASON_CHARS_MAX)
            return too_large(error, change, "reason is over its limit");
    }
    if (change->creates && (change->form.s[0] == '\0' || change->form_version == 0))
        return corrupt(error, change, "a record is created with a form and its version");
    if (st_id_is_zero(&change->record))
        return corrupt(error, change, "no record");
    return ST_OK;
}

st_err st_change_check(const st_change *change, st_arena *arena, st_error *error)
{
    assert(change != NULL && arena != NULL);
    assert(!change->unknown);
    if (change->ops_count > ST_OPS_MAX)
        return too_large(error, change, "too many operations");
    st_err err = check_whole(change, error);
    for (uint32_t i = 0; i < change->ops_count && err == ST_OK; i++)
        err = check_op(change, &change->ops[i], error);
    if (err == ST_OK && !items_are_good(change))
        err = corrupt(error, change, "places of new items do not rise from 0");
    if (err == ST_OK)
        err = check_doubles(change, arena, error);
    if (err == ST_OK)
        err = check_context(change, error);
    if (err == ST_OK)
        err = check_under(change, error);
    return err;
}
