/* tests/unit/both/test_snapshot.c
 * A phone that is new to a bucket gets its records in pieces: cut anywhere it goes on at the byte,
 * a wrong bit is fetched again, what the server has no more is begun anew, what is not sound is
 * read entry by entry; it shows what everybody shows, and what waits is let in later. */
#include "tests/unit/both/many_visits.h"
#include "tests/unit/client-lib/rows.h"

/* Bytes of the one snapshot there is. */
static uint64_t file_bytes(world *w)
{
    char path[256];
    snapshot_file(w, "zst", path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long bytes = ftell(file);
    (void)fclose(file);
    return (uint64_t)bytes;
}

static void test_a_new_phone(void **state)
{
    (void)state;
    world *w = begin(1);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, file_bytes(w));
    assert_alike(w, p);
    assert_true(history_says(p, &ids[0], "\"complete\":false"));
    assert_true(history_says(&w->phones[0], &ids[0], "\"complete\":true"));
    /* Both go on from there: what comes behind it is signed as ever. */
    make_visits(w, 3);
    assert_int_equal(phone_set(p, &ids[1], "general_note", "của bình"), SOTAY_OK);
    sync_to_the_end(w, p, &l);
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    assert_alike(w, p);
    assert_true(history_says(p, &ids[ids_count - 1], "\"complete\":true"));
    assert_int_equal(l.bytes, file_bytes(w));
    world_free(w);
}

/* A phone that cannot fetch gets entries, as before. */
static void test_a_phone_that_cannot(void **state)
{
    (void)state;
    world *w = begin(2);
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_alike(w, p);
    assert_true(history_says(p, &ids[0], "\"complete\":true"));
    world_free(w);
}

static void test_cut_anywhere_goes_on_at_the_byte(void **state)
{
    (void)state;
    static const size_t CUTS[] = { 1, 100, 1024, 1500 };
    world *w = begin(3);
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        line l = { .cut = CUTS[i] == 1 ? 401 : CUTS[i] };
        phone *p = newcomer(w, i == 0 ? 1 : 2, i == 0 ? "binh" : i == 1 ? "chi" : "dung");
        sync_to_the_end(w, p, &l);
        assert_int_equal(l.bytes, file_bytes(w));
        assert_true(l.gets >= l.bytes / l.cut);
        assert_alike(w, p);
        if (i >= 2)
            break;
        if (i > 0)
            phone_free(p);
    }
    world_free(w);
}

/* The program ends in between: a piece counts whole or not at all. */
static void test_a_restart_in_between(void **state)
{
    (void)state;
    world *w = begin(4);
    line l = { .cut = 300 };
    sotay_report report;
    phone *p = newcomer(w, 1, "binh");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sync_over(w, p, &l, &report), SOTAY_E_NETWORK);
        phone_reopen(p);
    }
    l.cut = 0;
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, file_bytes(w));
    assert_alike(w, p);
    world_free(w);
}

/* A sync whose line breaks 300 bytes into the first piece, where commits come later: the step that
 * ends it waits for what it keeps, and after it the phone is free. */
static void break_where_commits_wait(world *w, phone *p, int settled)
{
    sotay_sync *sync = NULL;
    sotay_request request = { 0 };
    st_buffer reply;
    bool again = true, gets = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_can_fetch(sync);
    while (again && !gets) {
        assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
        gets = strcmp(request.method, "GET") == 0;
        int status = answer(w, &request, &reply);
        size_t len = gets ? 300 : reply.len;
        assert_true(len <= reply.len);
        assert_int_equal(sotay_sync_feed(sync, reply.data, len, NULL), SOTAY_OK);
        if (!gets)
            assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
        st_buffer_free(&reply);
    }
    assert_true(gets);
    sotay_memory_pending(&p->port, true, false);
    assert_int_equal(sotay_sync_end(sync, 0, &again, NULL), SOTAY_PENDING);
    assert_int_equal(sotay_memory_settle(&p->port, p->client, settled, NULL), settled);
    assert_int_equal(sotay_sync_end(sync, 0, &again, NULL),
                     settled == SOTAY_OK ? SOTAY_E_NETWORK : settled);
    sotay_memory_pending(&p->port, false, false);
    sotay_sync_free(sync);
}

static void test_a_break_where_commits_wait(void **state)
{
    (void)state;
    world *w = begin(61);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    break_where_commits_wait(w, p, SOTAY_E_STORAGE);
    break_where_commits_wait(w, p, SOTAY_OK);
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, file_bytes(w) - 300); /* kept the second time */
    assert_alike(w, p);
    world_free(w);
}

