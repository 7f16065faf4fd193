/* tests/unit/both/unreadable.h - change-sets of a phone that are missing or do not open, and what
 * is left of it. */
#ifndef SOTAY_TESTS_UNREADABLE_H
#define SOTAY_TESTS_UNREADABLE_H

#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

enum { SPOILT, MISSING, HOWS };

/* The n-th kept set of a device, from 0. */
static inline book_key set_of(phone *p, const st_id *device, size_t n)
{
    static stored_row row;
    for (size_t at = 0; rows_get(p, BOOK_SET, at, &row); at++)
        if (memcmp(row.key.b + 1, device->b, sizeof device->b) == 0 && n-- == 0)
            return row.key;
    fail_msg("there are not so many sets");
    return row.key;
}

static inline void damage(phone *p, const book_key *key, int how)
{
    how == SPOILT ? rows_spoil(p, key) : rows_delete(p, key);
}

static inline void damage_own(phone *p, size_t n, int how)
{
    book_key key = set_of(p, &p->client->me.device, n);
    damage(p, &key, how);
}

static inline void damage_unsealed(phone *p, uint64_t counter, int how)
{
    book_key key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, counter);
    damage(p, &key, how);
}

/* The own set that begins with this counter, whatever was damaged before. */
static inline void spoil_own(phone *p, uint64_t first)
{
    book_key key = book_key_counter(BOOK_SET, &p->client->me.device, first);
    rows_spoil(p, &key);
}

static inline bool is_listed(phone *p, const sotay_id *record)
{
    bool is = false;
    st_id id = phone_id(record);
    book_key row = book_key_id(BOOK_ROW, &id);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    assert_int_equal(book_has(&p->client->book, &row, &is, NULL), ST_OK);
    client_abort(p->client);
    return is;
}

/* What waits goes, and nothing is read. */
static inline void send_only(world *w, phone *p)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(run(w, sync, 0, NULL), SOTAY_OK);
}

/* One sync in which nothing is left to do or to say. */
static inline void must_be_quiet(world *w, phone *p)
{
    sotay_report report;
    sync_phone_well(w, p, &report);
    assert_true(report.complete);
    assert_false(report.needs_person);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.sent_changes, 0);
}

#endif
