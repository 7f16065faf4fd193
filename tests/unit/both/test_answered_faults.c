/* tests/unit/both/test_answered_faults.c
 * A phone comes to a store that was put back without a word, behind an answer that had broken off,
 * and in some step it has no memory or its own store fails. It says so, and at another sync the
 * book has what was lost, once. Each try begins with the same phone and the same book. */
#include "tests/unit/both/broken.h"
#include "tests/unit/client-lib/stumble.h"

typedef struct {
    const char *why;
    void (*build)(broken *b, bool how);
    bool how;
} scene;

typedef struct {
    broken b;
    phone came; /* whose answer broke off, as he comes */
    char then[80];
} bench;

static void copy_phone(phone *from, phone *to)
{
    memset(to, 0, sizeof *to);
    assert_int_equal(sotay_memory_copy(&from->port, false, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

static void bench_open(bench *b, const scene *s)
{
    memset(b, 0, sizeof *b);
    s->build(&b->b, s->how);
    copy_phone(b->b.who, &b->came);
    (void)snprintf(b->then, sizeof b->then, "%s.then", b->b.t.w.book.dir);
    rooms_close(&b->b.t.w.book.rooms);
    run_shell("cp -r %s %s", b->b.t.w.book.dir, b->then);
    reopen(&b->b.t);
    b->b.t.w.at_work = failing_pause;
}

static void bench_close(bench *b)
{
    phone_free(&b->came);
    town_free(&b->b.t);
    run_shell("rm -rf %s %s", b->then, "");
}

static void begin_again(bench *b)
{
    town *t = &b->b.t;
    rooms_close(&t->w.book.rooms);
    run_shell("rm -rf %s %s", t->w.book.dir, "");
    run_shell("cp -r %s %s", b->then, t->w.book.dir);
    reopen(t);
    phone_free(b->b.who);
    copy_phone(&b->came, b->b.who);
}

/* What was lost is found in one of the next syncs. */
static int sync_some(bench *b)
{
    int rc = SOTAY_OK;
    for (int i = 0; rc == SOTAY_OK && i < 3; i++)
        rc = sync_phone(&b->b.t.w, b->b.who, 0, NULL);
    return rc;
}

/* False: there was no n-th to fail. */
static bool try_scene(bench *b, const scene *s, stumble_way how, uint64_t n)
{
    begin_again(b);
    phone *p = b->b.who;
    stumble_arm(how, p, n);
    int rc = sync_some(b);
    bool refused = stumble_disarm(p);
    if (rc != SOTAY_OK && !stumble_may(rc))
        fail_msg("%s: %d of %s: called %s: %s", s->why, (int)n, STUMBLE_NAMES[how],
                 sotay_code_name(rc), b->b.t.w.error.detail);
    if (rc != SOTAY_OK && n % 2 == 0)
        phone_crash(p, false);
    broken_check(&b->b);
    return rc != SOTAY_OK || refused;
}

/* In all ways where there is time; else in one. */
static void sweep(const scene *s, stumble_way only)
{
    bench b;
    bench_open(&b, s);
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
        uint64_t n = 1, places = 0;
        if (!stumble_has_time() && how != only)
            continue;
        while (try_scene(&b, s, how, n))
            n *= stumble_has_time() ? 4 : 16;
        while (stumble_has_time() && try_scene(&b, s, how, STUMBLE_IN_NEW_PLACE))
            places++;
        print_message("  %s: %s failed up to %d, in %d new places\n", s->why, STUMBLE_NAMES[how],
                      (int)n, (int)places);
        assert_true(n > 3);
    }
    bench_close(&b);
}

static void break_its_file(broken *b, bool nothing)
{
    char item[SOTAY_ITEM_TEXT];
    (void)nothing;
    break_file(b, item);
}

static void test_what_was_told_is_not_there(void **state)
{
    static const scene SCENES[] = {
        { "a log that grew", break_and_grow, false },
        { "who was suspended", break_and_grow, true },
        { "a unit that is lost", break_in_lost_unit, true },
        { "what is carried", break_carried, true },
        { "carried in a unit that is lost", break_carried_in_lost_unit, false },
        { "carried, and the book restored", break_carried_in_lost_unit, true },
        { "a parcel", break_parcel, false },
        { "what was sealed", break_sealed, false },
        { "pages with his own", break_pages, true },
        { "pages with another one's", break_pages, false },
        { "a file", break_its_file, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++)
        sweep(&SCENES[i], (stumble_way)(i % STUMBLE_WAYS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_told_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