static void test_a_wrong_bit_is_fetched_again(void **state)
{
    (void)state;
    world *w = begin(5);
    line l = { .flip_at = 333 };
    phone *p = newcomer(w, 1, "binh");
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, 2 * file_bytes(w));
    assert_alike(w, p);
    assert_true(history_says(p, &ids[0], "\"complete\":false"));
    world_free(w);
}

/* Something on the way cannot do it, or gives something else: entries, and all is well. */
static void test_a_way_that_does_not_lead_there(void **state)
{
    (void)state;
    static const int STATUS[] = { 200, 404, 416, 400 };
    for (size_t i = 0; i < sizeof STATUS / sizeof STATUS[0]; i++) {
        world *w = begin(6 + i);
        line l = { .status = STATUS[i] };
        phone *p = newcomer(w, 1, "binh");
        sync_to_the_end(w, p, &l);
        assert_alike(w, p);
        world_free(w);
    }
}

/* Cut anew in between: the one before can still be fetched; the one before that is begun anew. */
static void test_cut_anew_in_between(void **state)
{
    (void)state;
    static const char *const OTHERS[] = { "chi", "dung", "giang" };
    for (int times = 1; times <= 3; times++) {
        world *w = begin(20 + (uint64_t)times);
        line broken = { .cut = 900 }, other = { 0 };
        sotay_report report;
        phone *p = newcomer(w, 1, "binh");
        assert_int_equal(sync_over(w, p, &broken, &report), SOTAY_E_NETWORK);
        uint64_t before = file_bytes(w);
        for (int i = 0; i < times; i++) {
            make_visits(w, VISITS * (size_t)(i + 1));
            phone *q = newcomer(w, 2, OTHERS[i]);
            sync_to_the_end(w, q, &other);
            if (i + 1 < times)
                phone_free(q);
        }
        broken.cut = 0;
        sync_to_the_end(w, p, &broken);
        if (times <= 2)
            assert_int_equal(broken.bytes, before);
        else
            assert_true(broken.bytes > before);
        assert_alike(w, p);
        world_free(w);
    }
}

/* What was announced is not what is in it: nothing of it stays, the entries are read. */
static void test_an_unsound_one_is_left(void **state)
{
    (void)state;
    char path[256];
    world *w = begin(30);
    line l = { 0 };
    sync_to_the_end(w, newcomer(w, 1, "binh"), &l);
    snapshot_file(w, "list", path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    int was = 0, is = 0;
    while (!(was == 0x1a && is == 0x10)) {                  /* field 3, 16 bytes: the sum */
        was = is;
        is = fgetc(file);
        assert_int_not_equal(is, EOF);
    }
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
    phone *p = newcomer(w, 2, "chi");
    sync_to_the_end(w, p, &l);
    assert_alike(w, p);
    assert_true(history_says(p, &ids[0], "\"complete\":true"));
    world_free(w);
}

/* What the office has not let in yet comes along, signed, and is let in when it says so. */
static void test_what_waits_is_let_in_later(void **state)
{
    (void)state;
    char hex[33];
    world *w = begin(40);
    line l = { 0 };
    sotay_who who;
    sotay_whoami(w->phones[0].client, &who);
    st_hex(who.device.b, 16, hex);
    assert_int_equal(KIT_CALL(&w->book, "device", "suspend", hex), 0);
    assert_int_equal(phone_set(&w->phones[0], &ids[2], "place", "chờ duyệt"), SOTAY_OK);
    assert_int_equal(phone_set(&w->phones[0], &ids[4], "place", "không duyệt"), SOTAY_OK);
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    phone *p = newcomer(w, 1, "binh");
    sync_to_the_end(w, p, &l);
    assert_true(l.bytes > 0);
    assert_true(history_says(p, &ids[2], "\"held\""));
    char *json = shown(p, &ids[2]);
    assert_null(strstr(json, "chờ duyệt"));
    sotay_text_free(json);
    assert_int_equal(
        KIT_CALL(&w->book, "held", "accept", "1", "--as", "office", "--reason", "đã hỏi"), 0);
    assert_int_equal(
        KIT_CALL(&w->book, "held", "decline", "2", "--as", "office", "--reason", "không"), 0);
    assert_int_equal(KIT_CALL(&w->book, "device", "suspend", hex, "--lift"), 0);
    sync_to_the_end(w, p, &l);
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    json = shown(p, &ids[2]);
    assert_non_null(strstr(json, "chờ duyệt"));
    sotay_text_free(json);
    assert_alike(w, p);
    world_free(w);
}

/* A bucket that was lost and is given back: own work is in the records that come. */
static void test_own_work_in_it(void **state)
{
    (void)state;
    world *w = begin(50);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(p, &ids[1], "general_note", "của bình"), SOTAY_OK);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w->book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w->book, "assign", "binh", KIT_UNIT), 0);
    sync_to_the_end(w, p, &l);
    assert_true(l.bytes > 0);
    assert_true(phone_status_says(p, "\"ready\":0"));
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    assert_alike(w, p);
    world_free(w);
}

