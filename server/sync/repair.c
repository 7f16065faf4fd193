/* server/sync/repair.c - what the log says of ranges and records of a bucket.
 * Promises: one moment for all of an answer; bounded memory for each frame. Must never show a
 * record of another bucket than the one asked about. */
#include "server/sync/repair.h"

#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/held.h"

#define ARENA_BYTES_MAX ((size_t)128 * 1024 * 1024)
#define RECORD_BYTES    (3u * 1024u * 1024u) /* of the sets of one record in a frame */

typedef struct {
    store_txn *txn;
    const st_repair_ask *ask;
    const feed_sink *sink;
    st_frame frame; /* its head is the same for all frames */
    st_arena arena; /* of one frame */
} repair;

static st_repair_answer *head(repair *r)
{
    st_repair_answer *answer = &r->frame.as.repair_answer;
    answer->ranges = NULL;
    answer->records = NULL;
    answer->vector = NULL;
    answer->ranges_count = answer->records_count = 0;
    answer->vector_len = 0;
    return answer;
}

static st_err send(repair *r, st_error *error)
{
    st_err err = r->sink->emit(r->sink->context, &r->frame, error);
    st_arena_reset(&r->arena);
    return err;
}

bool sync_repair_asks(const st_repair_ask *ask)
{
    return ask->ranges_count + ask->records_count + ask->whole_count > 0;
}

/* ---- ranges ---- */

