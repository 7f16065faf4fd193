/* proto/merge.h - folds a change into a record. A pure function of what is held and what comes: no
 * clock, no order, no form. Commutative, associative, idempotent (docs/protocol.md 3). */
#ifndef SOTAY_PROTO_MERGE_H
#define SOTAY_PROTO_MERGE_H

#include "proto/edit.h"
#include "proto/record.h"
#include "proto/view.h"

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
/* Of `count` changes that follow each other from `first` on: has their device holes here already,
 * or single dots where these would be single too, and would they bring its own over
 * ST_VECTOR_DEVICE_DOTS_MAX, its holes over ST_VECTOR_DEVICE_HOLES_MAX, or its own over
 * ST_VECTOR_DEVICE_DOTS_MIN and those of all over ST_VECTOR_DOTS_MAX? (A hole beyond a gap counts
 * twice.) Who has none may always come, and so may what closes a gap, however much lies beyond it.
 * Verdict `later`, docs/protocol.md 10. */
bool st_vector_is_full(const st_vector *vector, const st_change *first, size_t count);

/* Folds `change` into vector and record (of change->record; both of one bucket). A change that is
 * already folded in changes nothing, but a change folded from an overlay that now has an
 * arrival (log_index) is not the caller's concern: bases never contain overlay changes.
 * All memory is taken from record->arena and vector->arena; values and arrays of the change are
 * copied when `copy` is true, else they must outlive the record.
 * ST_E_MEMORY: record and vector are then unusable and must be thrown away. */
typedef struct { st_fold kind; bool copy; } st_fold_how;
ST_MUST_USE st_err st_merge_fold(st_vector *vector, st_record *record, const st_change *change,
                                 const st_arrival *arrival, st_fold_how how);

/* Would folding it bring a path over ST_SIBLINGS_MAX live operations (remark paths do not count,
 * each remark is a path of its own), the record over ST_RECORD_VALUES_MAX, or what waits in it to
 * be replaced over ST_RECORD_WAITING_MAX? (hold reason `limit`) */
bool st_merge_over_limit(const st_record *record, const st_change *change);

#endif
