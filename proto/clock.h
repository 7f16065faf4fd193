/* proto/clock.h - what time it was when a phone wrote something, told from its monotonic clock and
 * an exchange with the server (docs/protocol.md 6). Never from the phone's wall clock. */
#ifndef SOTAY_PROTO_CLOCK_H
#define SOTAY_PROTO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define ST_BOOT_BYTES 8u

/* The longest exchange that tells anything, and how far a clock of a machine runs off in a ms. */
#define ST_CLOCK_TRIP_MS_MAX (INT64_C(600) * 1000)
#define ST_CLOCK_DRIFT 10000  /* one part in so many */
/* An exchange of the same boot less than ST_CLOCK_APART_MS after another one adds nothing to it, if
 * its trip was no shorter; a phone tells it only if its trip was shorter by ST_CLOCK_FINER_MS. */
#define ST_CLOCK_APART_MS UINT64_C(3600000)
#define ST_CLOCK_FINER_MS UINT64_C(1000)
/* Beyond what their trips and the drift explain, exchanges whose server's times lie so far apart
 * say that its clock was set. */
#define ST_CLOCK_SET_MS INT64_C(10000)

/* One exchange: the server said server_ms somewhere between the two readings. All times in ms. */
typedef struct {
    uint8_t boot[ST_BOOT_BYTES];
    uint64_t sent_mono_ms, got_mono_ms;
    int64_t server_ms;
} st_clock;

/* What an exchange tells of the moment of a reading in the same boot. */
typedef struct {
    int64_t at_ms;      /* by the server's clock */
    int64_t within_ms;  /* the true moment is at most this far off; > 0 */
} st_moment;

/* later_ms - earlier_ms; times that a device claims may be anything, so it stops at the ends. */
int64_t st_ms_between(int64_t earlier_ms, int64_t later_ms);
/* Can it be right, when the server's time now is now_ms? */
bool st_clock_is_good(const st_clock *clock, int64_t now_ms);
/* Two of one boot: was the server's clock set between them? */
bool st_clock_differs(const st_clock *one, const st_clock *other);
/* Does it tell more than `told`, which was told before? Both must be good. */
bool st_clock_adds(const st_clock *told, const st_clock *clock);
/* False: the boots differ, or the numbers are out of range. The exchange must be good. */
bool st_clock_moment(const st_clock *clock, const uint8_t boot[ST_BOOT_BYTES], uint64_t mono_ms,
                     st_moment *out_moment);

#endif
