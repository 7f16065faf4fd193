/* tests/sim/faults.c - what breaks: phones, the server's process and disk, clocks, the network.
 * Promises that what a phone lost with its store is no longer asked of anybody, and nothing else is
 * forgiven. */
#include "tests/sim/sim.h"

#include "server/sync/own_clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- phones ---- */

void sim_do_crash(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_count(w, SIM_PHONE_CRASH);
    if (sim_chance(r, 500))
        sim_phone_power(w, p);
    sim_phone_restart(w, p);
}

void sim_do_crash_inside(sim_world *w, sim_phone *p, sim_random *r)
{
    p->tap->die_in = 1 + sim_pick(r, sim_chance(r, 300) ? 400 : 40);
    p->tap->die_keeps = sim_chance(r, 500);
    p->tap->die_cuts = sim_chance(r, 500);
    sim_say(w, " at its store's call %u", p->tap->die_in);
    (void)w;
}

static void fill_store(sim_world *w, sim_phone *p, sim_random *r)
{
    p->tap->full_in = 1 + sim_pick(r, 60);
    p->tap->full_for = 1 + sim_pick(r, 40);
    sim_say(w, " no room from put %u on, for %u", p->tap->full_in, p->tap->full_for);
}

void sim_do_fail_call(sim_world *w, sim_phone *p, sim_random *r)
{
    if (plan_loses(w->plan->seed) && sim_chance(r, 400)) {
        fill_store(w, p, r);
        return;
    }
    p->tap->fail_in = 1 + sim_pick(r, sim_chance(r, 300) ? 400 : 40);
    sim_say(w, " %u of its store", p->tap->fail_in);
    sim_count(w, SIM_PHONE_IO);
}

/* The power goes: what the store may still lose then, it loses. */
void sim_do_reboot(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)r;
    sim_count(w, SIM_REBOOT);
    sim_phone_power(w, p);
    p->boot_ms = w->now_ms;
    sim_phone_restart(w, p);
}

/* A step of the wall clock: minutes, years, or right at last. */
void sim_do_clock(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_count(w, SIM_CLOCK_JUMP);
    if (sim_chance(r, 300))
        p->skew_ms = 0;
    else if (sim_chance(r, 500))
        p->skew_ms += sim_between(r, -3600, 3600) * 1000;
    else
        p->skew_ms = sim_between(r, -56, 120) * 365 * 86400 * INT64_C(1000);
    sim_say(w, " off by %lld s", (long long)(p->skew_ms / 1000));
    sim_phone_clock(w, p);
}

/* The store is copied to another device; both go on. */
void sim_do_clone(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_phone *twin = sim_phone_slot(w);
    sotay_port port;
    (void)r;
    if (twin == NULL || twin == p)
        return;
    if (sotay_memory_copy(&p->tap->inner, false, &port, NULL) != SOTAY_OK)
        abort();
    sim_count(w, SIM_CLONE);
    sim_say(w, " is now also phone %u", sim_phone_no(w, twin));
    twin->is_new_device = true;
    twin->person = p->person;
    twin->slow = p->slow;
    twin->skew_ms = p->skew_ms;
    twin->boot_ms = w->now_ms - 1000;
    twin->wall_max_ms = p->wall_max_ms;
    twin->holds = p->holds;
    twin->states = p->states;
    twin->files = p->files;
    twin->spoilt = p->spoilt;
    twin->sealed = p->sealed;
    memcpy(twin->devices, p->devices, sizeof twin->devices);
    twin->devices_count = p->devices_count;
    twin->is_branch = p->is_branch = true;
    twin->draws_anew = true;
    twin->burnt = p->burnt;
    sim_phone_open(w, twin, &port);
    sim_phone_twice(w, twin);
}

/* A copy has work on a unit that is taken from its officer before it gets a name of its own: what
 * it takes over is recorded by somebody who may not. */
void sim_do_copy_moved(sim_world *w, sim_phone *p, sim_random *r)
{
    size_t records = w->records_count;
    bool was_there[PLAN_CLONES_MAX];
    sim_phone *spare = &w->phones[w->plan->phones];
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        was_there[i] = spare[i].exists;
    sim_do_new_record(w, p, r);
    if (w->records_count == records || !w->is_up)
        return;
    uint32_t unit = w->records[records].unit;
    sim_do_clone(w, p, r);
    if (SIM_CTL(w, "unassign", SIM_LOGINS[p->person], SIM_UNIT_NAMES[unit]) != 0) {
        w->is_scope_unsure = true;
        return;
    }
    sim_set_reads(w, p->person, unit, false);
    sim_count(w, SIM_SCOPE_LOST);
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        if (spare[i].exists && !was_there[i])
            (void)sim_enrol_again(w, &spare[i], w->plan->trouble_permille + 1);
}

void sim_do_backup(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)w;
    (void)r;
    if (p->backup.context != NULL)
        sotay_port_close(&p->backup);
    if (sotay_memory_copy(&p->tap->inner, false, &p->backup, NULL) != SOTAY_OK)
        abort();
    p->backup_holds = p->holds;
    p->backup_states = p->states;
    p->backup_files = p->files;
    p->backup_spoilt = p->spoilt;
    p->backup_burnt = p->burnt;
}

