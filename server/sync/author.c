/* server/sync/author.c - change-sets of the server's own device.
 * Promises: built on the state of the very transaction that stores them, in the chain of the
 * server's device, marked via=operator; a change that would be held is refused and nothing is
 * written. Must never sign for a person's own device. */
#include "server/sync/author.h"

#include <assert.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/sets.h"

/* A draft on its way to being a set. */
typedef struct {
    writer_turn *turn;
    const sync_draft *draft;
    st_arena *arena;           /* its own: the turn's ends with each set */
    sets_head head;
    st_vector vector;
    st_hlc hlc;
    int64_t now_ms;
    st_set set;
} authoring;

st_role sync_operator_role(const st_form *form)
{
    static const st_role ORDER[] = { ST_ROLE_OFFICE,        ST_ROLE_ADMIN,
                                     ST_ROLE_OFFICE_HEAD,   ST_ROLE_COUNCIL_CHAIR,
                                     ST_ROLE_DECIDER,       ST_ROLE_OFFICER };
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++)
        if ((form->create & (1u << (unsigned)ORDER[i])) != 0)
            return ORDER[i];
    return ST_ROLE_ADMIN;
}

/* ---- one change ---- */

void sync_edit_put(sync_edit *edit, const char *name, st_value value)
{
    const st_field *field = st_form_field(edit->form, name);
    if (field == NULL || edit->ops_count == SYNC_EDIT_FIELDS_MAX)
        return;
    st_op *op = &edit->ops[edit->ops_count++];
    memset(op, 0, sizeof *op);
    op->path.kind = ST_PATH_FIELD;
    op->path.field = field->no;
    op->verb = ST_VERB_SET;
    op->value = value;
}

/* An id of zeros in a creating change means the record itself; a new item has the change's dot. */
static st_err copy_ops(authoring *a, const sync_edit *edit, st_change *change, st_error *error)
{
    st_op *ops = st_arena_array(a->arena, edit->ops_count, sizeof *ops);
    if (ops == NULL)
        return st_fail(error, ST_E_MEMORY, "author: out of memory");
    static const uint8_t ZEROS[16];
    for (uint32_t i = 0; i < edit->ops_count; i++) {
        ops[i] = edit->ops[i];
        if (ops[i].path.kind == ST_PATH_ITEM && st_dot_is_zero(&ops[i].path.item))
            ops[i].path.item = change->dot;
        if (change->creates && ops[i].value.kind == ST_VALUE_ID && ops[i].value.len == 16
            && memcmp(ops[i].value.data, ZEROS, 16) == 0)
            ops[i].value.data = change->record.b;
    }
    change->ops = ops;
    change->ops_count = edit->ops_count;
    return ST_OK;
}

static bool needs_context(const st_change *change)
{
    bool needs = change->act != ST_ACT_NONE;
    for (uint32_t i = 0; i < change->ops_count; i++)
        needs = needs || change->ops[i].verb == ST_VERB_DROP
                || change->ops[i].verb == ST_VERB_KEEP;
    return needs;
}

static st_err fill_replaces(authoring *a, const st_form *form, const st_record *record,
                            st_change *change, st_error *error)
{
    st_err err = ST_OK;
    st_op *ops = (st_op *)(uintptr_t)change->ops;   /* made by copy_ops, ours */
    for (uint32_t i = 0; err == ST_OK && i < change->ops_count; i++) {
        const st_field *field = st_form_at(form, &ops[i].path, NULL);
        if (ops[i].verb == ST_VERB_RESOLVE && ops[i].replaces != NULL)
            continue;
        if (change->creates || ops[i].verb == ST_VERB_ITEM || ops[i].verb == ST_VERB_REMARK)
            continue;
        err = st_edit_replaces(record, field == NULL ? ST_CLASS_PLAIN : field->cls, a->arena,
                               &ops[i], error);
    }
    return err;
}

/* Against the record as it is now: what is replaced, under which acts, in which context. */
static st_err fill_knowledge(authoring *a, const sync_edit *edit, st_change *change,
                             st_error *error)
{
    st_record record;
    st_err err = sync_record_get(a->turn->txn, &edit->record, a->arena, &record, NULL, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "author: no such record");
    if (err != ST_OK)
        return err;
    const st_form *form = sync_record_form(a->turn->room, &record);
    if (form == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "author: the form of the record is not known");
    err = fill_replaces(a, form, &record, change, error);
    if (err == ST_OK)
        err = st_edit_under(&record, a->arena, change, error);
    if (err == ST_OK && needs_context(change))
        err = st_edit_context(&record, &a->vector, a->arena, &change->context, error);
    return err;
}

