/* proto/expr_eval.c - runs a compiled expression over a record.
 *
 * Promises: the same answer on phone and server, in bounded time, whatever the record holds; what
 * cannot be computed is EMPTY and never an error. Must not look at a clock: today comes with the
 * source. Semantics: docs/data-model.md 7. */
#include "proto/expr_parts.h"

#include <assert.h>
#include <string.h>

#include "proto/value.h"

/* Whole numbers beyond this are not exact in a double. */
#define EXACT_MAX 9007199254740992.0

static st_expr_value expr_empty(void)
{
    return (st_expr_value){ .kind = ST_EXPR_EMPTY };
}

static st_expr_value expr_bool(bool is)
{
    return (st_expr_value){ .kind = ST_EXPR_BOOL, .number = is ? 1 : 0 };
}

/* A number, or EMPTY when it is none (too large, or not a number at all). */
static st_expr_value expr_number(double number)
{
    if (!(number >= -1e300 && number <= 1e300))
        return expr_empty();
    return (st_expr_value){ .kind = ST_EXPR_NUMBER, .number = number };
}

bool st_expr_true(st_expr_value value)
{
    switch (value.kind) {
    case ST_EXPR_BOOL:
    case ST_EXPR_NUMBER:
        return value.number != 0;
    case ST_EXPR_STRING:
        return value.len > 0;
    case ST_EXPR_EMPTY:
        break;
    }
    return false;
}

/* Digits at p: their value, or -1. */
static int expr_digits(const char *p, size_t count)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        number = number * 10 + (p[i] - '0');
    }
    return number;
}

/* '2026-03-12' beside a number is the day it names. */
static bool expr_date(st_expr_value text, double *out_days)
{
    if (text.len != 10 || text.text[4] != '-' || text.text[7] != '-')
        return false;
    int year = expr_digits(text.text, 4), month = expr_digits(text.text + 5, 2),
        day = expr_digits(text.text + 8, 2);
    int64_t days;
    if (year < 0 || month < 0 || day < 0 || !st_date_from_civil(year, month, day, &days))
        return false;
    *out_days = (double)days;
    return true;
}

static bool expr_is_blank_text(st_expr_value value)
{
    return value.kind == ST_EXPR_STRING && value.len == 0;
}

/* <0, 0, >0 of two texts by bytes. */
static int expr_text_order(st_expr_value a, st_expr_value b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.text, b.text, least);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool expr_by_number(expr_code code, double a, double b)
{
    switch (code) {
    case EXPR_EQUAL: return !(a < b) && !(a > b);
    case EXPR_UNEQUAL: return a < b || a > b;
    case EXPR_LESS: return a < b;
    case EXPR_LESS_EQUAL: return a <= b;
    case EXPR_MORE: return a > b;
    case EXPR_MORE_EQUAL: return a >= b;
    default: return false;
    }
}

/* true and false written as texts count as what they say. */
static bool expr_truth(st_expr_value value)
{
    if (value.kind == ST_EXPR_STRING && value.len == 5 && memcmp(value.text, "false", 5) == 0)
        return false;
    return st_expr_true(value);
}

static st_expr_value expr_compare(expr_code code, st_expr_value a, st_expr_value b)
{
    if (a.kind == ST_EXPR_EMPTY || b.kind == ST_EXPR_EMPTY) {
        bool blank = expr_is_blank_text(a) || expr_is_blank_text(b);
        return expr_bool(blank && code == EXPR_EQUAL);
    }
    if (a.kind == ST_EXPR_STRING && b.kind == ST_EXPR_STRING)
        return expr_bool(expr_by_number(code, expr_text_order(a, b), 0));
    if (expr_is_blank_text(a) || expr_is_blank_text(b))
        return expr_bool(code == EXPR_UNEQUAL);    /* "no" and 0 are answers, not blanks */
    if (a.kind == ST_EXPR_BOOL || b.kind == ST_EXPR_BOOL)
        return expr_bool(expr_by_number(code, expr_truth(a), expr_truth(b)));
    double x = a.number, y = b.number;
    if ((a.kind == ST_EXPR_STRING && !expr_date(a, &x)) ||
        (b.kind == ST_EXPR_STRING && !expr_date(b, &y)))
        return expr_bool(code == EXPR_UNEQUAL);    /* a text is no number, so they differ */
    return expr_bool(expr_by_number(code, x, y));
}

