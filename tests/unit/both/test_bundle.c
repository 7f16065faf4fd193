/* tests/unit/both/test_bundle.c
 * Bundles that lie in files: made and read bit by bit, whatever their size. What breaks on the way
 * leaves nothing of a file that is not whole, and the same file again brings the rest. */
#include "tests/unit/both/world.h"
#include "tests/unit/client-lib/rows.h"

#include "client-lib/src/carried.h"
#include "client-lib/src/client.h"
#include "proto/limits.h"

#define FILE_BYTES ((size_t)700000)
#define FILES      4u
#define SHELF_MAX  8u

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* What a program keeps of a file. */
typedef struct {
    uint8_t *bytes;
    size_t len, most;       /* most: bytes at one time */
    size_t calls, fails_at; /* 0: never */
    size_t spoiled_from;    /* reads from this call on give other bytes; 0: never */
} paper;

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
} desk;

static int desk_open(void **state)
{
    static desk d;
    st_error error = { 0 };
    http_config config = { .listen = "127.0.0.1:0", .threads = 2, .quiet = true };
    memset(&d, 0, sizeof d);
    world_make_with(&d.w, 1, (world_how){ 2, false });
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    d.visit = phone_visit(d.an, "chợ");
    for (uint64_t n = 0; n < FILES; n++) {
        uint8_t *data = malloc(FILE_BYTES);
        char item[SOTAY_ITEM_TEXT];
        uint64_t seed = n + 1;
        assert_non_null(data);
        for (size_t i = 0; i < FILE_BYTES; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            data[i] = (uint8_t)(seed >> 56);
        }
        memcpy(data, "%PDF-1.7\n", 9);
        const sotay_attachment file = { "a.pdf", data, FILE_BYTES, NULL, NULL, 0 };
        assert_int_equal(sotay_attach(d.an->client, &d.visit, &file, item, &d.an->error), SOTAY_OK);
        free(data);
    }
    if (http_start(&d.w.book.rooms, &config, TOKEN, &d.w.door, &error) != ST_OK)
        fail_msg("%s", error.detail);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    assert_true(http_drain(d->w.door, 3000));
    http_stop(d->w.door);
    d->w.door = NULL;
    world_free(&d->w);
    return 0;
}

/* ---- writing ---- */

static int put_bytes(void *context, const void *bytes, size_t len, sotay_error *error)
{
    paper *p = context;
    if (++p->calls == p->fails_at) {
        (void)snprintf(error->detail, sizeof error->detail, "the stick is full");
        return SOTAY_E_STORAGE;
    }
    p->bytes = realloc(p->bytes, p->len + len);
    assert_non_null(p->bytes);
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
    p->most = len > p->most ? len : p->most;
    return SOTAY_OK;
}

/* The head, which came last, in front. */
static void put_head(paper *p, sotay_slice head)
{
    p->bytes = realloc(p->bytes, p->len + head.len);
    assert_non_null(p->bytes);
    memmove(p->bytes + head.len, p->bytes, p->len);
    memcpy(p->bytes, head.data, head.len);
    p->len += head.len;
}

/* All of the phone's bundles, none over `bytes_max`; free each. Returns how many. */
static size_t make_papers(phone *p, size_t bytes_max, paper papers[SHELF_MAX],
                          sotay_bundle_report *out_total)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report = { .more = true };
    size_t count = 0;
    memset(out_total, 0, sizeof *out_total);
    assert_int_equal(sotay_bundle_begin(p->client, &bundle, &p->error), SOTAY_OK);
    sotay_bundle_limit(bundle, bytes_max);
    while (report.more) {
        sotay_slice head = { NULL, 0 };
        assert_true(count < SHELF_MAX);
        papers[count] = (paper){ 0 };
        sotay_bundle_spool(bundle, put_bytes, &papers[count]);
        assert_int_equal(sotay_bundle_make(bundle, &head, &report, &p->error), SOTAY_OK);
        put_head(&papers[count++], head);
        out_total->sets += report.sets;
        out_total->pieces += report.pieces;
        out_total->unreadable += report.unreadable;
    }
    sotay_bundle_free(bundle);
    return count;
}

