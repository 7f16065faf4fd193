/* server/operator/unit.c - units that get another name, go into another one or are divided.
 * Promises that a unit keeps its id and its records: what was filed under it is read by whoever has
 * its successor. Nothing is written when one of the units is wrong; said twice it is said once. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"

#define NAMES       "names"
#define SUCCESSIONS "successions"

/* "2026-07-01" -> "2026-06-30". */
static st_err day_before(const char *date, char out[32], st_error *error)
{
    int year, month, day, used = 0;
    int64_t days;
    if (sscanf(date, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10
        || date[used] != '\0' || !st_date_from_civil(year, month, day, &days))
        return st_fail(error, ST_E_USAGE, "--from: '%.40s' is no date like 2026-07-01", date);
    st_date_to_civil(days - 1, &year, &month, &day);
    (void)snprintf(out, 32, "%04d-%02d-%02d", year, month, day);
    return ST_OK;
}

static st_err get_unit(store_txn *txn, const char *id, catalogue_unit *out, st_error *error)
{
    st_err err = catalogue_unit_get(txn, id, out, error);
    return err == ST_E_NOT_FOUND ? st_fail(error, err, "no unit '%.40s'", id) : err;
}

static st_err author(writer_turn *turn, const st_form *form, const sync_edit *edits,
                     uint32_t count, st_error *error)
{
    operator_edits all = { form, edits, count };
    return count > 0 ? operator_author_nameless(turn, &all, NULL, error) : ST_OK;
}

/* ---- rename ---- */

/* One more item of the names over time; from NULL: not known since when. */
static st_err put_name(operator_ops *ops, uint16_t place, const char *name, const char *from,
                       const char *document, st_error *error)
{
    operator_item item = { NAMES, place };
    st_err err = operator_ops_item(ops, item, "name_vi", name, error);
    if (err == ST_OK && from != NULL)
        err = operator_ops_item(ops, item, "valid_from", from, error);
    if (err == ST_OK && document != NULL)
        err = operator_ops_item(ops, item, "document_no", document, error);
    return err;
}

/* Does the record tell any of its names over time yet? */
static st_err has_names(writer_turn *turn, const st_form *form, const st_id *id, bool *out_has,
                        st_error *error)
{
    st_record record;
    const st_group *names = st_form_group(form, NAMES);
    st_err err = sync_record_get(turn->txn, id, turn->arena, &record, NULL, error);
    *out_has = false;
    for (size_t i = 0; err == ST_OK && names != NULL && i < record.lives_count; i++) {
        const st_path *path = &record.lives[i].op.path;
        *out_has = *out_has || (path->kind == ST_PATH_ITEM && path->group == names->no);
    }
    return err;
}

static st_err rename_unit(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    catalogue_unit unit;
    bool has = false;
    uint16_t place = 0;
    uint32_t *changed = argument;
    const char *name = work->operands[1];
    operator_ops ops = { .arena = turn->arena };
    st_err err = operator_form(work, CATALOGUE_UNIT, &ops.form, error);
    if (err == ST_OK)
        err = get_unit(turn->txn, work->operands[0], &unit, error);
    if (err != ST_OK || strcmp(unit.name, name) == 0)
        return err;
    err = has_names(turn, ops.form, &unit.record, &has, error);
    if (err == ST_OK && !has && unit.name[0] != '\0')
        err = put_name(&ops, place++, unit.name, NULL, NULL, error);
    if (err == ST_OK)
        err = put_name(&ops, place, name, work->options.from, work->options.document, error);
    if (err == ST_OK)
        err = operator_ops_put(&ops, "name_vi", name, error);
    sync_edit edit = { .record = unit.record, .ops = ops.ops, .ops_count = (uint32_t)ops.count };
    if (err == ST_OK)
        err = author(turn, ops.form, &edit, 1, error);
    *changed = err == ST_OK;
    return err;
}

int operator_unit_rename(operator_work *work)
{
    uint32_t changed = 0;
    char before[32];
    if (day_before(work->options.from, before, &work->error) != ST_OK ||
        operator_write(work, rename_unit, &changed) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã đổi tên %u đơn vị\n" : "%u units renamed\n", changed);
    return 0;
}

/* ---- merge, split ---- */

typedef struct {
    const char *const *olds, *const *successors;
    size_t olds_count, successors_count;
    char last_day[32];
    uint32_t changed;
} succession;

static bool is_listed(const char *list, const char *id)
{
    char word[ST_CODE_BYTES_MAX + 3];
    (void)snprintf(word, sizeof word, ",%s,", id);
    return strstr(list, word) != NULL;
}

static st_err check_successors(const succession *s, store_txn *txn, const char *old,
                               st_error *error)
{
    for (size_t i = 0; i < s->successors_count; i++) {
        catalogue_unit unit;
        const char *id = s->successors[i];
        st_err err = get_unit(txn, id, &unit, error);
        if (err != ST_OK)
            return err;
        if (strcmp(id, old) == 0)
            return st_fail(error, ST_E_USAGE, "'%.40s' cannot be its own successor", id);
        if (unit.successors[0] != '\0')
            return st_fail(error, ST_E_STATE, "unit '%.40s' went into another one itself", id);
    }
    return ST_OK;
}

static bool is_repeated(const succession *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s->olds[i], s->olds[n]) == 0)
            return true;
    return false;
}

