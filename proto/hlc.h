/* proto/hlc.h - hybrid logical clock (Kulkarni et al. 2014) in one number:
 * milliseconds since 1970 UTC << 16 | count. Orders what is shown first, never decides. */
#ifndef SOTAY_PROTO_HLC_H
#define SOTAY_PROTO_HLC_H

#include <stdint.h>

typedef uint64_t st_hlc;

#define ST_HLC_MS(h) ((h) >> 16)
#define ST_HLC_COUNT(h) ((uint16_t)((h) & 0xffffu))

/* The stamp of a new local event: max(now, clock) and one more. A wall clock before 1970 counts as
 * 0. *clock is the stamp afterwards. */
st_hlc st_hlc_tick(st_hlc *clock, int64_t now_ms);
/* Learns of a stamp from the server. A stamp more than ST_CLOCK_SPREAD_MS_MAX ahead of
 * trusted_ms (the server's time) is cut to that bound, so that one phone's far future never
 * spreads (docs/protocol.md 4). Never moves the clock back. */
void st_hlc_observe(st_hlc *clock, st_hlc theirs, int64_t trusted_ms);
/* Decimal text of the stamp, "<ms>.<count>"; text holds 32 bytes. */
void st_hlc_format(st_hlc hlc, char *text);

#endif
