/* tests/sim/phone.c - a phone of the simulator: the library's memory port behind a tap that can
 * kill it or fail a call, its clocks, and the words that its store holds. Promises that a phone
 * that died inside a call never goes on with what it had in memory. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THUMBNAIL_BYTES 96u

const char *const SIM_LOGINS[SIM_PEOPLE] = { "an", "binh", "chi", "dung", "em", "giang" };
const char *const SIM_UNIT_NAMES[SIM_UNITS] = { "01477-x001", "01477-x002", "01477-x003" };

/* ---- the tap ---- */

/* True when this call must not be: the phone is dead, or dies now, or the call fails. */
static bool tap_stops(sim_tap *tap, sotay_error *error)
{
    bool stops = tap->is_dead;
    if (!stops && tap->die_in > 0 && --tap->die_in == 0)
        stops = tap->is_dead = true;
    if (!stops && tap->fail_in > 0 && --tap->fail_in == 0)
        stops = true;
    if (stops && error != NULL) {
        error->code = SOTAY_E_STORAGE;
        (void)snprintf(error->detail, sizeof error->detail, "sim: the phone's store failed");
    }
    return stops;
}

static int tap_begin(void *context, bool write, sotay_error *error)
{
    sim_tap *tap = context;
    return tap_stops(tap, error) ? SOTAY_E_STORAGE
                                 : tap->inner.begin(tap->inner.context, write, error);
}

static int tap_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    sim_tap *tap = context;
    return tap_stops(tap, error) ? SOTAY_E_STORAGE
                                 : tap->inner.get(tap->inner.context, key, out_value, error);
}

/* Which rows are written, and how long they are: what seals a value is drawn elsewhere. */
static void note_written(sim_tap *tap, sotay_slice key, sotay_slice value)
{
    const uint8_t *bytes = key.data;
    for (size_t i = 0; i < key.len; i++)
        *tap->written = *tap->written * 31 + bytes[i] + 1;
    *tap->written = *tap->written * 31 + value.len;
}

/* True when there is no room for this value. */
static bool is_full(sim_tap *tap, sotay_error *error)
{
    if (tap->full_in == 0 || --tap->full_in > 0)
        return false;
    if (tap->full_for == 0)
        return false; /* there is again */
    tap->full_in = 1;
    tap->full_for--;
    tap->was_full = true;
    if (error != NULL) {
        error->code = SOTAY_E_FULL;
        (void)snprintf(error->detail, sizeof error->detail, "sim: the phone's store is full");
    }
    return true;
}

static int tap_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    sim_tap *tap = context;
    tap->puts++;
    note_written(tap, key, value);
    if (!tap->is_dead && is_full(tap, error))
        return SOTAY_E_FULL;
    return tap_stops(tap, error) ? SOTAY_E_STORAGE
                                 : tap->inner.put(tap->inner.context, key, value, error);
}

static int tap_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                    sotay_slice *out_value, sotay_error *error)
{
    sim_tap *tap = context;
    if (tap_stops(tap, error))
        return SOTAY_E_STORAGE;
    return tap->inner.seek(tap->inner.context, key, forward, out_key, out_value, error);
}

/* A commit ends its transaction whatever it answers. */
static int tap_end(sim_tap *tap, int (*commit)(void *context, sotay_error *error),
                   sotay_error *error)
{
    bool was_dead = tap->is_dead;
    if (!tap_stops(tap, error))
        return commit(tap->inner.context, error);
    if (!was_dead && tap->is_dead && tap->die_keeps)
        tap->kept = commit(tap->inner.context, NULL) == SOTAY_OK;
    else
        tap->inner.abort(tap->inner.context);
    return SOTAY_E_STORAGE;
}

static int tap_commit(void *context, sotay_error *error)
{
    sim_tap *tap = context;
    return tap_end(tap, tap->inner.commit, error);
}

