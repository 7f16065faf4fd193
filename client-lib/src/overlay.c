/* client-lib/src/overlay.c - folds own unsent, held and carried changes over the base of a record.
 * Promises: what the base has leaves the overlay; a frozen change is skipped, as every replica
 * skips it; the base on disk is not touched by reading.
 * Never: another person's change that neither the base has nor somebody brought by hand. */
#include "client-lib/src/overlay.h"

#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/outbox.h"
#include "client-lib/src/outside.h"
#include "client-lib/src/slip.h"
#include "proto/changeset.h"
#include "proto/merge.h"

#define ROW_BYTES_MAX   ((size_t)ST_FRAME_BYTES_MAX)
#define ENTRY_BYTES     10u
#define ALIAS_STEPS_MAX 16 /* a device that is enrolled anew so often has other worries */

static book_key over_key(const st_id *record, const st_dot *dot)
{
    book_key key = book_key_id(BOOK_OVER, record);
    book_key_bytes(&key, dot->device.b, sizeof dot->device.b);
    book_key_u64(&key, dot->counter);
    return key;
}

st_err overlay_put(book_db *book, const st_id *record, const overlay_entry *entry, st_error *error)
{
    uint8_t value[ENTRY_BYTES];
    st_put_u64(value, entry->first);
    value[8] = (uint8_t)entry->status;
    value[9] = (uint8_t)entry->hold;
    book_key key = over_key(record, &entry->dot);
    return book_put(book, &key, value, sizeof value, error);
}

st_err overlay_delete(book_db *book, const st_id *record, const st_dot *dot, st_error *error)
{
    book_key key = over_key(record, dot);
    return book_delete(book, &key, error);
}

static st_err damaged_note(st_error *error)
{
    return st_fail(error, ST_E_CORRUPT, "store: the note of an own change is damaged");
}

/* The first counter of the last set of the device that begins with this change, or before it. */
static st_err set_upto(book_db *book, book_table table, const st_dot *dot, uint64_t *out_first,
                       st_error *error)
{
    book_key found, after = book_key_counter(table, &dot->device, dot->counter + 1);
    st_err err = book_before(book, &after, 17, &found, error);
    if (err != ST_OK)
        return err;
    if (found.len != after.len)
        return damaged_note(error);
    *out_first = st_get_u64(found.b + 17);
    return ST_OK;
}

/* Of a note that does not open: what it said follows from where the change lies. Of what the server
 * has it would mostly be gone, were it not held. */
