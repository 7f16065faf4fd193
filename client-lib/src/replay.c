/* client-lib/src/replay.c - a device with a new key takes over what the old one had not got
 * through: unsealed changes, and those of a branch that the server calls a fork. Behind these, what
 * it had recorded itself and not sealed yet.
 * Promises: the same operations in the same order under new dots; what they replaced of each other
 * they still replace; records they made are made anew, and what names one of them, or an item,
 * names it under its new id. What is left behind is named under nobody's name.
 * Never: lets it name what another branch wrote, which its author did not see; touches a set that
 * the server has, or may have: those are sent again as they are. */
#include "client-lib/src/replay.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/closed.h"
#include "client-lib/src/draft.h"
#include "proto/view.h"

typedef struct {
    overlay_entry entry;
    st_id record; /* as it was */
    st_id new_record;
    st_dot new_dot;
    st_set set; /* header of the set it lay in */
    const st_change *change;
    bool is_present; /* the device recorded it itself */
} replay_item;

/* Counters of a device under which nobody knows of another change, or another branch may have one.
 * Contexts end in front of them. */
typedef struct {
    st_id device;
    st_gone span;
} replay_unsure;

typedef struct {
    sotay_client *client;
    const identity *old; /* NULL: no other device's work is taken over */
    bool is_doubted;     /* what is unsure may yet be what its author saw: it stays where it is */
    st_arena arena;
    replay_item *items;
    size_t count, capacity;
    size_t taken;   /* so many of them are taken over: the first ones, once in order */
    uint64_t begin; /* the first counter of what the old device goes no further with */
    replay_unsure *unsure;
    size_t unsure_count, unsure_capacity;
    st_id nobody; /* under its name goes what is left behind of that */
} replay;

