/* server/audit/root.c - the root of the log at a size.
 * Promises: RFC 6962 2.1 exactly, in constant memory. Must never leave a leaf out. */
#include "server/audit/root.h"

#include <assert.h>
#include <string.h>

#include "server/store/pack.h"

#define HASH_BYTES 32u
#define LEVELS     64u

/* The roots of the whole subtrees so far: peaks[i] holds 2^i leaves when bit i of count is set. */
typedef struct {
    uint8_t peaks[LEVELS][HASH_BYTES];
    uint64_t count;
} peaks;

static void join(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
                 uint8_t out[HASH_BYTES])
{
    uint8_t node[1 + 2 * HASH_BYTES];
    node[0] = 0x01;
    memcpy(node + 1, left, HASH_BYTES);
    memcpy(node + 1 + HASH_BYTES, right, HASH_BYTES);
    st_hash hash = st_sha256(node, sizeof node);
    memcpy(out, hash.b, HASH_BYTES);
}

static void add(peaks *p, const uint8_t leaf[HASH_BYTES])
{
    uint8_t carry[HASH_BYTES];
    unsigned level = 0;
    memcpy(carry, leaf, HASH_BYTES);
    for (; level + 1 < LEVELS && (p->count >> level & 1u) != 0; level++)
        join(p->peaks[level], carry, carry);
    memcpy(p->peaks[level], carry, HASH_BYTES);
    p->count++;
}

/* From the smallest subtree to the largest, each to the left of what is there. */
static st_hash fold(const peaks *p)
{
    st_hash root;
    bool has_any = false;
    if (p->count == 0)
        return st_sha256("", 0);
    memset(&root, 0, sizeof root);
    for (unsigned level = 0; level < LEVELS; level++) {
        if ((p->count >> level & 1u) == 0)
            continue;
        if (has_any)
            join(p->peaks[level], root.b, root.b);
        else
            memcpy(root.b, p->peaks[level], HASH_BYTES);
        has_any = true;
    }
    return root;
}

st_err audit_root(store_txn *txn, uint64_t size, st_hash *out_root, st_error *error)
{
    assert(out_root != NULL);
    store_cursor cursor = { 0 };
    peaks p = { .count = 0 };
    pack_key first = pack_u64(1);
    st_err err = store_cursor_open(txn, STORE_LEAF, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&first), error);
    while (err == ST_OK && p.count < size) {
        if (!cursor.is_valid || cursor.key.len != 8 || cursor.value.len < HASH_BYTES ||
            st_get_u64(cursor.key.data) != p.count + 1) {
            err = st_fail(error, ST_E_CORRUPT, "log: the leaf of entry %llu is not there",
                          (unsigned long long)p.count + 1);
            break;
        }
        add(&p, cursor.value.data);
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK)
        *out_root = fold(&p);
    return err;
}
