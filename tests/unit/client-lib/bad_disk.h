/* tests/unit/client-lib/bad_disk.h - a store of which one read finds a damaged page. What could
 * not be read is said so by whoever asked; it is never taken for something that is not there, or
 * for somebody's mistake. */
#ifndef SOTAY_TESTS_BAD_DISK_H
#define SOTAY_TESTS_BAD_DISK_H

#include "client-lib/include/sotay.h"

static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    int (*seek)(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                sotay_slice *out_value, sotay_error *error);
    unsigned left; /* until it happens; 0: it does not */
} bad_disk;

static inline bool bad_disk_hits(sotay_error *error)
{
    if (bad_disk.left == 0 || --bad_disk.left > 0)
        return false;
    if (error != NULL)
        *error = (sotay_error){ SOTAY_E_CORRUPT, "store: a page is damaged" };
    return true;
}

static inline int bad_disk_get(void *context, sotay_slice key, sotay_slice *out_value,
                               sotay_error *error)
{
    return bad_disk_hits(error) ? SOTAY_E_CORRUPT : bad_disk.get(context, key, out_value, error);
}

static inline int bad_disk_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                                sotay_slice *out_value, sotay_error *error)
{
    return bad_disk_hits(error) ? SOTAY_E_CORRUPT
                                : bad_disk.seek(context, key, forward, out_key, out_value, error);
}

/* From now on the store behind `port` is this one. */
static inline void bad_disk_under(sotay_port *port)
{
    bad_disk.get = port->get;
    bad_disk.seek = port->seek;
    bad_disk.left = 0;
    port->get = bad_disk_get;
    port->seek = bad_disk_seek;
}

#endif
