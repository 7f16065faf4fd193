/* tests/unit/server/test_office_faults.c
 * Whatever breaks while the office works with the book - a page that cannot be read or written,
 * memory that is not there - a call of sotayctl happens whole or not at all, says so by its exit
 * code and in a line, and goes in when it is made again. A list is never shorter than it should be
 * without a word. Each call is tried with its first step failing, then its second, until none is
 * left to fail. */
#include "tests/unit/server/office_kit.h"

#include <cjson/cJSON.h>

#include "proto/recover.h"

/* ---- what was before ---- */

/* A value of the office's that an officer wrote waits for the office. */
static void what_is_held(office *o)
{
    a_visit(o);
    assert_int_equal(kit_write(&o->an, o->visit, "ratings.m1.accepted_rating", "dat", NULL),
                     ST_VERDICT_HELD);
}

static void a_finished_visit(office *o)
{
    a_visit(o);
    const st_context_device knows = { .device = o->an.device, .upto = o->an.next - 1 };
    st_change change = { .act = ST_ACT_FINALISE, .context = { &knows, 1 } };
    assert_true(st_id_parse(o->visit, &change.record));
    assert_int_equal(kit_send(&o->an, &change), ST_VERDICT_STORED);
}

/* Two values of one place that did not see each other. */
static void two_values(office *o)
{
    a_visit(o);
    assert_int_equal(kit_write(&o->an, o->visit, "place", "chợ", NULL), ST_VERDICT_STORED);
    const st_dot last = { o->an.device, o->an.next - 1 };
    st_dot_format(&last, o->dot);
}

static void a_meeting(office *o)
{
    KIT_EXPECT(0, &o->book, "new", "council_meeting", "-", "date=2026-03-20", "--as", "office");
    kit_take_id(&o->book, o->meeting);
}

static void a_meeting_that_runs(office *o)
{
    a_meeting(o);
    KIT_EXPECT(0, &o->book, "fence", "open", o->meeting, "--as", "chair");
}

static void a_device(office *o)
{
    kit_enrol(&o->book, "an", (uint8_t)(20 + o->round % 200), &o->an);
    st_id_format(&o->an.device, o->device);
}

static void a_suspended_device(office *o)
{
    a_device(o);
    KIT_EXPECT(0, &o->book, "device", "suspend", o->device);
}

static void a_login(office *o)
{
    char login[32];
    (void)snprintf(login, sizeof login, "n%u", o->round);
    KIT_EXPECT(0, &o->book, "user", "add", login, "--name", "N", "--role", "officer");
}

static void a_unit_of_a_login(office *o)
{
    char login[32];
    a_login(o);
    (void)snprintf(login, sizeof login, "n%u", o->round);
    KIT_EXPECT(0, &o->book, "assign", login, "01477-x003");
}

static void a_visit_under_review(office *o)
{
    a_finished_visit(o);
    KIT_EXPECT(0, &o->book, "move", o->visit, "under_review", "--as", "office");
}

static void take_request(office *o)
{
    assert_int_equal(sscanf(KIT_OUT(&o->book), "Request %20[0-9] waits", o->request), 1);
}

static void a_request(office *o)
{
    a_visit(o);
    KIT_EXPECT(0, &o->book, "erase", o->visit, "general_note", "--as", "admin", "--basis", "x");
    take_request(o);
}

static void an_epoch_is_asked(office *o)
{
    KIT_EXPECT(0, &o->book, "epoch", "new", "--as", "admin", "--reason", "x");
    take_request(o);
}