/* What the office holds of it comes with the reason of now, not with that of its arrival. */
static void test_why_it_is_held(void **state)
{
    (void)state;
    world *w = begin(50);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w->book, "device", "suspend", device_of(p)), 0);
    assert_int_equal(KIT_CALL(&w->book, "move", "2026", "locked", "--as", "office"), 0);
    assert_int_equal(phone_set(p, &ids[1], "place", "của bình"), SOTAY_OK);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w->book, "device", "suspend", device_of(p), "--lift"), 0);
    assert_int_equal(KIT_CALL(&w->book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    assert_int_equal(KIT_CALL(&w->book, "assign", "binh", KIT_UNIT), 0);
    sync_to_the_end(w, p, &l);
    assert_true(l.bytes > 0);
    assert_true(phone_status_says(p, "\"reason\":\"late\""));
    world_free(w);
}

/* A line of one record is made anew at a phone that could fetch: the others keep theirs. */
static void test_a_line_costs_no_history(void **state)
{
    (void)state;
    static stored_row row;
    world *w = begin(51);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
    for (size_t n = 0; rows_get(p, BOOK_HIST, n, &row); n++)
        if (memcmp(row.key.b + 1, ids[1].b, sizeof ids[1].b) == 0)
            rows_spoil(p, &row.key);
    assert_true(history_says(p, &ids[1], "\"unread\":true"));
    assert_int_equal(phone_set(&w->phones[0], &ids[1], "place", "bến"), SOTAY_OK);
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    sync_over_well(w, p, &l, NULL);
    assert_int_equal(l.bytes, 0);
    assert_int_equal(rows_count(p, BOOK_ANEW), 0);
    for (size_t i = 0; i < ids_count; i++)
        assert_true(history_says(p, &ids[i], "\"complete\":true"));
    assert_alike(w, p);
    world_free(w);
}

/* Asks once with the request as it is, changed by `change`; the status of the answer. */
static int ask_with(world *w, sotay_request request, const char *path, const char *head)
{
    st_buffer reply;
    request.path = path != NULL ? path : request.path;
    request.authorization = head != NULL ? head : request.authorization;
    int status = answer(w, &request, &reply);
    st_buffer_free(&reply);
    return status;
}

static void test_who_gets_it(void **state)
{
    (void)state;
    world *w = begin(60);
    phone *p = newcomer(w, 1, "binh");
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_can_fetch(sync);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
        if (strcmp(request.method, "GET") == 0)
            break;
        int status = answer(w, &request, &reply);
        assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, NULL), SOTAY_OK);
        assert_int_equal(sotay_sync_end(sync, status, &again, NULL), SOTAY_OK);
        st_buffer_free(&reply);
    }
    assert_string_equal(request.method, "GET");
    char path[ST_SNAPSHOT_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s", request.path);
    path[strlen(path) - 1] = path[strlen(path) - 1] == '0' ? '1' : '0';
    assert_int_equal(ask_with(w, request, "/v1/snapshot/x", NULL), 404);
    assert_int_equal(ask_with(w, request, path, NULL), 401);      /* another path was signed */
    assert_int_equal(ask_with(w, request, NULL, "Sotay AAAA"), 403);
    sotay_request behind = request;
    behind.range_from = UINT64_C(1) << 40;
    assert_int_equal(ask_with(w, behind, NULL, NULL), 416);
    assert_int_equal(ask_with(w, request, NULL, NULL), 409);      /* the counter is used */
    assert_int_equal(KIT_CALL(&w->book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(ask_with(w, request, NULL, NULL), 403);      /* reads it no more */
    sotay_sync_free(sync);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_phone),
        cmocka_unit_test(test_a_phone_that_cannot),
        cmocka_unit_test(test_cut_anywhere_goes_on_at_the_byte),
        cmocka_unit_test(test_a_restart_in_between),
        cmocka_unit_test(test_a_break_where_commits_wait),
        cmocka_unit_test(test_a_wrong_bit_is_fetched_again),
        cmocka_unit_test(test_a_way_that_does_not_lead_there),
        cmocka_unit_test(test_cut_anew_in_between),
        cmocka_unit_test(test_an_unsound_one_is_left),
        cmocka_unit_test(test_what_waits_is_let_in_later),
        cmocka_unit_test(test_own_work_in_it),
        cmocka_unit_test(test_why_it_is_held),
        cmocka_unit_test(test_a_line_costs_no_history),
        cmocka_unit_test(test_who_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
