/* server/sync/own_clock.h - the server's own clock: may it be believed when the server starts, and
 * was it set while it runs? Each step becomes one entry `note` of the log; a clock that lies more
 * than a day before the newest entry takes no writes. Source: docs/protocol.md 6.
 * Notes: "clock step FROM TO\nWORDS", "clock start FROM TO\n", "clock accept FROM TO\nREASON"; FROM
 * and TO in ms. */
#ifndef SOTAY_SERVER_SYNC_OWN_CLOCK_H
#define SOTAY_SERVER_SYNC_OWN_CLOCK_H

#include "server/sync/row.h"
#include "server/sync/writer.h"

/* What a daemon that steers the clock slowly never does: chrony moves it by at most a twelfth, five
 * seconds in a minute. */
#define OWN_CLOCK_STEP_MS INT64_C(10000)
#define OWN_CLOCK_LOOK_MS INT64_C(60000)               /* compared over so long */
#define OWN_CLOCK_DAY_MS (INT64_C(24) * 3600 * 1000)   /* further back at the start: it waits */
#define OWN_CLOCK_HOUR_MS INT64_C(3600000)
#define OWN_CLOCK_NOTES_MAX 10u                        /* in an hour; what is more is one note */
#define OWN_CLOCK_WAITS \
    "the clock of this server lies more than a day before the newest entry of the book: nothing " \
    "is taken in until it is right, or `sotayctl clock accept` says that it is"
#define OWN_CLOCK_BEGINS "the server begins again behind its wait for the clock: try it in a moment"

/* What is to be noted. Of steps: the clock said from_ms, and in the same moment to_ms. */
typedef struct {
    int64_t from_ms, to_ms;
    uint32_t count;            /* steps: more than one when they came too fast; 0: none */
    bool is_due;               /* there are some, and their entry is to be written now */
    int64_t jump_ms;           /* behind one of more than a day while entries were taken in; 0 */
    int64_t book_ms, start_ms; /* a start: newest time of the book, time of the start; 0: none */
} own_clock_step;

/* NULL in its place: a clock that nobody looks at. Thread-safe, but for new and free. */
typedef struct own_clock own_clock;
ST_MUST_USE st_err own_clock_new(const server_port *port, own_clock **out_clock, st_error *error);
void own_clock_free(own_clock *clock);

/* When the store is opened: compares with the book. Errors of the store. */
ST_MUST_USE st_err own_clock_start(own_clock *clock, store_txn *txn, st_error *error);
/* Is nothing to be taken in? Also while the book is being begun (below). */
bool own_clock_waits(const own_clock *clock);
typedef struct {
    int64_t now_ms;            /* what the clock says */
    int64_t known_ms;          /* the newest time of the book when it was opened; 0: it has none */
} own_clock_times;
/* Both. */
own_clock_times own_clock_read(own_clock *clock);
/* Does it lie no more than a day before that? */
bool own_clock_is_right(own_clock *clock);
/* Looks whether the clock was set, and says whether a note of it is due. Often. */
bool own_clock_look(own_clock *clock);

/* The end of a wait: what the start left is done between the two, by the calling thread, and nobody
 * else writes meanwhile. False: it does not wait, or somebody else has begun. Where it does not
 * wait, own_clock_new was the begin, and own_clock_began alone ends the start. */
bool own_clock_begin(own_clock *clock);
void own_clock_began(own_clock *clock, bool is_good);
/* Is the calling thread between the two? */
bool own_clock_begins_here(own_clock *clock);

/* ---- the writer's: inside a turn ---- */

/* Nothing may be written now. */
bool own_clock_is_closed(const own_clock *clock);
/* The same with its reason, ST_E_BUSY. `begins`: own_clock_begins_here of who wants to write; while
 * what the start left is done, nobody else may. */
ST_MUST_USE st_err own_clock_may_write(const own_clock *clock, bool begins, st_error *error);
/* Is something to be noted? A jump is, also while the entry of its step waits for the next hour. */
bool own_clock_due(own_clock *clock, own_clock_step *out_step);
/* Its entries. Errors of sync_log_append. */
ST_MUST_USE st_err own_clock_note(writer_turn *turn, const own_clock_step *step, st_error *error);
/* It is on the disk. */
void own_clock_noted(own_clock *clock, const own_clock_step *step);
/* At the end of each turn. Errors of the store. */
ST_MUST_USE st_err own_clock_keep(writer_turn *turn, st_error *error);

/* A person says that the clock is right, with an entry; from now on the book is held against it and
 * not against its newest entry. ST_E_STATE: it was not asked. */
ST_MUST_USE st_err own_clock_accept(writer_turn *turn, const st_id *person, const char *reason,
                                    st_error *error);

/* ---- reading ---- */

typedef struct {
    const char *word;          /* "server_step", "server_start", "server_accept" */
    int64_t from_ms, to_ms;
    const char *words;         /* not NUL-terminated */
    size_t words_len;
} own_clock_said;
/* What a note says of the clock; false: it is another note. */
bool own_clock_parse(const sync_row *row, own_clock_said *out_said);

/* When the clock last jumped by more than a day, by its time afterwards; 0: it never did. */
ST_MUST_USE st_err own_clock_jump(store_txn *txn, int64_t *out_ms, st_error *error);
/* How long ago that was, at least: nothing grows old because the clock was set. */
int64_t own_clock_age(int64_t since_ms, int64_t now_ms, int64_t jump_ms);

#endif
