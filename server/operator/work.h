/* server/operator/work.h - what every verb of the operator works with: the parsed line, one arena,
 * one read transaction at a time, output. For server/operator alone. */
#ifndef SOTAY_SERVER_OPERATOR_WORK_H
#define SOTAY_SERVER_OPERATOR_WORK_H

#include "server/operator/operator.h"
#include "server/sync/bounds.h"
#include "server/sync/decided.h"
#include "server/sync/fence.h"
#include "server/sync/second.h"
#include "server/sync/unread.h"

#define OPERATOR_ARENA_BYTES_MAX (256u << 20)
#define OPERATOR_RECORD_BYTES_MAX (64u << 20)   /* memory of one record while it is read */

typedef struct {
    bool json, qr, lift, check, csv, thumbnail, dry_run;
    const char *field, *between, *after;
    const char *basis;             /* in law */
    const char *name, *url, *form, *unit, *state, *as, *reason, *keep, *value, *seen, *period;
    const char *second;            /* of two people */
    const char *device, *decision, *code;
    const char *document, *from;   /* of a change of units */
    const char *text;              /* content of the file of `user import` */
    const char *roles[ST_ROLE_COUNT];
    size_t roles_count;
} operator_options;

/* One call on its way through its verb. */
typedef struct {
    operator_call *call;
    const char *verb;              /* "user add" */
    operator_options options;
    const char **operands;
    size_t operands_count;
    uint64_t wrote;                /* end of the log behind what operator_write wrote last */
    uint64_t request;              /* that is confirmed by --as; 0: none */
    server *rooms;
    sync_room *room;
    bool vi;
    st_arena arena;                /* lives as long as the call */
    store_txn txn;                 /* between operator_read_begin and _end */
    sync_directory names;
    sync_unread unread;            /* of the answer: a name, or a moment (server/sync/unread.h) */
    st_show_how how;
    st_error error;
    bool out_failed;               /* the answer got too long, or there is no memory for it */
    st_err out_why;                /* which of the two */
} operator_work;

/* A verb: returns the exit code. */
typedef int (*operator_verb_run)(operator_work *work);

/* Words: units of an assignment. */
typedef struct {
    const char *const *words;
    size_t count;
} operator_words;

/* ---- saying things (say.c) ---- */

