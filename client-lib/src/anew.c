/* client-lib/src/anew.c - which records are to be made anew although their sums are right.
 * Promises: a note goes only when the record came again, or its bucket does, or is lost.
 * Never: says what is wrong with a record; the log says what is right. */
#include "client-lib/src/anew.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/outbox.h"

static book_key key_of(const st_id *record, const st_bucket *bucket)
{
    book_key key = book_key_id(BOOK_ANEW, record);
    book_key_bytes(&key, bucket->s, strlen(bucket->s));
    return key;
}

st_err anew_note(sotay_client *client, const st_id *record, const st_bucket *bucket,
                 st_error *error)
{
    bool has = false; /* one that was found stays so */
    book_key key = key_of(record, bucket);
    st_err err = book_has(&client->book, &key, &has, error);
    return err == ST_OK && !has ? book_put(&client->book, &key, "", 0, error) : err;
}

/* One bucket of those that were looked for, where it is read here. */
static st_err note_in_scope(sotay_client *client, const st_id *record, const st_bucket *bucket,
                            const st_bucket *but, st_error *error)
{
    bucket_state state;
    if (but != NULL && strcmp(bucket->s, but->s) == 0)
        return ST_OK;
    book_key key = key_of(record, bucket);
    st_err err = bucket_get(&client->book, bucket, &state, error);
    return err == ST_OK && state.in_scope ? book_put(&client->book, &key, "+", 1, error) : err;
}