/* Of a phone that forgot its PIN. */
static void a_key_is_asked(office *o)
{
    const auth_keys *keys = &o->book.rooms.keys;
    st_recover_ask ask = { .sealed_len = ST_RECOVER_SEALED_MAX };
    uint8_t opened[ST_RECOVER_OPENED_MAX];
    char line[ST_RECOVER_TEXT];
    a_device(o);
    memset(opened, 9, sizeof opened);
    memcpy(opened + 32, o->an.device.b, sizeof o->an.device.b);
    memcpy(ask.reply_key, keys->recovery_public, sizeof ask.reply_key);
    assert_int_equal(st_box_seal(keys->recovery_public, opened, sizeof opened, ask.sealed, NULL),
                     ST_OK);
    st_recover_ask_format(&ask, line);
    KIT_EXPECT(0, &o->book, "device", "recover", o->device, line, "--as", "admin", "--reason", "x");
    take_request(o);
}

static void nothing_before(office *o)
{
    (void)o;
}

/* ---- writing ---- */

typedef struct {
    const char *why;
    void (*before)(office *o);
    const char *words[WORDS_MAX];
} scene;

#define BOTH "--as", "admin", "--second", "head"

static const scene WRITES[] = {
    { "a value is destroyed",
      a_visit,
      { "erase", "@visit", "general_note", "place", BOTH, "--basis", "x" } },
    { "a value is asked to go",
      a_visit,
      { "erase", "@visit", "general_note", "--as", "admin", "--basis", "x" } },
    { "a second person agrees", a_request, { "request", "confirm", "@request", "--as", "head" } },
    { "or to an epoch",
      an_epoch_is_asked,
      { "request", "confirm", "@request", "--as", "head" } },
    { "or to open a phone",
      a_key_is_asked,
      { "request", "confirm", "@request", "--as", "head" } },
    { "or does not",
      a_request,
      { "request", "withdraw", "@request", "--as", "head", "--reason", "x" } },
    { "a meeting opens", a_meeting, { "fence", "open", "@meeting", "--as", "chair" } },
    { "a meeting closes", a_meeting_that_runs, { "fence", "close", "@meeting", "--as", "chair" } },
    { "a new epoch", nothing_before, { "epoch", "new", BOTH, "--reason", "x" } },
    { "another address", nothing_before, { "address", "https://so-tay.example" } },
    { "the office lets in",
      what_is_held,
      { "held", "accept", "--device", "@device", "--as", "office", "--reason", "x" } },
    { "the office declines",
      what_is_held,
      { "held", "decline", "--device", "@device", "--as", "office", "--reason", "x" } },
    { "a difference is settled",
      two_values,
      { "resolve", "@visit", "place", "--keep", "@dot", "--as", "office", "--reason", "x" } },
    { "a record of the office",
      nothing_before,
      { "new", "visit", KIT_UNIT, "visit_kind=kiem_tra", "planned_date=2026-03-12", "--as",
        "office", "--reason", "x" } },
    { "a value of the office",
      a_visit,
      { "set", "@visit", "planned_date=2026-03-13", "--as", "office" } },
    { "a visit is taken up",
      a_finished_visit,
      { "move", "@visit", "under_review", "--as", "office" } },
    { "a visit is given back",
      a_visit_under_review,
      { "move", "@visit", "returned", "--as", "office", "--reason", "x" } },
    { "a person", nothing_before, { "user", "add", "@login", "--name", "N", "--role", "officer" } },
    { "a role", a_login, { "role", "@login", "+office" } },
    { "a person goes", a_login, { "user", "disable", "@login" } },
    { "units are assigned", a_login, { "assign", "@login", "01477-x002", "01477-x003" } },
    { "a unit is taken back", a_unit_of_a_login, { "unassign", "@login", "01477-x003" } },
    { "a device is suspended", a_device, { "device", "suspend", "@device", "--reason", "x" } },
    { "and let in again", a_suspended_device, { "device", "suspend", "@device", "--lift" } },
    { "a device is revoked", a_device, { "device", "revoke", "@device", "--reason", "x" } },
    { "a link to enrol by", a_login, { "enrol", "@login" } },
};