static paper make_paper(phone *p)
{
    paper papers[SHELF_MAX];
    sotay_bundle_report total;
    assert_int_equal(make_papers(p, SOTAY_BUNDLE_BYTES_MAX, papers, &total), 1);
    assert_true(total.sets > 0 && total.pieces > 0);
    return papers[0];
}

/* ---- reading ---- */

static int get_bytes(void *context, uint64_t at, void *bytes, size_t len, sotay_error *error)
{
    paper *p = context;
    assert_true(at <= p->len && len <= p->len - at);
    if (++p->calls == p->fails_at) {
        (void)snprintf(error->detail, sizeof error->detail, "the stick was pulled out");
        return SOTAY_E_STORAGE;
    }
    memcpy(bytes, p->bytes + at, len);
    if (p->spoiled_from > 0 && p->calls >= p->spoiled_from)
        ((uint8_t *)bytes)[len / 2] ^= 1;
    p->most = len > p->most ? len : p->most;
    return SOTAY_OK;
}

static int import_paper(phone *p, paper *from, sotay_bundle_report *out_report)
{
    const sotay_bundle_source source = { from, get_bytes, from->len };
    from->calls = from->most = 0;
    return sotay_bundle_import_from(p->client, &source, out_report, &p->error);
}

static uint64_t carried_by(phone *p)
{
    carried_counts counts = { 0, 0 };
    st_error error = { 0 };
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    assert_int_equal(carried_count(p->client, &counts, &error), ST_OK);
    client_abort(p->client);
    return counts.waiting;
}

static void meet_the_server(desk *d, phone *carrier)
{
    sotay_report report;
    assert_int_equal(sync_phone(&d->w, carrier, 0, NULL), SOTAY_OK);
    assert_int_equal(carried_by(carrier), 0);
    assert_int_equal(sync_phone(&d->w, d->an, 0, &report), SOTAY_OK);
    assert_int_equal(report.stored, 0); /* it is there already */
    assert_int_equal(report.duplicate, 1);
    KIT_EXPECT(0, &d->w.book, "verify");
}

/* ---- the tests ---- */

/* What is put together from parts and head is the file that is made whole in memory, but for the
 * seals; neither side holds more than one part of it. */
static void test_made_and_read_part_by_part(void **state)
{
    desk *d = *state;
    sotay_bundle *bundle = NULL;
    sotay_slice whole = { NULL, 0 };
    sotay_bundle_report made, taken;
    paper p = make_paper(d->an);
    assert_true(p.most <= ST_FRAME_BYTES_MAX / 4);
    assert_true(p.len > FILES * FILE_BYTES);
    assert_int_equal(sotay_bundle_begin(d->an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &whole, &made, NULL), SOTAY_OK);
    assert_int_equal(whole.len, p.len);
    assert_memory_equal(whole.data, p.bytes, 16);
    sotay_bundle_free(bundle);
    assert_int_equal(import_paper(d->binh, &p, &taken), SOTAY_OK);
    assert_int_equal(taken.sets, made.sets);
    assert_int_equal(taken.pieces, made.pieces);
    assert_int_equal(taken.known, 0);
    assert_false(taken.more);
    assert_true(p.most <= ST_FRAME_BYTES_MAX / 4);
    assert_int_equal(carried_by(d->binh), made.sets + made.pieces);
    assert_int_equal(import_paper(d->binh, &p, &taken), SOTAY_OK);
    assert_int_equal(taken.known, made.sets + made.pieces);
    assert_int_equal(taken.sets + taken.pieces, 0);
    meet_the_server(d, d->binh);
    free(p.bytes);
}

