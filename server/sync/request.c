/* server/sync/request.c - what one request brought: prepared in the worker, taken in by the writer.
 * Promises: signatures are checked before the writer is asked; the counter of the request is used
 * up in the same transaction, so a replay changes nothing. Must never hold a transaction while it
 * waits for the writer. */
#include <assert.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/audit/news.h"
#include "server/sync/clock.h"
#include "server/sync/fold.h"
#include "server/sync/incident.h"
#include "server/sync/lifted.h"
#include "server/sync/decided.h"
#include "server/sync/purge.h"
#include "server/sync/regain.h"
#include "server/sync/seen.h"
#include "server/sync/sets.h"

#define GONE_MAX 64u
#define SET_BYTES_DECODED ((size_t)64 * 1024 * 1024)  /* what the largest set may take in memory */

void sync_request_init(sync_request *request, size_t arena_bytes_max)
{
    memset(request, 0, sizeof *request);
    st_arena_init(&request->arena, arena_bytes_max);
}

void sync_request_free(sync_request *request)
{
    st_arena_reset(&request->arena);
    request->items = NULL;
    request->items_count = 0;
    request->pieces = NULL;
    request->pieces_count = 0;
}

st_err sync_request_add(sync_request *request, sync_room *room, store_txn *txn,
                        store_slice bytes, st_error *error)
{
    auth_device device;
    if (request->items_count >= SYNC_SETS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "sync: more than %u sets", SYNC_SETS_MAX);
    /* Out of memory must not look like a set that is too large: it would be held for ever. */
    if (request->items_count > 0
        && request->arena.bytes_max - request->arena.bytes_used < SET_BYTES_DECODED)
        return st_fail(error, ST_E_TOO_LARGE, "sync: too much in one request");
    sync_item *items = request->items;
    if (request->items_count == request->items_capacity)
        items = st_arena_grow(&request->arena, request->items, request->items_count,
                              &request->items_capacity, sizeof *items);
    if (items == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: out of memory");
    request->items = items;
    sync_item *item = &items[request->items_count];
    memset(item, 0, sizeof *item);
    item->decoded = st_set_decode(bytes.data, bytes.len, &request->arena, &item->set, NULL);
    if (item->decoded == ST_E_MEMORY)
        return st_fail(error, ST_E_MEMORY, "sync: out of memory");
    /* What cannot be read may still be signed: its envelope says by whom. */
    if (item->set.bytes != NULL) {
        st_err err = auth_device_get(txn, room->keys, &item->set.device, &device, error);
        if (err != ST_OK && err != ST_E_NOT_FOUND)
            return err;
        item->is_known = err == ST_OK;
        item->is_servers = err == ST_OK && device.is_server;
        item->is_signed = err == ST_OK
                          && st_set_verify(&item->set, &room->keys->log, device.sign_key);
    }
    request->items_count++;
    return ST_OK;
}

static st_err take_gap(writer_turn *turn, const st_id *device, const st_gone *gone,
                       st_error *error)
{
    sync_row row;
    bool added = false;
    st_err err = sets_add_gap(turn->txn, device, gone, &added, error);
    if (err != ST_OK || !added)
        return err;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_GAP;
    row.device = *device;
    row.first = gone->from;
    row.last = gone->to;
    return sync_log_append(turn, &row, NULL, error);
}

static st_err note_contact(writer_turn *turn, const sync_request *request, st_error *error)
{
    auth_contact contact;
    const st_ask *ask = request->ask;
    st_err err = auth_contact_get(turn->txn, &request->device.id, &contact, error);
    if (err != ST_OK)
        return err;
    contact.last_sync_ms = request->received_ms;
    if (ask->wall_ms != 0)
        contact.clock_offset_ms = st_ms_between(request->received_ms, ask->wall_ms);
    if (ask->seen_size > contact.seen_size)
        contact.seen_size = ask->seen_size;
    memcpy(contact.install, request->install, sizeof contact.install);
    err = auth_contact_put(turn->txn, &request->device.id, &contact, error);
    if (err == ST_OK)
        err = audit_cosigned(turn->txn, turn->room, &request->device, ask, request->received_ms,
                             error);
    if (err == ST_OK)
        err = sync_given_up_note(turn, &request->device.id, ask, request->received_ms, error);
    if (err == ST_OK && ask->has_clock)
        err = sync_clock_note(turn->txn, &request->device.id, &ask->clock, request->received_ms,
                              error);
    return err;
}

/* Copies a verdict's list out of the turn's memory, which ends before the answer is written. */
static st_err keep_verdict(sync_request *request, sync_item *item, st_error *error)
{
    st_verdict *verdict = &item->verdict;
    if (st_id_cmp(&verdict->device, &request->device.id) == 0)
        verdict->has_device = false;
    if (item->has_want && st_id_cmp(&item->want.device, &request->device.id) == 0)
        item->want.has_device = false;
    if (verdict->declined_count > 0)
        verdict->declined = (const uint64_t *)(const void *)st_arena_copy(
            &request->arena, verdict->declined, verdict->declined_count * sizeof(uint64_t));
    if (verdict->declined_count > 0 && verdict->declined == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: out of memory");
    if (verdict->held_count == 0)
        return ST_OK;
    verdict->held = (const st_held *)(const void *)st_arena_copy(
        &request->arena, verdict->held, verdict->held_count * sizeof *verdict->held);
    return verdict->held == NULL ? st_fail(error, ST_E_MEMORY, "sync: out of memory") : ST_OK;
}

bool sync_asks_beyond(const st_ask *ask, uint64_t size)
{
    bool is_beyond = ask->position > size || ask->reach > size;
    for (uint32_t i = 0; i < ask->buckets_count; i++)
        is_beyond = is_beyond || ask->buckets[i].cursor > size;
    return is_beyond;
}

/* Who asks in another epoch than the present one, or from beyond the log, is told so with this
 * answer, and gets no page. */
static st_err find_bringer(const writer_turn *turn, const sync_request *request,
                           sync_bringer *out_by, st_error *error)
{
    const st_ask *ask = request->ask;
    uint64_t size = 0;
    *out_by = (sync_bringer){ request->device.id, false };
    if (ask == NULL)
        return ST_OK;
    st_err err = sync_log_size(turn->txn, &size, error);
    out_by->is_early =
        sync_asks_beyond(ask, size)
        || (ask->has_epoch && memcmp(ask->epoch, turn->room->epoch, sizeof ask->epoch) != 0);
    return err;
}

static st_err run_request(writer_turn *turn, void *argument, st_error *error)
{
    sync_request *request = argument;
    sync_bringer by;
    bool is_forsaken = false;
    st_err err = find_bringer(turn, request, &by, error);
    if (err == ST_OK && request->ask != NULL)
        err = audit_is_forsaken(turn->txn, turn->room, request->ask, &is_forsaken, error);
    if (is_forsaken)
        return sync_see_rollback(turn, &request->device.id, error);
    if (err == ST_OK && request->has_counter)
        err = auth_counter_take(turn->txn, &request->device.id, request->counter,
                                &request->counter_highest, error);
    for (size_t i = 0; err == ST_OK && i < request->items_count; i++) {
        err = sync_ingest_set(turn, &request->items[i], &by, error);
        if (err == ST_OK)
            err = keep_verdict(request, &request->items[i], error);
        if (err == ST_OK)
            err = sync_lift_again(turn, &request->items[i], error);
        if (err == ST_OK)
            err = sync_regain(turn, &request->items[i], error);
        st_arena_reset(turn->arena);
    }
    if (err != ST_OK || request->ask == NULL)
        return err;
    for (uint32_t i = 0; err == ST_OK && i < request->ask->gone_count && i < GONE_MAX; i++)
        err = take_gap(turn, &request->device.id, &request->ask->gone[i], error);
    for (uint32_t i = 0; err == ST_OK && i < request->ask->purges_count; i++)
        err = sync_purge_note(turn, &request->device, &request->ask->purges[i], error);
    for (uint32_t i = 0; err == ST_OK && i < request->ask->decided_count; i++)
        err = sync_decided_note(turn, &request->device.id, &request->ask->decided[i], error);
    for (size_t i = 0; err == ST_OK && i < request->repairs_count; i++) {
        err = sync_incident_note(turn, &request->device.id, request->repairs[i],
                                 &request->repairs_kept[i], error);
        st_arena_reset(turn->arena);
    }
    return err == ST_OK ? note_contact(turn, request, error) : err;
}

st_err sync_request_base(store_txn *txn, const st_id *device, st_buffer *out,
                         uint8_t out_check[4], st_error *error)
{
    sets_head head;
    sync_row row;
    st_arena arena;
    uint64_t index = 0;
    st_err err = sets_head_get(txn, device, &head, error);
    if (err != ST_OK)
        return err;
    const st_dot last = { *device, head.last };
    err = head.last == 0 ? ST_E_NOT_FOUND : sets_find(txn, &last, &index, error);
    st_arena_init(&arena, SET_BYTES_DECODED);
    if (err == ST_OK)
        err = sync_row_get(txn, index, &arena, &row, error);
    if (err == ST_OK && st_head_base(row.set.data, row.set.len, &head.last_hash, out,
                                     out_check) != ST_OK)
        err = st_fail(error, ST_E_MEMORY, "request: no memory for the set that it leans on");
    st_arena_reset(&arena);
    return err;
}

st_err sync_request_submit(sync_request *request, writer *w, st_error *error)
{
    request->job.run = run_request;
    request->job.argument = request;
    return writer_submit(w, &request->job, error);
}
