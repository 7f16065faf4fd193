/* tests/unit/client-lib/edge_wire.c - the edge's answers, and the driver of an exchange with all
 * the ways it can break. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client-lib/edge_log.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != ST_OK)                                                                       \
            abort();                                                                               \
    } while (0)

typedef struct {
    edge *e;
    st_arena arena;
    st_buffer out;
    st_frame_writer *writer;
    edge_device *device;
    st_ask ask;
    bool has_ask;
} answering;

static void put(answering *a, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    CHECK(st_frame_encode(frame, &bytes, NULL));
    CHECK(st_frame_write(a->writer, bytes.data, bytes.len, NULL));
    st_buffer_free(&bytes);
}

static int refuse(answering *a, st_err code, uint64_t counter)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_REFUSAL;
    frame.as.refusal.code = code;
    frame.as.refusal.counter = counter;
    strcpy(frame.as.refusal.detail, "refused by the edge");
    put(a, &frame);
    return st_err_http(code);
}

static st_scope scope_of(answering *a)
{
    edge *e = a->e;
    st_bucket *buckets = st_arena_array(&a->arena, 2, sizeof *buckets);
    st_role *roles = st_arena_array(&a->arena, 1, sizeof *roles);
    buckets[0] = edge_bucket_of(e, EDGE_COMMUNE "/catalogue")->name;
    buckets[1] = edge_bucket_of(e, EDGE_UNIT_BUCKET)->name;
    roles[0] = ST_ROLE_OFFICER;
    st_scope scope = { e->scope_rev, buckets, e->lost_unit ? 1 : 2, roles, 1 };
    return scope;
}

static int enrol(answering *a, const st_enrol_ask *ask)
{
    edge *e = a->e;
    uint8_t text[ST_ENROL_SIGN_BYTES];
    st_frame frame;
    st_enrol_answer *answer = &frame.as.enrol_answer;
    st_enrol_sign_text(ask, e->log_key, text);
    if (!st_sign_verify(ask->sign_key, text, sizeof text, ask->proof))
        return refuse(a, ST_E_SIGNATURE, 0);
    if (memcmp(ask->code, e->code, 16) != 0)
        return refuse(a, ST_E_ENROL, 0);
    st_id id = st_device_id(ask->sign_key);
    if (edge_device_of(e, &id) == NULL)
        edge_know_device(e, &id, ask->sign_key, &e->persons[e->enrols_as]);
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_ENROL_ANSWER;
    answer->version = 1;
    memcpy(answer->log_key, e->log_key, 32);
    memset(answer->seal_key, 9, 32);
    uint8_t secret[32];
    st_box_keypair(e->log_seed, answer->recovery_key, secret);
    answer->person = e->persons[e->enrols_as];
    strcpy(answer->login.s, e->enrols_as == 0 ? "an" : "binh");
    strcpy(answer->commune.s, EDGE_COMMUNE);
    memcpy(answer->epoch, e->epoch, 8);
    strcpy(answer->letters, e->enrols_as == 0 ? "TK" : "TM");
    answer->scope = scope_of(a);
    answer->server_ms = e->now_ms;
    st_fingerprint(ask->sign_key, answer->fingerprint);
    answer->server_device = e->devices[0].id;
    memcpy(answer->server_key, e->devices[0].key, 32);
    put(a, &frame);
    return 200;
}

static void take_set(answering *a, const uint8_t *bytes, size_t len)
{
    edge *e = a->e;
    st_set set;
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_VERDICT;
    st_verdict *verdict = &frame.as.verdict;
    CHECK(st_set_decode(bytes, len, &a->arena, &set, NULL));
    edge_device *device = edge_device_of(e, &set.device);
    assert(device != NULL && st_set_verify(&set, &e->log, device->key));
    verdict->first = set.first;
    verdict->has_device = device != a->device;
    verdict->device = set.device;
    if (e->later_next > 0) {
        e->later_next--;
        verdict->kind = ST_VERDICT_LATER;
        verdict->later_s = EDGE_LATER_S;
        put(a, &frame);
        return;
    }
    for (size_t i = 0; i < e->entries_count; i++) {
        const edge_entry *known = &e->entries[i];
        if (known->first != set.first || st_id_cmp(&known->device, &set.device) != 0)
            continue;
        bool same = memcmp(known->hash.b, set.hash.b, 32) == 0;
        st_held *forked = st_arena_array(&a->arena, 1, sizeof *forked);
        forked[0].counter = set.first;
        forked[0].reason = ST_HOLD_FORK;
        verdict->kind = same ? ST_VERDICT_DUPLICATE : ST_VERDICT_HELD;
        verdict->position = known->entry.index;
        verdict->held = same ? known->entry.held : forked;
        verdict->held_count = same ? known->entry.held_count : 1;
        e->duplicates += same ? 1 : 0;
        put(a, &frame);
        return;
    }
    if (set.first > device->known + 1) {
        st_frame want;
        memset(&want, 0, sizeof want);
        want.kind = ST_FRAME_WANT;
        want.as.want.from = device->known + 1;
        want.as.want.to = set.first - 1;
        put(a, &want);
    }
    const edge_entry *stored = edge_append(e, bytes, len, e->hold_next);
    if (stored->last > device->known)
        device->known = stored->last;
    e->sets_taken++;
    verdict->kind = e->hold_next == ST_HOLD_NONE ? ST_VERDICT_STORED : ST_VERDICT_HELD;
    verdict->position = stored->entry.index;
    verdict->held = stored->entry.held;
    verdict->held_count = stored->entry.held_count;
    put(a, &frame);
}

static uint64_t cursor_of(const answering *a, const st_bucket *bucket)
{
    if (a->ask.is_collapsed)
        return a->ask.position;
    for (uint32_t i = 0; i < a->ask.buckets_count; i++)
        if (strcmp(a->ask.buckets[i].bucket.s, bucket->s) == 0)
            return a->ask.buckets[i].cursor;
    return 0;
}

/* The pages of one bucket; false when the test wants to be asked again. */
static bool feed(answering *a, const edge_bucket *bucket)
{
    edge *e = a->e;
    uint64_t cursor = cursor_of(a, &bucket->name);
    st_entry *entries = st_arena_array(&a->arena, e->entries_count + 1, sizeof *entries);
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_PAGE;
    st_page *page = &frame.as.page;
    page->bucket = bucket->name;
    page->fold_version = 1;
    if (e->fold_version > 0 && strcmp(bucket->name.s, EDGE_UNIT_BUCKET) == 0)
        page->fold_version = e->fold_version;
    page->entries = entries;
    page->last = true;
    for (size_t i = 0; i < e->entries_count; i++) {
        const edge_entry *known = &e->entries[i];
        if (known->entry.index <= cursor || strcmp(known->bucket.s, bucket->name.s) != 0)
            continue;
        if (e->page_per_entry && page->entries_count == 1) {
            page->last = false;
            break;
        }
        st_entry *entry = &entries[page->entries_count++];
        *entry = known->entry;
        page->cursor = entry->index;
        if (a->ask.kept_from > 0 && entry->set != NULL && known->first >= a->ask.kept_from &&
            st_id_cmp(&known->device, &a->device->id) == 0) {
            entry->set = NULL;
            entry->set_len = 0;
            entry->device = known->device;
            entry->first = known->first;
            entry->last = known->last;
            e->references++;
        }
    }
    if (page->cursor == 0 && a->ask.is_collapsed)
        return true;
    if (page->cursor == 0)
        page->cursor = cursor;
    page->sum = bucket->sum;
    if (page->last && e->corrupt_sum > 0) {
        page->sum.b[0] ^= 1;
        e->corrupt_sum--;
    }
    put(a, &frame);
    return page->last;
}

