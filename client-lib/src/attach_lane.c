/* client-lib/src/attach_lane.c - sends the pieces of files, a few side by side, after the data;
 * what somebody here waits to see is fetched before (attach_fetch.c).
 * Promises: nothing is remembered of a transfer but what the server said it has; a file that cannot
 * be read, or that the server does not know of, stops no other; a server that takes no more from
 * this device is sent nothing until the next sync; of a request whose line broke, what the server
 * has of it is not sent again when it is the same once more.
 * Never: calls a file sent before the server has said so of every piece. */
#include <string.h>

#include "client-lib/src/attach.h"
#include "client-lib/src/exchange.h"

#define LEVEL       1 /* pictures do not get smaller */
#define BYTES_LEAST ((size_t)16 * 1024)
#define BYTES_MOST  ((size_t)256 * 1024)
#define MOMENT_MS   2000u /* what one request should take: so much is lost with a line */
#define TRIES_MAX   3u
#define LANE_BYTES  ((size_t)1024 * 1024)

void attach_lane_init(attach_lane *lane)
{
    book_key files = book_key_of(BOOK_ATTACH);
    memset(lane, 0, sizeof *lane);
    lane->scan = lane->fetch.scan = book_scan_of(&files);
    lane->bytes_wanted = BYTES_LEAST;
    lane->may_resume = true;
    st_arena_init(&lane->arena, LANE_BYTES);
    st_arena_init(&lane->fetch.arena, LANE_BYTES);
    st_buffer_init(&lane->fetch.bytes, ST_CHUNK_BYTES_MAX);
}

void attach_lane_free(attach_lane *lane)
{
    st_arena_reset(&lane->arena);
    st_arena_reset(&lane->fetch.arena);
    st_buffer_free(&lane->fetch.bytes);
}

st_err attach_report(sotay_sync *sync, st_error *error)
{
    attach_counts counts;
    st_err err = client_begin(sync->client, false, error);
    if (err == ST_OK)
        err = attach_count(sync->client, &counts, error);
    client_abort(sync->client);
    if (err == ST_OK) {
        sync->report.attachments_waiting = counts.waiting;
        sync->report.attachments_wanted = counts.wanted;
        sync->report.attachments_full = counts.waiting > 0 && sync->client->me.files_full;
    }
    return err;
}

/* ---- the files being sent ---- */

