/* tests/unit/server/test_api.c
 * What a reviewer reads over /api/: the same as sotayctl says, for devices of auditors and of the
 * office alone, each request signed once and as it was sent; queries that mean only one thing. */
#include "tests/unit/server/operator_kit.h"

#include "server/http/query.h"
#include "server/http/request.h"

static kit_book BOOK;
static char VISIT[33];

/* A device that asks. */
typedef struct {
    kit_phone phone;
    uint64_t counter;
} reader;

static reader AUDITOR, OFFICER;

static void add_person(kit_book *book, const char *login, const char *role)
{
    KIT_EXPECT(0, book, "user", "add", login, "--name", login, "--role", role);
}

static int setup(void **state)
{
    kit_book *book = &BOOK;
    kit_make(book, false);
    add_person(book, "an", "officer");
    KIT_EXPECT(0, book, "assign", "an", KIT_UNIT);
    add_person(book, "office", "office");
    add_person(book, "head", "office_head");
    add_person(book, "thanh", "auditor");
    memset(&AUDITOR, 0, sizeof AUDITOR);
    memset(&OFFICER, 0, sizeof OFFICER);
    kit_enrol(book, "an", 7, &OFFICER.phone);
    kit_enrol(book, "thanh", 17, &AUDITOR.phone);
    kit_visit(&OFFICER.phone, "một điều", VISIT);
    *state = book;
    return 0;
}

static int teardown(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "verify");
    kit_remove(book);
    return 0;
}

/* ---- asking ---- */

/* The head as a header carries it: of GET and this address, path and query. */
static void sign_head(reader *who, const char *address, uint64_t counter, char out[200])
{
    st_head head = { .device = who->phone.device, .counter = counter };
    uint8_t bytes[ST_HEAD_BYTES];
    st_buffer text;
    st_buffer_init(&text, 8192);
    memset(head.install, 3, sizeof head.install);
    const st_hash nothing = st_sha256("", 0);
    assert_int_equal(st_head_sign_text(&head, "GET", address, &nothing,
                                       &who->phone.book->rooms.keys.log, &text), ST_OK);
    st_sign(who->phone.secret, text.data, text.len, head.signature);
    assert_int_equal(st_head_encode(&head, bytes), sizeof bytes);
    st_base64url(bytes, sizeof bytes, out);
    st_buffer_free(&text);
}

typedef struct {
    int status;
    char type[40];
    char text[65536];
} answer;

/* The answer to a request with this head; NULL: to one that nobody signed. */
static void ask_with(kit_book *book, const char *address, const char *head, answer *out)
{
    char path[512];
    const char *sign = strchr(address, '?');
    http_request request = { .rooms = &book->rooms, .method = "GET", .path = path, .status = 200,
                             .signed_head = head, .query = sign != NULL ? sign + 1 : NULL,
                             .who = "-" };
    (void)snprintf(path, sizeof path, "%.*s", (int)strcspn(address, "?"), address);
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    http_handle_api(&request);
    out->status = request.status;
    assert_non_null(request.content_type);
    assert_true(request.no_store || request.status != 200);
    (void)snprintf(out->type, sizeof out->type, "%s", request.content_type);
    (void)snprintf(out->text, sizeof out->text, "%.*s", (int)request.reply.len,
                   request.reply.len > 0 ? (const char *)request.reply.data : "");
    st_buffer_free(&request.reply);
}

static int ask(reader *who, const char *address, answer *out)
{
    char head[200];
    sign_head(who, address, ++who->counter, head);
    ask_with(who->phone.book, address, head, out);
    return out->status;
}

/* ---- what is read ---- */

/* The answer is what sotayctl prints. */
static void same_as(kit_book *book, const char *address, const char *type,
                    const char *const *words)
{
    static answer got;
    assert_int_equal(ask(&AUDITOR, address, &got), 200);
    assert_string_equal(got.type, type);
    assert_int_equal(kit_call(book, words), 0);
    assert_string_equal(got.text, KIT_OUT(book));
    assert_true(got.text[0] != '\0');
}
#define SAME(book, address, type, ...) \
    same_as(book, address, type, (const char *const[]){ __VA_ARGS__, NULL })

