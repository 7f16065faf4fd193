/* tests/unit/server/test_config.c
 * Bytes are digits and perhaps a unit; what is none leaves the whole configuration as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/config.h"

static st_err read_text(const char *value, server_config *config)
{
    char path[] = "/tmp/sotay-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "threads = 8\nfiles_per_device = %s\n", value) > 0);
    assert_int_equal(fclose(file), 0);
    st_err err = config_read(path, config, NULL);
    assert_int_equal(unlink(path), 0);
    return err;
}

static void test_bytes_of_files(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } GOOD[] = {
        { "0", 0 },
        { "1", 1 },
        { "700k", 700000 },
        { "25M", 25000000 },
        { "4G", UINT64_C(4000000000) },
        { "18000000000G", UINT64_C(18000000000000000000) },
        { "999999999999999999", UINT64_C(999999999999999999) },
    };
    static const char *const BAD[] = {
        "", "-1", "k", "4 G", "4g", "4GB", "4.5G", "0x10", "19000000000G", "1000000000000000000"
    };
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        server_config config;
        config_init(&config);
        assert_int_equal(config.files_per_device, UINT64_C(4000000000));
        assert_int_equal(read_text(GOOD[i].text, &config), ST_OK);
        assert_int_equal(config.files_per_device, GOOD[i].bytes);
        assert_int_equal(config.threads, 8);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        server_config config;
        config_init(&config);
        assert_int_equal(read_text(BAD[i], &config), ST_E_USAGE);
        assert_int_equal(config.files_per_device, UINT64_C(4000000000));
        assert_int_equal(config.threads, 512);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
