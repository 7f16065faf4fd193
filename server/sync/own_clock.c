/* server/sync/own_clock.c - the server's own clock, held against the book and against the time
 * since the machine started. Promises: one note for each step, and few for many; no note for a
 * clock that is steered slowly. Must never change a time of the log. */
#include "server/sync/own_clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"

/* META. KNOWN: since a person accepted a clock that lies before the newest entry, the newest time
 * that this clock has shown; gone when it has caught up. JUMP: own_clock_jump. START: a start was
 * noted: from 8, and what the clock said in the newest turn 8; gone when it has caught up. */
#define KNOWN "clock_known"
#define JUMP "clock_jump"
#define START "clock_start"
#define NOTE_BYTES_MAX 4096u

typedef enum { RUNS, WAITS, BEGINS } clock_state;

struct own_clock {
    const server_port *port;
    pthread_mutex_t mutex;     /* guards all but the state */
    _Atomic int state;
    pthread_t beginner;        /* while it BEGINS */
    int64_t wall_ms, mono_ms;  /* looked at before; compared with now */
    int64_t known_ms;          /* of the book, at the start; 0: none */
    own_clock_step step;       /* not noted yet */
    int64_t hour_ms;           /* monotonic: begin of the hour */
    uint32_t notes;            /* in it */
};

static int64_t wall_of(const own_clock *c)
{
    return c->port->now_ms(c->port->context);
}

/* The port's is unsigned; a test may turn it back. */
static int64_t mono_of(const own_clock *c)
{
    return (int64_t)c->port->mono_ms(c->port->context);
}

static int64_t size_of(int64_t ms)
{
    return ms < 0 ? -ms : ms;
}

st_err own_clock_new(const server_port *port, own_clock **out_clock, st_error *error)
{
    own_clock *c = calloc(1, sizeof *c);
    if (c == NULL)
        return st_fail(error, ST_E_MEMORY, "clock: out of memory");
    c->port = port;
    (void)pthread_mutex_init(&c->mutex, NULL);
    c->wall_ms = wall_of(c);
    c->mono_ms = mono_of(c);
    c->hour_ms = c->mono_ms;
    atomic_init(&c->state, BEGINS);
    c->beginner = pthread_self();
    *out_clock = c;
    return ST_OK;
}

void own_clock_free(own_clock *clock)
{
    if (clock == NULL)
        return;
    (void)pthread_mutex_destroy(&clock->mutex);
    free(clock);
}

/* ---- the book ---- */

