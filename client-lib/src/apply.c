/* client-lib/src/apply.c - folds pages of the log into the base.
 * Promises: a page and its cursor become durable together; the base holds exactly what the log says
 * at the cursor, with the server's verdicts, in whatever cut the pages came.
 * Never: touches what is unsent; judges anything itself. */
#include "client-lib/src/apply.h"

#include <string.h>

#include "client-lib/src/anew.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/declined.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/erase.h"
#include "client-lib/src/evidence.h"
#include "client-lib/src/forget.h"
#include "proto/merge.h"

#define RECORD_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* A record that the page touches. */
typedef struct {
    st_record record;
    st_sum before;  /* its sum in the base */
    bool is_unread; /* the base has it and it does not open: of which bucket it is, is not known */
    bool is_made;   /* a change of the page, held or not, makes it: it is of this bucket */
    bool has_lost;  /* something of ours over it does not open */
} apply_record;

typedef struct {
    sotay_client *client;
    apply_report *report;
    const st_page *page;
    const st_id *only; /* NULL: all records; else the one that is made anew */
    bool in_catalogue;
    bool looks_for_twin;
    bool is_elsewhere; /* `only` is a record of another bucket */
    st_arena arena;
    st_arena kept_arena;
    st_set kept; /* that an entry spoke of last: the next ones mostly speak of it again */
    uint64_t line_index; /* where the line was found that was looked for last; 0: none was */
    bucket_state state;
    st_vector vector;
    apply_record *records;
    size_t count, capacity;
    erase_values *erasures; /* that the page brought */
    size_t erasures_count, erasures_capacity;
} applying;

/* ---- folding ---- */

static st_err load_record(applying *a, const st_id *id, apply_record **out_record, st_error *error)
{
    for (size_t i = a->count; i > 0; i--) {
        if (st_id_cmp(&a->records[i - 1].record.id, id) == 0) {
            *out_record = &a->records[i - 1];
            return ST_OK;
        }
    }
    apply_record *records = a->records;
    if (a->count == a->capacity)
        records = st_arena_grow(&a->arena, records, a->count, &a->capacity, sizeof *records);
    if (records == NULL)
        return st_fail(error, ST_E_MEMORY, "page: no memory");
    a->records = records;
    apply_record *entry = &a->records[a->count];
    memset(entry, 0, sizeof *entry);
    book_key key = book_key_id(BOOK_BASE, id);
    book_value value = { NULL, 0 };
    st_err err = book_get(&a->client->book, &key, &a->arena, &value, error);
    if (err == ST_OK) {
        err = st_record_decode(value.data, value.len, &a->arena, &entry->record, error);
        if (err == ST_OK)
            entry->before = st_record_sum(&entry->record);
        /* What was held may have named another. What something was folded into stays where that
         * came from, also when the change that creates it is lost here: it is forgotten with it. */
        if (err == ST_OK && !entry->record.created && entry->record.metas_count == 0)
            entry->record.bucket = a->page->bucket;
    }
    /* One that does not open is begun anew, and the repair brings the rest (note_unread). But not
     * by what leaves no trace in it, as something held (is_left). */
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT) {
        memset(entry, 0, sizeof *entry);
        entry->is_unread = err == ST_E_CORRUPT;
        st_record_init(&entry->record, &a->arena, id, &a->page->bucket);
        err = ST_OK;
    }
    if (err == ST_OK) {
        a->count++;
        *out_record = entry;
    }
    return err;
}

/* What does not open stays as it is where the page brings nothing in its place: who asks for it is
 * told that it is damaged. */
static bool is_left(const apply_record *r)
{
    return r->is_unread && !r->is_made && !r->record.created && r->record.metas_count == 0;
}

static st_hold held_reason(const st_entry *entry, uint64_t counter)
{
    for (uint32_t i = 0; i < entry->held_count; i++)
        if (entry->held[i].counter == counter)
            return entry->held[i].reason;
    return ST_HOLD_NONE;
}

