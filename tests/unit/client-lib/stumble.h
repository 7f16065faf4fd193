/* tests/unit/client-lib/stumble.h - the ways in which a phone is made to stumble in a sweep: the
 * n-th piece of memory is refused, the n-th call of its store that writes fails, or that reads.
 * For programs that are linked with tests/support/failing.h (the Makefile names them). */
#ifndef SOTAY_TESTS_STUMBLE_H
#define SOTAY_TESTS_STUMBLE_H

#include "tests/support/failing.h"
#include "tests/unit/client-lib/phone.h"

typedef enum { STUMBLE_MEMORY, STUMBLE_STORE, STUMBLE_READING, STUMBLE_WAYS } stumble_way;

static const char *const STUMBLE_NAMES[STUMBLE_WAYS] = { "memory", "the store", "reading" };

/* Stands between a phone and its store: one call that reads fails. */
static struct {
    sotay_port real;
    uint64_t left;
    bool has_failed;
} stumble_reading;

static inline bool stumble_reads_badly(void)
{
    if (stumble_reading.left == 0 || --stumble_reading.left > 0)
        return false;
    stumble_reading.has_failed = true;
    return true;
}

static inline int stumble_get(void *context, sotay_slice key, sotay_slice *out_value,
                              sotay_error *error)
{
    if (stumble_reads_badly())
        return SOTAY_E_STORAGE;
    return stumble_reading.real.get(context, key, out_value, error);
}

static inline int stumble_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                               sotay_slice *out_value, sotay_error *error)
{
    if (stumble_reads_badly())
        return SOTAY_E_STORAGE;
    return stumble_reading.real.seek(context, key, forward, out_key, out_value, error);
}

/* From now on the n-th fails, once. */
static inline void stumble_arm(stumble_way how, phone *p, uint64_t n)
{
    stumble_reading.has_failed = false;
    if (how == STUMBLE_MEMORY)
        failing_begin(n);
    if (how == STUMBLE_STORE)
        sotay_memory_fail(&p->port, n);
    if (how == STUMBLE_READING) {
        stumble_reading.real = p->port;
        stumble_reading.left = n;
        p->port.get = stumble_get;
        p->port.seek = stumble_seek;
    }
}

/* All is well again. True when a piece was refused, or a call that reads. */
static inline bool stumble_disarm(phone *p)
{
    bool refused = failing_end();
    sotay_memory_fail(&p->port, 0);
    if (p->port.get == stumble_get) {
        p->port.get = stumble_reading.real.get;
        p->port.seek = stumble_reading.real.seek;
    }
    stumble_reading.left = 0;
    return refused || stumble_reading.has_failed;
}

/* What a call may answer that stumbled. */
static inline bool stumble_may(int rc)
{
    return rc == SOTAY_E_MEMORY || rc == SOTAY_E_STORAGE || rc == SOTAY_E_TOO_LARGE;
}

#endif
