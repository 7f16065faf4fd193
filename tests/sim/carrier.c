/* tests/sim/carrier.c - somebody carries the sealed sets of others: a device of its own that sends
 * what it found, in any order, doubled, with holes. It reads nothing. Promises that what it sends
 * is what officers signed, byte for byte. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

#define LEVEL 1

void sim_carrier_make(sim_world *w, sim_template *from)
{
    st_enrol_ask ask = { .version = 1 };
    st_enrol_answer answer;
    uint8_t seed[32], text[ST_ENROL_SIGN_BYTES];
    st_arena arena;
    if (SIM_CTL(w, "user", "add", "mang", "--name", "mang", "--role", "officer") != 0)
        abort();
    memset(seed, 7, sizeof seed);
    st_sign_keypair(seed, ask.sign_key, from->carrier_secret);
    memset(ask.cosign_key, 8, sizeof ask.cosign_key);
    strcpy(ask.label, "mang");
    if (sync_code_make(w->rooms.writer, "mang", ask.code, NULL) != ST_OK)
        abort();
    st_enrol_sign_text(&ask, w->rooms.keys.log_public, text);
    st_sign(from->carrier_secret, text, sizeof text, ask.proof);
    st_arena_init(&arena, 4u << 20);
    if (sync_enrol(w->rooms.writer, &ask, &arena, &answer, NULL) != ST_OK)
        abort();
    st_arena_reset(&arena);
    from->carrier = st_device_id(ask.sign_key);
}

/* One ask that wants no pages, then the sets. */
static void write_stream(sim_world *w, const sim_set *const *sets, uint32_t count, st_buffer *out)
{
    st_frame_writer *stream = NULL;
    st_frame frame;
    if (st_frame_writer_new(LEVEL, out, &stream, NULL) != ST_OK)
        abort();
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_ASK;
    frame.as.ask.version = 1;
    frame.as.ask.answer_bytes_max = 1;
    frame.as.ask.wall_ms = w->now_ms;
    sim_put_frame(stream, &frame);
    for (uint32_t i = 0; i < count; i++) {
        memset(&frame, 0, sizeof frame);
        frame.kind = ST_FRAME_SET;
        frame.as.set.bytes = sets[i]->bytes;
        frame.as.set.len = sets[i]->len;
        sim_put_frame(stream, &frame);
    }
    if (st_frame_writer_end(stream, NULL) != ST_OK)
        abort();
    st_frame_writer_free(stream);
}

static void sign_head(sim_world *w, const st_buffer *stream, uint8_t out[ST_HEAD_BYTES])
{
    st_head head;
    st_buffer text;
    memset(&head, 0, sizeof head);
    head.device = w->from->carrier;
    head.counter = ++w->carrier_counter;
    st_buffer_init(&text, 4096);
    st_hash hash = st_sha256(stream->data, stream->len);
    if (st_head_sign_text(&head, "POST", "/v1/sync", &hash, &w->rooms.keys.log, &text) != ST_OK)
        abort();
    st_sign(w->from->carrier_secret, text.data, text.len, head.signature);
    st_buffer_free(&text);
    st_head_encode(&head, out);
}

void sim_carrier_send(sim_world *w, const sim_set *const *sets, uint32_t count)
{
    st_buffer body, reply = { 0 };
    uint8_t head[ST_HEAD_BYTES];
    st_buffer_init(&body, ST_BODY_BYTES_MAX);
    write_stream(w, sets, count, &body);
    sign_head(w, &body, head);
    net_message request = {
        .kind = NET_REQUEST, .phone = UINT32_MAX, .path = "/v1/sync", .len = sizeof head + body.len
    };
    request.bytes = sim_must(malloc(request.len));
    memcpy(request.bytes, head, sizeof head);
    memcpy(request.bytes + sizeof head, body.data, body.len);
    int status = sim_server_answer(w, &request, &reply);
    sim_say(w, " %u sets: status %d", count, status);
    bool refused = status != 200 && status != 0 && status < 500;
    free(request.bytes);
    st_buffer_free(&body);
    st_buffer_free(&reply);
    if (refused)
        sim_fail(w, "the carrier's request is refused: status %d", status);
}

void sim_do_carry(sim_world *w, sim_phone *p, sim_random *r)
{
    const sim_set *sets[SIM_STICK_MAX + 1];
    (void)p;
    if (w->stick.count == 0 || !w->is_up)
        return;
    uint32_t most = (uint32_t)w->stick.count + 1;
    uint32_t count = 1 + sim_pick(r, sim_chance(r, 500) && most > 3 ? 3 : most);
    bool newest = sim_chance(r, 500); /* what came last is carried first */
    for (uint32_t i = 0; i < count; i++) {
        size_t at = newest ? (w->stick.next + 2 * SIM_STICK_MAX - 1 - i) % SIM_STICK_MAX
                           : sim_pick(r, (uint32_t)w->stick.count);
        sets[i] = &w->stick.sets[at % w->stick.count];
    }
    sim_carrier_send(w, sets, count);
}
