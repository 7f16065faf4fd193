/* server/operator/assign.c - which units a person's devices carry: by name, or all of an area or a
 * class, also those that come later. Promises that assigning twice is assigning once, and that
 * nothing is written when one of the words is wrong. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"

/* Assignment records of a person. */
typedef struct {
    st_id record;
    st_code unit;
    bool is_active;
} assignment;

typedef struct {
    operator_work *work;
    store_txn *txn;
    st_arena *arena;
    const st_form *form;
    st_id person;
    st_id *ids;                    /* all assignment records */
    size_t ids_count, ids_capacity;
    assignment *list;
    size_t count, capacity;
    bool is_full;
} search;

static bool note_row(void *context, const st_row *row)
{
    search *s = context;
    st_id *ids = st_arena_grow(s->arena, s->ids, s->ids_count, &s->ids_capacity, sizeof *ids);
    s->is_full = ids == NULL;
    if (s->is_full)
        return false;
    s->ids = ids;
    s->ids[s->ids_count++] = row->id;
    return true;
}

/* The targets that `assign` writes. */
static bool is_by_hand(int64_t target)
{
    return target >= AUTH_TARGET_UNIT && target <= AUTH_TARGET_CLASS;
}

/* Keeps the record when it assigns a unit, an area or a class to the person. */
static st_err look_at(search *s, const st_id *id, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
    st_record record;
    st_err err = sync_record_get(s->txn, id, &arena, &record, NULL, error);
    if (err == ST_OK) {
        auth_assignment said;
        bool is_it = auth_assignment_read(s->form, &record, &said) && is_by_hand(said.target) &&
                     st_id_cmp(&said.person, &s->person) == 0 &&
                     !catalogue_is_withdrawn(&record);
        const assignment found = { *id, said.id, said.is_active };
        assignment *list = is_it ? st_arena_grow(s->arena, s->list, s->count, &s->capacity,
                                                 sizeof *list) : NULL;
        if (list != NULL) {
            s->list = list;
            s->list[s->count++] = found;
        } else if (is_it) {
            err = st_fail(error, ST_E_MEMORY, "no memory for assignments");
        }
    }
    st_arena_reset(&arena);
    return err;
}

static st_err find_assignments(search *s, st_error *error)
{
    sync_filter filter = { .form = CATALOGUE_ASSIGNMENT };
    st_err err = sync_row_each(s->txn, &filter, note_row, s, error);
    if (err == ST_OK && s->is_full)
        err = st_fail(error, ST_E_MEMORY, "no memory for assignments");
    for (size_t i = 0; i < s->ids_count && err == ST_OK; i++)
        err = look_at(s, &s->ids[i], error);
    return err;
}

static st_err check_unit(store_txn *txn, const char *unit, st_error *error)
{
    catalogue_unit found;
    st_err err = catalogue_unit_get(txn, unit, &found, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "no unit '%.40s'", unit);
    return err;
}

/* A word that names no unit: is it an area or a class that some unit has? */
typedef struct {
    const char *word, *target; /* NULL: neither, so far */
} target_search;

static bool look_for_target(void *context, const catalogue_unit *unit)
{
    target_search *s = context;
    char area[sizeof unit->areas + 3];
    (void)snprintf(area, sizeof area, ",%.*s,", (int)ST_CODE_BYTES_MAX, s->word);
    if (strstr(unit->areas, area) != NULL)
        s->target = "area";
    else if (strcmp(unit->class_id, s->word) == 0)
        s->target = "class";
    return s->target == NULL;
}

/* ST_E_NOT_FOUND: it is none of the three. */
static st_err find_target(store_txn *txn, const char *word, const char **out_target,
                          st_error *error)
{
    target_search s = { word, NULL };
    catalogue_unit found;
    st_code code;
    st_err err = catalogue_unit_get(txn, word, &found, error);
    *out_target = "unit";
    if (err != ST_E_NOT_FOUND)
        return err;
    if (!st_code_set(&code, word, strlen(word)))
        return check_unit(txn, word, error);
    err = catalogue_unit_each(txn, look_for_target, &s, error);
    *out_target = s.target;
    return err == ST_OK && s.target == NULL ? check_unit(txn, word, error) : err;
}

/* What is assigned, by the words of the form's list. */
typedef struct {
    const char *target, *id;
} assign_what;

