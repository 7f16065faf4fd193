/* tests/e2e/clock.c - loaded before a program: its wall clock lies so many seconds beside the true
 * one as the file CLOCK_HAND says, 8 bytes in the machine's order, at any moment and in each
 * thread. What counts since the machine was started, and waits for it, go on as they do: a library
 * that fakes those too ends the timed waits of a server at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *hand;

__attribute__((constructor)) static void take_hand(void)
{
    const char *name = getenv("CLOCK_HAND");
    int file = open(name == NULL ? "" : name, O_RDONLY | O_CLOEXEC);
    void *seen = file < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof *hand, PROT_READ, MAP_SHARED, file, 0);
    if (seen == MAP_FAILED) {
        perror("CLOCK_HAND");
        _exit(127);
    }
    (void)close(file);
    hand = seen;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    int got = (int)syscall(SYS_clock_gettime, id, out);
    if (got == 0 && hand != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        out->tv_sec += atomic_load(hand);
    return got;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
