/* tests/unit/server/test_progress.c
 * Whoever waits for a long piece of work sees that it goes on, from the same thread or another one,
 * and that it is over. */
#include "server/progress.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    progress_now told[16];
    size_t count;
} ear;

static void hear(void *context, const progress_now *now)
{
    ear *e = context;
    assert_true(e->count < 16);
    e->told[e->count++] = *now;
}

static void test_each_step_is_told(void **state)
{
    (void)state;
    ear e = { .count = 0 };
    progress p = { .tell = hear, .context = &e };
    progress_begin(&p, PROGRESS_FOLD, 10);
    progress_add(&p, 4);
    progress_set(&p, 9);
    progress_add(&p, 1);
    progress_begin(&p, PROGRESS_FILES, 0);
    progress_add(&p, 7);
    progress_end(&p);
    static const progress_now WANT[] = {
        { PROGRESS_FOLD, 0, 10 },  { PROGRESS_FOLD, 4, 10 }, { PROGRESS_FOLD, 9, 10 },
        { PROGRESS_FOLD, 10, 10 }, { PROGRESS_FILES, 0, 0 }, { PROGRESS_FILES, 7, 0 },
        { PROGRESS_NONE, 0, 0 },
    };
    assert_int_equal(e.count, sizeof WANT / sizeof WANT[0]);
    for (size_t i = 0; i < e.count; i++) {
        assert_int_equal(e.told[i].stage, WANT[i].stage);
        assert_int_equal(e.told[i].done, WANT[i].done);
        assert_int_equal(e.told[i].total, WANT[i].total);
    }
}

static void test_nobody_need_listen(void **state)
{
    (void)state;
    progress p = { .tell = NULL };
    progress_begin(NULL, PROGRESS_LOG, 3);
    progress_add(NULL, 1);
    progress_set(NULL, 2);
    progress_end(NULL);
    assert_int_equal(progress_get(NULL).stage, PROGRESS_NONE);
    progress_begin(&p, PROGRESS_LOG, 3);
    progress_add(&p, 2);
    progress_now now = progress_get(&p);
    assert_true(now.stage == PROGRESS_LOG && now.done == 2 && now.total == 3);
}

/* Each stage has a word of its own, and a name in both languages. */
static void test_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROGRESS_STAGE_COUNT; i++) {
        const char *word = progress_word((progress_stage)i);
        assert_true(strlen(word) > 0 && strspn(word, "abcdefghijklmnopqrstuvwxyz") == strlen(word));
        assert_string_not_equal(progress_label((progress_stage)i, true),
                                progress_label((progress_stage)i, false));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(word, progress_word((progress_stage)j));
    }
    assert_string_equal(progress_word((progress_stage)99), "none");
}

static void *count(void *argument)
{
    for (int i = 0; i < 10000; i++)
        progress_add(argument, 1);
    return NULL;
}

/* Two threads count, a third looks: no step is lost. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[2];
    progress p = { .tell = NULL };
    progress_begin(&p, PROGRESS_FILES, 20000);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, &p), 0);
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        progress_now now = progress_get(&p);
        assert_true(now.done >= last && now.done <= 20000);
        last = now.done;
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(progress_get(&p).done, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step_is_told),
        cmocka_unit_test(test_nobody_need_listen),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
