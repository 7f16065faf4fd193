/* proto/expr.h - the documented subset of XLSForm expressions (docs/data-model.md 7):
 * one bounded evaluator for phone and server. No recursion; at most ST_EXPR_* of everything. */
#ifndef SOTAY_PROTO_EXPR_H
#define SOTAY_PROTO_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"

#define ST_EXPR_BYTES_MAX 1024u
#define ST_EXPR_TOKENS_MAX 256u
#define ST_EXPR_DEPTH_MAX 32u

typedef enum { ST_EXPR_EMPTY, ST_EXPR_NUMBER, ST_EXPR_STRING, ST_EXPR_BOOL } st_expr_kind;
typedef struct {
    st_expr_kind kind;
    double number;             /* NUMBER; BOOL as 0/1; dates as days since 1970 */
    const char *text;          /* STRING: UTF-8, not necessarily NUL-terminated */
    size_t len;
} st_expr_value;

/* What the evaluator asks of a record. path: as written in ${...}; NULL for `.`. */
typedef struct {
    void *context;
    st_expr_value (*get)(void *context, const char *path, size_t len);
    bool (*selected)(void *context, const char *path, size_t len, const char *id, size_t id_len);
    double (*count)(void *context, const char *path, size_t len);
    int64_t today_days;
} st_expr_source;

typedef struct st_expr st_expr;

/* Compiles into the arena (the text is copied). ST_E_VALUE with position and reason: syntax,
 * unknown function or name; ST_E_TOO_LARGE: over one of ST_EXPR_*; ST_E_MEMORY. Whether the form
 * knows the paths is not looked at: st_expr_paths says which they are. */
ST_MUST_USE st_err st_expr_compile(const char *text, size_t len, st_arena *arena,
                                   const st_expr **out_expr, st_error *error);
/* Calls `say` for each ${path} in order of appearance: is_group when it stands in count(). Stops
 * and returns false as soon as say does. */
bool st_expr_paths(const st_expr *expr,
                   bool (*say)(void *context, const char *path, size_t len, bool is_group),
                   void *context);
/* Never fails: what cannot be computed is EMPTY (division by zero, text in arithmetic). Comparing
 * with EMPTY is false but for `= ''` and `!= ''`. A text of the result points into the expression
 * or to what the source gave. */
st_expr_value st_expr_eval(const st_expr *expr, const st_expr_source *source);
/* XLSForm's truth: BOOL as it is, NUMBER != 0, STRING non-empty, EMPTY false. */
bool st_expr_true(st_expr_value value);

#endif
