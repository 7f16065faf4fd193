/* tests/fault/wrap_lmdb.c - stands in front of LMDB. A failing call does nothing; a failing commit
 * aborts, as LMDB's own does. */
#include <lmdb.h>
#include <string.h>

#include "tests/fault/faults.h"

#define REAL(name, type)                                                                           \
    type *f;                                                                                       \
    void *found = fault_real(#name);                                                               \
    memcpy(&f, &found, sizeof f)

typedef int create_type(MDB_env **);
typedef int env_open_type(MDB_env *, const char *, unsigned, mdb_mode_t);
typedef int env_size_type(MDB_env *, size_t);
typedef int env_number_type(MDB_env *, MDB_dbi);
typedef int env_readers_type(MDB_env *, unsigned);
typedef int env_info_type(MDB_env *, MDB_envinfo *);
typedef int env_stat_type(MDB_env *, MDB_stat *);
typedef int begin_type(MDB_env *, MDB_txn *, unsigned, MDB_txn **);
typedef int commit_type(MDB_txn *);
typedef int dbi_type(MDB_txn *, const char *, unsigned, MDB_dbi *);
typedef int stat_type(MDB_txn *, MDB_dbi, MDB_stat *);
typedef int get_type(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
typedef int put_type(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);
typedef int drop_type(MDB_txn *, MDB_dbi, int);
typedef int cursor_type(MDB_txn *, MDB_dbi, MDB_cursor **);
typedef int move_type(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op);

static int broken(void)
{
    return fault_hits(CALL_LMDB);
}

static int not_written(void)
{
    int rc = fault_hits(CALL_LMDB);
    return rc != 0 ? rc : fault_hits(CALL_PUT);
}

int mdb_env_create(MDB_env **out_env)
{
    REAL(mdb_env_create, create_type);
    int rc = broken();
    return rc != 0 ? rc : f(out_env);
}

int mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    REAL(mdb_env_open, env_open_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, path, flags, mode);
}

int mdb_env_set_mapsize(MDB_env *env, size_t size)
{
    REAL(mdb_env_set_mapsize, env_size_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, size);
}

int mdb_env_set_maxdbs(MDB_env *env, MDB_dbi count)
{
    REAL(mdb_env_set_maxdbs, env_number_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, count);
}

int mdb_env_set_maxreaders(MDB_env *env, unsigned count)
{
    REAL(mdb_env_set_maxreaders, env_readers_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, count);
}

int mdb_env_info(MDB_env *env, MDB_envinfo *out)
{
    REAL(mdb_env_info, env_info_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, out);
}

int mdb_env_stat(MDB_env *env, MDB_stat *out)
{
    REAL(mdb_env_stat, env_stat_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, out);
}

int mdb_stat(MDB_txn *txn, MDB_dbi table, MDB_stat *out)
{
    REAL(mdb_stat, stat_type);
    int rc = broken();
    return rc != 0 ? rc : f(txn, table, out);
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out_txn)
{
    REAL(mdb_txn_begin, begin_type);
    int rc = broken();
    return rc != 0 ? rc : f(env, parent, flags, out_txn);
}

int mdb_txn_commit(MDB_txn *txn)
{
    REAL(mdb_txn_commit, commit_type);
    int rc = not_written();
    if (rc == 0)
        return f(txn);
    mdb_txn_abort(txn);
    return rc;
}

int mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *out_dbi)
{
    REAL(mdb_dbi_open, dbi_type);
    int rc = broken();
    return rc != 0 ? rc : f(txn, name, flags, out_dbi);
}

int mdb_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    REAL(mdb_get, get_type);
    int rc = broken();
    return rc != 0 ? rc : f(txn, table, key, value);
}

int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    REAL(mdb_put, put_type);
    int rc = not_written();
    return rc != 0 ? rc : f(txn, table, key, value, flags);
}

int mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    REAL(mdb_del, get_type);
    int rc = not_written();
    return rc != 0 ? rc : f(txn, table, key, value);
}

int mdb_drop(MDB_txn *txn, MDB_dbi table, int del)
{
    REAL(mdb_drop, drop_type);
    int rc = not_written();
    return rc != 0 ? rc : f(txn, table, del);
}

int mdb_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **out_cursor)
{
    REAL(mdb_cursor_open, cursor_type);
    int rc = broken();
    return rc != 0 ? rc : f(txn, table, out_cursor);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op how)
{
    REAL(mdb_cursor_get, move_type);
    int rc = broken();
    return rc != 0 ? rc : f(cursor, key, value, how);
}
