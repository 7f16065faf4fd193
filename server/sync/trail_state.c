/* server/sync/trail_state.c - a reviewer's lists that are read off records and devices.
 * Promises: one record in memory at a time. Must never write. */
#include <stdio.h>
#include <string.h>

#include "proto/note.h"
#include "server/sync/epoch.h"
#include "server/sync/own_clock.h"
#include "server/sync/seen.h"
#include "server/sync/sets.h"
#include "server/sync/trail.h"

#define IDS_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define RECORD_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- records ---- */

typedef struct {
    trail_walk *walk;
    st_arena arena;
} record_walk;

static trail_line line_of(const st_record *record, const st_meta *meta, const char *what)
{
    trail_line line;
    memset(&line, 0, sizeof line);
    line.record = record->id;
    line.index = meta->log_index;
    line.received_ms = meta->received_ms;
    line.claimed_ms = meta->wall_ms;
    line.person = meta->actor;
    line.device = meta->dot.device;
    line.first = line.last = meta->dot.counter;
    line.what = what;
    sync_trail_reason(&line, &meta->reason);
    return line;
}

static void say_withdrawn(record_walk *w, const st_record *record, const st_form *form,
                          const st_acts_view *acts)
{
    for (size_t i = 0; i < acts->acts_count; i++) {
        const st_meta *act = &record->metas[acts->acts[i]];
        trail_line line = line_of(record, act, st_act_name(act->act));
        if (act->act == ST_ACT_WITHDRAW || act->act == ST_ACT_VOID)
            sync_trail_say(w->walk, &line);
    }
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (op->path.kind != ST_PATH_DROP || op->value.kind == ST_VALUE_NULL
            || st_view_item(record, op->path.group, &op->path.item, op->path.place)
                   != ST_ITEM_DROPPED)
            continue;
        trail_line line = line_of(record, &record->metas[record->lives[i].meta], "drop");
        if (form != NULL)
            st_form_path_format(form, &op->path, line.path);
        sync_trail_say(w->walk, &line);
    }
}

/* What was taken in although its author had not heard that the record was final. */
static void say_changed(record_walk *w, const st_record *record, const st_form *form,
                        const st_acts_view *acts)
{
    for (size_t i = 0; i < record->lives_count && acts->changed_since; i++) {
        const st_meta *meta = &record->metas[record->lives[i].meta];
        bool is_late = false;
        for (size_t k = 0; k < acts->acts_count && !is_late; k++) {
            const st_meta *act = &record->metas[acts->acts[k]];
            bool freezes = act->act == ST_ACT_FINALISE || act->act == ST_ACT_RETURN
                           || act->act == ST_ACT_LOCK;
            is_late = freezes && st_meta_is_late(meta, act);
        }
        if (!is_late)
            continue;
        trail_line line = line_of(record, meta, "changed_since");
        if (form != NULL)
            st_form_path_format(form, &record->lives[i].op.path, line.path);
        sync_trail_say(w->walk, &line);
    }
}

static st_err one_record(record_walk *w, const st_id *id, st_error *error)
{
    st_record record;
    st_acts_view acts;
    st_err err = sync_record_get(w->walk->txn, id, &w->arena, &record, NULL, error);
    if (err == ST_OK)
        err = st_view_acts(&record, &w->arena, &acts, error);
    if (err != ST_OK)
        return err;
    const st_form *form = sync_record_form(w->walk->room, &record);
    if (w->walk->kind == TRAIL_WITHDRAWN)
        say_withdrawn(w, &record, form, &acts);
    else
        say_changed(w, &record, form, &acts);
    return ST_OK;
}

st_err sync_trail_records(trail_walk *walk, st_error *error)
{
    record_walk w = { .walk = walk };
    sync_filter all = { .form = NULL };
    sync_ids ids = { NULL, 0, 0 };
    st_arena ids_arena;
    st_arena_init(&ids_arena, IDS_BYTES_MAX);
    st_arena_init(&w.arena, RECORD_BYTES_MAX);
    st_err err = sync_row_ids(walk->txn, &all, &ids_arena, &ids, error);
    for (size_t i = 0; err == ST_OK && i < ids.count && !walk->stopped; i++) {
        err = one_record(&w, &ids.list[i], error);
        st_arena_reset(&w.arena);
    }
    st_arena_reset(&ids_arena);
    return err;
}

/* ---- devices ---- */

typedef struct {
    trail_walk *walk;
    st_err err;
    st_error *error;
} device_walk;

static trail_line device_line(const sync_device *device, const char *what)
{
    trail_line line;
    memset(&line, 0, sizeof line);
    line.device = device->device.id;
    line.person = device->device.person;
    line.received_ms = device->contact.last_sync_ms;
    line.last = device->counter;
    line.what = what;
    line.note = device->device.label;
    line.note_len = strlen(device->device.label);
    return line;
}

