/* proto/repair_wire.c - the two frames of a repair, both directions.
 * Promises: lists are bounded before memory is taken, ranges and records rise without doubles.
 * Must never: look inside a state that is sent as evidence. */
#include <string.h>

#include "proto/message_parts.h"

#define BRIEF_BYTES  8u
#define LISTED_BYTES 24u

/* ---- reading ---- */

/* Half-bytes behind the prefix must be zero: one range has one spelling. */
static bool get_range(const ProtobufCBinaryData *from, st_range *out)
{
    memset(out, 0, sizeof *out);
    if (from->len == 0 || from->data[0] > 32 || from->len != 1u + (from->data[0] + 1u) / 2)
        return false;
    out->count = from->data[0];
    memcpy(out->b, from->data + 1, from->len - 1);
    return out->count % 2 == 0 || (out->b[out->count / 2] & 15u) == 0;
}

static st_err get_ids(const ProtobufCBinaryData *from, size_t count, st_arena *arena,
                      const st_id **out, st_error *error)
{
    if (count > ST_REPAIR_RECORDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more records than a repair may name");
    st_id *ids = st_arena_array(arena, count, sizeof *ids);
    if (ids == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++)
        if (!message_bytes(&from[i], ids[i].b, sizeof ids[i].b) ||
            (i > 0 && st_id_cmp(&ids[i - 1], &ids[i]) >= 0))
            return message_corrupt(error, "bad records of a repair");
    *out = ids;
    return ST_OK;
}

static st_err get_evidence(const Sotay__RepairAsk *from, st_arena *arena, st_repair_ask *out,
                           st_error *error)
{
    if (from->n_evidence > ST_REPAIR_RECORDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more evidence than a repair may bring");
    st_repair_evidence *list = st_arena_array(arena, from->n_evidence, sizeof *list);
    if (list == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_evidence; i++) {
        const Sotay__RepairEvidence *one = from->evidence[i];
        if (!message_bytes(&one->record, list[i].record.b, sizeof list[i].record.b) ||
            one->state.len > ST_REPAIR_STATE_MAX)
            return message_corrupt(error, "bad evidence of a repair");
        list[i].state = one->state.data;
        list[i].state_len = one->state.len;
    }
    out->evidence = list;
    out->evidence_count = (uint32_t)from->n_evidence;
    return ST_OK;
}

st_err message_get_repair_ask(const Sotay__RepairAsk *from, st_arena *arena, st_repair_ask *out,
                              st_error *error)
{
    if (!st_bucket_set(&out->bucket, from->bucket, strlen(from->bucket)) ||
        !message_bytes(&from->sum, out->sum.b, sizeof out->sum.b) ||
        !message_optional(&from->vector, out->vector, sizeof out->vector, &out->has_vector))
        return message_corrupt(error, "bad repair");
    if (from->n_ranges > ST_REPAIR_RANGES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more ranges than a repair may name");
    out->cursor = from->cursor;
    st_range *ranges = st_arena_array(arena, from->n_ranges, sizeof *ranges);
    if (ranges == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_ranges; i++)
        if (!get_range(&from->ranges[i], &ranges[i]))
            return message_corrupt(error, "bad range of a repair");
    out->ranges = ranges;
    out->ranges_count = (uint32_t)from->n_ranges;
    out->records_count = (uint32_t)from->n_records;
    out->whole_count = (uint32_t)from->n_whole;
    st_err err = get_ids(from->records, from->n_records, arena, &out->records, error);
    if (err == ST_OK)
        err = get_ids(from->whole, from->n_whole, arena, &out->whole, error);
    return err == ST_OK ? get_evidence(from, arena, out, error) : err;
}

static st_err get_list(const Sotay__RepairRange *from, st_arena *arena, st_repair_range *out,
                       st_error *error)
{
    size_t count = from->records.len / LISTED_BYTES;
    if (from->records.len % LISTED_BYTES != 0 || count > ST_REPAIR_LIST_MAX || from->parts.len > 0)
        return message_corrupt(error, "bad list of a range");
    st_record_brief *list = st_arena_array(arena, count, sizeof *list);
    if (list == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = from->records.data + i * LISTED_BYTES;
        memcpy(list[i].id.b, at, 16);
        memcpy(list[i].sum.b, at + 16, BRIEF_BYTES);
        if (!st_range_has(&out->range, &list[i].id) ||
            (i > 0 && st_id_cmp(&list[i - 1].id, &list[i].id) >= 0))
            return message_corrupt(error, "a list of records that is not the range's");
    }
    out->records = list;
    out->records_count = (uint32_t)count;
    return ST_OK;
}

static st_err get_answer_range(const Sotay__RepairRange *from, st_arena *arena,
                               st_repair_range *out, st_error *error)
{
    if (!get_range(&from->prefix, &out->range))
        return message_corrupt(error, "bad range of a repair");
    out->is_list = from->is_list;
    if (out->is_list)
        return get_list(from, arena, out, error);
    if (from->records.len > 0 || out->range.count >= 32 ||
        !message_bytes(&from->parts, out->parts, sizeof out->parts))
        return message_corrupt(error, "bad parts of a range");
    return ST_OK;
}

static st_err get_answer_record(const Sotay__RepairRecord *from, st_arena *arena,
                                st_repair_record *out, st_error *error)
{
    st_entry *entries = st_arena_array(arena, from->n_entries, sizeof *entries);
    if (entries == NULL)
        return message_no_memory(error);
    if (!message_bytes(&from->record, out->record.b, sizeof out->record.b))
        return message_corrupt(error, "bad record of a repair");
    for (size_t i = 0; i < from->n_entries; i++) {
        st_err err = message_entry(from->entries[i], arena, &entries[i], error);
        if (err != ST_OK)
            return err;
        if (entries[i].index == 0 || (i > 0 && entries[i].index <= entries[i - 1].index))
            return message_corrupt(error, "entries of a record do not rise");
    }
    out->entries = entries;
    out->entries_count = (uint32_t)from->n_entries;
    return ST_OK;
}

st_err message_get_repair_answer(const Sotay__RepairAnswer *from, st_arena *arena,
                                 st_repair_answer *out, st_error *error)
{
    if (!st_bucket_set(&out->bucket, from->bucket, strlen(from->bucket)) ||
        !message_bytes(&from->sum, out->sum.b, sizeof out->sum.b))
        return message_corrupt(error, "bad answer to a repair");
    out->cursor = from->cursor;
    out->vector = from->vector.len > 0 ? from->vector.data : NULL;
    out->vector_len = from->vector.len;
    if (from->n_ranges > ST_REPAIR_RANGES_MAX || from->n_records > 2 * ST_REPAIR_RECORDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than a repair may say");
    st_repair_range *ranges = st_arena_array(arena, from->n_ranges, sizeof *ranges);
    st_repair_record *records = st_arena_array(arena, from->n_records, sizeof *records);
    if (ranges == NULL || records == NULL)
        return message_no_memory(error);
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < from->n_ranges; i++)
        err = get_answer_range(from->ranges[i], arena, &ranges[i], error);
    for (size_t i = 0; err == ST_OK && i < from->n_records; i++)
        err = get_answer_record(from->records[i], arena, &records[i], error);
    out->ranges = ranges;
    out->ranges_count = (uint32_t)from->n_ranges;
    out->records = records;
    out->records_count = (uint32_t)from->n_records;
    return err;
}

/* ---- writing ---- */

static ProtobufCBinaryData put_range(message_builder *b, const st_range *range)
{
    size_t len = 1u + (range->count + 1u) / 2;
    uint8_t *bytes = message_make(b, len, 1);
    if (bytes == NULL)
        return (ProtobufCBinaryData){ 0 };
    bytes[0] = range->count;
    memcpy(bytes + 1, range->b, len - 1);
    return message_view(bytes, len);
}

static ProtobufCBinaryData *put_ids(message_builder *b, const st_id *ids, uint32_t count)
{
    ProtobufCBinaryData *list = message_make(b, count, sizeof *list);
    for (uint32_t i = 0; list != NULL && i < count; i++)
        list[i] = message_view(ids[i].b, sizeof ids[i].b);
    return list;
}

static void put_evidence(message_builder *b, const st_repair_ask *ask, Sotay__RepairAsk *out)
{
    out->evidence = message_make(b, ask->evidence_count, sizeof *out->evidence);
    Sotay__RepairEvidence *list = message_make(b, ask->evidence_count, sizeof *list);
    for (uint32_t i = 0; !b->no_memory && i < ask->evidence_count; i++) {
        sotay__repair_evidence__init(&list[i]);
        list[i].record = message_view(ask->evidence[i].record.b, 16);
        list[i].state = message_view(ask->evidence[i].state, ask->evidence[i].state_len);
        out->evidence[i] = &list[i];
    }
    out->n_evidence = ask->evidence_count;
}

void message_put_repair_ask(message_builder *b, const st_repair_ask *ask, Sotay__RepairAsk *out)
{
    sotay__repair_ask__init(out);
    out->bucket = message_string(ask->bucket.s);
    out->cursor = ask->cursor;
    out->sum = message_view(ask->sum.b, sizeof ask->sum.b);
    if (ask->has_vector)
        out->vector = message_view(ask->vector, sizeof ask->vector);
    out->ranges = message_make(b, ask->ranges_count, sizeof *out->ranges);
    for (uint32_t i = 0; !b->no_memory && i < ask->ranges_count; i++)
        out->ranges[i] = put_range(b, &ask->ranges[i]);
    out->n_ranges = ask->ranges_count;
    out->records = put_ids(b, ask->records, ask->records_count);
    out->n_records = ask->records_count;
    out->whole = put_ids(b, ask->whole, ask->whole_count);
    out->n_whole = ask->whole_count;
    put_evidence(b, ask, out);
}

static void put_answer_range(message_builder *b, const st_repair_range *range,
                             Sotay__RepairRange *out)
{
    sotay__repair_range__init(out);
    out->prefix = put_range(b, &range->range);
    out->is_list = range->is_list;
    if (!range->is_list) {
        out->parts = message_view(range->parts, sizeof range->parts);
        return;
    }
    uint8_t *bytes = message_make(b, range->records_count, LISTED_BYTES);
    for (uint32_t i = 0; bytes != NULL && i < range->records_count; i++) {
        memcpy(bytes + i * LISTED_BYTES, range->records[i].id.b, 16);
        memcpy(bytes + i * LISTED_BYTES + 16, range->records[i].sum.b, BRIEF_BYTES);
    }
    out->records = message_view(bytes, (size_t)range->records_count * LISTED_BYTES);
}

static void put_answer_record(message_builder *b, const st_repair_record *record,
                              Sotay__RepairRecord *out)
{
    sotay__repair_record__init(out);
    out->record = message_view(record->record.b, sizeof record->record.b);
    out->entries = message_make(b, record->entries_count, sizeof *out->entries);
    Sotay__Entry *entries = message_make(b, record->entries_count, sizeof *entries);
    for (uint32_t i = 0; !b->no_memory && i < record->entries_count; i++) {
        message_put_entry(b, &record->entries[i], &entries[i]);
        out->entries[i] = &entries[i];
    }
    out->n_entries = record->entries_count;
}

void message_put_repair_answer(message_builder *b, const st_repair_answer *answer,
                               Sotay__RepairAnswer *out)
{
    sotay__repair_answer__init(out);
    out->bucket = message_string(answer->bucket.s);
    out->cursor = answer->cursor;
    out->sum = message_view(answer->sum.b, sizeof answer->sum.b);
    if (answer->vector != NULL)
        out->vector = message_view(answer->vector, answer->vector_len);
    out->ranges = message_make(b, answer->ranges_count, sizeof *out->ranges);
    Sotay__RepairRange *ranges = message_make(b, answer->ranges_count, sizeof *ranges);
    out->records = message_make(b, answer->records_count, sizeof *out->records);
    Sotay__RepairRecord *records = message_make(b, answer->records_count, sizeof *records);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < answer->ranges_count; i++) {
        put_answer_range(b, &answer->ranges[i], &ranges[i]);
        out->ranges[i] = &ranges[i];
    }
    for (uint32_t i = 0; i < answer->records_count; i++) {
        put_answer_record(b, &answer->records[i], &records[i]);
        out->records[i] = &records[i];
    }
    out->n_ranges = answer->ranges_count;
    out->n_records = answer->records_count;
}
