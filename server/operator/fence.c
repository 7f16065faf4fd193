/* server/operator/fence.c - fence open, fence close, fence list. Promises that what a meeting knew
 * is one number and one root in the book; must never move a mark. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/fence.h"

#define COLUMNS 7u

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
    char root[65];
    if (operator_write(work, set_fence, &call) != ST_OK)
        return operator_fail(work);
    st_hex(call.fence.root.b, sizeof call.fence.root.b, root);
    operator_say(work,
                 work->vi ? "Mốc %s: sổ có %" PRIu64 " mục, mã gốc %s\n"
                          : "Meeting %s: the book has %" PRIu64 " entries, root %s\n",
                 is_close ? (work->vi ? "kết thúc họp" : "closed")
                          : (work->vi ? "mở họp" : "opened"),
                 call.fence.index, root);
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
        st_json_key_int(&json, "entry", (int64_t)one->entry);
        st_json_key_bool(&json, "this_log", !one->is_of_before);
        st_json_close(&json, '}');
    }
    st_json_close(&json, ']');
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    operator_say(work, "\n");
    return err;
}

/* Seven cells, into a table for people or a row of CSV. */
static void put_row(operator_work *work, operator_table *table, const sync_fence *one)
{
    char meeting[33], person[33], index[24], root[65], when[40];
    const char *side = one->is_close ? (work->vi ? "kết thúc họp" : "closed")
                                     : (work->vi ? "mở họp" : "opened");
    st_id_format(&one->meeting, meeting);
    st_hex(one->root.b, sizeof one->root.b, root);
    (void)snprintf(index, sizeof index, "%" PRIu64, one->index);
    st_time_format(one->at_ms, work->call->offset_minutes, when);
    const char *login = operator_login(work, &one->actor, person);
    if (table == NULL) {
        const char *const cells[] = { when, side, meeting, login, index, root,
                                      one->is_of_before ? "put back" : "this" };
        for (size_t i = 0; i < COLUMNS; i++)
            operator_csv_text(work, cells[i], i == COLUMNS - 1);
        return;
    }
    operator_table_when(work, table, one->at_ms);
    operator_table_cell(work, table, side);
    operator_table_cell(work, table, meeting);
    operator_table_cell(work, table, login);
    operator_table_cell(work, table, index);
    operator_table_cell(work, table, root);
    operator_table_cell(work, table, !one->is_of_before ? ""
                                     : work->vi         ? "đã đặt lại"
                                                        : "put back");
}

static void list_rows(operator_work *work, const sync_fences *fences)
{
    static const char *const HEADS[2][COLUMNS] = {
        { "AT", "MARK", "MEETING", "PERSON", "ENTRIES", "ROOT", "LOG" },
        { "LÚC", "MỐC", "CUỘC HỌP", "NGƯỜI", "SỐ MỤC", "MÃ GỐC", "SỔ" } };
    static const char *const CSV[COLUMNS] = { "at",        "mark", "meeting", "person",
                                              "log_index", "root", "log" };
    operator_table table;
    bool csv = work->options.csv;
    if (csv)
        operator_csv_heads(work, CSV, COLUMNS);
    else
        operator_table_begin(work, &table, HEADS[work->vi], COLUMNS);
    for (size_t i = 0; i < fences->count; i++)
        put_row(work, csv ? NULL : &table, &fences->list[i]);
    if (csv)
        return;
    operator_say_count(work, operator_table_print(work, &table),
                       &(operator_noun){ "mốc họp", "meeting mark", "meeting marks" });
    operator_say(work, "\n");
}

int operator_fence_list(operator_work *work)
{
    sync_fences fences = { NULL, 0, 0 };
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = sync_fences_read(work->room, &work->txn, &work->arena, &fences, &work->error);
    if (err == ST_OK && work->options.json)
        err = list_json(work, &fences);
    else if (err == ST_OK)
        list_rows(work, &fences);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
