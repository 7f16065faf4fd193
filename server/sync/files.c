/* server/sync/files.c - reads the attachments off a record and looks which pieces are on disk.
 * Promises: what is called whole was read and hashed. Must never call a file missing that somebody
 * dropped, nor wait for one that the office declared lost. */
#include "server/sync/files.h"

#include <string.h>

#include "server/store/chunks.h"

#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Numbers of the fields in the form that the record is pinned to; 0: the form has none such. */
typedef struct {
    uint16_t group, hashes, name, kind, mime, size, lost, thumbnail;
} fields_at;

static uint16_t number_of(const st_group *group, const char *name)
{
    const st_field *field = st_group_field(group, name);
    return field == NULL ? 0 : field->no;
}

static bool find_fields(const st_form *form, fields_at *out)
{
    const st_group *group = form == NULL ? NULL : st_form_group(form, "attachments");
    if (group == NULL || group->keyed)
        return false;
    *out = (fields_at){ .group = group->no,
                        .hashes = number_of(group, "chunk_hashes"),
                        .name = number_of(group, "name"),
                        .kind = number_of(group, "kind"),
                        .mime = number_of(group, "mime"),
                        .size = number_of(group, "size"),
                        .lost = number_of(group, "declared_lost"),
                        .thumbnail = number_of(group, "thumbnail") };
    return out->hashes != 0;
}

/* The value shown first of another field of the item; NULL: none. */
static const st_value *value_of(const st_record *record, const st_path *item, uint16_t field)
{
    st_path path = *item;
    path.field = field;
    if (field == 0)
        return NULL;
    size_t at = st_view_shown(record, st_record_path(record, &path));
    return at == SIZE_MAX ? NULL : &record->lives[at].op.value;
}

static st_err text_of(const st_value *value, st_arena *arena, const char **out, st_error *error)
{
    *out = "";
    if (value == NULL || value->len == 0 ||
        (value->kind != ST_VALUE_TEXT && value->kind != ST_VALUE_CODE))
        return ST_OK;
    *out = (const char *)st_arena_copy(arena, value->data, value->len); /* with its NUL */
    return *out != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "attachments: no memory");
}

static st_err count_missing(sync_room *room, files_item *item, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < item->count; i++) {
        bool is_there = false;
        err = chunks_is_there(room->dir, &item->hashes[i], &is_there, error);
        item->missing += is_there ? 0 : 1;
    }
    return err;
}

static st_err read_item(sync_room *room, const st_record *record, const fields_at *at,
                        st_arena *arena, files_item *item, st_error *error)
{
    const st_value *size = value_of(record, &item->path, at->size);
    const st_value *lost = value_of(record, &item->path, at->lost);
    const st_value *thumbnail = value_of(record, &item->path, at->thumbnail);
    st_err err = text_of(value_of(record, &item->path, at->name), arena, &item->name, error);
    if (err == ST_OK)
        err = text_of(value_of(record, &item->path, at->kind), arena, &item->kind, error);
    if (err == ST_OK)
        err = text_of(value_of(record, &item->path, at->mime), arena, &item->mime, error);
    if (err != ST_OK)
        return err;
    if (size != NULL && size->kind == ST_VALUE_INT && size->number > 0)
        item->bytes = (uint64_t)size->number;
    if (thumbnail != NULL && thumbnail->kind == ST_VALUE_BYTES) {
        item->thumbnail = thumbnail->data;
        item->thumbnail_len = thumbnail->len;
    }
    item->is_lost = lost != NULL && lost->kind == ST_VALUE_INT && lost->number == 1;
    item->is_dropped = st_view_item(record, item->path.group, &item->path.item,
                                    item->path.place) == ST_ITEM_DROPPED;
    return count_missing(room, item, error);
}

static bool holds_hashes(const st_live *live, const fields_at *at)
{
    const st_path *path = &live->op.path;
    const st_value *value = &live->op.value;
    return path->kind == ST_PATH_ITEM && path->group == at->group && path->field == at->hashes &&
           value->kind == ST_VALUE_BYTES && value->len > 0 && value->len % sizeof(st_hash) == 0;
}

st_err files_of(sync_room *room, const st_record *record, st_arena *arena, files_item **out_items,
                size_t *out_count, st_error *error)
{
    fields_at at;
    size_t count = 0;
    st_err err = ST_OK;
    *out_items = NULL;
    *out_count = 0;
    if (!find_fields(sync_record_form(room, record), &at))
        return ST_OK;
    for (size_t i = 0; i < record->lives_count; i++)
        count += holds_hashes(&record->lives[i], &at) ? 1 : 0;
    files_item *items = st_arena_array(arena, count + 1, sizeof *items);
    if (items == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    count = 0;
    for (size_t i = 0; err == ST_OK && i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (!holds_hashes(&record->lives[i], &at))
            continue;
        files_item *item = &items[count++];
        memset(item, 0, sizeof *item);
        item->path = op->path;
        item->hashes = (const st_hash *)op->value.data;
        item->count = op->value.len / sizeof(st_hash);
        err = read_item(room, record, &at, arena, item, error);
    }
    *out_items = items;
    *out_count = count;
    return err;
}

bool files_waits(const files_item *item)
{
    return item->missing > 0 && !item->is_lost && !item->is_dropped;
}

st_err files_check(sync_room *room, const files_item *item, bool *out_whole, st_error *error)
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

st_err files_read(sync_room *room, const files_item *item, st_buffer *out, st_error *error)
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
    files_item *items = NULL;
    size_t count = 0;
    st_err err = st_record_decode(bytes.data, bytes.len, arena, &record, error);
    if (err != ST_OK)
        return err == ST_E_CORRUPT ? ST_OK : err; /* `verify` says what is wrong with it */
    err = files_of(room, &record, arena, &items, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        out->files += items[i].is_dropped ? 0 : 1;
        out->missing += files_waits(&items[i]) ? 1 : 0;
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
