/* server/operator/attachment.c - the files of records at the office: what is here and what is
 * missing, one of them as a file, and declaring one lost.
 * Promises: a file is given out whole or not at all. Must never call lost what is here. */
#include <stdio.h>
#include <string.h>

#include "server/operator/write.h"
#include "server/sync/files.h"

/* ---- list ---- */

typedef struct {
    operator_work *work;
    operator_table table;
    st_json json;
    bool all;                      /* not only those that are waited for */
    size_t files, missing;
} file_list;

static const char *state_of(const st_file *item)
{
    return item->is_dropped          ? "dropped"
           : item->missing == 0      ? "here"
           : item->is_lost           ? "lost"
           : item->missing < item->count ? "partial"
                                     : "waiting";
}

static const char *state_label(const char *state, bool vi)
{
    static const struct { const char *state, *vi, *en; } LABELS[] = {
        { "dropped", "đã bỏ", "dropped" },      { "here", "đã về đủ", "here" },
        { "lost", "đã mất", "lost" },           { "partial", "về một phần", "partly here" },
        { "waiting", "chưa về", "not here yet" } };
    for (size_t i = 0; i < sizeof LABELS / sizeof LABELS[0]; i++)
        if (strcmp(LABELS[i].state, state) == 0)
            return vi ? LABELS[i].vi : LABELS[i].en;
    return state;
}

static void item_json(file_list *list, const char *record, const char *item_text,
                      const st_file *item)
{
    st_json *json = &list->json;
    st_json_open(json, '{');
    st_json_key_text(json, "record", record);
    st_json_key_text(json, "item", item_text);
    st_json_key_text(json, "name", item->name);
    st_json_key_text(json, "kind", item->kind);
    st_json_key_text(json, "mime", item->mime);
    st_json_key_int(json, "bytes", (int64_t)item->bytes);
    st_json_key_text(json, "state", state_of(item));
    st_json_key_int(json, "pieces", (int64_t)item->count);
    st_json_key_int(json, "pieces_missing", (int64_t)item->missing);
    st_json_key_bool(json, "thumbnail", item->thumbnail != NULL);
    st_json_close(json, '}');
}

static void item_row(file_list *list, const char *record, const char *item_text,
                     const st_file *item)
{
    operator_work *work = list->work;
    char pieces[48], bytes[24];
    (void)snprintf(pieces, sizeof pieces, "%zu/%zu", item->count - item->missing, item->count);
    (void)snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)item->bytes);
    operator_table_cell(work, &list->table, record);
    operator_table_cell(work, &list->table, item_text);
    operator_table_cell(work, &list->table, state_label(state_of(item), work->vi));
    operator_table_cell(work, &list->table, pieces);
    operator_table_cell(work, &list->table, bytes);
    operator_table_cell(work, &list->table, item->name);
}

static st_err list_record(file_list *list, const st_record *record, st_arena *arena)
{
    operator_work *work = list->work;
    st_file *items = NULL;
    size_t count = 0;
    char hex[33], text[ST_ITEM_TEXT_BYTES];
    st_err err = files_of(work->room, record, arena, &items, &count, &work->error);
    st_id_format(&record->id, hex);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        if (!list->all && !st_file_waits(&items[i]))
            continue;
        list->files++;
        list->missing += st_file_waits(&items[i]) ? 1 : 0;
        st_item_format(&items[i].path.item, items[i].path.place, text);
        if (work->options.json)
            item_json(list, hex, text, &items[i]);
        else
            item_row(list, hex, text, &items[i]);
    }
    return err;
}

