/* server/sync/row.c - log rows as bytes, and their leaves.
 * Promises: same row, same bytes, same leaf; a damaged row is reported. Must never look at the
 * state: a row says all about itself. */
#include "server/sync/row.h"

#include <string.h>

#include "proto/hash.h"
#include "proto/limits.h"
#include "proto/text.h"
#include "server/store/pack.h"

#define ROW_HELD_MAX ST_SET_CHANGES_MAX
#define ROW_COUNTERS_MAX 65536u
#define CUT_BYTES 40u

static st_err put_lists(const sync_row *row, st_buffer *out)
{
    st_err err = pack_put_u64(out, row->held_count);
    for (uint32_t i = 0; err == ST_OK && i < row->held_count; i++) {
        err = pack_put_u64(out, row->held[i].counter);
        if (err == ST_OK)
            err = pack_put_u8(out, (uint8_t)row->held[i].reason);
    }
    if (err == ST_OK)
        err = pack_put_u64(out, row->counters_count);
    for (uint32_t i = 0; err == ST_OK && i < row->counters_count; i++)
        err = pack_put_u64(out, row->counters[i]);
    return err;
}

int64_t sync_row_when(const sync_row *row)
{
    return row->wall_ms != 0 ? row->wall_ms : row->time_ms;
}

#define TAIL_WALL 1u               /* a mark before the server's clock */
#define WALL_BYTES 9u

st_err sync_row_encode(const sync_row *row, st_buffer *out, st_error *error)
{
    st_err err = pack_put_u8(out, (uint8_t)row->kind);
    if (err == ST_OK)
        err = pack_put_u64(out, (uint64_t)row->time_ms);
    if (err == ST_OK)
        err = pack_put(out, row->actor.b, sizeof row->actor.b);
    if (err == ST_OK)
        err = pack_put(out, row->device.b, sizeof row->device.b);
    if (err == ST_OK)
        err = pack_put_u64(out, row->first);
    if (err == ST_OK)
        err = pack_put_u64(out, row->last);
    if (err == ST_OK)
        err = pack_put(out, row->carrier.b, sizeof row->carrier.b);
    if (err == ST_OK)
        err = pack_put_string(out, row->bucket.s, strlen(row->bucket.s));
    if (err == ST_OK)
        err = put_lists(row, out);
    if (err == ST_OK)
        err = pack_put_string(out, row->note.data, row->note.len);
    if (err == ST_OK)
        err = pack_put_string(out, row->set.data, row->set.len);
    if (err == ST_OK && row->has_note_key)
        err = pack_put(out, row->note_key, sizeof row->note_key);
    if (err == ST_OK && row->cut_size > 0)
        err = pack_put_u64(out, row->cut_size);
    if (err == ST_OK && row->cut_size > 0)
        err = pack_put(out, row->cut_root.b, sizeof row->cut_root.b);
    if (err == ST_OK && row->wall_ms != 0)
        err = pack_put_u8(out, TAIL_WALL);
    if (err == ST_OK && row->wall_ms != 0)
        err = pack_put_u64(out, (uint64_t)row->wall_ms);
    return err == ST_OK ? ST_OK : st_fail(error, err, "log: a row cannot be encoded");
}

static st_err get_lists(pack_reader *reader, st_arena *arena, sync_row *row, st_error *error)
{
    uint64_t count = pack_get_u64(reader);
    if (count > ROW_HELD_MAX)
        return st_fail(error, ST_E_CORRUPT, "log: a row is damaged");
    st_held *held = st_arena_array(arena, (size_t)count, sizeof *held);
    for (uint64_t i = 0; held != NULL && i < count; i++) {
        held[i].counter = pack_get_u64(reader);
        held[i].reason = (st_hold)pack_get_u8(reader);
    }
    row->held = held;
    row->held_count = (uint32_t)count;
    count = pack_get_u64(reader);
    if (count > ROW_COUNTERS_MAX)
        return st_fail(error, ST_E_CORRUPT, "log: a row is damaged");
    uint64_t *counters = st_arena_array(arena, (size_t)count, sizeof *counters);
    for (uint64_t i = 0; counters != NULL && i < count; i++)
        counters[i] = pack_get_u64(reader);
    row->counters = counters;
    row->counters_count = (uint32_t)count;
    if (held == NULL || counters == NULL)
        return st_fail(error, ST_E_MEMORY, "log: out of memory");
    return ST_OK;
}

/* A key, a cut, the server's clock, any of them or none: the length tells. */
static void get_end(pack_reader *reader, sync_row *row)
{
    bool has_wall = reader->len >= WALL_BYTES && reader->len % 8 == WALL_BYTES % 8;
    size_t rest = reader->len - (has_wall ? WALL_BYTES : 0);
    bool is_cut_alone = rest == CUT_BYTES && row->kind == ST_ENTRY_EPOCH;
    row->has_note_key = rest > 0 && !is_cut_alone;
    if (row->has_note_key)
        pack_get(reader, row->note_key, sizeof row->note_key);
    if (rest >= CUT_BYTES) {
        row->cut_size = pack_get_u64(reader);
        pack_get(reader, row->cut_root.b, sizeof row->cut_root.b);
    }
    if (!has_wall)
        return;
    reader->is_bad = pack_get_u8(reader) != TAIL_WALL || reader->is_bad;
    row->wall_ms = (int64_t)pack_get_u64(reader);
}

