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

/* The first units of the register, whatever they are. */
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

/* The sets of these visits are lost on one phone; then the office decides on them. */
static phone *lose_and_decide(world *w, size_t count, int whose)
{
    phone *an = &w->phones[0], *looks = &w->phones[whose];
    for (size_t n = count; n-- > 0;) {
        book_key key = set_of(looks, &an->client->me.device, n);
        damage(looks, &key, n % 2 == 0 ? MISSING : SPOILT);
    }
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

/* Of sets of this device it gives references, whatever it is asked for. */
static void refer_only(st_page *page, const st_id *device, st_arena *arena)
{
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

static void make_it_refer(st_buffer *reply, const st_id *device)
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
            refer_only(&frames[count].as.page, device, &arena);
        count++;
    }
    line_answer(frames, count, reply);
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
}

static int sync_with_a_liar(world *w, phone *p, unsigned *out_requests)
{
    sotay_sync *sync = NULL;
    bool again = true;
    const st_id device = p->client->me.device;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    for (*out_requests = 0; rc == SOTAY_OK && again; ++*out_requests) {
        sotay_request request;
        st_buffer reply;
        assert_true(*out_requests < 20);
        assert_int_equal(sotay_sync_next(sync, &request, &w->error), SOTAY_OK);
        int status = answer(w, &request, &reply);
        make_it_refer(&reply, &device);
        rc = sotay_sync_feed(sync, reply.data, reply.len, &w->error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &w->error);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    return rc;
}

/* It says what is wrong soon, and loses nothing that an honest server brings later. */
static void test_a_server_that_never_gives_them(void **state)
{
    static place places[MOST];
    enum { COUNT = 6 };
    world w;
    unsigned requests = 0;
    (void)state;
    make_visits(&w, places, COUNT);
    phone *an = lose_and_decide(&w, COUNT, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sync_with_a_liar(&w, an, &requests), SOTAY_E_CORRUPT);
        assert_true(requests <= 3);
    }
    sync_phone_well(&w, an, NULL);
    must_have_all(an, places, COUNT);
    must_be_quiet(&w, an);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
