/* tests/sim/gaps.c - phones that lose a set nobody else has, and what the office is told of it.
 * Promises that each change that a device made and nobody brought stands in `audit list gaps`, and
 * nothing else does: as gone when the phone that made it can still say so. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/client.h"
#include "client-lib/src/outbox.h"
#include "tests/sim/model.h"

/* ---- a set that is lost ---- */

/* Seals what there is; the request that would bring it is never sent. */
static bool seal(sim_world *w, sim_phone *p)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    sotay_error error = { 0 };
    if (sotay_sync_begin(p->client, &sync, &error) != SOTAY_OK)
        return false;
    int rc = sotay_sync_next(sync, &request, &error);
    while (rc == SOTAY_PENDING) {
        rc = sim_settle(w, p, rc);
        if (rc == SOTAY_OK)
            rc = sotay_sync_next(sync, &request, &error);
    }
    sotay_sync_free(sync);
    return rc == SOTAY_OK;
}

static st_err forget_set(sotay_client *client, const st_dot *dot, const st_id *record)
{
    book_key own = book_key_counter(BOOK_OWN, &dot->device, dot->counter);
    book_key set = book_key_counter(BOOK_SET, &dot->device, dot->counter);
    st_err err = client_begin(client, true, NULL);
    if (err == ST_OK)
        err = book_delete(&client->book, &own, NULL);
    if (err == ST_OK)
        err = book_delete(&client->book, &set, NULL);
    if (err == ST_OK)
        err = overlay_delete(&client->book, record, dot, NULL);
    if (err == ST_OK)
        err = overlay_row_refresh(client, record, NULL);
    if (err == ST_OK)
        return client_commit(client, NULL);
    client_abort(client);
    return err;
}

/* A record alone in its set, and that set is lost with everything that shows it: as if a page of
 * the store could not be read any more. The phone knows that it made a change, and not which. */
static bool lose(sim_world *w, sim_phone *p, const sotay_id *made)
{
    st_id record;
    uint64_t before = p->client->me.sealed;
    memcpy(record.b, made->b, sizeof record.b);
    if (!seal(w, p) || p->client->me.sealed != before + 1)
        return false;
    st_dot dot = { p->client->me.device, before + 1 };
    if (sim_settle(w, p, (int)forget_set(p->client, &dot, &record)) != SOTAY_OK)
        return false;
    sim_count(w, SIM_SET_LOST);
    sim_say(w, ", change %llu is lost", (unsigned long long)dot.counter);
    return true;
}

static void make_and_lose(sim_world *w, sim_phone *p)
{
    char place[16];
    sotay_error error = { 0 };
    uint32_t mark = sim_mark_new(w, place);
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
    const sotay_pairs pairs = { list, 2 };
    sim_record *record = &w->records[w->records_count];
    int rc =
        sotay_record_new(p->client, "visit", SIM_UNIT_NAMES[0], pairs, &record->id, &error);
    rc = sim_done(w, p, rc, &error);
    if (rc != SOTAY_OK || lose(w, p, &record->id))
        return;
    sim_mark_keep(w, p, mark); /* it is a record like others */
    record->unit = 0;
    record->maker = sim_phone_no(w, p);
    w->records_count++;
}

void sim_do_lose_set(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_phone_ready(w, p);
    if (p->is_branch || sim_phone_is_copied(p) || w->records_count + 1 >= SIM_RECORDS_MAX)
        return;
    uint32_t die_in = p->tap->die_in, fail_in = p->tap->fail_in;
    p->tap->die_in = p->tap->fail_in = p->tap->full_in = 0;
    if (seal(w, p))
        make_and_lose(w, p);
    p->tap->die_in = die_in;
    p->tap->fail_in = fail_in;
    sim_do_new_record(w, p, r); /* which shows that there was one before it */
}

/* ---- at rest ---- */

typedef struct {
    bool is_gone; /* else nobody said so yet */
    st_id device;
    uint64_t first, last;
} listed;

/* The next line of the list that names a gap; NULL: there is none. */
static const char *next_listed(const char *at, listed *out)
{
    static const char WHAT[] = "\"what\":\"", DEVICE[] = "\"device\":\"";
    static const char FIRST[] = "\"first\":", LAST[] = "\"last\":";
    for (at = strstr(at, WHAT); at != NULL; at = strstr(at, WHAT)) {
        char hex[33];
        at += sizeof WHAT - 1;
        out->is_gone = strncmp(at, "gone\"", 5) == 0;
        if (!out->is_gone && strncmp(at, "missing\"", 8) != 0)
            continue; /* it came after all */
        const char *device = strstr(at, DEVICE), *first = strstr(at, FIRST);
        const char *last = strstr(at, LAST);
        if (device == NULL || first == NULL || last == NULL)
            return NULL;
        (void)snprintf(hex, sizeof hex, "%.32s", device + sizeof DEVICE - 1);
        out->first = strtoull(first + sizeof FIRST - 1, NULL, 10);
        out->last = strtoull(last + sizeof LAST - 1, NULL, 10);
        return st_id_parse(hex, &out->device) ? at : NULL;
    }
    return NULL;
}

static bool is_listed(const char *list, const st_dot *dot)
{
    listed gap;
    for (const char *at = list; (at = next_listed(at, &gap)) != NULL;)
        if (st_id_cmp(&gap.device, &dot->device) == 0 && dot->counter >= gap.first &&
            dot->counter <= gap.last)
            return true;
    return false;
}

/* Of one device, whose first change in the log is the `from`-th: how many before its last the log
 * has not. Each has to be listed. *out_next: the first change of the next device. */
static uint64_t check_device(sim_world *w, const model *m, const char *list, size_t from,
                             size_t *out_next)
{
    uint64_t missing = 0;
    st_dot want = { m->changes[from].change->dot.device, 1 };
    for (*out_next = from; *out_next < m->count; (*out_next)++) {
        const st_dot *is = &m->changes[*out_next].change->dot;
        if (st_id_cmp(&is->device, &want.device) != 0)
            break;
        for (; want.counter < is->counter; want.counter++, missing++)
            if (!is_listed(list, &want))
                sim_fail(w, "change %llu of a device is missing and no gap is listed",
                         (unsigned long long)want.counter);
        want.counter = is->counter + 1;
    }
    return missing;
}

/* Who made the changes and may ask has been asked for them, and says that they are gone. */
static void check_said(sim_world *w, store_txn *txn, const listed *gap)
{
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (p->exists && !p->is_branch && !sim_is_closed(txn, p) &&
            st_id_cmp(&p->client->me.device, &gap->device) == 0)
            sim_fail(w, "phone %zu still owes an answer about its changes %llu to %llu", i,
                     (unsigned long long)gap->first, (unsigned long long)gap->last);
    }
}

void sim_check_gaps(sim_world *w, store_txn *txn, const model *m)
{
    uint64_t missing = 0, told = 0;
    listed gap;
    if (SIM_CTL(w, "audit", "list", "gaps", "--json") != 0)
        sim_fail(w, "gaps cannot be listed");
    for (size_t at = 0; at < m->count;)
        missing += check_device(w, m, SIM_OUT(w), at, &at);
    for (const char *at = SIM_OUT(w); (at = next_listed(at, &gap)) != NULL;) {
        told += gap.last - gap.first + 1;
        if (!gap.is_gone)
            check_said(w, txn, &gap);
    }
    if (told != missing)
        sim_fail(w, "%llu changes are missing, %llu are listed", (unsigned long long)missing,
                 (unsigned long long)told);
    w->report->counters[SIM_GAP_NOTED] += m->gaps;
}
