/* tests/unit/both/world.h - three phones and the real server in one process, without a network
 * between them. */
#ifndef SOTAY_TESTS_WORLD_H
#define SOTAY_TESTS_WORLD_H

#include "tests/unit/server/operator_kit.h"

#include "server/http/request.h"
#include "tests/unit/client-lib/phone.h"

#define PHONES  3
#define RECORDS 6

typedef struct {
    kit_book book;
    phone phones[PHONES];
    sotay_id records[RECORDS];
    size_t records_count;
    uint64_t random;
    int64_t now_ms;
    http_server *door;  /* NULL: requests come by no door */
    bool has_port_keys; /* device keys that the library never sees */
    void (*at_work)(bool works); /* told when the server begins and ends a request; or NULL */
    sotay_error error;  /* of the last sync */
} world;

static inline uint32_t pick(world *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

/* What sotayd does with a request, without the socket. */
static inline int answer(world *w, const sotay_request *asked, st_buffer *out_reply)
{
    http_request request;
    if (w->at_work != NULL)
        w->at_work(true);
    memset(&request, 0, sizeof request);
    request.rooms = &w->book.rooms;
    request.server = w->door;
    request.method = asked->method;
    request.path = asked->path;
    request.status = 200;
    request.body = malloc(asked->body_bytes + 1);
    assert_non_null(request.body);
    if (asked->body_bytes > 0)
        memcpy(request.body, asked->body, asked->body_bytes);
    request.body_len = asked->body_bytes;
    st_buffer_init(&request.reply, ST_BODY_BYTES_MAX);
    char range[40];
    if (strcmp(asked->path, "/v1/enrol") == 0) {
        http_handle_enrol(&request);
    } else if (strcmp(asked->method, "GET") == 0) {
        snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)asked->range_from);
        request.range = range;
        request.signed_head = asked->authorization + strlen("Sotay ");
        http_handle_snapshot(&request);
    } else if (strcmp(asked->path, "/v1/sync") != 0) {
        http_handle_have(&request);
    } else {
        http_handle_sync(&request);
    }
    free(request.body);
    *out_reply = request.reply;
    if (w->at_work != NULL)
        w->at_work(false);
    return request.status;
}

enum { REQUESTS_MAX = 5000 }; /* of one sync: far more than any here takes */