static st_err take_file(sotay_sync *sync, const attach_row *row, st_error *error)
{
    attach_lane *lane = &sync->lane;
    attach_file *file = &lane->files[lane->count];
    memset(file, 0, sizeof *file);
    file->key = lane->scan.at;
    st_err err = attach_record(sync->client, &file->key, &file->record, error);
    if (err != ST_OK)
        return err;
    file->hashes =
        (const st_hash *)st_arena_copy(&lane->arena, row->hashes, row->count * sizeof(st_hash));
    file->missing = st_arena_array(&lane->arena, row->count, sizeof *file->missing);
    if (file->hashes == NULL || file->missing == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory for an attachment");
    file->count = row->count;
    file->kind = row->kind;
    file->is_doubted = attach_is_doubted(sync->client, row);
    file->position = row->position;
    lane->count++;
    return ST_OK;
}

/* The next few that wait. None: the lane is over. */
static st_err next_files(sotay_sync *sync, st_error *error)
{
    attach_lane *lane = &sync->lane;
    st_arena_reset(&lane->arena);
    lane->count = 0;
    st_err err = client_begin(sync->client, false, error);
    while (err == ST_OK && lane->count < ATTACH_FILES) {
        st_arena arena;
        attach_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = attach_next(&sync->client->book, &lane->scan, &arena, &row, error);
        if (err == ST_OK &&
            (attach_waits(sync->client, &row) || attach_is_doubted(sync->client, &row)))
            err = take_file(sync, &row, error);
        st_arena_reset(&arena);
    }
    client_abort(sync->client);
    lane->phase = lane->count > 0 ? ATTACH_HAVE : ATTACH_IDLE;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What somebody waits for first, then what waits itself. */
static st_err next_phase(sotay_sync *sync, st_error *error)
{
    sync->lane.phase = ATTACH_IDLE;
    st_err err = fetch_next(sync, error);
    return err == ST_OK && sync->lane.phase == ATTACH_IDLE ? next_files(sync, error) : err;
}

st_err attach_begin(sotay_sync *sync, bool *out_again, st_error *error)
{
    st_err err = next_phase(sync, error);
    if (err == ST_OK)
        err = attach_report(sync, error);
    *out_again = err == ST_OK && sync->lane.phase != ATTACH_IDLE;
    return err;
}

void attach_pause(sotay_sync *sync)
{
    attach_lane *lane = &sync->lane;
    const size_t bytes_wanted = lane->bytes_wanted;
    const bool is_full = lane->is_full;
    attach_lane_free(lane);
    attach_lane_init(lane);
    lane->bytes_wanted = bytes_wanted;
    lane->is_full = is_full;
}

bool attach_resume(sotay_sync *sync)
{
    attach_lane *lane = &sync->lane;
    if (!sync->can_resume || lane->phase != ATTACH_PUT || !lane->may_resume)
        return false;
    lane->may_resume = false;
    lane->resumes = true;
    lane->phase = ATTACH_HAVE;
    return true;
}

/* A server that takes files may be too old to give any. */
st_err attach_give_up(sotay_sync *sync, bool *out_again, st_error *error)
{
    bool fetches = sync->lane.phase == ATTACH_FETCH;
    sync->lane.phase = ATTACH_IDLE;
    st_err err = fetches ? next_files(sync, error) : ST_OK;
    if (err == ST_OK)
        err = attach_report(sync, error);
    *out_again = err == ST_OK && sync->lane.phase != ATTACH_IDLE;
    return err;
}

static bool has_missing(const attach_file *file)
{
    for (uint32_t i = 0; i < file->count; i++)
        if (file->missing[i])
            return true;
    return false;
}

/* ---- the request ---- */

static st_err write_ask(sotay_sync *sync, st_frame_writer *writer, size_t which,
                        const st_have_ask *ask, st_error *error)
{
    attach_lane *lane = &sync->lane;
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK, .as.have_ask = *ask };
    st_buffer_clear(&sync->text);
    st_err err = st_frame_encode(&frame, &sync->text, error);
    if (err == ST_OK)
        err = st_frame_write(writer, sync->text.data, sync->text.len, error);
    lane->asked[lane->asked_count++] = which;
    return err;
}

static st_err ask_of_all(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    attach_lane *lane = &sync->lane;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < lane->count; i++) {
        const attach_file *file = &lane->files[i];
        st_have_ask ask = { .record = file->record,
                            .hashes = file->hashes,
                            .hashes_count = file->count };
        err = write_ask(sync, writer, i, &ask, error);
    }
    return err;
}

/* Of those that the broken request had. */
static st_err ask_of_sent(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    attach_lane *lane = &sync->lane;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < lane->count; i++) {
        const attach_file *file = &lane->files[i];
        st_hash *hashes = st_arena_array(&sync->arena, file->at + 1u, sizeof *hashes);
        st_have_ask ask = { .record = file->record, .hashes = hashes };
        if (hashes == NULL)
            return st_fail(error, ST_E_MEMORY, "sync: no memory for attachments");
        for (uint32_t j = 0; j < file->at; j++)
            if (file->missing[j])
                hashes[ask.hashes_count++] = file->hashes[j];
        if (ask.hashes_count > 0 && !file->is_given_up)
            err = write_ask(sync, writer, i, &ask, error);
    }
    return err;
}

/* Pieces of one file for this request. */
typedef struct {
    st_hash *hashes;
    st_chunk *chunks;
    uint32_t count;
} load;

/* The next piece that is missing, read and opened. *out_len 0: none is left in this round of the
 * file, or it cannot be read here, and then the file is left for another day. */
static st_err load_piece(sotay_sync *sync, attach_file *file, load *to, size_t *out_len,
                         st_error *error)
{
    book_value value = { NULL, 0 };
    *out_len = 0;
    while (file->at < file->count && !file->missing[file->at])
        file->at++;
    if (file->at == file->count)
        return ST_OK;
    book_key key = attach_piece_key(BOOK_CHUNK, &file->hashes[file->at]);
    st_err err = book_get(&sync->client->book, &key, &sync->arena, &value, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT) {
        file->is_given_up = true;
        return ST_OK;
    }
    if (err != ST_OK)
        return err;
    to->hashes[to->count] = file->hashes[file->at++];
    to->chunks[to->count++] = (st_chunk){ value.data, value.len };
    *out_len = value.len;
    return ST_OK;
}

