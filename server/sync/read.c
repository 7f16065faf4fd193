/* server/sync/read.c - records, rows and histories as people ask for them.
 * Promises: reads one moment of the book; what it hands out lives as long as the caller's arena or
 * transaction, as said. Must never write. */
#include "server/sync/read.h"

#include <assert.h>
#include <string.h>

#include "proto/changeset.h"
#include "proto/merge.h"
#include "proto/text.h"
#include "server/store/pack.h"
#include "server/sync/address.h"
#include "server/sync/bounds.h"
#include "server/sync/fence.h"
#include "server/sync/free.h"
#include "server/sync/held.h"
#include "server/sync/sets.h"

#define HISTORY_BYTES_MAX ((size_t)256 * 1024 * 1024)

const st_form *sync_record_form(sync_room *room, const st_record *record)
{
    return record->created ? catalogue_form(room->catalogue, record->form.s, record->form_version)
                           : NULL;
}

/* A value of the transaction that may be kept: copied when a put could move it. */
static st_err get_kept(store_txn *txn, store_table table, const pack_key *key, st_arena *arena,
                       store_slice *out_value, st_error *error)
{
    store_slice value = { 0 };
    st_err err = store_get(txn, table, pack_key_slice(key), &value, error);
    if (err == ST_OK && txn->is_write) {
        value.data = st_arena_copy(arena, value.data, value.len);
        if (value.data == NULL)
            return st_fail(error, ST_E_MEMORY, "read: out of memory");
    }
    if (err == ST_OK)
        *out_value = value;
    return err;
}

st_err sync_record_get(store_txn *txn, const st_id *id, st_arena *arena, st_record *out_record,
                       st_vector *out_vector, st_error *error)
{
    st_record record;
    store_slice bytes = { 0 };
    pack_key key = pack_id(id);
    st_err err = get_kept(txn, STORE_STATE, &key, arena, &bytes, error);
    if (err == ST_OK)
        err = st_record_decode(bytes.data, bytes.len, arena, &record, error);
    if (err != ST_OK)
        return err;
    if (!record.created)
        return ST_E_NOT_FOUND;                 /* only declined changes name it */
    if (out_vector != NULL) {
        pack_key bucket = pack_text(record.bucket.s);
        err = get_kept(txn, STORE_VECTOR, &bucket, arena, &bytes, error);
        if (err == ST_OK)
            err = st_vector_decode(bytes.data, bytes.len, arena, out_vector, error);
        if (err != ST_OK)
            return err;
    }
    *out_record = record;
    return ST_OK;
}

/* ---- rows ---- */

static bool row_matches(const st_row *row, const sync_filter *filter)
{
    if (filter->unit != NULL && filter->unit[0] != '\0' && strcmp(row->unit, filter->unit) != 0)
        return false;
    if (filter->state != NULL && filter->state[0] != '\0'
        && strcmp(row->state, filter->state) != 0)
        return false;
    if (filter->conflicts_only && row->open_conflicts == 0)
        return false;
    return filter->folded == NULL || filter->folded[0] == '\0'
           || st_text_matches(row->folded, strlen(row->folded), filter->folded,
                              strlen(filter->folded));
}

