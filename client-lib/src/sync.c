/* client-lib/src/sync.c - the public calls of a sync: begin, next, feed, end. No sockets, no
 * threads; whoever calls brings the bytes.
 * Promises: losing the connection anywhere loses nothing and doubles nothing; whole frames that
 * came are durable when feed returns. Of an answer that only says that our sets are stored, a power
 * cut may undo all: that is as if it had not come, and the server says it again. Nothing leaves the
 * device before it is durable, so nobody has heard of anything that was built on it.
 * Never: goes on after an error; asks for ever. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/decided.h"
#include "client-lib/src/evidence.h"
#include "client-lib/src/renew.h"

#define ROUND_BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define STAGED_BYTES_MAX  ((uint64_t)4 * 1024 * 1024)
#define FOREIGN_BYTES_MAX ((uint64_t)64 * 1024)
#define REREADS_MAX       3u
#define IDLES_MAX         3u
#define AGAINS_MAX        5u
#define WORDS_MAX         3u

static void scan_carried(sotay_sync *sync)
{
    book_key taken = book_key_of(BOOK_TAKEN), parcels = book_key_of(BOOK_PARCEL);
    sync->taken = book_scan_of(&taken);
    sync->parcels = book_scan_of(&parcels);
}

static st_err new_sync(sotay_client *client, sotay_sync **out_sync, st_error *error)
{
    if (client->is_syncing)
        return st_fail(error, ST_E_BUSY, "sync: one is under way");
    if (client->waits != CLIENT_IDLE)
        return st_fail(error, ST_E_BUSY, "store: an earlier step is still pending");
    sotay_sync *sync = calloc(1, sizeof *sync);
    if (sync == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    sync->client = client;
    outbox_seal_init(&sync->seal);
    sync->seal.is_sync = true;
    st_buffer_init(&sync->stream, ST_BODY_BYTES_MAX);
    st_buffer_init(&sync->body, ST_BODY_BYTES_MAX);
    st_buffer_init(&sync->text, ST_FRAME_BYTES_MAX);
    st_buffer_init(&sync->base, ST_BASE_BYTES_MAX + sizeof(st_hash));
    sync->last_sealed = client->me.has_prev ? client->me.sealed : 0;
    sync->last_hash = client->me.prev;
    sync->reach_before = client->me.reach;
    st_arena_init(&sync->arena, ROUND_BYTES_MAX);
    st_arena_init(&sync->lasting, ROUND_BYTES_MAX);
    snapshot_init(&sync->fetch);
    book_key own = book_key_of(BOOK_OWN);
    sync->sets = book_scan_of(&own);
    book_key carry = book_key_of(BOOK_CARRY);
    sync->carried = book_scan_of(&carry);
    scan_carried(sync);
    attach_lane_init(&sync->lane);
    client->is_syncing = true;
    client->has_signature = false; /* one that came too late for a sync given up */
    *out_sync = sync;
    return ST_OK;
}

int sotay_sync_begin(sotay_client *client, sotay_sync **out_sync, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_sync *sync = NULL;
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK)
        err = new_sync(client, &sync, &inner);
    if (err != ST_OK)
        return port_give(err, &inner, error);
    err = client_begin(client, false, &inner);
    if (err == ST_OK)
        err = limit_begin(sync, &inner);
    client_abort(client);
    if (err == ST_OK)
        *out_sync = sync;
    else
        sotay_sync_free(sync);
    return port_give(err, &inner, error);
}

/* `https://HOST/field/#e=CODE` -> server, code, key of the log. */
static st_err parse_link(sotay_sync *sync, const char *link, st_error *error)
{
    const char *code = strstr(link, "#e=");
    const char *field = code == NULL ? NULL : strstr(link, "/field/");
    bool is_http = strncmp(link, "https://", 8) == 0 || strncmp(link, "http://", 7) == 0;
    if (!is_http || code == NULL || field == NULL || field > code ||
        (size_t)(field - link) >= sizeof sync->url ||
        !st_enrol_code_parse(code + 3, sync->code, sync->log_key))
        return st_fail(error, ST_E_VALUE, "enrol: that is not an enrolment link");
    memcpy(sync->url, link, (size_t)(field - link));
    return ST_OK;
}

