/* client-lib/src/snapshot.c - fetches a snapshot piece by piece.
 * Promises: a broken line goes on at the byte; a piece whose hash is wrong is never looked into;
 * what the server has no more, or what is not sound, leaves nothing behind and the bucket is read
 * entry by entry. Never: asks for ever. */
#include "client-lib/src/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/exchange.h"
#include "proto/hash.h"

#define HEAD_BYTES   (4u + 8u + 16u) /* of a row, in front of the frame */
#define WRONGS_MAX   3u

void snapshot_init(snapshot_fetch *fetch)
{
    memset(fetch, 0, sizeof *fetch);
    st_arena_init(&fetch->arena, (size_t)ST_FRAME_BYTES_MAX * 4);
    st_buffer_init(&fetch->bytes, (size_t)ST_BODY_BYTES_MAX * 2);
}

void snapshot_free(snapshot_fetch *fetch)
{
    st_buffer_free(&fetch->bytes);
    st_arena_reset(&fetch->arena);
}

/* ---- what is kept of it ---- */

book_key snapshot_key(uint8_t kind, const st_bucket *bucket)
{
    book_key key = book_key_of(BOOK_SNAPSHOT);
    book_key_bytes(&key, &kind, 1);
    if (bucket != NULL)
        book_key_bytes(&key, bucket->s, strlen(bucket->s));
    return key;
}

st_err snapshot_is_begun(book_db *book, const st_bucket *bucket, bool *out_begun, st_error *error)
{
    book_key key = snapshot_key(SNAPSHOT_ROW, bucket);
    return book_has(book, &key, out_begun, error);
}

st_err snapshot_is_read_to(sotay_client *client, const st_bucket *bucket, uint64_t entry,
                           bool *out_is, st_error *error)
{
    bucket_state state;
    bool is_begun = false;
    st_err err = bucket_get(&client->book, bucket, &state, error);
    if (err == ST_OK)
        err = snapshot_is_begun(&client->book, bucket, &is_begun, error);
    *out_is = err == ST_OK && state.in_scope && !state.too_new && !is_begun &&
              state.cursor >= entry;
    return err;
}

st_err snapshot_clear(book_db *book, const st_bucket *bucket, st_error *error)
{
    st_err err = ST_OK;
    for (uint8_t kind = 0; err == ST_OK && kind < SNAPSHOT_KINDS; kind++) {
        book_key key = snapshot_key(kind, bucket);
        err = book_delete(book, &key, error);
    }
    return err;
}

/* The row: piece u32, bytes before it u64, sum so far 16, the frame that named the snapshot. */
static st_err put_row(book_db *book, const snapshot_fetch *at, st_error *error)
{
    uint8_t head[HEAD_BYTES];
    st_buffer row;
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_SNAPSHOT;
    frame.as.snapshot = at->list;
    st_buffer_init(&row, ST_FRAME_BYTES_MAX);
    st_put_u32(head, at->piece);
    st_put_u64(head + 4, at->from);
    memcpy(head + 12, at->sum.b, sizeof at->sum.b);
    book_key key = snapshot_key(SNAPSHOT_ROW, &at->list.bucket);
    st_err err = st_buffer_append(&row, head, sizeof head, error);
    if (err == ST_OK)
        err = st_frame_encode(&frame, &row, error);
    if (err == ST_OK)
        err = book_put(book, &key, row.data, row.len, error);
    st_buffer_free(&row);
    return err;
}

/* Into fetch; the list stays in its arena. */
static st_err read_row(snapshot_fetch *fetch, const book_value *row, st_error *error)
{
    st_frame frame;
    if (row->len < HEAD_BYTES)
        return st_fail(error, ST_E_CORRUPT, "store: the note of a snapshot is damaged");
    st_err err = st_frame_decode(row->data + HEAD_BYTES, row->len - HEAD_BYTES, &fetch->arena,
                                 &frame, error);
    if (err != ST_OK)
        return err;
    fetch->piece = st_get_u32(row->data);
    fetch->from = st_get_u64(row->data + 4);
    memcpy(fetch->sum.b, row->data + 12, sizeof fetch->sum.b);
    if (frame.kind != ST_FRAME_SNAPSHOT || fetch->piece >= frame.as.snapshot.pieces_count)
        return st_fail(error, ST_E_CORRUPT, "store: the note of a snapshot is damaged");
    fetch->list = frame.as.snapshot;
    return ST_OK;
}