static st_err retell(book_db *book, overlay_entry *entry, st_error *error)
{
    const st_dot *dot = &entry->dot;
    outbox_set own = { .last = 0 };
    uint64_t first = 0;
    st_err err = set_upto(book, BOOK_OWN, dot, &first, error);
    if (err == ST_OK)
        err = outbox_get(book, &dot->device, first, &own, error);
    if (err == ST_OK && own.last >= dot->counter) {
        bool is_there = own.status == OUTBOX_SENT || own.status == OUTBOX_HELD;
        entry->first = own.first;
        entry->status = is_there ? OVERLAY_HELD : OVERLAY_SEALED;
        entry->hold = own.status == OUTBOX_SENT ? ST_HOLD_WAITS : own.hold;
        return ST_OK;
    }
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    err = set_upto(book, BOOK_TAKEN, dot, &entry->first, error);
    entry->status = err == ST_OK ? OVERLAY_CARRIED : OVERLAY_UNSEALED;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err unpack(book_db *book, const book_value *value, overlay_entry *entry, st_error *error)
{
    if (value->data == NULL)
        return retell(book, entry, error);
    if (value->len != ENTRY_BYTES || value->data[8] > OVERLAY_CARRIED)
        return damaged_note(error);
    entry->first = st_get_u64(value->data);
    entry->status = (overlay_status)value->data[8];
    entry->hold = (st_hold)value->data[9];
    return ST_OK;
}

st_err overlay_get(book_db *book, const st_id *record, const st_dot *dot, overlay_entry *out_entry,
                   st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_key key = over_key(record, dot);
    book_value value = { NULL, 0 };
    overlay_entry entry = { .dot = *dot };
    st_err err = book_get(book, &key, &arena, &value, error);
    if (err == ST_OK || book_is_damage(book, err))
        err = unpack(book, &value, &entry, error);
    if (err == ST_OK)
        *out_entry = entry;
    st_arena_reset(&arena);
    return err;
}

bool overlay_is_undecided(const overlay_entry *entry)
{
    return entry->status == OVERLAY_HELD && entry->first != 0 && entry->hold != ST_HOLD_FORK &&
           entry->hold != ST_HOLD_CORRUPT;
}

st_err overlay_note_next(book_db *book, book_scan *scan, st_id *out_record, st_dot *out_dot,
                         st_error *error)
{
    for (;;) {
        st_err err = book_scan_next(book, scan, NULL, NULL, error);
        if (err != ST_OK)
            return err;
        if (scan->at.len != 1 + 16 + 16 + 8)
            continue;
        memcpy(out_record->b, scan->at.b + 1, sizeof out_record->b);
        memcpy(out_dot->device.b, scan->at.b + 17, sizeof out_dot->device.b);
        out_dot->counter = st_get_u64(scan->at.b + 33);
        return ST_OK;
    }
}

const st_change *overlay_change(const st_set *set, uint64_t counter)
{
    if (counter < set->first || counter - set->first >= set->changes_count)
        return NULL;
    return &set->changes[counter - set->first];
}

st_err overlay_base_get(sotay_client *client, const st_id *id, st_arena *arena,
                        st_record *out_record, st_error *error)
{
    book_value value = { NULL, 0 };
    book_key key = book_key_id(BOOK_BASE, id);
    st_err err = book_get(&client->book, &key, arena, &value, error);
    return err == ST_OK ? st_record_decode(value.data, value.len, arena, out_record, error) : err;
}

st_err overlay_set_get(sotay_client *client, const st_dot *dot, uint64_t first, st_arena *arena,
                       st_set *out_set, st_error *error)
{
    book_key key = book_key_of(BOOK_CHANGE);
    if (first == 0)
        book_key_u64(&key, dot->counter);
    else
        key = book_key_counter(BOOK_SET, &dot->device, first);
    book_value value = { NULL, 0 };
    st_err err = book_get(&client->book, &key, arena, &value, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_CORRUPT, "store: a kept change-set is missing");
    if (err == ST_OK)
        err = st_set_decode_kept(value.data, value.len, arena, out_set, error);
    return err;
}

st_err overlay_set_next(sotay_client *client, book_scan *scan, st_arena *arena, st_set *out_set,
                        st_error *error)
{
    for (;;) {
        st_err err = book_scan_next(&client->book, scan, NULL, NULL, error);
        if (err != ST_OK)
            return err;
        st_dot at;
        memcpy(at.device.b, scan->at.b + 1, sizeof at.device.b);
        at.counter = st_get_u64(scan->at.b + 17);
        err = overlay_set_get(client, &at, at.counter, arena, out_set, error);
        if (err == ST_OK || st_err_is_passing(err) || client->book.failed != ST_OK)
            return err;
    }
}

st_err overlay_author(sotay_client *client, const st_set *set, st_id *out_author, st_error *error)
{
    st_id author = { { 0 } };
    st_err err = ST_OK;
    if (set->has_actor)
        author = set->actor;
    else
        err = lexicon_person(client, &set->device, &author, error);
    bool is_known = err == ST_OK || (err != ST_E_NOT_FOUND && err != ST_E_CORRUPT);
    if (!is_known && st_id_cmp(&set->device, &client->me.device) == 0) {
        author = client->next.person;
        err = ST_OK;
    }
    *out_author = author;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

void overlay_walk_begin(overlay_walk *walk, sotay_client *client, const st_id *record,
                        st_arena *arena)
{
    memset(walk, 0, sizeof *walk);
    walk->client = client;
    walk->arena = arena;
    book_key prefix = book_key_id(BOOK_OVER, record);
    walk->scan = book_scan_of(&prefix);
}

/* Makes walk->set the one that the entry lies in. */
static st_err take_set(overlay_walk *walk, const overlay_entry *entry, st_error *error)
{
    st_dot at = { entry->dot.device, entry->first == 0 ? 0 : entry->first };
    if (walk->has_set && entry->first != 0 && st_dot_cmp(&at, &walk->set_at) == 0)
        return ST_OK;
    walk->has_set = false;
    st_err err = entry->status == OVERLAY_CARRIED
                     ? carried_get(walk->client, &entry->dot.device, entry->first, walk->arena,
                                   &walk->set, error)
                     : overlay_set_get(walk->client, &entry->dot, entry->first, walk->arena,
                                       &walk->set, error);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_CORRUPT, "store: a carried change-set is missing");
    if (err == ST_OK) {
        walk->set_at = at;
        walk->has_set = true;
    }
    return err;
}

st_err overlay_walk_next(overlay_walk *walk, overlay_entry *out_entry, const st_change **out_change,
                         const st_set **out_set, st_error *error)
{
    book_value value = { NULL, 0 };
    overlay_entry entry;
    memset(&entry, 0, sizeof entry);
    *out_entry = entry;
    book_db *book = &walk->client->book;
    st_err err = book_scan_next(book, &walk->scan, walk->arena, &value, error);
    if (err != ST_OK && !book_is_damage(book, err))
        return err;
    const book_key *key = &walk->scan.at;
    if (key->len != 1 + 16 + 16 + 8)
        return damaged_note(error);
    memcpy(entry.dot.device.b, key->b + 17, 16);
    entry.dot.counter = st_get_u64(key->b + 33);
    err = unpack(book, &value, &entry, error);
    if (err != ST_OK)
        return err;
    *out_entry = entry;
    err = take_set(walk, &entry, error);
    if (err != ST_OK)
        return err;
    const st_change *change = overlay_change(&walk->set, entry.dot.counter);
    if (change == NULL || memcmp(change->record.b, key->b + 1, sizeof change->record.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "store: an own change is not in its set");
    *out_change = change;
    *out_set = &walk->set;
    return ST_OK;
}

/* Loads the base, or an empty record in the bucket of the first own change. */
static st_err load_base(sotay_client *client, const st_id *id, st_arena *arena, overlay_view *view,
                        st_error *error)
{
    book_key key = book_key_id(BOOK_BASE, id);
    book_value value = { NULL, 0 };
    st_err err = book_get(&client->book, &key, arena, &value, error);
    if (err == ST_OK) {
        view->has_base = true;
        err = st_record_decode(value.data, value.len, arena, &view->record, error);
    } else if (err == ST_E_NOT_FOUND) {
        overlay_walk walk;
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        overlay_walk_begin(&walk, client, id, arena);
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        if (err == ST_OK)
            st_record_init(&view->record, arena, id, &set->bucket);
    }
    char text[33];
    st_id_format(id, text);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "record %s: not on this device", text);
    if (err == ST_OK)
        err = bucket_vector_get(&client->book, &view->record.bucket, arena, &view->vector, error);
    return err;
}

static st_err note_held(overlay_view *view, const overlay_entry *entry, st_arena *arena,
                        st_error *error)
{
    st_show_held *helds = view->helds;
    view->is_held = true;
    if (view->helds_count == view->helds_capacity)
        helds =
            st_arena_grow(arena, helds, view->helds_count, &view->helds_capacity, sizeof *helds);
    if (helds == NULL)
        return st_fail(error, ST_E_MEMORY, "record: no memory");
    view->helds = helds;
    helds[view->helds_count++] = (st_show_held){ entry->dot, entry->hold };
    return ST_OK;
}

static st_err fold_own(sotay_client *client, overlay_view *view, const overlay_entry *entry,
                       const st_change *change, const st_set *set, st_error *error)
{
    if (st_vector_has(&view->vector, &change->dot) || st_change_is_frozen(change) ||
        change->unknown)
        return ST_OK;
    st_arrival arrival;
    st_err err = ST_OK;
    bool is_carried = entry->status == OVERLAY_CARRIED;
    memset(&arrival, 0, sizeof arrival);
    if (set->has_actor)
        arrival.actor = set->actor;
    else if (!is_carried)
        arrival.actor = client->next.person;
    else
        err = lexicon_person(client, &set->device, &arrival.actor, error);
    if (st_err_is_passing(err))
        return err;
    view->is_damaged = view->is_damaged || err == ST_E_CORRUPT;
    arrival.role = set->role;
    arrival.via = set->via;
    st_fold_how how = { ST_FOLD_APPLY, false };
    view->has_own = view->has_own || !is_carried;
    view->has_carried = view->has_carried || is_carried;
    return st_merge_fold(&view->vector, &view->record, change, &arrival, how);
}

/* One step further; ST_E_NOT_FOUND without *error: it is here under this name, or had no other. */
static st_err follow_alias(sotay_client *client, st_id *id, st_error *error)
{
    st_arena arena;
    bool is_here = false;
    book_value value = { NULL, 0 };
    book_key key = book_key_id(BOOK_ALIAS, id), row = book_key_id(BOOK_ROW, id);
    st_arena_init(&arena, 4096);
    st_err err = book_has(&client->book, &row, &is_here, error);
    if (err == ST_OK && is_here)
        err = ST_E_NOT_FOUND; /* the other branch made it too */
    if (err == ST_OK)
        err = book_get(&client->book, &key, &arena, &value, error);
    if (err == ST_OK && value.len != sizeof id->b)
        err = st_fail(error, ST_E_CORRUPT, "store: what a record became is damaged");
    if (err == ST_OK)
        memcpy(id->b, value.data, sizeof id->b);
    st_arena_reset(&arena);
    return err;
}

st_err overlay_find(sotay_client *client, const sotay_id *record, st_id *out_id, st_error *error)
{
    st_err err = ST_OK;
    memcpy(out_id->b, record->b, sizeof out_id->b);
    for (int step = 0; err == ST_OK && step < ALIAS_STEPS_MAX; step++)
        err = follow_alias(client, out_id, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err overlay_find_known(sotay_client *client, const sotay_id *record, st_id *out_id,
                          st_error *error)
{
    st_err err = overlay_find(client, record, out_id, error);
    return book_is_damage(&client->book, err) ? ST_OK : err;
}

/* The form of the record; that of its row when only own work on it is left here (its unit is not
 * read any more): that stays readable. */
static st_err find_form(sotay_client *client, overlay_view *view, st_arena *arena, st_error *error)
{
    st_record *record = &view->record;
    st_err err = ST_OK;
    if (!record->created) {
        book_key key = book_key_id(BOOK_ROW, &record->id);
        book_value value = { NULL, 0 };
        st_row row;
        err = book_get(&client->book, &key, arena, &value, error);
        if (err == ST_OK)
            err = st_row_decode(value.data, value.len, &row, error);
        if (err != ST_OK)
            return err == ST_E_NOT_FOUND ? ST_OK : err;
        record->form = row.form;
    }
    err = lexicon_form(client, record->form.s, record->form_version, &view->form, error);
    if (err == ST_OK)
        record->form_version = view->form->version;
    view->is_form_damaged = err == ST_E_CORRUPT;
    view->is_damaged = view->is_damaged || view->is_form_damaged;
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err;
}

st_err overlay_need_form(const overlay_view *view, st_error *error)
{
    if (view->form != NULL)
        return ST_OK;
    return view->is_form_damaged
               ? st_fail(error, ST_E_CORRUPT, "record: its form is damaged on this device; the next"
                                              " sync mends it")
               : st_fail(error, ST_E_NOT_FOUND, "record: its form is not on this device yet");
}

bool overlay_leaves_out(const sotay_client *client, const overlay_view *view,
                        const overlay_entry *entry, st_err err)
{
    bool is_known = entry->dot.counter > 0 && entry->status != OVERLAY_HELD;
    return book_is_damage(&client->book, err) && is_known &&
           (view->has_base || view->record.created);
}

st_err overlay_load(sotay_client *client, const st_id *record, st_arena *arena,
                    overlay_view *out_view, st_error *error)
{
    overlay_view view;
    memset(&view, 0, sizeof view);
    st_err err = load_base(client, record, arena, &view, error);
    overlay_walk walk;
    overlay_walk_begin(&walk, client, record, arena);
    while (err == ST_OK) {
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        if (overlay_leaves_out(client, &view, &entry, err)) {
            view.is_damaged = true;
            view.lacks_own = view.lacks_own || entry.status != OVERLAY_CARRIED;
            err = ST_OK;
            continue;
        }
        if (err == ST_OK && entry.status == OVERLAY_HELD)
            err = note_held(&view, &entry, arena, error);
        if (err == ST_OK)
            err = fold_own(client, &view, &entry, change, set, error);
    }
    if (err != ST_E_NOT_FOUND || (!view.has_base && !view.has_own && !view.has_carried))
        return err;
    err = find_form(client, &view, arena, error);
    if (err != ST_OK)
        return err;
    *out_view = view;
    return ST_OK;
}

st_show_how overlay_how(const sotay_client *client, const lexicon_directory *names, bool is_held)
{
    st_show_how how;
    memset(&how, 0, sizeof how);
    how.directory = names == NULL ? NULL : &names->directory;
    how.lang = client->lang;
    how.offset_minutes = client->offset_minutes;
    how.is_phone = true;
    how.is_held = is_held;
    return how;
}

static st_err put_row(sotay_client *client, const st_id *id, st_row *row, st_error *error)
{
    const char *folded = row->folded == NULL ? "" : row->folded;
    book_key row_key = book_key_id(BOOK_ROW, id), fold_key = book_key_id(BOOK_FOLD, id);
    row->folded = ""; /* apart, so that a list reads little */
    st_buffer out;
    st_buffer_init(&out, ROW_BYTES_MAX);
    st_err err = st_row_encode(row, &out, error);
    if (err == ST_OK)
        err = book_put(&client->book, &row_key, out.data, out.len, error);
    if (err == ST_OK)
        err = book_put(&client->book, &fold_key, folded, strlen(folded), error);
    st_buffer_free(&out);
    return err;
}

st_err overlay_row_put(sotay_client *client, const overlay_view *view, st_arena *arena,
                       st_error *error)
{
    if (view->form == NULL)
        return ST_OK; /* shown once its form, or the change that makes it, is here */
    lexicon_directory names;
    lexicon_directory_init(&names, client, arena);
    st_show_how how = overlay_how(client, &names, view->is_held);
    how.outside = view->outside;
    st_row row;
    memset(&row, 0, sizeof row);
    st_err err = st_row_make(view->form, &view->record, &how, arena, &row, error);
    if (err == ST_OK) /* else nobody finds it by that name */
        err = unread_check(&names.unread, error);
    return err == ST_OK ? put_row(client, &view->record.id, &row, error) : err;
}

/* The same; of what was declined only its author has one. */
static st_err put_row_of(sotay_client *client, overlay_view *view, st_arena *arena, st_error *error)
{
    st_err err = outside_fold(client, view, arena, NULL);
    if (err != ST_OK && err != ST_E_CORRUPT)
        return st_fail(error, err, "store: what was declined could not be read");
    if (view->outside != ST_OUTSIDE_NONE && !view->has_own)
        return ST_OK;
    return overlay_row_put(client, view, arena, error);
}

static st_err delete_row(sotay_client *client, const st_id *record, st_error *error)
{
    book_key row = book_key_id(BOOK_ROW, record), fold = book_key_id(BOOK_FOLD, record);
    st_err err = book_delete(&client->book, &row, error);
    return err == ST_OK ? book_delete(&client->book, &fold, error) : err;
}

st_err overlay_row_refresh(sotay_client *client, const st_id *record, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    overlay_view view;
    st_err err = overlay_load(client, record, &arena, &view, error);
    if (err == ST_OK) {
        err = put_row_of(client, &view, &arena, error);
    } else if (err == ST_E_NOT_FOUND) {
        err = delete_row(client, record, error);
    }
    st_arena_reset(&arena);
    return err;
}

static bool is_damaged(const sotay_client *client, st_err err)
{
    return book_is_damage(&client->book, err);
}

st_err overlay_row_settle(sotay_client *client, const st_id *record, st_error *error)
{
    st_err err = overlay_row_refresh(client, record, error);
    return is_damaged(client, err) ? ST_OK : err;
}

st_err overlay_row_renew(sotay_client *client, const st_id *record, st_error *error)
{
    st_err err = overlay_row_refresh(client, record, error);
    return is_damaged(client, err) ? delete_row(client, record, error) : err;
}

st_err overlay_hide_carried(sotay_client *client, const st_id *device, uint64_t first,
                            st_error *error)
{
    book_key prefix = book_key_of(BOOK_OVER);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id record;
        st_dot dot;
        overlay_entry entry;
        err = overlay_note_next(&client->book, &scan, &record, &dot, error);
        if (err != ST_OK || st_id_cmp(&dot.device, device) != 0)
            continue;
        err = overlay_get(&client->book, &record, &dot, &entry, error);
        if (err != ST_OK || entry.status != OVERLAY_CARRIED || entry.first != first)
            continue;
        err = overlay_delete(&client->book, &record, &dot, error);
        if (err == ST_OK)
            err = overlay_row_renew(client, &record, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err put_base_row(sotay_client *client, const st_record *base, st_error *error)
{
    st_arena arena;
    overlay_view view = { .record = *base, .has_base = true };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_form(client, &view, &arena, error);
    if (err == ST_OK)
        err = put_row_of(client, &view, &arena, error);
    st_arena_reset(&arena);
    return err;
}

/* What was lost before the base came lies over it no longer. */
static st_err refresh_over_base(sotay_client *client, const st_id *record, st_error *error)
{
    bool any = false;
    st_err err = outbox_drop_lost(client, record, &any, error);
    return err == ST_OK ? overlay_row_refresh(client, record, error) : err;
}

st_err overlay_row_of_base(sotay_client *client, const st_record *base, bool *out_damaged,
                           st_error *error)
{
    book_key prefix = book_key_id(BOOK_OVER, &base->id);
    book_scan scan = book_scan_of(&prefix);
    *out_damaged = false;
    st_err err = book_scan_next(&client->book, &scan, NULL, NULL, error);
    if (err == ST_E_NOT_FOUND)
        return put_base_row(client, base, error);
    if (err == ST_OK)
        err = refresh_over_base(client, &base->id, error);
    *out_damaged = is_damaged(client, err);
    if (!*out_damaged)
        return err;
    return base->created ? put_base_row(client, base, error) : ST_OK;
}
