/* client-lib/src/apply_keep.c - the bytes of the sets that pages bring (table SET).
 * Promises: a set is kept as its author signed it. */
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"

/* A set that came, and its bytes. */
typedef struct {
    sotay_client *client;
    st_arena *arena;
    const st_set *set;
    const book_value *bytes;
    outbox_set own; /* the note of it, where it is an own one */
} keeping;

/* The log has another set under the name of an own one, which stays. Where the server has not said
 * yet what that is, this says it: a branch that came second. */
static apply_kept differing(const keeping *k)
{
    return outbox_is_answered(&k->own) ? APPLY_OWN_DIFFERS : APPLY_OTHER_BRANCH;
}

/* An own set comes with other bytes. When values of it were erased it is still the same set, and
 * what is left of it takes the place of the whole; else it stays. */
static st_err keep_remains(const keeping *k, const book_value *kept, apply_kept *out_kept,
                           st_error *error)
{
    st_set own;
    const uint32_t *gone = NULL;
    size_t gone_count = 0;
    book_key key = book_key_counter(BOOK_SET, &k->set->device, k->set->first);
    *out_kept = APPLY_OWN_DIFFERS;
    st_err err = st_set_decode(kept->data, kept->len, k->arena, &own, error);
    if (err != ST_OK)
        return err == ST_E_MEMORY ? err : ST_OK;
    if (memcmp(own.hash.b, k->set->hash.b, sizeof own.hash.b) != 0) {
        *out_kept = differing(k);
        return ST_OK;
    }
    *out_kept = APPLY_KEPT;
    err = st_set_gone(k->bytes->data, k->bytes->len, k->arena, &gone, &gone_count, error);
    return err == ST_OK && gone_count > 0
               ? book_put(&k->client->book, &key, k->bytes->data, k->bytes->len, error)
               : err;
}

/* Keeps a set of which there are no open bytes here. Where a sealed one has its name, it is that
 * one, or the server has another branch. */
static st_err keep_new(const keeping *k, bool own, apply_kept *out_kept, st_error *error)
{
    st_parcel sealed;
    book_key key = book_key_counter(BOOK_SET, &k->set->device, k->set->first);
    st_err err = closed_get(k->client, &k->set->device, k->set->first, k->arena, &sealed, error);
    bool was_closed = err == ST_OK;
    if (was_closed && own && memcmp(sealed.name.b, k->set->hash.b, sizeof k->set->hash.b) != 0)
        *out_kept = differing(k);
    if ((!was_closed && err != ST_E_NOT_FOUND) || *out_kept != APPLY_KEPT)
        return err;
    err = book_put(&k->client->book, &key, k->bytes->data, k->bytes->len, error);
    if (err == ST_OK && (was_closed || own))
        err = closed_open(k->client, &k->set->device, k->set->first, error);
    return err == ST_OK && own ? outbox_found(k->client, k->set, error) : err;
}

/* What is known to be another branch, and lies sealed, gives its name to the set that came. */
static st_err is_own(keeping *k, bool *out_own, st_error *error)
{
    book_db *book = &k->client->book;
    book_key key = book_key_counter(BOOK_OWN, &k->set->device, k->set->first);
    st_err err = outbox_get(book, &k->set->device, k->set->first, &k->own, error);
    *out_own = err == ST_OK && !(k->own.is_closed && k->own.hold == ST_HOLD_FORK);
    if (err == ST_OK && !*out_own)
        err = book_delete(book, &key, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err apply_keep_set(sotay_client *client, st_arena *arena, const st_set *set,
                      const book_value *bytes, apply_kept *out_kept, st_error *error)
{
    keeping k = { .client = client, .arena = arena, .set = set, .bytes = bytes };
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    bool own = false;
    book_value kept = { NULL, 0 };
    *out_kept = APPLY_KEPT;
    st_err err = is_own(&k, &own, error);
    if (err == ST_OK && !own)
        err = carried_put_aside(client, set, error);
    if (err == ST_OK && !own)
        return keep_new(&k, false, out_kept, error);
    if (err == ST_OK)
        err = book_get_whole(&client->book, &key, arena, &kept, error);
    if (err == ST_OK &&
        (kept.len != bytes->len || memcmp(kept.data, bytes->data, kept.len) != 0))
        return keep_remains(&k, &kept, out_kept, error);
    return err == ST_E_NOT_FOUND ? keep_new(&k, true, out_kept, error) : err;
}

st_err apply_referred(sotay_client *client, const st_entry *entry, st_arena *arena,
                      book_value *out_bytes, st_error *error)
{
    outbox_set own;
    book_key key = book_key_counter(BOOK_SET, &entry->device, entry->first);
    st_err err = outbox_get(&client->book, &entry->device, entry->first, &own, error);
    if (err == ST_OK && !outbox_is_answered(&own))
        return ST_E_NOT_FOUND;
    return err == ST_OK || err == ST_E_NOT_FOUND
               ? book_get_whole(&client->book, &key, arena, out_bytes, error)
               : err;
}
