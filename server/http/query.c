/* server/http/query.c - promises that what comes out of a query is text without control characters,
 * each name once. Must never take half of a query for the whole. */
#include "server/http/query.h"

#include <string.h>

#include "proto/text.h"

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One word up to its end or to the sign, decoded to *to, which moves on. Returns where it ended;
 * NULL: it is no text. */
static const char *decode(const char *at, char sign, char **to)
{
    char *begin = *to;
    for (; *at != '\0' && *at != '&' && *at != sign; at++) {
        int high = 0, low = 0;
        char c = *at == '+' ? ' ' : *at;
        if (c == '%') {
            high = hex_of(at[1]);
            low = high < 0 ? -1 : hex_of(at[2]);
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            at += 2;
        }
        if ((unsigned char)c < ' ' || c == 127)
            return NULL;
        *(*to)++ = c;
    }
    *(*to)++ = '\0';
    return st_text_is_utf8(begin, strlen(begin)) ? at : NULL;
}

static st_err take_word(http_query *query, const char **at, char **to, st_error *error)
{
    http_query_word *word = &query->words[query->count];
    if (query->count == HTTP_QUERY_WORDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "query: more than %u words", HTTP_QUERY_WORDS_MAX);
    word->name = *to;
    const char *sign = decode(*at, '=', to);
    word->value = *to;
    const char *end = sign != NULL && *sign == '=' ? decode(sign + 1, '\0', to) : NULL;
    if (end == NULL || word->name[0] == '\0')
        return st_fail(error, ST_E_VALUE, "query: not NAME=VALUE");
    if (http_query_get(query, word->name) != NULL)
        return st_fail(error, ST_E_VALUE, "query: '%.40s' stands there twice", word->name);
    query->count++;
    *at = *end == '&' ? end + 1 : end;
    return *end == '&' && **at == '\0' ? st_fail(error, ST_E_VALUE, "query: not NAME=VALUE")
                                       : ST_OK;
}

st_err http_query_parse(const char *text, http_query *out_query, st_error *error)
{
    char *to = out_query->text;
    const char *at = text == NULL ? "" : text;
    st_err err = ST_OK;
    out_query->count = 0;
    if (strlen(at) > HTTP_QUERY_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "query: over %u bytes", HTTP_QUERY_BYTES_MAX);
    while (err == ST_OK && *at != '\0')
        err = take_word(out_query, &at, &to, error);
    if (err != ST_OK)
        out_query->count = 0;
    return err;
}

const char *http_query_get(const http_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->words[i].name, name) == 0)
            return query->words[i].value;
    return NULL;
}
