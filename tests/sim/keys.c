/* tests/sim/keys.c - keys that change: another one for the log, and one of its own for a copy of a
 * phone, once the office has looked. Promises that every phone that may ask follows the key of the
 * log, whatever was killed or restored meanwhile; what a copy recorded is looked for at rest like
 * all else. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/client.h"
#include "server/sync/log_key.h"

/* ---- the key of the log ---- */

static void read_keys(sim_world *w, store_txn *txn, st_log_keys *out)
{
    st_error error = { 0 };
    if (sync_log_keys_read(txn, &w->rooms.sync, out, &error) != ST_OK)
        sim_fail(w, "the keys of the log cannot be read: %s", error.detail);
}

void sim_do_log_key(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    (void)r;
    int code = SIM_CTL(w, "log-key", "new", "--as", "office", "--second", "head", "--reason",
                       "người giữ khóa nghỉ việc");
    sim_say(w, ": exit %d", code);
    if (code != 0)
        return;
    w->log_keys = w->disk.side_log_keys.count;
    sim_count(w, SIM_LOG_KEY);
}

void sim_check_log_keys(sim_world *w, store_txn *txn)
{
    st_log_keys keys;
    read_keys(w, txn, &keys);
    if (keys.count < w->log_keys)
        sim_fail(w, "the log has %llu other keys, %llu were made",
                 (unsigned long long)keys.count, (unsigned long long)w->log_keys);
    for (size_t i = 0; keys.count > 0 && i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (!p->exists || sim_is_closed(txn, p))
            continue;
        const identity *me = &p->client->me;
        if (me->log_keys != keys.count ||
            memcmp(me->log_key, st_log_keys_at(&keys, keys.count), sizeof me->log_key) != 0)
            sim_fail(w, "phone %zu holds key %llu of the log, the office has %llu", i,
                     (unsigned long long)me->log_keys, (unsigned long long)keys.count);
        sim_count(w, SIM_LOG_KEY_HEARD);
    }
}

/* ---- copies ---- */

/* The copy of the phone that is made now; NULL: there is no room for one. */
static sim_phone *clone_of(sim_world *w, sim_phone *p, sim_random *r)
{
    bool was_there[PLAN_CLONES_MAX];
    sim_phone *spare = &w->phones[w->plan->phones];
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        was_there[i] = spare[i].exists;
    sim_do_clone(w, p, r);
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        if (spare[i].exists && !was_there[i])
            return &spare[i];
    return NULL;
}

static void records(sim_world *w, sim_phone *p, sim_random *r)
{
    if (sim_chance(r, 400))
        sim_do_new_record(w, p, r);
    else
        sim_do_set(w, p, r);
    sim_phone_look(w, p);
}

/* Both go on recording, and both sync: the copy asks for a key of its own. */
void sim_do_copy(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_phone *twin = clone_of(w, p, r);
    if (twin == NULL)
        return;
    records(w, p, r);
    records(w, twin, r);
    sim_sync_whole(w, p, w->plan->trouble_permille);
    sim_phone_look(w, p);
    for (uint32_t n = 1 + sim_pick(r, 3); n > 0 && twin->exists; n--) {
        sim_sync_whole(w, twin, w->plan->trouble_permille);
        sim_phone_look(w, twin);
    }
}

/* One that asks: the office compares fingerprints, or was not asked by the person. */
static bool decide(sim_world *w, const char *device, bool confirms)
{
    int code = confirms ? SIM_CTL(w, "device", "confirm", device, "--as", "office")
                        : SIM_CTL(w, "device", "decline", device, "--as", "office", "--reason",
                                  "chưa gặp người cầm máy");
    sim_say(w, " %s %.8s: exit %d", confirms ? "confirm" : "decline", device, code);
    if (code == 0 && !confirms)
        sim_count(w, SIM_HEIR_DECLINED);
    return code == 0;
}

/* Goes through the list of copies that ask. r NULL: all are confirmed. Returns how many were. */
static uint32_t decide_all(sim_world *w, sim_random *r)
{
    static const char BEGINS[] = "\"copies\":[", ONE[] = "{\"device\":\"";
    uint32_t confirmed = 0;
    if (SIM_CTL(w, "device", "list", "--json") != 0)
        return 0;
    const char *from = strstr(SIM_OUT(w), BEGINS);
    if (from == NULL)
        sim_fail(w, "the office does not list copies");
    char *list = sim_must(strndup(from, strcspn(from + sizeof BEGINS - 1, "]") + sizeof BEGINS));
    for (const char *at = list; (at = strstr(at, ONE)) != NULL;) {
        char device[33];
        at += sizeof ONE - 1;
        (void)snprintf(device, sizeof device, "%.32s", at);
        sim_count(w, SIM_HEIR_ASKED);
        bool confirms = r == NULL || sim_chance(r, 700);
        confirmed += decide(w, device, confirms) && confirms;
    }
    free(list);
    return confirmed;
}

uint32_t sim_heirs_confirm(sim_world *w)
{
    return decide_all(w, NULL);
}

void sim_do_heirs(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    (void)decide_all(w, r);
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *q = &w->phones[i];
        if (!q->exists || !sim_phone_is_copied(q) || !sim_chance(r, 700))
            continue;
        (void)sim_sync_start(w, q, NULL, w->plan->trouble_permille);
        sim_phone_look(w, q);
    }
}
