/* client-lib/src/evidence.c - states without a signature, on their way to the office.
 * Promises: a copy goes only when the log has all it says, or when a backup has it; of a lost
 * bucket, when the server has it.
 * Never: shows what a kept set says as well - that is offered again by itself. */
#include "client-lib/src/evidence.h"

#include <string.h>

#include "client-lib/src/delivered.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/overlay.h"
#include "proto/merge.h"

#define SHOWN_MAX   64u                   /* records in one request */
#define SHOWN_BYTES ((size_t)1024 * 1024) /* of them in one request */

static st_err no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "evidence: no memory");
}

/* ---- setting aside ---- */

/* Is a signed set with the change kept here? One that does not open says nothing any more. */
static st_err is_kept(sotay_client *client, const st_dot *dot, bool *out_kept, st_error *error)
{
    st_arena arena;
    st_set set;
    book_key found, behind = book_key_counter(BOOK_SET, &dot->device, dot->counter);
    book_key_bytes(&behind, "", 1); /* behind the set that begins with it */
    st_err err = book_before(&client->book, &behind, 1 + sizeof dot->device.b, &found, error);
    *out_kept = false;
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    uint64_t first = st_get_u64(found.b + 1 + sizeof dot->device.b);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    err = overlay_set_get(client, dot, first, &arena, &set, error);
    *out_kept = err == ST_OK && dot->counter <= st_set_last(&set);
    st_arena_reset(&arena);
    return err == ST_E_CORRUPT ? ST_OK : err;
}

/* What of the record lies beyond the cut and only here. */
static st_err find_lost(sotay_client *client, const st_record *record, uint64_t cut, bool *is_lost,
                        bool *out_any, st_error *error)
{
    st_err err = ST_OK;
    *out_any = false;
    for (size_t i = 0; err == ST_OK && i < record->metas_count; i++) {
        const st_meta *meta = &record->metas[i];
        bool kept = meta->log_index > 0 && meta->log_index <= cut;
        if (!kept)
            err = is_kept(client, &meta->dot, &kept, error);
        is_lost[i] = !kept;
        *out_any = *out_any || !kept;
    }
    return err;
}

/* Of the record only those changes. */
static st_err reduce(const st_record *record, const bool *is_lost, st_arena *arena,
                     st_record *out_part, st_error *error)
{
    st_record part;
    st_record_init(&part, arena, &record->id, &record->bucket);
    size_t *places = st_arena_array(arena, record->metas_count, sizeof *places);
    part.metas = st_arena_array(arena, record->metas_count, sizeof *part.metas);
    part.lives = st_arena_array(arena, record->lives_count, sizeof *part.lives);
    if (places == NULL || part.metas == NULL || part.lives == NULL)
        return no_memory(error);
    for (size_t i = 0; i < record->metas_count; i++) {
        places[i] = part.metas_count;
        if (is_lost[i])
            part.metas[part.metas_count++] = record->metas[i];
    }
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        if (!is_lost[live->meta])
            continue;
        part.lives[part.lives_count] = *live;
        part.lives[part.lives_count++].meta = (uint32_t)places[live->meta];
    }
    part.created = record->created && is_lost[record->creator];
    part.creator = part.created ? (uint32_t)places[record->creator] : 0;
    part.form = record->form;
    part.form_version = record->form_version;
    part.wrote = record->wrote;
    part.wrote_count = record->wrote_count;
    *out_part = part;
    return ST_OK;
}

/* The record as it may travel: *state when that is small enough, else what is lost of it alone.
 * ST_E_TOO_LARGE, without *error: not even that travels. */
static st_err make_small(const st_record *record, const bool *is_lost, st_arena *arena,
                         book_value *state, st_error *error)
{
    st_record part;
    st_buffer bytes;
    if (state->len <= ST_REPAIR_STATE_MAX)
        return ST_OK;
    st_err err = reduce(record, is_lost, arena, &part, error);
    st_buffer_init(&bytes, ST_REPAIR_STATE_MAX);
    if (err == ST_OK)
        err = st_record_encode(&part, &bytes, NULL);
    const uint8_t *copy = err == ST_OK ? st_arena_copy(arena, bytes.data, bytes.len) : NULL;
    if (copy != NULL)
        *state = (book_value){ copy, bytes.len };
    else if (err == ST_OK || err == ST_E_MEMORY)
        err = no_memory(error);
    st_buffer_free(&bytes);
    return err;
}

