/* tests/unit/client-lib/test_delivered.c
 * What was delivered is owed again in a new epoch, and never takes the place of what is newer. */
#include "client-lib/src/delivered.h"

#include "tests/unit/client-lib/rows.h"

#define CUT 10u

typedef struct {
    const char *why;
    uint64_t at[2]; /* positions at which the rows "old" and "mid" were delivered */
    bool is_owed;   /* "new" was written after them */
    const char *then;
} turn_case;

static book_key key_in(book_table table)
{
    return book_key_text(table, "01477/unit/01477-x001");
}

static void put(phone *p, book_table table, const char *value)
{
    book_key key = key_in(table);
    assert_int_equal(book_put(&p->client->book, &key, (const uint8_t *)value, 3, NULL), ST_OK);
}

static void deliver(phone *p, book_table table, uint64_t position)
{
    book_key key = key_in(table);
    assert_int_equal(delivered_keep(p->client, &key, position, NULL), ST_OK);
}

static void turn(phone *p, book_table table, const turn_case *c)
{
    stored_row row;
    rows_begin(p);
    put(p, table, "old");
    deliver(p, table, c->at[0]);
    put(p, table, "mid");
    deliver(p, table, c->at[1]);
    if (c->is_owed)
        put(p, table, "new");
    assert_int_equal(delivered_turn(p->client, CUT, NULL), ST_OK);
    rows_commit(p);
    assert_int_equal(rows_count(p, BOOK_DELIVERED), 0);
    assert_int_equal(rows_count(p, table), 1);
    assert_true(rows_get(p, table, 0, &row));
    if (row.len != 3 || memcmp(row.data, c->then, 3) != 0)
        fail_msg("%s: %.3s", c->why, (const char *)row.data);
    book_key key = key_in(table);
    rows_begin(p);
    assert_int_equal(book_delete(&p->client->book, &key, NULL), ST_OK);
    rows_commit(p);
}

static void test_the_newest_stays(void **state)
{
    (void)state;
    static const turn_case CASES[] = {
        { "one after the other", { 12, 15 }, false, "mid" },
        { "no answer has ended since", { 12, 0 }, false, "mid" },
        { "another one is owed", { 12, 15 }, true, "new" },
        { "another one is owed since", { 12, 0 }, true, "new" },
    };
    static const book_table TABLES[] = { BOOK_PURGE, BOOK_DECIDED };
    phone an;
    edge *e = phone_alone(&an);
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
            turn(&an, TABLES[t], &CASES[i]);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
