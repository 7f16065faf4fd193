/* server/sync/erase_plan.c - finds the values that are to go, and signs the erasure.
 * Promises: every value that was ever written at the path goes, also those that were replaced, held
 * or are of a fork, what amendments and settlements copied of them or of a reason, and with a file
 * what shows it; but nothing that was written after the request which names it. Must never choose
 * for the office: what cannot go is counted and said. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/sync/erase.h"
#include "server/sync/fold.h"
#include "server/sync/have.h"
#include "server/sync/sets.h"

#define PATHS_BYTES_MAX 8000u

typedef struct {
    const sync_erase_view *view;
    const sync_erase_wish *wish;
    const st_form *form;
    st_path *paths;            /* of the wish, but for SYNC_ERASE_REASON, and what goes along */
    const char **texts;        /* of each path */
    size_t paths_count, paths_room;
    bool reasons, all;
    bool is_there;             /* a fork speaks of the record */
    st_erasure *list;          /* what is to go */
    size_t count, capacity;
    sync_erase_value *values;  /* that, and what is newer */
    size_t values_count, values_capacity;
    sync_erase_report report;
    st_err err;
    st_error *error;
} plan;

/* Where one value stands. */
typedef struct {
    uint64_t index;
    const sync_row *row;
    const st_set *set;
    uint32_t change;
} standing_at;

/* ---- is it one of them? ---- */

static bool is_at(const st_path *path, const st_path *wanted)
{
    st_path bare = *path;
    bare.element_len = 0;
    memset(bare.element, 0, sizeof bare.element);
    return st_path_cmp(&bare, wanted) == 0;
}

/* Does the item of the operation say that it is about the path? (amendments, settlements…) */
static bool is_about(const plan *p, const st_change *change, const st_op *op, const char *path)
{
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_op *other = &change->ops[i];
        const st_field *field = st_form_at(p->form, &other->path, NULL);
        if (other->path.kind != ST_PATH_ITEM || other->path.group != op->path.group
            || other->path.place != op->path.place
            || st_dot_cmp(&other->path.item, &op->path.item) != 0 || field == NULL
            || strcmp(field->name, "path") != 0)
            continue;
        if (other->value.kind == ST_VALUE_TEXT && other->value.len == strlen(path)
            && memcmp(other->value.data, path, other->value.len) == 0)
            return true;
    }
    return false;
}

/* What was copied of a value: `old` and `new` of an amendment, what a settlement had seen. */
static bool is_copy(const plan *p, const st_change *change, const st_op *op)
{
    static const char *const NAMES[] = { "old", "new", "values_seen", "value" };
    const st_field *field = st_form_at(p->form, &op->path, NULL);
    bool named = false;
    if (op->path.kind != ST_PATH_ITEM || field == NULL)
        return false;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        named = named || strcmp(field->name, NAMES[i]) == 0;
    for (size_t i = 0; named && i < p->paths_count; i++)
        if (is_about(p, change, op, p->texts[i]))
            return true;
    return false;
}

/* An amendment and a settlement say again why their change was made. */
static bool is_reason_copy(const plan *p, const st_op *op)
{
    const st_group *group = NULL;
    const st_field *field = st_form_at(p->form, &op->path, &group);
    return p->reasons && op->path.kind == ST_PATH_ITEM && field != NULL && group != NULL
           && (strcmp(group->name, "amendments") == 0 || strcmp(group->name, "settlements") == 0)
           && strcmp(field->name, "reason") == 0;
}

static bool is_named(const plan *p, const st_op *op)
{
    if (p->all)
        return true;
    for (size_t i = 0; i < p->paths_count; i++)
        if (is_at(&op->path, &p->paths[i]))
            return true;
    return false;
}

static bool is_copied(const plan *p, const st_change *change, const st_op *op)
{
    return is_copy(p, change, op) || is_reason_copy(p, op);
}

/* ---- collecting ---- */

/* Written after the request that names what is to go: nobody asked for it. */
static bool is_newer(const plan *p, const standing_at *at)
{
    return p->wish->until != 0 && at->index > p->wish->until;
}

