/* server/operator/second.c - acts that two people do together: both named in one call, or one who
 * asks and another who confirms within 72 hours; request list, show, confirm, withdraw.
 * Promises: whoever confirms is another person than who asked, and each is office_head, admin or
 * decider when it is done. Must never do a request twice. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/fold.h"

/* ---- people ---- */

st_role operator_pair_role(const auth_person *person)
{
    return operator_role_of(person, 1u << ST_ROLE_OFFICE_HEAD | 1u << ST_ROLE_ADMIN |
                                        1u << ST_ROLE_DECIDER);
}

bool operator_asks(const operator_work *work)
{
    return work->request == 0 && work->options.second == NULL;
}

static st_err check_role(const operator_work *work, const auth_person *person, st_error *error)
{
    if (operator_pair_role(person) != ST_ROLE_NONE)
        return ST_OK;
    return st_fail(error, ST_E_DENIED,
                   work->vi ? "'%.40s' không được: cần office_head, admin hoặc decider"
                            : "'%.40s' may not: it takes an office_head, an admin or a decider",
                   person->login.s);
}

static st_err find_second(operator_work *work, writer_turn *turn, auth_person *out, st_error *error)
{
    const char *as = work->options.as;
    work->options.as = work->options.second;
    st_err err = operator_actor(work, turn->txn, out, error);
    work->options.as = as;
    return err;
}

/* Who asked and who confirms. The request ends with what is being done. */
static st_err take_request(operator_work *work, writer_turn *turn, operator_pair *pair,
                           st_error *error)
{
    const second_view view = { turn->txn, sync_now(turn->room), turn->arena };
    sync_second request;
    st_err err = sync_second_find(&view, work->request, &request, error);
    if (err == ST_OK)
        err = operator_actor(work, turn->txn, &pair->second, error);
    if (err == ST_OK)
        err = auth_person_get(turn->txn, &request.person, &pair->first, error);
    if (err != ST_OK)
        return err;
    request.ended_by = pair->second.id;
    return sync_second_end(turn, &request, SECOND_CONFIRMED, error);
}

st_err operator_two_people(operator_work *work, writer_turn *turn, operator_pair *out_pair,
                           st_error *error)
{
    st_err err;
    memset(out_pair, 0, sizeof *out_pair);
    if (work->request != 0) {
        err = take_request(work, turn, out_pair, error);
    } else {
        err = operator_actor(work, turn->txn, &out_pair->first, error);
        if (err == ST_OK && work->options.second != NULL)
            err = find_second(work, turn, &out_pair->second, error);
    }
    if (err == ST_OK)
        err = check_role(work, &out_pair->first, error);
    if (err != ST_OK || operator_asks(work))
        return err;
    if (st_id_cmp(&out_pair->first.id, &out_pair->second.id) == 0)
        return st_fail(error, ST_E_DENIED, "two different people are needed");
    return check_role(work, &out_pair->second, error);
}

/* ---- asking ---- */

st_err operator_second_ask(operator_work *work, writer_turn *turn, const operator_pair *pair,
                           operator_ask *ask, st_error *error)
{
    size_t count = work->operands_count + 1;
    const char **words = st_arena_array(turn->arena, count, sizeof *words);
    if (words == NULL)
        return st_fail(error, ST_E_MEMORY, "requests: out of memory");
    words[0] = ask->what;
    for (size_t i = 1; i < count; i++)
        words[i] = work->operands[i - 1];
    const sync_second wish = { .person = pair->first.id, .words = words, .words_count = count,
                               .reason = ask->reason };
    return sync_second_ask(turn, &wish, &ask->index, error);
}

int operator_second_said(operator_work *work, const operator_ask *ask)
{
    operator_say(work,
                 work->vi ? "Đề nghị %" PRIu64 " chờ người thứ hai trong 72 giờ: "
                            "`sotayctl request confirm %" PRIu64 " --as LOGIN`\n"
                          : "Request %" PRIu64 " waits for a second person for 72 hours: "
                            "`sotayctl request confirm %" PRIu64 " --as LOGIN`\n",
                 ask->index, ask->index);
    return 0;
}

/* ---- the list ---- */

