/* server/operator/fence.c - fence open, fence close, fence list. Promises that what a meeting knew
 * is one number and one root in the book; must never move a mark. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/fence.h"

#define COLUMNS     8u
#define COLUMNS_CSV 9u

/* ---- setting ---- */

typedef struct {
    bool is_close;
    sync_fence fence;              /* result */
} fence_call;

static st_err set_fence(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    static const uint32_t MAY = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD |
                                1u << ST_ROLE_COUNCIL_CHAIR;
    fence_call *call = argument;
    auth_person person;
    sync_fence_wish wish = { .is_close = call->is_close };
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = operator_record_id(work->operands[0], &wish.meeting, error);
    if (err != ST_OK)
        return err;
    wish.actor = person.id;
    wish.role = operator_role_of(&person, MAY);
    if (wish.role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "only the office or the chair of the Council may");
    return sync_fence_set(turn, &wish, &call->fence, error);
}

static int fence(operator_work *work, bool is_close)
{
    fence_call call = { .is_close = is_close };
    char root[65], code[20];
    if (operator_write(work, set_fence, &call) != ST_OK)
        return operator_fail(work);
    st_hex(call.fence.root.b, sizeof call.fence.root.b, root);
    st_fingerprint(call.fence.root.b, code);
    operator_say(work,
                 work->vi ? "Mốc %s: sổ có %" PRIu64 " mục, mã gốc %s\nmã kiểm tra: %s\n"
                          : "Meeting %s: the book has %" PRIu64 " entries, root %s\n"
                            "check code: %s\n",
                 is_close ? (work->vi ? "kết thúc họp" : "closed")
                          : (work->vi ? "mở họp" : "opened"),
                 call.fence.index, root, code);
    return 0;
}

int operator_fence_open(operator_work *work)
{
    return fence(work, false);
}

int operator_fence_close(operator_work *work)
{
    return fence(work, true);
}

/* ---- the list ---- */

st_err operator_fences(operator_work *work, sync_fences *out_fences, st_error *error)
{
    st_error why = { ST_OK, "" };
    st_err err = sync_fences_read(work->room, &work->txn, &work->arena, out_fences, error);
    for (size_t i = 0; err == ST_OK && i < out_fences->count; i++)
        if (out_fences->list[i].is_unread)
            sync_note_unread(&work->unread,
                             st_fail(&why, ST_E_CORRUPT, "log: its root at a meeting"), &why);
    return err;
}

static st_err list_json(operator_work *work, const sync_fences *fences)
{
    st_json json;
    char hex[65];
    st_json_begin(&json, work->call->out, &work->error);
    st_json_open(&json, '{');
    st_json_key(&json, "fences");
    st_json_open(&json, '[');
    for (size_t i = 0; i < fences->count; i++) {
        const sync_fence *one = &fences->list[i];
        st_json_open(&json, '{');
        st_id_format(&one->meeting, hex);
        st_json_key_text(&json, "meeting", hex);
        st_json_key_text(&json, "side", one->is_close ? "close" : "open");
        st_json_key(&json, "at");
        st_json_when(&json, one->at_ms, work->call->offset_minutes);
        st_json_key_text(&json, "person", operator_login(work, &one->actor, hex));
        st_json_key_int(&json, "log_index", (int64_t)one->index);
        st_hex(one->root.b, sizeof one->root.b, hex);
        st_json_key_text(&json, "root", hex);
        st_fingerprint(one->root.b, hex);
        st_json_key_text(&json, "check_code", hex);
        st_json_key_int(&json, "entry", (int64_t)one->entry);
        st_json_key(&json, "this_log");
        if (one->is_unread)
            st_json_null(&json);
        else
            st_json_bool(&json, !one->is_of_before);
        st_json_close(&json, '}');
    }
    st_json_close(&json, ']');
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    operator_say(work, "\n");
    return err;
}

/* The words of --json, whatever language people read. */
static void csv_row(operator_work *work, const sync_fence *one)
{
    char meeting[33], person[33], index[24], entry[24], root[65], code[20], when[40];
    st_id_format(&one->meeting, meeting);
    st_hex(one->root.b, sizeof one->root.b, root);
    st_fingerprint(one->root.b, code);
    (void)snprintf(index, sizeof index, "%" PRIu64, one->index);
    (void)snprintf(entry, sizeof entry, "%" PRIu64, one->entry);
    st_time_format(one->at_ms, work->call->offset_minutes, when);
    const char *const cells[COLUMNS_CSV] = { meeting, one->is_close ? "close" : "open", when,
                                             operator_login(work, &one->actor, person), index, root,
                                             code, entry, one->is_unread      ? ""
                                                          : one->is_of_before ? "false"
                                                                              : "true" };
    for (size_t i = 0; i < COLUMNS_CSV; i++)
        operator_csv_text(work, cells[i], i == COLUMNS_CSV - 1);
}

static void table_row(operator_work *work, operator_table *table, const sync_fence *one)
{
    char hex[65], text[24];
    const char *side = one->is_close ? (work->vi ? "kết thúc họp" : "closed")
                                     : (work->vi ? "mở họp" : "opened");
    operator_table_when(work, table, one->at_ms);
    operator_table_cell(work, table, side);
    st_id_format(&one->meeting, hex);
    operator_table_cell(work, table, hex);
    operator_table_cell(work, table, operator_login(work, &one->actor, hex));
    (void)snprintf(text, sizeof text, "%" PRIu64, one->index);
    operator_table_cell(work, table, text);
    st_fingerprint(one->root.b, text);
    operator_table_cell(work, table, text);
    st_hex(one->root.b, sizeof one->root.b, hex);
    operator_table_cell(work, table, hex);
    operator_table_cell(work, table, !one->is_of_before ? ""
                                     : one->is_unread   ? "?"
                                     : work->vi         ? "đã đặt lại"
                                                        : "put back");
}

static void list_csv(operator_work *work, const sync_fences *fences)
{
    static const char *const CSV[COLUMNS_CSV] = { "meeting", "side", "at", "person", "log_index",
                                                  "root", "check_code", "entry", "this_log" };
    operator_csv_heads(work, CSV, COLUMNS_CSV);
    for (size_t i = 0; i < fences->count; i++)
        csv_row(work, &fences->list[i]);
}

static void list_rows(operator_work *work, const sync_fences *fences)
{
    static const char *const HEADS[2][COLUMNS] = {
        { "AT", "MARK", "MEETING", "PERSON", "ENTRIES", "CHECK CODE", "ROOT", "LOG" },
        { "LÚC", "MỐC", "CUỘC HỌP", "NGƯỜI", "SỐ MỤC", "MÃ KIỂM TRA", "MÃ GỐC", "SỔ" } };
    operator_table table;
    operator_table_begin(work, &table, HEADS[work->vi], COLUMNS);
    for (size_t i = 0; i < fences->count; i++)
        table_row(work, &table, &fences->list[i]);
    operator_say_count(work, operator_table_print(work, &table),
                       &(operator_noun){ "mốc họp", "meeting mark", "meeting marks" });
    operator_say(work, "\n");
}

int operator_fence_list(operator_work *work)
{
    sync_fences fences = { NULL, 0, 0 };
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_fences(work, &fences, &work->error);
    if (err == ST_OK && work->options.json)
        err = list_json(work, &fences);
    else if (err == ST_OK && work->options.csv)
        list_csv(work, &fences);
    else if (err == ST_OK)
        list_rows(work, &fences);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
