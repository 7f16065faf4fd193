/* client-lib/src/replay_names.h - what a replay makes anew, and by what it is named then.
 * Source: docs/protocol.md 7.5. */
#ifndef SOTAY_CLIENT_REPLAY_NAMES_H
#define SOTAY_CLIENT_REPLAY_NAMES_H

#include "client-lib/src/draft.h"
#include "client-lib/src/replay.h"

typedef struct {
    overlay_entry entry;
    st_id record; /* as it was */
    st_id new_record;
    st_dot new_dot;
    st_set set; /* header of the set it lay in */
    const st_change *change;
    bool is_present; /* the device recorded it itself */
} replay_item;

typedef struct {
    sotay_client *client;
    const identity *old; /* NULL: no other device's work is taken over */
    bool is_doubted;     /* what is unsure may yet be what its author saw: it stays where it is */
    bool is_typed;       /* that holds for all that is named: it is not recorded yet */
    st_arena arena;
    st_arena work; /* for one change, or one working copy */
    replay_item *items; /* in_order, once all are known */
    const replay_item **by_record;
    size_t count, capacity;
    size_t taken;   /* so many of them are taken over: the first ones */
    uint64_t heard; /* up to this one of the present device they waited through an answer */
    uint64_t begin; /* the first counter of what the old device goes no further with */
    replay_span *unsure; /* under these counters nobody knows of another change, or another branch
                            may have one: contexts end in front of them */
    size_t unsure_count, unsure_capacity;
    size_t unanswered;  /* so many of them, the first ones, may yet get an answer */
    uint64_t doubts_to; /* what was recorded behind this counter waits for that */
    st_id mask; /* makes of a device nobody, under whose name goes what is left behind of it */
} replay;

/* ST_E_MEMORY, said. */
ST_MUST_USE st_err replay_no_memory(st_error *error);
/* Did the device that there is now record it itself? */
bool replay_is_present(const replay *r, const overlay_entry *entry);
/* Of two items: in this order they are made anew. Items are sorted so before any is looked for. */
int replay_order(const void *left, const void *right);
/* Makes by_record of the items. ST_E_MEMORY. */
ST_MUST_USE st_err replay_sort_records(replay *r, st_error *error);
/* A record that was made anew already goes by its new id. */
void replay_map_id(const replay *r, st_id *id);
/* What the change of an item, which has its new dot, is about, replaces, keeps, is under and has
 * seen. It lives in r->work. ST_E_MEMORY. */
ST_MUST_USE st_err replay_map_change(replay *r, replay_item *item, st_change *change,
                                     st_error *error);
/* The same of a working copy. ST_E_MEMORY. */
ST_MUST_USE st_err replay_map_copy(replay *r, draft_copy *copy, st_error *error);

#endif