/* Several files: none over its size, nothing in two of them, in any order. */
static void test_several_files(void **state)
{
    desk *d = *state;
    paper papers[SHELF_MAX];
    sotay_bundle_report total, taken;
    uint64_t sets = 0, pieces = 0;
    size_t count = make_papers(d->an, SOTAY_BUNDLE_BYTES_LEAST, papers, &total);
    assert_true(count >= 3);
    for (size_t i = count; i-- > 0;) {
        assert_true(papers[i].len <= SOTAY_BUNDLE_BYTES_LEAST);
        assert_int_equal(import_paper(d->binh, &papers[i], &taken), SOTAY_OK);
        assert_int_equal(taken.known, 0);
        sets += taken.sets;
        pieces += taken.pieces;
        free(papers[i].bytes);
    }
    assert_int_equal(sets, total.sets);
    assert_int_equal(pieces, total.pieces);
    meet_the_server(d, d->binh);
}

/* The stick gets full, at any part: it is said in the program's own words, the bundle is over, and
 * the next one has all of it. */
static void test_a_full_stick(void **state)
{
    desk *d = *state;
    paper good = make_paper(d->an);
    const size_t parts = good.calls;
    for (size_t n = 1; n <= parts; n += 1 + parts / 7) {
        sotay_bundle *bundle = NULL;
        sotay_slice head = { NULL, 0 };
        sotay_bundle_report report;
        paper p = { .fails_at = n };
        assert_int_equal(sotay_bundle_begin(d->an->client, &bundle, NULL), SOTAY_OK);
        sotay_bundle_spool(bundle, put_bytes, &p);
        assert_int_equal(sotay_bundle_make(bundle, &head, &report, &d->an->error), SOTAY_E_STORAGE);
        assert_string_equal(d->an->error.detail, "the stick is full");
        assert_int_equal(sotay_bundle_make(bundle, &head, &report, NULL), SOTAY_E_STORAGE);
        assert_int_equal(p.calls, n); /* nothing more is written to it */
        sotay_bundle_free(bundle);
        free(p.bytes);
    }
    paper again = make_paper(d->an);
    assert_int_equal(again.len, good.len);
    free(again.bytes);
    free(good.bytes);
}

/* The stick is pulled out: before the file was seen whole, nothing of it is taken; afterwards, what
 * was taken stays, and the same file again brings the rest. */
static void test_a_stick_that_is_pulled_out(void **state)
{
    desk *d = *state;
    sotay_bundle_report report;
    paper p = make_paper(d->an);
    const size_t parts = p.calls;
    uint64_t before = 0;
    p.fails_at = 0;
    for (size_t n = 1; n <= 2 + 2 * parts; n += 1 + parts / 5) {
        p.fails_at = n;
        assert_int_equal(import_paper(d->binh, &p, &report), SOTAY_E_STORAGE);
        assert_string_equal(d->binh->error.detail, "the stick was pulled out");
        assert_int_equal(carried_by(d->binh), 0);
    }
    p.fails_at = 2 + 3 * parts; /* the last part, when it is taken */
    assert_int_equal(import_paper(d->binh, &p, &report), SOTAY_E_STORAGE);
    before = carried_by(d->binh);
    assert_true(before > 0 && before < parts);
    p.fails_at = 0;
    assert_int_equal(import_paper(d->binh, &p, &report), SOTAY_OK);
    assert_int_equal(report.known, before);
    assert_int_equal(report.sets + report.pieces, parts - before);
    assert_int_equal(carried_by(d->binh), parts);
    meet_the_server(d, d->binh);
    free(p.bytes);
}

/* A file that is another one the second time it is read. */
static void test_a_file_that_changes_meanwhile(void **state)
{
    desk *d = *state;
    sotay_bundle_report report;
    paper p = make_paper(d->an);
    const size_t parts = p.calls;
    const size_t from[] = { 1, 2, 3, 2 + parts, 3 + parts, 2 + 2 * parts, 3 + 2 * parts };
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        p.spoiled_from = from[i];
        int rc = import_paper(d->binh, &p, &report);
        assert_true(rc == SOTAY_E_CORRUPT || rc == SOTAY_E_SIGNATURE);
        assert_int_equal(carried_by(d->binh), 0);
    }
    p.spoiled_from = 0;
    assert_int_equal(import_paper(d->binh, &p, &report), SOTAY_OK);
    assert_int_equal(carried_by(d->binh), parts);
    free(p.bytes);
}

