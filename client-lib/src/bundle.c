/* client-lib/src/bundle.c - bundles: all that waits here, sealed to the server in one file; and a
 * file that somebody else made, taken to be carried on.
 * Promises: nothing is taken of a file that is not whole, and twice changes nothing; making one
 * changes nothing but that what was typed is sealed; where the caller keeps the bytes, one part of
 * them is in memory.
 * Never: shows what is in a file of somebody else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/draft.h"
#include "client-lib/src/give.h"
#include "client-lib/src/outbox.h"

#define HEAD_ROOM     4096u /* of the head, without its list */
#define LISTED_BYTES  36u
#define BYTES_AT_ONCE ((size_t)1 << 20) /* new ones in a transaction, where it is read bit by bit */

struct sotay_bundle {
    sotay_client *client;
    st_err dead;
    bool waits; /* a step answered ST_PENDING */
    bool has_drafts_done, is_sealed, is_gathered, is_made;
    outbox_seal seal;
    st_arena arena;
    st_bundle_part *parts; /* arena */
    size_t parts_count, parts_capacity;
    size_t bytes_max;      /* of one bundle */
    sotay_bundle_put put;  /* who keeps the parts; NULL: `bytes` does */
    void *put_context;
    size_t parts_bytes;    /* of the parts so far */
    uint64_t given_before; /* frames in the bundles before this one */
    uint64_t offered;      /* frames of all that there is, so far */
    st_bundle_head head;
    st_buffer bytes; /* of the parts, then the whole; or the head alone */
    st_buffer frame;
    uint8_t text[ST_BUNDLE_SIGN_BYTES];
    give_report given, before; /* of all bundles so far; of those before this one */
};

/* ---- making one ---- */

int sotay_bundle_begin(sotay_client *client, sotay_bundle **out_bundle, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_bundle *bundle = NULL;
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK && (client->is_syncing || client->waits != CLIENT_IDLE))
        err = st_fail(&inner, ST_E_BUSY, "store: something is under way");
    if (err == ST_OK) {
        bundle = calloc(1, sizeof *bundle);
        if (bundle == NULL)
            err = st_fail(&inner, ST_E_MEMORY, "bundle: no memory");
    }
    if (err == ST_OK) {
        bundle->client = client;
        bundle->bytes_max = ST_BUNDLE_BYTES_MAX;
        outbox_seal_init(&bundle->seal);
        st_arena_init(&bundle->arena, CLIENT_WORK_BYTES_MAX);
        st_buffer_init(&bundle->bytes, ST_BUNDLE_BYTES_MAX);
        st_buffer_init(&bundle->frame, ST_FRAME_BYTES_MAX);
        client->is_syncing = client->is_closed = true;
        client->has_signature = false;
        *out_bundle = bundle;
    }
    return port_give(err, &inner, error);
}

void sotay_bundle_limit(sotay_bundle *bundle, size_t bytes_max)
{
    bundle->bytes_max = bytes_max < SOTAY_BUNDLE_BYTES_LEAST ? SOTAY_BUNDLE_BYTES_LEAST
                        : bytes_max > ST_BUNDLE_BYTES_MAX    ? ST_BUNDLE_BYTES_MAX
                                                             : bytes_max;
}

void sotay_bundle_spool(sotay_bundle *bundle, sotay_bundle_put put, void *context)
{
    bundle->put = put;
    bundle->put_context = context;
}

void sotay_bundle_free(sotay_bundle *bundle)
{
    if (bundle == NULL)
        return;
    client_abort(bundle->client);
    bundle->client->has_signature = false;
    bundle->client->is_syncing = bundle->client->is_closed = false;
    outbox_seal_free(&bundle->seal);
    st_arena_reset(&bundle->arena);
    st_buffer_free(&bundle->bytes);
    st_buffer_free(&bundle->frame);
    free(bundle);
}

static st_err keep_part(sotay_bundle *b, st_error *error)
{
    if (b->put == NULL)
        return st_buffer_append(&b->bytes, b->frame.data, b->frame.len, error);
    sotay_error from = { SOTAY_OK, "" };
    return port_error(b->put(b->put_context, b->frame.data, b->frame.len, &from), &from, error);
}

