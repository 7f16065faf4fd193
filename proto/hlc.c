/* proto/hlc.c - promises stamps that only rise: what a device knows of sorts before what it does
 * next. Must never read a clock, wrap around, or follow a foreign stamp further than the bound. */
#include "proto/hlc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/limits.h"

#define MS_MAX ((int64_t)((UINT64_C(1) << 48) - 1))

/* The first stamp of a millisecond; times that do not fit are cut to the ends. */
static st_hlc stamp_of(int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms > MS_MAX)
        ms = MS_MAX;
    return (st_hlc)ms << 16;
}

st_hlc st_hlc_tick(st_hlc *clock, int64_t now_ms)
{
    assert(clock != NULL);
    st_hlc now = stamp_of(now_ms);
    if (now > *clock)
        *clock = now;
    else if (*clock < UINT64_MAX)
        *clock += 1;
    return *clock;
}

void st_hlc_observe(st_hlc *clock, st_hlc theirs, int64_t trusted_ms)
{
    assert(clock != NULL);
    const int64_t spread = (int64_t)ST_CLOCK_SPREAD_MS_MAX;
    int64_t base = trusted_ms < 0 ? 0 : trusted_ms;
    st_hlc bound = stamp_of(base > MS_MAX - spread ? MS_MAX : base + spread);
    if (theirs > bound)
        theirs = bound;
    if (theirs > *clock)
        *clock = theirs;
}

void st_hlc_format(st_hlc hlc, char *text)
{
    assert(text != NULL);
    (void)snprintf(text, 32, "%" PRIu64 ".%u", ST_HLC_MS(hlc), (unsigned)ST_HLC_COUNT(hlc));
}
