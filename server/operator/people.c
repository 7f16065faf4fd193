/* server/operator/people.c - people, their roles, and the link that enrols a device of theirs.
 * Promises that a login belongs to one person for ever; must never print a code twice. */
#include <stdio.h>
#include <string.h>

#include "server/operator/people.h"
#include "server/sync/log_key.h"

/* An id of zeros in a creating change means the record itself (server/sync/author.c). */
static const char ITSELF[] = "00000000000000000000000000000000";

/* ---- user add ---- */

st_err operator_person_edit(operator_work *work, const operator_person *person,
                            st_arena *arena, sync_edit *out_edit, st_error *error)
{
    operator_ops ops = { .arena = arena };
    st_err err = operator_form(work, CATALOGUE_PERSON, &ops.form, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "person_id", ITSELF, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "login", person->login, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "full_name", person->name, error);
    for (size_t i = 0; i < person->roles.count && err == ST_OK; i++)
        err = operator_ops_put(&ops, "roles", person->roles.words[i], error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "active", "true", error);
    if (err == ST_OK)
        *out_edit = (sync_edit){ .form = ops.form, .ops = ops.ops,
                                 .ops_count = (uint32_t)ops.count };
    return err;
}

st_err operator_login_free(store_txn *txn, const char *login, st_error *error)
{
    auth_person person;
    st_code code;
    if (!st_code_set(&code, login, strlen(login)) || strchr(login, '/') != NULL)
        return st_fail(error, ST_E_VALUE, "login '%.40s': 1 to %u of A-Z a-z 0-9 _ . -", login,
                       ST_CODE_BYTES_MAX);
    st_err err = auth_person_by_login(txn, login, &person, error);
    if (err == ST_OK)
        return st_fail(error, ST_E_EXISTS, "login '%s' belongs to somebody already", login);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err add_person(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    const operator_person *person = argument;
    sync_edit edit;
    st_err err = operator_login_free(turn->txn, person->login, error);
    if (err == ST_OK)
        err = operator_person_edit(work, person, turn->arena, &edit, error);
    operator_edits edits = { edit.form, &edit, 1 };
    return err == ST_OK ? operator_author_nameless(turn, &edits, NULL, error) : err;
}

/* Role names that exist. */
static st_err check_roles(const operator_words *roles, st_error *error)
{
    st_role role;
    for (size_t i = 0; i < roles->count; i++)
        if (!st_role_parse(roles->words[i], &role) || role == ST_ROLE_NONE)
            return st_fail(error, ST_E_VALUE, "'%.30s' is no role (officer office office_head "
                           "council_chair decider auditor admin)", roles->words[i]);
    return ST_OK;
}

int operator_user_add(operator_work *work)
{
    operator_person person = { .login = work->operands[0], .name = work->options.name,
                               .roles = { work->options.roles, work->options.roles_count } };
    if (check_roles(&person.roles, &work->error) != ST_OK ||
        operator_write(work, add_person, &person) != ST_OK)
        return operator_fail(work);
    operator_say_in(work, "Đã thêm ", "Added ");
    operator_say(work, "%s\n", person.login);
    return 0;
}

/* ---- user list ---- */

typedef struct {
    operator_work *work;
    operator_list page;
} people_list;

static bool person_json(void *context, const auth_person *person)
{
    people_list *list = context;
    char hex[33];
    st_json_open(&list->page.json, '{');
    st_json_key_text(&list->page.json, "login", person->login.s);
    st_json_key_text(&list->page.json, "name", person->name);
    st_json_key(&list->page.json, "roles");
    st_json_open(&list->page.json, '[');
    for (unsigned role = 1; role < ST_ROLE_COUNT; role++)
        if ((person->roles & (1u << role)) != 0)
            st_json_text(&list->page.json, st_role_name((st_role)role));
    st_json_close(&list->page.json, ']');
    st_json_key_bool(&list->page.json, "active", person->is_active);
    st_id_format(&person->id, hex);
    st_json_key_text(&list->page.json, "id", hex);
    st_json_close(&list->page.json, '}');
    return true;
}

static bool person_row(void *context, const auth_person *person)
{
    people_list *list = context;
    char roles[160] = "";
    for (unsigned role = 1; role < ST_ROLE_COUNT; role++) {
        size_t len = strlen(roles);
        if ((person->roles & (1u << role)) != 0)
            (void)snprintf(roles + len, sizeof roles - len, "%s%s", len > 0 ? "," : "",
                           st_role_name((st_role)role));
    }
    operator_table_cell(list->work, &list->page.table, person->login.s);
    operator_table_cell(list->work, &list->page.table,
                        person->is_active ? roles : list->work->vi ? "(đã ngừng)" : "(disabled)");
    operator_table_cell(list->work, &list->page.table, person->name);
    return true;
}

int operator_user_list(operator_work *work)
{
    static const char *const HEADS[2][3] = { { "LOGIN", "ROLES", "NAME" },
                                             { "ĐĂNG NHẬP", "VAI TRÒ", "HỌ TÊN" } };
    people_list list = { .work = work };
    bool json = work->options.json;
    if (operator_read_begin(work) != ST_OK)
        return operator_fail(work);
    operator_list_begin(work, &list.page, HEADS[work->vi], 3);
    operator_list_of(work, &list.page, "users");
    st_err err = auth_person_each(&work->txn, json ? person_json : person_row, &list,
                                  &work->error);
    err = operator_list_end(work, &list.page, err,
                            &(operator_noun){ "người", "person", "people" });
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}

/* ---- user disable, role: edits of one person's record ---- */

static st_err disable_person(operator_work *work, writer_turn *turn, void *argument,
                             st_error *error)
{
    (void)argument;
    auth_person person;
    operator_ops ops = { .arena = turn->arena };
    st_err err = auth_person_by_login(turn->txn, work->operands[0], &person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "nobody has the login '%.40s'", work->operands[0]);
    if (err == ST_OK && !person.is_active)
        return st_fail(error, ST_E_STATE, "'%.40s' is disabled already", work->operands[0]);
    if (err == ST_OK)
        err = operator_form(work, CATALOGUE_PERSON, &ops.form, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "active", "false", error);
    sync_edit edit = { .record = person.id, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    operator_edits edits = { ops.form, &edit, 1 };
    return err == ST_OK ? operator_author_nameless(turn, &edits, NULL, error) : err;
}

int operator_user_disable(operator_work *work)
{
    if (operator_write(work, disable_person, NULL) != ST_OK)
        return operator_fail(work);
    operator_note_aside(work, "user disable %.32s", work->operands[0]);
    operator_say_in(work, "Đã ngừng quyền của ", "Disabled ");
    operator_say(work, "%s\n", work->operands[0]);
    return 0;
}

/* The operations of "+office" or "-officer"; what is so already is left out. */
static st_err role_op(operator_ops *ops, const auth_person *person, const char *word,
                      st_error *error)
{
    st_role role;
    if ((word[0] != '+' && word[0] != '-') || !st_role_parse(word + 1, &role) ||
        role == ST_ROLE_NONE)
        return st_fail(error, ST_E_USAGE, "'%.40s' is not +ROLE or -ROLE", word);
    bool has = (person->roles & (1u << role)) != 0;
    if (has == (word[0] == '+'))
        return ST_OK;
    return has ? operator_ops_remove(ops, "roles", word + 1, error)
               : operator_ops_put(ops, "roles", word + 1, error);
}

static st_err change_roles(operator_work *work, writer_turn *turn, void *argument,
                           st_error *error)
{
    (void)argument;
    auth_person person;
    operator_ops ops = { .arena = turn->arena };
    st_err err = auth_person_by_login(turn->txn, work->operands[0], &person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "nobody has the login '%.40s'", work->operands[0]);
    if (err == ST_OK && !person.is_active)
        return st_fail(error, ST_E_STATE, "'%.40s' is disabled", work->operands[0]);
    if (err == ST_OK)
        err = operator_form(work, CATALOGUE_PERSON, &ops.form, error);
    for (size_t i = 1; i < work->operands_count && err == ST_OK; i++)
        err = role_op(&ops, &person, work->operands[i], error);
    if (err != ST_OK || ops.count == 0)
        return err;
    sync_edit edit = { .record = person.id, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    operator_edits edits = { ops.form, &edit, 1 };
    return operator_author_nameless(turn, &edits, NULL, error);
}

int operator_role(operator_work *work)
{
    if (operator_write(work, change_roles, NULL) != ST_OK)
        return operator_fail(work);
    for (size_t i = 1; i < work->operands_count; i++)
        if (work->operands[i][0] == '-')
            operator_note_aside(work, "role %.32s %.32s", work->operands[0], work->operands[i]);
    operator_say_in(work, "Đã ghi vai trò của ", "Roles written for ");
    operator_say(work, "%s\n", work->operands[0]);
    return 0;
}

/* ---- enrol ---- */

static bool is_loopback(const char *host)
{
    size_t len = strcspn(host, ":/");
    if (strncmp(host, "[::1]", 5) == 0)
        return true;
    return (len == 9 && strncmp(host, "localhost", 9) == 0) ||
           (len >= 7 && strncmp(host, "127.", 4) == 0);
}

/* "https://HOST" without a slash at the end; a word without a scheme gets the safe one. False: not
 * an address. */
static bool base_url(const char *given, char *url, size_t url_bytes)
{
    const char *scheme = "", *host = given;
    if (strncmp(given, "https://", 8) == 0 || strncmp(given, "http://", 7) == 0)
        host = strchr(given, '/') + 2;
    else
        scheme = is_loopback(given) ? "http://" : "https://";
    if (strstr(host, "://") != NULL)
        return false;
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == '/')
        len--;
    bool is_clean = strpbrk(host, " \t\r\n#?\"<>\\") == NULL && host[0] != '\0' && host[0] != '/';
    int written = snprintf(url, url_bytes, "%s%.*s", scheme, (int)len, given);
    return is_clean && written > 0 && (size_t)written < url_bytes;
}

static int print_link(operator_work *work, const char *url, const uint8_t code[16])
{
    char text[ST_ENROL_CODE_TEXT], link[400];
    uint8_t log_key[32];
    if (sync_log_key_now(work->room, log_key, &work->error) != ST_OK)
        return operator_fail(work);
    st_enrol_code_format(code, log_key, text);
    (void)snprintf(link, sizeof link, "%s/field/#e=%s", url, text);
    if (work->options.qr && operator_qr(link, work->call->out, &work->error) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Dùng một lần, trong 24 giờ, cho %s:\n"
                                : "Good once, for 24 hours, for %s:\n", work->operands[0]);
    operator_say(work, "%s\n", link);
    return 0;
}

int operator_enrol(operator_work *work)
{
    uint8_t code[16];
    char url[300];
    const char *given = work->options.url;
    if (given == NULL)
        given = work->call->public_url != NULL ? work->call->public_url : "http://127.0.0.1:8080";
    if (!base_url(given, url, sizeof url)) {
        operator_complain(work, work->vi ? "--url %.100s: không phải địa chỉ dạng https://MÁY-CHỦ"
                                         : "--url %.100s: not an address like https://HOST", given);
        return 2;
    }
    if (sync_code_make(work->rooms->writer, work->operands[0], code, &work->error) != ST_OK)
        return operator_fail(work);
    if (strncmp(url, "http://", 7) == 0 && !is_loopback(url + 7))
        operator_complain(work, "%s", work->vi
                              ? "đường dẫn http:// không được mã hóa; nên dùng --url https://…"
                              : "an http:// link is not encrypted; better --url https://…");
    return print_link(work, url, code);
}
