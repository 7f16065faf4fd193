/* client-lib/src/overlay.h - a record as its owner sees it: the base (what the log says at the
 * cursor) with own unsent, held and carried changes folded over it. Computed for reading; the base
 * never contains it. */
#ifndef SOTAY_CLIENT_OVERLAY_H
#define SOTAY_CLIENT_OVERLAY_H

#include "client-lib/src/bucket.h"
#include "client-lib/src/lexicon.h"

/* The record that a caller means: its id, or that which it has since its making was replayed
 * under a new device. Inside a transaction. ST_E_CORRUPT: what it became does not open; then
 * *out_id is the last one that is known. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err overlay_find(sotay_client *client, const sotay_id *record, st_id *out_id,
                                st_error *error);
/* The same for what must go on: with one that does not open it is the last one that is known. */
ST_MUST_USE st_err overlay_find_known(sotay_client *client, const sotay_id *record, st_id *out_id,
                                      st_error *error);

/* Where a change is that its base has not (table OVER): an own one, or one of another device that
 * came by hand (carried.h). */
typedef enum {
    OVERLAY_UNSEALED,
    OVERLAY_SEALED,
    OVERLAY_SENT,
    OVERLAY_HELD,
    OVERLAY_CARRIED
} overlay_status;
typedef struct {
    st_dot dot;
    uint64_t first; /* of its set; 0: not sealed, in table CHANGE */
    overlay_status status;
    st_hold hold; /* OVERLAY_HELD */
} overlay_entry;

typedef struct {
    st_record record;    /* folded */
    st_vector vector;    /* folded too: for contexts */
    const st_form *form; /* NULL: unknown here */
    bool is_form_damaged; /* then there is none: it does not open */
    bool is_damaged; /* its form, what is over the base, or who wrote that or what was declined,
                      * does not open */
    bool has_base, is_held;
    bool has_own; /* something of ours is folded over the base */
    bool lacks_own; /* something of ours is not, that waits and does not open */
    bool has_carried; /* something that came by hand is */
    st_outside outside; /* nothing of it is in the book: what is shown was declined (outside.h) */
    const char *decision_reason; /* then; NULL: not known here */
    size_t decision_reason_len;
    st_show_held *helds; /* own changes that wait for the office; by device and counter */
    size_t helds_count, helds_capacity;
} overlay_view;

/* The record as it is shown. All memory in the arena; inside a transaction. ST_E_NOT_FOUND (with
 * *error), ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err overlay_load(sotay_client *client, const st_id *record, st_arena *arena,
                                overlay_view *out_view, st_error *error);

/* Is it shown without this, which overlay_walk_next gave with `err`: work that does not open, over
 * a record that is here? Whoever gave it may never come again, and who wrote it writes it anew.
 * What is held, or may be since the note of it does not open, comes again with the next sync. */
bool overlay_leaves_out(const sotay_client *client, const overlay_view *view,
                        const overlay_entry *entry, st_err err);

/* Without a form nothing can be shown or written. ST_E_NOT_FOUND: it did not come yet;
 * ST_E_CORRUPT. */
ST_MUST_USE st_err overlay_need_form(const overlay_view *view, st_error *error);

/* Who made the changes of a set; zero: that is not known here. ST_E_STORAGE, ST_E_MEMORY,
 * ST_E_CORRUPT; then zero too. */
ST_MUST_USE st_err overlay_author(sotay_client *client, const st_set *set, st_id *out_author,
                                  st_error *error);

ST_MUST_USE st_err overlay_put(book_db *book, const st_id *record, const overlay_entry *entry,
                               st_error *error);
ST_MUST_USE st_err overlay_delete(book_db *book, const st_id *record, const st_dot *dot,
                                  st_error *error);
/* ST_E_NOT_FOUND without *error. One that does not open is told from where the change lies. */
ST_MUST_USE st_err overlay_get(book_db *book, const st_id *record, const st_dot *dot,
                               overlay_entry *out_entry, st_error *error);