static st_err make_loads(sotay_sync *sync, load loads[ATTACH_FILES], st_error *error)
{
    size_t most = BYTES_MOST / BYTES_LEAST + 1;
    for (size_t i = 0; i < sync->lane.count; i++) {
        loads[i].count = 0;
        loads[i].hashes = st_arena_array(&sync->arena, most, sizeof *loads[i].hashes);
        loads[i].chunks = st_arena_array(&sync->arena, most, sizeof *loads[i].chunks);
        if (loads[i].hashes == NULL || loads[i].chunks == NULL)
            return st_fail(error, ST_E_MEMORY, "sync: no memory for attachments");
    }
    return ST_OK;
}

/* One piece of each file in turn, until there is enough for a moment of this line. */
static st_err fill_loads(sotay_sync *sync, load loads[ATTACH_FILES], st_error *error)
{
    attach_lane *lane = &sync->lane;
    size_t most = BYTES_MOST / BYTES_LEAST;
    size_t wanted = limit_bytes(sync, lane->bytes_wanted);
    bool any = true;
    st_err err = make_loads(sync, loads, error);
    lane->bytes_sent = 0;
    while (err == ST_OK && any && lane->bytes_sent < wanted) {
        any = false;
        for (size_t i = 0; err == ST_OK && i < lane->count; i++) {
            attach_file *file = &lane->files[i];
            size_t len = 0;
            if (file->is_given_up || loads[i].count == most ||
                lane->bytes_sent >= wanted)
                continue;
            err = load_piece(sync, file, &loads[i], &len, error);
            lane->bytes_sent += len;
            any = any || len > 0;
        }
    }
    return err;
}

static st_err send_some(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    attach_lane *lane = &sync->lane;
    load loads[ATTACH_FILES];
    memset(loads, 0, sizeof loads);
    for (size_t i = 0; i < lane->count; i++)
        lane->files[i].at = 0; /* what is still missing, from the front */
    st_err err = fill_loads(sync, loads, error);
    for (size_t i = 0; err == ST_OK && i < lane->count; i++) {
        st_have_ask ask = { .record = lane->files[i].record,
                            .hashes = loads[i].hashes,
                            .hashes_count = loads[i].count,
                            .chunks = loads[i].chunks,
                            .chunks_count = loads[i].count };
        if (loads[i].count > 0)
            err = write_ask(sync, writer, i, &ask, error);
    }
    return err;
}

static st_err write_frames(sotay_sync *sync, st_frame_writer *writer, st_error *error)
{
    switch (sync->lane.phase) {
    case ATTACH_FETCH: return fetch_ask(sync, writer, error);
    case ATTACH_PUT: return send_some(sync, writer, error);
    default:
        return sync->lane.resumes ? ask_of_sent(sync, writer, error)
                                  : ask_of_all(sync, writer, error);
    }
}

const char *attach_path(const attach_lane *lane)
{
    return lane->phase == ATTACH_FETCH ? "/v1/fetch"
           : lane->phase == ATTACH_PUT ? "/v1/chunks"
                                       : "/v1/have";
}

/* Does the server have the beginning of this very stream? Then the rest is enough. */
static void skip_kept(sotay_sync *sync)
{
    attach_lane *lane = &sync->lane;
    const st_kept kept = lane->kept;
    if (lane->phase != ATTACH_PUT || kept.bytes == 0)
        return;
    lane->kept.bytes = 0; /* one try */
    if (kept.of != sync->stream.len)
        return;
    st_hash hash = st_sha256(sync->stream.data, kept.bytes);
    if (memcmp(hash.b, kept.check, sizeof kept.check) != 0)
        return;
    sync->head.skip = kept.bytes;
    lane->bytes_sent -= kept.bytes < lane->bytes_sent ? kept.bytes : lane->bytes_sent;
}

static st_err build_stream(sotay_sync *sync, st_error *error)
{
    attach_lane *lane = &sync->lane;
    st_frame_writer *writer = NULL;
    int64_t wall_ms = 0;
    lane->asked_count = lane->answered = 0;
    client_now(sync->client, &wall_ms, &lane->mono_ms);
    st_buffer_clear(&sync->stream);
    st_buffer_clear(&sync->base); /* these streams lean on nothing */
    memset(&sync->head, 0, sizeof sync->head);
    st_err err = client_begin(sync->client, false, error);
    if (err == ST_OK)
        err = st_frame_writer_new(LEVEL, &sync->stream, &writer, error);
    if (err == ST_OK)
        err = write_frames(sync, writer, error);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, error);
    if (err == ST_OK)
        skip_kept(sync);
    st_frame_writer_free(writer);
    client_abort(sync->client);
    return err;
}