/* A set that does not open is said to be left out with one of the files, not with each. */
static void test_what_is_left_out_of_several(void **state)
{
    desk *d = *state;
    paper papers[SHELF_MAX];
    sotay_bundle_report total;
    rows_seal(d->an);
    const book_key set = book_key_counter(BOOK_SET, &d->an->client->me.device, 1);
    rows_spoil(d->an, &set);
    size_t count = make_papers(d->an, SOTAY_BUNDLE_BYTES_LEAST, papers, &total);
    assert_true(count > 1);
    assert_int_equal(total.unreadable, 1);
    for (size_t i = 0; i < count; i++)
        free(papers[i].bytes);
}

/* Where commits finish later, each transaction is a step of its own, and a last call finds that all
 * is there. */
static void test_a_port_that_finishes_later(void **state)
{
    desk *d = *state;
    sotay_bundle_report report;
    paper p = make_paper(d->an);
    const size_t parts = p.calls;
    uint64_t taken = 0, steps = 0;
    int rc = SOTAY_OK;
    sotay_memory_pending(&d->binh->port, true, false);
    do {
        rc = import_paper(d->binh, &p, &report);
        assert_int_equal(rc, SOTAY_PENDING);
        assert_int_equal(report.known, taken);
        taken += report.sets + report.pieces;
        steps++;
        assert_int_equal(import_paper(d->binh, &p, &(sotay_bundle_report){ 0 }), SOTAY_E_BUSY);
        assert_int_equal(sotay_memory_settle(&d->binh->port, d->binh->client, SOTAY_OK, NULL),
                         SOTAY_OK);
        assert_int_equal(carried_by(d->binh), taken);
    } while (report.more);
    assert_int_equal(taken, parts);
    assert_true(steps >= 3);
    sotay_memory_pending(&d->binh->port, false, false);
    assert_int_equal(import_paper(d->binh, &p, &report), SOTAY_OK);
    assert_int_equal(report.known, parts);
    free(p.bytes);
}

/* What is no bundle, or of no length that one has, is not read far. */
static void test_files_that_are_none(void **state)
{
    desk *d = *state;
    sotay_bundle_report report;
    paper p = make_paper(d->an);
    paper empty = { .bytes = p.bytes }, text = { .bytes = p.bytes + 1, .len = p.len - 1 };
    assert_int_equal(import_paper(d->binh, &empty, &report), SOTAY_E_CORRUPT);
    assert_int_equal(empty.calls, 0);
    assert_int_equal(import_paper(d->binh, &text, &report), SOTAY_E_CORRUPT);
    assert_int_equal(text.calls, 1);
    for (size_t len = 1; len < p.len; len += 1 + p.len / 9) {
        paper cut = { .bytes = p.bytes, .len = len };
        assert_int_equal(import_paper(d->binh, &cut, &report), SOTAY_E_CORRUPT);
    }
    const sotay_bundle_source larger = { &p, get_bytes, (uint64_t)SOTAY_BUNDLE_BYTES_MAX + 1 };
    p.calls = 0;
    assert_int_equal(sotay_bundle_import_from(d->binh->client, &larger, &report, NULL),
                     SOTAY_E_TOO_LARGE);
    assert_int_equal(p.calls, 1);
    assert_int_equal(carried_by(d->binh), 0);
    free(p.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_made_and_read_part_by_part),
        TEST(test_several_files),
        TEST(test_what_is_left_out_of_several),
        TEST(test_a_full_stick),
        TEST(test_a_stick_that_is_pulled_out),
        TEST(test_a_file_that_changes_meanwhile),
        TEST(test_a_port_that_finishes_later),
        TEST(test_files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
