/* server/sync/erase.h - single values destroyed by law. An erasure is a record of form `erasure` in
 * the catalogue, signed by the server's device; taking it in destroys what it names in the log and
 * in the state, whoever brings it, so that an old backup brings nothing back. Source:
 * docs/protocol.md 7.16. */
#ifndef SOTAY_SERVER_SYNC_ERASE_H
#define SOTAY_SERVER_SYNC_ERASE_H

#include "proto/erase.h"
#include "server/sync/author.h"
#include "server/sync/read.h"

#define SYNC_ERASE_REASON "@reason"    /* in place of a path: the reasons given with changes */
#define SYNC_ERASE_ALL "@all"          /* in place of a path: values and reasons, of any form */
#define SYNC_ERASE_VALUES_MAX 16384u   /* at once */

typedef struct {
    st_id record;
    const char *const *paths;  /* every value ever written there, and its copies in amendments */
    size_t paths_count;
    uint64_t until;            /* of what stands in entries up to this one; 0: up to now */
    st_id actor, second;       /* two people; the caller has seen to it that they may */
    st_role role;              /* of the actor */
    const char *basis;         /* in law */
} sync_erase_wish;

/* A value that goes, or is newer: where it stands and whose it is, never what it says. */
typedef struct {
    uint64_t index;            /* the entry that holds it */
    st_dot dot;                /* of its change */
    st_id actor;
    int64_t claimed_ms, received_ms;
    const char *path;          /* or SYNC_ERASE_REASON */
    bool is_copy;              /* what an amendment or a settlement says again */
    bool is_newer;             /* written behind `until`: it stays */
} sync_erase_value;

typedef struct {
    uint32_t erased;           /* values that are gone now */
    uint32_t newer;            /* written behind `until`: they stay */
    uint32_t standing;         /* numbers, dates, choices: part of what was signed, they stay */
    uint32_t gone_before;
    uint32_t unread;           /* sets of other branches that nobody here can read: they stay */
    const sync_erase_value *values;   /* erased and newer ones, in the arena of turn or view */
    size_t values_count;
} sync_erase_report;

/* Erases, inside a turn of the writer; also in a record that is held or was declined.
 * ST_E_NOT_FOUND: no such record, or this book's catalogue does not know the form; ST_E_VALUE: a
 * path, or none of it can be erased; ST_E_TOO_LARGE: more than SYNC_ERASE_VALUES_MAX; errors of
 * sync_author_turn. */
ST_MUST_USE st_err sync_erase(writer_turn *turn, const sync_erase_wish *wish,
                              sync_erase_report *out_report, st_error *error);

/* Where somebody looks. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    st_arena *arena;
} sync_erase_view;
/* The same, as far as it can be said before: writes nothing. actor, second, role and basis are not
 * looked at. */
ST_MUST_USE st_err sync_erase_look(const sync_erase_view *view, const sync_erase_wish *wish,
                                   sync_erase_report *out_report, st_error *error);

/* ---- parts used by ingest, replay, snapshots and backups ---- */

/* Destroys what the erasures made by this set name: entry `index`, folded just before. Does nothing
 * for what is gone already. */
ST_MUST_USE st_err sync_erase_apply(writer_turn *turn, const st_set *set, uint64_t index,
                                    st_error *error);
/* The same when the log is folded again: files beside the store are left as they are. */
ST_MUST_USE st_err sync_erase_replay(writer_turn *turn, const st_set *set, uint64_t index,
                                     st_error *error);
/* Which live values and reasons of a record, as somebody else has it, were destroyed here: an
 * erasure of each, with dot and path alone, in turn->arena. ST_E_CORRUPT, ST_E_STORAGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err sync_erase_known(writer_turn *turn, const st_record *record,
                                    const st_erasure **out_list, size_t *out_count,
                                    st_error *error);
/* Before a set is stored: takes out of it what is known to be erased; *out_set is then another set,
 * in turn->arena. *out_refused: it comes without a value of which no erasure is known: somebody
 * took it out, and the whole set must not be kept from coming. */
ST_MUST_USE st_err sync_erase_admit(writer_turn *turn, const st_set *set, st_set *out_set,
                                    bool *out_refused, st_error *error);
/* The last entry that erased something in the bucket, of its records or of a set that waits in it;
 * 0: none. */
ST_MUST_USE st_err sync_erased_at(store_txn *txn, const st_bucket *bucket, uint64_t *out_index,
                                  st_error *error);
/* Each bucket of which that is not 0. */
ST_MUST_USE st_err sync_erased_each(store_txn *txn, void (*each)(void *context,
                                                                 const st_bucket *bucket),
                                    void *context, st_error *error);
/* The entries from..to of which something was erased by an entry above `since`: any? */
ST_MUST_USE st_err sync_erased_in(store_txn *txn, uint64_t from, uint64_t to, uint64_t since,
                                  bool *out_any, st_error *error);

#endif
