/* tests/sim/net.c - the network: messages that are due at a virtual time, and what befalls them on
 * the way. Promises that a sync always ends (an answer, a part of one, or a broken connection), and
 * that nobody hears an answer he does not wait for. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/message.h"

#define STALL_MS           30000
#define DRAIN_MESSAGES_MAX 100000u

/* ---- the queue ---- */

static net_message *put(sim_world *w, const net_message *message)
{
    sim_net *net = &w->net;
    if (net->count == net->capacity) {
        net->capacity = net->capacity == 0 ? 32 : net->capacity * 2;
        net->list = sim_must(realloc(net->list, net->capacity * sizeof *net->list));
    }
    net_message *to = &net->list[net->count++];
    *to = *message;
    to->order = net->orders++;
    return to;
}

static size_t next_of(const sim_net *net)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < net->count; i++) {
        const net_message *a = &net->list[i];
        if (best == SIZE_MAX || a->at_ms < net->list[best].at_ms ||
            (a->at_ms == net->list[best].at_ms && a->order < net->list[best].order))
            best = i;
    }
    return best;
}

void sim_net_free(sim_net *net)
{
    for (size_t i = 0; i < net->count; i++)
        free(net->list[i].bytes);
    free(net->list);
    memset(net, 0, sizeof *net);
}

static uint8_t *copy(const void *data, size_t len)
{
    uint8_t *bytes = sim_must(malloc(len + 1));
    if (len > 0)
        memcpy(bytes, data, len);
    return bytes;
}

/* ---- the way there ---- */

static void reply_with(sim_world *w, sim_phone *p, int status, int64_t after_ms)
{
    net_message reply = { .kind = NET_REPLY,
                          .at_ms = w->now_ms + after_ms,
                          .phone = sim_phone_no(w, p),
                          .sync_no = p->sync_no,
                          .path = "",
                          .status = status };
    (void)put(w, &reply);
}

/* A late or doubled copy of the request; its answer finds nobody. */
static void put_copy(sim_world *w, const net_message *request, int64_t after_ms)
{
    net_message late = *request;
    late.bytes = copy(request->bytes, request->len);
    late.is_copy = true;
    late.at_ms = w->now_ms + after_ms;
    (void)put(w, &late);
}

bool sim_net_base(sim_world *w, const st_head *head, st_buffer *out)
{
    store_txn txn = { 0 };
    uint8_t check[ST_BASE_CHECK_BYTES];
    if (!w->is_up)
        return false;
    bool same = store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) == ST_OK &&
                sync_request_base(&txn, &head->device, out, check, NULL) == ST_OK &&
                memcmp(check, head->base, sizeof check) == 0;
    store_end(&txn);
    return same;
}

/* Somebody else keeps the sealed sets of a request that never arrived. */
static void stick_take(sim_world *w, const net_message *request)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_arena arena;
    st_head head;
    st_buffer base;
    if (strcmp(request->path, "/v1/sync") != 0 ||
        st_head_decode(request->bytes, request->len, &head, NULL) != ST_OK)
        return;
    size_t from = head.has_base ? ST_HEAD_BYTES_MAX : ST_HEAD_BYTES;
    st_buffer_init(&base, ST_BASE_BYTES_MAX + sizeof(st_hash));
    if (head.has_base && !sim_net_base(w, &head, &base)) {
        st_buffer_free(&base);
        return;
    }
    st_arena_init(&arena, 64u << 20);
    if (st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK ||
        (head.has_base && st_frame_reader_base(reader, base.data, base.len, NULL) != ST_OK) ||
        st_frame_feed(reader, request->bytes + from, request->len - from, NULL) != ST_OK)
        abort();
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        st_frame frame;
        if (st_frame_decode(bytes, len, &arena, &frame, NULL) != ST_OK ||
            frame.kind != ST_FRAME_SET)
            continue;
        sim_set *set = &w->stick.sets[w->stick.next++ % SIM_STICK_MAX];
        free(set->bytes);
        set->bytes = copy(frame.as.set.bytes, frame.as.set.len);
        set->len = frame.as.set.len;
        if (w->stick.count < SIM_STICK_MAX)
            w->stick.count++;
    }
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
    st_buffer_free(&base);
}

