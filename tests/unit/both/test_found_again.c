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

static void attach(phone *p, const sotay_id *visit)
{
    const sotay_attachment file = { "a.pdf", DATA, sizeof DATA, NULL, "biên bản", 0 };
    char item[SOTAY_ITEM_TEXT];
    assert_int_equal(sotay_attach(p->client, visit, &file, item, &p->error), SOTAY_OK);
}

static uint64_t bytes_of_files(const town *t)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(t->w.book.dir, &bytes, NULL), ST_OK);
    return bytes;
}

/* What became of the only file here. */
static attach_kind kind_of(phone *p)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    attach_row row;
    st_arena_init(&arena, 1 << 16);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    assert_int_equal(attach_next(&p->client->book, &scan, &arena, &row, NULL), ST_OK);
    client_abort(p->client);
    st_arena_reset(&arena);
    return row.kind;
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

/* Nothing names it: it is listed all the same, is read, and stays though a backup was made. */
static void assert_waits(town *t, phone *p, const sotay_id *visit)
{
    sotay_cleared cleared;
    sotay_file file;
    char item[SOTAY_ITEM_TEXT] = "", *list = NULL;
    assert_int_not_equal(kind_of(p), ATTACH_LEFT);
    assert_int_equal(sotay_attachment_list(p->client, visit, SOTAY_JSON, &list, NULL), SOTAY_OK);
    const char *at = strstr(list, "unnamed-");
    assert_non_null(at);
    assert_non_null(strstr(at, "\"state\":\"unsent\""));
    (void)snprintf(item, sizeof item, "%.*s", (int)strcspn(at, "\""), at);
    sotay_text_free(list);
    assert_int_equal(sotay_attachment_get(p->client, visit, item, false, &file, NULL), SOTAY_OK);
    assert_int_equal(file.len, sizeof DATA);
    free(file.data);
    tell_of_a_backup(t, p);
    assert_int_equal(sotay_attachment_clear(p->client, false, &cleared, &p->error), SOTAY_OK);
    assert_true(cleared.files == 0 && cleared.kept_files == 1);
    assert_true(phone_status_says(p, "\"attachments_waiting\":1,"));
    assert_true(phone_status_says(p, "\"safe_to_wipe\":false"));
    assert_int_equal(bytes_of_files(t), 0);
}

/* binh, who received the record, was away until now. */
static void assert_found(town *t, phone *an, phone *binh, const sotay_id *visit)
{
    sync_phone_well(&t->w, binh, NULL);
    sync_phone_well(&t->w, an, NULL);
    sync_phone_well(&t->w, an, NULL);
    assert_true(phone_says(an, sotay_show, visit, "a.pdf"));
    assert_int_equal(kind_of(an), ATTACH_SENT);
    assert_int_equal(bytes_of_files(t), sizeof DATA);
    assert_true(phone_status_says(an, "\"attachments_waiting\":0,"));
    KIT_EXPECT(0, &t->w.book, "verify");
}

/* A file that binh has read of comes after the backup; then the phone that has it loses its own
 * sets, and the office what the backup has not. */
static void lose_and_find(town *t, const sotay_id *visit, int how)
{
    phone *an = &t->w.phones[0], *binh = &t->w.phones[1];
    attach(an, visit);
    sync_phone_well(&t->w, an, NULL);
    sync_phone_well(&t->w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, visit, "a.pdf"));
    damage_all_own(an, how);
    restore(t);
    sync_phone_well(&t->w, an, NULL);
    sync_phone_well(&t->w, an, NULL);
    assert_waits(t, an, visit);
    assert_found(t, an, binh, visit);
}

/* The backup has neither record nor file. */
static void test_its_record_comes_back(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        town t;
        town_make(&t, 29);
        phone *an = &t.w.phones[0];
        for (size_t i = 0; i < PHONES; i++)
            sync_phone_well(&t.w, &t.w.phones[i], NULL);
        backup(&t);
        const sotay_id visit = phone_visit(an, "chợ");
        lose_and_find(&t, &visit, how);
        town_free(&t);
    }
}

/* The backup has the record, in which another change of somebody was declined once: that is no
 * decline of the file. */
static void test_another_change_was_declined(void **state)
{
    (void)state;
    for (size_t whose = 0; whose < PHONES; whose++) {
        town t;
        town_make(&t, 31);
        phone *an = &t.w.phones[0], *who = &t.w.phones[whose];
        const sotay_id visit = phone_visit(an, "chợ");
        for (size_t i = 0; i < PHONES; i++)
            sync_phone_well(&t.w, &t.w.phones[i], NULL);
        KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(who));
        assert_int_equal(phone_set(who, &visit, "place", "bến"), SOTAY_OK);
        sync_phone_well(&t.w, who, NULL);
        KIT_EXPECT(0, &t.w.book, "held", "decline", "--device", device_of(who), "--as", "office",
                   "--reason", "đã hỏi");
        KIT_EXPECT(0, &t.w.book, "device", "suspend", device_of(who), "--lift");
        for (size_t i = 0; i < 2u * PHONES; i++)
            sync_phone_well(&t.w, &t.w.phones[i % PHONES], NULL);
        backup(&t);
        lose_and_find(&t, &visit, MISSING);
        town_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_record_comes_back),
        cmocka_unit_test(test_another_change_was_declined),
    };
    return cmocka_run_group_tests_name("found again", tests, NULL, NULL);
}
