/* client-lib/src/lease.c - the lock that closes when the server was not met for long.
 * Promises: opens with the next answer of the server; counts the monotonic clock only, so that a
 * wall clock in 1970 or 2199 neither opens nor closes it.
 * Never: drops anything, or stands in the way of recording. */
#include "client-lib/src/lease.h"

#include <string.h>

#include "client-lib/src/bucket.h"
#include "proto/limits.h"

#define NOTED_EACH_MS UINT64_C(3600000)

static uint64_t mono_now(const sotay_client *client)
{
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(client, &wall_ms, &mono_ms);
    return mono_ms;
}

static bool is_same_boot(const sotay_client *client, const identity *me)
{
    return memcmp(me->lease_boot, client->boot, sizeof me->lease_boot) == 0;
}

/* Of an older run of the machine what was noted last, and all of this one. */
static uint64_t spent(const sotay_client *client, const identity *me)
{
    uint64_t now = mono_now(client);
    if (!me->has_lease)
        return 0;
    if (!is_same_boot(client, me))
        return me->lease_ms + now;
    return me->lease_ms + (now > me->lease_mono_ms ? now - me->lease_mono_ms : 0);
}

uint64_t lease_spent_ms(const sotay_client *client)
{
    return spent(client, &client->me);
}

bool lease_is_over(const sotay_client *client)
{
    return client->me.is_enrolled && lease_spent_ms(client) >= (uint64_t)ST_LEASE_MS;
}

static void write_down(sotay_client *client, uint64_t spent_ms)
{
    identity *next = &client->next;
    next->has_lease = true;
    next->lease_ms = spent_ms;
    next->lease_mono_ms = mono_now(client);
    memcpy(next->lease_boot, client->boot, sizeof next->lease_boot);
}

void lease_meet(sotay_client *client)
{
    write_down(client, 0);
}

void lease_note(sotay_client *client)
{
    const identity *me = &client->me;
    if (!me->is_enrolled)
        return;
    uint64_t now = spent(client, me);
    if (!me->has_lease || !is_same_boot(client, me) || now - me->lease_ms >= NOTED_EACH_MS)
        write_down(client, now);
}

/* Did the person of this store make the record, or write in it? */
static bool is_own(const sotay_client *client, const overlay_view *view)
{
    const st_record *record = &view->record;
    if (view->has_own || view->lacks_own)
        return true;
    for (size_t i = 0; i < record->metas_count; i++)
        if (st_id_cmp(&record->metas[i].actor, &client->me.person) == 0)
            return true;
    for (size_t i = 0; i < record->wrote_count; i++)
        if (st_id_cmp(&record->wrote[i], &client->me.speaker) == 0)
            return true;
    return false;
}

st_err lease_check(const sotay_client *client, const overlay_view *view, st_error *error)
{
    if (!lease_is_over(client) || bucket_is_catalogue(&view->record.bucket) ||
        is_own(client, view))
        return ST_OK;
    return st_fail(error, ST_E_DENIED,
                   "locked: 45 days without the server; the next sync opens it");
}
