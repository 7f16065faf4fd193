/* tests/unit/server/server_rig.c - see server_rig.h. Uses the rooms as sotayd does. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)256 * 1024 * 1024)

static int64_t rig_now(void *context)
{
    const rig *r = context;
    return r->now_ms + r->skew_ms;
}

static uint64_t rig_mono(void *context)
{
    return (uint64_t)(((rig *)context)->now_ms - RIG_T0 + 1000000);
}

uint64_t rig_log_size(rig *r)
{
    uint64_t size = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &size, NULL), ST_OK);
    store_end(&txn);
    return size;
}

void rig_random(rig *r, void *out, size_t len)
{
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++) {
        r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
        at[i] = (uint8_t)(r->seed >> 56);
    }
}

static void port_random(void *context, void *out, size_t len)
{
    rig_random(context, out, len);
}

static void open_store(rig *r, bool is_new)
{
    st_error error = { 0 };
    rooms_how how = { .dir = r->dir, .port = &r->port, .threaded = r->threaded };
    rooms_new wish = { "01477", "server/catalogue", false };
    st_err err = is_new ? rooms_init(&how, &wish, &r->srv, &error)
                        : rooms_open(&how, &r->srv, &error);
    if (err != ST_OK)
        print_message("rooms: %s: %s\n", st_err_name(err), error.detail);
    assert_int_equal(err, ST_OK);
}

void rig_open(rig *r)
{
    static const char *const LOGINS[] = { "an", "binh", "chi" };
    memset(r, 0, sizeof *r);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(r->dir, sizeof r->dir, "%s/sotay-rig-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->dir));
    r->now_ms = RIG_T0;
    r->seed = 42;
    r->port.context = r;
    r->port.now_ms = rig_now;
    r->port.mono_ms = rig_mono;
    r->port.random = port_random;
    st_arena_init(&r->arena, ARENA_BYTES);
    open_store(r, true);
    for (size_t i = 0; i < 3; i++) {
        const char *fields[] = { "person_id", "00000000000000000000000000000000",
                                 "login", LOGINS[i], "full_name", LOGINS[i],
                                 "roles", "officer", "active", "true", NULL };
        (void)rig_author(r, "person", fields);
    }
    const char *office[] = { "login", "office", "full_name", "Office", "roles", "office",
                             "active", "true", NULL };
    (void)rig_author(r, "person", office);
    (void)rig_assign(r, "an", RIG_UNIT);
    (void)rig_assign(r, "binh", RIG_UNIT);
}

void rig_reopen(rig *r)
{
    rooms_close(&r->srv);
    open_store(r, false);
}

void rig_close(rig *r)
{
    char command[sizeof r->dir + 16];
    rooms_close(&r->srv);
    st_arena_reset(&r->arena);
    (void)snprintf(command, sizeof command, "rm -rf %s", r->dir);
    assert_int_equal(system(command), 0);
}

/* ---- the operator ---- */

static void fill_op(rig *r, const st_form *form, const char *field, const char *text, st_op *op)
{
    st_error error = { 0 };
    const st_field *f = st_form_field(form, field);
    assert_non_null(f);
    memset(op, 0, sizeof *op);
    op->path.kind = ST_PATH_FIELD;
    op->path.field = f->no;
    op->verb = f->cls == ST_CLASS_SET ? ST_VERB_ADD : ST_VERB_SET;
    if (f->cls == ST_CLASS_SET) {
        assert_int_equal(st_element_parse(f, text, &op->path, &error), ST_OK);
        op->value.kind = ST_VALUE_INT;
        op->value.number = 1;
    } else {
        assert_int_equal(st_value_parse(f, text, &r->arena, &op->value, &error), ST_OK);
    }
}

st_id rig_author(rig *r, const char *form, const char *const *fields)
{
    st_op ops[16];
    sync_edit edit;
    sync_draft draft;
    st_id record;
    sync_authored authored = { &record, NULL, 0 };
    st_error error = { 0 };
    memset(&edit, 0, sizeof edit);
    memset(&draft, 0, sizeof draft);
    edit.form = catalogue_newest(r->srv.sync.catalogue, form);
    assert_non_null(edit.form);
    for (size_t i = 0; fields[i] != NULL; i += 2)
        fill_op(r, edit.form, fields[i], fields[i + 1], &ops[edit.ops_count++]);
    edit.ops = ops;
    assert_true(sync_bucket(&r->srv.sync, ST_HOME_CATALOGUE, "", &draft.bucket));
    draft.role = sync_operator_role(edit.form);
    draft.edits = &edit;
    draft.edits_count = 1;
    st_err err = sync_author(r->srv.writer, &draft, &authored, &error);
    if (err != ST_OK)
        print_message("author: %s: %s\n", st_err_name(err), error.detail);
    assert_int_equal(err, ST_OK);
    return record;
}

