/* proto/json.c - promises valid JSON in the order of the calls, within the buffer's bound; keeps
 * the first error. Must never read JSON: what comes from outside is parsed by a library. */
#include "proto/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "proto/value.h"

void st_json_begin(st_json *json, st_buffer *out, st_error *error)
{
    assert(json != NULL);
    assert(out != NULL);
    *json = (st_json){ .out = out, .error = error, .err = ST_OK };
}

st_err st_json_end(const st_json *json)
{
    assert(json->err != ST_OK || json->depth == 0);
    return json->err;
}

static void put(st_json *json, const char *text, size_t len)
{
    if (json->err == ST_OK)
        json->err = st_buffer_append(json->out, text, len, json->error);
}

/* A value or a key begins: the comma that parts it from what stands before. */
static void part(st_json *json)
{
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
}

void st_json_open(st_json *json, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    part(json);
    put(json, &bracket, 1);
    json->depth++;
    json->comma = false;
}

void st_json_close(st_json *json, char bracket)
{
    assert(bracket == '}' || bracket == ']');
    assert(json->depth > 0);
    put(json, &bracket, 1);
    json->depth--;
    json->comma = true;
}

/* One character that JSON does not let stand as it is. */
static void put_escape(st_json *json, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    char text[7] = { '\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15], 0 };
    size_t len = 6;
    const char *from = "\"\\\n\r\t\b\f", *to = "\"\\nrtbf";
    const char *at = c != 0 ? strchr(from, c) : NULL;
    if (at != NULL) {
        text[1] = to[at - from];
        len = 2;
    }
    put(json, text, len);
}

static void put_string(st_json *json, const char *text, size_t len)
{
    put(json, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        put(json, text + start, i - start);
        put_escape(json, c);
        start = i + 1;
    }
    if (start < len) /* an empty text may be NULL */
        put(json, text + start, len - start);
    put(json, "\"", 1);
}

void st_json_key(st_json *json, const char *key)
{
    part(json);
    put_string(json, key, strlen(key));
    put(json, ":", 1);
    json->comma = false;
}

void st_json_textn(st_json *json, const char *text, size_t len)
{
    part(json);
    put_string(json, text, len);
}

void st_json_text(st_json *json, const char *text)
{
    if (text == NULL)
        st_json_null(json);
    else
        st_json_textn(json, text, strlen(text));
}

void st_json_int(st_json *json, int64_t number)
{
    part(json);
    if (json->err == ST_OK)
        json->err = st_buffer_printf(json->out, json->error, "%" PRId64, number);
}

void st_json_bool(st_json *json, bool value)
{
    part(json);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void st_json_null(st_json *json)
{
    part(json);
    put(json, "null", 4);
}

void st_json_raw(st_json *json, const char *text, size_t len)
{
    part(json);
    put(json, text, len);
}

void st_json_when(st_json *json, int64_t ms, int offset_minutes)
{
    if (ms == 0) {
        st_json_null(json);
        return;
    }
    char text[40];
    st_time_format(ms, offset_minutes, text);
    st_json_text(json, text);
}

void st_json_key_text(st_json *json, const char *key, const char *text)
{
    st_json_key(json, key);
    st_json_text(json, text);
}

void st_json_key_int(st_json *json, const char *key, int64_t number)
{
    st_json_key(json, key);
    st_json_int(json, number);
}

void st_json_key_bool(st_json *json, const char *key, bool value)
{
    st_json_key(json, key);
    st_json_bool(json, value);
}
