/* server/sync/snapshot_cut.c - the bytes of a snapshot.
 * Promises: one moment of the log, in the order of the records' ids, so that the same state gives
 * the same bytes; bounded memory, however large the bucket is.
 * Must never: write in a transaction, or show a record of another bucket. */
#include "server/sync/snapshot_cut.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/hash.h"
#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/sets.h"
#include "server/sync/snapshot_pieces.h"

#define PART_BYTES      ((size_t)64 * 1024)  /* of records, in one part */
#define PART_RECORDS    256u
#define ARENA_BYTES_MAX ((size_t)64 * 1024 * 1024)

typedef struct {
    store_txn *txn;
    const st_bucket *bucket;
    snapshot_pieces *pieces;
    st_buffer frame;
    st_arena arena;            /* of one part */
} cutting;

static st_err put_part(cutting *c, const st_snapshot_part *part, st_error *error)
{
    st_buffer_clear(&c->frame);
    st_err err = st_snapshot_part_encode(part, &c->frame, error);
    return err == ST_OK ? snapshot_pieces_put(c->pieces, c->frame.data, c->frame.len, error) : err;
}

/* ---- what waits ---- */

static const st_extra *find_hole(const st_vector *vector, const st_id *device, uint64_t counter)
{
    for (size_t i = 0; i < vector->holes_count; i++)
        if (vector->holes[i].dot.counter == counter &&
            st_id_cmp(&vector->holes[i].dot.device, device) == 0)
            return &vector->holes[i];
    return NULL;
}

/* Those of the set's held changes that wait still, with what they wait for now: the entries that
 * changed it are not in a snapshot. */
static st_err still_held(cutting *c, const st_vector *vector, const sync_row *row, st_entry *entry,
                         st_error *error)
{
    st_held *held = st_arena_array(&c->arena, row->held_count, sizeof *held);
    if (held == NULL)
        return st_fail(error, ST_E_MEMORY, "snapshot: out of memory");
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        const st_extra *hole = find_hole(vector, &row->device, row->held[i].counter);
        if (hole == NULL)
            continue;
        st_held *now = &held[entry->held_count++];
        *now = row->held[i];
        err = sync_held_now(c->txn, &hole->record, &row->device, now, error);
    }
    entry->held = held;
    return err;
}

static st_err put_held(cutting *c, const st_vector *vector, uint64_t index, st_error *error)
{
    sync_row row;
    st_entry entry;
    st_snapshot_part part;
    memset(&entry, 0, sizeof entry);
    memset(&part, 0, sizeof part);
    st_err err = sync_row_get(c->txn, index, &c->arena, &row, error);
    if (err == ST_OK)
        err = still_held(c, vector, &row, &entry, error);
    if (err == ST_OK) {
        entry.index = index;
        entry.time_ms = row.time_ms;
        entry.kind = row.kind;
        entry.set = row.set.data;
        entry.set_len = row.set.len;
        entry.has_carrier = !st_id_is_zero(&row.carrier);
        entry.carrier = row.carrier;
        part.held = &entry;
        part.held_count = 1;
        err = put_part(c, &part, error);
    }
    st_arena_reset(&c->arena);
    return err;
}

/* The set of each hole, once: the holes of one set stand side by side. */
static st_err put_holes(cutting *c, const st_vector *vector, st_error *error)
{
    uint64_t before = 0;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < vector->holes_count; i++) {
        uint64_t index = 0;
        err = sets_find(c->txn, &vector->holes[i].dot, &index, error);
        if (err == ST_OK && index != before)
            err = put_held(c, vector, index, error);
        if (err == ST_E_NOT_FOUND)
            err = st_fail(error, ST_E_CORRUPT, "snapshot: a set that waits is not there");
        before = index;
    }
    return err;
}

