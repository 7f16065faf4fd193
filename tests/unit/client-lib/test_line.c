/* tests/unit/client-lib/test_line.c
 * A phone that had no signal knows why, also after a restart, and does not come back in the same
 * second as all the others. No clock and no server makes it wait for ever, and a person never
 * waits. */
#include "client-lib/src/line.h"
#include "tests/unit/client-lib/rows.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

static void test_each_wait_is_within_its_bounds(void **state)
{
    static const struct {
        uint64_t failures, later_s, least_ms, most_ms;
    } CASES[] = {
        { 1, 0, 1000, 2000 },
        { 2, 0, 2000, 4000 },
        { 5, 0, 16000, 32000 },
        { 10, 0, 450000, 900000 },
        { 1000000, 0, 450000, 900000 },
        { UINT64_MAX, 0, 450000, 900000 },
        { 1, 60, 60000, 75000 },    /* what the server asked for, and not all at once */
        { 10, 60, 450000, 900000 }, /* our own is longer */
        { 1, 3599, 3599000, 3600000 },
        { 1, 86400, 3600000, 3600000 },
        { 1, UINT64_MAX, 3600000, 3600000 },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (uint64_t random = 0; random < 4096; random++) {
            uint64_t r = random * UINT64_C(0x9E3779B97F4A7C15);
            uint64_t ms = line_wait_ms(CASES[i].failures, CASES[i].later_s, r);
            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        print_message("  %llu failures, later %llu: %llu to %llu ms\n",
                      (unsigned long long)CASES[i].failures, (unsigned long long)CASES[i].later_s,
                      (unsigned long long)least, (unsigned long long)most);
        assert_true(least >= CASES[i].least_ms && most <= CASES[i].most_ms);
        uint64_t width = CASES[i].most_ms - CASES[i].least_ms;
        assert_true(most - least >= width - width / 8); /* they are spread over all of it */
    }
}

static sotay_line line_of(phone *p)
{
    sotay_line line;
    must(sotay_line_get(p->client, &line, &p->error));
    return line;
}

static void fails(phone *p, sotay_why why, uint64_t later_s)
{
    const sotay_attempt attempt = { SOTAY_E_NETWORK, why, later_s, "no route" };
    must(sotay_line_note(p->client, &attempt, &p->error));
}

static void test_what_failed_is_kept_until_one_comes_through(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    assert_int_equal(line_of(&an).failures, 0);
    assert_true(phone_status_says(&an, "\"line\":null"));
    fails(&an, SOTAY_WHY_NAME, 0);
    fails(&an, SOTAY_WHY_CONNECT, 0);
    phone_crash(&an, false);
    sotay_line line = line_of(&an);
    assert_int_equal(line.failures, 2);
    assert_int_equal(line.why, SOTAY_WHY_CONNECT);
    assert_int_equal(line.code, SOTAY_E_NETWORK);
    assert_string_equal(line.detail, "no route");
    assert_true(line.wait_ms >= 2000 && line.wait_ms <= 4000);
    assert_true(phone_status_says(&an, "\"line\":{\"failures\":2,\"why\":\"connect\""));
    const sotay_attempt good = { SOTAY_OK, SOTAY_WHY_NONE, 0, NULL };
    must(sotay_line_note(an.client, &good, &an.error));
    must(sotay_line_note(an.client, &good, &an.error));
    phone_crash(&an, false);
    assert_int_equal(line_of(&an).failures, 0);
    phone_part(e, &an, NULL);
}

/* The clocks as they may be after a wait of 60 to 75 s was set at PHONE_WALL_MS, 1000. */
static void test_no_clock_makes_it_wait_for_ever(void **state)
{
    static const struct {
        int64_t wall_ms;
        uint64_t mono_ms;
        bool restarted;
        uint64_t least_ms, most_ms;
    } CASES[] = {
        { PHONE_WALL_MS, 1000, false, 60000, 75000 },
        { PHONE_WALL_MS + 20000, 21000, false, 40000, 55000 },
        { PHONE_WALL_MS + 80000, 81000, false, 0, 0 },
        { 0, 21000, false, 40000, 55000 }, /* a wall clock that jumps is not asked */
        { INT64_MAX, 21000, false, 40000, 55000 },
        { PHONE_WALL_MS + 20000, 10, true, 40000, 55000 },
        { PHONE_WALL_MS + 80000, 10, true, 0, 0 },
        { PHONE_WALL_MS - 1, 10, true, 0, 0 }, /* set back, and the phone was off */
        { 0, 10, true, 0, 0 },
        { INT64_MAX, 10, true, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        edge *e = phone_alone(&an);
        print_message("  case %zu\n", i);
        fails(&an, SOTAY_WHY_BUSY, 60);
        sotay_memory_clock(&an.port, CASES[i].wall_ms, CASES[i].mono_ms);
        if (CASES[i].restarted)
            phone_reopen(&an);
        uint64_t wait_ms = line_of(&an).wait_ms;
        assert_true(wait_ms >= CASES[i].least_ms && wait_ms <= CASES[i].most_ms);
        phone_part(e, &an, NULL);
    }
}

/* What trying again cannot change is said to be so. */
static void test_hopeless(void **state)
{
    static const struct {
        sotay_code code;
        bool is_hopeless;
    } CASES[] = {
        { SOTAY_E_NETWORK, false }, { SOTAY_E_BUSY, false },     { SOTAY_E_SERVER, false },
        { SOTAY_E_STORAGE, false }, { SOTAY_E_FULL, false },     { SOTAY_E_DENIED, true },
        { SOTAY_E_VERSION, true },  { SOTAY_E_SIGNATURE, true },
    };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const sotay_attempt attempt = { CASES[i].code, SOTAY_WHY_REFUSED, 0, NULL };
        must(sotay_line_note(an.client, &attempt, &an.error));
        assert_int_equal(line_of(&an).is_hopeless, CASES[i].is_hopeless);
        assert_int_equal(line_of(&an).failures, i + 1);
    }
    assert_true(phone_status_says(&an, "\"next_try\":null"));
    phone_part(e, &an, NULL);
}

/* Every reason has a name and two sentences of its own; a number that is none has some too. */
static void test_reasons(void **state)
{
    (void)state;
    for (int why = SOTAY_WHY_NONE; why <= SOTAY_WHY_CLOCK; why++) {
        const char *vi = sotay_why_sentence((sotay_why)why, "vi");
        const char *en = sotay_why_sentence((sotay_why)why, "en");
        assert_true(strlen(vi) > 10 && strlen(en) > 10 && strcmp(vi, en) != 0);
        assert_string_equal(sotay_why_sentence((sotay_why)why, NULL), en);
        for (int other = SOTAY_WHY_NONE; other < why; other++) {
            assert_string_not_equal(sotay_why_name((sotay_why)other),
                                    sotay_why_name((sotay_why)why));
            assert_string_not_equal(sotay_why_sentence((sotay_why)other, "vi"), vi);
            assert_string_not_equal(sotay_why_sentence((sotay_why)other, "en"), en);
        }
    }
    assert_string_equal(sotay_why_name((sotay_why)200), "unknown");
    assert_true(strlen(sotay_why_sentence((sotay_why)200, "vi")) > 10);
}

static void test_people_read_it_in_the_status(void **state)
{
    static const struct {
        sotay_code code;
        sotay_why why;
        const char *says;
    } CASES[] = {
        { SOTAY_E_NETWORK, SOTAY_WHY_ANSWER, "nhưng máy chủ không trả lời kịp" },
        { SOTAY_E_NETWORK, SOTAY_WHY_BUSY, "hẹn gửi lại sau" },
        { SOTAY_E_NETWORK, SOTAY_WHY_CLOCK, "chờ chỉnh lại đồng hồ" },
        { SOTAY_E_DENIED, SOTAY_WHY_REFUSED, "Không có quyền làm việc này" },
        { SOTAY_E_FULL, SOTAY_WHY_HERE, "Sổ đã đầy" },
    };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    for (size_t i = 0; i < LEN(CASES); i++) {
        char *text = NULL;
        const sotay_attempt attempt = { CASES[i].code, CASES[i].why, 0, "x" };
        must(sotay_line_note(an.client, &attempt, &an.error));
        must(sotay_status(an.client, SOTAY_TEXT, &text, &an.error));
        assert_non_null(strstr(text, CASES[i].says));
        bool again = strstr(text, "thử lại từ lúc") != NULL;
        assert_int_equal(again, CASES[i].code != SOTAY_E_DENIED);
        sotay_text_free(text);
    }
    phone_part(e, &an, NULL);
}

/* A store that fails keeps what it had; a detail of any length fits; a sync under way is in the
 * way. */
static void test_noting_fails_cleanly(void **state)
{
    phone an;
    char longest[1000];
    sotay_sync *sync = NULL;
    (void)state;
    edge *e = phone_alone(&an);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const sotay_attempt attempt = { SOTAY_E_NETWORK, SOTAY_WHY_CUT, 0, longest };
    must(sotay_line_note(an.client, &attempt, &an.error));
    assert_int_equal(strlen(line_of(&an).detail), 199);
    uint64_t calls = 0;
    for (int rc = SOTAY_E_STORAGE; rc != SOTAY_OK; calls++) {
        sotay_memory_fail(&an.port, calls + 1);
        rc = sotay_line_note(an.client, &attempt, &an.error);
        sotay_memory_fail(&an.port, 0);
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_STORAGE);
        assert_int_equal(line_of(&an).failures, rc == SOTAY_OK ? 2 : 1);
    }
    assert_true(calls > 3);
    must(sotay_sync_begin(an.client, &sync, &an.error));
    assert_int_equal(sotay_line_note(an.client, &attempt, &an.error), SOTAY_E_BUSY);
    sotay_sync_free(sync);
    must(sotay_line_note(an.client, &attempt, &an.error));
    sotay_memory_pending(&an.port, true, false);
    int rc = sotay_line_note(an.client, &attempt, &an.error);
    assert_int_equal(rc, SOTAY_PENDING);
    assert_int_equal(edge_settle(&an.port, an.client, rc), SOTAY_OK);
    assert_int_equal(line_of(&an).failures, 4);
    phone_part(e, &an, NULL);
}

