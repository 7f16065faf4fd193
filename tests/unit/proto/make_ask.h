/* tests/unit/proto/make_ask.h - well-formed requests, always the same: the common ones, and what is
 * said with them of buckets, purges and epochs. */
#ifndef SOTAY_TESTS_MAKE_ASK_H
#define SOTAY_TESTS_MAKE_ASK_H

#include <string.h>

#include "proto/carry.h"
#include "tests/unit/proto/make_set.h"

static inline st_bucket make_bucket(const char *name)
{
    st_bucket bucket = { "" };
    (void)st_bucket_set(&bucket, name, strlen(name));
    return bucket;
}

static inline st_sum make_sum(uint8_t fill)
{
    st_sum sum;
    memset(sum.b, fill, sizeof sum.b);
    return sum;
}

static inline st_frame make_ask(st_arena *arena, bool collapsed)
{
    st_frame frame = { .kind = ST_FRAME_ASK };
    st_ask *ask = &frame.as.ask;
    *ask = (st_ask){ .version = 1, .has_epoch = true, .position = 812, .scope_rev = 4,
                     .is_collapsed = collapsed, .kept_from = 40, .wall_ms = 1773282600123,
                     .answer_bytes_max = 1u << 20, .seen_size = 800 };
    memset(ask->epoch, 0xe0, sizeof ask->epoch);
    memset(ask->seen_root.b, 0x33, sizeof ask->seen_root.b);
    if (collapsed) {
        memset(ask->collapsed, 0xc0, sizeof ask->collapsed);
        return frame;
    }
    st_bucket_ask *buckets = st_arena_array(arena, 2, sizeof *buckets);
    buckets[0] = (st_bucket_ask){ make_bucket("01477/catalogue"), 0, make_sum(0) };
    buckets[1] = (st_bucket_ask){ make_bucket("01477/unit/01477-x01"), 812, make_sum(0x9a) };
    st_gone *gone = st_arena_array(arena, 1, sizeof *gone);
    gone[0] = (st_gone){ 3, 9 };
    ask->buckets = buckets;
    ask->buckets_count = 2;
    ask->gone = gone;
    ask->gone_count = 1;
    return frame;
}

static inline st_frame make_ask_clock(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_ask *ask = &frame.as.ask;
    ask->has_clock = true;
    ask->clock = (st_clock){ { 0xb0, 0, 0, 0, 0, 0, 0, 1 }, 86400000, 86400240, 1773282500000 };
    return frame;
}

static inline st_frame make_ask_purges(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_purge *purges = st_arena_array(arena, 1, sizeof *purges);
    purges[0] = (st_purge){ .bucket = make_bucket("01477/unit/01477-x01"), .rev = 5,
                            .wall_ms = 1773282600000, .records = 40, .kept = 3 };
    memset(purges[0].signature, 0x77, sizeof purges[0].signature);
    frame.as.ask.purges = purges;
    frame.as.ask.purges_count = 1;
    return frame;
}

static inline st_frame make_ask_renew(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_renew *renews = st_arena_array(arena, 2, sizeof *renews);
    renews[0] = (st_renew){ .device = make_id(0xd2, 0xd2), .first = 11 };
    renews[1] = (st_renew){ .device = make_id(0xd3, 0xd3), .first = UINT64_C(1) << 40 };
    memset(renews[0].set.b, 0x5e, sizeof renews[0].set.b);
    memset(renews[1].set.b, 0x5f, sizeof renews[1].set.b);
    frame.as.ask.renews = renews;
    frame.as.ask.renews_count = 2;
    return frame;
}

static inline st_frame make_ask_reach(st_arena *arena)
{
    st_frame frame = make_ask(arena, false);
    frame.as.ask.reach = frame.as.ask.position + 30;
    return frame;
}

/* Two of one number: the one was lost, the other stands in its place. */
static inline st_frame make_ask_epochs(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_epoch *seen = st_arena_array(arena, 2, sizeof *seen);
    for (size_t i = 0; i < 2; i++) {
        seen[i] = (st_epoch){ .n = 2, .cut = 40 + i };
        memset(seen[i].epoch, 0x61 + (int)i, sizeof seen[i].epoch);
        memset(seen[i].server_key, 0x71 + (int)i, sizeof seen[i].server_key);
        memset(seen[i].signature, 0x51 + (int)i, sizeof seen[i].signature);
    }
    frame.as.ask.seen = seen;
    frame.as.ask.seen_count = 2;
    return frame;
}

#endif
