/* tools/fuzz/phone_world.h - an officer's phone with a book behind it: the state that every answer
 * of a hostile server meets. Made once, always the same. */
#ifndef SOTAY_TOOLS_FUZZ_PHONE_WORLD_H
#define SOTAY_TOOLS_FUZZ_PHONE_WORLD_H

#include "tests/unit/client-lib/edge.h"
#include "tests/unit/client-lib/edge_forms.h"

typedef struct {
    edge *e;         /* the honest server of that book */
    sotay_port port; /* closed store: enrolled, synced, one visit sent, one sealed and not sent */
    sotay_id sent, unsent;
} phone_world;

phone_world *phone_world_get(void);
/* Another one like it, with a server of its own. */
void phone_world_make(phone_world *world);
/* A copy of that phone, opened. Ended by phone_world_close. */
void phone_world_open(const phone_world *world, sotay_port *out_port, sotay_client **out_client);
void phone_world_close(sotay_port *port, sotay_client *client);

#endif
