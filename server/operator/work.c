/* server/operator/work.c - transactions, people and operations for the operator's verbs. Promises
 * that whatever a verb decides on was read in the same transaction that it writes in. */
#include "server/operator/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

/* ---- transactions ---- */

st_err operator_read_begin(operator_work *work)
{
    st_err err = store_begin(work->room->store, STORE_READ_TXN, &work->txn, &work->error);
    if (err != ST_OK)
        return err;
    sync_directory_init(&work->names, work->room, &work->txn, &work->arena, &work->unread);
    work->how = (st_show_how){ .directory = &work->names.directory, .lang = work->call->lang,
                               .offset_minutes = work->call->offset_minutes };
    return ST_OK;
}

void operator_read_end(operator_work *work)
{
    store_end(&work->txn);
}

st_err operator_unread_check(operator_work *work)
{
    return sync_check_unread(&work->unread, "something in the answer", &work->error);
}

typedef struct {
    operator_work *work;
    operator_turn_run run;
    void *argument;
} turn_call;

static st_err run_turn(writer_turn *turn, void *argument, st_error *error)
{
    turn_call *call = argument;
    st_err err = call->run(call->work, turn, call->argument, error);
    call->work->wrote = turn->next_index - 1;
    return err;
}

st_err operator_write(operator_work *work, operator_turn_run run, void *argument)
{
    turn_call call = { work, run, argument };
    writer_job job = { .run = run_turn, .argument = &call };
    return writer_submit(work->rooms->writer, &job, &work->error);
}

/* ---- people ---- */

const char *operator_login(operator_work *work, const st_id *person, char hex[33])
{
    const char *login = work->how.directory->login(work->how.directory->context, person);
    st_id_format(person, hex);
    return login != NULL ? login : hex;
}

const char *operator_device_login(operator_work *work, const st_id *device)
{
    auth_device known;
    st_error why = { ST_OK, "" };
    st_err err = auth_device_get(&work->txn, NULL, device, &known, &why);
    sync_note_unread(&work->unread, err, &why);
    return err == ST_OK
               ? work->how.directory->login(work->how.directory->context, &known.person) : NULL;
}

st_err operator_actor(operator_work *work, store_txn *txn, auth_person *out_person,
                      st_error *error)
{
    const char *login = work->options.as;
    st_err err = auth_person_by_login(txn, login, out_person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_DENIED, "--as: nobody has the login '%.40s'", login);
    if (err == ST_OK && !out_person->is_active)
        return st_fail(error, ST_E_DENIED, "--as: '%.40s' is disabled", login);
    return err;
}

st_role operator_role_of(const auth_person *person, uint32_t roles)
{
    static const st_role ORDER[] = { ST_ROLE_OFFICE, ST_ROLE_OFFICE_HEAD, ST_ROLE_ADMIN,
                                     ST_ROLE_COUNCIL_CHAIR, ST_ROLE_DECIDER };
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++)
        if ((person->roles & roles & (1u << ORDER[i])) != 0)
            return ORDER[i];
    return ST_ROLE_NONE;
}

st_err operator_record_id(const char *text, st_id *out_id, st_error *error)
{
    if (!st_id_parse(text, out_id))
        return st_fail(error, ST_E_VALUE, "'%.40s' is no record id (32 hex digits)", text);
    return ST_OK;
}

st_err operator_record_get(operator_work *work, store_txn *txn, st_arena *arena,
                           operator_record *out_record, st_error *error)
{
    st_id id;
    st_record *record = &out_record->record;
    st_err err = operator_record_id(work->operands[0], &id, error);
    if (err != ST_OK)
        return err;
    err = sync_record_get(txn, &id, arena, record, NULL, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "no record %s", work->operands[0]);
    if (err != ST_OK)
        return err;
    out_record->form = sync_record_form(work->room, record);
    if (out_record->form == NULL)
        return st_fail(error, ST_E_VERSION, "form %s version %u is not known here",
                       record->form.s, record->form_version);
    return ST_OK;
}

typedef struct {
    const char *prefix;
    size_t found;
    auth_device device;
} device_search;

static bool match_device(void *context, const auth_device *device)
{
    device_search *search = context;
    char hex[33];
    st_id_format(&device->id, hex);
    if (strncmp(hex, search->prefix, strlen(search->prefix)) == 0) {
        search->device = *device;
        search->found++;
    }
    return true;
}

st_err operator_device(operator_work *work, store_txn *txn, const char *text,
                       auth_device *out_device, st_error *error)
{
    (void)work;
    device_search search = { .prefix = text };
    size_t len = strlen(text);
    if (len < 4 || len > 32 || strspn(text, "0123456789abcdef") != len)
        return st_fail(error, ST_E_VALUE, "'%.40s' is no device id (hex digits, at least 4)",
                       text);
    st_err err = auth_device_each(txn, match_device, &search, error);
    if (err != ST_OK)
        return err;
    if (search.found == 0)
        return st_fail(error, ST_E_NOT_FOUND, "no device '%s'", text);
    if (search.found > 1)
        return st_fail(error, ST_E_VALUE, "%zu devices begin with '%s'", search.found, text);
    *out_device = search.device;
    return ST_OK;
}

