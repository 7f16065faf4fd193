/* tests/unit/both/test_missing.c
 * Sets that a page refers to and that a phone has lost, of many units at once, between phones and
 * the real server: a few rounds bring them, however many there are, over a line that holds for one
 * answer a time too; and a server that never gives them ends the sync. */
#include <stdio.h>

#include "client-lib/src/exchange.h"
#include "proto/frame.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/unreadable.h"

enum { MOST = 80 };

typedef struct {
    char name[24];
    sotay_id visit;
} place;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const place *)a)->name, ((const place *)b)->name);
}

/* The first units of the register, whatever they are, in order of name as their pages come. */
static void read_units(place *places, size_t count)
{
    char row[4096];
    size_t n = 0;
    FILE *file = fopen("server/catalogue/trung-khanh/units.tsv", "r");
    assert_non_null(file);
    while (n < count && fgets(row, sizeof row, file) != NULL)
        if (strncmp(row, "01477-", 6) == 0)
            (void)snprintf(places[n++].name, sizeof places->name, "%.*s",
                           (int)strcspn(row, "\t\n"), row);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(n, count);
    qsort(places, count, sizeof *places, by_name);
}

/* A visit of an's in each of so many units, which waits for the office, as he was suspended; both
 * phones have read all. */
static void make_visits(world *w, place *places, size_t count)
{
    phone *an = &w->phones[0];
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", "2026-03-12" } };
    const sotay_pairs pairs = { list, 2 };
    world_make_with(w, 1, (world_how){ 2, false });
    read_units(places, count);
    for (size_t i = 0; i < count; i++) {
        KIT_EXPECT(0, &w->book, "assign", "an", places[i].name);
        KIT_EXPECT(0, &w->book, "assign", "binh", places[i].name);
    }
    sync_phone_well(w, an, NULL);
    KIT_EXPECT(0, &w->book, "device", "suspend", device_of(an));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sotay_record_new(an->client, "visit", places[i].name, pairs,
                                          &places[i].visit, NULL),
                         SOTAY_OK);
    sync_phone_well(w, an, NULL);
    sync_phone_well(w, &w->phones[1], NULL);
}

/* The first sets of an's are lost on one phone. */
static phone *lose(world *w, size_t count, int whose)
{
    phone *an = &w->phones[0], *looks = &w->phones[whose];
    for (size_t n = count; n-- > 0;) {
        book_key key = set_of(looks, &an->client->me.device, n);
        damage(looks, &key, n % 2 == 0 ? MISSING : SPOILT);
    }
    return looks;
}

/* Then the office decides on all that is held. */
static phone *lose_and_decide(world *w, size_t count, int whose)
{
    phone *an = &w->phones[0], *looks = lose(w, count, whose);
    KIT_EXPECT(0, &w->book, "held", "accept", "--device", device_of(an), "--as", "office",
               "--reason", "đã hỏi");
    KIT_EXPECT(0, &w->book, "device", "suspend", device_of(an), "--lift");
    return looks;
}

static void must_have_all(phone *looks, const place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(phone_says(looks, sotay_show, &places[i].visit, "kiem_tra"));
}

static void test_sets_of_many_units(void **state)
{
    static const size_t COUNTS[] = { 1, 6, MOST };
    static place places[MOST];
    (void)state;
    for (size_t i = 0; i < 2 * sizeof COUNTS / sizeof COUNTS[0]; i++) {
        world w;
        sotay_report report;
        size_t count = COUNTS[i / 2];
        make_visits(&w, places, count);
        phone *looks = lose_and_decide(&w, count, i % 2);
        sync_phone_well(&w, looks, &report);
        assert_true(report.complete && !report.needs_person);
        assert_true(report.requests <= 3); /* one is found out, then the others; all come */
        must_have_all(looks, places, count);
        must_be_quiet(&w, looks);
        world_free(&w);
    }
}

/* What was recorded meanwhile goes up twice at most: in the round that was undone, and again. */
static void test_beside_what_is_unsent(void **state)
{
    static place places[MOST];
    enum { COUNT = 12, UNSENT = 120, CHARS = 900 };
    char text[CHARS + 1];
    world w;
    sotay_report report;
    (void)state;
    make_visits(&w, places, COUNT);
    phone *binh = lose_and_decide(&w, COUNT, 1);
    for (int i = 0; i < UNSENT; i++) {
        for (size_t c = 0; c < CHARS; c++)
            text[c] = (char)('a' + pick(&w, 26));
        text[CHARS] = '\0';
        sotay_id id = phone_visit(binh, "x");
        assert_int_equal(phone_set(binh, &id, "general_note", text), SOTAY_OK);
    }
    sync_phone_well(&w, binh, &report);
    assert_true(report.complete && report.requests <= 3);
    assert_true(report.stored > 0 && report.duplicate <= report.stored);
    assert_int_equal(report.sent_changes, 2 * UNSENT); /* what was undone counts once */
    assert_int_equal(report.received_changes, COUNT + 1); /* and that the device is in use */
    must_have_all(binh, places, COUNT);
    world_free(&w);
}

