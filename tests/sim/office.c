/* tests/sim/office.c - what the office does with sotayctl, and who may read what. Promises that the
 * world's own note of who may read a unit follows what sotayctl said it did. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "key": behind `at`, a text or a number. NULL: no such key. */
static const char *take(const char *at, const char *key, char *out, size_t out_bytes)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = at == NULL ? NULL : strstr(at, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    at += *at == '"';
    size_t len = strcspn(at, "\",}");
    if (len >= out_bytes)
        return NULL;
    memcpy(out, at, len);
    out[len] = '\0';
    return at;
}

static void say_code(sim_world *w, int code)
{
    sim_say(w, ": exit %d%s%.*s", code, code == 0 || code < 0 ? "" : " ",
            code <= 0 || w->err.len < 2 ? 0 : (int)w->err.len - 2,
            w->err.data == NULL ? "" : (const char *)w->err.data);
}

bool sim_enrol_again(sim_world *w, sim_phone *p, uint32_t permille)
{
    sotay_who before, after;
    char *json = NULL;
    sotay_whoami(p->client, &before);
    if (sotay_status(p->client, SOTAY_JSON, &json, NULL) == SOTAY_OK) {
        if (before.is_enrolled && strstr(json, "\"ready\":0,") == NULL)
            sim_count(w, SIM_REPLAYED);
        sotay_text_free(json);
    }
    if (SIM_CTL(w, "enrol", SIM_LOGINS[p->person]) != 0)
        return false;
    char *link = strstr((char *)w->out.data, "http");
    if (link == NULL)
        sim_fail(w, "enrol gave no link");
    link[strcspn(link, "\n")] = '\0';
    if (!sim_sync_start(w, p, link, permille))
        return false;
    if (permille > 0)
        return true;
    while (p->exists && p->sync != NULL)
        sim_net_run(w, w->now_ms + 1000);
    sotay_whoami(p->client, &after);
    return memcmp(before.device.b, after.device.b, sizeof before.device.b) != 0 &&
           after.is_enrolled && !after.is_copied;
}

void sim_do_enrol(sim_world *w, sim_phone *p, sim_random *r)
{
    bool is_copied = sim_phone_is_copied(p);
    if (!is_copied && !sim_chance(r, 100))
        return;
    if (is_copied && !p->is_branch)
        sim_fail(w, "phone %u is called a copy, and nobody ever copied its store",
                 sim_phone_no(w, p));
    sim_say(w, "%s", is_copied ? " (a copy)" : "");
    if (is_copied)
        sim_count(w, SIM_ENROLLED_AGAIN);
    (void)sim_enrol_again(w, p, w->plan->trouble_permille + 1);
}

/* ---- units ---- */

void sim_set_reads(sim_world *w, uint32_t person, uint32_t unit, bool reads)
{
    w->may_read[person][unit] = reads;
}

static void move_unit(sim_world *w, sim_random *r, const char *verb, bool gives)
{
    uint32_t person = sim_pick(r, SIM_PEOPLE), unit = sim_pick(r, SIM_UNITS);
    if (w->may_read[person][unit] == gives)
        return;
    int code = SIM_CTL(w, verb, SIM_LOGINS[person], SIM_UNIT_NAMES[unit]);
    sim_say(w, " %s unit %u", SIM_LOGINS[person], unit);
    say_code(w, code);
    if (code == 0) {
        sim_set_reads(w, person, unit, gives);
        sim_count(w, gives ? SIM_SCOPE_GIVEN : SIM_SCOPE_LOST);
    } else {
        w->is_scope_unsure = true; /* killed or a broken disk: it may be done */
    }
}

void sim_do_assign(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    move_unit(w, r, "assign", true);
}

void sim_do_unassign(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    move_unit(w, r, "unassign", false);
}

/* ---- devices ---- */

void sim_do_revoke(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_who who;
    char hex[33];
    (void)r;
    sotay_whoami(p->client, &who);
    sotay_id_format(&who.device, hex);
    int code = SIM_CTL(w, "device", "revoke", hex);
    say_code(w, code);
    if (code != 0 || w->revoked_count == SIM_REVOKED_MAX)
        return;
    sim_revoked *revoked = &w->revoked[w->revoked_count++];
    memcpy(revoked->device.b, who.device.b, sizeof revoked->device.b);
    revoked->index = w->leaves_count;
}

