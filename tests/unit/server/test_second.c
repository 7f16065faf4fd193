/* tests/unit/server/test_second.c
 * What needs two people waits for the second one for 72 hours, is done once, as it was asked, and
 * by two different people who may do it then. */
#include "tests/unit/server/operator_kit.h"

#include "proto/recover.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"
#include "server/sync/second.h"

#define SECRET "một điều riêng tư"
#define BASIS "điều 14"

/* ---- the clock ---- */

static int64_t NOW_MS;

static int64_t now_ms(void *context)
{
    (void)context;
    return NOW_MS;
}

static uint64_t mono_ms(void *context)
{
    (void)context;
    return (uint64_t)NOW_MS;
}

static void draw(void *context, void *out, size_t len)
{
    const server_port *port = server_port_system();
    (void)context;
    port->random(port->context, out, len);
}

static const server_port PORT = { NULL, now_ms, mono_ms, draw };

/* ---- the book ---- */

static kit_book BOOK;
static kit_phone AN;
static char VISIT[33];

static void add_person(kit_book *book, const char *login, const char *role)
{
    KIT_EXPECT(0, book, "user", "add", login, "--name", login, "--role", role);
}

static int setup(void **state)
{
    const server_port *real = server_port_system();
    kit_make(&BOOK, false);
    NOW_MS = real->now_ms(real->context) + INT64_C(3600000); /* later than anything in the book */
    BOOK.rooms.sync.port = &PORT;
    add_person(&BOOK, "an", "officer");
    KIT_EXPECT(0, &BOOK, "assign", "an", KIT_UNIT);
    add_person(&BOOK, "office", "office");
    add_person(&BOOK, "chief", "decider");
    add_person(&BOOK, "head", "office_head");
    add_person(&BOOK, "admin", "admin");
    kit_enrol(&BOOK, "an", 7, &AN);
    kit_visit(&AN, SECRET, VISIT);
    *state = &BOOK;
    return 0;
}

static int teardown(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "verify");
    kit_remove(book);
    return 0;
}

/* The number that a call printed: "Request N waits…". */
static void take_number(kit_book *book, char number[24])
{
    assert_int_equal(sscanf(KIT_OUT(book), "Request %20[0-9] waits", number), 1);
}

static void ask_erasure(kit_book *book, const char *login, char number[24])
{
    KIT_EXPECT(0, book, "erase", VISIT, "general_note", "--as", login, "--basis", BASIS);
    take_number(book, number);
}

static bool is_erased(kit_book *book)
{
    KIT_EXPECT(0, book, "show", VISIT);
    bool has = strstr(KIT_OUT(book), SECRET) != NULL;
    bool says = strstr(KIT_OUT(book), "erased on request") != NULL;
    assert_true(has != says);
    return says;
}

static void waiting(kit_book *book, const char *count)
{
    KIT_EXPECT(0, book, "request", "list");
    assert_true(kit_says(KIT_OUT(book), count));
}

/* Says the list of the reviewer that this became of the request? */
static void outcome(kit_book *book, const char *number, const char *word)
{
    char part[96];
    (void)snprintf(part, sizeof part, "\"log_index\":%s,\"what\":\"erase\",\"outcome\":\"%s\"",
                   number, word);
    KIT_EXPECT(0, book, "audit", "list", "requests", "--json");
    assert_true(kit_says(KIT_OUT(book), part));
}

/* ---- confirming ---- */

