/* server/sync/trail_log.c - a reviewer's lists that are read off the log, entry by entry.
 * Promises: memory for one entry at a time, and a word for each decision. Must never judge: what is
 * shown is what was decided then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/store/pack.h"
#include "server/sync/act.h"
#include "server/sync/clock.h"
#include "server/sync/held.h"
#include "server/sync/own_clock.h"
#include "server/sync/row.h"
#include "server/sync/sets.h"
#include "server/sync/trail.h"

#define ENTRY_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define LOG_KEY_BEGINS "log-key "
#define DECISIONS_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* What became of a held change. */
typedef struct {
    st_dot dot;
    uint64_t index;
    st_entry_kind kind;
} decision;

typedef struct {
    trail_walk *walk;
    st_arena kept, entry;      /* of the whole list; of one entry */
    decision *decisions;       /* ascending by dot, then index */
    size_t count, capacity;
} log_walk;

typedef st_err (*row_run)(log_walk *w, uint64_t index, const sync_row *row, st_error *error);

static st_err each_row(log_walk *w, row_run run, st_error *error)
{
    store_cursor cursor = { 0 };
    trail_walk *walk = w->walk;
    st_err err = store_cursor_open(walk->txn, STORE_LOG, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid && !walk->stopped) {
        sync_row row;
        if (cursor.key.len != 8)
            err = st_fail(error, ST_E_CORRUPT, "log: a key is damaged");
        if (err == ST_OK)
            err = sync_row_decode(cursor.value, &w->entry, &row, error);
        if (err == ST_OK)
            err = run(w, st_get_u64(cursor.key.data), &row, error);
        st_arena_reset(&w->entry);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static trail_line line_of(uint64_t index, const sync_row *row)
{
    trail_line line;
    memset(&line, 0, sizeof line);
    line.index = index;
    line.received_ms = row->time_ms;
    line.person = row->actor;
    line.device = row->device;
    line.first = row->first;
    line.last = row->last;
    line.note = row->note.data;
    line.note_len = row->note.len;
    return line;
}

/* ---- what became of held changes ---- */

static st_err add_decision(log_walk *w, const decision *one, st_error *error)
{
    decision *grown = st_arena_grow(&w->kept, w->decisions, w->count, &w->capacity, sizeof *grown);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "trail: out of memory");
    w->decisions = grown;
    w->decisions[w->count++] = *one;
    return ST_OK;
}

static st_err note_decision(log_walk *w, uint64_t index, const sync_row *row, st_error *error)
{
    st_err err = ST_OK;
    bool names = row->kind == ST_ENTRY_ACCEPT || row->kind == ST_ENTRY_DECLINE
                 || row->kind == ST_ENTRY_VERDICT;
    decision one = { .dot = { row->device, row->first }, .index = index, .kind = row->kind };
    if (row->kind == ST_ENTRY_NOTE && row->first > 0)
        return add_decision(w, &one, error);
    for (uint32_t i = 0; names && err == ST_OK && i < row->counters_count; i++) {
        one.dot.counter = row->counters[i];
        err = add_decision(w, &one, error);
    }
    return err;
}

static int by_dot(const void *a, const void *b)
{
    const decision *one = a, *two = b;
    int order = st_dot_cmp(&one->dot, &two->dot);
    if (order != 0)
        return order;
    return one->index < two->index ? -1 : one->index > two->index ? 1 : 0;
}

/* The first decision about the dot behind the entry that holds it; NULL: it waits. */
static const decision *find_decision(const log_walk *w, const st_dot *dot, uint64_t index)
{
    size_t low = 0, high = w->count;
    const decision want = { .dot = *dot, .index = index };
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_dot(&w->decisions[middle], &want) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && st_dot_cmp(&w->decisions[low].dot, dot) == 0 ? &w->decisions[low]
                                                                           : NULL;
}

static const char *outcome_of(const decision *found)
{
    if (found == NULL)
        return "waiting";
    switch (found->kind) {
    case ST_ENTRY_ACCEPT:
        return "accepted";
    case ST_ENTRY_DECLINE:
        return "declined";
    case ST_ENTRY_NOTE:
        return "dismissed";
    default:
        return "released";
    }
}

static bool is_listed(trail_kind kind, st_hold reason)
{
    switch (kind) {
    case TRAIL_HOLDS:
        return true;
    case TRAIL_REVOKED:
        return reason == ST_HOLD_REVOKED || reason == ST_HOLD_SUSPENDED;
    case TRAIL_CHANGED:
        return reason == ST_HOLD_FROZEN;
    case TRAIL_LATE:
        return reason == ST_HOLD_LATE;
    case TRAIL_FORKS:
        return reason == ST_HOLD_FORK;
    default:
        return false;
    }
}

/* The decision's own words: who let it in, or did not, and why. */
static st_err read_note(log_walk *w, const decision *found, trail_line *line, st_error *error)
{
    sync_row row;
    if (found == NULL)
        return ST_OK;
    st_err err = sync_row_get(w->walk->txn, found->index, &w->entry, &row, error);
    if (err == ST_OK) {
        line->second = row.actor;
        line->note = row.note.data;
        line->note_len = row.note.len;
    }
    return err;
}

static st_err say_held(log_walk *w, uint64_t index, const sync_row *row, const st_set *set,
                       st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        const st_dot dot = { row->device, row->held[i].counter };
        uint64_t at = dot.counter - set->first;
        const decision *found = find_decision(w, &dot, index);
        trail_line line = line_of(index, row);
        if (!is_listed(w->walk->kind, row->held[i].reason))
            continue;
        line.first = line.last = dot.counter;
        line.what = st_hold_name(row->held[i].reason);
        line.outcome = outcome_of(found);
        if (dot.counter >= set->first && at < set->changes_count) {
            line.record = set->changes[at].record;
            line.claimed_ms = set->changes[at].wall_ms;
        }
        err = read_note(w, found, &line, error);
        if (err == ST_OK)
            sync_trail_say(w->walk, &line);
    }
    return err;
}