st_err operator_reason(operator_work *work, const char **out_reason, st_error *error)
{
    st_buffer text;
    const char *given = work->options.reason;
    st_buffer_init(&text, ST_REASON_CHARS_MAX * 4 + 64);
    st_err err = st_text_clean(given, strlen(given), &text, error);
    if (err == ST_OK && (text.len == 0 || st_text_chars(text.data, text.len) >
                                              ST_REASON_CHARS_MAX))
        err = st_fail(error, ST_E_VALUE, "--reason: 1 to %u characters",
                      ST_REASON_CHARS_MAX);
    const uint8_t *copy = err == ST_OK ? st_arena_copy(&work->arena, text.data, text.len) : NULL;
    if (err == ST_OK && copy == NULL)
        err = st_fail(error, ST_E_MEMORY, "no memory for a reason");
    if (err == ST_OK)
        *out_reason = (const char *)copy;
    st_buffer_free(&text);
    return err;
}

/* ---- operations ---- */

st_err operator_ops_add(operator_ops *ops, const st_op *op, st_error *error)
{
    if (ops->count >= ST_OPS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "more than %u values at once", ST_OPS_MAX);
    st_op *grown = st_arena_grow(ops->arena, ops->ops, ops->count, &ops->capacity, sizeof *grown);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory for a change");
    ops->ops = grown;
    ops->ops[ops->count++] = *op;
    return ST_OK;
}

static st_err push_element(operator_ops *ops, const st_field *field, st_op op, const char *text,
                           st_error *error)
{
    st_err err = st_element_parse(field, text, &op.path, error);
    bool adds = op.verb == ST_VERB_ADD;
    op.value = adds ? (st_value){ .kind = ST_VALUE_INT, .number = 1 } : (st_value){ 0 };
    return err == ST_OK ? operator_ops_add(ops, &op, error) : err;
}

static st_err push_value(operator_ops *ops, const st_field *field, st_op op, const char *text,
                         st_error *error)
{
    op.verb = ST_VERB_SET;
    st_err err = st_value_parse(field, text, ops->arena, &op.value, error);
    return err == ST_OK ? operator_ops_add(ops, &op, error) : err;
}

static st_err own_field(const operator_ops *ops, const char *name, const st_field **out_field,
                        st_op *out_op, st_error *error)
{
    const st_field *field = st_form_field(ops->form, name);
    if (field == NULL)
        return st_fail(error, ST_E_SERVER, "form '%s' of this catalogue has no field '%s'",
                       ops->form->name, name);
    *out_op = (st_op){ .path = { .kind = ST_PATH_FIELD, .field = field->no } };
    *out_field = field;
    return ST_OK;
}

st_err operator_ops_put(operator_ops *ops, const char *name, const char *text, st_error *error)
{
    const st_field *field = NULL;
    st_op op;
    st_err err = own_field(ops, name, &field, &op, error);
    if (err != ST_OK)
        return err;
    op.verb = ST_VERB_ADD;
    return field->cls == ST_CLASS_SET ? push_element(ops, field, op, text, error)
                                      : push_value(ops, field, op, text, error);
}

st_err operator_ops_item(operator_ops *ops, operator_item item, const char *field,
                         const char *text, st_error *error)
{
    const st_group *group = st_form_group(ops->form, item.group);
    const st_field *found = group != NULL ? st_group_field(group, field) : NULL;
    if (found == NULL)
        return st_fail(error, ST_E_SERVER, "form '%s' of this catalogue has no field '%s.%s'",
                       ops->form->name, item.group, field);
    st_op op = { .path = { .kind = ST_PATH_ITEM, .group = group->no, .place = item.place,
                           .field = found->no },
                 .verb = ST_VERB_ITEM };
    st_err err = st_value_parse(found, text, ops->arena, &op.value, error);
    return err == ST_OK ? operator_ops_add(ops, &op, error) : err;
}

st_err operator_ops_remove(operator_ops *ops, const char *name, const char *text, st_error *error)
{
    const st_field *field = NULL;
    st_op op;
    st_err err = own_field(ops, name, &field, &op, error);
    op.verb = ST_VERB_REMOVE;
    return err == ST_OK ? push_element(ops, field, op, text, error) : err;
}

static bool same_element(const st_path *a, const st_path *b)
{
    return a->element_len == b->element_len && memcmp(a->element, b->element, a->element_len) == 0;
}

