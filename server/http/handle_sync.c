/* server/http/handle_sync.c - POST /v1/sync: one request does push and pull. Promises that no
 * verdict leaves before the sets are on disk, and that a body that cannot be read changes
 * nothing. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/http/stream.h"
#include "server/sync/epoch.h"
#include "server/sync/heir.h"
#include "server/sync/parcel.h"

#define ARENA_BYTES_MAX (256u << 20)
#define INTRODUCED_MAX 64u
#define USUAL_BYTES ((size_t)8 << 20)     /* what every request may take without asking */

typedef struct {
    sync_request sync;
    server *rooms;
    store_txn txn;             /* for device keys while sets come in */
    st_arena arena;            /* frames and copies of the sets */
    st_ask ask;
    bool has_ask;
    st_buffer base;            /* what the stream leans on; empty: nothing */
    size_t head_bytes;
    http_server *server;
    bool is_inside;            /* counted among the requests of its device */
    size_t introduced_bytes;   /* what an introduction keeps of the body */
    size_t charged;            /* taken from the memory that all requests share */
} exchange;

/* What a request needs beyond the usual is counted with the others': a small body may unfold to a
 * hundred times its size, and twenty of them must not take the machine. */
static st_err charge(exchange *ex, st_error *error)
{
    size_t used = ex->arena.bytes_used + ex->sync.arena.bytes_used + ex->introduced_bytes;
    if (used <= USUAL_BYTES + ex->charged)
        return ST_OK;
    size_t more = used - USUAL_BYTES - ex->charged;
    if (!http_server_take(ex->server, more))
        return st_fail(error, ST_E_BUSY, "body: the server has no room for it now");
    ex->charged += more;
    return ST_OK;
}

/* What it says points into the arena of the exchange. */
static st_err take_repair(exchange *ex, const st_repair_ask *ask, st_error *error)
{
    if (ex->sync.repairs_count == SYNC_REPAIRS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "body: more than %u repairs", SYNC_REPAIRS_MAX);
    const void *copy = st_arena_copy(&ex->arena, ask, sizeof *ask);
    if (copy == NULL)
        return st_fail(error, ST_E_TOO_LARGE, "body: more than can be taken in at once");
    ex->sync.repairs[ex->sync.repairs_count++] = copy;
    return charge(ex, error);
}

/* Brought for somebody else, and sealed. */
static st_err take_parcel(exchange *ex, const st_parcel *parcel, st_error *error)
{
    parcel_room where = { &ex->rooms->sync, &ex->txn, &ex->arena };
    st_err err = parcel_add(&ex->sync, &where, parcel, error);
    return err == ST_OK ? charge(ex, error) : err;
}

/* The store that asks is a copy, and offers keys of its own. */
static st_err take_heir(exchange *ex, const st_heir_ask *ask, st_error *error)
{
    if (ex->sync.heir != NULL)
        return st_fail(error, ST_E_CORRUPT, "body: a frame is out of place");
    ex->sync.heir = (const void *)st_arena_copy(&ex->arena, ask, sizeof *ask);
    if (ex->sync.heir == NULL)
        return st_fail(error, ST_E_TOO_LARGE, "body: more than can be taken in at once");
    st_err err = http_check_version(ask->version, error);
    return err == ST_OK ? charge(ex, error) : err;
}

/* Before the sets: in their signatures it is those epochs' devices that count. */
static st_err learn_epochs(exchange *ex, const st_ask *ask, st_error *error)
{
    return sync_epochs_learn(ex->rooms->writer, &ex->rooms->keys, ask, error);
}