static st_err is_own(sotay_client *client, const st_id *device, uint64_t first, bool *out_own,
                     st_error *error)
{
    *out_own = st_id_cmp(device, &client->me.device) == 0;
    book_key key = book_key_counter(BOOK_OWN, device, first);
    return *out_own ? ST_OK : book_has(&client->book, &key, out_own, error);
}

static bool is_passed_over(const applying *a, const st_change *change)
{
    return a->only != NULL && st_id_cmp(a->only, &change->record) != 0;
}

/* The note of an own change goes when the base has it, or says that it is held. */
static st_err note_own(applying *a, const st_change *change, uint64_t first, st_hold hold,
                       st_error *error)
{
    if (hold == ST_HOLD_NONE)
        return overlay_delete(&a->client->book, &change->record, &change->dot, error);
    overlay_entry entry = {
        .dot = change->dot, .first = first, .status = OVERLAY_HELD, .hold = hold
    };
    return overlay_put(&a->client->book, &change->record, &entry, error);
}

static st_err fold_one(applying *a, const st_change *change, const st_arrival *arrival,
                       st_fold kind, st_error *error)
{
    apply_record *record = NULL;
    st_err err = load_record(a, &change->record, &record, error);
    if (err != ST_OK)
        return err;
    st_fold_how how = { kind, true };
    record->is_made = record->is_made || change->creates;
    err = st_merge_fold(&a->vector, &record->record, change, arrival, how);
    return err == ST_OK ? ST_OK : st_fail(error, err, "page: no memory");
}

/* Is the set an own one, who made its changes, and what the log says of them. */
static st_err arrival_of(applying *a, const st_entry *entry, const st_set *set,
                         st_arrival *out_arrival, bool *out_own, st_error *error)
{
    st_arrival arrival;
    memset(&arrival, 0, sizeof arrival);
    arrival.role = set->role;
    arrival.via = set->via;
    arrival.received_ms = entry->time_ms;
    arrival.log_index = entry->index;
    st_err err = is_own(a->client, &set->device, set->first, out_own, error);
    if (set->has_actor)
        arrival.actor = set->actor;
    else if (err == ST_OK)
        err = lexicon_person(a->client, &set->device, &arrival.actor, error);
    if (err == ST_E_NOT_FOUND) {
        err = ST_OK;
        if (*out_own)
            arrival.actor = a->client->next.person;
    }
    *out_arrival = arrival;
    return err;
}

/* Notes what an erasure names, when the server's own device says it in the catalogue. */
static st_err note_erasure(applying *a, const st_set *set, const st_change *change,
                           st_error *error)
{
    erase_values values;
    bool is_erasure = false, is_servers = false;
    if (!a->in_catalogue || !change->creates || strcmp(change->form.s, ST_ERASURE_FORM) != 0)
        return ST_OK;
    st_err err = epoch_is_servers(a->client, &set->device, &is_servers, error);
    if (err != ST_OK || !is_servers)
        return err;
    err = st_erasure_read(change, &a->arena, &is_erasure, &values.record, &values.list,
                          &values.count);
    erase_values *grown = a->erasures;
    if (err == ST_OK && is_erasure && a->erasures_count == a->erasures_capacity)
        grown = st_arena_grow(&a->arena, a->erasures, a->erasures_count, &a->erasures_capacity,
                              sizeof *grown);
    if (err != ST_OK || grown == NULL)
        return is_erasure || err != ST_OK ? st_fail(error, ST_E_MEMORY, "page: no memory") : ST_OK;
    a->erasures = grown;
    if (is_erasure)
        a->erasures[a->erasures_count++] = values;
    return ST_OK;
}

