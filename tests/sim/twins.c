/* tests/sim/twins.c - a store is copied, and both write before either hears of the other: two
 * branches of one device, both of which reach the server. */
#include "tests/sim/sim.h"

static sim_phone *newest_copy(sim_world *w, const bool was_there[PLAN_CLONES_MAX])
{
    sim_phone *slots = &w->phones[w->plan->phones];
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        if (slots[i].exists && !was_there[i])
            return &slots[i];
    return NULL;
}

void sim_do_twins(sim_world *w, sim_phone *p, sim_random *r)
{
    bool was_there[PLAN_CLONES_MAX];
    for (size_t i = 0; i < PLAN_CLONES_MAX; i++)
        was_there[i] = w->phones[w->plan->phones + i].exists;
    sim_do_clone(w, p, r);
    sim_phone *twin = newest_copy(w, was_there);
    if (twin == NULL)
        return;
    sim_count(w, SIM_TWINS);
    sim_phone *both[2] = { p, twin };
    for (size_t i = 0; i < 2; i++)
        for (uint32_t n = 1 + sim_pick(r, 3); n > 0 && both[i]->exists; n--) {
            sim_say(w, "\n          phone %u:", sim_phone_no(w, both[i]));
            sim_phone_clock(w, both[i]);
            if (sim_chance(r, 300))
                sim_do_new_record(w, both[i], r);
            else
                sim_do_set(w, both[i], r);
            sim_phone_look(w, both[i]);
        }
    /* Now and then somebody else takes one of them there, or none goes by itself. */
    for (size_t i = 0; i < 2; i++)
        if (both[i]->exists && sim_chance(r, 700))
            sim_sync_whole(w, both[i], w->plan->trouble_permille);
}
