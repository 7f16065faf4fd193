/* server/sync/feed.c - what a device gets back.
 * Promises: entries of the device's buckets only, in log order, each page with the cursor it leads
 * to, the last one with the sum; nothing new costs no page at all. Must never send what the device
 * may not read, nor hold a transaction over the network: a page is handed over in memory. */
#include "server/sync/feed.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/news.h"
#include "server/store/pack.h"
#include "server/sync/address.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"
#include "server/sync/parcel.h"
#include "server/sync/renew.h"
#include "server/sync/repair.h"
#include "server/sync/sets.h"
#include "server/sync/snapshot.h"

#define FEED_BYTES_MAX ((size_t)128 * 1024 * 1024)
#define ENTRY_EXTRA 96u        /* of an entry beside its set */

/* One answer on its way. */
typedef struct {
    sync_room *room;
    const sync_request *request;
    const feed_sink *sink;
    store_txn txn;
    st_arena arena;            /* of the answer */
    st_arena page_arena;       /* of one page */
    st_scope scope, before;    /* now, and at the revision asked */
    uint64_t position;         /* entries in the log */
    uint64_t bytes_left;
    const st_epoch *epochs;
    uint32_t epochs_count;
    st_log_keys log_keys;
    bool follows_another; /* the device has a key of the log that is not this book's */
    uint64_t cut;              /* a cursor of the epoch asked counts up to here */
    bool is_behind;            /* the device was shown more than the log has in this epoch */
    bool has_snapshots;        /* it has to fetch before it asks on */
    st_standing standing;
    bool is_closed;            /* the device gets verdicts only: it was brought nowhere */
    feed_report report;
} answer;

/* What is known of a bucket at the device. */
typedef struct {
    const st_bucket *bucket;
    sync_bucket_row row;
    uint64_t cursor;
    bool has_sum;
    st_sum sum;
    bool is_reset;
} bucket_state;

static st_err emit(answer *a, const st_frame *frame, st_error *error)
{
    return a->sink->emit(a->sink->context, frame, error);
}

/* ---- verdicts, wants, scope, end ---- */

/* For the author, by way of whoever brought his set. */
static st_err emit_receipt(answer *a, const sync_item *item, st_error *error)
{
    st_frame frame;
    st_buffer body;
    if (!a->request->ask->carries || item->verdict.position == 0
        || st_id_cmp(&item->set.device, &a->request->device.id) == 0)
        return ST_OK;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_RECEIPT;
    st_buffer_init(&body, ST_FRAME_BYTES_MAX);
    st_err err = parcel_receipt(a->room, item, &frame.as.receipt, &body, error);
    if (err == ST_OK)
        err = emit(a, &frame, error);
    st_buffer_free(&body);
    return err;
}

static st_err emit_pieces(answer *a, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->request->pieces_count; i++) {
        const sync_piece *piece = &a->request->pieces[i];
        st_frame frame;
        if (!piece->is_taken)
            continue;
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_PIECE_TAKEN;
        frame.as.piece_taken = (st_piece_taken){ piece->record, piece->hash };
        err = emit(a, &frame, error);
    }
    return err;
}

static st_err emit_verdicts(answer *a, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < a->request->items_count; i++) {
        st_frame frame;
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_VERDICT;
        frame.as.verdict = a->request->items[i].verdict;
        err = emit(a, &frame, error);
        if (err == ST_OK)
            err = emit_receipt(a, &a->request->items[i], error);
    }
    return err == ST_OK ? emit_pieces(a, error) : err;
}

