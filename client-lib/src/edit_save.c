/* client-lib/src/edit_save.c - checks a change and writes it: change, note, bucket, row,
 * counters in one transaction.
 * Promises: what the server could never take is refused here, with nothing written; the stored
 * change is the one that will be sealed and sent, byte for byte the same operations.
 * Never: a network, a second try. */
#include <stdio.h>
#include <string.h>

#include "client-lib/src/edit.h"
#include "proto/changeset.h"
#include "proto/merge.h"

static const st_field *op_field(const edit *e, const st_op *op)
{
    return st_form_at(e->view.form, &op->path, NULL);
}

/* What each operation replaces, unless a resolution said it, or the working copy: what came since
 * was not shown to who typed it. */
static st_err fill_replaces(edit *e, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; i < e->ops_count && err == ST_OK && !e->is_typed; i++) {
        st_op *op = &e->ops[i];
        if (op->verb == ST_VERB_RESOLVE || op->verb == ST_VERB_ITEM || op->verb == ST_VERB_REMARK)
            continue;
        const st_field *field = op_field(e, op);
        st_class cls = field == NULL ? ST_CLASS_PLAIN : field->cls;
        err = st_edit_replaces(&e->view.record, cls, &e->arena, op, error);
    }
    return err;
}

/* What is put right is a value; what is added or dropped needs the office to return the record. An
 * amendment does not settle between others. */
static st_err fail_frozen(const edit *e, st_error *error)
{
    bool is_value = true, settles = false;
    for (size_t i = 0; i < e->ops_count; i++) {
        settles = settles || e->ops[i].verb == ST_VERB_RESOLVE; /* with an item that says so */
        is_value = is_value && e->ops[i].verb == ST_VERB_SET;
    }
    return st_fail(error, ST_E_STATE, "the record is finalised; %s",
                   settles    ? "ask the office to settle it"
                   : is_value ? "use amend"
                              : "to add or drop something, ask the office to return it");
}

st_err edit_check_hands(const edit *e, st_error *error)
{
    static const struct {
        st_act_kind kind;
        const char *words;
    } HANDS[] = {
        { ST_ACT_VOID, "the office does not count the record" },
        { ST_ACT_LOCK, "the period is locked" },
        { ST_ACT_APPROVE, "the record is approved" },
        { ST_ACT_REVIEW, "the office has the record in hand" },
    };
    for (size_t i = 0; i < sizeof HANDS / sizeof HANDS[0]; i++) {
        bool looks = HANDS[i].kind == ST_ACT_REVIEW;
        bool may_amend = looks && e->change.act == ST_ACT_NONE;
        if (st_view_has_act(&e->view.record, HANDS[i].kind) && !(looks && e->change.amend))
            return st_fail(error, ST_E_STATE, "%s; %s", HANDS[i].words,
                           may_amend ? "use amend" : "ask the office");
    }
    return ST_OK;
}

/* After a withdrawal nothing is written, unless something stands against it. */
static st_err check_state(edit *e, st_error *error)
{
    st_acts_view acts;
    if (e->change.act != ST_ACT_NONE)
        return ST_OK; /* act.c looked at it */
    st_err err = edit_check_hands(e, error);
    if (err == ST_OK)
        err = st_view_acts(&e->view.record, &e->arena, &acts, error);
    if (err != ST_OK)
        return err;
    if (!acts.state_conflict && st_view_has_act(&e->view.record, ST_ACT_WITHDRAW))
        return st_fail(error, ST_E_STATE, "the record is withdrawn");
    /* Not sooner: to what is locked as well nothing is amended. */
    return st_change_is_frozen(&e->change) ? fail_frozen(e, error) : ST_OK;
}

static bool was_there(const edit *e, const st_under *act)
{
    for (uint32_t i = 0; i < e->typed_under_count; i++)
        if (st_dot_cmp(&e->typed_under[i].dot, &act->dot) == 0)
            return true;
    return false;
}

/* What was typed before an act came is not under it, however late it is saved. */
static st_err leave_unseen_acts(edit *e, st_error *error)
{
    st_change *change = &e->change;
    if (!e->is_typed || change->under_count == 0)
        return ST_OK;
    st_under *under = st_arena_array(&e->arena, change->under_count, sizeof *under);
    if (under == NULL)
        return st_fail(error, ST_E_MEMORY, "change: no memory");
    uint32_t count = 0;
    for (uint32_t i = 0; i < change->under_count; i++)
        if (was_there(e, &change->under[i]))
            under[count++] = change->under[i];
    change->under = under;
    change->under_count = count;
    return ST_OK;
}

static st_err refuse(st_hold hold, const char *detail, st_error *error)
{
    st_err err = ST_E_VALUE;
    if (hold == ST_HOLD_ROLE)
        err = ST_E_DENIED;
    if (hold == ST_HOLD_LIMIT)
        err = ST_E_TOO_LARGE;
    return st_fail(error, err, "%s", detail[0] == '\0' ? st_hold_sentence(hold, "en") : detail);
}

/* The first of the person's roles that may make this change. */
static st_err choose_role(edit *e, st_role *out_role, st_error *error)
{
    char detail[ST_FORM_DETAIL_BYTES] = "", first_detail[ST_FORM_DETAIL_BYTES] = "";
    st_hold first_hold = ST_HOLD_ROLE;
    uint32_t movers = st_form_movers(e->view.form);
    const identity *me = &e->client->next;
    for (uint32_t i = 0; i < me->roles_count; i++) {
        st_role role = me->roles[i];
        st_hold hold = st_form_check(e->view.form, &e->change, role, ST_VIA_DEVICE, detail);
        if (hold == ST_HOLD_NONE && e->change.act != ST_ACT_NONE && (movers & (1u << role)) == 0) {
            hold = ST_HOLD_ROLE;
            (void)snprintf(detail, sizeof detail, "record: this role may not do this with it");
        }
        if (hold == ST_HOLD_NONE) {
            *out_role = role;
            return ST_OK;
        }
        if (i == 0 || first_hold == ST_HOLD_ROLE) {
            first_hold = hold;
            memcpy(first_detail, detail, sizeof first_detail);
        }
    }
    return refuse(first_hold, first_detail, error);
}