static st_err fold_set(applying *a, const st_entry *entry, const st_set *set, st_error *error)
{
    bool own = false;
    st_arrival arrival;
    st_err err = arrival_of(a, entry, set, &arrival, &own, error);
    if (entry->has_carrier)
        arrival.carrier = entry->carrier;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        if (is_passed_over(a, change))
            continue;
        st_hold hold = held_reason(entry, change->dot.counter);
        apply_line line = { .index = entry->index,
                            .counter = change->dot.counter,
                            .device = set->device,
                            .first = set->first,
                            .time_ms = entry->time_ms,
                            .hold = hold,
                            .has_carrier = entry->has_carrier,
                            .carrier = entry->carrier };
        line.verdict = hold == ST_HOLD_NONE ? APPLY_STORED : APPLY_HELD;
        err = fold_one(a, change, &arrival, hold == ST_HOLD_NONE ? ST_FOLD_APPLY : ST_FOLD_HOLD,
                       error);
        if (err == ST_OK)
            err = apply_line_put(a->client, &change->record, &line, error);
        if (err == ST_OK && own)
            err = note_own(a, change, set->first, hold, error);
        if (err == ST_OK && hold == ST_HOLD_NONE)
            err = note_erasure(a, set, change, error);
        if (change->hlc > a->report->hlc_max)
            a->report->hlc_max = change->hlc;
        a->report->received_changes += own ? 0 : 1;
    }
    return err;
}

/* May a set that came in this page be believed? Of this bucket, and signed by its author. Authors
 * are named by the catalogue, which comes first; in the catalogue itself one may be named later in
 * the same page: what he wrote there stands under no name. */
static st_err check_set(applying *a, st_set *set, st_error *error)
{
    uint8_t key[32];
    if (strcmp(set->bucket.s, a->page->bucket.s) != 0)
        return st_fail(error, ST_E_SIGNATURE, "page of %s: a set of %s", a->page->bucket.s,
                       set->bucket.s);
    st_err err = apply_author_key(a->client, &set->device, key, error);
    if (err == ST_E_NOT_FOUND) {
        set->has_actor = false;
        a->report->lacks_author = !a->in_catalogue;
        return a->in_catalogue
                   ? ST_OK
                   : st_fail(error, ST_E_SIGNATURE,
                             "page of %s: a set of a device that the catalogue does not name",
                             a->page->bucket.s);
    }
    if (err == ST_OK && !st_set_verify(set, &a->client->next.log, key))
        err = st_fail(error, ST_E_SIGNATURE, "page: a set that its author did not sign");
    return err;
}

/* Is it another one than the last that this store sealed, which is not here any more? Of any that
 * is here, the bytes tell (apply_keep_set). */
static st_err took_the_last_name(applying *a, const st_set *set, bool *out_is, st_error *error)
{
    static const st_hash passed_over = { { 0 } };
    const identity *me = &a->client->next;
    book_value kept = { NULL, 0 };
    st_parcel sealed;
    *out_is = false;
    if (st_set_last(set) != me->sealed || !me->has_prev ||
        memcmp(me->prev.b, passed_over.b, sizeof me->prev.b) == 0 ||
        memcmp(me->prev.b, set->hash.b, sizeof me->prev.b) == 0)
        return ST_OK;
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    st_err err = book_get_whole(&a->client->book, &key, &a->arena, &kept, error);
    if (err == ST_E_NOT_FOUND)
        err = closed_get(a->client, &set->device, set->first, &a->arena, &sealed, error);
    *out_is = err == ST_E_NOT_FOUND;
    return *out_is ? ST_OK : err;
}

/* A set under our name that this store never sealed: it, or the one it was copied or brought back
 * from, lives on somewhere else. */
static st_err is_of_twin(applying *a, const st_set *set, bool *out_is, st_error *error)
{
    const identity *me = &a->client->next;
    *out_is = a->looks_for_twin && st_id_cmp(&set->device, &me->device) == 0;
    return !*out_is || st_set_last(set) > me->sealed ? ST_OK
                                                     : took_the_last_name(a, set, out_is, error);
}

/* What a page speaks of and does not bring. */
static st_err not_kept(applying *a, bool is_behind, st_error *error)
{
    a->report->lost_reference = true;
    a->report->is_behind = is_behind;
    return st_fail(error, ST_E_CORRUPT, "page: a set it refers to is not kept here");
}