st_err rig_edit(rig *r, const st_id *record, const char *login, const char *field,
                const char *value)
{
    st_op op;
    sync_edit edit;
    sync_draft draft;
    sync_authored authored = { NULL, NULL, 0 };
    st_record now;
    store_txn txn = { 0 };
    auth_person person;
    memset(&edit, 0, sizeof edit);
    memset(&draft, 0, sizeof draft);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_record_get(&txn, record, &r->arena, &now, NULL, NULL), ST_OK);
    if (login != NULL)
        assert_int_equal(auth_person_by_login(&txn, login, &person, NULL), ST_OK);
    const st_form *form = sync_record_form(&r->srv.sync, &now);
    draft.bucket = now.bucket;
    store_end(&txn);
    fill_op(r, form, field, value, &op);
    edit.record = *record;
    edit.ops = &op;
    edit.ops_count = 1;
    if (login != NULL)
        draft.actor = person.id;
    draft.role = login == NULL               ? sync_operator_role(form)
                 : strcmp(login, "office") == 0 ? ST_ROLE_OFFICE
                                                : ST_ROLE_OFFICER;
    draft.edits = &edit;
    draft.edits_count = 1;
    return sync_author(r->srv.writer, &draft, &authored, NULL);
}

st_id rig_person(rig *r, const char *login)
{
    auth_person person;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_person_by_login(&txn, login, &person, NULL), ST_OK);
    store_end(&txn);
    return person.id;
}

st_id rig_assign(rig *r, const char *login, const char *unit)
{
    char person[33];
    st_id id = rig_person(r, login);
    st_id_format(&id, person);
    const char *fields[] = { "person_id", person, "target", "unit", "target_id", unit,
                             "active", "true", NULL };
    return rig_author(r, "assignment", fields);
}

/* ---- phones ---- */

static uint64_t scope_rev(rig *r, const st_id *person)
{
    auth_rights rights;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_rights_get(&txn, person, UINT64_MAX, &r->arena, &rights, NULL), ST_OK);
    store_end(&txn);
    return rights.rev;
}

void rig_enrol(rig *r, rig_phone *phone, const char *login)
{
    uint8_t seed[32], text[ST_ENROL_SIGN_BYTES];
    st_enrol_ask ask;
    st_enrol_answer answer;
    st_error error = { 0 };
    memset(phone, 0, sizeof *phone);
    memset(&ask, 0, sizeof ask);
    phone->r = r;
    phone->role = ST_ROLE_OFFICER;
    rig_random(r, seed, sizeof seed);
    st_sign_keypair(seed, phone->public_key, phone->secret);
    ask.version = 1;
    memcpy(ask.sign_key, phone->public_key, 32);
    rig_random(r, ask.cosign_key, 32);
    (void)snprintf(ask.label, sizeof ask.label, "phone of %s", login);
    assert_int_equal(sync_code_make(r->srv.writer, login, ask.code, &error), ST_OK);
    st_enrol_sign_text(&ask, r->srv.keys.log_public, text);
    st_sign(phone->secret, text, sizeof text, ask.proof);
    st_err err = sync_enrol(r->srv.writer, &ask, &r->arena, &answer, &error);
    if (err != ST_OK)
        print_message("enrol: %s: %s\n", st_err_name(err), error.detail);
    assert_int_equal(err, ST_OK);
    phone->device = st_device_id(phone->public_key);
    phone->person = answer.person;
    phone->scope_rev = scope_rev(r, &phone->person);
}

void rig_begin(rig_phone *phone, const char *bucket)
{
    phone->count = 0;
    assert_true(st_bucket_set(&phone->bucket, bucket, strlen(bucket)));
}

static uint64_t *here_of(rig_phone *phone)
{
    for (size_t i = 0; i < phone->here_count; i++)
        if (strcmp(phone->here[i].bucket.s, phone->bucket.s) == 0)
            return &phone->here[i].last;
    assert_true(phone->here_count < 16);
    phone->here[phone->here_count].bucket = phone->bucket;
    phone->here[phone->here_count].last = 0;
    return &phone->here[phone->here_count++].last;
}