/* ---- the row ---- */

/* A row of another version, one that is cut and one that does not open are none: the next failure
 * is the first. */
static void test_a_damaged_row_is_none(void **state)
{
    static stored_row row;
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    fails(&an, SOTAY_WHY_NAME, 0);
    assert_true(rows_get(&an, BOOK_LINE, 0, &row));
    for (int how = 0; how < 3; how++) {
        fails(&an, SOTAY_WHY_NAME, 0);
        if (how == 0)
            rows_put(&an, &row.key, row.data, row.len / 2);
        if (how == 1)
            rows_put(&an, &row.key, "\x7f and more", 10);
        if (how == 2)
            rows_spoil(&an, &row.key);
        assert_int_equal(line_of(&an).failures, 0);
        assert_true(phone_status_says(&an, "\"line\":null"));
        fails(&an, SOTAY_WHY_CUT, 0);
        assert_int_equal(line_of(&an).failures, 1);
    }
    phone_part(e, &an, NULL);
}

/* Within one boot the clock that only rises counts; a wall clock that was set back gives no longer
 * wait, and one that was set on ends it. */
static void test_a_wait_and_the_clocks(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_memory_clock(&an.port, PHONE_WALL_MS, 50000);
    fails(&an, SOTAY_WHY_CUT, 60);
    uint64_t whole = line_of(&an).wait_ms;
    assert_true(whole >= 60000 && whole <= 75000);
    sotay_memory_clock(&an.port, PHONE_WALL_MS - 86400000, 51000); /* set back */
    assert_true(line_of(&an).wait_ms == whole - 1000);
    phone_crash(&an, false);
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 2000, 10); /* another boot */
    phone_reopen(&an);
    assert_true(line_of(&an).wait_ms == whole - 2000);
    sotay_memory_clock(&an.port, PHONE_WALL_MS - 5000, 20);
    assert_true(line_of(&an).wait_ms == 0);
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 86400000, 30);
    assert_true(line_of(&an).wait_ms == 0);
    phone_part(e, &an, NULL);
}

