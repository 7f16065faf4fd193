/* proto/show_value.h - parts that the show files share; not for other rooms. */
#ifndef SOTAY_PROTO_SHOW_VALUE_H
#define SOTAY_PROTO_SHOW_VALUE_H

#include "proto/show.h"

/* Equal values of one path, seen as one: the representative and how many stand for it. */
typedef struct {
    size_t live;               /* index in record->lives: newest of the equal ones */
    bool shown;
} st_group_of_equals;

/* The distinct values of a span one after the other, the shown one first; however many there are:
 * on a phone more than ST_SIBLINGS_MAX, when its own change is held for that. A remark or set
 * element counts as its own path, so its span has equal values only. For a fixed path the creating
 * change's value is the shown one. */
typedef struct {
    const st_record *record;
    st_span span;
    size_t shown;              /* SIZE_MAX: the span is empty */
    size_t at;                 /* the next one to look at; SIZE_MAX: the shown one */
} st_show_distinct;
/* Begins; nothing is allocated, record and span stay as they are until it ends. */
st_show_distinct st_show_distinct_of(const st_record *record, const st_field *field, st_span span);
/* false: that were all. */
bool st_show_distinct_next(st_show_distinct *walk, st_group_of_equals *out);

/* Is the element of a set there (any live add)? */
bool st_show_has_element(const st_record *record, st_span span);
/* Lives from `from` on that have the same path; from may be lives_count. */
st_span st_show_span_at(const st_record *record, size_t from);
/* Lives from `from` on that address the same field of the same item or key (elements ignored). */
st_span st_show_field_at(const st_record *record, size_t from);
/* Lives from `from` on of the same key or item of a group. */
st_span st_show_entry_at(const st_record *record, size_t from);
/* Does the form treat several values of this span as an open conflict, and are there several? */
bool st_show_in_conflict(const st_record *record, const st_field *field, st_span span);

/* {"class","conflict","values":[…]} of one field's span (all elements of a set). */
void st_show_field_json(st_json *json, const st_record *record, const st_field *field,
                        st_span span, const st_show_how *how);
/* The array of values alone. */
void st_show_values_json(st_json *json, const st_record *record, const st_field *field,
                         st_span span, const st_show_how *how);
/* The drops and keeps of a contested item, as such an array. */
void st_show_drops_json(st_json *json, const st_record *record, st_span span,
                        const st_show_how *how);
/* The value alone as JSON. */
void st_show_value_json(st_json *json, const st_field *field, const st_value *value);
/* The array of values of a conflict over acts. */
void st_show_acts_json(st_json *json, const st_record *record, const st_acts_view *acts,
                       const st_show_how *how);
/* The unit a record belongs to, "" when none; text lives in the record or in buffer (33 bytes). */
const char *st_show_unit(const st_form *form, const st_record *record, char *buffer);
/* A claimed time more than this off is said to people. */
#define ST_CLOCK_SAID_MS (INT64_C(120) * 1000)
/* What how->moments says of it; zeroed when that is nothing. */
st_written st_show_written(const st_show_how *how, const st_meta *meta);
/* How far a claimed time is off, as far as is certain: claimed minus true, 0 when it may be right.
 * received_ms: 0 when it was not received. */
int64_t st_show_clock_off(int64_t wall_ms, int64_t received_ms, const st_written *written);
/* Login or hex of a person; buffer holds 33 bytes. */
const char *st_show_person(const st_show_how *how, const st_id *person, char *buffer);

#endif
