/* client-lib/src/apply_author.c - what the author of a set signs with, and who is not named here.
 * Never: takes a key from the set itself. */
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/lexicon.h"

st_err apply_author_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                        st_error *error)
{
    const identity *me = &client->next;
    st_err err = lexicon_device_key(client, device, out_key, error);
    if (st_id_cmp(device, &me->server_device) == 0)
        memcpy(out_key, me->server_key, 32);
    else if (st_id_cmp(device, &me->speaker) == 0)
        memcpy(out_key, me->sign_key, 32);
    else if (err == ST_E_NOT_FOUND)
        return epoch_former_key(client, device, out_key, error);
    else
        return err;
    return ST_OK;
}

/* Does the catalogue here not name who wrote it? What does not decode is found out elsewhere. */
static st_err is_strangers(sotay_client *client, const st_entry *entry, bool *out_is,
                           st_error *error)
{
    uint8_t key[32];
    st_arena arena;
    st_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = st_set_decode(entry->set, entry->set_len, &arena, &set, NULL);
    if (err == ST_OK)
        err = apply_author_key(client, &set.device, key, error);
    else if (err != ST_E_MEMORY)
        err = ST_OK;
    *out_is = err == ST_E_NOT_FOUND;
    st_arena_reset(&arena);
    return *out_is ? ST_OK : err;
}

st_err apply_leaves(sotay_client *client, const st_page *page, bool *out_leaves, st_error *error)
{
    st_bucket catalogue;
    bucket_state state;
    *out_leaves = false;
    if (bucket_is_catalogue(&page->bucket))
        return ST_OK;
    bucket_catalogue(client, &catalogue);
    st_err err = bucket_get(&client->book, &catalogue, &state, error);
    bool is_newer = err == ST_OK && state.too_new;
    for (uint32_t i = 0; is_newer && err == ST_OK && !*out_leaves && i < page->entries_count; i++)
        if (page->entries[i].set != NULL)
            err = is_strangers(client, &page->entries[i], out_leaves, error);
    if (err != ST_OK || !*out_leaves)
        return err;
    err = bucket_get(&client->book, &page->bucket, &state, error);
    state.too_new = true;
    return err == ST_OK ? bucket_put(&client->book, &page->bucket, &state, error) : err;
}