static void test_it_waits_and_is_done_by_another(void **state)
{
    kit_book *book = *state;
    char number[24];
    waiting(book, "0 requests wait");
    ask_erasure(book, "chief", number);
    assert_false(is_erased(book));
    waiting(book, "1 request waits");
    assert_true(kit_says(KIT_OUT(book), BASIS));
    assert_true(kit_says(KIT_OUT(book), VISIT));
    outcome(book, number, "waiting");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "chief");
    assert_true(kit_says(KIT_ERR(book), "two different people"));
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "an");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "nobody");
    assert_false(is_erased(book));
    waiting(book, "1 request waits");
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_OUT(book), "1 values erased"));
    assert_true(is_erased(book));
    waiting(book, "0 requests wait");
    outcome(book, number, "confirmed");
    assert_true(kit_says(KIT_OUT(book), "\"person\":\"chief\",\"second\":\"head\""));
    KIT_EXPECT(0, book, "audit", "list", "requests");
    assert_true(kit_says(KIT_OUT(book), "PERSON  SECOND"));
    assert_true(kit_says(KIT_OUT(book), "erasure"));
    assert_true(kit_says(KIT_OUT(book), "confirmed  chief   head"));
    assert_null(strstr(KIT_OUT(book), "erased on request"));
    KIT_EXPECT(0, book, "audit", "list", "erasures");
    assert_true(kit_says(KIT_OUT(book), "chief   head"));
    KIT_EXPECT(0, book, "audit", "list", "erasures", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"person\":\"chief\",\"second\":\"head\""));
    assert_true(kit_says(KIT_OUT(book), BASIS));
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "admin");
    assert_true(kit_says(KIT_ERR(book), "confirmed already"));
}

static void test_it_is_said_in_both_languages(void **state)
{
    kit_book *book = *state;
    char number[24];
    ask_erasure(book, "chief", number);
    book->lang = "vi";
    KIT_EXPECT(0, book, "request", "list");
    assert_true(kit_says(KIT_OUT(book), "1 đề nghị đang chờ người thứ hai"));
    assert_true(kit_says(KIT_OUT(book), "xóa theo yêu cầu  chief"));
    assert_true(kit_says(KIT_OUT(book), "NGƯỜI ĐỀ NGHỊ  ĐỀ NGHỊ LÚC       HẾT HẠN LÚC"));
    KIT_EXPECT(0, book, "audit", "list", "requests");
    assert_true(kit_says(KIT_OUT(book), "chờ người thứ hai, hết hạn "));
    assert_null(strstr(KIT_OUT(book), "chờ văn phòng xem"));
    KIT_EXPECT(0, book, "request", "withdraw", number, "--as", "chief", "--reason", "nhầm");
    assert_true(kit_says(KIT_OUT(book), "Đã rút"));
    KIT_EXPECT(0, book, "epoch", "new", "--as", "head", "--reason", "thử");
    assert_true(kit_says(KIT_OUT(book), "chờ người thứ hai"));
}

static void test_the_list_is_json(void **state)
{
    kit_book *book = *state;
    char number[24], part[160];
    KIT_EXPECT(0, book, "request", "list", "--json");
    assert_string_equal(KIT_OUT(book), "{\"requests\":[]}\n");
    KIT_EXPECT(0, book, "erase", VISIT, "general_note", "place", "--as", "head", "--basis",
               BASIS "\nkhoản 2");
    take_number(book, number);
    KIT_EXPECT(0, book, "request", "list", "--json");
    (void)snprintf(part, sizeof part,
                   "{\"n\":%s,\"what\":\"erase\",\"about\":[\"%s\",\"general_note\",\"place\"],"
                   "\"person\":\"head\",\"asked_at\":\"", number, VISIT);
    assert_true(kit_says(KIT_OUT(book), part));
    assert_true(kit_says(KIT_OUT(book), BASIS));
    assert_true(kit_says(KIT_OUT(book), "khoản 2"));
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "admin");
    assert_true(kit_says(KIT_OUT(book), "2 values erased"));
}

/* ---- what it names ---- */

/* A change of the field, beside what stands there. */
static void type_note(const char *text)
{
    assert_int_equal(kit_write(&AN, VISIT, "general_note", text, NULL), ST_VERDICT_STORED);
}

static bool has(kit_book *book, const char *text)
{
    KIT_EXPECT(0, book, "history", VISIT);
    return strstr(KIT_OUT(book), text) != NULL;
}

/* Two people agree on what stood in the book when it was asked: what comes to the same field later
 * is nobody's request, whenever it comes. The second one sees what goes, and that there is more. */
