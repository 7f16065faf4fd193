/* tools/fuzz/fuzz_expr.c - expressions of forms: any text compiles or is refused with a reason;
 * what compiles can always be computed, twice with the same result, from values of any kind. */
#include <string.h>

#include "proto/expr.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

typedef struct {
    uint8_t kinds; /* two bits for each remainder of a path's length */
    int64_t number;
    size_t asked;
} answers;

static st_expr_value get(void *context, const char *path, size_t len)
{
    static const char *const TEXTS[] = { "", "kiem_tra", "12", "xóm" };
    answers *a = context;
    const char *text = TEXTS[(len + (path != NULL ? (uint8_t)path[0] : 0)) % 4];
    st_expr_value value = { (st_expr_kind)(a->kinds >> 2 * (len % 4) & 3), (double)a->number, text,
                            strlen(text) };
    a->asked++;
    if (value.kind == ST_EXPR_BOOL)
        value.number = (double)(a->number & 1);
    return value;
}

static bool selected(void *context, const char *path, size_t len, const char *id, size_t id_len)
{
    (void)path;
    ((answers *)context)->asked++;
    return (len + id_len) % 2 == 0 && (id_len == 0 || id[0] != 'n');
}

static double count(void *context, const char *path, size_t len)
{
    (void)path;
    ((answers *)context)->asked++;
    return (double)(len % 5);
}

static bool say(void *context, const char *path, size_t len, bool is_group)
{
    size_t *paths = context;
    FUZZ_MUST(path != NULL && len > 0 && len <= ST_EXPR_BYTES_MAX);
    (void)is_group;
    return ++*paths <= ST_EXPR_TOKENS_MAX;
}

static bool is_same(st_expr_value a, st_expr_value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == ST_EXPR_STRING)
        return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
    return a.kind == ST_EXPR_EMPTY || a.number == b.number || a.number != a.number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    answers a = { fuzz_u8(&bytes), (int8_t)fuzz_u8(&bytes), 0 };
    const st_expr_source source = { &a, get, selected, count, 20524 };
    const st_expr *expr = NULL;
    size_t paths = 0;
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_expr_compile((const char *)bytes.data, bytes.len, &arena, &expr, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE || err == ST_E_TOO_LARGE);
    if (err == ST_OK) {
        FUZZ_MUST(st_expr_paths(expr, say, &paths));
        st_expr_value first = st_expr_eval(expr, &source), second = st_expr_eval(expr, &source);
        FUZZ_MUST(is_same(first, second) && first.kind <= ST_EXPR_BOOL);
        FUZZ_MUST(first.kind != ST_EXPR_BOOL || first.number == 0 || first.number == 1);
        FUZZ_MUST(st_expr_true(first) == st_expr_true(second));
    }
    st_arena_reset(&arena);
    return 0;
}