/* What there was of a request when its line broke, handed on by something in between that does not
 * count bytes. Nothing of it may be taken in. */
static void put_cut(sim_world *w, sim_phone *p, const net_message *request)
{
    net_message part = *request;
    if (request->is_fetch || request->len == 0)
        return;
    part.bytes = copy(request->bytes, request->len);
    part.len = sim_pick(&p->trouble, (uint32_t)request->len);
    part.is_copy = part.is_cut = true;
    part.at_ms = w->now_ms + sim_between(&p->trouble, 20, STALL_MS);
    sim_count(w, SIM_REQUEST_CUT);
    (void)put(w, &part);
}

static int64_t way_ms(sim_phone *p)
{
    return sim_between(&p->trouble, 20, 800) * p->slow;
}

/* What befalls a request. */
static void send_with_trouble(sim_world *w, sim_phone *p, net_message *request)
{
    sim_random *r = &p->trouble;
    switch (sim_pick(r, 5)) {
    case 0: /* lost; perhaps somebody carries what was in it */
        sim_count(w, SIM_LOST);
        stick_take(w, request);
        if (sim_chance(r, 300)) {
            sim_count(w, SIM_LATE_COPY);
            put_copy(w, request, sim_between(r, 1000, 3 * 86400 * 1000));
        } else if (plan_loses(w->plan->seed)) {
            put_cut(w, p, request);
        }
        free(request->bytes);
        reply_with(w, p, 0, STALL_MS);
        return;
    case 1: /* doubled */
        sim_count(w, SIM_LATE_COPY);
        put_copy(w, request, sim_between(r, 0, sim_chance(r, 300) ? 86400 * 1000 : 5000));
        break;
    case 2: /* arrives when the phone has given up */
        sim_count(w, SIM_LATE_COPY);
        stick_take(w, request);
        put_copy(w, request, sim_between(r, STALL_MS + 1, 20 * STALL_MS));
        free(request->bytes);
        reply_with(w, p, 0, STALL_MS);
        return;
    case 3: /* something between answers */
        sim_count(w, SIM_PROXY);
        free(request->bytes);
        reply_with(w, p, sim_chance(r, 500) ? 502 : 503, way_ms(p));
        return;
    default: request->at_ms += sim_between(r, 0, 20000);
    }
    (void)put(w, request);
}

static void note_fetch(sim_world *w, const sotay_request *asked, net_message *request)
{
    static const char SCHEME[] = "Sotay ";
    net_fetch *fetch = &request->fetch;
    if (strlen(asked->path) >= sizeof fetch->path || asked->authorization == NULL ||
        strlen(asked->authorization) >= sizeof fetch->head + sizeof SCHEME - 1)
        sim_fail(w, "a GET that is too long: %.100s", asked->path);
    request->is_fetch = true;
    request->path = "/v1/snapshot";
    fetch->from = asked->range_from;
    (void)snprintf(fetch->path, sizeof fetch->path, "%s", asked->path);
    (void)snprintf(fetch->head, sizeof fetch->head, "%s",
                   asked->authorization + sizeof SCHEME - 1);
}

/* The path of a request in memory that outlives its sync. */
static const char *path_of(const char *asked)
{
    static const char *const PATHS[] = { "/v1/enrol", "/v1/have", "/v1/chunks", "/v1/fetch" };
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++)
        if (strcmp(asked, PATHS[i]) == 0)
            return PATHS[i];
    return "/v1/sync";
}