/* ---- times ---- */

static st_err moment_of(log_walk *w, const sync_row *row, const st_set *set,
                        const st_change *change, sync_moment *out, st_error *error)
{
    const sync_reading reading = { &set->device, set->boot, change->mono_ms };
    memset(out, 0, sizeof *out);
    if (set->via == ST_VIA_OPERATOR)
        return ST_OK;
    return sync_clock_moment(w->walk->txn, &reading, sync_row_when(row), out, error);
}

static st_err say_late(log_walk *w, uint64_t index, const sync_row *row, const st_set *set,
                       st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        sync_moment moment;
        trail_line line = line_of(index, row);
        err = moment_of(w, row, set, change, &moment, error);
        int64_t written_ms = moment.is_known ? moment.moment.at_ms : change->wall_ms;
        line.off_ms = st_ms_between(written_ms, sync_row_when(row));
        if (err != ST_OK || line.off_ms < TRAIL_LATE_MS || set->via == ST_VIA_OPERATOR)
            continue;
        line.first = line.last = change->dot.counter;
        line.record = change->record;
        line.claimed_ms = change->wall_ms;
        line.what = moment.is_known ? "corrected" : "claimed";
        sync_trail_say(w->walk, &line);
    }
    return err;
}

/* Told apart by their addresses. */
static const char AHEAD[] = "ahead", BEHIND[] = "behind", UNCERTAIN[] = "uncertain";

/* The word for a clock; NULL: nothing is the matter with it. */
static const char *clock_word(const st_change *change, const sync_row *row,
                              const sync_moment *moment, int64_t *out_off_ms)
{
    *out_off_ms =
        moment->is_known ? st_ms_between(moment->moment.at_ms, change->wall_ms) : 0;
    if (moment->is_known && *out_off_ms > TRAIL_CLOCK_MS)
        return AHEAD;
    if (moment->is_known && *out_off_ms < -TRAIL_CLOCK_MS)
        return BEHIND;
    if (!moment->is_known && change->wall_ms > sync_row_when(row) + TRAIL_CLOCK_MS) {
        *out_off_ms = st_ms_between(sync_row_when(row), change->wall_ms);
        return AHEAD;
    }
    return moment->rebooted ? UNCERTAIN : NULL;
}

