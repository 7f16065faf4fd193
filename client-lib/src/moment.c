/* client-lib/src/moment.c - when own changes were written, by the server's clock.
 * Promises: says only what follows from the last exchange with the server and the machine's own
 * counter of time.
 * Never: takes a time for known that the wall clock alone tells. */
#include "client-lib/src/moment.h"

#include <string.h>

#include "client-lib/src/apply.h"

bool moment_of_change(const sotay_client *client, const st_set *set, const st_change *change,
                      int64_t received_ms, st_written *out_written)
{
    const identity *me = &client->me;
    st_moment moment;
    memset(out_written, 0, sizeof *out_written);
    if (!me->has_clock || st_id_cmp(&set->device, &me->device) != 0 ||
        !st_clock_moment(&me->clock, set->boot, change->mono_ms, &moment))
        return false;
    bool is_late = received_ms != 0 && moment.at_ms > received_ms;
    out_written->at_ms = is_late ? received_ms : moment.at_ms;
    out_written->within_ms = moment.within_ms;
    return true;
}

/* The first counter of the set that a value's change is in; 0: in none yet. */
static st_err find_first(moment_source *source, const st_meta *meta, uint64_t *out_first)
{
    book_value value = { NULL, 0 };
    apply_line line;
    overlay_entry entry;
    st_error ignored = { ST_OK, "" };
    book_key key = book_key_id(BOOK_HIST, &source->record);
    book_key_u64(&key, meta->log_index);
    book_key_u64(&key, meta->dot.counter);
    st_err err = book_get(&source->client->book, &key, source->arena, &value, &ignored);
    if (err == ST_OK)
        err = apply_line_read(&key, &value, &line, &ignored);
    if (err == ST_OK)
        *out_first = line.first;
    if (err != ST_E_NOT_FOUND)
        return err;
    err = overlay_get(&source->client->book, &source->record, &meta->dot, &entry, &ignored);
    *out_first = err == ST_OK ? entry.first : 0;
    return err;
}

/* Values of one set mostly stand together: it is read once for them. */
static st_err find_set(moment_source *source, const st_meta *meta)
{
    uint64_t first = 0;
    st_error ignored = { ST_OK, "" };
    st_err err = find_first(source, meta, &first);
    st_dot at = { meta->dot.device, first };
    if (err != ST_OK || (source->has_set && first != 0 && st_dot_cmp(&at, &source->set_at) == 0))
        return err;
    source->has_set = false;
    err = overlay_set_get(source->client, &meta->dot, first, source->arena, &source->set, &ignored);
    source->has_set = err == ST_OK;
    source->set_at = at;
    return err;
}

static bool moment_of(void *context, const st_meta *meta, st_written *out_written)
{
    moment_source *source = context;
    const identity *me = &source->client->me;
    memset(out_written, 0, sizeof *out_written);
    if (!me->has_clock || st_id_cmp(&meta->dot.device, &me->device) != 0)
        return false;
    st_err err = find_set(source, meta);
    unread_add(&source->unread, err);
    const st_change *change = err == ST_OK ? overlay_change(&source->set, meta->dot.counter) : NULL;
    return change != NULL &&
           moment_of_change(source->client, &source->set, change, meta->received_ms, out_written);
}

void moment_begin(moment_source *source, sotay_client *client, const st_id *record, st_arena *arena)
{
    memset(source, 0, sizeof *source);
    source->client = client;
    source->record = *record;
    source->arena = arena;
    source->moments.context = source;
    source->moments.of = moment_of;
}