/* What is given is always given in the same order: the bundle before took the first ones. */
static st_err take_part(void *context, const st_frame *frame, st_error *error)
{
    sotay_bundle *b = context;
    if (b->offered++ < b->given_before)
        return ST_OK;
    st_buffer_clear(&b->frame);
    st_err err = st_frame_encode(frame, &b->frame, error);
    size_t head = ST_BUNDLE_MAGIC_BYTES + HEAD_ROOM + (b->parts_count + 1) * LISTED_BYTES;
    if (err == ST_OK && (b->parts_bytes + b->frame.len + head > b->bytes_max ||
                         b->parts_count == ST_BUNDLE_PARTS_MAX))
        return ST_E_TOO_LARGE;
    st_bundle_part *parts = b->parts;
    if (err == ST_OK && b->parts_count == b->parts_capacity)
        parts = st_arena_grow(&b->arena, parts, b->parts_count, &b->parts_capacity, sizeof *parts);
    if (err == ST_OK && parts == NULL)
        err = st_fail(error, ST_E_MEMORY, "bundle: no memory");
    if (err == ST_OK)
        err = keep_part(b, error);
    if (err != ST_OK)
        return err == ST_E_TOO_LARGE ? st_fail(error, ST_E_MEMORY, "bundle: no memory") : err;
    b->parts = parts;
    b->parts_bytes += b->frame.len;
    st_bundle_part *part = &b->parts[b->parts_count++];
    part->hash = st_sha256(b->frame.data, b->frame.len);
    part->bytes = (uint32_t)b->frame.len;
    return ST_OK;
}

static st_err gather(sotay_bundle *b, st_error *error)
{
    const give_to to = { b, NULL, NULL, take_part };
    const identity *me = &b->client->me;
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    b->offered = 0;
    st_err err = client_begin(b->client, false, error);
    if (err == ST_OK)
        err = give_all(b->client, &to, &b->given, error);
    client_abort(b->client);
    client_now(b->client, &wall_ms, &mono_ms);
    b->head.log = me->log;
    b->head.device = me->speaker;
    memcpy(b->head.sign_key, me->sign_key, sizeof b->head.sign_key);
    b->head.made_ms = wall_ms;
    b->head.parts = b->parts;
    b->head.parts_count = (uint32_t)b->parts_count;
    st_bundle_sign_text(&b->head, b->text);
    b->is_gathered = err == ST_OK;
    return err;
}

/* The head in front of the parts that are here, without a second copy of them. */
static st_err put_together(sotay_bundle *b, st_error *error)
{
    st_buffer head;
    uint8_t *room = NULL;
    size_t len = b->bytes.len;
    st_buffer_init(&head, ST_BUNDLE_BYTES_MAX);
    st_err err = st_bundle_head_put(&b->head, &head, error);
    if (err == ST_OK)
        err = st_buffer_room(&b->bytes, head.len, &room, error);
    if (err == ST_OK) {
        memmove(b->bytes.data + head.len, b->bytes.data, len);
        memcpy(b->bytes.data, head.data, head.len);
        b->bytes.len = head.len + len;
        b->is_made = true;
    }
    st_buffer_free(&head);
    return err;
}

/* The one before is with the caller, and had no room for all: the next begins where it ended. */
static void begin_next(sotay_bundle *b)
{
    b->given_before += b->parts_count;
    b->before = b->given;
    b->parts = NULL;
    b->parts_count = b->parts_capacity = 0;
    b->parts_bytes = 0;
    b->is_gathered = b->is_made = false;
    memset(&b->head, 0, sizeof b->head);
    st_arena_reset(&b->arena);
    st_buffer_clear(&b->bytes);
}

static st_err seal_all(sotay_bundle *b, st_error *error)
{
    st_err err = ST_OK;
    bool is_damaged = false; /* a sync says so */
    if (!b->has_drafts_done) {
        b->client->is_closed = false; /* for this step they are ordinary saves */
        err = draft_commit_all(b->client, &is_damaged, error);
        b->client->is_closed = true;
        b->has_drafts_done = err == ST_OK;
    }
    if (err == ST_OK && !b->is_sealed)
        err = outbox_flush(&b->seal, b->client, error);
    b->is_sealed = b->is_sealed || err == ST_OK;
    return err;
}

