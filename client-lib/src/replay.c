/* client-lib/src/replay.c - a device with a new key takes over what the old one had not got
 * through: unsealed changes, and those of a branch that the server calls a fork. Behind these, what
 * it had recorded itself and not sealed yet.
 * Promises: the same operations in the same order under new dots; what they replaced of each other
 * they still replace; records they made are made anew, and what names one of them, or an item,
 * names it under its new id. What is left behind is named under nobody's name.
 * Never: lets it name what another branch wrote, which its author did not see; touches a set that
 * the server has, or may have: those are sent again as they are. */
#include "client-lib/src/replay_names.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/closed.h"

static st_err add_unsure(replay *r, const st_id *device, st_gone span, st_error *error)
{
    replay_span *list = r->unsure, *last = list + r->unsure_count - (r->unsure_count > 0);
    if (r->unsure_count > 0 && st_id_cmp(&last->device, device) == 0 &&
        last->span.to + 1 == span.from) {
        last->span.to = span.to;
        return ST_OK;
    }
    if (r->unsure_count == r->unsure_capacity)
        list = st_arena_grow(&r->arena, list, r->unsure_count, &r->unsure_capacity, sizeof *list);
    if (list == NULL)
        return replay_no_memory(error);
    r->unsure = list;
    r->unsure[r->unsure_count++] = (replay_span){ *device, span };
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

static bool is_ours_to_replay(const replay *r, const overlay_entry *entry)
{
    bool forked = entry->status == OVERLAY_HELD && entry->hold == ST_HOLD_FORK;
    if (replay_is_present(r, entry))
        return entry->status == OVERLAY_UNSEALED;
    return r->old != NULL && st_id_cmp(&entry->dot.device, &r->old->device) == 0 &&
           (entry->status == OVERLAY_UNSEALED || forked);
}

static st_err add_item(replay *r, replay_item *item, st_error *error)
{
    replay_item *items = r->items;
    if (r->count == r->capacity)
        items = st_arena_grow(&r->arena, items, r->count, &r->capacity, sizeof *items);
    if (items == NULL)
        return replay_no_memory(error);
    item->is_present = replay_is_present(r, &item->entry);
    if (!item->is_present && item->entry.dot.counter < r->begin)
        r->begin = item->entry.dot.counter;
    r->items = items;
    r->items[r->count++] = *item;
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

/* Every own note that must be replayed. */
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
            err = add_item(r, &item, error);
        if (err != ST_OK)
            return err;
    }
}

/* The set of its change, which is read once for all that lie in it; `before` is the item read
 * before it, or NULL. */
static st_err read_set(replay *r, const replay_item *before, replay_item *item, st_error *error)
{
    const overlay_entry *entry = &item->entry;
    if (before == NULL || entry->first == 0 || before->entry.first != entry->first)
        return overlay_set_get(r->client, &entry->dot, entry->first, &r->arena, &item->set, error);
    item->set = before->set;
    return ST_OK;
}

/* All of them, in order; those that do not open are items no more. */
static st_err read_items(replay *r, st_error *error)
{
    size_t kept = 0;
    uint64_t damaged = 0; /* a set of which that is known */
    if (r->count > 1)
        qsort(r->items, r->count, sizeof *r->items, replay_order);
    for (size_t i = 0; i < r->count; i++) {
        replay_item item = r->items[i];
        const bool is_known = damaged != 0 && item.entry.first == damaged;
        const replay_item *before = kept == 0 ? NULL : &r->items[kept - 1];
        st_err err = is_known ? ST_OK : read_set(r, before, &item, error);
        if (is_known || book_is_damage(&r->client->book, err)) {
            damaged = item.entry.first;
            err = leave_behind(r, &item.entry, error);
        } else if (err == ST_OK) {
            item.change = overlay_change(&item.set, item.entry.dot.counter);
            if (item.change == NULL)
                err = st_fail(error, ST_E_CORRUPT, "store: an own change is not in its set");
            r->items[kept++] = item;
            r->taken += item.is_present ? 0 : 1;
        }
        if (err != ST_OK)
            return err;
    }
    r->count = kept;
    return ST_OK;
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

/* `here` names what is sealed under the name that there is now, as far as that is known. */
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
        if (err == ST_OK && sealed > 0)
            err = find_sealed(r, &bucket, &state.here, error);
        if (err == ST_OK)
            err = bucket_put(&r->client->book, &bucket, &state, error);
        if (err != ST_OK)
            return err;
    }
}