static void test_it_is_what_sotayctl_says(void **state)
{
    kit_book *book = *state;
    char address[200];
    KIT_EXPECT(0, book, "erase", VISIT, "place", "--as", "head", "--basis", "điều 14");
    (void)snprintf(address, sizeof address, "/api/history/%s", VISIT);
    SAME(book, address, "application/json", "history", VISIT, "--json");
    (void)snprintf(address, sizeof address, "/api/history/%s?field=general_note&format=json",
                   VISIT);
    SAME(book, address, "application/json", "history", VISIT, "--json", "--field", "general_note");
    (void)snprintf(address, sizeof address,
                   "/api/history/%s?between=2026-01-01%%2C2027-01-01&format=csv", VISIT);
    SAME(book, address, "text/csv; charset=utf-8", "history", VISIT, "--csv", "--between",
         "2026-01-01,2027-01-01");
    SAME(book, "/api/audit/list/acts", "application/json", "audit", "list", "acts", "--json");
    SAME(book, "/api/audit/list/acts?format=csv", "text/csv; charset=utf-8", "audit", "list",
         "acts", "--csv");
    SAME(book, "/api/fences", "application/json", "fence", "list", "--json");
    SAME(book, "/api/fences?format=csv", "text/csv; charset=utf-8", "fence", "list", "--csv");
    SAME(book, "/api/requests", "application/json", "request", "list", "--json");
    (void)snprintf(address, sizeof address, "/api/audit/proof/%s", VISIT);
    SAME(book, address, "text/plain; charset=utf-8", "audit", "proof", VISIT);
}

/* A document says that it is not all. What cannot say it is refused. */
static void test_a_damaged_name(void **state)
{
    static answer got;
    kit_book *book = *state;
    char json[200], csv[200], copy[512];
    st_id person = kit_person(&OFFICER.phone);
    store_txn txn = { 0 };
    store_slice row = { 0 }, key = store_bytes(person.b, sizeof person.b);
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, STORE_PERSON, key, &row, NULL), ST_OK);
    assert_true(row.len <= sizeof copy);
    memcpy(copy, row.data, row.len);
    store_end(&txn);
    kit_put_row(book, STORE_PERSON, key, store_text("xx"));
    (void)snprintf(json, sizeof json, "/api/history/%s", VISIT);
    (void)snprintf(csv, sizeof csv, "/api/history/%s?format=csv", VISIT);
    SAME(book, json, "application/json", "history", VISIT, "--json");
    assert_true(kit_says(KIT_OUT(book), ",\"unread\":true}\n"));
    assert_int_equal(ask(&AUDITOR, csv, &got), 422);
    assert_true(kit_says(got.text, "the answer is not whole"));
    kit_put_row(book, STORE_PERSON, key, store_bytes(copy, row.len));
    SAME(book, csv, "text/csv; charset=utf-8", "history", VISIT, "--csv");
}

static void test_the_language_is_asked_for(void **state)
{
    static answer got;
    kit_book *book = *state;
    (void)book;
    assert_int_equal(ask(&AUDITOR, "/api/history/x?lang=vi", &got), 422);
    assert_true(kit_says(got.text, "history: "));
    char vi[400];
    (void)snprintf(vi, sizeof vi, "%.399s", got.text);
    assert_int_equal(ask(&AUDITOR, "/api/history/x", &got), 422);
    assert_string_not_equal(vi, got.text);
    assert_int_equal(ask(&AUDITOR, "/api/history/x?lang=fr", &got), 400);
}

/* ---- what is refused ---- */

