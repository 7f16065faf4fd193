/* tests/unit/both/test_found_again.c
 * A file hangs on a record that is lost for a while, at the office and on the phone that has the
 * file; somebody else brings the record back. The file was never declined: it is kept, and goes to
 * the office as soon as something names it again. */
#include "client-lib/src/attach.h"
#include "client-lib/src/client.h"
#include "server/store/chunks.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

static const uint8_t DATA[] = "%PDF-1.7\nbiên bản";

static sotay_id visit_with_file(phone *p)
{
    const sotay_attachment file = { "a.pdf", DATA, sizeof DATA, NULL, "biên bản", 0 };
    char item[SOTAY_ITEM_TEXT];
    sotay_id visit = phone_visit(p, "chợ");
    assert_int_equal(sotay_attach(p->client, &visit, &file, item, &p->error), SOTAY_OK);
    return visit;
}

static uint64_t bytes_of_files(const town *t)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(t->w.book.dir, &bytes, NULL), ST_OK);
    return bytes;
}

/* What became of the only file here, by its row. */
static attach_row row_of(phone *p, book_key *out_key)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    attach_row row;
    st_arena_init(&arena, 1 << 16);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    assert_int_equal(attach_next(&p->client->book, &scan, &arena, &row, NULL), ST_OK);
    client_abort(p->client);
    row.hashes = NULL; /* it lay in the arena */
    *out_key = scan.at;
    st_arena_reset(&arena);
    return row;
}

static bool clear_keeps_it(phone *p)
{
    sotay_cleared cleared;
    assert_int_equal(sotay_attachment_clear(p->client, false, &cleared, &p->error), SOTAY_OK);
    return cleared.files == 0 && cleared.kept_files == 1 && cleared.declined_files == 0;
}

static void tell_of_a_backup(town *t, phone *p)
{
    backup(t);
    KIT_EXPECT(0, &t->w.book, "backup", t->copy); /* one alone may lie on the same disk */
    sync_phone_well(&t->w, p, NULL);
    assert_true(p->client->me.backed_up_to > 0);
}

static void damage_all_own(phone *p, int how)
{
    static stored_row row;
    const st_id *me = &p->client->me.device;
    for (size_t n = rows_count(p, BOOK_SET); n-- > 0;)
        if (rows_get(p, BOOK_SET, n, &row) && memcmp(row.key.b + 1, me->b, sizeof me->b) == 0)
            damage(p, &row.key, how);
}

/* The backup has neither record nor file; the phone that has the file lost its own sets; another
 * one that received them is away until a backup of the restored book was made. */
static void lose_and_find(int how)
{
    town t;
    book_key key;
    town_make(&t, 29);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    for (size_t i = 0; i < PHONES; i++)
        sync_phone_well(&t.w, &t.w.phones[i], NULL);
    backup(&t);
    sotay_id visit = visit_with_file(an);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "a.pdf"));
    damage_all_own(an, how);
    restore(&t);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, an, NULL);
    assert_int_equal(row_of(an, &key).kind, ATTACH_LEFT);
    tell_of_a_backup(&t, an);
    assert_true(clear_keeps_it(an));
    assert_true(phone_status_says(an, "\"safe_to_wipe\":false"));
    assert_int_equal(bytes_of_files(&t), 0);
    sync_phone_well(&t.w, binh, NULL);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, an, NULL);
    assert_true(phone_says(an, sotay_show, &visit, "a.pdf"));
    assert_int_equal(row_of(an, &key).kind, ATTACH_SENT);
    assert_int_equal(bytes_of_files(&t), sizeof DATA);
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

static void test_its_record_comes_back(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++)
        lose_and_find(how);
}

/* It was declined, and let in after all: the page says so, and the line breaks before the files. */
static void test_it_is_named_again(void **state)
{
    (void)state;
    town t;
    book_key key;
    town_make(&t, 31);
    phone *an = &t.w.phones[0];
    (void)visit_with_file(an);
    sync_phone_well(&t.w, an, NULL);
    tell_of_a_backup(&t, an);
    const st_hash hash = st_sha256(DATA, sizeof DATA);
    attach_row row = row_of(an, &key);
    assert_int_equal(row.kind, ATTACH_SENT);
    row.kind = ATTACH_LEFT;
    row.position = 1;
    row.hashes = &hash;
    assert_int_equal(client_begin(an->client, true, NULL), ST_OK);
    assert_int_equal(attach_put(&an->client->book, &key, &row, NULL), ST_OK);
    assert_int_equal(client_commit(an->client, NULL), ST_OK);
    assert_true(clear_keeps_it(an));
    sync_phone_well(&t.w, an, NULL);
    assert_int_equal(row_of(an, &key).kind, ATTACH_SENT);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_record_comes_back),
        cmocka_unit_test(test_it_is_named_again),
    };
    return cmocka_run_group_tests_name("found_again", tests, NULL, NULL);
}