static void test_what_is_written_later_stays(void **state)
{
    kit_book *book = *state;
    char number[24], part[160];
    ask_erasure(book, "chief", number);
    assert_true(kit_says(KIT_OUT(book), "about 1 values"));
    type_note("viết giữa chừng");
    KIT_EXPECT(0, book, "request", "show", number);
    assert_true(kit_says(KIT_OUT(book), "ASKED BY"));
    assert_true(kit_says(KIT_OUT(book), "1 values go; 1 that were written after it was asked"));
    assert_true(kit_says(KIT_OUT(book), "newer, stays"));
    assert_null(strstr(KIT_OUT(book), SECRET));
    assert_null(strstr(KIT_OUT(book), "giữa chừng"));
    KIT_EXPECT(0, book, "request", "show", number, "--json");
    (void)snprintf(part, sizeof part, "{\"n\":%s,\"what\":\"erase\"", number);
    assert_true(kit_says(KIT_OUT(book), part));
    assert_true(kit_says(KIT_OUT(book),
                         "\"values\":[{\"path\":\"general_note\",\"copy\":false,"
                         "\"person\":\"an\""));
    assert_true(kit_says(KIT_OUT(book), "\"newer\":false},{"));
    assert_true(kit_says(KIT_OUT(book), "\"newer\":true}]}"));
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_OUT(book), "1 values erased"));
    assert_true(kit_says(KIT_OUT(book), "1 values there were written after it was asked"));
    type_note("viết sau cùng");
    KIT_EXPECT(0, book, "rebuild");
    assert_false(has(book, SECRET));
    assert_true(has(book, "viết giữa chừng"));
    assert_true(has(book, "viết sau cùng"));
    KIT_EXPECT(1, book, "request", "show", number);
    ask_erasure(book, "chief", number);          /* that is another request */
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_OUT(book), "2 values erased"));
    assert_false(has(book, "viết giữa chừng"));
}

/* Somebody else erased it meanwhile: what is newer does not stand in for it. */
static void test_what_is_gone_is_not_made_up_for(void **state)
{
    kit_book *book = *state;
    char number[24];
    ask_erasure(book, "chief", number);
    KIT_EXPECT(0, book, "erase", VISIT, "general_note", "--as", "admin", "--second", "head",
               "--basis", BASIS);
    type_note("viết giữa chừng");
    KIT_EXPECT(1, book, "request", "show", number);
    assert_true(kit_says(KIT_ERR(book), "erased already"));
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "erased already"));
    assert_true(has(book, "viết giữa chừng"));
}

static void test_another_request_is_shown_as_it_is(void **state)
{
    kit_book *book = *state;
    char number[24];
    KIT_EXPECT(0, book, "epoch", "new", "--as", "head", "--reason", "thử");
    take_number(book, number);
    KIT_EXPECT(0, book, "request", "show", number);
    assert_true(kit_says(KIT_OUT(book), "new epoch"));
    KIT_EXPECT(0, book, "request", "show", number, "--json");
    assert_true(kit_says(KIT_OUT(book), "\"reason\":\"thử\",\"values\":[]}"));
    KIT_EXPECT(1, book, "request", "show", "1");
    KIT_EXPECT(1, book, "request", "show", "x");
    KIT_EXPECT(2, book, "request", "show");
}

/* ---- 72 hours ---- */

static void test_it_lapses_after_72_hours(void **state)
{
    kit_book *book = *state;
    char number[24], again[24];
    ask_erasure(book, "chief", number);
    NOW_MS += SECOND_WAIT_MS - 1;
    waiting(book, "1 request waits");
    outcome(book, number, "waiting");
    NOW_MS += 1;
    waiting(book, "0 requests wait");
    outcome(book, number, "lapsed");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "lapsed"));
    KIT_EXPECT(1, book, "request", "withdraw", number, "--as", "chief", "--reason", "x");
    assert_false(is_erased(book));
    ask_erasure(book, "head", again);
    NOW_MS += SECOND_WAIT_MS - 1;
    KIT_EXPECT(0, book, "request", "confirm", again, "--as", "chief");
    assert_true(is_erased(book));
    outcome(book, number, "lapsed");
    outcome(book, again, "confirmed");
    NOW_MS += SECOND_WAIT_MS;
    outcome(book, again, "confirmed");
}

