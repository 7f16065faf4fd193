/* server/sync/clock.c - the exchanges that devices told, by device, boot and monotonic reading.
 * Promises: decides nothing and is no part of any state: it is asked only where a time is shown.
 * Must never believe an exchange that lies in the future. */
#include "server/sync/clock.h"

#include <string.h>

#include "server/store/pack.h"

#define KEY_BYTES (16u + ST_BOOT_BYTES + 8u)

/* The exchanges on both sides of a reading: the last one before it, the first one not before. */
typedef struct {
    st_clock found[2];
    bool there[2];
} neighbours;

static pack_key key_of(const sync_reading *reading)
{
    pack_key key = pack_id(reading->device);
    pack_key_u64(&key, st_get_u64(reading->boot));
    pack_key_u64(&key, reading->mono_ms);
    return key;
}

/* The exchange where the cursor stands; false when that is none of this device and boot. */
static st_err read_at(const store_cursor *cursor, const sync_reading *reading, st_clock *out,
                      bool *out_there, st_error *error)
{
    pack_key prefix = pack_id(reading->device);
    pack_key_u64(&prefix, st_get_u64(reading->boot));
    *out_there = store_has_prefix(cursor, pack_key_slice(&prefix));
    if (!*out_there)
        return ST_OK;
    if (cursor->key.len != KEY_BYTES)
        return st_fail(error, ST_E_CORRUPT, "store: a key of clock is damaged");
    pack_reader reader = pack_read(cursor->value);
    memcpy(out->boot, reading->boot, ST_BOOT_BYTES);
    out->sent_mono_ms = st_get_u64((const uint8_t *)cursor->key.data + 16 + ST_BOOT_BYTES);
    out->got_mono_ms = pack_get_u64(&reader);
    out->server_ms = (int64_t)pack_get_u64(&reader);
    st_err err = pack_end(&reader, "clock", error);
    if (err == ST_OK && !st_clock_is_good(out, INT64_MAX))
        err = st_fail(error, ST_E_CORRUPT, "store: a row of clock is damaged");
    return err;
}

static st_err find_both(store_txn *txn, const sync_reading *reading, neighbours *out,
                        st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key at = key_of(reading);
    memset(out, 0, sizeof *out);
    st_err err = store_cursor_open(txn, STORE_CLOCK, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, pack_key_slice(&at), error);
    if (err == ST_OK)
        err = read_at(&cursor, reading, &out->found[0], &out->there[0], error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&at), error);
    if (err == ST_OK)
        err = read_at(&cursor, reading, &out->found[1], &out->there[1], error);
    store_cursor_close(&cursor);
    return err;
}

st_err sync_clock_note(store_txn *txn, const st_id *device, const st_clock *clock, int64_t now_ms,
                       st_error *error)
{
    const sync_reading reading = { device, clock->boot, clock->sent_mono_ms };
    neighbours near;
    st_buffer row;
    if (!st_clock_is_good(clock, now_ms))
        return ST_OK;
    st_err err = find_both(txn, &reading, &near, error);
    if (err != ST_OK)
        return err;
    uint64_t trip = clock->got_mono_ms - clock->sent_mono_ms;
    const st_clock *before = &near.found[0];
    bool adds_nothing = near.there[0] &&
                        clock->sent_mono_ms - before->sent_mono_ms < ST_CLOCK_APART_MS &&
                        before->got_mono_ms - before->sent_mono_ms <= trip &&
                        !st_clock_differs(before, clock);
    bool is_kept = near.there[1] && near.found[1].sent_mono_ms == clock->sent_mono_ms;
    if (adds_nothing || is_kept)
        return ST_OK;
    pack_key key = key_of(&reading);
    st_buffer_init(&row, 64);
    err = pack_put_u64(&row, clock->got_mono_ms);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)clock->server_ms);
    if (err == ST_OK)
        err = store_put(txn, STORE_CLOCK, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    else
        err = st_fail(error, err, "clock: out of memory");
    st_buffer_free(&row);
    return err;
}

static st_err met_before(store_txn *txn, const st_id *device, bool *out_met, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key prefix = pack_id(device);
    st_err err = store_cursor_open(txn, STORE_CLOCK, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    *out_met = err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix));
    store_cursor_close(&cursor);
    return err;
}

st_err sync_clock_moment(store_txn *txn, const sync_reading *reading, int64_t received_ms,
                         sync_moment *out_moment, st_error *error)
{
    neighbours near;
    memset(out_moment, 0, sizeof *out_moment);
    st_err err = find_both(txn, reading, &near, error);
    bool is_set = near.there[0] && near.there[1] &&
                  st_clock_differs(&near.found[0], &near.found[1]);
    for (int i = is_set ? 1 : 0; err == ST_OK && i < 2; i++) { /* set: the later one counts */
        st_moment one;
        if (!near.there[i] ||
            !st_clock_moment(&near.found[i], reading->boot, reading->mono_ms, &one))
            continue;
        if (one.at_ms - one.within_ms > received_ms)
            continue; /* what was received is older: the exchange was not as told */
        if (one.at_ms > received_ms)
            one.at_ms = received_ms;
        if (!out_moment->is_known || one.within_ms < out_moment->moment.within_ms)
            out_moment->moment = one;
        out_moment->is_known = true;
    }
    if (err == ST_OK && !near.there[0] && !near.there[1])
        err = met_before(txn, reading->device, &out_moment->rebooted, error);
    return err;
}
