/* tests/sim/disk.c - see disk.h. Promises the contract of server/store/store.h, conformance suite
 * tests/unit/server/test_store.c; with the same calls the same happens.
 * The one variable of this file is the disk that is attached: store_open knows only a path. */
#include "tests/sim/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)

struct disk_chunk {
    disk_chunk *next;
    size_t bytes;
    uint8_t data[];
};

enum { HEALTH_GOOD, HEALTH_FULL, HEALTH_BROKEN };

struct store {
    sim_disk *disk; /* NULL: a scratch store that nobody opens again */
    disk_heap *heap;
    disk_image now; /* as committed, seen by this process */
    int health;
    bool is_map_full;
    uint64_t versions;
};

typedef struct {
    disk_image image;
    uint64_t version;
    uint64_t changes; /* puts and deletes so far: a cursor's place may have moved */
} disk_txn;

typedef struct {
    disk_txn *txn;
    store_table table;
    uint32_t leaf, row;
    uint64_t changes;
} disk_cursor;

static const struct {
    const char *name;
    bool is_derived;
} TABLES[STORE_TABLE_COUNT] = {
#define X(id, text, derived) [id] = { text, derived },
    STORE_TABLES(X)
#undef X
};

static sim_disk *attached;

void sim_disk_attach(sim_disk *disk)
{
    attached = disk;
}

sim_disk *sim_disk_attached(void)
{
    return attached;
}

/* ---- memory ---- */

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void *heap_get(disk_heap *heap, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    while (heap->at == NULL || heap->used + bytes > heap->at->bytes) {
        disk_chunk *next = heap->at == NULL ? heap->first : heap->at->next;
        if (next == NULL || next->bytes < bytes) {
            size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
            disk_chunk *made = must(malloc(sizeof *made + size));
            made->bytes = size;
            made->next = next;
            if (heap->at == NULL)
                heap->first = made;
            else
                heap->at->next = made;
            next = made;
        }
        heap->at = next;
        heap->used = 0;
    }
    void *memory = heap->at->data + heap->used;
    heap->used += bytes;
    return memory;
}

void disk_heap_reset(disk_heap *heap)
{
    heap->at = NULL;
    heap->used = 0;
}

void disk_heap_free(disk_heap *heap)
{
    while (heap->first != NULL) {
        disk_chunk *next = heap->first->next;
        free(heap->first);
        heap->first = next;
    }
    disk_heap_reset(heap);
}

/* ---- finding ---- */

static int row_cmp(const disk_row *row, store_slice key)
{
    size_t len = row->key_len < key.len ? row->key_len : key.len;
    int order = len > 0 ? memcmp(row->key, key.data, len) : 0;
    if (order != 0)
        return order;
    return (row->key_len > key.len) - (row->key_len < key.len);
}

