/* tools/verify/log.c - reads a published log and computes everything anew.
 * Promises: nothing is believed that was not computed from the leaves or signed by the key; each
 * changed bit of a tile, a leaf or the checkpoint is found. Must never count what it was told. */
#include "tools/verify/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

#define ENTRIES_MAX (UINT64_C(1) << 32)
#define TILE_BYTES  (ST_TILE_WIDTH * (2u + ST_LEAF_BYTES_MAX))
#define TILE_HEIGHT 8u
#define ARENA_BYTES ((size_t)4 << 20)

st_err verify_in_file(st_err err, const char *name, st_error *error)
{
    char what[sizeof error->detail];
    if (err == ST_OK || error == NULL || strncmp(error->detail, name, strlen(name)) == 0)
        return err;
    memcpy(what, error->detail, sizeof what);
    return st_fail(error, err, "%s: %.140s", name, what);
}

/* ---- the tree ---- */

void *verify_grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    size_t more = *room == 0 ? 64 : *room * 2;
    void *grown = more > SIZE_MAX / size ? NULL : realloc(list, more * size);
    if (grown != NULL)
        *room = more;
    return grown;
}

static st_err node_of(void *context, unsigned level, uint64_t place, st_hash *out, st_error *error)
{
    const verify_log *log = context;
    if (level >= ST_TREE_LEVELS || place >= log->counts[level])
        return st_fail(error, ST_E_NOT_FOUND, "tree: no such node");
    *out = log->nodes[level][place];
    return ST_OK;
}

st_tree_source verify_log_source(const verify_log *log)
{
    return (st_tree_source){ (void *)(uintptr_t)log, node_of };
}

/* A leaf, and each node that it completes. */
static st_err add_hash(verify_log *log, const st_hash *leaf, st_error *error)
{
    st_hash node = *leaf;
    for (unsigned level = 0; level < ST_TREE_LEVELS; level++) {
        size_t room = (size_t)log->rooms[level];
        st_hash *grown =
            verify_grow(log->nodes[level], (size_t)log->counts[level], &room, sizeof node);
        if (grown == NULL)
            return st_fail(error, ST_E_MEMORY, "no memory");
        log->rooms[level] = room;
        log->nodes[level] = grown;
        grown[log->counts[level]++] = node;
        if (log->counts[level] % 2 != 0)
            break;
        node = st_tree_node(&grown[log->counts[level] - 2], &grown[log->counts[level] - 1]);
    }
    return ST_OK;
}

st_err verify_log_tile(const verify_log *log, const st_tile *tile, st_buffer *out, st_error *error)
{
    unsigned level = tile->level * TILE_HEIGHT;
    uint64_t first = tile->place * ST_TILE_WIDTH;
    if (tile->level >= ST_TILE_ENTRIES || first + tile->width > log->counts[level])
        return st_fail(error, ST_E_NOT_FOUND, "the log has no such tile");
    return st_buffer_append(out, log->nodes[level] + first, tile->width * sizeof(st_hash), error);
}

/* ---- leaves ---- */

static st_err take_leaf(verify_log *log, const uint8_t *bytes, size_t len, st_arena *arena,
                        st_error *error)
{
    st_leaf leaf;
    uint64_t place = log->counts[0];
    st_error why = { 0 };
    st_err err = st_leaf_decode(bytes, len, arena, &leaf, &why);
    if (err != ST_OK)
        return st_fail(error, err, "entry %" PRIu64 ": %.120s", place + 1, why.detail);
    err = verify_leaf_take(log, place, &leaf, error);
    st_hash hash = st_leaf_hash(bytes, len);
    return err == ST_OK ? add_hash(log, &hash, error) : err;
}

static st_err read_tile(const verify_source *source, const st_tile *tile, st_buffer *out,
                        st_error *error)
{
    char name[ST_TILE_PATH_BYTES];
    st_tile_path(tile, name);
    st_buffer_clear(out);
    st_err err = source->read(source->context, name, out, error);
    if (err == ST_E_NOT_FOUND && tile->width < ST_TILE_WIDTH) {
        /* It may have become full since: C2SP lets partial ones go. */
        st_tile full = { tile->level, tile->place, ST_TILE_WIDTH };
        st_tile_path(&full, name);
        err = source->read(source->context, name, out, error);
    }
    return err == ST_E_NOT_FOUND ? st_fail(error, ST_E_CORRUPT, "%s: is missing", name) : err;
}