/* The bytes that a reference means. */
static st_err referred(applying *a, const st_entry *entry, book_value *out_bytes, st_error *error)
{
    st_err err = apply_referred(a->client, entry, &a->arena, out_bytes, error);
    return err == ST_E_NOT_FOUND ? not_kept(a, false, error) : err;
}

/* The bytes of the entry's set: sent along, or kept here. *out_skip: it cannot be folded. */
static st_err entry_set(applying *a, const st_entry *entry, st_set *out_set, bool *out_skip,
                        st_error *error)
{
    book_value bytes = { entry->set, entry->set_len };
    st_err err = entry->set == NULL ? referred(a, entry, &bytes, error) : ST_OK;
    if (err != ST_OK)
        return err;
    err = st_set_decode(bytes.data, bytes.len, &a->arena, out_set, error);
    *out_skip = err == ST_E_CORRUPT; /* signed but unreadable: held by everybody */
    if (err == ST_E_VERSION)
        a->report->too_new = true;
    if (*out_skip || err != ST_OK || entry->set == NULL)
        return *out_skip ? ST_OK : err;
    err = check_set(a, out_set, error);
    if (err == ST_OK)
        err = carried_in_log(a->client, out_set, error);
    bool is_twins = false;
    apply_kept kept = APPLY_KEPT;
    if (err == ST_OK)
        err = is_of_twin(a, out_set, &is_twins, error);
    if (err == ST_OK && !is_twins)
        err = apply_keep_set(a->client, &a->arena, out_set, &bytes, &kept, error);
    *out_skip = kept != APPLY_KEPT;
    is_twins = is_twins || (a->looks_for_twin && kept == APPLY_OTHER_BRANCH);
    if (err != ST_OK || !is_twins)
        return err;
    a->report->has_twin = true;
    a->report->twin = (st_dot){ out_set->device, out_set->first };
    return st_fail(error, ST_E_CHANGED, "page: another store writes under this name");
}

static st_err read_kept(applying *a, const st_id *device, uint64_t counter, st_error *error)
{
    book_key after = book_key_counter(BOOK_SET, device, counter + 1), found;
    book_value bytes = { NULL, 0 };
    st_arena_reset(&a->kept_arena);
    memset(&a->kept, 0, sizeof a->kept);
    st_err err = book_before(&a->client->book, &after, 17, &found, error);
    if (err != ST_OK)
        return err;
    err = book_get_whole(&a->client->book, &found, &a->kept_arena, &bytes, error);
    if (err == ST_E_NOT_FOUND)
        return not_kept(a, true, error);
    return err == ST_OK ? st_set_decode(bytes.data, bytes.len, &a->kept_arena, &a->kept, error)
                        : err;
}

/* The kept set that holds the change `counter` of a device; good until the next one is asked for.
 * ST_E_NOT_FOUND without *error: it never came. */
static st_err set_with(applying *a, const st_id *device, uint64_t counter, const st_set **out_set,
                       st_error *error)
{
    st_err err = ST_OK;
    bool is_it = a->kept.bytes != NULL && st_id_cmp(&a->kept.device, device) == 0 &&
                 overlay_change(&a->kept, counter) != NULL;
    if (!is_it)
        err = read_kept(a, device, counter, error);
    *out_set = &a->kept;
    return err == ST_OK && overlay_change(&a->kept, counter) == NULL ? ST_E_NOT_FOUND : err;
}

/* Of a change whose line is gone or does not open, though its set is kept: as if it had come with
 * the decision, until a repair brings when it came, and in which entry. No sum tells that. */
static st_err line_lost(applying *a, const st_entry *entry, const st_change *change, uint64_t first,
                        apply_line *out_line, st_error *error)
{
    *out_line = (apply_line){ .index = entry->index,
                              .counter = change->dot.counter,
                              .device = change->dot.device,
                              .first = first,
                              .time_ms = entry->time_ms };
    a->report->has_lost = true;
    return anew_note(a->client, &change->record, &a->page->bucket, error);
}

/* The changes of a set came in one entry: what was found for one is tried first for the next, or a
 * long history would be gone through for each. */
