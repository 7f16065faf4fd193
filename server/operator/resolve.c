/* server/operator/resolve.c - the office settles different opinions: it keeps one of the values
 * that it saw, or writes its own where it may. Promises that a value which came in between is
 * never settled unseen: looking, comparing and writing are one transaction. What was seen, kept and
 * why also stands as an item of `settlements` in the same change (docs/data-model.md). */
#include <stdio.h>
#include <string.h>

#include "server/operator/write.h"

#define SHOWN_BYTES 48             /* of a value in an error line */
#define HEAD (1u << ST_ROLE_OFFICE_HEAD)
#define OFFICE (1u << ST_ROLE_OFFICE | HEAD)

/* One resolution on its way. */
typedef struct {
    operator_work *work;
    writer_turn *turn;
    auth_person person;
    operator_record got;
    operator_ops ops;              /* the resolution, then its item of `settlements` */
    st_span seen;                  /* live operations at the path when it was settled */
    sync_edit edit;
    sync_draft draft;
    st_dot keep;                   /* counter 0: --value */
} settlement;

/* Is the dot in the comma list? ST_E_VALUE: the list holds something that is no dot. */
static st_err seen_has(const char *list, const st_dot *dot, bool *out_has, st_error *error)
{
    char text[ST_DOT_TEXT_BYTES];
    st_dot seen;
    *out_has = false;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");
        if (len >= sizeof text)
            return st_fail(error, ST_E_VALUE, "--seen: '%.60s' is no dot", at);
        memcpy(text, at, len);
        text[len] = '\0';
        if (!st_dot_parse(text, &seen))
            return st_fail(error, ST_E_VALUE, "--seen: '%.60s' is no dot", text);
        if (st_dot_cmp(&seen, dot) == 0)
            *out_has = true;
        at += len;
        if (*at == '\0')
            return ST_OK;
    }
}

/* "12/03 hội trường…" of a value, cut between characters. */
static void value_text(settlement *s, const st_op *op, char text[SHOWN_BYTES])
{
    st_buffer label;
    const st_field *field = st_form_at(s->got.form, &op->path, NULL);
    st_buffer_init(&label, ST_VALUE_BYTES_MAX * 2);
    (void)snprintf(text, SHOWN_BYTES, "%s", s->work->vi ? "(để trống)" : "(cleared)");
    if (field != NULL && op->value.kind != ST_VALUE_NULL &&
        st_value_label(field, &op->value, s->work->call->lang, &label, NULL) == ST_OK) {
        size_t len = label.len < SHOWN_BYTES - 1 ? label.len : SHOWN_BYTES - 1;
        while (len > 0 && len < label.len && (label.data[len] & 0xC0) == 0x80)
            len--;
        memcpy(text, label.data, len);
        text[len] = '\0';
        for (char *p = text; *p != '\0'; p++)
            *p = *p == '\n' ? ' ' : *p;         /* a refusal is one line */
    }
    st_buffer_free(&label);
}

static st_err changed(settlement *s, const st_live *live, st_error *error)
{
    char text[SHOWN_BYTES], dot[ST_DOT_TEXT_BYTES];
    auth_person author = { .login = { "?" } };
    const st_meta *meta = &s->got.record.metas[live->meta];
    value_text(s, &live->op, text);
    st_dot_format(&meta->dot, dot);
    if (auth_person_get(s->turn->txn, &meta->actor, &author, NULL) != ST_OK)
        author.login.s[0] = '?';
    return st_fail(error, ST_E_CHANGED, s->work->vi ? "mới có \"%s\" của %s, %s"
                                                    : "new: \"%s\" by %s, %s",
                   text, author.login.s, dot);
}

/* Was every live value of the span looked at? One that equals a value seen needs no second look. */
static st_err check_seen(settlement *s, st_span span, st_error *error)
{
    const st_record *record = &s->got.record;
    const char *list = s->work->options.seen;
    if (list == NULL)
        return ST_OK;
    for (size_t i = span.first; i < span.first + span.count; i++) {
        bool known = false;
        for (size_t k = span.first; k < span.first + span.count && !known; k++) {
            if (!st_value_equal(&record->lives[i].op.value, &record->lives[k].op.value))
                continue;
            st_err err = seen_has(list, &record->metas[record->lives[k].meta].dot, &known, error);
            if (err != ST_OK)
                return err;
        }
        if (!known)
            return changed(s, &record->lives[i], error);
    }
    return ST_OK;
}