/* In a sync that has read the book anew as often as one may, for other reasons. */
static void test_beside_other_rounds(void **state)
{
    static place places[MOST];
    enum { COUNT = 6 };
    world w;
    sotay_sync *sync = NULL;
    sotay_report report;
    (void)state;
    make_visits(&w, places, COUNT);
    phone *binh = lose_and_decide(&w, COUNT, 1);
    assert_int_equal(sotay_sync_begin(binh->client, &sync, &w.error), SOTAY_OK);
    sync->rereads = 100;
    assert_int_equal(run(&w, sync, 0, &report), SOTAY_OK);
    assert_true(report.complete && !report.needs_person);
    must_have_all(binh, places, COUNT);
    world_free(&w);
}

/* The line holds for one answer in each sync: what that one found out is known in the next. */
static void test_one_answer_a_sync(void **state)
{
    static place places[MOST];
    enum { COUNT = 6 };
    (void)state;
    for (int whose = 0; whose < 2; whose++) {
        world w;
        make_visits(&w, places, COUNT);
        phone *looks = lose_and_decide(&w, COUNT, whose);
        for (int i = 0; i < 3; i++) {
            sotay_sync *sync = NULL;
            sotay_request request;
            st_buffer reply;
            bool again = false;
            phone_crash(looks, false);
            assert_int_equal(sotay_sync_begin(looks->client, &sync, &w.error), SOTAY_OK);
            assert_int_equal(sotay_sync_next(sync, &request, &w.error), SOTAY_OK);
            int status = answer(&w, &request, &reply);
            assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &w.error), SOTAY_OK);
            assert_int_equal(sotay_sync_end(sync, status, &again, &w.error), SOTAY_OK);
            st_buffer_free(&reply);
            sotay_sync_free(sync);
        }
        must_have_all(looks, places, COUNT);
        must_be_quiet(&w, looks);
        world_free(&w);
    }
}

/* ---- a server that changes its answers ---- */

/* Of sets of this device it gives references, whatever it is asked for. */
static void refer_only(st_page *page, const void *context, st_arena *arena)
{
    const st_id *device = context;
    for (uint32_t i = 0; i < page->entries_count; i++) {
        st_set set;
        st_entry *entry = (st_entry *)(uintptr_t)&page->entries[i];
        if (entry->set == NULL ||
            st_set_decode(entry->set, entry->set_len, arena, &set, NULL) != ST_OK ||
            st_id_cmp(&set.device, device) != 0)
            continue;
        entry->device = set.device;
        entry->first = set.first;
        entry->last = st_set_last(&set);
        entry->set = NULL;
        entry->set_len = 0;
    }
}

typedef void (*change_page)(st_page *page, const void *context, st_arena *arena);

static void change_pages(st_buffer *reply, change_page change, const void *context)
{
    enum { FRAMES = 400 };
    static st_frame frames[FRAMES];
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0, count = 0;
    st_err bad = ST_OK;
    st_arena arena;
    st_arena_init(&arena, (size_t)64 << 20);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, reply->data, reply->len, NULL), ST_OK);
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        assert_true(count < FRAMES);
        const uint8_t *copy = st_arena_copy(&arena, bytes, len);
        assert_int_equal(st_frame_decode(copy, len, &arena, &frames[count], NULL), ST_OK);
        if (frames[count].kind == ST_FRAME_PAGE)
            change(&frames[count].as.page, context, &arena);
        count++;
    }
    line_answer(frames, count, reply);
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
}

typedef struct {
    change_page change;
    const void *context;
    unsigned requests;
} other_server;

static int sync_with(world *w, phone *p, other_server *there, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    bool again = true;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    for (there->requests = 0; rc == SOTAY_OK && again; there->requests++) {
        sotay_request request;
        st_buffer reply;
        assert_true(there->requests < 20);
        assert_int_equal(sotay_sync_next(sync, &request, &w->error), SOTAY_OK);
        int status = answer(w, &request, &reply);
        change_pages(&reply, there->change, there->context);
        rc = sotay_sync_feed(sync, reply.data, reply.len, &w->error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &w->error);
        st_buffer_free(&reply);
    }
    sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

/* It says what is wrong soon, and loses nothing that an honest server brings later. */
static void test_a_server_that_never_gives_them(void **state)
{
    static place places[MOST];
    enum { COUNT = 6 };
    world w;
    sotay_report report;
    (void)state;
    make_visits(&w, places, COUNT);
    phone *an = lose_and_decide(&w, COUNT, 0);
    const st_id device = an->client->me.device;
    other_server liar = { .change = refer_only, .context = &device };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sync_with(&w, an, &liar, &report), SOTAY_E_CORRUPT);
        assert_true(liar.requests <= 3);
    }
    sync_phone_well(&w, an, NULL);
    must_have_all(an, places, COUNT);
    must_be_quiet(&w, an);
    world_free(&w);
}

/* A bucket of which this program cannot read the pages. */
static void make_newer(st_page *page, const void *context, st_arena *arena)
{
    (void)arena;
    if (strstr(page->bucket.s, context) != NULL)
        page->fold_version = 2;
}

