/* proto/expr_parts.h - a compiled expression, shared by expr.c (compiling) and expr_eval.c. */
#ifndef SOTAY_PROTO_EXPR_PARTS_H
#define SOTAY_PROTO_EXPR_PARTS_H

#include "proto/expr.h"

/* One step of the postfix program. Each takes its operands off the stack and leaves one value. */
typedef enum {
    EXPR_NUMBER, EXPR_STRING, EXPR_TRUE, EXPR_FALSE, EXPR_TODAY, EXPR_GET, EXPR_SELECTED,
    EXPR_COUNT, EXPR_NOT, EXPR_NEGATE, EXPR_OR, EXPR_AND, EXPR_EQUAL, EXPR_UNEQUAL, EXPR_LESS,
    EXPR_LESS_EQUAL, EXPR_MORE, EXPR_MORE_EQUAL, EXPR_ADD, EXPR_SUBTRACT, EXPR_MULTIPLY, EXPR_DIV,
    EXPR_MOD, EXPR_OPEN
} expr_code;

typedef struct {
    expr_code code;
    double number;             /* NUMBER */
    const char *path;          /* GET, SELECTED, COUNT; NULL: `.` */
    size_t path_len;
    const char *text;          /* STRING; SELECTED: the id */
    size_t text_len;
} expr_step;

/* Operators that may wait for their right side, and so the height of the value stack. */
#define EXPR_WAITING_MAX 128u

struct st_expr {
    const expr_step *steps;
    size_t count;
};

#endif
