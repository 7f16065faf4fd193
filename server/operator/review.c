/* server/operator/review.c - the office's moves of a visit: takes it up, gives it back, approves
 * it, does not count it.
 * Promises: what stands against an approval is read in the transaction that writes it. Must never
 * approve a record while one of its files is missing, unless the office declared it lost. */
#include <stdio.h>
#include <string.h>

#include "server/operator/write.h"
#include "server/sync/files.h"

#define OFFICE (1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD)
#define HEAD (1u << ST_ROLE_OFFICE_HEAD)

/* From which state to which, who may, and whether it needs a reason. */
typedef struct {
    const char *from, *to;
    st_act_kind act;
    uint32_t roles;
    bool needs_reason;
} move_row;

static const move_row MOVES[] = {
    { "received", "under_review", ST_ACT_REVIEW, OFFICE, false },
    { "under_review", "returned", ST_ACT_RETURN, OFFICE, true },
    { "under_review", "approved", ST_ACT_APPROVE, OFFICE, false },
    { "under_review", "void", ST_ACT_VOID, OFFICE, true },
    { "approved", "under_review", ST_ACT_REVIEW, HEAD, true },
    { "void", "under_review", ST_ACT_REVIEW, HEAD, true },
};
#define MOVES_COUNT (sizeof MOVES / sizeof MOVES[0])

static st_err find_move(const char *from, const char *to, const move_row **out, st_error *error)
{
    for (size_t i = 0; i < MOVES_COUNT; i++)
        if (strcmp(MOVES[i].from, from) == 0 && strcmp(MOVES[i].to, to) == 0) {
            *out = &MOVES[i];
            return ST_OK;
        }
    return st_fail(error, ST_E_STATE, "from '%.20s' there is no way to '%.20s'", from, to);
}

/* ---- what stands against an approval ---- */

/* One line on stderr for each file that is missing. */
static void name_missing(operator_work *work)
{
    operator_record got = { .form = NULL };
    st_file *items = NULL;
    size_t count = 0;
    char item[ST_ITEM_TEXT_BYTES];
    st_error error = { 0 }; /* why the move failed is said already */
    st_err err = store_begin(work->room->store, STORE_READ_TXN, &work->txn, &error);
    if (err == ST_OK)
        err = operator_record_get(work, &work->txn, &work->arena, &got, &error);
    if (err == ST_OK)
        err = files_of(work->room, &got.record, &work->arena, &items, &count, &error);
    operator_read_end(work);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        if (!st_file_waits(&items[i]))
            continue;
        st_item_format(&items[i].path.item, items[i].path.place, item);
        operator_complain(work, work->vi ? "%s %.60s: thiếu %zu/%zu phần"
                                         : "%s %.60s: %zu of %zu pieces are missing",
                          item, items[i].name, items[i].missing, items[i].count);
    }
}

static st_err count_missing(operator_work *work, const st_record *record, st_arena *arena,
                            size_t *out_missing, st_error *error)
{
    st_file *items = NULL;
    size_t count = 0;
    st_err err = files_of(work->room, record, arena, &items, &count, error);
    *out_missing = 0;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        *out_missing += st_file_waits(&items[i]) ? 1 : 0;
    return err;
}

static st_err check_approval(operator_work *work, const operator_record *got, st_arena *arena,
                             size_t *out_missing, st_error *error)
{
    const st_conflict *conflicts;
    size_t open = 0;
    st_err err = st_show_conflicts(got->form, &got->record, arena, &conflicts, &open, error);
    if (err == ST_OK && open > 0)
        err = st_fail(error, ST_E_STATE,
                      work->vi ? "còn %zu ý kiến khác nhau" : "%zu open differences", open);
    if (err == ST_OK)
        err = count_missing(work, &got->record, arena, out_missing, error);
    if (err == ST_OK && *out_missing > 0)
        err = st_fail(error, ST_E_STATE,
                      work->vi ? "%zu tệp đính kèm chưa về đủ; chờ máy gửi, hoặc ghi nhận đã mất"
                               : "%zu attachments are missing; wait for the phone, or declare "
                                 "them lost",
                      *out_missing);
    return err;
}

/* ---- the verb ---- */

