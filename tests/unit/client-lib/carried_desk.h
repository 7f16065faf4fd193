/* tests/unit/client-lib/carried_desk.h - an, and binh with a visit that is sealed and not sent:
 * what an takes of it by hand. */
#ifndef SOTAY_TESTS_CARRIED_DESK_H
#define SOTAY_TESTS_CARRIED_DESK_H

#include "client-lib/src/carried.h"
#include "client-lib/src/outbox.h"
#include "proto/changeset.h"
#include "tests/unit/client-lib/rows.h"

typedef struct {
    edge *e;
    phone an, binh;
    sotay_id visit;        /* binh's */
    stored_row bytes;      /* of the set that made it */
    st_set set;            /* decoded */
    st_arena arena;
    st_buffer body;        /* of the receipt made last */
} desk;

/* binh's newest set, sealed and not sent. */
static inline void take_newest(desk *d)
{
    size_t n = rows_count(&d->binh, BOOK_SET);
    rows_seal(&d->binh);
    assert_true(rows_count(&d->binh, BOOK_SET) > n);
    n = rows_count(&d->binh, BOOK_SET);
    uint64_t newest = 0;
    static stored_row one;
    for (size_t i = 0; i < n; i++) {
        assert_true(rows_get(&d->binh, BOOK_SET, i, &one));
        uint64_t first = st_get_u64(one.key.b + 17);
        bool is_own = memcmp(one.key.b + 1, d->binh.client->me.device.b, 16) == 0;
        if (is_own && first > newest) {
            newest = first;
            d->bytes = one;
        }
    }
    assert_int_equal(st_set_decode(d->bytes.data, d->bytes.len, &d->arena, &d->set, NULL), ST_OK);
}

static inline int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    st_arena_init(&d.arena, (size_t)64 << 20);
    st_buffer_init(&d.body, 1u << 20);
    d.e = phone_pair(&d.an, &d.binh);
    assert_int_equal(edge_sync(d.e, d.an.client, NULL, NULL), SOTAY_OK); /* knows binh's device */
    d.visit = phone_visit(&d.binh, "chợ");
    take_newest(&d);
    *state = &d;
    return 0;
}

static inline int desk_close(void **state)
{
    desk *d = *state;
    phone_part(d->e, &d->an, &d->binh);
    st_buffer_free(&d->body);
    st_arena_reset(&d->arena);
    return 0;
}

/* ---- calls, each in a transaction of its own ---- */

/* Ends it as the library would; returns err. */
static inline st_err over(phone *p, st_err err)
{
    if (err == ST_OK)
        rows_commit(p);
    else
        client_abort(p->client);
    return err;
}

static inline st_err take_set(desk *d, const uint8_t *bytes, size_t len, bool *out_new)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    return over(&d->an, carried_take_set(d->an.client, bytes, len, out_new, &error));
}

static inline bool takes(desk *d)
{
    bool is_new = false;
    assert_int_equal(take_set(d, d->bytes.data, d->bytes.len, &is_new), ST_OK);
    return is_new;
}

static inline bool takes_parcel(desk *d, const st_parcel *parcel)
{
    bool is_new = true;
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_take_parcel(d->an.client, parcel, &is_new, &error)),
                     ST_OK);
    return is_new;
}

static inline void must_hold(desk *d, size_t taken, size_t parcels)
{
    assert_int_equal(rows_count(&d->an, BOOK_TAKEN), taken);
    assert_int_equal(rows_count(&d->an, BOOK_PARCEL), parcels);
}

static inline uint64_t counted(desk *d)
{
    carried_counts counts = { 99, 99 };
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_count(d->an.client, &counts, NULL)), ST_OK);
    return counts.waiting;
}

static inline bool shows(desk *d)
{
    char *json = NULL;
    int rc = sotay_show(d->an.client, &d->visit, SOTAY_JSON, &json, NULL);
    sotay_text_free(json);
    assert_true(rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND);
    return rc == SOTAY_OK;
}

static inline void set_scope(desk *d, bool in_scope)
{
    bucket_state bucket;
    book_db *book = &d->an.client->book;
    rows_begin(&d->an);
    assert_int_equal(bucket_get(book, &d->set.bucket, &bucket, NULL), ST_OK);
    bucket.in_scope = in_scope;
    assert_int_equal(bucket_put(book, &d->set.bucket, &bucket, NULL), ST_OK);
    rows_commit(&d->an);
}

#endif