static void test_addresses_that_are_none(void **state)
{
    static const struct { const char *address; int status; } CASES[] = {
        { "/api/", 404 },
        { "/api/nothing", 404 },
        { "/api/history", 404 },
        { "/api/history/", 404 },
        { "/api/fences/x", 404 },
        { "/api/fencesx", 404 },
        { "/api/user/list", 404 },
        { "/api/audit/export/x", 404 },
        { "/api/history/00000000000000000000000000000000", 404 },
        { "/api/audit/proof/00000000000000000000000000000000", 404 },
        { "/api/history/--csv", 422 },
        { "/api/history/a/b", 422 },
        { "/api/audit/proof/--code=1", 422 },
        { "/api/audit/list/nothing", 400 },
        { "/api/audit/list/--json", 400 },
        { "/api/fences?format=xml", 400 },
        { "/api/requests?format=csv", 400 },
        { "/api/fences?field=x", 400 },
        { "/api/fences?=", 400 },
        { "/api/fences?as=office", 400 },
        { "/api/fences?field%20between=x", 400 },
        { "/api/fences?%66ormat=json&format=json", 400 },
    };
    static answer got;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int status = ask(&AUDITOR, CASES[i].address, &got);
        if (status != CASES[i].status || got.text[0] == '\0')
            fail_msg("%s: %d %s", CASES[i].address, status, got.text);
    }
}

static void test_a_place_or_a_time_that_is_none(void **state)
{
    static answer got;
    char address[200];
    (void)state;
    (void)snprintf(address, sizeof address, "/api/history/%s?field=nothing", VISIT);
    assert_int_equal(ask(&AUDITOR, address, &got), 422);
    (void)snprintf(address, sizeof address, "/api/history/%s?between=x", VISIT);
    assert_true(ask(&AUDITOR, address, &got) >= 400);
    (void)snprintf(address, sizeof address, "/api/history/%s?after=x", VISIT);
    assert_true(ask(&AUDITOR, address, &got) >= 400);
    (void)snprintf(address, sizeof address, "/api/audit/proof/%s?code=0000", VISIT);
    assert_int_equal(ask(&AUDITOR, address, &got), 400); /* sixteen digits make a code */
    (void)snprintf(address, sizeof address, "/api/audit/proof/%s?code=0000000000000000", VISIT);
    assert_int_equal(ask(&AUDITOR, address, &got), 404);
}

/* ---- who may ---- */

static void test_officers_and_strangers_may_not(void **state)
{
    static answer got;
    kit_book *book = *state;
    reader stranger = AUDITOR;
    assert_int_equal(ask(&OFFICER, "/api/fences", &got), 403);
    ask_with(book, "/api/fences", NULL, &got);
    assert_int_equal(got.status, 403);
    ask_with(book, "/api/fences", "", &got);
    assert_int_equal(got.status, 403);
    ask_with(book, "/api/fences", "AAAA", &got);
    assert_int_equal(got.status, 403);
    stranger.phone.device.b[0] ^= 1;
    assert_int_equal(ask(&stranger, "/api/fences", &got), 403);
    assert_int_equal(ask(&OFFICER, "/api/nothing", &got), 403);
}

static void test_it_ends_with_the_right(void **state)
{
    static answer got;
    kit_book *book = *state;
    char device[33];
    st_id_format(&AUDITOR.phone.device, device);
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 200);
    KIT_EXPECT(0, book, "device", "suspend", device);
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 403);
    KIT_EXPECT(0, book, "device", "suspend", device, "--lift");
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 200);
    KIT_EXPECT(0, book, "role", "thanh", "-auditor", "+officer");
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 403);
    KIT_EXPECT(0, book, "role", "thanh", "+admin");
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 200);
    KIT_EXPECT(0, book, "user", "disable", "thanh");
    assert_int_equal(ask(&AUDITOR, "/api/fences", &got), 403);
    KIT_EXPECT(0, book, "role", "office", "+officer");
    reader office = { .counter = 0 };
    kit_enrol(book, "office", 27, &office.phone);
    assert_int_equal(ask(&office, "/api/fences", &got), 200);
    st_id_format(&office.phone.device, device);
    KIT_EXPECT(0, book, "device", "revoke", device);
    assert_int_equal(ask(&office, "/api/fences", &got), 403);
}