/* The answer is not whole, for ST_E_TOO_LARGE or ST_E_MEMORY: the first of them counts. */
void operator_out_fails(operator_work *work, st_err why);
/* Appends to stdout. Failures are remembered in out_failed. */
void operator_say(operator_work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with the sentence in the language of the call. */
void operator_say_in(operator_work *work, const char *vi, const char *en);
/* What is counted: in Vietnamese, and in English one of it or another number. */
typedef struct {
    const char *vi, *one, *many;
} operator_noun;
/* "3 records", without a line end. */
void operator_say_count(operator_work *work, uint64_t n, const operator_noun *noun);
/* One line on stderr: "verb: sentence (detail)" of work->error. Returns the exit code: 1, or 2 for
 * ST_E_USAGE. */
int operator_fail(operator_work *work);
/* One line on stderr in the language of the call, exit code 2: the command is not written so. */
int operator_misuse(operator_work *work, const char *vi, const char *en);
/* One line on stderr: "verb: why", exit code 1. */
int operator_refuse(operator_work *work, const char *why);
/* A line on stderr: "verb: why". */
void operator_complain(operator_work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cells by rows; every column but the last is padded to its widest cell (in terminal columns).
 * cells live until the table is printed. */
typedef struct {
    const char **cells;
    size_t count, capacity, columns;
} operator_table;
#define OPERATOR_COLUMNS_MAX 11u
/* Starts a table with its headings. */
void operator_table_begin(operator_work *work, operator_table *table, const char *const *headings,
                          size_t columns);
/* Adds a cell; the text is copied. */
void operator_table_cell(operator_work *work, operator_table *table, const char *text);
/* The same for "12/03/2026 09:30" of ms, or "-" when 0. */
void operator_table_when(operator_work *work, operator_table *table, int64_t ms);
/* Prints headings and rows; nothing when there are no rows. Returns the number of rows. */
size_t operator_table_print(operator_work *work, const operator_table *table);
/* Terminal columns of a UTF-8 text: combining marks take none. */
size_t operator_text_width(const char *text);

/* ---- lists (list.c) ---- */

/* Of one verb: the table, or with --json the document. */
typedef struct {
    operator_table table;
    st_json json;
    bool is_open;                  /* a list of the document */
} operator_list;
/* Starts it. With --json what is said of the whole may follow before the first list. */
void operator_list_begin(operator_work *work, operator_list *list, const char *const *headings,
                         size_t columns);
/* The objects from here on are those of the list `name`; ends the one before. */
void operator_list_of(operator_work *work, operator_list *list, const char *name);
/* Ends it, unless err says that it is not whole: the document; or the table and below it how many
 * of what (noun; NULL: no such line). Returns err, or what went wrong with the document. */
ST_MUST_USE st_err operator_list_end(operator_work *work, operator_list *list, st_err err,
                                     const operator_noun *noun);

/* ---- CSV (csv.c) ---- */

/* Ends the row after its last cell, else parts two cells. */
void operator_csv_cell(operator_work *work, const char *text, size_t len, bool is_last);
void operator_csv_text(operator_work *work, const char *text, bool is_last);
/* The mark that says UTF-8 to spreadsheets, and the names of the columns. */
void operator_csv_heads(operator_work *work, const char *const *heads, size_t count);

/* ---- reading and writing (work.c) ---- */

/* Opens a read transaction and fills how and names from it. */
ST_MUST_USE st_err operator_read_begin(operator_work *work);
void operator_read_end(operator_work *work);
/* ST_OK, or why a name or a moment of the answer could not be read now. Every verb is asked so
 * before it ends; one that writes because of what it printed asks before that. */
ST_MUST_USE st_err operator_unread_check(operator_work *work);
/* The marks of meetings, in the arena of the call; one of which it cannot be read whether it is of
 * this log is noted in unread. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err operator_fences(operator_work *work, sync_fences *out_fences, st_error *error);
/* Runs `run` inside a turn of the writer: all of it, or nothing. It may be run more than once. */
typedef st_err (*operator_turn_run)(operator_work *work, writer_turn *turn, void *argument,
                                    st_error *error);
ST_MUST_USE st_err operator_write(operator_work *work, operator_turn_run run, void *argument);

/* The person of --as, who must be known and active. ST_E_DENIED says why not. */
ST_MUST_USE st_err operator_actor(operator_work *work, store_txn *txn, auth_person *out_person,
                                  st_error *error);
/* The first role of the person that is one of `roles` (bits), in the order office, office_head,
 * admin, council_chair, decider; never officer: what officers saw comes from their own devices.
 * NONE when there is none. */
st_role operator_role_of(const auth_person *person, uint32_t roles);
/* The login of a person, or the id in hex when nobody has it. Inside the verb's read. */
const char *operator_login(operator_work *work, const st_id *person, char hex[33]);
/* The login of the person of a device; NULL: nobody knows it. Inside the verb's read. */
const char *operator_device_login(operator_work *work, const st_id *device);
/* A record id from the command line. ST_E_VALUE. */
ST_MUST_USE st_err operator_record_id(const char *text, st_id *out_id, st_error *error);
/* A device by its 32 hex digits, or by the first digits (at least 4) when only one begins so.
 * ST_E_NOT_FOUND, ST_E_VALUE. */
ST_MUST_USE st_err operator_device(operator_work *work, store_txn *txn, const char *text,
                                   auth_device *out_device, st_error *error);
/* Copies that ask for keys of their own, inside the verb's read: as lines, or as the objects of an
 * open list of `json` (NULL: lines). */
ST_MUST_USE st_err operator_heirs_say(operator_work *work, st_json *json);

typedef struct {
    const sync_held *list;         /* in the arena, in the order of the devices' own counters */
    size_t count;
} operator_helds;
/* The held changes that the call names: by their numbers, or all of --device. Inside the verb's
 * read. ST_E_USAGE, ST_E_VALUE, ST_E_NOT_FOUND, ST_E_MEMORY. */
ST_MUST_USE st_err operator_helds_named(operator_work *work, operator_helds *out_helds);

/* What phones tell that the office had decided on a change before this log was put back. */
typedef struct {
    unsigned phones;               /* that tell of it in this epoch; 0: none */
    unsigned sound;                /* of these those whose word counts: of a device in use, about
                                      the set that is held, no accept of its author's phones */
    sync_decided last;             /* the newest sound one */
    bool declined;                 /* what they tell, unless they differ */
    bool differ;                   /* one says accepted, another declined */
    bool is_other;                 /* one tells of another record, or of another set */
} operator_before;
/* Inside the verb's read. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err operator_before_get(operator_work *work, const sync_held *held,
                                       operator_before *out_before);
/* NULL: it can be decided so again. Else why a person has to decide it. */
const char *operator_before_unsure(const operator_before *before);
/* In words, behind what else is said of it; "" when nobody tells. */
void operator_before_say(operator_work *work, const operator_before *before, char *text,
                         size_t text_bytes);
/* The key `before` in an open object: a list with what each phone tells, and whether it counts. */
ST_MUST_USE st_err operator_before_json(operator_work *work, const sync_held *held,
                                        st_json *json);

/* Writes the words, which took a right away, beside the store: a backup that is older than they are
 * must not give it back (server/sync/side.h). The verb is done by then: when the note cannot be
 * written, a line on stderr says so. */
void operator_note_aside(operator_work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text of --reason, cleaned, in the arena of the call. ST_E_VALUE: empty or too long. */
ST_MUST_USE st_err operator_reason(operator_work *work, const char **out_reason,
                                   st_error *error);
/* A record and the form it is pinned to. */
typedef struct {
    st_record record;
    const st_form *form;
} operator_record;
/* The one of operand 0, in the arena. ST_E_VALUE, ST_E_NOT_FOUND, ST_E_VERSION: its form is not
 * known here. */
ST_MUST_USE st_err operator_record_get(operator_work *work, store_txn *txn, st_arena *arena,
                                       operator_record *out_record, st_error *error);

/* Ops of one edit under construction, in an arena. */
typedef struct {
    st_arena *arena;
    const st_form *form;
    st_op *ops;
    size_t count, capacity;
} operator_ops;
/* Adds this one. ST_E_TOO_LARGE: more than ST_OPS_MAX; ST_E_MEMORY. */
ST_MUST_USE st_err operator_ops_add(operator_ops *ops, const st_op *op, st_error *error);
/* Adds "set this top-level field to the value as a person writes it"; for a `set` field: one more
 * element. ST_E_VALUE, ST_E_MEMORY; ST_E_SERVER: the form of the catalogue has no such field. */
ST_MUST_USE st_err operator_ops_put(operator_ops *ops, const char *field, const char *text,
                                    st_error *error);
/* A new item of a listed group; those of one change are numbered from 0. */
typedef struct {
    const char *group;
    uint16_t place;
} operator_item;
/* Adds a value of it. Errors as above. */
ST_MUST_USE st_err operator_ops_item(operator_ops *ops, operator_item item, const char *field,
                                     const char *text, st_error *error);
/* Adds PATH=VALUE. For a `set` path VALUE is a comma list: the new content; record (NULL: none yet)
 * tells what is to be taken out. ST_E_VALUE, ST_E_MEMORY. */
ST_MUST_USE st_err operator_ops_parse(operator_ops *ops, const st_record *record,
                                      const char *pair, st_error *error);
/* Removes one element of a top-level set. */
ST_MUST_USE st_err operator_ops_remove(operator_ops *ops, const char *field, const char *text,
                                       st_error *error);

/* Edits of records of one form of the catalogue bucket. */
typedef struct {
    const st_form *form;
    const sync_edit *edits;
    uint32_t count;
} operator_edits;
/* Writes them as the operator without a name; out_authored may be NULL. Errors of
 * sync_author_turn. */
ST_MUST_USE st_err operator_author_nameless(writer_turn *turn, const operator_edits *edits,
                                            sync_authored *out_authored, st_error *error);
/* The newest version of a form. ST_E_NOT_FOUND. */
ST_MUST_USE st_err operator_form(operator_work *work, const char *name, const st_form **out_form,
                                 st_error *error);

/* ---- what needs two people (second.c) ---- */

typedef struct {
    auth_person first, second;     /* second: zeroed when only the first one is there so far */
} operator_pair;
/* Is the call a request only, for want of --second? */
bool operator_asks(const operator_work *work);
/* The people of the call, who may and are two: those of --as and --second; or who asked and, in
 * --as, who confirms: then the request ends in this turn, which must do what was asked; or, when
 * the call asks, --as alone. ST_E_DENIED, ST_E_NOT_FOUND, ST_E_STATE. */
ST_MUST_USE st_err operator_two_people(operator_work *work, writer_turn *turn,
                                       operator_pair *out_pair, st_error *error);
/* The role in which a person may be one of the two: office_head, admin, decider. NONE: may not. */
st_role operator_pair_role(const auth_person *person);
/* What a request says: the word of its row in second.c; the operands are added. */
typedef struct {
    const char *what, *reason;
    uint64_t index;                /* result */
} operator_ask;
/* Writes the request of pair->first. Errors of sync_second_ask. */
ST_MUST_USE st_err operator_second_ask(operator_work *work, writer_turn *turn,
                                       const operator_pair *pair, operator_ask *ask,
                                       st_error *error);
/* Says that it waits, and how it is confirmed. Returns 0. */
int operator_second_said(operator_work *work, const operator_ask *ask);

/* ---- verbs ---- */

/* second.c: request list, show, confirm, withdraw. */
int operator_request_list(operator_work *work);
int operator_request_show(operator_work *work);
int operator_request_confirm(operator_work *work);
int operator_request_withdraw(operator_work *work);

/* people.c: user add, list, disable, import, role, enrol. */
int operator_user_add(operator_work *work);
int operator_user_list(operator_work *work);
int operator_user_disable(operator_work *work);
int operator_user_import(operator_work *work);
int operator_role(operator_work *work);
int operator_enrol(operator_work *work);
/* assign.c: assign, unassign. */
int operator_assign(operator_work *work);
int operator_unassign(operator_work *work);
/* Writes new assignments of a person who has none of these units yet. ST_E_NOT_FOUND: a unit. */
ST_MUST_USE st_err operator_assign_new(operator_work *work, writer_turn *turn, const st_id *person,
                                       const operator_words *units, st_error *error);
/* unit.c: unit rename, merge, split. */
int operator_unit_rename(operator_work *work);
int operator_unit_merge(operator_work *work);
int operator_unit_split(operator_work *work);
/* device.c: device list, revoke, suspend. */
int operator_device_list(operator_work *work);
int operator_device_revoke(operator_work *work);
int operator_device_suspend(operator_work *work);
int operator_device_confirm(operator_work *work);
int operator_device_decline(operator_work *work);
/* alarm.c: alarms, receipts. */
int operator_alarms(operator_work *work);
int operator_receipts(operator_work *work);
/* recover.c: device recover. */
int operator_device_recover(operator_work *work);
/* Fills how.years for a record of the form. period.c; reading transaction. */
ST_MUST_USE st_err operator_years(operator_work *work, const st_form *of);
/* read.c: records, search, show, conflicts; history.c: history. */
int operator_records(operator_work *work);
int operator_search(operator_work *work);
int operator_show(operator_work *work);
int operator_history(operator_work *work);
int operator_conflicts(operator_work *work);
/* write.c: new, set; resolve.c: resolve. */
int operator_new(operator_work *work);
int operator_set(operator_work *work);
int operator_resolve(operator_work *work);
/* move.c: move. */
int operator_move(operator_work *work);
/* audit.c: audit export, audit proof. */
int operator_audit_export(operator_work *work);
int operator_audit_proof(operator_work *work);
/* review.c: move of a visit; attachment.c: attachment list, get, lost. */
int operator_move_visit(operator_work *work);
bool operator_is_visit_state(const char *state);
int operator_attachment_list(operator_work *work);
int operator_attachment_get(operator_work *work);
int operator_attachment_lost(operator_work *work);
int operator_attachment_collect(operator_work *work);
int operator_progress(operator_work *work);
/* held.c: held; held_show.c: held show; decide.c: held accept, held decline, held again. */
int operator_held(operator_work *work);
int operator_held_show(operator_work *work);
int operator_held_accept(operator_work *work);
int operator_held_decline(operator_work *work);
int operator_held_again(operator_work *work);
/* fence.c: fence open, fence close, fence list. */
int operator_fence_open(operator_work *work);
int operator_fence_close(operator_work *work);
int operator_fence_list(operator_work *work);
/* erase.c: erase. */
int operator_erase(operator_work *work);
/* The values that a request of that verb names, and the newer ones that it does not, without what
 * they say: as the objects of an open list, or (NULL) as a table. Inside the verb's read. Errors of
 * sync_erase_look. */
ST_MUST_USE st_err operator_erase_show(operator_work *work, const sync_second *request,
                                       st_json *json);
/* trail.c: audit list. */
int operator_audit_list(operator_work *work);
/* incident.c: incidents. */
int operator_incidents(operator_work *work);
/* export.c: export csv. */
int operator_export_csv(operator_work *work);
/* backup.c: backup, compact, address, epoch new. */
int operator_backup(operator_work *work);
int operator_compact(operator_work *work);
int operator_address(operator_work *work);
int operator_epoch_new(operator_work *work);
/* log_key.c: log-key new, log-key list. */
int operator_log_key_new(operator_work *work);
int operator_log_key_list(operator_work *work);
/* bundle.c: bundle import. */
int operator_bundle_import(operator_work *work);
/* clock.c: clock, clock accept. */
int operator_clock(operator_work *work);
int operator_clock_accept(operator_work *work);
/* care.c: verify, rebuild, stat. */
int operator_verify(operator_work *work);
int operator_rebuild(operator_work *work);
int operator_stat(operator_work *work);
/* qr.c: the text as a QR code of half blocks. ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err operator_qr(const char *text, st_buffer *out, st_error *error);

#endif