static st_err make_change(authoring *a, uint32_t i, st_change *change, st_error *error)
{
    const sync_edit *edit = &a->draft->edits[i];
    const server_port *port = a->turn->room->port;
    change->dot.device = a->set.device;
    change->dot.counter = a->set.first + i;
    change->prev = i == 0 ? a->set.here : change->dot.counter - 1;
    change->act = edit->act;
    change->amend = edit->amend;
    change->reason = edit->reason;
    change->hlc = st_hlc_tick(&a->hlc, a->now_ms);
    change->wall_ms = a->now_ms;
    change->mono_ms = port->mono_ms(port->context);
    change->record = edit->record;
    change->creates = edit->form != NULL;
    if (change->creates) {
        if (!st_code_set(&change->form, edit->form->name, strlen(edit->form->name)))
            return st_fail(error, ST_E_USAGE, "author: form \"%s\"", edit->form->name);
        change->form_version = edit->form->version;
        port->random(port->context, change->random, sizeof change->random);
        change->record = st_record_id(&change->dot, change->random);
    }
    st_err err = copy_ops(a, edit, change, error);
    if (err == ST_OK && !change->creates)
        err = fill_knowledge(a, edit, change, error);
    return err;
}

/* ---- the set ---- */

static st_err read_hlc(authoring *a, st_error *error)
{
    store_slice row = { 0 };
    st_err err = store_get(a->turn->txn, STORE_META, store_text("hlc"), &row, error);
    a->hlc = err == ST_OK && row.len == 8 ? st_get_u64(row.data) : 0;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err write_hlc(authoring *a, st_error *error)
{
    uint8_t row[8];
    st_put_u64(row, a->hlc);
    return store_put(a->turn->txn, STORE_META, store_text("hlc"), store_bytes(row, 8), error);
}

/* The last counter of the server's device in the bucket: `here` of the next set. */
static uint64_t find_here(const st_vector *vector, const st_id *device)
{
    for (size_t i = 0; i < vector->upto_count; i++)
        if (st_id_cmp(&vector->upto[i].device, device) == 0)
            return vector->upto[i].counter;
    return 0;
}

static st_err start_set(authoring *a, st_error *error)
{
    sync_room *room = a->turn->room;
    const sync_draft *draft = a->draft;
    st_set *set = &a->set;
    auth_rights rights;
    set->device = room->keys->device;
    st_err err = sets_head_get(a->turn->txn, &set->device, &a->head, error);
    if (err == ST_OK)
        err = sync_vector_get(a->turn->txn, &draft->bucket, a->arena, &a->vector, error);
    if (err == ST_OK)
        err = auth_rights_get(a->turn->txn, &draft->actor, UINT64_MAX, a->arena, &rights, error);
    if (err == ST_OK)
        err = read_hlc(a, error);
    if (err != ST_OK)
        return err;
    a->now_ms = room->port->now_ms(room->port->context);
    set->format = 1;
    set->first = a->head.last + 1;
    set->has_prev = a->head.last > 0;
    set->prev = a->head.last_hash;
    set->here = find_here(&a->vector, &set->device);
    set->bucket = draft->bucket;
    memcpy(set->boot, room->boot, sizeof set->boot);
    set->scope_rev = rights.rev;
    set->has_actor = !st_id_is_zero(&draft->actor);
    set->actor = draft->actor;
    set->role = draft->role;
    set->via = ST_VIA_OPERATOR;
    set->fold_version = SYNC_FOLD_VERSION;
    set->changes = st_arena_array(a->arena, draft->edits_count, sizeof *set->changes);
    set->changes_count = draft->edits_count;
    return set->changes != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "author: out of memory");
}

/* The signed bytes, in the arena. */
static st_err sign_set(authoring *a, store_slice *out_bytes, st_error *error)
{
    sync_room *room = a->turn->room;
    st_unsigned_set built;
    uint8_t seed[ST_SEED_BYTES], text[ST_SET_SIGN_BYTES], signature[ST_SIGNATURE_BYTES];
    st_buffer bytes;
    memset(&built, 0, sizeof built);
    room->port->random(room->port->context, seed, sizeof seed);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_err err = st_set_build(&a->set, seed, &built, error);
    if (err == ST_OK) {
        st_set_sign_text(&room->keys->log, &a->set.device, &built.hash, text);
        st_sign(room->keys->device_secret, text, sizeof text, signature);
        err = st_set_finish(&a->set, &built, signature, &bytes, error);
    }
    if (err == ST_OK) {
        *out_bytes = store_bytes(st_arena_copy(a->arena, bytes.data, bytes.len), bytes.len);
        if (out_bytes->data == NULL)
            err = st_fail(error, ST_E_MEMORY, "author: out of memory");
    }
    st_unsigned_set_free(&built);
    st_buffer_free(&bytes);
    return err;
}

