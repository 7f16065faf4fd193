/* server/audit/check.c - compares the stored tree with one that is computed from the leaves.
 * Promises: one changed bit in a node, the edge or the note is said. Must never mend by itself. */
#include "server/audit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/tree.h"
#include "server/store/pack.h"

#define TILE_HEIGHT 8u

static void say(const audit_sayer *sayer, const char *line)
{
    sayer->say(sayer->context, line);
}

static bool same(const st_hash *a, const st_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Damage that is found is said, it does not end the check. */
static bool is_damage(st_err err)
{
    return err == ST_E_CORRUPT || err == ST_E_SIGNATURE || err == ST_E_NOT_FOUND;
}

st_err audit_check_begin(audit_check *check, store_txn *txn, const sync_room *room,
                         const audit_sayer *sayer, st_error *error)
{
    st_buffer bytes;
    st_arena arena;
    st_vkey vkey;
    st_opened opened;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    st_arena_init(&arena, 1u << 20);
    st_err err = audit_note(txn, &bytes, NULL, error);
    bool is_none = err == ST_E_NOT_FOUND;
    if (err == ST_OK)
        err = audit_vkey(txn, room, &vkey, error);
    if (err == ST_OK)
        err = st_checkpoint_open(bytes.data, bytes.len, &vkey, &arena, &opened, error);
    if (err == ST_OK) {
        check->signed_size = opened.checkpoint.head.size;
        check->signed_root = opened.checkpoint.head.root;
    } else if (is_damage(err) && !is_none) {
        say(sayer, "checkpoint: the one that was signed last cannot be read");
    }
    st_arena_reset(&arena);
    st_buffer_free(&bytes);
    return is_damage(err) ? ST_OK : err;
}

static st_err check_node(audit_check *check, store_txn *txn, unsigned level, const st_hash *node,
                         const audit_sayer *sayer, st_error *error)
{
    uint64_t place = check->edge.size >> level;
    st_hash stored;
    st_tree_source source = audit_tree_source(txn);
    st_err err = source.node(source.context, level, place, &stored, error);
    check->nodes++;
    if (is_damage(err) || (err == ST_OK && !same(&stored, node))) {
        char line[96];
        (void)snprintf(line, sizeof line, "tree: node %u/%" PRIu64 " is not that of its leaves",
                       level, place);
        say(sayer, line);
        return ST_OK;
    }
    return err;
}

st_err audit_check_leaf(audit_check *check, store_txn *txn, const st_hash *leaf,
                        const audit_sayer *sayer, st_error *error)
{
    st_err err = ST_OK;
    st_hash node = *leaf;
    bool is_signed = check->edge.size < check->signed_size;
    for (unsigned level = 0; (check->edge.size >> level & 1) != 0; level++) {
        node = st_tree_node(&check->edge.nodes[level], &node);
        if (err == ST_OK && is_signed && (level + 1) % TILE_HEIGHT == 0)
            err = check_node(check, txn, level + 1, &node, sayer, error);
    }
    (void)st_tree_add(&check->edge, leaf);
    if (is_signed && check->edge.size == check->signed_size) {
        st_hash root = st_tree_root(&check->edge);
        if (!same(&root, &check->signed_root))
            say(sayer, "checkpoint: its root is not that of the leaves");
    }
    return err;
}

st_err audit_check_end(audit_check *check, store_txn *txn, const audit_sayer *sayer,
                       st_error *error)
{
    st_tree_edge stored;
    store_stats stats;
    st_err err = audit_edge_get(txn, &stored, error);
    bool is_good = err == ST_OK && stored.size == check->signed_size;
    if (is_good && stored.size > 0) {
        st_hash root = st_tree_root(&stored);
        is_good = same(&root, &check->signed_root);
    }
    if (is_damage(err) || (err == ST_OK && !is_good))
        say(sayer, "tree: its edge is not that of the signed checkpoint");
    if (check->edge.size < check->signed_size)
        say(sayer, "checkpoint: more entries were signed than there are");
    if (err != ST_OK && !is_damage(err))
        return err;
    err = store_stat(txn, &stats, error);
    if (err == ST_OK && stats.rows[STORE_TREE] > check->nodes)
        say(sayer, "tree: it has nodes that no leaf completed");
    return err;
}

st_err audit_tree_again(store_txn *txn, st_error *error)
{
    st_buffer bytes;
    st_checkpoint before;
    st_tree_edge edge;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    st_err err = audit_note(txn, &bytes, &before, error);
    st_buffer_free(&bytes);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    memset(&edge, 0, sizeof edge);
    if (err == ST_OK)
        err = store_clear(txn, STORE_TREE, error);
    if (err == ST_OK)
        err = audit_tree_grow(txn, &edge, before.head.size, error);
    if (err != ST_OK)
        return err;
    st_hash root = st_tree_root(&edge);
    return same(&root, &before.head.root)
               ? ST_OK
               : st_fail(error, ST_E_CORRUPT,
                         "tree: the leaves have another root than the one that was signed");
}
