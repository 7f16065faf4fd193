/* tests/sim/newcomer.c - a phone that was never there before: an empty store that is enrolled and
 * reads the book from the beginning, by snapshots where there are any. Promises nothing of its own:
 * at rest it must show what every other phone shows. */
#include "tests/sim/sim.h"

#include <stdlib.h>

void sim_do_newcomer(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_port port;
    uint32_t person = sim_pick(r, SIM_PEOPLE);
    (void)p;
    if (!w->is_up)
        return;
    sim_phone *fresh = sim_phone_slot(w);
    if (fresh == NULL)
        return;
    if (sotay_memory_open(5000 + ++w->copies, &port, NULL) != SOTAY_OK)
        abort();
    fresh->person = person;
    fresh->slow = 1;
    fresh->boot_ms = w->now_ms - 5000;
    sim_say(w, " phone %u of %s", sim_phone_no(w, fresh), SIM_LOGINS[person]);
    sim_phone_open(w, fresh, &port);
    if (!sim_enrol_again(w, fresh, 0)) {
        sim_phone_close(fresh); /* the server went away meanwhile */
        return;
    }
    sim_count(w, SIM_NEWCOMER);
    (void)sim_sync_start(w, fresh, NULL, w->plan->trouble_permille);
    sim_phone_look(w, fresh);
}
