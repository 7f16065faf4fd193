/* client-lib/src/decided.c - tells a restored book what its office had decided.
 * Promises: what this phone had read of it is told until the server has noted it, and again to a
 * book that is put back once more.
 * Never: decides anything itself; tells what let itself in as a person's word. */
#include "client-lib/src/decided.h"

#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/slip.h"

static book_key key_of(const st_dot *dot)
{
    return book_key_counter(BOOK_DECIDED, &dot->device, dot->counter);
}

/* Rows of before have a decline's reason alone: whether it is lost, the server knows. */
static bool is_lost(const apply_line *line, uint64_t cut)
{
    if (line->decided == ST_ENTRY_NONE)
        return line->verdict == APPLY_DECLINED;
    bool is_word = line->decided == ST_ENTRY_ACCEPT || line->decided == ST_ENTRY_DECLINE;
    return is_word && line->decided_index > cut;
}

static st_err keep(sotay_client *client, const st_id *record, const apply_line *line,
                   st_error *error)
{
    st_buffer out;
    const st_dot dot = { line->device, line->counter };
    book_key key = key_of(&dot);
    st_buffer_init(&out, APPLY_LINE_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    slip_bytes(&slip, record->b, sizeof record->b);
    slip_u8(&slip, line->verdict == APPLY_DECLINED ? ST_ENTRY_DECLINE : ST_ENTRY_ACCEPT);
    slip_u64(&slip, (uint64_t)line->decided_ms);
    slip_blob(&slip, line->reason_len > 0 ? line->reason : "", line->reason_len);
    if (line->has_set)
        slip_bytes(&slip, line->set.b, sizeof line->set.b);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory")
                                   : book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

st_err decided_turn(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        apply_line line;
        st_id record;
        st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
        err = apply_line_next_whole(client, &scan, &arena, &line, error);
        memcpy(record.b, scan.at.b + 1, sizeof record.b);
        if (err == ST_OK && is_lost(&line, cut))
            err = keep(client, &record, &line, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The reason with a NUL, in the arena. */
static st_err unpack(const book_key *key, const book_value *value, st_arena *arena,
                     st_decided *out, st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    size_t len = 0;
    memset(out, 0, sizeof *out);
    slip_get_bytes(&slip, out->record.b, sizeof out->record.b);
    out->kind = (st_entry_kind)slip_get_u8(&slip);
    out->time_ms = (int64_t)slip_get_u64(&slip);
    const uint8_t *reason = slip_get_blob(&slip, &len);
    out->has_set = slip.at < slip.len; /* rows of before have none */
    if (out->has_set)
        slip_get_bytes(&slip, out->set.b, sizeof out->set.b);
    if (slip.bad || slip.at != slip.len || key->len != 1 + 16 + 8)
        return st_fail(error, ST_E_CORRUPT, "store: a decision of a lost book is damaged");
    memcpy(out->dot.device.b, key->b + 1, sizeof out->dot.device.b);
    out->dot.counter = st_get_u64(key->b + 17);
    char *text = len > 0 ? st_arena_get(arena, len + 1) : NULL; /* zeroed */
    if (len > 0 && text == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    if (len > 0)
        memcpy(text, reason, len);
    out->reason = text;
    return ST_OK;
}

st_err decided_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    book_db *book = &sync->client->book;
    book_key prefix = book_key_of(BOOK_DECIDED);
    book_scan scan = book_scan_of(&prefix);
    st_decided *list = NULL;
    st_err err = book_scan_next(book, &scan, NULL, NULL, error);
    sync->has_more_decided = false;
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    list = st_arena_array(&sync->arena, ST_DECIDED_MAX, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->decided = list;
    sync->decided_count = 0;
    scan = book_scan_of(&prefix);
    while (err == ST_OK && sync->decided_count < ST_DECIDED_MAX) {
        book_value value = { NULL, 0 };
        err = book_scan_next(book, &scan, &sync->arena, &value, error);
        if (err == ST_OK)
            err = unpack(&scan.at, &value, &sync->arena, &list[sync->decided_count], error);
        sync->decided_count += err == ST_OK;
    }
    if (err == ST_OK)
        err = book_scan_next(book, &scan, NULL, NULL, error);
    sync->has_more_decided = err == ST_OK;
    ask->decided = list;
    ask->decided_count = sync->decided_count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err decided_noted(sotay_sync *sync, uint32_t count, st_error *error)
{
    st_err err = ST_OK;
    sync->decided_noted = count;
    for (uint32_t i = 0; err == ST_OK && i < count && i < sync->decided_count; i++) {
        book_key key = key_of(&sync->decided[i].dot);
        err = delivered_keep(sync->client, &key, 0, error);
    }
    return err;
}

bool decided_goes_on(const sotay_sync *sync)
{
    return sync->has_more_decided && sync->decided_noted > 0;
}