static st_err take_entries(verify_log *log, const st_tile *tile, const st_buffer *bytes,
                           st_error *error)
{
    st_arena arena;
    size_t at = 0;
    st_err err = ST_OK;
    st_arena_init(&arena, ARENA_BYTES);
    for (unsigned i = 0; err == ST_OK && i < tile->width; i++) {
        size_t len = bytes->len - at < 2 ? SIZE_MAX : st_get_u16(bytes->data + at);
        if (len == SIZE_MAX || bytes->len - at - 2 < len) {
            err = st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": it is cut off",
                          log->counts[0] + 1);
            break;
        }
        err = take_leaf(log, bytes->data + at + 2, len, &arena, error);
        at += 2 + len;
        st_arena_reset(&arena);
    }
    return err;
}

/* The published hashes of these leaves: the first that differs is named. */
static st_err compare_leaves(const verify_log *log, const st_tile *tile, const st_buffer *bytes,
                             st_error *error)
{
    uint64_t first = tile->place * ST_TILE_WIDTH;
    for (unsigned i = 0; i < tile->width; i++)
        if (bytes->len < (i + 1) * sizeof(st_hash) ||
            memcmp(bytes->data + i * sizeof(st_hash), log->nodes[0] + first + i, sizeof(st_hash)) !=
                0)
            return st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": it is not what its hash says",
                           first + i + 1);
    return ST_OK;
}

static st_err read_leaves(verify_log *log, const verify_source *source, st_error *error)
{
    uint64_t size = log->now.checkpoint.head.size;
    st_buffer bytes;
    st_err err = ST_OK;
    st_tile tile = { .level = ST_TILE_ENTRIES };
    st_buffer_init(&bytes, TILE_BYTES);
    for (; err == ST_OK; tile.place++) {
        st_tile hashes = tile;
        tile.width = st_tile_width(ST_TILE_ENTRIES, tile.place, size);
        hashes.level = 0;
        hashes.width = tile.width;
        if (tile.width == 0)
            break;
        err = read_tile(source, &tile, &bytes, error);
        if (err == ST_OK)
            err = take_entries(log, &tile, &bytes, error);
        if (err == ST_OK)
            err = read_tile(source, &hashes, &bytes, error);
        if (err == ST_OK)
            err = compare_leaves(log, &hashes, &bytes, error);
    }
    st_buffer_free(&bytes);
    return err;
}

static st_err compare_tiles(verify_log *log, const verify_source *source, st_error *error)
{
    st_buffer theirs, ours;
    st_err err = ST_OK;
    st_buffer_init(&theirs, TILE_BYTES);
    st_buffer_init(&ours, TILE_BYTES);
    for (unsigned level = 1; err == ST_OK && level < ST_TILE_ENTRIES; level++)
        for (st_tile tile = { .level = level }; err == ST_OK; tile.place++) {
            tile.width = st_tile_width(level, tile.place, log->counts[0]);
            if (tile.width == 0)
                break;
            st_buffer_clear(&ours);
            err = read_tile(source, &tile, &theirs, error);
            if (err == ST_OK)
                err = verify_log_tile(log, &tile, &ours, error);
            if (err == ST_OK &&
                (theirs.len < ours.len || memcmp(theirs.data, ours.data, ours.len) != 0))
                err = st_fail(error, ST_E_CORRUPT, "tile %u/%" PRIu64 ": not that of its leaves",
                              level, tile.place);
        }
    st_buffer_free(&ours);
    st_buffer_free(&theirs);
    return err;
}

/* ---- the checkpoint ---- */