static st_err check_limits(edit *e, st_error *error)
{
    if (st_change_encoded_size(&e->change) > ST_CHANGE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change: more than %u bytes", ST_CHANGE_BYTES_MAX);
    if (st_merge_over_limit(&e->view.record, &e->change))
        return st_fail(error, ST_E_TOO_LARGE,
                       "change: more than %u values side by side, or %u in the record",
                       ST_SIBLINGS_MAX, ST_RECORD_VALUES_MAX);
    return ST_OK;
}

st_err edit_change_put(sotay_client *client, const st_set *set, st_error *error)
{
    static const uint8_t NOBODY[ST_SIGNATURE_BYTES] = { 0 };
    uint8_t seed[ST_SEED_BYTES];
    st_unsigned_set built;
    st_buffer out;
    st_err err = port_random(client->book.port, seed, sizeof seed, error);
    if (err == ST_OK)
        err = st_set_build(set, seed, &built, error);
    if (err != ST_OK)
        return err;
    st_buffer_init(&out, (size_t)ST_SET_BYTES_MAX * 2);
    err = st_set_finish(set, &built, NOBODY, &out, error);
    book_key key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, set->first);
    if (err == ST_OK)
        err = book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    st_unsigned_set_free(&built);
    return err;
}

static void stamp(edit *e)
{
    st_change *change = &e->change;
    client_now(e->client, &change->wall_ms, &change->mono_ms);
    change->hlc = st_hlc_tick(&e->client->next.hlc, change->wall_ms);
    change->prev = e->bucket.here;
    change->ops = e->ops;
    change->ops_count = (uint32_t)e->ops_count;
}

static st_err write_change(edit *e, st_role role, st_error *error)
{
    sotay_client *client = e->client;
    st_set set;
    memset(&set, 0, sizeof set);
    set.device = e->change.dot.device;
    set.format = 1;
    set.first = e->change.dot.counter;
    set.here = e->bucket.here;
    set.bucket = e->view.record.bucket;
    memcpy(set.boot, client->boot, sizeof set.boot);
    set.scope_rev = client->next.scope_rev;
    set.seen_size = client->next.tree.head.size;
    set.seen_root = client->next.tree.head.root;
    set.role = role;
    set.fold_version = 1;
    set.changes = &e->change;
    set.changes_count = 1;
    st_err err = edit_change_put(client, &set, error);
    overlay_entry entry = { .dot = e->change.dot };
    if (err == ST_OK)
        err = overlay_put(&client->book, &e->change.record, &entry, error);
    client->next.counter = e->change.dot.counter;
    e->bucket.here = e->change.dot.counter;
    if (err == ST_OK)
        err = bucket_put(&client->book, &set.bucket, &e->bucket, error);
    return err;
}

/* Folds what was written into the view and refreshes the row. */
static st_err show_change(edit *e, st_role role, st_error *error)
{
    st_arrival arrival;
    memset(&arrival, 0, sizeof arrival);
    arrival.actor = e->client->next.person;
    arrival.role = role;
    st_fold_how how = { ST_FOLD_APPLY, false };
    e->view.has_own = true;
    st_err err = st_merge_fold(&e->view.vector, &e->view.record, &e->change, &arrival, how);
    if (err != ST_OK)
        return st_fail(error, err, "change: no memory");
    err = overlay_row_put(e->client, &e->view, &e->arena, error);
    if (err == ST_OK && e->is_typed) {
        book_key key = book_key_id(BOOK_DRAFT, &e->change.record);
        err = book_delete(&e->client->book, &key, error);
    }
    return err;
}

st_err edit_save(edit *e, st_error *error)
{
    st_role role = ST_ROLE_NONE;
    if (e->ops_count == 0 && e->change.act == ST_ACT_NONE && !e->change.creates)
        return ST_OK;
    st_err err = fill_replaces(e, error);
    stamp(e);
    if (err == ST_OK && e->change.act != ST_ACT_NONE)
        err =
            st_edit_context(&e->view.record, &e->view.vector, &e->arena, &e->change.context, error);
    if (err == ST_OK)
        err = st_edit_under(&e->view.record, &e->arena, &e->change, error);
    if (err == ST_OK)
        err = check_state(e, error);
    if (err == ST_OK)
        err = leave_unseen_acts(e, error);
    if (err == ST_OK)
        err = choose_role(e, &role, error);
    if (err == ST_OK)
        err = check_limits(e, error);
    if (err == ST_OK)
        err = write_change(e, role, error);
    if (err == ST_OK)
        err = show_change(e, role, error);
    if (err != ST_OK)
        return err;
    st_id record = e->change.record;
    e->ops = NULL;
    e->ops_count = e->ops_capacity = 0;
    e->is_typed = false;
    memset(&e->change, 0, sizeof e->change);
    e->change.dot.device = e->client->next.device;
    e->change.dot.counter = e->client->next.counter + 1;
    e->change.record = record;
    return ST_OK;
}

st_err edit_commit(edit *e, st_error *error)
{
    st_err err = edit_save(e, error);
    if (err == ST_OK && memcmp(&e->client->next, &e->client->me, sizeof e->client->me) == 0 &&
        !e->is_typed)
        return ST_OK; /* nothing was said */
    return err == ST_OK ? client_commit(e->client, error) : err;
}
