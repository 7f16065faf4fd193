/* client-lib/src/act.c - acts on a whole record, amendments and resolutions: the public calls.
 * Promises: an act's context is exactly what this phone had folded in; a resolution settles exactly
 * the values that were looked at.
 * Never: a state that a phone may not move to. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/src/draft.h"
#include "client-lib/src/review.h"
#include "proto/merge.h"

static bool has_act(const edit *e, st_act_kind kind)
{
    return st_view_has_act(&e->view.record, kind);
}

/* May the record be finalised? Who settles a difference about its state, too, passes this gate. */
static st_err check_finalise(edit *e, const st_acts_view *acts, st_error *error)
{
    bool is_settled = !acts->changed_since && !acts->state_conflict;
    if (e->view.form->life != ST_LIFE_VISIT)
        return st_fail(error, ST_E_STATE, "finalise: a record of this kind is not finalised");
    if (is_settled && has_act(e, ST_ACT_FINALISE))
        return st_fail(error, ST_E_STATE, "finalise: it is finalised already");
    return review_gate(e->client, &e->view, error);
}

/* The acts in force, of a record that a phone may make this act on. */
static st_err begin_act(edit *e, st_act_kind kind, st_acts_view *out_acts, st_error *error)
{
    e->change.act = kind;
    st_err err = edit_check_hands(e, error);
    return err == ST_OK ? st_view_acts(&e->view.record, &e->arena, out_acts, error) : err;
}