static st_err read_checkpoint(verify_log *log, const verify_source *source, st_error *error)
{
    st_buffer_init(&log->note, ST_NOTE_BYTES_MAX);
    st_arena_init(&log->arena, ARENA_BYTES);
    log->last_time_ms = INT64_MIN;
    st_err err = source->read(source->context, "checkpoint", &log->note, error);
    if (err == ST_OK)
        err = verify_in_file(st_checkpoint_open(log->note.data, log->note.len, &log->vkey,
                                                &log->arena, &log->now, error),
                             "checkpoint", error);
    if (err == ST_OK && log->now.checkpoint.head.size > ENTRIES_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "checkpoint: more entries than this program reads");
    return err;
}

static st_err read_devices(verify_log *log, const verify_source *source, st_error *error)
{
    st_buffer bytes;
    st_buffer_init(&bytes, (size_t)16 << 20);
    st_err err = source->read(source->context, "devices", &bytes, error);
    if (err == ST_OK)
        err = verify_devices_read(log, (const char *)bytes.data, bytes.len, error);
    st_buffer_free(&bytes);
    return err;
}

/* Lines of listed devices are good ones. Strict: no line is a stranger's, none is wrong. */
static st_err count_witnesses(verify_log *log, st_error *error)
{
    uint32_t known = 1; /* the log's own */
    for (size_t i = 0; i < log->devices_count; i++) {
        bool is_good = false;
        if (!log->devices[i].has_witness ||
            st_note_by(&log->now.note, &log->devices[i].witness, &is_good, NULL) == NULL)
            continue;
        known++;
        if (!is_good)
            return st_fail(error, ST_E_SIGNATURE, "checkpoint: a device's cosignature is wrong");
    }
    if (log->is_strict && known != log->now.note.lines_count)
        return st_fail(error, ST_E_SIGNATURE, "checkpoint: it bears a signature of nobody listed");
    return ST_OK;
}

st_err verify_log_read(verify_log *log, const verify_source *source, const st_vkey *vkey,
                       st_error *error)
{
    st_err err = verify_keys_read(log, source, vkey, error);
    if (err == ST_OK)
        err = read_checkpoint(log, source, error);
    if (err == ST_OK)
        err = read_devices(log, source, error);
    if (err == ST_OK)
        err = count_witnesses(log, error);
    if (err == ST_OK)
        err = read_leaves(log, source, error);
    if (err == ST_OK)
        err = compare_tiles(log, source, error);
    if (err != ST_OK)
        return err;
    st_hash root;
    st_tree_source tree = verify_log_source(log);
    err = st_tree_hash(&tree, 0, log->counts[0], &root, error);
    if (err == ST_OK && memcmp(root.b, log->now.checkpoint.head.root.b, sizeof root.b) != 0)
        err = st_fail(error, ST_E_CORRUPT, "checkpoint: its root is not that of the entries");
    if (err == ST_OK)
        err = verify_keys_end(log, error);
    if (err == ST_OK)
        err = verify_witnesses(log, source, error);
    if (err == ST_OK)
        err = verify_chains(log, error);
    if (err == ST_OK)
        err = verify_given_read(log, source, error);
    log->was_read = err == ST_OK;
    return err == ST_OK && log->doubts_count > 0 ? verify_say_doubt(log, 0, error) : err;
}

/* Of the restores since a checkpoint of this epoch the one that leaves least of it; NULL: none. The
 * first entry of a restore begins the second epoch. */
static const verify_cut *put_back_since(const verify_log *log, const st_checkpoint *then)
{
    const verify_cut *lowest = NULL;
    uint64_t epoch = st_origin_epoch(then->origin);
    for (uint64_t i = epoch == 0 ? 0 : epoch - 1; i < log->cuts_count; i++)
        if (lowest == NULL || log->cuts[i].size < lowest->size)
            lowest = &log->cuts[i];
    return lowest;
}

static bool has_head(const verify_log *log, const st_tree_head *head)
{
    st_hash root;
    st_tree_source source = verify_log_source(log);
    return head->size <= log->counts[0] &&
           st_tree_hash(&source, 0, head->size, &root, NULL) == ST_OK &&
           memcmp(root.b, head->root.b, sizeof root.b) == 0;
}

