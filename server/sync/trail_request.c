/* server/sync/trail_request.c - a reviewer's list of what waited for a second person.
 * Promises: every request that was ever made, with what became of it. Must never judge. */
#include <stdio.h>
#include <string.h>

#include "server/sync/second.h"
#include "server/sync/trail.h"

#define LIST_BYTES_MAX ((size_t)256 * 1024 * 1024)

static const char *outcome_of(const sync_second *one)
{
    static const char *const WORDS[] = { "waiting", "confirmed", "taken_back", "lapsed" };
    return WORDS[one->state];
}

static void say_request(trail_walk *walk, const sync_second *one)
{
    trail_line line;
    const char *note = one->state == SECOND_WITHDRAWN ? one->ended_why : one->reason;
    size_t at = 0;
    memset(&line, 0, sizeof line);
    line.index = one->index;
    line.received_ms = one->asked_ms;
    line.person = one->person;
    line.second = one->ended_by;
    line.what = one->words[0];
    line.outcome = outcome_of(one);
    if (one->state == SECOND_WAITING)
        line.until_ms = one->asked_ms + SECOND_WAIT_MS;
    if (one->words_count > 1 && !st_id_parse(one->words[1], &line.record))
        memset(&line.record, 0, sizeof line.record);
    if (strcmp(one->words[0], "recover") == 0) {
        line.device = line.record;
        memset(&line.record, 0, sizeof line.record);
    } else {
        for (size_t i = 2; i < one->words_count && at < sizeof line.path; i++)
            at += (size_t)snprintf(line.path + at, sizeof line.path - at, "%s%s",
                                   i > 2 ? ", " : "", one->words[i]);
    }
    line.note = note;
    line.note_len = strlen(note);
    sync_trail_say(walk, &line);
}

st_err sync_trail_requests(trail_walk *walk, st_error *error)
{
    const server_port *port = walk->room->port;
    sync_second *list = NULL;
    size_t count = 0;
    st_arena arena;
    st_arena_init(&arena, LIST_BYTES_MAX);
    const second_view view = { walk->txn, port->now_ms(port->context), &arena };
    st_err err = sync_second_list(&view, true, &list, &count, error);
    for (size_t i = 0; err == ST_OK && i < count && !walk->stopped; i++)
        say_request(walk, &list[i]);
    st_arena_reset(&arena);
    return err;
}
