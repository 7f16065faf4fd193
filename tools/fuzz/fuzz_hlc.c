/* tools/fuzz/fuzz_hlc.c - the hybrid clock, dates and times: whatever clocks and stamps come, own
 * stamps rise, no foreign one moves them further than the bound, a day has one date. */
#include <string.h>

#include "proto/hlc.h"
#include "proto/limits.h"
#include "proto/value.h"
#include "tools/fuzz/fuzz.h"

static void step(st_hlc *clock, fuzz_bytes *bytes)
{
    st_hlc before = *clock;
    uint8_t how = fuzz_u8(bytes);
    int64_t ms = (int64_t)fuzz_u64(bytes) >> how % 64;
    if (how >= 128) {
        st_hlc made = st_hlc_tick(clock, ms);
        FUZZ_MUST(made == *clock && (made > before || before == UINT64_MAX));
        return;
    }
    st_hlc theirs = fuzz_u64(bytes);
    st_hlc_observe(clock, theirs, ms);
    FUZZ_MUST(*clock >= before);
    uint64_t bound = (ms < 0 ? 0 : (uint64_t)ms) + ST_CLOCK_SPREAD_MS_MAX;
    if (*clock != before)
        FUZZ_MUST(ST_HLC_MS(*clock) <= bound && *clock <= theirs);
}

static void check_dates(fuzz_bytes *bytes)
{
    char text[40];
    int year, month, day;
    int64_t days = (int64_t)fuzz_u64(bytes), back = 0;
    st_date_to_civil(days, &year, &month, &day);
    FUZZ_MUST(year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31);
    FUZZ_MUST(st_date_from_civil(year, month, day, &back));
    if (year > 1 && year < 9999)
        FUZZ_MUST(back == days);
    st_time_format(days, (int)(int16_t)fuzz_u16(bytes) % 1440, text);
    FUZZ_MUST(strlen(text) == 29 && text[10] == 'T');
    year = (int16_t)fuzz_u16(bytes);
    month = (int8_t)fuzz_u8(bytes);
    day = (int8_t)fuzz_u8(bytes);
    if (st_date_from_civil(year, month, day, &back)) {
        int y, m, d;
        st_date_to_civil(back, &y, &m, &d);
        FUZZ_MUST(y == year && m == month && d == day);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    st_hlc clock = fuzz_u64(&bytes);
    char text[32];
    while (bytes.len > 0) {
        fuzz_bytes dates = bytes;
        check_dates(&dates);
        step(&clock, &bytes);
    }
    st_hlc_format(clock, text);
    FUZZ_MUST(strlen(text) < sizeof text);
    return 0;
}
