/* client-lib/src/forget.c - scope changes and the dropping of a bucket's base.
 * Promises: own work stays, and stays readable while the bucket is ours: what the base had of it is
 * folded over the base again; of a lost bucket, what was sent is sealed to the server and not read.
 * Never: touches what is unsent. */
#include <string.h>

#include "client-lib/src/anew.h"
#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/evidence.h"
#include "client-lib/src/purge.h"
#include "client-lib/src/snapshot.h"

/* Is the record of the base in the bucket? One that does not open may be of any: it is left. */
static st_err is_in(sotay_client *client, const st_id *id, const st_bucket *bucket, bool *out_in,
                    st_error *error)
{
    st_arena arena;
    st_record record;
    book_value value = { NULL, 0 };
    book_key key = book_key_id(BOOK_BASE, id);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = st_record_decode(value.data, value.len, &arena, &record, error);
    *out_in = err == ST_OK && strcmp(record.bucket.s, bucket->s) == 0;
    st_arena_reset(&arena);
    return err == ST_E_CORRUPT ? ST_OK : err;
}

/* Lines of histories that go with a bucket. Many stand for one entry, so for one set. */
typedef struct {
    sotay_client *client;
    const st_bucket *bucket;
    bool lost_too;  /* also those of which nothing says whose they are */
    uint64_t index; /* of the entry that was looked at last; 0: none */
    bool is_of;     /* the bucket */
} line_drop;

/* Came the line with a set of the bucket? */
static st_err look_at(line_drop *d, const book_key *key, bool *out_is, st_error *error)
{
    st_arena arena;
    apply_line line;
    st_set set;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&d->client->book, key, &arena, &value, error);
    if (err == ST_OK)
        err = apply_line_read(key, &value, &line, error);
    if (err == ST_OK && line.index != d->index) {
        const st_dot dot = { line.device, line.counter };
        err = overlay_set_get(d->client, &dot, line.first, &arena, &set, error);
        d->index = err == ST_OK ? line.index : 0;
        d->is_of = err == ST_OK && strcmp(set.bucket.s, d->bucket->s) == 0;
    }
    *out_is = err == ST_OK ? d->is_of : d->lost_too;
    st_arena_reset(&arena);
    bool is_lost = err == ST_E_VERSION || err == ST_E_CORRUPT;
    return is_lost && d->client->book.failed == ST_OK ? ST_OK : err;
}

