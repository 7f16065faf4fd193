/* tests/sim/stranger.c - a client that is not ours, on the carrier's device: it writes what our own
 * library refuses to save, so that the server meets each reason for a hold. Its sets are rightly
 * signed and chained. Promises that each change has one fault of its own at most, and that all its
 * sets come again each time, so that a server that was put back hears of them. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model.h"

#define PERSON    "mang"
#define FLOOD     70u /* values of one path, more than it may have */
#define PLACE     15u /* fields of a visit: texts that an officer writes, */
#define NOTE      22u
#define PLANNED   20u /* and a date of the office */
#define TRIES_MAX 64u

typedef struct {
    sim_world *w;
    sim_random *r;
    st_arena arena;
    st_set set;
    uint32_t unit;
    st_hold wish;
} letter;

static void *must_get(letter *l, size_t bytes)
{
    return sim_must(st_arena_get(&l->arena, bytes));
}

/* Changes of that record, each with one text, stamped one after the other. */
static void write_texts(letter *l, const st_id *record, uint32_t count)
{
    static const char TEXT[] = "chu cua may khac";
    sim_stranger *s = &l->w->stranger;
    l->set.first = s->count == 0 ? 1 : s->last[s->count - 1] + 1;
    l->set.changes = must_get(l, count * sizeof *l->set.changes);
    l->set.changes_count = count;
    memset(l->set.changes, 0, count * sizeof *l->set.changes);
    for (uint32_t i = 0; i < count; i++) {
        st_change *change = &l->set.changes[i];
        st_op *op = must_get(l, sizeof *op);
        memset(op, 0, sizeof *op);
        op->path.kind = ST_PATH_FIELD;
        op->path.field = PLACE;
        op->value.kind = ST_VALUE_TEXT;
        op->value.data = (const uint8_t *)TEXT;
        op->value.len = sizeof TEXT - 1;
        change->dot = (st_dot){ l->w->from->carrier, l->set.first + i };
        change->prev = i == 0 ? s->here[l->unit] : change->dot.counter - 1;
        change->record = *record;
        change->ops = op;
        change->ops_count = 1;
        change->hlc = ((st_hlc)l->w->now_ms << 16) + l->set.first + i;
        change->wall_ms = l->w->now_ms;
    }
}

static st_op *op_of(letter *l)
{
    return (st_op *)(uintptr_t)l->set.changes[0].ops;
}

/* Under a finalise that is in force, if the record has one. */
static bool put_under(letter *l, model *m, const st_id *record)
{
    model_view view;
    st_change *change = &l->set.changes[0];
    model_view_of(m, record, NULL, &view);
    st_under *under = must_get(l, (view.acts_count + 1) * sizeof *under);
    bool is_final = false;
    for (size_t i = 0; i < view.acts_count; i++) {
        const st_change *act = view.acts[i]->change;
        under[i] = (st_under){ act->dot, act->act };
        is_final = is_final || act->act == ST_ACT_FINALISE;
    }
    change->under = under;
    change->under_count = (uint32_t)view.acts_count;
    return is_final;
}

/* A record of that unit which is in the log; with a finalise in force, if `final`. False: none. */
static bool pick_record(letter *l, model *m, bool final, st_id *out)
{
    for (uint32_t i = 0; i < TRIES_MAX && l->w->records_count > 0; i++) {
        const sim_record *record = &l->w->records[sim_pick(l->r, (uint32_t)l->w->records_count)];
        model_view view;
        bool is_there = false, is_final = false;
        memcpy(out->b, record->id.b, sizeof out->b);
        for (size_t k = 0; k < m->count && !is_there; k++)
            is_there = m->changes[k].verdict == MODEL_IN && m->changes[k].change->creates &&
                       memcmp(m->changes[k].change->record.b, out->b, sizeof out->b) == 0;
        if (record->unit != l->unit || !is_there)
            continue;
        model_view_of(m, out, NULL, &view);
        for (size_t k = 0; k < view.acts_count; k++)
            is_final = is_final || view.acts[k]->change->act == ST_ACT_FINALISE;
        if (is_final || !final)
            return true;
    }
    return false;
}

static void break_value(letter *l)
{
    op_of(l)->value = (st_value){ .kind = ST_VALUE_INT, .number = 7 };
}

static void break_role(letter *l)
{
    op_of(l)->path.field = PLANNED;
    op_of(l)->value = (st_value){ .kind = ST_VALUE_INT, .number = 20600 };
}

static void break_state(letter *l)
{
    l->set.changes[0].ops_count = 0;
    l->set.changes[0].act = ST_ACT_REVIEW;
}

static void break_version(letter *l)
{
    l->set.fold_version = 2;
}

static void break_form(letter *l)
{
    st_change *change = &l->set.changes[0];
    change->creates = true;
    (void)snprintf(change->form.s, sizeof change->form.s, "visit");
    change->form_version = 9999;
    change->random[0] = (uint8_t)change->dot.counter;
    change->record = st_record_id(&change->dot, change->random);
}

static void break_record(letter *l)
{
    l->set.changes[0].record.b[0] ^= 0xff;
}

/* A fault, and the reason that it must be held for. */
static const struct {
    st_hold hold;
    void (*make)(letter *l);
} FAULTS[] = {
    { ST_HOLD_NONE, NULL },          { ST_HOLD_VALUE, break_value },
    { ST_HOLD_ROLE, break_role },    { ST_HOLD_STATE, break_state },
    { ST_HOLD_FORM, break_form },    { ST_HOLD_VERSION, break_version },
    { ST_HOLD_NO_RECORD, break_record },
};

