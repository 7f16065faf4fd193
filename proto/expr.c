/* proto/expr.c - compiles an expression of a form into a postfix program.
 *
 * Promises: one pass, no recursion; text, tokens, nesting and stacks are bounded, and a refusal
 * says where and why. What compiles can be evaluated without any error. Must not know forms or
 * records: names and paths are the caller's to check. Grammar: docs/data-model.md 7. */
#include "proto/expr_parts.h"

#include <assert.h>
#include <string.h>

typedef struct {
    const char *text;          /* the arena's copy */
    size_t len, at;
    size_t tokens, depth;      /* depth: open brackets */
    bool wants_value;          /* an operand is next, not an operator */
    expr_step *steps;
    size_t steps_count;
    expr_code waiting[EXPR_WAITING_MAX];
    size_t waiting_count;
    st_error *error;
} expr_reader;

static const struct { const char *text; expr_code code; int rank; } OPERATORS[] = {
    { "<=", EXPR_LESS_EQUAL, 4 }, { ">=", EXPR_MORE_EQUAL, 4 }, { "!=", EXPR_UNEQUAL, 3 },
    { "<", EXPR_LESS, 4 }, { ">", EXPR_MORE, 4 }, { "=", EXPR_EQUAL, 3 },
    { "+", EXPR_ADD, 5 }, { "-", EXPR_SUBTRACT, 5 }, { "*", EXPR_MULTIPLY, 6 },
    { "or", EXPR_OR, 1 }, { "and", EXPR_AND, 2 }, { "div", EXPR_DIV, 6 }, { "mod", EXPR_MOD, 6 },
};
#define RANK_NEGATE 7

