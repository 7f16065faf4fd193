/* tools/fuzz/fuzz_json.c - the JSON writer: any calls in an order that a writer may make give one
 * JSON value, and every text comes out of a parser as it went in. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "proto/text.h"
#include "tools/fuzz/fuzz.h"

#define DEPTH_MAX  16u
#define TEXT_BYTES 128

/* A text that UTF-8 allows, else one that stands for it. */
static const char *text_of(fuzz_bytes *bytes, char out[TEXT_BYTES])
{
    fuzz_text(bytes, out, TEXT_BYTES);
    return st_text_is_utf8(out, strlen(out)) ? out : "\x01\"\\\x7f/\t";
}

static void put_value(st_json *json, uint8_t what, fuzz_bytes *bytes)
{
    char text[TEXT_BYTES];
    switch (what % 6) {
    case 0: st_json_int(json, (int64_t)fuzz_u64(bytes)); break;
    case 1: st_json_bool(json, (what & 8) != 0); break;
    case 2: st_json_null(json); break;
    case 3:
        st_json_when(json, (int64_t)fuzz_u64(bytes) >> what % 32, (int8_t)fuzz_u8(bytes));
        break;
    default: st_json_text(json, text_of(bytes, text)); break;
    }
}

static void write_all(st_json *json, fuzz_bytes *bytes)
{
    char open[DEPTH_MAX], text[TEXT_BYTES];
    unsigned depth = 0;
    open[depth++] = '[';
    st_json_open(json, '[');
    while (bytes->len > 0) {
        uint8_t what = fuzz_u8(bytes);
        if (what >= 240 && depth > 1) {
            st_json_close(json, open[--depth] == '[' ? ']' : '}');
            continue;
        }
        if (open[depth - 1] == '{')
            st_json_key(json, text_of(bytes, text));
        if (what >= 200 && what < 240 && depth < DEPTH_MAX) {
            open[depth++] = what % 2 == 0 ? '[' : '{';
            st_json_open(json, open[depth - 1]);
        } else {
            put_value(json, what, bytes);
        }
    }
    while (depth > 0)
        st_json_close(json, open[--depth] == '[' ? ']' : '}');
}

/* One text alone: read by a parser it is the same. */
static void check_text(fuzz_bytes bytes)
{
    static st_buffer out;
    char text[TEXT_BYTES];
    st_json json;
    const char *given = text_of(&bytes, text);
    out.max = 1u << 16;
    st_buffer_clear(&out);
    st_json_begin(&json, &out, NULL);
    st_json_text(&json, given);
    FUZZ_MUST(st_json_end(&json) == ST_OK);
    cJSON *read = cJSON_ParseWithLength((const char *)out.data, out.len);
    FUZZ_MUST(cJSON_IsString(read) && strcmp(read->valuestring, given) == 0);
    cJSON_Delete(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer out;
    fuzz_bytes bytes = { data, size };
    st_json json;
    check_text(bytes);
    out.max = 1u << 20;
    st_buffer_clear(&out);
    st_json_begin(&json, &out, NULL);
    write_all(&json, &bytes);
    FUZZ_MUST(st_json_end(&json) == ST_OK);
    fuzz_must_be_json(out.data, out.len);
    return 0;
}