/* Nothing is kept, and who locks a period knows what that means: he is told the way out. */
static const char *late_sentence(const char *lang)
{
    return lang != NULL && strcmp(lang, "vi") == 0
               ? "kỳ của phiếu đã khóa sổ, không ghi gì vào phiếu; Hội đồng quyết định mở lại kỳ: "
                 "`move KỲ reopened --decision SỐ`"
               : "its period is locked, and nothing is written in it; a decision of the Council "
                 "opens the period again: `move PERIOD reopened --decision NO`";
}

/* A hold, said to the person who sits at the keyboard. */
static st_err refuse(const authoring *a, const sync_item *item, st_error *error)
{
    st_hold hold = item->verdict.held[0].reason;
    const char *why = item->detail[0] != '\0' ? item->detail
                      : hold == ST_HOLD_LATE   ? late_sentence(a->draft->lang)
                                               : st_hold_sentence(hold, "en");
    switch (hold) {
    case ST_HOLD_ROLE:
    case ST_HOLD_SCOPE:
        return st_fail(error, ST_E_DENIED, "%s", why);
    case ST_HOLD_NO_RECORD:
        return st_fail(error, ST_E_NOT_FOUND, "%s", why);
    case ST_HOLD_FORM:
    case ST_HOLD_VALUE:
        return st_fail(error, ST_E_VALUE, "%s", why);
    case ST_HOLD_LIMIT:
        return st_fail(error, ST_E_TOO_LARGE, "%s", why);
    default:
        return st_fail(error, ST_E_STATE, "%s", why);
    }
}

static st_err take_in(authoring *a, store_slice bytes, sync_authored *out, st_error *error)
{
    sync_item item;
    memset(&item, 0, sizeof item);
    st_err err = st_set_decode(bytes.data, bytes.len, a->arena, &item.set, error);
    if (err != ST_OK)
        return err;
    item.is_known = true;
    item.is_signed = true;
    err = sync_ingest_set(a->turn, &item, NULL, error);
    if (err == ST_OK && item.verdict.held_count > 0)
        err = refuse(a, &item, error);
    if (err == ST_OK && item.verdict.kind == ST_VERDICT_LATER)
        err = st_fail(error, ST_E_BUSY, "author: too much of this device waits in %s",
                      item.set.bucket.s);
    if (err != ST_OK)
        return err;
    for (uint32_t i = 0; i < item.set.changes_count; i++) {
        if (out->records != NULL)
            out->records[i] = item.set.changes[i].record;
        if (out->dots != NULL)
            out->dots[i] = item.set.changes[i].dot;
    }
    out->index = item.verdict.position;
    return write_hlc(a, error);
}

st_err sync_author_turn(writer_turn *turn, const sync_draft *draft, sync_authored *out_authored,
                        st_error *error)
{
    assert(draft->edits_count > 0);
    authoring a;
    st_arena arena;
    store_slice bytes = { 0 };
    memset(&a, 0, sizeof a);
    if (draft->edits_count > ST_SET_CHANGES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "author: more than %u changes",
                       ST_SET_CHANGES_MAX);
    st_arena_init(&arena, 256u * 1024u * 1024u);
    a.turn = turn;
    a.draft = draft;
    a.arena = &arena;
    st_err err = start_set(&a, error);
    for (uint32_t i = 0; err == ST_OK && i < draft->edits_count; i++)
        err = make_change(&a, i, &a.set.changes[i], error);
    if (err == ST_OK)
        err = sign_set(&a, &bytes, error);
    if (err == ST_OK)
        err = take_in(&a, bytes, out_authored, error);
    st_arena_reset(&arena);
    return err;
}

st_err sync_author_one(writer_turn *turn, const st_form *form, const sync_edit *edit,
                       st_id *out_record, st_error *error)
{
    sync_draft draft = { .role = sync_operator_role(form), .edits = edit, .edits_count = 1 };
    sync_authored authored = { .records = out_record };
    if (!sync_bucket(turn->room, ST_HOME_CATALOGUE, NULL, &draft.bucket))
        return st_fail(error, ST_E_SERVER, "the catalogue has no bucket");
    return sync_author_turn(turn, &draft, &authored, error);
}

typedef struct {
    const sync_draft *draft;
    sync_authored *authored;
} author_job;

static st_err run_author(writer_turn *turn, void *argument, st_error *error)
{
    author_job *job = argument;
    return sync_author_turn(turn, job->draft, job->authored, error);
}

st_err sync_author(writer *w, const sync_draft *draft, sync_authored *out_authored,
                   st_error *error)
{
    author_job author = { draft, out_authored };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_author;
    job.argument = &author;
    return writer_submit(w, &job, error);
}