/* The first gap of the device as it is now, after all sets of the request. */
static st_err emit_want(answer *a, const st_id *device, st_error *error)
{
    sets_head head;
    store_cursor cursor = { 0 };
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    st_err err = sets_head_get(&a->txn, device, &head, error);
    if (err != ST_OK || head.known >= head.last)
        return err;
    pack_key key = pack_id(device);
    pack_key_u64(&key, head.known + 1);
    err = store_cursor_open(&a->txn, STORE_SETS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&key), error);
    bool found = err == ST_OK && cursor.key.len == 24
                 && store_has_prefix(&cursor, store_bytes(device->b, 16));
    uint64_t next = found ? st_get_u64((const uint8_t *)cursor.key.data + 16) : 0;
    store_cursor_close(&cursor);
    if (err != ST_OK || !found)
        return err;
    frame.kind = ST_FRAME_WANT;
    frame.as.want.has_device = true;
    frame.as.want.device = *device;
    frame.as.want.from = head.known + 1;
    frame.as.want.to = next - 1;
    return emit(a, &frame, error);
}

/* Who asks is asked for its own gap with every request until it is closed: one behind a gap that it
 * has just given up, or one that a restored server knows again, comes with no set. */
static st_err emit_wants(answer *a, st_error *error)
{
    const sync_request *request = a->request;
    const st_id *asking = &request->device.id;
    bool is_asked = false;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < request->items_count; i++) {
        const sync_item *item = &request->items[i];
        bool again = !item->has_want;
        for (size_t j = 0; j < i && !again; j++)
            again = request->items[j].has_want
                    && st_id_cmp(&request->items[j].set.device, &item->set.device) == 0;
        if (!again)
            err = emit_want(a, &item->set.device, error);
        is_asked = is_asked || (!again && st_id_cmp(&item->set.device, asking) == 0);
    }
    return err == ST_OK && !is_asked ? emit_want(a, asking, error) : err;
}

static st_err emit_scope(answer *a, st_error *error)
{
    st_frame frame;
    if (a->scope.rev == a->request->ask->scope_rev)
        return ST_OK;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_SCOPE;
    frame.as.scope = a->scope;
    return emit(a, &frame, error);
}

/* Does it have the very rows of this book's list? */
static bool has_list(const answer *a)
{
    const st_ask *ask = a->request->ask;
    uint8_t mark[ST_EPOCHS_MARK_BYTES];
    st_epochs_mark(&a->room->keys->log, a->epochs, a->epochs_count, mark);
    return memcmp(mark, ask->epochs_mark, sizeof mark) == 0;
}

/* How many epochs the device knows. One whose epoch is not of this log (it began after the copy
 * that was put in its place) knows the first alone, as does one that has no epoch. What it says of
 * its rows counts, where it says it: with another list than this it is told all. Else its number
 * counts as far as its own epoch, since behind that it may have heard of others; one that is in a
 * later epoch and says nothing knows none: it has to believe what the server's devices signed
 * before. */
static uint32_t known_epochs(const answer *a)
{
    const st_ask *ask = a->request->ask;
    uint32_t n = a->epochs_count; /* of its epoch, which stands once more behind lost ones */
    if (!ask->has_epoch)
        return 1;
    while (n > 0 && memcmp(a->epochs[n - 1].epoch, ask->epoch, 8) != 0)
        n--;
    if (n == 0)
        return a->epochs_count > 1; /* of a log that has no other, the first is news */
    if (ask->has_epochs_mark)
        return n == a->epochs_count && has_list(a) ? n : 0;
    if (ask->epochs == 0)
        return n == 1;
    return ask->epochs < n ? (uint32_t)ask->epochs : n;
}

/* Those that it does not know. */
static st_err emit_epochs(answer *a, st_error *error)
{
    st_frame frame;
    uint32_t known = known_epochs(a);
    if (known >= a->epochs_count)
        return ST_OK;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_EPOCHS;
    frame.as.epochs.rows = a->epochs + known;
    frame.as.epochs.count = a->epochs_count - known;
    return emit(a, &frame, error);
}

/* Does it follow another key of the number that it names? Then somebody showed it another change:
 * it is shown the ones of this book, and nothing that they have signed. */
