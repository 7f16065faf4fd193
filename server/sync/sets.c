/* server/sync/sets.c - the chains of devices.
 * Promises: a set is stored once; of two branches the first stored one counts and the other is a
 * fork, whichever counters it uses; a gap never stops anything. Must never compare clocks. */
#include "server/sync/sets.h"

#include <string.h>

#include "proto/merge.h"
#include "server/store/pack.h"

#define VECTOR_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of one bucket, decoded */
#define COUNTER_MAX      ((uint64_t)INT64_MAX)

typedef struct {
    uint64_t first, last, index;
    st_hash hash, prev;
    bool has_prev;
} known_set;

static pack_key set_key(const st_id *device, uint64_t first)
{
    pack_key key = pack_id(device);
    pack_key_u64(&key, first);
    return key;
}

static st_err decode_set(const store_cursor *cursor, known_set *out, st_error *error)
{
    if (cursor->key.len != 24)
        return st_fail(error, ST_E_CORRUPT, "store: a key of sets is damaged");
    pack_reader reader = pack_read(cursor->value);
    out->first = st_get_u64((const uint8_t *)cursor->key.data + 16);
    out->index = pack_get_u64(&reader);
    out->last = pack_get_u64(&reader);
    pack_get(&reader, out->hash.b, sizeof out->hash.b);
    out->has_prev = pack_get_u8(&reader) != 0;
    pack_get(&reader, out->prev.b, sizeof out->prev.b);
    return pack_end(&reader, "sets", error);
}

/* The neighbours of a counter: the known sets that begin at or before it, and after it. */
static st_err neighbours(store_txn *txn, const st_id *device, uint64_t counter, known_set *left,
                         known_set *right, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key key = set_key(device, counter + 1);
    store_slice prefix = store_bytes(device->b, sizeof device->b);
    memset(left, 0, sizeof *left);
    memset(right, 0, sizeof *right);
    st_err err = store_cursor_open(txn, STORE_SETS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&key), error);
    if (err == ST_OK && store_has_prefix(&cursor, prefix))
        err = decode_set(&cursor, right, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, pack_key_slice(&key), error);
    if (err == ST_OK && store_has_prefix(&cursor, prefix))
        err = decode_set(&cursor, left, error);
    store_cursor_close(&cursor);
    return err;
}

