/* tests/unit/client-lib/test_recover.c
 * A forgotten PIN loses nothing: with the office's answer another PIN opens the same store, unsent
 * work and all; nothing else opens it, and a step that fails leaves it as it was. */
#include "client-lib/src/book.h"
#include "tests/unit/client-lib/bad_disk.h"
#include "tests/unit/client-lib/recover_desk.h"

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

/* Found by the sweeps (pin-forgotten): the key that came was said to open another store. */
static void test_a_page_that_cannot_be_read(void **state)
{
    (void)state;
    phone p;
    sotay_id visit;
    edge *e = locked(&p, 5, &visit);
    char answer[ST_RECOVER_TEXT];
    unsigned n = 1;
    int rc = SOTAY_E_CORRUPT;
    ask(&p, e, answer);
    bad_disk_under(&p.port);
    for (; rc == SOTAY_E_CORRUPT && n < 50; n++) {
        bad_disk.left = n;
        rc = sotay_recover_take(&p.port, answer, "5678", NULL);
    }
    bad_disk.left = 0;
    assert_int_equal(rc, SOTAY_OK);
    assert_true(n > 4);
    assert_int_equal(open_with(&p.port, "5678", &p.client), SOTAY_OK);
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

/* ---- rows past the library: what is in the clear of a store that is closed ---- */

/* NULL: the row goes. */
static void put_row(sotay_port *port, const book_key *key, const void *data, size_t len)
{
    const sotay_slice name = { key->b, key->len }, value = { data, len };
    assert_int_equal(port->begin(port->context, true, NULL), SOTAY_OK);
    assert_int_equal(port->put(port->context, name, value, NULL), SOTAY_OK);
    assert_int_equal(port->commit(port->context, NULL), SOTAY_OK);
}

/* One closed store, of which each test has a copy. */
typedef struct {
    edge *e;
    phone p;
    sotay_id visit;
} desk;

static int desk_open(void **state)
{
    static desk d;
    d.e = locked(&d.p, 5, &d.visit);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    phone_part(d->e, &d->p, NULL);
    return 0;
}

/* The seed of the line that was shown is damaged: there is another line, and only its answer is
 * good. */
static void test_a_damaged_seed(void **state)
{
    static const uint8_t NOISE[32 + ST_AEAD_EXTRA] = { 1, 2, 3 };
    static const size_t LENGTHS[] = { 0, 5, sizeof NOISE };
    desk *d = *state;
    phone p = locked_copy(&d->p);
    const book_key key = book_key_text(BOOK_META, "recover");
    char before[ST_RECOVER_TEXT], answer[ST_RECOVER_TEXT];
    for (size_t i = 0; i < 3; i++) {
        ask(&p, d->e, before);
        put_row(&p.port, &key, NOISE, LENGTHS[i]);
        assert_int_equal(sotay_recover_take(&p.port, before, "5678", NULL), SOTAY_E_VALUE);
        ask(&p, d->e, answer);
        assert_string_not_equal(before, answer);
        assert_int_equal(sotay_recover_take(&p.port, before, "5678", NULL), SOTAY_E_VALUE);
    }
    assert_int_equal(sotay_recover_take(&p.port, answer, "5678", NULL), SOTAY_OK);
    assert_int_equal(open_with(&p.port, "5678", &p.client), SOTAY_OK);
    assert_true(phone_says(&p, sotay_show, &d->visit, "not sent"));
    phone_free(&p);
}

/* A sealed key that is cut can be opened by nobody: said before anybody goes to the office. */
static void test_a_damaged_sealed_key(void **state)
{
    desk *d = *state;
    phone p = locked_copy(&d->p);
    char *line = NULL;
    const book_key key = book_key_text(BOOK_META, "recovery");
    put_row(&p.port, &key, "cut", 3);
    assert_int_equal(sotay_recover_ask(&p.port, &line, &p.error), SOTAY_E_CORRUPT);
    assert_null(line);
    phone_free(&p);
}

/* A store whose owner cannot be read gets no new PIN. */
static void test_a_store_without_an_owner(void **state)
{
    desk *d = *state;
    phone p = locked_copy(&d->p);
    char answer[ST_RECOVER_TEXT];
    const book_key key = book_key_of(BOOK_SELF);
    ask(&p, d->e, answer);
    put_row(&p.port, &key, NULL, 0);
    assert_int_equal(sotay_recover_take(&p.port, answer, "5678", NULL), SOTAY_E_VALUE);
    phone_free(&p);
}

/* An answer typed into a phone that has no store, nor ever had one. */
static void test_an_answer_for_no_store(void **state)
{
    desk *d = *state;
    phone p = locked_copy(&d->p);
    sotay_port bare;
    char answer[ST_RECOVER_TEXT];
    ask(&p, d->e, answer);
    assert_int_equal(sotay_memory_open(9, &bare, NULL), SOTAY_OK);
    assert_int_equal(sotay_recover_take(&bare, answer, "5678", &p.error), SOTAY_E_VALUE);
    assert_non_null(strstr(p.error.detail, "nothing was asked"));
    sotay_port_close(&bare);
    phone_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_pin_opens_the_same_store),
        cmocka_unit_test(test_wrong_answers_change_nothing),
        cmocka_unit_test(test_every_step_may_fail),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_a_store_nobody_enrolled_cannot_be_asked_for),
        cmocka_unit_test(test_a_damaged_seed),
        cmocka_unit_test(test_a_damaged_sealed_key),
        cmocka_unit_test(test_a_store_without_an_owner),
        cmocka_unit_test(test_an_answer_for_no_store),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