/* One frame of the body: the ask first, then change-sets. */
static st_err take_frame(void *context, const uint8_t *bytes, size_t len, st_error *error)
{
    exchange *ex = context;
    st_frame frame;
    const uint8_t *copy = st_arena_copy(&ex->arena, bytes, len);
    if (copy == NULL)
        return st_fail(error, st_arena_refused(&ex->arena, len),
                       "body: more than can be taken in at once");
    st_err err = st_frame_decode(copy, len, &ex->arena, &frame, error);
    if (err != ST_OK)
        return err;
    if (frame.kind == ST_FRAME_ASK && !ex->has_ask) {
        ex->ask = frame.as.ask;
        ex->has_ask = true;
        err = http_check_version(frame.as.ask.version, error);
        return err == ST_OK ? learn_epochs(ex, &frame.as.ask, error) : err;
    }
    if (frame.kind == ST_FRAME_NONE)
        return charge(ex, error);
    if (frame.kind == ST_FRAME_REPAIR_ASK && ex->has_ask)
        return take_repair(ex, &frame.as.repair_ask, error);
    if (frame.kind == ST_FRAME_HEIR_ASK && ex->has_ask)
        return take_heir(ex, &frame.as.heir_ask, error);
    if (frame.kind == ST_FRAME_PARCEL && ex->has_ask)
        return take_parcel(ex, &frame.as.parcel, error);
    if (frame.kind != ST_FRAME_SET || !ex->has_ask)
        return st_fail(error, ST_E_CORRUPT, "body: a frame is out of place");
    store_slice set = { frame.as.set.bytes, frame.as.set.len };
    err = sync_request_add(&ex->sync, &ex->rooms->sync, &ex->txn, set, error);
    return err == ST_OK ? charge(ex, error) : err;
}

/* A stream that leans on the device's last set is read only with that very set: another one would
 * give other frames. */
static st_err find_base(exchange *ex, const st_head *head, st_error *error)
{
    uint8_t check[ST_BASE_CHECK_BYTES];
    ex->head_bytes = st_head_bytes(head);
    if (!head->has_base)
        return ST_OK;
    st_err err = sync_request_base(&ex->txn, &head->device, &ex->base, check, error);
    if (err == ST_E_NOT_FOUND || (err == ST_OK && memcmp(check, head->base, sizeof check) != 0))
        return st_fail(error, ST_E_CHANGED, "request: its stream leans on another set");
    return err;
}

static st_err check_head(exchange *ex, http_request *request, st_error *error)
{
    st_head head;
    st_err err = st_head_decode(request->body, request->body_len, &head, error);
    if (err != ST_OK)
        return err;
    char hex[33];
    st_id_format(&head.device, hex);
    memcpy(request->who, hex, 8);
    if (head.skip > 0)
        return st_fail(error, ST_E_CORRUPT, "request: all of its stream is needed");
    size_t size = st_head_bytes(&head);
    auth_request signed_request = { request->method, request->path, request->body + size,
                                    request->body_len - size };
    err = auth_head_check(&ex->txn, &ex->rooms->keys, &head, &signed_request, &ex->sync.device,
                          error);
    ex->sync.has_counter = true;
    ex->sync.counter = head.counter;
    memcpy(ex->sync.install, head.install, sizeof head.install);
    if (err == ST_OK && !ex->is_inside)
        ex->is_inside = http_server_enter(ex->server, &head.device);
    if (err == ST_OK && !ex->is_inside)
        return st_fail(error, ST_E_BUSY, "request: others of this device are under way");
    return err == ST_OK ? find_base(ex, &head, error) : err;
}

/* ---- a device that this log does not know (any more) ---- */

typedef struct {
    exchange *ex;
    sync_request sync;
    st_id device;
} introduction;

/* Did the server's own device sign this set? Read in memory that ends here. */
static st_err is_own_set(introduction *in, store_slice set, bool *out_own, st_error *error)
{
    sync_request probe;
    sync_request_init(&probe, ARENA_BYTES_MAX);
    st_err err = sync_request_add(&probe, &in->ex->rooms->sync, &in->ex->txn, set, error);
    *out_own = err == ST_OK && probe.items[0].is_signed && probe.items[0].is_servers;
    sync_request_free(&probe);
    return err;
}