/* The keys of a request, into an open object. */
static void keys_json(operator_work *work, st_json *json, const sync_second *one)
{
    char hex[33];
    int offset = work->call->offset_minutes;
    st_json_key_int(json, "n", (int64_t)one->index);
    st_json_key_text(json, "what", one->words[0]);
    st_json_key(json, "about");
    st_json_open(json, '[');
    for (size_t i = 1; i < one->words_count; i++)
        st_json_text(json, one->words[i]);
    st_json_close(json, ']');
    st_json_key_text(json, "person", operator_login(work, &one->person, hex));
    st_json_key(json, "asked_at");
    st_json_when(json, one->asked_ms, offset);
    st_json_key(json, "until");
    st_json_when(json, one->asked_ms + SECOND_WAIT_MS, offset);
    st_json_key_text(json, "reason", one->reason);
}

static void one_json(operator_work *work, st_json *json, const sync_second *one)
{
    st_json_open(json, '{');
    keys_json(work, json, one);
    st_json_close(json, '}');
}

static const char *word_of(const char *what, bool vi)
{
    if (strcmp(what, "erase") == 0)
        return vi ? "xóa theo yêu cầu" : "erase";
    if (strcmp(what, "recover") == 0)
        return vi ? "mở khóa máy quên mã" : "open a forgotten PIN";
    if (strcmp(what, "epoch") == 0)
        return vi ? "đời sổ mới" : "new epoch";
    if (strcmp(what, "log-key") == 0)
        return vi ? "khóa mới của nhật ký" : "new key of the log";
    return what;
}

/* Number, act, who, when, until when, about what, why. */
static void one_row(operator_work *work, operator_table *table, const sync_second *one)
{
    char text[33];
    st_buffer about;
    st_buffer_init(&about, SECOND_NOTE_BYTES_MAX);
    st_err err = ST_OK;
    for (size_t i = 1; err == ST_OK && i < one->words_count; i++)
        err = st_buffer_printf(&about, NULL, "%s%s", i > 1 ? " " : "", one->words[i]);
    if (err == ST_OK)
        err = st_buffer_append(&about, "", 1, NULL);
    (void)snprintf(text, sizeof text, "%" PRIu64, one->index);
    operator_table_cell(work, table, text);
    operator_table_cell(work, table, word_of(one->words[0], work->vi));
    operator_table_cell(work, table, operator_login(work, &one->person, text));
    operator_table_when(work, table, one->asked_ms);
    operator_table_when(work, table, one->asked_ms + SECOND_WAIT_MS);
    operator_table_cell(work, table, err == ST_OK ? (const char *)about.data : "?");
    operator_table_cell(work, table, one->reason);
    if (err != ST_OK)
        operator_out_fails(work, err);
    st_buffer_free(&about);
}

static const char *const HEADS[2][7] = {
    { "REQUEST", "ASKED FOR", "ASKED BY", "ASKED", "LAPSES", "ABOUT", "REASON" },
    { "ĐỀ NGHỊ", "XIN LÀM VIỆC", "NGƯỜI ĐỀ NGHỊ", "ĐỀ NGHỊ LÚC", "HẾT HẠN LÚC", "VỀ", "LÝ DO" }
};

static st_err show_list(operator_work *work, const sync_second *list, size_t count)
{
    operator_list page;
    operator_list_begin(work, &page, HEADS[work->vi], 7);
    operator_list_of(work, &page, "requests");
    for (size_t i = 0; i < count; i++) {
        if (list[i].state == SECOND_WAITING && work->options.json)
            one_json(work, &page.json, &list[i]);
        else if (list[i].state == SECOND_WAITING)
            one_row(work, &page.table, &list[i]);
    }
    return operator_list_end(work, &page, ST_OK,
                             &(operator_noun){ "đề nghị đang chờ người thứ hai",
                                               "request waits for a second person",
                                               "requests wait for a second person" });
}

static second_view view_of(operator_work *work)
{
    const server_port *port = work->room->port;
    return (second_view){ &work->txn, port->now_ms(port->context), &work->arena };
}

