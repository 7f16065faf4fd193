/* server/sync/bounds.c - between which moments a change was written.
 * Promises: says only what follows from the set, the kept exchanges and the log; a set that cannot
 * be read has no bounds. Must never decide anything by them. */
#include "server/sync/bounds.h"

#include <string.h>

#include "server/audit/tree.h"

static st_err find_entry_time(store_txn *txn, uint64_t index, int64_t *out_ms, st_error *error)
{
    st_arena arena;
    sync_row row;
    *out_ms = 0;
    st_arena_init(&arena, (size_t)4 * 1024 * 1024);
    st_err err = sync_row_get(txn, index, &arena, &row, error);
    if (err == ST_OK)
        *out_ms = sync_row_when(&row);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* A size names an entry of this log only where the root says the same: a log that was put back has
 * other entries under those numbers. */
static st_err find_not_before(store_txn *txn, const st_set *set, int64_t *out_ms, st_error *error)
{
    st_tree_head head;
    *out_ms = 0;
    if (set->seen_size == 0)
        return ST_OK;
    st_err err = audit_tree_head(txn, set->seen_size, &head, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        return ST_OK;                          /* a bound that nothing proves is none */
    if (err != ST_OK || memcmp(head.root.b, set->seen_root.b, sizeof head.root.b) != 0)
        return err;
    return find_entry_time(txn, set->seen_size, out_ms, error);
}

st_err sync_bounds_get(store_txn *txn, free_sets *sets, const st_dot *dot, uint64_t index,
                       sync_bounds *out_bounds, st_error *error)
{
    free_source *source = NULL;
    const st_change *change = NULL;
    sync_held where;
    memset(&where, 0, sizeof where);
    memset(out_bounds, 0, sizeof *out_bounds);
    where.dot = *dot;
    where.index = index;
    st_err err = free_sets_find(sets, txn, &where, &source, &change, error);
    if (err != ST_OK)
        return err;
    const st_set *set = &source->set;
    const sync_reading reading = { &set->device, set->boot, change->mono_ms };
    out_bounds->claimed_ms = change->wall_ms;
    out_bounds->seen_size = set->seen_size;
    err = find_not_before(txn, set, &out_bounds->not_before_ms, error);
    if (out_bounds->not_before_ms > sync_row_when(&source->row)) /* of a clock that was ahead */
        out_bounds->not_before_ms = 0;
    if (err == ST_OK && set->via == ST_VIA_OPERATOR) { /* what the server signed says so itself */
        out_bounds->found.is_known = true;
        out_bounds->found.moment.at_ms = change->wall_ms;
        return ST_OK;
    }
    if (err == ST_OK)
        err = sync_clock_moment(txn, &reading, sync_row_when(&source->row), &out_bounds->found,
                                error);
    return err;
}

static bool moment_of(void *context, const st_meta *meta, st_written *out)
{
    sync_moments *m = context;
    sync_bounds bounds;
    st_error why = { ST_OK, "" };
    memset(out, 0, sizeof *out);
    if (meta->log_index == 0)
        return false;
    st_err err = sync_bounds_get(m->txn, &m->sets, &meta->dot, meta->log_index, &bounds, &why);
    if (err != ST_OK) {
        sync_note_unread(m->unread, err, &why);
        return false;
    }
    out->rebooted = bounds.found.rebooted;
    if (!bounds.found.is_known)
        return false;
    out->at_ms = bounds.found.moment.at_ms;
    out->within_ms = bounds.found.moment.within_ms;
    return true;
}

void sync_moments_begin(sync_moments *moments, store_txn *txn, sync_unread *unread)
{
    memset(moments, 0, sizeof *moments);
    moments->txn = txn;
    moments->unread = unread;
    moments->moments.context = moments;
    moments->moments.of = moment_of;
}

void sync_moments_end(sync_moments *moments)
{
    free_sets_end(&moments->sets);
}