st_err sync_row_each(store_txn *txn, const sync_filter *filter,
                     bool (*each)(void *context, const st_row *row), void *context,
                     st_error *error)
{
    store_cursor cursor = { 0 };
    st_row row;
    bool more = true;
    bool one_form = filter->form != NULL && filter->form[0] != '\0';
    if (one_form && strlen(filter->form) > ST_CODE_BYTES_MAX)
        return ST_OK;
    pack_key prefix = pack_text(one_form ? filter->form : "");
    if (!one_form)
        prefix.len = 0;
    st_err err = store_cursor_open(txn, STORE_ROWS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    while (err == ST_OK && more && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        err = st_row_decode(cursor.value.data, cursor.value.len, &row, error);
        if (err == ST_OK && row_matches(&row, filter))
            more = each(context, &row);
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

typedef struct {
    st_arena *arena;
    sync_ids ids;
    bool is_full;
} id_walk;

static bool note_id(void *context, const st_row *row)
{
    id_walk *walk = context;
    sync_ids *ids = &walk->ids;
    st_id *list = st_arena_grow(walk->arena, ids->list, ids->count, &ids->capacity, sizeof *list);
    walk->is_full = list == NULL;
    if (walk->is_full)
        return false;
    ids->list = list;
    ids->list[ids->count++] = row->id;
    return true;
}

st_err sync_row_ids(store_txn *txn, const sync_filter *filter, st_arena *arena, sync_ids *out_ids,
                    st_error *error)
{
    id_walk walk = { .arena = arena };
    st_err err = sync_row_each(txn, filter, note_id, &walk, error);
    if (err == ST_OK && walk.is_full)
        err = st_fail(error, ST_E_MEMORY, "records: no memory for the list of them");
    *out_ids = walk.ids;
    return err;
}

/* ---- history ---- */

typedef struct {
    uint64_t index, counter;
    st_id device;
    st_entry_kind kind;
} note;

static st_err read_notes(store_txn *txn, const st_id *record, st_arena *arena, note **out_notes,
                         size_t *out_count, st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(record->b, sizeof record->b);
    note *notes = NULL;
    size_t count = 0, capacity = 0;
    st_err err = store_cursor_open(txn, STORE_HISTORY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        note *grown = notes;
        if (count == capacity)
            grown = st_arena_grow(arena, notes, count, &capacity, sizeof *grown);
        if (grown == NULL || cursor.key.len != 32 || cursor.value.len != 17) {
            err = st_fail(error, grown == NULL ? ST_E_MEMORY : ST_E_CORRUPT,
                          "history: out of memory, or a damaged row");
            break;
        }
        const uint8_t *key = cursor.key.data, *row = cursor.value.data;
        notes = grown;
        notes[count].index = st_get_u64(key + 16);
        notes[count].counter = st_get_u64(key + 24);
        notes[count].kind = (st_entry_kind)row[0];
        memcpy(notes[count++].device.b, row + 1, 16);
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    *out_notes = notes;
    *out_count = count;
    return err;
}

/* What became of notes[0], a change, in the entries after it. */
static st_err find_verdict(store_txn *txn, const st_id *record, const note *notes, size_t count,
                           st_history_item *item, st_error *error)
{
    sync_held held;
    item->verdict = "stored";
    for (size_t i = 1; i < count; i++) {
        if (notes[i].counter != notes[0].counter
            || st_id_cmp(&notes[i].device, &notes[0].device) != 0)
            continue;
        if (notes[i].kind == ST_ENTRY_ACCEPT)
            item->verdict = "accepted";
        else if (notes[i].kind == ST_ENTRY_DECLINE)
            item->verdict = "declined";
        else
            return ST_OK;
        item->decision_index = notes[i].index;
        return ST_OK;
    }
    st_dot dot = { notes[0].device, notes[0].counter };
    st_err err = sync_held_by_dot(txn, record, &dot, &held, error);
    if (err == ST_OK) {
        item->verdict = "held";
        item->hold = held.reason;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* An entry in which the office decided. Its words live as long as the transaction. */
typedef struct {
    uint64_t index; /* 0: none was read yet */
    int64_t time_ms;
    st_id actor;
    store_slice note;
} decision;

static st_err read_decision(store_txn *txn, uint64_t index, decision *out, st_error *error)
{
    sync_row row;
    st_arena arena;
    st_arena_init(&arena, HISTORY_BYTES_MAX);
    st_err err = sync_row_get(txn, index, &arena, &row, error);
    if (err == ST_OK)
        *out = (decision){ index, row.time_ms, row.actor, row.note };
    st_arena_reset(&arena);
    return err;
}

/* Who decided, when and why, if somebody did. One entry may decide about thousands of changes: the
 * last one that was read is kept, and not the numbers of what it is about. */
static st_err fill_decision(store_txn *txn, decision *last, st_history_item *item, st_error *error)
{
    st_err err = ST_OK;
    if (item->decision_index == 0)
        return ST_OK;
    if (last->index != item->decision_index)
        err = read_decision(txn, item->decision_index, last, error);
    if (err != ST_OK)
        return err;
    item->decision_ms = last->time_ms;
    item->decision_actor = last->actor;
    item->decision_reason = (const char *)last->note.data;
    item->decision_reason_len = last->note.len;
    return ST_OK;
}

/* When it was written, by the server's clock, and after which entry. */
static st_err find_moment(store_txn *txn, free_sets *sets, const sync_held *where,
                          st_history_item *item, st_error *error)
{
    sync_bounds bounds;
    st_err err = sync_bounds_get(txn, sets, &where->dot, where->index, &bounds, error);
    if (err != ST_OK)
        return err;
    item->corrected_ms = bounds.found.is_known ? bounds.found.moment.at_ms : 0;
    item->within_ms = bounds.found.moment.within_ms;
    item->rebooted = bounds.found.rebooted;
    item->seen_size = bounds.seen_size;
    item->not_before_ms = bounds.not_before_ms;
    return ST_OK;
}

/* The last meeting mark before the entry, of all that there are. */
static void find_fence(const sync_fences *fences, st_history_item *item)
{
    bool is_unknown = false;
    const sync_fence *fence = sync_fence_before(fences, item->log_index, &is_unknown);
    if (fence == NULL)
        return;
    item->has_fence = true;
    item->fence_is_unknown = is_unknown;
    item->fence_is_unread = is_unknown && fence->is_unread;
    item->fence_is_close = fence->is_close;
    item->fence_meeting = fence->meeting;
}

/* Where the log has the change of a note. */
static sync_held place_of(const note *at)
{
    sync_held where;
    memset(&where, 0, sizeof where);
    where.index = at->index;
    where.dot.device = at->device;
    where.dot.counter = at->counter;
    return where;
}

/* One change of the log, whose set is in *sets then; all but its verdict. */
static st_err fill_item(store_txn *txn, free_sets *sets, const sync_fences *fences,
                        const sync_held *where, st_history_item *item, st_error *error)
{
    free_source *source = NULL;
    memset(item, 0, sizeof *item);
    st_err err = free_sets_find(sets, txn, where, &source, &item->change, error);
    if (err != ST_OK)
        return err;
    item->actor = source->row.actor;
    item->role = source->set.role;
    item->via = source->set.via;
    item->received_ms = source->row.time_ms;
    item->server_ms = source->row.wall_ms;
    item->log_index = where->index;
    item->has_carrier = !st_id_is_zero(&source->row.carrier);
    item->carrier = source->row.carrier;
    find_fence(fences, item);
    return find_moment(txn, sets, where, item, error);
}

/* Changes of one record that are not in the book. */
typedef struct {
    const st_id *record;
    st_arena *arena;
    sync_held *list;
    size_t count, capacity;
    bool waits;                /* they are held; else: they were declined */
    st_err err;
} outside_list;

static st_err add_outside(outside_list *list, const sync_held *where)
{
    sync_held *grown = list->list;
    if (list->count == list->capacity)
        grown = st_arena_grow(list->arena, grown, list->count, &list->capacity, sizeof *grown);
    if (grown == NULL)
        return ST_E_MEMORY;
    list->list = grown;
    list->list[list->count++] = *where;
    return ST_OK;
}

static bool add_unfolded(void *context, const sync_held *held)
{
    outside_list *list = context;
    if (sync_held_is_unfolded(held) && st_id_cmp(&held->record, list->record) == 0)
        list->err = add_outside(list, held);
    return list->err == ST_OK;
}

/* A held change; its set is in *sets then. */
static st_err fill_held(store_txn *txn, free_sets *sets, const sync_fences *fences,
                        const sync_held *held, st_history_item *item, st_error *error)
{
    st_err err = fill_item(txn, sets, fences, held, item, error);
    item->verdict = "held";
    item->hold = held->reason;
    return err;
}

/* Of a record that only another branch of a device has: what waits of it. */
typedef struct {
    const sync_fences *fences;
    outside_list list;
} branch;

static st_err each_of_branch(store_txn *txn, branch *b, free_sets *sets,
                             bool (*each)(void *context, const st_history_item *item),
                             void *context, st_error *error)
{
    bool more = true;
    st_err err = sync_held_each(txn, add_unfolded, &b->list, error);
    if (err == ST_OK && b->list.err != ST_OK)
        err = st_fail(error, b->list.err, "history: out of memory");
    if (err == ST_OK && b->list.count == 0)
        err = st_fail(error, ST_E_NOT_FOUND, "no such record");
    for (size_t i = 0; err == ST_OK && more && i < b->list.count; i++) {
        st_history_item item;
        err = fill_held(txn, sets, b->fences, &b->list.list[i], &item, error);
        more = err == ST_OK && each(context, &item);
    }
    return err;
}

st_err sync_history_each(sync_room *room, store_txn *txn, const st_id *record,
                         bool (*each)(void *context, const st_history_item *item),
                         void *context, st_error *error)
{
    st_arena arena;
    free_sets sets;
    sync_fences fences = { NULL, 0, 0 };
    note *notes = NULL;
    size_t count = 0;
    decision last = { .index = 0 };
    bool more = true;
    memset(&sets, 0, sizeof sets);
    st_arena_init(&arena, HISTORY_BYTES_MAX);
    st_err err = read_notes(txn, record, &arena, &notes, &count, error);
    if (err == ST_OK)
        err = sync_fences_read(room, txn, &arena, &fences, error);
    branch other = { &fences, { .record = record, .arena = &arena } };
    if (err == ST_OK && count == 0)
        err = each_of_branch(txn, &other, &sets, each, context, error);
    for (size_t i = 0; err == ST_OK && more && i < count; i++) {
        st_history_item item;
        if (notes[i].kind != ST_ENTRY_CHANGE)
            continue;
        const sync_held where = place_of(&notes[i]);
        err = fill_item(txn, &sets, &fences, &where, &item, error);
        if (err == ST_OK)
            err = find_verdict(txn, record, &notes[i], count - i, &item, error);
        if (err == ST_OK)
            err = fill_decision(txn, &last, &item, error);
        more = err == ST_OK && each(context, &item);
    }
    free_sets_end(&sets);
    st_arena_reset(&arena);
    return err;
}

/* ---- what is not in the book: held, or declined ---- */

typedef struct {
    sync_room *room;
    store_txn *txn;
    const st_id *record;
    free_sets sets;
    const st_form *form;
    sync_unread unread;        /* why it was not found although it may be there */
} form_search;

static bool form_is_read(form_search *search, st_err err, const st_error *why)
{
    sync_note_unread(&search->unread, err, why);
    return err == ST_OK;
}

/* The form of the change, when it makes the record. */
static void take_form(form_search *search, const st_change *change)
{
    if (change->creates)
        search->form =
            catalogue_form(search->room->catalogue, change->form.s, change->form_version);
}

static void look_for_form(form_search *search, const sync_held *where)
{
    free_source *source = NULL;
    const st_change *change = NULL;
    st_error why = { ST_OK, "" };
    if (search->form != NULL)
        return;
    st_err err = free_sets_find(&search->sets, search->txn, where, &source, &change, &why);
    if (form_is_read(search, err, &why))
        take_form(search, change);
}

static bool look_at_held(void *context, const sync_held *held)
{
    form_search *search = context;
    if (st_id_cmp(&held->record, search->record) == 0)
        look_for_form(search, held);
    return search->form == NULL;
}

/* Of another branch, also when nothing of it waits any more. */
static bool look_at_fork(void *context, uint64_t index)
{
    form_search *search = context;
    sync_row row;
    st_set set;
    st_arena arena;
    st_error why = { ST_OK, "" };
    st_arena_init(&arena, HISTORY_BYTES_MAX);
    st_err err = sync_row_get(search->txn, index, &arena, &row, &why);
    if (err == ST_OK)
        err = st_set_decode(row.set.data, row.set.len, &arena, &set, &why);
    bool is_read = form_is_read(search, err, &why);
    for (uint32_t i = 0; is_read && i < set.changes_count; i++)
        if (st_id_cmp(&set.changes[i].record, search->record) == 0)
            take_form(search, &set.changes[i]);
    st_arena_reset(&arena);
    return search->form == NULL;
}

/* In what waits, and in other branches: such a record is in no history. */
static void look_outside(form_search *search)
{
    st_error why = { ST_OK, "" };
    st_err err = sync_held_each(search->txn, look_at_held, search, &why);
    if (form_is_read(search, err, &why) && search->form == NULL) {
        err = sets_each_fork(search->txn, look_at_fork, search, &why);
        (void)form_is_read(search, err, &why);
    }
}

st_err sync_form_of(sync_room *room, store_txn *txn, const st_id *record,
                    const st_form **out_form, st_error *error)
{
    form_search search;
    st_arena arena;
    st_record state;
    note *notes = NULL;
    size_t count = 0;
    st_error why = { ST_OK, "" };
    memset(&search, 0, sizeof search);
    search.room = room;
    search.txn = txn;
    search.record = record;
    st_arena_init(&arena, HISTORY_BYTES_MAX);
    st_err err = sync_record_get(txn, record, &arena, &state, NULL, &why);
    bool is_here = form_is_read(&search, err, &why);
    if (is_here)
        search.form = sync_record_form(room, &state);
    else if (!form_is_read(&search, read_notes(txn, record, &arena, &notes, &count, &why), &why))
        count = 0;
    for (size_t i = 0; i < count && search.form == NULL; i++) {
        const sync_held where = place_of(&notes[i]);
        if (notes[i].kind == ST_ENTRY_CHANGE)
            look_for_form(&search, &where);
    }
    if (!is_here && search.form == NULL)
        look_outside(&search);
    free_sets_end(&search.sets);
    st_arena_reset(&arena);
    *out_form = search.form;
    return search.form != NULL ? ST_OK
                               : sync_check_unread(&search.unread, "the form of the record", error);
}

st_err sync_history_held(sync_room *room, store_txn *txn, const sync_held *held,
                         bool (*each)(void *context, const st_history_item *item),
                         void *context, st_error *error)
{
    st_arena arena;
    free_sets sets;
    st_history_item item;
    sync_fences fences = { NULL, 0, 0 };
    memset(&sets, 0, sizeof sets);
    st_arena_init(&arena, HISTORY_BYTES_MAX);
    st_err err = sync_fences_read(room, txn, &arena, &fences, error);
    if (err == ST_OK)
        err = fill_held(txn, &sets, &fences, held, &item, error);
    if (err == ST_OK)
        (void)each(context, &item);
    free_sets_end(&sets);
    st_arena_reset(&arena);
    return err;
}

/* All that waits of the record; nothing does: all that was declined. */
static st_err list_outside(store_txn *txn, outside_list *list, st_error *error)
{
    note *notes = NULL;
    size_t count = 0;
    st_err err = read_notes(txn, list->record, list->arena, &notes, &count, error);
    for (int pass = 0; err == ST_OK && pass < 2 && list->count == 0; pass++) {
        list->waits = pass == 0;
        for (size_t i = 0; err == ST_OK && i < count; i++) {
            st_history_item item = { .hold = ST_HOLD_NONE };
            const sync_held where = place_of(&notes[i]);
            if (notes[i].kind != ST_ENTRY_CHANGE)
                continue;
            err = find_verdict(txn, list->record, &notes[i], count - i, &item, error);
            if (err == ST_OK && strcmp(item.verdict, list->waits ? "held" : "declined") == 0)
                err = add_outside(list, &where);
        }
        if (err == ST_OK && list->waits)
            err = sync_held_each(txn, add_unfolded, list, error);
        if (err == ST_OK)
            err = list->err;
    }
    return err == ST_E_MEMORY ? st_fail(error, err, "record: out of memory") : err;
}

/* Folds the listed changes by themselves, as they would stand if they had been let in. */
static st_err fold_outside(store_txn *txn, const outside_list *list, st_record *record,
                           st_error *error)
{
    const st_fold_how how = { ST_FOLD_APPLY, true };
    st_vector vector;
    free_sets sets;
    st_err err = ST_OK;
    memset(&sets, 0, sizeof sets);
    st_vector_init(&vector, list->arena);
    for (size_t i = 0; err == ST_OK && i < list->count; i++) {
        free_source *source = NULL;
        const st_change *change = NULL;
        err = free_sets_find(&sets, txn, &list->list[i], &source, &change, error);
        if (err == ST_OK && i == 0)
            st_record_init(record, list->arena, list->record, &source->set.bucket);
        if (err != ST_OK || st_change_is_frozen(change) || change->unknown)
            continue;
        const st_arrival what = free_arrival(source);
        err = st_merge_fold(&vector, record, change, &what, how);
        if (err != ST_OK)
            err = st_fail(error, err, "record: out of memory");
    }
    free_sets_end(&sets);
    return err;
}

st_err sync_record_outside(store_txn *txn, const st_id *id, st_arena *arena,
                           st_record *out_record, st_outside *out_outside, st_error *error)
{
    st_record record;
    outside_list list;
    memset(&record, 0, sizeof record);
    memset(&list, 0, sizeof list);
    list.record = id;
    list.arena = arena;
    st_err err = list_outside(txn, &list, error);
    if (err == ST_OK)
        err = fold_outside(txn, &list, &record, error);
    if (err == ST_OK && !record.created)
        err = st_fail(error, ST_E_NOT_FOUND, "no such record");
    if (err != ST_OK)
        return err;
    *out_record = record;
    *out_outside = list.waits ? ST_OUTSIDE_WAITS : ST_OUTSIDE_DECLINED;
    return ST_OK;
}

/* ---- names ---- */

/* The name in the arena, if it was read; why not, unless it is not there. */
static const char *keep(sync_directory *d, st_err err, const char *name, st_error *why)
{
    const char *copy = NULL;
    if (err == ST_OK && name[0] != '\0') {
        copy = (const char *)st_arena_copy(d->arena, name, strlen(name));
        err = copy != NULL ? ST_OK : st_fail(why, ST_E_MEMORY, "out of memory");
    }
    sync_note_unread(d->unread, err, why);
    return copy;
}

static const char *name_login(void *context, const st_id *person)
{
    sync_directory *d = context;
    auth_person found;
    st_error why = { ST_OK, "" };
    st_err err = auth_person_get(d->txn, person, &found, &why);
    return keep(d, err, found.login.s, &why);
}

static const char *name_unit(void *context, const char *unit)
{
    sync_directory *d = context;
    catalogue_unit found;
    st_error why = { ST_OK, "" };
    st_err err = catalogue_unit_get(d->txn, unit, &found, &why);
    return keep(d, err, found.name, &why);
}

static const char *name_key(void *context, const char *keys, const char *key)
{
    sync_directory *d = context;
    char label[512];
    st_error why = { ST_OK, "" };
    st_err err = catalogue_key_label(d->room->catalogue, d->txn, keys, key, label, sizeof label);
    return keep(d, err, label, &why);
}

void sync_directory_init(sync_directory *directory, sync_room *room, store_txn *txn,
                         st_arena *arena, sync_unread *unread)
{
    memset(directory, 0, sizeof *directory);
    directory->room = room;
    directory->txn = txn;
    directory->arena = arena;
    directory->unread = unread;
    directory->directory.context = directory;
    directory->directory.login = name_login;
    directory->directory.unit_name = name_unit;
    directory->directory.key_label = name_key;
}

/* ---- devices, figures ---- */

typedef struct {
    store_txn *txn;
    bool (*each)(void *context, const sync_device *device);
    void *context;
    sync_unread *unread;       /* NULL: no logins are wanted */
    st_err err;
} device_walk;

static bool note_gap(void *context, const sets_gap *gap)
{
    sync_device *line = context;
    if (line->gaps_count < SYNC_GAPS_SHOWN)
        line->gaps[line->gaps_count] = *gap;
    line->gaps_count++;
    return true;
}

static void find_login(device_walk *walk, sync_device *line)
{
    auth_person person;
    st_error why = { ST_OK, "" };
    st_err err = auth_person_get(walk->txn, &line->device.person, &person, &why);
    if (err == ST_OK)
        line->login = person.login;
    sync_note_unread(walk->unread, err, &why);
}

static bool show_device(void *context, const auth_device *device)
{
    device_walk *walk = context;
    sync_device line;
    sets_head head;
    memset(&line, 0, sizeof line);
    line.device = *device;
    walk->err = auth_contact_get(walk->txn, &device->id, &line.contact, NULL);
    if (walk->err == ST_OK)
        walk->err = sets_head_get(walk->txn, &device->id, &head, NULL);
    if (walk->err == ST_OK)
        walk->err = sets_gap_each(walk->txn, &device->id, note_gap, &line, NULL);
    if (walk->err != ST_OK)
        return false;
    line.counter = head.last;
    if (walk->unread != NULL)
        find_login(walk, &line);
    return walk->each(walk->context, &line);
}

st_err sync_device_each(store_txn *txn, bool (*each)(void *context, const sync_device *device),
                        void *context, sync_unread *unread, st_error *error)
{
    device_walk walk = { txn, each, context, unread, ST_OK };
    st_err err = auth_device_each(txn, show_device, &walk, error);
    if (err == ST_OK && walk.err != ST_OK)
        err = st_fail(error, walk.err, "store: a row of a device cannot be read");
    return err;
}

static bool count_conflicts(void *context, const st_row *row)
{
    *(uint64_t *)context += row->open_conflicts;
    return true;
}

static bool count_gaps(void *context, const sync_device *device)
{
    *(uint64_t *)context += device->gaps_count;
    return true;
}

st_err sync_stat_get(store_txn *txn, sync_stat *out_stat, st_error *error)
{
    store_stats stats;
    sync_stat stat;
    sync_filter all;
    memset(&stat, 0, sizeof stat);
    memset(&all, 0, sizeof all);
    all.conflicts_only = true;
    st_err err = store_stat(txn, &stats, error);
    if (err == ST_OK)
        err = sync_row_each(txn, &all, count_conflicts, &stat.open_conflicts, error);
    if (err == ST_OK)
        err = sync_device_each(txn, count_gaps, &stat.gaps, NULL, error);
    if (err != ST_OK)
        return err;
    stat.records = stats.rows[STORE_REC];
    stat.log_entries = stats.rows[STORE_LOG];
    stat.devices = stats.rows[STORE_DEVICE];
    stat.held = stats.rows[STORE_HELD];
    stat.incidents = stats.rows[STORE_INCIDENT];
    err = sync_backed_up_to(txn, &stat.backed_up_to, error);
    if (err != ST_OK)
        return err;
    stat.store_bytes = stats.bytes_used;
    *out_stat = stat;
    return ST_OK;
}
