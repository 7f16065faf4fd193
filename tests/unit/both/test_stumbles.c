/* tests/unit/both/test_stumbles.c
 * What a phone does with the real server, tried with the first piece of memory refused, then the
 * second, with each call of the store failing once, and each that reads: it says so, and the same
 * thing tried again does all of it, once. Snapshots in pieces, files, bundles, two phones that
 * meet, units lost and given back, a server set back to yesterday. (What needs no server of its
 * own is in tests/unit/client-lib/test_faults.c, repairs in test_faults.c beside this.) */
#include "tests/unit/both/recut.h"

#include "server/backup/backup.h"
#include "tests/unit/client-lib/meeting.h"
#include "tests/unit/client-lib/stumble.h"

#define VISITS 36u
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A town of two phones that work, and one that is kept as it was before it fetched the unit. */
typedef struct {
    world w;
    recut_book book;
    phone *p; /* which is tormented */
    phone spare, kept;
    sotay_id ids[VISITS], visit;
    sotay_bundle_report brought;
    uint8_t *bundle;
    size_t bundle_len;
    uint64_t made; /* files so far: each has bytes of its own */
    char item[SOTAY_ITEM_TEXT]; /* of the one attached last */
    char backup[96];
} bench;

typedef struct {
    const char *why;
    uint64_t patience; /* so many places are tried one by one, then fewer and fewer; 0: few */
    void (*before)(bench *b);
    int (*what)(bench *b);
    void (*after)(bench *b);
} scene;

/* ---- the town ---- */

static void must(bench *b, int rc)
{
    if (rc != SOTAY_OK)
        print_message("  %s: %s\n", sotay_code_name((sotay_code)rc), b->p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
}

static int sync_one(world *w, phone *p)
{
    line l = { 0 };
    sotay_report report;
    return sync_over(w, p, &l, &report);
}

static bool carries(phone *p)
{
    char *json = NULL;
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    bool nothing = strstr(json, "\"carried\":0") != NULL;
    sotay_text_free(json);
    return !nothing;
}

static void nothing_waits(phone *p)
{
    static const char *const NONE[] = { "\"ready\":0", "\"held\":0", "\"carried\":0",
                                        "\"attachments_waiting\":0" };
    char *json = NULL;
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    for (size_t i = 0; i < LEN(NONE); i++)
        assert_non_null(strstr(json, NONE[i]));
    sotay_text_free(json);
}

/* Both phones have what the other has, and nothing waits. */
static void settle(bench *b)
{
    for (int i = 0; i < 3; i++)
        must(b, sync_one(&b->w, &b->w.phones[i % 2]));
    for (int i = 0; i < 2; i++)
        nothing_waits(&b->w.phones[i]);
}

static void must_show_alike(bench *b, phone *p, const sotay_id *id)
{
    char *want = shown(&b->w.phones[0], id), *now = shown(p, id);
    assert_string_equal(now, want);
    sotay_text_free(want);
    sotay_text_free(now);
}

/* The unit's snapshot comes in three pieces. */
static void town_cut(bench *b)
{
    static const recut_how HOW = { 12, 1, .spoil_part = -1 };
    line l = { 0 };
    phone *first = newcomer(&b->w, 2, "chi");
    sync_to_the_end(&b->w, first, &l);
    phone_free(first);
    memset(first, 0, sizeof *first);
    recut_open(&b->w, &b->book);
    recut_put(&b->w, &b->book, &HOW);
    assert_int_equal(b->book.list.pieces_count, 3);
}

/* Enrolled, with the catalogue, and the unit given only now. */
static void town_keep(bench *b)
{
    KIT_EXPECT(0, &b->w.book, "user", "add", "dung", "--name", "dung", "--role", "officer");
    phone_new(&b->kept, 4711);
    enrol(&b->w, &b->kept, "dung", true);
    assert_int_equal(sync_one(&b->w, &b->kept), SOTAY_OK);
    KIT_EXPECT(0, &b->w.book, "assign", "dung", KIT_UNIT);
}

static int town_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    world_make_with(&b.w, 1, (world_how){ 2, false });
    b.p = &b.w.phones[0];
    for (size_t i = 0; i < VISITS; i++)
        b.ids[i] = phone_visit(b.p, i % 3 == 0 ? "chợ" : "trường");
    b.visit = b.ids[0];
    settle(&b);
    town_cut(&b);
    town_keep(&b);
    b.w.at_work = failing_pause;
    *state = &b;
    return 0;
}