static st_err add_unsure(replay *r, const st_id *device, st_gone span, st_error *error)
{
    replay_unsure *list = r->unsure;
    if (r->unsure_count == r->unsure_capacity)
        list = st_arena_grow(&r->arena, list, r->unsure_count, &r->unsure_capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    r->unsure = list;
    r->unsure[r->unsure_count++] = (replay_unsure){ *device, span };
    return ST_OK;
}

/* It begins behind the last own set, of those before `before`, that the server has, or may still
 * get from here. What lies between is not here, and under its counters another branch may write. */
static st_err find_begin(replay *r, uint64_t before, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OWN, &r->old->device);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    r->begin = 1;
    while (err == ST_OK) {
        outbox_set set;
        bool counts = false;
        err = outbox_next(&r->client->book, &scan, &set, error);
        if (err != ST_OK || set.first >= before || closed_is_fork(&set))
            continue;
        counts = !outbox_waits(&set);
        if (!counts)
            err = closed_is_kept(r->client, &set, &counts, error);
        if (counts)
            r->begin = set.last + 1;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Does the device that there is now have it, as a change that it recorded itself? */
static bool is_present(const replay *r, const overlay_entry *entry)
{
    return st_id_cmp(&entry->dot.device, &r->client->next.device) == 0;
}

static bool is_ours_to_replay(const replay *r, const overlay_entry *entry)
{
    bool forked = entry->status == OVERLAY_HELD && entry->hold == ST_HOLD_FORK;
    if (is_present(r, entry))
        return entry->status == OVERLAY_UNSEALED;
    return r->old != NULL && st_id_cmp(&entry->dot.device, &r->old->device) == 0 &&
           (entry->status == OVERLAY_UNSEALED || forked);
}

static st_err take_item(replay *r, replay_item *item, st_error *error)
{
    replay_item *items = r->items;
    item->change = overlay_change(&item->set, item->entry.dot.counter);
    if (item->change == NULL)
        return st_fail(error, ST_E_CORRUPT, "store: an own change is not in its set");
    if (r->count == r->capacity)
        items = st_arena_grow(&r->arena, items, r->count, &r->capacity, sizeof *items);
    if (items == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    r->items = items;
    r->items[r->count++] = *item;
    r->taken += item->is_present ? 0 : 1;
    return ST_OK;
}

/* What does not open goes under no other name: it is lost. */
static st_err leave_behind(replay *r, const overlay_entry *entry, st_error *error)
{
    const st_gone span = { entry->dot.counter, entry->dot.counter };
    book_key unsealed = book_key_of(BOOK_CHANGE);
    book_key_u64(&unsealed, span.from);
    st_err err = entry->first == 0 ? book_delete(&r->client->book, &unsealed, error) : ST_OK;
    r->client->next.lost++;
    return err == ST_OK ? outbox_forget(r->client, &entry->dot.device, &span, error) : err;
}

static st_err read_item(replay *r, replay_item *item, st_error *error)
{
    const overlay_entry *entry = &item->entry;
    item->is_present = is_present(r, entry);
    if (!item->is_present && entry->dot.counter < r->begin)
        r->begin = entry->dot.counter;
    st_err err =
        overlay_set_get(r->client, &entry->dot, entry->first, &r->arena, &item->set, error);
    if (book_is_damage(&r->client->book, err))
        return leave_behind(r, entry, error);
    return err == ST_OK ? take_item(r, item, error) : err;
}

/* Every own note that must be replayed, with its change. */
static st_err collect(replay *r, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OVER);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        replay_item item;
        memset(&item, 0, sizeof item);
        st_err err = book_scan_next(&r->client->book, &scan, NULL, NULL, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err == ST_OK && scan.at.len != 1 + 16 + 16 + 8)
            err = st_fail(error, ST_E_CORRUPT, "store: the note of an own change is damaged");
        if (err != ST_OK)
            return err;
        st_dot dot;
        memcpy(item.record.b, scan.at.b + 1, 16);
        memcpy(dot.device.b, scan.at.b + 17, 16);
        dot.counter = st_get_u64(scan.at.b + 33);
        err = overlay_get(&r->client->book, &item.record, &dot, &item.entry, error);
        if (err == ST_OK && is_ours_to_replay(r, &item.entry))
            err = read_item(r, &item, error);
        if (err != ST_OK)
            return err;
    }
}

static int in_order(const void *left, const void *right)
{
    const replay_item *a = left, *b = right;
    uint64_t x = a->entry.dot.counter, y = b->entry.dot.counter;
    if (a->is_present != b->is_present)
        return a->is_present - b->is_present;
    return (x > y) - (x < y);
}

/* The old notes, unsealed changes and rows go; a forked set is no longer an own one. */
static st_err clear_old(replay *r, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < r->count; i++) {
        const replay_item *item = &r->items[i];
        book_key key = book_key_of(BOOK_CHANGE);
        book_key_u64(&key, item->entry.dot.counter);
        if (item->entry.first != 0)
            key = book_key_counter(BOOK_OWN, &item->entry.dot.device, item->entry.first);
        err = book_delete(&r->client->book, &key, error);
        key.b[0] = BOOK_SET; /* the other branch's set has the same name */
        if (err == ST_OK && item->entry.first != 0)
            err = book_delete(&r->client->book, &key, error);
        if (err == ST_OK)
            err = overlay_delete(&r->client->book, &item->record, &item->entry.dot, error);
    }
    return err;
}

/* `here` names what is sealed under the name that there is now; where that is not known any more,
 * it begins anew, as with a new device. */
static st_err clear_here(replay *r, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    const uint64_t sealed = r->client->next.sealed;
    for (;;) {
        st_bucket bucket;
        bucket_state state;
        st_err err = bucket_next(&r->client->book, &scan, &bucket, &state, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err == ST_OK && sealed > 0 && state.here <= sealed)
            continue;
        state.here = 0;
        if (err == ST_OK)
            err = bucket_put(&r->client->book, &bucket, &state, error);
        if (err != ST_OK)
            return err;
    }
}

static const replay_item *find_dot(const replay *r, const st_dot *dot)
{
    for (size_t i = 0; i < r->count; i++)
        if (st_dot_cmp(&r->items[i].entry.dot, dot) == 0)
            return &r->items[i];
    return NULL;
}

/* What is sealed in the bucket last, as far as the sets say. */
static st_err find_sealed(replay *r, const st_bucket *bucket, uint64_t *out_here, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OWN, &r->client->next.device);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        outbox_set own;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = outbox_next(&r->client->book, &scan, &own, error);
        const st_dot at = { own.device, own.first };
        st_err read = err == ST_OK
                          ? overlay_set_get(r->client, &at, own.first, &arena, &set, error)
                          : ST_E_NOT_FOUND;
        if (read == ST_OK && strcmp(set.bucket.s, bucket->s) == 0)
            *out_here = own.last;
        else if (read != ST_OK && read != ST_E_NOT_FOUND && !book_is_damage(&r->client->book, read))
            err = read;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The first unsealed change in a bucket says what was sealed there last; where that change was left
 * behind, the sets do. */