st_err sync_row_decode(store_slice bytes, st_arena *arena, sync_row *out_row, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    pack_reader reader = pack_read(bytes);
    row.kind = (st_entry_kind)pack_get_u8(&reader);
    row.time_ms = (int64_t)pack_get_u64(&reader);
    pack_get(&reader, row.actor.b, sizeof row.actor.b);
    pack_get(&reader, row.device.b, sizeof row.device.b);
    row.first = pack_get_u64(&reader);
    row.last = pack_get_u64(&reader);
    pack_get(&reader, row.carrier.b, sizeof row.carrier.b);
    pack_get_text(&reader, row.bucket.s, sizeof row.bucket.s);
    st_err err = get_lists(&reader, arena, &row, error);
    if (err != ST_OK)
        return err;
    row.note = pack_get_string(&reader);
    row.set = pack_get_string(&reader);
    get_end(&reader, &row);
    err = pack_end(&reader, "log", error);
    if (err == ST_OK)
        *out_row = row;
    return err;
}

st_err sync_row_get(store_txn *txn, uint64_t index, st_arena *arena, sync_row *out_row,
                    st_error *error)
{
    pack_key key = pack_u64(index);
    store_slice bytes = { 0 };
    st_err err = store_get(txn, STORE_LOG, pack_key_slice(&key), &bytes, error);
    if (err != ST_OK)
        return err;
    /* A write transaction may move what it read at its next put: keep a copy. */
    if (txn->is_write) {
        bytes.data = st_arena_copy(arena, bytes.data, bytes.len);
        if (bytes.data == NULL)
            return st_fail(error, ST_E_MEMORY, "log: out of memory");
    }
    return sync_row_decode(bytes, arena, out_row, error);
}

st_err sync_row_reason(const sync_row *row, st_arena *arena, const char **out_reason,
                       st_error *error)
{
    const store_slice *note = &row->note;
    *out_reason = NULL;
    if (row->kind != ST_ENTRY_DECLINE || note->len == 0 || !st_text_is_nfc(note->data, note->len)
        || st_text_chars(note->data, note->len) > ST_REASON_CHARS_MAX)
        return ST_OK;
    *out_reason = (const char *)st_arena_copy(arena, note->data, note->len);
    return *out_reason == NULL ? st_fail(error, ST_E_MEMORY, "log: out of memory") : ST_OK;
}

/* The word in the leaf for what became of it. */
static const char *verdict_word(const sync_row *row)
{
    switch (row->kind) {
    case ST_ENTRY_VERDICT:
        return "released";
    case ST_ENTRY_ACCEPT:
        return "accepted";
    case ST_ENTRY_DECLINE:
        return "declined";
    case ST_ENTRY_HOLD:
        return "held";
    default:
        if (row->set.len == 0)
            return "-";
        return row->held_count > 0 ? "held" : "stored";
    }
}

st_leaf sync_row_leaf(const sync_row *row, const st_set *set)
{
    st_leaf leaf;
    memset(&leaf, 0, sizeof leaf);
    leaf.kind = row->kind;
    leaf.time_ms = row->time_ms;
    leaf.actor = row->actor;
    leaf.device = row->device;
    leaf.first = row->first;
    leaf.last = row->last;
    leaf.bucket = row->bucket;
    leaf.has_carrier = !st_id_is_zero(&row->carrier);
    leaf.carrier = row->carrier;
    leaf.held = row->held;
    leaf.held_count = row->held_count;
    leaf.verdict = verdict_word(row);
    leaf.counters = row->counters;
    leaf.counters_count = row->counters_count;
    if (set == NULL && row->has_note_key) {
        leaf.has_commit = true;
        leaf.commit = st_hmac(row->note_key, sizeof row->note_key, row->note.data, row->note.len);
    }
    if (set == NULL) {
        leaf.via = row->kind == ST_ENTRY_ACCEPT || row->kind == ST_ENTRY_DECLINE
                           || row->kind == ST_ENTRY_INIT
                       ? ST_VIA_OPERATOR
                       : ST_VIA_DEVICE;
        leaf.seen_size = row->cut_size;
        leaf.seen_root = row->cut_root;
        return leaf;
    }
    leaf.has_prev = set->has_prev;
    leaf.prev = set->prev;
    leaf.hlc = set->changes_count > 0 ? set->changes[set->changes_count - 1].hlc : 0;
    leaf.seen_size = set->seen_size;
    leaf.seen_root = set->seen_root;
    leaf.via = set->via;
    leaf.has_commit = true;
    leaf.commit = set->hash;
    memcpy(leaf.dsig, set->signature, sizeof leaf.dsig);
    return leaf;
}
