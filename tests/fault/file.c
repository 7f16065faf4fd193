/* tests/fault/file.c - a file of a record, from the phone that attached it to the one that looks at
 * it and gives its room back; pieces in the book that no record names. Promises that its bytes are
 * the same in every try. */
#include "tests/fault/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hash.h"
#include "server/store/chunks.h"
#include "server/sync/quota.h"
#include "server/sync/stray.h"

#define FILE_BYTES  ((size_t)20000)
#define PIECE_BYTES ((size_t)16384)

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

int file_clear(stage *s, int n)
{
    sotay_cleared cleared;
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_attachment_clear(s->phones[n].client, false, &cleared, &error);
    return stage_said(s, rc, &error);
}

void file_must_be_away(stage *s, int n)
{
    sotay_file file = { NULL, 0 };
    sotay_error error = { SOTAY_OK, "" };
    sotay_client *client = s->phones[n].client;
    if (sotay_attachment_get(client, &s->visits[0], s->item, false, &file, &error) == SOTAY_OK)
        stage_die("the file", "its room was given back, and it is here");
}

/* ---- what nothing names ---- */

#define STRAY_TEXT "nobody names this"

static st_hash stray_hash(void)
{
    return st_sha256(STRAY_TEXT, sizeof STRAY_TEXT);
}

void file_leave_stray(stage *s)
{
    sotay_who who;
    st_error error = { 0 };
    const chunks_piece piece = { "part-1", stray_hash(), (const uint8_t *)STRAY_TEXT,
                                 sizeof STRAY_TEXT };
    quota_piece counted = { .hash = piece.hash, .bytes = piece.len };
    sotay_whoami(s->phones[0].client, &who);
    memcpy(counted.device.b, who.device.b, sizeof counted.device.b);
    if (quota_take(s->rooms.writer, &counted, 1, &error) != ST_OK ||
        chunks_put(s->rooms.dir, &piece, &error) != ST_OK)
        stage_die("a stray", error.detail);
    if (STAGE_CALL(s, "attachment", "collect") != SOTAY_OK)
        stage_die("a stray", s->detail);
}

int file_collect(stage *s)
{
    s->later_ms = STRAY_KEPT_MS + 86400000;
    int rc = STAGE_CALL(s, "attachment", "collect");
    s->later_ms = 0;
    return rc;
}

static uint64_t counted_for(stage *s, int n)
{
    sotay_who who;
    st_id device;
    uint64_t bytes = 0;
    store_txn txn = { 0 };
    st_error error = { 0 };
    sotay_whoami(s->phones[n].client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    if (store_begin(s->rooms.sync.store, STORE_READ_TXN, &txn, &error) != ST_OK ||
        quota_used(&txn, &device, &bytes, &error) != ST_OK)
        stage_die("bytes of a device", error.detail);
    store_end(&txn);
    return bytes;
}

/* It may have gone in a turn that failed: the next one sees that it is not there. */
void file_must_be_alone(stage *s)
{
    const st_hash hash = stray_hash();
    bool is_there = true;
    st_error error = { 0 };
    if (file_collect(s) != SOTAY_OK)
        stage_die("collecting once more", s->detail);
    if (chunks_is_there(s->rooms.dir, &hash, &is_there, &error) != ST_OK || is_there)
        stage_die("a stray", "it is there still");
    if (counted_for(s, 0) != FILE_BYTES)
        stage_die("a stray", "it counts for the device that brought it");
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

void file_must_be_in_copy(stage *s)
{
    uint8_t bytes[FILE_BYTES];
    char dir[256];
    fill(bytes);
    (void)snprintf(dir, sizeof dir, "%s/copy", s->dir);
    for (size_t at = 0; at < FILE_BYTES; at += PIECE_BYTES) {
        const size_t len = FILE_BYTES - at < PIECE_BYTES ? FILE_BYTES - at : PIECE_BYTES;
        const st_hash hash = st_sha256(bytes + at, len);
        chunks_state state = CHUNKS_MISSING;
        uint64_t found = 0;
        st_error error = { 0 };
        if (chunks_check(dir, &hash, &state, &found, &error) != ST_OK || state != CHUNKS_WHOLE)
            stage_die("the backup has not all of the file", error.detail);
    }
}
