/* server/sync/enrol.c - enrolment.
 * Promises: one code makes one device; the record of the device, the used-up code and the answer
 * belong to one transaction; asking again after a lost answer gives the same answer. Must never
 * enrol a key whose owner did not sign the request, nor tell a device out of use what is read. */
#include "server/sync/enrol.h"

#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "server/store/pack.h"
#include "server/sync/act.h"
#include "server/sync/epoch.h"
#include "server/sync/heir.h"
#include "server/sync/log_key.h"
#include "server/sync/row.h"

/* Fields of the form "device" that enrolment writes. */
#define OPS_MAX 9

#define STATUS_ACTIVE    1
#define STATUS_SUSPENDED 2

typedef struct {
    const char *login;
    uint8_t code[16];
} code_job;

static st_err run_code(writer_turn *turn, void *argument, st_error *error)
{
    code_job *job = argument;
    auth_person person;
    const server_port *port = turn->room->port;
    st_err err = auth_person_by_login(turn->txn, job->login, &person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "no person with the login \"%.32s\"", job->login);
    if (err == ST_OK && !person.is_active)
        err = st_fail(error, ST_E_STATE, "\"%s\" is disabled", job->login);
    return err == ST_OK ? auth_code_make(turn->txn, &person.id, port->now_ms(port->context), port,
                                         job->code, error)
                        : err;
}

st_err sync_code_make(writer *w, const char *login, uint8_t out_code[16], st_error *error)
{
    code_job code = { login, { 0 } };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_code;
    job.argument = &code;
    st_err err = writer_submit(w, &job, error);
    if (err == ST_OK)
        memcpy(out_code, code.code, 16);
    return err;
}

/* ---- the device record ---- */

typedef struct {
    const st_enrol_ask *ask;
    st_arena *arena;           /* of the answer */
    st_enrol_answer answer;
    st_id device;              /* enrolled now */
    st_id person;
    st_id actor;               /* zero: the operator without a name */
    st_role role;              /* NONE: the first that may */
    const char *note;          /* NULL: none */
    bool is_suspended;
    char letters[9];           /* "": to be chosen */
    char label[321];
    int64_t now_ms;
    uint64_t refused;          /* so many within the hour: to be said */
    bool is_counted;
} enrol_job;

typedef struct {
    const st_form *form;
    st_op ops[OPS_MAX];
    uint32_t count;
} op_list;

static void put_value(op_list *list, const char *field, st_value value)
{
    const st_field *f = st_form_field(list->form, field);
    if (f == NULL || list->count == OPS_MAX)
        return;                                /* an older form: the record says less */
    st_op *op = &list->ops[list->count++];
    memset(op, 0, sizeof *op);
    op->path.kind = ST_PATH_FIELD;
    op->path.field = f->no;
    op->verb = ST_VERB_SET;
    op->value = value;
}

static void put_bytes(op_list *list, const char *field, st_value_kind kind, store_slice data)
{
    st_value value;
    memset(&value, 0, sizeof value);
    value.kind = kind;
    value.data = data.data;
    value.len = (uint32_t)data.len;
    if (data.len > 0)
        put_value(list, field, value);
}

static void put_number(op_list *list, const char *field, int64_t number)
{
    st_value value;
    memset(&value, 0, sizeof value);
    value.kind = ST_VALUE_INT;
    value.number = number;
    put_value(list, field, value);
}

/* Field-code letters: the first of the login in capitals, then the number of the device. */
static st_err choose_letters(writer_turn *turn, enrol_job *job, st_error *error)
{
    store_stats stats;
    auth_person person;
    st_err err = auth_person_get(turn->txn, &job->person, &person, error);
    if (err == ST_OK)
        err = store_stat(turn->txn, &stats, error);
    if (err != ST_OK)
        return err;
    char letters[3] = "";
    size_t count = 0;
    for (size_t i = 0; person.login.s[i] != '\0' && count < 2; i++) {
        char c = person.login.s[i];
        if (c >= 'a' && c <= 'z')
            letters[count++] = (char)(c - 'a' + 'A');
    }
    (void)snprintf(job->letters, sizeof job->letters, "%s%u", count == 0 ? "M" : letters,
                   (unsigned)((stats.rows[STORE_DEVICE] + 1) % 100000));
    return ST_OK;
}