int sotay_enrol_begin(sotay_client *client, const char *link, const char *label,
                      sotay_sync **out_sync, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_sync *sync = NULL;
    if (label == NULL)
        label = "sotay";
    st_err err = new_sync(client, &sync, &inner);
    if (err == ST_OK && strlen(label) >= sizeof sync->label)
        err = st_fail(&inner, ST_E_VALUE, "enrol: the label is too long");
    if (err == ST_OK)
        err = parse_link(sync, link, &inner);
    if (err == ST_OK) {
        sync->is_enrolment = client->is_closed = true;
        memcpy(sync->label, label, strlen(label));
        *out_sync = sync;
    } else if (sync != NULL) {
        sotay_sync_free(sync);
    }
    return port_give(err, &inner, error);
}

void sotay_enrol_older_key(sotay_sync *sync)
{
    sync->takes_older_key = true;
}

void sotay_sync_free(sotay_sync *sync)
{
    if (sync == NULL)
        return;
    client_abort(sync->client);
    sync->client->has_signature = false;
    sync->client->is_syncing = sync->client->is_closed = false;
    outbox_seal_free(&sync->seal);
    st_buffer_free(&sync->stream);
    st_buffer_free(&sync->body);
    st_buffer_free(&sync->text);
    st_buffer_free(&sync->base);
    st_arena_reset(&sync->arena);
    st_arena_reset(&sync->lasting);
    attach_lane_free(&sync->lane);
    st_frame_reader_free(sync->reader);
    snapshot_free(&sync->fetch);
    st_wipe(sync, sizeof *sync);
    free(sync);
}

void sotay_sync_send_only(sotay_sync *sync)
{
    sync->is_send_only = true;
}

void sotay_sync_can_resume(sotay_sync *sync)
{
    sync->can_resume = true;
}

void sotay_sync_can_fetch(sotay_sync *sync)
{
    sync->fetch.can_fetch = true;
}

/* Before each step: is it alive, and did what was pending go well? */
static st_err enter(sotay_sync *sync, st_error *error)
{
    if (sync->dead != ST_OK)
        return st_fail(error, sync->dead, "sync: it ended with an error before");
    if (sync->client->waits != CLIENT_IDLE)
        return st_fail(error, ST_E_BUSY, "sync: a step is still pending");
    if (sync->waits && !relearn_passes(sync->client, &sync->names)) {
        sync->dead = sync->client->finished;
        return st_fail(error, sync->dead, "sync: the pending step failed");
    }
    sync->waits = false;
    sync->client->is_closed = sync->is_enrolment;
    return ST_OK;
}

/* After each step: pending is remembered, an error is the end. Until the step was called again
 * nobody writes: how it ended would be lost behind how that ended. */
static st_err leave(sotay_sync *sync, st_err err)
{
    if (err == ST_E_BUSY && sync->client->waits != CLIENT_IDLE)
        return err; /* something else is pending: nothing was done, the call comes again */
    if (err == ST_PENDING) {
        sync->waits = sync->client->is_closed = true;
    } else if (err != ST_OK) {
        client_abort(sync->client);
        sync->dead = err;
    }
    return err;
}

static void note_kept(sotay_sync *sync)
{
    sync->kept_sent = sync->report.sent_changes;
    sync->kept_received = sync->applied.received_changes;
}

void exchange_undo(sotay_sync *sync)
{
    client_abort(sync->client);
    sync->report.sent_changes = sync->kept_sent;
    sync->applied.received_changes = sync->kept_received;
    sync->names.is_over = false; /* what was read anew may be as it was */
    sync->has_asked_authors = false;
    sync->has_heard = false;
}

static void begin_answer(sotay_sync *sync)
{
    sync->has_end = sync->has_refusal = sync->more = false;
    sync->reads = READS_ALL;
    sync->moved = sync->has_news = sync->has_heard = false;
    sync->hears = sync->written;
    missing_begin(sync);
    sync->staged_bytes = sync->foreign_bytes = 0;
    memset(&sync->applied, 0, sizeof sync->applied);
    memset(&sync->left, 0, sizeof sync->left);
    sync->report.requests++;
    sync->report.bytes_up += sync->body.len;
    note_kept(sync);
}

/* What is not durable yet becomes so before the next request: with the reservation of its counter
 * when that is still to come, else by itself. */
static st_err settle(sotay_sync *sync, st_error *error)
{
    bool reserves = !sync->is_enrolment && sync->seal.counter_next == sync->seal.counter_end;
    return reserves ? ST_OK : client_settle(sync->client, error);
}

