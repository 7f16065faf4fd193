/* tests/unit/proto/test_expr.c
 * A rule of a form says the same on every phone and on the server; a wrong rule is refused when the
 * form is checked, never when an officer stands in a hamlet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/expr.h"
#include "proto/value.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A record as the expressions below see it. */
static const struct { const char *path; st_expr_value value; } RECORD[] = {
    { ".", { ST_EXPR_NUMBER, 7.5, NULL, 0 } },
    { "visit_kind", { ST_EXPR_STRING, 0, "kiem_tra", 8 } },
    { "visit_date", { ST_EXPR_NUMBER, 20524, NULL, 0 } },            /* 2026-03-12 */
    { "started_at", { ST_EXPR_NUMBER, 570, NULL, 0 } },
    { "ratings.a3.rating", { ST_EXPR_STRING, 0, "dat", 3 } },
    { "zero", { ST_EXPR_NUMBER, 0, NULL, 0 } },
    { "yes", { ST_EXPR_BOOL, 1, NULL, 0 } },
    { "no", { ST_EXPR_BOOL, 0, NULL, 0 } },
    { "place", { ST_EXPR_STRING, 0, "Nà Sơn", 8 } },
};

static bool is_path(const char *path, size_t len, const char *name)
{
    return path == NULL ? strcmp(name, ".") == 0
                        : strlen(name) == len && memcmp(name, path, len) == 0;
}

static st_expr_value get(void *context, const char *path, size_t len)
{
    (void)context;
    for (size_t i = 0; i < LEN(RECORD); i++)
        if (is_path(path, len, RECORD[i].path))
            return RECORD[i].value;
    return (st_expr_value){ .kind = ST_EXPR_EMPTY };
}

static bool selected(void *context, const char *path, size_t len, const char *id, size_t id_len)
{
    (void)context;
    return is_path(path, len, "contents") && (is_path(id, id_len, "n1") ||
                                              is_path(id, id_len, "n3"));
}

static double count(void *context, const char *path, size_t len)
{
    (void)context;
    return is_path(path, len, "findings") ? 3 : 0;
}

static const st_expr_source SOURCE = { NULL, get, selected, count, 20530 };

static st_expr_value eval(const char *text)
{
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    const st_expr *expr = NULL;
    st_error error = { 0 };
    if (st_expr_compile(text, strlen(text), &arena, &expr, &error) != ST_OK)
        fail_msg("'%s': %s", text, error.detail);
    st_expr_value value = st_expr_eval(expr, &SOURCE);
    value.text = NULL;                  /* it lived in the arena */
    st_arena_reset(&arena);
    return value;
}

/* Over 10^300: no number any more. */
#define BIG  "100000000000000"
#define BIG5 BIG "*" BIG "*" BIG "*" BIG "*" BIG
#define MUCH BIG5 "*" BIG5 "*" BIG5 "*" BIG5 "*" BIG5