static void add_value(plan *p, const standing_at *at, const st_path *path, bool is_copy)
{
    const st_change *change = &at->set->changes[at->change];
    char text[ST_PATH_TEXT_BYTES] = SYNC_ERASE_REASON;
    const char *shown = path != NULL && p->form == NULL ? "?" : text;
    sync_erase_value *grown = st_arena_grow(p->view->arena, p->values, p->values_count,
                                            &p->values_capacity, sizeof *grown);
    if (path != NULL && p->form != NULL)
        st_form_path_format(p->form, path, text);
    const char *copy = (const char *)st_arena_copy(p->view->arena, shown, strlen(shown));
    if (grown == NULL || copy == NULL) {
        p->err = st_fail(p->error, ST_E_MEMORY, "erase: out of memory");
        return;
    }
    p->values = grown;
    p->values[p->values_count++] = (sync_erase_value){
        .index = at->index, .dot = change->dot, .actor = at->row->actor, .path = copy,
        .claimed_ms = change->wall_ms, .received_ms = at->row->time_ms,
        .is_copy = is_copy, .is_newer = is_newer(p, at) };
}

static void add_target(plan *p, const st_erasure *one)
{
    st_erasure *grown = st_arena_grow(p->view->arena, p->list, p->count, &p->capacity,
                                      sizeof *grown);
    if (grown == NULL)
        p->err = st_fail(p->error, ST_E_MEMORY, "erase: out of memory");
    else if (p->count == SYNC_ERASE_VALUES_MAX)
        p->err = st_fail(p->error, ST_E_TOO_LARGE, "erase: more than %u values at once",
                         SYNC_ERASE_VALUES_MAX);
    if (p->err != ST_OK)
        return;
    p->list = grown;
    p->list[p->count++] = *one;
}

/* What the book itself runs on: which values an erasure names, what a form asks for. */
static bool is_needed(const plan *p, const standing_at *at, uint32_t op)
{
    const st_change *change = &at->set->changes[at->change];
    return op != ST_PLACE_NONE && p->form != NULL && p->form->home == ST_HOME_CATALOGUE
           && change->ops[op].path.kind == ST_PATH_FIELD
           && change->ops[op].value.kind == ST_VALUE_BYTES;
}

/* path NULL: the reason of the change. */
static void add(plan *p, const standing_at *at, uint32_t op, const st_path *path, bool is_copy)
{
    const st_set *set = at->set;
    st_erasure one = { .dot = set->changes[at->change].dot, .first = set->first,
                       .set = set->hash };
    if (path != NULL)
        one.path_len = st_path_encode(path, one.path);
    p->err = st_set_place(set->bytes, set->bytes_len, (st_set_value){ at->change, op },
                          &one.place, p->error);
    if (p->err != ST_OK)
        return;
    if (one.place == ST_PLACE_NONE || is_needed(p, at, op)) {
        p->report.standing += is_newer(p, at) ? 0 : 1;
        return;
    }
    add_value(p, at, path, is_copy);
    if (is_newer(p, at))
        p->report.newer++;
    else if (p->err == ST_OK)
        add_target(p, &one);
}

static void collect_change(plan *p, const standing_at *at)
{
    const st_change *change = &at->set->changes[at->change];
    const uint32_t gone = is_newer(p, at) ? 0 : 1;
    for (uint32_t i = 0; p->err == ST_OK && i < change->ops_count; i++) {
        const st_op *op = &change->ops[i];
        bool named = is_named(p, op);
        bool wanted = named || (p->form != NULL && is_copied(p, change, op));
        if (!wanted || op->value.kind == ST_VALUE_NULL)
            continue;
        if (op->value.kind == ST_VALUE_ERASED)
            p->report.gone_before += gone;
        else
            add(p, at, i, &op->path, !named);
    }
    if (p->reasons && change->reason.kind == ST_VALUE_ERASED)
        p->report.gone_before += gone;
    if (p->reasons && change->reason.kind == ST_VALUE_TEXT && p->err == ST_OK)
        add(p, at, ST_PLACE_NONE, NULL, false);
}

