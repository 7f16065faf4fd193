/* client-lib/src/attach_fetch.c - fetches the originals that somebody here wants to see.
 * Promises: a broken line goes on at the byte; a piece is kept only when it has its hash; a file
 * that the office has not, or that is not ours to read, stops no other.
 * Never: calls a file fetched before all of it is here. */
#include <string.h>

#include "client-lib/src/attach.h"
#include "client-lib/src/exchange.h"

#define WRONGS_MAX 3u
#define LACKS_MAX  512u /* asked for at once: 8 MiB at least of what this client cuts */

/* ---- which file ---- */

static bool lists(const st_hash *hashes, size_t count, const st_hash *hash)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(hashes[i].b, hash->b, sizeof hash->b) == 0)
            return true;
    return false;
}

/* What is not here of the file, from the front. */
static st_err find_lacks(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    st_err err = ST_OK;
    fetch->lacks_count = 0;
    for (uint32_t i = 0; err == ST_OK && i < fetch->count && fetch->lacks_count < LACKS_MAX; i++) {
        bool is_here = false;
        book_key key = attach_piece_key(BOOK_CHUNK, &fetch->hashes[i]);
        err = book_has(&sync->client->book, &key, &is_here, error);
        if (err == ST_OK && !is_here && !lists(fetch->lacks, fetch->lacks_count, &fetch->hashes[i]))
            fetch->lacks[fetch->lacks_count++] = fetch->hashes[i];
    }
    return err;
}

/* The bytes of the first piece that came before the line broke. */
static st_err find_part(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    book_value value = { NULL, 0 };
    if (fetch->bytes.len > 0 && lists(fetch->lacks, 1, &fetch->piece))
        return ST_OK;
    st_buffer_clear(&fetch->bytes);
    fetch->has_new = false;
    fetch->piece = fetch->lacks[0];
    book_key key = attach_piece_key(BOOK_PART, &fetch->piece);
    st_err err = book_get(&sync->client->book, &key, &fetch->arena, &value, error);
    if (err == ST_OK && value.len < ST_CHUNK_BYTES_MAX)
        err = st_buffer_append(&fetch->bytes, value.data, value.len, error);
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err;
}

