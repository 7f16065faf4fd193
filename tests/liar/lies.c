/* tests/liar/lies.c - the shipped server with an owner who lies: the linker sends the signing of
 * the log, the list of devices and each new row of the log through here. SOTAY_LIE="WORD N" names
 * the lie; it is told once, with the next entry that is written, and from then on the log is signed
 * as it became. The owner holds every key of the server; what he does not have are the keys of the
 * phones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "proto/hash.h"
#include "server/audit/leaf.h"
#include "server/audit/sign.h"
#include "server/audit/tree.h"
#include "server/auth/auth.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"

#define LEAVES_MAX  4000u
#define ARENA_BYTES (64u << 20)

st_err __wrap_audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                         st_error *error);
st_err __real_auth_device_each(store_txn *txn, bool (*each)(void *, const auth_device *),
                               void *context, st_error *error);
st_err __wrap_auth_device_each(store_txn *txn, bool (*each)(void *, const auth_device *),
                               void *context, st_error *error);

st_err __real_sync_log_append(writer_turn *turn, sync_row *row, const st_set *set,
                              st_error *error);
st_err __wrap_sync_log_append(writer_turn *turn, sync_row *row, const st_set *set,
                              st_error *error);

st_err __wrap_audit_is_forsaken(store_txn *txn, const sync_room *room, const st_ask *ask,
                                bool *out_forsaken, st_error *error);

const uint8_t *__real_auth_log_secret(const auth_keys *keys, const uint8_t public_key[32]);
const uint8_t *__wrap_auth_log_secret(const auth_keys *keys, const uint8_t public_key[32]);

typedef struct {
    st_arena arena;
    st_leaf *leaves;
    size_t count;
    const sync_room *room;
} book;

/* The words of SOTAY_LIE; an empty word: none is told. N counts entries from 1. */
typedef struct {
    char word[16], what[40];
    size_t n;
} lie;

static lie read_lie(void)
{
    lie told = { .word = "" };
    const char *text = getenv("SOTAY_LIE");
    if (text != NULL && sscanf(text, "%15s %39s", told.word, told.what) < 1)
        told.word[0] = '\0';
    told.n = strtoul(told.what, NULL, 10);
    return told;
}

/* ---- the leaves as they are, and as he wants them ---- */

static st_err read_leaf(book *b, store_slice row, st_error *error)
{
    if (b->count == LEAVES_MAX || row.len <= 32)
        return st_fail(error, ST_E_CORRUPT, "liar: a leaf too many, or none");
    size_t len = row.len - 32;
    const uint8_t *text = st_arena_copy(&b->arena, (const uint8_t *)row.data + 32, len);
    if (text == NULL)
        return st_fail(error, ST_E_MEMORY, "liar: no memory");
    return st_leaf_decode(text, len, &b->arena, &b->leaves[b->count++], error);
}