/* An entry as it is read; the arena holds it. */
typedef struct {
    sync_row row;
    st_set set;
    st_arena arena;
} opened;

/* Ends with close_entry, whatever comes of it. */
static st_err open_entry(const plan *p, uint64_t index, opened *out, st_error *error)
{
    memset(&out->set, 0, sizeof out->set);
    st_arena_init(&out->arena, (size_t)64 * 1024 * 1024);
    st_err err = sync_row_get(p->view->txn, index, &out->arena, &out->row, error);
    return err == ST_OK ? st_set_decode(out->row.set.data, out->row.set.len, &out->arena,
                                        &out->set, error)
                        : err;
}

static void close_entry(opened *entry)
{
    st_arena_reset(&entry->arena);
}

/* What the entry says of the record. counter: of the change; 0: of all of them. */
static void collect_entry(plan *p, uint64_t index, const opened *entry, uint64_t counter)
{
    standing_at at = { index, &entry->row, &entry->set, 0 };
    for (; p->err == ST_OK && at.change < entry->set.changes_count; at.change++) {
        const st_change *change = &entry->set.changes[at.change];
        if (st_id_cmp(&change->record, &p->wish->record) == 0
            && (counter == 0 || change->dot.counter == counter))
            collect_change(p, &at);
    }
}

static bool is_there(void *context, const st_history_item *item)
{
    (void)context;
    (void)item;
    return false;                              /* one is enough */
}

static bool one_change(void *context, const st_history_item *item)
{
    opened entry;
    plan *p = context;
    if (item->hold == ST_HOLD_FORK)            /* those are looked through below */
        return true;
    p->err = open_entry(p, item->log_index, &entry, p->error);
    collect_entry(p, item->log_index, &entry, item->change->dot.counter);
    close_entry(&entry);
    return p->err == ST_OK;
}

/* One that cannot be read may speak of the record, or not: it is counted. */
static bool one_fork(void *context, uint64_t index)
{
    opened entry;
    plan *p = context;
    st_err err = open_entry(p, index, &entry, p->error);
    if (st_err_is_passing(err))
        p->err = err;
    else if (err != ST_OK)
        p->report.unread++;
    else
        collect_entry(p, index, &entry, 0);
    close_entry(&entry);
    return p->err == ST_OK;
}

/* Does a fork speak of the record, whatever was decided of it? */
static bool look_in_fork(void *context, uint64_t index)
{
    opened entry;
    plan *p = context;
    st_err err = open_entry(p, index, &entry, p->error);
    for (uint32_t i = 0; err == ST_OK && !p->is_there && i < entry.set.changes_count; i++)
        p->is_there = st_id_cmp(&entry.set.changes[i].record, &p->wish->record) == 0;
    close_entry(&entry);
    p->err = st_err_is_passing(err) ? err : ST_OK;
    return p->err == ST_OK && !p->is_there;
}