static int tap_commit_soon(void *context, sotay_error *error)
{
    sim_tap *tap = context;
    return tap_end(tap, tap->inner.commit_soon, error);
}

static void tap_abort(void *context)
{
    sim_tap *tap = context;
    tap->inner.abort(tap->inner.context);
}

static void tap_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    sim_tap *tap = context;
    tap->inner.now(tap->inner.context, out_wall_ms, out_mono_ms);
}

static int tap_place(void *context, uint8_t out_boot[8], uint8_t out_install[8], sotay_error *error)
{
    sim_tap *tap = context;
    int rc = tap->inner.place(tap->inner.context, out_boot, out_install, error);
    memcpy(out_install, tap->install, sizeof tap->install);
    return rc;
}

static int tap_random(void *context, void *data, size_t len, sotay_error *error)
{
    sim_tap *tap = context;
    uint8_t *at = data;
    (void)error;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(sim_next(&tap->random) >> 40);
    return SOTAY_OK;
}

static int tap_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    sim_tap *tap = context;
    return tap->inner.secret(tap->inner.context, create, out_secret, error);
}

static int tap_sign(void *context, const uint8_t public_key[32], sotay_slice data,
                    uint8_t out_signature[64], sotay_error *error)
{
    sim_tap *tap = context;
    return tap_stops(tap, error)
               ? SOTAY_E_STORAGE
               : tap->inner.sign(tap->inner.context, public_key, data, out_signature, error);
}

static int tap_key(void *context, bool fresh, uint8_t out_public[32], sotay_error *error)
{
    sim_tap *tap = context;
    return tap->inner.key(tap->inner.context, fresh, out_public, error);
}

/* Pictures are not painted here: a thumbnail is bytes that depend on the picture's. */
static int tap_picture(void *context, const sotay_picture_ask *ask, sotay_picture *out,
                       sotay_error *error)
{
    const uint8_t *from = ask->data;
    uint8_t *bytes = malloc(THUMBNAIL_BYTES);
    (void)context;
    (void)error;
    if (bytes == NULL)
        return SOTAY_E_MEMORY;
    for (size_t i = 0; i < THUMBNAIL_BYTES; i++)
        bytes[i] = from[i * 7 % ask->len];
    *out = (sotay_picture){ bytes, THUMBNAIL_BYTES, 16, 12 };
    return SOTAY_OK;
}

/* ---- a phone's life ---- */

static void fill_outer(sim_phone *p)
{
    sotay_port outer = {
        .context = p->tap,
        .begin = tap_begin,
        .get = tap_get,
        .put = tap_put,
        .seek = tap_seek,
        .commit = tap_commit,
        .abort = tap_abort,
        .now = tap_now,
        .place = tap_place,
        .random = tap_random,
        .secret = tap_secret,
        .sign = p->tap->inner.sign == NULL ? NULL : tap_sign,
        .key = p->tap->inner.key == NULL ? NULL : tap_key,
        .picture = tap_picture,
        .commit_soon = tap_commit_soon,
    };
    p->outer = outer;
}

void sim_phone_clock(sim_world *w, sim_phone *p)
{
    int64_t wall_ms = w->now_ms + p->skew_ms;
    if (wall_ms > p->wall_max_ms)
        p->wall_max_ms = wall_ms;
    sotay_memory_clock(&p->tap->inner, wall_ms, (uint64_t)(w->now_ms - p->boot_ms));
}

/* Does another copy of the same store draw from there? */
static bool draws_alike(const sim_world *w, const sim_phone *p, uint32_t burnt)
{
    for (size_t i = 0; i < w->phones_count; i++) {
        const sim_phone *q = &w->phones[i];
        if (q != p && q->burnt == burnt && q->devices_count > 0 &&
            memcmp(&q->devices[0], &p->devices[0], sizeof q->devices[0]) == 0)
            return true;
    }
    return false;
}

/* The library's port makes keys of its own: it must not repeat those of the store it was copied
 * from, nor of another copy. */