static bool follows_another(const answer *a)
{
    const st_ask *ask = a->request->ask;
    const uint8_t *key = st_log_keys_at(&a->log_keys, ask->log_keys);
    uint8_t mark[ST_LOG_KEY_MARK_BYTES];
    if (!ask->has_log_key_mark || key == NULL)
        return false;
    st_log_key_mark(key, mark);
    return memcmp(mark, ask->log_key_mark, sizeof mark) != 0;
}

static st_err emit_log_keys(answer *a, st_error *error)
{
    st_frame frame;
    uint64_t known = a->follows_another ? 0 : a->request->ask->log_keys;
    if (known >= a->log_keys.count)
        return ST_OK;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_LOG_KEYS;
    frame.as.log_keys.rows = a->log_keys.rows + known;
    frame.as.log_keys.count = a->log_keys.count - (uint32_t)known;
    return emit(a, &frame, error);
}

static st_err emit_address(answer *a, st_error *error)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    if (a->follows_another)
        return ST_OK;
    st_err err = sync_address_get(&a->txn, &frame.as.address, error);
    if (err != ST_OK || frame.as.address.n <= a->request->ask->address)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    frame.kind = ST_FRAME_ADDRESS;
    return emit(a, &frame, error);
}

/* Of the list that was told: the one of the room may be newer by now. */
static const uint8_t *present_epoch(const answer *a)
{
    return a->epochs_count > 0 ? a->epochs[a->epochs_count - 1].epoch : a->room->epoch;
}

static st_err emit_end(answer *a, st_error *error)
{
    st_frame frame;
    const sync_room *room = a->room;
    const st_ask *ask = a->request->ask;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_END;
    st_end *end = &frame.as.end;
    end->version = 1;
    end->has_epoch = !ask->has_epoch || memcmp(ask->epoch, present_epoch(a), 8) != 0;
    memcpy(end->epoch, present_epoch(a), sizeof end->epoch);
    end->server_ms = room->port->now_ms(room->port->context);
    /* To one that is closed it says nothing, unless it was shown more. */
    end->position = a->report.more || (a->is_closed && !a->is_behind) ? 0 : a->position;
    end->more = a->report.more;
    end->dictionary = ST_DICTIONARY_LAST_SET;
    end->purges = ask->purges_count;
    end->decided = ask->decided_count;
    end->short_roots = ask->checkpoints && ask->seen_size > 0 && !ask->has_short_root;
    end->standing = a->standing;
    st_err err = sync_backed_up_to(&a->txn, &end->backed_up_to, error);
    /* Who has to take the key first is shown what it signed when he asks again. */
    if (err == ST_OK && ask->log_keys >= a->log_keys.count && !a->follows_another)
        err = audit_news(&a->txn, ask, &a->arena, end, error);
    return err == ST_OK ? emit(a, &frame, error) : err;
}

/* ---- pages ---- */

/* Is it the asking device's own set, which it keeps? Then a reference is enough. */
static bool is_kept(const answer *a, const sync_row *row)
{
    uint64_t from = a->request->ask->kept_from;
    return from != 0 && row->first >= from && row->kind != ST_ENTRY_FORK
           && st_id_cmp(&row->device, &a->request->device.id) == 0;
}

static void fill_entry(answer *a, uint64_t index, const sync_row *row, st_entry *entry)
{
    entry->index = index;
    entry->time_ms = row->time_ms;
    entry->kind = row->kind;
    entry->held = row->held;
    entry->held_count = row->held_count;
    entry->has_carrier = !st_id_is_zero(&row->carrier);
    entry->carrier = row->carrier;
    entry->counters = row->counters;
    entry->counters_count = row->counters_count;
    bool is_set = row->set.len > 0;
    bool kept = is_set && is_kept(a, row);
    if (is_set && !kept) {
        entry->set = row->set.data;
        entry->set_len = row->set.len;
    } else {
        entry->device = row->device;
        entry->first = row->first;
        entry->last = row->last;
    }
    a->report.references += kept ? 1 : 0;
    a->report.entries++;
}

/* A page under construction. */
typedef struct {
    st_page page;
    st_entry *entries;
    size_t count, capacity, bytes;
} page_maker;

