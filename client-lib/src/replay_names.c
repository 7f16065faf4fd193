/* client-lib/src/replay_names.c - new names for old: of changes that are made anew, and of what is
 * typed.
 * Promises: what names one that was made anew names it by its new dot, or its record by the new id;
 * what is left behind is named under nobody's name, one for each device that had it.
 * Never: lets what is made anew say that it saw what is unsure. */
#include "client-lib/src/replay_names.h"

#include <stdlib.h>
#include <string.h>

#include "proto/view.h"

st_err replay_no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
}

bool replay_is_present(const replay *r, const overlay_entry *entry)
{
    return st_id_cmp(&entry->dot.device, &r->client->next.device) == 0;
}

int replay_order(const void *left, const void *right)
{
    const replay_item *a = left, *b = right;
    uint64_t x = a->entry.dot.counter, y = b->entry.dot.counter;
    if (a->is_present != b->is_present)
        return a->is_present - b->is_present;
    return (x > y) - (x < y);
}

static int record_order(const void *left, const void *right)
{
    const replay_item *const *a = left, *const *b = right;
    int order = st_id_cmp(&(*a)->record, &(*b)->record);
    return order != 0 ? order : (*a > *b) - (*a < *b);
}

st_err replay_sort_records(replay *r, st_error *error)
{
    r->by_record = st_arena_array(&r->arena, r->count, sizeof *r->by_record);
    if (r->by_record == NULL)
        return replay_no_memory(error);
    for (size_t i = 0; i < r->count; i++)
        r->by_record[i] = &r->items[i];
    if (r->count > 1)
        qsort(r->by_record, r->count, sizeof *r->by_record, record_order);
    return ST_OK;
}

