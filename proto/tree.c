/* proto/tree.c - the Merkle tree of RFC 6962.
 * Promises: roots and proofs are the RFC's, whoever computes them; a proof of a wrong length is no
 * proof. Nothing in it is home-made, so that strangers' programs can check it.
 * Must never: take a leaf's hash for a node's, or a hash more or less than the path has. */
#include "proto/tree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/hash.h"

#define TILE_HEIGHT 8u

st_hash st_tree_node(const st_hash *left, const st_hash *right)
{
    uint8_t text[1 + 2 * sizeof left->b];
    text[0] = 1;
    memcpy(text + 1, left->b, sizeof left->b);
    memcpy(text + 1 + sizeof left->b, right->b, sizeof right->b);
    return st_sha256(text, sizeof text);
}

st_hash st_tree_empty(void)
{
    return st_sha256("", 0);
}

/* ---- the growing edge ---- */

unsigned st_tree_add(st_tree_edge *edge, const st_hash *leaf)
{
    assert(edge->size < UINT64_MAX);
    unsigned level = 0;
    st_hash node = *leaf;
    for (; (edge->size >> level & 1) != 0; level++)
        node = st_tree_node(&edge->nodes[level], &node);
    edge->nodes[level] = node;
    edge->size++;
    return level;
}

st_hash st_tree_root(const st_tree_edge *edge)
{
    bool has = false;
    st_hash root = st_tree_empty();
    for (unsigned level = 0; level < ST_TREE_LEVELS; level++) {
        if ((edge->size >> level & 1) == 0)
            continue;
        root = has ? st_tree_node(&edge->nodes[level], &root) : edge->nodes[level];
        has = true;
    }
    return root;
}

/* ---- proofs ---- */

/* The largest power of two below count (> 1), as its exponent. */
static unsigned split_level(uint64_t count)
{
    unsigned level = 0;
    while (level < ST_TREE_LEVELS - 2 && (count - 1) >> (level + 1) != 0)
        level++;
    return level;
}

st_err st_tree_hash(const st_tree_source *source, uint64_t begin, uint64_t end, st_hash *out,
                    st_error *error)
{
    assert(end >= begin);
    uint64_t count = end - begin;
    bool has = false;
    st_hash root = st_tree_empty(), node;
    /* Complete subtrees lie from the left in falling sizes: joined from the right. */
    for (unsigned level = 0; level < ST_TREE_LEVELS; level++) {
        if ((count >> level & 1) == 0)
            continue;
        uint64_t at = begin + (count >> level << level) - ((uint64_t)1 << level);
        assert(at % ((uint64_t)1 << level) == 0);
        st_err err = source->node(source->context, level, at >> level, &node, error);
        if (err != ST_OK)
            return err;
        root = has ? st_tree_node(&node, &root) : node;
        has = true;
    }
    *out = root;
    return ST_OK;
}

static void turn_around(st_proof *proof)
{
    for (unsigned i = 0; i < proof->count / 2; i++) {
        st_hash other = proof->hashes[i];
        proof->hashes[i] = proof->hashes[proof->count - 1 - i];
        proof->hashes[proof->count - 1 - i] = other;
    }
}

static st_err push(const st_tree_source *source, uint64_t begin, uint64_t end, st_proof *proof,
                   st_error *error)
{
    if (proof->count == ST_PROOF_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "tree: too many leaves");
    st_err err = st_tree_hash(source, begin, end, &proof->hashes[proof->count], error);
    proof->count += err == ST_OK ? 1 : 0;
    return err;
}

st_err st_tree_inclusion(const st_tree_source *source, uint64_t place, uint64_t size,
                         st_proof *out_proof, st_error *error)
{
    uint64_t begin = 0, end = size;
    st_err err = ST_OK;
    st_proof proof = { .count = 0 };
    if (place >= size)
        return st_fail(error, ST_E_USAGE, "tree: leaf %" PRIu64 " of %" PRIu64, place, size);
    while (err == ST_OK && end - begin > 1) {
        uint64_t middle = begin + ((uint64_t)1 << split_level(end - begin));
        bool is_left = place < middle;
        err = is_left ? push(source, middle, end, &proof, error)
                      : push(source, begin, middle, &proof, error);
        if (is_left)
            end = middle;
        else
            begin = middle;
    }
    if (err != ST_OK)
        return err;
    turn_around(&proof);
    *out_proof = proof;
    return ST_OK;
}

st_err st_tree_consistency(const st_tree_source *source, uint64_t from, uint64_t to,
                           st_proof *out_proof, st_error *error)
{
    uint64_t begin = 0, end = to;
    bool is_known = true; /* the asker has the hash of begin..from-1 itself */
    st_err err = ST_OK;
    st_proof proof = { .count = 0 };
    if (from > to)
        return st_fail(error, ST_E_USAGE, "tree: %" PRIu64 " is more than %" PRIu64, from, to);
    while (from > 0 && err == ST_OK && from != end) {
        uint64_t middle = begin + ((uint64_t)1 << split_level(end - begin));
        if (from <= middle) {
            err = push(source, middle, end, &proof, error);
            end = middle;
        } else {
            err = push(source, begin, middle, &proof, error);
            begin = middle;
            is_known = false;
        }
    }
    if (err == ST_OK && from > 0 && !is_known)
        err = push(source, begin, end, &proof, error);
    if (err != ST_OK)
        return err;
    turn_around(&proof);
    *out_proof = proof;
    return ST_OK;
}

