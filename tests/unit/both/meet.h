/* tests/unit/both/meet.h - two phones that meet, over a line with its troubles. */
#ifndef SOTAY_TESTS_MEET_H
#define SOTAY_TESTS_MEET_H

#include "tests/unit/both/world.h"

#define MEET_CALLS_MAX 64u

/* ---- a line between two phones, in memory ---- */

typedef struct {
    size_t calls_max; /* so many pieces go over the line, then it breaks; SIZE_MAX: never */
    size_t half;      /* of the last one only so many bytes */
    size_t flip_call; /* in this piece one bit is turned; SIZE_MAX: none */
    size_t flip_bit;
} trouble;

static const trouble NONE = { SIZE_MAX, SIZE_MAX, SIZE_MAX, 0 };

typedef struct {
    size_t calls, bytes[MEET_CALLS_MAX];
    int codes[2]; /* of the one who serves, and the one who fetches */
    sotay_carry_report reports[2];
} outcome;

/* What has to be sent now; a port that answers later is waited for. */
static inline int next_of(phone *p, sotay_carry *carry, sotay_slice *out, bool *out_done)
{
    int rc = sotay_carry_next(carry, out, out_done, &p->error);
    while (rc == SOTAY_PENDING) {
        rc = sotay_memory_settle(&p->port, p->client, SOTAY_OK, &p->error);
        if (rc == SOTAY_OK || rc == SOTAY_PENDING)
            rc = sotay_carry_next(carry, out, out_done, &p->error);
    }
    return rc;
}

/* One piece over the line, with its trouble; false: the line is broken. */
static inline bool pass_on(sotay_slice bytes, const trouble *t, outcome *o, sotay_carry *to,
                           phone *p, int *out_code)
{
    size_t call = o->calls++;
    size_t len = bytes.len;
    assert_true(call < MEET_CALLS_MAX);
    o->bytes[call] = len;
    if (call > t->calls_max)
        return false;
    bool breaks = call == t->calls_max;
    if (breaks && t->half < len)
        len = t->half;
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes.data, len);
    if (call == t->flip_call && len > 0)
        copy[t->flip_bit / 8 % len] ^= (uint8_t)(1u << t->flip_bit % 8);
    for (size_t at = 0; at < len && *out_code == SOTAY_OK; at += 999) {
        size_t some = len - at < 999 ? len - at : 999;
        *out_code = sotay_carry_feed(to, copy + at, some, &p->error);
    }
    free(copy);
    return !breaks;
}

static inline outcome meet(phone *serves, phone *fetches, trouble t)
{
    phone *const WHO[2] = { serves, fetches };
    sotay_carry *carry[2] = { NULL, NULL };
    bool done[2] = { false, false }, whole = true;
    unsigned silent = 0; /* turns in which nobody had anything to say: both would wait for ever */
    outcome o;
    memset(&o, 0, sizeof o);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sotay_carry_begin(WHO[i]->client, i == 1, &carry[i], NULL), SOTAY_OK);
    for (size_t turn = 1; whole && silent < 4 && !(done[0] && done[1]); turn = 1 - turn) {
        sotay_slice bytes = { NULL, 0 };
        silent++;
        if (done[turn])
            continue;
        o.codes[turn] = next_of(WHO[turn], carry[turn], &bytes, &done[turn]);
        whole = o.codes[turn] == SOTAY_OK;
        if (whole && bytes.len > 0)
            silent = 0;
        if (whole && bytes.len > 0)
            whole = pass_on(bytes, &t, &o, carry[1 - turn], WHO[1 - turn], &o.codes[1 - turn]) &&
                    o.codes[1 - turn] == SOTAY_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        sotay_carry_report_get(carry[i], &o.reports[i]);
        sotay_carry_free(carry[i]);
    }
    return o;
}

static inline void meet_well(phone *serves, phone *fetches)
{
    outcome o = meet(serves, fetches, NONE);
    for (size_t i = 0; i < 2; i++) {
        if (o.codes[i] != SOTAY_OK)
            print_message("  %s: %s\n", i == 0 ? "serves" : "fetches",
                          (i == 0 ? serves : fetches)->error.detail);
        assert_int_equal(o.codes[i], SOTAY_OK);
        assert_true(o.reports[i].done && !o.reports[i].more);
    }
    assert_string_equal(o.reports[0].code, o.reports[1].code);
    assert_int_equal(strlen(o.reports[0].code), 7);
}

#endif
