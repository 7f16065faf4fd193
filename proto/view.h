/* proto/view.h - what people see of a record: acts in force, items, the value shown first. Computed
 * when reading, never stored. Source: docs/protocol.md 3, docs/merge.md. */
#ifndef SOTAY_PROTO_VIEW_H
#define SOTAY_PROTO_VIEW_H

#include "proto/record.h"

/* Had the author of the context folded the dot in? A hole wins over a single dot. */
bool st_context_has(const st_context *context, const st_dot *dot);
/* Is the change `meta` concurrent with `act` of the same record: neither in the act's context nor
 * made under it? A change is never concurrent with itself. */
bool st_meta_is_late(const st_meta *meta, const st_meta *act);

typedef enum { ST_ITEM_THERE, ST_ITEM_DROPPED, ST_ITEM_CONTESTED } st_item_state;

typedef struct {
    uint32_t *acts;            /* metas of the acts in force, ascending by dot; arena */
    size_t acts_count;
    bool state_conflict;       /* two kinds in force, or something concurrent with a withdraw */
    bool changed_since;        /* a live value concurrent with a finalise, return, lock in force */
} st_acts_view;

/* Reads off the acts in force. Memory from the arena. ST_E_MEMORY. */
ST_MUST_USE st_err st_view_acts(const st_record *record, st_arena *arena, st_acts_view *out_view,
                                st_error *error);
/* Is an act of that kind in force? Takes no memory, so it always knows. */
bool st_view_has_act(const st_record *record, st_act_kind kind);
/* Would an act with that context end one of that kind that is in force? */
bool st_view_would_end(const st_record *record, const st_context *context, st_act_kind kind);
/* May a difference about the state be settled for the change `meta` (an index in metas): is it an
 * act in force, or an edit with a live value? */
bool st_view_may_hold(const st_record *record, const st_acts_view *acts, size_t meta);
/* The state of one item of a listed group. */
st_item_state st_view_item(const st_record *record, uint16_t group, const st_dot *item,
                           uint16_t place);

/* The one shown first of a span: highest hlc, then device id (then counter). Index in lives;
 * SIZE_MAX when the span is empty. */
size_t st_view_shown(const st_record *record, st_span span);

#endif