static st_err get_number(store_txn *txn, const char *name, int64_t *out, st_error *error)
{
    store_slice row = { 0 };
    *out = 0;
    st_err err = store_get(txn, STORE_META, store_text(name), &row, error);
    if (err == ST_OK && row.len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: %s is damaged", name);
    if (err == ST_OK)
        *out = (int64_t)st_get_u64(row.data);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err put_number(store_txn *txn, const char *name, int64_t value, st_error *error)
{
    uint8_t row[8];
    st_put_u64(row, (uint64_t)value);
    return store_put(txn, STORE_META, store_text(name), store_bytes(row, sizeof row), error);
}

/* The newest time that the book may be held against; 0: an empty one. */
static st_err known_time(store_txn *txn, int64_t *out_ms, st_error *error)
{
    store_cursor cursor = { 0 };
    st_err err = get_number(txn, KNOWN, out_ms, error);
    if (err != ST_OK || *out_ms != 0)
        return err;
    err = store_cursor_open(txn, STORE_LOG, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, store_text(""), error);
    if (err == ST_OK && cursor.is_valid) {
        pack_reader reader = pack_read(cursor.value);
        (void)pack_get_u8(&reader);
        *out_ms = (int64_t)pack_get_u64(&reader);
        if (reader.is_bad)
            err = st_fail(error, ST_E_CORRUPT, "log: a row is damaged");
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err get_start(store_txn *txn, bool *out_is, own_clock_times *out, st_error *error)
{
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_META, store_text(START), &row, error);
    pack_reader reader = pack_read(row);
    out->known_ms = (int64_t)pack_get_u64(&reader);
    out->now_ms = (int64_t)pack_get_u64(&reader);
    *out_is = err == ST_OK && !reader.is_bad;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err put_start(store_txn *txn, const own_clock_times *times, st_error *error)
{
    uint8_t row[16];
    st_put_u64(row, (uint64_t)times->known_ms);
    st_put_u64(row + 8, (uint64_t)times->now_ms);
    return store_put(txn, STORE_META, store_text(START), store_bytes(row, sizeof row), error);
}

/* Was this start noted already? While the clock catches up with the book there may be many, each
 * later than the newest turn: one that is not is a step back. */
static st_err is_said(store_txn *txn, const own_clock_times *start, bool *out_said, st_error *error)
{
    own_clock_times said;
    st_err err = get_start(txn, out_said, &said, error);
    *out_said = *out_said && said.known_ms == start->known_ms &&
                start->now_ms >= said.now_ms - OWN_CLOCK_STEP_MS;
    return err;
}

st_err own_clock_start(own_clock *clock, store_txn *txn, st_error *error)
{
    bool said = false;
    own_clock_times start = { .now_ms = clock->wall_ms };
    st_err err = known_time(txn, &start.known_ms, error);
    if (err == ST_OK)
        err = is_said(txn, &start, &said, error);
    if (err != ST_OK)
        return err;
    int64_t back_ms = start.known_ms == 0 ? 0 : st_ms_between(start.now_ms, start.known_ms);
    clock->known_ms = start.known_ms;
    if (back_ms > OWN_CLOCK_DAY_MS)
        atomic_store(&clock->state, WAITS);
    else if (back_ms > OWN_CLOCK_STEP_MS && !said)
        clock->step = (own_clock_step){ .book_ms = start.known_ms, .start_ms = start.now_ms };
    return ST_OK;
}

bool own_clock_waits(const own_clock *clock)
{
    return clock != NULL && atomic_load(&clock->state) != RUNS;
}

bool own_clock_is_closed(const own_clock *clock)
{
    return clock != NULL && atomic_load(&clock->state) == WAITS;
}

own_clock_times own_clock_read(own_clock *clock)
{
    (void)pthread_mutex_lock(&clock->mutex);
    own_clock_times times = { wall_of(clock), clock->known_ms };
    (void)pthread_mutex_unlock(&clock->mutex);
    return times;
}

bool own_clock_is_right(own_clock *clock)
{
    own_clock_times times = own_clock_read(clock);
    return st_ms_between(times.now_ms, times.known_ms) <= OWN_CLOCK_DAY_MS;
}

st_err own_clock_may_write(const own_clock *clock, bool begins, st_error *error)
{
    int state = clock == NULL ? RUNS : atomic_load(&clock->state);
    if (state == WAITS)
        return st_fail(error, ST_E_BUSY, OWN_CLOCK_WAITS);
    return state == BEGINS && !begins ? st_fail(error, ST_E_BUSY, OWN_CLOCK_BEGINS) : ST_OK;
}

bool own_clock_begin(own_clock *clock)
{
    int expected = WAITS;
    if (clock == NULL)
        return false;
    (void)pthread_mutex_lock(&clock->mutex);
    bool begins = atomic_compare_exchange_strong(&clock->state, &expected, BEGINS);
    if (begins)
        clock->beginner = pthread_self();
    (void)pthread_mutex_unlock(&clock->mutex);
    return begins;
}

bool own_clock_begins_here(own_clock *clock)
{
    if (clock == NULL || atomic_load(&clock->state) != BEGINS)
        return false;
    (void)pthread_mutex_lock(&clock->mutex);
    bool is_here = atomic_load(&clock->state) == BEGINS &&
                   pthread_equal(clock->beginner, pthread_self()) != 0;
    (void)pthread_mutex_unlock(&clock->mutex);
    return is_here;
}

void own_clock_began(own_clock *clock, bool is_good)
{
    atomic_store(&clock->state, is_good ? RUNS : WAITS);
}

/* ---- steps ---- */

/* Under the lock. Several that are not noted yet are one, from the first to the last. */
static void add_step(own_clock *c, int64_t from_ms, int64_t to_ms)
{
    own_clock_step *step = &c->step;
    bool is_jump = size_of(st_ms_between(from_ms, to_ms)) > OWN_CLOCK_DAY_MS &&
                   atomic_load(&c->state) == RUNS;
    if (step->count == 0)
        step->from_ms = from_ms;
    step->to_ms = to_ms;
    step->count++;
    if (is_jump)
        step->jump_ms = to_ms;
}

/* Under the lock. A slow drift moves along with what it is compared with. */
static void look(own_clock *c)
{
    int64_t wall_ms = wall_of(c), mono_ms = mono_of(c);
    int64_t gone_ms = st_ms_between(c->mono_ms, mono_ms);
    int64_t expected_ms = c->wall_ms + gone_ms;
    int64_t most_ms = size_of(gone_ms) / 6;
    bool is_step = size_of(st_ms_between(expected_ms, wall_ms)) >
                   (most_ms > OWN_CLOCK_STEP_MS ? most_ms : OWN_CLOCK_STEP_MS);
    if (is_step)
        add_step(c, expected_ms, wall_ms);
    if (!is_step && size_of(gone_ms) < OWN_CLOCK_LOOK_MS)
        return;
    c->wall_ms = wall_ms;
    c->mono_ms = mono_ms;
}

/* Under the lock. A jump and a start wait for no next hour: a start comes once, and a jump makes no
 * entry of its own. */
static bool is_due(own_clock *c)
{
    int64_t now_ms = mono_of(c);
    own_clock_step *step = &c->step;
    if (size_of(st_ms_between(c->hour_ms, now_ms)) >= OWN_CLOCK_HOUR_MS) {
        c->hour_ms = now_ms;
        c->notes = 0;
    }
    step->is_due = step->count > 0 && c->notes < OWN_CLOCK_NOTES_MAX;
    return (step->is_due || step->jump_ms != 0 || step->book_ms != 0) &&
           atomic_load(&c->state) == RUNS;
}

bool own_clock_look(own_clock *clock)
{
    if (clock == NULL)
        return false;
    (void)pthread_mutex_lock(&clock->mutex);
    look(clock);
    bool due = is_due(clock);
    (void)pthread_mutex_unlock(&clock->mutex);
    return due;
}

bool own_clock_due(own_clock *clock, own_clock_step *out_step)
{
    if (clock == NULL)
        return false;
    (void)pthread_mutex_lock(&clock->mutex);
    look(clock);
    bool due = is_due(clock);
    *out_step = clock->step;
    (void)pthread_mutex_unlock(&clock->mutex);
    return due;
}

void own_clock_noted(own_clock *clock, const own_clock_step *step)
{
    (void)pthread_mutex_lock(&clock->mutex);
    own_clock_step *left = &clock->step;
    left->book_ms = 0;
    if (left->jump_ms == step->jump_ms)
        left->jump_ms = 0;
    if (step->is_due) {
        left->count -= step->count;            /* more may have come meanwhile */
        left->from_ms = step->to_ms;
        clock->notes++;
    }
    (void)pthread_mutex_unlock(&clock->mutex);
}

/* ---- entries ---- */

static st_err append(writer_turn *turn, const st_id *person, const char *note, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_NOTE;
    row.device = turn->room->keys->device;
    if (person != NULL)
        row.actor = *person;
    row.note = store_text(note);
    return sync_log_append(turn, &row, NULL, error);
}

static st_err note_start(writer_turn *turn, const own_clock_step *step, st_error *error)
{
    char note[96];
    const own_clock_times times = { .now_ms = step->start_ms, .known_ms = step->book_ms };
    (void)snprintf(note, sizeof note, "clock start %" PRId64 " %" PRId64 "\n", step->book_ms,
                   step->start_ms);
    st_err err = append(turn, NULL, note, error);
    return err == ST_OK ? put_start(turn->txn, &times, error) : err;
}

static st_err note_steps(writer_turn *turn, const own_clock_step *step, st_error *error)
{
    char note[128], words[48] = "";
    if (step->count > 1)
        (void)snprintf(words, sizeof words, "%" PRIu32 " steps", step->count);
    (void)snprintf(note, sizeof note, "clock step %" PRId64 " %" PRId64 "\n%s", step->from_ms,
                   step->to_ms, words);
    return append(turn, NULL, note, error);
}

st_err own_clock_note(writer_turn *turn, const own_clock_step *step, st_error *error)
{
    st_err err = step->book_ms != 0 ? note_start(turn, step, error) : ST_OK;
    if (err == ST_OK && step->is_due)
        err = note_steps(turn, step, error);
    return err == ST_OK && step->jump_ms != 0 ? put_number(turn->txn, JUMP, step->jump_ms, error)
                                              : err;
}

st_err own_clock_accept(writer_turn *turn, const st_id *person, const char *reason,
                        st_error *error)
{
    own_clock *c = turn->room->clock;
    char note[NOTE_BYTES_MAX];
    if (!own_clock_waits(c))
        return st_fail(error, ST_E_STATE, "the clock of the server is not asked about");
    own_clock_times times = own_clock_read(c);
    (void)snprintf(note, sizeof note, "clock accept %" PRId64 " %" PRId64 "\n%s", times.known_ms,
                   times.now_ms, reason);
    st_err err = append(turn, person, note, error);
    if (err == ST_OK)
        err = put_number(turn->txn, KNOWN, times.now_ms, error);
    return err == ST_OK ? put_number(turn->txn, JUMP, times.now_ms, error) : err;
}

static st_err keep_known(writer_turn *turn, int64_t now_ms, st_error *error)
{
    int64_t known_ms = 0;
    st_err err = get_number(turn->txn, KNOWN, &known_ms, error);
    if (err != ST_OK || known_ms == 0)
        return err;
    if (now_ms >= turn->last_time_ms)
        return store_delete(turn->txn, STORE_META, store_text(KNOWN), error);
    return now_ms > known_ms ? put_number(turn->txn, KNOWN, now_ms, error) : ST_OK;
}

/* Back too: while it runs, a step has a note of its own. */
static st_err keep_start(writer_turn *turn, int64_t now_ms, st_error *error)
{
    bool is_there = false;
    own_clock_times times;
    st_err err = get_start(turn->txn, &is_there, &times, error);
    if (err != ST_OK || !is_there || times.now_ms == now_ms)
        return err;
    if (now_ms >= times.known_ms)
        return store_delete(turn->txn, STORE_META, store_text(START), error);
    times.now_ms = now_ms;
    return put_start(turn->txn, &times, error);
}

st_err own_clock_keep(writer_turn *turn, st_error *error)
{
    int64_t now_ms = sync_now(turn->room);
    st_err err = keep_known(turn, now_ms, error);
    return err == ST_OK ? keep_start(turn, now_ms, error) : err;
}

/* ---- reading ---- */

bool own_clock_parse(const sync_row *row, own_clock_said *out_said)
{
    static const struct { const char *begins, *word; } KINDS[] = {
        { "clock step ", "server_step" },
        { "clock start ", "server_start" },
        { "clock accept ", "server_accept" },
    };
    char line[96] = "";
    const char *text = row->note.data;
    const char *end = row->note.len == 0 ? NULL : memchr(text, '\n', row->note.len);
    if (row->kind != ST_ENTRY_NOTE || row->first != 0 || end == NULL ||
        (size_t)(end - text) >= sizeof line)
        return false;
    memcpy(line, text, (size_t)(end - text));
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        size_t skip = strlen(KINDS[i].begins);
        if (strncmp(line, KINDS[i].begins, skip) != 0 ||
            sscanf(line + skip, "%" SCNd64 " %" SCNd64, &out_said->from_ms, &out_said->to_ms) != 2)
            continue;
        out_said->word = KINDS[i].word;
        out_said->words = end + 1;
        out_said->words_len = row->note.len - (size_t)(end + 1 - text);
        return true;
    }
    return false;
}

st_err own_clock_jump(store_txn *txn, int64_t *out_ms, st_error *error)
{
    return get_number(txn, JUMP, out_ms, error);
}

int64_t own_clock_age(int64_t since_ms, int64_t now_ms, int64_t jump_ms)
{
    bool is_of_before = jump_ms != 0 && (since_ms < jump_ms || since_ms > now_ms);
    int64_t from_ms = is_of_before ? jump_ms : since_ms;
    return from_ms >= now_ms ? 0 : st_ms_between(from_ms, now_ms);
}
