/* server/sync/quota.c - counts the bytes of attachments that each device has brought.
 * Promises: no device has more counted than it may at that moment; a piece counts once, whoever
 * brings it again. Must never count down for a piece that stays. */
#include "server/sync/quota.h"

#include <string.h>

#include "server/store/chunks.h"
#include "server/store/pack.h"

#define OF_PIECE       "quota/piece/"
#define OF_DEVICE      "quota/device/"
#define SUMS_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* ---- rows ---- */

/* In a key of pack_key_text a 0 byte would follow the text. */
static pack_key key_of(const char *text, const uint8_t *id, size_t len)
{
    pack_key key = { .len = strlen(text) };
    memcpy(key.data, text, key.len);
    memcpy(key.data + key.len, id, len);
    key.len += len;
    return key;
}

typedef struct {
    st_id device;
    uint64_t bytes;
} piece_row;

static st_err read_piece(store_slice row, piece_row *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    pack_get(&reader, out->device.b, sizeof out->device.b);
    out->bytes = pack_get_u64(&reader);
    return pack_end(&reader, "the count of a piece", error);
}

static st_err read_sum(store_slice row, uint64_t *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    *out = pack_get_u64(&reader);
    return pack_end(&reader, "the bytes of a device", error);
}

/* ST_E_NOT_FOUND: it is not counted. */
static st_err get_piece(store_txn *txn, const st_hash *hash, piece_row *out, st_error *error)
{
    store_slice row = { 0 };
    const pack_key key = key_of(OF_PIECE, hash->b, sizeof hash->b);
    st_err err = store_get(txn, STORE_META, pack_key_slice(&key), &row, error);
    return err == ST_OK ? read_piece(row, out, error) : err;
}