/* Where the items of a record begin in by_record; count: there are none. */
static size_t find_record(const replay *r, const st_id *record)
{
    size_t from = 0, to = r->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (st_id_cmp(&r->by_record[middle]->record, record) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    bool is_any = from < r->count && st_id_cmp(&r->by_record[from]->record, record) == 0;
    return is_any ? from : r->count;
}

static const replay_item *find_dot(const replay *r, const st_dot *dot)
{
    replay_item wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.entry.dot = *dot;
    wanted.is_present = replay_is_present(r, &wanted.entry);
    const replay_item *item =
        r->count == 0 ? NULL
                      : bsearch(&wanted, r->items, r->count, sizeof *r->items, replay_order);
    return item != NULL && st_dot_cmp(&item->entry.dot, dot) == 0 ? item : NULL;
}

static bool is_unsure(const replay *r, const st_dot *dot)
{
    for (size_t i = 0; i < r->unsure_count; i++) {
        const replay_span *unsure = &r->unsure[i];
        if (st_id_cmp(&unsure->device, &dot->device) == 0 && dot->counter >= unsure->span.from &&
            dot->counter <= unsure->span.to)
            return true;
    }
    return false;
}

/* One for each device: two of their changes stay two. */
static st_id nobody(const replay *r, const st_id *device)
{
    st_id name = *device;
    for (size_t i = 0; i < sizeof name.b; i++)
        name.b[i] ^= r->mask.b[i];
    return name;
}

/* False: it stays as it is. */
static bool map_dot(const replay *r, st_dot *dot)
{
    if (!is_unsure(r, dot))
        return false;
    const replay_item *item = find_dot(r, dot);
    if (item == NULL ? r->is_typed : item->new_dot.counter == 0)
        return false; /* or it is not made anew yet */
    *dot = item == NULL ? (st_dot){ nobody(r, &dot->device), dot->counter } : item->new_dot;
    return true;
}

/* The place of a value, or what is told in words: where it may yet be right, it stays. */
static bool map_place(const replay *r, st_dot *dot)
{
    return !(r->is_doubted && find_dot(r, dot) == NULL) && map_dot(r, dot);
}

static int dot_order(const void *left, const void *right)
{
    return st_dot_cmp(left, right);
}

static int under_order(const void *left, const void *right)
{
    const st_under *a = left, *b = right;
    return st_dot_cmp(&a->dot, &b->dot);
}

void replay_map_id(const replay *r, st_id *id)
{
    size_t at = find_record(r, id);
    if (at < r->count && r->by_record[at]->change->creates &&
        r->by_record[at]->new_dot.counter != 0)
        *id = r->by_record[at]->new_record;
}

/* The next name in a text, from `at` on, that is another one now; false: there is none. */
static bool next_name(const replay *r, const st_value *text, size_t at, size_t *out_from,
                      size_t *out_to, st_dot *out_dot)
{
    char name[ST_DOT_TEXT_BYTES];
    for (size_t from = at; from + 33 < text->len; from++) {
        size_t to = from + 33;
        if (text->data[from + 32] != ':')
            continue;
        while (to < text->len && to - from < sizeof name - 1 && text->data[to] >= '0' &&
               text->data[to] <= '9')
            to++;
        memcpy(name, text->data + from, to - from);
        name[to - from] = '\0';
        *out_from = from;
        *out_to = to;
        if (st_dot_parse(name, out_dot) && map_place(r, out_dot))
            return true;
    }
    return false;
}

/* A file says what it is about (`findings.ITEM`), a settlement what it settles and which values
 * were seen: all by the name of a change. Any other text stays as it was written. */
static st_err map_text(replay *r, st_value *text, st_error *error)
{
    size_t at = 0, len = 0, from = 0, to = 0;
    st_dot dot;
    bool is_named = next_name(r, text, at, &from, &to, &dot);
    if (!is_named)
        return ST_OK;
    /* a name of 34 bytes or more becomes one of less than ST_DOT_TEXT_BYTES */
    uint8_t *anew = st_arena_array(&r->work, (size_t)text->len + ST_DOT_TEXT_BYTES, 2);
    if (anew == NULL)
        return replay_no_memory(error);
    while (is_named) {
        memcpy(anew + len, text->data + at, from - at);
        len += from - at;
        st_dot_format(&dot, (char *)anew + len);
        len += strlen((char *)anew + len);
        at = to;
        is_named = next_name(r, text, at, &from, &to, &dot);
    }
    memcpy(anew + len, text->data + at, text->len - at);
    text->data = anew;
    text->len = (uint32_t)(len + (text->len - at));
    return ST_OK;
}

/* What a value, or an element of a set, names. */
static st_err map_named(replay *r, st_op *op, st_error *error)
{
    st_id id;
    if (op->path.element_len == sizeof id.b) {
        memcpy(id.b, op->path.element, sizeof id.b);
        replay_map_id(r, &id);
        memcpy(op->path.element, id.b, sizeof id.b);
    }
    if (op->value.kind == ST_VALUE_TEXT)
        return map_text(r, &op->value, error);
    if (op->value.kind != ST_VALUE_ID || op->value.len != sizeof id.b)
        return ST_OK;
    uint8_t *bytes = st_arena_array(&r->work, 1, sizeof id.b);
    if (bytes == NULL)
        return replay_no_memory(error);
    memcpy(id.b, op->value.data, sizeof id.b);
    replay_map_id(r, &id);
    memcpy(bytes, id.b, sizeof id.b);
    op->value.data = bytes;
    return ST_OK;
}

static st_err map_ops(replay *r, st_change *change, st_error *error)
{
    st_op *ops = st_arena_array(&r->work, change->ops_count, sizeof *ops);
    if (ops == NULL)
        return replay_no_memory(error);
    for (uint32_t i = 0; i < change->ops_count; i++) {
        ops[i] = change->ops[i];
        (void)map_place(r, &ops[i].path.item);
        (void)map_dot(r, &ops[i].kept);
        st_err err = map_named(r, &ops[i], error);
        if (err != ST_OK)
            return err;
        st_dot *dots = st_arena_array(&r->work, ops[i].replaces_count, sizeof *dots);
        if (dots == NULL)
            return replay_no_memory(error);
        for (uint32_t k = 0; k < ops[i].replaces_count; k++) {
            dots[k] = ops[i].replaces[k];
            (void)map_dot(r, &dots[k]);
        }
        if (ops[i].replaces_count > 1)
            qsort(dots, ops[i].replaces_count, sizeof *dots, dot_order);
        ops[i].replaces = dots;
    }
    change->ops = ops;
    return ST_OK;
}

static st_err map_under(replay *r, st_change *change, st_error *error)
{
    st_under *under = st_arena_array(&r->work, change->under_count, sizeof *under);
    if (under == NULL)
        return replay_no_memory(error);
    for (uint32_t i = 0; i < change->under_count; i++) {
        under[i] = change->under[i];
        (void)map_dot(r, &under[i].dot);
    }
    if (change->under_count > 1)
        qsort(under, change->under_count, sizeof *under, under_order);
    change->under = under;
    return ST_OK;
}

/* A device's part of a context: from the first counter on that is unsure, its counters are
 * nobody's, or another branch's, whom the author never saw; or they are given to others. */
static void cut_context(const replay *r, st_context_device *part)
{
    for (size_t i = 0; i < r->unsure_count; i++) {
        uint64_t end = r->unsure[i].span.from;
        if (st_id_cmp(&part->device, &r->unsure[i].device) != 0)
            continue;
        if (part->upto >= end)
            part->upto = end - 1;
        while (part->singles_count > 0 && part->singles[part->singles_count - 1] >= end)
            part->singles_count--;
        while (part->holes_count > 0 && part->holes[part->holes_count - 1] >= end)
            part->holes_count--;
    }
}

/* What the author had before him of the device that there is now: what is sealed of it, and of the
 * record the replayed changes, by their new counters. */
static st_err own_part(replay *r, const replay_item *item, st_context_device *out_part,
                       st_error *error)
{
    const st_context *old = &item->change->context;
    st_context_device part = { .device = r->client->next.device };
    for (uint32_t i = 0; i < old->count; i++)
        if (st_id_cmp(&old->devices[i].device, &part.device) == 0)
            part = old->devices[i];
    cut_context(r, &part);
    const replay_item **first = r->by_record + find_record(r, &item->record), **before = first;
    while (*before != item)
        before++;
    uint64_t *singles = st_arena_array(
        &r->work, (size_t)(before - first) + part.singles_count, sizeof *singles);
    if (singles == NULL)
        return replay_no_memory(error);
    if (part.singles_count > 0)
        memcpy(singles, part.singles, part.singles_count * sizeof *singles);
    for (const replay_item **one = first; one != before; one++)
        if (st_context_has(old, &(*one)->entry.dot))
            singles[part.singles_count++] = (*one)->new_dot.counter;
    part.singles = singles;
    *out_part = part;
    return ST_OK;
}

static void add_part(const st_context_device *part, st_context *context,
                     st_context_device *parts)
{
    if (part->upto > 0 || part->singles_count > 0 || part->holes_count > 0)
        parts[context->count++] = *part;
}

/* What the author of the act had before him then, with the new dots; not what is known by now. */
static st_err map_context(replay *r, const replay_item *item, st_change *change, st_error *error)
{
    const st_context *old = &item->change->context;
    st_context_device *parts = st_arena_array(&r->work, old->count + 1u, sizeof *parts), own;
    st_context context = { parts, 0 };
    bool has_own = false;
    if (parts == NULL)
        return replay_no_memory(error);
    st_err err = own_part(r, item, &own, error);
    if (err != ST_OK)
        return err;
    for (uint32_t i = 0; i < old->count; i++) {
        st_context_device part = old->devices[i];
        int side = st_id_cmp(&part.device, &own.device);
        if (side >= 0 && !has_own)
            add_part(&own, &context, parts);
        has_own = has_own || side >= 0;
        cut_context(r, &part);
        if (side != 0)
            add_part(&part, &context, parts);
    }
    if (!has_own)
        add_part(&own, &context, parts);
    change->context = context;
    return ST_OK;
}

static void map_record(const replay *r, replay_item *item, st_change *change)
{
    if (change->creates)
        change->record = st_record_id(&change->dot, change->random);
    else
        replay_map_id(r, &change->record);
    item->new_record = change->record;
}

st_err replay_map_change(replay *r, replay_item *item, st_change *change, st_error *error)
{
    map_record(r, item, change);
    st_err err = map_ops(r, change, error);
    if (err == ST_OK)
        err = map_under(r, change, error);
    return err == ST_OK ? map_context(r, item, change, error) : err;
}

static st_err map_path(replay *r, const char **path, st_error *error)
{
    st_value text = { .kind = ST_VALUE_TEXT };
    text.data = (const uint8_t *)*path;
    text.len = (uint32_t)strlen(*path);
    st_err err = map_text(r, &text, error);
    const uint8_t *anew = err == ST_OK ? st_arena_copy(&r->work, text.data, text.len) : NULL;
    if (anew == NULL)
        return replay_no_memory(error);
    *path = (const char *)anew;
    return ST_OK;
}

static st_err map_shown(replay *r, draft_pair *pair, st_error *error)
{
    st_dot *dots = st_arena_array(&r->work, pair->shown_count, sizeof *dots);
    if (dots == NULL)
        return replay_no_memory(error);
    for (uint32_t i = 0; i < pair->shown_count; i++) {
        dots[i] = pair->shown[i];
        (void)map_dot(r, &dots[i]);
    }
    if (pair->shown_count > 1)
        qsort(dots, pair->shown_count, sizeof *dots, dot_order);
    pair->shown = dots;
    return ST_OK;
}

st_err replay_map_copy(replay *r, draft_copy *copy, st_error *error)
{
    st_change under = { .under = copy->under, .under_count = copy->under_count };
    st_err err = map_under(r, &under, error);
    copy->under = under.under;
    for (size_t i = 0; err == ST_OK && i < copy->count; i++) {
        err = map_path(r, &copy->pairs[i].path, error);
        if (err == ST_OK)
            err = map_shown(r, &copy->pairs[i], error);
    }
    return err;
}