static st_err open_file(sotay_sync *sync, const attach_row *row, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    fetch->key = fetch->scan.at;
    st_err err = attach_record(sync->client, &fetch->key, &fetch->record, error);
    if (err != ST_OK)
        return err;
    fetch->count = row->count;
    fetch->hashes =
        (const st_hash *)st_arena_copy(&fetch->arena, row->hashes, row->count * sizeof(st_hash));
    fetch->lacks = st_arena_array(&fetch->arena, LACKS_MAX, sizeof *fetch->lacks);
    if (fetch->hashes == NULL || fetch->lacks == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory for an attachment");
    fetch->wrongs = 0;
    sync->lane.phase = ATTACH_FETCH;
    return ST_OK;
}

st_err fetch_next(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    st_arena_reset(&fetch->arena);
    st_err err = client_begin(sync->client, false, error);
    while (err == ST_OK && sync->lane.phase != ATTACH_FETCH) {
        st_arena arena;
        attach_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = attach_next(&sync->client->book, &fetch->scan, &arena, &row, error);
        if (err == ST_OK && row.kind == ATTACH_WANTED)
            err = open_file(sync, &row, error);
        st_arena_reset(&arena);
    }
    client_abort(sync->client);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- asking ---- */

st_err fetch_ask(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    attach_lane *lane = &sync->lane;
    attach_fetch *fetch = &lane->fetch;
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK };
    st_err err = find_lacks(sync, error);
    if (err == ST_OK && fetch->lacks_count > 0)
        err = find_part(sync, error);
    if (err != ST_OK)
        return err;
    lane->bytes_sent = 0;
    fetch->has_moved = fetch->is_answered = false;
    frame.as.have_ask = (st_have_ask){ .record = fetch->record,
                                       .hashes = fetch->lacks,
                                       .hashes_count = fetch->lacks_count,
                                       .skip = (uint32_t)fetch->bytes.len,
                                       .most = (uint32_t)limit_bytes(sync, lane->bytes_wanted) };
    st_buffer_clear(&sync->text);
    err = st_frame_encode(&frame, &sync->text, error);
    return err == ST_OK ? st_frame_write(writer, sync->text.data, sync->text.len, error) : err;
}

/* ---- taking ---- */

/* The piece is whole. One that has not its hash is fetched again, but not for ever. */
static st_err take_piece(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    book_db *book = &sync->client->book;
    book_key chunk = attach_piece_key(BOOK_CHUNK, &fetch->piece);
    book_key part = attach_piece_key(BOOK_PART, &fetch->piece);
    st_hash hash = st_sha256(fetch->bytes.data, fetch->bytes.len);
    st_err err = book_delete(book, &part, error);
    if (memcmp(hash.b, fetch->piece.b, sizeof hash.b) != 0)
        fetch->wrongs++;
    else if (err == ST_OK)
        err = book_put(book, &chunk, fetch->bytes.data, fetch->bytes.len, error);
    st_buffer_clear(&fetch->bytes);
    fetch->has_new = false;
    return err;
}

st_err fetch_take_bytes(sotay_sync *sync, const st_piece_bytes *part, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    if (sync->lane.phase != ATTACH_FETCH || fetch->is_answered ||
        !lists(fetch->lacks, fetch->lacks_count, &part->hash))
        return st_fail(error, ST_E_CORRUPT, "sync: bytes of a file, not asked for");
    bool is_same = memcmp(fetch->piece.b, part->hash.b, sizeof part->hash.b) == 0;
    if (part->from == 0 && (!is_same || fetch->bytes.len > 0)) {
        st_buffer_clear(&fetch->bytes); /* the one before is not to be had, or it begins anew */
        fetch->piece = part->hash;
    } else if (!is_same || part->from != fetch->bytes.len) {
        return st_fail(error, ST_E_CORRUPT, "sync: bytes of a file in no order");
    }
    st_err err = st_buffer_append(&fetch->bytes, part->bytes, part->len, error);
    sync->lane.bytes_sent += part->len;
    fetch->has_new = fetch->has_moved = true;
    return err == ST_OK && fetch->bytes.len == part->size ? take_piece(sync, error) : err;
}

/* All of it is here: so it says in its row. */
static st_err note_fetched(sotay_sync *sync, st_error *error)
{
    const attach_fetch *fetch = &sync->lane.fetch;
    const identity *me = &sync->client->me;
    attach_row row = { .kind = ATTACH_FETCHED,
                       .hashes = fetch->hashes,
                       .count = fetch->count,
                       .position = me->position };
    memcpy(row.epoch, me->epoch, sizeof row.epoch);
    sync->report.attachments_fetched++;
    return attach_put(&sync->client->book, &fetch->key, &row, error);
}

/* The office does not know of it, and here nothing names it any more: the change that did was
 * declined, or was of another branch. Nobody waits for it. */
static st_err let_go(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    bool is_named = true;
    st_err err =
        attach_is_named(sync->client, &fetch->record, &fetch->key, &is_named, error);
    if (err != ST_OK || is_named)
        return err;
    fetch->has_new = false;
    return attach_erase(sync->client, &fetch->key, 1, error);
}

st_err fetch_take_answer(sotay_sync *sync, const st_have_answer *answer, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    if (fetch->is_answered)
        return st_fail(error, ST_E_CORRUPT, "sync: an answer about attachments, not asked for");
    if (memcmp(fetch->record.b, answer->record.b, sizeof fetch->record.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "sync: an answer about another record");
    fetch->is_answered = true;
    st_err err = find_lacks(sync, error);
    if (err == ST_OK && fetch->lacks_count == 0)
        return note_fetched(sync, error);
    bool is_unknown = fetch->lacks_count > 0 &&
                      lists(answer->unknown, answer->unknown_count, &fetch->lacks[0]);
    return err == ST_OK && is_unknown ? let_go(sync, error) : err;
}

st_err fetch_keep(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    book_key key = attach_piece_key(BOOK_PART, &fetch->piece);
    if (!fetch->has_new)
        return ST_OK;
    fetch->has_new = false;
    st_err err = sync->client->book.is_begun ? ST_OK : client_begin(sync->client, true, error);
    if (err != ST_OK)
        return err;
    return book_put(&sync->client->book, &key, fetch->bytes.data, fetch->bytes.len, error);
}

st_err fetch_end(sotay_sync *sync, st_error *error)
{
    attach_fetch *fetch = &sync->lane.fetch;
    bool goes_on = fetch->lacks_count > 0 && fetch->has_moved && fetch->wrongs < WRONGS_MAX;
    if (goes_on)
        return ST_OK;
    sync->lane.phase = ATTACH_IDLE;
    st_buffer_clear(&fetch->bytes);
    return fetch_next(sync, error);
}