/* Beside one that needs a newer program, own sets are not asked for in full for ever. */
static void test_beside_a_newer_bucket(void **state)
{
    static place places[MOST];
    world w;
    sotay_report report;
    (void)state;
    make_visits(&w, places, 2);
    phone *an = lose_and_decide(&w, 1, 0);
    other_server newer = { .change = make_newer, .context = places[1].name };
    assert_int_equal(sync_with(&w, an, &newer, &report), SOTAY_OK);
    assert_true(report.complete);
    must_have_all(an, places, 1);
    assert_false(an->client->me.asks_whole);
    world_free(&w);
}

/* ---- in the same answer ---- */

static sotay_id visit_in(phone *p, const char *unit)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", "2026-03-12" } };
    const sotay_pairs pairs = { list, 2 };
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", unit, pairs, &id, &p->error), SOTAY_OK);
    return id;
}

/* More than fits one page, of one unit. */
static void write_much(world *w, phone *p, const char *unit)
{
    enum { VISITS = 700, CHARS = 900 };
    char text[CHARS + 1];
    for (int i = 0; i < VISITS; i++) {
        for (size_t c = 0; c < CHARS; c++)
            text[c] = (char)('a' + pick(w, 26));
        text[CHARS] = '\0';
        sotay_id id = visit_in(p, unit);
        assert_int_equal(phone_set(p, &id, "general_note", text), SOTAY_OK);
    }
}

/* Pages that show a loss, then one that shows another store under this name: of that bucket no
 * later page is read over the gap. */
static void test_a_twin_behind_it(void **state)
{
    enum { COUNT = 3 };
    static place places[MOST];
    world w;
    sotay_report report;
    (void)state;
    make_visits(&w, places, COUNT);
    phone *an = &w.phones[0], *binh = &w.phones[1], *twin = &w.phones[2];
    const char *last = places[COUNT - 1].name;
    assert_int_equal(sotay_memory_copy(&binh->port, false, &twin->port, NULL), SOTAY_OK);
    phone_open(twin);
    sotay_id held = visit_in(an, last);
    sync_phone_well(&w, an, NULL);
    sotay_id first = visit_in(twin, last);
    write_much(&w, twin, last);
    sync_phone_well(&w, twin, NULL);
    (void)lose(&w, COUNT - 1, 1);
    KIT_EXPECT(0, &w.book, "held", "accept", "1", "2", "--as", "office", "--reason", "đã hỏi");
    sync_phone_well(&w, binh, &report);
    assert_int_equal(report.repaired_buckets, 0);
    assert_true(phone_says(binh, sotay_show, &first, "kiem_tra"));
    assert_true(phone_says(binh, sotay_history, &held, device_of(an)));
    must_have_all(binh, places, COUNT - 1);
    world_free(&w);
}

typedef struct {
    unsigned fetches;
} broken_line;

/* It breaks within the first piece of each answer. */
static int break_in_a_piece(void *context, const sotay_request *request, int status,
                            st_buffer *reply)
{
    broken_line *l = context;
    if (strcmp(request->path, "/v1/fetch") != 0)
        return status;
    l->fetches++;
    assert_true(reply->len > 13000);
    reply->len = 13000;
    return 0;
}

/* What came of a file is kept, also in a sync that reads anew what was lost. */
static void test_a_file_in_the_same_sync(void **state)
{
    enum { COUNT = 2, LEN = 100 * 1024 };
    static place places[MOST];
    static uint8_t data[LEN];
    world w;
    char item[SOTAY_ITEM_TEXT];
    bool is_here = true;
    broken_line broken = { 0 };
    line l = { .files = break_in_a_piece, .context = &broken };
    (void)state;
    make_visits(&w, places, COUNT);
    phone *binh = &w.phones[1], *chi = newcomer(&w, 2, "chi");
    sync_phone_well(&w, chi, NULL);
    sotay_id visit = phone_visit(chi, "chợ");
    for (size_t i = 0; i < LEN; i++)
        data[i] = (uint8_t)pick(&w, 256);
    memcpy(data, "%PDF-1.7\n", 9);
    const sotay_attachment file = { "a.pdf", data, LEN, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(chi->client, &visit, &file, item, &chi->error), SOTAY_OK);
    sync_phone_well(&w, chi, NULL);
    sync_phone_well(&w, binh, NULL);
    assert_int_equal(sotay_attachment_want(binh->client, &visit, item, &is_here, &binh->error),
                     SOTAY_OK);
    (void)lose_and_decide(&w, COUNT, 1);
    assert_int_equal(sync_over(&w, binh, &l, NULL), SOTAY_E_NETWORK);
    must_have_all(binh, places, COUNT);
    assert_int_equal(broken.fetches, 1);
    assert_int_equal(rows_count(binh, BOOK_PART), 1);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_of_many_units),
        cmocka_unit_test(test_beside_what_is_unsent),
        cmocka_unit_test(test_beside_other_rounds),
        cmocka_unit_test(test_one_answer_a_sync),
        cmocka_unit_test(test_a_server_that_never_gives_them),
        cmocka_unit_test(test_beside_a_newer_bucket),
        cmocka_unit_test(test_a_twin_behind_it),
        cmocka_unit_test(test_a_file_in_the_same_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
