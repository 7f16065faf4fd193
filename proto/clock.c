/* proto/clock.c - the moment of a monotonic reading. Promises: the bound holds as long as the
 * exchange was as told and the machine's clock runs off by less than one part in ST_CLOCK_DRIFT;
 * must never look at a wall clock of a phone. */
#include "proto/clock.h"

#include <string.h>

#define MONO_MS_MAX   (UINT64_C(1) << 46)
#define SERVER_MS_MAX (INT64_C(1) << 46)

int64_t st_ms_between(int64_t earlier_ms, int64_t later_ms)
{
    if (earlier_ms < 0 && later_ms > INT64_MAX + earlier_ms)
        return INT64_MAX;
    if (earlier_ms > 0 && later_ms < INT64_MIN + earlier_ms)
        return INT64_MIN;
    return later_ms - earlier_ms;
}

bool st_clock_is_good(const st_clock *clock, int64_t now_ms)
{
    return clock->got_mono_ms >= clock->sent_mono_ms && clock->got_mono_ms <= MONO_MS_MAX &&
           clock->got_mono_ms - clock->sent_mono_ms <= (uint64_t)ST_CLOCK_TRIP_MS_MAX &&
           clock->server_ms > 0 && clock->server_ms <= SERVER_MS_MAX && clock->server_ms <= now_ms;
}

bool st_clock_differs(const st_clock *one, const st_clock *other)
{
    st_moment then;
    int64_t trip = (int64_t)(other->got_mono_ms - other->sent_mono_ms);
    if (!st_clock_moment(one, other->boot, other->sent_mono_ms, &then))
        return false;
    int64_t off = st_ms_between(then.at_ms, other->server_ms);
    int64_t most = then.within_ms + trip + ST_CLOCK_SET_MS;
    return off > most || off < -most;
}

bool st_clock_adds(const st_clock *told, const st_clock *clock)
{
    uint64_t told_trip = told->got_mono_ms - told->sent_mono_ms;
    uint64_t trip = clock->got_mono_ms - clock->sent_mono_ms;
    bool is_near = memcmp(told->boot, clock->boot, sizeof told->boot) == 0 &&
                   clock->sent_mono_ms >= told->sent_mono_ms &&
                   clock->sent_mono_ms - told->sent_mono_ms < ST_CLOCK_APART_MS;
    bool is_finer = told_trip > trip && told_trip - trip >= ST_CLOCK_FINER_MS;
    return !is_near || is_finer || st_clock_differs(told, clock);
}

bool st_clock_moment(const st_clock *clock, const uint8_t boot[ST_BOOT_BYTES], uint64_t mono_ms,
                     st_moment *out_moment)
{
    if (memcmp(clock->boot, boot, ST_BOOT_BYTES) != 0 || mono_ms > MONO_MS_MAX)
        return false;
    int64_t half = (int64_t)(clock->got_mono_ms - clock->sent_mono_ms) / 2;
    int64_t since = (int64_t)mono_ms - (int64_t)clock->sent_mono_ms - half;
    int64_t apart = since < 0 ? -since : since;
    out_moment->at_ms = clock->server_ms + since;
    out_moment->within_ms = half + 1 + apart / ST_CLOCK_DRIFT + 1;
    return true;
}
