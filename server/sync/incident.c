/* server/sync/incident.c - the list of repairs that devices asked for.
 * Promises: what a device brings as evidence is on disk before it is told how to repair, and stays;
 * a device has a bounded number of them, and one holds a bounded amount. Must never touch the
 * state. */
#include "server/sync/incident.h"

#include <string.h>

#include "proto/record.h"
#include "server/store/pack.h"
#include "server/sync/erase.h"
#include "server/sync/fold.h"
#include "server/sync/repair.h"

#define ROW_BYTES_MAX   (INCIDENT_EVIDENCE_BYTES + 1024u * 1024u)
#define RECORDS_MAX     4096u
#define ARENA_BYTES_MAX ((size_t)32 * 1024 * 1024)

static st_err no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "incident: out of memory");
}

static pack_key key_of(const st_id *device, uint64_t n)
{
    pack_key key = pack_id(device);
    pack_key_u64(&key, n);
    return key;
}

/* ---- the row ---- */

static st_err encode(const sync_incident *in, st_buffer *row)
{
    st_err err = pack_put_u64(row, (uint64_t)in->time_ms);
    if (err == ST_OK)
        err = pack_put_string(row, in->bucket.s, strlen(in->bucket.s));
    if (err == ST_OK)
        err = pack_put_u64(row, in->cursor);
    if (err == ST_OK)
        err = pack_put(row, in->theirs.b, sizeof in->theirs.b);
    if (err == ST_OK)
        err = pack_put(row, in->ours.b, sizeof in->ours.b);
    if (err == ST_OK)
        err = pack_put_u64(row, in->records_count);
    for (uint32_t i = 0; err == ST_OK && i < in->records_count; i++)
        err = pack_put(row, in->records[i].b, sizeof in->records[i].b);
    if (err == ST_OK)
        err = pack_put_u64(row, in->evidence_count);
    for (uint32_t i = 0; err == ST_OK && i < in->evidence_count; i++) {
        err = pack_put(row, in->evidence[i].record.b, 16);
        if (err == ST_OK)
            err = pack_put_string(row, in->evidence[i].state, in->evidence[i].state_len);
    }
    return err;
}

static st_err is_damaged(st_error *error)
{
    return st_fail(error, ST_E_CORRUPT, "store: a row of incident is damaged");
}

static st_err decode_evidence(pack_reader *reader, st_arena *arena, sync_incident *out,
                              st_error *error)
{
    st_repair_evidence *list = st_arena_array(arena, out->evidence_count, sizeof *list);
    if (list == NULL)
        return no_memory(error);
    for (uint32_t i = 0; i < out->evidence_count; i++) {
        pack_get(reader, list[i].record.b, 16);
        store_slice state = pack_get_string(reader);
        list[i].state = state.data;
        list[i].state_len = state.len;
    }
    out->evidence = list;
    return ST_OK;
}

/* What stands before the evidence, with how much of that there is; the reader is left in front of
 * it. Takes no memory: the row must outlive the incident. */
static st_err decode_head(store_slice key, pack_reader *reader, sync_incident *out, st_error *error)
{
    sync_incident in;
    memset(&in, 0, sizeof in);
    if (key.len != 24)
        return st_fail(error, ST_E_CORRUPT, "store: a key of incident is damaged");
    memcpy(in.device.b, key.data, 16);
    in.n = st_get_u64((const uint8_t *)key.data + 16);
    in.time_ms = (int64_t)pack_get_u64(reader);
    pack_get_text(reader, in.bucket.s, sizeof in.bucket.s);
    in.cursor = pack_get_u64(reader);
    pack_get(reader, in.theirs.b, sizeof in.theirs.b);
    pack_get(reader, in.ours.b, sizeof in.ours.b);
    uint64_t records = pack_get_u64(reader);
    if (records > reader->len / sizeof *in.records)
        return is_damaged(error);
    in.records = (const st_id *)reader->data; /* bytes, as they stand there */
    in.records_count = (uint32_t)records;
    size_t taken = in.records_count * sizeof *in.records;
    reader->data += taken;
    reader->len -= taken;
    uint64_t count = pack_get_u64(reader);
    if (reader->is_bad || count > reader->len / 20)
        return is_damaged(error);
    in.evidence_count = (uint32_t)count;
    *out = in;
    return ST_OK;
}

/* The row must outlive the incident. */
static st_err decode(store_slice key, store_slice row, st_arena *arena, sync_incident *out,
                     st_error *error)
{
    sync_incident in;
    pack_reader reader = pack_read(row);
    st_err err = decode_head(key, &reader, &in, error);
    if (err == ST_OK)
        err = decode_evidence(&reader, arena, &in, error);
    if (err == ST_OK)
        err = pack_end(&reader, "incident", error);
    if (err == ST_OK)
        *out = in;
    return err;
}