st_err attach_make(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    bool is_put = sync->lane.phase == ATTACH_PUT;
    st_err err = ST_OK;
    if (!sync->body_is_built) {
        err = outbox_flush(&sync->seal, client, error); /* a request counter at hand */
        if (err == ST_OK)
            err = build_stream(sync, error);
        if (err == ST_OK)
            err = ask_head(sync, is_put ? "PUT" : "POST", attach_path(&sync->lane), error);
        sync->body_is_built = err == ST_OK;
    }
    return err == ST_OK ? ask_sign(sync, error) : err;
}

/* ---- the answer ---- */

static bool lists(const st_hash *hashes, uint32_t count, const st_hash *hash)
{
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(hashes[i].b, hash->b, sizeof hash->b) == 0)
            return true;
    return false;
}

/* Each hash once: a file may hold the same piece twice. */
static void set_missing(attach_file *file, const st_have_answer *answer)
{
    for (uint32_t i = 0; i < file->count; i++)
        file->missing[i] = lists(answer->missing, answer->missing_count, &file->hashes[i]) &&
                           !lists(file->hashes, i, &file->hashes[i]);
}

/* What was sent is there now, but for what the answer names. */
static void set_there(attach_file *file, const st_have_answer *answer)
{
    for (uint32_t i = 0; i < file->at; i++)
        if (!lists(answer->missing, answer->missing_count, &file->hashes[i]))
            file->missing[i] = false;
}

/* The same after a request that came whole: what it had and is missing still came damaged. */
static void set_sent(attach_file *file, const st_have_answer *answer)
{
    set_there(file, answer);
    if (answer->missing_count > 0 && ++file->tries >= TRIES_MAX)
        file->is_given_up = true;
}

/* Kept for status; a question without pieces says nothing of it. */
static void note_full(sotay_sync *sync, const st_have_answer *answer)
{
    attach_lane *lane = &sync->lane;
    lane->is_full = lane->is_full || answer->full;
    sync->client->next.files_full = lane->is_full;
}

static st_err note_kind(sotay_sync *sync, const attach_file *file, attach_kind kind,
                        uint64_t position, st_error *error)
{
    attach_row row = { .kind = kind,
                       .hashes = file->hashes,
                       .count = file->count,
                       .position = position };
    memcpy(row.epoch, sync->client->me.epoch, sizeof row.epoch);
    return attach_put(&sync->client->book, &file->key, &row, error);
}

/* A backup that began while the pieces still went up may lack the last of them: only one of more
 * entries than the log has now holds them all. A server that does not say how many covers none.
 * When there is one, the server is asked once more: is all still there, the backup counts. */
static st_err note_there(sotay_sync *sync, const attach_file *file, uint64_t entries,
                         st_error *error)
{
    if (file->is_doubted)
        return note_kind(sync, file, ATTACH_COVERED, file->position, error);
    sync->report.attachments_sent++;
    return note_kind(sync, file, ATTACH_SENT, entries > 0 ? entries : UINT64_MAX, error);
}

/* The server had all of it, and has not any more: it waits like one that never went. */
static st_err note_missing(sotay_sync *sync, attach_file *file, st_error *error)
{
    if (!file->is_doubted)
        return ST_OK;
    file->is_doubted = false;
    return note_kind(sync, file, ATTACH_UNSENT, 0, error);
}

/* Nothing here names it any more, since the office declined what did. What was declined before a
 * restore, and nobody let in since, still is. */
static st_err is_declined(sotay_client *client, const attach_file *file, bool *out_is,
                          st_error *error)
{
    bool is_named = true;
    *out_is = false;
    st_err err = attach_is_named(client, &file->record, &file->key, &is_named, error);
    if (err != ST_OK || is_named)
        return err;
    *out_is = file->kind == ATTACH_LEFT;
    return *out_is ? ST_OK
                   : attach_is_declined(client, &file->record, &file->key, out_is, error);
}

/* The server does not know of it: its record is not there yet, or waits, or is lost here and there
 * until others bring it back. Of what was declined there is nothing to wait for. Not so of one that
 * was fetched: after a restore its record may be at the office as evidence alone, and only this
 * phone has the file. */
static st_err note_unknown(sotay_sync *sync, attach_file *file, st_error *error)
{
    bool is_over = false;
    file->is_given_up = true;
    if (file->kind == ATTACH_FETCHED)
        return ST_OK;
    st_err err = is_declined(sync->client, file, &is_over, error);
    return err == ST_OK && is_over
               ? note_kind(sync, file, ATTACH_LEFT, sync->client->me.position, error)
               : err;
}

