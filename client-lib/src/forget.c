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
#include "client-lib/src/forget.h"
#include "client-lib/src/purge.h"
#include "client-lib/src/snapshot.h"
#include "proto/merge.h"

/* The bucket of the list that the record of the base is in; NULL: another one. One that does not
 * open may be of any: it is left. */
static st_err find_bucket(sotay_client *client, const st_id *id, bucket_list list,
                          const st_bucket **out_bucket, st_error *error)
{
    st_arena arena;
    st_record record;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_base_get(client, id, &arena, &record, error);
    *out_bucket = err == ST_OK ? bucket_among(list, &record.bucket) : NULL;
    st_arena_reset(&arena);
    return err == ST_E_CORRUPT ? ST_OK : err;
}

/* Damaged lines go with a record of the bucket, whosesoever they are: other buckets bring theirs
 * again. Where these were found already, they are noted. */
static st_err has_damaged(sotay_client *client, const st_id *record, bool *out_has, st_error *error)
{
    bool is_found = false;
    *out_has = false;
    st_err err = anew_is_found(client, record, &is_found, error);
    return err == ST_OK && !is_found ? apply_line_damaged(client, record, out_has, error) : err;
}

static st_err drop_record(sotay_client *client, const st_id *record, const st_bucket *bucket,
                          st_error *error)
{
    book_key base = book_key_id(BOOK_BASE, record);
    st_err err = book_delete(&client->book, &base, error);
    if (err == ST_OK)
        err = forget_lines(client, record, bucket, true, error);
    return err == ST_OK ? overlay_row_renew(client, record, error) : err;
}

st_err apply_forget_record(sotay_client *client, const st_id *record, const st_bucket *bucket,
                           st_error *error)
{
    anew_lost lost = { .record = *record, .home = bucket, .is_but_home = true };
    bool is_damaged = false;
    st_err err = has_damaged(client, record, &is_damaged, error);
    if (err == ST_OK && is_damaged)
        err = anew_note_found(client, &lost, 1, error);
    return err == ST_OK ? drop_record(client, record, bucket, error) : err;
}

/* What is forgotten of which lines are damaged. */
typedef struct {
    st_arena arena;
    anew_lost *list;
    size_t count, capacity;
} lost_list;

static st_err add_damaged(lost_list *lost, sotay_client *client, const st_id *record,
                          const st_bucket *bucket, st_error *error)
{
    bool is_damaged = false;
    anew_lost *list = lost->list;
    st_err err = has_damaged(client, record, &is_damaged, error);
    if (err != ST_OK || !is_damaged)
        return err;
    if (lost->count == lost->capacity)
        list = st_arena_grow(&lost->arena, list, lost->count, &lost->capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "store: no memory");
    lost->list = list;
    list[lost->count++] = (anew_lost){ .record = *record, .home = bucket, .is_but_home = true };
    return ST_OK;
}

