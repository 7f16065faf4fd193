/* tools/fuzz/fuzz_query.c - what stands behind the "?" of an address: text without control
 * characters, each name once; written again with every byte as %XX it is the same. */
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "server/http/query.h"
#include "tools/fuzz/fuzz.h"

#define AGAIN_BYTES ((size_t)3 * HTTP_QUERY_BYTES_MAX + 16)

static void check_text(const char *text)
{
    FUZZ_MUST(st_text_is_utf8(text, strlen(text)));
    for (; *text != '\0'; text++)
        FUZZ_MUST((unsigned char)*text >= ' ' && *text != 127);
}

static void check(const http_query *query)
{
    FUZZ_MUST(query->count <= HTTP_QUERY_WORDS_MAX);
    for (size_t i = 0; i < query->count; i++) {
        const http_query_word *word = &query->words[i];
        check_text(word->name);
        check_text(word->value);
        FUZZ_MUST(word->name[0] != '\0');
        FUZZ_MUST(http_query_get(query, word->name) == word->value);
    }
}

static size_t escape(const char *text, char *out)
{
    size_t len = 0;
    for (; *text != '\0'; text++, len += 3)
        (void)snprintf(out + len, 4, "%%%02X", (unsigned char)*text);
    return len;
}

static void check_again(const http_query *query)
{
    static char text[AGAIN_BYTES];
    static http_query again;
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < query->count; i++) {
        if (i > 0)
            text[len++] = '&';
        len += escape(query->words[i].name, text + len);
        text[len++] = '=';
        text[len] = '\0';
        len += escape(query->words[i].value, text + len);
    }
    if (len > HTTP_QUERY_BYTES_MAX)
        return;
    FUZZ_MUST(http_query_parse(text, &again, NULL) == ST_OK && again.count == query->count);
    for (size_t i = 0; i < query->count; i++)
        FUZZ_MUST(strcmp(again.words[i].name, query->words[i].name) == 0 &&
                  strcmp(again.words[i].value, query->words[i].value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static http_query query;
    static char text[HTTP_QUERY_BYTES_MAX + 16];
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    st_err err = http_query_parse(text, &query, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE || err == ST_E_TOO_LARGE);
    FUZZ_MUST(err == ST_OK || query.count == 0);
    check(&query);
    if (err == ST_OK)
        check_again(&query);
    return 0;
}