static st_err keep_own_set(introduction *in, store_slice set, st_error *error)
{
    const uint8_t *copy = st_arena_copy(&in->sync.arena, set.data, set.len);
    if (copy == NULL)
        return st_fail(error, ST_E_TOO_LARGE, "body: more than can be taken in at once");
    st_err err = sync_request_add(&in->sync, &in->ex->rooms->sync, &in->ex->txn,
                                  store_bytes(copy, set.len), error);
    in->ex->introduced_bytes = in->sync.arena.bytes_used;
    return err == ST_OK ? charge(in->ex, error) : err;
}

/* Only what the server's own device once signed: enrolments, people, what they may do. Of the rest
 * nothing is kept: nobody knows yet who sent it. */
static st_err take_own_set(void *context, const uint8_t *bytes, size_t len, st_error *error)
{
    introduction *in = context;
    st_frame frame;
    st_arena arena;
    bool is_own = false;
    if (in->sync.items_count >= INTRODUCED_MAX)
        return ST_OK;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = st_frame_decode(bytes, len, &arena, &frame, error);
    if (err == ST_OK && frame.kind == ST_FRAME_ASK)
        err = learn_epochs(in->ex, &frame.as.ask, error);
    if (err == ST_OK && frame.kind == ST_FRAME_SET) {
        store_slice set = { frame.as.set.bytes, frame.as.set.len };
        err = is_own_set(in, set, &is_own, error);
        if (err == ST_OK && is_own)
            err = keep_own_set(in, set, error);
    }
    st_arena_reset(&arena);
    return err;
}

static bool is_revocation(void *context, const side_words *words)
{
    introduction *in = context;
    char hex[33], line[64];
    st_id_format(&in->device, hex);
    (void)snprintf(line, sizeof line, "device revoke %s", hex);
    if (strncmp(words->text, line, strlen(line)) != 0)
        return true;
    in->sync.items_count = 0;
    return false;
}

/* After a restore a device presents its own enrolment, signed by the server as it was. It is taken
 * in first, unless the notes beside the store say that the device was revoked. */
static st_err introduce(exchange *ex, http_request *request, st_error *error)
{
    introduction in = { .ex = ex };
    st_head head;
    http_taker taker = { &in, take_own_set };
    sync_request_init(&in.sync, ARENA_BYTES_MAX);
    http_server_sit(ex->server);
    st_err err = store_begin(ex->rooms->sync.store, STORE_READ_TXN, &ex->txn, error);
    if (err == ST_OK)
        err = st_head_decode(request->body, request->body_len, &head, error);
    if (err == ST_OK && head.has_base) /* with its papers it is plain */
        err = st_fail(error, ST_E_DENIED, "request: this book has no such device");
    if (err == ST_OK)
        err = http_read_frames(request->body + ST_HEAD_BYTES, request->body_len - ST_HEAD_BYTES,
                               NULL, &taker, error);
    store_end(&ex->txn);
    http_server_rise(ex->server);
    if (err == ST_OK) {
        in.device = head.device;
        in.sync.device.id = head.device;
        in.sync.received_ms = ex->sync.received_ms;
        err = side_each_words(ex->rooms->dir, is_revocation, &in, error);
    }
    if (err == ST_OK && in.sync.items_count > 0)
        err = sync_request_submit(&in.sync, ex->rooms->writer, error);
    sync_request_free(&in.sync);
    ex->introduced_bytes = 0;
    return err;
}

/* Reads and verifies everything, without writing. */
static st_err take_in(exchange *ex, http_request *request, st_error *error)
{
    http_taker taker = { ex, take_frame };
    const server_port *port = ex->rooms->sync.port;
    http_server_sit(ex->server);
    st_err err = store_begin(ex->rooms->sync.store, STORE_READ_TXN, &ex->txn, error);
    if (err == ST_OK)
        err = check_head(ex, request, error);
    ex->sync.received_ms = port->now_ms(port->context);
    if (err == ST_OK)
        err = http_read_frames(request->body + ex->head_bytes, request->body_len - ex->head_bytes,
                               ex->base.len > 0 ? &ex->base : NULL, &taker, error);
    if (err == ST_OK && !ex->has_ask)
        err = st_fail(error, ST_E_CORRUPT, "body: no ask");
    store_end(&ex->txn);
    http_server_rise(ex->server);
    ex->sync.ask = ex->has_ask ? &ex->ask : NULL;
    return err;
}

