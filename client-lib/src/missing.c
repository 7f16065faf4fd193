/* client-lib/src/missing.c - sets that pages refer to and that this store has lost. Source:
 * docs/protocol.md 7.5.
 * Promises: whatever was lost, and in however many buckets, a few rounds bring it; a sync that ends
 * before keeps what it found out, and the next one goes on.
 * Never: begins a bucket anew twice in one sync. */
#include <string.h>

#include "client-lib/src/exchange.h"

void missing_begin(sotay_sync *sync)
{
    for (size_t i = 0; i < sync->missing_count; i++)
        sync->missing[i].is_aside = false;
}

static exchange_missing *find(const sotay_sync *sync, const st_bucket *bucket)
{
    for (size_t i = 0; i < sync->missing_count; i++)
        if (strcmp(sync->missing[i].bucket.s, bucket->s) == 0)
            return &sync->missing[i];
    return NULL;
}

static st_err find_or_add(sotay_sync *sync, const st_bucket *bucket, exchange_missing **out,
                          st_error *error)
{
    *out = find(sync, bucket);
    if (*out != NULL)
        return ST_OK;
    exchange_missing *list = sync->missing;
    if (sync->missing_count == sync->missing_capacity)
        list = st_arena_grow(&sync->lasting, list, sync->missing_count, &sync->missing_capacity,
                             sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->missing = list;
    *out = &list[sync->missing_count++];
    memset(*out, 0, sizeof **out);
    (*out)->bucket = *bucket;
    return ST_OK;
}

bool missing_passes(const sotay_sync *sync, const st_frame *frame)
{
    if (sync->reads == READS_ALL)
        return false;
    const exchange_missing *it =
        frame->kind == ST_FRAME_PAGE ? find(sync, &frame->as.page.bucket) : NULL;
    return frame->kind != ST_FRAME_PAGE || (it != NULL && it->is_aside);
}

/* What is lost comes with the page when whole sets are asked for, or else, as what lies behind the
 * page, with all of its bucket. */
static st_err ask_for(sotay_sync *sync, exchange_missing *it, st_error *error)
{
    sotay_client *client = sync->client;
    bool is_anew = sync->applied.is_behind || sync->asked_whole;
    st_err err = client_begin(client, true, error);
    if (err == ST_OK && is_anew)
        err = evidence_forget(client, &it->bucket, 0, error);
    client->next.asks_whole = true;
    it->is_anew = it->is_anew || is_anew;
    it->is_aside = true;
    return err;
}

st_err missing_take(sotay_sync *sync, const st_bucket *bucket, st_error *error)
{
    exchange_missing *it = NULL;
    st_err err = ST_OK;
    exchange_undo(sync);
    it = find(sync, bucket);
    if ((it != NULL && it->is_anew) || sync->missing_count >= ST_CARRY_BUCKETS_MAX)
        return ST_E_CORRUPT;
    err = find_or_add(sync, bucket, &it, error);
    if (err == ST_OK)
        err = ask_for(sync, it, error);
    sync->wants_again = sync->has_missing = true;
    bool goes_on = sync->asked_whole && !bucket_is_catalogue(bucket); /* names all authors */
    sync->reads = goes_on ? READS_PAGES : READS_NOTHING;
    sync->commit_now = true;
    return err;
}