static void test_truth(void **state)
{
    (void)state;
    static const struct { const char *text; bool want; } CASES[] = {
        { "true()", true }, { "false()", false }, { "not(false())", true }, { "1", true },
        { "0", false }, { "''", false }, { "'x'", true }, { "\"x\"", true }, { "'0'", true },
        { "${nothing}", false }, { "not(${nothing})", true },
        /* precedence */
        { "true() or false() and false()", true },
        { "(true() or false()) and false()", false },
        { "1 + 2 * 3 = 7", true }, { "(1 + 2) * 3 = 9", true },
        { "1 = 1 = true()", true }, { "2 > 1 = true()", true }, { "1 < 2 and 2 < 3", true },
        { "10 - 4 - 3 = 3", true }, { "8 div 4 div 2 = 1", true }, { "7 mod 4 * 2 = 6", true },
        { "-2 * -3 = 6", true }, { "2 - -3 = 5", true }, { "--2 = 2", true },
        { "-(1 + 2) = 0 - 3", true }, { "not(1 = 2) and true()", true },
        { "not(not(true()))", true },
        /* numbers */
        { ". = 7.5", true }, { ".=7.5", true }, { ". <= 10", true }, { ". > 7.49", true },
        { "7 div 2 = 3.5", true }, { "7 mod 3 = 1", true }, { "-7 mod 3 = -1", true },
        { "7.5 mod 2 = 1.5", true }, { "0.1 * 10 = 1", true },
        /* dates: days, and what they are called */
        { "${visit_date} <= today()", true }, { "${visit_date} > today()", false },
        { "${visit_date} = '2026-03-12'", true }, { "${visit_date} < '2026-03-13'", true },
        { "'2026-03-11' < ${visit_date}", true }, { "today() - ${visit_date} = 6", true },
        { "${visit_date} = '2026-02-30'", false }, { "${visit_date} != '2026-02-30'", true },
        { "${visit_date} < 'soon'", false }, { "${visit_date} != 'soon'", true },
        { "${visit_date} = '2026/03/12'", false }, { "${visit_date} = '2026-03/12'", false },
        { "${visit_date} = 'x026-03-12'", false }, { "${visit_date} = '2026-:3-12'", false },
        { "${visit_date} = '2026-03-x2'", false }, { "${visit_date} = '2026-13-12'", false },
        /* numbers that are none */
        { MUCH " > 1", false }, { MUCH " = ''", true }, { "0 - " MUCH " = ''", true },
        { "100000000000000 * 100000000000000 mod 7 = ''", true },
        { "0 - 100000000000000 * 100000000000000 mod 7 = ''", true },
        { "7 = ''", false }, { "'' = 7", false }, { "true() = ''", false }, { "'' != 7", true },
        { "'x' + 1 = ''", true }, { "1 + ${nothing} = ''", true }, { "1 - 'x' = ''", true },
        { "false() or ${zero}", false }, { "false() or 1", true }, { "${zero} or false()", false },
        { "true() and ${nothing}", false }, { "'wrong' = false()", false },
        { "'fals' = true()", true },
        /* texts, enums */
        { "${visit_kind} = 'kiem_tra'", true }, { "${visit_kind} != 'kiem_tra'", false },
        { "${visit_kind} = \"kiem_tra\"", true }, { "${place} = 'Nà Sơn'", true },
        { "${ratings.a3.rating} = 'dat'", true }, { "'a' < 'b'", true }, { "'a' < 'aa'", true },
        { "${visit_kind} = 7", false }, { "${visit_kind} != 7", true },
        /* truth values */
        { "${yes} = true()", true }, { "${no} = true()", false }, { "${no} != true()", true },
        { "${yes} = 'true'", true }, { "${no} = 'false'", true }, { "${yes} = 1", true },
        /* what is empty */
        { "${nothing} = ''", true }, { "${nothing} != ''", false }, { "${place} = ''", false },
        { "${place} != ''", true }, { "${nothing} = 'x'", false }, { "${nothing} != 'x'", false },
        { "${nothing} = 0", false }, { "${nothing} < 1", false }, { "${nothing} >= 0", false },
        { "${nothing} = ${nothing}", false }, { "${no} = ''", false },
        { "${no} != ''", true }, { "${yes} != ''", true }, { "'' = ''", true },
        { "'' != ''", false }, { "'' < 'a'", true }, { "${zero} = ''", false },
        { "${zero} != ''", true },
        { "1 div 0 = ''", true }, { "1 mod 0 = ''", true }, { "1 div ${zero} = ''", true },
        { "${place} + 1 = ''", true }, { "${nothing} + 1 = ''", true },
        { "-${place} = ''", true }, { "1 div 0 > 5", false }, { "not(1 div 0 > 5)", true },
        /* sets and groups */
        { "selected(${contents}, 'n1')", true }, { "selected( ${contents} ,'n2' )", false },
        { "selected(., 'n1')", false }, { "selected(${contents},'n1') and not(false())", true },
        { "count(${findings}) = 3", true }, { "count(${findings})>0", true },
        { "count(${nothing}) = 0", true },
        { "  \t\n 1  ", true },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].text);
        assert_int_equal(st_expr_true(eval(CASES[i].text)), CASES[i].want);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(eval("1 + 1").kind, ST_EXPR_NUMBER);
    assert_true(eval("1 + 1").number > 1.99 && eval("1 + 1").number < 2.01);
    assert_int_equal(eval("1 = 1").kind, ST_EXPR_BOOL);
    assert_int_equal(eval("'a'").kind, ST_EXPR_STRING);
    assert_int_equal(eval("1 div 0").kind, ST_EXPR_EMPTY);
    assert_int_equal(eval("${nothing}").kind, ST_EXPR_EMPTY);
    assert_int_equal(eval("${yes} + ${yes}").kind, ST_EXPR_NUMBER);
    assert_int_equal(eval("999999999999999 mod 0.00000000000001").kind, ST_EXPR_EMPTY);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct { const char *why, *text; } CASES[] = {
        { "nothing", "" }, { "blanks", "   " }, { "half", "1 +" }, { "two values", "1 2" },
        { "two texts in a row", "'it''s' = ''" }, { "open bracket", "(1" },
        { "closed bracket", "1)" }, { "empty brackets", "()" }, { "operator first", "* 1" },
        { "plus first", "+ 1" }, { "text not closed", "'abc" }, { "other quote", "'abc\"" },
        { "path not closed", "${place" }, { "path empty", "${}" }, { "path of signs", "${a b}" },
        { "path with a digit first", "${1a}" }, { "dollar alone", "$place" },
        { "unknown function", "regex(., 'a')" }, { "if", "if(1, 2, 3)" },
        { "word", "place = 1" }, { "true without brackets", "true" }, { "true of 1", "true(1)" },
        { "not of nothing", "not()" }, { "not open", "not(1" },
        { "selected of one", "selected(${a})" },
        { "selected of a number", "selected(${a}, 1)" },
        { "selected of text", "selected('a', 'b')" },
        { "count of dot", "count(.)" }, { "count of number", "count(1)" },
        { "count of two", "count(${a}, ${b})" }, { "number with two points", "1.2.3" },
        { "number and letter", "1e9" }, { "point without digits", "1." },
        { "C's equals", "1 == 1" }, { "C's and", "1 && 1" }, { "C's not", "!1" },
        { "semicolon", "1;" }, { "comma", "1,2" }, { "slash", "4/2" }, { "bracket kind", "[1]" },
        { "and first", "and 1" }, { "word glued to an operator", "1 andy 2" },
    };
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_expr *expr = NULL;
        st_error error = { 0 };
        print_message("  case: %s: %s\n", CASES[i].why, CASES[i].text);
        assert_int_equal(st_expr_compile(CASES[i].text, strlen(CASES[i].text), &arena, &expr,
                                         &error), ST_E_VALUE);
        assert_null(expr);
        assert_non_null(strstr(error.detail, "expression at"));
    }
    const st_expr *expr = NULL;
    assert_int_equal(st_expr_compile("1\0+1", 4, &arena, &expr, NULL), ST_E_VALUE);
    st_error error;
    assert_int_equal(st_expr_compile("1 + * 2", 7, &arena, &expr, &error), ST_E_VALUE);
    assert_non_null(strstr(error.detail, "at 5"));
    st_arena_reset(&arena);
}