static st_err choose_role(const auth_person *person, const move_row *move, st_role *out_role,
                          st_error *error)
{
    *out_role = operator_role_of(person, move->roles);
    if (*out_role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "no role of '%.32s' may do this", person->login.s);
    return ST_OK;
}

static st_err find_state(operator_work *work, writer_turn *turn, const operator_record *got,
                         const char **out_state, st_error *error)
{
    st_acts_view acts;
    st_show_how how = { 0 };
    st_err err = sync_held_any(turn->txn, &got->record.id, &how.is_held, error);
    if (err == ST_OK)
        err = st_view_acts(&got->record, turn->arena, &acts, error);
    if (err != ST_OK)
        return err;
    if (got->form->life != ST_LIFE_VISIT)
        return st_fail(error, ST_E_STATE, "records of '%.40s' are not moved so", got->form->name);
    if (acts.state_conflict)
        return st_fail(error, ST_E_STATE,
                       work->vi ? "trạng thái đang có ý kiến khác nhau: dùng `resolve ID state`; "
                                  "nếu kỳ đã khóa sổ thì mở lại kỳ trước"
                                : "its state is in question: `resolve ID state` first; if its "
                                  "period is locked, open that again before");
    *out_state = st_show_state(got->form, &got->record, &acts, &how);
    return ST_OK;
}

static st_err move_record(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    size_t *missing = argument;
    auth_person person;
    operator_record got = { .form = NULL };
    const move_row *move = NULL;
    const char *state = NULL;
    sync_edit edit = { .act = ST_ACT_NONE };
    sync_draft draft = { .edits = &edit, .edits_count = 1, .lang = work->call->lang };
    sync_authored authored = { .records = NULL };
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err == ST_OK)
        err = operator_record_get(work, turn->txn, turn->arena, &got, error);
    if (err == ST_OK)
        err = find_state(work, turn, &got, &state, error);
    if (err == ST_OK)
        err = find_move(state, work->operands[1], &move, error);
    if (err == ST_OK)
        err = choose_role(&person, move, &draft.role, error);
    if (err == ST_OK && move->needs_reason && work->options.reason == NULL)
        err = st_fail(error, ST_E_VALUE, "--reason T is needed for this");
    if (err == ST_OK && move->act == ST_ACT_APPROVE)
        err = check_approval(work, &got, turn->arena, missing, error);
    if (err == ST_OK)
        err = operator_reason_value(work, &edit.reason, error);
    if (err != ST_OK)
        return err;
    edit.act = move->act;
    edit.record = got.record.id;
    draft.bucket = got.record.bucket;
    draft.actor = person.id;
    return sync_author_turn(turn, &draft, &authored, error);
}

/* Before an approval every piece is read: what is on disk, but damaged, is missing. */
static st_err read_pieces(operator_work *work)
{
    operator_record got = { .form = NULL };
    st_file *items = NULL;
    size_t count = 0;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_record_get(work, &work->txn, &work->arena, &got, &work->error);
    if (err == ST_OK)
        err = files_of(work->room, &got.record, &work->arena, &items, &count, &work->error);
    operator_read_end(work);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        bool is_whole = true;
        if (items[i].missing == 0 && !items[i].is_lost && !items[i].is_dropped)
            err = files_check(work->room, &items[i], &is_whole, &work->error);
        if (err == ST_OK && !is_whole)
            err = st_fail(&work->error, ST_E_CORRUPT,
                          "%.60s: a piece on disk is not what its name says; see `verify`",
                          items[i].name);
    }
    return err;
}

bool operator_is_visit_state(const char *state)
{
    for (size_t i = 0; i < MOVES_COUNT; i++)
        if (strcmp(MOVES[i].to, state) == 0)
            return true;
    return false;
}

int operator_move_visit(operator_work *work)
{
    size_t missing = 0;
    if (work->options.decision != NULL)
        return operator_refuse(work, work->vi ? "--decision chỉ dùng cho kỳ"
                                              : "--decision belongs to periods");
    st_err err = strcmp(work->operands[1], "approved") == 0 ? read_pieces(work) : ST_OK;
    if (err == ST_OK)
        err = operator_write(work, move_record, &missing);
    int code = err == ST_OK ? 0 : operator_fail(work);
    if (missing > 0)
        name_missing(work);
    return code;
}