static st_err say_silent(trail_walk *walk, const sync_device *device, st_error *error)
{
    int64_t jump_ms = 0;
    int64_t last_ms = device->contact.last_sync_ms;
    static const char *const STATUS[] = { "active", "suspended", "revoked" };
    trail_line line = device_line(device, last_ms == 0 ? "never" : "silent");
    line.outcome = STATUS[device->device.status];
    st_err err = own_clock_jump(walk->txn, &jump_ms, error);
    line.off_ms = last_ms == 0 ? 0 : own_clock_age(last_ms, sync_now(walk->room), jump_ms);
    if (err == ST_OK && (last_ms == 0 || line.off_ms > TRAIL_SILENT_MS))
        sync_trail_say(walk, &line);
    return err;
}

typedef struct {
    trail_walk *walk;
    trail_line line;           /* of the device */
} missing_walk;

static bool say_missing_one(void *context, const sets_gap *gap)
{
    missing_walk *w = context;
    trail_line line = w->line;
    line.first = gap->from;
    line.last = gap->to;
    line.index = gap->behind;
    if (!gap->is_gone)
        sync_trail_say(w->walk, &line);
    return !w->walk->stopped;
}

/* Counters that nobody brought although later ones are there, and that nobody gave up either. */
static st_err say_missing(trail_walk *walk, const sync_device *device, st_error *error)
{
    missing_walk w = { walk, device_line(device, "missing") };
    return sets_gap_each(walk->txn, &device->device.id, say_missing_one, &w, error);
}

static bool one_device(void *context, const sync_device *device)
{
    device_walk *w = context;
    if (w->walk->kind == TRAIL_SILENT)
        w->err = say_silent(w->walk, device, w->error);
    else
        w->err = say_missing(w->walk, device, w->error);
    return w->err == ST_OK && !w->walk->stopped;
}

/* What the office itself signed before a restore, and nobody has brought since. */
static st_err say_missing_of_office(trail_walk *walk, st_error *error)
{
    st_err err = ST_OK;
    const auth_keys *keys = walk->room->keys;
    const unsigned count = atomic_load(&keys->former_count);
    for (unsigned i = 0; err == ST_OK && i < count && !walk->stopped; i++) {
        sync_device former;
        memset(&former, 0, sizeof former);
        former.device.id = keys->former[i].device;
        err = say_missing(walk, &former, error);
    }
    return err;
}

st_err sync_trail_devices(trail_walk *walk, st_error *error)
{
    device_walk w = { walk, ST_OK, error };
    st_err err = sync_device_each(walk->txn, one_device, &w, NULL, error);
    if (err == ST_OK)
        err = w.err;
    return err == ST_OK && walk->kind == TRAIL_GAPS ? say_missing_of_office(walk, error) : err;
}

/* ---- what a new epoch gave up ---- */

typedef struct {
    trail_walk *walk;
    uint64_t cut;              /* the first one */
    st_err err;
    st_error *error;
} given_up_walk;

/* In one line as it was signed: origin, size, root, signature. */
static st_err signed_text(const given_up_walk *w, const sync_given_up *one, st_buffer *out)
{
    char origin[ST_NOTE_NAME_BYTES], root[48], signature[96];
    const sync_room *room = w->walk->room;
    st_origin(room->commune.s, &room->keys->log, one->epoch, origin);
    st_base64(one->head.root.b, sizeof one->head.root.b, root);
    st_base64(one->signature, sizeof one->signature, signature);
    return st_buffer_printf(out, w->error, "%s %llu %s %s", origin,
                            (unsigned long long)one->head.size, root, signature);
}

static bool say_given_up(void *context, const sync_given_up *one)
{
    given_up_walk *w = context;
    trail_line line;
    auth_device device;
    st_buffer text;
    memset(&line, 0, sizeof line);
    st_buffer_init(&text, ST_CHECKPOINT_BYTES);
    w->err = signed_text(w, one, &text);
    line.received_ms = one->time_ms;
    line.device = one->device;
    st_error why = { ST_OK, "" };
    st_err err =
        auth_device_get(w->walk->txn, w->walk->room->keys, &one->device, &device, &why);
    sync_note_unread(w->walk->unread, err, &why);
    if (err == ST_OK)
        line.person = device.person;
    line.what = one->head.size > w->cut ? "given_up" : "rewritten";
    (void)snprintf(line.path, sizeof line.path, "%llu", (unsigned long long)one->head.size);
    line.note = (const char *)text.data;
    line.note_len = text.len;
    if (w->err == ST_OK)
        sync_trail_say(w->walk, &line);
    st_buffer_free(&text);
    return w->err == ST_OK && !w->walk->stopped;
}

st_err sync_trail_given_up(trail_walk *walk, st_error *error)
{
    given_up_walk w = { .walk = walk, .error = error };
    st_err err = sync_epochs_first_cut(walk->txn, &w.cut, error);
    if (err == ST_OK)
        err = sync_given_up_each(walk->txn, say_given_up, &w, error);
    return err == ST_OK ? w.err : err;
}