static st_err make_request(sotay_sync *sync, st_error *error)
{
    st_err err = settle(sync, error);
    if (err != ST_OK)
        return err;
    if (sync->is_enrolment)
        return enrol_make(sync, error);
    if (sync->lane.phase != ATTACH_IDLE)
        return attach_make(sync, error);
    err = sync->body_is_built ? ST_OK : snapshot_next(sync, error);
    if (err != ST_OK)
        return err;
    return sync->fetch.is_open ? snapshot_make(sync, error) : ask_make(sync, error);
}

/* The last two are there only for those who said that they know them. */
static void fill_request(sotay_sync *sync, sotay_request *request)
{
    bool fetches = sync->is_fetching;
    attach_phase phase = sync->lane.phase;
    request->method = fetches ? "GET" : phase == ATTACH_PUT ? "PUT" : "POST";
    request->path = fetches ? sync->fetch.path : sync->is_enrolment ? "/v1/enrol" : "/v1/sync";
    if (phase != ATTACH_IDLE)
        request->path = attach_path(&sync->lane);
    request->body = sync->body.data;
    request->body_bytes = sync->body.len;
    if (!sync->fetch.can_fetch)
        return;
    request->authorization = fetches ? sync->fetch.authorization : NULL;
    request->range_from = fetches ? snapshot_from(&sync->fetch) : 0;
}

int sotay_sync_next(sotay_sync *sync, sotay_request *out_request, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err err = enter(sync, &inner);
    if (err == ST_OK && !sync->is_ready) {
        err = make_request(sync, &inner);
        if (err == ST_OK)
            err = st_frame_reader_new(ST_STREAM_BYTES_MAX, &sync->reader, &inner);
        if (err == ST_OK) {
            begin_answer(sync);
            sync->is_ready = true;
            sync->is_fetching = sync->fetch.is_open;
        }
        err = leave(sync, err);
    }
    if (err == ST_OK)
        fill_request(sync, out_request);
    return port_give(err, &inner, error);
}

static st_err commit_staged(sotay_sync *sync, st_error *error)
{
    sync->staged_bytes = 0;
    sync->commit_now = false;
    if (!sync->client->book.is_begun)
        return ST_OK;
    note_kept(sync);
    return sync->has_news ? client_commit(sync->client, error)
                          : client_commit_soon(sync->client, error);
}

/* Another store writes under our name: nothing of its words is folded in before ours have another
 * one, else they would be taken for the same. Then the book is asked for again. */
static st_err leave_the_name(sotay_sync *sync, st_error *error)
{
    exchange_undo(sync);
    st_err err = client_begin(sync->client, true, error);
    if (err == ST_OK)
        err = take_twin(sync, error);
    sync->applied.has_twin = false;
    sync->wants_again = true;
    sync->reads = READS_NOTHING;
    return err;
}

/* The book was put back, and grew past what was read of its catalogue: who wrote the set was
 * enrolled where something else stood then. Once in a sync. */
static st_err ask_for_authors(sotay_sync *sync, st_err err)
{
    if (sync->has_asked_authors)
        return err;
    exchange_undo(sync);
    sync->names = (relearning){ .is_over = true, .asks_anew = true };
    sync->has_asked_authors = sync->wants_again = true;
    sync->reads = READS_NOTHING;
    return ST_OK;
}

/* What needs a form or a name that does not open says so, but not why that could not be mended. */
static st_err say_why(const sotay_sync *sync, st_err err, st_error *error)
{
    const st_error *why = &sync->names.left;
    bool is_why = err == ST_E_CORRUPT && sync->client->met_damage && why->code != ST_OK;
    return is_why ? st_fail(error, why->code, "%s", why->detail) : err;
}

static st_err take_bytes(sotay_sync *sync, const uint8_t *bytes, size_t len, st_error *error)
{
    st_arena arena;
    st_frame frame = { .kind = ST_FRAME_NONE };
    st_err err = ST_OK;
    if (sync->reads == READS_NOTHING)
        return ST_OK;
    sync->client->met_damage = false;
    st_arena_init(&arena, ROUND_BYTES_MAX);
    if (!sync->client->book.is_begun)
        err = client_begin(sync->client, true, error);
    if (err == ST_OK)
        err = st_frame_decode(bytes, len, &arena, &frame, error);
    bool fits = err != ST_OK || sync->is_enrolment == (frame.kind == ST_FRAME_ENROL_ANSWER) ||
                frame.kind == ST_FRAME_REFUSAL || frame.kind == ST_FRAME_NONE;
    if (!fits)
        err = st_fail(error, ST_E_CORRUPT, "sync: a frame that does not belong in this answer");
    if (err == ST_OK && !missing_passes(sync, &frame))
        err = take_frame(sync, &frame, error);
    bool is_page = err != ST_OK && frame.kind == ST_FRAME_PAGE;
    if (is_page && sync->applied.lacks_author)
        err = ask_for_authors(sync, err);
    else if (is_page && sync->applied.lost_reference)
        err = missing_take(sync, &frame.as.page.bucket, error);
    if (err != ST_OK && sync->applied.has_twin)
        err = leave_the_name(sync, error);
    err = say_why(sync, err, error);
    st_arena_reset(&arena);
    return err;
}

