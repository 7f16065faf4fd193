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
} keeping;

/* An own set comes with other bytes. When values of it were erased it is still the same set, and
 * what is left of it takes the place of the whole; else it stays. */
static st_err keep_remains(const keeping *k, const book_value *kept, bool *out_own_differs,
                           st_error *error)
{
    st_set own;
    const uint32_t *gone = NULL;
    size_t gone_count = 0;
    book_key key = book_key_counter(BOOK_SET, &k->set->device, k->set->first);
    st_err err = st_set_decode(kept->data, kept->len, k->arena, &own, error);
    if (err != ST_OK || memcmp(own.hash.b, k->set->hash.b, sizeof own.hash.b) != 0)
        return err == ST_E_MEMORY ? err : ST_OK;
    *out_own_differs = false;
    err = st_set_gone(k->bytes->data, k->bytes->len, k->arena, &gone, &gone_count, error);
    return err == ST_OK && gone_count > 0
               ? book_put(&k->client->book, &key, k->bytes->data, k->bytes->len, error)
               : err;
}

/* Keeps a set of which there are no open bytes here. Where a sealed one has its name, it is that
 * one, or (*out_own_differs) the server has another branch. */
static st_err keep_new(const keeping *k, bool own, bool *out_own_differs, st_error *error)
{
    st_parcel sealed;
    book_key key = book_key_counter(BOOK_SET, &k->set->device, k->set->first);
    st_err err = closed_get(k->client, &k->set->device, k->set->first, k->arena, &sealed, error);
    bool was_closed = err == ST_OK;
    *out_own_differs =
        was_closed && own && memcmp(sealed.name.b, k->set->hash.b, sizeof k->set->hash.b) != 0;
    if ((!was_closed && err != ST_E_NOT_FOUND) || *out_own_differs)
        return err;
    err = book_put(&k->client->book, &key, k->bytes->data, k->bytes->len, error);
    if (err == ST_OK && (was_closed || own))
        err = closed_open(k->client, &k->set->device, k->set->first, error);
    return err == ST_OK && own ? outbox_found(k->client, k->set, error) : err;
}

/* What the server called another branch, and lies sealed, gives its name to the set that came. */
static st_err is_own(sotay_client *client, const st_set *set, bool *out_own, st_error *error)
{
    outbox_set own;
    book_key key = book_key_counter(BOOK_OWN, &set->device, set->first);
    st_err err = outbox_get(&client->book, &set->device, set->first, &own, error);
    *out_own = err == ST_OK && !closed_is_fork(&own);
    if (err == ST_OK && !*out_own)
        err = book_delete(&client->book, &key, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err apply_keep_set(sotay_client *client, st_arena *arena, const st_set *set,
                      const book_value *bytes, bool *out_own_differs, st_error *error)
{
    const keeping k = { client, arena, set, bytes };
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    bool own = false;
    book_value kept = { NULL, 0 };
    st_err err = is_own(client, set, &own, error);
    if (err == ST_OK && !own)
        err = carried_put_aside(client, set, error);
    if (err == ST_OK && !own)
        return keep_new(&k, false, out_own_differs, error);
    if (err == ST_OK)
        err = book_get_whole(&client->book, &key, arena, &kept, error);
    *out_own_differs =
        err == ST_OK && (kept.len != bytes->len || memcmp(kept.data, bytes->data, kept.len) != 0);
    if (*out_own_differs)
        return keep_remains(&k, &kept, out_own_differs, error);
    return err == ST_E_NOT_FOUND ? keep_new(&k, true, out_own_differs, error) : err;
}
