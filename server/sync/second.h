/* server/sync/second.h - acts that need two people, of which one has asked so far. A request is an
 * entry `note` of the log and waits 72 hours; whoever confirms it, takes it back or declines it
 * writes another. Nothing else is kept: a rebuild or a restore has the same requests. */
#ifndef SOTAY_SERVER_SYNC_SECOND_H
#define SOTAY_SERVER_SYNC_SECOND_H

#include "server/sync/row.h"
#include "server/sync/writer.h"

#define SECOND_WAIT_MS (INT64_C(72) * 3600 * 1000)
#define SECOND_NOTE_BYTES_MAX 16384u   /* words and reason of a request */

typedef enum {
    SECOND_WAITING,
    SECOND_CONFIRMED,
    SECOND_WITHDRAWN,          /* taken back, or declined by another person */
    SECOND_LAPSED              /* nobody did either within SECOND_WAIT_MS */
} second_state;

/* Texts are NUL-terminated, in the arena of whoever asked for it. */
typedef struct {
    uint64_t index;            /* log entry: the number of the request */
    int64_t asked_ms;
    st_id person;              /* who asked */
    const char **words;        /* "erase", record, paths…: as sotayctl will run it */
    size_t words_count;
    const char *reason;
    second_state state;
    st_id ended_by;            /* confirmed, withdrawn */
    const char *ended_why;     /* never NULL */
} sync_second;

/* Writes a request of wish->person: words and reason. ST_E_VALUE: a word is empty or has a space or
 * a line end; ST_E_TOO_LARGE; ST_E_EXISTS: it waits already; errors of the log. */
ST_MUST_USE st_err sync_second_ask(writer_turn *turn, const sync_second *wish,
                                   uint64_t *out_index, st_error *error);
/* Writes that the request was confirmed or withdrawn; why may be "". The caller has found it
 * waiting in the same turn. */
ST_MUST_USE st_err sync_second_end(writer_turn *turn, const sync_second *request,
                                   second_state state, st_error *error);

/* What is read, and as of when. */
typedef struct {
    store_txn *txn;
    int64_t now_ms;
    st_arena *arena;
} second_view;
/* Requests ascending by index: of the last SECOND_WAIT_MS, or all of the log. ST_E_MEMORY,
 * ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_second_list(const second_view *view, bool all, sync_second **out_list,
                                    size_t *out_count, st_error *error);
/* The request of that number, which waits. ST_E_NOT_FOUND: there is none; ST_E_STATE: it waits no
 * more, and why. */
ST_MUST_USE st_err sync_second_find(const second_view *view, uint64_t index,
                                    sync_second *out_request, st_error *error);

#endif