static void draw_anew(sim_world *w, sim_phone *p)
{
    uint8_t burnt[64 * 32];
    uint32_t n = ++w->copies;
    while (draws_alike(w, p, p->burnt + n))
        n++;
    p->burnt += n;
    for (; n > 0; n--)
        (void)!p->tap->inner.random(p->tap->inner.context, burnt, sizeof burnt, NULL);
}

/* A device keeps its place. */
static void take_place(sim_world *w, sim_phone *p)
{
    static const uint8_t NONE[8];
    uint8_t boot[8];
    if (memcmp(p->install, NONE, sizeof NONE) == 0)
        (void)!p->tap->inner.place(p->tap->inner.context, boot, p->install, NULL);
    if (p->is_new_device)
        st_put_u64(p->install, sim_next(&w->random) | 1);
    if (p->draws_anew)
        draw_anew(w, p);
    p->is_new_device = p->draws_anew = false;
    memcpy(p->tap->install, p->install, sizeof p->tap->install);
}

void sim_phone_open(sim_world *w, sim_phone *p, sotay_port *port)
{
    const sotay_open_how how = { NULL, true, "vi", 420 };
    sotay_error error = { 0 };
    p->exists = true;
    p->tap = sim_must(calloc(1, sizeof *p->tap));
    p->tap->inner = *port;
    p->tap->written = &p->written;
    p->tap->random.state = sim_next(&w->random);
    take_place(w, p);
    fill_outer(p);
    if (p->wall_max_ms == 0)
        p->wall_max_ms = w->now_ms;
    sim_phone_clock(w, p);
    sotay_memory_pending(&p->tap->inner, p->pends_commit, p->pends_sign);
    int rc = sotay_open(&p->outer, &how, &p->client, &error);
    while (rc == SOTAY_PENDING)
        rc = sotay_memory_settle(&p->tap->inner, p->client, SOTAY_OK, &error);
    if (rc != SOTAY_OK)
        sim_fail(w, "phone %u: its store does not open: %s", sim_phone_no(w, p), error.detail);
    sim_phone_note(p);
}

void sim_phone_close(sim_phone *p)
{
    if (!p->exists)
        return;
    sotay_sync_free(p->sync);
    p->sync = NULL;
    sotay_close(p->client);
    p->client = NULL;
    sotay_port_close(&p->tap->inner);
    free(p->tap);
    p->tap = NULL;
    if (p->backup.context != NULL)
        sotay_port_close(&p->backup);
    memset(&p->backup, 0, sizeof p->backup);
    p->exists = false;
}

void sim_phone_restart(sim_world *w, sim_phone *p)
{
    sotay_port after;
    p->died_off = p->died_off || p->at_pieces;
    p->at_pieces = false;
    if (sotay_memory_copy(&p->tap->inner, false, &after, NULL) != SOTAY_OK)
        abort();
    sotay_sync_free(p->sync);
    p->sync = NULL;
    sotay_close(p->client);
    p->client = NULL;
    sotay_port_close(&p->tap->inner);
    free(p->tap);
    sim_phone_open(w, p, &after);
}

int sim_settle(sim_world *w, sim_phone *p, int rc)
{
    sotay_error error = { 0 };
    while (rc == SOTAY_PENDING) {
        int result = SOTAY_OK;
        sim_count(w, SIM_PENDING);
        if (w->plan->is_rough && !w->is_calm && sim_chance(&w->random, 15)) {
            result = SOTAY_E_STORAGE;
            sim_count(w, SIM_PENDING_FAILED);
        }
        rc = sotay_memory_settle(&p->tap->inner, p->client, result, &error);
    }
    return rc;
}

void sim_phone_ready(sim_world *w, sim_phone *p)
{
    p->tap->dead_before = p->tap->is_dead;
    sim_phone_clock(w, p);
    if (p->sync != NULL)
        sim_sync_drop(w, p);
}