/* What no further try can change is told without a time for it; both languages tell it. */
static void test_what_the_status_tells(void **state)
{
    static const struct {
        sotay_attempt attempt;
        const char *lang, *says;
        bool again;
    } CASES[] = {
        { { SOTAY_E_NETWORK, SOTAY_WHY_NAME, 0, NULL }, "vi", "số lần đồng bộ chưa được: 1", true },
        { { SOTAY_E_NETWORK, SOTAY_WHY_NAME, 0, NULL }, "en", "syncs that failed: 1", true },
        { { SOTAY_E_DENIED, SOTAY_WHY_REFUSED, 0, NULL }, "vi", "số lần", false },
        { { SOTAY_E_DENIED, SOTAY_WHY_REFUSED, 0, NULL }, "en", "syncs that", false },
        { { SOTAY_E_STORAGE, SOTAY_WHY_HERE, 0, NULL }, "en", "syncs that", true },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        char *text = NULL;
        const sotay_open_how how = { NULL, false, CASES[i].lang, 420 };
        edge *e = phone_alone(&an);
        sotay_close(an.client);
        must(sotay_open(&an.port, &how, &an.client, NULL));
        must(sotay_line_note(an.client, &CASES[i].attempt, NULL));
        must(sotay_status(an.client, SOTAY_TEXT, &text, NULL));
        assert_non_null(strstr(text, CASES[i].says));
        bool again = strstr(text, "thử lại từ lúc") != NULL || strstr(text, "to be tried") != NULL;
        if (again != CASES[i].again)
            fail_msg("case %d: %s", (int)i, text);
        sotay_text_free(text);
        phone_part(e, &an, NULL);
    }
}

static void test_no_note_while_a_sync_goes_on(void **state)
{
    phone an;
    sotay_sync *sync = NULL;
    const sotay_attempt attempt = { SOTAY_E_NETWORK, SOTAY_WHY_CUT, 0, NULL };
    (void)state;
    edge *e = phone_alone(&an);
    must(sotay_sync_begin(an.client, &sync, NULL));
    assert_int_equal(sotay_line_note(an.client, &attempt, NULL), SOTAY_E_BUSY);
    sotay_sync_free(sync);
    assert_int_equal(line_of(&an).failures, 0);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_wait_is_within_its_bounds),
        cmocka_unit_test(test_what_failed_is_kept_until_one_comes_through),
        cmocka_unit_test(test_no_clock_makes_it_wait_for_ever),
        cmocka_unit_test(test_hopeless),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_people_read_it_in_the_status),
        cmocka_unit_test(test_noting_fails_cleanly),
        cmocka_unit_test(test_a_damaged_row_is_none),
        cmocka_unit_test(test_a_wait_and_the_clocks),
        cmocka_unit_test(test_what_the_status_tells),
        cmocka_unit_test(test_no_note_while_a_sync_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