static bool same_hash(const st_hash *a, const st_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* A set of a newer format shows its first counter only. */
static uint64_t last_of(const st_set *set)
{
    return set->changes_count == 0 ? set->first : st_set_last(set);
}

/* Does the set fit between its neighbours? (first 0: there is none) */
static bool fits(const st_set *set, const known_set *left, const known_set *right)
{
    if (left->first != 0 && left->last >= set->first)
        return false;
    if (right->first != 0 && right->first <= last_of(set))
        return false;
    if (set->changes_count == 0)
        return true;
    if (left->first != 0 && left->last + 1 == set->first
        && !(set->has_prev && same_hash(&set->prev, &left->hash)))
        return false;
    return right->first == 0 || right->first != last_of(set) + 1
           || (right->has_prev && same_hash(&right->prev, &set->hash));
}

/* The entry of a fork with this hash; ST_E_NOT_FOUND: none. */
static st_err fork_get(store_txn *txn, const st_id *device, const st_hash *hash,
                       uint64_t *out_index, st_error *error)
{
    store_slice row = { 0 };
    pack_key key = pack_id(device);
    pack_key_hash(&key, hash);
    st_err err = store_get(txn, STORE_FORKS, pack_key_slice(&key), &row, error);
    if (err == ST_OK && row.len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: a row of forks is damaged");
    if (err == ST_OK)
        *out_index = st_get_u64(row.data);
    return err;
}

static bool has_any(const st_vector *vector, const st_set *set)
{
    for (uint32_t i = 0; i < set->changes_count; i++)
        if (st_vector_has(vector, &set->changes[i].dot))
            return true;
    return false;
}

/* A later set of the device says which change came before it in its bucket. One that arrives now
 * and lies behind that is of a branch in which there was another one; folding would pass over it.
 */
static st_err is_denied(store_txn *txn, const st_set *set, bool *out_denied, st_error *error)
{
    st_vector vector;
    st_arena arena;
    store_slice bytes = { 0 };
    pack_key key = pack_text(set->bucket.s);
    *out_denied = false;
    st_err err = store_get(txn, STORE_VECTOR, pack_key_slice(&key), &bytes, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    st_arena_init(&arena, VECTOR_BYTES_MAX);
    err = st_vector_decode(bytes.data, bytes.len, &arena, &vector, error);
    if (err == ST_OK)
        *out_denied = has_any(&vector, set);
    st_arena_reset(&arena);
    return err;
}

st_err sets_look(store_txn *txn, const st_set *set, sets_kind *out_kind, uint64_t *out_index,
                 st_error *error)
{
    bool denied = false;
    known_set left, right;
    uint64_t before = 0;
    st_err err = neighbours(txn, &set->device, set->first, &left, &right, error);
    if (err != ST_OK)
        return err;
    if (left.first == set->first && same_hash(&left.hash, &set->hash)) {
        *out_kind = SETS_DUPLICATE;
        *out_index = left.index;
        return ST_OK;
    }
    err = fork_get(txn, &set->device, &set->hash, out_index, error);
    if (err == ST_OK) {
        *out_kind = SETS_DUPLICATE;
        return ST_OK;
    }
    /* What goes on from a fork is of that branch too, whichever counters it uses. */
    if (err == ST_E_NOT_FOUND)
        err = set->has_prev ? fork_get(txn, &set->device, &set->prev, &before, error)
                            : ST_E_NOT_FOUND;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out_kind = err == ST_E_NOT_FOUND && fits(set, &left, &right) ? SETS_NEW : SETS_FORK;
    err = ST_OK;
    if (*out_kind == SETS_NEW && right.first != 0 && set->changes_count > 0)
        err = is_denied(txn, set, &denied, error);
    if (denied)
        *out_kind = SETS_FORK;
    return err;
}

st_err sets_head_get(store_txn *txn, const st_id *device, sets_head *out_head, st_error *error)
{
    sets_head head;
    memset(&head, 0, sizeof head);
    pack_key key = pack_id(device);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_HEAD, pack_key_slice(&key), &row, error);
    if (err == ST_OK) {
        pack_reader reader = pack_read(row);
        head.known = pack_get_u64(&reader);
        head.last = pack_get_u64(&reader);
        pack_get(&reader, head.last_hash.b, sizeof head.last_hash.b);
        err = pack_end(&reader, "head", error);
    }
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out_head = head;
    return ST_OK;
}

static st_err head_put(store_txn *txn, const st_id *device, const sets_head *head, st_error *error)
{
    uint8_t row[48];
    pack_key key = pack_id(device);
    st_put_u64(row, head->known);
    st_put_u64(row + 8, head->last);
    memcpy(row + 16, head->last_hash.b, 32);
    return store_put(txn, STORE_HEAD, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

/* Takes the end of a row of sets (where its index stands before it) or of gaps that begins behind
 * `*known`. One that ends before it begins, or where no counter is, is damaged: who believed it
 * would walk in a circle. */
static st_err take_end(store_slice row, bool is_set, uint64_t *known, st_error *error)
{
    size_t at = is_set ? 8 : 0;
    uint64_t last = row.len >= at + 8 ? st_get_u64((const uint8_t *)row.data + at) : 0;
    if (last <= *known || last > COUNTER_MAX)
        return st_fail(error, ST_E_CORRUPT, "store: a row of %s is damaged",
                       is_set ? "sets" : "gaps");
    *known = last;
    return ST_OK;
}

/* Moves head->known over all that follows it without a hole. */
static st_err advance(store_txn *txn, const st_id *device, sets_head *head, st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK) {
        pack_key key = set_key(device, head->known + 1);
        store_slice row = { 0 };
        err = store_get(txn, STORE_SETS, pack_key_slice(&key), &row, error);
        bool is_set = err == ST_OK;
        if (err == ST_E_NOT_FOUND)
            err = store_get(txn, STORE_GAPS, pack_key_slice(&key), &row, error);
        if (err == ST_OK)
            err = take_end(row, is_set, &head->known, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err set_put(store_txn *txn, const st_id *device, const known_set *set, st_error *error)
{
    uint8_t row[81];
    pack_key key = set_key(device, set->first);
    st_put_u64(row, set->index);
    st_put_u64(row + 8, set->last);
    memcpy(row + 16, set->hash.b, 32);
    row[48] = set->has_prev ? 1 : 0;
    memcpy(row + 49, set->prev.b, 32);
    return store_put(txn, STORE_SETS, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

/* A set that cannot be read does not say where it ends; the chain of the next one does. */
static bool is_next(const known_set *unread, const known_set *next)
{
    return unread->first != 0 && !unread->has_prev && unread->last + 1 < next->first
           && next->has_prev && same_hash(&unread->hash, &next->prev);
}

st_err sets_add(store_txn *txn, const st_set *set, uint64_t index, st_error *error)
{
    sets_head head;
    known_set left, right, own = { .first = set->first, .last = last_of(set), .index = index,
                                   .hash = set->hash, .has_prev = set->has_prev };
    if (set->has_prev)
        own.prev = set->prev;
    st_err err = neighbours(txn, &set->device, set->first, &left, &right, error);
    const uint64_t left_last = left.last;
    if (err == ST_OK && is_next(&left, &own)) {
        left.last = own.first - 1;
        err = set_put(txn, &set->device, &left, error);
    }
    if (err == ST_OK && set->changes_count == 0 && is_next(&own, &right))
        own.last = right.first - 1;
    if (err == ST_OK)
        err = set_put(txn, &set->device, &own, error);
    if (err == ST_OK)
        err = sets_head_get(txn, &set->device, &head, error);
    if (err != ST_OK)
        return err;
    if (head.known == left_last && left.first != 0)
        head.known = left.last;
    if (own.last > head.last) {
        head.last = own.last;
        head.last_hash = own.hash;
    }
    err = advance(txn, &set->device, &head, error);
    return err == ST_OK ? head_put(txn, &set->device, &head, error) : err;
}

st_err sets_add_fork(store_txn *txn, const st_set *set, uint64_t index, st_error *error)
{
    uint8_t row[8];
    pack_key key = pack_id(&set->device);
    pack_key_hash(&key, &set->hash);
    st_put_u64(row, index);
    return store_put(txn, STORE_FORKS, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

st_err sets_add_gap(store_txn *txn, const st_id *device, const st_gone *gone, bool *out_added,
                    st_error *error)
{
    known_set left, right;
    sets_head head;
    uint8_t row[8];
    store_slice old = { 0 };
    *out_added = false;
    if (gone->from == 0 || gone->to < gone->from || gone->to > COUNTER_MAX)
        return ST_OK;
    st_err err = neighbours(txn, device, gone->from, &left, &right, error);
    if (err != ST_OK)
        return err;
    bool here = (left.first != 0 && left.last >= gone->from)
                || (right.first != 0 && right.first <= gone->to);
    pack_key key = set_key(device, gone->from);
    err = store_get(txn, STORE_GAPS, pack_key_slice(&key), &old, error);
    if (err == ST_OK || here || right.first == 0)
        return ST_OK;                          /* known, not gone, or nothing came after it */
    if (err != ST_E_NOT_FOUND)
        return err;
    st_put_u64(row, gone->to);
    err = store_put(txn, STORE_GAPS, pack_key_slice(&key), store_bytes(row, sizeof row), error);
    if (err == ST_OK)
        err = sets_head_get(txn, device, &head, error);
    if (err == ST_OK)
        err = advance(txn, device, &head, error);
    if (err == ST_OK)
        err = head_put(txn, device, &head, error);
    *out_added = err == ST_OK;
    return err;
}

st_err sets_find(store_txn *txn, const st_dot *dot, uint64_t *out_index, st_error *error)
{
    known_set left, right;
    st_err err = neighbours(txn, &dot->device, dot->counter, &left, &right, error);
    if (err != ST_OK)
        return err;
    if (left.first == 0 || left.last < dot->counter)
        return ST_E_NOT_FOUND;
    *out_index = left.index;
    return ST_OK;
}

st_err sets_find_fork(store_txn *txn, const st_id *device, const st_hash *hash,
                      uint64_t *out_index, st_error *error)
{
    return fork_get(txn, device, hash, out_index, error);
}

st_err sets_each_fork(store_txn *txn, bool (*each)(void *context, uint64_t index), void *context,
                      st_error *error)
{
    store_cursor cursor = { 0 };
    bool more = true;
    st_err err = store_cursor_open(txn, STORE_FORKS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && more && cursor.is_valid) {
        if (cursor.value.len != 8)
            err = st_fail(error, ST_E_CORRUPT, "store: a row of forks is damaged");
        else
            more = each(context, st_get_u64(cursor.value.data));
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* ---- gaps, for people ---- */

st_err sets_run_each(store_txn *txn, const st_id *device, const st_gone *span,
                     bool (*each)(void *context, const sets_run *run), void *context,
                     st_error *error)
{
    bool more = true;
    st_err err = span->to <= COUNTER_MAX
                     ? ST_OK
                     : st_fail(error, ST_E_CORRUPT, "store: a row of gaps is damaged");
    for (uint64_t at = span->from; err == ST_OK && more && at <= span->to;) {
        known_set left, right;
        err = neighbours(txn, device, at, &left, &right, error);
        bool is_here = left.first != 0 && left.last >= at;
        uint64_t to = is_here ? left.last : right.first != 0 ? right.first - 1 : span->to;
        const sets_run run = { at, to < span->to ? to : span->to, is_here ? left.index : 0 };
        more = err == ST_OK && each(context, &run);
        at = run.to + 1;
    }
    return err;
}

typedef struct {
    bool (*each)(void *context, const sets_gap *gap);
    void *context;
    bool more;
} gone_walk;

static bool gone_run(void *context, const sets_run *run)
{
    gone_walk *walk = context;
    const sets_gap gap = { run->from, run->to, true, 0 };
    if (run->index == 0)
        walk->more = walk->each(walk->context, &gap);
    return walk->more;
}

/* What came after all is left out; a second row may say again what is left of the first. */
static st_err gone_each(store_txn *txn, const st_id *device, gone_walk *walk, st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t said = 0;
    store_slice prefix = store_bytes(device->b, sizeof device->b);
    st_err err = store_cursor_open(txn, STORE_GAPS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && walk->more && store_has_prefix(&cursor, prefix)) {
        if (cursor.key.len != 24 || cursor.value.len != 8) {
            err = st_fail(error, ST_E_CORRUPT, "store: a row of gaps is damaged");
            break;
        }
        st_gone span = { st_get_u64((const uint8_t *)cursor.key.data + 16),
                         st_get_u64(cursor.value.data) };
        if (span.from <= said)
            span.from = said + 1;
        err = sets_run_each(txn, device, &span, gone_run, walk, error);
        said = span.to > said ? span.to : said;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* Where the known part that begins at `from` ends: a gap that is gone, or a set; from - 1 when
 * nothing begins there. */
static st_err known_to(store_txn *txn, const st_id *device, uint64_t from, uint64_t *out_to,
                       st_error *error)
{
    store_slice row = { 0 };
    pack_key key = set_key(device, from);
    *out_to = from - 1;
    st_err err = store_get(txn, STORE_GAPS, pack_key_slice(&key), &row, error);
    bool is_set = err == ST_E_NOT_FOUND;
    if (is_set)
        err = store_get(txn, STORE_SETS, pack_key_slice(&key), &row, error);
    if (err == ST_OK)
        err = take_end(row, is_set, out_to, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err sets_gap_each(store_txn *txn, const st_id *device,
                     bool (*each)(void *context, const sets_gap *gap), void *context,
                     st_error *error)
{
    sets_head head;
    gone_walk walk = { each, context, true };
    st_err err = sets_head_get(txn, device, &head, error);
    if (err == ST_OK)
        err = gone_each(txn, device, &walk, error);
    for (uint64_t at = head.known + 1; err == ST_OK && walk.more && at <= head.last;) {
        known_set left, right;
        uint64_t to = 0;
        err = known_to(txn, device, at, &to, error);
        if (err == ST_OK && to >= at) {
            at = to + 1;
            continue;
        }
        if (err == ST_OK)
            err = neighbours(txn, device, at, &left, &right, error);
        if (err != ST_OK || right.first <= at)
            break;
        const sets_gap gap = { at, right.first - 1, false, right.index };
        walk.more = each(context, &gap);
        at = right.first;
    }
    return err;
}