/* Between looking and doing the time may run out: what counts is when it is written. */
static void test_a_clock_put_back_gives_no_time(void **state)
{
    kit_book *book = *state;
    char number[24];
    ask_erasure(book, "chief", number);
    NOW_MS += SECOND_WAIT_MS;
    add_person(book, "late", "officer");
    NOW_MS -= SECOND_WAIT_MS;
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "lapsed"));
    assert_false(is_erased(book));
}

/* ---- taking back ---- */

static void test_it_is_taken_back_or_declined(void **state)
{
    kit_book *book = *state;
    char first[24], second[24];
    ask_erasure(book, "chief", first);
    KIT_EXPECT(1, book, "erase", VISIT, "general_note", "--as", "head", "--basis", "khác");
    assert_true(kit_says(KIT_ERR(book), "asks for that already"));
    KIT_EXPECT(2, book, "request", "withdraw", first, "--as", "chief");
    KIT_EXPECT(1, book, "request", "withdraw", first, "--as", "chief", "--reason", " ");
    KIT_EXPECT(1, book, "request", "withdraw", first, "--as", "an", "--reason", "x");
    KIT_EXPECT(0, book, "request", "withdraw", first, "--as", "chief", "--reason", "nhầm phiếu");
    waiting(book, "0 requests wait");
    outcome(book, first, "taken_back");
    assert_true(kit_says(KIT_OUT(book), "nhầm phiếu"));
    KIT_EXPECT(1, book, "request", "confirm", first, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "withdrawn already"));
    ask_erasure(book, "chief", second);
    KIT_EXPECT(0, book, "request", "withdraw", second, "--as", "head", "--reason", "thiếu căn cứ");
    outcome(book, second, "taken_back");
    assert_true(kit_says(KIT_OUT(book), "\"person\":\"chief\",\"second\":\"head\""));
    assert_false(is_erased(book));
}

/* ---- refused at once ---- */

static void test_what_can_never_be_done_is_not_asked(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(1, book, "erase", VISIT, "visit_date", "--as", "chief", "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "no_such_path", "--as", "chief", "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "general note", "--as", "chief", "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", "00000000000000000000000000000000", "general_note", "--as",
               "chief", "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "general_note", "--as", "an", "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "general_note", "--as", "chief", "--basis", " ");
    KIT_EXPECT(1, book, "epoch", "new", "--as", "an", "--reason", "x");
    waiting(book, "0 requests wait");
    KIT_EXPECT(0, book, "audit", "list", "requests");
    assert_true(kit_says(KIT_OUT(book), "0 to look at"));
}

static void test_numbers_that_are_no_requests(void **state)
{
    static const char *const NUMBERS[] = { "0", "1", "x", "", "1x", "99999", "-1",
                                           "18446744073709551616" };
    kit_book *book = *state;
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        KIT_EXPECT(1, book, "request", "confirm", "--as", "head", "--", NUMBERS[i]);
        KIT_EXPECT(1, book, "request", "withdraw", "--as", "head", "--reason", "x", "--",
                   NUMBERS[i]);
    }
    KIT_EXPECT(2, book, "request", "confirm", "1");
    KIT_EXPECT(2, book, "request", "list", "x");
}

/* Whoever asked must still be somebody who may when it is done. */
static void test_who_asked_may_not_any_more(void **state)
{
    kit_book *book = *state;
    char number[24];
    ask_erasure(book, "chief", number);
    KIT_EXPECT(0, book, "role", "chief", "-decider", "+office");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "'chief' may not: it takes an office_head"));
    KIT_EXPECT(0, book, "role", "chief", "+decider");
    KIT_EXPECT(0, book, "user", "disable", "chief");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_false(is_erased(book));
    waiting(book, "1 request waits");
}

/* ---- who may ---- */