/* Is the change held, and can somebody still decide on it? */
bool overlay_is_undecided(const overlay_entry *entry);
/* Whose the next note of a scan over OVER is; it is not opened. ST_E_NOT_FOUND at the end, without
 * *error. */
ST_MUST_USE st_err overlay_note_next(book_db *book, book_scan *scan, st_id *out_record,
                                     st_dot *out_dot, st_error *error);

/* Walks the own changes of one record, in order; the set each lies in is decoded once. */
typedef struct {
    sotay_client *client;
    st_arena *arena; /* of the decoded sets */
    book_scan scan;
    st_set set;    /* decoded last */
    st_dot set_at; /* device and first of it; counter 0: a change that is not sealed */
    bool has_set;
} overlay_walk;
void overlay_walk_begin(overlay_walk *walk, sotay_client *client, const st_id *record,
                        st_arena *arena);
/* The next one; *out_change and *out_set live in the arena. ST_E_NOT_FOUND at the end.
 * ST_E_CORRUPT: with *out_entry where only its set is damaged; the walk goes on behind it. */
ST_MUST_USE st_err overlay_walk_next(overlay_walk *walk, overlay_entry *out_entry,
                                     const st_change **out_change, const st_set **out_set,
                                     st_error *error);

/* The record as the log has it here, without own work that waits; it lives in the arena.
 * ST_E_NOT_FOUND (without *error): none of it came. ST_E_CORRUPT: it does not open. */
ST_MUST_USE st_err overlay_base_get(sotay_client *client, const st_id *id, st_arena *arena,
                                    st_record *out_record, st_error *error);

/* One change by where it is kept: sealed in the set `first` of its device, or (first 0) not yet. */
ST_MUST_USE st_err overlay_set_get(sotay_client *client, const st_dot *dot, uint64_t first,
                                   st_arena *arena, st_set *out_set, st_error *error);
/* The next kept set of a scan over SET, past those that do not open; it lives in the arena.
 * ST_E_NOT_FOUND at the end, without *error. */
ST_MUST_USE st_err overlay_set_next(sotay_client *client, book_scan *scan, st_arena *arena,
                                    st_set *out_set, st_error *error);
/* The change `counter` of a set; NULL when it is not in it. */
const st_change *overlay_change(const st_set *set, uint64_t counter);

/* Writes the summary row and the search text of a record from its view (or deletes them when the
 * record is not there). */
ST_MUST_USE st_err overlay_row_put(sotay_client *client, const overlay_view *view, st_arena *arena,
                                   st_error *error);
/* Loads the record and writes its row. Memory is given back. */
ST_MUST_USE st_err overlay_row_refresh(sotay_client *client, const st_id *record, st_error *error);
/* The same in what has to go on: of a record that is damaged the row stays as it was. */
ST_MUST_USE st_err overlay_row_settle(sotay_client *client, const st_id *record, st_error *error);
/* The same where something of the record has to go: the row of one that is damaged goes too. */
ST_MUST_USE st_err overlay_row_renew(sotay_client *client, const st_id *record, st_error *error);
/* The same for a record whose base was written in this transaction and is still in memory: it is
 * neither opened nor decoded again when nothing lies over it. *out_damaged: something lies over it
 * that does not open; the row has the base alone, or stays where that does not say what it is. */
ST_MUST_USE st_err overlay_row_of_base(sotay_client *client, const st_record *base,
                                       bool *out_damaged, st_error *error);
/* What was carried in this set is shown no more, whether the set opens or not. Inside a
 * transaction. */
ST_MUST_USE st_err overlay_hide_carried(sotay_client *client, const st_id *device, uint64_t first,
                                        st_error *error);

/* How this client shows records. */
st_show_how overlay_how(const sotay_client *client, const lexicon_directory *names, bool is_held);

#endif
