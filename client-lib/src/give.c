/* client-lib/src/give.c - goes through what is kept here for the server.
 * Promises: whoever may not read a bucket gets its sets sealed to the server; giving changes
 * nothing here.
 * Never: gives what the server is known to have. */
#include "client-lib/src/give.h"

#include <string.h>

#include "client-lib/src/attach.h"
#include "client-lib/src/closed.h"

typedef struct {
    sotay_client *client;
    const give_to *to;
    give_report report;
    st_buffer sealed;
} giving;

static st_err emit_parcel(giving *g, st_parcel *parcel, const st_frame *inside, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    st_err err =
        st_parcel_seal(g->client->me.seal_key, inside, parcel, &g->sealed, error);
    frame.as.parcel = *parcel;
    return err == ST_OK ? g->to->emit(g->to->context, &frame, error) : err;
}

static st_err give_set(giving *g, const st_set *set, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_SET };
    const give_to *to = g->to;
    st_err err = ST_OK;
    frame.as.set.bytes = set->bytes;
    frame.as.set.len = set->bytes_len;
    bool in_open = to->may_read != NULL && to->may_read(to->context, &set->bucket);
    if (to->has != NULL && to->has(to->context, &set->device, set->first, &set->hash, in_open))
        return ST_OK;
    if (in_open) {
        err = to->emit(to->context, &frame, error);
    } else {
        st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = set->device, .first = set->first,
                             .name = set->hash };
        err = emit_parcel(g, &parcel, &frame, error);
    }
    g->report.sets += err == ST_OK;
    return err;
}

static bool has_parcel(const give_to *to, const st_parcel *parcel)
{
    return to->has != NULL &&
           to->has(to->context, &parcel->owner, parcel->first, &parcel->name, false);
}

/* Of a bucket that was lost: as it was sealed then. */
static st_err give_closed(giving *g, const outbox_set *own, st_error *error)
{
    st_arena arena;
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    st_parcel *parcel = &frame.as.parcel;
    const give_to *to = g->to;
    st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
    st_err err = closed_get(g->client, &own->device, own->first, &arena, parcel, error);
    bool goes = err == ST_OK && !has_parcel(to, parcel);
    if (goes)
        err = to->emit(to->context, &frame, error);
    g->report.sets += goes && err == ST_OK;
    st_arena_reset(&arena);
    return err;
}

static st_err give_open(giving *g, const outbox_set *own, st_error *error)
{
    st_arena arena;
    st_set set;
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &own->device, own->first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get_whole(&g->client->book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = st_set_decode(value.data, value.len, &arena, &set, error);
    if (err == ST_OK)
        err = give_set(g, &set, error);
    st_arena_reset(&arena);
    return err;
}

static st_err give_waiting(giving *g, const outbox_set *own, st_error *error)
{
    st_err err = own->is_closed ? give_closed(g, own, error) : give_open(g, own, error);
    g->report.unreadable += err == ST_E_NOT_FOUND && own->status != OUTBOX_LOST;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* One that cannot be read keeps no other from going: that it is left out is said. */
static st_err give_own(giving *g, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set own;
        err = outbox_next(&g->client->book, &scan, &own, error);
        if (err == ST_OK && outbox_waits(&own))
            err = give_waiting(g, &own, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err give_taken(giving *g, st_error *error)
{
    book_key prefix = book_key_of(BOOK_TAKEN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        carried_set taken;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = carried_next_set(g->client, &scan, &arena, &taken, error);
        if (err == ST_OK && !taken.is_delivered) {
            err = st_set_decode(taken.bytes, taken.len, &arena, &set, error);
            if (err == ST_OK)
                err = give_set(g, &set, error);
        }
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err give_parcels(giving *g, st_error *error)
{
    book_key prefix = book_key_of(BOOK_PARCEL);
    book_scan scan = book_scan_of(&prefix);
    const give_to *to = g->to;
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_frame frame = { .kind = ST_FRAME_PARCEL };
        const st_parcel *parcel = &frame.as.parcel;
        st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
        err = carried_next_parcel(g->client, &scan, &arena, &frame.as.parcel, error);
        bool is_set = parcel->kind == ST_PARCEL_SET;
        bool goes = err == ST_OK && !(is_set && has_parcel(to, parcel));
        if (goes)
            err = to->emit(to->context, &frame, error);
        if (goes && err == ST_OK)
            *(is_set ? &g->report.sets : &g->report.pieces) += 1;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err give_receipts(giving *g, st_error *error)
{
    book_key prefix = book_key_of(BOOK_RECEIPT);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_frame frame = { .kind = ST_FRAME_RECEIPT };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = carried_next_receipt(g->client, &scan, &arena, &frame.as.receipt, error);
        if (err == ST_OK)
            err = g->to->emit(g->to->context, &frame, error);
        g->report.receipts += err == ST_OK;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- files ---- */

static st_err give_piece(giving *g, const st_id *record, const st_hash *hash, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_frame inside = { .kind = ST_FRAME_HAVE_ASK };
    st_parcel parcel = { .kind = ST_PARCEL_PIECE, .owner = *record, .name = *hash };
    book_key key = book_key_of(BOOK_CHUNK);
    book_key_bytes(&key, hash->b, sizeof hash->b);
    st_arena_init(&arena, (size_t)ST_CHUNK_BYTES_MAX * 2);
    st_err err = book_get(&g->client->book, &key, &arena, &value, error);
    st_chunk chunk = { value.data, value.len };
    inside.as.have_ask.record = *record;
    inside.as.have_ask.chunks = &chunk;
    inside.as.have_ask.chunks_count = 1;
    if (err == ST_OK)
        err = emit_parcel(g, &parcel, &inside, error);
    g->report.pieces += err == ST_OK;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err; /* one that is missing stops no other */
}

static st_err give_file(giving *g, const book_key *key, const attach_row *row, st_error *error)
{
    st_id record;
    bool is_given = false;
    st_err err = attach_record(g->client, key, &record, error);
    if (err == ST_OK)
        err = attach_is_given(g->client, &record, key, &is_given, error);
    for (uint32_t i = 0; err == ST_OK && is_given && i < row->count; i++)
        err = give_piece(g, &record, &row->hashes[i], error);
    return err;
}

static st_err give_files(giving *g, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        attach_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = attach_next(&g->client->book, &scan, &arena, &row, error);
        if (err == ST_OK && attach_waits(g->client, &row))
            err = give_file(g, &scan.at, &row, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err give_all(sotay_client *client, const give_to *to, give_report *out_report, st_error *error)
{
    giving g = { .client = client, .to = to };
    st_buffer_init(&g.sealed, ST_PARCEL_BYTES_MAX);
    st_err err = give_receipts(&g, error);
    if (err == ST_OK)
        err = give_own(&g, error);
    if (err == ST_OK)
        err = give_taken(&g, error);
    if (err == ST_OK)
        err = give_parcels(&g, error);
    if (err == ST_OK)
        err = give_files(&g, error);
    st_buffer_free(&g.sealed);
    g.report.more = err == ST_E_TOO_LARGE;
    if (err == ST_OK || err == ST_E_TOO_LARGE)
        *out_report = g.report;
    return err == ST_E_TOO_LARGE ? ST_OK : err;
}
