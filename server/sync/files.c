/* server/sync/files.c - looks which pieces of the files of a record are on disk.
 * Promises: what is called whole was read and hashed. Must never call a file missing that somebody
 * dropped, nor wait for one that the office declared lost. */
#include "server/sync/files.h"

#include <string.h>

#include "server/store/chunks.h"

#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024)

static st_err count_missing(sync_room *room, st_file *item, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < item->count; i++) {
        bool is_there = false;
        err = chunks_is_there(room->dir, &item->hashes[i], &is_there, error);
        item->missing += is_there ? 0 : 1;
    }
    return err;
}

st_err files_of(sync_room *room, const st_record *record, st_arena *arena, st_file **out_items,
                size_t *out_count, st_error *error)
{
    st_file *items = NULL;
    size_t count = 0;
    st_err err = st_files_of(sync_record_form(room, record), record, arena, &items, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = count_missing(room, &items[i], error);
    *out_items = items;
    *out_count = count;
    return err;
}

st_err files_check(sync_room *room, const st_file *item, bool *out_whole, st_error *error)
{
    st_err err = ST_OK;
    bool is_whole = true;
    for (size_t i = 0; err == ST_OK && is_whole && i < item->count; i++) {
        chunks_state state = CHUNKS_MISSING;
        uint64_t len = 0;
        err = chunks_check(room->dir, &item->hashes[i], &state, &len, error);
        is_whole = state == CHUNKS_WHOLE;
    }
    if (err == ST_OK)
        *out_whole = is_whole;
    return err;
}

st_err files_read(sync_room *room, const st_file *item, st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < item->count; i++)
        err = chunks_get(room->dir, &item->hashes[i], out, error);
    return err;
}

/* ---- the whole book ---- */

static st_err count_record(sync_room *room, store_slice bytes, st_arena *arena, files_count *out,
                           st_error *error)
{
    st_record record;
    st_file *items = NULL;
    size_t count = 0;
    st_error why = { ST_OK, "" };
    st_err err = st_record_decode(bytes.data, bytes.len, arena, &record, &why);
    if (err == ST_E_CORRUPT) {
        out->damaged = why;
        return ST_OK;
    }
    if (err != ST_OK)
        return st_fail(error, err, "%s", why.detail);
    err = files_of(room, &record, arena, &items, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        out->files += items[i].is_dropped ? 0 : 1;
        out->missing += st_file_waits(&items[i]) ? 1 : 0;
        out->lost += items[i].is_lost && !items[i].is_dropped ? 1 : 0;
    }
    return err;
}

st_err files_count_all(sync_room *room, store_txn *txn, files_count *out_count, st_error *error)
{
    store_cursor cursor = { 0 };
    files_count count = { 0 };
    st_arena arena;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = store_cursor_open(txn, STORE_STATE, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = count_record(room, cursor.value, &arena, &count, error);
        st_arena_reset(&arena);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK)
        *out_count = count;
    return err;
}