static int town_close(void **state)
{
    bench *b = *state;
    char command[128];
    recut_close(&b->book);
    phone_free(&b->kept);
    free(b->bundle);
    (void)snprintf(command, sizeof command, "rm -rf %s", b->backup);
    world_free(&b->w);
    return b->backup[0] == '\0' ? 0 : system(command);
}

/* One scene from its beginning, with the n-th piece or call failing. False: none was left. */
static bool try_scene(bench *b, const scene *s, stumble_way how, uint64_t n)
{
    s->before(b);
    stumble_arm(how, b->p, n);
    int rc = s->what(b);
    bool refused = stumble_disarm(b->p);
    if (rc != SOTAY_OK && !stumble_may(rc))
        fail_msg("%s: %d of %s: called %s: %s", s->why, (int)n, STUMBLE_NAMES[how],
                 sotay_code_name((sotay_code)rc), b->p->error.detail);
    if (rc != SOTAY_OK && n % 2 == 0)
        phone_crash(b->p, false);
    if (rc != SOTAY_OK)
        must(b, s->what(b));
    s->after(b);
    return rc != SOTAY_OK || refused;
}

static void sweep(bench *b, const scene *s)
{
    uint64_t patience = stumble_patience(s->patience);
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
        uint64_t n = 1, places = 0;
        while (try_scene(b, s, how, n))
            n += patience == 0 ? 2 * n : 1 + n / patience;
        while (stumble_has_time() && try_scene(b, s, how, STUMBLE_IN_NEW_PLACE))
            places++;
        print_message("  %s: %s failed up to %d, in %d new places\n", s->why, STUMBLE_NAMES[how],
                      (int)n, (int)places);
        assert_true(n > 3);
    }
}

/* ---- a snapshot ---- */

static void a_copy_of_the_kept_one(bench *b)
{
    memset(&b->spare, 0, sizeof b->spare);
    assert_int_equal(sotay_memory_copy(&b->kept.port, false, &b->spare.port, NULL), SOTAY_OK);
    phone_open(&b->spare);
    b->p = &b->spare;
}

/* The line breaks in the second piece, once; then it holds. */
static int fetch_it(bench *b)
{
    line l = { .cut = b->book.list.pieces[0].bytes + 200 };
    sotay_report report;
    int rc = SOTAY_E_NETWORK;
    for (int i = 0; rc == SOTAY_E_NETWORK && i < 4; i++) {
        rc = sync_over(&b->w, b->p, &l, &report);
        l.cut = 0;
    }
    return rc;
}

static void all_of_it_is_there(bench *b)
{
    must_show_alike(b, b->p, &b->ids[0]);
    must_show_alike(b, b->p, &b->ids[VISITS / 2]);
    must_show_alike(b, b->p, &b->ids[VISITS - 1]);
    assert_true(phone_status_says(b->p, "\"ready\":0"));
    phone_free(&b->spare);
    b->p = &b->w.phones[0];
}

static void test_a_snapshot(void **state)
{
    static const scene FETCH = { "a snapshot in pieces", 1, a_copy_of_the_kept_one, fetch_it,
                                 all_of_it_is_there };
    sweep(*state, &FETCH);
}

/* ---- files ---- */