/* After the sets: their records name the pieces. */
static st_err keep_pieces(exchange *ex, st_error *error)
{
    char hex[33], part[64];
    st_id_format(&ex->sync.device.id, hex);
    (void)snprintf(part, sizeof part, "%s-%llu", hex, (unsigned long long)ex->sync.counter);
    return parcel_keep_pieces(&ex->sync, ex->rooms->writer, part, error);
}

static st_err note_heir(exchange *ex, st_error *error)
{
    sync_heir_offer offer = { .old = ex->sync.device.id, .ask = ex->sync.heir };
    memcpy(offer.install, ex->sync.install, sizeof offer.install);
    return offer.ask == NULL ? ST_OK
                             : sync_heir_ask(ex->rooms->writer, &offer, &ex->arena,
                                             &ex->sync.heir_said, error);
}

static st_err emit(void *context, const st_frame *frame, st_error *error)
{
    return http_stream_put(context, frame, error);
}

static void limit_answer(exchange *ex)
{
    uint64_t most = http_server_answer_max(ex->server);
    if (most > 0 && (ex->ask.answer_bytes_max == 0 || ex->ask.answer_bytes_max > most))
        ex->ask.answer_bytes_max = most;
}

static st_err give_out(exchange *ex, http_request *request, st_error *error)
{
    http_stream stream = { 0 };
    feed_report report = { 0 };
    feed_sink sink = { &stream, emit };
    limit_answer(ex);
    http_server_sit(ex->server);
    st_err err = http_stream_begin(&stream, request, error);
    if (err == ST_OK)
        err = feed_answer(&ex->rooms->sync, &ex->sync, &sink, &report, error);
    if (err == ST_OK)
        err = http_stream_end(&stream, error);
    http_stream_free(&stream);
    http_server_rise(ex->server);
    return err;
}

/* What brings no papers that can be read stays denied, for the reason it was. */
static st_err take_in_with_papers(exchange *ex, http_request *request, st_error *error)
{
    const st_error denied = *error;
    st_err err = introduce(ex, request, error);
    if (err == ST_OK)
        return take_in(ex, request, error);
    if (err == ST_E_CORRUPT)
        *error = denied;
    return err == ST_E_CORRUPT ? denied.code : err;
}

static void handle(http_request *request)
{
    exchange ex = { .rooms = request->rooms, .server = request->server };
    st_error error = { 0 };
    st_arena_init(&ex.arena, ARENA_BYTES_MAX);
    st_buffer_init(&ex.base, ST_BASE_BYTES_MAX + sizeof(st_hash));
    sync_request_init(&ex.sync, ARENA_BYTES_MAX);
    st_err err = take_in(&ex, request, &error);
    if (err == ST_E_DENIED)
        err = take_in_with_papers(&ex, request, &error);
    if (err == ST_OK)
        err = sync_request_submit(&ex.sync, request->rooms->writer, &error);
    if (err == ST_OK)
        err = keep_pieces(&ex, &error);
    if (err == ST_OK)
        err = note_heir(&ex, &error);
    if (err == ST_OK)
        err = give_out(&ex, request, &error);
    if (err != ST_OK)
        http_refuse(request, &error, ex.sync.counter_highest);
    if (ex.is_inside)
        http_server_leave(request->server, &ex.sync.device.id);
    sync_request_free(&ex.sync);
    st_arena_reset(&ex.arena);
    st_buffer_free(&ex.base);
    if (ex.charged > 0) {
        (void)malloc_trim(0);                  /* what was rare is not kept for the next one */
        http_server_give(request->server, ex.charged);
    }
}

void http_handle_sync(http_request *request)
{
    http_server_take_seat(request->server);
    handle(request);
    http_server_give_seat(request->server);
}