static st_err find_line(applying *a, const st_entry *entry, const st_change *change, uint64_t first,
                        apply_line *out_line, st_error *error)
{
    st_err err = apply_line_find(a->client, change, a->line_index, out_line, error);
    if (err == ST_E_NOT_FOUND)
        return line_lost(a, entry, change, first, out_line, error);
    if (err == ST_OK)
        a->line_index = out_line->index;
    return err;
}

/* One change that was held: it gets its effect, or none. It counts as received when its set was,
 * not when it was decided on: so it stands everywhere, whoever was here before the decision. */
static st_err decide_one(applying *a, const st_entry *entry, const st_set *set,
                         const st_change *change, st_error *error)
{
    bool declines = entry->kind == ST_ENTRY_DECLINE, own = false;
    apply_line line;
    st_arrival arrival;
    if (is_passed_over(a, change))
        return ST_OK;
    st_err err = find_line(a, entry, change, set->first, &line, error);
    if (err == ST_OK)
        err = arrival_of(a, entry, set, &arrival, &own, error);
    if (err != ST_OK)
        return err;
    arrival.received_ms = line.time_ms;
    arrival.log_index = line.index;
    if (line.has_carrier)
        arrival.carrier = line.carrier;
    err = fold_one(a, change, &arrival, declines ? ST_FOLD_DECLINE : ST_FOLD_APPLY, error);
    line.verdict = declines ? APPLY_DECLINED : APPLY_ACCEPTED;
    line.hold = ST_HOLD_NONE;
    line.reason = declines ? entry->reason : NULL;
    line.reason_len = line.reason == NULL ? 0 : strlen(line.reason);
    line.decided = entry->kind;
    line.decided_ms = entry->time_ms;
    line.decided_index = entry->index;
    line.has_set = true;
    line.set = set->hash;
    if (err == ST_OK)
        err = apply_line_put(a->client, &change->record, &line, error);
    if (err == ST_OK && own && declines)
        err = declined_note(a->client, &change->record, entry->time_ms, &a->report->has_declined,
                            error);
    return err == ST_OK && own ? note_own(a, change, set->first, ST_HOLD_NONE, error) : err;
}

/* Release, accept, decline of changes of one device. */
static st_err apply_decision(applying *a, const st_entry *entry, st_error *error)
{
    st_err err = ST_OK;
    const st_set *set = NULL;
    for (uint32_t i = 0; err == ST_OK && i < entry->counters_count; i++) {
        uint64_t counter = entry->counters[i];
        err = set_with(a, &entry->device, counter, &set, error);
        if (err == ST_E_NOT_FOUND)
            err = not_kept(a, true, error);
        if (err == ST_OK)
            err = decide_one(a, entry, set, overlay_change(set, counter), error);
    }
    return err;
}

/* Held for another reason now: its author is told, and all see it in its history. */
static st_err hold_one(applying *a, const st_entry *entry, const st_held *held, const st_set *set,
                       st_error *error)
{
    const st_change *change = overlay_change(set, held->counter);
    bool own = false;
    apply_line line;
    if (is_passed_over(a, change))
        return ST_OK;
    st_err err = find_line(a, entry, change, set->first, &line, error);
    line.verdict = APPLY_HELD;
    line.hold = held->reason;
    if (err == ST_OK)
        err = apply_line_put(a->client, &change->record, &line, error);
    if (err == ST_OK)
        err = is_own(a->client, &set->device, set->first, &own, error);
    return err == ST_OK && own ? note_own(a, change, set->first, held->reason, error) : err;
}