/* Takes out the live elements that are not among ops[from..]. */
static st_err remove_others(operator_ops *ops, const st_record *record, const st_path *path,
                            size_t from, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = st_record_seek(record, path); i < record->lives_count && err == ST_OK; i++) {
        const st_op *live = &record->lives[i].op;
        st_path bare = live->path;
        bare.element_len = 0;
        memset(bare.element, 0, sizeof bare.element);
        if (st_path_cmp(&bare, path) != 0)
            break;
        bool keep = live->value.kind == ST_VALUE_NULL;
        for (size_t k = from; k < ops->count && !keep; k++)
            keep = same_element(&ops->ops[k].path, &live->path);
        st_op op = { .path = live->path, .verb = ST_VERB_REMOVE };
        if (!keep)
            err = operator_ops_add(ops, &op, error);
    }
    return err;
}

static bool is_there(const st_record *record, const st_path *path)
{
    st_span span = st_record_path(record, path);
    for (size_t i = span.first; i < span.first + span.count; i++)
        if (record->lives[i].op.value.kind == ST_VALUE_INT)
            return true;
    return false;
}

/* The elements of the list that are not there yet; then what is there and not in the list goes. */
static st_err put_set(operator_ops *ops, const st_record *record, const st_field *field,
                      const st_path *path, const char *list, st_error *error)
{
    size_t from = ops->count;
    st_err err = ST_OK;
    for (const char *at = list; err == ST_OK; at += strcspn(at, ",") + 1) {
        size_t len = strcspn(at, ",");
        char *text = (char *)st_arena_copy(ops->arena, at, len);
        st_op op = { .path = *path, .verb = ST_VERB_ADD };
        if (text == NULL)
            return st_fail(error, ST_E_MEMORY, "no memory for a set");
        err = push_element(ops, field, op, text, error);
        if (at[len] == '\0')
            break;
    }
    if (err == ST_OK && record != NULL)
        err = remove_others(ops, record, path, from, error);
    if (err != ST_OK || record == NULL)
        return err;
    size_t kept = from;
    for (size_t i = from; i < ops->count; i++)
        if (ops->ops[i].verb == ST_VERB_REMOVE || !is_there(record, &ops->ops[i].path))
            ops->ops[kept++] = ops->ops[i];
    ops->count = kept;
    return ST_OK;
}

st_err operator_ops_parse(operator_ops *ops, const st_record *record, const char *pair,
                          st_error *error)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return st_fail(error, ST_E_USAGE, "'%.60s' is not PATH=VALUE", pair);
    char *path = (char *)st_arena_copy(ops->arena, pair, (size_t)(equals - pair));
    if (path == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory for a path");
    st_op op = { .verb = ST_VERB_SET };
    st_err err = st_form_path_parse(ops->form, path, &op.path, error);
    if (err != ST_OK)
        return err;
    const st_field *field = st_form_at(ops->form, &op.path, NULL);
    for (size_t i = 0; i < ops->count; i++) {
        st_path bare = ops->ops[i].path;
        bare.element_len = 0;
        memset(bare.element, 0, sizeof bare.element);
        if (st_path_cmp(&bare, &op.path) == 0)
            return st_fail(error, ST_E_USAGE, "'%.60s' stands there twice", path);
    }
    return field->cls == ST_CLASS_SET ? put_set(ops, record, field, &op.path, equals + 1, error)
                                      : push_value(ops, field, op, equals + 1, error);
}

st_err operator_author_nameless(writer_turn *turn, const operator_edits *edits,
                                sync_authored *out_authored, st_error *error)
{
    sync_draft draft = { .role = sync_operator_role(edits->form), .edits = edits->edits,
                         .edits_count = edits->count };
    if (!sync_bucket(turn->room, ST_HOME_CATALOGUE, NULL, &draft.bucket))
        return st_fail(error, ST_E_SERVER, "the catalogue has no bucket");
    sync_authored unasked = { .records = NULL };
    return sync_author_turn(turn, &draft, out_authored != NULL ? out_authored : &unasked, error);
}

st_err operator_form(operator_work *work, const char *name, const st_form **out_form,
                     st_error *error)
{
    const st_form *form = catalogue_newest(work->room->catalogue, name);
    if (form == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "the catalogue has no form '%.40s'", name);
    *out_form = form;
    return ST_OK;
}

void operator_note_aside(operator_work *work, const char *format, ...)
{
    side_words words = { .has_place = true, .index = work->wrote };
    st_error error = { 0 };
    va_list list;
    memcpy(words.epoch, work->room->epoch, sizeof words.epoch);
    va_start(list, format);
    (void)vsnprintf(words.text, sizeof words.text, format, list);
    va_end(list);
    if (side_add_words(work->rooms->dir, &words, &error) == ST_OK)
        return;
    work->call->is_unnoted = true;
    operator_complain(work, work->vi ? "đã làm, nhưng không ghi được vào sổ phụ: %s"
                                     : "done, but the note beside the store failed: %s",
                      error.detail);
}