static st_err clean_label(enrol_job *job, st_error *error)
{
    st_buffer clean;
    st_buffer_init(&clean, sizeof job->label - 1);
    st_err err = st_text_clean(job->ask->label, strlen(job->ask->label), &clean, error);
    if (err == ST_OK && st_text_chars(clean.data, clean.len) > 80)
        err = st_fail(error, ST_E_VALUE, "enrol: the label is too long");
    if (err == ST_OK && clean.len > 0)
        memcpy(job->label, clean.data, clean.len);
    if (err == ST_OK)
        job->label[clean.len] = '\0';
    st_buffer_free(&clean);
    return err;
}

static st_err write_device(writer_turn *turn, enrol_job *job, st_error *error)
{
    op_list list;
    sync_edit edit;
    sync_draft draft;
    sync_authored authored;
    memset(&list, 0, sizeof list);
    memset(&edit, 0, sizeof edit);
    memset(&draft, 0, sizeof draft);
    memset(&authored, 0, sizeof authored);
    list.form = catalogue_newest(turn->room->catalogue, CATALOGUE_DEVICE);
    if (list.form == NULL || !sync_bucket(turn->room, ST_HOME_CATALOGUE, "", &draft.bucket))
        return st_fail(error, ST_E_NOT_FOUND, "enrol: there is no form \"device\"");
    const st_enrol_ask *ask = job->ask;
    put_bytes(&list, "device_id", ST_VALUE_ID, store_bytes(job->device.b, 16));
    put_bytes(&list, "sign_key", ST_VALUE_HASH, store_bytes(ask->sign_key, 32));
    put_bytes(&list, "cosign_key", ST_VALUE_HASH, store_bytes(ask->cosign_key, 32));
    put_bytes(&list, "person_id", ST_VALUE_ID, store_bytes(job->person.b, 16));
    put_bytes(&list, "letters", ST_VALUE_CODE, store_text(job->letters));
    put_bytes(&list, "label", ST_VALUE_TEXT, store_text(job->label));
    put_number(&list, "enrolled_at", job->now_ms);
    put_number(&list, "status", job->is_suspended ? STATUS_SUSPENDED : STATUS_ACTIVE);
    if (job->note != NULL)
        put_bytes(&list, "status_reason", ST_VALUE_TEXT, store_text(job->note));
    edit.form = list.form;
    edit.ops = list.ops;
    edit.ops_count = list.count;
    draft.actor = job->actor;
    draft.role = job->role != ST_ROLE_NONE ? job->role : sync_operator_role(list.form);
    draft.edits = &edit;
    draft.edits_count = 1;
    return sync_author_turn(turn, &draft, &authored, error);
}

/* ---- the answer ---- */

/* The set that made the record of a device: the first line of its history. The device shows it to
 * a book that was put back and does not know it. */
static st_err keep_enrolment(writer_turn *turn, enrol_job *job, const st_id *record,
                             st_error *error)
{
    sync_row row;
    store_cursor cursor = { 0 };
    uint64_t index = 0;
    pack_key prefix = pack_id(record);
    st_err err = store_cursor_open(turn->txn, STORE_HISTORY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    if (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix)) && cursor.key.len == 32)
        index = st_get_u64((const uint8_t *)cursor.key.data + 16);
    store_cursor_close(&cursor);
    if (err == ST_OK)
        err = index == 0 ? st_fail(error, ST_E_CORRUPT, "enrol: the device has no history")
                         : sync_row_get(turn->txn, index, job->arena, &row, error);
    if (err != ST_OK)
        return err;
    job->answer.enrolment = row.set.data;
    job->answer.enrolment_len = row.set.len;
    return ST_OK;
}

/* The key that counts, and how it came from the first one, after which the log is named. */
static st_err tell_log_keys(writer_turn *turn, enrol_job *job, st_error *error)
{
    st_log_keys keys;
    st_enrol_answer *answer = &job->answer;
    st_err err = sync_log_keys_read(turn->txn, turn->room, &keys, error);
    if (err != ST_OK)
        return err;
    memcpy(answer->log_key, st_log_keys_newest(&keys), sizeof answer->log_key);
    if (keys.count == 0)
        return ST_OK;
    if (!job->ask->log_keys)
        return st_fail(error, ST_E_VERSION, "enrol: the key of this log was changed; a newer "
                       "program is needed");
    answer->log_keys.has_first = true;
    memcpy(answer->log_keys.first, keys.first, sizeof keys.first);
    answer->log_keys.count = keys.count;
    st_log_key *rows = st_arena_array(job->arena, keys.count, sizeof *rows);
    if (rows == NULL)
        return st_fail(error, ST_E_MEMORY, "enrol: out of memory");
    memcpy(rows, keys.rows, keys.count * sizeof *rows);
    answer->log_keys.rows = rows;
    return ST_OK;
}

