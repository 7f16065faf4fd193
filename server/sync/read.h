/* server/sync/read.h - what the operator's verbs and the office read: records, rows, history. All
 * inside the caller's read transaction. */
#ifndef SOTAY_SERVER_SYNC_READ_H
#define SOTAY_SERVER_SYNC_READ_H

#include "proto/show.h"
#include "server/sync/sets.h"
#include "server/sync/settle.h"
#include "server/sync/unread.h"

/* A record with the vector of its bucket, in the arena. out_vector may be NULL. ST_E_NOT_FOUND,
 * ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_record_get(store_txn *txn, const st_id *id, st_arena *arena,
                                   st_record *out_record, st_vector *out_vector,
                                   st_error *error);
/* The form that the record is pinned to, or NULL. */
const st_form *sync_record_form(sync_room *room, const st_record *record);

/* Empty strings and NULL match all. */
typedef struct {
    const char *form, *unit, *state;
    const char *folded;        /* st_text_fold of a search text */
    bool conflicts_only;
} sync_filter;
/* Summary rows, by form and then record id, until `each` returns false. The row lives during the
 * call only. */
ST_MUST_USE st_err sync_row_each(store_txn *txn, const sync_filter *filter,
                                 bool (*each)(void *context, const st_row *row), void *context,
                                 st_error *error);
typedef struct { st_id *list; size_t count, capacity; } sync_ids;
/* The ids of those rows, in that order, in the arena. Also ST_E_MEMORY. */
ST_MUST_USE st_err sync_row_ids(store_txn *txn, const sync_filter *filter, st_arena *arena,
                                sync_ids *out_ids, st_error *error);
/* The changes of a record in log order, each with its verdict as it stands now, until `each`
 * returns false. Of a record that only another branch of a device has: what waits of it. The item
 * lives during the call only. ST_E_NOT_FOUND. */
ST_MUST_USE st_err sync_history_each(sync_room *room, store_txn *txn, const st_id *record,
                                     bool (*each)(void *context, const st_history_item *item),
                                     void *context, st_error *error);
/* The form by which changes of the record are read: its own; while it is not in the book, that of a
 * change, held or declined, which makes it, also one of another branch of its device. NULL: none is
 * known here. What is damaged, or of a newer program, says nothing. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_form_of(sync_room *room, store_txn *txn, const st_id *record,
                                const st_form **out_form, st_error *error);
/* Calls `each` with a held change as an item of a history, also one of another branch of its
 * device, which no history has. The item lives during the call only. ST_E_CORRUPT, ST_E_VERSION,
 * ST_E_TOO_LARGE: its set cannot be read. */
ST_MUST_USE st_err sync_history_held(sync_room *room, store_txn *txn, const sync_held *held,
                                     bool (*each)(void *context, const st_history_item *item),
                                     void *context, st_error *error);
/* A record that is not in the book, in the arena: as what waits of it would make it; when nothing
 * waits, as what was declined would have. ST_E_NOT_FOUND: the change that makes it is not there. */
ST_MUST_USE st_err sync_record_outside(store_txn *txn, const st_id *id, st_arena *arena,
                                       st_record *out_record, st_outside *out_outside,
                                       st_error *error);
/* Login of a person, name of a unit, labels: for proto/show.h. Answers live in the arena of
 * the struct, so it is one per request. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    st_arena *arena;
    sync_unread *unread;       /* why a name is missing that may be in the book */
    st_directory directory;    /* filled by sync_directory_init */
} sync_directory;
/* Fills *directory; room, txn, arena and *unread must outlive it. */
void sync_directory_init(sync_directory *directory, sync_room *room, store_txn *txn,
                         st_arena *arena, sync_unread *unread);

#define SYNC_GAPS_SHOWN 16u
/* A device's line for `device list`. */
typedef struct {
    auth_device device;
    auth_contact contact;
    st_code login;             /* of its person; "" when it is not known */
    uint64_t counter;          /* of the last change known */
    sets_gap gaps[SYNC_GAPS_SHOWN]; /* what is missing before it */
    uint32_t gaps_count;       /* all of them; at most SYNC_GAPS_SHOWN are in gaps */
} sync_device;
/* Every enrolled device, by id, until `each` returns false. A login that cannot be read is noted in
 * *unread; NULL: no logins are wanted. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_device_each(store_txn *txn,
                                    bool (*each)(void *context, const sync_device *device),
                                    void *context, sync_unread *unread, st_error *error);

typedef struct {
    uint64_t records, log_entries, devices, open_conflicts, held, incidents, store_bytes,
        gaps,                  /* runs of changes that are missing, of all devices */
        backed_up_to;          /* entries in two backups, or in one that was checked */
} sync_stat;
/* The figures of one moment; open_conflicts are counted over all rows. ST_E_STORAGE,
 * ST_E_CORRUPT. */
ST_MUST_USE st_err sync_stat_get(store_txn *txn, sync_stat *out_stat,
                                 st_error *error);

#endif