/* The phone goes back to its backup, on the same device or on a new one. */
void sim_do_restore(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_port port;
    bool moved = sim_chance(r, 500);
    if (p->backup.context == NULL)
        return;
    if (sotay_memory_copy(&p->backup, false, &port, NULL) != SOTAY_OK)
        abort();
    sim_count(w, SIM_RESTORE);
    sim_say(w, "%s", moved ? " on a new device" : " on the same device");
    sotay_sync_free(p->sync);
    p->sync = NULL;
    sotay_close(p->client);
    sotay_port_close(&p->tap->inner);
    free(p->tap);
    p->holds = p->backup_holds;
    p->states = p->backup_states;
    p->files = p->backup_files;
    p->spoilt = p->backup_spoilt;
    p->burnt = p->backup_burnt;
    p->is_branch = p->draws_anew = true;
    p->is_new_device = moved;
    sim_phone_open(w, p, &port);
    sim_phone_twice(w, p);
}

void sim_do_lose(sim_world *w, sim_phone *p, sim_random *r)
{
    size_t left = 0;
    (void)r;
    for (size_t i = 0; i < w->phones_count; i++)
        left += w->phones[i].exists;
    if (left <= 2)
        return;
    sim_count(w, SIM_LOST_PHONE);
    sim_phone_close(p);
}

/* ---- the network ---- */

void sim_do_cut_off(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)r;
    sim_count(w, SIM_PARTITION);
    p->is_cut_off = true;
}

void sim_do_heal(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)w;
    (void)r;
    p->is_cut_off = false;
}

/* All are cut off one after the other, and come back in another order. */
void sim_do_swizzle(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    sim_count(w, SIM_SWIZZLE);
    for (size_t i = 0; i < w->phones_count; i++) {
        w->phones[sim_pick(r, (uint32_t)w->phones_count)].is_cut_off = true;
        sim_pass(w, sim_between(r, 0, 3000));
    }
    for (size_t i = 0; i < 2 * w->phones_count; i++) {
        sim_phone *back = &w->phones[sim_pick(r, (uint32_t)w->phones_count)];
        back->is_cut_off = false;
        if (back->exists && back->sync == NULL) {
            (void)sim_sync_start(w, back, NULL, w->plan->trouble_permille);
            sim_phone_look(w, back);
        }
        sim_pass(w, sim_between(r, 0, 3000));
    }
}

/* ---- the server ---- */

void sim_do_server_kill(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    sim_server_stop(w, sim_between(r, 100, sim_chance(r, 100) ? 3600 * 1000 : 30000));
}

void sim_do_server_fault(sim_world *w, sim_phone *p, sim_random *r)
{
    static const struct {
        disk_fault fault;
        const char *text;
    } FAULTS[] = {
        { DISK_KILL_BEFORE, "killed before its next commit" },
        { DISK_KILL_AFTER, "killed after its next commit" },
        { DISK_EIO_LOST, "next commit fails" },
        { DISK_EIO_KEPT, "next commit fails and is there" },
        { DISK_FULL, "disk full" },
    };
    (void)p;
    if (w->disk.is_full) {
        w->disk.is_full = false;
        sim_say(w, ": room on the disk");
        return;
    }
    if (sim_chance(r, 150)) {
        w->disk.map_full_in = 1 + sim_pick(r, 40);
        sim_say(w, ": larger map at put %u", w->disk.map_full_in);
        return;
    }
    uint32_t at = sim_pick(r, sizeof FAULTS / sizeof FAULTS[0]);
    w->disk.fault = FAULTS[at].fault;
    sim_say(w, ": %s", FAULTS[at].text);
}

/* The server's clock steps; now and then by years, and then its machine may be started again. */
void sim_do_server_clock(sim_world *w, sim_phone *p, sim_random *r)
{
    int64_t before_ms = w->server_skew_ms;
    (void)p;
    if (sim_chance(r, 400))
        w->server_skew_ms = 0;
    else if (sim_chance(r, 900))
        w->server_skew_ms += sim_between(r, -7200, 7200) * 1000;
    else
        w->server_skew_ms = sim_between(r, -5, 5) * 365 * 86400 * INT64_C(1000);
    if (w->is_up && own_clock_look(w->rooms.sync.clock))
        sim_count(w, SIM_SERVER_CLOCK);
    sim_say(w, " off by %lld s", (long long)(w->server_skew_ms / 1000));
    int64_t set_ms = st_ms_between(before_ms, w->server_skew_ms);
    if ((set_ms > OWN_CLOCK_DAY_MS || set_ms < -OWN_CLOCK_DAY_MS) && w->now_ms / 1000 % 2 == 0)
        sim_server_stop(w, 5000);
}

/* The state is thrown away and folded from the log again: it must be the same, byte for byte. */
void sim_do_rebuild(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    (void)r;
    if (!w->is_up || w->disk.is_full || w->disk.fault != DISK_GOOD)
        return;
    disk_image before = w->disk.synced;
    uint64_t entries = 0;
    st_error error = { 0 };
    if (w->plan->lies > 0)
        return;
    if (sync_rebuild(&w->rooms.sync, &entries, &error) != ST_OK)
        sim_fail(w, "rebuild: %s", error.detail);
    sim_count(w, SIM_REBUILD);
    char why[256];
    if (!sim_images_equal(&before, &w->disk.synced, why))
        sim_fail(w, "rebuild makes another book: %s", why);
}
