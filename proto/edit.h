/* proto/edit.h - how an author's replica makes a change: what it replaces, what it is under, what
 * it knows. Source: docs/protocol.md 3, docs/merge.md. */
#ifndef SOTAY_PROTO_EDIT_H
#define SOTAY_PROTO_EDIT_H

#include "proto/record.h"

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
