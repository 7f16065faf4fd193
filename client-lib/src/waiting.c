/* client-lib/src/waiting.c - verdicts that would not reach their author by the pages.
 * Promises: as long as an own change waits, its device hears what becomes of it, whatever it may
 * read; a sync spends little on it.
 * Never: offers what is not decided by anybody (a fork, a set that cannot be read). */
#include "client-lib/src/waiting.h"

#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/declined.h"
#include "client-lib/src/snapshot.h"
#include "client-lib/src/witness.h"

bool waiting_has(const sotay_sync *sync, const st_id *device, uint64_t first)
{
    for (size_t i = 0; i < sync->waiting_count; i++)
        if (sync->waiting[i].counter == first &&
            st_id_cmp(&sync->waiting[i].device, device) == 0)
            return true;
    return false;
}

static st_err add(sotay_sync *sync, const st_dot *at, st_error *error)
{
    st_dot *list = sync->waiting;
    if (sync->waiting_count == sync->waiting_capacity)
        list = st_arena_grow(&sync->lasting, list, sync->waiting_count, &sync->waiting_capacity,
                             sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->waiting = list;
    sync->waiting[sync->waiting_count++] = *at;
    return ST_OK;
}

/* Is there anything that this device does not read? */
static st_err is_shut_out(sotay_client *client, bool *out_is, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_is = client->me.standing != ST_STANDING_IN_USE;
    while (err == ST_OK && !*out_is) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        *out_is = err == ST_OK && !state.in_scope;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Does this device read the bucket of the set? */
static st_err is_read(sotay_client *client, const st_set *set, bool *out_read, st_error *error)
{
    bucket_state state;
    st_err err = bucket_get(&client->book, &set->bucket, &state, error);
    *out_read = err == ST_OK && state.in_scope && client->me.standing == ST_STANDING_IN_USE;
    return err;
}

/* A set that the server has in the log, whose bucket is not read. One that is damaged cannot be
 * offered: it comes again when its bucket is read. */
static st_err look_at(sotay_sync *sync, const st_dot *at, st_error *error)
{
    outbox_set own;
    st_set set;
    st_arena arena;
    sotay_client *client = sync->client;
    bool read = true;
    st_err err = outbox_get(&client->book, &at->device, at->counter, &own, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    if (own.status == OUTBOX_UNSENT || own.position == 0)
        return ST_OK; /* offered anyway */
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    err = overlay_set_get(client, at, at->counter, &arena, &set, error);
    if (err == ST_OK)
        err = is_read(client, &set, &read, error);
    else if (book_is_damage(&client->book, err))
        err = ST_OK;
    st_arena_reset(&arena);
    return err == ST_OK && !read ? add(sync, at, error) : err;
}

st_err waiting_find(sotay_sync *sync, st_error *error)
{
    book_db *book = &sync->client->book;
    book_key prefix = book_key_of(BOOK_OVER);
    book_scan scan = book_scan_of(&prefix);
    bool is_out = false;
    if (sync->has_waiting)
        return ST_OK;
    st_err err = is_shut_out(sync->client, &is_out, error);
    while (err == ST_OK && is_out && sync->waiting_count < WAITING_SETS_MAX) {
        st_id record;
        st_dot dot;
        overlay_entry entry;
        err = book_scan_next(book, &scan, NULL, NULL, error);
        if (err == ST_OK && scan.at.len != 1 + 16 + 16 + 8)
            err = st_fail(error, ST_E_CORRUPT, "store: the note of an own change is damaged");
        if (err != ST_OK)
            break;
        memcpy(record.b, scan.at.b + 1, 16);
        memcpy(dot.device.b, scan.at.b + 17, 16);
        dot.counter = st_get_u64(scan.at.b + 33);
        err = overlay_get(book, &record, &dot, &entry, error);
        if (err != ST_OK || !overlay_is_undecided(&entry) ||
            waiting_has(sync, &dot.device, entry.first))
            continue;
        dot.counter = entry.first;
        err = look_at(sync, &dot, error);
    }
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    sync->has_waiting = true;
    if (sync->waiting_count > 0) /* another one in every sync, as its first counter is */
        sync->waiting_start = (size_t)(sync->seal.counter_next % sync->waiting_count);
    return ST_OK;
}

st_err waiting_next(sotay_sync *sync, outbox_set *out_set, st_error *error)
{
    if (sync->waiting_done == sync->waiting_count || sync->waiting_bytes >= WAITING_BYTES_MAX)
        return ST_E_NOT_FOUND;
    size_t i = (sync->waiting_start + sync->waiting_done) % sync->waiting_count;
    const st_dot *at = &sync->waiting[i];
    sync->waiting_done++;
    st_err err = outbox_get(&sync->client->book, &at->device, at->counter, out_set, error);
    return err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_CORRUPT, "store: the note of an own set is missing")
               : err;
}

static st_err drop_declined(sotay_sync *sync, const st_set *set, const st_verdict *verdict,
                            st_error *error)
{
    book_db *book = &sync->client->book;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < verdict->declined_count; i++) {
        overlay_entry entry;
        const st_change *change = overlay_change(set, verdict->declined[i]);
        if (change == NULL)
            continue;
        err = overlay_get(book, &change->record, &change->dot, &entry, error);
        if (err == ST_OK) {
            bool is_new = false; /* of the record; a person has to see it all the same */
            sync->report.needs_person = true;
            err = declined_note(sync->client, &change->record, 0, &is_new, error);
            if (err == ST_OK)
                err = overlay_delete(book, &change->record, &change->dot, error);
        } else if (err == ST_E_NOT_FOUND) {
            err = ST_OK; /* heard before */
        }
    }
    return err;
}

st_err waiting_settle(sotay_sync *sync, const outbox_set *own, const st_verdict *verdict,
                      st_error *error)
{
    sotay_client *client = sync->client;
    st_set set;
    st_arena arena;
    st_dot at = { own->device, own->first };
    outbox_helds helds = { verdict->held, verdict->held_count };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    if (err == ST_OK)
        err = drop_declined(sync, &set, verdict, error);
    if (err == ST_OK)
        err = outbox_settle(client, own, NULL, helds, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        err = overlay_row_settle(client, &set.changes[i].record, error);
    st_arena_reset(&arena);
    return err;
}

/* ---- what no page will tell ---- */

/* Is a bucket that is read here not in the scope? */
static st_err is_any_lost(sotay_client *client, bucket_list scope, bool *out_any, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_any = false;
    while (err == ST_OK && !*out_any) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        *out_any = err == ST_OK && state.in_scope && bucket_among(scope, &bucket) == NULL;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Does it lie in a bucket that is lost now, where that was not read yet, or behind the checkpoint
 * that is held? One that does not open cannot be offered. */
static st_err is_untold(sotay_client *client, const outbox_set *own, bucket_list scope,
                        bool *out_is, st_error *error)
{
    st_set set;
    st_arena arena;
    bucket_state state;
    bool is_read = true;
    const st_dot at = { own->device, own->first };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    const bool says_nothing = err == ST_E_NOT_FOUND || book_is_damage(&client->book, err);
    if (err == ST_OK)
        err = bucket_get(&client->book, &set.bucket, &state, error);
    const bool is_lost =
        err == ST_OK && state.in_scope && bucket_among(scope, &set.bucket) == NULL;
    if (is_lost)
        err = snapshot_is_read_to(client, &set.bucket, own->position, &is_read, error);
    *out_is = is_lost && err == ST_OK &&
              (!is_read || witness_is_beyond(&client->me, own->position));
    st_arena_reset(&arena);
    return says_nothing ? ST_OK : err;
}

/* Of one that this request brought, this answer has said what it is. */
static st_err doubt(sotay_sync *sync, outbox_set *own, bucket_list scope, st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    bool is_it = false;
    if (own->status != OUTBOX_SENT || own->is_closed ||
        (own->position <= sync->client->next.position &&
         !witness_is_beyond(&sync->client->me, own->position)) ||
        exchange_find_sent(sync, &own->device, own->first) != NULL)
        return ST_OK;
    st_err err = is_untold(sync->client, own, scope, &is_it, error);
    if (err != ST_OK || !is_it)
        return err;
    own->status = OUTBOX_UNSENT;
    own->position = 0;
    return outbox_settle(sync->client, own, NULL, none, error);
}

/* What is carried: a page would have taken it off. */
static st_err doubt_taken(sotay_sync *sync, bucket_list scope, st_error *error)
{
    sotay_client *client = sync->client;
    book_key prefix = book_key_of(BOOK_TAKEN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_set set;
        st_arena arena;
        carried_set taken;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = carried_next_set(client, &scan, &arena, &taken, error);
        bool is_doubted = err == ST_OK && taken.is_delivered &&
                          exchange_find_sent(sync, &taken.device, taken.first) == NULL;
        if (is_doubted)
            err = carried_get(client, &taken.device, taken.first, &arena, &set, error);
        const bool says_nothing = err == ST_E_NOT_FOUND || book_is_damage(&client->book, err);
        if (is_doubted && says_nothing)
            err = ST_OK;
        else if (is_doubted && err == ST_OK && bucket_among(scope, &set.bucket) == NULL)
            err = carried_offer_again(client, &scan.at, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err waiting_doubt(sotay_sync *sync, const st_scope *scope, st_error *error)
{
    const bucket_list list = { scope->buckets, scope->buckets_count };
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    bool is_any = false;
    st_err err = is_any_lost(sync->client, list, &is_any, error);
    while (err == ST_OK && is_any) {
        outbox_set own;
        err = outbox_next(&sync->client->book, &scan, &own, error);
        if (err == ST_OK)
            err = doubt(sync, &own, list, error);
    }
    err = err == ST_E_NOT_FOUND ? ST_OK : err;
    return err == ST_OK && is_any ? doubt_taken(sync, list, error) : err;
}
