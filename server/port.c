/* server/port.c - the real clock and the kernel's randomness. Promises: random bytes are never weak
 * ones: without a source the process ends rather than make a key that can be guessed. */
#include "server/port.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t real_now_ms(void *context)
{
    (void)context;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t real_mono_ms(void *context)
{
    (void)context;
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void real_random(void *context, void *out, size_t len)
{
    (void)context;
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

const server_port *server_port_system(void)
{
    static const server_port SYSTEM = { NULL, real_now_ms, real_mono_ms, real_random };
    return &SYSTEM;
}
