/* client-lib/src/receipt_due.c - which receipts a sync should fetch, and many of them at once.
 * Promises: a record that this device wrote in is asked for until its newest entry has a receipt;
 * one that does not hold is in no other's way.
 * Never: asks after a sync in which nothing changed, but for a draft that waits since a day. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/src/receipt.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/limits.h"
#include "proto/show.h"

#define PATH             "/audit/receipts/"
#define ANSWER_BYTES_MAX ((size_t)SOTAY_RECEIPTS_MOST * (ST_LEAF_BYTES_MAX + ST_NOTE_BYTES_MAX))
#define RECEIPT_WAIT_MS  (INT64_C(86400) * 1000)

/* ---- by the marks ---- */

/* Those that press, and those that only come along with them. */
typedef struct {
    sotay_client *client;
    sotay_receipt_ask *pressing, along;
    st_arena arena; /* of one record */
} due_walk;

static void add(sotay_receipt_ask *ask, const uint8_t record[16], uint64_t entry)
{
    if (ask->count == SOTAY_RECEIPTS_MOST)
        return;
    memcpy(ask->records[ask->count].b, record, sizeof ask->records[0].b);
    ask->entries[ask->count++] = entry;
}

/* A record that is still being written gets one receipt for a day's work, not one for each sync.
 * Both times are the server's. */
