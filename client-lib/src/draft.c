/* client-lib/src/draft.c - what is being typed, kept at every answer.
 * Promises: a text that was put is there after a crash; a working copy that does not pass stays as
 * it is.
 * Never: leaves the device before it became a change. */
#include "client-lib/src/draft.h"

#include <string.h>

#include "client-lib/src/slip.h"
#include "proto/show.h"

#define DRAFT_PAIRS_MAX 4096u
#define DRAFT_BYTES_MAX ((size_t)ST_FRAME_BYTES_MAX)

static const char *get_text(slip_reader *slip, st_arena *arena)
{
    size_t len = 0;
    const uint8_t *data = slip_get_blob(slip, &len);
    return data == NULL ? NULL : (const char *)st_arena_copy(arena, data, len);
}

st_err draft_get(book_db *book, const st_id *record, st_arena *arena, draft_copy *out_copy,
                 st_error *error)
{
    book_key key = book_key_id(BOOK_DRAFT, record);
    book_value value = { NULL, 0 };
    draft_copy copy = { NULL, 0 };
    size_t capacity = 0;
    st_err err = book_get(book, &key, arena, &value, error);
    if (err == ST_E_NOT_FOUND) {
        *out_copy = copy;
        return ST_OK;
    }
    if (err != ST_OK)
        return err;
    slip_reader slip = { value.data, value.len, 0, false };
    while (slip.at < slip.len) {
        sotay_pair pair = { get_text(&slip, arena), NULL };
        pair.value = get_text(&slip, arena);
        if (slip.bad)
            return st_fail(error, ST_E_CORRUPT, "store: a working copy is damaged");
        sotay_pair *pairs = st_arena_grow(arena, copy.pairs, copy.count, &capacity, sizeof *pairs);
        if (pair.path == NULL || pair.value == NULL || pairs == NULL)
            return st_fail(error, ST_E_MEMORY, "working copy: no memory");
        copy.pairs = pairs;
        copy.pairs[copy.count++] = pair;
    }
    *out_copy = copy;
    return ST_OK;
}