/* One line for each run of changes of the set with the same word. */
static st_err say_clocks(log_walk *w, uint64_t index, const sync_row *row, const st_set *set,
                         st_error *error)
{
    st_err err = ST_OK;
    trail_line line = { .what = NULL };
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        sync_moment moment;
        int64_t off_ms = 0;
        if (set->via == ST_VIA_OPERATOR)
            break;
        err = moment_of(w, row, set, change, &moment, error);
        const char *word = err == ST_OK ? clock_word(change, row, &moment, &off_ms) : NULL;
        if (line.what != NULL && word != line.what)
            sync_trail_say(w->walk, &line);
        if (word != line.what) {
            line = line_of(index, row);
            line.first = change->dot.counter;
            line.record = change->record;
            line.claimed_ms = change->wall_ms;
            line.off_ms = off_ms;
            line.what = word;
        }
        line.last = change->dot.counter;
    }
    if (err == ST_OK && line.what != NULL)
        sync_trail_say(w->walk, &line);
    return err;
}

/* The server's own clock: claimed is what it said afterwards. */
static void say_own_clock(log_walk *w, uint64_t index, const sync_row *row)
{
    own_clock_said said;
    trail_line line = line_of(index, row);
    if (!own_clock_parse(row, &said))
        return;
    line.what = said.word;
    line.claimed_ms = said.to_ms;
    line.off_ms = st_ms_between(said.from_ms, said.to_ms);
    line.note = said.words;
    line.note_len = said.words_len;
    sync_trail_say(w->walk, &line);
}

static void say_amended(log_walk *w, uint64_t index, const sync_row *row, const st_set *set)
{
    for (uint32_t i = 0; i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        trail_line line = line_of(index, row);
        if (!change->amend)
            continue;
        line.first = line.last = change->dot.counter;
        line.record = change->record;
        line.claimed_ms = change->wall_ms;
        line.what = "amended";
        sync_trail_reason(&line, &change->reason);
        sync_trail_say(w->walk, &line);
    }
}

/* ---- erasures ---- */

static const st_value *value_of(const st_form *form, const st_change *change, const char *name)
{
    const st_field *field = form == NULL ? NULL : st_form_field(form, name);
    for (uint32_t i = 0; field != NULL && i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == field->no)
            return &change->ops[i].value;
    return NULL;
}

static void copy_id(const st_value *value, st_id *out)
{
    if (value != NULL && value->kind == ST_VALUE_ID && value->len == sizeof out->b)
        memcpy(out->b, value->data, sizeof out->b);
}

static void say_erasure(log_walk *w, uint64_t index, const sync_row *row, const st_set *set)
{
    const st_change *change = &set->changes[0];
    const st_form *form = catalogue_form(w->walk->room->catalogue, change->form.s,
                                         change->form_version);
    trail_line line = line_of(index, row);
    const st_value *paths = value_of(form, change, "paths");
    const st_value *basis = value_of(form, change, "basis");
    line.what = "erased";
    copy_id(value_of(form, change, "about_record"), &line.record);
    copy_id(value_of(form, change, "confirmed_by"), &line.second);
    if (paths != NULL && paths->kind == ST_VALUE_TEXT)
        (void)snprintf(line.path, sizeof line.path, "%.*s", (int)paths->len,
                       (const char *)paths->data);
    if (basis != NULL && basis->kind == ST_VALUE_TEXT) {
        line.note = (const char *)basis->data;
        line.note_len = basis->len;
    }
    sync_trail_say(w->walk, &line);
}

/* ---- acts ---- */