static st_err flush_page(answer *a, page_maker *maker, st_error *error)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_PAGE;
    maker->page.entries = maker->entries;
    maker->page.entries_count = (uint32_t)maker->count;
    maker->page.fold_version = SYNC_FOLD_VERSION;
    frame.as.page = maker->page;
    st_err err = emit(a, &frame, error);
    a->report.bytes += maker->bytes;
    a->bytes_left -= maker->bytes < a->bytes_left ? maker->bytes : a->bytes_left;
    st_arena_reset(&a->page_arena);
    maker->entries = NULL;
    maker->count = maker->capacity = maker->bytes = 0;
    maker->page.reset = false;
    return err;
}

static st_err add_entry(answer *a, page_maker *maker, uint64_t index, st_error *error)
{
    sync_row row;
    st_err err = sync_row_get(&a->txn, index, &a->page_arena, &row, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? st_fail(error, ST_E_CORRUPT, "feed: entry %llu is not there",
                                               (unsigned long long)index)
                                     : err;
    st_entry *entries = maker->entries;
    if (maker->count == maker->capacity)
        entries = st_arena_grow(&a->page_arena, maker->entries, maker->count, &maker->capacity,
                                sizeof *entries);
    if (entries == NULL)
        return st_fail(error, ST_E_MEMORY, "feed: out of memory");
    maker->entries = entries;
    st_entry *entry = &entries[maker->count];
    memset(entry, 0, sizeof *entry);
    fill_entry(a, index, &row, entry);
    err = sync_row_reason(&row, &a->page_arena, &entry->reason, error);
    if (err != ST_OK)
        return err;
    maker->bytes += entry->set_len + ENTRY_EXTRA
                    + 12u * (row.held_count + row.counters_count)
                    + (entry->reason == NULL ? 0 : strlen(entry->reason));
    maker->count++;
    maker->page.cursor = index;
    return ST_OK;
}

/* The last page of a bucket: sum, and the vector when the device began anew. */
static st_err finish_bucket(answer *a, const bucket_state *state, page_maker *maker,
                            st_error *error)
{
    st_vector vector;
    store_slice bytes = { 0 };
    pack_key key = pack_text(state->bucket->s);
    maker->page.last = true;
    maker->page.cursor = a->position;
    maker->page.sum = state->row.sum;
    if (state->cursor == 0) {
        st_err err = store_get(&a->txn, STORE_VECTOR, pack_key_slice(&key), &bytes, error);
        if (err == ST_OK)
            err = st_vector_decode(bytes.data, bytes.len, &a->page_arena, &vector, error);
        if (err == ST_OK) {
            maker->page.vector = vector.upto;
            maker->page.vector_count = (uint32_t)vector.upto_count;
        } else if (err != ST_E_NOT_FOUND) {
            return err;
        }
    }
    return flush_page(a, maker, error);
}

/* All entries of a bucket behind the cursor, as far as the answer has room. */
static st_err emit_bucket(answer *a, const bucket_state *state, st_error *error)
{
    page_maker maker;
    store_cursor cursor = { 0 };
    pack_key prefix = pack_text(state->bucket->s), from = prefix;
    st_err err = ST_OK;
    memset(&maker, 0, sizeof maker);
    maker.page.bucket = *state->bucket;
    maker.page.reset = state->is_reset;
    pack_key_u64(&from, state->cursor + 1);
    err = store_cursor_open(&a->txn, STORE_FEED, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&from), error);
    while (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        if (maker.count > 0
            && (maker.bytes >= FEED_PAGE_BYTES || maker.bytes >= a->bytes_left)) {
            a->report.more = maker.bytes >= a->bytes_left;
            err = flush_page(a, &maker, error);
            if (err != ST_OK || a->report.more)
                break;
        }
        const uint8_t *key = cursor.key.data;
        err = add_entry(a, &maker, st_get_u64(key + prefix.len), error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK && !a->report.more)
        err = finish_bucket(a, state, &maker, error);
    st_arena_reset(&a->page_arena);
    return err;
}

/* In place of all its entries, where that is shorter. *out_sent false: they have to be sent. */
static st_err emit_snapshot(answer *a, const bucket_state *state, bool *out_sent, st_error *error)
{
    st_frame frame;
    *out_sent = false;
    if (!a->request->ask->snapshots || state->cursor > 0 || state->is_reset)
        return ST_OK;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_SNAPSHOT;
    st_err err = sync_snapshot_offer(a->room, &a->txn, state->bucket, &a->page_arena,
                                     &frame.as.snapshot, error);
    *out_sent = err == ST_OK;
    if (err == ST_OK)
        err = emit(a, &frame, error);
    st_arena_reset(&a->page_arena);
    a->has_snapshots = a->has_snapshots || *out_sent;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- what the device has ---- */

static const st_bucket_ask *find_ask(const st_ask *ask, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < ask->buckets_count; i++)
        if (strcmp(ask->buckets[i].bucket.s, bucket->s) == 0)
            return &ask->buckets[i];
    return NULL;
}

static bool had_bucket(const answer *a, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < a->before.buckets_count; i++)
        if (strcmp(a->before.buckets[i].s, bucket->s) == 0)
            return true;
    return false;
}

