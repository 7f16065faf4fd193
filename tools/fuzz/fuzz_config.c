/* tools/fuzz/fuzz_config.c - the server's configuration file: every number within its bounds, every
 * text ended, and nothing taken over from a file that has one wrong line. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/config.h"
#include "tools/fuzz/fuzz.h"

/* A file in memory that is written anew for each input. */
static const char *path_of(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("config", 0);
        FUZZ_MUST(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    FUZZ_MUST(ftruncate(fd, 0) == 0);
    FUZZ_MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    server_config preset, config;
    config_init(&preset);
    config = preset;
    st_err err = config_read(path_of(data, size), &config, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_USAGE);
    if (err != ST_OK)
        FUZZ_MUST(memcmp(&preset, &config, sizeof config) == 0);
    FUZZ_MUST(memchr(config.listen, '\0', sizeof config.listen) != NULL);
    FUZZ_MUST(memchr(config.public_url, '\0', sizeof config.public_url) != NULL);
#define X(name, preset_value, least, most, unit, meaning)                                          \
    FUZZ_MUST(config.name + 1u > (least) && config.name <= (most));
    CONFIG_NUMBERS(X)
#undef X
    return 0;
}