const verify_cut *verify_log_cut(const verify_log *log, const st_checkpoint *then,
                                 bool *out_is_this)
{
    *out_is_this = has_head(log, &then->head);
    return put_back_since(log, then);
}

static st_err check_older(const verify_log *log, const st_checkpoint *old, st_error *error)
{
    const verify_cut *cut = put_back_since(log, old);
    uint64_t size = old->head.size, put_back = cut == NULL ? 0 : cut->place + 1;
    if (has_head(log, &old->head))
        return ST_OK;
    if (cut != NULL && cut->size < size)
        return st_fail(error, ST_E_CORRUPT,
                       "the book was put back, says entry %" PRIu64 ": of the older checkpoint's "
                       "%" PRIu64 " entries those from %" PRIu64 " on are gone or came again; one "
                       "of at most %" PRIu64 " tells more",
                       put_back, size, cut->size + 1, cut->size);
    if (size > log->counts[0])
        return st_fail(error, ST_E_CORRUPT,
                       "the older checkpoint has %" PRIu64 " entries, and here are %" PRIu64
                       ": the log was cut off or put back",
                       size, log->counts[0]);
    if (cut != NULL && !cut->has_root)
        return st_fail(error, ST_E_CORRUPT,
                       "the first %" PRIu64 " entries are not those of the older checkpoint: two "
                       "logs under one name, or one written on before the restore of entry "
                       "%" PRIu64,
                       size, put_back);
    return st_fail(error, ST_E_CORRUPT,
                   "the first %" PRIu64 " entries are not those of the older checkpoint: two "
                   "logs under one name",
                   size);
}

st_err verify_log_continues(const verify_log *log, const void *note, size_t len,
                            uint64_t *out_size, st_error *error)
{
    st_opened old;
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = verify_keys_open(log, note, len, &arena, &old, error);
    if (err == ST_OK)
        err = check_older(log, &old.checkpoint, error);
    if (err == ST_OK && out_size != NULL)
        *out_size = old.checkpoint.head.size;
    st_arena_reset(&arena);
    return err;
}

uint64_t verify_log_code(const verify_log *log, const st_paper *paper)
{
    st_tree_source source = verify_log_source(log);
    for (uint64_t size = log->counts[0]; size > 0; size--) {
        st_hash root;
        if (st_tree_hash(&source, 0, size, &root, NULL) != ST_OK)
            return 0;
        if (st_paper_is(paper, &root))
            return size;
    }
    return 0;
}

void verify_log_free(verify_log *log)
{
    for (size_t i = 0; i < ST_TREE_LEVELS; i++)
        free(log->nodes[i]);
    free(log->devices);
    free(log->links);
    free(log->seens);
    free(log->doubts);
    free(log->gones);
    free(log->cuts);
    free(log->givens);
    st_buffer_free(&log->note);
    st_arena_reset(&log->arena);
    memset(log, 0, sizeof *log);
}

/* Is it the id of a key of the log, as far as they are known, under this name? */
static bool knows_key(const verify_log *log, const char *origin, uint32_t key_id)
{
    st_vkey vkey = log->vkey;
    memcpy(vkey.name, origin, sizeof vkey.name);
    bool is_known = st_vkey_id(&vkey) == key_id;
    for (uint32_t n = 0; log->has_keys && !is_known && n < log->keys.count; n++) {
        memcpy(vkey.key, st_log_keys_at(&log->keys, n), sizeof vkey.key);
        is_known = st_vkey_id(&vkey) == key_id;
    }
    return is_known;
}

/* A receipt of after a change of the log's key is of the same log and signed by another key. */
static st_err say_other_key(const verify_log *log, const st_proof_file *proof, st_arena *arena,
                            st_error *error)
{
    st_note note;
    st_checkpoint checkpoint;
    if (st_note_decode(proof->checkpoint, proof->checkpoint_len, arena, &note, NULL) != ST_OK ||
        st_checkpoint_decode(&note, &checkpoint, NULL) != ST_OK || note.lines_count == 0 ||
        !st_origin_is_same_log(checkpoint.origin, log->vkey.name) ||
        knows_key(log, checkpoint.origin, note.lines[0].key_id))
        return ST_E_SIGNATURE;
    if (log->has_keys || log->was_read)
        return st_fail(error, ST_E_SIGNATURE,
                       "checkpoint: signed by the key %08" PRIx32 ", which this export does not "
                       "list: it is older than the receipt, or the receipt is false",
                       note.lines[0].key_id);
    return st_fail(error, ST_E_SIGNATURE,
                   "checkpoint: this key did not sign it, but one with the id %08" PRIx32
                   "; if the log was given another key, name an export too, or take the vkey of "
                   "one of then",
                   note.lines[0].key_id);
}

