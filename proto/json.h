/* proto/json.h - writes JSON straight into a bounded buffer: no tree, no allocation per value, so
 * that a list of ten thousand records costs what its bytes cost (docs/decisions/0003). */
#ifndef SOTAY_PROTO_JSON_H
#define SOTAY_PROTO_JSON_H

#include "proto/bytes.h"

/* Caller's struct. The first error stays: later calls do nothing, and st_json_end returns it. */
typedef struct {
    st_buffer *out;
    st_error *error;
    st_err err;
    unsigned depth;
    bool comma;                /* something stands before on this level */
} st_json;

/* Starts writing at the end of out. */
void st_json_begin(st_json *json, st_buffer *out, st_error *error);
/* The first error of all calls, or ST_OK. */
ST_MUST_USE st_err st_json_end(const st_json *json);

/* '{' or '[' and their ends. */
void st_json_open(st_json *json, char bracket);
void st_json_close(st_json *json, char bracket);
/* A key of the object that is open. */
void st_json_key(st_json *json, const char *key);
/* Values. Text is UTF-8; NULL text is written as null. */
void st_json_text(st_json *json, const char *text);
void st_json_textn(st_json *json, const char *text, size_t len);
void st_json_int(st_json *json, int64_t number);
void st_json_bool(st_json *json, bool value);
void st_json_null(st_json *json);
/* Ready-made JSON. */
void st_json_raw(st_json *json, const char *text, size_t len);
/* ISO 8601 text of ms since 1970 in local time, or null when ms is 0. */
void st_json_when(st_json *json, int64_t ms, int offset_minutes);
/* Key and value in one call. */
void st_json_key_text(st_json *json, const char *key, const char *text);
void st_json_key_int(st_json *json, const char *key, int64_t number);
void st_json_key_bool(st_json *json, const char *key, bool value);

#endif
