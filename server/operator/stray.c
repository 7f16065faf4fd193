/* server/operator/stray.c - attachment collect: pieces of files that nothing in the book names any
 * more. Promises that each is told before it goes. Must never remove one with --dry-run. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/stray.h"

#define LINES_MAX 1000u /* of pieces; the rest is counted only */

typedef struct {
    operator_work *work;
    st_json json;
    operator_table table;
    size_t lines;
} stray_list;

static bool say_json(void *context, const stray *one)
{
    stray_list *list = context;
    st_json *json = &list->json;
    char hex[65], iso[40];
    st_hex(one->hash.b, sizeof one->hash.b, hex);
    st_time_format(one->since_ms, list->work->call->offset_minutes, iso);
    st_json_open(json, '{');
    st_json_key_text(json, "hash", hex);
    st_json_key_int(json, "bytes", (int64_t)one->bytes);
    st_json_key_text(json, "since", iso);
    st_json_key_bool(json, "due", one->is_due);
    st_json_close(json, '}');
    return ++list->lines < LINES_MAX;
}

static bool say_row(void *context, const stray *one)
{
    stray_list *list = context;
    operator_work *work = list->work;
    char hex[65], bytes[24];
    st_hex(one->hash.b, sizeof one->hash.b, hex);
    (void)snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)one->bytes);
    operator_table_cell(work, &list->table, hex);
    operator_table_cell(work, &list->table, bytes);
    operator_table_when(work, &list->table, one->since_ms);
    operator_table_when(work, &list->table, one->since_ms + STRAY_KEPT_MS);
    return ++list->lines < LINES_MAX;
}

static st_err end_json(stray_list *list, const stray_count *count)
{
    st_json *json = &list->json;
    st_json_close(json, ']');
    st_json_key_int(json, "pieces", (int64_t)count->pieces);
    st_json_key_int(json, "strays_count", (int64_t)count->strays);
    st_json_key_int(json, "bytes", (int64_t)count->bytes);
    st_json_key_int(json, "due", (int64_t)count->due);
    st_json_key_int(json, "due_bytes", (int64_t)count->due_bytes);
    st_json_key_bool(json, "removed", !list->work->options.dry_run && count->due > 0);
    st_json_close(json, '}');
    st_err err = st_json_end(json);
    operator_say(list->work, "\n");
    return err;
}

static void end_text(stray_list *list, const stray_count *count)
{
    operator_work *work = list->work;
    bool dry = work->options.dry_run;
    (void)operator_table_print(work, &list->table);
    operator_say(work,
                 work->vi ? "%llu mảnh tệp trên đĩa; %llu mảnh (%llu byte) không phiếu nào dùng\n"
                          : "%llu pieces on disk; %llu of them (%llu bytes) are named by nothing\n",
                 (unsigned long long)count->pieces, (unsigned long long)count->strays,
                 (unsigned long long)count->bytes);
    operator_say(work,
                 work->vi ? dry ? "sẽ xóa %llu mảnh, %llu byte\n" : "đã xóa %llu mảnh, %llu byte\n"
                 : dry ? "would remove %llu, %llu bytes\n"
                       : "removed %llu, %llu bytes\n",
                 (unsigned long long)count->due, (unsigned long long)count->due_bytes);
}

int operator_attachment_collect(operator_work *work)
{
    static const char *const HEADS[2][4] = { { "PIECE", "BYTES", "FOUND", "KEPT UNTIL" },
                                             { "MẢNH", "BYTE", "THẤY LÚC", "GIỮ ĐẾN" } };
    stray_list list = { .work = work };
    stray_count count = { 0 };
    bool json = work->options.json;
    if (json) {
        st_json_begin(&list.json, work->call->out, &work->error);
        st_json_open(&list.json, '{');
        st_json_key(&list.json, "strays");
        st_json_open(&list.json, '[');
    } else {
        operator_table_begin(work, &list.table, HEADS[work->vi], 4);
    }
    st_err err = sync_stray_collect(work->rooms->writer, work->options.dry_run,
                                    json ? say_json : say_row, &list, &count, &work->error);
    if (err == ST_OK && json)
        err = end_json(&list, &count);
    else if (err == ST_OK)
        end_text(&list, &count);
    return err == ST_OK ? 0 : operator_fail(work);
}
