/* tests/unit/both/test_erase.c
 * A photo that the law wants destroyed goes from the phone that took it and from those that fetched
 * it, piece by piece; what other files consist of, and files that nobody spoke of, stay. */
#include "server/store/chunks.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/client-lib/rows.h"
#include "tests/unit/client-lib/stumble.h"

#include "client-lib/src/attach.h"
#include "client-lib/src/client.h"

#define KIB ((size_t)1024)
#define LEN (40 * KIB)

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
    char id[33];
    char item[SOTAY_ITEM_TEXT], other[SOTAY_ITEM_TEXT];
} desk;

/* The first 16 KiB, a piece, are the same for every seed. */
static void fill(uint8_t *data, uint64_t seed)
{
    uint64_t state = 1;
    for (size_t i = 0; i < LEN; i++) {
        if (i == 16 * KIB)
            state = seed;
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(state >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
}

static void attach(desk *d, uint64_t seed, char item[SOTAY_ITEM_TEXT])
{
    static uint8_t data[LEN];
    fill(data, seed);
    const sotay_attachment file = { "a.pdf", data, LEN, NULL, "riêng tư", 0 };
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error), SOTAY_OK);
}

static void sync_well(desk *d, phone *p)
{
    line l = { 0 };
    sync_over_well(&d->w, p, &l, NULL);
}

static int desk_open(void **state)
{
    static desk d;
    world_make_with(&d.w, 1, (world_how){ 2, false });
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    KIT_EXPECT(0, &d.w.book, "user", "add", "mai", "--name", "Mai", "--role", "office");
    KIT_EXPECT(0, &d.w.book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &d.w.book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    d.visit = phone_visit(d.an, "chợ");
    sotay_id_format(&d.visit, d.id);
    attach(&d, 7, d.item);
    attach(&d, 8, d.other);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

static void erase(desk *d, const char *item)
{
    char paths[3][96];
    static const char *const FIELDS[] = { "chunk_hashes", "name", "caption" };
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(paths[i], sizeof paths[i], "attachments.%s.%s", item, FIELDS[i]);
    KIT_EXPECT(0, &d->w.book, "erase", d->id, paths[0], paths[1], paths[2], "--as", "admin",
               "--second", "head", "--basis", "điều 14");
}

static void fetch(desk *d, phone *p, const char *item)
{
    bool is_here = false;
    assert_int_equal(sotay_attachment_want(p->client, &d->visit, item, &is_here, &p->error),
                     SOTAY_OK);
    sync_well(d, p);
}

static bool is_whole(desk *d, phone *p, const char *item)
{
    sotay_file file = { NULL, 0 };
    int rc = sotay_attachment_get(p->client, &d->visit, item, false, &file, &p->error);
    bool is = rc == SOTAY_OK && file.len == LEN;
    free(file.data);
    return is;
}

static void test_the_photo_goes_from_both_phones(void **state)
{
    desk *d = *state;
    sync_well(d, d->an);
    sync_well(d, d->binh);
    fetch(d, d->binh, d->item);
    fetch(d, d->binh, d->other);
    const size_t all = rows_count(d->an, BOOK_CHUNK);
    assert_int_equal(all, 5);                   /* two of three pieces each, and one of both */
    assert_int_equal(rows_count(d->binh, BOOK_CHUNK), all);
    erase(d, d->item);
    for (phone *p = d->an; p != NULL; p = p == d->an ? d->binh : NULL) {
        assert_true(is_whole(d, p, d->item));   /* has not heard of it */
        sync_well(d, p);
        assert_int_equal(rows_count(p, BOOK_CHUNK), all - 2);
        assert_int_equal(rows_count(p, BOOK_ATTACH), 1);
        assert_false(is_whole(d, p, d->item));
        assert_true(is_whole(d, p, d->other));
        assert_true(phone_status_says(p, "\"attachments_waiting\":0"));
    }
    erase(d, d->other);
    sync_well(d, d->an);
    assert_int_equal(rows_count(d->an, BOOK_CHUNK), 0);
    assert_int_equal(rows_count(d->an, BOOK_ATTACH), 0);
    KIT_EXPECT(0, &d->w.book, "verify");
}

/* A picture that is always the same: what it says can be looked for. */
#define THUMBNAIL "a picture of some points"

/* Does any row of the office hold it, the log's too? */
static bool office_holds(desk *d, const char *text)
{
    bool found = false;
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        store_txn txn = { 0 };
        store_cursor cursor = { 0 };
        assert_int_equal(store_begin(d->w.book.rooms.sync.store, STORE_READ_TXN, &txn, NULL),
                         ST_OK);
        assert_int_equal(store_cursor_open(&txn, (store_table)table, &cursor, NULL), ST_OK);
        assert_int_equal(store_seek(&cursor, store_text(""), NULL), ST_OK);
        while (cursor.is_valid && !found) {
            found = memmem(cursor.value.data, cursor.value.len, text, strlen(text)) != NULL;
            assert_int_equal(store_next(&cursor, NULL), ST_OK);
        }
        store_cursor_close(&cursor);
        store_end(&txn);
    }
    return found;
}

/* Whoever has a photo erased means what is on it: the thumbnail is the photo, and name and caption
 * say who is on it. They go with it, unnamed, and what was said of it in words of its own stays. */
static void test_what_shows_the_photo_goes_with_it(void **state)
{
    desk *d = *state;
    static const char *const GOES[] = { THUMBNAIL, "anh_ba_Mui", "bà Mùi trước nhà",
                                        "bà Mùi ở sân" };
    char item[SOTAY_ITEM_TEXT], path[96], caption[96];
    static const uint8_t PNG[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                   'I',  'H', 'D', 'R', 0,    0,    0,    90,   0, 0, 0, 40,
                                   1,    0,   0,   0,   0,    0,    0,    0,    0, 0, 0, 0,
                                   0,    'I', 'E', 'N', 'D',  0,    0,    0,    0 };
    const sotay_attachment file = { "anh_ba_Mui.png", PNG, sizeof PNG, NULL, "bà Mùi trước nhà",
                                    50 };
    d->an->port.picture = paint_same;
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error), SOTAY_OK);
    d->an->port.picture = NULL;
    sync_well(d, d->an);
    (void)snprintf(caption, sizeof caption, "attachments.%s.caption", item);
    assert_int_equal(phone_set(d->an, &d->visit, caption, "bà Mùi ở sân"), SOTAY_OK);
    sync_well(d, d->an);
    sync_well(d, d->binh);
    for (size_t i = 0; i < 4; i++) {
        assert_true(office_holds(d, GOES[i]));
        assert_true(rows_hold(d->an, GOES[i]));
    }
    assert_true(rows_hold(d->binh, THUMBNAIL));
    (void)snprintf(path, sizeof path, "attachments.%s.chunk_hashes", item);
    KIT_EXPECT(0, &d->w.book, "erase", d->id, path, "--as", "admin", "--second", "head", "--basis",
               "điều 14");
    assert_true(kit_says(KIT_OUT(&d->w.book), "5 values erased"));
    sync_well(d, d->an);
    sync_well(d, d->binh);
    for (size_t i = 0; i < 4; i++) {
        assert_false(office_holds(d, GOES[i]));
        assert_false(rows_hold(d->an, GOES[i]));
        assert_false(rows_hold(d->binh, GOES[i]));
    }
    assert_true(rows_hold(d->binh, "riêng tư")); /* of the other files */
    KIT_EXPECT(0, &d->w.book, "verify");
}