static int attach_some(bench *b, size_t len)
{
    uint64_t seed = b->made;
    uint8_t *data = malloc(len);
    if (data == NULL)
        return SOTAY_E_MEMORY;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(seed >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
    const sotay_attachment file = { "van-ban.pdf", data, len, "place", "cổng chợ", 0 };
    int rc = sotay_attach(b->p->client, &b->visit, &file, b->item, &b->p->error);
    free(data);
    return rc;
}

static void a_visit_without_files(bench *b)
{
    b->p = &b->w.phones[0];
    b->visit = phone_visit(b->p, "mới");
    b->made++;
}

static int attach_it(bench *b)
{
    return attach_some(b, 40000);
}

static void one_file_waits(bench *b)
{
    assert_true(phone_status_says(b->p, "\"attachments_waiting\":1"));
    settle(b);
    must_show_alike(b, &b->w.phones[1], &b->visit);
}

static void test_a_file_is_attached(void **state)
{
    static const scene ATTACH = { "a file is attached", 2, a_visit_without_files, attach_it,
                                  one_file_waits };
    sweep(*state, &ATTACH);
}

/* A picture of 90 x 40 in one colour. */
static int attach_picture(bench *b)
{
    char item[SOTAY_ITEM_TEXT];
    static const uint8_t PNG[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                   'I',  'H', 'D', 'R', 0,    0,    0,    90,   0, 0, 0, 40,
                                   1,    0,   0,   0,   0,    0,    0,    0,    0, 0, 0, 0,
                                   0,    'I', 'E', 'N', 'D',  0,    0,    0,    0 };
    const sotay_attachment file = { "anh.png", PNG, sizeof PNG, NULL, NULL, 50 };
    return sotay_attach(b->p->client, &b->visit, &file, item, &b->p->error);
}

static int paint_and_attach(bench *b)
{
    b->p->port.picture = paint_same;
    int rc = attach_picture(b);
    b->p->port.picture = NULL;
    return rc;
}

static void test_a_picture_is_attached(void **state)
{
    static const scene ATTACH = { "a picture is attached", 2, a_visit_without_files,
                                  paint_and_attach, one_file_waits };
    sweep(*state, &ATTACH);
}

static void two_files_wait(bench *b)
{
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            a_visit_without_files(b);
        b->made++;
        must(b, attach_some(b, i == 0 ? 40000 : 3000));
    }
}

static int sync_it(bench *b)
{
    return sync_one(&b->w, b->p);
}

static void test_files_are_sent(void **state)
{
    static const scene SEND = { "files are sent", 0, two_files_wait, sync_it, settle };
    sweep(*state, &SEND);
}

/* ---- files that somebody wants to see ---- */

/* One of the office, and one that waits to be sent meanwhile. */
static void a_file_is_wanted(bench *b)
{
    bool is_here = true;
    char wanted[SOTAY_ITEM_TEXT];
    a_visit_without_files(b);
    must(b, attach_some(b, 40000));
    memcpy(wanted, b->item, sizeof wanted);
    settle(b);
    b->p = &b->w.phones[1];
    b->made++;
    must(b, attach_some(b, 3000));
    memcpy(b->item, wanted, sizeof wanted);
    must(b, sotay_attachment_want(b->p->client, &b->visit, b->item, &is_here, &b->p->error));
    assert_false(is_here);
}

/* The line breaks in the middle of the pieces, once. */
static int break_once(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    int *breaks = context;
    if (strcmp(request->path, "/v1/fetch") != 0 || --*breaks != 0)
        return status;
    reply->len /= 2;
    return 0;
}

static int fetch_over_a_bad_line(bench *b)
{
    int breaks = 1, rc = SOTAY_E_NETWORK;
    for (int i = 0; rc == SOTAY_E_NETWORK && i < 3; i++) {
        line l = { .files = break_once, .context = &breaks };
        sotay_report report;
        rc = sync_over(&b->w, b->p, &l, &report);
    }
    return rc;
}

static int give_none(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    (void)context;
    if (strcmp(request->path, "/v1/fetch") != 0)
        return status;
    st_buffer_clear(reply);
    return 404;
}

static int sync_with_an_old_server(bench *b)
{
    line l = { .files = give_none };
    sotay_report report;
    return sync_over(&b->w, b->p, &l, &report);
}

static void it_is_all_there(bench *b)
{
    sotay_file file = { NULL, 0 };
    settle(b);
    must(b, sotay_attachment_get(b->p->client, &b->visit, b->item, false, &file, &b->p->error));
    assert_int_equal(file.len, 40000);
    free(file.data);
    must_show_alike(b, b->p, &b->visit);
}

static void test_files_are_fetched(void **state)
{
    static const scene FETCH = { "a file is fetched", 0, a_file_is_wanted, fetch_over_a_bad_line,
                                 it_is_all_there };
    static const scene NONE = { "a server gives no files", 0, a_file_is_wanted,
                                sync_with_an_old_server, it_is_all_there };
    sweep(*state, &FETCH);
    if (stumble_has_time())
        sweep(*state, &NONE);
}

/* ---- bundles and meetings ---- */

