/* tests/unit/server/broken_book.h - stands between the server and LMDB and the C library: one call
 * fails, the one that was named. It defines the libraries' names, so exactly one file of a program
 * whose name ends in faults (WRAPPED in the Makefile) may include it. */
#ifndef SOTAY_TESTS_BROKEN_BOOK_H
#define SOTAY_TESTS_BROKEN_BOOK_H

#include <dlfcn.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/err.h"
#include "tests/support/failing.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_IS_WATCHED 1    /* by the sanitizer: it wants its own allocator */
#else
#define MEMORY_IS_WATCHED 0
#endif

/* MEMORY: of the heap, also a library's; PIECE: of an arena, a buffer or our part of the heap;
 * FILES: a call for a file or a folder, where broken_files.h stands in between. */
typedef enum { NOTHING, BOOK, MEMORY, PIECE, FILES } fault;

static struct {
    fault kind;
    uint64_t calls, fail_at;
    bool only_writes;          /* count only what happens while the book is written */
    bool is_writing, has_failed;
} trouble;

static bool fails(fault kind)
{
    bool counts = trouble.kind == kind && (trouble.is_writing || !trouble.only_writes);
    if (!counts || ++trouble.calls != trouble.fail_at)
        return false;
    trouble.has_failed = true;
    return true;
}

/* The book is being written from now on, or no more. */
static void note_writing(bool is_writing)
{
    trouble.is_writing = is_writing;
    if (trouble.kind == PIECE && trouble.only_writes)
        failing_pause(!is_writing);
}

/* ---- between the server and its libraries ---- */

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

/* Declares `f`, a pointer to the real one. */
#define REAL(name, type) \
    type *f; \
    void *found = real(#name); \
    memcpy(&f, &found, sizeof f)

typedef int begin_type(MDB_env *, MDB_txn *, unsigned, MDB_txn **);
typedef int commit_type(MDB_txn *);
typedef void abort_type(MDB_txn *);
typedef int get_type(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
typedef int put_type(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);
typedef int drop_type(MDB_txn *, MDB_dbi, int);
typedef int open_type(MDB_txn *, MDB_dbi, MDB_cursor **);
typedef int move_type(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op);

#define BROKEN MDB_CORRUPTED

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out)
{
    REAL(mdb_txn_begin, begin_type);
    int rc = fails(BOOK) ? BROKEN : f(env, parent, flags, out);
    if (rc == 0 && (flags & MDB_RDONLY) == 0)
        note_writing(true);
    return rc;
}

int mdb_txn_commit(MDB_txn *txn)
{
    REAL(mdb_txn_commit, commit_type);
    bool is_bad = fails(BOOK);
    note_writing(false);
    if (!is_bad)
        return f(txn);
    mdb_txn_abort(txn);
    return BROKEN;
}

void mdb_txn_abort(MDB_txn *txn)
{
    REAL(mdb_txn_abort, abort_type);
    note_writing(false);
    f(txn);
}

int mdb_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    REAL(mdb_get, get_type);
    return fails(BOOK) ? BROKEN : f(txn, table, key, value);
}

int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    REAL(mdb_put, put_type);
    return fails(BOOK) ? BROKEN : f(txn, table, key, value, flags);
}

int mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    REAL(mdb_del, get_type);
    return fails(BOOK) ? BROKEN : f(txn, table, key, value);
}

int mdb_drop(MDB_txn *txn, MDB_dbi table, int del)
{
    REAL(mdb_drop, drop_type);
    return fails(BOOK) ? BROKEN : f(txn, table, del);
}

int mdb_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **out)
{
    REAL(mdb_cursor_open, open_type);
    return fails(BOOK) ? BROKEN : f(txn, table, out);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    REAL(mdb_cursor_get, move_type);
    return fails(BOOK) ? BROKEN : f(cursor, key, value, op);
}

#if !MEMORY_IS_WATCHED
/* The C library's own, under the names it keeps for those who stand in between. */
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

void *malloc(size_t len)
{
    return fails(MEMORY) ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
    return fails(MEMORY) ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
    return fails(MEMORY) ? NULL : __libc_realloc(old, len);
}
#endif

/* ---- letting one fail ---- */

static void arm(fault kind, uint64_t n, bool only_writes)
{
    trouble.calls = 0;
    trouble.fail_at = n;
    trouble.only_writes = only_writes;
    trouble.has_failed = trouble.is_writing = false;
    trouble.kind = kind;
    failing_pause(only_writes);
    if (kind == PIECE)
        failing_begin(n);
}

/* Did anything fail? */
static bool disarm(void)
{
    trouble.kind = NOTHING;
    failing_pause(false);
    return failing_end() || trouble.has_failed;
}

/* Is it an error that fits what went wrong? Lack of memory is not called damage. */
static inline bool is_fitting(fault kind, st_err err)
{
    return err == ST_E_STORAGE || err == ST_E_MEMORY || err == ST_E_TOO_LARGE
           || (err == ST_E_CORRUPT && kind != PIECE);
}

#endif
