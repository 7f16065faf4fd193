/* tests/unit/both/test_offered.c
 * Somebody carries a file for another one, and the office does not know yet what it belongs to: the
 * file is not sent whole in every sync, and never over a metered line; it goes when what names it
 * does, and in the end by itself. */
#include "client-lib/src/carried.h"
#include "client-lib/src/client.h"
#include "client-lib/src/exchange.h"
#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

#define LEN ((size_t)40 * 1024)

typedef struct {
    world w;
    phone *an, *binh; /* binh carries */
    sotay_id visit;
} valley;

static void attach(valley *v)
{
    static uint8_t data[LEN];
    char item[SOTAY_ITEM_TEXT];
    uint64_t state = 9;
    for (size_t i = 0; i < LEN; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(state >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
    const sotay_attachment file = { "a.pdf", data, LEN, NULL, "biên bản", 0 };
    assert_int_equal(sotay_attach(v->an->client, &v->visit, &file, item, NULL), SOTAY_OK);
}

/* What lies on an's phone, sealed in a file, is on binh's. */
static void hand_over(valley *v)
{
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    assert_int_equal(sotay_bundle_begin(v->an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_import(v->binh->client, bytes.data, bytes.len, &report, NULL),
                     SOTAY_OK);
    sotay_bundle_free(bundle);
}

/* The part of the file with the sets was lost on the way. */
static void lose_sets(phone *p)
{
    st_error error = { 0 };
    book_key prefix = book_key_of(BOOK_PARCEL);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    while (book_scan_next(&p->client->book, &scan, NULL, NULL, &error) == ST_OK)
        if (scan.at.b[1] == ST_PARCEL_SET)
            assert_int_equal(book_delete(&p->client->book, &scan.at, &error), ST_OK);
    assert_int_equal(client_commit(p->client, &error), ST_OK);
}

static void valley_make(valley *v, uint64_t seed)
{
    memset(v, 0, sizeof *v);
    world_make_with(&v->w, seed, (world_how){ .phones = 2 });
    v->an = &v->w.phones[0];
    v->binh = &v->w.phones[1];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(&v->w, &v->w.phones[i], 0, NULL), SOTAY_OK);
    v->visit = phone_visit(v->an, "suối");
    attach(v);
    hand_over(v);
}

static uint64_t bytes_up(valley *v, bool is_metered)
{
    sotay_sync *sync = NULL;
    sotay_report report;
    assert_int_equal(sotay_sync_begin(v->binh->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, is_metered);
    assert_int_equal(run(&v->w, sync, 0, &report), SOTAY_OK);
    return report.bytes_up;
}

static void test_it_is_not_sent_each_time(void **state)
{
    (void)state;
    valley v;
    uint64_t bytes = 0;
    size_t pieces = 0;
    valley_make(&v, 61);
    lose_sets(v.binh);
    pieces = rows_count(v.binh, BOOK_PARCEL);
    assert_true(pieces > 0);
    assert_true(bytes_up(&v, true) < LEN / 4); /* not on this line */
    assert_true(bytes_up(&v, false) > LEN);
    for (int i = 0; i < 16; i++)
        bytes += bytes_up(&v, false);
    assert_true(bytes < 6 * LEN);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), pieces);
    assert_int_equal(rows_count(v.binh, BOOK_OFFERED), pieces);
    hand_over(&v); /* once more, and with it what names them */
    assert_true(bytes_up(&v, false) > LEN);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
    assert_int_equal(rows_count(v.binh, BOOK_OFFERED), 0);
    KIT_EXPECT(0, &v.w.book, "verify");
    world_free(&v.w);
}

/* The author's phone brings the set by itself: the file follows with one of the next syncs. */
static void test_it_goes_in_the_end(void **state)
{
    (void)state;
    valley v;
    valley_make(&v, 62);
    lose_sets(v.binh);
    for (int i = 0; i < 5; i++)
        (void)bytes_up(&v, false);
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(v.an->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, true); /* its own files wait for another line */
    assert_int_equal(run(&v.w, sync, 0, NULL), SOTAY_OK);
    for (int i = 0; i < 64 && rows_count(v.binh, BOOK_PARCEL) > 0; i++)
        (void)bytes_up(&v, false);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
    assert_int_equal(rows_count(v.binh, BOOK_OFFERED), 0);
    world_free(&v.w);
}

/* A set of somebody that nobody can open, of zeros: on the line it is small. */
static void carry_a_set(phone *p, size_t len)
{
    static uint8_t bytes[ST_PARCEL_BYTES_MAX];
    const st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = { { 9 } }, .first = 1,
                               .sealed = bytes, .sealed_len = len };
    st_error error = { 0 };
    bool is_new = false;
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    assert_int_equal(carried_take_parcel(p->client, &parcel, &is_new, &error), ST_OK);
    assert_int_equal(client_commit(p->client, &error), ST_OK);
    assert_true(is_new);
}

/* Sets of others fill a request: it goes with them all the same, in the next one. */
static void test_it_goes_behind_a_full_request(void **state)
{
    (void)state;
    valley v;
    sotay_report report;
    sotay_sync *sync = NULL;
    valley_make(&v, 63);
    lose_sets(v.binh);
    assert_true(bytes_up(&v, false) > LEN); /* the next sync would leave it out */
    carry_a_set(v.binh, LEN);
    assert_int_equal(sotay_sync_begin(v.binh->client, &sync, NULL), SOTAY_OK);
    sync->sets_bytes = LEN / 2;
    assert_int_equal(run(&v.w, sync, 0, &report), SOTAY_OK);
    assert_true(report.bytes_up > LEN);
    world_free(&v.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_not_sent_each_time),
        cmocka_unit_test(test_it_goes_in_the_end),
        cmocka_unit_test(test_it_goes_behind_a_full_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