/* A store that loses one of them hears of it from the device. Every store has the first. */
static st_err tell_epochs(writer_turn *turn, enrol_job *job, st_error *error)
{
    const st_epoch *rows = NULL;
    uint32_t count = 0;
    st_err err = sync_epochs_read(turn->txn, job->arena, &rows, &count, error);
    if (err != ST_OK || count < 2)
        return err;
    job->answer.epochs = rows + 1;
    job->answer.epochs_count = count - 1;
    return ST_OK;
}

static st_err fill_answer(writer_turn *turn, enrol_job *job, st_error *error)
{
    sync_room *room = turn->room;
    st_enrol_answer *answer = &job->answer;
    auth_person person;
    auth_device device;
    auth_scope_ask whose = { room->commune.s, &job->person, UINT64_MAX };
    memset(answer, 0, sizeof *answer);
    st_err err = auth_person_get(turn->txn, &job->person, &person, error);
    if (err == ST_OK)
        err = auth_device_get(turn->txn, NULL, &job->device, &device, error);
    if (err == ST_OK && device.status != AUTH_ACTIVE) /* it reads nothing, names of buckets too */
        return st_fail(error, ST_E_DENIED, "enrol: the device of this link is %s",
                       device.status == AUTH_REVOKED ? "revoked" : "suspended");
    if (err == ST_OK)
        err = auth_scope(turn->txn, &whose, job->arena, &answer->scope, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? st_fail(error, ST_E_ENROL, "enrol: the person is gone")
                                     : err;
    answer->version = 1;
    err = tell_log_keys(turn, job, error);
    if (err == ST_OK)
        err = tell_epochs(turn, job, error);
    if (err != ST_OK)
        return err;
    memcpy(answer->seal_key, room->keys->seal_public, 32);
    memcpy(answer->recovery_key, room->keys->recovery_public, 32);
    answer->person = job->person;
    answer->login = person.login;
    answer->commune = room->commune;
    memcpy(answer->epoch, room->epoch, sizeof answer->epoch);
    memcpy(answer->letters, device.letters, sizeof answer->letters);
    answer->server_ms = job->now_ms;
    st_fingerprint(job->ask->sign_key, answer->fingerprint);
    answer->server_device = room->keys->device;
    memcpy(answer->server_key, room->keys->device_public, 32);
    return keep_enrolment(turn, job, &device.record, error);
}

/* The code may be older than the day its person left. */
static st_err check_person(writer_turn *turn, const st_id *id, st_error *error)
{
    auth_person person;
    st_err err = auth_person_get(turn->txn, id, &person, error);
    if (err == ST_OK && person.is_active)
        return ST_OK;
    return err == ST_OK || err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_ENROL, "enrol: the code is unknown, used or expired")
               : err;
}

static st_err enrol_new(writer_turn *turn, enrol_job *job, st_error *error)
{
    st_err err = job->is_suspended ? ST_OK : check_person(turn, &job->person, error);
    if (err == ST_OK)
        err = clean_label(job, error);
    if (err == ST_OK && job->letters[0] == '\0')
        err = choose_letters(turn, job, error);
    return err == ST_OK ? write_device(turn, job, error) : err;
}

st_err sync_enrol_device(writer_turn *turn, const sync_enrol_wish *wish, st_error *error)
{
    const server_port *port = turn->room->port;
    enrol_job job = { .ask = wish->ask, .device = st_device_id(wish->ask->sign_key),
                      .person = wish->person, .actor = wish->actor, .role = wish->role,
                      .note = wish->note, .is_suspended = wish->is_suspended,
                      .now_ms = wish->enrolled_ms };
    if (job.now_ms == 0)
        job.now_ms = port->now_ms(port->context);
    if (wish->letters != NULL)
        (void)snprintf(job.letters, sizeof job.letters, "%s", wish->letters);
    return enrol_new(turn, &job, error);
}