static st_err find_here(replay *r, const replay_item *item, st_error *error)
{
    bucket_state state;
    const st_id device = r->client->next.device;
    const st_dot before = { device, item->change->prev };
    if (!item->is_present || r->client->next.sealed == 0 || find_dot(r, &before) != NULL)
        return ST_OK;
    st_err err = bucket_get(&r->client->book, &item->set.bucket, &state, error);
    state.here = before.counter;
    if (err == ST_OK && before.counter > r->client->next.sealed) {
        state.here = 0;
        err = find_sealed(r, &item->set.bucket, &state.here, error);
    }
    return err == ST_OK ? bucket_put(&r->client->book, &item->set.bucket, &state, error) : err;
}

/* ---- new dots for old ---- */

static bool is_unsure(const replay *r, const st_dot *dot)
{
    for (size_t i = 0; i < r->unsure_count; i++) {
        const replay_unsure *unsure = &r->unsure[i];
        if (st_id_cmp(&unsure->device, &dot->device) == 0 && dot->counter >= unsure->span.from &&
            dot->counter <= unsure->span.to)
            return true;
    }
    return false;
}

/* That of a change which is left behind is never written again. False: it stays as it is. */
static bool map_dot(const replay *r, st_dot *dot)
{
    if (!is_unsure(r, dot))
        return false;
    const replay_item *item = find_dot(r, dot);
    if (item != NULL && item->new_dot.counter == 0)
        return false; /* it is not made anew yet */
    *dot = item == NULL ? (st_dot){ r->nobody, dot->counter } : item->new_dot;
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

/* A record that was made anew already goes by its new id. */
static void map_id(const replay *r, st_id *id)
{
    for (size_t i = 0; i < r->count && r->items[i].new_dot.counter != 0; i++)
        if (r->items[i].change->creates && st_id_cmp(&r->items[i].record, id) == 0) {
            *id = r->items[i].new_record;
            return;
        }
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
    uint8_t *anew = st_arena_array(&r->arena, (size_t)text->len + ST_DOT_TEXT_BYTES, 2);
    if (anew == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
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
        map_id(r, &id);
        memcpy(op->path.element, id.b, sizeof id.b);
    }
    if (op->value.kind == ST_VALUE_TEXT)
        return map_text(r, &op->value, error);
    if (op->value.kind != ST_VALUE_ID || op->value.len != sizeof id.b)
        return ST_OK;
    uint8_t *bytes = st_arena_array(&r->arena, 1, sizeof id.b);
    if (bytes == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    memcpy(id.b, op->value.data, sizeof id.b);
    map_id(r, &id);
    memcpy(bytes, id.b, sizeof id.b);
    op->value.data = bytes;
    return ST_OK;
}

static st_err map_ops(replay *r, st_change *change, st_error *error)
{
    st_op *ops = st_arena_array(&r->arena, change->ops_count, sizeof *ops);
    if (ops == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    for (uint32_t i = 0; i < change->ops_count; i++) {
        ops[i] = change->ops[i];
        (void)map_place(r, &ops[i].path.item);
        (void)map_dot(r, &ops[i].kept);
        st_err err = map_named(r, &ops[i], error);
        if (err != ST_OK)
            return err;
        st_dot *dots = st_arena_array(&r->arena, ops[i].replaces_count, sizeof *dots);
        if (dots == NULL)
            return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
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
    st_under *under = st_arena_array(&r->arena, change->under_count, sizeof *under);
    if (under == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
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
    uint64_t *singles = st_arena_array(&r->arena, r->count + part.singles_count, sizeof *singles);
    if (singles == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    if (part.singles_count > 0)
        memcpy(singles, part.singles, part.singles_count * sizeof *singles);
    for (const replay_item *before = r->items; before != item; before++)
        if (st_id_cmp(&before->record, &item->record) == 0 &&
            st_context_has(old, &before->entry.dot))
            singles[part.singles_count++] = before->new_dot.counter;
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
    st_context_device *parts = st_arena_array(&r->arena, old->count + 1u, sizeof *parts), own;
    st_context context = { parts, 0 };
    bool has_own = false;
    if (parts == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
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
    if (change->creates) {
        change->record = st_record_id(&change->dot, change->random);
    } else {
        for (const replay_item *before = r->items; before != item; before++)
            if (before->change->creates && st_id_cmp(&before->record, &change->record) == 0)
                change->record = before->new_record;
    }
    item->new_record = change->record;
}

static st_err write_one(replay *r, replay_item *item, st_error *error)
{
    sotay_client *client = r->client;
    bucket_state state;
    st_change change = *item->change;
    st_set set = item->set;
    st_err err = bucket_get(&client->book, &set.bucket, &state, error);
    if (err != ST_OK)
        return err;
    change.dot.device = client->next.device;
    change.dot.counter = ++client->next.counter;
    change.prev = state.here;
    if (client->next.sealed > 0 && r->taken > 0) /* the stamps of one device rise */
        change.hlc = st_hlc_tick(&client->next.hlc, change.wall_ms);
    item->new_dot = change.dot;
    map_record(r, item, &change);
    err = map_ops(r, &change, error);
    if (err == ST_OK)
        err = map_under(r, &change, error);
    if (err == ST_OK)
        err = map_context(r, item, &change, error);
    set.device = change.dot.device;
    set.first = change.dot.counter;
    set.has_prev = false;
    set.here = change.prev;
    set.changes = &change;
    set.changes_count = 1;
    if (err == ST_OK)
        err = edit_change_put(client, &set, error);
    overlay_entry entry = { .dot = change.dot };
    if (err == ST_OK)
        err = overlay_put(&client->book, &change.record, &entry, error);
    state.here = change.dot.counter;
    return err == ST_OK ? bucket_put(&client->book, &set.bucket, &state, error) : err;
}

/* ---- working copies ---- */

static st_err map_path(replay *r, const char **path, st_error *error)
{
    st_value text = { .kind = ST_VALUE_TEXT };
    text.data = (const uint8_t *)*path;
    text.len = (uint32_t)strlen(*path);
    st_err err = map_text(r, &text, error);
    const uint8_t *anew = err == ST_OK ? st_arena_copy(&r->arena, text.data, text.len) : NULL;
    if (anew == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    *path = (const char *)anew;
    return ST_OK;
}

static st_err map_shown(replay *r, draft_pair *pair, st_error *error)
{
    st_dot *dots = st_arena_array(&r->arena, pair->shown_count, sizeof *dots);
    if (dots == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
    for (uint32_t i = 0; i < pair->shown_count; i++) {
        dots[i] = pair->shown[i];
        (void)map_dot(r, &dots[i]);
    }
    if (pair->shown_count > 1)
        qsort(dots, pair->shown_count, sizeof *dots, dot_order);
    pair->shown = dots;
    return ST_OK;
}

/* A record that was made anew goes by its new id; what a working copy names, by what it is called
 * now. */
static st_err move_draft(replay *r, const st_id *record, st_error *error)
{
    book_db *book = &r->client->book;
    draft_copy copy;
    st_id id = *record;
    st_err err = draft_get(book, record, &r->arena, &copy, error);
    if (book_is_damage(book, err))
        return ST_OK; /* one that does not open stays where it is */
    if (err != ST_OK || copy.count == 0)
        return err;
    st_change under = { .under = copy.under, .under_count = copy.under_count };
    err = map_under(r, &under, error);
    copy.under = under.under;
    for (size_t i = 0; err == ST_OK && i < copy.count; i++) {
        err = map_path(r, &copy.pairs[i].path, error);
        if (err == ST_OK)
            err = map_shown(r, &copy.pairs[i], error);
    }
    book_key from = book_key_id(BOOK_DRAFT, record);
    map_id(r, &id);
    if (err == ST_OK)
        err = book_delete(book, &from, error);
    return err == ST_OK ? draft_keep(book, &id, &copy, error) : err;
}

/* The records that have one, before any is moved: none is to be moved twice. */
static st_err list_drafts(replay *r, st_id **out_list, size_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DRAFT);
    book_scan scan = book_scan_of(&prefix);
    st_id *list = NULL;
    size_t count = 0, capacity = 0;
    for (;;) {
        st_err err = book_scan_next(&r->client->book, &scan, NULL, NULL, error);
        if (err == ST_OK && count == capacity)
            list = st_arena_grow(&r->arena, list, count, &capacity, sizeof *list);
        if (err == ST_OK && list == NULL)
            err = st_fail(error, ST_E_MEMORY, "enrol: no memory to carry work over");
        *out_list = list;
        *out_count = count;
        if (err != ST_OK)
            return err == ST_E_NOT_FOUND ? ST_OK : err;
        if (scan.at.len == 1 + sizeof list->b)
            memcpy(list[count++].b, scan.at.b + 1, sizeof list->b);
    }
}

/* All of them: what one names may be left behind, with nothing of its record made anew. */
static st_err move_drafts(replay *r, st_error *error)
{
    st_id *list = NULL;
    size_t count = 0;
    st_err err = list_drafts(r, &list, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = move_draft(r, &list[i], error);
    return err;
}

/* Rows follow a record to its new id; the old one leads there. One that is damaged stays in the
 * list as it is. */
static st_err move_record(replay *r, const replay_item *item, st_error *error)
{
    st_err err = ST_OK;
    if (item->change->creates && st_id_cmp(&item->record, &item->new_record) != 0) {
        book_key alias = book_key_id(BOOK_ALIAS, &item->record);
        err = book_put(&r->client->book, &alias, item->new_record.b, 16, error);
        if (err == ST_OK)
            err = overlay_row_settle(r->client, &item->record, error);
    }
    return err == ST_OK ? overlay_row_settle(r->client, &item->new_record, error) : err;
}

static void begin_replay(replay *r, sotay_client *client)
{
    memset(r, 0, sizeof *r);
    r->client = client;
    st_arena_init(&r->arena, CLIENT_WORK_BYTES_MAX);
}

/* Which counters are unsure, once it is known what is made anew: also those that are given out
 * again. */
static st_err find_unsure(replay *r, st_error *error)
{
    const identity *next = &r->client->next;
    const st_gone unsealed = { next->sealed + 1, next->counter };
    st_err err = ST_OK;
    if (r->old != NULL)
        err = add_unsure(r, &r->old->device, (st_gone){ r->begin, UINT64_MAX }, error);
    if (err == ST_OK && unsealed.from <= unsealed.to)
        err = add_unsure(r, &next->device, unsealed, error);
    return err;
}

/* Takes out what is to be made anew, and makes it. */
static st_err make_anew(replay *r, st_error *error)
{
    st_err err = port_random(r->client->book.port, r->nobody.b, sizeof r->nobody.b, error);
    if (err == ST_OK)
        err = collect(r, error);
    if (err == ST_OK)
        err = find_unsure(r, error);
    if (r->count > 1)
        qsort(r->items, r->count, sizeof *r->items, in_order);
    if (err == ST_OK)
        err = clear_old(r, error);
    if (err == ST_OK)
        err = clear_here(r, error);
    for (size_t i = 0; err == ST_OK && i < r->count; i++)
        err = find_here(r, &r->items[i], error);
    r->client->next.counter = r->client->next.sealed;
    for (size_t i = 0; err == ST_OK && i < r->count; i++)
        err = write_one(r, &r->items[i], error);
    if (err == ST_OK && !r->is_doubted)
        err = move_drafts(r, error);
    for (size_t i = 0; err == ST_OK && i < r->count; i++)
        err = move_record(r, &r->items[i], error);
    return err;
}

st_err replay_changes(sotay_client *client, const identity *old, uint64_t fork, st_error *error)
{
    replay r;
    begin_replay(&r, client);
    r.old = old;
    st_err err = find_begin(&r, fork == 0 ? UINT64_MAX : fork, error);
    if (err == ST_OK)
        err = make_anew(&r, error);
    st_arena_reset(&r.arena);
    return err;
}

st_err replay_without(sotay_client *client, const st_id *device, const st_gone *span,
                      st_error *error)
{
    replay r;
    begin_replay(&r, client);
    st_err err = add_unsure(&r, device, *span, error);
    if (err == ST_OK)
        err = make_anew(&r, error);
    st_arena_reset(&r.arena);
    return err;
}

/* The sets of names that were left of which the server has not said what they are. */
static st_err find_unanswered(replay *r, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set set;
        err = outbox_next_left(r->client, &scan, &set, error);
        if (err == ST_OK)
            err = add_unsure(r, &set.device, (st_gone){ set.first, set.last }, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err replay_doubted(sotay_client *client, st_error *error)
{
    replay r;
    begin_replay(&r, client);
    r.is_doubted = true;
    st_err err = client_begin(client, true, error);
    if (err == ST_OK)
        err = find_unanswered(&r, error);
    bool is_any = err == ST_OK && r.unsure_count > 0;
    if (is_any)
        err = make_anew(&r, error);
    if (is_any && err == ST_OK)
        err = client_commit(client, error);
    else
        client_abort(client);
    st_arena_reset(&r.arena);
    return err;
}
