/* tests/unit/both/test_rows.c
 * The line of a record in lists, and what it is found by: whether it came in a snapshot or in a
 * page, and whatever of the phone's own lies over it, it is the one that is made from the store. */
#include "tests/unit/both/fetch.h"

#include "client-lib/src/client.h"
#include "client-lib/src/overlay.h"

#define VISITS 40u

static sotay_id ids[VISITS];

static void read_row(phone *p, st_arena *arena, const sotay_id *record, book_value out[2])
{
    st_id id;
    memcpy(id.b, record->b, sizeof id.b);
    const book_key keys[] = { book_key_id(BOOK_ROW, &id), book_key_id(BOOK_FOLD, &id) };
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(book_get(&p->client->book, &keys[i], arena, &out[i], NULL), ST_OK);
}

/* Made anew from what is stored, it is what it was. */
static void assert_row_is_right(phone *p, const sotay_id *record)
{
    st_id id;
    st_arena arena;
    book_value before[2], after[2];
    st_arena_init(&arena, 1u << 20);
    memcpy(id.b, record->b, sizeof id.b);
    assert_int_equal(client_begin(p->client, true, NULL), ST_OK);
    read_row(p, &arena, record, before);
    assert_int_equal(overlay_row_refresh(p->client, &id, NULL), ST_OK);
    read_row(p, &arena, record, after);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(before[i].len, after[i].len);
        assert_memory_equal(before[i].data, after[i].data, after[i].len);
    }
    client_abort(p->client);
    st_arena_reset(&arena);
}

static void assert_rows_are_right(phone *p)
{
    for (size_t i = 0; i < VISITS; i++)
        assert_row_is_right(p, &ids[i]);
}

static bool is_found(phone *p, const char *text, const sotay_id *record)
{
    char *json = NULL, hex[33];
    const sotay_filter filter = { .text = text };
    st_hex(record->b, 16, hex);
    assert_int_equal(sotay_list(p->client, &filter, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    bool found = strstr(json, hex) != NULL;
    sotay_text_free(json);
    return found;
}

/* An has sent some visits. */
static phone *make(world *w, uint64_t seed)
{
    world_make_with(w, seed, (world_how){ 1, false });
    phone *an = &w->phones[0];
    for (size_t i = 0; i < VISITS; i++)
        ids[i] = phone_visit(an, i % 3 == 0 ? "chợ" : "trường");
    assert_int_equal(sync_phone(w, an, 0, NULL), SOTAY_OK);
    return an;
}

/* As when a page or a snapshot has just written the base, which is still in memory. */
static void make_row_of_base(phone *p, const sotay_id *record)
{
    st_id id;
    st_arena arena;
    st_record base;
    bool is_damaged = false;
    book_value stored = { NULL, 0 };
    st_arena_init(&arena, 1u << 20);
    memcpy(id.b, record->b, sizeof id.b);
    book_key key = book_key_id(BOOK_BASE, &id);
    assert_int_equal(client_begin(p->client, true, NULL), ST_OK);
    assert_int_equal(book_get(&p->client->book, &key, &arena, &stored, NULL), ST_OK);
    assert_int_equal(st_record_decode(stored.data, stored.len, &arena, &base, NULL), ST_OK);
    assert_int_equal(overlay_row_of_base(p->client, &base, &is_damaged, NULL), ST_OK);
    assert_false(is_damaged);
    assert_int_equal(client_commit(p->client, NULL), ST_OK);
    st_arena_reset(&arena);
}

static void test_own_work_lies_over_a_new_base(void **state)
{
    (void)state;
    world w;
    phone *an = make(&w, 1);
    assert_int_equal(phone_set(an, &ids[1], "place", "bến phà"), SOTAY_OK);
    for (size_t i = 0; i < VISITS; i++)
        make_row_of_base(an, &ids[i]);
    assert_true(is_found(an, "ben pha", &ids[1]));
    assert_false(is_found(an, "truong", &ids[1]));
    assert_true(is_found(an, "truong", &ids[2]));
    assert_rows_are_right(an);
    world_free(&w);
}

static void test_a_page_gives_the_same_lines(void **state)
{
    (void)state;
    world w;
    phone *an = make(&w, 2);
    join(&w, 1, "binh");
    phone *binh = &w.phones[1];
    assert_int_equal(phone_set(binh, &ids[1], "general_note", "bưởi"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(an, &ids[1], "place", "bến phà"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_true(is_found(an, "buoi", &ids[1]));
    assert_true(is_found(an, "ben pha", &ids[1]));
    assert_rows_are_right(an);
    assert_rows_are_right(binh);
    world_free(&w);
}

static void test_a_snapshot_gives_the_same_lines(void **state)
{
    (void)state;
    world w;
    line l = { 0 };
    phone *an = make(&w, 3);
    assert_int_equal(phone_set(an, &ids[3], "general_note", "Thuỷ lợi, 2 cống"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    phone *binh = newcomer(&w, 1, "binh");
    sync_to_the_end(&w, binh, &l);
    assert_true(l.gets > 0);
    assert_true(is_found(binh, "thuy loi 2 cong", &ids[3]));
    assert_true(is_found(binh, "truong", &ids[4]));
    assert_false(is_found(binh, "truong", &ids[3]));
    assert_rows_are_right(binh);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_work_lies_over_a_new_base),
        cmocka_unit_test(test_a_page_gives_the_same_lines),
        cmocka_unit_test(test_a_snapshot_gives_the_same_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
