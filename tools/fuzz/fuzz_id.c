/* tools/fuzz/fuzz_id.c - ids, dots, items, codes, buckets, hex, base64, enrolment codes, paths of
 * tiles and snapshots, and the lines of a forgotten PIN, as people, files and addresses spell them:
 * one spelling each, and what is read is written back letter for letter. */
#include <string.h>

#include "proto/message.h"
#include "proto/recover.h"
#include "proto/tree.h"
#include "tools/fuzz/fuzz.h"

#define TEXT_BYTES 256

static void check_ids(const char *text)
{
    char back[TEXT_BYTES];
    st_id id;
    st_dot dot;
    uint16_t place = 0;
    uint8_t code[16], log_key[32];
    if (st_id_parse(text, &id)) {
        st_id_format(&id, back);
        FUZZ_MUST(strcmp(text, back) == 0);
    }
    if (st_dot_parse(text, &dot)) {
        FUZZ_MUST(dot.counter > 0 && dot.counter <= INT64_MAX);
        st_dot_format(&dot, back);
        FUZZ_MUST(strcmp(text, back) == 0 && strlen(back) < ST_DOT_TEXT_BYTES);
    }
    if (st_item_parse(text, &dot, &place)) {
        FUZZ_MUST(dot.counter > 0);
        st_item_format(&dot, place, back);
        FUZZ_MUST(strcmp(text, back) == 0 && strlen(back) < ST_ITEM_TEXT_BYTES);
    }
    if (st_enrol_code_parse(text, code, log_key)) {
        st_enrol_code_format(code, log_key, back);
        FUZZ_MUST(strcmp(text, back) == 0 && strlen(back) < ST_ENROL_CODE_TEXT);
    }
}

static void check_paths(const char *text)
{
    char back[ST_SNAPSHOT_PATH_SIZE + ST_TILE_PATH_BYTES];
    st_bucket bucket;
    st_hash name;
    st_tile tile;
    if (st_tile_parse(text, &tile)) {
        FUZZ_MUST(tile.level <= ST_TILE_ENTRIES && tile.width >= 1 && tile.width <= ST_TILE_WIDTH);
        st_tile_path(&tile, back);
        FUZZ_MUST(strcmp(text, back) == 0 && strlen(back) < ST_TILE_PATH_BYTES);
    }
    if (st_snapshot_path_parse(text, &bucket, &name)) {
        st_snapshot_path(&bucket, &name, back);
        FUZZ_MUST(strcmp(text, back) == 0 && strlen(back) < ST_SNAPSHOT_PATH_SIZE);
    }
}

/* Read out and typed, so that blanks may stand in them: read again it is the same line. */
static void check_recovery(const char *text)
{
    char line[ST_RECOVER_TEXT], again[ST_RECOVER_TEXT];
    st_recover_ask ask;
    st_recover_answer answer;
    st_err err = st_recover_ask_parse(text, &ask, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE || err == ST_E_VERSION);
    if (err == ST_OK) {
        FUZZ_MUST(ask.sealed_len == 80 || ask.sealed_len == 96);
        st_recover_ask_format(&ask, line);
        FUZZ_MUST(st_recover_ask_parse(line, &ask, NULL) == ST_OK);
        st_recover_ask_format(&ask, again);
        FUZZ_MUST(strcmp(line, again) == 0);
    }
    err = st_recover_answer_parse(text, &answer, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE || err == ST_E_VERSION);
    if (err == ST_OK) {
        st_recover_answer_format(&answer, line);
        FUZZ_MUST(st_recover_answer_parse(line, &answer, NULL) == ST_OK);
        st_recover_answer_format(&answer, again);
        FUZZ_MUST(strcmp(line, again) == 0);
    }
}

static void check_codes(const char *text, size_t len)
{
    st_code code;
    st_bucket bucket;
    if (st_code_set(&code, text, len))
        FUZZ_MUST(len >= 1 && len <= ST_CODE_BYTES_MAX && strlen(code.s) == len &&
                  memcmp(code.s, text, len) == 0);
    if (st_bucket_set(&bucket, text, len)) {
        FUZZ_MUST(len <= ST_BUCKET_BYTES_MAX && strlen(bucket.s) == len);
        FUZZ_MUST(memcmp(bucket.s, text, len) == 0 && strchr(bucket.s, '/') != NULL);
    }
}

static void check_spellings(const char *text, size_t len)
{
    uint8_t bytes[TEXT_BYTES];
    char back[2 * TEXT_BYTES];
    size_t got = st_unbase64(text, len, bytes);
    if (got != SIZE_MAX) {
        st_base64(bytes, got, back);
        FUZZ_MUST(strlen(back) == len && memcmp(back, text, len) == 0);
    }
    got = st_unbase64url(text, len, bytes);
    if (got != SIZE_MAX) {
        st_base64url(bytes, got, back);
        FUZZ_MUST(strlen(back) == len && memcmp(back, text, len) == 0);
    }
    if (len % 2 == 0 && st_unhex(text, len, bytes, len / 2)) {
        uint8_t again[TEXT_BYTES];
        st_hex(bytes, len / 2, back);
        FUZZ_MUST(strlen(back) == len && st_unhex(back, len, again, len / 2));
        FUZZ_MUST(memcmp(bytes, again, len / 2) == 0);
    }
}

/* The bytes themselves, written and read back. */
static void check_bytes(const uint8_t *data, size_t size)
{
    uint8_t bytes[TEXT_BYTES];
    char text[2 * TEXT_BYTES];
    st_base64(data, size, text);
    FUZZ_MUST(st_unbase64(text, strlen(text), bytes) == size && memcmp(bytes, data, size) == 0);
    st_base64url(data, size, text);
    FUZZ_MUST(st_unbase64url(text, strlen(text), bytes) == size);
    FUZZ_MUST(memcmp(bytes, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_BYTES];
    if (size == 0 || size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_ids(text);
    check_paths(text);
    check_recovery(text);
    check_codes(text, size);
    check_spellings(text, size);
    check_bytes(data, size);
    return 0;
}
