/* tests/unit/client-lib/meeting.h - two phones that meet; the line between them is memory. One of
 * them may be tormented meanwhile: the other's half is then done while `pause` says so. */
#ifndef SOTAY_TESTS_MEETING_H
#define SOTAY_TESTS_MEETING_H

#include "tests/unit/client-lib/phone.h"

#define MEETING_TURNS_MAX 40
#define MEETING_BYTES_MAX ((size_t)1 << 20)

typedef struct {
    phone *who[2];             /* the one who serves, the one who fetches */
    phone *looked_at;          /* whose calls may fail; NULL: neither's */
    void (*pause)(bool);       /* NULL: nothing to pause */
    sotay_carry *carry[2];
    bool done[2];
    sotay_carry_report reports[2];
} meeting;

static inline void meeting_pause(const meeting *m, size_t half, bool paused)
{
    if (m->pause != NULL && m->who[half] != m->looked_at)
        m->pause(paused);
}

/* Only what is looked at may fail. */
static inline int meeting_heed(const meeting *m, size_t half, int rc)
{
    if (rc != SOTAY_OK && m->who[half] != m->looked_at)
        fail_msg("meeting: the other one says %s: %s", sotay_code_name((sotay_code)rc),
                 m->who[half]->error.detail);
    return rc;
}

/* It hears all that was said, as much at once as a phone may; only at the end it has an answer. */
static inline int meeting_hear(meeting *m, size_t half, sotay_slice bytes)
{
    int rc = SOTAY_OK;
    meeting_pause(m, half, true);
    for (size_t at = 0; rc == SOTAY_OK && at < bytes.len; at += MEETING_BYTES_MAX) {
        bool is_rest = bytes.len - at <= MEETING_BYTES_MAX;
        size_t len = is_rest ? bytes.len - at : MEETING_BYTES_MAX;
        sotay_slice said = { NULL, 0 };
        rc = sotay_carry_feed(m->carry[half], (const uint8_t *)bytes.data + at, len,
                              &m->who[half]->error);
        if (rc == SOTAY_OK && !is_rest)
            rc = sotay_carry_next(m->carry[half], &said, &m->done[half], &m->who[half]->error);
        assert_int_equal(said.len, 0);
    }
    meeting_pause(m, half, false);
    return meeting_heed(m, half, rc);
}

/* One says what it has to say, the other hears it. */
static inline int meeting_step(meeting *m, size_t half)
{
    sotay_slice bytes = { NULL, 0 };
    meeting_pause(m, half, true);
    int rc = sotay_carry_next(m->carry[half], &bytes, &m->done[half], &m->who[half]->error);
    meeting_pause(m, half, false);
    if (meeting_heed(m, half, rc) != SOTAY_OK || bytes.len == 0)
        return rc;
    return meeting_hear(m, 1 - half, bytes);
}

/* From the first word to the last. Returns what the one who is looked at says. */
static inline int meeting_run(meeting *m)
{
    int rc = SOTAY_OK;
    memset(m->done, 0, sizeof m->done);
    memset(m->carry, 0, sizeof m->carry);
    for (size_t half = 0; rc == SOTAY_OK && half < 2; half++) {
        meeting_pause(m, half, true);
        rc = sotay_carry_begin(m->who[half]->client, half == 1, &m->carry[half],
                               &m->who[half]->error);
        meeting_pause(m, half, false);
        (void)meeting_heed(m, half, rc);
    }
    size_t half = 1;
    for (int turns = 0; rc == SOTAY_OK && !(m->done[0] && m->done[1]); half = 1 - half) {
        assert_true(turns++ < MEETING_TURNS_MAX);
        if (!m->done[half])
            rc = meeting_step(m, half);
    }
    for (half = 0; half < 2; half++) {
        if (m->carry[half] != NULL)
            sotay_carry_report_get(m->carry[half], &m->reports[half]);
        sotay_carry_free(m->carry[half]);
    }
    return rc;
}

#endif
