/* server/http/query.h - what stands behind the "?" of an address: NAME=VALUE, joined by "&". */
#ifndef SOTAY_SERVER_HTTP_QUERY_H
#define SOTAY_SERVER_HTTP_QUERY_H

#include <stddef.h>

#include "proto/err.h"

#define HTTP_QUERY_BYTES_MAX 4096u
#define HTTP_QUERY_WORDS_MAX 8u

typedef struct {
    const char *name, *value;  /* in text; decoded, UTF-8 */
} http_query_word;

typedef struct {
    http_query_word words[HTTP_QUERY_WORDS_MAX];
    size_t count;
    char text[HTTP_QUERY_BYTES_MAX + 2];
} http_query;

/* Decodes %XX and "+" (a space). text: NULL or "" is a query of nothing. ST_E_VALUE: a word without
 * a name or a "=", a name twice, a wrong %, not UTF-8, or a control character; ST_E_TOO_LARGE. */
ST_MUST_USE st_err http_query_parse(const char *text, http_query *out_query, st_error *error);
/* The value of a name; NULL: it is not there. */
const char *http_query_get(const http_query *query, const char *name);

#endif
