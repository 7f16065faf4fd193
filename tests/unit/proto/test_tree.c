/* tests/unit/proto/test_tree.c
 * The book's tree is the one of RFC 6962, so that a stranger's program can check it: its roots are
 * the published ones, every proof up to 256 leaves (600 with TEST_LONG=1) is the one that Go's tlog
 * makes (make check-go), and a proof with one bit, one hash or one number changed does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/leaf.h"
#include "proto/tree.h"

#define LEAVES_MAX 600u
#define LEVELS     10u

/* All complete subtrees of leaves "leaf 0", "leaf 1", ... */
typedef struct {
    st_hash nodes[LEVELS][LEAVES_MAX];
    st_tree_head heads[LEAVES_MAX + 1];
} wood;

static st_err node_of(void *context, unsigned level, uint64_t place, st_hash *out, st_error *error)
{
    wood *w = context;
    if (level >= LEVELS || (place + 1) << level > LEAVES_MAX)
        return st_fail(error, ST_E_NOT_FOUND, "no such node");
    *out = w->nodes[level][place];
    return ST_OK;
}

static wood *grow(void)
{
    wood *w = calloc(1, sizeof *w);
    st_tree_edge edge = { .size = 0 };
    assert_non_null(w);
    w->heads[0].root = st_tree_root(&edge);
    for (unsigned i = 0; i < LEAVES_MAX; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "leaf %u", i);
        w->nodes[0][i] = st_leaf_hash(text, (size_t)len);
        unsigned levels = st_tree_add(&edge, &w->nodes[0][i]);
        w->nodes[levels][i >> levels] = edge.nodes[levels];
        for (unsigned l = 1; l < levels; l++)
            w->nodes[l][i >> l] =
                st_tree_node(&w->nodes[l - 1][(i >> l) * 2], &w->nodes[l - 1][(i >> l) * 2 + 1]);
        w->heads[i + 1] = (st_tree_head){ i + 1, st_tree_root(&edge) };
    }
    return w;
}

static void test_published_roots(void **state)
{
    (void)state;
    static const char *const LEAVES[] = { "",
                                          "00",
                                          "10",
                                          "2021",
                                          "3031",
                                          "40414243",
                                          "5051525354555657",
                                          "606162636465666768696a6b6c6d6e6f" };
    static const char *const ROOTS[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    st_tree_edge edge = { .size = 0 };
    for (size_t i = 0; i < sizeof ROOTS / sizeof ROOTS[0]; i++) {
        uint8_t leaf[16];
        char text[65];
        assert_true(st_unhex(LEAVES[i], strlen(LEAVES[i]), leaf, strlen(LEAVES[i]) / 2));
        st_hash hash = st_leaf_hash(leaf, strlen(LEAVES[i]) / 2);
        (void)st_tree_add(&edge, &hash);
        st_hash root = st_tree_root(&edge);
        st_hex(root.b, sizeof root.b, text);
        assert_string_equal(text, ROOTS[i]);
    }
}

/* Over all proofs with n leaves at most: as tests/audit/differ.go writes them. */
static void add_proof(st_sha256_state *sum, uint64_t m, uint64_t n, const st_proof *proof)
{
    uint8_t numbers[16];
    st_put_u64(numbers, m);
    st_put_u64(numbers + 8, n);
    st_sha256_update(sum, numbers, sizeof numbers);
    for (unsigned i = 0; i < proof->count; i++)
        st_sha256_update(sum, proof->hashes[i].b, 32);
}

static void check_all(wood *w, uint64_t leaves, const char *want)
{
    const st_tree_source source = { w, node_of };
    st_sha256_state sum;
    char text[65];
    st_sha256_init(&sum);
    for (uint64_t n = 1; n <= leaves; n++)
        for (uint64_t m = 0; m < n; m++) {
            st_proof proof;
            assert_int_equal(st_tree_inclusion(&source, m, n, &proof, NULL), ST_OK);
            assert_true(st_inclusion_holds(&w->nodes[0][m], m, &proof, &w->heads[n]));
            add_proof(&sum, m, n, &proof);
            assert_int_equal(st_tree_consistency(&source, m + 1, n, &proof, NULL), ST_OK);
            assert_true(st_consistency_holds(&w->heads[m + 1], &w->heads[n], &proof));
            add_proof(&sum, m + 1, n, &proof);
        }
    st_hash hash = st_sha256_final(&sum);
    st_hex(hash.b, sizeof hash.b, text);
    assert_string_equal(text, want);
}

static void test_as_go_has_them(void **state)
{
    (void)state;
    wood *w = grow();
    check_all(w, 256, "b3ebfe2758070bd3078779bbd4d00647afa2e769335f47c08811c5b7f9bd6910");
    const char *is_long = getenv("TEST_LONG");
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        check_all(w, 600, "49f51b765f8928a751004e32b5bb5933e6fa5114a0dab9349ae3e9a374886ca7");
    free(w);
}

static void test_roots_of_ranges(void **state)
{
    (void)state;
    wood *w = grow();
    const st_tree_source source = { w, node_of };
    for (uint64_t n = 0; n <= LEAVES_MAX; n++) {
        st_hash root;
        assert_int_equal(st_tree_hash(&source, 0, n, &root, NULL), ST_OK);
        assert_memory_equal(root.b, w->heads[n].root.b, 32);
    }
    st_proof proof;
    assert_int_equal(st_tree_inclusion(&source, 5, 5, &proof, NULL), ST_E_USAGE);
    assert_int_equal(st_tree_consistency(&source, 6, 5, &proof, NULL), ST_E_USAGE);
    assert_int_equal(st_tree_inclusion(&source, 5, 601, &proof, NULL), ST_E_NOT_FOUND);
    free(w);
}

/* Every bit of every hash, one hash less, one more, another place, another size. */
static void spoil_inclusion(const wood *w, uint64_t m, uint64_t n, const st_proof *good)
{
    st_proof bad = *good;
    for (unsigned bit = 0; bit < good->count * 256; bit++) {
        bad.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_inclusion_holds(&w->nodes[0][m], m, &bad, &w->heads[n]));
        bad = *good;
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        st_hash leaf = w->nodes[0][m];
        st_tree_head head = w->heads[n];
        leaf.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_inclusion_holds(&leaf, m, good, &w->heads[n]));
        head.root.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_inclusion_holds(&w->nodes[0][m], m, good, &head));
    }
    bad.count++;
    assert_false(st_inclusion_holds(&w->nodes[0][m], m, &bad, &w->heads[n]));
    if (good->count > 0) {
        bad.count = good->count - 1;
        assert_false(st_inclusion_holds(&w->nodes[0][m], m, &bad, &w->heads[n]));
    }
    for (uint64_t other = 0; other < n; other++)
        assert_true(st_inclusion_holds(&w->nodes[0][m], other, good, &w->heads[n]) == (other == m));
}

