/* proto/tree.h - the Merkle tree over the leaves of the log (RFC 6962 2.1): its root, proofs that a
 * leaf is in it and that an older tree is its beginning, and the tiles that it is published in
 * (C2SP tlog-tiles). Places are counted from 0 here: entry n of the log is leaf n - 1. */
#ifndef SOTAY_PROTO_TREE_H
#define SOTAY_PROTO_TREE_H

#include "proto/err.h"
#include "proto/id.h"

#define ST_PROOF_MAX       63u /* hashes of one proof */
#define ST_TREE_LEVELS     64u
#define ST_TILE_WIDTH      256u /* hashes of a full tile, leaves under a hash one level up */
#define ST_TILE_PATH_BYTES 48u  /* of "tile/5/x001/.../067.p/255", with NUL */

/* RFC 6962: SHA-256 of 0x01, left, right. */
st_hash st_tree_node(const st_hash *left, const st_hash *right);
/* The root of no leaves: SHA-256 of nothing. */
st_hash st_tree_empty(void);

/* The right edge of a growing tree: nodes[l] is the complete subtree of 2^l leaves that stands
 * there when bit l of size is set. Zeroed: no leaves. */
typedef struct {
    uint64_t size;
    st_hash nodes[ST_TREE_LEVELS];
} st_tree_edge;
/* Adds a leaf. Returns how many levels were completed above it (trailing ones of the old size);
 * the completed subtree is then nodes[that number]. */
unsigned st_tree_add(st_tree_edge *edge, const st_hash *leaf);
st_hash st_tree_root(const st_tree_edge *edge);

/* Gives the hash of the complete subtree of 2^level leaves that begins at leaf place << level.
 * ST_E_NOT_FOUND and what else its source says. */
typedef struct {
    void *context;
    st_err (*node)(void *context, unsigned level, uint64_t place, st_hash *out, st_error *error);
} st_tree_source;

typedef struct {
    st_hash hashes[ST_PROOF_MAX];
    unsigned count;
} st_proof;

/* The hash over leaves begin..end-1 of a tree, where begin is a multiple of a power of two that is
 * not less than end - begin; from 0, the root of the first `end`. Errors of the source. */
ST_MUST_USE st_err st_tree_hash(const st_tree_source *source, uint64_t begin, uint64_t end,
                                st_hash *out, st_error *error);
/* RFC 6962 2.1.1: the path from leaf `place` to the root of the first `size`. ST_E_USAGE: it is not
 * in there. */
ST_MUST_USE st_err st_tree_inclusion(const st_tree_source *source, uint64_t place, uint64_t size,
                                     st_proof *out_proof, st_error *error);
/* RFC 6962 2.1.2: that the first `from` are the beginning of the first `to`; empty when from is 0
 * or `to`. ST_E_USAGE: from is more than to. */
ST_MUST_USE st_err st_tree_consistency(const st_tree_source *source, uint64_t from, uint64_t to,
                                       st_proof *out_proof, st_error *error);

/* A root and of how many leaves. */
typedef struct {
    uint64_t size;
    st_hash root;
} st_tree_head;
/* RFC 9162 2.1.3.2 and 2.1.4.2: does the proof hold? */
bool st_inclusion_holds(const st_hash *leaf, uint64_t place, const st_proof *proof,
                        const st_tree_head *head);
bool st_consistency_holds(const st_tree_head *from, const st_tree_head *to, const st_proof *proof);

/* A tile: hashes of one level, ST_TILE_WIDTH of them or the first `width`. Level 0 is the leaves'
 * hashes, one up is every ST_TILE_WIDTH-th node; ST_TILE_ENTRIES is the leaves themselves. */
#define ST_TILE_ENTRIES 6u
typedef struct {
    unsigned level;
    uint64_t place;
    unsigned width;
} st_tile;
/* "tile/0/x001/067", "tile/1/000.p/12", "tile/entries/000". */
void st_tile_path(const st_tile *tile, char text[ST_TILE_PATH_BYTES]);
/* Only what st_tile_path writes. */
bool st_tile_parse(const char *text, st_tile *out_tile);
/* How many hashes a log of `size` leaves has in a tile: 0..ST_TILE_WIDTH. */
unsigned st_tile_width(unsigned level, uint64_t place, uint64_t size);

#endif
