/* tools/bench/log_bench.c - what the audit log costs beside the records.
 *   log-bench fill DATA SIZE signed|copied
 *       adds leaves to the log of a book until there are SIZE: one chain of changes of the server's
 *       device, each signed, or all with one signature. Leaves alone, no records: such
 *       a book is fit for `sotayctl audit export` and nothing else. Prints JSON: the sizes of what
 *       is proved from it.
 *   log-bench read FOLDER
 *       checks an export with the code of sotay-verify: without looking at signatures, with them,
 *       and each signature beside a bare one of libsodium. Prints JSON: seconds of processor. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/changeset.h"
#include "proto/hash.h"
#include "server/audit/leaf.h"
#include "server/audit/publish.h"
#include "server/audit/tree.h"
#include "server/rooms.h"
#include "tools/verify/source.h"

#define A_COMMIT 4096u /* leaves of one transaction and one checkpoint */
#define SAMPLES  1000u
#define FILE_BYTES_MAX 131072u

static void need(st_err err, const st_error *error, const char *what)
{
    if (err == ST_OK)
        return;
    fprintf(stderr, "log-bench: %s: %s\n", what, error->detail);
    exit(2);
}

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* ---- fill ---- */

typedef struct {
    server book;
    bool is_signed;
    uint64_t size;
    st_leaf last; /* of the server's device */
    st_tree_head seen;
} filler;

/* Where the chain of the server's device and the time of the log stand. */
static void look(filler *f, store_txn *txn, st_error *error)
{
    static const uint8_t NONE[ST_SIGNATURE_BYTES];
    st_arena arena;
    int64_t time_ms = 0;
    st_arena_init(&arena, (size_t)1 << 20);
    for (uint64_t place = 0; place < f->size; place++) {
        store_slice bytes = { 0 };
        st_leaf leaf;
        need(audit_leaf_bytes(txn, place, &bytes, error), error, "leaf");
        need(st_leaf_decode(bytes.data, bytes.len, &arena, &leaf, error), error, "leaf");
        time_ms = leaf.time_ms;
        if (st_id_cmp(&leaf.device, &f->book.keys.device) == 0 && leaf.last > 0 &&
            memcmp(leaf.dsig, NONE, sizeof NONE) != 0)
            f->last = leaf;
        st_arena_reset(&arena);
    }
    f->last.time_ms = time_ms;
    f->last.kind = ST_ENTRY_CHANGE;
    f->last.verdict = "stored";
    f->last.held_count = f->last.counters_count = 0;
}

static void begin(filler *f, const char *dir)
{
    st_error error = { 0 };
    const rooms_how how = { .dir = dir };
    store_txn txn = { 0 };
    st_buffer note;
    st_checkpoint now;
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    need(rooms_open(&how, &f->book, &error), &error, dir);
    need(store_begin(f->book.sync.store, STORE_READ_TXN, &txn, &error), &error, "store");
    need(audit_note(&txn, &note, &now, &error), &error, "checkpoint");
    f->seen = now.head;
    f->size = now.head.size;
    look(f, &txn, &error);
    store_end(&txn);
    st_buffer_free(&note);
}

/* The next change of the chain, as long as one that a phone writes. */
static void next_leaf(filler *f)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_leaf *leaf = &f->last;
    leaf->has_prev = leaf->last > 0;
    leaf->prev = leaf->commit;
    leaf->first = leaf->last + 1;
    leaf->last = leaf->first;
    leaf->device = f->book.keys.device;
    leaf->has_commit = true;
    leaf->commit = st_sha256(&leaf->first, sizeof leaf->first);
    leaf->hlc = (st_hlc)leaf->time_ms << 16;
    leaf->seen_size = f->seen.size;
    leaf->seen_root = f->seen.root;
    st_set_sign_text(&f->book.keys.log, &leaf->device, &leaf->commit, text);
    if (f->is_signed)
        st_sign(f->book.keys.device_secret, text, sizeof text, leaf->dsig);
}