st_err sync_enrol_said(writer_turn *turn, const st_enrol_ask *ask, st_arena *arena,
                       st_enrol_answer *out_answer, st_error *error)
{
    const server_port *port = turn->room->port;
    auth_device device;
    enrol_job job = { .ask = ask, .arena = arena, .device = st_device_id(ask->sign_key),
                      .now_ms = port->now_ms(port->context) };
    st_err err = auth_device_get(turn->txn, NULL, &job.device, &device, error);
    if (err != ST_OK)
        return err;
    job.person = device.person;
    err = fill_answer(turn, &job, error);
    if (err == ST_OK)
        *out_answer = job.answer;
    return err;
}

static st_err run_enrol(writer_turn *turn, void *argument, st_error *error)
{
    enrol_job *job = argument;
    bool used = false;
    auth_device known;
    const server_port *port = turn->room->port;
    job->now_ms = port->now_ms(port->context);
    job->device = st_device_id(job->ask->sign_key);
    st_err err = auth_code_check(turn->txn, job->ask, job->now_ms, &job->person, &used, error);
    if (err == ST_OK && job->ask->has_person && st_id_cmp(&job->ask->person, &job->person) != 0)
        return st_fail(error, ST_E_DENIED,
                       "enrol: the store that asks belongs to another person than the link is for");
    if (err == ST_OK && !used) {
        err = auth_device_get(turn->txn, turn->room->keys, &job->device, &known, error);
        if (err == ST_OK)
            return st_fail(error, ST_E_ENROL, "enrol: this key is enrolled already");
        if (err == ST_E_NOT_FOUND)
            err = enrol_new(turn, job, error);
        if (err == ST_OK)
            err = sync_heir_forget(turn->txn, &job->person, job->ask->install, error);
        if (err == ST_OK)
            err = auth_code_use(turn->txn, job->ask, error);
    }
    if (err == ST_E_ENROL && !job->is_counted)
        job->refused = act_count_refusal(turn);
    job->is_counted = job->is_counted || err == ST_E_ENROL; /* a job may run more than once */
    return err == ST_OK ? fill_answer(turn, job, error) : err;
}

static bool is_signed_over(const st_enrol_ask *ask, const uint8_t log_key[32])
{
    uint8_t text[ST_ENROL_SIGN_BYTES];
    st_enrol_sign_text(ask, log_key, text);
    return st_sign_verify(ask->sign_key, text, sizeof text, ask->proof);
}

/* The proof names the key that the link had. One of before a change is void, also when the code was
 * used by this device and its answer was lost: the device would not take the newest key for it. */
static st_err check_proof(writer *w, const st_enrol_ask *ask, st_error *error)
{
    st_log_keys keys;
    store_txn txn = { 0 };
    const sync_room *room = writer_room(w);
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_log_keys_read(&txn, room, &keys, error);
    store_end(&txn);
    if (err != ST_OK || is_signed_over(ask, st_log_keys_newest(&keys)))
        return err;
    for (uint64_t n = 0; n < keys.count; n++)
        if (is_signed_over(ask, st_log_keys_at(&keys, n)))
            return st_fail(error, ST_E_ENROL,
                           "enrol: the key of the log was changed since this link was made");
    return st_fail(error, ST_E_SIGNATURE, "enrol: the request is not signed by its key");
}

st_err sync_enrol(writer *w, const st_enrol_ask *ask, st_arena *arena,
                  st_enrol_answer *out_answer, st_error *error)
{
    enrol_job enrol;
    writer_job job;
    memset(&enrol, 0, sizeof enrol);
    memset(&job, 0, sizeof job);
    st_err err = check_proof(w, ask, error);
    if (err == ST_OK && ask->has_log && st_id_cmp(&ask->log, &writer_room(w)->keys->log) != 0)
        err = st_fail(error, ST_E_DENIED, "enrol: the store that asks belongs to another book");
    if (err != ST_OK)
        return err;
    enrol.ask = ask;
    enrol.arena = arena;
    job.run = run_enrol;
    job.argument = &enrol;
    err = writer_submit(w, &job, error);
    if (err == ST_OK)
        *out_answer = enrol.answer;
    if (enrol.refused > 0 && act_say_refused(w, enrol.refused, NULL) != ST_OK)
        return st_fail(error, ST_E_BUSY, "enrol: the refusal could not be noted");
    return err;
}