int operator_request_list(operator_work *work)
{
    sync_second *list = NULL;
    size_t count = 0;
    st_err err = operator_read_begin(work);
    const second_view view = view_of(work);
    if (err == ST_OK)
        err = sync_second_list(&view, false, &list, &count, &work->error);
    if (err == ST_OK)
        err = show_list(work, list, count);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- confirming, taking back ---- */

static const struct { const char *what; operator_verb_run run; } ACTS[] = {
    { "erase", operator_erase },
    { "recover", operator_device_recover },
    { "epoch", operator_epoch_new },
    { "log-key", operator_log_key_new },
};
#define ACTS_COUNT (sizeof ACTS / sizeof ACTS[0])

static st_err read_number(const operator_work *work, uint64_t *out, st_error *error)
{
    const char *text = work->operands[0];
    size_t len = strlen(text);
    *out = strtoull(text, NULL, 10);
    if (*out == 0 || len > 18 || strspn(text, "0123456789") != len)
        return st_fail(error, ST_E_VALUE, "'%.40s' is no number of a request", text);
    return ST_OK;
}

/* Inside the verb's read. */
static st_err read_request(operator_work *work, sync_second *out_request)
{
    uint64_t index = 0;
    const second_view view = view_of(work);
    st_err err = read_number(work, &index, &work->error);
    return err == ST_OK ? sync_second_find(&view, index, out_request, &work->error) : err;
}

static st_err find_request(operator_work *work, sync_second *out_request)
{
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = read_request(work, out_request);
    operator_read_end(work);
    return err;
}

/* ---- looking closer ---- */

/* What it would do, value by value, when it is an erasure. */
static st_err show_values(operator_work *work, const sync_second *request, st_json *json)
{
    return strcmp(request->words[0], "erase") == 0 && request->words_count > 2
               ? operator_erase_show(work, request, json)
               : ST_OK;
}

static st_err show_json(operator_work *work, const sync_second *request)
{
    st_json json;
    st_json_begin(&json, work->call->out, &work->error);
    st_json_open(&json, '{');
    keys_json(work, &json, request);
    st_json_key(&json, "values");
    st_json_open(&json, '[');
    st_err err = show_values(work, request, &json);
    st_json_close(&json, ']');
    st_json_close(&json, '}');
    if (err == ST_OK)
        err = st_json_end(&json);
    operator_say(work, "\n");
    return err;
}

static st_err show_text(operator_work *work, const sync_second *request)
{
    operator_table table;
    operator_table_begin(work, &table, HEADS[work->vi], 7);
    one_row(work, &table, request);
    (void)operator_table_print(work, &table);
    return show_values(work, request, NULL);
}

int operator_request_show(operator_work *work)
{
    sync_second request;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = read_request(work, &request);
    if (err == ST_OK)
        err = work->options.json ? show_json(work, &request) : show_text(work, &request);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- doing it, taking it back ---- */

/* Runs the verb with the words that were asked; its turn looks at the request again. */
int operator_request_confirm(operator_work *work)
{
    sync_second request;
    if (find_request(work, &request) != ST_OK)
        return operator_fail(work);
    size_t i = 0;
    while (i < ACTS_COUNT && strcmp(ACTS[i].what, request.words[0]) != 0)
        i++;
    if (i == ACTS_COUNT)
        return operator_refuse(work, work->vi ? "đề nghị của chương trình mới hơn"
                                              : "a request of a newer program");
    const char **operands = work->operands;
    size_t count = work->operands_count;
    work->operands = request.words + 1;
    work->operands_count = request.words_count - 1;
    work->request = request.index;
    work->options.reason = work->options.basis = request.reason;
    int code = ACTS[i].run(work);
    work->operands = operands;
    work->operands_count = count;
    return code;
}

static st_err run_withdraw(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    const sync_second *asked = argument;
    const second_view view = { turn->txn, sync_now(turn->room), turn->arena };
    sync_second request;
    auth_person person;
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = check_role(work, &person, error);
    if (err == ST_OK)
        err = sync_second_find(&view, asked->index, &request, error);
    if (err != ST_OK)
        return err;
    request.ended_by = person.id;
    request.ended_why = work->options.reason;
    return sync_second_end(turn, &request, SECOND_WITHDRAWN, error);
}

int operator_request_withdraw(operator_work *work)
{
    sync_second request;
    st_err err = operator_reason(work, &work->options.reason, &work->error);
    if (err == ST_OK)
        err = find_request(work, &request);
    if (err == ST_OK)
        err = operator_write(work, run_withdraw, &request);
    if (err != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã rút đề nghị %" PRIu64 "\n" : "Request %" PRIu64
                                  " is taken back\n", request.index);
    return 0;
}