static st_err find_state(answer *a, const st_bucket *bucket, bucket_state *out, st_error *error)
{
    const st_ask *ask = a->request->ask;
    memset(out, 0, sizeof *out);
    out->bucket = bucket;
    st_err err = sync_bucket_get(&a->txn, bucket->s, &out->row, error);
    if (err != ST_OK)
        return err;
    if (ask->is_collapsed) {
        out->cursor = had_bucket(a, bucket) ? ask->position : 0;
    } else {
        const st_bucket_ask *one = find_ask(ask, bucket);
        if (one != NULL) {
            out->cursor = one->cursor;
            out->has_sum = one->cursor > 0;
            out->sum = one->sum;
        }
    }
    if (out->cursor > a->cut || out->cursor > a->position) {
        out->is_reset = out->cursor > 0;
        out->has_sum = false;
        out->cursor = 0;
    }
    return ST_OK;
}

/* The common case: all buckets stand at one position, and their sums are ours. */
static st_err is_all_same(answer *a, bool *out_same, bool *out_news, st_error *error)
{
    const st_ask *ask = a->request->ask;
    uint8_t collapsed[8];
    st_err err = ST_OK;
    *out_same = *out_news = false;
    st_bucket_sum *sums = st_arena_array(&a->arena, a->scope.buckets_count, sizeof *sums);
    if (sums == NULL)
        return st_fail(error, ST_E_MEMORY, "feed: out of memory");
    for (uint32_t i = 0; err == ST_OK && i < a->scope.buckets_count; i++) {
        bucket_state state;
        err = find_state(a, &a->scope.buckets[i], &state, error);
        sums[i].bucket = a->scope.buckets[i];
        sums[i].sum = state.row.sum;
        *out_news = *out_news || state.row.head > state.cursor;
    }
    if (err != ST_OK || !ask->is_collapsed)
        return err;
    st_sync_collapse(sums, a->scope.buckets_count, collapsed);
    *out_same = !*out_news && ask->position <= a->cut
                && memcmp(collapsed, ask->collapsed, sizeof collapsed) == 0;
    return ST_OK;
}

/* Does it ask what the log says of records of this bucket? */
static bool is_repaired(const answer *a, const st_bucket *bucket)
{
    const sync_request *request = a->request;
    for (size_t i = 0; i < request->repairs_count; i++)
        if (strcmp(request->repairs[i]->bucket.s, bucket->s) == 0)
            return sync_repair_asks(request->repairs[i]);
    return false;
}

static bool is_in_scope(const answer *a, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < a->scope.buckets_count; i++)
        if (strcmp(a->scope.buckets[i].s, bucket->s) == 0)
            return true;
    return false;
}

