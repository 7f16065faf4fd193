/* tests/unit/client-lib/test_door_faults.c
 * At the door of a store, and at the line that is dead: each place that can fail fails once,
 * memory, a call of the store that writes, one that reads. It is said, the store opens as before,
 * and the same thing tried again is done. */
#include "client-lib/src/line.h"
#include "tests/unit/client-lib/recover_desk.h"
#include "tests/unit/client-lib/rows.h"
#include "tests/unit/client-lib/stumble.h"

typedef struct {
    edge *e;
    phone p; /* closed, with the PIN 1234; its line was asked for */
    sotay_id visit;
    char answer[ST_RECOVER_TEXT];
} desk;

static int desk_open(void **state)
{
    static desk d;
    d.e = locked(&d.p, 5, &d.visit);
    ask(&d.p, d.e, d.answer);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    phone_part(d->e, &d->p, NULL);
    return 0;
}

/* Whatever failed: this PIN opens it, and nothing is lost. */
static void must_open(const desk *d, phone *p, const char *pin)
{
    assert_int_equal(open_with(&p->port, pin, &p->client), SOTAY_OK);
    assert_true(phone_says(p, sotay_show, &d->visit, "not sent"));
}

/* ---- a PIN that was forgotten ---- */

/* A line is asked for; `anew`: for the first time. False: no place was left to fail. */
static bool try_ask(const desk *d, stumble_way how, bool anew)
{
    phone p = locked_copy(&d->p);
    char *line = NULL;
    const book_key seed = book_key_text(BOOK_META, "recover");
    if (anew) {
        const sotay_slice name = { seed.b, seed.len }, none = { NULL, 0 };
        assert_int_equal(p.port.begin(p.port.context, true, NULL), SOTAY_OK);
        assert_int_equal(p.port.put(p.port.context, name, none, NULL), SOTAY_OK);
        assert_int_equal(p.port.commit(p.port.context, NULL), SOTAY_OK);
    }
    stumble_arm(how, &p, STUMBLE_IN_NEW_PLACE);
    int rc = sotay_recover_ask(&p.port, &line, &p.error);
    bool refused = stumble_disarm(&p);
    if (rc != SOTAY_OK) {
        assert_true(refused && stumble_may(rc));
        assert_null(line);
        assert_int_equal(sotay_recover_ask(&p.port, &line, NULL), SOTAY_OK);
    }
    assert_non_null(line);
    sotay_text_free(line);
    phone_free(&p);
    return refused;
}

static void test_a_line_is_asked_for(void **state)
{
    int places = 0;
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
        for (int anew = 0; anew < 2; anew++)
            while (try_ask(*state, how, anew != 0))
                places++;
    assert_true(places > 10 || !STUMBLE_HAS_PLACES);
}

static bool try_take(const desk *d, stumble_way how)
{
    phone p = locked_copy(&d->p);
    stumble_arm(how, &p, STUMBLE_IN_NEW_PLACE);
    int rc = sotay_recover_take(&p.port, d->answer, "5678", &p.error);
    bool refused = stumble_disarm(&p);
    if (rc != SOTAY_OK) {
        assert_true(refused && stumble_may(rc));
        phone before = { .client = NULL };
        assert_int_equal(sotay_memory_copy(&p.port, false, &before.port, NULL), SOTAY_OK);
        must_open(d, &before, "1234");
        phone_free(&before);
        assert_int_equal(sotay_recover_take(&p.port, d->answer, "5678", NULL), SOTAY_OK);
    }
    must_open(d, &p, "5678");
    phone_free(&p);
    return refused;
}

static void test_an_answer_is_taken(void **state)
{
    int places = 0;
    if (!stumble_has_time())
        skip(); /* each try derives keys of PINs, which is slow on purpose */
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
        while (try_take(*state, how))
            places++;
    assert_true(places > 10 || !STUMBLE_HAS_PLACES);
}

/* ---- a line that is dead ---- */

static int note_failure(phone *p)
{
    const sotay_attempt attempt = { SOTAY_E_NETWORK, SOTAY_WHY_CUT, 30, "no route" };
    return sotay_line_note(p->client, &attempt, &p->error);
}

static int note_success(phone *p)
{
    const sotay_attempt attempt = { SOTAY_OK, SOTAY_WHY_NONE, 0, NULL };
    return sotay_line_note(p->client, &attempt, &p->error);
}

static int read_line(phone *p)
{
    sotay_line line = { .failures = 77 };
    int rc = sotay_line_get(p->client, &line, &p->error);
    assert_true(rc == SOTAY_OK ? line.failures == 2 && line.why == SOTAY_WHY_CUT
                               : line.failures == 77);
    return rc;
}

static int read_status(phone *p)
{
    char *text = NULL;
    int rc = sotay_status(p->client, SOTAY_TEXT, &text, &p->error);
    assert_true(rc == SOTAY_OK ? strstr(text, "2 (") != NULL : text == NULL);
    sotay_text_free(text);
    return rc;
}

static const struct {
    const char *why;
    int (*what)(phone *p);
    uint64_t failures; /* afterwards */
} DEEDS[] = {
    { "another failure", note_failure, 3 },
    { "one came through", note_success, 0 },
    { "it is looked at", read_line, 2 },
    { "it is told", read_status, 2 },
};

static uint64_t failures_of(phone *p)
{
    sotay_line line;
    assert_int_equal(sotay_line_get(p->client, &line, NULL), SOTAY_OK);
    return line.failures;
}

static bool try_line(phone *from, size_t i, stumble_way how)
{
    phone p;
    memset(&p, 0, sizeof p);
    assert_int_equal(sotay_memory_copy(&from->port, false, &p.port, NULL), SOTAY_OK);
    phone_open(&p);
    stumble_arm(how, &p, STUMBLE_IN_NEW_PLACE);
    int rc = DEEDS[i].what(&p);
    bool refused = stumble_disarm(&p);
    if (rc != SOTAY_OK) {
        if (!refused || !stumble_may(rc))
            fail_msg("%s: called %s", DEEDS[i].why, sotay_code_name((sotay_code)rc));
        assert_int_equal(failures_of(&p), 2);
        assert_int_equal(DEEDS[i].what(&p), SOTAY_OK);
    }
    assert_int_equal(failures_of(&p), DEEDS[i].failures);
    phone_free(&p);
    return refused;
}

static void test_a_dead_line(void **state)
{
    phone p;
    int places = 0;
    (void)state;
    edge *e = phone_alone(&p);
    assert_int_equal(note_failure(&p), SOTAY_OK);
    assert_int_equal(note_failure(&p), SOTAY_OK);
    for (size_t i = 0; i < sizeof DEEDS / sizeof DEEDS[0]; i++)
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
            while (try_line(&p, i, how))
                places++;
    assert_true(places > 10 || !STUMBLE_HAS_PLACES);
    phone_part(e, &p, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_asked_for),
        cmocka_unit_test(test_an_answer_is_taken),
        cmocka_unit_test(test_a_dead_line),
    };
    return cmocka_run_group_tests_name("door faults", tests, desk_open, desk_close);
}
