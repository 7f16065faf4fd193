/* client-lib/src/carried_missed.c - what this phone brought for others, and the server said that it
 * has, in an answer that broke off: the store may have been put back since then, and have grown.
 * Promises: such a thing is offered again, whether or not anything tells that the book is an older
 * one.
 * Never: offers again what a checkpoint that is held has, or what a page may still bring. */
#include "client-lib/src/carried.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/snapshot.h"
#include "client-lib/src/witness.h"

typedef struct {
    sotay_client *client;
    st_arena arena; /* of the list */
    book_key *keys; /* of what is to be offered again */
    size_t count, capacity;
} carried_search;

static st_err add(carried_search *s, const book_key *key, st_error *error)
{
    book_key *keys = s->keys;
    if (s->count == s->capacity)
        keys = st_arena_grow(&s->arena, keys, s->count, &s->capacity, sizeof *keys);
    if (keys == NULL)
        return st_fail(error, ST_E_MEMORY, "carried: no memory");
    s->keys = keys;
    s->keys[s->count++] = *key;
    return ST_OK;
}

/* Is its bucket read as far as the log was ever said to be? Then a page had brought it. */
static st_err is_missed(sotay_client *client, const carried_set *taken, st_arena *arena,
                        bool *out_is, st_error *error)
{
    st_set set;
    const identity *me = &client->me;
    *out_is = false;
    st_err err = carried_get(client, &taken->device, taken->first, arena, &set, error);
    const bool says_nothing = err == ST_E_NOT_FOUND || book_is_damage(&client->book, err);
    if (err == ST_OK)
        err = snapshot_is_read_to(client, &set.bucket, me->position >= me->reach ? 0 : me->reach,
                                  out_is, error);
    return says_nothing ? ST_OK : err;
}

static st_err find_taken(carried_search *s, st_error *error)
{
    book_key prefix = book_key_of(BOOK_TAKEN);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        carried_set taken;
        bool is_it = false;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = carried_next_set(s->client, &scan, &arena, &taken, error);
        if (err == ST_OK && taken.is_delivered)
            err = is_missed(s->client, &taken, &arena, &is_it, error);
        if (err == ST_OK && is_it)
            err = add(s, &scan.at, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* A place that was said with the last answer to its end lies in the log of its checkpoint. */
static st_err find_parcels(carried_search *s, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        err = delivered_next(s->client, &scan, &key, error);
        const bool is_set = err == ST_OK && key.b[0] == BOOK_PARCEL && key.b[1] == ST_PARCEL_SET;
        if (is_set && witness_is_beyond(&s->client->me, st_get_u64(scan.at.b + 1)))
            err = add(s, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err find(carried_search *s, st_error *error)
{
    st_err err = client_begin(s->client, false, error);
    if (err == ST_OK)
        err = find_taken(s, error);
    if (err == ST_OK)
        err = find_parcels(s, error);
    client_abort(s->client);
    return err;
}

/* The first byte says that the server has it. */
st_err carried_offer_again(sotay_client *client, const book_key *key, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&client->book, key, &arena, &value, error);
    uint8_t *copy = err == ST_OK ? st_arena_copy(&arena, value.data, value.len) : NULL;
    if (err == ST_OK && copy == NULL)
        err = st_fail(error, ST_E_MEMORY, "carried: no memory");
    if (err == ST_OK) {
        copy[0] = 0;
        err = book_put(&client->book, key, copy, value.len, error);
    }
    st_arena_reset(&arena);
    return err;
}

static st_err offer(carried_search *s, st_error *error)
{
    st_err err = client_begin(s->client, true, error);
    for (size_t i = 0; err == ST_OK && i < s->count; i++)
        err = s->keys[i].b[0] == BOOK_TAKEN ? carried_offer_again(s->client, &s->keys[i], error)
                                            : delivered_back(s->client, &s->keys[i], error);
    if (err == ST_OK)
        return client_commit(s->client, error);
    client_abort(s->client);
    return err;
}

st_err carried_offer_missed(sotay_client *client, st_error *error)
{
    carried_search s = { .client = client };
    st_arena_init(&s.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find(&s, error);
    if (err == ST_OK && s.count > 0)
        err = offer(&s, error);
    st_arena_reset(&s.arena);
    return err;
}