/* An answer that does not begin like ours is not a damaged one: a server that stops, a gateway or a
 * door that wants a password speaks. It is passed over, and the status says what it is. */
static st_err take_in(sotay_sync *sync, const void *data, size_t len, st_error *error)
{
    st_err err = st_frame_feed(sync->reader, data, len, error);
    if (err == ST_OK || !st_frame_is_foreign(sync->reader))
        return err;
    sync->foreign_bytes += len;
    if (sync->foreign_bytes > FOREIGN_BYTES_MAX)
        return st_fail(error, ST_E_NETWORK, "sync: this is not the server that answers");
    return ST_OK;
}

/* Own sets are lost here: of the answer each page is undone alone, where it shows another loss. */
static bool is_careful(const sotay_sync *sync)
{
    return sync->asked_whole && sync->lane.phase == ATTACH_IDLE;
}

int sotay_sync_feed(sotay_sync *sync, const void *data, size_t len, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err err = enter(sync, &inner);
    if (err == ST_OK && !sync->is_ready)
        err = st_fail(&inner, ST_E_USAGE, "sync: feed before next");
    sync->report.bytes_down += err == ST_OK ? len : 0;
    if (err == ST_OK && sync->is_fetching) {
        err = snapshot_feed(sync, data, len, &inner);
        return port_give(leave(sync, err), &inner, error);
    }
    if (err == ST_OK && len > 0)
        err = take_in(sync, data, len, &inner);
    while (err == ST_OK && sync->foreign_bytes == 0) {
        const uint8_t *frame = NULL;
        size_t frame_len = 0;
        st_err bad = ST_OK;
        if (!st_frame_read(sync->reader, &frame, &frame_len, &bad)) {
            if (bad != ST_OK)
                err = st_fail(&inner, bad, "sync: the answer is damaged");
            break;
        }
        err = take_bytes(sync, frame, frame_len, &inner);
        sync->staged_bytes += frame_len;
        sync->commit_now = sync->commit_now || is_careful(sync);
        if (err == ST_OK && (sync->commit_now || sync->staged_bytes > STAGED_BYTES_MAX))
            err = commit_staged(sync, &inner);
    }
    if (err == ST_OK && sync->lane.phase == ATTACH_FETCH)
        err = fetch_keep(sync, &inner);
    if (err == ST_OK)
        err = commit_staged(sync, &inner);
    return port_give(leave(sync, err), &inner, error);
}

/* The server knows a higher request counter: jump ahead and try once more. */
static st_err jump_ahead(sotay_sync *sync, bool *out_again, st_error *error)
{
    sotay_client *client = sync->client;
    if (sync->agains++ >= AGAINS_MAX)
        return st_fail(error, ST_E_AGAIN, "sync: the server refuses every request counter");
    /* Believed, a number near the end would leave no counter for any request after it. */
    if (sync->refusal.counter > client->next.requests &&
        sync->refusal.counter - client->next.requests > ST_COUNTER_AHEAD_MAX)
        return st_fail(error, ST_E_SERVER, "sync: the server names a counter nobody reached");
    st_err err = client_begin(client, true, error);
    if (err == ST_OK) {
        if (sync->refusal.counter > client->next.requests)
            client->next.requests = sync->refusal.counter;
        sync->seal.counter_next = sync->seal.counter_end = 0;
        err = client_commit(client, error);
    }
    *out_again = true;
    return err;
}