st_change *rig_change(rig_phone *phone, const st_id *record)
{
    assert_true(phone->count < RIG_CHANGES_MAX);
    st_change *change = &phone->changes[phone->count];
    memset(change, 0, sizeof *change);
    change->dot.device = phone->device;
    change->dot.counter = phone->last + 1 + phone->count;
    change->prev = phone->count == 0 ? *here_of(phone) : change->dot.counter - 1;
    change->wall_ms = phone->r->now_ms;
    change->mono_ms = 1000;
    change->hlc = st_hlc_tick(&phone->hlc, phone->r->now_ms);
    if (record != NULL) {
        change->record = *record;
    } else {
        change->creates = true;
        rig_random(phone->r, change->random, sizeof change->random);
        change->record = st_record_id(&change->dot, change->random);
    }
    phone->count++;
    return change;
}

st_change *rig_act(rig_phone *phone, const st_id *record, st_act_kind act)
{
    static st_context_device seen;
    st_change *change = rig_change(phone, record);
    seen = (st_context_device){ .device = phone->device, .upto = change->dot.counter - 1 };
    change->act = act;
    change->context.devices = &seen;
    change->context.count = 1;
    return change;
}

st_op *rig_op(rig_phone *phone, st_change *change, const char *form, const char *path,
              const char *value)
{
    rig *r = phone->r;
    st_error error = { 0 };
    const st_form *f = catalogue_newest(r->srv.sync.catalogue, form);
    st_op *ops = st_arena_array(&r->arena, change->ops_count + 1u, sizeof *ops);
    assert_non_null(f);
    assert_non_null(ops);
    if (change->ops_count > 0)
        memcpy(ops, change->ops, change->ops_count * sizeof *ops);
    st_op *op = &ops[change->ops_count++];
    memset(op, 0, sizeof *op);
    change->ops = ops;
    assert_int_equal(st_form_path_parse(f, path, &op->path, &error), ST_OK);
    const st_field *field = st_form_at(f, &op->path, NULL);
    assert_non_null(field);
    op->verb = ST_VERB_SET;
    if (value != NULL)
        assert_int_equal(st_value_parse(field, value, &r->arena, &op->value, &error), ST_OK);
    return op;
}

st_id rig_visit(rig_phone *phone, const char *note)
{
    st_change *change = rig_change(phone, NULL);
    assert_true(st_code_set(&change->form, "visit", 5));
    change->form_version = 1;
    (void)rig_op(phone, change, "visit", "unit_id", strrchr(phone->bucket.s, '/') + 1);
    (void)rig_op(phone, change, "visit", "visit_kind", "kiem_tra");
    (void)rig_op(phone, change, "visit", "visit_date", "2026-03-12");
    (void)rig_op(phone, change, "visit", "place", "nhà văn hóa");
    if (note != NULL)
        (void)rig_op(phone, change, "visit", "general_note", note);
    return change->record;
}

st_dot rig_set(rig_phone *phone, const st_id *record, const char *path, const char *value,
               const st_dot *replaces)
{
    st_change *change = rig_change(phone, record);
    st_op *op = rig_op(phone, change, "visit", path, value);
    if (replaces != NULL) {
        st_dot *copy = st_arena_get(&phone->r->arena, sizeof *copy);
        assert_non_null(copy);
        *copy = *replaces;
        op->replaces = copy;
        op->replaces_count = 1;
    }
    return change->dot;
}

static int by_path(const void *a, const void *b)
{
    return st_path_cmp(&((const st_op *)a)->path, &((const st_op *)b)->path);
}