/* The first one that is noted. ST_E_NOT_FOUND. */
static st_err read_first(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    book_key prefix = snapshot_key(SNAPSHOT_ROW, NULL);
    book_scan scan = book_scan_of(&prefix);
    book_value row = { NULL, 0 }, tail = { NULL, 0 };
    st_arena_reset(&fetch->arena);
    st_buffer_clear(&fetch->bytes);
    st_err err = book_scan_next(&sync->client->book, &scan, &fetch->arena, &row, error);
    if (err == ST_OK)
        err = read_row(fetch, &row, error);
    if (err != ST_OK)
        return err;
    book_key key = snapshot_key(SNAPSHOT_TAIL, &fetch->list.bucket);
    err = book_get(&sync->client->book, &key, &fetch->arena, &tail, error);
    if (err == ST_OK && tail.len < fetch->list.pieces[fetch->piece].bytes)
        err = st_buffer_append(&fetch->bytes, tail.data, tail.len, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- being told of one ---- */

st_err snapshot_take(sotay_sync *sync, const st_snapshot *snapshot, st_error *error)
{
    snapshot_fetch fresh;
    bucket_state state;
    bool begun = false;
    book_db *book = &sync->client->book;
    if (snapshot->fold_version > APPLY_FOLD_VERSION || !sync->fetch.can_fetch) {
        sync->fetch.is_off = true;
        sync->wants_again = true; /* its pages say the rest */
        return ST_OK;
    }
    st_err err = bucket_get(book, &snapshot->bucket, &state, error);
    if (err == ST_OK)
        err = snapshot_is_begun(book, &snapshot->bucket, &begun, error);
    if (err != ST_OK || state.cursor > 0 || !state.in_scope)
        return err;
    sync->fetch.is_named = sync->moved = true;
    if (begun)
        return ST_OK; /* goes on with the one it began, while the server has it */
    memset(&fresh, 0, sizeof fresh);
    fresh.list = *snapshot;
    return put_row(book, &fresh, error);
}

/* ---- asking ---- */

/* The records that were loaded go, and all notes of it. */
static st_err drop(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    st_err err = client_begin(client, true, error);
    if (err == ST_OK)
        err = apply_forget(client, &sync->fetch.list.bucket, error);
    if (err != ST_OK)
        return err;
    sync->fetch.drops = sync->fetch.is_open = false;
    return client_commit(client, error);
}

st_err snapshot_next(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    if (fetch->drops)
        return drop(sync, error);
    if (fetch->is_open || !fetch->is_named || fetch->is_off || sync->has_sets)
        return ST_OK;
    st_err err = client_begin(sync->client, false, error);
    if (err == ST_OK)
        err = read_first(sync, error);
    client_abort(sync->client);
    fetch->is_open = err == ST_OK;
    if (err == ST_E_NOT_FOUND)
        fetch->is_named = false;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

uint64_t snapshot_from(const snapshot_fetch *fetch)
{
    return fetch->from + fetch->bytes.len;
}

static st_err build_text(sotay_sync *sync, st_error *error)
{
    const sotay_client *client = sync->client;
    snapshot_fetch *fetch = &sync->fetch;
    st_hash name = st_snapshot_name(&fetch->list), nothing = st_sha256("", 0);
    st_snapshot_path(&fetch->list.bucket, &name, fetch->path);
    memset(&sync->head, 0, sizeof sync->head);
    sync->head.device = client->me.speaker;
    memcpy(sync->head.install, client->install, sizeof sync->head.install);
    sync->head.counter = sync->seal.counter_next++;
    st_buffer_clear(&sync->text);
    st_err err = st_head_sign_text(&sync->head, "GET", fetch->path, &nothing, &client->me.log,
                                   &sync->text);
    return err == ST_OK ? ST_OK : st_fail(error, err, "sync: no memory");
}

st_err snapshot_make(sotay_sync *sync, st_error *error)
{
    static const char SCHEME[] = "Sotay ";
    snapshot_fetch *fetch = &sync->fetch;
    uint8_t head[ST_HEAD_BYTES];
    st_err err = ST_OK;
    if (!sync->body_is_built) {
        err = outbox_flush(&sync->seal, sync->client, error);
        if (err == ST_OK)
            err = build_text(sync, error);
        sync->body_is_built = err == ST_OK;
    }
    sotay_slice text = { sync->text.data, sync->text.len };
    if (err == ST_OK)
        err = client_sign(sync->client, sync->client->me.sign_key, text, sync->head.signature,
                          error);
    if (err != ST_OK)
        return err;
    st_head_encode(&sync->head, head);
    memcpy(fetch->authorization, SCHEME, sizeof SCHEME);
    st_base64url(head, sizeof head, fetch->authorization + sizeof SCHEME - 1);
    st_buffer_clear(&sync->body);
    fetch->is_wrong = fetch->has_moved = false;
    fetch->start_len = 0;
    fetch->bytes_before = fetch->bytes.len;
    return ST_OK;
}

/* ---- taking ---- */

static void keep_start(snapshot_fetch *fetch, const void *data, size_t len)
{
    size_t room = sizeof fetch->start - fetch->start_len;
    size_t more = len < room ? len : room;
    if (more > 0)
        memcpy(fetch->start + fetch->start_len, data, more);
    fetch->start_len += more;
}

static bool is_right(const snapshot_fetch *fetch, const st_snapshot_piece *piece)
{
    st_hash hash = st_sha256(fetch->bytes.data, piece->bytes);
    return memcmp(hash.b, piece->hash.b, sizeof hash.b) == 0;
}

/* What has its hash and cannot be folded all the same came from a server that errs: pages say the
 * rest. What this store cannot write ends the sync. */
static bool is_unsound(st_err err)
{
    return err == ST_E_CORRUPT || err == ST_E_SIGNATURE || err == ST_E_TOO_LARGE ||
           err == ST_E_VERSION;
}

static st_err take_piece(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    size_t len = fetch->list.pieces[fetch->piece].bytes;
    book_key tail = snapshot_key(SNAPSHOT_TAIL, &fetch->list.bucket);
    bool is_last = fetch->piece + 1 == fetch->list.pieces_count;
    st_err err = client_begin(sync->client, true, error);
    if (err == ST_OK)
        err = snapshot_load(sync, error);
    if (is_unsound(err)) {
        client_abort(sync->client);
        fetch->drops = fetch->is_wrong = fetch->is_off = true;
        return ST_OK;
    }
    if (err != ST_OK)
        return err;
    fetch->piece++;
    fetch->from += len;
    fetch->has_moved = true;
    fetch->bytes.len -= len;
    memmove(fetch->bytes.data, fetch->bytes.data + len, fetch->bytes.len);
    fetch->bytes_before = 0;
    fetch->is_open = !is_last;
    if (!is_last)
        err = put_row(&sync->client->book, fetch, error);
    if (err == ST_OK && !is_last)
        err = book_delete(&sync->client->book, &tail, error);
    return err == ST_OK ? client_commit(sync->client, error) : err;
}

st_err snapshot_feed(sotay_sync *sync, const void *data, size_t len, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    keep_start(fetch, data, len);
    if (fetch->is_wrong)
        return ST_OK;
    st_err err = len > 0 ? st_buffer_append(&fetch->bytes, data, len, error) : ST_OK;
    while (err == ST_OK && fetch->is_open && !fetch->is_wrong) {
        const st_snapshot_piece *piece = &fetch->list.pieces[fetch->piece];
        if (fetch->bytes.len < piece->bytes)
            break;
        fetch->is_wrong = !is_right(fetch, piece);
        if (fetch->is_wrong)
            st_buffer_clear(&fetch->bytes); /* it is fetched again from its first byte on */
        else
            err = take_piece(sync, error);
    }
    return err;
}

/* ---- ending ---- */

/* The line broke: what came of the piece is kept for another time. */
static st_err keep_tail(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    book_key key = snapshot_key(SNAPSHOT_TAIL, &fetch->list.bucket);
    if (!fetch->is_open || fetch->is_wrong || fetch->bytes.len == fetch->bytes_before)
        return ST_OK;
    st_err err = client_begin(sync->client, true, error);
    if (err == ST_OK)
        err = book_put(&sync->client->book, &key, fetch->bytes.data, fetch->bytes.len, error);
    if (err != ST_OK)
        return err;
    fetch->bytes_before = fetch->bytes.len; /* the step that comes after a pending one goes on */
    return client_commit(sync->client, error);
}

static bool read_refusal(sotay_sync *sync)
{
    const snapshot_fetch *fetch = &sync->fetch;
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_frame frame;
    st_arena arena;
    st_arena_init(&arena, ST_FRAME_BYTES_MAX);
    bool reads = st_frame_reader_new(ST_FRAME_BYTES_MAX, &reader, NULL) == ST_OK &&
                 st_frame_feed(reader, fetch->start, fetch->start_len, NULL) == ST_OK &&
                 st_frame_read(reader, &bytes, &len, &bad) &&
                 st_frame_decode(bytes, len, &arena, &frame, NULL) == ST_OK &&
                 frame.kind == ST_FRAME_REFUSAL;
    if (reads)
        sync->refusal = frame.as.refusal;
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
    return reads;
}

/* There is no such snapshot any more, or something between us and the server cannot do this. */
static void give_up(sotay_sync *sync, bool for_good)
{
    sync->fetch.drops = true;
    sync->fetch.is_named = false;
    sync->fetch.is_off = sync->fetch.is_off || for_good || sync->rereads > 0;
    sync->wants_again = true;
}

static st_err end_good(sotay_sync *sync, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    if (fetch->drops)
        give_up(sync, true);
    else if (fetch->is_wrong && ++fetch->wrongs >= WRONGS_MAX)
        give_up(sync, true);
    else if (!fetch->is_wrong && !fetch->has_moved && fetch->bytes.len == fetch->bytes_before)
        return st_fail(error, ST_E_NETWORK, "sync: the answer is empty");
    return ST_OK;
}

/* Another counter or another time may do; with all else the next ask says what it is about. */
static bool is_about_the_request(st_err code)
{
    return code == ST_E_AGAIN || code == ST_E_SIGNATURE || code == ST_E_BUSY ||
           st_err_is_passing(code) || code == ST_E_SERVER;
}

st_err snapshot_end(sotay_sync *sync, int status, bool *out_refused, st_error *error)
{
    snapshot_fetch *fetch = &sync->fetch;
    *out_refused = false;
    if (status == 206)
        return end_good(sync, error);
    if (status == 0) {
        st_err err = keep_tail(sync, error);
        return err == ST_OK ? st_fail(error, ST_E_NETWORK, "sync: the connection broke") : err;
    }
    if (!fetch->is_wrong && fetch->bytes.len > fetch->bytes_before)
        fetch->bytes.len = fetch->bytes_before; /* that was no piece */
    if (status == 404 || status == 200 || status == 400 || status == 416) {
        give_up(sync, status != 404);
        return ST_OK;
    }
    if (!read_refusal(sync))
        return st_fail(error, ST_E_NETWORK, "sync: the server answered %d", status);
    *out_refused = is_about_the_request(sync->refusal.code);
    if (!*out_refused)
        give_up(sync, true);
    return ST_OK;
}