int sotay_record_finalise(sotay_client *client, const sotay_id *record, sotay_error *error)
{
    edit e;
    st_acts_view acts;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = draft_take(&e, &inner);
    if (err == ST_OK)
        err = edit_save(&e, &inner);
    if (err == ST_OK)
        err = begin_act(&e, ST_ACT_FINALISE, &acts, &inner);
    if (err == ST_OK)
        err = check_finalise(&e, &acts, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

static int act_with_reason(sotay_client *client, const sotay_id *record, st_act_kind kind,
                           const char *reason, sotay_error *error)
{
    edit e;
    st_acts_view acts;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = begin_act(&e, kind, &acts, &inner);
    bool withdrawn = err == ST_OK && has_act(&e, ST_ACT_WITHDRAW);
    if (err == ST_OK && kind == ST_ACT_WITHDRAW && withdrawn && !acts.state_conflict)
        err = st_fail(&inner, ST_E_STATE, "withdraw: it is withdrawn already");
    if (err == ST_OK && kind == ST_ACT_OPEN && !withdrawn)
        err = st_fail(&inner, ST_E_STATE, "reopen: it is not withdrawn");
    if (err == ST_OK)
        err = edit_reason(&e, reason, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

int sotay_record_withdraw(sotay_client *client, const sotay_id *record, const char *reason,
                          sotay_error *error)
{
    return act_with_reason(client, record, ST_ACT_WITHDRAW, reason, error);
}

int sotay_record_reopen(sotay_client *client, const sotay_id *record, const char *reason,
                        sotay_error *error)
{
    return act_with_reason(client, record, ST_ACT_OPEN, reason, error);
}

/* ---- amend ---- */

/* How often the record was finalised: the revision that is amended. */
static unsigned revision_of(const st_record *record)
{
    unsigned count = 0;
    for (size_t i = 0; i < record->metas_count; i++)
        count += record->metas[i].act == ST_ACT_FINALISE ? 1u : 0u;
    return count == 0 ? 1 : count;
}

/* The item in `amendments` that says what was corrected by the last operation, and why. */
static st_err amendment_item(edit *e, uint16_t place, const sotay_pair *pair, const char *reason,
                             st_error *error)
{
    const st_group *group = st_form_group(e->view.form, "amendments");
    char revision[16];
    const char *old = NULL;
    const st_path path = e->ops[e->ops_count - 1].path;
    if (group == NULL || group->keyed)
        return ST_OK;
    st_err err = edit_shown_text(e, &path, st_form_at(e->view.form, &path, NULL), &old, error);
    if (err != ST_OK)
        return err;
    (void)snprintf(revision, sizeof revision, "%u", revision_of(&e->view.record));
    const sotay_pair PARTS[] = {
        { "revision", revision }, { "path", pair->path },
        { "old", old },           { "new", pair->value == NULL ? "" : pair->value },
        { "reason", reason },
    };
    for (size_t i = 0; err == ST_OK && i < sizeof PARTS / sizeof PARTS[0]; i++)
        if (PARTS[i].value[0] != '\0' && st_group_field(group, PARTS[i].path) != NULL)
            err = edit_item_field(e, group, place, PARTS[i], error);
    return err;
}

static st_err amend(edit *e, sotay_pairs pairs, const char *reason, st_error *error)
{
    st_err err = ST_OK;
    if (!has_act(e, ST_ACT_FINALISE) && !has_act(e, ST_ACT_RETURN) && !has_act(e, ST_ACT_REVIEW))
        err = st_fail(error, ST_E_STATE, "amend: the record is not finalised; use set");
    if (err == ST_OK && pairs.count == 0)
        err = st_fail(error, ST_E_VALUE, "amend: nothing to correct");
    if (err == ST_OK && pairs.count > UINT16_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "amend: too many values");
    e->change.amend = true;
    if (err == ST_OK)
        err = edit_reason(e, reason, error);
    for (size_t i = 0; err == ST_OK && i < pairs.count; i++) {
        err = edit_field(e, pairs.pairs[i].path, pairs.pairs[i].value, error);
        if (err == ST_OK)
            err = amendment_item(e, (uint16_t)i, &pairs.pairs[i], reason, error);
    }
    return err;
}

int sotay_record_amend(sotay_client *client, const sotay_id *record, sotay_pairs pairs,
                       const char *reason, sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = amend(&e, pairs, reason, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

/* ---- resolve ---- */

static bool seen_has(const char *seen, const char *dot)
{
    size_t len = strlen(dot);
    for (const char *at = strstr(seen, dot); at != NULL; at = strstr(at + 1, dot)) {
        bool begins = at == seen || at[-1] == ',' || at[-1] == ' ';
        if (begins && (at[len] == '\0' || at[len] == ',' || at[len] == ' '))
            return true;
    }
    return false;
}

/* The dots of the span become what is replaced; each must have been seen. */
static st_err take_span(edit *e, st_span span, const char *seen, st_op *op, st_error *error)
{
    st_dot *dots = st_arena_array(&e->arena, span.count, sizeof *dots);
    char text[ST_DOT_TEXT_BYTES];
    if (dots == NULL)
        return st_fail(error, ST_E_MEMORY, "resolve: no memory");
    for (size_t i = 0; i < span.count; i++) {
        const st_record *record = &e->view.record;
        dots[i] = record->metas[record->lives[span.first + i].meta].dot;
        st_dot_format(&dots[i], text);
        if (seen != NULL && !seen_has(seen, text))
            return st_fail(error, ST_E_CHANGED, "resolve: a value came in between: %s", text);
    }
    op->replaces = dots;
    op->replaces_count = (uint32_t)span.count;
    return ST_OK;
}

/* Every dot of `seen` must still be live: else somebody settled it meanwhile. */
static st_err check_seen(const st_op *op, const char *seen, st_error *error)
{
    size_t given = 0;
    for (const char *at = seen; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, ", ");
        given += len > 0 ? 1 : 0;
        at += len + (at[len] == '\0' ? 0 : 1);
    }
    if (seen != NULL && given != op->replaces_count)
        return st_fail(error, ST_E_CHANGED, "resolve: %zu values were looked at, %u are there now",
                       given, op->replaces_count);
    return ST_OK;
}

static st_err keep_value(edit *e, st_span span, const char *keep, st_op *op, st_error *error)
{
    st_dot dot;
    const st_record *record = &e->view.record;
    if (!st_dot_parse(keep, &dot))
        return st_fail(error, ST_E_VALUE, "resolve: '%.60s' does not name a value", keep);
    for (size_t i = 0; i < span.count; i++) {
        const st_live *live = &record->lives[span.first + i];
        const st_meta *meta = &record->metas[live->meta];
        if (st_dot_cmp(&meta->dot, &dot) != 0)
            continue;
        if (live->op.value.kind == ST_VALUE_ERASED)
            return st_fail(error, ST_E_STATE, "resolve: %.60s was erased: keep another value, or "
                                              "write one", keep);
        op->value = live->op.value;
        op->kept = dot;
        op->kept_actor = meta->actor;
        return ST_OK;
    }
    return st_fail(error, ST_E_NOT_FOUND, "resolve: %.60s is none of the values there now", keep);
}

#define SEEN_BYTES 8000 /* of the field `values_seen`: over 100 dots */

/* The item in `settlements` that says what was settled by `op`, what had been seen, and why. */
static st_err settlement_item(edit *e, const st_op *op, const sotay_resolution *wish,
                              st_error *error)
{
    const st_group *group = st_form_group(e->view.form, "settlements");
    char *seen = st_arena_get(&e->arena, SEEN_BYTES), person[33];
    size_t len = 0;
    if (group == NULL || group->keyed)
        return ST_OK;
    if (seen == NULL)
        return st_fail(error, ST_E_MEMORY, "resolve: no memory");
    seen[0] = '\0';
    for (uint32_t i = 0; i < op->replaces_count && len + ST_DOT_TEXT_BYTES + 1 < SEEN_BYTES; i++) {
        seen[len] = ',';
        len += i > 0 ? 1 : 0;
        st_dot_format(&op->replaces[i], seen + len);
        len += strlen(seen + len);
    }
    st_id_format(&e->client->me.person, person);
    const sotay_pair PARTS[] = {
        { "path", wish->path },     { "values_seen", seen },   { "kept", wish->keep },
        { "reason", wish->reason }, { "decided_by", person },
    };
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof PARTS / sizeof PARTS[0]; i++)
        if (PARTS[i].value != NULL && PARTS[i].value[0] != '\0' &&
            st_group_field(group, PARTS[i].path) != NULL)
            err = edit_item_field(e, group, 0, PARTS[i], error);
    return err;
}

static st_err resolve_value(edit *e, const sotay_resolution *wish, st_error *error)
{
    st_op op;
    memset(&op, 0, sizeof op);
    st_err err = st_form_path_parse(e->view.form, wish->path, &op.path, error);
    if (err != ST_OK)
        return err;
    const st_field *field = st_form_at(e->view.form, &op.path, NULL);
    assert(field != NULL); /* a path that was parsed is one of a field */
    if (field->cls == ST_CLASS_SET)
        return st_fail(error, ST_E_VALUE, "%.80s: nothing to resolve there", wish->path);
    st_span span = st_record_path(&e->view.record, &op.path);
    if (span.count == 0)
        return st_fail(error, ST_E_STATE, "%.80s: there is no value to settle", wish->path);
    bool settles = field->cls == ST_CLASS_DECISIVE || field->cls == ST_CLASS_PLAIN;
    op.verb = ST_VERB_RESOLVE;
    err = take_span(e, span, wish->seen, &op, error);
    if (err == ST_OK)
        err = check_seen(&op, wish->seen, error);
    if (err == ST_OK && wish->keep != NULL)
        err = keep_value(e, span, wish->keep, &op, error);
    else if (err == ST_OK && wish->value != NULL)
        err = st_value_parse(field, wish->value, &e->arena, &op.value, error);
    if (err == ST_OK && (!settles || span.count < 2))
        err = st_fail(error, ST_E_STATE, "%.80s: there are no different opinions", wish->path);
    if (err == ST_OK)
        err = edit_op(e, &op, error);
    return err == ST_OK ? settlement_item(e, &op, wish, error) : err;
}

/* An act that nobody looked at is not ended. */
static st_err check_acts_seen(const edit *e, const st_acts_view *acts, const char *seen,
                              st_error *error)
{
    char text[ST_DOT_TEXT_BYTES];
    for (size_t i = 0; seen != NULL && i < acts->acts_count; i++) {
        st_dot_format(&e->view.record.metas[acts->acts[i]].dot, text);
        if (!seen_has(seen, text))
            return st_fail(error, ST_E_CHANGED, "state: an act came in between: %s", text);
    }
    return ST_OK;
}

/* Acts against each other, or an edit against a withdrawal: the kept one is made anew over all that
 * is known, and ends the others. Keeping an edit reopens the record. */
static st_err resolve_state(edit *e, const sotay_resolution *wish, st_error *error)
{
    st_dot dot;
    st_acts_view acts;
    if (wish->keep == NULL || !st_dot_parse(wish->keep, &dot))
        return st_fail(error, ST_E_VALUE, "state: name the act or edit to keep");
    size_t at = st_record_meta(&e->view.record, &dot);
    if (at == SIZE_MAX)
        return st_fail(error, ST_E_NOT_FOUND, "state: %.60s is not in this record", wish->keep);
    st_act_kind kept = e->view.record.metas[at].act;
    st_err err = begin_act(e, kept == ST_ACT_NONE ? ST_ACT_OPEN : kept, &acts, error);
    if (err == ST_OK)
        err = check_acts_seen(e, &acts, wish->seen, error);
    if (err != ST_OK)
        return err;
    if (!acts.state_conflict)
        return st_fail(error, ST_E_STATE, "state: there are no different opinions");
    if (!st_view_may_hold(&e->view.record, &acts, at))
        return st_fail(error, ST_E_NOT_FOUND, "state: %.60s does not hold any more", wish->keep);
    if (kept == ST_ACT_RETURN) /* of the office's acts in force the only one in nobody's hand */
        return st_fail(error, ST_E_STATE, "state: that step is the office's to take");
    return kept == ST_ACT_FINALISE ? check_finalise(e, &acts, error) : ST_OK;
}

int sotay_record_resolve(sotay_client *client, const sotay_id *record, const sotay_resolution *wish,
                         sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = edit_reason(&e, wish->reason, &inner);
    if (err == ST_OK && strcmp(wish->path, "state") == 0)
        err = resolve_state(&e, wish, &inner);
    else if (err == ST_OK)
        err = resolve_value(&e, wish, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}