static st_err make(sotay_bundle *b, st_error *error)
{
    sotay_client *client = b->client;
    sotay_slice text = { b->text, sizeof b->text };
    st_err err = seal_all(b, error);
    if (err == ST_OK && !b->is_gathered)
        err = gather(b, error);
    if (err == ST_OK && !b->is_made)
        err = client_sign(client, client->me.sign_key, text, b->head.signature, error);
    return err == ST_OK && !b->is_made ? put_together(b, error) : err;
}

int sotay_bundle_make(sotay_bundle *bundle, sotay_slice *out_bytes, sotay_bundle_report *out_report,
                      sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_client *client = bundle->client;
    st_err err = bundle->dead;
    if (err != ST_OK)
        err = st_fail(&inner, err, "bundle: it ended with an error before");
    else if (client->waits != CLIENT_IDLE)
        return port_give(st_fail(&inner, ST_E_BUSY, "bundle: a step is still pending"), &inner,
                         error);
    else if (bundle->waits && client->finished != ST_OK)
        err = st_fail(&inner, client->finished, "bundle: the pending step failed");
    if (err == ST_OK && bundle->is_made && bundle->given.more)
        begin_next(bundle);
    if (err == ST_OK)
        err = make(bundle, &inner);
    bundle->waits = err == ST_PENDING;
    if (err != ST_OK && err != ST_PENDING) {
        client_abort(client);
        bundle->dead = err;
    }
    if (err == ST_OK) {
        sotay_slice bytes = { bundle->bytes.data, bundle->bytes.len };
        *out_bytes = bytes;
        const give_report *given = &bundle->given, *before = &bundle->before;
        sotay_bundle_report report = { .sets = given->sets - before->sets,
                                       .pieces = given->pieces - before->pieces,
                                       .receipts = given->receipts - before->receipts,
                                       .more = given->more,
                                       .unreadable = given->unreadable - before->unreadable,
                                       .unsealed = bundle->given_before == 0
                                                       ? outbox_unsealed(client)
                                                       : 0 };
        *out_report = report;
    }
    return port_give(err, &inner, error);
}

/* ---- taking one ---- */

/* Of this book; and by the device that it names, as far as that one is known here. */
static st_err check_maker(sotay_client *client, const st_bundle_head *head, st_error *error)
{
    uint8_t key[32];
    if (st_id_cmp(&head->log, &client->next.log) != 0)
        return st_fail(error, ST_E_DENIED, "bundle: it belongs to another book");
    st_err err = lexicon_device_key(client, &head->device, key, error);
    if (err == ST_OK && memcmp(key, head->sign_key, sizeof key) != 0)
        return st_fail(error, ST_E_SIGNATURE, "bundle: not signed by the device that it names");
    return err == ST_E_NOT_FOUND || book_is_damage(&client->book, err) ? ST_OK : err;
}

static st_err take_frame(sotay_client *client, const st_frame *frame, sotay_bundle_report *report,
                         st_error *error)
{
    bool is_new = false;
    st_err err = ST_OK;
    if (frame->kind == ST_FRAME_PARCEL)
        err = carried_take_parcel(client, &frame->as.parcel, &is_new, error);
    else if (frame->kind == ST_FRAME_RECEIPT)
        err = carried_take_receipt(client, &frame->as.receipt, &is_new, error);
    if (err != ST_OK)
        return err;
    if (!is_new)
        report->known++;
    else if (frame->kind == ST_FRAME_RECEIPT)
        report->receipts++;
    else if (frame->as.parcel.kind == ST_PARCEL_SET)
        report->sets++;
    else
        report->pieces++;
    return ST_OK;
}

/* A bundle that is taken. */
typedef struct {
    sotay_client *client;
    st_bundle_source from;
    st_bundle_head head;
    uint64_t at;           /* of the next part */
    uint32_t part;         /* parts taken so far */
    size_t bytes_at_once;  /* new ones in one transaction */
    sotay_bundle_report report;
    st_buffer bytes;       /* of one part */
} taking;