static int bundle_it(bench *b)
{
    sotay_bundle *bundle = NULL;
    sotay_slice bytes = { NULL, 0 };
    int rc = sotay_bundle_begin(b->p->client, &bundle, &b->p->error);
    if (rc == SOTAY_OK)
        rc = sotay_bundle_make(bundle, &bytes, &b->brought, &b->p->error);
    if (rc == SOTAY_OK) {
        failing_pause(true);
        free(b->bundle);
        b->bundle = malloc(bytes.len);
        assert_non_null(b->bundle);
        memcpy(b->bundle, bytes.data, bytes.len);
        b->bundle_len = bytes.len;
        failing_pause(false);
    }
    sotay_bundle_free(bundle);
    return rc;
}

static int import_it(bench *b)
{
    return sotay_bundle_import(b->p->client, b->bundle, b->bundle_len, &b->brought, &b->p->error);
}

/* The same of a file: parts first, then the head in front of them. */
static int put_part(void *context, const void *bytes, size_t len, sotay_error *error)
{
    bench *b = context;
    (void)error;
    failing_pause(true);
    b->bundle = realloc(b->bundle, b->bundle_len + len);
    assert_non_null(b->bundle);
    memcpy(b->bundle + b->bundle_len, bytes, len);
    b->bundle_len += len;
    failing_pause(false);
    return SOTAY_OK;
}

static int spool_it(bench *b)
{
    sotay_bundle *bundle = NULL;
    sotay_slice head = { NULL, 0 };
    b->bundle_len = 0;
    int rc = sotay_bundle_begin(b->p->client, &bundle, &b->p->error);
    if (rc == SOTAY_OK) {
        sotay_bundle_spool(bundle, put_part, b);
        rc = sotay_bundle_make(bundle, &head, &b->brought, &b->p->error);
    }
    if (rc == SOTAY_OK) {
        size_t parts = b->bundle_len;
        rc = put_part(b, head.data, head.len, NULL);
        memmove(b->bundle + head.len, b->bundle, parts);
        memcpy(b->bundle, head.data, head.len);
    }
    sotay_bundle_free(bundle);
    return rc;
}

static int get_part(void *context, uint64_t at, void *bytes, size_t len, sotay_error *error)
{
    const bench *b = context;
    (void)error;
    memcpy(bytes, b->bundle + at, len);
    return SOTAY_OK;
}

static int import_it_from(bench *b)
{
    const sotay_bundle_source source = { b, get_part, b->bundle_len };
    return sotay_bundle_import_from(b->p->client, &source, &b->brought, &b->p->error);
}

/* Somebody else takes it along, twice, and is first at the server. */
static void it_is_delivered(bench *b)
{
    assert_true(b->brought.sets > 0 && b->brought.pieces == 4 && !b->brought.more);
    b->p = &b->w.phones[1];
    must(b, import_it(b));
    assert_true(b->brought.sets > 0);
    must(b, import_it(b));
    assert_int_equal(b->brought.sets + b->brought.pieces, 0);
    assert_true(b->brought.known > 0);
    must(b, sync_one(&b->w, b->p));
    settle(b);
    must_show_alike(b, b->p, &b->visit);
}

static void test_a_bundle_is_made(void **state)
{
    static const scene MAKE = { "a bundle is made", 0, two_files_wait, bundle_it, it_is_delivered };
    static const scene SPOOL = { "a bundle is made part by part", 0, two_files_wait, spool_it,
                                 it_is_delivered };
    sweep(*state, &MAKE);
    sweep(*state, &SPOOL);
}

static void a_bundle_comes(bench *b)
{
    two_files_wait(b);
    must(b, bundle_it(b));
    b->p = &b->w.phones[1];
}

static void it_is_carried(bench *b)
{
    assert_true(carries(b->p));
    settle(b);
    must_show_alike(b, b->p, &b->visit);
}

static void test_a_bundle_is_taken_in(void **state)
{
    static const scene TAKE = { "a bundle is taken in", 2, a_bundle_comes, import_it,
                                it_is_carried };
    static const scene READ = { "a bundle is read part by part", 2, a_bundle_comes, import_it_from,
                                it_is_carried };
    sweep(*state, &TAKE);
    sweep(*state, &READ);
}

static void what_was_carried_waits(bench *b)
{
    a_bundle_comes(b);
    must(b, import_it(b));
}

static void test_what_is_carried_is_sent(void **state)
{
    static const scene SEND = { "what is carried is sent", 0, what_was_carried_waits, sync_it,
                                settle };
    sweep(*state, &SEND);
}

static int meet_them(bench *b)
{
    meeting m = { .who = { &b->w.phones[0], &b->w.phones[1] }, .looked_at = b->p,
                  .pause = failing_pause };
    return meeting_run(&m);
}