st_err attach_take(sotay_sync *sync, const st_have_answer *answer, st_error *error)
{
    attach_lane *lane = &sync->lane;
    if (lane->phase == ATTACH_FETCH)
        return fetch_take_answer(sync, answer, error);
    if (lane->phase == ATTACH_IDLE || lane->answered >= lane->asked_count)
        return st_fail(error, ST_E_CORRUPT, "sync: an answer about attachments, not asked for");
    attach_file *file = &lane->files[lane->asked[lane->answered++]];
    if (memcmp(file->record.b, answer->record.b, sizeof file->record.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "sync: an answer about another record");
    if (lane->phase == ATTACH_PUT)
        note_full(sync, answer);
    else if (lane->answered == 1)
        lane->kept = answer->kept;
    if (answer->unknown_count > 0)
        return note_unknown(sync, file, error);
    if (lane->phase == ATTACH_HAVE && lane->resumes)
        set_there(file, answer);
    else if (lane->phase == ATTACH_HAVE)
        set_missing(file, answer);
    else
        set_sent(file, answer);
    if (has_missing(file))
        return note_missing(sync, file, error);
    return file->is_given_up ? ST_OK : note_there(sync, file, answer->entries, error);
}

/* As much as the line carries in a moment, never more than twice as much as before. */
static void adapt(sotay_sync *sync)
{
    attach_lane *lane = &sync->lane;
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(sync->client, &wall_ms, &mono_ms);
    uint64_t took_ms = mono_ms > lane->mono_ms ? mono_ms - lane->mono_ms : 1;
    uint64_t carries = (uint64_t)lane->bytes_sent * MOMENT_MS / took_ms;
    uint64_t bytes = carries < 2 * lane->bytes_wanted ? carries : 2 * lane->bytes_wanted;
    if (bytes < BYTES_LEAST)
        bytes = BYTES_LEAST;
    lane->bytes_wanted = bytes < BYTES_MOST ? (size_t)bytes : BYTES_MOST;
}

static st_err end_fetch(sotay_sync *sync, bool *out_again, st_error *error)
{
    attach_lane *lane = &sync->lane;
    if (!lane->fetch.is_answered)
        return st_fail(error, ST_E_NETWORK, "sync: the answer is not whole");
    adapt(sync);
    st_err err = fetch_end(sync, error);
    if (err == ST_OK && lane->phase == ATTACH_IDLE) {
        lane->bytes_wanted = BYTES_LEAST; /* a line may carry less up than down */
        err = next_files(sync, error);
    }
    if (err == ST_OK)
        err = attach_report(sync, error);
    *out_again = err == ST_OK && lane->phase != ATTACH_IDLE;
    return err;
}

/* As many pieces as the request that broke had: only the same stream goes on where it ended. */
static void aim_at_kept(attach_lane *lane)
{
    if (lane->kept.bytes > 0 && lane->kept.of > BYTES_LEAST && lane->kept.of < 2 * BYTES_MOST)
        lane->bytes_wanted = lane->kept.of - BYTES_LEAST / 2;
}

/* What is all there is still found to be; nothing more is sent. */
static void give_up_missing(attach_lane *lane)
{
    for (size_t i = 0; lane->is_full && i < lane->count; i++)
        lane->files[i].is_given_up = lane->files[i].is_given_up || has_missing(&lane->files[i]);
}

st_err attach_end(sotay_sync *sync, bool *out_again, st_error *error)
{
    attach_lane *lane = &sync->lane;
    bool any = false;
    st_err err = ST_OK;
    if (lane->phase == ATTACH_FETCH)
        return end_fetch(sync, out_again, error);
    if (lane->answered < lane->asked_count)
        return st_fail(error, ST_E_NETWORK, "sync: the answer is not whole");
    if (lane->phase == ATTACH_PUT) {
        lane->may_resume = true;
        adapt(sync);
    }
    give_up_missing(lane);
    for (size_t i = 0; i < lane->count; i++)
        any = any || (!lane->files[i].is_given_up && has_missing(&lane->files[i]));
    if (lane->phase == ATTACH_HAVE && !lane->resumes)
        aim_at_kept(lane);
    lane->phase = ATTACH_PUT;
    lane->resumes = false;
    if (!any)
        err = next_files(sync, error);
    if (err == ST_OK)
        err = attach_report(sync, error);
    *out_again = err == ST_OK && lane->phase != ATTACH_IDLE;
    return err;
}