/* text NULL: as the form writes it. */
static st_err add_path(plan *p, const st_path *path, const char *text, st_error *error)
{
    char written[ST_PATH_TEXT_BYTES];
    if (text == NULL) {
        st_form_path_format(p->form, path, written);
        text = (const char *)st_arena_copy(p->view->arena, written, strlen(written));
    }
    if (text == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    assert(p->paths_count < p->paths_room);
    p->paths[p->paths_count] = *path;
    p->texts[p->paths_count++] = text;
    return ST_OK;
}

static const char *const ALONG[] = { "thumbnail", "name", "caption" };
#define ALONG_COUNT (sizeof ALONG / sizeof ALONG[0])

/* With a file goes what shows it: a thumbnail is the picture, and name and caption say what is on
 * it. */
static st_err add_along(plan *p, const st_path *path, st_error *error)
{
    uint8_t bytes[ST_PATH_BYTES_MAX];
    const st_group *group = NULL;
    st_err err = ST_OK;
    if (!have_is_hashes(p->form, bytes, st_path_encode(path, bytes)))
        return ST_OK;
    (void)st_form_at(p->form, path, &group);
    for (size_t i = 0; err == ST_OK && group != NULL && i < ALONG_COUNT; i++) {
        const st_field *field = st_group_field(group, ALONG[i]);
        st_path other = *path;
        if (field == NULL)
            continue;
        other.field = field->no;
        err = add_path(p, &other, NULL, error);
    }
    return err;
}

static st_err read_path(plan *p, const char *text, st_error *error)
{
    st_path path;
    if (strcmp(text, SYNC_ERASE_REASON) == 0) {
        p->reasons = true;
        return ST_OK;
    }
    if (strcmp(text, SYNC_ERASE_ALL) == 0) {
        p->all = p->reasons = true;
        return ST_OK;
    }
    if (p->form == NULL)
        return st_fail(error, ST_E_VERSION, "the form of the record is not known here: erase %s",
                       SYNC_ERASE_ALL);
    st_err err = st_form_path_parse(p->form, text, &path, error);
    if (err == ST_OK)
        err = add_path(p, &path, text, error);
    return err == ST_OK ? add_along(p, &path, error) : err;
}

static st_err read_paths(plan *p, st_error *error)
{
    const sync_erase_wish *wish = p->wish;
    st_err err = ST_OK;
    p->paths_room = wish->paths_count * (1 + ALONG_COUNT);
    p->paths = st_arena_array(p->view->arena, p->paths_room, sizeof *p->paths);
    p->texts = st_arena_array(p->view->arena, p->paths_room, sizeof *p->texts);
    if (p->paths == NULL || p->texts == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    for (size_t i = 0; err == ST_OK && i < wish->paths_count; i++)
        err = read_path(p, wish->paths[i], error);
    return err;
}

/* Does any entry speak of the record? No history has a fork that was declined. */
static st_err look_for_changes(plan *p, st_error *error)
{
    const sync_erase_view *view = p->view;
    st_err err = sync_history_each(view->room, view->txn, &p->wish->record, is_there, p, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    err = sets_each_fork(view->txn, look_in_fork, p, error);
    if (err != ST_OK || p->err != ST_OK)
        return err != ST_OK ? err : p->err;
    return p->is_there ? ST_OK : st_fail(error, ST_E_NOT_FOUND, "no such record");
}

/* The form of the record, held or declined ones too; of what was written on one that never came it
 * is not known. */
static st_err find_record(plan *p, st_error *error)
{
    st_record record;
    const sync_erase_view *view = p->view;
    st_err err = sync_record_get(view->txn, &p->wish->record, view->arena, &record, NULL, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_OK) {
        p->form = sync_record_form(view->room, &record);
        return ST_OK;
    }
    err = sync_form_of(view->room, view->txn, &p->wish->record, &p->form, error);
    if (err != ST_OK)
        return err;
    return p->form != NULL ? ST_OK : look_for_changes(p, error);
}

static st_err collect(plan *p, st_error *error)
{
    const sync_erase_view *view = p->view;
    st_err err = find_record(p, error);
    if (err == ST_OK)
        err = read_paths(p, error);
    if (err != ST_OK)
        return err;
    err = sync_history_each(view->room, view->txn, &p->wish->record, one_change, p, error);
    if (err == ST_E_NOT_FOUND)                 /* another branch has it alone */
        err = ST_OK;
    if (err == ST_OK && p->err == ST_OK)
        err = sets_each_fork(view->txn, one_fork, p, error);
    return err == ST_OK ? p->err : err;
}

/* ---- the erasure ---- */

static st_value data_value(st_value_kind kind, const void *data, size_t len)
{
    return (st_value){ .kind = kind, .data = data, .len = (uint32_t)len };
}

/* The wish in words, and the values of one erasure. */
typedef struct { st_buffer paths, targets; } erasure_text;

static st_err author(writer_turn *turn, const plan *p, const st_form *form,
                     const erasure_text *text, st_error *error)
{
    st_op ops[SYNC_EDIT_FIELDS_MAX];
    const sync_erase_wish *wish = p->wish;
    sync_edit edit = { .form = form, .ops = ops };
    sync_draft draft = { .actor = wish->actor, .role = wish->role, .edits = &edit,
                         .edits_count = 1 };
    sync_authored authored = { .records = NULL };
    sync_edit_put(&edit, "about_record", data_value(ST_VALUE_ID, wish->record.b, 16));
    sync_edit_put(&edit, "paths", data_value(ST_VALUE_TEXT, text->paths.data, text->paths.len));
    sync_edit_put(&edit, "basis", data_value(ST_VALUE_TEXT, wish->basis, strlen(wish->basis)));
    sync_edit_put(&edit, "confirmed_by", data_value(ST_VALUE_ID, wish->second.b, 16));
    sync_edit_put(&edit, "targets",
                  data_value(ST_VALUE_BYTES, text->targets.data, text->targets.len));
    sync_edit_put(&edit, "at",
                  (st_value){ .kind = ST_VALUE_INT, .number = sync_now(turn->room) });
    if (!sync_bucket(turn->room, form->home, NULL, &draft.bucket))
        return st_fail(error, ST_E_SERVER, "the catalogue has no bucket");
    return sync_author_turn(turn, &draft, &authored, error);
}

static st_err author_all(writer_turn *turn, const plan *p, const st_form *form, st_error *error)
{
    erasure_text text;
    st_err err = ST_OK;
    st_buffer_init(&text.paths, PATHS_BYTES_MAX);
    st_buffer_init(&text.targets, ST_VALUE_BYTES_MAX);
    for (size_t i = 0; err == ST_OK && i < p->wish->paths_count; i++)
        err = st_buffer_printf(&text.paths, error, "%s%s", i > 0 ? ", " : "", p->wish->paths[i]);
    for (size_t at = 0; err == ST_OK && at < p->count; at += ST_ERASURES_MAX) {
        size_t left = p->count - at;
        st_buffer_clear(&text.targets);
        err = st_erasures_encode(p->list + at, left < ST_ERASURES_MAX ? left : ST_ERASURES_MAX,
                                 &text.targets, error);
        if (err == ST_OK)
            err = author(turn, p, form, &text, error);
    }
    st_buffer_free(&text.paths);
    st_buffer_free(&text.targets);
    return err;
}

static st_err say_nothing_to_do(const plan *p, st_error *error)
{
    const sync_erase_report *report = &p->report;
    const char *why = report->standing > 0
                          ? "numbers, dates and choices are part of what was signed and stay"
                      : report->gone_before > 0 ? "it is erased already"
                                                : "nothing was ever written there";
    if (report->unread == 0)
        return st_fail(error, ST_E_VALUE, "%s", why);
    return st_fail(error, ST_E_VALUE, "%s; %u sets of other branches cannot be read here", why,
                   report->unread);
}

/* Finds what is to go; a plan of nothing is an error. */
static st_err make_plan(plan *p, const st_form **out_form, st_error *error)
{
    *out_form = catalogue_newest(p->view->room->catalogue, ST_ERASURE_FORM);
    if (*out_form == NULL || (*out_form)->home == ST_HOME_UNIT)
        return st_fail(error, ST_E_NOT_FOUND, "this book's catalogue has no form '%s'",
                       ST_ERASURE_FORM);
    st_err err = collect(p, error);
    p->report.erased = (uint32_t)p->count;
    p->report.values = p->values;
    p->report.values_count = p->values_count;
    return err == ST_OK && p->count == 0 ? say_nothing_to_do(p, error) : err;
}

st_err sync_erase_look(const sync_erase_view *view, const sync_erase_wish *wish,
                       sync_erase_report *out_report, st_error *error)
{
    plan p = { .view = view, .wish = wish, .error = error };
    const st_form *form = NULL;
    st_err err = make_plan(&p, &form, error);
    if (err == ST_OK)
        *out_report = p.report;
    return err;
}

st_err sync_erase(writer_turn *turn, const sync_erase_wish *wish, sync_erase_report *out_report,
                  st_error *error)
{
    const sync_erase_view view = { turn->room, turn->txn, turn->arena };
    plan p = { .view = &view, .wish = wish, .error = error };
    const st_form *form = NULL;
    st_err err = make_plan(&p, &form, error);
    if (err == ST_OK)
        err = author_all(turn, &p, form, error);
    if (err == ST_OK)
        *out_report = p.report;
    return err;
}
