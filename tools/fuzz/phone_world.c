/* tools/fuzz/phone_world.c - see phone_world.h. */
#include "tools/fuzz/phone_world.h"

#include <string.h>

#include "tools/fuzz/fuzz.h"

static const sotay_open_how HOW = { NULL, true, "vi", 420 };

static sotay_id visit(sotay_client *client, const char *place)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", place } };
    sotay_id id;
    FUZZ_MUST(sotay_record_new(client, "visit", EDGE_UNIT, (sotay_pairs){ list, 3 }, &id, NULL) ==
              SOTAY_OK);
    return id;
}

void phone_world_make(phone_world *world)
{
    sotay_client *client = NULL;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_id sent;
    world->e = edge_new();
    FUZZ_MUST(sotay_memory_open(101, &world->port, NULL) == SOTAY_OK);
    sotay_memory_clock(&world->port, INT64_C(1773302400000), 1000);
    FUZZ_MUST(sotay_open(&world->port, &HOW, &client, NULL) == SOTAY_OK);
    FUZZ_MUST(edge_enrol(world->e, client, 0, NULL) == SOTAY_OK);
    FUZZ_MUST(edge_sync(world->e, client, NULL, NULL) == SOTAY_OK);
    world->sent = visit(client, "nhà văn hóa");
    FUZZ_MUST(edge_sync(world->e, client, NULL, NULL) == SOTAY_OK);
    FUZZ_MUST(edge_sync(world->e, client, NULL, NULL) == SOTAY_OK);
    world->unsent = visit(client, "trạm y tế");
    FUZZ_MUST(sotay_sync_begin(client, &sync, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_sync_next(sync, &request, NULL) == SOTAY_OK);
    sotay_sync_free(sync);
    sotay_close(client);
    memcpy(sent.b, world->sent.b, sizeof sent.b);
    edge_write(world->e, &sent, EDGE_PLACE, "nơi khác");
    edge_write(world->e, &sent, EDGE_NOTE, "ghi chú của văn phòng");
}

phone_world *phone_world_get(void)
{
    static phone_world world;
    if (world.e == NULL)
        phone_world_make(&world);
    return &world;
}

void phone_world_open(const phone_world *world, sotay_port *out_port, sotay_client **out_client)
{
    FUZZ_MUST(sotay_memory_copy(&world->port, false, out_port, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_open(out_port, &HOW, out_client, NULL) == SOTAY_OK);
}

void phone_world_close(sotay_port *port, sotay_client *client)
{
    sotay_close(client);
    sotay_port_close(port);
}