/* Every record of the book, each with memory of its own. */
static st_err list_book(file_list *list)
{
    operator_work *work = list->work;
    store_cursor cursor = { 0 };
    st_arena arena;
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    st_err err = store_cursor_open(&work->txn, STORE_STATE, &cursor, &work->error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), &work->error);
    while (err == ST_OK && cursor.is_valid) {
        st_record record;
        err = st_record_decode(cursor.value.data, cursor.value.len, &arena, &record, &work->error);
        if (err == ST_OK)
            err = list_record(list, &record, &arena);
        st_arena_reset(&arena);
        if (err == ST_OK)
            err = store_next(&cursor, &work->error);
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err list_one(file_list *list)
{
    operator_record got = { .form = NULL };
    operator_work *work = list->work;
    st_err err = operator_record_get(work, &work->txn, &work->arena, &got, &work->error);
    return err == ST_OK ? list_record(list, &got.record, &work->arena) : err;
}

int operator_attachment_list(operator_work *work)
{
    static const char *const HEADS[2][6] = {
        { "RECORD", "ITEM", "STATE", "PIECES", "BYTES", "NAME" },
        { "PHIẾU", "MỤC", "TÌNH TRẠNG", "PHẦN", "BYTE", "TÊN TỆP" } };
    file_list list = { .work = work, .all = work->operands_count > 0 };
    bool json = work->options.json;
    st_err err = operator_read_begin(work);
    st_json_begin(&list.json, work->call->out, &work->error);
    if (json) {
        st_json_open(&list.json, '{');
        st_json_key(&list.json, "attachments");
        st_json_open(&list.json, '[');
    } else {
        operator_table_begin(work, &list.table, HEADS[work->vi], 6);
    }
    if (err == ST_OK)
        err = list.all ? list_one(&list) : list_book(&list);
    operator_read_end(work);
    if (err == ST_OK && json) {
        st_json_close(&list.json, ']');
        st_json_key_int(&list.json, "missing", (int64_t)list.missing);
        st_json_close(&list.json, '}');
        err = st_json_end(&list.json);
        operator_say(work, "\n");
    } else if (err == ST_OK) {
        (void)operator_table_print(work, &list.table);
        operator_say_count(work, list.missing,
                           &(operator_noun){ "tệp chưa về đủ", "file is missing",
                                             "files are missing" });
        operator_say(work, "\n");
    }
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- get ---- */

/* The attachment of operand 1. */
static st_err find_item(operator_work *work, const st_record *record, st_arena *arena,
                        st_file *out_item, st_error *error)
{
    st_file *items = NULL;
    size_t count = 0;
    char text[ST_ITEM_TEXT_BYTES];
    st_err err = files_of(work->room, record, arena, &items, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        st_item_format(&items[i].path.item, items[i].path.place, text);
        if (strcmp(text, work->operands[1]) == 0) {
            *out_item = items[i];
            return ST_OK;
        }
    }
    return err == ST_OK ? st_fail(error, ST_E_NOT_FOUND, "the record has no attachment '%.60s'",
                                  work->operands[1])
                        : err;
}

int operator_attachment_get(operator_work *work)
{
    operator_record got = { .form = NULL };
    st_file item;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_record_get(work, &work->txn, &work->arena, &got, &work->error);
    if (err == ST_OK)
        err = find_item(work, &got.record, &work->arena, &item, &work->error);
    operator_read_end(work);
    if (err != ST_OK)
        return operator_fail(work);
    if (work->options.thumbnail && item.thumbnail == NULL)
        return operator_refuse(work, work->vi ? "tệp này không có ảnh nhỏ"
                                              : "this file has no thumbnail");
    if (!work->options.thumbnail && item.missing > 0)
        return operator_refuse(work, work->vi ? "tệp chưa về đủ" : "the file is not all here yet");
    err = work->options.thumbnail ? st_buffer_append(work->call->out, item.thumbnail,
                                                     item.thumbnail_len, &work->error)
                                  : files_read(work->room, &item, work->call->out, &work->error);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- lost ---- */

static st_err put_field(operator_work *work, const operator_record *got, operator_ops *ops,
                        const char *field, const char *value, st_error *error)
{
    char pair[256 + ST_REASON_CHARS_MAX * 4];
    const st_group *group = st_form_group(got->form, "attachments");
    if (group == NULL || st_group_field(group, field) == NULL)
        return ST_OK; /* of an older form */
    (void)snprintf(pair, sizeof pair, "attachments.%.70s.%.40s=%s", work->operands[1], field,
                   value);
    return operator_ops_parse(ops, &got->record, pair, error);
}

/* The decision as one change of the item: that it is lost, why, and who says so. */
static st_err lost_ops(operator_work *work, const operator_record *got, const auth_person *person,
                       operator_ops *ops, st_error *error)
{
    const char *reason = "";
    char who[33];
    st_err err = operator_reason(work, &reason, error);
    st_id_format(&person->id, who);
    if (err == ST_OK)
        err = put_field(work, got, ops, "declared_lost", work->options.lift ? "false" : "true",
                        error);
    if (err == ST_OK)
        err = put_field(work, got, ops, "lost_reason", reason, error);
    return err == ST_OK ? put_field(work, got, ops, "lost_decided_by", who, error) : err;
}

static st_err check_lost(operator_work *work, const st_file *item, st_error *error)
{
    if (item->is_dropped)
        return st_fail(error, ST_E_STATE, "the attachment was dropped");
    if (work->options.lift && !item->is_lost)
        return st_fail(error, ST_E_STATE, "the attachment is not declared lost");
    if (!work->options.lift && item->missing == 0)
        return st_fail(error, ST_E_STATE,
                       work->vi ? "tệp đã về đủ" : "the file is all here");
    if (!work->options.lift && item->is_lost)
        return st_fail(error, ST_E_STATE, "the attachment is declared lost already");
    return ST_OK;
}

static st_err declare_lost(operator_work *work, writer_turn *turn, void *argument,
                           st_error *error)
{
    (void)argument;
    auth_person person;
    st_file item;
    operator_record got = { .form = NULL };
    operator_ops ops = { .arena = turn->arena };
    sync_edit edit = { .act = ST_ACT_NONE };
    sync_draft draft = { .edits = &edit, .edits_count = 1, .lang = work->call->lang };
    sync_authored authored = { .records = NULL };
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = operator_record_get(work, turn->txn, turn->arena, &got, error);
    if (err == ST_OK)
        err = find_item(work, &got.record, turn->arena, &item, error);
    if (err == ST_OK)
        err = check_lost(work, &item, error);
    ops.form = got.form;
    if (err == ST_OK)
        err = lost_ops(work, &got, &person, &ops, error);
    operator_wish wish = { got.form, &ops, false };
    if (err == ST_OK)
        err = operator_choose_role(work, &person, &wish, &draft.role, error);
    if (err == ST_OK)
        err = operator_reason_value(work, &edit.reason, error);
    if (err == ST_OK)
        err = operator_is_final(&got.record, turn->arena, &edit.amend, error);
    if (err != ST_OK)
        return err;
    edit.record = got.record.id;
    edit.ops = ops.ops;
    edit.ops_count = (uint32_t)ops.count;
    draft.bucket = got.record.bucket;
    draft.actor = person.id;
    return sync_author_turn(turn, &draft, &authored, error);
}

int operator_attachment_lost(operator_work *work)
{
    return operator_write(work, declare_lost, NULL) == ST_OK ? 0 : operator_fail(work);
}