/* Rows: record, n be32 -> RecordState. What was set aside of the record before stays. */
static st_err put_row(sotay_client *client, const st_id *record, const book_value *state,
                      st_error *error)
{
    book_key found, behind = book_key_id(BOOK_EVIDENCE, record), key = behind;
    uint8_t n[4] = { 0xff, 0xff, 0xff, 0xff };
    book_key_bytes(&behind, n, sizeof n);
    st_err err = book_before(&client->book, &behind, 1 + sizeof record->b, &found, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    bool has_before = err == ST_OK && found.len == behind.len;
    st_put_u32(n, has_before ? st_get_u32(found.b + 1 + sizeof record->b) + 1 : 0);
    book_key_bytes(&key, n, sizeof n);
    return book_put(&client->book, &key, state->data, state->len, error);
}

static st_err set_aside(sotay_client *client, const st_id *id, bucket_list list, uint64_t cut,
                        st_error *error)
{
    st_arena arena;
    st_record record;
    bool any = false;
    book_value state = { NULL, 0 };
    book_key key = book_key_id(BOOK_BASE, id);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, &key, &arena, &state, error);
    if (err == ST_OK)
        err = st_record_decode(state.data, state.len, &arena, &record, error);
    bool is_ours = err == ST_OK && bucket_among(list, &record.bucket) != NULL;
    bool *is_lost = is_ours ? st_arena_array(&arena, record.metas_count, sizeof *is_lost) : NULL;
    if (is_ours && is_lost == NULL)
        err = no_memory(error);
    if (is_ours && err == ST_OK)
        err = find_lost(client, &record, cut, is_lost, &any, error);
    if (err == ST_OK && any) {
        err = make_small(&record, is_lost, &arena, &state, error);
        if (err == ST_OK || err == ST_E_TOO_LARGE) /* kept here, if it cannot travel */
            err = put_row(client, id, &state, error);
    }
    st_arena_reset(&arena);
    return err == ST_E_CORRUPT ? ST_OK : err;
}

st_err evidence_set_aside(sotay_client *client, const st_id *id, const st_bucket *bucket,
                          uint64_t cut, st_error *error)
{
    return set_aside(client, id, (bucket_list){ bucket, 1 }, cut, error);
}

st_err evidence_forget_these(sotay_client *client, bucket_list list, uint64_t cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id id;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        memcpy(id.b, scan.at.b + 1, sizeof id.b);
        if (err == ST_OK)
            err = set_aside(client, &id, list, cut, error);
    }
    return err == ST_E_NOT_FOUND ? apply_forget_these(client, list, error) : err;
}

st_err evidence_forget(sotay_client *client, const st_bucket *bucket, uint64_t cut,
                       st_error *error)
{
    return evidence_forget_these(client, (bucket_list){ bucket, 1 }, cut, error);
}

/* ---- going through them ---- */

typedef struct {
    st_bucket bucket;
    bucket_state state;
    st_vector vector;
    book_value bytes; /* of the record */
    bool says_more;   /* than the log */
} evidence_row;

/* Reads the row at `scan` and compares it with what the log says now. ST_E_CORRUPT: it is nothing
 * that can be shown. */
static st_err read_row(sotay_client *client, book_scan *scan, st_arena *arena, evidence_row *out,
                       st_error *error)
{
    st_record record;
    memset(out, 0, sizeof *out);
    st_err err = book_scan_next(&client->book, scan, arena, &out->bytes, error);
    if (err == ST_OK)
        err = st_record_decode(out->bytes.data, out->bytes.len, arena, &record, error);
    if (err != ST_OK)
        return err;
    out->bucket = record.bucket;
    err = bucket_get(&client->book, &out->bucket, &out->state, error);
    if (err == ST_OK)
        err = bucket_vector_get(&client->book, &out->bucket, arena, &out->vector, error);
    for (size_t i = 0; err == ST_OK && i < record.metas_count; i++)
        out->says_more = out->says_more ||
                         !(st_vector_has(&out->vector, &record.metas[i].dot) ||
                           st_vector_is_hole(&out->vector, &record.metas[i].dot));
    return err;
}

/* Of a lost bucket the vector is gone too: all of it may say more. */
static bool can_be_shown(const evidence_row *row)
{
    return row->says_more && row->bytes.len <= ST_REPAIR_STATE_MAX;
}

/* A row that is nothing is passed over. A store that cannot be read says the same of every row, and
 * never comes to an end. */
static st_err pass_over(const sotay_client *client, st_err err)
{
    return book_is_damage(&client->book, err) ? ST_OK : err;
}

