/* server/operator/say.c - how the operator's verbs speak: sentences, errors, tables. Promises
 * tables whose columns stand under each other in Vietnamese too; must never mix reasons into
 * stdout. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "server/operator/work.h"

void operator_out_fails(operator_work *work, st_err why)
{
    if (!work->out_failed)
        work->out_why = why;
    work->out_failed = true;
}

static st_err append_formatted(st_buffer *out, const char *format, va_list list)
{
    uint8_t *room = NULL;
    va_list again;
    va_copy(again, list);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return ST_E_MEMORY;
    st_err err = st_buffer_room(out, (size_t)len + 1, &room, NULL);
    if (err != ST_OK)
        return err;
    (void)vsnprintf((char *)room, (size_t)len + 1, format, list);
    out->len += (size_t)len;
    return ST_OK;
}

void operator_say(operator_work *work, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    st_err err = append_formatted(work->call->out, format, list);
    va_end(list);
    if (err != ST_OK)
        operator_out_fails(work, err);
}

void operator_say_in(operator_work *work, const char *vi, const char *en)
{
    operator_say(work, "%s", work->vi ? vi : en);
}

void operator_say_count(operator_work *work, uint64_t n, const operator_noun *noun)
{
    operator_say(work, "%" PRIu64 " %s", n, work->vi ? noun->vi : n == 1 ? noun->one : noun->many);
}

void operator_complain(operator_work *work, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    st_err err = st_buffer_printf(work->call->err, NULL, "%s: ", work->verb);
    if (err == ST_OK)
        err = append_formatted(work->call->err, format, list);
    va_end(list);
    if (st_buffer_append(work->call->err, "\n", 1, NULL) != ST_OK || err != ST_OK)
        return;                             /* the exit code still says it */
}

int operator_fail(operator_work *work)
{
    const st_error *error = &work->error;
    work->call->why = *error;
    const char *sentence = st_err_sentence(error->code, work->vi ? "vi" : "en");
    if (error->code == ST_E_USAGE) {
        operator_complain(work, "%s", error->detail);
        return 2;
    }
    operator_complain(work, "%s (%s)", sentence,
                      error->detail[0] != '\0' ? error->detail : st_err_name(error->code));
    return 1;
}

int operator_refuse(operator_work *work, const char *why)
{
    operator_complain(work, "%s", why);
    return 1;
}

int operator_misuse(operator_work *work, const char *vi, const char *en)
{
    operator_complain(work, "%s", work->vi ? vi : en);
    return 2;
}

size_t operator_text_width(const char *text)
{
    size_t width = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        bool is_start = (*p & 0xC0) != 0x80;
        /* U+0300..U+036F: CC 80..CD AF */
        bool is_mark = (p[0] == 0xCC && p[1] >= 0x80) ||
                       (p[0] == 0xCD && p[1] >= 0x80 && p[1] <= 0xAF);
        if (is_start && !is_mark)
            width++;
    }
    return width;
}

void operator_table_begin(operator_work *work, operator_table *table, const char *const *headings,
                          size_t columns)
{
    *table = (operator_table){ .columns = columns };
    for (size_t i = 0; i < columns; i++)
        operator_table_cell(work, table, headings[i]);
}

void operator_table_cell(operator_work *work, operator_table *table, const char *text)
{
    size_t row_bytes = 2 * (table->capacity + 1) * sizeof *table->cells;
    const char **cells = st_arena_grow(&work->arena, table->cells, table->count,
                                       &table->capacity, sizeof *cells);
    st_buffer plain;
    st_buffer_init(&plain, OPERATOR_OUT_BYTES_MAX);
    st_err err = cells == NULL ? st_arena_refused(&work->arena, row_bytes)
                               : st_text_say(text, strlen(text), " ", &plain, NULL);
    const void *said = plain.len > 0 ? plain.data : (const void *)"";
    const char *copy =
        err == ST_OK ? (const char *)st_arena_copy(&work->arena, said, plain.len) : NULL;
    if (err == ST_OK && copy == NULL)
        err = st_arena_refused(&work->arena, plain.len + 1);
    st_buffer_free(&plain);
    if (err != ST_OK) {
        operator_out_fails(work, err);
        return;
    }
    table->cells = cells;
    table->cells[table->count++] = copy;
}

void operator_table_when(operator_work *work, operator_table *table, int64_t ms)
{
    char iso[40], text[24] = "-";
    if (ms != 0) {
        st_time_format(ms, work->call->offset_minutes, iso);
        (void)snprintf(text, sizeof text, "%.2s/%.2s/%.4s %.5s", iso + 8, iso + 5, iso, iso + 11);
    }
    operator_table_cell(work, table, text);
}

size_t operator_table_print(operator_work *work, const operator_table *table)
{
    size_t widths[OPERATOR_COLUMNS_MAX] = { 0 };
    size_t rows = table->columns > 0 ? table->count / table->columns : 0;
    if (rows < 2 || table->columns > OPERATOR_COLUMNS_MAX)
        return 0;
    for (size_t i = 0; i < rows * table->columns; i++) {
        size_t width = operator_text_width(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t i = 0; i < rows * table->columns; i++) {
        size_t column = i % table->columns;
        bool is_last = column + 1 == table->columns;
        size_t pad = is_last ? 0 : widths[column] - operator_text_width(table->cells[i]) + 2;
        operator_say(work, "%s%*s%s", table->cells[i], (int)pad, "", is_last ? "\n" : "");
    }
    return rows - 1;
}
