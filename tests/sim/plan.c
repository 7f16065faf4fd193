/* tests/sim/plan.c - makes the list of steps of a seed. Promises that the same seed gives the same
 * list, and that a step means the same whatever steps stand around it. */
#include "tests/sim/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    uint32_t weight;
    bool needs_phone;
} KINDS[PLAN_KINDS] = {
#define X(name, text, weight, needs_phone) [PLAN_##name] = { text, weight, needs_phone },
    PLAN_OPS(X)
#undef X
};

uint64_t sim_next(sim_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t sim_pick(sim_random *r, uint32_t below)
{
    return below == 0 ? 0 : (uint32_t)(sim_next(r) >> 33) % below;
}

bool sim_chance(sim_random *r, uint32_t permille)
{
    return sim_pick(r, 1000) < permille;
}

int64_t sim_between(sim_random *r, int64_t low, int64_t high)
{
    return low + (int64_t)(sim_next(r) >> 1) % (high - low + 1);
}

const char *plan_kind_name(plan_kind kind)
{
    return KINDS[kind].text;
}

bool plan_kind_needs_phone(plan_kind kind)
{
    return KINDS[kind].needs_phone;
}

/* In a calm world nothing breaks but the network; what people and the office do is the same. */
static bool is_rough_kind(plan_kind kind)
{
    return (kind >= PLAN_crash && kind <= PLAN_lose) || kind == PLAN_server_kill ||
           kind == PLAN_server_fault || kind == PLAN_server_clock;
}

static plan_kind pick_kind(sim_random *r, bool is_rough)
{
    uint32_t all = 0;
    for (int i = 0; i < PLAN_KINDS; i++)
        all += KINDS[i].weight;
    for (;;) {
        uint32_t at = sim_pick(r, all);
        int kind = 0;
        while (at >= KINDS[kind].weight)
            at -= KINDS[kind++].weight;
        if (is_rough || !is_rough_kind((plan_kind)kind))
            return (plan_kind)kind;
    }
}

/* Mostly seconds to minutes, now and then a night or a season. */
static uint32_t pick_wait(sim_random *r)
{
    if (sim_chance(r, 20))
        return (uint32_t)sim_between(r, 1000, 40 * 86400 * INT64_C(1000));
    if (sim_chance(r, 150))
        return (uint32_t)sim_between(r, 1000, 8 * 3600 * 1000);
    return (uint32_t)sim_between(r, 0, 120 * 1000);
}

static size_t pick_size(sim_random *r)
{
    if (sim_chance(r, 8))
        return (size_t)sim_between(r, 200, 1200);
    if (sim_chance(r, 150))
        return (size_t)sim_between(r, 60, 200);
    return (size_t)sim_between(r, 8, 60);
}

static uint32_t pick_phones(sim_random *r)
{
    if (sim_chance(r, 50))
        return 9 + sim_pick(r, 4);
    return sim_chance(r, 200) ? 6 + sim_pick(r, 3) : 3 + sim_pick(r, 3);
}

/* ---- themes: steps that belong together ---- */

#define THEME_KINDS 4u

/* A world has each of them with its own chance; its steps stand anywhere in the list, in the order
 * first, some of the middle, last. */
static const struct {
    uint32_t permille;
    bool is_rough; /* in rough worlds only */
    plan_kind first, last, middle[THEME_KINDS];
    uint32_t middle_most;
} THEMES[] = {
    { 350, true, PLAN_server_backup, PLAN_server_restore,
      { PLAN_server_backup, PLAN_server_restore, PLAN_sync, PLAN_everybody }, 3 },
    { 300, false, PLAN_erase, PLAN_erase, { PLAN_erase, PLAN_everybody, PLAN_set, PLAN_carry }, 4 },
    { 60, true, PLAN_copy_moved, PLAN_sync, { PLAN_sync, PLAN_set, PLAN_assign, PLAN_enrol }, 3 },
    { 100, true, PLAN_backup, PLAN_sync, { PLAN_set, PLAN_sync, PLAN_restore, PLAN_restore }, 6 },
    { 100, true, PLAN_many, PLAN_newcomer, { PLAN_newcomer, PLAN_set, PLAN_erase, PLAN_sync }, 4 },
    { 180, false, PLAN_attach, PLAN_want,
      { PLAN_attach, PLAN_sync, PLAN_want, PLAN_everybody }, 4 },
    { 120, true, PLAN_attach, PLAN_want,
      { PLAN_piece_kill, PLAN_crash_inside, PLAN_sync, PLAN_want }, 5 },
    { 60, false, PLAN_attach, PLAN_lost_file,
      { PLAN_lost_file, PLAN_lost_file, PLAN_attach, PLAN_sync }, 3 },
    { 60, true, PLAN_server_backup, PLAN_collect,
      { PLAN_attach, PLAN_sync, PLAN_attach, PLAN_collect }, 5 },
    { 60, false, PLAN_attach, PLAN_clear,
      { PLAN_attach, PLAN_clear, PLAN_want, PLAN_exchange }, 4 },
    { 150, false, PLAN_pack, PLAN_unpack,
      { PLAN_office_unpack, PLAN_set, PLAN_unpack, PLAN_pack }, 4 },
    { 150, false, PLAN_exchange, PLAN_exchange,
      { PLAN_exchange, PLAN_set, PLAN_sync, PLAN_attach }, 5 },
    { 250, false, PLAN_log_key, PLAN_sync,
      { PLAN_log_key, PLAN_sync, PLAN_set, PLAN_everybody }, 4 },
    { 120, true, PLAN_server_backup, PLAN_server_restore,
      { PLAN_log_key, PLAN_sync, PLAN_set, PLAN_server_kill }, 4 },
    { 250, true, PLAN_copy, PLAN_heirs, { PLAN_heirs, PLAN_sync, PLAN_set, PLAN_log_key }, 4 },
    { 250, false, PLAN_limit, PLAN_sync,
      { PLAN_attach, PLAN_attach, PLAN_limit, PLAN_everybody }, 5 },
    { 400, false, PLAN_held_file, PLAN_decide,
      { PLAN_held_file, PLAN_everybody, PLAN_decide, PLAN_lift }, 4 },
    { 250, true, PLAN_copy, PLAN_sync,
      { PLAN_attach, PLAN_exchange, PLAN_sync, PLAN_heirs }, 6 },
    { 400, true, PLAN_lose_set, PLAN_sync,
      { PLAN_lose_set, PLAN_set, PLAN_sync, PLAN_everybody }, 4 },
    { 300, false, PLAN_take_unit, PLAN_sync,
      { PLAN_take_unit, PLAN_set, PLAN_sync, PLAN_exchange }, 4 },
    { 150, false, PLAN_many, PLAN_suspend_midway,
      { PLAN_suspend_midway, PLAN_suspend_midway, PLAN_sync, PLAN_lift }, 5 },
    { 250, false, PLAN_attach, PLAN_suspend_midway,
      { PLAN_everybody, PLAN_everybody, PLAN_suspend_midway, PLAN_lift }, 5 },
    { 300, true, PLAN_twins, PLAN_everybody,
      { PLAN_set, PLAN_sync, PLAN_carry, PLAN_twins }, 4 },
    { 500, false, PLAN_stranger, PLAN_stranger,
      { PLAN_stranger, PLAN_finalise, PLAN_everybody, PLAN_decide }, 8 },
    { 250, false, PLAN_everybody, PLAN_type_over,
      { PLAN_type_over, PLAN_everybody, PLAN_type_over, PLAN_draft }, 5 },
    { 700, false, PLAN_everybody, PLAN_spoil,
      { PLAN_spoil, PLAN_set, PLAN_sync, PLAN_everybody }, 6 },
    { 150, true, PLAN_many, PLAN_spoil,
      { PLAN_spoil, PLAN_everybody, PLAN_crash_inside, PLAN_server_fault }, 6 },
    { 100, false, PLAN_take_unit, PLAN_erase,
      { PLAN_spoil, PLAN_erase, PLAN_take_unit, PLAN_sync }, 5 },
    { 700, false, PLAN_everybody, PLAN_everybody,
      { PLAN_tear, PLAN_decide, PLAN_tear, PLAN_sync }, 8 },
    { 700, false, PLAN_everybody, PLAN_everybody,
      { PLAN_tear, PLAN_set, PLAN_tear, PLAN_exchange }, 8 },
    { 300, false, PLAN_spoil, PLAN_sync,
      { PLAN_tear, PLAN_take_unit, PLAN_erase, PLAN_spoil }, 5 },
    { 200, true, PLAN_server_backup, PLAN_everybody,
      { PLAN_tear, PLAN_server_restore, PLAN_tear, PLAN_everybody }, 5 },
};
#define THEMES_COUNT   (sizeof THEMES / sizeof THEMES[0])
#define THEMES_SETS    3u /* the last so many */
#define THEMES_TEARING 1u /* and those before them */
#define THEMES_MENDING 3u /* and those before them */
#define THEMES_TYPING  1u /* and those before them */
#define THEMES_STRANGE 2u /* and those before them */
#define THEMES_LOSING  4u /* and those before them */
#define THEMES_WAITING 2u /* and those before them */
#define THEMES_KEYED   4u /* and those before them */

static bool has(uint64_t seed, uint64_t fixed, uint64_t fresh)
{
    return seed >= fixed && (seed < PLAN_FRESH || seed >= fresh);
}

bool plan_is_keyed(uint64_t seed)
{
    return has(seed, PLAN_KEYED, PLAN_FRESH_KEYED);
}

bool plan_writes_in_syncs(uint64_t seed)
{
    return has(seed, PLAN_WRITING, PLAN_FRESH_WRITING);
}

bool plan_loses(uint64_t seed)
{
    return has(seed, PLAN_LOSING, PLAN_FRESH_LOSING);
}

bool plan_mends(uint64_t seed)
{
    return has(seed, PLAN_MENDING, PLAN_FRESH_MENDING);
}

bool plan_tears(uint64_t seed)
{
    return has(seed, PLAN_TEARING, PLAN_FRESH_TEARING);
}

bool plan_tears_sets(uint64_t seed)
{
    return has(seed, PLAN_TEARING_SETS, PLAN_FRESH_TEARING_SETS);
}

static size_t themes_of(uint64_t seed)
{
    size_t count = THEMES_COUNT;
    if (!plan_tears_sets(seed))
        count -= THEMES_SETS;
    if (!plan_tears(seed))
        count -= THEMES_TEARING;
    if (!plan_mends(seed))
        count -= THEMES_MENDING;
    if (!has(seed, PLAN_TYPING, PLAN_FRESH_TYPING))
        count -= THEMES_TYPING;
    if (!has(seed, PLAN_STRANGE, PLAN_FRESH_STRANGE))
        count -= THEMES_STRANGE;
    if (!plan_loses(seed))
        count -= THEMES_LOSING;
    if (!has(seed, PLAN_WAITING, PLAN_FRESH_WAITING))
        count -= THEMES_WAITING;
    return plan_is_keyed(seed) ? count : count - THEMES_KEYED;
}

static void insert(sim_plan *plan, size_t at, plan_kind kind, uint32_t phone, sim_random *r)
{
    plan_op *op = &plan->ops[at];
    memmove(op + 1, op, (plan->count - at) * sizeof *op);
    plan->count++;
    op->kind = kind;
    op->phone = phone;
    op->wait_ms = pick_wait(r);
    op->salt = sim_next(r);
}

/* Its steps behind one another, all with one phone, with anything between them. */
static void add_theme(sim_plan *plan, size_t theme, sim_random *r)
{
    size_t at = 2 + sim_pick(r, (uint32_t)plan->count / 2);
    uint32_t middle = sim_pick(r, THEMES[theme].middle_most + 1);
    uint32_t phone = sim_pick(r, plan->phones);
    for (uint32_t i = 0; i < middle + 2; i++) {
        plan_kind kind = i == 0            ? THEMES[theme].first
                         : i == middle + 1 ? THEMES[theme].last
                                           : THEMES[theme].middle[sim_pick(r, THEME_KINDS)];
        insert(plan, at, kind, phone, r);
        at += 1 + sim_pick(r, (uint32_t)(plan->count - at));
    }
}

static void add_themes(sim_plan *plan)
{
    sim_random r = { plan->seed ^ 0x7468656d65u };
    size_t most = plan->count;
    size_t count = themes_of(plan->seed);
    for (size_t i = 0; i < count; i++)
        most += THEMES[i].middle_most + 2;
    plan->ops = realloc(plan->ops, most * sizeof *plan->ops);
    if (plan->ops == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        if (sim_chance(&r, THEMES[i].permille) && (plan->is_rough || !THEMES[i].is_rough))
            add_theme(plan, i, &r);
    for (size_t i = 0; i < plan->count; i++)
        plan->ops[i].index = (uint32_t)i;
}

/* Somebody writes on the phone that has just begun to sync. */
static void write_in_syncs(sim_plan *plan)
{
    sim_random r = { plan->seed ^ 0x7772697465u };
    for (size_t i = 0; i + 2 < plan->count; i++) {
        if (plan->ops[i].kind != PLAN_sync || !sim_chance(&r, 600))
            continue;
        for (size_t k = 1; k <= 2; k++) {
            plan->ops[i + k].phone = plan->ops[i].phone;
            plan->ops[i + k].wait_ms = sim_pick(&r, 1500);
        }
    }
}

sim_plan plan_make(uint64_t seed)
{
    static const uint32_t TROUBLE[] = { 0, 30, 100, 100, 300, 600 };
    sim_random r = { seed };
    sim_plan plan;
    memset(&plan, 0, sizeof plan);
    plan.seed = seed;
    plan.phones = pick_phones(&r);
    plan.first_phone = sim_pick(&r, PLAN_PHONES_MAX);
    plan.trouble_permille = TROUBLE[sim_pick(&r, 6)];
    plan.is_rough = !sim_chance(&r, 250);
    plan.count = pick_size(&r);
    plan.ops = calloc(plan.count, sizeof *plan.ops);
    if (plan.ops == NULL)
        abort();
    for (size_t i = 0; i < plan.count; i++) {
        plan_op *op = &plan.ops[i];
        op->index = (uint32_t)i;
        /* The first steps give the world something to talk about. */
        op->kind = i < 2 ? PLAN_new_record : pick_kind(&r, plan.is_rough);
        op->phone = sim_pick(&r, plan.phones + (plan.is_rough ? PLAN_CLONES_MAX : 0));
        op->wait_ms = pick_wait(&r);
        op->salt = sim_next(&r);
    }
    if (seed >= PLAN_THEMED)
        add_themes(&plan);
    if (plan_writes_in_syncs(seed))
        write_in_syncs(&plan);
    return plan;
}

void plan_free(sim_plan *plan)
{
    free(plan->ops);
    plan->ops = NULL;
    plan->count = 0;
}

static bool read_number(const char **at, unsigned long *out)
{
    char *end = NULL;
    *out = strtoul(*at, &end, 10);
    bool good = end != *at;
    *at = end;
    return good;
}

bool plan_keep(sim_plan *plan, const char *list)
{
    size_t kept = 0;
    const char *at = list;
    while (*at != '\0') {
        unsigned long from = 0, to = 0;
        if (!read_number(&at, &from))
            return false;
        to = from;
        if (*at == '-') {
            at++;
            if (!read_number(&at, &to))
                return false;
        }
        if (*at == ',')
            at++;
        else if (*at != '\0')
            return false;
        for (size_t i = kept; i < plan->count; i++)
            if (plan->ops[i].index >= from && plan->ops[i].index <= to)
                plan->ops[kept++] = plan->ops[i];
    }
    plan->count = kept;
    return true;
}

void plan_list(const sim_plan *plan, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->count && used + 32 < PLAN_LIST_BYTES;) {
        size_t end = i;
        while (end + 1 < plan->count && plan->ops[end + 1].index == plan->ops[end].index + 1)
            end++;
        const char *comma = i == 0 ? "" : ",";
        int len = end == i ? snprintf(text + used, 32, "%s%u", comma, plan->ops[i].index)
                           : snprintf(text + used, 32, "%s%u-%u", comma, plan->ops[i].index,
                                      plan->ops[end].index);
        used += (size_t)len;
        i = end + 1;
    }
}
