/* proto/form.h - the definition of a record kind: data that both sides read the same way.
 * Source: docs/data-model.md. A form is immutable once decoded. */
#ifndef SOTAY_PROTO_FORM_H
#define SOTAY_PROTO_FORM_H

#include "proto/change.h"
#include "proto/merge.h"

typedef enum {
    ST_TYPE_STR, ST_TYPE_CODE, ST_TYPE_ID, ST_TYPE_DATE, ST_TYPE_MIN, ST_TYPE_TS, ST_TYPE_ENUM,
    ST_TYPE_BOOL, ST_TYPE_UINT, ST_TYPE_DEC, ST_TYPE_MONEY, ST_TYPE_GEO, ST_TYPE_HASH,
    ST_TYPE_BYTES, ST_TYPE_COUNT
} st_type;

typedef enum { ST_HOME_UNIT, ST_HOME_CATALOGUE, ST_HOME_COUNCIL, ST_HOME_REVIEW } st_home;
typedef enum { ST_LIFE_NONE, ST_LIFE_VISIT } st_life;

/* Bits 1<<st_role, and these two. */
#define ST_WRITE_CREATOR (1u << 14)
#define ST_WRITE_OPERATOR (1u << 15)

typedef struct { uint16_t no; const char *id, *vi, *en; } st_option;
typedef struct { const char *name; const st_option *options; uint32_t count; } st_list;

typedef struct {
    uint16_t no;
    const char *name, *vi, *en;
    st_type type;
    st_class cls;
    uint32_t write;            /* role bits */
    uint32_t max_chars;        /* str */
    int64_t min, max;          /* uint, dec (scaled), money, date...; min > max: no range */
    uint8_t scale;             /* dec */
    const st_list *list;       /* enum, and set of enum */
    bool required;
    const char *required_if, *relevant, *constraint;   /* expressions or NULL */
    const char *message_vi, *message_en;               /* of the constraint or NULL */
} st_field;

typedef struct {
    uint16_t no;
    const char *name, *vi, *en;
    bool keyed;                /* else listed */
    const char *keys;          /* keyed: which catalogue kind gives the keys ("criterion") */
    const st_field *fields;
    uint32_t fields_count;
} st_group;

typedef struct {
    const char *name, *vi, *en;   /* name: the form id, "visit" */
    uint32_t version;
    st_home home;
    st_life life;
    uint32_t create;           /* role bits */
    const st_field *fields;
    uint32_t fields_count;
    const st_group *groups;
    uint32_t groups_count;
    const st_list *lists;
    uint32_t lists_count;
    const char *const *title;  /* names of title fields */
    uint32_t title_count;
} st_form;

/* Bounds of a definition. */
#define ST_FORM_BYTES_MAX ST_VALUE_BYTES_MAX  /* encoded: a definition travels as one value */
#define ST_FORM_FIELDS_MAX 999u               /* of a form, or of one group; and groups */
#define ST_FORM_NO_MAX 999u                   /* the highest number of a field or group */
#define ST_FORM_NAME_BYTES_MAX 64u            /* [a-z][a-z0-9_]* */
#define ST_FORM_OPTIONS_MAX 1000u             /* of one list; and lists */
#define ST_FORM_STR_MAX 16000u                /* characters of a str field at most */
#define ST_FORM_LABEL_BYTES_MAX 1000u
#define ST_FORM_NUMBER_MAX INT64_C(9007199254740992)  /* uint, dec, money: exact in JSON too */

/* Is the definition sound: numbers and names in bounds and not doubled, types and classes known
 * and fitting, lists there, expressions compile and name paths of the form? ST_E_CORRUPT with the
 * place and reason; ST_E_MEMORY. Labels and writers are tools/check/catalogue.py's to judge. */
ST_MUST_USE st_err st_form_verify(const st_form *form, st_error *error);

/* The wire form of a definition (form.proto): encode appends, NULL texts as empty ones; decode
 * verifies and puts the form in the arena, empty expressions, messages and keys as NULL.
 * ST_E_CORRUPT; ST_E_TOO_LARGE: over ST_FORM_BYTES_MAX or the arena's ceiling; ST_E_VERSION: a
 * newer format; ST_E_MEMORY. */
ST_MUST_USE st_err st_form_encode(const st_form *form, st_buffer *out, st_error *error);
ST_MUST_USE st_err st_form_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                  const st_form **out_form, st_error *error);

