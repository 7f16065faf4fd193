/* tests/unit/client-lib/stumble.h - the ways in which a phone is made to stumble in a sweep: the
 * n-th piece of memory is refused, the n-th call of its store that writes fails, or that reads.
 * For programs that are linked with tests/support/failing.h (the Makefile names them). */
#ifndef SOTAY_TESTS_STUMBLE_H
#define SOTAY_TESTS_STUMBLE_H

#include "tests/support/failing.h"
#include "tests/unit/client-lib/phone.h"

typedef enum { STUMBLE_MEMORY, STUMBLE_STORE, STUMBLE_READING, STUMBLE_WAYS } stumble_way;

static const char *const STUMBLE_NAMES[STUMBLE_WAYS] = { "memory", "the store", "reading" };

/* For n: not the n-th, but the first one in a place where none of this program has failed. In this
 * way the rest of the port (keys, random bytes) counts to the store. */
#define STUMBLE_IN_NEW_PLACE 0u

/* A call of the port comes through the port's caller, the book's, the one who reads or writes. */
#define STUMBLE_CALLS 6u

/* Stands between a phone and its port: one call fails. */
static struct {
    sotay_port real;
    stumble_way how;
    uint64_t left;
    bool wants_new_place, has_failed;
} stumble;

static inline bool stumble_fails(stumble_way how)
{
    if (stumble.has_failed || stumble.how != how)
        return false;
    if (stumble.wants_new_place)
        stumble.has_failed = failing_is_new_place(STUMBLE_CALLS);
    else
        stumble.has_failed = stumble.left > 0 && --stumble.left == 0;
    return stumble.has_failed;
}

static inline int stumble_get(void *context, sotay_slice key, sotay_slice *out_value,
                              sotay_error *error)
{
    if (stumble_fails(STUMBLE_READING))
        return SOTAY_E_STORAGE;
    return stumble.real.get(context, key, out_value, error);
}

static inline int stumble_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                               sotay_slice *out_value, sotay_error *error)
{
    if (stumble_fails(STUMBLE_READING))
        return SOTAY_E_STORAGE;
    return stumble.real.seek(context, key, forward, out_key, out_value, error);
}

/* The port in memory fails itself, so that what it staged is as after a real failure. */
static inline int stumble_begin(void *context, bool write, sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        sotay_memory_fail(&stumble.real, 1);
    return stumble.real.begin(context, write, error);
}

static inline int stumble_put(void *context, sotay_slice key, sotay_slice value,
                              sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        sotay_memory_fail(&stumble.real, 1);
    return stumble.real.put(context, key, value, error);
}

static inline int stumble_commit(void *context, sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        sotay_memory_fail(&stumble.real, 1);
    return stumble.real.commit(context, error);
}

static inline int stumble_random(void *context, void *data, size_t len, sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        return SOTAY_E_STORAGE;
    return stumble.real.random(context, data, len, error);
}

static inline int stumble_secret(void *context, bool create, uint8_t out_secret[32],
                                 sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        return SOTAY_E_STORAGE;
    return stumble.real.secret(context, create, out_secret, error);
}

static inline int stumble_sign(void *context, const uint8_t public_key[32], sotay_slice data,
                               uint8_t out_signature[64], sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        return SOTAY_E_STORAGE;
    return stumble.real.sign(context, public_key, data, out_signature, error);
}

static inline int stumble_key(void *context, bool fresh, uint8_t out_public[32],
                              sotay_error *error)
{
    if (stumble_fails(STUMBLE_STORE))
        return SOTAY_E_STORAGE;
    return stumble.real.key(context, fresh, out_public, error);
}

static inline void stumble_stand_between(phone *p)
{
    p->port.get = stumble_get;
    p->port.seek = stumble_seek;
    if (!stumble.wants_new_place)
        return;
    p->port.begin = stumble_begin;
    p->port.put = stumble_put;
    p->port.commit = stumble_commit;
    p->port.random = stumble_random;
    p->port.secret = stumble_secret;
    if (stumble.real.sign != NULL) { /* else the library keeps the keys */
        p->port.sign = stumble_sign;
        p->port.key = stumble_key;
    }
}

/* From now on the n-th fails, once. */
static inline void stumble_arm(stumble_way how, phone *p, uint64_t n)
{
    stumble.real = p->port;
    stumble.how = how;
    stumble.left = n;
    stumble.wants_new_place = n == STUMBLE_IN_NEW_PLACE;
    stumble.has_failed = false;
    if (how != STUMBLE_MEMORY)
        stumble_stand_between(p);
    if (how == STUMBLE_MEMORY && stumble.wants_new_place)
        failing_begin_in_new_place();
    else if (how == STUMBLE_MEMORY)
        failing_begin(n);
    else if (how == STUMBLE_STORE && !stumble.wants_new_place)
        sotay_memory_fail(&p->port, n);
}

/* All is well again. True when a piece was refused, or a call failed that reads, or any in a new
 * place. */
static inline bool stumble_disarm(phone *p)
{
    bool refused = failing_end();
    sotay_memory_fail(&p->port, 0);
    p->port.begin = stumble.real.begin;
    p->port.get = stumble.real.get;
    p->port.put = stumble.real.put;
    p->port.seek = stumble.real.seek;
    p->port.commit = stumble.real.commit;
    p->port.random = stumble.real.random;
    p->port.secret = stumble.real.secret;
    p->port.sign = stumble.real.sign;
    p->port.key = stumble.real.key;
    return refused || stumble.has_failed;
}

/* So many places are tried one by one, then fewer and fewer; PATIENCE=100000 tries them all. */
static inline uint64_t stumble_patience(uint64_t usual)
{
    const char *wish = getenv("PATIENCE");
    uint64_t wanted = wish == NULL ? 0 : strtoull(wish, NULL, 10);
    /* Less than the usual it is for sweeps that try more places than these do. */
    return wanted > usual * 8 + 8 ? wanted : usual;
}

/* Whether each place gets its turn as well: not where PATIENCE asks for few. */
static inline bool stumble_tries_places(void)
{
    const char *wish = getenv("PATIENCE");
    return wish == NULL || strtoull(wish, NULL, 10) > 8;
}

/* Whether places are told apart at all: on armhf no backtrace names the callers, and every call is
 * in one place. */
#ifdef __arm__
#define STUMBLE_HAS_PLACES false
#else
#define STUMBLE_HAS_PLACES true
#endif

/* With a server of its own in the program each try takes long: only when there is time for it. */
static inline bool stumble_has_time(void)
{
    return getenv("EACH_PLACE") != NULL || (getenv("TEST_LONG") != NULL && stumble_tries_places());
}

/* What a call may answer that stumbled. */
static inline bool stumble_may(int rc)
{
    return rc == SOTAY_E_MEMORY || rc == SOTAY_E_STORAGE || rc == SOTAY_E_TOO_LARGE;
}

/* A painter whose picture is always the same, so that its memory is part of the sweep. */
static inline int paint_same(void *context, const sotay_picture_ask *ask, sotay_picture *out,
                             sotay_error *error)
{
    static const char JPEG[] = "\xff\xd8 a picture of some points";
    (void)context;
    (void)error;
    out->data = malloc(sizeof JPEG);
    if (out->data == NULL)
        return SOTAY_E_MEMORY;
    memcpy(out->data, JPEG, sizeof JPEG);
    out->len = sizeof JPEG;
    out->width = ask->longest;
    out->height = 20;
    return SOTAY_OK;
}

#endif