static st_err apply_hold(applying *a, const st_entry *entry, st_error *error)
{
    st_err err = ST_OK;
    const st_set *set = NULL;
    for (uint32_t i = 0; err == ST_OK && i < entry->held_count; i++) {
        err = set_with(a, &entry->device, entry->held[i].counter, &set, error);
        if (err == ST_OK)
            err = hold_one(a, entry, &entry->held[i], set, error);
        if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    return err;
}

/* Another branch: what somebody brought by hand of it is not shown any more. Its own sign of who
 * made it is enough, since nothing is folded. */
static st_err drop_fork(applying *a, const st_entry *entry, st_error *error)
{
    st_set set;
    st_err err = st_set_decode(entry->set, entry->set_len, &a->arena, &set, error);
    if (err == ST_E_MEMORY)
        return err;
    return set.bytes == NULL ? ST_OK : carried_drop(a->client, &set, error);
}

static st_err apply_entry(applying *a, const st_entry *entry, st_error *error)
{
    st_set set;
    if (entry->kind == ST_ENTRY_HOLD)
        return apply_hold(a, entry, error);
    if (entry->kind == ST_ENTRY_VERDICT || entry->kind == ST_ENTRY_ACCEPT ||
        entry->kind == ST_ENTRY_DECLINE)
        return apply_decision(a, entry, error);
    if (entry->kind == ST_ENTRY_FORK && entry->set != NULL)
        return drop_fork(a, entry, error);
    if (entry->kind == ST_ENTRY_FORK || (entry->set == NULL && entry->first == 0))
        return ST_OK; /* kept by the server, folded by nobody; or an entry without a set */
    if (entry->kind == ST_ENTRY_GAP || entry->kind == ST_ENTRY_INIT)
        return ST_OK;
    bool skip = false;
    memset(&a->kept, 0, sizeof a->kept); /* it may be this one, with other bytes */
    st_err err = entry_set(a, entry, &set, &skip, error);
    return err == ST_OK && !skip ? fold_set(a, entry, &set, error) : err;
}

/* ---- writing ---- */

static st_err put_records(applying *a, st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, RECORD_BYTES_MAX);
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->count; i++) {
        const st_record *record = &a->records[i].record;
        if (is_left(&a->records[i]))
            continue;
        st_sum after = st_record_sum(record);
        book_key key = book_key_id(BOOK_BASE, &record->id);
        st_buffer_clear(&out);
        st_sum_subtract(&a->state.sum, &a->records[i].before);
        st_sum_add(&a->state.sum, &after);
        err = st_record_encode(record, &out, error);
        if (err == ST_OK)
            err = book_put(&a->client->book, &key, out.data, out.len, error);
        if (err == ST_OK && record->created && strcmp(record->form.s, "form") == 0)
            err = lexicon_learn_form(a->client, record, error);
    }
    st_buffer_free(&out);
    return err;
}

/* Names first, so that the rows of the same page can use them. */
static st_err put_names(applying *a, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->count; i++)
        if (a->records[i].record.created)
            err = lexicon_learn(a->client, &a->records[i].record, error);
    return err;
}

static st_err put_rows(applying *a, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->count; i++)
        if (!is_left(&a->records[i]))
            err = overlay_row_of_base(a->client, &a->records[i].record, &a->records[i].has_lost,
                                      error);
    return err;
}

/* No sum tells of what is left damaged; nor of what was begun anew, where that replaces nothing:
 * a sum grows by what comes, whatever of the record is there; nor of a line of a history, or of a
 * set that is held. */
static st_err note_one(applying *a, const apply_record *r, anew_lost *list, size_t *count,
                       st_error *error)
{
    const st_id *id = &r->record.id;
    bool is_line = false, is_held = false, is_found = false;
    st_err err = apply_line_damaged(a->client, id, &is_line, error);
    if (err == ST_OK && r->has_lost)
        err = anew_note_held(a->client, &r->record, &is_held, error);
    a->report->has_lost = a->report->has_lost || is_held;
    if (err != ST_OK || (!r->is_unread && !is_line))
        return err;
    a->report->has_lost = true;
    if (!is_line && !is_left(r))
        return anew_note(a->client, id, &a->page->bucket, error);
    bool is_known = !r->is_unread && r->record.created;
    err = anew_is_found(a->client, id, &is_found, error);
    if (err == ST_OK && !is_found)
        list[(*count)++] =
            (anew_lost){ .record = *id, .home = is_known ? &r->record.bucket : NULL };
    return err;
}