static uint64_t count_new(const taking *t)
{
    return t->report.sets + t->report.pieces + t->report.receipts;
}

static st_err take_part_of(taking *t, size_t *out_new_bytes, st_error *error)
{
    st_arena arena;
    st_frame frame;
    const st_bundle_part *part = &t->head.parts[t->part];
    uint64_t before = count_new(t);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = st_bundle_part_read(&t->from, t->at, part, &t->bytes, error);
    if (err == ST_OK)
        err = st_frame_decode(t->bytes.data, t->bytes.len, &arena, &frame, error);
    if (err == ST_OK)
        err = take_frame(t->client, &frame, &t->report, error);
    st_arena_reset(&arena);
    t->at += part->bytes;
    t->part++;
    if (count_new(t) > before)
        *out_new_bytes += part->bytes;
    return err;
}

/* As many parts as one transaction takes. */
static st_err take_some(taking *t, st_error *error)
{
    size_t new_bytes = 0;
    st_err err = client_begin(t->client, true, error);
    if (err != ST_OK)
        return err;
    if (t->part == 0)
        err = check_maker(t->client, &t->head, error);
    while (err == ST_OK && t->part < t->head.parts_count && new_bytes < t->bytes_at_once)
        err = take_part_of(t, &new_bytes, error);
    if (err == ST_OK)
        return client_commit(t->client, error);
    client_abort(t->client);
    return err;
}

/* Every part can be read: what cannot is refused before anything is taken. */
static st_err check_parts(taking *t, st_error *error)
{
    uint64_t at = t->at;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < t->head.parts_count; i++) {
        st_arena arena;
        st_frame frame;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = st_bundle_part_read(&t->from, at, &t->head.parts[i], &t->bytes, error);
        if (err == ST_OK)
            err = st_frame_decode(t->bytes.data, t->bytes.len, &arena, &frame, error);
        st_arena_reset(&arena);
        at += t->head.parts[i].bytes;
    }
    return err;
}

static int take(taking *t, sotay_bundle_report *out_report, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&t->bytes, ST_FRAME_BYTES_MAX);
    st_err err = client_need_enrolled(t->client, &inner);
    if (err == ST_OK && t->client->is_syncing)
        err = st_fail(&inner, ST_E_BUSY, "store: a sync is under way");
    if (err == ST_OK)
        err = st_bundle_open(&t->from, &arena, &t->head, &t->at, &inner);
    if (err == ST_OK && t->bytes_at_once < SIZE_MAX)
        err = check_parts(t, &inner);
    do {
        if (err == ST_OK)
            err = take_some(t, &inner);
    } while (err == ST_OK && t->part < t->head.parts_count);
    t->report.more = err == ST_PENDING && t->part < t->head.parts_count;
    if (err == ST_OK || err == ST_PENDING)
        *out_report = t->report;
    st_buffer_free(&t->bytes);
    st_arena_reset(&arena);
    return port_give(err, &inner, error);
}

int sotay_bundle_import(sotay_client *client, const void *data, size_t len,
                        sotay_bundle_report *out_report, sotay_error *error)
{
    taking t = { .client = client, .from = st_bundle_memory(data, len), .bytes_at_once = SIZE_MAX };
    return take(&t, out_report, error);
}

/* What the caller reads from. */
static st_err read_source(void *context, uint64_t at, uint8_t *bytes, size_t len, st_error *error)
{
    const sotay_bundle_source *source = context;
    sotay_error from = { SOTAY_OK, "" };
    return port_error(source->get(source->context, at, bytes, len, &from), &from, error);
}

int sotay_bundle_import_from(sotay_client *client, const sotay_bundle_source *source,
                             sotay_bundle_report *out_report, sotay_error *error)
{
    sotay_bundle_source own = *source;
    taking t = { .client = client,
                 .from = { &own, read_source, own.len },
                 .bytes_at_once = BYTES_AT_ONCE };
    return take(&t, out_report, error);
}