static void give(answering *a)
{
    edge *e = a->e;
    st_frame frame;
    bool sends_only = a->ask.answer_bytes_max > 0 && a->ask.answer_bytes_max < 96;
    bool whole = !sends_only;
    if (a->ask.scope_rev != e->scope_rev) {
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_SCOPE;
        frame.as.scope = scope_of(a);
        put(a, &frame);
    }
    for (size_t i = 0; whole && i < e->buckets_count; i++)
        if (!a->device->is_revoked &&
            !(e->lost_unit && strcmp(e->buckets[i].name.s, EDGE_UNIT_BUCKET) == 0))
            whole = feed(a, &e->buckets[i]);
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_END;
    frame.as.end.version = 1;
    frame.as.end.server_ms = e->now_ms;
    frame.as.end.position = e->entries_count;
    frame.as.end.more = !whole;
    frame.as.end.backed_up_to = e->backed_up_to;
    if (memcmp(a->ask.epoch, e->epoch, 8) != 0) {
        frame.as.end.has_epoch = true;
        memcpy(frame.as.end.epoch, e->epoch, 8);
    }
    put(a, &frame);
}

static int check_head(answering *a, const sotay_request *request)
{
    st_head head;
    st_buffer text;
    CHECK(st_head_decode(request->body, request->body_bytes, &head, NULL));
    a->device = edge_device_of(a->e, &head.device);
    assert(a->device != NULL);
    st_hash body = st_sha256(request->body + ST_HEAD_BYTES, request->body_bytes - ST_HEAD_BYTES);
    st_buffer_init(&text, 4096);
    CHECK(st_head_sign_text(&head, request->method, request->path, &body, &a->e->log, &text));
    bool good = st_sign_verify(a->device->key, text.data, text.len, head.signature);
    st_buffer_free(&text);
    if (!good)
        return refuse(a, ST_E_SIGNATURE, 0);
    if (head.counter <= a->device->counter)
        return refuse(a, ST_E_AGAIN, a->device->counter);
    a->device->counter = head.counter;
    return 200;
}