static void refuses_one(kit_book *book, const char *login, const char *number)
{
    char said[96];
    KIT_EXPECT(1, book, "erase", VISIT, "place", "--as", login, "--basis", BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "place", "--as", "head", "--second", login, "--basis",
               BASIS);
    KIT_EXPECT(1, book, "erase", VISIT, "place", "--as", login, "--second", "head", "--basis",
               BASIS);
    KIT_EXPECT(1, book, "epoch", "new", "--as", login, "--reason", "x");
    KIT_EXPECT(1, book, "epoch", "new", "--as", "head", "--second", login, "--reason", "x");
    KIT_EXPECT(1, book, "log-key", "new", "--as", login, "--second", "head", "--reason", "x");
    KIT_EXPECT(1, book, "request", "withdraw", number, "--as", login, "--reason", "x");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", login);
    (void)snprintf(said, sizeof said, "'%s' may not: it takes an office_head, an admin or a "
                                      "decider", login);
    assert_true(kit_says(KIT_ERR(book), said));
}

/* Also not whoever else is of the office: an act of two is no everyday work. */
static void test_nobody_else_may(void **state)
{
    static const char *const LOGINS[] = { "an", "office", "chair", "auditor" };
    kit_book *book = *state;
    char number[24];
    add_person(book, "chair", "council_chair");
    add_person(book, "auditor", "auditor");
    ask_erasure(book, "head", number);
    for (size_t i = 0; i < sizeof LOGINS / sizeof LOGINS[0]; i++)
        refuses_one(book, LOGINS[i], number);
    waiting(book, "1 request waits");
    book->lang = "vi";
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "office");
    assert_true(kit_says(KIT_ERR(book), "cần office_head, admin hoặc decider"));
    book->lang = "en";
    KIT_EXPECT(0, book, "role", "office", "+admin"); /* one of several roles is enough */
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "office");
    assert_true(is_erased(book));
}

static void test_any_two_of_the_three_may(void **state)
{
    static const char *const LOGINS[] = { "head", "admin", "chief" };
    kit_book *book = *state;
    for (size_t i = 0; i < 9; i++) {
        const char *first = LOGINS[i / 3], *second = LOGINS[i % 3];
        uint8_t before[8];
        memcpy(before, book->rooms.sync.epoch, sizeof before);
        KIT_EXPECT(first == second, book, "epoch", "new", "--as", first, "--second", second,
                   "--reason", "x");
        assert_int_equal(memcmp(book->rooms.sync.epoch, before, sizeof before) == 0,
                         first == second);
    }
    for (size_t i = 0; i < 3; i++) {
        char visit[33], part[64];
        AN.next++; /* a gap: the ids of two visits differ */
        kit_visit(&AN, SECRET, visit);
        KIT_EXPECT(0, book, "erase", visit, "general_note", "--as", LOGINS[i], "--second",
                   LOGINS[(i + 1) % 3], "--basis", BASIS);
        (void)snprintf(part, sizeof part, "\"person\":\"%s\",\"second\":\"%s\"", LOGINS[i],
                       LOGINS[(i + 1) % 3]);
        KIT_EXPECT(0, book, "audit", "list", "erasures", "--json");
        assert_true(kit_says(KIT_OUT(book), part));
    }
}

/* What was asked is there no more when it is confirmed: nothing is done, and it still waits. */
static void test_it_was_erased_meanwhile(void **state)
{
    kit_book *book = *state;
    char number[24];
    ask_erasure(book, "chief", number);
    KIT_EXPECT(0, book, "erase", VISIT, "general_note", "--as", "chief", "--second", "admin",
               "--basis", BASIS);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "erased already"));
    waiting(book, "1 request waits");
    KIT_EXPECT(0, book, "request", "withdraw", number, "--as", "head", "--reason", "đã xóa");
}

/* ---- the other acts ---- */

