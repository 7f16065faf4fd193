/* client-lib/src/epoch.c - a new epoch of the book.
 * Promises: nothing that is kept here is given up; what the book lost is offered to it again.
 * Never: believes in an epoch that the key of the log has not signed. */
#include "client-lib/src/epoch.h"

#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/decided.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/purge.h"
#include "client-lib/src/witness.h"

/* Were its bytes let go because a backup had them? */
static st_err was_covered(sotay_client *client, const outbox_set *own, bool *out_was,
                          st_error *error)
{
    bool is_here = true;
    book_key key = book_key_counter(BOOK_CLOSED, &own->device, own->first);
    st_err err = own->is_closed ? book_has(&client->book, &key, &is_here, error) : ST_OK;
    *out_was = !is_here;
    return err;
}

/* One that lies beyond the cut; and one of which a verdict said that something was declined, since
 * nobody knows where: no page did, which would be read anew. That is shown again. */
static st_err offer_one_own(sotay_client *client, outbox_set *set, uint64_t cut,
                            apply_vector *io_read, st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    bool was_told = false;
    st_err err =
        set->is_closed ? ST_OK : apply_show_told(client, set, io_read, &was_told, error);
    if (err != ST_OK || (set->position > 0 && set->position <= cut && !was_told))
        return err;
    set->status = OUTBOX_UNSENT;
    set->position = 0;
    set->is_asked = false;
    set->hold = ST_HOLD_NONE;
    return outbox_settle(client, set, NULL, none, error);
}

/* That this book did not say what it is, before it was asked in its own epoch, says nothing. What
 * is noted of its changes may say more than its own note does, where that was damaged. */
static st_err ask_anew(sotay_client *client, outbox_set *set, st_error *error)
{
    const bool was_asked = set->is_asked;
    bool kept = true;
    set->is_asked = false;
    st_err err = was_asked ? outbox_put(&client->book, set, error) : ST_OK;
    if (err == ST_OK && set->status == OUTBOX_UNSENT)
        err = closed_is_kept(client, set, &kept, error);
    return err == ST_OK && !kept ? outbox_wait_again(client, set, error) : err;
}

