/* server/http/handle_api.c - GET /api/...: what a reviewer and the office read, as sotayctl prints
 * it. Promises that only the operator of this machine and active devices of the office and of
 * auditors are answered. Must never write, but for the counter of the request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/query.h"
#include "server/http/request.h"
#include "server/operator/operator.h"

#define PREFIX "/api/"
#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define OFFSET_MINUTES 420     /* the country's time */
#define WORDS_MAX 16u

/* ---- the table ---- */

/* What an address runs. A path that ends in "/" is followed by one word, its operand. */
typedef struct {
    const char *path;
    const char *verb[2];       /* the second may be NULL */
    const char *options;       /* that a query may name */
    bool has_json, has_csv;    /* neither: text */
} api_row;

static const api_row ROWS[] = {
    { "history/", { "history", NULL }, " field between after ", true, true },
    { "audit/list/", { "audit", "list" }, "", true, true },
    { "audit/proof/", { "audit", "proof" }, " code ", false, false },
    { "fences", { "fence", "list" }, "", true, true },
    { "requests", { "request", "list" }, "", true, false },
};

static const api_row *find_row(const char *path, const char **out_operand)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        size_t len = strlen(ROWS[i].path);
        bool takes = ROWS[i].path[len - 1] == '/';
        if (strncmp(path, ROWS[i].path, len) != 0 || (path[len] != '\0') != takes)
            continue;
        *out_operand = takes ? path + len : NULL;
        return &ROWS[i];
    }
    return NULL;
}

/* ---- who asks ---- */

static st_err read_head(const http_request *request, st_head *out_head, st_error *error)
{
    uint8_t bytes[ST_HEAD_BYTES + 3];
    const char *text = request->signed_head;
    size_t chars = text != NULL ? strlen(text) : 0;
    if (chars != (ST_HEAD_BYTES * 4 + 2) / 3 ||
        st_unbase64url(text, chars, bytes) != ST_HEAD_BYTES)
        return st_fail(error, ST_E_DENIED, "the request is not signed");
    return st_head_decode(bytes, ST_HEAD_BYTES, out_head, error);
}