static void both_have_work(bench *b)
{
    two_files_wait(b);
    assert_int_equal(phone_set(&b->w.phones[1], &b->ids[1], "place", b->made % 2 == 0 ? "A" : "B"),
                     SOTAY_OK);
    b->p = &b->w.phones[1];
}

static void both_know(bench *b)
{
    const char *want = b->made % 2 == 0 ? "\"A\"" : "\"B\"";
    assert_true(phone_says(&b->w.phones[0], sotay_show, &b->ids[1], want));
    assert_true(carries(&b->w.phones[0]) && carries(&b->w.phones[1]));
    settle(b);
    must_show_alike(b, &b->w.phones[1], &b->ids[1]);
    must_show_alike(b, &b->w.phones[1], &b->visit);
}

static void test_two_phones_meet(void **state)
{
    static const scene MEET = { "two phones meet", 0, both_have_work, meet_them, both_know };
    sweep(*state, &MEET);
}

/* ---- a unit that is lost, and given back ---- */

static void the_unit_is_taken(bench *b)
{
    b->p = &b->w.phones[1];
    assert_int_equal(phone_set(b->p, &b->ids[2], "place", b->made++ % 2 == 0 ? "C" : "D"),
                     SOTAY_OK);
    KIT_EXPECT(0, &b->w.book, "unassign", "binh", KIT_UNIT);
}

static void it_is_gone_and_comes_back(bench *b)
{
    char *json = NULL;
    assert_int_equal(sotay_show(b->p->client, &b->ids[2], SOTAY_JSON, &json, NULL),
                     SOTAY_E_NOT_FOUND);
    KIT_EXPECT(0, &b->w.book, "alarms", "--json");
    assert_null(strstr(KIT_OUT(&b->w.book), "\"leaving\""));
    KIT_EXPECT(0, &b->w.book, "assign", "binh", KIT_UNIT);
    settle(b);
    must_show_alike(b, b->p, &b->ids[2]);
}

static void test_a_unit_is_lost(void **state)
{
    static const scene LOSE = { "a unit is lost", 0, the_unit_is_taken, sync_it,
                                it_is_gone_and_comes_back };
    sweep(*state, &LOSE);
}

/* ---- what the office erases ---- */

static void a_value_is_erased(bench *b)
{
    char id[33], text[64];
    phone *an = &b->w.phones[0], *binh = &b->w.phones[1];
    (void)snprintf(text, sizeof text, "bí mật thứ %llu", (unsigned long long)++b->made);
    b->visit = phone_visit(an, "xóm");
    assert_int_equal(phone_set(an, &b->visit, "general_note", text), SOTAY_OK);
    settle(b);
    assert_int_equal(phone_set(binh, &b->visit, "general_note", text), SOTAY_OK);
    settle(b);
    sotay_id_format(&b->visit, id);
    KIT_EXPECT(0, &b->w.book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "đơn");
    assert_int_equal(phone_set(binh, &b->visit, "place", "chưa gửi"), SOTAY_OK);
    b->p = binh;
}

static void it_is_erased(bench *b)
{
    char *json = NULL;
    assert_int_equal(sotay_history(b->p->client, &b->visit, SOTAY_JSON, &json, NULL), SOTAY_OK);
    assert_null(strstr(json, "bí mật"));
    sotay_text_free(json);
    settle(b);
    must_show_alike(b, b->p, &b->visit);
}