/* The call with every step failing once: all of it or nothing. Returns how many steps there are. */
static uint64_t torment(office *o, const scene *s, fault kind, uint64_t patience)
{
    uint64_t places = 0;
    o->round++;
    s->before(o);
    (void)office_fill(o, s->words);
    for (uint64_t n = 1;; n += 1 + n / patience) {
        bool failed = false;
        uint64_t size = office_log_size(o);
        int code = office_call(o, kind, n, true, &failed);
        if (!failed && code == 0)
            return places;
        if (!failed || (code == 0 && kind == BOOK) || (code != 0 && office_log_size(o) != size) ||
            (code != 0 && KIT_ERR(&o->book)[0] == '\0')) {
            office_show(o, kind, n, code);
            fail_msg("%s: it is neither done nor refused", s->why);
        }
        places++;
        if (code != 0)
            continue;
        o->round++; /* done in another way: there is more to try */
        s->before(o);
        (void)office_fill(o, s->words);
    }
}

/* Another key of the log: where the book fails, the file of the new one stays for the next try or
 * start, and the request waits on. */
static void test_a_key_of_the_log_that_fails(void **state)
{
    static const char *const CONFIRM[] = { "request", "confirm", "@request", "--as", "head", NULL };
    office *o = *state;
    KIT_EXPECT(0, &o->book, "log-key", "new", "--as", "admin", "--reason", "x");
    take_request(o);
    (void)office_fill(o, CONFIRM);
    uint64_t size = office_log_size(o), places = 0;
    for (uint64_t n = 1;; n++) {
        bool failed = false;
        int code = office_call(o, BOOK, n, true, &failed);
        if (code == 0 && !failed)
            break;
        assert_true(code != 0 && failed);
        assert_int_equal(office_log_size(o), size);
        assert_int_equal(o->book.rooms.keys.later_count, 1); /* the next try takes the same one */
        places++;
    }
    assert_true(places > AUTH_LOG_LATER_MAX); /* the last of them is the commit */
    assert_int_equal(o->book.rooms.keys.later_count, 1);
    KIT_EXPECT(0, &o->book, "request", "list");
    assert_true(kit_says(KIT_OUT(&o->book), "0 requests wait"));
}

static void write_all(office *o, fault kind, uint64_t patience)
{
    for (size_t i = 0; i < sizeof WRITES / sizeof WRITES[0]; i++) {
        uint64_t places = torment(o, &WRITES[i], kind, patience);
        print_message("  case: %s: failed at %d places\n", WRITES[i].why, (int)places);
        assert_true(places > 0 || kind != BOOK);
    }
}

static void test_a_book_that_fails(void **state)
{
    write_all(*state, BOOK, 60);
}

static void test_memory_that_is_refused(void **state)
{
    write_all(*state, PIECE, 20);
}

static void test_no_memory(void **state)
{
    if (MEMORY_IS_WATCHED)
        skip();
    write_all(*state, MEMORY, 60);
}

/* ---- reading ---- */

static const char *const READS[][WORDS_MAX] = {
    { "show", "@visit" },
    { "show", "@visit", "--json" },
    { "history", "@visit" },
    { "history", "@visit", "--json" },
    { "history", "@visit", "--csv" },
    { "history", "@visit", "--field", "place" },
    { "history", "@visit", "--after", "@meeting" },
    { "history", "@visit", "--between", "2026-01-01,2027-01-01", "--json" },
    { "records" },
    { "records", "--json" },
    { "records", "--form", "visit" },
    { "search", "nha van hoa" },
    { "search", "nha van hoa", "--json" },
    { "conflicts" },
    { "conflicts", "--json" },
    { "held" },
    { "held", "--json" },
    { "held", "--device", "@device" },
    { "incidents" },
    { "incidents", "--json" },
    { "fence", "list" },
    { "fence", "list", "--json" },
    { "fence", "list", "--csv" },
    { "user", "list" },
    { "user", "list", "--json" },
    { "device", "list" },
    { "device", "list", "--json" },
    { "alarms" },
    { "alarms", "--json" },
    { "receipts" },
    { "receipts", "--json" },
    { "stat" },
    { "stat", "--json" },
    { "attachment", "list" },
    { "attachment", "list", "--json" },
    { "audit", "list", "gaps" },
    { "audit", "list", "forks", "--json" },
    { "audit", "list", "late", "--csv" },
    { "audit", "list", "changed" },
    { "audit", "list", "withdrawn" },
    { "audit", "list", "holds", "--json" },
    { "audit", "list", "clocks" },
    { "audit", "list", "silent" },
    { "audit", "list", "revoked" },
    { "audit", "list", "epochs", "--json" },
    { "audit", "list", "erasures" },
    { "audit", "list", "requests" },
    { "audit", "list", "requests", "--json" },
    { "request", "list" },
    { "request", "list", "--json" },
    { "export", "csv" },
    { "export", "csv", "--form", "visit" },
};
#define READS_COUNT (sizeof READS / sizeof READS[0])

