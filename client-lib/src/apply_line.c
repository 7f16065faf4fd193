/* client-lib/src/apply_line.c - lines of the histories (table HIST).
 * Promises: rows of older programs are read. */
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/receipt.h"
#include "client-lib/src/slip.h"

static book_key line_key(const st_id *record, uint64_t index, uint64_t counter)
{
    book_key key = book_key_id(BOOK_HIST, record);
    book_key_u64(&key, index);
    book_key_u64(&key, counter);
    return key;
}

st_err apply_line_put(sotay_client *client, const st_id *record, const apply_line *line,
                      st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, APPLY_LINE_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    slip_bytes(&slip, line->device.b, 16);
    slip_u64(&slip, line->first);
    slip_u64(&slip, (uint64_t)line->time_ms);
    slip_u8(&slip, line->verdict);
    slip_u8(&slip, (uint8_t)line->hold);
    slip_u8(&slip, line->has_carrier);
    slip_bytes(&slip, line->carrier.b, 16);
    if (line->reason_len > 0 || line->decided != ST_ENTRY_NONE)
        slip_blob(&slip, line->reason_len > 0 ? line->reason : "", line->reason_len);
    if (line->decided != ST_ENTRY_NONE) {
        slip_u8(&slip, (uint8_t)line->decided);
        slip_u64(&slip, (uint64_t)line->decided_ms);
        slip_u64(&slip, line->decided_index);
    }
    if (line->decided != ST_ENTRY_NONE && line->has_set)
        slip_bytes(&slip, line->set.b, sizeof line->set.b);
    book_key key = line_key(record, line->index, line->counter);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory")
                                   : book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err == ST_OK ? receipt_mark(client, record, line, error) : err;
}

st_err apply_line_read(const book_key *key, const book_value *value, apply_line *out_line,
                       st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    apply_line line;
    memset(&line, 0, sizeof line);
    slip_get_bytes(&slip, line.device.b, 16);
    line.first = slip_get_u64(&slip);
    line.time_ms = (int64_t)slip_get_u64(&slip);
    line.verdict = slip_get_u8(&slip);
    line.hold = (st_hold)slip_get_u8(&slip);
    line.has_carrier = slip_get_u8(&slip) != 0;
    slip_get_bytes(&slip, line.carrier.b, 16);
    if (slip.at < slip.len)
        line.reason = (const char *)slip_get_blob(&slip, &line.reason_len);
    if (slip.at < slip.len) {
        line.decided = (st_entry_kind)slip_get_u8(&slip);
        line.decided_ms = (int64_t)slip_get_u64(&slip);
        line.decided_index = slip_get_u64(&slip);
    }
    line.has_set = slip.at < slip.len;
    if (line.has_set)
        slip_get_bytes(&slip, line.set.b, sizeof line.set.b);
    if (line.reason_len == 0)
        line.reason = NULL;
    if (slip.bad || key->len != 1 + 16 + 8 + 8 || line.verdict > APPLY_DECLINED)
        return st_fail(error, ST_E_CORRUPT, "store: a line of a history is damaged");
    line.index = st_get_u64(key->b + 17);
    line.counter = st_get_u64(key->b + 25);
    *out_line = line;
    return ST_OK;
}

st_err apply_line_next(sotay_client *client, book_scan *scan, st_arena *arena, apply_line *out_line,
                       st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = book_scan_next(&client->book, scan, arena, &value, error);
    return err == ST_OK ? apply_line_read(&scan->at, &value, out_line, error) : err;
}

st_err apply_line_damaged(sotay_client *client, const st_id *record, bool *out_is, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        apply_line line;
        st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
        err = apply_line_next(client, &scan, &arena, &line, error);
        st_arena_reset(&arena);
    }
    *out_is = book_is_damage(&client->book, err);
    return err == ST_E_NOT_FOUND || *out_is ? ST_OK : err;
}

st_err apply_line_next_whole(sotay_client *client, book_scan *scan, st_arena *arena,
                             apply_line *out_line, st_error *error)
{
    st_err err = apply_line_next(client, scan, arena, out_line, error);
    while (book_is_damage(&client->book, err))
        err = apply_line_next(client, scan, arena, out_line, error);
    return err;
}

static bool is_of(const apply_line *line, const st_change *change)
{
    return line->counter == change->dot.counter &&
           st_id_cmp(&line->device, &change->dot.device) == 0;
}

static st_err find_at(sotay_client *client, const st_change *change, uint64_t index,
                      apply_line *out_line, bool *out_is, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = line_key(&change->record, index, change->dot.counter);
    st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
    st_err err = book_get_whole(&client->book, &key, &arena, &value, error);
    if (err == ST_OK && apply_line_read(&key, &value, out_line, NULL) == ST_OK)
        *out_is = is_of(out_line, change);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err apply_line_find(sotay_client *client, const st_change *change, uint64_t index,
                       apply_line *out_line, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, &change->record);
    book_scan scan = book_scan_of(&prefix);
    bool is_it = false;
    st_err err = index > 0 ? find_at(client, change, index, out_line, &is_it, error) : ST_OK;
    while (err == ST_OK && !is_it) {
        st_arena arena;
        st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
        err = apply_line_next_whole(client, &scan, &arena, out_line, error);
        is_it = err == ST_OK && is_of(out_line, change);
        st_arena_reset(&arena);
    }
    out_line->reason = NULL;
    out_line->reason_len = 0;
    return err;
}
