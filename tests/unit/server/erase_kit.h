/* tests/unit/server/erase_kit.h - a book with the people who may erase, and whether a text still
 * lies anywhere in it. */
#ifndef SOTAY_TESTS_ERASE_KIT_H
#define SOTAY_TESTS_ERASE_KIT_H

#include "tests/unit/server/operator_kit.h"

static kit_book BOOK;

static inline int setup(void **state)
{
    kit_make(&BOOK, false);
    KIT_EXPECT(0, &BOOK, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &BOOK, "assign", "an", KIT_UNIT);
    KIT_EXPECT(0, &BOOK, "user", "add", "office", "--name", "Office", "--role", "office");
    KIT_EXPECT(0, &BOOK, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &BOOK, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    *state = &BOOK;
    return 0;
}

static inline int teardown(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "verify");
    kit_remove(book);
    return 0;
}

/* Is the text in a row of the table? */
static inline bool is_in(kit_book *book, store_table table, const char *text)
{
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    bool found = false;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_cursor_open(&txn, table, &cursor, NULL), ST_OK);
    assert_int_equal(store_seek(&cursor, store_text(""), NULL), ST_OK);
    while (cursor.is_valid && !found) {
        found = memmem(cursor.value.data, cursor.value.len, text, strlen(text)) != NULL;
        assert_int_equal(store_next(&cursor, NULL), ST_OK);
    }
    store_cursor_close(&cursor);
    store_end(&txn);
    return found;
}

static inline bool is_anywhere(kit_book *book, const char *text)
{
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        if (is_in(book, (store_table)table, text))
            return true;
    return false;
}

/* The bytes of a visit that the phone makes, with its note; the phone goes on behind it. */
static inline st_id make_visit(kit_phone *phone, const char *note, uint8_t random, st_buffer *out)
{
    st_arena arena;
    st_op ops[4];
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_change change = { .dot = { phone->device, phone->next }, .prev = phone->next - 1,
                         .creates = true, .form_version = form->version, .ops = ops,
                         .ops_count = 4, .wall_ms = phone->ms += 60000 };
    st_set set = { .device = phone->device, .format = 1, .first = phone->next,
                   .has_prev = phone->has_prev, .prev = phone->prev, .here = phone->next - 1,
                   .bucket = phone->bucket, .role = ST_ROLE_OFFICER, .fold_version = 1,
                   .changes = &change, .changes_count = 1 };
    st_arena_init(&arena, 1u << 20);
    assert_true(st_code_set(&change.form, "visit", 5));
    memset(change.random, random, sizeof change.random);
    ops[0] = kit_op(form, "unit_id", KIT_UNIT, &arena);
    ops[1] = kit_op(form, "visit_kind", "kiem_tra", &arena);
    ops[2] = kit_op(form, "visit_date", "2026-03-12", &arena);
    ops[3] = kit_op(form, "general_note", note, &arena);
    change.hlc = (st_hlc)change.wall_ms << 16;
    change.record = st_record_id(&change.dot, change.random);
    st_buffer_clear(out);
    kit_sign(phone, &set, out);
    phone->next++;
    st_arena_reset(&arena);
    return change.record;
}

#endif