static st_err append(filler *f, store_txn *txn, uint64_t count, st_error *error)
{
    uint64_t before = f->size;
    st_err err = ST_OK;
    for (uint64_t i = 0; err == ST_OK && i < count; i++) {
        next_leaf(f);
        err = audit_leaf_append(txn, ++f->size, &f->last, error);
    }
    if (err == ST_OK)
        err = audit_sign(txn, &f->book.sync, before, f->size, error);
    return err == ST_OK ? audit_tree_head(txn, f->size, &f->seen, error) : err;
}

/* Again from the start when the store had to grow for it. */
static void add(filler *f, uint64_t count)
{
    const filler before = *f;
    store *book = f->book.sync.store;
    for (;;) {
        st_error error = { 0 };
        store_txn txn = { 0 };
        need(store_begin(book, STORE_WRITE_TXN, &txn, &error), &error, "store");
        st_err err = append(f, &txn, count, &error);
        if (err == ST_OK)
            err = store_commit(&txn, &error);
        store_end(&txn);
        if (err == ST_OK)
            return;
        if (err != ST_E_STORAGE || !store_grow(book))
            need(err, &error, "leaves");
        *f = before;
    }
}

/* ---- sizes ---- */

typedef struct {
    size_t path, file, checkpoint, leaf, consistency; /* bytes; of paths and files the largest */
} sizes;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void measure_proof(store_txn *txn, uint64_t entry, sizes *out, st_error *error)
{
    st_buffer file, leaf;
    st_proof_file read;
    st_buffer_init(&file, FILE_BYTES_MAX);
    st_buffer_init(&leaf, FILE_BYTES_MAX);
    need(audit_proof(txn, entry, &file, &leaf, error), error, "proof");
    need(st_proof_file_decode(file.data, file.len, &read, error), error, "proof");
    out->path = larger(out->path, read.proof.count * sizeof(st_hash));
    out->file = larger(out->file, file.len);
    out->checkpoint = read.checkpoint_len;
    out->leaf = leaf.len;
    st_buffer_free(&leaf);
    st_buffer_free(&file);
}

/* From the first to the last entry, and of each such place that the log continues it. */
static sizes measure_sizes(const filler *f)
{
    sizes out = { 0 };
    st_error error = { 0 };
    store_txn txn = { 0 };
    need(store_begin(f->book.sync.store, STORE_READ_TXN, &txn, &error), &error, "store");
    st_tree_source source = audit_tree_source(&txn);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        st_proof proof;
        uint64_t entry = 1 + i * (f->size - 1) / (SAMPLES - 1);
        need(st_tree_consistency(&source, entry, f->size, &proof, &error), &error, "consistency");
        out.consistency = larger(out.consistency, proof.count * sizeof(st_hash));
        measure_proof(&txn, entry, &out, &error);
    }
    store_end(&txn);
    return out;
}

/* The answer to a phone that asks for the receipts of so many entries, the last one the newest;
 * `step`: how far they are apart. Bytes. */
static size_t measure_receipts(const filler *f, unsigned count, uint64_t step)
{
    char name[1024] = "receipts/";
    size_t at = strlen(name);
    st_buffer out;
    st_error error = { 0 };
    store_txn txn = { 0 };
    st_buffer_init(&out, FILE_BYTES_MAX);
    need(store_begin(f->book.sync.store, STORE_READ_TXN, &txn, &error), &error, "store");
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(name + at, sizeof name - at, "%s%" PRIu64, i == 0 ? "" : ",",
                               f->size - (count - 1 - i) * step);
    need(audit_file(&txn, &f->book.sync, name, &out, &error), &error, "receipts");
    store_end(&txn);
    size_t bytes = out.len;
    st_buffer_free(&out);
    return bytes;
}

