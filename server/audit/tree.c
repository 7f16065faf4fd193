/* server/audit/tree.c - the tree over the stored leaves.
 * Promises: a node is stored in the transaction of the leaf that completes it; what is read from it
 * is what proofs and tiles are made of. Must never take a stored hash for its leaf's without having
 * computed it: a log cannot mend a root that it signed. */
#include "server/audit/tree.h"

#include <inttypes.h>
#include <string.h>

#include "proto/leaf.h"
#include "server/store/pack.h"

#define HASH_BYTES  32u
#define TILE_HEIGHT 8u
#define EDGE        "audit_edge"
#define EDGE_MAX    (8u + ST_TREE_LEVELS * HASH_BYTES)

/* ---- rows ---- */

static pack_key node_key(unsigned tile_level, uint64_t place)
{
    pack_key key = { .len = 1 };
    key.data[0] = (uint8_t)tile_level;
    pack_key_u64(&key, place);
    return key;
}

static st_err leaf_row(store_txn *txn, uint64_t place, store_slice *out_row, st_error *error)
{
    pack_key key = pack_u64(place + 1);
    st_err err = store_get(txn, STORE_LEAF, pack_key_slice(&key), out_row, error);
    if (err == ST_OK && out_row->len <= HASH_BYTES)
        err = st_fail(error, ST_E_CORRUPT, "tree: leaf %" PRIu64 " is damaged", place);
    return err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_NOT_FOUND, "tree: there is no leaf %" PRIu64, place)
               : err;
}

st_err audit_leaf_bytes(store_txn *txn, uint64_t place, store_slice *out_bytes, st_error *error)
{
    store_slice row = { 0 };
    st_err err = leaf_row(txn, place, &row, error);
    if (err == ST_OK)
        *out_bytes = store_bytes((const uint8_t *)row.data + HASH_BYTES, row.len - HASH_BYTES);
    return err;
}

/* A stored hash: of a leaf, or of a node one or more tiles up. */
static st_err stored_hash(store_txn *txn, unsigned tile_level, uint64_t place, st_hash *out,
                          st_error *error)
{
    store_slice row = { 0 };
    pack_key key = node_key(tile_level, place);
    st_err err = tile_level == 0 ? leaf_row(txn, place, &row, error)
                                 : store_get(txn, STORE_TREE, pack_key_slice(&key), &row, error);
    if (err == ST_E_NOT_FOUND && tile_level > 0)
        return st_fail(error, err, "tree: there is no node %u/%" PRIu64, tile_level, place);
    if (err == ST_OK && tile_level > 0 && row.len != HASH_BYTES)
        err =
            st_fail(error, ST_E_CORRUPT, "tree: node %u/%" PRIu64 " is damaged", tile_level, place);
    if (err == ST_OK)
        memcpy(out->b, row.data, HASH_BYTES);
    return err;
}

/* ---- the edge ---- */

st_err audit_edge_get(store_txn *txn, st_tree_edge *out_edge, st_error *error)
{
    store_slice row = { 0 };
    st_tree_edge edge;
    memset(&edge, 0, sizeof edge);
    st_err err = store_get(txn, STORE_META, store_text(EDGE), &row, error);
    if (err == ST_OK) {
        pack_reader reader = pack_read(row);
        edge.size = pack_get_u64(&reader);
        for (unsigned level = 0; level < ST_TREE_LEVELS; level++)
            if ((edge.size >> level & 1) != 0)
                pack_get(&reader, edge.nodes[level].b, HASH_BYTES);
        err = pack_end(&reader, "meta", error);
    }
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out_edge = edge;
    return ST_OK;
}

static st_err put_edge(store_txn *txn, const st_tree_edge *edge, st_error *error)
{
    uint8_t row[EDGE_MAX];
    size_t len = 8;
    st_put_u64(row, edge->size);
    for (unsigned level = 0; level < ST_TREE_LEVELS; level++) {
        if ((edge->size >> level & 1) == 0)
            continue;
        memcpy(row + len, edge->nodes[level].b, HASH_BYTES);
        len += HASH_BYTES;
    }
    return store_put(txn, STORE_META, store_text(EDGE), store_bytes(row, len), error);
}

/* A leaf was added: with each level that is a multiple of the tile's height a node is complete. The
 * edge only holds the highest; the ones below it end at the same leaf and are computed from what
 * is stored under them. */
