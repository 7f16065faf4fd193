/* tests/unit/client-lib/rows.h - the rows of a phone's store, read and written past the library:
 * for tests of what it does with rows that are not as it wrote them. */
#ifndef SOTAY_TESTS_ROWS_H
#define SOTAY_TESTS_ROWS_H

#include "client-lib/src/client.h"
#include "tests/unit/client-lib/phone.h"

#define ROWS_BYTES_MAX (1u << 20)

typedef struct {
    book_key key;
    size_t len;
    uint8_t data[ROWS_BYTES_MAX];
} stored_row;

static inline void rows_begin(phone *p)
{
    st_error error = { ST_OK, "" };
    if (client_begin(p->client, true, &error) != ST_OK)
        fail_msg("begin: %s", error.detail);
}

static inline void rows_commit(phone *p)
{
    st_error error = { ST_OK, "" };
    if (client_commit(p->client, &error) != ST_OK)
        fail_msg("commit: %s", error.detail);
}

/* Rows of a table, whether they open or not. */
static inline size_t rows_count(phone *p, book_table table)
{
    st_error error = { ST_OK, "" };
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    size_t count = 0;
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    while (book_scan_next(&p->client->book, &scan, NULL, NULL, &error) == ST_OK)
        count++;
    client_abort(p->client);
    return count;
}

static inline bool holds(const uint8_t *data, size_t len, const char *words)
{
    return memmem(data, len, words, strlen(words)) != NULL;
}

/* Rows of the store, opened with its key, in which the words stand. */
static inline size_t rows_with(phone *p, const char *words)
{
    st_error error = { ST_OK, "" };
    size_t found = 0;
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    for (unsigned table = 'A'; table <= 'z'; table++) {
        book_key prefix = book_key_of((book_table)table);
        book_scan scan = book_scan_of(&prefix);
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        while (table != BOOK_META &&
               book_scan_next(&p->client->book, &scan, &arena, &value, &error) == ST_OK)
            found += holds(value.data, value.len, words);
        st_arena_reset(&arena);
    }
    client_abort(p->client);
    return found;
}

/* The n-th row of a table, from 0. False: there are not so many. */
static inline bool rows_get(phone *p, book_table table, size_t n, stored_row *out)
{
    st_error error = { ST_OK, "" };
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    for (size_t i = 0; err == ST_OK && i <= n; i++)
        err = book_scan_next(&p->client->book, &scan, &arena, &value, &error);
    client_abort(p->client);
    if (err == ST_OK) {
        assert_true(value.len <= sizeof out->data);
        out->key = scan.at;
        out->len = value.len;
        if (value.len > 0)
            memcpy(out->data, value.data, value.len);
    }
    st_arena_reset(&arena);
    return err == ST_OK;
}

static inline void rows_put(phone *p, const book_key *key, const void *data, size_t len)
{
    rows_begin(p);
    assert_int_equal(book_put(&p->client->book, key, data, len, NULL), ST_OK);
    rows_commit(p);
}

/* Bytes that do not open, as after a bad block. */
static inline void rows_spoil(phone *p, const book_key *key)
{
    const sotay_slice name = { key->b, key->len }, bytes = { (const uint8_t *)"no such bytes", 13 };
    rows_begin(p);
    assert_int_equal(p->port.put(p->port.context, name, bytes, &p->error), SOTAY_OK);
    rows_commit(p);
}

static inline void rows_delete(phone *p, const book_key *key)
{
    rows_begin(p);
    assert_int_equal(book_delete(&p->client->book, key, NULL), ST_OK);
    rows_commit(p);
}

/* Takes every row of a table away. */
static inline void rows_clear(phone *p, book_table table)
{
    static stored_row one;
    while (rows_get(p, table, 0, &one))
        rows_delete(p, &one.key);
}

/* Seals what waits, as a sync does, and sends nothing. */
static inline void rows_seal(phone *p)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes = { NULL, 0 };
    assert_int_equal(sotay_bundle_begin(p->client, &bundle, &p->error), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, &p->error), SOTAY_OK);
    sotay_bundle_free(bundle);
}

/* Does any value that lies in the store, opened, hold the text? */
static inline bool rows_hold(phone *p, const char *text)
{
    bool found = false;
    size_t len = strlen(text);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    for (int table = 0; table < 256; table++) {
        book_key prefix = book_key_of((uint8_t)table);
        book_scan scan = book_scan_of(&prefix);
        st_err err = table == BOOK_META ? ST_E_NOT_FOUND : ST_OK;
        while (err == ST_OK) {
            st_arena arena;
            book_value value = { NULL, 0 };
            st_arena_init(&arena, (size_t)64 << 20);
            err = book_scan_next(&p->client->book, &scan, &arena, &value, NULL);
            for (size_t at = 0; err == ST_OK && at + len <= value.len; at++)
                found = found || memcmp(value.data + at, text, len) == 0;
            st_arena_reset(&arena);
        }
    }
    client_abort(p->client);
    return found;
}

#endif