/* ---- noting ---- */

/* Goes back from where the cursor stands to an incident of the device about the bucket, or stays
 * where that is NULL. */
static st_err go_back(store_cursor *cursor, const st_id *device, const st_bucket *bucket,
                      st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK && bucket != NULL && store_has_prefix(cursor, store_bytes(device->b, 16))) {
        sync_incident in;
        pack_reader reader = pack_read(cursor->value);
        err = decode_head(cursor->key, &reader, &in, error);
        if (err == ST_OK && strcmp(in.bucket.s, bucket->s) == 0)
            break;
        if (err == ST_OK)
            err = store_previous(cursor, error);
    }
    return err;
}

/* The last incident of the device about the bucket (NULL: of any); n is 0 when it has none. Copied
 * out of the transaction. */
static st_err find_last(writer_turn *turn, const st_id *device, const st_bucket *bucket,
                        sync_incident *out, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key behind = key_of(device, UINT64_MAX);
    memset(out, 0, sizeof *out);
    out->device = *device;
    st_err err = store_cursor_open(turn->txn, STORE_INCIDENT, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, pack_key_slice(&behind), error);
    if (err == ST_OK)
        err = go_back(&cursor, device, bucket, error);
    if (err == ST_OK && store_has_prefix(&cursor, store_bytes(device->b, 16))) {
        uint8_t *row = st_arena_copy(turn->arena, cursor.value.data, cursor.value.len);
        err = row == NULL
                  ? no_memory(error)
                  : decode(cursor.key, store_bytes(row, cursor.value.len), turn->arena, out, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static bool has_evidence(const sync_incident *in, const st_repair_evidence *one)
{
    for (uint32_t i = 0; i < in->evidence_count; i++)
        if (st_id_cmp(&in->evidence[i].record, &one->record) == 0 &&
            in->evidence[i].state_len == one->state_len &&
            memcmp(in->evidence[i].state, one->state, one->state_len) == 0)
            return true;
    return false;
}

/* Has it all that the ask shows? The same may be shown again when an answer was lost. */
static bool has_all_evidence(const sync_incident *in, const st_repair_ask *ask)
{
    for (uint32_t i = 0; i < ask->evidence_count; i++)
        if (!has_evidence(in, &ask->evidence[i]))
            return false;
    return true;
}

/* Is there room in it for what is shown? */
static bool has_room(const sync_incident *in, const st_repair_ask *ask)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < in->evidence_count; i++)
        bytes += in->evidence[i].state_len;
    for (uint32_t i = 0; i < ask->evidence_count; i++)
        bytes += has_evidence(in, &ask->evidence[i]) ? 0 : ask->evidence[i].state_len;
    return bytes <= INCIDENT_EVIDENCE_BYTES;
}

/* Does the ask begin one, or go on with the last one of its bucket? What is shown without question
 * is what a device had beyond the log of an older copy: an incident of its own, or several. The one
 * of a repair may be gone from a full list before it held anything: then the last is an older one,
 * and may be full. */
static bool is_new(const sync_incident *last, const st_repair_ask *ask)
{
    bool asks = sync_repair_asks(ask);
    if (last->n == 0)
        return true;
    if (!asks && has_all_evidence(last, ask))
        return false;
    bool same = last->cursor == ask->cursor && memcmp(&last->theirs, &ask->sum, 16) == 0;
    bool begins = ask->ranges_count > 0 && ask->ranges[0].count == 0;
    return (asks ? begins && !same : !same) || !has_room(last, ask);
}

static bool has_record(const sync_incident *in, const st_id *id)
{
    for (uint32_t i = 0; i < in->records_count; i++)
        if (st_id_cmp(&in->records[i], id) == 0)
            return true;
    return false;
}

static st_err add_records(writer_turn *turn, sync_incident *in, const st_repair_ask *ask,
                          st_error *error)
{
    size_t room = (size_t)in->records_count + ask->records_count + ask->whole_count;
    st_id *ids = st_arena_array(turn->arena, room, sizeof *ids);
    if (ids == NULL)
        return no_memory(error);
    if (in->records_count > 0)
        memcpy(ids, in->records, in->records_count * sizeof *ids);
    in->records = ids;
    for (uint32_t i = 0; i < ask->records_count + ask->whole_count; i++) {
        const st_id *id =
            i < ask->records_count ? &ask->records[i] : &ask->whole[i - ask->records_count];
        if (in->records_count < RECORDS_MAX && !has_record(in, id))
            ids[in->records_count++] = *id;
    }
    return ST_OK;
}

/* Takes the values out of a state; of one that cannot be read nothing is left, since nobody can say
 * what stands in it. *out_any: something was taken. Memory from the turn. */
static st_err strip(writer_turn *turn, st_repair_evidence *one, const st_erasure *list,
                    size_t count, bool *out_any, st_error *error)
{
    st_record record;
    st_buffer left;
    st_err err = st_record_decode(one->state, one->state_len, turn->arena, &record, NULL);
    if (err == ST_E_MEMORY)
        return no_memory(error);
    *out_any = *out_any || err != ST_OK;
    if (err != ST_OK)
        one->state_len = 0;
    if (err != ST_OK || !st_record_erase(&record, list, count))
        return ST_OK;
    st_buffer_init(&left, ROW_BYTES_MAX);
    err = st_record_encode(&record, &left, error);
    if (err == ST_OK) {
        one->state_len = left.len;
        one->state = st_arena_copy(turn->arena, left.data, left.len);
        *out_any = true;
        if (one->state == NULL)
            err = no_memory(error);
    }
    st_buffer_free(&left);
    return err;
}

/* A device that has not heard of an erasure shows what was destroyed here. */
static st_err strip_known(writer_turn *turn, st_repair_evidence *one, st_error *error)
{
    st_record record;
    const st_erasure *list = NULL;
    size_t count = 0;
    bool any = false;
    st_err err = st_record_decode(one->state, one->state_len, turn->arena, &record, NULL);
    if (err != ST_OK)
        return err == ST_E_MEMORY ? no_memory(error) : ST_OK;
    err = sync_erase_known(turn, &record, &list, &count, error);
    return err == ST_OK && count > 0 ? strip(turn, one, list, count, &any, error) : err;
}

static st_err add_evidence(writer_turn *turn, sync_incident *in, const st_repair_ask *ask,
                           bool *out_kept, st_error *error)
{
    size_t bytes = 0;
    st_repair_evidence *list =
        st_arena_array(turn->arena, (size_t)in->evidence_count + ask->evidence_count, sizeof *list);
    if (list == NULL)
        return no_memory(error);
    for (uint32_t i = 0; i < in->evidence_count; i++) {
        list[i] = in->evidence[i];
        bytes += in->evidence[i].state_len;
    }
    in->evidence = list;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < ask->evidence_count; i++) {
        st_repair_evidence one = ask->evidence[i];
        err = strip_known(turn, &one, error);
        if (err != ST_OK || has_evidence(in, &one))
            continue;
        bytes += one.state_len;
        if (bytes > INCIDENT_EVIDENCE_BYTES) {
            *out_kept = false;
            break;
        }
        list[in->evidence_count++] = one;
    }
    return err;
}

