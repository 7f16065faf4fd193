/* tests/sim/verdict.c - what the server must have made of each entry, worked out once more from the
 * sets and their order in the log alone, as docs/protocol.md 5, 7.5 and 7.6 say it: which set is of
 * another branch, which change waits for its record, behind another, under a finalise, on a full
 * path, or because its device or its author may not. Written from that page; it shares no code with
 * server/sync and asks no table of the server. */
#include "tests/sim/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SIBLINGS_MAX 64u
#define BIT(reason)  (UINT32_C(1) << (unsigned)(reason))

/* Fields of the forms of the catalogue that say who may. */
enum { DEVICE_ID = 1, DEVICE_PERSON = 4, DEVICE_STATUS = 8 };
enum { STATUS_SUSPENDED = 2, STATUS_REVOKED = 3 };
enum { ASSIGNED_PERSON = 1, ASSIGNED_UNIT = 3, ASSIGNED_ACTIVE = 7 };

static bool same_id(const st_id *a, const st_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static uint64_t last_of(const st_set *set)
{
    return set->first + set->changes_count - 1;
}

/* ---- another branch ---- */

static bool goes_on_from(const st_set *set, const st_set *before)
{
    return set->has_prev && memcmp(set->prev.b, before->hash.b, sizeof set->prev.b) == 0;
}

/* Does the stored set say that the new one is of another branch? */
static bool denies(const st_set *stored, const st_set *set)
{
    if (stored->first <= last_of(set) && set->first <= last_of(stored))
        return true;
    if (last_of(stored) + 1 == set->first)
        return !goes_on_from(set, stored);
    if (stored->first < set->first)
        return false;
    if (last_of(set) + 1 == stored->first && !goes_on_from(stored, set))
        return true;
    return strcmp(stored->bucket.s, set->bucket.s) == 0 && stored->here < set->first;
}

bool model_is_branch(const model *m, const st_set *set)
{
    for (size_t i = 0; i < m->sets_count; i++) {
        const model_set *other = &m->sets[i];
        if (!same_id(&other->set->device, &set->device))
            continue;
        if (other->is_fork ? goes_on_from(set, other->set) : denies(other->set, set))
            return true;
    }
    return false;
}

/* ---- values of the catalogue, at the place in the log that is being read ---- */

static const st_op *op_of(const st_change *change, uint16_t field)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == field)
            return &change->ops[i];
    return NULL;
}

static bool is_id(const st_change *change, uint16_t field, const st_id *id)
{
    const st_op *op = op_of(change, field);
    return op != NULL && op->value.kind == ST_VALUE_ID && op->value.len == sizeof id->b &&
           memcmp(op->value.data, id->b, sizeof id->b) == 0;
}

static bool creates(const model_change *change, const char *form)
{
    return change->verdict == MODEL_IN && change->change->creates &&
           strcmp(change->change->form.s, form) == 0;
}

static bool is_named(const st_op *op, const st_dot *dot)
{
    for (uint32_t i = 0; i < op->replaces_count; i++)
        if (op->replaces[i].counter == dot->counter &&
            same_id(&op->replaces[i].device, &dot->device))
            return true;
    return false;
}

/* Does a change that is in replace what this dot says at the path? */
static bool is_gone(const model *m, const st_change *change, const st_path *path)
{
    for (size_t i = 0; i < m->count; i++) {
        const st_op *op = m->changes[i].verdict == MODEL_IN &&
                                  same_id(&m->changes[i].change->record, &change->record)
                              ? model_op_at(m->changes[i].change, path)
                              : NULL;
        if (op != NULL && is_named(op, &change->dot))
            return true;
    }
    return false;
}

/* Among values that stand beside each other the one with the highest stamp is shown. */
static bool is_shown_before(const st_change *a, const st_change *b)
{
    return a->hlc != b->hlc ? a->hlc > b->hlc : st_dot_cmp(&a->dot, &b->dot) > 0;
}

/* The value that a field of a record shows. The office alone writes these, but in several epochs:
 * what it said in a lost one comes back later, beside what it says now. */
static int64_t shown(const model *m, const st_id *record, uint16_t field, int64_t otherwise)
{
    const st_change *best = NULL;
    int64_t number = otherwise;
    for (size_t i = 0; i < m->count; i++) {
        const st_change *change = m->changes[i].change;
        const st_op *op = m->changes[i].verdict == MODEL_IN && same_id(&change->record, record)
                              ? op_of(change, field)
                              : NULL;
        if (op == NULL || is_gone(m, change, &op->path) ||
            (best != NULL && !is_shown_before(change, best)))
            continue;
        best = change;
        number = op->value.kind == ST_VALUE_INT ? op->value.number : otherwise;
    }
    return number;
}

