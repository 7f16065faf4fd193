/* client-lib/src/carried_count.c - how much this phone carries for others: what waits, and what
 * does not open. */
#include "client-lib/src/carried.h"

static st_err count_one(sotay_client *client, const book_key *key, carried_counts *counts,
                        st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
    st_err err = book_get_whole(&client->book, key, &arena, &value, error);
    counts->unreadable += err == ST_E_NOT_FOUND;
    bool is_delivered = key->b[0] == BOOK_TAKEN && value.len > 0 && value.data[0] != 0;
    counts->waiting += err == ST_OK && !is_delivered;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err count_table(sotay_client *client, book_table table, carried_counts *counts,
                          st_error *error)
{
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK)
            err = count_one(client, &scan.at, counts, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err carried_count(sotay_client *client, carried_counts *out_counts, st_error *error)
{
    *out_counts = (carried_counts){ 0, 0 };
    st_err err = count_table(client, BOOK_TAKEN, out_counts, error);
    return err == ST_OK ? count_table(client, BOOK_PARCEL, out_counts, error) : err;
}