/* How many the device has, and the n of the oldest without evidence; 0: all have some. */
static st_err find_spare(writer_turn *turn, const st_id *device, uint32_t *out_count,
                         uint64_t *out_n, st_error *error)
{
    store_cursor cursor = { 0 };
    *out_count = 0;
    *out_n = 0;
    st_err err = store_cursor_open(turn->txn, STORE_INCIDENT, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_bytes(device->b, 16), error);
    while (err == ST_OK && store_has_prefix(&cursor, store_bytes(device->b, 16))) {
        sync_incident in;
        pack_reader reader = pack_read(cursor.value);
        err = decode_head(cursor.key, &reader, &in, error);
        *out_count += 1;
        if (err == ST_OK && *out_n == 0 && in.evidence_count == 0)
            *out_n = in.n;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* Where the device has as many as are listed, one without evidence goes. False: there is none. */
static st_err make_room(writer_turn *turn, const st_id *device, bool *out_has_room,
                        st_error *error)
{
    uint32_t count = 0;
    uint64_t n = 0;
    st_err err = find_spare(turn, device, &count, &n, error);
    *out_has_room = count < INCIDENTS_MAX || n > 0;
    if (err != ST_OK || count < INCIDENTS_MAX || n == 0)
        return err;
    pack_key key = key_of(device, n);
    return store_delete(turn->txn, STORE_INCIDENT, pack_key_slice(&key), error);
}

static st_err begin(writer_turn *turn, const st_repair_ask *ask, sync_incident *in, st_error *error)
{
    sync_bucket_row bucket;
    sync_row row;
    uint64_t n = in->n + 1;
    st_id device = in->device;
    memset(in, 0, sizeof *in);
    in->device = device;
    in->n = n;
    in->time_ms = sync_log_time(turn);
    in->bucket = ask->bucket;
    in->cursor = ask->cursor;
    in->theirs = ask->sum;
    st_err err = sync_bucket_get(turn->txn, ask->bucket.s, &bucket, error);
    if (err != ST_OK)
        return err;
    in->ours = bucket.sum;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_NOTE;
    row.device = device;
    return sync_log_append(turn, &row, NULL, error);
}

static st_err put(writer_turn *turn, const sync_incident *in, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, ROW_BYTES_MAX);
    pack_key key = key_of(&in->device, in->n);
    st_err err = encode(in, &row);
    err = err != ST_OK ? st_fail(error, err, "incident: does not fit")
                       : store_put(turn->txn, STORE_INCIDENT, pack_key_slice(&key),
                                   store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    return err;
}

st_err sync_incident_note(writer_turn *turn, const st_id *device, const st_repair_ask *ask,
                          bool *out_kept, st_error *error)
{
    sync_incident in;
    bool begins = false;
    *out_kept = true;
    st_err err = find_last(turn, device, &ask->bucket, &in, error);
    bool is_another = err == ST_OK && is_new(&in, ask);
    if (is_another)
        err = find_last(turn, device, NULL, &in, error);
    if (err == ST_OK && is_another)
        err = make_room(turn, device, &begins, error);
    if (err == ST_OK && begins)
        err = begin(turn, ask, &in, error);
    if (err == ST_OK)
        err = add_records(turn, &in, ask, error);
    if (err == ST_OK)
        err = add_evidence(turn, &in, ask, out_kept, error);
    if (err != ST_OK)
        return err;
    return put(turn, &in, error);
}

/* ---- what the law wants destroyed ---- */

/* What is to go. */
typedef struct {
    const st_erasure *list;
    size_t count;
} erasures;

/* Incidents that hold evidence of a record. */
typedef struct {
    const st_id *record;
    pack_key *keys;            /* in the turn's arena */
    size_t count, capacity;
} holders;

static bool shows(const sync_incident *in, const st_id *record)
{
    for (uint32_t i = 0; i < in->evidence_count; i++)
        if (st_id_cmp(&in->evidence[i].record, record) == 0)
            return true;
    return false;
}

static st_err find_holders(writer_turn *turn, holders *found, st_error *error)
{
    store_cursor cursor = { 0 };
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = store_cursor_open(turn->txn, STORE_INCIDENT, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        sync_incident in;
        err = decode(cursor.key, cursor.value, &arena, &in, error);
        if (err == ST_OK && shows(&in, found->record)) {
            pack_key *grown = st_arena_grow(turn->arena, found->keys, found->count,
                                            &found->capacity, sizeof *grown);
            found->keys = grown;
            if (grown != NULL)
                grown[found->count++] = key_of(&in.device, in.n);
            else
                err = no_memory(error);
        }
        st_arena_reset(&arena);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static st_err erase_one(writer_turn *turn, const pack_key *key, const st_id *record,
                        erasures gone, st_error *error)
{
    store_slice row = { 0 };
    sync_incident in;
    bool any = false;
    memset(&in, 0, sizeof in);
    st_err err = store_get(turn->txn, STORE_INCIDENT, pack_key_slice(key), &row, error);
    const uint8_t *copy = err == ST_OK ? st_arena_copy(turn->arena, row.data, row.len) : NULL;
    if (err == ST_OK && copy == NULL)
        err = no_memory(error);
    if (err == ST_OK)
        err = decode(pack_key_slice(key), store_bytes(copy, row.len), turn->arena, &in, error);
    st_repair_evidence *list = (st_repair_evidence *)(uintptr_t)in.evidence; /* made by decode */
    for (uint32_t i = 0; err == ST_OK && i < in.evidence_count; i++) {
        if (st_id_cmp(&list[i].record, record) == 0)
            err = strip(turn, &list[i], gone.list, gone.count, &any, error);
    }
    return err == ST_OK && any ? put(turn, &in, error) : err;
}

st_err sync_incident_erase(writer_turn *turn, const st_id *record, const st_erasure *list,
                           size_t count, st_error *error)
{
    holders found = { .record = record };
    const erasures gone = { list, count };
    st_err err = find_holders(turn, &found, error);
    for (size_t i = 0; err == ST_OK && i < found.count; i++)
        err = erase_one(turn, &found.keys[i], record, gone, error);
    return err;
}

/* ---- reading ---- */

st_err sync_incident_each(store_txn *txn,
                          bool (*each)(void *context, const sync_incident *incident), void *context,
                          st_error *error)
{
    store_cursor cursor = { 0 };
    st_arena arena;
    bool goes_on = true;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = store_cursor_open(txn, STORE_INCIDENT, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid && goes_on) {
        sync_incident in;
        err = decode(cursor.key, cursor.value, &arena, &in, error);
        if (err == ST_OK)
            goes_on = each(context, &in);
        st_arena_reset(&arena);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    st_arena_reset(&arena);
    return err;
}