static st_err put_nodes(store_txn *txn, uint64_t place, unsigned levels, st_error *error)
{
    st_tree_source source = audit_tree_source(txn);
    st_err err = ST_OK;
    for (unsigned level = TILE_HEIGHT; err == ST_OK && level <= levels; level += TILE_HEIGHT) {
        st_tree_edge part = { .size = 0 };
        uint64_t first = place >> level << TILE_HEIGHT;
        for (uint64_t i = 0; err == ST_OK && i < ST_TILE_WIDTH; i++) {
            st_hash hash;
            err = source.node(source.context, level - TILE_HEIGHT, first + i, &hash, error);
            if (err == ST_OK)
                (void)st_tree_add(&part, &hash);
        }
        pack_key key = node_key(level / TILE_HEIGHT, place >> level);
        if (err == ST_OK)
            err = store_put(txn, STORE_TREE, pack_key_slice(&key),
                            store_bytes(part.nodes[TILE_HEIGHT].b, HASH_BYTES), error);
    }
    return err;
}

static st_err add_leaf(store_txn *txn, st_tree_edge *edge, st_error *error)
{
    store_slice row = { 0 };
    uint64_t place = edge->size;
    st_err err = leaf_row(txn, place, &row, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_CORRUPT, "tree: leaf %" PRIu64 " is missing", place);
    if (err != ST_OK)
        return err;
    const uint8_t *bytes = row.data;
    st_hash hash = st_leaf_hash(bytes + HASH_BYTES, row.len - HASH_BYTES);
    if (memcmp(hash.b, bytes, HASH_BYTES) != 0)
        return st_fail(error, ST_E_CORRUPT, "tree: leaf %" PRIu64 " is not what its hash says",
                       place);
    unsigned levels = st_tree_add(edge, &hash);
    return put_nodes(txn, place, levels, error);
}

st_err audit_tree_grow(store_txn *txn, st_tree_edge *edge, uint64_t size, st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK && edge->size < size)
        err = add_leaf(txn, edge, error);
    return err == ST_OK ? put_edge(txn, edge, error) : err;
}

/* ---- reading ---- */

static st_err node_of(void *context, unsigned level, uint64_t place, st_hash *out, st_error *error)
{
    store_txn *txn = context;
    st_tree_edge part = { .size = 0 };
    unsigned height = level % TILE_HEIGHT;
    uint64_t first = place << height;
    st_err err = ST_OK;
    for (uint64_t i = 0; err == ST_OK && i < (uint64_t)1 << height; i++) {
        st_hash hash;
        err = stored_hash(txn, level / TILE_HEIGHT, first + i, &hash, error);
        if (err == ST_OK)
            (void)st_tree_add(&part, &hash);
    }
    if (err == ST_OK)
        *out = part.nodes[height];
    return err;
}

st_tree_source audit_tree_source(store_txn *txn)
{
    return (st_tree_source){ txn, node_of };
}

st_err audit_tree_head(store_txn *txn, uint64_t size, st_tree_head *out_head, st_error *error)
{
    st_tree_source source = audit_tree_source(txn);
    st_tree_head head = { .size = size };
    st_err err = st_tree_hash(&source, 0, size, &head.root, error);
    if (err == ST_OK)
        *out_head = head;
    return err;
}

static st_err put_entry(store_txn *txn, uint64_t place, st_buffer *out, st_error *error)
{
    store_slice bytes = { 0 };
    uint8_t len[2];
    st_err err = audit_leaf_bytes(txn, place, &bytes, error);
    if (err == ST_OK && bytes.len > ST_LEAF_BYTES_MAX)
        err = st_fail(error, ST_E_CORRUPT, "tree: leaf %" PRIu64 " is too long", place);
    if (err != ST_OK)
        return err;
    st_put_u16(len, (uint16_t)bytes.len);
    err = st_buffer_append(out, len, sizeof len, error);
    return err == ST_OK ? st_buffer_append(out, bytes.data, bytes.len, error) : err;
}

st_err audit_tree_tile(store_txn *txn, const st_tile *tile, st_buffer *out, st_error *error)
{
    uint64_t first = tile->place * ST_TILE_WIDTH;
    st_err err = ST_OK;
    for (unsigned i = 0; err == ST_OK && i < tile->width; i++) {
        st_hash hash;
        if (tile->level == ST_TILE_ENTRIES) {
            err = put_entry(txn, first + i, out, error);
            continue;
        }
        err = stored_hash(txn, tile->level, first + i, &hash, error);
        if (err == ST_OK)
            err = st_buffer_append(out, hash.b, HASH_BYTES, error);
    }
    return err;
}