/* `before` n times, a middle, `after` n times. */
static size_t repeat(char *out, size_t n, const char *before, const char *middle,
                     const char *after)
{
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(out, before);
    strcat(out, middle);
    for (size_t i = 0; i < n; i++)
        strcat(out, after);
    return strlen(out);
}

static void test_bombs(void **state)
{
    (void)state;
    static const struct { const char *why, *before, *middle, *after; size_t n; st_err want; }
    CASES[] = {
        { "32 brackets", "(", "1", ")", 32, ST_OK },
        { "33 brackets", "(", "1", ")", 33, ST_E_TOO_LARGE },
        { "32 nots", "not(", "1", ")", 32, ST_OK },
        { "33 nots", "not(", "1", ")", 33, ST_E_TOO_LARGE },
        { "brackets after operators", "1+(", "1", ")", 32, ST_OK },
        { "every rank waits in every bracket", "1 or 1 and 1 = 1 < 1 + 1 * (", "1", ")", 20,
          ST_E_TOO_LARGE },
        { "100 signs", "-", "1", "", 100, ST_OK },
        { "200 signs", "-", "1", "", 200, ST_E_TOO_LARGE },
        { "127 sums", "1+", "1", "", 127, ST_OK },
        { "128 sums are 257 parts", "1+", "1", "", 128, ST_E_TOO_LARGE },
        { "1,025 bytes", " ", "1", "", 1024, ST_E_TOO_LARGE },
        { "1,024 bytes", " ", "1", "", 1023, ST_OK },
        { "15 digits", "9", "", "", 15, ST_OK },
        { "16 digits", "9", "", "", 16, ST_E_TOO_LARGE },
    };
    char text[4096];
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_arena arena;
        st_arena_init(&arena, 1 << 20);
        const st_expr *expr = NULL;
        print_message("  case: %s\n", CASES[i].why);
        size_t len = repeat(text, CASES[i].n, CASES[i].before, CASES[i].middle, CASES[i].after);
        assert_int_equal(st_expr_compile(text, len, &arena, &expr, NULL), CASES[i].want);
        if (CASES[i].want == ST_OK)
            assert_int_not_equal(st_expr_eval(expr, &SOURCE).kind, ST_EXPR_EMPTY);
        st_arena_reset(&arena);
    }
    st_arena small;
    st_arena_init(&small, 8);
    const st_expr *expr = NULL;
    assert_int_equal(st_expr_compile("1 + 1", 5, &small, &expr, NULL), ST_E_MEMORY);
    assert_null(expr);
    st_arena_reset(&small);
}

static bool note_path(void *context, const char *path, size_t len, bool is_group)
{
    char *seen = context;
    strcat(seen, is_group ? "#" : "");
    strncat(seen, path, len);
    strcat(seen, " ");
    return strstr(seen, "stop") == NULL;
}

static void test_paths(void **state)
{
    (void)state;
    static const char TEXT[] = "${a} = 1 and count(${g}) > 0 and selected(${b}, 'x') and . = 1";
    st_arena arena;
    st_arena_init(&arena, 1 << 16);
    const st_expr *expr = NULL;
    char seen[100] = "";
    assert_int_equal(st_expr_compile(TEXT, strlen(TEXT), &arena, &expr, NULL), ST_OK);
    assert_true(st_expr_paths(expr, note_path, seen));
    assert_string_equal(seen, "a #g b ");
    seen[0] = '\0';
    assert_int_equal(st_expr_compile("${stop} + ${more}", 17, &arena, &expr, NULL), ST_OK);
    assert_false(st_expr_paths(expr, note_path, seen));
    assert_string_equal(seen, "stop ");
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