static st_err refused(sotay_sync *sync, bool *out_again, st_error *error)
{
    st_err code = sync->refusal.code;
    if (code == ST_E_AGAIN && !sync->is_enrolment)
        return jump_ahead(sync, out_again, error);
    if (code == ST_E_DENIED && !sync->is_enrolment && !sync->presents) {
        sync->presents = *out_again = true; /* a book put back may not know us: with our papers */
        sync->seal.is_answered = false;     /* and what was answered was answered by another one */
        return ST_OK;
    }
    bool unread = code == ST_E_CHANGED || code == ST_E_VERSION || code == ST_E_CORRUPT;
    if (sync->head.skip > 0 && unread) {
        *out_again = true; /* the server has not what it had of this stream: all of it */
        return ST_OK;
    }
    if ((sync->base.len > 0 || sync->has_short_root) && unread && !sync->is_plain) {
        sync->is_plain = true; /* another set of ours, or an older server: the whole once more */
        *out_again = true;
        return ST_OK;
    }
    return limit_refusal(sync, error);
}

static void next_round(sotay_sync *sync, bool from_start)
{
    st_frame_reader_free(sync->reader);
    sync->reader = NULL;
    sync->is_ready = sync->body_is_built = sync->is_fetching = false;
    sync->wants_again = sync->has_missing = sync->has_purges = sync->has_short_root = false;
    sync->has_offered_names = false;
    sync->purges_noted = 0;
    sync->decided = NULL;
    sync->offered = NULL;
    sync->offered_count = sync->offered_capacity = 0;
    sync->decided_count = sync->decided_noted = 0;
    st_arena_reset(&sync->arena);
    sync->sent = NULL;
    sync->sent_count = sync->sent_capacity = 0;
    if (from_start) {
        sync->has_doubts = false;
        book_key own = book_key_of(BOOK_OWN), carry = book_key_of(BOOK_CARRY);
        sync->sets = book_scan_of(&own);
        if (sync->has_turned) /* what was put off until then goes now */
            sync->report.later = sync->report.later_s = 0;
        sync->has_asked = sync->asks_again = false;
        sync->carried = book_scan_of(&carry);
        scan_carried(sync);
    }
}

static bool is_copy(const sotay_client *client)
{
    sotay_who who;
    sotay_whoami(client, &who);
    return who.is_copied;
}

/* Did somebody write since the last request with words? */
static bool has_new_words(const sotay_sync *sync)
{
    return !sync->is_enrolment && !sync->is_heir && sync->client->me.counter != sync->written;
}

/* Is a round to be made for them? A few, until a piece of a file went: who writes all the time
 * keeps neither his files nor the end of the sync waiting. */
static bool words_call(sotay_sync *sync)
{
    bool calls = has_new_words(sync) && sync->words_calls < WORDS_MAX;
    sync->words_calls += calls ? 1 : 0;
    return calls;
}

/* Is another round needed? Reading anew is bounded. */
static bool again(sotay_sync *sync)
{
    if (sync->is_enrolment || sync->is_heir)
        return false;
    if (sync->wants_again && !sync->has_missing && sync->rereads++ >= REREADS_MAX) {
        sync->report.needs_person = true;
        sync->wants_again = false;
    }
    return (sync->more && !sync->is_send_only) || sync->has_sets || sync->wants_again ||
           sync->has_doubts || sync->repairs_go_on || sync->evidence.goes_on ||
           renew_goes_on(sync) || purge_goes_on(sync) || decided_goes_on(sync) ||
           sync->seal.is_put_off;
}

/* A server that has more and never gives it is not asked for ever. */
static st_err check_idle(sotay_sync *sync, st_error *error)
{
    if (!sync->more || sync->moved || sync->sent_count > sync->papers_count ||
        sync->wants_again || sync->repairs_go_on)
        return ST_OK;
    if (sync->budget > 0) { /* no page fits into what is left */
        sync->report.is_spent = true;
        return ST_OK;
    }
    if (sync->idles++ < IDLES_MAX)
        return ST_OK;
    return st_fail(error, ST_E_SERVER, "sync: the server says it has more, and gives nothing");
}

/* An answer with bytes of a snapshot. Either there is more of it, or the book is asked on. */
static st_err end_fetch(sotay_sync *sync, int status, bool *out_again, st_error *error)
{
    bool was_refused = false;
    st_err err = snapshot_end(sync, status, &was_refused, error);
    if (err == ST_E_NETWORK && status == 0 && sotay_sync_is_spent(sync)) {
        sync->report.is_spent = true; /* broken off by us */
        return ST_OK;
    }
    if (err == ST_OK && was_refused) {
        err = refused(sync, out_again, error);
    } else if (err == ST_OK) {
        *out_again = true;
        sync->agains = 0;
        (void)again(sync); /* counts how often the book is read anew */
    }
    if (*out_again)
        next_round(sync, false);
    return err;
}