/* 0: all goes well; else one reply in `bad` is lost or cut. */
static inline int run(world *w, sotay_sync *sync, uint32_t bad, sotay_report *out_report)
{
    bool again = true;
    int rc = SOTAY_OK;
    for (uint32_t n = 0; rc == SOTAY_OK && again; n++) {
        sotay_request request;
        st_buffer reply;
        again = false;
        if (n == REQUESTS_MAX)
            fail_msg("a sync of %u requests, and no end", n);
        rc = sotay_sync_next(sync, &request, &w->error);
        if (rc != SOTAY_OK)
            break;
        int status = answer(w, &request, &reply);
        size_t len = reply.len;
        if (bad > 0 && pick(w, bad) == 0) {
            len = pick(w, (uint32_t)reply.len + 1);
            status = 0;
        }
        if (len > 0)
            rc = sotay_sync_feed(sync, reply.data, len, &w->error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &w->error);
        st_buffer_free(&reply);
    }
    if (out_report != NULL)
        sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

static inline int sync_phone(world *w, phone *p, uint32_t bad, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    return rc == SOTAY_OK ? run(w, sync, bad, out_report) : rc;
}

/* One that goes well. */
static inline void sync_phone_well(world *w, phone *p, sotay_report *out_report)
{
    if (sync_phone(w, p, 0, out_report) != SOTAY_OK)
        fail_msg("sync: %s", w->error.detail);
}

/* With a new link from the office. */
static inline sotay_sync *begin_enrol(world *w, phone *p, const char *login)
{
    sotay_sync *sync = NULL;
    assert_int_equal(KIT_CALL(&w->book, "enrol", login), 0);
    char *link = strstr((char *)w->book.out.data, "http");
    assert_non_null(link);
    link[strcspn(link, "\n")] = '\0';
    assert_int_equal(sotay_enrol_begin(p->client, link, NULL, &sync, &p->error), SOTAY_OK);
    return sync;
}

/* Enrols, for the first time or again; with `answered` false the answer is lost. */
static inline void enrol(world *w, phone *p, const char *login, bool answered)
{
    sotay_sync *sync = begin_enrol(w, p, login);
    if (answered) {
        assert_int_equal(run(w, sync, 0, NULL), SOTAY_OK);
        return;
    }
    sotay_request request;
    st_buffer reply;
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(answer(w, &request, &reply), 200);
    st_buffer_free(&reply);
    sotay_sync_free(sync);
}

static inline void join(world *w, size_t n, const char *login)
{
    phone *p = &w->phones[n];
    assert_int_equal(KIT_CALL(&w->book, "user", "add", login, "--name", login, "--role", "officer"),
                     0);
    assert_int_equal(KIT_CALL(&w->book, "assign", login, KIT_UNIT), 0);
    phone_new(p, 1000 + n);
    if (w->has_port_keys) {
        sotay_memory_pending(&p->port, false, true);
        sotay_memory_pending(&p->port, false, false);
        phone_reopen(p);
    }
    enrol(w, p, login, true);
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
}

/* With the first `phones` of the three. */
typedef struct {
    size_t phones;
    bool has_port_keys;
} world_how;
static inline void world_begin(world *w, world_how how)
{
    static const char *const LOGINS[PHONES] = { "an", "binh", "chi" };
    w->has_port_keys = how.has_port_keys;
    kit_make(&w->book, false);
    w->book.public_url = "http://127.0.0.1:1";
    assert_int_equal(
        KIT_CALL(&w->book, "user", "add", "office", "--name", "Office", "--role", "office"), 0);
    for (size_t i = 0; i < how.phones; i++)
        join(w, i, LOGINS[i]);
}

/* The first world of so many phones that a program makes, as it was when it was new. The others
 * begin as copies of it, with its keys and ids: to make one anew was most of what a test took. */
typedef struct {
    bool is_made;
    char dir[64];
    sotay_port ports[PHONES];
} world_kept;
static inline world_kept *worlds_kept(void)
{
    static world_kept kept[PHONES + 1];
    return kept;
}

static inline void copy_folder(const char *from, const char *to)
{
    char command[200];
    (void)snprintf(command, sizeof command, "cp -a --sparse=always %s/. %s", from, to);
    assert_int_equal(system(command), 0);
}

/* The next world has keys of its own. */
static inline void worlds_forget(void)
{
    char command[100];
    for (world_kept *kept = worlds_kept(); kept <= worlds_kept() + PHONES; kept++) {
        for (size_t i = 0; i < PHONES; i++)
            sotay_port_close(&kept->ports[i]);
        (void)snprintf(command, sizeof command, "rm -rf %s", kept->dir);
        if (kept->is_made && system(command) != 0)
            print_message("  %s is left\n", kept->dir);
        kept->is_made = false;
    }
}

static inline void world_keep(world *w, world_kept *kept, size_t phones)
{
    static bool is_told;
    if (!is_told)
        assert_int_equal(atexit(worlds_forget), 0);
    is_told = true;
    (void)strcpy(kept->dir, "/tmp/sotay-world-XXXXXX");
    assert_non_null(mkdtemp(kept->dir));
    rooms_close(&w->book.rooms);
    copy_folder(w->book.dir, kept->dir);
    kit_open(&w->book);
    for (size_t i = 0; i < phones; i++)
        assert_int_equal(sotay_memory_copy(&w->phones[i].port, false, &kept->ports[i], NULL),
                         SOTAY_OK);
    kept->is_made = true;
}

static inline void world_again(world *w, const world_kept *kept, size_t phones)
{
    kit_begin(&w->book);
    copy_folder(kept->dir, w->book.dir);
    kit_open(&w->book);
    w->book.public_url = "http://127.0.0.1:1";
    for (size_t i = 0; i < phones; i++) {
        assert_int_equal(sotay_memory_copy(&kept->ports[i], false, &w->phones[i].port, NULL),
                         SOTAY_OK);
        phone_open(&w->phones[i]);
    }
}

static inline void world_make_with(world *w, uint64_t seed, world_how how)
{
    world_kept *kept = &worlds_kept()[how.phones];
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->now_ms = PHONE_WALL_MS;
    if (kept->is_made && !how.has_port_keys) {
        world_again(w, kept, how.phones);
        return;
    }
    world_begin(w, how);
    if (!how.has_port_keys)
        world_keep(w, kept, how.phones);
}

static inline void world_make(world *w, uint64_t seed)
{
    world_make_with(w, seed, (world_how){ PHONES, false });
}

static inline void world_free(world *w)
{
    for (size_t i = 0; i < PHONES; i++)
        phone_free(&w->phones[i]);
    kit_remove(&w->book);
}

static inline void make_visit(world *w, phone *p)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", "2026-03-12" } };
    const sotay_pairs pairs = { list, 2 };
    sotay_id *id = &w->records[w->records_count];
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, id, &p->error),
                     SOTAY_OK);
    w->records_count++;
}

/* How many bytes of JSON a phone says of its own clock alone here: when its work was written by the
 * server's clock, and a flag that follows from it. 0: this is something else. */
static inline size_t own_clock_len(const char *json)
{
    static const char *const FLAGS[] = { "\"clock_off\"", "\"clock_far\"", "\"time_unknown\"" };
    if (strncmp(json, ",\"corrected_", 12) == 0)
        return 1 + strcspn(json + 1, ",}");
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        size_t len = strlen(FLAGS[i]);
        if (strncmp(json, FLAGS[i], len) == 0)
            return json[len] == ',' ? len + 1 : len;
    }
    return 0;
}

/* Takes that out, since another phone says otherwise. */
static inline void drop_own_clock(char *json)
{
    char *to = json;
    for (const char *from = json; *from != '\0';) {
        size_t len = own_clock_len(from);
        from += len;
        if (len > 0 && *from == ']' && to > json && to[-1] == ',')
            to--;
        if (len == 0)
            *to++ = *from++;
    }
    *to = '\0';
}

/* The dot that stands behind `value` in a document of `show`. */
static __attribute__((unused)) void find_dot(const char *json, const char *value, char dot[64])
{
    const char *at = strstr(json, value);
    assert_non_null(at);
    at = strstr(at, "\"dot\":\"");
    assert_non_null(at);
    (void)snprintf(dot, 64, "%.*s", (int)strcspn(at + 7, "\""), at + 7);
}

/* Kept out of line: inlined, gcc 12 takes the text for a dangling pointer. */
static __attribute__((noinline, unused)) char *shown(phone *p, const sotay_id *id)
{
    char *json = NULL;
    int rc = sotay_show(p->client, id, SOTAY_JSON, &json, &p->error);
    if (rc != SOTAY_OK)
        print_message("  show: %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
    drop_own_clock(json);
    return json;
}

/* Everybody syncs until nobody has anything new (a working copy that was refused may pass once the
 * others' acts are known); then all must show the same. */
static inline void meet_and_compare(world *w)
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

#endif