/* The entry that has the same set of the same device as this leaf; 0: none. */
static uint64_t set_again(const verify_log *log, const verify_receipt *receipt)
{
    st_leaf leaf;
    st_arena arena;
    uint64_t entry = 0;
    st_arena_init(&arena, ARENA_BYTES);
    bool is_set = st_leaf_decode(receipt->leaf, receipt->leaf_len, &arena, &leaf, NULL) == ST_OK &&
                  leaf.has_commit;
    for (size_t i = 0; is_set && entry == 0 && i < log->links_count; i++) {
        const verify_link *link = &log->links[i];
        if (!link->is_gap && st_id_cmp(&log->devices[link->device].id, &leaf.device) == 0 &&
            memcmp(link->hash.b, leaf.commit.b, sizeof link->hash.b) == 0)
            entry = link->place + 1;
    }
    st_arena_reset(&arena);
    return entry;
}

/* The log that was read has this entry too, and begins with the log that the receipt speaks of. A
 * receipt may be younger than an export: of what came since nothing is known then. */
static st_err check_receipt(const verify_log *log, const verify_receipt *receipt,
                            const st_checkpoint *then, verify_held *held, st_error *error)
{
    const uint64_t place = held->was - 1;
    const verify_cut *cut = put_back_since(log, then);
    st_hash leaf = st_leaf_hash(receipt->leaf, receipt->leaf_len);
    bool has = place < log->counts[0] &&
               memcmp(log->nodes[0][place].b, leaf.b, sizeof leaf.b) == 0;
    bool is_other = cut != NULL && cut->size < then->head.size && !has_head(log, &then->head);
    if (is_other && (has || cut->size < held->was)) {
        held->put_back = cut->place + 1;
        held->entry = has ? held->was : set_again(log, receipt);
    }
    if (held->put_back > 0 && held->entry > 0)
        return ST_OK;
    if (held->put_back > 0)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": gone since the book was put back, of which entry "
                       "%" PRIu64 " speaks",
                       held->was, held->put_back);
    if (place >= log->counts[0])
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": here are %" PRIu64
                       " entries: this log is older than the receipt, or was cut off or put back",
                       place + 1, log->counts[0]);
    if (!has)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": this log has another one there: two logs under one name",
                       place + 1);
    return then->head.size <= log->counts[0] ? check_older(log, then, error) : ST_OK;
}

st_err verify_proof(const verify_log *log, const verify_receipt *receipt, verify_held *out_held,
                    st_error *error)
{
    st_proof_file proof;
    st_opened opened;
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_proof_file_decode(receipt->file, receipt->file_len, &proof, error);
    if (err == ST_OK)
        err = verify_keys_open(log, proof.checkpoint, proof.checkpoint_len, &arena, &opened, error);
    if (err == ST_E_SIGNATURE)
        err = say_other_key(log, &proof, &arena, error);
    st_hash hash = st_leaf_hash(receipt->leaf, receipt->leaf_len);
    if (err == ST_OK &&
        !st_inclusion_holds(&hash, proof.place, &proof.proof, &opened.checkpoint.head))
        err = st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": this is not what the log has there",
                      proof.place + 1);
    verify_held held = { .entry = 0 };
    if (err == ST_OK)
        held = (verify_held){ proof.place + 1, proof.place + 1, opened.checkpoint.head.size, 0 };
    if (err == ST_OK && log->was_read)
        err = check_receipt(log, receipt, &opened.checkpoint, &held, error);
    if (err == ST_OK)
        *out_held = held;
    st_arena_reset(&arena);
    return err;
}