static int take(answering *a, const uint8_t *stream, size_t len)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t bytes_len = 0;
    st_err bad = ST_OK;
    int status = 200;
    CHECK(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL));
    CHECK(st_frame_feed(reader, stream, len, NULL));
    while (st_frame_read(reader, &bytes, &bytes_len, &bad)) {
        st_frame frame;
        const uint8_t *copy = st_arena_copy(&a->arena, bytes, bytes_len);
        CHECK(st_frame_decode(copy, bytes_len, &a->arena, &frame, NULL));
        if (frame.kind == ST_FRAME_ENROL_ASK)
            status = enrol(a, &frame.as.enrol_ask);
        if (frame.kind == ST_FRAME_ASK)
            a->ask = frame.as.ask;
        if (frame.kind == ST_FRAME_SET)
            take_set(a, frame.as.set.bytes, frame.as.set.len);
    }
    assert(bad == ST_OK && st_frame_is_complete(reader));
    st_frame_reader_free(reader);
    return status;
}

int edge_answer(edge *e, const sotay_request *request, uint8_t **out_body, size_t *out_len)
{
    answering a;
    int status = 200;
    memset(&a, 0, sizeof a);
    a.e = e;
    st_arena_init(&a.arena, (size_t)1 << 28);
    st_buffer_init(&a.out, ST_BODY_BYTES_MAX);
    CHECK(st_frame_writer_new(3, &a.out, &a.writer, NULL));
    if (strcmp(request->path, "/v1/enrol") == 0) {
        status = take(&a, request->body, request->body_bytes);
    } else {
        status = check_head(&a, request);
        if (status == 200)
            status = take(&a, request->body + ST_HEAD_BYTES, request->body_bytes - ST_HEAD_BYTES);
        if (status == 200)
            give(&a);
    }
    CHECK(st_frame_writer_end(a.writer, NULL));
    st_frame_writer_free(a.writer);
    *out_body = a.out.data;
    *out_len = a.out.len;
    st_arena_reset(&a.arena);
    return status;
}

