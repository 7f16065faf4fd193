/* client-lib/src/file_name.c - the name under which a file lies in a record.
 * Promises: a file is never refused for what somebody, or some program, called it.
 * Never: keeps the folders of the person's device; lets a name run over more than one line. */
#include "client-lib/src/file_name.h"

#include <string.h>

#include "proto/text.h"

#define ENDING_CHARS_MAX 10u

/* The last part of a path, of either kind. */
static const char *base_name(const char *path)
{
    const char *name = path;
    for (; *path != '\0'; path++)
        if (*path == '/' || *path == '\\')
            name = path + 1;
    return name;
}

static bool begins_char(char byte)
{
    return ((unsigned char)byte & 0xc0u) != 0x80u;
}

/* Where the character number `chars` begins. */
static size_t place_of(const char *text, size_t len, size_t chars)
{
    size_t at = 0;
    for (size_t seen = 0; at < len; at++)
        if (begins_char(text[at]) && seen++ == chars)
            break;
    return at;
}

/* ".jpg" of "anh.jpg"; nothing of a name without a short ending. */
static size_t ending_of(const char *text, size_t len)
{
    size_t dot = len;
    while (dot > 0 && text[dot - 1] != '.')
        dot--;
    bool has_ending = dot > 1 && st_text_chars(text + dot - 1, len - dot + 1) <= ENDING_CHARS_MAX;
    return has_ending ? dot - 1 : len;
}

st_err file_name(const char *path, size_t chars_max, st_buffer *out, st_error *error)
{
    const char *name = base_name(path);
    st_buffer readable;
    st_buffer clean;
    st_buffer_init(&readable, ST_TEXT_BYTES_MAX);
    st_buffer_init(&clean, ST_TEXT_BYTES_MAX);
    st_err err = st_text_say(name, strlen(name), " ", &readable, error);
    if (err == ST_OK)
        err = st_text_clean(readable.data, readable.len, &clean, error);
    const char *text = (const char *)clean.data;
    size_t chars = err == ST_OK ? st_text_chars(text, clean.len) : 0;
    size_t ending = err == ST_OK ? ending_of(text, clean.len) : 0;
    size_t head = ending;
    if (chars > chars_max)
        head = place_of(text, ending, chars_max - st_text_chars(text + ending, clean.len - ending));
    if (err == ST_OK)
        err = st_buffer_append(out, text, head, error);
    if (err == ST_OK)
        err = st_buffer_append(out, text + ending, clean.len - ending, error);
    st_buffer_free(&readable);
    st_buffer_free(&clean);
    return err;
}