/* What a unit has to be told; nothing when it has all of these successors already. */
static st_err succeed(const succession *s, const operator_work *work, const catalogue_unit *old,
                      operator_ops *ops, st_error *error)
{
    st_err err = ST_OK;
    size_t known = 0;
    for (size_t i = 0; i < s->successors_count; i++)
        known += is_listed(old->successors, s->successors[i]);
    if (known == s->successors_count)
        return ST_OK;
    if (old->successors[0] != '\0')
        return st_fail(error, ST_E_STATE, "unit '%.40s' went into another one already",
                       old->id.s);
    for (uint16_t i = 0; err == ST_OK && i < s->successors_count; i++) {
        operator_item item = { SUCCESSIONS, i };
        err = operator_ops_put(ops, "successor_ids", s->successors[i], error);
        if (err == ST_OK)
            err = operator_ops_item(ops, item, "unit_id", s->successors[i], error);
        if (err == ST_OK)
            err = operator_ops_item(ops, item, "from", work->options.from, error);
        if (err == ST_OK)
            err = operator_ops_item(ops, item, "document_no", work->options.document, error);
    }
    return err == ST_OK ? operator_ops_put(ops, "valid_to", s->last_day, error) : err;
}

static st_err write_succession(operator_work *work, writer_turn *turn, void *argument,
                               st_error *error)
{
    succession *s = argument;
    const st_form *form = NULL;
    sync_edit *edits = st_arena_array(turn->arena, s->olds_count, sizeof *edits);
    st_err err = edits != NULL ? operator_form(work, CATALOGUE_UNIT, &form, error)
                               : st_fail(error, ST_E_MEMORY, "no memory for units");
    for (size_t i = 0; err == ST_OK && i < s->olds_count; i++) {
        catalogue_unit old;
        operator_ops ops = { .arena = turn->arena, .form = form };
        if (is_repeated(s, i))
            continue;
        err = get_unit(turn->txn, s->olds[i], &old, error);
        if (err == ST_OK)
            err = check_successors(s, turn->txn, s->olds[i], error);
        if (err == ST_OK)
            err = succeed(s, work, &old, &ops, error);
        if (err == ST_OK && ops.count > 0)
            edits[s->changed++] = (sync_edit){ .record = old.record, .ops = ops.ops,
                                               .ops_count = (uint32_t)ops.count };
    }
    return err == ST_OK ? author(turn, form, edits, s->changed, error) : err;
}

static int run(operator_work *work, succession *s)
{
    if (day_before(work->options.from, s->last_day, &work->error) != ST_OK ||
        operator_write(work, write_succession, s) != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Đã ghi đơn vị kế tiếp cho %u đơn vị\n"
                                : "%u units have a successor\n", s->changed);
    return 0;
}

int operator_unit_merge(operator_work *work)
{
    size_t olds = work->operands_count - 1;
    succession s = { .olds = work->operands, .olds_count = olds,
                     .successors = work->operands + olds, .successors_count = 1 };
    return run(work, &s);
}

int operator_unit_split(operator_work *work)
{
    succession s = { .olds = work->operands, .olds_count = 1,
                     .successors = work->operands + 1,
                     .successors_count = work->operands_count - 1 };
    return run(work, &s);
}
