/* proto/err.c - promises that every code has one row: a name, an HTTP status, what a phone does
 * next and a sentence in two languages. Adding a code in err.h is enough.
 * Must never keep hidden error state: what failed stands in the caller's st_error or nowhere. */
#include "proto/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name, *vi, *en;
    int http;
    st_retry retry;
} err_row;

#define X(code, http, retry, vi, en) [code] = { #code, vi, en, http, retry },
static const err_row ROWS[ST_ERR_COUNT] = { ST_ERRORS(X) };
#undef X

static const err_row UNKNOWN = { "ST_E_UNKNOWN", "Lỗi không rõ, dữ liệu trên máy vẫn còn.",
                                 "Unknown error; the data on this device is still there.", 500,
                                 ST_RETRY_LATER };

/* Codes come from answers of other versions too, so an unknown number is no mistake of ours. */
static const err_row *row_of(st_err code)
{
    return (unsigned)code < (unsigned)ST_ERR_COUNT ? &ROWS[code] : &UNKNOWN;
}

st_err st_fail(st_error *error, st_err code, const char *format, ...)
{
    assert(format != NULL);
    if (error == NULL)
        return code;
    /* The arguments may point into error->detail (one error told by another), so the text is made
     * elsewhere first. */
    char detail[sizeof error->detail];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(detail, sizeof detail, format, arguments) < 0)
        detail[0] = '\0';
    va_end(arguments);
    error->code = code;
    memcpy(error->detail, detail, sizeof detail);
    return code;
}

const char *st_err_name(st_err code)
{
    return row_of(code)->name;
}

const char *st_err_sentence(st_err code, const char *lang)
{
    const err_row *row = row_of(code);
    return lang != NULL && strcmp(lang, "vi") == 0 ? row->vi : row->en;
}

int st_err_http(st_err code)
{
    return row_of(code)->http;
}

st_retry st_err_retry(st_err code)
{
    return row_of(code)->retry;
}

bool st_err_is_passing(st_err code)
{
    return code == ST_E_STORAGE || code == ST_E_MEMORY;
}
