/* server/sync/fold.c - the fold of the log: changes into records, vectors, sums, rows.
 * Promises: a function of the log rows alone: no clock, no judgement, no order of tables; so that a
 * rebuild gives the same bytes. One record is decoded once and stored once per entry.
 * Must never decide anything: what is folded, and how, comes from the caller. */
#include "server/sync/fold.h"

#include <assert.h>
#include <string.h>

#include "server/store/pack.h"
#include "server/sync/held.h"
#include "server/sync/lock.h"

#define SLOTS 4096u            /* > 2 * ST_SET_CHANGES_MAX, a power of two */
#define ROW_BYTES_MAX (64u * 1024u * 1024u)

/* ---- buckets ---- */

st_err sync_bucket_get(store_txn *txn, const char *bucket, sync_bucket_row *out_row,
                       st_error *error)
{
    sync_bucket_row row;
    memset(&row, 0, sizeof row);
    pack_key key = pack_text(bucket);
    store_slice bytes = { 0 };
    st_err err = store_get(txn, STORE_BUCKET, pack_key_slice(&key), &bytes, error);
    if (err == ST_OK) {
        pack_reader reader = pack_read(bytes);
        pack_get(&reader, row.sum.b, sizeof row.sum.b);
        row.head = pack_get_u64(&reader);
        row.records = pack_get_u64(&reader);
        err = pack_end(&reader, "bucket", error);
    }
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out_row = row;
    return ST_OK;
}

static st_err bucket_put(store_txn *txn, const char *bucket, const sync_bucket_row *row,
                         st_error *error)
{
    uint8_t bytes[32];
    pack_key key = pack_text(bucket);
    memcpy(bytes, row->sum.b, 16);
    st_put_u64(bytes + 16, row->head);
    st_put_u64(bytes + 24, row->records);
    return store_put(txn, STORE_BUCKET, pack_key_slice(&key), store_bytes(bytes, sizeof bytes),
                     error);
}

st_err sync_feed_add(store_txn *txn, const st_bucket *bucket, uint64_t index, st_error *error)
{
    sync_bucket_row row;
    pack_key key = pack_text(bucket->s);
    pack_key_u64(&key, index);
    st_err err = store_put(txn, STORE_FEED, pack_key_slice(&key), store_bytes("", 0), error);
    if (err == ST_OK)
        err = sync_bucket_get(txn, bucket->s, &row, error);
    if (err != ST_OK)
        return err;
    row.head = index;
    return bucket_put(txn, bucket->s, &row, error);
}

/* ---- vectors ---- */