static st_err replace_all(settlement *s, st_span span, st_op *op, st_error *error)
{
    st_dot *dots = st_arena_array(s->turn->arena, span.count, sizeof *dots);
    if (dots == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory for a resolution");
    for (size_t i = 0; i < span.count; i++) {
        const st_live *live = &s->got.record.lives[span.first + i];
        dots[i] = s->got.record.metas[live->meta].dot;
    }
    op->replaces = dots;
    op->replaces_count = (uint32_t)span.count;
    return ST_OK;
}

/* The live operation with the dot that is to be kept; SIZE_MAX: none. */
static size_t find_kept(const settlement *s, st_span span)
{
    for (size_t i = span.first; i < span.first + span.count; i++)
        if (st_dot_cmp(&s->got.record.metas[s->got.record.lives[i].meta].dot, &s->keep) == 0)
            return i;
    return SIZE_MAX;
}

static st_err no_such_value(const settlement *s, st_error *error)
{
    return st_fail(error, ST_E_NOT_FOUND, "no value here has the dot %.60s",
                   s->work->options.keep);
}

static bool is_office(const auth_person *person)
{
    return operator_role_of(person, OFFICE) != ST_ROLE_NONE;
}

/* ---- a value ---- */

static st_err keep_value(settlement *s, st_span span, st_op *op, st_error *error)
{
    const st_record *record = &s->got.record;
    size_t at = find_kept(s, span);
    if (at == SIZE_MAX)
        return no_such_value(s, error);
    const st_meta *meta = &record->metas[record->lives[at].meta];
    if (record->lives[at].op.value.kind == ST_VALUE_ERASED)
        return st_fail(error, ST_E_STATE, "%.60s was erased: keep another value, or write one",
                       s->work->options.keep);
    op->value = record->lives[at].op.value;
    op->kept = meta->dot;
    op->kept_actor = meta->actor;
    if (!is_office(&s->person))
        return st_fail(error, ST_E_DENIED, "'%s' is neither office nor office_head",
                       s->person.login.s);
    s->draft.role = operator_role_of(&s->person, OFFICE);
    return ST_OK;
}

static st_err write_value(settlement *s, const st_field *field, st_op *op, st_error *error)
{
    operator_ops one = { .arena = s->turn->arena, .form = s->got.form, .ops = op, .count = 1 };
    operator_wish wish = { s->got.form, &one, false };
    st_err err = st_value_parse(field, s->work->options.value, s->turn->arena, &op->value, error);
    return err == ST_OK ? operator_choose_role(s->work, &s->person, &wish, &s->draft.role, error)
                        : err;
}

static st_err settle_value(settlement *s, const st_path *path, st_error *error)
{
    const st_field *field = st_form_at(s->got.form, path, NULL);
    st_span span = st_record_path(&s->got.record, path);
    bool settles = field->cls == ST_CLASS_DECISIVE || field->cls == ST_CLASS_PLAIN;
    st_op *op = st_arena_get(s->turn->arena, sizeof *op);
    if (op == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory for a resolution");
    *op = (st_op){ .path = *path, .verb = ST_VERB_RESOLVE };
    st_err err = check_seen(s, span, error);
    if (err == ST_OK && s->keep.counter != 0 && find_kept(s, span) == SIZE_MAX)
        err = no_such_value(s, error);
    if (err == ST_OK && (!settles || span.count < 2))
        err = st_fail(error, ST_E_STATE, "%.80s: there are no different opinions",
                      s->work->operands[1]);
    if (err == ST_OK)
        err = s->keep.counter != 0 ? keep_value(s, span, op, error)
                                   : write_value(s, field, op, error);
    if (err == ST_OK)
        err = replace_all(s, span, op, error);
    if (err == ST_OK)
        err = operator_ops_add(&s->ops, op, error);
    s->seen = span;
    return err;
}

/* ---- an item that somebody dropped and somebody edited ---- */

/* Keeping a drop drops it again, with everything known by now; keeping anything else keeps it. */
static st_err settle_item(settlement *s, const st_path *path, st_error *error)
{
    const st_record *record = &s->got.record;
    st_span drops = st_record_path(record, path);
    size_t at = find_kept(s, drops);
    bool drop = at != SIZE_MAX && record->lives[at].op.value.kind == ST_VALUE_INT;
    for (size_t i = 0; i < record->lives_count && at == SIZE_MAX; i++) {
        const st_path *other = &record->lives[i].op.path;
        bool same = other->group == path->group && other->place == path->place &&
                    st_dot_cmp(&other->item, &path->item) == 0;
        if (same && st_dot_cmp(&record->metas[record->lives[i].meta].dot, &s->keep) == 0)
            at = i;
    }
    st_op *op = st_arena_get(s->turn->arena, sizeof *op);
    st_err err = op == NULL ? st_fail(error, ST_E_MEMORY, "no memory for a resolution")
                            : check_seen(s, drops, error);
    if (err == ST_OK && at == SIZE_MAX)
        err = no_such_value(s, error);
    if (err != ST_OK)
        return err;
    *op = (st_op){ .path = *path, .verb = drop ? ST_VERB_DROP : ST_VERB_KEEP };
    op->value = drop ? (st_value){ .kind = ST_VALUE_INT, .number = 1 } : (st_value){ 0 };
    s->draft.role = operator_role_of(&s->person, UINT32_MAX);
    s->seen = drops;
    return operator_ops_add(&s->ops, op, error);
}

/* ---- acts ---- */

/* Was every act in force looked at? */
static st_err check_acts_seen(const settlement *s, const st_acts_view *acts, st_error *error)
{
    const char *list = s->work->options.seen;
    for (size_t i = 0; list != NULL && i < acts->acts_count; i++) {
        bool known;
        const st_meta *act = &s->got.record.metas[acts->acts[i]];
        st_err err = seen_has(list, &act->dot, &known, error);
        if (err != ST_OK)
            return err;
        if (!known)
            return st_fail(error, ST_E_CHANGED, "new: %s", st_act_name(act->act));
    }
    return ST_OK;
}

/* Who may let the change hold: as in a move, the office's acts are the office's, and back from an
 * approval, or from not being counted, leads office_head's way alone. */
static uint32_t keepers(const settlement *s, const st_acts_view *acts, st_act_kind kept)
{
    bool is_move = kept == ST_ACT_REVIEW || kept == ST_ACT_RETURN || kept == ST_ACT_APPROVE ||
                   kept == ST_ACT_VOID;
    uint32_t roles = is_move ? OFFICE : st_form_movers(s->got.form);
    for (size_t i = 0; i < acts->acts_count; i++) {
        st_act_kind ended = s->got.record.metas[acts->acts[i]].act;
        if (ended != kept && (ended == ST_ACT_APPROVE || ended == ST_ACT_VOID))
            roles &= HEAD;
    }
    return roles;
}

static st_err check_kept(const settlement *s, const st_acts_view *acts, size_t meta,
                         st_error *error)
{
    const st_record *record = &s->got.record;
    if (!acts->state_conflict)
        return st_fail(error, ST_E_STATE, "state: there are no different opinions");
    if (s->keep.counter == 0 || meta == SIZE_MAX || !st_view_may_hold(record, acts, meta))
        return no_such_value(s, error);
    if (record->metas[meta].act != ST_ACT_LOCK && st_view_has_act(record, ST_ACT_LOCK))
        return st_fail(error, ST_E_STATE,
                       s->work->vi ? "kỳ đã khóa sổ: mở lại theo quyết định của Hội đồng, bằng "
                                     "`move KỲ reopened --decision SỐ`"
                                   : "the period is locked: a decision of the Council opens it "
                                     "again, by `move PERIOD reopened --decision NO`");
    return ST_OK;
}

/* Keeping an act does it again, knowing everything by now; keeping an edit opens the record. */
static st_err settle_state(settlement *s, st_error *error)
{
    const st_record *record = &s->got.record;
    st_acts_view acts;
    size_t meta = st_record_meta(record, &s->keep);
    st_err err = st_view_acts(record, s->turn->arena, &acts, error);
    if (err == ST_OK)
        err = check_acts_seen(s, &acts, error);
    if (err == ST_OK)
        err = check_kept(s, &acts, meta, error);
    if (err != ST_OK)
        return err;
    st_act_kind kept = record->metas[meta].act;
    s->edit.act = kept == ST_ACT_NONE ? ST_ACT_OPEN : kept;
    s->draft.role = operator_role_of(&s->person, keepers(s, &acts, kept));
    if (s->draft.role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "no role of '%.32s' may let that hold",
                       s->person.login.s);
    return ST_OK;
}

/* ---- the item of `settlements` ---- */

#define SEEN_BYTES 8000            /* of the field `values_seen`: over 100 dots */

/* The dots of what was live, by commas, as many as the field has room for. */
static st_err seen_text(const settlement *s, st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < s->seen.count; i++) {
        const st_live *live = &s->got.record.lives[s->seen.first + i];
        char dot[ST_DOT_TEXT_BYTES];
        st_dot_format(&s->got.record.metas[live->meta].dot, dot);
        if (out->len + strlen(dot) + 1 >= SEEN_BYTES)
            break;
        err = st_buffer_printf(out, error, "%s%s", i > 0 ? "," : "", dot);
    }
    return err == ST_OK ? st_buffer_append(out, "", 1, error) : err;
}

/* Forms without the group, and roles that do not write in it, have no such item. */
static bool has_settlements(const settlement *s)
{
    const st_group *group = st_form_group(s->got.form, "settlements");
    const st_field *path = group == NULL ? NULL : st_group_field(group, "path");
    return path != NULL && (path->write & 1u << (unsigned)s->draft.role) != 0;
}

static st_err add_item(settlement *s, const char *seen, st_error *error)
{
    const operator_item item = { "settlements", 0 };
    const char *reason = NULL;
    char kept[ST_DOT_TEXT_BYTES] = "", person[33];
    st_err err = s->work->options.reason == NULL ? ST_OK : operator_reason(s->work, &reason, error);
    st_id_format(&s->person.id, person);
    if (s->keep.counter != 0)
        st_dot_format(&s->keep, kept);
    const char *const PARTS[][2] = { { "path", s->work->operands[1] },
                                     { "values_seen", seen },
                                     { "kept", kept },
                                     { "reason", reason },
                                     { "decided_by", person } };
    for (size_t i = 0; err == ST_OK && i < sizeof PARTS / sizeof PARTS[0]; i++)
        if (PARTS[i][1] != NULL && PARTS[i][1][0] != '\0')
            err = operator_ops_item(&s->ops, item, PARTS[i][0], PARTS[i][1], error);
    return err;
}

static st_err note_settlement(settlement *s, st_error *error)
{
    st_buffer seen;
    if (s->ops.count == 0 || !has_settlements(s))
        return ST_OK;
    st_buffer_init(&seen, SEEN_BYTES);
    st_err err = seen_text(s, &seen, error);
    if (err == ST_OK)
        err = add_item(s, (const char *)seen.data, error);
    st_buffer_free(&seen);
    return err;
}

/* ---- the verb ---- */

/* The register of a contested item by its text `findings.<item>`. */
static st_err find_item(settlement *s, const char *text, st_path *out_path, bool *out_found,
                        st_error *error)
{
    const st_conflict *conflicts;
    size_t count = 0;
    char path[ST_PATH_TEXT_BYTES];
    *out_found = false;
    st_err err = st_show_conflicts(s->got.form, &s->got.record, s->turn->arena, &conflicts,
                                   &count, error);
    for (size_t i = 0; err == ST_OK && i < count && !*out_found; i++) {
        if (conflicts[i].is_state || conflicts[i].path.kind != ST_PATH_DROP)
            continue;
        st_form_path_format(s->got.form, &conflicts[i].path, path);
        *out_path = conflicts[i].path;
        *out_found = strcmp(path, text) == 0;
    }
    return err;
}

static st_err settle_path(settlement *s, st_error *error)
{
    const char *text = s->work->operands[1];
    st_path path;
    bool is_item = false;
    if (strcmp(text, "state") == 0 && s->work->options.value == NULL)
        return settle_state(s, error);
    st_err err = find_item(s, text, &path, &is_item, error);
    if (err == ST_OK && is_item)
        return settle_item(s, &path, error);
    if (err == ST_OK)
        err = st_form_path_parse(s->got.form, text, &path, error);
    return err == ST_OK ? settle_value(s, &path, error) : err;
}

static st_err settle(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    (void)argument;
    settlement s = { .work = work, .turn = turn,
                     .draft = { .edits_count = 1, .lang = work->call->lang } };
    if (work->options.keep != NULL && !st_dot_parse(work->options.keep, &s.keep))
        return st_fail(error, ST_E_VALUE, "--keep: '%.60s' is no dot", work->options.keep);
    st_err err = operator_actor(work, turn->txn, &s.person, error);
    if (err == ST_OK && operator_role_of(&s.person, UINT32_MAX) == ST_ROLE_NONE)
        err = st_fail(error, ST_E_DENIED, "'%.32s' has no role of the office", s.person.login.s);
    if (err == ST_OK)
        err = operator_record_get(work, turn->txn, turn->arena, &s.got, error);
    s.ops = (operator_ops){ .arena = turn->arena, .form = s.got.form };
    if (err == ST_OK)
        err = settle_path(&s, error);
    if (err == ST_OK)
        err = note_settlement(&s, error);
    if (err == ST_OK)
        err = operator_reason_value(work, &s.edit.reason, error);
    if (err == ST_OK)
        err = operator_is_final(&s.got.record, turn->arena, &s.edit.amend, error);
    if (err != ST_OK)
        return err;
    if (s.edit.act != ST_ACT_NONE)
        s.edit.amend = false;
    s.edit.ops = s.ops.ops;
    s.edit.ops_count = (uint32_t)s.ops.count;
    s.edit.record = s.got.record.id;
    s.draft.bucket = s.got.record.bucket;
    s.draft.actor = s.person.id;
    s.draft.edits = &s.edit;
    sync_authored authored = { .records = NULL };
    return sync_author_turn(turn, &s.draft, &authored, error);
}

int operator_resolve(operator_work *work)
{
    if ((work->options.keep == NULL) == (work->options.value == NULL))
        return operator_misuse(work, "cần một trong hai: --keep DOT hoặc --value V",
                               "either --keep DOT or --value V is needed");
    return operator_write(work, settle, NULL) == ST_OK ? 0 : operator_fail(work);
}