static st_err new_edit(const st_form *form, st_arena *arena, const st_id *person,
                       const assign_what *what, sync_edit *out_edit, st_error *error)
{
    char hex[33];
    operator_ops ops = { .arena = arena, .form = form };
    st_id_format(person, hex);
    st_err err = operator_ops_put(&ops, "person_id", hex, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "target", what->target, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "target_id", what->id, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "active", "true", error);
    if (err == ST_OK)
        *out_edit = (sync_edit){ .form = form, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    return err;
}

static st_err active_edit(const st_form *form, st_arena *arena, const assignment *found,
                          bool active, sync_edit *out_edit, st_error *error)
{
    operator_ops ops = { .arena = arena, .form = form };
    st_err err = operator_ops_put(&ops, "active", active ? "true" : "false", error);
    if (err == ST_OK)
        *out_edit = (sync_edit){ .record = found->record, .ops = ops.ops,
                                 .ops_count = (uint32_t)ops.count };
    return err;
}

st_err operator_assign_new(operator_work *work, writer_turn *turn, const st_id *person,
                           const operator_words *units, st_error *error)
{
    const st_form *form;
    sync_edit *edits = st_arena_array(turn->arena, units->count, sizeof *edits);
    st_err err = edits != NULL ? operator_form(work, CATALOGUE_ASSIGNMENT, &form, error)
                               : st_fail(error, ST_E_MEMORY, "no memory for assignments");
    for (size_t i = 0; i < units->count && err == ST_OK; i++) {
        const assign_what what = { "unit", units->words[i] };
        err = check_unit(turn->txn, what.id, error);
        if (err == ST_OK)
            err = new_edit(form, turn->arena, person, &what, &edits[i], error);
    }
    if (err != ST_OK)
        return err;
    operator_edits all = { form, edits, (uint32_t)units->count };
    return operator_author_nameless(turn, &all, NULL, error);
}

static const assignment *find_unit(const search *s, const char *unit, bool active)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].unit.s, unit) == 0 && s->list[i].is_active == active)
            return &s->list[i];
    return NULL;
}

static bool is_repeated(const operator_work *work, size_t i)
{
    for (size_t k = 1; k < i; k++)
        if (strcmp(work->operands[k], work->operands[i]) == 0)
            return true;
    return false;
}

static st_err assign_one(search *s, const char *unit, sync_edit *edits, uint32_t *count,
                         st_error *error)
{
    assign_what what = { NULL, unit };
    st_err err = find_target(s->txn, unit, &what.target, error);
    if (err != ST_OK || find_unit(s, unit, true) != NULL)
        return err;
    const assignment *old = find_unit(s, unit, false);
    err = old != NULL ? active_edit(s->form, s->arena, old, true, &edits[*count], error)
                      : new_edit(s->form, s->arena, &s->person, &what, &edits[*count], error);
    *count += err == ST_OK;
    return err;
}

static st_err unassign_one(search *s, const char *unit, sync_edit *edits, uint32_t *count,
                           st_error *error)
{
    st_err err = ST_OK;
    uint32_t before = *count;
    for (size_t i = 0; i < s->count && err == ST_OK && *count < ST_SET_CHANGES_MAX; i++) {
        if (!s->list[i].is_active || strcmp(s->list[i].unit.s, unit) != 0)
            continue;
        err = active_edit(s->form, s->arena, &s->list[i], false, &edits[*count], error);
        *count += err == ST_OK;
    }
    if (err == ST_OK && *count == before)
        return st_fail(error, ST_E_NOT_FOUND, "unit '%.40s' is not assigned to '%.40s'", unit,
                       s->work->operands[0]);
    return err;
}

typedef struct {
    bool gives;
    uint32_t changed;
} assign_wish;

static st_err change_assignments(operator_work *work, writer_turn *turn, void *argument,
                                 st_error *error)
{
    assign_wish *wish = argument;
    auth_person person = { .is_active = false };
    search s = { .work = work, .txn = turn->txn, .arena = turn->arena };
    uint32_t count = 0;
    sync_edit *edits = st_arena_array(turn->arena, ST_SET_CHANGES_MAX, sizeof *edits);
    st_err err = edits != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "no memory");
    if (err == ST_OK)
        err = auth_person_by_login(turn->txn, work->operands[0], &person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_NOT_FOUND, "nobody has the login '%.40s'", work->operands[0]);
    if (err == ST_OK && wish->gives && !person.is_active)
        return st_fail(error, ST_E_STATE, "'%.40s' is disabled", work->operands[0]);
    s.person = person.id;
    if (err == ST_OK)
        err = operator_form(work, CATALOGUE_ASSIGNMENT, &s.form, error);
    if (err == ST_OK)
        err = find_assignments(&s, error);
    for (size_t i = 1; i < work->operands_count && err == ST_OK; i++) {
        if (is_repeated(work, i))
            continue;
        if (count >= ST_SET_CHANGES_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "more than %u units", ST_SET_CHANGES_MAX);
        err = wish->gives ? assign_one(&s, work->operands[i], edits, &count, error)
                          : unassign_one(&s, work->operands[i], edits, &count, error);
    }
    wish->changed = count;
    if (err != ST_OK || count == 0)
        return err;
    operator_edits all = { s.form, edits, count };
    return operator_author_nameless(turn, &all, NULL, error);
}

int operator_assign(operator_work *work)
{
    assign_wish wish = { .gives = true };
    if (operator_write(work, change_assignments, &wish) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã phân công thêm %u phạm vi cho %s\n"
                                : "%u more assigned to %s\n", wish.changed,
                 work->operands[0]);
    return 0;
}

int operator_unassign(operator_work *work)
{
    assign_wish wish = { .gives = false };
    if (operator_write(work, change_assignments, &wish) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã thôi phân công %u phạm vi của %s\n"
                                : "%u taken back from %s\n", wish.changed,
                 work->operands[0]);
    return 0;
}