store_slice rig_seal(rig_phone *phone)
{
    rig *r = phone->r;
    st_set set;
    st_unsigned_set built;
    st_buffer bytes;
    st_error error = { 0 };
    uint8_t seed[32], text[ST_SET_SIGN_BYTES], signature[64];
    memset(&set, 0, sizeof set);
    assert_true(phone->count > 0);
    for (uint32_t i = 0; i < phone->count; i++)
        if (phone->changes[i].ops_count > 1)
            qsort((st_op *)(uintptr_t)phone->changes[i].ops, phone->changes[i].ops_count,
                  sizeof(st_op), by_path);
    set.device = phone->device;
    set.format = 1;
    set.first = phone->last + 1;
    set.has_prev = phone->has_prev;
    set.prev = phone->prev;
    set.here = *here_of(phone);
    set.bucket = phone->bucket;
    set.scope_rev = phone->scope_rev;
    set.role = phone->role;
    set.via = ST_VIA_DEVICE;
    set.fold_version = 1;
    set.changes = phone->changes;
    set.changes_count = phone->count;
    rig_random(r, seed, sizeof seed);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_err err = st_set_build(&set, seed, &built, &error);
    if (err != ST_OK)
        print_message("seal: %s: %s\n", st_err_name(err), error.detail);
    assert_int_equal(err, ST_OK);
    st_set_sign_text(&r->srv.keys.log, &set.device, &built.hash, text);
    st_sign(phone->secret, text, sizeof text, signature);
    assert_int_equal(st_set_finish(&set, &built, signature, &bytes, &error), ST_OK);
    store_slice slice = store_bytes(st_arena_copy(&r->arena, bytes.data, bytes.len), bytes.len);
    assert_non_null(slice.data);
    phone->prev = built.hash;
    phone->has_prev = true;
    phone->last += phone->count;
    *here_of(phone) = phone->last;
    phone->count = 0;
    st_unsigned_set_free(&built);
    st_buffer_free(&bytes);
    return slice;
}

st_err rig_push(rig_phone *phone, sync_request *request, const store_slice *sets, size_t count)
{
    rig *r = phone->r;
    store_txn txn = { 0 };
    st_error error = { 0 };
    sync_request_init(request, ARENA_BYTES);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, &error), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &request->device, &error),
                     ST_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sync_request_add(request, &r->srv.sync, &txn, sets[i], &error), ST_OK);
    store_end(&txn);
    request->has_counter = true;
    request->counter = ++phone->request_counter;
    request->received_ms = r->now_ms;
    st_err err = sync_request_submit(request, r->srv.writer, &error);
    if (err != ST_OK && err != ST_E_AGAIN)
        print_message("push: %s: %s\n", st_err_name(err), error.detail);
    return err;
}

st_verdict_kind rig_push_one(rig_phone *phone, store_slice set, st_hold *out_hold)
{
    sync_request request;
    assert_int_equal(rig_push(phone, &request, &set, 1), ST_OK);
    st_verdict_kind kind = request.items[0].verdict.kind;
    if (out_hold != NULL)
        *out_hold = request.items[0].verdict.held_count == 0
                        ? ST_HOLD_NONE
                        : request.items[0].verdict.held[0].reason;
    if (request.items[0].detail[0] != '\0')
        print_message("    held: %s\n", request.items[0].detail);
    sync_request_free(&request);
    return kind;
}

const char *rig_value(rig *r, const st_id *record, const char *path, size_t *out_values)
{
    st_record now;
    store_txn txn = { 0 };
    st_path where;
    st_buffer text;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = sync_record_get(&txn, record, &r->arena, &now, NULL, NULL);
    if (out_values != NULL)
        *out_values = 0;
    if (err == ST_E_NOT_FOUND) {
        store_end(&txn);
        return "";
    }
    assert_int_equal(err, ST_OK);
    const st_form *form = sync_record_form(&r->srv.sync, &now);
    assert_int_equal(st_form_path_parse(form, path, &where, NULL), ST_OK);
    st_span span = st_record_path(&now, &where);
    size_t shown = st_view_shown(&now, span);
    st_buffer_init(&text, ST_VALUE_BYTES_MAX);
    if (shown != SIZE_MAX)
        assert_int_equal(st_value_text(st_form_at(form, &where, NULL), &now.lives[shown].op.value,
                                       &text, NULL), ST_OK);
    const char *copy = (const char *)st_arena_copy(&r->arena, text.len > 0 ? text.data : NULL,
                                                   text.len);
    st_buffer_free(&text);
    store_end(&txn);
    if (out_values != NULL)
        *out_values = span.count;
    return copy;
}

static bool say_wrong(void *context, const char *line)
{
    (void)context;
    print_message("  verify: %s\n", line);
    return true;
}

uint64_t rig_verify(rig *r)
{
    verify_report report;
    st_error error = { 0 };
    st_err err = sync_verify(&r->srv.sync, say_wrong, NULL, &report, &error);
    if (err != ST_OK)
        print_message("verify: %s: %s\n", st_err_name(err), error.detail);
    assert_int_equal(err, ST_OK);
    return report.wrong;
}

int rig_setup(void **state)
{
    static rig shared;
    rig_open(&shared);
    *state = &shared;
    return 0;
}

int rig_teardown(void **state)
{
    rig *r = *state;
    assert_int_equal(rig_verify(r), 0);
    rig_close(r);
    return 0;
}