static void test_an_epoch(void **state)
{
    kit_book *book = *state;
    char number[24], before[8], after[8];
    memcpy(before, book->rooms.sync.epoch, sizeof before);
    KIT_EXPECT(0, book, "epoch", "new", "--as", "chief", "--reason", "máy chủ mới");
    take_number(book, number);
    memcpy(after, book->rooms.sync.epoch, sizeof after);
    assert_memory_equal(after, before, sizeof before);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "chief");
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_OUT(book), "New epoch"));
    assert_memory_not_equal(book->rooms.sync.epoch, before, sizeof before);
    memcpy(after, book->rooms.sync.epoch, sizeof after);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "admin");
    assert_memory_equal(book->rooms.sync.epoch, after, sizeof after);
    KIT_EXPECT(0, book, "audit", "list", "requests");
    assert_true(kit_says(KIT_OUT(book), "new epoch"));
    assert_true(kit_says(KIT_OUT(book), "confirmed"));
}

static st_err begin_epochs(writer_turn *turn, void *argument, st_error *error)
{
    const sync_epoch_wish wish = { .reason = "x" };
    uint8_t epoch[8];
    st_err err = ST_OK;
    (void)argument;
    for (unsigned n = 1; err == ST_OK && n < ST_EPOCHS_MAX; n++)
        err = sync_epoch_write(turn, &wish, epoch, error);
    return err;
}

/* It is used up by the epoch and by nothing else: what cannot begin leaves it waiting. */
static void test_an_epoch_that_cannot_begin(void **state)
{
    kit_book *book = *state;
    char number[24];
    writer_job all = { .run = begin_epochs };
    assert_int_equal(writer_submit(book->rooms.writer, &all, NULL), ST_OK);
    KIT_EXPECT(0, book, "epoch", "new", "--as", "chief", "--reason", "máy chủ mới");
    take_number(book, number);
    uint64_t size = kit_log_size(book);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "at most 64"));
    assert_int_equal(kit_log_size(book), size);
    waiting(book, "1 request waits");
    KIT_EXPECT(0, book, "request", "withdraw", number, "--as", "chief", "--reason", "không được");
}

static void test_a_forgotten_pin(void **state)
{
    kit_book *book = *state;
    const auth_keys *keys = &book->rooms.keys;
    st_recover_ask ask = { .sealed_len = ST_RECOVER_SEALED_MAX };
    st_recover_answer answer;
    uint8_t opened[ST_RECOVER_OPENED_MAX], got[32];
    char line[ST_RECOVER_TEXT], number[24], device[33];
    memset(opened, 9, sizeof opened);
    memcpy(opened + 32, AN.device.b, sizeof AN.device.b);
    memcpy(ask.reply_key, keys->recovery_public, sizeof ask.reply_key);
    assert_int_equal(st_box_seal(keys->recovery_public, opened, sizeof opened, ask.sealed, NULL),
                     ST_OK);
    st_recover_ask_format(&ask, line);
    st_id_format(&AN.device, device);
    device[6] = '\0';                          /* as a person types it */
    KIT_EXPECT(0, book, "device", "recover", device, line, "--as", "head", "--reason", "quên mã");
    take_number(book, number);
    st_id_format(&AN.device, device);
    KIT_EXPECT(0, book, "request", "list", "--json");
    assert_true(kit_says(KIT_OUT(book), device));
    KIT_EXPECT(0, book, "audit", "list", "requests", "--csv");
    assert_true(kit_says(KIT_OUT(book), device));
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "chief");
    char *last = strrchr((char *)book->out.data, ':');
    assert_non_null(last);
    last += strspn(last, ":\n ");
    last[strcspn(last, "\n")] = '\0';
    assert_int_equal(st_recover_answer_parse(last, &answer, NULL), ST_OK);
    assert_int_equal(st_box_open(keys->recovery_public, keys->recovery_secret, answer.sealed,
                                 sizeof answer.sealed, got, NULL), ST_OK);
    assert_memory_equal(got, opened, sizeof got);
    KIT_EXPECT(0, book, "device", "recover", device, line, "--as", "head", "--reason", "lại");
    take_number(book, number);
    KIT_EXPECT(0, book, "device", "revoke", device);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "chief");
    assert_true(kit_says(KIT_ERR(book), "revoked"));
}

/* ---- the log ---- */