/* Drops what the log says by now; is there something to be shown? */
static st_err settle(sotay_client *client, bool *out_left, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EVIDENCE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_left = false;
    while (err == ST_OK) {
        st_arena arena;
        evidence_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = read_row(client, &scan, &arena, &row, error);
        if (err == ST_OK && row.state.in_scope && !row.says_more)
            err = book_delete(&client->book, &scan.at, error);
        *out_left = *out_left || (err == ST_OK && can_be_shown(&row));
        st_arena_reset(&arena);
        err = pass_over(client, err);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err evidence_end_round(sotay_sync *sync, st_error *error)
{
    evidence_lane *lane = &sync->evidence;
    bool left = false, moved = lane->has_moved;
    lane->goes_on = lane->has_moved = false;
    lane->rows = NULL;
    lane->rows_count = 0;
    if (sync->is_send_only || sync->more || sync->wants_again || sync->repairs_go_on ||
        sync->applied.too_new)
        return ST_OK;
    st_err err = settle(sync->client, &left, error);
    lane->goes_on = err == ST_OK && left && (!lane->has_asked || moved);
    sync->report.needs_person = sync->report.needs_person || left;
    return err;
}

static st_err show_row(st_arena *arena, const book_key *key, const book_value *state,
                       st_repair_evidence *out, st_error *error)
{
    memcpy(out->record.b, key->b + 1, sizeof out->record.b);
    out->state = st_arena_copy(arena, state->data, state->len);
    out->state_len = state->len;
    return out->state == NULL ? no_memory(error) : ST_OK;
}

/* Those of one bucket that is read here, or of one that is not. */
static st_err show_rows(sotay_sync *sync, bool in_scope, st_arena *arena, st_repair_ask *out_ask,
                        st_repair_evidence *shown, st_error *error)
{
    evidence_lane *lane = &sync->evidence;
    book_key prefix = book_key_of(BOOK_EVIDENCE);
    book_scan scan = book_scan_of(&prefix);
    size_t bytes = 0;
    st_err err = ST_OK;
    while (err == ST_OK && lane->rows_count < SHOWN_MAX && bytes < SHOWN_BYTES) {
        st_arena one;
        evidence_row row;
        st_arena_init(&one, CLIENT_WORK_BYTES_MAX);
        err = read_row(sync->client, &scan, &one, &row, error);
        bool fits = err == ST_OK && can_be_shown(&row) && row.state.in_scope == in_scope &&
                    (lane->rows_count == 0 || strcmp(row.bucket.s, out_ask->bucket.s) == 0);
        err = pass_over(sync->client, err);
        if (fits) {
            out_ask->bucket = row.bucket;
            out_ask->cursor = row.state.cursor;
            out_ask->sum = row.state.sum;
            err = show_row(arena, &scan.at, &row.bytes, &shown[lane->rows_count], error);
            lane->rows[lane->rows_count++] = scan.at;
            bytes += row.bytes.len;
        }
        st_arena_reset(&one);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Those of a lost bucket come last: an older server never answers them, and they hide no other. */
st_err evidence_ask(sotay_sync *sync, st_arena *arena, st_repair_ask *out_ask, bool *out_asks,
                    st_error *error)
{
    evidence_lane *lane = &sync->evidence;
    memset(out_ask, 0, sizeof *out_ask);
    *out_asks = false;
    if (!lane->goes_on)
        return ST_OK;
    st_repair_evidence *shown = st_arena_array(arena, SHOWN_MAX, sizeof *shown);
    lane->rows = st_arena_array(&sync->arena, SHOWN_MAX, sizeof *lane->rows);
    lane->rows_count = 0;
    if (shown == NULL || lane->rows == NULL)
        return no_memory(error);
    st_err err = show_rows(sync, true, arena, out_ask, shown, error);
    if (err == ST_OK && lane->rows_count == 0)
        err = show_rows(sync, false, arena, out_ask, shown, error);
    lane->bucket = out_ask->bucket;
    out_ask->evidence = shown;
    out_ask->evidence_count = (uint32_t)lane->rows_count;
    *out_asks = lane->has_asked = lane->rows_count > 0;
    return err;
}

st_err evidence_take(sotay_sync *sync, const st_bucket *bucket, st_error *error)
{
    evidence_lane *lane = &sync->evidence;
    bucket_state state;
    if (lane->rows_count == 0 || strcmp(bucket->s, lane->bucket.s) != 0)
        return ST_OK;
    st_err err = bucket_get(&sync->client->book, bucket, &state, error);
    for (size_t i = 0; err == ST_OK && i < lane->rows_count; i++)
        err = state.in_scope ? delivered_keep(sync->client, &lane->rows[i], 0, error)
                             : book_delete(&sync->client->book, &lane->rows[i], error);
    lane->rows_count = 0;
    lane->has_moved = true;
    return err;
}

st_err evidence_close_bucket(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_record record;
        book_value bytes = { NULL, 0 };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = delivered_next(client, &scan, &key, error);
        bool is_state = err == ST_OK && key.b[0] == BOOK_EVIDENCE;
        if (is_state)
            err = book_get(&client->book, &scan.at, &arena, &bytes, error);
        if (is_state && err == ST_OK)
            err = st_record_decode(bytes.data, bytes.len, &arena, &record, error);
        if (is_state && err == ST_OK && strcmp(record.bucket.s, bucket->s) == 0)
            err = book_delete(&client->book, &scan.at, error);
        st_arena_reset(&arena);
        err = pass_over(client, err);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err evidence_count(sotay_client *client, uint64_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EVIDENCE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_count = 0;
    while (err == ST_OK) {
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        *out_count += err == ST_OK ? 1 : 0;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