/* By name; NULL when there is none. */
const st_field *st_form_field(const st_form *form, const char *name);
const st_group *st_form_group(const st_form *form, const char *name);
const st_field *st_group_field(const st_group *group, const char *name);
/* By numbers; NULL when the form has none, or the kind of the path does not fit. *out_group (may be
 * NULL) is set for group paths: a drop or keep has a group and no field. */
const st_field *st_form_at(const st_form *form, const st_path *path, const st_group **out_group);

/* `place`, `ratings.a3.rating`, `findings.<item>.text` -> path (no element). ST_E_VALUE with a
 * detail that names what is unknown. */
ST_MUST_USE st_err st_form_path_parse(const st_form *form, const char *text, st_path *out_path,
                                      st_error *error);
/* The text of a path (without element); "?" parts where the form does not know the number.
 * text holds ST_PATH_TEXT_BYTES. */
#define ST_PATH_TEXT_BYTES 256
void st_form_path_format(const st_form *form, const st_path *path, char *text);

/* A value as a person writes it on a command line -> value (arena), normalised to NFC and cleaned
 * (docs/data-model.md "Text"). Checks type, length, range, enum. An empty text is refused with a
 * hint to `clear`. Date "2026-03-12", min "09:30", bool true/false, enum id, dec "7.5",
 * geo "22.8312,106.5221,8" (accuracy in metres, may be left out; fix time unknown: 0), ts
 * "2026-03-12T09:30+07:00" (seconds and "Z" allowed), id and hash as hex, bytes as base64.
 * ST_E_VALUE says what is expected, ST_E_MEMORY. */
ST_MUST_USE st_err st_value_parse(const st_field *field, const char *text, st_arena *arena,
                                  st_value *out_value, st_error *error);
/* An element of a set field from text -> canonical element bytes in path->element. */
ST_MUST_USE st_err st_element_parse(const st_field *field, const char *text, st_path *path,
                                    st_error *error);
/* The value of an element, for showing; points into path. NULL kind when it is none of the
 * field's. */
st_value st_element_value(const st_field *field, const st_path *path);
/* Machine text of a value as in JSON strings (enum id, ISO date, "7.5", text); dec and numbers as
 * digits, no zeros at the end of a fraction; ts in UTC+7; an enum number that the form does not
 * know as digits; nothing for NULL and ERASED. What st_value_parse reads back. Appends to out. */
ST_MUST_USE st_err st_value_text(const st_field *field, const st_value *value, st_buffer *out,
                                 st_error *error);
/* What people read: enum label, 12/03/2026, 7,5, 1.234.567 (lang "vi") or the English way; an
 * erased value says so; NULL is nothing. Appends. */
ST_MUST_USE st_err st_value_label(const st_field *field, const st_value *value, const char *lang,
                                  st_buffer *out, st_error *error);

/* What a value says by itself (docs/protocol.md 3): type, length, range, enum, class, writer, for
 * every operation of the change. `form` is that of the record. creating: change->creates.
 * ST_HOLD_NONE, or why the server holds it: FORM (no such field), ROLE, VALUE, LIMIT, VERSION
 * (change->unknown). The first operation that is wrong decides. *detail (may be NULL,
 * ST_FORM_DETAIL_BYTES) gets "path: why". Never looks at relevance, constraints or other values,
 * and not at acts, keys or the bucket. */
#define ST_FORM_DETAIL_BYTES 160
st_hold st_form_check(const st_form *form, const st_change *change, st_role role, st_via via,
                      char *detail);

/* Role bits that may finalise, withdraw and open its records again: who may create them; of a
 * period, lock it and open it again: the office and the chair of the Council. */
uint32_t st_form_movers(const st_form *form);

/* What a record still lacks. */
typedef struct {
    const st_field *field;
    st_path path;
    bool is_required;          /* else a constraint is broken */
} st_finding;
/* Gate at finalise on the phone and flags on the server: relevance, constraints, requiredness, by
 * the values that are shown first. Fields of the record, then of each key and item that it has;
 * dropped items are left out. In a group ${name} means the same key's or item's field, else the
 * record's. Calls `say` for each finding, in form order; stops when it returns false. today_days:
 * local date. ST_E_CORRUPT: an expression does not compile (never with a decoded form);
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_form_review(const st_form *form, const st_record *record, int64_t today_days,
                                  bool (*say)(void *context, const st_finding *finding),
                                  void *context);

#endif