static st_err note_unread(applying *a, st_error *error)
{
    size_t count = 0;
    anew_lost *list = st_arena_array(&a->arena, a->count, sizeof *list);
    st_err err = list == NULL ? st_fail(error, ST_E_MEMORY, "page: no memory") : ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->count; i++)
        err = note_one(a, &a->records[i], list, &count, error);
    return err == ST_OK ? anew_note_found(a->client, list, count, error) : err;
}

/* What was destroyed goes here too. It may be about the bucket itself. */
static st_err take_erasures(applying *a, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->erasures_count; i++)
        err = erase_take(a->client, &a->erasures[i], &a->report->owes_renewal, error);
    return err == ST_OK && a->erasures_count > 0
               ? bucket_get(&a->client->book, &a->page->bucket, &a->state, error)
               : err;
}

/* The base must now be what the server has. */
static void check_sum(applying *a)
{
    if (a->page->last && memcmp(a->page->sum.b, a->state.sum.b, sizeof a->state.sum.b) != 0)
        a->report->wrong_sum = true;
}

static st_err apply_entries(applying *a, st_error *error)
{
    const st_bucket *bucket = &a->page->bucket;
    book_db *book = &a->client->book;
    st_err err = bucket_get(book, bucket, &a->state, error);
    if (err == ST_OK)
        err = bucket_vector_get(book, bucket, &a->arena, &a->vector, error);
    for (uint32_t i = 0; err == ST_OK && i < a->page->entries_count; i++)
        if (a->page->entries[i].index > a->state.cursor)
            err = apply_entry(a, &a->page->entries[i], error);
    if (err == ST_OK)
        err = put_records(a, error);
    if (err == ST_OK && a->count > 0)
        err = bucket_vector_put(book, bucket, &a->vector, error);
    if (a->page->cursor > a->state.cursor) {
        a->state.cursor = a->page->cursor;
        a->report->moved = true;
    }
    a->state.in_scope = true;
    a->state.too_new = false;
    a->state.is_whole = a->state.is_whole || a->page->last;
    if (err == ST_OK)
        err = bucket_put(book, bucket, &a->state, error);
    if (err == ST_OK)
        err = put_names(a, error);
    if (err == ST_OK)
        err = put_rows(a, error);
    if (err == ST_OK)
        err = note_unread(a, error);
    if (err == ST_OK)
        err = take_erasures(a, error);
    check_sum(a);
    return err;
}

static st_err mark_too_new(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    bucket_state state;
    st_err err = bucket_get(&client->book, bucket, &state, error);
    state.too_new = true;
    return err == ST_OK ? bucket_put(&client->book, bucket, &state, error) : err;
}

static void begin(applying *a, sotay_client *client, const st_page *page, apply_report *report)
{
    memset(a, 0, sizeof *a);
    a->client = client;
    a->report = report;
    a->page = page;
    a->in_catalogue = bucket_is_catalogue(&page->bucket);
    st_arena_init(&a->arena, CLIENT_WORK_BYTES_MAX);
    st_arena_init(&a->kept_arena, CLIENT_WORK_BYTES_MAX);
}

static void end(applying *a)
{
    st_arena_reset(&a->kept_arena);
    st_arena_reset(&a->arena);
}

st_err apply_page(sotay_client *client, const st_page *page, apply_report *report, st_error *error)
{
    if (page->fold_version > APPLY_FOLD_VERSION) {
        report->too_new = true;
        return mark_too_new(client, &page->bucket, error);
    }
    applying a;
    begin(&a, client, page, report);
    st_err err = page->reset ? evidence_forget(client, &page->bucket, 0, error) : ST_OK;
    a.looks_for_twin = true;
    report->was_reset = page->reset;
    if (err == ST_OK)
        err = apply_entries(&a, error);
    end(&a);
    return err;
}

/* ---- sets that wait ---- */

