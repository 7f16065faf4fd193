/* client-lib/src/outbox_missed.c - own sets that the server said are in its log, and that the book
 * is without, though it was read past their place: the store was put back in between.
 * Promises: such a set waits again, whether or not anything tells that the book is an older one.
 * Never: takes a set for missed that a page or a snapshot may still bring, or brought: also one
 * that was held then, whatever was heard of it since. */
#include "client-lib/src/anew.h"
#include "client-lib/src/apply.h"
#include "client-lib/src/outbox.h"
#include "client-lib/src/snapshot.h"

typedef struct {
    outbox_set own;
    bool is_passed; /* its bucket was read as far as where the server said that it is */
    bool is_missed; /* and nothing that came spoke of it */
} looked_at;
typedef struct {
    sotay_client *client;
    st_arena arena; /* of the list */
    looked_at *list;
    size_t count, capacity;
    bool is_any; /* one is to wait again */
} missed_search;

/* The set too, where its bucket was read past the place. */
static st_err read_passed(sotay_client *client, const outbox_set *own, st_arena *arena,
                          st_set *out_set, bool *out_is, st_error *error)
{
    const st_dot dot = { own->device, own->first };
    bool is_there = own->status == OUTBOX_SENT || own->status == OUTBOX_HELD;
    *out_is = false;
    if (!is_there || own->position == 0 || own->is_closed)
        return ST_OK;
    st_err err = overlay_set_get(client, &dot, own->first, arena, out_set, error);
    bool says_nothing = err == ST_E_NOT_FOUND || book_is_damage(&client->book, err);
    if (err == ST_OK)
        err = snapshot_is_read_to(client, &out_set->bucket, own->position, out_is, error);
    return says_nothing ? ST_OK : err;
}

static st_err is_passed(sotay_client *client, const outbox_set *own, bool *out_is, st_error *error)
{
    st_arena arena;
    st_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_passed(client, own, &arena, &set, out_is, error);
    st_arena_reset(&arena);
    return err;
}

static st_err add(missed_search *s, const looked_at *one, st_error *error)
{
    looked_at *list = s->list;
    if (s->count == s->capacity)
        list = st_arena_grow(&s->arena, list, s->count, &s->capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "sync: no memory");
    s->list = list;
    s->list[s->count++] = *one;
    return ST_OK;
}

/* The set that begins with this counter, read once for all of its changes, of which there may be
 * many. Good until the next one is asked for. */
static st_err find_set(missed_search *s, const st_id *device, uint64_t first, looked_at **out_one,
                       st_error *error)
{
    looked_at one = { .is_passed = false };
    for (size_t i = 0; i < s->count; i++) {
        *out_one = &s->list[i];
        if ((*out_one)->own.first == first && st_id_cmp(&(*out_one)->own.device, device) == 0)
            return ST_OK;
    }
    st_err err = outbox_get(&s->client->book, device, first, &one.own, error);
    if (err == ST_OK)
        err = is_passed(s->client, &one.own, &one.is_passed, error);
    if (err == ST_OK)
        err = add(s, &one, error);
    *out_one = err == ST_OK ? &s->list[s->count - 1] : NULL;
    return err;
}

/* Did a page or a snapshot speak of the change? Then its record's history has a line of it. One
 * that does not open may be that; and one may come, where the record is to be made anew. */
static st_err is_told(sotay_client *client, const st_id *record, const st_dot *dot,
                      uint64_t position, bool *out_is, st_error *error)
{
    apply_line line;
    const st_change change = { .record = *record, .dot = *dot };
    st_err err = apply_line_find(client, &change, position, &line, error);
    *out_is = err == ST_OK;
    if (err == ST_E_NOT_FOUND)
        err = apply_line_damaged(client, record, out_is, error);
    return err == ST_OK && !*out_is ? anew_has(client, record, out_is, error) : err;
}

/* A change that is still noted over the base, as one that the server has. */
static st_err look_at(missed_search *s, const st_id *record, const st_dot *dot, st_error *error)
{
    overlay_entry entry;
    looked_at *one = NULL;
    bool was_told = false;
    book_db *book = &s->client->book;
    st_err err = overlay_get(book, record, dot, &entry, error);
    if (err == ST_OK && entry.status != OVERLAY_SENT && !overlay_is_undecided(&entry))
        return ST_OK;
    if (err == ST_OK)
        err = find_set(s, &dot->device, entry.first, &one, error);
    if (err == ST_OK && one->is_passed && !one->is_missed) {
        err = is_told(s->client, record, dot, one->own.position, &was_told, error);
        one->is_missed = err == ST_OK && !was_told;
        s->is_any = s->is_any || one->is_missed;
    }
    return err == ST_E_NOT_FOUND || book_is_damage(book, err) ? ST_OK : err;
}

static st_err find_missed(missed_search *s, st_error *error)
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

static st_err wait_again(missed_search *s, st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    st_err err = client_begin(s->client, true, error);
    for (size_t i = 0; err == ST_OK && i < s->count; i++) {
        looked_at *one = &s->list[i];
        one->own.status = OUTBOX_UNSENT;
        one->own.position = 0;
        one->own.hold = ST_HOLD_NONE;
        if (one->is_missed)
            err = outbox_settle(s->client, &one->own, NULL, none, error);
    }
    if (err == ST_OK)
        return client_commit(s->client, error);
    client_abort(s->client);
    return err;
}

st_err outbox_offer_missed(sotay_client *client, st_error *error)
{
    missed_search s = { .client = client };
    st_arena_init(&s.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_missed(&s, error);
    if (err == ST_OK && s.is_any)
        err = wait_again(&s, error);
    st_arena_reset(&s.arena);
    return err;
}

/* Did a snapshot bring it, whose records alone did not say that it is this one? */
static st_err is_in_base(sotay_client *client, const st_set *set, const st_dot *dot, bool *out_is,
                         st_error *error)
{
    st_arena arena;
    st_vector vector;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = bucket_vector_get(&client->book, &set->bucket, &arena, &vector, error);
    *out_is = err == ST_OK && st_vector_has(&vector, dot);
    st_arena_reset(&arena);
    return err;
}

/* The record of a change that is still noted over the base, and of which nothing spoke. */
static st_err note_record(sotay_client *client, const st_set *set, const st_change *change,
                          uint64_t position, st_error *error)
{
    overlay_entry entry;
    bool was_told = true, is_there = false;
    st_err err = overlay_get(&client->book, &change->record, &change->dot, &entry, error);
    if (err == ST_OK)
        err = is_told(client, &change->record, &change->dot, position, &was_told, error);
    if (err == ST_OK && !was_told)
        err = is_in_base(client, set, &change->dot, &is_there, error);
    if (err == ST_OK && is_there)
        err = overlay_delete(&client->book, &change->record, &change->dot, error);
    else if (err == ST_OK && !was_told)
        err = anew_note(client, &change->record, &set->bucket, error);
    return err == ST_E_NOT_FOUND || book_is_damage(&client->book, err) ? ST_OK : err;
}

st_err outbox_is_there(sotay_client *client, const outbox_set *own, st_error *error)
{
    st_arena arena;
    st_set set;
    bool was_passed = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_passed(client, own, &arena, &set, &was_passed, error);
    for (uint32_t i = 0; err == ST_OK && was_passed && i < set.changes_count; i++)
        err = note_record(client, &set, &set.changes[i], own->position, error);
    st_arena_reset(&arena);
    return err;
}
