/* server/store/store.h - ordered tables with transactions: the narrow interface between the server
 * and its database. A province may put another database behind it; the conformance suite is
 * tests/unit/server/test_store.c.
 * Threads: any number of readers, one writer at a time (store_begin(WRITE) waits for it). A
 * transaction belongs to the thread that began it; no thread opens two at a time.
 * Memory: slices read from a transaction live until it ends or, in a write transaction, until the
 * next put or delete. */
#ifndef SOTAY_SERVER_STORE_STORE_H
#define SOTAY_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "server/store/tables.h"

#define STORE_KEY_BYTES_MAX 400u

typedef struct store store;

typedef enum {
    STORE_CREATE,   /* DIR is new or empty; DIR/store.version, DIR/lock and DIR/store/ are made */
    STORE_WRITE,    /* takes DIR/lock: one process */
    STORE_READ      /* reads beside a process that writes */
} store_mode;

typedef enum { STORE_READ_TXN, STORE_WRITE_TXN } store_txn_kind;

typedef struct {
    const void *data;
    size_t len;
} store_slice;

/* Caller's struct; zero it or let store_begin fill it. */
typedef struct {
    store *owner;
    void *handle;              /* NULL: no transaction is open */
    bool is_write;
} store_txn;

/* Caller's struct. key and value are those of the place where it stands, when is_valid. */
typedef struct {
    void *handle;
    store_slice key, value;
    bool is_valid;
} store_cursor;

typedef struct {
    uint64_t bytes_used;       /* pages in use, in bytes */
    uint64_t bytes_map;
    uint64_t rows[STORE_TABLE_COUNT];
} store_stats;

/* Opens; never waits.
 * ST_E_BUSY: DIR is served by another process ("data folder already in use"); ST_E_NOT_FOUND: no
 * store there; ST_E_EXISTS: CREATE on a folder that holds one, or pages of an unfinished one;
 * ST_E_VERSION: another store version, word size or byte order; ST_E_CORRUPT: the file is shorter
 * than its last page; ST_E_STORAGE: the disk or the permissions; ST_E_MEMORY. Close with
 * store_close. */
ST_MUST_USE st_err store_open(const char *dir, store_mode mode, store **out_store,
                              st_error *error);
/* Closes and unlocks. No transaction may be open. NULL is fine. */
void store_close(store *s);

/* Begins. ST_E_STORAGE (also for ever after a commit failed in a way that only a restart heals),
 * ST_E_BUSY when all reader slots are taken, ST_E_MEMORY. */
ST_MUST_USE st_err store_begin(store *s, store_txn_kind kind, store_txn *out_txn,
                               st_error *error);
/* Makes all of it durable, or nothing. ST_E_STORAGE. The transaction is over either way. */
ST_MUST_USE st_err store_commit(store_txn *txn, st_error *error);
/* Ends without keeping anything, unless committed before. Always safe. */
void store_end(store_txn *txn);
/* After a write transaction failed with ST_E_STORAGE and was ended: true when the map was only too
 * small and has been doubled: try the same again. (Where it cannot grow any more, the call that
 * wrote failed with ST_E_FULL.) Waits until no transaction is open. */
bool store_grow(store *s);

/* NULL while all is well, else why the store takes no writes. Static text. */
const char *store_failure(const store *s);
/* Tries one small commit when the disk was full; true when the store takes writes again. */
bool store_probe(store *s);
/* Writes the database again without its holes, durable, in the place of the old file, row by row:
 * no byte of what was deleted or replaced is in the new one. Nothing else may use the store
 * meanwhile; afterwards it is open as before. ST_E_STORAGE: no room for the second file, or the
 * disk: the book is then the old file or the new one, both whole, and open; if even that failed,
 * every later call says ST_E_STORAGE until the program is started anew. */
ST_MUST_USE st_err store_compact(store *s, uint64_t *out_before, uint64_t *out_after,
                                 st_error *error);
/* Frees the slots of readers that died. Call each minute. */
void store_tidy(store *s);
/* Sizes and row counts. */
ST_MUST_USE st_err store_stat(store_txn *txn, store_stats *out_stats, st_error *error);

/* ST_E_NOT_FOUND (without a text in *error), ST_E_STORAGE. */
ST_MUST_USE st_err store_get(store_txn *txn, store_table table, store_slice key,
                             store_slice *out_value, st_error *error);
/* Adds or replaces. ST_E_STORAGE. */
ST_MUST_USE st_err store_put(store_txn *txn, store_table table, store_slice key,
                             store_slice value, st_error *error);
/* Removes; what is not there is no error. ST_E_STORAGE. */
ST_MUST_USE st_err store_delete(store_txn *txn, store_table table, store_slice key,
                                st_error *error);
/* Empties a table. ST_E_STORAGE. */
ST_MUST_USE st_err store_clear(store_txn *txn, store_table table, st_error *error);

/* A cursor that stands nowhere. Close it before the transaction ends. While it is open in a write
 * transaction the table it walks may only be changed after its slices have been copied. */
ST_MUST_USE st_err store_cursor_open(store_txn *txn, store_table table, store_cursor *out_cursor,
                                     st_error *error);
void store_cursor_close(store_cursor *cursor);
/* To the first key >= key (an empty key: the first of all). is_valid is false at the end of the
 * table. ST_E_STORAGE. */
ST_MUST_USE st_err store_seek(store_cursor *cursor, store_slice key, st_error *error);
/* To the last key < key (an empty key: the last of all). */
ST_MUST_USE st_err store_seek_before(store_cursor *cursor, store_slice key, st_error *error);
/* One on, one back; is_valid is false past either end. */
ST_MUST_USE st_err store_next(store_cursor *cursor, st_error *error);
ST_MUST_USE st_err store_previous(store_cursor *cursor, st_error *error);
/* Stands on a key that begins with prefix? */
bool store_has_prefix(const store_cursor *cursor, store_slice prefix);

/* Is the table a fold of the log, so that a rebuild makes it again? And its name. */
bool store_is_derived(store_table table);
const char *store_table_name(store_table table);

/* A slice of a variable or a C string. */
store_slice store_bytes(const void *data, size_t len);
store_slice store_text(const char *text);

#endif
