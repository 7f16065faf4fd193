/* client-lib/src/take.c - takes the frames of an answer: verdicts, wants, scope, pages, the end.
 * Promises: a verdict is written down before the set counts as sent; what is not understood is kept
 * and shown; what is not said again when the server is asked again is news, which has to last.
 * Never: believes a stranger's clock - only the server's time bounds ours. */
#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/decided.h"
#include "client-lib/src/declined.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/lease.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/offered.h"
#include "client-lib/src/renew.h"
#include "client-lib/src/replay.h"
#include "client-lib/src/waiting.h"
#include "client-lib/src/witness.h"
#include "proto/merge.h"

exchange_sent *exchange_find_sent(const sotay_sync *sync, const st_id *device, uint64_t first)
{
    for (size_t i = 0; i < sync->sent_count; i++)
        if (sync->sent[i].first == first && st_id_cmp(&sync->sent[i].device, device) == 0)
            return &sync->sent[i];
    return NULL;
}

/* What waits for an answer has one: it is of the book that is known, and has all its verdicts.
 * Written again when it was undone. */
static st_err hear(sotay_sync *sync, st_error *error)
{
    identity *next = &sync->client->next;
    st_err err = ST_OK;
    if (sync->has_heard || sync->hears == 0)
        return ST_OK;
    if (next->heard < sync->hears)
        next->heard = sync->hears;
    for (size_t i = 0; err == ST_OK && i < sync->sent_count; i++) {
        const exchange_sent *sent = &sync->sent[i];
        if (sent->is_unsaid)
            err = outbox_unsaid(sync->client, &sent->device, sent->first, error);
    }
    sync->has_heard = err == ST_OK;
    return err;
}

static st_hold first_hold(const st_verdict *verdict)
{
    return verdict->held_count > 0 ? verdict->held[0].reason : ST_HOLD_CORRUPT;
}

static void count_verdict(sotay_sync *sync, const st_verdict *verdict, const st_id *device)
{
    sotay_report *report = &sync->report;
    if (verdict->kind == ST_VERDICT_STORED)
        report->stored++;
    if (verdict->kind == ST_VERDICT_DUPLICATE)
        report->duplicate++;
    if (verdict->kind == ST_VERDICT_HELD)
        report->held++;
    if (verdict->kind == ST_VERDICT_LATER) {
        report->later++;
        if (verdict->later_s > report->later_s)
            report->later_s = verdict->later_s;
    }
    /* Of what was told before, only what is new is told; what stays unsent was not sent. */
    const exchange_sent *sent = exchange_find_sent(sync, device, verdict->first);
    uint64_t changes = sent == NULL ? 0 : sent->changes;
    if (verdict->kind != ST_VERDICT_LATER && verdict->kind != ST_VERDICT_UNKNOWN)
        report->sent_changes += changes;
    if (verdict->kind == ST_VERDICT_HELD || (verdict->held_count > 0 && changes > 0) ||
        verdict->kind == ST_VERDICT_UNKNOWN)
        report->needs_person = true;
}

static bool has_hold(const st_verdict *verdict, st_hold hold)
{
    for (uint32_t i = 0; i < verdict->held_count; i++)
        if (verdict->held[i].reason == hold)
            return true;
    return false;
}

/* A sealed one nobody reads here, so it is not made anew: it is the server's, once that has said of
 * this very set that it is there. Until then it is brought, under its name or as a parcel. */
static st_err mark_closed(sotay_client *client, outbox_set *set, uint64_t position, st_error *error)
{
    outbox_helds none = { NULL, 0 };
    set->status = position > 0 ? OUTBOX_HELD : OUTBOX_UNSENT;
    set->position = position;
    set->hold = ST_HOLD_FORK;
    return outbox_settle(client, set, NULL, none, error);
}