static void test_a_value_is_erased(void **state)
{
    static const scene ERASE = { "a value is erased", 1, a_value_is_erased, sync_it, it_is_erased };
    bench *b = *state;
    KIT_EXPECT(0, &b->w.book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &b->w.book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    sweep(b, &ERASE);
}

/* ---- the gate at finalise ---- */

static void a_visit_with_gaps(bench *b)
{
    const sotay_pair kind = { "visit_kind", "kiem_tra" };
    const sotay_pairs one = { &kind, 1 };
    b->p = &b->w.phones[0];
    assert_int_equal(sotay_record_new(b->p->client, "visit", KIT_UNIT, one, &b->visit, NULL),
                     SOTAY_OK);
}

static int review_it(bench *b)
{
    int rc = SOTAY_OK;
    for (int i = 0; rc == SOTAY_OK && i < 2; i++) {
        char *text = NULL;
        rc = sotay_record_review(b->p->client, &b->visit, i == 0 ? SOTAY_TEXT : SOTAY_JSON, &text,
                                 &b->p->error);
        if (rc == SOTAY_OK)
            assert_non_null(strstr(text, "visit_date"));
        sotay_text_free(text);
    }
    if (rc != SOTAY_OK)
        return rc;
    rc = sotay_record_finalise(b->p->client, &b->visit, &b->p->error);
    if (rc == SOTAY_E_STATE)
        assert_non_null(strstr(b->p->error.detail, "needed"));
    return rc == SOTAY_E_STATE ? SOTAY_OK : rc;
}

static void test_the_gate(void **state)
{
    static const scene REVIEW = { "the gate at finalise", 2, a_visit_with_gaps, review_it, settle };
    sweep(*state, &REVIEW);
}

/* ---- a server set back to yesterday ---- */

static void run_rm(const char *dir)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* Yesterday's copy, and what a phone knows that came after it, by snapshot: without signatures. */
static void back_up(bench *b)
{
    line l = { 0 };
    b->p = &b->w.phones[0];
    (void)snprintf(b->backup, sizeof b->backup, "%s.backup", b->w.book.dir);
    KIT_EXPECT(0, &b->w.book, "backup", b->backup);
    for (size_t i = 0; i < 3; i++)
        b->ids[i] = phone_visit(b->p, "sau sao lưu");
    must(b, sync_one(&b->w, b->p));
    recut_close(&b->book);
    KIT_EXPECT(0, &b->w.book, "user", "add", "em", "--name", "em", "--role", "officer");
    phone_free(&b->kept);
    b->w.at_work = NULL;
    phone_new(&b->kept, 4712);
    enrol(&b->w, &b->kept, "dung", true);
    sync_to_the_end(&b->w, &b->kept, &l);
    assert_int_equal(phone_set(&b->kept, &b->ids[5], "place", "của dung"), SOTAY_OK);
    must(b, sync_one(&b->w, &b->kept));
    assert_int_equal(phone_set(&b->kept, &b->ids[6], "place", "chưa gửi"), SOTAY_OK);
    b->w.at_work = failing_pause;
}

static void the_server_is_set_back(bench *b)
{
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = b->w.book.dir };
    rooms_close(&b->w.book.rooms);
    run_rm(b->w.book.dir);
    if (backup_restore(b->backup, &how, &manifest, &error) != ST_OK ||
        rooms_open(&how, &b->w.book.rooms, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
    a_copy_of_the_kept_one(b);
}

static void what_it_had_is_there_again(bench *b)
{
    for (int i = 0; i < 2; i++)
        must(b, sync_it(b));
    assert_true(phone_status_says(b->p, "\"ready\":0"));
    assert_true(phone_status_says(b->p, "\"evidence_waiting\":0"));
    assert_true(phone_says(b->p, sotay_show, &b->ids[5], "của dung"));
    assert_true(phone_says(b->p, sotay_show, &b->ids[6], "chưa gửi"));
    KIT_EXPECT(0, &b->w.book, "incidents", "--json");
    assert_true(kit_says(KIT_OUT(&b->w.book), "sau sao lưu"));
    KIT_EXPECT(0, &b->w.book, "verify");
    phone_free(&b->spare);
    b->p = &b->w.phones[0];
}

static void test_a_server_set_back(void **state)
{
    static const scene BACK = { "a server set back", 0, the_server_is_set_back, sync_it,
                                what_it_had_is_there_again };
    bench *b = *state;
    if (getenv("TEST_LONG") == NULL)
        skip(); /* each try puts a whole book back */
    back_up(b);
    sweep(b, &BACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_snapshot),
        cmocka_unit_test(test_a_unit_is_lost),
        cmocka_unit_test(test_a_file_is_attached),
        cmocka_unit_test(test_a_picture_is_attached),
        cmocka_unit_test(test_files_are_sent),
        cmocka_unit_test(test_files_are_fetched),
        cmocka_unit_test(test_a_bundle_is_made),
        cmocka_unit_test(test_a_bundle_is_taken_in),
        cmocka_unit_test(test_what_is_carried_is_sent),
        cmocka_unit_test(test_two_phones_meet),
        cmocka_unit_test(test_a_value_is_erased),
        cmocka_unit_test(test_the_gate),
        cmocka_unit_test(test_a_server_set_back),
    };
    return cmocka_run_group_tests(tests, town_open, town_close);
}