void edge_link(edge *e, int person, char *text)
{
    char code[ST_ENROL_CODE_TEXT];
    e->enrols_as = person;
    for (size_t i = 0; i < sizeof e->code; i++)
        e->code[i]++;
    st_enrol_code_format(e->code, e->log_key, code);
    strcpy(text, "http://127.0.0.1:8080/field/#e=");
    strcat(text, code);
}

int edge_settle(sotay_port *port, sotay_client *client, int rc)
{
    sotay_error error;
    if (rc != SOTAY_PENDING)
        return rc;
    assert(port != NULL);
    return sotay_memory_settle(port, client, SOTAY_OK, &error);
}

/* next, until it gives a request. */
static int next(sotay_client *client, sotay_sync *sync, const edge_trouble *trouble,
                sotay_request *request)
{
    int rc = sotay_sync_next(sync, request, NULL);
    while (rc == SOTAY_PENDING) {
        rc = edge_settle(trouble->pending, client, rc);
        if (rc == SOTAY_OK)
            rc = sotay_sync_next(sync, request, NULL);
    }
    return rc;
}

static int feed_all(sotay_client *client, sotay_sync *sync, const edge_trouble *trouble,
                    const uint8_t *body, size_t len)
{
    size_t step = trouble->feed_bytes > 0 ? trouble->feed_bytes : len;
    int rc = SOTAY_OK;
    for (size_t at = 0; rc == SOTAY_OK && at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        rc = sotay_sync_feed(sync, body + at, part, NULL);
        while (rc == SOTAY_PENDING) {
            rc = edge_settle(trouble->pending, client, rc);
            if (rc == SOTAY_OK)
                rc = sotay_sync_feed(sync, NULL, 0, NULL);
        }
    }
    return rc;
}

static int round_of(edge *e, sotay_client *client, sotay_sync *sync, const edge_trouble *trouble,
                    bool *again)
{
    sotay_request request;
    uint8_t *body = NULL;
    size_t len = 0;
    sotay_report report;
    *again = false;
    int rc = next(client, sync, trouble, &request);
    if (rc != SOTAY_OK)
        return rc;
    int status = edge_answer(e, &request, &body, &len);
    sotay_sync_report(sync, &report);
    if (trouble->lose_reply_of > 0 && report.requests == trouble->lose_reply_of) {
        free(body);
        return sotay_sync_end(sync, 0, again, NULL);
    }
    if (trouble->cut_reply_at > 0 && len > trouble->cut_reply_at)
        len = trouble->cut_reply_at;
    rc = feed_all(client, sync, trouble, body, len);
    free(body);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, status, again, NULL);
    while (rc == SOTAY_PENDING) {
        rc = edge_settle(trouble->pending, client, rc);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, again, NULL);
    }
    return rc;
}

int edge_run(edge *e, sotay_client *client, sotay_sync *sync, const edge_trouble *trouble,
             sotay_report *out_report)
{
    static const edge_trouble NONE = { 0, 0, 0, NULL };
    bool again = true;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && again)
        rc = round_of(e, client, sync, trouble == NULL ? &NONE : trouble, &again);
    if (out_report != NULL)
        sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

int edge_sync(edge *e, sotay_client *client, const edge_trouble *trouble, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    int rc = sotay_sync_begin(client, &sync, NULL);
    return rc == SOTAY_OK ? edge_run(e, client, sync, trouble, out_report) : rc;
}

int edge_enrol(edge *e, sotay_client *client, int person, const edge_trouble *trouble)
{
    char link[128];
    sotay_sync *sync = NULL;
    edge_link(e, person, link);
    int rc = sotay_enrol_begin(client, link, "phone", &sync, NULL);
    return rc == SOTAY_OK ? edge_run(e, client, sync, trouble, NULL) : rc;
}
