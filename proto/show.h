/* proto/show.h - records as people and programs read them: the JSON shapes of docs/programs.md,
 * summary rows, open conflicts, states. One implementation for phone and office. */
#ifndef SOTAY_PROTO_SHOW_H
#define SOTAY_PROTO_SHOW_H

#include "proto/form.h"
#include "proto/json.h"
#include "proto/merge.h"
#include "proto/message.h"

/* Names that a record does not hold itself. Each may answer NULL: then ids are shown. */
typedef struct {
    void *context;
    const char *(*login)(void *context, const st_id *person);
    const char *(*unit_name)(void *context, const char *unit_id);
    const char *(*key_label)(void *context, const char *keys, const char *key);
} st_directory;

/* When something was written, by the server's clock (docs/protocol.md 6). */
typedef struct {
    int64_t at_ms, within_ms;     /* when known */
    bool rebooted;                /* not known: the machine restarted before it met the server */
} st_written;
/* Answers for a value or an act; false: not known, then rebooted may still be set. */
typedef struct {
    void *context;
    bool (*of)(void *context, const st_meta *meta, st_written *out_written);
} st_moments;

/* A change of the record that waits for the office. */
typedef struct { st_dot dot; st_hold reason; } st_show_held;

/* Days since 1970, both included. */
typedef struct {
    int64_t from, to;
} st_days;

/* A record that is shown although it is not in the book. */
typedef enum {
    ST_OUTSIDE_NONE,              /* it is in the book, or on its way there */
    ST_OUTSIDE_WAITS,             /* what makes it waits for the office */
    ST_OUTSIDE_DECLINED           /* the office declined what makes it */
} st_outside;

/* What only the holder of the record knows. Zeroed is valid. */
typedef struct {
    const st_directory *directory;
    const st_moments *moments;    /* NULL: nothing is known */
    const char *lang;             /* "vi" or "en", for labels; NULL: "vi" */
    int offset_minutes;           /* local time of claimed_at and received_at; 420 in Viet Nam */
    bool is_phone;                /* an unsent finalise shows as `finalised`, not `received` */
    bool is_held;                 /* some change of the record is held */
    bool is_carried;              /* some of it came from another phone by hand */
    st_outside outside;
    const char *decision_reason;  /* ST_OUTSIDE_DECLINED: the office's words; NULL: not known */
    size_t decision_reason_len;
    const st_show_held *helds;    /* which ones, as far as they are known here */
    size_t helds_count;
    uint32_t files;               /* attachments of the record */
    uint32_t files_missing;       /* of these: not known to be all with the office */
    const st_days *years;         /* that visits are counted in; none: they are not known here */
    size_t years_count;
} st_show_how;

/* "corrected_at","corrected_within_ms" and, when the machine restarted, "rebooted". at_ms 0: not
 * known. */
void st_show_written_json(st_json *json, const st_written *written, const st_show_how *how);

/* What people should look at in a record; nothing of it keeps it from being used. */
typedef enum {
    ST_FLAG_HELD,                 /* a change of it waits for the office */
    ST_FLAG_CLOCK_OFF,            /* a value was written with a clock more than two minutes off */
    ST_FLAG_CLOCK_FAR,            /* more than a day off */
    ST_FLAG_TIME_UNKNOWN,         /* a value's machine restarted before it met the server */
    ST_FLAG_DATE_AHEAD,           /* the visit is dated after the day it was written on */
    ST_FLAG_NO_PERIOD,            /* the visit is dated in no year that the catalogue has */
    ST_FLAG_CARRIED,              /* on a phone: some of it came from another phone by hand */
    ST_FLAG_PHOTOS_PENDING,       /* a file of it is not known to be all with the office */
    ST_FLAG_COUNT
} st_flag;
/* Bits 1 << st_flag. */
uint32_t st_show_flags(const st_form *form, const st_record *record, const st_show_how *how);
/* Appends " [by the server 12/03/2026 09:30 ±2 s]", in how->lang, where the claimed time of a value
 * is more than two minutes wrong, or that it is uncertain; nothing where it is right. */
ST_MUST_USE st_err st_show_moment_text(const st_meta *meta, const st_show_how *how, st_buffer *out,
                                       st_error *error);
/* "held", "clock_off"…; never NULL. */
const char *st_flag_name(st_flag flag);
/* What it means and what to do, in "vi" or "en". Never NULL. */
const char *st_flag_sentence(st_flag flag, const char *lang);
/* The warning when the clock of a phone is offset_ms (server minus phone) off; NULL when it is
 * right enough. */
const char *st_clock_warning(int64_t offset_ms, const char *lang);

/* Open conflicts of a record. */
typedef struct {
    st_path path;                 /* of the value, or the item (ST_PATH_DROP) */
    bool is_state;                /* the acts of the record stand against each other */
} st_conflict;
/* All open conflicts, in path order, the state last. Arena. ST_E_MEMORY. */
ST_MUST_USE st_err st_show_conflicts(const st_form *form, const st_record *record,
                                     st_arena *arena, const st_conflict **out_conflicts,
                                     size_t *out_count, st_error *error);