static void send_request(sim_world *w, sim_phone *p)
{
    sotay_request asked;
    sotay_error error = { 0 };
    sim_phone_clock(w, p);
    int rc = sotay_sync_next(p->sync, &asked, &error);
    while (rc == SOTAY_PENDING) {
        rc = sim_settle(w, p, rc);
        if (rc == SOTAY_OK)
            rc = sotay_sync_next(p->sync, &asked, &error);
    }
    if (rc != SOTAY_OK) {
        sim_say(w, " [phone %u: no request: %s]", sim_phone_no(w, p), sotay_code_name(rc));
        sim_sync_drop(w, p);
        return;
    }
    net_message request = { .kind = NET_REQUEST,
                            .at_ms = w->now_ms + way_ms(p),
                            .phone = sim_phone_no(w, p),
                            .sync_no = p->sync_no,
                            .path = path_of(asked.path),
                            .bytes = copy(asked.body, asked.body_bytes),
                            .len = asked.body_bytes };
    if (strcmp(asked.method, "GET") == 0)
        note_fetch(w, &asked, &request);
    p->at_pieces = strcmp(asked.path, "/v1/chunks") == 0 || strcmp(asked.path, "/v1/fetch") == 0;
    if (p->at_pieces && w->plan->is_rough && !w->is_calm && sim_chance(&p->trouble, 200))
        p->tap->die_in = 1 + sim_pick(&p->trouble, 30); /* killed while a file is under way */
    if (p->is_cut_off) {
        sim_count(w, SIM_LOST);
        stick_take(w, &request);
        free(request.bytes);
        reply_with(w, p, 0, 3000);
    } else if (sim_chance(&p->trouble, p->trouble_permille)) {
        send_with_trouble(w, p, &request);
    } else {
        (void)put(w, &request);
    }
}

/* ---- the server, and the way back ---- */

static void send_reply(sim_world *w, sim_phone *p, net_message *reply)
{
    sim_random *r = &p->trouble;
    reply->at_ms = w->now_ms + way_ms(p);
    if (p->is_cut_off || reply->status == 0) {
        reply->len = 0;
        reply->status = 0;
        reply->at_ms += STALL_MS;
    } else if (sim_chance(r, p->trouble_permille)) {
        if (sim_chance(r, 300)) {
            sim_count(w, SIM_LOST);
            reply->len = 0;
        } else {
            sim_count(w, SIM_CUT);
            reply->len = sim_pick(r, (uint32_t)reply->len + 1);
        }
        reply->at_ms += sim_between(r, 0, STALL_MS);
        reply->status = sim_chance(r, 500) || reply->is_fetch ? 0 : reply->status;
        if (reply->is_fetch && reply->len > 0)
            sim_count(w, SIM_SNAPSHOT_CUT);
    } else if (reply->status == 200 && strcmp(reply->path, "/v1/fetch") == 0 &&
               !w->is_calm && sim_chance(r, p->trouble_permille + 150) && sim_files_spoil(reply)) {
        sim_count(w, SIM_PIECE_BAD);
    }
    (void)put(w, reply);
}

static void deliver_request(sim_world *w, net_message *request)
{
    sim_phone *p = &w->phones[request->phone];
    bool waits =
        !request->is_copy && p->exists && p->sync != NULL && p->sync_no == request->sync_no;
    st_buffer reply = { 0 };
    int status = 0;
    if (!w->is_up)
        sim_count(w, SIM_SERVER_DOWN);
    else if (request->is_copy || !p->is_cut_off)
        status = sim_server_answer(w, request, &reply);
    if (request->is_cut && status == 200)
        sim_fail(w, "a request to %s without its end is answered", request->path);
    if (waits) {
        net_message back = { .kind = NET_REPLY,
                             .phone = request->phone,
                             .sync_no = request->sync_no,
                             .status = status,
                             .bytes = copy(reply.data, reply.len),
                             .is_fetch = request->is_fetch,
                             .path = request->path,
                             .len = reply.len };
        sim_repairs_drop(w, p, &back);
        send_reply(w, p, &back);
    }
    st_buffer_free(&reply);
    free(request->bytes);
}

/* ---- at the phone ---- */

void sim_sync_drop(sim_world *w, sim_phone *p)
{
    (void)w;
    sotay_sync_free(p->sync);
    p->sync = NULL;
}