static int expr_rank(expr_code code)
{
    if (code == EXPR_NEGATE)
        return RANK_NEGATE;
    for (size_t i = 0; i < sizeof OPERATORS / sizeof OPERATORS[0]; i++)
        if (OPERATORS[i].code == code)
            return OPERATORS[i].rank;
    return 0;                  /* an open bracket: nothing passes it */
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static st_err expr_wrong(expr_reader *r, const char *why)
{
    return st_fail(r->error, ST_E_VALUE, "expression at %zu: %s", r->at + 1, why);
}

static st_err expr_large(expr_reader *r, const char *what)
{
    return st_fail(r->error, ST_E_TOO_LARGE, "expression at %zu: %s", r->at + 1, what);
}

static char expr_peek(const expr_reader *r, size_t ahead)
{
    return r->at + ahead < r->len ? r->text[r->at + ahead] : '\0';
}

static void expr_skip_blanks(expr_reader *r)
{
    while (r->at < r->len && strchr(" \t\n\r", r->text[r->at]) != NULL)
        r->at++;
}

/* Takes the character when it is next. */
static bool expr_take(expr_reader *r, char c)
{
    expr_skip_blanks(r);
    if (expr_peek(r, 0) != c || r->at >= r->len)
        return false;
    r->at++;
    return true;
}

/* There are at most as many steps as tokens, and those are counted. */
static void expr_emit(expr_reader *r, expr_step step)
{
    assert(r->steps_count < ST_EXPR_TOKENS_MAX);
    r->steps[r->steps_count++] = step;
}

static st_err expr_wait(expr_reader *r, expr_code code)
{
    if (r->waiting_count == EXPR_WAITING_MAX)
        return expr_large(r, "too much to remember");
    r->waiting[r->waiting_count++] = code;
    return ST_OK;
}

static st_err expr_open(expr_reader *r)
{
    if (r->depth == ST_EXPR_DEPTH_MAX)
        return expr_large(r, "too many brackets in each other");
    r->depth++;
    return expr_wait(r, EXPR_OPEN);
}

/* Digits, and a fraction behind a point. Exact up to 15 digits. */
static st_err expr_number(expr_reader *r)
{
    double number = 0, scale = 1;
    size_t digits = 0;
    bool fraction = false;
    while (is_digit(expr_peek(r, 0)) ||
           (!fraction && expr_peek(r, 0) == '.' && is_digit(expr_peek(r, 1)))) {
        char c = r->text[r->at++];
        if (c == '.') {
            fraction = true;
            continue;
        }
        if (++digits > 15)
            return expr_large(r, "a number of more than 15 digits");
        number = number * 10 + (c - '0');
        if (fraction)
            scale *= 10;
    }
    if (is_letter(expr_peek(r, 0)) || expr_peek(r, 0) == '.')
        return expr_wrong(r, "not a number");
    expr_emit(r, (expr_step){ .code = EXPR_NUMBER, .number = number / scale });
    return ST_OK;
}

/* '...' or "..."; there is no escape: use the other quote. */
static st_err expr_quoted(expr_reader *r, const char **out_text, size_t *out_len)
{
    expr_skip_blanks(r);
    char quote = expr_peek(r, 0);
    if (quote != '\'' && quote != '"')
        return expr_wrong(r, "a text in quotes is needed here");
    const char *end = memchr(r->text + r->at + 1, quote, r->len - r->at - 1);
    if (end == NULL)
        return expr_wrong(r, "the text has no closing quote");
    *out_text = r->text + r->at + 1;
    *out_len = (size_t)(end - *out_text);
    r->at = (size_t)(end - r->text) + 1;
    return ST_OK;
}

/* ${path}, or `.` where a field is meant. */
static st_err expr_path(expr_reader *r, bool may_be_dot, const char **out_path, size_t *out_len)
{
    expr_skip_blanks(r);
    if (may_be_dot && expr_peek(r, 0) == '.') {
        r->at++;
        *out_path = NULL;
        *out_len = 0;
        return ST_OK;
    }
    if (expr_peek(r, 0) != '$' || expr_peek(r, 1) != '{')
        return expr_wrong(r, "${...} is needed here");
    const char *path = r->text + r->at + 2;
    size_t len = 0;
    while (r->at + 2 + len < r->len && (is_letter(path[len]) || is_digit(path[len]) ||
                                        strchr("./-", path[len]) != NULL))
        len++;
    if (len == 0 || !is_letter(path[0]) || expr_peek(r, 2 + len) != '}')
        return expr_wrong(r, "not a path in ${...}");
    r->at += len + 3;
    *out_path = path;
    *out_len = len;
    return ST_OK;
}

static st_err expr_selected(expr_reader *r)
{
    expr_step step = { .code = EXPR_SELECTED };
    st_err err = expr_path(r, true, &step.path, &step.path_len);
    if (err == ST_OK && !expr_take(r, ','))
        err = expr_wrong(r, "selected() needs a comma and an id");
    if (err == ST_OK)
        err = expr_quoted(r, &step.text, &step.text_len);
    if (err == ST_OK && !expr_take(r, ')'))
        err = expr_wrong(r, "selected() is not closed");
    if (err == ST_OK)
        expr_emit(r, step);
    return err;
}

static st_err expr_count(expr_reader *r)
{
    expr_step step = { .code = EXPR_COUNT };
    st_err err = expr_path(r, false, &step.path, &step.path_len);
    if (err == ST_OK && !expr_take(r, ')'))
        err = expr_wrong(r, "count() is not closed");
    if (err == ST_OK)
        expr_emit(r, step);
    return err;
}

/* A name where an operand is wanted: a function. not( leaves an operand to be read. */
static st_err expr_function(expr_reader *r)
{
    static const struct { const char *name; expr_code code; } FUNCTIONS[] = {
        { "not", EXPR_NOT }, { "selected", EXPR_SELECTED }, { "count", EXPR_COUNT },
        { "today", EXPR_TODAY }, { "true", EXPR_TRUE }, { "false", EXPR_FALSE },
    };
    const char *name = r->text + r->at;
    size_t len = 0, found = 0;
    while (is_letter(expr_peek(r, len)) || is_digit(expr_peek(r, len)) || expr_peek(r, len) == '-')
        len++;
    const size_t known = sizeof FUNCTIONS / sizeof FUNCTIONS[0];
    while (found < known && (strlen(FUNCTIONS[found].name) != len ||
                             memcmp(FUNCTIONS[found].name, name, len) != 0))
        found++;
    if (found == known)
        return expr_wrong(r, "no such function");
    r->at += len;
    if (!expr_take(r, '('))
        return expr_wrong(r, "a function needs brackets");
    switch (FUNCTIONS[found].code) {
    case EXPR_SELECTED:
        r->wants_value = false;
        return expr_selected(r);
    case EXPR_COUNT:
        r->wants_value = false;
        return expr_count(r);
    case EXPR_NOT: {
        st_err err = expr_wait(r, EXPR_NOT);
        return err == ST_OK ? expr_open(r) : err;
    }
    default:
        if (!expr_take(r, ')'))
            return expr_wrong(r, "this function takes nothing in its brackets");
        r->wants_value = false;
        expr_emit(r, (expr_step){ .code = FUNCTIONS[found].code });
        return ST_OK;
    }
}

static st_err expr_operand(expr_reader *r)
{
    char c = expr_peek(r, 0);
    if (c == '(') {
        r->at++;
        return expr_open(r);
    }
    if (c == '-') {
        r->at++;
        return expr_wait(r, EXPR_NEGATE);
    }
    if (is_letter(c))
        return expr_function(r);
    r->wants_value = false;
    if (is_digit(c))
        return expr_number(r);
    expr_step step = { .code = EXPR_STRING };
    if (c == '\'' || c == '"') {
        st_err err = expr_quoted(r, &step.text, &step.text_len);
        if (err == ST_OK)
            expr_emit(r, step);
        return err;
    }
    if (c == '$' || c == '.') {
        step.code = EXPR_GET;
        st_err err = expr_path(r, true, &step.path, &step.path_len);
        if (err == ST_OK)
            expr_emit(r, step);
        return err;
    }
    return expr_wrong(r, "a value is needed here");
}

/* Lets out what waits and binds at least as tightly as `rank`. */
static void expr_release(expr_reader *r, int rank)
{
    while (r->waiting_count > 0 && r->waiting[r->waiting_count - 1] != EXPR_OPEN &&
           expr_rank(r->waiting[r->waiting_count - 1]) >= rank)
        expr_emit(r, (expr_step){ .code = r->waiting[--r->waiting_count] });
}

static st_err expr_close(expr_reader *r)
{
    if (r->depth == 0)
        return expr_wrong(r, "a bracket that nothing opened");
    r->at++;
    r->depth--;
    expr_release(r, 0);
    assert(r->waiting_count > 0 && r->waiting[r->waiting_count - 1] == EXPR_OPEN);
    r->waiting_count--;
    if (r->waiting_count > 0 && r->waiting[r->waiting_count - 1] == EXPR_NOT)
        expr_emit(r, (expr_step){ .code = r->waiting[--r->waiting_count] });
    return ST_OK;
}

static st_err expr_operator(expr_reader *r)
{
    if (expr_peek(r, 0) == ')')
        return expr_close(r);
    for (size_t i = 0; i < sizeof OPERATORS / sizeof OPERATORS[0]; i++) {
        const char *text = OPERATORS[i].text;
        size_t len = strlen(text);
        if (len > r->len - r->at || memcmp(r->text + r->at, text, len) != 0)
            continue;
        if (is_letter(text[0]) && (is_letter(expr_peek(r, len)) || is_digit(expr_peek(r, len))))
            continue;
        r->at += len;
        r->wants_value = true;
        expr_release(r, OPERATORS[i].rank);
        return expr_wait(r, OPERATORS[i].code);
    }
    return expr_wrong(r, "an operator is needed here");
}

static st_err expr_read(expr_reader *r)
{
    st_err err = ST_OK;
    while (err == ST_OK) {
        expr_skip_blanks(r);
        if (r->at == r->len)
            break;
        if (++r->tokens > ST_EXPR_TOKENS_MAX)
            return expr_large(r, "too many parts");
        err = r->wants_value ? expr_operand(r) : expr_operator(r);
    }
    if (err != ST_OK)
        return err;
    if (r->wants_value)
        return expr_wrong(r, "a value is missing at the end");
    if (r->depth > 0)
        return expr_wrong(r, "a bracket is not closed");
    expr_release(r, 0);
    return ST_OK;
}

st_err st_expr_compile(const char *text, size_t len, st_arena *arena, const st_expr **out_expr,
                       st_error *error)
{
    assert(text != NULL || len == 0);
    assert(arena != NULL && out_expr != NULL);
    if (len > ST_EXPR_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "expression: over %u bytes", ST_EXPR_BYTES_MAX);
    expr_reader r = { .len = len, .wants_value = true, .error = error };
    expr_step steps[ST_EXPR_TOKENS_MAX];
    r.steps = steps;
    r.text = (const char *)st_arena_copy(arena, text, len);
    if (r.text == NULL)
        return st_fail(error, ST_E_MEMORY, "expression: no memory");
    if (memchr(r.text, '\0', len) != NULL)
        return st_fail(error, ST_E_VALUE, "expression: a NUL byte");
    st_err err = expr_read(&r);
    if (err != ST_OK)
        return err;
    st_expr *expr = st_arena_get(arena, sizeof *expr);
    expr_step *kept = st_arena_array(arena, r.steps_count, sizeof *kept);
    if (expr == NULL || kept == NULL)
        return st_fail(error, ST_E_MEMORY, "expression: no memory");
    memcpy(kept, steps, r.steps_count * sizeof *kept);
    expr->steps = kept;
    expr->count = r.steps_count;
    *out_expr = expr;
    return ST_OK;
}

bool st_expr_paths(const st_expr *expr,
                   bool (*say)(void *context, const char *path, size_t len, bool is_group),
                   void *context)
{
    assert(expr != NULL);
    assert(say != NULL);
    for (size_t i = 0; i < expr->count; i++) {
        const expr_step *step = &expr->steps[i];
        if (step->path != NULL &&
            !say(context, step->path, step->path_len, step->code == EXPR_COUNT))
            return false;
    }
    return true;
}