static st_err read_book(book *b, store_txn *txn, st_error *error)
{
    store_cursor cursor = { 0 };
    b->leaves = st_arena_array(&b->arena, LEAVES_MAX, sizeof *b->leaves);
    if (b->leaves == NULL)
        return st_fail(error, ST_E_MEMORY, "liar: no memory");
    st_err err = store_cursor_open(txn, STORE_LEAF, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = read_leaf(b, cursor.value, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static void take_out(book *b, size_t at)
{
    b->count--;
    memmove(&b->leaves[at], &b->leaves[at + 1], (b->count - at) * sizeof b->leaves[0]);
}

/* The newest entry goes to where the one at `at` was, and bears its time. */
static void put_in_the_past(book *b, size_t at)
{
    st_leaf newest = b->leaves[b->count - 1];
    newest.time_ms = b->leaves[at].time_ms;
    memmove(&b->leaves[at + 1], &b->leaves[at], (b->count - 1 - at) * sizeof newest);
    b->leaves[at] = newest;
}

/* The next set of the phone that wrote entry `at`, which the phone knows nothing of. */
static void invent(book *b, size_t at)
{
    st_leaf made = b->leaves[at];
    uint8_t text[ST_SET_SIGN_BYTES];
    if (b->count == LEAVES_MAX)
        return;
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->leaves[i].verdict, "stored") == 0 &&
            st_id_cmp(&b->leaves[i].device, &made.device) == 0)
            made = b->leaves[i];
    made.has_prev = true;
    made.prev = made.commit;
    made.first = made.last = made.last + 1;
    made.time_ms = b->leaves[b->count - 1].time_ms;
    made.commit = st_sha256("what he likes", 13);
    st_set_sign_text(&b->room->keys->log, &made.device, &made.commit, text);
    st_sign(b->room->keys->device_secret, text, sizeof text, made.dsig);
    b->leaves[b->count++] = made;
}

/* An entry that the log acknowledged, as if its phone had said that it has it no more. */
static void call_it_gone(st_leaf *leaf)
{
    const st_leaf was = *leaf;
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_GAP;
    leaf->time_ms = was.time_ms;
    leaf->device = was.device;
    leaf->first = was.first;
    leaf->last = was.last;
    leaf->verdict = "-";
}

static void tell(book *b, const lie *told)
{
    size_t at = told->n - 1;
    if (told->n == 0 || at >= b->count)
        return;
    if (strcmp(told->word, "truncate") == 0)
        b->count = told->n;
    else if (strcmp(told->word, "fork") == 0 || strcmp(told->word, "boast") == 0)
        b->leaves[at].actor.b[0] ^= 1;
    else if (strcmp(told->word, "backdate") == 0)
        b->leaves[b->count - 1].time_ms = b->leaves[at].time_ms;
    else if (strcmp(told->word, "insert") == 0)
        put_in_the_past(b, at);
    else if (strcmp(told->word, "drop") == 0)
        take_out(b, at);
    else if (strcmp(told->word, "blind") == 0)
        b->leaves[at].seen_size = 0;
    else if (strcmp(told->word, "gone") == 0)
        call_it_gone(&b->leaves[at]);
    else if (strcmp(told->word, "swap") == 0)
        b->leaves[at].commit.b[0] ^= 1;
    else if (strcmp(told->word, "invent") == 0)
        invent(b, at);
}

/* An entry `epoch` has the root of the log that it goes on from: he writes that of his own. */
static st_err fit_epochs(book *b, st_error *error)
{
    st_tree_edge edge = { .size = 0 };
    st_buffer bytes;
    st_err err = ST_OK;
    st_buffer_init(&bytes, ST_LEAF_BYTES_MAX);
    for (size_t i = 0; err == ST_OK && i < b->count; i++) {
        st_leaf *leaf = &b->leaves[i];
        if (leaf->kind == ST_ENTRY_EPOCH && leaf->seen_size == edge.size)
            leaf->seen_root = st_tree_root(&edge);
        st_buffer_clear(&bytes);
        err = st_leaf_encode(leaf, &bytes, error);
        st_hash hash = st_leaf_hash(bytes.data, bytes.len);
        (void)st_tree_add(&edge, &hash);
    }
    st_buffer_free(&bytes);
    return err;
}

/* What phones confirmed of the log as it was speaks against him; only who boasts keeps it. */
static st_err hide_confirmations(store_txn *txn, const lie *told, st_error *error)
{
    return strcmp(told->word, "boast") == 0 ? ST_OK : store_clear(txn, STORE_WITNESS, error);
}

/* ---- signed again, from the first leaf on ---- */

static st_err write_leaves(const book *b, store_txn *txn, st_error *error)
{
    st_err err = store_clear(txn, STORE_LEAF, error);
    for (size_t i = 0; err == ST_OK && i < b->count; i++)
        err = audit_leaf_append(txn, i + 1, &b->leaves[i], error);
    return err == ST_OK ? store_clear(txn, STORE_TREE, error) : err;
}

static st_err sign_again(const book *b, store_txn *txn, st_error *error)
{
    st_tree_edge edge = { .size = 0 };
    st_checkpoint checkpoint;
    st_vkey vkey;
    st_buffer note;
    const uint8_t *secret = NULL;
    memset(&checkpoint, 0, sizeof checkpoint);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = audit_tree_grow(txn, &edge, b->count, error);
    if (err == ST_OK)
        err = audit_vkey(txn, b->room, &vkey, error);
    if (err == ST_OK)
        err = sync_log_secret(txn, b->room, &secret, error);
    if (err == ST_OK) {
        memcpy(checkpoint.origin, vkey.name, sizeof checkpoint.origin);
        checkpoint.head = (st_tree_head){ b->count, st_tree_root(&edge) };
        err = st_checkpoint_sign(&checkpoint, secret, &note, error);
    }
    if (err == ST_OK)
        err = store_put(txn, STORE_META, store_text("audit_note"), store_bytes(note.data, note.len),
                        error);
    st_buffer_free(&note);
    return err;
}

static bool was_told(store_txn *txn)
{
    store_slice row = { 0 };
    return store_get(txn, STORE_META, store_text("lie"), &row, NULL) == ST_OK;
}

st_err __wrap_audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                         st_error *error)
{
    lie told = read_lie();
    book b = { .room = room };
    if (size == before)
        return ST_OK;
    st_arena_init(&b.arena, ARENA_BYTES);
    st_err err = read_book(&b, txn, error);
    if (err == ST_OK && !was_told(txn)) {
        tell(&b, &told);
        err = fit_epochs(&b, error);
    }
    if (err == ST_OK && !was_told(txn)) {
        err = store_put(txn, STORE_META, store_text("lie"), store_text(told.word), error);
        if (err == ST_OK && told.word[0] != '\0')
            err = hide_confirmations(txn, &told, error);
    }
    if (err == ST_OK)
        err = write_leaves(&b, txn, error);
    if (err == ST_OK)
        err = sign_again(&b, txn, error);
    st_arena_reset(&b.arena);
    return err;
}