/* A request that somebody copied from the line is good for nothing. */
static void test_a_request_is_good_once_and_as_it_was_sent(void **state)
{
    static answer got;
    kit_book *book = *state;
    char head[200];
    sign_head(&AUDITOR, "/api/fences?format=csv", 5, head);
    ask_with(book, "/api/fences?format=json", head, &got);
    assert_int_equal(got.status, 401);
    ask_with(book, "/api/fences", head, &got);
    assert_int_equal(got.status, 401);
    ask_with(book, "/api/requests?format=csv", head, &got);
    assert_int_equal(got.status, 401);
    ask_with(book, "/api/fences?format=csv", head, &got);
    assert_int_equal(got.status, 200);
    ask_with(book, "/api/fences?format=csv", head, &got);
    assert_int_equal(got.status, st_err_http(ST_E_AGAIN));
    assert_true(kit_says(got.text, "the counter is 5"));
    sign_head(&AUDITOR, "/api/fences", 4, head);
    ask_with(book, "/api/fences", head, &got);
    assert_int_equal(got.status, 200);
}

/* ---- queries ---- */

static void test_what_a_query_says(void **state)
{
    http_query query;
    (void)state;
    assert_int_equal(http_query_parse(NULL, &query, NULL), ST_OK);
    assert_int_equal(query.count, 0);
    assert_int_equal(http_query_parse("", &query, NULL), ST_OK);
    assert_int_equal(query.count, 0);
    assert_null(http_query_get(&query, ""));
    assert_int_equal(http_query_parse("a=1&b=&c=x=y&d=%C4%91%E1%BB%8Bnh+l%c3%a0ng%2B%26", &query,
                                      NULL), ST_OK);
    assert_int_equal(query.count, 4);
    assert_string_equal(http_query_get(&query, "a"), "1");
    assert_string_equal(http_query_get(&query, "b"), "");
    assert_string_equal(http_query_get(&query, "c"), "x=y");
    assert_string_equal(http_query_get(&query, "d"), "định làng+&");
    assert_null(http_query_get(&query, "A"));
}

static void test_queries_that_are_none(void **state)
{
    static const char *const WRONG[] = {
        "a", "=", "=1", "a=1&", "&a=1", "a=1&&b=2", "a=1&a=2", "a=1&%61=2", "a=%", "a=%4",
        "a=%zz", "a=%00", "a=%0A", "a=%7f", "a=\x01", "a=%ff", "a=%C4", "a=%ED%A0%80", "%=1",
        "a=%c0%af", "a=1&b",
    };
    http_query query;
    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        if (http_query_parse(WRONG[i], &query, NULL) != ST_E_VALUE || query.count != 0)
            fail_msg("'%s' was taken", WRONG[i]);
    }
}

static void test_queries_have_an_end(void **state)
{
    static http_query query;
    static char text[HTTP_QUERY_BYTES_MAX + 2];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "a=", 2);
    text[HTTP_QUERY_BYTES_MAX] = '\0';
    assert_int_equal(http_query_parse(text, &query, NULL), ST_OK);
    assert_int_equal(strlen(http_query_get(&query, "a")), HTTP_QUERY_BYTES_MAX - 2);
    text[HTTP_QUERY_BYTES_MAX] = 'x';
    text[HTTP_QUERY_BYTES_MAX + 1] = '\0';
    assert_int_equal(http_query_parse(text, &query, NULL), ST_E_TOO_LARGE);
    assert_int_equal(http_query_parse("a=&b=&c=&d=&e=&f=&g=&h=", &query, NULL), ST_OK);
    assert_int_equal(query.count, HTTP_QUERY_WORDS_MAX);
    assert_int_equal(http_query_parse("a=&b=&c=&d=&e=&f=&g=&h=&i=", &query, NULL),
                     ST_E_TOO_LARGE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_it_is_what_sotayctl_says),
        CASE(test_a_damaged_name),
        CASE(test_the_language_is_asked_for),
        CASE(test_addresses_that_are_none),
        CASE(test_a_place_or_a_time_that_is_none),
        CASE(test_officers_and_strangers_may_not),
        CASE(test_it_ends_with_the_right),
        CASE(test_a_request_is_good_once_and_as_it_was_sent),
        cmocka_unit_test(test_what_a_query_says),
        cmocka_unit_test(test_queries_that_are_none),
        cmocka_unit_test(test_queries_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