static st_err put_vector(cutting *c, st_error *error)
{
    st_vector vector;
    st_arena arena;
    store_slice bytes = { 0 };
    st_snapshot_part part;
    pack_key key = pack_text(c->bucket->s);
    memset(&part, 0, sizeof part);
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = store_get(c->txn, STORE_VECTOR, pack_key_slice(&key), &bytes, error);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_CORRUPT, "snapshot: the bucket has no vector");
    if (err == ST_OK)
        err = st_vector_decode(bytes.data, bytes.len, &arena, &vector, error);
    if (err == ST_OK) {
        part.vector = bytes.data;
        part.vector_len = bytes.len;
        err = put_part(c, &part, error);
    }
    if (err == ST_OK)
        err = put_holes(c, &vector, error);
    st_arena_reset(&arena);
    return err;
}

/* ---- records ---- */

typedef struct {
    st_snapshot_record list[PART_RECORDS];
    st_snapshot_part part;
    size_t bytes;
} record_part;

static st_err flush(cutting *c, record_part *records, st_error *error)
{
    records->part.records = records->list;
    st_err err = records->part.records_count > 0 ? put_part(c, &records->part, error) : ST_OK;
    records->part.records_count = 0;
    records->bytes = 0;
    return err;
}

typedef st_err (*state_taker)(cutting *c, void *context, store_slice state, st_error *error);

