/* tests/unit/both/test_phones.c
 * Phones and the real server, without a network between them: whatever order three officers record
 * in, lose replies, crash and meet in, in the end all phones and the book show the same, and the
 * book's own check finds nothing wrong. */
#include "tests/unit/server/operator_kit.h"

#include "server/http/request.h"
#include "tests/unit/client-lib/phone.h"

#define PHONES  3
#define RECORDS 6
#define STEPS   120

typedef struct {
    kit_book book;
    phone phones[PHONES];
    sotay_id records[RECORDS];
    size_t records_count;
    uint64_t random;
    int64_t now_ms;
} world;

static uint32_t pick(world *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

/* What sotayd does with a request, without the socket. */
static int answer(world *w, const sotay_request *asked, st_buffer *out_reply)
{
    http_request request;
    memset(&request, 0, sizeof request);
    request.rooms = &w->book.rooms;
    request.method = asked->method;
    request.path = asked->path;
    request.status = 200;
    request.body = malloc(asked->body_bytes);
    assert_non_null(request.body);
    memcpy(request.body, asked->body, asked->body_bytes);
    request.body_len = asked->body_bytes;
    st_buffer_init(&request.reply, ST_BODY_BYTES_MAX);
    if (strcmp(asked->path, "/v1/enrol") == 0)
        http_handle_enrol(&request);
    else
        http_handle_sync(&request);
    free(request.body);
    *out_reply = request.reply;
    return request.status;
}

/* 0: all goes well; else one reply in `bad` is lost or cut. */
static int run(world *w, sotay_sync *sync, uint32_t bad, sotay_report *out_report)
{
    bool again = true;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        again = false;
        rc = sotay_sync_next(sync, &request, NULL);
        if (rc != SOTAY_OK)
            break;
        int status = answer(w, &request, &reply);
        size_t len = reply.len;
        if (bad > 0 && pick(w, bad) == 0) {
            len = pick(w, (uint32_t)reply.len + 1);
            status = 0;
        }
        if (len > 0)
            rc = sotay_sync_feed(sync, reply.data, len, NULL);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, NULL);
        st_buffer_free(&reply);
    }
    if (out_report != NULL)
        sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

static int sync_phone(world *w, phone *p, uint32_t bad, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    return rc == SOTAY_OK ? run(w, sync, bad, out_report) : rc;
}

static void join(world *w, size_t n, const char *login)
{
    phone *p = &w->phones[n];
    sotay_sync *sync = NULL;
    assert_int_equal(KIT_CALL(&w->book, "user", "add", login, "--name", login, "--role", "officer"),
                     0);
    assert_int_equal(KIT_CALL(&w->book, "assign", login, KIT_UNIT), 0);
    assert_int_equal(KIT_CALL(&w->book, "enrol", login), 0);
    char *link = strstr((char *)w->book.out.data, "http");
    assert_non_null(link);
    link[strcspn(link, "\n")] = '\0';
    phone_new(p, 1000 + n);
    assert_int_equal(sotay_enrol_begin(p->client, link, NULL, &sync, &p->error), SOTAY_OK);
    assert_int_equal(run(w, sync, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
}

static void world_make(world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->now_ms = PHONE_WALL_MS;
    kit_make(&w->book, false);
    w->book.public_url = "http://127.0.0.1:1";
    assert_int_equal(
        KIT_CALL(&w->book, "user", "add", "office", "--name", "Office", "--role", "office"), 0);
    join(w, 0, "an");
    join(w, 1, "binh");
    join(w, 2, "chi");
}

static void world_free(world *w)
{
    for (size_t i = 0; i < PHONES; i++)
        phone_free(&w->phones[i]);
    kit_remove(&w->book);
}

/* ---- what people do ---- */

static void make_visit(world *w, phone *p)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", "2026-03-12" } };
    const sotay_pairs pairs = { list, 2 };
    sotay_id *id = &w->records[w->records_count];
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, id, &p->error),
                     SOTAY_OK);
    w->records_count++;
}

/* One random thing; refusals are fine (the record is not there yet, or finalised). */
static void do_something(world *w, phone *p)
{
    static const char *const PATHS[] = { "general_note", "place", "ratings.m1.rating",
                                         "visit_date" };
    static const char *const VALUES[][3] = { { "A", "B", NULL },
                                             { "chợ", "trường", NULL },
                                             { "dat", "chua_dat", "vuot" },
                                             { "2026-03-11", "2026-03-13", "2026-03-12" } };
    char item[SOTAY_ITEM_TEXT];
    const sotay_id *id = &w->records[pick(w, (uint32_t)w->records_count)];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    uint32_t at = pick(w, 4);
    int rc = SOTAY_OK;
    switch (pick(w, 12)) {
    case 0: rc = sotay_record_finalise(p->client, id, NULL); break;
    case 1: rc = sotay_record_withdraw(p->client, id, "nhầm", NULL); break;
    case 2: rc = sotay_record_reopen(p->client, id, "không nhầm", NULL); break;
    case 3:
        rc = sotay_item_new(p->client, id, "findings", one, item, NULL);
        if (rc == SOTAY_OK && pick(w, 2) == 0)
            rc = sotay_item_drop(p->client, id, "findings", item, NULL);
        break;
    case 4: rc = sotay_record_remark(p->client, id, "ghi thêm", NULL); break;
    case 5: rc = sotay_draft_put(p->client, id, "place", "gõ dở", NULL); break;
    default: rc = phone_set(p, id, PATHS[at], VALUES[at][pick(w, 3)]);
    }
    assert_true(rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_STATE);
}