/* The remainder with the sign of a, as XPath has it. */
static st_expr_value expr_mod(double a, double b)
{
    double quotient = a / b;
    if (!(quotient > -EXACT_MAX && quotient < EXACT_MAX))
        return expr_empty();
    return expr_number(a - b * (double)(int64_t)quotient);
}

static st_expr_value expr_compute(expr_code code, st_expr_value a, st_expr_value b)
{
    if (a.kind == ST_EXPR_EMPTY || b.kind == ST_EXPR_EMPTY || a.kind == ST_EXPR_STRING ||
        b.kind == ST_EXPR_STRING)
        return expr_empty();
    bool by_zero = !(b.number < 0) && !(b.number > 0);
    switch (code) {
    case EXPR_ADD: return expr_number(a.number + b.number);
    case EXPR_SUBTRACT: return expr_number(a.number - b.number);
    case EXPR_MULTIPLY: return expr_number(a.number * b.number);
    case EXPR_DIV: return by_zero ? expr_empty() : expr_number(a.number / b.number);
    case EXPR_MOD: return by_zero ? expr_empty() : expr_mod(a.number, b.number);
    default: return expr_empty();
    }
}

/* Steps that take nothing off the stack. */
static st_expr_value expr_leaf(const expr_step *step, const st_expr_source *source)
{
    switch (step->code) {
    case EXPR_NUMBER:
        return expr_number(step->number);
    case EXPR_STRING:
        return (st_expr_value){ .kind = ST_EXPR_STRING, .text = step->text,
                                .len = step->text_len };
    case EXPR_TRUE:
        return expr_bool(true);
    case EXPR_TODAY:
        return expr_number((double)source->today_days);
    case EXPR_GET:
        return source->get(source->context, step->path, step->path_len);
    case EXPR_SELECTED:
        return expr_bool(source->selected(source->context, step->path, step->path_len, step->text,
                                          step->text_len));
    case EXPR_COUNT:
        return expr_number(source->count(source->context, step->path, step->path_len));
    default:
        return expr_bool(false);
    }
}

static st_expr_value expr_two(expr_code code, st_expr_value a, st_expr_value b)
{
    switch (code) {
    case EXPR_OR: return expr_bool(st_expr_true(a) || st_expr_true(b));
    case EXPR_AND: return expr_bool(st_expr_true(a) && st_expr_true(b));
    case EXPR_ADD: case EXPR_SUBTRACT: case EXPR_MULTIPLY: case EXPR_DIV: case EXPR_MOD:
        return expr_compute(code, a, b);
    default:
        return expr_compare(code, a, b);
    }
}

st_expr_value st_expr_eval(const st_expr *expr, const st_expr_source *source)
{
    assert(expr != NULL && expr->count > 0);
    assert(source != NULL);
    st_expr_value stack[EXPR_WAITING_MAX + 1];
    size_t height = 0;
    for (size_t i = 0; i < expr->count; i++) {
        const expr_step *step = &expr->steps[i];
        if (step->code < EXPR_NOT) {
            assert(height < EXPR_WAITING_MAX + 1);
            stack[height++] = expr_leaf(step, source);
            continue;
        }
        if (step->code == EXPR_NOT || step->code == EXPR_NEGATE) {
            assert(height >= 1);
            st_expr_value *top = &stack[height - 1];
            *top = step->code == EXPR_NOT
                       ? expr_bool(!st_expr_true(*top))
                       : expr_compute(EXPR_SUBTRACT, expr_number(0), *top);
            continue;
        }
        assert(height >= 2);
        stack[height - 2] = expr_two(step->code, stack[height - 2], stack[height - 1]);
        height--;
    }
    assert(height == 1);
    return stack[0];
}