/* ---- a phone that nobody is to know of ---- */

typedef struct {
    bool (*each)(void *context, const auth_device *device);
    void *context;
    st_id hidden;
} others;

static bool but_one(void *context, const auth_device *device)
{
    others *o = context;
    return st_id_cmp(&device->id, &o->hidden) == 0 || o->each(o->context, device);
}

st_err __wrap_auth_device_each(store_txn *txn, bool (*each)(void *, const auth_device *),
                               void *context, st_error *error)
{
    lie told = read_lie();
    others o = { .each = each, .context = context };
    if (strcmp(told.word, "omit") == 0 && st_id_parse(told.what, &o.hidden))
        return __real_auth_device_each(txn, but_one, &o, error);
    return __real_auth_device_each(txn, each, context, error);
}

/* ---- another key, without the one before ---- */

/* "rekey": once a new key is made, he has no other: it signs in the name of the old one too. */
const uint8_t *__wrap_auth_log_secret(const auth_keys *keys, const uint8_t public_key[32])
{
    lie told = read_lie();
    unsigned made = keys->later_count;
    return strcmp(told.word, "rekey") == 0 && made > 0
               ? keys->later[made - 1].secret
               : __real_auth_log_secret(keys, public_key);
}

/* ---- what a phone holds against it ---- */

/* An honest server that is shown what its own key signed beyond its log ends. This owner has his go
 * on as if nothing had been said. */
st_err __wrap_audit_is_forsaken(store_txn *txn, const sync_room *room, const st_ask *ask,
                                bool *out_forsaken, st_error *error)
{
    (void)txn;
    (void)room;
    (void)ask;
    (void)error;
    *out_forsaken = false;
    return ST_OK;
}

/* ---- another text than the phone wrote ---- */

/* "forge": each set of a phone is kept, and given to the others, with its last byte turned. */
st_err __wrap_sync_log_append(writer_turn *turn, sync_row *row, const st_set *set, st_error *error)
{
    lie told = read_lie();
    bool is_phones = set != NULL && set->via == ST_VIA_DEVICE && row->set.len > 0;
    if (strcmp(told.word, "forge") != 0 || !is_phones)
        return __real_sync_log_append(turn, row, set, error);
    uint8_t *bytes = st_arena_copy(turn->arena, row->set.data, row->set.len);
    if (bytes == NULL)
        return st_fail(error, ST_E_MEMORY, "liar: no memory");
    bytes[row->set.len - 1] ^= 1;
    row->set.data = bytes;
    return __real_sync_log_append(turn, row, set, error);
}