st_err sync_vector_get(store_txn *txn, const st_bucket *bucket, st_arena *arena,
                       st_vector *out_vector, st_error *error)
{
    pack_key key = pack_text(bucket->s);
    store_slice bytes = { 0 };
    st_err err = store_get(txn, STORE_VECTOR, pack_key_slice(&key), &bytes, error);
    if (err == ST_OK)
        return st_vector_decode(bytes.data, bytes.len, arena, out_vector, error);
    if (err == ST_E_NOT_FOUND)
        st_vector_init(out_vector, arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err put_vector(store_txn *txn, const st_bucket *bucket, const st_vector *vector,
                         st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, ROW_BYTES_MAX);
    pack_key key = pack_text(bucket->s);
    st_err err = st_vector_encode(vector, &row, error);
    if (err == ST_OK)
        err = store_put(txn, STORE_VECTOR, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

/* Stored, if there is one, and given up. */
static st_err save_kept(fold_vectors *kept, size_t at, store_txn *txn, st_error *error)
{
    st_err err = ST_OK;
    if (kept->buckets[at].s[0] != '\0')
        err = put_vector(txn, &kept->buckets[at], &kept->list[at], error);
    kept->buckets[at].s[0] = '\0';
    st_arena_reset(&kept->arenas[at]);
    return err;
}

static st_err find_kept(sync_fold *fold, st_error *error)
{
    fold_vectors *kept = fold->kept;
    store_txn *txn = fold->turn->txn;
    st_err err = ST_OK;
    size_t at = 0;
    while (at < FOLD_VECTORS && strcmp(kept->buckets[at].s, fold->bucket.s) != 0)
        at++;
    if (at == FOLD_VECTORS) {
        at = kept->next;
        kept->next = (at + 1) % FOLD_VECTORS;
        err = save_kept(kept, at, txn, error);
        st_arena_init(&kept->arenas[at], fold->turn->arena->bytes_max);
        if (err == ST_OK)
            err = sync_vector_get(txn, &fold->bucket, &kept->arenas[at], &kept->list[at], error);
        if (err == ST_OK)
            kept->buckets[at] = fold->bucket;
    }
    if (err == ST_OK)
        fold->vector = &kept->list[at];
    return err;
}

/* Not before it is needed: who only judges opens a fold too. */
static st_err need_vector(sync_fold *fold, st_error *error)
{
    st_arena *arena = fold->turn->arena;
    if (fold->vector != NULL)
        return ST_OK;
    if (fold->kept != NULL)
        return find_kept(fold, error);
    st_vector *vector = st_arena_get(arena, sizeof *vector);
    if (vector == NULL)
        return st_fail(error, ST_E_MEMORY, "fold: out of memory");
    st_err err = sync_vector_get(fold->turn->txn, &fold->bucket, arena, vector, error);
    if (err == ST_OK)
        fold->vector = vector;
    return err;
}

st_err fold_vectors_save(fold_vectors *vectors, store_txn *txn, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < FOLD_VECTORS; i++)
        err = save_kept(vectors, i, txn, error);
    return err;
}

void fold_vectors_end(fold_vectors *vectors)
{
    for (size_t i = 0; i < FOLD_VECTORS; i++)
        st_arena_reset(&vectors->arenas[i]);
    memset(vectors, 0, sizeof *vectors);
}

/* ---- opening ---- */

st_err sync_fold_open(writer_turn *turn, const st_bucket *bucket, uint64_t index,
                      sync_fold *out_fold, st_error *error)
{
    assert(turn->arena != NULL);
    sync_bucket_row row;
    memset(out_fold, 0, sizeof *out_fold);
    out_fold->turn = turn;
    out_fold->bucket = *bucket;
    out_fold->index = index;
    out_fold->slots = st_arena_array(turn->arena, SLOTS, sizeof *out_fold->slots);
    if (out_fold->slots == NULL)
        return st_fail(error, ST_E_MEMORY, "fold: out of memory");
    st_err err = sync_bucket_get(turn->txn, bucket->s, &row, error);
    if (err != ST_OK)
        return err;
    out_fold->sum = row.sum;
    out_fold->records = row.records;
    return ST_OK;
}

st_err sync_fold_is_full(sync_fold *fold, const st_set *set, bool *out_full, st_error *error)
{
    assert(set->changes_count > 0);
    st_err err = need_vector(fold, error);
    if (err == ST_OK)
        *out_full = st_vector_is_full(fold->vector, set->changes, set->changes_count);
    return err;
}

/* ---- records ---- */

/* Where the record is listed, or the free slot where it belongs. */
static uint16_t *find_slot(sync_fold *fold, const st_id *id)
{
    size_t at = ((size_t)id->b[0] << 8 | id->b[1]) % SLOTS;
    while (fold->slots[at] != 0
           && st_id_cmp(&fold->list[fold->slots[at] - 1]->record.id, id) != 0)
        at = (at + 1) % SLOTS;
    return &fold->slots[at];
}

static st_err load_record(sync_fold *fold, const st_id *id, fold_record *out, st_error *error)
{
    st_arena *arena = fold->turn->arena;
    pack_key key = pack_id(id);
    store_slice bytes = { 0 };
    st_err err = store_get(fold->turn->txn, STORE_STATE, pack_key_slice(&key), &bytes, error);
    if (err == ST_E_NOT_FOUND) {
        st_record_init(&out->record, arena, id, &fold->bucket);
        return ST_OK;
    }
    if (err != ST_OK)
        return err;
    const uint8_t *copy = st_arena_copy(arena, bytes.data, bytes.len);
    if (copy == NULL)
        return st_fail(error, ST_E_MEMORY, "fold: out of memory");
    err = st_record_decode(copy, bytes.len, arena, &out->record, error);
    if (err != ST_OK)
        return err;
    if (!out->record.created)                  /* what was declined may have named another */
        out->record.bucket = fold->bucket;
    out->sum = st_record_sum(&out->record);
    out->was_created = out->record.created;
    out->form = sync_record_form(fold->turn->room, &out->record);
    return ST_OK;
}

st_err sync_fold_record(sync_fold *fold, const st_id *id, fold_record **out_record,
                        st_error *error)
{
    uint16_t *slot = find_slot(fold, id);
    if (*slot != 0) {
        *out_record = fold->list[*slot - 1];
        return ST_OK;
    }
    assert(fold->count < SLOTS / 2);
    fold_record *loaded = st_arena_get(fold->turn->arena, sizeof *loaded);
    fold_record **list = fold->list;
    if (fold->count == fold->capacity)
        list = st_arena_grow(fold->turn->arena, fold->list, fold->count, &fold->capacity,
                             sizeof *list);
    if (loaded == NULL || list == NULL)
        return st_fail(error, ST_E_MEMORY, "fold: out of memory");
    fold->list = list;
    st_err err = load_record(fold, id, loaded, error);
    if (err != ST_OK)
        return err;
    fold->list[fold->count++] = loaded;
    *slot = (uint16_t)fold->count;
    *out_record = loaded;
    return ST_OK;
}

st_err sync_fold_history(sync_fold *fold, const st_change *change, st_entry_kind kind,
                         st_error *error)
{
    uint8_t row[17];
    pack_key key = pack_id(&change->record);
    pack_key_u64(&key, fold->index);
    pack_key_u64(&key, change->dot.counter);
    row[0] = (uint8_t)kind;
    memcpy(row + 1, change->dot.device.b, 16);
    return store_put(fold->turn->txn, STORE_HISTORY, pack_key_slice(&key),
                     store_bytes(row, sizeof row), error);
}

st_err sync_fold_change(sync_fold *fold, fold_record *record, const st_change *change,
                        const st_arrival *arrival, st_fold kind, st_error *error)
{
    st_fold_how how = { kind, fold->copies };
    st_err err = need_vector(fold, error);
    if (err != ST_OK)
        return err;
    record->is_touched = true;
    record->is_dirty = record->is_dirty || kind != ST_FOLD_HOLD;
    if (st_merge_fold(fold->vector, &record->record, change, arrival, how) != ST_OK)
        return st_fail(error, ST_E_MEMORY, "fold: out of memory");
    if (record->form == NULL)
        record->form = sync_record_form(fold->turn->room, &record->record);
    return ST_OK;
}

/* ---- closing ---- */

/* The record's part in the sum of its bucket, so that a repair finds it without reading states.
 * What was declined may name a record of another bucket: it is no part of the sum here. */
static st_err save_sum(sync_fold *fold, const st_record *state, const st_sum *sum, st_error *error)
{
    static const st_sum NOTHING = { { 0 } };
    pack_key key = pack_text(fold->bucket.s);
    pack_key_id(&key, &state->id);
    if (state->created && strcmp(state->bucket.s, fold->bucket.s) != 0)
        return ST_OK;
    if (!state->created && memcmp(sum, &NOTHING, sizeof NOTHING) == 0)
        return ST_OK;
    return store_put(fold->turn->txn, STORE_SUMS, pack_key_slice(&key),
                     store_bytes(sum->b, sizeof sum->b), error);
}

static st_err save_state(sync_fold *fold, fold_record *record, st_buffer *row, st_error *error)
{
    st_record *state = &record->record;
    pack_key key = pack_id(&state->id);
    st_buffer_clear(row);
    st_err err = st_record_encode(state, row, error);
    if (err == ST_OK)
        err = store_put(fold->turn->txn, STORE_STATE, pack_key_slice(&key),
                        store_bytes(row->data, row->len), error);
    if (err != ST_OK)
        return err;
    st_sum sum = st_record_sum(state);
    st_sum_subtract(&fold->sum, &record->sum);
    st_sum_add(&fold->sum, &sum);
    record->sum = sum;
    err = save_sum(fold, state, &sum, error);
    if (err != ST_OK || record->was_created || !state->created)
        return err;
    fold->records++;
    st_buffer_clear(row);
    err = st_buffer_append(row, state->form.s, strlen(state->form.s) + 1, error);
    if (err == ST_OK)
        err = st_buffer_append(row, state->bucket.s, strlen(state->bucket.s), error);
    if (err == ST_OK)
        err = store_put(fold->turn->txn, STORE_REC, pack_key_slice(&key),
                        store_bytes(row->data, row->len), error);
    return err;
}

static st_err save_row(sync_fold *fold, fold_record *record, st_buffer *row, st_error *error)
{
    st_row summary;
    st_show_how how;
    memset(&how, 0, sizeof how);
    how.lang = "vi";
    how.offset_minutes = 420;
    how.is_held = record->has_held;
    st_buffer_clear(row);
    st_err err = st_row_make(record->form, &record->record, &how, fold->turn->arena, &summary,
                             error);
    if (err == ST_OK)
        err = st_row_encode(&summary, row, error);
    if (err != ST_OK)
        return err;
    pack_key key = pack_text(record->record.form.s);
    pack_key_id(&key, &record->record.id);
    return store_put(fold->turn->txn, STORE_ROWS, pack_key_slice(&key),
                     store_bytes(row->data, row->len), error);
}

/* What the catalogue's records mean to the server itself. */
static st_err learn(sync_fold *fold, fold_record *record, st_error *error)
{
    sync_room *room = fold->turn->room;
    st_err err = ST_OK;
    if (strcmp(record->record.form.s, CATALOGUE_FORM) == 0)
        err = catalogue_learn(room->catalogue, &record->record, error);
    if (err == ST_OK && record->form == NULL)
        record->form = sync_record_form(room, &record->record);
    if (err == ST_OK && record->form != NULL && record->form->home == ST_HOME_CATALOGUE)
        err = auth_fold(fold->turn->txn, record->form, &record->record, fold->index, error);
    if (err == ST_OK && record->form != NULL && record->form->home == ST_HOME_CATALOGUE)
        err = sync_lock_fold(fold->turn->txn, record->form, &record->record, fold->turn->arena,
                             error);
    return err;
}

static st_err save_record(sync_fold *fold, fold_record *record, st_buffer *row, st_error *error)
{
    st_err err = ST_OK;
    if (record->is_dirty)
        err = save_state(fold, record, row, error);
    if (err == ST_OK)
        err = sync_held_any(fold->turn->txn, &record->record.id, &record->has_held, error);
    if (err != ST_OK || !record->record.created)
        return err;
    if (record->is_dirty)
        err = learn(fold, record, error);
    if (err == ST_OK && record->form != NULL)
        err = save_row(fold, record, row, error);
    return err;
}

st_err sync_fold_close(sync_fold *fold, st_error *error)
{
    st_buffer row;
    sync_bucket_row bucket;
    store_txn *txn = fold->turn->txn;
    st_buffer_init(&row, ROW_BYTES_MAX);
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < fold->count; i++)
        if (fold->list[i]->is_touched)
            err = save_record(fold, fold->list[i], &row, error);
    if (err == ST_OK && fold->vector != NULL && fold->kept == NULL)
        err = put_vector(txn, &fold->bucket, fold->vector, error);
    if (err == ST_OK)
        err = sync_bucket_get(txn, fold->bucket.s, &bucket, error);
    if (err == ST_OK) {
        bucket.sum = fold->sum;
        bucket.records = fold->records;
        err = bucket_put(txn, fold->bucket.s, &bucket, error);
    }
    st_buffer_free(&row);
    return err;
}