/* The state of each record of the bucket, by id: slices that live until the transaction ends. */
static st_err each_state(cutting *c, state_taker take, void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key prefix = pack_text(c->bucket->s);
    st_err err = store_cursor_open(c->txn, STORE_SUMS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    while (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        store_slice state = { 0 };
        if (cursor.key.len != prefix.len + 16) {
            err = st_fail(error, ST_E_CORRUPT, "store: a row of sums is damaged");
            break;
        }
        store_slice id = { (const uint8_t *)cursor.key.data + prefix.len, 16 };
        err = store_get(c->txn, STORE_STATE, id, &state, error);
        if (err == ST_E_NOT_FOUND)
            err = st_fail(error, ST_E_CORRUPT, "snapshot: a record is not there");
        if (err == ST_OK)
            err = take(c, context, state, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err add_state(cutting *c, void *context, store_slice state, st_error *error)
{
    record_part *records = context;
    st_err err = ST_OK;
    if (records->part.records_count == PART_RECORDS || records->bytes + state.len > PART_BYTES)
        err = flush(c, records, error);
    if (err != ST_OK)
        return err;
    records->list[records->part.records_count++] =
        (st_snapshot_record){ state.data, state.len };
    records->bytes += state.len;
    return ST_OK;
}

static st_err put_records(cutting *c, st_error *error)
{
    record_part records;
    memset(&records, 0, sizeof records);
    st_err err = each_state(c, add_state, &records, error);
    return err == ST_OK ? flush(c, &records, error) : err;
}

typedef struct {
    size_t records, bytes;
} amount;

static st_err count_state(cutting *c, void *context, store_slice state, st_error *error)
{
    amount *all = context;
    (void)c;
    (void)error;
    all->records++;
    all->bytes += state.len;
    return ST_OK;
}

static st_err cut(cutting *c, st_error *error)
{
    amount all = { 0 };
    st_buffer_init(&c->frame, ST_FRAME_BYTES_MAX);
    st_arena_init(&c->arena, ARENA_BYTES_MAX);
    st_err err = each_state(c, count_state, &all, error);
    c->pieces->is_one = all.records <= SNAPSHOT_ONE_RECORDS && all.bytes <= SNAPSHOT_ONE_BYTES;
    if (err == ST_OK)
        err = put_vector(c, error);
    if (err == ST_OK)
        err = put_records(c, error);
    st_buffer_free(&c->frame);
    st_arena_reset(&c->arena);
    return err;
}

st_err snapshot_cut(store_txn *txn, const st_bucket *bucket, const char *path, st_arena *arena,
                    st_snapshot *out_snapshot, st_error *error)
{
    snapshot_pieces pieces = { .lasting = arena, .density = SNAPSHOT_QUICK };
    cutting c = { .txn = txn, .bucket = bucket, .pieces = &pieces };
    sync_bucket_row row;
    uint64_t size = 0;
    st_err err = sync_bucket_get(txn, bucket->s, &row, error);
    if (err == ST_OK)
        err = sync_log_size(txn, &size, error);
    if (err == ST_OK)
        err = snapshot_pieces_open(&pieces, path, error);
    if (err == ST_OK)
        err = cut(&c, error);
    if (err == ST_OK)
        err = snapshot_pieces_end(&pieces, error);
    snapshot_pieces_free(&pieces);
    if (err == ST_OK)
        *out_snapshot = (st_snapshot){ *bucket,         size,     row.sum,
                                       SYNC_FOLD_VERSION, pieces.list, (uint32_t)pieces.count };
    return err;
}

/* ---- dense ---- */

typedef struct {
    snapshot_pieces *pieces;
    int fd;
    uint64_t offset;
    st_buffer bytes;           /* one piece, as it is */
} packing;

static st_err read_piece(packing *p, const st_snapshot_piece *piece, st_error *error)
{
    uint8_t *at = NULL;
    st_buffer_clear(&p->bytes);
    st_err err = st_buffer_room(&p->bytes, piece->bytes, &at, error);
    if (err != ST_OK)
        return err;
    ssize_t n = pread(p->fd, at, piece->bytes, (off_t)p->offset);
    if (n != (ssize_t)piece->bytes)
        return st_fail(error, ST_E_CORRUPT, "snapshot: a piece is not whole");
    p->bytes.len = piece->bytes;
    p->offset += piece->bytes;
    st_hash hash = st_sha256(p->bytes.data, p->bytes.len);
    return memcmp(hash.b, piece->hash.b, sizeof hash.b) == 0
               ? ST_OK
               : st_fail(error, ST_E_CORRUPT, "snapshot: a piece is damaged");
}

/* The parts of a piece as they are; only how they are compressed is another. */
static st_err pack_piece(packing *p, const st_snapshot_piece *piece, st_error *error)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame = NULL;
    size_t len = 0;
    st_err bad = ST_OK, err = read_piece(p, piece, error);
    if (err == ST_OK)
        err = st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, error);
    if (err == ST_OK)
        err = st_frame_feed(reader, p->bytes.data, p->bytes.len, error);
    while (err == ST_OK && st_frame_read(reader, &frame, &len, &bad))
        err = snapshot_pieces_put(p->pieces, frame, len, error);
    if (err == ST_OK && (bad != ST_OK || !st_frame_is_complete(reader)))
        err = st_fail(error, ST_E_CORRUPT, "snapshot: a piece cannot be read");
    st_frame_reader_free(reader);
    return err;
}

st_err snapshot_pack(const snapshot_source *from, const char *path, st_arena *arena,
                     st_snapshot *out_snapshot, st_error *error)
{
    snapshot_pieces pieces = { .lasting = arena, .density = SNAPSHOT_DENSE, .stop = from->stop,
                               .is_one = from->snapshot->pieces_count == 1 };
    packing p = { .pieces = &pieces };
    st_buffer_init(&p.bytes, ST_BODY_BYTES_MAX);
    p.fd = open(from->path, O_RDONLY | O_CLOEXEC);
    st_err err = p.fd < 0 ? st_fail(error, ST_E_CORRUPT, "%s: cannot be opened", from->path)
                          : snapshot_pieces_open(&pieces, path, error);
    for (uint32_t i = 0; err == ST_OK && i < from->snapshot->pieces_count; i++)
        err = pack_piece(&p, &from->snapshot->pieces[i], error);
    if (err == ST_OK)
        err = snapshot_pieces_end(&pieces, error);
    snapshot_pieces_free(&pieces);
    st_buffer_free(&p.bytes);
    if (p.fd >= 0)
        (void)close(p.fd);
    if (err != ST_OK)
        return err;
    *out_snapshot = *from->snapshot;
    out_snapshot->pieces = pieces.list;
    out_snapshot->pieces_count = (uint32_t)pieces.count;
    return ST_OK;
}
