/* client-lib/src/carried_past.c - what came by hand, and lies in the log where its bucket was read
 * already: a kept set that is lost here, and that another phone brought again.
 * Promises: it is kept as what a page brings is; what the log says of it is shown, no more.
 * Never: takes for read what a page or a snapshot may still bring; puts a set in the place of
 * another one that a page brought. */
#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/snapshot.h"
#include "proto/changeset.h"

/* Where a set is kept under the name, it is another branch's: what the log said of this one, it
 * said before its store was put back. */
static st_err keep_as_read(sotay_client *client, const st_set *set, st_error *error)
{
    bool is_kept = false;
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    st_err err = book_opens(&client->book, &key, &is_kept, error);
    if (err != ST_OK || is_kept)
        return err;
    err = book_put(&client->book, &key, set->bytes, set->bytes_len, error);
    return err == ST_OK ? carried_in_log(client, set, error) : err;
}

st_err carried_pass(sotay_client *client, const st_receipt *receipt, st_error *error)
{
    st_arena arena;
    st_set set;
    bool is_read = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err =
        receipt->position > 0
            ? carried_get(client, &receipt->device, receipt->first, &arena, &set, error)
            : ST_E_NOT_FOUND;
    bool says_nothing = err == ST_E_NOT_FOUND || book_is_damage(&client->book, err);
    if (err == ST_OK)
        err = snapshot_is_read_to(client, &set.bucket, receipt->position, &is_read, error);
    if (err == ST_OK && is_read && memcmp(set.hash.b, receipt->hash.b, sizeof set.hash.b) == 0)
        err = keep_as_read(client, &set, error);
    st_arena_reset(&arena);
    return says_nothing ? ST_OK : err;
}