/* "assigned", "draft", "finalised", "received", "withdrawn", "held"…: docs/data-model.md states. */
const char *st_show_state(const st_form *form, const st_record *record, const st_acts_view *acts,
                          const st_show_how *how);
/* A state that somebody names, as in `list --state`. ST_E_USAGE with all of them: it is none. */
ST_MUST_USE st_err st_state_check(const char *state, st_error *error);
/* The Vietnamese or English words for a state. Never NULL. */
const char *st_state_label(const char *state, const char *lang);

/* One line of a list. Strings live in the arena (made) or in the bytes (decoded). */
typedef struct {
    st_id id;
    st_code form;
    const char *unit;             /* "" when the record belongs to no unit */
    const char *state;
    const char *title;
    uint32_t open_conflicts;
    int64_t updated_ms;           /* newest claimed time of a live change */
    const char *folded;           /* all texts of the record, folded for search */
} st_row;
/* Makes the row of a record; strings in the arena. ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_row_make(const st_form *form, const st_record *record,
                               const st_show_how *how, st_arena *arena, st_row *out_row,
                               st_error *error);
/* Appends the stored form of a row. ST_E_MEMORY. */
ST_MUST_USE st_err st_row_encode(const st_row *row, st_buffer *out, st_error *error);
/* Strings point into bytes. ST_E_CORRUPT. */
ST_MUST_USE st_err st_row_decode(const uint8_t *bytes, size_t len, st_row *out_row,
                                 st_error *error);
/* {"id","form","unit","state","title","open_conflicts","updated_at"} */
ST_MUST_USE st_err st_row_json(const st_row *row, int offset_minutes, st_buffer *out,
                               st_error *error);

/* The `show` document. */
ST_MUST_USE st_err st_show_json(const st_form *form, const st_record *record,
                                const st_show_how *how, st_buffer *out, st_error *error);
/* The same for people, in how->lang. */
ST_MUST_USE st_err st_show_text(const st_form *form, const st_record *record,
                                const st_show_how *how, st_buffer *out, st_error *error);
/* {"id","form","unit","path","values":[…]} of one open conflict. */
ST_MUST_USE st_err st_conflict_json(const st_form *form, const st_record *record,
                                    const st_conflict *conflict, const st_show_how *how,
                                    st_buffer *out, st_error *error);

/* One change of a history: what was written and what the log says of it. */
typedef struct {
    const st_change *change;
    st_id actor;
    st_role role;
    st_via via;
    int64_t received_ms;          /* 0: not received */
    int64_t server_ms;            /* what the server's clock said, when the log stood still; 0 */
    uint64_t log_index;           /* 0: unsent */
    bool has_carrier;
    st_id carrier;
    const char *verdict;          /* "stored", "held", "accepted", "declined", "unsent",
                                     "carried" */
    st_hold hold;                 /* when held */
    uint64_t decision_index;      /* accepted or declined: the entry that says so; 0: unknown */
    int64_t decision_ms;          /* its time, with decision_index */
    st_id decision_actor;         /* who decided, with decision_index; zero: not said */
    const char *decision_reason;  /* the office's words, as far as they are known */
    size_t decision_reason_len;
    int64_t corrected_ms;         /* 0: unknown */
    int64_t within_ms;            /* how far off it may be; with corrected_ms */
    bool rebooted;                /* unknown: the machine restarted before it met the server */
    uint64_t seen_size;           /* its author held the seal of so many entries; 0: none */
    int64_t not_before_ms;        /* when the last of them came in; 0: unknown */
    bool has_fence;               /* the last meeting mark before it in the log */
    bool fence_is_close;
    bool fence_is_unknown;        /* the book was put back since: before or after, nobody knows */
    bool fence_is_unread;         /* unknown, because it cannot be read whether it was put back */
    st_id fence_meeting;
    uint64_t proof_size;          /* a signed checkpoint of so many entries proves it; 0: none */
    st_hash proof_root;           /* of that one */
    const st_path *only;          /* show the operations of this path alone; NULL: all */
} st_history_item;
/* Is the operation one of those to be shown? */
bool st_history_shows(const st_history_item *item, const st_op *op);
/* "observed": what an officer may write; "settled": what the office decides, or a resolution. */
const char *st_history_side(const st_form *form, const st_op *op);
/* One element of "changes". `form` may be NULL (unknown form): numbers stand for names. */
ST_MUST_USE st_err st_history_json(const st_form *form, const st_history_item *item,
                                   const st_show_how *how, st_buffer *out, st_error *error);
ST_MUST_USE st_err st_history_text(const st_form *form, const st_history_item *item,
                                   const st_show_how *how, st_buffer *out, st_error *error);

#endif
