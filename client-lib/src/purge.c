/* client-lib/src/purge.c - receipts for buckets that this device does not read any more.
 * Promises: one is owed from the transaction on that took the bucket away, until the server has it
 * on disk, and again to a book that was put back to before that; a server that does not know
 * receipts is offered them and no harm is done.
 * Never: writes one before the bucket is gone. */
#include "client-lib/src/purge.h"

#include <string.h>

#include "client-lib/src/delivered.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/slip.h"

static st_err put(sotay_client *client, const book_key *key, const purge_owed *owed,
                  st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, 64);
    slip_writer slip = { &out, ST_OK };
    slip_u64(&slip, owed->rev);
    slip_u64(&slip, (uint64_t)owed->wall_ms);
    slip_u64(&slip, owed->records);
    slip_u64(&slip, owed->kept);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory")
                                   : book_put(&client->book, key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

st_err purge_owe(sotay_client *client, const st_bucket *bucket, const purge_owed *owed,
                 st_error *error)
{
    book_key key = book_key_text(BOOK_PURGE, bucket->s);
    return put(client, &key, owed, error);
}

static st_err unpack(const book_key *key, const book_value *value, st_purge *out, st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    memset(out, 0, sizeof *out);
    out->rev = slip_get_u64(&slip);
    out->wall_ms = (int64_t)slip_get_u64(&slip);
    out->records = slip_get_u64(&slip);
    out->kept = slip_get_u64(&slip);
    if (slip.bad || !st_bucket_set(&out->bucket, (const char *)key->b + 1, key->len - 1))
        return st_fail(error, ST_E_CORRUPT, "store: a receipt that is owed is damaged");
    return ST_OK;
}

/* The next one that is owed. ST_E_NOT_FOUND at the end. */
static st_err next_owed(sotay_client *client, book_scan *scan, st_purge *out, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4096);
    st_err err = book_scan_next(&client->book, scan, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(&scan->at, &value, out, error);
    st_arena_reset(&arena);
    return err;
}

/* As many as one request brings; the others in the next ones of this sync. One without a revision
 * waits for the scope that says it. */
static st_err read_owed(sotay_sync *sync, st_error *error)
{
    book_key prefix = book_key_of(BOOK_PURGE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = client_begin(sync->client, false, error);
    while (err == ST_OK && sync->purges_count < ST_PURGES_MAX) {
        st_purge *purge = &sync->purges[sync->purges_count];
        err = next_owed(sync->client, &scan, purge, error);
        sync->purges_count += err == ST_OK && purge->rev > 0;
    }
    if (err == ST_OK)
        err = book_scan_next(&sync->client->book, &scan, NULL, NULL, error);
    sync->has_more_purges = err == ST_OK;
    client_abort(sync->client);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

bool purge_goes_on(const sotay_sync *sync)
{
    return sync->has_more_purges && sync->purges_noted > 0;
}

st_err purge_prepare(sotay_sync *sync, st_error *error)
{
    const identity *me = &sync->client->me;
    if (!sync->has_purges) {
        sync->purges_count = sync->purges_signed = 0;
        st_err err = read_owed(sync, error);
        if (err != ST_OK)
            return err;
        sync->has_purges = true;
    }
    while (sync->purges_signed < sync->purges_count) {
        st_purge *purge = &sync->purges[sync->purges_signed];
        size_t len = st_purge_sign_text(&me->log, &me->speaker, purge, sync->purge_text);
        sotay_slice text = { sync->purge_text, len };
        st_err err = client_sign(sync->client, me->sign_key, text, purge->signature, error);
        if (err != ST_OK)
            return err;
        sync->purges_signed++;
    }
    return ST_OK;
}

/* One that was written anew meanwhile, for a later loss of the bucket, is owed still. What the
 * server has noted is kept until a backup has it. */
static st_err settle_one(sotay_client *client, const st_purge *noted, st_error *error)
{
    st_arena arena;
    st_purge now;
    book_value value = { NULL, 0 };
    book_key key = book_key_text(BOOK_PURGE, noted->bucket.s);
    st_arena_init(&arena, 4096);
    st_err err = book_get(&client->book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(&key, &value, &now, error);
    st_arena_reset(&arena);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    return now.rev == noted->rev ? delivered_keep(client, &key, 0, error) : ST_OK;
}

st_err purge_noted(sotay_sync *sync, uint32_t count, st_error *error)
{
    st_err err = ST_OK;
    sync->purges_noted = count;
    for (uint32_t i = 0; err == ST_OK && i < count && i < sync->purges_count; i++)
        err = settle_one(sync->client, &sync->purges[i], error);
    return err;
}

static purge_owed owed_of(const st_purge *purge, uint64_t rev)
{
    return (purge_owed){ rev, purge->wall_ms, purge->records, purge->kept };
}

/* What the lost book called by a number is called by another one now. */
st_err purge_turn(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_PURGE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_purge purge;
        err = next_owed(client, &scan, &purge, error);
        if (err != ST_OK || purge.rev <= cut)
            continue;
        purge_owed owed = owed_of(&purge, 0);
        err = put(client, &scan.at, &owed, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static bool scope_has(const st_scope *scope, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < scope->buckets_count; i++)
        if (strcmp(scope->buckets[i].s, bucket->s) == 0)
            return true;
    return false;
}

st_err purge_scope(sotay_client *client, const st_scope *scope, st_error *error)
{
    book_key prefix = book_key_of(BOOK_PURGE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_purge purge;
        err = next_owed(client, &scan, &purge, error);
        if (err != ST_OK || purge.rev != 0)
            continue;
        purge_owed owed = owed_of(&purge, scope->rev);
        err = scope_has(scope, &purge.bucket) ? book_delete(&client->book, &scan.at, error)
                                              : put(client, &scan.at, &owed, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
