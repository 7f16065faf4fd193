/* tests/unit/server/test_forms.c
 * A server that is checked every hour for years goes on knowing its forms, in the same memory. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_known_form_takes_no_memory(void **state)
{
    (void)state;
    static rig r;
    st_buffer bytes;
    rig_open(&r);
    catalogue *c = r.srv.sync.catalogue;
    const st_form *visit = catalogue_newest(c, "visit");
    assert_non_null(visit);
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(visit, &bytes, NULL), ST_OK);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(catalogue_add(c, bytes.data, bytes.len, NULL), ST_OK);
    assert_ptr_equal(catalogue_newest(c, "visit"), visit);
    st_buffer_free(&bytes);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_known_form_takes_no_memory),
    };
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