/* Frozen, with another change behind it now and then; or one of the faults. */
static bool write_letter(letter *l, model *m)
{
    st_id record;
    bool is_flood = sim_chance(l->r, 60), is_frozen = !is_flood && sim_chance(l->r, 500);
    l->unit = sim_chance(l->r, 150) ? 1 : 0;
    if (!pick_record(l, m, is_frozen, &record))
        return false;
    write_texts(l, &record, is_flood ? FLOOD : 1 + sim_pick(l->r, 2));
    if (is_frozen)
        return put_under(l, m, &record);
    if (is_flood)
        return true;
    if (sim_chance(l->r, 120)) {
        l->unit = l->unit == 0 ? 1 : 0; /* the record belongs to the other bucket */
        l->wish = ST_HOLD_BUCKET;
        l->set.changes_count = 1;
        l->set.changes[0].prev = l->w->stranger.here[l->unit];
        return true;
    }
    size_t at = sim_pick(l->r, sizeof FAULTS / sizeof FAULTS[0]);
    l->wish = FAULTS[at].hold;
    if (FAULTS[at].make != NULL) {
        l->set.changes_count = 1;
        FAULTS[at].make(l);
    }
    return true;
}

static void sign(letter *l)
{
    sim_world *w = l->w;
    sim_stranger *s = &w->stranger;
    uint8_t seed[ST_SEED_BYTES], text[ST_SET_SIGN_BYTES], signature[ST_SIGNATURE_BYTES];
    st_unsigned_set built;
    st_buffer bytes;
    st_error error = { 0 };
    st_set *set = &l->set;
    set->device = w->from->carrier;
    set->format = 1;
    set->has_prev = s->count > 0;
    set->prev = s->prev;
    set->here = s->here[l->unit];
    (void)snprintf(set->bucket.s, sizeof set->bucket.s, "01477/unit/%s", SIM_UNIT_NAMES[l->unit]);
    set->role = ST_ROLE_OFFICER;
    set->fold_version = set->fold_version == 0 ? 1 : set->fold_version;
    memset(seed, (int)s->count + 1, sizeof seed);
    if (st_set_build(set, seed, &built, &error) != ST_OK)
        sim_fail(w, "another client's set: %s", error.detail);
    st_set_sign_text(&w->rooms.keys.log, &set->device, &built.hash, text);
    st_sign(w->from->carrier_secret, text, sizeof text, signature);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    if (st_set_finish(set, &built, signature, &bytes, &error) != ST_OK)
        sim_fail(w, "another client's set: %s", error.detail);
    s->prev = built.hash;
    s->here[l->unit] = st_set_last(set);
    s->first[s->count] = set->first;
    s->last[s->count] = st_set_last(set);
    s->wish[s->count] = l->wish;
    s->sets[s->count++] = (sim_set){ bytes.data, bytes.len };
    st_unsigned_set_free(&built);
}

static void write_one(sim_world *w, sim_random *r)
{
    model m;
    letter l = { .w = w, .r = r, .wish = ST_HOLD_NONE };
    st_arena_init(&l.arena, (size_t)16 << 20);
    sim_read_log(w, &m);
    if (write_letter(&l, &m)) {
        sign(&l);
        sim_count(w, SIM_STRANGE);
        sim_say(w, " for %s", st_hold_name(l.wish));
    }
    model_free(&m);
    st_arena_reset(&l.arena);
}

void sim_do_stranger(sim_world *w, sim_phone *p, sim_random *r)
{
    sim_stranger *s = &w->stranger;
    const sim_set *sets[SIM_STRANGE_MAX];
    (void)p;
    if (!w->is_up)
        return;
    for (uint32_t unit = 0; unit < 2 && !s->has_unit && sim_chance(r, 800); unit++)
        if (SIM_CTL(w, "assign", PERSON, SIM_UNIT_NAMES[unit]) == 0)
            s->has_unit = unit == 1;
    for (uint32_t n = 1 + sim_pick(r, 3); n > 0 && s->count < SIM_STRANGE_MAX && w->is_up; n--)
        write_one(w, r);
    for (size_t i = 0; i < s->count; i++)
        sets[i] = &s->sets[i];
    if (s->count > 0 && w->is_up)
        sim_carrier_send(w, sets, (uint32_t)s->count);
}

static st_hold wish_of(const sim_stranger *s, uint64_t counter)
{
    for (size_t i = 0; i < s->count; i++)
        if (counter >= s->first[i] && counter <= s->last[i])
            return s->wish[i];
    return ST_HOLD_NONE;
}

/* None of these is anything that our own client lets its people write. */
static bool is_of_strangers(st_hold reason)
{
    return reason == ST_HOLD_FROZEN || reason == ST_HOLD_FORM || reason == ST_HOLD_VERSION ||
           reason == ST_HOLD_VALUE || reason == ST_HOLD_ROLE || reason == ST_HOLD_STATE ||
           reason == ST_HOLD_BUCKET || reason == ST_HOLD_LATE;
}

void sim_check_stranger(sim_world *w, const model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const model_change *change = &m->changes[i];
        const st_dot *dot = &change->change->dot;
        bool is_ours = memcmp(dot->device.b, w->from->carrier.b, sizeof dot->device.b) != 0;
        st_hold wish = is_ours ? ST_HOLD_NONE : wish_of(&w->stranger, dot->counter);
        if (wish != ST_HOLD_NONE && change->first_reason == ST_HOLD_NONE)
            sim_fail(w, "another client's change %llu is not held for %s",
                     (unsigned long long)dot->counter, st_hold_name(wish));
        if (is_of_strangers(change->first_reason) && change->first_reason != wish &&
            (is_ours || change->first_reason != ST_HOLD_FROZEN))
            sim_fail(w, "change %llu of %s is held for %s", (unsigned long long)dot->counter,
                     is_ours ? "a phone" : "another client", st_hold_name(change->first_reason));
    }
}
