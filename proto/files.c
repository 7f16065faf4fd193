/* proto/files.c - reads the attached files off a record, and counts those that a change adds.
 * Promises: a file is named with all its pieces, in order. Must never call one dropped that
 * somebody keeps. */
#include "proto/files.h"

#include <string.h>

#include "proto/limits.h"
#include "proto/view.h"

/* Numbers of the fields in the form that the record is pinned to; 0: the form has none such. */
typedef struct {
    uint16_t group, hashes, name, kind, mime, size, lost, thumbnail;
    const st_list *kinds; /* what a number of `kind` is called; NULL: it is written out */
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
    const st_field *kind = st_group_field(group, "kind");
    *out = (fields_at){ .group = group->no,
                        .hashes = number_of(group, "chunk_hashes"),
                        .name = number_of(group, "name"),
                        .kind = number_of(group, "kind"),
                        .mime = number_of(group, "mime"),
                        .size = number_of(group, "size"),
                        .lost = number_of(group, "declared_lost"),
                        .thumbnail = number_of(group, "thumbnail"),
                        .kinds = kind == NULL ? NULL : kind->list };
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

static st_err kind_of(const st_value *value, const st_list *kinds, st_arena *arena,
                      const char **out, st_error *error)
{
    if (value == NULL || value->kind != ST_VALUE_INT)
        return text_of(value, arena, out, error);
    *out = ""; /* also for a number that the form does not know */
    for (uint32_t i = 0; kinds != NULL && i < kinds->count; i++)
        if (kinds->options[i].no == value->number)
            *out = kinds->options[i].id;
    return ST_OK;
}

static st_err read_file(const st_record *record, const fields_at *at, st_arena *arena,
                        st_file *file, st_error *error)
{
    const st_value *size = value_of(record, &file->path, at->size);
    const st_value *lost = value_of(record, &file->path, at->lost);
    const st_value *thumbnail = value_of(record, &file->path, at->thumbnail);
    st_err err = text_of(value_of(record, &file->path, at->name), arena, &file->name, error);
    if (err == ST_OK)
        err = kind_of(value_of(record, &file->path, at->kind), at->kinds, arena, &file->kind,
                      error);
    if (err == ST_OK)
        err = text_of(value_of(record, &file->path, at->mime), arena, &file->mime, error);
    if (err != ST_OK)
        return err;
    if (size != NULL && size->kind == ST_VALUE_INT && size->number > 0)
        file->bytes = (uint64_t)size->number;
    if (thumbnail != NULL && thumbnail->kind == ST_VALUE_BYTES) {
        file->thumbnail = thumbnail->data;
        file->thumbnail_len = thumbnail->len;
    }
    file->is_lost = lost != NULL && lost->kind == ST_VALUE_INT && lost->number == 1;
    file->is_dropped = st_view_item(record, file->path.group, &file->path.item, file->path.place) ==
                       ST_ITEM_DROPPED;
    return ST_OK;
}

static bool holds_hashes(const st_op *op, const fields_at *at)
{
    const st_path *path = &op->path;
    const st_value *value = &op->value;
    return path->kind == ST_PATH_ITEM && path->group == at->group && path->field == at->hashes &&
           value->kind == ST_VALUE_BYTES && value->len > 0 && value->len % sizeof(st_hash) == 0;
}

st_err st_files_of(const st_form *form, const st_record *record, st_arena *arena,
                   st_file **out_files, size_t *out_count, st_error *error)
{
    fields_at at;
    size_t count = 0;
    st_err err = ST_OK;
    *out_files = NULL;
    *out_count = 0;
    if (!find_fields(form, &at))
        return ST_OK;
    for (size_t i = 0; i < record->lives_count; i++)
        count += holds_hashes(&record->lives[i].op, &at) ? 1 : 0;
    st_file *files = st_arena_array(arena, count + 1, sizeof *files);
    if (files == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    count = 0;
    for (size_t i = 0; err == ST_OK && i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (!holds_hashes(op, &at))
            continue;
        st_file *file = &files[count++];
        memset(file, 0, sizeof *file);
        file->path = op->path;
        file->hashes = (const st_hash *)op->value.data;
        file->count = op->value.len / sizeof(st_hash);
        err = read_file(record, &at, arena, file, error);
    }
    *out_files = files;
    *out_count = count;
    return err;
}

bool st_file_waits(const st_file *file)
{
    return file->missing > 0 && !file->is_lost && !file->is_dropped;
}

/* ---- limits ---- */

static bool is_same_item(const st_path *a, const st_path *b)
{
    return st_dot_cmp(&a->item, &b->item) == 0 && a->place == b->place;
}

/* What the change says of the size of a file; 0: nothing. */
static uint64_t said_size(const st_change *change, const st_path *item, const fields_at *at)
{
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        if (op->path.kind == ST_PATH_ITEM && op->path.group == at->group &&
            op->path.field == at->size && at->size != 0 && is_same_item(&op->path, item) &&
            op->value.kind == ST_VALUE_INT && op->value.number > 0)
            return (uint64_t)op->value.number;
    }
    return 0;
}

static bool is_there(const st_file *files, size_t count, const st_path *item)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_item(&files[i].path, item))
            return true;
    return false;
}

typedef struct {
    size_t files;
    uint64_t bytes;
} amount;

static amount kept_of(const st_file *files, size_t count)
{
    amount kept = { 0, 0 };
    for (size_t i = 0; i < count; i++) {
        kept.files += files[i].is_dropped ? 0 : 1;
        kept.bytes += files[i].is_dropped ? 0 : files[i].bytes;
    }
    return kept;
}

st_err st_files_check(const st_form *form, const st_record *record, const st_change *change,
                      st_arena *arena, const char **out_why, st_error *error)
{
    fields_at at;
    st_file *files = NULL;
    size_t count = 0, added = 0;
    amount all = { 0, 0 };
    *out_why = NULL;
    if (!find_fields(form, &at))
        return ST_OK;
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        if (!holds_hashes(op, &at))
            continue;
        if (files == NULL) { /* most changes bring none: only then is the record looked at */
            st_err err = st_files_of(form, record, arena, &files, &count, error);
            if (err != ST_OK)
                return err;
            all = kept_of(files, count);
        }
        if (is_there(files, count, &op->path))
            continue;
        added++;
        all.bytes += said_size(change, &op->path, &at);
    }
    if (added > 0 && all.files + added > ST_RECORD_FILES_MAX)
        *out_why = "attachments: the record would have more than 100 files";
    else if (added > 0 && all.bytes > ST_RECORD_FILE_BYTES_MAX)
        *out_why = "attachments: the files of the record would have over 200 MiB";
    return ST_OK;
}
