/* server/sync/clock.h - what devices told of their clocks, and what time a change was written. */
#ifndef SOTAY_SERVER_SYNC_CLOCK_H
#define SOTAY_SERVER_SYNC_CLOCK_H

#include "proto/change.h"
#include "proto/clock.h"
#include "server/store/store.h"

/* Keeps an exchange that a request of the device told; one that cannot be right at now_ms is left
 * out. Writing transaction. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_clock_note(store_txn *txn, const st_id *device, const st_clock *clock,
                                   int64_t now_ms, st_error *error);

/* A monotonic reading: whose, of which run of its machine. */
typedef struct {
    const st_id *device;
    const uint8_t *boot;  /* ST_BOOT_BYTES */
    uint64_t mono_ms;
} sync_reading;

typedef struct {
    bool is_known;
    st_moment moment;  /* when known; never later than the receipt */
    bool rebooted;     /* not known: the device met the server, but not in that boot */
} sync_moment;
/* Of the kept exchanges of the boot the one that bounds the reading best. ST_E_STORAGE,
 * ST_E_CORRUPT. */
ST_MUST_USE st_err sync_clock_moment(store_txn *txn, const sync_reading *reading,
                                     int64_t received_ms, sync_moment *out_moment,
                                     st_error *error);

#endif
