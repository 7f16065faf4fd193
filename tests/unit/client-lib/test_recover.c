/* tests/unit/client-lib/test_recover.c
 * A forgotten PIN loses nothing: with the office's answer another PIN opens the same store, unsent
 * work and all; nothing else opens it, and a step that fails leaves it as it was. */
#include "proto/recover.h"
#include "tests/unit/client-lib/phone.h"

static int open_with(sotay_port *port, const char *pin, sotay_client **out_client)
{
    const sotay_open_how how = { pin, false, "en", 420 };
    return sotay_open(port, &how, out_client, NULL);
}

/* A store with a PIN, enrolled, with a visit that was not sent; closed. */
static edge *locked(phone *p, uint64_t seed, sotay_id *out_visit)
{
    const sotay_open_how how = { "1234", true, "en", 420 };
    edge *e = edge_new();
    memset(p, 0, sizeof *p);
    assert_int_equal(sotay_memory_open(seed, &p->port, NULL), SOTAY_OK);
    sotay_memory_clock(&p->port, PHONE_WALL_MS, 1000);
    assert_int_equal(sotay_open(&p->port, &how, &p->client, NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, p->client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, p->client, NULL, NULL), SOTAY_OK);
    *out_visit = phone_visit(p, "not sent");
    sotay_close(p->client);
    p->client = NULL;
    return e;
}

/* What two people of the office do. */
static void office(const edge *e, const char *line, char answer_text[ST_RECOVER_TEXT])
{
    st_recover_ask ask;
    st_recover_answer answer;
    char text[ST_RECOVER_TEXT];
    uint8_t public_key[32], secret[32], open[ST_RECOVER_OPENED_MAX];
    assert_true(strlen(line) < sizeof text + 1 && strchr(line, '\n') != NULL);
    memcpy(text, line, strcspn(line, "\n"));
    text[strcspn(line, "\n")] = '\0';
    assert_int_equal(st_recover_ask_parse(text, &ask, NULL), ST_OK);
    st_box_keypair(e->log_seed, public_key, secret);
    assert_int_equal(st_box_open(public_key, secret, ask.sealed, ask.sealed_len, open, NULL),
                     ST_OK);
    assert_int_equal(st_box_seal(ask.reply_key, open, 32, answer.sealed, NULL), ST_OK);
    st_recover_answer_format(&answer, answer_text);
}

static void ask(phone *p, edge *e, char answer[ST_RECOVER_TEXT])
{
    char *line = NULL;
    assert_int_equal(sotay_recover_ask(&p->port, &line, NULL), SOTAY_OK);
    office(e, line, answer);
    sotay_text_free(line);
}

static void test_another_pin_opens_the_same_store(void **state)
{
    (void)state;
    phone p;
    sotay_id visit;
    edge *e = locked(&p, 5, &visit);
    char answer[ST_RECOVER_TEXT];
    ask(&p, e, answer);
    assert_int_equal(sotay_recover_take(&p.port, answer, NULL, NULL), SOTAY_E_PIN);
    assert_int_equal(sotay_recover_take(&p.port, answer, "5678", NULL), SOTAY_OK);
    assert_int_equal(open_with(&p.port, "1234", &p.client), SOTAY_E_PIN);
    assert_int_equal(open_with(&p.port, "5678", &p.client), SOTAY_OK);
    assert_true(phone_says(&p, sotay_show, &visit, "not sent"));
    assert_int_equal(edge_sync(e, p.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&p, "\"ready\":0"));
    phone_part(e, &p, NULL);
}

static void test_wrong_answers_change_nothing(void **state)
{
    (void)state;
    phone p, other;
    sotay_id visit;
    edge *e = locked(&p, 5, &visit), *f = locked(&other, 6, &visit);
    char answer[ST_RECOVER_TEXT], theirs[ST_RECOVER_TEXT], crossed[ST_RECOVER_TEXT];
    assert_int_equal(sotay_recover_take(&p.port, "x", "5678", NULL), SOTAY_E_VALUE);
    ask(&other, f, theirs);
    assert_int_equal(sotay_recover_take(&p.port, theirs, "5678", NULL), SOTAY_E_VALUE);
    ask(&p, e, answer);
    assert_int_equal(sotay_recover_take(&p.port, theirs, "5678", NULL), SOTAY_E_VALUE);
    /* somebody seals another key for the right line */
    char *line = NULL;
    st_recover_ask own;
    st_recover_answer wrong;
    uint8_t key[32] = { 7 };
    assert_int_equal(sotay_recover_ask(&p.port, &line, NULL), SOTAY_OK);
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(st_recover_ask_parse(line, &own, NULL), ST_OK);
    assert_int_equal(st_box_seal(own.reply_key, key, 32, wrong.sealed, NULL), ST_OK);
    st_recover_answer_format(&wrong, crossed);
    sotay_text_free(line);
    assert_int_equal(sotay_recover_take(&p.port, crossed, "5678", NULL), SOTAY_E_VALUE);
    assert_int_equal(open_with(&p.port, "1234", &p.client), SOTAY_OK);
    phone_part(f, &other, NULL);
    phone_part(e, &p, NULL);
}

static void test_every_step_may_fail(void **state)
{
    (void)state;
    phone p;
    sotay_id visit;
    edge *e = locked(&p, 5, &visit);
    char answer[ST_RECOVER_TEXT];
    char *line = NULL;
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 1;
    for (; rc != SOTAY_OK && n < 50; n++) {
        sotay_memory_fail(&p.port, n);
        rc = sotay_recover_ask(&p.port, &line, NULL);
    }
    assert_true(rc == SOTAY_OK && n > 3);
    sotay_memory_fail(&p.port, 0);
    office(e, line, answer);
    sotay_text_free(line);
    rc = SOTAY_E_STORAGE;
    for (n = 1; rc != SOTAY_OK && n < 50; n++) {
        sotay_memory_fail(&p.port, n);
        rc = sotay_recover_take(&p.port, answer, "5678", NULL);
        sotay_memory_fail(&p.port, 0);
        if (rc == SOTAY_OK)
            break;
        assert_int_equal(open_with(&p.port, "1234", &p.client), SOTAY_OK);
        sotay_close(p.client);
        p.client = NULL;
    }
    assert_true(rc == SOTAY_OK && n > 3);
    assert_int_equal(open_with(&p.port, "5678", &p.client), SOTAY_OK);
    assert_true(phone_says(&p, sotay_show, &visit, "not sent"));
    phone_part(e, &p, NULL);
}

static void test_a_store_nobody_enrolled_cannot_be_asked_for(void **state)
{
    (void)state;
    phone p;
    char *line = NULL;
    phone_new(&p, 3);
    assert_int_equal(sotay_recover_ask(&p.port, &line, &p.error), SOTAY_E_NOT_FOUND);
    assert_null(line);
    phone_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_pin_opens_the_same_store),
        cmocka_unit_test(test_wrong_answers_change_nothing),
        cmocka_unit_test(test_every_step_may_fail),
        cmocka_unit_test(test_a_store_nobody_enrolled_cannot_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