static void sync_metered(desk *d, sotay_report *report)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, true);
    assert_int_equal(run(&d->w, sync, 0, report), SOTAY_OK);
}

/* The change came by a line that carries no files: what is destroyed is not sent any more. */
static void test_what_was_not_sent_yet_is_not_sent(void **state)
{
    desk *d = *state;
    sotay_report report;
    sync_metered(d, &report);
    assert_int_equal(report.attachments_waiting, 2);
    erase(d, d->item);
    sync_metered(d, &report);
    assert_int_equal(report.attachments_waiting, 1);
    assert_int_equal(rows_count(d->an, BOOK_CHUNK), 3);
    sync_well(d, d->an);
    assert_true(is_whole(d, d->an, d->other));
    KIT_EXPECT(0, &d->w.book, "verify");
}

/* Pieces that lie sealed on a carrier's phone go as well: he is told that the server has done with
 * them, and it keeps none. Those of the other file it keeps, as ever. */
static void test_it_goes_from_who_carries_it(void **state)
{
    desk *d = *state;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made, taken;
    sotay_slice bytes = { NULL, 0 };
    sotay_report report;
    assert_int_equal(sotay_bundle_begin(d->an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    assert_true(made.pieces >= 5);
    assert_int_equal(sotay_bundle_import(d->binh->client, bytes.data, bytes.len, &taken, NULL),
                     SOTAY_OK);
    sotay_bundle_free(bundle);
    sync_metered(d, &report);                   /* the record is there, no piece of its files */
    erase(d, d->item);
    const size_t carried = rows_count(d->binh, BOOK_PARCEL);
    assert_true(carried > 5);
    sync_well(d, d->binh);
    assert_int_equal(rows_count(d->binh, BOOK_PARCEL), 0);
    uint64_t kept = 0;
    assert_int_equal(chunks_total(d->w.book.dir, &kept, NULL), ST_OK);
    assert_int_equal(kept, LEN);                /* one whole file of the two */
    sync_well(d, d->an);
    assert_true(is_whole(d, d->an, d->other));
    assert_false(is_whole(d, d->an, d->item));
    KIT_EXPECT(0, &d->w.book, "verify");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_photo_goes_from_both_phones),
        CASE(test_what_shows_the_photo_goes_with_it),
        CASE(test_what_was_not_sent_yet_is_not_sent),
        CASE(test_it_goes_from_who_carries_it),
    };
    return cmocka_run_group_tests_name("erase", tests, NULL, NULL);
}
