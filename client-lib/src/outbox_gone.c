/* client-lib/src/outbox_gone.c - own sets and changes whose bytes are not here: what is told of
 * them, what is shown without them, and what happens when they come back.
 * Promises: each counter that exists no more is counted once, and no other.
 * Never: calls a set gone whose bytes are here, open or sealed. */
#include "client-lib/src/closed.h"
#include "client-lib/src/replay.h"

/* What is kept, and what was lost before, is taken off *lost. */
static st_err lose_sets(sotay_client *client, const st_id *device, const st_gone *span,
                        uint64_t *lost, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OWN, device);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set set;
        bool kept = true;
        err = outbox_next(&client->book, &scan, &set, error);
        if (err != ST_OK || set.first < span->from || set.last > span->to)
            continue;
        err = closed_is_kept(client, &set, &kept, error);
        if (kept || set.status == OUTBOX_LOST)
            *lost -= set.last - set.first + 1;
        set.status = OUTBOX_LOST;
        set.position = 0;
        set.hold = ST_HOLD_NONE;
        if (err == ST_OK && !kept)
            err = outbox_put(&client->book, &set, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outbox_is_lost(book_db *book, const overlay_entry *entry, bool *out_is, st_error *error)
{
    outbox_set set;
    *out_is = false;
    if (entry->first == 0)
        return ST_OK;
    st_err err = outbox_get(book, &entry->dot.device, entry->first, &set, error);
    *out_is = err == ST_OK && set.status == OUTBOX_LOST;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* One of which that cannot be told stays. */
static st_err drop_if_lost(sotay_client *client, const st_id *record, const st_dot *dot,
                           bool *out_is, st_error *error)
{
    overlay_entry entry;
    *out_is = false;
    st_err err = overlay_get(&client->book, record, dot, &entry, error);
    if (err == ST_OK)
        err = outbox_is_lost(&client->book, &entry, out_is, error);
    if (err == ST_OK && *out_is)
        err = overlay_delete(&client->book, record, dot, error);
    return book_is_damage(&client->book, err) ? ST_OK : err;
}

st_err outbox_drop_lost(sotay_client *client, const st_id *record, bool *out_any, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OVER, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_any = false;
    while (err == ST_OK) {
        st_id of;
        st_dot dot;
        bool is_lost = false;
        err = overlay_note_next(&client->book, &scan, &of, &dot, error);
        if (err == ST_OK)
            err = drop_if_lost(client, record, &dot, &is_lost, error);
        *out_any = *out_any || is_lost;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Does something over the base that opens make the record? */
static st_err is_made_here(sotay_client *client, const st_id *record, bool *out_is, st_error *error)
{
    st_arena arena;
    overlay_walk walk;
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    overlay_walk_begin(&walk, client, record, &arena);
    while (err == ST_OK && !*out_is) {
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        *out_is = err == ST_OK && change->creates;
        if (book_is_damage(&client->book, err))
            err = ST_OK;
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Of a record that nothing else makes they stay, until it comes with a page: the row of the list is
 * all that tells of it. */
static st_err lose_notes_of(sotay_client *client, const st_id *record, st_error *error)
{
    bool is_made = false, any = false;
    book_key base = book_key_id(BOOK_BASE, record);
    st_err err = book_has(&client->book, &base, &is_made, error);
    if (err == ST_OK && !is_made)
        err = is_made_here(client, record, &is_made, error);
    if (err == ST_OK && is_made)
        err = outbox_drop_lost(client, record, &any, error);
    return err == ST_OK && any ? overlay_row_settle(client, record, error) : err;
}

typedef struct {
    book_scan scan;
    st_id device;
    st_gone span;
    st_id record; /* result */
    st_dot dot;   /* result */
} note_walk;

static void note_walk_begin(note_walk *walk, const st_id *device, const st_gone *span)
{
    book_key prefix = book_key_of(BOOK_OVER);
    *walk = (note_walk){ .scan = book_scan_of(&prefix), .device = *device, .span = *span };
}

/* The next note of a change that the device made in the span. */
static st_err note_walk_next(note_walk *walk, book_db *book, st_error *error)
{
    const st_dot *dot = &walk->dot;
    for (;;) {
        st_err err = overlay_note_next(book, &walk->scan, &walk->record, &walk->dot, error);
        if (err != ST_OK ||
            (st_id_cmp(&dot->device, &walk->device) == 0 && dot->counter >= walk->span.from &&
             dot->counter <= walk->span.to))
            return err;
    }
}

/* With what is lost over it no record would open any more. */
static st_err lose_notes(sotay_client *client, const st_id *device, const st_gone *span,
                         st_error *error)
{
    note_walk walk;
    st_err err = ST_OK;
    note_walk_begin(&walk, device, span);
    while (err == ST_OK) {
        err = note_walk_next(&walk, &client->book, error);
        if (err == ST_OK)
            err = lose_notes_of(client, &walk.record, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err wait_again(sotay_client *client, const note_walk *walk, st_error *error)
{
    overlay_entry entry;
    st_err err = overlay_get(&client->book, &walk->record, &walk->dot, &entry, error);
    if (book_is_damage(&client->book, err))
        return ST_OK;
    if (err != ST_OK || entry.status == OVERLAY_CARRIED)
        return err;
    entry.status = OVERLAY_SEALED;
    entry.hold = ST_HOLD_NONE;
    err = overlay_put(&client->book, &walk->record, &entry, error);
    return err == ST_OK ? overlay_row_settle(client, &walk->record, error) : err;
}

st_err outbox_wait_again(sotay_client *client, const outbox_set *set, st_error *error)
{
    note_walk walk;
    st_err err = ST_OK;
    note_walk_begin(&walk, &set->device, &(st_gone){ set->first, set->last });
    while (err == ST_OK) {
        err = note_walk_next(&walk, &client->book, error);
        if (err == ST_OK)
            err = wait_again(client, &walk, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outbox_lose(sotay_client *client, const st_id *device, const st_gone *span,
                   uint64_t *out_lost, st_error *error)
{
    *out_lost = span->to - span->from + 1;
    st_err err = lose_sets(client, device, span, out_lost, error);
    return err == ST_OK ? lose_notes(client, device, span, error) : err;
}

st_err outbox_forget(sotay_client *client, const st_id *device, const st_gone *span,
                     st_error *error)
{
    note_walk walk;
    book_db *book = &client->book;
    book_key own = book_key_counter(BOOK_OWN, device, span->from);
    book_key bytes = book_key_counter(BOOK_SET, device, span->from);
    st_err err = book_delete(book, &own, error);
    if (err == ST_OK)
        err = book_delete(book, &bytes, error);
    note_walk_begin(&walk, device, span);
    while (err == ST_OK) {
        bool has_base = false;
        err = note_walk_next(&walk, book, error);
        book_key base = book_key_id(BOOK_BASE, &walk.record);
        if (err == ST_OK)
            err = overlay_delete(book, &walk.record, &walk.dot, error);
        if (err == ST_OK)
            err = book_has(book, &base, &has_base, error);
        if (err == ST_OK && has_base)
            err = overlay_row_settle(client, &walk.record, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outbox_next_left(sotay_client *client, bool uncovered, book_scan *scan, outbox_set *out_set,
                        st_error *error)
{
    const identity *me = &client->me;
    for (;;) {
        st_err err = outbox_next(&client->book, scan, out_set, error);
        bool is_left = err == ST_OK && st_id_cmp(&out_set->device, &me->device) != 0 &&
                       out_set->status != OUTBOX_LOST;
        if (err != ST_OK || (is_left && (outbox_waits(out_set) ||
                                         (uncovered && out_set->position > me->backed_up_to))))
            return err;
    }
}

/* The next one of these that is not here. */
static st_err next_gone(sotay_client *client, book_scan *scan, outbox_set *out_set, st_error *error)
{
    for (;;) {
        bool kept = true;
        st_err err = outbox_next_left(client, false, scan, out_set, error);
        if (err == ST_OK)
            err = closed_is_kept(client, out_set, &kept, error);
        if (err != ST_OK || !kept)
            return err;
    }
}

/* They are lost; *io_list, in the arena, says which. */
static st_err lose_each(sotay_client *client, st_arena *arena, replay_span **io_list,
                        size_t *io_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    size_t capacity = 0;
    for (;;) {
        outbox_set set;
        uint64_t lost = 0;
        st_err err = next_gone(client, &scan, &set, error);
        const replay_span one = { set.device, { set.first, set.last } };
        if (err == ST_OK)
            err = outbox_lose(client, &one.device, &one.span, &lost, error);
        client->next.lost += lost;
        if (err == ST_OK && *io_count == capacity)
            *io_list = st_arena_grow(arena, *io_list, *io_count, &capacity, sizeof one);
        if (err == ST_OK && *io_list == NULL)
            err = st_fail(error, ST_E_MEMORY, "outbox: no memory for what is lost");
        if (err != ST_OK)
            return err == ST_E_NOT_FOUND ? ST_OK : err;
        (*io_list)[(*io_count)++] = one;
    }
}

static st_err lose_left(sotay_client *client, st_error *error)
{
    st_arena arena;
    replay_span *list = NULL;
    size_t count = 0;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_begin(client, true, error);
    if (err == ST_OK)
        err = lose_each(client, &arena, &list, &count, error);
    if (err == ST_OK)
        err = replay_without(client, list, count, error);
    st_arena_reset(&arena);
    if (err == ST_OK)
        return client_commit(client, error);
    client_abort(client);
    return err;
}

st_err outbox_lose_left(sotay_client *client, bool *io_any, st_error *error)
{
    outbox_set set;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = next_gone(client, &scan, &set, error);
    client_abort(client);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    *io_any = true;
    return lose_left(client, error);
}

st_err outbox_pass_over(sotay_client *client, const st_id *device, const st_gone *span,
                        st_error *error)
{
    note_walk walk;
    st_err err = ST_OK;
    for (uint64_t counter = span->from; err == ST_OK && counter <= span->to; counter++) {
        const outbox_set own = { .device = *device, .first = counter, .last = counter };
        book_key unsealed = book_key_of(BOOK_CHANGE);
        book_key_u64(&unsealed, counter);
        err = book_delete(&client->book, &unsealed, error);
        if (err == ST_OK)
            err = outbox_put(&client->book, &own, error);
    }
    note_walk_begin(&walk, device, span);
    while (err == ST_OK) {
        err = note_walk_next(&walk, &client->book, error);
        overlay_entry entry = { .dot = walk.dot, .first = walk.dot.counter,
                                .status = OVERLAY_SEALED };
        if (err == ST_OK)
            err = overlay_put(&client->book, &walk.record, &entry, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- what comes back ---- */

/* The notes over records of what lies from `first` to `last` name the set of this counter. */
static st_err name_set(sotay_client *client, const st_id *device, const st_gone *span,
                       uint64_t first, st_error *error)
{
    note_walk walk;
    st_err err = ST_OK;
    note_walk_begin(&walk, device, span);
    while (err == ST_OK) {
        overlay_entry entry;
        err = note_walk_next(&walk, &client->book, error);
        if (err == ST_OK)
            err = overlay_get(&client->book, &walk.record, &walk.dot, &entry, error);
        if (err != ST_OK)
            continue;
        entry.first = first;
        err = overlay_put(&client->book, &walk.record, &entry, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What lies of `own` in a set that ends with `last` is part of it; what lies behind is not. */
static st_err join(sotay_client *client, const outbox_set *own, uint64_t first, uint64_t last,
                   st_error *error)
{
    outbox_set rest = *own;
    book_key key = book_key_counter(BOOK_OWN, &own->device, own->first);
    const st_gone inside = { own->first, own->last < last ? own->last : last };
    const st_gone behind = { last + 1, own->last };
    st_err err = name_set(client, &own->device, &inside, first, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &key, error);
    if (err != ST_OK || own->last <= last)
        return err;
    rest.first = last + 1;
    err = name_set(client, &own->device, &behind, rest.first, error);
    return err == ST_OK ? outbox_put(&client->book, &rest, error) : err;
}

static void count_found(sotay_client *client, const outbox_set *own, uint64_t last)
{
    uint64_t count = (own->last < last ? own->last : last) - own->first + 1;
    if (own->status == OUTBOX_LOST)
        client->next.lost -= count < client->next.lost ? count : client->next.lost;
}

/* The notes of own sets that begin in it, of which nothing else is here, become one. */
static st_err join_all(sotay_client *client, const st_set *set, st_error *error)
{
    const uint64_t last = st_set_last(set);
    book_scan scan = { .prefix_len = 1 + 16,
                       .at = book_key_counter(BOOK_OWN, &set->device, set->first) };
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set own;
        bool kept = false;
        err = outbox_next(&client->book, &scan, &own, error);
        if (err == ST_OK && own.first > last)
            return ST_OK;
        if (err == ST_OK && own.first != set->first)
            err = closed_is_kept(client, &own, &kept, error);
        if (err != ST_OK || kept)
            continue;
        count_found(client, &own, last);
        err = join(client, &own, set->first, last, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outbox_found(sotay_client *client, const st_set *set, st_error *error)
{
    outbox_set own;
    const uint64_t last = st_set_last(set);
    st_err err = outbox_get(&client->book, &set->device, set->first, &own, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    if (own.last == last && own.status != OUTBOX_LOST)
        return ST_OK;
    if (own.last == last)
        count_found(client, &own, last);
    else
        err = join_all(client, set, error);
    own.last = last;
    if (own.status == OUTBOX_LOST)
        own.status = OUTBOX_UNSENT;
    return err == ST_OK ? outbox_put(&client->book, &own, error) : err;
}
