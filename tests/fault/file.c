/* tests/fault/file.c - a file of a record, from the phone that attached it to the one that looks at
 * it. Promises that its bytes are the same in every try. */
#include "tests/fault/file.h"

#include <stdlib.h>
#include <string.h>

#define FILE_BYTES ((size_t)20000)

/* A document that no compression makes smaller. */
static void fill(uint8_t bytes[FILE_BYTES])
{
    uint64_t seed = 5;
    for (size_t i = 0; i < FILE_BYTES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(seed >> 56);
    }
    memcpy(bytes, "%PDF-1.7\n", 9);
}

int file_attach(stage *s, int n)
{
    uint8_t bytes[FILE_BYTES];
    sotay_error error = { SOTAY_OK, "" };
    const sotay_attachment file = { "bien-ban.pdf", bytes, FILE_BYTES, NULL, "biên bản", 0 };
    fill(bytes);
    int rc = sotay_attach(s->phones[n].client, &s->visits[0], &file, s->item, &error);
    return stage_said(s, rc, &error);
}

int file_want(stage *s, int n)
{
    bool is_here = false;
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_attachment_want(s->phones[n].client, &s->visits[0], s->item, &is_here, &error);
    return stage_said(s, rc, &error);
}

void file_must_be_on(stage *s, int n)
{
    uint8_t bytes[FILE_BYTES];
    sotay_file file = { NULL, 0 };
    sotay_error error = { SOTAY_OK, "" };
    fill(bytes);
    sotay_client *client = s->phones[n].client;
    int rc = sotay_attachment_get(client, &s->visits[0], s->item, false, &file, &error);
    if (rc != SOTAY_OK || file.len != FILE_BYTES || memcmp(file.data, bytes, FILE_BYTES) != 0)
        stage_die("the file", rc == SOTAY_OK ? "it is another one" : error.detail);
    free(file.data);
}

void file_must_be_in(stage *s)
{
    int rc = STAGE_CALL(s, "attachment", "list", "--json");
    const char *said = rc == SOTAY_OK ? (const char *)s->out.data : s->detail;
    if (rc != SOTAY_OK || strstr(said, "\"missing\":0}") == NULL)
        stage_die("the office has not all of the file", said);
}
