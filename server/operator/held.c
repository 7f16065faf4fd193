/* server/operator/held.c - what waits for the office, and its decision. Promises that a decision
 * names who took it and why; must never drop what was declined: it stays in the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/operator/work.h"

typedef struct {
    operator_work *work;
    operator_table table;
    st_json json;
} held_list;

/* "sentence — path: why"; the second part only when there is something to say. */
static void explain(held_list *list, const sync_held *held, char *text, size_t text_bytes)
{
    operator_work *work = list->work;
    char detail[ST_FORM_DETAIL_BYTES] = "";
    st_error ignored = { 0 };
    if (sync_held_detail(work->room, &work->txn, held, detail, &ignored) != ST_OK)
        detail[0] = '\0';                   /* the reason alone still says it */
    (void)snprintf(text, text_bytes, "%s%s%s", st_hold_sentence(held->reason, work->call->lang),
                   detail[0] != '\0' ? " — " : "", detail);
}

static const char *login_of(operator_work *work, const st_id *person, char hex[33])
{
    const char *login = work->how.directory->login(work->how.directory->context, person);
    st_id_format(person, hex);
    return login != NULL ? login : hex;
}

static bool held_json(void *context, const sync_held *held)
{
    held_list *list = context;
    st_json *json = &list->json;
    char hex[33], why[600];
    explain(list, held, why, sizeof why);
    st_json_open(json, '{');
    st_json_key_int(json, "n", (int64_t)held->n);
    st_json_key_text(json, "reason", st_hold_name(held->reason));
    st_json_key_text(json, "person", login_of(list->work, &held->person, hex));
    st_id_format(&held->dot.device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key(json, "received_at");
    st_json_when(json, held->received_ms, list->work->call->offset_minutes);
    st_json_key(json, "records");
    st_json_open(json, '[');
    st_id_format(&held->record, hex);
    st_json_text(json, hex);
    st_json_close(json, ']');
    st_json_key_text(json, "detail", why);
    st_json_key_int(json, "counter", (int64_t)held->dot.counter);
    st_json_key_int(json, "log_index", (int64_t)held->index);
    st_json_close(json, '}');
    return true;
}

static bool held_row(void *context, const sync_held *held)
{
    held_list *list = context;
    operator_work *work = list->work;
    char hex[33], number[24], why[600];
    explain(list, held, why, sizeof why);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)held->n);
    operator_table_cell(work, &list->table, number);
    operator_table_cell(work, &list->table, st_hold_name(held->reason));
    operator_table_cell(work, &list->table, login_of(work, &held->person, hex));
    operator_table_when(work, &list->table, held->received_ms);
    st_id_format(&held->record, hex);
    operator_table_cell(work, &list->table, hex);
    operator_table_cell(work, &list->table, why);
    return !work->out_failed;
}

int operator_held(operator_work *work)
{
    static const char *const HEADS[2][6] = {
        { "N", "REASON", "PERSON", "RECEIVED", "RECORD", "WHY" },
        { "SỐ", "LÝ DO", "NGƯỜI", "NHẬN LÚC", "PHIẾU", "GIẢI THÍCH" } };
    held_list list = { .work = work };
    bool json = work->options.json;
    st_err err = operator_read_begin(work);
    if (err != ST_OK)
        return operator_fail(work);
    if (json) {
        st_json_begin(&list.json, work->call->out, &work->error);
        st_json_open(&list.json, '{');
        st_json_key(&list.json, "held");
        st_json_open(&list.json, '[');
    } else {
        operator_table_begin(work, &list.table, HEADS[work->vi], 6);
    }
    err = sync_held_each(&work->txn, json ? held_json : held_row, &list, &work->error);
    if (err == ST_OK && json) {
        st_json_close(&list.json, ']');
        st_json_close(&list.json, '}');
        err = st_json_end(&list.json);
        operator_say(work, "\n");
    } else if (err == ST_OK) {
        operator_say(work, work->vi ? "%zu thay đổi chờ xem\n" : "%zu changes wait\n",
                     operator_table_print(work, &list.table));
    }
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

static int decide(operator_work *work, bool accept)
{
    static const uint32_t MAY = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD;
    auth_person person = { .is_active = false };
    sync_decision decision = { .accept = accept };
    uint32_t count = 0;
    char *end = NULL;
    const char *n = work->operands[0];
    decision.n = strtoull(n, &end, 10);
    if (n[0] < '1' || n[0] > '9' || *end != '\0') {
        operator_complain(work, "'%.40s' is no number of the list `held`", n);
        return 1;
    }
    st_err err = operator_reason(work, &decision.reason, &work->error);
    if (err == ST_OK)
        err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_actor(work, &work->txn, &person, &work->error);
    operator_read_end(work);
    if (err == ST_OK && operator_role_of(&person, MAY) == ST_ROLE_NONE)
        err = st_fail(&work->error, ST_E_DENIED, "'%s' is neither office nor office_head",
                      person.login.s);
    decision.actor = person.id;
    if (err == ST_OK)
        err = sync_settle(work->rooms->writer, &decision, &count, &work->error);
    if (err == ST_E_NOT_FOUND && work->error.detail[0] == '\0')
        (void)st_fail(&work->error, ST_E_NOT_FOUND, "nothing is held under the number %s", n);
    if (err != ST_OK)
        return operator_fail(work);
    operator_say_in(work, accept ? "Đã cho vào sổ: " : "Không nhận: ",
                    accept ? "Let in: " : "Declined: ");
    operator_say(work, "%u\n", count);
    return 0;
}

int operator_held_accept(operator_work *work)
{
    return decide(work, true);
}

int operator_held_decline(operator_work *work)
{
    return decide(work, false);
}