/* The sums of all records of the bucket, ascending by id. */
static st_err read_totals(repair *r, const st_record_total **out, size_t *out_count,
                          st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key prefix = pack_text(r->ask->bucket.s);
    st_record_total *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = store_cursor_open(r->txn, STORE_SUMS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    while (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        if (count == capacity)
            list = st_arena_grow(&r->arena, list, count, &capacity, sizeof *list);
        if (list == NULL || cursor.key.len != prefix.len + 16 || cursor.value.len != 16) {
            err = list == NULL ? st_fail(error, ST_E_MEMORY, "repair: out of memory")
                               : st_fail(error, ST_E_CORRUPT, "store: a row of sums is damaged");
            break;
        }
        memcpy(list[count].id.b, (const uint8_t *)cursor.key.data + prefix.len, 16);
        memcpy(list[count].sum.b, cursor.value.data, 16);
        count++;
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    *out = list;
    *out_count = count;
    return err;
}

static st_err put_ranges(repair *r, st_repair_answer *answer, st_error *error)
{
    const st_record_total *totals = NULL;
    size_t count = 0;
    st_err err = read_totals(r, &totals, &count, error);
    st_repair_range *ranges = st_arena_array(&r->arena, r->ask->ranges_count, sizeof *ranges);
    if (err == ST_OK && ranges == NULL)
        err = st_fail(error, ST_E_MEMORY, "repair: out of memory");
    for (uint32_t i = 0; err == ST_OK && i < r->ask->ranges_count; i++)
        err = st_repair_describe(&r->ask->ranges[i], totals, count, &r->arena, &ranges[i], error);
    answer->ranges = ranges;
    answer->ranges_count = r->ask->ranges_count;
    return err;
}

/* The vector, unless the device has the same. */
static st_err put_vector(repair *r, st_repair_answer *answer, st_error *error)
{
    store_slice bytes = { "", 0 };
    pack_key key = pack_text(r->ask->bucket.s);
    st_err err = store_get(r->txn, STORE_VECTOR, pack_key_slice(&key), &bytes, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    st_hash hash = st_sha256(bytes.data, bytes.len);
    if (r->ask->has_vector && memcmp(hash.b, r->ask->vector, sizeof r->ask->vector) != 0) {
        answer->vector = bytes.data;
        answer->vector_len = bytes.len;
    }
    return ST_OK;
}

/* ---- records ---- */

static void fill_entry(const sync_row *row, uint64_t index, bool whole, st_entry *entry)
{
    entry->index = index;
    entry->time_ms = row->time_ms;
    entry->kind = row->kind;
    entry->held = row->held;
    entry->held_count = row->held_count;
    entry->has_carrier = !st_id_is_zero(&row->carrier);
    entry->carrier = row->carrier;
    entry->counters = row->counters;
    entry->counters_count = row->counters_count;
    if (whole && row->set.len > 0) {
        entry->set = row->set.data;
        entry->set_len = row->set.len;
        return;
    }
    entry->device = row->device;
    entry->first = row->first;
    entry->last = row->last;
}

typedef struct {
    st_entry *list;
    size_t count, capacity, bytes;
} entry_list;

/* What of this record is held still comes with what it is held for now: the entries that changed it
 * are in no record's history. */
static st_err renew_reasons(repair *r, const st_id *id, const sync_row *row, st_entry *entry,
                            st_error *error)
{
    st_held *held = st_arena_array(&r->arena, row->held_count, sizeof *held);
    st_err err = held == NULL ? st_fail(error, ST_E_MEMORY, "repair: out of memory") : ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        held[i] = row->held[i];
        err = sync_held_now(r->txn, id, &row->device, &held[i], error);
    }
    entry->held = held;
    return err;
}

/* A set of another bucket may name the record too: it is held there, and nobody's here. */
static st_err add_entry(repair *r, const st_id *id, entry_list *entries, uint64_t index, bool whole,
                        st_error *error)
{
    sync_row row;
    st_err err = sync_row_get(r->txn, index, &r->arena, &row, error);
    if (err != ST_OK || strcmp(row.bucket.s, r->ask->bucket.s) != 0)
        return err;
    if (entries->count == entries->capacity)
        entries->list = st_arena_grow(&r->arena, entries->list, entries->count, &entries->capacity,
                                      sizeof *entries->list);
    if (entries->list == NULL)
        return st_fail(error, ST_E_MEMORY, "repair: out of memory");
    st_entry *entry = &entries->list[entries->count++];
    memset(entry, 0, sizeof *entry);
    fill_entry(&row, index, whole, entry);
    if (row.held_count > 0)
        err = renew_reasons(r, id, &row, entry, error);
    if (err == ST_OK)
        err = sync_row_reason(&row, &r->arena, &entry->reason, error);
    entries->bytes += entry->set_len + (entry->reason == NULL ? 0 : strlen(entry->reason));
    return err;
}

/* Every entry that the history of the record names, each once. */
static st_err read_entries(repair *r, const st_id *id, bool whole, entry_list *out, st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t before = 0;
    store_slice prefix = store_bytes(id->b, sizeof id->b);
    st_err err = store_cursor_open(r->txn, STORE_HISTORY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && cursor.key.len == 32 && store_has_prefix(&cursor, prefix)) {
        uint64_t index = st_get_u64((const uint8_t *)cursor.key.data + 16);
        if (index != before && out->bytes <= RECORD_BYTES)
            err = add_entry(r, id, out, index, whole, error);
        before = index;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err send_record(repair *r, const st_id *id, bool whole, st_error *error)
{
    entry_list entries = { 0 };
    st_err err = read_entries(r, id, whole, &entries, error);
    st_repair_record *record = st_arena_get(&r->arena, sizeof *record);
    if (err == ST_OK && record == NULL)
        err = st_fail(error, ST_E_MEMORY, "repair: out of memory");
    if (err != ST_OK || entries.bytes > RECORD_BYTES) {
        st_arena_reset(&r->arena);
        return err;
    }
    record->record = *id;
    record->entries = entries.list;
    record->entries_count = (uint32_t)entries.count;
    st_repair_answer *answer = head(r);
    answer->records = record;
    answer->records_count = 1;
    return send(r, error);
}

st_err sync_repair_answer(store_txn *txn, const st_repair_ask *ask, uint64_t position,
                          const feed_sink *sink, st_error *error)
{
    repair r = { .txn = txn, .ask = ask, .sink = sink };
    sync_bucket_row bucket;
    st_arena_init(&r.arena, ARENA_BYTES_MAX);
    r.frame.kind = ST_FRAME_REPAIR_ANSWER;
    st_repair_answer *answer = head(&r);
    answer->bucket = ask->bucket;
    answer->cursor = position;
    st_err err = sync_bucket_get(txn, ask->bucket.s, &bucket, error);
    answer->sum = bucket.sum;
    if (err == ST_OK)
        err = put_ranges(&r, answer, error);
    if (err == ST_OK)
        err = put_vector(&r, answer, error);
    if (err == ST_OK)
        err = send(&r, error);
    for (uint32_t i = 0; err == ST_OK && i < ask->records_count; i++)
        err = send_record(&r, &ask->records[i], false, error);
    for (uint32_t i = 0; err == ST_OK && i < ask->whole_count; i++)
        err = send_record(&r, &ask->whole[i], true, error);
    st_arena_reset(&r.arena);
    return err;
}

st_err sync_repair_kept(const st_repair_ask *ask, const feed_sink *sink, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_REPAIR_ANSWER };
    frame.as.repair_answer.bucket = ask->bucket;
    return sink->emit(sink->context, &frame, error);
}
