/* server/operator/csv.c - cells of a CSV table (RFC 4180, CRLF). Promises that no cell begins as a
 * formula; must never change what a cell says but for the mark that keeps it from being one. */
#include <string.h>

#include "server/operator/work.h"

void operator_csv_cell(operator_work *work, const char *text, size_t len, bool is_last)
{
    st_buffer *out = work->call->out;
    bool is_formula = len > 0 && strchr("=+-@\t\r", text[0]) != NULL;
    bool quoted = is_formula;
    for (size_t i = 0; i < len && !quoted; i++)
        quoted = text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    quoted = quoted || (len > 0 && (text[0] == ' ' || text[len - 1] == ' '));
    st_err err = ST_OK;
    if (quoted)
        err = st_buffer_append(out, is_formula ? "\"'" : "\"", is_formula ? 2 : 1, NULL);
    for (size_t from = 0; err == ST_OK && from < len;) {
        const char *quote = quoted ? memchr(text + from, '"', len - from) : NULL;
        size_t run = quote != NULL ? (size_t)(quote - text) - from + 1 : len - from;
        err = st_buffer_append(out, text + from, run, NULL);
        if (err == ST_OK && quote != NULL)
            err = st_buffer_append(out, "\"", 1, NULL);
        from += run;
    }
    if (err == ST_OK)
        err = st_buffer_append(out, quoted ? "\"" : "", quoted ? 1 : 0, NULL);
    if (err == ST_OK)
        err = st_buffer_append(out, is_last ? "\r\n" : ",", is_last ? 2 : 1, NULL);
    if (err != ST_OK)
        operator_out_fails(work, err);
}

void operator_csv_text(operator_work *work, const char *text, bool is_last)
{
    operator_csv_cell(work, text, strlen(text), is_last);
}

void operator_csv_heads(operator_work *work, const char *const *heads, size_t count)
{
    operator_say(work, "\xEF\xBB\xBF");
    for (size_t i = 0; i < count; i++)
        operator_csv_text(work, heads[i], i + 1 == count);
}