static st_err drop_lines(line_drop *d, const book_key *prefix, st_error *error)
{
    book_scan scan = book_scan_of(prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        bool goes = false;
        err = book_scan_next(&d->client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = look_at(d, &scan.at, &goes, error);
        if (err == ST_OK && goes)
            err = book_delete(&d->client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err apply_forget_lines(sotay_client *client, const st_id *record, const st_bucket *bucket,
                          st_error *error)
{
    line_drop d = { .client = client, .bucket = bucket };
    book_key prefix = book_key_id(BOOK_HIST, record);
    return drop_lines(&d, &prefix, error);
}

st_err apply_forget_record(sotay_client *client, const st_id *record, const st_bucket *bucket,
                           st_error *error)
{
    line_drop d = { .client = client, .bucket = bucket, .lost_too = true };
    book_key base = book_key_id(BOOK_BASE, record), lines = book_key_id(BOOK_HIST, record);
    st_err err = book_delete(&client->book, &base, error);
    if (err == ST_OK)
        err = drop_lines(&d, &lines, error);
    return err == ST_OK ? overlay_row_refresh(client, record, error) : err;
}

static st_err drop_records(sotay_client *client, const st_bucket *bucket, uint64_t *out_count,
                           st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        bool in = false;
        st_id id;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        memcpy(id.b, scan.at.b + 1, sizeof id.b);
        if (err == ST_OK)
            err = is_in(client, &id, bucket, &in, error);
        if (err == ST_OK && in)
            err = apply_forget_record(client, &id, bucket, error);
        *out_count += err == ST_OK && in;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err show_set(sotay_client *client, const outbox_set *own, const st_set *set,
                       st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        overlay_entry entry;
        err = overlay_get(&client->book, &change->record, &change->dot, &entry, error);
        if (err != ST_E_NOT_FOUND)
            continue;
        memset(&entry, 0, sizeof entry);
        entry.dot = change->dot;
        entry.first = set->first;
        entry.status = own->status == OUTBOX_UNSENT ? OVERLAY_SEALED : OVERLAY_SENT;
        err = overlay_put(&client->book, &change->record, &entry, error);
        if (err == ST_OK)
            err = overlay_row_refresh(client, &change->record, error);
    }
    return err;
}

st_err apply_show_set(sotay_client *client, const outbox_set *own, const st_bucket *bucket,
                      st_error *error)
{
    st_set set;
    st_arena arena;
    st_dot at = { own->device, own->first };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    if (err == ST_OK && strcmp(set.bucket.s, bucket->s) == 0)
        err = show_set(client, own, &set, error);
    st_arena_reset(&arena);
    return err;
}

/* Until the server sends it anew, nobody else has it here. Held sets have their notes all along. */
static st_err show_own(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set own;
        err = outbox_next(&client->book, &scan, &own, error);
        if (err == ST_OK && own.status != OUTBOX_HELD && !own.is_closed)
            err = apply_show_set(client, &own, bucket, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The same as apply_forget, and how many records it were. */
static st_err forget(sotay_client *client, const st_bucket *bucket, uint64_t *out_count,
                     st_error *error)
{
    bucket_state state;
    line_drop d = { .client = client, .bucket = bucket };
    book_key vector = book_key_text(BOOK_VECTOR, bucket->s), lines = book_key_of(BOOK_HIST);
    st_err err = bucket_get(&client->book, bucket, &state, error);
    state.cursor = 0;
    memset(&state.sum, 0, sizeof state.sum);
    if (err == ST_OK)
        err = bucket_put(&client->book, bucket, &state, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &vector, error);
    if (err == ST_OK)
        err = snapshot_clear(&client->book, bucket, error);
    if (err == ST_OK)
        err = anew_forget(client, bucket, error);
    if (err == ST_OK) /* also of records that are in another one */
        err = drop_lines(&d, &lines, error);
    if (err == ST_OK)
        err = drop_records(client, bucket, out_count, error);
    return err == ST_OK ? show_own(client, bucket, error) : err;
}

st_err apply_forget(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    uint64_t count = 0;
    client->next.position = 0;    /* it is read from its beginning, the others are not */
    return forget(client, bucket, &count, error);
}

st_err apply_forget_all(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK)
            err = apply_forget(client, &bucket, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static bool scope_has(const st_scope *scope, const st_bucket *bucket)
{
    for (uint32_t i = 0; i < scope->buckets_count; i++)
        if (strcmp(scope->buckets[i].s, bucket->s) == 0)
            return true;
    return false;
}

static st_err lose_bucket(sotay_client *client, const st_bucket *bucket, uint64_t rev,
                          st_error *error)
{
    bucket_state state;
    purge_owed owed = { .rev = rev };
    uint64_t mono_ms = 0;
    client_now(client, &owed.wall_ms, &mono_ms);
    st_err err = bucket_get(&client->book, bucket, &state, error);
    uint64_t read_to = state.cursor > client->next.position ? state.cursor : client->next.position;
    if (err == ST_OK)
        err = forget(client, bucket, &owed.records, error);
    if (err == ST_OK)
        err = closed_bucket(client, bucket, read_to, &owed.kept, error);
    if (err == ST_OK)
        err = purge_owe(client, bucket, &owed, error);
    if (err == ST_OK)
        err = carried_close_bucket(client, bucket, error);
    if (err == ST_OK)
        err = evidence_close_bucket(client, bucket, error);
    if (err == ST_OK)
        err = attach_forget(client, error);
    if (err == ST_OK)
        err = bucket_get(&client->book, bucket, &state, error);
    state.in_scope = false;
    return err == ST_OK ? bucket_put(&client->book, bucket, &state, error) : err;
}

static st_err lose_buckets(sotay_client *client, const st_scope *scope, bool *out_lost,
                           st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err != ST_OK || !state.in_scope || scope_has(scope, &bucket))
            continue;
        err = lose_bucket(client, &bucket, scope->rev, error);
        *out_lost = true;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err apply_scope(sotay_client *client, const st_scope *scope, bool *out_lost, st_error *error)
{
    identity *next = &client->next;
    st_err err = purge_scope(client, scope, error);
    if (err == ST_OK)
        err = lose_buckets(client, scope, out_lost, error);
    for (uint32_t i = 0; err == ST_OK && i < scope->buckets_count; i++) {
        bucket_state state;
        err = bucket_get(&client->book, &scope->buckets[i], &state, error);
        if (err != ST_OK || state.in_scope)
            continue;
        state.in_scope = true;
        next->position = 0; /* not all buckets stand at one position any more */
        err = bucket_put(&client->book, &scope->buckets[i], &state, error);
    }
    if (err != ST_OK)
        return err;
    next->scope_rev = scope->rev;
    next->roles_count = 0;
    for (uint32_t i = 0; i < scope->roles_count && i < IDENTITY_ROLES_MAX; i++)
        next->roles[next->roles_count++] = scope->roles[i];
    return ST_OK;
}
