/* client-lib/src/snapshot_load.c - the records of a piece become the base.
 * Promises: a piece counts whole or not at all; the bucket stands at the cursor only when every
 * record is in and their sum is right. Never: touches what is unsent, or a bucket it is not of. */
#include "client-lib/src/snapshot.h"

#include <string.h>

#include "client-lib/src/closed.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/overlay.h"
#include "proto/merge.h"

typedef struct {
    sotay_sync *sync;
    sotay_client *client;
    snapshot_fetch *fetch;
    bool is_first;         /* of all parts */
    bool has_vector;
    st_vector vector;      /* in arena: read when an own change asks for it */
    st_arena arena;
} loading;

static st_err corrupt(st_error *error, const char *why)
{
    return st_fail(error, ST_E_CORRUPT, "snapshot: %s", why);
}

/* ---- the vector ---- */

/* Counters of our own that we never sealed: the store is a copy. Its pages are read one by one, so
 * that its work gets another name first. */
static bool has_twin(const identity *me, const st_vector *vector)
{
    for (size_t i = 0; i < vector->upto_count; i++)
        if (st_id_cmp(&vector->upto[i].device, &me->device) == 0 &&
            vector->upto[i].counter > me->sealed)
            return true;
    for (size_t i = 0; i < vector->extras_count; i++)
        if (st_id_cmp(&vector->extras[i].dot.device, &me->device) == 0 &&
            vector->extras[i].dot.counter > me->sealed)
            return true;
    for (size_t i = 0; i < vector->holes_count; i++)
        if (st_id_cmp(&vector->holes[i].dot.device, &me->device) == 0 &&
            vector->holes[i].dot.counter > me->sealed)
            return true;
    return false;
}

static st_err need_vector(loading *l, st_error *error)
{
    book_value value = { NULL, 0 };
    book_key key = snapshot_key(SNAPSHOT_VECTOR, &l->fetch->list.bucket);
    if (l->has_vector)
        return ST_OK;
    st_err err = book_get(&l->client->book, &key, &l->arena, &value, error);
    if (err == ST_E_NOT_FOUND)
        return corrupt(error, "it has no vector");
    if (err == ST_OK)
        err = st_vector_decode(value.data, value.len, &l->arena, &l->vector, error);
    l->has_vector = err == ST_OK;
    return err;
}

static st_err take_vector(loading *l, const st_snapshot_part *part, st_error *error)
{
    book_key key = snapshot_key(SNAPSHOT_VECTOR, &l->fetch->list.bucket);
    if ((part->vector != NULL) != l->is_first)
        return corrupt(error, "its vector is not in the first part");
    if (!l->is_first)
        return ST_OK;
    l->is_first = false;
    st_err err = st_vector_decode(part->vector, part->vector_len, &l->arena, &l->vector, error);
    if (err == ST_OK && has_twin(&l->client->next, &l->vector))
        err = corrupt(error, "another store writes under this name");
    l->has_vector = err == ST_OK;
    return err == ST_OK ? book_put(&l->client->book, &key, part->vector, part->vector_len, error)
                        : err;
}

/* ---- records ---- */

/* The records do not say in which set a change came. Before this sync a verdict said that ours is
 * in the log; since then the book may have been put back, and got another one under that name.
 * Until a backup is known to have it, it is asked about once more; its note stays for the answer.
 * One that does not open cannot be offered. */