static void spoil_consistency(const wood *w, uint64_t m, uint64_t n, const st_proof *good)
{
    st_proof bad = *good;
    for (unsigned bit = 0; bit < good->count * 256; bit++) {
        bad.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_consistency_holds(&w->heads[m], &w->heads[n], &bad));
        bad = *good;
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        st_tree_head from = w->heads[m], to = w->heads[n];
        from.root.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_consistency_holds(&from, &to, good));
        to.root.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(st_consistency_holds(&w->heads[m], &to, good));
    }
    bad.count++;
    assert_false(st_consistency_holds(&w->heads[m], &w->heads[n], &bad));
    if (good->count > 0) {
        bad.count = good->count - 1;
        assert_false(st_consistency_holds(&w->heads[m], &w->heads[n], &bad));
    }
    assert_true(m == n || !st_consistency_holds(&w->heads[n], &w->heads[m], good));
}

static void test_spoilt_proofs(void **state)
{
    (void)state;
    static const uint64_t PAIRS[][2] = { { 0, 1 },   { 1, 2 },   { 3, 7 },          { 4, 7 },
                                         { 6, 7 },   { 8, 13 },  { 5, 8 },          { 12, 13 },
                                         { 64, 65 }, { 63, 64 }, { 100, 601 - 300 } };
    wood *w = grow();
    const st_tree_source source = { w, node_of };
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        uint64_t m = PAIRS[i][0], n = PAIRS[i][1];
        st_proof proof;
        assert_int_equal(st_tree_inclusion(&source, m, n, &proof, NULL), ST_OK);
        spoil_inclusion(w, m, n, &proof);
        if (m == 0)
            continue;
        assert_int_equal(st_tree_consistency(&source, m, n, &proof, NULL), ST_OK);
        spoil_consistency(w, m, n, &proof);
    }
    free(w);
}