void sim_phone_writes(sim_world *w, sim_phone *p)
{
    p->tap->dead_before = p->tap->is_dead;
    if (p->sync == NULL || p->enrols || !plan_writes_in_syncs(w->plan->seed)) {
        sim_phone_ready(w, p);
        return;
    }
    sim_phone_clock(w, p);
    sim_count(w, SIM_WROTE_IN_SYNC);
}

void sim_phone_power(sim_world *w, sim_phone *p)
{
    if (sotay_memory_cut(&p->tap->inner))
        sim_count(w, SIM_POWER);
}

void sim_phone_look(sim_world *w, sim_phone *p)
{
    if (p->tap->was_full)
        sim_count(w, SIM_PHONE_FULL);
    p->tap->was_full = false;
    if (!p->tap->is_dead)
        return;
    sim_say(w, " [phone %u died%s]", sim_phone_no(w, p), p->tap->kept ? ", commit kept" : "");
    sim_count(w, SIM_PHONE_CRASH_INSIDE);
    if (p->tap->kept)
        sim_count(w, SIM_PHONE_CRASH_KEPT);
    if (p->tap->die_cuts)
        sim_phone_power(w, p);
    sim_phone_restart(w, p);
}

uint32_t sim_phone_no(const sim_world *w, const sim_phone *p)
{
    return (uint32_t)(p - w->phones);
}

void sim_phone_note(sim_phone *p)
{
    sotay_who who;
    sotay_whoami(p->client, &who);
    size_t at = 0;
    while (at < p->devices_count && memcmp(p->devices[at].b, who.device.b, 16) != 0)
        at++;
    if (at == p->devices_count && at < SIM_DEVICES_MAX && who.is_enrolled)
        p->devices[p->devices_count++] = who.device;
}

bool sim_phone_is_copied(const sim_phone *p)
{
    sotay_who who;
    sotay_whoami(p->client, &who);
    return who.is_copied;
}

sim_phone *sim_phone_slot(sim_world *w)
{
    for (size_t i = w->plan->phones; i < w->plan->phones + PLAN_CLONES_MAX; i++) {
        if (i < w->phones_count && w->phones[i].exists)
            continue;
        if (i >= w->phones_count)
            w->phones_count = i + 1;
        memset(&w->phones[i], 0, sizeof w->phones[i]);
        return &w->phones[i];
    }
    return NULL;
}

bool sim_is_twice(const sim_world *w, const st_id *device)
{
    for (size_t i = 0; i < w->twice_count; i++)
        if (memcmp(w->twice[i].b, device->b, sizeof device->b) == 0)
            return true;
    return false;
}

void sim_phone_twice(sim_world *w, const sim_phone *p)
{
    sotay_who who;
    st_id device;
    sotay_whoami(p->client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    if (!sim_is_twice(w, &device) && w->twice_count < SIM_TWICE_MAX)
        w->twice[w->twice_count++] = who.device;
}

/* ---- marks ---- */

void sim_mark_text(uint32_t mark, char text[16])
{
    (void)snprintf(text, 16, "chu%05u", mark);
}

uint32_t sim_mark_new(sim_world *w, char text[16])
{
    uint32_t mark = (uint32_t)w->marks_count;
    if (mark == SIM_MARKS_MAX)
        sim_fail(w, "too many marks: raise SIM_MARKS_MAX");
    memset(&w->marks[mark], 0, sizeof w->marks[mark]);
    w->marks_count++;
    sim_mark_text(mark, text);
    return mark;
}

bool sim_holds_has(const sim_holds *holds, uint32_t mark)
{
    return (holds->bits[mark / 8] & 1u << mark % 8) != 0;
}

void sim_mark_keep(sim_world *w, sim_phone *p, uint32_t mark)
{
    w->marks[mark].phone = sim_phone_no(w, p);
    p->holds.bits[mark / 8] |= (uint8_t)(1u << mark % 8);
}