/* Is the set of an own held change damaged? */
static st_err has_lost_held(sotay_client *client, const st_id *record, bool *out_has,
                            st_error *error)
{
    st_arena arena;
    overlay_walk walk;
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    overlay_walk_begin(&walk, client, record, &arena);
    *out_has = false;
    while (err == ST_OK && !*out_has) {
        overlay_entry entry;
        const st_change *change = NULL;
        const st_set *set = NULL;
        err = overlay_walk_next(&walk, &entry, &change, &set, error);
        bool is_damaged = book_is_damage(&client->book, err);
        *out_has = is_damaged && entry.status == OVERLAY_HELD;
        err = is_damaged ? ST_OK : err;
    }
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err anew_note_held(sotay_client *client, const st_record *record, bool *out_noted,
                      st_error *error)
{
    bool is_held = false;
    bucket_state state;
    *out_noted = false;
    st_err err = has_lost_held(client, &record->id, &is_held, error);
    if (err == ST_OK && is_held)
        err = bucket_get(&client->book, &record->bucket, &state, error);
    if (err != ST_OK || !is_held || !state.in_scope)
        return err;
    *out_noted = true;
    return anew_note(client, &record->id, &record->bucket, error);
}

/* ---- held sets that no page is about ---- */

typedef struct {
    st_id record;
    st_bucket bucket;
} lost_held;

typedef struct {
    sotay_client *client;
    st_arena arena; /* of the list */
    lost_held *list;
    size_t count, capacity;
} held_search;

/* Is it in the log, and its set not to be read here? Of a fork, and of what nobody reads, nothing
 * comes. */
static st_err is_lost_held(sotay_client *client, const st_id *record, const st_dot *dot,
                           bool *out_is, st_error *error)
{
    overlay_entry entry;
    outbox_set own = { .position = 0 };
    bool opens = true;
    *out_is = false;
    st_err err = overlay_get(&client->book, record, dot, &entry, error);
    if (err != ST_OK || entry.status != OVERLAY_HELD || entry.hold == ST_HOLD_FORK ||
        entry.hold == ST_HOLD_CORRUPT)
        return err;
    book_key key = book_key_counter(BOOK_SET, &dot->device, entry.first);
    err = outbox_get(&client->book, &dot->device, entry.first, &own, error);
    if (err == ST_OK && own.position > 0)
        err = book_opens(&client->book, &key, &opens, error);
    *out_is = err == ST_OK && !opens;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The bucket of the record, where that is read here and it is not noted there. */
static st_err home_of(sotay_client *client, const st_id *id, st_bucket *out_bucket, bool *out_is,
                      st_error *error)
{
    st_arena arena;
    st_record record;
    bucket_state state;
    bool has = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    *out_is = false;
    st_err err = overlay_base_get(client, id, &arena, &record, error);
    bool says_nothing = err == ST_E_NOT_FOUND ||
                        book_is_damage(&client->book, err);
    if (err == ST_OK) {
        book_key key = key_of(id, &record.bucket);
        *out_bucket = record.bucket;
        err = book_has(&client->book, &key, &has, error);
    }
    if (err == ST_OK)
        err = bucket_get(&client->book, out_bucket, &state, error);
    *out_is = err == ST_OK && state.in_scope && !has;
    st_arena_reset(&arena);
    return says_nothing ? ST_OK : err;
}

static st_err look_at(held_search *s, const st_id *record, const st_dot *dot, st_error *error)
{
    lost_held lost = { .record = *record };
    lost_held *list = s->list;
    bool is_it = false;
    st_err err = is_lost_held(s->client, record, dot, &is_it, error);
    if (err == ST_OK && is_it)
        err = home_of(s->client, record, &lost.bucket, &is_it, error);
    if (err != ST_OK || !is_it)
        return err;
    if (s->count == s->capacity)
        list = st_arena_grow(&s->arena, list, s->count, &s->capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    s->list = list;
    s->list[s->count++] = lost;
    return ST_OK;
}

static st_err find_held(held_search *s, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OVER);
    book_scan scan = book_scan_of(&prefix);
    st_err err = client_begin(s->client, false, error);
    while (err == ST_OK) {
        st_id record;
        st_dot dot;
        err = overlay_note_next(&s->client->book, &scan, &record, &dot, error);
        if (err == ST_OK)
            err = look_at(s, &record, &dot, error);
    }
    client_abort(s->client);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err note_held(held_search *s, st_error *error)
{
    st_err err = client_begin(s->client, true, error);
    for (size_t i = 0; err == ST_OK && i < s->count; i++)
        err = anew_note(s->client, &s->list[i].record, &s->list[i].bucket, error);
    if (err == ST_OK)
        return client_commit(s->client, error);
    client_abort(s->client);
    return err;
}

st_err anew_find_held(sotay_client *client, st_error *error)
{
    held_search s = { .client = client };
    if (client->me.standing != ST_STANDING_IN_USE)
        return ST_OK; /* nothing would come */
    st_arena_init(&s.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_held(&s, error);
    if (err == ST_OK && s.count > 0)
        err = note_held(&s, error);
    st_arena_reset(&s.arena);
    return err;
}

/* ---- what is lost does not say where ---- */

static st_err note_all(sotay_client *client, const st_id *record, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&client->book, &scan, &bucket, &state, error);
        if (err == ST_OK)
            err = note_in_scope(client, record, &bucket, NULL, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err note_home(sotay_client *client, const anew_lost *one, st_error *error)
{
    if (one->home == NULL)
        return one->is_made ? ST_OK : note_all(client, &one->record, error);
    return one->is_but_home ? ST_OK
                            : note_in_scope(client, &one->record, one->home, NULL, error);
}

static int compare(const void *a, const void *b)
{
    return st_id_cmp(&((const anew_lost *)a)->record, &((const anew_lost *)b)->record);
}

/* Those of the list that the set names. */
static st_err note_of_set(sotay_client *client, anew_lost *list, size_t count, const st_set *set,
                          st_error *error)
{
    const anew_lost *before = NULL;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const anew_lost key = { .record = set->changes[i].record };
        anew_lost *one = bsearch(&key, list, count, sizeof key, compare);
        if (one == NULL)
            continue;
        one->is_made = one->is_made || set->changes[i].creates;
        if (one != before)
            err = note_in_scope(client, &one->record, &set->bucket,
                                one->is_but_home ? one->home : NULL, error);
        before = one;
    }
    return err;
}

st_err anew_note_found(sotay_client *client, anew_lost *list, size_t count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    if (count == 0)
        return ST_OK;
    qsort(list, count, sizeof *list, compare);
    while (err == ST_OK) {
        st_arena arena;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = overlay_set_next(client, &scan, &arena, &set, error);
        if (err == ST_OK)
            err = note_of_set(client, list, count, &set, error);
        st_arena_reset(&arena);
    }
    err = err == ST_E_NOT_FOUND ? ST_OK : err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = note_home(client, &list[i], error);
    return err;
}

st_err anew_is_found(sotay_client *client, const st_id *record, bool *out_is, st_error *error)
{
    book_key prefix = book_key_id(BOOK_ANEW, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_is = false;
    while (err == ST_OK && !*out_is) {
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 4096);
        err = book_scan_next(&client->book, &scan, &arena, &value, error);
        *out_is = err == ST_OK && value.len > 0;
        if (book_is_damage(&client->book, err))
            err = ST_OK;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err anew_done(sotay_client *client, const st_id *record, const st_bucket *bucket,
                 st_error *error)
{
    book_key key = key_of(record, bucket);
    return book_delete(&client->book, &key, error);
}

st_err anew_next(sotay_client *client, book_scan *scan, st_id *out_record, st_bucket *out_bucket,
                 st_error *error)
{
    const size_t head = 1 + sizeof out_record->b;
    st_err err = book_scan_next(&client->book, scan, NULL, NULL, error);
    if (err != ST_OK)
        return err;
    if (scan->at.len < head ||
        !st_bucket_set(out_bucket, (const char *)scan->at.b + head, scan->at.len - head))
        return st_fail(error, ST_E_CORRUPT, "store: the note of what is lost is damaged");
    memcpy(out_record->b, scan->at.b + 1, sizeof out_record->b);
    return ST_OK;
}

st_err anew_forget(sotay_client *client, const st_bucket *bucket, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ANEW);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id record;
        st_bucket of;
        err = anew_next(client, &scan, &record, &of, error);
        if (err == ST_OK && strcmp(of.s, bucket->s) == 0)
            err = anew_done(client, &record, bucket, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err anew_has(sotay_client *client, const st_id *record, bool *out_has, st_error *error)
{
    book_key prefix = book_key_id(BOOK_ANEW, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = book_scan_next(&client->book, &scan, NULL, NULL, error);
    *out_has = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
