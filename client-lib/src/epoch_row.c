/* client-lib/src/epoch_row.c - the epochs of the book that this store was told of, and the keys of
 * the server's devices in them.
 * Promises: a key that counted once stays known; a row that does not open is nobody's key.
 * Never: keeps a row that the key of the log has not signed as one to show. */
#include "client-lib/src/epoch_row.h"

#include <string.h>

#include "client-lib/src/lexicon.h"

enum { KEY_BYTES = 32, ROW_BYTES = KEY_BYTES + 8 + 8 + ST_SIGNATURE_BYTES };

/* Two epochs may have the same number: one that was lost with its server, and the one after it. */
static book_key epoch_key(uint64_t n, const uint8_t server_key[32])
{
    book_key key = book_key_of(BOOK_EPOCH);
    book_key_u64(&key, n);
    book_key_bytes(&key, server_key, 8);
    return key;
}

st_err epoch_former_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                        st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    bool is_damaged = false;
    for (;;) {
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 4096);
        st_err err = book_scan_next(&client->book, &scan, &arena, &value, error);
        bool found = false;
        if (book_is_damage(&client->book, err)) {
            is_damaged = true; /* the one that is looked for, if no other is */
            err = ST_OK;
        }
        if (err == ST_E_NOT_FOUND && is_damaged)
            err = st_fail(error, ST_E_CORRUPT, "store: the key of a former server is damaged");
        if (err == ST_OK && (value.len == KEY_BYTES || value.len == ROW_BYTES)) {
            st_id id = st_device_id(value.data);
            found = st_id_cmp(&id, device) == 0;
            if (found)
                memcpy(out_key, value.data, KEY_BYTES);
        }
        st_arena_reset(&arena);
        if (err != ST_OK || found)
            return err;
    }
}

st_err epoch_is_servers(sotay_client *client, const st_id *device, bool *out_is, st_error *error)
{
    uint8_t key[32];
    *out_is = st_id_cmp(device, &client->next.server_device) == 0;
    st_err err = *out_is ? ST_OK : epoch_former_key(client, device, key, error);
    *out_is = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err epoch_may_be_servers(sotay_client *client, const st_id *device, bool *out_may,
                             st_error *error)
{
    st_id person;
    st_err err = epoch_is_servers(client, device, out_may, error);
    if (!book_is_damage(&client->book, err))
        return err;
    err = lexicon_person(client, device, &person, error);
    *out_may = err == ST_E_NOT_FOUND;
    return *out_may || book_is_damage(&client->book, err) ? ST_OK : err;
}

st_err epoch_rows_look_through(sotay_client *client, bool drops, size_t *out_left, st_error *error)
{
    book_key prefix = book_key_of(BOOK_EPOCH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_left = 0;
    while (err == ST_OK) {
        bool opens = true;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = book_opens(&client->book, &scan.at, &opens, error);
        if (err == ST_OK && !opens && drops)
            err = book_delete(&client->book, &scan.at, error);
        *out_left += opens || drops ? 0 : 1;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err epoch_key_keep(sotay_client *client, uint64_t n, const uint8_t server_key[32],
                       st_error *error)
{
    bool known = false;
    book_key key = epoch_key(n, server_key);
    st_err err = book_has(&client->book, &key, &known, error);
    return err == ST_OK && !known ? book_put(&client->book, &key, server_key, KEY_BYTES, error)
                                  : err;
}

st_err epoch_row_keep(sotay_client *client, const st_epoch *row, st_error *error)
{
    uint8_t value[ROW_BYTES];
    book_key key = epoch_key(row->n, row->server_key);
    memcpy(value, row->server_key, KEY_BYTES);
    memcpy(value + KEY_BYTES, row->epoch, 8);
    st_put_u64(value + KEY_BYTES + 8, row->cut);
    memcpy(value + KEY_BYTES + 16, row->signature, sizeof row->signature);
    return book_put(&client->book, &key, value, sizeof value, error);
}

st_err epoch_keep_told(sotay_client *client, const st_enrol_answer *answer, st_error *error)
{
    const identity *next = &client->next;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < answer->epochs_count; i++)
        if (st_epoch_verify(&next->log, &answer->epochs[i], next->log_key))
            err = epoch_row_keep(client, &answer->epochs[i], error);
    return err;
}

static void read_row(const book_key *key, const book_value *value, st_epoch *out)
{
    out->n = st_get_u64(key->b + 1);
    memcpy(out->server_key, value->data, KEY_BYTES);
    memcpy(out->epoch, value->data + KEY_BYTES, 8);
    out->cut = st_get_u64(value->data + KEY_BYTES + 8);
    memcpy(out->signature, value->data + KEY_BYTES + 16, sizeof out->signature);
}

st_err epoch_row_next(sotay_client *client, book_scan *scan, st_arena *arena, st_epoch *out,
                       st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = ST_OK;
    do {
        err = book_scan_whole(&client->book, scan, arena, &value, error);
    } while (err == ST_OK && (value.len != ROW_BYTES || scan->at.len != 1 + 8 + 8));
    if (err == ST_OK)
        read_row(&scan->at, &value, out);
    return err;
}