/* What was sent or fetched of files, and after what. */
static void note_files(sim_world *w, sim_phone *p, const sotay_report *report)
{
    bool moved = report->attachments_sent + report->attachments_fetched > 0;
    w->report->counters[SIM_FILE_SENT] += report->attachments_sent;
    w->report->counters[SIM_FILE_FETCHED] += report->attachments_fetched;
    w->report->counters[SIM_FILE_GOES_ON] += moved && p->broke_off;
    w->report->counters[SIM_FILE_AFTER_CRASH] += moved && p->died_off;
    if (moved)
        p->broke_off = p->died_off = false;
    if (report->attachments_full)
        sim_count(w, SIM_FILES_FULL);
    else if (p->was_full && report->attachments_sent > 0)
        sim_count(w, SIM_FILES_ROOM);
    p->was_full = report->attachments_full || (p->was_full && report->attachments_sent == 0);
}

static void note_report(sim_world *w, sim_phone *p)
{
    const sotay_report *report = &p->last;
    sotay_sync_report(p->sync, &p->last);
    note_files(w, p, report);
    sim_repairs_report(w, p);
    if (report->has_log_alarm && w->restores == 0 && w->plan->lies == 0)
        sim_fail(w, "phone %u: a log that nobody changed is another one", sim_phone_no(w, p));
    sim_say(w, " [phone %u synced: sent %llu, received %llu, %llu held%s]", sim_phone_no(w, p),
            (unsigned long long)report->sent_changes, (unsigned long long)report->received_changes,
            (unsigned long long)report->held, report->complete ? "" : ", more to come");
}

static int feed(sim_world *w, sim_phone *p, const uint8_t *bytes, size_t len)
{
    sotay_error error = { 0 };
    size_t at = 0;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && at < len) {
        size_t part = sim_chance(&p->trouble, 500)
                          ? len - at
                          : 1 + sim_pick(&p->trouble, (uint32_t)(len - at));
        rc = sotay_sync_feed(p->sync, bytes + at, part, &error);
        while (rc == SOTAY_PENDING) {
            rc = sim_settle(w, p, rc);
            if (rc == SOTAY_OK)
                rc = sotay_sync_feed(p->sync, NULL, 0, &error);
        }
        at += part;
    }
    if (rc != SOTAY_OK)
        sim_say(w, " [phone %u: %s %s]", sim_phone_no(w, p), sotay_code_name(rc), error.detail);
    return rc;
}

static int end(sim_world *w, sim_phone *p, int status, bool *out_again)
{
    sotay_error error = { 0 };
    int rc = sotay_sync_end(p->sync, status, out_again, &error);
    while (rc == SOTAY_PENDING) {
        rc = sim_settle(w, p, rc);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(p->sync, status, out_again, &error);
    }
    if (rc != SOTAY_OK)
        sim_say(w, " [phone %u: %s %s]", sim_phone_no(w, p), sotay_code_name(rc), error.detail);
    return rc;
}

/* An answer that no honest server gives must not come from ours. */
static void judge(sim_world *w, const sim_phone *p, int rc, const net_message *reply)
{
    bool strange = rc == SOTAY_E_CORRUPT || rc == SOTAY_E_SIGNATURE || rc == SOTAY_E_VERSION ||
                   rc == SOTAY_E_TOO_LARGE || rc == SOTAY_E_USAGE || rc == SOTAY_E_AGAIN;
    bool is_whole = reply->status == 200 || (reply->status == 206 && !p->is_branch);
    if (strange && !p->tap->is_dead && is_whole && !reply->is_spoiled)
        sim_fail(w, "phone %u: the server's own answer is refused: %s", sim_phone_no(w, p),
                 sotay_code_name(rc));
}

/* It goes on under another name: by a link, or since the office confirmed its key. */
static void note_device(sim_world *w, sim_phone *p)
{
    size_t before = p->devices_count;
    sim_phone_note(p);
    if (p->devices_count > before && !p->enrols)
        sim_count(w, SIM_HEIR);
}

