/* tests/support/narrow.h - a machine with few addresses, for tests of maps that cannot grow. */
#ifndef SOTAY_TESTS_NARROW_H
#define SOTAY_TESTS_NARROW_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Leaves the program `spare` bytes of addresses, as 32 bits would; the old limit. Emulators and
 * sanitizers let it have all the same: false. */
static inline bool narrow_to(size_t spare, struct rlimit *out_old)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)spare;
    (void)out_old;
    return false;
#else
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(getrlimit(RLIMIT_AS, out_old), 0);
    struct rlimit limit = *out_old;
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + spare;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    void *at = mmap(NULL, spare + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return true;
    assert_int_equal(munmap(at, spare + 1), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, out_old), 0);
    return false;
#endif
}

#endif