/* A book of nothing begins every book, and a proof that has too much or too little is none. */
static void test_proofs_of_nothing_and_too_much(void **state)
{
    (void)state;
    wood *w = grow();
    const st_tree_source source = { w, node_of };
    st_proof proof = { .count = 3 };
    st_tree_head nothing = { 0, w->heads[0].root };
    assert_int_equal(st_tree_consistency(&source, 0, 7, &proof, NULL), ST_OK);
    assert_int_equal(proof.count, 0);
    assert_true(st_consistency_holds(&nothing, &w->heads[7], &proof));
    assert_true(st_consistency_holds(&nothing, &nothing, &proof));
    proof.count = 1;
    assert_false(st_consistency_holds(&nothing, &w->heads[7], &proof));
    assert_false(st_consistency_holds(&nothing, &nothing, &proof));
    proof.count = 0;
    nothing.root = w->heads[1].root;
    assert_false(st_consistency_holds(&nothing, &w->heads[7], &proof));
    assert_false(st_consistency_holds(&w->heads[6], &w->heads[7], &proof));
    proof.count = ST_PROOF_MAX + 1;
    assert_false(st_consistency_holds(&w->heads[6], &w->heads[7], &proof));
    assert_false(st_inclusion_holds(&w->nodes[0][6], 6, &proof, &w->heads[7]));
    proof.count = 0;
    assert_false(st_inclusion_holds(&w->nodes[0][0], 1, &proof, &w->heads[1]));
    assert_true(st_inclusion_holds(&w->nodes[0][0], 0, &proof, &w->heads[1]));
    free(w);
}

/* A source that does not find a node says so; the proof at hand is left alone. */
static void test_a_node_is_missing(void **state)
{
    (void)state;
    wood *w = grow();
    const st_tree_source source = { w, node_of };
    st_proof proof = { .count = 9 };
    st_hash root;
    const uint64_t most = LEAVES_MAX;
    assert_int_equal(st_tree_inclusion(&source, 0, most + 3, &proof, NULL), ST_E_NOT_FOUND);
    assert_int_equal(st_tree_consistency(&source, 1, most + 3, &proof, NULL), ST_E_NOT_FOUND);
    assert_int_equal(st_tree_consistency(&source, most + 1, most + 3, &proof, NULL),
                     ST_E_NOT_FOUND);
    assert_int_equal(st_tree_hash(&source, 0, most + 3, &root, NULL), ST_E_NOT_FOUND);
    assert_int_equal(proof.count, 9);
    free(w);
}

static void test_tiles(void **state)
{
    (void)state;
    static const struct {
        st_tile tile;
        const char *text;
    } GOOD[] = {
        { { 0, 0, 256 }, "tile/0/000" },
        { { 0, 0, 1 }, "tile/0/000.p/1" },
        { { 1, 67, 255 }, "tile/1/067.p/255" },
        { { 5, 1000, 256 }, "tile/5/x001/000" },
        { { 0, 1234067, 256 }, "tile/0/x001/x234/067" },
        { { ST_TILE_ENTRIES, 12, 40 }, "tile/entries/012.p/40" },
    };
    static const char *const BAD[] = {
        "",
        "tile/",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/6/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000/",
        "tile/entries/../000",
        "tile/entry/000",
        "tile/-1/000",
        "tile/0/ 00",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x00:/000",
        "tile/0/x001x002/000",
        "tile/0/000.p/1:",
        "tile/0/000.p/1a",
        "tile/entries",
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        char text[ST_TILE_PATH_BYTES];
        st_tile tile;
        st_tile_path(&GOOD[i].tile, text);
        assert_string_equal(text, GOOD[i].text);
        assert_true(st_tile_parse(text, &tile));
        assert_true(tile.level == GOOD[i].tile.level && tile.place == GOOD[i].tile.place &&
                    tile.width == GOOD[i].tile.width);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        st_tile tile;
        assert_false(st_tile_parse(BAD[i], &tile));
    }
    assert_int_equal(st_tile_width(0, UINT64_MAX / 2, 70000), 0);
    assert_int_equal(st_tile_width(0, 0, 70000), 256);
    assert_int_equal(st_tile_width(0, 273, 70000), 112);
    assert_int_equal(st_tile_width(0, 274, 70000), 0);
    assert_int_equal(st_tile_width(1, 1, 70000), 17);
    assert_int_equal(st_tile_width(2, 0, 70000), 1);
    assert_int_equal(st_tile_width(3, 0, 70000), 0);
    assert_int_equal(st_tile_width(ST_TILE_ENTRIES, 273, 70000), 112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_roots), cmocka_unit_test(test_as_go_has_them),
        cmocka_unit_test(test_roots_of_ranges), cmocka_unit_test(test_spoilt_proofs),
        cmocka_unit_test(test_proofs_of_nothing_and_too_much),
        cmocka_unit_test(test_a_node_is_missing), cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