/* Whom the act is about, and the roles that he has from it on: "LOGIN: ROLE ROLE". */
static st_err name_person(log_walk *w, uint64_t index, trail_line *line, st_error *error)
{
    auth_person person;
    auth_rights rights;
    st_err err = auth_person_get(w->walk->txn, &line->record, &person, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    err = auth_rights_get(w->walk->txn, &line->record, index, &w->entry, &rights, error);
    if (err != ST_OK)
        return err;
    size_t at = (size_t)snprintf(line->path, sizeof line->path, "%s:", person.login.s);
    for (int role = 0; role < ST_ROLE_COUNT && at < sizeof line->path; role++)
        if ((rights.roles & 1u << role) != 0)
            at += (size_t)snprintf(line->path + at, sizeof line->path - at, " %s",
                                   st_role_name((st_role)role));
    return ST_OK;
}

/* An act that is a set: of which record, and in which words. */
static st_err say_act(log_walk *w, trail_line *line, const sync_row *row, st_error *error)
{
    st_set set;
    st_err err = st_set_decode(row->set.data, row->set.len, &w->entry, &set, error);
    if (err != ST_OK)
        return err;
    if (set.changes_count > 0) {
        const st_change *change = &set.changes[0];
        line->record = change->record;
        line->claimed_ms = change->wall_ms;
        sync_trail_reason(line, &change->reason);
    }
    if (row->kind == ST_ENTRY_USER || row->kind == ST_ENTRY_ROLE)
        err = name_person(w, line->index, line, error);
    if (err == ST_OK)
        sync_trail_say(w->walk, line);
    return err;
}

/* ---- what a phone said to be gone ---- */

typedef struct {
    log_walk *w;
    trail_line line;           /* of the entry that says so */
    st_error *error;
    st_err err;
} gap_walk;

static bool say_gone_run(void *context, const sets_run *run)
{
    gap_walk *gap = context;
    sync_row row;
    trail_line line = gap->line;
    line.first = run->from;
    line.last = run->to;
    line.what = run->index == 0 ? "gone" : "came_later";
    if (run->index != 0) {
        gap->err = sync_row_get(gap->w->walk->txn, run->index, &gap->w->entry, &row, gap->error);
        line.came_index = run->index;
        line.came_ms = gap->err == ST_OK ? row.time_ms : 0;
    }
    if (gap->err == ST_OK)
        sync_trail_say(gap->w->walk, &line);
    return gap->err == ST_OK && !gap->w->walk->stopped;
}

/* A line for what is gone, and one for each set that came after all: who looks for that is told. */
static st_err say_gap(log_walk *w, const trail_line *line, st_error *error)
{
    gap_walk gap = { w, *line, error, ST_OK };
    const st_gone span = { line->first, line->last };
    st_err err = sets_run_each(w->walk->txn, &line->device, &span, say_gone_run, &gap, error);
    return err == ST_OK ? gap.err : err;
}

/* ---- entries ---- */

/* Entries without a set that a list shows as they are; NULL: none of this list. */
static const char *entry_word(trail_kind kind, st_entry_kind entry)
{
    if (kind == TRAIL_ACTS)
        return act_is_listed(entry) ? st_entry_kind_name(entry) : NULL;
    if (kind != TRAIL_EPOCHS)
        return NULL;
    bool listed = entry == ST_ENTRY_EPOCH || entry == ST_ENTRY_RESTORE || entry == ST_ENTRY_BACKUP
                  || entry == ST_ENTRY_INIT || entry == ST_ENTRY_ADDRESS;
    return listed ? st_entry_kind_name(entry) : NULL;
}

/* Of the entries `key` those that speak of the log's own, and not of a phone's. */
static bool is_log_key(const sync_row *row)
{
    const size_t skip = sizeof LOG_KEY_BEGINS - 1;
    return row->kind == ST_ENTRY_KEY && row->first == 0 && row->note.len > skip
           && memcmp(row->note.data, LOG_KEY_BEGINS, skip) == 0;
}

/* "log-key N with LOGIN: WHY", as the verb wrote it. */
static void read_log_key(log_walk *w, const sync_row *row, trail_line *line)
{
    char text[96] = "", login[ST_CODE_BYTES_MAX + 1u] = "";
    unsigned long long n = 0;
    int behind = 0;
    auth_person second;
    size_t len = row->note.len < sizeof text - 1 ? row->note.len : sizeof text - 1;
    memcpy(text, row->note.data, len);
    if (sscanf(text, LOG_KEY_BEGINS "%19llu with %32[^:]: %n", &n, login, &behind) != 2
        || behind == 0)
        return;                                /* as it stands */
    st_error why = { ST_OK, "" };
    st_err err = auth_person_by_login(w->walk->txn, login, &second, &why);
    sync_note_unread(w->walk->unread, err, &why);
    if (err != ST_OK)
        return;
    (void)snprintf(line->path, sizeof line->path, "%llu", n);
    line->second = second.id;
    line->note += behind;
    line->note_len -= (size_t)behind;
}

/* A notice is for programs, since the entry behind it says the same to people. After a restore it
 * is said again, alone: then it is the line. */
static st_err say_notice(log_walk *w, trail_line *line, uint64_t index, st_error *error)
{
    sync_row next;
    st_err err = sync_row_get(w->walk->txn, index + 1, &w->entry, &next, error);
    bool is_alone = err == ST_E_NOT_FOUND || (err == ST_OK && !is_log_key(&next));
    if (is_alone) {
        line->what = "log-key";
        (void)snprintf(line->path, sizeof line->path, "%llu", (unsigned long long)line->first);
        line->first = line->last = 0;
        line->note = NULL;
        line->note_len = 0;
        sync_trail_say(w->walk, line);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err show_entry(log_walk *w, uint64_t index, const sync_row *row, st_error *error)
{
    st_set set;
    trail_line line = line_of(index, row);
    trail_kind kind = w->walk->kind;
    bool shows_keys = kind == TRAIL_EPOCHS || kind == TRAIL_ACTS;
    if (row->kind == ST_ENTRY_KEY && row->first > 0)
        return shows_keys ? say_notice(w, &line, index, error) : ST_OK;
    if (row->kind == ST_ENTRY_GAP)
        return kind == TRAIL_GAPS ? say_gap(w, &line, error) : ST_OK;
    if (kind == TRAIL_CLOCKS && row->kind == ST_ENTRY_NOTE)
        say_own_clock(w, index, row);
    line.what = entry_word(kind, row->kind);
    if (is_log_key(row) && shows_keys) {
        line.what = "log-key";
        read_log_key(w, row, &line);
    }
    if (line.what != NULL && kind == TRAIL_ACTS && row->set.len > 0)
        return say_act(w, &line, row, error);
    if (line.what != NULL)
        sync_trail_say(w->walk, &line);
    if (kind == TRAIL_ERASURES && row->kind != ST_ENTRY_ERASE)
        return ST_OK;
    bool reads_all = kind == TRAIL_ERASURES || kind == TRAIL_LATE || kind == TRAIL_CLOCKS
                     || kind == TRAIL_CHANGED;
    if (row->set.len == 0 || (row->held_count == 0 && !reads_all))
        return ST_OK;
    st_err err = st_set_decode(row->set.data, row->set.len, &w->entry, &set, error);
    if (err == ST_E_MEMORY || (err != ST_OK && set.bytes == NULL))
        return err;                            /* else: kept although it cannot be read */
    err = say_held(w, index, row, &set, error);
    if (err != ST_OK || row->kind == ST_ENTRY_FORK)
        return err;
    if (kind == TRAIL_ERASURES && set.changes_count == 1)
        say_erasure(w, index, row, &set);
    if (kind == TRAIL_CHANGED)
        say_amended(w, index, row, &set);
    if (kind == TRAIL_LATE)
        err = say_late(w, index, row, &set, error);
    return err == ST_OK && kind == TRAIL_CLOCKS ? say_clocks(w, index, row, &set, error) : err;
}

st_err sync_trail_log(trail_walk *walk, st_error *error)
{
    log_walk w = { .walk = walk };
    st_arena_init(&w.kept, DECISIONS_BYTES_MAX);
    st_arena_init(&w.entry, ENTRY_BYTES_MAX);
    st_err err = each_row(&w, note_decision, error);
    if (err == ST_OK && w.count > 1)
        qsort(w.decisions, w.count, sizeof *w.decisions, by_dot);
    if (err == ST_OK)
        err = each_row(&w, show_entry, error);
    st_arena_reset(&w.entry);
    st_arena_reset(&w.kept);
    return err;
}
