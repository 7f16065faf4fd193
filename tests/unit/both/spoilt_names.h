/* tests/unit/both/spoilt_names.h - whose a device is, damaged on another phone: as it was learned,
 * and as the catalogue says it. */
#ifndef SOTAY_TESTS_SPOILT_NAMES_H
#define SOTAY_TESTS_SPOILT_NAMES_H

#include "proto/record.h"
#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

static inline void spoil_device(phone *p, const phone *whose)
{
    const st_id device = whose->client->me.device;
    book_key key = book_key_text(BOOK_NAME, "device");
    book_key_bytes(&key, "", 1);
    book_key_bytes(&key, device.b, sizeof device.b);
    rows_spoil(p, &key);
}

/* The record of a device in the catalogue. */
static inline book_key record_of(phone *p, const phone *whose)
{
    static stored_row row;
    const st_id device = whose->client->me.device;
    st_arena arena;
    bool found = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    for (size_t n = 0; !found && rows_get(p, BOOK_BASE, n, &row); n++) {
        st_record record;
        assert_int_equal(st_record_decode(row.data, row.len, &arena, &record, NULL), ST_OK);
        for (size_t i = 0; strcmp(record.form.s, "device") == 0 && i < record.lives_count; i++) {
            const st_value *value = &record.lives[i].op.value;
            found = found || (value->len == 16 && memcmp(value->data, device.b, 16) == 0);
        }
    }
    st_arena_reset(&arena);
    assert_true(found);
    return row.key;
}

static inline void spoil_record_of(phone *p, const phone *whose)
{
    const book_key key = record_of(p, whose);
    rows_spoil(p, &key);
}

#endif