static void test_a_rebuild_has_the_same(void **state)
{
    kit_book *book = *state;
    char first[24], second[24];
    st_buffer before;
    ask_erasure(book, "chief", first);
    KIT_EXPECT(0, book, "request", "withdraw", first, "--as", "head", "--reason", "x");
    ask_erasure(book, "admin", second);
    KIT_EXPECT(0, book, "audit", "list", "requests", "--json");
    st_buffer_init(&before, 1u << 16);
    assert_int_equal(st_buffer_append(&before, KIT_OUT(book), book->out.len, NULL), ST_OK);
    KIT_EXPECT(0, book, "rebuild");
    KIT_EXPECT(0, book, "audit", "list", "requests", "--json");
    assert_string_equal(KIT_OUT(book), (const char *)before.data);
    st_buffer_free(&before);
    KIT_EXPECT(0, book, "request", "confirm", second, "--as", "chief");
    assert_true(is_erased(book));
}

typedef struct {
    const char *text;
    uint64_t first;
    st_entry_kind kind;
} note;

static st_err write_note(writer_turn *turn, void *argument, st_error *error)
{
    const note *n = argument;
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = n->kind;
    row.device = turn->room->keys->device;
    row.first = row.last = n->first;
    row.note = store_text(n->text);
    return sync_log_append(turn, &row, NULL, error);
}

/* What the office wrote elsewhere, and ends of what never was, are neither request nor end. */
static void test_other_notes_are_none(void **state)
{
    kit_book *book = *state;
    char number[24], text[64];
    ask_erasure(book, "chief", number);
    (void)snprintf(text, sizeof text, "confirm %s\nx", number);
    note notes[] = { { "ask erase x\ny", 1, ST_ENTRY_NOTE }, { text, 1, ST_ENTRY_NOTE },
                     { text, 0, ST_ENTRY_EXPORT },           { "confirm 99999", 0, ST_ENTRY_NOTE },
                     { "withdraw x", 0, ST_ENTRY_NOTE },     { "", 0, ST_ENTRY_NOTE },
                     { "ask ", 0, ST_ENTRY_NOTE },           { "askew", 0, ST_ENTRY_NOTE } };
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        writer_job job = { .run = write_note, .argument = &notes[i] };
        assert_int_equal(writer_submit(book->rooms.writer, &job, NULL), ST_OK);
    }
    waiting(book, "1 request waits");
    outcome(book, number, "waiting");
    note newer = { "ask merge a b\nwhy", 0, ST_ENTRY_NOTE };
    writer_job job = { .run = write_note, .argument = &newer };
    assert_int_equal(writer_submit(book->rooms.writer, &job, NULL), ST_OK);
    waiting(book, "2 requests wait");
    assert_true(kit_says(KIT_OUT(book), "merge"));
    char last[24];
    KIT_EXPECT(0, book, "stat", "--json");
    const char *at = strstr(KIT_OUT(book), "\"log_entries\":");
    assert_non_null(at);
    (void)snprintf(last, sizeof last, "%lu", strtoul(at + 14, NULL, 10));
    KIT_EXPECT(1, book, "request", "confirm", last, "--as", "head");
    assert_true(kit_says(KIT_ERR(book), "newer program"));
    waiting(book, "2 requests wait");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_it_waits_and_is_done_by_another),
        CASE(test_it_is_said_in_both_languages),
        CASE(test_the_list_is_json),
        CASE(test_what_is_written_later_stays),
        CASE(test_what_is_gone_is_not_made_up_for),
        CASE(test_another_request_is_shown_as_it_is),
        CASE(test_it_lapses_after_72_hours),
        CASE(test_a_clock_put_back_gives_no_time),
        CASE(test_it_is_taken_back_or_declined),
        CASE(test_what_can_never_be_done_is_not_asked),
        CASE(test_numbers_that_are_no_requests),
        CASE(test_who_asked_may_not_any_more),
        CASE(test_nobody_else_may),
        CASE(test_any_two_of_the_three_may),
        CASE(test_it_was_erased_meanwhile),
        CASE(test_an_epoch),
        CASE(test_an_epoch_that_cannot_begin),
        CASE(test_a_forgotten_pin),
        CASE(test_a_rebuild_has_the_same),
        CASE(test_other_notes_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