/* How much is told: lines for people, objects for programs. A name may be another, or an id. */
static size_t told_in(const char *text)
{
    size_t told = 0;
    for (; *text != '\0'; text++)
        told += *text == '\n' || *text == '{';
    return told;
}

static void must_be_json(const office *o)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(KIT_OUT(&o->book), &end, 0);
    if (json == NULL)
        fail_msg("'%s' is no JSON", KIT_OUT(&o->book));
    cJSON_Delete(json);
}

static bool is_json(const office *o)
{
    for (size_t i = 0; o->line[i] != NULL; i++)
        if (strcmp(o->line[i], "--json") == 0)
            return true;
    return false;
}

/* A step may fail unseen only where what is shown stays as long: a name that cannot be read. */
static uint64_t read_failing(office *o, fault kind, uint64_t patience)
{
    uint64_t places = 0;
    bool failed = false;
    int good = office_call(o, NOTHING, 0, false, &failed);
    if (good != 0)
        office_show(o, NOTHING, 0, good);
    assert_int_equal(good, 0);
    size_t told = told_in(KIT_OUT(&o->book));
    assert_true(told > 0);
    for (uint64_t n = 1;; n += 1 + n / patience) {
        int code = office_call(o, kind, n, false, &failed);
        bool is_good =
            code != 0 ? KIT_ERR(&o->book)[0] != '\0' : told_in(KIT_OUT(&o->book)) == told;
        if (!is_good || (code != 0 && !failed)) {
            office_show(o, kind, n, code);
            fail_msg("the answer is not whole, and nobody is told");
        }
        if (code == 0 && is_json(o))
            must_be_json(o);
        if (!failed)
            return places;
        places++;
    }
}

static void a_full_book(office *o)
{
    a_request(o);
    KIT_EXPECT(0, &o->book, "erase", o->visit, "general_note", BOTH, "--basis", "x");
    what_is_held(o);
    a_meeting_that_runs(o);
    a_visit_under_review(o);
    KIT_EXPECT(0, &o->book, "set", o->visit, "planned_date=2026-03-13", "--as", "office");
    KIT_EXPECT(0, &o->book, "fence", "close", o->meeting, "--as", "chair");
    two_values(o);
    KIT_EXPECT(0, &o->book, "epoch", "new", BOTH, "--reason", "x");
}

static void test_reading_fails(void **state)
{
    static const fault KINDS[] = { BOOK, PIECE, MEMORY };
    office *o = *state;
    a_full_book(o);
    for (size_t i = 0; i < READS_COUNT; i++) {
        uint64_t places = 0;
        (void)office_fill(o, READS[i]);
        for (int k = 0; k < (MEMORY_IS_WATCHED ? 2 : 3); k++)
            places += read_failing(o, KINDS[k], KINDS[k] == BOOK ? 12 : 6);
        print_message("  case: %s %s: failed at %d places\n", o->line[0],
                      o->line[1] != NULL ? o->line[1] : "", (int)places);
        assert_true(places > 0);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, office_setup, office_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_book_that_fails),
        CASE(test_a_key_of_the_log_that_fails),
        CASE(test_memory_that_is_refused),
        CASE(test_no_memory),
        CASE(test_reading_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