static void suspend(sim_world *w, sim_phone *p, bool lifts)
{
    sotay_who who;
    char hex[33];
    sotay_whoami(p->client, &who);
    sotay_id_format(&who.device, hex);
    int code = lifts ? SIM_CTL(w, "device", "suspend", hex, "--lift")
                     : SIM_CTL(w, "device", "suspend", hex);
    if (code == 0)
        sim_say(w, " (phone %u)", sim_phone_no(w, p));
}

void sim_do_suspend(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)r;
    suspend(w, p, false);
}

/* A new phone reads its first records, or somebody fetches a file, and is suspended meanwhile. */
void sim_do_suspend_midway(sim_world *w, sim_phone *p, sim_random *r)
{
    if (sim_chance(r, 500))
        sim_do_newcomer(w, p, r);
    else
        sim_do_want(w, p, r);
    size_t at = w->phones_count;
    while (at > 0 && (!w->phones[at - 1].exists || w->phones[at - 1].sync == NULL))
        at--;
    if (at == 0)
        return;
    sim_phone *reader = &w->phones[at - 1];
    int64_t until_ms = w->now_ms + sim_between(r, 100, 3000);
    while (reader->exists && reader->sync != NULL && !reader->at_pieces && w->now_ms < until_ms)
        sim_pass(w, 50);
    if (!reader->exists || reader->sync == NULL)
        return;
    sim_count(w, SIM_SUSPENDED_MIDWAY);
    suspend(w, reader, false);
}

void sim_do_lift(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    (void)r;
    for (size_t i = 0; i < w->phones_count; i++)
        if (w->phones[i].exists)
            suspend(w, &w->phones[i], true);
}

/* ---- decisions ---- */

void sim_do_decide(sim_world *w, sim_phone *p, sim_random *r)
{
    char n[24] = "";
    (void)p;
    if (SIM_CTL(w, "held", "--json") != 0)
        return;
    const char *at = strstr(SIM_OUT(w), "[");
    for (uint32_t skip = sim_pick(r, 4) + 1; skip > 0 && at != NULL; skip--)
        at = take(at, "n", n, sizeof n);
    if (n[0] == '\0')
        return;
    bool accepts = sim_chance(r, 600);
    int code = SIM_CTL(w, "held", accepts ? "accept" : "decline", n, "--as", "office", "--reason",
                       "đã hỏi");
    sim_say(w, " %s %s", accepts ? "accept" : "decline", n);
    say_code(w, code);
}

/* The id of one of the records, as the server may know it. */
static bool pick_id(sim_world *w, sim_random *r, char hex[33])
{
    if (w->records_count == 0)
        return false;
    const sim_record *record = &w->records[sim_pick(r, (uint32_t)w->records_count)];
    sotay_id_format(&record->id, hex);
    sim_say(w, " r%u", (uint32_t)(record - w->records));
    return true;
}

void sim_do_office_set(sim_world *w, sim_phone *p, sim_random *r)
{
    static const char *const PAIRS[] = { "ratings.m1.accepted_rating=dat",
                                         "ratings.m1.accepted_rating=vuot",
                                         "planned_date=2026-04-01", "ratings.m2.accepted_score=5" };
    char hex[33];
    (void)p;
    if (!pick_id(w, r, hex))
        return;
    const char *pair = PAIRS[sim_pick(r, 4)];
    sim_say(w, " %s", pair);
    say_code(w, SIM_CTL(w, "set", hex, pair, "--as", "office", "--reason", "theo hồ sơ"));
}

void sim_do_office_resolve(sim_world *w, sim_phone *p, sim_random *r)
{
    char id[40] = "", path[128] = "", dot[80] = "";
    (void)p;
    if (SIM_CTL(w, "conflicts", "--json") != 0)
        return;
    const char *at = SIM_OUT(w);
    for (uint32_t skip = sim_pick(r, 3) + 1; skip > 0 && at != NULL; skip--) {
        const char *next = take(at, "id", id, sizeof id);
        next = take(next, "path", path, sizeof path);
        at = next == NULL ? NULL : take(next, "dot", dot, sizeof dot);
    }
    if (dot[0] == '\0')
        return;
    int code = SIM_CTL(w, "resolve", id, path, "--keep", dot, "--as", "office", "--reason",
                       "theo biên bản");
    sim_say(w, " %.8s %s keep %s", id, path, dot);
    say_code(w, code);
    if (code == 0)
        sim_count(w, SIM_RESOLVED);
}