static st_err is_pressing(due_walk *w, const st_id *record, int64_t since_ms, bool *out_is,
                          st_error *error)
{
    st_row row;
    const identity *me = &w->client->me;
    book_value value = { NULL, 0 };
    book_key key = book_key_id(BOOK_ROW, record);
    *out_is = me->has_clock && st_ms_between(since_ms, me->clock.server_ms) >= RECEIPT_WAIT_MS;
    st_err err = book_get(&w->client->book, &key, &w->arena, &value, error);
    if (err == ST_OK)
        err = st_row_decode(value.data, value.len, &row, error);
    if (err == ST_OK && strcmp(row.state, "draft") != 0 && strcmp(row.state, "assigned") != 0)
        *out_is = true;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err take_mark(due_walk *w, const book_key *at, const book_value *value, st_error *error)
{
    st_id record;
    receipt_entries entries;
    bool presses = false;
    if (at->len != 1 + sizeof record.b || value->len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: the mark of a receipt is damaged");
    memcpy(record.b, at->b + 1, sizeof record.b);
    st_err err = receipt_entries_of(w->client, &record, &entries, error);
    if (err != ST_OK || entries.newest == 0 || entries.kept == entries.newest)
        return err;
    err = is_pressing(w, &record, (int64_t)st_get_u64(value->data), &presses, error);
    if (err == ST_OK)
        add(presses ? w->pressing : &w->along, record.b, entries.newest);
    return err;
}

static st_err find_marked(sotay_client *client, sotay_receipt_ask *out, st_error *error)
{
    due_walk w = { .client = client, .pressing = out };
    book_key prefix = book_key_of(BOOK_DUE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    st_arena_init(&w.arena, CLIENT_WORK_BYTES_MAX);
    while (err == ST_OK) {
        book_value value = { NULL, 0 };
        err = book_scan_next(&client->book, &scan, &w.arena, &value, error);
        if (err == ST_OK)
            err = take_mark(&w, &scan.at, &value, error);
        st_arena_reset(&w.arena);
    }
    for (size_t i = 0; out->count > 0 && i < w.along.count; i++)
        add(out, w.along.records[i].b, w.along.entries[i]);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- all of them ---- */

/* A walk over all of HIST: the record that is being walked, and what was found. */
typedef struct {
    sotay_client *client;
    bool has_record, is_own;
    st_id record;
    sotay_id *list;
    size_t count, most;
} all_walk;

/* The record is done: is a receipt of its newest entry here? What does not open is none. */
static st_err end_record(all_walk *w, st_error *error)
{
    receipt_entries entries;
    if (!w->has_record || !w->is_own || w->count == w->most)
        return ST_OK;
    st_err err = receipt_entries_of(w->client, &w->record, &entries, error);
    if (err == ST_OK && entries.newest != 0 && entries.kept != entries.newest)
        memcpy(w->list[w->count++].b, w->record.b, sizeof w->record.b);
    return err;
}

static st_err take_line(all_walk *w, const book_key *at, const book_value *value, st_error *error)
{
    apply_line line;
    st_id record;
    memcpy(record.b, at->b + 1, sizeof record.b);
    st_err err = apply_line_read(at, value, &line, error);
    if (err == ST_OK && (!w->has_record || st_id_cmp(&record, &w->record) != 0)) {
        err = end_record(w, error);
        w->record = record;
        w->has_record = true;
        w->is_own = false;
    }
    if (err == ST_OK)
        w->is_own = w->is_own || st_id_cmp(&line.device, &w->client->me.device) == 0;
    return err;
}

static st_err walk_all(all_walk *w, st_error *error)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    while (err == ST_OK && w->count < w->most) {
        book_value value = { NULL, 0 };
        err = book_scan_next(&w->client->book, &scan, &arena, &value, error);
        if (err == ST_OK)
            err = take_line(w, &scan.at, &value, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? end_record(w, error) : err;
}

static st_err find_all(sotay_client *client, sotay_receipt_ask *out, st_error *error)
{
    all_walk w = { .client = client, .list = out->records, .most = SOTAY_RECEIPTS_MOST };
    st_err err = walk_all(&w, error);
    for (size_t i = 0; err == ST_OK && i < w.count; i++) {
        receipt_entries entries;
        st_id record;
        memcpy(record.b, out->records[i].b, sizeof record.b);
        err = receipt_entries_of(client, &record, &entries, error);
        if (err == ST_OK)
            add(out, record.b, entries.newest);
    }
    return err;
}

/* ---- the calls ---- */

static st_err begin(sotay_client *client, st_error *error)
{
    st_err err = client_need_enrolled(client, error);
    return err == ST_OK ? client_begin(client, false, error) : err;
}

int sotay_receipt_due(sotay_client *client, sotay_id *out_records, size_t most, size_t *out_count,
                      sotay_error *error)
{
    all_walk w = { .client = client, .list = out_records, .most = most };
    st_error inner = { ST_OK, "" };
    st_err err = begin(client, &inner);
    if (err == ST_OK)
        err = walk_all(&w, &inner);
    client_abort(client);
    *out_count = err == ST_OK ? w.count : 0;
    return port_give(err, &inner, error);
}

static void write_path(sotay_receipt_ask *ask)
{
    int at = snprintf(ask->path, sizeof ask->path, PATH);
    for (size_t i = 0; i < ask->count; i++)
        at += snprintf(ask->path + at, sizeof ask->path - (size_t)at, "%s%" PRIu64,
                       i == 0 ? "" : ",", ask->entries[i]);
}

int sotay_receipts_wanted(sotay_client *client, bool all, sotay_receipt_ask *out_ask,
                          sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    memset(out_ask, 0, sizeof *out_ask);
    st_err err = begin(client, &inner);
    if (err == ST_OK)
        err = all ? find_all(client, out_ask, &inner) : find_marked(client, out_ask, &inner);
    client_abort(client);
    if (err == ST_OK)
        write_path(out_ask);
    else
        out_ask->count = 0;
    return port_give(err, &inner, error);
}

/* ---- taking them in ---- */

typedef struct {
    sotay_client *client;
    st_frame_reader *reader;
    st_buffer proof; /* of the pair that was read last */
    sotay_slice leaf;
    size_t kept;
    st_err refused; /* the first one that did not hold */
} taking;

static st_err read_frame(taking *t, const uint8_t **out_bytes, size_t *out_len, st_error *error)
{
    st_err bad = ST_OK;
    if (st_frame_read(t->reader, out_bytes, out_len, &bad))
        return ST_OK;
    return st_fail(error, bad == ST_OK ? ST_E_CORRUPT : bad, "receipts: the answer is cut off");
}

/* Each is two frames: proof and leaf; both are empty when the entry is not signed yet. */
static st_err read_pair(taking *t, st_error *error)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_buffer_clear(&t->proof);
    st_err err = read_frame(t, &bytes, &len, error);
    if (err == ST_OK)
        err = st_buffer_append(&t->proof, bytes, len, error);
    if (err == ST_OK)
        err = read_frame(t, &bytes, &len, error);
    t->leaf = (sotay_slice){ bytes, len };
    return err;
}

/* One that does not hold is passed over. An error: of the store, of memory, or of the answer. */
static st_err take_pair(taking *t, const sotay_id *record, st_error *error)
{
    st_id id;
    st_error why = { ST_OK, "" };
    memcpy(id.b, record->b, sizeof id.b);
    st_err err = read_pair(t, error);
    if (err != ST_OK || (t->proof.len == 0 && t->leaf.len == 0))
        return err;
    err = receipt_put(t->client, &id, (sotay_slice){ t->proof.data, t->proof.len }, t->leaf, &why);
    t->kept += err == ST_OK;
    if (err == ST_OK)
        return ST_OK;
    if (st_err_is_passing(err)) {
        *error = why;
        return err;
    }
    t->refused = t->refused == ST_OK ? err : t->refused;
    return ST_OK;
}

static st_err take_all(taking *t, const sotay_receipt_ask *ask, sotay_slice answer, st_error *error)
{
    st_err err = st_frame_reader_new(ANSWER_BYTES_MAX, &t->reader, error);
    if (err == ST_OK)
        err = st_frame_feed(t->reader, answer.data, answer.len, error);
    for (size_t i = 0; err == ST_OK && i < ask->count; i++)
        err = take_pair(t, &ask->records[i], error);
    st_frame_reader_free(t->reader);
    if (err != ST_E_CORRUPT && err != ST_E_TOO_LARGE)
        return err;
    t->refused = err; /* of what came before the damage nothing is lost */
    return ST_OK;
}

int sotay_receipts_take(sotay_client *client, const sotay_receipt_ask *ask, sotay_slice answer,
                        size_t *out_kept, sotay_error *error)
{
    taking t = { .client = client };
    st_error inner = { ST_OK, "" };
    st_buffer_init(&t.proof, ST_NOTE_BYTES_MAX);
    *out_kept = 0;
    st_err err = receipt_begin(client, &inner);
    if (err == ST_OK)
        err = take_all(&t, ask, answer, &inner);
    if (err == ST_OK && t.kept > 0)
        err = client_commit(client, &inner);
    client_abort(client);
    st_buffer_free(&t.proof);
    *out_kept = err == ST_OK || err == ST_PENDING ? t.kept : 0;
    if (err == ST_OK && t.refused != ST_OK)
        err = st_fail(&inner, t.refused, "receipts: some did not hold");
    return port_give(err, &inner, error);
}