static st_err put(book_db *book, const st_id *record, const draft_copy *copy, st_error *error)
{
    book_key key = book_key_id(BOOK_DRAFT, record);
    if (copy->count == 0)
        return book_delete(book, &key, error);
    st_buffer out;
    st_buffer_init(&out, DRAFT_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    for (size_t i = 0; i < copy->count; i++) {
        slip_text(&slip, copy->pairs[i].path);
        slip_text(&slip, copy->pairs[i].value);
    }
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "working copy: too large")
                                   : book_put(book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

/* Puts, replaces or takes out one pair. */
static st_err change_pair(draft_copy *copy, sotay_pair pair, st_arena *arena, st_error *error)
{
    size_t at = 0;
    while (at < copy->count && strcmp(copy->pairs[at].path, pair.path) != 0)
        at++;
    if (at < copy->count && pair.value == NULL) {
        size_t after = copy->count - at - 1;
        memmove(&copy->pairs[at], &copy->pairs[at + 1], after * sizeof *copy->pairs);
        copy->count--;
        return ST_OK;
    }
    if (pair.value == NULL)
        return ST_OK;
    if (at < copy->count) {
        copy->pairs[at].value = pair.value;
        return ST_OK;
    }
    if (copy->count >= DRAFT_PAIRS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "working copy: too many fields");
    sotay_pair *pairs = st_arena_array(arena, copy->count + 1, sizeof *pairs);
    if (pairs == NULL)
        return st_fail(error, ST_E_MEMORY, "working copy: no memory");
    if (copy->count > 0)
        memcpy(pairs, copy->pairs, copy->count * sizeof *pairs);
    pairs[copy->count++] = pair;
    copy->pairs = pairs;
    return ST_OK;
}

st_err draft_take(edit *e, st_error *error)
{
    draft_copy copy;
    st_err err = draft_get(&e->client->book, &e->change.record, &e->arena, &copy, error);
    for (size_t i = 0; err == ST_OK && i < copy.count; i++) {
        const char *value = copy.pairs[i].value;
        err = edit_field(e, copy.pairs[i].path, value[0] == '\0' ? NULL : value, error);
    }
    e->drops_draft = err == ST_OK && copy.count > 0;
    return err;
}

static st_err commit_one(sotay_client *client, const sotay_id *record, st_error *error)
{
    edit e;
    st_err err = edit_begin(&e, client, record, error);
    if (err == ST_OK)
        err = draft_take(&e, error);
    if (err == ST_OK)
        err = edit_commit(&e, error);
    edit_end(&e);
    return err;
}

st_err draft_count(book_db *book, uint64_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DRAFT);
    book_scan scan = book_scan_of(&prefix);
    uint64_t count = 0;
    st_err err = book_scan_next(book, &scan, NULL, NULL, error);
    for (; err == ST_OK; err = book_scan_next(book, &scan, NULL, NULL, error))
        count++;
    if (err != ST_E_NOT_FOUND)
        return err;
    *out_count = count;
    return ST_OK;
}

/* The next record with a working copy after *at. ST_E_NOT_FOUND at the end. */
static st_err next_record(sotay_client *client, book_scan *scan, sotay_id *out_record,
                          st_error *error)
{
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = book_scan_next(&client->book, scan, NULL, NULL, error);
    client_abort(client);
    if (err == ST_OK && scan->at.len != 17)
        return st_fail(error, ST_E_CORRUPT, "store: a working copy is damaged");
    if (err == ST_OK)
        memcpy(out_record->b, scan->at.b + 1, sizeof out_record->b);
    return err;
}

st_err draft_commit_all(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DRAFT);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        sotay_id record;
        st_err err = next_record(client, &scan, &record, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err != ST_OK)
            return err;
        err = commit_one(client, &record, error);
        if (err == ST_PENDING || err == ST_E_STORAGE || err == ST_E_FULL || err == ST_E_MEMORY ||
            err == ST_E_CORRUPT)
            return err;
    }
}

static st_err draft_change(sotay_client *client, const sotay_id *record, sotay_pair pair,
                           st_error *error)
{
    draft_copy copy;
    st_arena arena;
    if (pair.value != NULL && strlen(pair.value) > ST_VALUE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "%.60s: too long", pair.path);
    if (strlen(pair.path) >= ST_PATH_TEXT_BYTES)
        return st_fail(error, ST_E_VALUE, "%.60s…: not a path", pair.path);
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && client->is_closed)
        err = st_fail(error, ST_E_BUSY, "store: something else is under way");
    if (err == ST_OK)
        err = client_begin(client, true, error);
    if (err != ST_OK)
        return err;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_id id = overlay_find(client, record);
    book_key row = book_key_id(BOOK_ROW, &id);
    bool there = false;
    err = book_has(&client->book, &row, &there, error);
    if (err == ST_OK && !there)
        err = st_fail(error, ST_E_NOT_FOUND, "record: not on this device");
    if (err == ST_OK)
        err = draft_get(&client->book, &id, &arena, &copy, error);
    if (err == ST_OK)
        err = change_pair(&copy, pair, &arena, error);
    if (err == ST_OK)
        err = put(&client->book, &id, &copy, error);
    if (err == ST_OK)
        err = client_commit(client, error);
    else
        client_abort(client);
    st_arena_reset(&arena);
    return err;
}

int sotay_draft_put(sotay_client *client, const sotay_id *record, const char *path,
                    const char *value, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_pair pair = { path, value };
    return port_give(draft_change(client, record, pair, &inner), &inner, error);
}

int sotay_draft_commit(sotay_client *client, const sotay_id *record, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    return port_give(commit_one(client, record, &inner), &inner, error);
}