static bool same(const st_hash *a, const st_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool st_inclusion_holds(const st_hash *leaf, uint64_t place, const st_proof *proof,
                        const st_tree_head *head)
{
    if (place >= head->size || proof->count > ST_PROOF_MAX)
        return false;
    uint64_t at = place, last = head->size - 1;
    st_hash root = *leaf;
    for (unsigned i = 0; i < proof->count; i++) {
        if (last == 0)
            return false;
        if ((at & 1) != 0 || at == last) {
            root = st_tree_node(&proof->hashes[i], &root);
            for (; (at & 1) == 0 && at != 0; at >>= 1)
                last >>= 1;
        } else {
            root = st_tree_node(&root, &proof->hashes[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && same(&root, &head->root);
}

/* RFC 9162 2.1.4.2, steps 3 to 8, for 0 < from < to. */
static bool walk_consistency(const st_tree_head *from, const st_tree_head *to,
                             const st_proof *proof)
{
    uint64_t at = from->size - 1, last = to->size - 1;
    unsigned next = 0;
    while ((at & 1) != 0) {
        at >>= 1;
        last >>= 1;
    }
    if (at != 0 && proof->count == 0)
        return false;
    st_hash old = at == 0 ? from->root : proof->hashes[next++], fresh = old;
    for (; next < proof->count; next++) {
        const st_hash *other = &proof->hashes[next];
        if (last == 0)
            return false;
        if ((at & 1) != 0 || at == last) {
            old = st_tree_node(other, &old);
            fresh = st_tree_node(other, &fresh);
            for (; (at & 1) == 0 && at != 0; at >>= 1)
                last >>= 1;
        } else {
            fresh = st_tree_node(&fresh, other);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && same(&old, &from->root) && same(&fresh, &to->root);
}

bool st_consistency_holds(const st_tree_head *from, const st_tree_head *to, const st_proof *proof)
{
    st_hash nothing = st_tree_empty();
    if (from->size > to->size || proof->count > ST_PROOF_MAX)
        return false;
    if (from->size == to->size)
        return proof->count == 0 && same(&from->root, &to->root);
    if (from->size == 0)
        return proof->count == 0 && same(&from->root, &nothing);
    return walk_consistency(from, to, proof);
}

/* ---- tiles ---- */

void st_tile_path(const st_tile *tile, char text[ST_TILE_PATH_BYTES])
{
    char groups[32] = "", part[8] = "", level[8] = "entries";
    uint64_t rest = tile->place;
    size_t at = sizeof groups - 1;
    assert(tile->level <= ST_TILE_ENTRIES && tile->width > 0 && tile->width <= ST_TILE_WIDTH);
    assert(tile->place < UINT64_C(1000000000000000000));
    groups[at] = '\0';
    for (bool is_last = true; is_last || rest > 0; is_last = false, rest /= 1000) {
        char group[8];
        int len = snprintf(group, sizeof group, "%s%03u%s", is_last ? "" : "x",
                           (unsigned)(rest % 1000), is_last ? "" : "/");
        at -= (size_t)len;
        memcpy(groups + at, group, (size_t)len);
    }
    if (tile->level != ST_TILE_ENTRIES)
        (void)snprintf(level, sizeof level, "%u", tile->level);
    if (tile->width < ST_TILE_WIDTH)
        (void)snprintf(part, sizeof part, ".p/%u", tile->width);
    (void)snprintf(text, ST_TILE_PATH_BYTES, "tile/%s/%s%s", level, groups + at, part);
}

/* Three digits at *text; moves it behind them. */
static bool take_group(const char **text, uint64_t *place)
{
    unsigned value = 0;
    for (int i = 0; i < 3; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (unsigned)(**text - '0');
    }
    if (*place > UINT64_C(999999999999999))
        return false;
    *place = *place * 1000 + value;
    return true;
}

bool st_tile_parse(const char *text, st_tile *out_tile)
{
    st_tile tile = { .width = ST_TILE_WIDTH };
    char again[ST_TILE_PATH_BYTES];
    const char *at = text;
    if (strncmp(at, "tile/", 5) != 0)
        return false;
    at += 5;
    if (strncmp(at, "entries/", 8) == 0) {
        tile.level = ST_TILE_ENTRIES;
        at += 8;
    } else if (at[0] >= '0' && at[0] < '0' + (char)ST_TILE_ENTRIES && at[1] == '/') {
        tile.level = (unsigned)(at[0] - '0');
        at += 2;
    } else {
        return false;
    }
    for (; *at == 'x'; at++) {
        at++;
        if (!take_group(&at, &tile.place) || *at != '/')
            return false;
    }
    if (!take_group(&at, &tile.place))
        return false;
    if (strncmp(at, ".p/", 3) == 0) {
        tile.width = 0;
        for (at += 3; *at >= '0' && *at <= '9' && tile.width < ST_TILE_WIDTH; at++)
            tile.width = tile.width * 10 + (unsigned)(*at - '0');
    }
    if (*at != '\0' || tile.width == 0 || tile.width > ST_TILE_WIDTH)
        return false;
    st_tile_path(&tile, again); /* the one spelling */
    if (strcmp(again, text) != 0)
        return false;
    *out_tile = tile;
    return true;
}

unsigned st_tile_width(unsigned level, uint64_t place, uint64_t size)
{
    uint64_t hashes = size;
    if (level != ST_TILE_ENTRIES)
        hashes = size >> level * TILE_HEIGHT;
    uint64_t begin = place * ST_TILE_WIDTH;
    if (begin / ST_TILE_WIDTH != place || hashes <= begin)
        return 0;
    return hashes - begin < ST_TILE_WIDTH ? (unsigned)(hashes - begin) : ST_TILE_WIDTH;
}