static char *shown(phone *p, const sotay_id *id)
{
    char *json = NULL;
    int rc = sotay_show(p->client, id, SOTAY_JSON, &json, &p->error);
    if (rc != SOTAY_OK)
        print_message("  show: %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
    return json;
}

/* Everybody syncs until nobody has anything new (a working copy that was refused may pass once the
 * others' acts are known); then all must show the same. */
static void meet_and_compare(world *w)
{
    sotay_report report;
    for (int round = 0; round < 6; round++)
        for (size_t i = 0; i < PHONES; i++)
            assert_int_equal(sync_phone(w, &w->phones[i], 0, &report), SOTAY_OK);
    for (size_t r = 0; r < w->records_count; r++) {
        char *first = shown(&w->phones[0], &w->records[r]);
        for (size_t i = 1; i < PHONES; i++) {
            char *other = shown(&w->phones[i], &w->records[r]);
            size_t same = 0;
            while (first[same] != '\0' && first[same] == other[same])
                same++;
            size_t from = same > 300 ? same - 300 : 0;
            if (first[same] != other[same])
                (void)fprintf(stderr, "  phone 0: %s\n  phone %zu: %s\n", first + from, i,
                              other + from);
            assert_int_equal(first[same], other[same]);
            sotay_text_free(other);
        }
        sotay_text_free(first);
    }
    for (size_t i = 0; i < PHONES; i++) {
        assert_true(phone_status_says(&w->phones[i], "\"ready\":0"));
        assert_int_equal(sync_phone(w, &w->phones[i], 0, &report), SOTAY_OK);
        assert_int_equal(report.repaired_buckets, 0);
        assert_int_equal(report.received_changes + report.sent_changes, 0);
    }
    int rc = KIT_CALL(&w->book, "verify");
    if (rc != 0)
        print_message("%s%s", (char *)w->book.out.data, (char *)w->book.err.data);
    assert_int_equal(rc, 0);
}

static void test_random_days_converge(void **state)
{
    (void)state;
    const char *seeds = getenv("SEEDS");
    const char *from = getenv("SEED");
    uint64_t first = from == NULL ? 1 : strtoull(from, NULL, 10);
    uint64_t last = seeds == NULL ? first + 5 : first + strtoull(seeds, NULL, 10) - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        world w;
        print_message("  seed %d\n", (int)seed);
        world_make(&w, seed);
        make_visit(&w, &w.phones[0]);
        for (int step = 0; step < STEPS; step++) {
            phone *p = &w.phones[pick(&w, PHONES)];
            w.now_ms += 1000 * pick(&w, 100);
            sotay_memory_clock(&p->port, w.now_ms, 1000 + (uint64_t)step);
            if (pick(&w, 20) == 0 && w.records_count < RECORDS)
                make_visit(&w, p);
            else if (pick(&w, 5) == 0)
                (void)!sync_phone(&w, p, 4, NULL);
            else if (pick(&w, 15) == 0)
                phone_crash(p, false);
            else
                do_something(&w, p);
        }
        meet_and_compare(&w);
        world_free(&w);
    }
}

/* The smallest story: two judgements, one decision of the office, seen by everybody. */
static void test_the_office_settles(void **state)
{
    (void)state;
    world w;
    world_make(&w, 1);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    make_visit(&w, an);
    const sotay_id *id = &w.records[0];
    char hex[33], dot[64];
    sotay_id_format(id, hex);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(an, id, "ratings.m1.rating", "dat"), SOTAY_OK);
    assert_int_equal(phone_set(binh, id, "ratings.m1.rating", "chua_dat"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    char *json = shown(an, id);
    const char *at = strstr(strstr(json, "\"value\":\"dat\""), "\"dot\":\"");
    size_t len = strcspn(at + 7, "\"");
    memcpy(dot, at + 7, len);
    dot[len] = '\0';
    sotay_text_free(json);
    assert_int_equal(KIT_CALL(&w.book, "resolve", hex, "ratings.m1.rating", "--keep", dot, "--as",
                              "office", "--reason", "theo biên bản"),
                     0);
    meet_and_compare(&w);
    assert_true(phone_says(an, sotay_show, id, "\"open_conflicts\":0"));
    assert_true(phone_says(an, sotay_show, id, "\"kept\""));
    assert_true(phone_says(binh, sotay_history, id, "theo biên bản"));
    world_free(&w);
}

/* A far wrong clock is shown as it is and drags nobody along. */
static void test_a_wrong_clock(void **state)
{
    (void)state;
    static const int64_t CLOCKS[] = { 86400000, INT64_C(7226582400000) }; /* 1970, 2199 */
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_make(&w, 1);
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_memory_clock(&an->port, CLOCKS[i], 1);
        make_visit(&w, an);
        assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(phone_set(binh, &w.records[0], "place", "chợ"), SOTAY_OK);
        meet_and_compare(&w);
        assert_true(phone_says(an, sotay_show, &w.records[0], i == 0 ? "\"1970-" : "\"2199-"));
        make_visit(&w, binh);
        assert_false(phone_says(binh, sotay_show, &w.records[1], "\"hlc\":\"72265"));
        meet_and_compare(&w);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_office_settles),
        cmocka_unit_test(test_a_wrong_clock),
        cmocka_unit_test(test_random_days_converge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