/* Of two records of one key the first counts: the other is of an epoch that was lost, after which
 * the office let the same key in once more. */
static const st_change *device_of(const model *m, const st_id *device)
{
    for (size_t i = 0; i < m->count; i++)
        if (creates(&m->changes[i], "device") && is_id(m->changes[i].change, DEVICE_ID, device))
            return m->changes[i].change;
    return NULL;
}

typedef struct {
    bool is_known, now, ever;
} access;

/* May, or might, the person of the device write in the bucket? is_known: an officer's own device in
 * the bucket of a unit. */
static access access_of(const model *m, const st_set *set, const st_change *device)
{
    access may = { false, false, false };
    const char *unit = strstr(set->bucket.s, "/unit/");
    const st_op *person = device == NULL ? NULL : op_of(device, DEVICE_PERSON);
    st_id id;
    if (unit == NULL || person == NULL || person->value.len != sizeof id.b ||
        set->via != ST_VIA_DEVICE || set->role != ST_ROLE_OFFICER)
        return may;
    memcpy(id.b, person->value.data, sizeof id.b);
    may.is_known = true;
    for (size_t i = 0; i < m->count; i++) {
        const st_change *change = m->changes[i].change;
        const st_op *target = creates(&m->changes[i], "assignment")
                                  ? op_of(change, ASSIGNED_UNIT)
                                  : NULL;
        if (target == NULL || target->value.len != strlen(unit + 6) ||
            memcmp(target->value.data, unit + 6, target->value.len) != 0 ||
            !is_id(change, ASSIGNED_PERSON, &id))
            continue;
        may.ever = true;
        may.now = may.now || shown(m, &change->record, ASSIGNED_ACTIVE, 1) != 0;
    }
    return may;
}

/* ---- one change ---- */

static bool is_created(const model *m, const st_id *record)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->changes[i].verdict == MODEL_IN && m->changes[i].change->creates &&
            same_id(&m->changes[i].change->record, record))
            return true;
    return false;
}

static bool waits_behind(const model *m, const st_change *change)
{
    for (size_t i = 0; i < m->count; i++) {
        const st_change *other = m->changes[i].change;
        if (m->changes[i].verdict == MODEL_HELD && same_id(&other->record, &change->record) &&
            same_id(&other->dot.device, &change->dot.device) &&
            other->dot.counter < change->dot.counter)
            return true;
    }
    return false;
}

/* Would the path have more live operations than it may? */
static bool is_full(const model *m, const st_change *change, const st_op *op)
{
    size_t all = 0, live = 0;
    for (int pass = 0; pass < 2 && (pass == 0 || all >= SIBLINGS_MAX); pass++)
        for (size_t i = 0; i < m->count; i++) {
            const st_change *other = m->changes[i].change;
            if (m->changes[i].verdict != MODEL_IN || !same_id(&other->record, &change->record) ||
                model_op_at(other, &op->path) == NULL)
                continue;
            all += pass == 0;
            live += pass == 1 && !is_named(op, &other->dot) && !is_gone(m, other, &op->path);
        }
    return live >= SIBLINGS_MAX && !is_gone(m, change, &op->path);
}

static bool is_over_limit(const model *m, const st_change *change)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].verb != ST_VERB_REMARK && is_full(m, change, &change->ops[i]))
            return true;
    return false;
}

static bool has_file(const st_change *change)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].verb == ST_VERB_ITEM || change->ops[i].verb == ST_VERB_KEEP)
            return true;
    return false;
}

#define BY_ITSELF                                                                                  \
    (BIT(ST_HOLD_NO_RECORD) | BIT(ST_HOLD_FROZEN) | BIT(ST_HOLD_WAITS) | BIT(ST_HOLD_VERSION))
#define OF_DEVICE (BIT(ST_HOLD_REVOKED) | BIT(ST_HOLD_SUSPENDED))

/* Written on a device whose author knew that the office had the record in hand, or had decided. */
static uint32_t must_wait_under(const st_set *set, const st_change *change)
{
    for (uint32_t i = 0; set->via == ST_VIA_DEVICE && i < change->under_count; i++) {
        st_act_kind kind = change->under[i].kind;
        if (kind == ST_ACT_APPROVE || kind == ST_ACT_VOID ||
            (kind == ST_ACT_REVIEW && !change->amend))
            return BIT(change->act == ST_ACT_NONE ? ST_HOLD_FROZEN : ST_HOLD_STATE);
    }
    return 0;
}