static st_err drop_each(sotay_client *client, bucket_list list, lost_list *lost,
                        uint64_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        const st_bucket *bucket = NULL;
        st_id id;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        memcpy(id.b, scan.at.b + 1, sizeof id.b);
        if (err == ST_OK)
            err = find_bucket(client, &id, list, &bucket, error);
        if (err == ST_OK && bucket != NULL)
            err = add_damaged(lost, client, &id, bucket, error);
        if (err == ST_OK && bucket != NULL)
            err = drop_record(client, &id, bucket, error);
        *out_count += err == ST_OK && bucket != NULL;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err drop_records(sotay_client *client, bucket_list list, uint64_t *out_count,
                           st_error *error)
{
    lost_list lost = { .list = NULL };
    st_arena_init(&lost.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = drop_each(client, list, &lost, out_count, error);
    if (err == ST_OK)
        err = anew_note_found(client, lost.list, lost.count, error);
    st_arena_reset(&lost.arena);
    return err;
}

/* One of which there is no note gets one; *io_any is set then. */
static st_err show_change(sotay_client *client, const outbox_set *own, const st_change *change,
                          bool *io_any, st_error *error)
{
    overlay_entry entry;
    st_err err = overlay_get(&client->book, &change->record, &change->dot, &entry, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    memset(&entry, 0, sizeof entry);
    entry.dot = change->dot;
    entry.first = own->first;
    entry.status = own->status == OUTBOX_UNSENT ? OVERLAY_SEALED : OVERLAY_SENT;
    *io_any = true;
    err = overlay_put(&client->book, &change->record, &entry, error);
    /* one that is damaged comes anew with its bucket */
    return err == ST_OK ? overlay_row_settle(client, &change->record, error) : err;
}

static st_err show_set(sotay_client *client, const outbox_set *own, const st_set *set,
                       st_error *error)
{
    bool any = false;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        err = show_change(client, own, &set->changes[i], &any, error);
    return err;
}

static st_err show_of(sotay_client *client, const outbox_set *own, bucket_list list,
                      st_error *error)
{
    st_set set;
    st_arena arena;
    st_dot at = { own->device, own->first };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    bool is_lost = book_is_damage(&client->book, err);
    if (err == ST_OK && bucket_among(list, &set.bucket) != NULL)
        err = show_set(client, own, &set, error);
    st_arena_reset(&arena);
    return is_lost ? ST_OK : err; /* nobody can be shown it, and it comes again */
}

st_err apply_show_set(sotay_client *client, const outbox_set *own, const st_bucket *bucket,
                      st_error *error)
{
    return show_of(client, own, (bucket_list){ bucket, 1 }, error);
}

static st_err read_vector(sotay_client *client, const st_bucket *bucket, apply_vector *io_read,
                          st_error *error)
{
    if (strcmp(io_read->bucket.s, bucket->s) == 0)
        return ST_OK;
    st_arena_reset(&io_read->arena);
    memset(&io_read->bucket, 0, sizeof io_read->bucket);
    st_err err =
        bucket_vector_get(&client->book, bucket, &io_read->arena, &io_read->vector, error);
    if (err == ST_OK)
        io_read->bucket = *bucket;
    return err;
}

st_err apply_show_told(sotay_client *client, const outbox_set *own, apply_vector *io_read,
                       bool *out_any, st_error *error)
{
    st_set set;
    st_arena arena;
    st_dot at = { own->device, own->first };
    *out_any = false;
    memset(&set, 0, sizeof set);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &at, own->first, &arena, &set, error);
    if (err == ST_OK)
        err = read_vector(client, &set.bucket, io_read, error);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count; i++)
        if (!st_vector_has(&io_read->vector, &set.changes[i].dot))
            err = show_change(client, own, &set.changes[i], out_any, error);
    st_arena_reset(&arena);
    return book_is_damage(&client->book, err) ? ST_OK : err;
}

/* Until the server sends it anew, nobody else has it here. Held sets have their notes all along. */
static st_err show_own(sotay_client *client, bucket_list list, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        outbox_set own;
        err = outbox_next(&client->book, &scan, &own, error);
        if (err == ST_OK && own.status != OUTBOX_HELD && !own.is_closed)
            err = show_of(client, &own, list, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err forget_place(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    bucket_state state;
    book_key vector = book_key_text(BOOK_VECTOR, bucket->s);
    st_err err = bucket_get(&client->book, bucket, &state, error);
    state.cursor = 0;
    state.is_whole = false;
    memset(&state.sum, 0, sizeof state.sum);
    if (err == ST_OK)
        err = bucket_put(&client->book, bucket, &state, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &vector, error);
    if (err == ST_OK)
        err = snapshot_clear(&client->book, bucket, error);
    return err == ST_OK ? anew_forget(client, bucket, error) : err;
}

/* The same as apply_forget_these, and how many records it were. */
static st_err forget(sotay_client *client, bucket_list list, uint64_t *out_count, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < list.count; i++)
        err = forget_place(client, &list.names[i], error);
    if (err == ST_OK) /* also of records that are in another one */
        err = forget_lines_of(client, list, error);
    if (err == ST_OK)
        err = drop_records(client, list, out_count, error);
    return err == ST_OK ? show_own(client, list, error) : err;
}

st_err apply_forget_these(sotay_client *client, bucket_list list, st_error *error)
{
    uint64_t count = 0;
    client->next.position = 0;    /* they are read from their beginning, the others are not */
    return forget(client, list, &count, error);
}

st_err apply_forget(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    return apply_forget_these(client, (bucket_list){ bucket, 1 }, error);
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
        err = forget(client, (bucket_list){ bucket, 1 }, &owed.records, error);
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
    const bucket_list kept = { scope->buckets, scope->buckets_count };
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err != ST_OK || !state.in_scope || bucket_among(kept, &bucket) != NULL)
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