/* Is the device in use, and its person one who may read all of the book? */
static st_err check_person(store_txn *txn, const auth_device *device, st_error *error)
{
    static const uint32_t MAY = 1u << ST_ROLE_AUDITOR | 1u << ST_ROLE_OFFICE |
                                1u << ST_ROLE_OFFICE_HEAD | 1u << ST_ROLE_ADMIN;
    auth_person person;
    memset(&person, 0, sizeof person);
    st_err err = auth_person_get(txn, &device->person, &person, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (device->status != AUTH_ACTIVE || !person.is_active || (person.roles & MAY) == 0)
        return st_fail(error, ST_E_DENIED, "this device may not read here");
    return ST_OK;
}

/* What was signed: path and query as they were sent. */
static st_err check_device(const http_request *request, const st_head *head, sync_request *sync,
                           st_error *error)
{
    store_txn txn = { 0 };
    char address[HTTP_QUERY_BYTES_MAX + 512];
    int len = snprintf(address, sizeof address, "%s%s%s", request->path,
                       request->query != NULL ? "?" : "",
                       request->query != NULL ? request->query : "");
    if (len < 0 || (size_t)len >= sizeof address)
        return st_fail(error, ST_E_TOO_LARGE, "the address is too long");
    const auth_request asked = { request->method, address, NULL, 0 };
    st_err err = store_begin(request->rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = auth_head_check(&txn, &request->rooms->keys, head, &asked, &sync->device, error);
    if (err == ST_OK)
        err = check_person(&txn, &sync->device, error);
    store_end(&txn);
    sync->has_counter = true;
    sync->counter = head->counter;
    memcpy(sync->install, head->install, sizeof head->install);
    return err;
}

static st_err check_who(http_request *request, uint64_t *out_highest, st_error *error)
{
    st_head head;
    char hex[33];
    sync_request sync;
    if (http_is_operator(request))
        return ST_OK;
    st_err err = read_head(request, &head, error);
    if (err != ST_OK)
        return err;
    st_id_format(&head.device, hex);
    memcpy(request->who, hex, 8);
    sync_request_init(&sync, ARENA_BYTES_MAX);
    err = check_device(request, &head, &sync, error);
    if (err == ST_OK)
        err = sync_request_submit(&sync, request->rooms->writer, error);
    *out_highest = sync.counter_highest;
    sync_request_free(&sync);
    return err;
}

/* ---- the call ---- */

typedef struct {
    const char *words[WORDS_MAX];
    size_t count;
    char names[HTTP_QUERY_WORDS_MAX][24];
    const char *lang, *type;
    bool says_unread;          /* JSON can say that it is not all */
} api_call;

static void add(api_call *call, const char *word)
{
    if (word != NULL && call->count < WORDS_MAX)
        call->words[call->count++] = word;
}

static st_err add_format(api_call *call, const api_row *row, const http_query *query,
                         st_error *error)
{
    const char *format = http_query_get(query, "format");
    bool as_csv = format != NULL && strcmp(format, "csv") == 0;
    bool is_known = format == NULL || (as_csv && row->has_csv) ||
                    (strcmp(format, "json") == 0 && row->has_json);
    if (!is_known)
        return st_fail(error, ST_E_VALUE, "query: no format '%.20s' here", format);
    call->type = as_csv ? "text/csv; charset=utf-8"
                        : row->has_json ? "application/json" : "text/plain; charset=utf-8";
    call->says_unread = !as_csv && row->has_json;
    add(call, as_csv ? "--csv" : row->has_json ? "--json" : NULL);
    return ST_OK;
}

static st_err add_options(api_call *call, const api_row *row, const http_query *query,
                          st_error *error)
{
    for (size_t i = 0; i < query->count; i++) {
        char name[24];
        const http_query_word *word = &query->words[i];
        if (strcmp(word->name, "format") == 0 || strcmp(word->name, "lang") == 0)
            continue;
        (void)snprintf(name, sizeof name, " %.20s ", word->name);
        if (strchr(word->name, ' ') != NULL || strstr(row->options, name) == NULL)
            return st_fail(error, ST_E_VALUE, "query: no '%.20s' here", word->name);
        (void)snprintf(call->names[i], sizeof call->names[i], "--%.20s", word->name);
        add(call, call->names[i]);
        add(call, word->value);
    }
    return ST_OK;
}

static st_err make_call(api_call *call, const api_row *row, const char *operand,
                        const http_query *query, st_error *error)
{
    const char *lang = http_query_get(query, "lang");
    call->lang = lang == NULL ? "en" : lang;
    if (strcmp(call->lang, "en") != 0 && strcmp(call->lang, "vi") != 0)
        return st_fail(error, ST_E_VALUE, "query: lang is vi or en");
    add(call, row->verb[0]);
    add(call, row->verb[1]);
    st_err err = add_format(call, row, query, error);
    if (err == ST_OK)
        err = add_options(call, row, query, error);
    if (operand != NULL)
        add(call, "--");
    add(call, operand);
    return err;
}

static void run_call(http_request *request, const api_call *call)
{
    st_buffer why;
    st_buffer_init(&why, 65536);
    operator_call run = { .rooms = request->rooms, .argv = call->words, .argc = call->count,
                          .lang = call->lang, .offset_minutes = OFFSET_MINUTES,
                          .out = &request->reply, .err = &why };
    int code = operator_run(&run);
    if (run.is_unread && !call->says_unread) /* half of it must not look like all */
        code = 1;
    request->content_type = call->type;
    request->no_store = true;
    if (code != 0) {
        char text[400];
        (void)snprintf(text, sizeof text, "%.*s", (int)why.len,
                       why.data != NULL ? (const char *)why.data : "");
        const int refused = run.why.code != ST_OK ? st_err_http(run.why.code) : 422;
        http_say(request, code == 2 ? 400 : refused, text);
    }
    st_buffer_free(&why);
}

/* ---- the door ---- */

static void refuse(http_request *request, const st_error *error, uint64_t highest)
{
    char text[400];
    if (error->code == ST_E_AGAIN)
        (void)snprintf(text, sizeof text, "again: the counter is %llu\n",
                       (unsigned long long)highest);
    else
        (void)snprintf(text, sizeof text, "%s\n", error->detail);
    http_say(request, error->code == ST_E_VALUE ? 400 : st_err_http(error->code), text);
}

static st_err prepare(http_request *request, http_query *query, api_call *call, st_error *error)
{
    const char *operand = NULL;
    const api_row *row = find_row(request->path + strlen(PREFIX), &operand);
    if (row == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "not found");
    st_err err = http_query_parse(request->query, query, error);
    return err == ST_OK ? make_call(call, row, operand, query, error) : err;
}

void http_handle_api(http_request *request)
{
    http_query query = { .count = 0 };
    api_call call = { .count = 0 };
    st_error error = { 0 };
    uint64_t highest = 0;
    st_err err = check_who(request, &highest, &error);
    if (err == ST_OK)
        err = prepare(request, &query, &call, &error);
    if (err != ST_OK) {
        refuse(request, &error, highest);
        return;
    }
    if (!http_server_take_reader(request->server)) {
        http_say(request, 503, "others are reading; try again\n");
        request->later_s = 5;
        return;
    }
    run_call(request, &call);
    http_server_give_reader(request->server);
}
