/* client-lib/src/limit.c - what a sync may cost, what it did so far, and what an answer that is
 * none says of the line.
 * Promises: a budget ends a sync in order, between two requests; what is used up is counted over
 * all attempts.
 * Never: keeps a sync from its first request. */
#include <string.h>

#include "client-lib/src/exchange.h"
#include "client-lib/src/line.h"

/* After a line broke; a quarter each time it does again. */
#define SETS_FIRST ((size_t)256 * 1024)
#define SETS_LEAST ((size_t)16 * 1024)
#define ROUND_LEAST 1024u        /* a request and its answer are hardly smaller */
#define PIECE_LEAST (17u * 1024u) /* with one piece of a file in it */

void sotay_sync_limit(sotay_sync *sync, uint64_t budget_bytes, bool is_metered)
{
    sync->budget = budget_bytes;
    sync->is_metered = is_metered;
}

void sotay_sync_continue(sotay_sync *sync, const sotay_report *before)
{
    sync->before = *before;
}

static uint64_t used(const sotay_sync *sync)
{
    return sync->before.bytes_up + sync->before.bytes_down + sync->report.bytes_up +
           sync->report.bytes_down;
}

uint64_t limit_left(const sotay_sync *sync)
{
    uint64_t bytes = used(sync);
    if (sync->budget == 0)
        return UINT64_MAX;
    return bytes < sync->budget ? sync->budget - bytes : 0;
}

size_t limit_bytes(const sotay_sync *sync, size_t most)
{
    uint64_t left = limit_left(sync);
    if (left >= most)
        return most;
    return left > 0 ? (size_t)left : 1;
}

/* Only what a smaller request might have survived counts. */
st_err limit_begin(sotay_sync *sync, st_error *error)
{
    sotay_line line;
    st_err err = line_read(sync->client, &line, error);
    sync->sets_bytes = SIZE_MAX;
    if (err != ST_OK || line.failures == 0 ||
        (line.why != SOTAY_WHY_CUT && line.why != SOTAY_WHY_SEND && line.why != SOTAY_WHY_ANSWER))
        return err;
    sync->sets_bytes = SETS_FIRST;
    for (uint64_t i = 1; i < line.failures && sync->sets_bytes > SETS_LEAST; i++)
        sync->sets_bytes /= 4;
    return ST_OK;
}

size_t limit_sets(const sotay_sync *sync, size_t most)
{
    return limit_bytes(sync, sync->sets_bytes < most ? sync->sets_bytes : most);
}

void limit_seal(sotay_sync *sync)
{
    size_t bytes = limit_sets(sync, OUTBOX_RUN_BYTES);
    sync->seal.bytes_max = bytes > SETS_LEAST ? bytes : SETS_LEAST;
}

void limit_grow(sotay_sync *sync)
{
    if (sync->sets_bytes < SIZE_MAX / 2)
        sync->sets_bytes *= 2;
}

bool sotay_sync_is_spent(const sotay_sync *sync)
{
    return limit_left(sync) == 0;
}

void limit_end(sotay_sync *sync, bool *again)
{
    bool has_pieces = sync->lane.phase == ATTACH_PUT || sync->lane.phase == ATTACH_FETCH;
    uint64_t least = has_pieces ? PIECE_LEAST : ROUND_LEAST;
    if (*again && limit_left(sync) < least)
        sync->report.is_spent = true;
    if (!sync->report.is_spent)
        return;
    *again = false;
    sync->report.complete = false;
}

/* ---- what an answer says of the line ---- */

/* A refusal of the server has a frame of ours, which was read before: this is a redirect, or a door
 * that wants a login. 400 and 413 the server too may say before it has read a request. */
static bool is_of_somebody_between(int status)
{
    return (status >= 300 && status < 500 && status != 400 && status != 413) || status == 511;
}

st_err limit_status(sotay_sync *sync, int status, st_error *error)
{
    sync->why = SOTAY_WHY_REFUSED;
    if (status == 0) {
        sync->why = SOTAY_WHY_CUT;
        return st_fail(error, ST_E_NETWORK, "sync: the connection broke");
    }
    if (status == 503 || status == 429 || status == 502 || status == 504) {
        sync->why = status == 503 || status == 429 ? SOTAY_WHY_BUSY : SOTAY_WHY_GATEWAY;
        return st_fail(error, ST_E_NETWORK, "sync: the server is not ready (%d)", status);
    }
    if (is_of_somebody_between(status)) {
        sync->why = SOTAY_WHY_GATEWAY;
        return st_fail(error, ST_E_NETWORK, "sync: this is not the server that answers (%d)",
                       status);
    }
    if (status >= 500)
        return st_fail(error, ST_E_SERVER, "sync: the server failed (%d)", status);
    return st_fail(error, ST_E_SERVER, "sync: the server answered %d", status);
}

st_err limit_refusal(sotay_sync *sync, st_error *error)
{
    const st_refusal *refusal = &sync->refusal;
    st_err code = refusal->code;
    sync->why = SOTAY_WHY_REFUSED;
    if (refusal->later_s > sync->report.later_s)
        sync->report.later_s = refusal->later_s;
    /* of this store they would say that another program has it, or that its own disk is full */
    if (code == ST_E_BUSY || code == ST_E_STORAGE) {
        sync->why = code == ST_E_BUSY ? SOTAY_WHY_BUSY : SOTAY_WHY_REFUSED;
        if (code == ST_E_BUSY && refusal->why == ST_BUSY_CLOCK)
            sync->why = SOTAY_WHY_CLOCK;
        code = ST_E_NETWORK;
    }
    if (code == ST_E_MEMORY || code == ST_PENDING)
        code = ST_E_SERVER; /* its memory, not ours; a word between a program and its port */
    return st_fail(error, code, "server: %.180s", refusal->detail);
}

sotay_why sotay_sync_why(const sotay_sync *sync)
{
    if (sync->dead == ST_OK || sync->why != SOTAY_WHY_NONE)
        return sync->dead == ST_OK ? SOTAY_WHY_NONE : sync->why;
    switch (sync->dead) {
    case ST_E_NETWORK: return sync->foreign_bytes > 0 ? SOTAY_WHY_GATEWAY : SOTAY_WHY_CUT;
    case ST_E_STORAGE:
    case ST_E_FULL:
    case ST_E_MEMORY: return SOTAY_WHY_HERE;
    default: return SOTAY_WHY_REFUSED;
    }
}

/* ---- the report of all attempts ---- */

void sotay_sync_report(const sotay_sync *sync, sotay_report *out_report)
{
    const sotay_report *before = &sync->before;
    sotay_report sum = sync->report;
    sum.sent_changes += before->sent_changes;
    sum.received_changes += before->received_changes;
    sum.stored += before->stored;
    sum.duplicate += before->duplicate;
    sum.held += before->held;
    sum.later += before->later;
    sum.wanted += before->wanted;
    sum.requests += before->requests;
    sum.bytes_up += before->bytes_up;
    sum.bytes_down += before->bytes_down;
    sum.repaired_buckets += before->repaired_buckets;
    sum.attachments_sent += before->attachments_sent;
    sum.attachments_fetched += before->attachments_fetched;
    sum.needs_person = sum.needs_person || before->needs_person;
    *out_report = sum;
}