static int fill(const char *dir, const char *size, const char *how)
{
    filler f = { .is_signed = strcmp(how, "signed") == 0 };
    uint64_t wanted = strtoull(size, NULL, 10);
    begin(&f, dir);
    while (f.size < wanted)
        add(&f, wanted - f.size < A_COMMIT ? wanted - f.size : A_COMMIT);
    sizes s = measure_sizes(&f);
    printf("{\"leaves\":%" PRIu64 ",\"leaf\":%zu,\"path\":%zu,\"proof_file\":%zu,"
           "\"checkpoint\":%zu,\"consistency\":%zu,\"receipts\":[%zu,%zu,%zu,%zu]}\n",
           f.size, s.leaf, s.path, s.file, s.checkpoint, s.consistency,
           measure_receipts(&f, 1, 1), measure_receipts(&f, 8, 5), measure_receipts(&f, 32, 5),
           measure_receipts(&f, 32, f.size / 64));
    rooms_close(&f.book);
    return 0;
}

/* ---- read ---- */

typedef enum { LOOK, PASS_BY, COMPARE } look_mode;

/* What the linker's --wrap makes of each look at a signature. */
static struct {
    look_mode mode;
    uint64_t count;
    double ours_s, bare_s;
} signatures;

bool __real_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64]);
bool __wrap_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64]);

/* Taking turns at being the first, since the second one finds everything in the cache. */
static bool compare(const uint8_t *public_key, const void *data, size_t len,
                    const uint8_t *signature)
{
    bool ours = false, bare = false, is_ours_first = signatures.count % 2 == 0;
    for (int turn = 0; turn < 2; turn++) {
        bool is_ours = (turn == 0) == is_ours_first;
        double start = cpu_s();
        if (is_ours)
            ours = __real_st_sign_verify(public_key, data, len, signature);
        else
            bare = crypto_sign_verify_detached(signature, data, len, public_key) == 0;
        *(is_ours ? &signatures.ours_s : &signatures.bare_s) += cpu_s() - start;
    }
    return ours && bare;
}

bool __wrap_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64])
{
    signatures.count++;
    if (signatures.mode == PASS_BY)
        return true;
    return signatures.mode == COMPARE ? compare(public_key, data, len, signature)
                                      : __real_st_sign_verify(public_key, data, len, signature);
}

static void read_vkey(const char *folder, st_vkey *out)
{
    char path[1024];
    st_buffer text;
    st_error error = { 0 };
    st_buffer_init(&text, ST_VKEY_BYTES);
    (void)snprintf(path, sizeof path, "%s/vkey", folder);
    need(verify_read_file(path, &text, &error), &error, path);
    if (text.len == 0 || !st_vkey_parse((const char *)text.data, text.len - 1, out))
        need(ST_E_CORRUPT, &error, path);
    st_buffer_free(&text);
}

/* All of it, once: seconds of processor. */
static double read_once(const char *folder, look_mode mode, uint64_t *out_leaves)
{
    verify_log *log = calloc(1, sizeof *log);
    const verify_place place = { folder, false };
    const verify_source source = verify_source_of(&place);
    st_error error = { 0 };
    st_vkey vkey;
    if (log == NULL) {
        fprintf(stderr, "log-bench: no memory\n");
        exit(2);
    }
    read_vkey(folder, &vkey);
    signatures.mode = mode;
    signatures.count = 0;
    double start = cpu_s();
    need(verify_log_read(log, &source, &vkey, &error), &error, folder);
    double used = cpu_s() - start;
    *out_leaves = log->now.checkpoint.head.size;
    verify_log_free(log);
    free(log);
    return used;
}

static int read_export(const char *folder)
{
    uint64_t leaves = 0;
    if (sodium_init() < 0)
        return 2;
    double parts = read_once(folder, PASS_BY, &leaves);
    double whole = read_once(folder, LOOK, &leaves);
    (void)read_once(folder, COMPARE, &leaves);
    printf("{\"leaves\":%" PRIu64 ",\"signatures\":%" PRIu64 ",\"tree_and_chains_s\":%.4f,"
           "\"whole_s\":%.4f,\"ours_s\":%.4f,\"bare_s\":%.4f}\n",
           leaves, signatures.count, parts, whole, signatures.ours_s, signatures.bare_s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "fill") == 0)
        return fill(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return read_export(argv[2]);
    fprintf(stderr, "usage: log-bench fill DATA SIZE signed|copied | read FOLDER\n");
    return 2;
}
