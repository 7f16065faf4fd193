/* tests/unit/both/test_crowd.c
 * While many answers wait for slow lines, phones get less at a time and ask again: nothing is lost
 * by it, and a phone that wanted less still gets what it wanted. */
#include "tests/unit/both/world.h"

#define VISITS 300
#define MUCH   ((size_t)64 << 20)

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

typedef struct {
    world w;
    sotay_id ids[VISITS];
} crowd;

static int begin(void **state)
{
    static crowd c;
    st_error error = { 0 };
    http_config config = { .listen = "127.0.0.1:0", .threads = 4, .quiet = true };
    memset(&c, 0, sizeof c);
    world_make_with(&c.w, 7, (world_how){ 2, false });
    phone *p = &c.w.phones[0];
    for (size_t i = 0; i < VISITS; i++) {
        char note[300];
        const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "general_note", note } };
        const sotay_pairs pairs = { list, 2 };
        (void)snprintf(note, sizeof note, "%zu %0250zu", i, i * 7919);
        assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &c.ids[i],
                                          &p->error), SOTAY_OK);
    }
    assert_int_equal(sync_phone(&c.w, p, 0, NULL), SOTAY_OK);
    if (http_start(&c.w.book.rooms, &config, TOKEN, &c.w.door, &error) != ST_OK)
        fail_msg("%s", error.detail);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    crowd *c = *state;
    assert_true(http_drain(c->w.door, 3000));
    http_stop(c->w.door);
    c->w.door = NULL;
    world_free(&c->w);
    return 0;
}

/* All of it is on the second phone; how many requests that took. */
static uint64_t read_it_all(crowd *c)
{
    sotay_report report;
    phone *p = &c->w.phones[1];
    assert_int_equal(sync_phone(&c->w, p, 0, &report), SOTAY_OK);
    assert_true(report.complete);
    for (size_t i = 0; i < VISITS; i++) {
        char *first = shown(&c->w.phones[0], &c->ids[i]);
        char *other = shown(p, &c->ids[i]);
        assert_string_equal(first, other);
        sotay_text_free(first);
        sotay_text_free(other);
    }
    return report.requests;
}

static void test_a_crowd_reads_in_parts(void **state)
{
    crowd *c = *state;
    http_server_owe(c->w.door, MUCH);
    assert_true(read_it_all(c) >= 2);
    http_server_paid(c->w.door, MUCH);
}

static void test_nobody_waits_and_all_comes_at_once(void **state)
{
    crowd *c = *state;
    http_server_owe(c->w.door, MUCH);
    http_server_paid(c->w.door, MUCH);
    assert_int_equal(read_it_all(c), 1);
}

/* Some answers under way are no crowd; and without a door there is no limit. */
static void test_what_a_crowd_is(void **state)
{
    crowd *c = *state;
    assert_int_equal(http_server_answer_max(c->w.door), 0);
    http_server_owe(c->w.door, 1000000);
    assert_int_equal(http_server_answer_max(c->w.door), 0);
    http_server_owe(c->w.door, MUCH);
    assert_true(http_server_answer_max(c->w.door) > 0);
    http_server_paid(c->w.door, MUCH + 1000000);
    assert_int_equal(http_server_answer_max(c->w.door), 0);
    assert_int_equal(http_server_answer_max(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_crowd_reads_in_parts, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_waits_and_all_comes_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_crowd_is, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