/* All reasons for which the change must wait, whoever wrote it. */
static uint32_t must_wait(const model *m, const st_set *set, const st_change *change)
{
    uint32_t must = must_wait_under(set, change);
    if (waits_behind(m, change))
        must |= BIT(ST_HOLD_WAITS);
    if (model_is_frozen(change))
        must |= BIT(ST_HOLD_FROZEN);
    if (change->unknown || set->fold_version > 1)
        must |= BIT(ST_HOLD_VERSION);
    if (!change->creates && !is_created(m, &change->record))
        must |= BIT(ST_HOLD_NO_RECORD);
    if (is_over_limit(m, change))
        must |= BIT(ST_HOLD_LIMIT);
    return must;
}

/* The same, of its device and author. */
static uint32_t must_wait_for(const model *m, const st_change *device, access may,
                              const st_set *set)
{
    uint32_t must = 0;
    int64_t status = device == NULL ? 0 : shown(m, &device->record, DEVICE_STATUS, 0);
    if (status == STATUS_SUSPENDED)
        must |= BIT(ST_HOLD_SUSPENDED);
    if (status == STATUS_REVOKED)
        must |= BIT(ST_HOLD_REVOKED);
    if (may.is_known && (set->scope_rev == 0 ? !may.now : !may.ever))
        must |= BIT(ST_HOLD_SCOPE);
    return must;
}

bool model_judge(const model *m, const st_set *set, const st_change *change, st_hold reason,
                 char *why)
{
    const st_change *device = device_of(m, &set->device);
    access may = access_of(m, set, device);
    uint32_t must = must_wait(m, set, change) | must_wait_for(m, device, may, set);
    uint32_t can = must;
    /* What the model does not work out: forms, values, roles, periods; how many files there are. */
    can |= ~(BY_ITSELF | OF_DEVICE | BIT(ST_HOLD_SCOPE) | BIT(ST_HOLD_LIMIT) | BIT(ST_HOLD_FORK));
    if (has_file(change))
        can |= BIT(ST_HOLD_LIMIT);
    if (!may.is_known || !may.now)
        can |= BIT(ST_HOLD_SCOPE);
    if (m->epochs > 0)
        can |= OF_DEVICE; /* the office's note of it outlived the book */
    if (reason == ST_HOLD_NONE ? must == 0 : (can & BIT(reason)) != 0)
        return true;
    (void)snprintf(why, 256, "change %" PRIu64 " is held for %s, by the model for %#x",
                   change->dot.counter,
                   reason == ST_HOLD_NONE ? "nothing" : st_hold_name(reason), (unsigned)must);
    return false;
}

bool model_may_release(const model *m, const model_change *change, char *why)
{
    bool is_fine = change->reason != ST_HOLD_FROZEN;
    if (change->reason == ST_HOLD_NO_RECORD)
        is_fine = change->change->creates || is_created(m, &change->change->record);
    if (change->reason == ST_HOLD_WAITS)
        is_fine = !waits_behind(m, change->change);
    if (!is_fine)
        (void)snprintf(why, 256, "change %" PRIu64 " is let in by itself and is held for %s",
                       change->change->dot.counter, st_hold_name(change->reason));
    return is_fine;
}

/* Its device was lifted: not after a restore, where a lift that comes back frees nothing. */
static bool is_lifted(const model *m, const st_dot *dot)
{
    const st_change *device = m->epochs > 0 ? NULL : device_of(m, &dot->device);
    int64_t status = device == NULL ? STATUS_SUSPENDED
                                    : shown(m, &device->record, DEVICE_STATUS, 0);
    return status != STATUS_SUSPENDED && status != STATUS_REVOKED;
}

const model_change *model_stuck(const model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const model_change *change = &m->changes[i];
        if (change->verdict != MODEL_HELD)
            continue;
        if ((change->reason == ST_HOLD_NO_RECORD && is_created(m, &change->change->record)) ||
            (change->reason == ST_HOLD_SUSPENDED && is_lifted(m, &change->change->dot)) ||
            (change->reason == ST_HOLD_WAITS && !waits_behind(m, change->change)))
            return change;
    }
    return NULL;
}