/* position: where the server has this very set; 0: it did not say. */
static st_err mark_set(sotay_client *client, outbox_set *set, uint64_t position, st_error *error)
{
    bool kept = false;
    outbox_helds none = { NULL, 0 };
    if (closed_is_fork(set))
        return ST_OK;
    st_err err = closed_is_kept(client, set, &kept, error);
    if (err == ST_OK && !kept) {
        client->next.lost += set->status == OUTBOX_LOST ? 0 : set->last - set->first + 1;
        return outbox_forget(client, &set->device, &(st_gone){ set->first, set->last }, error);
    }
    if (err == ST_OK && set->is_closed)
        return mark_closed(client, set, position, error);
    set->status = OUTBOX_HELD;
    set->hold = ST_HOLD_FORK;
    return err == ST_OK ? outbox_settle(client, set, NULL, none, error) : err;
}

/* Every own set of a device from this counter on belongs to the branch that came second. One that
 * is not here is lost. position: where the server has the first of them; 0: it did not say. */
static st_err mark_fork(sotay_client *client, const st_id *device, uint64_t first,
                        uint64_t position, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OWN, device);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set set;
        err = outbox_next(&client->book, &scan, &set, error);
        if (err == ST_OK && set.first >= first)
            err = mark_set(client, &set, set.first == first ? position : 0, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* From here on recording goes on under a name that is not enrolled yet. */
static st_err leave_name(sotay_client *client, st_error *error)
{
    identity *next = &client->next;
    next->is_forked = true;
    next->counter = next->sealed = next->heard = 0;
    next->has_prev = false;
    next->gone_from = next->gone_to = 0;
    next->heir = ST_HEIR_NONE;
    next->files_full = false;
    memset(next->heir_reason, 0, sizeof next->heir_reason);
    st_wipe(&next->heir_offer, sizeof next->heir_offer);
    return port_random(client->book.port, next->device.b, sizeof next->device.b, error);
}

st_err take_copied(sotay_client *client, st_error *error)
{
    const identity *me = &client->me;
    if (!me->is_enrolled || me->is_forked ||
        memcmp(me->install, client->install, sizeof me->install) == 0)
        return ST_OK;
    identity old = *me;
    st_err err = client_begin(client, true, error);
    if (err == ST_OK)
        err = leave_name(client, error);
    if (err == ST_OK)
        err = replay_changes(client, &old, 0, error);
    st_wipe(&old, sizeof old);
    if (err == ST_OK)
        return client_commit(client, error);
    client_abort(client);
    return err;
}

/* The server stored another branch of this device: this store is a copy. Its own branch, from
 * that set on, is taken over by a device that is not enrolled yet; recording goes on under it,
 * and what it holds is sealed and sent after the next enrolment. Where it was enrolled before it
 * heard of the other branch, the device that it is now takes over at once. */
static st_err take_fork(sotay_sync *sync, const st_id *device, uint64_t first, uint64_t position,
                        st_error *error)
{
    sotay_client *client = sync->client;
    identity old = client->next;
    old.device = *device;
    st_err err = mark_fork(client, device, first, position, error);
    if (err == ST_OK && st_id_cmp(device, &client->next.device) == 0) {
        err = leave_name(client, error);
        sync->asked_gone = (st_gone){ 0, 0 }; /* it was said under the old name */
    }
    if (err == ST_OK)
        err = replay_changes(client, &old, first, error);
    sync->hears = 0; /* the counters are others now */
    sync->commit_now = true; /* whatever comes after it in this answer */
    st_wipe(&old, sizeof old);
    return err;
}

st_err take_twin(sotay_sync *sync, st_error *error)
{
    const st_dot twin = sync->applied.twin;
    return take_fork(sync, &twin.device, twin.counter, 0, error);
}

/* A book that is lost knew this device. All that is kept is gone through for it: once for an
 * answer, whatever it has of such sets. */
static st_err offer_names(sotay_sync *sync, st_error *error)
{
    if (sync->has_offered_names)
        return ST_OK;
    sync->has_offered_names = true;
    return epoch_offer_enrolments(sync->client, error);
}

static st_err take_verdict(sotay_sync *sync, const st_verdict *verdict, st_error *error)
{
    sotay_client *client = sync->client;
    st_id device = verdict->has_device ? verdict->device : client->me.speaker;
    outbox_set set;
    count_verdict(sync, verdict, &device);
    bool is_unsaid = verdict->kind == ST_VERDICT_LATER || verdict->kind == ST_VERDICT_UNKNOWN;
    exchange_sent *sent = exchange_find_sent(sync, &device, verdict->first);
    if (sent != NULL)
        sent->is_unsaid = is_unsaid || verdict->position == 0;
    if (is_unsaid)
        return ST_OK; /* stays unsent: offered again at the next sync */
    identity_reach(&client->next, verdict->position);
    st_err err = outbox_get(&client->book, &device, verdict->first, &set, error);
    if (err == ST_E_NOT_FOUND) {
        err = carried_verdict(client, &device, verdict, error);
        if (err != ST_OK || verdict->position == 0)
            return err; /* somebody else's, not in the log: offered again */
        err = ST_E_NOT_FOUND;
    }
    if (err == ST_E_NOT_FOUND) {
        err = epoch_carried(client, &device, verdict->first, error);
        return err == ST_OK ? closed_settle(client, &device, verdict->first, verdict->position,
                                            error)
                            : err;
    }
    if (err != ST_OK)
        return err;
    if (has_hold(verdict, ST_HOLD_FORK))
        return take_fork(sync, &device, verdict->first, verdict->position, error);
    if (has_hold(verdict, ST_HOLD_DEVICE))
        err = offer_names(sync, error);
    if (err != ST_OK)
        return err;
    set.status = verdict->kind == ST_VERDICT_HELD ? OUTBOX_HELD : OUTBOX_SENT;
    set.position = verdict->position;
    set.hold = verdict->kind == ST_VERDICT_HELD ? first_hold(verdict) : ST_HOLD_NONE;
    bool is_told = verdict->declined_count > 0 || waiting_has(sync, &device, set.first);
    outbox_helds helds = { verdict->held, verdict->held_count };
    const outbox_note *note = outbox_note_of(&sync->seal, &device, set.first);
    err = !set.is_closed && is_told ? waiting_settle(sync, &set, verdict, error)
                                    : outbox_settle(client, &set, note, helds, error);
    return err == ST_OK && verdict->kind == ST_VERDICT_DUPLICATE
               ? outbox_is_there(client, &set, error)
               : err;
}

/* A gap in front of what was sent: the kept sets in it are offered again; what is not kept, or does
 * not open any more, is gone. */
static st_err take_want(sotay_sync *sync, const st_want *want, st_error *error)
{
    sotay_client *client = sync->client;
    st_id device = want->has_device ? want->device : client->me.speaker;
    book_key prefix = book_key_id(BOOK_OWN, &device);
    book_scan scan = book_scan_of(&prefix);
    uint64_t covered = want->from; /* the first counter not found yet */
    st_gone gone = { 0, 0 };       /* the first span that is not kept */
    sync->report.wanted++;
    for (;;) {
        outbox_set set;
        st_err err = outbox_next(&client->book, &scan, &set, error);
        if (err == ST_E_NOT_FOUND)
            break;
        if (err != ST_OK)
            return err;
        if (set.last < want->from || set.first > want->to)
            continue;
        bool kept = false;
        err = closed_is_kept(client, &set, &kept, error);
        if (err != ST_OK)
            return err;
        if (!kept)
            continue;
        if (set.first > covered && gone.from == 0)
            gone = (st_gone){ covered, set.first - 1 };
        covered = set.last + 1;
        if (set.status == OUTBOX_HELD)
            continue;
        set.status = OUTBOX_UNSENT;
        set.position = 0; /* sealed bytes of it stay until it is there again */
        outbox_helds none = { NULL, 0 };
        err = outbox_settle(client, &set, NULL, none, error);
        if (err != ST_OK)
            return err;
        sync->wants_again = true;
    }
    if (gone.from == 0)
        gone = (st_gone){ covered, want->to };
    if (gone.to > client->me.sealed)
        gone.to = client->me.sealed; /* what comes after it is not made yet */
    if (gone.from <= gone.to && st_id_cmp(&device, &client->me.device) == 0) {
        client->next.gone_from = gone.from;
        client->next.gone_to = gone.to;
        sync->wants_again = true;
    }
    return ST_OK;
}

/* A bucket that had to be read anew, named once. */
static st_err note_repair(sotay_sync *sync, const st_bucket *bucket, st_error *error)
{
    for (size_t i = 0; i < sync->repaired_count; i++)
        if (strcmp(sync->repaired[i].s, bucket->s) == 0)
            return ST_OK;
    st_bucket *list = sync->repaired;
    if (sync->repaired_count == sync->repaired_capacity)
        list = st_arena_grow(&sync->lasting, list, sync->repaired_count, &sync->repaired_capacity,
                             sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->repaired = list;
    sync->repaired[sync->repaired_count++] = *bucket;
    sync->report.repaired_buckets = sync->repaired_count;
    sync->report.needs_person = true;
    sync->client->next.repaired_ms = sync->asked_wall_ms;
    return ST_OK;
}

/* Can it not be read for want of a newer program, though it says nothing of that itself? */
static st_err leaves_page(sotay_sync *sync, const st_page *page, bool *out_leaves, st_error *error)
{
    *out_leaves = strcmp(sync->left.s, page->bucket.s) == 0;
    if (*out_leaves)
        return ST_OK;
    st_err err = apply_leaves(sync->client, page, out_leaves, error);
    if (err == ST_OK && *out_leaves)
        sync->left = page->bucket;
    sync->applied.too_new = sync->applied.too_new || *out_leaves;
    return err;
}

static st_err take_page(sotay_sync *sync, const st_page *page, st_error *error)
{
    apply_report report;
    memset(&report, 0, sizeof report);
    bool begun = false, is_left = false;
    st_err err = leaves_page(sync, page, &is_left, error);
    if (err != ST_OK || is_left)
        return err;
    err = snapshot_is_begun(&sync->client->book, &page->bucket, &begun, error);
    if (err == ST_OK && begun) /* the server sends all entries after all */
        err = apply_forget(sync->client, &page->bucket, error);
    if (err == ST_OK && sync->names.asks_anew && bucket_is_catalogue(&page->bucket) &&
        page->fold_version <= APPLY_FOLD_VERSION)
        err = relearn_begin_anew(sync->client, &page->bucket, &sync->names, error);
    if (err == ST_OK)
        err = apply_page(sync->client, page, &report, error);
    sync->applied.received_changes += report.received_changes;
    sync->moved = sync->moved || report.moved;
    if (report.hlc_max > sync->applied.hlc_max)
        sync->applied.hlc_max = report.hlc_max;
    sync->applied.too_new = sync->applied.too_new || report.too_new;
    sync->renews.are_new = sync->renews.are_new || report.owes_renewal;
    sync->report.needs_person = sync->report.needs_person || report.has_declined;
    sync->applied.lacks_author = report.lacks_author;
    sync->applied.lost_reference = report.lost_reference;
    sync->applied.is_behind = report.is_behind;
    sync->applied.has_twin = report.has_twin;
    sync->applied.twin = report.twin;
    if (err == ST_OK && (report.was_reset || report.moved))
        repair_forget(sync, &page->bucket, report.was_reset);
    if (err == ST_OK && (report.was_reset || report.wrong_sum || report.has_lost)) {
        err = note_repair(sync, &page->bucket, error);
        sync->client->next.position = 0;
    }
    if (err == ST_OK && report.wrong_sum)
        err = repair_begin(sync, &page->bucket, error);
    return err;
}

/* What the server's clock tells ours; a time that no stamp can hold tells nothing. */
static void take_clock(sotay_sync *sync, int64_t server_ms, int64_t wall_ms)
{
    identity *next = &sync->client->next;
    const int64_t bound = INT64_C(1) << 47;
    if (server_ms < 0 || server_ms > bound || wall_ms < -bound || wall_ms > bound)
        return;
    next->clock_offset_ms = server_ms - (sync->asked_wall_ms / 2 + wall_ms / 2);
    next->has_offset = true;
    sync->report.clock_offset_ms = next->clock_offset_ms;
    st_hlc_observe(&next->hlc, (st_hlc)server_ms << 16, server_ms);
    st_hlc_observe(&next->hlc, sync->applied.hlc_max, server_ms);
    st_hlc_observe(&next->hlc, sync->fetch.hlc_max, server_ms);
}

void take_exchange(sotay_sync *sync, int64_t server_ms)
{
    identity *next = &sync->client->next;
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(sync->client, &wall_ms, &mono_ms);
    lease_meet(sync->client);
    st_clock clock = { { 0 }, sync->asked_mono_ms, mono_ms, server_ms };
    memcpy(clock.boot, sync->client->boot, sizeof clock.boot);
    if (!st_clock_is_good(&clock, server_ms))
        return;
    next->clock = clock;
    next->has_clock = true;
}

/* Nothing more is to come in this sync. One in which the book turned, or an attempt before, leaves
 * the note of it to be read. */
static void take_whole(sotay_sync *sync, const st_end *end)
{
    identity *next = &sync->client->next;
    next->position = end->position;
    identity_reach(next, end->position);
    if (!sync->has_turned && !sync->before.needs_person)
        next->turned_ms = 0;
    if (sync->repaired_count == 0 && !sync->before.needs_person)
        next->repaired_ms = 0;
}

/* Does the answer want what the request said to be gone, and more? Then all of it is said next. */
static bool is_grown(const identity *next, const st_gone *said)
{
    return next->gone_from <= said->to && next->gone_to >= said->from &&
           (next->gone_from != said->from || next->gone_to != said->to);
}

/* What this request said to exist no more is counted, and not looked for again; what was wanted
 * just now is said next. */
static st_err lose_said(sotay_sync *sync, st_error *error)
{
    identity *next = &sync->client->next;
    const st_gone said = sync->asked_gone;
    uint64_t lost = 0;
    if (said.from == 0 || is_grown(next, &said))
        return ST_OK;
    if (said.from == next->gone_from && said.to == next->gone_to)
        next->gone_from = next->gone_to = 0;
    sync->report.needs_person = true;
    st_err err = outbox_lose(sync->client, &next->device, &said, &lost, error);
    next->lost += lost;
    return err;
}

/* Does the end say that it is of another epoch, of which no row came? */
static bool is_of_another_epoch(const identity *next, const st_end *end)
{
    return end->has_epoch && memcmp(end->epoch, next->epoch, sizeof end->epoch) != 0;
}

/* How far backups have the log. One that does not go on from what this phone was shown has others
 * under those numbers than the sets that it said were there. */
static st_err take_covered(sotay_sync *sync, const st_end *end, st_error *error)
{
    identity *next = &sync->client->next;
    if (end->backed_up_to <= next->backed_up_to || sync->is_other_log ||
        is_of_another_epoch(next, end))
        return ST_OK;
    next->backed_up_to = end->backed_up_to;
    return closed_cover(sync->client, error);
}

static st_err take_end(sotay_sync *sync, const st_end *end, st_error *error)
{
    sotay_client *client = sync->client;
    identity *next = &client->next;
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(client, &wall_ms, &mono_ms);
    sync->has_end = true;
    sync->more = end->more;
    next->last_sync_ms = wall_ms;
    take_clock(sync, end->server_ms, wall_ms);
    if (sync->tells_clock)
        next->told = sync->telling;
    take_exchange(sync, end->server_ms);
    renew_end(sync);
    bool is_shut_out = end->standing != ST_STANDING_IN_USE && next->standing != end->standing;
    next->standing = end->standing;
    if (!end->more && !sync->wants_again && end->standing == ST_STANDING_IN_USE)
        next->asks_whole = false; /* all that may be read was read */
    if (end->standing != ST_STANDING_IN_USE || next->roles_count == 0)
        sync->report.needs_person = true;
    next->dictionary = end->dictionary == ST_DICTIONARY_LAST_SET ? end->dictionary : 0;
    st_err err = lose_said(sync, error);
    if (err == ST_OK)
        err = witness_take(sync, end, error);
    if (err == ST_OK)
        err = take_covered(sync, end, error);
    if (err == ST_OK)
        err = decided_noted(sync, end->decided, error);
    if (err == ST_OK)
        err = offered_end(sync, error);
    if (err == ST_OK)
        err = delivered_end(client, end->position, error);
    if (err == ST_OK && is_shut_out)
        err = renew_shut_out(sync, error);
    if (err == ST_OK)
        err = repair_end_round(sync, error);
    if (err == ST_OK)
        err = purge_noted(sync, end->purges, error);
    if (err == ST_OK)
        err = declined_prune(client, error);
    if (err != ST_OK)
        return err;
    if (is_of_another_epoch(next, end)) {
        /* Of a server that told no row with it: how far the logs are one is not known, and which
         * key it signs with now it is asked. */
        memcpy(next->epoch, end->epoch, sizeof end->epoch);
        next->has_epochs_mark = false;
        return epoch_turn(sync, 0, error);
    }
    err = epoch_check_end(sync, end, error);
    if (err == ST_OK)
        err = evidence_end_round(sync, error);
    if (err != ST_OK)
        return err;
    if (!end->more && !sync->wants_again && !sync->repairs_go_on && !sync->applied.too_new)
        take_whole(sync, end);
    return ST_OK;
}

/* A bucket that is new to us: when one position stood for all, the server could not know from where
 * to send it, so it is asked again. */
static st_err take_scope(sotay_sync *sync, const st_scope *scope, st_error *error)
{
    uint64_t before = sync->client->next.position;
    sync->moved = sync->moved || scope->rev != sync->client->next.scope_rev;
    bool lost = false;
    st_err err = waiting_doubt(sync, scope, error);
    if (err == ST_OK)
        err = apply_scope(sync->client, scope, &lost, error);
    if (lost) /* the receipt goes at once */
        sync->wants_again = true;
    if (before > 0 && sync->client->next.position == 0 && sync->asked_collapsed)
        sync->wants_again = true;
    return err;
}

/* A new address of the server: from the next sync on. */
static st_err take_address(sotay_sync *sync, const st_address *address, st_error *error)
{
    identity *next = &sync->client->next;
    _Static_assert(sizeof next->url == sizeof address->url, "an address fits");
    if (address->n <= next->address)
        return ST_OK;
    if (!st_address_verify(&next->log, address, next->log_key))
        return st_fail(error, ST_E_SIGNATURE, "address: the key of the log has not signed it");
    memcpy(next->url, address->url, strlen(address->url) + 1);
    next->address = address->n;
    return ST_OK;
}

/* The answer also says that what was shown of the bucket is kept. */
static st_err take_repair(sotay_sync *sync, const st_repair_answer *answer, st_error *error)
{
    st_err err = evidence_take(sync, &answer->bucket, error);
    return err == ST_OK ? repair_take(sync, answer, error) : err;
}

/* The end of an answer after which nothing is to be done, and no alarm to be kept. The clocks, the
 * date until which the store opens, and the checkpoint are those of the answer before when it is
 * undone; no confirmation of that checkpoint has been signed. */
static bool is_plain_end(const sotay_sync *sync, const st_end *end)
{
    const identity *me = &sync->client->me, *next = &sync->client->next;
    return end->purges == 0 && end->decided == 0 && sync->asked_gone.from == 0 &&
           sync->repairs_count == 0 &&
           me->has_alarm == next->has_alarm && me->epochs == next->epochs &&
           me->has_cut == next->has_cut && me->alarm_epoch == next->alarm_epoch &&
           memcmp(me->epoch, next->epoch, sizeof me->epoch) == 0;
}

/* Does the server say it again when this store has forgotten it? It answers `duplicate` to a set
 * that is offered once more. Called when the frame is taken. */
static bool is_said_again(const sotay_sync *sync, const st_frame *frame)
{
    const st_verdict *verdict = &frame->as.verdict;
    switch (frame->kind) {
    case ST_FRAME_VERDICT:
        return (verdict->kind == ST_VERDICT_STORED || verdict->kind == ST_VERDICT_DUPLICATE) &&
               verdict->held_count == 0 && !verdict->has_device;
    case ST_FRAME_END: return is_plain_end(sync, &frame->as.end);
    case ST_FRAME_REFUSAL:
    case ST_FRAME_NONE: return true;
    default: return false;
    }
}

static st_err take_any(sotay_sync *sync, const st_frame *frame, st_error *error)
{
    bool is_new = false;
    if (sync->is_heir) { /* under the new name nothing of this answer counts any more */
        sync->has_end = sync->has_end || frame->kind == ST_FRAME_END;
        return ST_OK;
    }
    switch (frame->kind) {
    case ST_FRAME_VERDICT: return take_verdict(sync, &frame->as.verdict, error);
    case ST_FRAME_WANT: return take_want(sync, &frame->as.want, error);
    case ST_FRAME_SCOPE: return take_scope(sync, &frame->as.scope, error);
    case ST_FRAME_PAGE: return take_page(sync, &frame->as.page, error);
    case ST_FRAME_EPOCHS:
        return epoch_take(sync, frame->as.epochs.rows, frame->as.epochs.count, error);
    case ST_FRAME_LOG_KEYS: return log_keys_take(sync, &frame->as.log_keys, error);
    case ST_FRAME_ADDRESS: return take_address(sync, &frame->as.address, error);
    case ST_FRAME_SNAPSHOT: return snapshot_take(sync, &frame->as.snapshot, error);
    case ST_FRAME_REPAIR_ANSWER: return take_repair(sync, &frame->as.repair_answer, error);
    case ST_FRAME_PIECE_BYTES: return fetch_take_bytes(sync, &frame->as.piece_bytes, error);
    case ST_FRAME_HAVE_ANSWER: return attach_take(sync, &frame->as.have_answer, error);
    case ST_FRAME_RECEIPT:
        return carried_take_receipt(sync->client, &frame->as.receipt, &is_new, error);
    case ST_FRAME_PARCEL: return renew_take(sync, &frame->as.parcel, error);
    case ST_FRAME_PIECE_TAKEN:
        return carried_piece_taken(sync->client, &frame->as.piece_taken, error);
    case ST_FRAME_END: return take_end(sync, &frame->as.end, error);
    case ST_FRAME_ENROL_ANSWER: return enrol_take(sync, &frame->as.enrol_answer, error);
    case ST_FRAME_HEIR_ANSWER: return heir_take(sync, &frame->as.heir_answer, error);
    case ST_FRAME_REFUSAL:
        sync->refusal = frame->as.refusal;
        sync->has_refusal = true;
        return ST_OK;
    default: return ST_OK; /* of a newer server: skipped */
    }
}

/* Who asks in an older epoch gets none of these, but an end; when that is taken, it shows. */
static bool is_of_known_book(const st_frame *frame)
{
    return frame->kind == ST_FRAME_SCOPE || frame->kind == ST_FRAME_PAGE ||
           frame->kind == ST_FRAME_SNAPSHOT || frame->kind == ST_FRAME_END;
}

st_err take_frame(sotay_sync *sync, const st_frame *frame, st_error *error)
{
    st_err err = take_any(sync, frame, error);
    if (err == ST_OK && is_of_known_book(frame))
        err = hear(sync, error);
    sync->has_news = sync->has_news || !is_said_again(sync, frame);
    return err;
}