static st_err put_piece(store_txn *txn, const quota_piece *piece, st_error *error)
{
    uint8_t row[sizeof(st_id) + 8];
    const pack_key key = key_of(OF_PIECE, piece->hash.b, sizeof piece->hash.b);
    memcpy(row, piece->device.b, sizeof piece->device.b);
    st_put_u64(row + sizeof(st_id), piece->bytes);
    return store_put(txn, STORE_META, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

static st_err put_sum(store_txn *txn, const st_id *device, uint64_t bytes, st_error *error)
{
    uint8_t row[8];
    const pack_key key = key_of(OF_DEVICE, device->b, sizeof device->b);
    st_put_u64(row, bytes);
    return store_put(txn, STORE_META, pack_key_slice(&key), store_bytes(row, sizeof row), error);
}

st_err quota_used(store_txn *txn, const st_id *device, uint64_t *out_bytes, st_error *error)
{
    store_slice row = { 0 };
    const pack_key key = key_of(OF_DEVICE, device->b, sizeof device->b);
    st_err err = store_get(txn, STORE_META, pack_key_slice(&key), &row, error);
    *out_bytes = 0;
    if (err == ST_OK)
        return read_sum(row, out_bytes, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- counting ---- */

typedef struct {
    quota_piece *pieces;
    size_t count;
} take_job;

static st_err add_piece_to(store_txn *txn, const quota_piece *piece, uint64_t used,
                           st_error *error)
{
    st_err err = put_piece(txn, piece, error);
    return err == ST_OK ? put_sum(txn, &piece->device, used + piece->bytes, error) : err;
}

static st_err count_piece(writer_turn *turn, quota_piece *piece, st_error *error)
{
    const uint64_t most = turn->room->files_per_device;
    uint64_t used = 0;
    st_err err = quota_used(turn->txn, &piece->device, &used, error);
    piece->is_taken = most == 0 || (used <= most && piece->bytes <= most - used);
    return err == ST_OK && piece->is_taken ? add_piece_to(turn->txn, piece, used, error) : err;
}

static st_err take_piece(writer_turn *turn, quota_piece *piece, st_error *error)
{
    piece_row row;
    st_err err = get_piece(turn->txn, &piece->hash, &row, error);
    piece->is_taken = true;
    if (err != ST_E_NOT_FOUND)
        return err;
    bool is_here = false;
    err = chunks_is_there(turn->room->dir, &piece->hash, &is_here, error);
    return err != ST_OK || is_here ? err : count_piece(turn, piece, error);
}

static st_err run(writer_turn *turn, void *argument, st_error *error)
{
    take_job *take = argument;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < take->count; i++)
        err = take_piece(turn, &take->pieces[i], error);
    return err;
}

st_err quota_take(writer *w, quota_piece *pieces, size_t count, st_error *error)
{
    take_job take = { pieces, count };
    writer_job job = { .run = run, .argument = &take };
    return count == 0 ? ST_OK : writer_submit(w, &job, error);
}

st_err quota_is_counted(store_txn *txn, const st_hash *hash, bool *out_is, st_error *error)
{
    piece_row row;
    st_err err = get_piece(txn, hash, &row, error);
    *out_is = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err quota_count(writer_turn *turn, const quota_piece *piece, st_error *error)
{
    bool is_counted = false, is_here = false;
    uint64_t used = 0;
    st_err err = quota_is_counted(turn->txn, &piece->hash, &is_counted, error);
    if (err == ST_OK && !is_counted)
        err = chunks_is_there(turn->room->dir, &piece->hash, &is_here, error);
    if (err == ST_OK && is_here)
        err = quota_used(turn->txn, &piece->device, &used, error);
    return err == ST_OK && is_here ? add_piece_to(turn->txn, piece, used, error) : err;
}

st_err quota_drop(store_txn *txn, const st_hash *hash, st_error *error)
{
    piece_row row;
    uint64_t used = 0;
    const pack_key key = key_of(OF_PIECE, hash->b, sizeof hash->b);
    st_err err = get_piece(txn, hash, &row, error);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    if (err == ST_OK)
        err = quota_used(txn, &row.device, &used, error);
    if (err == ST_OK)
        err = put_sum(txn, &row.device, used > row.bytes ? used - row.bytes : 0, error);
    return err == ST_OK ? store_delete(txn, STORE_META, pack_key_slice(&key), error) : err;
}

/* ---- all of them ---- */

typedef struct {
    st_id device;
    uint64_t noted, counted;
} sum;

/* Ascending by device. */
typedef struct {
    st_arena arena;
    sum *list;
    size_t count, capacity;
} sums;

/* The device's; NULL: no memory. */
static sum *sum_of(sums *all, const st_id *device)
{
    size_t low = 0, high = all->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_id_cmp(&all->list[middle].device, device) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < all->count && st_id_cmp(&all->list[low].device, device) == 0)
        return &all->list[low];
    sum *list = all->list;
    if (all->count == all->capacity)
        list = st_arena_grow(&all->arena, list, all->count, &all->capacity, sizeof *list);
    if (list == NULL)
        return NULL;
    all->list = list;
    memmove(&list[low + 1], &list[low], (all->count - low) * sizeof *list);
    all->count++;
    list[low] = (sum){ .device = *device };
    return &list[low];
}

static st_err add_piece(sums *all, const store_cursor *at, st_error *error)
{
    piece_row row;
    st_err err = read_piece(at->value, &row, error);
    sum *of = err == ST_OK ? sum_of(all, &row.device) : NULL;
    if (err == ST_OK && of == NULL)
        err = st_fail(error, ST_E_MEMORY, "attachments: no memory");
    if (err == ST_OK)
        of->counted += row.bytes;
    return err;
}

static st_err add_noted(sums *all, const store_cursor *at, st_error *error)
{
    const size_t name_len = strlen(OF_DEVICE);
    st_id device;
    uint64_t bytes = 0;
    if (at->key.len != name_len + sizeof device.b)
        return st_fail(error, ST_E_CORRUPT, "store: a row of meta is damaged");
    memcpy(device.b, (const uint8_t *)at->key.data + name_len, sizeof device.b);
    st_err err = read_sum(at->value, &bytes, error);
    sum *of = err == ST_OK ? sum_of(all, &device) : NULL;
    if (err == ST_OK && of == NULL)
        err = st_fail(error, ST_E_MEMORY, "attachments: no memory");
    if (err == ST_OK)
        of->noted = bytes;
    return err;
}

typedef st_err (*sums_add)(sums *all, const store_cursor *at, st_error *error);

static st_err add_rows(sums *all, store_txn *txn, const char *text, sums_add add, st_error *error)
{
    store_cursor cursor = { 0 };
    const store_slice prefix = store_text(text);
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        err = add(all, &cursor, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* st_arena_reset(&out->arena) afterwards, whatever it returns. */
static st_err read_sums(store_txn *txn, sums *out, st_error *error)
{
    memset(out, 0, sizeof *out);
    st_arena_init(&out->arena, SUMS_BYTES_MAX);
    st_err err = add_rows(out, txn, OF_PIECE, add_piece, error);
    return err == ST_OK ? add_rows(out, txn, OF_DEVICE, add_noted, error) : err;
}

st_err quota_check(store_txn *txn, quota_say say, void *context, st_error *error)
{
    sums all;
    st_err err = read_sums(txn, &all, error);
    for (size_t i = 0; err == ST_OK && i < all.count; i++)
        if (all.list[i].noted != all.list[i].counted)
            say(context, &all.list[i].device, all.list[i].noted, all.list[i].counted);
    st_arena_reset(&all.arena);
    return err;
}

st_err quota_recount(store_txn *txn, st_error *error)
{
    sums all;
    st_err err = read_sums(txn, &all, error);
    for (size_t i = 0; err == ST_OK && i < all.count; i++)
        if (all.list[i].noted != all.list[i].counted)
            err = put_sum(txn, &all.list[i].device, all.list[i].counted, error);
    st_arena_reset(&all.arena);
    return err;
}
