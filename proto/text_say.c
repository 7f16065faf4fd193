/* proto/text_say.c - text of others on its way to a terminal. Promises that nothing in it moves the
 * cursor, hides, turns the reading direction or begins a line of its own; must never change what is
 * stored, and is not for programs: JSON and CSV have the text as it is. */
#include "proto/text_parts.h"

#include <assert.h>
#include <string.h>

static const char UNSEEN[] = "\xEF\xBF\xBD";     /* U+FFFD */

st_err st_text_say(const void *text, size_t len, const char *line, st_buffer *out,
                   st_error *error)
{
    assert(text != NULL || len == 0);
    assert(line != NULL && out != NULL);
    const uint8_t *p = text;
    st_err err = ST_OK;
    for (size_t at = 0; at < len && err == ST_OK;) {
        int32_t point = 0;
        size_t size = st_text_next(p + at, len - at, &point);
        st_point_kind kind = size == 0 ? ST_POINT_UNSEEN : st_text_kind(point);
        if (kind == ST_POINT_UNSEEN)
            err = st_buffer_append(out, UNSEEN, strlen(UNSEEN), error);
        else if (kind == ST_POINT_BREAK)
            err = st_buffer_append(out, line, strlen(line), error);
        else if (kind == ST_POINT_BLANK)
            err = st_buffer_append(out, " ", 1, error);
        else
            err = st_buffer_append(out, p + at, size, error);
        at += size == 0 ? 1 : size;
    }
    return err;
}