/* Files wait while there are words; the lane begins anew behind them. */
static void words_first(sotay_sync *sync, bool *out_again)
{
    if (!words_call(sync))
        return;
    attach_pause(sync);
    *out_again = true;
}

static st_err give_up_lane(sotay_sync *sync, bool *out_again, st_error *error)
{
    st_err err = attach_give_up(sync, out_again, error);
    if (err == ST_OK)
        words_first(sync, out_again);
    if (err == ST_OK && *out_again)
        next_round(sync, false);
    return err;
}

/* A round of the lane of files is over. A server that does not know it is an older one. */
static st_err end_lane(sotay_sync *sync, int status, bool *out_again, st_error *error)
{
    if (status == 404 || status == 405)
        return give_up_lane(sync, out_again, error);
    if (status == 0 && attach_resume(sync)) {
        *out_again = true;
        next_round(sync, false);
        return ST_OK;
    }
    if (status != 200)
        return limit_status(sync, status, error);
    if (sync->foreign_bytes > 0 || !st_frame_is_complete(sync->reader))
        return st_fail(error, ST_E_NETWORK, "sync: the answer is not whole");
    sync->agains = 0;
    bool asked_only = sync->lane.phase == ATTACH_HAVE; /* what was asked for goes first */
    st_err err = attach_end(sync, out_again, error);
    if (!asked_only)
        sync->words_calls = 0;
    if (err == ST_OK && (!asked_only || sync->lane.phase == ATTACH_IDLE))
        words_first(sync, out_again);
    if (*out_again)
        next_round(sync, false);
    return err;
}

static st_err end_round(sotay_sync *sync, int status, bool *out_again, st_error *error)
{
    if (sync->is_fetching)
        return end_fetch(sync, status, out_again, error);
    bool over = st_frame_is_complete(sync->reader);
    if (sync->has_refusal) {
        st_err err = refused(sync, out_again, error);
        if (*out_again)
            next_round(sync, true);
        return err;
    }
    if (sync->lane.phase != ATTACH_IDLE)
        return end_lane(sync, status, out_again, error);
    if (status != 200)
        return limit_status(sync, status, error);
    if (sync->foreign_bytes > 0)
        return st_fail(error, ST_E_NETWORK, "sync: this is not the server that answers");
    bool whole = sync->is_enrolment ? sync->has_answer : sync->has_end || sync->reads != READS_ALL;
    if (!over || !whole)
        return st_fail(error, ST_E_NETWORK, "sync: the answer is not whole");
    sync->report.received_changes += sync->applied.received_changes;
    limit_grow(sync);
    sync->agains = 0; /* of one request, not of a long sync */
    st_err err = check_idle(sync, error);
    if (err != ST_OK)
        return err;
    *out_again = again(sync) || words_call(sync);
    const bool from_start = sync->wants_again || sync->has_doubts;
    if (!sync->has_sets && !from_start) /* what is asked for again was not answered */
        sync->seal.is_answered = true;
    bool was_read = sync->reads == READS_ALL, is_over = !*out_again && !sync->is_enrolment;
    sync->report.complete = was_read && !*out_again && !sync->more && sync->report.later == 0;
    if (sync->is_heir) /* what waits goes with the next one */
        is_over = sync->report.complete = false;
    if (!*out_again && is_copy(sync->client))
        sync->report.needs_person = true; /* enrol again */
    else if (is_over && sync->is_metered)
        err = attach_report(sync, error);
    else if (is_over && !sync->is_send_only)
        err = attach_begin(sync, out_again, error);
    if (*out_again)
        next_round(sync, from_start);
    return err;
}

int sotay_sync_end(sotay_sync *sync, int http_status, bool *out_again, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    bool more = false;
    st_err err = enter(sync, &inner);
    if (err == ST_OK && !sync->is_ready && sync->agains == 0)
        err = st_fail(&inner, ST_E_USAGE, "sync: end before next");
    if (err == ST_OK && sync->is_ready)
        err = end_round(sync, http_status, &more, &inner);
    else if (err == ST_OK)
        more = true; /* the jump ahead was pending and is through */
    if (err == ST_OK)
        limit_end(sync, &more);
    err = leave(sync, err);
    if (err == ST_OK)
        *out_again = more;
    return port_give(err, &inner, error);
}