/* Behind the pages, when they brought the device to the head. Of a bucket that it may not read no
 * more is said than that what it showed is kept. */
static st_err emit_repairs(answer *a, st_error *error)
{
    const sync_request *request = a->request;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < request->repairs_count; i++) {
        const st_repair_ask *ask = request->repairs[i];
        if (request->repairs_kept[i] && is_in_scope(a, &ask->bucket))
            err = sync_repair_answer(&a->txn, ask, a->position, a->sink, error);
        else if (request->repairs_kept[i] && !sync_repair_asks(ask))
            err = sync_repair_kept(ask, a->sink, error);
    }
    return err;
}

/* What is left of sets that the device keeps sealed as they were; the others when it asks again. */
static st_err emit_renewed(answer *a, st_error *error)
{
    const st_ask *ask = a->request->ask;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < ask->renews_count; i++) {
        st_frame frame;
        st_buffer sealed;
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_PARCEL;
        st_buffer_init(&sealed, ST_PARCEL_BYTES_MAX);
        err = sync_renew(a->room, &a->txn, &ask->renews[i], &frame.as.parcel, &sealed, error);
        bool fits = err == ST_OK && sealed.len <= a->bytes_left;
        if (fits)
            err = emit(a, &frame, error);
        a->bytes_left -= fits ? sealed.len : 0;
        st_buffer_free(&sealed);
        err = err == ST_E_NOT_FOUND ? ST_OK : err;
    }
    return err;
}

static st_err emit_pages(answer *a, st_error *error)
{
    bool same = false, news = false;
    const st_ask *ask = a->request->ask;
    st_err err = is_all_same(a, &same, &news, error);
    if (err != ST_OK || same)
        return err;
    if (a->bytes_left < ENTRY_EXTRA) {
        a->report.more = true;      /* it asked for no entry: only wants to get its work out */
        return ST_OK;
    }
    /* Nothing new, the same buckets, and yet another hash: the sums tell which bucket it is. */
    bool show_sums = ask->is_collapsed && !news && ask->scope_rev == a->scope.rev;
    for (uint32_t i = 0; err == ST_OK && !a->report.more && i < a->scope.buckets_count; i++) {
        bucket_state state;
        err = find_state(a, &a->scope.buckets[i], &state, error);
        if (err != ST_OK)
            break;
        bool differs = state.has_sum && state.row.head <= state.cursor
                       && memcmp(&state.sum, &state.row.sum, sizeof state.sum) != 0;
        bool is_mended = is_repaired(a, state.bucket); /* what is said of it holds at the head */
        if (differs && !ask->repairs && !is_mended) {
            state.cursor = 0;
            state.is_reset = true;
        }
        a->report.repairs += differs || (show_sums && i == 0) ? 1 : 0;
        if (!differs && !show_sums && !is_mended && !state.is_reset
            && state.row.head <= state.cursor)
            continue;
        a->report.more = a->bytes_left == 0;
        bool sent = a->report.more;
        if (!sent)
            err = emit_snapshot(a, &state, &sent, error);
        if (err == ST_OK && !sent)
            err = emit_bucket(a, &state, error);
    }
    a->report.more = a->report.more || a->has_snapshots;
    return err;
}

/* ---- the whole ---- */