static st_err keep_held(applying *a, const st_entry *entry, st_error *error)
{
    st_set set;
    bool skip = false, own = false;
    st_err err = entry_set(a, entry, &set, &skip, error);
    if (err == ST_OK && !skip)
        err = is_own(a->client, &set.device, set.first, &own, error);
    for (uint32_t i = 0; err == ST_OK && !skip && i < entry->held_count; i++) {
        const st_change *change = overlay_change(&set, entry->held[i].counter);
        if (change == NULL)
            return st_fail(error, ST_E_CORRUPT, "snapshot: a change is not in its set");
        apply_line line = { .index = entry->index,
                            .counter = change->dot.counter,
                            .device = set.device,
                            .first = set.first,
                            .time_ms = entry->time_ms,
                            .verdict = APPLY_HELD,
                            .hold = entry->held[i].reason,
                            .has_carrier = entry->has_carrier,
                            .carrier = entry->carrier };
        err = apply_line_put(a->client, &change->record, &line, error);
        if (err == ST_OK && own)
            err = note_own(a, change, set.first, line.hold, error);
    }
    return err;
}

st_err apply_held(sotay_client *client, const st_bucket *bucket, const st_entry *entries,
                  uint32_t count, st_error *error)
{
    applying a;
    apply_report report;
    st_page page;
    st_err err = ST_OK;
    memset(&page, 0, sizeof page);
    memset(&report, 0, sizeof report);
    page.bucket = *bucket;
    begin(&a, client, &page, &report);
    for (uint32_t i = 0; err == ST_OK && i < count; i++)
        err = keep_held(&a, &entries[i], error);
    end(&a);
    return err;
}

/* ---- one record anew ---- */

/* What the base says of the record now counts in the sum until it is replaced. One that does not
 * open may be of another bucket: it is replaced when the entries are known to say it. */
static st_err begin_anew(applying *a, st_error *error)
{
    apply_record *record = NULL;
    st_err err = bucket_get(&a->client->book, &a->page->bucket, &a->state, error);
    if (err == ST_OK)
        err = load_record(a, a->only, &record, error);
    if (err != ST_OK)
        return err;
    a->is_elsewhere = strcmp(record->record.bucket.s, a->page->bucket.s) != 0;
    if (a->is_elsewhere || record->is_unread)
        return forget_lines(a->client, a->only, &a->page->bucket, false, error);
    err = apply_forget_record(a->client, a->only, &a->page->bucket, error);
    if (err == ST_OK)
        st_record_init(&record->record, &a->arena, a->only, &a->page->bucket);
    return err;
}

static st_err end_anew(applying *a, st_error *error)
{
    st_err err = anew_done(a->client, a->only, &a->page->bucket, error);
    if (err != ST_OK || a->is_elsewhere)
        return err;
    if (a->page->entries_count > 0)
        err = put_records(a, error);
    else
        st_sum_subtract(&a->state.sum, &a->records[0].before);
    if (err == ST_OK)
        err = bucket_put(&a->client->book, &a->page->bucket, &a->state, error);
    if (err == ST_OK)
        err = put_names(a, error);
    if (err == ST_OK)
        err = put_rows(a, error);
    return err == ST_OK ? take_erasures(a, error) : err;
}

st_err apply_record_anew(sotay_client *client, const apply_anew *anew, bool *out_owes,
                         st_error *error)
{
    applying a;
    apply_report report;
    st_page page;
    memset(&page, 0, sizeof page);
    memset(&report, 0, sizeof report);
    page.bucket = anew->bucket;
    page.entries = anew->entries;
    page.entries_count = anew->entries_count;
    begin(&a, client, &page, &report);
    a.only = &anew->record;
    st_vector_init(&a.vector, &a.arena); /* of its own: the bucket's has all of this already */
    st_err err = begin_anew(&a, error);
    for (uint32_t i = 0; err == ST_OK && i < page.entries_count; i++)
        err = apply_entry(&a, &page.entries[i], error);
    if (err == ST_OK)
        err = end_anew(&a, error);
    *out_owes = *out_owes || report.owes_renewal;
    end(&a);
    return err;
}