/* The last leaf that begins at or before the key (the first one when none does). */
static uint32_t find_leaf(const disk_table *table, store_slice key)
{
    uint32_t low = 0, high = table->count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row_cmp(&table->leaves[middle]->rows[0], key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* First row of a leaf that is >= key. */
static uint32_t find_row(const disk_leaf *leaf, store_slice key)
{
    uint32_t low = 0, high = leaf->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row_cmp(&leaf->rows[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const disk_row *find(const disk_table *table, store_slice key)
{
    if (table->count == 0)
        return NULL;
    const disk_leaf *leaf = table->leaves[find_leaf(table, key)];
    uint32_t at = find_row(leaf, key);
    return at < leaf->count && row_cmp(&leaf->rows[at], key) == 0 ? &leaf->rows[at] : NULL;
}

/* ---- writing: what another transaction may see is copied first ---- */

static void own_table(disk_heap *heap, disk_table *table, uint64_t version, uint32_t more)
{
    if (table->version == version && table->count + more <= table->capacity)
        return;
    uint32_t capacity = (table->count + more) * 2 + 4;
    disk_leaf **leaves = heap_get(heap, capacity * sizeof *leaves);
    if (table->count > 0)
        memcpy(leaves, table->leaves, table->count * sizeof *leaves);
    table->leaves = leaves;
    table->capacity = capacity;
    table->version = version;
}

static disk_leaf *own_leaf(disk_heap *heap, disk_table *table, uint32_t at, uint64_t version)
{
    disk_leaf *leaf = table->leaves[at];
    if (leaf->version == version)
        return leaf;
    disk_leaf *copy = heap_get(heap, sizeof *copy);
    memcpy(copy, leaf, sizeof *copy);
    copy->version = version;
    table->leaves[at] = copy;
    return copy;
}

/* Makes room in a full leaf: its upper half becomes a leaf of its own. */
static void split(disk_heap *heap, disk_table *table, uint32_t at, uint64_t version)
{
    disk_leaf *low = table->leaves[at], *high = heap_get(heap, sizeof *high);
    uint32_t half = low->count / 2;
    high->version = version;
    high->count = low->count - half;
    memcpy(high->rows, low->rows + half, high->count * sizeof *high->rows);
    low->count = half;
    memmove(table->leaves + at + 2, table->leaves + at + 1,
            (table->count - at - 1) * sizeof *table->leaves);
    table->leaves[at + 1] = high;
    table->count++;
}

static const uint8_t *keep(disk_heap *heap, store_slice bytes)
{
    uint8_t *copy = heap_get(heap, bytes.len + 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static void put_row(disk_heap *heap, disk_table *table, uint64_t version, const disk_row *row)
{
    store_slice key = { row->key, row->key_len };
    own_table(heap, table, version, 1);
    if (table->count == 0) {
        disk_leaf *leaf = heap_get(heap, sizeof *leaf);
        leaf->version = version;
        leaf->count = 0;
        table->leaves[table->count++] = leaf;
    }
    uint32_t at = find_leaf(table, key);
    disk_leaf *leaf = own_leaf(heap, table, at, version);
    uint32_t place = find_row(leaf, key);
    if (place < leaf->count && row_cmp(&leaf->rows[place], key) == 0) {
        leaf->rows[place] = *row;
        return;
    }
    if (leaf->count == DISK_LEAF_ROWS) {
        split(heap, table, at, version);
        if (place > leaf->count) {
            place -= leaf->count;
            leaf = table->leaves[at + 1];
        }
    }
    memmove(leaf->rows + place + 1, leaf->rows + place, (leaf->count - place) * sizeof *leaf->rows);
    leaf->rows[place] = *row;
    leaf->count++;
    table->rows++;
}

static void delete_row(disk_heap *heap, disk_table *table, uint64_t version, store_slice key)
{
    if (find(table, key) == NULL)
        return;
    own_table(heap, table, version, 0);
    uint32_t at = find_leaf(table, key);
    disk_leaf *leaf = own_leaf(heap, table, at, version);
    uint32_t place = find_row(leaf, key);
    memmove(leaf->rows + place, leaf->rows + place + 1,
            (leaf->count - place - 1) * sizeof *leaf->rows);
    table->rows--;
    if (--leaf->count > 0)
        return;
    memmove(table->leaves + at, table->leaves + at + 1,
            (table->count - at - 1) * sizeof *table->leaves);
    table->count--;
}

/* ---- opening ---- */

st_err store_open(const char *dir, store_mode mode, store **out_store, st_error *error)
{
    sim_disk *disk = attached;
    if (disk == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: no disk", dir);
    store *s = must(calloc(1, sizeof *s));
    s->heap = &disk->heap;
    if (strcmp(dir, disk->dir) == 0) {
        s->disk = disk;
        if (mode == STORE_CREATE)
            memset(&disk->synced, 0, sizeof disk->synced);
        s->now = disk->synced;
        disk->is_dead = false;
        /* Numbers of transactions go on: a leaf on disk is never written in place. */
        s->versions = disk->commits;
    }
    *out_store = s;
    return ST_OK;
}

void store_close(store *s)
{
    free(s);
}

void sim_disk_power_cut(sim_disk *disk)
{
    disk->kept_back_count = 0;
    disk->fault = DISK_GOOD;
    disk->map_full_in = 0;
}

/* ---- transactions ---- */

static bool is_dead(const store *s)
{
    return s->disk != NULL && s->disk->is_dead;
}

const char *store_failure(const store *s)
{
    if (s->health == HEALTH_FULL)
        return "the disk is full";
    return s->health == HEALTH_GOOD ? NULL : "the disk failed; restart the server and run verify";
}

st_err store_begin(store *s, store_txn_kind kind, store_txn *out_txn, st_error *error)
{
    bool is_write = kind == STORE_WRITE_TXN;
    if (is_dead(s))
        return st_fail(error, ST_E_STORAGE, "store: killed");
    if (is_write && store_failure(s) != NULL)
        return st_fail(error, ST_E_STORAGE, "store: %s", store_failure(s));
    disk_txn *txn = must(calloc(1, sizeof *txn));
    txn->image = s->now;
    if (is_write && s->disk != NULL)
        s->versions = ++s->disk->commits;
    else if (is_write)
        s->versions++;
    txn->version = s->versions;
    out_txn->owner = s;
    out_txn->handle = txn;
    out_txn->is_write = is_write;
    return ST_OK;
}

/* An honest disk syncs at once; a lying one keeps the newest images back. */
static void sync_image(sim_disk *disk, const disk_image *image)
{
    if (disk->lies == 0) {
        disk->synced = *image;
        return;
    }
    if (disk->kept_back_count == disk->lies) {
        disk->synced = disk->kept_back[0];
        memmove(disk->kept_back, disk->kept_back + 1, (disk->lies - 1) * sizeof *disk->kept_back);
        disk->kept_back_count--;
    }
    disk->kept_back[disk->kept_back_count++] = *image;
}

static st_err commit_on(store *s, const disk_image *image, st_error *error)
{
    sim_disk *disk = s->disk;
    disk_fault fault = disk->fault;
    disk->fault = DISK_GOOD;
    if (fault != DISK_GOOD)
        disk->struck = fault;
    if (disk->is_full || fault == DISK_FULL) {
        disk->is_full = true;
        s->health = HEALTH_FULL;
        return st_fail(error, ST_E_STORAGE, "store: commit: no space left on device");
    }
    if (fault == DISK_KILL_BEFORE) {
        disk->is_dead = true;
        return st_fail(error, ST_E_STORAGE, "store: killed");
    }
    if (fault == DISK_EIO_KEPT)
        sync_image(disk, image);
    if (fault == DISK_EIO_LOST || fault == DISK_EIO_KEPT) {
        s->health = HEALTH_BROKEN;
        return st_fail(error, ST_E_STORAGE, "store: commit: input/output error");
    }
    sync_image(disk, image);
    s->now = *image;
    disk->is_dead = fault == DISK_KILL_AFTER;
    return ST_OK;
}

st_err store_commit(store_txn *txn, st_error *error)
{
    disk_txn *mine = txn->handle;
    store *s = txn->owner;
    assert(mine != NULL && txn->is_write);
    st_err err = ST_OK;
    if (is_dead(s))
        err = st_fail(error, ST_E_STORAGE, "store: killed");
    else if (mine->changes == 0)
        err = ST_OK; /* nothing is written: as LMDB does it */
    else if (s->disk != NULL)
        err = commit_on(s, &mine->image, error);
    else
        s->now = mine->image;
    free(mine);
    txn->handle = NULL;
    return err;
}

void store_end(store_txn *txn)
{
    free(txn->handle);
    txn->handle = NULL;
}

bool store_grow(store *s)
{
    bool grown = s->is_map_full;
    s->is_map_full = false;
    if (grown && s->disk != NULL)
        s->disk->has_grown = true;
    return grown;
}

bool store_probe(store *s)
{
    if (s->health == HEALTH_FULL && !s->disk->is_full)
        s->health = HEALTH_GOOD;
    return s->health == HEALTH_GOOD;
}

void store_tidy(store *s)
{
    (void)s;
}

/* The simulated disk has no file, and so no holes in it. */
st_err store_compact(store *s, uint64_t *out_before, uint64_t *out_after, st_error *error)
{
    (void)s;
    (void)error;
    *out_before = *out_after = 0;
    return ST_OK;
}

st_err store_stat(store_txn *txn, store_stats *out_stats, st_error *error)
{
    const disk_txn *mine = txn->handle;
    (void)error;
    memset(out_stats, 0, sizeof *out_stats);
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        out_stats->rows[i] = mine->image.tables[i].rows;
        out_stats->bytes_used += mine->image.tables[i].count * sizeof(disk_leaf);
    }
    return ST_OK;
}

st_err store_get(store_txn *txn, store_table table, store_slice key, store_slice *out_value,
                 st_error *error)
{
    const disk_txn *mine = txn->handle;
    (void)error;
    const disk_row *row = find(&mine->image.tables[table], key);
    if (row == NULL)
        return ST_E_NOT_FOUND;
    *out_value = store_bytes(row->value, row->value_len);
    return ST_OK;
}

st_err store_put(store_txn *txn, store_table table, store_slice key, store_slice value,
                 st_error *error)
{
    disk_txn *mine = txn->handle;
    store *s = txn->owner;
    assert(txn->is_write && key.len > 0 && key.len <= STORE_KEY_BYTES_MAX);
    if (s->disk != NULL && s->disk->map_full_in > 0 && --s->disk->map_full_in == 0) {
        s->is_map_full = true;
        return st_fail(error, ST_E_STORAGE, "store: put: the map is full");
    }
    disk_row row = { keep(s->heap, key), keep(s->heap, value), (uint32_t)key.len,
                     (uint32_t)value.len };
    put_row(s->heap, &mine->image.tables[table], mine->version, &row);
    mine->changes++;
    return ST_OK;
}

st_err store_delete(store_txn *txn, store_table table, store_slice key, st_error *error)
{
    disk_txn *mine = txn->handle;
    (void)error;
    assert(txn->is_write);
    delete_row(txn->owner->heap, &mine->image.tables[table], mine->version, key);
    mine->changes++;
    return ST_OK;
}

st_err store_clear(store_txn *txn, store_table table, st_error *error)
{
    disk_txn *mine = txn->handle;
    (void)error;
    memset(&mine->image.tables[table], 0, sizeof mine->image.tables[table]);
    mine->changes++;
    return ST_OK;
}

bool store_is_derived(store_table table)
{
    return TABLES[table].is_derived;
}

const char *store_table_name(store_table table)
{
    return TABLES[table].name;
}

/* ---- cursors ---- */

st_err store_cursor_open(store_txn *txn, store_table table, store_cursor *out_cursor,
                         st_error *error)
{
    (void)error;
    disk_cursor *cursor = must(calloc(1, sizeof *cursor));
    cursor->txn = txn->handle;
    cursor->table = table;
    memset(out_cursor, 0, sizeof *out_cursor);
    out_cursor->handle = cursor;
    return ST_OK;
}

void store_cursor_close(store_cursor *cursor)
{
    free(cursor->handle);
    cursor->handle = NULL;
    cursor->is_valid = false;
}

static const disk_table *table_of(const disk_cursor *mine)
{
    return &mine->txn->image.tables[mine->table];
}

/* Shows the place; a row behind the end of its leaf is the first of the next. */
static st_err stand(store_cursor *cursor)
{
    disk_cursor *mine = cursor->handle;
    const disk_table *table = table_of(mine);
    if (mine->leaf < table->count && mine->row >= table->leaves[mine->leaf]->count) {
        mine->leaf++;
        mine->row = 0;
    }
    cursor->is_valid = mine->leaf < table->count;
    mine->changes = mine->txn->changes;
    if (!cursor->is_valid)
        return ST_OK;
    const disk_row *row = &table->leaves[mine->leaf]->rows[mine->row];
    cursor->key = store_bytes(row->key, row->key_len);
    cursor->value = store_bytes(row->value, row->value_len);
    return ST_OK;
}

st_err store_seek(store_cursor *cursor, store_slice key, st_error *error)
{
    disk_cursor *mine = cursor->handle;
    const disk_table *table = table_of(mine);
    (void)error;
    mine->leaf = find_leaf(table, key);
    mine->row = table->count == 0 ? 0 : find_row(table->leaves[mine->leaf], key);
    return stand(cursor);
}

/* One back from the place; before the first there is nothing. */
static st_err step_back(store_cursor *cursor)
{
    disk_cursor *mine = cursor->handle;
    const disk_table *table = table_of(mine);
    if (mine->row > 0) {
        mine->row--;
        return stand(cursor);
    }
    if (mine->leaf == 0 || table->count == 0) {
        cursor->is_valid = false;
        return ST_OK;
    }
    mine->leaf = (mine->leaf < table->count ? mine->leaf : table->count) - 1;
    mine->row = table->leaves[mine->leaf]->count - 1;
    return stand(cursor);
}

st_err store_seek_before(store_cursor *cursor, store_slice key, st_error *error)
{
    disk_cursor *mine = cursor->handle;
    const disk_table *table = table_of(mine);
    (void)error;
    if (key.len == 0) {
        mine->leaf = table->count;
        mine->row = 0;
    } else {
        mine->leaf = find_leaf(table, key);
        mine->row = table->count == 0 ? 0 : find_row(table->leaves[mine->leaf], key);
    }
    return step_back(cursor);
}

st_err store_next(store_cursor *cursor, st_error *error)
{
    disk_cursor *mine = cursor->handle;
    assert(cursor->is_valid);
    store_slice key = cursor->key;
    if (mine->changes != mine->txn->changes) { /* rows may have moved: look the place up */
        (void)!store_seek(cursor, key, error);
        if (!cursor->is_valid || cursor->key.len != key.len ||
            memcmp(cursor->key.data, key.data, key.len) != 0)
            return ST_OK; /* it was deleted: this is the next one */
    }
    mine->row++;
    return stand(cursor);
}

st_err store_previous(store_cursor *cursor, st_error *error)
{
    disk_cursor *mine = cursor->handle;
    assert(cursor->is_valid);
    if (mine->changes != mine->txn->changes)
        return store_seek_before(cursor, cursor->key, error);
    return step_back(cursor);
}