/* The first unsealed change in a bucket knows better: that set may be gone, since it came back. */
static st_err find_here(replay *r, const replay_item *item, st_error *error)
{
    bucket_state state;
    const uint64_t before = item->change->prev;
    if (!item->is_present || before == 0 || before > r->client->next.sealed)
        return ST_OK;
    st_err err = bucket_get(&r->client->book, &item->set.bucket, &state, error);
    state.here = before;
    return err == ST_OK ? bucket_put(&r->client->book, &item->set.bucket, &state, error) : err;
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
    /* Behind what is taken over, which did not wait through that answer, it is not the next one. */
    if (item->is_present && r->taken == 0 && item->entry.dot.counter <= r->heard)
        client->next.heard = change.dot.counter;
    err = replay_map_change(r, item, &change, error);
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
    st_arena_reset(&r->work);
    return err == ST_OK ? bucket_put(&client->book, &set.bucket, &state, error) : err;
}

/* ---- working copies ---- */

/* A record that was made anew goes by its new id; what a working copy names, by what it is called
 * now. */
static st_err move_draft(replay *r, const st_id *record, st_error *error)
{
    book_db *book = &r->client->book;
    draft_copy copy;
    st_id id = *record;
    st_err err = draft_get(book, record, &r->work, &copy, error);
    if (book_is_damage(book, err))
        return ST_OK; /* one that does not open stays where it is */
    if (err != ST_OK || copy.count == 0)
        return err;
    err = replay_map_copy(r, &copy, error);
    book_key from = book_key_id(BOOK_DRAFT, record);
    replay_map_id(r, &id);
    if (err == ST_OK)
        err = book_delete(book, &from, error);
    if (err == ST_OK)
        err = draft_keep(book, &id, &copy, error);
    st_arena_reset(&r->work);
    return err;
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
    r->doubts_to = UINT64_MAX;
    st_arena_init(&r->arena, CLIENT_WORK_BYTES_MAX);
    st_arena_init(&r->work, CLIENT_WORK_BYTES_MAX);
}

static void end_replay(replay *r)
{
    st_arena_reset(&r->work);
    st_arena_reset(&r->arena);
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

/* What is made anew from now on leans on what waits for its answer, as it did. */
static void trust_unanswered(replay *r)
{
    r->unsure += r->unanswered;
    r->unsure_count -= r->unanswered;
    r->unanswered = 0;
}

/* Takes out what is to be made anew, and makes it. */
static st_err make_anew(replay *r, st_error *error)
{
    st_err err = port_random(r->client->book.port, r->mask.b, sizeof r->mask.b, error);
    if (err == ST_OK)
        err = collect(r, error);
    if (err == ST_OK)
        err = read_items(r, error);
    if (err == ST_OK)
        err = replay_sort_records(r, error);
    if (err == ST_OK)
        err = find_unsure(r, error);
    if (err == ST_OK)
        err = clear_old(r, error);
    if (err == ST_OK)
        err = clear_here(r, error);
    for (size_t i = 0; err == ST_OK && i < r->count; i++)
        err = find_here(r, &r->items[i], error);
    identity *next = &r->client->next;
    r->heard = next->heard;
    next->counter = next->sealed;
    next->heard = r->heard < next->sealed ? r->heard : next->sealed;
    for (size_t i = 0; err == ST_OK && i < r->count; i++) {
        if (r->items[i].entry.dot.counter > r->doubts_to)
            trust_unanswered(r);
        err = write_one(r, &r->items[i], error);
    }
    r->is_typed = r->is_doubted;
    if (err == ST_OK)
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
    end_replay(&r);
    return err;
}

st_err replay_without(sotay_client *client, const replay_span *list, size_t count, st_error *error)
{
    replay r;
    st_err err = ST_OK;
    begin_replay(&r, client);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = add_unsure(&r, &list[i].device, list[i].span, error);
    if (err == ST_OK)
        err = make_anew(&r, error);
    end_replay(&r);
    return err;
}

/* The sets of names that were left of which the server has not said what they are. Found before all
 * else that is unsure. */
static st_err find_unanswered(replay *r, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set set;
        err = outbox_next_left(r->client, false, &scan, &set, error);
        if (err == ST_OK)
            err = add_unsure(r, &set.device, (st_gone){ set.first, set.last }, error);
    }
    r->unanswered = r->unsure_count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err replay_doubted(sotay_client *client, uint64_t last, st_error *error)
{
    replay r;
    begin_replay(&r, client);
    r.is_doubted = true;
    r.doubts_to = last;
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
    end_replay(&r);
    return err;
}
