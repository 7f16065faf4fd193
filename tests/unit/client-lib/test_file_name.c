/* tests/unit/client-lib/test_file_name.c
 * Whatever a camera, a chat program or a person called a file, it has a name of one line in the
 * record, with the ending that programs know it by. */
#include "client-lib/src/file_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *path, size_t chars_max, const char *wanted)
{
    st_buffer out;
    st_buffer_init(&out, 1u << 12);
    assert_int_equal(file_name(path, chars_max, &out, NULL), ST_OK);
    assert_int_equal(out.len, strlen(wanted));
    assert_memory_equal(out.data == NULL ? (const void *)"" : out.data, wanted, out.len);
    st_buffer_free(&out);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } CASES[] = {
        { "anh.jpg", "anh.jpg" },
        { "/sdcard/DCIM/anh.jpg", "anh.jpg" },
        { "C:\\Zalo\\anh.jpg", "anh.jpg" },
        { "Bie\xcc\x82n ba\xcc\x89n.pdf", "Bi\xc3\xaan b\xe1\xba\xa3n.pdf" },
        { "two\nlines.png", "two lines.png" },
        { "bell\x07.png", "bell\xef\xbf\xbd.png" },
        { "b\xff.png", "b\xef\xbf\xbd.png" },
        { "folder/", "" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        check(CASES[i].path, 120, CASES[i].name);
}

static void test_a_long_name_keeps_its_ending(void **state)
{
    (void)state;
    check("abcdefghijklmnopqrstuvwxyz.jpg", 20, "abcdefghijklmnop.jpg");
    check("\xe1\xba\xa3" "bcdefghijklmnop\xe1\xba\xa3rstuvwxyz.jpg", 20,
          "\xe1\xba\xa3" "bcdefghijklmnop.jpg");
    check("abcdefghijklmnop.jpg", 20, "abcdefghijklmnop.jpg");
    check("abcdefghijklmnopqrstuvwxyz", 20, "abcdefghijklmnopqrst");
    check("a.bcdefghijklmnopqrstuvwxyz", 20, "a.bcdefghijklmnopqrs");
    check(".bcdefghijklmnopqrstuvwxyz", 20, ".bcdefghijklmnopqrst");
}

static void test_a_path_beyond_all_bounds(void **state)
{
    (void)state;
    const size_t len = (1u << 20) + 1;
    char *path = malloc(len + 1);
    assert_non_null(path);
    memset(path, 'a', len);
    path[len] = '\0';
    st_buffer out;
    st_buffer_init(&out, 1u << 12);
    assert_int_equal(file_name(path, 120, &out, NULL), ST_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    st_buffer_free(&out);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_long_name_keeps_its_ending),
        cmocka_unit_test(test_a_path_beyond_all_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
