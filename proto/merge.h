/* proto/merge.h - folds a change into a record. A pure function of what is held and what comes: no
 * clock, no order, no form. Commutative, associative, idempotent (docs/protocol.md 3). */
#ifndef SOTAY_PROTO_MERGE_H
#define SOTAY_PROTO_MERGE_H

#include "proto/record.h"

typedef enum {
    ST_FOLD_APPLY,     /* also a release: the change takes effect */
    ST_FOLD_HOLD,      /* leaves a hole, nothing else */
    ST_FOLD_DECLINE    /* counts as included, with no effect */
} st_fold;

/* What the log or the sender adds to a change. Zeroed: unsent, unknown. */
typedef struct {
    st_id actor;           /* the person, already looked up when the set names none */
    st_role role;
    st_via via;
    int64_t received_ms;
    uint64_t log_index;
    st_id carrier;
} st_arrival;

/* Is the dot folded in, or declined? A held one is not. */
bool st_vector_has(const st_vector *vector, const st_dot *dot);
/* Is the dot a hole? */
bool st_vector_is_hole(const st_vector *vector, const st_dot *dot);

/* Folds `change` into vector and record (of change->record; both of one bucket). A change that is
 * already folded in changes nothing, but a change folded from an overlay that now has an
 * arrival (log_index) is not the caller's concern: bases never contain overlay changes.
 * All memory is taken from record->arena and vector->arena; values and arrays of the change are
 * copied when `copy` is true, else they must outlive the record.
 * ST_E_MEMORY: record and vector are then unusable and must be thrown away. */
typedef struct { st_fold kind; bool copy; } st_fold_how;
ST_MUST_USE st_err st_merge_fold(st_vector *vector, st_record *record, const st_change *change,
                                 const st_arrival *arrival, st_fold_how how);

/* Would folding it bring a path over ST_SIBLINGS_MAX live operations? (hold reason `limit`;
 * remark paths do not count, each remark is a path of its own.) */
bool st_merge_over_limit(const st_record *record, const st_change *change);

/* ---- what people see (computed, never stored) ---- */

/* Is `change` (its meta) concurrent with act `act` of the same record: neither in the act's
 * context nor under it. */
bool st_context_has(const st_context *context, const st_dot *dot);
bool st_meta_is_late(const st_meta *meta, const st_meta *act);

typedef enum { ST_ITEM_THERE, ST_ITEM_DROPPED, ST_ITEM_CONTESTED } st_item_state;

typedef struct {
    uint32_t *acts;            /* metas of the acts in force, ascending by dot; arena */
    size_t acts_count;
    bool state_conflict;       /* two kinds in force, or something concurrent with a withdraw */
    bool changed_since;        /* a live value concurrent with a finalise, return or lock in force */
} st_acts_view;

/* Reads off the acts in force. Memory from the arena. ST_E_MEMORY. */
ST_MUST_USE st_err st_view_acts(const st_record *record, st_arena *arena, st_acts_view *out_view,
                                st_error *error);
/* The state of one item of a listed group. */
st_item_state st_view_item(const st_record *record, uint16_t group, const st_dot *item,
                           uint16_t place);

/* Live operations of one path: lives[first .. first+count). */
typedef struct { size_t first, count; } st_span;
st_span st_record_path(const st_record *record, const st_path *path);
/* The one shown first of a span: highest hlc, then device id (then counter). Index in lives;
 * SIZE_MAX when the span is empty. */
size_t st_view_shown(const st_record *record, st_span span);

/* ---- how an author's replica makes an operation ---- */

typedef enum {
    ST_CLASS_DECISIVE, ST_CLASS_PLAIN, ST_CLASS_SET, ST_CLASS_REMARK, ST_CLASS_FIXED,
    ST_CLASS_STATE, ST_CLASS_SERVER, ST_CLASS_COUNT
} st_class;
/* "decisive", "plain", ...; parse: false when there is no such class. */
const char *st_class_name(st_class cls);
bool st_class_parse(const char *name, st_class *out_class);

/* Fills op->replaces (arena) for an ordinary edit of op->path as shown by `record` (base with the
 * overlay folded in): decisive = all dots of the shown value; plain, set element = all live; drop
 * and keep = all live drops and keeps; remark, fixed = none. */
ST_MUST_USE st_err st_edit_replaces(const st_record *record, st_class cls, st_arena *arena,
                                    st_op *op, st_error *error);
/* Fills change->under with the acts in force, less those with which a value that the change
 * replaces stands in conflict. ops and replaces must be filled. */
ST_MUST_USE st_err st_edit_under(const st_record *record, st_arena *arena, st_change *change,
                                 st_error *error);
/* The context of the record at this replica: for each device that wrote in it. */
ST_MUST_USE st_err st_edit_context(const st_record *record, const st_vector *vector,
                                   st_arena *arena, st_context *out_context, st_error *error);

#endif
