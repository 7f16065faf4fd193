/* server/operator/move.c - moves of a whole record that are the office's: a period is locked and
 * opened again (visits: review.c). Promises that each move is a signed change with its author and
 * reason; must never touch a record of the period: what arrives late is held
 * (server/sync/lock.h). */
#include <stdio.h>
#include <string.h>

#include "server/operator/write.h"
#include "server/sync/lock.h"

typedef struct {
    st_act_kind act;               /* what is asked for */
    char name[ST_CODE_BYTES_MAX + 1]; /* result: of the period */
} move_wish;

typedef struct {
    operator_work *work;
    store_txn *txn;
    st_arena *arena;
    operator_record got;
    const char *wanted;            /* a period_id */
    bool found;
    st_err err;
} period_search;

static bool is_period(void *context, const st_row *row)
{
    period_search *s = context;
    char id[ST_CODE_BYTES_MAX + 1];
    s->err = sync_record_get(s->txn, &row->id, s->arena, &s->got.record, NULL, &s->work->error);
    if (s->err != ST_OK)
        return false;
    s->got.form = sync_record_form(s->work->room, &s->got.record);
    if (s->got.form == NULL)
        return true;
    catalogue_text(s->got.form, &s->got.record, "period_id", id, sizeof id);
    s->found = strcmp(id, s->wanted) == 0;
    return !s->found;
}

/* The period of operand 0: its record id, or what people call it ("2026"). */
static st_err find_period(operator_work *work, writer_turn *turn, operator_record *out,
                          st_error *error)
{
    period_search s = { .work = work, .txn = turn->txn, .arena = turn->arena,
                        .wanted = work->operands[0] };
    const sync_filter filter = { .form = SYNC_FORM_PERIOD };
    if (strlen(s.wanted) == 32)
        return operator_record_get(work, turn->txn, turn->arena, out, error);
    st_err err = sync_row_each(turn->txn, &filter, is_period, &s, error);
    if (err == ST_OK)
        err = s.err;
    if (err == ST_OK && !s.found)
        return st_fail(error, ST_E_NOT_FOUND, "no record and no period '%.40s'", s.wanted);
    *out = s.got;
    return err;
}

/* May the period go there from where it is? */
static st_err check_move(const operator_record *got, const move_wish *wish, st_arena *arena,
                         st_error *error)
{
    st_acts_view acts;
    bool locked = false;
    if (strcmp(got->form->name, SYNC_FORM_PERIOD) != 0)
        return st_fail(error, ST_E_USAGE, "a record of '%.40s' is not moved: only periods are",
                       got->form->name);
    st_err err = st_view_acts(&got->record, arena, &acts, error);
    for (size_t i = 0; err == ST_OK && i < acts.acts_count; i++)
        locked = locked || got->record.metas[acts.acts[i]].act == ST_ACT_LOCK;
    if (err != ST_OK || locked == (wish->act == ST_ACT_OPEN))
        return err;
    return st_fail(error, ST_E_STATE, locked ? "the period is locked already"
                                             : "the period is not locked");
}

/* "12/QĐ-HĐ — reason": a move in the log says by what decision. */
static st_err reason_of(operator_work *work, st_arena *arena, st_value *out, st_error *error)
{
    const char *number = work->options.decision, *why = work->options.reason;
    st_err err = operator_reason_value(work, out, error);
    if (err != ST_OK || number == NULL)
        return err;
    size_t room = strlen(number) + (why == NULL ? 0 : strlen(why)) + 8;
    char *text = st_arena_array(arena, room, 1);
    if (text == NULL)
        return st_fail(error, ST_E_MEMORY, "move: out of memory");
    (void)snprintf(text, room, "%s%s%s", number, why == NULL ? "" : " — ", why == NULL ? "" : why);
    const char *whole = work->options.reason;
    work->options.reason = text;
    err = operator_reason_value(work, out, error);
    work->options.reason = whole;
    return err;
}

static st_err move_period(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    move_wish *wish = argument;
    auth_person person;
    operator_record got = { .form = NULL };
    sync_draft draft = { .edits_count = 1, .lang = work->call->lang };
    sync_edit edit = { .act = wish->act };
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = find_period(work, turn, &got, error);
    if (err == ST_OK)
        err = check_move(&got, wish, turn->arena, error);
    if (err == ST_OK)
        err = reason_of(work, turn->arena, &edit.reason, error);
    if (err != ST_OK)
        return err;
    draft.role = operator_role_of(&person, st_form_movers(got.form));
    if (draft.role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "'%s' is neither of the office nor council_chair",
                       person.login.s);
    edit.record = got.record.id;
    draft.bucket = got.record.bucket;
    draft.actor = person.id;
    draft.edits = &edit;
    catalogue_text(got.form, &got.record, "period_id", wish->name, sizeof wish->name);
    sync_authored authored = { .records = NULL };
    return sync_author_turn(turn, &draft, &authored, error);
}

int operator_move(operator_work *work)
{
    move_wish wish = { ST_ACT_NONE, "" };
    const char *state = work->operands[1];
    if (operator_is_visit_state(state))
        return operator_move_visit(work);
    if (strcmp(state, "locked") == 0)
        wish.act = ST_ACT_LOCK;
    else if (strcmp(state, "reopened") == 0)
        wish.act = ST_ACT_OPEN;
    else {
        operator_complain(work,
                          work->vi ? "'%.40s': phiếu kiểm tra chuyển sang under_review, returned, "
                                     "approved hoặc void; kỳ chuyển sang locked hoặc reopened"
                                   : "'%.40s': a visit goes to under_review, returned, approved or "
                                     "void, a period to locked or reopened", state);
        return 2;
    }
    const char *decision = work->options.decision;
    if (wish.act == ST_ACT_OPEN && (decision == NULL || decision[0] == '\0'))
        return operator_misuse(work,
                               "kỳ đã khóa chỉ mở lại theo quyết định của Hội đồng: --decision SỐ",
                               "a locked period is opened again by a decision of the Council: "
                               "--decision NO");
    if (operator_write(work, move_period, &wish) != ST_OK)
        return operator_fail(work);
    operator_say_in(work, wish.act == ST_ACT_LOCK ? "Đã khóa sổ kỳ" : "Đã mở lại kỳ",
                    wish.act == ST_ACT_LOCK ? "Locked period" : "Opened again: period");
    operator_say(work, " %s\n", wish.name);
    return 0;
}