static st_err start_answer(answer *a, st_error *error)
{
    const st_ask *ask = a->request->ask;
    const st_id *person = &a->request->device.person;
    auth_scope_ask now = { a->room->commune.s, person, UINT64_MAX };
    auth_scope_ask then = { a->room->commune.s, person, ask->scope_rev };
    uint64_t limit = ask->answer_bytes_max;
    if (limit == 0 || limit > FEED_ANSWER_BYTES_MAX)
        limit = FEED_ANSWER_BYTES_MAX;
    a->bytes_left = limit;
    st_err err = sync_log_size(&a->txn, &a->position, error);
    if (err == ST_OK)
        err = auth_scope(&a->txn, &now, &a->arena, &a->scope, error);
    if (err == ST_OK)
        err = auth_scope(&a->txn, &then, &a->arena, &a->before, error);
    if (err == ST_OK)
        err = sync_epochs_read(&a->txn, &a->arena, &a->epochs, &a->epochs_count, error);
    if (err == ST_OK)
        err = sync_log_keys_read(&a->txn, a->room, &a->log_keys, error);
    if (err != ST_OK)
        return err;
    a->follows_another = follows_another(a);
    if (a->follows_another)
        (void)fprintf(stderr, "sotay: a device has another key %llu of the log than this book: "
                      "somebody showed it another change (docs/operations.md, \"another key\")\n",
                      (unsigned long long)ask->log_keys);
    if (ask->log_keys > a->log_keys.count)
        (void)fprintf(stderr, "sotay: a device has key %llu of the log, this book has %u: it was "
                      "put back to before a change (docs/operations.md, \"another key\")\n",
                      (unsigned long long)ask->log_keys, a->log_keys.count);
    a->cut = ask->has_epoch ? sync_epoch_cut(a->epochs, a->epochs_count, ask->epoch) : UINT64_MAX;
    a->is_behind = sync_asks_beyond(ask, a->position);
    return ST_OK;
}

/* Behind all that the old name still reads. */
static st_err emit_heir(answer *a, st_error *error)
{
    const sync_request *request = a->request;
    st_frame frame = { .kind = ST_FRAME_HEIR_ANSWER };
    if (request->heir == NULL || request->heir_said.state == ST_HEIR_NONE)
        return ST_OK;
    frame.as.heir_answer = request->heir_said;
    return emit(a, &frame, error);
}

st_err feed_answer(sync_room *room, const sync_request *request, const feed_sink *sink,
                   feed_report *out_report, st_error *error)
{
    assert(request->ask != NULL);
    answer a;
    auth_device device;
    memset(&a, 0, sizeof a);
    a.room = room;
    a.request = request;
    a.sink = sink;
    st_arena_init(&a.arena, FEED_BYTES_MAX);
    st_arena_init(&a.page_arena, FEED_BYTES_MAX);
    st_err err = store_begin(room->store, STORE_READ_TXN, &a.txn, error);
    if (err == ST_OK)
        err = start_answer(&a, error);
    if (err == ST_OK)
        err = auth_device_get(&a.txn, NULL, &request->device.id, &device, error);
    if (err == ST_OK)
        err = emit_verdicts(&a, error);
    if (err == ST_OK)
        err = emit_wants(&a, error);
    a.is_closed = err == ST_OK && device.status != AUTH_ACTIVE;
    if (a.is_closed)
        a.standing =
            device.status == AUTH_REVOKED ? ST_STANDING_REVOKED : ST_STANDING_SUSPENDED;
    if (err == ST_OK)
        err = emit_log_keys(&a, error);
    if (err == ST_OK)
        err = emit_epochs(&a, error);
    if (err == ST_OK)
        err = emit_address(&a, error);
    /* First what it holds beyond the cut has to come: until then its base is left as it is. */
    bool waits = a.cut != UINT64_MAX || a.is_behind;
    a.report.more = a.report.more || (err == ST_OK && a.cut != UINT64_MAX);
    if (err == ST_OK && !a.is_closed && !waits) {
        err = emit_scope(&a, error);
        if (err == ST_OK)
            err = emit_pages(&a, error);
        if (err == ST_OK && !a.report.more)
            err = emit_repairs(&a, error);
        if (err == ST_OK && !a.report.more)
            err = emit_renewed(&a, error);
    }
    if (err == ST_OK && a.is_closed && !waits) /* none of it can be read where it goes */
        err = emit_renewed(&a, error);
    if (err == ST_OK)
        err = emit_heir(&a, error);
    if (err == ST_OK)
        err = emit_end(&a, error);
    store_end(&a.txn);
    st_arena_reset(&a.page_arena);
    st_arena_reset(&a.arena);
    if (err == ST_OK)
        *out_report = a.report;
    return err;
}
