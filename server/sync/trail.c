/* server/sync/trail.c - which part of the book a reviewer's list is read from.
 * Promises: a list shows what there is, whole. Must never write. */
#include "server/sync/trail.h"

#include <string.h>

static const char *const WORDS[] = {
#define X(name, word) word,
    TRAIL_KINDS(X)
#undef X
};

trail_kind sync_trail_kind(const char *word)
{
    size_t i = 0;
    while (i < TRAIL_KIND_COUNT && strcmp(WORDS[i], word) != 0)
        i++;
    return (trail_kind)i;
}

const char *sync_trail_word(trail_kind kind)
{
    return kind < TRAIL_KIND_COUNT ? WORDS[kind] : "";
}

void sync_trail_reason(trail_line *line, const st_value *reason)
{
    line->note_erased = reason->kind == ST_VALUE_ERASED;
    if (reason->kind == ST_VALUE_TEXT) {
        line->note = (const char *)reason->data;
        line->note_len = reason->len;
    }
}

void sync_trail_say(trail_walk *walk, const trail_line *line)
{
    if (!walk->stopped)
        walk->stopped = !walk->each(walk->context, line);
}

st_err sync_trail_each(const trail_ask *ask, trail_each each, void *context, st_error *error)
{
    trail_walk walk = { .room = ask->room, .txn = ask->txn, .kind = ask->kind,
                        .unread = ask->unread, .each = each, .context = context };
    const trail_kind kind = ask->kind;
    st_err err = ST_OK;
    if (kind == TRAIL_REQUESTS)
        return sync_trail_requests(&walk, error);
    if (kind != TRAIL_WITHDRAWN && kind != TRAIL_SILENT)
        err = sync_trail_log(&walk, error);
    if (err == ST_OK && (kind == TRAIL_WITHDRAWN || kind == TRAIL_CHANGED))
        err = sync_trail_records(&walk, error);
    if (err == ST_OK && (kind == TRAIL_SILENT || kind == TRAIL_GAPS))
        err = sync_trail_devices(&walk, error);
    if (err == ST_OK && kind == TRAIL_EPOCHS)
        err = sync_trail_given_up(&walk, error);
    return err;
}