static void deliver_reply(sim_world *w, net_message *reply)
{
    sim_phone *p = &w->phones[reply->phone];
    bool again = false;
    if (!p->exists || p->sync == NULL || p->sync_no != reply->sync_no) {
        free(reply->bytes);
        return;
    }
    sim_phone_clock(w, p);
    p->broke_off = p->broke_off || (p->at_pieces && reply->status == 0);
    int rc = feed(w, p, reply->bytes, reply->len);
    if (rc == SOTAY_OK)
        rc = end(w, p, reply->status, &again);
    judge(w, p, rc, reply);
    note_device(w, p);
    free(reply->bytes);
    if (rc == SOTAY_OK && again) {
        send_request(w, p);
    } else {
        if (rc == SOTAY_OK)
            note_report(w, p);
        sim_sync_drop(w, p);
    }
    sim_phone_look(w, p);
    sim_note_sealed(p);
    p->at_pieces = p->at_pieces && p->sync != NULL;
}

/* ---- time ---- */

static void start_again(sim_world *w, int64_t until_ms)
{
    if (w->is_up || w->back_ms > until_ms)
        return;
    if (w->back_ms > w->now_ms)
        w->now_ms = w->back_ms;
    sim_server_start(w);
}

/* Time in which a message moves that somebody waits for; late copies pass unnoticed. */
static void pass_to(sim_world *w, const net_message *message)
{
    if (!message->is_copy)
        w->report->moving_ms += (uint64_t)(message->at_ms - w->now_ms);
    w->now_ms = message->at_ms;
}

static bool run_next(sim_world *w, int64_t until_ms)
{
    size_t at = next_of(&w->net);
    if (at == SIZE_MAX || w->net.list[at].at_ms > until_ms)
        return false;
    net_message message = w->net.list[at];
    w->net.list[at] = w->net.list[--w->net.count];
    start_again(w, message.at_ms);
    if (message.at_ms > w->now_ms)
        pass_to(w, &message);
    if (message.kind == NET_REQUEST)
        deliver_request(w, &message);
    else
        deliver_reply(w, &message);
    return true;
}

void sim_net_run(sim_world *w, int64_t until_ms)
{
    while (run_next(w, until_ms))
        continue;
    start_again(w, until_ms);
    if (until_ms > w->now_ms)
        w->now_ms = until_ms;
}

void sim_net_drain(sim_world *w)
{
    for (uint32_t n = 0; n < DRAIN_MESSAGES_MAX; n++)
        if (!run_next(w, INT64_MAX))
            return;
    sim_fail(w, "the network never comes to rest");
}

/* ---- a sync ---- */

bool sim_sync_start(sim_world *w, sim_phone *p, const char *link, uint32_t permille)
{
    sotay_error error = { 0 };
    sim_phone_ready(w, p);
    p->sync_no = ++w->syncs;
    p->enrols = link != NULL;
    p->trouble.state = w->op == NULL ? p->sync_no : w->op->salt ^ sim_phone_no(w, p);
    p->trouble_permille = permille;
    int rc = link == NULL ? sotay_sync_begin(p->client, &p->sync, &error)
                          : sotay_enrol_begin(p->client, link, NULL, &p->sync, &error);
    if (rc != SOTAY_OK) {
        sim_say(w, ": %s %s", sotay_code_name(rc), error.detail);
        p->sync = NULL;
        return false;
    }
    if (link == NULL && w->plan->seed >= PLAN_THEMED)
        sotay_sync_can_fetch(p->sync);
    if (p->sends_only)
        sotay_sync_send_only(p->sync);
    if (p->is_metered)
        sotay_sync_limit(p->sync, 0, true);
    send_request(w, p);
    return true;
}

void sim_sync_whole(sim_world *w, sim_phone *p, uint32_t permille)
{
    memset(&p->last, 0, sizeof p->last);
    if (!sim_sync_start(w, p, NULL, permille))
        return;
    while (p->exists && p->sync != NULL)
        if (!run_next(w, INT64_MAX))
            sim_fail(w, "phone %u: a sync that never ends", sim_phone_no(w, p));
}

/* ---- a stream by hand ---- */

void sim_put_frame(st_frame_writer *to, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    if (st_frame_encode(frame, &bytes, NULL) != ST_OK ||
        st_frame_write(to, bytes.data, bytes.len, NULL) != ST_OK)
        abort();
    st_buffer_free(&bytes);
}