/* One that does not open waits like the others: it is said that it cannot go. */
static st_err offer_own(sotay_client *client, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    apply_vector read;
    st_err err = ST_OK;
    memset(&read, 0, sizeof read);
    st_arena_init(&read.arena, CLIENT_WORK_BYTES_MAX);
    while (err == ST_OK) {
        outbox_set set;
        bool is_gone = false;
        err = outbox_next(&client->book, &scan, &set, error);
        if (err == ST_OK)
            err = was_covered(client, &set, &is_gone, error);
        if (err != ST_OK || is_gone)
            continue;
        err = set.status == OUTBOX_UNSENT || set.status == OUTBOX_LOST
                  ? ask_anew(client, &set, error)
                  : offer_one_own(client, &set, cut, &read, error);
    }
    st_arena_reset(&read.arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Those that are read beyond the cut. Also of which a snapshot was loaded that is not whole yet, of
 * which no cursor speaks. */
static st_err find_beyond(sotay_client *client, uint64_t cut, st_arena *arena,
                          bucket_list *out_list, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_bucket *names = NULL;
    size_t count = 0, capacity = 0;
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        bool is_begun = false;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK)
            err = snapshot_is_begun(&client->book, &bucket, &is_begun, error);
        if (err != ST_OK || (state.cursor <= cut && !is_begun))
            continue;
        if (count == capacity)
            names = st_arena_grow(arena, names, count, &capacity, sizeof *names);
        if (names == NULL)
            return st_fail(error, ST_E_MEMORY, "sync: no memory");
        names[count++] = bucket;
    }
    *out_list = (bucket_list){ names, count };
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* All in one walk: there may be many. */
static st_err forget_beyond(sotay_client *client, uint64_t cut, st_error *error)
{
    st_arena arena;
    bucket_list list = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_beyond(client, cut, &arena, &list, error);
    if (err == ST_OK && list.count > 0)
        err = evidence_forget_these(client, list, cut, error);
    st_arena_reset(&arena);
    return err;
}

st_err epoch_turn(sotay_sync *sync, uint64_t cut, st_error *error)
{
    sotay_client *client = sync->client;
    st_err err = offer_own(client, cut, error);
    if (err == ST_OK)
        err = epoch_offer_others(client, cut, error);
    if (err == ST_OK) /* no history speaks of one that came with no page yet */
        err = epoch_offer_enrolments(client, error);
    if (err == ST_OK)
        err = closed_turn(client, cut, error);
    if (err == ST_OK)
        err = carried_turn(client, cut, error);
    if (err == ST_OK)
        err = delivered_turn(client, cut, error);
    if (err == ST_OK)
        err = purge_turn(client, cut, error);
    if (err == ST_OK)
        err = decided_turn(client, cut, error);
    if (err == ST_OK)
        err = forget_beyond(client, cut, error);
    if (client->next.position > cut)
        client->next.position = 0;
    if (client->next.scope_rev > cut) /* another revision may have the number there */
        client->next.scope_rev = 0;
    if (client->next.backed_up_to > cut)
        client->next.backed_up_to = cut;
    if (client->next.reach > cut)
        client->next.reach = cut;
    client->next.heard = sync->hears = 0; /* of another book */
    sync->seal.is_answered = false;
    client->next.turned_ms = sync->asked_wall_ms;
    sync->has_turned = true;
    sync->wants_again = true;
    sync->report.needs_person = true;
    return err;
}

/* Where a row is damaged, or not all were told, as if none were known: all are told again. What the
 * disk does not give is not mended so, and in nobody's way here. */
static void say_known(sotay_sync *sync, st_ask *ask)
{
    const identity *me = &sync->client->me;
    size_t damaged = 0;
    st_err err = epoch_rows_look_through(sync->client, false, &damaged, NULL);
    ask->has_epochs_mark =
        me->epochs > 1 && me->has_epochs_mark && (err != ST_OK || damaged == 0);
    ask->epochs = ask->has_epochs_mark ? me->epochs : 0;
    memcpy(ask->epochs_mark, me->epochs_mark, sizeof ask->epochs_mark);
}

/* The newest of them: those that a book knows again, as a rule, are the oldest. */
static void show_row(st_epoch *rows, uint32_t *io_count, const st_epoch *row)
{
    if (*io_count == ST_EPOCHS_SHOWN_MAX)
        memmove(rows, rows + 1, --*io_count * sizeof *rows);
    rows[(*io_count)++] = *row;
}

st_err epoch_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    bool brings = false;
    st_arena *arena = &sync->arena;
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    say_known(sync, ask);
    st_err err = epoch_brings_papers(sync, &brings, error);
    if (err != ST_OK || !brings)
        return err;
    st_epoch *rows = st_arena_array(arena, ST_EPOCHS_SHOWN_MAX, sizeof *rows);
    if (rows == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    ask->seen = rows;
    while (err == ST_OK) {
        st_epoch row;
        err = epoch_row_next(sync->client, &scan, arena, &row, error);
        if (err == ST_OK)
            show_row(rows, &ask->seen_count, &row);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The log of an epoch that was lost is this one no further than up to where that, or one before it,
 * began: the lowest cut of all that we were told of; where one of these does not open, nowhere. */
static st_err lower_to_kept(sotay_client *client, uint64_t *io_cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    size_t damaged = 0;
    st_err err = epoch_rows_look_through(client, false, &damaged, error);
    if (damaged > 0)
        *io_cut = 0;
    while (err == ST_OK) {
        st_arena arena;
        st_epoch row;
        st_arena_init(&arena, 4096);
        err = epoch_row_next(client, &scan, &arena, &row, error);
        if (err == ST_OK && row.n > 1 && row.cut < *io_cut)
            *io_cut = row.cut;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Rows of the log as it is told; *out_cut is the lowest cut of those behind our own epoch, which is
 * number `known`; where that is not among all of them, of those of before too. */
static st_err keep_rows(sotay_client *client, const st_epoch *rows, uint32_t count, uint64_t known,
                        uint64_t *out_cut, st_error *error)
{
    const identity *next = &client->next;
    uint64_t cut = UINT64_MAX;
    bool is_lost = rows[0].n <= 2;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < count; i++) {
        if (!st_epoch_verify(&next->log, &rows[i], next->log_key))
            return st_fail(error, ST_E_SIGNATURE, "epoch: the key of the log has not signed it");
        bool is_ours = memcmp(rows[i].epoch, next->epoch, sizeof next->epoch) == 0;
        is_lost = is_lost && !is_ours;
        if (is_ours && rows[i].n <= known)
            cut = UINT64_MAX; /* nothing up to here is new */
        else if (rows[i].cut < cut)
            cut = rows[i].cut;
        err = epoch_row_keep(client, &rows[i], error);
    }
    if (err == ST_OK && is_lost)
        err = lower_to_kept(client, &cut, error);
    *out_cut = cut;
    return err;
}

/* Told again: names may hang on the keys, and are learned before the rest of the book comes. */
static void go_on_with_keys(sotay_sync *sync)
{
    memset(&sync->names, 0, sizeof sync->names);
    sync->wants_again = true;
    sync->reads = READS_NOTHING;
}

/* Of a list that begins behind the first row no mark is known; it is asked for again, whole. */
static void note_list(identity *next, const st_epoch *rows, uint32_t count)
{
    next->has_epochs_mark = rows[0].n == 1;
    st_epochs_mark(&next->log, rows, count, next->epochs_mark);
}

/* Is it the very list that was told last? */
static bool has_list(const identity *next, const st_epoch *rows, uint32_t count)
{
    uint8_t mark[ST_EPOCHS_MARK_BYTES];
    st_epochs_mark(&next->log, rows, count, mark);
    return next->has_epochs_mark && memcmp(mark, next->epochs_mark, sizeof mark) == 0;
}

st_err epoch_take(sotay_sync *sync, const st_epoch *rows, uint32_t count, st_error *error)
{
    identity *next = &sync->client->next;
    uint64_t known = next->epochs > 0 ? next->epochs : 1, cut = UINT64_MAX;
    size_t damaged = 0, left = 0;
    st_err err = epoch_rows_look_through(sync->client, false, &damaged, error);
    if (err != ST_OK || count == 0)
        return err;
    const st_epoch *last = &rows[count - 1];
    bool is_same = memcmp(next->epoch, last->epoch, sizeof next->epoch) == 0;
    if (is_same && damaged == 0 && has_list(next, rows, count))
        return ST_OK;
    err = epoch_key_keep(sync->client, known, next->server_key, error);
    if (err == ST_OK)
        err = keep_rows(sync->client, rows, count, known, &cut, error);
    if (err == ST_OK) /* what is damaged and not among all of them is gone */
        err = epoch_rows_look_through(sync->client, rows[0].n == 1, &left, error);
    if (err != ST_OK)
        return err;
    next->epochs = last->n;
    note_list(next, rows, count);
    memcpy(next->server_key, last->server_key, sizeof next->server_key);
    next->server_device = st_device_id(last->server_key);
    if (left < damaged)
        go_on_with_keys(sync);
    if (is_same)
        return ST_OK;
    memcpy(next->epoch, last->epoch, sizeof next->epoch);
    witness_turn(next, cut);
    return epoch_turn(sync, cut, error);
}

/* Where an answer came in parts, a bucket is further than all that was said. */
static st_err farthest_shown(sotay_client *client, uint64_t *io_index, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK && state.in_scope && state.cursor > *io_index)
            *io_index = state.cursor;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err epoch_check_end(sotay_sync *sync, const st_end *end, st_error *error)
{
    uint64_t index = sync->client->next.reach;
    if (end->more || end->has_epoch || end->position == 0 || sync->has_turned)
        return ST_OK; /* position 0: who is shut out is told it only when it is shorter */
    st_err err = farthest_shown(sync->client, &index, error);
    if (err != ST_OK || index <= end->position)
        return err;
    return epoch_turn(sync, end->position, error);
}
