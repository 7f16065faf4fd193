/* server/audit/leaf.c - stores leaves. Promises: the leaf of an entry is written in the entry's own
 * transaction, so that no record is without its trace. Must never change a leaf. */
#include "server/audit/leaf.h"

#include <string.h>

#include "server/store/pack.h"

#define HASH_BYTES 32

st_err audit_leaf_row(const st_leaf *leaf, st_buffer *out, st_error *error)
{
    static const uint8_t BLANK[HASH_BYTES];
    size_t start = out->len;
    st_err err = st_buffer_append(out, BLANK, sizeof BLANK, error);
    if (err == ST_OK)
        err = st_leaf_encode(leaf, out, error);
    if (err != ST_OK)
        return err;
    uint8_t *row = out->data + start;
    st_hash hash = st_leaf_hash(row + HASH_BYTES, out->len - start - HASH_BYTES);
    memcpy(row, hash.b, HASH_BYTES);
    return ST_OK;
}

st_err audit_leaf_append(store_txn *txn, uint64_t index, const st_leaf *leaf, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, HASH_BYTES + ST_LEAF_BYTES_MAX);
    pack_key key = pack_u64(index);
    st_err err = audit_leaf_row(leaf, &row, error);
    if (err == ST_OK)
        err =
            store_put(txn, STORE_LEAF, pack_key_slice(&key), store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    return err;
}