static st_err doubt(loading *l, const st_id *record, const st_dot *dot, bool *out_stays,
                    st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    overlay_entry entry;
    outbox_set own;
    bool is_kept = false;
    sotay_client *client = l->client;
    st_err err = overlay_get(&client->book, record, dot, &entry, error);
    if (err == ST_OK)
        err = outbox_get(&client->book, &dot->device, entry.first, &own, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND || book_is_damage(&client->book, err) ? ST_OK : err;
    bool was_told = own.status == OUTBOX_SENT && !own.is_closed &&
                    own.position > client->next.backed_up_to &&
                    own.position <= l->sync->reach_before;
    if (was_told || own.status == OUTBOX_UNSENT)
        err = closed_is_kept(client, &own, &is_kept, error);
    if (err != ST_OK || !is_kept)
        return err;
    *out_stays = true;
    l->sync->has_doubts = l->sync->has_doubts || was_told;
    own.status = OUTBOX_UNSENT;
    own.position = 0;
    return was_told ? outbox_settle(client, &own, NULL, none, error) : ST_OK;
}

/* What the base has leaves the overlay. */
static st_err settle_own(loading *l, const st_id *record, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OVER, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_dot dot;
        bool stays = false;
        err = book_scan_next(&l->client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = need_vector(l, error);
        if (err != ST_OK)
            break;
        memcpy(dot.device.b, scan.at.b + 17, sizeof dot.device.b);
        dot.counter = st_get_u64(scan.at.b + 33);
        if (!st_vector_has(&l->vector, &dot))
            continue;
        err = doubt(l, record, &dot, &stays, error);
        if (err == ST_OK && !stays)
            err = overlay_delete(&l->client->book, record, &dot, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err load_record(loading *l, const st_snapshot_record *from, st_error *error)
{
    st_arena arena;
    st_record record;
    bool is_damaged = false; /* what is ours over it: held sets come behind the records */
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = st_record_decode(from->bytes, from->len, &arena, &record, error);
    if (err == ST_OK && record.created &&
        strcmp(record.bucket.s, l->fetch->list.bucket.s) != 0)
        err = corrupt(error, "a record of another bucket");
    if (err == ST_OK) {
        st_sum sum = st_record_sum(&record);
        book_key key = book_key_id(BOOK_BASE, &record.id);
        st_sum_add(&l->fetch->sum, &sum);
        for (size_t i = 0; i < record.metas_count; i++)
            if (record.metas[i].hlc > l->fetch->hlc_max)
                l->fetch->hlc_max = record.metas[i].hlc;
        err = book_put(&l->client->book, &key, from->bytes, from->len, error);
    }
    if (err == ST_OK)
        err = settle_own(l, &record.id, error);
    if (err == ST_OK)
        err = overlay_row_of_base(l->client, &record, &is_damaged, error);
    st_arena_reset(&arena);
    return err;
}

static st_err load_part(loading *l, const uint8_t *bytes, size_t len, st_error *error)
{
    st_arena arena;
    st_snapshot_part part;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = st_snapshot_part_decode(bytes, len, &arena, &part, error);
    if (err == ST_OK)
        err = take_vector(l, &part, error);
    for (uint32_t i = 0; err == ST_OK && i < part.records_count; i++)
        err = load_record(l, &part.records[i], error);
    if (err == ST_OK && part.held_count > 0)
        err = apply_held(l->client, &l->fetch->list.bucket, part.held, part.held_count, error);
    l->sync->report.received_changes += part.records_count;
    st_arena_reset(&arena);
    return err;
}

static st_err load_parts(loading *l, const uint8_t *piece, size_t len, st_error *error)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t bytes_len = 0;
    st_err bad = ST_OK;
    st_err err = st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, error);
    if (err == ST_OK)
        err = st_frame_feed(reader, piece, len, error);
    while (err == ST_OK && st_frame_read(reader, &bytes, &bytes_len, &bad))
        err = load_part(l, bytes, bytes_len, error);
    if (err == ST_OK && (bad != ST_OK || !st_frame_is_complete(reader)))
        err = bad == ST_E_MEMORY ? st_fail(error, bad, "snapshot: no memory")
                                 : corrupt(error, "a piece is damaged");
    st_frame_reader_free(reader);
    return err;
}

/* ---- the end ---- */

static st_err finish(loading *l, st_error *error)
{
    bucket_state state;
    const st_snapshot *list = &l->fetch->list;
    book_db *book = &l->client->book;
    if (memcmp(&l->fetch->sum, &list->sum, sizeof list->sum) != 0)
        return corrupt(error, "its sum is not what it was said to be");
    st_err err = need_vector(l, error);
    if (err == ST_OK)
        err = bucket_vector_put(book, &list->bucket, &l->vector, error);
    if (err == ST_OK)
        err = bucket_get(book, &list->bucket, &state, error);
    if (err != ST_OK)
        return err;
    state.cursor = list->cursor;
    state.sum = list->sum;
    state.too_new = false; /* of a page that came before it */
    err = bucket_put(book, &list->bucket, &state, error);
    return err == ST_OK ? snapshot_clear(book, &list->bucket, error) : err;
}

st_err snapshot_load(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    loading l = { .sync = sync, .client = sync->client, .fetch = fetch };
    l.is_first = fetch->piece == 0;
    st_arena_init(&l.arena, CLIENT_WORK_BYTES_MAX);
    st_err err =
        load_parts(&l, fetch->bytes.data, fetch->list.pieces[fetch->piece].bytes, error);
    if (err == ST_OK && fetch->piece + 1 == fetch->list.pieces_count)
        err = finish(&l, error);
    st_arena_reset(&l.arena);
    return err;
}
